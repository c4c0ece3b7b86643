/* SPDX-License-Identifier: GPL-2.0-or-later */
/* GPU instances: where a layout puts them, what stays where it is, what others made. */
#include "support/test.h"

#include <stdlib.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "engine/fixture.h"
#include "nvidia/nvidia.h"

#define GPU_A "pci:0000:00/06.0/00.0"
#define GPU_B "pci:0000:00/08.0/00.0"

#define DEVICES "version: 1\ndevices: {gpu: {match: {key: [\"" GPU_A "\", \"" GPU_B "\"]}}}\n"
#define ANY "classes: {any: {from: gpu}}\n"
#define SMALL "classes: {small: {from: gpu, profiles: [1g.5gb]}}\n"
#define LAYOUT(of, more) DEVICES "divide: [{use: gpu, as: mig, layout: {" of "}}]\n" more
#define ON_DEMAND                                                                                  \
	DEVICES "divide: [{use: gpu, as: mig, on-demand: [1g.5gb, 3g.20gb]}]\n"                    \
		"classes: {half: {from: gpu, profiles: [3g.20gb]}}\n"

/* One of the two is divided otherwise. */
#define ONE_MORE                                                                                   \
	"version: 1\ndevices: {a: {match: {key: \"" GPU_A "\"}}, gpu: {match: {key: \"" GPU_B      \
	"\"}}}\n"                                                                                  \
	"divide:\n  - {use: a, as: mig, layout: {1g.5gb: 7}}\n"                                    \
	"  - {use: gpu, as: mig, layout: {7g.40gb: 1}}\n" ANY

static const struct mech *const *mechs(void)
{
	static const struct mech *with[8];
	for (size_t i = 0; i < 3; i++)
		with[i] = world_mechs[i];
	with[3] = &nvidia_mig_mech;
	with[4] = &nvidia_time_slice_mech;
	with[5] = &nvidia_mps_mech;
	return with;
}

static int setup(void **state)
{
	struct world *w = calloc(1, sizeof(*w));
	world_init(w, 7);
	w->mechs = mechs();
	machine_add_gpu(&w->m, GPU_A);
	machine_add_gpu(&w->m, GPU_B);
	have_sort(&w->m.have);
	world_up(w);
	*state = w;
	return 0;
}

/* "1g.5gb@6 3g.20gb@0", in the order of their starts. */
static void assert_parts(struct world *w, const char *key, const char *expected)
{
	_cleanup_free_ char *text = NULL;
	struct str_buf b = { 0 };
	for (uint32_t start = 0; start < 8; start++) {
		const struct gpu_part *p = have_gpu_part(&w->m.have, key, start);
		if (p)
			str_buf_addf(&b, "%s%s@%u", b.len ? " " : "",
				     have_gpu_profile_id(&w->m.have, key, p->profile)->name, start);
	}
	text = str_buf_take(&b);
	assert_string_equal(text ? text : "", expected);
}

/* --- layouts ----------------------------------------------------------------------------------------- */

static void test_mig_layout_is_made_whatever_its_order(void **state)
{
	struct world *w = *state;
	/* One mode and three instances on each of two. */
	assert_int_equal(world_apply_all(w, LAYOUT("1g.5gb: 2, 2g.10gb: 1, 3g.20gb: 1", ANY)), 10);
	assert_true(have_gpu(&w->m.have, GPU_A)->mig);
	for (size_t i = 0; i < 2; i++) {
		const char *key = i ? GPU_B : GPU_A;
		size_t n = 0;
		for (size_t p = 0; p < w->m.have.n_gpu_parts; p++)
			n += str_eq(w->m.have.gpu_parts[p].key, key);
		assert_int_equal(n, 4);
	}
	assert_int_equal(world_apply_all(w, LAYOUT("1g.5gb: 2, 2g.10gb: 1, 3g.20gb: 1", ANY)), 0);
}

