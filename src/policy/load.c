/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * See load.h: unknown keys, keys given twice, wrong types and wrong values end here. What depends on two
 * places of a policy at once is judged in check.c.
 */
#include "policy/load.h"

#include <errno.h>
#include <inttypes.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "base/str.h"
#include "policy/check.h"
#include "policy/match.h"
#include "policy/option.h"
#include "policy/source.h"
#include "policy/suggest.h"
#include "policy/value.h"

#define MATCH_DEPTH_MAX 8
#define SCALAR_MAX 1024

struct loader {
	struct policy_source *source;
	struct err *err;
};

static int load_map(struct loader *l, struct fy_node *n, const struct policy_option *table,
		    const char *where, struct policy_position at, void *into);

static const char *node_kind(struct fy_node *n)
{
	if (!n)
		return "nothing";
	if (fy_node_is_mapping(n))
		return "a map";
	if (fy_node_is_sequence(n))
		return "a list";
	size_t len = 0;
	return fy_node_get_scalar(n, &len) && len > 0 ? "a single value" : "nothing";
}

#define GIVEN "given a value"

static int type_error(struct loader *l, struct policy_position at, const char *key,
		      const char *wanted, struct fy_node *n)
{
	int r = policy_source_error(l->source, at, "policy.type", "%s must be %s, not %s", key,
				    wanted, node_kind(n));
	if (str_eq(wanted, GIVEN))
		err_todo(l->err, "give it one, or leave %s out", key);
	else
		err_todo(l->err, "write %s there", wanted);
	return r;
}

/* No aliases: a small file could unfold to a huge one. No tags: they would change what a value is. */
static int refuse_yaml_extras(struct loader *l, struct fy_node *n, struct policy_position at)
{
	if (!n)
		return 0;
	if (fy_node_is_alias(n))
		return policy_source_refuse(l->source, at, "policy.syntax",
					    "write it out where it is used",
					    "anchors and aliases are not used in %s files",
					    l->source->language->name);
	if (fy_node_get_tag_token(n))
		return policy_source_refuse(l->source, at, "policy.syntax", "leave the tag out",
					    "tags are not used in %s files",
					    l->source->language->name);
	return 0;
}

/* Copies the text of a scalar; *ret stays NULL when it is no text that fits. */
static int scalar_text(struct loader *l, struct fy_node *n, struct policy_position at,
		       const char *key, size_t most, char **ret)
{
	size_t len = 0;
	const char *text = n && fy_node_is_scalar(n) ? fy_node_get_scalar(n, &len) : NULL;
	if (len > most)
		return policy_source_refuse(l->source, at, "policy.limit", "make it shorter",
					    "the value of %.40s is longer than %zu bytes", key,
					    most);
	if (text && memchr(text, '\0', len))
		return policy_source_refuse(l->source, at, "policy.syntax", "leave that byte out",
					    "the value of %.40s holds a NUL byte", key);
	*ret = text ? strndup(text, len) : strdup("");
	return *ret ? 0 : policy_memory_error(l->err);
}

static bool is_plain(struct fy_node *n)
{
	return fy_node_get_style(n) == FYNS_PLAIN || fy_node_get_style(n) == FYNS_ANY;
}

enum quoting {
	QUOTING_FREE,
	QUOTING_NEVER,
	QUOTING_ALWAYS,
	QUOTING_IF_AMBIGUOUS
};

static enum quoting quoting_of(enum option_kind kind)
{
	switch (kind) {
	case OPTION_NUMBER:
	case OPTION_BOOL:
	case OPTION_COUNTS:
	case OPTION_RATE:
		return QUOTING_NEVER;
	case OPTION_ID:
	case OPTION_ADDRESS:
	case OPTION_MAC:
		return QUOTING_ALWAYS;
	case OPTION_NAME:
	case OPTION_TEXT:
	case OPTION_KEY:
		return QUOTING_IF_AMBIGUOUS;
	case OPTION_WORD:
	case OPTION_VLANS:
	case OPTION_SIZE:
	case OPTION_DURATION:
	case OPTION_MAP:
	case OPTION_NAMED:
	case OPTION_LIST:
	case OPTION_MATCH:
	case OPTION_MATCHES:
	case OPTION_LATER:
		break;
	}
	return QUOTING_FREE;
}

