/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Profiles, ids and placements: "nvidia-smi mig -lgip" and "-lgipp" as NVIDIA's MIG User Guide prints them and as they
 * are published of real cards (A100 40 and 80 GB, A30, H100 80 GB, H100 NVL). H200 and B200: names and counts of the
 * guide; ids and placements are taken to be those of H100. RTX PRO 6000: ids and counts of the guide; its
 * placements are an assumption. Index numbers: nvml.h. Memory: the least that is seen in listings.
 */
#include "sim/nvidia-cards.h"

#define LENGTH(a) (sizeof(a) / sizeof(*(a)))

/* name, index, id, slices, size, most, starts, SM, copy engines, decoders, encoders, jpeg, optical flow, memory */
#define P(...)                                                                                     \
	{                                                                                          \
		__VA_ARGS__                                                                        \
	}

static const struct nvidia_profile a30[] = {
	P("1g.6gb", 0, 14, 1, 1, 4, 0xf, 14, 1, 0, 0, 0, 0, 5949),
	P("2g.12gb", 1, 5, 2, 2, 2, 0x5, 28, 2, 2, 0, 0, 0, 11970),
	P("4g.24gb", 3, 0, 4, 4, 1, 0x1, 56, 4, 4, 0, 1, 1, 24003),
	P("1g.6gb+me", 7, 21, 1, 1, 1, 0xf, 14, 1, 1, 0, 1, 1, 5949),
	P("2g.12gb+me", 8, 6, 2, 2, 1, 0x5, 28, 2, 2, 0, 1, 1, 11970),
};

#define AMPERE(n1, n1me, n1x2, n2, n3, n4, n7, unit)                                               \
	{                                                                                          \
		P(n1, 0, 19, 1, 1, 7, 0x7f, 14, 1, 0, 0, 0, 0, (unit)),                            \
			P(n2, 1, 14, 2, 2, 3, 0x15, 28, 2, 1, 0, 0, 0, 2 * (unit)),                \
			P(n3, 2, 9, 3, 4, 2, 0x11, 42, 3, 2, 0, 0, 0, 4 * (unit)),                 \
			P(n4, 3, 5, 4, 4, 1, 0x1, 56, 4, 2, 0, 0, 0, 4 * (unit)),                  \
			P(n7, 4, 0, 7, 8, 1, 0x1, 98, 7, 5, 0, 1, 1, 8 * (unit)),                  \
			P(n1me, 7, 20, 1, 1, 1, 0x7f, 14, 1, 1, 0, 1, 1, (unit)),                  \
			P(n1x2, 9, 15, 1, 2, 4, 0x55, 14, 1, 1, 0, 0, 0, 2 * (unit)),              \
	}
#define HOPPER(n1, n1me, n1x2, n2, n3, n4, n7, unit)                                               \
	{                                                                                          \
		P(n1, 0, 19, 1, 1, 7, 0x7f, 16, 1, 1, 0, 1, 0, (unit)),                            \
			P(n2, 1, 14, 2, 2, 3, 0x15, 32, 2, 2, 0, 2, 0, 2 * (unit)),                \
			P(n3, 2, 9, 3, 4, 2, 0x11, 60, 3, 3, 0, 3, 0, 4 * (unit)),                 \
			P(n4, 3, 5, 4, 4, 1, 0x1, 64, 4, 4, 0, 4, 0, 4 * (unit)),                  \
			P(n7, 4, 0, 7, 8, 1, 0x1, 132, 8, 7, 0, 7, 1, 8 * (unit)),                 \
			P(n1me, 7, 20, 1, 1, 1, 0x7f, 16, 1, 1, 0, 1, 1, (unit)),                  \
			P(n1x2, 9, 15, 1, 2, 4, 0x55, 26, 1, 1, 0, 1, 0, 2 * (unit)),              \
	}

static const struct nvidia_profile a100_40[] =
	AMPERE("1g.5gb", "1g.5gb+me", "1g.10gb", "2g.10gb", "3g.20gb", "4g.20gb", "7g.40gb", 4864);
static const struct nvidia_profile a100_80[] = AMPERE("1g.10gb", "1g.10gb+me", "1g.20gb", "2g.20gb",
						      "3g.40gb", "4g.40gb", "7g.80gb", 9728);
static const struct nvidia_profile h100_80[] = HOPPER("1g.10gb", "1g.10gb+me", "1g.20gb", "2g.20gb",
						      "3g.40gb", "4g.40gb", "7g.80gb", 9984);
