/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The engine on what devices can yield: where claims go, what is kept, what a layout can be. Two GPUs are
 * divided as A100s are, by a mechanism whose slices take for ever to be made: a promise is all that
 * placement knows of.
 */
#include "support/kinds.h"
#include "support/test.h"

#include <errno.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "engine/fixture.h"

#define GPU "pci:0000:00/06.0/00.0"
#define GPU2 "pci:0000:00/08.0/00.0"
#define MTTY "sys:virtual/mtty/mtty"
#define MTTY2 "sys:virtual/mtty/mtty2"
#define PROFILES "1g.5gb, 1g.5gb+me, 1g.10gb, 2g.10gb, 3g.20gb, 4g.20gb, 7g.40gb"

#define HEAD                                                                                       \
	"version: 1\ndevices:\n"                                                                   \
	"  gpu: {match: {key: [\"" GPU "\", \"" GPU2 "\"]}}\n"                                     \
	"  tty: {match: {key: [\"" MTTY "\", \"" MTTY2 "\"]}}\n"
#define CLASSES                                                                                    \
	"classes:\n"                                                                               \
	"  small: {from: gpu, profiles: [1g.5gb], movable: true}\n"                                \
	"  half: {from: gpu, profiles: [3g.20gb]}\n"                                               \
	"  whole: {from: gpu, profiles: [7g.40gb]}\n"                                              \
	"  note: {from: gpu, memory: 8GiB}\n"                                                      \
	"  media: {from: gpu, engines: {optical-flow: 1}, compute: 1}\n"                           \
	"  any: {from: [gpu, tty]}\n"                                                              \
	"  wide: {from: gpu, profiles: [1g.5gb], place: spread}\n"                                 \
	"  port: {from: tty, profiles: [mtty-1]}\n"                                                \
	"  pair: {from: tty, profiles: [mtty-2, mtty-1]}\n"
#define ON_DEMAND(keep)                                                                            \
	HEAD "divide:\n"                                                                           \
	     "  - {use: gpu, as: mig, on-demand: [" PROFILES "]" keep "}\n"                        \
	     "  - {use: tty, as: mdev, on-demand: [mtty-1, mtty-2]}\n" CLASSES

static void a100_offer(const struct have *h, const char *device, struct offer *ret)
{
	*ret = (struct offer){ 0 };
	if (have_device(h, device))
		ret->kind = *kinds_named("A100-40GB");
}

static int for_ever(const struct have *h, const struct want *w, const struct slice *s,
		    struct plan *ret, struct err *reterr)
{
	(void)h, (void)w, (void)s, (void)ret, (void)reterr;
	return -EAGAIN;
}

static int no_layout(const struct have *h, const struct want *w, const struct slice *slices,
		     size_t n_slices, bool held, struct plan *ret, struct err *reterr)
{
	(void)h, (void)w, (void)slices, (void)n_slices, (void)held, (void)ret, (void)reterr;
	return 0;
}

static const struct mech *const *mechs_with(const struct mech *mig)
{
	static const struct mech *mechs[5];
	mechs[0] = world_mechs[0];
	mechs[1] = world_mechs[1];
	mechs[2] = world_mechs[2];
	mechs[3] = mig;
	return mechs;
}

static int setup_with(void **state, const struct mech *mig)
{
	struct world *w = calloc(1, sizeof(*w));
	world_init(w, 7);
	machine_add_function(&w->m, GPU, 0x030000, "nvidia", true, true);
	machine_add_function(&w->m, GPU2, 0x030000, "nvidia", true, true);
	machine_add_parent(&w->m, MTTY, 24, true);
	machine_add_type(&w->m, MTTY, "mtty-1", 1);
	machine_add_type(&w->m, MTTY, "mtty-2", 2);
	machine_add_parent(&w->m, MTTY2, 24, true);
	machine_add_type(&w->m, MTTY2, "mtty-1", 1);
	machine_add_type(&w->m, MTTY2, "mtty-2", 2);
	have_sort(&w->m.have);
	w->mechs = mechs_with(mig);
	world_start(w, true);
	world_turn(w);
	*state = w;
	return 0;
}

static int setup_offering(void **state, __typeof__(a100_offer) *offer)
{
	static struct mech mig;
	mig = *world_mechs[2];
	mig.name = "mig";
	mig.offer = offer;
	mig.make_steps = for_ever;
	mig.layout_steps = no_layout;
	return setup_with(state, &mig);
}

