/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What is used of NVIDIA's management library: its functions and structures, declared again. Names, numbers and
 * layouts are those of nvml.h of API version 13 (NVIDIA/go-nvml, gen/nvml/nvml.h); they are the ABI of
 * libnvidia-ml.so.1, which is opened at run time and never linked.
 */
#pragma once
#include <stddef.h>

typedef struct nvmlDevice_st *nvmlDevice_t;
typedef struct nvmlGpuInstance_st *nvmlGpuInstance_t;
typedef struct nvmlComputeInstance_st *nvmlComputeInstance_t;
typedef unsigned int nvmlVgpuTypeId_t;

typedef enum {
	NVML_SUCCESS = 0,
	NVML_ERROR_UNINITIALIZED = 1,
	NVML_ERROR_INVALID_ARGUMENT = 2,
	NVML_ERROR_NOT_SUPPORTED = 3,
	NVML_ERROR_NO_PERMISSION = 4,
	NVML_ERROR_NOT_FOUND = 6,
	NVML_ERROR_INSUFFICIENT_SIZE = 7,
	NVML_ERROR_DRIVER_NOT_LOADED = 9,
	NVML_ERROR_LIBRARY_NOT_FOUND = 12,
	NVML_ERROR_FUNCTION_NOT_FOUND = 13,
	NVML_ERROR_GPU_IS_LOST = 15,
	NVML_ERROR_RESET_REQUIRED = 16,
	NVML_ERROR_OPERATING_SYSTEM = 17,
	NVML_ERROR_LIB_RM_VERSION_MISMATCH = 18,
	NVML_ERROR_IN_USE = 19,
	NVML_ERROR_MEMORY = 20,
	NVML_ERROR_NO_DATA = 21,
	NVML_ERROR_INSUFFICIENT_RESOURCES = 23,
	NVML_ERROR_ARGUMENT_VERSION_MISMATCH = 25,
	NVML_ERROR_DEPRECATED = 26,
	NVML_ERROR_NOT_READY = 27,
	NVML_ERROR_GPU_NOT_FOUND = 28,
	NVML_ERROR_INVALID_STATE = 29,
	NVML_ERROR_UNKNOWN = 999,
} nvmlReturn_t;

#define NVML_INIT_FLAG_NO_ATTACH 2u /* of GPUs, until one is asked for */
#define NVML_DEVICE_MIG_DISABLE 0u
#define NVML_DEVICE_MIG_ENABLE 1u
#define NVML_GPU_INSTANCE_PROFILE_COUNT 0x12u
#define NVML_COMPUTE_INSTANCE_PROFILE_COUNT 9u
#define NVML_COMPUTE_INSTANCE_ENGINE_PROFILE_SHARED 0u
#define NVML_DEVICE_NAME_V2_BUFFER_SIZE 96u
#define NVML_DEVICE_UUID_V2_BUFFER_SIZE 96u
#define NVML_SYSTEM_DRIVER_VERSION_BUFFER_SIZE 80u
#define NVML_INVALID_VGPU_PLACEMENT 0xffffu
/* The version of a structure is its size and, in the highest byte, a number. */
#define NVML_STRUCT_VERSION(type, number) ((unsigned)sizeof(type) | (number) << 24)

typedef struct {
	unsigned int start, size; /* memory slices */
} nvmlGpuInstancePlacement_t;

typedef struct {
	unsigned int id, isP2pSupported, sliceCount, instanceCount, multiprocessorCount;
	unsigned int copyEngineCount, decoderCount, encoderCount, jpegCount, ofaCount;
	unsigned long long memorySizeMB;
} nvmlGpuInstanceProfileInfo_t;

typedef struct {
	unsigned int version;
	unsigned int id, isP2pSupported, sliceCount, instanceCount, multiprocessorCount;
	unsigned int copyEngineCount, decoderCount, encoderCount, jpegCount, ofaCount;
	unsigned long long memorySizeMB;
	char name[96];
} nvmlGpuInstanceProfileInfo_v2_t;

typedef struct {
	unsigned int version;
	unsigned int id, sliceCount, instanceCount, multiprocessorCount;
	unsigned int copyEngineCount, decoderCount, encoderCount, jpegCount, ofaCount;
	unsigned long long memorySizeMB;
	char name[96];
	unsigned int capabilities;
} nvmlGpuInstanceProfileInfo_v3_t;

