/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Where a new slice goes. Pure arithmetic over what devices say they can still yield. Profiles with
 * the same pool draw on the same memory or ports: it is counted once, in the ratio of what is left
 * of each (one mtty-2 takes two mtty-1).
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct place_profile {
	uint32_t available; /* how many the device could make now */
	uint32_t pool;	    /* 0: on its own */
	uint32_t pending;   /* promised, but not yet counted by the device */
};

/* How many of profile number which can still be promised on that device. */
uint32_t place_room(const struct place_profile *profiles, size_t n, size_t which);

/* A device that could take the slice: what it has left, in units of the wanted profile. */
struct place_candidate {
	uint32_t room;
	uint32_t order; /* order of preference of the profile, lower first */
};

/* Packs: the preferred profile, then the fullest device that still has room, then the first. Keeps
 * empty devices whole for what needs one. Returns its number, or n when none has room. */
size_t place_choose(const struct place_candidate *candidates, size_t n);
