/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The engine in directed scenarios, on the host of machine.c: one promise or field failure each. */
#include "support/test.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "engine/fixture.h"
#include "engine/internal.h"
#include "support/alloc-fail.h"

#define ENGINE_TRIES 3 /* slices that one claim is tried with */
#define NIC "pci:0000:00/03.0/00.0"
#define NVME "pci:0000:00/05.0/00.0"
#define GPU "pci:0000:00/06.0/00.0"
#define OLD "pci:0000:00/08.0/00.0"
#define MTTY "sys:virtual/mtty/mtty"

#define HEAD                                                                                       \
	"version: 1\ndevices:\n"                                                                   \
	"  nic: {match: {key: \"" NIC "\"}}\n"                                                     \
	"  nvme: {match: {key: \"" NVME "\"}}\n"                                                   \
	"  gpu: {match: {key: \"" GPU "\"}}\n"                                                     \
	"  old: {match: {key: \"" OLD "\"}}\n"                                                     \
	"  mtty: {match: {key: \"" MTTY "\"}}\n"
#define ALL_DIVIDE(vfs)                                                                            \
	"divide:\n"                                                                                \
	"  - {use: nic, as: sriov, count: " vfs ", vf: {trust: false, spoof-check: true}}\n"       \
	"  - {use: nvme, as: sriov, count: 2}\n"                                                   \
	"  - {use: gpu, as: passthrough}\n"                                                        \
	"  - {use: old, as: passthrough}\n"                                                        \
	"  - {use: mtty, as: mdev, on-demand: [mtty-1, mtty-2]}\n"
#define CLASSES                                                                                    \
	"classes:\n"                                                                               \
	"  lan: {from: nic, may-set: {mac: true, vlan: 100-199}}\n"                                \
	"  disk: {from: nvme}\n"                                                                   \
	"  gpu: {from: gpu}\n"                                                                     \
	"  old: {from: old}\n"                                                                     \
	"  tty: {from: mtty, profiles: [mtty-1]}\n"                                                \
	"  tty2: {from: mtty, profiles: [mtty-2]}\n"
#define CLASSES_OF_GPUS "classes:\n  gpu: {from: gpu}\n  old: {from: old}\n  tty: {from: mtty}\n"
#define RESERVED "reservations:\n  - {name: web01, class: lan, for: \"libvirt:web01\"}\n"
#define TAIL "drift: report\non-remove: destroy\n"
#define POLICY HEAD ALL_DIVIDE("4") CLASSES TAIL

static int setup(void **state)
{
	struct world *w = calloc(1, sizeof(*w));
	world_init(w, 7);
	machine_add_pf(&w->m, NIC, 0x020000, 7, true);
	machine_add_pf(&w->m, NVME, 0x010802, 4, true);
	machine_add_function(&w->m, GPU, 0x030000, "nouveau", true, true);
	machine_add_function(&w->m, OLD, 0x030000, "nouveau", false, true);
	machine_add_parent(&w->m, MTTY, 24, true);
	machine_add_type(&w->m, MTTY, "mtty-1", 1);
	machine_add_type(&w->m, MTTY, "mtty-2", 2);
	world_up(w);
	*state = w;
	return 0;
}

static void run(struct world *w)
{
	world_run(w, 20000);
	world_well(w);
}

static struct world_answer *refused(struct world *w, uint64_t token, const char *id)
{
	struct world_answer *a = world_answered(w, token, ANSWER_FAILED);
	assert_string_equal(a->id, id);
	return a;
}

static bool apply(struct world *w, const char *text)
{
	uint64_t token = world_apply(w, text, false);
	run(w);
	return json_is_true(
		json_object_get(world_answered(w, token, ANSWER_DONE)->report, "complete"));
}

static const json_t *result_of(struct world *w, uint64_t token, const char *device)
{
	size_t i;
	json_t *entry;
	json_array_foreach(
		json_object_get(world_answered(w, token, ANSWER_DONE)->report, "results"), i, entry)
		if (str_eq(json_string_value(json_object_get(entry, "device")), device))
			return entry;
	return NULL;
}

static const char *state_of(struct world *w, uint64_t token, const char *device)
{
	const char *state =
		json_string_value(json_object_get(result_of(w, token, device), "state"));
	return state ? state : "(none)";
}

static const char *until_of(struct world *w, uint64_t token, const char *device)
{
	const char *until =
		json_string_value(json_object_get(result_of(w, token, device), "until"));
	return until ? until : "(none)";
}

static const struct claim *claim_ok(struct world *w, uint32_t uid, const char *class,
				    const char *name)
{
	uint64_t token = world_alloc(w, uid, class, name, CLAIM_RUNNING, 0, NULL);
	run(w);
	world_answered(w, token, ANSWER_DONE);
	const struct claim *c = world_claim(w, name);
	assert_non_null(c);
	assert_int_equal(c->state, CLAIM_HELD);
	return c;
}

static struct target target_of(struct world *w, const char *claim)
{
	const struct claim *c = world_claim(w, claim);
	assert_non_null(c);
	return slice_target(world_slice(w, c->slice));
}

static void open_ok(struct world *w, const char *claim, uint32_t uid)
{
	struct target t = target_of(w, claim);
	assert_int_equal(machine_open(&w->m, &t, uid, 4121), 0);
}

static void close_it(struct world *w, const char *claim)
{
	struct target t = target_of(w, claim);
	machine_close(&w->m, &t);
}

static bool log_has(const struct world *w, const char *text)
{
	for (size_t i = 0; i < w->n_log && i < WORLD_LOG; i++)
		if (strstr(w->log[i], text))
			return true;
	return false;
}

/* --- claims ------------------------------------------------------------------------------------- */

static void test_engine_claim_alone_makes_two_synced_commits(void **state)
{
	struct world *w = *state;
	static const char *const kinds[] = { "lan", "gpu", "tty" };
	apply(w, POLICY);
	for (size_t i = 0; i < 3; i++) {
		uint64_t before = w->syncs;
		claim_ok(w, 1000, kinds[i], kinds[i]);
		assert_int_equal(w->syncs - before, 2);
	}
}

/* A parent with room for 64 mdevs, for classes "lan" and "tty". */
static void divide_more(struct world *w, const char *how)
{
	char text[512];
	machine_add_parent(&w->m, "sys:virtual/more/more", 64, true);
	machine_add_type(&w->m, "sys:virtual/more/more", "more-1", 1);
	world_observe(w);
	assert_int_equal(
		STR_FORMAT(
			text,
			"version: 1\ndevices:\n  more: {match: {key: \"sys:virtual/more/more\"}}\n"
			"divide:\n  - {use: more, as: mdev, %s}\n"
			"classes:\n  lan: {from: more}\n  tty: {from: more}\n",
			how),
		0);
	apply(w, text);
}

static void burst(struct world *w, const char *what, unsigned n, unsigned step_ms)
{
	uint64_t before = w->syncs, first = w->token + 1;
	w->step_ms = step_ms;
	for (unsigned i = 0; i < n; i++)
		world_alloc(w, 1000, i % 2 ? what : "lan", "", CLAIM_RUNNING, 0, NULL);
	run(w);
	for (unsigned i = 0; i < n; i++)
		world_answered(w, first + i, ANSWER_DONE);
	assert_in_range(w->syncs - before, 2, 8);
}

static void test_engine_claims_together_share_synced_commits(void **state)
{
	struct world *w = *state;
	divide_more(w, "layout: {more-1: 40}");
	burst(w, "tty", 32, 5);
}

static void test_engine_claims_together_on_slow_devices_share_synced_commits(void **state)
{
	struct world *w = *state;
	divide_more(w, "on-demand: [more-1]");
	burst(w, "tty", 32, 200);
}

static size_t held(const struct world *w)
{
	const struct record *rec = engine_record(w->e);
	size_t n = 0;
	for (size_t i = 0; i < rec->n_claims; i++)
		n += rec->claims[i].state == CLAIM_HELD;
	return n;
}

/* Where somebody claims all the time no burst ever ends: what is made is granted all the same. */
static void test_engine_claims_that_never_end_hold_nobody_back_for_long(void **state)
{
	struct world *w = *state;
	divide_more(w, "on-demand: [more-1]");
	w->step_ms = 400;
	for (unsigned i = 0; i < 60; i++)
		world_alloc(w, 1000, "lan", "", CLAIM_RUNNING, 0, NULL);
	for (int64_t begun = w->now; w->now - begun < 60000;) {
		world_run(w, 500);
		unsigned made = 0;
		for (size_t i = 0; i < w->m.n_pools; i++)
			made += w->m.pools[i].used;
		assert_in_range(made - held(w), 0, 8);
	}
	run(w);
	assert_int_equal(held(w), 60);
}

#define CUSTOMERS 30

struct customer {
	uint64_t alloc, release;
	char name[NAME_SIZE];
	int64_t since, longest;
	unsigned served;
};

/* Claims, and when it has a slice releases it, over and over. */
static void customer_goes_on(struct world *w, struct customer *c, const char *class)
{
	struct world_answer *a = c->alloc ? world_answer(w, c->alloc) : NULL;
	if (c->alloc && (!a || a->state == ANSWER_PENDING))
		return;
	if (c->alloc) {
		int64_t took = w->now - c->since;
		c->longest = took > c->longest ? took : c->longest;
		c->served++;
		c->alloc = 0;
		c->release = world_release(w, 1000, c->name);
		return;
	}
	a = c->release ? world_answer(w, c->release) : NULL;
	if (c->release && (!a || a->state == ANSWER_PENDING))
		return;
	c->release = 0;
	c->since = w->now;
	c->alloc = world_alloc(w, 1000, class, c->name, CLAIM_RUNNING, 0, NULL);
}

static void test_engine_who_comes_again_and_again_keeps_nobody_waiting(void **state)
{
	struct world *w = *state;
	struct customer customers[CUSTOMERS] = { 0 };
	divide_more(w, "on-demand: [more-1]");
	w->step_ms = 100;
	int64_t begun = w->now, longest = 0;
	unsigned served = 0, least = UINT_MAX;
	for (size_t i = 0; i < CUSTOMERS; i++)
		(void)STR_FORMAT(customers[i].name, "c%zu", i);
	while (w->now - begun < 300000) {
		for (size_t i = 0; i < CUSTOMERS; i++)
			customer_goes_on(w, &customers[i], "lan");
		world_run(w, 50);
	}
	for (size_t i = 0; i < CUSTOMERS; i++) {
		longest = customers[i].longest > longest ? customers[i].longest : longest;
		served += customers[i].served;
		least = customers[i].served < least ? customers[i].served : least;
	}
	assert_true(served > CUSTOMERS * 20);
	assert_true(least * CUSTOMERS > served - served / 10);
	assert_true(longest < 2 * (w->now - begun) * CUSTOMERS / served);
}

static void test_f16_engine_shared_capacity_is_promised_once(void **state)
{
	struct world *w = *state;
	apply(w, POLICY);
	for (unsigned i = 0; i < 11; i++)
		world_alloc(w, 1000, "tty2", "", CLAIM_RUNNING, 0, NULL);
	for (unsigned i = 0; i < 2; i++)
		world_alloc(w, 1000, "tty", "", CLAIM_RUNNING, 0, NULL);
	uint64_t over = world_alloc(w, 1000, "tty", "", CLAIM_RUNNING, 0, NULL);
	world_turn(w);
	refused(w, over, "claim.none-free");
	run(w);
	assert_int_equal(w->m.pools[0].used, 24);
	assert_int_equal(engine_record(w->e)->n_claims, 13);
}

static void test_engine_alloc_mistakes_are_refused_with_reason(void **state)
{
	struct world *w = *state;
	struct requester nobody = { .uid = 5 };
	struct alloc_request rq = { .class = "lan" };
	refused(w, (world_alloc(w, 1000, "lan", "", CLAIM_RUNNING, 0, NULL), run(w), w->token),
		"claim.no-policy");
	apply(w, POLICY);
	engine_request_alloc(w->e, ++w->token, &nobody, &rq);
	uint64_t denied = w->token;
	uint64_t class = world_alloc(w, 1000, "lam", "", CLAIM_RUNNING, 0, NULL);
	uint64_t name = world_alloc(w, 1000, "lan", "a b", CLAIM_RUNNING, 0, NULL);
	struct vf_settings set = { .set = VF_SET_VLAN, .vlan = 7 };
	uint64_t vlan = world_alloc(w, 1000, "lan", "", CLAIM_RUNNING, 0, &set);
	run(w);
	refused(w, denied, "claim.denied");
	refused(w, class, "claim.no-class");
	refused(w, name, "claim.name");
	refused(w, vlan, "setting.not-allowed");
	claim_ok(w, 1000, "lan", "one");
	uint64_t twice = world_alloc(w, 1001, "lan", "one", CLAIM_RUNNING, 0, NULL);
	run(w);
	refused(w, twice, "claim.exists");
}

static void test_engine_alloc_too_many_is_refused(void **state)
{
	struct world *w = *state;
	machine_add_parent(&w->m, "sys:virtual/more/more", 400, true);
	machine_add_type(&w->m, "sys:virtual/more/more", "more-1", 1);
	world_observe(w);
	apply(w, "version: 1\ndevices:\n  more: {match: {key: \"sys:virtual/more/more\"}}\n"
		 "divide:\n  - {use: more, as: mdev, on-demand: [more-1]}\n"
		 "classes:\n  lan: {from: more}\n");
	for (unsigned i = 0; i < 257; i++)
		world_alloc(w, 1000, "lan", "", CLAIM_RUNNING, 0, NULL);
	world_turn(w);
	refused(w, w->token, "claim.limit");
}