static void test_mig_what_is_free_stays_when_the_rest_fits_beside_it(void **state)
{
	struct world *w = *state;
	(void)world_apply_all(w, LAYOUT("3g.20gb: 1", ANY));
	const struct gpu_part *p = have_gpu_part(&w->m.have, GPU_A, 0);
	if (!p)
		p = have_gpu_part(&w->m.have, GPU_A, 4);
	char uuid[GPU_UUID_SIZE];
	(void)STR_COPY(uuid, p->uuid);
	assert_int_equal(world_apply_all(w, LAYOUT("3g.20gb: 2", ANY)), 2);
	bool same = str_eq(have_gpu_part(&w->m.have, GPU_A, 0)->uuid, uuid) ||
		    str_eq(have_gpu_part(&w->m.have, GPU_A, 4)->uuid, uuid);
	assert_true(same);
	assert_parts(w, GPU_A, "3g.20gb@0 3g.20gb@4");
}

static void test_mig_what_is_free_moves_when_it_must(void **state)
{
	struct world *w = *state;
	(void)world_apply_all(w, LAYOUT("1g.5gb: 7", ANY));
	(void)world_apply_all(w, LAYOUT("1g.5gb: 3, 4g.20gb: 1", ANY));
	assert_parts(w, GPU_A, "4g.20gb@0 1g.5gb@4 1g.5gb@5 1g.5gb@6");
	(void)world_apply_all(w, LAYOUT("7g.40gb: 1", ANY));
	assert_parts(w, GPU_A, "7g.40gb@0");
}

static void test_mig_what_is_held_does_not_move(void **state)
{
	struct world *w = *state;
	(void)world_apply_all(w, LAYOUT("1g.5gb: 7", ANY));
	const struct slice *s = world_hold(w, "any", "mine");
	char device[DEVICE_KEY_SIZE];
	(void)STR_COPY(device, s->device);
	const struct world_answer *a;
	uint64_t token = world_apply(w, LAYOUT("7g.40gb: 1", ANY), false);
	world_run_well(w, 3000);
	a = world_answered(w, token, ANSWER_DONE);
	const json_t *devices = json_object_get(a->report, "results"), *d;
	size_t i, refused = 0;
	json_array_foreach(devices, i, d) {
		const char *id =
			json_string_value(json_object_get(json_object_get(d, "error"), "id"));
		refused += id && str_eq(id, "layout.held");
	}
	assert_int_equal(refused, 1);
	assert_int_equal(world_slice(w, world_claim(w, "mine")->slice)->state, SLICE_HELD);
	assert_parts(w, str_eq(device, GPU_A) ? GPU_B : GPU_A, "7g.40gb@0");
	world_let_go(w, "mine");
	(void)world_apply_all(w, LAYOUT("7g.40gb: 1", ANY));
	assert_parts(w, GPU_A, "7g.40gb@0");
	assert_parts(w, GPU_B, "7g.40gb@0");
}

static void test_mig_layout_beside_what_is_held_is_made(void **state)
{
	struct world *w = *state;
	(void)world_apply_all(w, LAYOUT("3g.20gb: 2", ANY));
	const struct slice *s = world_hold(w, "any", "mine");
	char device[DEVICE_KEY_SIZE];
	uint32_t start = s->start;
	(void)STR_COPY(device, s->device);
	(void)world_apply_all(w, LAYOUT("3g.20gb: 1, 1g.5gb: 3", ANY));
	assert_parts(w, device,
		     start ? "1g.5gb@0 1g.5gb@1 1g.5gb@2 3g.20gb@4"
			   : "3g.20gb@0 1g.5gb@4 1g.5gb@5 1g.5gb@6");
}

static void test_mig_other_devices_are_not_touched(void **state)
{
	struct world *w = *state;
	(void)world_apply_all(w, LAYOUT("1g.5gb: 7", ANY));
	uint64_t writes = w->m.writes;
	(void)world_apply_all(w, ONE_MORE);
	assert_int_equal(w->m.writes, writes + 8);
	assert_parts(w, GPU_A, "1g.5gb@0 1g.5gb@1 1g.5gb@2 1g.5gb@3 1g.5gb@4 1g.5gb@5 1g.5gb@6");
	assert_parts(w, GPU_B, "7g.40gb@0");
}

