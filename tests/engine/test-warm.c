/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Slices made ahead of claims: how many, where, for whom, and for whom they make way. */
#include "support/test.h"

#include <stdlib.h>

#include "base/str.h"
#include "engine/fixture.h"

#define TTY_A "sys:virtual/mtty/a"
#define TTY_B "sys:virtual/mtty/b"

/* Two parents of eight units each. */
#define POLICY_OF(more)                                                                            \
	"version: 1\ndevices: {tty: {match: {path: sys:virtual/mtty}}}\n"                          \
	"divide: [{use: tty, as: mdev, on-demand: [one, two, four]" more "}]\n"                    \
	"classes:\n"                                                                               \
	"  any: {from: tty}\n"                                                                     \
	"  one: {from: tty, profiles: [one]}\n"                                                    \
	"  two: {from: tty, profiles: [two]}\n"                                                    \
	"  four: {from: tty, profiles: [four]}\n"                                                  \
	"  many: {parts: {two: 2, four: 1}}\n"
#define POLICY POLICY_OF(", warm: {two: 3}")

static int setup(void **state)
{
	struct world *w = calloc(1, sizeof(*w));
	static const char *const parents[] = { TTY_A, TTY_B };
	world_init(w, 7);
	for (size_t i = 0; i < 2; i++) {
		machine_add_parent(&w->m, parents[i], 8, true);
		machine_add_type(&w->m, parents[i], "one", 1);
		machine_add_type(&w->m, parents[i], "two", 2);
		machine_add_type(&w->m, parents[i], "four", 4);
	}
	world_up(w);
	*state = w;
	return 0;
}

static void run(struct world *w, int64_t ms)
{
	world_run(w, ms);
	world_well(w);
}

static void apply(struct world *w, const char *text)
{
	size_t steps;
	uint64_t token = world_apply_as_planned(w, text, &steps);
	run(w, 2000);
	world_answered(w, token, ANSWER_DONE);
}

static uint64_t ask(struct world *w, const char *class, const char *name)
{
	return world_alloc(w, 1000, class, name, CLAIM_RESERVED, 0, NULL);
}

static const struct slice *hold(struct world *w, const char *class, const char *name)
{
	uint64_t token = ask(w, class, name);
	run(w, 2000);
	world_answered(w, token, ANSWER_DONE);
	return world_slice(w, world_claim(w, name)->slice);
}

static void release(struct world *w, const char *name)
{
	(void)world_release(w, 0, name);
	run(w, 2000);
	assert_null(world_claim(w, name));
}

/* Slices that are there and warm; on device NULL: on all. */
static unsigned warm(struct world *w, const char *profile, const char *device)
{
	const struct record *r = engine_record(w->e);
	unsigned n = 0;
	for (size_t i = 0; i < r->n_slices; i++) {
		const struct slice *s = &r->slices[i];
		n += s->warm == WARM_YES && s->state == SLICE_READY &&
		     str_eq(s->profile, profile) && (!device || str_eq(s->device, device)) &&
		     have_mdev(&w->m.have, s->uuid);
	}
	return n;
}

static unsigned fit(struct world *w, const char *class)
{
	struct engine_fit *fits = NULL;
	size_t n = 0;
	unsigned sum = 0;
	assert_int_equal(engine_fit(w->e, class, &fits, &n), 0);
	for (size_t i = 0; i < n; i++)
		sum += fits[i].ready + fits[i].more;
	free(fits);
	return sum;
}

static void remove_one(struct world *w)
{
	const struct record *r = engine_record(w->e);
	for (size_t i = 0; i < r->n_slices; i++)
		if (r->slices[i].warm && r->slices[i].state == SLICE_READY) {
			assert_true(machine_mdev_remove(&w->m, r->slices[i].uuid) >= 0);
			break;
		}
	world_observe(w);
	run(w, 2000);
}

/* --- how many -------------------------------------------------------------------------------------- */