static void test_engine_claim_settings_are_made_and_put_back(void **state)
{
	struct world *w = *state;
	struct vf_settings set = { .set = VF_SET_MAC | VF_SET_VLAN,
				   .mac = { 0x52, 0x54, 0, 0, 0, 9 },
				   .vlan = 120 };
	apply(w, POLICY);
	world_alloc(w, 1000, "lan", "one", CLAIM_RUNNING, 0, &set);
	run(w);
	struct target t = target_of(w, "one");
	const struct vf_info *v = have_vf_info(&w->m.have, NIC, t.vf);
	assert_int_equal(v->settings.vlan, 120);
	assert_int_equal(v->settings.mac[5], 9);
	world_release(w, 1000, "one");
	run(w);
	v = have_vf_info(&w->m.have, NIC, t.vf);
	assert_int_equal(v->settings.vlan, 0);
	assert_int_equal(v->settings.mac[5], 0);
}

static void test_engine_alloc_cancelled_is_undone(void **state)
{
	struct world *w = *state;
	apply(w, POLICY);
	uint64_t token = world_alloc(w, 1000, "tty", "one", CLAIM_RUNNING, 0, NULL);
	world_turn(w);
	engine_request_cancelled(w->e, token);
	run(w);
	assert_null(world_claim(w, "one"));
	assert_int_equal(w->m.n_made, 0);
}

static void test_f01_engine_step_fails_after_bind_gives_the_driver_back(void **state)
{
	struct world *w = *state;
	apply(w, POLICY);
	uint64_t token = world_alloc(w, 1000, "gpu", "one", CLAIM_RUNNING, 0, NULL);
	world_turn(w);
	/* On the record before anything happens. */
	assert_string_equal(world_slice(w, world_claim(w, "one")->slice)->original_driver,
			    "nouveau");
	w->fault_percent = 100;
	for (unsigned i = 0; i < 20 && !log_has(w, "give the VFIO node"); i++) {
		w->now += 10;
		world_results(w);
	}
	for (size_t i = 0; i < w->m.n_steps; i++)
		w->m.steps[i].fault = FAULT_ERROR;
	w->fault_percent = 0;
	run(w);
	world_answered(w, token, ANSWER_FAILED);
	assert_string_equal(have_device(&w->m.have, GPU)->driver, "nouveau");
	assert_null(world_claim(w, "one"));
}

static void test_f01_engine_killed_after_bind_gives_the_driver_back(void **state)
{
	struct world *w = *state;
	apply(w, POLICY);
	world_alloc(w, 1000, "gpu", "one", CLAIM_RUNNING, 0, NULL);
	world_turn(w);
	world_crash(w, false);
	run(w);
	assert_null(world_claim(w, "one"));
	assert_string_equal(have_device(&w->m.have, GPU)->driver, "nouveau");
}

/* --- release --------------------------------------------------------------------------------------- */

static void test_f20_engine_release_waits_until_the_consumer_is_gone(void **state)
{
	struct world *w = *state;
	apply(w, POLICY);
	claim_ok(w, 1000, "gpu", "one");
	open_ok(w, "one", 1000);
	uint64_t token = world_release(w, 1000, "one");
	run(w);
	struct world_answer *a = world_answered(w, token, ANSWER_PENDING);
	assert_true(a->progress > 0);
	assert_string_equal(a->id, "claim.waits");
	assert_non_null(strstr(a->because, "4121"));
	assert_int_equal(world_claim(w, "one")->state, CLAIM_RELEASING);
	uint64_t other = world_alloc(w, 1001, "gpu", "", CLAIM_RUNNING, 0, NULL);
	run(w);
	refused(w, other, "claim.none-free");
	close_it(w, "one");
	world_run(w, 40000);
	world_answered(w, token, ANSWER_DONE);
	claim_ok(w, 1001, "gpu", "two");
}

/* Who does not want to wait is told at once for whom it would be, each time anew. */
static void test_engine_release_now_names_who_holds_it_and_goes_on(void **state)
{
	struct world *w = *state;
	apply(w, POLICY);
	claim_ok(w, 1000, "gpu", "one");
	open_ok(w, "one", 1000);
	for (int i = 0; i < 2; i++) {
		uint64_t token = world_release_now(w, 1000, "one");
		run(w);
		const struct world_answer *a = world_answered(w, token, ANSWER_DONE);
		assert_true(a->waits);
		assert_int_equal(a->progress, 0);
		assert_int_equal(a->claim.state, CLAIM_RELEASING);
		assert_non_null(strstr(a->claim.reason, "4121"));
	}
	close_it(w, "one");
	uint64_t token = world_release_now(w, 1000, "one");
	run(w);
	assert_false(world_answered(w, token, ANSWER_DONE)->waits);
	assert_null(world_claim(w, "one"));
}

static void test_engine_release_now_of_what_nobody_holds_is_done(void **state)
{
	struct world *w = *state;
	apply(w, POLICY);
	claim_ok(w, 1000, "gpu", "one");
	uint64_t token = world_release_now(w, 1000, "one");
	run(w);
	assert_false(world_answered(w, token, ANSWER_DONE)->waits);
	assert_null(world_claim(w, "one"));
}

static const struct world_answer *released_now(struct world *w, const char *name)
{
	uint64_t token = world_release_now(w, 1000, name);
	world_run(w, 3000);
	world_well(w);
	return world_answered(w, token, ANSWER_DONE);
}

/* A write on its PF hangs: nobody even looks at the VF before that has ended. */
static void test_engine_release_now_on_a_stuck_device_says_so(void **state)
{
	struct world *w = *state;
	apply(w, POLICY);
	claim_ok(w, 1000, "lan", "one");
	engine_device_stuck(w->e, NIC, "a write that does not return");
	for (int i = 0; i < 2; i++) {
		world_turn(w);
		w->m.n_steps = 0; /* the barrier, which stays out */
		const struct world_answer *a = released_now(w, "one");
		assert_true(a->waits);
		assert_int_equal(a->claim.state, CLAIM_RELEASING);
		assert_non_null(strstr(a->claim.reason, "a write that does not return"));
	}
}

/* carved is new; the executor has a step of before, of which it says each time that it goes on. */
static void test_engine_release_now_behind_an_earlier_step_says_so(void **state)
{
	struct world *w = *state;
	struct step_result r = { .status = STEP_STUCK };
	apply(w, POLICY);
	claim_ok(w, 1000, "gpu", "one");
	uint64_t token = world_release_now(w, 1000, "one");
	while (!log_has(w, "reset")) {
		w->now++;
		world_results(w);
	}
	w->m.n_steps = 0;
	engine_executor_lost(w->e);
	for (int i = 0; i < 2; i++) {
		world_turn(w);
		assert_int_equal(w->m.n_steps, 1);
		r.id = w->m.steps[0].step.id;
		w->m.n_steps = 0;
		(void)engine_step_result(w->e, &r, NULL, 0);
		world_turn(w);
		const struct world_answer *a = world_answered(w, token, ANSWER_DONE);
		assert_true(a->waits);
		assert_non_null(strstr(a->claim.reason, "an earlier step"));
		w->now += 60000;
		world_turn(w); /* asked once more, not yet answered */
		token = world_release_now(w, 1000, "one");
	}
}

/* An older carve knew that mechanism; nothing can be done about such a slice. */
static void test_engine_release_now_of_what_cannot_be_taken_back_says_so(void **state)
{
	struct world *w = *state;
	const struct mech *const mechs[] = { world_mechs[0], world_mechs[1], NULL };
	apply(w, POLICY);
	claim_ok(w, 1000, "tty", "one");
	w->mechs = mechs;
	world_crash(w, true);
	const struct world_answer *a = released_now(w, "one");
	assert_true(a->waits);
	assert_non_null(strstr(a->claim.reason, "no mechanism mdev"));
}

/* Its holder was the reason; then the card was pulled, and that is the reason. */
static void test_engine_claim_says_that_its_device_is_gone(void **state)
{
	struct world *w = *state;
	apply(w, POLICY);
	claim_ok(w, 1000, "gpu", "one");
	open_ok(w, "one", 1000);
	world_release_now(w, 1000, "one");
	run(w);
	assert_non_null(strstr(world_claim(w, "one")->reason, "held by"));
	close_it(w, "one");
	const struct function card = *have_device(&w->m.have, GPU);
	have_remove_function(&w->m.have, card.addr);
	world_observe(w);
	run(w);
	assert_non_null(strstr(world_claim(w, "one")->reason, "its device is gone"));
	uint64_t token = world_release_now(w, 1000, "one");
	run(w);
	assert_true(world_answered(w, token, ANSWER_DONE)->waits);
	*have_add_function(&w->m.have) = card;
	have_sort(&w->m.have);
	world_observe(w);
	run(w);
	assert_null(world_claim(w, "one"));
}

static void test_engine_broken_claim_says_that_its_device_is_gone(void **state)
{
	struct world *w = *state;
	apply(w, POLICY);
	claim_ok(w, 1000, "gpu", "one");
	struct function *f = have_function(&w->m.have, have_device(&w->m.have, GPU)->addr);
	f->driver[0] = '\0';
	world_observe(w);
	run(w);
	assert_int_equal(world_claim(w, "one")->state, CLAIM_BROKEN);
	assert_non_null(strstr(world_claim(w, "one")->reason, "driver was taken away"));
	have_remove_function(&w->m.have, f->addr);
	world_observe(w);
	run(w);
	assert_int_equal(world_claim(w, "one")->state, CLAIM_BROKEN);
	assert_non_null(strstr(world_claim(w, "one")->reason, "its device is gone"));
}

static void test_f42_engine_early_signal_frees_nothing(void **state)
{
	struct world *w = *state;
	apply(w, POLICY);
	claim_ok(w, 1000, "lan", "one");
	open_ok(w, "one", 1000);
	engine_consumer_gone(w->e, "one");
	run(w);
	assert_int_equal(world_claim(w, "one")->state, CLAIM_HELD);
	close_it(w, "one");
	engine_consumer_gone(w->e, "one");
	run(w);
	assert_null(world_claim(w, "one"));
}

static void test_f32_engine_stale_release_touches_nobody(void **state)
{
	struct world *w = *state;
	apply(w, POLICY);
	claim_ok(w, 1000, "gpu", "one");
	world_release(w, 1000, "one");
	run(w);
	claim_ok(w, 1001, "gpu", "two");
	uint64_t before = w->sent;
	uint64_t token = world_release(w, 1000, "one");
	run(w);
	world_answered(w, token, ANSWER_DONE);
	assert_int_equal(world_claim(w, "two")->state, CLAIM_HELD);
	assert_int_equal(w->sent, before);
}

/* A card is pulled while a VF of it is held, and put back: apply ends when that VF is proven clean. */
static void test_f22_engine_apply_waits_until_what_came_back_is_reclaimed(void **state)
{
	struct world *w = *state;
	apply(w, POLICY);
	claim_ok(w, 1000, "lan", "one");
	open_ok(w, "one", 1000);
	close_it(w, "one");
	uint64_t slice = world_claim(w, "one")->slice;
	const struct function card = *have_device(&w->m.have, NIC);
	assert_return_code(machine_vfs_set(&w->m, NIC, 0, false), 0);
	have_remove_function(&w->m.have, card.addr);
	world_observe(w);
	run(w);
	assert_int_equal(world_slice(w, slice)->state, SLICE_LOST);
	world_release(w, 1000, "one");
	run(w);
	*have_add_function(&w->m.have) = card;
	have_sort(&w->m.have);
	world_observe(w);
	uint64_t token = world_apply(w, POLICY, false);
	run(w);
	const json_t *report = world_answered(w, token, ANSWER_DONE)->report;
	assert_true(json_is_true(json_object_get(report, "complete")));
	assert_int_equal(world_slice(w, slice)->state, SLICE_READY);
}

/* A card is missing at a boot, and put in: it is as wanted without a step, and nothing waits for it any more. */
static void test_engine_device_that_came_back_as_wanted_is_done(void **state)
{
	struct world *w = *state;
	apply(w, POLICY);
	const struct function card = *have_device(&w->m.have, GPU);
	have_remove_function(&w->m.have, card.addr);
	world_reboot(w);
	run(w);
	*have_add_function(&w->m.have) = card;
	have_sort(&w->m.have);
	world_observe(w);
	run(w);
	uint64_t token = world_apply(w, POLICY, false);
	run(w);
	const json_t *report = world_answered(w, token, ANSWER_DONE)->report;
	assert_true(json_is_true(json_object_get(report, "complete")));
}

static void test_engine_release_by_another_is_refused(void **state)
{
	struct world *w = *state;
	apply(w, POLICY);
	claim_ok(w, 1000, "lan", "one");
	uint64_t token = world_release(w, 1001, "one");
	run(w);
	refused(w, token, "claim.denied");
	assert_int_equal(world_claim(w, "one")->state, CLAIM_HELD);
}

