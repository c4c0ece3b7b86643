/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The text of a policy file (or one of another language) as a tree with positions: one YAML 1.2 or JSON document, no aliases, no
 * tags, bounded. Also how each mistake in it is told: "file:line:column: what [policy.id]".
 */
#pragma once
#include <libfyaml.h>

#include "base/err.h"
#include "policy/policy.h"

struct policy_language;

struct policy_source {
	const struct policy_language *language;
	const char *file;
	const char *text; /* borrowed */
	size_t len;
	struct err *err;
	struct fy_diag *diag;
	struct fy_parser *parser;
	struct fy_document *doc;
};

/* Parses; *ret must be zeroed. text must live until policy_source_done(). reterr is kept in it for
 * policy_source_error(). -EINVAL, -ENOMEM, -EFBIG. */
int policy_source_open(struct policy_source *ret, const struct policy_language *language,
		       const char *text, size_t len, const char *file, struct err *reterr);
void policy_source_done(struct policy_source *s);
/* NULL: the file holds no document. */
struct fy_node *policy_source_root(const struct policy_source *s);

/* Where a node stands; a node without a place of its own (an empty value) gives fallback. */
struct policy_position policy_source_position(struct fy_node *n, struct policy_position fallback);

/* Where something of the index-th entry of a section (a list, or a map of names) stands. path: "vf/qos"; item: the
 * n-th of its values, from 0, or POLICY_KEY: the key itself. What is not there gives fallback. */
#define POLICY_KEY (-1)
struct policy_position policy_source_find(const struct policy_source *s, const char *section,
					  size_t index, const char *path, int item,
					  struct policy_position fallback);

/* Records a mistake at a place: "file:line:column: " + what, and what that line reads. -EINVAL. */
int policy_source_error(struct policy_source *s, struct policy_position at, const char *id,
			const char *what, ...) __attribute__((format(printf, 4, 5)));
/* The same, with what to do about it. */
int policy_source_refuse(struct policy_source *s, struct policy_position at, const char *id,
			 const char *todo, const char *what, ...)
	__attribute__((format(printf, 5, 6)));
/* -ENOMEM, recorded. */
int policy_memory_error(struct err *reterr);
