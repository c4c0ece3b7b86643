/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See policy-file.h. */
#include "daemon/policy-file.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "base/str.h"
#include "daemon/apply.h"
#include "daemon/daemon.h"
#include "policy/policy.h"
#include "sys/file.h"

/* Editors write in several steps: looked at when it was quiet for so long. */
#define QUIET_US 300000
#define TEXT_MAX (1024u * 1024u)
#define WATCHED                                                                                    \
	(IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE | IN_DELETE_SELF | IN_MOVE_SELF)

const char *policy_file_state_name(enum policy_file_state s)
{
	static const char *const names[] = {
		[POLICY_FILE_NONE] = "none",	   [POLICY_FILE_ELSEWHERE] = "elsewhere",
		[POLICY_FILE_SAME] = "same",	   [POLICY_FILE_CHANGED] = "changed",
		[POLICY_FILE_INVALID] = "invalid", [POLICY_FILE_GONE] = "gone",
	};
	return names[s];
}

static const struct applied_policy *applied(const struct daemon *d)
{
	return &engine_record(d->engine)->policy;
}

static void set_state(struct policy_file *f, enum policy_file_state state)
{
	f->state = state;
	err_done(&f->err);
}

/* --- looking ------------------------------------------------------------------------------------ */

/* The folder, and the name in it; -ENOENT when it has none. */
static int split(const char *path, char **ret_folder, const char **ret_name)
{
	const char *slash = strrchr(path, '/');
	if (!slash || !slash[1])
		return -ENOENT;
	*ret_folder = strndup(path, slash == path ? 1 : (size_t)(slash - path));
	*ret_name = slash + 1;
	return *ret_folder ? 0 : -ENOMEM;
}

static int text_read(const char *path, char **ret, size_t *ret_len)
{
	_cleanup_free_ char *folder = NULL;
	const char *name;
	int r = split(path, &folder, &name);
	if (r < 0)
		return r;
	_cleanup_close_ int dir = file_dir_open(folder);
	return dir < 0 ? dir : file_read(dir, name, TEXT_MAX, ret, ret_len);
}

static int not_readable(const char *path, int r, struct err *reterr)
{
	err_set(reterr, "policy.read", -r, "cannot read the policy %s", path);
	err_because(reterr, "%s", r == -ELOOP ? "it is a link" : strerror(-r));
	err_todo(reterr, "make it a file of at most 1 MiB that carved may read");
	return r;
}

/* What the file is now. ret_text: of a readable one. */
static void look(struct daemon *d, char **ret_text)
{
	struct policy_file *f = &d->policy_file;
	const struct applied_policy *p = applied(d);
	size_t len = 0;
	_cleanup_free_ char *text = NULL;
	int r = text_read(p->path, &text, &len);
	if (r == -ENOENT) {
		set_state(f, POLICY_FILE_GONE);
		return;
	}
	if (r >= 0 && p->text && str_eq(text, p->text) && strlen(text) == len) {
		set_state(f, POLICY_FILE_SAME);
	} else {
		_cleanup_err_ struct err err = { 0 };
		_cleanup_(policy_freep) struct policy *parsed =
			r < 0 ? NULL : policy_parse(text, len, p->path, &err);
		if (r < 0)
			not_readable(p->path, r, &err);
		set_state(f, parsed ? POLICY_FILE_CHANGED : POLICY_FILE_INVALID);
		err_move(&f->err, &err);
	}
	*ret_text = TAKE_PTR(text);
}

/* --- telling and applying ------------------------------------------------------------------------ */

static bool applies_itself(const struct daemon *d)
{
	const struct policy *p = engine_policy(d->engine);
	return p && p->on_change == ON_CHANGE_APPLY;
}

static void tell(struct daemon *d)
{
	const struct policy_file *f = &d->policy_file;
	bool invalid = f->state == POLICY_FILE_INVALID;
	_cleanup_free_ char *why = NULL;
	if (invalid && asprintf(&why, "%s%s%s", f->err.what, f->err.because ? ": " : "",
				f->err.because ? f->err.because : "") < 0)
		why = NULL;
	engine_tell(d->engine, invalid ? "policy.invalid" : "policy.changed", "file",
		    applied(d)->path, "reason",
		    invalid			   ? why
		    : f->state == POLICY_FILE_GONE ? "it is gone"
						   : "",
		    NULL);
	turn_need(d);
}

