/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Devices that are drained: nothing new goes there, what is held stays, and it outlives restarts. */
#include "support/test.h"

#include <stdlib.h>

#include "base/str.h"
#include "engine/fixture.h"
#include "ledger/record.h"

#define TTY_A "sys:virtual/mtty/a"
#define TTY_B "sys:virtual/mtty/b"

#define POLICY_OF(divide, more)                                                                    \
	"version: 1\ndevices: {tty: {match: {path: sys:virtual/mtty}}}\n"                          \
	"divide: [{use: tty, as: mdev, " divide "}]\n"                                             \
	"classes:\n"                                                                               \
	"  two: {from: tty, profiles: [two]}\n"                                                    \
	"  pair: {parts: {two: 2}}\n" more
#define DEMAND "on-demand: [one, two]"
#define WARM "on-demand: [one, two], warm: {two: 3}"
#define LAYOUT "layout: {two: 2}"

static int setup(void **state)
{
	struct world *w = calloc(1, sizeof(*w));
	static const char *const parents[] = { TTY_A, TTY_B };
	world_init(w, 7);
	for (size_t i = 0; i < 2; i++) {
		machine_add_parent(&w->m, parents[i], 4, true);
		machine_add_type(&w->m, parents[i], "one", 1);
		machine_add_type(&w->m, parents[i], "two", 2);
	}
	world_up(w);
	*state = w;
	return 0;
}

static void run(struct world *w)
{
	world_run(w, 2000);
	world_well(w);
}

static void apply(struct world *w, const char *text)
{
	size_t steps;
	uint64_t token = world_apply_as_planned(w, text, &steps);
	run(w);
	world_answered(w, token, ANSWER_DONE);
}

static uint64_t ask(struct world *w, const char *class, const char *name)
{
	uint64_t token = world_alloc(w, 1000, class, name, CLAIM_RESERVED, 0, NULL);
	run(w);
	return token;
}

static const char *device_of(struct world *w, const char *name)
{
	return world_slice(w, world_claim(w, name)->slice)->device;
}

static uint64_t drain(struct world *w, const char *device, bool undo, bool wait)
{
	static const struct requester root = { .manage = true, .claim = true };
	engine_request_drain(w->e, ++w->token, &root,
			     &(struct drain_request){ .device = device,
						      .reason = undo ? NULL : "a new driver",
						      .undo = undo,
						      .wait = wait });
	uint64_t token = w->token;
	run(w);
	return token;
}

static unsigned slices_on(struct world *w, const char *device)
{
	const struct record *r = engine_record(w->e);
	unsigned n = 0;
	for (size_t i = 0; i < r->n_slices; i++)
		n += str_eq(r->slices[i].device, device);
	return n;
}

static unsigned fit(struct world *w)
{
	struct engine_fit *fits = NULL;
	size_t n = 0;
	unsigned sum = 0;
	assert_int_equal(engine_fit(w->e, "two", &fits, &n), 0);
	for (size_t i = 0; i < n; i++)
		sum += fits[i].ready + fits[i].more;
	free(fits);
	return sum;
}

static size_t claims_told(struct world *w, uint64_t token)
{
	const json_t *report = world_answered(w, token, ANSWER_DONE)->report;
	return json_array_size(json_object_get(report, "claims"));
}

/* --- what does not go there ---------------------------------------------------------------------------- */

static void test_drain_claims_go_elsewhere_or_are_refused(void **state)
{
	struct world *w = *state;
	apply(w, POLICY_OF(DEMAND, ""));
	assert_int_equal(fit(w), 4);
	assert_int_equal(claims_told(w, drain(w, TTY_A, false, false)), 0);
	assert_int_equal(fit(w), 2);
	world_answered(w, ask(w, "two", "c1"), ANSWER_DONE);
	world_answered(w, ask(w, "two", "c2"), ANSWER_DONE);
	assert_string_equal(device_of(w, "c1"), TTY_B);
	assert_string_equal(device_of(w, "c2"), TTY_B);
	const struct world_answer *a = world_answered(w, ask(w, "two", "c3"), ANSWER_FAILED);
	assert_string_equal(a->id, "claim.none-free");
	assert_non_null(strstr(a->because, TTY_A " is drained: a new driver"));
	(void)drain(w, TTY_A, true, false);
	world_answered(w, ask(w, "pair", "c4"), ANSWER_DONE);
}

static void test_drain_all_says_how_it_ends(void **state)
{
	struct world *w = *state;
	apply(w, POLICY_OF(DEMAND, ""));
	(void)drain(w, TTY_A, false, false);
	(void)drain(w, TTY_B, false, false);
	const struct world_answer *a = world_answered(w, ask(w, "two", "c1"), ANSWER_FAILED);
	assert_non_null(strstr(a->todo, "carve drain DEVICE --undo"));
}

static void test_drain_parts_are_not_made_there(void **state)
{
	struct world *w = *state;
	apply(w, POLICY_OF(DEMAND, ""));
	world_answered(w, ask(w, "two", "c1"), ANSWER_DONE);
	bool a = str_eq(device_of(w, "c1"), TTY_A);
	(void)drain(w, a ? TTY_B : TTY_A, false, false);
	world_answered(w, ask(w, "pair", "c2"), ANSWER_FAILED);
}

