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