static void test_warm_are_made_by_the_apply_as_planned_and_only_once(void **state)
{
	struct world *w = *state;
	size_t steps;
	world_answered(w, world_apply_as_planned(w, POLICY, &steps), ANSWER_DONE);
	assert_int_equal(steps, 3);
	assert_int_equal(warm(w, "two", NULL), 3);
	world_answered(w, world_apply_as_planned(w, POLICY, &steps), ANSWER_DONE);
	assert_int_equal(steps, 0);
	world_crash(w, false);
	uint64_t sent = w->sent;
	run(w, 60000);
	assert_int_equal(w->sent, sent);
	assert_int_equal(warm(w, "two", NULL), 3);
}

static void test_warm_are_as_many_as_a_later_policy_says(void **state)
{
	struct world *w = *state;
	apply(w, POLICY);
	apply(w, POLICY_OF(", warm: {two: 1, one: 2}"));
	assert_int_equal(warm(w, "two", NULL), 1);
	assert_int_equal(warm(w, "one", NULL), 2);
	apply(w, POLICY_OF(""));
	assert_int_equal(warm(w, "two", NULL) + warm(w, "one", NULL), 0);
	assert_int_equal(w->m.have.n_mdevs, 0);
}

static void test_warm_are_no_more_than_there_is_room_for(void **state)
{
	struct world *w = *state;
	apply(w, POLICY_OF(", warm: {four: 9}"));
	assert_int_equal(warm(w, "four", NULL), 4);
	uint64_t sent = w->sent;
	run(w, 60000);
	assert_int_equal(w->sent, sent);
}

static void test_warm_are_there_again_after_a_reboot(void **state)
{
	struct world *w = *state;
	apply(w, POLICY);
	hold(w, "two", "a");
	world_reboot(w);
	run(w, 5000);
	assert_int_equal(warm(w, "two", NULL), 3);
	assert_int_equal(world_claim(w, "a")->state, CLAIM_HELD);
}

/* --- for whom ---------------------------------------------------------------------------------------- */

static void test_warm_one_is_given_to_a_claim_and_made_again(void **state)
{
	struct world *w = *state;
	apply(w, POLICY);
	w->performed = json_array();
	uint64_t token = ask(w, "two", "a");
	while (!world_answer(w, token) || world_answer(w, token)->state == ANSWER_PENDING)
		run(w, 10);
	/* Nothing but its node: no step of the pool comes before it. */
	assert_non_null(
		strstr(json_string_value(json_object_get(json_array_get(w->performed, 0), "text")),
		       "give the VFIO node"));
	run(w, 2000);
	assert_int_equal(warm(w, "two", NULL), 3);
	assert_false(world_slice(w, world_claim(w, "a")->slice)->warm);
	/* What was used is removed, and not warm again. */
	release(w, "a");
	assert_int_equal(w->m.have.n_mdevs, 3);
	assert_int_equal(warm(w, "two", NULL), 3);
}

/* The smallest that will do is what a class asks for, not what happens to be there. */
static void test_warm_one_of_a_profile_that_comes_later_is_not_taken(void **state)
{
	struct world *w = *state;
	apply(w, POLICY);
	assert_string_equal(hold(w, "any", "a")->profile, "one");
	assert_int_equal(warm(w, "two", NULL), 3);
}

static void test_warm_is_not_made_where_room_is_kept(void **state)
{
	struct world *w = *state;
	apply(w, POLICY_OF(", keep-room-for: {four: 3}, warm: {two: 3}"));
	assert_int_equal(warm(w, "two", NULL), 2);
	assert_int_equal(fit(w, "four"), 4);
	/* The kept room is there for its claims; the pool shrinks with it. */
	hold(w, "four", "a");
	hold(w, "four", "b");
	hold(w, "four", "c");
	assert_int_equal(fit(w, "four"), 1);
	hold(w, "four", "d");
	assert_int_equal(warm(w, "two", NULL), 0);
}

