/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Sets of parts that are given together, on every table: each set up to a size is compared with a
 * search that tries everything and shares no code with what it checks. CARVE_QUICK: smaller sets.
 */
#include "support/kinds.h"
#include "support/test.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "bench/requests.h"
#include "place/set.h"

#define MEMBERS 64
#define SETS (getenv("CARVE_QUICK") ? 300 : 7000)

/* --- everything is tried ------------------------------------------------------------------------------ */

struct trying {
	const struct capacity *k;
	size_t n;
	uint64_t taken[8];
	uint32_t counts[8][CAPACITY_PROFILES];
};

static bool allowed(const struct trying *t, size_t device, uint32_t profile)
{
	const struct capacity_profile *p = &t->k->profiles[profile];
	const uint32_t *counts = t->counts[device];
	if (p->most && counts[profile] == p->most)
		return false;
	for (uint32_t c = 0; c < t->k->n_counters; c++) {
		uint32_t sum = p->takes[c];
		for (uint32_t i = 0; i < t->k->n_profiles; i++)
			sum += counts[i] * t->k->profiles[i].takes[c];
		if (sum > t->k->counters[c].total)
			return false;
	}
	for (uint32_t i = 0; i < t->k->n_profiles; i++) {
		const struct capacity_profile *q = &t->k->profiles[i];
		if (counts[i] && ((p->mode && q->mode && p->mode != q->mode) ||
				  (p->bars & 1u << i) || (q->bars & 1u << profile)))
			return false;
	}
	return true;
}

static bool all_fit(struct trying *t, const uint32_t *wanted, size_t n_wanted, size_t from);

/* The next one, from that place on: (device, start) as one number, since those of a profile are alike. */
static bool put_and_go_on(struct trying *t, const uint32_t *wanted, size_t n_wanted, size_t place)
{
	const struct capacity_profile *p = &t->k->profiles[*wanted];
	size_t device = place / 64, start = place % 64;
	uint64_t mask = 0;
	for (uint32_t i = 0; i < p->size && start + i < 64; i++)
		mask |= UINT64_C(1) << (start + i);
	if (p->size ? !(p->starts >> start & 1) || t->taken[device] & mask : start != 0)
		return false;
	if (!allowed(t, device, *wanted))
		return false;
	t->taken[device] |= mask;
	t->counts[device][*wanted]++;
	bool same = n_wanted > 1 && wanted[1] == wanted[0];
	bool fit = all_fit(t, wanted + 1, n_wanted - 1, same ? place : 0);
	t->taken[device] &= ~mask;
	t->counts[device][*wanted]--;
	return fit;
}

static bool all_fit(struct trying *t, const uint32_t *wanted, size_t n_wanted, size_t from)
{
	if (n_wanted == 0)
		return true;
	for (size_t place = from; place < t->n * 64; place++)
		if (put_and_go_on(t, wanted, n_wanted, place))
			return true;
	return false;
}

static bool counts_fit(const struct capacity *k, const struct capacity_use *d, size_t n,
		       const uint32_t *counts)
{
	struct trying t = { .k = k, .n = n };
	uint32_t wanted[MEMBERS];
	size_t n_wanted = 0;
	for (size_t i = 0; i < n; i++) {
		t.taken[i] = d[i].occupied | d[i].reserved;
		for (uint32_t p = 0; p < k->n_profiles; p++)
			t.counts[i][p] = d[i].count[p];
	}
	for (uint32_t p = 0; p < k->n_profiles; p++)
		for (uint32_t i = 0; i < counts[p]; i++)
			wanted[n_wanted++] = p;
	return all_fit(&t, wanted, n_wanted, 0);
}

/* Each choice of so many members, by profile: does it fit? */
static bool choices_fit(const struct capacity *k, const struct capacity_use *d, size_t n,
			const uint32_t *counts, uint32_t *chosen, uint32_t profile, size_t more)
{
	bool fit = true;
	if (more == 0)
		return counts_fit(k, d, n, chosen);
	if (profile == k->n_profiles)
		return true;
	for (uint32_t i = 0; fit && i <= counts[profile] && i <= more; i++) {
		chosen[profile] = i;
		fit = choices_fit(k, d, n, counts, chosen, profile + 1, more - i);
	}
	chosen[profile] = 0;
	return fit;
}

/* --- comparing ---------------------------------------------------------------------------------------- */

static void fitting_check(const struct capacity *k, const struct capacity_use *devices, size_t n,
			  const struct place_member *m, size_t n_members)
{
	struct capacity_use d[8];
	memcpy(d, devices, n * sizeof(*d));
	for (size_t i = 0; i < n_members; i++) {
		assert_true(m[i].device < n);
		assert_true(capacity_starts(k, &d[m[i].device], m[i].profile) >> m[i].start & 1);
		capacity_add(k, &d[m[i].device], m[i].profile, m[i].start);
	}
}

