/* SPDX-License-Identifier: GPL-2.0-or-later */
/* MAC addresses from text and back. */
#include "support/test.h"

#include <errno.h>

#include "base/mac.h"

static void test_mac_parse_takes_both_cases_and_prints_lower(void **state)
{
	(void)state;
	uint8_t mac[MAC_SIZE];
	char text[MAC_TEXT_SIZE];
	assert_int_equal(mac_parse("52:54:00:Aa:0F:fe", mac), 0);
	mac_format(mac, text);
	assert_string_equal(text, "52:54:00:aa:0f:fe");
}

static void test_mac_parse_other_texts_are_refused_and_write_nothing(void **state)
{
	(void)state;
	static const char *const wrong[] = {
		"",
		"52:54:00:aa:00",
		"52:54:00:aa:00:01:02",
		"52-54-00-aa-00-01",
		"52:54:00:aa:00:0",
		"5254:00:aa:00:01:",
		"52:54:00:aa:00: 1",
		"52:54:00:aa:00:0g",
		"+2:54:00:aa:00:01",
		"52:54:00:aa:00:01 ",
	};
	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
		uint8_t mac[MAC_SIZE] = { 1, 2, 3, 4, 5, 6 };
		const uint8_t untouched[MAC_SIZE] = { 1, 2, 3, 4, 5, 6 };
		assert_int_equal(mac_parse(wrong[i], mac), -EINVAL);
		assert_memory_equal(mac, untouched, MAC_SIZE);
	}
}

static void test_mac_is_unicast_neither_multicast_nor_zero(void **state)
{
	(void)state;
	assert_true(mac_is_unicast((const uint8_t[]){ 0x02, 0, 0, 0, 0, 0 }));
	assert_true(mac_is_unicast((const uint8_t[]){ 0, 0, 0, 0, 0, 1 }));
	assert_false(mac_is_unicast((const uint8_t[]){ 0x01, 0, 0x5e, 0, 0, 1 }));
	assert_false(mac_is_unicast((const uint8_t[]){ 0, 0, 0, 0, 0, 0 }));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_mac_parse_takes_both_cases_and_prints_lower),
		cmocka_unit_test(test_mac_parse_other_texts_are_refused_and_write_nothing),
		cmocka_unit_test(test_mac_is_unicast_neither_multicast_nor_zero),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
