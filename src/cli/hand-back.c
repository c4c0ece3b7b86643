/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * carve hand-back --to mdevctl, driverctl. The tool's file is written first, then carve forgets the slice: after a
 * crash in between both know of it, and make the same once. What was taken over before becomes again what it was,
 * byte by byte.
 */
#include <errno.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "cli/print.h"
#include "cli/tool-run.h"
#include "model/definition.h"

struct handing {
	struct tool_run run;
	bool to[TOOLS];
};

/* A slice and the file that keeps it from now on. */
struct item {
	struct tool_file file;
	const char *slice;
	char *text;  /* what the tool is to have there */
	bool exists; /* there is a file for it to be */
};

struct items {
	struct item *items;
	size_t n;
};

static void items_done(struct items *all)
{
	for (size_t i = 0; i < all->n; i++) {
		tool_file_done(&all->items[i].file);
		free(all->items[i].text);
	}
	free(all->items);
}

static int refuse(struct cli *c, const char *on, const char *todo)
{
	err_on(&c->err, "%s", on);
	err_state(&c->err, "nothing was changed");
	err_todo(&c->err, "%s", todo);
	return -c->err.error;
}

/* --- what the file is to be -------------------------------------------------------------------------------- */

static int differs(struct cli *c, const struct tool_file *f, const char *has, const char *is)
{
	err_set(&c->err, "hand-back.differs", EEXIST,
		"cannot replace a file that means something else");
	err_because(&c->err, "the file says %s, the slice is of %s", has, is);
	return refuse(c, f->path, "remove that file if nobody needs it, then try again");
}

static int edited(struct cli *c, const struct tool_file *f)
{
	char todo[SYS_PATH_SIZE + 64];
	(void)STR_FORMAT(todo, "to keep the change, remove %s, then try again", f->record);
	err_set(&c->err, "hand-back.edited", EEXIST,
		"cannot restore a file that somebody changed since");
	err_because(&c->err, "what it was then is in %s", f->record);
	return refuse(c, f->path, todo);
}

static bool is_text(const char *a, const char *b)
{
	return a && b && str_eq(a, b);
}

/* As it was when it was taken over, unless somebody else wrote there. aside: as carve left it. */
static int restore(struct cli *c, struct item *i, const char *aside)
{
	const struct tool_file *f = &i->file;
	if (f->text && !is_text(f->text, aside) && !is_text(f->text, f->taken))
		return edited(c, f);
	i->text = strdup(f->taken);
	return i->text ? 0 : -ENOMEM;
}

static int mdev_restore(struct cli *c, struct item *i, const char *type)
{
	struct definition d;
	const struct tool_file *f = &i->file;
	int r = definition_parse(f->taken, f->taken_len, f->record, &d, &c->err);
	if (r < 0)
		return r;
	if (!str_eq(d.type, type))
		return differs(c, f, d.type, type);
	_cleanup_free_ char *aside = definition_set_starts(f->taken, false);
	return aside ? restore(c, i, aside) : -ENOMEM;
}

static int mdev_text(struct cli *c, struct item *i, const char *type)
{
	struct definition d;
	const struct tool_file *f = &i->file;
	if (f->taken)
		return mdev_restore(c, i, type);
	int r = f->text ? definition_parse(f->text, f->text_len, f->path, &d, &c->err) : 0;
	if (r < 0)
		return r;
	if (f->text && !str_eq(d.type, type))
		return differs(c, f, d.type, type);
	if (f->text)
		i->text = d.starts ? strdup(f->text) : definition_set_starts(f->text, true);
	else
		i->text = definition_make(type);
	return i->text ? 0 : -ENOMEM;
}

static int override_text(struct cli *c, struct item *i, const char *driver)
{
	char has[NAME_SIZE];
	const struct tool_file *f = &i->file;
	if (f->taken)
		return restore(c, i, NULL);
	int r = f->text ? override_parse(f->text, f->text_len, f->path, has, &c->err) : 0;
	if (r < 0)
		return r;
	if (f->text && !str_eq(has, driver))
		return differs(c, f, has, driver);
	if (f->text)
		i->text = strdup(f->text);
	else if (asprintf(&i->text, "%s\n", driver) < 0)
		i->text = NULL;
	return i->text ? 0 : -ENOMEM;
}

