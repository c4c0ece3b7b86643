/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Claims that wait for a slice, in one queue: reservations of the policy first, then by the priority of
 * their tenants, then as they came. Each gets the first slice it can use when its turn comes, so nobody
 * gets one that somebody before him could have used. Who waits with a higher priority than those who
 * hold what he needs has the youngest of the claims ended that were made to be; no more than he needs.
 */
#include <errno.h>
#include <stdlib.h>

#include "base/array.h"
#include "engine/internal.h"
#include "model/fields.h"

/* What was asked for in vain, and why. */
struct refusal {
	struct claim claim;
	int error;
	struct err why;
};

struct place {
	char name[NAME_SIZE];
	char class[NAME_SIZE];
	uint8_t from_policy;
	uint32_t priority;
	uint64_t arrival;
};

struct queue {
	struct place *places;
	size_t n;
	struct refusal *refusals;
	size_t n_refusals;
};

static void refusals_done(struct queue *q)
{
	for (size_t i = 0; i < q->n_refusals; i++)
		err_done(&q->refusals[i].why);
	free(q->refusals);
	q->refusals = NULL;
	q->n_refusals = 0;
}

static void queue_done(struct queue *q)
{
	free(q->places);
	refusals_done(q);
}

static int compare(const void *one, const void *other)
{
	const struct place *a = one, *b = other;
	if (a->from_policy != b->from_policy)
		return a->from_policy ? -1 : 1;
	if (a->priority != b->priority)
		return a->priority > b->priority ? -1 : 1;
	return a->arrival < b->arrival ? -1 : a->arrival > b->arrival;
}

/* Copies: claims move while they are served. */
static int queue_make(struct engine *e, struct queue *q)
{
	size_t n = 0;
	for (size_t i = 0; i < e->rec.n_claims; i++)
		n += claim_is_waiting(&e->rec.claims[i]);
	if (n == 0 || !e->policy)
		return 0;
	q->places = calloc(n, sizeof(*q->places));
	if (!q->places) {
		e->failed = true;
		return -ENOMEM;
	}
	for (size_t i = 0; i < e->rec.n_claims; i++) {
		const struct claim *c = &e->rec.claims[i];
		if (!claim_is_waiting(c))
			continue;
		struct place *p = &q->places[q->n++];
		*p = (struct place){ .from_policy = c->from_policy,
				     .priority = tenants_priority(e, c),
				     .arrival = c->arrival };
		memcpy(p->name, c->name, sizeof(p->name));
		memcpy(p->class, c->class, sizeof(p->class));
	}
	qsort(q->places, q->n, sizeof(*q->places), compare);
	return 1;
}

/* --- who asks for the same ------------------------------------------------------------------------------ */

/* Would the same slices do for both, of those that are there? */
static bool is_alike(const struct claim *a, const struct claim *b)
{
	return str_eq(a->class, b->class) && str_eq(a->near, b->near) && a->uid == b->uid &&
	       str_eq(a->tenant, b->tenant) && a->from_policy == b->from_policy &&
	       fields_same(FIELDS_SETTINGS, &a->set, &b->set);
}

/* While the queue is served slices are only taken: what one was refused, those behind him are who ask for the
 * same. So it costs by the kinds of claims that wait, not by their number. NULL: nobody asked for that. */
static const struct refusal *refusal_find(const struct queue *q, const struct claim *c)
{
	for (size_t i = 0; i < q->n_refusals; i++)
		if (is_alike(&q->refusals[i].claim, c))
			return &q->refusals[i];
	return NULL;
}

/* Takes why. NULL: no memory. */
static const struct refusal *refusal_add(struct queue *q, const struct claim *c, int error,
					 struct err *why)
{
	struct refusal *r = ARRAY_ADD(q->refusals, q->n_refusals);
	if (!r)
		return NULL;
	r->claim = *c;
	r->error = error;
	err_move(&r->why, why);
	return r;
}

/* --- whose turn it is -------------------------------------------------------------------------------- */

static unsigned number_of(const struct queue *q, size_t at)
{
	unsigned number = 1;
	for (size_t i = 0; i < at; i++)
		number += str_eq(q->places[i].class, q->places[at].class);
	return number;
}

