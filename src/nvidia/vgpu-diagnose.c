/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Words for failures of steps on vGPUs. */
#include <errno.h>
#include <string.h>

#include "base/str.h"
#include "nvidia/internal.h"

struct failure {
	enum verb verb;
	const char *reason; /* NULL: any other */
	const char *id, *state, *todo;
};

#define AS_SHOWN "what carve list shows is what is there"
#define KERNEL_LOG "look into the kernel log"
#define ROOM "see what the GPU has: sizes do not mix, and vGPUs of MIG need a GPU instance"
#define ELSEWHERE "remove it where it was made"
#define STAYS "it is still there and stays in the record"
#define END_ALL "end the virtual machines on that GPU, and remove what others made of its VFs"
#define UPDATE "leave \"sizes\" and \"scheduler\" out, or update NVIDIA's vGPU driver for hosts"
#define NO_DRIVER "install NVIDIA's vGPU driver for hosts"

static const struct failure failures[] = {
	{ VERB_VGPU_VFS, "no-program", "vgpu.program", "nothing was changed",
	  NO_DRIVER ", which comes with sriov-manage" },
	{ VERB_VGPU_VFS, "locked", "vgpu.locked", "nothing was changed",
	  "end what has the GPU open; carve holders DEVICE names it" },
	{ VERB_VGPU_VFS, "not-made", "vgpu.vfs", "there are as many VFs as carve show says",
	  KERNEL_LOG },
	{ VERB_VGPU_VFS, NULL, "vgpu.failed", AS_SHOWN, KERNEL_LOG },
	{ VERB_VGPU_SET, "refused", "vgpu.refused", "the VF is no vGPU", ROOM },
	{ VERB_VGPU_SET, "foreign", "vgpu.foreign", "it is as others made it", ELSEWHERE },
	{ VERB_VGPU_SET, "still-there", "vgpu.still-there", STAYS, "carve reclaim --retry" },
	{ VERB_VGPU_SET, "no-interface", "vgpu.interface", "nothing was changed", NO_DRIVER },
	{ VERB_VGPU_SET, "placement", "vgpu.placement",
	  "the VF is a vGPU, and its guest is not told where it begins",
	  KERNEL_LOG "; carve apply tells it again" },
	{ VERB_VGPU_SET, NULL, "vgpu.failed", AS_SHOWN, KERNEL_LOG },
	{ VERB_MDEV_CREATE, "uuid-taken", "vgpu.foreign", "it is as others made it", ELSEWHERE },
	{ VERB_MDEV_CREATE, "no-type", "vgpu.type.unknown", "nothing was changed",
	  "see which types there are: carve list slices" },
	{ VERB_MDEV_CREATE, NULL, "vgpu.refused", "no vGPU was made", ROOM },
	{ VERB_VGPU_MIXED, "in-use", "vgpu.mode.busy", "nothing was changed", END_ALL },
	{ VERB_VGPU_MIXED, "not-supported", "vgpu.mode.unsupported", "nothing was changed",
	  UPDATE },
	{ VERB_VGPU_MIXED, NULL, "vgpu.failed", AS_SHOWN, KERNEL_LOG },
	{ VERB_VGPU_SCHEDULER, "in-use", "vgpu.mode.busy", "nothing was changed", END_ALL },
	{ VERB_VGPU_SCHEDULER, "not-supported", "vgpu.mode.unsupported", "nothing was changed",
	  UPDATE },
	{ VERB_VGPU_SCHEDULER, NULL, "vgpu.failed", AS_SHOWN, KERNEL_LOG },
	{ VERB_MDEV_REMOVE, NULL, "vgpu.still-there", STAYS, "carve reclaim --retry" },
};

static const struct failure *failure_find(const struct step *s, const struct step_result *r)
{
	for (size_t i = 0; i < sizeof(failures) / sizeof(*failures); i++)
		if (failures[i].verb == (enum verb)s->verb &&
		    (!failures[i].reason || str_eq(failures[i].reason, r->reason)))
			return &failures[i];
	return NULL;
}

static bool makes(const struct step *s)
{
	return s->verb == VERB_MDEV_CREATE || (s->verb == VERB_VGPU_SET && s->number);
}

void vgpu_diagnose(const struct have *h, const struct step *s, const struct step_result *r,
		   const struct holder *holders, size_t n_holders, struct err *reterr)
{
	const struct failure *f = failure_find(s, r);
	mig_diagnose(h, s, r, holders, n_holders, reterr);
	if (err_is_set(reterr) || !f)
		return;
	char what[512];
	if (step_describe(s, h, what, sizeof(what)) < 0)
		(void)STR_COPY(what, verb_name((enum verb)s->verb));
	err_set(reterr, f->id, r->error ? r->error : EIO, "cannot %s", what);
	mech_err_on(reterr, h, NULL, &s->target);
	err_because(reterr, "%s: %s", r->where[0] ? r->where : "the driver", strerror(r->error));
	if (r->detail[0])
		err_because(reterr, "%s", r->detail);
	if (makes(s))
		vgpu_err_types(h, s->target.device, true, reterr);
	mech_err_holders(reterr, holders, n_holders);
	err_state(reterr, "%s", f->state);
	err_todo(reterr, "%s", f->todo);
}
