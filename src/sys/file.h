/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Our own files: read whole within a limit, replaced whole. A reader sees the old text or the new
 * one, also after a power cut.
 */
#pragma once
#include <stddef.h>
#include <sys/types.h>

/* Opens a directory for the functions below: a descriptor the caller owns, or negative errno. */
int file_dir_open(const char *path);

/* Replaces dir/name: written beside it, synced, renamed, directory synced. On failure the old file is
 * there unchanged and nothing is left beside it. May block on the disk. */
int file_replace(int dir, const char *name, const void *data, size_t len, mode_t mode);

/* Whole file with NUL behind it, caller frees. -EFBIG beyond max bytes. A last component that is a link
 * is refused with -ELOOP. */
int file_read(int dir, const char *name, size_t max, char **ret, size_t *ret_len);
