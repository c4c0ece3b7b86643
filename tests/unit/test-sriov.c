/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Planning of VF counts and settings: what is missing, what is refused, and that it converges. */
#include "support/test.h"

#include <errno.h>

#include "base/str.h"
#include "sriov/nvme.h"
#include "sriov/settings.h"
#include "sriov/sriov.h"
#include "support/picture.h"

#define PF "0000:3b:00.0"
#define PF_KEY "pci:" PF

static void pf_add(struct have *h, uint32_t class, unsigned vfs)
{
	struct function *pf = picture_function(h, PF, class, "igb", 7);
	pf->caps.sriov = true;
	pf->caps.sriov_total = 8;
	picture_vfs(h, PF, vfs);
}

static int layout(const struct have *h, const struct want *w, const struct slice *s, size_t n,
		  bool held, struct plan *p, struct err *e)
{
	return sriov_mech.layout_steps(h, w, s, n, held, p, e);
}

/* The machine does one step: what a kernel that obeys would show after it. */
static void machine_step(struct have *h, const struct step *s)
{
	struct step_result r = { .status = STEP_DONE };
	if (s->verb == VERB_SET_VFS) {
		char addr[PCI_ADDR_SIZE];
		for (unsigned i = 0; i < 16; i++) {
			assert_int_equal(STR_FORMAT(addr, "0000:%02x:00.0", 0xaa + i), 0);
			have_remove_function(h, addr);
		}
		picture_vfs(h, PF, s->number);
	}
	if (s->verb == VERB_SET_VF || s->verb == VERB_SET_PORT) {
		struct vf_info *v = have_vf_info(h, s->target.device, s->target.vf);
		r.vf = v ? v->settings : (struct vf_settings){ .set = VF_SETTINGS_ALL };
		settings_merge(&r.vf, &s->vf);
	}
	assert_true(sriov_result_apply(h, s, &r) >= 0);
}

/* Only the first step of each plan is done and the plan asked for anew, as the engine may do. */
static unsigned converge(struct have *h, const struct want *w, const struct slice *slices, size_t n)
{
	for (unsigned steps = 0; steps < 64; steps++) {
		struct plan p = { 0 };
		assert_int_equal(layout(h, w, slices, n, false, &p, NULL), 0);
		if (p.n == 0)
			return steps;
		machine_step(h, &p.steps[0]);
		plan_done(&p);
	}
	fail_msg("the layout does not converge");
	return 0;
}

static void test_layout_from_zero_holds_the_whole_sequence(void **state)
{
	(void)state;
	struct have h = { 0 };
	struct plan p = { 0 };
	pf_add(&h, 0x020000, 0);
	struct want w = picture_want("sriov", PF_KEY, 2);
	w.vf = (struct vf_settings){ .set = VF_SET_SPOOFCHK, .spoofchk = 1 };
	w.in_use_pf = 1;

	assert_int_equal(layout(&h, &w, NULL, 0, false, &p, NULL), 0);
	picture_plan(&p, VERB_SET_VFS, VERB_SET_VF, VERB_SET_VF, -1);
	assert_int_equal(p.steps[0].number, 2);
	assert_int_equal(p.steps[0].flag, 0);
	assert_int_equal(p.steps[0].allow, STEP_ALLOW_IN_USE_PF);
	assert_int_equal(p.steps[2].target.vf, 1);
	plan_done(&p);
	have_done(&h);
}

/* The end of a step was not seen: its settings are asked for again, whatever was known before. */
static void test_result_apply_check_only_forgets_its_target(void **state)
{
	(void)state;
	struct have h = { 0 };
	struct step_result r = { .status = STEP_NOTHING };
	struct step s = { .verb = VERB_SET_VF, .check_only = 1, .target.vf = 1 };
	assert_int_equal(STR_COPY(s.target.device, PF_KEY), 0);
	pf_add(&h, 0x020000, 2);
	for (int i = -1; i < 2; i++) {
		struct vf_info *v = have_add_vf_info(&h);
		assert_int_equal(STR_COPY(v->pf, PF_KEY), 0);
		v->index = i;
	}

	assert_int_equal(sriov_result_apply(&h, &s, &r), 1);
	assert_null(have_vf_info(&h, PF_KEY, 1));
	assert_non_null(have_vf_info(&h, PF_KEY, 0));
	s.verb = VERB_RESET;
	assert_int_equal(sriov_result_apply(&h, &s, &r), 0);
	s.verb = VERB_SET_VFS;
	assert_int_equal(sriov_result_apply(&h, &s, &r), 1);
	assert_null(have_vf_info(&h, PF_KEY, 0));
	assert_non_null(have_vf_info(&h, PF_KEY, -1));
	have_done(&h);
}

