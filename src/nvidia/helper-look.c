/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What carve-nvml asks of a GPU. What the library says is not believed before it adds up. */
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/num.h"
#include "base/str.h"
#include "nvidia/helper.h"

/* --- names --------------------------------------------------------------------------------------- */

/* Some versions put a word in front. */
static void name_take(const char *said, char ret[NAME_SIZE])
{
	static const char *const words[] = { "MIG ", "NVIDIA ", "GRID " };
	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++) {
		const char *behind = str_after(said, words[i]);
		said = behind ? behind : said;
	}
	(void)str_format(ret, NAME_SIZE, "%.*s", NAME_SIZE - 1, said);
}

/* Libraries before ProfileInfoV name nothing: slices, and memory in eighths of the GPU, as NVIDIA's go-nvlib does. */
static void name_make(const struct gpu *g, struct gpu_profile *p)
{
	uint64_t eighths = g->memory ? ((uint64_t)p->memory * 8 + g->memory - 1) / g->memory : 0;
	uint64_t gb = (eighths * ((g->memory + 1023u) / 1024u) + 4) / 8;
	(void)STR_FORMAT(p->name, "%ug.%ugb", p->slices, (unsigned)gb);
}

/* --- profiles ------------------------------------------------------------------------------------- */

/* The members have the same names in all versions, in other places. */
#define PROFILE_OF(i)                                                                              \
	(struct gpu_profile)                                                                       \
	{                                                                                          \
		.id = (i).id, .slices = (i).sliceCount, .most = (i).instanceCount,                 \
		.memory = (uint32_t)(i).memorySizeMB, .multiprocessors = (i).multiprocessorCount,  \
		.copy_engines = (i).copyEngineCount, .decoders = (i).decoderCount,                 \
		.encoders = (i).encoderCount, .jpeg = (i).jpegCount, .optical_flow = (i).ofaCount, \
	}

static nvmlReturn_t profile_v3(struct helper *h, unsigned index, struct gpu_profile *ret)
{
	nvmlGpuInstanceProfileInfo_v3_t i = { .version = NVML_STRUCT_VERSION(
						      nvmlGpuInstanceProfileInfo_v3_t, 3u) };
	nvmlReturn_t r = NVML(&h->nvml, nvmlDeviceGetGpuInstanceProfileInfoV, h->device, index,
			      (nvmlGpuInstanceProfileInfo_v2_t *)(void *)&i);
	if (r != NVML_SUCCESS)
		return r;
	i.name[sizeof(i.name) - 1] = '\0';
	*ret = PROFILE_OF(i);
	name_take(i.name, ret->name);
	return r;
}

static nvmlReturn_t profile_v2(struct helper *h, unsigned index, struct gpu_profile *ret)
{
	nvmlGpuInstanceProfileInfo_v2_t i = { .version = NVML_STRUCT_VERSION(
						      nvmlGpuInstanceProfileInfo_v2_t, 2u) };
	nvmlReturn_t r = NVML(&h->nvml, nvmlDeviceGetGpuInstanceProfileInfoV, h->device, index, &i);
	if (r != NVML_SUCCESS)
		return r;
	i.name[sizeof(i.name) - 1] = '\0';
	*ret = PROFILE_OF(i);
	name_take(i.name, ret->name);
	return r;
}

static nvmlReturn_t profile_v1(struct helper *h, unsigned index, struct gpu_profile *ret)
{
	nvmlGpuInstanceProfileInfo_t i = { 0 };
	nvmlReturn_t r = NVML(&h->nvml, nvmlDeviceGetGpuInstanceProfileInfo, h->device, index, &i);
	if (r != NVML_SUCCESS)
		return r;
	*ret = PROFILE_OF(i);
	name_make(&h->reply.report.gpu, ret);
	return r;
}

