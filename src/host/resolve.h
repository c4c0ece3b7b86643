/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * From identity to place: where the device of a key is now. A key names device and function numbers
 * from the root bus down, so the walk goes through /sys/devices level by level; addresses that others
 * send are never used.
 */
#pragma once
#include "model/step.h"

struct resolved {
	char device_path[SYS_PATH_SIZE]; /* of target.device, below /sys/devices */
	char device_addr[PCI_ADDR_SIZE]; /* "" when it is no PCI function */
	char path[SYS_PATH_SIZE];	 /* of the target: the device, its VF, its mdev */
	char addr[PCI_ADDR_SIZE];	 /* of the target; "" when it is no PCI function */
	bool exists;			 /* false only for an mdev that is not there */
};

/* Is it a key in exactly the form of model/pci.h? Says nothing about the device being there. */
bool device_key_valid(const char *key);

/* Finds the device of a key. -EINVAL malformed, -ENODEV not there, -ENOTUNIQ more than one fits. */
int resolve_device(int sysfs, const char *key, char ret_path[SYS_PATH_SIZE],
		   char ret_addr[PCI_ADDR_SIZE]);

/* The target of a step. As resolve_device; -ENODEV also for a VF that does not exist (ret then has
 * the device only); -EXDEV for an mdev that exists below another parent than the device, or its VF
 * that is named. Reads links only. */
int resolve_target(int sysfs, const struct target *t, struct resolved *ret);

/* Fills what an enrolment pins: addr, path, ids, and the serial number when with_serial. Reading the
 * serial number reads config space, which may block during a reset. */
int resolve_identity(int sysfs, const char *path, const char *addr, bool with_serial,
		     struct function *ret);
