/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the executor reads of VFs that are vGPUs, and how it sets their types. */
#include "support/test.h"

#include <errno.h>
#include <stdlib.h>

#include "base/str.h"
#include "nvidia/vgpu-verbs.h"
#include "support/tree.h"
#include "sys/sysfs.h"

#define PF "pci0000:00/0000:00:01.0/0000:41:00.0"
#define VF(n) "pci0000:00/0000:00:01.0/0000:41:00." #n

struct fixture {
	struct tree t;
	struct verb_context c;
	uint8_t data[16384];
};

static void vf_make(const struct tree *t, unsigned index, const char *path)
{
	char file[256];
	const struct tree_function f = { path, 0x10de, 0x26b9, 0x030200, "nvidia", -1, 0 };
	tree_function(t, &f);
	tree_vf(t, PF, index, path);
	STR_FORMAT(file, "devices/%s/nvidia/current_vgpu_type", path);
	tree_file(t, file, "0\n");
	STR_FORMAT(file, "devices/%s/nvidia/creatable_vgpu_types", path);
	tree_file(t, file,
		  "ID    : vGPU Name\n1154  : NVIDIA L40S-12Q\n  1163 : GRID L40S-12C\nnonsense\n");
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	const struct tree_function pf = { PF, 0x10de, 0x26b9, 0x030200, "nvidia", -1, 0 };
	tree_init(&f->t);
	tree_function(&f->t, &pf);
	f->c = (struct verb_context){ .sysfs = f->t.fd,
				      .device_path = PF,
				      .device_addr = "0000:41:00.0",
				      .data = f->data,
				      .size = sizeof(f->data) };
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	tree_done(&f->t);
	free(f);
	return 0;
}

static struct gpu_report report_of(const struct fixture *f)
{
	struct gpu_report r;
	memcpy(&r, f->data, sizeof(r));
	return r;
}

static struct vgpu_type type_of(const struct fixture *f, uint32_t i)
{
	struct vgpu_type t;
	memcpy(&t, f->data + sizeof(struct gpu_report) + i * sizeof(t), sizeof(t));
	return t;
}

static struct vgpu_vf vf_of(const struct fixture *f, uint32_t i)
{
	struct vgpu_vf v;
	memcpy(&v,
	       f->data + sizeof(struct gpu_report) +
		       report_of(f).n_types * sizeof(struct vgpu_type) + i * sizeof(v),
	       sizeof(v));
	return v;
}

/* What the library named is in front. */
static uint32_t library_says(struct fixture *f)
{
	const struct gpu_report r = { .n_types = 2 };
	const struct vgpu_type types[] = {
		{ .id = 1156, .name = "L40S-24Q", .memory = 24576, .most = 2, .creatable = 1 },
		{ .id = 1154, .name = "L40S-12Q", .memory = 12288, .most = 4 },
	};
	memcpy(f->data, &r, sizeof(r));
	memcpy(f->data + sizeof(r), types, sizeof(types));
	return sizeof(r) + sizeof(types);
}

static void test_vgpu_read_without_vfs_says_nothing_more(void **state)
{
	struct fixture *f = *state;
	uint32_t len = library_says(f), before = len;
	assert_int_equal(vgpu_read(&f->c, &len), 0);
	assert_int_equal(len, before);
	assert_int_equal(type_of(f, 0).creatable, 1);
}

