/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * VF settings through rtnetlink (RTM_GETLINK, RTM_SETLINK with IFLA_VFINFO_LIST;
 * net/core/rtnetlink.c of Linux 6.12). The kernel applies the attributes of one message in its own
 * order and keeps what it did before an error, so each goes in a message of its own. May block
 * behind the kernel's rtnl lock: for workers.
 */
#pragma once
#include <stddef.h>

#include "model/pci.h"

/* Settings of all VFs of an interface, up to room; their pf is left empty. Settings that the driver
 * does not report are not in .set. Returns their number. */
int vflink_read(int ifindex, struct vf_info *ret, size_t room);
/* Settings of one VF; -ENOENT: the interface has no such VF. */
int vflink_read_one(int ifindex, int vf, struct vf_settings *ret);
/* One setting (a single bit of enum vf_setting) from s. */
int vflink_set(int ifindex, int vf, enum vf_setting which, const struct vf_settings *s);