static void test_mig_mode_ends_with_the_policy_that_began_it(void **state)
{
	struct world *w = *state;
	(void)world_apply_all(w, LAYOUT("3g.20gb: 2", ANY));
	/* Two instances each, and the mode. */
	assert_int_equal(world_apply_all(w, DEVICES "divide: [{use: gpu, as: passthrough}]\n" ANY),
			 6);
	assert_false(have_gpu(&w->m.have, GPU_A)->mig);
	have_gpu(&w->m.have, GPU_A)->mig = 1;
	world_observe(w);
	(void)world_apply_all(w, LAYOUT("3g.20gb: 2", ANY));
	(void)world_apply_all(w, DEVICES "divide: [{use: gpu, as: passthrough}]\n" ANY);
	assert_true(have_gpu(&w->m.have, GPU_A)->mig);
	assert_false(have_gpu(&w->m.have, GPU_B)->mig);
}

/* What was made for a claim has gone with it; what was done for its sake has not. */
static void test_mig_mode_ends_with_the_policy_when_nothing_is_left(void **state)
{
	static const char *const others[] = {
		DEVICES "divide: [{use: gpu, as: passthrough}]\n" ANY,
		DEVICES "divide: [{use: gpu, as: time-slice, layout: {share: 2}}]\n" ANY,
		DEVICES "on-remove: destroy\n",
	};
	struct world *w = *state;
	for (size_t i = 0; i < sizeof(others) / sizeof(*others); i++) {
		char device[DEVICE_KEY_SIZE];
		(void)world_apply_all(w, ON_DEMAND);
		(void)STR_COPY(device, world_hold(w, "half", "mine")->device);
		world_let_go(w, "mine");
		assert_true(have_gpu(&w->m.have, device)->mig);
		assert_int_equal(world_apply_all(w, ON_DEMAND), 0);
		assert_true(world_apply_all(w, others[i]) > 0);
		assert_false(have_gpu(&w->m.have, device)->mig);
		assert_int_equal(world_apply_all(w, others[i]), 0);
	}
}

/* Another layout has other slices, and the mode is on for those as well. */
static void test_mig_mode_ends_with_the_policy_after_other_layouts(void **state)
{
	struct world *w = *state;
	(void)world_apply_all(w, LAYOUT("3g.20gb: 2", ANY));
	(void)world_apply_all(w, LAYOUT("1g.5gb: 7", ANY));
	(void)world_apply_all(w, DEVICES "divide: [{use: gpu, as: passthrough}]\n" ANY);
	assert_false(have_gpu(&w->m.have, GPU_A)->mig);
	assert_false(have_gpu(&w->m.have, GPU_B)->mig);
}

/* --- claims and reboots -------------------------------------------------------------------------------- */

static void test_mig_claim_is_served_and_cleaned_by_making_it_anew(void **state)
{
	struct world *w = *state;
	(void)world_apply_all(w, LAYOUT("3g.20gb: 1", ANY));
	const struct slice *s = world_hold(w, "any", "mine");
	char device[DEVICE_KEY_SIZE], uuid[GPU_UUID_SIZE];
	(void)STR_COPY(device, s->device);
	(void)STR_COPY(uuid, s->known_as);
	uint32_t start = s->start;
	struct target t = slice_target(s);
	assert_int_equal(t.part, start + 1);
	assert_int_equal(machine_open(&w->m, &t, 1000, 77), 0);
	(void)world_release(w, 0, "mine");
	world_run_well(w, 3000);
	assert_int_equal(world_claim(w, "mine")->state, CLAIM_RELEASING);
	machine_close(&w->m, &t);
	world_run_well(w, 60000);
	assert_null(world_claim(w, "mine"));
	const struct gpu_part *p = have_gpu_part(&w->m.have, device, start);
	assert_non_null(p);
	assert_string_not_equal(p->uuid, uuid);
}

static void test_mig_reboot_makes_the_same_instances_in_the_same_places(void **state)
{
	struct world *w = *state;
	(void)world_apply_all(w, LAYOUT("1g.5gb: 3, 4g.20gb: 1", SMALL));
	const struct slice *s = world_hold(w, "small", "mine");
	uint32_t start = s->start;
	world_reboot(w);
	world_run_well(w, 5000);
	assert_parts(w, GPU_A, "4g.20gb@0 1g.5gb@4 1g.5gb@5 1g.5gb@6");
	assert_parts(w, GPU_B, "4g.20gb@0 1g.5gb@4 1g.5gb@5 1g.5gb@6");
	s = world_slice(w, world_claim(w, "mine")->slice);
	assert_int_equal(s->state, SLICE_HELD);
	assert_int_equal(s->start, start);
}

