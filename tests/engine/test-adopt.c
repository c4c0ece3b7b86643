/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The engine on what others made: it becomes slices or a claim, when nobody can be harmed, and back. */
#include "support/test.h"

#include <stdlib.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "engine/fixture.h"

#define NIC "pci:0000:00/03.0/00.0"
#define GPU "pci:0000:00/06.0/00.0"
#define MTTY "sys:virtual/mtty/mtty"
#define UUID "ffffffff-0000-4000-8000-000000000001"
#define OTHER "ffffffff-0000-4000-8000-000000000002"

#define HEAD                                                                                       \
	"version: 1\ndevices:\n"                                                                   \
	"  nic: {match: {key: \"" NIC "\"}}\n"                                                     \
	"  tty: {match: {key: \"" MTTY "\"}}\n"                                                    \
	"divide:\n  - {use: nic, as: sriov, count: 4}\n"
#define TTYS(how) "  - {use: tty, as: mdev, " how "}\n"
#define CLASSES "classes:\n  lan: {from: nic}\n  port: {from: tty}\n"
#define ON_DEMAND HEAD TTYS("on-demand: [mtty-1]") CLASSES
#define ADOPTS ON_DEMAND "drift: adopt\n"

static const struct requester root = { .manage = true };

static int setup(void **state)
{
	struct world *w = calloc(1, sizeof(*w));
	world_init(w, 7);
	machine_add_pf(&w->m, NIC, 0x020000, 7, true);
	machine_add_function(&w->m, GPU, 0x030000, "nouveau", true, true);
	machine_add_parent(&w->m, MTTY, 4, true);
	machine_add_type(&w->m, MTTY, "mtty-1", 1);
	machine_add_type(&w->m, MTTY, "mtty-2", 2);
	world_up(w);
	*state = w;
	return 0;
}

static void run(struct world *w)
{
	world_observe(w);
	world_run(w, 20000);
	world_well(w);
}

static void apply(struct world *w, const char *text)
{
	uint64_t token = world_apply(w, text, false);
	run(w);
	const struct world_answer *a = world_answer(w, token);
	assert_true(a && a->state == ANSWER_DONE &&
		    json_is_true(json_object_get(a->report, "complete")));
}

static struct target mdev(const char *uuid)
{
	struct target t = { .vf = -1 };
	(void)STR_COPY(t.device, MTTY);
	(void)STR_COPY(t.uuid, uuid);
	return t;
}

static void others_make(struct world *w, const char *uuid, const char *type)
{
	assert_int_equal(machine_mdev_create(&w->m, MTTY, uuid, type), 1);
}

static void others_cut(struct world *w, unsigned vfs)
{
	machine_vfs_set(&w->m, NIC, 0, false);
	assert_int_equal(machine_vfs_set(&w->m, NIC, vfs, false), 1);
}

static const struct slice *slice_of(struct world *w, const char *uuid)
{
	const struct record *r = engine_record(w->e);
	for (size_t i = 0; i < r->n_slices; i++)
		if (str_eq(r->slices[i].uuid, uuid))
			return &r->slices[i];
	return NULL;
}

static enum slice_state state_of(struct world *w, const char *uuid)
{
	const struct slice *s = slice_of(w, uuid);
	assert_non_null(s);
	return s ? (enum slice_state)s->state : SLICE_LOST;
}

static size_t vf_slices(struct world *w)
{
	const struct record *r = engine_record(w->e);
	size_t n = 0;
	for (size_t i = 0; i < r->n_slices; i++)
		n += r->slices[i].index >= 0 && r->slices[i].state == SLICE_READY;
	return n;
}

static unsigned vfs(struct world *w)
{
	return have_vf_count(&w->m.have, have_device(&w->m.have, NIC)->addr);
}

static uint64_t ask(struct world *w, const struct target *t, const char *claim, const char *owner)
{
	struct adopt_request rq = { .target = *t };
	(void)STR_COPY(rq.claim, claim);
	(void)STR_COPY(rq.owner, owner);
	engine_request_adopt(w->e, ++w->token, &root, &rq);
	uint64_t token = w->token;
	run(w);
	return token;
}

static uint64_t disown(struct world *w, const char *name)
{
	engine_request_disown(w->e, ++w->token, &root, name);
	uint64_t token = w->token;
	run(w);
	return token;
}

static void done(struct world *w, uint64_t token)
{
	const struct world_answer *a = world_answer(w, token);
	if (!a || a->state != ANSWER_DONE)
		fail_msg("%s", a ? a->id : "no answer");
}

