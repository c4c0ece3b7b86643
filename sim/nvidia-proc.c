/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What NVIDIA's modules show below /proc of themselves, not of one GPU: their version, who may make and watch GPU
 * instances, and which number the node of each has. kernel-open/nvidia/nv-caps.c of NVIDIA/open-gpu-kernel-modules
 * has the order in which numbers are given: the fabric's first, "config" and "monitor", then all instances that a GPU can
 * have, whether it has them or not.
 */
#include <sys/sysmacros.h>

#include "sim/nvidia-library.h"

#define GPUS 32
#define CAP_CONFIG 1
#define CAP_MONITOR 2

static int show_minors(struct node *n, struct str_buf *out)
{
	(void)n;
	str_buf_addf(out, "config %d\nmonitor %d\n", CAP_CONFIG, CAP_MONITOR);
	for (unsigned g = 0; g < GPUS; g++)
		for (unsigned i = 0; i < NVIDIA_INSTANCES; i++) {
			str_buf_addf(out, "gpu%u/gi%u/access %u\n", g, i,
				     nvidia_cap_minor(g, i, -1));
			for (int c = 0; c < NVIDIA_COMPUTES; c++)
				str_buf_addf(out, "gpu%u/gi%u/ci%d/access %u\n", g, i, c,
					     nvidia_cap_minor(g, i, c));
		}
	return 0;
}
static const struct file_ops ops_minors = { .show = show_minors };

static void cap_add(struct machine *m, const char *name, mode_t mode, unsigned minor)
{
	char node[NAME_SIZE];
	struct node *mig = node_path(m->tree, m->proc, "driver/nvidia/capabilities/mig");
	node_text(m->tree, mig, name,
		  "DeviceFileMinor: %u\nDeviceFileMode: %u\nDeviceFileModify: 1", minor, mode)
		->mode = mode;
	(void)STR_FORMAT(node, "nvidia-cap%u", minor);
	node_char(m->tree, node_dir(m->tree, m->dev, "nvidia-caps"), node, mode,
		  makedev(NVIDIA_CAPS_MAJOR, minor));
}

void nvidia_proc_add(struct machine *m)
{
	struct node *dir = node_path(m->tree, m->proc, "driver/nvidia");
	if (node_find(m->tree, dir, "version"))
		return;
	node_text(m->tree, dir, "version",
		  "NVRM version: NVIDIA UNIX x86_64 Kernel Module  %s  simulated", NVIDIA_VERSION);
	cap_add(m, "config", 0400, CAP_CONFIG);
	cap_add(m, "monitor", 0444, CAP_MONITOR);
	dir = node_path(m->tree, m->proc, "driver/nvidia-caps");
	node_file(m->tree, dir, "mig-minors", 0444, &ops_minors, m);
}
