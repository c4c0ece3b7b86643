/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Placements of vGPUs of several sizes. NVIDIA's driver numbers them as it likes, L4-6Q 0, 6, 12, 18 and each six wide (vGPU
 * User Guide 17); a slot here is the largest unit that divides all of them. Where that gives more slots than the model
 * has, the unit is a multiple of it: a type is then taken for as many slots as it touches, and begins only where a
 * slot does. What is left out so could be placed, what is placed so is right.
 */
#include "base/str.h"
#include "nvidia/internal.h"

static bool may_begin(const struct vgpu_type *t, uint32_t id)
{
	return t->starts[id / 32] >> id % 32 & 1;
}

static bool is_placed(const struct vgpu_type *t, const char *device)
{
	return t->profile == GPU_NO_PROFILE && str_eq(t->key, device);
}

static uint32_t divisor(uint32_t a, uint32_t b)
{
	while (b) {
		uint32_t rest = a % b;
		a = b;
		b = rest;
	}
	return a;
}

/* Placements in all; *ret_unit divides each id and size. 0: there is a type of which nothing is told. */
static uint32_t extent(const struct have *h, const char *device, uint32_t *ret_unit)
{
	uint32_t end = 0, unit = 0;
	for (size_t i = 0; i < h->n_vgpu_types; i++) {
		const struct vgpu_type *t = &h->vgpu_types[i];
		if (!is_placed(t, device))
			continue;
		if (t->size == 0)
			return 0;
		unit = divisor(t->size, unit);
		for (uint32_t id = 0; id < VGPU_PLACEMENTS; id++) {
			if (!may_begin(t, id))
				continue;
			unit = divisor(id, unit);
			end = id + t->size > end ? id + t->size : end;
		}
	}
	*ret_unit = unit;
	return end;
}

uint32_t vgpu_place_unit(const struct have *h, const char *device)
{
	uint32_t unit = 0, n = extent(h, device, &unit);
	uint32_t smallest = n ? unit : 0;
	for (unit = smallest; unit && (n + unit - 1) / unit > CAPACITY_SLOTS; unit += smallest)
		;
	return unit;
}

uint32_t vgpu_place_slots(const struct have *h, const char *device, uint32_t unit)
{
	uint32_t smallest;
	return (extent(h, device, &smallest) + unit - 1) / unit;
}

uint32_t vgpu_place_size(const struct vgpu_type *t, uint32_t unit)
{
	return (t->size + unit - 1) / unit;
}

uint64_t vgpu_place_starts(const struct vgpu_type *t, uint32_t unit, uint32_t slots)
{
	uint64_t starts = 0;
	for (uint32_t slot = 0; slot + vgpu_place_size(t, unit) <= slots; slot++)
		if (may_begin(t, slot * unit))
			starts |= UINT64_C(1) << slot;
	return starts;
}

uint32_t vgpu_place_of(const struct have *h, const struct slice *s)
{
	const struct gpu *g = have_gpu(h, s->device);
	const struct vgpu_type *t = have_vgpu_type(h, s->device, s->profile);
	uint32_t unit = g && g->mixed ? vgpu_place_unit(h, s->device) : 0;
	uint32_t id = s->start * unit;
	return unit && t && id < VGPU_PLACEMENTS && may_begin(t, id) ? 1 + id : 0;
}