static void refused(struct world *w, uint64_t token, const char *id)
{
	const struct world_answer *a = world_answer(w, token);
	assert_true(a && a->state == ANSWER_FAILED);
	assert_string_equal(a->id, id);
}

/* --- drift: adopt ---------------------------------------------------------------------------------- */

static void test_adopt_run_mdev_of_a_named_type_becomes_a_free_slice_as_it_is(void **state)
{
	struct world *w = *state;
	apply(w, ADOPTS);
	uint64_t sent = w->sent;
	others_make(w, UUID, "mtty-1");
	others_make(w, OTHER, "mtty-2");
	run(w);
	assert_int_equal(state_of(w, UUID), SLICE_READY);
	assert_null(slice_of(w, OTHER));
	assert_int_equal(w->sent, sent);
	/* It stays one, beside what the policy makes, over a crash and an apply. */
	world_crash(w, true);
	run(w);
	apply(w, ADOPTS);
	assert_int_equal(state_of(w, UUID), SLICE_READY);
	assert_int_equal(w->sent, sent);
}

static void test_adopt_run_other_policies_adopt_nothing(void **state)
{
	struct world *w = *state;
	apply(w, ON_DEMAND "drift: repair\n");
	uint64_t looks = w->looks;
	others_make(w, UUID, "mtty-1");
	run(w);
	assert_null(slice_of(w, UUID));
	assert_int_equal(w->looks, looks);
}

static void test_adopt_run_mdev_in_use_waits_until_nobody_has_it(void **state)
{
	struct world *w = *state;
	struct target t = mdev(UUID);
	apply(w, ADOPTS);
	others_make(w, UUID, "mtty-1");
	assert_int_equal(machine_open(&w->m, &t, 0, 999), 0);
	run(w);
	world_run(w, 300000);
	assert_null(slice_of(w, UUID));
	machine_close(&w->m, &t);
	world_run(w, 120000);
	run(w);
	assert_non_null(slice_of(w, UUID));
}

static void test_adopt_run_mdev_is_made_anew_before_a_claim_gets_it(void **state)
{
	struct world *w = *state;
	struct target t = mdev(UUID);
	apply(w, ADOPTS);
	others_make(w, UUID, "mtty-1");
	/* Of which nobody of ours knows: what uid 0 left in it. */
	assert_int_equal(machine_open(&w->m, &t, 0, 999), 0);
	machine_close(&w->m, &t);
	run(w);
	assert_int_not_equal(machine_residue_uid(&w->m, &t), 0);
	world_alloc(w, 1000, "port", "one", CLAIM_RUNNING, 0, NULL);
	run(w);
	assert_int_equal(world_claim(w, "one")->state, CLAIM_HELD);
	assert_int_equal(state_of(w, UUID), SLICE_HELD);
	assert_int_equal(machine_residue_uid(&w->m, &t), 0);
	/* And once more by nobody: it is ours now. */
	world_release(w, 1000, "one");
	run(w);
	assert_int_equal(state_of(w, UUID), SLICE_READY);
}

static void test_adopt_run_mdev_removed_by_others_is_forgotten_until_the_next_apply(void **state)
{
	struct world *w = *state;
	static const char *const policy = HEAD TTYS("layout: {mtty-1: 2}") CLASSES "drift: adopt\n";
	apply(w, policy);
	assert_int_equal(w->m.n_made, 2);
	char uuid[UUID_SIZE];
	(void)STR_COPY(uuid, w->m.made[0]);
	machine_mdev_remove(&w->m, uuid);
	run(w);
	assert_null(slice_of(w, uuid));
	assert_int_equal(w->m.n_made, 1);
	apply(w, policy);
	assert_int_equal(w->m.n_made, 2);
}

static void test_adopt_run_adopted_mdev_counts_for_a_layout(void **state)
{
	struct world *w = *state;
	apply(w, ADOPTS);
	others_make(w, UUID, "mtty-1");
	run(w);
	apply(w, HEAD TTYS("layout: {mtty-1: 2}") CLASSES);
	assert_int_equal(w->m.have.n_mdevs, 2);
	assert_int_equal(state_of(w, UUID), SLICE_READY);
	/* A policy that does not name its type has no place for it. */
	apply(w, HEAD TTYS("layout: {mtty-2: 1}") CLASSES);
	assert_null(slice_of(w, UUID));
}

