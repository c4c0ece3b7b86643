/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Bounded strings: nothing is ever cut silently, and running out of memory is seen at the end. */
#include "support/test.h"

#include <errno.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "support/alloc-fail.h"

static void test_str_copy_that_fits_is_copied(void **state)
{
	char field[6] = "xxxxx";
	(void)state;
	assert_int_equal(STR_COPY(field, "igbvf"), 0);
	assert_string_equal(field, "igbvf");
	assert_int_equal(STR_COPY(field, ""), 0);
	assert_string_equal(field, "");
}

static void test_str_copy_too_long_leaves_field_empty(void **state)
{
	char field[6] = "xxxxx";
	(void)state;
	assert_int_equal(STR_COPY(field, "igbvfs"), -ENAMETOOLONG);
	assert_string_equal(field, "");
}

static void test_str_copy_into_one_byte_takes_only_empty(void **state)
{
	char field[1] = { 'x' };
	(void)state;
	assert_int_equal(STR_COPY(field, "a"), -ENAMETOOLONG);
	assert_int_equal(field[0], '\0');
	assert_int_equal(STR_COPY(field, ""), 0);
}

static void test_str_copy_words_takes_whole_ones(void **state)
{
	static const struct {
		const char *text, *copied;
	} cases[] = { { "", "" },
		      { "ab cd", "ab cd" },
		      { "ab cd e", "ab cd" },
		      { "ab cde f", "ab cde" },
		      { "ab cdef", "ab" },
		      { "abcdefg", "" } };
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char field[7] = "xxxxxx";
		str_copy_words(field, sizeof(field), cases[i].text);
		assert_string_equal(field, cases[i].copied);
	}
}

static void test_str_format_that_fits_is_written(void **state)
{
	char field[13];
	(void)state;
	assert_int_equal(STR_FORMAT(field, "%04x:%02x:%02x.%x", 0, 0x3b, 0, 1), 0);
	assert_string_equal(field, "0000:3b:00.1");
}

static void test_str_format_too_long_leaves_field_empty(void **state)
{
	char field[12] = "x";
	(void)state;
	assert_int_equal(STR_FORMAT(field, "%04x:%02x:%02x.%x", 0, 0x3b, 0, 1), -ENAMETOOLONG);
	assert_string_equal(field, "");
}

static void test_str_eq_compares_whole_strings(void **state)
{
	(void)state;
	assert_true(str_eq("", ""));
	assert_true(str_eq("vf", "vf"));
	assert_false(str_eq("vf", "vfio"));
	assert_false(str_eq("vf", "VF"));
}

static void test_str_after_prefix_returns_rest(void **state)
{
	const char *s = "libvirt:web01";
	(void)state;
	assert_ptr_equal(str_after(s, "libvirt:"), s + 8);
	assert_ptr_equal(str_after(s, ""), s);
	assert_string_equal(str_after(s, s), "");
}

static void test_str_after_no_prefix_returns_null(void **state)
{
	(void)state;
	assert_null(str_after("libvirt", "libvirt:"));
	assert_null(str_after("", "x"));
	assert_null(str_after("web", "eb"));
}

static void test_str_ends_looks_at_the_end_only(void **state)
{
	(void)state;
	assert_true(str_ends("inference.yaml", ".yaml"));
	assert_true(str_ends(".yaml", ".yaml"));
	assert_true(str_ends("x", ""));
	assert_false(str_ends("inference.yaml.bak", ".yaml"));
	assert_false(str_ends("yaml", ".yaml"));
	assert_false(str_ends("", "x"));
}

static void assert_cleaned(const char *text, const char *expected)
{
	char field[64];
	assert_int_equal(STR_COPY(field, text), 0);
	str_clean(field);
	assert_string_equal(field, expected);
}

static void test_str_clean_keeps_text_and_newlines(void **state)
{
	(void)state;
	assert_cleaned("", "");
	assert_cleaned("one\ntwo ~", "one\ntwo ~");
	/* 2, 3 and 4 bytes: first and last of each. */
	assert_cleaned("\xc2\xa0\xdf\xbf", "\xc2\xa0\xdf\xbf");
	assert_cleaned("\xe0\xa0\x80\xed\x9f\xbf\xee\x80\x80\xef\xbf\xbf",
		       "\xe0\xa0\x80\xed\x9f\xbf\xee\x80\x80\xef\xbf\xbf");
	assert_cleaned("\xf0\x90\x80\x80\xf4\x8f\xbf\xbf", "\xf0\x90\x80\x80\xf4\x8f\xbf\xbf");
}

static void test_str_clean_replaces_controls(void **state)
{
	(void)state;
	assert_cleaned("\x1b[31mred\r\t\x7f", "?[31mred???");
	assert_cleaned("\xc2\x9b"
		       "31m",
		       "??31m");
}

