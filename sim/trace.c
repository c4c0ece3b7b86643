/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See trace.h. */
#include "sim/trace.h"

#include <stdio.h>
#include <stdlib.h>

#define TRACE_MAX 32768 /* the newest that are kept at least */

struct trace {
	struct trace *next; /* the one before */
	uint64_t number;
	enum trace_kind kind;
	int result;
	char text[128];
	char path[]; /* as long as it is */
};

static void traces_free(struct trace *t)
{
	for (struct trace *next; t; t = next) {
		next = t->next;
		free(t);
	}
}

void trace_free(struct machine *m)
{
	traces_free(m->trace);
	m->trace = NULL;
}

/* The oldest half goes when there are twice as many as are kept. */
static void trace_limit(struct machine *m)
{
	if (m->trace->number % TRACE_MAX)
		return;
	struct trace *t = m->trace;
	for (size_t i = 1; t && i < TRACE_MAX; i++)
		t = t->next;
	if (!t)
		return;
	traces_free(t->next);
	t->next = NULL;
}

uint64_t trace_newest(const struct machine *m)
{
	return m->trace ? m->trace->number : 0;
}

void trace_add(struct machine *m, enum trace_kind kind, const char *path, const char *text,
	       int result)
{
	size_t len = strlen(path);
	struct trace *t = calloc(1, sizeof(*t) + len + 1);
	if (!t)
		return;
	t->number = trace_newest(m) + 1;
	t->kind = kind;
	t->result = result;
	memcpy(t->path, path, len + 1);
	(void)snprintf(t->text, sizeof(t->text), "%s", text);
	t->next = m->trace;
	m->trace = t;
	trace_limit(m);
}

/* What a program wrote may be anything. */
static void text_print(const char *text, struct str_buf *out)
{
	for (; *text; text++)
		if (*text == '"' || *text == '\\' || (unsigned char)*text < ' ')
			str_buf_addf(out, "\\x%02x", (unsigned char)*text);
		else
			str_buf_addf(out, "%c", *text);
}

static void write_print(const struct trace *t, struct str_buf *out)
{
	const char *error = t->result < 0 ? strerrorname_np(-t->result) : NULL;
	str_buf_addf(out, "write %s \"", t->path);
	text_print(t->text, out);
	str_buf_add(out, "\" ");
	if (t->kind == TRACE_IGNORED)
		str_buf_add(out, "ignored");
	else if (t->result > 0)
		str_buf_addf(out, "status 0x%x", (unsigned)t->result);
	else
		str_buf_add(out, t->result == 0 ? "ok" : error ? error : "error");
}

static void trace_print(const struct trace *t, struct str_buf *out)
{
	str_buf_addf(out, "%llu ", (unsigned long long)t->number);
	switch (t->kind) {
	case TRACE_WRITE:
	case TRACE_IGNORED:
		write_print(t, out);
		break;
	case TRACE_EVENT:
		str_buf_addf(out, "event %s %s", t->text, t->path);
		break;
	case TRACE_LOST:
		str_buf_addf(out, "event %s %s lost", t->text, t->path);
		break;
	case TRACE_BOOT:
		str_buf_addf(out, "boot %s", t->text);
		break;
	}
	str_buf_add(out, "\n");
}

/* They are kept with the newest first: turned round while they are printed. */
void trace_list(const struct machine *m, uint64_t since, struct str_buf *out)
{
	size_t n = 0;
	for (const struct trace *t = m->trace; t && t->number > since; t = t->next)
		n++;
	const struct trace **list = calloc(n + 1, sizeof(struct trace *));
	if (!list)
		return;
	size_t at = n;
	for (const struct trace *t = m->trace; at > 0; t = t->next)
		list[--at] = t;
	for (size_t i = 0; i < n; i++)
		trace_print(list[i], out);
	free(list);
}
