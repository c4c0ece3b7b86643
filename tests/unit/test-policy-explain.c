/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Why a device falls under a selection or not, in words; and that asking why changes nothing. */
#include "support/test.h"

#include "base/cleanup.h"
#include "policy/explain.h"
#include "support/alloc-fail.h"

static const char *netdevs(void *userdata, const char *addr)
{
	(void)userdata;
	return str_eq(addr, "0000:01:00.0") ? "ens1f0 ens1f0np0" : "";
}

static const char *labels(void *userdata, const char *key)
{
	(void)userdata;
	return str_eq(key, "pci:0000:00/03.0/00.0") ? "rack-7 train" : "";
}

static const struct policy_facts facts = { .netdevs = netdevs, .labels = labels };

static struct function nic(void)
{
	struct function f = { .addr = "0000:01:00.0",
			      .key = "pci:0000:00/03.0/00.0",
			      .vendor = 0x8086,
			      .device = 0x10c9,
			      .class = 0x020000,
			      .driver = "igb",
			      .numa_node = 1,
			      .vf_index = -1 };
	f.caps.has_serial = true;
	f.caps.serial = 0x525400ffffe00001;
	return f;
}

static struct policy *parsed(const char *text)
{
	_cleanup_err_ struct err e = { 0 };
	struct policy *p = policy_parse(text, strlen(text), "p.yaml", &e);
	if (!p)
		fail_msg("%s", e.what);
	return p;
}

static void check_why(const struct function *f, const char *match, bool holds, const char *why)
{
	char text[512];
	assert_true(STR_FORMAT(text, "version: 1\ndevices: {x: {match: %s}}\n", match) >= 0);
	_cleanup_(policy_freep) struct policy *p = parsed(text);
	const struct match_subject s = { .facts = &facts, .f = f };
	struct policy_verdicts tried = { 0 };
	const struct policy_selection *taken = policy_selection_of(p, &s, &tried);
	assert_int_equal(tried.n, 1);
	assert_ptr_equal(taken, policy_selection_of(p, &s, NULL));
	assert_int_equal(tried.items[0].holds, holds);
	assert_int_equal(tried.items[0].at.line, 2);
	if (!str_eq(tried.items[0].why, why))
		fail_msg("%s: %s", match, tried.items[0].why);
	assert_true((taken != NULL) == holds);
	policy_verdicts_done(&tried);
}

static void test_policy_selection_of_says_what_settled_it(void **state)
{
	static const struct {
		const char *match;
		bool holds;
		const char *why;
	} cases[] = {
		{ "{numa: 0}", false, "numa is 1, wanted 0" },
		{ "{numa: [0, 2]}", false, "numa is 1, wanted 0 or 2" },
		{ "{numa: [0, 1]}", true, "numa is 1" },
		/* Only the first key that does not hold. */
		{ "{class: network, numa: 0, driver: nvme}", false, "numa is 1, wanted 0" },
		{ "{class: network, driver: igb}", true, "class is network; driver is igb" },
		{ "{not: {driver: igb}}", false, "driver is igb" },
		{ "{not: {driver: igb, numa: 0}}", true, "numa is 1, wanted 0" },
		{ "{any: [{numa: 0}, {driver: nvme}]}", false,
		  "numa is 1, wanted 0; driver is igb, wanted nvme" },
		{ "{any: [{numa: 0}, {driver: igb}, {class: network}]}", true, "driver is igb" },
		{ "{all: [{numa: 1}, {any: [{netdev: eth0}]}]}", false,
		  "netdev is ens1f0 ens1f0np0, wanted eth0" },
		{ "{model: L40S}", false, "it has no model, wanted L40S" },
		{ "{id: \"8086:10C9\"}", true, "id is 8086:10c9" },
		{ "{vendor: \"10de\"}", false, "vendor is 8086, wanted 10de" },
		{ "{subsystem: \"1028:0001\"}", false, "it has no subsystem, wanted 1028:0001" },
		{ "{serial: \"525400ffffe00002\"}", false,
		  "serial is 525400ffffe00001, wanted 525400ffffe00002" },
		{ "{labels: [test, rack-8]}", false,
		  "labels is rack-7 train, wanted test or rack-8" },
		{ "{boot-display: true}", false, "boot-display is false, wanted true" },
		{ "{path: \"pci:0000:00/04.0\"}", false,
		  "path is pci:0000:00/03.0/00.0, wanted pci:0000:00/04.0" },
		{ "{mdev-parent: mtty}", false, "it has no mdev-parent, wanted mtty" },
	};
	(void)state;
	const struct function f = nic();
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		check_why(&f, cases[i].match, cases[i].holds, cases[i].why);
}

