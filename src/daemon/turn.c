/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See turn.h. */
#include "daemon/turn.h"

#include <errno.h>
#include <stdlib.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "base/log.h"
#include "base/str.h"
#include "daemon/answers.h"
#include "daemon/daemon.h"
#include "sys/clock.h"

/* A turn waits at most so long for a pause in the input. */
#define TURN_PATIENCE_MS 20

/* --- steps ----------------------------------------------------------------------------------- */

static int steps_add(struct step **steps, size_t *n, const struct step *s)
{
	struct step *added = ARRAY_ADD(*steps, *n);
	if (!added)
		return -ENOMEM;
	*added = *s;
	return 0;
}

static void send_step(struct daemon *d, const struct step *s)
{
	struct turns *t = &d->turns;
	int r = executor_client_send(d->executor, s);
	if (r == -ENOTCONN) {
		r = steps_add(&t->waiting, &t->n_waiting, s);
		if (r == 0)
			return;
	}
	if (r == 0)
		r = steps_add(&t->flights, &t->n_flights, s);
	if (r == 0)
		return;
	const struct step_result failed = { .id = s->id, .status = STEP_FAILED, .error = -r };
	(void)engine_step_result(d->engine, &failed, NULL, 0);
	turn_need(d);
}

static struct step *flight_find(struct turns *t, uint64_t id)
{
	for (size_t i = 0; i < t->n_flights; i++)
		if (t->flights[i].id == id)
			return &t->flights[i];
	return NULL;
}

static void flight_end(struct turns *t, struct step *s)
{
	*s = t->flights[--t->n_flights];
}

/* A step that an earlier carved sent: the record still has it. */
static void result_of_another_life(struct daemon *d, const struct step_result *r, const void *data)
{
	const struct record *rec = engine_record(d->engine);
	for (size_t i = 0; i < rec->n_steps; i++) {
		struct step step = rec->steps[i];
		if (step.id == r->id) {
			picture_step_result(d, &step, r, data);
			return;
		}
	}
}

void turn_step_result(struct daemon *d, const struct step_result *r, const void *data)
{
	struct step *s = flight_find(&d->turns, r->id);
	if (!s)
		result_of_another_life(d, r, data);
	bool tells = r->status == STEP_REFUSED || (s && s->verb == VERB_HOLDERS);
	size_t n = tells ? r->data_len / sizeof(struct holder) : 0;
	_cleanup_free_ struct holder *holders = n ? calloc(n, sizeof(*holders)) : NULL;
	if (holders)
		memcpy(holders, data, n * sizeof(*holders));
	if (s) {
		struct step step = *s;
		/* Its end is still to come. */
		if (r->status != STEP_TIMEOUT)
			flight_end(&d->turns, s);
		picture_step_result(d, &step, r, data);
		consumers_watch_holders(d, &step, holders, holders ? n : 0);
	}
	(void)engine_step_result(d->engine, r, holders, holders ? n : 0);
	turn_need(d);
}

void turn_executor_connected(struct daemon *d)
{
	struct turns *t = &d->turns;
	_cleanup_free_ struct step *waiting = TAKE_PTR(t->waiting);
	size_t n = t->n_waiting;
	t->n_waiting = 0;
	for (size_t i = 0; i < n; i++)
		send_step(d, &waiting[i]);
	turn_need(d);
}

void turn_executor_lost(struct daemon *d)
{
	d->turns.n_flights = 0;
	d->turns.n_waiting = 0;
	engine_executor_lost(d->engine);
	d->picture.changed = true;
	turn_need(d);
}

/* --- the turn -------------------------------------------------------------------------------- */

static void arm_wake(struct daemon *d, int64_t wake_at)
{
	if (wake_at >= 0)
		(void)sd_event_source_set_time(d->turns.wake, (uint64_t)wake_at * 1000);
	(void)sd_event_source_set_enabled(d->turns.wake,
					  wake_at >= 0 ? SD_EVENT_ONESHOT : SD_EVENT_OFF);
}

static bool has_policy(const struct changes *c)
{
	for (size_t i = 0; i < c->n; i++)
		if (c->items[i].kind == CHANGE_POLICY_PUT)
			return true;
	return false;
}

