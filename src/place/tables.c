/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Kinds of devices as their vendors describe them; what they mean is in model.h. For planning without
 * the machine, and for tests: on a machine the driver is asked.
 */
#include "place/model.h"

#define LENGTH(a) (sizeof(a) / sizeof(*(a)))

/* --- NVIDIA MIG ------------------------------------------------------------------------------- */

/*
 * Placements: NVIDIA Multi-Instance GPU User Guide, "nvidia-smi mig -lgipp" of an A100-SXM4-40GB;
 * the same lines are published of A100 80 GB, H100 80 GB and H100 NVL 94 GB. H200 and B200 are taken
 * to be like them: the guide prints their profiles and counts, not their placements. The last of the
 * eight memory slots belongs to no profile of one slot.
 */
#define MIG(name_, slices, size_, starts_, most_, ...)                                             \
	{                                                                                          \
		.name = (name_), .worth = (slices), .size = (size_), .starts = (starts_),          \
		.takes = { (slices), __VA_ARGS__ }, .most = (most_),                               \
	}

/* Engines: the guide's "GPU Instance Profiles on A100". */
#define AMPERE(kind, n1, n1me, n1x2, n2, n3, n4, n7)                                               \
	{                                                                                          \
		.name = (kind), .n_slots = 8, .n_counters = 4,                                     \
		.counters = { { "compute slices", 7 },                                             \
			      { "decoders", 5 },                                                   \
			      { "JPEG engines", 1 },                                               \
			      { "optical flow engines", 1 } },                                     \
		.n_profiles = 7,                                                                   \
		.profiles = { MIG(n1, 1, 1, 0x7f, 7, 0),      MIG(n1me, 1, 1, 0x7f, 1, 1, 1, 1),   \
			      MIG(n1x2, 1, 2, 0x55, 4, 1),    MIG(n2, 2, 2, 0x15, 3, 1),           \
			      MIG(n3, 3, 4, 0x11, 2, 2),      MIG(n4, 4, 4, 0x01, 1, 2),           \
			      MIG(n7, 7, 8, 0x01, 1, 5, 1, 1) },                                   \
	}

/* Engines: "nvidia-smi mig -lgip" of an H100 80GB HBM3; each slice has a decoder and a JPEG engine. */
#define HOPPER(kind, n1, n1me, n1x2, n2, n3, n4, n7)                                               \
	{                                                                                          \
		.name = (kind), .n_slots = 8, .n_counters = 4,                                     \
		.counters = { { "compute slices", 7 },                                             \
			      { "decoders", 7 },                                                   \
			      { "JPEG engines", 7 },                                               \
			      { "optical flow engines", 1 } },                                     \
		.n_profiles = 7,                                                                   \
		.profiles = { MIG(n1, 1, 1, 0x7f, 7, 1, 1),   MIG(n1me, 1, 1, 0x7f, 1, 1, 1, 1),   \
			      MIG(n1x2, 1, 2, 0x55, 4, 1, 1), MIG(n2, 2, 2, 0x15, 3, 2, 2),        \
			      MIG(n3, 3, 4, 0x11, 2, 3, 3),   MIG(n4, 4, 4, 0x01, 1, 4, 4),        \
			      MIG(n7, 7, 8, 0x01, 1, 7, 7, 1) },                                   \
	}

static const struct place_kind a100_40 = AMPERE("A100-40GB", "1g.5gb", "1g.5gb+me", "1g.10gb",
						"2g.10gb", "3g.20gb", "4g.20gb", "7g.40gb");
static const struct place_kind a100_80 = AMPERE("A100-80GB", "1g.10gb", "1g.10gb+me", "1g.20gb",
						"2g.20gb", "3g.40gb", "4g.40gb", "7g.80gb");
static const struct place_kind h100_80 = HOPPER("H100-80GB", "1g.10gb", "1g.10gb+me", "1g.20gb",
						"2g.20gb", "3g.40gb", "4g.40gb", "7g.80gb");
/* H100 NVL: "nvidia-smi mig -lgip", published. */
static const struct place_kind h100_94 = HOPPER("H100-94GB", "1g.12gb", "1g.12gb+me", "1g.24gb",
						"2g.24gb", "3g.47gb", "4g.47gb", "7g.94gb");
/* GH200: mig-parted's example configuration names the smallest and the whole. */
static const struct place_kind h100_96 = HOPPER("H100-96GB", "1g.12gb", "1g.12gb+me", "1g.24gb",
						"2g.24gb", "3g.48gb", "4g.48gb", "7g.96gb");
/* The guide, "GPU Instance Profiles on H200"; engines as H100. */
static const struct place_kind h200_141 = HOPPER("H200-141GB", "1g.18gb", "1g.18gb+me", "1g.35gb",
						 "2g.35gb", "3g.71gb", "4g.71gb", "7g.141gb");
