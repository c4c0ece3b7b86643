/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Placement: tables against published counts, where one part goes, moves and advice. Sets have a
 * program of their own, test-place-set.c.
 */
#include "support/kinds.h"
#include "support/test.h"

#include <string.h>

#include "place/advice.h"

#define DEVICES 4
#define PARTS 64

/* --- data ---------------------------------------------------------------------------------------------- */

static void test_capacity_wrong_all_tables_are_sound(void **state)
{
	(void)state;
	for (size_t i = 0; kinds_at(i); i++) {
		const char *wrong = capacity_wrong(kinds_at(i));
		if (wrong)
			fail_msg("%s: %s", kinds_at(i)->name, wrong);
		assert_ptr_equal(kinds_named(kinds_at(i)->name), kinds_at(i));
	}
	assert_null(kinds_named("A100"));
}

static void test_capacity_wrong_each_mistake_is_told(void **state)
{
	(void)state;
	const struct capacity good = { .name = "k",
				       .n_slots = 4,
				       .n_counters = 1,
				       .counters = { { "c", 4 } },
				       .n_profiles = 1,
				       .profiles = { { "p", .worth = 1, .size = 2, .starts = 5,
						       .takes = { 1 } } } };
	struct capacity k = good;
	assert_null(capacity_wrong(&k));
	k.profiles[0].starts = 1 << 3;
	assert_string_equal(capacity_wrong(&k), "a profile would end behind the last slot");
	k = good;
	k.profiles[0].takes[0] = 5;
	assert_string_equal(capacity_wrong(&k), "a profile takes more of a counter than there is");
	k = good;
	k.profiles[0].takes[1] = 1;
	assert_non_null(capacity_wrong(&k));
	k = good;
	k.profiles[0].size = 0;
	assert_non_null(capacity_wrong(&k));
	k.profiles[0].starts = 0;
	assert_null(capacity_wrong(&k));
	k.profiles[0].takes[0] = 0;
	assert_string_equal(capacity_wrong(&k),
			    "nothing limits how many of a profile there can be");
	k = good;
	k.profiles[0].bars = 2;
	assert_non_null(capacity_wrong(&k));
	k = good;
	k.profiles[0].worth = 0;
	assert_non_null(capacity_wrong(&k));
	k = good;
	k.n_slots = CAPACITY_SLOTS + 1;
	assert_non_null(capacity_wrong(&k));
	k = good;
	k.n_profiles = 0;
	assert_non_null(capacity_wrong(&k));
	k = good;
	k.name = "";
	assert_non_null(capacity_wrong(&k));
	k = good;
	k.profiles[0].name = NULL;
	assert_non_null(capacity_wrong(&k));
}

