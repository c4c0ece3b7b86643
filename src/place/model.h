/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What devices can be divided into, as data. A kind of device has counters (memory, engines, VFs) and
 * perhaps slots in a row; a profile takes of the counters and, where there are slots, so many of them
 * side by side from one of the slots at which it may begin. Some profiles exclude each other on one
 * device. Nothing here knows a mechanism: MIG, vGPU, mdev, VFs, partition modes and passthrough are
 * kinds like any other.
 *
 * On a machine the placements are what the driver says; the tables of tables.c are for planning
 * without the machine, and for tests.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PLACE_COUNTERS 6
#define PLACE_PROFILES 24 /* of one kind */
#define PLACE_SLOTS 64
#define PLACE_MOST 255 /* parts of one profile on one device */

struct place_counter {
	const char *name;
	uint32_t total;
};

struct place_kind_profile {
	const char *name;
	uint32_t worth;	 /* how much of the device it is, in units of the kind */
	uint32_t size;	 /* slots side by side; 0: it takes none */
	uint64_t starts; /* bit n: may begin at slot n */
	uint32_t takes[PLACE_COUNTERS];
	uint32_t most; /* on one device; 0: as many as fit */
	uint32_t mode; /* all parts of a device are of one mode; 0: goes with any */
	uint32_t bars; /* bit n: never on a device with profile n, and the reverse */
};

struct place_kind {
	const char *name;
	uint32_t n_slots;
	uint32_t n_counters;
	struct place_counter counters[PLACE_COUNTERS];
	uint32_t n_profiles;
	struct place_kind_profile profiles[PLACE_PROFILES];
};

/* How much of one device is in use. All zero: nothing. */
struct place_device {
	uint64_t occupied; /* slots of its parts */
	uint64_t begins;   /* those where a part begins */
	uint64_t reserved; /* slots that nothing may take, whoever has them */
	uint32_t used[PLACE_COUNTERS];
	uint8_t count[PLACE_PROFILES];
};

/* The first thing wrong with the data of a kind, in words; NULL: it can be used. */
const char *place_kind_wrong(const struct place_kind *k);

/* Number of the profile of that name; -1: the kind has none. */
int place_kind_find(const struct place_kind *k, const char *name);

/* The slots of a part that begins there. */
uint64_t place_mask(const struct place_kind *k, uint32_t profile, uint32_t start);

/* Where one more part could begin now: bit n is slot n; bit 0 for a profile without slots. */
uint64_t place_starts(const struct place_kind *k, const struct place_device *d, uint32_t profile);

/* Whether anything but a lack of free slots is in the way of one more: limits, counters, modes. */
bool place_barred(const struct place_kind *k, const struct place_device *d, uint32_t profile);

/* How many more parts of one profile the device could take, if it takes nothing else. */
uint32_t place_more(const struct place_kind *k, const struct place_device *d, uint32_t profile);

/* A part comes or goes. The start must be one of place_starts(), the part must be there. */
void place_add(const struct place_kind *k, struct place_device *d, uint32_t profile,
	       uint32_t start);
void place_remove(const struct place_kind *k, struct place_device *d, uint32_t profile,
		  uint32_t start);

/* Kinds from vendors' documents: MIG, vGPU, mdev, VFs, partition modes. */
extern const struct place_kind *const place_kinds[];
extern const size_t place_n_kinds;

/* The kind of that name; NULL: not in the tables. */
const struct place_kind *place_kind_named(const char *name);
