/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Pinning a policy to a machine made up here: selection, identity, expectations, refusals. */
#include "support/test.h"

#include <errno.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "policy/policy.h"

struct machine {
	struct have have;
	const char *unenrolled;
};

static struct function *add(struct have *h, const char *addr, const char *key, uint16_t vendor,
			    uint16_t device, uint32_t class)
{
	struct function *f = have_add_function(h);
	assert_non_null(f);
	assert_true(STR_COPY(f->addr, addr) >= 0 && STR_COPY(f->key, key) >= 0);
	f->vendor = vendor;
	f->device = device;
	f->class = class;
	f->vf_index = -1;
	f->caps.known = true;
	return f;
}

static int setup(void **state)
{
	struct machine *m = calloc(1, sizeof(*m));
	assert_non_null(m);
	struct have *h = &m->have;
	struct function *f = add(h, "0000:00:01.0", "pci:0000:00/01.0", 0x1234, 0x1111, 0x030000);
	f->boot_vga = true;
	f = add(h, "0000:00:03.0", "pci:0000:00/03.0", 0x1b36, 0x000c, 0x060400);
	f = add(h, "0000:01:00.0", "pci:0000:00/03.0/00.0", 0x8086, 0x10c9, 0x020000);
	assert_true(STR_COPY(f->driver, "igb") >= 0);
	f->caps.sriov = true;
	f->caps.sriov_total = 7;
	f->caps.has_serial = true;
	f->caps.serial = 0x525400ffffe00001;
	f = add(h, "0000:01:10.0", "pci:0000:00/03.0/10.0", 0x8086, 0x10ca, 0x020000);
	f->is_vf = true;
	f = add(h, "0000:02:00.0", "pci:0000:00/04.0/00.0", 0x10de, 0x1e07, 0x030000);
	f->numa_node = 1;
	f->subvendor = 0x1028;
	f->subdevice = 0x16c1;
	struct mdev_parent *p = have_add_parent(h);
	assert_non_null(p);
	assert_true(STR_COPY(p->key, "sys:virtual/mtty/mtty") >= 0 &&
		    STR_COPY(p->name, "mtty") >= 0);
	struct mdev_type *t = have_add_type(h);
	assert_non_null(t);
	assert_true(STR_COPY(t->parent, p->key) >= 0 && STR_COPY(t->id, "mtty-2") >= 0);
	have_sort(h);
	*state = m;
	return 0;
}

static int teardown(void **state)
{
	struct machine *m = *state;
	have_done(&m->have);
	free(m);
	return 0;
}

static const char *netdevs(void *userdata, const char *addr)
{
	(void)userdata;
	return str_eq(addr, "0000:01:00.0") ? "ens1f0 ens1f0np0" : "";
}

static const char *model(void *userdata, const struct function *f)
{
	(void)userdata;
	return f->vendor == 0x10de ? "TU102 [GeForce RTX 2080 Ti]" : NULL;
}

static const char *labels(void *userdata, const char *key)
{
	(void)userdata;
	return str_eq(key, "sys:virtual/mtty/mtty")   ? "uart"
	       : str_eq(key, "pci:0000:00/04.0/00.0") ? "rack-7 train"
						      : NULL;
}

static bool enrolled(void *userdata, const char *key)
{
	const struct machine *m = userdata;
	return !m->unenrolled || !str_eq(key, m->unenrolled);
}

static bool service(void *userdata, const char *unit)
{
	(void)userdata;
	return str_eq(unit, "dcgm.service");
}

static int pin_text(struct machine *m, const char *text, struct want **ret, size_t *ret_n,
		    struct err *e)
{
	_cleanup_(policy_freep) struct policy *p = policy_parse(text, strlen(text), "p.yaml", e);
	if (!p)
		fail_msg("%s", e->what);
	struct policy_facts facts = { .have = &m->have,
				      .netdevs = netdevs,
				      .model = model,
				      .enrolled = enrolled,
				      .labels = labels,
				      .service = service,
				      .userdata = m };
	return policy_pin(p, &facts, ret, ret_n, e);
}

