/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Planning for SR-IOV. The count changes through 0 only (the kernel answers EBUSY to another
 * non-zero value, drivers/pci/iov.c sriov_numvfs_store), which destroys every VF: never while one
 * is held, and never VFs that carve did not make. drivers_autoprobe is 0 for VFs that are for
 * guests, so that no host driver takes them; it goes back to the kernel's default with the last VF.
 *
 * NVMe: flexible resources are taken from the primary controller before there are VFs, because that
 * needs its reset; each VF is given its share and set online after (docs/system/devices/nvme.rst of
 * QEMU; NVMe base specification, Virtualization Management).
 */
#include <errno.h>

#include "base/str.h"
#include "sriov/internal.h"
#include "sriov/settings.h"

static bool in_the_way(const struct slice *s)
{
	return s->claim[0] || s->state == SLICE_PREPARING || s->state == SLICE_HELD ||
	       s->state == SLICE_RECLAIMING;
}

static int refuse_held(const struct have *h, const struct want *w, unsigned made,
		       const struct slice *slices, size_t n, struct err *reterr)
{
	err_set(reterr, "sriov.layout.held", EBUSY, "cannot change the VF count from %u to %u",
		made, w->count);
	for (size_t i = 0; i < n; i++)
		if (in_the_way(&slices[i]))
			err_because(reterr, "VF %d is %s%s%s", slices[i].index,
				    slice_state_name((enum slice_state)slices[i].state),
				    slices[i].claim[0] ? " by claim " : "", slices[i].claim);
	struct target t = { .vf = -1 };
	(void)STR_COPY(t.device, w->device);
	mech_err_on(reterr, h, w, &t);
	err_because(reterr, "the kernel changes the count through 0 only: all VFs would go");
	err_state(reterr, "nothing was changed");
	err_todo(reterr, "release these claims, then: carve apply");
	return -EBUSY;
}

static int refuse_foreign(const struct have *h, const struct want *w, unsigned made,
			  struct err *reterr)
{
	err_set(reterr, "sriov.layout.foreign", EBUSY, "cannot change the VF count from %u to %u",
		made, w->count);
	struct target t = { .vf = -1 };
	(void)STR_COPY(t.device, w->device);
	mech_err_on(reterr, h, w, &t);
	err_because(reterr, "%u VFs exist that carve did not make", made);
	err_state(reterr, "nothing was changed");
	err_todo(reterr, "remove them where they were made, or say count: %u to adopt them", made);
	return -EBUSY;
}

static int refuse_count(const struct have *h, const struct want *w, const struct function *pf,
			struct err *reterr)
{
	struct target t = { .vf = -1 };
	(void)STR_COPY(t.device, w->device);
	if (!pf->caps.sriov) {
		err_set(reterr, "sriov.unsupported", EOPNOTSUPP, "cannot make VFs");
		err_because(reterr, "it has no SR-IOV capability");
		err_todo(reterr, "switch SR-IOV on in firmware, or divide it another way");
	} else {
		err_set(reterr, "sriov.count.too-many", ERANGE, "cannot make %u VFs", w->count);
		err_because(reterr, "it offers %u at most", pf->caps.sriov_total);
		err_todo(reterr, "ask for %u or fewer", pf->caps.sriov_total);
	}
	mech_err_on(reterr, h, w, &t);
	err_state(reterr, "nothing was changed");
	return pf->caps.sriov ? -ERANGE : -EOPNOTSUPP;
}

static int refuse_settings(const struct have *h, const struct want *w, struct err *reterr)
{
	struct target t = { .vf = -1 };
	(void)STR_COPY(t.device, w->device);
	err_set(reterr, "sriov.settings.not-network", EOPNOTSUPP,
		"cannot give VFs network settings");
	mech_err_on(reterr, h, w, &t);
	err_because(reterr, "it is no network device");
	err_state(reterr, "nothing was changed");
	err_todo(reterr, "take vf: out of the policy");
	return -EOPNOTSUPP;
}

static int count_add(const struct want *w, uint32_t count, struct plan *ret)
{
	struct step *s = plan_add(ret, VERB_SET_VFS, w->device, -1);
	if (!s)
		return -ENOMEM;
	s->number = count;
	s->flag = w->count == 0;
	s->allow = w->in_use_pf ? STEP_ALLOW_IN_USE_PF : 0;
	return 0;
}

