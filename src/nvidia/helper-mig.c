/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * MIG, changed by carve-nvml. A GPU instance and its compute instance are one thing here: both are there, or
 * neither is. As few calls as that takes: each of them may take a lock of the driver.
 */
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "nvidia/helper.h"

/* --- mode ------------------------------------------------------------------------------------------ */

/* Both answers count: the call may succeed, and the mode be in force later only (nvml.h, nvmlDeviceSetMigMode). */
static void mode_set(struct helper *h, unsigned mode)
{
	nvmlReturn_t activation = NVML_SUCCESS;
	nvmlReturn_t r = NVML(&h->nvml, nvmlDeviceSetMigMode, h->device, mode, &activation);
	if (r != NVML_SUCCESS) {
		helper_failed(h, r, "nvmlDeviceSetMigMode", NULL);
		return;
	}
	/* The GPU may have been reset, and be another handle now. */
	if (NVML(&h->nvml, nvmlDeviceGetHandleByPciBusId_v2, h->request->addr, &h->device) !=
		    NVML_SUCCESS ||
	    !helper_look(h)) {
		helper_failed(h, h->nvml.code, h->nvml.call,
			      "the mode was set, and then the GPU was not seen any more");
		return;
	}
	const struct gpu *g = &h->reply.report.gpu;
	if (g->mig == mode)
		return;
	h->reply.outcome = NVML_PENDING;
	h->reply.code = activation;
	(void)STR_COPY(h->reply.call, "nvmlDeviceSetMigMode");
	(void)STR_COPY(h->reply.detail, nvml_error(activation));
}

void helper_mig_mode(struct helper *h)
{
	unsigned mode = h->request->number ? NVML_DEVICE_MIG_ENABLE : NVML_DEVICE_MIG_DISABLE;
	unsigned current, pending;
	nvmlReturn_t r = NVML(&h->nvml, nvmlDeviceGetMigMode, h->device, &current, &pending);
	if (r != NVML_SUCCESS)
		helper_failed(h, r, h->nvml.call, NULL);
	else if (current != mode || pending != mode)
		mode_set(h, mode);
	else if (helper_look(h))
		h->reply.outcome = NVML_NOTHING;
}

/* --- making ----------------------------------------------------------------------------------------- */

/* *ret_made: what was made, also when it is of no use. */
static bool compute_make(struct helper *h, nvmlGpuInstance_t instance, struct gpu_part *part,
			 nvmlComputeInstance_t *ret_made)
{
	nvmlComputeInstanceProfileInfo_t profile;
	nvmlComputeInstanceInfo_t info;
	nvmlComputeInstance_t compute;
	uint32_t index = helper_compute_index(h->request->slices);
	if (index == UINT32_MAX) {
		helper_failed(h, NVML_ERROR_INVALID_ARGUMENT, "compute profile",
			      "no compute instance takes so many slices");
		return false;
	}
	nvmlReturn_t r = NVML(&h->nvml, nvmlGpuInstanceGetComputeInstanceProfileInfo, instance,
			      index, NVML_COMPUTE_INSTANCE_ENGINE_PROFILE_SHARED, &profile);
	if (r == NVML_SUCCESS)
		r = NVML(&h->nvml, nvmlGpuInstanceCreateComputeInstance, instance, profile.id,
			 &compute);
	if (r == NVML_SUCCESS) {
		*ret_made = compute;
		r = NVML(&h->nvml, nvmlComputeInstanceGetInfo_v2, compute, &info);
	}
	if (r != NVML_SUCCESS) {
		helper_failed(h, r, h->nvml.call, NULL);
		return false;
	}
	part->compute = info.id;
	part->n_computes = part->compute_whole = 1;
	return true;
}

/* What was made of it goes again: the whole step failed. */
static void undo(struct helper *h, nvmlGpuInstance_t instance, nvmlComputeInstance_t compute)
{
	if ((!compute || NVML(&h->nvml, nvmlComputeInstanceDestroy, compute) == NVML_SUCCESS) &&
	    NVML(&h->nvml, nvmlGpuInstanceDestroy, instance) == NVML_SUCCESS)
		return;
	h->reply.code = NVML_CODE_HALF_MADE;
	(void)STR_COPY(h->reply.detail, nvml_error(h->nvml.code));
}

static void instance_finish(struct helper *h, nvmlGpuInstance_t instance)
{
	struct gpu_part *part = &h->parts[0];
	nvmlComputeInstance_t compute = NULL;
	unsigned minor;
	if (!helper_part(h, instance, part) || !compute_make(h, instance, part, &compute)) {
		undo(h, instance, compute);
		return;
	}
	bool known = NVML(&h->nvml, nvmlDeviceGetMinorNumber, h->device, &minor) == NVML_SUCCESS &&
		     minor <= INT32_MAX;
	helper_part_nodes(known ? (int32_t)minor : -1, part);
	h->reply.number = part->instance;
	h->reply.report.change = 1;
	h->reply.report.n_parts = 1;
	helper_parts_name(h);
}

/* Made by an earlier step whose answer was lost. */
static bool is_there(struct helper *h)
{
	if (!helper_look(h))
		return false;
	const struct gpu_part *p = helper_part_at(h, h->request->start);
	if (!p || p->profile != h->request->number || !p->compute_whole)
		return false;
	h->reply.outcome = NVML_NOTHING;
	h->reply.number = p->instance;
	return true;
}

