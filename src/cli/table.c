/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See table.h. */
#include "cli/table.h"

#include <stdint.h>
#include <stdio.h>
#include <sys/ioctl.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "base/str.h"
#include "cli/width.h"

#define WIDTH 80
#define GAP 2

char *text_clean(const char *text)
{
	char *copy = strdup(text);
	if (!copy)
		return NULL;
	str_clean(copy);
	for (char *p = copy; *p; p++)
		if (*p == '\n' || *p == '\t')
			*p = ' ';
	return copy;
}

void table_add(struct table *t, const char *text)
{
	_cleanup_free_ char *cell = text_clean(text && *text ? text : "-");
	char **added = cell ? ARRAY_ADD(t->cells, t->n_cells) : NULL;
	if (added)
		*added = TAKE_PTR(cell);
	else
		t->failed = true;
}

void table_addf(struct table *t, const char *fmt, ...)
{
	_cleanup_free_ char *text = NULL;
	va_list ap;
	va_start(ap, fmt);
	if (vasprintf(&text, fmt, ap) < 0)
		text = NULL;
	va_end(ap);
	t->failed = t->failed || !text;
	table_add(t, text);
}

void table_add_string(struct table *t, const json_t *object, const char *key)
{
	table_add(t, json_string_value(json_object_get(object, key)));
}

