/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * carve adopt --from mdevctl, driverctl. Of each object, carve takes it over first; then the tool's file is kept
 * below /etc/carve/taken, then set aside. So a crash leaves carve and the tool knowing of it, which makes the same
 * once, and the next run goes on. What carve could not bring back as it is stays with the tool.
 */
#include <errno.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "cli/print.h"
#include "cli/tool-run.h"
#include "model/definition.h"

struct taking {
	struct tool_run run;
	enum tool_kind kind;
	bool matched[CLI_OPERANDS_MAX];
};

/* One object, as far as it is known. */
struct found {
	struct tool_file file;
	const json_t *device, *slice;
	char *aside; /* text of the tool's file once it is set aside; NULL: no file */
	bool starts;
};

static void found_done(struct found *f)
{
	tool_file_done(&f->file);
	free(f->aside);
}

static int refuse(struct cli *c, const struct tool_file *f, const char *todo)
{
	err_on(&c->err, "%s", f->path);
	err_state(&c->err, "nothing was changed");
	err_todo(&c->err, "%s", todo);
	return -c->err.error;
}

static int device_find(struct taking *t, const char *name, struct found *f)
{
	struct cli *c = t->run.c;
	char todo[256];
	f->device = tool_run_device(&t->run, name);
	if (!f->device) {
		err_set(&c->err, "take-over.no-device", ENOENT,
			"cannot take over what is on no device");
		err_because(&c->err, "this host has no device %s", name);
		return refuse(c, &f->file, "leave it to its tool, or remove it");
	}
	if (json_is_true(json_object_get(f->device, "enrolled")))
		return 0;
	(void)STR_FORMAT(todo, "carve enroll %s", name);
	err_set(&c->err, "take-over.not-enrolled", EPERM,
		"cannot take over what is on a device that is not enrolled");
	err_because(&c->err, "%s is not enrolled", name);
	return refuse(c, &f->file, todo);
}

/* --- the two tools ---------------------------------------------------------------------------------------- */

static int mdev_slice_find(struct taking *t, const char *uuid, const struct definition *d,
			   struct found *f)
{
	struct cli *c = t->run.c;
	char todo[256];
	f->slice = tool_run_slice(&t->run, "uuid", uuid);
	if (!f->slice) {
		(void)STR_FORMAT(todo, "mdevctl start -u %s, then try again", uuid);
		err_set(&c->err, "take-over.not-started", ENOENT,
			"cannot take over an mdev that is not there");
		err_because(&c->err, "it is defined, and not started");
		return refuse(c, &f->file, todo);
	}
	if (str_eq(print_text(f->slice, "profile"), d->type))
		return 0;
	err_set(&c->err, "take-over.type", EINVAL,
		"cannot take over an mdev that is not as defined");
	err_because(&c->err, "it is of type %s, and defined as %s", print_text(f->slice, "profile"),
		    d->type);
	return refuse(c, &f->file, "define it as it is, or start it as defined");
}

static int mdev_find(struct taking *t, const char *parent, const char *uuid, struct found *f)
{
	struct cli *c = t->run.c;
	struct definition d;
	int r = definition_parse(f->file.text, f->file.text_len, f->file.path, &d, &c->err);
	if (r >= 0)
		r = device_find(t, parent, f);
	if (r < 0)
		return r;
	if (d.attributes) {
		err_set(&c->err, "take-over.attributes", EOPNOTSUPP,
			"cannot take over an mdev with attributes");
		err_because(&c->err, "carve would not set them again when it makes it");
		return refuse(c, &f->file, "leave it to mdevctl");
	}
	f->starts = d.starts;
	f->aside = definition_set_starts(f->file.text, false);
	return f->aside ? mdev_slice_find(t, uuid, &d, f) : -ENOMEM;
}

/* The slice that is the device itself. */
static const json_t *whole_slice(const struct tool_run *run, const json_t *device)
{
	char name[SYS_PATH_SIZE];
	if (STR_FORMAT(name, "passthrough/%s", print_text(device, "key")) < 0)
		return NULL;
	return tool_run_slice(run, "name", name);
}

