/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The ledger: what goes in comes back, through damage, a full disk, a newer version, kill -9. */
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "ledger/body.h"
#include "ledger/ledger.h"
#include "ledger/record.h"
#include "support/test.h"

DEFINE_CLEANUP(struct ledger *, ledger_close);
#define KEY "pci:0000:00/03.0/00.0"

struct fixture {
	char dir[64], file[96], good[96];
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	STR_COPY(f->dir, "/tmp/test-ledger-XXXXXX");
	if (!mkdtemp(f->dir))
		return -1;
	STR_FORMAT(f->file, "%s/ledger.db", f->dir);
	STR_FORMAT(f->good, "%s/ledger.good", f->dir);
	*state = f;
	return 0;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	chmod(f->dir, 0700);
	nftw(f->dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
	free(f);
	return 0;
}

static struct ledger *open_ok(const struct fixture *f)
{
	struct ledger *l = NULL;
	_cleanup_err_ struct err e = { 0 };
	int r = ledger_open(f->dir, &l, &e);
	if (r < 0)
		err_print(stderr, &e);
	assert_int_equal(r, 0);
	return l;
}

static void load_ok(struct ledger *l, struct record *ret)
{
	_cleanup_err_ struct err e = { 0 };
	int r = ledger_load(l, ret, &e);
	if (r < 0)
		err_print(stderr, &e);
	assert_int_equal(r, 0);
}

static struct change slice_put(uint64_t id, const char *claim)
{
	struct change c = { .kind = CHANGE_SLICE_PUT };
	c.slice = (struct slice){
		.id = id, .index = 3, .state = SLICE_HELD, .has_original = 1, .last_uid = 7
	};
	STR_COPY(c.slice.device, KEY);
	STR_COPY(c.slice.mech, "sriov");
	STR_COPY(c.slice.profile, "vf");
	STR_COPY(c.slice.claim, claim);
	STR_COPY(c.slice.original_driver, "igbvf");
	return c;
}

static struct change claim_put(const char *name, uint64_t slice)
{
	struct change c = { .kind = CHANGE_CLAIM_PUT };
	c.claim = (struct claim){ .slice = slice,
				  .kind = CLAIM_RESERVED,
				  .state = CLAIM_HELD,
				  .pid = -5,
				  .pid_start = UINT64_MAX,
				  .arrival = UINT64_MAX,
				  .preemptible = 1,
				  .lease = { .since = 1700000000,
					     .used = 1700000060,
					     .max = 43200,
					     .idle = 7200,
					     .in_use = 1,
					     .told = 1 },
				  .orphan_end = 1700000120,
				  .created = 1700000000 };
	STR_COPY(c.claim.tenant, "lab-a");
	STR_COPY(c.claim.ended, "its lease of 12h is over");
	STR_COPY(c.claim.name, name);
	STR_COPY(c.claim.class, "lan");
	STR_COPY(c.claim.owner, "libvirt:w\xc3\xa9"
				"b \"01\"");
	c.claim.set = (struct vf_settings){ .set = VF_SET_MAC,
					    .mac = { 0x52, 0x54, 0, 0xaa, 0, 1 },
					    .vlan = 12 };
	return c;
}

static struct change step_put(uint64_t id)
{
	struct change c = { .kind = CHANGE_STEP_PUT };
	c.step = (struct step){
		.id = id, .verb = VERB_BIND, .target = { .vf = -1 }, .number = UINT32_MAX
	};
	STR_COPY(c.step.target.device, KEY);
	STR_COPY(c.step.text, "vfio-pci");
	return c;
}

static int commit(struct ledger *l, struct change *items, size_t n, bool sync,
		  const struct record *rec, struct err *reterr)
{
	struct changes c = { .items = items, .n = n, .sync = sync };
	return ledger_commit(l, &c, rec, reterr);
}

static void commit_ok(struct ledger *l, struct change *items, size_t n, bool sync,
		      const struct record *rec)
{
	_cleanup_err_ struct err e = { 0 };
	int r = commit(l, items, n, sync, rec, &e);
	if (r < 0)
		err_print(stderr, &e);
	assert_int_equal(r, 1);
}

static struct record meta(uint64_t next_id)
{
	struct record r = { .next_id = next_id };
	STR_COPY(r.boot_id, "11111111-2222-3333-4444-555555555555");
	return r;
}

/* A ledger with one claim on one slice, a step, a want and a policy. */
static void fill(struct ledger *l)
{
	struct record rec = meta(100);
	struct want w = {
		.vendor = 0x8086, .serial = UINT64_MAX, .has_serial = 1, .n_types = 2, .count = 4
	};
	STR_COPY(w.device, KEY);
	STR_COPY(w.mech, "sriov");
	STR_COPY(w.types[1], "mtty-2");
	w.type_count[1] = 9;
	rec.wants = &w;
	rec.n_wants = 1;
	char file[] = "a.yaml", text[] = "version: 1\n";
	char path[] = "/etc/carve/a.yaml";
	rec.policy = (struct applied_policy){ .version = 1,
					      .file = file,
					      .path = path,
					      .text = text,
					      .at = 5,
					      .uid = 7,
					      .by_itself = true,
					      .only = KEY };
	struct device_note note = { .drained = 1, .uid = 8, .since = 1700000000 };
	STR_COPY(note.device, KEY);
	STR_COPY(note.reason, "a new driver");
	rec.notes = &note;
	rec.n_notes = 1;
	struct change items[] = { slice_put(7, "web01"),
				  claim_put("web01", 7),
				  step_put(9),
				  { .kind = CHANGE_NOTES_SET },
				  { .kind = CHANGE_WANTS_SET },
				  { .kind = CHANGE_POLICY_PUT },
				  { .kind = CHANGE_META_PUT },
				  { .kind = CHANGE_AUDIT } };
	items[7].text = (char *)"{\"event\":\"x\"}";
	commit_ok(l, items, 8, true, &rec);
	assert_int_equal(ledger_backup(l, NULL), 0);
}

static void check_filled(const struct record *r)
{
	struct change s = slice_put(7, "web01"), c = claim_put("web01", 7), p = step_put(9);
	assert_int_equal(r->n_slices, 1);
	assert_memory_equal(&r->slices[0], &s.slice, sizeof(s.slice));
	assert_int_equal(r->n_claims, 1);
	assert_memory_equal(&r->claims[0], &c.claim, sizeof(c.claim));
	assert_int_equal(r->n_steps, 1);
	assert_memory_equal(&r->steps[0], &p.step, sizeof(p.step));
	assert_int_equal(r->n_wants, 1);
	assert_int_equal(r->wants[0].type_count[1], 9);
	assert_true(r->wants[0].serial == UINT64_MAX);
	assert_string_equal(r->policy.text, "version: 1\n");
	assert_string_equal(r->policy.path, "/etc/carve/a.yaml");
	assert_string_equal(r->policy.only, KEY);
	assert_true(r->policy.uid == 7 && r->policy.by_itself && r->policy.repeats == 0);
	assert_int_equal(r->next_id, 100);
	assert_string_equal(r->boot_id, "11111111-2222-3333-4444-555555555555");
}

static void test_ledger_open_new_is_empty_and_good(void **state)
{
	_cleanup_(ledger_closep) struct ledger *l = open_ok(*state);
	_cleanup_(record_done) struct record r = { 0 };
	load_ok(l, &r);
	assert_int_equal(ledger_health(l, NULL), LEDGER_GOOD);
	assert_int_equal(r.n_slices + r.n_claims + r.n_steps + r.n_wants, 0);
	assert_int_equal(r.next_id, 1);
	assert_int_equal(ledger_syncs(l), 0);
}

static void test_ledger_commit_everything_comes_back(void **state)
{
	struct ledger *l = open_ok(*state);
	fill(l);
	assert_int_equal(ledger_syncs(l), 1);
	struct change items[] = { { .kind = CHANGE_STEP_DELETE, .id = 1234 } };
	struct record rec = { 0 };
	commit_ok(l, items, 1, false, &rec);
	assert_int_equal(ledger_syncs(l), 1);
	json_auto_t *audit = ledger_audit(l, 10);
	assert_int_equal(json_array_size(audit), 1);
	assert_string_equal(json_string_value(json_object_get(json_array_get(audit, 0), "event")),
			    "x");
	ledger_close(l);

	_cleanup_(ledger_closep) struct ledger *again = open_ok(*state);
	_cleanup_(record_done) struct record r = { 0 };
	load_ok(again, &r);
	check_filled(&r);
}

/* A restart changes nothing in the order in which claims, and parts of one, are told. */
static void test_ledger_load_claims_are_in_the_order_in_which_they_came(void **state)
{
	static const struct {
		const char *name;
		uint64_t arrival;
	} claims[] = { { "web", 3 },	 { "train", 7 },    { "train/1", 7 }, { "train/2", 7 },
		       { "train/9", 7 }, { "train/10", 7 }, { "a", 8 } };
	_cleanup_(ledger_closep) struct ledger *l = open_ok(*state);
	_cleanup_(record_done) struct record r = { 0 };
	const struct record rec = meta(100);
	for (size_t i = 0; i < sizeof(claims) / sizeof(claims[0]); i++) {
		struct change c = claim_put(claims[i].name, 0);
		c.claim.arrival = claims[i].arrival;
		commit_ok(l, &c, 1, true, &rec);
	}
	load_ok(l, &r);
	assert_int_equal(r.n_claims, sizeof(claims) / sizeof(claims[0]));
	for (size_t i = 0; i < r.n_claims; i++)
		assert_string_equal(r.claims[i].name, claims[i].name);
}

static void test_ledger_commit_nothing_is_no_write(void **state)
{
	_cleanup_(ledger_closep) struct ledger *l = open_ok(*state);
	struct record rec = { 0 };
	assert_int_equal(commit(l, NULL, 0, true, &rec, NULL), 0);
	assert_int_equal(ledger_syncs(l), 0);
}

static void test_ledger_commit_delete_removes(void **state)
{
	_cleanup_(ledger_closep) struct ledger *l = open_ok(*state);
	fill(l);
	struct change items[] = { { .kind = CHANGE_SLICE_DELETE, .id = 7 },
				  { .kind = CHANGE_CLAIM_DELETE },
				  { .kind = CHANGE_STEP_DELETE, .id = 9 } };
	STR_COPY(items[1].name, "web01");
	struct record rec = meta(100);
	commit_ok(l, items, 3, true, &rec);
	_cleanup_(record_done) struct record r = { 0 };
	load_ok(l, &r);
	assert_int_equal(r.n_slices + r.n_claims + r.n_steps, 0);
	assert_int_equal(r.n_wants, 1);
}

static void test_ledger_open_second_is_refused(void **state)
{
	_cleanup_(ledger_closep) struct ledger *l = open_ok(*state);
	struct fixture *f = *state;
	assert_non_null(l);
	/* Locks belong to a process, so the second one must be another. */
	pid_t pid = fork();
	if (pid == 0) {
		struct ledger *other = NULL;
		struct err e = { 0 };
		_exit(ledger_open(f->dir, &other, &e) == -EBUSY && str_eq(e.id, "ledger.busy") ? 0
											       : 1);
	}
	int status = 1;
	waitpid(pid, &status, 0);
	assert_int_equal(status, 0);
}

/* --- damage ---------------------------------------------------------------------------------- */

static void check_frozen(struct ledger *l, enum ledger_health health, const char *id,
			 const char *word)
{
	const char *why = NULL;
	assert_int_equal(ledger_health(l, &why), health);
	assert_non_null(strstr(why, word));
	struct change items[] = { step_put(50) };
	struct record rec = meta(100);
	_cleanup_err_ struct err e = { 0 };
	assert_int_equal(commit(l, items, 1, true, &rec, &e), -EROFS);
	assert_string_equal(e.id, id);
	assert_non_null(e.state);
}

static void garble(const char *file, off_t at, size_t n)
{
	_cleanup_close_ int fd = open(file, O_WRONLY | O_CLOEXEC);
	assert_true(fd >= 0);
	char junk[512];
	memset(junk, 0xa5, sizeof(junk));
	for (size_t done = 0; done < n; done += sizeof(junk))
		assert_int_equal(pwrite(fd, junk, sizeof(junk), at + (off_t)done), sizeof(junk));
}

static void fill_and_close(const struct fixture *f)
{
	struct ledger *l = open_ok(f);
	fill(l);
	ledger_close(l);
}

static uint64_t checksum(const char *file)
{
	_cleanup_close_ int fd = open(file, O_RDONLY | O_CLOEXEC);
	uint64_t sum = 0;
	uint8_t b[4096];
	ssize_t n;
	while ((n = read(fd, b, sizeof(b))) > 0)
		for (ssize_t i = 0; i < n; i++)
			sum = sum * 31 + b[i];
	return sum;
}

static void test_ledger_open_garbled_header_is_damaged(void **state)
{
	struct fixture *f = *state;
	fill_and_close(f);
	garble(f->file, 0, 512);
	uint64_t before = checksum(f->file);
	_cleanup_(ledger_closep) struct ledger *l = open_ok(f);
	check_frozen(l, LEDGER_DAMAGED, "ledger.damaged", "ledger.good");
	assert_true(before == checksum(f->file));
}

static void test_ledger_open_garbled_page_keeps_what_reads(void **state)
{
	struct fixture *f = *state;
	fill_and_close(f);
	/* The root page of claims is the fifth of SCHEMA: meta 2, wants 3, slices 4, claims 5. */
	garble(f->file, (off_t)4 * 4096, 4096);
	_cleanup_(ledger_closep) struct ledger *l = open_ok(f);
	check_frozen(l, LEDGER_DAMAGED, "ledger.damaged", "ledger.good");
	_cleanup_(record_done) struct record r = { 0 };
	load_ok(l, &r);
	assert_int_equal(r.n_slices, 1);
	assert_int_equal(r.n_claims, 0);
}

static void test_ledger_open_truncated_is_damaged(void **state)
{
	struct fixture *f = *state;
	fill_and_close(f);
	assert_int_equal(truncate(f->file, 4096 * 3 + 100), 0);
	_cleanup_(ledger_closep) struct ledger *l = open_ok(f);
	check_frozen(l, LEDGER_DAMAGED, "ledger.damaged", "ledger.good");
}

static void test_ledger_open_emptied_is_damaged_not_new(void **state)
{
	struct fixture *f = *state;
	fill_and_close(f);
	assert_int_equal(truncate(f->file, 0), 0);
	_cleanup_(ledger_closep) struct ledger *l = open_ok(f);
	check_frozen(l, LEDGER_DAMAGED, "ledger.damaged", "ledger.good");
}

static void sql(const char *file, const char *text)
{
	sqlite3 *db = NULL;
	assert_int_equal(sqlite3_open(file, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, text, NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(db);
}

static void test_ledger_open_invalid_row_is_damaged(void **state)
{
	struct fixture *f = *state;
	static const char *const wrongs[] = {
		"UPDATE slices SET body = replace(body, '\"held\"', '\"having\"')",
		"UPDATE slices SET body = replace(body, '\"index\":3', '\"index\":3000000000')",
		"UPDATE slices SET body = replace(body, '\"dirty\":0', '\"dirty\":-1')",
		"UPDATE slices SET body = replace(body, '\"dirty\":0,', '')",
		"UPDATE slices SET body = '{'",
		"UPDATE slices SET body = replace(body, 'web01', 'web02')",
		"UPDATE claims SET body = replace(body, '525400aa0001', '525400aa00zz')",
		"DELETE FROM slices",
		"UPDATE meta SET value = 5 WHERE key = 'next_id'",
	};
	fill_and_close(f);
	for (size_t i = 0; i < sizeof(wrongs) / sizeof(wrongs[0]); i++) {
		sql(f->file, wrongs[i]);
		struct ledger *l = open_ok(f);
		check_frozen(l, LEDGER_DAMAGED, "ledger.damaged", "ledger.good");
		ledger_close(l);
		/* The remedy that the message names works. */
		char command[512];
		STR_FORMAT(command, "mv %s %s.bad; rm -f %s-wal; cp %s %s", f->file, f->file,
			   f->file, f->good, f->file);
		assert_int_equal(system(command), 0);
		l = open_ok(f);
		assert_int_equal(ledger_health(l, NULL), LEDGER_GOOD);
		_cleanup_(record_done) struct record r = { 0 };
		load_ok(l, &r);
		check_filled(&r);
		ledger_close(l);
	}
}

static void test_ledger_open_newer_is_read_only(void **state)
{
	struct fixture *f = *state;
	fill_and_close(f);
	sql(f->file, "PRAGMA user_version = 4");
	_cleanup_(ledger_closep) struct ledger *l = open_ok(f);
	check_frozen(l, LEDGER_NEWER, "ledger.newer", "newer carve");
	_cleanup_(record_done) struct record r = { 0 };
	load_ok(l, &r);
	check_filled(&r);
}

/* --- policies that were applied ---------------------------------------------------------------- */

static void policy_commit(struct ledger *l, uint64_t version, const char *text, uint64_t repeats)
{
	struct record rec = meta(100);
	char file[] = "b.yaml";
	rec.policy = (struct applied_policy){ .version = version,
					      .file = file,
					      .text = (char *)text,
					      .at = 1000,
					      .repeats = repeats };
	commit_ok(l, &(struct change){ .kind = CHANGE_POLICY_PUT }, 1, true, &rec);
}

static void test_ledger_policy_gives_one_and_the_one_before(void **state)
{
	_cleanup_(ledger_closep) struct ledger *l = open_ok(*state);
	_cleanup_(applied_policy_done) struct applied_policy one = { 0 }, before = { 0 };
	_cleanup_err_ struct err e = { 0 };
	policy_commit(l, 1, "a", 0);
	policy_commit(l, 2, "b", 0);
	policy_commit(l, 3, "c", 0);
	policy_commit(l, 4, "c", 3);
	assert_int_equal(ledger_policy(l, 4, &one, &e), 0);
	assert_string_equal(one.text, "c");
	assert_int_equal(one.repeats, 3);
	/* Applying it once more is no other policy. */
	assert_int_equal(ledger_policy(l, 0, &before, &e), 0);
	assert_int_equal(before.version, 2);
	assert_int_equal(ledger_policy(l, 9, &one, &e), -ENOENT);
	assert_string_equal(e.id, "policy.no-version");
	assert_string_equal(e.because, "versions 1 to 4 are kept");
}

static void test_ledger_policy_before_the_first_is_refused(void **state)
{
	_cleanup_(ledger_closep) struct ledger *l = open_ok(*state);
	struct applied_policy one = { 0 };
	_cleanup_err_ struct err none = { 0 }, e = { 0 };
	assert_int_equal(ledger_policy(l, 0, &one, &none), -ENOENT);
	assert_string_equal(none.because, "none was ever applied");
	policy_commit(l, 1, "a", 0);
	assert_int_equal(ledger_policy(l, 0, &one, &e), -ENOENT);
	assert_string_equal(e.id, "policy.no-version");
}

static size_t policies_kept(struct ledger *l, uint64_t *ret_newest)
{
	struct applied_policy *all = NULL;
	size_t n = 0;
	assert_int_equal(ledger_policies(l, &all, &n, NULL), 0);
	*ret_newest = n ? all[0].version : 0;
	for (size_t i = 0; i < n; i++)
		assert_null(all[i].text);
	ledger_policies_free(all, n);
	return n;
}

static void test_ledger_policies_are_bounded_in_number_and_size(void **state)
{
	_cleanup_(ledger_closep) struct ledger *l = open_ok(*state);
	uint64_t newest;
	for (uint64_t v = 1; v <= 40; v++)
		policy_commit(l, v, "small", 0);
	assert_int_equal(policies_kept(l, &newest), 32);
	assert_int_equal(newest, 40);
	/* As large as a policy can be: so many that all together are no more than 8 MiB. */
	size_t size = 1024 * 1024;
	_cleanup_free_ char *large = malloc(size + 1);
	assert_non_null(large);
	memset(large, 'x', size);
	large[size] = '\0';
	for (uint64_t v = 41; v <= 60; v++)
		policy_commit(l, v, large, 0);
	assert_int_equal(policies_kept(l, &newest), 8);
	assert_int_equal(newest, 60);
}

/* As the first version of carve made it. */
static void make_schema_1(const struct fixture *f)
{
	fill_and_close(f);
	sql(f->file, "DROP TABLE notes;"
		     "ALTER TABLE policies DROP COLUMN path; ALTER TABLE policies DROP COLUMN uid;"
		     "ALTER TABLE policies DROP COLUMN by_itself;"
		     "ALTER TABLE policies DROP COLUMN repeats;"
		     "ALTER TABLE policies DROP COLUMN only; PRAGMA user_version = 1");
}

static void note_add(struct ledger *l)
{
	struct record rec = meta(100);
	struct device_note note = { .drained = 1 };
	STR_COPY(note.device, KEY);
	rec.notes = &note;
	rec.n_notes = 1;
	commit_ok(l, &(struct change){ .kind = CHANGE_NOTES_SET }, 1, true, &rec);
}

static void check_note(const struct fixture *f, const char *reason)
{
	_cleanup_(ledger_closep) struct ledger *l = open_ok(f);
	_cleanup_(record_done) struct record r = { 0 };
	assert_int_equal(ledger_health(l, NULL), LEDGER_GOOD);
	load_ok(l, &r);
	const struct device_note *n = record_note(&r, KEY);
	assert_true(n && n->drained);
	assert_string_equal(n->reason, reason);
	assert_null(record_note(&r, "pci:0000:00/04.0"));
}

static void test_ledger_open_of_a_version_without_notes_gets_them(void **state)
{
	struct fixture *f = *state;
	fill_and_close(f);
	check_note(f, "a new driver");
	sql(f->file, "DROP TABLE notes; PRAGMA user_version = 2");
	struct ledger *l = open_ok(f);
	_cleanup_(record_done) struct record r = { 0 };
	load_ok(l, &r);
	assert_int_equal(r.n_notes, 0);
	note_add(l);
	ledger_close(l);
	check_note(f, "");
}

static void check_schema_1(struct ledger *l)
{
	_cleanup_(record_done) struct record r = { 0 };
	load_ok(l, &r);
	assert_int_equal(r.n_claims, 1);
	assert_string_equal(r.policy.text, "version: 1\n");
	assert_string_equal(r.policy.path, "");
	assert_true(r.policy.uid < 0 && !r.policy.by_itself);
}

static void test_ledger_open_older_is_brought_to_this_version(void **state)
{
	struct fixture *f = *state;
	make_schema_1(f);
	/* The good copy is of that version, too, and is still compared with. */
	char command[256];
	STR_FORMAT(command, "cp %s %s", f->file, f->good);
	assert_int_equal(system(command), 0);
	struct ledger *l = open_ok(f);
	assert_int_equal(ledger_health(l, NULL), LEDGER_GOOD);
	check_schema_1(l);
	uint64_t newest;
	assert_int_equal(policies_kept(l, &newest), 1);
	policy_commit(l, 2, "b", 1);
	note_add(l);
	ledger_close(l);
	check_note(f, "");
	l = open_ok(f);
	assert_int_equal(policies_kept(l, &newest), 2);
	assert_int_equal(newest, 2);
	ledger_close(l);
}

static void test_ledger_open_older_than_its_good_copy_of_an_older_version_is_damaged(void **state)
{
	struct fixture *f = *state;
	char command[256];
	make_schema_1(f);
	STR_FORMAT(command, "cp %s %s", f->file, f->good);
	assert_int_equal(system(command), 0);
	sql(f->file, "UPDATE meta SET value = 99 WHERE key = 'next_id'");
	_cleanup_(ledger_closep) struct ledger *l = open_ok(f);
	assert_int_equal(ledger_health(l, NULL), LEDGER_DAMAGED);
}

/* --- a disk that does not take it ------------------------------------------------------------- */

/* A file size limit is the portable full disk: EFBIG at the write that exceeds it. */
static void limit_set(rlim_t bytes)
{
	struct rlimit limit;
	signal(SIGXFSZ, SIG_IGN);
	getrlimit(RLIMIT_FSIZE, &limit);
	limit.rlim_cur = bytes;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

static void test_ledger_commit_disk_full_changes_nothing_and_recovers(void **state)
{
	struct fixture *f = *state;
	struct ledger *l = open_ok(f);
	fill(l);
	limit_set(16384);
	struct record rec = meta(100);
	struct change items[] = { slice_put(8, ""), step_put(51) };
	_cleanup_err_ struct err e = { 0 };
	assert_int_equal(commit(l, items, 2, true, &rec, &e), -ENOSPC);
	assert_string_equal(e.id, "ledger.full");
	assert_int_equal(ledger_health(l, NULL), LEDGER_READ_ONLY);
	assert_int_equal(commit(l, items, 2, false, &rec, NULL), -ENOSPC);

	limit_set(RLIM_INFINITY);
	_cleanup_(record_done) struct record r = { 0 };
	load_ok(l, &r);
	check_filled(&r);
	commit_ok(l, items, 2, true, &rec);
	assert_int_equal(ledger_health(l, NULL), LEDGER_GOOD);
	ledger_close(l);
	l = open_ok(f);
	_cleanup_(record_done) struct record after = { 0 };
	load_ok(l, &after);
	assert_int_equal(after.n_slices, 2);
	ledger_close(l);
}

/* SQLite ends a log at its first bad frame: that something is lost behind it is told by the good copy,
 * which is kept. */
static void test_ledger_open_damaged_log_is_not_taken_for_good(void **state)
{
	struct fixture *f = *state;
	char wal[300];
	int status = 1;
	pid_t pid = fork();
	if (pid == 0) {
		struct ledger *killed = open_ok(f);
		fill(killed);
		_exit(ledger_backup(killed, NULL) == 0 ? 0 : 1);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	uint64_t copy = checksum(f->good);
	assert_int_equal(STR_FORMAT(wal, "%s-wal", f->file), 0);
	garble(wal, 32 + 24 + 512, 512); /* behind the headers of log and frame */
	struct ledger *l = open_ok(f);
	check_frozen(l, LEDGER_DAMAGED, "ledger.damaged", "older than its good copy");
	ledger_close(l);
	assert_true(copy == checksum(f->good));

	assert_int_equal(unlink(wal), 0);
	assert_int_equal(rename(f->good, f->file), 0);
	l = open_ok(f);
	assert_int_equal(ledger_health(l, NULL), LEDGER_GOOD);
	_cleanup_(record_done) struct record r = { 0 };
	load_ok(l, &r);
	check_filled(&r);
	ledger_close(l);
}

static void test_ledger_open_disk_full_starts_read_only_and_recovers(void **state)
{
	limit_set(100);
	_cleanup_(ledger_closep) struct ledger *l = open_ok(*state);
	assert_int_equal(ledger_health(l, NULL), LEDGER_READ_ONLY);
	_cleanup_(record_done) struct record r = { 0 };
	load_ok(l, &r);
	assert_int_equal(r.next_id, 1);
	limit_set(RLIM_INFINITY);
	fill(l);
	assert_int_equal(ledger_health(l, NULL), LEDGER_GOOD);
}

/* As another user when root runs the tests: root may write anywhere. */
static int read_only_child(const struct fixture *f)
{
	if (geteuid() == 0 && seteuid(65534) < 0)
		return 77;
	_cleanup_(ledger_closep) struct ledger *l = NULL;
	_cleanup_err_ struct err e = { 0 };
	if (ledger_open(f->dir, &l, &e) < 0 || ledger_health(l, NULL) != LEDGER_READ_ONLY)
		return 1;
	_cleanup_(record_done) struct record r = { 0 };
	if (ledger_load(l, &r, &e) < 0 || r.n_claims != 1 || r.next_id != 100)
		return 2;
	struct change items[] = { step_put(52) };
	if (commit(l, items, 1, true, &r, &e) != -EROFS || !str_eq(e.id, "ledger.read-only"))
		return 3;
	if (geteuid() == 65534 && seteuid(0) < 0)
		return 4;
	chmod(f->dir, 0700);
	chmod(f->file, 0600);
	return commit(l, items, 1, true, &r, NULL) == 1 ? 0 : 5;
}

static void test_ledger_open_read_only_directory_reads_and_recovers(void **state)
{
	struct fixture *f = *state;
	fill_and_close(f);
	assert_int_equal(chmod(f->file, 0444), 0);
	assert_int_equal(chmod(f->dir, 0555), 0);
	pid_t pid = fork();
	if (pid == 0)
		_exit(read_only_child(f));
	int status = 1;
	waitpid(pid, &status, 0);
	assert_int_equal(WEXITSTATUS(status), 0);
}

static void test_ledger_open_older_disk_full_is_read_and_recovers(void **state)
{
	struct fixture *f = *state;
	make_schema_1(f);
	limit_set(100);
	_cleanup_(ledger_closep) struct ledger *l = open_ok(f);
	check_schema_1(l);
	struct change items[] = { step_put(50) };
	struct record rec = meta(100);
	_cleanup_err_ struct err e = { 0 };
	assert_int_equal(commit(l, items, 1, true, &rec, &e), -ENOSPC);
	assert_string_equal(e.id, "ledger.full");
	uint64_t newest;
	assert_int_equal(policies_kept(l, &newest), 1);
	limit_set(RLIM_INFINITY);
	policy_commit(l, 2, "b", 1);
	assert_int_equal(policies_kept(l, &newest), 2);
	assert_int_equal(newest, 2);
}

static void test_ledger_policy_of_a_damaged_ledger_is_refused(void **state)
{
	struct fixture *f = *state;
	fill_and_close(f);
	garble(f->file, 0, 64);
	_cleanup_(ledger_closep) struct ledger *l = open_ok(f);
	struct applied_policy one = { 0 };
	_cleanup_err_ struct err e = { 0 };
	assert_int_equal(ledger_policy(l, 1, &one, &e), -EROFS);
	assert_string_equal(e.id, "ledger.history");
}

static void test_ledger_open_appeared_later_is_refused(void **state)
{
	struct fixture *f = *state;
	limit_set(100);
	_cleanup_(ledger_closep) struct ledger *l = open_ok(f);
	limit_set(RLIM_INFINITY);
	unlink(f->file);
	sql(f->file, "CREATE TABLE t(x); PRAGMA user_version = 1");
	struct change items[] = { step_put(50) };
	struct record rec = meta(100);
	_cleanup_err_ struct err e = { 0 };
	assert_int_equal(commit(l, items, 1, true, &rec, &e), -ESTALE);
	assert_string_equal(e.id, "ledger.changed");
}

static off_t log_size(const struct fixture *f)
{
	struct stat st;
	char wal[128];
	STR_FORMAT(wal, "%s-wal", f->file);
	return stat(wal, &st) < 0 ? -1 : st.st_size;
}

static void test_ledger_tidy_bounds_the_log(void **state)
{
	const struct fixture *f = *state;
	_cleanup_(ledger_closep) struct ledger *l = open_ok(f);
	struct change c = slice_put(1, "");
	struct record rec = meta(2);
	for (int i = 0; i < 500; i++)
		commit_ok(l, &c, 1, false, &rec);
	off_t long_log = log_size(f);
	ledger_tidy(l);
	for (int i = 0; i < 2000; i++) {
		commit_ok(l, &c, 1, false, &rec);
		ledger_tidy(l);
	}
	assert_int_equal(log_size(f), long_log);
	l = ledger_close(l);
	l = open_ok(f);
	_cleanup_(record_done) struct record back = { 0 };
	load_ok(l, &back);
	assert_int_equal(back.n_slices, 1);
}

static void test_ledger_backup_impossible_says_so(void **state)
{
	struct fixture *f = *state;
	_cleanup_(ledger_closep) struct ledger *l = open_ok(f);
	unlink(f->good);
	assert_int_equal(mkdir(f->good, 0700), 0);
	_cleanup_err_ struct err e = { 0 };
	assert_true(ledger_backup(l, &e) < 0);
	assert_string_equal(e.id, "ledger.copy");
}

/* --- kill -9 ----------------------------------------------------------------------------------- */

/* Claims come and go with their slices; each synced commit is told through the pipe. */
static void churn(const struct fixture *f, int out, uint64_t from)
{
	struct ledger *l = NULL;
	if (ledger_open(f->dir, &l, NULL) < 0 || ledger_health(l, NULL) != LEDGER_GOOD)
		_exit(1);
	for (uint64_t i = from;; i++) {
		char name[NAME_SIZE];
		STR_FORMAT(name, "c%llu", (unsigned long long)i);
		struct record rec = meta(i + 1);
		struct change items[] = { slice_put(i, name),
					  claim_put(name, i),
					  { .kind = CHANGE_META_PUT },
					  { .kind = CHANGE_SLICE_DELETE, .id = i - 1 },
					  { .kind = CHANGE_CLAIM_DELETE } };
		STR_FORMAT(items[4].name, "c%llu", (unsigned long long)(i - 1));
		bool sync = i % 3 != 0;
		if (commit(l, items, 5, sync, &rec, NULL) < 0)
			_exit(2);
		if (sync && write(out, &i, sizeof(i)) != sizeof(i))
			_exit(3);
	}
}

static uint64_t kill_in_the_middle(const struct fixture *f, uint64_t from, useconds_t after)
{
	int fds[2];
	assert_int_equal(pipe(fds), 0);
	pid_t pid = fork();
	if (pid == 0)
		churn(f, fds[1], from);
	close(fds[1]);
	uint64_t told, i;
	assert_int_equal(read(fds[0], &told, sizeof(told)), sizeof(told));
	usleep(after);
	kill(pid, SIGKILL);
	int status;
	waitpid(pid, &status, 0);
	assert_true(WIFSIGNALED(status));
	while (read(fds[0], &i, sizeof(i)) == sizeof(i))
		told = i;
	close(fds[0]);
	return told;
}

static void test_ledger_commit_killed_in_the_middle_keeps_what_was_synced(void **state)
{
	const struct fixture *f = *state;
	uint64_t next = 10;
	for (unsigned round = 0; round < 12; round++) {
		uint64_t told = kill_in_the_middle(f, next, 20000 + round * 3777);
		_cleanup_(ledger_closep) struct ledger *l = open_ok(f);
		assert_int_equal(ledger_health(l, NULL), LEDGER_GOOD);
		_cleanup_(record_done) struct record r = { 0 };
		load_ok(l, &r);
		assert_int_equal(r.n_claims, 1);
		assert_int_equal(r.n_slices, 1);
		assert_true(r.slices[0].id >= told);
		assert_int_equal(r.next_id, r.slices[0].id + 1);
		next = r.next_id;
	}
}

static void test_record_check_claim_of_another_slice_is_refused(void **state)
{
	(void)state;
	struct change s = slice_put(7, "web01"), c = claim_put("web01", 8);
	struct record r = {
		.slices = &s.slice, .n_slices = 1, .claims = &c.claim, .n_claims = 1, .next_id = 9
	};
	_cleanup_err_ struct err e = { 0 };
	assert_int_equal(record_check(&r, &e), -EBADMSG);
	assert_string_equal(e.id, "ledger.record");
	c.claim.slice = 7;
	assert_int_equal(record_check(&r, NULL), 0);
}

static void test_record_check_want_out_of_range_is_refused(void **state)
{
	(void)state;
	struct want w = { .n_types = WANT_TYPES, .scheduler = VGPU_SCHEDULER_FIXED_SHARE };
	struct record r = { .wants = &w, .n_wants = 1, .next_id = 9 };
	assert_int_equal(record_check(&r, NULL), 0);
	w.n_types++;
	assert_int_equal(record_check(&r, NULL), -EBADMSG);
	w.n_types--;
	w.scheduler++;
	assert_int_equal(record_check(&r, NULL), -EBADMSG);
}

static void test_body_parse_text_with_nul_is_refused(void **state)
{
	(void)state;
	struct slice s;
	_cleanup_err_ struct err e = { 0 };
	assert_int_equal(body_parse(FIELDS_SLICE, "{\"id\":1,\"device\":\"a\\u0000b\"}", &s, &e),
			 -EBADMSG);
	assert_string_equal(e.id, "ledger.row");
}

/* Text comes from the kernel and from people: it comes back, or as much of it as is text at all. */
static void assert_text_comes_back(const char *text, const char *expected)
{
	struct slice s = { .id = 1, .index = INT32_MIN, .last_uid = UINT32_MAX }, back;
	_cleanup_err_ struct err e = { 0 };
	STR_COPY(s.reason, text);
	_cleanup_free_ char *body = body_format(FIELDS_SLICE, &s);
	assert_non_null(body);
	assert_int_equal(body_parse(FIELDS_SLICE, body, &back, &e), 0);
	assert_string_equal(back.reason, expected);
	assert_int_equal(back.index, INT32_MIN);
	assert_int_equal(back.last_uid, UINT32_MAX);
}

/* What older versions did not write is 0; all else must be there. */
static void test_body_parse_member_that_came_later_may_be_missing(void **state)
{
	(void)state;
	static const char later[] = ",\"failed\":1", old[] = ",\"dirty\":1";
	struct slice s = { .id = 7, .state = SLICE_READY, .dirty = 1, .failed = 1 }, back;
	_cleanup_err_ struct err e = { 0 };
	_cleanup_free_ char *body = body_format(FIELDS_SLICE, &s);
	assert_int_equal(body_parse(FIELDS_SLICE, body, &back, &e), 0);
	assert_int_equal(back.failed, 1);
	char *at = strstr(body, later);
	assert_non_null(at);
	memmove(at, at + strlen(later), strlen(at + strlen(later)) + 1);
	assert_int_equal(body_parse(FIELDS_SLICE, body, &back, &e), 0);
	assert_int_equal(back.failed, 0);
	assert_int_equal(back.dirty, 1);
	at = strstr(body, old);
	assert_non_null(at);
	memmove(at, at + strlen(old), strlen(at + strlen(old)) + 1);
	assert_int_equal(body_parse(FIELDS_SLICE, body, &back, &e), -EBADMSG);
}

/* What lies between the members counts for nothing, each member counts. */
static void test_fields_same_goes_by_the_members(void **state)
{
	(void)state;
	for (enum fields_of what = FIELDS_WANT; what <= FIELDS_SETTINGS; what++) {
		size_t size = fields_size(what);
		_cleanup_free_ char *a = calloc(1, size), *b = malloc(size);
		assert_non_null(a);
		assert_non_null(b);
		memset(b, 0xff, size);
		for (const struct field *f = fields_of(what); f->name; f++)
			memset(b + f->offset, 0, f->size * (f->n ? f->n : 1));
		assert_true(fields_same(what, a, b));
		for (const struct field *f = fields_of(what); f->name; f++) {
			char *last = b + f->offset + f->size * (f->n ? f->n - 1 : 0);
			*last ^= 1;
			assert_false(fields_same(what, a, b));
			*last ^= 1;
		}
		assert_true(fields_same(what, a, b));
	}
}

/* Of what comes after the end of a text, nothing counts. */
static void test_fields_same_text_ends(void **state)
{
	(void)state;
	struct slice a = { .id = 1 }, b = { .id = 1 };
	assert_int_equal(STR_COPY(a.reason, "a longer one"), 0);
	assert_int_equal(STR_COPY(a.reason, "short"), 0);
	assert_int_equal(STR_COPY(b.reason, "short"), 0);
	assert_true(fields_same(FIELDS_SLICE, &a, &b));
}

static void cut(char *body, const char *member)
{
	char *at = strstr(body, member);
	assert_non_null(at);
	memmove(at, at + strlen(member), strlen(at + strlen(member)) + 1);
}

static void test_body_parse_claim_of_an_older_version_has_no_tenant(void **state)
{
	(void)state;
	struct change c = claim_put("web01", 7);
	_cleanup_err_ struct err e = { 0 };
	struct claim back;
	_cleanup_free_ char *body = body_format(FIELDS_CLAIM, &c.claim);
	assert_non_null(body);
	cut(body, ",\"tenant\":\"lab-a\",\"arrival\":-1,\"preemptible\":1");
	cut(body,
	    ",\"lease\":{\"since\":1700000000,\"used\":1700000060,\"max\":43200,"
	    "\"idle\":7200,\"in_use\":1,\"told\":1},\"orphan_end\":1700000120,\"ended\":\"its lease of 12h is over\"");
	assert_int_equal(body_parse(FIELDS_CLAIM, body, &back, &e), 0);
	assert_string_equal(back.tenant, "");
	assert_int_equal(back.arrival, 0);
	assert_int_equal(back.lease.max, 0);
	assert_int_equal(back.orphan_end, 0);
	assert_string_equal(back.class, "lan");
}

static void test_body_format_odd_text_comes_back(void **state)
{
	(void)state;
	assert_text_comes_back("a \"quoted\" back\\slash", "a \"quoted\" back\\slash");
	assert_text_comes_back("line\nfeed\ttab\x01\x7f", "line\nfeed\ttab\x01\x7f");
	assert_text_comes_back("gr\xc3\xbc\xc3\x9f", "gr\xc3\xbc\xc3\x9f");
	assert_text_comes_back("cut \xc3", "cut ?");
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(test_ledger_open_new_is_empty_and_good),
		T(test_ledger_commit_everything_comes_back),
		T(test_ledger_load_claims_are_in_the_order_in_which_they_came),
		T(test_ledger_commit_nothing_is_no_write),
		T(test_ledger_commit_delete_removes),
		T(test_ledger_open_second_is_refused),
		T(test_ledger_open_garbled_header_is_damaged),
		T(test_ledger_open_garbled_page_keeps_what_reads),
		T(test_ledger_open_truncated_is_damaged),
		T(test_ledger_open_emptied_is_damaged_not_new),
		T(test_ledger_open_invalid_row_is_damaged),
		T(test_ledger_open_newer_is_read_only),
		T(test_ledger_policy_gives_one_and_the_one_before),
		T(test_ledger_policy_before_the_first_is_refused),
		T(test_ledger_policies_are_bounded_in_number_and_size),
		T(test_ledger_open_older_is_brought_to_this_version),
		T(test_ledger_open_of_a_version_without_notes_gets_them),
		T(test_ledger_open_older_than_its_good_copy_of_an_older_version_is_damaged),
		T(test_ledger_open_older_disk_full_is_read_and_recovers),
		T(test_ledger_policy_of_a_damaged_ledger_is_refused),
		T(test_ledger_commit_disk_full_changes_nothing_and_recovers),
		T(test_ledger_open_damaged_log_is_not_taken_for_good),
		T(test_ledger_open_disk_full_starts_read_only_and_recovers),
		T(test_ledger_open_read_only_directory_reads_and_recovers),
		T(test_ledger_open_appeared_later_is_refused),
		T(test_ledger_tidy_bounds_the_log),
		T(test_ledger_backup_impossible_says_so),
		T(test_ledger_commit_killed_in_the_middle_keeps_what_was_synced),
		cmocka_unit_test(test_record_check_claim_of_another_slice_is_refused),
		cmocka_unit_test(test_record_check_want_out_of_range_is_refused),
		cmocka_unit_test(test_body_parse_text_with_nul_is_refused),
		cmocka_unit_test(test_fields_same_goes_by_the_members),
		cmocka_unit_test(test_fields_same_text_ends),
		cmocka_unit_test(test_body_parse_member_that_came_later_may_be_missing),
		T(test_body_parse_claim_of_an_older_version_has_no_tenant),
		cmocka_unit_test(test_body_format_odd_text_comes_back),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
