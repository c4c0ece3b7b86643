/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Claims whose consumer is gone: how long they wait for it, for whom, and what ends them. */
#include "support/test.h"

#include <stdlib.h>

#include "base/str.h"
#include "engine/fixture.h"

#define NIC "pci:0000:00/03.0/00.0"
#define MINUTE (60 * INT64_C(1000))

/* Of three VFs. */
#define POLICY_OF(lan)                                                                             \
	"version: 1\ndevices: {nic: {match: {key: \"" NIC "\"}}}\n"                                \
	"divide: [{use: nic, as: sriov, count: 3}]\n"                                              \
	"classes:\n"                                                                               \
	"  lan: {from: nic, may-set: {vlan: true}, preemptible: true" lan "}\n"                    \
	"  now: {from: nic}\n"                                                                     \
	"  pair: {parts: {now: 2}, orphan-grace: 60s}\n"                                           \
	"  both: {parts: {lan: 2}}\n"                                                              \
	"tenants:\n"                                                                               \
	"  a: {from: [\"uid:1000\", \"uid:1001\"], quota: {lan: 2}}\n"                             \
	"  b: {from: [\"uid:1002\"], priority: 10}\n"
#define POLICY POLICY_OF(", orphan-grace: 60s")

static int setup(void **state)
{
	struct world *w = calloc(1, sizeof(*w));
	world_init(w, 7);
	machine_add_pf(&w->m, NIC, 0x020000, 7, true);
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
	uint64_t token = world_apply(w, text, false);
	run(w, 2000);
	world_answered(w, token, ANSWER_DONE);
}

static struct alloc_request request(const char *name, uint32_t uid, int32_t pid)
{
	struct alloc_request rq = { .class = "lan",
				    .owner = "libvirt:web01",
				    .pid = pid,
				    .pid_start = (uint64_t)pid,
				    .grant_uid = uid,
				    .grant_gid = uid };
	(void)STR_COPY(rq.name, name);
	return rq;
}

static uint64_t ask(struct world *w, const char *name, uint32_t uid, int32_t pid)
{
	struct alloc_request rq = request(name, uid, pid);
	uint64_t token = world_ask(w, uid, &rq);
	run(w, 1000);
	return token;
}

static void hold(struct world *w, const char *name)
{
	world_answered(w, ask(w, name, 1000, 100), ANSWER_DONE);
}

static struct target target_of(struct world *w, const char *claim)
{
	return slice_target(world_slice(w, world_claim(w, claim)->slice));
}

static void open_node(struct world *w, const char *name)
{
	struct target t = target_of(w, name);
	assert_int_equal(machine_open(&w->m, &t, 1000, 100), 0);
}

static void close_node(struct world *w, const char *name)
{
	struct target t = target_of(w, name);
	machine_close(&w->m, &t);
}

static void gone(struct world *w, const char *name)
{
	engine_consumer_gone(w->e, name);
	run(w, 1000);
}

static bool is_orphaned(struct world *w, const char *name)
{
	const struct claim *c = world_claim(w, name);
	return c && claim_is_orphaned(c);
}

static bool is_held(struct world *w, const char *name)
{
	const struct claim *c = world_claim(w, name);
	return c && c->state == CLAIM_HELD && !c->orphan_end;
}

static json_int_t events(struct world *w, const char *event)
{
	return json_integer_value(json_object_get(w->events, event));
}

static void refused(struct world *w, uint64_t token, const char *because)
{
	struct world_answer *a = world_answered(w, token, ANSWER_FAILED);
	assert_string_equal(a->id, "claim.orphaned");
	if (!strstr(a->because, because))
		fail_msg("\"%s\" is not in: %s", because, a->because);
	assert_true(is_orphaned(w, "web01"));
}