/* Those of want that differ from v. v NULL: not known, so all, and by rtnetlink; when the kernel
 * refuses that, the VF is looked at again and the next plan knows better. */
static int set_add(const char *device, int vf, const struct vf_info *v,
		   const struct vf_settings *want, struct plan *ret)
{
	const uint32_t bits = v ? settings_differ(want, &v->settings) : want->set;
	const uint32_t port = v && v->port_mac ? bits & VF_SET_MAC : 0;
	const struct {
		enum verb verb;
		uint32_t bits;
	} ways[] = { { VERB_SET_PORT, port }, { VERB_SET_VF, bits & ~port } };

	for (size_t i = 0; i < sizeof(ways) / sizeof(*ways); i++) {
		if (ways[i].bits == 0)
			continue;
		struct step *s = plan_add(ret, ways[i].verb, device, vf);
		if (!s)
			return -ENOMEM;
		s->vf = *want;
		s->vf.set = ways[i].bits;
	}
	return 0;
}

/* number and number2 0: a fair share, which the executor computes from the controller's own
 * figures. */
static int online_add(const char *device, int vf, struct plan *ret)
{
	return plan_add(ret, VERB_NVME_ONLINE, device, vf) ? 0 : -ENOMEM;
}

static int count_steps(const struct have *h, const struct want *w, const struct function *pf,
		       unsigned made, struct plan *ret)
{
	int r = 0;

	if (made > 0)
		r = count_add(w, 0, ret);
	if (r < 0 || w->count == 0)
		return r;
	const struct vf_info *primary = have_vf_info(h, w->device, VF_PRIMARY);
	if (sriov_is_nvme(pf) && !(primary && primary->nvme_vq == 0 && primary->nvme_vi == 0))
		if (!plan_add(ret, VERB_NVME_FLEX, w->device, -1))
			return -ENOMEM;
	return count_add(w, w->count, ret);
}

static const struct slice *slice_of(const struct slice *slices, size_t n, unsigned index)
{
	for (size_t i = 0; i < n; i++)
		if (slices[i].index == (int32_t)index)
			return &slices[i];
	return NULL;
}

/* What one VF still lacks. fresh: it is only about to be made. */
static int vf_steps(const struct have *h, const struct want *w, const struct function *pf,
		    unsigned index, bool fresh, struct plan *ret)
{
	const struct vf_info *v = fresh ? NULL : have_vf_info(h, w->device, (int)index);

	if (sriov_is_nvme(pf))
		return v && v->nvme_online ? 0 : online_add(w->device, (int)index, ret);
	return set_add(w->device, (int)index, v, &w->vf, ret);
}

static int layout_check(const struct have *h, const struct want *w, const struct function *pf,
			const struct slice *slices, size_t n_slices, bool held, struct err *reterr)
{
	unsigned made = have_vf_count(h, pf->addr);

	if (w->count > 0 && pf->caps.known && (!pf->caps.sriov || w->count > pf->caps.sriov_total))
		return refuse_count(h, w, pf, reterr);
	if (w->vf.set && !sriov_is_network(pf))
		return refuse_settings(h, w, reterr);
	if (made == w->count || made == 0)
		return 0;
	for (size_t i = 0; i < n_slices; i++)
		held = held || in_the_way(&slices[i]);
	if (held)
		return refuse_held(h, w, made, slices, n_slices, reterr);
	return n_slices ? 0 : refuse_foreign(h, w, made, reterr);
}

static int sriov_layout(const struct have *h, const struct want *w, const struct slice *slices,
			size_t n_slices, bool held, struct plan *ret, struct err *reterr)
{
	const struct function *pf = have_device(h, w->device);
	if (!pf)
		return mech_device_gone(w->device, w, reterr);
	int r = layout_check(h, w, pf, slices, n_slices, held, reterr);
	if (r < 0)
		return r;

	unsigned made = have_vf_count(h, pf->addr);
	bool fresh = made != w->count;
	if (fresh)
		r = count_steps(h, w, pf, made, ret);
	for (unsigned i = 0; r >= 0 && i < w->count; i++) {
		const struct slice *s = slice_of(slices, n_slices, i);
		if (fresh || !s || !in_the_way(s))
			r = vf_steps(h, w, pf, i, fresh, ret);
	}
	return r;
}

