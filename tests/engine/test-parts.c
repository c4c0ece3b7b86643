/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Claims of several slices, all or none: two sockets with two GPUs and a NIC each, and mediated devices that
 * are made on demand.
 */
#include "support/test.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/str.h"
#include "engine/fixture.h"
#include "support/alloc-fail.h"

#define GPU(n) "pci:0000:00/0" #n ".0/00.0"
#define NIC_A "pci:0000:00/0a.0/00.0"
#define NIC_B "pci:0000:00/0b.0/00.0"
#define MTTY "sys:virtual/mtty/mtty"

#define MINUTE (60 * INT64_C(1000))
#define HOUR (60 * MINUTE)

/* GPUs 1 to 4, the first two and NIC A on node 0. uids: 1000 of a, 1001 of b. */
#define HEAD                                                                                       \
	"version: 1\ndevices:\n"                                                                   \
	"  gpus: {match: {key: [\"" GPU(1) "\", \"" GPU(2) "\", \"" GPU(3) "\", \"" GPU(           \
		4) "\"]}}\n"                                                                       \
		   "  nics: {match: {key: [\"" NIC_A "\", \"" NIC_B "\"]}}\n"                      \
		   "  mtty: {match: {key: \"" MTTY "\"}}\n"                                        \
		   "divide:\n"                                                                     \
		   "  - {use: gpus, as: passthrough}\n"                                            \
		   "  - {use: nics, as: sriov, count: 2}\n"                                        \
		   "  - {use: mtty, as: mdev, on-demand: [mtty-1, mtty-2]}\n"                      \
		   "classes:\n"                                                                    \
		   "  gpu: {from: gpus, preemptible: true}\n"                                      \
		   "  lan: {from: nics, preemptible: true}\n"                                      \
		   "  any: {from: [gpus, nics]}\n"                                                 \
		   "  tty: {from: mtty, profiles: [mtty-1]}\n"                                     \
		   "  wide: {from: mtty, profiles: [mtty-2]}\n"                                    \
		   "  node: {parts: {gpu: 2, lan: 1}, near: numa, preemptible: true}\n"            \
		   "  three: {parts: {gpu: 3}, orphan-grace: 10m}\n"                               \
		   "  five: {parts: {gpu: 4, any: 1}}\n"                                           \
		   "  port: {parts: {gpu: 1, lan: 1}, near: root-port}\n"                          \
		   "  lines: {parts: {tty: 2, wide: 3}}\n"
#define TENANTS                                                                                    \
	"tenants:\n"                                                                               \
	"  a: {from: [\"uid:1000\"], quota: {gpu: 2, node: 1}, lease: {max: 12h, idle: 1h}}\n"     \
	"  b: {from: [\"uid:1001\"], priority: 10, slices: 8}\n"                                   \
	"  c: {from: [\"uid:1002\"], slices: 2}\n"
#define POLICY HEAD TENANTS

static void add_gpu(struct world *w, const char *key, int node)
{
	struct target t = { .vf = -1 };
	machine_add_function(&w->m, key, 0x030200, "nouveau", true, true);
	(void)STR_COPY(t.device, key);
	machine_function(&w->m, &t)->numa_node = node;
}

static void add_nic(struct world *w, const char *key, int node)
{
	struct target t = { .vf = -1 };
	machine_add_pf(&w->m, key, 0x020000, 4, true);
	(void)STR_COPY(t.device, key);
	machine_function(&w->m, &t)->numa_node = node;
}

static int setup(void **state)
{
	struct world *w = calloc(1, sizeof(*w));
	world_init(w, 7);
	add_gpu(w, GPU(1), 0);
	add_gpu(w, GPU(2), 0);
	add_gpu(w, GPU(3), 1);
	add_gpu(w, GPU(4), 1);
	add_nic(w, NIC_A, 0);
	add_nic(w, NIC_B, 1);
	machine_add_parent(&w->m, MTTY, 10, true);
	machine_add_type(&w->m, MTTY, "mtty-1", 1);
	machine_add_type(&w->m, MTTY, "mtty-2", 2);
	world_up(w);
	*state = w;
	return 0;
}

static void run(struct world *w, int64_t ms)
{
	world_run(w, ms);
	world_well(w);
}

static void settle(struct world *w)
{
	run(w, 5000);
}

