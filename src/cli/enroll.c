/* SPDX-License-Identifier: GPL-2.0-or-later */
/* carve init, enroll, unenroll: what root puts under carve. Only these write below /etc/carve. */
#include <errno.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "cli/cli.h"
#include "cli/files.h"
#include "cli/print.h"
#include "cli/table.h"
#include "policy/value.h"

#define DEVICES CARVE_SYSCONFDIR "/devices"
#define POLICY CARVE_SYSCONFDIR "/policy.yaml"
#define LABELS_MAX 127 /* as carve-devices(5) has it */
#define LABELS_WORD_SIZE (sizeof("labels=") + LABELS_MAX)

static int write_new(struct cli *c, const char *file, const char *text, bool *ret_kept)
{
	int r = cli_file_write(c, file, text, 0644, NULL);
	if (r < 0)
		return r;
	if (r == FILE_CHANGED)
		cli_say("wrote %s\n", file);
	else
		cli_say("%s is there already; it stays as it is\n", file);
	*ret_kept = *ret_kept || r == FILE_KEPT;
	return 0;
}

static int init_write(struct cli *c, const char *devices, const char *policy)
{
	bool kept = false;
	if (write_new(c, DEVICES, devices, &kept) < 0 || write_new(c, POLICY, policy, &kept) < 0)
		return cli_exit_code(&c->err);
	cli_say("look at them, then: carve plan %s\n", POLICY);
	return kept ? EXIT_PARTIAL : EXIT_OK;
}

static void init_print(const char *devices, const char *policy)
{
	printf("# %s\n%s\n# %s\n%s", DEVICES, devices, POLICY, policy);
	cli_say("nothing was written; carve init --write writes these two files\n");
}

int cli_init(struct cli *c)
{
	json_t *reply = NULL;
	if (cli_call(c, "Propose", NULL, &reply) < 0)
		return cli_exit_code(&c->err);
	const char *devices = json_string_value(json_object_get(reply, "enrollment"));
	const char *policy = json_string_value(json_object_get(reply, "policy"));
	int code = EXIT_OK;
	size_t i;
	json_t *note;
	json_array_foreach(json_object_get(reply, "notes"), i, note) {
		_cleanup_free_ char *line =
			text_clean(json_string_value(note) ? json_string_value(note) : "?");
		cli_say("%s\n", line ? line : "?");
	}
	if (!devices || !policy) {
		err_set(&c->err, "api.protocol", EPROTO, "carved proposed nothing");
		code = EXIT_FAILED;
	} else if (cli_option_given(c, "write")) {
		code = init_write(c, devices, policy);
	} else if (c->json) {
		code = cli_print_json(reply);
	} else {
		init_print(devices, policy);
	}
	json_decref(reply);
	return code;
}

/* The one device by that name (new reference). */
static int device_find(struct cli *c, const char *name, json_t **ret)
{
	json_t *reply = NULL;
	int r = cli_call(c, "ListDevices", json_pack("{s:s}", "device", name), &reply);
	if (r < 0)
		return r;
	const json_t *devices = json_object_get(reply, "devices");
	if (json_array_size(devices) == 1) {
		*ret = json_incref(json_array_get(devices, 0));
	} else {
		r = err_set(&c->err, "cli.unknown-name", ENOENT, "there is no device %s", name);
		err_because(&c->err, "a device is named by address, interface or key");
		err_state(&c->err, "nothing was changed");
	}
	json_decref(reply);
	return r;
}

/* The line of a device in the file: devices(5). */
static int enroll_line(struct cli *c, const json_t *d, const char *labels, char ret[512])
{
	const char *key = json_string_value(json_object_get(d, "key"));
	const char *vendor = json_string_value(json_object_get(d, "vendor"));
	const char *device = json_string_value(json_object_get(d, "device"));
	const char *serial = json_string_value(json_object_get(d, "serial"));
	bool ids = vendor && device;
	if (key && !strpbrk(key, " \t\n#") &&
	    str_format(ret, 512, "%s %s%s%s %s%s%s%s", key, ids ? vendor : "-", ids ? ":" : "",
		       ids ? device : "", serial ? "serial=" : "-", serial ? serial : "",
		       *labels ? " " : "", labels) >= 0)
		return 0;
	return err_set(&c->err, "api.protocol", EPROTO,
		       "carved gave the device a key that is none");
}