static int setup(void **state)
{
	return setup_offering(state, a100_offer);
}

#define MANY 7 /* more GPUs */

static int setup_many(void **state)
{
	int r = setup(state);
	struct world *w = *state;
	for (unsigned i = 0; i < MANY; i++) {
		char key[DEVICE_KEY_SIZE];
		(void)STR_FORMAT(key, "pci:0000:00/1%u.0/00.0", i);
		machine_add_function(&w->m, key, 0x030000, "nvidia", true, true);
	}
	have_sort(&w->m.have);
	world_observe(w);
	return r;
}

#define GPU3 "pci:0000:00/0a.0/00.0"

static void mixed_offer(const struct have *h, const char *device, struct offer *ret)
{
	a100_offer(h, device, ret);
	if (str_eq(device, GPU))
		ret->kind = *kinds_named("A30-24GB");
}

/* The first GPU is of another kind. */
static int setup_mixed(void **state)
{
	int r = setup_offering(state, mixed_offer);
	struct world *w = *state;
	machine_add_function(&w->m, GPU3, 0x030000, "nvidia", true, true);
	have_sort(&w->m.have);
	world_observe(w);
	return r;
}

static int setup_planned(void **state)
{
	static const struct mech mig = { .name = "mig", .offer = a100_offer, MECH_PLANNED };
	return setup_with(state, &mig);
}

static void run(struct world *w)
{
	world_run(w, 2000);
	world_well(w);
}

static void apply(struct world *w, const char *text)
{
	(void)world_apply(w, text, false);
	run(w);
}

/* The slice that the claim was promised; NULL: it was refused, with that id. */
static const struct slice *ask(struct world *w, const char *class, const char *name)
{
	uint64_t token = world_alloc(w, 1000, class, name, CLAIM_RUNNING, 0, NULL);
	world_turn(w);
	const struct world_answer *a = world_answer(w, token);
	const struct claim *c = world_claim(w, name);
	if (a && a->state == ANSWER_FAILED) {
		assert_string_equal(a->id, "claim.none-free");
		assert_null(c);
		return NULL;
	}
	assert_non_null(c);
	return world_slice(w, c->slice);
}

static uint32_t more_of(struct world *w, const char *class, const char *device)
{
	_cleanup_free_ struct engine_fit *fits = NULL;
	size_t n = 0;
	uint32_t sum = 0;
	assert_int_equal(engine_fit(w->e, class, &fits, &n), 0);
	for (size_t i = 0; i < n; i++)
		sum += !device || str_eq(fits[i].device, device) ? fits[i].more : 0;
	return sum;
}

/* --- where claims go ------------------------------------------------------------------------------------ */

/* F18: what is small goes together, so that what is large still finds a place. */
static void test_f18_small_claims_leave_room_for_large_ones(void **state)
{
	struct world *w = *state;
	char name[NAME_SIZE];
	apply(w, ON_DEMAND(""));
	char first[DEVICE_KEY_SIZE];
	(void)STR_COPY(first, ask(w, "small", "s0")->device);
	for (unsigned i = 1; i < 3; i++) {
		(void)STR_FORMAT(name, "s%u", i);
		const struct slice *s = ask(w, "small", name);
		assert_non_null(s);
		assert_string_equal(s->device, first);
	}
	assert_int_equal(more_of(w, "half", first), 1);
	assert_int_equal(more_of(w, "whole", NULL), 1);
	assert_non_null(ask(w, "half", "h0"));
	assert_non_null(ask(w, "whole", "w0"));
}

static void test_claims_never_overlap_and_fill_the_devices(void **state)
{
	struct world *w = *state;
	uint64_t taken[2] = { 0 };
	unsigned n = 0;
	char name[NAME_SIZE];
	apply(w, ON_DEMAND(""));
	for (;; n++) {
		(void)STR_FORMAT(name, "s%u", n);
		const struct slice *s = ask(w, "small", name);
		if (!s)
			break;
		uint64_t *t = &taken[str_eq(s->device, GPU2)];
		assert_false(*t >> s->start & 1);
		*t |= UINT64_C(1) << s->start;
	}
	assert_int_equal(n, 14);
	assert_int_equal(more_of(w, "small", NULL), 0);
}