/* What its class lets others do is no matter: it is its whole that waits, or does not. */
static void test_orphan_part_does_not_come_back_by_itself(void **state)
{
	struct world *w = *state;
	apply(w, POLICY);
	struct alloc_request rq = request("web01", 1000, 100);
	(void)STR_COPY(rq.class, "both");
	uint64_t token = world_ask(w, 1000, &rq);
	run(w, 1000);
	world_answered(w, token, ANSWER_DONE);
	engine_consumer_gone(w->e, "web01");
	token = ask(w, "web01/1", 1000, 200);
	assert_string_equal(world_answered(w, token, ANSWER_FAILED)->id, "claim.name");
}

/* --- how long ------------------------------------------------------------------------------------- */

static void test_orphan_ends_after_the_grace_and_not_before(void **state)
{
	struct world *w = *state;
	apply(w, POLICY);
	hold(w, "web01");
	uint64_t sent = w->sent, looks = w->looks;
	gone(w, "web01");
	assert_true(is_orphaned(w, "web01"));
	assert_int_equal(events(w, "claim.orphaned"), 1);
	run(w, 57000);
	assert_true(is_orphaned(w, "web01"));
	assert_int_equal(w->sent, sent);
	assert_in_range(w->looks - looks, 6, 12);
	run(w, 4000);
	assert_null(world_claim(w, "web01"));
	assert_int_equal(events(w, "claim.orphaned"), 1);
	assert_int_equal(events(w, "claim.released"), 1);
}

static void test_orphan_without_grace_ends_at_once(void **state)
{
	struct world *w = *state;
	apply(w, POLICY_OF(""));
	hold(w, "web01");
	gone(w, "web01");
	assert_null(world_claim(w, "web01"));
	assert_int_equal(events(w, "claim.orphaned"), 0);
}

static void test_orphan_is_released_at_once_by_hand(void **state)
{
	struct world *w = *state;
	apply(w, POLICY);
	hold(w, "web01");
	gone(w, "web01");
	uint64_t token = world_release(w, 1000, "web01");
	run(w, 1000);
	world_answered(w, token, ANSWER_DONE);
	assert_null(world_claim(w, "web01"));
}

static void test_orphan_grace_goes_on_over_a_restart_of_carved(void **state)
{
	struct world *w = *state;
	apply(w, POLICY);
	hold(w, "web01");
	gone(w, "web01");
	int64_t end = world_claim(w, "web01")->orphan_end;
	run(w, 30000);
	world_crash(w, false);
	run(w, 10000);
	assert_true(is_orphaned(w, "web01"));
	assert_int_equal(world_claim(w, "web01")->orphan_end, end);
	run(w, 20000);
	assert_null(world_claim(w, "web01"));
}

/* Whatever policy is applied meanwhile: how long it waits was said when it began to. */
static void test_orphan_goes_on_under_a_policy_without_grace(void **state)
{
	struct world *w = *state;
	apply(w, POLICY);
	hold(w, "web01");
	gone(w, "web01");
	apply(w, POLICY_OF(""));
	run(w, 50000);
	assert_true(is_orphaned(w, "web01"));
	run(w, 10000);
	assert_null(world_claim(w, "web01"));
}

static void test_orphan_counts_for_the_quota_and_lets_nobody_in(void **state)
{
	struct world *w = *state;
	apply(w, POLICY);
	hold(w, "web01");
	hold(w, "web02");
	gone(w, "web01");
	struct alloc_request rq = request("", 1000, 0);
	uint64_t token = world_ask(w, 1000, &rq);
	run(w, 1000);
	assert_string_equal(world_answered(w, token, ANSWER_FAILED)->id, "claim.quota");
	struct alloc_request other = { .class = "now", .owner = "manual:one", .wait = true };
	world_ask(w, 1002, &other);
	token = world_ask(w, 1002, &other);
	run(w, 30000);
	world_answered(w, token, ANSWER_PENDING);
	assert_true(is_orphaned(w, "web01"));
	run(w, MINUTE);
	world_answered(w, token, ANSWER_DONE);
}