/* F06: another non-zero count is two steps, through 0. */
static void test_f06_layout_other_count_goes_through_zero(void **state)
{
	(void)state;
	struct have h = { 0 };
	struct plan p = { 0 };
	pf_add(&h, 0x020000, 4);
	struct want w = picture_want("sriov", PF_KEY, 2);
	struct slice s = picture_slice("sriov", PF_KEY, 0);

	assert_int_equal(layout(&h, &w, &s, 1, false, &p, NULL), 0);
	picture_plan(&p, VERB_SET_VFS, VERB_SET_VFS, -1);
	assert_int_equal(p.steps[0].number, 0);
	assert_int_equal(p.steps[1].number, 2);
	plan_done(&p);
	have_done(&h);
}

/* F05: nothing is planned while a VF is held, and the claim is named. */
static void test_f05_layout_held_refused_and_named(void **state)
{
	(void)state;
	struct have h = { 0 };
	struct plan p = { 0 };
	_cleanup_err_ struct err e = { 0 };
	pf_add(&h, 0x020000, 4);
	struct want w = picture_want("sriov", PF_KEY, 2);
	struct slice s = picture_slice("sriov", PF_KEY, 3);
	s.state = SLICE_HELD;
	assert_int_equal(STR_COPY(s.claim, "web01"), 0);

	assert_int_equal(layout(&h, &w, &s, 1, false, &p, &e), -EBUSY);
	assert_string_equal(e.id, "sriov.layout.held");
	assert_non_null(strstr(e.because, "VF 3 is held by claim web01"));
	assert_non_null(strstr(e.on, "policy.yaml:7"));
	picture_plan(&p, -1);
	w.count = 0;
	assert_int_equal(layout(&h, &w, &s, 1, false, &p, NULL), -EBUSY);
	w.count = 4;
	assert_int_equal(layout(&h, &w, &s, 1, true, &p, NULL), 0);
	picture_plan(&p, -1);
	have_done(&h);
}

/* F14: VFs that nobody here made are not destroyed for another count; the same count adopts them. */
static void test_f14_layout_foreign_vfs_left_alone(void **state)
{
	(void)state;
	struct have h = { 0 };
	struct plan p = { 0 };
	_cleanup_err_ struct err e = { 0 };
	pf_add(&h, 0x020000, 3);
	struct want w = picture_want("sriov", PF_KEY, 2);

	assert_int_equal(layout(&h, &w, NULL, 0, false, &p, &e), -EBUSY);
	assert_string_equal(e.id, "sriov.layout.foreign");
	w.count = 3;
	assert_int_equal(layout(&h, &w, NULL, 0, false, &p, NULL), 0);
	picture_plan(&p, -1);
	have_done(&h);
}

static void test_layout_more_than_total_refused(void **state)
{
	(void)state;
	struct have h = { 0 };
	struct plan p = { 0 };
	_cleanup_err_ struct err e = { 0 }, f = { 0 };
	pf_add(&h, 0x020000, 0);
	struct want w = picture_want("sriov", PF_KEY, 9);
	assert_int_equal(layout(&h, &w, NULL, 0, false, &p, &e), -ERANGE);
	assert_string_equal(e.id, "sriov.count.too-many");
	have_device(&h, PF_KEY)->caps.sriov = false;
	assert_int_equal(layout(&h, &w, NULL, 0, false, &p, &f), -EOPNOTSUPP);
	assert_string_equal(f.id, "sriov.unsupported");
	err_done(&f);
	have_done(&h);
}