/* Address or key of the one device that a match selects; "" for none, "+" for several. */
static void selected(struct machine *m, const char *match, char ret[DEVICE_KEY_SIZE])
{
	char text[512];
	assert_true(STR_FORMAT(text, "version: 1\ndevices: {x: {match: %s}}\n", match) >= 0);
	_cleanup_err_ struct err e = { 0 };
	_cleanup_(policy_freep) struct policy *p = policy_parse(text, strlen(text), "p.yaml", &e);
	if (!p)
		fail_msg("%s: %s", match, e.what);
	struct policy_facts facts = {
		.have = &m->have, .netdevs = netdevs, .model = model, .labels = labels
	};
	ret[0] = '\0';
	for (size_t i = 0; i < m->have.n_functions; i++)
		if (policy_select(p, &facts, &m->have.functions[i], NULL))
			(void)str_copy(ret, DEVICE_KEY_SIZE,
				       *ret ? "+" : m->have.functions[i].addr);
	for (size_t i = 0; i < m->have.n_parents; i++)
		if (policy_select(p, &facts, NULL, &m->have.parents[i]))
			(void)str_copy(ret, DEVICE_KEY_SIZE, *ret ? "+" : m->have.parents[i].key);
}

static void test_policy_select_each_match_key_selects(void **state)
{
	static const struct {
		const char *match, *device;
	} cases[] = {
		{ "{address: \"0000:01:00.0\"}", "0000:01:00.0" },
		{ "{key: \"pci:0000:00/03.0/00.0\"}", "0000:01:00.0" },
		{ "{key: \"sys:virtual/mtty/mtty\"}", "sys:virtual/mtty/mtty" },
		{ "{path: \"pci:0000:00/03.0\"}", "0000:01:00.0" },
		{ "{path: \"pci:0000:00/03\"}", "" },
		{ "{id: \"10DE:1e07\"}", "0000:02:00.0" },
		{ "{id: [\"ffff:0000\", \"10de:1e07\"]}", "0000:02:00.0" },
		{ "{vendor: \"10DE\"}", "0000:02:00.0" },
		{ "{vendor: [\"8086\", \"ffff\"]}", "0000:01:00.0" },
		{ "{subsystem: \"1028:16C1\"}", "0000:02:00.0" },
		{ "{subsystem: \"0000:0000\"}", "" },
		{ "{serial: \"525400FFFFE00001\"}", "0000:01:00.0" },
		{ "{serial: \"0000000000000000\"}", "" },
		{ "{labels: train}", "0000:02:00.0" },
		{ "{labels: [rack-8, rack-7]}", "0000:02:00.0" },
		{ "{labels: rack}", "" },
		{ "{labels: uart}", "sys:virtual/mtty/mtty" },
		{ "{any: [{labels: uart}, {labels: train}]}", "+" },
		{ "{class: network}", "0000:01:00.0" },
		{ "{class: display}", "+" },
		{ "{class: display, boot-display: false}", "0000:02:00.0" },
		{ "{class: display, not: {boot-display: true}}", "0000:02:00.0" },
		{ "{driver: igb}", "0000:01:00.0" },
		{ "{netdev: ens1f0np0}", "0000:01:00.0" },
		{ "{netdev: ens1f}", "" },
		{ "{model: rtx 2080}", "0000:02:00.0" },
		{ "{numa: 1}", "0000:02:00.0" },
		{ "{mdev-parent: mtty}", "sys:virtual/mtty/mtty" },
		{ "{any: [{driver: igb}, {driver: nvme}]}", "0000:01:00.0" },
		{ "{all: [{class: display}, {numa: 1}]}", "0000:02:00.0" },
		{ "{not: {any: [{class: display}, {class: network}]}}", "sys:virtual/mtty/mtty" },
		{ "{address: \"0000:01:10.0\"}", "" }, /* a VF */
		{ "{address: \"0000:00:03.0\"}", "" }, /* a bridge */
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char got[DEVICE_KEY_SIZE];
		selected(*state, cases[i].match, got);
		if (!str_eq(got, cases[i].device))
			fail_msg("%s selects \"%s\"", cases[i].match, got);
	}
}

#define NIC                                                                                        \
	"version: 1\ndevices:\n  nic: {match: {driver: igb}, expect: 1}\n  gpu: {match: {numa: 1}}\n"

