/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See picture.h. */
#include "daemon/picture.h"

#include <errno.h>
#include <stdlib.h>

#include "base/array.h"
#include "base/log.h"
#include "base/num.h"
#include "base/str.h"
#include "daemon/daemon.h"
#include "host/scan.h"
#include "sriov/sriov.h"

/* More devices than this at once: everything is looked at. */
#define DIRTY_MAX 64
/* As much as a result holds: each function has 4 KiB of config space and a length. */
#define CONFIG_PER_STEP 11

/* Sorted: where the key is, or would be. */
static size_t keys_place(const struct picture_keys *k, const char *key)
{
	size_t low = 0, high = k->n;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (strcmp(k->items[middle], key) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static bool keys_have(const struct picture_keys *k, const char *key)
{
	size_t at = keys_place(k, key);
	return at < k->n && str_eq(k->items[at], key);
}

static int keys_add(struct picture_keys *k, const char *key)
{
	size_t at = keys_place(k, key);
	if (at < k->n && str_eq(k->items[at], key))
		return 0;
	if ((k->n & (k->n - 1)) == 0) {
		char(*items)[DEVICE_KEY_SIZE] =
			reallocarray(k->items, k->n ? k->n * 2 : 1, sizeof(*items));
		if (!items)
			return -ENOMEM;
		k->items = items;
	}
	memmove(k->items[at + 1], k->items[at], (k->n - at) * sizeof(*k->items));
	int r = STR_COPY(k->items[at], key);
	if (r >= 0)
		k->n++;
	else
		memmove(k->items[at], k->items[at + 1], (k->n - at) * sizeof(*k->items));
	return r;
}

static void keys_remove(struct picture_keys *k, const char *key)
{
	size_t at = keys_place(k, key);
	if (at == k->n || !str_eq(k->items[at], key))
		return;
	k->n--;
	memmove(k->items[at], k->items[at + 1], (k->n - at) * sizeof(*k->items));
}

static void keys_done(struct picture_keys *k)
{
	free(k->items);
	*k = (struct picture_keys){ 0 };
}

static struct scan_roots roots_of(const struct daemon *d)
{
	return (struct scan_roots){ .sysfs = d->roots.sysfs, .dev = d->roots.dev };
}

static void changed(struct daemon *d)
{
	d->picture.changed = true;
	turn_need(d);
}

/* --- looks ----------------------------------------------------------------------------------- */

int picture_look(struct daemon *d, const struct step *s, picture_look_fn fn, uint64_t token)
{
	struct picture *p = &d->picture;
	struct picture_look *looks = reallocarray(p->looks, p->n_looks + 1, sizeof(*looks));
	if (!looks)
		return -ENOMEM;
	p->looks = looks;
	struct picture_look *l = &looks[p->n_looks];
	*l = (struct picture_look){ .step = *s, .fn = fn, .token = token };
	l->step.id = PICTURE_LOOK_ID | p->next_look++;
	int r = token ? executor_client_look(d->executor, &l->step)
		      : executor_client_send(d->executor, &l->step);
	if (r < 0)
		return r;
	p->n_looks++;
	return 0;
}

void picture_looks_forget(struct daemon *d, uint64_t token)
{
	struct picture *p = &d->picture;
	for (size_t i = p->n_looks; i > 0; i--)
		if (p->looks[i - 1].token == token &&
		    executor_client_forget(d->executor, p->looks[i - 1].step.id))
			p->looks[i - 1] = p->looks[--p->n_looks];
}

/* The last of the first looks: the engine may begin. */
static void check_observed(struct daemon *d)
{
	struct picture *p = &d->picture;
	if (p->observed || !executor_client_connected(d->executor))
		return;
	for (size_t i = 0; i < p->n_looks; i++)
		if (p->looks[i].token == 0 &&
		    !(p->gpus_late && p->looks[i].step.verb == VERB_READ_GPU))
			return;
	p->observed = true;
	changed(d);
	/* Calls that waited for this are answered before the next turn. */
	engine_have_changed(d->engine, &p->have);
	daemon_started(d);
}

void picture_gpus_late(struct daemon *d)
{
	d->picture.gpus_late = true;
	check_observed(d);
}

bool picture_look_result(struct daemon *d, const struct step_result *r, const void *data)
{
	struct picture *p = &d->picture;
	if (!(r->id & PICTURE_LOOK_ID))
		return false;
	for (size_t i = 0; i < p->n_looks; i++) {
		if (p->looks[i].step.id != r->id)
			continue;
		struct picture_look look = p->looks[i];
		p->looks[i] = p->looks[--p->n_looks];
		look.fn(d, look.token, &look.step, r, data);
		break;
	}
	check_observed(d);
	return true;
}

static bool usable(const struct step_result *r)
{
	return r->status == STEP_DONE || r->status == STEP_NOTHING;
}

static void take_config(struct daemon *d, uint64_t token, const struct step *s,
			const struct step_result *r, const void *data)
{
	(void)token;
	const struct scan_roots roots = roots_of(d);
	if (!usable(r) || scan_apply_config(&d->picture.have, s->text, data, r->data_len) < 0)
		return;
	(void)scan_vf_limits(&roots, &d->picture.have, s->text);
	changed(d);
}

static void types_stale_set(struct have *h, const char *parent, bool stale)
{
	for (size_t i = 0; i < h->n_types; i++)
		if (str_eq(h->types[i].parent, parent))
			h->types[i].available_stale = stale;
}

/* Mdevs came or went since that look was asked for: another one is, or will be. */
static bool types_are_stale(const struct picture *p, const char *parent)
{
	for (size_t i = 0; i < p->n_looks; i++)
		if (p->looks[i].step.verb == VERB_READ_MDEV &&
		    str_eq(p->looks[i].step.target.device, parent))
			return true;
	return !keys_have(&p->asked_types, parent);
}

static void take_types(struct daemon *d, uint64_t token, const struct step *s,
		       const struct step_result *r, const void *data)
{
	(void)token;
	struct picture *p = &d->picture;
	const char *key = s->target.device;
	if (usable(r))
		(void)scan_apply_types(&p->have, key, data, r->data_len);
	/* What cannot be read is as good as it gets. */
	types_stale_set(&p->have, key, types_are_stale(p, key));
	changed(d);
}

static void take_vfs(struct daemon *d, uint64_t token, const struct step *s,
		     const struct step_result *r, const void *data)
{
	(void)token;
	const char *key = s->target.device;
	if (usable(r) && scan_apply_vfs(&d->picture.have, key, data, r->data_len) >= 0)
		changed(d);
}

/* --- GPUs ------------------------------------------------------------------------------------- */

#define VENDOR_NVIDIA 0x10de /* pci.ids */

/* With the driver whose library knows it. */
static bool has_library(const struct function *f)
{
	return f->vendor == VENDOR_NVIDIA && !f->is_vf && str_eq(f->driver, "nvidia") &&
	       pci_class_is(f->class, PCI_BASE_DISPLAY);
}

static bool gpus_asked(const struct picture *p)
{
	for (size_t i = 0; i < p->n_looks; i++)
		if (p->looks[i].step.verb == VERB_READ_GPU)
			return true;
	return false;
}

static int gpus_waited(sd_event_source *source, uint64_t usec, void *userdata)
{
	(void)source;
	(void)usec;
	struct daemon *d = userdata;
	picture_gpus_late(d);
	server_resume(d);
	return 0;
}

static void gpu_unseen(struct have *h, const char *key, const char *why)
{
	have_drop_gpu(h, key);
	struct gpu *g = have_add_gpu(h);
	if (!g)
		return;
	g->seen = GPU_UNSEEN;
	(void)STR_COPY(g->key, key);
	(void)STR_FORMAT(g->why, "%.*s", (int)sizeof(g->why) - 1, why);
}

static void gpu_noted(struct daemon *d, const char *key)
{
	const struct gpu *g = have_gpu(&d->picture.have, key);
	if (g)
		drift_note(d, g);
}

static void take_gpu(struct daemon *d, uint64_t token, const struct step *s,
		     const struct step_result *r, const void *data)
{
	(void)token;
	struct have *h = &d->picture.have;
	const char *key = s->target.device;
	const struct function *f = have_device(h, key);
	if (!f || !has_library(f))
		return;
	const struct gpu *was = have_gpu(h, key);
	bool stale = was && was->vgpus_stale;
	if (usable(r))
		(void)scan_apply_gpu(h, key, 0, data, r->data_len);
	else
		gpu_unseen(h, key, r->detail[0] ? r->detail : "nobody could ask");
	struct gpu *g = have_gpu(h, key);
	if (g) {
		g->vgpus_stale = stale;
		drift_note(d, g);
	}
	changed(d);
	/* What has become of slices is in the answers of those who waited. */
	if (d->picture.observed && !gpus_asked(&d->picture)) {
		turn_now(d);
		server_resume(d);
	}
}

/* The driver is asked alone, not the library. Mdevs that came or went meanwhile are asked for again. */
static void take_vgpus(struct daemon *d, uint64_t token, const struct step *s,
		       const struct step_result *r, const void *data)
{
	(void)token;
	struct picture *p = &d->picture;
	const char *key = s->target.device;
	struct gpu *g = have_gpu(&p->have, key);
	if (!g)
		return;
	g->vgpus_stale = !keys_have(&p->asked_vgpus, key);
	if (usable(r))
		(void)scan_apply_gpu(&p->have, key, 0, data, r->data_len);
	changed(d);
}

static void ask_vgpus(struct daemon *d)
{
	struct picture *p = &d->picture;
	for (size_t i = 0; i < p->have.n_gpus; i++) {
		const struct gpu *g = &p->have.gpus[i];
		struct step s = { .verb = VERB_READ_GPU, .target.vf = -1, .flag = 1 };
		if (g->vgpus_stale && !keys_have(&p->asked_vgpus, g->key) &&
		    STR_COPY(s.target.device, g->key) == 0 &&
		    picture_look(d, &s, take_vgpus, 0) >= 0)
			(void)keys_add(&p->asked_vgpus, g->key);
	}
}

/* Of those that have lost their driver nothing is known any more. */
static void gpus_forget(struct daemon *d)
{
	struct have *h = &d->picture.have;
	for (size_t i = h->n_gpus; i > 0; i--) {
		char key[DEVICE_KEY_SIZE];
		memcpy(key, h->gpus[i - 1].key, sizeof(key));
		const struct function *f = have_device(h, key);
		if (f && has_library(f))
			continue;
		have_drop_gpu(h, key);
		keys_remove(&d->picture.asked_gpus, key);
	}
}

static bool changes_gpu(const struct step *s)
{
	return s->verb == VERB_MIG_MODE || s->verb == VERB_MIG_CREATE ||
	       s->verb == VERB_MIG_DESTROY || s->verb == VERB_VGPU_VFS ||
	       s->verb == VERB_VGPU_SET || s->verb == VERB_VGPU_MIXED ||
	       s->verb == VERB_VGPU_SCHEDULER || s->verb == VERB_MPS_START ||
	       s->verb == VERB_MPS_STOP;
}

/* What came of a step, if it said so; else the library is asked. */
static void gpu_step_result(struct daemon *d, const struct step *s, const struct step_result *r,
			    const void *data)
{
	const char *key = s->target.device;
	bool told = r->data_len && r->status != STEP_REFUSED && r->status != STEP_TIMEOUT;
	if (told && scan_apply_gpu(&d->picture.have, key, s->target.part, data, r->data_len) == 0) {
		gpu_noted(d, key);
		return;
	}
	/* Nothing is decided on it before that is known. */
	struct gpu *g = r->status == STEP_REFUSED ? NULL : have_gpu(&d->picture.have, key);
	if (g && g->seen == GPU_SEEN)
		g->seen = GPU_UNREAD;
	keys_remove(&d->picture.asked_gpus, key);
}

void picture_gpu_stale(struct daemon *d, const char *key)
{
	keys_remove(&d->picture.asked_gpus, key);
	d->picture.ask_due = true;
}

bool picture_gpus_wait(struct daemon *d)
{
	return gpus_asked(&d->picture) &&
	       sd_event_add_time_relative(d->loop, NULL, CLOCK_MONOTONIC,
					  DAEMON_EXECUTOR_GRACE_MS * 1000ull, 0, gpus_waited,
					  d) >= 0;
}

bool picture_gpus_ask(struct daemon *d)
{
	struct picture *p = &d->picture;
	if (p->have.n_gpus == 0 || !executor_client_connected(d->executor))
		return false;
	if (!gpus_asked(p)) {
		keys_done(&p->asked_gpus);
		p->ask_due = true;
		picture_ask(d);
	}
	return picture_gpus_wait(d);
}

static int ask_device(struct daemon *d, struct picture_keys *asked, enum verb verb, const char *key,
		      picture_look_fn fn)
{
	if (keys_have(asked, key))
		return 0;
	struct step s = { .verb = verb, .target.vf = -1 };
	int r = STR_COPY(s.target.device, key);
	if (r >= 0)
		r = picture_look(d, &s, fn, 0);
	return r < 0 ? r : keys_add(asked, key);
}

static void ask_config(struct daemon *d)
{
	struct picture *p = &d->picture;
	struct str_buf addresses = { 0 };
	unsigned n = 0;
	for (size_t i = 0; i <= p->have.n_functions; i++) {
		const struct function *f = &p->have.functions[i];
		bool end = i == p->have.n_functions;
		if (!end && !keys_have(&p->asked_config, f->addr)) {
			str_buf_addf(&addresses, "%s%s", n ? " " : "", f->addr);
			n++;
			(void)keys_add(&p->asked_config, f->addr);
		}
		if (n == 0 || (n < CONFIG_PER_STEP && !end))
			continue;
		struct step s = { .verb = VERB_READ_CONFIG, .target.vf = -1 };
		if (addresses.text && STR_COPY(s.text, addresses.text) >= 0)
			(void)picture_look(d, &s, take_config, 0);
		str_buf_done(&addresses);
		n = 0;
	}
	str_buf_done(&addresses);
}

void picture_ask(struct daemon *d)
{
	struct picture *p = &d->picture;
	if (!p->ask_due || !executor_client_connected(d->executor))
		return;
	p->ask_due = false;
	ask_config(d);
	for (size_t i = 0; i < p->have.n_functions; i++) {
		const struct function *f = &p->have.functions[i];
		if (f->mdev_parent)
			(void)ask_device(d, &p->asked_types, VERB_READ_MDEV, f->key, take_types);
		const struct function *pf = f->is_vf ? have_function(&p->have, f->pf) : NULL;
		if (pf)
			(void)ask_device(d, &p->asked_vfs, VERB_READ_VFS, pf->key, take_vfs);
		if (has_library(f))
			(void)ask_device(d, &p->asked_gpus, VERB_READ_GPU, f->key, take_gpu);
	}
	ask_vgpus(d);
	for (size_t i = 0; i < p->have.n_parents; i++)
		(void)ask_device(d, &p->asked_types, VERB_READ_MDEV, p->have.parents[i].key,
				 take_types);
}

void picture_executor_connected(struct daemon *d)
{
	struct picture *p = &d->picture;
	keys_done(&p->asked_config);
	keys_done(&p->asked_types);
	keys_done(&p->asked_vfs);
	keys_done(&p->asked_gpus);
	keys_done(&p->asked_vgpus);
	p->ask_due = true;
	picture_ask(d);
	/* What happened meanwhile was seen by uevents; the engine compares again. */
	if (p->observed)
		changed(d);
	check_observed(d);
}

void picture_executor_lost(struct daemon *d)
{
	struct picture *p = &d->picture;
	const struct step_result none = { .status = STEP_UNKNOWN };
	/* The next executor says first what is stuck still. */
	p->n_stuck = 0;
	while (p->n_looks > 0) {
		struct picture_look look = p->looks[--p->n_looks];
		look.fn(d, look.token, &look.step, &none, NULL);
	}
}

/* --- stuck devices --------------------------------------------------------------------------- */

const char *picture_stuck(const struct picture *p, const char *device)
{
	for (size_t i = 0; i < p->n_stuck; i++)
		if (str_eq(p->stuck[i].device, device))
			return p->stuck[i].reason;
	return NULL;
}

static void stuck_add(struct picture *p, const char *device, const char *reason)
{
	struct picture_stuck *new = ARRAY_ADD(p->stuck, p->n_stuck);
	if (!new)
		return;
	(void)STR_COPY(new->device, device);
	if (STR_COPY(new->reason, reason) < 0)
		(void)STR_COPY(new->reason, "a write on it does not end");
}

void picture_set_stuck(struct daemon *d, const char *device, const char *reason)
{
	struct picture *p = &d->picture;
	for (size_t i = 0; i < p->n_stuck; i++) {
		if (!str_eq(p->stuck[i].device, device))
			continue;
		if (!reason)
			p->stuck[i] = p->stuck[--p->n_stuck];
		return;
	}
	if (reason)
		stuck_add(p, device, reason);
}

/* --- changes --------------------------------------------------------------------------------- */

static void mark(struct daemon *d, struct picture_keys *dirty, const char *name)
{
	if (dirty->n >= DIRTY_MAX || keys_add(dirty, name) < 0)
		d->picture.dirty_all = true;
	turn_need(d);
}

/* "virtual/vfio/15": the node of a group came or went. */
static void mark_group(struct daemon *d, const char *path)
{
	struct picture *p = &d->picture;
	const char *name = str_after(path, "virtual/vfio/");
	uint32_t group;
	if (!name || num_parse_u32(name, 10, &group) < 0)
		return;
	for (size_t i = 0; i < p->have.n_functions; i++)
		if (p->have.functions[i].iommu_group == (int)group)
			mark(d, &p->dirty, p->have.functions[i].addr);
	for (size_t i = 0; i < p->have.n_mdevs; i++)
		if (p->have.mdevs[i].iommu_group == (int)group)
			mark(d, &p->dirty_mdevs, p->have.mdevs[i].uuid);
}

/* A component that is a UUID: the mdev itself, or what belongs to one. False: none is. */
static bool mark_mdev(struct daemon *d, const char *path)
{
	for (size_t len; *path; path += len + (path[len] == '/')) {
		char uuid[UUID_SIZE];
		len = strcspn(path, "/");
		if (STR_FORMAT(uuid, "%.*s", (int)len, path) < 0 || !uuid_valid(uuid))
			continue;
		mark(d, &d->picture.dirty_mdevs, uuid);
		return true;
	}
	return false;
}

static void mark_event(struct daemon *d, const struct uevent *u)
{
	switch (u->subsystem) {
	case UEVENT_MDEV:
	case UEVENT_VFIO_DEV:
	case UEVENT_PCI:
		if (!mark_mdev(d, u->path) && u->addr[0])
			mark(d, &d->picture.dirty, u->addr);
		break;
	case UEVENT_VFIO:
		mark_group(d, u->path);
		break;
	case UEVENT_PARENT:
		break;
	}
	if (u->mdev_parent || u->subsystem == UEVENT_PARENT) {
		d->picture.dirty_parents = true;
		turn_need(d);
	}
}

static int uevents_ready(sd_event_source *source, int fd, uint32_t revents, void *userdata)
{
	(void)source;
	(void)fd;
	(void)revents;
	struct daemon *d = userdata;
	struct uevent u;
	int r;
	while ((r = uevent_monitor_next(d->picture.monitor, &u)) != 0) {
		if (r > 0) {
			mark_event(d, &u);
			continue;
		}
		d->picture.dirty_all = true;
		turn_need(d);
		if (r == -ENOBUFS)
			continue;
		/* Deaf, it would go on with a picture that no longer holds: started anew, it looks. */
		log_error("cannot hear the kernel any more: %s", strerror(-r));
		return sd_event_exit(d->loop, r);
	}
	return 0;
}

/* A function that left, or is another one now, is asked about anew when it is back. */
static void forget_asked(struct daemon *d, const char *addr)
{
	const struct function *f = have_function(&d->picture.have, addr);
	if (!f) {
		keys_remove(&d->picture.asked_config, addr);
		return;
	}
	if (!f->caps.known)
		keys_remove(&d->picture.asked_config, addr);
	keys_remove(&d->picture.asked_types, f->key);
}

static unsigned vgpu_vfs_known(const struct have *h, const char *key)
{
	unsigned n = 0;
	for (size_t i = 0; i < h->n_vgpu_vfs; i++)
		n += h->vgpu_vfs[i].index >= 0 && str_eq(h->vgpu_vfs[i].key, key);
	return n;
}

static int rescan_one(struct daemon *d, const char *addr)
{
	const struct scan_roots roots = roots_of(d);
	struct have *h = &d->picture.have;
	size_t before = h->n_functions;
	const struct function *old = have_function(h, addr);
	/* A VF's "add" comes before its links, and nothing of its own after them: the PF's "change" does
	 * (sriov_enable() of Linux 6.12). */
	bool pf = old && !old->is_vf && old->caps.sriov;
	int r = pf ? scan_vfs(&roots, h, addr) : scan_function(&roots, h, addr);
	if (r > 0)
		forget_asked(d, addr);
	/* VFs came or went. */
	const struct function *f = have_function(h, addr);
	if (f && !f->is_vf && h->n_functions != before)
		keys_remove(&d->picture.asked_vfs, f->key);
	if (f && has_library(f) && have_vf_count(h, f->addr) != vgpu_vfs_known(h, f->key))
		keys_remove(&d->picture.asked_gpus, f->key);
	return r;
}

static int rescan_all(struct daemon *d)
{
	const struct scan_roots roots = roots_of(d);
	struct picture *p = &d->picture;
	struct have fresh = { 0 };
	int r = scan_all(&roots, &p->have, &fresh);
	if (r < 0) {
		log_warning("cannot look at the machine: %s", strerror(-r));
		return r;
	}
	have_done(&p->have);
	p->have = fresh;
	have_count_vgpus(&p->have);
	keys_done(&p->asked_config);
	keys_done(&p->asked_types);
	keys_done(&p->asked_vfs);
	keys_done(&p->asked_gpus);
	p->changed = true;
	return 0;
}

/* The GPU of mdevs that came or went: which vGPUs it is divided into is seen by these, which more there could be is
 * asked. */
static void vgpus_count(struct daemon *d, const char *parent)
{
	struct have *h = &d->picture.have;
	struct mdev m = { .iommu_group = -1 };
	(void)STR_COPY(m.parent, parent);
	const struct vgpu_vf *v = have_mdev_vgpu_vf(h, &m);
	struct gpu *g = v ? have_gpu(h, v->key) : NULL;
	have_count_vgpus(h);
	if (!g)
		return;
	g->vgpus_stale = 1;
	keys_remove(&d->picture.asked_vgpus, g->key);
}

static void rescan_mdev(struct daemon *d, const char *uuid)
{
	const struct scan_roots roots = roots_of(d);
	struct picture *p = &d->picture;
	const struct mdev *m = have_mdev(&p->have, uuid);
	char parent[DEVICE_KEY_SIZE];
	(void)STR_COPY(parent, m ? m->parent : "");
	if (scan_mdev(&roots, &p->have, uuid) <= 0)
		return;
	p->changed = true;
	/* The driver counts anew how many more it can make. */
	m = have_mdev(&p->have, uuid);
	keys_remove(&p->asked_types, m ? m->parent : parent);
	types_stale_set(&p->have, m ? m->parent : parent, true);
	vgpus_count(d, m ? m->parent : parent);
}

static void rescan_parents(struct daemon *d)
{
	const struct scan_roots roots = roots_of(d);
	if (scan_mdevs(&roots, &d->picture.have) >= 0)
		d->picture.changed = true;
	have_count_vgpus(&d->picture.have);
	keys_done(&d->picture.asked_types);
}

/* Address of what the step worked on, before or after it. */
static const char *step_addr(const struct have *h, const struct step *s)
{
	const struct function *f = have_device(h, s->target.device);
	if (f && s->target.vf >= 0 && s->verb != VERB_SET_VFS)
		f = have_vf(h, f->addr, s->target.vf);
	return f ? f->addr : NULL;
}

/* What a step works on is looked at when it is done, once. */
static bool in_work(const struct daemon *d, const char *name)
{
	const struct turns *t = &d->turns;
	for (size_t i = 0; i < t->n_flights; i++) {
		const struct step *s = &t->flights[i];
		const char *addr = step_addr(&d->picture.have, s);
		if (str_eq(s->target.uuid, name) || (addr && str_eq(addr, name)))
			return true;
	}
	return false;
}

static void rescan_marked(struct daemon *d, struct picture_keys *dirty,
			  void (*rescan)(struct daemon *d, const char *name))
{
	size_t kept = 0;
	for (size_t i = 0; i < dirty->n; i++) {
		if (!in_work(d, dirty->items[i]))
			rescan(d, dirty->items[i]);
		else if (kept++ < i)
			memcpy(dirty->items[kept - 1], dirty->items[i], sizeof(dirty->items[i]));
	}
	dirty->n = kept;
}

static void rescan_function(struct daemon *d, const char *addr)
{
	if (rescan_one(d, addr) > 0)
		d->picture.changed = true;
}

static void rescan_dirty(struct daemon *d)
{
	struct picture *p = &d->picture;
	rescan_marked(d, &p->dirty, rescan_function);
	rescan_marked(d, &p->dirty_mdevs, rescan_mdev);
	if (p->dirty_parents)
		rescan_parents(d);
}

void picture_refresh(struct daemon *d)
{
	struct picture *p = &d->picture;
	if (!p->dirty_all && !p->dirty_parents && p->dirty.n == 0 && p->dirty_mdevs.n == 0)
		return;
	if (!p->dirty_all) {
		rescan_dirty(d);
	} else if (rescan_all(d) == 0) {
		keys_done(&p->dirty);
		keys_done(&p->dirty_mdevs);
		p->dirty_all = false;
	}
	p->dirty_parents = false;
	gpus_forget(d);
	if (p->changed)
		facts_prepare(&d->facts, &p->have);
	p->ask_due = true;
}

/* New VFs, an end that nobody saw, or a failure after which settings may be other than thought. */
static bool vfs_doubtful(const struct step *s, const struct step_result *r)
{
	bool setting = s->verb == VERB_SET_VF || s->verb == VERB_SET_PORT;
	return s->check_only || s->verb == VERB_SET_VFS || (setting && r->status == STEP_FAILED);
}

void picture_step_result(struct daemon *d, const struct step *s, const struct step_result *r,
			 const void *data)
{
	struct picture *p = &d->picture;
	const struct scan_roots roots = roots_of(d);
	if (r->status == STEP_TIMEOUT)
		picture_set_stuck(d, s->target.device,
				  r->detail[0] ? r->detail : verb_name(s->verb));
	if (r->status == STEP_LATE)
		picture_set_stuck(d, s->target.device, NULL);
	const char *at = step_addr(&p->have, s);
	char addr[PCI_ADDR_SIZE];
	if (at && STR_COPY(addr, at) >= 0) {
		keys_remove(&p->dirty, addr);
		(void)rescan_one(d, addr);
		if (s->verb == VERB_SET_VFS)
			(void)scan_vfs(&roots, &p->have, addr);
	}
	if (s->target.uuid[0]) {
		keys_remove(&p->dirty_mdevs, s->target.uuid);
		rescan_mdev(d, s->target.uuid);
	}
	if (s->check_only || r->status == STEP_DONE || r->status == STEP_NOTHING)
		(void)sriov_result_apply(&p->have, s, r);
	if (vfs_doubtful(s, r))
		keys_remove(&p->asked_vfs, s->target.device);
	if (changes_gpu(s) || s->check_only)
		gpu_step_result(d, s, r, data);
	gpus_forget(d);
	facts_prepare(&d->facts, &p->have);
	p->ask_due = true;
	/* Also when nothing differs: the engine waits for a look that is newer than the step. */
	p->changed = true;
}

int picture_start(struct daemon *d, struct err *reterr)
{
	struct picture *p = &d->picture;
	const struct scan_roots roots = roots_of(d);
	p->next_look = 1;
	/* Listening first: what changes during the look is seen after it. */
	int r = uevent_monitor_new(&p->monitor, reterr);
	if (r < 0)
		return r;
	r = sd_event_add_io(d->loop, &p->uevents, uevent_monitor_fd(p->monitor), EPOLLIN,
			    uevents_ready, d);
	/* What the kernel told before a step was done is read before its result. */
	if (r >= 0)
		r = sd_event_source_set_priority(p->uevents, SD_EVENT_PRIORITY_IMPORTANT);
	if (r < 0)
		return err_set(reterr, "daemon.start", -r, "cannot listen for uevents");
	r = scan_all(&roots, NULL, &p->have);
	if (r < 0 && r != -ENOENT) {
		err_set(reterr, "daemon.start", -r, "cannot look at the machine");
		err_on(reterr, "%s", d->config->sys);
		err_because(reterr, "%s", strerror(-r));
		return r;
	}
	facts_prepare(&d->facts, &p->have);
	return 0;
}

void picture_stop(struct daemon *d)
{
	struct picture *p = &d->picture;
	sd_event_source_disable_unref(p->uevents);
	uevent_monitor_free(p->monitor);
	have_done(&p->have);
	keys_done(&p->dirty);
	keys_done(&p->dirty_mdevs);
	keys_done(&p->asked_config);
	keys_done(&p->asked_types);
	keys_done(&p->asked_vfs);
	keys_done(&p->asked_gpus);
	keys_done(&p->asked_vgpus);
	free(p->looks);
	free(p->stuck);
}
