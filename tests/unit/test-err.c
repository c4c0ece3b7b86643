/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Errors: who writes first, what each part shows, and the way over the wire and back. */
#include "support/test.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "support/alloc-fail.h"

static char *text_of(const struct err *e)
{
	char *text = NULL;
	size_t size = 0;
	FILE *f = open_memstream(&text, &size);
	assert_non_null(f);
	err_print(f, e);
	fclose(f);
	return text;
}

static void full_set(struct err *e)
{
	err_set(e, "sriov.numvfs.busy", EBUSY, "cannot create %d VFs", 4);
	err_on(e, "%s (policy inference.yaml:12)", "0000:3b:00.0");
	err_because(e, "the kernel refused \"4\" in sriov_numvfs: Device or resource busy");
	err_because(e, "2 VFs exist; 0000:3b:00.3 is held by pid %d (qemu-system-x86)", 4121);
	err_state(e, "nothing was changed");
	err_todo(e, "stop that VM, or: carve release web01");
}

static void test_err_set_returns_negative_errno(void **state)
{
	_cleanup_err_ struct err e = { 0 };
	(void)state;
	assert_false(err_is_set(&e));
	assert_int_equal(err_set(&e, "x.y", ENODEV, "no %s", "device"), -ENODEV);
	assert_true(err_is_set(&e));
	assert_int_equal(e.error, ENODEV);
	assert_string_equal(e.id, "x.y");
	assert_string_equal(e.what, "no device");
	assert_null(e.on);
	assert_null(e.because);
}

static void test_err_set_without_reterr_only_returns(void **state)
{
	(void)state;
	assert_int_equal(err_set(NULL, "x.y", EIO, "lost"), -EIO);
	assert_false(err_is_set(NULL));
	err_on(NULL, "x");
	err_because(NULL, "x");
	err_state(NULL, "x");
	err_todo(NULL, "x");
	err_done(NULL);
}

static void test_err_set_twice_first_writer_wins(void **state)
{
	_cleanup_err_ struct err e = { 0 };
	(void)state;
	err_set(&e, "first", EBUSY, "first");
	assert_int_equal(err_set(&e, "second", EIO, "second"), -EIO);
	assert_string_equal(e.id, "first");
	assert_string_equal(e.what, "first");
	assert_int_equal(e.error, EBUSY);
}

static void test_err_parts_before_set_are_dropped(void **state)
{
	_cleanup_err_ struct err e = { 0 };
	(void)state;
	err_on(&e, "x");
	err_because(&e, "x");
	err_state(&e, "x");
	err_todo(&e, "x");
	assert_null(e.on);
	assert_null(e.because);
	assert_null(e.state);
	assert_null(e.todo);
}

static void test_err_parts_first_writer_wins_but_because_appends(void **state)
{
	_cleanup_err_ struct err e = { 0 };
	(void)state;
	full_set(&e);
	err_on(&e, "elsewhere");
	err_state(&e, "otherwise");
	err_todo(&e, "something else");
	err_because(&e, "third");
	assert_string_equal(e.on, "0000:3b:00.0 (policy inference.yaml:12)");
	assert_string_equal(e.state, "nothing was changed");
	assert_string_equal(e.todo, "stop that VM, or: carve release web01");
	assert_string_equal(
		e.because,
		"the kernel refused \"4\" in sriov_numvfs: Device or resource busy\n"
		"2 VFs exist; 0000:3b:00.3 is held by pid 4121 (qemu-system-x86)\nthird");
}

static void test_err_print_says_on_what_once(void **state)
{
	(void)state;
	static const struct {
		const char *what, *on, *line;
	} rows[] = {
		{ "cannot reset it", "VF 1 of nic", "cannot reset it on VF 1 of nic [x.y]" },
		{ "cannot reset VF 1 of nic", "VF 1 of nic", "cannot reset VF 1 of nic [x.y]" },
		{ "there is no class tty", "class tty", "there is no class tty [x.y]" },
		{ "cannot reset VF 12", "VF 1", "cannot reset VF 12 on VF 1 [x.y]" },
		{ "cannot give t10 t1", "t1", "cannot give t10 t1 [x.y]" },
		{ "cannot open the ledger", "/var/lib/l",
		  "cannot open the ledger: /var/lib/l [x.y]" },
		{ "cannot start", "", "cannot start [x.y]" },
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		_cleanup_err_ struct err e = { 0 };
		err_set(&e, "x.y", EIO, "%s", rows[i].what);
		err_on(&e, "%s", rows[i].on);
		_cleanup_free_ char *text = text_of(&e);
		text[strcspn(text, "\n")] = '\0';
		assert_string_equal(text, rows[i].line);
	}
}

static void test_err_done_leaves_it_usable(void **state)
{
	_cleanup_err_ struct err e = { 0 };
	(void)state;
	full_set(&e);
	err_done(&e);
	assert_false(err_is_set(&e));
	assert_int_equal(e.error, 0);
	err_done(&e);
	err_set(&e, "again", EIO, "again");
	assert_string_equal(e.id, "again");
}

