/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Words for failures of steps on vGPUs. */
#include <errno.h>
#include <string.h>

#include "base/str.h"
#include "nvidia/internal.h"

static const struct {
	const char *reason, *id, *state, *todo;
} failures[] = {
	{ "no-program", "vgpu.program", "nothing was changed",
	  "install NVIDIA's vGPU driver for hosts, which comes with sriov-manage" },
	{ "locked", "vgpu.locked", "nothing was changed",
	  "end what has the GPU open; carve holders DEVICE names it" },
	{ "not-made", "vgpu.vfs", "there are as many VFs as carve show says",
	  "look into the kernel log" },
	{ "refused", "vgpu.refused", "the VF is no vGPU",
	  "see what the GPU has: sizes do not mix, and vGPUs of MIG need a GPU instance" },
	{ "foreign", "vgpu.foreign", "it is as others made it", "remove it where it was made" },
	{ "still-there", "vgpu.still-there", "it is still there and stays in the record",
	  "carve reclaim --retry" },
	{ "no-interface", "vgpu.interface", "nothing was changed",
	  "install NVIDIA's vGPU driver for hosts" },
};

void vgpu_diagnose(const struct have *h, const struct step *s, const struct step_result *r,
		   const struct holder *holders, size_t n_holders, struct err *reterr)
{
	mig_diagnose(h, s, r, holders, n_holders, reterr);
	if (err_is_set(reterr) || (s->verb != VERB_VGPU_VFS && s->verb != VERB_VGPU_SET))
		return;
	char what[512];
	if (step_describe(s, h, what, sizeof(what)) < 0)
		(void)STR_COPY(what, verb_name((enum verb)s->verb));
	const char *id = "vgpu.failed", *state = "what carve show lists is what is there";
	const char *todo = "look into the kernel log";
	for (size_t i = 0; i < sizeof(failures) / sizeof(*failures); i++)
		if (str_eq(failures[i].reason, r->reason)) {
			id = failures[i].id;
			state = failures[i].state;
			todo = failures[i].todo;
		}
	err_set(reterr, id, r->error ? r->error : EIO, "cannot %s", what);
	mech_err_on(reterr, h, NULL, &s->target);
	err_because(reterr, "%s: %s", r->where[0] ? r->where : "the driver", strerror(r->error));
	if (r->detail[0])
		err_because(reterr, "%s", r->detail);
	if (s->verb == VERB_VGPU_SET && s->number)
		vgpu_err_types(h, s->target.device, true, reterr);
	mech_err_holders(reterr, holders, n_holders);
	err_state(reterr, "%s", state);
	err_todo(reterr, "%s", todo);
}
