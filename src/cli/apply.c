/* SPDX-License-Identifier: GPL-2.0-or-later */
/* carve plan, carve apply: what a policy would change here, and changing it. */
#include <errno.h>
#include <fcntl.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "cli/cli.h"
#include "cli/files.h"
#include "cli/plan-file.h"
#include "cli/print.h"
#include "cli/table.h"
#include "policy/policy.h"

#define POLICY_MAX (1024u * 1024u)
#define DEADLINE_MAX (7u * 24 * 3600)

/* One byte more than allowed is kept, so that the limit shows. */
int cli_policy_read(const char *file, char **ret, size_t *ret_len, struct err *reterr)
{
	_cleanup_close_ int fd = str_eq(file, "-") ? dup(STDIN_FILENO)
						   : open(file, O_RDONLY | O_CLOEXEC);
	_cleanup_free_ char *text = NULL;
	int r = cli_text_read(fd, POLICY_MAX, &text, ret_len);
	if (r < 0) {
		err_set(reterr, "policy.read", -r, "cannot read the policy %s", file);
		err_state(reterr, "nothing was changed");
		return r;
	}
	*ret = TAKE_PTR(text);
	return 0;
}

int cli_policy_load(const char *file, char **ret, struct err *reterr)
{
	size_t len = 0;
	_cleanup_free_ char *text = NULL;
	int r = cli_policy_read(file, &text, &len, reterr);
	if (r < 0) {
		err_todo(reterr, "name a file that you may read; carve init proposes a policy");
		return r;
	}
	const char *name = str_eq(file, "-") ? "standard input" : file;
	_cleanup_(policy_freep) struct policy *p = policy_parse(text, len, name, reterr);
	if (!p)
		return reterr->error ? -reterr->error : -EINVAL;
	*ret = TAKE_PTR(text);
	return 0;
}

/* Where the file is, so that carved notices when it changes; links to it stay what they are. */
static char *policy_path(const char *file)
{
	const char *slash = strrchr(file, '/');
	_cleanup_free_ char *folder = slash == file ? strdup("/")
				      : slash	    ? strndup(file, (size_t)(slash - file))
						    : strdup(".");
	_cleanup_free_ char *full = folder ? realpath(folder, NULL) : NULL;
	char *path = NULL;
	if (!full ||
	    asprintf(&path, "%s/%s", str_eq(full, "/") ? "" : full, slash ? slash + 1 : file) < 0)
		return NULL;
	return path;
}

static int policy_params(struct cli *c, json_t **ret)
{
	json_t *params = json_object();
	const char *only = cli_option_value(c, "only");
	if (only)
		json_object_set_new(params, "only", json_string(only));
	if (c->n_operands) {
		_cleanup_free_ char *text = NULL;
		int r = cli_policy_load(c->operands[0], &text, &c->err);
		if (r < 0) {
			json_decref(params);
			return r;
		}
		json_object_set_new(params, "policy", json_string(text));
		json_object_set_new(params, "file", json_string(c->operands[0]));
		_cleanup_free_ char *path =
			str_eq(c->operands[0], "-") ? NULL : policy_path(c->operands[0]);
		if (path)
			json_object_set_new(params, "path", json_string(path));
	}
	*ret = params;
	return 0;
}

/* The first reason is the guard's own; the others are the same in more words. */
static void print_warnings(const json_t *reply)
{
	size_t i;
	json_t *w;
	json_array_foreach(json_object_get(reply, "warnings"), i, w) {
		const json_t *error = json_object_get(w, "error");
		const char *why = json_string_value(json_object_get(error, "because"));
		char line[1024];
		if (STR_FORMAT(line, "%s: %s%s%.*s", print_text(w, "device"),
			       print_text(error, "what"), why ? ": " : "",
			       why ? (int)strcspn(why, "\n") : 0, why ? why : "") >= 0)
			text_wrap("warning:", 10, line);
		const char *todo = json_string_value(json_object_get(error, "do"));
		if (todo)
			text_wrap("          do:", 14, todo);
	}
}

static const char *line_of(const json_t *line)
{
	return json_string_value(line) ? json_string_value(line) : "?";
}

static void print_unmatched(const json_t *reply)
{
	size_t i;
	json_t *name;
	json_array_foreach(json_object_get(reply, "unmatched"), i, name) {
		char line[256];
		if (STR_FORMAT(line,
			       "no device here matches \"%s\" of the policy; with expect it would "
			       "be refused",
			       line_of(name)) >= 0)
			text_wrap("note:", 8, line);
	}
}

/* What was asked about: of the other devices an answer to --only says nothing. */
static const char *subject(const struct cli *c)
{
	const char *only = cli_option_value(c, "only");
	return only ? only : "the host";
}