static void test_f23_policy_pin_wants_carry_identity(void **state)
{
	struct want *wants = NULL;
	size_t n = 0;
	_cleanup_err_ struct err e = { 0 };
	assert_int_equal(pin_text(*state,
				  NIC "divide:\n  - {use: nic, as: sriov, count: 7, expect: 7}\n",
				  &wants, &n, &e),
			 0);
	assert_int_equal(n, 1);
	assert_string_equal(wants[0].device, "pci:0000:00/03.0/00.0");
	assert_int_equal(wants[0].vendor, 0x8086);
	assert_int_equal(wants[0].device_id, 0x10c9);
	assert_true(wants[0].has_serial);
	assert_int_equal(wants[0].serial, 0x525400ffffe00001);
	assert_string_equal(wants[0].selection, "nic");
	assert_string_equal(wants[0].where, "p.yaml:6");
	assert_string_equal(wants[0].mech, "sriov");
	assert_int_equal(wants[0].count, 7);
	free(wants);
}

static const char *no_netdevs(void *userdata, const char *addr)
{
	(void)userdata, (void)addr;
	return NULL;
}

static struct want before;

static void former(void *userdata, const struct function *f, const char **ret_driver,
		   const char **ret_netdevs)
{
	(void)userdata;
	if (!str_eq(f->key, before.device))
		return;
	*ret_driver = before.driver;
	*ret_netdevs = before.netdevs;
}

/* Bound for a guest, a device has another driver and no interface, and is still what the policy means. */
static void test_policy_pin_bound_for_a_guest_is_what_it_was(void **state)
{
	struct machine *m = *state;
	static const char text[] =
		"version: 1\ndevices: {nic: {match: {driver: igb, netdev: ens1f0}, expect: 1}}\n"
		"divide: [{use: nic, as: passthrough}]\n";
	_cleanup_err_ struct err e = { 0 };
	struct want *wants = NULL;
	size_t n = 0;
	assert_int_equal(pin_text(m, text, &wants, &n, &e), 0);
	assert_int_equal(n, 1);
	before = wants[0];
	free(wants);
	assert_string_equal(before.driver, "igb");
	assert_string_equal(before.netdevs, "ens1f0 ens1f0np0");

	struct function *f = NULL;
	for (size_t i = 0; i < m->have.n_functions; i++)
		if (str_eq(m->have.functions[i].key, before.device))
			f = &m->have.functions[i];
	assert_non_null(f);
	assert_int_equal(STR_COPY(f->driver, "vfio-pci"), 0);
	_cleanup_(policy_freep) struct policy *p = policy_parse(text, strlen(text), "p.yaml", &e);
	assert_non_null(p);
	struct policy_facts facts = {
		.have = &m->have, .netdevs = no_netdevs, .enrolled = enrolled, .userdata = m
	};
	assert_int_equal(policy_pin(p, &facts, &wants, &n, &e), -EINVAL);
	assert_string_equal(e.id, "policy.expect");
	facts.former = former;
	assert_int_equal(policy_pin(p, &facts, &wants, &n, NULL), 0);
	assert_int_equal(n, 1);
	/* And it is remembered once more. */
	assert_string_equal(wants[0].driver, "igb");
	assert_string_equal(wants[0].netdevs, "ens1f0 ens1f0np0");
	free(wants);
	assert_int_equal(STR_COPY(f->driver, "igb"), 0);
}

static void test_policy_pin_first_match_wins(void **state)
{
	struct want *wants = NULL;
	size_t n = 0;
	_cleanup_err_ struct err e = { 0 };
	assert_int_equal(
		pin_text(*state,
			 "version: 1\ndevices:\n  a: {match: {class: network}}\n"
			 "  b: {match: {driver: igb}}\ndivide:\n  - {use: b, as: passthrough}\n",
			 &wants, &n, &e),
		0);
	assert_int_equal(n, 0);
	free(wants);
}

#define GPU_OR_NIC                                                                                 \
	"version: 1\ndevices:\n  x: {match: {any: [{numa: 1}, {driver: igb}]}}\ndivide:\n"

