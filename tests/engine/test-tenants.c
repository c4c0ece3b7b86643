/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Tenants: who claims on whose account, how much, who waits for whom, how long, and who makes way. */
#include "support/test.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "engine/fixture.h"
#include "support/alloc-fail.h"

#define NIC "pci:0000:00/03.0/00.0"
#define NVME "pci:0000:00/05.0/00.0"

#define HOUR (3600 * INT64_C(1000))
#define MINUTE (60 * INT64_C(1000))

/* Of four VFs. uids: 1000 and 1010 of a, 1001 of b, 1002 of c. */
#define HEAD                                                                                       \
	"version: 1\ndevices:\n"                                                                   \
	"  nic: {match: {key: \"" NIC "\"}}\n"                                                     \
	"  nvme: {match: {key: \"" NVME "\"}}\n"                                                   \
	"divide:\n"                                                                                \
	"  - {use: nic, as: sriov, count: 4}\n"                                                    \
	"  - {use: nvme, as: sriov, count: 1}\n"                                                   \
	"classes:\n"                                                                               \
	"  disk: {from: nvme, preemptible: true}\n"                                                \
	"  lan: {from: nic, preemptible: true}\n"                                                  \
	"  wan: {from: nic}\n"
#define TENANTS                                                                                    \
	"tenants:\n"                                                                               \
	"  a: {from: [\"uid:1000\", \"uid:1010\"], quota: {lan: 2}, slices: 3}\n"                  \
	"  b: {from: [\"uid:1001\"], priority: 10}\n"                                              \
	"  c: {from: [\"uid:1002\"], lease: {max: 12h, idle: 1h}}\n"                               \
	"  door: {slices: 3}\n"                                                                    \
	"  other: {slices: 3}\n"
#define POLICY HEAD TENANTS
#define TENANTS_APART                                                                              \
	"tenants:\n"                                                                               \
	"  a: {from: [\"uid:1000\", \"uid:1010\"]}\n"                                              \
	"  b: {from: [\"uid:1001\"], priority: 10}\n"                                              \
	"  c: {from: [\"uid:1002\"]}\n"

static int setup(void **state)
{
	struct world *w = calloc(1, sizeof(*w));
	world_init(w, 7);
	machine_add_pf(&w->m, NIC, 0x020000, 7, true);
	machine_add_pf(&w->m, NVME, 0x010802, 4, true);
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
	GIVES_WAY = 2
};

static uint64_t ask_for(struct world *w, uint32_t uid, const char *class, const char *name,
			enum how how, const char *tenant)
{
	struct alloc_request rq = { .wait = how & WAIT, .preemptible = (how & GIVES_WAY) != 0 };
	(void)STR_COPY(rq.class, class);
	(void)STR_COPY(rq.name, name);
	(void)STR_COPY(rq.owner, "manual:test");
	(void)STR_COPY(rq.tenant, tenant);
	rq.grant_uid = rq.grant_gid = uid;
	uint64_t token = world_ask(w, uid, &rq);
	settle(w);
	return token;
}

static uint64_t ask(struct world *w, uint32_t uid, const char *class, const char *name,
		    enum how how)
{
	return ask_for(w, uid, class, name, how, "");
}

static void is_held(struct world *w, const char *name)
{
	const struct claim *c = world_claim(w, name);
	if (!c || c->state != CLAIM_HELD) {
		world_print_log(w);
		fail_msg("%s is %s", name,
			 c ? claim_state_name((enum claim_state)c->state) : "gone");
	}
}

static void is_waiting(struct world *w, const char *name)
{
	const struct claim *c = world_claim(w, name);
	if (!c || !claim_is_waiting(c)) {
		world_print_log(w);
		fail_msg("%s does not wait", name);
	}
}

static void release(struct world *w, const char *name)
{
	world_release(w, 0, name);
	settle(w);
	assert_null(world_claim(w, name));
}

