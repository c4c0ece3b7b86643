/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What follows from where functions sit: bridges above, group mates, isolation. Pure. */
#pragma once
#include "model/pci.h"

/* The root port (topmost bridge) above f, or f itself on a root bus. */
const struct function *topology_root_port(const struct have *h, const struct function *f);
bool topology_is_bridge(const struct function *f);

/* The first bridge on the way up that does not keep devices below it apart: a PCIe port without source
 * validation, request and completion redirect and upstream forwarding, or a conventional bridge. NULL:
 * none, or config space is not known. Rule: REQ_ACS_FLAGS of drivers/iommu/iommu.c, Linux 6.12. */
const struct function *topology_leak(const struct have *h, const struct function *f);

/* What of ACS such a bridge lacks: "SV RR CR UF" (lspci's words), "ACS" when it has none at all. */
int topology_acs_lacks(const struct function *bridge, char *ret, size_t size);

/* How many VFs the buses behind the bridge above f have numbers for; UINT_MAX when nothing is known to
 * limit them. Bridge: subordinate bus number; VF i: SR-IOV 1.1, 2.1.2. */
unsigned topology_vfs_numbered(const struct have *h, const struct function *f);

/* Calls fn for each other member of f's IOMMU group until it returns non-zero, which is returned. */
int topology_group_mates(const struct have *h, const struct function *f,
			 int (*fn)(const struct function *mate, void *userdata), void *userdata);

/* A group mate whose driver keeps the group from VFIO (driver_leaves_group_alone()). NULL: the group is
 * viable. */
const struct function *topology_blocker(const struct have *h, const struct function *f);

/* "16.0 GT/s x16"; empty when unknown. Codes: PCIe Base Specification, Link Capabilities. */
int topology_link_text(uint8_t speed, uint8_t width, char *ret, size_t size);

/* Names of the capabilities found, for people, at most n of them; returns how many. */
size_t topology_capability_names(const struct function *f, const char *ret[], size_t n);
