/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The JSON schema of policy files, from the option table that the loader validates by. */
#include <jansson.h>

#include "policy/option.h"
#include "policy/value.h"

static json_t *map_schema(const struct policy_option *table);

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
	const char *regex = policy_kind_regex(o->kind);
	if (regex)
		json_object_set_new(s, "pattern", json_string(regex));
	else
		json_object_set_new(s, "minLength", json_integer(1));
	if (!o->test && o->size)
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
			 policy_kind_regex(OPTION_NAME), "additionalProperties", values,
			 "maxProperties", (json_int_t)o->most);
}

static json_t *match_schema(void)
{
	return json_pack("{s:s}", "$ref", "#/$defs/match");
}

static json_t *option_schema(const struct policy_option *o)
{
	switch (o->kind) {
	case OPTION_MAP:
		return map_schema(o->children);
	case OPTION_NAMED:
		return names_schema(o, map_schema(o->children));
	case OPTION_COUNTS:
		return names_schema(o, number_schema(o));
	case OPTION_LIST:
		return list_schema(map_schema(o->children), 0, o->most);
	case OPTION_MATCH:
		return match_schema();
	case OPTION_MATCHES:
		return list_schema(match_schema(), 1, o->most);
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
	case OPTION_LATER:
		break;
	}
	if (!o->many)
		return value_schema(o);
	return json_pack("{s:[o, o]}", "anyOf", value_schema(o),
			 list_schema(value_schema(o), 1, o->most));
}

static json_t *map_schema(const struct policy_option *table)
{
	json_t *properties = json_object(), *required = json_array();
	for (const struct policy_option *o = table; o->key; o++) {
		if (o->kind == OPTION_LATER)
			continue;
		json_t *s = option_schema(o);
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

char *policy_schema(void)
{
	json_t *root = map_schema(policy_options);
	json_t *match = map_schema(policy_match_options);
	if (!root || !match)
		return NULL;
	json_object_set_new(match, "minProperties", json_integer(1));
	json_object_set_new(root, "$schema",
			    json_string("https://json-schema.org/draft/2020-12/schema"));
	json_object_set_new(root, "title", json_string("carve policy, version 1"));
	json_object_set_new(root, "$defs", json_pack("{s:o}", "match", match));
	char *text = json_dumps(root, JSON_INDENT(2) | JSON_SORT_KEYS);
	json_decref(root);
	return text;
}