static struct target target_of(struct world *w, const char *claim)
{
	return slice_target(world_slice(w, world_claim(w, claim)->slice));
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

static json_int_t events(struct world *w, const char *event)
{
	return json_integer_value(json_object_get(w->events, event));
}

static void has(const char *text, const char *words)
{
	if (!strstr(text, words))
		fail_msg("\"%s\" is not in: %s", words, text);
}

/* --- whose it is -------------------------------------------------------------------------------- */

static void test_tenants_claim_is_of_the_tenant_of_who_asks(void **state)
{
	struct world *w = *state;
	apply(w, POLICY);
	ask(w, 1010, "lan", "one", AT_ONCE);
	ask(w, 0, "lan", "two", AT_ONCE);
	assert_string_equal(world_claim(w, "one")->tenant, "a");
	assert_string_equal(world_claim(w, "two")->tenant, "");
	world_crash(w, false);
	settle(w);
	assert_string_equal(world_claim(w, "one")->tenant, "a");
}

static void test_tenants_who_belongs_to_none_is_told_which_there_are(void **state)
{
	struct world *w = *state;
	apply(w, POLICY);
	const char *because = refused(w, ask(w, 1003, "lan", "", AT_ONCE), "claim.no-tenant");
	has(because, "a (uid:1000, uid:1010), b (uid:1001)");
	has(because, "door (named by root only)");
	apply(w, HEAD);
	world_answered(w, ask(w, 1003, "lan", "", AT_ONCE), ANSWER_DONE);
}

static void test_tenants_only_who_manages_names_one(void **state)
{
	struct world *w = *state;
	apply(w, POLICY);
	refused(w, ask_for(w, 1000, "lan", "", AT_ONCE, "b"), "claim.tenant-denied");
	refused(w, ask_for(w, 1000, "lan", "", AT_ONCE, "a"), "claim.tenant-denied");
	has(refused(w, ask_for(w, 0, "lan", "", AT_ONCE, "bee"), "claim.tenant-unknown"),
	    "a, b, c, door, other");
	ask_for(w, 0, "lan", "one", AT_ONCE, "door");
	assert_string_equal(world_claim(w, "one")->tenant, "door");
	apply(w, HEAD);
	refused(w, ask_for(w, 0, "lan", "", AT_ONCE, "door"), "claim.tenant-unknown");
}

/* A door claims for many with one uid: what one left on a disk the next does not get. */
static void test_tenants_data_of_one_is_not_for_another_of_the_same_uid(void **state)
{
	struct world *w = *state;
	apply(w, POLICY);
	world_answered(w, ask_for(w, 0, "disk", "one", AT_ONCE, "door"), ANSWER_DONE);
	release(w, "one");
	refused(w, ask_for(w, 0, "disk", "two", AT_ONCE, "other"), "claim.none-free");
	world_answered(w, ask_for(w, 0, "disk", "three", AT_ONCE, "door"), ANSWER_DONE);
}

/* --- whose a device is -------------------------------------------------------------------------- */

#define NIC_B "pci:0000:00/06.0/00.0"

#define APART                                                                                      \
	"version: 1\ndevices:\n  nic: {match: {key: [\"" NIC "\", \"" NIC_B "\"]}}\n"              \
	"divide:\n  - {use: nic, as: sriov, count: 2, one-tenant-per-device: true}\n"              \
	"classes:\n  lan: {from: nic, preemptible: true}\n"

static void two_nics(struct world *w)
{
	machine_add_pf(&w->m, NIC_B, 0x020000, 7, true);
	have_sort(&w->m.have);
	world_observe(w);
}

static const char *device_of(struct world *w, const char *claim)
{
	is_held(w, claim);
	return world_slice(w, world_claim(w, claim)->slice)->device;
}

static void test_apart_each_tenant_has_devices_of_its_own(void **state)
{
	struct world *w = *state;
	two_nics(w);
	apply(w, APART TENANTS_APART);
	ask(w, 1000, "lan", "a1", AT_ONCE);
	ask(w, 1001, "lan", "b1", AT_ONCE);
	ask(w, 1010, "lan", "a2", AT_ONCE);
	ask(w, 1001, "lan", "b2", AT_ONCE);
	assert_string_equal(device_of(w, "a1"), device_of(w, "a2"));
	assert_string_equal(device_of(w, "b1"), device_of(w, "b2"));
	assert_string_not_equal(device_of(w, "a1"), device_of(w, "b1"));
	release(w, "b2");
	const char *because = refused(w, ask(w, 1002, "lan", "c1", AT_ONCE), "claim.none-free");
	has(because, "goes to one tenant at a time (test.yaml:5)");
	has(because, "claim a1 of uid 1000 of tenant a has some of it");
	has(because, "claim b1 of uid 1001 of tenant b has some of it");
	/* Root claims for nobody: that is somebody else, too. */
	refused(w, ask(w, 0, "lan", "", AT_ONCE), "claim.none-free");
	release(w, "b1");
	world_answered(w, ask(w, 1002, "lan", "c1", AT_ONCE), ANSWER_DONE);
}

static void test_apart_without_tenants_users_are_told_apart(void **state)
{
	struct world *w = *state;
	two_nics(w);
	apply(w, APART);
	ask(w, 1000, "lan", "one", AT_ONCE);
	ask(w, 1010, "lan", "two", AT_ONCE);
	assert_string_not_equal(device_of(w, "one"), device_of(w, "two"));
	refused(w, ask(w, 1001, "lan", "", AT_ONCE), "claim.none-free");
	ask(w, 1001, "lan", "three", WAIT);
	is_waiting(w, "three");
	world_crash(w, false);
	settle(w);
	release(w, "one");
	is_held(w, "two");
	ask(w, 1001, "lan", "three", WAIT);
	is_held(w, "three");
}

/* Ending one of two that are in the way would help nobody. */
static void test_apart_nobody_makes_way_in_vain(void **state)
{
	struct world *w = *state;
	apply(w, APART TENANTS_APART);
	ask(w, 1000, "lan", "one", GIVES_WAY);
	ask(w, 1000, "lan", "two", GIVES_WAY);
	ask(w, 1001, "lan", "three", WAIT);
	is_held(w, "one");
	is_held(w, "two");
	release(w, "one");
	is_held(w, "three");
	assert_null(world_claim(w, "two"));
}

/* --- how much ---------------------------------------------------------------------------------------- */

static void test_tenants_quota_of_a_class_is_said_with_who_has_it(void **state)
{
	struct world *w = *state;
	apply(w, POLICY);
	ask(w, 1000, "lan", "one", AT_ONCE);
	ask(w, 1010, "lan", "two", AT_ONCE);
	const char *because = refused(w, ask(w, 1000, "lan", "", AT_ONCE), "claim.quota");
	has(because, "its quota of class lan is 2; 2 used, 0 left");
	has(because, "claim one is held for manual:test, by uid 1000");
	has(because, "claim two is held for manual:test, by uid 1010");
	/* Not of another class, nor of others. */
	world_answered(w, ask(w, 1000, "wan", "three", AT_ONCE), ANSWER_DONE);
	world_answered(w, ask(w, 1001, "lan", "four", AT_ONCE), ANSWER_DONE);
}

static void test_tenants_quota_in_all_counts_all_classes(void **state)
{
	struct world *w = *state;
	apply(w, POLICY);
	ask(w, 1000, "lan", "one", AT_ONCE);
	ask(w, 1000, "wan", "two", AT_ONCE);
	ask(w, 1000, "wan", "three", AT_ONCE);
	has(refused(w, ask(w, 1010, "lan", "", AT_ONCE), "claim.quota"),
	    "its quota in all is 3; 3 used, 0 left");
	release(w, "two");
	world_answered(w, ask(w, 1010, "lan", "four", AT_ONCE), ANSWER_DONE);
}

static void test_tenants_quota_counts_what_is_not_free_again(void **state)
{
	struct world *w = *state;
	apply(w, POLICY);
	ask(w, 1000, "lan", "one", AT_ONCE);
	ask(w, 1000, "lan", "two", AT_ONCE);
	use(w, "one");
	world_release_now(w, 1000, "one");
	settle(w);
	has(refused(w, ask(w, 1000, "lan", "", AT_ONCE), "claim.quota"), "claim one is releasing");
	leave(w, "one");
	run(w, MINUTE);
	world_answered(w, ask(w, 1000, "lan", "", AT_ONCE), ANSWER_DONE);
}

static void test_tenants_quota_counts_what_the_policy_reserves_before_it_is_there(void **state)
{
	struct world *w = *state;
	apply(w, HEAD);
	for (unsigned i = 0; i < 3; i++)
		ask(w, 0, "wan", "", AT_ONCE);
	apply(w, HEAD "reservations:\n"
		      "  - {name: r1, class: lan, for: \"vm:r1\", tenant: a}\n"
		      "  - {name: r2, class: lan, for: \"vm:r2\", tenant: a}\n" TENANTS);
	is_held(w, "r1");
	is_waiting(w, "r2");
	has(refused(w, ask(w, 1000, "lan", "", AT_ONCE), "claim.quota"),
	    "claim r2 is reserved for vm:r2");
	release(w, "wan-1");
	is_held(w, "r2");
}

static void test_tenants_reservation_of_another_tenant_is_not_taken_over(void **state)
{
	struct world *w = *state;
#define RESERVED(tenant)                                                                           \
	"reservations:\n  - {name: r1, class: lan, for: \"vm:r1\", tenant: " tenant "}\n"
	apply(w, HEAD RESERVED("a") TENANTS);
	uint64_t token = world_apply(w, HEAD RESERVED("b") TENANTS, false);
	settle(w);
	const json_t *report = world_answered(w, token, ANSWER_DONE)->report;
	assert_false(json_is_true(json_object_get(report, "complete")));
	assert_string_equal(world_claim(w, "r1")->tenant, "a");
}

/* --- who waits ------------------------------------------------------------------------------------------ */

static void take_all(struct world *w, uint32_t uid, enum how how)
{
	static const char *const names[] = { "v0", "v1", "v2", "v3" };
	for (unsigned i = 0; i < 4; i++)
		world_answered(w, ask(w, uid, how & GIVES_WAY ? "lan" : "wan", names[i], how),
			       ANSWER_DONE);
}

static void test_queue_waits_until_a_slice_is_free_in_the_order_of_arrival(void **state)
{
	struct world *w = *state;
	apply(w, POLICY);
	take_all(w, 0, AT_ONCE);
	uint64_t one = ask(w, 1000, "lan", "one", WAIT), two = ask(w, 1010, "lan", "two", WAIT);
	assert_int_equal(world_answered(w, one, ANSWER_PENDING)->progress, 1);
	has(world_answered(w, one, ANSWER_PENDING)->because,
	    "number 1 of those that wait for class lan: it "
	    "has 4: 4 held");
	has(world_answered(w, two, ANSWER_PENDING)->because, "number 2 of those");
	refused(w, ask(w, 1000, "lan", "", AT_ONCE), "claim.none-free");
	release(w, "v2");
	world_answered(w, one, ANSWER_DONE);
	has(world_answered(w, two, ANSWER_PENDING)->because, "number 1 of those");
	release(w, "v0");
	world_answered(w, two, ANSWER_DONE);
	is_held(w, "two");
}

static void test_queue_priority_comes_before_arrival(void **state)
{
	struct world *w = *state;
	apply(w, POLICY);
	take_all(w, 0, AT_ONCE);
	uint64_t one = ask(w, 1000, "lan", "one", WAIT), two = ask(w, 1001, "lan", "two", WAIT);
	has(world_answered(w, one, ANSWER_PENDING)->because, "number 2 of those");
	release(w, "v0");
	world_answered(w, two, ANSWER_DONE);
	world_answered(w, one, ANSWER_PENDING);
}

static void test_queue_reservations_of_the_policy_come_first(void **state)
{
	struct world *w = *state;
	apply(w, POLICY);
	take_all(w, 0, AT_ONCE);
	ask(w, 1001, "lan", "one", WAIT);
	apply(w, HEAD "reservations:\n  - {name: r1, class: lan, for: \"vm:r1\"}\n" TENANTS);
	is_waiting(w, "r1");
	release(w, "v0");
	is_held(w, "r1");
	is_waiting(w, "one");
}

static void test_queue_waits_for_the_quota_and_lets_others_pass(void **state)
{
	struct world *w = *state;
	apply(w, POLICY);
	ask(w, 1000, "lan", "one", AT_ONCE);
	ask(w, 1000, "lan", "two", AT_ONCE);
	uint64_t three = ask(w, 1010, "lan", "three", WAIT);
	has(world_answered(w, three, ANSWER_PENDING)->because,
	    "its quota of class lan is 2; 2 used, 0 left");
	has(world_claim(w, "three")->reason, "quota");
	world_answered(w, ask(w, 1001, "lan", "four", AT_ONCE), ANSWER_DONE);
	release(w, "one");
	world_answered(w, three, ANSWER_DONE);
}

/* What becomes free in the turn in which somebody asks is for those that waited. */
static void test_queue_who_does_not_wait_overtakes_nobody(void **state)
{
	struct world *w = *state;
	apply(w, POLICY);
	take_all(w, 0, AT_ONCE);
	uint64_t one = ask(w, 1000, "lan", "one", WAIT);
	uint64_t others[200];
	size_t n = 0;
	world_release(w, 0, "v0");
	while (world_claim(w, "v0") && n < 200) {
		struct alloc_request rq = { .class = "lan", .owner = "manual:test" };
		others[n++] = world_ask(w, 1001, &rq);
		w->now += 1;
		world_results(w);
	}
	settle(w);
	world_answered(w, one, ANSWER_DONE);
	for (size_t i = 0; i < n; i++)
		refused(w, others[i], "claim.none-free");
}

/* Also when it is the same turn that makes room. */
static void test_queue_room_made_by_an_apply_is_for_those_that_waited(void **state)
{
	struct world *w = *state;
#define MDEVS(most)                                                                                \
	"version: 1\ndevices: {m: {match: {key: \"sys:virtual/mtty/mtty\"}}}\n"                    \
	"divide: [{use: m, as: mdev, on-demand: [mtty-1]}]\n"                                      \
	"classes: {tty: {from: m}}\n"                                                              \
	"tenants: {a: {from: [\"uid:1000\"], quota: {tty: " most "}}}\n"
	struct alloc_request rq = { .class = "tty", .owner = "manual:test" };
	machine_add_parent(&w->m, "sys:virtual/mtty/mtty", 2, true);
	machine_add_type(&w->m, "sys:virtual/mtty/mtty", "mtty-1", 1);
	world_observe(w);
	apply(w, MDEVS("1"));
	ask(w, 1000, "tty", "one", AT_ONCE);
	uint64_t two = ask(w, 1000, "tty", "two", WAIT);
	world_answered(w, two, ANSWER_PENDING);
	world_apply(w, MDEVS("2"), false);
	uint64_t three = world_ask(w, 0, &rq);
	settle(w);
	world_answered(w, two, ANSWER_DONE);
	refused(w, three, "claim.none-free");
}

static void test_queue_who_goes_away_is_withdrawn(void **state)
{
	struct world *w = *state;
	apply(w, POLICY);
	take_all(w, 0, AT_ONCE);
	uint64_t one = ask(w, 1000, "lan", "one", WAIT);
	engine_request_cancelled(w->e, one);
	settle(w);
	assert_null(world_claim(w, "one"));
	uint64_t two = ask(w, 1000, "lan", "two", WAIT);
	release(w, "two");
	has(refused(w, two, "claim.ended"), "it was released");
	ask(w, 1000, "lan", "three", WAIT);
	world_crash(w, true);
	settle(w);
	assert_null(world_claim(w, "three"));
	release(w, "v0");
	world_answered(w, ask(w, 1000, "lan", "four", AT_ONCE), ANSWER_DONE);
}

static void test_queue_class_that_is_gone_is_not_waited_for(void **state)
{
	struct world *w = *state;
	apply(w, POLICY);
	take_all(w, 0, AT_ONCE);
	uint64_t one = ask(w, 1001, "lan", "one", WAIT);
	apply(w, "version: 1\ndevices: {nic: {match: {key: \"" NIC "\"}}}\n"
		 "divide: [{use: nic, as: sriov, count: 4}]\nclasses: {wan: {from: nic}}\n");
	has(refused(w, one, "claim.ended"), "there is no class lan any more");
	assert_null(world_claim(w, "one"));
}

/* The turn did not happen, whatever memory was lacking for; who waits goes on waiting. */
static void give_up(struct world *w, struct turn *t)
{
	struct err why = { 0 };
	turn_done(t);
	err_set(&why, "ledger.full", ENOSPC, "no");
	engine_turn_failed(w->e, &why, t);
	err_done(&why);
	turn_done(t);
}

static void test_queue_turn_without_memory_changes_nothing(void **state)
{
	struct world *w = *state;
	bool failed = true;
	unsigned long nth = 1;
	apply(w, POLICY);
	take_all(w, 0, GIVES_WAY);
	use(w, "v3");
	ask(w, 1001, "lan", "one", WAIT);
	ask(w, 1000, "lan", "two", WAIT);
	for (; failed && nth < 1000; nth++) {
		struct alloc_request rq = { .class = "lan", .owner = "manual:test", .wait = true };
		struct turn t = { 0 };
		world_ask(w, 1001, &rq);
		engine_now(w->e, w->now += 70000, 0);
		alloc_fail_at(nth);
		int r = engine_turn(w->e, &t);
		failed = alloc_fail_done();
		if (r < 0 || t.changes.n)
			give_up(w, &t);
		else
			engine_turn_committed(w->e);
		turn_done(&t);
		assert_int_equal(engine_record(w->e)->n_claims, 6);
		is_waiting(w, "one");
		is_waiting(w, "two");
	}
	assert_in_range(nth, 50, 999);
}

/* One that is refused tells all who ask for the same: a plan of many reservations would take minutes. */
static void test_queue_who_asks_for_the_same_is_refused_at_no_cost(void **state)
{
	struct world *w = *state;
	_cleanup_(str_buf_done) struct str_buf text = { 0 };
	const unsigned n = 200;
	str_buf_add(&text, HEAD "reservations:\n");
	for (unsigned i = 0; i < n; i++)
		str_buf_addf(&text, "  - {name: r%u, class: lan, for: \"vm:r%u\"}\n", i, i);
	apply(w, text.text);
	is_held(w, "r3");
	is_waiting(w, "r4");
	is_waiting(w, "r199");
	struct turn t = { 0 };
	engine_now(w->e, w->now += 70000, 0);
	alloc_fail_at(n);
	assert_int_equal(engine_turn(w->e, &t), 0);
	assert_false(alloc_fail_done());
	engine_turn_committed(w->e);
	turn_done(&t);
}

static void test_queue_what_cannot_be_is_refused_although_it_would_wait(void **state)
{
	struct world *w = *state;
	apply(w, POLICY);
	refused(w, ask(w, 1000, "lam", "", WAIT), "claim.no-class");
	refused(w, ask(w, 1003, "lan", "", WAIT), "claim.no-tenant");
	refused(w, ask(w, 1001, "lan", "a b", WAIT), "claim.name");
	refused(w, ask(w, 1001, "wan", "", WAIT | GIVES_WAY), "claim.not-preemptible");
}

/* --- how long --------------------------------------------------------------------------------------------- */

static void test_lease_ends_a_claim_after_its_time(void **state)
{
	struct world *w = *state;
	apply(w, POLICY);
	world_answered(w, ask(w, 1002, "lan", "one", AT_ONCE), ANSWER_DONE);
	use(w, "one");
	run(w, 11 * HOUR + 40 * MINUTE);
	is_held(w, "one");
	assert_int_equal(events(w, "claim.lease-ending"), 0);
	run(w, 10 * MINUTE);
	is_held(w, "one");
	assert_int_equal(events(w, "claim.lease-ending"), 1);
	run(w, 11 * MINUTE);
	/* It has ended, and its guest goes on until it leaves. */
	assert_int_equal(world_claim(w, "one")->state, CLAIM_RELEASING);
	assert_string_equal(world_claim(w, "one")->ended, "its lease of 12h is over");
	has(world_claim(w, "one")->reason, "held by pid 4121");
	leave(w, "one");
	run(w, MINUTE);
	assert_null(world_claim(w, "one"));
	assert_int_equal(events(w, "claim.lease-ending"), 1);
}

static void test_lease_goes_on_over_restarts(void **state)
{
	struct world *w = *state;
	apply(w, POLICY);
	struct alloc_request rq = { .class = "lan",
				    .owner = "vm:x",
				    .name = "one",
				    .kind = CLAIM_RESERVED,
				    .grant_uid = 1002 };
	world_ask(w, 1002, &rq);
	settle(w);
	use(w, "one");
	run(w, 6 * HOUR);
	world_crash(w, false);
	run(w, HOUR);
	world_reboot(w);
	settle(w);
	is_held(w, "one");
	use(w, "one");
	run(w, 4 * HOUR + 58 * MINUTE);
	is_held(w, "one");
	run(w, 2 * MINUTE);
	assert_int_equal(world_claim(w, "one")->state, CLAIM_RELEASING);
}

static void test_lease_is_not_for_what_the_policy_reserves_nor_for_others(void **state)
{
	struct world *w = *state;
	apply(w, HEAD
	      "reservations:\n  - {name: r1, class: lan, for: \"vm:r1\", tenant: c}\n" TENANTS);
	ask(w, 1001, "lan", "one", AT_ONCE);
	uint64_t looks = w->looks;
	run(w, 24 * HOUR);
	is_held(w, "r1");
	is_held(w, "one");
	assert_int_equal(w->looks, looks);
}

static void test_lease_ends_what_nobody_uses(void **state)
{
	struct world *w = *state;
	apply(w, POLICY);
	ask(w, 1002, "lan", "one", AT_ONCE);
	run(w, 50 * MINUTE);
	is_held(w, "one");
	assert_int_equal(events(w, "claim.lease-ending"), 0);
	run(w, 9 * MINUTE);
	is_held(w, "one");
	assert_int_equal(events(w, "claim.lease-ending"), 1);
	run(w, 2 * MINUTE);
	assert_null(world_claim(w, "one"));
	assert_int_equal(events(w, "claim.lease-ending"), 1);
}

static void test_lease_use_makes_idle_time_begin_anew(void **state)
{
	struct world *w = *state;
	apply(w, POLICY);
	ask(w, 1002, "lan", "one", AT_ONCE);
	uint64_t looks = w->looks;
	use(w, "one");
	run(w, 4 * HOUR);
	is_held(w, "one");
	/* Looked at, and seldom. */
	assert_in_range(w->looks - looks, 4, 12);
	leave(w, "one");
	run(w, 60 * MINUTE);
	is_held(w, "one");
	looks = w->looks;
	run(w, 31 * MINUTE);
	assert_null(world_claim(w, "one"));
	assert_in_range(w->looks - looks, 1, 12);
}

static void test_lease_of_a_later_policy_is_for_later_claims(void **state)
{
	struct world *w = *state;
	apply(w, POLICY);
	ask(w, 1001, "lan", "old", AT_ONCE);
	apply(w, HEAD "tenants: {b: {from: [\"uid:1001\"], lease: {max: 1h}}}\n");
	ask(w, 1001, "lan", "new", AT_ONCE);
	run(w, 2 * HOUR);
	is_held(w, "old");
	assert_null(world_claim(w, "new"));
}

/* --- who makes way ------------------------------------------------------------------------------------------ */

static void test_preempt_ends_the_youngest_that_was_made_to_give_way(void **state)
{
	struct world *w = *state;
	apply(w, POLICY);
	take_all(w, 0, GIVES_WAY);
	uint64_t one = ask(w, 1001, "lan", "one", WAIT);
	world_answered(w, one, ANSWER_DONE);
	assert_null(world_claim(w, "v3"));
	is_held(w, "v2");
	assert_int_equal(events(w, "claim.preempted"), 1);
}

static void test_preempt_waits_for_the_consumer_and_ends_no_second_one(void **state)
{
	struct world *w = *state;
	apply(w, POLICY);
	take_all(w, 0, GIVES_WAY);
	use(w, "v3");
	uint64_t one = ask(w, 1001, "lan", "one", WAIT);
	run(w, HOUR);
	world_answered(w, one, ANSWER_PENDING);
	assert_int_equal(world_claim(w, "v3")->state, CLAIM_RELEASING);
	assert_string_equal(world_claim(w, "v3")->ended,
			    "it made way: claim one of tenant b has priority 10");
	assert_int_equal(events(w, "claim.preempted"), 1);
	ask(w, 1001, "lan", "two", WAIT);
	assert_int_equal(events(w, "claim.preempted"), 2);
	/* The first of the two gets what is free first. */
	is_held(w, "one");
	is_waiting(w, "two");
	leave(w, "v3");
	run(w, MINUTE);
	is_held(w, "two");
	assert_null(world_claim(w, "v2"));
	is_held(w, "v1");
}

static void test_preempt_is_only_for_those_that_wait(void **state)
{
	struct world *w = *state;
	apply(w, POLICY);
	take_all(w, 0, GIVES_WAY);
	refused(w, ask(w, 1001, "lan", "one", AT_ONCE), "claim.none-free");
	is_held(w, "v3");
}

static void test_preempt_spares_all_others(void **state)
{
	struct world *w = *state;
	apply(w, POLICY);
	world_answered(w, ask(w, 0, "lan", "plain", AT_ONCE), ANSWER_DONE);
	world_answered(w, ask(w, 1001, "lan", "equal", GIVES_WAY), ANSWER_DONE);
	world_answered(w, ask(w, 1001, "lan", "equal2", GIVES_WAY), ANSWER_DONE);
	world_answered(w, ask(w, 0, "disk", "other", GIVES_WAY), ANSWER_DONE);
	world_answered(w, ask(w, 0, "wan", "plain2", AT_ONCE), ANSWER_DONE);
	uint64_t one = ask(w, 1001, "lan", "one", WAIT);
	run(w, HOUR);
	world_answered(w, one, ANSWER_PENDING);
	assert_int_equal(events(w, "claim.preempted"), 0);
	/* What lies on a disk stays with who left it: nothing would be gained. */
	uint64_t disk = ask(w, 1001, "disk", "two", WAIT);
	run(w, HOUR);
	world_answered(w, disk, ANSWER_PENDING);
	is_held(w, "other");
}

static void test_preempt_is_not_for_who_waits_for_the_quota(void **state)
{
	struct world *w = *state;
	apply(w, HEAD "tenants: {b: {from: [\"uid:1001\"], priority: 9, quota: {lan: 1}}}\n");
	world_answered(w, ask(w, 1001, "lan", "mine", AT_ONCE), ANSWER_DONE);
	for (unsigned i = 0; i < 3; i++)
		ask(w, 0, "lan", "", GIVES_WAY);
	world_answered(w, ask(w, 1001, "lan", "one", WAIT), ANSWER_PENDING);
	assert_int_equal(events(w, "claim.preempted"), 0);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, world_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_tenants_claim_is_of_the_tenant_of_who_asks),
		T(test_tenants_who_belongs_to_none_is_told_which_there_are),
		T(test_tenants_only_who_manages_names_one),
		T(test_tenants_data_of_one_is_not_for_another_of_the_same_uid),
		T(test_apart_each_tenant_has_devices_of_its_own),
		T(test_apart_without_tenants_users_are_told_apart),
		T(test_apart_nobody_makes_way_in_vain),
		T(test_tenants_quota_of_a_class_is_said_with_who_has_it),
		T(test_tenants_quota_in_all_counts_all_classes),
		T(test_tenants_quota_counts_what_is_not_free_again),
		T(test_tenants_quota_counts_what_the_policy_reserves_before_it_is_there),
		T(test_tenants_reservation_of_another_tenant_is_not_taken_over),
		T(test_queue_waits_until_a_slice_is_free_in_the_order_of_arrival),
		T(test_queue_priority_comes_before_arrival),
		T(test_queue_reservations_of_the_policy_come_first),
		T(test_queue_waits_for_the_quota_and_lets_others_pass),
		T(test_queue_who_does_not_wait_overtakes_nobody),
		T(test_queue_room_made_by_an_apply_is_for_those_that_waited),
		T(test_queue_who_goes_away_is_withdrawn),
		T(test_queue_class_that_is_gone_is_not_waited_for),
		T(test_queue_turn_without_memory_changes_nothing),
		T(test_queue_who_asks_for_the_same_is_refused_at_no_cost),
		T(test_queue_what_cannot_be_is_refused_although_it_would_wait),
		T(test_lease_ends_a_claim_after_its_time),
		T(test_lease_goes_on_over_restarts),
		T(test_lease_is_not_for_what_the_policy_reserves_nor_for_others),
		T(test_lease_ends_what_nobody_uses),
		T(test_lease_use_makes_idle_time_begin_anew),
		T(test_lease_of_a_later_policy_is_for_later_claims),
		T(test_preempt_ends_the_youngest_that_was_made_to_give_way),
		T(test_preempt_waits_for_the_consumer_and_ends_no_second_one),
		T(test_preempt_is_only_for_those_that_wait),
		T(test_preempt_spares_all_others),
		T(test_preempt_is_not_for_who_waits_for_the_quota),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
