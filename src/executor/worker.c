/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See worker.h. */
#include "executor/worker.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "base/str.h"
#include "executor/lock.h"
#include "executor/sandbox.h"
#include "host/guard.h"

struct worker {
	const struct worker_config *config;
	struct enrollment enrolled;
	struct statx enrolled_at; /* of the file as it was read */
	bool enrolled_known;
	uint8_t data[EXEC_DATA_MAX];
};

const struct verb_entry *verb_find(const struct worker_config *c, uint32_t verb)
{
	for (size_t i = 0; i < c->n_tables; i++)
		for (size_t j = 0; j < c->tables[i].n; j++)
			if (c->tables[i].entries[j].verb == verb)
				return &c->tables[i].entries[j];
	return NULL;
}

static bool same_file(const struct statx *a, const struct statx *b)
{
	return a->stx_ino == b->stx_ino && a->stx_size == b->stx_size &&
	       a->stx_mtime.tv_sec == b->stx_mtime.tv_sec &&
	       a->stx_mtime.tv_nsec == b->stx_mtime.tv_nsec &&
	       a->stx_ctime.tv_sec == b->stx_ctime.tv_sec &&
	       a->stx_ctime.tv_nsec == b->stx_ctime.tv_nsec;
}

/* Reads the list again if the file is another than the last time. */
static int enrolled_refresh(struct worker *w, struct err *reterr)
{
	struct statx now = { 0 };
	(void)statx(AT_FDCWD, w->config->devices, 0, STATX_BASIC_STATS, &now);
	if (w->enrolled_known && same_file(&now, &w->enrolled_at))
		return 0;
	enrollment_done(&w->enrolled);
	w->enrolled_known = false;
	int r = enrollment_read(w->config->devices, &w->enrolled, reterr);
	if (r < 0)
		return r;
	w->enrolled_at = now;
	w->enrolled_known = true;
	return 0;
}

/* Nothing but what root named, and only if it is still that device. */
static bool enrolled_check(struct worker *w, const struct step *s, const struct resolved *at,
			   const struct enrolled *e, struct step_result *r)
{
	struct function f;
	const struct function *found = NULL;
	if (at->device_addr[0]) {
		int q = resolve_identity(w->config->roots.sysfs, at->device_path, at->device_addr,
					 e->has_serial, &f);
		if (q < 0) {
			verb_failed(r, -q, "identity", "ids of %s cannot be read", at->device_addr);
			return false;
		}
		found = &f;
	}
	if (enrolled_matches(e, found))
		return true;
	if (found)
		verb_refused(r, "identity-mismatch",
			     "%s is %04x:%04x, serial %016llx: not the device that was enrolled",
			     at->device_addr, f.vendor, f.device,
			     (unsigned long long)f.caps.serial);
	else
		verb_refused(r, "identity-mismatch", "%s is no PCI function any more",
			     s->target.device);
	return false;
}

static bool resolve_failed(const struct step *s, int error, struct step_result *r)
{
	switch (error) {
	case 0:
		return false;
	case -ENODEV:
		verb_failed(r, ENODEV, "resolve",
			    s->target.vf >= 0 ? "VF %d does not exist" : "nothing is at that place",
			    s->target.vf);
		(void)STR_COPY(r->reason, "absent");
		return true;
	case -EXDEV:
		verb_refused(r, "identity-mismatch", "mdev %s belongs to another parent",
			     s->target.uuid);
		return true;
	case -ENOTUNIQ:
		verb_refused(r, "identity-mismatch", "more than one device is at that place");
		return true;
	}
	verb_failed(r, -error, "resolve", "the target cannot be found");
	return true;
}

static void answer_put(struct worker *w, const struct holder_list *l, struct step_result *r)
{
	size_t n = l->n < sizeof(w->data) / sizeof(struct holder)
			   ? l->n
			   : sizeof(w->data) / sizeof(struct holder);
	memcpy(w->data, l->entries, n * sizeof(struct holder));
	r->data_len = (uint32_t)(n * sizeof(struct holder));
	r->number = (uint32_t)l->found;
}

/* True when nothing is in the way. */
static bool guards_pass(struct worker *w, const struct verb_entry *e, const struct step *s,
			const struct resolved *at, struct step_result *r)
{
	const struct guard_query q = {
		.roots = w->config->roots,
		.step = s,
		.at = at,
		.enrolled = &w->enrolled,
		.never_touch = e->guards & GUARD_NEVER_TOUCH,
		.holders = e->guards & GUARD_HOLDERS,
		.pf_in_use = e->guards & GUARD_PF_IN_USE,
	};
	struct guard_answer a;
	int found = guard_check(&q, &a);
	if (found == 0)
		return true;
	if (found < 0) {
		verb_failed(r, -found, "guard", "it cannot be seen whether the device is in use");
		return false;
	}
	verb_refused(r, a.reason, "%s", a.detail);
	answer_put(w, &a.list, r);
	return false;
}

static void context_fill(struct worker *w, const struct resolved *at, struct verb_context *c)
{
	*c = (struct verb_context){
		.sysfs = w->config->roots.sysfs,
		.dev = w->config->roots.dev,
		.proc = w->config->roots.proc,
		.executor = w->config->roots.executor,
		.services = w->config->services,
		.systemctl = w->config->systemctl,
		.run = w->config->run,
		.nvml = w->config->nvml,
		.data = w->data,
		.size = sizeof(w->data),
	};
	memcpy(c->addr, at->addr, sizeof(c->addr));
	memcpy(c->path, at->path, sizeof(c->path));
	memcpy(c->device_addr, at->device_addr, sizeof(c->device_addr));
	memcpy(c->device_path, at->device_path, sizeof(c->device_path));
}

