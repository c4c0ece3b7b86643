/* SPDX-License-Identifier: GPL-2.0-or-later */
/* carve list: devices, slices, classes, claims and tenants as tables. */
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "cli/cli.h"
#include "cli/print.h"
#include "cli/table.h"

static const char *text(const json_t *o, const char *key)
{
	return json_string_value(json_object_get(o, key));
}

/* Classes of functions that are rarely divided: left out unless asked for, enrolled or capable. */
static bool is_background(const json_t *d)
{
	static const char *const classes[] = { "bridge",	"system", "serial-bus",
					       "communication", "input",  "memory",
					       "multimedia",	"signal", "other" };
	if (json_object_get(d, "pf"))
		return true;
	if (json_is_true(json_object_get(d, "enrolled")) || json_object_get(d, "vfs_max") ||
	    json_object_get(d, "mdev_types"))
		return false;
	const char *class = text(d, "class");
	for (size_t i = 0; class && i < sizeof(classes) / sizeof(classes[0]); i++)
		if (str_eq(class, classes[i]))
			return true;
	return false;
}

static void add_yield(struct table *t, const json_t *d)
{
	const json_t *vfs_max = json_object_get(d, "vfs_max");
	size_t types = json_array_size(json_object_get(d, "mdev_types"));
	if (vfs_max)
		table_addf(t, "%" JSON_INTEGER_FORMAT "/%" JSON_INTEGER_FORMAT " VFs",
			   json_integer_value(json_object_get(d, "vfs")),
			   json_integer_value(vfs_max));
	else if (types > 0)
		table_addf(t, "%zu types", types);
	else
		table_add(t, NULL);
}

static const char *device_state(const json_t *d)
{
	if (text(d, "stuck"))
		return "stuck";
	if (text(d, "mismatch"))
		return "mismatch";
	if (json_is_true(json_object_get(d, "drained")))
		return "drained";
	if (text(d, "selection"))
		return text(d, "selection");
	return json_is_true(json_object_get(d, "enrolled")) ? "enrolled" : NULL;
}

/* Names of makers end in words that tell nobody anything: room for the rest. */
static char *name_short(const char *name)
{
	static const char *const noise[] = { " Corporation", " Corp.",	  ", Inc.", " Inc.",
					     " Co., Ltd.",   " Co.,Ltd.", " Ltd.",  " Limited" };
	char *copy = name ? strdup(name) : NULL;
	for (size_t i = 0; copy && i < sizeof(noise) / sizeof(noise[0]); i++) {
		char *found = strstr(copy, noise[i]);
		size_t n = strlen(noise[i]);
		if (found)
			memmove(found, found + n, strlen(found + n) + 1);
	}
	return copy;
}

static void add_device(struct table *t, const json_t *d)
{
	const char *address = text(d, "address"), *name = text(d, "name");
	_cleanup_free_ char *shown = address ? name_short(name) : NULL;
	table_add(t, address ? address : name ? name : text(d, "key"));
	table_add(t, address ? shown : text(d, "key"));
	table_add_string(t, d, "class");
	table_add_string(t, d, "driver");
	add_yield(t, d);
	table_add(t, device_state(d));
}

static int list_devices(struct cli *c, const json_t *devices)
{
	static const struct table_column columns[] = {
		{ .title = "DEVICE" },
		{ .title = "NAME", .least = 12 },
		{ .title = "CLASS", .least = 7 },
		{ .title = "DRIVER", .least = 8 },
		{ .title = "YIELD" },
		{ .title = "POLICY", .least = 8, .state = true },
	};
	struct table t = { .columns = columns, .n_columns = 6, .color = c->color };
	size_t i, hidden = 0;
	json_t *d;
	json_array_foreach((json_t *)devices, i, d) {
		if (is_background(d) && !cli_option_given(c, "all"))
			hidden++;
		else
			add_device(&t, d);
	}
	bool ok = table_print(&t);
	table_done(&t);
	if (hidden > 0 && isatty(STDERR_FILENO))
		cli_say("%zu more: carve list --all\n", hidden);
	return ok ? EXIT_OK : EXIT_FAILED;
}

