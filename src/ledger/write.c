/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One turn's changes as SQL, inside the transaction that ledger_commit() holds. */
#include <errno.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "ledger/body.h"
#include "ledger/internal.h"

#define STRINGIFY_(x) #x
#define STRINGIFY(x) STRINGIFY_(x)
#define AUDIT_TRIM_EVERY 64 /* entries */

static const char *const statements[STMT_COUNT] = {
	[STMT_BEGIN] = "BEGIN IMMEDIATE",
	[STMT_COMMIT] = "COMMIT",
	[STMT_META_PUT] = "INSERT OR REPLACE INTO meta(key, value) VALUES(?, ?)",
	[STMT_WANTS_CLEAR] = "DELETE FROM wants",
	[STMT_WANT_PUT] = "INSERT INTO wants(n, body) VALUES(?, ?)",
	[STMT_NOTES_CLEAR] = "DELETE FROM notes",
	[STMT_NOTE_PUT] = "INSERT INTO notes(device, body) VALUES(?, ?)",
	[STMT_SLICE_PUT] = "INSERT OR REPLACE INTO slices(id, body) VALUES(?, ?)",
	[STMT_SLICE_DELETE] = "DELETE FROM slices WHERE id = ?",
	[STMT_CLAIM_PUT] = "INSERT OR REPLACE INTO claims(name, body) VALUES(?, ?)",
	[STMT_CLAIM_DELETE] = "DELETE FROM claims WHERE name = ?",
	[STMT_STEP_PUT] = "INSERT OR REPLACE INTO steps(id, body) VALUES(?, ?)",
	[STMT_STEP_DELETE] = "DELETE FROM steps WHERE id = ?",
	[STMT_POLICY_PUT] = "INSERT OR REPLACE INTO policies"
			    "(version, file, text, at, path, uid, by_itself, repeats, only) "
			    "VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?)",
	[STMT_POLICY_TRIM] =
		"DELETE FROM policies WHERE version < ?1 AND (version <= ?1 - " STRINGIFY(
			LEDGER_POLICIES_MAX) " OR version IN (SELECT version FROM (SELECT version, "
					     "sum(length(CAST(text AS BLOB))) OVER (ORDER BY "
					     "version DESC) AS size FROM policies) "
					     "WHERE size > " STRINGIFY(LEDGER_POLICIES_BYTES) "))",
	[STMT_AUDIT_PUT] = "INSERT INTO audit(body) VALUES(?)",
	[STMT_AUDIT_TRIM] = ("DELETE FROM audit WHERE id <= ? - " STRINGIFY(LEDGER_AUDIT_MAX)),
};

/* Text when text is set, else the number. */
struct value {
	const char *text;
	int64_t number;
};

void db_finalize(struct ledger *l)
{
	for (size_t i = 0; i < STMT_COUNT; i++) {
		sqlite3_finalize(l->stmts[i]);
		l->stmts[i] = NULL;
	}
}

static int run(struct ledger *l, enum ledger_stmt which, const struct value *values, int n)
{
	sqlite3_stmt **s = &l->stmts[which];
	int rc = SQLITE_OK;
	if (!*s)
		rc = sqlite3_prepare_v3(l->db, statements[which], -1, SQLITE_PREPARE_PERSISTENT, s,
					NULL);
	for (int i = 0; rc == SQLITE_OK && i < n; i++)
		rc = values[i].text
			     ? sqlite3_bind_text(*s, i + 1, values[i].text, -1, SQLITE_STATIC)
			     : sqlite3_bind_int64(*s, i + 1, values[i].number);
	if (rc != SQLITE_OK)
		return rc;
	rc = sqlite3_step(*s);
	sqlite3_reset(*s);
	sqlite3_clear_bindings(*s);
	return rc == SQLITE_DONE ? SQLITE_OK : rc;
}

int db_run(struct ledger *l, enum ledger_stmt which)
{
	return run(l, which, NULL, 0);
}

static int run_id(struct ledger *l, enum ledger_stmt which, uint64_t id)
{
	return run(l, which, &(struct value){ .number = (int64_t)id }, 1);
}

static int body_put(struct ledger *l, enum ledger_stmt which, struct value key, enum fields_of kind,
		    const void *object)
{
	_cleanup_free_ char *text = body_format(kind, object);
	if (!text)
		return -ENOMEM;
	return run(l, which, (struct value[]){ key, { .text = text } }, 2);
}

