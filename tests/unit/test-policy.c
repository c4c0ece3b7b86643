/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Policy files: every file under tests/golden/policy is parsed; NAME.err beside it is what people
 * must be told, a file without one must be accepted. CARVE_GOLDEN_UPDATE=1 writes the .err files.
 */
#include "support/test.h"

#include <dirent.h>
#include <errno.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "policy/option.h"
#include "policy/policy.h"
#include "policy/value.h"
#include "support/alloc-fail.h"

#define GOLDEN "tests/golden/policy"

static char *file_read(const char *path, size_t *ret_len)
{
	_cleanup_fclose_ FILE *f = fopen(path, "re");
	if (!f)
		return NULL;
	char *text = calloc(1, 256 * 1024);
	*ret_len = text ? fread(text, 1, 256 * 1024 - 1, f) : 0;
	return text;
}

static struct policy *parse_file(const char *path, const char *name, struct err *e)
{
	size_t len = 0;
	_cleanup_free_ char *text = file_read(path, &len);
	assert_non_null(text);
	return policy_parse(text, len, name, e);
}

static char *rendered(const struct err *e)
{
	char *text = NULL;
	size_t size = 0;
	FILE *f = open_memstream(&text, &size);
	assert_non_null(f);
	err_print(f, e);
	fclose(f);
	return text;
}

static void golden_update(const char *path, const char *text)
{
	if (!*text)
		return;
	_cleanup_fclose_ FILE *f = fopen(path, "we");
	assert_non_null(f);
	fputs(text, f);
}

static void check_golden(const char *name)
{
	char path[512], err_path[512];
	assert_int_equal(STR_FORMAT(path, GOLDEN "/%s", name), 0);
	assert_int_equal(STR_FORMAT(err_path, GOLDEN "/%s.err", name), 0);
	_cleanup_err_ struct err e = { 0 };
	_cleanup_(policy_freep) struct policy *p = parse_file(path, name, &e);
	_cleanup_free_ char *got = rendered(&e);
	if (getenv("CARVE_GOLDEN_UPDATE"))
		golden_update(err_path, got);
	size_t len = 0;
	_cleanup_free_ char *wanted = file_read(err_path, &len);
	if (!str_eq(got, wanted ? wanted : ""))
		fail_msg("%s: got\n%swanted\n%s", name, got, wanted ? wanted : "(accepted)\n");
	assert_true(!p == err_is_set(&e));
	/* Each says its place first, why, what state it left, and what to do. */
	if (!p && (!str_after(e.what, name) || !e.because || !e.state || !e.todo || !*e.todo))
		fail_msg("%s: a part of the message is missing:\n%s", name, got);
	if ((str_after(name, "good") != NULL) != (p != NULL))
		fail_msg("%s is %s", name, p ? "accepted" : "refused");
}

static void test_f30_policy_parse_golden_files_say_what_they_should(void **state)
{
	(void)state;
	DIR *d = opendir(GOLDEN);
	assert_non_null(d);
	size_t n = 0;
	for (struct dirent *e; (e = readdir(d));) {
		if (!str_ends(e->d_name, ".yaml") && !str_ends(e->d_name, ".json"))
			continue;
		check_golden(e->d_name);
		n++;
	}
	closedir(d);
	assert_true(n > 70);
}

static void test_policy_parse_examples_are_accepted(void **state)
{
	(void)state;
	static const char *const names[] = { "network-vfs", "nvme-vfs", "mediated" };
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		char path[128];
		assert_int_equal(STR_FORMAT(path, "policies/%s.yaml", names[i]), 0);
		_cleanup_err_ struct err e = { 0 };
		_cleanup_(policy_freep) struct policy *p = parse_file(path, path, &e);
		if (!p)
			fail_msg("%s", e.what);
	}
}

