/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The members of the structures that the record is made of, one table for each. What is written to disk, read back
 * and compared goes by them: structures have bytes between their members that say nothing.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>

enum fields_of {
	FIELDS_WANT,
	FIELDS_SLICE,
	FIELDS_CLAIM,
	FIELDS_STEP,
	FIELDS_NOTE,
	FIELDS_SETTINGS, /* struct vf_settings */
};

enum field_type {
	TYPE_TEXT,
	TYPE_UNSIGNED,
	TYPE_SIGNED,
	TYPE_BITS, /* 64 bits, written as the signed number with the same bits */
	TYPE_NAME, /* enumeration, by its name */
	TYPE_BYTES,
	TYPE_STRUCT,
};

struct field {
	const char *name;
	enum field_type type;
	size_t offset, size; /* of one element */
	size_t n;	     /* elements; 0: not an array */
	const char *(*name_of)(unsigned value);
	unsigned n_names;
	const struct field *fields; /* of a struct; ends with a NULL name */
	bool later;		    /* may be missing in what an older version wrote: 0 then */
};

/* Ends with a NULL name. */
const struct field *fields_of(enum fields_of what);
/* Of the structure, in bytes. */
size_t fields_size(enum fields_of what);
/* The first member that does not have the same value in both structures; NULL: all have. */
const char *fields_differ(enum fields_of what, const void *a, const void *b);
static inline bool fields_same(enum fields_of what, const void *a, const void *b)
{
	return !fields_differ(what, a, b);
}