/* The first entry whose "when" holds is for the device; a device for which none holds is left alone. */
static void test_policy_pin_first_when_that_holds_counts(void **state)
{
	struct want *wants = NULL;
	size_t n = 0;
	_cleanup_err_ struct err e = { 0 };
	assert_int_equal(pin_text(*state,
				  GPU_OR_NIC
				  "  - {use: x, when: {vendor: \"10de\"}, as: passthrough}\n"
				  "  - {use: x, as: sriov, count: 3, expect: 3}\n",
				  &wants, &n, &e),
			 0);
	assert_int_equal(n, 2);
	assert_string_equal(wants[0].mech, "sriov");
	assert_int_equal(wants[0].count, 3);
	assert_string_equal(wants[0].where, "p.yaml:6");
	assert_string_equal(wants[1].mech, "passthrough");
	assert_string_equal(wants[1].where, "p.yaml:5");
	free(wants);
	wants = NULL;
	assert_int_equal(pin_text(*state,
				  GPU_OR_NIC
				  "  - {use: x, when: {labels: train}, as: passthrough}\n"
				  "  - {use: x, when: {labels: test}, as: sriov, count: 3}\n",
				  &wants, &n, &e),
			 0);
	assert_int_equal(n, 1);
	assert_string_equal(wants[0].device, "pci:0000:00/04.0/00.0");
	free(wants);
}

static void refused(struct machine *m, const char *text, const char *id, const char *part)
{
	struct want *wants = NULL;
	size_t n = 99;
	_cleanup_err_ struct err e = { 0 };
	assert_true(pin_text(m, text, &wants, &n, &e) < 0);
	assert_string_equal(e.id, id);
	assert_null(wants);
	assert_int_equal(n, 99);
	assert_string_equal(e.state, "nothing was changed");
	assert_non_null(e.because);
	assert_non_null(e.todo);
	char all[1024];
	assert_true(STR_FORMAT(all, "%s %s %s", e.what, e.because ? e.because : "",
			       e.todo ? e.todo : "") >= 0);
	if (!strstr(all, part))
		fail_msg("\"%s\" does not say \"%s\"", all, part);
}

static void test_policy_pin_unenrolled_names_the_line(void **state)
{
	struct machine *m = *state;
	m->unenrolled = "pci:0000:00/03.0/00.0";
	refused(m, NIC "divide:\n  - {use: nic, as: passthrough}\n", "policy.not-enrolled",
		"pci:0000:00/03.0/00.0 8086:10c9 serial=525400ffffe00001");
	m->unenrolled = "sys:virtual/mtty/mtty";
	refused(m,
		"version: 1\ndevices: {m: {match: {mdev-parent: mtty}}}\n"
		"divide: [{use: m, as: mdev, layout: {mtty-2: 1}}]\n",
		"policy.not-enrolled", "sys:virtual/mtty/mtty - -");
	m->unenrolled = NULL;
}

static void test_policy_pin_service_that_root_did_not_list_names_the_command(void **state)
{
	static const char text[] =
		"version: 1\n"
		"devices: {nic: {match: {driver: igb}}}\n"
		"divide:\n"
		"  - {use: nic, as: sriov, count: 2, services: [dcgm.service%s]}\n";
	struct machine *m = *state;
	_cleanup_free_ struct want *wants = NULL, *none = NULL;
	_cleanup_err_ struct err e = { 0 };
	size_t n;
	char good[512], bad[512];
	(void)STR_FORMAT(good, text, "");
	(void)STR_FORMAT(bad, text, ", slurmd.service");
	assert_int_equal(pin_text(m, good, &wants, &n, &e), 0);
	assert_int_equal(wants[0].n_services, 1);
	assert_string_equal(wants[0].services[0], "dcgm.service");
	assert_int_equal(pin_text(m, bad, &none, &n, &e), -EPERM);
	assert_string_equal(e.id, "policy.service");
	assert_string_equal(e.what, "p.yaml:4:6: root does not let carve stop slurmd.service");
	assert_string_equal(e.todo, "as root: carve enroll --service slurmd.service");
}

static void test_policy_pin_wrong_expectation_refused(void **state)
{
	refused(*state, "version: 1\ndevices: {d: {match: {class: display}, expect: 1}}\n",
		"policy.expect", "matches 2 devices, 1 are expected");
	refused(*state, "version: 1\ndevices: {d: {match: {class: display}, expect: 1}}\n",
		"policy.expect", "it matches 0000:00:01.0, 0000:02:00.0");
	refused(*state, NIC "divide:\n  - {use: nic, as: sriov, count: 4, expect: 5}\n",
		"policy.expect", "yields 4 slices, 5 are expected");
	refused(*state,
		GPU_OR_NIC "  - {use: x, when: {numa: 1}, as: passthrough, expect: 2}\n"
			   "  - {use: x, as: passthrough}\n",
		"policy.expect", "p.yaml:5:6: \"x\" yields 1 slices, 2 are expected");
	refused(*state, "version: 1\ndevices: {d: {match: {driver: nvme}, expect: 1}}\n",
		"policy.expect", "matches 0 devices");
}