static void test_mig_on_demand_makes_and_removes(void **state)
{
	struct world *w = *state;
	(void)world_apply_all(w, ON_DEMAND);
	const struct slice *s = world_hold(w, "half", "mine");
	char device[DEVICE_KEY_SIZE];
	(void)STR_COPY(device, s->device);
	assert_non_null(have_gpu_part(&w->m.have, device, s->start));
	world_let_go(w, "mine");
	assert_parts(w, device, "");
}

/* --- shares ---------------------------------------------------------------------------------------------- */

#define SHARES(how, n) DEVICES "divide: [{use: gpu, as: " how ", layout: {share: " n "}}]\n" ANY

static void test_shares_of_one_gpu_are_held_at_once(void **state)
{
	struct world *w = *state;
	/* Time in turn is how the driver is. */
	assert_int_equal(world_apply_all(w, SHARES("time-slice", "3")), 0);
	char name[8];
	for (unsigned i = 0; i < 6; i++) {
		(void)STR_FORMAT(name, "c%u", i);
		(void)world_hold(w, "any", name);
	}
	uint64_t token = world_alloc(w, 1000, "any", "more", CLAIM_RESERVED, 0, NULL);
	world_run_well(w, 1000);
	world_answered(w, token, ANSWER_FAILED);
	world_let_go(w, "c2");
	(void)world_hold(w, "any", "more");
	assert_int_equal(w->looks, 0);
}

static void test_shares_end_with_their_process(void **state)
{
	struct world *w = *state;
	(void)world_apply_all(w, SHARES("time-slice", "1"));
	uint64_t token = world_alloc(w, 1000, "any", "mine", CLAIM_RUNNING, 4242, NULL);
	world_run_well(w, 1000);
	world_answered(w, token, ANSWER_DONE);
	engine_consumer_gone(w->e, "mine");
	world_run_well(w, 1000);
	assert_null(world_claim(w, "mine"));
}

static void test_shares_mps_server_lives_as_long_as_they_do(void **state)
{
	struct world *w = *state;
	assert_int_equal(world_apply_all(w, SHARES("mps", "4")), 2);
	assert_true(have_gpu(&w->m.have, GPU_A)->mps);
	(void)world_hold(w, "any", "mine");
	assert_int_equal(world_apply_all(w, SHARES("mps", "2")), 0);
	world_reboot(w);
	world_run_well(w, 5000);
	assert_true(have_gpu(&w->m.have, GPU_A)->mps);
	assert_int_equal(world_claim(w, "mine")->state, CLAIM_HELD);
	world_let_go(w, "mine");
	assert_int_equal(world_apply_all(w, LAYOUT("7g.40gb: 1", ANY)), 6);
	assert_false(have_gpu(&w->m.have, GPU_A)->mps);
}

static void test_shares_none_of_a_gpu_in_mig_mode(void **state)
{
	struct world *w = *state;
	have_gpu(&w->m.have, GPU_A)->mig = 1;
	world_observe(w);
	uint64_t token = world_apply(w, SHARES("time-slice", "1"), false);
	world_run_well(w, 3000);
	(void)token;
	const struct record *r = engine_record(w->e);
	unsigned ready = 0;
	for (size_t i = 0; i < r->n_slices; i++)
		ready += r->slices[i].state == SLICE_READY;
	assert_int_equal(ready, 1);
}

#define SHARED(n)                                                                                  \
	DEVICES "divide: [{use: gpu, as: mig, layout: {3g.20gb: 1}, share: {3g.20gb: " n "}}]\n" ANY

static void test_mig_shared_instance_is_made_once_and_goes_with_the_last(void **state)
{
	struct world *w = *state;
	/* One mode and one instance on each of two. */
	assert_int_equal(world_apply_all(w, SHARED("3")), 4);
	assert_int_equal(engine_record(w->e)->n_slices, 6);
	const struct slice *s = world_hold(w, "any", "one");
	char device[DEVICE_KEY_SIZE];
	uint32_t start = s->start;
	(void)STR_COPY(device, s->device);
	for (unsigned i = 0; i < 5; i++) {
		char name[8];
		(void)STR_FORMAT(name, "c%u", i);
		(void)world_hold(w, "any", name);
	}
	uint64_t writes = w->m.writes;
	world_let_go(w, "one");
	assert_int_equal(w->m.writes, writes);
	assert_non_null(have_gpu_part(&w->m.have, device, start));
	assert_int_equal(w->looks, 0);
	assert_int_equal(world_apply_all(w, SHARED("3")), 0);
}

