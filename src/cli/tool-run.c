/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See tool-run.h. */
#include "cli/tool-run.h"

#include <errno.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "cli/files.h"
#include "cli/print.h"

int tool_run_begin(struct tool_run *run, struct cli *c)
{
	*run = (struct tool_run){ .c = c, .lock = -1, .objects = json_array() };
	run->plan = cli_option_given(c, "plan");
	int r = run->plan ? 0 : tool_files_writable(c);
	if (r >= 0 && !run->plan)
		r = run->lock = cli_file_lock(c, CARVE_SYSCONFDIR "/devices");
	if (r >= 0)
		r = cli_call(c, "ListDevices", NULL, &run->devices);
	if (r >= 0)
		r = cli_call(c, "ListSlices", NULL, &run->slices);
	return r;
}

static int print_json(const struct tool_run *run)
{
	json_auto_t *o = json_pack("{s:b, s:O}", "plan", run->plan, "objects", run->objects);
	return cli_print_json(o);
}

int tool_run_end(struct tool_run *run, int r)
{
	int code = run->c->json && r >= 0 ? print_json(run) : EXIT_OK;
	if (r < 0)
		code = cli_exit_code(&run->c->err);
	else if (code == EXIT_OK && run->left)
		code = EXIT_PARTIAL;
	json_decref(run->devices);
	json_decref(run->slices);
	json_decref(run->objects);
	if (run->lock >= 0)
		close(run->lock);
	return code;
}

static bool member_is(const json_t *o, const char *member, const char *text)
{
	const char *value = json_string_value(json_object_get(o, member));
	return value && str_eq(value, text);
}

const json_t *tool_run_device(const struct tool_run *run, const char *name)
{
	size_t i;
	json_t *d;
	json_array_foreach(json_object_get(run->devices, "devices"), i, d)
		if (member_is(d, "key", name) || member_is(d, "address", name) ||
		    (!json_object_get(d, "address") && member_is(d, "name", name)))
			return d;
	return NULL;
}

const json_t *tool_run_slice(const struct tool_run *run, const char *member, const char *text)
{
	size_t i;
	json_t *s;
	json_array_foreach(json_object_get(run->slices, "slices"), i, s)
		if (member_is(s, member, text))
			return s;
	return NULL;
}

const char *tool_run_parent(const json_t *device)
{
	const char *address = json_string_value(json_object_get(device, "address"));
	return address ? address : print_text(device, "name");
}

void tool_run_left(struct tool_run *run, const char *object)
{
	struct err *e = &run->c->err;
	json_array_append_new(run->objects, json_pack("{s:s, s:s, s:o}", "object", object, "result",
						      "left", "error", err_to_json(e)));
	run->left++;
	fflush(stdout);
	err_print(stderr, e);
	cli_say(cli_outcome_unknown(run->c) ? "%s may be done or not: try again\n"
					    : "%s stays as it is\n",
		object);
	err_done(e);
}

void tool_run_done(struct tool_run *run, const char *object, const char *fmt, ...)
{
	char text[1024];
	va_list ap;
	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	json_array_append_new(run->objects,
			      json_pack("{s:s, s:s, s:s}", "object", object, "result",
					run->plan ? "planned" : "done", "text", text));
	if (!run->c->json)
		printf("%s\n", text);
}

int tool_run_write(struct tool_run *run, const char *path, const char *before, const char *after,
		   unsigned mode)
{
	if (before && after ? str_eq(before, after) : before == after)
		return 0;
	if (!run->plan)
		return tool_file_put(run->c, path, after, mode);
	json_array_append_new(run->objects,
			      json_pack("{s:s, s:s, s:s?, s:s?}", "object", path, "result", "file",
					"before", before, "after", after));
	if (!run->c->json)
		tool_file_diff(path, before, after);
	return 0;
}