static void test_orphan_makes_way_before_those_that_are_used(void **state)
{
	struct world *w = *state;
	apply(w, POLICY);
	static const char *const names[] = { "web01", "web02" };
	for (unsigned i = 0; i < 2; i++) {
		struct alloc_request rq = request(names[i], 1000, 100);
		rq.preemptible = true;
		(void)world_ask(w, 1000, &rq);
		run(w, 1000);
	}
	struct alloc_request waits = { .class = "now", .owner = "manual:one", .wait = true };
	(void)world_ask(w, 1002, &waits);
	gone(w, "web01");
	uint64_t token = world_ask(w, 1002, &waits);
	run(w, 2000);
	world_answered(w, token, ANSWER_DONE);
	assert_null(world_claim(w, "web01"));
	assert_true(is_held(w, "web02"));
}

/* --- used again ------------------------------------------------------------------------------------- */

static void test_orphan_that_is_opened_again_is_held(void **state)
{
	struct world *w = *state;
	apply(w, POLICY);
	hold(w, "web01");
	gone(w, "web01");
	open_node(w, "web01");
	run(w, 10000);
	assert_true(is_held(w, "web01"));
	assert_int_equal(events(w, "claim.returned"), 1);
	run(w, 10 * MINUTE);
	assert_true(is_held(w, "web01"));
	/* And a second time. */
	close_node(w, "web01");
	gone(w, "web01");
	assert_true(is_orphaned(w, "web01"));
	run(w, MINUTE);
	assert_null(world_claim(w, "web01"));
}

static void test_orphan_is_nobody_whose_slice_is_still_open(void **state)
{
	struct world *w = *state;
	apply(w, POLICY);
	hold(w, "web01");
	open_node(w, "web01");
	gone(w, "web01");
	run(w, MINUTE);
	assert_true(is_held(w, "web01"));
	assert_int_equal(events(w, "claim.orphaned"), 0);
}

/* --- for whom --------------------------------------------------------------------------------------- */

static void test_orphan_is_for_who_had_it_without_a_step(void **state)
{
	struct world *w = *state;
	apply(w, POLICY);
	hold(w, "web01");
	uint64_t slice = world_claim(w, "web01")->slice, sent = w->sent;
	gone(w, "web01");
	struct world_answer *a = world_answered(w, ask(w, "web01", 1000, 200), ANSWER_DONE);
	assert_int_equal(a->claim.slice, slice);
	assert_int_equal(a->claim.pid, 200);
	assert_int_equal(w->sent, sent);
	assert_int_equal(events(w, "claim.returned"), 1);
	world_crash(w, false);
	run(w, 10 * MINUTE);
	assert_true(is_held(w, "web01"));
	assert_int_equal(world_claim(w, "web01")->pid, 200);
	gone(w, "web01");
	assert_true(is_orphaned(w, "web01"));
}

/* Who comes back may be faster than the look that shows that he was gone. */
static void test_orphan_that_is_not_looked_at_yet_is_for_who_had_it(void **state)
{
	struct world *w = *state;
	apply(w, POLICY);
	hold(w, "web01");
	engine_consumer_gone(w->e, "web01");
	world_answered(w, ask(w, "web01", 1000, 200), ANSWER_DONE);
	run(w, 10 * MINUTE);
	assert_true(is_held(w, "web01"));
	assert_int_equal(events(w, "claim.orphaned"), 0);
	/* While it is used, it is nobody else's, and not his once more. */
	assert_string_equal(world_answered(w, ask(w, "web01", 1000, 300), ANSWER_FAILED)->id,
			    "claim.exists");
}

