/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Nodes that whoever uses a GPU instance opens: /dev/nvidia-caps/nvidia-cap<minor>, numbered below
 * /proc/driver/nvidia/capabilities (kernel-open/nvidia/nv-caps.c of NVIDIA/open-gpu-kernel-modules). The kernel keeps a
 * reference to what a client passed of them as long as the client runs.
 */
#pragma once
#include <stddef.h>
#include <stdint.h>

#define CAPS_NODES 9 /* of the GPU instance and of up to eight compute instances */

/* proc: descriptor of /proc. Their numbers as "major:minor". 0 and how many; none when the driver tells of none. */
int caps_nodes(int proc, const char *addr, uint32_t instance, char ret[CAPS_NODES][32],
	       size_t *ret_n);
/* Number of the function's node /dev/nvidiaN. -ENOENT: it has none. */
int caps_gpu_minor(int proc, const char *addr, uint32_t *ret);
