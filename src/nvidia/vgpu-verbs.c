/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * vGPUs in the executor. VFs are made by the vendor's own program alone: the driver refuses sriov_numvfs, both ways. It is
 * never ended in the middle; past the deadline of its verb the worker is abandoned. A type is one write to the VF, and is
 * read back.
 */
#include "nvidia/vgpu-verbs.h"

#include <errno.h>
#include <stdint.h>
#include <time.h>

#include "base/cleanup.h"
#include "base/num.h"
#include "base/str.h"
#include "sys/run.h"
#include "sys/sysfs.h"

#define PROGRAM "/usr/lib/nvidia/sriov-manage" /* vGPU User Guide 17 */
/* Monitors hold a GPU for a moment only. */
#define LOCK_TRIES 5
/* So often, a second apart, does Proxmox try: right after the guest's end the driver is not done with it. */
#define CLEAR_TRIES 10
#define CURRENT "nvidia/current_vgpu_type"
#define PARAMS "nvidia/vgpu_params"

static void wait_second(void)
{
	const struct timespec t = { .tv_sec = 1 };
	(void)clock_nanosleep(CLOCK_MONOTONIC, 0, &t, NULL);
}

/* --- VFs -------------------------------------------------------------------------------------- */

/* Its last line says it best. */
static void last_line(char *said, struct step_result *r)
{
	size_t n = strlen(said);
	while (n > 0 && said[n - 1] == '\n')
		said[--n] = '\0';
	const char *line = strrchr(said, '\n');
	(void)STR_FORMAT(r->detail, "%.200s", line ? line + 1 : said);
}

static void program_failed(int status, char *said, struct step_result *r)
{
	bool locked = status > 0 && strstr(said, "unbindLock");
	bool absent = status == -ENOENT || status == 127;
	verb_failed(r, status < 0 ? -status : locked ? EBUSY : EIO, PROGRAM, NULL);
	if (status > 0)
		last_line(said, r);
	(void)STR_COPY(r->reason, absent ? "no-program" : locked ? "locked" : "");
}

/* Its exit status, and what it said last; negative errno. */
static int program_run(const char *option, const char *addr, char **ret_said)
{
	const char *const argv[] = { PROGRAM, option, addr, NULL };
	return run_closed(argv, INT32_MAX, ret_said);
}

static bool is_locked(int status, const char *said)
{
	return status > 0 && said && strstr(said, "unbindLock");
}

void vgpu_vfs_set(const struct verb_context *c, const struct step *s, struct step_result *r)
{
	_cleanup_free_ char *said = NULL;
	bool on = s->number != 0;
	int status = -ENODEV;
	r->number = vgpu_vfs_count(c);
	if (on == (r->number > 0)) {
		r->status = STEP_NOTHING;
		return;
	}
	for (unsigned i = 0; i < LOCK_TRIES && c->device_addr[0]; i++) {
		free(said);
		said = NULL;
		status = program_run(on ? "-e" : "-d", c->device_addr, &said);
		if (!is_locked(status, said) || i + 1 == LOCK_TRIES)
			break;
		wait_second();
	}
	r->number = vgpu_vfs_count(c);
	if (status != 0) {
		program_failed(status, said ? said : (char[]){ "" }, r);
		return;
	}
	if (on == (r->number > 0)) {
		r->status = STEP_DONE;
		return;
	}
	verb_failed(r, EIO, PROGRAM, "it succeeded, and there are %u VFs", r->number);
	(void)STR_COPY(r->reason, "not-made");
}

/* --- types ------------------------------------------------------------------------------------ */

/* A write that may have to wait for the driver to be done with the guest that had it. */
static int type_write(const struct verb_context *c, const char *path, uint32_t id)
{
	char text[16];
	(void)STR_FORMAT(text, "%u", id);
	int e = sysfs_write(c->sysfs, path, text);
	for (unsigned i = 1; id == 0 && e < 0 && i < CLEAR_TRIES; i++) {
		wait_second();
		e = sysfs_write(c->sysfs, path, text);
	}
	return e;
}

/* --- placement -------------------------------------------------------------------------------- */