static void test_orphan_is_for_nobody_else(void **state)
{
	struct world *w = *state;
	apply(w, POLICY);
	hold(w, "web01");
	gone(w, "web01");
	refused(w, ask(w, "web01", 1001, 200), "of uid 1000 and tenant a, not of uid 1001");
	refused(w, ask(w, "web01", 1002, 200), "not of uid 1002 and tenant b");
	static const struct {
		struct alloc_request change;
		const char *because;
	} others[] = {
		{ { .owner = "libvirt:web02" }, "libvirt:web01, not libvirt:web02" },
		{ { .class = "now" }, "its class is lan, not now" },
		{ { .kind = CLAIM_RESERVED }, "not a reserved one" },
		{ { .set = { .set = VF_SET_VLAN, .vlan = 7 } }, "other settings" },
		{ { .grant_uid = 7 }, "handed to uid 1000, not to uid 7" },
		{ { .preemptible = true }, "made without --preemptible" },
	};
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		const struct alloc_request *c = &others[i].change;
		struct alloc_request rq = request("web01", 1000, 200);
		if (c->owner[0])
			memcpy(rq.owner, c->owner, sizeof(rq.owner));
		if (c->class[0])
			memcpy(rq.class, c->class, sizeof(rq.class));
		rq.kind = c->kind;
		rq.set = c->set;
		rq.grant_uid = c->grant_uid ? c->grant_uid : rq.grant_uid;
		rq.preemptible = c->preemptible;
		uint64_t token = world_ask(w, 1000, &rq);
		run(w, 1000);
		refused(w, token, others[i].because);
	}
}

/* --- of several slices --------------------------------------------------------------------------------- */

static uint64_t ask_pair(struct world *w, int32_t pid)
{
	struct alloc_request rq = request("pair1", 1000, pid);
	(void)STR_COPY(rq.class, "pair");
	uint64_t token = world_ask(w, 1000, &rq);
	run(w, 2000);
	return token;
}

static void test_orphan_of_several_slices_is_one(void **state)
{
	struct world *w = *state;
	apply(w, POLICY);
	world_answered(w, ask_pair(w, 100), ANSWER_DONE);
	uint64_t first = world_claim(w, "pair1/1")->slice, sent = w->sent;
	/* Until none of them is used any more it is no orphan. */
	open_node(w, "pair1/2");
	gone(w, "pair1");
	assert_true(is_held(w, "pair1"));
	close_node(w, "pair1/2");
	gone(w, "pair1");
	assert_true(is_orphaned(w, "pair1"));
	uint64_t looks = w->looks;
	run(w, 30000);
	assert_in_range(w->looks - looks, 4, 12);
	world_answered(w, ask_pair(w, 200), ANSWER_DONE);
	assert_int_equal(world_claim(w, "pair1/1")->slice, first);
	assert_int_equal(w->sent, sent);
	run(w, 10 * MINUTE);
	assert_true(is_held(w, "pair1"));
	gone(w, "pair1");
	open_node(w, "pair1/1");
	run(w, 20000);
	assert_true(is_held(w, "pair1"));
	close_node(w, "pair1/1");
	gone(w, "pair1");
	run(w, 62000);
	assert_null(world_claim(w, "pair1"));
	assert_null(world_claim(w, "pair1/1"));
}

static void test_orphan_of_several_slices_waits_from_the_boot_on(void **state)
{
	struct world *w = *state;
	apply(w, POLICY);
	world_answered(w, ask_pair(w, 100), ANSWER_DONE);
	uint64_t second = world_claim(w, "pair1/2")->slice;
	world_reboot(w);
	run(w, 30000);
	assert_true(is_orphaned(w, "pair1"));
	world_answered(w, ask_pair(w, 200), ANSWER_DONE);
	assert_int_equal(world_claim(w, "pair1/2")->slice, second);
	gone(w, "pair1");
	assert_true(machine_vfs_set(&w->m, NIC, 0, false) >= 0);
	world_observe(w);
	run(w, 2000);
	assert_null(world_claim(w, "pair1"));
}

/* --- reboot, loss -------------------------------------------------------------------------------------- */