static void test_f28_engine_without_proof_is_quarantined(void **state)
{
	struct world *w = *state;
	apply(w, POLICY);
	claim_ok(w, 1000, "old", "one");
	open_ok(w, "one", 1000);
	close_it(w, "one");
	uint64_t slice = world_claim(w, "one")->slice;
	uint64_t token = world_release(w, 1000, "one");
	run(w);
	refused(w, token, "reclaim.no-proof");
	assert_int_equal(world_slice(w, slice)->state, SLICE_QUARANTINED);
	uint64_t other = world_alloc(w, 1001, "old", "", CLAIM_RUNNING, 0, NULL);
	run(w);
	refused(w, other, "claim.none-free");
	token = world_apply(w, POLICY, false);
	run(w);
	assert_string_equal(until_of(w, token, OLD), "cleared");
	struct requester root = { .manage = true };
	struct target t = { .device = OLD, .vf = -1 };
	for (size_t i = 0; i < w->m.n_residues; i++)
		if (target_eq(&w->m.residues[i].target, &t))
			w->m.residues[i].uid = 0;
	engine_request_quarantine_clear(w->e, ++w->token, &root, OLD, "power cycled");
	run(w);
	world_answered(w, w->token, ANSWER_DONE);
	claim_ok(w, 1001, "old", "two");
}

/* A slice that is ready and holds data. */
static uint64_t data_slice(const struct world *w)
{
	const struct record *r = engine_record(w->e);
	for (size_t i = 0; i < r->n_slices; i++)
		if (r->slices[i].state == SLICE_READY && r->slices[i].dirty)
			return r->slices[i].id;
	fail_msg("no slice holds data");
	return 0;
}

static void test_f28_engine_storage_stays_with_its_tenant(void **state)
{
	struct world *w = *state;
	apply(w, POLICY);
	for (unsigned i = 0; i < 2; i++) {
		char name[8];
		(void)STR_FORMAT(name, "d%u", i);
		claim_ok(w, 1000, "disk", name);
		open_ok(w, name, 1000);
		close_it(w, name);
	}
	world_release(w, 1000, "d0");
	world_release(w, 1000, "d1");
	run(w);
	uint64_t other = world_alloc(w, 1001, "disk", "", CLAIM_RUNNING, 0, NULL);
	run(w);
	assert_non_null(strstr(refused(w, other, "claim.none-free")->because, "another account"));
	/* Nor after the VFs went and came again. */
	assert_true(apply(
		w, HEAD
		"divide:\n  - {use: gpu, as: passthrough}\nclasses:\n  gpu: {from: gpu}\n" TAIL));
	apply(w, POLICY);
	other = world_alloc(w, 1001, "disk", "", CLAIM_RUNNING, 0, NULL);
	run(w);
	refused(w, other, "claim.none-free");
	claim_ok(w, 1000, "disk", "d2");
	/* The administrator has wiped one: that is the proof. */
	struct requester root = { .manage = true };
	const struct slice *s = world_slice(w, data_slice(w));
	struct target wiped = slice_target(s);
	assert_non_null(strstr(s->reason, "data of uid 1000"));
	for (size_t i = 0; i < w->m.n_residues; i++)
		if (target_eq(&w->m.residues[i].target, &wiped))
			w->m.residues[i].uid = 0;
	char name[SYS_PATH_SIZE];
	assert_int_equal(slice_name(s, name, sizeof(name)), 0);
	engine_request_quarantine_clear(w->e, ++w->token, &root, name, "wiped");
	run(w);
	world_answered(w, w->token, ANSWER_DONE);
	claim_ok(w, 1001, "disk", "freed");
}

/* --- by a rule of the policy ---------------------------------------------------------------------------- */

#define RULE(rule)                                                                                 \
	HEAD "divide:\n"                                                                           \
	     "  - {use: gpu, as: passthrough, after-use: " rule "}\n"                              \
	     "  - {use: old, as: passthrough, after-use: " rule "}\n"                              \
	     "  - {use: nic, as: sriov, count: 1, after-use: " rule "}\n"                          \
	     "classes:\n  gpu: {from: gpu}\n  old: {from: old}\n  lan: {from: nic}\n" TAIL

/* Of that account, given back; with that slice. */
static uint64_t use_once(struct world *w, uint32_t uid, const char *class)
{
	claim_ok(w, uid, class, "once");
	open_ok(w, "once", uid);
	close_it(w, "once");
	uint64_t slice = world_claim(w, "once")->slice;
	world_release(w, uid, "once");
	run(w);
	return slice;
}

static const char *none_free(struct world *w, uint32_t uid, const char *class)
{
	uint64_t token = world_alloc(w, uid, class, "", CLAIM_RUNNING, 0, NULL);
	run(w);
	return refused(w, token, "claim.none-free")->because;
}

static void clear(struct world *w, uint64_t slice)
{
	struct requester root = { .manage = true };
	char name[SYS_PATH_SIZE];
	assert_int_equal(slice_name(world_slice(w, slice), name, sizeof(name)), 0);
	engine_request_quarantine_clear(w->e, ++w->token, &root, name, "looked at");
	run(w);
	world_answered(w, w->token, ANSWER_DONE);
}

static void test_f28_engine_after_use_same_tenant_stays_although_it_is_proven(void **state)
{
	struct world *w = *state;
	static const char *const classes[] = { "gpu", "lan" };
	assert_true(apply(w, RULE("same-tenant")));
	for (size_t i = 0; i < 2; i++) {
		uint64_t slice = use_once(w, 1000, classes[i]);
		assert_int_equal(world_slice(w, slice)->state, SLICE_READY);
		assert_string_equal(world_slice(w, slice)->reason,
				    "kept for uid 1000: after-use: same-tenant");
		assert_non_null(strstr(none_free(w, 1001, classes[i]), "another account"));
		world_crash(w, true);
		run(w);
		none_free(w, 1001, classes[i]);
		world_reboot(w);
		run(w);
		none_free(w, 1001, classes[i]);
		use_once(w, 1000, classes[i]);
		none_free(w, 1001, classes[i]);
		clear(w, slice);
		use_once(w, 1001, classes[i]);
		none_free(w, 1000, classes[i]);
	}
}

/* What has no reset of its own can be let to the same account again and again, and to no driver. */
static void test_f28_engine_after_use_same_tenant_needs_no_proof(void **state)
{
	struct world *w = *state;
	assert_true(apply(w, RULE("same-tenant")));
	uint64_t slice = use_once(w, 1000, "old");
	assert_int_equal(world_slice(w, slice)->state, SLICE_READY);
	assert_string_equal(have_device(&w->m.have, OLD)->driver, "vfio-pci");
	none_free(w, 1001, "old");
	use_once(w, 1000, "old");
	struct target t = { .device = OLD, .vf = -1 };
	for (size_t i = 0; i < w->m.n_residues; i++)
		if (target_eq(&w->m.residues[i].target, &t))
			w->m.residues[i].uid = 0;
	clear(w, slice);
	assert_string_equal(have_device(&w->m.have, OLD)->driver, "nouveau");
	use_once(w, 1001, "old");
}

/* Whether a reset from D3hot clears its memory nobody says; the policy may. */
static void test_f28_engine_after_use_prove_takes_a_soft_reset_for_a_proof(void **state)
{
	struct world *w = *state;
	struct target t = { .device = OLD, .vf = -1 };
	machine_function(&w->m, &t)->caps.pm_reset = true;
	world_observe(w);
	assert_true(apply(w, POLICY));
	uint64_t slice = use_once(w, 1000, "old");
	assert_string_equal(world_slice(w, slice)->reason, "its memory may hold data of uid 1000");
	assert_string_equal(have_device(&w->m.have, OLD)->driver, "nouveau");
	none_free(w, 1001, "old");
	use_once(w, 1000, "old");
	apply(w, RULE("prove"));
	use_once(w, 1001, "old");
	use_once(w, 1000, "old");
}

static void test_f28_engine_after_use_quarantine_waits_for_an_administrator(void **state)
{
	struct world *w = *state;
	assert_true(apply(w, RULE("quarantine")));
	claim_ok(w, 1000, "lan", "one");
	uint64_t slice = world_claim(w, "one")->slice, token = world_release(w, 1000, "one");
	run(w);
	assert_non_null(
		strstr(refused(w, token, "reclaim.rule")->because, "after-use: quarantine"));
	assert_int_equal(world_slice(w, slice)->state, SLICE_QUARANTINED);
	none_free(w, 1000, "lan");
	clear(w, slice);
	assert_int_equal(world_slice(w, slice)->state, SLICE_READY);
	claim_ok(w, 1001, "lan", "two");
}

static void test_f28_engine_after_use_ends_with_the_policy_that_says_it(void **state)
{
	struct world *w = *state;
	assert_true(apply(w, RULE("same-tenant")));
	use_once(w, 1000, "gpu");
	uint64_t old = use_once(w, 1000, "old");
	none_free(w, 1001, "gpu");
	apply(w, RULE("prove"));
	use_once(w, 1001, "gpu");
	use_once(w, 1002, "gpu");
	/* What there never was a proof for there is none now. */
	assert_int_equal(world_slice(w, old)->state, SLICE_QUARANTINED);
}

/* --- policies ---------------------------------------------------------------------------------------- */

static void test_engine_apply_makes_the_machine_as_wanted(void **state)
{
	struct world *w = *state;
	assert_true(apply(w, POLICY));
	assert_int_equal(have_vf_count(&w->m.have, have_device(&w->m.have, NIC)->addr), 4);
	assert_int_equal(have_vf_count(&w->m.have, have_device(&w->m.have, NVME)->addr), 2);
	uint64_t before = w->sent;
	assert_true(apply(w, POLICY));
	world_crash(w, true);
	run(w);
	world_observe(w);
	run(w);
	assert_int_equal(w->sent, before);
}

static void test_f05_engine_vf_count_under_a_claim_is_refused_and_named(void **state)
{
	struct world *w = *state;
	apply(w, POLICY);
	claim_ok(w, 1000, "lan", "web");
	uint64_t token = world_apply(w, HEAD ALL_DIVIDE("6") CLASSES "on-remove: keep\n", false);
	run(w);
	assert_string_equal(state_of(w, token, NIC), "failed");
	const json_t *error = json_object_get(result_of(w, token, NIC), "error");
	assert_non_null(strstr(json_string_value(json_object_get(error, "because")), "web"));
	assert_string_equal(state_of(w, token, GPU), "done");
	assert_int_equal(have_vf_count(&w->m.have, have_device(&w->m.have, NIC)->addr), 4);
	assert_int_equal(world_claim(w, "web")->state, CLAIM_HELD);
	world_release(w, 1000, "web");
	run(w);
	assert_true(apply(w, HEAD ALL_DIVIDE("6") CLASSES TAIL));
	assert_int_equal(have_vf_count(&w->m.have, have_device(&w->m.have, NIC)->addr), 6);
}

/* The claim is begun, its device not yet bound. */
static void test_f05_engine_other_mechanism_under_a_beginning_claim_is_refused(void **state)
{
	struct world *w = *state;
	apply(w, HEAD "divide:\n  - {use: nic, as: passthrough}\n"
		      "classes:\n  lan: {from: nic}\n" TAIL);
	uint64_t claim = world_alloc(w, 1000, "lan", "web", CLAIM_RUNNING, 0, NULL);
	world_turn(w);
	uint64_t token = world_apply(w, POLICY, false);
	run(w);
	const json_t *error = json_object_get(result_of(w, token, NIC), "error");
	assert_string_equal(json_string_value(json_object_get(error, "id")), "apply.held");
	world_answered(w, claim, ANSWER_DONE);
}

static void test_f05_engine_other_mechanism_under_a_claim_is_refused(void **state)
{
	struct world *w = *state;
	apply(w, POLICY);
	claim_ok(w, 1000, "lan", "web");
	uint64_t token = world_apply(w,
				     HEAD "divide:\n  - {use: nic, as: passthrough}\n"
					  "classes:\n  lan: {from: nic}\n" TAIL,
				     false);
	run(w);
	const json_t *error = json_object_get(result_of(w, token, NIC), "error");
	assert_string_equal(json_string_value(json_object_get(error, "id")), "apply.held");
	assert_int_equal(world_claim(w, "web")->state, CLAIM_HELD);
}

#define NIC_PASSED                                                                                 \
	HEAD "divide:\n  - {use: nic, as: passthrough}\n"                                          \
	     "classes:\n  lan: {from: nic}\n" TAIL

/* What the policy itself ends is not in the way of what it wants. */
static void test_f15_engine_reservation_that_ends_is_not_in_the_way(void **state)
{
	struct world *w = *state;
	assert_true(apply(w, HEAD ALL_DIVIDE("4") CLASSES RESERVED TAIL));
	assert_int_equal(world_claim(w, "web01")->state, CLAIM_HELD);
	assert_true(apply(w, HEAD ALL_DIVIDE("6") CLASSES TAIL));
	assert_null(world_claim(w, "web01"));
	assert_int_equal(have_vf_count(&w->m.have, have_device(&w->m.have, NIC)->addr), 6);
	assert_true(apply(w, HEAD ALL_DIVIDE("4") CLASSES RESERVED TAIL));
	assert_true(apply(w, NIC_PASSED));
	assert_int_equal(have_vf_count(&w->m.have, have_device(&w->m.have, NIC)->addr), 0);
	assert_true(apply(w, HEAD ALL_DIVIDE("4") CLASSES RESERVED TAIL));
	assert_int_equal(world_claim(w, "web01")->state, CLAIM_HELD);
}