/* What is there without the placement, and with the one that is meant; a blank clears it (vGPU User Guide 17). */
static int params_make(char *now, uint32_t placement, char *ret, size_t size)
{
	char *save = NULL;
	int r = placement ? str_format(ret, size, VGPU_PLACEMENT_PARAM "%u", placement - 1)
			  : str_format(ret, size, "%s", "");
	for (char *p = strtok_r(now, ",\n ", &save); p && r == 0;
	     p = strtok_r(NULL, ",\n ", &save)) {
		size_t n = strlen(ret);
		if (!str_after(p, VGPU_PLACEMENT_PARAM))
			r = str_format(ret + n, size - n, "%s%s", n ? "," : "", p);
	}
	return r < 0 || ret[0] ? r : str_format(ret, size, " ");
}

/* The parameters count when the VM starts; they are written while there is a vGPU, since the driver need not keep those of
 * another. placement: 1 + its id, 0: none. 1: changed. */
static int placement_set(const struct verb_context *c, uint32_t placement)
{
	char path[VERB_PATH_SIZE], now[1024], next[1024];
	int r = verb_path(path, c->path, PARAMS);
	ssize_t n = r < 0 ? r : sysfs_read(c->sysfs, path, now, sizeof(now));
	if (n == -ENOENT && placement == 0)
		return 0;
	if (n < 0)
		return (int)n;
	int32_t is = vgpu_params_placement(now);
	if (is == (int32_t)placement - 1)
		return 0;
	r = params_make(now, placement, next, sizeof(next));
	if (r >= 0)
		r = sysfs_write(c->sysfs, path, next);
	n = r < 0 ? r : sysfs_read(c->sysfs, path, now, sizeof(now));
	if (n < 0)
		return (int)n;
	return vgpu_params_placement(now) == (int32_t)placement - 1 ? 1 : -EIO;
}

static bool placement_failed(int e, const struct step *s, struct step_result *r)
{
	if (e >= 0)
		return false;
	verb_failed(r, -e, PARAMS, "it does not begin where it should, at %d", (int)s->number2 - 1);
	(void)STR_COPY(r->reason, "placement");
	return true;
}

/* Without it the library is asked. */
static void change_tell(const struct verb_context *c, const struct step *s, struct step_result *r)
{
	if (vgpu_change_read(c, s->target.vf, &r->data_len) < 0)
		r->data_len = 0;
}

static void set_failed(const struct step *s, int error, uint64_t now, struct step_result *r)
{
	verb_failed(r, error, CURRENT, "it is %llu, and was to be %u", (unsigned long long)now,
		    s->number);
	(void)STR_COPY(r->reason, s->number ? "refused" : "still-there");
}

void vgpu_type_set(const struct verb_context *c, const struct step *s, struct step_result *r)
{
	char path[VERB_PATH_SIZE];
	uint64_t now = 0;
	int e = s->target.vf < 0 ? -EINVAL : verb_path(path, c->path, CURRENT);
	if (e >= 0)
		e = sysfs_read_u64(c->sysfs, path, 10, &now);
	if (e < 0) {
		verb_failed(r, -e, CURRENT, NULL);
		(void)STR_COPY(r->reason, e == -ENOENT ? "no-interface" : "");
		return;
	}
	bool same = now == s->number;
	/* Nothing tells carved of a type that others set. */
	if (s->number && now && !(same && s->flag)) {
		verb_failed(r, EEXIST, CURRENT, "it is %u already, set by somebody else",
			    (uint32_t)now);
		(void)STR_COPY(r->reason, "foreign");
		change_tell(c, s, r);
		return;
	}
	int placed = s->number ? 0 : placement_set(c, 0);
	e = same ? 0 : type_write(c, path, s->number);
	if (e >= 0)
		e = sysfs_read_u64(c->sysfs, path, 10, &now);
	if (e < 0 || now != s->number) {
		set_failed(s, e < 0 ? -e : EIO, now, r);
		change_tell(c, s, r);
		return;
	}
	if (s->number)
		placed = placement_set(c, s->number2);
	r->number = (uint32_t)now;
	if (!placement_failed(placed, s, r))
		r->status = same && !placed ? STEP_NOTHING : STEP_DONE;
	change_tell(c, s, r);
}