static void test_vgpu_read_joins_files_and_library(void **state)
{
	struct fixture *f = *state;
	vf_make(&f->t, 0, VF(4));
	vf_make(&f->t, 1, VF(5));
	tree_file(&f->t, "devices/" VF(4) "/nvidia/current_vgpu_type", "1154\n");
	tree_file(&f->t, "devices/" VF(4) "/nvidia/placement_id", "3\n");
	uint32_t len = library_says(f);
	assert_int_equal(vgpu_read(&f->c, &len), 0);
	const struct gpu_report r = report_of(f);
	assert_int_equal(r.n_types, 3);
	assert_int_equal(r.n_vfs, 2);
	assert_int_equal(len,
			 sizeof(r) + 3 * sizeof(struct vgpu_type) + 2 * sizeof(struct vgpu_vf));
	/* What the library said of it stays; what could be made is what the files say. */
	assert_int_equal(type_of(f, 0).creatable, 0);
	assert_int_equal(type_of(f, 1).creatable, 1);
	assert_int_equal(type_of(f, 1).memory, 12288);
	assert_string_equal(type_of(f, 2).name, "L40S-12C");
	assert_int_equal(type_of(f, 2).id, 1163);
	assert_int_equal(vf_of(f, 0).type, 1154);
	assert_int_equal(vf_of(f, 0).framework, VGPU_VENDOR);
	assert_int_equal(vf_of(f, 0).placement, 3);
	assert_int_equal(vf_of(f, 0).instance, -1);
	assert_int_equal(vf_of(f, 1).type, 0);
}

static void test_vgpu_read_tells_the_interfaces_apart(void **state)
{
	struct fixture *f = *state;
	const struct tree_function vf = { VF(4), 0x10de, 0x26b9, 0x030200, "nvidia", -1, 0 };
	const struct gpu_report none = { .n_types = 0 };
	uint32_t len = sizeof(none);
	tree_function(&f->t, &vf);
	tree_vf(&f->t, PF, 0, VF(4));
	memcpy(f->data, &none, sizeof(none));
	assert_int_equal(vgpu_read(&f->c, &len), 0);
	assert_int_equal(vf_of(f, 0).framework, VGPU_UNKNOWN);
	tree_dir(&f->t, "devices/" VF(4) "/mdev_supported_types/nvidia-1");
	memcpy(f->data, &none, sizeof(none));
	len = sizeof(none);
	assert_int_equal(vgpu_read(&f->c, &len), 0);
	assert_int_equal(vf_of(f, 0).framework, VGPU_MDEV);
}

static void mdev_type(const struct tree *t, const char *parent, const char *id, const char *name,
		      const char *left)
{
	char file[256];
	STR_FORMAT(file, "devices/%s/mdev_supported_types/%s/name", parent, id);
	tree_file(t, file, name);
	STR_FORMAT(file, "devices/%s/mdev_supported_types/%s/available_instances", parent, id);
	tree_file(t, file, left);
}

/* Of VFs that make mdevs one is asked which has none. */
static void test_vgpu_read_mdevs_of_vfs(void **state)
{
	struct fixture *f = *state;
	for (unsigned i = 0; i < 2; i++) {
		const char *path = i ? VF(5) : VF(4);
		const struct tree_function vf = { path, 0x10de, 0x26b9, 0x030200, "nvidia", -1, 0 };
		tree_function(&f->t, &vf);
		tree_vf(&f->t, PF, i, path);
		mdev_type(&f->t, path, "nvidia-1154", "NVIDIA L40S-12Q\n", i ? "1\n" : "0\n");
		mdev_type(&f->t, path, "nvidia-1156", "GRID L40S-24Q\n", "0\n");
		mdev_type(&f->t, path, "other-1", "NVIDIA L40S-1Q\n", "1\n");
	}
	tree_dir(&f->t, "devices/" VF(4) "/8f0c1c36-0000-4000-8000-00000000000a");
	uint32_t len = library_says(f);
	assert_int_equal(vgpu_read(&f->c, &len), 0);
	assert_int_equal(report_of(f).n_types, 2);
	assert_int_equal(report_of(f).n_vfs, 2);
	assert_int_equal(type_of(f, 0).creatable, 0);
	assert_int_equal(type_of(f, 1).creatable, 1);
	assert_string_equal(type_of(f, 1).name, "L40S-12Q");
	assert_int_equal(vf_of(f, 1).framework, VGPU_MDEV);
	assert_int_equal(vf_of(f, 1).index, 1);
}

