/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See alloc-fail.h. The linker sends calls of malloc() to __wrap_malloc(), and so on. */
#include "support/alloc-fail.h"

#include <errno.h>
#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>

/* The linker finds these by name only, so they are declared by no header. */
#define WRAP(type, name, ...)                                                                      \
	type __real_##name(__VA_ARGS__);                                                           \
	type __wrap_##name(__VA_ARGS__);                                                           \
	type __wrap_##name(__VA_ARGS__)

static bool armed;
static bool failed;
static unsigned left;

static bool fail_now(void)
{
	if (!armed || left-- > 0)
		return false;
	armed = false;
	failed = true;
	errno = ENOMEM;
	return true;
}

WRAP(void *, malloc, size_t size)
{
	return fail_now() ? NULL : __real_malloc(size);
}

WRAP(void *, calloc, size_t n, size_t size)
{
	return fail_now() ? NULL : __real_calloc(n, size);
}

WRAP(void *, realloc, void *p, size_t size)
{
	return fail_now() ? NULL : __real_realloc(p, size);
}

WRAP(void *, reallocarray, void *p, size_t n, size_t size)
{
	return fail_now() ? NULL : __real_reallocarray(p, n, size);
}

WRAP(char *, strdup, const char *s)
{
	return fail_now() ? NULL : __real_strdup(s);
}

WRAP(char *, strndup, const char *s, size_t n)
{
	return fail_now() ? NULL : __real_strndup(s, n);
}

WRAP(FILE *, open_memstream, char **text, size_t *size)
{
	return fail_now() ? NULL : __real_open_memstream(text, size);
}

WRAP(int, vasprintf, char **ret, const char *fmt, va_list ap)
{
	return fail_now() ? -1 : __real_vasprintf(ret, fmt, ap);
}

/* What vasprintf() is called with _FORTIFY_SOURCE; the C library exports both. */
WRAP(int, __vasprintf_chk, char **ret, int flag, const char *fmt, va_list ap)
{
	return fail_now() ? -1 : __real___vasprintf_chk(ret, flag, fmt, ap);
}

int __wrap_asprintf(char **ret, const char *fmt, ...);
int __wrap_asprintf(char **ret, const char *fmt, ...)
{
	if (fail_now())
		return -1;
	va_list ap;
	va_start(ap, fmt);
	int n = __real_vasprintf(ret, fmt, ap);
	va_end(ap);
	return n;
}

int __wrap___asprintf_chk(char **ret, int flag, const char *fmt, ...);
int __wrap___asprintf_chk(char **ret, int flag, const char *fmt, ...)
{
	if (fail_now())
		return -1;
	va_list ap;
	va_start(ap, fmt);
	int n = __real___vasprintf_chk(ret, flag, fmt, ap);
	va_end(ap);
	return n;
}

void alloc_fail_at(unsigned n)
{
	json_set_alloc_funcs(__wrap_malloc, free);
	failed = false;
	left = n;
	armed = true;
}

bool alloc_fail_done(void)
{
	armed = false;
	return failed;
}
