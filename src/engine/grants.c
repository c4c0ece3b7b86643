/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The commit that makes finished claims held. A synced commit costs what the disk costs, so claims that
 * finish close together share one: finished ones are held back until three quarters of those under way
 * have finished, or a time has passed. That time grows within one burst, so that a burst of n claims
 * makes about log4(n) commits, whatever the speed of its devices; but only so far, since a burst never ends
 * where somebody claims all the time. A lone claim waits for nobody.
 */
#include "engine/internal.h"

#define GRANT_SHARE 3	    /* finished ones for each one still under way */
#define GRANT_HOLD_GROWTH 4 /* of the longest wait, within one burst */
#define GRANT_HOLD_MAX_MS 2000

struct counts {
	size_t finished, open;
};

static bool slice_is_finished(const struct engine *e, uint64_t slice)
{
	const struct slice_state_volatile *v = state_slice_peek(e, slice);
	return v && v->finished;
}

/* Of what has parts: all of them. */
static bool is_finished(const struct engine *e, const struct claim *c)
{
	const struct claim *part;
	size_t i = 0;
	if (!c->whole[0] && !c->parts)
		return slice_is_finished(e, c->slice);
	while ((part = parts_next(e, claim_whole(c), &i)))
		if (!slice_is_finished(e, part->slice))
			return false;
	return true;
}

/* Those that wait for something slow or for somebody else do not hold others back. */
static bool is_under_way(const struct engine *e, const struct claim *c)
{
	return c->state == CLAIM_PREPARING && c->slice != 0 &&
	       state_has_waiter(e, WAIT_ALLOC, c->name);
}

static struct counts count(const struct engine *e)
{
	struct counts n = { 0 };
	for (size_t i = 0; i < e->rec.n_claims; i++) {
		const struct claim *c = &e->rec.claims[i];
		if (c->state != CLAIM_PREPARING || c->slice == 0)
			continue;
		if (is_finished(e, c))
			n.finished++;
		else if (is_under_way(e, c))
			n.open++;
	}
	return n;
}

static bool is_due(struct engine *e, const struct counts *n)
{
	if (n->finished >= n->open * GRANT_SHARE)
		return true;
	if (e->now - e->state.grant_since < e->state.grant_hold_ms)
		return false;
	e->state.grant_hold_ms *= GRANT_HOLD_GROWTH;
	if (e->state.grant_hold_ms > GRANT_HOLD_MAX_MS)
		e->state.grant_hold_ms = GRANT_HOLD_MAX_MS;
	return true;
}

static void hold(struct engine *e, struct claim *c)
{
	struct slice *s = c->slice ? store_slice_edit(e, c->slice) : NULL;
	c->state = CLAIM_HELD;
	c->reason[0] = '\0';
	if (!s)
		return;
	s->state = SLICE_HELD;
	store_slice_used(s, c);
	state_slice_forget(e, s->id);
}

static void grant(struct engine *e, struct claim *c)
{
	const struct claim *part;
	size_t i = 0;
	while (c->parts && (part = parts_next(e, c->name, &i))) {
		struct claim *edit = store_claim_edit(e, part->name);
		if (edit)
			hold(e, edit);
	}
	hold(e, c);
	lease_begin(e, c);
	event_claim(e, "claim.held", c, NULL);
	answer_waiters(e, WAIT_ALLOC, c->name, c, c->slice ? store_slice(e, c->slice) : NULL, NULL);
	e->sync = true;
}

/* A part is granted with its whole. */
static bool is_to_be_granted(const struct engine *e, const struct claim *c)
{
	return c->state == CLAIM_PREPARING && !claim_is_waiting(c) && !c->whole[0] &&
	       is_finished(e, c);
}

void grants_commit(struct engine *e)
{
	struct counts n = count(e);
	if (n.finished == 0) {
		e->state.grant_since = -1;
		if (n.open == 0)
			e->state.grant_hold_ms = ENGINE_GRANT_HOLD_MS;
		return;
	}
	if (e->state.grant_since < 0)
		e->state.grant_since = e->now;
	if (!is_due(e, &n))
		return;
	for (size_t i = 0; i < e->rec.n_claims; i++) {
		const struct claim *c = &e->rec.claims[i];
		struct claim *edit = is_to_be_granted(e, c) ? store_claim_edit(e, c->name) : NULL;
		if (edit)
			grant(e, edit);
	}
	e->state.grant_since = -1;
	if (n.open == 0)
		e->state.grant_hold_ms = ENGINE_GRANT_HOLD_MS;
}

int64_t grants_wake(const struct engine *e)
{
	return e->state.grant_since < 0 ? -1 : e->state.grant_since + e->state.grant_hold_ms;
}
