/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Plans in files: what is written is what Apply is asked with, within what a request can be. */
#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "cli/plan-file.h"
#include "support/test.h"

static char dir[] = "/tmp/test-plan-file-XXXXXX";
static char file[64];

static int setup(void **state)
{
	(void)state;
	return mkdtemp(dir) && STR_FORMAT(file, "%s/plan", dir) >= 0 ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	unlink(file);
	return rmdir(dir);
}

static json_t *reply_with(size_t steps)
{
	json_t *array = json_array();
	for (size_t i = 0; i < steps; i++)
		json_array_append_new(array, json_pack("{s:s, s:s, s:s, s:[s]}", "device", "pci:0",
						       "verb", "sriov.set-vf", "text", "set VF 3",
						       "blast", "VF 3 vanishes"));
	return json_pack("{s:i, s:[], s:o, s:[], s:[s]}", "base", 4, "devices", "steps", array,
			 "waits", "ends", "claim web01 ends");
}

static void test_plan_save_and_load_give_the_request_back(void **state)
{
	(void)state;
	_cleanup_err_ struct err e = { 0 };
	json_auto_t *asked = json_pack("{s:s, s:s}", "policy", "version: 1\n", "file", "a.yaml");
	json_auto_t *reply = reply_with(2), *got = NULL;
	struct stat st;
	assert_int_equal(cli_plan_save(file, asked, reply, &e), 0);
	assert_int_equal(stat(file, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_int_equal(cli_plan_load(file, &got, &e), 0);
	assert_string_equal(json_string_value(json_object_get(got, "policy")), "version: 1\n");
	const json_t *plan = json_object_get(got, "plan");
	assert_int_equal(json_integer_value(json_object_get(plan, "base")), 4);
	assert_int_equal(json_array_size(json_object_get(plan, "ends")), 1);
	const json_t *step = json_array_get(json_object_get(plan, "steps"), 1);
	assert_string_equal(json_string_value(json_object_get(step, "text")), "set VF 3");
	assert_null(json_object_get(step, "blast"));
}

static void test_plan_save_more_than_a_request_holds_is_refused(void **state)
{
	(void)state;
	_cleanup_err_ struct err e = { 0 };
	json_auto_t *asked = json_object(), *reply = reply_with(20000);
	unlink(file);
	assert_int_equal(cli_plan_save(file, asked, reply, &e), -EFBIG);
	assert_string_equal(e.id, "plan.size");
	assert_int_equal(access(file, F_OK), -1);
}

/* The plan takes the place of a file, never of a device or of what a link points to. */
static void test_plan_save_replaces_plain_files_only(void **state)
{
	(void)state;
	_cleanup_err_ struct err e = { 0 };
	json_auto_t *asked = json_pack("{s:s}", "policy", "version: 1"), *reply = json_object();
	assert_int_equal(cli_plan_save("/dev/null", asked, reply, &e), -EEXIST);
	assert_string_equal(e.id, "plan.save");
	assert_non_null(strstr(e.because, "no plain file"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_plan_save_and_load_give_the_request_back),
		cmocka_unit_test(test_plan_save_replaces_plain_files_only),
		cmocka_unit_test(test_plan_save_more_than_a_request_holds_is_refused),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
