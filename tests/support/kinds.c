/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Kinds of devices to test placement with: the vendors', and others whose rules are published. */
#include "support/kinds.h"

#include <string.h>

#include "amd/kinds.h"
#include "nvidia/kinds.h"

#define LENGTH(a) (sizeof(a) / sizeof(*(a)))

/*
 * MIG and time-sliced vGPU do not share a card (NVML: nvmlDeviceSetVgpuHeterogeneousMode, vGPU User
 * Guide), and a card passed through is shared with nothing. Which vGPU types an A100
 * has is taken to be as for other cards of its memory, not read from a table of it.
 */
#define MODE_MIG 1
#define MODE_WHOLE 2
#define MODE_VGPU(gb) (100 + (gb))
#define MIG_OR(name_, slices, size_, starts_, most_, ...)                                          \
	{                                                                                          \
		.name = (name_), .worth = 8 * (slices), .size = (size_), .starts = (starts_),      \
		.takes = { (slices), __VA_ARGS__ }, .most = (most_), .mode = MODE_MIG,             \
	}
#define VGPU_OR(name_, worth_, gb, most_)                                                          \
	{                                                                                          \
		.name = (name_), .worth = (worth_), .most = (most_), .mode = MODE_VGPU(gb)         \
	}

static const struct capacity a100_any = {
	.name = "A100-40GB-any",
	.n_slots = 8,
	.n_counters = 2,
	.counters = { { "compute slices", 7 }, { "media extensions", 1 } },
	.n_profiles = 14,
	.profiles = { MIG_OR("1g.5gb", 1, 1, 0x7f, 7, 0),
		      MIG_OR("1g.5gb+me", 1, 1, 0x7f, 1, 1),
		      MIG_OR("1g.10gb", 1, 2, 0x55, 4, 0),
		      MIG_OR("2g.10gb", 2, 2, 0x15, 3, 0),
		      MIG_OR("3g.20gb", 3, 4, 0x11, 2, 0),
		      MIG_OR("4g.20gb", 4, 4, 0x01, 1, 0),
		      MIG_OR("7g.40gb", 7, 8, 0x01, 1, 1),
		      VGPU_OR("A100-40C", 56, 40, 1),
		      VGPU_OR("A100-20C", 28, 20, 2),
		      VGPU_OR("A100-10C", 14, 10, 4),
		      VGPU_OR("A100-8C", 11, 8, 5),
		      VGPU_OR("A100-5C", 7, 5, 8),
		      VGPU_OR("A100-4C", 5, 4, 10),
		      { "passthrough", .worth = 56, .most = 1, .mode = MODE_WHOLE } },
};

/* Linux, samples/vfio-mdev/mtty.c: 24 ports that both types share. */
static const struct capacity mtty = {
	.name = "mtty",
	.n_counters = 1,
	.counters = { { "ports", 24 } },
	.n_profiles = 2,
	.profiles = { { "mtty-1", .worth = 1, .takes = { 1 } },
		      { "mtty-2", .worth = 2, .takes = { 2 } } },
};
/* Linux, samples/vfio-mdev/mdpy.c: parameter count, 4 of any type. */
static const struct capacity mdpy = {
	.name = "mdpy",
	.n_counters = 1,
	.counters = { { "instances", 4 } },
	.n_profiles = 3,
	.profiles = { { "mdpy-vga", .worth = 1, .takes = { 1 } },
		      { "mdpy-xga", .worth = 1, .takes = { 1 } },
		      { "mdpy-hd", .worth = 1, .takes = { 1 } } },
};
/* Linux, samples/vfio-mdev/mbochs.c: parameter count, 256 MB of video memory. */
static const struct capacity mbochs = {
	.name = "mbochs",
	.n_counters = 1,
	.counters = { { "memory (MB)", 256 } },
	.n_profiles = 3,
	.profiles = { { "mbochs-small", .worth = 4, .takes = { 4 } },
		      { "mbochs-medium", .worth = 16, .takes = { 16 } },
		      { "mbochs-large", .worth = 64, .takes = { 64 } } },
};
/* Linux, drivers/gpu/drm/i915/gvt/vgpu.c: weights of 16. */
static const struct capacity gvt = {
	.name = "i915-GVTg_V5",
	.n_counters = 1,
	.counters = { { "weight", 16 } },
	.n_profiles = 4,
	.profiles = { { "i915-GVTg_V5_8", .worth = 2, .takes = { 2 } },
		      { "i915-GVTg_V5_4", .worth = 4, .takes = { 4 } },
		      { "i915-GVTg_V5_2", .worth = 8, .takes = { 8 } },
		      { "i915-GVTg_V5_1", .worth = 16, .takes = { 16 } } },
};
/* vGPU User Guide, "sriov-manage": 32 VFs of one GPU. The whole function goes only while none is used. */
static const struct capacity vfs = {
	.name = "SR-IOV-32",
	.n_counters = 1,
	.counters = { { "VFs", 32 } },
	.n_profiles = 2,
	.profiles = { { "vf", .worth = 1, .takes = { 1 }, .mode = 1 },
		      { "passthrough", .worth = 32, .most = 1, .mode = MODE_WHOLE } },
};

static const struct capacity *const others[] = {
	&a100_any, &mtty, &mdpy, &mbochs, &gvt, &vfs, NULL,
};
static const struct capacity *const *const all[] = { nvidia_kinds, amd_kinds, others };

const struct capacity *kinds_at(size_t n)
{
	for (size_t i = 0; i < LENGTH(all); i++)
		for (const struct capacity *const *k = all[i]; *k; k++)
			if (n-- == 0)
				return *k;
	return NULL;
}

size_t kinds_count(void)
{
	size_t n = 0;
	while (kinds_at(n))
		n++;
	return n;
}

const struct capacity *kinds_named(const char *name)
{
	const struct capacity *k;
	for (size_t i = 0; (k = kinds_at(i)); i++)
		if (strcmp(k->name, name) == 0)
			return k;
	return NULL;
}