static void test_adopt_run_adopted_mdev_is_made_again_after_a_reboot(void **state)
{
	struct world *w = *state;
	apply(w, ADOPTS);
	others_make(w, UUID, "mtty-1");
	run(w);
	world_reboot(w);
	run(w);
	assert_int_equal(state_of(w, UUID), SLICE_READY);
	assert_non_null(have_mdev(&w->m.have, UUID));
}

static void test_adopt_run_vf_count_of_others_holds_until_the_next_apply(void **state)
{
	static const unsigned counts[] = { 6, 2 };
	struct world *w = *state;
	for (size_t i = 0; i < 2; i++) {
		apply(w, ADOPTS);
		assert_int_equal(vfs(w), 4);
		others_cut(w, counts[i]);
		uint64_t sent = w->sent;
		run(w);
		assert_int_equal(w->sent, sent);
		assert_int_equal(vf_slices(w), counts[i]);
		assert_int_equal(engine_record(w->e)->wants[0].count, counts[i]);
		world_reboot(w);
		run(w);
		assert_int_equal(vfs(w), counts[i]);
		assert_int_equal(vf_slices(w), counts[i]);
	}
	apply(w, ADOPTS);
	assert_int_equal(vfs(w), 4);
	/* None at all is what a driver leaves that was loaded anew: that is told, not taken. */
	machine_vfs_set(&w->m, NIC, 0, false);
	run(w);
	assert_int_equal(engine_record(w->e)->wants[0].count, 4);
}

static void others_cut_and_bind(struct world *w, unsigned vfs)
{
	others_cut(w, vfs);
	for (size_t i = 0; i < w->m.have.n_functions; i++) {
		struct function *f = &w->m.have.functions[i];
		if (!f->is_vf)
			continue;
		(void)STR_COPY(f->driver, "vfio-pci");
		f->vfio_node = true;
		f->vfio_mode = 0600;
	}
}

static void test_adopt_run_vf_count_under_a_claim_is_left(void **state)
{
	struct world *w = *state;
	apply(w, ADOPTS);
	world_alloc(w, 1000, "lan", "one", CLAIM_RUNNING, 0, NULL);
	run(w);
	others_cut_and_bind(w, 6);
	run(w);
	assert_int_equal(engine_record(w->e)->wants[0].count, 4);
	assert_int_equal(world_claim(w, "one")->state, CLAIM_HELD);
	/* One that others broke has nothing to lose, and ends as always. */
	others_cut(w, 6);
	run(w);
	assert_int_equal(engine_record(w->e)->wants[0].count, 6);
	assert_int_equal(world_claim(w, "one")->state, CLAIM_BROKEN);
	assert_int_equal(vf_slices(w), 5);
	world_release(w, 1000, "one");
	run(w);
	assert_int_equal(vf_slices(w), 6);
}

/* --- by hand ---------------------------------------------------------------------------------------- */

static void test_adopt_request_takes_what_is_there_once(void **state)
{
	struct world *w = *state;
	struct target all = mdev("");
	apply(w, ON_DEMAND);
	others_make(w, UUID, "mtty-1");
	others_make(w, OTHER, "mtty-1");
	run(w);
	struct adopt_request rq = { .target = all, .plan_only = true };
	engine_request_adopt(w->e, ++w->token, &root, &rq);
	uint64_t plan = w->token;
	run(w);
	done(w, plan);
	const json_t *report = world_answer(w, plan)->report;
	assert_int_equal(json_array_size(json_object_get(report, "slices")), 2);
	assert_null(slice_of(w, UUID));
	done(w, ask(w, &all, "", ""));
	assert_non_null(slice_of(w, UUID));
	assert_non_null(slice_of(w, OTHER));
	refused(w, ask(w, &all, "", ""), "adopt.none");
	struct target nic = { .device = NIC, .vf = -1 };
	others_cut(w, 2);
	run(w);
	done(w, ask(w, &nic, "", ""));
	assert_int_equal(vf_slices(w), 2);
}

static void test_adopt_request_in_use_names_the_holder(void **state)
{
	struct world *w = *state;
	struct target t = mdev(UUID);
	apply(w, ON_DEMAND);
	others_make(w, UUID, "mtty-1");
	assert_int_equal(machine_open(&w->m, &t, 0, 999), 0);
	run(w);
	uint64_t token = ask(w, &t, "", "");
	refused(w, token, "adopt.held");
	assert_non_null(strstr(world_answer(w, token)->because, "pid 999 (qemu-system-x86)"));
	/* Looked at anew, not remembered. */
	machine_close(&w->m, &t);
	done(w, ask(w, &t, "", ""));
}

