/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Tables and labelled lines for people: at most 80 columns wide, or the terminal's width. Tables that do not go to
 * a terminal are as wide as what is in them. */
#pragma once
#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#define TABLE_COLUMNS_MAX 8

struct table_column {
	const char *title;
	unsigned least; /* may be trimmed down to so many columns on a terminal; 0: never */
	bool right;
	bool trim_middle; /* the end matters too */
	bool state;	  /* its words have colours */
};

struct table {
	const struct table_column *columns;
	size_t n_columns;
	char **cells; /* row by row */
	size_t n_cells;
	bool color, failed;
};

/* Adds a cell; NULL or "" shows as "-". A failure shows at table_print(). */
void table_add(struct table *t, const char *text);
void table_addf(struct table *t, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Members of objects; absent: "-". */
void table_add_string(struct table *t, const json_t *object, const char *key);
void table_add_int(struct table *t, const json_t *object, const char *key);
/* Prints title and rows; nothing at all without rows. Returns false when memory ran out. */
bool table_print(const struct table *t);
void table_done(struct table *t);

/* Text behind lead, wrapped to the width and indented by so many columns. */
void text_wrap(const char *lead, size_t indent, const char *text);
/* "Label:      text", wrapped to the width; nothing for NULL and "". */
void label_print(const char *label, const char *text);
void label_printf(const char *label, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Words for JSON members: strings as they are, numbers, "yes" and "no", lists with blanks between. */
void label_print_member(const char *label, const json_t *object, const char *key);

/* Colour for a word of state on a terminal; "" for none. */
const char *state_color(const char *word);
#define COLOR_END "\033[0m"
/* Text that may go to a terminal: control characters replaced. Caller frees; NULL: no memory. */
char *text_clean(const char *text);