static void test_class_that_asks_gets_the_smallest_that_will_do(void **state)
{
	struct world *w = *state;
	apply(w, ON_DEMAND(""));
	assert_string_equal(ask(w, "note", "n0")->profile, "1g.10gb");
	assert_string_equal(ask(w, "media", "m0")->profile, "1g.5gb+me");
}

static void test_class_may_draw_on_several_selections(void **state)
{
	struct world *w = *state;
	apply(w, ON_DEMAND(""));
	assert_true(more_of(w, "any", GPU) > 0);
	assert_true(more_of(w, "any", MTTY) > 0);
	assert_non_null(ask(w, "any", "a0"));
}

static void test_class_may_spread(void **state)
{
	struct world *w = *state;
	char first[DEVICE_KEY_SIZE];
	apply(w, ON_DEMAND(""));
	(void)STR_COPY(first, ask(w, "wide", "w0")->device);
	assert_string_not_equal(ask(w, "wide", "w1")->device, first);
}

static void test_claim_goes_near_another(void **state)
{
	struct world *w = *state;
	struct alloc_request rq = { .class = "any", .owner = "manual:test", .near = "w1" };
	char near[DEVICE_KEY_SIZE];
	apply(w, ON_DEMAND(""));
	assert_non_null(ask(w, "wide", "w0"));
	(void)STR_COPY(near, ask(w, "wide", "w1")->device);
	for (unsigned i = 0; i < 3; i++) {
		(void)STR_FORMAT(rq.name, "n%u", i);
		(void)world_ask(w, 1000, &rq);
		world_turn(w);
		assert_string_equal(world_slice(w, world_claim(w, rq.name)->slice)->device, near);
	}
	(void)STR_COPY(rq.near, "nobody");
	(void)STR_COPY(rq.name, "n9");
	uint64_t token = world_ask(w, 1000, &rq);
	world_turn(w);
	assert_string_equal(world_answer(w, token)->id, "claim.near");
}

/* --- what a tenant may take ------------------------------------------------------------------------------- */

#define LIMITED(limits)                                                                            \
	ON_DEMAND("")                                                                              \
	"  two: {parts: {half: 2}}\n  fine: {from: gpu, profiles: [3g.20gb, 1g.5gb]}\n"            \
	"tenants:\n  a: {from: [\"uid:1000\"], resources: {" limits "}}\n"                         \
	"  b: {from: [\"uid:1001\"]}\n"

static uint64_t ask_as(struct world *w, uint32_t uid, const char *class, const char *name,
		       bool wait)
{
	struct alloc_request rq = { .owner = "manual:test", .wait = wait };
	(void)STR_COPY(rq.class, class);
	(void)STR_COPY(rq.name, name);
	uint64_t token = world_ask(w, uid, &rq);
	world_turn(w);
	return token;
}

static const char *over_quota(struct world *w, const char *class)
{
	const struct world_answer *a = world_answer(w, ask_as(w, 1000, class, "over", false));
	assert_non_null(a);
	assert_string_equal(a->id, "claim.quota");
	assert_null(world_claim(w, "over"));
	return a->because;
}

static void says(const char *text, const char *words)
{
	if (!strstr(text, words))
		fail_msg("\"%s\" is not in: %s", words, text);
}

static void test_resources_of_a_tenant_are_summed_over_what_it_has(void **state)
{
	struct world *w = *state;
	apply(w, LIMITED("memory: 35GiB"));
	assert_non_null(ask(w, "half", "h0"));
	assert_non_null(ask(w, "small", "s0"));
	const char *because = over_quota(w, "half");
	says(because, "its quota in all is 35 GiB of memory; ");
	says(because, "one more takes at least");
	says(because, "claim h0 is preparing with");
	says(because, "claim s0 is preparing with");
	says(world_answer(w, w->token)->todo, "carve alloc half --wait");
	assert_non_null(ask(w, "small", "s1"));
	over_quota(w, "whole");
	says(world_answer(w, w->token)->todo, "none of class whole is within the quota");
	/* It is not another's. */
	(void)ask_as(w, 1001, "whole", "w0", false);
	assert_non_null(world_claim(w, "w0"));
}

