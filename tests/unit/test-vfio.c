/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Planning of bind, grant and release; isolation of IOMMU groups; words of failures. */
#include "support/test.h"

#include <errno.h>

#include "base/str.h"
#include "support/picture.h"
#include "vfio/vfio.h"

#define GPU "0000:3b:00.0"
#define GPU_KEY "pci:" GPU

static const struct mech *const mechs[] = { &passthrough_mech, NULL };

static void test_bind_native_driver_is_bind_and_grant(void **state)
{
	(void)state;
	struct have h = { 0 };
	struct plan p = { 0 };
	struct function *f = picture_function(&h, GPU, 0x030000, "nouveau", 7);
	struct slice s = picture_slice("passthrough", GPU_KEY, -1);
	struct claim c = { .grant_uid = 1000, .grant_gid = 1000 };

	assert_int_equal(vfio_bind_steps(&h, &s, f, &c, &p, NULL), 0);
	picture_plan(&p, VERB_BIND, VERB_GRANT, -1);
	assert_string_equal(p.steps[0].text, "vfio");
	assert_int_equal(p.steps[1].number, 1000);
	plan_done(&p);
	have_done(&h);
}

static void test_bind_reached_goal_is_empty(void **state)
{
	(void)state;
	struct have h = { 0 };
	struct plan p = { 0 };
	struct function *f = picture_function(&h, GPU, 0x030000, "mlx5_vfio_pci", 7);
	struct slice s = picture_slice("passthrough", GPU_KEY, -1);
	struct claim c = { .grant_uid = 1000, .grant_gid = 1000 };

	f->vfio_node = true;
	f->vfio_mode = 0600;
	assert_int_equal(vfio_bind_steps(&h, &s, f, &c, &p, NULL), 0);
	picture_plan(&p, VERB_GRANT, -1);
	plan_done(&p);
	f->vfio_uid = f->vfio_gid = 1000;
	assert_int_equal(vfio_bind_steps(&h, &s, f, &c, &p, NULL), 0);
	picture_plan(&p, -1);
	f->vfio_mode = 0666; /* F36 */
	assert_int_equal(vfio_bind_steps(&h, &s, f, &c, &p, NULL), 0);
	picture_plan(&p, VERB_GRANT, -1);
	plan_done(&p);
	have_done(&h);
}

static void test_bind_pf_with_vfs_refused(void **state)
{
	(void)state;
	struct have h = { 0 };
	struct plan p = { 0 };
	_cleanup_err_ struct err e = { 0 };
	picture_function(&h, GPU, 0x020000, "igb", 7);
	picture_vfs(&h, GPU, 2);
	struct slice s = picture_slice("passthrough", GPU_KEY, -1);

	assert_int_equal(vfio_bind_steps(&h, &s, have_device(&h, GPU_KEY), NULL, &p, &e), -EBUSY);
	assert_string_equal(e.id, "vfio.bind.has-vfs");
	picture_plan(&p, -1);
	have_done(&h);
}

/* F01: the way back is planned from the recorded driver, in whatever state the crash left it. */
static void test_f01_release_goes_back_to_recorded_driver(void **state)
{
	(void)state;
	struct have h = { 0 };
	struct plan p = { 0 };
	struct function *f = picture_function(&h, GPU, 0x030000, "vfio-pci", 7);
	struct slice s = picture_slice("passthrough", GPU_KEY, -1);

	f->vfio_node = true;
	f->vfio_uid = 1000;
	f->vfio_mode = 0600;
	s.has_original = s.dirty = 1;
	assert_int_equal(STR_COPY(s.original_driver, "nouveau"), 0);
	assert_int_equal(vfio_release_steps(&h, &s, f, false, &p, NULL), 0);
	picture_plan(&p, VERB_REVOKE, VERB_RESET, VERB_UNBIND, -1);
	assert_string_equal(p.steps[2].text, "nouveau");
	plan_done(&p);

	/* VFIO let it go and nobody took it: it still goes back. */
	(void)STR_COPY(f->driver, "");
	f->vfio_node = false;
	s.dirty = 0;
	assert_int_equal(vfio_release_steps(&h, &s, f, false, &p, NULL), 0);
	picture_plan(&p, VERB_UNBIND, -1);
	plan_done(&p);

	(void)STR_COPY(f->driver, "vfio-pci");
	f->vfio_node = true;
	f->vfio_uid = 0;
	s.original_driver[0] = '\0';
	assert_int_equal(vfio_release_steps(&h, &s, f, false, &p, NULL), 0);
	picture_plan(&p, VERB_UNBIND, -1);
	assert_string_equal(p.steps[0].text, "-");
	plan_done(&p);

	assert_int_equal(vfio_release_steps(&h, &s, f, true, &p, NULL), 0);
	picture_plan(&p, -1);
	f->driver[0] = '\0';
	assert_int_equal(vfio_release_steps(&h, &s, f, false, &p, NULL), 0);
	picture_plan(&p, -1);
	have_done(&h);
}