/* Nothing is taken from who uses it: the device changes when he is gone. */
static void test_f15_engine_reservation_that_ends_in_use_is_waited_for(void **state)
{
	struct world *w = *state;
	assert_true(apply(w, HEAD ALL_DIVIDE("4") CLASSES RESERVED TAIL));
	open_ok(w, "web01", 0);
	struct target t = target_of(w, "web01");
	uint64_t token = world_apply(w, HEAD ALL_DIVIDE("6") CLASSES TAIL, false);
	run(w);
	assert_int_equal(have_vf_count(&w->m.have, have_device(&w->m.have, NIC)->addr), 4);
	assert_true(machine_is_held(&w->m, &t));
	assert_string_equal(state_of(w, token, NIC), "waits");
	assert_string_equal(until_of(w, token, NIC), "idle");
	close_it(w, "web01");
	world_run(w, 60000);
	world_well(w);
	assert_null(world_claim(w, "web01"));
	assert_int_equal(have_vf_count(&w->m.have, have_device(&w->m.have, NIC)->addr), 6);
}

static void test_f14_engine_foreign_vfs_are_not_destroyed(void **state)
{
	struct world *w = *state;
	machine_vfs_set(&w->m, NIC, 2, false);
	world_observe(w);
	uint64_t token = world_apply(w, POLICY, false);
	run(w);
	assert_string_equal(state_of(w, token, NIC), "failed");
	assert_int_equal(have_vf_count(&w->m.have, have_device(&w->m.have, NIC)->addr), 2);
	assert_string_equal(state_of(w, token, NVME), "done");
}

static void test_f14_f31_engine_foreign_mdev_is_an_ordinary_observation(void **state)
{
	struct world *w = *state;
	const char *uuid = "ffffffff-0000-4000-8000-000000000001";
	apply(w, POLICY);
	assert_int_equal(machine_mdev_create(&w->m, MTTY, uuid, "mtty-2"), 1);
	world_observe(w);
	for (unsigned i = 0; i < 22; i++)
		world_alloc(w, 1000, "tty", "", CLAIM_RUNNING, 0, NULL);
	uint64_t over = world_alloc(w, 1000, "tty", "", CLAIM_RUNNING, 0, NULL);
	run(w);
	refused(w, over, "claim.none-free");
	apply(w,
	      HEAD "divide:\n  - {use: gpu, as: passthrough}\nclasses:\n  gpu: {from: gpu}\n" TAIL);
	assert_non_null(have_mdev(&w->m.have, uuid));
}

static void test_f15_engine_policies_there_and_back_converge(void **state)
{
	struct world *w = *state;
	static const char *const a = HEAD
		"divide:\n  - {use: mtty, as: mdev, layout: {mtty-1: 24}}\n"
		"classes:\n  tty: {from: mtty}\n" TAIL;
	static const char *const b = HEAD
		"divide:\n  - {use: mtty, as: mdev, layout: {mtty-2: 12}}\n"
		"classes:\n  tty: {from: mtty}\n" TAIL;
	for (unsigned i = 0; i < 3; i++) {
		assert_true(apply(w, a));
		assert_int_equal(w->m.n_made, 24);
		assert_true(apply(w, b));
		assert_int_equal(w->m.n_made, 12);
	}
}

static size_t apply_as_planned(struct world *w, const char *text)
{
	size_t n;
	uint64_t token = world_apply_as_planned(w, text, &n);
	world_well(w);
	world_answered(w, token, ANSWER_DONE);
	return n;
}

static void test_engine_plan_names_the_steps_that_apply_performs(void **state)
{
	struct world *w = *state;
	assert_int_equal(apply_as_planned(w, HEAD ALL_DIVIDE("4") CLASSES RESERVED TAIL), 10);
	world_release(w, 0, "web01");
	run(w);
	assert_true(
		apply_as_planned(
			w, HEAD
			"divide:\n  - {use: nic, as: sriov, count: 7}\n"
			"  - {use: gpu, as: passthrough, bind: early}\n"
			"  - {use: mtty, as: mdev, layout: {mtty-1: 3}}\nclasses:\n  lan: {from: nic}\n" TAIL) >
		0);
}

/* Enrolled and without any driver, as after a boot with its driver kept away. */
static void test_engine_plan_of_devices_without_a_driver_is_what_apply_performs(void **state)
{
	struct world *w = *state;
	static const char early[] = HEAD
		"divide:\n  - {use: gpu, as: passthrough, bind: early}\n"
		"  - {use: old, as: passthrough, bind: early}\n"
		"  - {use: mtty, as: mdev, layout: {mtty-1: 2}}\n" CLASSES_OF_GPUS TAIL;
	have_device(&w->m.have, GPU)->driver[0] = '\0';
	have_device(&w->m.have, OLD)->driver[0] = '\0';
	world_observe(w);
	assert_int_equal(apply_as_planned(w, early), 4);
	assert_int_equal(apply_as_planned(w, early), 0);
	/* Let go by hand: the picture knows, the record does not. */
	have_device(&w->m.have, GPU)->driver[0] = '\0';
	have_device(&w->m.have, GPU)->vfio_node = false;
	world_observe(w);
	assert_int_equal(apply_as_planned(w, early), 1);
}

/* What a failed apply has left half done is seen by both alike. */
static void test_engine_plan_after_a_failed_apply_is_what_apply_performs(void **state)
{
	struct world *w = *state;
	static const char trusted[] = HEAD
		"divide:\n"
		"  - {use: nic, as: sriov, count: 4, vf: {trust: true}}\n"
		"classes:\n  lan: {from: nic}\n" TAIL;
	apply(w, trusted);
	machine_vfs_set(&w->m, NIC, 0, false);
	world_observe(w);
	run(w);
	uint64_t token = world_apply(w, trusted, false);
	w->n_log = 0;
	for (unsigned i = 0; i < 100 && !log_has(w, "of VF 1 of"); i++) {
		world_turn(w);
		w->now += 10;
		world_results(w);
	}
	for (size_t i = 0; i < w->m.n_steps; i++)
		w->m.steps[i].fault = FAULT_ERROR;
	run(w);
	assert_string_equal(state_of(w, token, NIC), "failed");
	assert_int_equal(apply_as_planned(w, trusted), 3);
	assert_int_equal(apply_as_planned(w, trusted), 0);
}

/* However the policy names it, what is pinned is the card that was there when it was applied. */
static void another_card_is_left_alone(struct world *w, const char *policy)
{
	apply(w, policy);
	have_device(&w->m.have, NIC)->device ^= 1;
	world_observe(w);
	run(w);
	unsigned writes = w->m.n_made;
	uint64_t token = world_alloc(w, 1000, "lan", "", CLAIM_RUNNING, 0, NULL);
	run(w);
	assert_non_null(strstr(refused(w, token, "guard.mismatch")->because, "and was"));
	assert_int_equal(w->m.n_made, writes);
	/* The administrator says that it is right so. */
	apply(w, policy);
	claim_ok(w, 1000, "lan", "new");
}

static void another_card_by(struct world *w, const char *key, const char *value)
{
	char policy[1024];
	assert_int_equal(
		STR_FORMAT(policy,
			   "version: 1\ndevices:\n  nic: {match: {%s: \"%s\"}, expect: 1}\n"
			   "divide:\n  - {use: nic, as: sriov, count: 4}\n"
			   "classes:\n  lan: {from: nic}\n" TAIL,
			   key, value),
		0);
	another_card_is_left_alone(w, policy);
}

static void test_f23_engine_another_card_in_the_place_is_left_alone(void **state)
{
	another_card_is_left_alone(*state, POLICY);
}

static void test_f23_engine_another_card_at_the_address_is_left_alone(void **state)
{
	struct world *w = *state;
	another_card_by(w, "address", have_device(&w->m.have, NIC)->addr);
}

static void test_f23_engine_another_card_with_the_interface_is_left_alone(void **state)
{
	struct world *w = *state;
	another_card_by(w, "netdev", have_device(&w->m.have, NIC)->addr);
}

/* The address now belongs to another device: nothing is made of that one, the first one's slices stay. */
static void test_f23_engine_address_that_moved_to_another_device_changes_nothing(void **state)
{
	struct world *w = *state;
	char addr[PCI_ADDR_SIZE];
	memcpy(addr, have_device(&w->m.have, NIC)->addr, sizeof(addr));
	another_card_by(w, "address", addr);
	world_reboot(w);
	assert_string_not_equal(have_device(&w->m.have, NIC)->addr, addr);
	assert_int_equal(STR_COPY(have_device(&w->m.have, NVME)->addr, addr), 0);
	have_sort(&w->m.have);
	world_observe(w);
	run(w);
	assert_int_equal(have_vf_count(&w->m.have, have_device(&w->m.have, NIC)->addr), 4);
	for (size_t i = 0; i < w->m.have.n_functions; i++)
		assert_true(!w->m.have.functions[i].is_vf ||
			    str_eq(w->m.have.functions[i].pf, have_device(&w->m.have, NIC)->addr));
	claim_ok(w, 1000, "lan", "after");
}

static void test_engine_plan_says_which_claims_end(void **state)
{
	struct world *w = *state;
	apply(w, HEAD ALL_DIVIDE("4") CLASSES RESERVED TAIL);
	open_ok(w, "web01", 0);
	close_it(w, "web01");
	uint64_t plan = world_apply(w, HEAD ALL_DIVIDE("4") CLASSES TAIL, true);
	run(w);
	const json_t *report = world_answered(w, plan, ANSWER_DONE)->report;
	const json_t *ends = json_object_get(report, "ends");
	assert_int_equal(json_array_size(ends), 1);
	assert_non_null(strstr(json_string_value(json_array_get(ends, 0)), "claim web01 ends"));
	assert_true(json_array_size(json_object_get(report, "steps")) > 0);
	assert_non_null(world_claim(w, "web01"));
	assert_true(apply_as_planned(w, HEAD ALL_DIVIDE("4") CLASSES TAIL) > 0);
	assert_null(world_claim(w, "web01"));
}

static void test_engine_plan_shows_what_vanishes(void **state)
{
	struct world *w = *state;
	apply(w, POLICY);
	uint64_t plan = world_apply(w, HEAD ALL_DIVIDE("6") CLASSES TAIL, true);
	run(w);
	json_t *steps = json_object_get(world_answered(w, plan, ANSWER_DONE)->report, "steps");
	assert_int_equal(json_array_size(json_object_get(json_array_get(steps, 0), "blast")), 4);
	assert_int_equal(have_vf_count(&w->m.have, have_device(&w->m.have, NIC)->addr), 4);
}

static void test_engine_apply_failing_device_goes_back_others_go_on(void **state)
{
	struct world *w = *state;
	apply(w, POLICY);
	uint64_t token = world_apply(w, HEAD ALL_DIVIDE("6") CLASSES "on-remove: keep\n", false);
	world_turn(w);
	/* To 0 goes well, to 6 does not. */
	for (unsigned i = 0; i < 100 && !log_has(w, "VF count of 0000:10:00.0 to 6"); i++) {
		w->now += 10;
		world_results(w);
	}
	for (size_t i = 0; i < w->m.n_steps; i++)
		w->m.steps[i].fault = FAULT_ERROR;
	run(w);
	assert_string_equal(state_of(w, token, NIC), "failed");
	assert_string_equal(state_of(w, token, GPU), "done");
	assert_int_equal(have_vf_count(&w->m.have, have_device(&w->m.have, NIC)->addr), 4);
	assert_int_equal(engine_record(w->e)->wants[0].count, 4);
	const json_t *error = json_object_get(result_of(w, token, NIC), "error");
	assert_string_equal(json_string_value(json_object_get(error, "state")),
			    "its former layout is back: 4 VFs are there now");
}

/* --- apply what was planned ----------------------------------------------------------------------- */

/* What a plan of that policy says now. */
static json_t *plan_of(struct world *w, const char *text)
{
	uint64_t token = world_apply(w, text, true);
	world_turn(w);
	return json_incref(world_answered(w, token, ANSWER_DONE)->report);
}

static uint64_t apply_planned(struct world *w, const char *text, const json_t *plan)
{
	uint64_t token = world_request_apply(w, text, &(struct apply_request){ .planned = plan });
	run(w);
	return token;
}

/* Refused, with the difference, and nothing is done. */
static void changed(struct world *w, const char *text, const json_t *plan, const char *why)
{
	uint64_t sent = w->sent, version = engine_record(w->e)->policy.version;
	const struct world_answer *a = refused(w, apply_planned(w, text, plan), "apply.changed");
	if (!strstr(a->because, why))
		fail_msg("it says: %s", a->because);
	assert_int_equal(w->sent, sent);
	assert_int_equal(engine_record(w->e)->policy.version, version);
}

static void test_engine_apply_of_a_plan_does_what_it_says(void **state)
{
	struct world *w = *state;
	json_auto_t *plan = plan_of(w, POLICY);
	uint64_t token = apply_planned(w, POLICY, plan);
	assert_string_equal(state_of(w, token, NIC), "done");
	assert_int_equal(have_vf_count(&w->m.have, have_device(&w->m.have, NIC)->addr), 4);
}

static void test_engine_apply_of_a_plan_made_for_another_policy_is_refused(void **state)
{
	struct world *w = *state;
	json_auto_t *plan = plan_of(w, POLICY);
	changed(w, HEAD ALL_DIVIDE("6") CLASSES TAIL, plan,
		"step 1 was: set the VF count of 0000:10:00.0 to 4");
	apply(w, POLICY);
	changed(w, POLICY, plan, "over version 0 of the policy, and version 1 is applied");
}