/* The class prefers the larger one; what is within the quota is what it gets. */
static void test_resources_choose_among_the_profiles_of_a_class(void **state)
{
	struct world *w = *state;
	apply(w, LIMITED("compute: 4"));
	assert_string_equal(ask(w, "fine", "f0")->profile, "3g.20gb");
	assert_string_equal(ask(w, "fine", "f1")->profile, "1g.5gb");
	says(over_quota(w, "fine"),
	     "its quota in all is 4 compute units; 4 compute units used, "
	     "0 compute units left; one more takes at least 1 compute units");
	apply(w, LIMITED("compute: 14, engines: {decoders: 2}"));
	says(over_quota(w, "half"), "decoders");
	assert_string_equal(ask(w, "fine", "f2")->profile, "1g.5gb");
}

/* Each of them is within the quota, all of them together are not. */
static void test_resources_of_a_claim_with_parts_are_those_of_all(void **state)
{
	struct world *w = *state;
	apply(w, LIMITED("memory: 30GiB"));
	(void)ask_as(w, 1000, "two", "t0", false);
	assert_string_equal(world_answer(w, w->token)->id, "claim.quota");
	says(world_answer(w, w->token)->because, "one more takes at least 38 GiB of memory");
	assert_null(world_claim(w, "t0"));
	apply(w, LIMITED("memory: 40GiB"));
	(void)ask_as(w, 1000, "two", "t0", false);
	assert_int_equal(world_claim(w, "t0")->parts, 2);
	over_quota(w, "small");
}

static void test_resources_who_waits_for_his_own_holds_nobody_up(void **state)
{
	struct world *w = *state;
	apply(w, LIMITED("memory: 5GiB"));
	assert_non_null(ask(w, "small", "s0"));
	(void)ask_as(w, 1000, "small", "s1", true);
	assert_true(claim_is_waiting(world_claim(w, "s1")));
	says(world_claim(w, "s1")->reason, "the quota of its tenant is used up");
	(void)ask_as(w, 1001, "small", "b0", false);
	assert_int_not_equal(world_claim(w, "b0")->slice, 0);
	world_release(w, 1000, "s0");
	run(w);
	assert_int_not_equal(world_claim(w, "s1")->slice, 0);
}

/* --- what is kept ---------------------------------------------------------------------------------------- */

static void test_room_that_is_kept_is_for_its_class_only(void **state)
{
	struct world *w = *state;
	unsigned n = 0;
	char name[NAME_SIZE];
	apply(w, ON_DEMAND(", keep-room-for: {whole: 1}"));
	assert_int_equal(more_of(w, "small", NULL), 7);
	for (;; n++) {
		(void)STR_FORMAT(name, "s%u", n);
		if (!ask(w, "small", name))
			break;
	}
	assert_int_equal(n, 7);
	assert_non_null(strstr(world_answer(w, w->token)->because, "keeps it for other classes"));
	assert_int_equal(more_of(w, "whole", NULL), 1);
	assert_non_null(ask(w, "whole", "w0"));
	assert_null(ask(w, "half", "h0"));
}

/* --- counted once ------------------------------------------------------------------------------------------ */

/* One after the other, both halves would go to one device, and the larger ones would have none. */
static void test_parts_of_a_claim_are_placed_as_a_set(void **state)
{
	struct world *w = *state;
	apply(w, ON_DEMAND("") "  most: {from: gpu, profiles: [4g.20gb]}\n"
			       "  set: {parts: {half: 2, most: 2}}\n");
	(void)world_alloc(w, 1000, "set", "s", CLAIM_RUNNING, 0, NULL);
	world_turn(w);
	for (unsigned i = 1; i <= 4; i++) {
		char name[NAME_SIZE];
		(void)STR_FORMAT(name, "s/%u", i);
		const struct slice *part = world_slice(w, world_claim(w, name)->slice);
		assert_string_equal(part->profile, i > 2 ? "4g.20gb" : "3g.20gb");
		assert_int_equal(part->start, i > 2 ? 0 : 4);
	}
	assert_string_not_equal(world_slice(w, world_claim(w, "s/1")->slice)->device,
				world_slice(w, world_claim(w, "s/2")->slice)->device);
	assert_null(ask(w, "half", "h"));
}