static const char *refused(struct world *w, uint64_t token, const char *id)
{
	struct world_answer *a = world_answered(w, token, ANSWER_FAILED);
	assert_string_equal(a->id, id);
	return a->because;
}

static void apply(struct world *w, const char *text)
{
	uint64_t token = world_apply(w, text, false);
	settle(w);
	world_answered(w, token, ANSWER_DONE);
}

enum how {
	AT_ONCE = 0,
	WAIT = 1,
	GIVES_WAY = 2,
	RESERVED = 4
};

static uint64_t begin(struct world *w, uint32_t uid, const char *class, const char *name,
		      enum how how)
{
	struct alloc_request rq = { .wait = how & WAIT,
				    .preemptible = (how & GIVES_WAY) != 0,
				    .kind = how & RESERVED ? CLAIM_RESERVED : CLAIM_RUNNING };
	(void)STR_COPY(rq.class, class);
	(void)STR_COPY(rq.name, name);
	(void)STR_COPY(rq.owner, "manual:test");
	rq.grant_uid = rq.grant_gid = uid;
	return world_ask(w, uid, &rq);
}

static uint64_t ask(struct world *w, uint32_t uid, const char *class, const char *name,
		    enum how how)
{
	uint64_t token = begin(w, uid, class, name, how);
	settle(w);
	return token;
}

static enum claim_state state_of(struct world *w, const char *name)
{
	const struct claim *c = world_claim(w, name);
	if (!c) {
		world_print_log(w);
		fail_msg("there is no claim %s", name);
	}
	return (enum claim_state)c->state;
}

static void is_held(struct world *w, const char *name)
{
	if (state_of(w, name) != CLAIM_HELD) {
		world_print_log(w);
		fail_msg("%s is %s", name, claim_state_name(state_of(w, name)));
	}
}

static const char *device_of(struct world *w, const char *name)
{
	assert_non_null(world_claim(w, name));
	return world_slice(w, world_claim(w, name)->slice)->device;
}

static struct target target_of(struct world *w, const char *name)
{
	return slice_target(world_slice(w, world_claim(w, name)->slice));
}

static void use(struct world *w, const char *name)
{
	struct target t = target_of(w, name);
	assert_int_equal(machine_open(&w->m, &t, world_claim(w, name)->grant_uid, 4121), 0);
}

static void leave(struct world *w, const char *name)
{
	struct target t = target_of(w, name);
	machine_close(&w->m, &t);
}

static size_t claims(struct world *w)
{
	return engine_record(w->e)->n_claims;
}

static size_t free_slices(struct world *w)
{
	const struct record *r = engine_record(w->e);
	size_t n = 0;
	for (size_t i = 0; i < r->n_slices; i++)
		n += r->slices[i].state == SLICE_READY;
	return n;
}

static void release(struct world *w, const char *name)
{
	world_release(w, 0, name);
	settle(w);
	assert_null(world_claim(w, name));
}

static json_int_t events(struct world *w, const char *event)
{
	return json_integer_value(json_object_get(w->events, event));
}

static void has(const char *text, const char *words)
{
	if (!strstr(text, words))
		fail_msg("\"%s\" is not in: %s", words, text);
}

/* --- all ------------------------------------------------------------------------------------------- */

static void test_parts_are_held_together_on_one_node(void **state)
{
	struct world *w = *state;
	apply(w, POLICY);
	world_answered(w, ask(w, 0, "gpu", "one", AT_ONCE), ANSWER_DONE);
	assert_string_equal(device_of(w, "one"), GPU(1));
	world_answered(w, ask(w, 0, "node", "train", AT_ONCE), ANSWER_DONE);
	is_held(w, "train");
	assert_string_equal(device_of(w, "train/1"), GPU(3));
	assert_string_equal(device_of(w, "train/2"), GPU(4));
	assert_string_equal(device_of(w, "train/3"), NIC_B);
	assert_string_equal(world_claim(w, "train/3")->class, "lan");
	assert_int_equal(world_claim(w, "train")->parts, 3);
	release(w, "train");
	assert_int_equal(claims(w), 1);
	assert_int_equal(free_slices(w), 7);
}

