/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the files rtnetlink*.c share with each other. */
#pragma once
#include "sim/machine.h"

struct nlattr;

/* Building an answer: each is padded to the alignment of netlink. */
void rtnetlink_add(struct str_buf *out, const void *data, size_t len);
void rtnetlink_attr(struct str_buf *out, uint16_t type, const void *data, size_t len);
void rtnetlink_attr_u32(struct str_buf *out, uint16_t type, uint32_t value);
/* Without NLA_F_NESTED: those here are older than the flag, and iproute2 does not expect it. Where
 * it began, for its end. */
size_t rtnetlink_nest_begin(struct str_buf *out, uint16_t type);
void rtnetlink_nest_end(struct str_buf *out, size_t at);

/* IFLA_NUM_VF and IFLA_VFINFO_LIST of a function's interface. */
void rtnetlink_vfs_fill(const struct pci *f, struct str_buf *out);
/* Does what an IFLA_VFINFO_LIST says, rtnl lock held; f NULL: an interface of no function. */
int rtnetlink_vfs_set(struct pci *f, const struct nlattr *list);
