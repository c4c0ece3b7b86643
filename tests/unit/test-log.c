/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Log lines: what the journal gets, and that no text from outside can forge a line of its own. */
#include "support/test.h"

#include <errno.h>
#include <fcntl.h>
#include <pty.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "support/alloc-fail.h"

/* Stands in for stderr while one function runs. */
struct capture {
	int fd;
	int saved;
};

static int capture_begin(void **state)
{
	static struct capture c;
	fflush(stderr);
	c.saved = dup(STDERR_FILENO);
	c.fd = memfd_create("stderr", MFD_CLOEXEC);
	if (c.saved < 0 || c.fd < 0 || dup2(c.fd, STDERR_FILENO) < 0)
		return -1;
	*state = &c;
	return 0;
}

static int capture_end(void **state)
{
	struct capture *c = *state;
	fflush(stderr);
	dup2(c->saved, STDERR_FILENO);
	close(c->saved);
	close(c->fd);
	return 0;
}

static void assert_logged(void **state, const char *expected)
{
	struct capture *c = *state;
	char text[4096] = "";
	fflush(stderr);
	ssize_t n = pread(c->fd, text, sizeof(text) - 1, 0);
	assert_true(n >= 0);
	assert_string_equal(text, expected);
}

static void test_log_line_into_journal_has_priority(void **state)
{
	log_error("cannot open %s", "/sys");
	log_warning("w");
	log_notice("n");
	log_info("i");
	assert_logged(state, "<3>cannot open /sys\n<4>w\n<5>n\n<6>i\n");
}

static void test_log_line_with_newline_is_prefixed_on_each_line(void **state)
{
	log_info("client said: %s", "x\n<0>kernel panic");
	assert_logged(state, "<6>client said: x\n<6><0>kernel panic\n");
}

static void test_log_line_of_nothing_is_an_empty_line(void **state)
{
	log_info("%s", "");
	assert_logged(state, "<6>\n");
}

static void test_log_line_long_is_not_cut(void **state)
{
	char longer[3001];
	char expected[3005];
	memset(longer, 'x', 3000);
	longer[3000] = '\0';
	log_info("%s", longer);
	snprintf(expected, sizeof(expected), "<6>%s\n", longer);
	assert_logged(state, expected);
}

static void test_log_line_out_of_memory_says_so(void **state)
{
	alloc_fail_at(0);
	log_error("cannot open %s", "/sys");
	assert_true(alloc_fail_done());
	assert_logged(state, "<3>out of memory for a log line: cannot open %s\n");
}

static void test_log_err_is_one_record_per_line(void **state)
{
	_cleanup_err_ struct err e = { 0 };
	err_set(&e, "x.y", EIO, "cannot read it");
	err_because(&e, "one\ntwo");
	log_err(LOG_WARNING, &e);
	assert_logged(state, "<4>cannot read it [x.y]\n<4>  because  one\n<4>           two\n");
}

static void test_log_err_unset_logs_nothing(void **state)
{
	struct err e = { 0 };
	log_err(LOG_ERR, &e);
	log_err(LOG_ERR, NULL);
	assert_logged(state, "");
}

static void test_log_err_out_of_memory_logs_the_id(void **state)
{
	_cleanup_err_ struct err e = { 0 };
	err_set(&e, "x.y", EIO, "cannot read it");
	alloc_fail_at(0);
	log_err(LOG_ERR, &e);
	assert_true(alloc_fail_done());
	assert_logged(state, "<3>cannot read it [x.y]\n");
}

static void test_log_line_on_terminal_has_no_priority(void **state)
{
	_cleanup_close_ int master = -1;
	_cleanup_close_ int slave = -1;
	char text[64] = "";
	if (openpty(&master, &slave, NULL, NULL, NULL) < 0)
		skip();
	dup2(slave, STDERR_FILENO);
	log_error("seen");
	fflush(stderr);
	ssize_t n = read(master, text, sizeof(text) - 1);
	assert_true(n > 0);
	assert_string_equal(text, "seen\r\n");
	(void)state;
}

#define CAPTURED(test) cmocka_unit_test_setup_teardown(test, capture_begin, capture_end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CAPTURED(test_log_line_into_journal_has_priority),
		CAPTURED(test_log_line_with_newline_is_prefixed_on_each_line),
		CAPTURED(test_log_line_of_nothing_is_an_empty_line),
		CAPTURED(test_log_line_long_is_not_cut),
		CAPTURED(test_log_line_out_of_memory_says_so),
		CAPTURED(test_log_err_is_one_record_per_line),
		CAPTURED(test_log_err_unset_logs_nothing),
		CAPTURED(test_log_err_out_of_memory_logs_the_id),
		CAPTURED(test_log_line_on_terminal_has_no_priority),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
