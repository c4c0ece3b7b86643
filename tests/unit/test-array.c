/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Arrays that grow by one: what was there stays, what is new is zeroed, and failure changes nothing. */
#include "support/test.h"

#include <stdint.h>
#include <stdlib.h>

#include "base/array.h"
#include "support/alloc-fail.h"

struct item {
	uint64_t number;
	char name[5];
};

static void test_array_add_grows_by_a_zeroed_element(void **state)
{
	struct item *items = NULL;
	size_t n = 0;
	(void)state;
	for (size_t i = 0; i < 1000; i++) {
		struct item *added = ARRAY_ADD(items, n);
		assert_non_null(added);
		assert_int_equal(n, i + 1);
		assert_ptr_equal(added, &items[i]);
		assert_int_equal(added->number, 0);
		assert_int_equal(added->name[4], 0);
		*added = (struct item){ .number = i, .name = "abcd" };
	}
	for (size_t i = 0; i < n; i++)
		assert_int_equal(items[i].number, i);
	free(items);
}

static void test_array_add_zeroes_what_was_taken_back(void **state)
{
	struct item *items = NULL;
	size_t n = 0;
	(void)state;
	*(struct item *)ARRAY_ADD(items, n) = (struct item){ .number = 7, .name = "abcd" };
	n--;
	const struct item *again = ARRAY_ADD(items, n);
	assert_int_equal(again->number, 0);
	assert_int_equal(again->name[0], 0);
	free(items);
}

static void test_array_add_takes_pointers_and_bytes(void **state)
{
	char **words = NULL, *bytes = NULL;
	size_t n_words = 0, n_bytes = 0;
	(void)state;
	for (size_t i = 0; i < 3; i++) {
		char **word = ARRAY_ADD(words, n_words);
		assert_null(*word);
		*word = (char *)"vf";
		*(char *)ARRAY_ADD(bytes, n_bytes) = 'x';
	}
	assert_string_equal(words[2], "vf");
	assert_memory_equal(bytes, "xxx", 3);
	free(words);
	free(bytes);
}

static void test_array_add_without_memory_changes_nothing(void **state)
{
	struct item *items = NULL;
	size_t n = 0;
	(void)state;
	*(struct item *)ARRAY_ADD(items, n) = (struct item){ .number = 7, .name = "abcd" };
	const struct item *before = items;
	alloc_fail_at(0);
	const struct item *added = ARRAY_ADD(items, n);
	assert_true(alloc_fail_done());
	assert_null(added);
	assert_ptr_equal(items, before);
	assert_int_equal(n, 1);
	assert_int_equal(items[0].number, 7);
	free(items);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_array_add_grows_by_a_zeroed_element),
		cmocka_unit_test(test_array_add_zeroes_what_was_taken_back),
		cmocka_unit_test(test_array_add_takes_pointers_and_bytes),
		cmocka_unit_test(test_array_add_without_memory_changes_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