static int list_slices(struct cli *c, const json_t *slices)
{
	static const struct table_column columns[] = {
		{ .title = "SLICE", .least = 20, .trim_middle = true },
		{ .title = "USE", .least = 12, .trim_middle = true },
		{ .title = "PROFILE", .least = 7 },
		{ .title = "STATE", .state = true },
		{ .title = "CLAIM", .least = 8 },
	};
	struct table t = { .columns = columns, .n_columns = 5, .color = c->color };
	size_t i;
	json_t *s;
	json_array_foreach((json_t *)slices, i, s) {
		table_add_string(&t, s, "name");
		table_add_string(&t, s, json_object_get(s, "uuid") ? "uuid" : "address");
		table_add_string(&t, s, "profile");
		table_add_string(&t, s, "state");
		table_add_string(&t, s, "claim");
	}
	bool ok = table_print(&t);
	table_done(&t);
	return ok ? EXIT_OK : EXIT_FAILED;
}

static void add_words(struct table *t, const json_t *list)
{
	_cleanup_(str_buf_done) struct str_buf b = { 0 };
	size_t i;
	json_t *item;
	json_array_foreach((json_t *)list, i, item)
		str_buf_addf(&b, "%s%s", i ? "," : "",
			     json_string_value(item) ? json_string_value(item) : "?");
	table_add(t, b.text);
}

/* "gpu x 4,lan x 1": where slices of a class with parts come from. */
static void add_from(struct table *t, const json_t *class)
{
	_cleanup_(str_buf_done) struct str_buf b = { 0 };
	size_t i;
	json_t *part;
	json_array_foreach(json_object_get(class, "parts"), i, part)
		str_buf_addf(&b, "%s%s x %" JSON_INTEGER_FORMAT, i ? "," : "",
			     print_text(part, "class"),
			     json_integer_value(json_object_get(part, "count")));
	table_add(t, b.text ? b.text : text(class, "selection"));
}

static int list_classes(struct cli *c, const json_t *classes)
{
	static const struct table_column columns[] = {
		{ .title = "CLASS", .least = 12 },    { .title = "FROM", .least = 10 },
		{ .title = "PROFILES", .least = 10 }, { .title = "FREE", .right = true },
		{ .title = "TOTAL", .right = true },  { .title = "MAY SET", .least = 8 },
	};
	struct table t = { .columns = columns, .n_columns = 6, .color = c->color };
	size_t i;
	json_t *k;
	json_array_foreach((json_t *)classes, i, k) {
		table_add_string(&t, k, "name");
		add_from(&t, k);
		add_words(&t, json_object_get(k, "profiles"));
		table_add_int(&t, k, "free");
		table_add_int(&t, k, "total");
		add_words(&t, json_object_get(k, "may_set"));
	}
	bool ok = table_print(&t);
	table_done(&t);
	return ok ? EXIT_OK : EXIT_FAILED;
}

static bool any_has(const json_t *list, const char *key)
{
	size_t i;
	json_t *o;
	json_array_foreach((json_t *)list, i, o)
		if (json_object_get(o, key))
			return true;
	return false;
}

/* Of an orphan the time that is left: it is short. Of others what comes first: the end of the lease, or of the
 * time that the slice may lie unused. */
static void add_end(struct table *t, const json_t *claim)
{
	char when[16] = "";
	json_int_t left = json_integer_value(json_object_get(claim, "orphan_left"));
	if (json_object_get(claim, "orphan_left")) {
		table_addf(t, "in %" JSON_INTEGER_FORMAT "%s", left < 600 ? left : left / 60,
			   left < 600 ? "s" : "m");
		return;
	}
	json_int_t lease = json_integer_value(json_object_get(claim, "lease_end")),
		   idle = json_integer_value(json_object_get(claim, "idle_end"));
	time_t end = (time_t)(lease && (!idle || lease < idle) ? lease : idle);
	struct tm tm;
	if (end > 0 && localtime_r(&end, &tm))
		(void)strftime(when, sizeof(when), "%m-%d %H:%M", &tm);
	table_add(t, when);
}

