/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What somebody may have meant. */
#include "support/test.h"

#include "base/nearest.h"

static const char *nearest_of(const char *word, const char *const *names)
{
	struct nearest n;
	nearest_init(&n, word);
	nearest_try_all(&n, names);
	return nearest_name(&n);
}

static void test_nearest_name_only_when_near(void **state)
{
	(void)state;
	static const char *const keys[] = { "version", "devices", "on-remove", "tenants", NULL };
	assert_string_equal(nearest_of("devises", keys), "devices");
	assert_string_equal(nearest_of("on_remove", keys), "on-remove");
	assert_string_equal(nearest_of("tennant", keys), "tenants");
	assert_null(nearest_of("windows", keys));
	assert_null(nearest_of("", keys));
	assert_null(nearest_of("an-entry-of-a-table-that-is-longer-than-any-word-that-people-type",
			       keys));
}

static void test_nearest_name_short_word_may_have_one_mistake(void **state)
{
	(void)state;
	static const char *const words[] = { "mdev", NULL };
	assert_string_equal(nearest_of("mdv", words), "mdev");
	assert_null(nearest_of("dv", words));
}

static void test_nearest_name_without_its_beginning_is_found(void **state)
{
	(void)state;
	static const char *const addresses[] = { "0000:3b:00.0", "0000:3c:00.0", NULL };
	assert_string_equal(nearest_of("3b:00.0", addresses), "0000:3b:00.0");
}

static void test_nearest_try_keeps_few_of_the_equally_near(void **state)
{
	(void)state;
	static const char *const names[] = {
		"eth10", "eth1", "eth2", "eth1", "eth3", "eth4", NULL
	};
	struct nearest n;
	nearest_init(&n, "eth0");
	nearest_try_all(&n, names);
	assert_int_equal(n.n, NEAREST_MAX);
	assert_string_equal(n.names[1], "eth1");
	assert_string_equal(n.names[2], "eth2");
	nearest_init(&n, "eth1");
	nearest_try_all(&n, names);
	assert_int_equal(n.n, 1);
	assert_string_equal(n.names[0], "eth1");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nearest_name_only_when_near),
		cmocka_unit_test(test_nearest_name_short_word_may_have_one_mistake),
		cmocka_unit_test(test_nearest_name_without_its_beginning_is_found),
		cmocka_unit_test(test_nearest_try_keeps_few_of_the_equally_near),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
