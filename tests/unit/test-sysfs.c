/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Files beneath a descriptor: what is found, what stays outside, and that the walk for kernels without
 * openat2 answers the same. Every test runs with both.
 */
#include "support/test.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/str.h"
#include "support/tree.h"
#include "sys/sysfs.h"

#define PF "pci0000:00/0000:00:03.0/0000:01:00.0"

static int setup(void **state)
{
	struct tree *t = calloc(1, sizeof(*t));
	assert_non_null(t);
	tree_init(t);
	tree_function(t, &(struct tree_function){ .path = PF,
						  .vendor = 0x8086,
						  .device = 0x10c9,
						  .class = 0x020000,
						  .driver = "igb",
						  .group = 4,
						  .numa = -1 });
	*state = t;
	return 0;
}

static int setup_fallback(void **state)
{
	sysfs_force_fallback(true);
	return setup(state);
}

static int teardown(void **state)
{
	sysfs_force_fallback(false);
	tree_done(*state);
	free(*state);
	return 0;
}

static void test_sysfs_read_link_on_the_way_is_followed(void **state)
{
	const struct tree *t = *state;
	char text[16];
	assert_int_equal(
		sysfs_read(t->fd, "bus/pci/devices/0000:01:00.0/numa_node", text, sizeof(text)), 2);
	assert_string_equal(text, "-1");
	/* Two links, with ".." in both. */
	assert_int_equal(sysfs_read(t->fd, "bus/pci/devices/0000:01:00.0/iommu_group/type", text,
				    sizeof(text)),
			 3);
	assert_string_equal(text, "DMA");
	assert_int_equal(sysfs_read(t->fd, "./devices//" PF "/../0000:01:00.0/numa_node", text,
				    sizeof(text)),
			 2);
}

static void test_sysfs_open_last_component_is_link_follows_or_not(void **state)
{
	const struct tree *t = *state;
	int fd = sysfs_openat(t->fd, "bus/pci/devices/0000:01:00.0", O_RDONLY | O_DIRECTORY);
	assert_true(fd >= 0);
	assert_int_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
	close(fd);
	assert_int_equal(sysfs_openat(t->fd, "bus/pci/devices/0000:01:00.0", O_RDONLY | O_NOFOLLOW),
			 -ELOOP);
}

static void assert_outside(const struct tree *t, const char *path)
{
	int fd = sysfs_openat(t->fd, path, O_RDONLY);
	assert_true(fd == -EXDEV || fd == -ELOOP);
}

static void test_sysfs_open_path_leaves_tree_is_refused(void **state)
{
	const struct tree *t = *state;
	tree_link(t, "out", "../../etc/passwd");
	tree_link(t, "deep/out", "../../../../../../../../etc/passwd");
	tree_link(t, "absolute", "/etc/passwd");
	tree_link(t, "parent", "..");
	tree_link(t, "self", "self");
	assert_outside(t, "..");
	assert_outside(t, "../etc");
	assert_outside(t, "devices/../../etc/passwd");
	assert_outside(t, "out");
	assert_outside(t, "deep/out");
	assert_outside(t, "absolute");
	assert_outside(t, "parent/x");
	assert_int_equal(sysfs_openat(t->fd, "self", O_RDONLY), -ELOOP);
	assert_int_equal(sysfs_openat(t->fd, "/etc/passwd", O_RDONLY), -EINVAL);
	assert_int_equal(sysfs_openat(t->fd, "", O_RDONLY), -EINVAL);
}

