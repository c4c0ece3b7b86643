/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * See body.h. One table per structure drives both directions. Enumerations are written by name, so
 * that a changed order of members in a later version does not change what an old record says.
 */
#include "ledger/body.h"

#include <errno.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/str.h"

enum type {
	TYPE_TEXT,
	TYPE_UNSIGNED,
	TYPE_SIGNED,
	TYPE_BITS, /* 64 bits, written as the signed number with the same bits */
	TYPE_NAME, /* enumeration, by its name */
	TYPE_BYTES,
	TYPE_STRUCT,
};

struct field {
	const char *name;
	enum type type;
	size_t offset, size; /* of one element */
	size_t n;	     /* elements; 0: not an array */
	const char *(*name_of)(unsigned value);
	unsigned n_names;
	const struct field *fields; /* of a struct; ends with a NULL name */
};

static const char *name_of_slice(unsigned v)
{
	return slice_state_name((enum slice_state)v);
}

static const char *name_of_claim(unsigned v)
{
	return claim_state_name((enum claim_state)v);
}

static const char *name_of_kind(unsigned v)
{
	return v == CLAIM_RESERVED ? "reserved" : "running";
}

static const char *name_of_verb(unsigned v)
{
	return verb_name((enum verb)v);
}

#define MEMBER(s, m) .name = #m, .offset = offsetof(struct s, m), .size = sizeof(((struct s *)0)->m)
#define ITEMS(s, m)                                                                                \
	.name = #m, .offset = offsetof(struct s, m), .size = sizeof(((struct s *)0)->m[0]),        \
	.n = sizeof(((struct s *)0)->m) / sizeof(((struct s *)0)->m[0])
#define TEXT(s, m)                                                                                 \
	{                                                                                          \
		MEMBER(s, m), .type = TYPE_TEXT                                                    \
	}
#define UNSIGNED(s, m)                                                                             \
	{                                                                                          \
		MEMBER(s, m), .type = TYPE_UNSIGNED                                                \
	}
#define SIGNED(s, m)                                                                               \
	{                                                                                          \
		MEMBER(s, m), .type = TYPE_SIGNED                                                  \
	}
#define BITS(s, m)                                                                                 \
	{                                                                                          \
		MEMBER(s, m), .type = TYPE_BITS                                                    \
	}
#define NAMED(s, m, f, count)                                                                      \
	{                                                                                          \
		MEMBER(s, m), .type = TYPE_NAME, .name_of = (f), .n_names = (count)                \
	}
#define STRUCT(s, m, f)                                                                            \
	{                                                                                          \
		MEMBER(s, m), .type = TYPE_STRUCT, .fields = (f)                                   \
	}
#define END                                                                                        \
	{                                                                                          \
		.name = NULL                                                                       \
	}

static const struct field settings_fields[] = {
	UNSIGNED(vf_settings, set),	 { MEMBER(vf_settings, mac), .type = TYPE_BYTES },
	UNSIGNED(vf_settings, spoofchk), UNSIGNED(vf_settings, trust),
	UNSIGNED(vf_settings, vlan),	 UNSIGNED(vf_settings, qos),
	UNSIGNED(vf_settings, link),	 UNSIGNED(vf_settings, min_rate),
	UNSIGNED(vf_settings, max_rate), END,
};

static const struct field want_fields[] = {
	TEXT(want, device),
	UNSIGNED(want, vendor),
	UNSIGNED(want, device_id),
	UNSIGNED(want, has_serial),
	BITS(want, serial),
	TEXT(want, selection),
	TEXT(want, where),
	TEXT(want, mech),
	UNSIGNED(want, count),
	UNSIGNED(want, in_use_pf),
	UNSIGNED(want, bind_early),
	STRUCT(want, vf, settings_fields),
	{ ITEMS(want, types), .type = TYPE_TEXT },
	{ ITEMS(want, type_count), .type = TYPE_UNSIGNED },
	UNSIGNED(want, n_types),
	UNSIGNED(want, on_remove_destroy),
	END,
};

static const struct field slice_fields[] = {
	BITS(slice, id),
	TEXT(slice, device),
	TEXT(slice, mech),
	TEXT(slice, profile),
	SIGNED(slice, index),
	TEXT(slice, uuid),
	NAMED(slice, state, name_of_slice, SLICE_REMOVING + 1),
	UNSIGNED(slice, on_demand),
	TEXT(slice, claim),
	UNSIGNED(slice, has_original),
	TEXT(slice, original_driver),
	UNSIGNED(slice, dirty),
	UNSIGNED(slice, last_uid),
	TEXT(slice, reason),
	END,
};