/* What one of them learnt of the instance holds for all: none is taken for another one's. */
static void test_mig_shares_survive_a_reboot_together(void **state)
{
	struct world *w = *state;
	(void)world_apply_all(w, SHARED("2"));
	(void)world_hold(w, "any", "a");
	(void)world_hold(w, "any", "b");
	(void)world_hold(w, "any", "c");
	world_reboot(w);
	world_run_well(w, 5000);
	const struct record *r = engine_record(w->e);
	for (size_t i = 0; i < r->n_claims; i++)
		assert_int_equal(r->claims[i].state, CLAIM_HELD);
	for (size_t i = 0; i < r->n_slices; i++)
		assert_string_equal(
			r->slices[i].known_as,
			have_gpu_part(&w->m.have, r->slices[i].device, r->slices[i].start)->uuid);
}

static void assert_none_free(struct world *w, const char *name)
{
	uint64_t token = world_alloc(w, 1001, "any", name, CLAIM_RESERVED, 0, NULL);
	world_run_well(w, 3000);
	world_answered(w, token, ANSWER_FAILED);
	assert_null(world_claim(w, name));
}

/* Holds all shares, and releases all but those of one instance from the number "from" on. */
static void hold_late_shares(struct world *w, unsigned n, uint32_t from)
{
	char name[8], device[DEVICE_KEY_SIZE] = "";
	for (unsigned i = 0; i < n; i++) {
		(void)STR_FORMAT(name, "c%u", i);
		(void)world_hold(w, "any", name);
	}
	for (unsigned i = 0; i < n; i++) {
		(void)STR_FORMAT(name, "c%u", i);
		const struct slice *s = world_slice(w, world_claim(w, name)->slice);
		if (!device[0])
			(void)STR_COPY(device, s->device);
		if (s->share < from || !str_eq(s->device, device))
			world_let_go(w, name);
	}
}

static void test_mig_shares_that_stay_held_keep_others_out(void **state)
{
	struct world *w = *state;
	(void)world_apply_all(w, SHARED("3"));
	hold_late_shares(w, 6, 3);
	/* One claim has one now; the instance of the other GPU is free. */
	(void)world_apply(w, LAYOUT("3g.20gb: 1", ANY), false);
	world_run_well(w, 3000);
	(void)world_hold(w, "any", "alone");
	assert_none_free(w, "second");
}

static void test_mig_shares_that_become_fewer_count_those_held(void **state)
{
	struct world *w = *state;
	(void)world_apply_all(w, SHARED("4"));
	hold_late_shares(w, 8, 3);
	/* Two of two are held on one GPU, none on the other. */
	(void)world_apply(w, SHARED("2"), false);
	world_run_well(w, 3000);
	(void)world_hold(w, "any", "one");
	(void)world_hold(w, "any", "two");
	assert_none_free(w, "three");
}

static void test_mig_f19_shared_instance_half_made_goes(void **state)
{
	struct world *w = *state;
	w->m.half_made = true;
	uint64_t token = world_apply(w, SHARED("3"), false);
	world_run_well(w, 3000);
	(void)world_answered(w, token, ANSWER_DONE);
	w->m.half_made = false;
	(void)world_apply_all(w, SHARED("3"));
	const struct record *r = engine_record(w->e);
	assert_int_equal(r->n_slices, 6);
	for (size_t i = 0; i < r->n_slices; i++)
		assert_int_equal(r->slices[i].state, SLICE_READY);
}

/* --- what goes wrong ----------------------------------------------------------------------------------- */

/* What the mechanism says of one slice of the first GPU. */
static void assert_refused_by(const struct mech *m, struct world *w, const char *profile,
			      uint32_t start, const char *id)
{
	struct slice s = { .index = -1, .alone = 1, .start = start, .state = SLICE_WANTED };
	_cleanup_(plan_done) struct plan p = { 0 };
	_cleanup_err_ struct err err = { 0 };
	(void)STR_COPY(s.device, GPU_A);
	(void)STR_COPY(s.mech, m->name);
	(void)STR_COPY(s.profile, profile);
	assert_true(m->make_steps(&w->m.have, NULL, &s, &p, &err) < 0);
	assert_string_equal(err.id, id);
	assert_int_equal(p.n, 0);
}

