/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Columns that text takes on a screen: none, one or two for each character of UTF-8. */
#pragma once
#include <stddef.h>

/* text: UTF-8 without control characters (text_clean()). */
size_t width_of(const char *text);
/* Text of at most so many columns; ".." stands for what was left out. Caller frees; NULL: no memory. */
char *width_cut(const char *text, size_t columns);
