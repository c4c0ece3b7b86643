/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See log.h. */
#include "base/log.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"

static void line_write(int priority, const char *text, size_t len)
{
	if (isatty(STDERR_FILENO))
		fprintf(stderr, "%.*s\n", (int)len, text);
	else
		fprintf(stderr, "<%d>%.*s\n", priority, (int)len, text);
}

/* Each line gets its own prefix: text from outside cannot forge a record. */
static void lines_write(int priority, const char *text)
{
	do {
		size_t n = strcspn(text, "\n");
		line_write(priority, text, n);
		text += n + (text[n] == '\n');
	} while (*text);
}

void log_line(int priority, const char *fmt, ...)
{
	char *text;
	va_list ap;
	va_start(ap, fmt);
	int n = vasprintf(&text, fmt, ap);
	va_end(ap);
	if (n < 0) {
		fprintf(stderr, "<%d>out of memory for a log line: %s\n", priority, fmt);
		return;
	}
	lines_write(priority, text);
	free(text);
}

void log_err(int priority, const struct err *e)
{
	if (!err_is_set(e))
		return;

	_cleanup_free_ char *text = NULL;
	size_t size = 0;
	FILE *f = open_memstream(&text, &size);
	if (!f) {
		log_line(priority, "%s [%s]", e->what ? e->what : "failed", e->id);
		return;
	}
	err_print(f, e);
	fclose(f);
	if (text)
		lines_write(priority, text);
}
