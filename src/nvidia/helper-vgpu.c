/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How a GPU does vGPUs, asked and changed by carve-nvml: of one size or of several, where those of several may
 * begin, and how they take turns. Neither mode lasts beyond the driver, nor can be changed while there are vGPUs (nvml.h,
 * nvmlDeviceSetVgpuHeterogeneousMode, nvmlDeviceSetVgpuSchedulerState).
 */
#include "base/str.h"
#include "nvidia/helper.h"

/* --- looking ---------------------------------------------------------------------------------------- */

static nvmlReturn_t mixed_ask(struct helper *h, unsigned *ret)
{
	nvmlVgpuHeterogeneousMode_t mode = { .version = NVML_STRUCT_VERSION(
						     nvmlVgpuHeterogeneousMode_t, 1u) };
	nvmlReturn_t r = NVML(&h->nvml, nvmlDeviceGetVgpuHeterogeneousMode, h->device, &mode);
	*ret = mode.mode;
	return r;
}

static nvmlReturn_t scheduler_ask(struct helper *h, unsigned *ret)
{
	nvmlVgpuSchedulerGetState_t state = { 0 };
	nvmlReturn_t r = NVML(&h->nvml, nvmlDeviceGetVgpuSchedulerState, h->device, &state);
	*ret = state.schedulerPolicy;
	return r;
}

static bool is_scheduler(unsigned policy)
{
	return policy >= VGPU_SCHEDULER_BEST_EFFORT && policy <= VGPU_SCHEDULER_FIXED_SHARE;
}

void helper_vgpu_ask(struct helper *h, struct gpu *g)
{
	nvmlVgpuSchedulerCapabilities_t can = { 0 };
	unsigned mixed, policy;
	if (mixed_ask(h, &mixed) == NVML_SUCCESS) {
		g->mixed_capable = 1;
		g->mixed = mixed != 0;
	}
	if (scheduler_ask(h, &policy) != NVML_SUCCESS)
		return;
	g->scheduler = is_scheduler(policy) ? (uint8_t)policy : 0;
	if (NVML(&h->nvml, nvmlDeviceGetVgpuSchedulerCapabilities, h->device, &can) != NVML_SUCCESS)
		return;
	for (unsigned i = 0; i < NVML_SUPPORTED_VGPU_SCHEDULER_POLICY_COUNT; i++)
		if (is_scheduler(can.supportedSchedulers[i]))
			g->schedulers |= (uint8_t)(1u << can.supportedSchedulers[i]);
}

/* The second version is told of which mode is meant; libraries before it tell of the mode that is. */
static nvmlReturn_t placements_ask(struct helper *h, const struct vgpu_type *t,
				   nvmlVgpuPlacementList_v2_t *ret)
{
	ret->version = NVML_STRUCT_VERSION(nvmlVgpuPlacementList_v2_t, 2u);
	ret->mode = NVML_VGPU_PGPU_HETEROGENEOUS_MODE;
	nvmlReturn_t r =
		NVML(&h->nvml, nvmlDeviceGetVgpuTypeSupportedPlacements, h->device, t->id, ret);
	if (r != NVML_ERROR_ARGUMENT_VERSION_MISMATCH || !h->reply.report.gpu.mixed)
		return r;
	ret->version = NVML_STRUCT_VERSION(nvmlVgpuPlacementList_v1_t, 1u);
	return NVML(&h->nvml, nvmlDeviceGetVgpuTypeSupportedPlacements, h->device, t->id, ret);
}

void helper_vgpu_placements(struct helper *h, struct vgpu_type *t)
{
	unsigned ids[VGPU_PLACEMENTS];
	nvmlVgpuPlacementList_v2_t list = { .count = VGPU_PLACEMENTS, .placementIds = ids };
	if (placements_ask(h, t, &list) != NVML_SUCCESS || list.count > VGPU_PLACEMENTS ||
	    list.placementSize == 0 || list.placementSize > VGPU_PLACEMENTS)
		return;
	for (unsigned i = 0; i < list.count; i++)
		if (ids[i] <= VGPU_PLACEMENTS - list.placementSize) {
			t->starts[ids[i] / 32] |= UINT32_C(1) << ids[i] % 32;
			t->size = list.placementSize;
		}
}

/* --- changing --------------------------------------------------------------------------------------- */

/* A mode that is a number: as it is now, and how it is set. */
struct mode {
	nvmlReturn_t (*ask)(struct helper *h, unsigned *ret);
	nvmlReturn_t (*set)(struct helper *h, unsigned value);
};

static nvmlReturn_t mixed_set(struct helper *h, unsigned value)
{
	const nvmlVgpuHeterogeneousMode_t mode = {
		.version = NVML_STRUCT_VERSION(nvmlVgpuHeterogeneousMode_t, 1u), .mode = value
	};
	return NVML(&h->nvml, nvmlDeviceSetVgpuHeterogeneousMode, h->device, &mode);
}

static nvmlReturn_t scheduler_set(struct helper *h, unsigned value)
{
	nvmlVgpuSchedulerSetState_t state = { .schedulerPolicy = value };
	return NVML(&h->nvml, nvmlDeviceSetVgpuSchedulerState, h->device, &state);
}

static void mode_change(struct helper *h, const struct mode *m)
{
	unsigned now, wanted = h->request->number;
	nvmlReturn_t r = m->ask(h, &now);
	bool same = r == NVML_SUCCESS && now == wanted;
	if (r == NVML_SUCCESS && !same)
		r = m->set(h, wanted);
	if (r == NVML_SUCCESS && !same)
		r = m->ask(h, &now);
	if (r != NVML_SUCCESS)
		helper_failed(h, r, h->nvml.call, NULL);
	else if (now != wanted)
		helper_failed(h, NVML_CODE_NONSENSE, "libnvidia-ml.so.1",
			      "it said yes, and it is not so");
	else if (helper_look(h))
		h->reply.outcome = same ? NVML_NOTHING : NVML_DONE;
}

void helper_vgpu_mixed(struct helper *h)
{
	static const struct mode mixed = { mixed_ask, mixed_set };
	mode_change(h, &mixed);
}

void helper_vgpu_scheduler(struct helper *h)
{
	static const struct mode scheduler = { scheduler_ask, scheduler_set };
	mode_change(h, &scheduler);
}