/* It was made when there was more room: who has it now would take what is kept. */
static void test_warm_is_not_given_out_of_the_room_that_is_kept(void **state)
{
	struct world *w = *state;
	apply(w, POLICY_OF(", keep-room-for: {four: 2}, warm: {two: 2}"));
	assert_int_equal(warm(w, "two", NULL), 2);
	hold(w, "four", "a");
	hold(w, "four", "b");
	uint64_t token = ask(w, "two", "c");
	run(w, 2000);
	assert_string_equal(world_answered(w, token, ANSWER_FAILED)->id, "claim.none-free");
	assert_non_null(strstr(world_answer(w, token)->because, "keeps it for other classes"));
}

static void test_warm_is_not_made_while_a_claim_waits(void **state)
{
	struct world *w = *state;
	apply(w, POLICY);
	static const char *const names[] = { "a", "b", "c", "d" };
	for (size_t i = 0; i < 4; i++)
		hold(w, "four", names[i]);
	assert_int_equal(warm(w, "two", NULL), 0);
	struct alloc_request rq = { .class = "four", .owner = "manual:x", .wait = true };
	uint64_t token = world_ask(w, 1000, &rq);
	struct alloc_request small = { .class = "two", .owner = "manual:x", .name = "small" };
	run(w, 2000);
	release(w, "a");
	run(w, 2000);
	world_answered(w, token, ANSWER_DONE);
	assert_int_equal(warm(w, "two", NULL), 0);
	release(w, "b");
	assert_int_equal(warm(w, "two", NULL), 2);
	(void)world_ask(w, 1000, &small);
	run(w, 2000);
	assert_int_equal(world_claim(w, "small")->state, CLAIM_HELD);
}

/* --- who comes first ----------------------------------------------------------------------------------- */

static void test_warm_room_counts_as_free_and_makes_way(void **state)
{
	struct world *w = *state;
	apply(w, POLICY_OF(", warm: {two: 8}"));
	assert_int_equal(warm(w, "two", NULL), 8);
	assert_int_equal(fit(w, "one"), 16);
	assert_int_equal(fit(w, "two"), 8);
	assert_int_equal(fit(w, "four"), 4);
	const struct slice *s = hold(w, "four", "a");
	assert_string_equal(s->profile, "four");
	/* No more than were in the way. */
	assert_int_equal(warm(w, "two", NULL), 6);
	hold(w, "one", "b");
	assert_int_equal(warm(w, "two", NULL), 5);
	assert_int_equal(fit(w, "one"), 11);
}

static void test_warm_makes_way_for_many_at_once_and_for_each_its_room(void **state)
{
	struct world *w = *state;
	apply(w, POLICY_OF(", warm: {two: 8}"));
	uint64_t tokens[7];
	for (size_t i = 0; i < 7; i++) {
		char name[8];
		(void)STR_FORMAT(name, "c%zu", i);
		tokens[i] = ask(w, i < 3 ? "four" : "one", name);
		if (i % 2)
			world_turn(w);
	}
	run(w, 5000);
	for (size_t i = 0; i < 7; i++)
		world_answered(w, tokens[i], ANSWER_DONE);
	assert_int_equal(warm(w, "two", NULL), 0);
	uint64_t token = ask(w, "one", "more");
	run(w, 2000);
	assert_string_equal(world_answered(w, token, ANSWER_FAILED)->id, "claim.none-free");
}

static void test_warm_is_for_the_parts_of_a_claim_and_makes_way_for_them(void **state)
{
	struct world *w = *state;
	apply(w, POLICY_OF(", warm: {two: 8}"));
	w->performed = json_array();
	uint64_t token = ask(w, "many", "a");
	run(w, 2000);
	world_answered(w, token, ANSWER_DONE);
	/* Two are taken as they are; two others go for the one that is made. */
	assert_int_equal(warm(w, "two", NULL), 4);
	size_t made = 0, i;
	json_t *s;
	json_array_foreach(w->performed, i, s)
		made += strstr(json_string_value(json_object_get(s, "text")), "create") != NULL;
	assert_int_equal(made, 1);
	release(w, "a");
	assert_int_equal(warm(w, "two", NULL), 8);
	assert_int_equal(w->m.have.n_mdevs, 8);
}