/* F15, F22: A, B, A converge from what is there; a second pass has nothing to write. */
static void test_f15_layout_a_b_a_converges(void **state)
{
	(void)state;
	struct have h = { 0 };
	pf_add(&h, 0x020000, 0);
	struct slice slices[8];
	for (int i = 0; i < 8; i++)
		slices[i] = picture_slice("sriov", PF_KEY, i);
	struct want a = picture_want("sriov", PF_KEY, 4), b = picture_want("sriov", PF_KEY, 7);
	a.vf = (struct vf_settings){ .set = VF_SET_TRUST | VF_SET_VLAN, .vlan = 100 };
	b.vf = (struct vf_settings){ .set = VF_SET_TRUST, .trust = 1 };

	assert_int_equal(converge(&h, &a, slices, 8), 1 + 4);
	assert_int_equal(converge(&h, &a, slices, 8), 0);
	assert_int_equal(converge(&h, &b, slices, 8), 2 + 7);
	assert_int_equal(converge(&h, &a, slices, 8), 2 + 4);
	assert_int_equal(have_vf_count(&h, PF), 4);
	assert_int_equal(have_vf_info(&h, PF_KEY, 3)->settings.vlan, 100);
	a.count = 0;
	assert_int_equal(converge(&h, &a, slices, 8), 1);
	have_done(&h);
}

/* F35: VFs that outlived their PF's driver are seen, not concluded away. */
static void test_f35_layout_counts_vfs_that_are_there(void **state)
{
	(void)state;
	struct have h = { 0 };
	struct plan p = { 0 };
	pf_add(&h, 0x020000, 4);
	have_device(&h, PF_KEY)->driver[0] = '\0';
	struct want w = picture_want("sriov", PF_KEY, 4);
	assert_int_equal(layout(&h, &w, NULL, 0, false, &p, NULL), 0);
	picture_plan(&p, -1);
	have_done(&h);
}

static void test_layout_nvme_flex_then_count_then_online(void **state)
{
	(void)state;
	struct have h = { 0 };
	struct plan p = { 0 };
	pf_add(&h, 0x010802, 0);
	struct slice slices[2] = { picture_slice("sriov", PF_KEY, 0),
				   picture_slice("sriov", PF_KEY, 1) };
	struct want w = picture_want("sriov", PF_KEY, 2);

	assert_int_equal(layout(&h, &w, slices, 2, false, &p, NULL), 0);
	picture_plan(&p, VERB_NVME_FLEX, VERB_SET_VFS, VERB_NVME_ONLINE, VERB_NVME_ONLINE, -1);
	plan_done(&p);
	assert_int_equal(converge(&h, &w, slices, 2), 4);
	assert_int_equal(converge(&h, &w, slices, 2), 0);
	assert_int_equal(sriov_mech.proof(&h, &slices[0]), PROOF_KEPT);
	w.vf.set = VF_SET_MAC;
	_cleanup_err_ struct err e = { 0 };
	assert_int_equal(layout(&h, &w, slices, 2, false, &p, &e), -EOPNOTSUPP);
	assert_string_equal(e.id, "sriov.settings.not-network");
	assert_string_equal(e.on, PF " (policy policy.yaml:7)");
	assert_string_equal(e.because, "it is no network device");
	assert_string_equal(e.state, "nothing was changed");
	assert_non_null(strstr(e.todo, "vf:"));
	have_done(&h);
}

static void info_add(struct have *h, int vf, struct vf_settings s)
{
	struct vf_info *v = have_add_vf_info(h);
	assert_non_null(v);
	assert_int_equal(STR_COPY(v->pf, PF_KEY), 0);
	v->index = vf;
	v->settings = s;
}

