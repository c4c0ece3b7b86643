/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Events of the kernel. Paths are parsed anywhere; the monitor itself is tried in a network namespace of
 * its own, where the kernel passes on to its listeners what a process sends to it
 * (lib/kobject_uevent.c, uevent_net_rcv()). Where namespaces are forbidden those tests are skipped.
 */
#include "support/test.h"

#include <errno.h>
#include <linux/netlink.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "host/uevent.h"

#define VF "pci0000:00/0000:00:03.0/0000:01:10.0"

static void test_uevent_path_parse_finds_the_function(void **state)
{
	(void)state;
	struct uevent e;
	assert_int_equal(uevent_path_parse("/devices/" VF, &e), 0);
	assert_string_equal(e.path, VF);
	assert_string_equal(e.addr, "0000:01:10.0");
	assert_int_equal(uevent_path_parse("/devices/" VF "/vfio-dev/vfio0", &e), 0);
	assert_string_equal(e.addr, "0000:01:10.0");
	assert_int_equal(uevent_path_parse("/devices/virtual/vfio/15", &e), 0);
	assert_string_equal(e.addr, "");
	assert_int_equal(uevent_path_parse("/module/vfio", &e), -EINVAL);
	assert_int_equal(uevent_path_parse("", &e), -EINVAL);
}

static int send_event(int fd, const char *action, const char *path, const char *subsystem,
		      const char *more)
{
	char message[1024];
	struct nlmsghdr header = { .nlmsg_type = 0x10, .nlmsg_flags = NLM_F_REQUEST };
	int at = (int)sizeof(header);
	at += snprintf(message + at, sizeof(message) - (size_t)at, "%s@%s", action, path) + 1;
	at += snprintf(message + at, sizeof(message) - (size_t)at, "ACTION=%s", action) + 1;
	at += snprintf(message + at, sizeof(message) - (size_t)at, "DEVPATH=%s", path) + 1;
	at += snprintf(message + at, sizeof(message) - (size_t)at, "SUBSYSTEM=%s", subsystem) + 1;
	if (more)
		at += snprintf(message + at, sizeof(message) - (size_t)at, "%s", more) + 1;
	header.nlmsg_len = (uint32_t)at;
	memcpy(message, &header, sizeof(header));
	/* The kernel adds SEQNUM itself. */
	return send(fd, message, (size_t)at, 0) == at ? 0 : -errno;
}

static int sender_open(void)
{
	const struct sockaddr_nl kernel = { .nl_family = AF_NETLINK };
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_KOBJECT_UEVENT);
	if (fd < 0 || connect(fd, (const struct sockaddr *)&kernel, sizeof(kernel)) < 0)
		return -errno;
	return fd;
}

static bool wakes(const struct uevent_monitor *m)
{
	struct pollfd p = { .fd = uevent_monitor_fd(m), .events = POLLIN };
	return poll(&p, 1, 0) > 0;
}