static const struct nvidia_profile h100_94[] = HOPPER("1g.12gb", "1g.12gb+me", "1g.24gb", "2g.24gb",
						      "3g.47gb", "4g.47gb", "7g.94gb", 11776);
static const struct nvidia_profile h200[] = HOPPER("1g.18gb", "1g.18gb+me", "1g.35gb", "2g.35gb",
						   "3g.71gb", "4g.71gb", "7g.141gb", 16384);
static const struct nvidia_profile b200[] = HOPPER("1g.23gb", "1g.23gb+me", "1g.45gb", "2g.45gb",
						   "3g.90gb", "4g.90gb", "7g.180gb", 22016);

static const struct nvidia_profile rtx_pro_6000[] = {
	P("1g.24gb", 0, 14, 1, 1, 4, 0xf, 46, 1, 1, 1, 1, 0, 24186),
	P("2g.48gb", 1, 5, 2, 2, 2, 0x5, 94, 2, 2, 2, 2, 0, 48517),
	P("4g.96gb", 3, 0, 4, 4, 1, 0x1, 188, 4, 4, 4, 4, 1, 97280),
	P("1g.24gb+me", 7, 21, 1, 1, 1, 0xf, 46, 1, 1, 1, 1, 1, 24186),
	P("1g.24gb+gfx", 0xa, 47, 1, 1, 4, 0xf, 46, 1, 1, 1, 1, 0, 24186),
	P("2g.48gb+gfx", 0xb, 35, 2, 2, 2, 0x5, 94, 2, 2, 2, 2, 0, 48517),
	P("4g.96gb+gfx", 0xc, 32, 4, 4, 1, 0x1, 188, 4, 4, 4, 4, 1, 97280),
	P("1g.24gb-me", 0xd, 67, 1, 1, 4, 0xf, 46, 1, 0, 0, 0, 0, 24186),
	P("2g.48gb-me", 0xe, 66, 2, 2, 2, 0x5, 94, 2, 0, 0, 0, 0, 48517),
	P("1g.24gb+me.all", 0xf, 65, 1, 1, 1, 0xf, 46, 1, 4, 4, 4, 1, 24186),
	P("2g.48gb+me.all", 0x10, 64, 2, 2, 1, 0x5, 94, 2, 4, 4, 4, 1, 48517),
};

#define MIG(slices, compute, keeps, table) (slices), (compute), (keeps), (table), LENGTH(table)
#define NO_MIG 0, 0, false, NULL, 0

const struct nvidia_card nvidia_cards[] = {
	{ 0x20b7, "NVIDIA A30", 24576, MIG(4, 4, true, a30) },
	{ 0x20b0, "NVIDIA A100-SXM4-40GB", 40960, MIG(8, 7, true, a100_40) },
	{ 0x20f1, "NVIDIA A100-PCIE-40GB", 40960, MIG(8, 7, true, a100_40) },
	{ 0x20b2, "NVIDIA A100-SXM4-80GB", 81920, MIG(8, 7, true, a100_80) },
	{ 0x20b5, "NVIDIA A100 80GB PCIe", 81920, MIG(8, 7, true, a100_80) },
	{ 0x2330, "NVIDIA H100 80GB HBM3", 81559, MIG(8, 7, false, h100_80) },
	{ 0x2331, "NVIDIA H100 PCIe", 81559, MIG(8, 7, false, h100_80) },
	{ 0x2321, "NVIDIA H100 NVL", 95830, MIG(8, 7, false, h100_94) },
	{ 0x2335, "NVIDIA H200", 143771, MIG(8, 7, false, h200) },
	{ 0x2901, "NVIDIA B200", 183359, MIG(8, 7, false, b200) },
	{ 0x2bb5, "NVIDIA RTX PRO 6000 Blackwell Server Edition", 97887,
	  MIG(4, 4, false, rtx_pro_6000) },
	{ 0x27b8, "NVIDIA L4", 23034, NO_MIG },
	{ 0x26b9, "NVIDIA L40S", 46068, NO_MIG },
	{ 0x25b6, "NVIDIA A16", 15356, NO_MIG },
	{ 0x1eb8, "Tesla T4", 15360, NO_MIG },
};
const size_t nvidia_cards_n = LENGTH(nvidia_cards);

const struct nvidia_card *nvidia_card_of(uint16_t vendor, uint16_t device)
{
	for (size_t i = 0; vendor == 0x10de && i < nvidia_cards_n; i++)
		if (nvidia_cards[i].device == device)
			return &nvidia_cards[i];
	return NULL;
}
