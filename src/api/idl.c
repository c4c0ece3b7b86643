/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See idl.h. The grammar is that of varlink.org/Interface-Definition. */
#include "api/idl.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "base/str.h"

#define DEPTH_MAX 16

struct reader {
	const char *at;
	const char *text;
	struct err *reterr;
};

static int refuse(const struct reader *r, const char *expected)
{
	int line = 1;
	for (const char *p = r->text; p < r->at; p++)
		line += *p == '\n';
	err_set(r->reterr, "api.interface", EINVAL, "cannot read the interface description");
	err_on(r->reterr, "line %d", line);
	err_because(r->reterr, "expected %s", expected);
	return -EINVAL;
}

static void skip_blank(struct reader *r)
{
	for (;;) {
		r->at += strspn(r->at, " \t\r\n");
		if (*r->at != '#')
			return;
		r->at += strcspn(r->at, "\n");
	}
}

static bool take(struct reader *r, const char *token)
{
	skip_blank(r);
	const char *rest = str_after(r->at, token);
	if (!rest)
		return false;
	r->at = rest;
	return true;
}

static int take_name(struct reader *r, char **ret)
{
	skip_blank(r);
	size_t n = 0;
	while (isalnum((unsigned char)r->at[n]) || r->at[n] == '_' || r->at[n] == '.' ||
	       r->at[n] == '-')
		n++;
	if (n == 0)
		return refuse(r, "a name");
	*ret = strndup(r->at, n);
	if (!*ret)
		return -ENOMEM;
	r->at += n;
	return 0;
}

static void type_done(struct idl_type *t)
{
	for (size_t i = 0; i < t->n_fields; i++) {
		free(t->fields[i].name);
		type_done(&t->fields[i].type);
	}
	free(t->fields);
	free(t->name);
	*t = (struct idl_type){ 0 };
}

static struct idl_field *add_field(struct idl_type *t)
{
	return ARRAY_ADD(t->fields, t->n_fields);
}

static int read_type(struct reader *r, struct idl_type *t, int depth);

/* "(a: type, b: type)", or "(a, b)" of an enum. */
static int read_struct(struct reader *r, struct idl_type *t, int depth)
{
	t->kind = IDL_STRUCT;
	if (!take(r, "("))
		return refuse(r, "(");
	if (take(r, ")"))
		return 0;
	do {
		struct idl_field *f = add_field(t);
		if (!f)
			return -ENOMEM;
		int k = take_name(r, &f->name);
		if (k < 0)
			return k;
		if (take(r, ":"))
			k = read_type(r, &f->type, depth + 1);
		else
			t->kind = IDL_ENUM;
		if (k < 0)
			return k;
	} while (take(r, ","));
	return take(r, ")") ? 0 : refuse(r, ")");
}

static int read_word(struct reader *r, struct idl_type *t)
{
	static const char *const words[] = {
		[IDL_BOOL] = "bool",	 [IDL_INT] = "int",	  [IDL_FLOAT] = "float",
		[IDL_STRING] = "string", [IDL_OBJECT] = "object",
	};
	int k = take_name(r, &t->name);
	if (k < 0)
		return k;
	t->kind = IDL_NAMED;
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (str_eq(words[i], t->name))
			t->kind = (enum idl_kind)i;
	return 0;
}

static int read_element(struct reader *r, struct idl_type *t, enum idl_kind kind, int depth)
{
	t->kind = kind;
	struct idl_field *f = add_field(t);
	return f ? read_type(r, &f->type, depth + 1) : -ENOMEM;
}

static int read_type(struct reader *r, struct idl_type *t, int depth)
{
	if (depth > DEPTH_MAX)
		return refuse(r, "fewer levels");
	t->maybe = take(r, "?");
	if (take(r, "[]"))
		return read_element(r, t, IDL_ARRAY, depth);
	if (take(r, "[string]"))
		return read_element(r, t, IDL_MAP, depth);
	skip_blank(r);
	return *r->at == '(' ? read_struct(r, t, depth) : read_word(r, t);
}

static int read_member(struct reader *r, struct idl_member *m)
{
	if (take(r, "type"))
		m->kind = IDL_TYPE;
	else if (take(r, "method"))
		m->kind = IDL_METHOD;
	else if (take(r, "error"))
		m->kind = IDL_ERROR;
	else
		return refuse(r, "type, method or error");
	int k = take_name(r, &m->name);
	if (k >= 0)
		k = read_struct(r, &m->in, 0);
	if (k < 0 || m->kind != IDL_METHOD)
		return k;
	return take(r, "->") ? read_struct(r, &m->out, 0) : refuse(r, "->");
}

/* Types, methods and errors of an interface share their names. */
static bool is_duplicate(const struct idl *idl)
{
	const struct idl_member *last = &idl->members[idl->n_members - 1];
	for (size_t i = 0; i + 1 < idl->n_members; i++)
		if (str_eq(idl->members[i].name, last->name))
			return true;
	return false;
}

