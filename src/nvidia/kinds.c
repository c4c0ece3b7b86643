/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * NVIDIA cards as the vendor describes them: what MIG and vGPU can cut from each. For planning without
 * the machine, and for tests: on a machine the driver is asked.
 */
#include "nvidia/kinds.h"

#define LENGTH(a) (sizeof(a) / sizeof(*(a)))
#define VENDOR_NVIDIA 0x10de /* pci.ids */

/* --- NVIDIA MIG ------------------------------------------------------------------------------- */

/*
 * Placements: NVIDIA Multi-Instance GPU User Guide, "nvidia-smi mig -lgipp" of an A100-SXM4-40GB;
 * the same lines are published of A100 80 GB, H100 80 GB and H100 NVL 94 GB. An H100 80GB HBM3 and an
 * H200 were asked (NVML 13.580.159.04, MIG off) and say the same. B200 is taken to be like them: the
 * guide prints its profiles and counts, not their placements. The last of the eight memory slots
 * belongs to no profile of one slot. unit: MiB of a slot, the least that drivers are known to give.
 */
#define MIG(unit, name_, slices, size_, starts_, most_, ...)                                       \
	{                                                                                          \
		.name = (name_), .worth = (slices), .size = (size_), .starts = (starts_),          \
		.takes = { (slices), __VA_ARGS__ }, .most = (most_), .memory = (size_) * (unit),   \
		.compute = (slices),                                                               \
	}

/* Engines: the guide's "GPU Instance Profiles on A100". */
#define AMPERE(kind, unit, n1, n1me, n1x2, n2, n3, n4, n7)                                         \
	{                                                                                          \
		.name = (kind), .n_slots = 8, .n_counters = 4,                                     \
		.counters = { { "slices", 7 },                                                     \
			      { "decoders", 5 },                                                   \
			      { "jpeg", 1 },                                                       \
			      { "optical-flow", 1 } },                                             \
		.n_profiles = 7, .profiles = { MIG(unit, n1, 1, 1, 0x7f, 7, 0),                    \
					       MIG(unit, n1me, 1, 1, 0x7f, 1, 1, 1, 1),            \
					       MIG(unit, n1x2, 1, 2, 0x55, 4, 1),                  \
					       MIG(unit, n2, 2, 2, 0x15, 3, 1),                    \
					       MIG(unit, n3, 3, 4, 0x11, 2, 2),                    \
					       MIG(unit, n4, 4, 4, 0x01, 1, 2),                    \
					       MIG(unit, n7, 7, 8, 0x01, 1, 5, 1, 1) },            \
	}

/* Engines: NVML of an H100 80GB HBM3 and of an H200; each slice has a decoder and a JPEG engine. */
#define HOPPER(kind, unit, n1, n1me, n1x2, n2, n3, n4, n7)                                         \
	{                                                                                          \
		.name = (kind), .n_slots = 8, .n_counters = 4,                                     \
		.counters = { { "slices", 7 },                                                     \
			      { "decoders", 7 },                                                   \
			      { "jpeg", 7 },                                                       \
			      { "optical-flow", 1 } },                                             \
		.n_profiles = 7, .profiles = { MIG(unit, n1, 1, 1, 0x7f, 7, 1, 1),                 \
					       MIG(unit, n1me, 1, 1, 0x7f, 1, 1, 1, 1),            \
					       MIG(unit, n1x2, 1, 2, 0x55, 4, 1, 1),               \
					       MIG(unit, n2, 2, 2, 0x15, 3, 2, 2),                 \
					       MIG(unit, n3, 3, 4, 0x11, 2, 3, 3),                 \
					       MIG(unit, n4, 4, 4, 0x01, 1, 4, 4),                 \
					       MIG(unit, n7, 7, 8, 0x01, 1, 7, 7, 1) },            \
	}

static const struct capacity a100_40 = AMPERE("A100-40GB", 4864, "1g.5gb", "1g.5gb+me", "1g.10gb",
					      "2g.10gb", "3g.20gb", "4g.20gb", "7g.40gb");
