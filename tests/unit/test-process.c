/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Who a process is: start time, control group, and that a pid alone is not believed. */
#include "support/test.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support/tree.h"
#include "sys/clock.h"
#include "sys/process.h"
#include "sys/sysfs.h"

static void test_process_start_parse_name_with_parentheses_is_skipped(void **state)
{
	(void)state;
	uint64_t start = 0;
	assert_int_equal(
		process_start_parse("4121 (a) R (b) S 1 4121 4121 0 -1 4194560 1 2 3 4 5 6 "
				    "7 8 20 0 3 0 123456 99 88\n",
				    &start),
		0);
	assert_int_equal(start, 123456);
	assert_int_equal(process_start_parse("4121 (qemu) S 1 2 3", &start), -EINVAL);
	assert_int_equal(process_start_parse("", &start), -EINVAL);
	assert_int_equal(start, 123456);
}

static void assert_unit(const char *cgroup, const char *expected)
{
	char unit[128] = "unset";
	assert_int_equal(process_unit_parse(cgroup, unit, sizeof(unit)), 0);
	assert_string_equal(unit, expected);
}

static void test_f09_process_unit_parse_names_machines(void **state)
{
	(void)state;
	assert_unit("0::/machine.slice/machine-qemu\\x2d1\\x2dweb01.scope/libvirt/emulator\n",
		    "machine qemu-1-web01");
	assert_unit("0::/qemu.slice/100.scope\n", "machine 100");
}

static void test_f09_process_unit_parse_names_containers(void **state)
{
	(void)state;
	assert_unit("0::/system.slice/docker-0123456789abcdef0123.scope\n",
		    "container docker 0123456789ab");
	assert_unit("0::/docker/0123456789abcdef0123\n", "container docker 0123456789ab");
	assert_unit("0::/machine.slice/libpod-fedcba9876543210.scope/container\n",
		    "container podman fedcba987654");
	assert_unit("0::/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod1.slice/"
		    "cri-containerd-aaaabbbbccccdddd.scope\n",
		    "container containerd aaaabbbbcccc");
	assert_unit("0::/lxc/101/ns/system.slice/ssh.service\n", "container lxc 101");
	assert_unit("0::/lxc.payload.web\n", "container lxc web");
}

static void test_f09_process_unit_parse_names_units(void **state)
{
	(void)state;
	assert_unit("0::/system.slice/nvidia-persistenced.service\n",
		    "nvidia-persistenced.service");
	assert_unit("0::/user.slice/user-1000.slice/session-3.scope\n", "session-3.scope");
	assert_unit("0::/user.slice/user-1000.slice/user@1000.service/app.slice/x.service\n",
		    "x.service");
	assert_unit("0::/\n", "");
	assert_unit("", "");
	assert_unit("garbage", "");
	/* The old hierarchies, with and beside the unified one. */
	assert_unit("12:pids:/system.slice\n1:name=systemd:/system.slice/cron.service\n0::/\n",
		    "cron.service");
}

static void test_process_unit_parse_too_long_is_refused(void **state)
{
	(void)state;
	char unit[8];
	assert_int_equal(process_unit_parse("0::/system.slice/a-long-name.service\n", unit,
					    sizeof(unit)),
			 -ENAMETOOLONG);
}

static void test_process_open_other_start_time_is_esrch(void **state)
{
	(void)state;
	int proc = sysfs_open("/proc");
	assert_true(proc >= 0);
	uint64_t start = 0;
	uint32_t uid = ~0u;
	char comm[32];
	assert_int_equal(process_start_time(proc, getpid(), &start), 0);
	assert_true(start > 0);
	int fd = process_open(proc, getpid(), start);
	assert_true(fd >= 0);
	close(fd);
	assert_int_equal(process_open(proc, getpid(), start + 1), -ESRCH);
	assert_int_equal(process_uid(proc, getpid(), &uid), 0);
	assert_int_equal(uid, geteuid());
	assert_int_equal(process_comm(proc, getpid(), comm, sizeof(comm)), 0);
	assert_string_equal(comm, "test-process");
	close(proc);
}

static void test_process_open_gone_is_esrch(void **state)
{
	(void)state;
	int proc = sysfs_open("/proc");
	pid_t pid = fork();
	if (pid == 0)
		_exit(0);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	uint64_t start;
	uint32_t uid;
	char text[64];
	assert_int_equal(process_open(proc, pid, 0), -ESRCH);
	assert_int_equal(process_start_time(proc, pid, &start), -ESRCH);
	assert_int_equal(process_uid(proc, pid, &uid), -ESRCH);
	assert_int_equal(process_comm(proc, pid, text, sizeof(text)), -ESRCH);
	assert_int_equal(process_unit(proc, pid, text, sizeof(text)), -ESRCH);
	close(proc);
}

static void test_clock_boot_id_is_read_whole(void **state)
{
	(void)state;
	struct tree t;
	char id[CLOCK_BOOT_ID_SIZE] = "";
	tree_init(&t);
	assert_int_equal(clock_boot_id(t.fd, id), -ENOENT);
	tree_file(&t, "sys/kernel/random/boot_id", "truncated\n");
	assert_int_equal(clock_boot_id(t.fd, id), -EINVAL);
	tree_file(&t, "sys/kernel/random/boot_id", "f81d4fae-7dec-11d0-a765-00a0c91e6bf6\n");
	assert_int_equal(clock_boot_id(t.fd, id), 0);
	assert_string_equal(id, "f81d4fae-7dec-11d0-a765-00a0c91e6bf6");
	tree_done(&t);
	int64_t before = clock_monotonic_ms();
	assert_true(clock_monotonic_ms() >= before);
	assert_true(clock_wall_seconds() > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_process_start_parse_name_with_parentheses_is_skipped),
		cmocka_unit_test(test_f09_process_unit_parse_names_machines),
		cmocka_unit_test(test_f09_process_unit_parse_names_containers),
		cmocka_unit_test(test_f09_process_unit_parse_names_units),
		cmocka_unit_test(test_process_unit_parse_too_long_is_refused),
		cmocka_unit_test(test_process_open_other_start_time_is_esrch),
		cmocka_unit_test(test_process_open_gone_is_esrch),
		cmocka_unit_test(test_clock_boot_id_is_read_whole),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