void helper_mig_create(struct helper *h)
{
	nvmlGpuInstancePlacement_t at = { .start = h->request->start, .size = h->request->size };
	nvmlGpuInstance_t instance;
	nvmlReturn_t r = NVML(&h->nvml, nvmlDeviceCreateGpuInstanceWithPlacement, h->device,
			      h->request->number, &at, &instance);
	if (r == NVML_SUCCESS)
		instance_finish(h, instance);
	else if (r != NVML_ERROR_INSUFFICIENT_RESOURCES || !is_there(h))
		helper_failed(h, r, "nvmlDeviceCreateGpuInstanceWithPlacement", NULL);
}

/* --- removing ----------------------------------------------------------------------------------------- */

#define USERS_MAX 4096

/* Between the question how many there are and the one who, there may be more. NULL: not told. */
static nvmlProcessInfo_t *users_ask(struct helper *h, nvmlDevice_t mig, unsigned *ret_n)
{
	unsigned n = 64;
	for (unsigned room = 0; room < n && n <= USERS_MAX;) {
		room = n;
		_cleanup_free_ nvmlProcessInfo_t *users = calloc(room, sizeof(*users));
		if (!users)
			return NULL;
		nvmlReturn_t r =
			NVML(&h->nvml, nvmlDeviceGetComputeRunningProcesses_v3, mig, &n, users);
		if (r == NVML_SUCCESS && n <= room) {
			*ret_n = n;
			return TAKE_PTR(users);
		}
		if (r != NVML_ERROR_INSUFFICIENT_SIZE)
			return NULL;
	}
	return NULL;
}

/* As many as there is room for. */
static void users_tell(struct helper *h, const struct gpu_part *part)
{
	char text[sizeof(h->reply.detail) - sizeof(" and 4096 more")] = "";
	size_t len = 0;
	unsigned n = 0, told = 0;
	nvmlDevice_t mig = helper_mig_device(h, part);
	_cleanup_free_ nvmlProcessInfo_t *users = mig ? users_ask(h, mig, &n) : NULL;
	for (; told < n; told++) {
		char more[32];
		(void)STR_FORMAT(more, "%s%u", told ? ", " : "used by pid ", users[told].pid);
		if (str_format(text + len, sizeof(text) - len, "%s", more) < 0)
			break;
		len = strlen(text);
	}
	if (told == n && n > 0)
		(void)STR_COPY(h->reply.detail, text);
	else if (n > 0)
		(void)STR_FORMAT(h->reply.detail, "%s and %u more", text, n - told);
}

static nvmlReturn_t computes_destroy(struct helper *h, nvmlGpuInstance_t instance, unsigned index)
{
	nvmlComputeInstanceProfileInfo_t profile;
	nvmlComputeInstance_t found[HELPER_COMPUTES];
	unsigned n;
	nvmlReturn_t r = helper_computes(h, instance, index, &profile, found, &n);
	for (unsigned i = 0; r == NVML_SUCCESS && i < n; i++)
		r = NVML(&h->nvml, nvmlComputeInstanceDestroy, found[i]);
	return r;
}

/* The one that takes all of it first: carve makes no others, but others may have, and those are in the way. */
static nvmlReturn_t instance_destroy(struct helper *h, nvmlGpuInstance_t instance)
{
	uint32_t whole = helper_compute_index(h->request->slices);
	nvmlReturn_t r = whole == UINT32_MAX ? NVML_SUCCESS : computes_destroy(h, instance, whole);
	if (r != NVML_SUCCESS)
		return r;
	r = NVML(&h->nvml, nvmlGpuInstanceDestroy, instance);
	if (r != NVML_ERROR_IN_USE)
		return r;
	for (unsigned i = 0; i < NVML_COMPUTE_INSTANCE_PROFILE_COUNT; i++) {
		r = i == whole ? NVML_SUCCESS : computes_destroy(h, instance, i);
		if (r != NVML_SUCCESS)
			return r;
	}
	return NVML(&h->nvml, nvmlGpuInstanceDestroy, instance);
}

void helper_mig_destroy(struct helper *h)
{
	nvmlGpuInstance_t instance;
	struct gpu_part part;
	nvmlReturn_t r = NVML(&h->nvml, nvmlDeviceGetGpuInstanceById, h->device, h->request->number,
			      &instance);
	h->reply.report.change = 1;
	if (r == NVML_ERROR_NOT_FOUND) {
		h->reply.outcome = NVML_NOTHING;
		return;
	}
	if (r != NVML_SUCCESS) {
		helper_failed(h, r, h->nvml.call, NULL);
		return;
	}
	if (!helper_part(h, instance, &part))
		return;
	/* The driver gives numbers out again. */
	if (part.start != h->request->start) {
		helper_failed(h, NVML_CODE_OTHER, "nvmlGpuInstanceGetInfo",
			      "the instance of that number begins elsewhere");
		return;
	}
	r = instance_destroy(h, instance);
	if (r == NVML_SUCCESS)
		return;
	helper_failed(h, r, h->nvml.call, NULL);
	if (r == NVML_ERROR_IN_USE)
		users_tell(h, &part);
}