static void test_engine_apply_of_a_plan_after_a_slice_was_taken_is_refused(void **state)
{
	struct world *w = *state;
	apply(w, POLICY);
	const char *more = HEAD ALL_DIVIDE("6") CLASSES TAIL;
	json_auto_t *plan = plan_of(w, more);
	claim_ok(w, 1000, "lan", "one");
	changed(w, more, plan, "it is now: ");
}

static void test_engine_apply_of_a_plan_after_a_device_changed_is_refused(void **state)
{
	struct world *w = *state;
	json_auto_t *plan = plan_of(w, POLICY);
	assert_true(machine_vfs_set(&w->m, NIC, 4, false) >= 0);
	world_observe(w);
	changed(w, POLICY, plan, "step 1 was: set the VF count of 0000:10:00.0 to 4");
}

#define MADE_AHEAD                                                                                 \
	HEAD "divide:\n  - {use: mtty, as: mdev, layout: {mtty-1: 2}}\n"                           \
	     "  - {use: old, as: passthrough}\n"                                                   \
	     "classes:\n  tty: {from: mtty}\n  old: {from: old}\n" TAIL

static void test_engine_apply_of_a_plan_makes_up_names_anew(void **state)
{
	struct world *w = *state;
	json_auto_t *plan = plan_of(w, MADE_AHEAD);
	world_crash(w, true);
	world_turn(w);
	json_auto_t *other = plan_of(w, MADE_AHEAD);
	assert_false(json_equal(plan, other));
	uint64_t token = apply_planned(w, MADE_AHEAD, plan);
	assert_string_equal(state_of(w, token, MTTY), "done");
	assert_int_equal(w->m.n_made, 2);
}

static void test_engine_apply_of_a_plan_with_names_in_another_order_is_refused(void **state)
{
	struct world *w = *state;
	json_auto_t *plan = plan_of(w, MADE_AHEAD);
	json_t *steps = json_object_get(plan, "steps");
	assert_int_equal(json_array_size(steps), 2);
	/* The same mdev twice. */
	json_array_set(steps, 1, json_array_get(steps, 0));
	changed(w, MADE_AHEAD, plan, "step 2 was: ");
}

/* Lines of what the steps of a plan take with them. */
static char *blast_of(const json_t *plan)
{
	struct str_buf b = { 0 };
	size_t i, k;
	json_t *step, *line;
	str_buf_add(&b, "");
	json_array_foreach(json_object_get(plan, "steps"), i, step)
		json_array_foreach(json_object_get(step, "blast"), k, line)
			str_buf_addf(&b, "%s\n", json_string_value(line));
	return str_buf_take(&b);
}

static const json_t *device_in(const json_t *plan, const char *device)
{
	size_t i;
	json_t *d;
	json_array_foreach(json_object_get(plan, "devices"), i, d)
		if (str_eq(json_string_value(json_object_get(d, "device")), device))
			return d;
	fail_msg("no %s in the plan", device);
	return NULL;
}

static void test_engine_plan_tells_devices_before_and_after(void **state)
{
	struct world *w = *state;
	apply(w, MADE_AHEAD);
	json_auto_t *plan = plan_of(w, POLICY);
	json_int_t before = -1, after = -1;
	assert_int_equal(json_unpack((json_t *)device_in(plan, NIC), "{s:{s:I}, s:{s:I}}", "before",
				     "vfs", &before, "after", "vfs", &after),
			 0);
	assert_true(before == 0 && after == 4);
	const json_t *mtty = device_in(plan, MTTY);
	assert_int_equal(json_unpack((json_t *)mtty, "{s:{s:[{s:I}]}, s:{s:[]}}", "before", "mdevs",
				     "count", &before, "after", "mdevs"),
			 0);
	assert_int_equal(before, 2);
	assert_string_equal(json_string_value(json_object_get(mtty, "mechanism")), "mdev");
	/* Device by device, and nothing of those that stay as they are. */
	const char *last = "";
	size_t i, changes = 0;
	json_t *step;
	json_array_foreach(json_object_get(plan, "steps"), i, step) {
		const char *device = json_string_value(json_object_get(step, "device"));
		changes += !str_eq(device, last);
		last = device;
	}
	assert_int_equal(changes, json_array_size(json_object_get(plan, "devices")));
}

static void test_engine_plan_tells_what_vanishes(void **state)
{
	struct world *w = *state;
	apply(w, POLICY);
	json_auto_t *fewer = plan_of(w, HEAD ALL_DIVIDE("2") CLASSES TAIL);
	_cleanup_free_ char *vfs = blast_of(fewer);
	assert_non_null(strstr(vfs, "VF 0 ("));
	assert_non_null(strstr(vfs, "VF 3 ("));
	assert_null(strstr(vfs, "VF 4 ("));
	apply(w, MADE_AHEAD);
	json_auto_t *none = plan_of(w, POLICY);
	_cleanup_free_ char *mdevs = blast_of(none);
	for (size_t i = 0; i < w->m.n_made; i++)
		assert_non_null(strstr(mdevs, w->m.made[i]));
}

static void test_engine_plan_tells_whose_slice_goes(void **state)
{
	struct world *w = *state;
	apply(w, HEAD ALL_DIVIDE("4") CLASSES
	      "reservations:\n  - {name: web01, class: tty, for: \"libvirt:web01\"}\n" TAIL);
	json_auto_t *plan = plan_of(w, POLICY);
	_cleanup_free_ char *blast = blast_of(plan);
	assert_non_null(strstr(blast, "vanishes; it is taken from claim web01"));
}

static void test_engine_plan_tells_why_a_count_stays_in_one_line(void **state)
{
	struct world *w = *state;
	apply(w, POLICY);
	claim_ok(w, 1000, "lan", "one");
	json_auto_t *plan = plan_of(w, HEAD ALL_DIVIDE("6") CLASSES TAIL);
	const char *waits = json_string_value(json_array_get(json_object_get(plan, "waits"), 0));
	assert_non_null(waits);
	assert_non_null(strstr(waits, "is held by claim one; the kernel changes the count"));
}

static void test_engine_plan_tells_group_mates_that_have_to_move(void **state)
{
	struct world *w = *state;
	struct target gpu = { .device = GPU, .vf = -1 }, old = { .device = OLD, .vf = -1 };
	machine_function(&w->m, &old)->iommu_group = machine_function(&w->m, &gpu)->iommu_group;
	world_observe(w);
	json_auto_t *plan = plan_of(w,
				    HEAD "divide:\n  - {use: gpu, as: passthrough, bind: early}\n"
					 "classes:\n  gpu: {from: gpu}\n" TAIL);
	_cleanup_free_ char *blast = blast_of(plan);
	assert_non_null(strstr(blast, machine_function(&w->m, &old)->addr));
	assert_non_null(strstr(blast, "shares its IOMMU group and has to leave nouveau"));
}

static const char *warning_of(const json_t *report, const char *device)
{
	size_t i;
	json_t *w;
	json_array_foreach(json_object_get(report, "warnings"), i, w)
		if (str_eq(json_string_value(json_object_get(w, "device")), device))
			return json_string_value(
				json_object_get(json_object_get(w, "error"), "because"));
	return NULL;
}

static size_t fits(struct world *w, const char *class)
{
	struct engine_fit *fits = NULL;
	size_t n, ready = 0;
	assert_int_equal(engine_fit(w->e, class, &fits, &n), 0);
	for (size_t i = 0; i < n; i++)
		ready += fits[i].ready + fits[i].more;
	free(fits);
	return ready;
}

/* What shares the group comes along, and goes back to its own driver afterwards. */
static void test_engine_companions_are_held_with_the_function_and_go_back(void **state)
{
	static const char with[] = HEAD
		"divide:\n  - {use: gpu, as: passthrough, companions: bind}\n"
		"classes:\n  gpu: {from: gpu}\n" TAIL;
	struct world *w = *state;
	struct target gpu = { .device = GPU, .vf = -1 }, old = { .device = OLD, .vf = -1 };
	machine_function(&w->m, &old)->iommu_group = machine_function(&w->m, &gpu)->iommu_group;
	machine_function(&w->m, &old)->caps.flr = true;
	world_observe(w);
	json_auto_t *plan = plan_of(w, with);
	assert_null(warning_of(plan, GPU));
	apply(w, with);
	assert_int_equal(fits(w, "gpu"), 1);
	claim_ok(w, 1000, "gpu", "one");
	assert_true(driver_is_vfio(machine_function(&w->m, &gpu)->driver));
	assert_true(driver_is_vfio(machine_function(&w->m, &old)->driver));
	assert_int_equal(fits(w, "gpu"), 0);
	(void)world_release(w, 1000, "one");
	run(w);
	assert_string_equal(machine_function(&w->m, &old)->driver, "nouveau");
	assert_int_equal(fits(w, "gpu"), 1);
}

/* No claim takes a group from the drivers of the host: all of it but one has to be bound ahead. */
static void test_engine_what_no_claim_can_have_is_told_and_does_not_fit(void **state)
{
	static const char alone[] = HEAD "divide:\n  - {use: gpu, as: passthrough}\n"
					 "classes:\n  gpu: {from: gpu}\n" TAIL;
	static const char both[] = HEAD "divide:\n  - {use: gpu, as: passthrough}\n"
					"  - {use: old, as: passthrough, bind: early}\n"
					"classes:\n  gpu: {from: gpu}\n" TAIL;
	struct world *w = *state;
	struct target gpu = { .device = GPU, .vf = -1 }, old = { .device = OLD, .vf = -1 };
	machine_function(&w->m, &old)->iommu_group = machine_function(&w->m, &gpu)->iommu_group;
	world_observe(w);
	json_auto_t *plan = plan_of(w, alone), *plan_both = plan_of(w, both);
	const char *why = warning_of(plan, GPU);
	assert_non_null(why);
	assert_non_null(strstr(why, "bound to nouveau on the host"));
	assert_null(warning_of(plan_both, GPU));
	uint64_t token = world_apply(w, alone, false);
	run(w);
	assert_non_null(warning_of(world_answered(w, token, ANSWER_DONE)->report, GPU));
	assert_int_equal(fits(w, "gpu"), 0);
	token = world_alloc(w, 1000, "gpu", "one", CLAIM_RUNNING, 0, NULL);
	run(w);
	assert_non_null(strstr(refused(w, token, "claim.none-free")->todo, "companions: bind"));
	apply(w, both);
	assert_int_equal(fits(w, "gpu"), 1);
	claim_ok(w, 1000, "gpu", "one");
}

/* A wrong address is no mistake in the policy: it may be right on another host. */
static void test_engine_names_that_match_nothing_are_told(void **state)
{
	static const char text[] = "version: 1\ndevices:\n"
				   "  nic: {match: {key: \"" NIC "\"}}\n"
				   "  gone: {match: {address: \"0000:fe:00.0\"}}\n"
				   "  spare: {match: {address: \"0000:ff:00.0\"}}\n"
				   "divide:\n"
				   "  - {use: nic, as: sriov, count: 4}\n"
				   "  - {use: gone, as: sriov, count: 4}\n" TAIL;
	struct world *w = *state;
	json_auto_t *plan = plan_of(w, text), *all = plan_of(w, POLICY);
	uint64_t token = world_apply(w, text, false);
	run(w);
	const json_t *applied = world_answered(w, token, ANSWER_DONE)->report;
	json_auto_t *gone = json_pack("[s]", "gone");
	assert_true(json_equal(json_object_get(plan, "unmatched"), gone));
	assert_true(json_equal(json_object_get(applied, "unmatched"), gone));
	assert_null(json_object_get(all, "unmatched"));
}

static void test_engine_apply_of_a_plan_for_another_card_is_refused(void **state)
{
	struct world *w = *state;
	struct target nic = { .device = NIC, .vf = -1 };
	json_auto_t *plan = plan_of(w, POLICY);
	machine_function(&w->m, &nic)->device++;
	world_observe(w);
	changed(w, POLICY, plan, NIC " is not as it was");
}

static uint64_t apply_only(struct world *w, const char *text, const char *device)
{
	uint64_t token = world_request_apply(w, text, &(struct apply_request){ .only = device });
	run(w);
	return token;
}

static void test_engine_apply_only_one_device_leaves_the_others(void **state)
{
	struct world *w = *state;
	const char *more = HEAD "divide:\n  - {use: nic, as: sriov, count: 6}\n"
				"  - {use: nvme, as: sriov, count: 4}\n" TAIL;
	apply(w, POLICY);
	claim_ok(w, 1000, "gpu", "one");
	uint64_t token = apply_only(w, more, NIC);
	assert_string_equal(state_of(w, token, NIC), "done");
	assert_string_equal(state_of(w, token, NVME), "(none)");
	assert_int_equal(have_vf_count(&w->m.have, have_device(&w->m.have, NIC)->addr), 6);
	assert_int_equal(have_vf_count(&w->m.have, have_device(&w->m.have, NVME)->addr), 2);
	assert_int_equal(engine_record(w->e)->n_wants, 5);
	assert_int_equal(world_claim(w, "one")->state, CLAIM_HELD);
	assert_string_equal(engine_record(w->e)->policy.only, NIC);
	/* A whole one takes the rest along. */
	apply(w, more);
	assert_int_equal(have_vf_count(&w->m.have, have_device(&w->m.have, NVME)->addr), 4);
	assert_string_equal(engine_record(w->e)->policy.only, "");
}

