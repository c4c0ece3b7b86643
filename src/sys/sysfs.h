/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The only way to kernel files: beneath a descriptor of /sys, /dev or /proc (openat2, RESOLVE_BENEATH,
 * no magic links), with a fallback for kernels or sandboxes without openat2 that walks component by
 * component. An attribute is read whole or not at all and written in one write().
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Makes every later open use the fallback; for tests. */
void sysfs_force_fallback(bool on);

/* Opens a tree ("/sys"): a descriptor the caller owns, or negative errno. */
int sysfs_open(const char *root);
/* Opens path beneath root with O_CLOEXEC added; -EXDEV when it would leave the tree. */
int sysfs_openat(int root, const char *path, int flags);

/* Reads a whole attribute as text, final newline removed, NUL added. Returns its length, or -EFBIG
 * when it does not fit, -EINVAL when it holds NUL. May block in the kernel: see the attribute. */
ssize_t sysfs_read(int root, const char *path, char *ret, size_t size);
/* Raw bytes up to size; returns their number. */
ssize_t sysfs_read_bytes(int root, const char *path, void *ret, size_t size);
int sysfs_read_u64(int root, const char *path, unsigned base, uint64_t *ret);
int sysfs_read_int(int root, const char *path, int *ret); /* signed decimal: numa_node */
/* One write() of the whole text; a short one is -EIO. */
int sysfs_write(int root, const char *path, const char *text);
/* Target of a link; -ENAMETOOLONG. sysfs_link_name: only its last component. */
int sysfs_link(int root, const char *path, char *ret, size_t size);
int sysfs_link_name(int root, const char *path, char *ret, size_t size);
bool sysfs_exists(int root, const char *path);

/* Names in a directory, without "." and "..", in the kernel's order. fn returns non-zero to stop,
 * which is returned. */
int sysfs_list(int root, const char *path, int (*fn)(const char *name, void *userdata),
	       void *userdata);

/* Target of a link in one system call, for paths that the kernel itself gave as canonical (no link
 * on the way). Same results as sysfs_link. */
int sysfs_link_direct(int root, const char *path, char *ret, size_t size);
