/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What to do about a request that has no place: the one release, or the one move, that makes one. */
#pragma once
#include "place/moves.h"

struct place_advice {
	bool can_release;
	uint32_t part;		      /* to release: the one worth least */
	struct place_answer released; /* where the request goes then */
	bool can_move;
	struct place_plan moved; /* of one move, of a part that may be moved */
};

/* For a request that place_online() has refused. What must be kept is kept. */
void place_advise(const struct place_weights *w, const struct capacity_use *devices, size_t n,
		  const struct place_part *parts, size_t n_parts, const struct place_wish *wish,
		  struct place_advice *ret);
