/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the doctor finds: each finding on a picture that has it, and a healthy host without any. */
#include "support/test.h"

#include <errno.h>
#include <linux/pci_regs.h>
#include <string.h>
#include <sys/utsname.h>

#include "base/str.h"
#include "host/doctor.h"
#include "host/enroll.h"
#include "support/picture.h"
#include "support/tree.h"

#define ACS_FULL (PCI_ACS_SV | PCI_ACS_RR | PCI_ACS_CR | PCI_ACS_UF)

/* A host on which all is well. */
static void healthy(struct have *h, struct doctor_facts *facts)
{
	*h = (struct have){ 0 };
	*facts = (struct doctor_facts){ .vfio_pci = true,
					.vfio_pci_known = true,
					.interrupt_remapping = -1,
					.noiommu = 0,
					.dma_entry_limit = 65535,
					.executor = true,
					.n_enrolled = 1 };
	picture_function(h, "0000:00:00.0", 0x060000, "", 0)->vendor = 0x8086;
	struct function *port = picture_function(h, "0000:00:03.0", 0x060400, "pcieport", 1);
	port->caps = (struct pci_caps){ .known = true,
					.pcie = true,
					.port_type = PCI_EXP_TYPE_ROOT_PORT,
					.acs = true,
					.acs_ctrl = ACS_FULL,
					.bus_first = 1,
					.bus_last = 1 };
	struct function *pf = picture_function(h, "0000:01:00.0", 0x020000, "igb", 2);
	assert_int_equal(STR_COPY(pf->parent, "0000:00:03.0"), 0);
	pf->caps = (struct pci_caps){ .known = true,
				      .sriov = true,
				      .sriov_total = 7,
				      .sriov_offset = 0x80,
				      .sriov_stride = 2,
				      .sriov_bars = true };
}

static struct function *function(struct have *h, const char *addr)
{
	struct function *f = have_function(h, addr);
	if (!f)
		fail_msg("no %s", addr);
	return f;
}

static const struct finding *find(const struct findings *all, const char *id)
{
	for (size_t i = 0; i < all->n; i++)
		if (str_eq(all->items[i].id, id))
			return &all->items[i];
	return NULL;
}

/* Exactly one more finding than a healthy host has: level, id, and words in text and remedy. */
static void assert_finds(struct have *h, const struct doctor_facts *facts, enum finding_level level,
			 const char *id, const char *text, const char *remedy)
{
	struct findings all;
	assert_int_equal(doctor_examine(h, facts, &all), 0);
	const struct finding *f = find(&all, id);
	if (!f)
		fail_msg("%s is not found", id);
	else {
		assert_int_equal(f->level, level);
		if (!strstr(f->text, text))
			fail_msg("\"%s\" lacks \"%s\"", f->text, text);
		if (!strstr(f->remedy, remedy))
			fail_msg("\"%s\" lacks \"%s\"", f->remedy, remedy);
		for (size_t i = 0; i < all.n; i++)
			assert_true(&all.items[i] == f || all.items[i].level == FINDING_OK);
	}
	findings_done(&all);
	have_done(h);
}

static void test_doctor_examine_gpu_that_nobody_sees(void **state)
{
	(void)state;
	struct have h;
	struct doctor_facts facts;
	struct enrolled entry = { .key = "pci:0000:01:00.0" };
	const struct enrollment list = { &entry, 1 };
	healthy(&h, &facts);
	struct gpu *g = have_add_gpu(&h);
	assert_non_null(g);
	assert_int_equal(STR_COPY(g->key, entry.key), 0);
	assert_int_equal(STR_COPY(g->why, "the GPU has fallen off the bus"), 0);
	g->seen = GPU_UNSEEN;
	facts.enrolled = &list;
	assert_finds(&h, &facts, FINDING_WARNING, "doctor.gpu.unseen", "fallen off the bus",
		     "kernel module of one version");
}

