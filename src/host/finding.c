/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See finding.h. */
#include "host/finding.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/array.h"
#include "base/str.h"

void findings_done(struct findings *f)
{
	free(f->items);
	*f = (struct findings){ 0 };
}

const char *finding_level_name(enum finding_level l)
{
	static const char *const names[] = { "ok", "note", "warning", "problem" };
	return (unsigned)l < 4 ? names[l] : "unknown";
}

int findings_add(struct findings *f, enum finding_level level, const char *id, const char *subject,
		 const char *remedy, const char *text, ...)
{
	struct finding *new = ARRAY_ADD(f->items, f->n);
	if (!new)
		return -ENOMEM;
	new->level = level;
	new->id = id;
	(void)STR_COPY(new->subject, subject);
	(void)STR_COPY(new->remedy, remedy);
	va_list ap;
	va_start(ap, text);
	int n = vsnprintf(new->text, sizeof(new->text), text, ap);
	va_end(ap);
	if (n < 0 || (size_t)n >= sizeof(new->text))
		new->text[0] = '\0';
	return 0;
}