/* The newest form that this library knows. */
static nvmlReturn_t profile_ask(struct helper *h, unsigned index, struct gpu_profile *ret)
{
	nvmlReturn_t r = profile_v3(h, index, ret);
	if (r == NVML_ERROR_ARGUMENT_VERSION_MISMATCH)
		r = profile_v2(h, index, ret);
	if (r == NVML_ERROR_ARGUMENT_VERSION_MISMATCH || r == NVML_ERROR_FUNCTION_NOT_FOUND)
		r = profile_v1(h, index, ret);
	return r;
}

static bool nonsense(struct helper *h, const char *what)
{
	helper_failed(h, NVML_CODE_NONSENSE, "libnvidia-ml.so.1", what);
	return false;
}

static bool placements_take(struct helper *h, const nvmlGpuInstancePlacement_t *at, unsigned n,
			    struct gpu_profile *ret)
{
	for (unsigned i = 0; i < n; i++) {
		if (at[i].size == 0 || at[i].size > 64 || at[i].start > 64 - at[i].size ||
		    (ret->size && at[i].size != ret->size))
			return nonsense(h, "placements that cannot be");
		ret->size = at[i].size;
		ret->starts |= UINT64_C(1) << at[i].start;
	}
	return true;
}

static bool placements_ask(struct helper *h, struct gpu_profile *ret)
{
	nvmlGpuInstancePlacement_t at[64];
	unsigned n = 0;
	nvmlReturn_t r = NVML(&h->nvml, nvmlDeviceGetGpuInstancePossiblePlacements_v2, h->device,
			      ret->id, NULL, &n);
	if ((r == NVML_SUCCESS || r == NVML_ERROR_INSUFFICIENT_SIZE) && n > 64)
		return nonsense(h, "more placements than a GPU has slices");
	if ((r == NVML_SUCCESS || r == NVML_ERROR_INSUFFICIENT_SIZE) && n)
		r = NVML(&h->nvml, nvmlDeviceGetGpuInstancePossiblePlacements_v2, h->device,
			 ret->id, at, &n);
	if (r != NVML_SUCCESS) {
		helper_failed(h, r, h->nvml.call, NULL);
		return false;
	}
	if (n > 64)
		return nonsense(h, "more placements than it said");
	return placements_take(h, at, n, ret);
}

/* The smaller ones first, as people read them. */
static void profiles_sort(struct gpu_profile *p, uint32_t n)
{
	for (uint32_t i = 1; i < n; i++)
		for (uint32_t k = i; k > 0; k--) {
			if (p[k - 1].slices < p[k].slices ||
			    (p[k - 1].slices == p[k].slices && p[k - 1].size <= p[k].size))
				break;
			struct gpu_profile swap = p[k];
			p[k] = p[k - 1];
			p[k - 1] = swap;
		}
}

static bool profiles_ask(struct helper *h)
{
	struct gpu_report *report = &h->reply.report;
	for (unsigned i = 0; i < NVML_GPU_INSTANCE_PROFILE_COUNT; i++) {
		struct gpu_profile p;
		nvmlReturn_t r = profile_ask(h, i, &p);
		if (r == NVML_ERROR_INVALID_ARGUMENT)
			break;
		if (r == NVML_ERROR_NOT_SUPPORTED)
			continue;
		if (r != NVML_SUCCESS) {
			helper_failed(h, r, h->nvml.call, NULL);
			return false;
		}
		if (!placements_ask(h, &p))
			return false;
		/* One that has no place cannot be made. */
		if (p.size)
			h->profiles[report->n_profiles++] = p;
	}
	profiles_sort(h->profiles, report->n_profiles);
	return true;
}

/* --- instances --------------------------------------------------------------------------------------- */

uint32_t helper_compute_index(uint32_t slices)
{
	/* nvml.h: NVML_COMPUTE_INSTANCE_PROFILE_1_SLICE and on. */
	static const uint8_t by_slices[] = { 0xff, 0, 1, 2, 3, 0xff, 6, 4, 5 };
	bool known = slices < sizeof(by_slices) && by_slices[slices] != 0xff;
	return known ? by_slices[slices] : UINT32_MAX;
}