static void test_parts_nothing_is_granted_before_all_are_there(void **state)
{
	struct world *w = *state;
	apply(w, POLICY);
	uint64_t token = begin(w, 0, "node", "train", AT_ONCE);
	world_turn(w);
	for (unsigned i = 0; i < 1000; i++) {
		w->now++;
		world_results(w);
		if (state_of(w, "train") == CLAIM_HELD)
			break;
		for (unsigned k = 1; k <= 3; k++) {
			char name[NAME_SIZE];
			(void)STR_FORMAT(name, "train/%u", k);
			assert_int_equal(state_of(w, name), CLAIM_PREPARING);
		}
	}
	settle(w);
	world_answered(w, token, ANSWER_DONE);
	assert_int_equal(events(w, "claim.held"), 1);
}

/* "any" takes what the GPUs of the claim do not need, whatever is asked for first. */
static void test_parts_of_classes_that_share_slices_are_matched(void **state)
{
	struct world *w = *state;
	apply(w, POLICY);
	world_answered(w, ask(w, 0, "five", "all", AT_ONCE), ANSWER_DONE);
	for (unsigned k = 1; k <= 4; k++) {
		char name[NAME_SIZE];
		(void)STR_FORMAT(name, "all/%u", k);
		assert_string_equal(world_claim(w, name)->class, "gpu");
	}
	assert_non_null(strstr(device_of(w, "all/5"), "pci:0000:00/0"));
	refused(w, ask(w, 0, "gpu", "", AT_ONCE), "claim.none-free");
}

static void test_parts_on_demand_are_made_as_one_set(void **state)
{
	struct world *w = *state;
	apply(w, POLICY);
	world_answered(w, ask(w, 0, "lines", "lines", AT_ONCE), ANSWER_DONE);
	assert_int_equal(w->m.n_made, 5);
	/* Of ten units two are left: not enough for the same again, and none of it is made. */
	has(refused(w, ask(w, 0, "lines", "", AT_ONCE), "claim.parts"),
	    "3 of wide are needed together, 0 could be had");
	assert_int_equal(w->m.n_made, 5);
	release(w, "lines");
	assert_int_equal(w->m.n_made, 0);
}

static void test_parts_survive_crash_and_reboot_as_one(void **state)
{
	struct world *w = *state;
	apply(w, POLICY);
	ask(w, 0, "node", "train", RESERVED);
	world_crash(w, true);
	settle(w);
	is_held(w, "train");
	world_reboot(w);
	settle(w);
	is_held(w, "train");
	is_held(w, "train/3");
	assert_int_equal(world_claim(w, "train")->parts, 3);
}

static void test_parts_a_crash_on_the_way_ends_all(void **state)
{
	for (unsigned turns = 1; turns < 12; turns++) {
		struct world *w = *state;
		apply(w, POLICY);
		begin(w, 0, "node", "train", AT_ONCE);
		for (unsigned i = 0; i < turns; i++) {
			w->now += 7;
			world_results(w);
		}
		if (world_claim(w, "train")->state == CLAIM_HELD)
			return;
		world_crash(w, false);
		run(w, MINUTE);
		assert_int_equal(claims(w), 0);
		assert_int_equal(free_slices(w), 8);
	}
}

/* --- none ------------------------------------------------------------------------------------------- */

static void test_parts_that_are_not_all_free_are_refused_by_name(void **state)
{
	struct world *w = *state;
	apply(w, POLICY);
	ask(w, 0, "gpu", "one", AT_ONCE);
	ask(w, 0, "gpu", "two", AT_ONCE);
	const char *because = refused(w, ask(w, 0, "three", "", AT_ONCE), "claim.parts");
	assert_string_equal(because, "3 of gpu are needed together, 2 could be had");
	has(world_answered(w, w->token, ANSWER_FAILED)->todo, "carve fit three");
	assert_int_equal(claims(w), 2);
	assert_int_equal(free_slices(w), 6);
}

static void test_parts_that_share_slices_are_named_together(void **state)
{
	struct world *w = *state;
	apply(w, POLICY);
	for (unsigned i = 0; i < 4; i++)
		ask(w, 0, "lan", "", AT_ONCE);
	has(refused(w, ask(w, 0, "five", "", AT_ONCE), "claim.parts"),
	    "5 of gpu and any are needed together, 4 could be had");
}

static void test_parts_must_be_near_each_other(void **state)
{
	struct world *w = *state;
	apply(w, POLICY);
	ask(w, 0, "gpu", "one", AT_ONCE);
	ask(w, 0, "node", "train", AT_ONCE);
	has(refused(w, ask(w, 0, "node", "", AT_ONCE), "claim.parts"),
	    "2 of gpu are needed together on NUMA node 0, 1 could be had");
	has(refused(w, ask(w, 0, "port", "", AT_ONCE), "claim.parts"),
	    "needed together below the root port of 0000:");
}