static void test_policy_parse_full_file_stores_everything(void **state)
{
	(void)state;
	_cleanup_err_ struct err e = { 0 };
	_cleanup_(policy_freep) struct policy *p =
		parse_file(GOLDEN "/good-full.yaml", "good-full.yaml", &e);
	assert_non_null(p);
	assert_int_equal(p->n_selections, 7);
	assert_string_equal(p->selections[0].name, "spare");
	assert_int_equal(p->selections[0].expect, 1);
	assert_int_equal(p->selections[1].expect, -1);
	assert_int_equal(p->selections[0].at.line, 4);

	assert_int_equal(p->n_divides, 5);
	assert_true(p->divides[0].bind_early);
	assert_string_equal(p->divides[0].mech, "passthrough");
	const struct policy_divide *nic = &p->divides[1];
	assert_int_equal(nic->count, 16);
	assert_true(nic->in_use_pf);
	assert_int_equal(nic->expect, 16);
	assert_int_equal(nic->vf.set,
			 VF_SET_TRUST | VF_SET_SPOOFCHK | VF_SET_LINK | VF_SET_RATE | VF_SET_VLAN);
	assert_int_equal(nic->vf.trust, 0);
	assert_int_equal(nic->vf.spoofchk, 1);
	assert_int_equal(nic->vf.max_rate, 1000);
	assert_int_equal(nic->vf.vlan, 12);
	assert_int_equal(nic->vf.qos, 3);
	assert_int_equal(nic->after_use, AFTER_USE_UNSAID);
	assert_int_equal(p->divides[2].after_use, AFTER_USE_QUARANTINE);
	assert_int_equal(p->divides[3].n_types, 2);
	assert_string_equal(p->divides[3].types[0], "mtty-2");
	assert_int_equal(p->divides[3].type_count[0], 3);
	assert_true(p->divides[4].on_demand);
	assert_true(p->divides[4].one_tenant);
	assert_false(nic->one_tenant);

	const struct policy_class *lan = policy_class_find(p, "lan");
	assert_non_null(lan);
	assert_string_equal(lan->profiles[0], "vf");
	assert_true(lan->may_mac && lan->may_vlan && lan->may_spoofchk && lan->may_rate);
	assert_false(lan->may_trust || lan->may_link);
	assert_int_equal(lan->vlan_min, 100);
	assert_int_equal(lan->vlan_max, 199);
	assert_int_equal(lan->rate_max, 500);
	assert_null(policy_class_find(p, "none"));

	assert_int_equal(p->n_reservations, 2);
	assert_string_equal(p->reservations[0].owner, "libvirt:web01");
	assert_int_equal(p->reservations[0].set.vlan, 120);
	assert_int_equal(p->reservations[0].set.mac[3], 0xaa);
	assert_string_equal(p->reservations[1].tenant, "lab-a");
	assert_int_equal(p->n_tenants, 2);
	const struct policy_tenant *lab = &p->tenants[0];
	assert_int_equal(lab->n_members, 4);
	assert_int_equal(lab->slices, 3);
	assert_int_equal(lab->priority, 10);
	assert_int_equal(lab->lease_max, 12 * 3600);
	assert_int_equal(lab->lease_idle, 90 * 60);
	assert_int_equal(lab->n_quotas, 2);
	assert_string_equal(lab->quotas[0].class, "disk");
	assert_int_equal(lab->quotas[0].most, 2);
	assert_string_equal(lab->quotas[1].class, "uart");
	assert_int_equal(lab->quotas[1].most, 0);
	assert_int_equal(lab->n_resources, 4);
	assert_string_equal(lab->resources[0].name, "memory");
	assert_int_equal(lab->resources[0].most, 80 * 1024);
	assert_string_equal(lab->resources[3].name, "decoders");
	assert_int_equal(lab->resources[3].most, 4);
	assert_int_equal(p->tenants[1].slices, -1);
	assert_int_equal(p->tenants[1].priority, 0);
	assert_true(policy_class_find(p, "uart")->preemptible);
	assert_false(policy_class_find(p, "disk")->preemptible);
	assert_int_equal(policy_class_find(p, "uart")->orphan_grace, 60);
	assert_int_equal(policy_class_find(p, "disk")->orphan_grace, 0);
	assert_int_equal(p->drift, DRIFT_REPAIR);
	assert_int_equal(p->on_remove, ON_REMOVE_DESTROY);
}

