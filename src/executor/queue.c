/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which step may begin: one at a time per device, one at a time on the host for those that take the
 * kernel's rescan lock, the rest beside each other. What an abandoned step blocks is refused at once,
 * with the step that is in the way.
 */
#include <errno.h>
#include <stdio.h>
#include <sys/epoll.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "base/str.h"
#include "executor/internal.h"
#include "sys/clock.h"
#include "sys/process.h"

#define DEADLINE_FALLBACK_MS 30000

static uint32_t hash(const char *text)
{
	uint32_t h = 2166136261u; /* FNV-1a */
	for (; *text; text++)
		h = (h ^ (uint8_t)*text) * 16777619u;
	return h;
}

static bool same_device(const struct task *a, const struct task *b)
{
	return a->device_hash == b->device_hash &&
	       str_eq(a->step.target.device, b->step.target.device);
}

/* May b not begin while a goes on? */
static bool conflicts(const struct task *a, const struct task *b)
{
	if (a->lane == LANE_NONE || b->lane == LANE_NONE)
		return false;
	if ((a->lane == LANE_UNIT) != (b->lane == LANE_UNIT))
		return false;
	return same_device(a, b) || (a->lane == LANE_HOST && b->lane == LANE_HOST);
}

static void task_reply(struct server *s, struct task *t, const struct step_result *r,
		       const void *data)
{
	struct connection *c = t->connection;
	(void)s;
	if (!c)
		return;
	c->in_flight--;
	t->connection = NULL;
	connection_reply(c, EXEC_STEP, r, NULL, data);
}

static void task_free(struct server *s, struct task_list *list, struct task *t)
{
	(void)s;
	TAILQ_REMOVE(list, t, link);
	free(t);
}

/* --- stuck ------------------------------------------------------------------------------------ */

static void say_stuck(struct step_result *r, const char *reason, uint64_t step, uint32_t verb,
		      const char *device, int32_t pid)
{
	r->status = STEP_STUCK;
	(void)STR_COPY(r->reason, reason);
	int n = snprintf(r->detail, sizeof(r->detail),
			 "step %llu (%s on %s) has not come back from the kernel; worker pid %d",
			 (unsigned long long)step,
			 verb < VERB_COUNT ? verb_name((enum verb)verb) : "?", device, pid);
	if (n < 0)
		r->detail[0] = '\0';
}

static bool orphan_is_gone(struct orphan *o)
{
	struct lock_record now;
	return lock_held(o->server->config->worker.locks, &o->record, &now) == 0;
}

static bool orphan_blocks(const struct orphan *o, const struct task *t)
{
	bool alike = o->record.unit ? t->lane == LANE_UNIT
				    : t->lane == LANE_DEVICE || t->lane == LANE_HOST;
	if (!alike && !t->step.check_only)
		return false;
	return str_eq(o->record.device, t->step.target.device) ||
	       (o->record.host_lane && t->lane == LANE_HOST);
}

/* A read that hangs is not sent into the kernel a second time. */
static bool same_read(const struct task *a, const struct task *b)
{
	return b->lane == LANE_NONE && a->lane == LANE_NONE && a->step.verb == b->step.verb &&
	       same_device(a, b) && str_eq(a->step.text, b->step.text);
}

static bool blocks_check(const struct task *a, const struct task *b)
{
	return b->step.check_only && a->lane != LANE_NONE && same_device(a, b);
}

static bool is_stuck(struct server *s, const struct task *t, struct step_result *r)
{
	const struct task *a;
	TAILQ_FOREACH(a, &s->running, link)
	{
		if (!a->abandoned || (!conflicts(a, t) && !same_read(a, t) && !blocks_check(a, t)))
			continue;
		say_stuck(r, same_device(a, t) ? "device-stuck" : "host-lane-stuck", a->step.id,
			  a->step.verb, a->step.target.device, a->worker ? a->worker->pid : 0);
		return true;
	}
	struct orphan *o, *next;
	for (o = TAILQ_FIRST(&s->orphans); o; o = next) {
		next = TAILQ_NEXT(o, link);
		if (!orphan_blocks(o, t))
			continue;
		if (orphan_is_gone(o)) {
			orphan_ended(o);
			continue;
		}
		say_stuck(r,
			  str_eq(o->record.device, t->step.target.device) ? "device-stuck"
									  : "host-lane-stuck",
			  o->record.step, o->record.verb, o->record.device, o->record.pid);
		return true;
	}
	return false;
}

