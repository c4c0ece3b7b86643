/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See nearest.h. */
#include "base/nearest.h"

#include "base/str.h"

#define WORD_MAX 192 /* device keys are shorter */
#define TOO_FAR 99

/* Levenshtein distance; TOO_FAR when one is too long to be a typing mistake. */
static unsigned distance(const char *a, const char *b)
{
	size_t la = strlen(a), lb = strlen(b);
	if (la >= WORD_MAX || lb >= WORD_MAX)
		return TOO_FAR;
	unsigned row[WORD_MAX];
	for (size_t j = 0; j <= lb; j++)
		row[j] = (unsigned)j;
	for (size_t i = 1; i <= la; i++) {
		unsigned diagonal = row[0];
		row[0] = (unsigned)i;
		for (size_t j = 1; j <= lb; j++) {
			unsigned best = diagonal + (a[i - 1] != b[j - 1]);
			if (row[j] + 1 < best)
				best = row[j] + 1;
			if (row[j - 1] + 1 < best)
				best = row[j - 1] + 1;
			diagonal = row[j];
			row[j] = best;
		}
	}
	return row[lb];
}

void nearest_init(struct nearest *n, const char *word)
{
	*n = (struct nearest){ .word = word, .best = strlen(word) > 4 ? 2 : 1 };
}

/* Leaving the beginning out, as of "0000:3b:00.0", is one mistake. */
static unsigned mistakes(const char *word, const char *name)
{
	return strlen(word) > 4 && str_ends(name, word) ? 1 : distance(name, word);
}

void nearest_try(struct nearest *n, const char *name)
{
	unsigned d = mistakes(n->word, name);
	if (d > n->best)
		return;
	if (d < n->best)
		n->n = 0;
	n->best = d;
	for (size_t i = 0; i < n->n; i++)
		if (str_eq(n->names[i], name))
			return;
	if (n->n < NEAREST_MAX)
		n->names[n->n++] = name;
}

void nearest_try_all(struct nearest *n, const char *const *names)
{
	for (; *names; names++)
		nearest_try(n, *names);
}

const char *nearest_name(const struct nearest *n)
{
	return n->n > 0 ? n->names[0] : NULL;
}
