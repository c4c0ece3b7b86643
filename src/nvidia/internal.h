/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Between the files of this directory. */
#pragma once
#include "nvidia/nvidia.h"

void mig_offer(const struct have *h, const char *device, struct offer *ret);
const struct function *mig_find(const struct have *h, const struct slice *s, bool *ret_found);
const char *mig_vanished(const struct have *h, const struct slice *s);
int mig_proof(const struct have *h, const struct slice *s);
void mig_diagnose(const struct have *h, const struct step *s, const struct step_result *r,
		  const struct holder *holders, size_t n_holders, struct err *reterr);
/* With the driver whose library does not answer. */
bool nvidia_unknown(const struct have *h, const struct slice *s);
/* Why the library does not answer for the GPU (g may be NULL); -EAGAIN: it is being asked. */
int nvidia_unseen(const struct have *h, const struct want *w, const struct slice *s,
		  const struct gpu *g, struct err *reterr);
/* The profiles that the card has, or that there are none. */
void mig_err_profiles(const struct have *h, const char *device, struct err *reterr);

/* One step to switch the mode; on a card that has it, or a refusal as long as that needs a reset. */
int mig_mode_set(const char *device, bool on, struct plan *ret);
int mig_mode_on(const struct have *h, const struct want *w, const struct slice *s,
		const struct gpu *g, struct plan *ret, struct err *reterr);
/* GPU instances where a slice begins: of profile p (NULL: the card has no such), with what is half made of it made anew;
 * one that is there goes; mig_leave is that of the mechanism. */
int mig_part_make(const struct have *h, const struct want *w, const struct slice *s,
		  const struct gpu_profile *p, struct plan *ret, struct err *reterr);
int mig_part_create(const struct slice *s, const struct gpu_profile *p, struct plan *ret);
int mig_part_unmake(const struct have *h, const struct slice *s, const struct gpu_part *part,
		    struct plan *ret);
int mig_leave(const struct have *h, const char *device, uint8_t opened, struct plan *ret,
	      struct err *reterr);
/* What GPU instances of the device take: slots and counters of the card behind those that k has; then of one profile. */
void mig_kind_begin(const struct have *h, const char *device, struct capacity *k);
void mig_kind_takes(const struct gpu_profile *p, const struct capacity *k,
		    struct capacity_profile *ret);

/* vGPUs in a GPU instance, which is made for each of them. */
bool vgpu_is_in_instance(const struct vgpu_type *t);
/* The instance of that slice; NULL: there is none, or it is not ours. */
const struct gpu_part *vgpu_instance_own(const struct have *h, const struct slice *s);
/* Does a vGPU run in it? NULL: none that is known. */
const struct vgpu_vf *vgpu_instance_user(const struct have *h, const struct gpu_part *p);
int vgpu_instance_make(const struct have *h, const struct want *w, const struct slice *s,
		       const struct vgpu_type *t, struct plan *ret, struct err *reterr);
int vgpu_instance_unmake(const struct have *h, const struct slice *s, struct plan *ret);
bool vgpu_begins(const struct have *h, const struct slice *s, uint32_t *ret);

void vgpu_offer(const struct have *h, const char *device, struct offer *ret);
/* The type that the VF is; NULL: none is known of that number. */
const struct vgpu_type *vgpu_type_of(const struct have *h, const struct vgpu_vf *v);
/* vGPUs that are there, by whomever, of whichever interface. */
size_t vgpu_count(const struct have *h, const char *device);
const struct function *vgpu_find(const struct have *h, const struct slice *s, bool *ret_found);
bool vgpu_unknown(const struct have *h, const struct slice *s);
int vgpu_proof(const struct have *h, const struct slice *s);
void vgpu_diagnose(const struct have *h, const struct step *s, const struct step_result *r,
		   const struct holder *holders, size_t n_holders, struct err *reterr);
/* Of vGPUs that are mediated devices: the slice's, or NULL; whether it is to have a UUID; the steps. */
const struct mdev *vgpu_mdev_find(const struct have *h, const struct slice *s);
enum mech_naming vgpu_naming(const struct have *h, const struct slice *s);
int vgpu_mdev_create(const struct slice *s, const struct vgpu_type *t, struct plan *ret);
int vgpu_mdev_remove(const struct slice *s, struct plan *ret);
/* As vgpu_offer(), of a GPU that has vGPUs of as many sizes as w says. */
void vgpu_offer_as(const struct have *h, const struct want *w, struct offer *ret);

/*
 * vgpu-place.c: placements of GPUs that have several sizes at once, as slots of the capacity model. The driver's ids are
 * counted in units, so that they are few enough.
 */
/* 0: the driver tells of no placements, or not of those of each type. */
uint32_t vgpu_place_unit(const struct have *h, const char *device);
uint32_t vgpu_place_slots(const struct have *h, const char *device, uint32_t unit);
/* The slots at which one may begin, and how many it takes. */
uint64_t vgpu_place_starts(const struct vgpu_type *t, uint32_t unit, uint32_t slots);
uint32_t vgpu_place_size(const struct vgpu_type *t, uint32_t unit);
/* 1 + placement id of a slice on its device as it is; 0: the driver places it. */
uint32_t vgpu_place_of(const struct have *h, const struct slice *s);

/*
 * vgpu-modes.c: what holds for all vGPUs of a GPU: of how many sizes they are, how they take turns.
 */
/* It is not as w says, and there are vGPUs, which must go first. */
bool vgpu_modes_differ(const struct have *h, const struct want *w);
/* Missing steps until it is. s: for which slice. */
int vgpu_modes_steps(const struct have *h, const struct want *w, const struct slice *s,
		     struct plan *ret, struct err *reterr);
/* Can it ever be, and now, with what is held of it? */
int vgpu_modes_check(const struct have *h, const struct want *w, const struct slice *slices,
		     size_t n_slices, struct err *reterr);
/* The types that the driver knows, or those of which it would make one more now. */
void vgpu_err_types(const struct have *h, const char *device, bool creatable, struct err *reterr);