static void test_claim_settings_over_policy_only_what_differs(void **state)
{
	(void)state;
	struct have h = { 0 };
	struct plan p = { 0 };
	pf_add(&h, 0x020000, 2);
	info_add(&h, 1, (struct vf_settings){ .set = VF_SETTINGS_ALL, .spoofchk = 1 });
	struct slice s = picture_slice("sriov", PF_KEY, 1);
	struct want w = picture_want("sriov", PF_KEY, 2);
	w.vf = (struct vf_settings){ .set = VF_SET_SPOOFCHK | VF_SET_VLAN,
				     .spoofchk = 1,
				     .vlan = 7 };
	struct claim c = { .set = { .set = VF_SET_VLAN, .vlan = 120 } };

	assert_int_equal(sriov_mech.claim_steps(&h, &w, &s, &c, &p, NULL), 0);
	picture_plan(&p, VERB_SET_VF, -1);
	assert_int_equal(p.steps[0].vf.set, VF_SET_VLAN);
	assert_int_equal(p.steps[0].vf.vlan, 120);
	machine_step(&h, &p.steps[0]);
	plan_done(&p);
	assert_int_equal(sriov_mech.claim_steps(&h, &w, &s, &c, &p, NULL), 0);
	picture_plan(&p, -1);
	have_done(&h);
}

static void test_claim_setting_not_offered_refused(void **state)
{
	(void)state;
	struct have h = { 0 };
	struct plan p = { 0 };
	_cleanup_err_ struct err e = { 0 };
	pf_add(&h, 0x020000, 1);
	info_add(&h, 0, (struct vf_settings){ .set = VF_SET_MAC | VF_SET_VLAN });
	struct slice s = picture_slice("sriov", PF_KEY, 0);
	struct claim c = { .set = { .set = VF_SET_TRUST, .trust = 1 } };
	assert_int_equal(sriov_mech.claim_steps(&h, NULL, &s, &c, &p, &e), -EOPNOTSUPP);
	assert_string_equal(e.id, "sriov.setting.unsupported");
	have_done(&h);
}

/* A PF in switchdev mode; with_mac: its driver has port functions. */
static void ports_add(struct have *h, bool with_mac)
{
	pf_add(h, 0x020000, 1);
	info_add(h, 0, (struct vf_settings){ .set = VF_SETTINGS_ALL, .spoofchk = 1 });
	struct vf_info *v = have_vf_info(h, PF_KEY, 0);
	v->has_port = true;
	v->port_mac = with_mac;
}

static const struct vf_settings mac_and_vlan = { .set = VF_SET_MAC | VF_SET_VLAN,
						 .mac = { 0x52, 0x54, 0, 0xaa, 0, 1 },
						 .vlan = 120 };

static void test_claim_port_function_takes_the_mac_only(void **state)
{
	(void)state;
	struct have h = { 0 };
	struct plan p = { 0 };
	ports_add(&h, true);
	struct slice s = picture_slice("sriov", PF_KEY, 0);
	struct claim c = { .set = mac_and_vlan };

	assert_int_equal(sriov_mech.claim_steps(&h, NULL, &s, &c, &p, NULL), 0);
	picture_plan(&p, VERB_SET_PORT, VERB_SET_VF, -1);
	assert_int_equal(p.steps[0].vf.set, VF_SET_MAC);
	assert_memory_equal(p.steps[0].vf.mac, mac_and_vlan.mac, 6);
	assert_int_equal(p.steps[0].flag, 0);
	assert_int_equal(p.steps[1].vf.set, VF_SET_VLAN);
	machine_step(&h, &p.steps[0]);
	machine_step(&h, &p.steps[1]);
	plan_done(&p);
	assert_int_equal(sriov_mech.claim_steps(&h, NULL, &s, &c, &p, NULL), 0);
	picture_plan(&p, -1);

	/* The claim leaves: back to no MAC, through the port as well. */
	assert_int_equal(sriov_mech.reclaim_steps(&h, NULL, &s, &p, NULL), 0);
	picture_plan(&p, VERB_SET_PORT, VERB_SET_VF, -1);
	assert_int_equal(p.steps[0].vf.mac[0], 0);
	plan_done(&p);
	have_done(&h);
}