/* One that carve has nothing to do with may be as it likes. */
static void test_doctor_examine_gpu_seen_or_of_others_is_no_finding(void **state)
{
	(void)state;
	struct have h;
	struct doctor_facts facts;
	struct findings all;
	struct enrolled entry = { .key = "pci:0000:01:00.0" };
	const struct enrollment list = { &entry, 1 };
	healthy(&h, &facts);
	struct gpu *g = have_add_gpu(&h);
	assert_non_null(g);
	assert_int_equal(STR_COPY(g->key, entry.key), 0);
	g->seen = GPU_SEEN;
	facts.enrolled = &list;
	assert_int_equal(doctor_examine(&h, &facts, &all), 0);
	assert_null(find(&all, "doctor.gpu.unseen"));
	findings_done(&all);
	g->seen = GPU_UNSEEN;
	(void)STR_COPY(entry.key, "pci:0000:02:00.0");
	assert_int_equal(doctor_examine(&h, &facts, &all), 0);
	assert_null(find(&all, "doctor.gpu.unseen"));
	findings_done(&all);
	have_done(&h);
}

static void test_doctor_examine_healthy_host_has_nothing(void **state)
{
	(void)state;
	struct have h;
	struct doctor_facts facts;
	struct findings all;
	healthy(&h, &facts);
	assert_int_equal(doctor_examine(&h, &facts, &all), 0);
	assert_int_equal(all.n, 1);
	assert_string_equal(all.items[0].id, "doctor.iommu.on");
	assert_string_equal(finding_level_name(all.items[0].level), "ok");
	findings_done(&all);
	have_done(&h);
}

static void no_groups(struct have *h)
{
	for (size_t i = 0; i < h->n_functions; i++)
		h->functions[i].iommu_group = -1;
}

static void test_doctor_examine_no_iommu_remedy_fits_the_platform(void **state)
{
	(void)state;
	struct have h;
	struct doctor_facts facts;
	const char *id = "doctor.iommu.off", *text = "no function";
	healthy(&h, &facts);
	no_groups(&h);
	assert_finds(&h, &facts, FINDING_PROBLEM, id, text, "add intel_iommu=on");
	healthy(&h, &facts);
	no_groups(&h);
	assert_int_equal(STR_COPY(facts.cmdline, "quiet intel_iommu=on ro"), 0);
	assert_finds(&h, &facts, FINDING_PROBLEM, id, text, "enable VT-d in the firmware");
	healthy(&h, &facts);
	no_groups(&h);
	assert_int_equal(STR_COPY(facts.cmdline, "ro intel_iommu=off"), 0);
	assert_finds(&h, &facts, FINDING_PROBLEM, id, text, "remove that");
	healthy(&h, &facts);
	no_groups(&h);
	function(&h, "0000:00:00.0")->vendor = 0x1022;
	assert_finds(&h, &facts, FINDING_PROBLEM, id, text, "AMD-Vi");
}

static void test_doctor_examine_unsafe_modes_are_warned_of(void **state)
{
	(void)state;
	struct have h;
	struct doctor_facts facts;
	healthy(&h, &facts);
	facts.noiommu = 1;
	assert_finds(&h, &facts, FINDING_WARNING, "doctor.noiommu", "all memory", "options");
	healthy(&h, &facts);
	facts.interrupt_remapping = 0;
	assert_finds(&h, &facts, FINDING_WARNING, "doctor.interrupt-remapping.off", "refuses",
		     "firmware");
	healthy(&h, &facts);
	assert_int_equal(STR_COPY(facts.cmdline, "pcie_acs_override=downstream"), 0);
	assert_finds(&h, &facts, FINDING_WARNING, "doctor.acs-override", "is handed out", "remove");
	healthy(&h, &facts);
	assert_int_equal(STR_COPY(facts.cmdline, "pcie_acs_override=downstream"), 0);
	facts.unsafe_acs_override = true;
	assert_finds(&h, &facts, FINDING_WARNING, "doctor.acs-override", "policy accepts",
		     "remove");
}

static void test_doctor_examine_missing_module_is_a_problem(void **state)
{
	(void)state;
	struct have h;
	struct doctor_facts facts;
	healthy(&h, &facts);
	facts.vfio_pci = facts.vfio_pci_known = false;
	assert_finds(&h, &facts, FINDING_PROBLEM, "doctor.module.vfio-pci", "no vfio-pci",
		     "CONFIG_VFIO_PCI");
}