static void add_slices(struct table *t, const json_t *claim)
{
	size_t parts = json_array_size(json_object_get(claim, "parts"));
	if (parts)
		table_addf(t, "%zu slices", parts);
	else
		table_add_string(t, claim, json_object_get(claim, "address") ? "address" : "slice");
}

/* Columns that say nothing of any claim are left out. */
static int list_claims(struct cli *c, const json_t *claims)
{
	struct table_column columns[TABLE_COLUMNS_MAX] = {
		{ .title = "CLAIM", .least = 10 },
		{ .title = "CLASS", .least = 8 },
		{ .title = "KIND" },
		{ .title = "STATE", .state = true },
		{ .title = "OWNER", .least = 10 },
	};
	size_t n = 5;
	bool tenants = any_has(claims, "tenant");
	bool ends = any_has(claims, "lease_end") || any_has(claims, "idle_end") ||
		    any_has(claims, "orphan_left");
	if (tenants)
		columns[n++] = (struct table_column){ .title = "TENANT", .least = 8 };
	if (ends)
		columns[n++] = (struct table_column){ .title = "ENDS" };
	columns[n++] = (struct table_column){ .title = "SLICE", .least = 12, .trim_middle = true };
	struct table t = { .columns = columns, .n_columns = n, .color = c->color };
	size_t i;
	json_t *k;
	json_array_foreach((json_t *)claims, i, k) {
		table_add_string(&t, k, "name");
		table_add_string(&t, k, "class");
		table_add_string(&t, k, "kind");
		table_add_string(&t, k, "state");
		table_add_string(&t, k, "owner");
		if (tenants)
			table_add_string(&t, k, "tenant");
		if (ends)
			add_end(&t, k);
		add_slices(&t, k);
	}
	bool ok = table_print(&t);
	table_done(&t);
	return ok ? EXIT_OK : EXIT_FAILED;
}

/* "2/3 lan": used of how much of what; "20/80 GiB of memory". */
static void add_quota(struct table *t, const json_t *quota)
{
	json_int_t used = json_integer_value(json_object_get(quota, "used")),
		   most = json_integer_value(json_object_get(quota, "most"));
	const char *unit = print_text(quota, "name");
	if (str_eq(print_text(quota, "kind"), "resource") && str_eq(unit, "memory")) {
		bool whole = used % 1024 == 0 && most % 1024 == 0;
		used /= whole ? 1024 : 1;
		most /= whole ? 1024 : 1;
		unit = whole ? "GiB of memory" : "MiB of memory";
	}
	if (json_object_get(quota, "most"))
		table_addf(t, "%" JSON_INTEGER_FORMAT "/%" JSON_INTEGER_FORMAT " %s", used, most,
			   unit);
	else
		table_addf(t, "%" JSON_INTEGER_FORMAT " %s", used, unit);
}

/* A line for each thing it has a quota of. */
static void add_tenant(struct table *t, const json_t *tenant)
{
	size_t i;
	json_t *quota;
	json_array_foreach(json_object_get(tenant, "quotas"), i, quota) {
		table_add_string(t, tenant, "name");
		if (i == 0) {
			add_words(t, json_object_get(tenant, "members"));
			table_add_int(t, tenant, "claims");
			table_add_int(t, tenant, "waiting");
		}
		for (size_t k = 0; i > 0 && k < 3; k++)
			table_add(t, "");
		add_quota(t, quota);
	}
}

