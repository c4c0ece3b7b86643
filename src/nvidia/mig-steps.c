/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Planning of GPU instances. See nvidia.h. */
#include <errno.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "nvidia/internal.h"

void mig_err_profiles(const struct have *h, const char *device, struct err *reterr)
{
	_cleanup_(str_buf_done) struct str_buf b = { 0 };
	for (size_t i = 0; i < h->n_gpu_profiles; i++)
		if (str_eq(h->gpu_profiles[i].key, device))
			str_buf_addf(&b, "%s%s", b.len ? ", " : "", h->gpu_profiles[i].name);
	if (b.len)
		err_because(reterr, "the card has: %.400s", b.text);
	else
		err_because(reterr, "the driver names no profiles of it");
}

static int refuse(struct err *reterr, const struct have *h, const struct want *w,
		  const struct slice *s, const char *todo)
{
	struct target t = { .vf = -1 };
	(void)STR_COPY(t.device, s ? s->device : w->device);
	if (s)
		t = slice_target(s);
	mech_err_on(reterr, h, w, &t);
	err_state(reterr, "nothing was changed");
	err_todo(reterr, "%s", todo);
	return -reterr->error;
}

int nvidia_unseen(const struct have *h, const struct want *w, const struct slice *s,
		  const struct gpu *g, struct err *reterr)
{
	const struct function *f = have_device(h, s->device);
	if (!f)
		return mech_device_gone(s->device, w, reterr);
	err_set(reterr, "mig.unseen", ENODEV, "cannot divide the GPU");
	if (g && g->seen == GPU_UNSEEN)
		err_because(reterr, "NVIDIA's library does not answer for it: %s", g->why);
	else if (str_eq(f->driver, "nvidia"))
		return -EAGAIN; /* it is being asked */
	else
		err_because(reterr, "it is with %s%s, and it needs the driver nvidia",
			    f->driver[0] ? "driver " : "no driver", f->driver);
	return refuse(reterr, h, w, s,
		      "have NVIDIA's driver and library installed, of one version; carve show "
		      "tells what they say");
}

static int refuse_incapable(const struct have *h, const struct want *w, const struct slice *s,
			    const struct gpu *g, struct err *reterr)
{
	err_set(reterr, "mig.incapable", EOPNOTSUPP, "cannot divide the GPU");
	err_because(reterr, "%s has no MIG, says its driver", g->name[0] ? g->name : "it");
	return refuse(reterr, h, w, s, "divide it another way, or match other devices");
}

int mig_mode_set(const char *device, bool on, struct plan *ret)
{
	struct step *step = plan_add(ret, VERB_MIG_MODE, device, -1);
	if (!step)
		return -ENOMEM;
	step->number = on;
	return 0;
}

int mig_mode_on(const struct have *h, const struct want *w, const struct slice *s,
		const struct gpu *g, struct plan *ret, struct err *reterr)
{
	if (g->mig_pending) {
		err_set(reterr, "mig.pending", EBUSY, "MIG is not in force yet");
		err_because(reterr, "the driver switches it on with the next reset of the GPU");
		return refuse(reterr, h, w, s,
			      "end what uses that GPU and reset it, or restart the host: then it "
			      "goes on by itself");
	}
	return mig_mode_set(s->device, true, ret);
}

/* The part that takes any of those memory slices. */
static const struct gpu_part *part_within(const struct have *h, const char *device, uint32_t start,
					  uint32_t size)
{
	for (size_t i = 0; i < h->n_gpu_parts; i++) {
		const struct gpu_part *p = &h->gpu_parts[i];
		if (str_eq(p->key, device) && p->start < start + size && start < p->start + p->size)
			return p;
	}
	return NULL;
}

static int refuse_taken(const struct have *h, const struct want *w, const struct slice *s,
			const struct gpu_part *p, struct err *reterr)
{
	const struct gpu_profile *profile = have_gpu_profile_id(h, s->device, p->profile);
	err_set(reterr, "mig.taken", EEXIST, "cannot make a %s", s->profile);
	err_because(reterr, "GPU instance %u (%s) has its place", p->instance,
		    profile ? profile->name : "of a profile that is not known");
	return refuse(reterr, h, w, s,
		      "if others made it, remove it where it was made, or: carve adopt");
}

/* Ours, and its compute instance was not made: it goes, and is made anew. */
static bool is_half_made(const struct slice *s, const struct gpu_profile *p,
			 const struct gpu_part *part)
{
	return p && part && s->asked & ASKED_PART && part->start == s->start &&
	       part->profile == p->id && part->n_computes == 0;
}

/* Where the slice begins; what the slice itself is may be something else, which is in it. */
static struct step *part_step_add(struct plan *plan, enum verb verb, const struct slice *s,
				  const struct gpu_profile *p)
{
	struct step *step = plan_add(plan, verb, s->device, -1);
	if (!step)
		return NULL;
	step->target.part = s->start + 1;
	step->number2 = p ? p->size : 0;
	step->number3 = p ? p->slices : 0;
	return step;
}

int mig_part_make(const struct have *h, const struct want *w, const struct slice *s,
		  const struct gpu_profile *p, struct plan *ret, struct err *reterr)
{
	if (!p || s->start >= CAPACITY_SLOTS || !(p->starts >> s->start & 1)) {
		err_set(reterr, "mig.profile.unknown", ENOENT, "cannot make a %s", s->profile);
		if (p)
			err_because(reterr, "none may begin at memory slice %u of that card",
				    s->start);
		mig_err_profiles(h, s->device, reterr);
		return refuse(reterr, h, w, s, "name one of these in the policy");
	}
	const struct gpu_part *taken = part_within(h, s->device, s->start, p->size);
	if (is_half_made(s, p, taken))
		return mig_part_unmake(h, s, taken, ret);
	return taken ? refuse_taken(h, w, s, taken, reterr) : mig_part_create(s, p, ret);
}