/* number: said where quotes are not wanted. */
static int check_quoting(struct loader *l, enum quoting rule, struct fy_node *n, const char *text,
			 struct policy_position at, const char *key, const char *number)
{
	bool plain = is_plain(n);
	if (plain && (rule == QUOTING_ALWAYS ||
		      (rule == QUOTING_IF_AMBIGUOUS && policy_text_ambiguous(text)))) {
		policy_source_error(l->source, at, "policy.quote", "%.40s: %.60s must be in quotes",
				    key, text);
		err_because(l->err,
			    "some YAML readers would take it for something that is no text");
		err_todo(l->err, "write \"%.60s\"", text);
		return -EINVAL;
	}
	if (!plain && rule == QUOTING_NEVER) {
		policy_source_error(l->source, at, "policy.type",
				    "%.40s must be %s, \"%.40s\" is a text", key, number, text);
		err_todo(l->err, "leave the quotes out");
		return -EINVAL;
	}
	return 0;
}

static int read_scalar(struct loader *l, const struct policy_option *o, struct fy_node *n,
		       struct policy_position at, const char *text, struct policy_value *ret)
{
	enum quoting rule = o->quoted ? QUOTING_ALWAYS : quoting_of(o->kind);
	int r = check_quoting(l, rule, n, text, at, o->key,
			      o->kind == OPTION_BOOL ? "true or false" : "a number");
	if (r < 0)
		return r;
	struct policy_complaint c;
	r = policy_value_read(o, text, ret, &c);
	if (r < 0) {
		bool later = str_eq(c.id, "policy.not-built"); /* names the key itself */
		policy_source_error(l->source, at, c.id, "%s%s%s", later ? "" : o->key,
				    later ? "" : ": ", c.what);
		if (c.todo[0])
			err_todo(l->err, "%s", c.todo);
	}
	ret->at = at;
	return r;
}

static int store_field(void *into, const struct policy_option *o, const struct policy_value *v)
{
	void *field = (char *)into + o->offset;
	switch (o->kind) {
	case OPTION_NAME:
	case OPTION_TEXT:
	case OPTION_KEY:
		return str_copy(field, o->size, v->text);
	case OPTION_NUMBER:
	case OPTION_SIZE:
	case OPTION_WORD:
	case OPTION_DURATION:
		*(uint32_t *)field = (uint32_t)v->number;
		return 0;
	case OPTION_BOOL:
		*(bool *)field = v->flag;
		return 0;
	case OPTION_ID:
	case OPTION_ADDRESS:
	case OPTION_MAC:
	case OPTION_VLANS:
	case OPTION_RATE:
	case OPTION_COUNTS:
	case OPTION_MAP:
	case OPTION_NAMED:
	case OPTION_LIST:
	case OPTION_MATCH:
	case OPTION_MATCHES:
	case OPTION_LATER:
		break;
	}
	return -EINVAL;
}

static int store(struct loader *l, const struct policy_option *o, const struct policy_value *v,
		 void *into)
{
	int r = 0;
	if (o->test) /* a match key: into is its leaf */
		r = policy_match_add_value(into, v->text);
	else if (o->store)
		r = o->store(into, o, v);
	else if (o->size)
		r = store_field(into, o, v);
	if (r == -ENOMEM)
		return policy_memory_error(l->err);
	if (r < 0)
		return policy_source_refuse(l->source, v->at, "policy.limit", "make it shorter",
					    "%s: \"%.40s\" is too long", o->key, v->text);
	return 0;
}

