/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a program has that a worker runs, when the executor is no root: as its unit has it, a user with capabilities.
 */
#include "support/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/capability.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "executor/sandbox.h"
#include "sys/run.h"

#define NOBODY 65534

/* Of the executor's unit. */
static const cap_value_t of_unit[] = { CAP_SYS_ADMIN,	 CAP_NET_ADMIN, CAP_SYS_PTRACE,
				       CAP_SYS_MODULE,	 CAP_CHOWN,	CAP_FOWNER,
				       CAP_DAC_OVERRIDE, CAP_MKNOD,	CAP_DAC_READ_SEARCH };
#define N_OF_UNIT (int)(sizeof(of_unit) / sizeof(*of_unit))

static void die(const char *what)
{
	perror(what);
	_exit(1);
}

static void become_executor(void)
{
	cap_t caps = cap_init();
	if (!caps || cap_set_flag(caps, CAP_PERMITTED, N_OF_UNIT, of_unit, CAP_SET) < 0 ||
	    cap_set_flag(caps, CAP_EFFECTIVE, N_OF_UNIT, of_unit, CAP_SET) < 0)
		die("capabilities");
	if (prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) < 0 || setresuid(NOBODY, NOBODY, NOBODY) < 0 ||
	    cap_set_proc(caps) < 0)
		die("another user");
	cap_free(caps);
}

/* Effective capabilities of a program that a worker of that class runs. */
static unsigned long long caps_of_program(enum verb_class class)
{
	static const char *const argv[] = { "/bin/sh", "-c",
					    "while read -r name caps; do "
					    "[ $name != CapEff: ] || echo $caps; "
					    "done </proc/self/status",
					    NULL };
	unsigned long long caps = ~0ULL;
	int ends[2], status;
	assert_int_equal(pipe(ends), 0);
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		struct err e = { 0 };
		char *said = NULL;
		become_executor();
		if (sandbox_enter(class, &e) < 0 || run_closed(argv, 10000, &said) != 0)
			die("the program");
		caps = strtoull(said, NULL, 16);
		_exit(write(ends[1], &caps, sizeof(caps)) != sizeof(caps));
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	assert_int_equal(read(ends[0], &caps, sizeof(caps)), sizeof(caps));
	close(ends[0]);
	close(ends[1]);
	return caps;
}

#define BIT(cap) (1ULL << (cap))

static void test_sandbox_enter_program_of_vendor_has_what_it_needs(void **state)
{
	(void)state;
	assert_int_equal(caps_of_program(VERB_CLASS_VENDOR),
			 BIT(CAP_SYS_ADMIN) | BIT(CAP_SYS_PTRACE) | BIT(CAP_DAC_READ_SEARCH) |
				 BIT(CAP_DAC_OVERRIDE) | BIT(CAP_CHOWN) | BIT(CAP_FOWNER) |
				 BIT(CAP_MKNOD));
}

static void test_sandbox_enter_other_program_has_nothing(void **state)
{
	(void)state;
	assert_int_equal(caps_of_program(VERB_CLASS_PROGRAM), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sandbox_enter_program_of_vendor_has_what_it_needs),
		cmocka_unit_test(test_sandbox_enter_other_program_has_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
