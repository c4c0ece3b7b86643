/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Arrays that grow by one. For few elements: each one more is a reallocation. */
#pragma once
#include <stddef.h>

/* A zeroed element at the end of *array (the address of a pointer), which has *n of size bytes.
 * Elements may move. NULL: no memory, nothing changed. */
void *array_add(void *array, size_t *n, size_t size);
/* The same for a pointer and its number: ARRAY_ADD(h->roots, h->n_roots). */
#define ARRAY_ADD(array, n) array_add(&(array), &(n), sizeof(*(array)))
