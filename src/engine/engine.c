/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One turn: what came in is taken, slices whose goal holds move on, claims are served, idle devices get
 * their next step, and all of it becomes one commit. Nothing goes out before that commit. See engine.h.
 */
#include "engine/engine.h"

#include <errno.h>
#include <stdlib.h>

#include "base/array.h"
#include "engine/internal.h"

#define COMMIT_RETRY_MS 1000
#define COMMIT_RETRY_MAX_MS 60000

void turn_done(struct turn *t)
{
	changes_done(&t->changes);
	free(t->steps);
	for (size_t i = 0; i < t->n_answers; i++) {
		err_done(&t->answers[i].err);
		json_decref(t->answers[i].report);
	}
	free(t->answers);
	for (size_t i = 0; i < t->n_events; i++)
		json_decref(t->events[i]);
	free(t->events);
	*t = (struct turn){ 0 };
}

struct engine *engine_new(const struct engine_config *c)
{
	struct engine *e = calloc(1, sizeof(*e));
	if (!e)
		return NULL;
	e->config = *c;
	uint8_t seed[16];
	c->random(c->userdata, seed);
	memcpy(e->uuid_seed, seed, sizeof(seed));
	e->rec.next_id = e->id_now = 1;
	e->state.grant_hold_ms = ENGINE_GRANT_HOLD_MS;
	e->state.grant_since = -1;
	e->commit_retry_at = -1;
	return e;
}

static void request_done(struct request *rq)
{
	policy_free(rq->policy);
	json_decref(rq->planned);
	free(rq->text);
	free(rq->path);
	free(rq->wants);
	*rq = (struct request){ 0 };
}

struct engine *engine_free(struct engine *e)
{
	if (!e)
		return NULL;
	store_forget(e);
	results_forget(e);
	for (size_t i = 0; i < e->n_requests; i++)
		request_done(&e->requests[i]);
	free(e->requests);
	json_decref(e->told);
	state_done(&e->state);
	state_done(&e->before);
	policy_free(e->policy);
	record_done(&e->rec);
	free(e->want_places);
	free(e);
	return NULL;
}

const struct record *engine_record(const struct engine *e)
{
	return &e->rec;
}

const struct policy *engine_policy(const struct engine *e)
{
	return e->policy;
}

/* --- inputs ------------------------------------------------------------------------------------------- */

void engine_now(struct engine *e, int64_t now, int64_t wall)
{
	e->now = now;
	e->wall = wall;
}

void engine_have_changed(struct engine *e, const struct have *h)
{
	e->have = h;
}

static int result_add(struct engine *e, const struct step_result *r, const struct holder *holders,
		      size_t n)
{
	struct input_result in = { .result = *r };
	if (n > 0) {
		in.holders = reallocarray(NULL, n, sizeof(*holders));
		if (!in.holders)
			return -ENOMEM;
		memcpy(in.holders, holders, n * sizeof(*holders));
		in.n_holders = n;
	}
	struct input_result *added = ARRAY_ADD(e->results, e->n_results);
	if (!added) {
		free(in.holders);
		return -ENOMEM;
	}
	*added = in;
	return 0;
}

int engine_step_result(struct engine *e, const struct step_result *r, const struct holder *holders,
		       size_t n_holders)
{
	return result_add(e, r, holders, n_holders);
}

void engine_executor_lost(struct engine *e)
{
	for (size_t i = 0; i < e->state.n_flights; i++) {
		struct step_result r = { .id = e->state.flights[i].step.id,
					 .status = STEP_UNKNOWN };
		/* Without memory the rest stays in flight, their devices untouched until the next start. */
		if (result_add(e, &r, NULL, 0) < 0)
			break;
	}
}

void engine_device_stuck(struct engine *e, const char *device, const char *reason)
{
	struct device_state *d = state_device(e, device);
	if (!d)
		return;
	struct step ask = { .verb = VERB_RESET, .target.vf = -1 };
	(void)STR_COPY(ask.target.device, device);
	if (reason) {
		reason_set(d->stuck, sizeof(d->stuck), "timeout: %s", reason);
		/* Found by an executor that began anew: nobody will tell the end of that step by itself. */
		if (!d->barrier && !state_in_flight(e, device))
			state_barrier(e, &ask);
	} else if (d->stuck[0])
		d->unstuck = true;
}

