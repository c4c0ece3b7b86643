/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Words for results that have the same meaning in every mechanism: a guard said no, a deadline
 * passed, an earlier step is stuck, a worker was lost. See mech.h.
 */
#include <errno.h>

#include "base/str.h"
#include "mech/mech.h"
#include "model/service.h"

static void holder_line(struct err *reterr, const struct holder *x)
{
	const char *device = x->device[0] ? x->device : "it";

	if (x->pid > 0)
		err_because(reterr, "%s is held by pid %d (%s%s%s): %s", device, x->pid, x->comm,
			    x->unit[0] ? ", " : "", x->unit, x->what);
	else
		err_because(reterr, "%s is in use (%s): %s", device,
			    holder_kind_name((enum holder_kind)x->kind), x->what);
}

void mech_err_holders(struct err *reterr, const struct holder *holders, size_t n_holders)
{
	enum {
		SHOWN = 8
	};

	for (size_t i = 0; i < n_holders && i < SHOWN; i++)
		holder_line(reterr, &holders[i]);
	if (n_holders > SHOWN)
		err_because(reterr, "and %zu more", n_holders - SHOWN);
}

static const struct {
	const char *reason, *id, *todo;
} refusals[] = {
	{ "held", "guard.held", "stop what holds it, or: carve release CLAIM" },
	{ "never-touch", "guard.never-touch",
	  "no policy lifts this: free the device on the host first" },
	{ "group-mate", "guard.group-mate",
	  "enrol its group mate and let the policy say companions: bind, or use a slot with ACS" },
	{ "not-enrolled", "guard.not-enrolled",
	  "add it to /etc/carve/devices if carve may change it" },
	{ "identity-mismatch", "guard.mismatch",
	  "another device is at that place: check, then enrol it anew in /etc/carve/devices" },
	{ "pf-in-use", "guard.pf-in-use",
	  "take the interface down, or say in-use-pf: allow in the policy" },
};

/* Who holds a whole device may be a unit that the policy can have stopped; NULL: none is. */
static const char *unit_in_the_way(const struct step *s, const struct step_result *r,
				   const struct holder *holders, size_t n)
{
	bool whole = s->target.vf < 0 && !s->target.uuid[0] && !s->target.part;
	for (size_t i = 0; whole && str_eq(r->reason, "held") && i < n; i++)
		if (service_name_valid(holders[i].unit) && !service_is_vital(holders[i].unit))
			return holders[i].unit;
	return NULL;
}

static void refused(const struct step_result *r, const char *what, const char *unit,
		    struct err *reterr)
{
	for (size_t i = 0; i < sizeof(refusals) / sizeof(*refusals); i++)
		if (str_eq(refusals[i].reason, r->reason)) {
			err_set(reterr, refusals[i].id, EBUSY, "refused to %s", what);
			if (unit)
				err_todo(reterr,
					 "systemctl stop %s, or let carve stop it for the change, "
					 "in the policy: services: [%s]",
					 unit, unit);
			else
				err_todo(reterr, "%s", refusals[i].todo);
			return;
		}
	err_set(reterr, "guard.refused", EPERM, "refused to %s", what);
	err_because(reterr, "%s", r->reason);
}

bool mech_diagnose(const struct have *h, const struct step *s, const struct step_result *r,
		   const struct holder *holders, size_t n_holders, struct err *reterr)
{
	char what[512];
	if (step_describe(s, h, what, sizeof(what)) < 0)
		(void)STR_COPY(what, verb_name((enum verb)s->verb));

	switch ((enum step_status)r->status) {
	case STEP_DONE:
	case STEP_NOTHING:
	case STEP_FAILED:
	case STEP_LATE:
		return false;
	case STEP_REFUSED:
		refused(r, what, unit_in_the_way(s, r, holders, n_holders), reterr);
		err_state(reterr, "nothing was changed");
		break;
	case STEP_TIMEOUT:
		err_set(reterr, "executor.timeout", ETIMEDOUT, "gave up waiting to %s", what);
		err_because(reterr, "the write to %s has not returned",
			    r->where[0] ? r->where : "the kernel");
		err_state(reterr, "it may still happen; the device is quarantined until it ends");
		err_todo(reterr,
			 "find what holds the device: carve holders; the rest goes by itself");
		break;
	case STEP_STUCK:
		err_set(reterr, "executor.stuck", EBUSY, "did not begin to %s", what);
		err_because(reterr, "an earlier step on this device or lane has not returned");
		err_state(reterr, "nothing was changed");
		err_todo(reterr, "find what holds the device: carve holders");
		break;
	case STEP_UNKNOWN:
		err_set(reterr, "executor.lost", EIO, "do not know whether it was done: %s", what);
		err_because(reterr, "the executor or its worker ended before it answered");
		break;
	}
	mech_err_on(reterr, h, NULL, &s->target);
	if (r->detail[0])
		err_because(reterr, "%s", r->detail);
	mech_err_holders(reterr, holders, n_holders);
	return true;
}
