/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The list of enrolled devices: what it says, what is refused and where, and who may write it. */
#include "support/test.h"

#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "host/enroll.h"
#include "support/tree.h"

static void test_enrollment_parse_reads_all_forms(void **state)
{
	struct enrollment e = { 0 };
	(void)state;
	assert_int_equal(
		enrollment_parse("# comment\n"
				 "\n"
				 "pci:0000:00/03.0/00.0  8086:10c9  serial=525400ffffe00001\n"
				 "\tsys:virtual/mtty/mtty - - # why\n"
				 "pci:10000:e0/01.0 144d:a808\n"
				 "pci:0000:00/02.0",
				 "devices", &e, NULL),
		0);
	assert_int_equal(e.n, 4);
	const struct enrolled *nic = enrollment_find(&e, "pci:0000:00/03.0/00.0");
	assert_true(nic->has_ids && nic->has_serial);
	assert_int_equal(nic->vendor, 0x8086);
	assert_int_equal(nic->device, 0x10c9);
	assert_true(nic->serial == 0x525400ffffe00001);
	const struct enrolled *uart = enrollment_find(&e, "sys:virtual/mtty/mtty");
	assert_false(uart->has_ids || uart->has_serial);
	assert_non_null(enrollment_find(&e, "pci:10000:e0/01.0"));
	assert_null(enrollment_find(&e, "pci:10000:e0/01"));
	enrollment_done(&e);
}

static void test_enrollment_parse_labels_are_kept(void **state)
{
	struct enrollment e = { 0 };
	char line[256];
	(void)state;
	assert_int_equal(enrollment_parse("pci:0000:00/03.0 - - labels=rack-7,train # both\n"
					  "pci:0000:00/04.0 - -\n",
					  "devices", &e, NULL),
			 0);
	const struct enrolled *gpu = enrollment_find(&e, "pci:0000:00/03.0");
	assert_string_equal(gpu->labels, "rack-7 train");
	assert_string_equal(enrollment_find(&e, "pci:0000:00/04.0")->labels, "");
	assert_int_equal(enrolled_format(gpu, line, sizeof(line)), 0);
	assert_string_equal(line, "pci:0000:00/03.0  -  -  labels=rack-7,train");
	enrollment_done(&e);
}

static void test_enrollment_parse_more_labels_than_fit_refused(void **state)
{
	struct enrollment e = { 0 };
	struct err err _cleanup_err_ = { 0 };
	_cleanup_(str_buf_done) struct str_buf text = { 0 };
	(void)state;
	str_buf_add(&text, "pci:0000:00/03.0 - - labels=l0");
	for (unsigned i = 0; i < 64; i++)
		str_buf_add(&text, ",l");
	assert_int_equal(enrollment_parse(text.text, "f", &e, &err), -EINVAL);
	assert_string_equal(err.because, "the labels are longer than 127 bytes");
}

static void test_f30_enrollment_parse_bad_line_enrols_nothing(void **state)
{
	static const struct {
		const char *text, *at;
	} cases[] = {
		{ "pci:0000:00/03.0\nnonsense\n", "f:2:1" },
		{ "pci:0000:00/03.0 8086\n", "f:1:18" },
		{ "pci:0000:00/03.0 8086:10c9 525400\n", "f:1:28" },
		{ "pci:0000:00/03.0 8086:10c9 - more\n", "f:1:30" },
		{ "pci:0000:00/03.0 8086:10c9 - labels=a more\n", "f:1:1" },
		{ "pci:0000:00/03.0 8086:10c9 labels=a\n", "f:1:28" },
		{ "pci:0000:00/03.0 - - labels=\n", "f:1:22" },
		{ "pci:0000:00/03.0 - - labels=a,,b\n", "f:1:22" },
		{ "pci:0000:00/03.0 - - labels=a,\n", "f:1:22" },
		{ "pci:0000:00/03.0 - - labels=-a\n", "f:1:22" },
		{ "pci:0000:00/03.0 - - labels=a=b\n", "f:1:22" },
		{ "pci:0000:00/03.0 - - labels=a123456789012345678901234567890123456789012345678\n",
		  "f:1:22" },
		{ "pci:0000:00/03.0\npci:0000:00/03.0\n", "f:2:1" },
		{ "  pci:0000:00/3.0\n", "f:1:3" },
		{ "pci:0000:00\n", "f:1:1" },
		{ "pci:0000:00/\n", "f:1:1" },
		{ "pci:0000:00/03.8\n", "f:1:1" },
		{ "sys:\n", "f:1:1" },
		{ "sys:a//b\n", "f:1:1" },
		{ "sys:../x\n", "f:1:1" },
		{ "sys:a/..\n", "f:1:1" },
		{ "sys:/a\n", "f:1:1" },
		{ "usb:1\n", "f:1:1" },
		{ "pci:0000:00/03.0 8086:10C9\xff\n", "f:1:18" },
	};
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct enrollment e = { 0 };
		struct err err = { 0 };
		assert_int_equal(enrollment_parse(cases[i].text, "f", &e, &err), -EINVAL);
		assert_int_equal(e.n, 0);
		assert_string_equal(err.id, "enroll.syntax");
		assert_string_equal(err.on, cases[i].at);
		err_done(&err);
	}
}