static void test_str_clean_replaces_what_is_not_utf8(void **state)
{
	(void)state;
	assert_cleaned("\xff\xfe", "??");
	assert_cleaned("\x80", "?");
	assert_cleaned("caf\xe9", "caf?");
	assert_cleaned("\xc3(", "?(");
	assert_cleaned("\xe2\x82", "??");
	assert_cleaned("\xf0\x9f\x98", "???");
	assert_cleaned("\xc0\xaf", "??");
	assert_cleaned("\xc1\xbf", "??");
	assert_cleaned("\xe0\x80\xaf", "???");
	assert_cleaned("\xed\xa0\x80", "???");
	assert_cleaned("\xf0\x8f\xbf\xbf", "????");
	assert_cleaned("\xf4\x90\x80\x80", "????");
	assert_cleaned("\xf5\x80\x80\x80", "????");
}

static void test_str_buf_take_of_nothing_is_empty_text(void **state)
{
	struct str_buf b = { 0 };
	(void)state;
	_cleanup_free_ char *text = str_buf_take(&b);
	assert_non_null(text);
	assert_string_equal(text, "");
}

static void test_str_buf_take_joins_and_starts_again(void **state)
{
	struct str_buf b = { 0 };
	(void)state;
	str_buf_add(&b, "VF");
	str_buf_addf(&b, " %d of %s", 3, "0000:3b:00.0");
	str_buf_add(&b, "");
	_cleanup_free_ char *first = str_buf_take(&b);
	assert_string_equal(first, "VF 3 of 0000:3b:00.0");
	assert_null(b.text);
	assert_int_equal(b.len, 0);

	str_buf_add(&b, "again");
	_cleanup_free_ char *second = str_buf_take(&b);
	assert_string_equal(second, "again");
}

static void test_str_buf_add_many_keeps_every_byte(void **state)
{
	struct str_buf b = { 0 };
	(void)state;
	for (int i = 0; i < 10000; i++)
		str_buf_addf(&b, "%04d,", i);
	assert_int_equal(b.len, 50000);
	_cleanup_free_ char *text = str_buf_take(&b);
	assert_int_equal(strlen(text), 50000);
	assert_memory_equal(text + 5 * 4711, "4711,", 5);
}

static void test_str_buf_done_twice_is_harmless(void **state)
{
	struct str_buf b = { 0 };
	(void)state;
	str_buf_add(&b, "text");
	str_buf_done(&b);
	assert_null(b.text);
	str_buf_done(&b);
}

static char *text_build(void)
{
	struct str_buf b = { 0 };
	str_buf_add(&b, "some");
	str_buf_addf(&b, "%s", " more text than the first room had");
	str_buf_add(&b, " and the end");
	return str_buf_take(&b);
}

static void test_str_buf_out_of_memory_sticks_until_take(void **state)
{
	unsigned n = 0;
	(void)state;
	for (;; n++) {
		alloc_fail_at(n);
		_cleanup_free_ char *text = text_build();
		if (!alloc_fail_done()) {
			assert_string_equal(text,
					    "some more text than the first room had and the end");
			break;
		}
		assert_null(text);
	}
	assert_true(n >= 3);
}

static void test_str_buf_after_failed_take_works_again(void **state)
{
	struct str_buf b = { 0 };
	(void)state;
	alloc_fail_at(0);
	str_buf_add(&b, "lost");
	assert_true(alloc_fail_done());
	str_buf_add(&b, "also lost");
	assert_null(str_buf_take(&b));

	str_buf_add(&b, "kept");
	_cleanup_free_ char *text = str_buf_take(&b);
	assert_string_equal(text, "kept");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_str_copy_that_fits_is_copied),
		cmocka_unit_test(test_str_copy_too_long_leaves_field_empty),
		cmocka_unit_test(test_str_copy_into_one_byte_takes_only_empty),
		cmocka_unit_test(test_str_copy_words_takes_whole_ones),
		cmocka_unit_test(test_str_format_that_fits_is_written),
		cmocka_unit_test(test_str_format_too_long_leaves_field_empty),
		cmocka_unit_test(test_str_eq_compares_whole_strings),
		cmocka_unit_test(test_str_after_prefix_returns_rest),
		cmocka_unit_test(test_str_after_no_prefix_returns_null),
		cmocka_unit_test(test_str_ends_looks_at_the_end_only),
		cmocka_unit_test(test_str_clean_keeps_text_and_newlines),
		cmocka_unit_test(test_str_clean_replaces_controls),
		cmocka_unit_test(test_str_clean_replaces_what_is_not_utf8),
		cmocka_unit_test(test_str_buf_take_of_nothing_is_empty_text),
		cmocka_unit_test(test_str_buf_take_joins_and_starts_again),
		cmocka_unit_test(test_str_buf_add_many_keeps_every_byte),
		cmocka_unit_test(test_str_buf_done_twice_is_harmless),
		cmocka_unit_test(test_str_buf_out_of_memory_sticks_until_take),
		cmocka_unit_test(test_str_buf_after_failed_take_works_again),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
