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
/* Goes on for ms; no invariant broke. */
void world_run_well(struct world *w, int64_t ms);
/* Applies what a plan said before, to the end. The number of its steps. */
size_t world_apply_all(struct world *w, const char *text);
/* A claim of uid 1000 that is granted, or the test fails; its slice, borrowed. */
const struct slice *world_hold(struct world *w, const char *class, const char *name);
/* And is released; it is gone. */
void world_let_go(struct world *w, const char *name);
