/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Between a worker of carve-executor and carve-nvml, the helper program that opens the vendor's library: one
 * request on its standard input, one reply on its standard output, then it ends. Both are of one build. Nothing
 * is parsed: sizes are fixed, and what does not add up is an answer of a broken library.
 */
#pragma once
#include "model/gpu.h"

#define NVML_MAGIC 0x6c766e43u /* "Cnvl" */
#define NVML_VERSION 2u
/* Of a reply, with all records. */
#define NVML_REPLY_MAX (48u * 1024u)

enum nvml_op {
	NVML_OP_LOOK,
	NVML_OP_MIG_MODE,	/* number: 1 on, 0 off */
	NVML_OP_MIG_CREATE,	/* number: profile id, start */
	NVML_OP_MIG_DESTROY,	/* number: GPU instance id, start: where it must begin */
	NVML_OP_VGPU_MIXED,	/* number: 1 vGPUs of several sizes, 0 of one */
	NVML_OP_VGPU_SCHEDULER, /* number: enum vgpu_scheduler */
	NVML_OP_COUNT,
};

struct nvml_request {
	uint32_t magic, version, op;
	char addr[PCI_ADDR_SIZE];
	uint32_t number, start;
	uint32_t size, slices; /* of memory and of compute, of the profile */
};

enum nvml_outcome {
	NVML_DONE,    /* changed, and read back */
	NVML_NOTHING, /* was so already */
	NVML_FAILED,  /* code and call say what the library said */
	NVML_PENDING, /* recorded by the driver, in force after a reset of the GPU or a reboot */
};

/* Codes of our own, beside those of the library. */
#define NVML_CODE_NONSENSE 2000u  /* what it says contradicts itself */
#define NVML_CODE_HALF_MADE 2001u /* a GPU instance without a compute instance is left */
#define NVML_CODE_OTHER 2002u	  /* the instance of that id is not the one that was meant */

/* Followed by the records that the report counts. That of a change that failed says nothing of the GPU. */
struct nvml_reply {
	uint32_t magic, version;
	uint32_t outcome; /* enum nvml_outcome */
	uint32_t code;	  /* nvmlReturn_t of a failure */
	char call[64]; /* the function that said it: "nvmlDeviceCreateGpuInstanceWithPlacement" */
	char detail[192]; /* a line more, in words */
	uint32_t number;  /* GPU instance id that was made */
	uint32_t calls;	  /* of the library, in all */
	struct gpu_report report;
};
