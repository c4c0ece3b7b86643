/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Shared by the files of the ledger. */
#pragma once
#include <sqlite3.h>

#include "ledger/ledger.h"

#define LEDGER_SCHEMA 3
#define LEDGER_AUDIT_MAX 10000
#define LEDGER_POLICIES_MAX 32
#define LEDGER_POLICIES_BYTES                                                                      \
	(8 * 1024 * 1024) /* of all their texts; the newest one stays whatever it has */
#define LEDGER_LOG_PAGES 256

enum ledger_stmt {
	STMT_BEGIN,
	STMT_COMMIT,
	STMT_META_PUT,
	STMT_WANTS_CLEAR,
	STMT_WANT_PUT,
	STMT_NOTES_CLEAR,
	STMT_NOTE_PUT,
	STMT_SLICE_PUT,
	STMT_SLICE_DELETE,
	STMT_CLAIM_PUT,
	STMT_CLAIM_DELETE,
	STMT_STEP_PUT,
	STMT_STEP_DELETE,
	STMT_POLICY_PUT,
	STMT_POLICY_TRIM,
	STMT_AUDIT_PUT,
	STMT_AUDIT_TRIM,
	STMT_COUNT,
};

struct ledger {
	char *dir, *file, *good;
	sqlite3 *db; /* NULL: not writable now, or frozen */
	sqlite3_stmt *stmts[STMT_COUNT];
	enum ledger_health health;
	char *why;
	bool sync_full; /* what the connection is set to */
	bool older;	/* of an older schema, until the first commit */
	bool absent;	/* nothing was there when it was opened, and nothing could be made */
	uint64_t syncs;
	int log_pages;	      /* in the write-ahead log after the last commit */
	struct record loaded; /* what read, while db is NULL */
};

/* Turns the connection's last error into words: ledger.full, ledger.read-only, ledger.write. */
int db_error(sqlite3 *db, int rc, struct err *reterr, const char *what, const char *file);
int db_exec(sqlite3 *db, const char *sql);
/* Reads all rows. strict: the first wrong one fails; else it is left out and reterr says which. */
int db_load(sqlite3 *db, bool strict, struct record *ret, struct err *reterr);
/* One integer; -1 when the query fails. */
int64_t db_number(sqlite3 *db, const char *sql);
/* policies.c: the table of version 1 becomes that of version 2, inside an open transaction. SQLite's result
 * code. */
int db_policies_migrate(sqlite3 *db);
/* The newest one. */
int db_policy_load(sqlite3 *db, struct applied_policy *ret, struct err *reterr);
/* Writes one turn's changes inside an open transaction. SQLite's result code, or -ENOMEM. */
int db_apply(struct ledger *l, const struct changes *c, const struct record *rec);
/* One of those without values. */
int db_run(struct ledger *l, enum ledger_stmt which);
void db_finalize(struct ledger *l);