void engine_consumer_gone(struct engine *e, const char *claim)
{
	const struct claim *c = store_claim(e, claim);
	if (c)
		parts_look(e, c);
}

/* --- requests ------------------------------------------------------------------------------------------- */

static struct request *request_add(struct engine *e, enum request_kind kind, uint64_t token,
				   const struct requester *who)
{
	struct request *rq = ARRAY_ADD(e->requests, e->n_requests);
	if (rq)
		*rq = (struct request){ .kind = kind, .token = token, .who = *who };
	return rq;
}

void engine_request_alloc(struct engine *e, uint64_t token, const struct requester *who,
			  const struct alloc_request *rq)
{
	struct request *added = request_add(e, REQUEST_ALLOC, token, who);
	if (added)
		added->alloc = *rq;
}

static struct request *request_named(struct engine *e, enum request_kind kind, uint64_t token,
				     const struct requester *who, const char *name,
				     const char *reason)
{
	struct request *rq = request_add(e, kind, token, who);
	if (!rq)
		return NULL;
	/* A name that does not fit is nobody's: it must not become the empty one, which means all. */
	if (STR_COPY(rq->name, name ? name : "") < 0)
		(void)STR_COPY(rq->name, "?");
	reason_set(rq->reason, sizeof(rq->reason), "%s", reason ? reason : "");
	return rq;
}

void engine_request_release(struct engine *e, uint64_t token, const struct requester *who,
			    const char *claim, bool wait)
{
	struct request *rq = request_named(e, REQUEST_RELEASE, token, who, claim, NULL);
	if (rq)
		rq->no_wait = !wait;
}

void engine_request_restore(struct engine *e, uint64_t token, const struct requester *who)
{
	request_named(e, REQUEST_RESTORE, token, who, NULL, NULL);
}

void engine_request_reclaim_retry(struct engine *e, uint64_t token, const struct requester *who,
				  const char *claim)
{
	request_named(e, REQUEST_RETRY, token, who, claim, NULL);
}

void engine_request_quarantine_clear(struct engine *e, uint64_t token, const struct requester *who,
				     const char *slice_or_device, const char *reason)
{
	request_named(e, REQUEST_CLEAR, token, who, slice_or_device, reason);
}

void engine_request_adopt(struct engine *e, uint64_t token, const struct requester *who,
			  const struct adopt_request *from)
{
	struct request *rq = request_add(e, REQUEST_ADOPT, token, who);
	if (!rq)
		return;
	rq->target = from->target;
	rq->plan_only = from->plan_only;
	(void)STR_COPY(rq->alloc.name, from->claim);
	(void)STR_COPY(rq->alloc.owner, from->owner);
}

void engine_request_disown(struct engine *e, uint64_t token, const struct requester *who,
			   const char *slice_or_device)
{
	request_named(e, REQUEST_DISOWN, token, who, slice_or_device, NULL);
}

void engine_request_hand_back(struct engine *e, uint64_t token, const struct requester *who,
			      const char *slice_or_device, bool plan_only)
{
	struct request *rq = request_named(e, REQUEST_HAND_BACK, token, who, slice_or_device, NULL);
	if (rq)
		rq->plan_only = plan_only;
}

void engine_request_drain(struct engine *e, uint64_t token, const struct requester *who,
			  const struct drain_request *from)
{
	struct request *rq =
		request_named(e, REQUEST_DRAIN, token, who, from->device, from->reason);
	if (!rq)
		return;
	rq->undo = from->undo;
	rq->no_wait = !from->wait;
}

void engine_request_apply(struct engine *e, uint64_t token, const struct requester *who,
			  const struct apply_request *from)
{
	struct request *rq = request_add(e, REQUEST_APPLY, token, who);
	if (!rq) {
		policy_free(from->policy);
		return;
	}
	rq->policy = from->policy;
	rq->text = strdup(from->text);
	rq->wants = calloc(from->n_wants + 1, sizeof(*rq->wants));
	rq->plan_only = from->plan_only;
	rq->path = from->path ? strdup(from->path) : NULL;
	rq->repeats = from->repeats;
	rq->by_itself = from->by_itself;
	rq->planned = from->planned ? json_deep_copy(from->planned) : NULL;
	rq->broken = !rq->text || !rq->wants || (from->planned && !rq->planned) ||
		     (from->path && !rq->path);
	if (!rq->broken && from->n_wants)
		memcpy(rq->wants, from->wants, from->n_wants * sizeof(*rq->wants));
	rq->n_wants = rq->wants ? from->n_wants : 0;
	if (from->only)
		(void)STR_COPY(rq->name, from->only);
}

