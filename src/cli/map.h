/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Pictures of how devices are divided: from the answer of GetMap to text or SVG, without input or output of their
 * own. First each device becomes cells, which both pictures draw.
 */
#pragma once
#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/str.h"

#define MAP_COLUMNS 80

/* A part of a device, parts that are alike, or free slots side by side. Its texts have no control characters. */
struct map_cell {
	char *profile; /* "12 x vf"; "" for free slots */
	char *holder;  /* name of the claim, or in a word how it is; "" for free slots */
	char *reason;  /* why it is not as it should be; NULL: none */
	char *state;   /* as of GetMap; "hole" for free slots */
	long start;    /* first slot; -1: none */
	size_t size;   /* slots; 0: none */
	long share;    /* of the device, in thousandths; -1: not known */
};

/* The first n_row of the cells fill the n_slots from left to right; the others have no place in the row: there are no
 * slots, or two parts have the same one. */
struct map_cells {
	struct map_cell *cells;
	size_t n, n_row, n_slots;
};

/* Negative errno: no memory, or no device of GetMap. */
int map_cells_make(const json_t *device, struct map_cells *ret);
void map_cells_done(struct map_cells *m);

/* "0000:3b:00.0", or what else the device is called. */
const char *map_device_label(const json_t *device);
/* How many profiles it could have one more of. */
size_t map_device_fits(const json_t *device);
/* "4 slices left: 4 x 1g.10gb or 1 x 3g.40gb fit": what its parts share, told once, and what could be made of it,
 * each if nothing else comes. "": nothing is counted, and nothing fits. Caller frees; NULL: no memory. */
char *map_device_left(const json_t *device);

/* What pictures have in them that is explained below them. */
struct map_legend {
	bool hole, ready, quarantined, foreign, planned, either;
};
void map_legend_add(struct map_legend *l, const json_t *device, const struct map_cells *m);
struct map_legend_line {
	const char *word, *meaning;
	const char *state; /* of cells that look so; "": of none */
};
/* The lines for what occurs, one after the other from *i = 0 on; NULL: no more. */
const struct map_legend_line *map_legend_next(const struct map_legend *l, size_t *i);

struct map_style {
	bool utf8; /* lines that touch, dots in the middle */
	bool color;
};
/* Each adds the picture of all devices. Negative errno: no devices of GetMap, or no memory, which b may also say. */
int map_text(const json_t *devices, const struct map_style *style, struct str_buf *b);
int map_svg(const json_t *devices, struct str_buf *b);
