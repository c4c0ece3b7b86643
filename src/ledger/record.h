/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Looking things up in a record, and what a whole one must satisfy beyond each row being valid. */
#pragma once
#include "ledger/ledger.h"

/* NULL: there is none. Borrowed until the record changes. */
const struct slice *record_slice(const struct record *r, uint64_t id);
const struct claim *record_claim(const struct record *r, const char *name);
const struct want *record_want(const struct record *r, const char *device);
const struct device_note *record_note(const struct record *r, const char *device);
/* Ids and names are unique, claims and slices point at each other, ids are below next_id. */
int record_check(const struct record *r, struct err *reterr);
