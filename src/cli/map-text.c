/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See map.h: the picture as text, boxes side by side. */
#include <errno.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "cli/map.h"
#include "cli/print.h"
#include "cli/table.h"
#include "cli/width.h"

#define INDENT 2
#define HEADING_END 48 /* columns that the end of a heading may take */
#define SLOT_LEAST 7   /* columns of a slot, within its borders */
#define SLOT_MOST 12

struct text {
	const struct map_style *style;
	struct str_buf *b;
	struct map_legend legend;
};

/* A cell with the columns within its borders. */
struct box {
	const struct map_cell *cell;
	size_t width;
};

struct edge {
	const char *left, *between, *right, *line;
};

static const struct edge ascii = { "+", "+", "+", "-" };
static const struct edge top = { "┌", "┬", "┐", "─" };
static const struct edge bottom = { "└", "┴", "┘", "─" };

static void add_times(struct str_buf *b, const char *text, size_t n)
{
	for (size_t i = 0; i < n; i++)
		str_buf_add(b, text);
}

static void add_blanks(struct str_buf *b, size_t n)
{
	add_times(b, " ", n);
}

/* Lines of words, the first behind lead, all others below it. */
static void add_wrapped(struct str_buf *b, const char *lead, const char *text)
{
	size_t indent = width_of(lead), column = indent;
	str_buf_add(b, lead);
	for (bool first = true; *text; first = false) {
		size_t n = strcspn(text, " ");
		_cleanup_free_ char *word = strndup(text, n);
		_cleanup_free_ char *cut = word ? width_cut(word, MAP_COLUMNS - indent) : NULL;
		if (!cut) {
			b->failed = true;
			return;
		}
		size_t width = width_of(cut);
		if (!first && column + 1 + width > MAP_COLUMNS) {
			str_buf_add(b, "\n");
			add_blanks(b, indent);
			column = indent;
		} else if (!first) {
			str_buf_add(b, " ");
			column++;
		}
		str_buf_add(b, cut);
		column += width;
		text += n;
		text += strspn(text, " ");
	}
	str_buf_add(b, "\n");
}

/* --- boxes ------------------------------------------------------------------------------------- */

/* The number of the slot where a part begins stands in the border above it. */
static void add_edge(const struct text *t, const struct box *boxes, size_t n,
		     const struct edge *edge, bool numbers)
{
	add_blanks(t->b, INDENT);
	for (size_t i = 0; i < n; i++) {
		char number[8] = "";
		if (numbers && boxes[i].cell->start >= 0)
			(void)STR_FORMAT(number, "%ld", boxes[i].cell->start);
		str_buf_add(t->b, i ? edge->between : edge->left);
		str_buf_add(t->b, number);
		add_times(t->b, edge->line, boxes[i].width - strlen(number));
	}
	str_buf_add(t->b, edge->right);
	str_buf_add(t->b, "\n");
}

/* A dot in the middle of each slot. */
static void add_dots(const struct text *t, const struct box *box)
{
	size_t each = (box->width + 1) / box->cell->size, column = 0;
	for (size_t i = 0; i < box->cell->size; i++) {
		size_t at = i * each + (each - 1) / 2;
		add_blanks(t->b, at - column);
		str_buf_add(t->b, t->style->utf8 ? "·" : ".");
		column = at + 1;
	}
	add_blanks(t->b, box->width - column);
}

static void add_words(const struct text *t, const struct box *box, const char *words)
{
	const char *color = t->style->color && *words ? state_color(box->cell->state) : "";
	_cleanup_free_ char *cut = width_cut(words, box->width);
	if (!cut) {
		t->b->failed = true;
		return;
	}
	str_buf_add(t->b, color);
	str_buf_add(t->b, cut);
	str_buf_add(t->b, *color ? COLOR_END : "");
	add_blanks(t->b, box->width - width_of(cut));
}

static bool is_hole(const struct map_cell *c)
{
	return str_eq(c->state, "hole");
}

static void add_row(const struct text *t, const struct box *boxes, size_t n, bool second)
{
	const char *border = t->style->utf8 ? "│" : "|";
	add_blanks(t->b, INDENT);
	for (size_t i = 0; i < n; i++) {
		const struct map_cell *c = boxes[i].cell;
		str_buf_add(t->b, border);
		if (is_hole(c) && !second)
			add_dots(t, &boxes[i]);
		else
			add_words(t, &boxes[i], second ? c->holder : c->profile);
	}
	str_buf_add(t->b, border);
	str_buf_add(t->b, "\n");
}

static void add_boxes(const struct text *t, const struct box *boxes, size_t n)
{
	if (n == 0)
		return;
	add_edge(t, boxes, n, t->style->utf8 ? &top : &ascii, true);
	add_row(t, boxes, n, false);
	add_row(t, boxes, n, true);
	add_edge(t, boxes, n, t->style->utf8 ? &bottom : &ascii, false);
}

/* --- a device ------------------------------------------------------------------------------------ */

/* Columns of each slot, borders not counted; 0: they are too many for a row. */
static size_t slot_width(const struct map_cells *m)
{
	size_t width = m->n_slots ? (MAP_COLUMNS - INDENT - 1) / m->n_slots - 1 : 0;
	return width < SLOT_LEAST ? 0 : width > SLOT_MOST ? SLOT_MOST : width;
}

