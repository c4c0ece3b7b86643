/* SPDX-License-Identifier: GPL-2.0-or-later */
/* vGPUs: VFs made first, a type for each by name, claims, reboots, what others made, failures at each step. */
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
#define LAYOUT(of, more) DEVICES "divide: [{use: gpu, as: vgpu, layout: {" of "}}]\n" more
#define ON_DEMAND                                                                                  \
	DEVICES "divide: [{use: gpu, as: vgpu, on-demand: [L40S-12Q, L40S-24Q]}]\n"                \
		"classes: {any: {from: gpu, profiles: [L40S-12Q]}}\n"

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
	world_init(w, 7);
	w->mechs = mechs();
	machine_add_vgpu(&w->m, GPU);
	have_sort(&w->m.have);
	world_up(w);
	*state = w;
	return 0;
}

/* "0:L40S-24Q 2:L40S-24Q", in the order of the VFs. */
static void assert_vgpus(struct world *w, const char *expected)
{
	_cleanup_free_ char *text = NULL;
	struct str_buf b = { 0 };
	for (int32_t i = 0; i < 8; i++) {
		const struct vgpu_vf *v = have_vgpu_vf(&w->m.have, GPU, i);
		for (size_t t = 0; v && t < w->m.have.n_vgpu_types; t++)
			if (w->m.have.vgpu_types[t].id == v->type)
				str_buf_addf(&b, "%s%d:%s", b.len ? " " : "", i,
					     w->m.have.vgpu_types[t].name);
	}
	text = str_buf_take(&b);
	assert_string_equal(text ? text : "", expected);
}

static void test_vgpu_layout_makes_vfs_then_types(void **state)
{
	struct world *w = *state;
	assert_int_equal(world_apply_all(w, LAYOUT("L40S-12Q: 3", ANY)), 4);
	assert_vgpus(w, "0:L40S-12Q 1:L40S-12Q 2:L40S-12Q");
	assert_int_equal(world_apply_all(w, LAYOUT("L40S-12Q: 3", ANY)), 0);
	assert_int_equal(world_apply_all(w, LAYOUT("L40S-12Q: 4", ANY)), 1);
	assert_vgpus(w, "0:L40S-12Q 1:L40S-12Q 2:L40S-12Q 3:L40S-12Q");
}

static int laid_out(struct world *w, bool mixed, const char *a, const char *b, const char **ret_id)
{
	static char id[64];
	uint32_t fill;
	_cleanup_err_ struct err err = { 0 };
	struct want want = { .n_types = 2, .type_count = { 1, 1 }, .mixed = mixed };
	(void)STR_COPY(want.device, GPU);
	(void)STR_COPY(want.mech, "vgpu");
	(void)STR_COPY(want.types[0], a);
	(void)STR_COPY(want.types[1], b);
	int r = engine_layout(w->e, &w->seen, &want, "", &fill, &err);
	(void)STR_COPY(id, err.id ? err.id : "");
	*ret_id = id;
	return r;
}

static void test_vgpu_sizes_do_not_mix_in_a_layout(void **state)
{
	struct world *w = *state;
	const char *id;
	assert_int_equal(laid_out(w, false, "L40S-12Q", "L40S-24Q", &id), -ENOSPC);
	assert_string_equal(id, "layout.conflict");
	assert_int_equal(laid_out(w, false, "L40S-12Q", "L40S-5Q", &id), -EOPNOTSUPP);
	/* Series do. */
	assert_int_equal(laid_out(w, false, "L40S-24C", "L40S-24Q", &id), 0);
	/* Where the GPU is told so they do, by their memory as long as no places are told. */
	assert_int_equal(laid_out(w, true, "L40S-12Q", "L40S-6Q", &id), 0);
	assert_int_equal(laid_out(w, true, "L40S-24Q", "L40S-12Q", &id), -ENOSPC);
	have_gpu(&w->seen, GPU)->mixed = 1;
	assert_int_equal(laid_out(w, true, "L40S-12Q", "L40S-6Q", &id), 0);
	assert_int_equal(laid_out(w, false, "L40S-12Q", "L40S-6Q", &id), -ENOSPC);
}

static void test_vgpu_other_size_comes_when_all_of_the_former_are_gone(void **state)
{
	struct world *w = *state;
	(void)world_apply_all(w, LAYOUT("L40S-24Q: 2", ANY));
	/* Each goes to none first. */
	assert_int_equal(world_apply_all(w, LAYOUT("L40S-12Q: 2", ANY)), 4);
	world_run_well(w, 60000);
	for (int32_t i = 0; i < 8; i++) {
		const struct vgpu_vf *v = have_vgpu_vf(&w->m.have, GPU, i);
		assert_int_not_equal(v->type, 1156);
	}
}

