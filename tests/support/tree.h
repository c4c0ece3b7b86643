/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Made-up trees of /sys, /dev and /proc in a temporary folder. Directories on the way are made as
 * needed; whatever goes wrong fails the test.
 */
#pragma once
#include <stddef.h>

struct tree {
	char path[64];
	int fd;
};

void tree_init(struct tree *t);
/* Removes the folder with all that is in it. */
void tree_done(struct tree *t);

void tree_dir(const struct tree *t, const char *path);
void tree_file(const struct tree *t, const char *path, const char *text);
void tree_bytes(const struct tree *t, const char *path, const void *bytes, size_t len);
/* As the kernel makes them: target is relative to the link's directory. */
void tree_link(const struct tree *t, const char *path, const char *target);
/* Removes a file, a link or a directory with all that is in it. */
void tree_remove(const struct tree *t, const char *path);

/* A PCI function as sysfs shows it. path is below devices/: "pci0000:00/0000:00:03.0/0000:01:00.0". */
struct tree_function {
	const char *path;
	unsigned vendor, device, class;
	const char *driver; /* NULL: none */
	int group;	    /* -1: none */
	int numa;
};
/* devices/PATH with uevent, numa_node and links, and bus/pci/devices/ADDR. */
void tree_function(const struct tree *t, const struct tree_function *f);
/* virtfnN and physfn of two functions made before. */
void tree_vf(const struct tree *t, const char *pf_path, unsigned index, const char *vf_path);