/* What the turn decided becomes true here, or not at all. */
static int commit(struct daemon *d, struct turn *t)
{
	if (t->changes.n == 0)
		return 0;
	_cleanup_err_ struct err err = { 0 };
	int r = ledger_commit(d->ledger, &t->changes, engine_record(d->engine), &err);
	if (r < 0) {
		log_err(LOG_ERR, &err);
		turn_done(t);
		engine_turn_failed(d->engine, &err, t);
		return r;
	}
	return 0;
}

static void backup(struct daemon *d)
{
	_cleanup_err_ struct err err = { 0 };
	if (ledger_backup(d->ledger, &err) < 0)
		log_err(LOG_WARNING, &err);
}

/* Order: the answers may name what the steps do, never the other way round. */
static void effects(struct daemon *d, struct turn *t)
{
	for (size_t i = 0; i < t->n_steps; i++)
		send_step(d, &t->steps[i]);
	for (size_t i = 0; i < t->n_answers; i++)
		answers_deliver(d, &t->answers[i]);
	for (size_t i = 0; i < t->n_events; i++)
		server_publish(d, t->events[i]);
}

static void engine_run(struct daemon *d)
{
	enum ledger_health health = ledger_health(d->ledger, NULL);
	if (health == LEDGER_DAMAGED || health == LEDGER_NEWER)
		return;
	engine_now(d->engine, clock_monotonic_ms(), clock_wall_seconds());
	if (d->picture.changed && d->picture.observed) {
		engine_have_changed(d->engine, &d->picture.have);
		d->picture.changed = false;
	}
	struct turn t = { .wake_at = -1 };
	int r = engine_turn(d->engine, &t);
	if (r < 0) {
		log_error("the engine could not make its turn: %s", strerror(-r));
		turn_done(&t);
		return;
	}
	if (commit(d, &t) == 0) {
		engine_turn_committed(d->engine);
		if (has_policy(&t.changes))
			backup(d);
	}
	effects(d, &t);
	arm_wake(d, t.wake_at);
	turn_done(&t);
	consumers_update(d);
	drift_update(d);
	policy_file_follow(d);
	ledger_tidy(d->ledger);
}

static void turn_run(struct daemon *d)
{
	d->turns.needed_at = 0;
	(void)sd_event_source_set_enabled(d->turns.due, SD_EVENT_OFF);
	picture_refresh(d);
	engine_run(d);
	/* Nobody waits for these: they go behind the steps and the answers. */
	picture_ask(d);
}

void turn_now(struct daemon *d)
{
	turn_run(d);
}

static int turn_due(sd_event_source *source, void *userdata)
{
	(void)source;
	turn_run(userdata);
	return 0;
}

static int wake_due(sd_event_source *source, uint64_t usec, void *userdata)
{
	(void)source;
	(void)usec;
	turn_need(userdata);
	return 0;
}

void turn_need(struct daemon *d)
{
	if (d->turns.needed_at || !d->turns.due)
		return;
	d->turns.needed_at = clock_monotonic_ms();
	(void)sd_event_source_set_enabled(d->turns.due, SD_EVENT_ONESHOT);
}

void turn_check(struct daemon *d)
{
	if (d->turns.needed_at && clock_monotonic_ms() - d->turns.needed_at > TURN_PATIENCE_MS)
		turn_run(d);
}

int turn_start(struct daemon *d, struct err *reterr)
{
	struct turns *t = &d->turns;
	int r = sd_event_add_defer(d->loop, &t->due, turn_due, d);
	if (r >= 0)
		r = sd_event_source_set_priority(t->due, SD_EVENT_PRIORITY_IDLE);
	if (r >= 0)
		r = sd_event_source_set_enabled(t->due, SD_EVENT_OFF);
	if (r >= 0)
		r = sd_event_add_time(d->loop, &t->wake, CLOCK_MONOTONIC, UINT64_MAX, 1000,
				      wake_due, d);
	if (r >= 0)
		r = sd_event_source_set_enabled(t->wake, SD_EVENT_OFF);
	return r < 0 ? err_set(reterr, "daemon.start", -r, "cannot prepare the loop") : 0;
}

void turn_stop(struct daemon *d)
{
	/* What ends after this may still ask for a turn. */
	d->turns.due = sd_event_source_disable_unref(d->turns.due);
	d->turns.wake = sd_event_source_disable_unref(d->turns.wake);
	free(d->turns.flights);
	free(d->turns.waiting);
}
