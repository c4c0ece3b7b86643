/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What devices can be divided into, as data. A kind of device has counters (memory, engines, VFs) and
 * perhaps slots in a row; a profile takes of the counters and, where there are slots, so many of them
 * side by side from one of the slots at which it may begin. Some profiles exclude each other on one
 * device. Nothing here knows a mechanism: MIG, vGPU, mdev, VFs, partition modes and passthrough are
 * kinds like any other.
 *
 * On a machine the placements are what the driver says; the tables of src/nvidia and src/amd are for
 * planning without the machine, and for tests.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CAPACITY_COUNTERS 6
#define CAPACITY_PROFILES 64 /* of one kind */
#define CAPACITY_SLOTS 64
#define CAPACITY_MOST UINT16_MAX /* parts of one profile on one device */

struct capacity_counter {
	const char *name;
	uint32_t total;
};

struct capacity_profile {
	const char *name;
	uint32_t worth;	 /* how much of the device it is, in units of the kind */
	uint32_t size;	 /* slots side by side; 0: it takes none */
	uint64_t starts; /* bit n: may begin at slot n */
	uint32_t takes[CAPACITY_COUNTERS];
	uint32_t most;	  /* on one device; 0: as many as fit */
	uint32_t mode;	  /* all parts of a device are of one mode; 0: goes with any */
	uint64_t bars;	  /* bit n: never on a device with profile n, and the reverse */
	uint32_t memory;  /* MiB; 0: not known */
	uint32_t compute; /* compute units, as the vendor counts them; 0: not known */
};

struct capacity {
	const char *name;
	uint32_t n_slots;
	uint32_t n_counters;
	struct capacity_counter counters[CAPACITY_COUNTERS];
	uint32_t n_profiles;
	struct capacity_profile profiles[CAPACITY_PROFILES];
};

/* How much of one device is in use. All zero: nothing. */
struct capacity_use {
	uint64_t occupied; /* slots of its parts */
	uint64_t begins;   /* those where a part begins */
	uint64_t reserved; /* slots that nothing may take, whoever has them */
	uint32_t used[CAPACITY_COUNTERS];
	uint16_t count[CAPACITY_PROFILES];
};

/* The first thing wrong with the data of a kind, in words; NULL: it can be used. */
const char *capacity_wrong(const struct capacity *k);

/* Number of the profile of that name; -1: the kind has none. */
int capacity_find(const struct capacity *k, const char *name);

/* So many slots from that one on, as bits; what is beyond the last possible one is left out. */
uint64_t capacity_slots(uint32_t start, uint32_t size);

/* The slots of a part that begins there. */
uint64_t capacity_mask(const struct capacity *k, uint32_t profile, uint32_t start);

/* Where one more part could begin now: bit n is slot n; bit 0 for a profile without slots. */
uint64_t capacity_starts(const struct capacity *k, const struct capacity_use *d, uint32_t profile);

/* Could one more begin there now? Whatever start is. */
bool capacity_fits(const struct capacity *k, const struct capacity_use *d, uint32_t profile,
		   uint32_t start);

/* Whether anything but a lack of free slots is in the way of one more: limits, counters, modes. */
bool capacity_barred(const struct capacity *k, const struct capacity_use *d, uint32_t profile);

/* Could a part of that profile that begins there be one of those in use? */
bool capacity_has(const struct capacity *k, const struct capacity_use *d, uint32_t profile,
		  uint32_t start);

/* How many more parts of one profile the device could take, if it takes nothing else. */
uint32_t capacity_more(const struct capacity *k, const struct capacity_use *d, uint32_t profile);

/* A part comes or goes. The start must be one of capacity_starts(), the part must be there. */
void capacity_add(const struct capacity *k, struct capacity_use *d, uint32_t profile,
		  uint32_t start);
void capacity_remove(const struct capacity *k, struct capacity_use *d, uint32_t profile,
		     uint32_t start);
