/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the stand-in for libnvidia-ml.so.1 asks the machine, and what it is told: one question for each call. */
#pragma once
#include <stdint.h>

#define NVML_FILE "/dev/.carve-sim/nvml"
#define NVML_LIST 128

enum nvml_question {
	ASK_INIT,
	ASK_SHUTDOWN,
	ASK_DRIVER_VERSION, /* text */
	ASK_COUNT,	    /* v[0] */
	ASK_BY_INDEX,	    /* a; v[0]: GPU */
	ASK_BY_ADDRESS,	    /* text; v[0] */
	ASK_BY_UUID,	    /* text; v[0] */
	/* Of a GPU. */
	ASK_NAME,
	ASK_UUID,
	ASK_MINOR,
	ASK_MEMORY, /* big[0]: bytes in all, big[1]: free */
	ASK_PCI,    /* v: domain, bus, device, ids, subsystem ids */
	ASK_MIG_MODE,
	ASK_SET_MIG_MODE,  /* a; v[0]: activation */
	ASK_PROFILE,	   /* a: index; v: as struct nvidia_profile; text */
	ASK_PROFILE_BY_ID, /* a: profile; the same */
	ASK_PLACEMENTS,	   /* a: profile; list: start and size of each */
	ASK_REMAINING,	   /* a: profile; v[0] */
	ASK_CREATE,    /* a: profile, b: start, c: size; b UINT32_MAX: anywhere; v[0]: instance */
	ASK_DESTROY,   /* a: instance */
	ASK_INSTANCES, /* a: profile; list: instances */
	ASK_INSTANCE,  /* a: instance; v: profile, start, size */
	ASK_COMPUTE_PROFILE, /* a: instance, b: index; v: id, slices, most, multiprocessors; text */
	ASK_COMPUTE_PLACEMENTS, /* a: instance, b: profile; list: start and size of each */
	ASK_COMPUTE_REMAINING,	/* a: instance, b: profile; v[0] */
	ASK_COMPUTE_CREATE,	/* a: instance, b: profile, c: start or UINT32_MAX; v[0] */
	ASK_COMPUTE_DESTROY,	/* a: instance, b: compute instance */
	ASK_COMPUTES,		/* a: instance, b: profile; list */
	ASK_COMPUTE,		/* a: instance, b: compute instance; v: profile, start, size */
	ASK_MIG_MOST,		/* v[0] */
	ASK_MIG_DEVICE,		/* a: index; v: instance, compute instance */
	ASK_MIG_UUID,		/* a: instance, b: compute instance; text */
	ASK_MIG_NAME,		/* a, b: as above; text */
	ASK_MIG_ATTRIBUTES,	/* a, b: as above; v: as nvmlDeviceAttributes_t, big[0]: MiB */
	ASK_PROCESSES,		/* a: instance, UINT32_MAX: of all; list: pids */
	ASK_VGPU_SUPPORTED,	/* list: ids */
	ASK_VGPU_CREATABLE,	/* list: ids */
	ASK_VGPU_MOST,		/* a: id; v[0] */
	ASK_VGPU,		/* a: id; v: GPU instance profile, big[0]: bytes; text */
	ASK_VGPU_MIXED,		/* v[0] */
	ASK_SET_VGPU_MIXED,	/* a */
	ASK_VGPU_PLACEMENTS,	/* a: id, with several sizes; v[0]: size; list: ids */
	ASK_VGPU_SCHEDULER,	/* v[0] */
	ASK_VGPU_SCHEDULERS,	/* list: that there are */
	ASK_SET_VGPU_SCHEDULER, /* a */
	ASK_QUESTIONS,
};

struct nvml_asked {
	uint32_t question, gpu, a, b, c;
	char text[96];
};

struct nvml_told {
	int32_t code; /* nvmlReturn_t */
	uint32_t v[16];
	uint64_t big[2];
	char text[96];
	uint32_t n, list[NVML_LIST];
};