/* The guide, "GPU Instance Profiles on B200"; engines as H100. */
static const struct place_kind b200_180 = HOPPER("B200-180GB", "1g.23gb", "1g.23gb+me", "1g.45gb",
						 "2g.45gb", "3g.90gb", "4g.90gb", "7g.180gb");

/* The guide, "GPU Instance Profiles on A30", and "-lgipp" of the card. One has the media extensions. */
static const struct place_kind a30 = {
	.name = "A30-24GB",
	.n_slots = 4,
	.n_counters = 2,
	.counters = { { "compute slices", 4 }, { "media extensions", 1 } },
	.n_profiles = 5,
	.profiles = { MIG("1g.6gb", 1, 1, 0xf, 4, 0), MIG("1g.6gb+me", 1, 1, 0xf, 1, 1),
		      MIG("2g.12gb", 2, 2, 0x5, 2, 0), MIG("2g.12gb+me", 2, 2, 0x5, 1, 1),
		      MIG("4g.24gb", 4, 4, 0x1, 1, 1) },
};

/*
 * The guide, "GPU Instance Profiles on RTX PRO 6000 Blackwell": counts, no placements, so slices are
 * only counted. nvml.h, NVML_GPU_INSTANCE_PROFILE_1_SLICE_ALL_ME: "+me.all" leaves the media engines
 * to nobody, so that only "-me" goes beside it.
 */
#define ALL_BUT_NO_ME 0x6ef
static const struct place_kind rtx_pro_6000 = {
	.name = "RTX-PRO-6000-96GB",
	.n_counters = 1,
	.counters = { { "compute slices", 4 } },
	.n_profiles = 11,
	.profiles = { { "1g.24gb", .worth = 1, .takes = { 1 } },
		      { "1g.24gb+me", .worth = 1, .takes = { 1 }, .most = 1 },
		      { "1g.24gb+gfx", .worth = 1, .takes = { 1 } },
		      { "1g.24gb+me.all", .worth = 1, .takes = { 1 }, .most = 1,
			.bars = ALL_BUT_NO_ME },
		      { "1g.24gb-me", .worth = 1, .takes = { 1 } },
		      { "2g.48gb", .worth = 2, .takes = { 2 } },
		      { "2g.48gb+gfx", .worth = 2, .takes = { 2 } },
		      { "2g.48gb+me.all", .worth = 2, .takes = { 2 }, .most = 1,
			.bars = ALL_BUT_NO_ME },
		      { "2g.48gb-me", .worth = 2, .takes = { 2 } },
		      { "4g.96gb", .worth = 4, .takes = { 4 } },
		      { "4g.96gb+gfx", .worth = 4, .takes = { 4 } } },
};

/* --- NVIDIA vGPU ------------------------------------------------------------------------------ */

/*
 * Equal size, the default: all of one device have the same framebuffer, which is their mode here.
 * NVIDIA AI Enterprise, "Virtual GPU Types for Supported GPUs", column "equal-size mode".
 */
#define EQUAL(name_, gb, most_)                                                                    \
	{                                                                                          \
		.name = (name_), .worth = (gb), .most = (most_), .mode = (gb)                      \
	}

static const struct place_kind h100xm_equal = {
	.name = "H100XM-80-vGPU",
	.n_profiles = 8,
	.profiles = { EQUAL("H100XM-80C", 80, 1), EQUAL("H100XM-40C", 40, 2),
		      EQUAL("H100XM-20C", 20, 4), EQUAL("H100XM-16C", 16, 5),
		      EQUAL("H100XM-10C", 10, 8), EQUAL("H100XM-8C", 8, 10),
		      EQUAL("H100XM-5C", 5, 16), EQUAL("H100XM-4C", 4, 20) },
};
static const struct place_kind h200x_equal = {
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
		.name = (name_), .worth = (gb), .size = (size_), .starts = (starts_)               \
	}

static const struct place_kind h100xm_mixed = {
	.name = "H100XM-80-vGPU-mixed",
	.n_slots = 16,
	.n_profiles = 8,
	.profiles = { MIXED("H100XM-80C", 80, 16, 0x0001), MIXED("H100XM-40C", 40, 8, 0x0101),
		      MIXED("H100XM-20C", 20, 4, 0x1111), MIXED("H100XM-16C", 16, 4, 0x1111),
		      MIXED("H100XM-10C", 10, 2, 0x5555), MIXED("H100XM-8C", 8, 2, 0x5555),
		      MIXED("H100XM-5C", 5, 1, 0xffff), MIXED("H100XM-4C", 4, 1, 0xffff) },
};
static const struct place_kind l4_mixed = {
	.name = "L4-24-vGPU-mixed",
	.n_slots = 24,
	.n_profiles = 2,
	.profiles = { MIXED("L4-24Q", 24, 24, 0x1), MIXED("L4-6Q", 6, 6, 0x41041) },
};