/* Where the line of key begins in text, NULL: it has none. *ret_end is behind its newline. */
static const char *line_find(const char *text, const char *key, const char **ret_end)
{
	for (const char *p = text; p && *p;) {
		const char *newline = strchr(p, '\n');
		const char *end = newline ? newline + 1 : p + strlen(p);
		const char *word = p + strspn(p, " \t");
		const char *rest = str_after(word, key);
		if (rest && (*rest == '\0' || strchr(" \t\r\n#", *rest))) {
			*ret_end = end;
			return p;
		}
		p = end;
	}
	return NULL;
}

static int refuse_vf(struct cli *c, const json_t *d)
{
	if (!json_object_get(d, "pf"))
		return 0;
	err_set(&c->err, "cli.enroll-vf", EINVAL, "%s is a VF; its PF is what is enrolled",
		c->operands[0]);
	err_state(&c->err, "nothing was changed");
	err_todo(&c->err, "carve enroll %s", print_text(d, "pf"));
	return -EINVAL;
}

/* "labels=rack-7,train" of what --label says, "" without. EXIT_OK, or EXIT_USAGE, explained. */
static int labels_word(struct cli *c, char ret[LABELS_WORD_SIZE])
{
	struct str_buf b = { 0 };
	ret[0] = '\0';
	for (size_t i = 0; i < c->n_given; i++) {
		const char *label = c->given[i].value;
		if (!str_eq(c->given[i].option->name, "label"))
			continue;
		if (!policy_name_valid(label)) {
			str_buf_done(&b);
			return cli_usage_error(
				c,
				"\"%.60s\" is no label: up to 48 letters, digits, and "
				". _ - after the first",
				label);
		}
		str_buf_addf(&b, "%s%s", b.len ? "," : "labels=", label);
	}
	_cleanup_free_ char *word = str_buf_take(&b);
	if (word && str_copy(ret, LABELS_WORD_SIZE, word) == 0)
		return EXIT_OK;
	return cli_usage_error(c, "the labels are longer than %d bytes together", LABELS_MAX);
}

/* A line of the file with these labels instead of its own; what it says of the device stays. */
static char *line_relabel(const char *line, const char *end, const char *labels)
{
	struct str_buf b = { 0 };
	size_t n = 0;
	const char *p = line + strspn(line, " \t");
	while (p < end && !strchr("#\n", *p)) {
		size_t len = strcspn(p, " \t#\n");
		if (n++ < 3)
			str_buf_addf(&b, "%s%.*s", n > 1 ? " " : "", (int)len, p);
		p += len + strspn(p + len, " \t");
	}
	for (; n < 3; n++)
		str_buf_add(&b, " -");
	str_buf_addf(&b, " %s", labels);
	if (*p == '#')
		str_buf_addf(&b, " %.*s", (int)strcspn(p, "\n"), p);
	return str_buf_take(&b);
}

static int relabel(struct cli *c, const char *old, const char *begin, const char *end,
		   const char *labels)
{
	_cleanup_free_ char *line = line_relabel(begin, end, labels), *text = NULL;
	if (!line || asprintf(&text, "%.*s%s\n%s", (int)(begin - old), old, line, end) < 0) {
		text = NULL;
		err_set(&c->err, "base.memory", ENOMEM, "out of memory");
		return EXIT_FAILED;
	}
	int r = cli_file_write(c, DEVICES, text, 0644, "");
	if (r < 0)
		return cli_exit_code(&c->err);
	printf("%s\n", line);
	cli_say(r == FILE_CHANGED
			? "%s has these labels now; a policy sees them at the next apply\n"
			: "%s has these labels already\n",
		c->operands[0]);
	return EXIT_OK;
}

