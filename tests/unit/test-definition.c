/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The files of mdevctl and driverctl as text: what these write is read, whatever else is there is refused. */
#include "support/test.h"

#include <errno.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "model/definition.h"

#define PATH "/etc/mdevctl.d/mtty/uuid"
/* As mdevctl 1.2.0 writes it. */
#define WRITTEN "{\n  \"mdev_type\": \"mtty-2\",\n  \"start\": \"auto\",\n  \"attrs\": []\n}"

static int parse(const char *text, struct definition *ret, struct err *err)
{
	return definition_parse(text, strlen(text), PATH, ret, err);
}

static void test_definition_parse_what_mdevctl_writes(void **state)
{
	(void)state;
	struct definition d;
	assert_int_equal(parse(WRITTEN, &d, NULL), 0);
	assert_string_equal(d.type, "mtty-2");
	assert_true(d.starts);
	assert_false(d.attributes);
	assert_int_equal(
		parse("{\"mdev_type\":\"i915-GVTg_V5_4\",\"start\":\"manual\"}\n", &d, NULL), 0);
	assert_string_equal(d.type, "i915-GVTg_V5_4");
	assert_false(d.starts);
	assert_int_equal(parse("{\"start\":\"manual\",\"attrs\":[{\"assign_adapter\":\"5\"}],"
			       "\"mdev_type\":\"vfio_ap-passthrough\",\"newer\":{\"x\":1}}",
			       &d, NULL),
			 0);
	assert_true(d.attributes);
}

static void refused(const char *text, size_t len, const char *where, const char *why)
{
	_cleanup_err_ struct err err = { 0 };
	struct definition d = { .type = "as before" };
	assert_int_equal(definition_parse(text, len, PATH, &d, &err), -EINVAL);
	assert_string_equal(err.id, "tool.damaged");
	assert_string_equal(err.on, where);
	if (!strstr(err.because, why))
		fail_msg("\"%s\" lacks \"%s\"", err.because, why);
	assert_string_equal(d.type, "as before");
}

static void test_definition_parse_damaged_ones_are_refused_with_their_place(void **state)
{
	(void)state;
	static const struct {
		const char *text, *where, *why;
	} all[] = {
		{ "", PATH ":1:0", "no JSON" },
		{ "not json", PATH ":1:3", "no JSON" },
		{ "{\"mdev_type\": \"mtty-2\",\n \"start\" \"auto\"}", PATH ":2:15", "no JSON" },
		{ WRITTEN "x", PATH ":5:2", "no JSON" },
		{ "{\"mdev_type\": \"a\", \"mdev_type\": \"b\", \"start\": \"auto\"}", PATH ":1:30",
		  "duplicate" },
		{ "[]", PATH, "no JSON object" },
		{ "\"auto\"", PATH ":1:6", "no JSON" },
		{ "{\"start\": \"auto\"}", PATH, "mdev_type" },
		{ "{\"mdev_type\": 2, \"start\": \"auto\"}", PATH, "mdev_type" },
		{ "{\"mdev_type\": \"\", \"start\": \"auto\"}", PATH, "mdev_type" },
		{ "{\"mdev_type\": \"..\", \"start\": \"auto\"}", PATH, "mdev_type" },
		{ "{\"mdev_type\": \"a/../b\", \"start\": \"auto\"}", PATH, "mdev_type" },
		{ "{\"mdev_type\": \"mtty-2\"}", PATH, "start" },
		{ "{\"mdev_type\": \"mtty-2\", \"start\": true}", PATH, "start" },
		{ "{\"mdev_type\": \"mtty-2\", \"start\": \"later\"}", PATH, "start" },
		{ "{\"mdev_type\": \"mtty-2\", \"start\": \"auto\", \"attrs\": {}}", PATH,
		  "attrs" },
	};
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		refused(all[i].text, strlen(all[i].text), all[i].where, all[i].why);
	refused(WRITTEN "\0", strlen(WRITTEN) + 1, PATH ":5:2", "no JSON");
	char type[NAME_SIZE + 64], longer[sizeof(type) + 64];
	memset(type, 'x', sizeof(type) - 1);
	type[sizeof(type) - 1] = '\0';
	assert_int_equal(STR_FORMAT(longer, "{\"mdev_type\": \"%s\", \"start\": \"auto\"}", type),
			 0);
	refused(longer, strlen(longer), PATH, "mdev_type");
}

