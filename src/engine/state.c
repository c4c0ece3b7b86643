/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the engine keeps in memory only. See internal.h. */
#include <errno.h>
#include <stdlib.h>

#include "engine/internal.h"

/* There may be thousands: room doubles at powers of two, so that n is all that is kept of it. */
static void *items_add(void **items, size_t *n, size_t size)
{
	if ((*n & (*n - 1)) == 0) {
		void *more = reallocarray(*items, *n ? *n * 2 : 1, size);
		if (!more)
			return NULL;
		*items = more;
	}
	void *item = (char *)*items + (*n)++ * size;
	return memset(item, 0, size);
}

static void items_remove(void *items, size_t *n, size_t size, size_t i)
{
	char *at = (char *)items + i * size;
	memmove(at, at + size, (*n - i - 1) * size);
	(*n)--;
}

static int items_copy(const void *from, size_t n, size_t size, void **ret, size_t *ret_n)
{
	size_t room = 1;
	while (room < n)
		room *= 2;
	if (n == 0)
		return 0;
	*ret = reallocarray(NULL, room, size);
	if (!*ret)
		return -ENOMEM;
	memcpy(*ret, from, n * size);
	*ret_n = n;
	return 0;
}

#define ADD(s, items, count) items_add((void **)&(s)->items, &(s)->count, sizeof(*(s)->items))
#define REMOVE(s, items, count, i) items_remove((s)->items, &(s)->count, sizeof(*(s)->items), (i))
#define COPY(from, to, items, count)                                                               \
	items_copy((from)->items, (from)->count, sizeof(*(from)->items), (void **)&(to)->items,    \
		   &(to)->count)

void state_done(struct volatile_state *s)
{
	for (size_t i = 0; i < s->n_devices; i++)
		json_decref(s->devices[i].err);
	for (size_t i = 0; i < s->n_waiters; i++)
		json_decref(s->waiters[i].refused);
	free(s->devices);
	free(s->slices);
	free(s->flights);
	free(s->dones);
	free(s->waiters);
	free(s->looks);
	free(s->units);
	*s = (struct volatile_state){ 0 };
}

int state_copy(const struct volatile_state *s, struct volatile_state *ret)
{
	struct volatile_state copy = { .grant_hold_ms = s->grant_hold_ms,
				       .grant_since = s->grant_since };
	if (COPY(s, &copy, slices, n_slices) < 0 || COPY(s, &copy, flights, n_flights) < 0 ||
	    COPY(s, &copy, dones, n_dones) < 0 || COPY(s, &copy, devices, n_devices) < 0 ||
	    COPY(s, &copy, looks, n_looks) < 0 || COPY(s, &copy, units, n_units) < 0 ||
	    COPY(s, &copy, waiters, n_waiters) < 0) {
		copy.n_devices = copy.n_waiters = 0;
		state_done(&copy);
		return -ENOMEM;
	}
	for (size_t i = 0; i < copy.n_devices; i++)
		json_incref(copy.devices[i].err);
	for (size_t i = 0; i < copy.n_waiters; i++)
		json_incref(copy.waiters[i].refused);
	*ret = copy;
	return 0;
}

struct device_state *state_device(struct engine *e, const char *key)
{
	for (size_t i = 0; i < e->state.n_devices; i++)
		if (str_eq(e->state.devices[i].key, key))
			return &e->state.devices[i];
	struct device_state *d = ADD(&e->state, devices, n_devices);
	if (d)
		(void)STR_COPY(d->key, key);
	else
		e->failed = true;
	return d;
}

struct slice_state_volatile *state_slice_peek(const struct engine *e, uint64_t id)
{
	for (size_t i = 0; i < e->state.n_slices; i++)
		if (e->state.slices[i].id == id)
			return &e->state.slices[i];
	return NULL;
}

struct slice_state_volatile *state_slice(struct engine *e, uint64_t id)
{
	struct slice_state_volatile *s = state_slice_peek(e, id);
	if (s)
		return s;
	s = ADD(&e->state, slices, n_slices);
	if (s)
		s->id = id;
	else
		e->failed = true;
	return s;
}

void state_slice_forget(struct engine *e, uint64_t id)
{
	const struct slice_state_volatile *v = state_slice_peek(e, id);
	if (v)
		REMOVE(&e->state, slices, n_slices, (size_t)(v - e->state.slices));
	const struct slice *s = store_slice(e, id);
	if (s)
		state_dones_clear(e, s->device, id);
}

bool state_in_flight(const struct engine *e, const char *device)
{
	for (size_t i = 0; i < e->state.n_flights; i++) {
		const struct in_flight *f = &e->state.flights[i];
		bool changes = !f->looking || f->step.verb == VERB_SERVICE_LOOK;
		if (changes && str_eq(f->step.target.device, device))
			return true;
	}
	return false;
}

