/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How verbs end. A detail that is too long is cut: it is for people. See verb.h. */
#include "mech/verb.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/str.h"

__attribute__((format(printf, 2, 0))) static void detail_set(struct step_result *r, const char *fmt,
							     va_list ap)
{
	if (fmt)
		(void)vsnprintf(r->detail, sizeof(r->detail), fmt, ap);
}

void verb_failed(struct step_result *r, int error, const char *where, const char *detail, ...)
{
	r->status = STEP_FAILED;
	r->error = error;
	(void)STR_COPY(r->where, where);
	va_list ap;
	va_start(ap, detail);
	detail_set(r, detail, ap);
	va_end(ap);
}

void verb_refused(struct step_result *r, const char *reason, const char *detail, ...)
{
	r->status = STEP_REFUSED;
	(void)STR_COPY(r->reason, reason);
	va_list ap;
	va_start(ap, detail);
	detail_set(r, detail, ap);
	va_end(ap);
}

int verb_path(char ret[VERB_PATH_SIZE], const char *device, const char *attribute)
{
	return str_format(ret, VERB_PATH_SIZE, "devices/%s/%s", device, attribute);
}