/* No port, a port without function attributes, nothing known yet: rtnetlink, as ever. */
static void test_claim_without_port_function_goes_by_rtnetlink(void **state)
{
	(void)state;
	struct have with_port = { 0 }, legacy = { 0 }, unknown = { 0 };
	struct slice s = picture_slice("sriov", PF_KEY, 0);
	struct claim c = { .set = mac_and_vlan };
	ports_add(&with_port, false);
	ports_add(&legacy, false);
	have_vf_info(&legacy, PF_KEY, 0)->has_port = false;
	pf_add(&unknown, 0x020000, 1);
	struct have *const all[] = { &with_port, &legacy, &unknown };
	for (size_t i = 0; i < 3; i++) {
		struct plan p = { 0 };
		assert_int_equal(sriov_mech.claim_steps(all[i], NULL, &s, &c, &p, NULL), 0);
		picture_plan(&p, VERB_SET_VF, -1);
		assert_int_equal(p.steps[0].vf.set, VF_SET_MAC | VF_SET_VLAN);
		plan_done(&p);
		have_done(all[i]);
	}
}

/* What rtnetlink says of the MAC beside a port function is another MAC: the port's stays. */
static void test_result_apply_keeps_what_the_port_has(void **state)
{
	(void)state;
	struct have h = { 0 };
	ports_add(&h, true);
	struct step s = { .verb = VERB_SET_PORT, .target.vf = 0 };
	struct step_result port = { .status = STEP_DONE, .vf = mac_and_vlan };
	struct step_result vf = { .status = STEP_DONE, .vf = { .set = VF_SET_VLAN, .vlan = 9 } };
	assert_int_equal(STR_COPY(s.target.device, PF_KEY), 0);
	port.vf.set = VF_SET_MAC;

	assert_int_equal(sriov_result_apply(&h, &s, &port), 1);
	const struct vf_info *v = have_vf_info(&h, PF_KEY, 0);
	assert_memory_equal(v->settings.mac, mac_and_vlan.mac, 6);
	assert_int_equal(v->settings.vlan, 0);
	s.verb = VERB_SET_VF;
	assert_int_equal(sriov_result_apply(&h, &s, &vf), 1);
	assert_memory_equal(v->settings.mac, mac_and_vlan.mac, 6);
	assert_int_equal(v->settings.set, VF_SET_MAC | VF_SET_VLAN);
	assert_int_equal(v->settings.vlan, 9);
	assert_true(v->port_mac);

	/* Its end was not seen: the VF is looked at again. Until then nothing is known of it. */
	s.verb = VERB_SET_PORT;
	s.check_only = 1;
	assert_int_equal(sriov_result_apply(&h, &s, &port), 1);
	s.check_only = 0;
	assert_int_equal(sriov_result_apply(&h, &s, &port), 0);
	assert_null(have_vf_info(&h, PF_KEY, 0));
	have_done(&h);
}

static void test_diagnose_setting_refused_in_switchdev_mode_says_so(void **state)
{
	(void)state;
	static const char *const words[] = { "no port functions", "only the MAC" };
	for (int with_mac = 0; with_mac < 2; with_mac++) {
		struct have h = { 0 };
		_cleanup_err_ struct err e = { 0 };
		ports_add(&h, with_mac);
		struct step s = { .verb = VERB_SET_VF, .vf = { .set = VF_SET_RATE } };
		struct step_result r = { .status = STEP_FAILED, .error = EOPNOTSUPP };
		assert_int_equal(STR_COPY(s.target.device, PF_KEY), 0);
		assert_int_equal(STR_COPY(r.where, "IFLA_VF_RATE"), 0);
		sriov_mech.diagnose(&h, &s, &r, NULL, 0, &e);
		assert_string_equal(e.id, "sriov.vf.failed");
		assert_non_null(strstr(e.because, "IFLA_VF_RATE: Operation not supported"));
		assert_non_null(strstr(e.because, "switchdev mode"));
		assert_non_null(strstr(e.because, words[with_mac]));
		have_done(&h);
	}
}