static void test_warm_is_not_made_while_a_claim_of_parts_waits(void **state)
{
	struct world *w = *state;
	apply(w, POLICY);
	hold(w, "four", "a");
	hold(w, "four", "b");
	hold(w, "four", "c");
	struct alloc_request rq = { .class = "many", .owner = "manual:x", .wait = true };
	uint64_t token = world_ask(w, 1000, &rq);
	run(w, 2000);
	world_answered(w, token, ANSWER_PENDING);
	uint64_t mdevs = w->m.have.n_mdevs;
	run(w, 60000);
	assert_int_equal(w->m.have.n_mdevs, mdevs);
	release(w, "a");
	run(w, 2000);
	world_answered(w, token, ANSWER_DONE);
}

/* A full parent does not tell any more what its types take: that is in the record since the apply. */
static void test_warm_makes_way_also_after_a_restart(void **state)
{
	struct world *w = *state;
	apply(w, POLICY_OF(", warm: {two: 8}"));
	world_crash(w, true);
	run(w, 1000);
	hold(w, "four", "a");
	apply(w, POLICY_OF(", warm: {two: 8}"));
	world_crash(w, true);
	hold(w, "four", "b");
	hold(w, "one", "c");
	assert_int_equal(fit(w, "one"), 7);
}

static void test_warm_of_a_crash_is_in_the_record(void **state)
{
	struct world *w = *state;
	apply(w, POLICY_OF(""));
	(void)world_apply(w, POLICY, false);
	for (unsigned i = 0; i < 12; i++) {
		w->now += 20;
		world_results(w);
		world_crash(w, false);
		world_turn(w);
		assert_string_equal(w->failure, "");
	}
	run(w, 60000);
	assert_int_equal(warm(w, "two", NULL), 3);
	assert_int_equal(w->m.have.n_mdevs, 3);
}

/* --- drift --------------------------------------------------------------------------------------------- */

static void test_warm_that_others_removed_is_told_or_made_again(void **state)
{
	struct world *w = *state;
	apply(w, POLICY);
	remove_one(w);
	assert_int_equal(warm(w, "two", NULL), 2);
	assert_int_equal(json_integer_value(json_object_get(w->events, "slice.lost")), 1);
	apply(w, POLICY);
	assert_int_equal(warm(w, "two", NULL), 3);
	apply(w, POLICY "drift: repair\n");
	remove_one(w);
	assert_int_equal(warm(w, "two", NULL), 3);
}

static void test_warm_is_not_made_on_a_device_that_failed(void **state)
{
	struct world *w = *state;
	apply(w, POLICY_OF(""));
	for (size_t i = 0; i < w->m.n_pools; i++)
		if (str_eq(w->m.pools[i].parent, TTY_A))
			w->m.pools[i].used = w->m.pools[i].units;
	world_apply(w, POLICY, false);
	run(w, 60000);
	assert_int_equal(warm(w, "two", TTY_A), 0);
	assert_int_equal(warm(w, "two", TTY_B), 3);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, world_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_warm_are_made_by_the_apply_as_planned_and_only_once),
		T(test_warm_are_as_many_as_a_later_policy_says),
		T(test_warm_are_no_more_than_there_is_room_for),
		T(test_warm_are_there_again_after_a_reboot),
		T(test_warm_one_is_given_to_a_claim_and_made_again),
		T(test_warm_one_of_a_profile_that_comes_later_is_not_taken),
		T(test_warm_is_not_made_where_room_is_kept),
		T(test_warm_is_not_given_out_of_the_room_that_is_kept),
		T(test_warm_is_not_made_while_a_claim_waits),
		T(test_warm_room_counts_as_free_and_makes_way),
		T(test_warm_makes_way_for_many_at_once_and_for_each_its_room),
		T(test_warm_is_for_the_parts_of_a_claim_and_makes_way_for_them),
		T(test_warm_is_not_made_while_a_claim_of_parts_waits),
		T(test_warm_makes_way_also_after_a_restart),
		T(test_warm_of_a_crash_is_in_the_record),
		T(test_warm_that_others_removed_is_told_or_made_again),
		T(test_warm_is_not_made_on_a_device_that_failed),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