/* Counts as the vendors print them, see tables.c. */
static void test_place_more_empty_devices_take_the_published_number(void **state)
{
	(void)state;
	static const struct {
		const char *kind, *profile;
		uint32_t most;
	} published[] = {
		{ "A100-40GB", "1g.5gb", 7 },
		{ "A100-40GB", "1g.5gb+me", 1 },
		{ "A100-40GB", "1g.10gb", 4 },
		{ "A100-40GB", "2g.10gb", 3 },
		{ "A100-40GB", "3g.20gb", 2 },
		{ "A100-40GB", "4g.20gb", 1 },
		{ "A100-40GB", "7g.40gb", 1 },
		{ "A100-80GB", "1g.20gb", 4 },
		{ "H100-80GB", "1g.10gb", 7 },
		{ "H100-80GB", "1g.20gb", 4 },
		{ "H100-94GB", "3g.47gb", 2 },
		{ "H100-96GB", "1g.12gb", 7 },
		{ "H200-141GB", "1g.18gb", 7 },
		{ "H200-141GB", "1g.18gb+me", 1 },
		{ "H200-141GB", "1g.35gb", 4 },
		{ "H200-141GB", "2g.35gb", 3 },
		{ "H200-141GB", "3g.71gb", 2 },
		{ "H200-141GB", "4g.71gb", 1 },
		{ "H200-141GB", "7g.141gb", 1 },
		{ "B200-180GB", "1g.45gb", 4 },
		{ "A30-24GB", "1g.6gb", 4 },
		{ "A30-24GB", "1g.6gb+me", 1 },
		{ "A30-24GB", "2g.12gb", 2 },
		{ "A30-24GB", "2g.12gb+me", 1 },
		{ "A30-24GB", "4g.24gb", 1 },
		{ "RTX-PRO-6000-96GB", "1g.24gb", 4 },
		{ "RTX-PRO-6000-96GB", "1g.24gb+me", 1 },
		{ "RTX-PRO-6000-96GB", "2g.48gb", 2 },
		{ "RTX-PRO-6000-96GB", "2g.48gb+me.all", 1 },
		{ "RTX-PRO-6000-96GB", "4g.96gb", 1 },
		{ "H100XM-80-vGPU", "H100XM-16C", 5 },
		{ "H100XM-80-vGPU", "H100XM-4C", 20 },
		{ "H100XM-80-vGPU-mixed", "H100XM-80C", 1 },
		{ "H100XM-80-vGPU-mixed", "H100XM-40C", 2 },
		{ "H100XM-80-vGPU-mixed", "H100XM-16C", 4 },
		{ "H100XM-80-vGPU-mixed", "H100XM-8C", 8 },
		{ "H100XM-80-vGPU-mixed", "H100XM-4C", 16 },
		{ "H200X-141-vGPU", "H200X-4C", 32 },
		{ "L4-24-vGPU-mixed", "L4-6Q", 4 },
		{ "A100-40GB-any", "A100-8C", 5 },
		{ "A100-40GB-any", "passthrough", 1 },
		{ "MI300X", "CPX/NPS4", 8 },
		{ "MI300X", "DPX/NPS1", 2 },
		{ "MI300A", "TPX/NPS1", 3 },
		{ "mtty", "mtty-1", 24 },
		{ "mtty", "mtty-2", 12 },
		{ "mdpy", "mdpy-hd", 4 },
		{ "mbochs", "mbochs-large", 4 },
		{ "i915-GVTg_V5", "i915-GVTg_V5_4", 4 },
		{ "SR-IOV-32", "vf", 32 },
	};
	for (size_t i = 0; i < sizeof(published) / sizeof(*published); i++) {
		const struct capacity *k = kinds_named(published[i].kind);
		assert_non_null(k);
		int p = capacity_find(k, published[i].profile);
		assert_true(p >= 0);
		if (capacity_more(k, &(struct capacity_use){ 0 }, (uint32_t)p) != published[i].most)
			fail_msg("%s %s", k->name, published[i].profile);
	}
}

static uint32_t profile_of(const struct capacity *k, const char *name)
{
	int p = capacity_find(k, name);
	assert_true(p >= 0);
	return (uint32_t)p;
}

static void test_place_starts_the_guides_example_of_an_order_that_fails(void **state)
{
	(void)state;
	const struct capacity *k = kinds_named("A100-40GB");
	struct capacity_use d = { 0 };
	/* Where the driver puts 1g, 1g, 2g. */
	capacity_add(k, &d, profile_of(k, "1g.5gb"), 6);
	capacity_add(k, &d, profile_of(k, "1g.5gb"), 4);
	capacity_add(k, &d, profile_of(k, "2g.10gb"), 0);
	assert_int_equal(capacity_starts(k, &d, profile_of(k, "3g.20gb")), 0);
	capacity_remove(k, &d, profile_of(k, "2g.10gb"), 0);
	assert_int_equal(capacity_starts(k, &d, profile_of(k, "3g.20gb")), 1);
	capacity_remove(k, &d, profile_of(k, "1g.5gb"), 4);
	capacity_remove(k, &d, profile_of(k, "1g.5gb"), 6);
	assert_memory_equal(&d, &(struct capacity_use){ 0 }, sizeof(d));
}

static void test_place_barred_modes_and_limits_exclude_each_other(void **state)
{
	(void)state;
	const struct capacity *k = kinds_named("A100-40GB-any");
	struct capacity_use d = { 0 };
	capacity_add(k, &d, profile_of(k, "1g.5gb+me"), 0);
	assert_true(capacity_barred(k, &d, profile_of(k, "1g.5gb+me")));
	assert_false(capacity_barred(k, &d, profile_of(k, "1g.5gb")));
	assert_true(capacity_barred(k, &d, profile_of(k, "A100-20C")));
	assert_true(capacity_barred(k, &d, profile_of(k, "passthrough")));
	d = (struct capacity_use){ 0 };
	capacity_add(k, &d, profile_of(k, "A100-20C"), 0);
	assert_int_equal(capacity_more(k, &d, profile_of(k, "A100-20C")), 1);
	assert_int_equal(capacity_more(k, &d, profile_of(k, "A100-10C")), 0);
	assert_int_equal(capacity_starts(k, &d, profile_of(k, "7g.40gb")), 0);
	k = kinds_named("RTX-PRO-6000-96GB");
	d = (struct capacity_use){ 0 };
	capacity_add(k, &d, profile_of(k, "1g.24gb+me.all"), 0);
	assert_int_equal(capacity_more(k, &d, profile_of(k, "1g.24gb-me")), 3);
	assert_int_equal(capacity_more(k, &d, profile_of(k, "1g.24gb")), 0);
}

