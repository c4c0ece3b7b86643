/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Reading the record back: every row is validated, then what must hold between rows. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "ledger/body.h"
#include "ledger/internal.h"
#include "ledger/record.h"

static void stmt_finalizep(sqlite3_stmt **s)
{
	sqlite3_finalize(*s);
}

#define _cleanup_stmt_ _cleanup_(stmt_finalizep)

static int read_failed(sqlite3 *db, struct err *reterr, const char *table)
{
	return err_set(reterr, "ledger.damaged", EBADMSG, "cannot read %s: %s", table,
		       sqlite3_errmsg(db));
}

static const char *column_text(sqlite3_stmt *s, int column)
{
	const char *text = (const char *)sqlite3_column_text(s, column);
	return text ? text : "";
}

static int rows_grow(void **rows, size_t n, size_t *room, size_t size)
{
	if (n < *room)
		return 0;
	size_t more = *room ? *room * 2 : 16;
	void *p = realloc(*rows, more * size);
	if (!p)
		return -ENOMEM;
	*rows = p;
	*room = more;
	return 0;
}

static int rows_load(sqlite3 *db, const char *sql, enum fields_of kind, bool strict, void **ret,
		     size_t *ret_n, struct err *reterr)
{
	_cleanup_stmt_ sqlite3_stmt *s = NULL;
	if (sqlite3_prepare_v2(db, sql, -1, &s, NULL) != SQLITE_OK)
		return read_failed(db, reterr, sql);

	_cleanup_free_ void *rows = NULL;
	size_t n = 0, room = 0, size = fields_size(kind);
	int rc;
	while ((rc = sqlite3_step(s)) == SQLITE_ROW) {
		int r = rows_grow(&rows, n, &room, size);
		if (r < 0)
			return r;
		r = body_parse(kind, column_text(s, 0), (char *)rows + n * size, reterr);
		if (r >= 0)
			n++;
		else if (strict)
			return r;
	}
	*ret_n = n;
	*ret = TAKE_PTR(rows);
	return rc == SQLITE_DONE ? 0 : read_failed(db, reterr, sql);
}

static int meta_load(sqlite3 *db, struct record *rec, struct err *reterr)
{
	_cleanup_stmt_ sqlite3_stmt *s = NULL;
	if (sqlite3_prepare_v2(db, "SELECT key, value FROM meta", -1, &s, NULL) != SQLITE_OK)
		return read_failed(db, reterr, "meta");
	int rc;
	while ((rc = sqlite3_step(s)) == SQLITE_ROW) {
		if (str_eq(column_text(s, 0), "next_id"))
			rec->next_id = (uint64_t)sqlite3_column_int64(s, 1);
		else if (str_eq(column_text(s, 0), "boot_id") &&
			 STR_COPY(rec->boot_id, column_text(s, 1)) < 0)
			return err_set(reterr, "ledger.row", EBADMSG, "the boot id is too long");
	}
	return rc == SQLITE_DONE ? 0 : read_failed(db, reterr, "meta");
}

static int tables_load(sqlite3 *db, bool strict, struct record *rec, struct err *reterr)
{
	const struct {
		const char *sql;
		enum fields_of kind;
		void **rows;
		size_t *n;
		int64_t since; /* the schema that has it first; 0: any has it */
	} tables[] = {
		{ "SELECT body FROM wants ORDER BY n", FIELDS_WANT, (void **)&rec->wants,
		  &rec->n_wants, 0 },
		{ "SELECT body FROM slices ORDER BY id", FIELDS_SLICE, (void **)&rec->slices,
		  &rec->n_slices, 0 },
		{ "SELECT body FROM claims", FIELDS_CLAIM, (void **)&rec->claims, &rec->n_claims,
		  0 },
		{ "SELECT body FROM steps ORDER BY id", FIELDS_STEP, (void **)&rec->steps,
		  &rec->n_steps, 0 },
		{ "SELECT body FROM notes ORDER BY device", FIELDS_NOTE, (void **)&rec->notes,
		  &rec->n_notes, 3 },
	};
	int64_t schema = db_number(db, "PRAGMA user_version");
	for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]); i++) {
		if (schema < tables[i].since)
			continue;
		int r = rows_load(db, tables[i].sql, tables[i].kind, strict, tables[i].rows,
				  tables[i].n, reterr);
		if (r == -ENOMEM || (r < 0 && strict))
			return r;
	}
	return 0;
}

/* As they came; parts of one claim, which came together, by their numbers. */
static int claim_compare(const void *one, const void *other)
{
	const struct claim *a = one, *b = other;
	if (a->arrival != b->arrival)
		return a->arrival < b->arrival ? -1 : 1;
	size_t length = strlen(a->name), other_length = strlen(b->name);
	if (length != other_length)
		return length < other_length ? -1 : 1;
	return strcmp(a->name, b->name);
}

int db_load(sqlite3 *db, bool strict, struct record *ret, struct err *reterr)
{
	_cleanup_(record_done) struct record rec = { .next_id = 1 };
	int r = meta_load(db, &rec, reterr);
	if (r >= 0 || !strict)
		r = tables_load(db, strict, &rec, reterr);
	/* Older versions made mdevs alone without saying so. */
	for (size_t i = 0; i < rec.n_slices; i++)
		rec.slices[i].alone |= rec.slices[i].uuid[0] != '\0';
	if (rec.n_claims)
		qsort(rec.claims, rec.n_claims, sizeof(*rec.claims), claim_compare);
	if (r >= 0)
		r = db_policy_load(db, &rec.policy, reterr);
	if (r >= 0 && strict)
		r = record_check(&rec, reterr);
	if (r == -ENOMEM || (r < 0 && strict))
		return r;
	*ret = rec;
	rec = (struct record){ 0 };
	return 0;
}
