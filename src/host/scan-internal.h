/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Between scan.c (functions) and scan-mdev.c (mediated devices); of use to nobody else. */
#pragma once
#include "host/scan.h"

#define PATH_SIZE 512

/* What a scan of everything has read once and need not read or look for again. */
struct scan_memory {
	char numa_root[32]; /* "pci0000:00/" */
	int numa;
	char (*group_types)[16]; /* by group; empty: not read */
	size_t n_group_types;
};

struct scan {
	const struct scan_roots *roots;
	struct have *have;
	struct scan_memory
		*memory; /* NULL: of what is in the picture already, nothing is believed */
};

/* /dev/vfio/<group>. */
struct scan_node {
	bool there;
	uint32_t uid, gid, mode;
};
void scan_read_node(const struct scan *s, int group, struct scan_node *ret);

/* The number that a link's target ends in ("../../kernel/iommu_groups/7"); -1: no such link. */
int scan_link_number(const struct scan *s, const char *path);

/* Does it make mediated devices now? */
bool scan_is_parent(const struct have *h, const char *key);
/* Puts the number of types into the functions that are parents. */
void scan_count_types(struct have *h);
