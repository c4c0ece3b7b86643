/* SPDX-License-Identifier: GPL-2.0-or-later */
/* vGPUs that run in GPU instances: the vendor's order, which instance is whose, what is left in the end. */
#include "support/test.h"

#include <errno.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "engine/fixture.h"
#include "nvidia/nvidia.h"

#define GPU "pci:0000:00/06.0/00.0"

#define DEVICES "version: 1\ndevices: {gpu: {match: {key: \"" GPU "\"}}}\n"
#define ANY "classes: {any: {from: gpu}}\n"
#define LAYOUT(of) DEVICES "divide: [{use: gpu, as: vgpu, layout: {" of "}}]\n" ANY
#define WHOLE DEVICES "divide: [{use: gpu, as: passthrough}]\n" ANY
#define ON_DEMAND                                                                                  \
	DEVICES "divide: [{use: gpu, as: vgpu, on-demand: [A100-1-5C, A100-3-20C]}]\n"             \
		"classes: {any: {from: gpu, profiles: [A100-1-5C]}}\n"

static const struct mech *const *mechs(void)
{
	static const struct mech *with[8];
	for (size_t i = 0; i < 3; i++)
		with[i] = world_mechs[i];
	with[3] = &nvidia_vgpu_mech;
	return with;
}

static int setup(void **state)
{
	struct world *w = calloc(1, sizeof(*w));
	world_init(w, 11);
	w->mechs = mechs();
	machine_add_vgpu_mig(&w->m, GPU);
	have_sort(&w->m.have);
	world_up(w);
	*state = w;
	return 0;
}

static size_t vgpus(const struct world *w)
{
	size_t n = 0;
	for (size_t i = 0; i < w->m.have.n_vgpu_vfs; i++)
		n += w->m.have.vgpu_vfs[i].type != 0;
	return n;
}

/* Each slice of the record has the place of the instance in which its vGPU runs. */
static void assert_places(struct world *w)
{
	const struct record *r = engine_record(w->e);
	for (size_t i = 0; i < r->n_slices; i++) {
		const struct slice *s = &r->slices[i];
		const struct vgpu_vf *v = have_vgpu_vf(&w->m.have, GPU, s->index);
		const struct gpu_part *p = have_gpu_part(&w->m.have, GPU, s->start);
		if (!v || !v->type)
			continue;
		assert_non_null(p);
		assert_int_equal(v->instance, (int32_t)p->instance);
		assert_string_equal(s->known_as, p->uuid);
	}
}

static void test_vgpu_mig_layout_in_the_order_of_the_vendor(void **state)
{
	struct world *w = *state;
	/* MIG, VFs, and twice instance and type. */
	assert_int_equal(world_apply_all(w, LAYOUT("A100-1-5C: 2")), 6);
	assert_int_equal(vgpus(w), 2);
	assert_int_equal(w->m.have.n_gpu_parts, 2);
	assert_int_equal(world_apply_all(w, LAYOUT("A100-1-5C: 2")), 0);
	assert_int_equal(world_apply_all(w, LAYOUT("A100-1-5C: 1")), 2);
	assert_int_equal(w->m.have.n_gpu_parts, 1);
	assert_int_equal(world_apply_all(w, WHOLE), 4);
	assert_int_equal(w->m.have.n_gpu_parts, 0);
	assert_false(have_gpu(&w->m.have, GPU)->mig);
	assert_int_equal(have_vf_count(&w->m.have, have_device(&w->m.have, GPU)->addr), 0);
}

static void test_vgpu_mig_place_is_that_of_the_instance_it_runs_in(void **state)
{
	struct world *w = *state;
	(void)world_apply_all(w, LAYOUT("A100-1-5C: 1"));
	/* One more instance that is free, ours: by a type that was taken away. */
	(void)world_apply_all(w, LAYOUT("A100-1-5C: 3"));
	assert_places(w);
	struct target t = { .vf = 0 };
	(void)STR_COPY(t.device, GPU);
	assert_int_equal(machine_vgpu_set(&w->m, &t, 0), 1);
	t.vf = 1;
	assert_int_equal(machine_vgpu_set(&w->m, &t, 0), 1);
	world_observe(w);
	world_run_well(w, 3000);
	(void)world_apply(w, LAYOUT("A100-1-5C: 3"), false);
	world_run_well(w, 3000);
	assert_int_equal(vgpus(w), 3);
	assert_places(w);
	(void)world_apply_all(w, WHOLE);
	assert_int_equal(w->m.have.n_gpu_parts, 0);
}