/* "DeviceFileMinor: 12": nv-caps.c of open-gpu-kernel-modules. -1: not told. */
static int32_t minor_of(const char *path)
{
	char text[256];
	uint32_t minor;
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
	if (n <= 0)
		return -1;
	text[n] = '\0';
	char *at = strstr(text, "DeviceFileMinor:");
	if (!at)
		return -1;
	at += strlen("DeviceFileMinor:");
	at += strspn(at, " \t");
	at[strcspn(at, " \n")] = '\0';
	return num_parse_u32(at, 10, &minor) < 0 || minor > INT32_MAX ? -1 : (int32_t)minor;
}

void helper_part_nodes(int32_t gpu, struct gpu_part *p)
{
	char path[128];
	if (gpu < 0)
		return;
	if (STR_FORMAT(path, "/proc/driver/nvidia/capabilities/gpu%d/mig/gi%u/access", gpu,
		       p->instance) == 0)
		p->instance_minor = minor_of(path);
	if (p->n_computes &&
	    STR_FORMAT(path, "/proc/driver/nvidia/capabilities/gpu%d/mig/gi%u/ci%u/access", gpu,
		       p->instance, p->compute) == 0)
		p->compute_minor = minor_of(path);
}

nvmlReturn_t helper_computes(struct helper *h, nvmlGpuInstance_t instance, unsigned index,
			     nvmlComputeInstanceProfileInfo_t *ret,
			     nvmlComputeInstance_t found[HELPER_COMPUTES], unsigned *ret_n)
{
	unsigned n = HELPER_COMPUTES;
	*ret_n = 0;
	nvmlReturn_t r = NVML(&h->nvml, nvmlGpuInstanceGetComputeInstanceProfileInfo, instance,
			      index, NVML_COMPUTE_INSTANCE_ENGINE_PROFILE_SHARED, ret);
	if (r == NVML_ERROR_NOT_SUPPORTED || r == NVML_ERROR_INVALID_ARGUMENT)
		return NVML_SUCCESS;
	if (r == NVML_SUCCESS)
		r = NVML(&h->nvml, nvmlGpuInstanceGetComputeInstances, instance, ret->id, found,
			 &n);
	if (r == NVML_SUCCESS && n > HELPER_COMPUTES) {
		h->nvml.call = "nvmlGpuInstanceGetComputeInstances";
		r = NVML_ERROR_INSUFFICIENT_SIZE;
	}
	if (r == NVML_SUCCESS)
		*ret_n = n;
	return r;
}

/* The first that is found is told of. slices: of the GPU instance. */
static bool computes_ask(struct helper *h, nvmlGpuInstance_t instance, unsigned index,
			 uint32_t slices, struct gpu_part *ret)
{
	nvmlComputeInstanceProfileInfo_t profile;
	nvmlComputeInstance_t found[HELPER_COMPUTES];
	nvmlComputeInstanceInfo_t info = { 0 };
	unsigned n;
	nvmlReturn_t r = helper_computes(h, instance, index, &profile, found, &n);
	if (r == NVML_SUCCESS && n > 0 && ret->n_computes == 0) {
		r = NVML(&h->nvml, nvmlComputeInstanceGetInfo_v2, found[0], &info);
		ret->compute = info.id;
		ret->compute_whole = n == 1 && profile.sliceCount == slices;
	}
	if (r != NVML_SUCCESS) {
		helper_failed(h, r, h->nvml.call, NULL);
		return false;
	}
	ret->n_computes += n;
	return true;
}

/* MIG devices of one GPU that there can be: more than any has slices. */
#define MIG_DEVICES 64

/* Handles have gaps: NOT_FOUND, and INVALID_ARGUMENT behind the last (nvml.h, nvmlDeviceGetMigDeviceHandleByIndex). */
static nvmlReturn_t mig_ask(struct helper *h, unsigned index, nvmlDevice_t *ret, unsigned *ret_gi)
{
	nvmlReturn_t r = NVML(&h->nvml, nvmlDeviceGetMigDeviceHandleByIndex, h->device, index, ret);
	return r == NVML_SUCCESS ? NVML(&h->nvml, nvmlDeviceGetGpuInstanceId, *ret, ret_gi) : r;
}

