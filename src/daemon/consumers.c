/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See consumers.h. */
#include "daemon/consumers.h"

#include <errno.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "base/str.h"
#include "daemon/daemon.h"
#include "ledger/record.h"
#include "sys/process.h"

struct consumer {
	struct daemon *daemon;
	char claim[NAME_SIZE];
	int32_t pid;
	uint64_t start;
	sd_event_source *source; /* owns the pidfd */
	bool ended;
};

static struct consumer *consumer_free(struct consumer *c)
{
	if (!c)
		return NULL;
	sd_event_source_disable_unref(c->source);
	free(c);
	return NULL;
}

static int ended(sd_event_source *source, int fd, uint32_t revents, void *userdata)
{
	(void)fd;
	(void)revents;
	struct consumer *c = userdata;
	c->ended = true;
	(void)sd_event_source_set_enabled(source, SD_EVENT_OFF);
	engine_consumer_gone(c->daemon->engine, c->claim);
	turn_need(c->daemon);
	return 0;
}

static bool watched(const struct consumers *all, const char *claim, int32_t pid, uint64_t start)
{
	for (size_t i = 0; i < all->n; i++) {
		const struct consumer *c = all->items[i];
		if (c->pid == pid && c->start == start && str_eq(c->claim, claim))
			return true;
	}
	return false;
}

static int consumer_listen(struct consumer *c)
{
	struct daemon *d = c->daemon;
	_cleanup_close_ int fd = process_open(d->roots.proc, c->pid, c->start);
	if (fd < 0)
		return fd;
	int r = sd_event_add_io(d->loop, &c->source, fd, EPOLLIN, ended, c);
	if (r < 0)
		return r;
	r = sd_event_source_set_io_fd_own(c->source, true);
	if (r >= 0)
		TAKE_FD(fd);
	return r;
}

static void watch(struct daemon *d, const char *claim, int32_t pid, uint64_t start)
{
	struct consumers *all = &d->consumers;
	if (all->n >= CONSUMERS_MAX || watched(all, claim, pid, start))
		return;
	struct consumer *c = calloc(1, sizeof(*c));
	if (!c || STR_COPY(c->claim, claim) < 0) {
		free(c);
		return;
	}
	c->daemon = d;
	c->pid = pid;
	c->start = start;
	all->items[all->n++] = c;
	int r = consumer_listen(c);
	if (r >= 0)
		return;
	c->ended = true;
	if (r != -ESRCH) {
		log_warning("cannot watch process %d of claim %s: %s", pid, claim, strerror(-r));
		return;
	}
	engine_consumer_gone(d->engine, claim);
	turn_need(d);
}

void consumers_update(struct daemon *d)
{
	struct consumers *all = &d->consumers;
	const struct record *rec = engine_record(d->engine);
	for (size_t i = all->n; i > 0; i--) {
		struct consumer *c = all->items[i - 1];
		const struct claim *claim = record_claim(rec, c->claim);
		bool tied = claim && claim->pid == c->pid && claim->pid_start == c->start;
		/* A holder that has ended is forgotten, so that it is watched again when it returns. */
		if (claim && (tied || !c->ended))
			continue;
		consumer_free(c);
		all->items[i - 1] = all->items[--all->n];
	}
	for (size_t i = 0; i < rec->n_claims; i++) {
		const struct claim *c = &rec->claims[i];
		if (c->pid > 0 && str_eq(c->boot_id, d->boot_id))
			watch(d, c->name, c->pid, c->pid_start);
	}
}

void consumers_watch_holders(struct daemon *d, const struct step *s, const struct holder *holders,
			     size_t n)
{
	const struct record *rec = engine_record(d->engine);
	for (size_t i = 0; i < rec->n_slices && n > 0; i++) {
		const struct slice *slice = &rec->slices[i];
		const struct target t = slice_target(slice);
		if (!slice->claim[0] || !target_eq(&t, &s->target))
			continue;
		for (size_t k = 0; k < n; k++)
			if (holders[k].pid > 0)
				watch(d, slice->claim, holders[k].pid, holders[k].start);
	}
}

void consumers_stop(struct daemon *d)
{
	for (size_t i = 0; i < d->consumers.n; i++)
		consumer_free(d->consumers.items[i]);
}
