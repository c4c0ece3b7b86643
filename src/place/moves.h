/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Making room by moving. A plan takes at most three parts that may be moved, on the device itself or on
 * another, and puts the new one in their place; one that moves may push another. What is
 * left counts as in online.h, and what each move is said to be worth. A part that may not move never does.
 */
#pragma once
#include "place/online.h"

#define PLACE_MOVES 3
#define PLACE_FEWEST 1e6 /* more than any state is worth */

/* A part that is there. Those of a device follow each other, in the order of the devices. */
struct place_part {
	uint32_t device;
	uint32_t profile;
	uint32_t start;
	bool movable;
};

struct place_move {
	uint32_t part; /* its number */
	uint32_t device;
	uint32_t start; /* to here */
};

/* In turn: each move finds its place free when those before it are made, and its own part has left.
 * Otherwise all parts that move leave first, then each gets its place. Then the new one has its. */
struct place_plan {
	bool in_turn;
	struct place_answer where;
	uint32_t n;
	struct place_move move[PLACE_MOVES];
};

/* A plan for what has no place; at most so many moves, and one more than there must be only where it
 * is worth more than least, see place_cost(). Returns whether there is one. The work grows linearly
 * with the number of devices. */
bool place_moves(const struct place_weights *w, const struct capacity_use *devices, size_t n,
		 const struct place_part *parts, size_t n_parts, const struct place_wish *wish,
		 uint32_t most, double least, struct place_plan *ret);

/* The moves, in turn and at most so many, that leave the devices best, where each is worth more than
 * least; see place_cost(). Nothing new comes, so "where" tells but the cost. Returns whether there are
 * any. */
bool place_tidy(const struct place_weights *w, const struct capacity_use *devices, size_t n,
		const struct place_part *parts, size_t n_parts, uint32_t most, double least,
		struct place_plan *ret);

/* Carries out one move on the data. */
void place_move_make(const struct capacity *k, struct capacity_use *devices,
		     struct place_part *part, const struct place_move *m);