static void test_parts_a_failing_one_ends_all_and_is_named(void **state)
{
	struct world *w = *state;
	apply(w, POLICY);
	uint64_t token = begin(w, 0, "node", "train", AT_ONCE);
	world_turn(w);
	struct target t = target_of(w, "train/2");
	/* Its driver is not there: of no slice would that be otherwise. */
	for (size_t i = 0; i < w->m.n_steps; i++)
		if (target_eq(&w->m.steps[i].step.target, &t))
			w->m.steps[i].fault = FAULT_ERROR;
	settle(w);
	struct world_answer *a = world_answered(w, token, ANSWER_FAILED);
	has(a->because, "that was part train/2 of claim train, of class gpu");
	assert_int_equal(claims(w), 0);
	assert_int_equal(free_slices(w), 8);
	assert_int_equal(events(w, "claim.failed"), 1);
}

static void test_parts_who_asked_and_left_has_none(void **state)
{
	struct world *w = *state;
	apply(w, POLICY);
	uint64_t token = begin(w, 0, "node", "train", AT_ONCE);
	world_turn(w);
	engine_request_cancelled(w->e, token);
	settle(w);
	assert_int_equal(claims(w), 0);
	assert_int_equal(free_slices(w), 8);
}

/* A turn that memory runs out in is as if it had not been, wherever that is. */
static void test_parts_without_memory_leave_nothing(void **state)
{
	struct world *w = *state;
	unsigned nth = 0;
	apply(w, POLICY);
	for (bool failed = true; failed; nth++) {
		_cleanup_err_ struct err why = { 0 };
		struct turn t = { 0 };
		begin(w, 0, nth % 2 ? "lines" : "node", "some", AT_ONCE);
		engine_now(w->e, w->now += 10, 0);
		alloc_fail_at(nth);
		(void)engine_turn(w->e, &t);
		failed = alloc_fail_done();
		turn_done(&t);
		engine_turn_failed(w->e, &why, &t);
		turn_done(&t);
		assert_int_equal(claims(w), 0);
		assert_int_equal(free_slices(w), 8);
	}
	assert_in_range(nth, 30, 999);
	world_answered(w, ask(w, 0, "node", "train", AT_ONCE), ANSWER_DONE);
}

static void test_parts_have_no_settings_and_short_names(void **state)
{
	struct world *w = *state;
	const struct vf_settings set = { .set = VF_SET_TRUST, .trust = 1 };
	apply(w, POLICY);
	uint64_t token = world_alloc(w, 0, "node", "train", CLAIM_RUNNING, 0, &set);
	settle(w);
	refused(w, token, "claim.parts-set");
	has(refused(w,
		    ask(w, 0, "node",
			"a-name-of-62-letters-is-too-long-for-any-claim-that-has-parts.", AT_ONCE),
		    "claim.name"),
	    "up to 60 bytes");
}

/* --- release ------------------------------------------------------------------------------------------ */

static void test_parts_are_not_released_singly(void **state)
{
	struct world *w = *state;
	apply(w, POLICY);
	ask(w, 0, "node", "train", AT_ONCE);
	uint64_t token = world_release(w, 0, "train/2");
	settle(w);
	has(refused(w, token, "claim.part"), "it is a part of claim train");
	is_held(w, "train/2");
}

static void test_parts_release_waits_for_the_last_of_them(void **state)
{
	struct world *w = *state;
	apply(w, POLICY);
	ask(w, 0, "node", "train", AT_ONCE);
	use(w, "train/2");
	uint64_t token = world_release(w, 0, "train");
	settle(w);
	has(world_answered(w, token, ANSWER_PENDING)->because,
	    "its part train/2: held by pid 4121");
	assert_null(world_claim(w, "train/1"));
	assert_int_equal(state_of(w, "train"), CLAIM_RELEASING);
	has(world_claim(w, "train")->reason, "its part train/2: held by pid 4121");
	leave(w, "train/2");
	run(w, MINUTE);
	world_answered(w, token, ANSWER_DONE);
	assert_int_equal(claims(w), 0);
	assert_int_equal(free_slices(w), 8);
}

