/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The durable record (SQLite, WAL mode): wants, claims, slices, steps in flight, notes on devices,
 * applied policies, audit trail. One transaction per turn of the engine: ledger_commit() with sync = true is on the
 * disk when it returns. A damaged or newer ledger opens read-only and says so.
 */
#pragma once
#include "base/err.h"
#include "model/slice.h"

struct ledger;

enum ledger_health {
	LEDGER_GOOD,
	LEDGER_READ_ONLY, /* disk full, read-only directory: tried again at the next commit */
	LEDGER_DAMAGED,	  /* integrity check failed; the copy of the last good state is named */
	LEDGER_NEWER,	  /* written by a newer carve */
};

struct applied_policy {
	uint64_t version;
	char *file; /* as it was named, for messages */
	char *path; /* where it is; NULL: not known */
	char *text; /* NULL in lists */
	int64_t at;
	int64_t uid;		    /* who applied it; negative: not known */
	bool by_itself;		    /* carved did, because the file changed */
	uint64_t repeats;	    /* the version that was applied again; 0: none */
	char only[DEVICE_KEY_SIZE]; /* the one device it was applied to; empty: all */
};
void applied_policy_done(struct applied_policy *a);

/* The record as data. Owned by the engine, changed only by it. */
struct record {
	struct want *wants;
	size_t n_wants;
	struct slice *slices;
	size_t n_slices;
	struct claim *claims;
	size_t n_claims;
	struct step *steps;
	size_t n_steps; /* in flight when last written */
	struct device_note *notes;
	size_t n_notes;
	struct applied_policy policy; /* the last applied; version 0: none */
	char boot_id[UUID_SIZE];      /* of the boot that wrote last */
	uint64_t next_id;
};
void record_done(struct record *r);

/* One turn's changes, in order. Kinds with a body point into the engine's record or turn. */
enum change_kind {
	CHANGE_SLICE_PUT,
	CHANGE_SLICE_DELETE, /* id */
	CHANGE_CLAIM_PUT,
	CHANGE_CLAIM_DELETE, /* name */
	CHANGE_STEP_PUT,
	CHANGE_STEP_DELETE, /* id */
	CHANGE_WANTS_SET,   /* all wants anew */
	CHANGE_NOTES_SET,   /* all notes anew */
	CHANGE_POLICY_PUT,
	CHANGE_META_PUT, /* boot id, next id */
	CHANGE_AUDIT,	 /* text */
};
struct change {
	enum change_kind kind;
	union {
		struct slice slice;
		struct claim claim;
		struct step step;
		uint64_t id;
		char name[NAME_SIZE];
		char *text; /* CHANGE_AUDIT, owned */
	};
};
struct changes {
	struct change *items;
	size_t n;
	bool sync; /* an intention or a grant is among them */
};
void changes_done(struct changes *c);

int ledger_open(const char *dir, struct ledger **ret, struct err *reterr);
struct ledger *ledger_close(struct ledger *l);
enum ledger_health ledger_health(const struct ledger *l, const char **ret_why);
int ledger_load(struct ledger *l, struct record *ret, struct err *reterr);
/* All or nothing. rec gives wants, notes, policy and meta for the changes that set them. */
int ledger_commit(struct ledger *l, const struct changes *c, const struct record *rec,
		  struct err *reterr);
/* What was applied, the newest first, without texts. Caller frees with ledger_policies_free(). */
int ledger_policies(struct ledger *l, struct applied_policy **ret, size_t *ret_n,
		    struct err *reterr);
void ledger_policies_free(struct applied_policy *policies, size_t n);
/* One of them, with its text; version 0: the newest whose text is not the applied one. -ENOENT:
 * policy.no-version. */
int ledger_policy(struct ledger *l, uint64_t version, struct applied_policy *ret,
		  struct err *reterr);
/* Between turns: moves a long log into the file, so that no commit has to. */
void ledger_tidy(struct ledger *l);
/* Copies the good state aside (ledger.good), atomically. */
int ledger_backup(struct ledger *l, struct err *reterr);
/* Synced commits so far, for the gate's counts. */
uint64_t ledger_syncs(const struct ledger *l);
/* The last n audit entries, oldest first, as a JSON array (new reference). */
json_t *ledger_audit(struct ledger *l, size_t n);
