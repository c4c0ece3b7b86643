/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See uevent.h. */
#include "host/uevent.h"

#include <errno.h>
#include <libudev.h>
#include <linux/filter.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "base/cleanup.h"
#include "base/str.h"

/* Room for the events of some thousand functions; what the system allows is taken. */
#define RECEIVE_BUFFER (4 * 1024 * 1024)

static const char *const subsystems[] = {
	[UEVENT_PCI] = "pci",
	[UEVENT_MDEV] = "mdev",
	[UEVENT_VFIO] = "vfio",
	[UEVENT_VFIO_DEV] = "vfio-dev",
};
#define N_ELEMENTS(a) (sizeof(a) / sizeof(*(a)))

struct uevent_monitor {
	struct udev *udev;
	struct udev_monitor *monitor;
};

#define WORD(a, b, c, d)                                                                           \
	((uint32_t)(a) << 24 | (uint32_t)(b) << 16 | (uint32_t)(c) << 8 | (uint32_t)(d))
#define LOAD_X(at) BPF_STMT(BPF_LD | BPF_W | BPF_IND, (at))
#define IF_BYTE(byte, yes, no) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (byte), (yes), (no))
#define IF_WORD(word, yes, no) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, word, (yes), (no))
#define PASS BPF_STMT(BPF_RET | BPF_K, UINT32_MAX)
#define DROP BPF_STMT(BPF_RET | BPF_K, 0)

/*
 * A message begins "ACTION@DEVPATH" (lib/kobject_uevent.c). The action has 3 to 7 characters, so the
 * '@' is looked for there; then the path decides: storms of containers (veth, loop, cgroup slabs),
 * CPUs and modules are dropped. libudev's own filter lets all messages of the kernel through and
 * looks at them in the process, that is after waking it, and it knows no parents of mediated devices. What cannot be told here is passed.
 */
static int filter_attach(int fd)
{
	static const struct sock_filter code[] = {
		BPF_STMT(BPF_LDX | BPF_IMM, 4), /* X: where the path begins */
		BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 3),
		IF_BYTE('@', 13, 0),
		BPF_STMT(BPF_LDX | BPF_IMM, 5),
		BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 4),
		IF_BYTE('@', 10, 0),
		BPF_STMT(BPF_LDX | BPF_IMM, 6),
		BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 5),
		IF_BYTE('@', 7, 0),
		BPF_STMT(BPF_LDX | BPF_IMM, 7),
		BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 6),
		IF_BYTE('@', 4, 0),
		BPF_STMT(BPF_LDX | BPF_IMM, 8),
		BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 7),
		IF_BYTE('@', 1, 0),
		PASS,
		/* 16: the path is known */
		LOAD_X(0),
		IF_WORD(WORD('/', 'd', 'e', 'v'), 1, 0),
		DROP, /* /module, /kernel, /bus, /class, /fs */
		LOAD_X(8),
		IF_WORD(WORD('/', 's', 'y', 's'), 9, 0),
		IF_WORD(WORD('/', 'v', 'i', 'r'), 1, 0),
		PASS,
		/* 23: /devices/virtual/... */
		LOAD_X(16),
		IF_WORD(WORD('/', 'n', 'e', 't'), 5, 0),
		IF_WORD(WORD('/', 'b', 'l', 'o'), 4, 0),
		IF_WORD(WORD('/', 'b', 'd', 'i'), 3, 0),
		IF_WORD(WORD('/', 't', 't', 'y'), 2, 0),
		IF_WORD(WORD('/', 'm', 'e', 'm'), 1, 0),
		PASS,
		DROP,
	};
	const struct sock_fprog program = { .len = N_ELEMENTS(code),
					    .filter = (struct sock_filter *)(uintptr_t)code };
	return setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program)) < 0 ? -errno
											   : 0;
}

static int monitor_start(struct uevent_monitor *m)
{
	m->udev = udev_new();
	if (!m->udev)
		return -ENOMEM;
	m->monitor = udev_monitor_new_from_netlink(m->udev, "kernel");
	if (!m->monitor)
		return errno ? -errno : -ENOMEM;
	/* A small buffer loses events sooner, which is told; no reason to fail. */
	(void)udev_monitor_set_receive_buffer_size(m->monitor, RECEIVE_BUFFER);
	int r = udev_monitor_enable_receiving(m->monitor);
	/* The filter saves wake-ups and nothing else: a sandbox that forbids it is no reason either. */
	if (r >= 0)
		(void)filter_attach(udev_monitor_get_fd(m->monitor));
	return r;
}

struct uevent_monitor *uevent_monitor_free(struct uevent_monitor *m)
{
	if (!m)
		return NULL;
	if (m->monitor)
		udev_monitor_unref(m->monitor);
	if (m->udev)
		udev_unref(m->udev);
	free(m);
	return NULL;
}

DEFINE_CLEANUP(struct uevent_monitor *, uevent_monitor_free);

int uevent_monitor_new(struct uevent_monitor **ret, struct err *reterr)
{
	_cleanup_(uevent_monitor_freep) struct uevent_monitor *m = calloc(1, sizeof(*m));
	int r = m ? monitor_start(m) : -ENOMEM;
	if (r < 0) {
		err_set(reterr, "host.uevent.listen", -r, "cannot listen to the kernel's events");
		err_todo(reterr, "allow address family AF_NETLINK in the service's sandbox");
		return r;
	}
	*ret = TAKE_PTR(m);
	return 0;
}

int uevent_monitor_fd(const struct uevent_monitor *m)
{
	return udev_monitor_get_fd(m->monitor);
}

/* The last PCI address on the path: the function itself, or the one that what follows belongs to. */
static void find_addr(const char *path, char ret[PCI_ADDR_SIZE])
{
	ret[0] = '\0';
	while (*path) {
		char part[PCI_ADDR_SIZE];
		size_t len = strcspn(path, "/");
		if (len < sizeof(part)) {
			memcpy(part, path, len);
			part[len] = '\0';
			if (pci_addr_valid(part))
				memcpy(ret, part, len + 1);
		}
		path += len + (path[len] == '/');
	}
}

int uevent_path_parse(const char *devpath, struct uevent *ret)
{
	const char *path = str_after(devpath, "/devices/");
	if (!path || STR_COPY(ret->path, path) < 0)
		return -EINVAL;
	find_addr(ret->path, ret->addr);
	return 0;
}

static size_t name_index(const char *const *names, size_t n, const char *name)
{
	size_t i = 0;
	while (i < n && !(name && str_eq(names[i], name)))
		i++;
	return i;
}

static int device_parse(struct udev_device *d, struct uevent *ret)
{
	struct uevent e = { 0 };
	const char *devpath = udev_device_get_devpath(d);
	size_t subsystem =
		name_index(subsystems, N_ELEMENTS(subsystems), udev_device_get_subsystem(d));
	e.mdev_parent = udev_device_get_property_value(d, "MDEV_STATE") != NULL;
	if (!devpath || (subsystem == UEVENT_PARENT && !e.mdev_parent) ||
	    uevent_path_parse(devpath, &e) < 0)
		return 0;
	e.subsystem = (enum uevent_subsystem)subsystem;
	*ret = e;
	return 1;
}

int uevent_monitor_next(struct uevent_monitor *m, struct uevent *ret)
{
	for (;;) {
		errno = 0;
		struct udev_device *d = udev_monitor_receive_device(m->monitor);
		if (!d)
			return errno == 0 || errno == EAGAIN || errno == EINTR ? 0 : -errno;
		int r = device_parse(d, ret);
		udev_device_unref(d);
		if (r != 0)
			return r;
	}
}
