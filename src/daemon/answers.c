/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See answers.h. */
#include "daemon/answers.h"

#include "api/wire.h"
#include "base/cleanup.h"
#include "base/str.h"
#include "daemon/blast.h"
#include "daemon/daemon.h"
#include "daemon/handle.h"
#include "daemon/warnings.h"
#include "host/scan.h"
#include "ledger/record.h"

const struct slice *answers_slice(const struct daemon *d, const struct claim *c)
{
	return c->slice ? record_slice(engine_record(d->engine), c->slice) : NULL;
}

/* Where the slice is below /sys/devices; NULL: not there. */
static const char *slice_path(const struct have *h, const struct slice *s, char ret[SYS_PATH_SIZE])
{
	const struct function *f = have_device(h, s->device);
	if (s->uuid[0]) {
		const char *parent = scan_device_path(h, s->device);
		bool fits = parent && str_format(ret, SYS_PATH_SIZE, "%s/%s", parent, s->uuid) == 0;
		return fits ? ret : NULL;
	}
	if (f && s->index >= 0)
		f = have_vf(h, f->addr, s->index);
	return f ? f->path : NULL;
}

json_t *answers_handle(const struct daemon *d, const struct claim *c, const struct slice *s,
		       bool *ret_there)
{
	const struct scan_roots roots = { .sysfs = d->roots.sysfs, .dev = d->roots.dev };
	const struct have *h = &d->picture.have;
	char buffer[SYS_PATH_SIZE], cdev[NAME_SIZE] = "";
	const char *path = slice_path(h, s, buffer);
	if (path)
		(void)scan_vfio_cdev(&roots, path, cdev, sizeof(cdev));
	json_t *handle = wire_handle(c, s, h, cdev[0] ? cdev : NULL, ret_there);
	handle_add_cpus(handle, &d->roots, have_device(h, s->device));
	if (json_object_get(handle, "nodes"))
		handle_add_files(handle, &d->roots, have_gpu(h, s->device));
	return handle;
}

/* The parts of a claim, one after the other: *at is 0 for the first. NULL: no more. */
static const struct claim *part_next(const struct daemon *d, const struct claim *c, size_t *at)
{
	const struct record *rec = engine_record(d->engine);
	while (*at < rec->n_claims) {
		const struct claim *part = &rec->claims[(*at)++];
		if (str_eq(part->whole, c->name))
			return part;
	}
	return NULL;
}

json_t *answers_claim(const struct daemon *d, const struct claim *c, const struct slice *s)
{
	const struct have *h = &d->picture.have;
	json_t *o = wire_claim(c, s, h), *parts = c->parts ? json_array() : NULL;
	const struct claim *part;
	size_t i = 0;
	while (parts && (part = part_next(d, c, &i)))
		json_array_append_new(parts, wire_part(part, answers_slice(d, part), h));
	wire_add(o, "parts", parts);
	return o;
}

json_t *answers_handles(const struct daemon *d, const struct claim *c, bool *ret_there)
{
	json_t *array = json_array();
	const struct claim *part;
	size_t i = 0;
	*ret_there = true;
	while ((part = part_next(d, c, &i))) {
		const struct slice *s = answers_slice(d, part);
		bool there = false;
		json_t *handle = s ? answers_handle(d, part, s, &there) : NULL;
		*ret_there = *ret_there && there;
		if (handle)
			json_array_append_new(array, handle);
	}
	return array;
}

static json_t *claim_reply(const struct daemon *d, const struct answer *a)
{
	const struct slice *s = a->slice.id ? &a->slice : NULL;
	json_t *o = json_object();
	wire_add(o, "claim", answers_claim(d, &a->claim, s));
	bool there;
	if (s)
		wire_add(o, "handle", answers_handle(d, &a->claim, s, &there));
	if (a->claim.parts)
		wire_add(o, "handles", answers_handles(d, &a->claim, &there));
	return o;
}

static json_t *release_reply(const struct daemon *d, const struct answer *a)
{
	bool known = a->claim.name[0];
	const struct slice *s = a->waits && a->slice.id ? &a->slice : NULL;
	json_t *o = json_pack("{s:b}", "released", known && !a->waits);
	if (known)
		wire_add(o, "claim", answers_claim(d, &a->claim, s));
	return o;
}

static json_t *done_reply(const struct daemon *d, struct session *s, const struct answer *a)
{
	s->granted[0] = '\0';
	if (s->wait == SESSION_CLAIM) {
		(void)STR_COPY(s->granted, a->claim.name);
		return claim_reply(d, a);
	}
	if (s->wait == SESSION_RELEASE)
		return release_reply(d, a);
	return a->report ? json_incref(a->report) : json_object();
}

/* One line of what is waited for. */
static void send_progress(struct session *s, const struct answer *a)
{
	if (!s->conn.more || s->wait == SESSION_FREE || !a->err.id)
		return;
	const char *text = a->err.because ? a->err.because : a->err.what;
	json_t *o = json_pack("{s:s}", "progress", text ? text : a->err.id);
	/* The members of Release and Claim that are not optional. */
	if (s->wait == SESSION_RELEASE)
		wire_add_bool(o, "released", false);
	session_reply(s, o, true);
}

void answers_deliver(struct daemon *d, const struct answer *a)
{
	struct session *s = server_find(d, a->request);
	if (!s)
		return;
	switch (a->state) {
	case ANSWER_PENDING:
		send_progress(s, a);
		break;
	case ANSWER_DONE:
		if (json_object_get(a->report, "devices"))
			blast_name(s->daemon, a->report);
		if (warnings_ask(s, a->report))
			return;
		session_reply(s, done_reply(d, s, a), false);
		break;
	case ANSWER_FAILED:
		s->warnings = warnings_free(s->warnings);
		session_fail(s, &a->err);
		break;
	}
	session_settle(s);
}