static void say_nothing_to_do(const struct cli *c, const json_t *reply)
{
	if (json_array_size(json_object_get(reply, "waits")) ||
	    json_array_size(json_object_get(reply, "ends")))
		cli_say("nothing can be done now\n");
	else if (json_array_size(json_object_get(reply, "warnings")))
		cli_say("nothing to do now, but what the warnings name is given to nobody\n");
	else
		cli_say("nothing to do: %s is as the policy says\n", subject(c));
}

static json_int_t mdev_count(const json_t *mdevs, const char *type)
{
	size_t i;
	json_t *m;
	json_array_foreach((json_t *)mdevs, i, m)
		if (str_eq(print_text(m, "type"), type))
			return json_integer_value(json_object_get(m, "count"));
	return 0;
}

static void print_counts(const char *what, json_int_t before, json_int_t after)
{
	if (before != after)
		printf("  %s: %" JSON_INTEGER_FORMAT " -> %" JSON_INTEGER_FORMAT "\n", what, before,
		       after);
}

static void print_mdevs(const json_t *before, const json_t *after)
{
	size_t i;
	json_t *m;
	json_array_foreach((json_t *)before, i, m) {
		const char *type = print_text(m, "type");
		print_counts(type, mdev_count(before, type), mdev_count(after, type));
	}
	json_array_foreach((json_t *)after, i, m) {
		const char *type = print_text(m, "type");
		if (mdev_count(before, type) == 0)
			print_counts(type, 0, mdev_count(after, type));
	}
}

/* A device before and after. */
static void print_change(const json_t *device)
{
	const json_t *before = json_object_get(device, "before"),
		     *after = json_object_get(device, "after");
	const char *old = json_string_value(json_object_get(before, "driver")),
		   *new = json_string_value(json_object_get(after, "driver"));
	print_counts("VFs", json_integer_value(json_object_get(before, "vfs")),
		     json_integer_value(json_object_get(after, "vfs")));
	print_mdevs(json_object_get(before, "mdevs"), json_object_get(after, "mdevs"));
	if (!str_eq(old ? old : "none", new ? new : "none"))
		printf("  driver: %s -> %s\n", old ? old : "none", new ? new : "none");
}

/* What it is called, and where the policy says what it becomes. */
static void print_heading(const json_t *device)
{
	const char *address = json_string_value(json_object_get(device, "address")),
		   *name = json_string_value(json_object_get(device, "name")),
		   *where = json_string_value(json_object_get(device, "where"));
	const char *lead = address ? address : name ? name : print_text(device, "device");
	char line[512];
	if (STR_FORMAT(line, "%s%s(%s)", address && name ? name : "", address && name ? " " : "",
		       where ? where : "nothing is wanted of it") >= 0)
		text_wrap(lead, strlen(lead) + 2, line);
}

static size_t print_steps(const json_t *steps, const char *device, size_t number)
{
	size_t i, k;
	json_t *step, *line;
	json_array_foreach((json_t *)steps, i, step) {
		char lead[16];
		if (!str_eq(print_text(step, "device"), device))
			continue;
		(void)STR_FORMAT(lead, "%3zu.", ++number);
		text_wrap(lead, 6, print_text(step, "text"));
		json_array_foreach(json_object_get(step, "blast"), k, line)
			text_wrap("      !", 8, line_of(line));
	}
	return number;
}

static void print_plan(const struct cli *c, const json_t *reply)
{
	size_t i, number = 0;
	json_t *device, *line;
	const json_t *steps = json_object_get(reply, "steps");
	json_array_foreach(json_object_get(reply, "ends"), i, line)
		text_wrap("ends:", 8, line_of(line));
	json_array_foreach(json_object_get(reply, "devices"), i, device) {
		print_heading(device);
		print_change(device);
		number = print_steps(steps, print_text(device, "device"), number);
	}
	json_array_foreach(json_object_get(reply, "waits"), i, line)
		text_wrap("waits:", 8, line_of(line));
	print_warnings(reply);
	print_unmatched(reply);
	if (json_array_size(steps) == 0)
		say_nothing_to_do(c, reply);
	else
		cli_say("%zu step%s; nothing was changed\n", json_array_size(steps),
			json_array_size(steps) == 1 ? "" : "s");
}