/* Never too low, though what is left is no whole number of them. */
static void test_policy_pin_warm_notes_what_types_take(void **state)
{
	struct machine *m = *state;
	struct mdev_type *t = have_add_type(&m->have);
	assert_non_null(t);
	assert_true(STR_COPY(t->parent, "sys:virtual/mtty/mtty") >= 0 &&
		    STR_COPY(t->id, "mtty-1") >= 0);
	have_sort(&m->have);
	static const struct {
		uint32_t one, two, units_one, units_two;
	} cases[] = {
		{ 24, 12, 1, 2 }, { 5, 2, 1, 2 }, { 3, 2, 1, 2 }, { 1, 0, 1, 0 }, { 0, 0, 0, 0 }
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct want *wants = NULL;
		size_t n = 0;
		_cleanup_err_ struct err e = { 0 };
		for (size_t k = 0; k < m->have.n_types; k++) {
			t = &m->have.types[k];
			t->available_known = true;
			t->available = str_eq(t->id, "mtty-1") ? cases[i].one : cases[i].two;
		}
		assert_int_equal(
			pin_text(
				m,
				"version: 1\ndevices: {m: {match: {mdev-parent: mtty}}}\n"
				"divide: [{use: m, as: mdev, on-demand: [mtty-1, mtty-2], warm: {mtty-2: 3}}]\n",
				&wants, &n, &e),
			0);
		assert_int_equal(n, 1);
		assert_int_equal(wants[0].warm[0], 0);
		assert_int_equal(wants[0].warm[1], 3);
		assert_int_equal(wants[0].units[0], cases[i].units_one);
		assert_int_equal(wants[0].units[1], cases[i].units_two);
		free(wants);
	}
}

static void test_policy_pin_impossible_mechanism_refused(void **state)
{
	refused(*state, NIC "divide:\n  - {use: nic, as: sriov, count: 8}\n", "policy.cannot",
		"at most 7");
	refused(*state, NIC "divide:\n  - {use: gpu, as: sriov, count: 1}\n", "policy.cannot",
		"no SR-IOV");
	refused(*state, NIC "divide:\n  - {use: nic, as: mdev, on-demand: vgpu-1}\n",
		"policy.cannot", "no mdev type");
	refused(*state,
		"version: 1\ndevices: {m: {match: {mdev-parent: mtty}}}\n"
		"divide: [{use: m, as: mdev, layout: {mtty-3: 1}}]\n",
		"policy.cannot", "it offers: mtty-2");
	refused(*state,
		"version: 1\ndevices: {m: {match: {mdev-parent: mtty}}}\n"
		"divide: [{use: m, as: passthrough}]\n",
		"policy.cannot", "no PCI function");
}

#define COMPANIONS                                                                                 \
	"version: 1\n"                                                                             \
	"devices: {gpu: {match: {id: \"10de:1e07\"}, expect: 1}%s}\n"                              \
	"divide: [{use: gpu, as: passthrough, companions: bind, expect: 1}%s]\n"

static const struct want *want_of(const struct want *wants, size_t n, const char *key)
{
	for (size_t i = 0; i < n; i++)
		if (str_eq(wants[i].device, key))
			return &wants[i];
	return NULL;
}

/* In the slot of the GPU: a function, and a VF; in its IOMMU group: another, and a bridge. */
static void add_companions(struct machine *m)
{
	struct have *h = &m->have;
	have_function(h, "0000:02:00.0")->iommu_group = 7;
	add(h, "0000:02:00.1", "pci:0000:00/04.0/00.1", 0x10de, 0x10f7, 0x040300)->iommu_group = -1;
	add(h, "0000:02:00.2", "pci:0000:00/04.0/00.2", 0x10de, 0x1e08, 0x030000)->is_vf = true;
	add(h, "0000:05:00.0", "pci:0000:00/05.0/00.0", 0x8086, 0x1533, 0x020000)->iommu_group = 7;
	add(h, "0000:00:04.0", "pci:0000:00/04.0", 0x8086, 0x1901, 0x060400)->iommu_group = 7;
	have_sort(h);
}

