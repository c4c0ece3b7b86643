/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Our own files: replaced whole or not at all. */
#include "support/test.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "support/tree.h"
#include "sys/file.h"

struct fixture {
	struct tree tree;
	int dir;
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	assert_non_null(f);
	tree_init(&f->tree);
	f->dir = file_dir_open(f->tree.path);
	assert_true(f->dir >= 0);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	close(f->dir);
	tree_done(&f->tree);
	free(f);
	return 0;
}

static void assert_content(const struct fixture *f, const char *name, const char *expected)
{
	char *text = NULL;
	size_t len = 0;
	assert_int_equal(file_read(f->dir, name, 4096, &text, &len), 0);
	assert_int_equal(len, strlen(expected));
	assert_string_equal(text, expected);
	free(text);
}

static void test_file_replace_new_and_old_have_content_and_mode(void **state)
{
	const struct fixture *f = *state;
	struct stat st;
	assert_int_equal(file_replace(f->dir, "a", "one\n", 4, 0644), 0);
	assert_content(f, "a", "one\n");
	assert_int_equal(file_replace(f->dir, "a", "two two\n", 8, 0600), 0);
	assert_content(f, "a", "two two\n");
	assert_int_equal(fstatat(f->dir, "a", &st, 0), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(faccessat(f->dir, ".a.new", F_OK, 0), -1);
}

static void test_file_replace_left_over_of_a_crash_is_cleared(void **state)
{
	const struct fixture *f = *state;
	tree_file(&f->tree, ".a.new", "half a fi");
	assert_int_equal(file_replace(f->dir, "a", "whole", 5, 0644), 0);
	assert_content(f, "a", "whole");
}

static void test_f29_file_replace_failure_keeps_the_old_file(void **state)
{
	const struct fixture *f = *state;
	assert_int_equal(file_replace(f->dir, "a", "old", 3, 0644), 0);
	/* A directory in the way of the temporary file. */
	tree_dir(&f->tree, ".a.new");
	assert_true(file_replace(f->dir, "a", "new", 3, 0644) < 0);
	assert_content(f, "a", "old");
	/* A directory in the way of the name: nothing is left beside it. */
	tree_dir(&f->tree, "b/c");
	assert_true(file_replace(f->dir, "b", "new", 3, 0644) < 0);
	assert_int_equal(faccessat(f->dir, ".b.new", F_OK, 0), -1);
}

static void test_file_read_limits_are_errors(void **state)
{
	const struct fixture *f = *state;
	char *text = NULL;
	size_t len = 0;
	tree_file(&f->tree, "ten", "0123456789");
	tree_link(&f->tree, "link", "ten");
	tree_dir(&f->tree, "dir");
	assert_int_equal(file_read(f->dir, "ten", 9, &text, &len), -EFBIG);
	assert_int_equal(file_read(f->dir, "none", 9, &text, &len), -ENOENT);
	assert_int_equal(file_read(f->dir, "link", 99, &text, &len), -ELOOP);
	assert_int_equal(file_read(f->dir, "dir", 99, &text, &len), -EINVAL);
	assert_null(text);
	assert_int_equal(file_read(f->dir, "ten", 10, &text, &len), 0);
	assert_int_equal(len, 10);
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_file_replace_new_and_old_have_content_and_mode,
						setup, teardown),
		cmocka_unit_test_setup_teardown(test_file_replace_left_over_of_a_crash_is_cleared,
						setup, teardown),
		cmocka_unit_test_setup_teardown(test_f29_file_replace_failure_keeps_the_old_file,
						setup, teardown),
		cmocka_unit_test_setup_teardown(test_file_read_limits_are_errors, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