unsigned queue_tell_stuck(struct server *s, struct connection *c)
{
	unsigned n = 0;
	struct task *t;
	TAILQ_FOREACH(t, &s->running, link)
	{
		if (!t->abandoned || t->lane == LANE_NONE || t->lane == LANE_UNIT)
			continue;
		struct step_result r = { .id = t->step.id };
		say_stuck(&r, "device-stuck", t->step.id, t->step.verb, t->step.target.device,
			  t->worker ? t->worker->pid : 0);
		connection_reply(c, EXEC_STUCK, &r, t->step.target.device, NULL);
		n++;
	}
	struct orphan *o, *next;
	for (o = TAILQ_FIRST(&s->orphans); o; o = next) {
		next = TAILQ_NEXT(o, link);
		if (orphan_is_gone(o)) {
			orphan_ended(o);
			continue;
		}
		if (o->record.unit)
			continue;
		struct step_result r = { .id = o->record.step };
		say_stuck(&r, "device-stuck", o->record.step, o->record.verb, o->record.device,
			  o->record.pid);
		connection_reply(c, EXEC_STUCK, &r, o->record.device, NULL);
		n++;
	}
	return n;
}

/* --- workers of the predecessor --------------------------------------------------------------- */

static void orphan_found(const struct lock_record *record, void *userdata)
{
	struct server *s = userdata;
	struct orphan *o = calloc(1, sizeof(*o));
	if (!o)
		return;
	o->server = s;
	o->record = *record;
	o->source = (struct source){ SOURCE_ORPHAN_END, o };
	o->pidfd = process_open(s->config->worker.roots.proc, record->pid, 0);
	/* Without it the end is seen when the device is asked for the next time. */
	if (o->pidfd >= 0)
		(void)server_watch(s, o->pidfd, EPOLLIN, &o->source);
	TAILQ_INSERT_TAIL(&s->orphans, o, link);
	log_warning("%s is still stuck in a step from before the restart: %s by pid %d",
		    record->device,
		    record->verb < VERB_COUNT ? verb_name((enum verb)record->verb) : "?",
		    record->pid);
}

int orphans_find(struct server *s)
{
	return lock_scan(s->config->worker.locks, orphan_found, s);
}

static void orphan_free(struct orphan *o)
{
	TAILQ_REMOVE(&o->server->orphans, o, link);
	if (o->pidfd >= 0) {
		server_unwatch(o->server, o->pidfd);
		close(o->pidfd);
	}
	free(o);
}

void orphan_ended(struct orphan *o)
{
	struct server *s = o->server;
	struct step_result r = { .id = o->record.step, .status = STEP_LATE };
	(void)STR_COPY(r.reason, "unknown");
	(void)STR_COPY(r.detail, "it ended after a restart of the executor; observe");
	log_notice("%s is free again", o->record.device);
	orphan_free(o);
	connections_tell(s, &r, NULL);
}

/* --- the queue -------------------------------------------------------------------------------- */

static void refuse_now(struct server *s, struct connection *c, const struct step *step, int error,
		       const char *detail)
{
	struct step_result r = { .id = step->id, .status = STEP_FAILED, .error = error };
	(void)s;
	(void)STR_COPY(r.where, "executor");
	(void)STR_COPY(r.detail, detail);
	connection_reply(c, EXEC_STEP, &r, NULL, NULL);
}

void queue_add(struct server *s, struct connection *c, const struct step *step)
{
	const struct verb_entry *e = verb_find(&s->config->worker, step->verb);
	if (!e || s->stop_at) {
		refuse_now(s, c, step, e ? ESHUTDOWN : EOPNOTSUPP,
			   e ? "the executor is stopping" : "no such verb");
		return;
	}
	struct task *t = calloc(1, sizeof(*t));
	if (!t) {
		refuse_now(s, c, step, ENOMEM, "out of memory");
		return;
	}
	t->connection = c;
	t->step = *step;
	t->class = step->check_only ? VERB_CLASS_LOOK : e->class;
	t->lane = step->check_only ? LANE_NONE : e->lane;
	t->device_hash = hash(step->target.device);
	if (!t->step.deadline_ms)
		t->step.deadline_ms = e->deadline_ms ? e->deadline_ms : DEADLINE_FALLBACK_MS;
	c->in_flight++;
	TAILQ_INSERT_TAIL(&s->waiting, t, link);
}

/* A step that only checks changes nothing, but it comes back behind the changes that came before it: carved
 * asks with it whether they have ended. */
static bool must_wait(const struct server *s, const struct task *t)
{
	const struct task *a;
	TAILQ_FOREACH(a, &s->running, link)
	if (conflicts(a, t) || blocks_check(a, t))
		return true;
	TAILQ_FOREACH(a, &s->waiting, link)
	{
		if (a == t)
			return false;
		if (conflicts(a, t) || blocks_check(a, t))
			return true;
	}
	return false;
}

