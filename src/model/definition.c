/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See definition.h. */
#include "model/definition.h"

#include <errno.h>

#include "base/str.h"

#define START_AUTO "auto"
#define START_MANUAL "manual"

static int damaged(struct err *reterr, const char *path, const char *why)
{
	err_set(reterr, "tool.damaged", EINVAL, "cannot understand the file of another tool");
	err_on(reterr, "%s", path);
	err_because(reterr, "%s", why);
	err_state(reterr, "nothing was changed");
	err_todo(reterr, "mend it, or remove it if nobody needs it");
	return -EINVAL;
}

static int load(const char *text, size_t len, const char *path, json_t **ret, struct err *reterr)
{
	json_error_t e;
	char where[512], why[256];
	*ret = json_loadb(text, len, JSON_REJECT_DUPLICATES, &e);
	if (*ret)
		return 0;
	if (json_error_code(&e) == json_error_out_of_memory)
		return -ENOMEM;
	if (STR_FORMAT(where, "%s:%d:%d", path, e.line, e.column) < 0 ||
	    STR_FORMAT(why, "it is no JSON: %s", e.text) < 0)
		return damaged(reterr, path, "it is no JSON");
	str_clean(why);
	return damaged(reterr, where, why);
}

/* Of a type below mdev_supported_types, or of a driver: never a path. */
static bool name_valid(const char *name, size_t n)
{
	bool good = n > 0 && n < NAME_SIZE && *name != '.';
	for (size_t i = 0; good && i < n; i++)
		good = name[i] > ' ' && name[i] < 0x7f && name[i] != '/';
	return good;
}

static int parse(const json_t *o, const char *path, struct definition *ret, struct err *reterr)
{
	const char *type = json_string_value(json_object_get(o, "mdev_type"));
	const char *start = json_string_value(json_object_get(o, "start"));
	const json_t *attributes = json_object_get(o, "attrs");
	if (!json_is_object(o))
		return damaged(reterr, path, "it is no JSON object");
	if (!type || !name_valid(type, strlen(type)))
		return damaged(reterr, path, "mdev_type must be the name of a type");
	if (!start || (!str_eq(start, START_AUTO) && !str_eq(start, START_MANUAL)))
		return damaged(reterr, path, "start must be \"auto\" or \"manual\"");
	if (attributes && !json_is_array(attributes))
		return damaged(reterr, path, "attrs must be a list");
	ret->starts = str_eq(start, START_AUTO);
	ret->attributes = json_array_size(attributes) > 0;
	return STR_COPY(ret->type, type);
}

int definition_parse(const char *text, size_t len, const char *path, struct definition *ret,
		     struct err *reterr)
{
	json_auto_t *o = NULL;
	struct definition d = { 0 };
	int r = load(text, len, path, &o, reterr);
	if (r >= 0)
		r = parse(o, path, &d, reterr);
	if (r < 0)
		return r;
	*ret = d;
	return 0;
}

static char *dump(const json_t *o)
{
	return o ? json_dumps(o, JSON_INDENT(2)) : NULL;
}

char *definition_make(const char *type)
{
	json_auto_t *o =
		json_pack("{s:s, s:s, s:[]}", "mdev_type", type, "start", START_AUTO, "attrs");
	return dump(o);
}

char *definition_set_starts(const char *text, bool starts)
{
	json_auto_t *o = json_loads(text, 0, NULL);
	if (!o ||
	    json_object_set_new(o, "start", json_string(starts ? START_AUTO : START_MANUAL)) < 0)
		return NULL;
	return dump(o);
}

bool definition_parent_valid(const char *name)
{
	return *name && *name != '.' && !strchr(name, '/') && !str_eq(name, "scripts.d");
}

int override_parse(const char *text, size_t len, const char *path, char ret[NAME_SIZE],
		   struct err *reterr)
{
	size_t n = strcspn(text, "\n");
	if (!name_valid(text, n) || n + (text[n] == '\n') != len)
		return damaged(reterr, path, "it is not the name of a driver on one line");
	memcpy(ret, text, n);
	ret[n] = '\0';
	return 0;
}

const char *override_address(const char *file)
{
	const char *address = str_after(file, "pci-");
	return address && pci_addr_valid(address) ? address : NULL;
}