static int tool_check(struct handing *h, enum tool_kind kind, const char *slice)
{
	struct cli *c = h->run.c;
	char todo[128];
	if (!h->to[kind]) {
		(void)STR_FORMAT(todo, "add %s to --to", tools[kind].name);
		err_set(&c->err, "hand-back.tool", EINVAL,
			"cannot hand back what nobody would keep");
		err_because(&c->err, "%s is what keeps such slices, and --to does not name it",
			    tools[kind].name);
		return refuse(c, slice, todo);
	}
	if (tool_is_installed(c, kind))
		return 0;
	(void)STR_FORMAT(todo, "install %s, then try again", tools[kind].name);
	err_set(&c->err, "hand-back.not-installed", ENOENT,
		"cannot hand back what nobody would keep");
	err_because(&c->err, "%s is not installed: there is no udev rule %s", tools[kind].name,
		    tools[kind].rule);
	return refuse(c, slice, todo);
}

static int mdev_item(struct handing *h, const json_t *slice, struct item *i)
{
	struct cli *c = h->run.c;
	const json_t *parent = tool_run_device(&h->run, print_text(slice, "device"));
	int r = tool_check(h, TOOL_MDEVCTL, i->slice);
	if (r < 0)
		return r;
	r = tool_file_read(c, TOOL_MDEVCTL, tool_run_parent(parent), print_text(slice, "uuid"),
			   &i->file);
	i->exists = true;
	bool named = json_object_get(slice, "mdev_type");
	return r < 0 ? r : mdev_text(c, i, print_text(slice, named ? "mdev_type" : "profile"));
}

/* A function that is with its own driver, and was no override's before, needs none. */
static int override_item(struct handing *h, const json_t *slice, struct item *i)
{
	struct cli *c = h->run.c;
	char name[NAME_SIZE];
	const char *driver = print_text(slice, "driver");
	int r = STR_FORMAT(name, "pci-%s", print_text(slice, "address"));
	if (r >= 0)
		r = tool_file_read(c, TOOL_DRIVERCTL, "", name, &i->file);
	i->exists = i->file.taken || driver_is_vfio(driver);
	if (r >= 0 && i->exists)
		r = tool_check(h, TOOL_DRIVERCTL, i->slice);
	return r < 0 || !i->exists ? r : override_text(c, i, driver);
}

/* --- handing over --------------------------------------------------------------------------------------------- */

static int items_find(struct handing *h, const json_t *names, struct items *ret)
{
	size_t n;
	json_t *name;
	int r = 0;
	ret->items = calloc(json_array_size(names) + 1, sizeof(*ret->items));
	if (!ret->items)
		return -ENOMEM;
	json_array_foreach(names, n, name) {
		const json_t *slice = tool_run_slice(&h->run, "name", json_string_value(name));
		struct item *i = &ret->items[ret->n++];
		i->slice = json_string_value(name);
		if (r >= 0 && slice)
			r = json_object_get(slice, "uuid") ? mdev_item(h, slice, i)
							   : override_item(h, slice, i);
	}
	return r;
}

static int write_all(struct handing *h, const struct items *all)
{
	int r = 0;
	for (size_t n = 0; r >= 0 && n < all->n; n++) {
		const struct item *i = &all->items[n];
		if (i->exists)
			r = tool_run_write(&h->run, i->file.path, i->file.text, i->text,
					   i->file.mode);
	}
	return r;
}

/* carved refused after all: nobody else acts, either. What cannot be undone is told beside that. */
static void undo_all(struct handing *h, const struct items *all)
{
	struct cli *c = h->run.c;
	struct err why = { 0 };
	err_move(&why, &c->err);
	for (size_t n = 0; n < all->n; n++) {
		const struct item *i = &all->items[n];
		if (i->exists && !is_text(i->text, i->file.text) &&
		    tool_file_put(c, i->file.path, i->file.text, i->file.mode) < 0) {
			err_print(stderr, &c->err);
			err_done(&c->err);
		}
	}
	err_move(&c->err, &why);
}

static int records_remove(struct handing *h, const struct items *all)
{
	int r = 0;
	for (size_t n = 0; r >= 0 && n < all->n; n++)
		r = tool_run_write(&h->run, all->items[n].file.record, all->items[n].file.taken,
				   NULL, 0);
	return r;
}

static int call(struct handing *h, const char *name, bool plan, json_t **ret)
{
	return cli_call(h->run.c, "HandBack", json_pack("{s:s, s:b}", "name", name, "plan", plan),
			ret);
}