static void assert_refused(struct world *w, const char *profile, uint32_t start, const char *id)
{
	assert_refused_by(&nvidia_mig_mech, w, profile, start, id);
}

static void test_mig_what_cannot_be_made_is_refused(void **state)
{
	struct world *w = *state;
	struct gpu *g = have_gpu(&w->m.have, GPU_A);
	g->mig_capable = 0;
	assert_refused(w, "3g.20gb", 0, "mig.incapable");
	g->mig_capable = g->mig = 1;
	assert_refused(w, "3g.40gb", 0, "mig.profile.unknown");
	assert_refused(w, "3g.20gb", 2, "mig.profile.unknown");
	assert_int_equal(machine_part_create(&w->m, GPU_A, "1g.5gb", 5, true), 1);
	assert_refused(w, "3g.20gb", 4, "mig.taken");
	assert_refused_by(&nvidia_time_slice_mech, w, "share", 0, "share.mig");
	g->seen = GPU_UNSEEN;
	assert_refused(w, "3g.20gb", 4, "mig.unseen");
	assert_refused_by(&nvidia_mps_mech, w, "share", 0, "mig.unseen");
}

static void test_mig_f19_instance_without_its_compute_instance_is_ours_and_goes(void **state)
{
	struct world *w = *state;
	w->m.half_made = true;
	uint64_t token = world_apply(w, LAYOUT("3g.20gb: 1", ANY), false);
	world_run_well(w, 3000);
	(void)world_answered(w, token, ANSWER_DONE);
	w->m.half_made = false;
	(void)world_apply_all(w, LAYOUT("3g.20gb: 1", ANY));
	const struct record *r = engine_record(w->e);
	assert_int_equal(r->n_slices, 2);
	for (size_t i = 0; i < r->n_slices; i++)
		assert_int_equal(r->slices[i].state, SLICE_READY);
}

/* The layout fills the GPU: what is half made is of it, and does not count twice. */
static void test_mig_f19_instance_half_made_after_a_release_is_mended_by_apply(void **state)
{
	struct world *w = *state;
	(void)world_apply_all(w, LAYOUT("3g.20gb: 2", ANY));
	const struct slice *s = world_hold(w, "any", "mine");
	char device[DEVICE_KEY_SIZE];
	(void)STR_COPY(device, s->device);
	uint32_t start = s->start;
	w->m.half_made = true;
	(void)world_release(w, 0, "mine");
	world_run(w, 100);
	assert_int_equal(have_gpu_part(&w->m.have, device, start)->n_computes, 0);
	w->m.half_made = false;
	world_observe(w);
	_cleanup_err_ struct err err = { 0 };
	const struct record *r = engine_record(w->e);
	uint32_t fill;
	for (size_t i = 0; i < r->n_wants; i++)
		assert_int_equal(engine_layout(w->e, &w->m.have, &r->wants[i], "", &fill, &err), 0);
	(void)world_apply_all(w, LAYOUT("3g.20gb: 2", ANY));
	assert_int_equal(have_gpu_part(&w->m.have, device, start)->n_computes, 1);
}

static void test_mig_f14_what_others_made_stays_and_is_built_around(void **state)
{
	struct world *w = *state;
	have_gpu(&w->m.have, GPU_A)->mig = 1;
	assert_int_equal(machine_part_create(&w->m, GPU_A, "3g.20gb", 0, true), 1);
	world_observe(w);
	(void)world_apply_all(w, LAYOUT("1g.5gb: 3", ANY));
	assert_parts(w, GPU_A, "3g.20gb@0 1g.5gb@4 1g.5gb@5 1g.5gb@6");
}

static void test_mig_f31_made_again_by_others_is_another_one(void **state)
{
	struct world *w = *state;
	(void)world_apply_all(w, LAYOUT("3g.20gb: 1", ANY "drift: repair\n"));
	const struct slice *s = world_hold(w, "any", "mine");
	char device[DEVICE_KEY_SIZE];
	uint32_t start = s->start;
	(void)STR_COPY(device, s->device);
	struct target t = slice_target(s);
	machine_part_disown(&w->m, &t);
	(void)machine_part_destroy(&w->m, device, start);
	assert_int_equal(machine_part_create(&w->m, device, "3g.20gb", start, true), 1);
	world_observe(w);
	world_run_well(w, 3000);
	assert_int_equal(world_claim(w, "mine")->state, CLAIM_BROKEN);
	world_let_go(w, "mine");
	assert_non_null(have_gpu_part(&w->m.have, device, start));
}