static void test_parts_end_when_no_part_is_used_any_more(void **state)
{
	struct world *w = *state;
	apply(w, POLICY);
	ask(w, 0, "node", "train", AT_ONCE);
	use(w, "train/1");
	use(w, "train/2");
	leave(w, "train/1");
	engine_consumer_gone(w->e, "train/1");
	run(w, 10 * MINUTE);
	is_held(w, "train");
	/* It is used again, while the other one is left. */
	use(w, "train/1");
	leave(w, "train/2");
	engine_consumer_gone(w->e, "train/2");
	run(w, 10 * MINUTE);
	is_held(w, "train");
	leave(w, "train/1");
	engine_consumer_gone(w->e, "train");
	run(w, MINUTE);
	assert_int_equal(claims(w), 0);
}

static void test_parts_break_their_whole(void **state)
{
	struct world *w = *state;
	apply(w, POLICY);
	ask(w, 0, "node", "train", RESERVED);
	struct target t = target_of(w, "train/1");
	(void)STR_COPY(machine_function(&w->m, &t)->driver, "nouveau");
	world_observe(w);
	settle(w);
	assert_int_equal(state_of(w, "train"), CLAIM_BROKEN);
	has(world_claim(w, "train")->reason, "its part train/1: its VFIO driver was taken away");
	is_held(w, "train/2");
	world_reboot(w);
	settle(w);
	is_held(w, "train");
	is_held(w, "train/1");
}

static void test_parts_that_are_lost_keep_nobody(void **state)
{
	struct world *w = *state;
	apply(w, POLICY);
	ask(w, 0, "node", "train", AT_ONCE);
	struct target t = target_of(w, "train/1");
	(void)STR_COPY(machine_function(&w->m, &t)->driver, "nouveau");
	world_observe(w);
	settle(w);
	assert_int_equal(state_of(w, "train"), CLAIM_BROKEN);
	engine_consumer_gone(w->e, "train");
	run(w, MINUTE);
	assert_int_equal(claims(w), 0);
}

static void test_parts_wait_for_their_consumer_as_one(void **state)
{
	struct world *w = *state;
	apply(w, POLICY);
	ask(w, 0, "three", "t", AT_ONCE);
	uint64_t slices[3];
	for (unsigned i = 0; i < 3; i++) {
		char name[NAME_SIZE];
		(void)STR_FORMAT(name, "t/%u", i + 1);
		slices[i] = world_claim(w, name)->slice;
		use(w, name);
	}
	leave(w, "t/1");
	leave(w, "t/2");
	engine_consumer_gone(w->e, "t");
	run(w, MINUTE);
	assert_false(claim_is_orphaned(world_claim(w, "t")));
	leave(w, "t/3");
	engine_consumer_gone(w->e, "t");
	run(w, MINUTE);
	assert_true(claim_is_orphaned(world_claim(w, "t")));
	uint64_t sent = w->sent;
	world_answered(w, ask(w, 0, "three", "t", AT_ONCE), ANSWER_DONE);
	assert_false(claim_is_orphaned(world_claim(w, "t")));
	assert_int_equal(w->sent, sent);
	for (unsigned i = 0; i < 3; i++) {
		char name[NAME_SIZE];
		(void)STR_FORMAT(name, "t/%u", i + 1);
		assert_int_equal(world_claim(w, name)->slice, slices[i]);
	}
	engine_consumer_gone(w->e, "t");
	run(w, 12 * MINUTE);
	assert_int_equal(claims(w), 0);
}

/* --- how much, when, how long --------------------------------------------------------------------------- */

static void test_parts_quota_counts_each_of_them(void **state)
{
	struct world *w = *state;
	apply(w, POLICY);
	ask(w, 1000, "gpu", "one", AT_ONCE);
	const char *because = refused(w, ask(w, 1000, "node", "train", AT_ONCE), "claim.quota");
	has(because, "its quota of class gpu is 2; 1 used, 1 left");
	has(because, "a claim of class node takes 2");
	assert_string_equal(world_answered(w, w->token, ANSWER_FAILED)->what,
			    "tenant a may not have 2 more slices of class gpu");
	has(refused(w, ask(w, 1002, "node", "", AT_ONCE), "claim.quota"),
	    "its quota in all is 2; 0 used, 2 left");
	release(w, "one");
	world_answered(w, ask(w, 1000, "node", "train", AT_ONCE), ANSWER_DONE);
	has(refused(w, ask(w, 1000, "gpu", "", AT_ONCE), "claim.quota"), "2 used, 0 left");
	has(refused(w, ask(w, 1000, "node", "", AT_ONCE), "claim.quota"), "claim train/1 is held");
}

