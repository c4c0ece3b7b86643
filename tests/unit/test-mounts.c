/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is read of mountinfo and swaps: each mount once, also behind a line of any length, and nothing cut. */
#include "support/test.h"

#include <errno.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "host/mounts.h"
#include "support/alloc-fail.h"
#include "support/tree.h"

#define ROOT "22 1 8:1 / / rw - ext4 /dev/sda1 rw\n"

static int setup(void **state)
{
	struct tree *t = calloc(1, sizeof(*t));
	tree_init(t);
	*state = t;
	return 0;
}

static int teardown(void **state)
{
	tree_done(*state);
	free(*state);
	return 0;
}

/* "8:1 sda1 /", one a line; "-" where there is no source below /dev. */
static int mount_put(const struct mount *m, void *userdata)
{
	str_buf_addf(userdata, "%s %s %s\n", m->number, m->source ? m->source : "-", m->point);
	return 0;
}

static int swap_put(const char *name, void *userdata)
{
	str_buf_addf(userdata, "%s\n", name);
	return 0;
}

static void check_mounts(const struct tree *t, const char *text, const char *expected)
{
	struct str_buf b = { 0 };
	tree_file(t, "1/mountinfo", text);
	assert_int_equal(mounts_visit(t->fd, "1", mount_put, &b), 0);
	_cleanup_free_ char *seen = str_buf_take(&b);
	assert_string_equal(seen, expected);
}

static char *repeated(const char *what, size_t n)
{
	struct str_buf b = { 0 };
	for (size_t i = 0; i < n; i++)
		str_buf_add(&b, what);
	return str_buf_take(&b);
}

/* begin, what n times, end. */
static char *text_with(const char *begin, const char *what, size_t n, const char *end)
{
	struct str_buf b = { 0 };
	_cleanup_free_ char *middle = repeated(what, n);
	str_buf_addf(&b, "%s%s%s", begin, middle, end);
	return str_buf_take(&b);
}

static void test_mounts_visit_tells_number_source_and_point(void **state)
{
	check_mounts(*state,
		     ROOT
		     "30 22 259:1 /a /data\\040x rw,nosuid shared:1 master:2 - xfs /dev/nvme0n1p1 "
		     "rw,attr2\n"
		     "31 22 0:21 / /proc rw - proc proc rw\n"
		     "32 22 0:44 / /srv rw - btrfs /dev/mapper/a-b rw\n",
		     "8:1 sda1 /\n259:1 nvme0n1p1 /data\\040x\n0:21 - /proc\n"
		     "0:44 mapper/a-b /srv\n");
}

static void test_mounts_visit_of_no_mounts_tells_nothing(void **state)
{
	check_mounts(*state, "", "");
	check_mounts(*state, "22 1 8:1\n\n", "");
	check_mounts(*state, "22 1 8:1 / / rw - ext4 /dev/sda1 rw", "8:1 sda1 /\n");
}

/* An overlay of many layers. What is in the rest of its line is no mount, and the next line is one. */
static void test_mounts_visit_reads_past_long_options(void **state)
{
	_cleanup_free_ char *text =
		text_with("40 22 0:50 / /merged rw - overlay overlay rw,lowerdir=",
			  " 9 9 259:9 / /no rw - ext4 /dev/nvme0n1p9 rw", 8000, "\n" ROOT);
	check_mounts(*state, text, "0:50 - /merged\n8:1 sda1 /\n");
}

/* The source is the last of what is asked for: it is seen behind the longest paths that there are. */
static void test_mounts_visit_reads_long_paths_whole(void **state)
{
	_cleanup_free_ char *path = repeated("\\040", 4095);
	struct str_buf text = { 0 }, expected = { 0 };
	str_buf_addf(&text, "40 22 259:1 /%s /%s rw - xfs /dev/nvme0n1p1 rw\n" ROOT, path, path);
	str_buf_addf(&expected, "259:1 nvme0n1p1 /%s\n8:1 sda1 /\n", path);
	_cleanup_free_ char *mounts = str_buf_take(&text);
	_cleanup_free_ char *seen = str_buf_take(&expected);
	check_mounts(*state, mounts, seen);
}

