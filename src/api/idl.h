/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Varlink interface descriptions as data: parsed once, then used to check what a caller sends against
 * what the interface promises, so that no handler has to.
 */
#pragma once
#include "base/err.h"

enum idl_kind {
	IDL_BOOL,
	IDL_INT,
	IDL_FLOAT,
	IDL_STRING,
	IDL_OBJECT,
	IDL_NAMED, /* name: a type of the interface */
	IDL_STRUCT,
	IDL_ENUM,  /* fields carry only names */
	IDL_ARRAY, /* of fields[0].type */
	IDL_MAP,   /* string to fields[0].type */
};
struct idl_field;
struct idl_type {
	enum idl_kind kind;
	bool maybe;
	char *name;
	struct idl_field *fields;
	size_t n_fields;
};
struct idl_field {
	char *name;
	struct idl_type type;
};
enum idl_member_kind {
	IDL_TYPE,
	IDL_METHOD,
	IDL_ERROR
};
struct idl_member {
	enum idl_member_kind kind;
	char *name;
	struct idl_type in;  /* type, parameters of a method, of an error */
	struct idl_type out; /* reply of a method */
};
struct idl {
	char *name;
	struct idl_member *members;
	size_t n_members;
};

/* NULL with reterr filled (api.interface, with the line). */
struct idl *idl_parse(const char *text, struct err *reterr);
struct idl *idl_free(struct idl *idl);
static inline void idl_freep(struct idl **idl)
{
	idl_free(*idl);
}
const struct idl_member *idl_find(const struct idl *idl, enum idl_member_kind kind,
				  const char *name);
/* Is value of that type? Unknown members of a struct are wrong, too; null stands for absent.
 * On false, ret_where (borrowed from value or type) names the member that is wrong. */
bool idl_check(const struct idl *idl, const struct idl_type *type, const json_t *value,
	       const char **ret_where);