/* Whether D3cold was allowed again nobody has told: it is looked at, once the function is given back. */
static void test_f11_release_allows_d3cold_again(void **state)
{
	(void)state;
	struct have h = { 0 };
	struct plan p = { 0 };
	struct function *f = picture_function(&h, GPU, 0x030000, "vfio-pci", 7);
	struct slice s = picture_slice("passthrough", GPU_KEY, -1);

	s.has_original = 1;
	s.power_pinned = SLICE_POWER_ASKED;
	assert_int_equal(STR_COPY(s.original_driver, "nouveau"), 0);
	assert_int_equal(vfio_release_steps(&h, &s, f, false, &p, NULL), 0);
	picture_plan(&p, VERB_UNBIND, -1);
	assert_int_equal(p.steps[0].flag, 1);
	plan_done(&p);

	/* It stays bound: D3cold stays pinned. */
	assert_int_equal(vfio_release_steps(&h, &s, f, true, &p, NULL), 0);
	picture_plan(&p, -1);

	(void)STR_COPY(f->driver, "nouveau");
	assert_int_equal(vfio_release_steps(&h, &s, f, false, &p, NULL), 0);
	picture_plan(&p, VERB_PIN_POWER, -1);
	assert_int_equal(p.steps[0].number, 1);
	plan_done(&p);
	s.power_pinned = SLICE_POWER_OWN;
	assert_int_equal(vfio_release_steps(&h, &s, f, false, &p, NULL), 0);
	picture_plan(&p, -1);
	have_done(&h);
}

static void test_release_without_reset_has_no_proof(void **state)
{
	(void)state;
	struct have h = { 0 };
	struct plan p = { 0 };
	struct function *f = picture_function(&h, GPU, 0x030000, "vfio-pci", 7);
	struct slice s = picture_slice("passthrough", GPU_KEY, -1);

	f->caps.flr = false;
	s.dirty = 1;
	assert_int_equal(passthrough_mech.proof(&h, &s), PROOF_NONE);
	assert_int_equal(vfio_release_steps(&h, &s, f, true, &p, NULL), 0);
	picture_plan(&p, -1);
	/* Of memory, which network cards have not, no specification says that it is cleared. */
	f->caps.pm_reset = true;
	assert_int_equal(passthrough_mech.proof(&h, &s), PROOF_SOFT_RESET);
	assert_int_equal(vfio_release_steps(&h, &s, f, true, &p, NULL), 0);
	picture_plan(&p, VERB_RESET, -1);
	f->class = 0x120000;
	assert_int_equal(passthrough_mech.proof(&h, &s), PROOF_SOFT_RESET);
	f->caps.flr = true;
	assert_int_equal(passthrough_mech.proof(&h, &s), PROOF_RESET);
	f->caps.flr = false;
	f->class = 0x020000;
	assert_int_equal(passthrough_mech.proof(&h, &s), PROOF_RESET);
	f->class = 0x010802;
	assert_int_equal(passthrough_mech.proof(&h, &s), PROOF_KEPT);
	plan_done(&p);
	have_done(&h);
}

static int group(const struct have *h, const struct slice *slices, size_t n_slices,
		 const struct claim *claims, size_t n_claims, uint32_t uid, struct err *e)
{
	const struct claim c = { .uid = uid };
	const struct vfio_record r = { .have = h,
				       .mechs = mechs,
				       .slices = slices,
				       .n_slices = n_slices,
				       .claims = claims,
				       .n_claims = n_claims };
	return vfio_group_check(&r, have_device(h, GPU_KEY), &c, e);
}

