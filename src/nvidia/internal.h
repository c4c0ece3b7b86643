/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Between the files of this directory. */
#pragma once
#include "nvidia/nvidia.h"

void mig_offer(const struct have *h, const char *device, struct offer *ret);
const struct function *mig_find(const struct have *h, const struct slice *s, bool *ret_found);
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

void vgpu_offer(const struct have *h, const char *device, struct offer *ret);
/* The type that the VF is; NULL: none is known of that number. */
const struct vgpu_type *vgpu_type_of(const struct have *h, const struct vgpu_vf *v);
const struct function *vgpu_find(const struct have *h, const struct slice *s, bool *ret_found);
bool vgpu_unknown(const struct have *h, const struct slice *s);
int vgpu_proof(const struct have *h, const struct slice *s);
void vgpu_diagnose(const struct have *h, const struct step *s, const struct step_result *r,
		   const struct holder *holders, size_t n_holders, struct err *reterr);
/* The types that the driver knows, or those of which it would make one more now. */
void vgpu_err_types(const struct have *h, const char *device, bool creatable, struct err *reterr);
