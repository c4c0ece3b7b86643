/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Subcommands about claims and their slices: alloc, release, holders, reclaim, quarantine. */
#include <errno.h>
#include <pwd.h>

#include "api/wire.h"
#include "base/cleanup.h"
#include "base/num.h"
#include "base/str.h"
#include "cli/cli.h"
#include "cli/print.h"
#include "cli/table.h"
#include "policy/policy.h"

#define DEADLINE_MAX (7u * 24 * 3600)
#define PID_LIMIT 4194304u /* PID_MAX_LIMIT, include/linux/threads.h */

/* All --set options together; *ret is NULL when there are none. */
static int settings_param(struct cli *c, json_t **ret)
{
	struct vf_settings s = { 0 };
	bool any = false;
	for (size_t i = 0; i < c->n_given; i++) {
		if (!str_eq(c->given[i].option->name, "set"))
			continue;
		any = true;
		int r = policy_setting_parse(c->given[i].value, &s, &c->err);
		if (r < 0)
			return r;
	}
	*ret = any ? wire_settings(&s) : NULL;
	return 0;
}

/* --uid: a number, or the name of an account. */
static int uid_param(const struct cli *c, json_t **ret)
{
	const char *text = cli_option_value(c, "uid");
	uint32_t uid = 0;
	if (!text)
		return 0;
	if (num_parse_u32(text, 10, &uid) < 0) {
		const struct passwd *pw = getpwnam(text);
		if (!pw) {
			cli_usage_error(c, "there is no user %s", text);
			return -EINVAL;
		}
		uid = pw->pw_uid;
	}
	*ret = json_integer(uid);
	return 0;
}

static void set_if(json_t *params, const char *key, json_t *value_take)
{
	if (value_take)
		json_object_set_new(params, key, value_take);
}

static int alloc_params(struct cli *c, json_t **ret)
{
	json_t *settings = NULL, *uid = NULL;
	uint32_t pid = 0;
	if (cli_option_number(c, "pid", PID_LIMIT, 0, &pid) < 0 || uid_param(c, &uid) < 0)
		return EXIT_USAGE;
	if (settings_param(c, &settings) < 0) {
		json_decref(uid);
		return EXIT_USAGE;
	}
	const char *name = cli_option_value(c, "name"), *tenant = cli_option_value(c, "tenant");
	json_t *p = json_pack("{s:s, s:s}", "class", c->operands[0], "owner",
			      cli_option_value(c, "for"));
	set_if(p, "name", name ? json_string(name) : NULL);
	set_if(p, "reserved", cli_option_given(c, "reserved") ? json_true() : NULL);
	set_if(p, "wait", cli_option_given(c, "wait") ? json_true() : NULL);
	set_if(p, "preemptible", cli_option_given(c, "preemptible") ? json_true() : NULL);
	const char *near = cli_option_value(c, "near");
	set_if(p, "near", near ? json_string(near) : NULL);
	set_if(p, "tenant", tenant ? json_string(tenant) : NULL);
	set_if(p, "pid", pid ? json_integer(pid) : NULL);
	set_if(p, "settings", settings);
	set_if(p, "uid", uid);
	*ret = p;
	return EXIT_OK;
}

static void print_alloc(const json_t *reply)
{
	const json_t *claim = json_object_get(reply, "claim"),
		     *handle = json_object_get(reply, "handle");
	const char *address = json_string_value(json_object_get(handle, "address"));
	const char *uuid = json_string_value(json_object_get(handle, "uuid"));
	/* The name alone goes to stdout: name=$(carve alloc ...) */
	printf("%s\n", print_text(claim, "name"));
	cli_say("%s is %s", print_text(claim, "name"), print_text(claim, "state"));
	size_t parts = json_array_size(json_object_get(claim, "parts"));
	if (address || uuid)
		cli_say(": %s", address ? address : uuid);
	if (parts)
		cli_say(": %zu slices", parts);
	cli_say("; carve handle %s has how to use it\n", print_text(claim, "name"));
}

int cli_alloc(struct cli *c)
{
	if (!cli_option_given(c, "for"))
		return cli_usage_error(c, "alloc needs --for OWNER");
	struct cli_deadline deadline = {
		.state = "the request is withdrawn: nothing is claimed",
		.todo = "wait longer, or have somebody release a slice: carve list claims",
	};
	json_t *params = NULL, *reply = NULL;
	if (cli_option_number(c, "deadline", DEADLINE_MAX, 0, &deadline.seconds) < 0)
		return EXIT_USAGE;
	int code = alloc_params(c, &params);
	if (code != EXIT_OK)
		return code;
	int r = cli_call_wait(c, "Claim", params, &deadline, &reply);
	if (r < 0)
		return cli_exit_code(&c->err);
	if (c->json)
		code = cli_print_json(reply);
	else
		print_alloc(reply);
	json_decref(reply);
	return code;
}

