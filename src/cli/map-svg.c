/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See map.h: the picture as SVG 1.1, one file without anything outside of it, in the colours that the reader likes. */
#include <errno.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "cli/map.h"
#include "cli/print.h"
#include "cli/table.h"
#include "cli/width.h"

/* In pixels. Text is in a font of which all letters are as wide, so that its width is known. */
#define WIDTH 960
#define MARGIN 20
#define ROOM (WIDTH - 2 * MARGIN)
#define LETTER 7.3
#define LINE 18
#define PART_HEIGHT 44
#define PART_LEAST 84
#define GAP 6
#define SWATCH 22
#define CHANGING " changing"

static const char style[] =
	"<style>\n"
	"text { font: 12px ui-monospace, \"DejaVu Sans Mono\", Menlo, Consolas, monospace; fill: #1a2330 }\n"
	".paper { fill: #ffffff }\n"
	".device { font-weight: bold }\n"
	".dim { fill: #5b6675 }\n"
	".number { font-size: 10px; fill: #5b6675; text-anchor: middle }\n"
	".end { text-anchor: end }\n"
	".part { stroke: #8fa3bb; stroke-width: 1; fill: #eef1f5 }\n"
	".s1 { fill: #d9ecfb } .s2 { fill: #b4dbf5 } .s3 { fill: #86c3ec } .s4 { fill: #5ba9de }\n"
	".ready { fill: #ffffff }\n"
	".ready.s1 { fill: #e2f4e5 } .ready.s2 { fill: #c6e8cd }\n"
	".ready.s3 { fill: #a3d9ae } .ready.s4 { fill: #7fc98f }\n"
	".planned { fill-opacity: .35; stroke: #1a2330; stroke-dasharray: 5 3 }\n"
	".foreign { fill: #d4d7db; stroke: #8a9099 }\n"
	".changing { stroke: #b7791f; stroke-width: 2 }\n"
	".bad { fill: #f6b3ae; stroke: #b3261e; stroke-width: 2 }\n"
	".hole { fill: url(#hatch); stroke: #c3cad3 }\n"
	".hatch { stroke: #b3bcc8; stroke-width: 2 }\n"
	"@media (prefers-color-scheme: dark) {\n"
	"text { fill: #e8edf3 } .paper { fill: #14181d }\n"
	".dim, .number { fill: #9aa7b6 }\n"
	".part { stroke: #55708d; fill: #262d36 }\n"
	".s1 { fill: #1d3346 } .s2 { fill: #1f4664 } .s3 { fill: #205c86 } .s4 { fill: #2272a8 }\n"
	".ready { fill: #14181d }\n"
	".ready.s1 { fill: #1b3325 } .ready.s2 { fill: #1e452f }\n"
	".ready.s3 { fill: #225e3c } .ready.s4 { fill: #26774a }\n"
	".planned { stroke: #e8edf3 }\n"
	".foreign { fill: #3d434b; stroke: #79818c }\n"
	".changing { stroke: #e0a94a }\n"
	".bad { fill: #74221d; stroke: #ff7a70 }\n"
	".hole { fill: url(#hatch); stroke: #3a434e }\n"
	".hatch { stroke: #414b57 }\n"
	"}\n"
	"</style>\n"
	"<defs><pattern id=\"hatch\" width=\"8\" height=\"8\" patternUnits=\"userSpaceOnUse\" "
	"patternTransform=\"rotate(45)\"><line class=\"hatch\" x1=\"0\" y1=\"0\" x2=\"0\" y2=\"8\"/>"
	"</pattern></defs>\n";

struct svg {
	struct str_buf body;
	size_t y; /* so far it goes down */
	struct map_legend legend;
	bool sizes[5], held, changing;
};

/* --- text -------------------------------------------------------------------------------------- */

/* XML 1.0, section 2.2: two characters that UTF-8 has are none of XML. The text has no control characters. */
static void add_escaped(struct str_buf *b, const char *text)
{
	static const struct {
		const char *text, *with;
	} escapes[] = { { "&", "&amp;" },   { "<", "&lt;" },	     { ">", "&gt;" },
			{ "\"", "&quot;" }, { "\xef\xbf\xbe", "?" }, { "\xef\xbf\xbf", "?" } };
	for (const char *next; *text; text = next) {
		char one[2] = { *text, '\0' };
		const char *with = one;
		next = text + 1;
		for (size_t i = 0; i < sizeof(escapes) / sizeof(escapes[0]); i++) {
			const char *rest = str_after(text, escapes[i].text);
			if (!rest)
				continue;
			next = rest;
			with = escapes[i].with;
		}
		str_buf_add(b, with);
	}
}

/* Cut to so many pixels; to: left edge, or the right one for the class "end". */
static void add_text(struct svg *s, size_t x, size_t y, size_t room, const char *class,
		     const char *text)
{
	_cleanup_free_ char *cut = width_cut(text, (size_t)((double)room / LETTER));
	str_buf_addf(&s->body, "<text x=\"%zu\" y=\"%zu\"%s%s%s>", x, y, *class ? " class=\"" : "",
		     class, *class ? "\"" : "");
	add_escaped(&s->body, cut ? cut : "");
	str_buf_add(&s->body, "</text>\n");
	s->body.failed = s->body.failed || !cut;
}

