/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a made-up host has of kernels and of NVIDIA's driver. */
#include "support/test.h"

#include "base/str.h"
#include "host/release.h"
#include "support/tree.h"

static void look(const struct tree *t, const char *kernel, struct release *ret)
{
	const struct release_roots roots = { t->fd, t->fd, t->fd };
	release_read(&roots, kernel, ret);
}

static void test_release_read_sees_modules_by_their_files(void **state)
{
	(void)state;
	struct tree t;
	struct release r;
	tree_init(&t);
	tree_file(&t, "lib/modules/6.12.1/modules.dep",
		  "kernel/drivers/vfio/pci/vfio-pci.ko.xz: kernel/drivers/vfio/vfio.ko.xz\n"
		  "updates/dkms/nvidia-current.ko.zst:\nkernel/mdevs.ko:\n");
	look(&t, "6.12.1", &r);
	assert_true(r.installed);
	assert_true(r.has[RELEASE_VFIO_PCI] && r.has[RELEASE_NVIDIA]);
	assert_false(r.has[RELEASE_MDEV]);
	tree_file(&t, "lib/modules/6.12.1/modules.builtin", "kernel/drivers/vfio/mdev/mdev.ko\n");
	look(&t, "6.12.1", &r);
	assert_true(r.has[RELEASE_MDEV]);
	tree_done(&t);
}

static void test_release_read_without_list_is_not_installed(void **state)
{
	(void)state;
	struct tree t;
	struct release r;
	tree_init(&t);
	tree_file(&t, "lib/modules/6.12.1/modules.builtin",
		  "kernel/drivers/vfio/pci/vfio-pci.ko\n");
	look(&t, "6.12.1", &r);
	assert_false(r.installed);
	look(&t, "6.12.2", &r);
	assert_false(r.installed);
	assert_string_equal(r.driver, "");
	assert_string_equal(r.library, "");
	tree_done(&t);
}

static void test_release_read_driver_of_either_file(void **state)
{
	(void)state;
	struct tree t;
	struct release r;
	tree_init(&t);
	tree_file(&t, "driver/nvidia/version",
		  "NVRM version: NVIDIA UNIX x86_64 Kernel Module  550.54.14  Release Build\n"
		  "GCC version:  gcc version 12.2.0\n");
	look(&t, "6.12.1", &r);
	assert_string_equal(r.driver, "550.54.14");
	tree_file(&t, "module/nvidia/version", "580.159.04\n");
	look(&t, "6.12.1", &r);
	assert_string_equal(r.driver, "580.159.04");
	tree_done(&t);
}

static void test_release_read_library_through_alternatives(void **state)
{
	(void)state;
	struct tree t;
	struct release r;
	tree_init(&t);
	tree_link(&t, "usr/lib64/libnvidia-ml.so.1", "libnvidia-ml.so.580.159.04");
	look(&t, "6.12.1", &r);
	assert_string_equal(r.library, "580.159.04");
	tree_link(&t, "usr/lib/x86_64-linux-gnu/libnvidia-ml.so.1", "/etc/alternatives/nvml");
	tree_link(&t, "etc/alternatives/nvml",
		  "/usr/lib/x86_64-linux-gnu/nvidia/libnvidia-ml.so.1");
	tree_link(&t, "usr/lib/x86_64-linux-gnu/nvidia/libnvidia-ml.so.1",
		  "../nvidia/libnvidia-ml.so.535.1");
	look(&t, "6.12.1", &r);
	assert_string_equal(r.library, "535.1");
	/* Round and round: the next folder has one. */
	tree_remove(&t, "etc/alternatives/nvml");
	tree_link(&t, "etc/alternatives/nvml", "nvml");
	look(&t, "6.12.1", &r);
	assert_string_equal(r.library, "580.159.04");
	tree_done(&t);
}

static void test_release_valid_is_no_path(void **state)
{
	(void)state;
	assert_true(release_valid("6.12.3-1-amd64"));
	assert_true(release_valid("580.159.04"));
	assert_false(release_valid(""));
	assert_false(release_valid("../6.12"));
	assert_false(release_valid("6.12/.."));
	assert_false(release_valid("6..12"));
	assert_false(release_valid("latest"));
}

static void test_release_at_least_compares_numbers(void **state)
{
	(void)state;
	assert_true(release_at_least("6.8.0-31-generic", 6, 8));
	assert_true(release_at_least("6.12", 6, 8));
	assert_true(release_at_least("7", 6, 8));
	assert_false(release_at_least("6", 6, 8));
	assert_false(release_at_least("6.7.9", 6, 8));
	assert_false(release_at_least("5.14.0-427.el9", 6, 8));
	assert_false(release_at_least("", 0, 0));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_release_read_sees_modules_by_their_files),
		cmocka_unit_test(test_release_read_without_list_is_not_installed),
		cmocka_unit_test(test_release_read_driver_of_either_file),
		cmocka_unit_test(test_release_read_library_through_alternatives),
		cmocka_unit_test(test_release_valid_is_no_path),
		cmocka_unit_test(test_release_at_least_compares_numbers),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
