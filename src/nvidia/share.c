/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Several claims on one GPU: its driver gives them time in turn ("time-slice"), or a server lets them run side by
 * side, each with so much of it ("mps"). A share is a number: nothing is made for it, and nobody can see who uses
 * which. What a process had is cleared when it ends; shares are not kept apart from each other as instances are.
 */
#include <errno.h>

#include "base/str.h"
#include "nvidia/internal.h"

/* Clients of an MPS server, since Volta: "Architecture" of NVIDIA's MPS guide. More than that share no GPU. */
#define SHARES_MAX 48
#define VENDOR_NVIDIA 0x10de

static bool is_mps(const char *mech)
{
	return str_eq(mech, "mps");
}

static void share_offer(const struct have *h, const char *device, struct offer *ret)
{
	const struct gpu *g = have_gpu(h, device);
	const struct function *f = have_device(h, device);
	*ret = (struct offer){ .guessed = !g || g->seen != GPU_SEEN, .barred = g && g->mig };
	if (!f || f->is_vf || f->vendor != VENDOR_NVIDIA ||
	    !pci_class_is(f->class, PCI_BASE_DISPLAY))
		return;
	ret->kind = (struct capacity){
		.name = "share",
		.n_counters = 1,
		.counters = { { "shares", SHARES_MAX } },
		.n_profiles = 1,
		.profiles = { { .name = "share", .worth = 1, .takes = { 1 } } },
	};
}

static const struct function *share_find(const struct have *h, const struct slice *s,
					 bool *ret_found)
{
	const struct gpu *g = have_gpu(h, s->device);
	*ret_found = g && g->seen == GPU_SEEN && !g->mig && (!is_mps(s->mech) || g->mps);
	return NULL;
}

static int share_proof(const struct have *h, const struct slice *s)
{
	(void)h, (void)s;
	return PROOF_PROCESS;
}

static int refuse_mig(const struct have *h, const struct want *w, const struct slice *s,
		      struct err *reterr)
{
	struct target t = { .vf = -1 };
	(void)STR_COPY(t.device, s->device);
	err_set(reterr, "share.mig", EBUSY, "cannot share the GPU as a whole");
	mech_err_on(reterr, h, w, &t);
	err_because(reterr, "it is in MIG mode, in which nothing runs on the whole of it");
	err_state(reterr, "nothing was changed");
	err_todo(reterr, "divide it as mig, or switch MIG off: nvidia-smi -mig 0");
	return -EBUSY;
}

static uint32_t shares_of(const struct want *w)
{
	uint32_t n = 0;
	for (uint32_t i = 0; w && i < w->n_types; i++)
		n += w->type_count[i];
	return n ? n : 1;
}

static int server_start(const struct gpu *g, const struct want *w, const struct slice *s,
			struct plan *ret)
{
	struct step *step = plan_add(ret, VERB_MPS_START, s->device, -1);
	if (!step)
		return -ENOMEM;
	step->number = 100 / shares_of(w);
	step->number2 = g->memory / shares_of(w);
	return STR_COPY(step->text, g->uuid);
}

static int share_make(const struct have *h, const struct want *w, const struct slice *s,
		      struct plan *ret, struct err *reterr)
{
	const struct gpu *g = have_gpu(h, s->device);
	if (!g || g->seen != GPU_SEEN)
		return nvidia_unseen(h, w, s, g, reterr);
	if (g->mig)
		return refuse_mig(h, w, s, reterr);
	return is_mps(s->mech) && !g->mps ? server_start(g, w, s, ret) : 0;
}

static int share_unmake(const struct have *h, const struct slice *s, struct plan *ret,
			struct err *reterr)
{
	(void)h, (void)s, (void)ret, (void)reterr;
	return 0;
}

static int mps_leave(const struct have *h, const char *device, uint8_t opened, struct plan *ret,
		     struct err *reterr)
{
	(void)opened;
	const struct gpu *g = have_gpu(h, device);
	(void)reterr;
	if (!g || !g->mps)
		return 0;
	struct step *step = plan_add(ret, VERB_MPS_STOP, device, -1);
	return step ? STR_COPY(step->text, g->uuid) : -ENOMEM;
}

static int share_layout(const struct have *h, const struct want *w, const struct slice *slices,
			size_t n_slices, bool held, struct plan *ret, struct err *reterr)
{
	(void)slices, (void)n_slices, (void)held, (void)ret;
	return have_device(h, w->device) ? 0 : mech_device_gone(w->device, w, reterr);
}

static int share_claim(const struct have *h, const struct want *w, const struct slice *s,
		       const struct claim *c, struct plan *ret, struct err *reterr)
{
	(void)w, (void)ret;
	return mech_no_settings(h, s, c, reterr);
}

static int share_reclaim(const struct have *h, const struct want *w, const struct slice *s,
			 struct plan *ret, struct err *reterr)
{
	(void)h, (void)w, (void)s, (void)ret, (void)reterr;
	return 0;
}

#define SHARE                                                                                      \
	.names = NAMES_NUMBER, .for_containers = true, .shared = true, .offer = share_offer,       \
	.find = share_find, .unknown = nvidia_unknown, .layout_steps = share_layout,               \
	.make_steps = share_make, .unmake_steps = share_unmake, .claim_steps = share_claim,        \
	.reclaim_steps = share_reclaim, .proof = share_proof, .diagnose = mig_diagnose

const struct mech nvidia_time_slice_mech = { .name = "time-slice", SHARE };
const struct mech nvidia_mps_mech = { .name = "mps", .leave_steps = mps_leave, SHARE };