/* carved runs without a policy when it does not understand the stored one. */
static void test_policy_class_find_without_a_policy_finds_none(void **state)
{
	(void)state;
	assert_null(policy_class_find(NULL, "any"));
}

static void test_policy_parse_larger_than_limit_refused(void **state)
{
	(void)state;
	size_t len = 1024 * 1024 + 1;
	_cleanup_free_ char *text = malloc(len);
	assert_non_null(text);
	memset(text, '#', len);
	_cleanup_err_ struct err e = { 0 };
	assert_null(policy_parse(text, len, "big.yaml", &e));
	assert_string_equal(e.id, "policy.limit");
}

static void test_policy_parse_too_many_names_refused(void **state)
{
	(void)state;
	_cleanup_(str_buf_done) struct str_buf b = { 0 };
	str_buf_add(&b, "version: 1\ndevices:\n");
	for (int i = 0; i < 257; i++)
		str_buf_addf(&b, "  d%d: {match: {numa: 0}}\n", i);
	_cleanup_free_ char *text = str_buf_take(&b);
	_cleanup_err_ struct err e = { 0 };
	assert_null(policy_parse(text, strlen(text), "many.yaml", &e));
	assert_string_equal(e.id, "policy.limit");
}

static void test_policy_parse_deep_nesting_refused(void **state)
{
	(void)state;
	_cleanup_free_ char *text = malloc(500001);
	assert_non_null(text);
	memset(text, '[', 500000);
	_cleanup_err_ struct err e = { 0 };
	assert_null(policy_parse(text, 500000, "deep.yaml", &e));
	assert_string_equal(e.id, "policy.syntax");
}

/* Each allocation of ours fails once: refused as lack of memory, nothing leaks, nothing crashes. */
static void test_policy_parse_without_memory_refused(void **state)
{
	(void)state;
	size_t len = 0;
	_cleanup_free_ char *text = file_read(GOLDEN "/good-full.yaml", &len);
	assert_non_null(text);
	unsigned n = 0;
	for (;; n++) {
		_cleanup_err_ struct err e = { 0 };
		alloc_fail_at(n);
		_cleanup_(policy_freep) struct policy *p = policy_parse(text, len, "full.yaml", &e);
		if (!alloc_fail_done())
			break;
		assert_null(p);
		assert_string_equal(e.id, "base.memory");
	}
	assert_true(n > 100);
}

static void test_policy_setting_parse_values_are_read(void **state)
{
	(void)state;
	struct vf_settings s = { 0 };
	assert_int_equal(policy_setting_parse("mac=52:54:00:aa:00:01", &s, NULL), 0);
	assert_int_equal(policy_setting_parse("vlan=120", &s, NULL), 0);
	assert_int_equal(policy_setting_parse("qos=2", &s, NULL), 0);
	assert_int_equal(policy_setting_parse("trust=true", &s, NULL), 0);
	assert_int_equal(policy_setting_parse("spoof-check=false", &s, NULL), 0);
	assert_int_equal(policy_setting_parse("link=disable", &s, NULL), 0);
	assert_int_equal(policy_setting_parse("max-rate=100", &s, NULL), 0);
	assert_int_equal(s.set, VF_SET_MAC | VF_SET_VLAN | VF_SET_TRUST | VF_SET_SPOOFCHK |
					VF_SET_LINK | VF_SET_RATE);
	assert_int_equal(s.mac[0], 0x52);
	assert_int_equal(s.vlan, 120);
	assert_int_equal(s.trust, 1);
	assert_int_equal(s.spoofchk, 0);
	assert_int_equal(s.link, VF_LINK_DISABLE);
	assert_int_equal(s.max_rate, 100);
}

