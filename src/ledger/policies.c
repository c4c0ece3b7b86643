/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The policies that were applied. The newest is part of the record; older ones are only read when
 * somebody asks for them. Version 1 of the schema knew of each its file, text and time.
 */
#include <errno.h>
#include <stdlib.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "base/str.h"
#include "ledger/internal.h"

#define COLUMNS "version, file, at, path, uid, by_itself, repeats, only"
#define COLUMNS_OF_1 "version, file, at, '', -1, 0, 0, ''"
#define NEWEST "FROM policies ORDER BY version DESC LIMIT 1"

static void stmt_finalizep(sqlite3_stmt **s)
{
	sqlite3_finalize(*s);
}

#define _cleanup_stmt_ _cleanup_(stmt_finalizep)

int db_policies_migrate(sqlite3 *db)
{
	return db_exec(db, "ALTER TABLE policies ADD COLUMN path TEXT;"
			   "ALTER TABLE policies ADD COLUMN uid INTEGER;"
			   "ALTER TABLE policies ADD COLUMN by_itself INTEGER;"
			   "ALTER TABLE policies ADD COLUMN repeats INTEGER;"
			   "ALTER TABLE policies ADD COLUMN only TEXT;"
			   "UPDATE policies SET uid = -1;"
			   "PRAGMA user_version = 2;");
}

/* A ledger that was not written to yet is as the older version made it. */
static sqlite3_stmt *policies_select(sqlite3 *db, const char *what)
{
	bool old = db_number(db, "PRAGMA user_version") == 1;
	char sql[512];
	sqlite3_stmt *s = NULL;
	if (STR_FORMAT(sql, "SELECT %s, %s", old ? COLUMNS_OF_1 : COLUMNS, what) < 0 ||
	    sqlite3_prepare_v2(db, sql, -1, &s, NULL) != SQLITE_OK)
		return NULL;
	return s;
}

static char *column_dup(sqlite3_stmt *s, int column)
{
	const char *text = (const char *)sqlite3_column_text(s, column);
	return strdup(text ? text : "");
}

static int row_take(sqlite3_stmt *s, struct applied_policy *ret)
{
	const char *only = (const char *)sqlite3_column_text(s, 7);
	struct applied_policy p = {
		.version = (uint64_t)sqlite3_column_int64(s, 0),
		.file = column_dup(s, 1),
		.at = sqlite3_column_int64(s, 2),
		.path = column_dup(s, 3),
		.uid = sqlite3_column_int64(s, 4),
		.by_itself = sqlite3_column_int(s, 5) != 0,
		.repeats = (uint64_t)sqlite3_column_int64(s, 6),
		.text = sqlite3_column_type(s, 8) == SQLITE_NULL ? NULL : column_dup(s, 8),
	};
	bool good = p.file && p.path && (p.text || sqlite3_column_type(s, 8) == SQLITE_NULL);
	if (!good || STR_COPY(p.only, only ? only : "") < 0) {
		applied_policy_done(&p);
		return good ? -EBADMSG : -ENOMEM;
	}
	*ret = p;
	return 0;
}

static int read_failed(sqlite3 *db, struct err *reterr)
{
	return err_set(reterr, "ledger.damaged", EBADMSG, "cannot read policies: %s",
		       sqlite3_errmsg(db));
}

/* 1: *ret is the row. 0: there is none. */
static int one_load(sqlite3 *db, const char *what, uint64_t version, struct applied_policy *ret,
		    struct err *reterr)
{
	_cleanup_stmt_ sqlite3_stmt *s = policies_select(db, what);
	if (!s)
		return read_failed(db, reterr);
	if (sqlite3_bind_parameter_count(s) > 0)
		sqlite3_bind_int64(s, 1, (int64_t)version);
	int rc = sqlite3_step(s);
	if (rc == SQLITE_DONE)
		return 0;
	int r = rc == SQLITE_ROW ? row_take(s, ret) : -EBADMSG;
	if (r == -EBADMSG)
		return read_failed(db, reterr);
	return r < 0 ? r : 1;
}

int db_policy_load(sqlite3 *db, struct applied_policy *ret, struct err *reterr)
{
	int r = one_load(db, "text " NEWEST, 0, ret, reterr);
	return r < 0 ? r : 0;
}

static int not_readable(const struct ledger *l, struct err *reterr)
{
	err_set(reterr, "ledger.history", EROFS, "cannot read what was applied");
	err_on(reterr, "%s", l->file);
	err_because(reterr, "%s", l->why ? l->why : "it is not open");
	err_state(reterr, "nothing was changed");
	err_todo(reterr, "see carved(8), RECOVERY");
	return -EROFS;
}

int ledger_policies(struct ledger *l, struct applied_policy **ret, size_t *ret_n,
		    struct err *reterr)
{
	struct applied_policy *all = NULL;
	size_t n = 0;
	int rc = SQLITE_OK, r = 0;
	if (!l->db)
		return not_readable(l, reterr);
	_cleanup_stmt_ sqlite3_stmt *s =
		policies_select(l->db, "NULL FROM policies ORDER BY version DESC");
	if (!s)
		return read_failed(l->db, reterr);
	while (r >= 0 && (rc = sqlite3_step(s)) == SQLITE_ROW) {
		struct applied_policy *p = ARRAY_ADD(all, n);
		r = p ? row_take(s, p) : -ENOMEM;
	}
	if (r == -EBADMSG || (r >= 0 && rc != SQLITE_DONE))
		r = read_failed(l->db, reterr);
	if (r < 0) {
		ledger_policies_free(all, n);
		return r;
	}
	*ret = all;
	*ret_n = n;
	return 0;
}

void ledger_policies_free(struct applied_policy *policies, size_t n)
{
	for (size_t i = 0; i < n; i++)
		applied_policy_done(&policies[i]);
	free(policies);
}

static int no_version(const struct ledger *l, uint64_t version, struct err *reterr)
{
	int64_t oldest = db_number(l->db, "SELECT min(version) FROM policies");
	int64_t newest = db_number(l->db, "SELECT max(version) FROM policies");
	if (version)
		err_set(reterr, "policy.no-version", ENOENT,
			"there is no version %llu of the policy", (unsigned long long)version);
	else
		err_set(reterr, "policy.no-version", ENOENT,
			"there is no policy before the applied one");
	if (newest > 0)
		err_because(reterr, "versions %lld to %lld are kept", (long long)oldest,
			    (long long)newest);
	else
		err_because(reterr, "none was ever applied");
	err_state(reterr, "nothing was changed");
	err_todo(reterr, "carve policy history lists what is kept");
	return -ENOENT;
}

int ledger_policy(struct ledger *l, uint64_t version, struct applied_policy *ret,
		  struct err *reterr)
{
	static const char *const one = "text FROM policies WHERE version = ?",
				 *const before =
					 "text FROM policies WHERE text != (SELECT text " NEWEST
					 ") ORDER BY version DESC LIMIT 1";
	if (!l->db)
		return not_readable(l, reterr);
	int r = one_load(l->db, version ? one : before, version, ret, reterr);
	if (r == 0)
		return no_version(l, version, reterr);
	return r < 0 ? r : 0;
}
