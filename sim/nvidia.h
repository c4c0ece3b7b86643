/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * GPUs of NVIDIA beyond what PCI shows of them: what their driver knows, and what its library is told
 * (libnvidia-ml.so.1 of a world asks the machine through a file, nvidia-library.c). MIG: nvidia-mig.c. VFs and
 * vGPUs: nvidia-vgpu.c, and sriov-manage. Machine's lock held.
 */
#pragma once
#include "sim/machine.h"

#define NVIDIA_VERSION "580.159.04"
#define NVIDIA_CAPS_MAJOR 234
#define NVIDIA_INSTANCES 15 /* ids of GPU instances that the driver has nodes for: 0 to 14 */
#define NVIDIA_COMPUTES 8   /* and of compute instances of each */

struct nvidia_card; /* nvidia-cards.c: what the vendor publishes of a card */
struct nvidia_vgpu; /* nvidia-vgpu.c */

struct nvidia_instance {
	bool there;
	uint32_t profile; /* id, not index */
	uint32_t start, size;
	uint32_t computes; /* bit n: compute instance n is there */
	uint32_t compute_profile[NVIDIA_COMPUTES], compute_start[NVIDIA_COMPUTES];
	uint32_t device_index[NVIDIA_COMPUTES]; /* under which the library lists them */
	uint64_t generation[NVIDIA_COMPUTES];	/* UUIDs of what is made again differ */
};

/* One for each GPU; it stays when the driver leaves, since some of it is in the card. */
struct nvidia_gpu {
	const struct nvidia_card *card;
	bool mig, mig_pending;
	bool *mig_kept; /* in the card, if it keeps the mode */
	bool mixed;	/* vGPUs of several sizes */
	struct nvidia_instance instances[NVIDIA_INSTANCES];
	uint64_t made;		  /* instances so far */
	struct nvidia_vgpu *vgpu; /* NULL: its driver makes none */
};

/* --- nvidia-mig.c ------------------------------------------------------------------------------ */

/* Does the driver have it, so that its library sees it? */
bool nvidia_is_up(const struct pci *f);
/* The GPU's driver comes, or leaves. */
void nvidia_gpu_add(struct pci *f);
void nvidia_gpu_remove(struct pci *f);
/* All GPU instances go, as when VFs are made or removed, or the driver leaves. */
void nvidia_mig_wipe(struct pci *f);

/* Number of the node of an instance; compute -1: of the GPU instance. */
unsigned nvidia_cap_minor(unsigned gpu, unsigned instance, int compute);

/* --- nvidia-proc.c ----------------------------------------------------------------------------- */

/* The driver is there, with its first GPU. */
void nvidia_proc_add(struct machine *m);

/* --- nvidia-vgpu.c ----------------------------------------------------------------------------- */

/* vGPUs that exist on the GPU; on that GPU instance of it, -1: on any. */
unsigned nvidia_vgpus(const struct pci *f, int instance);
/* The GPU's driver comes, or leaves. */
void nvidia_vgpu_add(struct pci *f);
void nvidia_vgpu_remove(struct pci *f);
