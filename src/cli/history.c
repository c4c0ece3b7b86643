/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Subcommands about the policies that were applied: list them, show one, go back to one. */
#include <pwd.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/num.h"
#include "base/str.h"
#include "cli/cli.h"
#include "cli/print.h"
#include "cli/table.h"

static void add_who(struct table *t, const json_t *policy)
{
	const json_t *uid = json_object_get(policy, "uid");
	const struct passwd *user = uid ? getpwuid((uid_t)json_integer_value(uid)) : NULL;
	if (json_is_true(json_object_get(policy, "by_itself")))
		table_add(t, "carved");
	else if (user)
		table_add(t, user->pw_name);
	else
		table_add_int(t, policy, "uid");
}

static void add_note(struct table *t, const json_t *policy)
{
	const char *only = json_string_value(json_object_get(policy, "only"));
	json_int_t repeats = json_integer_value(json_object_get(policy, "repeats"));
	if (only)
		table_addf(t, "only %s", only);
	else if (repeats)
		table_addf(t, "repeats %" JSON_INTEGER_FORMAT, repeats);
	else
		table_add(t, NULL);
}

static bool print_history(const struct cli *c, const json_t *policies)
{
	static const struct table_column columns[] = {
		{ .title = "VERSION", .right = true },
		{ .title = "APPLIED" },
		{ .title = "BY", .least = 6 },
		{ .title = "FILE", .least = 12, .trim_middle = true },
		{ .title = "NOTE", .least = 10 },
	};
	struct table t = { .columns = columns, .n_columns = 5, .color = c->color };
	size_t i;
	json_t *p;
	json_array_foreach((json_t *)policies, i, p) {
		char at[32];
		print_time(json_integer_value(json_object_get(p, "at")), at, sizeof(at));
		table_add_int(&t, p, "version");
		table_add(&t, at);
		add_who(&t, p);
		table_add_string(&t, p, "file");
		add_note(&t, p);
	}
	bool ok = table_print(&t);
	table_done(&t);
	return ok;
}

int cli_policy_history(struct cli *c)
{
	json_t *reply = NULL;
	if (cli_call(c, "ListPolicies", NULL, &reply) < 0)
		return cli_exit_code(&c->err);
	const json_t *policies = json_object_get(reply, "policies");
	int code = c->json			? cli_print_json(reply)
		   : print_history(c, policies) ? EXIT_OK
						: EXIT_FAILED;
	if (!c->json && json_array_size(policies) == 0)
		cli_say("no policy was applied yet\n");
	json_decref(reply);
	return code;
}

/* The number of a version; 0: not given. Negative: explained. */
static int version_parse(const struct cli *c, const char *text, uint32_t *ret)
{
	uint64_t version = 0;
	if (text && (num_parse(text, 10, INT32_MAX, &version) < 0 || version == 0)) {
		cli_usage_error(c, "a version is a number from 1 on, not %s", text);
		return -1;
	}
	*ret = (uint32_t)version;
	return 0;
}

int cli_policy_show(struct cli *c)
{
	uint32_t version;
	json_t *reply = NULL;
	if (version_parse(c, c->n_operands ? c->operands[0] : NULL, &version) < 0)
		return EXIT_USAGE;
	json_t *params = version ? json_pack("{s:I}", "version", (json_int_t)version) : NULL;
	if (cli_call(c, "GetPolicy", params, &reply) < 0)
		return cli_exit_code(&c->err);
	int code = EXIT_OK;
	/* To a file it goes as it is; a terminal is not for control characters. */
	_cleanup_free_ char *clean = isatty(STDOUT_FILENO) ? text_clean(print_text(reply, "text"))
							   : NULL;
	if (c->json)
		code = cli_print_json(reply);
	else
		fputs(clean ? clean : print_text(reply, "text"), stdout);
	json_decref(reply);
	return code;
}

int cli_rollback(struct cli *c)
{
	uint32_t version;
	if (version_parse(c, cli_option_value(c, "to"), &version) < 0)
		return EXIT_USAGE;
	json_t *params = json_pack("{s:I}", "repeat", (json_int_t)version);
	if (!cli_option_given(c, "plan"))
		return cli_apply_call(c, params);
	return cli_plan_call(c, params);
}
