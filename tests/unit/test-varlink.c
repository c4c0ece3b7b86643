/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Varlink framing: what a peer can send in any portion, and what he can make the service hold. */
#include "support/test.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "api/varlink.h"
#include "base/cleanup.h"

static int feed(struct varlink_conn *c, const char *bytes, size_t n)
{
	return varlink_input_add(&c->in, bytes, n);
}

/* With its NUL. */
#define FEED(c, text) assert_int_equal(feed(c, text, sizeof(text)), 0)

static void take_reply(struct varlink_conn *c, const char *expected)
{
	assert_string_equal(c->out.data + c->out.start, expected);
	varlink_output_sent(&c->out, strlen(expected) + 1);
}

static void test_input_next_byte_by_byte_gives_the_message(void **state)
{
	static const char text[] = "{\"method\":\"a.b.C\"}";
	struct varlink_conn c;
	struct varlink_call call;
	(void)state;
	varlink_conn_init(&c, VARLINK_MESSAGE_MAX);
	for (size_t i = 0; i + 1 < sizeof(text); i++) {
		assert_int_equal(feed(&c, &text[i], 1), 0);
		assert_int_equal(varlink_conn_next(&c, &call), 0);
		assert_true(varlink_input_partial(&c.in));
	}
	assert_int_equal(feed(&c, "", 1), 0);
	assert_int_equal(varlink_conn_next(&c, &call), 1);
	assert_string_equal(call.method, "a.b.C");
	assert_int_equal(json_object_size(call.params), 0);
	assert_false(call.more);
	/* Nothing is held for an idle connection. */
	assert_null(c.in.data);
	varlink_call_done(&call);
	varlink_conn_done(&c);
}

static void test_input_next_too_long_is_emsgsize(void **state)
{
	struct varlink_conn c;
	struct varlink_call call;
	_cleanup_free_ char *blanks = malloc(1001);
	(void)state;
	varlink_conn_init(&c, 1000);
	memset(blanks, ' ', 1001);
	assert_int_equal(feed(&c, blanks, 1000), 0);
	assert_int_equal(varlink_conn_next(&c, &call), 0);
	assert_int_equal(varlink_input_room(&c.in), 1);
	assert_int_equal(feed(&c, blanks, 2), -ENOBUFS);
	assert_int_equal(feed(&c, blanks, 1), 0);
	assert_int_equal(varlink_conn_next(&c, &call), -EMSGSIZE);
	varlink_conn_done(&c);
}

static void test_conn_next_not_a_call_is_ebadmsg(void **state)
{
	static const char *const bad[] = {
		"",
		"x",
		"[]",
		"{}",
		"{\"method\":1}",
		"{\"method\":\"a\",\"parameters\":[]}",
		"{\"method\":\"a\",\"more\":1}",
		"{\"method\":\"a\",\"method\":\"b\"}",
		"{\"method\":\"a\\u0000\"}",
		"{\"method\":\"a\"} trailing",
	};
	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct varlink_conn c;
		struct varlink_call call;
		varlink_conn_init(&c, VARLINK_MESSAGE_MAX);
		assert_int_equal(feed(&c, bad[i], strlen(bad[i]) + 1), 0);
		assert_int_equal(varlink_conn_next(&c, &call), -EBADMSG);
		varlink_conn_done(&c);
	}
}

static void test_conn_next_pipelined_calls_come_one_at_a_time(void **state)
{
	struct varlink_conn c;
	struct varlink_call call;
	(void)state;
	varlink_conn_init(&c, VARLINK_MESSAGE_MAX);
	FEED(&c, "{\"method\":\"a\"}\0{\"method\":\"b\",\"oneway\":true}\0{\"method\":\"c\"}");
	assert_int_equal(varlink_conn_next(&c, &call), 1);
	assert_string_equal(call.method, "a");
	varlink_call_done(&call);
	assert_int_equal(varlink_conn_next(&c, &call), 0);
	assert_int_equal(varlink_conn_reply(&c, NULL, false), 0);
	take_reply(&c, "{\"parameters\":{}}");

	assert_int_equal(varlink_conn_next(&c, &call), 1);
	assert_true(call.oneway);
	varlink_call_done(&call);
	assert_int_equal(varlink_conn_reply(&c, NULL, false), 0);
	assert_int_equal(varlink_output_pending(&c.out), 0);

	assert_int_equal(varlink_conn_next(&c, &call), 1);
	assert_string_equal(call.method, "c");
	varlink_call_done(&call);
	assert_int_equal(varlink_conn_error(&c, "x.Y", json_pack("{s:i}", "n", 1)), 0);
	take_reply(&c, "{\"error\":\"x.Y\",\"parameters\":{\"n\":1}}");
	varlink_conn_done(&c);
}

