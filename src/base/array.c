/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See array.h. */
#include "base/array.h"

#include <stdlib.h>
#include <string.h>

void *array_add(void *array, size_t *n, size_t size)
{
	/* A pointer of any type: copied, since it is no void * itself. */
	void *items;
	memcpy(&items, array, sizeof(items));
	char *more = reallocarray(items, *n + 1, size);
	if (!more)
		return NULL;
	memcpy(array, &more, sizeof(more));
	return memset(more + (*n)++ * size, 0, size);
}