/* Nobody hears of the progress of a reservation: its reason says what stands in the way. */
static void wait_reason(const struct claim *c, const char *what, const struct err *why, char *ret,
			size_t size)
{
	const char *last = why->because ? strrchr(why->because, '\n') : NULL;
	last = last ? last + 1 : why->because;
	if (c->from_policy && last)
		reason_set(ret, size, "%s (%s)", what, last);
	else
		reason_set(ret, size, "%s", what);
}

static void wait_on(struct engine *e, const struct queue *q, size_t at, const struct err *why)
{
	const struct place *p = &q->places[at];
	bool quota = str_eq(why->id, "claim.quota");
	const struct claim *c = store_claim(e, p->name);
	const struct policy_class *class = policy_class_find(e->policy, c->class);
	char reason[sizeof(c->reason)];
	wait_reason(c,
		    quota		      ? "waits: the quota of its tenant is used up"
		    : class && class->n_parts ? "waits for slices for all its parts"
					      : "waits for a free slice",
		    why, reason, sizeof(reason));
	struct claim *edit = str_eq(c->reason, reason) ? NULL : store_claim_edit(e, p->name);
	if (edit)
		reason_set(edit->reason, sizeof(edit->reason), "%s", reason);
	if (!state_has_waiter(e, WAIT_ALLOC, p->name))
		return;
	const char *because = why->because ? why->because : reason;
	char text[256];
	reason_set(text, sizeof(text), "number %u of those that wait for class %s: %.*s",
		   number_of(q, at), p->class, (int)strcspn(because, "\n"), because);
	answer_progress(e, WAIT_ALLOC, p->name, text);
}

static int find(struct engine *e, const struct claim *c, const struct policy_class **ret_class,
		struct picks *ret, struct err *reterr)
{
	*ret_class = policy_class_find(e->policy, c->class);
	int r = -ENOENT;
	if (*ret_class)
		r = claim_pick(e, c, *ret_class, ret, reterr);
	else
		err_set(reterr, "claim.no-class", ENOENT, "there is no class %s any more",
			c->class);
	if (r < 0)
		err_set(reterr, "engine.memory", -r, "cannot look for a slice");
	return r;
}

static void refuse(struct engine *e, const struct queue *q, size_t at, const struct refusal *r)
{
	const char *name = q->places[at].name;
	if (r->error == -ENOENT && state_has_waiter(e, WAIT_ALLOC, name))
		claim_end(e, store_claim(e, name), r->why.what);
	else
		wait_on(e, q, at, &r->why);
}

static bool serve(struct engine *e, struct queue *q, size_t at)
{
	_cleanup_err_ struct err err = { 0 };
	struct picks picks;
	const struct policy_class *class;
	const char *name = q->places[at].name;
	const struct claim *c = store_claim(e, name);
	const struct refusal *refusal = refusal_find(q, c);
	if (!refusal) {
		int r = find(e, c, &class, &picks, &err);
		if (r >= 0) {
			claim_begin(e, name, class, &picks);
			return true;
		}
		refusal = refusal_add(q, c, r, &err);
	}
	if (refusal)
		refuse(e, q, at, refusal);
	else
		e->failed = true;
	return false;
}

bool queue_serve(struct engine *e)
{
	_cleanup_(queue_done) struct queue q = { 0 };
	bool served = false;
	if (queue_make(e, &q) <= 0)
		return false;
	for (size_t i = 0; i < q.n; i++)
		served = serve(e, &q, i) || served;
	return served;
}

/* --- who makes room ---------------------------------------------------------------------------------- */

bool queue_is_coming(struct engine *e, const struct slice *s)
{
	bool comes = s->state == SLICE_RECLAIMING || (s->state == SLICE_REMOVING && s->on_demand) ||
		     (s->state == SLICE_WANTED && !s->claim[0]);
	const struct device_state *d = comes ? state_device(e, s->device) : NULL;
	return d && !d->blocked;
}

bool queue_gives_way(const struct engine *e, const struct slice *s, uint32_t priority)
{
	const struct claim *c = s->claim[0] ? store_claim((struct engine *)e, s->claim) : NULL;
	return c && c->preemptible && (c->state == CLAIM_HELD || c->state == CLAIM_PREPARING) &&
	       tenants_priority(e, c) < priority;
}

/* Slices that are reckoned with already. */
struct reckoned {
	uint64_t *ids;
	size_t n;
};

static void reckoned_done(struct reckoned *r)
{
	free(r->ids);
}