static int enroll(struct cli *c, const json_t *d, const char *labels)
{
	char line[512];
	const char *end = NULL;
	_cleanup_free_ char *old = NULL, *text = NULL, *path = cli_file_path(c, DEVICES);
	_cleanup_close_ int lock = -1;
	if (refuse_vf(c, d) < 0 || enroll_line(c, d, labels, line) < 0 ||
	    (lock = cli_file_lock(c, DEVICES)) < 0 || cli_file_read(c, DEVICES, &old) < 0)
		return cli_exit_code(&c->err);
	const char *there = old ? line_find(old, print_text(d, "key"), &end) : NULL;
	if (there && *labels)
		return relabel(c, old, there, end, labels);
	if (there) {
		cli_say("%s is enrolled already\n", c->operands[0]);
		return EXIT_OK;
	}
	size_t len = old ? strlen(old) : 0;
	const char *newline = len > 0 && old[len - 1] != '\n' ? "\n" : "";
	if (asprintf(&text, "%s%s%s\n", old ? old : "", newline, line) < 0)
		text = NULL;
	if (!text || cli_file_write(c, DEVICES, text, 0644, "") < 0)
		return text ? cli_exit_code(&c->err) : EXIT_FAILED;
	printf("%s\n", line);
	cli_say("added to %s\n", path ? path : DEVICES);
	return EXIT_OK;
}

int cli_enroll(struct cli *c)
{
	json_t *device = NULL;
	char labels[LABELS_WORD_SIZE];
	if (cli_option_given(c, "service"))
		return cli_service(c, true);
	int code = labels_word(c, labels);
	if (code != EXIT_OK)
		return code;
	if (device_find(c, c->operands[0], &device) < 0)
		return cli_exit_code(&c->err);
	code = enroll(c, device, labels);
	json_decref(device);
	return code;
}

/* Slices that carve made are given back before their device is let go. */
static int refuse_used(struct cli *c, const char *key)
{
	json_t *reply = NULL;
	int r = cli_call(c, "ListSlices", json_pack("{s:s}", "device", key), &reply);
	if (r < 0)
		return r;
	size_t i;
	json_t *s;
	json_array_foreach(json_object_get(reply, "slices"), i, s) {
		const char *claim = json_string_value(json_object_get(s, "claim"));
		if (!claim || r < 0)
			continue;
		r = err_set(&c->err, "cli.enroll-held", EBUSY, "claim %s holds a slice of %s",
			    claim, c->operands[0]);
		err_because(&c->err, "slice %s is %s", print_text(s, "name"),
			    print_text(s, "state"));
		err_state(&c->err, "nothing was changed");
		err_todo(&c->err, "carve release %s", claim);
	}
	json_decref(reply);
	return r;
}

/* A device that is gone is taken out by its key. */
static int unenroll_key(struct cli *c, char ret[512])
{
	json_t *device = NULL;
	const char *name = c->operands[0];
	if (str_after(name, "pci:") || str_after(name, "sys:"))
		return str_copy(ret, 512, name);
	int r = device_find(c, name, &device);
	if (r < 0)
		return r;
	r = str_copy(ret, 512, print_text(device, "key"));
	json_decref(device);
	return r;
}

static int line_remove(struct cli *c, const char *old, const char *begin, const char *end)
{
	_cleanup_free_ char *text = NULL;
	if (asprintf(&text, "%.*s%s", (int)(begin - old), old, end) < 0)
		return err_set(&c->err, "base.memory", ENOMEM, "out of memory");
	return cli_file_write(c, DEVICES, text, 0644, "");
}

int cli_unenroll(struct cli *c)
{
	char key[512];
	_cleanup_free_ char *old = NULL, *path = cli_file_path(c, DEVICES);
	_cleanup_close_ int lock = -1;
	if (cli_option_given(c, "service"))
		return cli_service(c, false);
	if (unenroll_key(c, key) < 0 || refuse_used(c, key) < 0 ||
	    (lock = cli_file_lock(c, DEVICES)) < 0 || cli_file_read(c, DEVICES, &old) < 0)
		return cli_exit_code(&c->err);
	const char *end = NULL, *begin = old ? line_find(old, key, &end) : NULL;
	if (!begin) {
		cli_say("%s is not enrolled\n", c->operands[0]);
		return EXIT_OK;
	}
	if (line_remove(c, old, begin, end) < 0)
		return cli_exit_code(&c->err);
	cli_say("taken from %s; carve writes to it no more\n", path ? path : DEVICES);
	return EXIT_OK;
}