static void test_f24_doctor_examine_group_names_sibling_and_bridge(void **state)
{
	(void)state;
	struct have h;
	struct doctor_facts facts;
	healthy(&h, &facts);
	struct function *other = picture_function(&h, "0000:01:00.1", 0x040300, "snd_hda_intel", 2);
	assert_int_equal(STR_COPY(other->parent, "0000:00:03.0"), 0);
	assert_int_equal(STR_COPY(function(&h, "0000:01:00.0")->driver, "vfio-pci"), 0);
	function(&h, "0000:00:03.0")->caps.acs_ctrl = PCI_ACS_SV | PCI_ACS_UF;
	assert_finds(&h, &facts, FINDING_NOTE, "doctor.group.shared",
		     "0000:01:00.0 shares it with 0000:01:00.1 (driver snd_hda_intel); "
		     "bridge 0000:00:03.0 lacks RR CR",
		     "whole group");
}

static void test_doctor_examine_vfs_without_numbers_or_memory(void **state)
{
	(void)state;
	struct have h;
	struct doctor_facts facts;
	healthy(&h, &facts);
	/* First VF at 01:10.0, every second function: 64 numbers to the end of the bus. */
	function(&h, "0000:01:00.0")->caps.sriov_total = 64;
	struct findings all;
	assert_int_equal(doctor_examine(&h, &facts, &all), 0);
	assert_null(find(&all, "doctor.sriov.buses"));
	findings_done(&all);
	function(&h, "0000:01:00.0")->caps.sriov_total = 65;
	assert_finds(&h, &facts, FINDING_WARNING, "doctor.sriov.buses",
		     "only 64 of 65 VFs have bus numbers behind bridge 0000:00:03.0", "ARI");
	healthy(&h, &facts);
	function(&h, "0000:01:00.0")->caps.sriov_bars = false;
	assert_finds(&h, &facts, FINDING_WARNING, "doctor.sriov.memory", "ENOMEM", "pci=realloc");
}

static void test_f35_doctor_examine_vfs_without_pf_driver(void **state)
{
	(void)state;
	struct have h;
	struct doctor_facts facts;
	healthy(&h, &facts);
	picture_vfs(&h, "0000:01:00.0", 2);
	function(&h, "0000:01:00.0")->driver[0] = '\0';
	assert_finds(&h, &facts, FINDING_WARNING, "doctor.vfs.orphaned", "2 VFs", "bind the PF");
}

static void test_f12_doctor_examine_function_that_does_not_answer(void **state)
{
	(void)state;
	struct have h;
	struct doctor_facts facts;
	healthy(&h, &facts);
	function(&h, "0000:01:00.0")->caps = (struct pci_caps){ .all_ones = true };
	assert_finds(&h, &facts, FINDING_PROBLEM, "doctor.function.dead", "all ones",
		     "power-cycle");
}

static void test_doctor_examine_managers_limits_and_confinement(void **state)
{
	(void)state;
	struct have h;
	struct doctor_facts facts;
	healthy(&h, &facts);
	facts.mdevctl_autostart = true;
	assert_finds(&h, &facts, FINDING_NOTE, "doctor.manager", "mdevctl", "mdevctl modify");
	healthy(&h, &facts);
	facts.driverctl_overrides = true;
	assert_finds(&h, &facts, FINDING_NOTE, "doctor.manager", "driverctl", "unset-override");
	healthy(&h, &facts);
	facts.nodedev_autostart = true;
	assert_finds(&h, &facts, FINDING_NOTE, "doctor.manager", "libvirt", "virsh");
	healthy(&h, &facts);
	facts.sriov_plugin = true;
	assert_finds(&h, &facts, FINDING_NOTE, "doctor.manager", "sriov", "apart");
	healthy(&h, &facts);
	facts.dma_entry_limit = 1024;
	assert_finds(&h, &facts, FINDING_NOTE, "doctor.limit.dma-entries", "1024", "raise");
	healthy(&h, &facts);
	facts.selinux = true;
	assert_finds(&h, &facts, FINDING_NOTE, "doctor.selinux", "enforcing", "");
	healthy(&h, &facts);
	facts.apparmor = true;
	assert_finds(&h, &facts, FINDING_NOTE, "doctor.apparmor", "on", "");
}

