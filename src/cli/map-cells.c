/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See map.h: devices as cells, and the words for them. */
#include <errno.h>
#include <stdlib.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "cli/map.h"
#include "cli/print.h"
#include "cli/table.h"

#define SLOTS_MAX 64

static const char *text_of(const json_t *o, const char *key)
{
	return json_string_value(json_object_get(o, key));
}

static json_int_t number_of(const json_t *o, const char *key, json_int_t fallback)
{
	const json_t *value = json_object_get(o, key);
	return json_is_integer(value) ? json_integer_value(value) : fallback;
}

static char *profile_words(const json_t *part)
{
	_cleanup_free_ char *text = NULL;
	json_int_t count = number_of(part, "count", 1);
	if (asprintf(&text, "%" JSON_INTEGER_FORMAT " x %s", count, print_text(part, "profile")) <
	    0)
		return NULL;
	return text_clean(count > 1 ? text : print_text(part, "profile"));
}

/* "3 of 4: a, b, c" */
static char *sharers_words(const json_t *part)
{
	_cleanup_(str_buf_done) struct str_buf b = { 0 };
	const json_t *claims = json_object_get(part, "claims");
	size_t i;
	json_t *c;
	str_buf_addf(&b, "%zu of %" JSON_INTEGER_FORMAT, json_array_size(claims),
		     number_of(part, "shares", 0));
	json_array_foreach((json_t *)claims, i, c)
		str_buf_addf(&b, "%s%s", i ? ", " : ": ", json_string_value(c));
	_cleanup_free_ char *text = str_buf_take(&b);
	return text ? text_clean(text) : NULL;
}

/* Who has it; where that is not all there is to say, how it is. */
static char *holder_words(const json_t *part)
{
	const char *state = print_text(part, "state"), *claim = text_of(part, "claim");
	_cleanup_free_ char *text = NULL;
	if (json_object_get(part, "claims"))
		return sharers_words(part);
	if (str_eq(state, "ready"))
		return strdup("free");
	if (str_eq(state, "quarantined"))
		return strdup("!quarantined");
	if (!claim || str_eq(state, "held"))
		return text_clean(claim ? claim : state);
	return asprintf(&text, "%s, %s", claim, state) < 0 ? NULL : text_clean(text);
}

static void cell_done(struct map_cell *c)
{
	free(c->profile);
	free(c->holder);
	free(c->reason);
	free(c->state);
}

void map_cells_done(struct map_cells *m)
{
	for (size_t i = 0; i < m->n; i++)
		cell_done(&m->cells[i]);
	free(m->cells);
	*m = (struct map_cells){ 0 };
}

static bool cell_whole(const struct map_cell *c)
{
	return c->profile && c->holder && c->state;
}

static int part_add(struct map_cells *m, const json_t *part)
{
	const char *reason = text_of(part, "reason");
	struct map_cell *c = ARRAY_ADD(m->cells, m->n);
	if (!c)
		return -ENOMEM;
	json_int_t start = number_of(part, "start", -1), size = number_of(part, "size", 0);
	bool placed = start >= 0 && size > 0 && start + size <= (json_int_t)m->n_slots;
	*c = (struct map_cell){
		.profile = profile_words(part),
		.holder = holder_words(part),
		.reason = reason ? text_clean(reason) : NULL,
		.state = text_clean(print_text(part, "state")),
		.start = placed ? (long)start : -1,
		.size = placed ? (size_t)size : 0,
		.share = (long)number_of(part, "share", -1),
	};
	return cell_whole(c) && (c->reason || !reason) ? 0 : -ENOMEM;
}

static int hole_add(struct map_cells *m, size_t start, size_t end)
{
	struct map_cell *c = start < end ? ARRAY_ADD(m->cells, m->n) : NULL;
	if (!c)
		return start < end ? -ENOMEM : 0;
	*c = (struct map_cell){
		.profile = strdup(""),
		.holder = strdup(""),
		.state = strdup("hole"),
		.start = (long)start,
		.size = end - start,
		.share = -1,
	};
	return cell_whole(c) ? 0 : -ENOMEM;
}

/* In the row, at slot at: the first cell that begins there. */
static struct map_cell *cell_at(struct map_cell *cells, size_t n, size_t at)
{
	for (size_t i = 0; i < n; i++)
		if (cells[i].start == (long)at)
			return &cells[i];
	return NULL;
}

static int cell_move(struct map_cells *to, struct map_cell *c)
{
	struct map_cell *moved = ARRAY_ADD(to->cells, to->n);
	if (!moved)
		return -ENOMEM;
	*moved = *c;
	*c = (struct map_cell){ .start = -1 };
	return 0;
}

