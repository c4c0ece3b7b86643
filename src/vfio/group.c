/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Isolation: functions of one IOMMU group reach each other's memory, so a group goes to one account
 * or to nobody (Documentation/driver-api/vfio.rst, "Groups, Devices, and IOMMUs"). Pure.
 */
#include <errno.h>

#include "base/str.h"
#include "vfio/vfio.h"

static const struct claim *claim_find(const struct vfio_record *r, const char *name)
{
	for (size_t i = 0; i < r->n_claims; i++)
		if (str_eq(r->claims[i].name, name))
			return &r->claims[i];
	return NULL;
}

/* A function is a slice of itself, or of the one that it is a VF of. */
static const struct slice *slice_of(const struct vfio_record *r, const struct function *f)
{
	const struct function *pf = f->is_vf ? have_function(r->have, f->pf) : NULL;
	for (size_t i = 0; i < r->n_slices; i++) {
		const struct slice *s = &r->slices[i];
		bool related = !slice_is_part(s) && (s->index >= 0) == f->is_vf &&
			       str_eq(s->device, pf ? pf->key : f->key);
		if (related && mech_function(r->mechs, r->have, s) == f)
			return s;
	}
	return NULL;
}

/* The device that it is claimed with; else itself. */
static const char *leader_of(const struct vfio_record *r, const struct function *f)
{
	for (size_t i = 0; i < r->n_wants && !f->is_vf; i++)
		if (str_eq(r->wants[i].device, f->key) && r->wants[i].leader[0])
			return r->wants[i].leader;
	return f->key;
}

static int refuse_tenant(const struct function *sibling, const char *claim, struct err *reterr)
{
	err_set(reterr, "vfio.group.tenant", EBUSY, "cannot hand the function out");
	err_because(reterr, "%s is in the same IOMMU group and held by claim %s", sibling->addr,
		    claim);
	err_todo(reterr, "release claim %s first, or use a slot with ACS", claim);
	return -EBUSY;
}

static int refuse_dirty(const struct function *sibling, const struct slice *s, struct err *reterr)
{
	err_set(reterr, "vfio.group.dirty", EBUSY, "cannot hand the function out");
	err_because(reterr, "%s is in the same IOMMU group and not yet clean of uid %u",
		    sibling->addr, s->last_uid);
	err_todo(reterr, "wait until it is reclaimed");
	return -EBUSY;
}

static int refuse_driven(const struct function *sibling, struct err *reterr)
{
	err_set(reterr, "vfio.group.not-viable", EBUSY, "cannot hand the function out");
	err_because(reterr, "%s is in the same IOMMU group and bound to %s%s", sibling->addr,
		    sibling->driver,
		    driver_is_vfio(sibling->driver) ? ", by somebody else" : " on the host");
	err_todo(reterr,
		 "enroll %s and let the policy say companions: bind, or use a slot "
		 "with ACS; see carve doctor",
		 sibling->addr);
	return -EBUSY;
}

static int sibling_check(const struct vfio_record *r, const struct function *f,
			 const struct function *sibling, const struct claim *by, struct err *reterr)
{
	bool guests = driver_is_vfio(sibling->driver);
	bool alone = !guests && driver_leaves_group_alone(sibling->driver);
	/* Of a claim that is not there yet, only what the host does can be in the way. */
	if (alone && !by)
		return 0;
	const struct slice *s = slice_of(r, sibling);
	if (s && s->claim[0]) {
		const struct claim *c = claim_find(r, s->claim);
		return !by || (c && claim_is_of(by, c->uid, c->tenant))
			       ? 0
			       : refuse_tenant(sibling, s->claim, reterr);
	}
	if (s && s->dirty && by && !claim_is_of(by, s->last_uid, s->last_tenant))
		return refuse_dirty(sibling, s, reterr);
	if ((guests ? s != NULL : alone) || str_eq(leader_of(r, f), leader_of(r, sibling)))
		return 0;
	return refuse_driven(sibling, reterr);
}

int vfio_group_distrust(const struct function *f, struct err *reterr)
{
	err_set(reterr, "vfio.group.acs-override", EPERM, "cannot hand the function out");
	err_on(reterr, "%s", f->addr);
	err_because(reterr, "pcie_acs_override is on the command line of the kernel: its IOMMU "
			    "groups are split where the hardware keeps nothing apart");
	err_state(reterr, "nothing was changed");
	err_todo(reterr, "remove it and reboot, or take the risk by name in the policy: unsafe: "
			 "[acs-override]");
	return -EPERM;
}

int vfio_group_check(const struct vfio_record *r, const struct function *f, const struct claim *c,
		     struct err *reterr)
{
	if (f->iommu_group < 0) {
		err_set(reterr, "vfio.group.none", ENODEV, "cannot hand the function out");
		err_on(reterr, "%s", f->addr);
		err_because(reterr, "it has no IOMMU group: nothing confines its DMA");
		err_state(reterr, "nothing was changed");
		err_todo(reterr,
			 "switch the IOMMU on in firmware and kernel; carve doctor says how");
		return -ENODEV;
	}
	for (size_t i = 0; i < r->have->n_functions; i++) {
		const struct function *sibling = &r->have->functions[i];
		if (sibling == f || sibling->iommu_group != f->iommu_group)
			continue;
		int rc = sibling_check(r, f, sibling, c, reterr);
		if (rc < 0) {
			err_on(reterr, "%s (IOMMU group %d)", f->addr, f->iommu_group);
			err_state(reterr, "nothing was changed");
			return rc;
		}
	}
	return 0;
}
