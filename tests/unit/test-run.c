/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Other programs, run to their end. */
#include "support/test.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "sys/run.h"

static void test_run_program_keeps_what_it_says(void **state)
{
	(void)state;
	static const char *const argv[] = { "sh", "-c", "echo one; echo two; exit 3", NULL };
	_cleanup_free_ char *said = NULL;
	assert_int_equal(run_program(argv, &said), 3);
	assert_string_equal(said, "one\ntwo\n");
}

static void test_run_program_keeps_more_than_a_pipe_holds(void **state)
{
	(void)state;
	static const char *const argv[] = { "head", "-c", "300000", "/dev/zero", NULL };
	static const char *const text[] = { "sh", "-c", "yes | head -c 300000", NULL };
	_cleanup_free_ char *said = NULL, *zeroes = NULL;
	assert_int_equal(run_program(text, &said), 0);
	assert_int_equal(strlen(said), 300000);
	assert_int_equal(run_program(argv, &zeroes), 0);
	assert_string_equal(zeroes, "");
}

static void test_run_program_without_a_pipe_passes_through(void **state)
{
	(void)state;
	static const char *const argv[] = { "true", NULL };
	assert_int_equal(run_program(argv, NULL), 0);
}

static void test_run_program_that_a_signal_ends(void **state)
{
	(void)state;
	static const char *const argv[] = { "sh", "-c", "kill -TERM $$", NULL };
	assert_int_equal(run_program(argv, NULL), 128 + SIGTERM);
}

static void test_run_program_that_is_not_there(void **state)
{
	(void)state;
	static const char *const argv[] = { "no-such-program-anywhere", NULL };
	char *said = NULL;
	assert_int_equal(run_program(argv, &said), -ENOENT);
	assert_null(said);
}

static void test_run_beside_finds_only_what_can_be_run(void **state)
{
	(void)state;
	char path[PATH_MAX];
	assert_int_equal(run_beside("test-run", path, sizeof(path)), 0);
	assert_true(str_ends(path, "/tests/unit/test-run"));
	assert_int_equal(run_beside("test-run.o", path, sizeof(path)), -ENOENT);
	assert_int_equal(run_beside("no-such-program", path, sizeof(path)), -ENOENT);
	char small[4];
	assert_int_equal(run_beside("test-run", small, sizeof(small)), -ENAMETOOLONG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_run_program_keeps_what_it_says),
		cmocka_unit_test(test_run_program_keeps_more_than_a_pipe_holds),
		cmocka_unit_test(test_run_program_without_a_pipe_passes_through),
		cmocka_unit_test(test_run_program_that_a_signal_ends),
		cmocka_unit_test(test_run_program_that_is_not_there),
		cmocka_unit_test(test_run_beside_finds_only_what_can_be_run),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
