/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The vendor's library, opened; in carve-nvml only. */
#pragma once
#include <stdbool.h>

#include "nvidia/nvml.h"

/* A function that the library lacks is NULL, and calling it through NVML() is an error like any other. */
struct nvml {
	void *handle;
#define NVML_MEMBER(name, parameters) nvmlReturn_t(*name) parameters;
	NVML_FUNCTIONS(NVML_MEMBER)
#undef NVML_MEMBER
	unsigned calls;
	const char *call; /* the last that failed, and what it said */
	nvmlReturn_t code;
	nvmlReturn_t broken; /* the first that means that no other answer counts, too */
};

/* Calls a function: NVML(n, nvmlDeviceGetUUID, device, uuid, sizeof(uuid)). */
#define NVML(n, function, ...)                                                                     \
	nvml_note((n), #function,                                                                  \
		  (n)->function ? (n)->function(__VA_ARGS__) : NVML_ERROR_FUNCTION_NOT_FOUND)
nvmlReturn_t nvml_note(struct nvml *n, const char *call, nvmlReturn_t code);

/* file NULL: libnvidia-ml.so.1, where the loader finds it. False: *ret_why says why it cannot be opened. */
bool nvml_open(struct nvml *n, const char *file, const char **ret_why);
/* In words. */
const char *nvml_error(nvmlReturn_t code);
