/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What people look at when something is odd: carve doctor, carve preflight, carve events. */
#include <errno.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "cli/cli.h"
#include "cli/print.h"
#include "cli/table.h"

#define LAST_DEFAULT 10
#define LAST_MAX 10000

static void print_finding(const struct cli *c, const json_t *f)
{
	const char *level = print_text(f, "level");
	const char *subject = json_string_value(json_object_get(f, "subject"));
	const char *remedy = json_string_value(json_object_get(f, "remedy"));
	const char *color = c->color ? state_color(level) : "";
	_cleanup_free_ char *line = NULL;
	if (asprintf(&line, "%s%s%s", subject ? subject : "", subject ? ": " : "",
		     print_text(f, "text")) < 0)
		line = NULL;
	char lead[64];
	(void)STR_FORMAT(lead, "%s%s%s", color, level, *color ? COLOR_END : "");
	text_wrap(lead, 9, line ? line : "?");
	if (remedy)
		text_wrap("         do:", 13, remedy);
}

/* A problem is a failure also for those who only look at the exit code. */
static int print_findings(struct cli *c, const json_t *reply)
{
	const json_t *findings = json_object_get(reply, "findings");
	size_t i, problems = 0, warnings = 0;
	json_t *f;
	json_array_foreach((json_t *)findings, i, f) {
		if (!c->json)
			print_finding(c, f);
		problems += str_eq(print_text(f, "level"), "problem");
		warnings += str_eq(print_text(f, "level"), "warning");
	}
	if (c->json)
		(void)cli_print_json(reply);
	else
		cli_say("%zu problem%s, %zu warning%s\n", problems, problems == 1 ? "" : "s",
			warnings, warnings == 1 ? "" : "s");
	return problems ? EXIT_FAILED : EXIT_OK;
}

int cli_doctor(struct cli *c)
{
	json_t *reply = NULL;
	if (cli_call(c, "Doctor", NULL, &reply) < 0)
		return cli_exit_code(&c->err);
	int code = print_findings(c, reply);
	json_decref(reply);
	return code;
}

int cli_preflight(struct cli *c)
{
	const char *kernel = cli_option_value(c, "kernel"), *driver = cli_option_value(c, "driver");
	json_t *reply = NULL;
	json_t *params = json_pack("{s:s*, s:s*}", "kernel", kernel, "driver", driver);
	if (cli_call(c, "Preflight", params, &reply) < 0)
		return cli_exit_code(&c->err);
	int code = print_findings(c, reply);
	json_decref(reply);
	return code;
}

struct watch {
	bool follow;
};

static void print_event(const json_t *event)
{
	char when[32];
	print_time(json_integer_value(json_object_get(event, "at")), when, sizeof(when));
	_cleanup_(str_buf_done) struct str_buf b = { 0 };
	str_buf_addf(&b, "%s  %-16s", when, print_text(event, "event"));
	const char *key;
	json_t *value;
	json_object_foreach((json_t *)event, key, value) {
		if (str_eq(key, "at") || str_eq(key, "event"))
			continue;
		if (json_is_string(value))
			str_buf_addf(&b, " %s=%s", key, json_string_value(value));
		else if (json_is_integer(value))
			str_buf_addf(&b, " %s=%" JSON_INTEGER_FORMAT, key,
				     json_integer_value(value));
	}
	_cleanup_free_ char *line = b.text ? text_clean(b.text) : NULL;
	puts(line ? line : "?");
}

/* Ends, by 1, where the past ends and nobody wants to follow. */
static int on_event(struct cli *c, const json_t *reply, void *userdata)
{
	const struct watch *w = userdata;
	const json_t *event = json_object_get(reply, "event");
	if (!json_is_object(event))
		return !w->follow;
	if (c->json) {
		json_t *line = json_pack("{s:i, s:O}", "version", CLI_JSON_VERSION, "event", event);
		json_dumpf(line, stdout, JSON_COMPACT);
		putchar('\n');
		json_decref(line);
	} else {
		print_event(event);
	}
	/* A reader behind a pipe sees each as it comes, and its going away ends this. */
	return fflush(stdout) == 0 ? 0 : 1;
}

int cli_events(struct cli *c)
{
	uint32_t last = 0;
	if (cli_option_number(c, "last", LAST_MAX, LAST_DEFAULT, &last) < 0)
		return EXIT_USAGE;
	struct watch w = { .follow = cli_option_given(c, "follow") };
	json_t *params = json_pack("{s:i}", "last", (int)last);
	if (cli_call_each(c, "Events", params, on_event, &w) < 0)
		return cli_exit_code(&c->err);
	return EXIT_OK;
}
