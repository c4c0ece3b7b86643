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

#define TRACE_MAX 32768

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
	return m->ending || caller_boot != m->boots;
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

static void traces_free(struct trace *t);

struct machine *machine_free(struct machine *m)
{
	if (!m)
		return NULL;
	m->tree = tree_free(m->tree);
	objects_free(&m->objects);
	objects_free(&m->retired);
	traces_free(m->trace);
	fault_clear(m, 0);
	pthread_cond_destroy(&m->changed);
	pthread_cond_destroy(&m->changes);
	pthread_mutex_destroy(&m->lock);
	free(m);
	return NULL;
}

void machine_end(struct machine *m)
{
	machine_lock(m);
	m->ending = true;
	machine_wake(m);
	pthread_cond_broadcast(&m->changes);
	machine_unlock(m);
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
	class_init(m);
	bus_init(m);
	vfio_init(m);
	driver_init(m);
	bus_scan(m);
	driver_attach_all(m);
	mdev_init(m);
	trace_add(m, 'b', m->host->name, m->boot_id, 0);
}

/* The tree goes from below. Who waits for something of the old boot is let go. */
void machine_reboot(struct machine *m)
{
	struct node *branches[] = { m->sys, m->dev, m->proc };
	for (size_t i = 0; i < sizeof(branches) / sizeof(*branches); i++)
		for (struct node *n = branches[i]->last, *previous; n; n = previous) {
			previous = n->previous;
			if (n->number != NODE_STAYS)
				node_remove(m->tree, n);
		}
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
	m->rescan = (struct klock){ 0 };
	unsigned before = caller_boot;
	double pace = m->pace;
	m->pace = 0; /* nobody watches it boot */
	machine_boot(m);
	m->pace = pace;
	caller_boot = before;
	machine_wake(m);
}

/* --- accesses -------------------------------------------------------------------------------- */

static void traces_free(struct trace *t)
{
	for (struct trace *next; t; t = next) {
		next = t->next;
		free(t);
	}
}

/* The oldest half goes when there are twice as many as are kept. */
static void trace_limit(struct machine *m)
{
	if (m->trace->number % TRACE_MAX)
		return;
	struct trace *t = m->trace;
	for (size_t i = 1; t && i < TRACE_MAX; i++)
		t = t->next;
	if (!t)
		return;
	traces_free(t->next);
	t->next = NULL;
}

void trace_add(struct machine *m, char kind, const char *path, const char *text, int result)
{
	size_t len = strlen(path);
	struct trace *t = calloc(1, sizeof(*t) + len + 1);
	if (!t)
		return;
	t->number = m->trace ? m->trace->number + 1 : 1;
	t->kind = kind;
	t->result = result;
	memcpy(t->path, path, len + 1);
	(void)snprintf(t->text, sizeof(t->text), "%s", text);
	t->next = m->trace;
	m->trace = t;
	trace_limit(m);
}

/* What a program wrote may be anything. */
static void text_print(const char *text, struct str_buf *out)
{
	for (; *text; text++)
		if (*text == '"' || *text == '\\' || (unsigned char)*text < ' ')
			str_buf_addf(out, "\\x%02x", (unsigned char)*text);
		else
			str_buf_addf(out, "%c", *text);
}

static void trace_print(const struct trace *t, struct str_buf *out)
{
	const char *error = t->result < 0 ? strerrorname_np(-t->result) : "ok";
	if (t->kind == 'w') {
		str_buf_addf(out, "%llu write %s \"", (unsigned long long)t->number, t->path);
		text_print(t->text, out);
		str_buf_addf(out, "\" %s\n", error ? error : "error");
	} else if (t->kind == 'e') {
		str_buf_addf(out, "%llu event %s %s%s\n", (unsigned long long)t->number, t->text,
			     t->path, t->result < 0 ? " lost" : "");
	} else {
		str_buf_addf(out, "%llu boot %s\n", (unsigned long long)t->number, t->text);
	}
}

/* They are kept with the newest first: turned round while they are printed. */
void trace_list(const struct machine *m, uint64_t since, struct str_buf *out)
{
	size_t n = 0;
	for (const struct trace *t = m->trace; t && t->number > since; t = t->next)
		n++;
	const struct trace **list = calloc(n + 1, sizeof(struct trace *));
	if (!list)
		return;
	size_t at = n;
	for (const struct trace *t = m->trace; at > 0; t = t->next)
		list[--at] = t;
	for (size_t i = 0; i < n; i++)
		trace_print(list[i], out);
	free(list);
}

/* The function that a file of its directory belongs to. */
static struct pci *function_of(const struct machine *m, const struct node *n)
{
	for (; n && n != m->sys; n = n->parent)
		if (n->type == NODE_DIR && pci_addr_valid(n->name))
			return bus_find(m, n->name);
	return NULL;
}

/* Locks that a write to a file of a function holds in the kernel, in their order: drivers/pci/iov.c and
 * pci-sysfs.c of Linux 6.12. driver_override has one of its own (seen in the lab). */
static void hang_locks(struct machine *m, struct pci *at, const char *what, struct klock *ret[2])
{
	struct klock *own = at ? &at->dev.lock : NULL;
	ret[0] = ret[1] = NULL;
	if (str_eq(what, "remove") || str_eq(what, "rescan")) {
		ret[0] = &m->rescan;
		ret[1] = own;
	} else if (!str_eq(what, "driver_override")) {
		ret[0] = own;
		ret[1] = str_eq(what, "sriov_numvfs") ? &m->rescan : NULL;
	}
}

