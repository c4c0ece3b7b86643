/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Columns that text takes on a screen: none, one or two for each character of UTF-8. */
#pragma once
#include <stddef.h>

/* text: UTF-8 without control characters (text_clean()), but for colours, which take none. */
size_t width_of(const char *text);
/* Text without colours of at most so many columns; ".." stands for what was left out. Caller frees; NULL: no memory. */
char *width_cut(const char *text, size_t columns);
/* The same for text whose end matters too: what is left out is in the middle. */
char *width_cut_middle(const char *text, size_t columns);
