/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the kernel says has changed: its own uevents (not udev's copies, which may be seconds late).
 * Only prompts a look; what is true is read from the machine.
 */
#pragma once
#include "base/err.h"
#include "model/pci.h"

enum uevent_subsystem {
	UEVENT_PCI,
	UEVENT_MDEV,
	UEVENT_VFIO,	 /* group nodes: virtual/vfio/15 */
	UEVENT_VFIO_DEV, /* PATH-OF-DEVICE/vfio-dev/vfio0 */
	UEVENT_PARENT,	 /* of mediated devices, of any other kind: virtual/mtty/mtty */
};
struct uevent {
	enum uevent_subsystem subsystem;
	char path[SYS_PATH_SIZE]; /* below /sys/devices */
	char addr[PCI_ADDR_SIZE]; /* PCI function it is or belongs to; empty: none */
	/* MDEV_STATE of a parent's change: it began or ceased to make mediated devices. */
	bool mdev_parent;
};

struct uevent_monitor;

/* Listens from now on. Needs no privilege. */
int uevent_monitor_new(struct uevent_monitor **ret, struct err *reterr);
struct uevent_monitor *uevent_monitor_free(struct uevent_monitor *m);

/* Readable when something came; stays the monitor's. Events of other kinds are mostly dropped in the
 * kernel by a socket filter, so that they wake nobody. */
int uevent_monitor_fd(const struct uevent_monitor *m);

/* Never blocks. 1: ret is filled; 0: nothing more for now; -ENOBUFS: events were lost, look at
 * everything again (scan_all) and go on reading; other negative errno: the monitor is of no use. */
int uevent_monitor_next(struct uevent_monitor *m, struct uevent *ret);

/* Fills path and addr from the kernel's DEVPATH ("/devices/pci0000:00/..."). -EINVAL: none of ours. */
int uevent_path_parse(const char *devpath, struct uevent *ret);
