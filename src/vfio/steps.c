/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Planning of binding, granting and taking back; and the mechanism "passthrough". See vfio.h. */
#include <errno.h>

#include "base/str.h"
#include "vfio/internal.h"

#define NODE_MODE 0600

static bool node_is(bool node, uint32_t has_uid, uint32_t has_gid, uint32_t mode, uint32_t uid,
		    uint32_t gid)
{
	return node && has_uid == uid && has_gid == gid && (mode & 07777) == NODE_MODE;
}

static int grant_add(const struct slice *s, const struct claim *c, struct plan *ret)
{
	struct step *step = mech_step_add(ret, VERB_GRANT, s);
	if (!step)
		return -ENOMEM;
	step->number = c->grant_uid;
	step->number2 = c->grant_gid;
	return 0;
}

/* vfio-pci refuses a PF while its VFs are enabled (drivers/vfio/pci/vfio_pci_core.c). */
static int refuse_vfs(const struct have *h, const struct slice *s, const struct function *f,
		      struct err *reterr)
{
	unsigned n = have_vf_count(h, f->addr);
	if (n == 0)
		return 0;
	err_set(reterr, "vfio.bind.has-vfs", EBUSY, "cannot hand out the whole function");
	struct target t = slice_target(s);
	mech_err_on(reterr, h, NULL, &t);
	err_because(reterr, "%u VFs of it exist", n);
	err_state(reterr, "nothing was changed");
	err_todo(reterr, "remove its VFs, or hand out VFs instead");
	return -EBUSY;
}

int vfio_bind_steps(const struct have *h, const struct slice *s, const struct function *f,
		    const struct claim *c, struct plan *ret, struct err *reterr)
{
	bool bound = driver_is_vfio(f->driver);
	int r = refuse_vfs(h, s, f, reterr);
	if (r < 0)
		return r;
	if (!bound) {
		struct step *step = mech_step_add(ret, VERB_BIND, s);
		if (!step)
			return -ENOMEM;
		(void)STR_COPY(step->text, "vfio");
	}
	if (!c)
		return 0;
	/* A node that is about to appear is root's, 0600. */
	bool root = c->grant_uid == 0 && c->grant_gid == 0;
	if (bound ? node_is(f->vfio_node, f->vfio_uid, f->vfio_gid, f->vfio_mode, c->grant_uid,
			    c->grant_gid)
		  : root)
		return 0;
	return grant_add(s, c, ret);
}

/* A VF whose own driver is one of VFIO's, as that of a vGPU. */
static const struct function *vf_of(const struct have *h, const struct slice *s)
{
	const struct function *pf = s->index >= 0 ? have_device(h, s->device) : NULL;
	return pf ? have_vf(h, pf->addr, s->index) : NULL;
}

int vfio_grant_steps(const struct have *h, const struct slice *s, const struct claim *c,
		     struct plan *ret, struct err *reterr)
{
	const struct mdev *m = have_mdev(h, s->uuid);
	const struct function *f = vf_of(h, s);
	bool root = c->grant_uid == 0 && c->grant_gid == 0;
	(void)reterr;
	if (m ? node_is(m->vfio_node, m->vfio_uid, m->vfio_gid, m->vfio_mode, c->grant_uid,
			c->grant_gid)
	    : f && f->vfio_node ? node_is(true, f->vfio_uid, f->vfio_gid, f->vfio_mode,
					  c->grant_uid, c->grant_gid)
				: root)
		return 0;
	return grant_add(s, c, ret);
}

static int revoke_add(const struct slice *s, bool node, uint32_t uid, uint32_t gid, uint32_t mode,
		      struct plan *ret)
{
	if (!node || node_is(node, uid, gid, mode, 0, 0))
		return 0;
	return mech_step_add(ret, VERB_REVOKE, s) ? 0 : -ENOMEM;
}

static int unbind_add(const struct slice *s, struct plan *ret)
{
	struct step *step = mech_step_add(ret, VERB_UNBIND, s);
	if (!step)
		return -ENOMEM;
	step->flag = s->power_pinned != SLICE_POWER_OWN;
	return STR_COPY(step->text, s->original_driver[0] ? s->original_driver : "-");
}