static void test_err_move_into_empty_takes_all(void **state)
{
	_cleanup_err_ struct err from = { 0 };
	_cleanup_err_ struct err to = { 0 };
	(void)state;
	full_set(&from);
	err_move(&to, &from);
	assert_false(err_is_set(&from));
	assert_null(from.because);
	assert_string_equal(to.id, "sriov.numvfs.busy");
	assert_string_equal(to.state, "nothing was changed");
}

static void test_err_move_into_set_frees_source(void **state)
{
	_cleanup_err_ struct err from = { 0 };
	_cleanup_err_ struct err to = { 0 };
	(void)state;
	full_set(&from);
	err_set(&to, "first", EBUSY, "first");
	err_move(&to, &from);
	assert_false(err_is_set(&from));
	assert_string_equal(to.id, "first");
}

static void test_err_move_into_null_frees_source(void **state)
{
	_cleanup_err_ struct err from = { 0 };
	(void)state;
	full_set(&from);
	err_move(NULL, &from);
	assert_false(err_is_set(&from));
}

static void test_err_print_full_answers_five_things(void **state)
{
	_cleanup_err_ struct err e = { 0 };
	(void)state;
	full_set(&e);
	_cleanup_free_ char *text = text_of(&e);
	assert_string_equal(
		text,
		"cannot create 4 VFs on 0000:3b:00.0 (policy inference.yaml:12) [sriov.numvfs.busy]\n"
		"  because  the kernel refused \"4\" in sriov_numvfs: Device or resource busy\n"
		"           2 VFs exist; 0000:3b:00.3 is held by pid 4121 (qemu-system-x86)\n"
		"  state    nothing was changed\n"
		"  do       stop that VM, or: carve release web01\n");
}

static void test_err_print_bare_shows_the_errno(void **state)
{
	_cleanup_err_ struct err e = { 0 };
	(void)state;
	err_set(&e, "ledger.write", ENOSPC, "cannot store the claim");
	_cleanup_free_ char *text = text_of(&e);
	assert_string_equal(text, "cannot store the claim [ledger.write]\n"
				  "  because  No space left on device\n");
}

static void test_err_print_unset_prints_nothing(void **state)
{
	struct err e = { 0 };
	(void)state;
	_cleanup_free_ char *text = text_of(&e);
	assert_string_equal(text, "");
	_cleanup_free_ char *none = text_of(NULL);
	assert_string_equal(none, "");
}

static void test_err_to_json_and_back_is_the_same(void **state)
{
	_cleanup_err_ struct err e = { 0 };
	_cleanup_err_ struct err back = { 0 };
	(void)state;
	full_set(&e);
	e.partial = true;
	json_t *json = err_to_json(&e);
	assert_non_null(json);
	assert_int_equal(err_from_json(&back, json), 0);
	json_decref(json);
	assert_true(back.partial);

	assert_int_equal(back.error, EBUSY);
	_cleanup_free_ char *before = text_of(&e);
	_cleanup_free_ char *after = text_of(&back);
	assert_string_equal(before, after);
}

static void test_err_to_json_leaves_out_missing_parts(void **state)
{
	_cleanup_err_ struct err e = { 0 };
	(void)state;
	err_set(&e, "x.y", EIO, "lost");
	json_t *json = err_to_json(&e);
	_cleanup_free_ char *text = json_dumps(json, JSON_COMPACT | JSON_SORT_KEYS);
	json_decref(json);
	assert_string_equal(text, "{\"errno\":5,\"id\":\"x.y\",\"what\":\"lost\"}");
}

static int from_text(struct err *e, const char *text)
{
	json_t *json = json_loads(text, JSON_DECODE_ANY, NULL);
	int r = err_from_json(e, json);
	json_decref(json);
	return r;
}

static void test_err_from_json_without_id_is_refused(void **state)
{
	static const char *const bad[] = { "{}",   "[]",	  "3",
					   "null", "{\"id\": 3}", "{\"what\": \"x\"}" };
	struct err e = { 0 };
	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(from_text(&e, bad[i]), -EINVAL);
		assert_false(err_is_set(&e));
	}
	assert_int_equal(err_from_json(&e, NULL), -EINVAL);
}

static void test_err_from_json_of_other_types_ignores_them(void **state)
{
	_cleanup_err_ struct err e = { 0 };
	(void)state;
	assert_int_equal(
		from_text(&e, "{\"id\": \"x\", \"what\": 3, \"errno\": \"5\", \"later\": {}}"), 0);
	assert_string_equal(e.id, "x");
	assert_int_equal(e.error, 0);
	assert_null(e.what);
	_cleanup_free_ char *text = text_of(&e);
	assert_string_equal(text, "failed [x]\n");
}