/* The row from left to right: its parts, and holes between them. */
static int row_make(struct map_cells *parts, struct map_cells *ret)
{
	size_t end = 0;
	int r = 0;
	for (size_t at = 0; r >= 0 && at < ret->n_slots; at++) {
		struct map_cell *c = at >= end ? cell_at(parts->cells, parts->n, at) : NULL;
		if (!c)
			continue;
		r = hole_add(ret, end, at);
		end = at + c->size;
		if (r >= 0)
			r = cell_move(ret, c);
	}
	if (r >= 0)
		r = hole_add(ret, end, ret->n_slots);
	ret->n_row = ret->n;
	return r;
}

int map_cells_make(const json_t *device, struct map_cells *ret)
{
	json_int_t slots = number_of(device, "slots", 0);
	if (slots < 0 || slots > SLOTS_MAX)
		return -EPROTO;
	_cleanup_(map_cells_done) struct map_cells parts = { .n_slots = (size_t)slots };
	*ret = (struct map_cells){ .n_slots = (size_t)slots };
	size_t i;
	json_t *part;
	int r = 0;
	json_array_foreach(json_object_get(device, "parts"), i, part)
		r = r < 0 ? r : part_add(&parts, part);
	if (r >= 0)
		r = row_make(&parts, ret);
	for (i = 0; r >= 0 && i < parts.n; i++)
		if (parts.cells[i].state)
			r = cell_move(ret, &parts.cells[i]);
	if (r < 0)
		map_cells_done(ret);
	return r;
}

/* --- words ------------------------------------------------------------------------------------- */

const char *map_device_label(const json_t *device)
{
	const char *address = text_of(device, "address");
	return address ? address : print_text(device, "device");
}

size_t map_device_fits(const json_t *device)
{
	size_t i, n = 0;
	json_t *f;
	json_array_foreach(json_object_get(device, "free"), i, f)
		n += number_of(f, "more", 0) > 0;
	return n;
}

static void add_counters(struct str_buf *b, const json_t *device)
{
	size_t i;
	json_t *k;
	json_array_foreach(json_object_get(device, "counters"), i, k) {
		json_int_t left = number_of(k, "total", 0) - number_of(k, "used", 0);
		str_buf_addf(b, "%s%" JSON_INTEGER_FORMAT " %s", i ? ", " : "", left,
			     print_text(k, "name"));
	}
	str_buf_add(b, b->len ? " left" : "");
}

static void add_fits(struct str_buf *b, const json_t *device)
{
	const char *between = b->len ? ": " : "";
	size_t i;
	json_t *f;
	json_array_foreach(json_object_get(device, "free"), i, f) {
		json_int_t more = number_of(f, "more", 0);
		if (more <= 0)
			continue;
		str_buf_addf(b, "%s%" JSON_INTEGER_FORMAT " x %s", between, more,
			     print_text(f, "profile"));
		between = " or ";
	}
	str_buf_add(b, map_device_fits(device) ? " fit" : "");
}

char *map_device_left(const json_t *device)
{
	_cleanup_(str_buf_done) struct str_buf b = { 0 };
	add_counters(&b, device);
	add_fits(&b, device);
	_cleanup_free_ char *text = str_buf_take(&b);
	return text ? text_clean(text) : NULL;
}

void map_legend_add(struct map_legend *l, const json_t *device, const struct map_cells *m)
{
	l->either = l->either || map_device_fits(device) > 1;
	for (size_t i = 0; i < m->n; i++) {
		const char *state = m->cells[i].state;
		l->hole = l->hole || str_eq(state, "hole");
		l->ready = l->ready || str_eq(state, "ready");
		l->quarantined = l->quarantined || str_eq(state, "quarantined");
		l->foreign = l->foreign || str_eq(state, "foreign");
		l->planned = l->planned || str_eq(state, "planned");
	}
}

const struct map_legend_line *map_legend_next(const struct map_legend *l, size_t *i)
{
	static const struct map_legend_line lines[] = {
		{ ".", "slots that nothing has", "hole" },
		{ "free", "ready for a claim", "ready" },
		{ "planned", "the policy would make it", "planned" },
		{ "foreign", "carve did not make it", "foreign" },
		{ "!quarantined", "kept out of use, see carve quarantine list", "quarantined" },
		{ "or", "they share the device: each number holds if nothing else comes", "" },
	};
	const bool has[] = { l->hole, l->ready, l->planned, l->foreign, l->quarantined, l->either };
	while (*i < sizeof(lines) / sizeof(lines[0])) {
		size_t k = (*i)++;
		if (has[k])
			return &lines[k];
	}
	return NULL;
}
