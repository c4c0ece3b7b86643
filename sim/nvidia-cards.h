/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the vendor publishes of its cards, as the driver of such a card would say it. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A kind of GPU instance. index: the number under which it is asked for; id: what it is made by. */
struct nvidia_profile {
	const char *name;
	uint32_t index, id, slices, size, most;
	uint64_t starts; /* bit n: may begin at memory slice n */
	uint32_t multiprocessors, copy_engines, decoders, encoders, jpeg, optical_flow;
	uint32_t memory; /* MiB */
};

struct nvidia_card {
	uint16_t device; /* PCI id */
	const char *name;
	uint32_t memory;			/* MiB */
	uint32_t memory_slices, compute_slices; /* 0: no MIG */
	bool keeps_mode; /* MIG mode is kept in the card and needs a reset: before Hopper */
	const struct nvidia_profile *profiles;
	size_t n_profiles;
};

/* NULL: not among them. */
const struct nvidia_card *nvidia_card_of(uint16_t vendor, uint16_t device);
extern const struct nvidia_card nvidia_cards[];
extern const size_t nvidia_cards_n;
