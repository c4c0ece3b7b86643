/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See width.h. */
#include "cli/width.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CUT ".."

/* Unicode 15: combining marks, joiners, variation selectors; East Asian wide and full width, emoji. Coarse: what
 * names of devices, classes and claims have. The C library knows them only in a locale of UTF-8. */
static const struct {
	uint32_t first, last;
	unsigned columns;
} ranges[] = {
	{ 0x0300, 0x036f, 0 },	 { 0x0483, 0x0489, 0 },	  { 0x0591, 0x05bd, 0 },
	{ 0x064b, 0x065f, 0 },	 { 0x1100, 0x115f, 2 },	  { 0x1ab0, 0x1aff, 0 },
	{ 0x1dc0, 0x1dff, 0 },	 { 0x200b, 0x200f, 0 },	  { 0x202a, 0x202e, 0 },
	{ 0x2060, 0x2064, 0 },	 { 0x20d0, 0x20f0, 0 },	  { 0x231a, 0x231b, 2 },
	{ 0x23e9, 0x23ec, 2 },	 { 0x25fd, 0x25fe, 2 },	  { 0x2614, 0x2615, 2 },
	{ 0x26a1, 0x26a1, 2 },	 { 0x2705, 0x2705, 2 },	  { 0x274c, 0x274c, 2 },
	{ 0x2e80, 0x303e, 2 },	 { 0x3041, 0x33ff, 2 },	  { 0x3400, 0x4dbf, 2 },
	{ 0x4e00, 0x9fff, 2 },	 { 0xa000, 0xa4cf, 2 },	  { 0xac00, 0xd7a3, 2 },
	{ 0xf900, 0xfaff, 2 },	 { 0xfe00, 0xfe0f, 0 },	  { 0xfe20, 0xfe2f, 0 },
	{ 0xfe30, 0xfe6f, 2 },	 { 0xfeff, 0xfeff, 0 },	  { 0xff00, 0xff60, 2 },
	{ 0xffe0, 0xffe6, 2 },	 { 0x1f300, 0x1f64f, 2 }, { 0x1f680, 0x1f6ff, 2 },
	{ 0x1f900, 0x1f9ff, 2 }, { 0x20000, 0x3fffd, 2 }, { 0xe0100, 0xe01ef, 0 },
};

static unsigned columns_of(uint32_t c)
{
	for (size_t i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++)
		if (c >= ranges[i].first && c <= ranges[i].last)
			return ranges[i].columns;
	return 1;
}

static bool is_more(char byte)
{
	return ((unsigned char)byte & 0xc0) == 0x80;
}

/* The character at *text, which moves on behind it. */
static uint32_t next_character(const char **text)
{
	unsigned char first = (unsigned char)*(*text)++;
	uint32_t c = first < 0xc0   ? first
		     : first < 0xe0 ? first & 0x1f
		     : first < 0xf0 ? first & 0x0f
				    : first & 0x07;
	while (is_more(**text))
		c = c << 6 | ((unsigned char)*(*text)++ & 0x3f);
	return c;
}

size_t width_of(const char *text)
{
	size_t n = 0;
	while (*text) {
		const char *color_end = *text == '\033' ? strchr(text, 'm') : NULL;
		if (color_end)
			text = color_end + 1;
		else
			n += columns_of(next_character(&text));
	}
	return n;
}

/* Bytes of the longest beginning that takes no more columns. */
static size_t bytes_within(const char *text, size_t columns)
{
	const char *end = text;
	for (const char *next = text; *next; end = next) {
		unsigned n = columns_of(next_character(&next));
		if (n > columns)
			break;
		columns -= n;
	}
	return (size_t)(end - text);
}

/* Its longest end that takes no more columns. */
static const char *end_within(const char *text, size_t columns)
{
	while (width_of(text) > columns)
		(void)next_character(&text);
	return text;
}

static char *cut(const char *text, size_t columns, bool middle)
{
	if (width_of(text) <= columns)
		return strdup(text);
	if (columns < strlen(CUT))
		return strndup(CUT, columns);
	char *ret;
	size_t left = columns - strlen(CUT), tail = middle ? left / 2 : 0;
	int r = asprintf(&ret, "%.*s" CUT "%s", (int)bytes_within(text, left - tail), text,
			 end_within(text, tail));
	return r < 0 ? NULL : ret;
}

char *width_cut(const char *text, size_t columns)
{
	return cut(text, columns, false);
}

char *width_cut_middle(const char *text, size_t columns)
{
	return cut(text, columns, true);
}