/* Each VF that there is belongs to one that goes: the new ones wait for them. */
static void test_vgpu_other_size_on_a_gpu_without_a_vf_to_spare(void **state)
{
	struct world *w = *state;
	(void)world_apply_all(w, LAYOUT("L40S-6Q: 8", ANY));
	(void)world_apply_all(w, LAYOUT("L40S-12Q: 4", ANY));
	assert_vgpus(w, "0:L40S-12Q 1:L40S-12Q 2:L40S-12Q 3:L40S-12Q");
	assert_int_equal(engine_record(w->e)->n_slices, 4);
}

static void test_vgpu_claim_is_granted_and_made_anew_after(void **state)
{
	struct world *w = *state;
	(void)world_apply_all(w, LAYOUT("L40S-24Q: 1", ANY));
	const struct slice *s = world_hold(w, "any", "mine");
	struct target t = slice_target(s);
	const struct function *f = machine_function(&w->m, &t);
	assert_int_equal(f->vfio_uid, 1000);
	assert_string_equal(f->driver, "nvidia");
	assert_int_equal(machine_open(&w->m, &t, 1000, 77), 0);
	(void)world_release(w, 0, "mine");
	world_run_well(w, 3000);
	assert_int_equal(world_claim(w, "mine")->state, CLAIM_RELEASING);
	machine_close(&w->m, &t);
	world_run_well(w, 60000);
	assert_null(world_claim(w, "mine"));
	assert_int_equal(machine_residue_uid(&w->m, &t), 0);
	assert_int_equal(machine_function(&w->m, &t)->vfio_uid, 0);
	assert_vgpus(w, "0:L40S-24Q");
}

static void test_vgpu_on_demand_comes_and_goes(void **state)
{
	struct world *w = *state;
	(void)world_apply_all(w, ON_DEMAND);
	(void)world_hold(w, "any", "mine");
	assert_vgpus(w, "0:L40S-12Q");
	world_let_go(w, "mine");
	assert_vgpus(w, "");
}

static void test_vgpu_reboot_makes_them_again_on_the_same_vfs(void **state)
{
	struct world *w = *state;
	(void)world_apply_all(w, LAYOUT("L40S-12Q: 2", ANY));
	const struct slice *s = world_hold(w, "any", "mine");
	int32_t index = s->index;
	/* Another release of the driver has other numbers. */
	machine_vgpu_ids(&w->m, 40);
	world_reboot(w);
	world_run_well(w, 5000);
	assert_vgpus(w, "0:L40S-12Q 1:L40S-12Q");
	s = world_slice(w, world_claim(w, "mine")->slice);
	assert_int_equal(s->state, SLICE_HELD);
	assert_int_equal(s->index, index);
}

static void test_vgpu_f14_what_others_made_stays_and_is_built_around(void **state)
{
	struct world *w = *state;
	struct target t = { .vf = 0 };
	(void)STR_COPY(t.device, GPU);
	assert_int_equal(machine_vgpu_vfs(&w->m, GPU, true), 1);
	assert_int_equal(machine_vgpu_set(&w->m, &t, 1156), 1);
	world_observe(w);
	(void)world_apply_all(w, LAYOUT("L40S-24Q: 1", ANY));
	assert_vgpus(w, "0:L40S-24Q 1:L40S-24Q");
}

/* The picture did not show it yet: it is not taken, and not removed. */
static void test_vgpu_f14_what_others_make_meanwhile_is_not_taken(void **state)
{
	struct world *w = *state;
	struct target t = { .vf = 1 };
	(void)STR_COPY(t.device, GPU);
	(void)world_apply_all(w, LAYOUT("L40S-12Q: 1", ANY));
	(void)world_apply(w, LAYOUT("L40S-12Q: 2", ANY), false);
	(void)world_turn(w);
	assert_int_equal(machine_vgpu_set(&w->m, &t, 1154), 1);
	world_run_well(w, 60000);
	assert_vgpus(w, "0:L40S-12Q 1:L40S-12Q");
	const struct record *r = engine_record(w->e);
	for (size_t i = 0; i < r->n_slices; i++)
		assert_int_equal(r->slices[i].state,
				 r->slices[i].index ? SLICE_WANTED : SLICE_READY);
}

static void test_vgpu_f31_taken_away_by_others_is_repaired(void **state)
{
	struct world *w = *state;
	(void)world_apply_all(w, LAYOUT("L40S-12Q: 2", ANY "drift: repair\n"));
	(void)machine_vgpu_vfs(&w->m, GPU, false);
	world_observe(w);
	world_run_well(w, 5000);
	assert_vgpus(w, "0:L40S-12Q 1:L40S-12Q");
}

