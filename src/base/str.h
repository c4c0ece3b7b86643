/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Bounded strings: copy into fixed fields without ever cutting silently, compare, join. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

static inline bool str_eq(const char *a, const char *b)
{
	/* Asked very often; most that differ do so at once. */
	return a[0] == b[0] && strcmp(a, b) == 0;
}

/* Copies src into a field of size bytes. -ENAMETOOLONG (field left empty) when it does not fit. */
int str_copy(char *dst, size_t size, const char *src);
/* As many of the words in src, with blanks between them, as fit. */
void str_copy_words(char *dst, size_t size, const char *src);
/* printf into a field; same result as str_copy. */
int str_format(char *dst, size_t size, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* The same for an array field: STR_COPY(f->driver, name). */
#define STR_COPY(field, src) str_copy((field), sizeof(field), (src))
#define STR_FORMAT(field, ...) str_format((field), sizeof(field), __VA_ARGS__)

/* Returns what follows prefix in s, or NULL. */
const char *str_after(const char *s, const char *prefix);
bool str_ends(const char *s, const char *suffix);

/* Puts '?' for every byte that is a control character (but newline) or not UTF-8, in place. */
void str_clean(char *s);

/* Text that grows. Starts zeroed; a failure sticks and is seen at str_buf_take(). */
struct str_buf {
	char *text;
	size_t len;
	size_t room;
	bool failed;
};
void str_buf_add(struct str_buf *b, const char *text);
void str_buf_addf(struct str_buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* The text, now the caller's (never NULL on success); NULL when memory ran out on the way. */
char *str_buf_take(struct str_buf *b);
void str_buf_done(struct str_buf *b);