#define TWO                                                                                        \
	"version: 1\ndevices:\n"                                                                   \
	"  spare: {match: {class: display}}\n"                                                     \
	"  nic: {match: {class: network}}\n"                                                       \
	"  rest: {match: {class: network}}\n"                                                      \
	"divide:\n"                                                                                \
	"  - {use: spare, as: passthrough}\n"                                                      \
	"  - {use: nic, when: {numa: 0}, as: passthrough}\n"                                       \
	"  - {use: nic, when: {labels: train}, as: sriov, count: 4}\n"                             \
	"  - {use: nic, as: sriov, count: 2}\n"                                                    \
	"classes:\n"                                                                               \
	"  lan: {from: nic, profiles: vf}\n"                                                       \
	"  whole: {from: nic, profiles: passthrough}\n"                                            \
	"  all: {from: nic}\n"                                                                     \
	"  none: {from: spare}\n"

static void test_policy_divide_of_tries_entries_in_order(void **state)
{
	(void)state;
	const struct function f = nic();
	const struct match_subject s = { .facts = &facts, .f = &f };
	_cleanup_(policy_freep) struct policy *p = parsed(TWO);
	struct policy_verdicts selections = { 0 }, divides = { 0 };
	assert_string_equal(policy_selection_of(p, &s, &selections)->name, "nic");
	assert_int_equal(selections.n, 2);
	assert_string_equal(selections.items[0].why, "class is network, wanted display");

	const struct policy_divide *d = policy_divide_of(p, "nic", &s, &divides);
	assert_int_equal(d->at.line, 9);
	assert_int_equal(divides.n, 2);
	assert_string_equal(divides.items[0].why, "numa is 1, wanted 0");
	assert_string_equal(divides.items[1].why, "labels is rack-7 train");
	assert_ptr_equal(policy_divide_of(p, "nic", &s, NULL), d);
	assert_null(policy_divide_of(p, "rest", &s, NULL));
	policy_verdicts_done(&selections);
	policy_verdicts_done(&divides);

	assert_true(policy_class_draws(p, policy_class_find(p, "lan"), d));
	assert_true(policy_class_draws(p, policy_class_find(p, "all"), d));
	assert_false(policy_class_draws(p, policy_class_find(p, "whole"), d));
	assert_false(policy_class_draws(p, policy_class_find(p, "none"), d));
}

static void test_policy_never_selected_names_vfs_and_bridges(void **state)
{
	(void)state;
	struct function f = nic();
	const struct match_subject s = { .facts = &facts, .f = &f };
	_cleanup_(policy_freep) struct policy *p = parsed(TWO);
	assert_null(policy_never_selected(&s));
	f.is_vf = true;
	assert_string_equal(policy_never_selected(&s), "a VF belongs to its PF");
	assert_null(policy_selection_of(p, &s, NULL));
	f.is_vf = false;
	f.class = 0x060400;
	assert_non_null(policy_never_selected(&s));
}

static void check_text(const struct policy_divide *d, const char *wanted)
{
	_cleanup_(str_buf_done) struct str_buf b = { 0 };
	policy_divide_text(d, &b);
	assert_string_equal(b.text, wanted);
}

static void test_policy_divide_text_says_what_it_makes(void **state)
{
	(void)state;
	check_text(&(struct policy_divide){ .mech = "passthrough" }, "passed through");
	check_text(&(struct policy_divide){ .mech = "passthrough", .bind_early = true },
		   "passed through, bound early");
	check_text(&(struct policy_divide){ .mech = "sriov", .count = 1 }, "1 VF");
	check_text(&(struct policy_divide){ .mech = "sriov", .count = 16 }, "16 VFs");
	struct policy_divide d = { .mech = "mdev",
				   .types = { "mtty-2", "mtty-1" },
				   .type_count = { 3, 1 },
				   .n_types = 2 };
	check_text(&d, "3 mtty-2, 1 mtty-1");
	assert_int_equal(STR_COPY(d.fill, "mtty-1"), 0);
	check_text(&d, "3 mtty-2, 1 mtty-1, filled with mtty-1");
	d.fill[0] = '\0';
	d.type_count[0] = d.type_count[1] = 0;
	d.on_demand = true;
	check_text(&d, "mtty-2, mtty-1 on demand");
	assert_int_equal(STR_COPY(d.warm[0], "mtty-2") + STR_COPY(d.warm[1], "mtty-1"), 0);
	d.warm_count[0] = 2;
	d.warm_count[1] = 1;
	d.n_warm = 2;
	check_text(&d, "mtty-2, mtty-1 on demand, kept warm: 2 mtty-2, 1 mtty-1");
}

