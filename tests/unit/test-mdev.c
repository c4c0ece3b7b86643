/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Planning of mediated devices: by UUID of the record, never somebody else's. */
#include "support/test.h"

#include <errno.h>

#include "base/str.h"
#include "mdev/mdev.h"
#include "support/picture.h"

#define PARENT "sys:virtual/mtty/mtty"
#define UUID_A "8f0c1c36-0000-4000-8000-00000000000a"
#define UUID_B "8f0c1c36-0000-4000-8000-00000000000b"

static void parent_add(struct have *h, uint32_t available)
{
	struct mdev_parent *p = have_add_parent(h);
	assert_non_null(p);
	assert_int_equal(STR_COPY(p->key, PARENT), 0);
	picture_type(h, PARENT, "mtty-1", available);
	picture_type(h, PARENT, "mtty-2", available / 2);
}

static struct slice slice_of(const char *uuid, const char *type)
{
	struct slice s = picture_slice("mdev", PARENT, -1);
	assert_int_equal(STR_COPY(s.uuid, uuid), 0);
	assert_int_equal(STR_COPY(s.profile, type), 0);
	return s;
}

static void test_make_missing_mdev_is_one_step(void **state)
{
	(void)state;
	struct have h = { 0 };
	struct plan p = { 0 };
	parent_add(&h, 24);
	struct slice s = slice_of(UUID_A, "mtty-2");

	assert_int_equal(mdev_mech.make_steps(&h, NULL, &s, &p, NULL), 0);
	picture_plan(&p, VERB_MDEV_CREATE, -1);
	assert_string_equal(p.steps[0].target.uuid, UUID_A);
	assert_string_equal(p.steps[0].text, "mtty-2");
	plan_done(&p);
	picture_mdev(&h, PARENT, "mtty-2", UUID_A);
	assert_int_equal(mdev_mech.make_steps(&h, NULL, &s, &p, NULL), 0);
	picture_plan(&p, -1);
	have_done(&h);
}

/* F14: what is there under the UUID with another type or parent is somebody else's. */
static void test_f14_foreign_mdev_never_removed(void **state)
{
	(void)state;
	struct have h = { 0 };
	struct plan p = { 0 };
	_cleanup_err_ struct err e = { 0 };
	parent_add(&h, 24);
	struct slice s = slice_of(UUID_A, "mtty-2");
	picture_mdev(&h, PARENT, "mtty-1", UUID_A);
	picture_mdev(&h, PARENT, "mtty-1", UUID_B);

	assert_int_equal(mdev_mech.unmake_steps(&h, &s, &p, &e), -EEXIST);
	assert_string_equal(e.id, "mdev.foreign");
	assert_int_equal(mdev_mech.make_steps(&h, NULL, &s, &p, NULL), -EEXIST);
	picture_plan(&p, -1);
	have_done(&h);
}

/* F13: removal is planned as long as the mdev is seen, whatever happened before. */
static void test_f13_unmake_until_it_is_gone(void **state)
{
	(void)state;
	struct have h = { 0 };
	struct plan p = { 0 };
	parent_add(&h, 24);
	struct slice s = slice_of(UUID_A, "mtty-2");
	picture_mdev(&h, PARENT, "mtty-2", UUID_A);

	for (int pass = 0; pass < 2; pass++) {
		assert_int_equal(mdev_mech.unmake_steps(&h, &s, &p, NULL), 0);
		picture_plan(&p, VERB_MDEV_REMOVE, -1);
		plan_done(&p);
	}
	have_remove_mdev(&h, UUID_A);
	assert_int_equal(mdev_mech.unmake_steps(&h, &s, &p, NULL), 0);
	picture_plan(&p, -1);
	have_done(&h);
}

static void test_make_full_parent_refused_with_facts(void **state)
{
	(void)state;
	struct have h = { 0 };
	struct plan p = { 0 };
	_cleanup_err_ struct err e = { 0 }, f = { 0 };
	parent_add(&h, 0);
	picture_mdev(&h, PARENT, "mtty-1", UUID_B);
	struct slice s = slice_of(UUID_A, "mtty-2");
	assert_int_equal(mdev_mech.make_steps(&h, NULL, &s, &p, &e), -ENOSPC);
	assert_string_equal(e.id, "mdev.full");
	assert_non_null(strstr(e.because, "1 mdevs exist"));
	s = slice_of(UUID_A, "mtty-9");
	assert_int_equal(mdev_mech.make_steps(&h, NULL, &s, &p, &f), -ENOENT);
	assert_string_equal(f.id, "mdev.type.unknown");
	err_done(&f);
	have_done(&h);
}

/* What is left is read after each change: until then the parent is not said to be full. */
static void test_make_parent_that_was_full_waits(void **state)
{
	(void)state;
	struct have h = { 0 };
	struct plan p = { 0 };
	_cleanup_err_ struct err e = { 0 };
	parent_add(&h, 0);
	struct slice s = slice_of(UUID_A, "mtty-2");
	for (size_t i = 0; i < h.n_types; i++)
		h.types[i].available_stale = true;
	assert_int_equal(mdev_mech.make_steps(&h, NULL, &s, &p, &e), -EAGAIN);
	assert_false(err_is_set(&e));
	picture_plan(&p, -1);
	have_done(&h);
}