int cli_plan_call(struct cli *c, json_t *params_take)
{
	json_auto_t *asked = json_incref(params_take), *reply = NULL;
	const char *save = cli_option_value(c, "save");
	if (cli_call(c, "Plan", params_take, &reply) < 0)
		return cli_exit_code(&c->err);
	if (save && cli_plan_save(save, asked, reply, &c->err) < 0)
		return EXIT_FAILED;
	json_t *map = NULL;
	if (cli_option_given(c, "map") &&
	    cli_map_change_get(c, json_string_value(json_object_get(asked, "only")),
			       json_string_value(json_object_get(asked, "policy")),
			       json_string_value(json_object_get(asked, "file")), &map) < 0)
		return cli_exit_code(&c->err);
	if (map)
		json_object_set_new(reply, "map", map);
	if (c->json)
		return cli_print_json(reply);
	print_plan(c, reply);
	return map ? cli_map_change_print(c, map) : EXIT_OK;
}

int cli_plan(struct cli *c)
{
	json_t *params = NULL;
	if (cli_option_given(c, "map") && !c->n_operands)
		return cli_usage_error(c, "--map needs the FILE whose picture it is");
	return policy_params(c, &params) < 0 ? cli_exit_code(&c->err) : cli_plan_call(c, params);
}

static void print_results(const struct cli *c, const json_t *results)
{
	static const struct table_column columns[] = {
		{ .title = "DEVICE", .least = 20, .trim_middle = true },
		{ .title = "STATE", .state = true },
		{ .title = "STEPS", .right = true },
	};
	struct table t = { .columns = columns, .n_columns = 3, .color = c->color };
	size_t i;
	json_t *r;
	json_array_foreach((json_t *)results, i, r) {
		table_add_string(&t, r, "device");
		table_add_string(&t, r, "state");
		table_add_int(&t, r, "steps");
	}
	(void)table_print(&t);
	table_done(&t);
	json_array_foreach((json_t *)results, i, r) {
		const char *waits = json_string_value(json_object_get(r, "waits")),
			   *until = json_string_value(json_object_get(r, "until"));
		char line[512];
		if (waits &&
		    STR_FORMAT(line, "%s: %s%s%s%s", print_text(r, "device"), until ? "until " : "",
			       until ? until : "", until ? ": " : "", waits) >= 0)
			text_wrap("waits:", 8, line);
	}
	fflush(stdout);
	json_array_foreach((json_t *)results, i, r)
		print_api_error(json_object_get(r, "error"));
}

/* Complete, partly done, or nothing done; then the first error says how. */
static int apply_code(const json_t *reply)
{
	const json_t *results = json_object_get(reply, "results");
	size_t i, failed = 0;
	json_t *r;
	int code = EXIT_FAILED;
	json_array_foreach((json_t *)results, i, r) {
		_cleanup_err_ struct err e = { 0 };
		if (err_from_json(&e, json_object_get(r, "error")) < 0)
			continue;
		if (failed++ == 0)
			code = cli_exit_code(&e);
	}
	if (failed > 0)
		return failed == json_array_size(results) ? code : EXIT_PARTIAL;
	return json_is_true(json_object_get(reply, "complete")) ? EXIT_OK : EXIT_PARTIAL;
}

int cli_apply_call(struct cli *c, json_t *params_take)
{
	struct cli_deadline deadline = { CLI_DEADLINE_GOES_ON };
	json_t *reply = NULL;
	if (cli_option_number(c, "deadline", DEADLINE_MAX, 0, &deadline.seconds) < 0) {
		json_decref(params_take);
		return EXIT_USAGE;
	}
	int r = cli_call_wait(c, "Apply", params_take, &deadline, &reply);
	if (r < 0)
		return cli_exit_code(&c->err);
	int code = apply_code(reply);
	if (c->json) {
		int printed = cli_print_json(reply);
		code = printed == EXIT_OK ? code : printed;
	} else {
		print_results(c, json_object_get(reply, "results"));
		print_warnings(reply);
		print_unmatched(reply);
		bool warned = json_array_size(json_object_get(reply, "warnings")) > 0;
		cli_say("%s is %s\n", subject(c),
			code != EXIT_OK ? "not yet as the policy says"
			: warned	? "as the policy says, but what the warnings name is "
					  "given to nobody"
					: "as the policy says");
	}
	json_decref(reply);
	return code;
}

int cli_apply(struct cli *c)
{
	json_t *params = NULL;
	bool restore = cli_option_given(c, "restore");
	const char *plan = cli_option_value(c, "plan");
	if (restore && c->n_operands)
		return cli_usage_error(c, "--restore takes the last applied policy, no FILE");
	if (plan && (restore || c->n_operands || cli_option_given(c, "only")))
		return cli_usage_error(c, "--plan is all of it: no FILE, --only or --restore");
	if ((plan ? cli_plan_load(plan, &params, &c->err) : policy_params(c, &params)) < 0)
		return cli_exit_code(&c->err);
	if (restore)
		json_object_set_new(params, "restore", json_true());
	return cli_apply_call(c, params);
}