#define CHECK(condition)                                                                           \
	do {                                                                                       \
		if (!(condition)) {                                                                \
			fprintf(stderr, "%d: %s\n", __LINE__, #condition);                         \
			return 1;                                                                  \
		}                                                                                  \
	} while (0)

static int check_events(struct uevent_monitor *m, int fd)
{
	struct uevent e;
	CHECK(!wakes(m));
	CHECK(uevent_monitor_next(m, &e) == 0);
	CHECK(send_event(fd, "bind", "/devices/" VF, "pci", "PCI_SLOT_NAME=0000:01:10.0") == 0);
	CHECK(send_event(fd, "change", "/devices/virtual/mtty/mtty", "mtty",
			 "MDEV_STATE=registered") == 0);
	CHECK(send_event(fd, "change", "/devices/virtual/mtty/mtty", "mtty", NULL) == 0);
	CHECK(wakes(m));
	CHECK(uevent_monitor_next(m, &e) == 1);
	CHECK(e.subsystem == UEVENT_PCI && !e.mdev_parent);
	CHECK(strcmp(e.addr, "0000:01:10.0") == 0);
	CHECK(uevent_monitor_next(m, &e) == 1);
	CHECK(e.subsystem == UEVENT_PARENT && e.mdev_parent);
	CHECK(strcmp(e.path, "virtual/mtty/mtty") == 0);
	CHECK(uevent_monitor_next(m, &e) == 0);
	return 0;
}

/* What the socket filter drops, by every length of action, and what it must not drop. */
static int check_filter(struct uevent_monitor *m, int fd)
{
	static const char *const actions[] = { "add",	 "bind",   "change", "remove",
					       "unbind", "online", "offline" };
	static const char *const storms[] = {
		"/module/x",
		"/kernel/slab/:0000064/cgroup/x",
		"/devices/virtual/net/veth0",
		"/devices/virtual/block/loop0",
		"/devices/virtual/bdi/7:0",
		"/devices/system/cpu/cpu1",
		"/bus/pci/drivers/x",
	};
	static const char *const ours[] = {
		("/devices/" VF),
		"/devices/virtual/vfio/15",
		"/devices/virtual/mtty/mtty/c9abdcb5-5279-413a-9057-c81d2605ce9c",
		"/devices/platform/4010000000.pcie/pci0000:00/0000:00:01.0",
	};
	struct uevent e;
	for (size_t a = 0; a < sizeof(actions) / sizeof(*actions); a++) {
		for (size_t i = 0; i < sizeof(storms) / sizeof(*storms); i++)
			CHECK(send_event(fd, actions[a], storms[i], "pci", NULL) == 0);
		CHECK(!wakes(m));
		for (size_t i = 0; i < sizeof(ours) / sizeof(*ours); i++) {
			CHECK(send_event(fd, actions[a], ours[i], "pci", NULL) == 0);
			CHECK(uevent_monitor_next(m, &e) == 1);
			CHECK(strcmp(e.path, ours[i] + strlen("/devices/")) == 0);
		}
	}
	return 0;
}

/* More than the buffer holds: told once, and the monitor works on. */
static int check_lost(struct uevent_monitor *m, int fd)
{
	struct uevent e;
	int small = 4096, lost = 0, r;
	CHECK(setsockopt(uevent_monitor_fd(m), SOL_SOCKET, SO_RCVBUF, &small, sizeof(small)) == 0);
	for (int i = 0; i < 1000; i++)
		(void)send_event(fd, "add", "/devices/" VF, "pci", NULL);
	while ((r = uevent_monitor_next(m, &e)) != 0) {
		CHECK(r == 1 || r == -ENOBUFS);
		lost += r == -ENOBUFS;
	}
	CHECK(lost >= 1);
	CHECK(send_event(fd, "remove", "/devices/" VF, "pci", NULL) == 0);
	CHECK(uevent_monitor_next(m, &e) == 1);
	return 0;
}

static int in_namespace(int (*check)(struct uevent_monitor *m, int fd))
{
	struct uevent_monitor *m = NULL;
	if (unshare(CLONE_NEWNET) < 0 && unshare(CLONE_NEWUSER | CLONE_NEWNET) < 0)
		return 77;
	int fd = sender_open();
	if (fd < 0)
		return 77;
	CHECK(uevent_monitor_new(&m, NULL) == 0);
	int r = check(m, fd);
	uevent_monitor_free(m);
	close(fd);
	return r;
}

static void run(int (*check)(struct uevent_monitor *m, int fd))
{
	pid_t pid = fork();
	if (pid == 0)
		_exit(in_namespace(check));
	int status = 0;
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	if (WEXITSTATUS(status) == 77)
		skip();
	assert_int_equal(WEXITSTATUS(status), 0);
}

static void test_uevent_monitor_next_gives_what_came(void **state)
{
	(void)state;
	run(check_events);
}

static void test_uevent_monitor_storms_of_others_wake_nobody(void **state)
{
	(void)state;
	run(check_filter);
}

static void test_uevent_monitor_overrun_is_told_and_survived(void **state)
{
	(void)state;
	run(check_lost);
}

static void test_uevent_monitor_new_without_descriptors_says_so(void **state)
{
	(void)state;
	struct rlimit before;
	struct uevent_monitor *m = NULL;
	_cleanup_err_ struct err e = { 0 };
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	const struct rlimit none = { .rlim_cur = 3, .rlim_max = before.rlim_max };
	int fd = dup(0);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
	int r = uevent_monitor_new(&m, &e);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
	close(fd);
	assert_int_equal(r, -EMFILE);
	assert_string_equal(e.id, "host.uevent.listen");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_uevent_path_parse_finds_the_function),
		cmocka_unit_test(test_uevent_monitor_next_gives_what_came),
		cmocka_unit_test(test_uevent_monitor_storms_of_others_wake_nobody),
		cmocka_unit_test(test_uevent_monitor_overrun_is_told_and_survived),
		cmocka_unit_test(test_uevent_monitor_new_without_descriptors_says_so),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