/* F37: one driver says ENOSPC, one EUSERS, one EINVAL; what is left says it is full. */
static void test_f37_diagnose_full_by_fact(void **state)
{
	(void)state;
	static const int errors[] = { ENOSPC, EUSERS, EINVAL };
	struct have h = { 0 };
	parent_add(&h, 0);
	for (size_t i = 0; i < 3; i++) {
		_cleanup_err_ struct err e = { 0 };
		struct step s = { .verb = VERB_MDEV_CREATE, .target.vf = -1 };
		struct step_result r = { .status = STEP_FAILED, .error = errors[i] };
		assert_int_equal(STR_COPY(s.target.device, PARENT), 0);
		assert_int_equal(STR_COPY(r.reason, "full"), 0);
		mdev_mech.diagnose(&h, &s, &r, NULL, 0, &e);
		assert_string_equal(e.id, "mdev.full");
		assert_int_equal(e.error, errors[i]);
		assert_non_null(strstr(e.because, "mtty-1: 0 more"));
	}
	have_done(&h);
}

static void test_diagnose_every_reason_has_an_id(void **state)
{
	(void)state;
	static const struct {
		enum verb verb;
		const char *reason, *id;
	} rows[] = {
		{ VERB_MDEV_CREATE, "uuid-taken", "mdev.foreign" },
		{ VERB_MDEV_CREATE, "no-type", "mdev.type.unknown" },
		{ VERB_MDEV_CREATE, "not-made", "mdev.create.readback" },
		{ VERB_MDEV_CREATE, "", "mdev.create.failed" },
		{ VERB_MDEV_REMOVE, "still-there", "mdev.remove.failed" },
		{ VERB_MDEV_REMOVE, "", "mdev.remove.failed" },
	};
	struct have h = { 0 };
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		_cleanup_err_ struct err e = { 0 };
		struct step s = { .verb = rows[i].verb, .target.vf = -1 };
		struct step_result r = { .status = STEP_FAILED, .error = EIO };
		assert_int_equal(STR_COPY(r.reason, rows[i].reason), 0);
		mdev_mech.diagnose(&h, &s, &r, NULL, 0, &e);
		assert_string_equal(e.id, rows[i].id);
		assert_non_null(e.state);
	}
}

/* F16: types of one parent share what is left. */
/* Whatever is left of a pool: a type that takes whole units is known as it is, one that does not never as less. */
static void test_type_units_are_what_the_numbers_say(void **state)
{
	(void)state;
	for (uint32_t left = 1; left <= 24; left++)
		for (uint32_t units = 1; units <= left; units++) {
			uint32_t told = mdev_type_units(left, left / units);
			assert_true(told >= units && told * (left / units) <= left);
			if (left / units > 1 && units * units <= left)
				assert_int_equal(left / told, left / units);
		}
	assert_int_equal(mdev_type_units(23, 11), 2);
	assert_int_equal(mdev_type_units(24, 12), 2);
	/* Three units of which the other type takes two, in halves of these. */
	assert_int_equal(mdev_type_units(7, 4), 2);
	assert_int_equal(mdev_type_units(3, 5), 1);
}

static void test_f16_offer_types_share_one_pool(void **state)
{
	(void)state;
	struct have h = { 0 };
	struct offer o = { 0 };
	parent_add(&h, 22);
	picture_mdev(&h, PARENT, "mtty-2", UUID_A);
	mdev_mech.offer(&h, PARENT, &o);
	assert_null(capacity_wrong(&o.kind));
	assert_int_equal(o.kind.n_profiles, 2);
	assert_int_equal(capacity_more(&o.kind, &o.use, 0), 22);
	assert_int_equal(capacity_more(&o.kind, &o.use, 1), 11);
	/* What is promised of one is gone for both. */
	capacity_add(&o.kind, &o.use, 1, 0);
	assert_int_equal(capacity_more(&o.kind, &o.use, 0), 20);
	assert_int_equal(capacity_more(&o.kind, &o.use, 1), 10);
	have_done(&h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_make_missing_mdev_is_one_step),
		cmocka_unit_test(test_f14_foreign_mdev_never_removed),
		cmocka_unit_test(test_f13_unmake_until_it_is_gone),
		cmocka_unit_test(test_make_full_parent_refused_with_facts),
		cmocka_unit_test(test_make_parent_that_was_full_waits),
		cmocka_unit_test(test_f37_diagnose_full_by_fact),
		cmocka_unit_test(test_diagnose_every_reason_has_an_id),
		cmocka_unit_test(test_type_units_are_what_the_numbers_say),
		cmocka_unit_test(test_f16_offer_types_share_one_pool),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
