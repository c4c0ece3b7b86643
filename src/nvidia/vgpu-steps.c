/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Planning of vGPUs: first all VFs, which the vendor's own program makes, then, on drivers with vendor-specific VFIO, the
 * type of a VF, which is one way only: from none to a type and back. VFs stay with the driver nvidia; a guest has
 * them as they are. Types are known by name, their numbers are those of the picture at hand. Drivers that make
 * mediated devices: vgpu-mdev.c.
 */
#include <errno.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "nvidia/internal.h"

static int refuse(struct err *reterr, const struct have *h, const struct want *w,
		  const struct slice *s, const char *todo)
{
	const struct target t = slice_target(s);
	mech_err_on(reterr, h, w, &t);
	err_state(reterr, "nothing was changed");
	err_todo(reterr, "%s", todo);
	return -reterr->error;
}

void vgpu_err_types(const struct have *h, const char *device, bool creatable, struct err *reterr)
{
	_cleanup_(str_buf_done) struct str_buf b = { 0 };
	for (size_t i = 0; i < h->n_vgpu_types; i++) {
		const struct vgpu_type *t = &h->vgpu_types[i];
		if (str_eq(t->key, device) && (t->creatable || !creatable))
			str_buf_addf(&b, "%s%s", b.len ? ", " : "", t->name);
	}
	err_because(reterr, "%s: %.400s",
		    creatable ? "the driver would make now" : "the driver knows of",
		    b.len ? b.text : "none");
}

static int refuse_driver(const struct have *h, const struct want *w, const struct slice *s,
			 const struct function *f, struct err *reterr)
{
	err_set(reterr, "vgpu.driver", ENODEV, "cannot make a vGPU");
	err_because(reterr, "the GPU is with %s%s, and it needs the driver nvidia",
		    f->driver[0] ? "driver " : "no driver", f->driver);
	return refuse(reterr, h, w, s, "give it back to nvidia: carve bind, or restart the host");
}

/* --- VFs -------------------------------------------------------------------------------------- */

static size_t parts_of(const struct have *h, const char *device)
{
	size_t n = 0;
	for (size_t i = 0; i < h->n_gpu_parts; i++)
		n += str_eq(h->gpu_parts[i].key, device);
	return n;
}

/* GPU instances end when VFs are made or removed (third parties saw it on an RTX PRO 6000 Blackwell). */
static int vfs_make(const struct have *h, const struct want *w, const struct slice *s,
		    struct plan *ret, struct err *reterr)
{
	size_t n = parts_of(h, s->device);
	if (n == 0) {
		struct step *step = plan_add(ret, VERB_VGPU_VFS, s->device, -1);
		if (step)
			step->number = 1;
		return step ? 0 : -ENOMEM;
	}
	err_set(reterr, "vgpu.instances", EBUSY, "cannot make the VFs of the GPU");
	err_because(reterr, "it has %zu GPU instances, which would be gone", n);
	return refuse(reterr, h, w, s, "remove the GPU instances first, and make them again after");
}

/* Its folder says which interface the driver has; before there are VFs nobody can tell. */
static int refuse_interface(const struct have *h, const struct want *w, const struct slice *s,
			    struct err *reterr)
{
	err_set(reterr, "vgpu.interface", EOPNOTSUPP, "cannot make a vGPU");
	err_because(reterr, "its driver has no files for vGPUs below the VF");
	return refuse(reterr, h, w, s, "install NVIDIA's vGPU driver for hosts");
}

/* Which instance an mdev runs in its driver does not say; another one's could be removed after it. */
static int refuse_mdev(const struct have *h, const struct want *w, const struct slice *s,
		       struct err *reterr)
{
	err_set(reterr, "vgpu.interface", EOPNOTSUPP, "cannot make a %s", s->profile);
	err_because(reterr,
		    "it runs in a GPU instance, and the driver makes mediated devices: in which "
		    "one each runs is not told");
	return refuse(reterr, h, w, s,
		      "name a time-sliced type, or use a driver with vendor-specific VFIO");
}

static int refuse_vf(const struct have *h, const struct want *w, const struct slice *s,
		     struct err *reterr)
{
	err_set(reterr, "vgpu.vf", ENODEV, "cannot make a vGPU");
	err_because(reterr, "that VF is not there, and others are");
	return refuse(reterr, h, w, s,
		      "remove the VFs, so that all are made: /usr/lib/nvidia/sriov-manage -d");
}

/* --- types ------------------------------------------------------------------------------------ */