static void test_place_starts_reserved_slots_are_nobodys(void **state)
{
	(void)state;
	const struct capacity *k = kinds_named("A100-40GB");
	struct capacity_use d = { .reserved = 0xf0 };
	assert_int_equal(capacity_starts(k, &d, profile_of(k, "3g.20gb")), 1);
	assert_int_equal(capacity_more(k, &d, profile_of(k, "1g.5gb")), 4);
	assert_int_equal(capacity_starts(k, &d, profile_of(k, "7g.40gb")), 0);
}

/* --- one part ------------------------------------------------------------------------------------------- */

/* Devices with parts as they come from a stream of numbers; the same for the same seed. */
struct scene {
	const struct capacity *k;
	struct place_weights w;
	struct capacity_use devices[DEVICES];
	struct place_part parts[PARTS];
	size_t n_parts;
	uint32_t random;
};

static uint32_t scene_random(struct scene *s, uint32_t below)
{
	s->random = s->random * 1664525 + 1013904223;
	return (s->random >> 8) % below;
}

static void scene_add(struct scene *s, uint32_t device)
{
	uint32_t profile = scene_random(s, s->k->n_profiles);
	uint64_t starts = capacity_starts(s->k, &s->devices[device], profile);
	uint32_t start = scene_random(s, 64);
	if (!starts || s->n_parts == PARTS)
		return;
	while (!(starts >> start & 1))
		start = (start + 1) % 64;
	capacity_add(s->k, &s->devices[device], profile, start);
	s->parts[s->n_parts++] =
		(struct place_part){ device, profile, start, scene_random(s, 3) > 0 };
}

static void scene_make(struct scene *s, const struct capacity *k, uint32_t seed)
{
	struct place_mix mix = { .asked = { 0 } };
	*s = (struct scene){ .k = k, .random = seed * 2654435761u };
	for (uint32_t i = 0; i < k->n_profiles; i++)
		mix.asked[i] = scene_random(s, 10);
	place_weights_set(&s->w, k, &mix);
	for (uint32_t d = 0; d < DEVICES; d++)
		for (uint32_t i = scene_random(s, 12); i > 0; i--)
			scene_add(s, d);
}

static void test_place_online_serves_whatever_has_a_place_and_is_deterministic(void **state)
{
	(void)state;
	for (uint32_t seed = 0; seed < 20 * kinds_count(); seed++) {
		struct scene s, again;
		const struct capacity *k = kinds_at(seed % kinds_count());
		scene_make(&s, k, seed);
		scene_make(&again, k, seed);
		for (uint32_t p = 0; p < k->n_profiles; p++) {
			const struct place_wish wish = { .profile = p };
			struct place_answer a, b;
			bool fits = false;
			for (uint32_t d = 0; d < DEVICES; d++)
				fits |= capacity_starts(k, &s.devices[d], p) != 0;
			assert_int_equal(place_online(&s.w, s.devices, DEVICES, &wish, &a), fits);
			assert_int_equal(place_online(&again.w, again.devices, DEVICES, &wish, &b),
					 fits);
			if (!fits)
				continue;
			assert_int_equal(a.device, b.device);
			assert_int_equal(a.start, b.start);
			assert_true(capacity_starts(k, &s.devices[a.device], p) >> a.start & 1);
		}
	}
}