static void test_policy_setting_parse_mistakes_refused(void **state)
{
	(void)state;
	static const char *const bad[] = {
		"",	     "mac",	"mac=",	     "mca=52:54:00:aa:00:01",
		"vlan=4095", "vlan=-1", "trust=yes", "mac=ff:ff:ff:ff:ff:ff",
		"link=up",   "qos=8",	"vlan=0x10", "=1"
	};
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct vf_settings s = { 0 };
		_cleanup_err_ struct err e = { 0 };
		assert_int_equal(policy_setting_parse(bad[i], &s, &e), -EINVAL);
		assert_string_equal(e.id, "setting.value");
		assert_true(e.because && e.state && e.todo);
		assert_int_equal(s.set, 0);
	}
	struct vf_settings s = { 0 };
	_cleanup_err_ struct err e = { 0 };
	assert_int_equal(policy_setting_parse("mca=52:54:00:aa:00:01", &s, &e), -EINVAL);
	assert_string_equal(e.because, "there is no \"mca\" to set");
}

static void test_policy_settings_allowed_follow_the_class(void **state)
{
	(void)state;
	const struct policy_class c = { .name = "lan",
					.may_vlan = true,
					.vlan_min = 100,
					.vlan_max = 199,
					.may_rate = true,
					.rate_max = 500 };
	const struct {
		struct vf_settings s;
		bool ok;
	} cases[] = {
		{ { .set = 0 }, true },
		{ { .set = VF_SET_VLAN, .vlan = 100, .qos = 3 }, true },
		{ { .set = VF_SET_VLAN, .vlan = 200 }, false },
		{ { .set = VF_SET_VLAN, .vlan = 0 }, false },
		{ { .set = VF_SET_MAC }, false },
		{ { .set = VF_SET_TRUST }, false },
		{ { .set = VF_SET_SPOOFCHK }, false },
		{ { .set = VF_SET_LINK }, false },
		{ { .set = VF_SET_RATE, .max_rate = 500 }, true },
		{ { .set = VF_SET_RATE, .max_rate = 501 }, false },
		{ { .set = VF_SET_RATE, .max_rate = 0 }, false },
		{ { .set = VF_SET_RATE, .max_rate = 1, .min_rate = 501 }, false },
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		_cleanup_err_ struct err e = { 0 };
		assert_true((policy_settings_allowed(&c, &cases[i].s, &e) >= 0) == cases[i].ok);
		if (!cases[i].ok)
			assert_string_equal(e.id, "setting.not-allowed");
	}
}

static void test_policy_tenant_of_takes_the_first_it_belongs_to(void **state)
{
	(void)state;
	static const char text[] = "version: 1\n"
				   "tenants:\n"
				   "  a: {from: [\"user:alice\", \"uid:1007\"]}\n"
				   "  b: {from: [\"group:lab\"]}\n"
				   "  c: {from: [\"gid:50\", \"group:users\"]}\n"
				   "  door: {slices: 4}\n";
	_cleanup_err_ struct err e = { 0 };
	_cleanup_(policy_freep) struct policy *p = policy_parse(text, strlen(text), "t.yaml", &e);
	assert_non_null(p);
	static const uint32_t gids[] = { 100, 50, 60 };
	static const char *const names[] = { "users", NULL, "lab" };
	const struct {
		struct policy_account account;
		const char *tenant;
	} cases[] = {
		{ { .uid = 1000, .user = "alice", .gids = gids, .groups = names, .n_gids = 3 },
		  "a" },
		{ { .uid = 1007 }, "a" },
		{ { .uid = 1000, .user = "lab", .gids = gids, .groups = names, .n_gids = 3 }, "b" },
		{ { .uid = 1000, .gids = gids, .groups = names, .n_gids = 2 }, "c" },
		{ { .uid = 1000, .gids = gids, .n_gids = 3 }, "c" },
		{ { .uid = 1000, .gids = gids, .n_gids = 1 }, NULL },
		{ { .uid = 50, .user = "door" }, NULL },
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct policy_tenant *t = policy_tenant_of(p, &cases[i].account);
		assert_string_equal(t ? t->name : "", cases[i].tenant ? cases[i].tenant : "");
	}
	assert_non_null(policy_tenant_find(p, "door"));
	assert_null(policy_tenant_find(p, "doo"));
}