/* It goes on by itself; what for is in the claim. */
static void print_release_waits(const char *name, const json_t *claim)
{
	cli_say("%s is %s: %s\n", name, print_text(claim, "state"), print_text(claim, "reason"));
	cli_say("  state    it is taken back by itself as soon as that is over; nobody else gets it "
		"before\n");
	cli_say("  do       to wait for it: carve release %s --wait (or --deadline SECONDS)\n",
		name);
}

int cli_release(struct cli *c)
{
	struct cli_deadline deadline = { CLI_DEADLINE_GOES_ON };
	if (cli_option_number(c, "deadline", DEADLINE_MAX, 0, &deadline.seconds) < 0)
		return EXIT_USAGE;
	json_t *reply = NULL, *params = json_pack("{s:s}", "claim", c->operands[0]);
	bool wait = deadline.seconds || cli_option_given(c, "wait");
	if (!wait)
		json_object_set_new(params, "wait", json_false());
	int r = cli_call_wait(c, "Release", params, &deadline, &reply);
	if (r < 0)
		return cli_exit_code(&c->err);
	const json_t *claim = json_object_get(reply, "claim");
	bool released = json_is_true(json_object_get(reply, "released"));
	int code = !released && json_is_object(claim) ? EXIT_PARTIAL : EXIT_OK;
	if (c->json) {
		int printed = cli_print_json(reply);
		code = printed == EXIT_OK ? code : printed;
	} else if (released) {
		cli_say("released %s\n", c->operands[0]);
	} else if (json_is_object(claim)) {
		print_release_waits(c->operands[0], claim);
	} else {
		cli_say("there is no claim %s; nothing was changed\n", c->operands[0]);
	}
	json_decref(reply);
	return code;
}

int cli_holders(struct cli *c)
{
	json_t *reply = NULL;
	if (cli_call(c, "Holders", json_pack("{s:s}", "device", c->operands[0]), &reply) < 0)
		return cli_exit_code(&c->err);
	int code = EXIT_OK;
	size_t i;
	json_t *h, *holders = json_object_get(reply, "holders");
	if (c->json) {
		code = cli_print_json(reply);
	} else {
		json_array_foreach(holders, i, h) {
			_cleanup_free_ char *line = print_holder(h);
			_cleanup_free_ char *clean = line ? text_clean(line) : NULL;
			printf("%s\n", clean ? clean : "?");
		}
		if (json_array_size(holders) == 0)
			cli_say("nobody uses %s\n", c->operands[0]);
	}
	json_decref(reply);
	return code;
}

int cli_reclaim(struct cli *c)
{
	if (!cli_option_given(c, "retry"))
		return cli_usage_error(c, "reclaim needs --retry");
	json_t *reply = NULL;
	json_t *params = c->n_operands ? json_pack("{s:s}", "claim", c->operands[0]) : NULL;
	if (cli_call(c, "RetryReclaim", params, &reply) < 0)
		return cli_exit_code(&c->err);
	int code = EXIT_OK;
	if (c->json)
		code = cli_print_json(reply);
	else
		cli_say("tried again: %" JSON_INTEGER_FORMAT "\n",
			json_integer_value(json_object_get(reply, "tried")));
	json_decref(reply);
	return code;
}

static int print_quarantine(struct cli *c, const json_t *reply)
{
	static const struct table_column columns[] = {
		{ .title = "NAME", .least = 24, .trim_middle = true },
		{ .title = "ADDRESS" },
		{ .title = "REASON", .least = 20 },
	};
	struct table t = { .columns = columns, .n_columns = 3, .color = c->color };
	size_t i;
	json_t *o;
	json_array_foreach(json_object_get(reply, "slices"), i, o) {
		table_add_string(&t, o, "name");
		table_add_string(&t, o, "address");
		table_add_string(&t, o, "reason");
	}
	json_array_foreach(json_object_get(reply, "devices"), i, o) {
		table_add(&t, json_string_value(o));
		table_add(&t, NULL);
		table_add(&t, "the whole device");
	}
	bool ok = table_print(&t);
	if (t.n_cells == 0)
		cli_say("nothing is in quarantine\n");
	table_done(&t);
	return ok ? EXIT_OK : EXIT_FAILED;
}

int cli_quarantine_list(struct cli *c)
{
	json_t *reply = NULL;
	if (cli_call(c, "ListQuarantine", NULL, &reply) < 0)
		return cli_exit_code(&c->err);
	int code = c->json ? cli_print_json(reply) : print_quarantine(c, reply);
	json_decref(reply);
	return code;
}

int cli_quarantine_clear(struct cli *c)
{
	const char *reason = cli_option_value(c, "reason");
	if (!reason || !*reason)
		return cli_usage_error(c, "quarantine clear needs --reason TEXT");
	json_t *reply = NULL;
	json_t *params = json_pack("{s:s, s:s}", "name", c->operands[0], "reason", reason);
	if (cli_call(c, "ClearQuarantine", params, &reply) < 0)
		return cli_exit_code(&c->err);
	int code = c->json ? cli_print_json(reply) : EXIT_OK;
	if (!c->json)
		cli_say("%s may be used again\n", c->operands[0]);
	json_decref(reply);
	return code;
}