static void test_adopt_request_mistakes_are_refused(void **state)
{
	struct world *w = *state;
	struct target t = mdev(UUID), nowhere = { .device = "pci:0000:00/1f.0", .vf = -1 };
	apply(w, ON_DEMAND);
	refused(w, ask(w, &t, "", ""), "adopt.none");
	refused(w, ask(w, &nowhere, "", ""), "adopt.not-divided");
	others_make(w, UUID, "mtty-2");
	run(w);
	refused(w, ask(w, &t, "", ""), "adopt.not-named");
	engine_request_adopt(w->e, ++w->token, &(struct requester){ .claim = true },
			     &(struct adopt_request){ .target = t });
	run(w);
	refused(w, w->token, "engine.denied");
	struct target vf = { .device = NIC, .vf = 1 };
	refused(w, ask(w, &vf, "", ""), "adopt.none");
	refused(w, ask(w, &vf, "guest", "libvirt:guest"), "adopt.not-vfio");
	refused(w, ask(w, &vf, "no name", "libvirt:guest"), "claim.name");
	world_alloc(w, 1000, "lan", "one", CLAIM_RUNNING, 0, NULL);
	run(w);
	vf.vf = world_slice(w, world_claim(w, "one")->slice)->index;
	refused(w, ask(w, &vf, "guest", "libvirt:guest"), "adopt.held");
	others_cut_and_bind(w, 6);
	run(w);
	struct target nic = { .device = NIC, .vf = -1 };
	refused(w, ask(w, &nic, "", ""), "adopt.held");
}

static void test_adopt_request_claim_of_no_class_is_refused(void **state)
{
	struct world *w = *state;
	struct target t = mdev(UUID);
	apply(w, HEAD TTYS("on-demand: [mtty-1]") "classes:\n  lan: {from: nic}\n");
	others_make(w, UUID, "mtty-1");
	run(w);
	refused(w, ask(w, &t, "guest", "libvirt:guest"), "adopt.no-class");
}

/* What it leaves is that claim's, whoever had the slice before. */
static void test_adopt_request_claim_is_on_nobody_elses_account(void **state)
{
	struct world *w = *state;
	const struct record *rec = engine_record(w->e);
	apply(w, HEAD TTYS("layout: {mtty-1: 1}") CLASSES);
	struct slice *s = &rec->slices[rec->n_slices - 1];
	const struct target t = slice_target(s);
	assert_true(t.uuid[0]);
	(void)STR_COPY(s->last_tenant, "other");
	done(w, ask(w, &t, "mine", "libvirt:guest"));
	const struct slice *mine = world_slice(w, world_claim(w, "mine")->slice);
	assert_true(mine->dirty);
	assert_string_equal(mine->last_tenant, "");
}

static void test_adopt_request_claim_of_what_a_guest_has_touches_nothing(void **state)
{
	struct world *w = *state;
	struct target t = mdev(UUID), vf = { .device = NIC, .vf = 1 };
	apply(w, ON_DEMAND);
	others_make(w, UUID, "mtty-1");
	struct function *f = machine_function(&w->m, &vf);
	(void)STR_COPY(f->driver, "vfio-pci");
	f->vfio_node = true;
	f->vfio_mode = 0600;
	assert_int_equal(machine_open(&w->m, &t, 0, 999), 0);
	assert_int_equal(machine_open(&w->m, &vf, 0, 999), 0);
	run(w);
	uint64_t sent = w->sent;
	done(w, ask(w, &t, "tty", "libvirt:guest"));
	done(w, ask(w, &vf, "net", "libvirt:guest"));
	assert_int_equal(w->sent, sent);
	assert_int_equal(world_claim(w, "tty")->state, CLAIM_HELD);
	assert_string_equal(world_claim(w, "tty")->class, "port");
	assert_int_equal(world_claim(w, "net")->kind, CLAIM_RESERVED);
	refused(w, ask(w, &t, "again", "libvirt:guest"), "adopt.held");
	/* They end as any claim does: not before the guest is gone. */
	world_release(w, 0, "tty");
	world_release(w, 0, "net");
	run(w);
	assert_int_equal(w->sent, sent);
	machine_close(&w->m, &t);
	machine_close(&w->m, &vf);
	world_run(w, 60000);
	run(w);
	assert_null(world_claim(w, "tty"));
	assert_null(world_claim(w, "net"));
	assert_int_equal(machine_residue_uid(&w->m, &t), 0);
	assert_int_equal(machine_residue_uid(&w->m, &vf), 0);
	assert_int_equal(state_of(w, UUID), SLICE_READY);
}