static void test_vgpu_mig_on_demand_instance_goes_with_it(void **state)
{
	struct world *w = *state;
	(void)world_apply_all(w, ON_DEMAND);
	assert_int_equal(w->m.have.n_gpu_parts, 0);
	(void)world_hold(w, "any", "mine");
	(void)world_hold(w, "any", "yours");
	assert_int_equal(w->m.have.n_gpu_parts, 2);
	(void)world_release(w, 0, "mine");
	world_run_well(w, 3000);
	assert_int_equal(w->m.have.n_gpu_parts, 1);
	assert_int_equal(vgpus(w), 1);
	assert_places(w);
}

static void test_vgpu_mig_f14_instance_of_others_is_built_around(void **state)
{
	struct world *w = *state;
	have_gpu(&w->m.have, GPU)->mig = 1;
	(void)machine_vgpu_vfs(&w->m, GPU, true);
	assert_int_equal(machine_part_create(&w->m, GPU, "1g.5gb", 0, true), 1);
	machine_vgpu_types_show(&w->m, GPU);
	world_observe(w);
	(void)world_apply_all(w, LAYOUT("A100-3-20C: 1, A100-1-5C: 1"));
	assert_int_equal(w->m.have.n_gpu_parts, 3);
	(void)world_apply_all(w, WHOLE);
	assert_int_equal(w->m.have.n_gpu_parts, 1);
	assert_true(have_gpu(&w->m.have, GPU)->mig);
}

static struct slice slice_with_instance(struct world *w, const char *known_as)
{
	struct slice s = { .alone = 1, .index = 0, .start = 0, .asked = ASKED_PART };
	(void)STR_COPY(s.device, GPU);
	(void)STR_COPY(s.mech, "vgpu");
	(void)STR_COPY(s.profile, "A100-1-5C");
	have_gpu(&w->m.have, GPU)->mig = 1;
	(void)machine_vgpu_vfs(&w->m, GPU, true);
	assert_int_equal(machine_part_create(&w->m, GPU, "1g.5gb", 0, true), 1);
	struct gpu_part *p = have_gpu_part(&w->m.have, GPU, 0);
	(void)STR_COPY(p->uuid, known_as);
	(void)STR_COPY(s.known_as, known_as);
	machine_vgpu_types_show(&w->m, GPU);
	return s;
}

/* That the instance is ours says nothing of who set the type. */
static void test_vgpu_mig_f14_type_that_others_set_in_our_instance_is_theirs(void **state)
{
	bool found;
	struct world *w = *state;
	_cleanup_err_ struct err err = { 0 };
	_cleanup_(plan_done) struct plan p = { 0 };
	const struct slice s = slice_with_instance(w, "MIG-a");
	struct target t = { .vf = 0 };
	(void)STR_COPY(t.device, GPU);
	assert_int_equal(machine_vgpu_set(&w->m, &t, 474), 1);
	(void)nvidia_vgpu_mech.find(&w->m.have, &s, &found);
	assert_false(found);
	assert_true(nvidia_vgpu_mech.make_steps(&w->m.have, NULL, &s, &p, &err) < 0);
	assert_string_equal(err.id, "vgpu.foreign");
}

static void test_vgpu_mig_step_does_not_take_what_is_there_for_ours(void **state)
{
	struct world *w = *state;
	_cleanup_err_ struct err err = { 0 };
	_cleanup_(plan_done) struct plan p = { 0 };
	const struct slice s = slice_with_instance(w, "MIG-a");
	assert_int_equal(nvidia_vgpu_mech.make_steps(&w->m.have, NULL, &s, &p, &err), 0);
	assert_int_equal(p.n, 1);
	assert_int_equal(p.steps[0].verb, VERB_VGPU_SET);
	assert_int_equal(p.steps[0].flag, 0);
}

