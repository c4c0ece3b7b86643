/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What to write instead of a name that is not known: all that are, the nearest first. */
#pragma once
#include "base/nearest.h"
#include "base/str.h"

struct suggestion {
	struct nearest nearest;
	struct str_buf names;
};

/* word and the names added are borrowed until suggestion_take(). */
void suggestion_init(struct suggestion *s, const char *word);
void suggestion_add(struct suggestion *s, const char *name);
/* "use one of: ..." or "did you mean ...? It is one of: ...". none: the text when no name was added. Caller frees;
 * NULL: no memory. */
char *suggestion_take(struct suggestion *s, const char *none);
