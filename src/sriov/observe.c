/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which VF a slice is, what proves it clean, and what results say about the picture. */
#include <errno.h>

#include "base/str.h"
#include "sriov/internal.h"
#include "sriov/settings.h"

const struct function *sriov_find(const struct have *h, const struct slice *s, bool *ret_found)
{
	const struct function *pf = have_device(h, s->device);
	const struct function *vf = pf ? have_vf(h, pf->addr, s->index) : NULL;
	*ret_found = vf != NULL;
	return vf;
}

int sriov_proof(const struct have *h, const struct slice *s)
{
	bool found;
	const struct function *vf = sriov_find(h, s, &found);
	if (!vf)
		return PROOF_NONE;
	/* An NVMe VF reaches the namespaces that stay when it is reset. */
	if (pci_class_is(vf->class, PCI_BASE_STORAGE))
		return PROOF_KEPT;
	if (!vf->caps.known || vf->caps.flr || vf->caps.af_flr || vf->caps.pm_reset)
		return PROOF_RESET;
	return PROOF_NONE;
}

static struct vf_info *info_get(struct have *h, const char *pf, int index)
{
	struct vf_info *v = have_vf_info(h, pf, index);
	if (v)
		return v;
	v = have_add_vf_info(h);
	if (!v)
		return NULL;
	(void)STR_COPY(v->pf, pf);
	v->index = index;
	return v;
}

/* VFs that were made again have nothing of what the old ones had. */
static void infos_drop(struct have *h, const char *pf)
{
	size_t kept = 0;
	for (size_t i = 0; i < h->n_vfs; i++)
		if (!str_eq(h->vfs[i].pf, pf) || h->vfs[i].index == VF_PRIMARY)
			h->vfs[kept++] = h->vfs[i];
	h->n_vfs = kept;
}

static int nvme_apply(struct have *h, const struct step *s, const struct step_result *r)
{
	bool primary = s->verb == VERB_NVME_FLEX;
	struct vf_info *v = info_get(h, s->target.device, primary ? VF_PRIMARY : s->target.vf);
	if (!v)
		return -ENOMEM;
	v->nvme = true;
	if (primary) {
		v->nvme_vq = v->nvme_vi = 0;
		return 1;
	}
	v->nvme_online = s->verb == VERB_NVME_ONLINE;
	v->nvme_vq = v->nvme_online ? (uint16_t)(r->number & 0xffff) : 0;
	v->nvme_vi = v->nvme_online ? (uint16_t)(r->number >> 16) : 0;
	return 1;
}

/* A step of that kind ended unseen: what was known of its target may be old. */
static int forget(struct have *h, const struct step *s)
{
	size_t kept = 0, before = h->n_vfs;
	bool all = s->verb == VERB_SET_VFS;
	int index = s->verb == VERB_NVME_FLEX ? VF_PRIMARY : s->target.vf;

	if (!all && s->verb != VERB_SET_VF && s->verb != VERB_SET_PORT &&
	    s->verb != VERB_NVME_FLEX && s->verb != VERB_NVME_ONLINE &&
	    s->verb != VERB_NVME_OFFLINE)
		return 0;
	for (size_t i = 0; i < h->n_vfs; i++) {
		bool ours = str_eq(h->vfs[i].pf, s->target.device);
		if (!ours || (all ? h->vfs[i].index == VF_PRIMARY : h->vfs[i].index != index))
			h->vfs[kept++] = h->vfs[i];
	}
	h->n_vfs = kept;
	return kept != before;
}

/* What was read back. Of a VF with a port function rtnetlink's MAC is another one. */
static int settings_apply(struct have *h, const struct step *s, const struct step_result *r)
{
	struct vf_settings now = r->vf;
	struct vf_info *v = have_vf_info(h, s->target.device, s->target.vf);
	if (s->verb == VERB_SET_PORT) {
		/* What else it has is not known from that. */
		if (v)
			settings_merge(&v->settings, &now);
		return v != NULL;
	}
	v = v ? v : info_get(h, s->target.device, s->target.vf);
	if (!v)
		return -ENOMEM;
	if (v->port_mac) {
		memcpy(now.mac, v->settings.mac, sizeof(now.mac));
		now.set |= VF_SET_MAC;
	}
	v->settings = now;
	return 1;
}

int sriov_result_apply(struct have *h, const struct step *s, const struct step_result *r)
{
	if (s->check_only)
		return forget(h, s);
	if (r->status != STEP_DONE && r->status != STEP_NOTHING)
		return 0;
	if (s->verb == VERB_NVME_FLEX || s->verb == VERB_NVME_ONLINE ||
	    s->verb == VERB_NVME_OFFLINE)
		return nvme_apply(h, s, r);
	if (s->verb == VERB_SET_VFS && r->status == STEP_DONE) {
		infos_drop(h, s->target.device);
		return 1;
	}
	return s->verb == VERB_SET_VF || s->verb == VERB_SET_PORT ? settings_apply(h, s, r) : 0;
}