static void test_parts_of_a_claim_leave_room_that_is_kept(void **state)
{
	struct world *w = *state;
	apply(w, ON_DEMAND(", keep-room-for: {whole: 1}") "  halves: {parts: {half: 2}}\n"
							  "  three: {parts: {half: 3}}\n");
	uint64_t token = world_alloc(w, 1000, "three", "t", CLAIM_RUNNING, 0, NULL);
	world_turn(w);
	assert_string_equal(world_answer(w, token)->id, "claim.parts");
	(void)world_alloc(w, 1000, "halves", "p", CLAIM_RUNNING, 0, NULL);
	world_turn(w);
	assert_int_equal(world_claim(w, "p")->parts, 2);
	assert_non_null(ask(w, "whole", "w"));
}

/* Many profiles that nearly fit on many devices: nobody may wait for an answer for hours. */
static void test_parts_too_many_for_an_exact_answer_are_refused(void **state)
{
	struct world *w = *state;
	apply(w, "version: 1\ndevices: {gpu: {match: {class: display}}}\n"
		 "divide: [{use: gpu, as: mig, on-demand: [" PROFILES "]}]\nclasses:\n"
		 "  a: {from: gpu, profiles: [1g.5gb]}\n"
		 "  b: {from: gpu, profiles: [1g.5gb+me]}\n"
		 "  c: {from: gpu, profiles: [1g.10gb]}\n"
		 "  d: {from: gpu, profiles: [2g.10gb]}\n"
		 "  e: {from: gpu, profiles: [3g.20gb]}\n"
		 "  f: {from: gpu, profiles: [4g.20gb]}\n"
		 "  g: {from: gpu, profiles: [7g.40gb]}\n"
		 "  all: {parts: {a: 7, b: 4, c: 6, d: 2, e: 5, f: 3, g: 2}}\n");
	assert_int_equal(more_of(w, "g", NULL), MANY + 2);
	uint64_t token = world_alloc(w, 1000, "all", "", CLAIM_RUNNING, 0, NULL);
	world_turn(w);
	assert_string_equal(world_answer(w, token)->id, "claim.parts-effort");
	assert_int_equal(engine_record(w->e)->n_claims, 0);
}

/* F16: types of one parent share its ports. */
static void test_f16_shared_capacity_is_counted_once(void **state)
{
	struct world *w = *state;
	apply(w, ON_DEMAND(""));
	assert_int_equal(more_of(w, "port", NULL), 48);
	assert_int_equal(more_of(w, "pair", NULL), 24);
	for (unsigned i = 0; i < 3; i++)
		assert_non_null(ask(w, "pair", (const char *[]){ "p0", "p1", "p2" }[i]));
	/* Promised and not made yet, or made: gone for both. */
	assert_int_equal(more_of(w, "port", NULL), 42);
	run(w);
	assert_int_equal(more_of(w, "port", NULL), 42);
	assert_int_equal(more_of(w, "pair", NULL), 21);
	/* All on one, so that the other one is whole. */
	assert_int_equal(more_of(w, "port", MTTY2), 24);
}

/* --- advice ------------------------------------------------------------------------------------------------ */

static const char *todo_of(struct world *w)
{
	return world_answer(w, w->token)->todo;
}

/* Two devices of seven, each with a small part in its first half and one in its second: no half fits. */
static void scatter(struct world *w, const char *policy, const char *one, const char *other)
{
	static const uint32_t starts[] = { 0, 4, 0, 4 };
	apply(w, policy);
	for (unsigned i = 0; i < 4; i++) {
		char name[NAME_SIZE];
		(void)STR_FORMAT(name, "s%u", i);
		/* Held, and where an earlier history may have left it. */
		struct slice *s = (struct slice *)ask(w, "small", name);
		assert_non_null(s);
		((struct claim *)world_claim(w, name))->state = CLAIM_HELD;
		assert_int_equal(STR_COPY(s->device, i < 2 ? one : other), 0);
		s->start = starts[i];
	}
}

static void test_defrag_names_the_one_move_that_makes_room(void **state)
{
	struct world *w = *state;
	json_auto_t *answer = NULL;
	scatter(w, ON_DEMAND(""), GPU, GPU2);
	assert_int_equal(more_of(w, "half", NULL), 0);
	assert_int_equal(engine_defrag(w->e, "half", &answer), 0);
	assert_true(json_is_false(json_object_get(answer, "fits")));
	const json_t *moves = json_object_get(answer, "moves");
	assert_int_equal(json_array_size(moves), 1);
	assert_non_null(json_object_get(json_array_get(moves, 0), "claim"));
	assert_null(ask(w, "half", "h0"));
	assert_non_null(strstr(todo_of(w), "carve defrag shows a move of claim s"));
	assert_int_equal(engine_defrag(w->e, "hlaf", &answer), -ENOENT);
}