/* --- a card that can be used in more than one way ----------------------------------------------- */

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

static const struct place_kind a100_any = {
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

/* --- AMD partition modes ----------------------------------------------------------------------- */

/*
 * Linux, drivers/gpu/drm/amd/amdgpu/aqua_vanjaram.c, __aqua_vanjaram_get_px_mode_info(): partitions
 * of each compute mode, and the memory modes that it goes with (GC 9.4.3). The whole card has one.
 */
#define PARTITION(name_, xccs, most_, mode_)                                                       \
	{                                                                                          \
		.name = (name_), .worth = (xccs), .takes = { (xccs) }, .most = (most_),            \
		.mode = (mode_)                                                                    \
	}

static const struct place_kind mi300x = {
	.name = "MI300X",
	.n_counters = 1,
	.counters = { { "XCCs", 8 } },
	.n_profiles = 7,
	.profiles = { PARTITION("SPX/NPS1", 8, 1, 1), PARTITION("DPX/NPS1", 4, 2, 2),
		      PARTITION("DPX/NPS2", 4, 2, 3), PARTITION("QPX/NPS1", 2, 4, 4),
		      PARTITION("QPX/NPS4", 2, 4, 5), PARTITION("CPX/NPS1", 1, 8, 6),
		      PARTITION("CPX/NPS4", 1, 8, 7) },
};
static const struct place_kind mi300a = {
	.name = "MI300A",
	.n_counters = 1,
	.counters = { { "XCCs", 6 } },
	.n_profiles = 5,
	.profiles = { PARTITION("SPX/NPS1", 6, 1, 1), PARTITION("TPX/NPS1", 2, 3, 2),
		      PARTITION("TPX/NPS4", 2, 3, 3), PARTITION("CPX/NPS1", 1, 6, 4),
		      PARTITION("CPX/NPS4", 1, 6, 5) },
};

/* --- mediated devices and VFs -------------------------------------------------------------------- */

/* Linux, samples/vfio-mdev/mtty.c: 24 ports that both types share. */
static const struct place_kind mtty = {
	.name = "mtty",
	.n_counters = 1,
	.counters = { { "ports", 24 } },
	.n_profiles = 2,
	.profiles = { { "mtty-1", .worth = 1, .takes = { 1 } },
		      { "mtty-2", .worth = 2, .takes = { 2 } } },
};
/* Linux, samples/vfio-mdev/mdpy.c: parameter count, 4 of any type. */
static const struct place_kind mdpy = {
	.name = "mdpy",
	.n_counters = 1,
	.counters = { { "instances", 4 } },
	.n_profiles = 3,
	.profiles = { { "mdpy-vga", .worth = 1, .takes = { 1 } },
		      { "mdpy-xga", .worth = 1, .takes = { 1 } },
		      { "mdpy-hd", .worth = 1, .takes = { 1 } } },
};
/* Linux, samples/vfio-mdev/mbochs.c: parameter count, 256 MB of video memory. */
static const struct place_kind mbochs = {
	.name = "mbochs",
	.n_counters = 1,
	.counters = { { "memory (MB)", 256 } },
	.n_profiles = 3,
	.profiles = { { "mbochs-small", .worth = 4, .takes = { 4 } },
		      { "mbochs-medium", .worth = 16, .takes = { 16 } },
		      { "mbochs-large", .worth = 64, .takes = { 64 } } },
};
/* Linux, drivers/gpu/drm/i915/gvt/vgpu.c: weights of 16. */
static const struct place_kind gvt = {
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
static const struct place_kind vfs = {
	.name = "SR-IOV-32",
	.n_counters = 1,
	.counters = { { "VFs", 32 } },
	.n_profiles = 2,
	.profiles = { { "vf", .worth = 1, .takes = { 1 }, .mode = 1 },
		      { "passthrough", .worth = 32, .most = 1, .mode = MODE_WHOLE } },
};

const struct place_kind *const place_kinds[] = {
	&a30,	   &a100_40,	  &a100_80,	 &h100_80,     &h100_94,      &h100_96,	 &h200_141,
	&b200_180, &rtx_pro_6000, &h100xm_equal, &h200x_equal, &h100xm_mixed, &l4_mixed, &a100_any,
	&mi300x,   &mi300a,	  &mtty,	 &mdpy,	       &mbochs,	      &gvt,	 &vfs,
};
const size_t place_n_kinds = LENGTH(place_kinds);