static void test_pin_companions_go_with_the_function(void **state)
{
	struct machine *m = *state;
	_cleanup_free_ struct want *wants = NULL;
	size_t n = 0;
	char text[512];
	add_companions(m);
	assert_int_equal(STR_FORMAT(text, COMPANIONS, "", ""), 0);
	assert_int_equal(pin_text(m, text, &wants, &n, NULL), 0);
	assert_int_equal(n, 3);
	const struct want *sound = want_of(wants, n, "pci:0000:00/04.0/00.1");
	const struct want *nic = want_of(wants, n, "pci:0000:00/05.0/00.0");
	if (!sound || !nic)
		fail();
	assert_string_equal(sound->leader, "pci:0000:00/04.0/00.0");
	assert_string_equal(nic->leader, "pci:0000:00/04.0/00.0");
	assert_string_equal(sound->selection, "gpu/companion");
	assert_string_equal(sound->mech, "passthrough");
	assert_int_equal(sound->device_id, 0x10f7);
	assert_int_equal(sound->companions, 0);
	assert_string_equal(want_of(wants, n, "pci:0000:00/04.0/00.0")->leader, "");
}

static void test_pin_companions_that_an_entry_names_are_its_own(void **state)
{
	struct machine *m = *state;
	_cleanup_free_ struct want *wants = NULL;
	size_t n = 0;
	char text[512];
	add_companions(m);
	assert_int_equal(STR_FORMAT(text, COMPANIONS, ", lan: {match: {id: \"8086:1533\"}}",
				    ", {use: lan, as: passthrough}"),
			 0);
	assert_int_equal(pin_text(m, text, &wants, &n, NULL), 0);
	assert_int_equal(n, 3);
	assert_string_equal(want_of(wants, n, "pci:0000:00/05.0/00.0")->leader, "");
	assert_string_equal(want_of(wants, n, "pci:0000:00/05.0/00.0")->selection, "lan");
}

static void test_pin_companion_that_is_not_enrolled_is_refused(void **state)
{
	struct machine *m = *state;
	_cleanup_free_ struct want *wants = NULL;
	_cleanup_err_ struct err e = { 0 };
	size_t n = 0;
	char text[512];
	add_companions(m);
	m->unenrolled = "pci:0000:00/04.0/00.1";
	assert_int_equal(STR_FORMAT(text, COMPANIONS, "", ""), 0);
	assert_int_equal(pin_text(m, text, &wants, &n, &e), -EPERM);
	assert_string_equal(e.id, "policy.not-enrolled");
	assert_non_null(strstr(e.because, "0000:02:00.1 shares its slot"));
	assert_non_null(strstr(e.todo, "carve enroll 0000:02:00.1"));
}

static void test_pin_without_companions_leaves_them_alone(void **state)
{
	struct machine *m = *state;
	_cleanup_free_ struct want *wants = NULL;
	size_t n = 0;
	add_companions(m);
	assert_int_equal(pin_text(m,
				  "version: 1\ndevices: {gpu: {match: {id: \"10de:1e07\"}}}\n"
				  "divide: [{use: gpu, as: passthrough}]\n",
				  &wants, &n, NULL),
			 0);
	assert_int_equal(n, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_policy_select_each_match_key_selects),
		cmocka_unit_test(test_f23_policy_pin_wants_carry_identity),
		cmocka_unit_test(test_policy_pin_bound_for_a_guest_is_what_it_was),
		cmocka_unit_test(test_policy_pin_first_match_wins),
		cmocka_unit_test(test_policy_pin_first_when_that_holds_counts),
		cmocka_unit_test(test_policy_pin_unenrolled_names_the_line),
		cmocka_unit_test(test_policy_pin_service_that_root_did_not_list_names_the_command),
		cmocka_unit_test(test_policy_pin_wrong_expectation_refused),
		cmocka_unit_test(test_policy_pin_impossible_mechanism_refused),
		cmocka_unit_test(test_policy_pin_warm_notes_what_types_take),
		cmocka_unit_test_setup_teardown(test_pin_companions_go_with_the_function, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_pin_companions_that_an_entry_names_are_its_own,
						setup, teardown),
		cmocka_unit_test_setup_teardown(test_pin_companion_that_is_not_enrolled_is_refused,
						setup, teardown),
		cmocka_unit_test_setup_teardown(test_pin_without_companions_leaves_them_alone,
						setup, teardown),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
