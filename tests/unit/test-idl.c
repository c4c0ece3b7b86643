/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Interface descriptions: read, refused with the line, and used to check what is sent. */
#include "support/test.h"

#include "api/idl.h"
#include "api/interface.h"
#include "base/cleanup.h"
#include "base/str.h"

static const char text[] = "# comment\n"
			   "interface org.example\n"
			   "type T (a: int, b: ?[]string)\n"
			   "type E (one, two)\n"
			   "method M(t: T, e: ?E, m: ?[string]int, o: ?object, f: ?float) -> ()\n"
			   "error X (why: string)\n";

/* where: 64 bytes. */
static bool check(const char *json, char *where)
{
	_cleanup_(idl_freep) struct idl *idl = idl_parse(text, NULL);
	assert_non_null(idl);
	json_t *value = json_loads(json, 0, NULL);
	assert_non_null(value);
	const char *at = "";
	bool good = idl_check(idl, &idl_find(idl, IDL_METHOD, "M")->in, value, &at);
	assert_int_equal(str_copy(where, 64, at), 0);
	json_decref(value);
	return good;
}

static void test_idl_check_what_fits_is_accepted(void **state)
{
	char where[64];
	(void)state;
	assert_true(check("{\"t\":{\"a\":1}}", where));
	assert_true(check(
		"{\"t\":{\"a\":1,\"b\":[\"x\"]},\"e\":\"two\",\"m\":{\"k\":3},\"o\":{\"z\":1},"
		"\"f\":1.5}",
		where));
	assert_true(check("{\"t\":{\"a\":1,\"b\":null}}", where));
}

static void test_idl_check_what_does_not_fit_is_named(void **state)
{
	static const struct {
		const char *json, *where;
	} bad[] = {
		{ "{}", "t" },
		{ "{\"t\":{}}", "a" },
		{ "{\"t\":{\"a\":\"1\"}}", "a" },
		{ "{\"t\":{\"a\":1,\"b\":[1]}}", "b" },
		{ "{\"t\":{\"a\":1,\"c\":1}}", "c" },
		{ "{\"t\":{\"a\":1},\"u\":1}", "u" },
		{ "{\"t\":{\"a\":1},\"e\":\"three\"}", "e" },
		{ "{\"t\":{\"a\":1},\"m\":{\"k\":\"x\"}}", "m" },
		{ "{\"t\":{\"a\":1},\"o\":[]}", "o" },
		{ "{\"t\":null}", "t" },
	};
	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		char where[64];
		assert_false(check(bad[i].json, where));
		assert_string_equal(where, bad[i].where);
	}
}

static void test_idl_parse_malformed_is_refused_with_its_line(void **state)
{
	static const char *const bad[] = {
		"type T ()",
		"interface a\ntype",
		"interface a\ntype T (a: )",
		"interface a\ntype T (a: int",
		"interface a\nmethod M() -> ",
		"interface a\nmethod M()",
		"interface a\nthing X ()",
		"interface a\ntype X () method X() -> ()",
		"interface a\ntype T (a: ((((((((((((((((((((((((b: int))))))))))))))))))))))))",
	};
	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		_cleanup_err_ struct err e = { 0 };
		assert_null(idl_parse(bad[i], &e));
		assert_string_equal(e.id, "api.interface");
		assert_string_equal(e.on, i == 0 ? "line 1" : "line 2");
	}
}

static void test_interfaces_we_speak_are_well_formed(void **state)
{
	(void)state;
	_cleanup_(idl_freep) struct idl *carve = idl_parse(interface_carve_text(), NULL);
	_cleanup_(idl_freep) struct idl *service = idl_parse(interface_service_text(), NULL);
	assert_non_null(carve);
	assert_non_null(service);
	assert_string_equal(carve->name, INTERFACE_CARVE);
	assert_string_equal(service->name, INTERFACE_SERVICE);
	assert_non_null(idl_find(carve, IDL_METHOD, "GetInfo"));
}

static void test_interface_description_is_the_file(void **state)
{
	(void)state;
	_cleanup_fclose_ FILE *f = fopen("api/io.carve.varlink", "re");
	assert_non_null(f);
	char file[64 * 1024];
	size_t n = fread(file, 1, sizeof(file) - 1, f);
	file[n] = '\0';
	json_t *params = json_pack("{s:s}", "interface", INTERFACE_CARVE), *reply = NULL;
	assert_null(interface_service_call("org.varlink.service.GetInterfaceDescription", params,
					   &reply));
	assert_string_equal(json_string_value(json_object_get(reply, "description")), file);
	json_decref(reply);
	json_decref(params);
}

static void test_interface_call_unknown_is_a_standard_error(void **state)
{
	json_t *none = json_object(), *other = json_pack("{s:s}", "interface", "io.other");
	json_t *reply = NULL;
	(void)state;
	assert_string_equal(interface_service_call("org.varlink.service.Nope", none, &reply),
			    "org.varlink.service.MethodNotFound");
	json_decref(reply);
	assert_string_equal(interface_service_call("org.varlink.service.GetInterfaceDescription",
						   none, &reply),
			    "org.varlink.service.InvalidParameter");
	json_decref(reply);
	assert_string_equal(interface_service_call("org.varlink.service.GetInterfaceDescription",
						   other, &reply),
			    "org.varlink.service.InterfaceNotFound");
	json_decref(reply);
	json_decref(none);
	json_decref(other);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_idl_check_what_fits_is_accepted),
		cmocka_unit_test(test_idl_check_what_does_not_fit_is_named),
		cmocka_unit_test(test_idl_parse_malformed_is_refused_with_its_line),
		cmocka_unit_test(test_interfaces_we_speak_are_well_formed),
		cmocka_unit_test(test_interface_description_is_the_file),
		cmocka_unit_test(test_interface_call_unknown_is_a_standard_error),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