static void test_doctor_examine_carve_itself(void **state)
{
	(void)state;
	struct have h;
	struct doctor_facts facts;
	healthy(&h, &facts);
	facts.executor = false;
	assert_finds(&h, &facts, FINDING_PROBLEM, "doctor.executor", "does not answer",
		     "systemctl");
	healthy(&h, &facts);
	facts.ledger_problem = "damaged";
	assert_finds(&h, &facts, FINDING_PROBLEM, "doctor.ledger", "damaged", "RECOVERY");
	healthy(&h, &facts);
	facts.n_enrolled = 0;
	assert_finds(&h, &facts, FINDING_NOTE, "doctor.enrolled.none", "nothing yet", "carve init");

	healthy(&h, &facts);
	facts.policy_only = "pci:0000:00/03.0/00.0";
	assert_finds(&h, &facts, FINDING_WARNING, "doctor.policy.part", "that device only",
		     "carve apply");

	struct err list = { .what = (char *)"devices:3:1: not a key" };
	healthy(&h, &facts);
	facts.enrollment = &list;
	assert_finds(&h, &facts, FINDING_PROBLEM, "doctor.enrolled.broken", "devices:3:1", "mend");
}

static void with_slice(struct have *h, struct doctor_facts *facts, const struct slice *s)
{
	healthy(h, facts);
	facts->slices = s;
	facts->n_slices = 1;
}

static void test_doctor_examine_slices_out_of_use(void **state)
{
	(void)state;
	struct have h;
	struct doctor_facts facts;
	struct slice s = { .device = "pci:0000:00/03.0/00.0", .mech = "sriov", .index = 2 };
	(void)STR_COPY(s.reason, "no reset");
	s.state = SLICE_QUARANTINED;
	with_slice(&h, &facts, &s);
	assert_finds(&h, &facts, FINDING_WARNING, "doctor.slice.quarantined", "no reset",
		     "quarantine clear sriov/pci:0000:00/03.0/00.0/vf2 --reason");
	s.state = SLICE_LOST;
	with_slice(&h, &facts, &s);
	assert_finds(&h, &facts, FINDING_WARNING, "doctor.slice.lost", "not there", "carve apply");
	s.state = SLICE_READY;
	s.dirty = 1;
	s.last_uid = 1000;
	with_slice(&h, &facts, &s);
	assert_finds(&h, &facts, FINDING_NOTE, "doctor.slice.data", "uid 1000 only", "wipe it");
}

static void test_doctor_examine_claims_that_wait_are_counted_and_named(void **state)
{
	(void)state;
	struct have h;
	struct doctor_facts facts;
	struct claim claims[4] = { { .name = "web01", .state = CLAIM_HELD },
				   { .name = "web02", .state = CLAIM_HELD, .orphan_end = 7 },
				   { .name = "web03", .state = CLAIM_HELD, .orphan_end = 7 },
				   { .name = "web04", .state = CLAIM_RELEASING, .orphan_end = 7 } };
	healthy(&h, &facts);
	facts.claims = claims;
	facts.n_claims = 4;
	assert_finds(&h, &facts, FINDING_NOTE, "doctor.claim.orphaned",
		     "2 wait for their consumers to come back: web02, web03",
		     "carve release CLAIM");
}