/* Whoever comes back after a reboot comes later than any grace that began before it. */
static void test_orphan_of_a_reboot_waits_from_the_boot_on(void **state)
{
	struct world *w = *state;
	apply(w, POLICY);
	hold(w, "web01");
	hold(w, "web02");
	gone(w, "web02");
	uint64_t slice = world_claim(w, "web01")->slice;
	w->now += 10 * MINUTE;
	world_reboot(w);
	run(w, 30000);
	assert_true(is_orphaned(w, "web01"));
	assert_true(is_orphaned(w, "web02"));
	assert_int_equal(world_claim(w, "web01")->slice, slice);
	struct world_answer *a = world_answered(w, ask(w, "web01", 1000, 200), ANSWER_DONE);
	assert_int_equal(a->claim.slice, slice);
	run(w, 40000);
	assert_true(is_held(w, "web01"));
	assert_null(world_claim(w, "web02"));
}

static void test_orphan_of_a_reboot_is_asked_for_before_its_slice_is_there(void **state)
{
	struct world *w = *state;
	apply(w, POLICY);
	hold(w, "web01");
	world_reboot(w);
	struct alloc_request rq = request("web01", 1000, 200);
	world_turn(w);
	uint64_t token = world_ask(w, 1000, &rq);
	world_turn(w);
	assert_int_equal(world_claim(w, "web01")->state, CLAIM_PREPARING);
	run(w, 2000);
	world_answered(w, token, ANSWER_DONE);
	run(w, 10 * MINUTE);
	assert_true(is_held(w, "web01"));
}

static void test_orphan_whose_slice_is_not_there_after_a_reboot_ends(void **state)
{
	struct world *w = *state;
	apply(w, POLICY);
	hold(w, "web01");
	world_reboot(w);
	machine_done(&w->m);
	machine_init(&w->m);
	world_observe(w);
	run(w, 30000);
	assert_int_equal(world_claim(w, "web01")->state, CLAIM_PREPARING);
	run(w, 31000);
	const struct claim *c = world_claim(w, "web01");
	assert_true(!c || c->state == CLAIM_RELEASING);
}

static void test_orphan_of_a_reboot_without_grace_ends(void **state)
{
	struct world *w = *state;
	apply(w, POLICY_OF(""));
	hold(w, "web01");
	world_reboot(w);
	run(w, 2000);
	assert_null(world_claim(w, "web01"));
}

static void test_orphan_whose_slice_vanishes_ends(void **state)
{
	struct world *w = *state;
	apply(w, POLICY);
	hold(w, "web01");
	gone(w, "web01");
	assert_true(machine_vfs_set(&w->m, NIC, 0, false) >= 0);
	world_observe(w);
	run(w, 2000);
	assert_null(world_claim(w, "web01"));
	assert_int_equal(events(w, "claim.broken"), 0);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, world_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_orphan_part_does_not_come_back_by_itself),
		T(test_orphan_ends_after_the_grace_and_not_before),
		T(test_orphan_without_grace_ends_at_once),
		T(test_orphan_is_released_at_once_by_hand),
		T(test_orphan_grace_goes_on_over_a_restart_of_carved),
		T(test_orphan_goes_on_under_a_policy_without_grace),
		T(test_orphan_counts_for_the_quota_and_lets_nobody_in),
		T(test_orphan_makes_way_before_those_that_are_used),
		T(test_orphan_that_is_opened_again_is_held),
		T(test_orphan_is_nobody_whose_slice_is_still_open),
		T(test_orphan_is_for_who_had_it_without_a_step),
		T(test_orphan_that_is_not_looked_at_yet_is_for_who_had_it),
		T(test_orphan_is_for_nobody_else),
		T(test_orphan_of_several_slices_is_one),
		T(test_orphan_of_several_slices_waits_from_the_boot_on),
		T(test_orphan_of_a_reboot_waits_from_the_boot_on),
		T(test_orphan_of_a_reboot_is_asked_for_before_its_slice_is_there),
		T(test_orphan_whose_slice_is_not_there_after_a_reboot_ends),
		T(test_orphan_of_a_reboot_without_grace_ends),
		T(test_orphan_whose_slice_vanishes_ends),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
