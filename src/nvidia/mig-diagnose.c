/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Words for failures of steps on GPU instances. */
#include <errno.h>
#include <string.h>

#include "base/str.h"
#include "nvidia/internal.h"

static const struct {
	const char *reason, *id, *state, *todo;
} failures[] = {
	{ "no-library", "mig.unseen", "nothing was changed",
	  "install NVIDIA's library libnvidia-ml.so.1 of the driver's version" },
	{ "skew", "mig.unseen", "nothing was changed",
	  "load the kernel module of the library's version: restart the host after an upgrade" },
	{ "gpu-lost", "mig.lost", "what the GPU shows when it is back is what is there",
	  "look into the kernel log for Xid messages; reset the GPU" },
	{ "nonsense", "mig.nonsense", "nothing that the library said is believed",
	  "compare with nvidia-smi mig -lgi; update the driver" },
	{ "no-room", "mig.no-room", "nothing was changed",
	  "see what others made there: carve show, nvidia-smi mig -lgi" },
	{ "pending", "mig.pending", "MIG comes into force with the next reset of the GPU",
	  "end what uses that GPU and reset it, or restart the host" },
	{ "in-use", "mig.in-use", "it is still there", "end what uses it" },
	{ "half-made", "mig.half-made", "a GPU instance without a compute instance is left there",
	  "carve reclaim --retry, or: nvidia-smi mig -dgi" },
};

void mig_diagnose(const struct have *h, const struct step *s, const struct step_result *r,
		  const struct holder *holders, size_t n_holders, struct err *reterr)
{
	if (mech_diagnose(h, s, r, holders, n_holders, reterr) ||
	    (s->verb != VERB_MIG_MODE && s->verb != VERB_MIG_CREATE && s->verb != VERB_MIG_DESTROY))
		return;
	char what[512];
	if (step_describe(s, h, what, sizeof(what)) < 0)
		(void)STR_COPY(what, verb_name((enum verb)s->verb));
	const char *id = "mig.failed", *state = "what carve show lists is what is there";
	const char *todo = "look into the kernel log";
	for (size_t i = 0; i < sizeof(failures) / sizeof(*failures); i++)
		if (str_eq(failures[i].reason, r->reason)) {
			id = failures[i].id;
			state = failures[i].state;
			todo = failures[i].todo;
		}
	err_set(reterr, id, r->error ? r->error : EIO, "cannot %s", what);
	mech_err_on(reterr, h, NULL, &s->target);
	if (r->where[0])
		err_because(reterr, "%s: %s", r->where,
			    r->detail[0] ? r->detail : strerror(r->error));
	else if (r->detail[0])
		err_because(reterr, "%s", r->detail);
	mech_err_holders(reterr, holders, n_holders);
	err_state(reterr, "%s", state);
	err_todo(reterr, "%s", todo);
}