/* --- disown ------------------------------------------------------------------------------------------- */

static void test_disown_request_leaves_it_on_the_machine(void **state)
{
	struct world *w = *state;
	struct target t = mdev(UUID);
	apply(w, ON_DEMAND);
	others_make(w, UUID, "mtty-1");
	run(w);
	done(w, ask(w, &t, "", ""));
	done(w, disown(w, UUID));
	assert_null(slice_of(w, UUID));
	apply(w, ON_DEMAND "on-remove: destroy\n");
	apply(w, "version: 1\ndevices: {}\n");
	/* VFs that the last policy left. */
	refused(w, disown(w, "sriov/" NIC "/vf1"), "disown.vfs");
	done(w, disown(w, NIC));
	assert_int_equal(engine_record(w->e)->n_slices, 0);
	apply(w, "version: 1\ndevices: {}\non-remove: destroy\n");
	assert_non_null(have_mdev(&w->m.have, UUID));
	assert_int_equal(vfs(w), 4);
}

static void test_disown_request_mistakes_are_refused(void **state)
{
	struct world *w = *state;
	apply(w, ADOPTS);
	others_make(w, UUID, "mtty-1");
	run(w);
	refused(w, disown(w, UUID), "disown.adopts");
	refused(w, disown(w, NIC), "disown.wanted");
	refused(w, disown(w, OTHER), "disown.none");
	apply(w, ON_DEMAND);
	world_alloc(w, 1000, "port", "one", CLAIM_RUNNING, 0, NULL);
	run(w);
	refused(w, disown(w, UUID), "disown.held");
	engine_request_disown(w->e, ++w->token, &(struct requester){ .claim = true }, UUID);
	run(w);
	refused(w, w->token, "engine.denied");
}

static void test_disown_request_of_an_early_bound_function_is_refused(void **state)
{
	struct world *w = *state;
	apply(w, "version: 1\ndevices:\n  gpu: {match: {key: \"" GPU "\"}}\n"
		 "divide: [{use: gpu, as: passthrough, bind: early}]\n");
	apply(w, "version: 1\ndevices: {}\n");
	refused(w, disown(w, GPU), "disown.bound");
	apply(w, "version: 1\ndevices: {}\non-remove: destroy\n");
	assert_string_equal(have_device(&w->m.have, GPU)->driver, "nouveau");
}

/* --- hand-back ---------------------------------------------------------------------------------------- */

static uint64_t hand_back(struct world *w, const char *name, bool plan_only)
{
	engine_request_hand_back(w->e, ++w->token, &root, name, plan_only);
	uint64_t token = w->token;
	run(w);
	return token;
}

static void test_hand_back_request_of_what_a_guest_has_touches_nothing(void **state)
{
	struct world *w = *state;
	apply(w, ON_DEMAND);
	world_alloc(w, 1000, "port", "one", CLAIM_RUNNING, 0, NULL);
	run(w);
	const struct slice *s = slice_of(w, w->m.have.mdevs[0].uuid);
	assert_true(s && s->state == SLICE_HELD);
	struct target t = mdev(s->uuid);
	assert_int_equal(machine_open(&w->m, &t, 1000, 7), 0);
	uint64_t sent = w->sent, token = hand_back(w, t.uuid, true);
	done(w, token);
	const json_t *report = world_answer(w, token)->report;
	assert_int_equal(json_array_size(json_object_get(report, "slices")), 1);
	assert_string_equal(json_string_value(json_array_get(json_object_get(report, "claims"), 0)),
			    "one");
	assert_int_equal(engine_record(w->e)->n_claims, 1);
	done(w, hand_back(w, t.uuid, false));
	assert_int_equal(engine_record(w->e)->n_claims, 0);
	assert_null(slice_of(w, t.uuid));
	assert_non_null(have_mdev(&w->m.have, t.uuid));
	assert_int_equal(w->sent, sent);
	/* It is somebody else's now, over a reboot as well. */
	world_reboot(w);
	run(w);
	assert_int_equal(w->m.have.n_mdevs, 0);
	refused(w, hand_back(w, t.uuid, false), "hand-back.none");
}