/* What is told does not fit, and nothing smaller does not: what contains that would not fit either, so
 * that it is enough to look at what has one member less. */
static void conflict_check(const struct capacity *k, const struct capacity_use *d, size_t n,
			   const struct place_member *m, size_t n_members, const uint32_t *counts)
{
	uint32_t told[CAPACITY_PROFILES] = { 0 }, chosen[CAPACITY_PROFILES] = { 0 };
	size_t n_told = 0;
	for (size_t i = 0; i < n_members; i++)
		if (m[i].in_conflict) {
			told[m[i].profile]++;
			n_told++;
		}
	assert_true(n_told > 0);
	assert_false(counts_fit(k, d, n, told));
	if (!choices_fit(k, d, n, counts, chosen, 0, n_told - 1))
		fail_msg("%s: %zu of %zu members are not the fewest", k->name, n_told, n_members);
}

static bool set_check(const struct capacity *k, const struct capacity_use *d, size_t n,
		      struct place_member *m, size_t n_members)
{
	enum place_set_answer a;
	uint32_t counts[CAPACITY_PROFILES] = { 0 };
	for (size_t i = 0; i < n_members; i++)
		counts[m[i].profile]++;
	assert_int_equal(place_set(k, d, n, m, n_members, PLACE_SET_EFFORT, &a), 0);
	bool fits = counts_fit(k, d, n, counts);
	if (a != (fits ? PLACE_SET_FITS : PLACE_SET_CONFLICT))
		fail_msg("%s: %zu members", k->name, n_members);
	if (fits)
		fitting_check(k, d, n, m, n_members);
	else
		conflict_check(k, d, n, m, n_members, counts);
	return fits;
}

/* --- all sets of one device ----------------------------------------------------------------------------- */

static double sets_up_to(uint32_t profiles, uint32_t size)
{
	double n = 1;
	for (uint32_t i = 1; i <= size; i++)
		n = n * (profiles + i) / i;
	return n;
}

struct tally {
	size_t fit, not ;
};

static void sets_from(const struct capacity *k, uint32_t lowest, struct place_member *m, size_t n,
		      size_t most, struct tally *t)
{
	const struct capacity_use empty = { 0 };
	if (set_check(k, &empty, 1, m, n))
		t->fit++;
	else
		t->not ++;
	for (uint32_t p = lowest; n < most && p < k->n_profiles; p++) {
		m[n].profile = p;
		sets_from(k, p, m, n + 1, most, t);
	}
}

static void test_place_set_every_set_of_every_table_as_trying_all_places_says(void **state)
{
	(void)state;
	for (size_t i = 0; kinds_at(i); i++) {
		struct place_member m[MEMBERS];
		struct tally t = { 0 };
		uint32_t most = 1;
		while (most < 40 && sets_up_to(kinds_at(i)->n_profiles, most + 1) <= SETS)
			most++;
		sets_from(kinds_at(i), 0, m, 0, most, &t);
		print_message("%s: sets of up to %u: %zu fit, %zu do not\n", kinds_at(i)->name,
			      most, t.fit, t.not );
		assert_true(t.fit > kinds_at(i)->n_profiles);
		assert_true(t.not > 0 || most < 6);
	}
}

static void test_place_set_one_too_many_of_each_is_the_conflict(void **state)
{
	(void)state;
	const struct capacity_use empty = { 0 };
	for (size_t i = 0; kinds_at(i); i++)
		for (uint32_t p = 0; p < kinds_at(i)->n_profiles; p++) {
			struct place_member m[MEMBERS + 1];
			enum place_set_answer a;
			uint32_t most = capacity_more(kinds_at(i), &empty, p);
			for (size_t k = 0; k <= most; k++)
				m[k].profile = p;
			assert_int_equal(place_set(kinds_at(i), &empty, 1, m, most,
						   PLACE_SET_EFFORT, &a),
					 0);
			assert_int_equal(a, PLACE_SET_FITS);
			assert_int_equal(place_set(kinds_at(i), &empty, 1, m, most + 1,
						   PLACE_SET_EFFORT, &a),
					 0);
			assert_int_equal(a, PLACE_SET_CONFLICT);
			for (size_t k = 0; k <= most; k++)
				assert_true(m[k].in_conflict);
		}
}

/* --- several devices that are not empty --------------------------------------------------------------------- */

static uint32_t next_random(uint32_t *r, uint32_t below)
{
	*r = *r * 1664525 + 1013904223;
	return (*r >> 8) % below;
}

static void devices_make(const struct capacity *k, struct capacity_use *d, size_t n, uint32_t *r)
{
	memset(d, 0, n * sizeof(*d));
	for (size_t i = 0; i < n; i++) {
		if (k->n_slots && next_random(r, 3) == 0)
			d[i].reserved = UINT64_C(1) << next_random(r, k->n_slots);
		for (uint32_t parts = next_random(r, 3); parts > 0; parts--) {
			uint32_t p = next_random(r, k->n_profiles);
			uint64_t starts = capacity_starts(k, &d[i], p);
			if (starts)
				capacity_add(k, &d[i], p, (uint32_t)__builtin_ctzll(starts));
		}
	}
}