static int load_one(struct loader *l, const struct policy_option *o, struct fy_node *n,
		    struct policy_position at, void *into)
{
	at = policy_source_position(n, at);
	int r = refuse_yaml_extras(l, n, at);
	if (r < 0)
		return r;
	if (!n || !fy_node_is_scalar(n))
		return type_error(l, at, o->key,
				  o->many ? "a single value or a list" : "a single value", n);
	_cleanup_free_ char *text = NULL;
	r = scalar_text(l, n, at, o->key, o->kind == OPTION_TEXT && o->max ? o->max : SCALAR_MAX,
			&text);
	if (r < 0)
		return r;
	if (*text == '\0' && is_plain(n))
		return type_error(l, at, o->key, GIVEN, n);
	struct policy_value v = { 0 };
	r = read_scalar(l, o, n, at, text, &v);
	return r < 0 ? r : store(l, o, &v, into);
}

static int check_count(struct loader *l, const struct policy_option *o, int n,
		       struct policy_position at)
{
	if (n <= 0 && o->kind != OPTION_NAMED && o->kind != OPTION_LIST)
		return policy_source_refuse(l->source, at, "policy.value",
					    "name at least one, or leave the key out",
					    "%s must not be empty", o->key);
	if ((size_t)n <= o->most)
		return 0;
	policy_source_error(l->source, at, "policy.limit", "%s has %d entries, %zu are allowed",
			    o->key, n, o->most);
	err_todo(l->err, "leave out %zu of them", (size_t)n - o->most);
	return -EINVAL;
}

static int load_leaf(struct loader *l, const struct policy_option *o, struct fy_node *n,
		     struct policy_position at, void *into)
{
	if (!o->many || !n || !fy_node_is_sequence(n))
		return load_one(l, o, n, at, into);
	int r = refuse_yaml_extras(l, n, at);
	if (r >= 0)
		r = check_count(l, o, fy_node_sequence_item_count(n), at);
	void *it = NULL;
	for (struct fy_node *item; r >= 0 && (item = fy_node_sequence_iterate(n, &it));)
		r = load_one(l, o, item, at, into);
	return r;
}

/* The name a pair has: a plain or quoted scalar. */
static int pair_name(struct loader *l, struct fy_node_pair *pair, const char *where,
		     struct policy_position at, char **ret, struct policy_position *ret_at)
{
	struct fy_node *key = fy_node_pair_key(pair);
	at = policy_source_position(key, at);
	int r = refuse_yaml_extras(l, key, at);
	if (r < 0)
		return r;
	if (!key || !fy_node_is_scalar(key))
		return policy_source_refuse(l->source, at, "policy.type",
					    "write one word before the colon",
					    "a key in %s is no simple name", where);
	*ret_at = at;
	return scalar_text(l, key, at, where, SCALAR_MAX, ret);
}

static int duplicate_error(struct loader *l, const char *name, struct policy_position at,
			   struct policy_position first)
{
	return policy_source_refuse(l->source, at, "policy.duplicate",
				    "remove one of the two, or make one of both",
				    "\"%.60s\" is here twice, first on line %d", name, first.line);
}

/* Names that authors choose: valid, not to be taken for anything else, each once. */
struct names {
	char **names;
	struct policy_position *at;
	size_t n;
};

static void names_done(struct names *s)
{
	for (size_t i = 0; i < s->n; i++)
		free(s->names[i]);
	free(s->names);
	free(s->at);
}

static int names_add(struct loader *l, struct names *s, char **take_name, struct policy_position at)
{
	for (size_t i = 0; i < s->n; i++)
		if (str_eq(s->names[i], *take_name))
			return duplicate_error(l, *take_name, at, s->at[i]);
	s->names[s->n] = TAKE_PTR(*take_name);
	s->at[s->n++] = at;
	return 0;
}