/* A single VF cannot be made: only the layout makes it, and from 0 that disturbs nobody. */
static int sriov_make(const struct have *h, const struct want *w, const struct slice *s,
		      struct plan *ret, struct err *reterr)
{
	bool found;
	(void)sriov_find(h, s, &found);
	if (found)
		return 0;
	if (w && s->index < (int32_t)w->count)
		return sriov_layout(h, w, s, 1, true, ret, reterr);
	err_set(reterr, "sriov.vf.missing", ENOENT, "the VF is not there");
	struct target t = slice_target(s);
	mech_err_on(reterr, h, w, &t);
	err_because(reterr, "the applied policy does not ask for it");
	err_state(reterr, "nothing was changed");
	err_todo(reterr, "raise the count in the policy, then: carve apply");
	return -ENOENT;
}

/* VFs go with the layout: layout_steps with count 0. */
static int sriov_unmake(const struct have *h, const struct slice *s, struct plan *ret,
			struct err *reterr)
{
	(void)h, (void)s, (void)ret, (void)reterr;
	return 0;
}

static int refuse_unsupported(const struct have *h, const struct want *w, const struct slice *s,
			      const struct claim *c, uint32_t lacking, struct err *reterr)
{
	struct target t = slice_target(s);
	err_set(reterr, "sriov.setting.unsupported", EOPNOTSUPP, "cannot give claim %s a %s",
		c->name, settings_name(lacking));
	mech_err_on(reterr, h, w, &t);
	err_because(reterr, "the driver of the PF does not offer it");
	err_state(reterr, "nothing was changed");
	err_todo(reterr, "leave it out, or choose a class of other devices");
	return -EOPNOTSUPP;
}

static int sriov_claim(const struct have *h, const struct want *w, const struct slice *s,
		       const struct claim *c, struct plan *ret, struct err *reterr)
{
	const struct function *pf = have_device(h, s->device);
	if (!pf)
		return mech_device_gone(s->device, w, reterr);
	const struct vf_info *v = have_vf_info(h, s->device, s->index);
	if (!sriov_is_network(pf)) {
		int r = mech_no_settings(h, s, c, reterr);
		if (r < 0 || !sriov_is_nvme(pf) || (v && v->nvme_online))
			return r;
		return online_add(s->device, s->index, ret);
	}

	struct vf_settings goal = w ? w->vf : (struct vf_settings){ 0 };
	settings_merge(&goal, &c->set);
	uint32_t lacking = v ? c->set.set & ~v->settings.set : 0;
	if (lacking)
		return refuse_unsupported(h, w, s, c, lacking, reterr);
	return set_add(s->device, s->index, v, &goal, ret);
}

/* Back to the policy's defaults, and to a clean VF in what it does not say. */
static int sriov_reclaim(const struct have *h, const struct want *w, const struct slice *s,
			 struct plan *ret, struct err *reterr)
{
	bool found;
	const struct function *pf = have_device(h, s->device);
	const struct function *vf = sriov_find(h, s, &found);
	(void)reterr;
	if (!found || !sriov_is_network(pf))
		return 0;
	/* Bound to its host driver it is the host's again: that one sets a MAC of its own. */
	if (vf->driver[0] && !str_ends(vf->driver, "vfio-pci") && !str_ends(vf->driver, "vfio_pci"))
		return 0;

	struct vf_settings goal = vf_settings_clean();
	if (w)
		settings_merge(&goal, &w->vf);
	const struct vf_info *v = have_vf_info(h, s->device, s->index);
	/* What the driver does not report it does not offer; MAC and VLAN all do. */
	goal.set &= v ? v->settings.set : VF_SET_MAC | VF_SET_VLAN;
	return set_add(s->device, s->index, v, &goal, ret);
}

const struct mech sriov_mech = {
	.name = "sriov",
	.binds = true,
	.offer = sriov_offer,
	.find = sriov_find,
	.layout_steps = sriov_layout,
	.make_steps = sriov_make,
	.unmake_steps = sriov_unmake,
	.claim_steps = sriov_claim,
	.reclaim_steps = sriov_reclaim,
	.proof = sriov_proof,
	.diagnose = sriov_diagnose,
};