static void test_parts_quota_of_their_class_counts_wholes(void **state)
{
	struct world *w = *state;
	apply(w, HEAD "tenants:\n  a: {from: [\"uid:1000\"], quota: {node: 1}}\n");
	ask(w, 1000, "node", "train", AT_ONCE);
	has(refused(w, ask(w, 1000, "node", "", AT_ONCE), "claim.quota"),
	    "its quota of class node is 1; 1 used, 0 left");
}

static void test_parts_wait_as_one(void **state)
{
	struct world *w = *state;
	apply(w, POLICY);
	for (unsigned i = 0; i < 4; i++)
		ask(w, 0, "gpu", "", AT_ONCE);
	uint64_t token = ask(w, 0, "node", "train", WAIT);
	has(world_answered(w, token, ANSWER_PENDING)->because,
	    "number 1 of those that wait for class node: 2 of gpu are needed together");
	assert_string_equal(world_claim(w, "train")->reason, "waits for slices for all its parts");
	release(w, "gpu-1");
	release(w, "gpu-3");
	world_answered(w, token, ANSWER_PENDING);
	world_crash(w, true);
	settle(w);
	assert_null(world_claim(w, "train")); /* who asked is gone */
	token = ask(w, 0, "node", "train", WAIT);
	release(w, "gpu-4");
	world_answered(w, token, ANSWER_DONE);
	assert_string_equal(device_of(w, "train/1"), GPU(3));
}

static void test_parts_preempt_all_they_need_or_nothing(void **state)
{
	struct world *w = *state;
	apply(w, POLICY);
	ask(w, 0, "gpu", "g1", AT_ONCE);
	ask(w, 0, "gpu", "g2", GIVES_WAY);
	ask(w, 0, "gpu", "g3", AT_ONCE);
	ask(w, 0, "gpu", "g4", GIVES_WAY);
	/* Two give way, on two nodes: no node would be whole by that. */
	uint64_t token = ask(w, 1001, "node", "train", WAIT);
	world_answered(w, token, ANSWER_PENDING);
	is_held(w, "g2");
	is_held(w, "g4");
	/* One comes by itself: the other one on its node is enough. */
	release(w, "g3");
	world_answered(w, token, ANSWER_DONE);
	is_held(w, "g2");
	assert_null(world_claim(w, "g4"));
	assert_int_equal(events(w, "claim.preempted"), 1);
}

static void test_parts_make_way_as_one(void **state)
{
	struct world *w = *state;
	apply(w, POLICY);
	ask(w, 0, "node", "old", GIVES_WAY);
	ask(w, 0, "gpu", "g3", AT_ONCE);
	ask(w, 0, "gpu", "g4", AT_ONCE);
	world_answered(w, ask(w, 1001, "gpu", "mine", WAIT), ANSWER_DONE);
	assert_null(world_claim(w, "old"));
	assert_null(world_claim(w, "old/3"));
	assert_int_equal(events(w, "claim.preempted"), 1);
}

static void test_parts_have_the_lease_of_their_whole(void **state)
{
	struct world *w = *state;
	apply(w, POLICY);
	ask(w, 1000, "node", "train", AT_ONCE);
	use(w, "train/3");
	run(w, 11 * HOUR);
	is_held(w, "train");
	run(w, 61 * MINUTE);
	assert_int_equal(state_of(w, "train"), CLAIM_RELEASING);
	has(world_claim(w, "train")->ended, "its lease of 12h is over");
	leave(w, "train/3");
	run(w, MINUTE);
	assert_int_equal(claims(w), 0);
	ask(w, 1000, "node", "idle", AT_ONCE);
	run(w, 2 * HOUR);
	assert_int_equal(claims(w), 0);
}

/* --- of the policy ----------------------------------------------------------------------------------------- */

#define RESERVATION "reservations:\n  - {name: train, class: node, for: \"vm:train\", tenant: b}\n"

