/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Parts that are given together: is there a way to put all of them, whatever the order? Exact. What
 * one device can take is listed once for each state that devices are in (only sets that are within no
 * other); then devices are filled one after the other, and what turned out not to fit on the rest is
 * remembered. When there is no way, the fewest members are told that have none either; where to find
 * them would take too long, some of whom none can be left out.
 *
 * Eight divided GPUs take milliseconds at most. The effort is bounded; only sets of many different
 * profiles on many devices that fit barely or barely not come to the bound.
 */
#pragma once
#include "model/capacity.h"

enum place_set_answer {
	PLACE_SET_FITS,
	PLACE_SET_CONFLICT, /* there is no way */
	PLACE_SET_TOO_HARD, /* not known within the effort */
};

#define PLACE_SET_EFFORT 2000000  /* steps: about a second, and 100 MiB */
#define PLACE_SET_SMALLEST 100000 /* of them at most, to find the fewest in conflict */

struct place_member {
	uint32_t profile;
	uint32_t device, start; /* answer, when all fit */
	bool in_conflict;	/* answer, when not */
};

/* Up to 255 members of each profile. Devices are not changed. Returns 0 and the answer, -ENOMEM, or
 * -E2BIG for too many members or devices (1024). */
int place_set(const struct capacity *k, const struct capacity_use *devices, size_t n,
	      struct place_member *members, size_t n_members, uint64_t effort,
	      enum place_set_answer *ret);
