/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See err.h. */
#include "base/err.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/str.h"

/* The kernel's MAX_ERRNO. */
#define ERROR_MAX 4095

void err_done(struct err *e)
{
	if (!e)
		return;
	free(e->id);
	free(e->what);
	free(e->on);
	free(e->because);
	free(e->state);
	free(e->todo);
	*e = (struct err){ 0 };
}

/* The first text stays. Names of processes and files come in here: nothing that a terminal would
 * obey or JSON refuse goes further. */
__attribute__((format(printf, 2, 0))) static void part_set(char **part, const char *fmt, va_list ap)
{
	if (*part)
		return;
	if (vasprintf(part, fmt, ap) < 0)
		*part = NULL;
	else
		str_clean(*part);
}

int err_set(struct err *reterr, const char *id, int error, const char *what, ...)
{
	if (!reterr || reterr->id)
		return -error;

	va_list ap;
	va_start(ap, what);
	/* On failure the id alone still says what it was. */
	part_set(&reterr->what, what, ap);
	va_end(ap);
	reterr->id = strdup(id);
	reterr->error = error;
	return -error;
}

#define DEFINE_PART(part)                                                                          \
	void err_##part(struct err *reterr, const char *fmt, ...)                                  \
	{                                                                                          \
		if (!err_is_set(reterr))                                                           \
			return;                                                                    \
		va_list ap;                                                                        \
		va_start(ap, fmt);                                                                 \
		part_set(&reterr->part, fmt, ap);                                                  \
		va_end(ap);                                                                        \
	}

DEFINE_PART(on)
DEFINE_PART(state)
DEFINE_PART(todo)

__attribute__((format(printf, 2, 0))) static void line_add(char **part, const char *fmt, va_list ap)
{
	_cleanup_free_ char *line = NULL;
	part_set(&line, fmt, ap);
	if (!line)
		return;
	if (!*part) {
		*part = TAKE_PTR(line);
		return;
	}
	char *both = NULL;
	if (asprintf(&both, "%s\n%s", *part, line) < 0)
		return;
	free(*part);
	*part = both;
}

#define DEFINE_LINES(function, part)                                                               \
	void function(struct err *reterr, const char *fmt, ...)                                    \
	{                                                                                          \
		if (!err_is_set(reterr))                                                           \
			return;                                                                    \
		va_list ap;                                                                        \
		va_start(ap, fmt);                                                                 \
		line_add(&reterr->part, fmt, ap);                                                  \
		va_end(ap);                                                                        \
	}

DEFINE_LINES(err_because, because)
DEFINE_LINES(err_state_add, state)

void err_move(struct err *dst, struct err *src)
{
	if (dst && !dst->id) {
		*dst = *src;
		*src = (struct err){ 0 };
	}
	err_done(src);
}

static void print_part(FILE *f, const char *label, const char *text)
{
	if (!text)
		return;
	for (const char *line = text; *line;) {
		size_t n = strcspn(line, "\n");
		fprintf(f, "  %-8s %.*s\n", line == text ? label : "", (int)n, line);
		line += n + (line[n] == '\n');
	}
}

static bool word_char(char c)
{
	return c && (strchr("._:-/", c) || (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
		     (c >= 'A' && c <= 'Z'));
}

/* Is on in what, as words of their own? */
static bool names(const char *what, const char *on)
{
	size_t n = strlen(on);
	for (const char *p = what; p && (p = strstr(p, on)); p++)
		if (!word_char(p[n]) && (p == what || !word_char(p[-1])))
			return true;
	return false;
}

void err_print(FILE *f, const struct err *e)
{
	if (!err_is_set(e))
		return;
	fputs(e->what ? e->what : "failed", f);
	if (e->on && e->on[0] && !names(e->what, e->on))
		fprintf(f, "%s%s", e->on[0] == '/' ? ": " : " on ", e->on);
	fprintf(f, " [%s]\n", e->id);
	print_part(f, "because", e->because ? e->because : (e->error ? strerror(e->error) : NULL));
	print_part(f, "state", e->state);
	print_part(f, "do", e->todo);
}

json_t *err_to_json(const struct err *e)
{
	json_t *partial = e->partial ? json_true() : NULL;
	return json_pack("{s:s, s:i, s:s*, s:s*, s:s*, s:s*, s:s*, s:o*}", "id",
			 e->id ? e->id : "unknown", "errno", e->error, "what", e->what, "on", e->on,
			 "because", e->because, "state", e->state, "do", e->todo, "partial",
			 partial);
}

static int take_part(char **part, const json_t *json, const char *name)
{
	const char *text = json_string_value(json_object_get(json, name));
	if (!text)
		return 0;
	*part = strdup(text);
	if (*part)
		str_clean(*part); /* who sent it is not known here */
	return *part ? 0 : -ENOMEM;
}

int err_from_json(struct err *e, const json_t *json)
{
	json_int_t error = json_integer_value(json_object_get(json, "errno"));
	if (!json_is_string(json_object_get(json, "id")) || error < 0 || error > ERROR_MAX)
		return -EINVAL;

	_cleanup_err_ struct err new = {
		.error = (int)error,
		.partial = json_is_true(json_object_get(json, "partial")),
	};
	int r = take_part(&new.id, json, "id");
	if (r >= 0)
		r = take_part(&new.what, json, "what");
	if (r >= 0)
		r = take_part(&new.on, json, "on");
	if (r >= 0)
		r = take_part(&new.because, json, "because");
	if (r >= 0)
		r = take_part(&new.state, json, "state");
	if (r >= 0)
		r = take_part(&new.todo, json, "do");
	if (r < 0)
		return r;
	err_move(e, &new);
	return 0;
}