/* F24: the sibling that makes the group not viable is named with its driver. */
static void test_f24_group_sibling_on_host_is_named(void **state)
{
	(void)state;
	struct have h = { 0 };
	_cleanup_err_ struct err e = { 0 };
	picture_function(&h, GPU, 0x030000, "vfio-pci", 7);
	picture_function(&h, "0000:3b:00.1", 0x040300, "snd_hda_intel", 7);
	picture_function(&h, "0000:3a:00.0", 0x060400, "pcieport", 7);
	have_sort(&h);

	assert_int_equal(group(&h, NULL, 0, NULL, 0, 1000, &e), -EBUSY);
	assert_string_equal(e.id, "vfio.group.not-viable");
	assert_non_null(strstr(e.because, "0000:3b:00.1"));
	assert_non_null(strstr(e.because, "snd_hda_intel"));
	have_function(&h, "0000:3b:00.1")->driver[0] = '\0';
	assert_int_equal(group(&h, NULL, 0, NULL, 0, 1000, NULL), 0);
	have_done(&h);
}

static void test_group_check_other_tenant_refused(void **state)
{
	(void)state;
	struct have h = { 0 };
	_cleanup_err_ struct err e = { 0 };
	picture_function(&h, GPU, 0x030000, "", 7);
	picture_function(&h, "0000:3b:00.1", 0x040300, "vfio-pci", 7);
	have_sort(&h);
	struct slice mate = picture_slice("passthrough", "pci:0000:3b:00.1", -1);
	struct claim c = { .uid = 2000 };
	assert_int_equal(STR_COPY(c.name, "web01"), 0);

	/* VFIO has it, and nobody we know. */
	assert_int_equal(group(&h, NULL, 0, NULL, 0, 1000, NULL), -EBUSY);
	/* A free slice of ours. */
	assert_int_equal(group(&h, &mate, 1, NULL, 0, 1000, NULL), 0);
	assert_int_equal(STR_COPY(mate.claim, "web01"), 0);
	assert_int_equal(group(&h, &mate, 1, &c, 1, 1000, &e), -EBUSY);
	assert_string_equal(e.id, "vfio.group.tenant");
	assert_int_equal(group(&h, &mate, 1, &c, 1, 2000, NULL), 0);
	mate.claim[0] = '\0';
	mate.dirty = 1;
	mate.last_uid = 2000;
	err_done(&e);
	assert_int_equal(group(&h, &mate, 1, NULL, 0, 1000, &e), -EBUSY);
	assert_string_equal(e.id, "vfio.group.dirty");
	assert_string_equal(e.on, GPU " (IOMMU group 7)");
	assert_non_null(strstr(e.because, "0000:3b:00.1"));
	assert_non_null(strstr(e.because, "not yet clean of uid 2000"));
	assert_string_equal(e.state, "nothing was changed");
	assert_non_null(e.todo);
	assert_int_equal(group(&h, &mate, 1, NULL, 0, 2000, NULL), 0);
	have_done(&h);
}

/* Who has the sibling now passes; that a driver of the host has it does not. */
static void test_group_check_for_anybody_leaves_accounts_out(void **state)
{
	(void)state;
	struct have h = { 0 };
	_cleanup_err_ struct err e = { 0 };
	picture_function(&h, GPU, 0x030000, "", 7);
	picture_function(&h, "0000:3b:00.1", 0x040300, "vfio-pci", 7);
	have_sort(&h);
	const struct function *gpu = have_device(&h, GPU_KEY);
	struct slice mate = picture_slice("passthrough", "pci:0000:3b:00.1", -1);
	struct claim c = { .uid = 2000 };
	assert_int_equal(STR_COPY(c.name, "web01"), 0);
	struct vfio_record r = { .have = &h, .mechs = mechs, .slices = &mate, .n_slices = 1 };

	mate.dirty = 1;
	assert_int_equal(vfio_group_check(&r, gpu, NULL, NULL), 0);
	assert_int_equal(STR_COPY(mate.claim, "web01"), 0);
	r.claims = &c;
	r.n_claims = 1;
	assert_int_equal(vfio_group_check(&r, gpu, NULL, NULL), 0);
	mate.claim[0] = '\0';
	assert_int_equal(STR_COPY(have_function(&h, "0000:3b:00.1")->driver, "snd_hda_intel"), 0);
	r.n_claims = 0;
	assert_int_equal(vfio_group_check(&r, gpu, NULL, &e), -EBUSY);
	assert_string_equal(e.id, "vfio.group.not-viable");
	assert_non_null(strstr(e.todo, "companions: bind"));
	have_done(&h);
}