typedef struct {
	nvmlDevice_t device;
	unsigned int id, profileId;
	nvmlGpuInstancePlacement_t placement;
} nvmlGpuInstanceInfo_t;

typedef struct {
	unsigned int start, size; /* compute slices of the GPU instance */
} nvmlComputeInstancePlacement_t;

typedef struct {
	unsigned int id, sliceCount, instanceCount, multiprocessorCount;
	unsigned int sharedCopyEngineCount, sharedDecoderCount, sharedEncoderCount;
	unsigned int sharedJpegCount, sharedOfaCount;
} nvmlComputeInstanceProfileInfo_t;

typedef struct {
	nvmlDevice_t device;
	nvmlGpuInstance_t gpuInstance;
	unsigned int id, profileId;
	nvmlComputeInstancePlacement_t placement;
} nvmlComputeInstanceInfo_t;

typedef struct {
	unsigned long long total, free, used; /* bytes */
} nvmlMemory_t;

typedef struct {
	unsigned int pid;
	unsigned long long usedGpuMemory;
	unsigned int gpuInstanceId, computeInstanceId; /* UINT_MAX: no MIG */
} nvmlProcessInfo_t;

#define NVML_VGPU_PGPU_HETEROGENEOUS_MODE 0u

typedef struct {
	unsigned int version, mode; /* NVML_FEATURE_ENABLED: 1 */
} nvmlVgpuHeterogeneousMode_t;

typedef struct {
	unsigned int version, placementSize, count;
	unsigned int *placementIds;
} nvmlVgpuPlacementList_v1_t;

typedef struct {
	unsigned int version, placementSize, count;
	unsigned int *placementIds;
	unsigned int mode;
} nvmlVgpuPlacementList_v2_t;

#define NVML_SUPPORTED_VGPU_SCHEDULER_POLICY_COUNT 3

/* Of both, params are time slices in ns and more; 0: the driver's own. */
typedef struct {
	unsigned int schedulerPolicy, arrMode;
	unsigned int params[2];
} nvmlVgpuSchedulerGetState_t;

typedef struct {
	unsigned int schedulerPolicy, enableARRMode;
	unsigned int params[2];
} nvmlVgpuSchedulerSetState_t;

typedef struct {
	unsigned int supportedSchedulers[NVML_SUPPORTED_VGPU_SCHEDULER_POLICY_COUNT];
	unsigned int maxTimeslice, minTimeslice, isArrModeSupported;
	unsigned int maxFrequencyForARR, minFrequencyForARR;
	unsigned int maxAvgFactorForARR, minAvgFactorForARR;
} nvmlVgpuSchedulerCapabilities_t;

