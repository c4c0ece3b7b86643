/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See source.h. libfyaml builds the tree; its own diagnostics are collected, never printed. */
#include "policy/source.h"

#include <errno.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "policy/option.h"

/* Shows the line that is meant, without its indentation and not longer than a screen. */
static void because_line(struct policy_source *s, int line)
{
	const char *p = s->text, *end = s->text + s->len;
	for (int i = 1; p && i < line; i++) {
		p = memchr(p, '\n', (size_t)(end - p));
		p = p ? p + 1 : NULL;
	}
	if (!p || p == end) {
		err_because(s->err, "the file ends there");
		return;
	}
	while (p < end && (*p == ' ' || *p == '\t'))
		p++;
	const char *newline = memchr(p, '\n', (size_t)(end - p));
	int n = (int)((newline ? newline : end) - p);
	if (n == 0)
		err_because(s->err, "line %d is empty", line);
	else
		err_because(s->err, "line %d reads: %.*s%s", line, n > 90 ? 90 : n, p,
			    n > 90 ? "..." : "");
}

__attribute__((format(printf, 4, 0))) static int verror(struct policy_source *s,
							struct policy_position at, const char *id,
							const char *what, va_list ap)
{
	_cleanup_free_ char *text = NULL;
	if (vasprintf(&text, what, ap) < 0)
		text = NULL;
	int r = err_set(s->err, id, EINVAL, "%s:%d:%d: %s", s->file, at.line, at.column,
			text ? text : "mistake");
	because_line(s, at.line);
	err_state(s->err, "nothing was changed");
	return r;
}

int policy_source_error(struct policy_source *s, struct policy_position at, const char *id,
			const char *what, ...)
{
	va_list ap;
	va_start(ap, what);
	int r = verror(s, at, id, what, ap);
	va_end(ap);
	return r;
}

int policy_source_refuse(struct policy_source *s, struct policy_position at, const char *id,
			 const char *todo, const char *what, ...)
{
	va_list ap;
	va_start(ap, what);
	int r = verror(s, at, id, what, ap);
	va_end(ap);
	err_todo(s->err, "%s", todo);
	return r;
}

int policy_memory_error(struct err *reterr)
{
	int r = err_set(reterr, "base.memory", ENOMEM, "out of memory");
	err_state(reterr, "nothing was changed");
	err_todo(reterr, "try again when this host has more memory free");
	return r;
}

/* A mapping or sequence has no token of its own: its first key or item stands for it. */
static struct fy_node *first_scalar(struct fy_node *n)
{
	void *it = NULL;
	while (n && !fy_node_is_scalar(n)) {
		it = NULL;
		if (fy_node_is_mapping(n)) {
			struct fy_node_pair *pair = fy_node_mapping_iterate(n, &it);
			n = pair ? fy_node_pair_key(pair) : NULL;
		} else {
			n = fy_node_sequence_iterate(n, &it);
		}
	}
	return n;
}

struct policy_position policy_source_position(struct fy_node *n, struct policy_position fallback)
{
	n = first_scalar(n);
	struct fy_token *token = n ? fy_node_get_scalar_token(n) : NULL;
	const struct fy_mark *mark = token ? fy_token_start_mark(token) : NULL;
	if (!mark)
		return fallback;
	/* The mark of a quoted scalar is behind its quote. */
	enum fy_node_style style = fy_node_get_style(n);
	int quote = style == FYNS_DOUBLE_QUOTED || style == FYNS_SINGLE_QUOTED;
	return (struct policy_position){ mark->line + 1, mark->column + 1 - quote };
}

static struct fy_node *entry_of(const struct policy_source *s, const char *section, size_t index)
{
	struct fy_node *n = policy_source_root(s);
	n = n && fy_node_is_mapping(n)
		    ? fy_node_mapping_lookup_value_by_simple_key(n, section, FY_NT)
		    : NULL;
	if (n && fy_node_is_sequence(n))
		return fy_node_sequence_get_by_index(n, (int)index);
	struct fy_node_pair *pair =
		n && fy_node_is_mapping(n) ? fy_node_mapping_get_by_index(n, (int)index) : NULL;
	return pair ? fy_node_pair_value(pair) : NULL;
}

struct policy_position policy_source_find(const struct policy_source *s, const char *section,
					  size_t index, const char *path, int item,
					  struct policy_position fallback)
{
	struct fy_node *n = entry_of(s, section, index), *key = NULL;
	for (size_t len; *path; path += len + (path[len] == '/')) {
		len = strcspn(path, "/");
		struct fy_node_pair *pair =
			n && fy_node_is_mapping(n)
				? fy_node_mapping_lookup_pair_by_simple_key(n, path, len)
				: NULL;
		n = pair ? fy_node_pair_value(pair) : NULL;
		key = pair ? fy_node_pair_key(pair) : NULL;
	}
	if (item == POLICY_KEY)
		return policy_source_position(key, fallback);
	if (n && fy_node_is_sequence(n))
		n = fy_node_sequence_get_by_index(n, item);
	return policy_source_position(n, fallback);
}