/* A GPU that makes them itself has no VFs, and what the library does not name is named by the driver. */
static void test_vgpu_read_mdevs_of_the_gpu(void **state)
{
	struct fixture *f = *state;
	const struct gpu_report none = { .change = 1 };
	uint32_t len = sizeof(none);
	memcpy(f->data, &none, sizeof(none));
	mdev_type(&f->t, PF, "nvidia-232", "GRID T4-4Q\n", "3\n");
	mdev_type(&f->t, PF, "nvidia-233", "GRID T4-8Q\n", "0\n");
	tree_dir(&f->t, "devices/" PF "/8f0c1c36-0000-4000-8000-00000000000a");
	assert_int_equal(vgpu_read(&f->c, &len), 0);
	assert_int_equal(report_of(f).change, 1);
	assert_int_equal(report_of(f).n_types, 2);
	assert_int_equal(report_of(f).n_vfs, 1);
	for (uint32_t i = 0; i < 2; i++)
		assert_int_equal(type_of(f, i).creatable, type_of(f, i).id == 232);
	assert_int_equal(vf_of(f, 0).index, -1);
	assert_int_equal(vf_of(f, 0).framework, VGPU_MDEV);
	assert_int_equal(vf_of(f, 0).type, 0);
}

static void test_vgpu_read_too_much_leaves_the_report(void **state)
{
	struct fixture *f = *state;
	vf_make(&f->t, 0, VF(4));
	uint32_t len = library_says(f), before = len;
	f->c.size = len + 8;
	assert_int_equal(vgpu_read(&f->c, &len), -ENOBUFS);
	assert_int_equal(len, before);
	assert_int_equal(report_of(f).n_vfs, 0);
}

static void set(struct fixture *f, uint32_t id, uint8_t flag, struct step_result *r)
{
	const struct step s = { .target.vf = 0, .number = id, .flag = flag };
	(void)STR_COPY(f->c.path, VF(4));
	*r = (struct step_result){ .id = 1 };
	vgpu_type_set(&f->c, &s, r);
}

static void test_vgpu_type_set_writes_and_tells_what_it_changed(void **state)
{
	struct fixture *f = *state;
	struct step_result r;
	vf_make(&f->t, 0, VF(4));
	set(f, 1154, 0, &r);
	assert_int_equal(r.status, STEP_DONE);
	assert_int_equal(report_of(f).change, 1);
	assert_int_equal(vf_of(f, 0).type, 1154);
	/* It may be ours, or not. */
	set(f, 1154, 1, &r);
	assert_int_equal(r.status, STEP_NOTHING);
	set(f, 1154, 0, &r);
	assert_int_equal(r.status, STEP_FAILED);
	assert_string_equal(r.reason, "foreign");
	set(f, 1163, 1, &r);
	assert_string_equal(r.reason, "foreign");
	assert_int_equal(vf_of(f, 0).type, 1154);
	/* A file of the disk keeps what is behind the text that is written. */
	tree_file(&f->t, "devices/" VF(4) "/nvidia/current_vgpu_type", "7\n");
	set(f, 0, 0, &r);
	assert_int_equal(r.status, STEP_DONE);
	set(f, 0, 0, &r);
	assert_int_equal(r.status, STEP_NOTHING);
}

static void place(struct fixture *f, uint32_t id, uint32_t placement, struct step_result *r)
{
	const struct step s = { .number = id, .flag = 1, .number2 = placement };
	(void)STR_COPY(f->c.path, VF(4));
	*r = (struct step_result){ .id = 1 };
	vgpu_type_set(&f->c, &s, r);
}

#define PARAMS "devices/" VF(4) "/nvidia/vgpu_params"

static void params_are(const struct fixture *f, const char *text)
{
	char now[256];
	ssize_t n = sysfs_read(f->c.sysfs, PARAMS, now, sizeof(now));
	assert_true(n >= 0);
	assert_string_equal(now, text);
}

