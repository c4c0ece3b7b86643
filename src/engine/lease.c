/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Claims that last for a time only. Each has the lease that its tenant had when it was granted: a later
 * policy changes what is granted later. A lease that is over ends the claim as a release does: the
 * slice is taken back when its consumer is gone, never before.
 *
 * Who uses a slice only the executor sees. It is asked seldom while the slice is in use, more often while
 * nobody has it open, and last at the very end; so a use that is shorter than the pauses may be missed.
 */
#include "base/duration.h"
#include "engine/internal.h"

#define NOTICE_SHARE 10 /* the last tenth of a lease is told of */
#define NOTICE_MAX 900	/* seconds */
#define LOOK_SHARE 8	/* looks in the time after which a slice is idle */
#define LOOK_MS_MIN 1000
#define LOOK_MS_MAX (15 * 60 * 1000)
/* The clock on the wall may be set, the one that wakes us stands still while the host sleeps. */
#define WAKE_MS_MAX (10 * 60 * 1000)

enum told {
	TOLD_MAX = 1,
	TOLD_IDLE = 2
};

static int64_t notice(uint32_t span)
{
	int64_t n = span / NOTICE_SHARE;
	return n > NOTICE_MAX ? NOTICE_MAX : n < 1 ? 1 : n;
}

void lease_begin(const struct engine *e, struct claim *c)
{
	const struct policy_tenant *t = tenants_find(e, c);
	struct lease *l = &c->lease;
	l->used = e->wall;
	l->in_use = 0;
	l->told &= (uint8_t)~TOLD_IDLE;
	/* Granted again after a restart of the host: it goes on. */
	if (l->since)
		return;
	l->since = e->wall;
	if (!t || c->from_policy)
		return;
	l->max = t->lease_max;
	l->idle = t->lease_idle;
}

static void tell(struct engine *e, struct claim *c, enum told what, uint32_t span)
{
	char lease[DURATION_TEXT_SIZE], left[DURATION_TEXT_SIZE], text[160];
	if (c->lease.told & what)
		return;
	c->lease.told |= (uint8_t)what;
	duration_format(span, lease);
	duration_format((uint64_t)notice(span), left);
	reason_set(text, sizeof(text),
		   what == TOLD_MAX ? "its lease of %s ends in at most %s"
				    : "nobody uses it; after %s of that it ends, in at most %s",
		   lease, left);
	event_claim(e, "claim.lease-ending", c, text);
}

static void end(struct engine *e, struct claim *c, enum told what, uint32_t span)
{
	char lease[DURATION_TEXT_SIZE], text[160];
	duration_format(span, lease);
	reason_set(text, sizeof(text),
		   what == TOLD_MAX ? "its lease of %s is over"
				    : "its lease is over: nobody used it for %s",
		   lease);
	claim_end(e, c, text);
}

static bool is_running(const struct claim *c)
{
	return c->lease.since && !claim_is_waiting(c) && c->state != CLAIM_RELEASING;
}

/* --- the longest time ------------------------------------------------------------------------------------ */

static void run(struct engine *e, const struct claim *c)
{
	const struct lease *l = &c->lease;
	int64_t ends = lease_ends(l);
	bool over = e->wall >= ends;
	if (!ends || (!over && (e->wall < ends - notice(l->max) || (l->told & TOLD_MAX))))
		return;
	struct claim *edit = store_claim_edit(e, c->name);
	if (edit && over)
		end(e, edit, TOLD_MAX, l->max);
	else if (edit)
		tell(e, edit, TOLD_MAX, l->max);
}

void lease_run(struct engine *e)
{
	for (size_t i = e->rec.n_claims; i > 0 && !e->scratch; i--)
		if (is_running(&e->rec.claims[i - 1]))
			run(e, &e->rec.claims[i - 1]);
}

/* --- nobody uses it ---------------------------------------------------------------------------------------- */

static int64_t look_ms(const struct lease *l)
{
	int64_t ms = (int64_t)l->idle * 1000 / LOOK_SHARE;
	return ms > LOOK_MS_MAX ? LOOK_MS_MAX : ms < LOOK_MS_MIN ? LOOK_MS_MIN : ms;
}

