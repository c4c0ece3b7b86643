/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A library that says what a test wants it to: loaded by carve-nvml --library=FILE. It has one GPU, 0000:3b:00.0, with
 * the profiles of an A100-40GB (NVIDIA's MIG user guide, "Supported MIG profiles"), and remembers nothing. The words of
 * the variable FAKE_NVML are its behaviour:
 *
 *   fail=FUNCTION:CODE hang=FUNCTION crash=FUNCTION
 *   mig pending=CODE      the mode; a change of it is not in force yet, and why
 *   gi=ID:PROFILE:START:SIZE:COMPUTES   an instance, with compute instances that take all of it (more: a slice each)
 *   partial               a single one takes a slice only, too
 *   refuse=N              structures of version N and newer are not known
 *   placements=START:SIZE another one of the smallest profile
 *   many                  more instances than that profile allows
 *   unended               names without an end
 *   pid=N pids=N          who uses it: one more, so many more
 *   vgpus
 *   mixed scheduler=N     how it does vgpus at first; obstinate: changes of that are taken, and nothing comes of them
 *   placed=N              an id more of the smaller type
 *
 * Each call is noted in the file FAKE_NVML_LOG. -DFAKE_OLD: without what drivers before R470 did not have; -DFAKE_EMPTY: a
 * library of something else.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "model/gpu.h"
#include "nvidia/nvml.h"

#ifndef FAKE_EMPTY
#define DECLARE(name, parameters) nvmlReturn_t name parameters;
NVML_FUNCTIONS(DECLARE)
#undef DECLARE

struct nvmlGpuInstance_st {
	unsigned id, profile, start, size, computes;
};
struct nvmlComputeInstance_st {
	struct nvmlGpuInstance_st *of;
	unsigned id;
};
struct nvmlDevice_st {
	struct nvmlComputeInstance_st *compute; /* NULL: the GPU */
};

static const struct profile {
	unsigned index, id, slices, most, size, memory, starts[8], n_starts;
	const char *name;
} profiles[] = {
	{ 0, 19, 1, 7, 1, 4864, { 0, 1, 2, 3, 4, 5, 6 }, 7, "MIG 1g.5gb" },
	{ 1, 14, 2, 3, 2, 9856, { 0, 2, 4 }, 3, "MIG 2g.10gb" },
	{ 2, 9, 3, 2, 4, 19968, { 0, 4 }, 2, "MIG 3g.20gb" },
	{ 4, 0, 7, 1, 8, 40192, { 0 }, 1, "MIG 7g.40gb" },
};
#define N_PROFILES (sizeof(profiles) / sizeof(*profiles))

static struct {
	char words[512];
	struct nvmlGpuInstance_st instances[16];
	struct nvmlComputeInstance_st computes[16 * 8];
	struct nvmlDevice_st gpu, migs[16 * 8];
	unsigned n_instances, n_computes;
	unsigned mixed, scheduler;
} fake;

/* What follows a word, "" too; *at goes on from there. NULL: it is not said (again). */
static const char *word_next(const char *name, const char **at)
{
	size_t len = strlen(name);
	for (const char *w = *at; *w;) {
		const char *end = w + strcspn(w, " ");
		bool is = strncmp(w, name, len) == 0 && (w[len] == '=' || w + len == end);
		*at = w + (size_t)(end - w) + strspn(end, " ");
		if (is)
			return w[len] == '=' ? w + len + 1 : "";
		w = *at;
	}
	return NULL;
}

static const char *word(const char *name)
{
	const char *at = fake.words;
	return word_next(name, &at);
}

static bool names(const char *value, const char *function)
{
	size_t n = strlen(function);
	return strncmp(value, function, n) == 0 && strchr(": ", value[n]);
}

static bool told_to(const char *what, const char *function)
{
	const char *at = fake.words;
	for (const char *v; (v = word_next(what, &at));)
		if (names(v, function))
			return true;
	return false;
}

static nvmlReturn_t enter(const char *function)
{
	const char *log = getenv("FAKE_NVML_LOG"), *at = fake.words;
	FILE *f = log ? fopen(log, "ae") : NULL;
	if (f) {
		fprintf(f, "%s\n", function + strlen("nvml"));
		fclose(f);
	}
	if (told_to("hang", function))
		pause();
	if (told_to("crash", function))
		abort();
	for (const char *v; (v = word_next("fail", &at));)
		if (names(v, function))
			return (nvmlReturn_t)strtoul(v + strlen(function) + 1, NULL, 10);
	return NVML_SUCCESS;
}

#define ENTER()                                                                                    \
	do {                                                                                       \
		nvmlReturn_t entered_ = enter(__func__);                                           \
		if (entered_ != NVML_SUCCESS)                                                      \
			return entered_;                                                           \
	} while (0)

static struct nvmlComputeInstance_st *compute_add(struct nvmlGpuInstance_st *of, unsigned id)
{
	struct nvmlComputeInstance_st *c = &fake.computes[fake.n_computes];
	*c = (struct nvmlComputeInstance_st){ of, id };
	fake.migs[fake.n_computes++].compute = c;
	return c;
}

static struct nvmlGpuInstance_st *instance_add(const struct nvmlGpuInstance_st *like)
{
	struct nvmlGpuInstance_st *g = &fake.instances[fake.n_instances++];
	*g = *like;
	return g;
}

static nvmlReturn_t begin(void)
{
	const char *at = fake.words;
	for (const char *v; fake.n_instances < 16 && (v = word_next("gi", &at));) {
		struct nvmlGpuInstance_st g = { 0 };
		unsigned *const to[] = { &g.id, &g.profile, &g.start, &g.size, &g.computes };
		char *end = (char *)(uintptr_t)v;
		for (size_t i = 0; i < sizeof(to) / sizeof(*to); i++)
			*to[i] = (unsigned)strtoul(end + (i > 0), &end, 10);
		struct nvmlGpuInstance_st *added = instance_add(&g);
		for (unsigned c = 0; c < g.computes; c++)
			compute_add(added, c);
	}
	return NVML_SUCCESS;
}

static void text_put(char *to, unsigned length, const char *text)
{
	if (word("unended"))
		memset(to, 'x', length);
	else
		snprintf(to, length, "%s", text);
}

/* --- the library and the GPU ------------------------------------------------------------------- */

__attribute__((constructor)) static void words_read(void)
{
	const char *words = getenv("FAKE_NVML");
	snprintf(fake.words, sizeof(fake.words), "%s", words ? words : "");
	const char *scheduler = word("scheduler");
	fake.mixed = word("mixed") != NULL;
	fake.scheduler = scheduler ? (unsigned)strtoul(scheduler, NULL, 10) : 1;
}

nvmlReturn_t nvmlInit_v2(void)
{
	ENTER();
	return begin();
}

#ifndef FAKE_OLD
nvmlReturn_t nvmlInitWithFlags(unsigned flags)
{
	ENTER();
	return flags == NVML_INIT_FLAG_NO_ATTACH ? begin() : NVML_ERROR_INVALID_ARGUMENT;
}
#endif

nvmlReturn_t nvmlShutdown(void)
{
	ENTER();
	return NVML_SUCCESS;
}

nvmlReturn_t nvmlSystemGetDriverVersion(char *version, unsigned length)
{
	ENTER();
	text_put(version, length, "580.159.04");
	return NVML_SUCCESS;
}

nvmlReturn_t nvmlDeviceGetHandleByPciBusId_v2(const char *id, nvmlDevice_t *device)
{
	ENTER();
	*device = &fake.gpu;
	return strcmp(id, "0000:3b:00.0") == 0 ? NVML_SUCCESS : NVML_ERROR_NOT_FOUND;
}

nvmlReturn_t nvmlDeviceGetName(nvmlDevice_t device, char *name, unsigned length)
{
	ENTER();
	(void)device;
	text_put(name, length, "NVIDIA A100-SXM4-40GB");
	return NVML_SUCCESS;
}

nvmlReturn_t nvmlDeviceGetUUID(nvmlDevice_t device, char *uuid, unsigned length)
{
	char text[48];
	ENTER();
	unsigned instance = device->compute ? device->compute->of->id : 0;
	snprintf(text, sizeof(text), "%s-00000000-0000-0000-%04x-00000000000%u",
		 device->compute ? "MIG" : "GPU", instance,
		 device->compute ? device->compute->id : 0);
	text_put(uuid, length, text);
	return NVML_SUCCESS;
}

nvmlReturn_t nvmlDeviceGetMinorNumber(nvmlDevice_t device, unsigned *minor)
{
	ENTER();
	(void)device;
	*minor = 3;
	return NVML_SUCCESS;
}

nvmlReturn_t nvmlDeviceGetMemoryInfo(nvmlDevice_t device, nvmlMemory_t *memory)
{
	ENTER();
	(void)device;
	*memory = (nvmlMemory_t){ .total = 40960ULL << 20 };
	return NVML_SUCCESS;
}

nvmlReturn_t nvmlDeviceGetMigMode(nvmlDevice_t device, unsigned *current, unsigned *pending)
{
	ENTER();
	(void)device;
	*current = *pending = word("mig") ? NVML_DEVICE_MIG_ENABLE : NVML_DEVICE_MIG_DISABLE;
	return NVML_SUCCESS;
}

nvmlReturn_t nvmlDeviceSetMigMode(nvmlDevice_t device, unsigned mode, nvmlReturn_t *activation)
{
	ENTER();
	(void)device;
	const char *pending = word("pending");
	*activation = pending ? (nvmlReturn_t)strtoul(pending, NULL, 10) : NVML_SUCCESS;
	if (!pending)
		snprintf(fake.words, sizeof(fake.words), "%s", mode ? "mig" : "");
	return NVML_SUCCESS;
}

/* --- profiles ------------------------------------------------------------------------------------- */

static const struct profile *profile_at(unsigned index)
{
	for (size_t i = 0; i < N_PROFILES; i++)
		if (profiles[i].index == index)
			return &profiles[i];
	return NULL;
}

static const struct profile *profile_of(unsigned id)
{
	for (size_t i = 0; i < N_PROFILES; i++)
		if (profiles[i].id == id)
			return &profiles[i];
	return NULL;
}

#define FILL(info, p)                                                                              \
	((info)->id = (p)->id, (info)->sliceCount = (p)->slices,                                   \
	 (info)->instanceCount = (p)->most, (info)->memorySizeMB = (p)->memory,                    \
	 (info)->multiprocessorCount = 14 * (p)->slices)

static nvmlReturn_t profile_find(unsigned index, const struct profile **ret)
{
	*ret = profile_at(index);
	if (index >= NVML_GPU_INSTANCE_PROFILE_COUNT)
		return NVML_ERROR_INVALID_ARGUMENT;
	return *ret ? NVML_SUCCESS : NVML_ERROR_NOT_SUPPORTED;
}

nvmlReturn_t nvmlDeviceGetGpuInstanceProfileInfo(nvmlDevice_t device, unsigned index,
						 nvmlGpuInstanceProfileInfo_t *info)
{
	const struct profile *p;
	ENTER();
	(void)device;
	nvmlReturn_t r = profile_find(index, &p);
	if (r == NVML_SUCCESS)
		FILL(info, p);
	return r;
}

#ifndef FAKE_OLD
nvmlReturn_t nvmlDeviceGetGpuInstanceProfileInfoV(nvmlDevice_t device, unsigned index,
						  nvmlGpuInstanceProfileInfo_v2_t *info)
{
	const char *refused = word("refuse");
	const struct profile *p;
	ENTER();
	(void)device;
	if (refused && info->version >> 24 >= strtoul(refused, NULL, 10))
		return NVML_ERROR_ARGUMENT_VERSION_MISMATCH;
	nvmlReturn_t r = profile_find(index, &p);
	if (r != NVML_SUCCESS)
		return r;
	if (info->version == NVML_STRUCT_VERSION(nvmlGpuInstanceProfileInfo_v3_t, 3u)) {
		nvmlGpuInstanceProfileInfo_v3_t *v3 = (void *)info;
		FILL(v3, p);
		text_put(v3->name, sizeof(v3->name), p->name);
		return NVML_SUCCESS;
	}
	FILL(info, p);
	text_put(info->name, sizeof(info->name), p->name);
	return NVML_SUCCESS;
}
#endif

nvmlReturn_t nvmlDeviceGetGpuInstancePossiblePlacements_v2(nvmlDevice_t device, unsigned profileId,
							   nvmlGpuInstancePlacement_t *placements,
							   unsigned *count)
{
	ENTER();
	(void)device;
	const struct profile *p = profile_of(profileId);
	const char *other = word("placements");
	if (!p)
		return NVML_ERROR_INVALID_ARGUMENT;
	*count = p->n_starts;
	for (unsigned i = 0; placements && i < p->n_starts; i++)
		placements[i] = (nvmlGpuInstancePlacement_t){ p->starts[i], p->size };
	if (placements && other && profileId == profiles[0].id) {
		char *end;
		placements[0].start = (unsigned)strtoul(other, &end, 10);
		placements[0].size = (unsigned)strtoul(end + 1, NULL, 10);
	}
	return NVML_SUCCESS;
}

/* --- instances ------------------------------------------------------------------------------------- */

nvmlReturn_t nvmlDeviceGetGpuInstances(nvmlDevice_t device, unsigned profileId,
				       nvmlGpuInstance_t *gpuInstances, unsigned *count)
{
	ENTER();
	(void)device;
	unsigned n = 0;
	for (unsigned i = 0; i < fake.n_instances; i++)
		if (fake.instances[i].profile == profileId)
			gpuInstances[n++] = &fake.instances[i];
	*count = word("many") ? 1000 : n;
	return NVML_SUCCESS;
}

nvmlReturn_t nvmlDeviceGetGpuInstanceById(nvmlDevice_t device, unsigned id,
					  nvmlGpuInstance_t *gpuInstance)
{
	ENTER();
	(void)device;
	for (unsigned i = 0; i < fake.n_instances; i++)
		if (fake.instances[i].id == id) {
			*gpuInstance = &fake.instances[i];
			return NVML_SUCCESS;
		}
	return NVML_ERROR_NOT_FOUND;
}

nvmlReturn_t nvmlDeviceCreateGpuInstanceWithPlacement(nvmlDevice_t device, unsigned profileId,
						      const nvmlGpuInstancePlacement_t *placement,
						      nvmlGpuInstance_t *gpuInstance)
{
	ENTER();
	(void)device;
	const struct nvmlGpuInstance_st made = { 11, profileId, placement->start, placement->size,
						 0 };
	*gpuInstance = instance_add(&made);
	return NVML_SUCCESS;
}

nvmlReturn_t nvmlGpuInstanceDestroy(nvmlGpuInstance_t gpuInstance)
{
	ENTER();
	return gpuInstance->computes ? NVML_ERROR_IN_USE : NVML_SUCCESS;
}

nvmlReturn_t nvmlGpuInstanceGetInfo(nvmlGpuInstance_t gpuInstance, nvmlGpuInstanceInfo_t *info)
{
	ENTER();
	*info = (nvmlGpuInstanceInfo_t){ .device = &fake.gpu,
					 .id = gpuInstance->id,
					 .profileId = gpuInstance->profile,
					 .placement = { gpuInstance->start, gpuInstance->size } };
	return NVML_SUCCESS;
}

/* By the number of the profile (nvml.h, NVML_COMPUTE_INSTANCE_PROFILE_*). */
static const unsigned compute_slices[] = { 1, 2, 3, 4, 7, 8, 6, 1 };

/* Ids that are no index: 100 and the index. */
nvmlReturn_t nvmlGpuInstanceGetComputeInstanceProfileInfo(nvmlGpuInstance_t gpuInstance,
							  unsigned profile, unsigned engProfile,
							  nvmlComputeInstanceProfileInfo_t *info)
{
	ENTER();
	(void)gpuInstance;
	if (profile >= sizeof(compute_slices) / sizeof(*compute_slices))
		return NVML_ERROR_INVALID_ARGUMENT;
	*info = (nvmlComputeInstanceProfileInfo_t){ .id = 100 + profile,
						    .sliceCount = compute_slices[profile] };
	return engProfile ? NVML_ERROR_NOT_SUPPORTED : NVML_SUCCESS;
}

nvmlReturn_t nvmlGpuInstanceCreateComputeInstance(nvmlGpuInstance_t gpuInstance, unsigned profileId,
						  nvmlComputeInstance_t *computeInstance)
{
	ENTER();
	if (profileId < 100)
		return NVML_ERROR_INVALID_ARGUMENT;
	*computeInstance = compute_add(gpuInstance, gpuInstance->computes++);
	return NVML_SUCCESS;
}

nvmlReturn_t nvmlComputeInstanceDestroy(nvmlComputeInstance_t computeInstance)
{
	ENTER();
	computeInstance->of->computes--;
	return NVML_SUCCESS;
}

/* One takes all of the GPU instance, more of them a slice each. */
static bool is_of(const struct nvmlComputeInstance_st *c, unsigned profileId)
{
	const struct profile *p = profile_of(c->of->profile);
	static const unsigned by_slices[] = { 0, 0, 1, 2, 3, 0, 6, 4, 5 };
	bool whole = c->of->computes == 1 && !word("partial");
	return p && profileId == 100 + (whole ? by_slices[p->slices] : 0);
}

nvmlReturn_t nvmlGpuInstanceGetComputeInstances(nvmlGpuInstance_t gpuInstance, unsigned profileId,
						nvmlComputeInstance_t *found, unsigned *count)
{
	ENTER();
	*count = 0;
	for (unsigned i = 0; i < fake.n_computes; i++)
		if (fake.computes[i].of == gpuInstance && is_of(&fake.computes[i], profileId))
			found[(*count)++] = &fake.computes[i];
	return NVML_SUCCESS;
}

nvmlReturn_t nvmlComputeInstanceGetInfo_v2(nvmlComputeInstance_t computeInstance,
					   nvmlComputeInstanceInfo_t *info)
{
	ENTER();
	*info = (nvmlComputeInstanceInfo_t){ .device = &fake.gpu,
					     .gpuInstance = computeInstance->of,
					     .id = computeInstance->id };
	return NVML_SUCCESS;
}

/* With a gap at the beginning. */
nvmlReturn_t nvmlDeviceGetMigDeviceHandleByIndex(nvmlDevice_t device, unsigned index,
						 nvmlDevice_t *migDevice)
{
	ENTER();
	(void)device;
	if (index >= 8)
		return NVML_ERROR_INVALID_ARGUMENT;
	if (index == 0 || index > fake.n_computes)
		return NVML_ERROR_NOT_FOUND;
	*migDevice = &fake.migs[index - 1];
	return NVML_SUCCESS;
}

nvmlReturn_t nvmlDeviceGetGpuInstanceId(nvmlDevice_t device, unsigned *id)
{
	ENTER();
	*id = device->compute->of->id;
	return NVML_SUCCESS;
}

nvmlReturn_t nvmlDeviceGetComputeInstanceId(nvmlDevice_t device, unsigned *id)
{
	ENTER();
	*id = device->compute->id;
	return NVML_SUCCESS;
}

nvmlReturn_t nvmlDeviceGetComputeRunningProcesses_v3(nvmlDevice_t device, unsigned *infoCount,
						     nvmlProcessInfo_t *infos)
{
	unsigned room = *infoCount;
	const char *at = fake.words;
	ENTER();
	(void)device;
	const char *many = word("pids");
	unsigned n = 0, more = many ? (unsigned)strtoul(many, NULL, 10) : 0;
	for (const char *v; (v = word_next("pid", &at)); n++)
		if (n < room)
			infos[n].pid = (unsigned)strtoul(v, NULL, 10);
	for (; more > 0; more--, n++)
		if (n < room)
			infos[n].pid = 5000 + n;
	*infoCount = n;
	return n > room ? NVML_ERROR_INSUFFICIENT_SIZE : NVML_SUCCESS;
}

/* --- vGPU types ----------------------------------------------------------------------------------- */

nvmlReturn_t nvmlDeviceGetSupportedVgpus(nvmlDevice_t device, unsigned *vgpuCount,
					 nvmlVgpuTypeId_t *vgpuTypeIds)
{
	ENTER();
	(void)device;
	if (!word("vgpus"))
		return NVML_ERROR_NOT_SUPPORTED;
	*vgpuCount = 2;
	vgpuTypeIds[0] = 471;
	vgpuTypeIds[1] = 474;
	return NVML_SUCCESS;
}

nvmlReturn_t nvmlDeviceGetCreatableVgpus(nvmlDevice_t device, unsigned *vgpuCount,
					 nvmlVgpuTypeId_t *vgpuTypeIds)
{
	ENTER();
	(void)device;
	*vgpuCount = 1;
	vgpuTypeIds[0] = 474;
	return NVML_SUCCESS;
}

nvmlReturn_t nvmlVgpuTypeGetName(nvmlVgpuTypeId_t vgpuTypeId, char *name, unsigned *size)
{
	ENTER();
	text_put(name, *size, vgpuTypeId == 471 ? "GRID A100-40C" : "GRID A100-4C");
	return NVML_SUCCESS;
}

nvmlReturn_t nvmlVgpuTypeGetFramebufferSize(nvmlVgpuTypeId_t vgpuTypeId, unsigned long long *fbSize)
{
	ENTER();
	*fbSize = vgpuTypeId == 471 ? 40ULL << 30 : 4ULL << 30;
	return NVML_SUCCESS;
}

nvmlReturn_t nvmlVgpuTypeGetMaxInstances(nvmlDevice_t device, nvmlVgpuTypeId_t vgpuTypeId,
					 unsigned *vgpuInstanceCount)
{
	ENTER();
	(void)device;
	*vgpuInstanceCount = vgpuTypeId == 471 ? 1 : 10;
	return NVML_SUCCESS;
}

nvmlReturn_t nvmlVgpuTypeGetGpuInstanceProfileId(nvmlVgpuTypeId_t vgpuTypeId, unsigned *id)
{
	ENTER();
	(void)vgpuTypeId;
	*id = NVML_INVALID_VGPU_PLACEMENT;
	return NVML_ERROR_NOT_SUPPORTED;
}

#ifndef FAKE_OLD
static bool is_new(unsigned version)
{
	const char *refuse = word("refuse");
	return refuse && version >> 24 >= strtoul(refuse, NULL, 10);
}

nvmlReturn_t nvmlDeviceGetVgpuHeterogeneousMode(nvmlDevice_t device,
						nvmlVgpuHeterogeneousMode_t *mode)
{
	ENTER();
	(void)device;
	if (is_new(mode->version) || mode->version != 0x01000008)
		return NVML_ERROR_ARGUMENT_VERSION_MISMATCH;
	mode->mode = fake.mixed;
	return NVML_SUCCESS;
}

nvmlReturn_t nvmlDeviceSetVgpuHeterogeneousMode(nvmlDevice_t device,
						const nvmlVgpuHeterogeneousMode_t *mode)
{
	ENTER();
	(void)device;
	if (!word("obstinate"))
		fake.mixed = mode->mode;
	return NVML_SUCCESS;
}

/* Eighths: four of them, and each of the eight. */
nvmlReturn_t nvmlDeviceGetVgpuTypeSupportedPlacements(nvmlDevice_t device,
						      nvmlVgpuTypeId_t vgpuTypeId,
						      nvmlVgpuPlacementList_v2_t *placements)
{
	ENTER();
	(void)device;
	const char *more = word("placed");
	unsigned n = vgpuTypeId == 471 ? 1 : more ? 9 : 8;
	if (is_new(placements->version))
		return NVML_ERROR_ARGUMENT_VERSION_MISMATCH;
	if (placements->count < n)
		return NVML_ERROR_INSUFFICIENT_SIZE;
	placements->count = n;
	placements->placementSize = vgpuTypeId == 471 ? 40 : 5;
	for (unsigned i = 0; i < n; i++)
		placements->placementIds[i] = i == 8 ? (unsigned)strtoul(more, NULL, 10) : 5 * i;
	return NVML_SUCCESS;
}

nvmlReturn_t nvmlDeviceGetVgpuSchedulerState(nvmlDevice_t device,
					     nvmlVgpuSchedulerGetState_t *state)
{
	ENTER();
	(void)device;
	state->schedulerPolicy = fake.scheduler;
	return NVML_SUCCESS;
}

nvmlReturn_t nvmlDeviceSetVgpuSchedulerState(nvmlDevice_t device,
					     nvmlVgpuSchedulerSetState_t *state)
{
	ENTER();
	(void)device;
	if (!word("obstinate"))
		fake.scheduler = state->schedulerPolicy;
	return NVML_SUCCESS;
}

nvmlReturn_t nvmlDeviceGetVgpuSchedulerCapabilities(nvmlDevice_t device,
						    nvmlVgpuSchedulerCapabilities_t *capabilities)
{
	ENTER();
	(void)device;
	memset(capabilities, 0, sizeof(*capabilities));
	capabilities->supportedSchedulers[0] = VGPU_SCHEDULER_BEST_EFFORT;
	capabilities->supportedSchedulers[1] = VGPU_SCHEDULER_FIXED_SHARE;
	capabilities->supportedSchedulers[2] = 77;
	return NVML_SUCCESS;
}
#endif
#endif