static void fill_machine(const struct tree *t)
{
	struct utsname u;
	char path[256];
	assert_int_equal(uname(&u), 0);
	assert_int_equal(STR_FORMAT(path, "lib/modules/%s/kernel/drivers/vfio/pci/vfio-pci.ko",
				    u.release),
			 0);
	tree_file(t, path, "");
	tree_file(t, "cmdline", "quiet intel_iommu=on\n");
	tree_file(t, "class/iommu/dmar0/intel-iommu/ecap", "f00f57\n");
	tree_file(t, "module/vfio/parameters/enable_unsafe_noiommu_mode", "Y\n");
	tree_file(t, "module/vfio_iommu_type1/parameters/dma_entry_limit", "65535\n");
	tree_file(t, "mdevctl.d/mtty/c9abdcb5-5279-413a-9057-c81d2605ce9c",
		  "{\"mdev_type\": \"mtty-2\", \"start\": \"auto\"}\n");
	tree_file(t, "driverctl.d/pci-0000:01:00.0", "vfio-pci\n");
	tree_file(t, "libvirt/nodedev/autostart/mdev.xml", "");
	tree_file(t, "pcidp/config.json", "{}");
	tree_file(t, "fs/selinux/enforce", "1");
	tree_file(t, "module/apparmor/parameters/enabled", "Y\n");
	tree_dir(t, "module/vfio_pci");
	tree_dir(t, "module/mdev");
}

static void test_doctor_examine_names_what_two_manage(void **state)
{
	(void)state;
	struct have h;
	struct doctor_facts facts;
	struct autostart all[] = {
		{ "c9abdcb5-5279-413a-9057-c81d2605ce9c", "/etc/mdevctl.d/mtty/c9abdcb5" },
		{ "0000:01:00.0", "/etc/driverctl.d/pci-0000:01:00.0" },
	};
	struct slice s = { .device = "sys:virtual/mtty/mtty", .mech = "mdev", .index = -1 };
	(void)STR_COPY(s.uuid, all[0].what);
	s.state = SLICE_READY;
	with_slice(&h, &facts, &s);
	facts.autostarts = all;
	facts.n_autostarts = 2;
	assert_finds(&h, &facts, FINDING_WARNING, "doctor.managed-twice",
		     "mdevctl starts it at boot, too: /etc/mdevctl.d/mtty/c9abdcb5",
		     "carve hand-back c9abdcb5-5279-413a-9057-c81d2605ce9c --to mdevctl");
	struct slice whole = { .device = "pci:0000:00/03.0/00.0",
			       .mech = "passthrough",
			       .index = -1 };
	whole.state = SLICE_READY;
	with_slice(&h, &facts, &whole);
	(void)STR_COPY(function(&h, "0000:01:00.0")->key, whole.device);
	facts.autostarts = all;
	facts.n_autostarts = 2;
	assert_finds(&h, &facts, FINDING_WARNING, "doctor.managed-twice",
		     "driverctl binds it at boot, too: /etc/driverctl.d/pci-0000:01:00.0",
		     "carve adopt 0000:01:00.0 --from driverctl");
}

static void test_doctor_facts_read_finds_what_is_there(void **state)
{
	(void)state;
	struct tree t;
	struct doctor_facts facts = { 0 };
	tree_init(&t);
	const struct doctor_roots roots = { t.fd, t.fd, t.fd, t.fd };
	fill_machine(&t);
	doctor_facts_read(&roots, &facts);
	assert_string_equal(facts.cmdline, "quiet intel_iommu=on");
	assert_true(facts.iommu_class && facts.vfio_pci && facts.mdev && facts.vfio_pci_known);
	assert_true(facts.mdevctl_autostart && facts.driverctl_overrides &&
		    facts.nodedev_autostart && facts.sriov_plugin);
	assert_int_equal(facts.n_autostarts, 2);
	assert_string_equal(facts.autostarts[0].file,
			    "/etc/mdevctl.d/mtty/c9abdcb5-5279-413a-9057-c81d2605ce9c");
	assert_string_equal(facts.autostarts[1].what, "0000:01:00.0");
	assert_true(facts.selinux && facts.apparmor);
	assert_int_equal(facts.noiommu, 1);
	assert_int_equal(facts.dma_entry_limit, 65535);
	/* Bit 3 of ECAP is clear: the unit cannot remap. */
	assert_int_equal(facts.interrupt_remapping, 0);
	doctor_facts_done(&facts);
	tree_done(&t);
}