/* What drives it now is no matter: it is bound with the function that it goes with. */
static void test_group_check_companions_are_claimed_together(void **state)
{
	(void)state;
	struct have h = { 0 };
	picture_function(&h, GPU, 0x030000, "nvidia", 7);
	picture_function(&h, "0000:3b:00.1", 0x040300, "snd_hda_intel", 7);
	have_sort(&h);
	const struct claim c = { .uid = 2000 }, web = { .uid = 3000, .name = "web01" };
	struct slice mate = picture_slice("passthrough", "pci:0000:3b/00.1", -1);
	struct want w = { .leader = GPU_KEY };
	const struct function *gpu = have_device(&h, GPU_KEY);
	struct function *sound = have_function(&h, "0000:3b:00.1");
	assert_int_equal(STR_COPY(w.device, sound->key), 0);
	memcpy(mate.device, w.device, sizeof(mate.device));
	struct vfio_record r = { .have = &h,
				 .mechs = mechs,
				 .wants = &w,
				 .n_wants = 1,
				 .slices = &mate,
				 .n_slices = 1,
				 .claims = &web,
				 .n_claims = 1 };

	assert_int_equal(vfio_group_check(&r, gpu, &c, NULL), 0);
	assert_int_equal(vfio_group_check(&r, sound, &c, NULL), 0);
	assert_int_equal(vfio_group_check(&r, gpu, NULL, NULL), 0);
	assert_int_equal(STR_COPY(mate.claim, "web01"), 0);
	assert_int_equal(vfio_group_check(&r, gpu, &c, NULL), -EBUSY);
	have_done(&h);
}

static void test_group_distrust_says_why_and_how_to_take_the_risk(void **state)
{
	(void)state;
	struct have h = { 0 };
	_cleanup_err_ struct err e = { 0 };
	const struct function *f = picture_function(&h, GPU, 0x030000, "", 1);
	assert_int_equal(vfio_group_distrust(f, &e), -EPERM);
	assert_string_equal(e.id, "vfio.group.acs-override");
	assert_string_equal(e.on, f->addr);
	assert_non_null(strstr(e.todo, "unsafe: [acs-override]"));
	have_done(&h);
}

static bool has_fabric(uint16_t device, bool is_vf, uint16_t switch_vendor, uint32_t switch_class)
{
	struct have h = { 0 };
	picture_function(&h, GPU, 0x030200, "nvidia", 7);
	picture_function(&h, "0000:3c:00.0", switch_class, "", 8)->vendor = switch_vendor;
	struct function *f = have_function(&h, GPU);
	f->vendor = 0x10de;
	f->device = device;
	f->is_vf = is_vf;
	bool has = vfio_fabric_has(&h, f);
	have_done(&h);
	return has;
}

static void test_fabric_has_a_module_beside_a_switch(void **state)
{
	(void)state;
	assert_true(has_fabric(0x2330, false, 0x10de, 0x068000));
	assert_true(has_fabric(0x20b2, false, 0x10de, 0x068000));
	assert_false(has_fabric(0x2331, false, 0x10de, 0x068000)); /* H100 PCIe */
	assert_false(has_fabric(0x2330, true, 0x10de, 0x068000));
	assert_false(has_fabric(0x2330, false, 0x8086, 0x068000));
	assert_false(has_fabric(0x2330, false, 0x10de, 0x060400));
}

/* Of the newest boards no switch is seen, so nobody knows whether that is all. */
static void test_fabric_of_modules_whose_switches_are_unseen(void **state)
{
	(void)state;
	struct have h = { 0 };
	_cleanup_err_ struct err e = { 0 };
	struct function *f = picture_function(&h, GPU, 0x030200, "nvidia", 7);
	f->vendor = 0x10de;
	f->device = 0x2330;
	assert_false(vfio_fabric_has(&h, f));
	assert_true(vfio_fabric_is_seen(&h));
	f->device = 0x2901;
	assert_true(vfio_fabric_has(&h, f));
	assert_false(vfio_fabric_is_seen(&h));
	assert_int_equal(vfio_fabric_refuse(&h, f, NULL, &e), -EPERM);
	assert_null(strstr(e.todo, "by one class"));
	have_done(&h);
}