static const struct capacity a100_80 = AMPERE("A100-80GB", 9728, "1g.10gb", "1g.10gb+me", "1g.20gb",
					      "2g.20gb", "3g.40gb", "4g.40gb", "7g.80gb");
static const struct capacity h100_80 = HOPPER("H100-80GB", 9984, "1g.10gb", "1g.10gb+me", "1g.20gb",
					      "2g.20gb", "3g.40gb", "4g.40gb", "7g.80gb");
/* H100 NVL: "nvidia-smi mig -lgip", published. */
static const struct capacity h100_94 = HOPPER("H100-94GB", 11776, "1g.12gb", "1g.12gb+me",
					      "1g.24gb", "2g.24gb", "3g.47gb", "4g.47gb",
					      "7g.94gb");
/* GH200: mig-parted's example configuration names the smallest and the whole. */
static const struct capacity h100_96 = HOPPER("H100-96GB", 11776, "1g.12gb", "1g.12gb+me",
					      "1g.24gb", "2g.24gb", "3g.48gb", "4g.48gb",
					      "7g.96gb");
/* As an H200 says (NVML 13.580.159.04). */
static const struct capacity h200_141 = HOPPER("H200-141GB", 16384, "1g.18gb", "1g.18gb+me",
					       "1g.35gb", "2g.35gb", "3g.71gb", "4g.71gb",
					       "7g.141gb");
/* The guide, "GPU Instance Profiles on B200"; engines as H100. */
static const struct capacity b200_180 = HOPPER("B200-180GB", 22016, "1g.23gb", "1g.23gb+me",
					       "1g.45gb", "2g.45gb", "3g.90gb", "4g.90gb",
					       "7g.180gb");

/* The guide, "GPU Instance Profiles on A30", and "-lgipp" of the card. One has the media extensions. */
static const struct capacity a30 = {
	.name = "A30-24GB",
	.n_slots = 4,
	.n_counters = 2,
	.counters = { { "slices", 4 }, { "media-extensions", 1 } },
	.n_profiles = 5,
	.profiles = { MIG(5949, "1g.6gb", 1, 1, 0xf, 4, 0), MIG(5949, "1g.6gb+me", 1, 1, 0xf, 1, 1),
		      MIG(5949, "2g.12gb", 2, 2, 0x5, 2, 0),
		      MIG(5949, "2g.12gb+me", 2, 2, 0x5, 1, 1),
		      MIG(5949, "4g.24gb", 4, 4, 0x1, 1, 1) },
};

/*
 * The guide, "GPU Instance Profiles on RTX PRO 6000 Blackwell": counts, no placements, so slices are
 * only counted. nvml.h, NVML_GPU_INSTANCE_PROFILE_1_SLICE_ALL_ME: "+me.all" leaves the media engines
 * to nobody, so that only "-me" goes beside it.
 */
#define ALL_BUT_NO_ME 0x6ef
static const struct capacity rtx_pro_6000 = {
	.name = "RTX-PRO-6000-96GB",
	.n_counters = 1,
	.counters = { { "slices", 4 } },
	.n_profiles = 11,
	.profiles = { { "1g.24gb", .worth = 1, .memory = 1 * 24186, .compute = 1, .takes = { 1 } },
		      { "1g.24gb+me", .worth = 1, .memory = 1 * 24186, .compute = 1, .takes = { 1 },
			.most = 1 },
		      { "1g.24gb+gfx", .worth = 1, .memory = 1 * 24186, .compute = 1,
			.takes = { 1 } },
		      { "1g.24gb+me.all", .worth = 1, .memory = 1 * 24186, .compute = 1,
			.takes = { 1 }, .most = 1, .bars = ALL_BUT_NO_ME },
		      { "1g.24gb-me", .worth = 1, .memory = 1 * 24186, .compute = 1,
			.takes = { 1 } },
		      { "2g.48gb", .worth = 2, .memory = 2 * 24186, .compute = 2, .takes = { 2 } },
		      { "2g.48gb+gfx", .worth = 2, .memory = 2 * 24186, .compute = 2,
			.takes = { 2 } },
		      { "2g.48gb+me.all", .worth = 2, .memory = 2 * 24186, .compute = 2,
			.takes = { 2 }, .most = 1, .bars = ALL_BUT_NO_ME },
		      { "2g.48gb-me", .worth = 2, .memory = 2 * 24186, .compute = 2,
			.takes = { 2 } },
		      { "4g.96gb", .worth = 4, .memory = 4 * 24186, .compute = 4, .takes = { 4 } },
		      { "4g.96gb+gfx", .worth = 4, .memory = 4 * 24186, .compute = 4,
			.takes = { 4 } } },
};