static void test_conn_reply_continues_only_when_more_was_asked(void **state)
{
	struct varlink_conn c;
	struct varlink_call call;
	(void)state;
	varlink_conn_init(&c, VARLINK_MESSAGE_MAX);
	FEED(&c, "{\"method\":\"a\",\"more\":true}");
	assert_int_equal(varlink_conn_next(&c, &call), 1);
	varlink_call_done(&call);
	assert_int_equal(varlink_conn_reply(&c, NULL, true), 0);
	take_reply(&c, "{\"continues\":true,\"parameters\":{}}");
	assert_true(c.busy);
	assert_int_equal(varlink_conn_reply(&c, NULL, false), 0);
	take_reply(&c, "{\"parameters\":{}}");
	assert_false(c.busy);

	FEED(&c, "{\"method\":\"a\"}");
	assert_int_equal(varlink_conn_next(&c, &call), 1);
	varlink_call_done(&call);
	assert_int_equal(varlink_conn_reply(&c, NULL, true), 0);
	take_reply(&c, "{\"parameters\":{}}");
	assert_false(c.busy);
	varlink_conn_done(&c);
}

static void test_conn_next_unread_replies_hold_back_further_calls(void **state)
{
	struct varlink_conn c;
	struct varlink_call call;
	_cleanup_free_ char *big = calloc(1, VARLINK_OUTPUT_HIGH + 1);
	(void)state;
	memset(big, 'x', VARLINK_OUTPUT_HIGH);
	varlink_conn_init(&c, VARLINK_MESSAGE_MAX);
	FEED(&c, "{\"method\":\"a\"}\0{\"method\":\"b\"}");
	assert_int_equal(varlink_conn_next(&c, &call), 1);
	varlink_call_done(&call);
	assert_int_equal(varlink_conn_reply(&c, json_pack("{s:s}", "big", big), false), 0);
	assert_int_equal(varlink_conn_next(&c, &call), 0);
	varlink_output_sent(&c.out, varlink_output_pending(&c.out));
	assert_int_equal(varlink_conn_next(&c, &call), 1);
	varlink_call_done(&call);
	varlink_conn_done(&c);
}

/* A reader that always leaves something is no reason to keep what it has read. */
static void test_output_sent_room_is_used_again(void **state)
{
	(void)state;
	struct varlink_output out = { .max = 1024 };
	json_t *message = json_pack("{s:s}", "text", "some words, to be sent again");
	for (int i = 0; i < 1000; i++) {
		assert_int_equal(varlink_output_add(&out, message), 0);
		if (i > 0)
			varlink_output_sent(&out, varlink_output_pending(&out) / 2);
		assert_true(out.room <= 4096);
	}
	json_decref(message);
	varlink_output_done(&out);
}

static void test_output_add_beyond_max_adds_nothing(void **state)
{
	struct varlink_output out = { .max = 20 };
	json_t *small = json_pack("{s:i}", "a", 1);
	json_t *big = json_pack("{s:s}", "a", "0123456789abcdef");
	(void)state;
	assert_int_equal(varlink_output_add(&out, small), 0);
	size_t before = varlink_output_pending(&out);
	assert_int_equal(varlink_output_add(&out, big), -ENOBUFS);
	assert_int_equal(varlink_output_pending(&out), before);
	assert_int_equal(varlink_output_add(&out, small), 0);
	json_decref(small);
	json_decref(big);
	varlink_output_done(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_input_next_byte_by_byte_gives_the_message),
		cmocka_unit_test(test_input_next_too_long_is_emsgsize),
		cmocka_unit_test(test_conn_next_not_a_call_is_ebadmsg),
		cmocka_unit_test(test_conn_next_pipelined_calls_come_one_at_a_time),
		cmocka_unit_test(test_conn_reply_continues_only_when_more_was_asked),
		cmocka_unit_test(test_conn_next_unread_replies_hold_back_further_calls),
		cmocka_unit_test(test_output_sent_room_is_used_again),
		cmocka_unit_test(test_output_add_beyond_max_adds_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