static int refuse_foreign(const struct have *h, const struct want *w, const struct slice *s,
			  const struct vgpu_vf *v, struct err *reterr)
{
	const struct vgpu_type *t = vgpu_type_of(h, v);
	err_set(reterr, "vgpu.foreign", EEXIST, "cannot make a %s", s->profile);
	err_because(reterr, "the VF is a %s, made by somebody else", t ? t->name : "vGPU");
	return refuse(reterr, h, w, s, "remove it where it was made");
}

static int refuse_unknown(const struct have *h, const struct want *w, const struct slice *s,
			  struct err *reterr)
{
	err_set(reterr, "vgpu.type.unknown", ENOENT, "cannot make a %s", s->profile);
	vgpu_err_types(h, s->device, false, reterr);
	return refuse(reterr, h, w, s, "name one of these in the policy");
}

static int refuse_full(const struct have *h, const struct want *w, const struct slice *s,
		       const struct vgpu_type *t, struct err *reterr)
{
	err_set(reterr, "vgpu.full", ENOSPC, "cannot make a %s", s->profile);
	vgpu_err_types(h, s->device, true, reterr);
	if (t->profile == GPU_NO_PROFILE)
		return refuse(reterr, h, w, s,
			      "release a claim on that GPU; sizes do not mix on it");
	err_because(reterr, "its GPU instance is there, and the driver does not take it");
	return refuse(reterr, h, w, s, "look into the kernel log");
}

static int type_set(const struct slice *s, const struct vgpu_type *t, uint32_t placement,
		    struct plan *ret)
{
	struct step *step = mech_step_add(ret, VERB_VGPU_SET, s);
	if (!step)
		return -ENOMEM;
	step->number = t ? t->id : 0;
	step->number2 = t ? placement : 0;
	step->flag = s->asked & ASKED_TYPE ? 1 : 0;
	return STR_COPY(step->text, t ? t->name : "none");
}

static int type_make(const struct have *h, const struct want *w, const struct slice *s,
		     const struct vgpu_vf *v, struct plan *ret, struct err *reterr)
{
	const struct vgpu_type *t = have_vgpu_type(h, s->device, s->profile);
	const struct gpu *g = have_gpu(h, s->device);
	if (v->framework == VGPU_UNKNOWN)
		return refuse_interface(h, w, s, reterr);
	if (v->type || have_mdev(h, s->uuid))
		return refuse_foreign(h, w, s, v, reterr);
	if (!t)
		return refuse_unknown(h, w, s, reterr);
	if (vgpu_is_in_instance(t) && v->framework == VGPU_MDEV)
		return refuse_mdev(h, w, s, reterr);
	int r = vgpu_is_in_instance(t) ? vgpu_instance_make(h, w, s, t, ret, reterr) : 0;
	if (r < 0 || ret->n)
		return r;
	if (t->creatable)
		return v->framework == VGPU_MDEV ? vgpu_mdev_create(s, t, ret)
						 : type_set(s, t, vgpu_place_of(h, s), ret);
	/* An mdev came or went, and the driver is being asked. */
	return g && g->vgpus_stale ? -EAGAIN : refuse_full(h, w, s, t, reterr);
}

/* It is there. Of several sizes, its guest is told where it begins: what the driver picks may be promised to another. */
static int type_place(const struct have *h, const struct slice *s, struct plan *ret)
{
	const struct vgpu_vf *v = have_vgpu_vf(h, s->device, s->index);
	const struct vgpu_type *t = v && v->type ? vgpu_type_of(h, v) : NULL;
	uint32_t placement = vgpu_place_of(h, s);
	return t && placement && v->asked != (int32_t)placement - 1 ? type_set(s, t, placement, ret)
								    : 0;
}

/* --- MIG or not ------------------------------------------------------------------------------- */

static int refuse_mode(const struct have *h, const struct want *w, const struct slice *s,
		       const struct vgpu_type *t, struct err *reterr)
{
	bool in_instance = vgpu_is_in_instance(t);
	err_set(reterr, "vgpu.mode", EBUSY, "cannot make a %s", s->profile);
	err_because(reterr,
		    in_instance ? "the GPU has time-sliced vGPUs, and this one needs MIG"
				: "the GPU has GPU instances, and this one needs it without MIG");
	return refuse(reterr, h, w, s,
		      in_instance
			      ? "release the claims on that GPU, and remove vGPUs of others"
			      : "release the claims on that GPU, and remove instances of others");
}