/* Only where there are several does it matter which. */
static bool mig_is_of(struct helper *h, nvmlDevice_t mig, const struct gpu_part *p)
{
	unsigned compute;
	return p->n_computes == 1 ||
	       (NVML(&h->nvml, nvmlDeviceGetComputeInstanceId, mig, &compute) == NVML_SUCCESS &&
		compute == p->compute);
}

nvmlDevice_t helper_mig_device(struct helper *h, const struct gpu_part *p)
{
	nvmlReturn_t r = NVML_SUCCESS;
	for (unsigned i = 0; i < MIG_DEVICES && (r == NVML_SUCCESS || r == NVML_ERROR_NOT_FOUND);
	     i++) {
		nvmlDevice_t mig;
		unsigned instance;
		r = mig_ask(h, i, &mig, &instance);
		if (r == NVML_SUCCESS && instance == p->instance && mig_is_of(h, mig, p))
			return mig;
	}
	return NULL;
}

static struct gpu_part *part_unnamed(struct helper *h, unsigned instance)
{
	for (uint32_t i = 0; i < h->reply.report.n_parts; i++)
		if (h->parts[i].n_computes && h->parts[i].instance == instance &&
		    !h->parts[i].uuid[0])
			return &h->parts[i];
	return NULL;
}

static bool uuid_ask(struct helper *h, nvmlDevice_t mig, struct gpu_part *p)
{
	char uuid[NVML_DEVICE_UUID_V2_BUFFER_SIZE] = "";
	return NVML(&h->nvml, nvmlDeviceGetUUID, mig, uuid, sizeof(uuid) - 1) == NVML_SUCCESS &&
	       STR_FORMAT(p->uuid, "%.*s", GPU_UUID_SIZE - 1, uuid) == 0;
}

void helper_parts_name(struct helper *h)
{
	uint32_t left = 0;
	nvmlReturn_t r = NVML_SUCCESS;
	for (uint32_t i = 0; i < h->reply.report.n_parts; i++)
		left += h->parts[i].n_computes > 0;
	for (unsigned i = 0; left && i < MIG_DEVICES; i++) {
		nvmlDevice_t mig;
		unsigned instance;
		r = mig_ask(h, i, &mig, &instance);
		if (r == NVML_ERROR_NOT_FOUND)
			continue;
		if (r != NVML_SUCCESS)
			break;
		struct gpu_part *p = part_unnamed(h, instance);
		if (p && mig_is_of(h, mig, p))
			left -= uuid_ask(h, mig, p);
	}
}

bool helper_part(struct helper *h, nvmlGpuInstance_t instance, struct gpu_part *ret)
{
	nvmlGpuInstanceInfo_t info = { 0 };
	nvmlReturn_t r = NVML(&h->nvml, nvmlGpuInstanceGetInfo, instance, &info);
	if (r != NVML_SUCCESS) {
		helper_failed(h, r, h->nvml.call, NULL);
		return false;
	}
	if (info.placement.size == 0 || info.placement.size > 64 ||
	    info.placement.start > 64 - info.placement.size)
		return nonsense(h, "a GPU instance in a place that cannot be");
	*ret = (struct gpu_part){ .instance = info.id,
				  .profile = info.profileId,
				  .start = info.placement.start,
				  .size = info.placement.size,
				  .instance_minor = -1,
				  .compute_minor = -1 };
	return true;
}

static bool overlaps(const struct helper *h, const struct gpu_part *p)
{
	for (uint32_t i = 0; i < h->reply.report.n_parts; i++)
		if (h->parts[i].start < p->start + p->size &&
		    p->start < h->parts[i].start + h->parts[i].size)
			return true;
	return false;
}

