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
 * still the same; after lost events it should be read again too, a card may have been exchanged for one
 * of its kind. No PCI bus is no error. */
int scan_all(const struct scan_roots *roots, const struct have *old, struct have *ret);

/*
 * Parts of it again, after a step or an event. Each returns 1 when the picture changed, 0 when not.
 * Pointers into the picture are void afterwards.
 */
/* One function: found, changed or gone (with its VFs). A VF learns its PF and index. */
int scan_function(const struct scan_roots *roots, struct have *h, const char *addr);
/* A PF and all its VFs: which there are, their links, drivers, nodes. */
int scan_vfs(const struct scan_roots *roots, struct have *h, const char *pf_addr);
/* One mediated device: found, changed or gone. */
int scan_mdev(const struct scan_roots *roots, struct have *h, const char *uuid);
/* All parents and mediated devices. Types of parents that left are dropped. Returns 0. */
int scan_mdevs(const struct scan_roots *roots, struct have *h);

/* Raw bytes of VERB_READ_CONFIG (addrs: the step's text), VERB_READ_MDEV, VERB_READ_VFS. -EBADMSG when
 * the lengths do not add up; the picture is then unchanged. A length of 0 says that nothing could be
 * read: what was known of that function stays. */
int scan_apply_config(struct have *h, const char *addrs, const void *data, size_t len);
int scan_apply_types(struct have *h, const char *parent_key, const void *data, size_t len);
int scan_apply_vfs(struct have *h, const char *pf_key, const void *data, size_t len);

/* Struct gpu_report of VERB_READ_GPU, or of a step that changed the GPU. What it says is checked for what can be:
 * -EBADMSG, and that GPU is one that nobody sees. part: of a step that says what it changed only, 1 + the slot where a
 * part went or came; 0: none. */
int scan_apply_gpu(struct have *h, const char *key, uint32_t part, const void *data, size_t len);

/* To be called after config space was applied, with the same addrs: lowers sriov_total of each PF to what its
 * driver allows. 1 when something changed. Later scans do it themselves. */
int scan_vf_limits(const struct scan_roots *roots, struct have *h, const char *addrs);

/* Path below /sys/devices of a key in the picture (function or parent); NULL: not there. */
const char *scan_device_path(const struct have *h, const char *key);

/*
 * Asked for one device at a time, when people look at it; none takes the device lock. Empty when there
 * is nothing. path: function.path or another path below /sys/devices.
 */
/* Network interfaces, separated by blanks, sorted. */
int scan_netdevs(const struct scan_roots *roots, const char *path, char *ret, size_t size);
/* Reset methods in the kernel's order: "flr bus". */
int scan_reset_methods(const struct scan_roots *roots, const char *path, char *ret, size_t size);
/* CPUs of the node that is nearest: "0-15,32-47"; -ENOENT where the kernel does not say. */
int scan_cpus(const struct scan_roots *roots, const char *path, char *ret, size_t size);
/* Name of the VFIO character device of its own: "vfio0" below /dev/vfio/devices; kernels with iommufd. */
int scan_vfio_cdev(const struct scan_roots *roots, const char *path, char *ret, size_t size);