static void test_parts_of_a_reservation_come_and_go_with_the_policy(void **state)
{
	struct world *w = *state;
	size_t steps;
	apply(w, HEAD TENANTS);
	uint64_t token = world_apply_as_planned(w, HEAD RESERVATION TENANTS, &steps);
	settle(w);
	world_answered(w, token, ANSWER_DONE);
	is_held(w, "train");
	assert_int_equal(world_claim(w, "train")->from_policy, 1);
	/* Again: nothing is to do. */
	token = world_apply_as_planned(w, HEAD RESERVATION TENANTS, &steps);
	assert_int_equal(steps, 0);
	assert_true(json_is_true(
		json_object_get(world_answered(w, token, ANSWER_DONE)->report, "complete")));
	world_reboot(w);
	settle(w);
	is_held(w, "train");
	apply(w, POLICY);
	run(w, MINUTE);
	assert_int_equal(claims(w), 0);
	assert_int_equal(free_slices(w), 8);
}

static void test_parts_of_a_reservation_count_before_they_are_there(void **state)
{
	struct world *w = *state;
#define NARROW "tenants:\n  b: {from: [\"uid:1001\"], slices: 4}\n"
	apply(w, HEAD);
	for (unsigned i = 0; i < 4; i++)
		ask(w, 0, "gpu", "", AT_ONCE);
	uint64_t token = world_apply(w, HEAD RESERVATION NARROW, false);
	settle(w);
	assert_false(json_is_true(
		json_object_get(world_answered(w, token, ANSWER_DONE)->report, "complete")));
	assert_true(claim_is_waiting(world_claim(w, "train")));
	world_answered(w, ask(w, 1001, "lan", "", AT_ONCE), ANSWER_DONE);
	const char *because = refused(w, ask(w, 1001, "lan", "", AT_ONCE), "claim.quota");
	has(because, "its quota in all is 4; 4 used, 0 left");
	has(because, "claim train is reserved for vm:train");
	/* One claim, however many slices it takes. */
	assert_null(strstr(because, " more"));
}

static void test_parts_are_counted_as_wholes_that_fit(void **state)
{
	struct world *w = *state;
	uint32_t n;
	apply(w, POLICY);
	assert_int_equal(engine_fit_parts(w->e, "node", "", &n), 0);
	assert_int_equal(n, 2);
	assert_int_equal(engine_fit_parts(w->e, "lines", "", &n), 0);
	assert_int_equal(n, 1);
	ask(w, 0, "gpu", "", AT_ONCE);
	assert_int_equal(engine_fit_parts(w->e, "node", "", &n), 0);
	assert_int_equal(n, 1);
	assert_int_equal(engine_fit_parts(w->e, "five", "", &n), 0);
	assert_int_equal(n, 0);
	assert_int_equal(engine_fit_parts(w->e, "gpu", "", &n), -ENOENT);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, world_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_parts_are_held_together_on_one_node),
		TEST(test_parts_nothing_is_granted_before_all_are_there),
		TEST(test_parts_of_classes_that_share_slices_are_matched),
		TEST(test_parts_on_demand_are_made_as_one_set),
		TEST(test_parts_survive_crash_and_reboot_as_one),
		TEST(test_parts_a_crash_on_the_way_ends_all),
		TEST(test_parts_that_are_not_all_free_are_refused_by_name),
		TEST(test_parts_that_share_slices_are_named_together),
		TEST(test_parts_must_be_near_each_other),
		TEST(test_parts_a_failing_one_ends_all_and_is_named),
		TEST(test_parts_who_asked_and_left_has_none),
		TEST(test_parts_without_memory_leave_nothing),
		TEST(test_parts_have_no_settings_and_short_names),
		TEST(test_parts_are_not_released_singly),
		TEST(test_parts_release_waits_for_the_last_of_them),
		TEST(test_parts_end_when_no_part_is_used_any_more),
		TEST(test_parts_break_their_whole),
		TEST(test_parts_that_are_lost_keep_nobody),
		TEST(test_parts_wait_for_their_consumer_as_one),
		TEST(test_parts_quota_counts_each_of_them),
		TEST(test_parts_quota_of_their_class_counts_wholes),
		TEST(test_parts_wait_as_one),
		TEST(test_parts_preempt_all_they_need_or_nothing),
		TEST(test_parts_make_way_as_one),
		TEST(test_parts_have_the_lease_of_their_whole),
		TEST(test_parts_of_a_reservation_come_and_go_with_the_policy),
		TEST(test_parts_of_a_reservation_count_before_they_are_there),
		TEST(test_parts_are_counted_as_wholes_that_fit),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
