/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Units of systemd that are stopped while a device is changed, and started again: those that root listed
 * (host/services.h) and no other. systemctl does it, in a process of its own; what it says about a unit is
 * compared with fixed words.
 */
#include <errno.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "base/str.h"
#include "executor/verbs.h"
#include "host/services.h"
#include "model/service.h"
#include "sys/file.h"
#include "sys/run.h"

/* systemd kills what has not stopped after 90 s by itself (DefaultTimeoutStopSec=, systemd-system.conf(5)). */
#define JOB_MS 100000u
#define SHOW_MS 10000u
#define MPS_UNIT "carve-mps@%s.service"
#define VERB_MS (JOB_MS + 2 * SHOW_MS + 5000u)

enum unit_is {
	UNIT_ABSENT,
	UNIT_RESTS,
	UNIT_LEAVES, /* somebody has it stopped: it neither runs nor rests */
	UNIT_RUNS,
};

static bool listed(const struct verb_context *c, const struct step *s, struct step_result *r)
{
	struct err err _cleanup_err_ = { 0 };
	struct service_list list;
	if (!service_name_valid(s->text) || service_is_vital(s->text)) {
		verb_refused(r, "not-listed", "%.64s is never stopped or started", s->text);
		return false;
	}
	if (services_read(c->services, &list, &err) < 0) {
		verb_refused(r, "not-listed", "%s", err.because ? err.because : "no list");
		log_err(LOG_ERR, &err);
		return false;
	}
	if (!services_has(&list, s->text)) {
		verb_refused(r, "not-listed", "%s does not name it", c->services);
		return false;
	}
	return true;
}

static bool says(const char *said, const char *line)
{
	const char *at = strstr(said, line);
	size_t len = strlen(line);
	return at && (at == said || at[-1] == '\n') && (at[len] == '\n' || at[len] == '\0');
}

/* False: *r says why nobody knows. What is on its way up runs. */
static bool look(const struct verb_context *c, const char *unit, enum unit_is *ret,
		 struct step_result *r)
{
	const char *const argv[] = { c->systemctl,
				     "--no-pager",
				     "--property=LoadState",
				     "--property=ActiveState",
				     "show",
				     "--",
				     unit,
				     NULL };
	_cleanup_free_ char *said = NULL;
	int rc = run_closed(argv, SHOW_MS, &said);
	if (rc != 0) {
		verb_failed(r, rc < 0 ? -rc : EIO, "systemctl show", "it does not say what %s does",
			    unit);
		return false;
	}
	if (says(said, "LoadState=not-found"))
		*ret = UNIT_ABSENT;
	else if (says(said, "ActiveState=inactive") || says(said, "ActiveState=failed"))
		*ret = UNIT_RESTS;
	else if (says(said, "ActiveState=deactivating"))
		*ret = UNIT_LEAVES;
	else
		*ret = UNIT_RUNS;
	return true;
}

/* False: answered that there is no such unit, or that nobody knows. */
static bool look_there(const struct verb_context *c, const char *unit, enum unit_is *ret,
		       struct step_result *r)
{
	if (!look(c, unit, ret, r))
		return false;
	if (*ret != UNIT_ABSENT)
		return true;
	verb_failed(r, ENOENT, "systemctl show", "there is no unit %s", unit);
	return false;
}

static void service_look(const struct verb_context *c, const struct step *s, struct step_result *r)
{
	enum unit_is is;
	if (!listed(c, s, r) || !look_there(c, s->text, &is, r))
		return;
	r->number = is == UNIT_RUNS;
	r->status = STEP_DONE;
}

static void job_failed(const char *unit, const char *job, int rc, struct step_result *r)
{
	bool late = rc == -ETIMEDOUT;
	char where[32];
	(void)STR_FORMAT(where, "systemctl %s", job);
	verb_failed(r, rc < 0 ? -rc : EIO, where, "%s does not %s%s", unit, job,
		    late ? " in time; systemd goes on trying" : "");
}

