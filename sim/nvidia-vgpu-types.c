/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * vGPU types by card. Names, sizes and numbers of H100, H200: NVIDIA AI Enterprise, "Virtual GPU Types for
 * Supported GPUs". Of A100: general knowledge. Of L40S, L4 and A16: the frame buffer in equal parts, by the grammar
 * of names; the same for what fits of several sizes. Placements of L4-6Q are those of the vGPU User Guide.
 * Ids are the driver's own, other ones in each release: 1414 and 1428 were seen, the rest is made up.
 */
#include "sim/nvidia-vgpu.h"

#define LENGTH(a) (sizeof(a) / sizeof(*(a)))
#define SLICED(id, name, gb, most, mixed)                                                          \
	{                                                                                          \
		id, name, 1024 * (gb), most, mixed, GPU_NO_PROFILE                                 \
	}
/* profile: id of the GPU instance profile, as all drivers number them. */
#define IN_INSTANCE(id, name, gb, most, profile)                                                   \
	{                                                                                          \
		id, name, 1024 * (gb), most, 0, profile                                            \
	}

static const struct nvidia_vgpu_type h100xm[] = {
	SLICED(1132, "H100XM-4C", 4, 20, 16),
	SLICED(1133, "H100XM-5C", 5, 16, 16),
	SLICED(1134, "H100XM-8C", 8, 10, 8),
	SLICED(1135, "H100XM-10C", 10, 8, 8),
	SLICED(1136, "H100XM-16C", 16, 5, 4),
	SLICED(1137, "H100XM-20C", 20, 4, 4),
	SLICED(1138, "H100XM-40C", 40, 2, 2),
	SLICED(1139, "H100XM-80C", 80, 1, 1),
	IN_INSTANCE(1140, "H100XM-1-10CME", 10, 1, 20),
	IN_INSTANCE(1141, "H100XM-1-10C", 10, 7, 19),
	IN_INSTANCE(1142, "H100XM-1-20C", 20, 4, 15),
	IN_INSTANCE(1143, "H100XM-2-20C", 20, 3, 14),
	IN_INSTANCE(1144, "H100XM-3-40C", 40, 2, 9),
	IN_INSTANCE(1145, "H100XM-4-40C", 40, 1, 5),
	IN_INSTANCE(1146, "H100XM-7-80C", 80, 1, 0),
};

static const struct nvidia_vgpu_type h200x[] = {
	IN_INSTANCE(1413, "H200X-1-18CME", 18, 1, 20), IN_INSTANCE(1414, "H200X-1-18C", 18, 7, 19),
	IN_INSTANCE(1415, "H200X-1-35C", 35, 4, 15),   IN_INSTANCE(1416, "H200X-2-35C", 35, 3, 14),
	IN_INSTANCE(1417, "H200X-3-71C", 71, 2, 9),    IN_INSTANCE(1418, "H200X-4-71C", 71, 1, 5),
	IN_INSTANCE(1419, "H200X-7-141C", 141, 1, 0),  SLICED(1420, "H200X-4C", 4, 32, 32),
	SLICED(1421, "H200X-7C", 7, 20, 20),	       SLICED(1422, "H200X-8C", 8, 16, 16),
	SLICED(1423, "H200X-14C", 14, 10, 10),	       SLICED(1424, "H200X-17C", 17, 8, 8),
	SLICED(1425, "H200X-28C", 28, 5, 5),	       SLICED(1426, "H200X-35C", 35, 4, 4),
	SLICED(1427, "H200X-70C", 70, 2, 2),	       SLICED(1428, "H200X-141C", 141, 1, 1),
};

static const struct nvidia_vgpu_type a100[] = {
	SLICED(468, "A100-4C", 4, 10, 0),	   SLICED(469, "A100-5C", 5, 8, 0),
	SLICED(470, "A100-8C", 8, 5, 0),	   SLICED(471, "A100-10C", 10, 4, 0),
	SLICED(472, "A100-20C", 20, 2, 0),	   SLICED(473, "A100-40C", 40, 1, 0),
	IN_INSTANCE(474, "A100-1-5C", 5, 7, 19),   IN_INSTANCE(475, "A100-2-10C", 10, 3, 14),
	IN_INSTANCE(476, "A100-3-20C", 20, 2, 9),  IN_INSTANCE(477, "A100-4-20C", 20, 1, 5),
	IN_INSTANCE(478, "A100-7-40C", 40, 1, 0),  IN_INSTANCE(479, "A100-1-5CME", 5, 1, 20),
	IN_INSTANCE(480, "A100-1-10C", 10, 4, 15),
};