static void test_vgpu_type_set_tells_its_guest_where_it_begins(void **state)
{
	struct fixture *f = *state;
	struct step_result r;
	vf_make(&f->t, 0, VF(4));
	tree_file(&f->t, PARAMS, "disable_vnc=1");
	place(f, 1154, 1 + 24, &r);
	assert_int_equal(r.status, STEP_DONE);
	params_are(f, "vgpu-placement-id=24,disable_vnc=1");
	assert_int_equal(vf_of(f, 0).asked, 24);
	place(f, 1154, 1 + 24, &r);
	assert_int_equal(r.status, STEP_NOTHING);
	place(f, 1154, 1 + 48, &r);
	assert_int_equal(r.status, STEP_DONE);
	params_are(f, "vgpu-placement-id=48,disable_vnc=1");
	/* The next one on that VF is not told so. */
	tree_file(&f->t, PARAMS, "vgpu-placement-id=0");
	place(f, 0, 0, &r);
	assert_int_equal(vf_of(f, 0).asked, -1);
}

static void test_vgpu_type_set_that_cannot_tell_fails(void **state)
{
	struct fixture *f = *state;
	struct step_result r;
	vf_make(&f->t, 0, VF(4));
	place(f, 1154, 1, &r);
	assert_int_equal(r.status, STEP_FAILED);
	assert_string_equal(r.reason, "placement");
	assert_int_equal(vf_of(f, 0).type, 1154);
}

static void test_vgpu_params_placement_is_one_of_several(void **state)
{
	(void)state;
	assert_int_equal(vgpu_params_placement(""), -1);
	assert_int_equal(vgpu_params_placement("vgpu-placement-id=0"), 0);
	assert_int_equal(vgpu_params_placement("disable_vnc=1, vgpu-placement-id=12\n"), 12);
	assert_int_equal(vgpu_params_placement("disable_vnc=1,vgpu-placement-id=12,enable_uvm=1"),
			 12);
	assert_int_equal(vgpu_params_placement("vgpu-placement-id="), -1);
	assert_int_equal(vgpu_params_placement("vgpu-placement-id=256"), -1);
	assert_int_equal(vgpu_params_placement("my-vgpu-placement-id=3"), -1);
}

static void test_vgpu_type_set_without_files_is_told(void **state)
{
	struct fixture *f = *state;
	struct step_result r;
	const struct tree_function vf = { VF(4), 0x10de, 0x26b9, 0x030200, "nvidia", -1, 0 };
	tree_function(&f->t, &vf);
	tree_vf(&f->t, PF, 0, VF(4));
	set(f, 1154, 0, &r);
	assert_int_equal(r.status, STEP_FAILED);
	assert_string_equal(r.reason, "no-interface");
}

static void test_vgpu_vfs_set_that_is_so_already_runs_nothing(void **state)
{
	struct fixture *f = *state;
	struct step s = { .target.vf = -1 };
	struct step_result r = { .id = 1 };
	vgpu_vfs_set(&f->c, &s, &r);
	assert_int_equal(r.status, STEP_NOTHING);
	vf_make(&f->t, 0, VF(4));
	s.number = 1;
	vgpu_vfs_set(&f->c, &s, &r);
	assert_int_equal(r.status, STEP_NOTHING);
	assert_int_equal(r.number, 1);
}

/* No machine that tests run on has it. */
static void test_vgpu_vfs_set_without_the_program_is_told(void **state)
{
	struct fixture *f = *state;
	const struct step s = { .target.vf = -1, .number = 1 };
	struct step_result r = { .id = 1 };
	vgpu_vfs_set(&f->c, &s, &r);
	assert_int_equal(r.status, STEP_FAILED);
	assert_string_equal(r.reason, "no-program");
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(test_vgpu_read_without_vfs_says_nothing_more),
		T(test_vgpu_read_joins_files_and_library),
		T(test_vgpu_read_tells_the_interfaces_apart),
		T(test_vgpu_read_mdevs_of_vfs),
		T(test_vgpu_read_mdevs_of_the_gpu),
		T(test_vgpu_read_too_much_leaves_the_report),
		T(test_vgpu_type_set_writes_and_tells_what_it_changed),
		T(test_vgpu_type_set_tells_its_guest_where_it_begins),
		T(test_vgpu_type_set_that_cannot_tell_fails),
		T(test_vgpu_params_placement_is_one_of_several),
		T(test_vgpu_type_set_without_files_is_told),
		T(test_vgpu_vfs_set_that_is_so_already_runs_nothing),
		T(test_vgpu_vfs_set_without_the_program_is_told),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
