/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a whole record must satisfy beyond each row being valid; shared by the ledger's files. */
#pragma once
#include "ledger/ledger.h"

/* Ids and names are unique, claims and slices point at each other, ids are below next_id. */
int record_check(const struct record *r, struct err *reterr);