static bool part_add(struct helper *h, nvmlGpuInstance_t instance,
		     const struct gpu_profile *profile)
{
	struct gpu_part p;
	uint32_t whole = helper_compute_index(profile->slices);
	if (!helper_part(h, instance, &p))
		return false;
	if (h->reply.report.n_parts == HELPER_PARTS || overlaps(h, &p))
		return nonsense(h, "GPU instances in the same place");
	if (whole != UINT32_MAX && !computes_ask(h, instance, whole, profile->slices, &p))
		return false;
	for (unsigned i = 0; p.n_computes == 0 && i < NVML_COMPUTE_INSTANCE_PROFILE_COUNT; i++)
		if (i != whole && !computes_ask(h, instance, i, profile->slices, &p))
			return false;
	helper_part_nodes(h->reply.report.gpu.minor, &p);
	h->parts[h->reply.report.n_parts++] = p;
	return true;
}

static bool parts_ask(struct helper *h)
{
	for (uint32_t i = 0; i < h->reply.report.n_profiles; i++) {
		nvmlGpuInstance_t found[64];
		unsigned n = h->profiles[i].most < 64 ? h->profiles[i].most : 64;
		nvmlReturn_t r = NVML(&h->nvml, nvmlDeviceGetGpuInstances, h->device,
				      h->profiles[i].id, found, &n);
		if (r != NVML_SUCCESS) {
			helper_failed(h, r, h->nvml.call, NULL);
			return false;
		}
		if (n > h->profiles[i].most)
			return nonsense(h, "more GPU instances than there can be");
		for (unsigned k = 0; k < n; k++)
			if (!part_add(h, found[k], &h->profiles[i]))
				return false;
	}
	helper_parts_name(h);
	return true;
}

const struct gpu_part *helper_part_at(const struct helper *h, uint32_t start)
{
	for (uint32_t i = 0; i < h->reply.report.n_parts; i++)
		if (h->parts[i].start == start)
			return &h->parts[i];
	return NULL;
}

/* --- vGPU types ----------------------------------------------------------------------------------------- */

static bool is_among(nvmlVgpuTypeId_t id, const nvmlVgpuTypeId_t *of, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		if (of[i] == id)
			return true;
	return false;
}

static void type_ask(struct helper *h, nvmlVgpuTypeId_t id, struct vgpu_type *ret)
{
	char name[NAME_SIZE] = "";
	unsigned size = sizeof(name) - 1, n;
	unsigned long long memory;
	*ret = (struct vgpu_type){ .id = id, .profile = GPU_NO_PROFILE };
	if (NVML(&h->nvml, nvmlVgpuTypeGetName, id, name, &size) == NVML_SUCCESS)
		name_take(name, ret->name);
	if (NVML(&h->nvml, nvmlVgpuTypeGetFramebufferSize, id, &memory) == NVML_SUCCESS)
		ret->memory = (uint32_t)(memory >> 20);
	if (NVML(&h->nvml, nvmlVgpuTypeGetMaxInstances, h->device, id, &n) == NVML_SUCCESS)
		ret->most = n;
	if (NVML(&h->nvml, nvmlVgpuTypeGetGpuInstanceProfileId, id, &n) == NVML_SUCCESS)
		ret->profile = n;
}

/* A driver that makes no vGPUs does not know the question. */
static void types_ask(struct helper *h)
{
	nvmlVgpuTypeId_t ids[HELPER_TYPES], creatable[HELPER_TYPES];
	unsigned n = HELPER_TYPES, n_creatable = HELPER_TYPES;
	struct gpu_report *report = &h->reply.report;
	if (NVML(&h->nvml, nvmlDeviceGetSupportedVgpus, h->device, &n, ids) != NVML_SUCCESS ||
	    n > HELPER_TYPES)
		return;
	report->gpu.vgpu = n > 0;
	if (n > 0)
		helper_vgpu_ask(h, &report->gpu);
	if (NVML(&h->nvml, nvmlDeviceGetCreatableVgpus, h->device, &n_creatable, creatable) !=
		    NVML_SUCCESS ||
	    n_creatable > HELPER_TYPES)
		n_creatable = 0;
	for (unsigned i = 0; i < n; i++) {
		struct vgpu_type *t = &h->types[report->n_types];
		type_ask(h, ids[i], t);
		t->creatable = is_among(ids[i], creatable, n_creatable);
		if (report->gpu.mixed_capable && t->profile == GPU_NO_PROFILE)
			helper_vgpu_placements(h, t);
		report->n_types += t->name[0] != '\0';
	}
}