static int check_form(struct loader *l, const struct policy_option *o, const char *name,
		      struct policy_position at)
{
	char field[NAME_SIZE]; /* of this size where it is stored */
	if (STR_COPY(field, name) < 0)
		return policy_source_refuse(l->source, at, "policy.limit", "make it shorter",
					    "%s: \"%.40s...\" is longer than %d bytes", o->key,
					    name, NAME_SIZE - 1);
	struct policy_complaint c = { 0 };
	int r = policy_form_check(o->form, name, &c);
	if (r < 0) {
		policy_source_error(l->source, at, c.id, "%s: %s", o->key, c.what);
		err_todo(l->err, "%s", c.todo);
	}
	return r;
}

static int check_name(struct loader *l, const struct policy_option *o, struct fy_node *key,
		      const char *name, struct policy_position at)
{
	const char *where = o->key;
	int r = check_quoting(l, QUOTING_IF_AMBIGUOUS, key, name, at, where, NULL);
	if (r < 0)
		return r;
	if (o->form)
		return check_form(l, o, name, at);
	if (!policy_name_valid(name))
		return policy_source_refuse(
			l->source, at, "policy.value", "use these characters only, as in gpu-1",
			"%s: \"%.60s\" is no name: up to 48 letters, digits, and "
			". _ - after the first",
			where, name);
	return 0;
}

/* One of COUNTS: its name is the value's text, its number how many. */
static int load_count(struct loader *l, const struct policy_option *o, const char *name,
		      struct fy_node *n, struct policy_position at, void *into)
{
	at = policy_source_position(n, at);
	int r = refuse_yaml_extras(l, n, at);
	if (r < 0)
		return r;
	if (!n || !fy_node_is_scalar(n))
		return type_error(l, at, name, "a number", n);
	_cleanup_free_ char *text = NULL;
	r = scalar_text(l, n, at, name, SCALAR_MAX, &text);
	if (r < 0)
		return r;
	struct policy_value v = { 0 };
	r = read_scalar(l, o, n, at, text, &v);
	v.text = name;
	return r < 0 ? r : store(l, o, &v, into);
}

/* A new element of an array, which the children are stored into; NULL: no memory. */
static void *element_add(const struct policy_option *o, const char *name, struct policy_position at,
			 void *into)
{
	void *number = (char *)into + o->number;
	char *element = array_add((char *)into + o->offset, number, o->size);
	if (!element || (name && str_copy(element + o->name, NAME_SIZE, name) < 0))
		return NULL;
	memcpy(element + o->at, &at, sizeof(at));
	if (o->init)
		o->init(element);
	return element;
}

static int load_named_entry(struct loader *l, const struct policy_option *o, const char *name,
			    struct fy_node *value, struct policy_position at, void *into)
{
	if (o->kind == OPTION_COUNTS)
		return load_count(l, o, name, value, at, into);
	void *child = element_add(o, name, at, into);
	if (!child)
		return policy_memory_error(l->err);
	return load_map(l, value, o->children, name, at, child);
}

static int load_named(struct loader *l, const struct policy_option *o, struct fy_node *n,
		      struct policy_position at, void *into)
{
	if (!n || !fy_node_is_mapping(n))
		return type_error(l, policy_source_position(n, at), o->key, "a map of names", n);
	int count = fy_node_mapping_item_count(n);
	int r = check_count(l, o, count, at);
	if (r < 0)
		return r;
	_cleanup_(names_done) struct names names = {
		.names = calloc((size_t)count + 1, sizeof(char *)),
		.at = calloc((size_t)count + 1, sizeof(struct policy_position)),
	};
	if (!names.names || !names.at)
		return policy_memory_error(l->err);