void table_add_int(struct table *t, const json_t *object, const char *key)
{
	const json_t *value = json_object_get(object, key);
	if (json_is_integer(value))
		table_addf(t, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
	else
		table_add(t, NULL);
}

static size_t screen_width(void)
{
	struct winsize ws;
	if (isatty(STDOUT_FILENO) && ioctl(STDOUT_FILENO, TIOCGWINSZ, &ws) == 0 &&
	    ws.ws_col > WIDTH)
		return ws.ws_col;
	return WIDTH;
}

/* What goes into a file or another program is for no screen: nothing is cut there. */
static size_t table_width(void)
{
	return isatty(STDOUT_FILENO) ? screen_width() : SIZE_MAX;
}

static void measure(const struct table *t, size_t widths[TABLE_COLUMNS_MAX])
{
	for (size_t k = 0; k < t->n_columns; k++)
		widths[k] = width_of(t->columns[k].title);
	for (size_t i = 0; i < t->n_cells; i++) {
		size_t w = width_of(t->cells[i]), k = i % t->n_columns;
		if (w > widths[k])
			widths[k] = w;
	}
}

/* Takes from the widest column that may give, until all fit. */
static void fit(const struct table *t, size_t widths[TABLE_COLUMNS_MAX])
{
	size_t limit = table_width();
	for (;;) {
		size_t sum = (t->n_columns - 1) * GAP, widest = t->n_columns;
		for (size_t k = 0; k < t->n_columns; k++) {
			sum += widths[k];
			bool gives = t->columns[k].least && widths[k] > t->columns[k].least;
			if (gives && (widest == t->n_columns || widths[k] > widths[widest]))
				widest = k;
		}
		if (sum <= limit || widest == t->n_columns)
			return;
		widths[widest]--;
	}
}

static void print_blanks(size_t n)
{
	printf("%*s", (int)n, "");
}

const char *state_color(const char *word)
{
	static const struct {
		const char *word, *color;
	} colors[] = {
		{ "ready", "\033[32m" },      { "ok", "\033[32m" },
		{ "held", "\033[36m" },	      { "preparing", "\033[33m" },
		{ "reclaiming", "\033[33m" }, { "releasing", "\033[33m" },
		{ "removing", "\033[33m" },   { "wanted", "\033[33m" },
		{ "warning", "\033[33m" },    { "quarantined", "\033[31m" },
		{ "lost", "\033[31m" },	      { "broken", "\033[31m" },
		{ "failed", "\033[31m" },     { "problem", "\033[31m" },
		{ "stuck", "\033[31m" },      { "mismatch", "\033[31m" },
		{ "refused", "\033[31m" },    { "waiting", "\033[33m" },
		{ "planned", "\033[33m" },    { "foreign", "\033[35m" },
		{ "orphaned", "\033[33m" },
	};
	for (size_t i = 0; i < sizeof(colors) / sizeof(colors[0]); i++)
		if (str_eq(word, colors[i].word))
			return colors[i].color;
	return "";
}

/* False: no memory. */
static bool print_cell(const struct table *t, size_t k, const char *text, size_t width, bool title)
{
	const struct table_column *column = &t->columns[k];
	_cleanup_free_ char *cut = column->trim_middle ? width_cut_middle(text, width)
						       : width_cut(text, width);
	if (!cut)
		return false;
	size_t blanks = width - width_of(cut);
	const char *color = t->color && column->state && !title ? state_color(text) : "";
	if (column->right)
		print_blanks(blanks);
	printf("%s%s%s", color, cut, *color ? COLOR_END : "");
	bool last = k + 1 == t->n_columns;
	if (!column->right && !last)
		print_blanks(blanks);
	if (last)
		putchar('\n');
	else
		print_blanks(GAP);
	return true;
}

bool table_print(const struct table *t)
{
	if (t->failed)
		return false;
	if (t->n_cells == 0)
		return true;
	bool good = true;
	size_t widths[TABLE_COLUMNS_MAX];
	measure(t, widths);
	fit(t, widths);
	if (t->color)
		fputs("\033[1m", stdout);
	for (size_t k = 0; good && k < t->n_columns; k++)
		good = print_cell(t, k, t->columns[k].title, widths[k], true);
	if (t->color)
		fputs(COLOR_END, stdout);
	for (size_t i = 0; good && i < t->n_cells; i++)
		good = print_cell(t, i % t->n_columns, t->cells[i], widths[i % t->n_columns],
				  false);
	return good;
}

void table_done(struct table *t)
{
	for (size_t i = 0; i < t->n_cells; i++)
		free(t->cells[i]);
	free(t->cells);
	t->cells = NULL;
	t->n_cells = 0;
}

void text_wrap(const char *lead, size_t indent, const char *text)
{
	_cleanup_free_ char *clean = text_clean(text);
	if (!clean)
		return;
	fputs(lead, stdout);
	print_blanks(indent > width_of(lead) ? indent - width_of(lead) : 0);
	size_t room = screen_width() - indent, column = 0;
	for (const char *p = clean; *p;) {
		size_t bytes = strcspn(p, " ");
		size_t n = width_of(p) - width_of(p + bytes);
		if (column > 0 && column + 1 + n > room) {
			putchar('\n');
			print_blanks(indent);
			column = 0;
		}
		printf("%s%.*s", column > 0 ? " " : "", (int)bytes, p);
		column += (column > 0) + n;
		p += bytes;
		p += strspn(p, " ");
	}
	putchar('\n');
}

void label_print(const char *label, const char *text)
{
	if (text && *text)
		text_wrap(label, 18, text);
}

void label_printf(const char *label, const char *fmt, ...)
{
	_cleanup_free_ char *text = NULL;
	va_list ap;
	va_start(ap, fmt);
	if (vasprintf(&text, fmt, ap) < 0)
		text = NULL;
	va_end(ap);
	label_print(label, text);
}

static void add_words(struct str_buf *b, const json_t *value)
{
	const char *space = b->len ? " " : "";
	if (json_is_string(value))
		str_buf_addf(b, "%s%s", space, json_string_value(value));
	else if (json_is_integer(value))
		str_buf_addf(b, "%s%" JSON_INTEGER_FORMAT, space, json_integer_value(value));
	else if (json_is_boolean(value))
		str_buf_addf(b, "%s%s", space, json_is_true(value) ? "yes" : "no");
}

void label_print_member(const char *label, const json_t *object, const char *key)
{
	_cleanup_(str_buf_done) struct str_buf b = { 0 };
	const json_t *value = json_object_get(object, key);
	if (json_is_array(value)) {
		size_t i;
		json_t *item;
		json_array_foreach((json_t *)value, i, item)
			add_words(&b, item);
	} else {
		add_words(&b, value);
	}
	_cleanup_free_ char *text = b.len ? str_buf_take(&b) : NULL;
	label_print(label, text);
}
