/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Spans of time from text and back: what is taken, what is refused, and where the limits are. */
#include "support/test.h"

#include <errno.h>

#include "base/duration.h"

#define UNTOUCHED 77

static void assert_parsed(const char *text, uint64_t max, uint64_t expected)
{
	uint64_t value = UNTOUCHED;
	assert_int_equal(duration_parse(text, max, &value), 0);
	assert_int_equal(value, expected);
}

static void assert_refused(const char *text, uint64_t max, int error)
{
	uint64_t value = UNTOUCHED;
	assert_int_equal(duration_parse(text, max, &value), error);
	assert_int_equal(value, UNTOUCHED);
}

static void test_duration_parse_units_are_taken(void **state)
{
	(void)state;
	assert_parsed("0s", UINT64_MAX, 0);
	assert_parsed("45s", UINT64_MAX, 45);
	assert_parsed("30m", UINT64_MAX, 1800);
	assert_parsed("12h", UINT64_MAX, 43200);
	assert_parsed("2d", UINT64_MAX, 172800);
}

static void test_duration_parse_anything_else_is_refused(void **state)
{
	(void)state;
	static const char *const bad[] = {
		"",	"30",  "m",   "30 m", " 30m",
		"30m ", "-1h", "+1h", "1.5h", "1h30m",
		"1H",	"1w",  "03h", "1mm",  "11111111111111111111111111111111111m"
	};
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_refused(bad[i], UINT64_MAX, -EINVAL);
}

static void test_duration_parse_limit_itself_is_taken(void **state)
{
	(void)state;
	assert_parsed("60m", 3600, 3600);
	assert_refused("61m", 3600, -ERANGE);
	assert_refused("2h", 3600, -ERANGE);
	assert_refused("3601s", 3600, -ERANGE);
	assert_refused("99999999999999999999d", UINT64_MAX, -ERANGE);
}

static void assert_formatted(uint64_t seconds, const char *expected)
{
	char text[DURATION_TEXT_SIZE];
	duration_format(seconds, text);
	assert_string_equal(text, expected);
}

static void test_duration_format_is_short_and_exact(void **state)
{
	(void)state;
	assert_formatted(0, "0s");
	assert_formatted(59, "59s");
	assert_formatted(5400, "90m");
	assert_formatted(43200, "12h");
	assert_formatted(172800, "2d");
	assert_formatted(86401, "86401s");
	assert_formatted(UINT64_MAX, "18446744073709551615s");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_duration_parse_units_are_taken),
		cmocka_unit_test(test_duration_parse_anything_else_is_refused),
		cmocka_unit_test(test_duration_parse_limit_itself_is_taken),
		cmocka_unit_test(test_duration_format_is_short_and_exact),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