static void test_policy_member_format_is_what_was_written(void **state)
{
	(void)state;
	static const char *const texts[] = { "user:alice", "group:lab-a", "uid:0",
					     "gid:4294967295" };
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct policy_member m;
		char text[NAME_SIZE + 8];
		assert_int_equal(policy_member_parse(texts[i], &m), 0);
		policy_member_format(&m, text);
		assert_string_equal(text, texts[i]);
	}
	struct policy_member m;
	assert_int_equal(policy_member_parse("alice", &m), -EINVAL);
	assert_int_equal(policy_member_parse("uid:4294967296", &m), -ERANGE);
}

static void test_policy_text_ambiguous_knows_both_versions(void **state)
{
	(void)state;
	static const char *const yes[] = { "yes",  "No",  "ON",	   "off",  "y",	   "true",
					   "null", "~",	  "",	   "12",   "-1",   "1e3",
					   "0x1f", "1.5", "12:30", ".inf", "0o17", "+3" };
	static const char *const no[] = { "ens1f1", "mtty", "12a",   "yesterday",
					  "x1",	    "1-2",  "nvme0", "0xzz" };
	for (size_t i = 0; i < sizeof(yes) / sizeof(yes[0]); i++)
		if (!policy_text_ambiguous(yes[i]))
			fail_msg("%s", yes[i]);
	for (size_t i = 0; i < sizeof(no) / sizeof(no[0]); i++)
		if (policy_text_ambiguous(no[i]))
			fail_msg("%s", no[i]);
}

static void test_policy_schema_is_the_committed_one(void **state)
{
	(void)state;
	size_t len = 0;
	_cleanup_free_ char *file = file_read("policies/schema.json", &len);
	_cleanup_free_ char *now = policy_schema();
	assert_non_null(now);
	assert_non_null(file);
	if (len > 0 && file[len - 1] == '\n')
		file[len - 1] = '\0';
	assert_string_equal(file, now);
}

static void test_policy_schema_suits_readers_that_are_not_ours(void **state)
{
	(void)state;
	int r = system("cd tests/golden/policy && wrong=$(ls *.err) && cd ../../.. && "
		       "python3 tests/support/validate-policies.py policies/schema.json " GOLDEN
		       "/good* policies/*.yaml tests/sim/policies/*.yaml -- "
		       "$(for f in $wrong; do echo " GOLDEN "/${f%.err}; done) >&2");
	if (WIFEXITED(r) && (WEXITSTATUS(r) == 77 || WEXITSTATUS(r) == 127))
		skip();
	assert_int_equal(r, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_f30_policy_parse_golden_files_say_what_they_should),
		cmocka_unit_test(test_policy_parse_examples_are_accepted),
		cmocka_unit_test(test_policy_parse_full_file_stores_everything),
		cmocka_unit_test(test_policy_class_find_without_a_policy_finds_none),
		cmocka_unit_test(test_policy_parse_larger_than_limit_refused),
		cmocka_unit_test(test_policy_parse_too_many_names_refused),
		cmocka_unit_test(test_policy_parse_deep_nesting_refused),
		cmocka_unit_test(test_policy_parse_without_memory_refused),
		cmocka_unit_test(test_policy_setting_parse_values_are_read),
		cmocka_unit_test(test_policy_setting_parse_mistakes_refused),
		cmocka_unit_test(test_policy_settings_allowed_follow_the_class),
		cmocka_unit_test(test_policy_tenant_of_takes_the_first_it_belongs_to),
		cmocka_unit_test(test_policy_member_format_is_what_was_written),
		cmocka_unit_test(test_policy_text_ambiguous_knows_both_versions),
		cmocka_unit_test(test_policy_schema_is_the_committed_one),
		cmocka_unit_test(test_policy_schema_suits_readers_that_are_not_ours),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