/* A claim that nobody learns of would leak: it is undone. Other requests only lose their answer. */
void engine_request_cancelled(struct engine *e, uint64_t token)
{
	for (size_t i = 0; i < e->n_requests; i++)
		if (e->requests[i].token == token)
			e->requests[i].cancelled = true;
	for (size_t i = 0; i < e->state.n_waiters; i++)
		if (e->state.waiters[i].token == token)
			e->state.waiters[i].cancelled = true;
}

static void cancelled_end(struct engine *e)
{
	for (size_t i = e->state.n_waiters; i > 0; i--) {
		struct waiter w = e->state.waiters[i - 1];
		if (!w.cancelled)
			continue;
		state_waiter_remove(e, i - 1);
		struct claim *c = w.kind == WAIT_ALLOC ? store_claim_edit(e, w.claim) : NULL;
		if (c)
			claim_end(e, c, "who asked for it went away");
		i = e->state.n_waiters + 1 < i ? e->state.n_waiters + 1 : i;
	}
}

static void request_take(struct engine *e, struct request *rq)
{
	switch (rq->kind) {
	case REQUEST_ALLOC:
		claim_alloc(e, rq);
		break;
	case REQUEST_RELEASE:
		claim_release(e, rq);
		break;
	case REQUEST_APPLY:
		apply_request(e, rq);
		break;
	case REQUEST_RESTORE:
		restore_request(e, rq);
		break;
	case REQUEST_RETRY:
		reclaim_retry(e, rq);
		break;
	case REQUEST_CLEAR:
		reclaim_clear(e, rq);
		break;
	case REQUEST_ADOPT:
		adopt_request(e, rq);
		break;
	case REQUEST_DISOWN:
		disown_request(e, rq);
		break;
	case REQUEST_HAND_BACK:
		hand_back_request(e, rq);
		break;
	case REQUEST_DRAIN:
		drain_request(e, rq);
		break;
	}
}

static void requests_take(struct engine *e)
{
	for (size_t i = 0; i < e->n_requests; i++)
		if (!e->requests[i].cancelled)
			request_take(e, &e->requests[i]);
}

/* --- the turn ----------------------------------------------------------------------------------------------- */

static void unstuck_devices(struct engine *e)
{
	for (size_t i = 0; i < e->state.n_devices; i++) {
		if (!e->state.devices[i].unstuck)
			continue;
		e->state.devices[i].unstuck = false;
		results_device_free(e, e->state.devices[i].key);
	}
}

static void wake_min(int64_t *wake, int64_t at)
{
	if (at >= 0 && (*wake < 0 || at < *wake))
		*wake = at;
}

static int64_t wake_at(const struct engine *e)
{
	int64_t wake = -1;
	wake_min(&wake, grants_wake(e));
	wake_min(&wake, lease_wake(e));
	wake_min(&wake, orphan_wake(e));
	wake_min(&wake, adopt_wake(e));
	for (size_t i = 0; i < e->state.n_slices; i++)
		if (e->state.slices[i].retry_at > e->now)
			wake_min(&wake, e->state.slices[i].retry_at);
	for (size_t i = 0; i < e->state.n_devices; i++)
		if (e->state.devices[i].retry_at > e->now)
			wake_min(&wake, e->state.devices[i].retry_at);
	for (size_t i = 0; i < e->state.n_dones; i++)
		if (e->state.dones[i].at + ENGINE_SEEN_MS > e->now)
			wake_min(&wake, e->state.dones[i].at + ENGINE_SEEN_MS);
	return wake;
}

