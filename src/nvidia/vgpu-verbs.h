/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The executor's verbs of vGPUs, and what the VFs of a GPU say. */
#pragma once
#include "mech/verb.h"

/* VERB_VGPU_VFS, VERB_VGPU_SET. */
void vgpu_vfs_set(const struct verb_context *c, const struct step *s, struct step_result *r);
void vgpu_type_set(const struct verb_context *c, const struct step *s, struct step_result *r);

/* Of a VF's parameters, where the vGPU is told to begin: "vgpu-placement-id=12,disable_vnc=1" (vGPU User Guide 17). */
#define VGPU_PLACEMENT_PARAM "vgpu-placement-id="
/* The id; -1: they do not say. */
int32_t vgpu_params_placement(const char *params);

uint32_t vgpu_vfs_count(const struct verb_context *c);
/* What one VF says (-1: the GPU itself); without the key, and without mdevs. Negative errno. */
int vgpu_vf_read(const struct verb_context *c, int32_t index, struct vgpu_vf *ret);
/* Adds what the VFs say to the report in the context's data, whose length is *len: their records, and which types could be
 * made now. Negative errno: the report is as it was. */
int vgpu_read(const struct verb_context *c, uint32_t *len);
/* Instead of a report: what a change of that VF changed. */
int vgpu_change_read(const struct verb_context *c, int32_t index, uint32_t *len);