static void test_defrag_moves_nothing_that_may_not_move(void **state)
{
	struct world *w = *state;
	json_auto_t *answer = NULL;
	apply(w, ON_DEMAND(""));
	assert_non_null(ask(w, "whole", "w0"));
	assert_non_null(ask(w, "whole", "w1"));
	assert_int_equal(engine_defrag(w->e, "half", &answer), 0);
	assert_int_equal(json_array_size(json_object_get(answer, "moves")), 0);
	assert_null(ask(w, "half", "h0"));
	assert_non_null(strstr(todo_of(w), "release claim w"));
}

static void test_defrag_of_all_leaves_more_room(void **state)
{
	struct world *w = *state;
	json_auto_t *answer = NULL;
	scatter(w, ON_DEMAND(""), GPU, GPU2);
	assert_int_equal(engine_defrag(w->e, NULL, &answer), 0);
	assert_true(json_array_size(json_object_get(answer, "moves")) > 0);
}

static void test_defrag_of_all_looks_at_each_kind_of_one_entry(void **state)
{
	struct world *w = *state;
	json_auto_t *answer = NULL;
	scatter(w,
		"version: 1\ndevices:\n"
		"  gpu: {match: {class: display}}\n"
		"divide:\n"
		"  - {use: gpu, as: mig, on-demand: [1g.6gb, " PROFILES "]}\n"
		"classes:\n"
		"  small: {from: gpu, profiles: [1g.5gb], movable: true}\n",
		GPU2, GPU3);
	assert_int_equal(more_of(w, "small", GPU), 0);
	assert_int_equal(engine_defrag(w->e, NULL, &answer), 0);
	assert_true(json_array_size(json_object_get(answer, "moves")) > 0);
}

/* --- layouts ------------------------------------------------------------------------------------------------- */

static struct want want_of(const char *const *profiles, const uint32_t *counts, uint32_t n)
{
	struct want w = { .device = GPU, .mech = "mig", .where = "p.yaml:3", .n_types = n };
	for (uint32_t i = 0; i < n; i++) {
		assert_int_equal(STR_COPY(w.types[i], profiles[i]), 0);
		w.type_count[i] = counts[i];
	}
	return w;
}

/* F17: the order in which the driver would refuse it is no matter here. */
static void test_f17_layout_is_placed_as_a_set(void **state)
{
	struct world *w = *state;
	_cleanup_err_ struct err err = { 0 };
	uint32_t fill = 0;
	struct want set = want_of((const char *[]){ "1g.5gb", "2g.10gb", "3g.20gb" },
				  (uint32_t[]){ 2, 1, 1 }, 3);
	assert_int_equal(engine_layout(w->e, &w->seen, &set, "", &fill, &err), 0);
	set = want_of((const char *[]){ "3g.20gb" }, (uint32_t[]){ 1 }, 1);
	assert_int_equal(engine_layout(w->e, &w->seen, &set, "1g.5gb", &fill, &err), 0);
	assert_int_equal(fill, 4);
	assert_int_equal(engine_layout(w->e, &w->seen, &set, "3g.20gb", &fill, &err), 0);
	assert_int_equal(fill, 1);
}

static void test_f17_layout_that_cannot_be_names_the_conflict(void **state)
{
	struct world *w = *state;
	_cleanup_err_ struct err err = { 0 };
	uint32_t fill = 0;
	struct want set = want_of((const char *[]){ "3g.20gb", "4g.20gb", "1g.5gb+me", "1g.5gb" },
				  (uint32_t[]){ 1, 1, 1, 0 }, 4);
	assert_int_equal(engine_layout(w->e, &w->seen, &set, "", &fill, &err), -ENOSPC);
	assert_string_equal(err.id, "layout.conflict");
	assert_non_null(strstr(err.because, "1 x 1g.5gb+me, 1 x 3g.20gb, 1 x 4g.20gb"));
	assert_non_null(strstr(err.on, "p.yaml:3"));
	err_done(&err);
	set = want_of((const char *[]){ "5g.25gb" }, (uint32_t[]){ 1 }, 1);
	assert_int_equal(engine_layout(w->e, &w->seen, &set, "", &fill, &err), -EOPNOTSUPP);
	assert_non_null(strstr(err.because, "3g.20gb"));
}