/* --- NVIDIA vGPU ------------------------------------------------------------------------------ */

/*
 * Equal size, the default: all of one device have the same framebuffer, which is their mode here.
 * NVIDIA AI Enterprise, "Virtual GPU Types for Supported GPUs", column "equal-size mode".
 */
#define EQUAL(name_, gb, most_)                                                                    \
	{                                                                                          \
		.name = (name_), .worth = (gb), .most = (most_), .mode = (gb),                     \
		.memory = 1024 * (gb),                                                             \
	}

static const struct capacity h100xm_equal = {
	.name = "H100XM-80-vGPU",
	.n_profiles = 8,
	.profiles = { EQUAL("H100XM-80C", 80, 1), EQUAL("H100XM-40C", 40, 2),
		      EQUAL("H100XM-20C", 20, 4), EQUAL("H100XM-16C", 16, 5),
		      EQUAL("H100XM-10C", 10, 8), EQUAL("H100XM-8C", 8, 10),
		      EQUAL("H100XM-5C", 5, 16), EQUAL("H100XM-4C", 4, 20) },
};
static const struct capacity h200x_equal = {
	.name = "H200X-141-vGPU",
	.n_profiles = 9,
	.profiles = { EQUAL("H200X-141C", 141, 1), EQUAL("H200X-70C", 70, 2),
		      EQUAL("H200X-35C", 35, 4), EQUAL("H200X-28C", 28, 5),
		      EQUAL("H200X-17C", 17, 8), EQUAL("H200X-14C", 14, 10),
		      EQUAL("H200X-8C", 8, 16), EQUAL("H200X-7C", 7, 20),
		      EQUAL("H200X-4C", 4, 32) },
};

/*
 * Mixed size: each type has a placement size and ids. The same tables, column "mixed-size mode", give
 * the counts. The ids are published for L4-6Q only (vGPU User Guide, "nvidia-smi vgpu -s -v"), as
 * multiples of its size; for the H100 halves of halves are taken, which give the published counts.
 */
#define MIXED(name_, gb, size_, starts_)                                                           \
	{                                                                                          \
		.name = (name_), .worth = (gb), .size = (size_), .starts = (starts_),              \
		.memory = 1024 * (gb),                                                             \
	}

static const struct capacity h100xm_mixed = {
	.name = "H100XM-80-vGPU-mixed",
	.n_slots = 16,
	.n_profiles = 8,
	.profiles = { MIXED("H100XM-80C", 80, 16, 0x0001), MIXED("H100XM-40C", 40, 8, 0x0101),
		      MIXED("H100XM-20C", 20, 4, 0x1111), MIXED("H100XM-16C", 16, 4, 0x1111),
		      MIXED("H100XM-10C", 10, 2, 0x5555), MIXED("H100XM-8C", 8, 2, 0x5555),
		      MIXED("H100XM-5C", 5, 1, 0xffff), MIXED("H100XM-4C", 4, 1, 0xffff) },
};
static const struct capacity l4_mixed = {
	.name = "L4-24-vGPU-mixed",
	.n_slots = 24,
	.n_profiles = 2,
	.profiles = { MIXED("L4-24Q", 24, 24, 0x1), MIXED("L4-6Q", 6, 6, 0x41041) },
};

