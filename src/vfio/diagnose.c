/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Words for failures of binding, resetting and granting. */
#include <errno.h>
#include <string.h>

#include "base/str.h"
#include "vfio/internal.h"

static const struct {
	const char *reason, *id, *state, *todo;
} failures[] = {
	{ "no-driver", "vfio.driver.missing", "nothing was changed",
	  "install the kernel module vfio-pci (modprobe vfio-pci says why it fails)" },
	{ "not-bound", "vfio.bind.failed", "the former driver has it again",
	  "look into the kernel log for the probe of that function" },
	{ "not-restored", "vfio.bind.lost", "the function has no driver now",
	  "look into the kernel log, then: carve reclaim --retry" },
	{ "not-given-back", "vfio.unbind.failed", "VFIO has let it go; no driver took it",
	  "load the module of that driver, then: carve reclaim --retry" },
	{ "no-reset", "vfio.reset.none", NULL,
	  "let it to the same account only, or power-cycle and: carve quarantine clear" },
	{ "config-all-ones", "vfio.reset.dead", NULL,
	  "the function does not answer after its reset: power-cycle the host or the slot" },
	{ "no-node", "vfio.grant.no-node", "nothing was changed",
	  "the function must be bound to VFIO first; is /dev a devtmpfs?" },
	{ "no-group", "vfio.group.none", "nothing was changed",
	  "switch the IOMMU on in firmware and kernel; carve doctor says how" },
};

static const struct {
	enum verb verb;
	const char *id;
} verb_ids[] = {
	{ VERB_BIND, "vfio.bind.failed" },    { VERB_UNBIND, "vfio.unbind.failed" },
	{ VERB_RESET, "vfio.reset.failed" },  { VERB_GRANT, "vfio.grant.failed" },
	{ VERB_REVOKE, "vfio.grant.failed" }, { VERB_MODULE_LOAD, "vfio.driver.missing" },
	{ VERB_PIN_POWER, "vfio.failed" },
};

static const char *verb_id(uint32_t verb)
{
	for (size_t i = 0; i < sizeof(verb_ids) / sizeof(*verb_ids); i++)
		if (verb_ids[i].verb == (enum verb)verb)
			return verb_ids[i].id;
	return NULL;
}

bool vfio_verb(enum verb v)
{
	return verb_id(v) != NULL;
}

void vfio_diagnose(const struct have *h, const struct step *s, const struct step_result *r,
		   const struct holder *holders, size_t n_holders, struct err *reterr)
{
	const char *id = verb_id(s->verb);
	if (mech_diagnose(h, s, r, holders, n_holders, reterr) || !id)
		return;

	char what[512];
	if (step_describe(s, h, what, sizeof(what)) < 0)
		(void)STR_COPY(what, verb_name((enum verb)s->verb));
	const char *state = NULL; /* the engine says what comes of it */
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
	mech_err_holders(reterr, holders, n_holders);
	if (state)
		err_state(reterr, "%s", state);
	err_todo(reterr, "%s", todo);
}
