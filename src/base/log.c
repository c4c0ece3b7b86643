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

void log_line(int priority, const char *fmt, ...)
{
	_cleanup_free_ char *text = NULL;
	va_list ap;
	va_start(ap, fmt);
	int n = vasprintf(&text, fmt, ap);
	va_end(ap);
	if (n < 0) {
		text = NULL;
		return;
	}
	line_write(priority, text, (size_t)n);
}

void log_err(int priority, const struct err *e)
{
	_cleanup_free_ char *text = NULL;
	size_t size = 0;
	FILE *f = open_memstream(&text, &size);
	if (!f)
		return;
	err_print(f, e);
	fclose(f);
	for (const char *line = text; line && *line;) {
		size_t n = strcspn(line, "\n");
		line_write(priority, line, n);
		line += n + (line[n] == '\n');
	}
}
