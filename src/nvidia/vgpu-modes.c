/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What holds for all vGPUs of a GPU: of one size or of several, and how they take turns. Neither outlives the driver, nor
 * the making of VFs, and neither is changed while there is a vGPU (nvml.h; third parties on an RTX PRO 6000 Blackwell).
 * So the order is VFs, modes, types.
 */
#include <errno.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "nvidia/internal.h"

static bool mixed_differs(const struct gpu *g, const struct want *w)
{
	return g->mixed != w->mixed;
}

static bool scheduler_differs(const struct gpu *g, const struct want *w)
{
	return w->scheduler && g->scheduler != w->scheduler;
}

/* With MIG on, as for these, the driver does neither (nvml.h). */
static bool names_instances(const struct have *h, const struct want *w)
{
	for (uint32_t i = 0; i < w->n_types; i++) {
		const struct vgpu_type *t = have_vgpu_type(h, w->device, w->types[i]);
		if (t && vgpu_is_in_instance(t))
			return true;
	}
	return false;
}

bool vgpu_modes_differ(const struct have *h, const struct want *w)
{
	const struct gpu *g = have_gpu(h, w->device);
	return g && g->seen == GPU_SEEN && vgpu_count(h, w->device) > 0 &&
	       (mixed_differs(g, w) || scheduler_differs(g, w));
}

/* --- refusals --------------------------------------------------------------------------------- */

static int refuse(struct err *reterr, const struct have *h, const struct want *w, const char *todo)
{
	struct target t = { .vf = -1 };
	(void)STR_COPY(t.device, w->device);
	mech_err_on(reterr, h, w, &t);
	err_state(reterr, "nothing was changed");
	err_todo(reterr, "%s", todo);
	return -reterr->error;
}

static int refuse_mixed(const struct have *h, const struct want *w, const struct gpu *g,
			struct err *reterr)
{
	err_set(reterr, "vgpu.mixed.unsupported", EOPNOTSUPP,
		"cannot have vGPUs of several sizes on the GPU");
	if (names_instances(h, w))
		err_because(reterr, "types that run in GPU instances need MIG, and sizes do not "
				    "mix then");
	else
		err_because(reterr, "its driver does not mix sizes on a %s",
			    g->name[0] ? g->name : "GPU like this");
	return refuse(reterr, h, w, "leave out \"sizes: mixed\", or match other devices");
}

static int refuse_scheduler(const struct have *h, const struct want *w, const struct gpu *g,
			    struct err *reterr)
{
	_cleanup_(str_buf_done) struct str_buf b = { 0 };
	err_set(reterr, "vgpu.scheduler.unsupported", EOPNOTSUPP,
		"cannot set the scheduler of vGPUs to %s", vgpu_scheduler_name(w->scheduler));
	for (uint32_t i = VGPU_SCHEDULER_BEST_EFFORT; i <= VGPU_SCHEDULER_FIXED_SHARE; i++)
		if (g->schedulers >> i & 1)
			str_buf_addf(&b, "%s%s", b.len ? ", " : "", vgpu_scheduler_name(i));
	if (b.len)
		err_because(reterr, "the driver lets it be: %s", b.text);
	else
		err_because(reterr, "the driver does not let it be set while it runs%s",
			    names_instances(h, w) ? ", with MIG on" : "");
	return refuse(reterr, h, w,
		      "leave out \"scheduler\", or name one that the driver lets be set");
}

static void list_vgpus(const struct have *h, const char *device, const struct slice *slices,
		       size_t n_slices, struct err *reterr)
{
	for (size_t i = 0; i < h->n_vgpu_vfs; i++) {
		const struct vgpu_vf *v = &h->vgpu_vfs[i];
		const struct vgpu_type *t = v->type ? vgpu_type_of(h, v) : NULL;
		const struct slice *s = NULL;
		if (!v->type || !str_eq(v->key, device))
			continue;
		for (size_t k = 0; k < n_slices && !s; k++)
			s = slices[k].index == v->index ? &slices[k] : NULL;
		if (s && s->claim[0])
			err_because(reterr, "VF %d is a %s, held by claim %s", v->index,
				    t ? t->name : "vGPU", s->claim);
		else if (!s)
			err_because(reterr, "VF %d is a %s, made by somebody else", v->index,
				    t ? t->name : "vGPU");
	}
}