static int override_find(struct taking *t, const char *address, struct found *f)
{
	struct cli *c = t->run.c;
	char driver[NAME_SIZE];
	int r = override_parse(f->file.text, f->file.text_len, f->file.path, driver, &c->err);
	if (r >= 0 && !driver_is_vfio(driver)) {
		err_set(&c->err, "take-over.driver", EOPNOTSUPP,
			"cannot take over a device that is not for guests");
		err_because(&c->err, "driver %s is none of VFIO", driver);
		r = refuse(c, &f->file, "leave it to driverctl");
	}
	if (r >= 0)
		r = device_find(t, address, f);
	if (r < 0)
		return r;
	f->starts = true;
	f->slice = whole_slice(&t->run, f->device);
	if (f->slice)
		return 0;
	err_set(&c->err, "take-over.not-passed", ENOENT,
		"cannot take over a device that is no slice");
	err_because(&c->err, "the applied policy does not pass %s through", address);
	return refuse(c, &f->file, "say so in the policy, as: passthrough, then: carve apply");
}

/* --- taking it ---------------------------------------------------------------------------------------------- */

static int adopt_call(struct taking *t, const char *name, const char *claim, const char *owner)
{
	json_t *reply = NULL;
	json_t *params =
		json_pack("{s:s, s:s*, s:s*}", "name", name, "claim", claim, "owner", owner);
	if (t->run.plan && params)
		json_object_set_new(params, "plan", json_true());
	int r = cli_call(t->run.c, "Adopt", params, &reply);
	json_decref(reply);
	return r;
}

static int adopt_claim(struct taking *t, const char *name, char ret_claim[NAME_SIZE])
{
	char owner[128];
	int r = str_format(ret_claim, NAME_SIZE, "%s-%s", tools[t->kind].name, name);
	if (r >= 0)
		r = STR_FORMAT(owner, "%s:%s", tools[t->kind].name, name);
	return r < 0 ? r : adopt_call(t, name, ret_claim, owner);
}

/* A process has it open. */
static int is_used(struct taking *t, const char *device)
{
	json_t *reply = NULL, *h;
	bool used = false;
	size_t i;
	int r = cli_call(t->run.c, "Holders", json_pack("{s:s}", "device", device), &reply);
	json_array_foreach(json_object_get(reply, "holders"), i, h)
		used = used || json_integer_value(json_object_get(h, "pid")) > 0;
	json_decref(reply);
	return r < 0 ? r : used;
}

/* A claim when somebody uses it, so that nobody else gets it. */
static int take_slice(struct taking *t, const struct found *f, const char *name,
		      char ret_claim[NAME_SIZE])
{
	struct cli *c = t->run.c;
	const char *state = print_text(f->slice, "state");
	if (str_eq(state, "foreign")) {
		int r = adopt_call(t, name, NULL, NULL);
		if (r >= 0 || !c->err.id || !str_eq(c->err.id, "adopt.held"))
			return r;
		err_done(&c->err);
		return adopt_claim(t, name, ret_claim);
	}
	int used = str_eq(state, "ready") && t->kind == TOOL_DRIVERCTL ? is_used(t, name) : 0;
	return used > 0 ? adopt_claim(t, name, ret_claim) : used;
}

static int set_aside(struct taking *t, const struct found *f)
{
	const struct tool_file *file = &f->file;
	if (!f->starts)
		return 0;
	int r = tool_run_write(&t->run, file->record, file->taken, file->text, file->mode);
	return r < 0 ? r : tool_run_write(&t->run, file->path, file->text, f->aside, file->mode);
}

static void say(struct taking *t, const struct found *f, const char *claim)
{
	const char *slice = print_text(f->slice, "name"), *tool = tools[t->kind].name;
	if (!f->starts && !str_eq(print_text(f->slice, "state"), "foreign")) {
		cli_say("%s is carve's already, and %s does not start it\n", slice, tool);
		json_array_append_new(t->run.objects, json_pack("{s:s, s:s}", "object", slice,
								"result", "nothing"));
		return;
	}
	tool_run_done(&t->run, slice, "%s %s from %s%s%s", t->run.plan ? "would adopt" : "adopted",
		      slice, tool, *claim ? " as claim " : "", claim);
	if (!f->starts)
		cli_say("%s starts by hand only: it stays as it is\n", f->file.path);
	if (t->kind == TOOL_DRIVERCTL && !json_is_true(json_object_get(f->device, "bind_early")))
		cli_say("from the next boot on, %s is with its own driver until a claim has it\n",
			print_text(f->device, "address"));
}