/* Older libraries tell no UUID of an instance. */
static void test_vgpu_mig_instance_without_a_uuid_goes_too(void **state)
{
	struct world *w = *state;
	_cleanup_err_ struct err err = { 0 };
	_cleanup_(plan_done) struct plan p = { 0 };
	const struct slice s = slice_with_instance(w, "");
	assert_int_equal(nvidia_vgpu_mech.unmake_steps(&w->m.have, &s, &p, &err), 0);
	assert_int_equal(p.n, 1);
	assert_int_equal(p.steps[0].verb, VERB_MIG_DESTROY);
}

/* Which instance an mdev runs in nobody says, so none could be removed for sure. */
static void test_vgpu_mig_types_of_instances_are_not_made_as_mdevs(void **state)
{
	struct world *w = *state;
	_cleanup_err_ struct err err = { 0 };
	_cleanup_(plan_done) struct plan p = { 0 };
	const struct slice s = slice_with_instance(w, "MIG-a");
	for (size_t i = 0; i < w->m.have.n_vgpu_vfs; i++)
		w->m.have.vgpu_vfs[i].framework = VGPU_MDEV;
	assert_int_equal(nvidia_vgpu_mech.make_steps(&w->m.have, NULL, &s, &p, &err), -EOPNOTSUPP);
	assert_string_equal(err.id, "vgpu.interface");
	assert_int_equal(p.n, 0);
}

static void test_vgpu_mig_reboot_makes_them_again(void **state)
{
	struct world *w = *state;
	(void)world_apply_all(w, LAYOUT("A100-3-20C: 1, A100-1-5C: 2"));
	const struct slice *s = world_hold(w, "any", "mine");
	const int32_t index = s->index;
	const uint32_t start = s->start;
	world_reboot(w);
	world_run_well(w, 6000);
	s = world_slice(w, world_claim(w, "mine")->slice);
	assert_int_equal(s->index, index);
	assert_int_equal(s->start, start);
	assert_int_equal(vgpus(w), 3);
	assert_places(w);
}

/* Each step fails, is half done, is lost, or does not return; carved dies between any two of them. In the end nothing
 * is left. */
static void test_vgpu_mig_whole_life_with_faults_and_crashes(void **state)
{
	static const char *const policies[] = { LAYOUT("A100-1-5C: 3"), LAYOUT("A100-10C: 2"),
						ON_DEMAND, LAYOUT("A100-3-20C: 1, A100-1-5C: 1"),
						LAYOUT("A100-1-5Q: 2") };
	struct world *w = *state;
	for (unsigned round = 0; round < 60; round++) {
		w->quiet = false;
		w->fault_percent = 30;
		(void)world_apply(w, policies[round % 5], false);
		(void)world_alloc(w, 1000, "any", "mine", CLAIM_RESERVED, 0, NULL);
		world_run_well(w, (int64_t)world_random(w, 4000));
		if (round % 3 == 0)
			world_crash(w, round % 2);
		if (round % 7 == 6)
			world_reboot(w);
		world_run_well(w, (int64_t)world_random(w, 4000));
		if (world_claim(w, "mine"))
			(void)world_release(w, 0, "mine");
		world_run_well(w, (int64_t)world_random(w, 4000));
	}
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, world_teardown)
	const struct CMUnitTest tests[] = {
		T(test_vgpu_mig_layout_in_the_order_of_the_vendor),
		T(test_vgpu_mig_place_is_that_of_the_instance_it_runs_in),
		T(test_vgpu_mig_on_demand_instance_goes_with_it),
		T(test_vgpu_mig_f14_instance_of_others_is_built_around),
		T(test_vgpu_mig_f14_type_that_others_set_in_our_instance_is_theirs),
		T(test_vgpu_mig_step_does_not_take_what_is_there_for_ours),
		T(test_vgpu_mig_instance_without_a_uuid_goes_too),
		T(test_vgpu_mig_types_of_instances_are_not_made_as_mdevs),
		T(test_vgpu_mig_reboot_makes_them_again),
		T(test_vgpu_mig_whole_life_with_faults_and_crashes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