/* By key, so that thousands are found at once; which line is the second one is still known. */
static void test_enrollment_find_finds_each_of_thousands(void **state)
{
	struct str_buf text = { 0 };
	struct enrollment e = { 0 };
	struct err err _cleanup_err_ = { 0 };
	char key[32];
	(void)state;
	for (unsigned i = 8192; i-- > 0;)
		str_buf_addf(&text, "pci:%04x:00/03.0\n", i);
	assert_int_equal(enrollment_parse(text.text, "f", &e, &err), 0);
	assert_int_equal(e.n, 8192);
	for (unsigned i = 0; i < 8192; i += 17) {
		STR_FORMAT(key, "pci:%04x:00/03.0", i);
		assert_string_equal(enrollment_find(&e, key)->key, key);
	}
	assert_null(enrollment_find(&e, "pci:2000:00/03.0"));
	assert_null(enrollment_find(&e, "pci"));
	enrollment_done(&e);
	str_buf_add(&text, "pci:0007:00/03.0\n");
	assert_int_equal(enrollment_parse(text.text, "f", &e, &err), -EINVAL);
	assert_string_equal(err.on, "f:8193:1");
	str_buf_done(&text);
}

static void test_enrollment_parse_long_line_refused(void **state)
{
	struct enrollment e = { 0 };
	char text[2000];
	(void)state;
	memset(text, 'a', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	assert_int_equal(enrollment_parse(text, "f", &e, NULL), -EINVAL);
}

static void test_enrollment_read_absent_file_is_empty_list(void **state)
{
	struct enrollment e = { .n = 1 };
	(void)state;
	assert_int_equal(enrollment_read("/nonexistent/devices", &e, NULL), 0);
	assert_int_equal(e.n, 0);
	enrollment_done(&e);
}

static void test_enrollment_read_file_others_can_write_refused(void **state)
{
	struct tree t;
	struct enrollment e = { 0 };
	struct err err = { 0 };
	char path[128];
	(void)state;
	tree_init(&t);
	tree_file(&t, "devices", "sys:virtual/mtty/mtty\n");
	(void)STR_FORMAT(path, "%s/devices", t.path);
	assert_int_equal(chmod(path, 0644), 0);
	assert_int_equal(enrollment_read(path, &e, NULL), 0);
	assert_int_equal(e.n, 1);
	enrollment_done(&e);
	assert_int_equal(chmod(path, 0666), 0);
	assert_int_equal(enrollment_read(path, &e, &err), -EPERM);
	assert_string_equal(err.id, "enroll.unreadable");
	err_done(&err);
	tree_done(&t);
}

static void test_enrollment_read_nul_byte_refused(void **state)
{
	struct tree t;
	struct enrollment e = { 0 };
	char path[128];
	(void)state;
	tree_init(&t);
	tree_bytes(&t, "devices", "sys:a\0b\n", 8);
	(void)STR_FORMAT(path, "%s/devices", t.path);
	assert_int_equal(enrollment_read(path, &e, NULL), -EINVAL);
	tree_done(&t);
}

static void test_f23_enrolled_matches_only_that_device(void **state)
{
	struct enrolled e = { .has_ids = true, .vendor = 0x8086, .device = 0x10c9 };
	struct function f = { .vendor = 0x8086, .device = 0x10c9 };
	(void)state;
	assert_true(enrolled_matches(&e, &f));
	assert_false(enrolled_matches(&e, NULL));
	e.has_serial = true;
	e.serial = 1;
	assert_false(enrolled_matches(&e, &f));
	f.caps.has_serial = true;
	assert_false(enrolled_matches(&e, &f));
	f.caps.serial = 1;
	assert_true(enrolled_matches(&e, &f));
	f.device = 0x10ca;
	assert_false(enrolled_matches(&e, &f));
	e = (struct enrolled){ 0 };
	assert_true(enrolled_matches(&e, NULL));
}

static void test_enrolled_format_parses_back(void **state)
{
	struct enrolled e = { .key = "pci:0000:00/03.0",
			      .has_ids = true,
			      .vendor = 1,
			      .device = 0xabcd,
			      .has_serial = true,
			      .serial = 0xff };
	struct enrollment list = { 0 };
	char text[256];
	(void)state;
	assert_int_equal(enrolled_format(&e, text, sizeof(text)), 0);
	assert_string_equal(text, "pci:0000:00/03.0  0001:abcd  serial=00000000000000ff");
	assert_int_equal(enrollment_parse(text, "f", &list, NULL), 0);
	const struct enrolled *got = &list.entries[0];
	assert_string_equal(got->key, e.key);
	assert_true(got->has_ids && got->vendor == e.vendor && got->device == e.device);
	assert_true(got->has_serial && got->serial == e.serial);
	enrollment_done(&list);
	assert_true(enrolled_format(&e, text, 10) < 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_enrollment_parse_reads_all_forms),
		cmocka_unit_test(test_enrollment_parse_labels_are_kept),
		cmocka_unit_test(test_enrollment_parse_more_labels_than_fit_refused),
		cmocka_unit_test(test_f30_enrollment_parse_bad_line_enrols_nothing),
		cmocka_unit_test(test_enrollment_find_finds_each_of_thousands),
		cmocka_unit_test(test_enrollment_parse_long_line_refused),
		cmocka_unit_test(test_enrollment_read_absent_file_is_empty_list),
		cmocka_unit_test(test_enrollment_read_file_others_can_write_refused),
		cmocka_unit_test(test_enrollment_read_nul_byte_refused),
		cmocka_unit_test(test_f23_enrolled_matches_only_that_device),
		cmocka_unit_test(test_enrolled_format_parses_back),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
