/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is said of a GPU, put into the picture: whole, in parts, cut, damaged. */
#include "support/test.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "host/scan.h"

#define KEY "pci:0000:00/01.0/00.0"
#define OTHER "pci:0000:00/02.0/00.0"

/* A report as it comes: one record of each kind, two parts, nothing between them. */
struct __attribute__((packed)) message {
	struct gpu_report report;
	struct gpu_profile profile;
	struct gpu_part parts[2];
	struct vgpu_type type;
	struct vgpu_vf vf;
};

static struct message message_new(void)
{
	struct message m;
	memset(&m, 0, sizeof(m));
	m.report.gpu = (struct gpu){ .seen = GPU_SEEN,
				     .name = "NVIDIA A100",
				     .uuid = "GPU-1",
				     .driver = "580.159.04",
				     .minor = 2,
				     .mig_capable = 1,
				     .mig = 1 };
	m.report.n_profiles = m.report.n_types = m.report.n_vfs = 1;
	m.report.n_parts = 2;
	m.profile = (struct gpu_profile){ .name = "1g.5gb", .id = 19, .size = 1, .starts = 0x7f };
	m.parts[0] = (struct gpu_part){ .instance = 7, .profile = 19, .start = 0, .size = 1 };
	m.parts[1] = (struct gpu_part){ .instance = 9, .profile = 19, .start = 6, .size = 1 };
	m.type = (struct vgpu_type){ .id = 474, .name = "A100-4C" };
	m.vf = (struct vgpu_vf){ .index = 3, .framework = VGPU_VENDOR };
	return m;
}

static size_t records(const struct have *h)
{
	return h->n_gpu_profiles + h->n_gpu_parts + h->n_vgpu_types + h->n_vgpu_vfs;
}

static void assert_refused(struct have *h, const void *data, size_t len)
{
	assert_int_equal(scan_apply_gpu(h, KEY, 0, data, len), -EBADMSG);
	const struct gpu *g = have_gpu(h, KEY);
	assert_non_null(g);
	assert_int_equal(g->seen, GPU_UNSEEN);
	assert_string_equal(g->why, "what is said of it does not add up");
	assert_int_equal(records(h), 0);
}

static void test_scan_apply_gpu_whole_report_is_known(void **state)
{
	(void)state;
	struct have h = { 0 };
	struct message m = message_new();
	/* Twice: it takes the place of what was known. */
	assert_int_equal(scan_apply_gpu(&h, KEY, 0, &m, sizeof(m)), 0);
	assert_int_equal(scan_apply_gpu(&h, KEY, 0, &m, sizeof(m)), 0);
	assert_int_equal(h.n_gpus, 1);
	assert_int_equal(records(&h), 5);
	assert_string_equal(have_gpu(&h, KEY)->name, "NVIDIA A100");
	assert_int_equal(have_gpu_profile(&h, KEY, "1g.5gb")->id, 19);
	assert_int_equal(have_gpu_part(&h, KEY, 6)->instance, 9);
	assert_int_equal(have_vgpu_type(&h, KEY, "A100-4C")->id, 474);
	assert_int_equal(have_vgpu_vf(&h, KEY, 3)->framework, VGPU_VENDOR);
	have_done(&h);
}

static void test_scan_apply_gpu_other_gpus_stay(void **state)
{
	(void)state;
	struct have h = { 0 };
	struct message m = message_new();
	assert_int_equal(scan_apply_gpu(&h, OTHER, 0, &m, sizeof(m)), 0);
	assert_int_equal(scan_apply_gpu(&h, KEY, 0, &m, sizeof(m)), 0);
	assert_int_equal(scan_apply_gpu(&h, KEY, 0, &m, sizeof(m) - 1), -EBADMSG);
	assert_int_equal(records(&h), 5);
	assert_int_equal(have_gpu(&h, OTHER)->seen, GPU_SEEN);
	assert_non_null(have_gpu_part(&h, OTHER, 6));
	have_done(&h);
}