static void test_drain_layout_stays_and_nobody_gets_it(void **state)
{
	struct world *w = *state;
	apply(w, POLICY_OF(LAYOUT, ""));
	(void)drain(w, TTY_A, false, false);
	assert_int_equal(slices_on(w, TTY_A), 2);
	assert_int_equal(fit(w), 2);
	world_answered(w, ask(w, "pair", "c1"), ANSWER_DONE);
	world_answered(w, ask(w, "two", "c2"), ANSWER_FAILED);
	assert_int_equal(slices_on(w, TTY_A), 2);
}

static void test_drain_warm_slices_go_and_are_made_elsewhere(void **state)
{
	struct world *w = *state;
	apply(w, POLICY_OF(WARM, ""));
	assert_int_equal(slices_on(w, TTY_A) + slices_on(w, TTY_B), 3);
	(void)drain(w, TTY_A, false, true);
	assert_int_equal(slices_on(w, TTY_A), 0);
	assert_int_equal(slices_on(w, TTY_B), 2);
	apply(w, POLICY_OF(WARM, ""));
	assert_int_equal(slices_on(w, TTY_A), 0);
	(void)drain(w, TTY_A, true, false);
	assert_int_equal(slices_on(w, TTY_A), 1);
}

static void test_drain_reservations_wait_until_it_is_undone(void **state)
{
	struct world *w = *state;
	(void)drain(w, TTY_A, false, false);
	(void)drain(w, TTY_B, false, false);
	apply(w, POLICY_OF(DEMAND, "reservations: [{name: web, class: two, for: \"manual:x\"}]\n"));
	assert_int_equal(world_claim(w, "web")->slice, 0);
	(void)drain(w, TTY_B, true, false);
	assert_string_equal(device_of(w, "web"), TTY_B);
}

/* --- what is held -------------------------------------------------------------------------------------- */

static void test_drain_held_stays_and_is_named(void **state)
{
	struct world *w = *state;
	apply(w, POLICY_OF(DEMAND, ""));
	world_answered(w, ask(w, "two", "c1"), ANSWER_DONE);
	const char *device = str_eq(device_of(w, "c1"), TTY_A) ? TTY_A : TTY_B;
	uint64_t now = drain(w, device, false, false);
	const json_t *report = world_answered(w, now, ANSWER_DONE)->report;
	const json_t *claims = json_object_get(report, "claims");
	assert_string_equal(json_string_value(json_array_get(claims, 0)), "c1");
	assert_int_equal(world_claim(w, "c1")->state, CLAIM_HELD);
}

static void test_drain_wait_ends_when_nothing_is_left(void **state)
{
	struct world *w = *state;
	apply(w, POLICY_OF(DEMAND, ""));
	world_answered(w, ask(w, "pair", "c1"), ANSWER_DONE);
	uint64_t waits = drain(w, TTY_A, false, true);
	assert_null(world_answer(w, waits));
	(void)world_release(w, 0, "c1");
	run(w);
	assert_int_equal(claims_told(w, waits), 0);
	assert_int_equal(slices_on(w, TTY_A), 0);
}

static void test_drain_wait_ends_when_it_is_undone(void **state)
{
	struct world *w = *state;
	apply(w, POLICY_OF(DEMAND, ""));
	world_answered(w, ask(w, "pair", "c1"), ANSWER_DONE);
	uint64_t waits = drain(w, TTY_A, false, true);
	(void)drain(w, TTY_A, true, false);
	assert_int_equal(claims_told(w, waits), 1);
}

/* --- what it outlives ---------------------------------------------------------------------------------- */

static void test_drain_outlives_restart_and_reboot(void **state)
{
	struct world *w = *state;
	apply(w, POLICY_OF(DEMAND, ""));
	(void)drain(w, TTY_A, false, false);
	world_crash(w, true);
	run(w);
	assert_int_equal(fit(w), 2);
	world_reboot(w);
	run(w);
	assert_int_equal(fit(w), 2);
	const struct device_note *n = record_note(engine_record(w->e), TTY_A);
	assert_true(n && n->drained);
	assert_string_equal(n->reason, "a new driver");
	(void)drain(w, TTY_A, true, false);
	assert_null(record_note(engine_record(w->e), TTY_A));
}

/* --- who may, and what ------------------------------------------------------------------------------------ */

static void test_drain_what_is_no_device_is_refused(void **state)
{
	struct world *w = *state;
	const struct world_answer *a =
		world_answered(w, drain(w, "nothing", false, false), ANSWER_FAILED);
	assert_string_equal(a->id, "drain.no-device");
}

static void test_drain_by_others_is_refused(void **state)
{
	struct world *w = *state;
	engine_request_drain(w->e, ++w->token, &(struct requester){ .claim = true },
			     &(struct drain_request){ .device = TTY_A });
	run(w);
	const struct world_answer *a = world_answered(w, w->token, ANSWER_FAILED);
	assert_string_equal(a->id, "engine.denied");
	assert_int_equal(engine_record(w->e)->n_notes, 0);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, world_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_drain_claims_go_elsewhere_or_are_refused),
		T(test_drain_all_says_how_it_ends),
		T(test_drain_parts_are_not_made_there),
		T(test_drain_layout_stays_and_nobody_gets_it),
		T(test_drain_warm_slices_go_and_are_made_elsewhere),
		T(test_drain_reservations_wait_until_it_is_undone),
		T(test_drain_held_stays_and_is_named),
		T(test_drain_wait_ends_when_nothing_is_left),
		T(test_drain_wait_ends_when_it_is_undone),
		T(test_drain_outlives_restart_and_reboot),
		T(test_drain_what_is_no_device_is_refused),
		T(test_drain_by_others_is_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