static void test_sysfs_open_name_too_long_is_refused(void **state)
{
	const struct tree *t = *state;
	char name[400];
	memset(name, 'x', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	assert_int_equal(sysfs_openat(t->fd, name, O_RDONLY), -ENAMETOOLONG);
}

static void test_sysfs_read_missing_is_enoent(void **state)
{
	const struct tree *t = *state;
	char text[16];
	assert_int_equal(sysfs_read(t->fd, "devices/none", text, sizeof(text)), -ENOENT);
	assert_int_equal(sysfs_read(t->fd, "devices/" PF "/numa_node/x", text, sizeof(text)),
			 -ENOTDIR);
	assert_false(sysfs_exists(t->fd, "devices/none"));
	assert_true(sysfs_exists(t->fd, "devices/" PF));
}

static void test_sysfs_read_too_long_or_binary_is_refused(void **state)
{
	const struct tree *t = *state;
	char text[8];
	tree_file(t, "fits", "1234567");
	tree_file(t, "long", "12345678");
	tree_bytes(t, "binary", "a\0b", 3);
	tree_file(t, "empty", "");
	assert_int_equal(sysfs_read(t->fd, "fits", text, sizeof(text)), 7);
	assert_int_equal(sysfs_read(t->fd, "long", text, sizeof(text)), -EFBIG);
	assert_int_equal(sysfs_read(t->fd, "binary", text, sizeof(text)), -EINVAL);
	assert_int_equal(sysfs_read(t->fd, "empty", text, sizeof(text)), 0);
	assert_string_equal(text, "");
}

static void test_sysfs_read_numbers_take_the_whole_text(void **state)
{
	const struct tree *t = *state;
	uint64_t u = 7;
	int i = 7;
	tree_file(t, "hex", "0x10de\n");
	tree_file(t, "junk", "12 apples\n");
	assert_int_equal(sysfs_read_u64(t->fd, "hex", 0, &u), 0);
	assert_int_equal(u, 0x10de);
	assert_int_equal(sysfs_read_u64(t->fd, "junk", 10, &u), -EINVAL);
	assert_int_equal(u, 0x10de);
	assert_int_equal(sysfs_read_int(t->fd, "devices/" PF "/numa_node", &i), 0);
	assert_int_equal(i, -1);
	assert_int_equal(sysfs_read_int(t->fd, "junk", &i), -EINVAL);
}

static void test_sysfs_write_never_makes_a_file(void **state)
{
	const struct tree *t = *state;
	char text[16];
	assert_int_equal(sysfs_write(t->fd, "devices/new", "1"), -ENOENT);
	tree_file(t, "attribute", "");
	assert_int_equal(sysfs_write(t->fd, "attribute", "vfio-pci"), 0);
	assert_int_equal(sysfs_read(t->fd, "attribute", text, sizeof(text)), 8);
	assert_string_equal(text, "vfio-pci");
}

static void test_sysfs_link_gives_target_and_name(void **state)
{
	const struct tree *t = *state;
	char text[128], name[16], tiny[4];
	assert_int_equal(sysfs_link(t->fd, "bus/pci/devices/0000:01:00.0", text, sizeof(text)), 0);
	assert_string_equal(text, "../../../devices/" PF);
	assert_int_equal(
		sysfs_link_direct(t->fd, "bus/pci/devices/0000:01:00.0", text, sizeof(text)), 0);
	assert_string_equal(text, "../../../devices/" PF);
	assert_int_equal(sysfs_link_name(t->fd, "bus/pci/devices/0000:01:00.0/driver", name,
					 sizeof(name)),
			 0);
	assert_string_equal(name, "igb");
	assert_int_equal(sysfs_link(t->fd, "bus/pci/devices/0000:01:00.0", tiny, sizeof(tiny)),
			 -ENAMETOOLONG);
	assert_int_equal(sysfs_link(t->fd, "devices/" PF "/numa_node", text, sizeof(text)),
			 -EINVAL);
	assert_int_equal(sysfs_link(t->fd, "devices/none", text, sizeof(text)), -ENOENT);
}

static int count_until_b(const char *name, void *userdata)
{
	(*(int *)userdata)++;
	return str_eq(name, "b") ? 42 : 0;
}

static void test_sysfs_list_stops_when_told(void **state)
{
	const struct tree *t = *state;
	int n = 0;
	tree_dir(t, "list/a");
	assert_int_equal(sysfs_list(t->fd, "list", count_until_b, &n), 0);
	assert_int_equal(n, 1);
	tree_dir(t, "list/b");
	assert_int_equal(sysfs_list(t->fd, "list", count_until_b, &n), 42);
	assert_int_equal(sysfs_list(t->fd, "none", count_until_b, &n), -ENOENT);
}

#define BOTH(f)                                                                                    \
	{ #f, f, setup, teardown, NULL },                                                          \
	{                                                                                          \
#f "_fallback", f, setup_fallback, teardown, NULL                                  \
	}

int main(void)
{
	const struct CMUnitTest tests[] = {
		BOTH(test_sysfs_read_link_on_the_way_is_followed),
		BOTH(test_sysfs_open_last_component_is_link_follows_or_not),
		BOTH(test_sysfs_open_path_leaves_tree_is_refused),
		BOTH(test_sysfs_open_name_too_long_is_refused),
		BOTH(test_sysfs_read_missing_is_enoent),
		BOTH(test_sysfs_read_too_long_or_binary_is_refused),
		BOTH(test_sysfs_read_numbers_take_the_whole_text),
		BOTH(test_sysfs_write_never_makes_a_file),
		BOTH(test_sysfs_link_gives_target_and_name),
		BOTH(test_sysfs_list_stops_when_told),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