static void dones_expire(struct engine *e)
{
	for (size_t i = e->state.n_dones; i > 0; i--) {
		const struct done_step *d = &e->state.dones[i - 1];
		const struct slice *s = d->slice ? store_slice(e, d->slice) : NULL;
		bool needed = d->slice ? s && !goal_stable(s)
				       : goal_layout_needed(e, d->step.target.device);
		if (!needed)
			state_done_remove(e, i - 1);
	}
}

static void turn_make(struct engine *e)
{
	if (e->loading) {
		e->loading = false;
		load_finish(e);
	}
	events_told(e);
	results_take(e);
	unstuck_devices(e);
	cancelled_end(e);
	observe_slices(e);
	adopt_run(e);
	reclaim_unseen(e);
	work_advance(e);
	lease_run(e);
	orphan_run(e);
	bool served = queue_serve(e);
	requests_take(e);
	if (served || e->n_requests > 0) {
		work_advance(e);
		if (queue_serve(e))
			work_advance(e);
	}
	queue_preempt(e);
	grants_commit(e);
	warm_refill(e);
	adopt_emit(e);
	work_emit(e);
	dones_expire(e);
	services_after(e);
	report_settled(e);
	drain_settled(e);
}

int engine_turn(struct engine *e, struct turn *ret)
{
	*ret = (struct turn){ .wake_at = -1 };
	if (!e->have && e->n_requests == 0)
		return 0;
	/* The ledger does not take anything at the moment: only somebody's request is a reason to try. */
	if (e->commit_retry_at > e->now && e->n_requests == 0) {
		ret->wake_at = e->commit_retry_at;
		return 0;
	}
	int r = state_copy(&e->state, &e->before);
	if (r < 0)
		return r;
	r = store_begin(e, ret);
	if (r < 0) {
		state_done(&e->before);
		return r;
	}
	e->was_loading = e->loading;
	e->turning = true;
	if (e->have)
		turn_make(e);
	else
		requests_take(e);
	r = store_finish(e);
	ret->wake_at = wake_at(e);
	if (r >= 0)
		return ret->changes.n || ret->n_steps || ret->n_answers ? 1 : 0;
	struct err why = { 0 };
	err_set(&why, "engine.memory", ENOMEM, "out of memory");
	err_state(&why, "nothing was changed");
	turn_done(ret);
	engine_turn_failed(e, &why, ret);
	err_done(&why);
	return 0;
}

static void requests_forget(struct engine *e)
{
	for (size_t i = 0; i < e->n_requests; i++)
		request_done(&e->requests[i]);
	e->n_requests = 0;
}

void engine_turn_committed(struct engine *e)
{
	if (!e->turning)
		return;
	e->turning = false;
	store_forget(e);
	state_done(&e->before);
	results_forget(e);
	requests_forget(e);
	json_decref(e->told);
	e->told = NULL;
	e->commit_retry_at = -1;
	e->commit_backoff_ms = 0;
}

static void answer_why(struct engine *e, uint64_t token, enum answer_state state,
		       const struct err *why)
{
	struct answer *a = answer_add(e, token, state);
	if (a)
		err_copy(&a->err, why);
}

void engine_turn_failed(struct engine *e, const struct err *why, struct turn *ret)
{
	if (!e->turning)
		return;
	e->turning = false;
	store_undo(e);
	state_done(&e->state);
	e->state = e->before;
	e->before = (struct volatile_state){ 0 };
	e->loading = e->was_loading;
	*ret = (struct turn){ 0 };
	e->turn = ret;
	for (size_t i = 0; i < e->n_requests; i++)
		if (!e->requests[i].cancelled)
			answer_why(e, e->requests[i].token, ANSWER_FAILED, why);
	/* Who waited before goes on waiting, and is told once. */
	for (size_t i = 0; e->commit_retry_at < 0 && i < e->state.n_waiters; i++)
		answer_why(e, e->state.waiters[i].token, ANSWER_PENDING, why);
	e->turn = NULL;
	requests_forget(e);
	e->commit_backoff_ms = e->commit_backoff_ms ? e->commit_backoff_ms * 2 : COMMIT_RETRY_MS;
	if (e->commit_backoff_ms > COMMIT_RETRY_MAX_MS)
		e->commit_backoff_ms = COMMIT_RETRY_MAX_MS;
	e->commit_retry_at = e->now + e->commit_backoff_ms;
	ret->wake_at = e->commit_retry_at;
}
