/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See services.h. */
#include "host/services.h"

#include <errno.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "host/enroll.h"
#include "model/service.h"

__attribute__((format(printf, 5, 6))) static int
fault(struct err *reterr, const char *file, unsigned line, size_t column, const char *fmt, ...)
{
	char text[256];
	va_list ap;
	va_start(ap, fmt);
	int n = vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	err_set(reterr, "services.syntax", EINVAL, "cannot use the list of services");
	err_on(reterr, "%s:%u:%zu", file, line, column);
	err_because(reterr, "%s", n < 0 ? "" : text);
	err_state(reterr, "no service is stopped or started until the file is corrected");
	err_todo(reterr, "correct that line; its form is in carve-devices(5)");
	return -EINVAL;
}

static int parse_unit(const char *unit, const char *file, unsigned line, size_t column,
		      struct service_list *l, struct err *reterr)
{
	if (!service_name_valid(unit))
		return fault(reterr, file, line, column,
			     "\"%.80s\" is no name of a unit like nvidia-persistenced.service",
			     unit);
	if (service_is_vital(unit))
		return fault(reterr, file, line, column,
			     "the host cannot do without %s, which is never stopped", unit);
	if (services_has(l, unit))
		return fault(reterr, file, line, column, "%s is there twice", unit);
	if (l->n == SERVICES_MAX)
		return fault(reterr, file, line, column, "more than %d units", SERVICES_MAX);
	return STR_COPY(l->units[l->n++], unit);
}

static int parse_line(char *line, const char *file, unsigned number, struct service_list *l,
		      struct err *reterr)
{
	static const char blanks[] = " \t";
	line[strcspn(line, "#")] = '\0';
	char *unit = line + strspn(line, blanks);
	char *end = unit + strcspn(unit, blanks);
	if (!*unit)
		return 0;
	if (end[strspn(end, blanks)])
		return fault(reterr, file, number, (size_t)(end - line) + 1,
			     "more than one unit on the line");
	*end = '\0';
	return parse_unit(unit, file, number, (size_t)(unit - line) + 1, l, reterr);
}

int services_parse(const char *text, const char *file, struct service_list *ret, struct err *reterr)
{
	struct service_list l = { .n = 0 };
	unsigned number = 0;
	for (const char *p = text; *p;) {
		char line[256];
		size_t len = strcspn(p, "\n");
		number++;
		if (len >= sizeof(line))
			return fault(reterr, file, number, 1, "the line is longer than %zu bytes",
				     sizeof(line) - 1);
		memcpy(line, p, len);
		line[len] = '\0';
		int r = parse_line(line, file, number, &l, reterr);
		if (r < 0)
			return r;
		p += len + (p[len] == '\n');
	}
	*ret = l;
	return 0;
}

int services_read(const char *file, struct service_list *ret, struct err *reterr)
{
	_cleanup_free_ char *text = NULL;
	const char *why = NULL;
	int r = enroll_text_read(file, &text, &why);
	if (r >= 0)
		return services_parse(text ? text : "", file, ret, reterr);
	err_set(reterr, "services.unreadable", -r, "cannot read the list of services");
	err_on(reterr, "%s", file);
	err_because(reterr, "%s", why);
	err_state(reterr, "no service is stopped or started");
	err_todo(reterr, "make it a regular file of root that nobody else can write");
	return r;
}

bool services_has(const struct service_list *l, const char *unit)
{
	for (size_t i = 0; i < l->n; i++)
		if (str_eq(l->units[i], unit))
			return true;
	return false;
}