static void test_place_online_keys_order_devices_as_asked(void **state)
{
	(void)state;
	const struct capacity *k = kinds_named("A100-40GB");
	const uint8_t rank[3] = { 2, 1, 1 };
	struct place_weights w;
	struct capacity_use d[3] = { 0 };
	struct place_answer a;
	struct place_wish wish = { .profile = profile_of(k, "1g.5gb"),
				   .keys = { PLACE_KEY_PACK, PLACE_KEY_COST } };
	place_weights_set(&w, k, &(struct place_mix){ .asked = { 0 } });
	capacity_add(k, &d[1], profile_of(k, "1g.5gb"), 6);
	assert_true(place_online(&w, d, 3, &wish, &a));
	assert_int_equal(a.device, 1);
	wish.keys[0] = PLACE_KEY_SPREAD;
	assert_true(place_online(&w, d, 3, &wish, &a));
	assert_int_equal(a.device, 0);
	wish.keys[0] = PLACE_KEY_RANK;
	wish.keys[1] = PLACE_KEY_SPREAD;
	wish.rank = rank;
	assert_true(place_online(&w, d, 3, &wish, &a));
	assert_int_equal(a.device, 2);
	/* What has room is found although it is ranked last. */
	d[1].reserved = d[2].reserved = 0xff;
	assert_true(place_online(&w, d, 3, &wish, &a));
	assert_int_equal(a.device, 0);
}

static void test_place_online_room_to_be_kept_is_kept(void **state)
{
	(void)state;
	const struct capacity *k = kinds_named("A100-40GB");
	const struct place_keep keep = { profile_of(k, "7g.40gb"), 1 };
	struct place_weights w;
	struct capacity_use d[2] = { 0 };
	struct place_answer a;
	struct place_wish wish = { .profile = profile_of(k, "1g.5gb"),
				   .keys = { PLACE_KEY_SPREAD },
				   .keep = &keep,
				   .n_keep = 1 };
	place_weights_set(&w, k, &(struct place_mix){ .asked = { 0 } });
	for (int i = 0; i < 7; i++) {
		assert_true(place_online(&w, d, 2, &wish, &a));
		assert_int_equal(a.device, 0);
		capacity_add(k, &d[0], wish.profile, a.start);
	}
	assert_false(place_online(&w, d, 2, &wish, &a));
	wish.n_keep = 0;
	assert_true(place_online(&w, d, 2, &wish, &a));
	/* Broken already: what does not make it worse may come. */
	capacity_add(k, &d[1], wish.profile, a.start);
	wish.n_keep = 1;
	assert_true(place_online(&w, d, 2, &wish, &a));
}

/* --- moves and advice --------------------------------------------------------------------------------------- */

static void move_check(struct scene *s, const struct place_move *m)
{
	struct place_part *part = &s->parts[m->part];
	struct capacity_use without = s->devices[m->device];
	assert_true(part->movable);
	if (part->device == m->device)
		capacity_remove(s->k, &without, part->profile, part->start);
	assert_true(capacity_starts(s->k, &without, part->profile) >> m->start & 1);
	place_move_make(s->k, s->devices, part, m);
}

/* All leave, then all get their places. */
static void moves_check_at_once(struct scene *s, const struct place_plan *plan)
{
	for (uint32_t i = 0; i < plan->n; i++) {
		const struct place_part *part = &s->parts[plan->move[i].part];
		assert_true(part->movable);
		capacity_remove(s->k, &s->devices[part->device], part->profile, part->start);
	}
	for (uint32_t i = 0; i < plan->n; i++) {
		const struct place_move *m = &plan->move[i];
		uint32_t profile = s->parts[m->part].profile;
		assert_true(capacity_starts(s->k, &s->devices[m->device], profile) >> m->start & 1);
		capacity_add(s->k, &s->devices[m->device], profile, m->start);
	}
}

static void plan_check(struct scene s, uint32_t profile, const struct place_plan *plan)
{
	assert_true(plan->n >= 1 && plan->n <= PLACE_MOVES);
	if (!plan->in_turn)
		moves_check_at_once(&s, plan);
	for (uint32_t i = 0; plan->in_turn && i < plan->n; i++)
		move_check(&s, &plan->move[i]);
	assert_true(capacity_starts(s.k, &s.devices[plan->where.device], profile) >>
			    plan->where.start &
		    1);
}

/* Tries everything: each part, each place. */
static bool one_move_exists(const struct scene *s, uint32_t profile)
{
	for (uint32_t i = 0; i < s->n_parts; i++) {
		for (uint32_t d = 0; s->parts[i].movable && d < DEVICES; d++)
			for (uint32_t start = 0; start < CAPACITY_SLOTS; start++) {
				struct scene t = *s;
				struct place_part *part = &t.parts[i];
				capacity_remove(t.k, &t.devices[part->device], part->profile,
						part->start);
				if (!(capacity_starts(t.k, &t.devices[d], part->profile) >> start &
				      1))
					continue;
				capacity_add(t.k, &t.devices[d], part->profile, start);
				for (uint32_t e = 0; e < DEVICES; e++)
					if (capacity_starts(t.k, &t.devices[e], profile))
						return true;
			}
	}
	return false;
}

