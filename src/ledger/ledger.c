/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The record's file: opening it with every doubt checked, committing a turn, keeping a good copy.
 *
 * The connection is exclusive (no shared memory file; a second carved is refused) and in WAL mode:
 * a commit with synchronous=FULL is on the disk when it returns and takes earlier ones with it, one
 * with NORMAL may be lost by a power cut, but never tears (sqlite.org/pragma.html#pragma_synchronous).
 * A file that cannot be trusted or written is never opened in place: what it says is read from a
 * private copy, so it stays as it was found.
 */
#include "ledger/ledger.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "base/str.h"
#include "ledger/internal.h"
#include "ledger/record.h"

/* A log that is worth cutting when the disk is full. */
#define LOG_LARGE (256 * 1024)
/* The file grows by so much. */
#define CHUNK_SIZE (64 * 1024)

#define NOTES_TABLE "CREATE TABLE notes(device TEXT PRIMARY KEY, body TEXT NOT NULL) WITHOUT ROWID;"

#define SCHEMA                                                                                     \
	"CREATE TABLE meta(key TEXT PRIMARY KEY, value) WITHOUT ROWID;"                            \
	"CREATE TABLE wants(n INTEGER PRIMARY KEY, body TEXT NOT NULL);"                           \
	"CREATE TABLE slices(id INTEGER PRIMARY KEY, body TEXT NOT NULL);"                         \
	"CREATE TABLE claims(name TEXT PRIMARY KEY, body TEXT NOT NULL) WITHOUT ROWID;"            \
	"CREATE TABLE steps(id INTEGER PRIMARY KEY, body TEXT NOT NULL);" NOTES_TABLE              \
	"CREATE TABLE policies(version INTEGER PRIMARY KEY, file TEXT, text TEXT, at INTEGER, "    \
	"path TEXT, uid INTEGER, by_itself INTEGER, repeats INTEGER, only TEXT);"                  \
	"CREATE TABLE audit(id INTEGER PRIMARY KEY, body TEXT NOT NULL);"                          \
	"PRAGMA user_version = 3;"

DEFINE_CLEANUP(struct ledger *, ledger_close);

static void db_closep(sqlite3 **db)
{
	sqlite3_close(*db);
}

int db_exec(sqlite3 *db, const char *sql)
{
	return sqlite3_exec(db, sql, NULL, NULL, NULL);
}

int64_t db_number(sqlite3 *db, const char *sql)
{
	sqlite3_stmt *s = NULL;
	int64_t value = -1;
	if (sqlite3_prepare_v2(db, sql, -1, &s, NULL) == SQLITE_OK && sqlite3_step(s) == SQLITE_ROW)
		value = sqlite3_column_int64(s, 0);
	sqlite3_finalize(s);
	return value;
}

static bool is_full(int error)
{
	return error == ENOSPC || error == EDQUOT || error == EFBIG;
}

static bool is_read_only(int rc, int error)
{
	return rc == SQLITE_READONLY || rc == SQLITE_CANTOPEN || rc == SQLITE_PERM ||
	       error == EROFS || error == EACCES || error == EPERM;
}

static int file_errno(sqlite3 *db, int which)
{
	sqlite3_file *file = NULL;
	int error = 0;
	sqlite3_file_control(db, "main", which, &file);
	if (file && file->pMethods)
		file->pMethods->xFileControl(file, SQLITE_FCNTL_LAST_ERRNO, &error);
	return error;
}

/* The connection's own errno is often lost on the way up; the files remember theirs. */
static int db_errno(sqlite3 *db, int rc)
{
	if (!db || (rc & 0xff) != SQLITE_IOERR)
		return db ? sqlite3_system_errno(db) : 0;
	int error = sqlite3_system_errno(db);
	if (error == 0)
		error = file_errno(db, SQLITE_FCNTL_JOURNAL_POINTER);
	return error ? error : file_errno(db, SQLITE_FCNTL_FILE_POINTER);
}

int db_error(sqlite3 *db, int rc, struct err *reterr, const char *what, const char *file)
{
	int error = db_errno(db, rc);
	/* A connection that met no error itself says "not an error". */
	const char *words = db && sqlite3_errcode(db) != SQLITE_OK ? sqlite3_errmsg(db)
								   : sqlite3_errstr(rc);
	rc &= 0xff;
	if (rc == SQLITE_FULL || is_full(error)) {
		err_set(reterr, "ledger.full", ENOSPC, "cannot %s", what);
		err_todo(reterr, "free some space there; carved goes on by itself then");
	} else if (is_read_only(rc, error)) {
		err_set(reterr, "ledger.read-only", EROFS, "cannot %s", what);
		err_todo(reterr,
			 "make the directory writable for carved; it goes on by itself then");
	} else {
		err_set(reterr, "ledger.write", error ? error : EIO, "cannot %s", what);
		err_todo(reterr, "look at the disk below that directory; carved keeps trying");
	}
	err_on(reterr, "%s", file);
	err_because(reterr, "%s%s%s", words, error ? ": " : "", error ? strerror(error) : "");
	err_state(reterr, "nothing was changed, neither here nor on any device");
	return -(rc == SQLITE_FULL || is_full(error) ? ENOSPC
		 : is_read_only(rc, error)	     ? EROFS
						     : EIO);
}

static bool is_damage(int rc)
{
	rc &= 0xff;
	return rc == SQLITE_CORRUPT || rc == SQLITE_NOTADB;
}

static void health_set(struct ledger *l, enum ledger_health health, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

static void health_set(struct ledger *l, enum ledger_health health, const char *fmt, ...)
{
	char *why = NULL;
	va_list ap;
	va_start(ap, fmt);
	if (vasprintf(&why, fmt, ap) < 0)
		why = NULL;
	va_end(ap);
	free(l->why);
	l->why = why;
	l->health = health;
}

static int64_t file_size(const char *file)
{
	struct stat st;
	return stat(file, &st) < 0 ? -1 : (int64_t)st.st_size;
}

static void damage_set(struct ledger *l, const char *what)
{
	const char *f = l->file;
	if (file_size(l->good) > 0)
		health_set(
			l, LEDGER_DAMAGED,
			"%s: %s. Nothing is changed until it is repaired. The last good state is %s: "
			"stop carved, move %s and %s-wal away, copy %s to %s, start carved",
			f, what, l->good, f, f, l->good, f);
	else
		health_set(
			l, LEDGER_DAMAGED,
			"%s: %s. Nothing is changed until it is repaired. There is no good copy: stop "
			"carved, move %s and %s-wal away, start carved, apply the policy again",
			f, what, f, f);
}

/* --- the good case ------------------------------------------------------------------------- */

static int db_setup(sqlite3 *db)
{
	sqlite3_db_config(db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
	sqlite3_db_config(db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
	sqlite3_extended_result_codes(db, 1);
	/* Room ahead: on a full disk the log can still be moved into the file. */
	int chunk = CHUNK_SIZE;
	(void)sqlite3_file_control(db, "main", SQLITE_FCNTL_CHUNK_SIZE, &chunk);
	return db_exec(db, "PRAGMA locking_mode = EXCLUSIVE;"
			   "PRAGMA journal_mode = WAL;"
			   "PRAGMA synchronous = NORMAL;"
			   "PRAGMA cache_size = -256;"
			   "PRAGMA trusted_schema = OFF;");
}

static int log_grew(void *userdata, sqlite3 *db, const char *name, int pages)
{
	struct ledger *l = userdata;
	(void)db;
	(void)name;
	l->log_pages = pages;
	return SQLITE_OK;
}

static int schema_make(sqlite3 *db)
{
	int rc = db_exec(db, "PRAGMA synchronous = FULL; BEGIN IMMEDIATE;" SCHEMA "COMMIT");
	if (rc != SQLITE_OK && !sqlite3_get_autocommit(db))
		db_exec(db, "ROLLBACK");
	db_exec(db, "PRAGMA synchronous = NORMAL");
	return rc;
}

static bool db_sound(sqlite3 *db)
{
	sqlite3_stmt *s = NULL;
	bool sound = sqlite3_prepare_v2(db, "PRAGMA quick_check(1)", -1, &s, NULL) == SQLITE_OK &&
		     sqlite3_step(s) == SQLITE_ROW;
	if (sound) {
		const char *text = (const char *)sqlite3_column_text(s, 0);
		sound = text && str_eq(text, "ok");
	}
	sqlite3_finalize(s);
	return sound;
}

/* What opening in place led to. */
enum outcome {
	OPEN_GOOD,
	OPEN_DAMAGED,
	OPEN_NEWER,
	OPEN_UNWRITABLE,
	OPEN_BUSY
};

/* How far the good copy is; 0: there is none that reads. SQLite ends a log at its first bad frame, and
 * what was synced behind that would be gone without a word. */
static uint64_t copy_next_id(const struct ledger *l)
{
	_cleanup_(db_closep) sqlite3 *copy = NULL;
	_cleanup_(record_done) struct record rec = { 0 };
	_cleanup_err_ struct err ignored = { 0 };
	if (sqlite3_open_v2(l->good, &copy, SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX, NULL) !=
		    SQLITE_OK ||
	    db_load(copy, true, &rec, &ignored) < 0)
		return 0;
	return rec.next_id;
}

static enum outcome db_judge(struct ledger *l, sqlite3 *db, struct err *reterr)
{
	int64_t version = db_number(db, "PRAGMA user_version");
	if (version > LEDGER_SCHEMA) {
		err_set(reterr, "ledger.newer", EROFS, "schema %lld, this carve knows up to %d",
			(long long)version, LEDGER_SCHEMA);
		return OPEN_NEWER;
	}
	if (version == 0 && db_number(db, "SELECT count(*) FROM sqlite_master") == 0) {
		int rc = schema_make(db);
		if (rc != SQLITE_OK) {
			db_error(db, rc, reterr, "make the ledger", l->file);
			return OPEN_UNWRITABLE;
		}
	}
	if (!db_sound(db)) {
		err_set(reterr, "ledger.damaged", EBADMSG, "the integrity check failed");
		return OPEN_DAMAGED;
	}
	_cleanup_(record_done) struct record rec = { 0 };
	if (db_load(db, true, &rec, reterr) < 0)
		return OPEN_DAMAGED;
	if (rec.next_id < copy_next_id(l)) {
		err_set(reterr, "ledger.damaged", EBADMSG,
			"it is older than its good copy: part of it is lost");
		return OPEN_DAMAGED;
	}
	l->older = version > 0 && version < LEDGER_SCHEMA;
	return OPEN_GOOD;
}

static enum outcome db_open(struct ledger *l, sqlite3 **ret, struct err *reterr)
{
	if (file_size(l->file) <= 0 && file_size(l->good) > 0) {
		err_set(reterr, "ledger.damaged", EBADMSG,
			"it is empty or gone, yet a good copy exists");
		return OPEN_DAMAGED;
	}
	_cleanup_(db_closep) sqlite3 *db = NULL;
	int rc = sqlite3_open_v2(l->file, &db,
				 SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX,
				 NULL);
	if (rc == SQLITE_OK && sqlite3_db_readonly(db, "main") == 1)
		rc = SQLITE_READONLY;
	if (rc == SQLITE_OK)
		rc = db_setup(db);
	if ((rc & 0xff) == SQLITE_BUSY)
		return OPEN_BUSY;
	if (is_damage(rc)) {
		err_set(reterr, "ledger.damaged", EBADMSG, "%s", sqlite3_errmsg(db));
		return OPEN_DAMAGED;
	}
	if (rc != SQLITE_OK) {
		db_error(db, rc, reterr, "open the ledger", l->file);
		return OPEN_UNWRITABLE;
	}
	enum outcome outcome = db_judge(l, db, reterr);
	if (outcome == OPEN_GOOD) {
		sqlite3_wal_hook(db, log_grew, l);
		*ret = TAKE_PTR(db);
	}
	return outcome;
}

/* --- reading what cannot be opened in place --------------------------------------------------- */

static int file_copy(const char *from, const char *to)
{
	_cleanup_close_ int in = open(from, O_RDONLY | O_CLOEXEC);
	if (in < 0)
		return -errno;
	_cleanup_close_ int out = open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (out < 0)
		return -errno;
	char buf[16384];
	ssize_t n;
	while ((n = read(in, buf, sizeof(buf))) > 0)
		if (write(out, buf, (size_t)n) != n)
			return -EIO;
	return n < 0 ? -errno : 0;
}

static void copy_load(struct ledger *l, const char *file)
{
	_cleanup_(db_closep) sqlite3 *db = NULL;
	_cleanup_err_ struct err ignored = { 0 };
	if (sqlite3_open_v2(file, &db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL) ==
	    SQLITE_OK)
		db_load(db, false, &l->loaded, &ignored);
}

/* Loads what reads from a private copy of the file and its log; leaves nothing behind. */
static void read_aside(struct ledger *l)
{
	const char *tmp = getenv("TMPDIR");
	char dir[SYS_PATH_SIZE], file[SYS_PATH_SIZE + 16], wal[SYS_PATH_SIZE + 32],
		from[SYS_PATH_SIZE + 32];
	if (STR_FORMAT(dir, "%s/carve-ledger-XXXXXX", tmp ? tmp : "/tmp") < 0 || !mkdtemp(dir))
		return;
	STR_FORMAT(file, "%s/db", dir);
	STR_FORMAT(wal, "%s-wal", file);
	if (STR_FORMAT(from, "%s-wal", l->file) == 0 && file_copy(l->file, file) == 0) {
		(void)!file_copy(from, wal);
		copy_load(l, file);
	}
	unlink(wal);
	STR_FORMAT(wal, "%s-shm", file);
	unlink(wal);
	unlink(file);
	rmdir(dir);
}

/* --- open, close --------------------------------------------------------------------------- */

static struct ledger *ledger_new(const char *dir)
{
	_cleanup_(ledger_closep) struct ledger *l = calloc(1, sizeof(*l));
	if (!l)
		return NULL;
	l->loaded.next_id = 1;
	l->dir = strdup(dir);
	if (!l->dir || asprintf(&l->file, "%s/ledger.db", dir) < 0)
		return NULL;
	if (asprintf(&l->good, "%s/ledger.good", dir) < 0)
		return NULL;
	return TAKE_PTR(l);
}

static int busy_error(const struct ledger *l, struct err *reterr)
{
	err_set(reterr, "ledger.busy", EBUSY, "cannot open the ledger");
	err_on(reterr, "%s", l->file);
	err_because(reterr, "another process has it open: a second carved?");
	err_state(reterr, "nothing was changed");
	err_todo(reterr, "stop the other one");
	return -EBUSY;
}

static void good_copy_make(struct ledger *l)
{
	_cleanup_err_ struct err e = { 0 };
	if (ledger_backup(l, &e) < 0)
		log_err(LOG_WARNING, &e);
}

static int outcome_take(struct ledger *l, enum outcome outcome, const struct err *why,
			struct err *reterr)
{
	switch (outcome) {
	case OPEN_BUSY:
		return busy_error(l, reterr);
	case OPEN_GOOD:
		health_set(l, LEDGER_GOOD, "%s", "");
		/* Synced first: after a power cut the ledger must not be older than its copy. */
		(void)sqlite3_wal_checkpoint_v2(l->db, NULL, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
		good_copy_make(l);
		return 0;
	case OPEN_DAMAGED:
		damage_set(l, why->what ? why->what : "it is damaged");
		break;
	case OPEN_NEWER:
		health_set(
			l, LEDGER_NEWER,
			"%s was written by a newer carve (%s). Nothing is changed: install that version "
			"again",
			l->file, why->what ? why->what : "");
		break;
	case OPEN_UNWRITABLE:
		l->absent = file_size(l->file) <= 0;
		health_set(l, LEDGER_READ_ONLY, "%s: %s", l->file,
			   why->because ? why->because : "");
		break;
	}
	read_aside(l);
	return 0;
}

int ledger_open(const char *dir, struct ledger **ret, struct err *reterr)
{
	_cleanup_(ledger_closep) struct ledger *l = ledger_new(dir);
	if (!l)
		return -ENOMEM;
	_cleanup_err_ struct err why = { 0 };
	enum outcome outcome = db_open(l, &l->db, &why);
	int r = outcome_take(l, outcome, &why, reterr);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(l);
	return 0;
}

struct ledger *ledger_close(struct ledger *l)
{
	if (!l)
		return NULL;
	db_finalize(l);
	if (l->db && l->health == LEDGER_GOOD)
		sqlite3_db_config(l->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 0, NULL);
	sqlite3_close(l->db);
	record_done(&l->loaded);
	free(l->dir);
	free(l->file);
	free(l->good);
	free(l->why);
	free(l);
	return NULL;
}

enum ledger_health ledger_health(const struct ledger *l, const char **ret_why)
{
	if (ret_why)
		*ret_why = l->why ? l->why : "";
	return l->health;
}

int ledger_load(struct ledger *l, struct record *ret, struct err *reterr)
{
	if (l->db)
		return db_load(l->db, true, ret, reterr);
	*ret = l->loaded;
	l->loaded = (struct record){ .next_id = 1 };
	return 0;
}

uint64_t ledger_syncs(const struct ledger *l)
{
	return l->syncs;
}

/* --- commit --------------------------------------------------------------------------------- */

static int frozen_error(const struct ledger *l, struct err *reterr)
{
	bool newer = l->health == LEDGER_NEWER;
	err_set(reterr, newer ? "ledger.newer" : "ledger.damaged", EROFS, "cannot record a change");
	err_on(reterr, "%s", l->file);
	err_because(reterr, "%s", l->why);
	err_state(reterr, "nothing was changed; looking still works");
	return -EROFS;
}

/* The directory was not writable when last tried; it may be now. */
static int db_reopen(struct ledger *l, struct err *reterr)
{
	_cleanup_err_ struct err why = { 0 };
	if (l->absent && file_size(l->file) > 0) {
		err_set(reterr, "ledger.changed", ESTALE, "cannot record a change");
		err_on(reterr, "%s", l->file);
		err_because(reterr, "a ledger appeared that was not there when carved started");
		err_state(reterr, "nothing was changed");
		err_todo(reterr, "restart carved, so that it reads that ledger");
		return -ESTALE;
	}
	enum outcome outcome = db_open(l, &l->db, &why);
	if (outcome == OPEN_GOOD) {
		l->absent = false;
		l->sync_full = false;
		return 0;
	}
	if (outcome == OPEN_BUSY)
		return busy_error(l, reterr);
	if (outcome == OPEN_UNWRITABLE) {
		int error = why.error;
		err_move(reterr, &why);
		return -error;
	}
	if (outcome == OPEN_DAMAGED)
		damage_set(l, why.what ? why.what : "it is damaged");
	return frozen_error(l, reterr);
}

static int sync_set(struct ledger *l, bool full)
{
	if (l->sync_full == full)
		return SQLITE_OK;
	int rc = db_exec(l->db, full ? "PRAGMA synchronous = FULL" : "PRAGMA synchronous = NORMAL");
	if (rc == SQLITE_OK)
		l->sync_full = full;
	return rc;
}

/* Version 2 knew of no notes. */
static int schema_upgrade(sqlite3 *db)
{
	int rc = SQLITE_OK;
	if (db_number(db, "PRAGMA user_version") == 1)
		rc = db_policies_migrate(db);
	return rc == SQLITE_OK ? db_exec(db, NOTES_TABLE "PRAGMA user_version = 3;") : rc;
}

static int transaction(struct ledger *l, const struct changes *c, const struct record *rec)
{
	int rc = sync_set(l, c->sync);
	if (rc == SQLITE_OK)
		rc = db_run(l, STMT_BEGIN);
	if (rc == SQLITE_OK && l->older)
		rc = schema_upgrade(l->db);
	if (rc == SQLITE_OK)
		rc = db_apply(l, c, rec);
	if (rc == SQLITE_OK)
		rc = db_run(l, STMT_COMMIT);
	if (rc == SQLITE_OK)
		l->older = false;
	return rc;
}

static int commit_failed(struct ledger *l, int rc, struct err *reterr)
{
	_cleanup_err_ struct err e = { 0 };
	int r = rc == -ENOMEM ? -ENOMEM : db_error(l->db, rc, &e, "record a change", l->file);
	if (!sqlite3_get_autocommit(l->db))
		db_exec(l->db, "ROLLBACK");
	if (is_damage(rc)) {
		damage_set(l, "damage was met while writing");
		db_finalize(l);
		sqlite3_close(TAKE_PTR(l->db));
		return frozen_error(l, reterr);
	}
	health_set(l, LEDGER_READ_ONLY, "%s: %s", l->file, e.because ? e.because : strerror(-r));
	err_move(reterr, &e);
	return r;
}

/* On a full disk the log itself may be what fills it. */
static bool log_cut(struct ledger *l)
{
	char log[SYS_PATH_SIZE + 32];
	if (!sqlite3_get_autocommit(l->db))
		db_exec(l->db, "ROLLBACK");
	if (STR_FORMAT(log, "%s-wal", l->file) < 0 || file_size(log) < LOG_LARGE)
		return false;
	return sqlite3_wal_checkpoint_v2(l->db, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL) ==
	       SQLITE_OK;
}

int ledger_commit(struct ledger *l, const struct changes *c, const struct record *rec,
		  struct err *reterr)
{
	if (c->n == 0)
		return 0;
	if (l->health == LEDGER_DAMAGED || l->health == LEDGER_NEWER)
		return frozen_error(l, reterr);
	if (!l->db) {
		int r = db_reopen(l, reterr);
		if (r < 0)
			return r;
	}
	int rc = transaction(l, c, rec);
	if ((rc & 0xff) == SQLITE_FULL && log_cut(l))
		rc = transaction(l, c, rec);
	if (rc != SQLITE_OK)
		return commit_failed(l, rc, reterr);
	if (l->health != LEDGER_GOOD)
		health_set(l, LEDGER_GOOD, "%s", "");
	if (c->sync)
		l->syncs++;
	return 1;
}

void ledger_tidy(struct ledger *l)
{
	if (!l->db || l->log_pages < LEDGER_LOG_PAGES)
		return;
	/* It keeps what it cannot move yet; the next commit says again how long the log is. */
	(void)sqlite3_wal_checkpoint_v2(l->db, NULL, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
	l->log_pages = 0;
}

/* --- the good copy --------------------------------------------------------------------------- */

static int copy_into(sqlite3 *from, const char *file)
{
	_cleanup_(db_closep) sqlite3 *to = NULL;
	int rc = sqlite3_open_v2(
		file, &to, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, NULL);
	if (rc != SQLITE_OK)
		return rc;
	db_exec(to,
		"PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF");
	sqlite3_backup *b = sqlite3_backup_init(to, "main", from, "main");
	if (!b)
		return sqlite3_errcode(to);
	sqlite3_backup_step(b, -1);
	return sqlite3_backup_finish(b);
}

static int sync_path(const char *path, int flags)
{
	_cleanup_close_ int fd = open(path, flags | O_CLOEXEC);
	if (fd < 0 || fsync(fd) < 0)
		return -errno;
	return 0;
}

static int backup_failed(const struct ledger *l, int error, struct err *reterr)
{
	err_set(reterr, "ledger.copy", error, "cannot keep a copy of the last good ledger");
	err_on(reterr, "%s", l->good);
	err_because(reterr, "%s", strerror(error));
	err_state(reterr, "the ledger itself is complete; an older copy, if any, was kept");
	err_todo(reterr, "make room in that directory");
	return -error;
}

int ledger_backup(struct ledger *l, struct err *reterr)
{
	if (!l->db)
		return backup_failed(l, EROFS, reterr);
	_cleanup_free_ char *tmp = NULL;
	if (asprintf(&tmp, "%s.tmp", l->good) < 0)
		return -ENOMEM;
	unlink(tmp);
	int rc = copy_into(l->db, tmp);
	int r = rc == SQLITE_OK ? sync_path(tmp, O_RDONLY)
				: ((rc & 0xff) == SQLITE_FULL ? -ENOSPC : -EIO);
	if (r >= 0 && rename(tmp, l->good) < 0)
		r = -errno;
	if (r >= 0)
		r = sync_path(l->dir, O_RDONLY | O_DIRECTORY);
	if (r < 0) {
		unlink(tmp);
		return backup_failed(l, -r, reterr);
	}
	return 0;
}

json_t *ledger_audit(struct ledger *l, size_t n)
{
	json_t *array = json_array();
	sqlite3_stmt *s = NULL;
	if (!array || !l->db ||
	    sqlite3_prepare_v2(
		    l->db,
		    "SELECT body FROM (SELECT id, body FROM audit ORDER BY id DESC LIMIT ?) "
		    "ORDER BY id",
		    -1, &s, NULL) != SQLITE_OK)
		return array;
	sqlite3_bind_int64(s, 1, (int64_t)(n > LEDGER_AUDIT_MAX ? LEDGER_AUDIT_MAX : n));
	while (sqlite3_step(s) == SQLITE_ROW) {
		const char *text = (const char *)sqlite3_column_text(s, 0);
		json_t *entry = text ? json_loads(text, 0, NULL) : NULL;
		json_array_append_new(array, entry ? entry : json_string(text ? text : ""));
	}
	sqlite3_finalize(s);
	return array;
}