static void test_fabric_has_the_switch_itself(void **state)
{
	(void)state;
	struct have h = { 0 };
	_cleanup_err_ struct err e = { 0 };
	picture_function(&h, "0000:3c:00.0", 0x068000, "", 8)->vendor = 0x10de;
	assert_false(vfio_fabric_has(&h, have_function(&h, "0000:3c:00.0")));
	struct function *gpu = picture_function(&h, GPU, 0x030200, "nvidia", 7);
	gpu->vendor = 0x10de;
	gpu->device = 0x2330;
	const struct function *f = have_function(&h, "0000:3c:00.0");
	assert_true(vfio_fabric_has(&h, f));
	assert_int_equal(vfio_fabric_refuse(&h, f, NULL, &e), -EPERM);
	assert_string_equal(e.what, "cannot hand the NVSwitch out alone");
	assert_non_null(strstr(e.todo, "all GPUs and NVSwitches by one class"));
	have_done(&h);
}

static void test_fabric_refuse_says_where_and_how_to_take_the_risk(void **state)
{
	(void)state;
	struct have h = { 0 };
	_cleanup_err_ struct err e = { 0 };
	struct want w = { .where = "gpus.yaml:7" };
	const struct function *f = picture_function(&h, GPU, 0x030200, "nvidia", 1);
	assert_int_equal(vfio_fabric_refuse(&h, f, &w, &e), -EPERM);
	assert_string_equal(e.id, "nvidia.fabric");
	assert_string_equal(e.on, GPU " (policy gpus.yaml:7)");
	assert_non_null(strstr(e.todo, "unsafe: [nvswitch]"));
	err_done(&e);
	assert_int_equal(vfio_fabric_refuse(&h, f, NULL, &e), -EPERM);
	assert_string_equal(e.on, GPU);
	have_done(&h);
}

static void test_group_check_no_group_refused(void **state)
{
	(void)state;
	struct have h = { 0 };
	_cleanup_err_ struct err e = { 0 };
	picture_function(&h, GPU, 0x030000, "", -1);
	assert_int_equal(group(&h, NULL, 0, NULL, 0, 1000, &e), -ENODEV);
	assert_string_equal(e.id, "vfio.group.none");
	have_done(&h);
}

/* F12: what the device said after its reset is said on. */
static void test_f12_diagnose_dead_after_reset(void **state)
{
	(void)state;
	struct have h = { 0 };
	_cleanup_err_ struct err e = { 0 };
	picture_function(&h, GPU, 0x030000, "", 7);
	struct step s = { .verb = VERB_RESET, .target.vf = -1 };
	struct step_result r = { .status = STEP_FAILED, .error = EIO };
	assert_int_equal(STR_COPY(s.target.device, GPU_KEY), 0);
	assert_int_equal(STR_COPY(r.reason, "config-all-ones"), 0);

	passthrough_mech.diagnose(&h, &s, &r, NULL, 0, &e);
	assert_string_equal(e.id, "vfio.reset.dead");
	assert_non_null(strstr(e.on, GPU));
	assert_non_null(e.todo);
	have_done(&h);
}

/* F09: the holder is named by pid, program and unit. */
static void test_f09_diagnose_held_names_holder(void **state)
{
	(void)state;
	struct have h = { 0 };
	_cleanup_err_ struct err e = { 0 };
	struct step s = { .verb = VERB_UNBIND, .target.vf = -1 };
	struct step_result r = { .status = STEP_REFUSED };
	struct holder x = { .kind = HOLDER_FD, .pid = 4121 };
	assert_int_equal(STR_COPY(s.target.device, GPU_KEY), 0);
	assert_int_equal(STR_COPY(r.reason, "held"), 0);
	assert_int_equal(STR_COPY(x.comm, "qemu-system-x86"), 0);
	assert_int_equal(STR_COPY(x.unit, "machine-web01.scope"), 0);
	assert_int_equal(STR_COPY(x.device, GPU), 0);

	passthrough_mech.diagnose(&h, &s, &r, &x, 1, &e);
	assert_string_equal(e.id, "guard.held");
	assert_non_null(strstr(e.because, "4121 (qemu-system-x86, machine-web01.scope)"));
	assert_string_equal(e.state, "nothing was changed");
	have_done(&h);
}