static const struct field claim_fields[] = {
	TEXT(claim, name),
	TEXT(claim, class),
	BITS(claim, slice),
	NAMED(claim, kind, name_of_kind, CLAIM_RESERVED + 1),
	NAMED(claim, state, name_of_claim, CLAIM_BROKEN + 1),
	UNSIGNED(claim, uid),
	UNSIGNED(claim, gid),
	UNSIGNED(claim, grant_uid),
	UNSIGNED(claim, grant_gid),
	TEXT(claim, owner),
	SIGNED(claim, pid),
	BITS(claim, pid_start),
	TEXT(claim, boot_id),
	UNSIGNED(claim, from_policy),
	STRUCT(claim, set, settings_fields),
	SIGNED(claim, created),
	TEXT(claim, reason),
	END,
};

static const struct field target_fields[] = {
	TEXT(target, device),
	SIGNED(target, vf),
	TEXT(target, uuid),
	END,
};

static const struct field step_fields[] = {
	BITS(step, id),
	NAMED(step, verb, name_of_verb, VERB_COUNT),
	UNSIGNED(step, deadline_ms),
	STRUCT(step, target, target_fields),
	UNSIGNED(step, check_only),
	UNSIGNED(step, flag),
	UNSIGNED(step, allow),
	UNSIGNED(step, number),
	UNSIGNED(step, number2),
	STRUCT(step, vf, settings_fields),
	TEXT(step, text),
	END,
};

static const struct {
	const struct field *fields;
	size_t size;
} bodies[] = {
	[BODY_WANT] = { want_fields, sizeof(struct want) },
	[BODY_SLICE] = { slice_fields, sizeof(struct slice) },
	[BODY_CLAIM] = { claim_fields, sizeof(struct claim) },
	[BODY_STEP] = { step_fields, sizeof(struct step) },
};

size_t body_size(enum body_kind kind)
{
	return bodies[kind].size;
}

static uint64_t bits_get(const void *p, size_t size)
{
	uint64_t v = 0;
	memcpy(&v, p, size); /* little-endian and big-endian hosts: widened below */
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
	v >>= 64 - 8 * size;
#endif
	return v;
}

static void bits_put(void *p, size_t size, uint64_t v)
{
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
	v <<= 64 - 8 * size;
#endif
	memcpy(p, &v, size);
}

static int64_t signed_get(const void *p, size_t size)
{
	unsigned shift = 64 - 8 * (unsigned)size;
	return (int64_t)(bits_get(p, size) << shift) >> shift;
}

static json_t *struct_format(const struct field *fields, const char *object);

static json_t *bytes_format(const uint8_t *p, size_t n)
{
	char text[2 * 16 + 1] = "";
	for (size_t i = 0; i < n && i < 16; i++)
		snprintf(text + 2 * i, 3, "%02x", p[i]);
	return json_string(text);
}

static json_t *value_format(const struct field *f, const char *p)
{
	switch (f->type) {
	case TYPE_TEXT:
		return json_string_nocheck(p);
	case TYPE_UNSIGNED:
	case TYPE_BITS:
		return json_integer((json_int_t)bits_get(p, f->size));
	case TYPE_SIGNED:
		return json_integer(signed_get(p, f->size));
	case TYPE_NAME:
		return json_string(f->name_of((unsigned)bits_get(p, f->size)));
	case TYPE_BYTES:
		return bytes_format((const uint8_t *)p, f->size);
	case TYPE_STRUCT:
		return struct_format(f->fields, p);
	}
	return NULL;
}

static json_t *field_format(const struct field *f, const char *object)
{
	if (f->n == 0)
		return value_format(f, object + f->offset);
	json_t *array = json_array();
	for (size_t i = 0; i < f->n; i++)
		if (json_array_append_new(array,
					  value_format(f, object + f->offset + i * f->size)) < 0) {
			json_decref(array);
			return NULL;
		}
	return array;
}

static json_t *struct_format(const struct field *fields, const char *object)
{
	json_t *json = json_object();
	for (const struct field *f = fields; f->name; f++)
		if (json_object_set_new(json, f->name, field_format(f, object)) < 0) {
			json_decref(json);
			return NULL;
		}
	return json;
}