	void *it = NULL;
	for (struct fy_node_pair *pair; (pair = fy_node_mapping_iterate(n, &it));) {
		_cleanup_free_ char *name = NULL;
		struct policy_position name_at = at;
		r = pair_name(l, pair, o->key, at, &name, &name_at);
		if (r >= 0)
			r = check_name(l, o, fy_node_pair_key(pair), name, name_at);
		const char *borrowed = name;
		if (r >= 0)
			r = names_add(l, &names, &name, name_at);
		if (r >= 0)
			r = load_named_entry(l, o, borrowed, fy_node_pair_value(pair), name_at,
					     into);
		if (r < 0)
			return r;
	}
	return 0;
}

static int load_list(struct loader *l, const struct policy_option *o, struct fy_node *n,
		     struct policy_position at, void *into)
{
	if (!n || !fy_node_is_sequence(n))
		return type_error(l, policy_source_position(n, at), o->key, "a list", n);
	char where[64];
	(void)STR_FORMAT(where, "an entry of %s", o->key);
	int r = check_count(l, o, fy_node_sequence_item_count(n), at);
	void *it = NULL;
	for (struct fy_node *item; r >= 0 && (item = fy_node_sequence_iterate(n, &it));) {
		struct policy_position item_at = policy_source_position(item, at);
		r = refuse_yaml_extras(l, item, item_at);
		void *child = r >= 0 ? element_add(o, NULL, item_at, into) : NULL;
		if (r >= 0 && !child)
			r = policy_memory_error(l->err);
		if (r >= 0)
			r = load_map(l, item, o->children, where, item_at, child);
	}
	return r;
}

static int load_match(struct loader *l, struct fy_node *n, const char *where,
		      struct policy_position at, unsigned depth, struct policy_match *into);

static int load_matches(struct loader *l, const struct policy_option *o, struct fy_node *n,
			struct policy_position at, unsigned depth, struct policy_match *group)
{
	if (!n || !fy_node_is_sequence(n))
		return type_error(l, policy_source_position(n, at), o->key, "a list of matches", n);
	int r = check_count(l, o, fy_node_sequence_item_count(n), at);
	void *it = NULL;
	for (struct fy_node *item; r >= 0 && (item = fy_node_sequence_iterate(n, &it));) {
		struct policy_match *child = policy_match_add(group, MATCH_ALL);
		if (!child)
			return policy_memory_error(l->err);
		r = load_match(l, item, o->key, policy_source_position(item, at), depth + 1, child);
	}
	return r;
}

static int load_match_key(struct loader *l, const struct policy_option *o, struct fy_node *n,
			  struct policy_position at, unsigned depth, struct policy_match *into)
{
	enum match_op op = o->kind == OPTION_MATCH     ? MATCH_NOT
			   : o->kind != OPTION_MATCHES ? MATCH_LEAF
			   : str_eq(o->key, "any")     ? MATCH_ANY
						       : MATCH_ALL;
	struct policy_match *child = policy_match_add(into, op);
	if (!child)
		return policy_memory_error(l->err);
	child->option = o;
	if (op == MATCH_LEAF)
		return load_leaf(l, o, n, at, child);
	if (op == MATCH_NOT)
		return load_match(l, n, o->key, at, depth + 1, child);
	return load_matches(l, o, n, at, depth, child);
}

/* The option of table below which key would be known; NULL: none. */
static const struct policy_option *key_below(const struct policy_option *table, const char *key)
{
	for (; table->key; table++) {
		const struct policy_option *o =
			table->children ? policy_option_find(table->children, key) : NULL;
		if (o && o->kind != OPTION_LATER)
			return table;
	}
	return NULL;
}

static int unknown_key(struct loader *l, const struct policy_option *table, const char *key,
		       const char *where, struct policy_position at)
{
	policy_source_error(l->source, at, "policy.unknown-key", "unknown key \"%.60s\" in %s", key,
			    where);
	const struct policy_option *below = key_below(table, key);
	if (!below)
		below = key_below(l->source->language->options, key);
	if (below) {
		err_todo(l->err, "move it: \"%s\" is a key under \"%s\"", key, below->key);
		return -EINVAL;
	}
	struct suggestion s;
	suggestion_init(&s, key);
	for (; table->key; table++)
		if (table->kind != OPTION_LATER)
			suggestion_add(&s, table->key);
	_cleanup_free_ char *todo = suggestion_take(&s, "leave it out");
	err_todo(l->err, "%s", todo ? todo : "leave it out");
	return -EINVAL;
}