static bool one_release_exists(const struct scene *s, uint32_t profile, uint32_t *ret_worth)
{
	bool found = false;
	for (uint32_t i = 0; i < s->n_parts; i++) {
		const struct place_part *part = &s->parts[i];
		uint32_t worth = s->k->profiles[part->profile].worth;
		struct capacity_use d = s->devices[part->device];
		capacity_remove(s->k, &d, part->profile, part->start);
		if (!capacity_starts(s->k, &d, profile) || (found && worth >= *ret_worth))
			continue;
		*ret_worth = worth;
		found = true;
	}
	return found;
}

static void advice_check(const struct scene *s, uint32_t profile)
{
	const struct place_wish wish = { .profile = profile };
	struct place_advice a;
	uint32_t worth = 0;
	place_advise(&s->w, s->devices, DEVICES, s->parts, s->n_parts, &wish, &a);
	assert_int_equal(a.can_release, one_release_exists(s, profile, &worth));
	if (a.can_release) {
		const struct place_part *part = &s->parts[a.part];
		struct capacity_use d = s->devices[part->device];
		capacity_remove(s->k, &d, part->profile, part->start);
		assert_int_equal(a.released.device, part->device);
		assert_true(capacity_starts(s->k, &d, profile) >> a.released.start & 1);
		assert_int_equal(s->k->profiles[part->profile].worth, worth);
	}
	assert_int_equal(a.can_move, one_move_exists(s, profile));
	if (a.can_move) {
		assert_int_equal(a.moved.n, 1);
		assert_true(a.moved.in_turn);
		plan_check(*s, profile, &a.moved);
	}
}

static void test_place_advise_tells_what_helps_and_only_that(void **state)
{
	(void)state;
	uint32_t refused = 0;
	for (uint32_t seed = 0; seed < 20 * kinds_count(); seed++) {
		struct scene s;
		scene_make(&s, kinds_at(seed % kinds_count()), seed);
		for (uint32_t p = 0; p < s.k->n_profiles; p++) {
			const struct place_wish wish = { .profile = p };
			struct place_answer a;
			if (place_online(&s.w, s.devices, DEVICES, &wish, &a))
				continue;
			refused++;
			advice_check(&s, p);
		}
	}
	assert_true(refused > 500);
}

static void test_place_moves_of_several_parts_can_be_made_as_told(void **state)
{
	(void)state;
	uint32_t planned = 0, plans[PLACE_MOVES + 1] = { 0 };
	for (uint32_t seed = 0; seed < 40 * kinds_count(); seed++) {
		struct scene s;
		scene_make(&s, kinds_at(seed % kinds_count()), seed);
		for (uint32_t p = 0; p < s.k->n_profiles; p++) {
			const struct place_wish wish = { .profile = p };
			struct place_answer a;
			struct place_plan plan, again;
			if (place_online(&s.w, s.devices, DEVICES, &wish, &a) ||
			    !place_moves(&s.w, s.devices, DEVICES, s.parts, s.n_parts, &wish,
					 PLACE_MOVES, PLACE_FEWEST, &plan))
				continue;
			plan_check(s, p, &plan);
			assert_true(place_moves(&s.w, s.devices, DEVICES, s.parts, s.n_parts, &wish,
						PLACE_MOVES, PLACE_FEWEST, &again));
			assert_memory_equal(&plan.where, &again.where, sizeof(plan.where));
			assert_memory_equal(plan.move, again.move, plan.n * sizeof(*plan.move));
			planned++;
			plans[plan.n]++;
		}
	}
	assert_true(planned > 200 && plans[2] > 20 && plans[3] > 20);
}

