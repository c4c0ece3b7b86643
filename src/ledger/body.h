/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Rows of the ledger: the structures of model/slice.h and model/step.h as JSON text and back. Every
 * member is named, must be there, must have its type and fit; so a row that loads is a valid one.
 */
#pragma once
#include "base/err.h"
#include "model/fields.h"
#include "model/slice.h"

/* Text of the structure, NULL when out of memory. Caller frees. */
char *body_format(enum fields_of kind, const void *object);
/* Fills the structure (written only on success). reterr says which member is wrong. -EBADMSG. */
int body_parse(enum fields_of kind, const char *text, void *ret, struct err *reterr);