bool state_busy(const struct engine *e, const char *device)
{
	/* What the last step left of it is being asked. */
	const struct gpu *g = e->have ? have_gpu(e->have, device) : NULL;
	if (g && g->seen == GPU_UNREAD)
		return true;
	for (size_t i = 0; i < e->state.n_devices; i++)
		if (e->state.devices[i].barrier && str_eq(e->state.devices[i].key, device))
			return true;
	return state_in_flight(e, device);
}

void state_barrier(struct engine *e, const struct step *unknown)
{
	struct device_state *d = state_device(e, unknown->target.device);
	if (!d)
		return;
	d->barrier = true;
	d->barrier_step = *unknown;
	d->barrier_step.check_only = 1;
}

struct in_flight *state_flight_add(struct engine *e)
{
	return ADD(&e->state, flights, n_flights);
}

struct done_step *state_done_add(struct engine *e)
{
	return ADD(&e->state, dones, n_dones);
}

struct in_flight *state_flight(struct engine *e, uint64_t step)
{
	for (size_t i = 0; i < e->state.n_flights; i++)
		if (e->state.flights[i].step.id == step)
			return &e->state.flights[i];
	return NULL;
}

void state_flight_end(struct engine *e, uint64_t step)
{
	struct in_flight *f = state_flight(e, step);
	if (f)
		REMOVE(&e->state, flights, n_flights, (size_t)(f - e->state.flights));
}

void state_done_remove(struct engine *e, size_t i)
{
	REMOVE(&e->state, dones, n_dones, i);
}

void state_dones_clear(struct engine *e, const char *device, uint64_t slice)
{
	for (size_t i = e->state.n_dones; i > 0; i--) {
		const struct done_step *d = &e->state.dones[i - 1];
		if (d->slice == slice && str_eq(d->step.target.device, device))
			state_done_remove(e, i - 1);
	}
}

void state_dones_clear_all(struct engine *e, const char *device)
{
	for (size_t i = e->state.n_dones; i > 0; i--)
		if (str_eq(e->state.dones[i - 1].step.target.device, device))
			state_done_remove(e, i - 1);
}

void state_device_unblock(struct device_state *d)
{
	d->blocked = false;
	json_decref(d->err);
	d->err = NULL;
	d->went_back = false;
	d->retry_at = 0;
	d->backoff_ms = 0;
}

void state_backoff(struct engine *e, int64_t *retry_at, unsigned *backoff_ms)
{
	*backoff_ms = *backoff_ms ? *backoff_ms * 2 : ENGINE_BACKOFF_MS;
	if (*backoff_ms > ENGINE_BACKOFF_MAX_MS)
		*backoff_ms = ENGINE_BACKOFF_MAX_MS;
	*retry_at = e->now + *backoff_ms;
}

struct look *state_look(struct engine *e, const struct target *t)
{
	for (size_t i = 0; i < e->state.n_looks; i++)
		if (target_eq(&e->state.looks[i].target, t))
			return &e->state.looks[i];
	struct look *l = ADD(&e->state, looks, n_looks);
	if (l)
		l->target = *t;
	else
		e->failed = true;
	return l;
}

void state_look_remove(struct engine *e, size_t i)
{
	REMOVE(&e->state, looks, n_looks, i);
}

struct unit_state *state_unit(struct engine *e, const char *unit)
{
	for (size_t i = 0; i < e->state.n_units; i++)
		if (str_eq(e->state.units[i].unit, unit))
			return &e->state.units[i];
	struct unit_state *u = ADD(&e->state, units, n_units);
	if (u)
		(void)STR_COPY(u->unit, unit);
	else
		e->failed = true;
	return u;
}

void state_unit_remove(struct engine *e, size_t i)
{
	REMOVE(&e->state, units, n_units, i);
}

struct waiter *state_wait(struct engine *e, uint64_t token, enum waiter_kind kind,
			  const char *claim)
{
	struct waiter *w = ADD(&e->state, waiters, n_waiters);
	if (!w) {
		e->failed = true;
		return NULL;
	}
	w->token = token;
	w->kind = kind;
	(void)STR_COPY(w->claim, claim);
	return w;
}

void state_waiter_remove(struct engine *e, size_t i)
{
	json_decref(e->state.waiters[i].refused);
	REMOVE(&e->state, waiters, n_waiters, i);
}

bool state_has_waiter(const struct engine *e, enum waiter_kind kind, const char *claim)
{
	const struct claim *c = store_claim((struct engine *)e, claim);
	if (c)
		claim = claim_whole(c);
	for (size_t i = 0; i < e->state.n_waiters; i++)
		if (e->state.waiters[i].kind == kind && str_eq(e->state.waiters[i].claim, claim))
			return true;
	return false;
}