/* Cut anywhere, and with any byte another one, it is read as itself or refused, never beyond its end. */
static void test_definition_parse_any_other_text_is_refused_or_means_what_it_says(void **state)
{
	(void)state;
	size_t len = strlen(WRITTEN), good = 0;
	for (size_t i = 0; i < len; i++) {
		struct definition d;
		_cleanup_free_ char *cut = malloc(i + 1);
		assert_non_null(cut);
		memcpy(cut, WRITTEN, i);
		assert_int_equal(definition_parse(cut, i, PATH, &d, NULL), -EINVAL);
		for (int byte = 0; byte < 256; byte++) {
			_cleanup_free_ char *text = malloc(len);
			assert_non_null(text);
			memcpy(text, WRITTEN, len);
			text[i] = (char)byte;
			if (definition_parse(text, len, PATH, &d, NULL) < 0)
				continue;
			good++;
			assert_true(d.starts && !d.attributes && strlen(d.type) == 6 &&
				    !strchr(d.type, '/'));
		}
	}
	/* Itself each time, and blanks and letters of the type's name. */
	assert_true(good > len && good < 256 * 20);
}

static void test_definition_make_is_as_mdevctl_writes_it(void **state)
{
	(void)state;
	_cleanup_free_ char *text = definition_make("mtty-2");
	assert_non_null(text);
	assert_string_equal(text, WRITTEN);
}

static void test_definition_set_starts_keeps_all_else(void **state)
{
	(void)state;
	struct definition d;
	const char *odd =
		"{\"newer\": {\"a\": [1, null]}, \"start\": \"auto\", \"mdev_type\": \"x\", "
		"\"attrs\": [{\"k\": \"v\"}]}";
	_cleanup_free_ char *manual = definition_set_starts(odd, false);
	assert_non_null(manual);
	assert_int_equal(parse(manual, &d, NULL), 0);
	assert_false(d.starts);
	assert_true(d.attributes);
	assert_non_null(strstr(manual, "\"newer\": {"));
	_cleanup_free_ char *again = definition_set_starts(manual, true);
	json_t *a = json_loads(odd, 0, NULL), *b = json_loads(again, 0, NULL);
	assert_true(json_equal(a, b));
	json_decref(a);
	json_decref(b);
	assert_null(definition_set_starts("no json", true));
}

static void test_definition_parent_valid_names_no_folder_of_mdevctl(void **state)
{
	(void)state;
	assert_true(definition_parent_valid("0000:3b:00.0"));
	assert_true(definition_parent_valid("mtty"));
	assert_false(definition_parent_valid("scripts.d"));
	assert_false(definition_parent_valid(""));
	assert_false(definition_parent_valid(".."));
	assert_false(definition_parent_valid("a/b"));
}

static void test_override_parse_takes_one_name(void **state)
{
	(void)state;
	char driver[NAME_SIZE] = "as before";
	static const char *const bad[] = { "",	    "\n",	    "vfio-pci\n\n", "a b\n",
					   "a/b\n", "vfio-pci\r\n", "\x80\n",	    " vfio-pci" };
	assert_int_equal(override_parse("vfio-pci\n", 9, PATH, driver, NULL), 0);
	assert_string_equal(driver, "vfio-pci");
	assert_int_equal(override_parse("nouveau", 7, PATH, driver, NULL), 0);
	assert_string_equal(driver, "nouveau");
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		_cleanup_err_ struct err err = { 0 };
		if (override_parse(bad[i], strlen(bad[i]), PATH, driver, &err) != -EINVAL)
			fail_msg("\"%s\" is taken", bad[i]);
		assert_string_equal(err.id, "tool.damaged");
	}
	assert_int_equal(override_parse("vfio-pci\0x", 10, PATH, driver, NULL), -EINVAL);
	assert_string_equal(driver, "nouveau");
}

static void test_override_address_is_of_a_pci_function(void **state)
{
	(void)state;
	assert_string_equal(override_address("pci-0000:3b:00.0"), "0000:3b:00.0");
	assert_null(override_address("pci-0000:3b:00.0.rpmsave"));
	assert_null(override_address("usb-1-1"));
	assert_null(override_address("pci-"));
	assert_null(override_address(".pci-0000:3b:00.0.new"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_definition_parse_what_mdevctl_writes),
		cmocka_unit_test(test_definition_parse_damaged_ones_are_refused_with_their_place),
		cmocka_unit_test(
			test_definition_parse_any_other_text_is_refused_or_means_what_it_says),
		cmocka_unit_test(test_definition_make_is_as_mdevctl_writes_it),
		cmocka_unit_test(test_definition_set_starts_keeps_all_else),
		cmocka_unit_test(test_definition_parent_valid_names_no_folder_of_mdevctl),
		cmocka_unit_test(test_override_parse_takes_one_name),
		cmocka_unit_test(test_override_address_is_of_a_pci_function),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