/* The option of a key, seen for the first time; NULL with the error recorded. */
static const struct policy_option *key_option(struct loader *l, const struct policy_option *table,
					      const char *key, const char *where,
					      struct policy_position at,
					      struct policy_position *seen)
{
	const struct policy_option *o = policy_option_find(table, key);
	if (!o) {
		unknown_key(l, table, key, where, at);
		return NULL;
	}
	if (o->kind == OPTION_LATER) {
		policy_source_error(l->source, at, "policy.not-built",
				    "this version of carve does not do \"%s\" in %s yet", key,
				    where);
		err_todo(l->err, "leave it out; docs/policy.md has what this version does");
		return NULL;
	}
	struct policy_position *first = &seen[o - table];
	if (first->line) {
		duplicate_error(l, key, at, *first);
		return NULL;
	}
	*first = at;
	return o;
}

#define TABLE_MAX 48

static int load_match(struct loader *l, struct fy_node *n, const char *where,
		      struct policy_position at, unsigned depth, struct policy_match *into)
{
	int r = refuse_yaml_extras(l, n, at);
	if (r < 0)
		return r;
	if (depth > MATCH_DEPTH_MAX)
		return policy_source_refuse(
			l->source, at, "policy.limit",
			"write conditions beside each other: the keys of one match must all hold",
			"conditions are nested more than %d deep", MATCH_DEPTH_MAX);
	if (!n || !fy_node_is_mapping(n))
		return type_error(l, policy_source_position(n, at), where, "a map of match keys",
				  n);
	if (fy_node_mapping_item_count(n) <= 0)
		return policy_source_refuse(l->source, at, "policy.value",
					    "say which devices: by id, class, address, ...",
					    "%s is empty: it would take every device", where);

	struct policy_position seen[TABLE_MAX] = { 0 };
	void *it = NULL;
	for (struct fy_node_pair *pair; (pair = fy_node_mapping_iterate(n, &it));) {
		_cleanup_free_ char *key = NULL;
		struct policy_position key_at = at;
		r = pair_name(l, pair, where, at, &key, &key_at);
		if (r < 0)
			return r;
		const struct policy_option *o =
			key_option(l, policy_match_options, key, where, key_at, seen);
		if (!o)
			return -EINVAL;
		r = load_match_key(l, o, fy_node_pair_value(pair), key_at, depth, into);
		if (r < 0)
			return r;
	}
	return 0;
}

static int load_option(struct loader *l, const struct policy_option *o, struct fy_node *n,
		       struct policy_position at, void *into)
{
	int r = refuse_yaml_extras(l, n, at);
	if (r < 0)
		return r;
	switch (o->kind) {
	case OPTION_NAMED:
	case OPTION_COUNTS:
		return load_named(l, o, n, at, into);
	case OPTION_LIST:
		return load_list(l, o, n, at, into);
	case OPTION_MAP:
		return load_map(l, n, o->children, o->key, at, (char *)into + o->offset);
	case OPTION_MATCH: {
		struct policy_match *m = policy_match_new(MATCH_ALL);
		if (!m)
			return policy_memory_error(l->err);
		*(struct policy_match **)((char *)into + o->offset) = m;
		return load_match(l, n, o->key, at, 1, m);
	}
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
		return load_leaf(l, o, n, at, into);
	case OPTION_MATCHES:
	case OPTION_LATER:
		break;
	}
	return -EINVAL;
}