/* In the middle of a write, with its locks: what else wants them waits as well. what NULL: of a read. */
static int hang(struct machine *m, const struct fault *f, struct pci *at, const char *what)
{
	struct klock *locks[2] = { NULL, NULL };
	int r = 0, n = 0;
	if (what)
		hang_locks(m, at, what, locks);
	for (; r == 0 && n < 2 && locks[n]; n++)
		r = klock_take(m, locks[n], what);
	if (r == 0)
		r = fault_hang(m, f->id);
	while (n-- > 0)
		klock_release(m, locks[n]);
	return r;
}

/* A VF goes with the card that it is on. */
static void pull_card(struct pci *at)
{
	struct pci *f = at && at->pf ? at->pf : at;
	if (f && !f->dev.gone)
		bus_pull(f);
}

/* what: the last part of the path of a file that is written; NULL: of a read, or of no file. */
static int effect_before(struct machine *m, const struct fault *f, struct pci *at, const char *what)
{
	switch (f->effect) {
	case FAULT_FAIL:
		return -f->error;
	case FAULT_HANG:
		return hang(m, f, at, what);
	case FAULT_SLOW:
		return machine_pause(m, f->ms);
	case FAULT_KILL:
		m->hooks->kill(m, f->text);
		return 0;
	case FAULT_REBOOT:
		m->hooks->reboot(m);
		return -ENOTCONN;
	case FAULT_GONE:
		pull_card(at);
		return -ENODEV;
	case FAULT_NONE:
	case FAULT_FAIL_AFTER:
	case FAULT_KILL_AFTER:
	case FAULT_REBOOT_AFTER:
	case FAULT_GONE_AFTER:
	case FAULT_IGNORE:
	case FAULT_INSTEAD:
	case FAULT_DEAD:
	case FAULT_ANSWER:
	case FAULT_LOST:
		break;
	}
	return 0;
}

static int effect_after(struct machine *m, const struct fault *f, struct pci *at, int result)
{
	switch (f->effect) {
	case FAULT_FAIL_AFTER:
		return -f->error;
	case FAULT_KILL_AFTER:
		m->hooks->kill(m, f->text);
		return result;
	case FAULT_REBOOT_AFTER:
		m->hooks->reboot(m);
		return -ENOTCONN;
	case FAULT_GONE_AFTER:
		pull_card(at);
		return result;
	case FAULT_DEAD:
		if (at)
			at->state.off = true;
		return result;
	case FAULT_NONE:
	case FAULT_FAIL:
	case FAULT_HANG:
	case FAULT_SLOW:
	case FAULT_KILL:
	case FAULT_REBOOT:
	case FAULT_GONE:
	case FAULT_IGNORE:
	case FAULT_INSTEAD:
	case FAULT_ANSWER:
	case FAULT_LOST:
		break;
	}
	return result;
}

/* The function that a write is about: the one whose file it is, or the one that it names. */
static struct pci *target_of(const struct machine *m, const struct node *n, const char *text)
{
	struct pci *f = function_of(m, n);
	return f || !pci_addr_valid(text) ? f : bus_find(m, text);
}

int machine_access(struct machine *m, const struct access *a)
{
	m->writes++;
	struct fault *met = fault_meet(m, a->path, false);
	struct fault f = { .effect = FAULT_NONE };
	if (met)
		f = *met; /* it may be cleared meanwhile */
	const char *slash = strrchr(a->path, '/');
	/* Settings of VFs hold rtnl already. */
	const char *what = slash && !str_after(a->path, "rtnl/") ? slash + 1 : NULL;
	int r = effect_before(m, &f, a->at, what);
	if (r == 0 && a->gone && *a->gone)
		r = -ENODEV;
	if (f.effect == FAULT_INSTEAD && a->replace)
		a->replace(a->userdata, f.text);
	if (r == 0 && f.effect != FAULT_IGNORE)
		r = a->act(a->userdata);
	trace_add(m, 'w', a->path, a->text, r);
	return effect_after(m, &f, a->at, r);
}

struct store {
	struct node *n;
	const char *text;
	size_t len;
};

static int store_act(void *userdata)
{
	const struct store *s = userdata;
	return s->n->ops->store(s->n, s->text, s->len);
}

static void store_replace(void *userdata, const char *text)
{
	struct store *s = userdata;
	s->text = text;
	s->len = strlen(text);
}

int machine_store(struct machine *m, struct node *n, const char *text, size_t len)
{
	char path[TREE_PATH_SIZE];
	struct store s = { .n = n, .text = text, .len = len };
	if (node_path_of(n, m->sys, path) < 0)
		return -ENAMETOOLONG;
	const struct access a = { .path = path,
				  .text = text,
				  .at = target_of(m, n, text),
				  .gone = &n->gone,
				  .act = store_act,
				  .replace = store_replace,
				  .userdata = &s };
	return machine_access(m, &a);
}

int machine_show(struct machine *m, struct node *n, struct str_buf *out)
{
	char path[TREE_PATH_SIZE];
	if (!m->faults)
		return n->ops->show(n, out);
	if (node_path_of(n, m->sys, path) < 0)
		return -ENAMETOOLONG;
	struct fault *met = fault_meet(m, path, true);
	struct fault f = { .effect = FAULT_NONE };
	if (met)
		f = *met;
	int r = effect_before(m, &f, NULL, NULL);
	if (r == 0 && f.effect == FAULT_ANSWER) {
		str_buf_addf(out, "%s\n", f.text);
		return 0;
	}
	if (r == 0 && n->gone)
		r = -ENODEV;
	return r < 0 ? r : n->ops->show(n, out);
}