static void test_engine_apply_only_one_device_removes_nothing_elsewhere(void **state)
{
	struct world *w = *state;
	const char *kept = "drift: report\non-remove: keep\n";
	char text[2048];
	apply(w, POLICY);
	/* Left behind, since that policy keeps what it no longer wants. */
	(void)STR_FORMAT(text, "%s%s%s", HEAD, "divide:\n  - {use: nic, as: sriov, count: 4}\n",
			 kept);
	apply(w, text);
	apply_only(w, HEAD "divide:\n  - {use: nic, as: sriov, count: 4}\n" TAIL, NIC);
	assert_int_equal(have_vf_count(&w->m.have, have_device(&w->m.have, NVME)->addr), 2);
	apply(w, HEAD "divide:\n  - {use: nic, as: sriov, count: 4}\n" TAIL);
	assert_int_equal(have_vf_count(&w->m.have, have_device(&w->m.have, NVME)->addr), 0);
}

static void test_engine_apply_only_one_device_takes_its_reservations(void **state)
{
	struct world *w = *state;
	apply(w, HEAD ALL_DIVIDE("4") CLASSES RESERVED TAIL);
	assert_int_equal(world_claim(w, "web01")->state, CLAIM_HELD);
	const char *other = HEAD ALL_DIVIDE("4") CLASSES
		"reservations:\n  - {name: tty01, class: tty, for: \"manual:x\"}\n" TAIL;
	apply_only(w, other, NVME);
	assert_int_equal(world_claim(w, "web01")->state, CLAIM_HELD);
	assert_null(world_claim(w, "tty01"));
	apply_only(w, other, MTTY);
	assert_int_equal(world_claim(w, "tty01")->state, CLAIM_HELD);
	assert_int_equal(world_claim(w, "web01")->state, CLAIM_HELD);
	apply_only(w, other, NIC);
	assert_null(world_claim(w, "web01"));
}

static void test_engine_apply_only_a_device_that_is_not_named_is_refused(void **state)
{
	struct world *w = *state;
	const char *nic = HEAD "divide:\n  - {use: nic, as: sriov, count: 4}\n" TAIL;
	refused(w, apply_only(w, nic, GPU), "apply.not-named");
	assert_int_equal(engine_record(w->e)->policy.version, 0);
	uint64_t plan = world_request_apply(
		w, nic, &(struct apply_request){ .only = GPU, .plan_only = true });
	world_turn(w);
	refused(w, plan, "apply.not-named");
	/* What is no longer named is given up. */
	apply(w, POLICY);
	uint64_t token = apply_only(w, nic, NVME);
	world_answered(w, token, ANSWER_DONE);
	assert_int_equal(have_vf_count(&w->m.have, have_device(&w->m.have, NVME)->addr), 0);
	assert_int_equal(have_vf_count(&w->m.have, have_device(&w->m.have, NIC)->addr), 4);
}

static void test_engine_apply_is_recorded_with_who_and_what(void **state)
{
	struct world *w = *state;
	apply(w, POLICY);
	const struct applied_policy *p = &engine_record(w->e)->policy;
	assert_int_equal(p->version, 1);
	assert_true(p->uid == 0 && !p->by_itself && p->repeats == 0 && !p->only[0] && !p->path);
	world_request_apply(
		w, POLICY,
		&(struct apply_request){ .path = "/etc/carve/a.yaml", .repeats = 1, .only = NIC });
	run(w);
	p = &engine_record(w->e)->policy;
	assert_int_equal(p->version, 2);
	assert_int_equal(p->repeats, 1);
	assert_string_equal(p->path, "/etc/carve/a.yaml");
	assert_string_equal(p->only, NIC);
	world_crash(w, false);
	assert_int_equal(engine_record(w->e)->policy.repeats, 1);
}

static void test_engine_apply_with_a_full_disk_is_no_version(void **state)
{
	struct world *w = *state;
	apply(w, POLICY);
	w->disk_full = true;
	uint64_t token = world_request_apply(w, POLICY, &(struct apply_request){ .repeats = 1 });
	world_turn(w);
	refused(w, token, "ledger.full");
	assert_int_equal(engine_record(w->e)->policy.version, 1);
	assert_int_equal(engine_record(w->e)->policy.repeats, 0);
	w->disk_full = false;
}

static void test_engine_apply_needs_manage(void **state)
{
	struct world *w = *state;
	struct requester who = { .uid = 1000, .claim = true };
	_cleanup_err_ struct err err = { 0 };
	struct policy *p = policy_parse(POLICY, strlen(POLICY), "p.yaml", &err);
	assert_non_null(p);
	engine_request_apply(w->e, ++w->token, &who,
			     &(struct apply_request){ .policy = p, .text = POLICY });
	run(w);
	refused(w, w->token, "apply.denied");
	engine_request_quarantine_clear(w->e, ++w->token, &who, NIC, "x");
	run(w);
	refused(w, w->token, "engine.denied");
	struct requester root = { .manage = true };
	engine_request_quarantine_clear(w->e, ++w->token, &root, "nothing", "x");
	run(w);
	refused(w, w->token, "quarantine.none");
}

/* What is held already stays; nothing more is given away, until the policy takes the risk by name. */
static void test_engine_groups_that_were_split_by_order_are_not_believed(void **state)
{
	struct world *w = *state;
	apply(w, POLICY);
	claim_ok(w, 1000, "lan", "one");
	w->acs_override = true;
	world_start(w, true);
	world_observe(w);
	run(w);
	assert_int_equal(world_claim(w, "one")->state, CLAIM_HELD);
	assert_false(engine_unsafe_acs_override(w->e));
	uint64_t token = world_alloc(w, 1000, "lan", "two", CLAIM_RUNNING, 0, NULL);
	run(w);
	const struct world_answer *a = refused(w, token, "claim.none-free");
	assert_non_null(strstr(a->because, "pcie_acs_override"));
	apply(w, POLICY "unsafe: [acs-override]\n");
	assert_true(engine_unsafe_acs_override(w->e));
	claim_ok(w, 1000, "lan", "two");
}

static void test_engine_restore_gives_nothing_away_when_groups_were_split(void **state)
{
	struct world *w = *state;
	struct requester root = { .manage = true };
	assert_true(apply(w, HEAD ALL_DIVIDE("4") CLASSES RESERVED TAIL));
	w->acs_override = true;
	world_reboot(w);
	world_observe(w);
	engine_request_restore(w->e, ++w->token, &root);
	uint64_t token = w->token;
	run(w);
	const char *waits = json_string_value(json_object_get(result_of(w, token, NIC), "waits"));
	assert_non_null(waits);
	assert_non_null(strstr(waits, "pcie_acs_override"));
	assert_int_equal(world_claim(w, "web01")->state, CLAIM_PREPARING);
}

static void test_engine_apply_on_a_stuck_device_is_refused(void **state)
{
	struct world *w = *state;
	apply(w, POLICY);
	engine_device_stuck(w->e, NIC, "a write that does not return");
	uint64_t token = world_apply(w, HEAD ALL_DIVIDE("6") CLASSES TAIL, false);
	world_turn(w);
	run(w);
	const json_t *error = json_object_get(result_of(w, token, NIC), "error");
	assert_string_equal(json_string_value(json_object_get(error, "id")), "apply.stuck");
}

static void test_engine_apply_whose_device_gets_stuck_waits_until_a_reboot(void **state)
{
	struct world *w = *state;
	apply(w, POLICY);
	uint64_t token = world_apply(w, HEAD ALL_DIVIDE("6") CLASSES TAIL, false);
	world_turn(w);
	engine_device_stuck(w->e, NIC, "a write that does not return");
	run(w);
	assert_string_equal(until_of(w, token, NIC), "reboot");
}

static void test_engine_reservation_of_another_name_is_not_taken_over(void **state)
{
	struct world *w = *state;
	apply(w, POLICY);
	claim_ok(w, 1000, "lan", "web01");
	uint64_t token = world_apply(w, HEAD ALL_DIVIDE("4") CLASSES RESERVED TAIL, false);
	run(w);
	const json_t *error = json_object_get(result_of(w, token, "reservation:web01"), "error");
	assert_string_equal(json_string_value(json_object_get(error, "id")), "apply.reservation");
	assert_int_equal(world_claim(w, "web01")->uid, 1000);
}

static void test_engine_mechanism_that_is_not_there_is_named(void **state)
{
	struct world *w = *state;
	struct requester root = { .manage = true };
	struct want want = { .device = GPU, .mech = "mig" };
	struct policy *p = policy_parse(POLICY, strlen(POLICY), "p.yaml", NULL);
	assert_non_null(p);
	engine_request_apply(w->e, ++w->token, &root,
			     &(struct apply_request){
				     .policy = p, .text = POLICY, .wants = &want, .n_wants = 1 });
	run(w);
	const json_t *error = json_object_get(result_of(w, w->token, GPU), "error");
	assert_string_equal(json_string_value(json_object_get(error, "id")), "engine.no-mechanism");
}

static void test_engine_before_the_first_look_nothing_is_applied(void **state)
{
	struct world *w = *state;
	struct requester root = { .manage = true };
	engine_have_changed(w->e, NULL);
	struct policy *p = policy_parse(POLICY, strlen(POLICY), "p.yaml", NULL);
	engine_request_apply(w->e, ++w->token, &root,
			     &(struct apply_request){ .policy = p, .text = POLICY });
	world_turn(w);
	refused(w, w->token, "engine.not-observed");
}

static void test_engine_load_boot_id_too_long_is_refused(void **state)
{
	struct world *w = *state;
	struct record rec = { 0 };
	_cleanup_err_ struct err e = { 0 };
	assert_int_equal(engine_load(w->e, &rec, "0123456789012345678901234567890123456789", &e),
			 -EINVAL);
	assert_string_equal(e.id, "engine.boot-id");
}

/* Wherever memory runs out: refused with reason and nothing changed, or done. */
static void test_engine_turn_without_memory_changes_nothing(void **state)
{
	struct world *w = *state;
	bool seen = false;
	apply(w, POLICY);
	for (unsigned long nth = 1; nth < 400; nth++) {
		size_t claims = engine_record(w->e)->n_claims;
		uint64_t token = world_alloc(w, 0, "tty", "", CLAIM_RUNNING, 0, NULL);
		struct turn t = { 0 };
		engine_now(w->e, w->now += 70000, 0);
		alloc_fail_at(nth);
		int r = engine_turn(w->e, &t);
		bool failed = alloc_fail_done();
		if (!failed) {
			engine_turn_committed(w->e);
			turn_done(&t);
			break;
		}
		for (size_t i = 0; r >= 0 && i < t.n_answers; i++)
			seen = seen ||
			       (t.answers[i].request == token && err_is_set(&t.answers[i].err) &&
				str_eq(t.answers[i].err.id, "engine.memory"));
		if (r < 0) {
			turn_done(&t);
			struct err why = { 0 };
			err_set(&why, "engine.memory", ENOMEM, "out of memory");
			engine_turn_failed(w->e, &why, &t);
			err_done(&why);
		} else if (t.changes.n) {
			/* Refuse the commit: the next round starts from the same record. */
			struct err why = { 0 };
			turn_done(&t);
			err_set(&why, "ledger.full", ENOSPC, "no");
			engine_turn_failed(w->e, &why, &t);
			err_done(&why);
		} else {
			engine_turn_committed(w->e);
		}
		turn_done(&t);
		assert_int_equal(engine_record(w->e)->n_claims, claims);
	}
	assert_true(seen);
}

/* --- reservations, restart, reboot ------------------------------------------------------------------ */

static void test_f40_engine_reservation_stays_while_the_vm_is_off(void **state)
{
	struct world *w = *state;
	assert_true(apply(w, HEAD ALL_DIVIDE("4") CLASSES RESERVED TAIL));
	uint64_t slice = world_claim(w, "web01")->slice;
	open_ok(w, "web01", 0);
	close_it(w, "web01");
	engine_consumer_gone(w->e, "web01");
	run(w);
	assert_int_equal(world_claim(w, "web01")->state, CLAIM_HELD);
	assert_int_equal(world_claim(w, "web01")->slice, slice);
	for (unsigned i = 0; i < 3; i++)
		world_alloc(w, 1000, "lan", "", CLAIM_RUNNING, 0, NULL);
	uint64_t fourth = world_alloc(w, 1000, "lan", "", CLAIM_RUNNING, 0, NULL);
	run(w);
	refused(w, fourth, "claim.none-free");
}

static void test_f03_f04_f25_engine_reboot_brings_the_same_slices_back(void **state)
{
	struct world *w = *state;
	struct requester root = { .manage = true };
	assert_true(apply(w, HEAD ALL_DIVIDE("4") CLASSES RESERVED TAIL));
	claim_ok(w, 1000, "lan", "stays");
	claim_ok(w, 1000, "tty", "mdev");
	uint64_t tied = world_alloc(w, 1000, "lan", "tied", CLAIM_RUNNING, 77, NULL);
	run(w);
	world_answered(w, tied, ANSWER_DONE);
	uint64_t lan = world_claim(w, "stays")->slice, reserved = world_claim(w, "web01")->slice;
	struct target before = target_of(w, "mdev");
	char addr[PCI_ADDR_SIZE];
	(void)STR_COPY(addr, have_device(&w->m.have, NIC)->addr);
	world_reboot(w);
	engine_request_restore(w->e, ++w->token, &root);
	uint64_t token = w->token;
	run(w);
	assert_true(json_is_true(
		json_object_get(world_answered(w, token, ANSWER_DONE)->report, "complete")));
	assert_string_not_equal(have_device(&w->m.have, NIC)->addr, addr);
	assert_int_equal(world_claim(w, "stays")->slice, lan);
	assert_int_equal(world_claim(w, "stays")->state, CLAIM_HELD);
	assert_int_equal(world_claim(w, "web01")->slice, reserved);
	assert_int_equal(world_claim(w, "web01")->state, CLAIM_HELD);
	assert_null(world_claim(w, "tied"));
	struct target after = target_of(w, "mdev");
	assert_true(target_eq(&before, &after));
	assert_non_null(have_mdev(&w->m.have, after.uuid));
	assert_int_equal(have_vf_count(&w->m.have, have_device(&w->m.have, NIC)->addr), 4);
}