static void test_diagnose_every_status_has_words(void **state)
{
	(void)state;
	struct have h = { 0 };
	static const struct {
		enum step_status status;
		const char *id;
	} rows[] = {
		{ STEP_REFUSED, "guard.refused" },    { STEP_FAILED, "vfio.bind.failed" },
		{ STEP_TIMEOUT, "executor.timeout" }, { STEP_LATE, "vfio.bind.failed" },
		{ STEP_STUCK, "executor.stuck" },     { STEP_UNKNOWN, "executor.lost" },
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		_cleanup_err_ struct err e = { 0 };
		struct step s = { .verb = VERB_BIND, .target.vf = -1 };
		struct step_result r = { .status = rows[i].status, .error = EIO };
		passthrough_mech.diagnose(&h, &s, &r, NULL, 0, &e);
		assert_string_equal(e.id, rows[i].id);
		assert_non_null(e.what);
		assert_non_null(e.because);
	}
}

static void test_offer_bridge_and_groupless_offer_nothing(void **state)
{
	(void)state;
	struct have h = { 0 };
	struct offer o = { 0 };
	struct function *f = picture_function(&h, GPU, 0x060400, "", 7);
	passthrough_mech.offer(&h, GPU_KEY, &o);
	assert_int_equal(o.kind.n_profiles, 0);
	f->class = 0x030000;
	f->iommu_group = -1;
	passthrough_mech.offer(&h, GPU_KEY, &o);
	assert_int_equal(o.kind.n_profiles, 0);
	f->iommu_group = 7;
	passthrough_mech.offer(&h, GPU_KEY, &o);
	assert_int_equal(o.kind.n_profiles, 1);
	assert_int_equal(capacity_more(&o.kind, &o.use, 0), 1);
	have_done(&h);
}

static void test_claim_steps_settings_refused(void **state)
{
	(void)state;
	struct have h = { 0 };
	struct plan p = { 0 };
	_cleanup_err_ struct err e = { 0 };
	struct slice s = picture_slice("passthrough", GPU_KEY, -1);
	struct claim c = { .set.set = VF_SET_MAC };
	assert_int_equal(passthrough_mech.claim_steps(&h, NULL, &s, &c, &p, &e), -EOPNOTSUPP);
	assert_string_equal(e.id, "claim.settings.unsupported");
}

static void test_make_steps_device_gone_is_named(void **state)
{
	(void)state;
	struct have h = { 0 };
	struct plan p = { 0 };
	_cleanup_err_ struct err e = { 0 };
	struct slice s = picture_slice("passthrough", GPU_KEY, -1);
	struct want w = picture_want("passthrough", GPU_KEY, 0);
	assert_int_equal(passthrough_mech.make_steps(&h, &w, &s, &p, &e), -ENODEV);
	assert_string_equal(e.id, "device.gone");
	assert_non_null(strstr(e.because, "policy.yaml:7"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bind_native_driver_is_bind_and_grant),
		cmocka_unit_test(test_bind_reached_goal_is_empty),
		cmocka_unit_test(test_bind_pf_with_vfs_refused),
		cmocka_unit_test(test_f01_release_goes_back_to_recorded_driver),
		cmocka_unit_test(test_f11_release_allows_d3cold_again),
		cmocka_unit_test(test_release_without_reset_has_no_proof),
		cmocka_unit_test(test_f24_group_sibling_on_host_is_named),
		cmocka_unit_test(test_group_check_other_tenant_refused),
		cmocka_unit_test(test_group_check_for_anybody_leaves_accounts_out),
		cmocka_unit_test(test_group_check_companions_are_claimed_together),
		cmocka_unit_test(test_group_check_no_group_refused),
		cmocka_unit_test(test_fabric_has_a_module_beside_a_switch),
		cmocka_unit_test(test_fabric_of_modules_whose_switches_are_unseen),
		cmocka_unit_test(test_fabric_has_the_switch_itself),
		cmocka_unit_test(test_fabric_refuse_says_where_and_how_to_take_the_risk),
		cmocka_unit_test(test_group_distrust_says_why_and_how_to_take_the_risk),
		cmocka_unit_test(test_f12_diagnose_dead_after_reset),
		cmocka_unit_test(test_f09_diagnose_held_names_holder),
		cmocka_unit_test(test_diagnose_every_status_has_words),
		cmocka_unit_test(test_offer_bridge_and_groupless_offer_nothing),
		cmocka_unit_test(test_claim_steps_settings_refused),
		cmocka_unit_test(test_make_steps_device_gone_is_named),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