/* The frame buffer in equal parts, one VF each. Taken from the names of the types and the number of
 * VFs, not read from a table: L40S 48 GB and 32 VFs, A16 16 GB and 16 VFs for each of its GPUs, L4 24 GB; T4 16 GB. */
static const struct capacity l40s_equal = {
	.name = "L40S-48-vGPU",
	.n_profiles = 10,
	.profiles = { EQUAL("L40S-48Q", 48, 1), EQUAL("L40S-24Q", 24, 2), EQUAL("L40S-16Q", 16, 3),
		      EQUAL("L40S-12Q", 12, 4), EQUAL("L40S-8Q", 8, 6), EQUAL("L40S-6Q", 6, 8),
		      EQUAL("L40S-4Q", 4, 12), EQUAL("L40S-3Q", 3, 16), EQUAL("L40S-2Q", 2, 24),
		      EQUAL("L40S-1Q", 1, 32) },
};
static const struct capacity a16_equal = {
	.name = "A16-16-vGPU",
	.n_profiles = 5,
	.profiles = { EQUAL("A16-16Q", 16, 1), EQUAL("A16-8Q", 8, 2), EQUAL("A16-4Q", 4, 4),
		      EQUAL("A16-2Q", 2, 8), EQUAL("A16-1Q", 1, 16) },
};
static const struct capacity t4_equal = {
	.name = "T4-16-vGPU",
	.n_profiles = 5,
	.profiles = { EQUAL("T4-16Q", 16, 1), EQUAL("T4-8Q", 8, 2), EQUAL("T4-4Q", 4, 4),
		      EQUAL("T4-2Q", 2, 8), EQUAL("T4-1Q", 1, 16) },
};

/* --- cards ------------------------------------------------------------------------------------- */

/* Ids: pci.ids; of H200 and RTX PRO 6000 nvidia-smi and the vendor's list of supported GPUs. */
static const struct nvidia_card cards[] = {
	{ .device = 0x20b0, .mig = &a100_40 },
	{ .device = 0x20f1, .mig = &a100_40 },
	{ .device = 0x20b2, .mig = &a100_80 },
	{ .device = 0x20b5, .mig = &a100_80 },
	{ .device = 0x20b7, .mig = &a30 },
	{ .device = 0x2330, .mig = &h100_80, .vgpu = &h100xm_equal, .mixed = &h100xm_mixed },
	{ .device = 0x2331, .mig = &h100_80 },
	{ .device = 0x2321, .mig = &h100_94 },
	{ .device = 0x2342, .mig = &h100_96 },
	{ .device = 0x2335, .mig = &h200_141, .vgpu = &h200x_equal },
	{ .device = 0x2901, .mig = &b200_180 },
	{ .device = 0x2bb5, .mig = &rtx_pro_6000 },
	{ .device = 0x26b9, .vgpu = &l40s_equal },
	{ .device = 0x25b6, .vgpu = &a16_equal },
	{ .device = 0x27b8, .mixed = &l4_mixed },
	{ .device = 0x1eb8, .vgpu = &t4_equal },
};

const struct nvidia_card *nvidia_card_find(uint16_t vendor, uint16_t device)
{
	for (size_t i = 0; vendor == VENDOR_NVIDIA && i < LENGTH(cards); i++)
		if (cards[i].device == device)
			return &cards[i];
	return NULL;
}

const struct capacity *const nvidia_kinds[] = {
	&a30,	    &a100_40,  &a100_80,      &h100_80,	     &h100_94,	   &h100_96,
	&h200_141,  &b200_180, &rtx_pro_6000, &h100xm_equal, &h200x_equal, &l40s_equal,
	&a16_equal, &t4_equal, &h100xm_mixed, &l4_mixed,     NULL,
};
