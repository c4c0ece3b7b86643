/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See machine.h. */
#include "sim/machine.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <time.h>

#include "base/cleanup.h"
#include "sim/fault.h"
#include "sim/trace.h"

static _Thread_local pid_t caller;
/* The boot in which this thread's access began: nothing of an older one may be waited for. */
static _Thread_local unsigned caller_boot;

void machine_caller_set(struct machine *m, pid_t pid)
{
	caller = pid;
	caller_boot = m->boots;
}

pid_t machine_caller(void)
{
	return caller;
}

/* --- waiting --------------------------------------------------------------------------------- */

void machine_lock(struct machine *m)
{
	pthread_mutex_lock(&m->lock);
}

void machine_unlock(struct machine *m)
{
	pthread_mutex_unlock(&m->lock);
}

void machine_wake(struct machine *m)
{
	pthread_cond_broadcast(&m->changed);
}

static bool is_over(const struct machine *m)
{
	return caller_boot != m->boots;
}

/* What has happened so far can be seen while it waits. */
int machine_wait(struct machine *m)
{
	pthread_cond_broadcast(&m->changes);
	if (!is_over(m))
		pthread_cond_wait(&m->changed, &m->lock);
	return is_over(m) ? -ENOTCONN : 0;
}

static struct timespec timespec_of(int64_t ns)
{
	return (struct timespec){ .tv_sec = ns / 1000000000, .tv_nsec = ns % 1000000000 };
}

static int64_t now_ns(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * INT64_C(1000000000) + t.tv_nsec;
}

/* pace: asked anew whenever something changes, for it may be that. */
static int sleep_paced(struct machine *m, unsigned ms, const double *pace)
{
	const int64_t begin = now_ns(), most = INT64_C(1) << 62;
	for (;;) {
		double ns = ms * 1e6 * (pace ? *pace : 1);
		int64_t until = begin + (ns < (double)(most - begin) ? (int64_t)ns : most - begin);
		const struct timespec t = timespec_of(until);
		if (is_over(m))
			return -ENOTCONN;
		if (now_ns() >= until)
			return 0;
		pthread_cond_broadcast(&m->changes);
		(void)pthread_cond_timedwait(&m->changed, &m->lock, &t);
	}
}

int machine_sleep(struct machine *m, unsigned ms)
{
	return sleep_paced(m, ms, &m->pace);
}

int machine_pause(struct machine *m, unsigned ms)
{
	return sleep_paced(m, ms, NULL);
}

int klock_take(struct machine *m, struct klock *l, const char *what)
{
	if (is_over(m))
		return -ENOTCONN;
	uint64_t ticket = l->next++;
	while (l->held || l->serving != ticket) {
		int r = machine_wait(m);
		if (r < 0)
			return r;
	}
	l->held = true;
	l->by = caller;
	l->what = what;
	return 0;
}

/* Who comes from before a reboot has nothing to give back. */
void klock_release(struct machine *m, struct klock *l)
{
	if (is_over(m))
		return;
	l->held = false;
	l->serving++;
	machine_wake(m);
}

/* --- life ------------------------------------------------------------------------------------ */

struct machine *machine_new(const struct host *host)
{
	struct machine *m = calloc(1, sizeof(*m));
	if (!m || !(m->tree = tree_new())) {
		free(m);
		return NULL;
	}
	pthread_condattr_t monotonic;
	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	/* It is held for microseconds: looking again is cheaper than sleeping. */
	pthread_mutexattr_t adaptive;
	pthread_mutexattr_init(&adaptive);
	pthread_mutexattr_settype(&adaptive, PTHREAD_MUTEX_ADAPTIVE_NP);
	pthread_mutex_init(&m->lock, &adaptive);
	pthread_mutexattr_destroy(&adaptive);
	pthread_cond_init(&m->changed, &monotonic);
	pthread_cond_init(&m->changes, &monotonic);
	pthread_condattr_destroy(&monotonic);
	m->host = host;
	m->pace = 1;
	m->next_fault = 1;
	m->functions_end = &m->functions;
	struct node *root = tree_root(m->tree);
	m->sys = node_dir(m->tree, root, "sys");
	m->dev = node_dir(m->tree, root, "dev");
	m->proc = node_dir(m->tree, root, "proc");
	return m;
}

struct object {
	struct object *next, **at; /* at: the pointer to this one */
	max_align_t data[];
};

static void object_link(struct object **list, struct object *o)
{
	o->next = *list;
	o->at = list;
	if (o->next)
		o->next->at = &o->next;
	*list = o;
}

