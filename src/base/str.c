/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See str.h. */
#include "base/str.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/cleanup.h"

int str_copy(char *dst, size_t size, const char *src)
{
	size_t len = strlen(src);
	if (len >= size) {
		dst[0] = '\0';
		return -ENAMETOOLONG;
	}
	memcpy(dst, src, len + 1);
	return 0;
}

void str_copy_words(char *dst, size_t size, const char *src)
{
	size_t n = strlen(src);
	if (n >= size) {
		n = size - 1;
		while (n > 0 && src[n] != ' ')
			n--;
	}
	memcpy(dst, src, n);
	dst[n] = '\0';
}

int str_format(char *dst, size_t size, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	int n = vsnprintf(dst, size, fmt, ap);
	va_end(ap);
	if (n < 0 || (size_t)n >= size) {
		dst[0] = '\0';
		return -ENAMETOOLONG;
	}
	return 0;
}

const char *str_after(const char *s, const char *prefix)
{
	size_t n = strlen(prefix);
	return strncmp(s, prefix, n) == 0 ? s + n : NULL;
}

bool str_ends(const char *s, const char *suffix)
{
	size_t n = strlen(s), m = strlen(suffix);
	return n >= m && str_eq(s + n - m, suffix);
}

/* Length of the UTF-8 sequence that s begins with, 0 when there is none. RFC 3629, section 4. */
static size_t utf8_length(const unsigned char *s)
{
	if (s[0] < 0x80)
		return 1;
	if (s[0] < 0xc2 || s[0] > 0xf4)
		return 0;
	size_t len = s[0] < 0xe0 ? 2 : s[0] < 0xf0 ? 3 : 4;
	for (size_t i = 1; i < len; i++)
		if ((s[i] & 0xc0) != 0x80)
			return 0;
	/* Overlong forms, surrogates, beyond U+10FFFF. */
	if ((s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xed && s[1] > 0x9f) ||
	    (s[0] == 0xf0 && s[1] < 0x90) || (s[0] == 0xf4 && s[1] > 0x8f))
		return 0;
	return len;
}

/* C0, DEL, and C1 in its UTF-8 form, which some terminals obey as well. */
static bool is_control(const unsigned char *s)
{
	return (s[0] < 0x20 && s[0] != '\n') || s[0] == 0x7f || (s[0] == 0xc2 && s[1] < 0xa0);
}

void str_clean(char *s)
{
	while (*s) {
		const unsigned char *at = (const unsigned char *)s;
		size_t len = utf8_length(at);
		size_t bad = len == 0 ? 1 : is_control(at) ? len : 0;
		memset(s, '?', bad);
		s += bad ? bad : len;
	}
}

static bool buf_grow(struct str_buf *b, size_t more)
{
	if (b->failed)
		return false;
	if (b->len + more + 1 <= b->room)
		return true;
	size_t room = (b->len + more + 1) * 2;
	char *text = realloc(b->text, room);
	if (!text) {
		b->failed = true;
		return false;
	}
	b->text = text;
	b->room = room;
	return true;
}

void str_buf_add(struct str_buf *b, const char *text)
{
	size_t n = strlen(text);
	if (!buf_grow(b, n))
		return;
	memcpy(b->text + b->len, text, n + 1);
	b->len += n;
}

void str_buf_addf(struct str_buf *b, const char *fmt, ...)
{
	_cleanup_free_ char *text = NULL;
	va_list ap;
	va_start(ap, fmt);
	int n = vasprintf(&text, fmt, ap);
	va_end(ap);
	if (n < 0) {
		text = NULL;
		b->failed = true;
		return;
	}
	str_buf_add(b, text);
}

char *str_buf_take(struct str_buf *b)
{
	str_buf_add(b, "");
	if (b->failed) {
		str_buf_done(b);
		return NULL;
	}
	char *text = TAKE_PTR(b->text);
	*b = (struct str_buf){ 0 };
	return text;
}

void str_buf_done(struct str_buf *b)
{
	free(b->text);
	*b = (struct str_buf){ 0 };
}