static void test_mounts_visit_longer_than_all_paths_is_an_error(void **state)
{
	const struct tree *t = *state;
	const char *const begins[] = { "40 22 259:1 / /", "40 22 259:1 / /a rw - xfs /dev/" };
	for (size_t i = 0; i < 2; i++) {
		struct str_buf b = { 0 };
		_cleanup_free_ char *text = text_with(begins[i], "x", 70000, " rw\n" ROOT);
		tree_file(t, "1/mountinfo", text);
		assert_int_equal(mounts_visit(t->fd, "1", mount_put, &b), -E2BIG);
		_cleanup_free_ char *seen = str_buf_take(&b);
		assert_string_equal(seen, "");
	}
}

static int mount_stop(const struct mount *m, void *userdata)
{
	(void)m;
	return --*(int *)userdata > 0 ? 0 : -EBUSY;
}

static void test_mounts_visit_ends_with_what_the_visit_returns(void **state)
{
	const struct tree *t = *state;
	int left = 2;
	tree_file(t, "1/mountinfo", ROOT ROOT ROOT);
	assert_int_equal(mounts_visit(t->fd, "1", mount_stop, &left), -EBUSY);
	assert_int_equal(left, 0);
}

static void test_mounts_visit_of_a_process_that_is_gone_says_so(void **state)
{
	const struct tree *t = *state;
	assert_int_equal(mounts_visit(t->fd, "7", mount_put, NULL), -ENOENT);
}

static void test_mounts_visit_without_memory_is_an_error(void **state)
{
	const struct tree *t = *state;
	int left = 9;
	tree_file(t, "1/mountinfo", ROOT);
	alloc_fail_at(0);
	int r = mounts_visit(t->fd, "1", mount_stop, &left);
	assert_true(alloc_fail_done());
	assert_int_equal(r, -ENOMEM);
}

static void test_mounts_visit_swaps_tells_what_is_below_dev(void **state)
{
	const struct tree *t = *state;
	struct str_buf b = { 0 };
	tree_file(t, "swaps",
		  "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n"
		  "/dev/nvme0n1p2                          partition\t1048572\t\t0\t\t-2\n"
		  "/swapfile                               file\t\t1048572\t\t0\t\t-3\n"
		  "/dev/dm-0 partition 1 0 -4\n");
	assert_int_equal(mounts_visit_swaps(t->fd, swap_put, &b), 0);
	_cleanup_free_ char *seen = str_buf_take(&b);
	assert_string_equal(seen, "nvme0n1p2\ndm-0\n");
}

static void test_mounts_visit_swaps_of_a_kernel_without_says_so(void **state)
{
	const struct tree *t = *state;
	assert_int_equal(mounts_visit_swaps(t->fd, swap_put, NULL), -ENOENT);
}

static void test_mounts_visit_swaps_longer_than_a_path_is_an_error(void **state)
{
	const struct tree *t = *state;
	struct str_buf b = { 0 };
	_cleanup_free_ char *text = text_with("/dev/", "x", 70000, " file\n");
	tree_file(t, "swaps", text);
	assert_int_equal(mounts_visit_swaps(t->fd, swap_put, &b), -E2BIG);
	_cleanup_free_ char *seen = str_buf_take(&b);
	assert_string_equal(seen, "");
}

#define T(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_mounts_visit_tells_number_source_and_point),
		T(test_mounts_visit_of_no_mounts_tells_nothing),
		T(test_mounts_visit_reads_past_long_options),
		T(test_mounts_visit_reads_long_paths_whole),
		T(test_mounts_visit_longer_than_all_paths_is_an_error),
		T(test_mounts_visit_ends_with_what_the_visit_returns),
		T(test_mounts_visit_of_a_process_that_is_gone_says_so),
		T(test_mounts_visit_without_memory_is_an_error),
		T(test_mounts_visit_swaps_tells_what_is_below_dev),
		T(test_mounts_visit_swaps_of_a_kernel_without_says_so),
		T(test_mounts_visit_swaps_longer_than_a_path_is_an_error),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
