/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Other programs, run to their end. */
#include "support/test.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "sys/clock.h"
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

static void test_run_closed_has_nothing_of_ours(void **state)
{
	(void)state;
	static const char *const argv[] = { "/bin/sh", "-c", "echo ${HOME-none}; exit 4", NULL };
	_cleanup_free_ char *said = NULL;
	sigset_t set;
	assert_int_equal(setenv("HOME", "/root", 1), 0);
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigprocmask(SIG_BLOCK, &set, NULL);
	assert_int_equal(run_closed(argv, 5000, &said), 4);
	assert_string_equal(said, "none\n");
	static const char *const blocked[] = { "/bin/sh", "-c", "kill -TERM $$; sleep 9", NULL };
	_cleanup_free_ char *nothing = NULL;
	assert_int_equal(run_closed(blocked, 5000, &nothing), 128 + SIGTERM);
	sigprocmask(SIG_UNBLOCK, &set, NULL);
}

static void test_run_closed_past_its_deadline_is_ended(void **state)
{
	(void)state;
	static const char *const argv[] = { "/bin/sh", "-c", "exec sleep 30", NULL };
	char *said = NULL;
	int64_t began = clock_monotonic_ms();
	assert_int_equal(run_closed(argv, 100, &said), -ETIMEDOUT);
	assert_in_range(clock_monotonic_ms() - began, 100, 5000);
	assert_null(said);
}

/* Whoever stays behind has the pipe open; its end is not waited for. */
static void test_run_closed_leaves_children_behind(void **state)
{
	(void)state;
	static const char *const argv[] = { "/bin/sh", "-c", "sleep 3 & echo one", NULL };
	_cleanup_free_ char *said = NULL;
	int64_t began = clock_monotonic_ms();
	assert_int_equal(run_closed(argv, 20000, &said), 0);
	assert_string_equal(said, "one\n");
	assert_true(clock_monotonic_ms() - began < 2500);
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
		cmocka_unit_test(test_run_closed_has_nothing_of_ours),
		cmocka_unit_test(test_run_closed_past_its_deadline_is_ended),
		cmocka_unit_test(test_run_closed_leaves_children_behind),
		cmocka_unit_test(test_run_program_that_is_not_there),
		cmocka_unit_test(test_run_beside_finds_only_what_can_be_run),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