static void apply_it(struct daemon *d, const char *text)
{
	struct policy_file *f = &d->policy_file;
	const struct requester self = { .uid = getuid(), .gid = getgid(), .manage = true };
	_cleanup_err_ struct err err = { 0 };
	const struct apply_source from = { .text = text,
					   .file = applied(d)->path,
					   .path = applied(d)->path };
	/* Nothing can be changed now: it stays told, and the next change of the file tries again. */
	if (daemon_check_changes(d, &err) < 0) {
		log_err(LOG_WARNING, &err);
		return;
	}
	if (apply_by_itself(d, &self, &from, &err) >= 0)
		return;
	log_err(LOG_WARNING, &err);
	set_state(f, POLICY_FILE_INVALID);
	err_move(&f->err, &err);
}

static bool same_text(const char *a, const char *b)
{
	return (!a && !b) || (a && b && str_eq(a, b));
}

static int on_quiet(sd_event_source *source, uint64_t usec, void *userdata)
{
	(void)source;
	(void)usec;
	struct daemon *d = userdata;
	struct policy_file *f = &d->policy_file;
	enum policy_file_state before = f->state;
	_cleanup_free_ char *text = NULL;
	look(d, &text);
	if (f->state == before && same_text(text, f->seen))
		return 0;
	free(f->seen);
	f->seen = TAKE_PTR(text);
	if (f->state == POLICY_FILE_CHANGED && applies_itself(d))
		apply_it(d, f->seen);
	if (f->state != POLICY_FILE_SAME)
		tell(d);
	return 0;
}

/* --- watching ------------------------------------------------------------------------------------ */

static int on_event(sd_event_source *source, const struct inotify_event *event, void *userdata)
{
	(void)source;
	struct daemon *d = userdata;
	const char *path = applied(d)->path, *slash = path ? strrchr(path, '/') : NULL;
	/* Of the whole folder: it went, or so much happened that events were dropped. */
	if (event->len > 0 && (!slash || !str_eq(slash + 1, event->name)))
		return 0;
	(void)sd_event_source_set_time_relative(d->policy_file.due, QUIET_US);
	(void)sd_event_source_set_enabled(d->policy_file.due, SD_EVENT_ONESHOT);
	return 0;
}

static bool below(const char *path, const char *folder)
{
	const char *rest = str_after(path, folder);
	return rest && *rest == '/' && !strstr(rest, "/../");
}

static int watch(struct daemon *d)
{
	struct policy_file *f = &d->policy_file;
	_cleanup_free_ char *folder = NULL;
	const char *name;
	int r = split(applied(d)->path, &folder, &name);
	if (r >= 0)
		r = sd_event_add_inotify(d->loop, &f->watch, folder, WATCHED, on_event, d);
	if (r >= 0 && !f->due) {
		r = sd_event_add_time_relative(d->loop, &f->due, CLOCK_MONOTONIC, QUIET_US, 10000,
					       on_quiet, d);
		if (r >= 0)
			r = sd_event_source_set_enabled(f->due, SD_EVENT_OFF);
	}
	return r;
}

void policy_file_follow(struct daemon *d)
{
	struct policy_file *f = &d->policy_file;
	const struct applied_policy *p = applied(d);
	if (f->version == p->version)
		return;
	f->version = p->version;
	f->watch = sd_event_source_disable_unref(f->watch);
	free(f->seen);
	f->seen = NULL;
	set_state(f, POLICY_FILE_NONE);
	if (!p->version || !p->path || !*p->path)
		return;
	if (!below(p->path, d->config->config_dir)) {
		set_state(f, POLICY_FILE_ELSEWHERE);
		return;
	}
	int r = watch(d);
	if (r < 0)
		log_warning("cannot watch %s: %s", p->path, strerror(-r));
	look(d, &f->seen);
}

void policy_file_stop(struct daemon *d)
{
	struct policy_file *f = &d->policy_file;
	f->watch = sd_event_source_disable_unref(f->watch);
	f->due = sd_event_source_disable_unref(f->due);
	free(f->seen);
	err_done(&f->err);
}