/* Read back whatever systemctl said: what counts is what the unit does. */
static void unit_job(const struct verb_context *c, const char *unit, const char *job,
		     enum unit_is wanted, struct step_result *r)
{
	const char *const argv[] = { c->systemctl, "--no-ask-password", "--quiet", job, "--", unit,
				     NULL };
	_cleanup_free_ char *said = NULL;
	enum unit_is is;
	if (!look_there(c, unit, &is, r))
		return;
	if (is == wanted) {
		r->status = STEP_NOTHING;
		return;
	}
	int rc = run_closed(argv, JOB_MS, &said);
	if (!look(c, unit, &is, r))
		return;
	if (is == wanted && rc != -ETIMEDOUT)
		r->status = STEP_DONE;
	else
		job_failed(unit, job, rc, r);
}

static void service_stop(const struct verb_context *c, const struct step *s, struct step_result *r)
{
	if (listed(c, s, r))
		unit_job(c, s->text, "stop", UNIT_RESTS, r);
}

static void service_start(const struct verb_context *c, const struct step *s, struct step_result *r)
{
	if (listed(c, s, r))
		unit_job(c, s->text, "start", UNIT_RUNS, r);
}

/* --- MPS servers: a unit of carve's own for each GPU or GPU instance -------------------------------------------- */

/* False: *r says that it is no UUID. */
static bool mps_unit(const struct step *s, char ret[NAME_SIZE], struct step_result *r)
{
	const char *whole = str_after(s->text, "GPU-");
	const char *uuid = whole ? whole : str_after(s->text, "MIG-");
	if (uuid && uuid_valid(uuid) && str_format(ret, NAME_SIZE, MPS_UNIT, s->text) == 0)
		return true;
	verb_refused(r, "malformed", "no UUID of a GPU");
	return false;
}

/* Read by the unit, which is root's: two numbers and nothing else. */
static int limits_write(const struct verb_context *c, const struct step *s)
{
	char path[VERB_PATH_SIZE], name[NAME_SIZE], text[64];
	int r = STR_FORMAT(path, "%s/mps", c->run);
	if (r >= 0)
		r = STR_FORMAT(name, "%s.limits", s->text);
	if (r >= 0)
		r = STR_FORMAT(text, "THREADS=%u\nMEMORY=%u\n", s->number, s->number2);
	if (r < 0)
		return r;
	_cleanup_close_ int dir = file_dir_open(path);
	return dir < 0 ? dir : file_replace(dir, name, text, strlen(text), 0644);
}

static void mps_start(const struct verb_context *c, const struct step *s, struct step_result *r)
{
	char unit[NAME_SIZE];
	if (!mps_unit(s, unit, r))
		return;
	if (s->number == 0 || s->number > 100) {
		verb_refused(r, "malformed", "a client has 1 to 100 percent of the threads");
		return;
	}
	int e = limits_write(c, s);
	if (e < 0)
		verb_failed(r, -e, "limits", "the limits of its clients cannot be written");
	else
		unit_job(c, unit, "start", UNIT_RUNS, r);
}

static void mps_stop(const struct verb_context *c, const struct step *s, struct step_result *r)
{
	char unit[NAME_SIZE];
	if (mps_unit(s, unit, r))
		unit_job(c, unit, "stop", UNIT_RESTS, r);
}

const struct verb_entry service_verbs[] = {
	{ VERB_SERVICE_LOOK, VERB_CLASS_PROGRAM, LANE_NONE, 0, VERB_MS, service_look },
	{ VERB_SERVICE_STOP, VERB_CLASS_PROGRAM, LANE_UNIT, 0, VERB_MS, service_stop },
	{ VERB_SERVICE_START, VERB_CLASS_PROGRAM, LANE_UNIT, 0, VERB_MS, service_start },
	{ VERB_MPS_START, VERB_CLASS_PROGRAM, LANE_DEVICE, GUARD_ENROLLED, VERB_MS, mps_start },
	{ VERB_MPS_STOP, VERB_CLASS_PROGRAM, LANE_DEVICE, GUARD_ENROLLED, VERB_MS, mps_stop },
};
const size_t service_verbs_n = sizeof(service_verbs) / sizeof(*service_verbs);
