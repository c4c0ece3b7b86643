/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the host itself uses a function for: its boot display, a lit screen, a console, disks with
 * mounts, swap or other holders, network interfaces that are up or enslaved. Such a function is never
 * touched. Looks at kernel facts only; nothing is opened but block devices, read-only and exclusively,
 * which is the one question that also ZFS and Btrfs answer.
 */
#pragma once
#include "host/holders.h"

/* Adds each use, never_touch set unless it is only worth knowing (a keyboard on a USB controller).
 * Negative errno when it could not look. */
int uses_find(const struct host_roots *r, const char *path, const char *addr,
	      struct holder_list *ret);
/* The part of it that concerns disks. */
int uses_find_block(const struct host_roots *r, const char *path, const char *addr,
		    struct holder_list *ret);
/* Path below /sys/devices that the link of a class directory leads to. -EINVAL, -ENOENT. */
int uses_class_path(int sysfs, const char *link, char *ret, size_t size);
