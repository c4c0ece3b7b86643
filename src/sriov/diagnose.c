/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Words for failures of VF counts, VF settings and NVMe provisioning. */
#include <errno.h>
#include <string.h>

#include "base/str.h"
#include "sriov/internal.h"

static void numvfs_because(const struct have *h, const struct step *s, const struct step_result *r,
			   struct err *reterr)
{
	const struct function *pf = have_device(h, s->target.device);

	if (pf)
		err_because(reterr, "%u VFs exist, %u are the most", have_vf_count(h, pf->addr),
			    pf->caps.sriov_total);
	if (r->error == ENOENT && pf)
		err_because(reterr,
			    pf->driver[0] ? "its driver %s cannot make VFs" : "it has no driver%s",
			    pf->driver);
	if (r->error == ENOMEM)
		err_because(reterr,
			    "firmware left too little MMIO space or bus numbers for the VFs");
}

/* pf NULL: it is not there any more. */
static const char *numvfs_todo(const struct function *pf, const struct step_result *r)
{
	if (str_eq(r->reason, "other-count"))
		return "ask for the count that the driver gives";
	if (r->error == ENOENT && pf && pf->driver[0])
		return "divide it another way, or use a driver that makes VFs";
	if (r->error == ENOENT)
		return "bind the PF to its host driver first";
	if (r->error == ENOMEM)
		return "boot with pci=realloc, or give the slot more resources in firmware";
	if (r->error == EBUSY)
		return "find what holds the VFs: carve holders";
	return "look into the kernel log";
}

static const struct failure {
	enum verb verb;
	const char *reason; /* NULL: any */
	const char *id, *todo;
} failures[] = {
	{ VERB_SET_VFS, "other-count", "sriov.numvfs.other-count", NULL },
	{ VERB_SET_VFS, NULL, "sriov.numvfs.failed", NULL },
	{ VERB_SET_VF, "no-netdev", "sriov.vf.no-netdev",
	  "bind the PF to its network driver; is its interface in another namespace?" },
	{ VERB_SET_VF, "readback", "sriov.vf.readback",
	  "the driver took the setting and did not keep it: leave it out" },
	{ VERB_SET_VF, NULL, "sriov.vf.failed",
	  "leave the setting out if the driver does not offer it" },
	{ VERB_READ_VFS, NULL, "sriov.vf.unreadable", "look into the kernel log" },
	{ VERB_SET_PORT, "no-port", "sriov.port.failed",
	  "is the PF in switchdev mode still? devlink dev eswitch show says" },
	{ VERB_SET_PORT, "readback", "sriov.port.failed",
	  "the driver took the setting and did not keep it: leave it out" },
	{ VERB_SET_PORT, NULL, "sriov.port.failed", "set the port before the VF is bound" },
	{ VERB_NVME_FLEX, NULL, "nvme.flex.failed", "look into the kernel log" },
	{ VERB_NVME_ONLINE, NULL, "nvme.online.failed",
	  "fewer VFs leave more queues and interrupts for each" },
	{ VERB_NVME_OFFLINE, NULL, "nvme.offline.failed", "look into the kernel log" },
};

/* Drivers keep few of the legacy settings in switchdev mode, and say EOPNOTSUPP at best. */
static void switchdev_because(const struct have *h, const struct step *s, struct err *reterr)
{
	const struct vf_info *v = have_vf_info(h, s->target.device, s->target.vf);

	if (!v || !v->has_port)
		return;
	err_because(reterr, "the PF is in switchdev mode, where %s",
		    v->port_mac
			    ? "only the MAC is set through the VF's devlink port; the others are "
			      "rules on its representor"
			    : "VFs are set by rules on their representors, and the driver has no "
			      "port functions");
}

static const struct failure *failure_find(const struct step *s, const struct step_result *r)
{
	for (size_t i = 0; i < sizeof(failures) / sizeof(*failures); i++)
		if (failures[i].verb == (enum verb)s->verb &&
		    (!failures[i].reason || str_eq(failures[i].reason, r->reason)))
			return &failures[i];
	return NULL;
}

void sriov_diagnose(const struct have *h, const struct step *s, const struct step_result *r,
		    const struct holder *holders, size_t n_holders, struct err *reterr)
{
	const struct failure *f = failure_find(s, r);
	if (mech_diagnose(h, s, r, holders, n_holders, reterr) || !f)
		return;

	char what[512];
	if (step_describe(s, h, what, sizeof(what)) < 0)
		(void)STR_COPY(what, verb_name((enum verb)s->verb));
	err_set(reterr, f->id, r->error, "cannot %s", what);
	mech_err_on(reterr, h, NULL, &s->target);
	err_because(reterr, "%s: %s", r->where[0] ? r->where : "the kernel", strerror(r->error));
	if (r->detail[0])
		err_because(reterr, "%s", r->detail);
	if (s->verb == VERB_SET_VFS) {
		numvfs_because(h, s, r, reterr);
		err_state(reterr, "%u VFs are there now", r->number);
	}
	if (s->verb == VERB_SET_VF)
		switchdev_because(h, s, reterr);
	mech_err_holders(reterr, holders, n_holders);
	if (s->verb == VERB_SET_VF)
		err_state(reterr, "settings before the one named were taken; all are read again");
	err_todo(reterr, "%s",
		 f->todo ? f->todo : numvfs_todo(have_device(h, s->target.device), r));
}
