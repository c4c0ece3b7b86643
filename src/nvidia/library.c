/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See library.h. */
#include "nvidia/library.h"

#include <dlfcn.h>

/* The GPU, or the driver, is gone: what else it says is what is left in memory, or nothing. */
static bool is_end(nvmlReturn_t code)
{
	return code == NVML_ERROR_GPU_IS_LOST || code == NVML_ERROR_DRIVER_NOT_LOADED ||
	       code == NVML_ERROR_UNINITIALIZED || code == NVML_ERROR_LIB_RM_VERSION_MISMATCH;
}

nvmlReturn_t nvml_note(struct nvml *n, const char *call, nvmlReturn_t code)
{
	n->calls++;
	if (code != NVML_SUCCESS) {
		n->call = call;
		n->code = code;
	}
	if (!n->broken && is_end(code))
		n->broken = code;
	return code;
}

bool nvml_open(struct nvml *n, const char *file, const char **ret_why)
{
	*n = (struct nvml){ .handle = dlopen(file ? file : "libnvidia-ml.so.1",
					     RTLD_NOW | RTLD_LOCAL) };
	if (!n->handle) {
		*ret_why = dlerror();
		return false;
	}
	/* What POSIX wants of dlsym(): a pointer to an object becomes one to a function. */
#define NVML_FIND(name, parameters) *(void **)&n->name = dlsym(n->handle, #name);
	NVML_FUNCTIONS(NVML_FIND)
#undef NVML_FIND
	if (n->nvmlInit_v2 || n->nvmlInitWithFlags)
		return true;
	*ret_why = "it has no function nvmlInit_v2";
	return false;
}

static const struct {
	nvmlReturn_t code;
	const char *text;
} errors[] = {
	{ NVML_SUCCESS, "it said yes, and it is not so yet" },
	{ NVML_ERROR_UNINITIALIZED, "it was not initialized" },
	{ NVML_ERROR_INVALID_ARGUMENT, "it does not know such an argument" },
	{ NVML_ERROR_NOT_SUPPORTED, "the GPU or its driver does not do that" },
	{ NVML_ERROR_NO_PERMISSION, "it is not permitted" },
	{ NVML_ERROR_NOT_FOUND, "there is no such thing" },
	{ NVML_ERROR_INSUFFICIENT_SIZE, "it has more to say than it should" },
	{ NVML_ERROR_DRIVER_NOT_LOADED, "the kernel module nvidia is not loaded" },
	{ NVML_ERROR_LIBRARY_NOT_FOUND, "a library that it needs is missing" },
	{ NVML_ERROR_FUNCTION_NOT_FOUND, "this version of the library has no such function" },
	{ NVML_ERROR_GPU_IS_LOST, "the GPU has fallen off the bus" },
	{ NVML_ERROR_RESET_REQUIRED, "the GPU has to be reset first" },
	{ NVML_ERROR_OPERATING_SYSTEM, "the GPU is not reachable: the system refused" },
	{ NVML_ERROR_LIB_RM_VERSION_MISMATCH,
	  "the library is of another version than the kernel module" },
	{ NVML_ERROR_IN_USE, "it is in use" },
	{ NVML_ERROR_MEMORY, "there is not enough memory" },
	{ NVML_ERROR_NO_DATA, "there is no data" },
	{ NVML_ERROR_INSUFFICIENT_RESOURCES, "there is no room for it on the GPU" },
	{ NVML_ERROR_ARGUMENT_VERSION_MISMATCH, "it knows another version of the structure" },
	{ NVML_ERROR_DEPRECATED, "the function is there no more" },
	{ NVML_ERROR_NOT_READY, "the GPU is not ready" },
	{ NVML_ERROR_GPU_NOT_FOUND, "no GPU was found" },
	{ NVML_ERROR_INVALID_STATE, "the GPU is in a state in which that cannot be" },
};

const char *nvml_error(nvmlReturn_t code)
{
	for (size_t i = 0; i < sizeof(errors) / sizeof(*errors); i++)
		if (errors[i].code == code)
			return errors[i].text;
	return "an error that it has no name for";
}
