/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The picture of the machine, read in two parts. What is here reads only links, uevent files and
 * attributes that take no device lock, needs no privilege and cannot be held up by a busy device; config
 * space, mdev capacity and VF settings come from the executor's workers as raw bytes and are put in with
 * scan_apply_*(). Nothing is spawned.
 */
#pragma once
#include "base/err.h"
#include "model/step.h"

struct scan_roots {
	int sysfs; /* descriptors of /sys and /dev, borrowed */
	int dev;
};

/* Everything anew. What only workers can tell is kept from old (may be NULL) for functions that are
 * still the same. -ENOENT: no PCI bus at all. */
int scan_all(const struct scan_roots *roots, const struct have *old, struct have *ret);

/* One function again: found, changed or gone; its VFs too when it is a PF. Returns 1 when it differs
 * from before, 0 when not. */
int scan_function(const struct scan_roots *roots, struct have *h, const char *addr);

/* Parents, and mediated devices again. Types of parents that left are dropped. */
int scan_mdevs(const struct scan_roots *roots, struct have *h);

/* The VFs of one PF: which there are, their links. */
int scan_vfs(const struct scan_roots *roots, struct have *h, const char *pf_addr);

/* Raw bytes of VERB_READ_CONFIG (addrs: the step's text), VERB_READ_MDEV, VERB_READ_VFS. -EBADMSG when
 * the lengths do not add up; the picture is then unchanged. */
int scan_apply_config(struct have *h, const char *addrs, const void *data, size_t len);
int scan_apply_types(struct have *h, const char *parent_key, const void *data, size_t len);
int scan_apply_vfs(struct have *h, const char *pf_key, const void *data, size_t len);

/* Path below /sys/devices of a key in the picture (function or parent); NULL: not there. */
const char *scan_device_path(const struct have *h, const char *key);