static bool is_reckoned(const struct reckoned *r, uint64_t id)
{
	for (size_t i = 0; i < r->n; i++)
		if (r->ids[i] == id)
			return true;
	return false;
}

static const struct slice *coming_find(struct engine *e, const struct claim *c,
				       const struct policy_class *class, struct resources *left,
				       const struct reckoned *r)
{
	for (size_t i = 0; i < e->rec.n_slices; i++) {
		const struct slice *s = &e->rec.slices[i];
		if (queue_is_coming(e, s) && !is_reckoned(r, s->id) &&
		    pick_would_do(e, c, class, left, s))
			return s;
	}
	return NULL;
}

/* What nobody uses goes first, then the youngest. */
static bool goes_before(const struct engine *e, const struct claim *a, const struct claim *b)
{
	bool orphaned = claim_is_orphaned(parts_whole(e, a));
	if (orphaned != claim_is_orphaned(parts_whole(e, b)))
		return orphaned;
	return a->arrival >= b->arrival;
}

static const struct slice *youngest_find(struct engine *e, const struct claim *c,
					 const struct policy_class *class, struct resources *left)
{
	const struct slice *youngest = NULL;
	const struct claim *first = NULL;
	uint32_t priority = tenants_priority(e, c);
	for (size_t i = 0; i < e->rec.n_slices; i++) {
		const struct slice *s = &e->rec.slices[i];
		if (!queue_gives_way(e, s, priority) || !pick_would_do(e, c, class, left, s))
			continue;
		const struct claim *holder = store_claim(e, s->claim);
		if (first && !goes_before(e, holder, first))
			continue;
		youngest = s;
		first = holder;
	}
	return youngest;
}

static void make_way(struct engine *e, const struct slice *s, const struct claim *c)
{
	char text[256];
	const struct claim *part = store_claim(e, s->claim);
	const struct claim *holder = part ? parts_whole(e, part) : NULL;
	if (!holder)
		return;
	reason_set(text, sizeof(text), "it made way: claim %s of tenant %s has priority %u",
		   c->name, c->tenant, tenants_priority(e, c));
	event_claim(e, "claim.preempted", holder, text);
	claim_end(e, holder, text);
}

/* As much as all its parts need, or nothing. */
static bool preempt_for_parts(struct engine *e, const struct claim *c,
			      const struct policy_class *class, struct reckoned *r)
{
	uint64_t ids[POLICY_WHOLE];
	size_t n = 0;
	if (!pick_parts_way(e, c, class, r->ids, r->n, ids, &n))
		return false;
	for (size_t i = 0; i < n; i++) {
		const struct slice *s = store_slice(e, ids[i]);
		if (queue_gives_way(e, s, tenants_priority(e, c)))
			make_way(e, s, c);
		r->ids[r->n++] = ids[i];
	}
	return true;
}

/* True when something is on its way to be free for it now. */
static bool preempt(struct engine *e, const struct claim *c, struct reckoned *r)
{
	_cleanup_err_ struct err none = { 0 };
	const struct policy_class *class = policy_class_find(e->policy, c->class);
	if (!class || tenants_check_quota(e, c, &none) < 0)
		return false;
	if (class->n_parts)
		return preempt_for_parts(e, c, class, r);
	struct resources left;
	resources_left(e, c, &left);
	const struct slice *s = coming_find(e, c, class, &left, r);
	if (!s) {
		s = youngest_find(e, c, class, &left);
		if (s)
			make_way(e, s, c);
	}
	if (s)
		r->ids[r->n++] = s->id;
	return s;
}

void queue_preempt(struct engine *e)
{
	_cleanup_(queue_done) struct queue q = { 0 };
	_cleanup_(reckoned_done) struct reckoned r = { 0 };
	if (queue_make(e, &q) <= 0)
		return;
	r.ids = calloc(e->rec.n_slices + q.n, sizeof(*r.ids)); /* no slice twice */
	for (size_t i = 0; r.ids && i < q.n; i++) {
		const struct claim *c = store_claim(e, q.places[i].name);
		if (refusal_find(&q, c))
			continue;
		struct err none = { 0 };
		if (preempt(e, c, &r))
			refusals_done(&q); /* who made way may have had more than was needed */
		else
			(void)refusal_add(&q, c, -EBUSY, &none);
	}
}
