/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Stands in for libnvidia-ml.so.1 in the programs of a simulated machine's world: the same names and layouts, and the
 * machine answers (nvidia-library.c). What a monitor asks beyond what the machine has is not supported by that GPU, as many
 * things are not by many. Handles are numbers.
 */
#include "nvidia/nvml.h"

#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "sim/nvml-wire.h"

#define EXPORT __attribute__((visibility("default")))

/* --- handles ------------------------------------------------------------------------------------------ */

/* What a handle stands for, in its bits: GPU, GPU instance and compute instance, each and 1; 0: none. */
struct handle {
	unsigned gpu, instance, compute;
};

static void *handle_make(unsigned gpu, int instance, int compute)
{
	return (void *)(((uintptr_t)gpu + 1) << 16 | (uintptr_t)(instance + 1) << 8 |
			(uintptr_t)(compute + 1));
}

static bool handle_read(const void *handle, struct handle *ret)
{
	uintptr_t bits = (uintptr_t)handle;
	*ret = (struct handle){ (unsigned)(bits >> 16), bits >> 8 & 0xff, bits & 0xff };
	return ret->gpu-- > 0;
}

/* --- asking --------------------------------------------------------------------------------------------- */

static int transmit(const struct nvml_asked *asked, struct nvml_told *ret)
{
	int fd = open(NVML_FILE, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		return NVML_ERROR_DRIVER_NOT_LOADED;
	bool done = write(fd, asked, sizeof(*asked)) == (ssize_t)sizeof(*asked) &&
		    read(fd, ret, sizeof(*ret)) == (ssize_t)sizeof(*ret);
	close(fd);
	return done ? ret->code : NVML_ERROR_UNKNOWN;
}

static nvmlReturn_t ask_of(struct nvml_asked asked, const void *handle, struct nvml_told *ret)
{
	struct handle h;
	if (handle && !handle_read(handle, &h))
		return NVML_ERROR_INVALID_ARGUMENT;
	asked.gpu = handle ? h.gpu : 0;
	memset(ret, 0, sizeof(*ret));
	return (nvmlReturn_t)transmit(&asked, ret);
}

static nvmlReturn_t ask(enum nvml_question question, const void *handle, unsigned a, unsigned b,
			const char *text, struct nvml_told *ret)
{
	struct nvml_asked asked = { .question = question, .a = a, .b = b };
	if (text)
		(void)snprintf(asked.text, sizeof(asked.text), "%s", text);
	return ask_of(asked, handle, ret);
}

/* Of a GPU, and a number of it. */
static nvmlReturn_t ask_number(enum nvml_question question, nvmlDevice_t device, unsigned *ret)
{
	struct nvml_told told;
	if (!device || !ret)
		return NVML_ERROR_INVALID_ARGUMENT;
	nvmlReturn_t r = ask(question, device, 0, 0, NULL, &told);
	if (r == NVML_SUCCESS)
		*ret = told.v[0];
	return r;
}

static nvmlReturn_t text_put(nvmlReturn_t r, const struct nvml_told *told, char *to, unsigned size)
{
	if (r != NVML_SUCCESS)
		return r;
	if (strlen(told->text) >= size)
		return NVML_ERROR_INSUFFICIENT_SIZE;
	strcpy(to, told->text);
	return r;
}

/* As the library tells how much room it wants. */
static nvmlReturn_t list_put(nvmlReturn_t r, const struct nvml_told *told, unsigned *count,
			     unsigned *to)
{
	unsigned room = *count;
	if (r != NVML_SUCCESS)
		return r;
	*count = told->n;
	if (!to || room < told->n)
		return told->n ? NVML_ERROR_INSUFFICIENT_SIZE : NVML_SUCCESS;
	memcpy(to, told->list, told->n * sizeof(*to));
	return r;
}

/* --- library and system ------------------------------------------------------------------------------------ */

#define API(name, ...)                                                                             \
	EXPORT nvmlReturn_t name(__VA_ARGS__);                                                     \
	nvmlReturn_t name(__VA_ARGS__)

API(nvmlInitWithFlags, unsigned int flags)
{
	struct nvml_told told;
	return ask(ASK_INIT, NULL, flags, 0, NULL, &told);
}

API(nvmlInit_v2, void)
{
	return nvmlInitWithFlags(0);
}

API(nvmlInit, void)
{
	return nvmlInitWithFlags(0);
}

API(nvmlShutdown, void)
{
	struct nvml_told told;
	return ask(ASK_SHUTDOWN, NULL, 0, 0, NULL, &told);
}

API(nvmlSystemGetDriverVersion, char *version, unsigned int length)
{
	struct nvml_told told;
	return text_put(ask(ASK_DRIVER_VERSION, NULL, 0, 0, NULL, &told), &told, version, length);
}

API(nvmlSystemGetNVMLVersion, char *version, unsigned int length)
{
	struct nvml_told told;
	nvmlReturn_t r = ask(ASK_DRIVER_VERSION, NULL, 0, 0, NULL, &told);
	if (r == NVML_SUCCESS && (unsigned)snprintf(version, length, "13.%s", told.text) >= length)
		return NVML_ERROR_INSUFFICIENT_SIZE;
	return r;
}

API(nvmlSystemGetCudaDriverVersion, int *version)
{
	*version = 13000;
	return NVML_SUCCESS;
}

API(nvmlSystemGetCudaDriverVersion_v2, int *version)
{
	return nvmlSystemGetCudaDriverVersion(version);
}

EXPORT const char *nvmlErrorString(nvmlReturn_t result);
const char *nvmlErrorString(nvmlReturn_t result)
{
	return result == NVML_SUCCESS		    ? "Success"
	       : result == NVML_ERROR_NOT_SUPPORTED ? "Not Supported"
	       : result == NVML_ERROR_NOT_FOUND	    ? "Not Found"
	       : result == NVML_ERROR_IN_USE	    ? "In use by another client"
						    : "Unknown Error";
}

/* --- GPUs ------------------------------------------------------------------------------------------------------ */

API(nvmlDeviceGetCount_v2, unsigned int *count)
{
	struct nvml_told told;
	nvmlReturn_t r = ask(ASK_COUNT, NULL, 0, 0, NULL, &told);
	*count = told.v[0];
	return r;
}

API(nvmlDeviceGetCount, unsigned int *count)
{
	return nvmlDeviceGetCount_v2(count);
}

static nvmlReturn_t device_find(enum nvml_question question, unsigned index, const char *text,
				nvmlDevice_t *ret)
{
	struct nvml_told told;
	nvmlReturn_t r = ask(question, NULL, index, 0, text, &told);
	if (r == NVML_SUCCESS)
		*ret = handle_make(told.v[0], -1, -1);
	return r;
}

API(nvmlDeviceGetHandleByIndex_v2, unsigned int index, nvmlDevice_t *device)
{
	return device_find(ASK_BY_INDEX, index, NULL, device);
}

API(nvmlDeviceGetHandleByIndex, unsigned int index, nvmlDevice_t *device)
{
	return nvmlDeviceGetHandleByIndex_v2(index, device);
}

API(nvmlDeviceGetHandleByPciBusId_v2, const char *pciBusId, nvmlDevice_t *device)
{
	return device_find(ASK_BY_ADDRESS, 0, pciBusId, device);
}

API(nvmlDeviceGetHandleByUUID, const char *uuid, nvmlDevice_t *device)
{
	return device_find(ASK_BY_UUID, 0, uuid, device);
}

API(nvmlDeviceGetIndex, nvmlDevice_t device, unsigned int *index)
{
	return ask_number(ASK_MINOR, device, index);
}

API(nvmlDeviceGetMinorNumber, nvmlDevice_t device, unsigned int *minorNumber)
{
	return ask_number(ASK_MINOR, device, minorNumber);
}

/* Of a GPU or of a MIG device of it. */
static nvmlReturn_t device_text(nvmlDevice_t device, enum nvml_question of_gpu,
				enum nvml_question of_mig, char *to, unsigned size)
{
	struct nvml_told told;
	struct handle h;
	bool mig = handle_read(device, &h) && h.instance;
	nvmlReturn_t r = mig ? ask(of_mig, device, h.instance - 1, h.compute - 1, NULL, &told)
			     : ask(of_gpu, device, 0, 0, NULL, &told);
	return text_put(r, &told, to, size);
}

API(nvmlDeviceGetName, nvmlDevice_t device, char *name, unsigned int length)
{
	return device_text(device, ASK_NAME, ASK_MIG_NAME, name, length);
}

API(nvmlDeviceGetUUID, nvmlDevice_t device, char *uuid, unsigned int length)
{
	return device_text(device, ASK_UUID, ASK_MIG_UUID, uuid, length);
}

API(nvmlDeviceGetMemoryInfo, nvmlDevice_t device, nvmlMemory_t *memory)
{
	struct nvml_told told;
	struct handle h;
	if (!handle_read(device, &h))
		return NVML_ERROR_INVALID_ARGUMENT;
	nvmlReturn_t r = h.instance ? ask(ASK_MIG_ATTRIBUTES, device, h.instance - 1, h.compute - 1,
					  NULL, &told)
				    : ask(ASK_MEMORY, device, 0, 0, NULL, &told);
	if (r != NVML_SUCCESS)
		return r;
	unsigned long long total = h.instance ? told.big[0] << 20 : told.big[0];
	unsigned long long free = h.instance ? total : told.big[1];
	*memory = (nvmlMemory_t){ .total = total, .free = free, .used = total - free };
	return r;
}

typedef struct {
	unsigned int version;
	unsigned long long total, reserved, free, used;
} nvmlMemory_v2_t;

API(nvmlDeviceGetMemoryInfo_v2, nvmlDevice_t device, nvmlMemory_v2_t *memory)
{
	nvmlMemory_t v1;
	if (memory->version != NVML_STRUCT_VERSION(nvmlMemory_v2_t, 2u))
		return NVML_ERROR_ARGUMENT_VERSION_MISMATCH;
	nvmlReturn_t r = nvmlDeviceGetMemoryInfo(device, &v1);
	if (r == NVML_SUCCESS) {
		memory->total = v1.total;
		memory->free = v1.free;
		memory->used = v1.used;
		memory->reserved = 0;
	}
	return r;
}

typedef struct {
	char busIdLegacy[16];
	unsigned int domain, bus, device, pciDeviceId, pciSubSystemId;
	char busId[32];
} nvmlPciInfo_t;
_Static_assert(sizeof(nvmlPciInfo_t) == 68, "ABI");

API(nvmlDeviceGetPciInfo_v3, nvmlDevice_t device, nvmlPciInfo_t *pci)
{
	struct nvml_told told;
	nvmlReturn_t r = ask(ASK_PCI, device, 0, 0, NULL, &told);
	if (r != NVML_SUCCESS)
		return r;
	*pci = (nvmlPciInfo_t){ .domain = told.v[0],
				.bus = told.v[1],
				.device = told.v[2],
				.pciDeviceId = told.v[3],
				.pciSubSystemId = told.v[4] };
	(void)snprintf(pci->busIdLegacy, sizeof(pci->busIdLegacy), "%04X:%02X:%02X.0",
		       told.v[0] & 0xffff, told.v[1] & 0xff, told.v[2] & 0x1f);
	(void)snprintf(pci->busId, sizeof(pci->busId), "%08X:%02X:%02X.0", told.v[0], told.v[1],
		       told.v[2]);
	return r;
}

API(nvmlDeviceGetPciInfo_v2, nvmlDevice_t device, nvmlPciInfo_t *pci)
{
	return nvmlDeviceGetPciInfo_v3(device, pci);
}

static nvmlReturn_t processes(nvmlDevice_t device, unsigned int *infoCount,
			      nvmlProcessInfo_t *infos)
{
	struct nvml_told told;
	struct handle h;
	unsigned room = *infoCount;
	if (!handle_read(device, &h))
		return NVML_ERROR_INVALID_ARGUMENT;
	nvmlReturn_t r = ask(ASK_PROCESSES, device, h.instance ? h.instance - 1 : UINT32_MAX, 0,
			     NULL, &told);
	if (r != NVML_SUCCESS)
		return r;
	*infoCount = told.n;
	if (room < told.n)
		return NVML_ERROR_INSUFFICIENT_SIZE;
	for (unsigned i = 0; i < told.n; i++)
		infos[i] = (nvmlProcessInfo_t){
			.pid = told.list[i],
			.gpuInstanceId = h.instance ? h.instance - 1 : UINT32_MAX,
			.computeInstanceId = h.compute ? h.compute - 1 : UINT32_MAX
		};
	return r;
}

API(nvmlDeviceGetComputeRunningProcesses_v3, nvmlDevice_t device, unsigned int *infoCount,
    nvmlProcessInfo_t *infos)
{
	return processes(device, infoCount, infos);
}

API(nvmlDeviceGetGraphicsRunningProcesses_v3, nvmlDevice_t device, unsigned int *infoCount,
    nvmlProcessInfo_t *infos)
{
	(void)device, (void)infos;
	*infoCount = 0;
	return NVML_SUCCESS;
}

/* --- MIG ----------------------------------------------------------------------------------------------------------- */

API(nvmlDeviceGetMigMode, nvmlDevice_t device, unsigned int *currentMode, unsigned int *pendingMode)
{
	struct nvml_told told;
	nvmlReturn_t r = ask(ASK_MIG_MODE, device, 0, 0, NULL, &told);
	if (r == NVML_SUCCESS) {
		*currentMode = told.v[0];
		*pendingMode = told.v[1];
	}
	return r;
}

API(nvmlDeviceSetMigMode, nvmlDevice_t device, unsigned int mode, nvmlReturn_t *activationStatus)
{
	struct nvml_told told;
	nvmlReturn_t r = ask(ASK_SET_MIG_MODE, device, mode, 0, NULL, &told);
	*activationStatus = (nvmlReturn_t)told.v[0];
	return r;
}

API(nvmlDeviceGetGpuInstanceProfileInfo, nvmlDevice_t device, unsigned int profile,
    nvmlGpuInstanceProfileInfo_t *info)
{
	struct nvml_told t;
	nvmlReturn_t r = ask(ASK_PROFILE, device, profile, 0, NULL, &t);
	if (r == NVML_SUCCESS)
		*info = (nvmlGpuInstanceProfileInfo_t){ .id = t.v[0],
							.sliceCount = t.v[1],
							.instanceCount = t.v[2],
							.multiprocessorCount = t.v[3],
							.copyEngineCount = t.v[4],
							.decoderCount = t.v[5],
							.encoderCount = t.v[6],
							.jpegCount = t.v[7],
							.ofaCount = t.v[8],
							.memorySizeMB = t.v[9] };
	return r;
}

#define PROFILE_PUT(info, t)                                                                       \
	do {                                                                                       \
		(info)->id = (t)->v[0];                                                            \
		(info)->sliceCount = (t)->v[1];                                                    \
		(info)->instanceCount = (t)->v[2];                                                 \
		(info)->multiprocessorCount = (t)->v[3];                                           \
		(info)->copyEngineCount = (t)->v[4];                                               \
		(info)->decoderCount = (t)->v[5];                                                  \
		(info)->encoderCount = (t)->v[6];                                                  \
		(info)->jpegCount = (t)->v[7];                                                     \
		(info)->ofaCount = (t)->v[8];                                                      \
		(info)->memorySizeMB = (t)->v[9];                                                  \
		(void)snprintf((info)->name, sizeof((info)->name), "%s", (t)->text);               \
	} while (0)

/* Both have the same size; the version says which it is. */
static nvmlReturn_t profile_told(enum nvml_question question, nvmlDevice_t device, unsigned profile,
				 nvmlGpuInstanceProfileInfo_v2_t *info)
{
	struct nvml_told t;
	nvmlGpuInstanceProfileInfo_v3_t *v3 = (void *)info;
	bool third = info->version == NVML_STRUCT_VERSION(nvmlGpuInstanceProfileInfo_v3_t, 3u);
	if (!third && info->version != NVML_STRUCT_VERSION(nvmlGpuInstanceProfileInfo_v2_t, 2u))
		return NVML_ERROR_ARGUMENT_VERSION_MISMATCH;
	nvmlReturn_t r = ask(question, device, profile, 0, NULL, &t);
	if (r != NVML_SUCCESS)
		return r;
	if (third)
		PROFILE_PUT(v3, &t);
	else
		PROFILE_PUT(info, &t);
	return r;
}

API(nvmlDeviceGetGpuInstanceProfileInfoV, nvmlDevice_t device, unsigned int profile,
    nvmlGpuInstanceProfileInfo_v2_t *info)
{
	return profile_told(ASK_PROFILE, device, profile, info);
}

API(nvmlDeviceGetGpuInstanceProfileInfoByIdV, nvmlDevice_t device, unsigned int profileId,
    nvmlGpuInstanceProfileInfo_v2_t *info)
{
	return profile_told(ASK_PROFILE_BY_ID, device, profileId, info);
}

API(nvmlDeviceGetGpuInstancePossiblePlacements_v2, nvmlDevice_t device, unsigned int profileId,
    nvmlGpuInstancePlacement_t *placements, unsigned int *count)
{
	struct nvml_told told;
	nvmlReturn_t r = ask(ASK_PLACEMENTS, device, profileId, 0, NULL, &told);
	if (r != NVML_SUCCESS)
		return r;
	for (unsigned i = 0; placements && i < told.n / 2 && i < *count; i++)
		placements[i] =
			(nvmlGpuInstancePlacement_t){ told.list[2 * i], told.list[2 * i + 1] };
	*count = told.n / 2;
	return r;
}

API(nvmlDeviceGetGpuInstanceRemainingCapacity, nvmlDevice_t device, unsigned int profileId,
    unsigned int *count)
{
	struct nvml_told told;
	nvmlReturn_t r = ask(ASK_REMAINING, device, profileId, 0, NULL, &told);
	*count = told.v[0];
	return r;
}

static nvmlReturn_t instance_make(nvmlDevice_t device, unsigned profile,
				  nvmlGpuInstancePlacement_t at, nvmlGpuInstance_t *ret)
{
	const struct nvml_asked asked = {
		.question = ASK_CREATE, .a = profile, .b = at.start, .c = at.size
	};
	struct nvml_told told;
	struct handle h;
	nvmlReturn_t r = ask_of(asked, device, &told);
	if (r == NVML_SUCCESS && handle_read(device, &h))
		*ret = handle_make(h.gpu, (int)told.v[0], -1);
	return r;
}

API(nvmlDeviceCreateGpuInstance, nvmlDevice_t device, unsigned int profileId,
    nvmlGpuInstance_t *gpuInstance)
{
	return instance_make(device, profileId, (nvmlGpuInstancePlacement_t){ UINT32_MAX, 0 },
			     gpuInstance);
}

API(nvmlDeviceCreateGpuInstanceWithPlacement, nvmlDevice_t device, unsigned int profileId,
    const nvmlGpuInstancePlacement_t *placement, nvmlGpuInstance_t *gpuInstance)
{
	return instance_make(device, profileId, *placement, gpuInstance);
}

API(nvmlGpuInstanceDestroy, nvmlGpuInstance_t gpuInstance)
{
	struct nvml_told told;
	struct handle h;
	if (!handle_read(gpuInstance, &h))
		return NVML_ERROR_INVALID_ARGUMENT;
	return ask(ASK_DESTROY, gpuInstance, h.instance - 1, 0, NULL, &told);
}

API(nvmlDeviceGetGpuInstances, nvmlDevice_t device, unsigned int profileId,
    nvmlGpuInstance_t *gpuInstances, unsigned int *count)
{
	struct nvml_told told;
	struct handle h;
	nvmlReturn_t r = ask(ASK_INSTANCES, device, profileId, 0, NULL, &told);
	if (r != NVML_SUCCESS || !handle_read(device, &h))
		return r;
	for (unsigned i = 0; i < told.n; i++)
		gpuInstances[i] = handle_make(h.gpu, (int)told.list[i], -1);
	*count = told.n;
	return r;
}

API(nvmlDeviceGetGpuInstanceById, nvmlDevice_t device, unsigned int id,
    nvmlGpuInstance_t *gpuInstance)
{
	struct nvml_told told;
	struct handle h;
	nvmlReturn_t r = ask(ASK_INSTANCE, device, id, 0, NULL, &told);
	if (r == NVML_SUCCESS && handle_read(device, &h))
		*gpuInstance = handle_make(h.gpu, (int)id, -1);
	return r;
}

API(nvmlGpuInstanceGetInfo, nvmlGpuInstance_t gpuInstance, nvmlGpuInstanceInfo_t *info)
{
	struct nvml_told told;
	struct handle h;
	if (!handle_read(gpuInstance, &h))
		return NVML_ERROR_INVALID_ARGUMENT;
	nvmlReturn_t r = ask(ASK_INSTANCE, gpuInstance, h.instance - 1, 0, NULL, &told);
	if (r == NVML_SUCCESS)
		*info = (nvmlGpuInstanceInfo_t){ .device = handle_make(h.gpu, -1, -1),
						 .id = h.instance - 1,
						 .profileId = told.v[0],
						 .placement = { told.v[1], told.v[2] } };
	return r;
}

API(nvmlGpuInstanceGetComputeInstanceProfileInfo, nvmlGpuInstance_t gpuInstance,
    unsigned int profile, unsigned int engProfile, nvmlComputeInstanceProfileInfo_t *info)
{
	struct nvml_told told;
	struct handle h;
	if (!handle_read(gpuInstance, &h) || engProfile != 0)
		return NVML_ERROR_INVALID_ARGUMENT;
	nvmlReturn_t r =
		ask(ASK_COMPUTE_PROFILE, gpuInstance, h.instance - 1, profile, NULL, &told);
	if (r == NVML_SUCCESS)
		*info = (nvmlComputeInstanceProfileInfo_t){ .id = told.v[0],
							    .sliceCount = told.v[1],
							    .instanceCount = told.v[2],
							    .multiprocessorCount = told.v[3] };
	return r;
}

typedef struct {
	unsigned int version, id, sliceCount, instanceCount, multiprocessorCount;
	unsigned int sharedCopyEngineCount, sharedDecoderCount, sharedEncoderCount;
	unsigned int sharedJpegCount, sharedOfaCount;
	char name[96];
	unsigned int capabilities; /* since version 3 */
} nvmlComputeInstanceProfileInfo_v3_t;
_Static_assert(NVML_STRUCT_VERSION(nvmlComputeInstanceProfileInfo_v3_t, 3u) == 0x0300008c, "ABI");
#define COMPUTE_PROFILE_V2 0x02000088u

API(nvmlGpuInstanceGetComputeInstanceProfileInfoV, nvmlGpuInstance_t gpuInstance,
    unsigned int profile, unsigned int engProfile, nvmlComputeInstanceProfileInfo_v3_t *info)
{
	nvmlComputeInstanceProfileInfo_t v1;
	bool third = info->version == NVML_STRUCT_VERSION(nvmlComputeInstanceProfileInfo_v3_t, 3u);
	if (!third && info->version != COMPUTE_PROFILE_V2)
		return NVML_ERROR_ARGUMENT_VERSION_MISMATCH;
	nvmlReturn_t r =
		nvmlGpuInstanceGetComputeInstanceProfileInfo(gpuInstance, profile, engProfile, &v1);
	if (r != NVML_SUCCESS)
		return r;
	memcpy(&info->id, &v1, sizeof(v1));
	(void)snprintf(info->name, sizeof(info->name), "MIG %uc", v1.sliceCount);
	if (third)
		info->capabilities = 0;
	return r;
}

API(nvmlGpuInstanceGetComputeInstancePossiblePlacements, nvmlGpuInstance_t gpuInstance,
    unsigned int profileId, nvmlComputeInstancePlacement_t *placements, unsigned int *count)
{
	struct nvml_told told;
	struct handle h;
	if (!handle_read(gpuInstance, &h))
		return NVML_ERROR_INVALID_ARGUMENT;
	nvmlReturn_t r =
		ask(ASK_COMPUTE_PLACEMENTS, gpuInstance, h.instance - 1, profileId, NULL, &told);
	if (r != NVML_SUCCESS)
		return r;
	for (unsigned i = 0; placements && i < told.n / 2 && i < *count; i++)
		placements[i] =
			(nvmlComputeInstancePlacement_t){ told.list[2 * i], told.list[2 * i + 1] };
	*count = told.n / 2;
	return r;
}

API(nvmlGpuInstanceGetComputeInstanceRemainingCapacity, nvmlGpuInstance_t gpuInstance,
    unsigned int profileId, unsigned int *count)
{
	struct nvml_told told;
	struct handle h;
	if (!handle_read(gpuInstance, &h))
		return NVML_ERROR_INVALID_ARGUMENT;
	nvmlReturn_t r =
		ask(ASK_COMPUTE_REMAINING, gpuInstance, h.instance - 1, profileId, NULL, &told);
	*count = told.v[0];
	return r;
}

static nvmlReturn_t compute_make(nvmlGpuInstance_t gpuInstance, unsigned profile, unsigned start,
				 nvmlComputeInstance_t *ret)
{
	struct nvml_asked asked = { .question = ASK_COMPUTE_CREATE, .b = profile, .c = start };
	struct nvml_told told;
	struct handle h;
	if (!handle_read(gpuInstance, &h))
		return NVML_ERROR_INVALID_ARGUMENT;
	asked.a = h.instance - 1;
	nvmlReturn_t r = ask_of(asked, gpuInstance, &told);
	if (r == NVML_SUCCESS)
		*ret = handle_make(h.gpu, (int)h.instance - 1, (int)told.v[0]);
	return r;
}

API(nvmlGpuInstanceCreateComputeInstance, nvmlGpuInstance_t gpuInstance, unsigned int profileId,
    nvmlComputeInstance_t *computeInstance)
{
	return compute_make(gpuInstance, profileId, UINT32_MAX, computeInstance);
}

API(nvmlGpuInstanceCreateComputeInstanceWithPlacement, nvmlGpuInstance_t gpuInstance,
    unsigned int profileId, const nvmlComputeInstancePlacement_t *placement,
    nvmlComputeInstance_t *computeInstance)
{
	return compute_make(gpuInstance, profileId, placement->start, computeInstance);
}

API(nvmlGpuInstanceGetComputeInstanceById, nvmlGpuInstance_t gpuInstance, unsigned int id,
    nvmlComputeInstance_t *computeInstance)
{
	struct nvml_told told;
	struct handle h;
	if (!handle_read(gpuInstance, &h))
		return NVML_ERROR_INVALID_ARGUMENT;
	nvmlReturn_t r = ask(ASK_COMPUTE, gpuInstance, h.instance - 1, id, NULL, &told);
	if (r == NVML_SUCCESS)
		*computeInstance = handle_make(h.gpu, (int)h.instance - 1, (int)id);
	return r;
}

API(nvmlComputeInstanceDestroy, nvmlComputeInstance_t computeInstance)
{
	struct nvml_told told;
	struct handle h;
	if (!handle_read(computeInstance, &h))
		return NVML_ERROR_INVALID_ARGUMENT;
	return ask(ASK_COMPUTE_DESTROY, computeInstance, h.instance - 1, h.compute - 1, NULL,
		   &told);
}

API(nvmlGpuInstanceGetComputeInstances, nvmlGpuInstance_t gpuInstance, unsigned int profileId,
    nvmlComputeInstance_t *computeInstances, unsigned int *count)
{
	struct nvml_told told;
	struct handle h;
	if (!handle_read(gpuInstance, &h))
		return NVML_ERROR_INVALID_ARGUMENT;
	nvmlReturn_t r = ask(ASK_COMPUTES, gpuInstance, h.instance - 1, profileId, NULL, &told);
	if (r != NVML_SUCCESS)
		return r;
	for (unsigned i = 0; i < told.n; i++)
		computeInstances[i] = handle_make(h.gpu, (int)h.instance - 1, (int)told.list[i]);
	*count = told.n;
	return r;
}

API(nvmlComputeInstanceGetInfo_v2, nvmlComputeInstance_t computeInstance,
    nvmlComputeInstanceInfo_t *info)
{
	struct nvml_told told;
	struct handle h;
	if (!handle_read(computeInstance, &h))
		return NVML_ERROR_INVALID_ARGUMENT;
	nvmlReturn_t r =
		ask(ASK_COMPUTE, computeInstance, h.instance - 1, h.compute - 1, NULL, &told);
	if (r == NVML_SUCCESS)
		*info = (nvmlComputeInstanceInfo_t){ .device = handle_make(h.gpu, -1, -1),
						     .gpuInstance = handle_make(
							     h.gpu, (int)h.instance - 1, -1),
						     .id = h.compute - 1,
						     .profileId = told.v[0],
						     .placement = { told.v[1], told.v[2] } };
	return r;
}

API(nvmlComputeInstanceGetInfo, nvmlComputeInstance_t computeInstance,
    nvmlComputeInstanceInfo_t *info)
{
	return nvmlComputeInstanceGetInfo_v2(computeInstance, info);
}

API(nvmlDeviceGetMaxMigDeviceCount, nvmlDevice_t device, unsigned int *count)
{
	return ask_number(ASK_MIG_MOST, device, count);
}

API(nvmlDeviceGetMigDeviceHandleByIndex, nvmlDevice_t device, unsigned int index,
    nvmlDevice_t *migDevice)
{
	struct nvml_told told;
	struct handle h;
	nvmlReturn_t r = ask(ASK_MIG_DEVICE, device, index, 0, NULL, &told);
	if (r == NVML_SUCCESS && handle_read(device, &h))
		*migDevice = handle_make(h.gpu, (int)told.v[0], (int)told.v[1]);
	return r;
}

API(nvmlDeviceGetDeviceHandleFromMigDeviceHandle, nvmlDevice_t migDevice, nvmlDevice_t *device)
{
	struct handle h;
	if (!handle_read(migDevice, &h) || !h.instance)
		return NVML_ERROR_INVALID_ARGUMENT;
	*device = handle_make(h.gpu, -1, -1);
	return NVML_SUCCESS;
}

API(nvmlDeviceIsMigDeviceHandle, nvmlDevice_t device, unsigned int *isMigDevice)
{
	struct handle h;
	if (!handle_read(device, &h))
		return NVML_ERROR_INVALID_ARGUMENT;
	*isMigDevice = h.instance > 0;
	return NVML_SUCCESS;
}

API(nvmlDeviceGetGpuInstanceId, nvmlDevice_t device, unsigned int *id)
{
	struct handle h;
	if (!handle_read(device, &h) || !h.instance)
		return NVML_ERROR_INVALID_ARGUMENT;
	*id = h.instance - 1;
	return NVML_SUCCESS;
}

API(nvmlDeviceGetComputeInstanceId, nvmlDevice_t device, unsigned int *id)
{
	struct handle h;
	if (!handle_read(device, &h) || !h.compute)
		return NVML_ERROR_INVALID_ARGUMENT;
	*id = h.compute - 1;
	return NVML_SUCCESS;
}

typedef struct {
	unsigned int multiprocessorCount, sharedCopyEngineCount, sharedDecoderCount;
	unsigned int sharedEncoderCount, sharedJpegCount, sharedOfaCount;
	unsigned int gpuInstanceSliceCount, computeInstanceSliceCount;
	unsigned long long memorySizeMB;
} nvmlDeviceAttributes_t;
_Static_assert(sizeof(nvmlDeviceAttributes_t) == 40, "ABI");

API(nvmlDeviceGetAttributes_v2, nvmlDevice_t device, nvmlDeviceAttributes_t *attributes)
{
	struct nvml_told t;
	struct handle h;
	if (!handle_read(device, &h) || !h.instance)
		return NVML_ERROR_INVALID_ARGUMENT;
	nvmlReturn_t r = ask(ASK_MIG_ATTRIBUTES, device, h.instance - 1, h.compute - 1, NULL, &t);
	if (r == NVML_SUCCESS)
		*attributes = (nvmlDeviceAttributes_t){ t.v[0], t.v[1], t.v[2], t.v[3],	 t.v[4],
							t.v[5], t.v[6], t.v[7], t.big[0] };
	return r;
}

/* --- vGPU ------------------------------------------------------------------------------------------------------------ */

API(nvmlDeviceGetSupportedVgpus, nvmlDevice_t device, unsigned int *vgpuCount,
    nvmlVgpuTypeId_t *vgpuTypeIds)
{
	struct nvml_told told;
	return list_put(ask(ASK_VGPU_SUPPORTED, device, 0, 0, NULL, &told), &told, vgpuCount,
			vgpuTypeIds);
}

API(nvmlDeviceGetCreatableVgpus, nvmlDevice_t device, unsigned int *vgpuCount,
    nvmlVgpuTypeId_t *vgpuTypeIds)
{
	struct nvml_told told;
	return list_put(ask(ASK_VGPU_CREATABLE, device, 0, 0, NULL, &told), &told, vgpuCount,
			vgpuTypeIds);
}

API(nvmlVgpuTypeGetName, nvmlVgpuTypeId_t vgpuTypeId, char *vgpuTypeName, unsigned int *size)
{
	struct nvml_told told;
	nvmlReturn_t r = text_put(ask(ASK_VGPU, NULL, vgpuTypeId, 0, NULL, &told), &told,
				  vgpuTypeName, *size);
	*size = (unsigned)strlen(told.text) + 1;
	return r;
}

API(nvmlVgpuTypeGetFramebufferSize, nvmlVgpuTypeId_t vgpuTypeId, unsigned long long *fbSize)
{
	struct nvml_told told;
	nvmlReturn_t r = ask(ASK_VGPU, NULL, vgpuTypeId, 0, NULL, &told);
	*fbSize = told.big[0];
	return r;
}

API(nvmlVgpuTypeGetMaxInstances, nvmlDevice_t device, nvmlVgpuTypeId_t vgpuTypeId,
    unsigned int *vgpuInstanceCount)
{
	struct nvml_told told;
	nvmlReturn_t r = ask(ASK_VGPU_MOST, device, vgpuTypeId, 0, NULL, &told);
	*vgpuInstanceCount = told.v[0];
	return r;
}

API(nvmlVgpuTypeGetGpuInstanceProfileId, nvmlVgpuTypeId_t vgpuTypeId,
    unsigned int *gpuInstanceProfileId)
{
	struct nvml_told told;
	nvmlReturn_t r = ask(ASK_VGPU, NULL, vgpuTypeId, 0, NULL, &told);
	*gpuInstanceProfileId = told.v[0];
	return r;
}

API(nvmlDeviceGetVgpuHeterogeneousMode, nvmlDevice_t device, nvmlVgpuHeterogeneousMode_t *mode)
{
	if (mode->version != NVML_STRUCT_VERSION(nvmlVgpuHeterogeneousMode_t, 1u))
		return NVML_ERROR_ARGUMENT_VERSION_MISMATCH;
	return ask_number(ASK_VGPU_MIXED, device, &mode->mode);
}

API(nvmlDeviceSetVgpuHeterogeneousMode, nvmlDevice_t device,
    const nvmlVgpuHeterogeneousMode_t *mode)
{
	struct nvml_told told;
	if (mode->version != NVML_STRUCT_VERSION(nvmlVgpuHeterogeneousMode_t, 1u))
		return NVML_ERROR_ARGUMENT_VERSION_MISMATCH;
	return ask(ASK_SET_VGPU_MIXED, device, mode->mode, 0, NULL, &told);
}

/* In the other mode they are counted only: that is not asked here. */
API(nvmlDeviceGetVgpuTypeSupportedPlacements, nvmlDevice_t device, nvmlVgpuTypeId_t vgpuTypeId,
    nvmlVgpuPlacementList_v2_t *placements)
{
	struct nvml_told told;
	if (placements->version != NVML_STRUCT_VERSION(nvmlVgpuPlacementList_v2_t, 2u))
		return NVML_ERROR_ARGUMENT_VERSION_MISMATCH;
	if (placements->mode != NVML_VGPU_PGPU_HETEROGENEOUS_MODE)
		return NVML_ERROR_NOT_SUPPORTED;
	nvmlReturn_t r = list_put(ask(ASK_VGPU_PLACEMENTS, device, vgpuTypeId, 0, NULL, &told),
				  &told, &placements->count, placements->placementIds);
	placements->placementSize = told.v[0];
	return r;
}

API(nvmlDeviceGetVgpuSchedulerState, nvmlDevice_t device, nvmlVgpuSchedulerGetState_t *state)
{
	*state = (nvmlVgpuSchedulerGetState_t){ 0 };
	return ask_number(ASK_VGPU_SCHEDULER, device, &state->schedulerPolicy);
}

API(nvmlDeviceSetVgpuSchedulerState, nvmlDevice_t device, nvmlVgpuSchedulerSetState_t *state)
{
	struct nvml_told told;
	return ask(ASK_SET_VGPU_SCHEDULER, device, state->schedulerPolicy, 0, NULL, &told);
}

API(nvmlDeviceGetVgpuSchedulerCapabilities, nvmlDevice_t device,
    nvmlVgpuSchedulerCapabilities_t *capabilities)
{
	struct nvml_told told;
	unsigned n = NVML_SUPPORTED_VGPU_SCHEDULER_POLICY_COUNT;
	*capabilities = (nvmlVgpuSchedulerCapabilities_t){ 0 };
	return list_put(ask(ASK_VGPU_SCHEDULERS, device, 0, 0, NULL, &told), &told, &n,
			capabilities->supportedSchedulers);
}

/* --- what monitors ask, and the machine does not have -------------------------------------------------------------------- */

typedef struct {
	unsigned int gpu, memory;
} nvmlUtilization_t;

API(nvmlDeviceGetUtilizationRates, nvmlDevice_t device, nvmlUtilization_t *utilization)
{
	(void)device;
	*utilization = (nvmlUtilization_t){ 0, 0 };
	return NVML_SUCCESS;
}

API(nvmlDeviceGetTemperature, nvmlDevice_t device, unsigned int sensor, unsigned int *temp)
{
	(void)device, (void)sensor;
	*temp = 30;
	return NVML_SUCCESS;
}

#define NOT_SUPPORTED(name)                                                                        \
	EXPORT nvmlReturn_t name(nvmlDevice_t device);                                             \
	nvmlReturn_t name(nvmlDevice_t device)                                                     \
	{                                                                                          \
		(void)device;                                                                      \
		return NVML_ERROR_NOT_SUPPORTED;                                                   \
	}

NOT_SUPPORTED(nvmlDeviceGetPowerUsage)
NOT_SUPPORTED(nvmlDeviceGetEnforcedPowerLimit)
NOT_SUPPORTED(nvmlDeviceGetClockInfo)
NOT_SUPPORTED(nvmlDeviceGetMaxClockInfo)
NOT_SUPPORTED(nvmlDeviceGetFanSpeed)
NOT_SUPPORTED(nvmlDeviceGetEncoderUtilization)
NOT_SUPPORTED(nvmlDeviceGetDecoderUtilization)
NOT_SUPPORTED(nvmlDeviceGetPcieThroughput)
NOT_SUPPORTED(nvmlDeviceGetCurrPcieLinkGeneration)
NOT_SUPPORTED(nvmlDeviceGetCurrPcieLinkWidth)
NOT_SUPPORTED(nvmlDeviceGetMaxPcieLinkGeneration)
NOT_SUPPORTED(nvmlDeviceGetMaxPcieLinkWidth)
NOT_SUPPORTED(nvmlDeviceGetProcessUtilization)
NOT_SUPPORTED(nvmlDeviceGetPerformanceState)
NOT_SUPPORTED(nvmlDeviceGetPersistenceMode)