static void test_vgpu_vfs_go_with_the_policy_that_made_them(void **state)
{
	struct world *w = *state;
	(void)world_apply_all(w, LAYOUT("L40S-12Q: 2", ANY));
	(void)world_apply_all(w, DEVICES "divide: [{use: gpu, as: passthrough}]\n" ANY);
	assert_int_equal(have_vf_count(&w->m.have, have_device(&w->m.have, GPU)->addr), 0);
}

static int make(struct world *w, const struct slice *s, struct plan *ret, struct err *reterr)
{
	plan_done(ret);
	err_done(reterr);
	return nvidia_vgpu_mech.make_steps(&w->m.have, NULL, s, ret, reterr);
}

static void frameworks_are(struct world *w, enum vgpu_framework framework)
{
	for (size_t i = 0; i < w->m.have.n_vgpu_vfs; i++)
		w->m.have.vgpu_vfs[i].framework = framework;
}

/* Which interface the driver has is seen when there are VFs; the slice is named then. */
static void test_vgpu_interface_says_how_it_is_made(void **state)
{
	struct world *w = *state;
	struct slice s = { .alone = 1, .index = 2 };
	_cleanup_err_ struct err err = { 0 };
	_cleanup_(plan_done) struct plan p = { 0 };
	(void)STR_COPY(s.device, GPU);
	(void)STR_COPY(s.mech, "vgpu");
	(void)STR_COPY(s.profile, "L40S-12Q");
	assert_int_equal(nvidia_vgpu_mech.naming(&w->m.have, &s), NAMING_KEEP);
	(void)machine_vgpu_vfs(&w->m, GPU, true);
	assert_int_equal(nvidia_vgpu_mech.naming(&w->m.have, &s), NAMING_PLACE);
	assert_int_equal(make(w, &s, &p, &err), 0);
	assert_int_equal(p.steps[0].verb, VERB_VGPU_SET);
	frameworks_are(w, VGPU_UNKNOWN);
	assert_int_equal(make(w, &s, &p, &err), -EOPNOTSUPP);
	assert_string_equal(err.id, "vgpu.interface");
	frameworks_are(w, VGPU_MDEV);
	assert_int_equal(nvidia_vgpu_mech.naming(&w->m.have, &s), NAMING_UUID);
	assert_int_equal(make(w, &s, &p, &err), -EAGAIN);
	(void)STR_COPY(s.uuid, "8f0c1c36-0000-4000-8000-00000000000a");
	assert_int_equal(make(w, &s, &p, &err), 0);
	assert_int_equal(p.steps[0].verb, VERB_MDEV_CREATE);
	assert_int_equal(p.steps[0].target.vf, 2);
	assert_string_equal(p.steps[0].target.uuid, s.uuid);
	assert_string_equal(p.steps[0].text, "nvidia-1154");
}

static void refused_as(struct world *w, const char *id)
{
	struct slice s = { .alone = 1, .index = 2 };
	_cleanup_err_ struct err err = { 0 };
	_cleanup_(plan_done) struct plan p = { 0 };
	(void)STR_COPY(s.device, GPU);
	(void)STR_COPY(s.mech, "vgpu");
	(void)STR_COPY(s.profile, "L40S-12Q");
	assert_true(nvidia_vgpu_mech.make_steps(&w->m.have, NULL, &s, &p, &err) < 0);
	assert_string_equal(err.id, id);
	assert_int_equal(p.n, 0);
}

static void test_vgpu_refusals_name_what_is_in_the_way(void **state)
{
	struct world *w = *state;
	struct gpu_part *part = have_add_gpu_part(&w->m.have);
	(void)STR_COPY(part->key, GPU);
	refused_as(w, "vgpu.instances");
	have_gpu(&w->m.have, GPU)->mig = 1;
	refused_as(w, "vgpu.mode");
	have_gpu(&w->m.have, GPU)->mig = 0;
	have_remove_gpu_part(&w->m.have, GPU, 0);
	struct function *f = have_device(&w->m.have, GPU);
	(void)STR_COPY(f->driver, "nouveau");
	refused_as(w, "vgpu.driver");
	(void)STR_COPY(f->driver, "nvidia");
	(void)machine_vgpu_vfs(&w->m, GPU, true);
	struct target t = { .vf = 2 };
	(void)STR_COPY(t.device, GPU);
	assert_int_equal(machine_vgpu_set(&w->m, &t, 1156), 1);
	refused_as(w, "vgpu.foreign");
	(void)machine_vgpu_set(&w->m, &t, 0);
	t.vf = 0;
	assert_int_equal(machine_vgpu_set(&w->m, &t, 1156), 1);
	refused_as(w, "vgpu.full");
	(void)STR_COPY(have_vgpu_type(&w->m.have, GPU, "L40S-12Q")->name, "other");
	refused_as(w, "vgpu.type.unknown");
	have_remove_function(&w->m.have,
			     have_vf(&w->m.have, have_device(&w->m.have, GPU)->addr, 2)->addr);
	refused_as(w, "vgpu.vf");
}

