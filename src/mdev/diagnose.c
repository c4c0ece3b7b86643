/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Words for failures of mdev create and remove. A full parent answers ENOSPC, EUSERS or EINVAL,
 * depending on its driver: what available_instances says is the fact.
 */
#include <errno.h>
#include <string.h>

#include "base/str.h"
#include "mdev/internal.h"

static const struct {
	const char *reason, *id, *state, *todo;
} failures[] = {
	{ "full", "mdev.full", "nothing was changed", "release a claim on that parent" },
	{ "uuid-taken", "mdev.foreign", "nothing was changed", "remove it where it was made" },
	{ "no-type", "mdev.type.unknown", "nothing was changed",
	  "carve show lists the types of a parent" },
	{ "still-there", "mdev.remove.failed", "it is still there and stays in the record",
	  "carve reclaim --retry" },
	{ "not-made", "mdev.create.readback", "nothing is there", "look into the kernel log" },
};

void mdev_diagnose(const struct have *h, const struct step *s, const struct step_result *r,
		   const struct holder *holders, size_t n_holders, struct err *reterr)
{
	if (mech_diagnose(h, s, r, holders, n_holders, reterr) ||
	    (s->verb != VERB_MDEV_CREATE && s->verb != VERB_MDEV_REMOVE))
		return;

	char what[512];
	if (step_describe(s, h, what, sizeof(what)) < 0)
		(void)STR_COPY(what, verb_name((enum verb)s->verb));
	bool create = s->verb == VERB_MDEV_CREATE;
	const char *id = create ? "mdev.create.failed" : "mdev.remove.failed";
	const char *state = create ? "nothing was changed" : "it stays in the record";
	const char *todo = "look into the kernel log";
	for (size_t i = 0; i < sizeof(failures) / sizeof(*failures); i++)
		if (str_eq(failures[i].reason, r->reason)) {
			id = failures[i].id;
			state = failures[i].state;
			todo = failures[i].todo;
		}
	err_set(reterr, id, r->error, "cannot %s", what);
	mech_err_on(reterr, h, NULL, &s->target);
	err_because(reterr, "%s: %s", r->where[0] ? r->where : "the kernel", strerror(r->error));
	if (r->detail[0])
		err_because(reterr, "%s", r->detail);
	if (create)
		mdev_err_capacity(h, s->target.device, reterr);
	mech_err_holders(reterr, holders, n_holders);
	err_state(reterr, "%s", state);
	err_todo(reterr, "%s", todo);
}