static void test_f25_engine_restore_names_what_it_waits_for(void **state)
{
	struct world *w = *state;
	struct requester root = { .manage = true };
	apply(w, POLICY);
	/* The device comes late: its driver is in no initramfs, say. */
	struct function nic = *have_device(&w->m.have, NIC);
	world_reboot(w);
	char addr[PCI_ADDR_SIZE];
	(void)STR_COPY(addr, have_device(&w->m.have, NIC)->addr);
	have_remove_function(&w->m.have, addr);
	world_observe(w);
	engine_request_restore(w->e, ++w->token, &root);
	uint64_t token = w->token;
	run(w);
	assert_string_equal(state_of(w, token, NIC), "waits");
	assert_string_equal(until_of(w, token, NIC), "present");
	assert_string_equal(state_of(w, token, NVME), "done");
	struct function *f = have_add_function(&w->m.have);
	*f = nic;
	have_sort(&w->m.have);
	world_observe(w);
	run(w);
	assert_int_equal(have_vf_count(&w->m.have, nic.addr), 4);
}

static void test_engine_restart_in_the_middle_of_apply_converges(void **state)
{
	struct world *w = *state;
	for (unsigned round = 0; round < 12; round++) {
		world_apply(w, round % 2 ? HEAD ALL_DIVIDE("2") CLASSES TAIL : POLICY, false);
		world_turn(w);
		for (unsigned i = 0; i < round; i++) {
			w->now += 20;
			world_results(w);
		}
		world_crash(w, false);
		run(w);
		world_observe(w);
		run(w);
		unsigned count = have_vf_count(&w->m.have, have_device(&w->m.have, NIC)->addr);
		assert_int_equal(count, round % 2 ? 2 : 4);
	}
}

/* --- steps that do not end well ----------------------------------------------------------------------- */

static void test_f10_engine_timeout_quarantines_and_others_go_on(void **state)
{
	struct world *w = *state;
	apply(w, POLICY);
	w->fault_percent = 0;
	uint64_t token = world_alloc(w, 1000, "gpu", "one", CLAIM_RUNNING, 0, NULL);
	world_turn(w);
	w->m.steps[0].fault = FAULT_TIMEOUT;
	w->m.steps[0].ends_at = w->now + 60000;
	claim_ok(w, 1000, "lan", "two");
	assert_string_equal(refused(w, token, "executor.timeout")->id, "executor.timeout");
	uint64_t again = world_alloc(w, 1000, "gpu", "", CLAIM_RUNNING, 0, NULL);
	uint64_t before = w->sent;
	world_run(w, 30000);
	refused(w, again, "claim.none-free");
	assert_int_equal(w->sent, before);
	world_run(w, 60000);
	world_well(w);
	claim_ok(w, 1000, "gpu", "three");
}

static void say_nothing(const struct have *h, const struct step *s, const struct step_result *r,
			const struct holder *holders, size_t n_holders, struct err *reterr)
{
	(void)h, (void)s, (void)r, (void)holders, (void)n_holders, (void)reterr;
}

static void test_engine_failure_nobody_explains_is_still_told(void **state)
{
	struct world *w = *state;
	struct mech silent = *world_mechs[2];
	silent.diagnose = say_nothing;
	const struct mech *const mechs[] = { world_mechs[0], world_mechs[1], &silent, NULL };
	w->mechs = mechs;
	world_crash(w, true);
	apply(w, POLICY);
	uint64_t token = world_alloc(w, 1000, "tty", "one", CLAIM_RUNNING, 0, NULL);
	world_turn(w);
	w->m.steps[0].fault = FAULT_ERROR;
	run(w);
	refused(w, token, "step.failed");
}

/* The next step to bind that VF fails. */
static void bind_fails(struct world *w, int vf)
{
	for (unsigned i = 0; i < 500; i++) {
		for (size_t k = 0; k < w->m.n_steps; k++) {
			struct machine_step *s = &w->m.steps[k];
			if (s->step.verb != VERB_BIND || s->step.target.vf != vf)
				continue;
			s->fault = FAULT_ERROR;
			return;
		}
		w->now += 10;
		world_results(w);
	}
	fail_msg("VF %d is not bound", vf);
}

static const struct slice *vf_slice(const struct world *w, int vf)
{
	const struct record *r = engine_record(w->e);
	for (size_t i = 0; i < r->n_slices; i++)
		if (str_eq(r->slices[i].device, NIC) && r->slices[i].index == vf)
			return &r->slices[i];
	return NULL;
}

static int vf_of(struct world *w, const char *claim)
{
	return target_of(w, claim).vf;
}

static void test_engine_claim_whose_slice_does_not_bind_gets_another(void **state)
{
	struct world *w = *state;
	apply(w, POLICY);
	uint64_t token = world_alloc(w, 1000, "lan", "one", CLAIM_RUNNING, 0, NULL);
	world_turn(w);
	bind_fails(w, 0);
	run(w);
	world_answered(w, token, ANSWER_DONE);
	assert_int_equal(vf_of(w, "one"), 1);
	assert_int_equal(vf_slice(w, 0)->state, SLICE_READY);
	assert_non_null(strstr(vf_slice(w, 0)->reason, "its last claim failed: cannot bind VF 0"));
	/* The last to be taken, also after a restart; and then it is one like any other. */
	world_crash(w, true);
	claim_ok(w, 1000, "lan", "two");
	claim_ok(w, 1000, "lan", "three");
	assert_int_not_equal(vf_of(w, "two"), 0);
	assert_int_not_equal(vf_of(w, "three"), 0);
	claim_ok(w, 1000, "lan", "four");
	assert_int_equal(vf_of(w, "four"), 0);
	world_release(w, 1000, "four");
	run(w);
	assert_string_equal(vf_slice(w, 0)->reason, "");
}

static void test_engine_claim_fails_when_one_slice_after_the_other_does_not_bind(void **state)
{
	struct world *w = *state;
	apply(w, POLICY);
	uint64_t token = world_alloc(w, 1000, "lan", "one", CLAIM_RUNNING, 0, NULL);
	world_turn(w);
	for (int vf = 0; vf < ENGINE_TRIES; vf++)
		bind_fails(w, vf);
	run(w);
	refused(w, token, "vfio.bind.failed");
	assert_null(world_claim(w, "one"));
	claim_ok(w, 1000, "lan", "two");
	assert_int_equal(vf_of(w, "two"), 3);
	/* Who applies wants everything tried again. */
	apply(w, POLICY);
	assert_string_equal(vf_slice(w, 0)->reason, "");
}

/* A refusal costs nothing: the good one may be the last. */
static void test_engine_claim_asks_for_all_slices_that_are_refused(void **state)
{
	struct world *w = *state;
	apply(w, POLICY);
	uint64_t token = world_alloc(w, 1000, "lan", "one", CLAIM_RUNNING, 0, NULL);
	world_turn(w);
	for (int vf = 0; vf < 3; vf++) {
		bind_fails(w, vf);
		struct step_result r = { .id = w->m.steps[0].step.id, .status = STEP_REFUSED };
		(void)STR_COPY(r.reason, "never-touch");
		assert_int_equal(w->m.n_steps, 1);
		w->m.n_steps = 0;
		(void)engine_step_result(w->e, &r, NULL, 0);
		world_turn(w);
	}
	run(w);
	world_answered(w, token, ANSWER_DONE);
	assert_int_equal(vf_of(w, "one"), 3);
}

/* Finished, and held back for others to share the commit; then it is not there any more. */
static void test_f35_engine_claim_whose_vf_vanishes_before_it_is_granted_waits(void **state)
{
	struct world *w = *state;
	apply(w, HEAD ALL_DIVIDE("4") CLASSES "drift: repair\n");
	world_alloc(w, 1000, "gpu", "slow", CLAIM_RUNNING, 0, NULL);
	world_turn(w);
	w->m.steps[0].ends_at = w->now + 5000;
	w->m.steps[0].timeout_at = w->now + 10000;
	/* Root needs no node: binding it is all. */
	uint64_t token = world_alloc(w, 0, "lan", "one", CLAIM_RUNNING, 0, NULL);
	world_turn(w);
	for (unsigned i = 0; i < 100 && w->m.n_steps > 1; i++) {
		w->now += 10;
		world_results(w);
	}
	assert_int_equal(world_claim(w, "one")->state, CLAIM_PREPARING);
	assert_true(machine_vfs_set(&w->m, NIC, 0, false) >= 0);
	world_observe(w);
	run(w);
	world_answered(w, token, ANSWER_DONE);
	assert_int_equal(world_claim(w, "one")->state, CLAIM_HELD);
}

static void test_engine_release_overtakes_the_claim(void **state)
{
	struct world *w = *state;
	apply(w, POLICY);
	uint64_t token = world_alloc(w, 1000, "gpu", "one", CLAIM_RUNNING, 0, NULL);
	world_turn(w);
	uint64_t release = world_release(w, 1000, "one");
	run(w);
	refused(w, token, "claim.ended");
	world_answered(w, release, ANSWER_DONE);
	assert_string_equal(have_device(&w->m.have, GPU)->driver, "nouveau");
}

static void test_f13_engine_failing_removal_keeps_the_record(void **state)
{
	struct world *w = *state;
	apply(w, POLICY);
	claim_ok(w, 1000, "tty", "one");
	uint64_t slice = world_claim(w, "one")->slice;
	world_release(w, 1000, "one");
	w->fault_percent = 0;
	for (unsigned i = 0; i < 100 && !log_has(w, "remove mdev"); i++) {
		w->now += 10;
		world_results(w);
	}
	for (size_t i = 0; i < w->m.n_steps; i++)
		w->m.steps[i].fault = FAULT_ERROR;
	run(w);
	assert_int_equal(w->m.n_made, 1);
	assert_int_equal(world_slice(w, slice)->state, SLICE_QUARANTINED);
	struct requester root = { .manage = true };
	engine_request_reclaim_retry(w->e, ++w->token, &root, "");
	run(w);
	assert_int_equal(w->m.n_made, 0);
	assert_null(world_slice(w, slice));
}

static void test_f21_f22_engine_success_that_nobody_sees_is_a_failure(void **state)
{
	struct world *w = *state;
	apply(w, POLICY);
	uint64_t token = world_alloc(w, 1000, "tty", "one", CLAIM_RUNNING, 0, NULL);
	world_turn(w);
	/* The executor says done; the machine shows nothing. */
	struct step_result r = { .id = w->m.steps[0].step.id, .status = STEP_DONE };
	w->m.n_steps = 0;
	(void)engine_step_result(w->e, &r, NULL, 0);
	run(w);
	refused(w, token, "engine.no-effect");
	assert_null(world_claim(w, "one"));
}

static void test_engine_executor_lost_is_observed_before_anything_goes_on(void **state)
{
	struct world *w = *state;
	apply(w, POLICY);
	uint64_t token = world_alloc(w, 1000, "tty", "one", CLAIM_RUNNING, 0, NULL);
	world_turn(w);
	engine_executor_lost(w->e);
	world_turn(w);
	/* The old worker still comes to its end; a second mdev must not come of it. */
	run(w);
	world_answered(w, token, ANSWER_DONE);
	assert_int_equal(w->m.n_made, 1);
	assert_true(log_has(w, "(check)"));
}

static void test_engine_device_found_stuck_is_asked_until_it_moves(void **state)
{
	struct world *w = *state;
	apply(w, POLICY);
	engine_device_stuck(w->e, GPU, "step 7 has not returned");
	uint64_t token = world_alloc(w, 1000, "gpu", "", CLAIM_RUNNING, 0, NULL);
	world_turn(w);
	refused(w, token, "claim.none-free");
	assert_true(log_has(w, "(check)"));
	/* The executor says once more that it is stuck, then that it is not. */
	struct step_result r = { .id = w->m.steps[0].step.id, .status = STEP_STUCK };
	w->m.n_steps = 0;
	(void)engine_step_result(w->e, &r, NULL, 0);
	run(w);
	claim_ok(w, 1000, "gpu", "one");
}

/* It moved before it was asked again: what it waited for is over, and not told for ever. */
static void test_engine_device_that_moves_before_it_is_asked_waits_no_more(void **state)
{
	struct world *w = *state;
	apply(w, POLICY);
	engine_device_stuck(w->e, GPU, "step 7 has not returned");
	world_turn(w);
	struct step_result r = { .id = w->m.steps[0].step.id, .status = STEP_STUCK };
	w->m.n_steps = 0;
	(void)engine_step_result(w->e, &r, NULL, 0);
	world_turn(w);
	engine_device_stuck(w->e, GPU, NULL);
	run(w);
	uint64_t token = world_apply(w, POLICY, false);
	run(w);
	assert_null(json_object_get(result_of(w, token, GPU), "waits"));
}