/* Free ones would go for nothing. */
static void test_vgpu_mode_does_not_change_beside_a_quarantined_one(void **state)
{
	struct world *w = *state;
	_cleanup_err_ struct err err = { 0 };
	_cleanup_(plan_done) struct plan p = { 0 };
	(void)world_apply_all(w, LAYOUT("L40S-12Q: 1", ANY));
	struct slice s = engine_record(w->e)->slices[0];
	struct want want = engine_record(w->e)->wants[0];
	have_gpu(&w->m.have, GPU)->schedulers = 0xff;
	want.scheduler = VGPU_SCHEDULER_EQUAL_SHARE;
	assert_int_equal(nvidia_vgpu_mech.layout_steps(&w->m.have, &want, &s, 1, false, &p, &err),
			 0);
	s.state = SLICE_QUARANTINED;
	assert_int_equal(nvidia_vgpu_mech.layout_steps(&w->m.have, &want, &s, 1, false, &p, &err),
			 -EBUSY);
	assert_string_equal(err.id, "vgpu.mode.held");
}

static bool described_as(const struct step *s, const char *reason, const char *id)
{
	const struct step_result r = { .status = STEP_FAILED, .error = EIO };
	struct step_result with = r;
	_cleanup_err_ struct err err = { 0 };
	const struct have nothing = { 0 };
	(void)STR_COPY(with.reason, reason);
	nvidia_vgpu_mech.diagnose(&nothing, s, &with, NULL, 0, &err);
	return err_is_set(&err) && str_eq(err.id, id);
}

static void test_vgpu_diagnose_knows_each_failure(void **state)
{
	(void)state;
	const struct step vfs = { .verb = VERB_VGPU_VFS, .number = 1, .target = { .vf = -1 } };
	const struct step set = { .verb = VERB_VGPU_SET, .number = 7, .text = "L40S-6Q" };
	assert_true(described_as(&vfs, "no-program", "vgpu.program"));
	assert_true(described_as(&vfs, "locked", "vgpu.locked"));
	assert_true(described_as(&vfs, "not-made", "vgpu.vfs"));
	assert_true(described_as(&set, "refused", "vgpu.refused"));
	assert_true(described_as(&set, "foreign", "vgpu.foreign"));
	assert_true(described_as(&set, "still-there", "vgpu.still-there"));
	assert_true(described_as(&set, "no-interface", "vgpu.interface"));
	assert_true(described_as(&set, "", "vgpu.failed"));
}

/* Each step fails, is half done, is lost, or does not return; carved dies between any two of them. */
static void test_vgpu_whole_life_with_faults_and_crashes(void **state)
{
	struct world *w = *state;
	for (unsigned round = 0; round < 40; round++) {
		w->quiet = false;
		w->fault_percent = 30;
		(void)world_apply(
			w, round % 2 ? LAYOUT("L40S-24Q: 1", ANY) : LAYOUT("L40S-12Q: 2", ANY),
			false);
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
		T(test_vgpu_layout_makes_vfs_then_types),
		T(test_vgpu_sizes_do_not_mix_in_a_layout),
		T(test_vgpu_other_size_comes_when_all_of_the_former_are_gone),
		T(test_vgpu_other_size_on_a_gpu_without_a_vf_to_spare),
		T(test_vgpu_claim_is_granted_and_made_anew_after),
		T(test_vgpu_on_demand_comes_and_goes),
		T(test_vgpu_reboot_makes_them_again_on_the_same_vfs),
		T(test_vgpu_f14_what_others_made_stays_and_is_built_around),
		T(test_vgpu_f14_what_others_make_meanwhile_is_not_taken),
		T(test_vgpu_f31_taken_away_by_others_is_repaired),
		T(test_vgpu_vfs_go_with_the_policy_that_made_them),
		T(test_vgpu_interface_says_how_it_is_made),
		T(test_vgpu_refusals_name_what_is_in_the_way),
		T(test_vgpu_mode_does_not_change_beside_a_quarantined_one),
		T(test_vgpu_diagnose_knows_each_failure),
		T(test_vgpu_whole_life_with_faults_and_crashes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
