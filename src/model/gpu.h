/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the vendor's driver and library say of a GPU: what it can be divided into, and what it is divided into now.
 * Plain data of fixed size without pointers: the helper program that asks the library writes it, the executor
 * passes it on as it is, the picture keeps it. Keys are filled in by whoever puts it into the picture.
 */
#pragma once
#include <stdint.h>

#include "model/sizes.h"

enum gpu_seen {
	GPU_UNREAD, /* nobody has asked yet */
	GPU_SEEN,
	GPU_UNSEEN, /* the library is missing, of another version, or does not know it: why */
};

#define GPU_NO_PROFILE UINT32_MAX

struct gpu {
	char key[DEVICE_KEY_SIZE];
	uint32_t seen;	      /* enum gpu_seen */
	char why[128];	      /* in words, when it is not GPU_SEEN */
	char name[NAME_SIZE]; /* "NVIDIA H100 80GB HBM3" */
	char uuid[GPU_UUID_SIZE];
	char driver[NAME_SIZE]; /* version: "580.159.04" */
	int32_t minor;		/* /dev/nvidiaN; -1: not known */
	uint32_t memory;	/* MiB */
	uint8_t mig_capable, mig, mig_pending;
	uint8_t mps;		      /* an MPS server of ours runs for it */
	uint8_t vgpu;		      /* the driver makes vGPUs */
	uint8_t mixed_capable, mixed; /* vGPUs of more than one size at once */
	uint8_t vgpus_stale; /* mdevs came or went since it was asked of which vGPUs there could be more */
	/* How vGPUs take turns: enum vgpu_scheduler, and bit n: it can be told to; 0: the driver does not tell. */
	uint8_t scheduler, schedulers;
};

/* Numbers of nvml.h, NVML_VGPU_SCHEDULER_POLICY_BEST_EFFORT and on. */
enum vgpu_scheduler {
	VGPU_SCHEDULER_UNSAID,
	VGPU_SCHEDULER_BEST_EFFORT,
	VGPU_SCHEDULER_EQUAL_SHARE,
	VGPU_SCHEDULER_FIXED_SHARE,
};
/* "best-effort" first; NULL ends. */
extern const char *const vgpu_scheduler_names[];
/* "?" for what is none of them. */
const char *vgpu_scheduler_name(uint32_t scheduler);

/* A GPU instance that could be. */
struct gpu_profile {
	char key[DEVICE_KEY_SIZE];
	char name[NAME_SIZE]; /* "1g.10gb", without the "MIG " that some drivers put in front */
	uint32_t id;	 /* what making one takes; not the number under which it is asked for */
	uint32_t slices; /* of compute */
	uint32_t most;	 /* on one device */
	uint32_t size;	 /* memory slices side by side */
	uint64_t starts; /* bit n: may begin at memory slice n */
	uint32_t memory; /* MiB */
	uint32_t multiprocessors, copy_engines, decoders, encoders, jpeg, optical_flow;
};

/* A GPU instance that is, by whomever. */
struct gpu_part {
	char key[DEVICE_KEY_SIZE];
	uint32_t instance; /* GPU instance id */
	uint32_t profile;  /* its id */
	uint32_t start, size;
	uint32_t n_computes;	  /* compute instances in it; the following are of the first */
	uint32_t compute;	  /* its id */
	uint8_t compute_whole;	  /* it takes all of the GPU instance */
	char uuid[GPU_UUID_SIZE]; /* of the MIG device; empty: there is none */
	uint8_t mps;		  /* an MPS server of ours runs for it */
	/* Of the nodes below /dev/nvidia-caps that whoever uses it opens; -1: not known. */
	int32_t instance_minor, compute_minor;
};

#define VGPU_PLACEMENTS 256 /* ids; those of a GPU with 192 GB are below */

/* A vGPU that could be. */
struct vgpu_type {
	char key[DEVICE_KEY_SIZE];
	uint32_t id;
	char name[NAME_SIZE]; /* "H100XM-40C", without the "NVIDIA " or "GRID " in front */
	uint32_t memory;      /* MiB; 0: not known */
	uint32_t most;	      /* on one device; 0: not known */
	uint32_t profile;  /* id of the GPU instance that it runs in; GPU_NO_PROFILE: time-sliced */
	uint8_t creatable; /* one more now, says the driver */
	/* Where there are several sizes: how many placements it takes side by side, and the ids at which it may begin, bit n % 32
	 * of word n / 32. 0: not known. */
	uint32_t size;
	uint32_t starts[VGPU_PLACEMENTS / 32];
};

enum vgpu_framework {
	VGPU_UNKNOWN, /* without VFs the two look the same */
	VGPU_MDEV,
	VGPU_VENDOR, /* vendor-specific VFIO: the VF's folder nvidia/ */
};

/* Types of mediated devices are named so, with the id behind it (vGPU User Guide 17). */
#define VGPU_MDEV_TYPE "nvidia-"

/* A VF of such a GPU, or the GPU itself where it makes mediated devices, as many as fit. */
struct vgpu_vf {
	char key[DEVICE_KEY_SIZE]; /* of the PF */
	int32_t index;		   /* -1: the GPU itself, which has no type */
	uint32_t framework;	   /* enum vgpu_framework */
	uint32_t type;		   /* id; 0: none */
	int32_t instance;	   /* GPU instance it runs in; -1: none, or not known */
	int32_t placement;	   /* -1: none, or not known */
	int32_t asked; /* placement that its next guest is told to take; -1: the driver picks one */
};

/* The answer to one look: n of each behind it, in this order. */
struct gpu_report {
	struct gpu gpu;
	/* Only what a change changed: gpu says nothing, and parts that are not told of stay as they are known. */
	uint32_t change;
	uint32_t n_profiles, n_parts, n_types, n_vfs;
};