static struct policy_position position_of_offset(const char *text, size_t offset)
{
	struct policy_position at = { 1, 1 };
	for (size_t i = 0; i < offset; i++) {
		at.column++;
		if (text[i] == '\n')
			at = (struct policy_position){ at.line + 1, 1 };
	}
	return at;
}

/* Length of the well-formed UTF-8 sequence at p (RFC 3629), 0 when there is none. */
static size_t utf8_length(const unsigned char *p, size_t left)
{
	static const struct {
		unsigned char first_min, first_max, second_min, second_max;
		size_t len;
	} forms[] = {
		{ 0x00, 0x7f, 0x00, 0x00, 1 }, { 0xc2, 0xdf, 0x80, 0xbf, 2 },
		{ 0xe0, 0xe0, 0xa0, 0xbf, 3 }, { 0xe1, 0xec, 0x80, 0xbf, 3 },
		{ 0xed, 0xed, 0x80, 0x9f, 3 }, { 0xee, 0xef, 0x80, 0xbf, 3 },
		{ 0xf0, 0xf0, 0x90, 0xbf, 4 }, { 0xf1, 0xf3, 0x80, 0xbf, 4 },
		{ 0xf4, 0xf4, 0x80, 0x8f, 4 },
	};
	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
		if (*p < forms[i].first_min || *p > forms[i].first_max)
			continue;
		if (left < forms[i].len)
			return 0;
		if (forms[i].len > 1 && (p[1] < forms[i].second_min || p[1] > forms[i].second_max))
			return 0;
		for (size_t k = 2; k < forms[i].len; k++)
			if ((p[k] & 0xc0) != 0x80)
				return 0;
		return forms[i].len;
	}
	return 0;
}

static int check_bytes(struct policy_source *s, const char *text, size_t len)
{
	for (size_t i = 0; i < len;) {
		size_t n = utf8_length((const unsigned char *)text + i, len - i);
		unsigned char c = (unsigned char)text[i];
		if (n == 0 || c == 0x7f || (c < 0x20 && c != '\n' && c != '\r' && c != '\t')) {
			policy_source_error(s, position_of_offset(text, i), "policy.syntax",
					    "byte 0x%02x is not allowed here", c);
			err_todo(s->err, "save the file as UTF-8 text");
			return -EINVAL;
		}
		if (c == '%' && (i == 0 || text[i - 1] == '\n'))
			return policy_source_refuse(s, position_of_offset(text, i), "policy.syntax",
						    "leave that line out",
						    "directives are not used in %s files",
						    s->language->name);
		i += n;
	}
	return 0;
}

static int parser_open(struct policy_source *s, const char *text, size_t len)
{
	struct fy_diag_cfg diag_cfg;
	fy_diag_cfg_default(&diag_cfg);
	diag_cfg.fp = NULL;
	s->diag = fy_diag_create(&diag_cfg);
	if (!s->diag)
		return -ENOMEM;
	fy_diag_set_collect_errors(s->diag, true);

	struct fy_parse_cfg cfg = {
		.flags = FYPCF_QUIET | FYPCF_ALLOW_DUPLICATE_KEYS | FYPCF_DEFAULT_VERSION_1_2 |
			 (str_ends(s->file, ".json") ? FYPCF_JSON_FORCE : FYPCF_JSON_NONE),
		.diag = s->diag,
	};
	s->parser = fy_parser_create(&cfg);
	if (!s->parser || fy_parser_set_string(s->parser, text, len) < 0)
		return -ENOMEM;
	return 0;
}

static int syntax_error(struct policy_source *s)
{
	void *it = NULL;
	struct fy_diag_error *e = fy_diag_errors_iterate(s->diag, &it);
	struct policy_position at = { 1, 1 };
	if (e && e->line > 0)
		at = (struct policy_position){ e->line, e->column > 0 ? e->column : 1 };
	return policy_source_refuse(
		s, at, "policy.syntax",
		"correct it there, or just before: brackets, commas, indentation", "%s",
		e && e->msg ? e->msg : "this is neither YAML nor JSON");
}

static int refuse_text(struct policy_source *s, struct fy_node *n, const char *what,
		       const char *todo)
{
	struct policy_position at = policy_source_position(n, (struct policy_position){ 1, 1 });
	policy_source_error(s, at, "policy.syntax", "%s", what);
	err_todo(s->err, "%s", todo);
	return -EINVAL;
}