static void test_place_set_devices_in_use_as_trying_all_places_says(void **state)
{
	(void)state;
	struct tally t = { 0 };
	uint32_t r = 1;
	for (int round = 0; round < SETS / 5; round++) {
		const struct capacity *k = kinds_at((size_t)round % 8);
		struct place_member m[MEMBERS];
		struct capacity_use d[3];
		size_t n = 2 + next_random(&r, 2), n_members = 2 + next_random(&r, 6);
		devices_make(k, d, n, &r);
		for (size_t i = 0; i < n_members; i++)
			m[i].profile = next_random(&r, k->n_profiles);
		if (set_check(k, d, n, m, n_members))
			t.fit++;
		else
			t.not ++;
	}
	assert_true(t.fit > 10 && t.not > 10);
}

/* What devices of eight slots hold was listed for the benchmark in another way. */
static void test_place_set_eight_devices_as_the_benchmarks_bound_says(void **state)
{
	(void)state;
	const struct capacity *k = kinds_named("A100-40GB");
	static const uint32_t profile_of[CLASSES] = { 0, 2, 3, 4, 5, 6 };
	const struct capacity_use empty[8] = { 0 };
	struct packing *packing = packing_new();
	struct tally t = { 0 };
	uint32_t r = 7;
	assert_non_null(packing);
	for (int round = 0; round < 40 + SETS / 20; round++) {
		struct place_member m[MEMBERS];
		unsigned demand[CLASSES] = { 0 }, slices = 0;
		size_t n = 0;
		enum place_set_answer a;
		while (slices < 51 && n < MEMBERS) {
			unsigned c = next_random(&r, CLASSES);
			demand[c]++;
			slices += request_classes[c].slices;
			m[n++].profile = profile_of[c];
		}
		bool fits = packing_fits(packing, demand, 8);
		assert_int_equal(place_set(k, empty, 8, m, n, PLACE_SET_EFFORT, &a), 0);
		assert_int_equal(a, fits ? PLACE_SET_FITS : PLACE_SET_CONFLICT);
		if (fits) {
			fitting_check(k, empty, 8, m, n);
			t.fit++;
			continue;
		}
		t.not ++;
		memset(demand, 0, sizeof(demand));
		for (size_t i = 0; i < n; i++)
			for (size_t c = 0; c < CLASSES; c++)
				demand[c] += m[i].in_conflict && profile_of[c] == m[i].profile;
		assert_false(packing_fits(packing, demand, 8));
		for (size_t c = 0; c < CLASSES; c++) {
			if (!demand[c])
				continue;
			demand[c]--;
			assert_true(packing_fits(packing, demand, 8));
			demand[c]++;
		}
	}
	assert_true(t.fit > 5 && t.not > 5);
	packing_free(packing);
}

static void test_place_set_the_effort_is_bounded_and_said(void **state)
{
	(void)state;
	const struct capacity *k = kinds_named("A100-40GB");
	const struct capacity_use empty[2] = { 0 };
	struct place_member m[256] = { { .profile = 0 }, { .profile = 6 } };
	enum place_set_answer a;
	assert_int_equal(place_set(k, empty, 2, m, 2, 3, &a), 0);
	assert_int_equal(a, PLACE_SET_TOO_HARD);
	assert_int_equal(place_set(k, empty, 2, m, 2, PLACE_SET_EFFORT, &a), 0);
	assert_int_equal(a, PLACE_SET_FITS);
	memset(m, 0, sizeof(m));
	assert_int_equal(place_set(k, empty, 2, m, 256, PLACE_SET_EFFORT, &a), -E2BIG);
	assert_int_equal(place_set(k, empty, 2000, m, 1, PLACE_SET_EFFORT, &a), -E2BIG);
	assert_int_equal(place_set(k, empty, 0, m, 1, PLACE_SET_EFFORT, &a), 0);
	assert_int_equal(a, PLACE_SET_CONFLICT);
	assert_int_equal(place_set(k, empty, 0, m, 0, PLACE_SET_EFFORT, &a), 0);
	assert_int_equal(a, PLACE_SET_FITS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_place_set_every_set_of_every_table_as_trying_all_places_says),
		cmocka_unit_test(test_place_set_one_too_many_of_each_is_the_conflict),
		cmocka_unit_test(test_place_set_devices_in_use_as_trying_all_places_says),
		cmocka_unit_test(test_place_set_eight_devices_as_the_benchmarks_bound_says),
		cmocka_unit_test(test_place_set_the_effort_is_bounded_and_said),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
