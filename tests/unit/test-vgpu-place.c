/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Placements that the driver tells, as slots. */
#include "support/test.h"

#include "base/str.h"
#include "nvidia/internal.h"

#define GPU "pci:0000:00/01.0/00.0"

/* Every size placements from 0 on, up to end. */
static struct vgpu_type *type_add(struct have *h, const char *name, uint32_t size, uint32_t end)
{
	struct vgpu_type *t = have_add_vgpu_type(h);
	(void)STR_COPY(t->key, GPU);
	(void)STR_COPY(t->name, name);
	t->profile = GPU_NO_PROFILE;
	t->size = size;
	for (uint32_t id = 0; size && id + size <= end; id += size)
		t->starts[id / 32] |= UINT32_C(1) << id % 32;
	return t;
}

/* The vGPU User Guide 17 prints L4-6Q: size 6, ids 0, 6, 12, 18. */
static void test_vgpu_place_unit_divides_all(void **state)
{
	struct have h = { 0 };
	(void)state;
	type_add(&h, "L4-24Q", 24, 24);
	const struct vgpu_type *t = type_add(&h, "L4-6Q", 6, 24);
	assert_int_equal(vgpu_place_unit(&h, GPU), 6);
	assert_int_equal(vgpu_place_slots(&h, GPU, 6), 4);
	assert_int_equal(vgpu_place_size(t, 6), 1);
	assert_int_equal(vgpu_place_starts(t, 6, 4), 0xf);
	type_add(&h, "L4-8Q", 8, 24);
	assert_int_equal(vgpu_place_unit(&h, GPU), 2);
	have_done(&h);
}

static void test_vgpu_place_unit_is_none_where_a_type_tells_nothing(void **state)
{
	struct have h = { 0 };
	(void)state;
	assert_int_equal(vgpu_place_unit(&h, GPU), 0);
	type_add(&h, "L4-24Q", 24, 24);
	type_add(&h, "L4-6Q", 0, 24);
	assert_int_equal(vgpu_place_unit(&h, GPU), 0);
	/* Those of GPU instances have no places. */
	h.vgpu_types[1].profile = 19;
	assert_int_equal(vgpu_place_unit(&h, GPU), 24);
	have_done(&h);
}

/* More places than slots: each begins where a slot does, and is taken for as many as it touches. */
static void test_vgpu_place_too_many_places_are_counted_in_larger_units(void **state)
{
	struct have h = { 0 };
	(void)state;
	type_add(&h, "H200X-17C", 20, 160);
	type_add(&h, "H200X-7C", 8, 160);
	type_add(&h, "H200X-4C", 5, 160);
	const uint32_t unit = vgpu_place_unit(&h, GPU), n = vgpu_place_slots(&h, GPU, unit);
	assert_int_equal(unit, 3);
	assert_in_range(n, 1, CAPACITY_SLOTS);
	for (size_t i = 0; i < h.n_vgpu_types; i++) {
		const struct vgpu_type *t = &h.vgpu_types[i];
		const uint64_t starts = vgpu_place_starts(t, unit, n);
		assert_true(starts & 1);
		assert_true(vgpu_place_size(t, unit) * unit >= t->size);
		for (uint32_t slot = 0; slot < CAPACITY_SLOTS; slot++)
			if (starts >> slot & 1)
				assert_int_equal(slot * unit % t->size, 0);
	}
	have_done(&h);
}

static void test_vgpu_place_of_a_slice_is_the_drivers_number(void **state)
{
	struct have h = { 0 };
	struct slice s = { .profile = "L4-6Q", .index = 0, .alone = 1, .start = 2 };
	(void)state;
	(void)STR_COPY(s.device, GPU);
	struct gpu *g = have_add_gpu(&h);
	(void)STR_COPY(g->key, GPU);
	type_add(&h, "L4-24Q", 24, 24);
	type_add(&h, "L4-6Q", 6, 24);
	/* Of one size, the driver places them. */
	assert_int_equal(vgpu_place_of(&h, &s), 0);
	g->mixed = 1;
	assert_int_equal(vgpu_place_of(&h, &s), 1 + 12);
	s.start = 4;
	assert_int_equal(vgpu_place_of(&h, &s), 0);
	have_done(&h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_vgpu_place_unit_divides_all),
		cmocka_unit_test(test_vgpu_place_unit_is_none_where_a_type_tells_nothing),
		cmocka_unit_test(test_vgpu_place_too_many_places_are_counted_in_larger_units),
		cmocka_unit_test(test_vgpu_place_of_a_slice_is_the_drivers_number),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