/* --- all of it --------------------------------------------------------------------------------------------- */

static void gpu_ask(struct helper *h)
{
	struct gpu *g = &h->reply.report.gpu;
	char name[NVML_DEVICE_NAME_V2_BUFFER_SIZE] = "";
	char version[NVML_SYSTEM_DRIVER_VERSION_BUFFER_SIZE] = "";
	char uuid[NVML_DEVICE_UUID_V2_BUFFER_SIZE] = "";
	nvmlMemory_t memory;
	unsigned minor;
	g->minor = -1;
	if (NVML(&h->nvml, nvmlDeviceGetName, h->device, name, sizeof(name)) == NVML_SUCCESS)
		(void)STR_FORMAT(g->name, "%.*s", NAME_SIZE - 1, name);
	if (NVML(&h->nvml, nvmlSystemGetDriverVersion, version, sizeof(version)) == NVML_SUCCESS)
		(void)STR_FORMAT(g->driver, "%.*s", NAME_SIZE - 1, version);
	if (NVML(&h->nvml, nvmlDeviceGetUUID, h->device, uuid, sizeof(uuid)) == NVML_SUCCESS)
		(void)STR_FORMAT(g->uuid, "%.*s", GPU_UUID_SIZE - 1, uuid);
	if (NVML(&h->nvml, nvmlDeviceGetMinorNumber, h->device, &minor) == NVML_SUCCESS &&
	    minor <= INT32_MAX)
		g->minor = (int32_t)minor;
	if (NVML(&h->nvml, nvmlDeviceGetMemoryInfo, h->device, &memory) == NVML_SUCCESS)
		g->memory = (uint32_t)(memory.total >> 20);
}

/* That it cannot be asked does not mean that it has no instances. */
static bool mode_ask(struct helper *h)
{
	struct gpu *g = &h->reply.report.gpu;
	unsigned current = NVML_DEVICE_MIG_DISABLE, pending = NVML_DEVICE_MIG_DISABLE;
	nvmlReturn_t r = NVML(&h->nvml, nvmlDeviceGetMigMode, h->device, &current, &pending);
	if (r == NVML_ERROR_NOT_SUPPORTED || r == NVML_ERROR_FUNCTION_NOT_FOUND)
		return true;
	if (r != NVML_SUCCESS) {
		helper_failed(h, r, h->nvml.call, NULL);
		return false;
	}
	g->mig_capable = 1;
	g->mig = current == NVML_DEVICE_MIG_ENABLE;
	g->mig_pending = pending == NVML_DEVICE_MIG_ENABLE;
	return true;
}

bool helper_look(struct helper *h)
{
	struct gpu_report *report = &h->reply.report;
	*report = (struct gpu_report){ .gpu.seen = GPU_SEEN };
	gpu_ask(h);
	/* Without its UUID it is not there for anybody. */
	if (!report->gpu.uuid[0]) {
		helper_failed(h, h->nvml.code, h->nvml.call, NULL);
		return false;
	}
	if (!mode_ask(h) || (report->gpu.mig_capable && !profiles_ask(h)))
		return false;
	if (report->gpu.mig && !parts_ask(h))
		return false;
	types_ask(h);
	/* Much is asked that a GPU need not know, and whatever it says of that is fine: but for this. */
	if (h->nvml.broken) {
		helper_failed(h, h->nvml.broken, h->nvml.call, NULL);
		return false;
	}
	return true;
}