static void test_f35_engine_vfs_are_believed_when_seen(void **state)
{
	struct world *w = *state;
	apply(w, POLICY);
	claim_ok(w, 1000, "disk", "one");
	/* nvme leaves its VFs when the driver of the PF goes: nothing is lost by that. */
	(void)STR_COPY(have_device(&w->m.have, NVME)->driver, "");
	world_observe(w);
	run(w);
	assert_int_equal(world_claim(w, "one")->state, CLAIM_HELD);
	/* igb turns them off: then they are gone. */
	claim_ok(w, 1000, "lan", "two");
	machine_vfs_set(&w->m, NIC, 0, false);
	world_observe(w);
	run(w);
	assert_int_equal(world_claim(w, "two")->state, CLAIM_BROKEN);
	uint64_t before = w->sent;
	world_run(w, 100000);
	assert_int_equal(w->sent, before);
	world_release(w, 1000, "two");
	run(w);
	assert_null(world_claim(w, "two"));
}

static void test_engine_drift_is_repaired_only_when_the_policy_says(void **state)
{
	struct world *w = *state;
	apply(w, POLICY);
	machine_vfs_set(&w->m, NIC, 0, false);
	world_observe(w);
	run(w);
	assert_int_equal(have_vf_count(&w->m.have, have_device(&w->m.have, NIC)->addr), 0);
	apply(w, HEAD ALL_DIVIDE("4") CLASSES "drift: repair\n");
	assert_int_equal(have_vf_count(&w->m.have, have_device(&w->m.have, NIC)->addr), 4);
	machine_vfs_set(&w->m, NIC, 0, false);
	world_observe(w);
	run(w);
	assert_int_equal(have_vf_count(&w->m.have, have_device(&w->m.have, NIC)->addr), 4);
}

static void test_engine_commit_fails_changes_nothing_and_recovers(void **state)
{
	struct world *w = *state;
	apply(w, POLICY);
	w->disk_full = true;
	uint64_t before = w->sent,
		 token = world_alloc(w, 1000, "lan", "one", CLAIM_RUNNING, 0, NULL);
	run(w);
	refused(w, token, "ledger.full");
	assert_int_equal(w->sent, before);
	assert_null(world_claim(w, "one"));
	w->disk_full = false;
	claim_ok(w, 1000, "lan", "one");
	/* In the middle of a claim: it waits, is told, and goes on by itself. */
	token = world_alloc(w, 1000, "lan", "two", CLAIM_RUNNING, 0, NULL);
	world_turn(w);
	w->disk_full = true;
	world_run(w, 5000);
	assert_true(world_answered(w, token, ANSWER_PENDING)->progress > 0);
	w->disk_full = false;
	world_run(w, 120000);
	world_answered(w, token, ANSWER_DONE);
	world_well(w);
}

static void test_engine_devices_are_worked_on_in_parallel(void **state)
{
	struct world *w = *state;
	struct str_buf b = { 0 };
	str_buf_add(
		&b,
		"version: 1\ndevices:\n  many: {match: {path: \"pci:0000:20\"}}\n"
		"divide:\n  - {use: many, as: passthrough, bind: early}\nclasses:\n  many: {from: many}\n");
	for (unsigned i = 0; i < 64; i++) {
		char key[DEVICE_KEY_SIZE];
		(void)STR_FORMAT(key, "pci:0000:20/%02x.0/00.0", i);
		machine_add_function(&w->m, key, 0x030000, "nouveau", true, true);
	}
	have_sort(&w->m.have);
	world_observe(w);
	_cleanup_free_ char *text = str_buf_take(&b);
	w->quiet = true;
	apply(w, text);
	for (unsigned i = 0; i < 64; i++)
		world_alloc(w, 1000, "many", "", CLAIM_RUNNING, 0, NULL);
	run(w);
	assert_int_equal(engine_record(w->e)->n_claims, 64);
	w->quiet = false;
	w->step_ms = 1;
	int64_t begun = w->now;
	for (unsigned i = 0; i < 64; i++) {
		char name[NAME_SIZE];
		(void)STR_FORMAT(name, "many-%u", i + 1);
		world_release(w, 1000, name);
	}
	/* Each reset takes a second. */
	while (engine_record(w->e)->n_claims && w->now < begun + 5000 && !w->failure[0]) {
		while (world_turn(w) > 0)
			;
		for (size_t i = 0; i < w->m.n_steps; i++)
			if (w->m.steps[i].step.verb == VERB_RESET &&
			    w->m.steps[i].ends_at < w->now + 500 && !w->m.steps[i].told) {
				w->m.steps[i].ends_at = w->now + 1000;
				w->m.steps[i].told = true;
			}
		int64_t next = machine_wake(&w->m);
		w->now = next > w->now ? next : w->now + 1;
		world_results(w);
	}
	world_well(w);
	assert_int_equal(engine_record(w->e)->n_claims, 0);
	assert_in_range(w->now - begun, 1000, 1100);
}

static void add_done(struct world *w, const char *device)
{
	struct done_step *d = state_done_add(w->e);
	assert_non_null(d);
	*d = (struct done_step){ .step.verb = VERB_SET_VFS, .step.target.vf = -1, .at = w->now };
	(void)STR_COPY(d->step.target.device, device);
}

static unsigned dones(struct world *w, const char *device)
{
	unsigned n = 0;
	for (size_t i = 0; i < w->e->state.n_dones; i++)
		n += str_eq(w->e->state.dones[i].step.target.device, device);
	return n;
}

/* What was done there is in nobody's way any more; what was done elsewhere is still to be seen. */
static void test_engine_what_one_device_forgets_another_keeps(void **state)
{
	struct world *w = *state;
	w->step_ms = 60000;
	(void)world_apply(w, POLICY, false);
	assert_true(world_turn(w) > 0);
	add_done(w, NIC);
	add_done(w, OLD);
	add_done(w, NIC);
	world_turn(w);
	assert_int_equal(dones(w, OLD), 0);
	assert_int_equal(dones(w, NIC), 2);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, world_teardown)
	const struct CMUnitTest tests[] = {
		T(test_engine_claim_alone_makes_two_synced_commits),
		T(test_engine_claims_together_share_synced_commits),
		T(test_engine_claims_together_on_slow_devices_share_synced_commits),
		T(test_engine_claims_that_never_end_hold_nobody_back_for_long),
		T(test_engine_who_comes_again_and_again_keeps_nobody_waiting),
		T(test_f16_engine_shared_capacity_is_promised_once),
		T(test_engine_alloc_mistakes_are_refused_with_reason),
		T(test_engine_alloc_too_many_is_refused),
		T(test_engine_claim_settings_are_made_and_put_back),
		T(test_engine_alloc_cancelled_is_undone),
		T(test_f01_engine_step_fails_after_bind_gives_the_driver_back),
		T(test_f01_engine_killed_after_bind_gives_the_driver_back),
		T(test_f20_engine_release_waits_until_the_consumer_is_gone),
		T(test_engine_release_now_names_who_holds_it_and_goes_on),
		T(test_engine_release_now_of_what_nobody_holds_is_done),
		T(test_engine_release_now_on_a_stuck_device_says_so),
		T(test_engine_release_now_behind_an_earlier_step_says_so),
		T(test_engine_release_now_of_what_cannot_be_taken_back_says_so),
		T(test_engine_claim_says_that_its_device_is_gone),
		T(test_engine_broken_claim_says_that_its_device_is_gone),
		T(test_f42_engine_early_signal_frees_nothing),
		T(test_f32_engine_stale_release_touches_nobody),
		T(test_f22_engine_apply_waits_until_what_came_back_is_reclaimed),
		T(test_engine_device_that_came_back_as_wanted_is_done),
		T(test_engine_release_by_another_is_refused),
		T(test_f28_engine_without_proof_is_quarantined),
		T(test_f28_engine_after_use_same_tenant_stays_although_it_is_proven),
		T(test_f28_engine_after_use_same_tenant_needs_no_proof),
		T(test_f28_engine_after_use_prove_takes_a_soft_reset_for_a_proof),
		T(test_f28_engine_after_use_quarantine_waits_for_an_administrator),
		T(test_f28_engine_after_use_ends_with_the_policy_that_says_it),
		T(test_f28_engine_storage_stays_with_its_tenant),
		T(test_engine_apply_makes_the_machine_as_wanted),
		T(test_f05_engine_vf_count_under_a_claim_is_refused_and_named),
		T(test_f05_engine_other_mechanism_under_a_beginning_claim_is_refused),
		T(test_f05_engine_other_mechanism_under_a_claim_is_refused),
		T(test_f15_engine_reservation_that_ends_is_not_in_the_way),
		T(test_f15_engine_reservation_that_ends_in_use_is_waited_for),
		T(test_f14_engine_foreign_vfs_are_not_destroyed),
		T(test_f14_f31_engine_foreign_mdev_is_an_ordinary_observation),
		T(test_f15_engine_policies_there_and_back_converge),
		T(test_engine_plan_names_the_steps_that_apply_performs),
		T(test_engine_plan_of_devices_without_a_driver_is_what_apply_performs),
		T(test_engine_plan_after_a_failed_apply_is_what_apply_performs),
		T(test_f23_engine_another_card_in_the_place_is_left_alone),
		T(test_f23_engine_another_card_at_the_address_is_left_alone),
		T(test_f23_engine_another_card_with_the_interface_is_left_alone),
		T(test_f23_engine_address_that_moved_to_another_device_changes_nothing),
		T(test_engine_plan_says_which_claims_end),
		T(test_engine_plan_shows_what_vanishes),
		T(test_engine_apply_failing_device_goes_back_others_go_on),
		T(test_engine_apply_of_a_plan_does_what_it_says),
		T(test_engine_apply_of_a_plan_made_for_another_policy_is_refused),
		T(test_engine_apply_of_a_plan_after_a_slice_was_taken_is_refused),
		T(test_engine_apply_of_a_plan_after_a_device_changed_is_refused),
		T(test_engine_apply_of_a_plan_makes_up_names_anew),
		T(test_engine_apply_of_a_plan_with_names_in_another_order_is_refused),
		T(test_engine_plan_tells_devices_before_and_after),
		T(test_engine_plan_tells_what_vanishes),
		T(test_engine_plan_tells_whose_slice_goes),
		T(test_engine_plan_tells_why_a_count_stays_in_one_line),
		T(test_engine_plan_tells_group_mates_that_have_to_move),
		T(test_engine_companions_are_held_with_the_function_and_go_back),
		T(test_engine_what_no_claim_can_have_is_told_and_does_not_fit),
		T(test_engine_names_that_match_nothing_are_told),
		T(test_engine_apply_of_a_plan_for_another_card_is_refused),
		T(test_engine_apply_only_one_device_leaves_the_others),
		T(test_engine_apply_only_one_device_removes_nothing_elsewhere),
		T(test_engine_apply_only_one_device_takes_its_reservations),
		T(test_engine_apply_only_a_device_that_is_not_named_is_refused),
		T(test_engine_apply_is_recorded_with_who_and_what),
		T(test_engine_apply_with_a_full_disk_is_no_version),
		T(test_engine_apply_needs_manage),
		T(test_engine_groups_that_were_split_by_order_are_not_believed),
		T(test_engine_restore_gives_nothing_away_when_groups_were_split),
		T(test_engine_apply_on_a_stuck_device_is_refused),
		T(test_engine_apply_whose_device_gets_stuck_waits_until_a_reboot),
		T(test_engine_reservation_of_another_name_is_not_taken_over),
		T(test_engine_mechanism_that_is_not_there_is_named),
		T(test_engine_before_the_first_look_nothing_is_applied),
		T(test_engine_load_boot_id_too_long_is_refused),
		T(test_engine_turn_without_memory_changes_nothing),
		T(test_engine_failure_nobody_explains_is_still_told),
		T(test_engine_claim_whose_slice_does_not_bind_gets_another),
		T(test_engine_claim_fails_when_one_slice_after_the_other_does_not_bind),
		T(test_engine_claim_asks_for_all_slices_that_are_refused),
		T(test_f35_engine_claim_whose_vf_vanishes_before_it_is_granted_waits),
		T(test_engine_release_overtakes_the_claim),
		T(test_f40_engine_reservation_stays_while_the_vm_is_off),
		T(test_f03_f04_f25_engine_reboot_brings_the_same_slices_back),
		T(test_f25_engine_restore_names_what_it_waits_for),
		T(test_engine_restart_in_the_middle_of_apply_converges),
		T(test_f10_engine_timeout_quarantines_and_others_go_on),
		T(test_f13_engine_failing_removal_keeps_the_record),
		T(test_f21_f22_engine_success_that_nobody_sees_is_a_failure),
		T(test_engine_executor_lost_is_observed_before_anything_goes_on),
		T(test_engine_device_found_stuck_is_asked_until_it_moves),
		T(test_engine_device_that_moves_before_it_is_asked_waits_no_more),
		T(test_f35_engine_vfs_are_believed_when_seen),
		T(test_engine_drift_is_repaired_only_when_the_policy_says),
		T(test_engine_commit_fails_changes_nothing_and_recovers),
		T(test_engine_devices_are_worked_on_in_parallel),
		T(test_engine_what_one_device_forgets_another_keeps),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