char *body_format(enum body_kind kind, const void *object)
{
	json_t *json = struct_format(bodies[kind].fields, object);
	char *text = json ? json_dumps(json, JSON_COMPACT) : NULL;
	json_decref(json);
	return text;
}

static int struct_parse(const struct field *fields, const json_t *json, char *object,
			const char **ret_wrong);

static int text_parse(const struct field *f, const json_t *json, char *p)
{
	const char *text = json_string_value(json);
	if (!text || strlen(text) != json_string_length(json))
		return -EBADMSG;
	return str_copy(p, f->size, text) < 0 ? -EBADMSG : 0;
}

static int integer_parse(const struct field *f, const json_t *json, char *p)
{
	if (!json_is_integer(json))
		return -EBADMSG;
	json_int_t v = json_integer_value(json);
	unsigned bits = 8 * (unsigned)f->size;
	if (f->type == TYPE_UNSIGNED && (v < 0 || (bits < 64 && v >> bits)))
		return -EBADMSG;
	if (f->type == TYPE_SIGNED && bits < 64 &&
	    (v < -((json_int_t)1 << (bits - 1)) || v >= (json_int_t)1 << (bits - 1)))
		return -EBADMSG;
	bits_put(p, f->size, (uint64_t)v);
	return 0;
}

static int name_parse(const struct field *f, const json_t *json, char *p)
{
	const char *text = json_string_value(json);
	for (unsigned i = 0; text && i < f->n_names; i++)
		if (str_eq(text, f->name_of(i))) {
			bits_put(p, f->size, i);
			return 0;
		}
	return -EBADMSG;
}

static int digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static int bytes_parse(const struct field *f, const json_t *json, char *p)
{
	const char *text = json_string_value(json);
	if (!text || strlen(text) != 2 * f->size)
		return -EBADMSG;
	for (size_t i = 0; i < f->size; i++) {
		int high = digit(text[2 * i]), low = digit(text[2 * i + 1]);
		if (high < 0 || low < 0)
			return -EBADMSG;
		p[i] = (char)(high << 4 | low);
	}
	return 0;
}

static int value_parse(const struct field *f, const json_t *json, char *p, const char **ret_wrong)
{
	switch (f->type) {
	case TYPE_TEXT:
		return text_parse(f, json, p);
	case TYPE_UNSIGNED:
	case TYPE_BITS:
	case TYPE_SIGNED:
		return integer_parse(f, json, p);
	case TYPE_NAME:
		return name_parse(f, json, p);
	case TYPE_BYTES:
		return bytes_parse(f, json, p);
	case TYPE_STRUCT:
		return struct_parse(f->fields, json, p, ret_wrong);
	}
	return -EBADMSG;
}

static int field_parse(const struct field *f, const json_t *json, char *object,
		       const char **ret_wrong)
{
	if (f->n == 0)
		return value_parse(f, json, object + f->offset, ret_wrong);
	if (json_array_size(json) != f->n)
		return -EBADMSG;
	for (size_t i = 0; i < f->n; i++) {
		int r = value_parse(f, json_array_get(json, i), object + f->offset + i * f->size,
				    ret_wrong);
		if (r < 0)
			return r;
	}
	return 0;
}

static int struct_parse(const struct field *fields, const json_t *json, char *object,
			const char **ret_wrong)
{
	for (const struct field *f = fields; f->name; f++) {
		int r = field_parse(f, json_object_get(json, f->name), object, ret_wrong);
		if (r < 0) {
			if (!*ret_wrong)
				*ret_wrong = f->name;
			return r;
		}
	}
	return 0;
}

int body_parse(enum body_kind kind, const char *text, void *ret, struct err *reterr)
{
	json_error_t why;
	json_auto_t *json = json_loads(text, JSON_REJECT_DUPLICATES, &why);
	if (!json)
		return err_set(reterr, "ledger.row", EBADMSG, "a row is no JSON: %s", why.text);

	_cleanup_free_ char *object = calloc(1, body_size(kind));
	if (!object)
		return -ENOMEM;
	const char *wrong = NULL;
	int r = struct_parse(bodies[kind].fields, json, object, &wrong);
	if (r < 0)
		return err_set(reterr, "ledger.row", EBADMSG, "\"%s\" of a row is missing or wrong",
			       wrong);
	memcpy(ret, object, body_size(kind));
	return 0;
}
