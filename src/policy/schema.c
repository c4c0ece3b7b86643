/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The JSON schema of a language, from the option tables that the loader validates by. */
#include <jansson.h>

#include "base/str.h"
#include "policy/option.h"
#include "policy/value.h"

#define TABLE_DEPTH_MAX 8

/* Tables that contain themselves are described once, under $defs; "match" is one of them. */
static json_t *map_schema(const struct policy_option *table, json_t *defs);

static json_t *words_schema(const char *const *words)
{
	json_t *list = json_array();
	for (; *words; words++)
		json_array_append_new(list, json_string(*words));
	return json_pack("{s:o}", "enum", list);
}

static json_t *text_schema(const struct policy_option *o)
{
	json_t *s = json_pack("{s:s}", "type", "string");
	const char *regex = o->form ? o->form->regex : policy_kind_regex(o->kind);
	if (regex)
		json_object_set_new(s, "pattern", json_string(regex));
	else
		json_object_set_new(s, "minLength", json_integer(1));
	if (o->max)
		json_object_set_new(s, "maxLength", json_integer((json_int_t)o->max));
	else if (!o->test && !o->store && o->size)
		json_object_set_new(s, "maxLength", json_integer((json_int_t)o->size - 1));
	return s;
}

static json_t *number_schema(const struct policy_option *o)
{
	return json_pack("{s:s, s:I, s:I}", "type", "integer", "minimum", (json_int_t)o->min,
			 "maximum", (json_int_t)o->max);
}

static json_t *vlans_schema(void)
{
	return json_pack("{s:[{s:s}, {s:s, s:i, s:i}, {s:s, s:s}]}", "anyOf", "type", "boolean",
			 "type", "integer", "minimum", 1, "maximum", 4094, "type", "string",
			 "pattern", policy_kind_regex(OPTION_VLANS));
}

static json_t *value_schema(const struct policy_option *o)
{
	switch (o->kind) {
	case OPTION_NUMBER:
	case OPTION_COUNTS:
		return number_schema(o);
	case OPTION_BOOL:
		return json_pack("{s:s}", "type", "boolean");
	case OPTION_WORD:
		return words_schema(o->words);
	case OPTION_VLANS:
		return vlans_schema();
	case OPTION_RATE:
		return json_pack("{s:[{s:s}, o]}", "anyOf", "type", "boolean", number_schema(o));
	case OPTION_NAME:
	case OPTION_TEXT:
	case OPTION_ID:
	case OPTION_ADDRESS:
	case OPTION_MAC:
	case OPTION_KEY:
		return text_schema(o);
	case OPTION_SIZE:
	case OPTION_DURATION:
		return json_pack("{s:s, s:s}", "type", "string", "pattern",
				 policy_kind_regex(o->kind));
	case OPTION_MAP:
	case OPTION_NAMED:
	case OPTION_LIST:
	case OPTION_MATCH:
	case OPTION_MATCHES:
	case OPTION_LATER:
		break;
	}
	return json_object();
}

static json_t *list_schema(json_t *items, size_t least, size_t most)
{
	return json_pack("{s:s, s:o, s:I, s:I}", "type", "array", "items", items, "minItems",
			 (json_int_t)least, "maxItems", (json_int_t)most);
}

static json_t *names_schema(const struct policy_option *o, json_t *values)
{
	return json_pack("{s:s, s:{s:s}, s:o, s:I}", "type", "object", "propertyNames", "pattern",
			 o->form ? o->form->regex : policy_kind_regex(OPTION_NAME),
			 "additionalProperties", values, "maxProperties", (json_int_t)o->most);
}

/* Is table among those that from contains, however deep? */
static bool table_within(const struct policy_option *table, const struct policy_option *from,
			 unsigned depth)
{
	for (; depth < TABLE_DEPTH_MAX && from->key; from++)
		if (from->children &&
		    (from->children == table || table_within(table, from->children, depth + 1)))
			return true;
	return false;
}

static json_t *reference_schema(const char *name, const struct policy_option *table, json_t *defs)
{
	char reference[64];
	(void)STR_FORMAT(reference, "#/$defs/%s", name);
	if (!json_object_get(defs, name)) {
		json_object_set_new(defs, name, json_null()); /* under way */
		json_object_set_new(defs, name, map_schema(table, defs));
	}
	return json_pack("{s:s}", "$ref", reference);
}

static json_t *children_schema(const struct policy_option *o, json_t *defs)
{
	if (table_within(o->children, o->children, 0))
		return reference_schema(o->key, o->children, defs);
	return map_schema(o->children, defs);
}

static json_t *match_schema(json_t *defs)
{
	json_t *reference = reference_schema("match", policy_match_options, defs);
	json_t *match = json_object_get(defs, "match");
	if (json_is_object(match))
		json_object_set_new(match, "minProperties", json_integer(1));
	return reference;
}

static json_t *option_schema(const struct policy_option *o, json_t *defs)
{
	switch (o->kind) {
	case OPTION_MAP:
		return children_schema(o, defs);
	case OPTION_NAMED:
		return names_schema(o, children_schema(o, defs));
	case OPTION_COUNTS:
		return names_schema(o, number_schema(o));
	case OPTION_LIST:
		return list_schema(children_schema(o, defs), 0, o->most);
	case OPTION_MATCH:
		return match_schema(defs);
	case OPTION_MATCHES:
		return list_schema(match_schema(defs), 1, o->most);
	case OPTION_NAME:
	case OPTION_TEXT:
	case OPTION_NUMBER:
	case OPTION_BOOL:
	case OPTION_WORD:
	case OPTION_ID:
	case OPTION_ADDRESS:
	case OPTION_MAC:
	case OPTION_KEY:
	case OPTION_VLANS:
	case OPTION_RATE:
	case OPTION_SIZE:
	case OPTION_DURATION:
	case OPTION_LATER:
		break;
	}
	if (!o->many)
		return value_schema(o);
	return json_pack("{s:[o, o]}", "anyOf", value_schema(o),
			 list_schema(value_schema(o), 1, o->most));
}

static json_t *map_schema(const struct policy_option *table, json_t *defs)
{
	json_t *properties = json_object(), *required = json_array();
	for (const struct policy_option *o = table; o->key; o++) {
		if (o->kind == OPTION_LATER)
			continue;
		json_t *s = option_schema(o, defs);
		if (o->help)
			json_object_set_new(s, "description", json_string(o->help));
		json_object_set_new(properties, o->key, s);
		if (o->required)
			json_array_append_new(required, json_string(o->key));
	}
	json_t *map = json_pack("{s:s, s:b, s:o}", "type", "object", "additionalProperties", 0,
				"properties", properties);
	if (json_array_size(required) > 0)
		json_object_set(map, "required", required);
	json_decref(required);
	return map;
}

char *policy_language_schema(const struct policy_language *language)
{
	json_t *defs = json_object();
	json_t *root = map_schema(language->options, defs);
	if (!root) {
		json_decref(defs);
		return NULL;
	}
	json_object_set_new(root, "$schema",
			    json_string("https://json-schema.org/draft/2020-12/schema"));
	json_object_set_new(root, "title", json_string(language->title));
	if (json_object_size(defs) > 0)
		json_object_set(root, "$defs", defs);
	json_decref(defs);
	char *text = json_dumps(root, JSON_INDENT(2) | JSON_SORT_KEYS);
	json_decref(root);
	return text;
}

char *policy_schema(void)
{
	return policy_language_schema(&policy_language);
}