static int step_lock(struct worker *w, const struct verb_entry *e, const struct step *s,
		     struct step_result *r)
{
	struct lock_record record = {
		.verb = s->verb,
		.step = s->id,
		.host_lane = e->lane == LANE_HOST,
		.unit = e->lane == LANE_UNIT,
		.pid = (int32_t)getpid(),
	};
	(void)STR_COPY(record.device, s->target.device);
	int fd = lock_take(w->config->locks, &record);
	if (fd == -EWOULDBLOCK) {
		r->status = STEP_STUCK;
		(void)STR_COPY(r->reason, "device-stuck");
		(void)STR_COPY(r->detail,
			       "a step from before the executor's restart has not ended");
	} else if (fd < 0) {
		verb_failed(r, -fd, "lock", "the lock of the device cannot be taken");
	}
	return fd;
}

/* Identity, lock, guards, then the verb. */
static void change_perform(struct worker *w, const struct verb_entry *e, const struct step *s,
			   struct step_result *r)
{
	struct err err _cleanup_err_ = { 0 };
	if (enrolled_refresh(w, &err) < 0) {
		verb_refused(r, "not-enrolled", "%s",
			     err.because ? err.because
					 : "the list of enrolled devices is unusable");
		log_err(LOG_ERR, &err);
		return;
	}
	struct resolved at = { .exists = true };
	const struct enrolled *enrolled = enrollment_find(&w->enrolled, s->target.device);
	if (s->target.device[0] || e->guards & GUARD_ENROLLED) {
		if (!enrolled) {
			verb_refused(r, "not-enrolled", "root has not enrolled %s",
				     s->target.device[0] ? s->target.device : "any such device");
			return;
		}
		if (resolve_failed(s, resolve_target(w->config->roots.sysfs, &s->target, &at), r) ||
		    !enrolled_check(w, s, &at, enrolled, r))
			return;
	}

	_cleanup_close_ int lock = -1;
	if (s->target.device[0] && e->lane != LANE_NONE && !s->check_only) {
		lock = step_lock(w, e, s, r);
		if (lock < 0)
			return;
	}
	if (!guards_pass(w, e, s, &at, r))
		return;
	if (s->check_only) {
		r->status = STEP_NOTHING;
		return;
	}
	struct verb_context c;
	context_fill(w, &at, &c);
	e->run(&c, s, r);
}

static void look_perform(struct worker *w, const struct verb_entry *e, const struct step *s,
			 struct step_result *r)
{
	struct resolved at = { .exists = true };
	if (s->target.device[0] &&
	    resolve_failed(s, resolve_target(w->config->roots.sysfs, &s->target, &at), r))
		return;
	struct verb_context c;
	context_fill(w, &at, &c);
	e->run(&c, s, r);
}

/* What it is for is a device, what it touches is a unit: that need not be there any more, and who may is
 * asked by the verb. */
static void program_perform(struct worker *w, const struct verb_entry *e, const struct step *s,
			    struct step_result *r)
{
	const struct resolved nowhere = { .exists = false };
	struct verb_context c;
	_cleanup_close_ int lock = -1;
	if (s->check_only) {
		r->status = STEP_NOTHING;
		return;
	}
	if (e->lane == LANE_UNIT) {
		lock = step_lock(w, e, s, r);
		if (lock < 0)
			return;
	}
	context_fill(w, &nowhere, &c);
	e->run(&c, s, r);
}

static void step_perform(struct worker *w, const struct step *s, struct step_result *r)
{
	const struct verb_entry *e = verb_find(w->config, s->verb);
	*r = (struct step_result){ .id = s->id };
	if (!e)
		verb_failed(r, EOPNOTSUPP, "verb", "no such verb");
	else if (e->class == VERB_CLASS_PROGRAM && !(e->guards & GUARD_ENROLLED))
		program_perform(w, e, s, r);
	else if (verb_changes((enum verb)s->verb))
		change_perform(w, e, s, r);
	else
		look_perform(w, e, s, r);
	if (r->data_len > sizeof(w->data))
		r->data_len = 0;
}

static int result_send(int socket, const struct step_result *r, const uint8_t *data)
{
	struct iovec parts[] = {
		{ .iov_base = (void *)r, .iov_len = sizeof(*r) },
		{ .iov_base = (void *)data, .iov_len = r->data_len },
	};
	struct msghdr m = { .msg_iov = parts, .msg_iovlen = r->data_len ? 2 : 1 };
	ssize_t n;
	do
		n = sendmsg(socket, &m, MSG_NOSIGNAL);
	while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : 0;
}

_Noreturn void worker_run(const struct worker_config *c, enum verb_class class, int socket)
{
	struct err err _cleanup_err_ = { 0 };
	struct worker *w = calloc(1, sizeof(*w));
	if (!w)
		_exit(1);
	w->config = c;
	if (c->sandbox && sandbox_enter(class, &err) < 0) {
		log_err(LOG_ERR, &err);
		_exit(1);
	}
	for (;;) {
		struct step s;
		ssize_t n = recv(socket, &s, sizeof(s), 0);
		if (n < 0 && errno == EINTR)
			continue;
		if (n != sizeof(s))
			_exit(0);
		struct step_result r;
		step_perform(w, &s, &r);
		if (result_send(socket, &r, w->data) < 0)
			_exit(0);
	}
}