static bool all_abandoned(const struct server *s)
{
	const struct task *t;
	unsigned n = 0;
	TAILQ_FOREACH(t, &s->running, link)
	n += t->abandoned;
	return n >= EXECUTOR_WORKERS_MAX;
}

/* False when there is no worker for it now. */
static bool task_begin(struct server *s, struct task *t)
{
	struct worker_process *w = pool_get(s, t->class);
	if (!w)
		return false;
	t->started = clock_monotonic_ms();
	t->deadline = t->started + t->step.deadline_ms;
	if (pool_start(w, t) < 0)
		return false;
	TAILQ_REMOVE(&s->waiting, t, link);
	TAILQ_INSERT_TAIL(&s->running, t, link);
	return true;
}

static void refuse_waiting(struct server *s, struct task *t, const struct step_result *r)
{
	task_reply(s, t, r, NULL);
	task_free(s, &s->waiting, t);
}

void queue_run(struct server *s)
{
	struct task *t, *next;
	for (t = TAILQ_FIRST(&s->waiting); t; t = next) {
		struct step_result r = { .id = t->step.id };
		next = TAILQ_NEXT(t, link);
		if (is_stuck(s, t, &r)) {
			refuse_waiting(s, t, &r);
			continue;
		}
		if (must_wait(s, t) || task_begin(s, t))
			continue;
		if (all_abandoned(s)) {
			r.status = STEP_STUCK;
			(void)STR_COPY(r.reason, "no-worker");
			(void)STR_COPY(r.detail, "every worker is stuck in the kernel");
			refuse_waiting(s, t, &r);
		}
	}
}

static void task_abandon(struct server *s, struct task *t)
{
	struct step_result r = { .id = t->step.id, .status = STEP_TIMEOUT, .error = ETIMEDOUT };
	t->abandoned = true;
	(void)STR_COPY(r.reason, "deadline");
	(void)STR_FORMAT(r.detail, "no end after %u ms; worker pid %d goes on in the kernel",
			 t->step.deadline_ms, t->worker ? t->worker->pid : 0);
	log_warning("%s on %s: %s", verb_name((enum verb)t->step.verb), t->step.target.device,
		    r.detail);
	task_reply(s, t, &r, NULL);
}

int64_t queue_expire(struct server *s, int64_t now)
{
	int64_t next = INT64_MAX;
	struct task *t;
	TAILQ_FOREACH(t, &s->running, link)
	{
		if (!t->abandoned && t->deadline <= now)
			task_abandon(s, t);
		else if (!t->abandoned && t->deadline < next)
			next = t->deadline;
	}
	return next;
}

/* What was not begun never is; what runs goes on, and nobody waits for it. */
void queue_forget(struct server *s, struct connection *c)
{
	struct task *t, *next;
	for (t = TAILQ_FIRST(&s->waiting); t; t = next) {
		next = TAILQ_NEXT(t, link);
		if (t->connection == c)
			task_free(s, &s->waiting, t);
	}
	TAILQ_FOREACH(t, &s->running, link)
	if (t->connection == c)
		t->connection = NULL;
}

static void say_late(const struct task *t, struct step_result *r)
{
	if (!r->reason[0])
		(void)STR_COPY(r->reason, step_status_name((enum step_status)r->status));
	r->status = STEP_LATE;
	log_notice("%s on %s ended late: %s", verb_name((enum verb)t->step.verb),
		   t->step.target.device, r->reason);
}

void queue_finish(struct server *s, struct task *t, const struct step_result *r, const void *data)
{
	struct step_result result = { .id = t->step.id, .status = STEP_UNKNOWN };
	if (r)
		result = *r;
	else
		(void)STR_COPY(result.detail, "its worker died; observe");
	result.id = t->step.id;
	if (t->abandoned) {
		say_late(t, &result);
		connections_tell(s, &result, data);
	} else {
		task_reply(s, t, &result, data);
	}
	task_free(s, &s->running, t);
}

void queue_done(struct server *s)
{
	while (!TAILQ_EMPTY(&s->waiting))
		task_free(s, &s->waiting, TAILQ_FIRST(&s->waiting));
	while (!TAILQ_EMPTY(&s->running))
		task_free(s, &s->running, TAILQ_FIRST(&s->running));
	while (!TAILQ_EMPTY(&s->orphans))
		orphan_free(TAILQ_FIRST(&s->orphans));
}
