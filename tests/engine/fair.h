/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What must hold from one turn to the next between those who claim: nobody gets more than the quota of
 * his tenant, nobody overtakes who waits for the same, no claim ends but for a reason that is true.
 * Judged from the record alone, not by the code of the engine.
 */
#pragma once
#include "engine/engine.h"

/* The claims before a turn. */
struct fair {
	struct claim *claims;
	size_t n;
	uint64_t policy; /* version */
	int64_t full; /* seconds since the epoch when the ledger last took nothing; 0: it always did */
};

void fair_before(struct fair *f, const struct engine *e);
/* What broke, in ret; false: nothing. Ends what fair_before() began. */
bool fair_broke(struct fair *f, const struct engine *e, int64_t wall, char *ret, size_t size);