static int required_missing(struct loader *l, const struct policy_option *o, const char *where,
			    struct policy_position at)
{
	policy_source_error(l->source, at, "policy.missing", "%s lacks \"%s\"", where, o->key);
	if (str_eq(o->key, "version"))
		err_todo(l->err, "write \"version: 1\" at its beginning");
	else
		err_todo(l->err, "add %s: %s", o->key, o->help);
	return -EINVAL;
}

static int check_required(struct loader *l, const struct policy_option *table,
			  const struct policy_position *seen, const char *where,
			  struct policy_position at)
{
	for (size_t i = 0; table[i].key; i++)
		if (table[i].required && !seen[i].line)
			return required_missing(l, &table[i], where, at);
	return 0;
}

static int load_map(struct loader *l, struct fy_node *n, const struct policy_option *table,
		    const char *where, struct policy_position at, void *into)
{
	int r = refuse_yaml_extras(l, n, at);
	if (r < 0)
		return r;
	if (!n || !fy_node_is_mapping(n))
		return type_error(l, policy_source_position(n, at), where, "a map", n);

	struct policy_position seen[TABLE_MAX] = { 0 };
	void *it = NULL;
	for (struct fy_node_pair *pair; (pair = fy_node_mapping_iterate(n, &it));) {
		_cleanup_free_ char *key = NULL;
		struct policy_position key_at = at;
		r = pair_name(l, pair, where, at, &key, &key_at);
		if (r < 0)
			return r;
		const struct policy_option *o = key_option(l, table, key, where, key_at, seen);
		if (!o)
			return -EINVAL;
		r = load_option(l, o, fy_node_pair_value(pair), key_at, into);
		if (r < 0)
			return r;
	}
	return check_required(l, table, seen, where, at);
}

/* Said before anything else: a file of another version may have any keys. */
static int check_version(struct loader *l, struct fy_node *root)
{
	if (!fy_node_is_mapping(root))
		return 0;
	struct fy_node *n = fy_node_mapping_lookup_value_by_simple_key(root, "version", FY_NT);
	size_t len = 0;
	const char *text = n && fy_node_is_scalar(n) ? fy_node_get_scalar(n, &len) : NULL;
	if (!text || !len || (len == 1 && *text == '1'))
		return 0;
	struct policy_position at = policy_source_position(n, (struct policy_position){ 1, 1 });
	policy_source_error(l->source, at, "policy.version",
			    "version %.*s of the %s language is not known",
			    (int)(len > 20 ? 20 : len), text, l->source->language->name);
	err_todo(l->err, "write \"version: 1\", or use a newer carve");
	return -EINVAL;
}

int policy_load(struct policy_source *source, void *into)
{
	struct loader l = { .source = source, .err = source->err };
	const struct policy_position start = { 1, 1 };
	struct fy_node *root = policy_source_root(source);
	if (!root)
		return policy_source_refuse(source, start, "policy.missing",
					    "begin it with \"version: 1\"", "the file is empty");
	int r = check_version(&l, root);
	if (r < 0)
		return r;
	char where[64];
	(void)STR_FORMAT(where, "the %s", source->language->name);
	return load_map(&l, root, source->language->options, where, start, into);
}

struct policy *policy_parse(const char *text, size_t len, const char *file, struct err *reterr)
{
	_cleanup_(policy_source_done) struct policy_source source = { 0 };
	_cleanup_(policy_freep) struct policy *p = calloc(1, sizeof(*p));
	if (!p) {
		policy_memory_error(reterr);
		return NULL;
	}
	if (STR_COPY(p->file, file) < 0) {
		err_set(reterr, "policy.limit", ENAMETOOLONG,
			"the name of the policy file is too long");
		err_state(reterr, "nothing was changed");
		err_todo(reterr, "name it in fewer than %zu bytes", sizeof(p->file));
		return NULL;
	}
	if (policy_source_open(&source, &policy_language, text, len, file, reterr) < 0 ||
	    policy_load(&source, p) < 0 || policy_check(p, &source) < 0)
		return NULL;
	return TAKE_PTR(p);
}