/* Only what fails for this object is told here; -errno: no other can be taken, either. */
static int take(struct taking *t, const char *parent, const char *file, const char *name)
{
	struct cli *c = t->run.c;
	_cleanup_(found_done) struct found f = { 0 };
	char claim[NAME_SIZE] = "";
	int r = tool_file_read(c, t->kind, parent, file, &f.file);
	if (r >= 0 && !f.file.text)
		return 0;
	if (r >= 0)
		r = t->kind == TOOL_MDEVCTL ? mdev_find(t, parent, name, &f)
					    : override_find(t, name, &f);
	if (r >= 0)
		r = take_slice(t, &f, name, claim);
	if (r < 0) {
		err_set(&c->err, "base.memory", ENOMEM, "out of memory");
		tool_run_left(&t->run, f.file.path[0] ? f.file.path : file);
		return 0;
	}
	r = set_aside(t, &f);
	if (r >= 0)
		say(t, &f, claim);
	return r;
}

/* --- which ones ------------------------------------------------------------------------------------------------ */

static bool is_name(const struct taking *t, const char *operand, const char *parent,
		    const char *name)
{
	const json_t *d = tool_run_device(&t->run, operand);
	const char *device = d ? tool_run_parent(d) : operand;
	return str_eq(operand, name) || str_eq(device, *parent ? parent : name);
}

static bool is_asked(struct taking *t, const char *parent, const char *name)
{
	const struct cli *c = t->run.c;
	bool asked = c->n_operands == 0;
	for (size_t i = 0; i < c->n_operands; i++) {
		if (!is_name(t, c->operands[i], parent, name))
			continue;
		t->matched[i] = asked = true;
	}
	return asked;
}

static int each(struct cli *c, const char *parent, const char *file, void *userdata)
{
	struct taking *t = userdata;
	const char *name = t->kind == TOOL_MDEVCTL ? file : override_address(file);
	(void)c;
	if (name && (t->kind != TOOL_MDEVCTL || uuid_valid(name)))
		return is_asked(t, parent, name) ? take(t, parent, file, name) : 0;
	cli_say("%s/%s%s%s is nothing that %s starts for a device of carve\n",
		tools[t->kind].folder, parent, *parent ? "/" : "", file, tools[t->kind].name);
	return 0;
}

static void tell_unmatched(struct taking *t)
{
	struct cli *c = t->run.c;
	for (size_t i = 0; i < c->n_operands; i++) {
		if (t->matched[i])
			continue;
		err_set(&c->err, "cli.unknown-name", ENOENT, "%s has nothing for %s",
			tools[t->kind].name, c->operands[i]);
		err_because(&c->err, "no file below /etc/%s is for it", tools[t->kind].folder);
		err_state(&c->err, "nothing was changed");
		tool_run_left(&t->run, c->operands[i]);
	}
}

int cli_take_over(struct cli *c)
{
	struct taking t = { 0 };
	const char *from = cli_option_value(c, "from");
	if (cli_option_given(c, "claim") || cli_option_given(c, "for"))
		return cli_usage_error(c, "--from takes no --claim and no --for");
	if (tool_find(from, strlen(from), &t.kind) < 0)
		return cli_usage_error(c, "--from takes mdevctl or driverctl, not %s", from);
	int r = tool_run_begin(&t.run, c);
	if (r >= 0)
		r = tool_files_each(c, t.kind, each, &t);
	if (r >= 0)
		tell_unmatched(&t);
	if (r >= 0 && json_array_size(t.run.objects) == 0)
		cli_say("%s defines nothing here\n", from);
	return tool_run_end(&t.run, r);
}