_Static_assert(NVML_STRUCT_VERSION(nvmlVgpuHeterogeneousMode_t, 1u) == 0x01000008, "ABI");
_Static_assert(NVML_STRUCT_VERSION(nvmlVgpuPlacementList_v1_t, 1u) == 0x01000018, "ABI");
_Static_assert(NVML_STRUCT_VERSION(nvmlVgpuPlacementList_v2_t, 2u) == 0x02000020, "ABI");
_Static_assert(offsetof(nvmlVgpuPlacementList_v2_t, mode) == 24, "ABI");
_Static_assert(sizeof(nvmlVgpuSchedulerGetState_t) == 16, "ABI");
_Static_assert(sizeof(nvmlVgpuSchedulerSetState_t) == 16, "ABI");
_Static_assert(sizeof(nvmlVgpuSchedulerCapabilities_t) == 40, "ABI");
_Static_assert(sizeof(nvmlGpuInstancePlacement_t) == 8, "ABI");
_Static_assert(sizeof(nvmlGpuInstanceProfileInfo_t) == 48, "ABI");
_Static_assert(offsetof(nvmlGpuInstanceProfileInfo_t, memorySizeMB) == 40, "ABI");
_Static_assert(NVML_STRUCT_VERSION(nvmlGpuInstanceProfileInfo_v2_t, 2u) == 0x02000098, "ABI");
_Static_assert(offsetof(nvmlGpuInstanceProfileInfo_v2_t, memorySizeMB) == 48, "ABI");
_Static_assert(offsetof(nvmlGpuInstanceProfileInfo_v2_t, name) == 56, "ABI");
_Static_assert(NVML_STRUCT_VERSION(nvmlGpuInstanceProfileInfo_v3_t, 3u) == 0x03000098, "ABI");
_Static_assert(offsetof(nvmlGpuInstanceProfileInfo_v3_t, memorySizeMB) == 40, "ABI");
_Static_assert(offsetof(nvmlGpuInstanceProfileInfo_v3_t, name) == 48, "ABI");
_Static_assert(offsetof(nvmlGpuInstanceProfileInfo_v3_t, capabilities) == 144, "ABI");
_Static_assert(sizeof(nvmlGpuInstanceInfo_t) == 24, "ABI");
_Static_assert(offsetof(nvmlGpuInstanceInfo_t, placement) == 16, "ABI");
_Static_assert(sizeof(nvmlComputeInstancePlacement_t) == 8, "ABI");
_Static_assert(sizeof(nvmlComputeInstanceProfileInfo_t) == 36, "ABI");
_Static_assert(sizeof(nvmlComputeInstanceInfo_t) == 32, "ABI");
_Static_assert(offsetof(nvmlComputeInstanceInfo_t, id) == 16, "ABI");
_Static_assert(offsetof(nvmlComputeInstanceInfo_t, placement) == 24, "ABI");
_Static_assert(sizeof(nvmlProcessInfo_t) == 24, "ABI");