/* A part that came, and then one that went. */
static void test_scan_apply_gpu_change_touches_that_part_only(void **state)
{
	(void)state;
	struct have h = { 0 };
	struct message m = message_new();
	assert_int_equal(scan_apply_gpu(&h, KEY, 0, &m, sizeof(m)), 0);
	struct {
		struct gpu_report report;
		struct gpu_part part;
	} change;
	memset(&change, 0, sizeof(change));
	change.report.change = change.report.n_parts = 1;
	change.part = (struct gpu_part){ .instance = 11, .start = 6, .size = 1 };
	assert_int_equal(scan_apply_gpu(&h, KEY, 7, &change, sizeof(change)), 0);
	assert_int_equal(have_gpu_part(&h, KEY, 6)->instance, 11);
	assert_int_equal(h.n_gpu_parts, 2);
	change.report.n_parts = 0;
	assert_int_equal(scan_apply_gpu(&h, KEY, 1, &change, sizeof(change.report)), 0);
	assert_null(have_gpu_part(&h, KEY, 0));
	assert_int_equal(h.n_gpu_parts, 1);
	assert_string_equal(have_gpu(&h, KEY)->uuid, "GPU-1");
	have_done(&h);
}

static void test_scan_apply_gpu_cut_anywhere_is_refused(void **state)
{
	(void)state;
	struct message m = message_new();
	for (size_t len = 0; len < sizeof(m); len++) {
		struct have h = { 0 };
		assert_refused(&h, &m, len);
		have_done(&h);
	}
}

static void test_scan_apply_gpu_too_much_is_refused(void **state)
{
	(void)state;
	struct have h = { 0 };
	struct {
		struct message m;
		char more[4];
	} longer = { .m = message_new() };
	assert_refused(&h, &longer, sizeof(longer));
	have_done(&h);
}

static void test_scan_apply_gpu_what_cannot_be_is_refused(void **state)
{
	(void)state;
	struct message all[12];
	for (size_t i = 0; i < 12; i++)
		all[i] = message_new();
	memset(all[0].report.gpu.name, 'x', NAME_SIZE);
	memset(all[1].report.gpu.uuid, 'x', GPU_UUID_SIZE);
	all[2].report.gpu.seen = GPU_UNSEEN + 1;
	all[3].report.n_parts = UINT32_MAX;
	memset(all[4].profile.name, 'x', NAME_SIZE);
	all[5].profile.size = 65;
	all[6].parts[1].start = 64;
	all[7].parts[1].size = 59;
	all[8].parts[0].size = 0;
	memset(all[9].parts[0].uuid, 'x', GPU_UUID_SIZE);
	memset(all[10].type.name, 'x', NAME_SIZE);
	all[11].vf.framework = VGPU_VENDOR + 1;
	for (size_t i = 0; i < 12; i++) {
		struct have h = { 0 };
		assert_int_equal(scan_apply_gpu(&h, KEY, 0, &all[i], sizeof(all[i])), -EBADMSG);
		assert_int_equal(records(&h), 0);
		have_done(&h);
	}
}

/* Half of what was known would be worse than nothing: it is asked for anew. */
static void test_scan_apply_gpu_damaged_change_leaves_nothing(void **state)
{
	(void)state;
	struct have h = { 0 };
	struct message m = message_new();
	assert_int_equal(scan_apply_gpu(&h, KEY, 0, &m, sizeof(m)), 0);
	m.report.change = 1;
	assert_refused(&h, &m, sizeof(m) - 1);
	have_done(&h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_scan_apply_gpu_whole_report_is_known),
		cmocka_unit_test(test_scan_apply_gpu_other_gpus_stay),
		cmocka_unit_test(test_scan_apply_gpu_change_touches_that_part_only),
		cmocka_unit_test(test_scan_apply_gpu_cut_anywhere_is_refused),
		cmocka_unit_test(test_scan_apply_gpu_too_much_is_refused),
		cmocka_unit_test(test_scan_apply_gpu_what_cannot_be_is_refused),
		cmocka_unit_test(test_scan_apply_gpu_damaged_change_leaves_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
