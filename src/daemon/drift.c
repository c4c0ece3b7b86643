/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See drift.h. */
#include "daemon/drift.h"

#include <stdlib.h>

#include "base/array.h"
#include "base/str.h"
#include "daemon/daemon.h"
#include "sys/sysfs.h"

/* --- what a folder shows --------------------------------------------------------------------- */

/* /proc/driver/nvidia/capabilities/gpu<minor>/mig/gi<G>/ci<C>: kernel-open/nvidia/nv-caps.c of
 * NVIDIA/open-gpu-kernel-modules. */
struct folder {
	int proc;
	char path[SYS_PATH_SIZE];
	uint64_t seen;
};

/* FNV-1a. The order of names does not matter, so they are added. */
static void name_add(struct folder *f, const char *name)
{
	uint64_t hash = UINT64_C(14695981039346656037);
	for (const char *parts[] = { f->path, "/", name, NULL }, **part = parts; *part; part++)
		for (const char *c = *part; *c; c++)
			hash = (hash ^ (uint8_t)*c) * UINT64_C(1099511628211);
	f->seen += hash;
}

static int compute_seen(const char *name, void *userdata)
{
	if (str_after(name, "ci"))
		name_add(userdata, name);
	return 0;
}

static int instance_seen(const char *name, void *userdata)
{
	struct folder *f = userdata, inside = { .proc = f->proc };
	if (!str_after(name, "gi") || STR_FORMAT(inside.path, "%s/%s", f->path, name) < 0)
		return 0;
	name_add(f, name);
	(void)sysfs_list(f->proc, inside.path, compute_seen, &inside);
	f->seen += inside.seen;
	return 0;
}

static uint64_t seen_of(const struct daemon *d, const struct gpu *g)
{
	struct folder f = { .proc = d->roots.proc };
	if (g->minor < 0 || STR_FORMAT(f.path, "driver/nvidia/capabilities/gpu%d/mig", g->minor))
		return 0;
	(void)sysfs_list(f.proc, f.path, instance_seen, &f);
	return f.seen;
}

/* --- what is known --------------------------------------------------------------------------- */

static struct drift_mark *mark_of(struct drift *drift, const char *key)
{
	for (size_t i = 0; i < drift->n; i++)
		if (str_eq(drift->marks[i].key, key))
			return &drift->marks[i];
	return NULL;
}

void drift_note(struct daemon *d, const struct gpu *g)
{
	struct drift_mark *m = mark_of(&d->drift, g->key);
	if (!m) {
		m = ARRAY_ADD(d->drift.marks, d->drift.n);
		if (!m)
			return;
		(void)STR_COPY(m->key, g->key);
	}
	m->seen = seen_of(d, g);
}

static bool has_slices(const struct daemon *d, const char *key)
{
	const struct record *r = engine_record(d->engine);
	for (size_t i = 0; i < r->n_slices; i++)
		if (str_eq(r->slices[i].device, key))
			return true;
	return false;
}

/* Runtime power management of the kernel (Documentation/ABI/testing/sysfs-devices-power): asked now, it would wake. */
static bool is_asleep(const struct daemon *d, const char *key)
{
	char path[SYS_PATH_SIZE], status[32];
	const struct function *f = have_device(&d->picture.have, key);
	return f && STR_FORMAT(path, "bus/pci/devices/%s/power/runtime_status", f->addr) == 0 &&
	       sysfs_read(d->roots.sysfs, path, status, sizeof(status)) >= 0 &&
	       str_eq(status, "suspended");
}

/* What differs then is our own doing, and told by the result. */
static bool is_in_work(const struct daemon *d, const char *key)
{
	for (size_t i = 0; i < d->turns.n_flights; i++)
		if (str_eq(d->turns.flights[i].target.device, key))
			return true;
	return false;
}

static bool differs(struct daemon *d, const struct gpu *g)
{
	const struct drift_mark *m = mark_of(&d->drift, g->key);
	return g->seen == GPU_SEEN && m && m->seen != seen_of(d, g);
}

/* unseen: those that the library did not tell of as well: it may be the right one by now. */
static bool ask(struct daemon *d, bool unseen)
{
	const struct have *h = &d->picture.have;
	bool any = false;
	for (size_t i = 0; i < h->n_gpus; i++) {
		const struct gpu *g = &h->gpus[i];
		bool again = unseen && g->seen == GPU_UNSEEN;
		if (!has_slices(d, g->key) || is_in_work(d, g->key) || is_asleep(d, g->key) ||
		    (!again && !differs(d, g)))
			continue;
		picture_gpu_stale(d, g->key);
		any = true;
	}
	if (any)
		picture_ask(d);
	return any;
}

bool drift_check(struct daemon *d)
{
	return ask(d, false);
}

/* --- once in a while ------------------------------------------------------------------------- */

static bool is_needed(const struct daemon *d)
{
	const struct have *h = &d->picture.have;
	for (size_t i = 0; i < h->n_gpus; i++)
		if (has_slices(d, h->gpus[i].key))
			return true;
	return false;
}

static int due(sd_event_source *source, uint64_t usec, void *userdata)
{
	(void)source;
	(void)usec;
	struct daemon *d = userdata;
	(void)ask(d, true);
	drift_update(d);
	return 0;
}

void drift_update(struct daemon *d)
{
	struct drift *drift = &d->drift;
	int enabled = SD_EVENT_OFF;
	if (!is_needed(d)) {
		(void)sd_event_source_set_enabled(drift->timer, SD_EVENT_OFF);
		return;
	}
	if (drift->timer && sd_event_source_get_enabled(drift->timer, &enabled) > 0)
		return;
	uint64_t usec = d->config->look_ms * 1000ull;
	if (!drift->timer) {
		(void)sd_event_add_time_relative(d->loop, &drift->timer, CLOCK_MONOTONIC, usec,
						 usec / 10, due, d);
		return;
	}
	(void)sd_event_source_set_time_relative(drift->timer, usec);
	(void)sd_event_source_set_enabled(drift->timer, SD_EVENT_ONESHOT);
}

void drift_stop(struct daemon *d)
{
	sd_event_source_disable_unref(d->drift.timer);
	free(d->drift.marks);
}