static void check_compare(const struct want *applied, const struct want *now, const char *wanted)
{
	_cleanup_(str_buf_done) struct str_buf b = { 0 };
	policy_want_compare(applied, now, &b);
	assert_string_equal(b.text ? b.text : "", wanted);
}

static void test_policy_want_compare_names_each_difference(void **state)
{
	(void)state;
	const struct want applied = { .selection = "nic",
				      .mech = "sriov",
				      .where = "p.yaml:3",
				      .count = 4,
				      .vendor = 0x8086,
				      .device_id = 0x10c9,
				      .has_serial = true,
				      .serial = 0x525400ffffe00001 };
	struct want now = applied;
	check_compare(&applied, &now, "");
	/* Where it stands in the file is no difference. */
	assert_int_equal(STR_COPY(now.where, "q.yaml:9"), 0);
	check_compare(&applied, &now, "");
	now.count = 8;
	now.in_use_pf = true;
	now.vf = (struct vf_settings){ .set = VF_SET_TRUST | VF_SET_VLAN, .trust = 1, .vlan = 7 };
	check_compare(&applied, &now,
		      "count: applied 4, now 8\nin-use-pf: applied refuse, now allow\n"
		      "vf: applied as the driver sets it, now vlan=7 qos=0 trust=true\n");
	now = applied;
	now.serial = 2;
	check_compare(&applied, &now,
		      "the card: applied 8086:10c9 serial=525400ffffe00001, now 8086:10c9 "
		      "serial=0000000000000002\n");
	now = (struct want){ .selection = "tty",
			     .mech = "mdev",
			     .vendor = 0x8086,
			     .device_id = 0x10c9,
			     .types = { "mtty-1" },
			     .type_count = { 2 },
			     .n_types = 1 };
	struct want early = now;
	early.bind_early = 1;
	early.on_remove_destroy = 1;
	early.after_use = AFTER_USE_SAME_TENANT;
	early.one_tenant = 1;
	early.type_count[0] = 3;
	check_compare(
		&now, &early,
		"profiles: applied mtty-1: 2, now mtty-1: 3\nbind: applied on-claim, now early\n"
		"one-tenant-per-device: applied false, now true\n"
		"after-use: applied not said, now same-tenant\n"
		"on-remove: applied keep, now destroy\n");
	early = now;
	early.warm[0] = 2;
	/* What is known of the card now is no difference of policies. */
	early.units[0] = 1;
	check_compare(&now, &early, "warm: applied none, now mtty-1: 2\n");
	early = now;
	assert_int_equal(STR_COPY(early.services[0], "a.service"), 0);
	assert_int_equal(STR_COPY(early.services[1], "b.service"), 0);
	early.n_services = 2;
	check_compare(&now, &early, "services: applied none, now a.service, b.service\n");
	check_compare(&applied, NULL, "applied as sriov (p.yaml:3), now not divided\n");
	check_compare(NULL, &applied, "not divided by the applied policy, now sriov\n");
	check_compare(NULL, NULL, "");
}

/* The answer is the same without memory for the reasons; that they lack is told. */
static void test_policy_selection_of_without_memory_fails_no_match(void **state)
{
	(void)state;
	const struct function f = nic();
	const struct match_subject s = { .facts = &facts, .f = &f };
	_cleanup_(policy_freep) struct policy *p = parsed(TWO);
	unsigned n = 0;
	for (;; n++) {
		struct policy_verdicts tried = { 0 };
		alloc_fail_at(n);
		const struct policy_selection *taken = policy_selection_of(p, &s, &tried);
		bool failed = alloc_fail_done();
		assert_string_equal(taken->name, "nic");
		assert_int_equal(tried.failed, failed);
		policy_verdicts_done(&tried);
		if (!failed)
			break;
	}
	assert_true(n > 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_policy_selection_of_says_what_settled_it),
		cmocka_unit_test(test_policy_divide_of_tries_entries_in_order),
		cmocka_unit_test(test_policy_never_selected_names_vfs_and_bridges),
		cmocka_unit_test(test_policy_divide_text_says_what_it_makes),
		cmocka_unit_test(test_policy_want_compare_names_each_difference),
		cmocka_unit_test(test_policy_selection_of_without_memory_fails_no_match),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
