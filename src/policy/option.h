/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The language of policy files as one table of options. The loader validates by it, the matcher
 * tests by it, the JSON schema is generated from it: what is not here does not exist. Other
 * languages may be made of such tables.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "policy/policy.h"

struct match_subject;

enum option_kind {
	OPTION_MAP,	/* children by key */
	OPTION_NAMED,	/* names of the author's choice, each a map of children */
	OPTION_LIST,	/* a list of maps of children */
	OPTION_MATCH,	/* match keys */
	OPTION_MATCHES, /* a list of these */
	OPTION_COUNTS,	/* names of the author's choice, each a number */
	OPTION_NAME,	/* letters, digits, . _ - */
	OPTION_TEXT,
	OPTION_NUMBER,
	OPTION_BOOL,
	OPTION_WORD,	/* one of words */
	OPTION_ID,	/* "10de:1e07" */
	OPTION_ADDRESS, /* "0000:3b:00.0" */
	OPTION_MAC,
	OPTION_KEY,	 /* device key, or the beginning of one */
	OPTION_VLANS,	 /* true, N or N-M */
	OPTION_RATE,	 /* true, or the most in Mbit/s */
	OPTION_DURATION, /* 30m, 12h, 2d: seconds */
	OPTION_SIZE,	 /* "8GiB", "512MiB": MiB, into a uint32_t */
	OPTION_LATER,	 /* known, but this version does not do it: refused by name */
};

struct policy_value {
	const char *text; /* as written, for kinds that are text */
	uint64_t number;  /* NUMBER; index of a WORD; first of VLANS; RATE, 0: no limit; DURATION */
	uint64_t last;	  /* last of VLANS */
	bool flag;	  /* BOOL; VLANS and RATE: false when "false" was written */
	uint8_t mac[MAC_SIZE];
	struct policy_position at;
};

/* How a text looks, where it must be more than one line. */
struct policy_form {
	const char *regex; /* extended, anchored; as POSIX and the JSON schema both understand it */
	const char *name;  /* "place": what a text that does not match is not */
	const char *todo;  /* what to write instead */
};

struct policy_option {
	const char *key; /* NULL ends a table */
	enum option_kind kind;
	bool required;
	bool many;   /* a single value, or a list of them */
	bool quoted; /* always in quotes, since some of its texts look like numbers */
	uint64_t min,
		max; /* NUMBER, COUNTS, RATE, DURATION; max of TEXT: bytes, 0: as many as most values */
	const struct policy_form *form; /* TEXT, and names of NAMED. NULL: any text; as NAME */
	size_t most;			/* entries of NAMED, LIST, COUNTS, many */
	const char *const *words;	/* WORD; NULL ends */
	const char *const *words_later; /* words that this version refuses by name */
	const struct policy_option *children;
	/* Generic storing of NAME, TEXT, KEY (char field), NUMBER, WORD (uint32_t, or an int that is
	 * negative without), DURATION (uint32_t), BOOL (bool). MAP: its children are stored into the struct that is there.
	 * MATCH: a pointer to what is matched. NAMED, LIST: a pointer to an array; size is an element's. */
	size_t offset, size;
	/* Of such an array: its number of elements, and where an element has its name (NAMED; a char
	 * field of NAME_SIZE) and its struct policy_position. */
	size_t number, name, at;
	/* What a new element has that is not zero; NULL: nothing. */
	void (*init)(void *element);
	/* Instead: stores one value (called for each of many). -ENAMETOOLONG, -E2BIG, -ENOMEM. */
	int (*store)(void *into, const struct policy_option *o, const struct policy_value *v);
	/* Match keys: what a device has (match.h), and whether a wanted value holds for that. */
	const char *(*fact)(const struct match_subject *s, char *ret, size_t size);
	bool (*test)(const char *fact, const char *value);
	const char *help;
};

/* What an entry of a table says of the field that its value is stored in. */
#define OPTION_FIELD(type, field)                                                                  \
	.offset = offsetof(struct type, field), .size = sizeof(((struct type *)0)->field)
#define OPTION_NAME_IN(type, field) .kind = OPTION_NAME, OPTION_FIELD(type, field)
#define OPTION_TEXT_IN(type, field) .kind = OPTION_TEXT, OPTION_FIELD(type, field)
#define OPTION_BOOL_IN(type, field) .kind = OPTION_BOOL, OPTION_FIELD(type, field)
#define OPTION_NUMBER_IN(type, field, from, to)                                                    \
	.kind = OPTION_NUMBER, .min = (from), .max = (to), OPTION_FIELD(type, field)
#define OPTION_DURATION_IN(type, field, from, to)                                                  \
	.kind = OPTION_DURATION, .min = (from), .max = (to), OPTION_FIELD(type, field)
#define OPTION_WORD_IN(type, field, list)                                                          \
	.kind = OPTION_WORD, .words = (list), OPTION_FIELD(type, field)

/* The array "field", whose number is "n_field" and whose elements have their position in "at". */
#define OPTION_ELEMENT(type, field) __typeof__(*((struct type *)0)->field)
#define OPTION_ARRAY(type, field)                                                                  \
	.offset = offsetof(struct type, field), .size = sizeof(OPTION_ELEMENT(type, field)),       \
	.number = offsetof(struct type, n_##field),                                                \
	.at = offsetof(OPTION_ELEMENT(type, field), at)
#define OPTION_LIST_IN(type, field) .kind = OPTION_LIST, OPTION_ARRAY(type, field)
#define OPTION_NAMED_IN(type, field, name_field)                                                   \
	.kind = OPTION_NAMED, OPTION_ARRAY(type, field),                                           \
	.name = offsetof(OPTION_ELEMENT(type, field), name_field)

/* A kind of files. */
struct policy_language {
	const char *name;  /* "policy": as in "policy files", "the policy lacks ..." */
	const char *title; /* of its JSON schema */
	size_t text_max;   /* bytes of a file, whole MiB */
	const struct policy_option *options;
};

extern const struct policy_language policy_language;
extern const struct policy_option policy_options[]; /* the whole file */
extern const struct policy_option policy_match_options[];
extern const struct policy_option policy_setting_options[]; /* of reservations and claims */

/* The JSON schema of a language; tables may contain themselves. NULL: no memory. Caller frees. */
char *policy_language_schema(const struct policy_language *language);
const struct policy_option *policy_option_find(const struct policy_option *table, const char *key);