static void object_unlink(struct object *o)
{
	*o->at = o->next;
	if (o->next)
		o->next->at = o->at;
}

void *machine_object(struct machine *m, size_t size)
{
	struct object *o = calloc(1, sizeof(*o) + size);
	if (!o)
		abort();
	object_link(&m->objects, o);
	return o->data;
}

void machine_retire(struct machine *m, void *object)
{
	if (!object)
		return;
	struct object *o = (struct object *)((char *)object - offsetof(struct object, data));
	object_unlink(o);
	object_link(&m->retired, o);
}

static void objects_free(struct object **list)
{
	for (struct object *o; (o = *list);) {
		object_unlink(o);
		free(o);
	}
}

struct card {
	struct card *next;
	const struct host_slot *slot;
	max_align_t data[];
};

void *machine_card(struct machine *m, const struct host_slot *slot, size_t size)
{
	for (struct card *c = m->cards; c; c = c->next)
		if (c->slot == slot)
			return c->data;
	struct card *c = calloc(1, sizeof(*c) + size);
	if (!c)
		abort();
	c->slot = slot;
	c->next = m->cards;
	m->cards = c;
	return c->data;
}

static void cards_free(struct machine *m)
{
	for (struct card *c; (c = m->cards);) {
		m->cards = c->next;
		free(c);
	}
}

void machine_enter(struct machine *m, pid_t pid)
{
	machine_lock(m);
	m->inside++;
	machine_caller_set(m, pid);
}

void machine_leave(struct machine *m)
{
	if (--m->inside == 0)
		objects_free(&m->retired);
	machine_unlock(m);
}

struct machine *machine_free(struct machine *m)
{
	if (!m)
		return NULL;
	m->tree = tree_free(m->tree);
	objects_free(&m->objects);
	objects_free(&m->retired);
	cards_free(m);
	trace_free(m);
	fault_clear(m, 0);
	pthread_cond_destroy(&m->changed);
	pthread_cond_destroy(&m->changes);
	pthread_mutex_destroy(&m->lock);
	free(m);
	return NULL;
}

/* A version 4 UUID. */
static void boot_id_make(char ret[BOOT_ID_SIZE])
{
	uint8_t b[16] = { 0 };
	if (getrandom(b, sizeof(b), 0) != sizeof(b))
		b[0] = 1;
	b[6] = (uint8_t)((b[6] & 0x0f) | 0x40);
	b[8] = (uint8_t)((b[8] & 0x3f) | 0x80);
	(void)str_format(ret, BOOT_ID_SIZE,
			 "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x",
			 b[0], b[1], b[2], b[3], b[4], b[5], b[6], b[7], b[8], b[9], b[10], b[11],
			 b[12], b[13], b[14], b[15]);
}

void machine_boot(struct machine *m)
{
	boot_id_make(m->boot_id);
	m->boots++;
	caller_boot = m->boots;
	m->next_ifindex = 2;
	m->next_bar = 0x380000000000;
	platform_init(m);
	bus_init(m);
	vfio_init(m);
	driver_init(m);
	bus_scan(m, NULL);
	driver_attach_new(m);
	mdev_init(m);
	trace_add(m, TRACE_BOOT, m->host->name, m->boot_id, 0);
}

/* From below; a directory that stays loses what is in it. */
static void branch_clear(struct tree *t, struct node *dir)
{
	for (struct node *n = dir->last, *previous; n; n = previous) {
		previous = n->previous;
		if (n->number == NODE_STAYS)
			branch_clear(t, n);
		else
			node_remove(t, n);
	}
}

/* Who waits for something of the old boot is let go. */
void machine_reboot(struct machine *m)
{
	struct node *branches[] = { m->sys, m->dev, m->proc };
	for (size_t i = 0; i < sizeof(branches) / sizeof(*branches); i++)
		branch_clear(m->tree, branches[i]);
	for (struct pci *f = m->functions; f; f = f->next)
		f->dev.gone = true;
	while (m->objects)
		machine_retire(m, m->objects->data);
	m->functions = NULL;
	m->functions_end = &m->functions;
	m->drivers = NULL;
	m->groups = NULL;
	memset(m->group_ids, 0, sizeof(m->group_ids));
	m->pools = NULL;
	m->vfio_devices = NULL;
	m->rescan = m->rtnl = (struct klock){ 0 };
	unsigned before = caller_boot;
	double pace = m->pace;
	m->pace = 0; /* nobody watches it boot */
	machine_boot(m);
	m->pace = pace;
	caller_boot = before;
	machine_wake(m);
}