/* libfyaml 0.7.12 answers another text than was written for these forms, and leaks on the second. */
static int check_scalar(struct policy_source *s, struct fy_node *n)
{
	struct fy_token *token = fy_node_get_scalar_token(n);
	const struct fy_mark *start = token ? fy_token_start_mark(token) : NULL;
	const struct fy_mark *end = token ? fy_token_end_mark(token) : NULL;
	if (!start || !end || end->input_pos > s->len || start->input_pos > end->input_pos)
		return 0;

	enum fy_node_style style = fy_node_get_style(n);
	const char *raw = s->text + start->input_pos;
	size_t len = end->input_pos - start->input_pos;
	bool quoted = style == FYNS_SINGLE_QUOTED || style == FYNS_DOUBLE_QUOTED;
	if (quoted && start->line != end->line)
		return refuse_text(s, n, "a quoted value goes on in the next line",
				   "write the value in one line");
	if (style == FYNS_SINGLE_QUOTED && memmem(raw, len, "''''", 4))
		return refuse_text(s, n, "two apostrophes stand side by side in single quotes",
				   "write the value in double quotes");
	if (style == FYNS_FOLDED) {
		char what[80];
		(void)STR_FORMAT(what, "folded text (\">\") is not used in %s files",
				 s->language->name);
		return refuse_text(s, n, what,
				   "write the value in one line, or as literal text (\"|\")");
	}
	return 0;
}

/* As deep as libfyaml lets a document be. */
static int check_scalars(struct policy_source *s, struct fy_node *n)
{
	int r = 0;
	void *it = NULL;
	if (!n || fy_node_is_alias(n))
		return 0;
	if (fy_node_is_scalar(n))
		return check_scalar(s, n);
	if (fy_node_is_sequence(n)) {
		struct fy_node *item;
		while (r == 0 && (item = fy_node_sequence_iterate(n, &it)))
			r = check_scalars(s, item);
		return r;
	}
	struct fy_node_pair *pair;
	while (r == 0 && (pair = fy_node_mapping_iterate(n, &it))) {
		r = check_scalars(s, fy_node_pair_key(pair));
		if (r == 0)
			r = check_scalars(s, fy_node_pair_value(pair));
	}
	return r;
}

static struct fy_token *anchor_of(const struct fy_event *e)
{
	if (e->type == FYET_SCALAR)
		return e->scalar.anchor;
	if (e->type == FYET_SEQUENCE_START)
		return e->sequence_start.anchor;
	if (e->type == FYET_MAPPING_START)
		return e->mapping_start.anchor;
	return e->type == FYET_ALIAS ? e->alias.anchor : NULL;
}

/* Before a tree is built: for that each anchor is looked for among all before it. Mistakes are left for
 * the building to find. */
static int check_anchors(struct policy_source *s)
{
	struct policy_source pass = { .language = s->language, .file = s->file };
	int r = parser_open(&pass, s->text, s->len);
	struct fy_event *e;
	while (r == 0 && (e = fy_parser_parse(pass.parser))) {
		struct fy_token *anchor = anchor_of(e);
		const struct fy_mark *mark = anchor ? fy_token_start_mark(anchor) : NULL;
		if (anchor)
			r = policy_source_refuse(
				s,
				mark ? (struct policy_position){ mark->line + 1, mark->column }
				     : (struct policy_position){ 1, 1 },
				"policy.syntax", "write it out where it is used",
				"anchors and aliases are not used in %s files", s->language->name);
		fy_parser_event_free(pass.parser, e);
	}
	policy_source_done(&pass);
	return r;
}

static int load(struct policy_source *s)
{
	s->doc = fy_parse_load_document(s->parser);
	if (!s->doc)
		return fy_parser_get_stream_error(s->parser) ? syntax_error(s) : 0;

	struct fy_document *more = fy_parse_load_document(s->parser);
	if (more) {
		struct policy_position at = policy_source_position(
			fy_document_root(more), (struct policy_position){ 1, 1 });
		fy_parse_document_destroy(s->parser, more);
		return policy_source_refuse(s, at, "policy.syntax",
					    "remove what follows, or put all into one document",
					    "a second document begins; a %s is one document",
					    s->language->name);
	}
	if (fy_parser_get_stream_error(s->parser))
		return syntax_error(s);
	return check_scalars(s, fy_document_root(s->doc));
}

int policy_source_open(struct policy_source *ret, const struct policy_language *language,
		       const char *text, size_t len, const char *file, struct err *reterr)
{
	ret->language = language;
	ret->file = file;
	ret->text = text;
	ret->len = len;
	ret->err = reterr;
	if (len > language->text_max) {
		err_set(reterr, "policy.limit", EFBIG, "%s: the file is larger than %zu MiB", file,
			language->text_max >> 20);
		err_state(reterr, "nothing was changed");
		err_todo(reterr, "leave out what is not needed; comments count, too");
		return -EFBIG;
	}
	/* An empty text is no document; libfyaml would take length 0 as "look for the NUL". */
	int r = check_bytes(ret, text, len);
	if (r < 0 || len == 0)
		return r;
	r = parser_open(ret, text, len);
	if (r < 0)
		return policy_memory_error(reterr);
	r = check_anchors(ret);
	return r < 0 ? r : load(ret);
}

void policy_source_done(struct policy_source *s)
{
	if (s->doc)
		fy_parse_document_destroy(s->parser, s->doc);
	if (s->parser)
		fy_parser_destroy(s->parser);
	if (s->diag)
		fy_diag_destroy(s->diag);
	*s = (struct policy_source){ 0 };
}

struct fy_node *policy_source_root(const struct policy_source *s)
{
	return s->doc ? fy_document_root(s->doc) : NULL;
}