/* The next look: after that pause, but not beyond the time to tell that it ends, or to end it. */
static void look_later(const struct engine *e, struct slice_state_volatile *v,
		       const struct lease *l, int64_t pause)
{
	int64_t end = lease_idle_ends(l) - e->wall, soon = end - notice(l->idle);
	int64_t left = (soon > 0 ? soon : end) * 1000;
	v->look_ms = pause;
	v->look_at = e->now + (left > 0 && left < pause ? left : pause);
}

/* Parts are looked at for the lease of their whole: it is used as long as any of them is. */
bool lease_look_due(struct engine *e, const struct claim *c)
{
	const struct claim *whole = parts_whole(e, c);
	if (c->state != CLAIM_HELD || !c->slice || !whole || !whole->lease.idle || e->scratch)
		return false;
	struct slice_state_volatile *v = state_slice(e, c->slice);
	if (v && v->look_at == 0)
		look_later(e, v, &whole->lease, look_ms(&whole->lease));
	return v && v->look_at <= e->now && v->check != CHECK_ASKED;
}

static void seen_used(struct engine *e, struct claim *c, struct slice_state_volatile *v)
{
	struct lease *l = &c->lease;
	int64_t pause = v->look_ms * 2, most = (int64_t)l->idle * 1000 / 2;
	l->used = e->wall;
	l->in_use = 1;
	l->told &= (uint8_t)~TOLD_IDLE;
	look_later(e, v, l, pause > most ? most : pause < look_ms(l) ? look_ms(l) : pause);
}

static void seen_idle(struct engine *e, struct claim *c, struct slice_state_volatile *v)
{
	struct lease *l = &c->lease;
	/* Since when is not known: since now, rather than too long. */
	if (l->in_use)
		l->used = e->wall;
	l->in_use = 0;
	int64_t ends = lease_idle_ends(l);
	if (e->wall >= ends) {
		end(e, c, TOLD_IDLE, l->idle);
		return;
	}
	if (e->wall >= ends - notice(l->idle))
		tell(e, c, TOLD_IDLE, l->idle);
	look_later(e, v, l, look_ms(l));
}

void lease_seen(struct engine *e, const struct slice *s, enum lease_use use)
{
	struct slice_state_volatile *v = state_slice(e, s->id);
	const struct claim *part = store_claim(e, s->claim);
	struct claim *c = part ? store_claim_edit(e, claim_whole(part)) : NULL;
	if (!v || !c || !is_running(c) || !c->lease.idle)
		return;
	switch (use) {
	case LEASE_USED:
		seen_used(e, c, v);
		break;
	case LEASE_IDLE:
		seen_idle(e, c, v);
		break;
	case LEASE_NOT_SEEN:
		look_later(e, v, &c->lease, look_ms(&c->lease));
		break;
	}
}

/* --- when to turn again -------------------------------------------------------------------------------------- */

static void wake_at_wall(const struct engine *e, int64_t wall, int64_t *wake)
{
	int64_t ms = (wall - e->wall) * 1000;
	if (wall <= e->wall)
		return;
	ms = e->now + (ms > WAKE_MS_MAX ? WAKE_MS_MAX : ms);
	if (*wake < 0 || ms < *wake)
		*wake = ms;
}

int64_t lease_wake(const struct engine *e)
{
	int64_t wake = -1;
	for (size_t i = 0; i < e->rec.n_claims && !e->scratch; i++) {
		const struct claim *c = &e->rec.claims[i];
		int64_t ends = lease_ends(&c->lease);
		if (!is_running(c) || !ends)
			continue;
		wake_at_wall(e, ends, &wake);
		wake_at_wall(e, ends - notice(c->lease.max), &wake);
	}
	for (size_t i = 0; i < e->state.n_slices; i++) {
		int64_t at = e->state.slices[i].look_at;
		if (at > e->now && (wake < 0 || at < wake))
			wake = at;
	}
	return wake;
}