static size_t text_room(const char *text)
{
	return (size_t)((double)width_of(text) * LETTER) + 1;
}

/* Lines of words below each other. */
static void add_lines(struct svg *s, const char *class, const char *text)
{
	const size_t most = (size_t)(ROOM / LETTER);
	while (*text) {
		size_t end = strcspn(text, " ");
		for (size_t next = end; text[next];) {
			size_t to = next + 1 + strcspn(text + next + 1, " ");
			if (to > most)
				break;
			end = next = to;
		}
		_cleanup_free_ char *line = strndup(text, end);
		s->y += LINE;
		s->body.failed = s->body.failed || !line;
		add_text(s, MARGIN, s->y - 5, ROOM, class, line ? line : "");
		text += end + strspn(text + end, " ");
	}
}

/* --- parts ------------------------------------------------------------------------------------- */

static const char *size_class(long share, size_t *ret_number)
{
	static const char *const classes[] = { "", " s1", " s2", " s3", " s4" };
	size_t n = share < 0 ? 0 : share < 200 ? 1 : share < 400 ? 2 : share < 1000 ? 3 : 4;
	*ret_number = n;
	return classes[n];
}

static const char *state_class(const char *state)
{
	static const struct {
		const char *state, *class;
	} classes[] = { { "held", "" },
			{ "ready", " ready" },
			{ "planned", " planned" },
			{ "foreign", " foreign" },
			{ "quarantined", " bad" },
			{ "lost", " bad" },
			{ "broken", " bad" },
			{ "hole", " hole" } };
	for (size_t i = 0; i < sizeof(classes) / sizeof(classes[0]); i++)
		if (str_eq(state, classes[i].state))
			return classes[i].class;
	return CHANGING;
}

/* What shows when one points at it: all of what may be cut. */
static void add_title(struct svg *s, const struct map_cell *c)
{
	str_buf_add(&s->body, "<title>");
	if (c->start >= 0)
		str_buf_addf(&s->body, "at %ld: ", c->start);
	add_escaped(&s->body, *c->profile ? c->profile : "nothing");
	str_buf_add(&s->body, *c->holder ? " " : "");
	add_escaped(&s->body, c->holder);
	str_buf_add(&s->body, c->reason ? ": " : "");
	add_escaped(&s->body, c->reason ? c->reason : "");
	str_buf_add(&s->body, "</title>");
}

static void add_part(struct svg *s, const struct map_cell *c, size_t x, size_t width)
{
	size_t number;
	const char *size = size_class(c->share, &number), *state = state_class(c->state);
	s->sizes[number] = true;
	s->held = s->held || str_eq(c->state, "held");
	s->changing = s->changing || str_eq(state, CHANGING);
	str_buf_add(&s->body, "<g>");
	add_title(s, c);
	str_buf_addf(&s->body,
		     "<rect class=\"part%s%s\" x=\"%zu\" y=\"%zu\" width=\"%zu\" height=\"%d\" "
		     "rx=\"6\"/>\n",
		     size, state, x, s->y, width, PART_HEIGHT);
	if (*c->profile)
		add_text(s, x + 8, s->y + 19, width - 12, "", c->profile);
	if (*c->holder)
		add_text(s, x + 8, s->y + 35, width - 12, "", c->holder);
	str_buf_add(&s->body, "</g>\n");
}

static size_t slot_x(const struct map_cells *m, size_t slot)
{
	return MARGIN + ROOM * slot / m->n_slots;
}

static void add_row(struct svg *s, const struct map_cells *m)
{
	for (size_t i = 0; i < m->n_row; i++) {
		const struct map_cell *c = &m->cells[i];
		size_t x = slot_x(m, (size_t)c->start), end = slot_x(m, (size_t)c->start + c->size);
		add_part(s, c, x + 1, end - x - 2);
	}
	s->y += PART_HEIGHT;
	for (size_t i = 0; i < m->n_slots; i++)
		str_buf_addf(&s->body, "<text class=\"number\" x=\"%zu\" y=\"%zu\">%zu</text>\n",
			     (slot_x(m, i) + slot_x(m, i + 1)) / 2, s->y + 12, i);
	s->y += m->n_slots ? LINE : 0;
}

static size_t part_width(const struct map_cell *c)
{
	size_t profile = text_room(c->profile), holder = text_room(c->holder);
	size_t width = (profile > holder ? profile : holder) + 20;
	return width < PART_LEAST ? PART_LEAST : width > ROOM ? ROOM : width;
}

/* Parts without a place, from left to right and line by line. */
static void add_loose(struct svg *s, const struct map_cells *m)
{
	size_t x = MARGIN;
	for (size_t i = m->n_row; i < m->n; i++) {
		size_t width = part_width(&m->cells[i]);
		if (x > MARGIN && x + width > MARGIN + ROOM) {
			s->y += PART_HEIGHT + GAP;
			x = MARGIN;
		}
		add_part(s, &m->cells[i], x, width);
		x += width + GAP;
	}
	s->y += m->n > m->n_row ? PART_HEIGHT : 0;
}