/* The vendor's order is MIG, VFs, GPU instances, vGPUs; any other fails (third parties, as above). */
static int mode_make(const struct have *h, const struct want *w, const struct slice *s,
		     const struct vgpu_type *t, struct plan *ret, struct err *reterr)
{
	const struct gpu *g = have_gpu(h, s->device);
	if (!g || g->seen != GPU_SEEN || g->mig == vgpu_is_in_instance(t))
		return 0;
	if (vgpu_count(h, s->device) || parts_of(h, s->device))
		return refuse_mode(h, w, s, t, reterr);
	if (have_vf_count(h, have_device(h, s->device)->addr) > 0)
		return plan_add(ret, VERB_VGPU_VFS, s->device, -1) ? 0 : -ENOMEM;
	return g->mig ? mig_mode_set(s->device, false, ret) : mig_mode_on(h, w, s, g, ret, reterr);
}

static int vgpu_make(const struct have *h, const struct want *w, const struct slice *s,
		     struct plan *ret, struct err *reterr)
{
	bool found;
	const struct function *f = have_device(h, s->device);
	const struct vgpu_vf *v = have_vgpu_vf(h, s->device, s->index);
	if (!f)
		return mech_device_gone(s->device, w, reterr);
	(void)vgpu_find(h, s, &found);
	if (found)
		return type_place(h, s, ret);
	if (!str_eq(f->driver, "nvidia"))
		return refuse_driver(h, w, s, f, reterr);
	if (vgpu_unknown(h, s))
		return -EAGAIN;
	const struct vgpu_type *t = have_vgpu_type(h, s->device, s->profile);
	int r = t ? mode_make(h, w, s, t, ret, reterr) : 0;
	if (r < 0 || ret->n)
		return r;
	if (s->index >= 0 && have_vf_count(h, f->addr) == 0)
		return vfs_make(h, w, s, ret, reterr);
	if (s->index >= 0 && !have_vf(h, f->addr, s->index))
		return refuse_vf(h, w, s, reterr);
	r = v ? vgpu_modes_steps(h, w, s, ret, reterr) : -EAGAIN;
	return r < 0 || ret->n ? r : type_make(h, w, s, v, ret, reterr);
}

static int vgpu_unmake(const struct have *h, const struct slice *s, struct plan *ret,
		       struct err *reterr)
{
	bool found;
	(void)reterr;
	(void)vgpu_find(h, s, &found);
	if (!found)
		return vgpu_instance_unmake(h, s, ret);
	return s->uuid[0] ? vgpu_mdev_remove(s, ret) : type_set(s, NULL, 0, ret);
}

/* With vGPUs of others, the VFs stay; with GPU instances too, which would go with them. */
static int vgpu_leave(const struct have *h, const char *device, uint8_t opened, struct plan *ret,
		      struct err *reterr)
{
	const struct function *f = have_device(h, device);
	if (!f || vgpu_count(h, device) || parts_of(h, device))
		return 0;
	if (have_vf_count(h, f->addr) == 0)
		return mig_leave(h, device, opened, ret, reterr);
	if (!(opened & OPENED_VFS))
		return 0;
	return plan_add(ret, VERB_VGPU_VFS, device, -1) ? 0 : -ENOMEM;
}

static int vgpu_layout(const struct have *h, const struct want *w, const struct slice *slices,
		       size_t n_slices, bool held, struct plan *ret, struct err *reterr)
{
	(void)held, (void)ret;
	return have_device(h, w->device) ? vgpu_modes_check(h, w, slices, n_slices, reterr)
					 : mech_device_gone(w->device, w, reterr);
}

static int vgpu_claim(const struct have *h, const struct want *w, const struct slice *s,
		      const struct claim *c, struct plan *ret, struct err *reterr)
{
	(void)w, (void)ret;
	return mech_no_settings(h, s, c, reterr);
}

static int vgpu_reclaim(const struct have *h, const struct want *w, const struct slice *s,
			struct plan *ret, struct err *reterr)
{
	(void)h, (void)w, (void)s, (void)ret, (void)reterr;
	return 0;
}

const struct mech nvidia_vgpu_mech = {
	.name = "vgpu",
	.names = NAMES_VF,
	.offer = vgpu_offer,
	.offer_as = vgpu_offer_as,
	.anew = vgpu_modes_differ,
	.find = vgpu_find,
	.naming = vgpu_naming,
	.unknown = vgpu_unknown,
	.layout_steps = vgpu_layout,
	.make_steps = vgpu_make,
	.unmake_steps = vgpu_unmake,
	.leave_steps = vgpu_leave,
	.begins = vgpu_begins,
	.claim_steps = vgpu_claim,
	.reclaim_steps = vgpu_reclaim,
	.proof = vgpu_proof,
	.diagnose = vgpu_diagnose,
};