static void test_doctor_facts_read_virtio_iommu_remaps_no_interrupts(void **state)
{
	(void)state;
	struct utsname u;
	struct tree t;
	struct doctor_facts facts = { 0 };
	tree_init(&t);
	const struct doctor_roots roots = { t.fd, t.fd, t.fd, t.fd };
	assert_int_equal(uname(&u), 0);
	tree_link(&t, "class/iommu/0000:00:05.0",
		  "../../devices/pci0000:00/0000:00:05.0/virtio3/iommu/0000:00:05.0");
	doctor_facts_read(&roots, &facts);
	assert_int_equal(facts.interrupt_remapping, str_eq(u.machine, "x86_64") ? 0 : -1);
	tree_done(&t);
}

static void test_doctor_facts_read_nothing_stays_unknown(void **state)
{
	(void)state;
	struct tree t;
	struct doctor_facts facts = { 0 };
	tree_init(&t);
	const struct doctor_roots roots = { t.fd, t.fd, t.fd, t.fd };
	doctor_facts_read(&roots, &facts);
	assert_string_equal(facts.cmdline, "");
	assert_false(facts.iommu_class || facts.vfio_pci || facts.mdev || facts.vfio_pci_known);
	assert_false(facts.mdevctl_autostart || facts.driverctl_overrides ||
		     facts.nodedev_autostart || facts.sriov_plugin || facts.selinux ||
		     facts.apparmor);
	assert_int_equal(facts.interrupt_remapping, -1);
	assert_int_equal(facts.noiommu, -1);
	assert_int_equal(facts.dma_entry_limit, -1);
	/* Defined, but to be started by hand. */
	tree_file(&t, "mdevctl.d/mtty/c9abdcb5-5279-413a-9057-c81d2605ce9c",
		  "{\"mdev_type\": \"mtty-2\", \"start\": \"manual\"}\n");
	/* No definitions. */
	tree_file(&t, "mdevctl.d/mtty/c9abdcb5-5279-413a-9057-c81d2605ce9d", "\"auto\"");
	tree_file(&t, "mdevctl.d/scripts.d/c9abdcb5-5279-413a-9057-c81d2605ce9d",
		  "{\"mdev_type\": \"mtty-2\", \"start\": \"auto\"}\n");
	tree_file(&t, "driverctl.d/pci-x", "vfio-pci\n");
	doctor_facts_read(&roots, &facts);
	assert_false(facts.mdevctl_autostart);
	assert_int_equal(facts.n_autostarts, 0);
	tree_done(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_doctor_examine_gpu_that_nobody_sees),
		cmocka_unit_test(test_doctor_examine_gpu_seen_or_of_others_is_no_finding),
		cmocka_unit_test(test_doctor_examine_healthy_host_has_nothing),
		cmocka_unit_test(test_doctor_examine_no_iommu_remedy_fits_the_platform),
		cmocka_unit_test(test_doctor_examine_unsafe_modes_are_warned_of),
		cmocka_unit_test(test_doctor_examine_missing_module_is_a_problem),
		cmocka_unit_test(test_f24_doctor_examine_group_names_sibling_and_bridge),
		cmocka_unit_test(test_doctor_examine_vfs_without_numbers_or_memory),
		cmocka_unit_test(test_f35_doctor_examine_vfs_without_pf_driver),
		cmocka_unit_test(test_f12_doctor_examine_function_that_does_not_answer),
		cmocka_unit_test(test_doctor_examine_managers_limits_and_confinement),
		cmocka_unit_test(test_doctor_examine_carve_itself),
		cmocka_unit_test(test_doctor_examine_slices_out_of_use),
		cmocka_unit_test(test_doctor_examine_names_what_two_manage),
		cmocka_unit_test(test_doctor_examine_claims_that_wait_are_counted_and_named),
		cmocka_unit_test(test_doctor_facts_read_finds_what_is_there),
		cmocka_unit_test(test_doctor_facts_read_virtio_iommu_remaps_no_interrupts),
		cmocka_unit_test(test_doctor_facts_read_nothing_stays_unknown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