static void test_layout_too_large_for_an_exact_answer_is_refused(void **state)
{
	struct world *w = *state;
	_cleanup_err_ struct err err = { 0 };
	uint32_t fill = 0;
	struct want set =
		want_of((const char *[]){ "1g.5gb", "2g.10gb" }, (uint32_t[]){ 1024, 1024 }, 2);
	assert_int_equal(engine_layout(w->e, &w->seen, &set, "", &fill, &err), -E2BIG);
	assert_string_equal(err.id, "layout.effort");
}

/* What others have made of a parent is not ours to lay out. */
static void test_fill_leaves_what_others_have(void **state)
{
	struct world *w = *state;
	_cleanup_err_ struct err err = { 0 };
	uint32_t fill = 0;
	struct want all = { .device = MTTY, .mech = "mdev" };
	assert_int_equal(engine_layout(w->e, &w->seen, &all, "mtty-2", &fill, &err), 0);
	assert_int_equal(fill, 12);
	assert_int_equal(machine_mdev_create(&w->m, MTTY, "ffffffff-0000-4000-8000-000000000001",
					     "mtty-2"),
			 1);
	world_observe(w);
	assert_int_equal(engine_layout(w->e, &w->seen, &all, "mtty-2", &fill, &err), 0);
	assert_int_equal(fill, 11);
}

static void test_planned_mechanism_is_refused_and_others_go_on(void **state)
{
	struct world *w = *state;
	uint64_t token = world_apply(w,
				     HEAD "divide:\n  - {use: gpu, as: mig, layout: {3g.20gb: 1}}\n"
					  "  - {use: tty, as: mdev, layout: {mtty-2: 1}}\n",
				     false);
	run(w);
	size_t i;
	json_t *entry;
	json_array_foreach(json_object_get(world_answer(w, token)->report, "results"), i, entry) {
		const char *device = json_string_value(json_object_get(entry, "device"));
		const json_t *error = json_object_get(entry, "error");
		if (str_after(device, "pci:"))
			assert_string_equal(json_string_value(json_object_get(error, "id")),
					    "mech.not-built");
		else
			assert_null(error);
	}
	assert_int_equal(i, 4);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, world_teardown)
	const struct CMUnitTest tests[] = {
		T(test_f18_small_claims_leave_room_for_large_ones),
		T(test_claims_never_overlap_and_fill_the_devices),
		T(test_class_that_asks_gets_the_smallest_that_will_do),
		T(test_class_may_draw_on_several_selections),
		T(test_class_may_spread),
		T(test_claim_goes_near_another),
		T(test_resources_of_a_tenant_are_summed_over_what_it_has),
		T(test_resources_choose_among_the_profiles_of_a_class),
		T(test_resources_of_a_claim_with_parts_are_those_of_all),
		T(test_resources_who_waits_for_his_own_holds_nobody_up),
		T(test_room_that_is_kept_is_for_its_class_only),
		T(test_parts_of_a_claim_are_placed_as_a_set),
		T(test_parts_of_a_claim_leave_room_that_is_kept),
		cmocka_unit_test_setup_teardown(test_parts_too_many_for_an_exact_answer_are_refused,
						setup_many, world_teardown),
		T(test_f16_shared_capacity_is_counted_once),
		T(test_defrag_names_the_one_move_that_makes_room),
		T(test_defrag_moves_nothing_that_may_not_move),
		T(test_defrag_of_all_leaves_more_room),
		cmocka_unit_test_setup_teardown(test_defrag_of_all_looks_at_each_kind_of_one_entry,
						setup_mixed, world_teardown),
		T(test_f17_layout_is_placed_as_a_set),
		T(test_f17_layout_that_cannot_be_names_the_conflict),
		T(test_layout_too_large_for_an_exact_answer_is_refused),
		T(test_fill_leaves_what_others_have),
		cmocka_unit_test_setup_teardown(test_planned_mechanism_is_refused_and_others_go_on,
						setup_planned, world_teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