static void test_err_from_json_errno_out_of_range_is_refused(void **state)
{
	struct err e = { 0 };
	(void)state;
	assert_int_equal(from_text(&e, "{\"id\": \"x\", \"errno\": -5}"), -EINVAL);
	assert_int_equal(from_text(&e, "{\"id\": \"x\", \"errno\": 4294967301}"), -EINVAL);
	assert_false(err_is_set(&e));
}

/* A process may call itself anything. */
static void test_err_parts_from_outside_are_cleaned(void **state)
{
	_cleanup_err_ struct err e = { 0 };
	(void)state;
	err_set(&e, "x.y", EBUSY, "held by %s", "\x1b[2Jqemu");
	err_because(&e, "%s", "a\xff");
	err_because(&e, "%s", "b\r");
	assert_string_equal(e.what, "held by ?[2Jqemu");
	assert_string_equal(e.because, "a?\nb?");
	json_t *json = err_to_json(&e);
	assert_non_null(json);
	json_decref(json);
}

/* Whatever is lost on the way, the caller gets -error and nothing leaks or crashes. */
static void test_err_out_of_memory_still_returns_the_errno(void **state)
{
	(void)state;
	for (unsigned n = 0;; n++) {
		_cleanup_err_ struct err e = { 0 };
		alloc_fail_at(n);
		int r = err_set(&e, "x.y", EIO, "lost %d", 3);
		err_on(&e, "it");
		err_because(&e, "one");
		err_because(&e, "two");
		bool failed = alloc_fail_done();
		assert_int_equal(r, -EIO);
		_cleanup_free_ char *text = text_of(&e);
		if (!failed) {
			assert_string_equal(text, "lost 3 on it [x.y]\n"
						  "  because  one\n"
						  "           two\n");
			assert_true(n > 4);
			break;
		}
		/* A second failure may follow before anybody looks. */
		err_set(&e, "z", EBUSY, "other");
	}
}

/* jansson drops an optional part that it has no memory for; id and errno are never lost. */
static void test_err_to_json_out_of_memory_is_null_or_lacks_a_part(void **state)
{
	_cleanup_err_ struct err e = { 0 };
	(void)state;
	full_set(&e);
	for (unsigned n = 0;; n++) {
		alloc_fail_at(n);
		json_t *json = err_to_json(&e);
		bool failed = alloc_fail_done();
		if (json)
			assert_string_equal(json_string_value(json_object_get(json, "id")), e.id);
		if (failed)
			assert_true(json_object_size(json) < 7);
		else
			assert_int_equal(json_object_size(json), 7);
		json_decref(json);
		if (!failed)
			break;
	}
}

static void test_err_from_json_out_of_memory_writes_nothing(void **state)
{
	_cleanup_err_ struct err e = { 0 };
	(void)state;
	full_set(&e);
	json_t *json = err_to_json(&e);
	for (unsigned n = 0;; n++) {
		_cleanup_err_ struct err back = { 0 };
		alloc_fail_at(n);
		int r = err_from_json(&back, json);
		if (!alloc_fail_done()) {
			assert_int_equal(r, 0);
			assert_int_equal(n, 6);
			break;
		}
		assert_int_equal(r, -ENOMEM);
		assert_false(err_is_set(&back));
	}
	json_decref(json);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_err_set_returns_negative_errno),
		cmocka_unit_test(test_err_set_without_reterr_only_returns),
		cmocka_unit_test(test_err_set_twice_first_writer_wins),
		cmocka_unit_test(test_err_parts_before_set_are_dropped),
		cmocka_unit_test(test_err_parts_first_writer_wins_but_because_appends),
		cmocka_unit_test(test_err_print_says_on_what_once),
		cmocka_unit_test(test_err_done_leaves_it_usable),
		cmocka_unit_test(test_err_move_into_empty_takes_all),
		cmocka_unit_test(test_err_move_into_set_frees_source),
		cmocka_unit_test(test_err_move_into_null_frees_source),
		cmocka_unit_test(test_err_print_full_answers_five_things),
		cmocka_unit_test(test_err_print_bare_shows_the_errno),
		cmocka_unit_test(test_err_print_unset_prints_nothing),
		cmocka_unit_test(test_err_to_json_and_back_is_the_same),
		cmocka_unit_test(test_err_to_json_leaves_out_missing_parts),
		cmocka_unit_test(test_err_from_json_without_id_is_refused),
		cmocka_unit_test(test_err_from_json_of_other_types_ignores_them),
		cmocka_unit_test(test_err_from_json_errno_out_of_range_is_refused),
		cmocka_unit_test(test_err_parts_from_outside_are_cleaned),
		cmocka_unit_test(test_err_out_of_memory_still_returns_the_errno),
		cmocka_unit_test(test_err_to_json_out_of_memory_is_null_or_lacks_a_part),
		cmocka_unit_test(test_err_from_json_out_of_memory_writes_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