static const struct nvidia_vgpu_type l40s[] = {
	SLICED(1148, "L40S-1Q", 1, 32, 32), SLICED(1149, "L40S-2Q", 2, 24, 24),
	SLICED(1150, "L40S-3Q", 3, 16, 16), SLICED(1151, "L40S-4Q", 4, 12, 12),
	SLICED(1152, "L40S-6Q", 6, 8, 8),   SLICED(1153, "L40S-8Q", 8, 6, 6),
	SLICED(1154, "L40S-12Q", 12, 4, 4), SLICED(1155, "L40S-16Q", 16, 3, 3),
	SLICED(1156, "L40S-24Q", 24, 2, 2), SLICED(1157, "L40S-48Q", 48, 1, 1),
	SLICED(1158, "L40S-1B", 1, 32, 32), SLICED(1159, "L40S-2B", 2, 24, 24),
	SLICED(1160, "L40S-4C", 4, 12, 12), SLICED(1161, "L40S-6C", 6, 8, 8),
	SLICED(1162, "L40S-8C", 8, 6, 6),   SLICED(1163, "L40S-12C", 12, 4, 4),
	SLICED(1164, "L40S-16C", 16, 3, 3), SLICED(1165, "L40S-24C", 24, 2, 2),
	SLICED(1166, "L40S-48C", 48, 1, 1),
};

static const struct nvidia_vgpu_type l4[] = {
	SLICED(1186, "L4-1Q", 1, 24, 24), SLICED(1187, "L4-2Q", 2, 12, 12),
	SLICED(1188, "L4-3Q", 3, 8, 8),	  SLICED(1189, "L4-4Q", 4, 6, 6),
	SLICED(1190, "L4-6Q", 6, 4, 4),	  SLICED(1191, "L4-8Q", 8, 3, 3),
	SLICED(1192, "L4-12Q", 12, 2, 2), SLICED(1193, "L4-24Q", 24, 1, 1),
	SLICED(1194, "L4-4C", 4, 6, 6),	  SLICED(1195, "L4-6C", 6, 4, 4),
	SLICED(1196, "L4-8C", 8, 3, 3),	  SLICED(1197, "L4-12C", 12, 2, 2),
	SLICED(1198, "L4-24C", 24, 1, 1),
};

/* That Ampere does not mix sizes is an assumption. */
static const struct nvidia_vgpu_type a16[] = {
	SLICED(701, "A16-1B", 1, 16, 0),  SLICED(702, "A16-2B", 2, 8, 0),
	SLICED(703, "A16-1Q", 1, 16, 0),  SLICED(704, "A16-2Q", 2, 8, 0),
	SLICED(705, "A16-4Q", 4, 4, 0),	  SLICED(706, "A16-8Q", 8, 2, 0),
	SLICED(707, "A16-16Q", 16, 1, 0), SLICED(708, "A16-4C", 4, 4, 0),
	SLICED(709, "A16-8C", 8, 2, 0),	  SLICED(710, "A16-16C", 16, 1, 0),
};

/* As of A16: the frame buffer in equal parts. */
static const struct nvidia_vgpu_type t4[] = {
	SLICED(222, "T4-1B", 1, 16, 0),	 SLICED(230, "T4-1Q", 1, 16, 0),
	SLICED(231, "T4-2Q", 2, 8, 0),	 SLICED(232, "T4-4Q", 4, 4, 0),
	SLICED(233, "T4-8Q", 8, 2, 0),	 SLICED(234, "T4-16Q", 16, 1, 0),
	SLICED(319, "T4-4C", 4, 4, 0),	 SLICED(320, "T4-8C", 8, 2, 0),
	SLICED(321, "T4-16C", 16, 1, 0),
};

/* By PCI id. slots: the least number that all mixed numbers divide, so that one takes slots / number. */
static const struct nvidia_vgpu_card cards[] = {
	{ 0x2330, 16, h100xm, LENGTH(h100xm), false }, { 0x2335, 160, h200x, LENGTH(h200x), false },
	{ 0x20b0, 0, a100, LENGTH(a100), false },      { 0x20f1, 0, a100, LENGTH(a100), false },
	{ 0x26b9, 96, l40s, LENGTH(l40s), false },     { 0x27b8, 24, l4, LENGTH(l4), false },
	{ 0x25b6, 0, a16, LENGTH(a16), false },	       { 0x1eb8, 0, t4, LENGTH(t4), true },
};

const struct nvidia_vgpu_card *nvidia_vgpu_card_find(const struct host_model *model)
{
	for (size_t i = 0; model->vendor == 0x10de && i < LENGTH(cards); i++)
		if (cards[i].device == model->device)
			return &cards[i];
	return NULL;
}

void nvidia_vgpu_description(const struct nvidia_vgpu_type *t, char *ret, size_t size)
{
	(void)str_format(ret, size,
			 "num_heads=4, frl_config=60, framebuffer=%uM, "
			 "max_resolution=7680x4320, max_instance=%u",
			 t->memory, t->most);
}