static void test_place_moves_unmovable_parts_never_move(void **state)
{
	(void)state;
	for (uint32_t seed = 0; seed < 10 * kinds_count(); seed++) {
		struct scene s;
		scene_make(&s, kinds_at(seed % kinds_count()), seed);
		for (size_t i = 0; i < s.n_parts; i++)
			s.parts[i].movable = false;
		for (uint32_t p = 0; p < s.k->n_profiles; p++) {
			const struct place_wish wish = { .profile = p };
			struct place_plan plan;
			assert_false(place_moves(&s.w, s.devices, DEVICES, s.parts, s.n_parts,
						 &wish, PLACE_MOVES, PLACE_FEWEST, &plan));
			assert_false(place_tidy(&s.w, s.devices, DEVICES, s.parts, s.n_parts, 2, 0,
						&plan));
		}
	}
}

static void test_place_tidy_leaves_more_room_than_before(void **state)
{
	(void)state;
	const struct capacity *k = kinds_named("A100-40GB");
	struct scene s = { .k = k };
	struct place_plan plan;
	const uint32_t one = profile_of(k, "1g.5gb"), half = profile_of(k, "3g.20gb");
	place_weights_set(&s.w, k, &(struct place_mix){ .asked = { 0 } });
	for (uint32_t d = 0; d < 2; d++) {
		capacity_add(k, &s.devices[d], d ? half : one, 0);
		s.parts[s.n_parts++] = (struct place_part){ d, d ? half : one, 0, true };
	}
	for (uint32_t d = 2; d < DEVICES; d++)
		s.devices[d].reserved = 0xff;
	assert_true(place_tidy(&s.w, s.devices, DEVICES, s.parts, s.n_parts, 2, 0, &plan));
	assert_int_equal(plan.n, 1);
	move_check(&s, &plan.move[0]);
	assert_true(capacity_starts(k, &s.devices[0], profile_of(k, "7g.40gb")) ||
		    capacity_starts(k, &s.devices[1], profile_of(k, "7g.40gb")));
	assert_false(place_tidy(&s.w, s.devices, DEVICES, s.parts, s.n_parts, 2, 1e9, &plan));
}

/* Two small parts in the middle of their halves: one device has room for two of them elsewhere. */
static void test_place_tidy_takes_two_moves_that_are_worth_it_together(void **state)
{
	(void)state;
	const struct capacity *k = kinds_named("A100-40GB");
	const uint32_t one = profile_of(k, "1g.5gb"), half = profile_of(k, "3g.20gb");
	const uint32_t whole = profile_of(k, "7g.40gb");
	struct place_mix mix = { .asked = { 0 } };
	struct place_plan plan;
	struct scene s = { .k = k };
	mix.asked[whole] = 1;
	place_weights_set(&s.w, k, &mix);
	for (uint32_t i = 0; i < 2; i++) {
		capacity_add(k, &s.devices[0], one, 4 * i);
		s.parts[s.n_parts++] = (struct place_part){ 0, one, 4 * i, true };
	}
	capacity_add(k, &s.devices[1], half, 0);
	for (uint32_t d = 2; d < DEVICES; d++)
		s.devices[d].reserved = 0xff;
	double least = 0;
	while (place_tidy(&s.w, s.devices, DEVICES, s.parts, s.n_parts, 1, least, &plan))
		least += 0.01;
	assert_true(place_tidy(&s.w, s.devices, DEVICES, s.parts, s.n_parts, 2, least, &plan));
	assert_int_equal(plan.n, 2);
	plan_check(s, whole, &plan);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_capacity_wrong_all_tables_are_sound),
		cmocka_unit_test(test_capacity_wrong_each_mistake_is_told),
		cmocka_unit_test(test_place_more_empty_devices_take_the_published_number),
		cmocka_unit_test(test_place_starts_the_guides_example_of_an_order_that_fails),
		cmocka_unit_test(test_place_barred_modes_and_limits_exclude_each_other),
		cmocka_unit_test(test_place_starts_reserved_slots_are_nobodys),
		cmocka_unit_test(
			test_place_online_serves_whatever_has_a_place_and_is_deterministic),
		cmocka_unit_test(test_place_online_keys_order_devices_as_asked),
		cmocka_unit_test(test_place_online_room_to_be_kept_is_kept),
		cmocka_unit_test(test_place_advise_tells_what_helps_and_only_that),
		cmocka_unit_test(test_place_moves_of_several_parts_can_be_made_as_told),
		cmocka_unit_test(test_place_moves_unmovable_parts_never_move),
		cmocka_unit_test(test_place_tidy_leaves_more_room_than_before),
		cmocka_unit_test(test_place_tidy_takes_two_moves_that_are_worth_it_together),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