/* name, parameters: those that are looked up by name. Each returns nvmlReturn_t. */
#define NVML_FUNCTIONS(F)                                                                          \
	F(nvmlInit_v2, (void))                                                                     \
	F(nvmlInitWithFlags, (unsigned int flags))                                                 \
	F(nvmlShutdown, (void))                                                                    \
	F(nvmlSystemGetDriverVersion, (char *version, unsigned int length))                        \
	F(nvmlDeviceGetHandleByPciBusId_v2, (const char *pciBusId, nvmlDevice_t *device))          \
	F(nvmlDeviceGetName, (nvmlDevice_t device, char *name, unsigned int length))               \
	F(nvmlDeviceGetUUID, (nvmlDevice_t device, char *uuid, unsigned int length))               \
	F(nvmlDeviceGetMinorNumber, (nvmlDevice_t device, unsigned int *minorNumber))              \
	F(nvmlDeviceGetMemoryInfo, (nvmlDevice_t device, nvmlMemory_t * memory))                   \
	F(nvmlDeviceGetMigMode,                                                                    \
	  (nvmlDevice_t device, unsigned int *currentMode, unsigned int *pendingMode))             \
	F(nvmlDeviceSetMigMode,                                                                    \
	  (nvmlDevice_t device, unsigned int mode, nvmlReturn_t *activationStatus))                \
	F(nvmlDeviceGetGpuInstanceProfileInfo,                                                     \
	  (nvmlDevice_t device, unsigned int profile, nvmlGpuInstanceProfileInfo_t *info))         \
	F(nvmlDeviceGetGpuInstanceProfileInfoV,                                                    \
	  (nvmlDevice_t device, unsigned int profile, nvmlGpuInstanceProfileInfo_v2_t *info))      \
	F(nvmlDeviceGetGpuInstancePossiblePlacements_v2,                                           \
	  (nvmlDevice_t device, unsigned int profileId, nvmlGpuInstancePlacement_t *placements,    \
	   unsigned int *count))                                                                   \
	F(nvmlDeviceCreateGpuInstanceWithPlacement,                                                \
	  (nvmlDevice_t device, unsigned int profileId,                                            \
	   const nvmlGpuInstancePlacement_t *placement, nvmlGpuInstance_t *gpuInstance))           \
	F(nvmlGpuInstanceDestroy, (nvmlGpuInstance_t gpuInstance))                                 \
	F(nvmlDeviceGetGpuInstances, (nvmlDevice_t device, unsigned int profileId,                 \
				      nvmlGpuInstance_t *gpuInstances, unsigned int *count))       \
	F(nvmlDeviceGetGpuInstanceById,                                                            \
	  (nvmlDevice_t device, unsigned int id, nvmlGpuInstance_t *gpuInstance))                  \
	F(nvmlGpuInstanceGetInfo, (nvmlGpuInstance_t gpuInstance, nvmlGpuInstanceInfo_t * info))   \
	F(nvmlGpuInstanceGetComputeInstanceProfileInfo,                                            \
	  (nvmlGpuInstance_t gpuInstance, unsigned int profile, unsigned int engProfile,           \
	   nvmlComputeInstanceProfileInfo_t *info))                                                \
	F(nvmlGpuInstanceCreateComputeInstance,                                                    \
	  (nvmlGpuInstance_t gpuInstance, unsigned int profileId,                                  \
	   nvmlComputeInstance_t *computeInstance))                                                \
	F(nvmlComputeInstanceDestroy, (nvmlComputeInstance_t computeInstance))                     \
	F(nvmlGpuInstanceGetComputeInstances,                                                      \
	  (nvmlGpuInstance_t gpuInstance, unsigned int profileId,                                  \
	   nvmlComputeInstance_t *computeInstances, unsigned int *count))                          \
	F(nvmlComputeInstanceGetInfo_v2,                                                           \
	  (nvmlComputeInstance_t computeInstance, nvmlComputeInstanceInfo_t * info))               \
	F(nvmlDeviceGetMigDeviceHandleByIndex,                                                     \
	  (nvmlDevice_t device, unsigned int index, nvmlDevice_t *migDevice))                      \
	F(nvmlDeviceGetGpuInstanceId, (nvmlDevice_t device, unsigned int *id))                     \
	F(nvmlDeviceGetComputeInstanceId, (nvmlDevice_t device, unsigned int *id))                 \
	F(nvmlDeviceGetComputeRunningProcesses_v3,                                                 \
	  (nvmlDevice_t device, unsigned int *infoCount, nvmlProcessInfo_t *infos))                \
	F(nvmlDeviceGetSupportedVgpus,                                                             \
	  (nvmlDevice_t device, unsigned int *vgpuCount, nvmlVgpuTypeId_t *vgpuTypeIds))           \
	F(nvmlDeviceGetCreatableVgpus,                                                             \
	  (nvmlDevice_t device, unsigned int *vgpuCount, nvmlVgpuTypeId_t *vgpuTypeIds))           \
	F(nvmlVgpuTypeGetName,                                                                     \
	  (nvmlVgpuTypeId_t vgpuTypeId, char *vgpuTypeName, unsigned int *size))                   \
	F(nvmlVgpuTypeGetFramebufferSize,                                                          \
	  (nvmlVgpuTypeId_t vgpuTypeId, unsigned long long *fbSize))                               \
	F(nvmlVgpuTypeGetMaxInstances,                                                             \
	  (nvmlDevice_t device, nvmlVgpuTypeId_t vgpuTypeId, unsigned int *vgpuInstanceCount))     \
	F(nvmlVgpuTypeGetGpuInstanceProfileId,                                                     \
	  (nvmlVgpuTypeId_t vgpuTypeId, unsigned int *gpuInstanceProfileId))                       \
	F(nvmlDeviceGetVgpuHeterogeneousMode,                                                      \
	  (nvmlDevice_t device, nvmlVgpuHeterogeneousMode_t * mode))                               \
	F(nvmlDeviceSetVgpuHeterogeneousMode,                                                      \
	  (nvmlDevice_t device, const nvmlVgpuHeterogeneousMode_t *mode))                          \
	F(nvmlDeviceGetVgpuTypeSupportedPlacements,                                                \
	  (nvmlDevice_t device, nvmlVgpuTypeId_t vgpuTypeId,                                       \
	   nvmlVgpuPlacementList_v2_t * placements))                                               \
	F(nvmlDeviceGetVgpuSchedulerCapabilities,                                                  \
	  (nvmlDevice_t device, nvmlVgpuSchedulerCapabilities_t * capabilities))                   \
	F(nvmlDeviceGetVgpuSchedulerState,                                                         \
	  (nvmlDevice_t device, nvmlVgpuSchedulerGetState_t * state))                              \
	F(nvmlDeviceSetVgpuSchedulerState,                                                         \
	  (nvmlDevice_t device, nvmlVgpuSchedulerSetState_t * state))