static void test_reclaim_leaves_nothing_of_the_claim(void **state)
{
	(void)state;
	struct have h = { 0 };
	struct plan p = { 0 };
	pf_add(&h, 0x020000, 1);
	info_add(&h, 0,
		 (struct vf_settings){ .set = VF_SETTINGS_ALL & ~VF_SET_RATE,
				       .mac = { 0x52, 0x54, 0, 0xaa, 0, 1 },
				       .vlan = 120,
				       .trust = 1,
				       .spoofchk = 1 });
	struct slice s = picture_slice("sriov", PF_KEY, 0);
	struct want w = picture_want("sriov", PF_KEY, 1);
	w.vf = (struct vf_settings){ .set = VF_SET_VLAN, .vlan = 7 };

	assert_int_equal(sriov_mech.reclaim_steps(&h, &w, &s, &p, NULL), 0);
	picture_plan(&p, VERB_SET_VF, -1);
	assert_int_equal(p.steps[0].vf.set, VF_SET_MAC | VF_SET_VLAN | VF_SET_TRUST);
	assert_int_equal(p.steps[0].vf.vlan, 7);
	machine_step(&h, &p.steps[0]);
	plan_done(&p);
	assert_int_equal(sriov_mech.reclaim_steps(&h, &w, &s, &p, NULL), 0);
	picture_plan(&p, -1);

	/* Back with its host driver, which sets a MAC: not ours to undo. */
	have_vf_info(&h, PF_KEY, 0)->settings.mac[5] = 9;
	assert_int_equal(STR_COPY(have_vf(&h, PF, 0)->driver, "igbvf"), 0);
	assert_int_equal(sriov_mech.reclaim_steps(&h, &w, &s, &p, NULL), 0);
	picture_plan(&p, -1);
	have_done(&h);
}

static void test_make_missing_vf_only_from_zero(void **state)
{
	(void)state;
	struct have h = { 0 };
	struct plan p = { 0 };
	pf_add(&h, 0x020000, 0);
	struct slice s = picture_slice("sriov", PF_KEY, 3);
	struct want w = picture_want("sriov", PF_KEY, 4);

	assert_int_equal(sriov_mech.make_steps(&h, &w, &s, &p, NULL), 0);
	picture_plan(&p, VERB_SET_VFS, -1);
	plan_done(&p);
	picture_vfs(&h, PF, 2);
	assert_int_equal(sriov_mech.make_steps(&h, &w, &s, &p, NULL), -EBUSY);
	w.count = 2;
	_cleanup_err_ struct err e = { 0 };
	assert_int_equal(sriov_mech.make_steps(&h, &w, &s, &p, &e), -ENOENT);
	assert_string_equal(e.id, "sriov.vf.missing");
	assert_string_equal(e.on, "VF 3 of " PF " (policy policy.yaml:7)");
	assert_non_null(strstr(e.because, "policy does not ask for it"));
	assert_string_equal(e.state, "nothing was changed");
	assert_non_null(strstr(e.todo, "raise the count"));
	have_done(&h);
}

static void test_diagnose_numvfs_says_what_was_found(void **state)
{
	(void)state;
	struct have h = { 0 };
	_cleanup_err_ struct err e = { 0 };
	pf_add(&h, 0x020000, 2);
	struct step s = { .verb = VERB_SET_VFS, .target.vf = -1, .number = 4 };
	struct step_result r = { .status = STEP_FAILED, .error = EBUSY, .number = 2 };
	assert_int_equal(STR_COPY(s.target.device, PF_KEY), 0);
	assert_int_equal(STR_COPY(r.where, "sriov_numvfs"), 0);
	sriov_mech.diagnose(&h, &s, &r, NULL, 0, &e);
	assert_string_equal(e.id, "sriov.numvfs.failed");
	assert_non_null(strstr(e.because, "2 VFs exist"));
	assert_non_null(strstr(e.state, "2 VFs"));
	have_done(&h);
}

static void test_diagnose_every_verb_has_an_id(void **state)
{
	(void)state;
	static const struct {
		enum verb verb;
		const char *reason, *id;
	} rows[] = {
		{ VERB_SET_VFS, "other-count", "sriov.numvfs.other-count" },
		{ VERB_SET_VF, "no-netdev", "sriov.vf.no-netdev" },
		{ VERB_SET_VF, "readback", "sriov.vf.readback" },
		{ VERB_SET_VF, "", "sriov.vf.failed" },
		{ VERB_READ_VFS, "", "sriov.vf.unreadable" },
		{ VERB_SET_PORT, "no-port", "sriov.port.failed" },
		{ VERB_SET_PORT, "readback", "sriov.port.failed" },
		{ VERB_SET_PORT, "", "sriov.port.failed" },
		{ VERB_NVME_FLEX, "", "nvme.flex.failed" },
		{ VERB_NVME_ONLINE, "", "nvme.online.failed" },
		{ VERB_NVME_OFFLINE, "", "nvme.offline.failed" },
	};
	struct have h = { 0 };
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		_cleanup_err_ struct err e = { 0 };
		struct step s = { .verb = rows[i].verb };
		struct step_result r = { .status = STEP_FAILED, .error = EIO };
		assert_int_equal(STR_COPY(r.reason, rows[i].reason), 0);
		sriov_mech.diagnose(&h, &s, &r, NULL, 0, &e);
		assert_string_equal(e.id, rows[i].id);
		assert_non_null(e.todo);
	}
}

