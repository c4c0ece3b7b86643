/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Isolation: functions of one IOMMU group reach each other's memory, so a group goes to one account
 * or to nobody (Documentation/driver-api/vfio.rst, "Groups, Devices, and IOMMUs"). Pure.
 */
#include <errno.h>

#include "base/str.h"
#include "vfio/vfio.h"

static const struct claim *claim_find(const struct claim *claims, size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++)
		if (str_eq(claims[i].name, name))
			return &claims[i];
	return NULL;
}

struct members {
	const struct have *h;
	const struct mech *const *mechs;
	const struct slice *slices;
	size_t n_slices;
	const struct claim *claims;
	size_t n_claims;
	const struct claim *claim;
};

/* A function is a slice of itself, or of the one that it is a VF of. */
static const struct slice *slice_of(const struct members *m, const struct function *f)
{
	const struct function *pf = f->is_vf ? have_function(m->h, f->pf) : NULL;
	for (size_t i = 0; i < m->n_slices; i++) {
		const struct slice *s = &m->slices[i];
		bool related = !slice_is_part(s) && (s->index >= 0) == f->is_vf &&
			       str_eq(s->device, pf ? pf->key : f->key);
		if (related && mech_function(m->mechs, m->h, s) == f)
			return s;
	}
	return NULL;
}

static int sibling_check(const struct members *m, const struct function *sibling,
			 struct err *reterr)
{
	bool guests = driver_is_vfio(sibling->driver);
	bool alone = !guests && driver_leaves_group_alone(sibling->driver);
	/* Of a claim that is not there yet, only what the host does can be in the way. */
	if (alone && !m->claim)
		return 0;
	const struct slice *s = slice_of(m, sibling);
	if (s && s->claim[0]) {
		const struct claim *c = claim_find(m->claims, m->n_claims, s->claim);
		if (!m->claim || (c && claim_is_of(m->claim, c->uid, c->tenant)))
			return 0;
		err_set(reterr, "vfio.group.tenant", EBUSY, "cannot hand the function out");
		err_because(reterr, "%s is in the same IOMMU group and held by claim %s",
			    sibling->addr, s->claim);
		err_todo(reterr, "release claim %s first, or use a slot with ACS", s->claim);
		return -EBUSY;
	}
	if (s && s->dirty && m->claim && !claim_is_of(m->claim, s->last_uid, s->last_tenant)) {
		err_set(reterr, "vfio.group.dirty", EBUSY, "cannot hand the function out");
		err_because(reterr, "%s is in the same IOMMU group and not yet clean of uid %u",
			    sibling->addr, s->last_uid);
		err_todo(reterr, "wait until it is reclaimed");
		return -EBUSY;
	}
	if (guests ? s != NULL : alone)
		return 0;
	err_set(reterr, "vfio.group.not-viable", EBUSY, "cannot hand the function out");
	err_because(reterr, "%s is in the same IOMMU group and bound to %s%s", sibling->addr,
		    sibling->driver, guests ? ", by somebody else" : " on the host");
	err_todo(reterr,
		 "enroll %s and pass it through as well, with bind: early, or use a slot with ACS; "
		 "see carve doctor",
		 sibling->addr);
	return -EBUSY;
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

int vfio_group_check(const struct have *h, const struct function *f,
		     const struct mech *const *mechs, const struct slice *slices, size_t n_slices,
		     const struct claim *claims, size_t n_claims, const struct claim *c,
		     struct err *reterr)
{
	const struct members m = { h, mechs, slices, n_slices, claims, n_claims, c };

	if (f->iommu_group < 0) {
		err_set(reterr, "vfio.group.none", ENODEV, "cannot hand the function out");
		err_on(reterr, "%s", f->addr);
		err_because(reterr, "it has no IOMMU group: nothing confines its DMA");
		err_state(reterr, "nothing was changed");
		err_todo(reterr,
			 "switch the IOMMU on in firmware and kernel; carve doctor says how");
		return -ENODEV;
	}
	for (size_t i = 0; i < h->n_functions; i++) {
		const struct function *sibling = &h->functions[i];
		if (sibling == f || sibling->iommu_group != f->iommu_group)
			continue;
		int r = sibling_check(&m, sibling, reterr);
		if (r < 0) {
			err_on(reterr, "%s (IOMMU group %d)", f->addr, f->iommu_group);
			err_state(reterr, "nothing was changed");
			return r;
		}
	}
	return 0;
}
