/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Between the files of carve-nvml: what is asked, and the answer as it grows. */
#pragma once
#include <stdio.h>

#include "nvidia/library.h"
#include "nvidia/proto.h"

#define HELPER_PROFILES NVML_GPU_INSTANCE_PROFILE_COUNT
#define HELPER_PARTS                                                                               \
	15 /* GPU instances that the driver has nodes for: nv-caps.c of open-gpu-kernel-modules */
#define HELPER_TYPES 96

struct helper {
	struct nvml nvml;
	const struct nvml_request *request;
	nvmlDevice_t device;
	struct nvml_reply reply;
	struct gpu_profile profiles[HELPER_PROFILES];
	struct gpu_part parts[HELPER_PARTS];
	struct vgpu_type types[HELPER_TYPES];
};

/* Runs what is asked; h->reply and the records are the answer. file: see nvml_open(). */
void helper_run(struct helper *h, const struct nvml_request *request, const char *file);

/* helper-look.c: all that there is to know of the GPU. False: the library answers no more; reply.report.gpu says why. */
bool helper_look(struct helper *h);
/* Its nodes, once its compute instance is known. gpu_minor -1: not known. */
void helper_part_nodes(int32_t gpu_minor, struct gpu_part *p);
/* UUIDs of all parts of the reply, in one pass over the MIG devices. */
void helper_parts_name(struct helper *h);
/* One GPU instance, by its handle. */
bool helper_part(struct helper *h, nvmlGpuInstance_t instance, struct gpu_part *ret);
/* Handle of the MIG device of the two; NULL: there is none. */
nvmlDevice_t helper_mig_device(struct helper *h, const struct gpu_part *p);
/* NULL: none is told of there. */
const struct gpu_part *helper_part_at(const struct helper *h, uint32_t start);
#define HELPER_COMPUTES 8 /* of one GPU instance: as many as it has slices */
/* Compute instances of one profile: *ret says what it is. None, when the library knows no such profile there. */
nvmlReturn_t helper_computes(struct helper *h, nvmlGpuInstance_t instance, unsigned index,
			     nvmlComputeInstanceProfileInfo_t *ret,
			     nvmlComputeInstance_t found[HELPER_COMPUTES], unsigned *ret_n);
/* The compute instance profile that takes so many slices: its number, to be asked for. UINT32_MAX: none does. */
uint32_t helper_compute_index(uint32_t slices);

/* helper-mig.c */
void helper_mig_mode(struct helper *h);
void helper_mig_create(struct helper *h);
void helper_mig_destroy(struct helper *h);

/* helper-vgpu.c: how the GPU does vGPUs, and where one of a type may begin; what the library does not tell stays as it is. */
void helper_vgpu_ask(struct helper *h, struct gpu *g);
void helper_vgpu_placements(struct helper *h, struct vgpu_type *t);
void helper_vgpu_mixed(struct helper *h);
void helper_vgpu_scheduler(struct helper *h);

/* helper-print.c: the answer to a look as JSON. */
void helper_print(const struct helper *h, FILE *to);

/* The reply is that failure: code, and the call that said so; a line more, or NULL. */
void helper_failed(struct helper *h, uint32_t code, const char *call, const char *detail);