/* --- devices ------------------------------------------------------------------------------------ */

static void add_heading(struct svg *s, const json_t *device)
{
	const char *named = json_string_value(json_object_get(device, "name"));
	_cleanup_free_ char *label = text_clean(map_device_label(device)),
			    *name = text_clean(named ? named : ""), *how = NULL;
	if (asprintf(&how, "%s of %s%s", print_text(device, "mechanism"),
		     print_text(device, "selection"),
		     json_is_true(json_object_get(device, "drained")) ? ", drained" : "") < 0)
		how = NULL;
	_cleanup_free_ char *end = how ? text_clean(how) : NULL;
	if (!label || !name || !end) {
		s->body.failed = true;
		return;
	}
	size_t x = MARGIN + text_room(label) + 14, taken = x + text_room(end) + 14;
	size_t kept = text_room(end) + 14;
	add_text(s, MARGIN, s->y + 13, kept < ROOM ? ROOM - kept : 0, "device", label);
	if (*name && taken < WIDTH - MARGIN)
		add_text(s, x, s->y + 13, WIDTH - MARGIN - taken, "", name);
	add_text(s, WIDTH - MARGIN, s->y + 13, ROOM, "dim end", end);
	s->y += LINE + 4;
}

static int add_device(struct svg *s, const json_t *device)
{
	_cleanup_(map_cells_done) struct map_cells m = { 0 };
	int r = map_cells_make(device, &m);
	if (r < 0)
		return r;
	_cleanup_free_ char *left = map_device_left(device);
	add_heading(s, device);
	if (m.n_row)
		add_row(s, &m);
	add_loose(s, &m);
	s->body.failed = s->body.failed || !left;
	if (left && (*left || m.n == 0)) {
		s->y += m.n > m.n_row ? GAP : 0;
		add_lines(s, "dim", *left ? left : "no parts");
	}
	map_legend_add(&s->legend, device, &m);
	s->y += LINE;
	return 0;
}

/* --- legend -------------------------------------------------------------------------------------- */

static void add_legend_line(struct svg *s, const char *class, const char *text)
{
	if (class)
		str_buf_addf(&s->body,
			     "<rect class=\"part%s\" x=\"%d\" y=\"%zu\" width=\"%d\" height=\"13\" "
			     "rx=\"3\"/>\n",
			     class, MARGIN, s->y, SWATCH);
	add_text(s, MARGIN + SWATCH + 10, s->y + 11, ROOM - SWATCH - 10, "dim", text);
	s->y += LINE;
}

/* The darker, the more of the device. */
static void add_sizes(struct svg *s)
{
	static const char *const sizes[] = { NULL, "less than a fifth of the device",
					     "less than two fifths of it", "less than all of it",
					     "all of it" };
	static const long shares[] = { -1, 0, 200, 400, 1000 };
	size_t number;
	for (size_t n = 1; n < sizeof(sizes) / sizeof(sizes[0]); n++)
		if (s->sizes[n])
			add_legend_line(s, size_class(shares[n], &number), sizes[n]);
}

static void add_legend(struct svg *s)
{
	const struct map_legend_line *line;
	size_t i = 0;
	add_sizes(s);
	if (s->held)
		add_legend_line(s, " s2", "held: the name is that of the claim");
	if (s->changing)
		add_legend_line(s, " s2" CHANGING, "on its way to be free, held or gone");
	while ((line = map_legend_next(&s->legend, &i))) {
		char text[128], class[32] = "";
		bool hole = str_eq(line->state, "hole");
		(void)STR_FORMAT(text, "%s%s%s", hole ? "" : line->word, hole ? "" : ": ",
				 line->meaning);
		if (*line->state)
			(void)STR_FORMAT(class, " s2%s", state_class(line->state));
		add_legend_line(s, *class ? class : NULL, text);
	}
}

int map_svg(const json_t *devices, struct str_buf *b)
{
	struct svg s = { .y = MARGIN };
	size_t i;
	json_t *device;
	int r = 0;
	json_array_foreach((json_t *)devices, i, device)
		r = r < 0 ? r : add_device(&s, device);
	if (json_array_size(devices) == 0)
		add_lines(&s, "dim", "nothing is divided");
	add_legend(&s);
	_cleanup_free_ char *body = str_buf_take(&s.body);
	b->failed = b->failed || !body;
	str_buf_addf(
		b,
		"<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
		"<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %zu\" width=\"%d\" "
		"role=\"img\">\n<title>How devices are divided</title>\n%s"
		"<rect class=\"paper\" width=\"%d\" height=\"%zu\"/>\n%s</svg>\n",
		WIDTH, s.y + MARGIN, WIDTH, style, WIDTH, s.y + MARGIN, body ? body : "");
	return r;
}
