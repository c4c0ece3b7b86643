/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What somebody may have meant who mistyped a word: the names that are least far from it. */
#pragma once
#include <stddef.h>

#define NEAREST_MAX 3

struct nearest {
	const char *word;
	const char *names[NEAREST_MAX]; /* borrowed; equally far, in the order in which they came */
	size_t n;
	unsigned best; /* their number of mistakes */
};

/* Begins a search; word and the names tried are borrowed until it ends. */
void nearest_init(struct nearest *n, const char *word);
/* A name that could have been meant; one too far from the word is dropped. */
void nearest_try(struct nearest *n, const char *name);
/* The same for all of a list that NULL ends. */
void nearest_try_all(struct nearest *n, const char *const *names);
/* The first of the nearest names; NULL: none is near enough to be a typing mistake. */
const char *nearest_name(const struct nearest *n);
