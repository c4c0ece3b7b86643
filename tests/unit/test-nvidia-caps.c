/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Nodes of GPU instances on a made-up /proc, and who has them open. /dev/null's number stands for theirs. */
#include "support/test.h"

#include <errno.h>
#include <stdlib.h>

#include "base/str.h"
#include "host/caps.h"
#include "host/holders.h"
#include "support/tree.h"

#define GPU "0000:3b:00.0"
#define GPU_PATH "pci0000:3a/0000:3a:00.0/" GPU
#define MIG "driver/nvidia/capabilities/gpu3/mig/"

struct fixture {
	struct tree proc, sys, empty;
	char nodes[CAPS_NODES][32];
	size_t n;
};

static void devices(const struct fixture *f, unsigned major)
{
	char text[256];
	(void)STR_FORMAT(text,
			 "Character devices:\n  4 tty\n195 nvidia\n%3u nvidia-caps\n"
			 "235 nvidia-caps-imex-channels\n\nBlock devices:\n  8 sd\n",
			 major);
	tree_file(&f->proc, "devices", text);
}

static void capability(const struct fixture *f, const char *path, unsigned minor)
{
	char text[128];
	(void)STR_FORMAT(text, "DeviceFileMinor: %u\nDeviceFileMode: 292\nDeviceFileModify: 1\n",
			 minor);
	tree_file(&f->proc, path, text);
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	assert_non_null(f);
	tree_init(&f->proc);
	tree_init(&f->sys);
	tree_init(&f->empty);
	tree_function(&f->sys, &(struct tree_function){ .path = GPU_PATH,
							.vendor = 0x10de,
							.device = 0x20b0,
							.class = 0x030200,
							.driver = "nvidia",
							.group = 9,
							.numa = -1 });
	devices(f, 234);
	tree_file(&f->proc, "driver/nvidia/gpus/" GPU "/information",
		  "Model: \t\t NVIDIA A100-SXM4-40GB\nIRQ:   \t\t 204\nDevice Minor: \t 3\n");
	capability(f, MIG "gi5/access", 48);
	capability(f, MIG "gi5/ci0/access", 49);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	tree_done(&f->proc);
	tree_done(&f->sys);
	tree_done(&f->empty);
	free(f);
	return 0;
}

static void test_caps_nodes_of_instance_and_compute_instances(void **state)
{
	struct fixture *f = *state;
	capability(f, MIG "gi5/ci2/access", 51);
	assert_int_equal(caps_nodes(f->proc.fd, GPU, 5, f->nodes, &f->n), 0);
	assert_int_equal(f->n, 3);
	assert_string_equal(f->nodes[0], "234:48");
	assert_string_equal(f->nodes[1], "234:49");
	assert_string_equal(f->nodes[2], "234:51");
}

static void test_caps_nodes_of_what_is_not_there_are_none(void **state)
{
	struct fixture *f = *state;
	assert_int_equal(caps_nodes(f->proc.fd, GPU, 6, f->nodes, &f->n), 0);
	assert_int_equal(f->n, 0);
	assert_int_equal(caps_nodes(f->proc.fd, "0000:3c:00.0", 5, f->nodes, &f->n), 0);
	assert_int_equal(f->n, 0);
	tree_file(&f->proc, "devices", "Character devices:\n195 nvidia\n");
	assert_int_equal(caps_nodes(f->proc.fd, GPU, 5, f->nodes, &f->n), 0);
	assert_int_equal(f->n, 0);
	assert_int_equal(caps_nodes(f->empty.fd, GPU, 5, f->nodes, &f->n), 0);
}

/* Nobody may conclude that there is no node. */
static void test_caps_nodes_that_cannot_be_read_are_an_error(void **state)
{
	struct fixture *f = *state;
	tree_file(&f->proc, MIG "gi5/ci0/access", "DeviceFileMinor: many\n");
	assert_int_equal(caps_nodes(f->proc.fd, GPU, 5, f->nodes, &f->n), -EINVAL);
	tree_file(&f->proc, MIG "gi5/ci0/access", "DeviceFileMinor: 99999999999\n");
	assert_true(caps_nodes(f->proc.fd, GPU, 5, f->nodes, &f->n) < 0);
	tree_file(&f->proc, "driver/nvidia/gpus/" GPU "/information", "Device Minor: \t x\n");
	assert_int_equal(caps_nodes(f->proc.fd, GPU, 5, f->nodes, &f->n), -EINVAL);
}

static void test_caps_gpu_minor_is_the_node(void **state)
{
	struct fixture *f = *state;
	uint32_t minor = 0;
	assert_int_equal(caps_gpu_minor(f->proc.fd, GPU, &minor), 0);
	assert_int_equal(minor, 3);
	assert_int_equal(caps_gpu_minor(f->empty.fd, GPU, &minor), -ENOENT);
}

/* --- who has them open ---------------------------------------------------------------------------- */

static void process(const struct fixture *f)
{
	tree_file(&f->proc, "4121/stat",
		  "4121 (python3) S 1 1 1 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 "
		  "4711 0 0 0\n");
	tree_file(&f->proc, "4121/comm", "python3\n");
	tree_file(&f->proc, "4121/cgroup", "0::/user.slice/session-1.scope\n");
	tree_link(&f->proc, "4121/fd/5", "/dev/null");
}

static struct holder_list holders_of(const struct fixture *f, uint32_t instance)
{
	const struct host_roots roots = { f->sys.fd, f->empty.fd, f->proc.fd, 0 };
	struct holder_subjects subjects = { 0 };
	struct holder_list list = { .n = 0 };
	assert_true(holder_subjects_add_instance(&subjects, GPU_PATH, GPU, instance) >= 0);
	assert_int_equal(holders_find(&roots, &subjects, false, &list), 0);
	holder_subjects_done(&subjects);
	return list;
}

/* Who uses one instance is no obstacle to changing another. */
static void test_holders_find_instance_only_its_own(void **state)
{
	struct fixture *f = *state;
	process(f);
	devices(f, 1);
	capability(f, MIG "gi5/access", 3);
	capability(f, MIG "gi6/access", 5);
	struct holder_list list = holders_of(f, 5);
	assert_int_equal(list.n, 1);
	assert_int_equal(list.entries[0].pid, 4121);
	assert_string_equal(list.entries[0].comm, "python3");
	assert_string_equal(list.entries[0].what, "/dev/nvidia-caps/nvidia-cap3");
	assert_int_equal(holders_of(f, 6).n, 0);
	assert_int_equal(holders_of(f, 7).n, 0);
}

static void test_holders_find_compute_instance_counts(void **state)
{
	struct fixture *f = *state;
	process(f);
	devices(f, 1);
	capability(f, MIG "gi5/ci0/access", 3);
	struct holder_list list = holders_of(f, 5);
	assert_int_equal(list.n, 1);
	assert_string_equal(list.entries[0].what, "/dev/nvidia-caps/nvidia-cap3");
}

#define TEST(t) cmocka_unit_test_setup_teardown(t, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_caps_nodes_of_instance_and_compute_instances),
		TEST(test_caps_nodes_of_what_is_not_there_are_none),
		TEST(test_caps_nodes_that_cannot_be_read_are_an_error),
		TEST(test_caps_gpu_minor_is_the_node),
		TEST(test_holders_find_instance_only_its_own),
		TEST(test_holders_find_compute_instance_counts),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
