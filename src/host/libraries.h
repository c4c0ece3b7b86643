/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * NVIDIA's driver has a half for programs: libraries that work with the kernel module of exactly their version only,
 * so a container needs those of its host. Here they are found.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>

#include "model/sizes.h"

struct library {
	char at[SYS_PATH_SIZE]; /* the name by which it is looked for: "/usr/lib64/libcuda.so.1" */
	char file[SYS_PATH_SIZE]; /* what that leads to, through all links */
};

struct libraries {
	struct library *items;
	size_t n;
};

/* root: descriptor of /. Those of that version that programs for the GPU load, and the driver's programs; none when the
 * library by which CUDA begins is not there or of another version. Returns 1 when there are some, 0, or -ENOMEM. Reads
 * links on disk: may block on it. */
int libraries_find(int root, const char *version, struct libraries *ret);
void libraries_done(struct libraries *l);

/* Version of libnvidia-ml.so.1; false: it is in none of the folders. */
bool libraries_version(int root, char ret[NAME_SIZE]);