int mig_part_create(const struct slice *s, const struct gpu_profile *p, struct plan *ret)
{
	struct step *step = part_step_add(ret, VERB_MIG_CREATE, s, p);
	if (!step)
		return -ENOMEM;
	step->number = p->id;
	return STR_COPY(step->text, p->name);
}

int mig_part_unmake(const struct have *h, const struct slice *s, const struct gpu_part *part,
		    struct plan *ret)
{
	const struct gpu_profile *p = have_gpu_profile_id(h, s->device, part->profile);
	struct step *step = part_step_add(ret, VERB_MIG_DESTROY, s, p);
	if (!step)
		return -ENOMEM;
	step->number = part->instance;
	return 0;
}

/* Of what its clients have, each has its share. */
static int server_start(const struct have *h, const struct want *w, const struct slice *s,
			const struct gpu_part *part, struct plan *ret)
{
	const struct gpu_profile *p = have_gpu_profile_id(h, s->device, part->profile);
	uint32_t shares = want_shares(w, s->profile);
	struct step *step = mech_step_add(ret, VERB_MPS_START, s);
	if (!step)
		return -ENOMEM;
	step->number = 100 / shares;
	step->number2 = p ? p->memory / shares : 0;
	return STR_COPY(step->text, part->uuid);
}

static int server_make(const struct have *h, const struct want *w, const struct slice *s,
		       struct plan *ret)
{
	const struct gpu_part *part = have_gpu_part(h, s->device, s->start);
	bool wanted = w && w->share_mps && s->share && want_shares(w, s->profile);
	return wanted && part && !part->mps ? server_start(h, w, s, part, ret) : 0;
}

static int mig_make(const struct have *h, const struct want *w, const struct slice *s,
		    struct plan *ret, struct err *reterr)
{
	bool found;
	const struct gpu *g = have_gpu(h, s->device);
	if (!g || g->seen != GPU_SEEN)
		return nvidia_unseen(h, w, s, g, reterr);
	(void)mig_find(h, s, &found);
	if (found)
		return server_make(h, w, s, ret);
	if (!g->mig_capable)
		return refuse_incapable(h, w, s, g, reterr);
	if (!g->mig)
		return mig_mode_on(h, w, s, g, ret, reterr);
	return mig_part_make(h, w, s, have_gpu_profile(h, s->device, s->profile), ret, reterr);
}

static int mig_unmake(const struct have *h, const struct slice *s, struct plan *ret,
		      struct err *reterr)
{
	bool found;
	const struct gpu_part *p = have_gpu_part(h, s->device, s->start);
	(void)reterr;
	(void)mig_find(h, s, &found);
	if (!found && !is_half_made(s, have_gpu_profile(h, s->device, s->profile), p))
		return 0;
	if (p->mps) {
		struct step *step = mech_step_add(ret, VERB_MPS_STOP, s);
		if (!step || STR_COPY(step->text, p->uuid) < 0)
			return -ENOMEM;
	}
	return mig_part_unmake(h, s, p, ret);
}

/* With instances of others on it, it stays as it is. */
int mig_leave(const struct have *h, const char *device, uint8_t opened, struct plan *ret,
	      struct err *reterr)
{
	const struct gpu *g = have_gpu(h, device);
	(void)reterr;
	if (!(opened & OPENED_MODE) || !g || g->seen != GPU_SEEN || !g->mig ||
	    part_within(h, device, 0, CAPACITY_SLOTS))
		return 0;
	return mig_mode_set(device, false, ret);
}

static int mig_layout(const struct have *h, const struct want *w, const struct slice *slices,
		      size_t n_slices, bool held, struct plan *ret, struct err *reterr)
{
	const struct gpu *g = have_gpu(h, w->device);
	(void)slices, (void)n_slices, (void)held, (void)ret;
	if (!have_device(h, w->device))
		return mech_device_gone(w->device, w, reterr);
	if (g && g->seen == GPU_SEEN && !g->mig_capable && w->n_types > 0)
		return refuse_incapable(h, w, NULL, g, reterr);
	return 0;
}

static int mig_claim(const struct have *h, const struct want *w, const struct slice *s,
		     const struct claim *c, struct plan *ret, struct err *reterr)
{
	(void)w, (void)ret;
	return mech_no_settings(h, s, c, reterr);
}

static int mig_reclaim(const struct have *h, const struct want *w, const struct slice *s,
		       struct plan *ret, struct err *reterr)
{
	(void)h, (void)w, (void)s, (void)ret, (void)reterr;
	return 0;
}

const struct mech nvidia_mig_mech = {
	.name = "mig",
	.names = NAMES_SLOT,
	.for_containers = true,
	.offer = mig_offer,
	.find = mig_find,
	.unknown = nvidia_unknown,
	.vanished = mig_vanished,
	.layout_steps = mig_layout,
	.make_steps = mig_make,
	.unmake_steps = mig_unmake,
	.leave_steps = mig_leave,
	.claim_steps = mig_claim,
	.reclaim_steps = mig_reclaim,
	.proof = mig_proof,
	.diagnose = mig_diagnose,
};
