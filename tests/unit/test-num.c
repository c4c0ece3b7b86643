/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Numbers from text: what is taken, what is refused, and where the limits are. */
#include "support/test.h"

#include <errno.h>

#include "base/num.h"

/* A value that no test parses: proves that a refusal writes nothing. */
#define UNTOUCHED 0xdeadbeefcafeULL

static void assert_refused(const char *text, unsigned base, uint64_t max, int error)
{
	uint64_t value = UNTOUCHED;
	assert_int_equal(num_parse(text, base, max, &value), error);
	assert_int_equal(value, UNTOUCHED);
}

static void assert_parsed(const char *text, unsigned base, uint64_t max, uint64_t expected)
{
	uint64_t value = UNTOUCHED;
	assert_int_equal(num_parse(text, base, max, &value), 0);
	assert_int_equal(value, expected);
}

static void test_num_parse_decimal_is_taken(void **state)
{
	(void)state;
	assert_parsed("0", 10, UINT64_MAX, 0);
	assert_parsed("7", 10, UINT64_MAX, 7);
	assert_parsed("007", 10, UINT64_MAX, 7);
	assert_parsed("1234567890", 10, UINT64_MAX, 1234567890);
}

static void test_num_parse_hex_takes_both_cases(void **state)
{
	(void)state;
	assert_parsed("10de", 16, UINT64_MAX, 0x10de);
	assert_parsed("aBcDeF", 16, UINT64_MAX, 0xabcdef);
	assert_parsed("0", 16, UINT64_MAX, 0);
}

static void test_num_parse_base_0_looks_at_prefix(void **state)
{
	(void)state;
	assert_parsed("16", 0, UINT64_MAX, 16);
	assert_parsed("0x16", 0, UINT64_MAX, 0x16);
	assert_parsed("0x10DE", 0, UINT64_MAX, 0x10de);
	/* No octal: a leading zero is how people pad. */
	assert_parsed("010", 0, UINT64_MAX, 10);
	assert_refused("0x", 0, UINT64_MAX, -EINVAL);
	assert_refused("0X10", 0, UINT64_MAX, -EINVAL);
	assert_refused("10de", 0, UINT64_MAX, -EINVAL);
}

static void test_num_parse_prefix_with_given_base_is_refused(void **state)
{
	(void)state;
	assert_refused("0x10", 16, UINT64_MAX, -EINVAL);
	assert_refused("0x10", 10, UINT64_MAX, -EINVAL);
}

static void test_num_parse_empty_is_refused(void **state)
{
	(void)state;
	assert_refused("", 0, UINT64_MAX, -EINVAL);
	assert_refused("", 10, UINT64_MAX, -EINVAL);
	assert_refused("", 16, UINT64_MAX, -EINVAL);
}

static void test_num_parse_anything_but_digits_is_refused(void **state)
{
	static const char *const bad[] = { "-1",  "+1",	 " 1",	 "1 ",	"1\n",	 "1.5",
					   "1,0", "1e3", "0b11", "ten", "12abc", "\xd9\xa1" };
	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_refused(bad[i], 10, UINT64_MAX, -EINVAL);
	assert_refused("fg", 16, UINT64_MAX, -EINVAL);
	assert_refused("a", 10, UINT64_MAX, -EINVAL);
}

static void test_num_parse_limit_itself_is_taken(void **state)
{
	(void)state;
	assert_parsed("255", 10, 255, 255);
	assert_parsed("ff", 16, 255, 255);
	assert_parsed("0", 10, 0, 0);
	assert_parsed("18446744073709551615", 10, UINT64_MAX, UINT64_MAX);
	assert_parsed("ffffffffffffffff", 16, UINT64_MAX, UINT64_MAX);
}

static void test_num_parse_above_limit_is_refused(void **state)
{
	(void)state;
	assert_refused("256", 10, 255, -ERANGE);
	assert_refused("100", 16, 255, -ERANGE);
	assert_refused("1", 10, 0, -ERANGE);
}

static void test_num_parse_overflow_is_refused(void **state)
{
	(void)state;
	assert_refused("18446744073709551616", 10, UINT64_MAX, -ERANGE);
	assert_refused("18446744073709551620", 10, UINT64_MAX, -ERANGE);
	assert_refused("10000000000000000", 16, UINT64_MAX, -ERANGE);
	assert_refused("99999999999999999999999999999999", 10, UINT64_MAX, -ERANGE);
}

static void test_num_parse_u32_limit_is_taken(void **state)
{
	uint32_t value = 1;
	(void)state;
	assert_int_equal(num_parse_u32("4294967295", 10, &value), 0);
	assert_int_equal(value, UINT32_MAX);
	assert_int_equal(num_parse_u32("0xffffffff", 0, &value), 0);
	assert_int_equal(value, UINT32_MAX);
}

static void test_num_parse_u32_above_limit_is_refused(void **state)
{
	uint32_t value = 1;
	(void)state;
	assert_int_equal(num_parse_u32("4294967296", 10, &value), -ERANGE);
	assert_int_equal(num_parse_u32("x", 10, &value), -EINVAL);
	assert_int_equal(value, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_num_parse_decimal_is_taken),
		cmocka_unit_test(test_num_parse_hex_takes_both_cases),
		cmocka_unit_test(test_num_parse_base_0_looks_at_prefix),
		cmocka_unit_test(test_num_parse_prefix_with_given_base_is_refused),
		cmocka_unit_test(test_num_parse_empty_is_refused),
		cmocka_unit_test(test_num_parse_anything_but_digits_is_refused),
		cmocka_unit_test(test_num_parse_limit_itself_is_taken),
		cmocka_unit_test(test_num_parse_above_limit_is_refused),
		cmocka_unit_test(test_num_parse_overflow_is_refused),
		cmocka_unit_test(test_num_parse_u32_limit_is_taken),
		cmocka_unit_test(test_num_parse_u32_above_limit_is_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