static size_t width_needed(const struct map_cell *c)
{
	const size_t all[] = { c->size && is_hole(c) ? c->size : width_of(c->profile),
			       width_of(c->holder), c->start >= 10 ? 2 : 1 };
	size_t width = 0;
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		width = all[i] > width ? all[i] : width;
	return width < MAP_COLUMNS - INDENT - 2 ? width : MAP_COLUMNS - INDENT - 2;
}

/* As wide as its place in the row, or as what stands in it. */
static struct box box_of(const struct map_cells *m, size_t i)
{
	size_t slot = slot_width(m);
	const struct map_cell *c = &m->cells[i];
	bool in_row = slot && i < m->n_row;
	return (struct box){ .cell = c,
			     .width = in_row ? c->size * (slot + 1) - 1 : width_needed(c) };
}

/* What no box has room for: words that were cut, and reasons. */
static void add_note(const struct text *t, const struct box *box)
{
	const struct map_cell *c = box->cell;
	_cleanup_(str_buf_done) struct str_buf note = { 0 };
	bool cut = width_of(c->profile) > box->width || width_of(c->holder) > box->width;
	if (!cut && !c->reason)
		return;
	if (c->start >= 0)
		str_buf_addf(&note, "at %ld: ", c->start);
	str_buf_addf(&note, "%s %s%s%s", c->profile, c->holder, c->reason ? ": " : "",
		     c->reason ? c->reason : "");
	t->b->failed = t->b->failed || note.failed;
	if (!note.failed)
		add_wrapped(t->b, "  ", note.text);
}

static int add_cells(const struct text *t, const struct map_cells *m)
{
	_cleanup_free_ struct box *boxes = calloc(m->n + 1, sizeof(*boxes));
	size_t first = 0, column = INDENT + 1;
	if (!boxes)
		return -ENOMEM;
	for (size_t i = 0; i < m->n; i++) {
		boxes[i] = box_of(m, i);
		bool row_ends = slot_width(m) && i == m->n_row;
		if (row_ends || column + boxes[i].width + 1 > MAP_COLUMNS) {
			add_boxes(t, &boxes[first], i - first);
			first = i;
			column = INDENT + 1;
		}
		column += boxes[i].width + 1;
	}
	add_boxes(t, &boxes[first], m->n - first);
	for (size_t i = 0; i < m->n; i++)
		add_note(t, &boxes[i]);
	return 0;
}

/* Cut to what is left of the columns. NULL: there is no memory. */
static char *heading_part(const char *text, size_t *columns)
{
	_cleanup_free_ char *clean = text_clean(text);
	char *cut = clean ? width_cut(clean, *columns) : NULL;
	*columns -= cut ? width_of(cut) : 0;
	return cut;
}

/* "0000:3b:00.0  NVIDIA GH100 [H100 SXM5 ..  passthrough of gpu": the name gives way first. */
static void add_heading(const struct text *t, const json_t *device)
{
	const char *named = json_string_value(json_object_get(device, "name"));
	size_t columns = HEADING_END, least = MAP_COLUMNS - HEADING_END - strlen("  ");
	_cleanup_free_ char *how = NULL;
	if (asprintf(&how, "%s of %s%s", print_text(device, "mechanism"),
		     print_text(device, "selection"),
		     json_is_true(json_object_get(device, "drained")) ? ", drained" : "") < 0)
		how = NULL;
	_cleanup_free_ char *end = how ? heading_part(how, &columns) : NULL;
	columns += least;
	_cleanup_free_ char *label = heading_part(map_device_label(device), &columns);
	columns -= columns > strlen("  ") ? strlen("  ") : columns;
	_cleanup_free_ char *name = heading_part(named ? named : "", &columns);
	if (!end || !label || !name) {
		t->b->failed = true;
		return;
	}
	str_buf_addf(t->b, "%s%s%s%s%s  %s\n", t->style->color ? "\033[1m" : "", label,
		     t->style->color ? COLOR_END : "", *name ? "  " : "", name, end);
}

static int add_device(struct text *t, const json_t *device)
{
	_cleanup_(map_cells_done) struct map_cells m = { 0 };
	int r = map_cells_make(device, &m);
	if (r < 0)
		return r;
	_cleanup_free_ char *left = map_device_left(device);
	add_heading(t, device);
	r = add_cells(t, &m);
	t->b->failed = t->b->failed || !left;
	if (left && *left)
		add_wrapped(t->b, "  ", left);
	else if (m.n == 0)
		str_buf_add(t->b, "  no parts\n");
	map_legend_add(&t->legend, device, &m);
	return r;
}

static void add_legend(const struct text *t)
{
	const struct map_legend_line *line;
	size_t i = 0;
	bool first = true;
	while ((line = map_legend_next(&t->legend, &i))) {
		const char *color = t->style->color ? state_color(line->state) : "";
		const char *word = t->style->utf8 && str_eq(line->word, ".") ? "·" : line->word;
		str_buf_addf(t->b, "%s%s%s%s", first ? "\n" : "", color, word,
			     *color ? COLOR_END : "");
		add_blanks(t->b, 14 - width_of(word));
		str_buf_addf(t->b, "%s\n", line->meaning);
		first = false;
	}
}

int map_text(const json_t *devices, const struct map_style *style, struct str_buf *b)
{
	struct text t = { .style = style, .b = b };
	size_t i;
	json_t *device;
	int r = 0;
	json_array_foreach((json_t *)devices, i, device) {
		if (i)
			str_buf_add(b, "\n");
		r = r < 0 ? r : add_device(&t, device);
	}
	add_legend(&t);
	return r;
}