static int list_tenants(struct cli *c, const json_t *tenants)
{
	static const struct table_column columns[] = {
		{ .title = "TENANT", .least = 8 },    { .title = "FROM", .least = 10 },
		{ .title = "CLAIMS", .right = true }, { .title = "WAITING", .right = true },
		{ .title = "HAS", .least = 12 },
	};
	struct table t = { .columns = columns, .n_columns = 5, .color = c->color };
	size_t i;
	json_t *tenant;
	json_array_foreach((json_t *)tenants, i, tenant)
		add_tenant(&t, tenant);
	bool ok = table_print(&t);
	table_done(&t);
	return ok ? EXIT_OK : EXIT_FAILED;
}

static const struct {
	const char *name, *method, *key;
	int (*print)(struct cli *c, const json_t *list);
	const char *none;
} kinds[] = {
	{ "devices", "ListDevices", "devices", list_devices, "no devices" },
	{ "slices", "ListSlices", "slices", list_slices, "no slices: carve apply makes them" },
	{ "classes", "ListClasses", "classes", list_classes, "no classes: a policy defines them" },
	{ "claims", "ListClaims", "claims", list_claims, "no claims" },
	{ "tenants", "ListTenants", "tenants", list_tenants, "no tenants: a policy may name some" },
};

/* Slices that a claim could have at once, and what could be made. What was made ahead is counted with that. */
static json_t *slices_free(const json_t *slices)
{
	json_t *array = json_array(), *s;
	size_t i;
	json_array_foreach((json_t *)slices, i, s)
		if (!text(s, "claim") && !json_object_get(s, "warm") &&
		    str_eq(print_text(s, "state"), "ready"))
			json_array_append(array, s);
	return array;
}

static int list_free(struct cli *c)
{
	json_auto_t *all = NULL, *map = NULL;
	if (cli_call(c, "ListSlices", NULL, &all) < 0 || cli_call(c, "GetMap", NULL, &map) < 0)
		return cli_exit_code(&c->err);
	const json_t *devices = json_object_get(map, "devices");
	json_auto_t *reply = json_pack("{s:o, s:O}", "slices",
				       slices_free(json_object_get(all, "slices")), "devices",
				       devices);
	const json_t *slices = json_object_get(reply, "slices");
	if (c->json)
		return cli_print_json(reply);
	bool any = json_array_size(slices) > 0;
	int code = list_slices(c, slices);
	if (cli_left_print(devices, any) == 0 && !any)
		cli_say("nothing is free\n");
	return code;
}

static void say_risks(const json_t *unsafe)
{
	static const struct {
		const char *word, *text;
	} risks[] = {
		{ "acs-override", "the kernel was told to split IOMMU groups (pcie_acs_override)" },
		{ "nvswitch", "single GPUs are handed out that NVSwitches join with others" },
	};
	size_t i;
	json_t *word;
	json_array_foreach((json_t *)unsafe, i, word)
		for (size_t k = 0; k < sizeof(risks) / sizeof(risks[0]); k++)
			if (str_eq(json_string_value(word), risks[k].word))
				cli_say("unsafe: %s, and the policy accepts it\n", risks[k].text);
}

int cli_list(struct cli *c)
{
	const char *what = c->n_operands ? c->operands[0] : "devices";
	if (cli_option_given(c, "free"))
		return str_eq(what, "slices") ? list_free(c)
					      : cli_usage_error(c, "--free goes with list slices");
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		if (!str_eq(kinds[i].name, what))
			continue;
		json_t *reply = NULL;
		if (cli_call(c, kinds[i].method, NULL, &reply) < 0)
			return cli_exit_code(&c->err);
		const json_t *list = json_object_get(reply, kinds[i].key);
		int code = c->json ? cli_print_json(reply) : kinds[i].print(c, list);
		if (!c->json && json_array_size(list) == 0)
			cli_say("%s\n", kinds[i].none);
		const char *only = json_string_value(json_object_get(reply, "policy_only"));
		if (!c->json && only)
			cli_say("the policy was applied to %s only; carve apply does the rest\n",
				only);
		if (!c->json)
			say_risks(json_object_get(reply, "unsafe"));
		json_decref(reply);
		return code;
	}
	return cli_usage_error(c, "list slices, classes, claims or tenants, not %s", what);
}