static void say_mode(const struct have *h, const struct want *w, struct err *reterr)
{
	const struct gpu *g = have_gpu(h, w->device);
	if (g && mixed_differs(g, w))
		err_set(reterr, "vgpu.mode.held", EBUSY, "cannot make vGPUs %s on the GPU",
			w->mixed ? "of several sizes" : "of one size only");
	else
		err_set(reterr, "vgpu.mode.held", EBUSY, "cannot set the scheduler of vGPUs to %s",
			vgpu_scheduler_name(w->scheduler));
}

/* Free slices of ours go by themselves; others' and those that somebody holds or has to clear do not. */
static bool stays(const struct have *h, const struct want *w, const struct slice *slices,
		  size_t n_slices)
{
	size_t ours = 0;
	for (size_t i = 0; i < n_slices; i++) {
		const struct vgpu_vf *v = have_vgpu_vf(h, w->device, slices[i].index);
		bool there = v && v->type && slices[i].asked & ASKED_TYPE;
		bool goes = !slices[i].claim[0] && slices[i].state != SLICE_QUARANTINED;
		ours += goes && (there || have_mdev(h, slices[i].uuid));
	}
	return vgpu_count(h, w->device) > ours;
}

int vgpu_modes_check(const struct have *h, const struct want *w, const struct slice *slices,
		     size_t n_slices, struct err *reterr)
{
	const struct gpu *g = have_gpu(h, w->device);
	if (!g || g->seen != GPU_SEEN || w->n_types == 0)
		return 0;
	const bool sliced = !names_instances(h, w);
	/* MIG is switched off first. */
	const bool later = sliced && g->mig;
	if (w->mixed && !later && !(sliced && g->mixed_capable))
		return refuse_mixed(h, w, g, reterr);
	if (w->scheduler && !later && !(sliced && g->schedulers >> w->scheduler & 1))
		return refuse_scheduler(h, w, g, reterr);
	if (!vgpu_modes_differ(h, w) || !stays(h, w, slices, n_slices))
		return 0;
	say_mode(h, w, reterr);
	list_vgpus(h, w->device, slices, n_slices, reterr);
	return refuse(reterr, h, w, "release these claims, then: carve apply");
}

/* --- steps ------------------------------------------------------------------------------------ */

static int mode_add(struct plan *ret, enum verb v, const char *device, uint32_t number,
		    const char *text)
{
	struct step *step = plan_add(ret, v, device, -1);
	if (!step)
		return -ENOMEM;
	step->number = number;
	return STR_COPY(step->text, text);
}

static bool says_modes(const struct want *w)
{
	return w->mixed || w->scheduler;
}

int vgpu_modes_steps(const struct have *h, const struct want *w, const struct slice *s,
		     struct plan *ret, struct err *reterr)
{
	const struct gpu *g = have_gpu(h, s->device);
	if (!w)
		return 0;
	if (!g || g->seen != GPU_SEEN)
		return says_modes(w) ? nvidia_unseen(h, w, s, g, reterr) : 0;
	int r = vgpu_modes_check(h, w, NULL, 0, reterr);
	if (r < 0)
		return r;
	if (mixed_differs(g, w))
		return mode_add(ret, VERB_VGPU_MIXED, s->device, w->mixed, "");
	if (scheduler_differs(g, w))
		return mode_add(ret, VERB_VGPU_SCHEDULER, s->device, w->scheduler,
				vgpu_scheduler_name(w->scheduler));
	return 0;
}