static int read_interface(struct reader *r, struct idl *idl)
{
	if (!take(r, "interface"))
		return refuse(r, "interface");
	int k = take_name(r, &idl->name);
	for (skip_blank(r); k >= 0 && *r->at; skip_blank(r)) {
		struct idl_member *m = ARRAY_ADD(idl->members, idl->n_members);
		if (!m)
			return -ENOMEM;
		k = read_member(r, m);
		if (k >= 0 && is_duplicate(idl))
			k = refuse(r, "a name that is not there already");
	}
	return k;
}

struct idl *idl_parse(const char *text, struct err *reterr)
{
	struct reader r = { .at = text, .text = text, .reterr = reterr };
	struct idl *idl = calloc(1, sizeof(*idl));
	if (idl && read_interface(&r, idl) >= 0)
		return idl;
	err_set(reterr, "base.memory", ENOMEM, "cannot read the interface description");
	return idl_free(idl);
}

struct idl *idl_free(struct idl *idl)
{
	if (!idl)
		return NULL;
	for (size_t i = 0; i < idl->n_members; i++) {
		free(idl->members[i].name);
		type_done(&idl->members[i].in);
		type_done(&idl->members[i].out);
	}
	free(idl->members);
	free(idl->name);
	free(idl);
	return NULL;
}

const struct idl_member *idl_find(const struct idl *idl, enum idl_member_kind kind,
				  const char *name)
{
	for (size_t i = 0; i < idl->n_members; i++)
		if (idl->members[i].kind == kind && str_eq(idl->members[i].name, name))
			return &idl->members[i];
	return NULL;
}

static const struct idl_field *field_find(const struct idl_type *t, const char *name)
{
	for (size_t i = 0; i < t->n_fields; i++)
		if (str_eq(t->fields[i].name, name))
			return &t->fields[i];
	return NULL;
}

static bool check_value(const struct idl *idl, const struct idl_type *t, const json_t *value,
			const char **where, int depth);

static bool check_struct(const struct idl *idl, const struct idl_type *t, const json_t *value,
			 const char **where, int depth)
{
	if (!json_is_object(value))
		return false;
	const char *key;
	json_t *member;
	json_object_foreach((json_t *)value, key, member) {
		if (field_find(t, key))
			continue;
		*where = key;
		return false;
	}
	for (size_t i = 0; i < t->n_fields; i++) {
		const struct idl_field *f = &t->fields[i];
		const char *inner = f->name;
		if (check_value(idl, &f->type, json_object_get(value, f->name), &inner, depth + 1))
			continue;
		*where = inner;
		return false;
	}
	return true;
}

static bool check_elements(const struct idl *idl, const struct idl_type *t, const json_t *value,
			   const char **where, int depth)
{
	const struct idl_type *element = &t->fields[0].type;
	if (t->kind == IDL_ARRAY) {
		for (size_t i = 0; i < json_array_size(value); i++)
			if (!check_value(idl, element, json_array_get(value, i), where, depth + 1))
				return false;
		return json_is_array(value);
	}
	const char *key;
	json_t *member;
	json_object_foreach((json_t *)value, key, member)
		if (!check_value(idl, element, member, where, depth + 1))
			return false;
	return json_is_object(value);
}

static bool check_named(const struct idl *idl, const struct idl_type *t, const json_t *value,
			const char **where, int depth)
{
	const struct idl_member *m = idl_find(idl, IDL_TYPE, t->name);
	return m && check_value(idl, &m->in, value, where, depth + 1);
}

static bool check_value(const struct idl *idl, const struct idl_type *t, const json_t *value,
			const char **where, int depth)
{
	if (!value || json_is_null(value))
		return t->maybe;
	if (depth > DEPTH_MAX)
		return false;
	switch (t->kind) {
	case IDL_BOOL:
		return json_is_boolean(value);
	case IDL_INT:
		return json_is_integer(value);
	case IDL_FLOAT:
		return json_is_number(value);
	case IDL_STRING:
		return json_is_string(value);
	case IDL_OBJECT:
		return json_is_object(value);
	case IDL_ENUM:
		return json_is_string(value) && field_find(t, json_string_value(value));
	case IDL_NAMED:
		return check_named(idl, t, value, where, depth);
	case IDL_STRUCT:
		return check_struct(idl, t, value, where, depth);
	case IDL_ARRAY:
	case IDL_MAP:
		return check_elements(idl, t, value, where, depth);
	}
	return false;
}

bool idl_check(const struct idl *idl, const struct idl_type *type, const json_t *value,
	       const char **ret_where)
{
	const char *where = "";
	if (check_value(idl, type, value, &where, 0))
		return true;
	*ret_where = where;
	return false;
}
