/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See suggest.h. */
#include "policy/suggest.h"

#include <stdio.h>

#include "base/cleanup.h"

#define NAMES_MAX 300

void suggestion_init(struct suggestion *s, const char *word)
{
	*s = (struct suggestion){ 0 };
	nearest_init(&s->nearest, word);
}

void suggestion_add(struct suggestion *s, const char *name)
{
	nearest_try(&s->nearest, name);
	str_buf_addf(&s->names, "%s%s", s->names.len ? ", " : "", name);
}

char *suggestion_take(struct suggestion *s, const char *none)
{
	_cleanup_free_ char *names = str_buf_take(&s->names);
	if (!names)
		return NULL;
	if (!*names)
		return strdup(none);
	const char *near = nearest_name(&s->nearest);
	struct str_buf b = { 0 };
	if (near)
		str_buf_addf(&b, "did you mean \"%s\"?", near);
	if (near && str_eq(near, names))
		return str_buf_take(&b);
	str_buf_add(&b, near ? " It is one of: " : "use one of: ");
	str_buf_addf(&b, "%.*s%s", NAMES_MAX, names, strlen(names) > NAMES_MAX ? "..." : "");
	return str_buf_take(&b);
}
