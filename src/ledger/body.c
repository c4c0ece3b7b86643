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
	bool later;		    /* may be missing: 0 then */
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
/* Of a row that an older version wrote: 0. */
#define LATER(s, m)                                                                                \
	{                                                                                          \
		MEMBER(s, m), .type = TYPE_UNSIGNED, .later = true                                 \
	}
#define LATER_AS(s, m, t)                                                                          \
	{                                                                                          \
		MEMBER(s, m), .type = (t), .later = true                                           \
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
	{ ITEMS(want, keep), .type = TYPE_TEXT, .later = true },
	{ ITEMS(want, keep_count), .type = TYPE_UNSIGNED, .later = true },
	LATER(want, n_keep),
	{ ITEMS(want, warm), .type = TYPE_UNSIGNED, .later = true },
	{ ITEMS(want, units), .type = TYPE_UNSIGNED, .later = true },
	{ ITEMS(want, services), .type = TYPE_TEXT, .later = true },
	LATER(want, n_services),
	UNSIGNED(want, on_remove_destroy),
	LATER(want, after_use),
	LATER(want, one_tenant),
	END,
};

static const struct field slice_fields[] = {
	BITS(slice, id),
	TEXT(slice, device),
	TEXT(slice, mech),
	TEXT(slice, profile),
	SIGNED(slice, index),
	LATER(slice, start),
	TEXT(slice, uuid),
	NAMED(slice, state, name_of_slice, SLICE_REMOVING + 1),
	UNSIGNED(slice, on_demand),
	LATER(slice, warm),
	LATER(slice, adopted),
	LATER(slice, unproven),
	TEXT(slice, claim),
	UNSIGNED(slice, has_original),
	TEXT(slice, original_driver),
	UNSIGNED(slice, power_pinned),
	UNSIGNED(slice, dirty),
	UNSIGNED(slice, last_uid),
	LATER_AS(slice, last_tenant, TYPE_TEXT),
	LATER(slice, failed),
	TEXT(slice, reason),
	END,
};

static const struct field lease_fields[] = {
	SIGNED(lease, since),
	SIGNED(lease, used),
	UNSIGNED(lease, max),
	UNSIGNED(lease, idle),
	UNSIGNED(lease, in_use),
	UNSIGNED(lease, told),
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
	LATER_AS(claim, tenant, TYPE_TEXT),
	LATER_AS(claim, arrival, TYPE_BITS),
	LATER(claim, preemptible),
	LATER_AS(claim, near, TYPE_TEXT),
	LATER_AS(claim, whole, TYPE_TEXT),
	LATER(claim, parts),
	STRUCT(claim, set, settings_fields),
	SIGNED(claim, created),
	{ MEMBER(claim, lease), .type = TYPE_STRUCT, .fields = lease_fields, .later = true },
	LATER_AS(claim, orphan_end, TYPE_SIGNED),
	LATER_AS(claim, ended, TYPE_TEXT),
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

/* --- writing: by hand, since it is most of what a commit costs besides the disk -------------------- */

static void struct_format(const struct field *fields, const char *object, struct str_buf *b);

static void number_format(int64_t v, struct str_buf *b)
{
	char text[24];
	char *p = text + sizeof(text) - 1;
	uint64_t rest = v < 0 ? -(uint64_t)v : (uint64_t)v;
	*p = '\0';
	do
		*--p = (char)('0' + rest % 10);
	while (rest /= 10);
	if (v < 0)
		*--p = '-';
	str_buf_add(b, p);
}

static bool is_plain(const char *text)
{
	for (; *text; text++)
		if ((unsigned char)*text < 0x20 || (unsigned char)*text > 0x7e || *text == '"' ||
		    *text == '\\')
			return false;
	return true;
}

/* What is not UTF-8 could not be read back, and would keep all else from being recorded. */
static json_t *clean_text(const char *text)
{
	_cleanup_free_ char *copy = strdup(text);
	if (!copy)
		return NULL;
	str_clean(copy);
	return json_string(copy);
}

static void odd_text_format(const char *text, struct str_buf *b)
{
	json_auto_t *json = json_string(text);
	if (!json)
		json = clean_text(text);
	_cleanup_free_ char *quoted = json ? json_dumps(json, JSON_ENCODE_ANY) : NULL;
	if (quoted)
		str_buf_add(b, quoted);
	else
		b->failed = true;
}

static void text_format(const char *text, struct str_buf *b)
{
	if (!is_plain(text)) {
		odd_text_format(text, b);
		return;
	}
	str_buf_add(b, "\"");
	str_buf_add(b, text);
	str_buf_add(b, "\"");
}

static void bytes_format(const uint8_t *p, size_t n, struct str_buf *b)
{
	static const char digits[] = "0123456789abcdef";
	str_buf_add(b, "\"");
	for (size_t i = 0; i < n; i++) {
		const char text[] = { digits[p[i] >> 4], digits[p[i] & 15], '\0' };
		str_buf_add(b, text);
	}
	str_buf_add(b, "\"");
}

static void value_format(const struct field *f, const char *p, struct str_buf *b)
{
	switch (f->type) {
	case TYPE_TEXT:
		text_format(p, b);
		break;
	case TYPE_UNSIGNED:
	case TYPE_BITS:
		number_format((int64_t)bits_get(p, f->size), b);
		break;
	case TYPE_SIGNED:
		number_format(signed_get(p, f->size), b);
		break;
	case TYPE_NAME:
		text_format(f->name_of((unsigned)bits_get(p, f->size)), b);
		break;
	case TYPE_BYTES:
		bytes_format((const uint8_t *)p, f->size, b);
		break;
	case TYPE_STRUCT:
		struct_format(f->fields, p, b);
		break;
	}
}

static void field_format(const struct field *f, const char *object, struct str_buf *b)
{
	if (f->n == 0) {
		value_format(f, object + f->offset, b);
		return;
	}
	for (size_t i = 0; i < f->n; i++) {
		str_buf_add(b, i ? "," : "[");
		value_format(f, object + f->offset + i * f->size, b);
	}
	str_buf_add(b, "]");
}

static void struct_format(const struct field *fields, const char *object, struct str_buf *b)
{
	for (const struct field *f = fields; f->name; f++) {
		str_buf_add(b, f == fields ? "{\"" : ",\"");
		str_buf_add(b, f->name);
		str_buf_add(b, "\":");
		field_format(f, object, b);
	}
	str_buf_add(b, "}");
}

char *body_format(enum body_kind kind, const void *object)
{
	struct str_buf b = { 0 };
	struct_format(bodies[kind].fields, object, &b);
	return str_buf_take(&b);
}

/* --- reading ----------------------------------------------------------------------------------- */

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
		const json_t *member = json_object_get(json, f->name);
		if (!member && f->later)
			continue;
		int r = field_parse(f, member, object, ret_wrong);
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