static int wants_set(struct ledger *l, const struct record *rec)
{
	int rc = run(l, STMT_WANTS_CLEAR, NULL, 0);
	for (size_t i = 0; rc == SQLITE_OK && i < rec->n_wants; i++)
		rc = body_put(l, STMT_WANT_PUT, (struct value){ .number = (int64_t)i }, FIELDS_WANT,
			      &rec->wants[i]);
	return rc;
}

static int notes_set(struct ledger *l, const struct record *rec)
{
	int rc = run(l, STMT_NOTES_CLEAR, NULL, 0);
	for (size_t i = 0; rc == SQLITE_OK && i < rec->n_notes; i++)
		rc = body_put(l, STMT_NOTE_PUT, (struct value){ .text = rec->notes[i].device },
			      FIELDS_NOTE, &rec->notes[i]);
	return rc;
}

static int policy_put(struct ledger *l, const struct applied_policy *p)
{
	struct value values[] = {
		{ .number = (int64_t)p->version },
		{ .text = p->file ? p->file : "" },
		{ .text = p->text ? p->text : "" },
		{ .number = p->at },
		{ .text = p->path ? p->path : "" },
		{ .number = p->uid },
		{ .number = p->by_itself },
		{ .number = (int64_t)p->repeats },
		{ .text = p->only },
	};
	int rc = run(l, STMT_POLICY_PUT, values, sizeof(values) / sizeof(values[0]));
	return rc == SQLITE_OK ? run_id(l, STMT_POLICY_TRIM, p->version) : rc;
}

static int meta_put(struct ledger *l, const struct record *rec)
{
	struct value next[] = { { .text = "next_id" }, { .number = (int64_t)rec->next_id } };
	struct value boot[] = { { .text = "boot_id" }, { .text = rec->boot_id } };
	int rc = run(l, STMT_META_PUT, next, 2);
	return rc == SQLITE_OK ? run(l, STMT_META_PUT, boot, 2) : rc;
}

static int audit_put(struct ledger *l, const char *text)
{
	int rc = run(l, STMT_AUDIT_PUT, &(struct value){ .text = text }, 1);
	int64_t id = sqlite3_last_insert_rowid(l->db);
	if (rc != SQLITE_OK || id % AUDIT_TRIM_EVERY)
		return rc;
	return run_id(l, STMT_AUDIT_TRIM, (uint64_t)id);
}

static int change_apply(struct ledger *l, const struct change *c, const struct record *rec)
{
	switch (c->kind) {
	case CHANGE_SLICE_PUT:
		return body_put(l, STMT_SLICE_PUT, (struct value){ .number = (int64_t)c->slice.id },
				FIELDS_SLICE, &c->slice);
	case CHANGE_SLICE_DELETE:
		return run_id(l, STMT_SLICE_DELETE, c->id);
	case CHANGE_CLAIM_PUT:
		return body_put(l, STMT_CLAIM_PUT, (struct value){ .text = c->claim.name },
				FIELDS_CLAIM, &c->claim);
	case CHANGE_CLAIM_DELETE:
		return run(l, STMT_CLAIM_DELETE, &(struct value){ .text = c->name }, 1);
	case CHANGE_STEP_PUT:
		return body_put(l, STMT_STEP_PUT, (struct value){ .number = (int64_t)c->step.id },
				FIELDS_STEP, &c->step);
	case CHANGE_STEP_DELETE:
		return run_id(l, STMT_STEP_DELETE, c->id);
	case CHANGE_WANTS_SET:
		return wants_set(l, rec);
	case CHANGE_NOTES_SET:
		return notes_set(l, rec);
	case CHANGE_POLICY_PUT:
		return policy_put(l, &rec->policy);
	case CHANGE_META_PUT:
		return meta_put(l, rec);
	case CHANGE_AUDIT:
		return audit_put(l, c->text);
	}
	return SQLITE_MISUSE;
}

int db_apply(struct ledger *l, const struct changes *c, const struct record *rec)
{
	for (size_t i = 0; i < c->n; i++) {
		int rc = change_apply(l, &c->items[i], rec);
		if (rc != SQLITE_OK)
			return rc;
	}
	return SQLITE_OK;
}
