/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See fixture.h. */
#include "engine/fixture.h"

#include <stdlib.h>

#include "support/test.h"

int world_teardown(void **state)
{
	struct world *w = *state;
	world_done(w);
	free(w);
	return 0;
}

void world_up(struct world *w)
{
	have_sort(&w->m.have);
	world_start(w, true);
	world_turn(w);
}

void world_well(struct world *w)
{
	if (w->failure[0]) {
		world_print_log(w);
		fail_msg("%s", w->failure);
	}
}

struct world_answer *world_answered(struct world *w, uint64_t token, enum answer_state state)
{
	struct world_answer *a = world_answer(w, token);
	if (!a || a->state != state) {
		world_print_log(w);
		fail_msg("request %llu: %s: %s", (unsigned long long)token, a ? a->id : "no answer",
			 a ? a->because : "");
	}
	return a;
}

void world_run_well(struct world *w, int64_t ms)
{
	world_run(w, ms);
	world_well(w);
}

size_t world_apply_all(struct world *w, const char *text)
{
	size_t steps;
	uint64_t token = world_apply_as_planned(w, text, &steps);
	world_run_well(w, 3000);
	world_answered(w, token, ANSWER_DONE);
	return steps;
}

const struct slice *world_hold(struct world *w, const char *class, const char *name)
{
	uint64_t token = world_alloc(w, 1000, class, name, CLAIM_RESERVED, 0, NULL);
	world_run_well(w, 3000);
	world_answered(w, token, ANSWER_DONE);
	return world_slice(w, world_claim(w, name)->slice);
}

void world_let_go(struct world *w, const char *name)
{
	(void)world_release(w, 0, name);
	world_run_well(w, 3000);
	assert_null(world_claim(w, name));
}
