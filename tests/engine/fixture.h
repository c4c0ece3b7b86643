/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the tests of the engine begin and end with: a failure is told with the log of its world. */
#pragma once
#include "engine/world.h"

/* Of cmocka: ends the world that *state points to. */
int world_teardown(void **state);
/* Its devices are all there: the first start, and the first turn. */
void world_up(struct world *w);
/* No invariant broke; else the test fails. */
void world_well(struct world *w);
/* The answer to that request, in that state; else the test fails. Borrowed. */
struct world_answer *world_answered(struct world *w, uint64_t token, enum answer_state state);
