/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Bridges, groups and what the doctor says of them, on pictures made here. */
#include "support/test.h"

#include <linux/pci_regs.h>

#include "base/str.h"
#include "host/doctor.h"
#include "host/topology.h"

static struct function *add(struct have *h, const char *addr, uint32_t class, const char *parent,
			    int group, const char *driver)
{
	struct function *f = have_add_function(h);
	assert_non_null(f);
	assert_int_equal(STR_COPY(f->addr, addr), 0);
	assert_int_equal(STR_COPY(f->parent, parent), 0);
	assert_int_equal(STR_COPY(f->driver, driver), 0);
	f->class = class;
	f->iommu_group = group;
	f->caps.known = true;
	return f;
}

static struct function *add_port(struct have *h, const char *addr, const char *parent, uint8_t type,
				 uint16_t acs, int group)
{
	struct function *f = add(h, addr, 0x060400, parent, group, "pcieport");
	f->caps.pcie = true;
	f->caps.port_type = type;
	f->caps.acs = acs != 0;
	f->caps.acs_ctrl = acs;
	return f;
}

#define ACS_FULL (PCI_ACS_SV | PCI_ACS_RR | PCI_ACS_CR | PCI_ACS_UF)

static void test_leak_port_without_acs_is_named(void **state)
{
	(void)state;
	struct have h = { 0 };
	add_port(&h, "0000:00:03.0", "", PCI_EXP_TYPE_ROOT_PORT, PCI_ACS_SV | PCI_ACS_RR, 1);
	add(&h, "0000:01:00.0", 0x020000, "0000:00:03.0", 1, "");
	const struct function *leak = topology_leak(&h, have_function(&h, "0000:01:00.0"));
	assert_non_null(leak);
	assert_string_equal(leak->addr, "0000:00:03.0");
	have_done(&h);
}

static void test_leak_full_acs_through_a_switch_is_none(void **state)
{
	(void)state;
	struct have h = { 0 };
	add_port(&h, "0000:00:03.0", "", PCI_EXP_TYPE_ROOT_PORT, ACS_FULL, 1);
	add_port(&h, "0000:01:00.0", "0000:00:03.0", PCI_EXP_TYPE_UPSTREAM, 0, 2);
	add_port(&h, "0000:02:00.0", "0000:01:00.0", PCI_EXP_TYPE_DOWNSTREAM, ACS_FULL, 3);
	add(&h, "0000:03:00.0", 0x020000, "0000:02:00.0", 4, "");
	const struct function *f = have_function(&h, "0000:03:00.0");
	assert_null(topology_leak(&h, f));
	assert_string_equal(topology_root_port(&h, f)->addr, "0000:00:03.0");
	have_done(&h);
}

static void test_f24_blocker_names_the_sibling_with_a_driver(void **state)
{
	(void)state;
	struct have h = { 0 };
	add(&h, "0000:01:00.0", 0x030000, "", 7, "vfio-pci");
	add(&h, "0000:01:00.1", 0x040300, "", 7, "snd_hda_intel");
	add_port(&h, "0000:00:01.0", "", PCI_EXP_TYPE_ROOT_PORT, 0, 7);
	const struct function *mate = topology_blocker(&h, have_function(&h, "0000:01:00.0"));
	assert_non_null(mate);
	assert_string_equal(mate->addr, "0000:01:00.1");
	struct function *audio = have_function(&h, "0000:01:00.1");
	assert_true(audio && STR_COPY(audio->driver, "vfio-pci") == 0);
	assert_null(topology_blocker(&h, have_function(&h, "0000:01:00.0")));
	have_done(&h);
}

static void test_link_text_known_and_unknown_codes(void **state)
{
	(void)state;
	char text[32];
	assert_int_equal(topology_link_text(4, 16, text, sizeof(text)), 0);
	assert_string_equal(text, "16.0 GT/s x16");
	assert_int_equal(topology_link_text(0, 0, text, sizeof(text)), 0);
	assert_string_equal(text, "");
	assert_int_equal(topology_link_text(200, 1, text, sizeof(text)), 0);
	assert_string_equal(text, "");
}

static const struct finding *finding_of(const struct findings *all, const char *id)
{
	for (size_t i = 0; i < all->n; i++)
		if (str_eq(all->items[i].id, id))
			return &all->items[i];
	return NULL;
}

static void test_doctor_no_groups_is_a_problem_with_remedy(void **state)
{
	(void)state;
	struct have h = { 0 };
	struct doctor_facts facts = { .interrupt_remapping = -1,
				      .noiommu = -1,
				      .dma_entry_limit = -1 };
	struct findings all;
	struct function *bridge = add(&h, "0000:00:00.0", 0x060000, "", -1, "");
	bridge->vendor = 0x1022;
	assert_int_equal(doctor_examine(&h, &facts, &all), 0);
	const struct finding *f = finding_of(&all, "doctor.iommu.off");
	assert_true(f && f->level == FINDING_PROBLEM && strstr(f->remedy, "AMD-Vi"));
	assert_non_null(finding_of(&all, "doctor.executor"));
	assert_non_null(finding_of(&all, "doctor.module.vfio-pci"));
	findings_done(&all);
	have_done(&h);
}

static void test_doctor_f35_vfs_without_pf_driver_are_told(void **state)
{
	(void)state;
	struct have h = { 0 };
	struct doctor_facts facts = { .executor = true, .vfio_pci = true, .n_enrolled = 1 };
	struct findings all;
	struct function *pf = add(&h, "0000:02:00.0", 0x010802, "", 3, "");
	pf->caps.sriov = true;
	struct function *vf = add(&h, "0000:02:00.1", 0x010802, "", 4, "");
	vf->is_vf = true;
	vf->vf_index = 0;
	assert_int_equal(STR_COPY(vf->pf, "0000:02:00.0"), 0);
	assert_int_equal(doctor_examine(&h, &facts, &all), 0);
	const struct finding *f = finding_of(&all, "doctor.vfs.orphaned");
	assert_non_null(f);
	assert_string_equal(f->subject, "0000:02:00.0");
	assert_null(finding_of(&all, "doctor.executor"));
	findings_done(&all);
	have_done(&h);
}

static void test_doctor_shared_group_is_told_once(void **state)
{
	(void)state;
	struct have h = { 0 };
	struct doctor_facts facts = { .executor = true, .vfio_pci = true, .n_enrolled = 1 };
	struct findings all;
	add(&h, "0000:06:01.0", 0x020000, "", 5, "e1000");
	add(&h, "0000:06:02.0", 0x020000, "", 5, "e1000");
	assert_int_equal(doctor_examine(&h, &facts, &all), 0);
	size_t n = 0;
	for (size_t i = 0; i < all.n; i++)
		n += str_eq(all.items[i].id, "doctor.group.shared");
	assert_int_equal(n, 1);
	findings_done(&all);
	have_done(&h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_leak_port_without_acs_is_named),
		cmocka_unit_test(test_leak_full_acs_through_a_switch_is_none),
		cmocka_unit_test(test_f24_blocker_names_the_sibling_with_a_driver),
		cmocka_unit_test(test_link_text_known_and_unknown_codes),
		cmocka_unit_test(test_doctor_no_groups_is_a_problem_with_remedy),
		cmocka_unit_test(test_doctor_f35_vfs_without_pf_driver_are_told),
		cmocka_unit_test(test_doctor_shared_group_is_told_once),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
