/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What this host has of a kernel and of NVIDIA's driver: of the running ones, and of those that it is to run next.
 */
#pragma once
#include <stdbool.h>

#include "model/sizes.h"

enum release_module {
	RELEASE_VFIO_PCI,
	RELEASE_MDEV,
	RELEASE_NVIDIA,
	RELEASE_MODULES
};
/* As modinfo has it. */
extern const char *const release_module_names[RELEASE_MODULES];

struct release {
	char kernel[NAME_SIZE];	   /* running; empty: not known */
	bool installed;		   /* the one that was asked for: its modules are listed */
	bool has[RELEASE_MODULES]; /* built in, or a file that is listed */
	char driver
		[NAME_SIZE]; /* version of the module nvidia that is loaded; empty: none, or not known */
	char library[NAME_SIZE]; /* version of libnvidia-ml.so.1; empty: none, or not known */
};

/* roots: descriptors of /sys, /proc and /. kernel: the release that is asked for. What cannot be read stays unknown.
 * Reads files on disk: may block on it. */
struct release_roots {
	int sysfs, proc, root;
};
void release_read(const struct release_roots *roots, const char *kernel, struct release *ret);

/* Could it be one? "6.12.3-1-amd64", "580.159.04": no folder, and it begins with a digit. */
bool release_valid(const char *text);
/* Is the version that text begins with the same as that, or later? False for what has no number. */
bool release_at_least(const char *text, unsigned major, unsigned minor);