static int power_add(const struct slice *s, struct plan *ret)
{
	struct step *step = mech_step_add(ret, VERB_PIN_POWER, s);
	if (!step)
		return -ENOMEM;
	step->number = 1;
	return 0;
}

int vfio_release_steps(const struct have *h, const struct slice *s, const struct function *f,
		       bool keep_bound, struct plan *ret, struct err *reterr)
{
	(void)reterr;
	if (!f) {
		const struct mdev *m = s->uuid[0] ? have_mdev(h, s->uuid) : NULL;
		const struct function *vf = vf_of(h, s);
		if (m)
			return revoke_add(s, m->vfio_node, m->vfio_uid, m->vfio_gid, m->vfio_mode,
					  ret);
		return vf ? revoke_add(s, vf->vfio_node, vf->vfio_uid, vf->vfio_gid, vf->vfio_mode,
				       ret)
			  : 0;
	}
	bool ours = driver_is_vfio(f->driver);
	int r = ours ? revoke_add(s, f->vfio_node, f->vfio_uid, f->vfio_gid, f->vfio_mode, ret) : 0;
	if (r < 0)
		return r;
	/* Without a reset the slice stays dirty: the engine quarantines it or keeps it for its
	 * tenant. */
	if (s->dirty && vfio_function_proof(f) != PROOF_NONE)
		if (!mech_step_add(ret, VERB_RESET, s))
			return -ENOMEM;
	/* Without a driver, too: an earlier attempt to give it back failed half-way. VFs that were made
	 * anew have none either, and need none. */
	bool lost = !f->driver[0] && !f->is_vf && s->original_driver[0];
	if ((ours || lost) && !keep_bound && s->has_original && !driver_is_vfio(s->original_driver))
		return unbind_add(s, ret);
	/* Given back, and nobody has seen that D3cold is allowed again. */
	return ours || s->power_pinned == SLICE_POWER_OWN ? 0 : power_add(s, ret);
}

/* passthrough: the slice is the device, there is nothing to cut. */

static int no_layout(const struct have *h, const struct want *w, const struct slice *slices,
		     size_t n_slices, bool held, struct plan *ret, struct err *reterr)
{
	(void)slices, (void)n_slices, (void)held, (void)ret;
	return have_device(h, w->device) ? 0 : mech_device_gone(w->device, w, reterr);
}

static int passthrough_make(const struct have *h, const struct want *w, const struct slice *s,
			    struct plan *ret, struct err *reterr)
{
	const struct function *f = have_device(h, s->device);
	if (!f)
		return mech_device_gone(s->device, w, reterr);
	if (f->iommu_group < 0) {
		err_set(reterr, "vfio.group.none", ENODEV, "cannot hand the function out");
		struct target t = slice_target(s);
		mech_err_on(reterr, h, w, &t);
		err_because(reterr, "it has no IOMMU group: nothing confines its DMA");
		err_state(reterr, "nothing was changed");
		err_todo(reterr,
			 "switch the IOMMU on in firmware and kernel; carve doctor says how");
		return -ENODEV;
	}
	return w && w->bind_early ? vfio_bind_steps(h, s, f, NULL, ret, reterr) : 0;
}

static int passthrough_unmake(const struct have *h, const struct slice *s, struct plan *ret,
			      struct err *reterr)
{
	return vfio_release_steps(h, s, have_device(h, s->device), false, ret, reterr);
}

static int passthrough_claim(const struct have *h, const struct want *w, const struct slice *s,
			     const struct claim *c, struct plan *ret, struct err *reterr)
{
	(void)w, (void)ret;
	return mech_no_settings(h, s, c, reterr);
}

static int passthrough_reclaim(const struct have *h, const struct want *w, const struct slice *s,
			       struct plan *ret, struct err *reterr)
{
	(void)h, (void)w, (void)s, (void)ret, (void)reterr;
	return 0;
}

const struct mech passthrough_mech = {
	.name = "passthrough",
	.binds = true,
	.offer = passthrough_offer,
	.find = passthrough_find,
	.layout_steps = no_layout,
	.make_steps = passthrough_make,
	.unmake_steps = passthrough_unmake,
	.claim_steps = passthrough_claim,
	.reclaim_steps = passthrough_reclaim,
	.proof = passthrough_proof,
	.diagnose = vfio_diagnose,
};
