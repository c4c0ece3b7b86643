/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * vGPUs: what a card offers of them, and what its VFs have now. Rules in nvidia-vgpu.c, files of a VF in
 * nvidia-vgpu-files.c, types in nvidia-vgpu-types.c, the program that makes VFs in sriov-manage.c. Machine's
 * lock held.
 */
#pragma once
#include "sim/nvidia.h"

struct nvidia_vgpu_type {
	uint32_t id;	     /* another one in each release of the driver */
	const char *name;    /* "L40S-24Q" */
	uint32_t memory;     /* MiB */
	uint32_t most;	     /* on a GPU, all of one size */
	uint32_t most_mixed; /* of several sizes; 0: not then */
	uint32_t profile; /* id of the GPU instance that it runs in; GPU_NO_PROFILE: time-sliced */
};

struct nvidia_vgpu_card {
	uint16_t device;
	uint32_t slots; /* in which vGPUs of several sizes are placed */
	const struct nvidia_vgpu_type *types;
	size_t n_types;
	/* Before Ampere: mediated devices of the GPU itself, whatever other GPUs have (vGPU User Guide 17). */
	bool itself;
};

struct nvidia_vgpu_vf {
	const struct nvidia_vgpu_type *type; /* NULL: none */
	int instance, placement;
	bool misplaced; /* told to begin where it cannot: its guest does not start */
	char params[1024];
};

/* vGPUs of one GPU: one to a VF, or as many as fit. */
struct nvidia_vgpu {
	enum host_vgpu framework;
	const struct nvidia_vgpu_card *card;
	struct host_model mdev; /* types as mediated devices */
	unsigned n;
	uint32_t scheduler; /* as nvml.h numbers them */
	struct nvidia_vgpu_vf vfs[];
};

/* NULL: no vGPUs of it are known. */
const struct nvidia_vgpu_card *nvidia_vgpu_card_find(const struct host_model *model);
/* "num_heads=4, ...": of an mdev type. */
void nvidia_vgpu_description(const struct nvidia_vgpu_type *t, char *ret, size_t size);

/* Of a VF whose driver makes vGPUs. */
struct nvidia_vgpu_vf *nvidia_vgpu_of(const struct pci *vf);
/* The next one on a VF, or on a GPU itself; NULL: that has as many as it may. */
struct nvidia_vgpu_vf *nvidia_vgpu_next(const struct pci *parent);
/* One more of that type on the GPU now? */
bool nvidia_vgpu_creatable(const struct pci *gpu, const struct nvidia_vgpu_type *t);
/* How many more of it there could be as mdevs of a VF, or of a GPU itself. */
uint32_t nvidia_vgpu_available(const struct pci *parent, const struct nvidia_vgpu_type *t);
/* NULL: takes it away. -EIO: there is one, it is in use, or there is no room. */
int nvidia_vgpu_set(struct pci *vf, const struct nvidia_vgpu_type *t);
/* The same of one that is an mdev. */
int nvidia_vgpu_place(struct pci *gpu, struct nvidia_vgpu_vf *v, const struct nvidia_vgpu_type *t);

/* What its guest is told: "vgpu-placement-id=12" moves it there, at once. */
int nvidia_vgpu_params(struct pci *vf, const char *params);
/* Would a guest of it start? True for all that is no vGPU. */
bool nvidia_vgpu_starts(const struct device *d);
/* Results of the library. Neither changes while there is a vGPU; MIG does neither. */
int nvidia_vgpu_mix(struct pci *gpu, bool mixed);
int nvidia_vgpu_schedule(struct pci *gpu, uint32_t scheduler);
/* With several sizes: places that one takes, and ids of those at which it may begin. */
uint32_t nvidia_vgpu_places(const struct pci *gpu, const struct nvidia_vgpu_type *t, uint32_t *ret,
			    uint32_t room, uint32_t *ret_n);

/* Folder nvidia/ of a VF with all its files, or of a mediated device. */
void nvidia_vgpu_files_add(struct pci *vf);
void nvidia_vgpu_mdev_files_add(struct tree *t, struct nvidia_vgpu_vf *v, struct node *dir);

/* What a mediated device of a VF, or of a GPU itself, is made from; NULL: it makes none. */
const struct host_model *nvidia_vgpu_mdev_model(const struct pci *f);
/* The driver takes no VF without an IOMMU, and none at all unless it makes vGPUs. */
bool nvidia_vgpu_takes(const struct pci *vf);

/* What /usr/lib/nvidia/sriov-manage does: words "-e" or "-d" and an address or "ALL". -1: some of it failed; out says
 * what either way. */
int sriov_manage(struct machine *m, const char *const words[], size_t n, struct str_buf *out);
