/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * See body.h. The tables of model/fields.h drive both directions. Enumerations are written by name, so
 * that a changed order of members in a later version does not change what an old record says.
 */
#include "ledger/body.h"

#include <errno.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/str.h"

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

char *body_format(enum fields_of kind, const void *object)
{
	struct str_buf b = { 0 };
	struct_format(fields_of(kind), object, &b);
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

int body_parse(enum fields_of kind, const char *text, void *ret, struct err *reterr)
{
	json_error_t why;
	json_auto_t *json = json_loads(text, JSON_REJECT_DUPLICATES, &why);
	if (!json)
		return err_set(reterr, "ledger.row", EBADMSG, "a row is no JSON: %s", why.text);

	_cleanup_free_ char *object = calloc(1, fields_size(kind));
	if (!object)
		return -ENOMEM;
	const char *wrong = NULL;
	int r = struct_parse(fields_of(kind), json, object, &wrong);
	if (r < 0)
		return err_set(reterr, "ledger.row", EBADMSG, "\"%s\" of a row is missing or wrong",
			       wrong);
	memcpy(ret, object, fields_size(kind));
	return 0;
}