static void test_hand_back_request_of_a_device_ends_what_the_policy_wants_of_it(void **state)
{
	struct world *w = *state;
	const char *text = "version: 1\ndevices:\n  gpu: {match: {key: \"" GPU "\"}}\n"
			   "divide: [{use: gpu, as: passthrough, bind: early}]\n"
			   "classes: {gpu: {from: gpu}}\n";
	apply(w, text);
	world_alloc(w, 1000, "gpu", "one", CLAIM_RESERVED, 0, NULL);
	run(w);
	uint64_t sent = w->sent;
	done(w, hand_back(w, GPU, false));
	assert_int_equal(engine_record(w->e)->n_wants, 0);
	assert_int_equal(engine_record(w->e)->n_claims, 0);
	assert_true(driver_is_vfio(have_device(&w->m.have, GPU)->driver));
	assert_int_equal(w->sent, sent);
	world_reboot(w);
	run(w);
	assert_string_equal(have_device(&w->m.have, GPU)->driver, "nouveau");
	/* The policy says so again. */
	apply(w, text);
	assert_true(driver_is_vfio(have_device(&w->m.have, GPU)->driver));
}

static void test_hand_back_request_mistakes_are_refused(void **state)
{
	struct world *w = *state;
	apply(w, HEAD TTYS("layout: {mtty-2: 1}") CLASSES
	      "reservations: [{name: fixed, class: port, for: \"manual:x\"}]\n");
	const char *uuid = w->m.have.mdevs[0].uuid;
	refused(w, hand_back(w, uuid, false), "hand-back.reserved");
	refused(w, hand_back(w, NIC, false), "hand-back.vfs");
	refused(w, hand_back(w, "sriov/" NIC "/vf1", false), "hand-back.vfs");
	refused(w, hand_back(w, OTHER, false), "hand-back.none");
	apply(w, HEAD TTYS("layout: {mtty-2: 1}") CLASSES "  both: {parts: {lan: 1, port: 1}}\n");
	world_alloc(w, 1000, "both", "two", CLAIM_RUNNING, 0, NULL);
	run(w);
	refused(w, hand_back(w, MTTY, false), "hand-back.part");
	world_release(w, 0, "two");
	run(w);
	apply(w, HEAD TTYS("layout: {mtty-2: 1}") CLASSES);
	refused(w, hand_back(w, w->m.have.mdevs[0].uuid, true), "hand-back.wanted");
	apply(w, ADOPTS);
	others_make(w, UUID, "mtty-1");
	run(w);
	refused(w, hand_back(w, UUID, false), "hand-back.adopts");
	world_alloc(w, 1000, "port", "one", CLAIM_RUNNING, 0, NULL);
	run(w);
	const struct slice *s = slice_of(w, UUID);
	struct target t = slice_target(s);
	assert_int_equal(machine_open(&w->m, &t, 1000, 7), 0);
	world_release(w, 0, "one");
	run(w);
	refused(w, hand_back(w, MTTY, false), "hand-back.busy");
	engine_request_hand_back(w->e, ++w->token, &(struct requester){ .claim = true }, UUID,
				 false);
	run(w);
	refused(w, w->token, "engine.denied");
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, world_teardown)
	const struct CMUnitTest tests[] = {
		T(test_adopt_run_mdev_of_a_named_type_becomes_a_free_slice_as_it_is),
		T(test_adopt_run_other_policies_adopt_nothing),
		T(test_adopt_run_mdev_in_use_waits_until_nobody_has_it),
		T(test_adopt_run_mdev_is_made_anew_before_a_claim_gets_it),
		T(test_adopt_run_mdev_removed_by_others_is_forgotten_until_the_next_apply),
		T(test_adopt_run_adopted_mdev_counts_for_a_layout),
		T(test_adopt_run_adopted_mdev_is_made_again_after_a_reboot),
		T(test_adopt_run_vf_count_of_others_holds_until_the_next_apply),
		T(test_adopt_run_vf_count_under_a_claim_is_left),
		T(test_adopt_request_takes_what_is_there_once),
		T(test_adopt_request_in_use_names_the_holder),
		T(test_adopt_request_mistakes_are_refused),
		T(test_adopt_request_claim_of_no_class_is_refused),
		T(test_adopt_request_claim_is_on_nobody_elses_account),
		T(test_adopt_request_claim_of_what_a_guest_has_touches_nothing),
		T(test_disown_request_leaves_it_on_the_machine),
		T(test_disown_request_mistakes_are_refused),
		T(test_disown_request_of_an_early_bound_function_is_refused),
		T(test_hand_back_request_of_what_a_guest_has_touches_nothing),
		T(test_hand_back_request_of_a_device_ends_what_the_policy_wants_of_it),
		T(test_hand_back_request_mistakes_are_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