/* Layouts as QEMU's controller gives them for sriov_vq_flexible=16, sriov_vi_flexible=8. */
static void test_nvme_parse_structures(void **state)
{
	(void)state;
	uint8_t primary[4096] = { 0 }, list[4096] = { 0 };
	struct nvme_primary p;
	struct nvme_secondary s[127];
	primary[32] = 16, primary[40] = 16, primary[44] = 2;
	primary[64] = 8, primary[72] = 8, primary[76] = 1;
	nvme_primary_parse(primary, &p);
	assert_int_equal(p.vq_total, 16);
	assert_int_equal(p.vi_primary, 8);
	assert_int_equal(nvme_share(p.vq_total, 8, 2, p.vq_max), 2);
	assert_int_equal(nvme_share(4, 8, 2, 0), 2);
	assert_int_equal(nvme_share(1024, 4, 2, 16), 16);

	list[0] = 200; /* more than the page holds is not believed */
	list[32 + 0] = 3, list[32 + 4] = 1, list[32 + 8] = 1, list[32 + 10] = 2, list[32 + 12] = 1;
	assert_int_equal(nvme_secondaries_parse(list, s), 127);
	assert_int_equal(s[0].cntlid, 3);
	assert_true(s[0].online);
	assert_int_equal(s[0].vf, 1);
	assert_int_equal(s[0].vq, 2);
	assert_int_equal(s[0].vi, 1);
}

static void test_offer_counts_what_is_left(void **state)
{
	(void)state;
	struct have h = { 0 };
	struct offer o = { 0 };
	pf_add(&h, 0x020000, 3);
	sriov_mech.offer(&h, PF_KEY, &o);
	assert_null(capacity_wrong(&o.kind));
	assert_int_equal(o.kind.n_profiles, 1);
	assert_int_equal(o.kind.counters[0].total, 8);
	assert_int_equal(capacity_more(&o.kind, &o.use, 0), 5);
	have_done(&h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_layout_from_zero_holds_the_whole_sequence),
		cmocka_unit_test(test_result_apply_check_only_forgets_its_target),
		cmocka_unit_test(test_f06_layout_other_count_goes_through_zero),
		cmocka_unit_test(test_f05_layout_held_refused_and_named),
		cmocka_unit_test(test_f14_layout_foreign_vfs_left_alone),
		cmocka_unit_test(test_layout_more_than_total_refused),
		cmocka_unit_test(test_f15_layout_a_b_a_converges),
		cmocka_unit_test(test_f35_layout_counts_vfs_that_are_there),
		cmocka_unit_test(test_layout_nvme_flex_then_count_then_online),
		cmocka_unit_test(test_claim_settings_over_policy_only_what_differs),
		cmocka_unit_test(test_claim_setting_not_offered_refused),
		cmocka_unit_test(test_claim_port_function_takes_the_mac_only),
		cmocka_unit_test(test_claim_without_port_function_goes_by_rtnetlink),
		cmocka_unit_test(test_result_apply_keeps_what_the_port_has),
		cmocka_unit_test(test_diagnose_setting_refused_in_switchdev_mode_says_so),
		cmocka_unit_test(test_reclaim_leaves_nothing_of_the_claim),
		cmocka_unit_test(test_make_missing_vf_only_from_zero),
		cmocka_unit_test(test_diagnose_numvfs_says_what_was_found),
		cmocka_unit_test(test_diagnose_every_verb_has_an_id),
		cmocka_unit_test(test_nvme_parse_structures),
		cmocka_unit_test(test_offer_counts_what_is_left),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