/* Each thing that others can do to what a claim holds has its words. */
static void test_mig_f31_what_has_become_of_it_is_said(void **state)
{
	static const char *const words[] = {
		"its GPU instance was removed, while it was held",
		"its compute instance was removed, while it was held",
		"another GPU instance is in its place, while it was held",
		"MIG mode was switched off, while it was held",
	};
	for (unsigned i = 0; i < 4; i++) {
		struct world *w = *state;
		(void)world_apply_all(w, LAYOUT("3g.20gb: 1", ANY));
		const struct slice *s = world_hold(w, "any", "mine");
		struct gpu *g = have_gpu(&w->m.have, s->device);
		struct gpu_part *p = have_gpu_part(&w->m.have, s->device, s->start);
		if (i == 1)
			p->n_computes = p->compute_whole = 0;
		else if (i == 2)
			(void)STR_COPY(p->uuid, "MIG-of-somebody-else");
		else
			machine_part_destroy(&w->m, s->device, s->start);
		g->mig = i != 3;
		world_observe(w);
		world_run_well(w, 1000);
		assert_int_equal(world_claim(w, "mine")->state, CLAIM_BROKEN);
		assert_string_equal(world_claim(w, "mine")->reason, words[i]);
		assert_int_equal(world_teardown(state), 0);
		assert_int_equal(setup(state), 0);
	}
}

static void test_mig_mode_that_is_not_in_force_is_waited_for(void **state)
{
	struct world *w = *state;
	struct gpu *g = have_gpu(&w->m.have, GPU_A);
	g->mig_pending = 1;
	world_observe(w);
	uint64_t token = world_apply(w, LAYOUT("3g.20gb: 1", ANY), false);
	world_run_well(w, 3000);
	(void)token;
	assert_parts(w, GPU_A, "");
	have_gpu(&w->m.have, GPU_A)->mig = 1;
	world_observe(w);
	world_run_well(w, 3000);
	assert_int_equal(w->m.have.n_gpu_parts, 2);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, world_teardown)
	const struct CMUnitTest tests[] = {
		T(test_mig_layout_is_made_whatever_its_order),
		T(test_mig_what_is_free_stays_when_the_rest_fits_beside_it),
		T(test_mig_what_is_free_moves_when_it_must),
		T(test_mig_what_is_held_does_not_move),
		T(test_mig_layout_beside_what_is_held_is_made),
		T(test_mig_other_devices_are_not_touched),
		T(test_mig_mode_ends_with_the_policy_that_began_it),
		T(test_mig_mode_ends_with_the_policy_when_nothing_is_left),
		T(test_mig_mode_ends_with_the_policy_after_other_layouts),
		T(test_mig_claim_is_served_and_cleaned_by_making_it_anew),
		T(test_mig_reboot_makes_the_same_instances_in_the_same_places),
		T(test_mig_on_demand_makes_and_removes),
		T(test_shares_of_one_gpu_are_held_at_once),
		T(test_shares_end_with_their_process),
		T(test_shares_mps_server_lives_as_long_as_they_do),
		T(test_shares_none_of_a_gpu_in_mig_mode),
		T(test_mig_shared_instance_is_made_once_and_goes_with_the_last),
		T(test_mig_shares_survive_a_reboot_together),
		T(test_mig_shares_that_stay_held_keep_others_out),
		T(test_mig_shares_that_become_fewer_count_those_held),
		T(test_mig_f19_shared_instance_half_made_goes),
		T(test_mig_what_cannot_be_made_is_refused),
		T(test_mig_f19_instance_without_its_compute_instance_is_ours_and_goes),
		T(test_mig_f19_instance_half_made_after_a_release_is_mended_by_apply),
		T(test_mig_f14_what_others_made_stays_and_is_built_around),
		T(test_mig_f31_made_again_by_others_is_another_one),
		T(test_mig_f31_what_has_become_of_it_is_said),
		T(test_mig_mode_that_is_not_in_force_is_waited_for),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
