/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The account at the other end of a socket, as tenants of policies name it. */
#include "support/test.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "daemon/account.h"

#define UNNAMED 2123456789 /* no system gives that number a name */

static bool has(const struct account *a, uint32_t gid, const char *name)
{
	for (size_t i = 0; i < a->as.n_gids; i++)
		if (a->as.gids[i] == gid)
			return name ? a->as.groups[i] && str_eq(a->as.groups[i], name)
				    : !a->as.groups[i];
	return false;
}

static void test_account_new_names_the_user_and_his_groups(void **state)
{
	(void)state;
	int fds[2];
	struct account *a = NULL;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
	assert_int_equal(account_new(fds[0], &a), 0);
	assert_int_equal(a->as.uid, 0);
	assert_string_equal(a->as.user, "root");
	assert_true(has(a, 0, "root"));
	assert_null(account_free(a));
	close(fds[0]);
	close(fds[1]);
}

/* In a process of its own, which becomes another user. */
static int child_of_another_user(void)
{
	static const gid_t groups[] = { 0, UNNAMED + 1 };
	int fds[2];
	struct account *a = NULL;
	if (setgroups(2, groups) < 0 || setgid(UNNAMED) < 0 || setuid(UNNAMED) < 0 ||
	    socketpair(AF_UNIX, SOCK_STREAM, 0, fds) < 0 || account_new(fds[0], &a) < 0)
		return 1;
	bool good = a->as.uid == UNNAMED && !a->as.user && a->as.n_gids == 3 &&
		    has(a, UNNAMED, NULL) && has(a, UNNAMED + 1, NULL) && has(a, 0, "root");
	account_free(a);
	return good ? 0 : 2;
}

static void test_account_new_without_names_goes_by_numbers(void **state)
{
	(void)state;
	pid_t pid = fork();
	int status = -1;
	assert_true(pid >= 0);
	if (pid == 0)
		_exit(child_of_another_user());
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

static void test_account_new_of_no_socket_fails(void **state)
{
	(void)state;
	struct account *a = NULL;
	_cleanup_close_ int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	assert_int_equal(account_new(fd, &a), -ENOTSOCK);
	assert_null(a);
	assert_null(account_free(NULL));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_account_new_names_the_user_and_his_groups),
		cmocka_unit_test(test_account_new_without_names_goes_by_numbers),
		cmocka_unit_test(test_account_new_of_no_socket_fails),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