static void say(struct handing *h, const char *name, const struct items *all, const json_t *claims)
{
	bool plan = h->run.plan;
	size_t n;
	json_t *claim;
	for (n = 0; n < all->n; n++) {
		const struct item *i = &all->items[n];
		tool_run_done(&h->run, i->slice, "%s %s%s%s",
			      plan ? "would hand back" : "handed back", i->slice,
			      i->exists ? " to " : ", which is with its own driver",
			      i->exists ? tools[i->file.kind].name : "");
	}
	json_array_foreach(claims, n, claim)
		cli_say("claim %s %s\n", json_string_value(claim),
			plan ? "would end" : "is over; whoever uses the slice goes on");
	const json_t *device = tool_run_device(&h->run, name);
	if (!device)
		return;
	tool_run_done(&h->run, name, "%s %s", plan ? "would leave alone" : "leaves alone", name);
	cli_say("take it out of the policy before the next apply\n");
	if (json_is_true(json_object_get(device, "bind_early")))
		cli_say("and out of the early rules: carve integrate boot --apply\n");
}

/* VFs have nobody who would make them: what could is said. */
static void say_rule(const struct tool_run *run, const char *name)
{
	const json_t *slice = tool_run_slice(run, "name", name);
	const json_t *d = tool_run_device(run, slice ? print_text(slice, "device") : name);
	json_int_t vfs = json_integer_value(json_object_get(d, "vfs"));
	const char *address = json_string_value(json_object_get(d, "address"));
	if (vfs > 0 && address)
		cli_say("a udev rule that makes its VFs at boot, without their settings:\n"
			"ACTION==\"add\", SUBSYSTEM==\"pci\", KERNEL==\"%s\", "
			"ATTR{sriov_numvfs}=\"%" JSON_INTEGER_FORMAT "\"\n",
			address, vfs);
}

static void left(struct handing *h, const char *name)
{
	struct err *e = &h->run.c->err;
	err_set(e, "base.memory", ENOMEM, "out of memory");
	bool vfs = str_eq(e->id, "hand-back.vfs");
	tool_run_left(&h->run, name);
	if (vfs)
		say_rule(&h->run, name);
}

/* Writes the tools' files, then lets carved forget it. -errno with c->err: all is as it was, or nobody knows whether
 * carved has forgotten it; then the files stay, since nobody might make it at the next boot otherwise. */
static int perform(struct handing *h, const char *name, const struct items *all)
{
	json_auto_t *reply = NULL;
	int r = write_all(h, all);
	if (r >= 0 && !h->run.plan)
		r = call(h, name, false, &reply);
	if (r < 0 && !h->run.plan && !cli_outcome_unknown(h->run.c))
		undo_all(h, all);
	return r;
}

/* Only what fails for this one is told here; -errno: no other can be handed back, either. */
static int hand_back(struct handing *h, const char *name)
{
	json_auto_t *reply = NULL;
	_cleanup_(items_done) struct items all = { 0 };
	int r = call(h, name, true, &reply);
	if (r >= 0)
		r = items_find(h, json_object_get(reply, "slices"), &all);
	if (r >= 0)
		r = perform(h, name, &all);
	if (r < 0) {
		left(h, name);
		return 0;
	}
	r = records_remove(h, &all);
	if (r >= 0)
		say(h, name, &all, json_object_get(reply, "claims"));
	return r;
}

/* --- which ones ------------------------------------------------------------------------------------------------ */

static int hand_back_all(struct handing *h)
{
	size_t i;
	json_t *d;
	int r = 0;
	json_array_foreach(json_object_get(h->run.devices, "devices"), i, d)
		if (r >= 0 && json_object_get(d, "selection") && !json_object_get(d, "pf"))
			r = hand_back(h, print_text(d, "key"));
	return r;
}

static int to_parse(struct cli *c, bool to[TOOLS])
{
	const char *p = cli_option_value(c, "to");
	if (!p)
		return cli_usage_error(c, "hand-back needs --to mdevctl, driverctl, or both");
	for (;;) {
		size_t n = strcspn(p, ",");
		enum tool_kind kind;
		if (tool_find(p, n, &kind) < 0)
			return cli_usage_error(c, "--to takes mdevctl,driverctl, not %.*s", (int)n,
					       p);
		to[kind] = true;
		if (!p[n])
			return EXIT_OK;
		p += n + 1;
	}
}

int cli_hand_back(struct cli *c)
{
	struct handing h = { 0 };
	int code = to_parse(c, h.to);
	if (code != EXIT_OK)
		return code;
	int r = tool_run_begin(&h.run, c);
	if (r >= 0 && c->n_operands == 0)
		r = hand_back_all(&h);
	for (size_t i = 0; r >= 0 && i < c->n_operands; i++)
		r = hand_back(&h, c->operands[i]);
	if (r >= 0 && json_array_size(h.run.objects) == 0)
		cli_say("the applied policy divides nothing\n");
	return tool_run_end(&h.run, r);
}
