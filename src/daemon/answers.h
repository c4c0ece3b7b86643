/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The engine's answers as replies on the connections that asked. */
#pragma once
#include "engine/engine.h"

struct daemon;

/* Consumes nothing; one whose connection is gone is dropped. */
void answers_deliver(struct daemon *d, const struct answer *a);
/* The slice of a claim in the record; NULL: none. */
const struct slice *answers_slice(const struct daemon *d, const struct claim *c);
/* A claim with its parts; s may be NULL. */
json_t *answers_claim(const struct daemon *d, const struct claim *c, const struct slice *s);
/* A handle for each part of a claim; *ret_there: all their slices are on the machine. */
json_t *answers_handles(const struct daemon *d, const struct claim *c, bool *ret_there);
/* Handle of a claim on its slice; NULL with *ret_there false when the slice is not on the machine. */
json_t *answers_handle(const struct daemon *d, const struct claim *c, const struct slice *s,
		       bool *ret_there);
