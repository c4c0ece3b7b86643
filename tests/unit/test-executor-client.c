/* SPDX-License-Identifier: GPL-2.0-or-later */
/* carved's end of the executor's socket, against an executor that the test plays itself. */
#include "support/test.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/str.h"
#include "daemon/executor-client.h"
#include "executor/proto.h"
#include "support/tree.h"

struct world {
	struct tree run;
	sd_event *loop;
	struct executor_client *client;
	int listener, peer;
	unsigned stuck, connected, lost, results;
	struct step_result last;
	char device[DEVICE_KEY_SIZE];
	uint8_t data[64];
	uint64_t send_again; /* a step to send from within a result */
};

static void on_stuck(void *userdata, const char *device, const struct step_result *r)
{
	struct world *w = userdata;
	w->stuck++;
	w->last = *r;
	(void)STR_COPY(w->device, device);
	assert_int_equal(w->connected, 0);
}

static void on_connected(void *userdata)
{
	((struct world *)userdata)->connected++;
}

static void on_lost(void *userdata)
{
	((struct world *)userdata)->lost++;
}

static void on_result(void *userdata, const struct step_result *r, const void *data)
{
	struct world *w = userdata;
	w->results++;
	w->last = *r;
	assert_true(r->data_len <= sizeof(w->data));
	memcpy(w->data, data, r->data_len);
	if (w->send_again) {
		struct step s = { .id = w->send_again };
		w->send_again = 0;
		assert_int_equal(executor_client_send(w->client, &s), 0);
	}
}

static const struct executor_client_calls calls = { on_stuck, on_connected, on_lost, on_result };

static void executor_begin(struct world *w)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	w->listener = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	assert_true(w->listener >= 0);
	assert_int_equal(STR_FORMAT(a.sun_path, "%s/executor", w->run.path), 0);
	(void)unlink(a.sun_path);
	assert_int_equal(bind(w->listener, (struct sockaddr *)&a, sizeof(a)), 0);
	assert_int_equal(listen(w->listener, 4), 0);
}

static void executor_end(struct world *w)
{
	if (w->peer >= 0)
		close(w->peer);
	if (w->listener >= 0)
		close(w->listener);
	w->peer = w->listener = -1;
}

/* Runs what is due now, waiting for at most ms. */
static void turn(struct world *w, unsigned ms)
{
	while (sd_event_run(w->loop, (uint64_t)ms * 1000) > 0)
		;
}

static void expect_request(struct world *w, enum exec_kind kind, struct exec_request *ret)
{
	assert_int_equal(recv(w->peer, ret, sizeof(*ret), MSG_DONTWAIT), sizeof(*ret));
	assert_int_equal(ret->h.magic, EXEC_MAGIC);
	assert_int_equal(ret->h.kind, kind);
}

static void answer(struct world *w, enum exec_kind kind, const struct step_result *r,
		   const char *device, const void *data)
{
	uint8_t message[sizeof(struct exec_reply) + 64];
	struct exec_reply reply;
	memset(&reply, 0, sizeof(reply));
	reply.h = (struct exec_header){ EXEC_MAGIC, EXEC_VERSION, kind, 0 };
	reply.result = *r;
	(void)STR_COPY(reply.device, device);
	memcpy(message, &reply, sizeof(reply));
	if (r->data_len)
		memcpy(message + sizeof(reply), data, r->data_len);
	size_t len = sizeof(reply) + r->data_len;
	assert_int_equal(send(w->peer, message, len, MSG_NOSIGNAL), len);
}

static void greet(struct world *w)
{
	struct exec_request rq;
	turn(w, 1);
	w->peer = accept4(w->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	assert_true(w->peer >= 0);
	turn(w, 1);
	expect_request(w, EXEC_HELLO, &rq);
}

static int set_up(void **state)
{
	struct world *w = calloc(1, sizeof(*w));
	assert_non_null(w);
	tree_init(&w->run);
	w->listener = w->peer = -1;
	assert_int_equal(sd_event_new(&w->loop), 0);
	*state = w;
	return 0;
}

static int tear_down(void **state)
{
	struct world *w = *state;
	executor_client_free(w->client);
	executor_end(w);
	sd_event_unref(w->loop);
	tree_done(&w->run);
	free(w);
	return 0;
}

static void client_begin(struct world *w)
{
	assert_int_equal(executor_client_new(w->loop, w->run.path, &calls, w, &w->client, NULL), 0);
}

static void test_executor_client_stuck_devices_come_before_connected(void **state)
{
	struct world *w = *state;
	struct step_result r = { .id = 3, .status = STEP_STUCK };
	executor_begin(w);
	client_begin(w);
	greet(w);
	answer(w, EXEC_STUCK, &r, "sys:a", NULL);
	turn(w, 1);
	assert_int_equal(w->stuck, 1);
	assert_string_equal(w->device, "sys:a");
	assert_false(executor_client_connected(w->client));
	answer(w, EXEC_HELLO, &(struct step_result){ .number = 1 }, "", NULL);
	turn(w, 1);
	assert_int_equal(w->connected, 1);
	assert_true(executor_client_connected(w->client));
}

static void connect_all(struct world *w)
{
	executor_begin(w);
	client_begin(w);
	greet(w);
	answer(w, EXEC_HELLO, &(struct step_result){ 0 }, "", NULL);
	turn(w, 1);
}

static void test_executor_client_result_with_data_arrives(void **state)
{
	struct world *w = *state;
	struct exec_request rq;
	struct step s = { .id = 42, .verb = VERB_HOLDERS };
	connect_all(w);
	assert_int_equal(executor_client_send(w->client, &s), 0);
	expect_request(w, EXEC_STEP, &rq);
	assert_int_equal(rq.step.id, 42);
	w->send_again = 43;
	answer(w, EXEC_STEP, &(struct step_result){ .id = 42, .data_len = 5 }, "", "abcd");
	turn(w, 1);
	assert_int_equal(w->results, 1);
	assert_string_equal((char *)w->data, "abcd");
	expect_request(w, EXEC_STEP, &rq);
	assert_int_equal(rq.step.id, 43);
}

static void test_executor_client_more_than_limit_waits(void **state)
{
	struct world *w = *state;
	struct exec_request rq;
	connect_all(w);
	for (uint64_t i = 0; i < EXEC_IN_FLIGHT_MAX + 10; i++)
		assert_int_equal(executor_client_send(w->client, &(struct step){ .id = i }), 0);
	/* The socket's own room may be smaller than the limit. */
	uint64_t next = 0;
	while (recv(w->peer, &rq, sizeof(rq), MSG_DONTWAIT) > 0) {
		assert_int_equal(rq.step.id, next++);
		turn(w, 0);
	}
	assert_int_equal(next, EXEC_IN_FLIGHT_MAX);
	/* A late end frees no place: its step was answered before. */
	answer(w, EXEC_STEP, &(struct step_result){ .id = 900, .status = STEP_LATE }, "", NULL);
	turn(w, 1);
	assert_true(recv(w->peer, &rq, sizeof(rq), MSG_DONTWAIT) < 0);
	for (uint64_t i = 0; i < 10; i++)
		answer(w, EXEC_STEP, &(struct step_result){ .id = i }, "", NULL);
	turn(w, 1);
	for (uint64_t i = 0; i < 10; i++) {
		expect_request(w, EXEC_STEP, &rq);
		assert_int_equal(rq.step.id, next++);
	}
}

/* However much people want to know: what is to be done does not wait for it. */
static void test_executor_client_step_goes_before_looks_that_wait(void **state)
{
	struct world *w = *state;
	struct exec_request rq;
	const uint64_t n = 2 * EXECUTOR_CLIENT_LOOKS_MAX;
	connect_all(w);
	for (uint64_t i = 0; i < n; i++)
		assert_int_equal(executor_client_look(w->client, &(struct step){ .id = i }), 0);
	assert_int_equal(executor_client_send(w->client, &(struct step){ .id = 900 }), 0);
	for (uint64_t i = 0; i < EXECUTOR_CLIENT_LOOKS_MAX; i++) {
		expect_request(w, EXEC_STEP, &rq);
		assert_int_equal(rq.step.id, i);
		turn(w, 0);
	}
	expect_request(w, EXEC_STEP, &rq);
	assert_int_equal(rq.step.id, 900);
	turn(w, 1);
	assert_true(recv(w->peer, &rq, sizeof(rq), MSG_DONTWAIT) < 0);
	answer(w, EXEC_STEP, &(struct step_result){ .id = 900 }, "", NULL);
	turn(w, 1);
	assert_true(recv(w->peer, &rq, sizeof(rq), MSG_DONTWAIT) < 0);
	assert_false(executor_client_forget(w->client, 0));
	assert_true(executor_client_forget(w->client, EXECUTOR_CLIENT_LOOKS_MAX));
	answer(w, EXEC_STEP, &(struct step_result){ .id = 0 }, "", NULL);
	turn(w, 1);
	expect_request(w, EXEC_STEP, &rq);
	assert_int_equal(rq.step.id, EXECUTOR_CLIENT_LOOKS_MAX + 1);
}

static void test_executor_client_lost_then_found_by_socket(void **state)
{
	struct world *w = *state;
	connect_all(w);
	assert_int_equal(executor_client_send(w->client, &(struct step){ .id = 1 }), 0);
	executor_end(w);
	turn(w, 5);
	assert_int_equal(w->lost, 1);
	assert_int_equal(executor_client_send(w->client, &(struct step){ .id = 2 }), -ENOTCONN);
	executor_begin(w);
	greet(w);
	answer(w, EXEC_HELLO, &(struct step_result){ 0 }, "", NULL);
	turn(w, 1);
	assert_int_equal(w->connected, 2);
	assert_int_equal(w->lost, 1);
}

static void test_executor_client_absent_executor_waited_for(void **state)
{
	struct world *w = *state;
	client_begin(w);
	turn(w, 5);
	assert_int_equal(w->lost, 0);
	executor_begin(w);
	greet(w);
	assert_int_equal(w->connected, 0);
}

static void test_executor_client_other_build_refused(void **state)
{
	struct world *w = *state;
	executor_begin(w);
	client_begin(w);
	greet(w);
	answer(w, EXEC_HELLO, &(struct step_result){ .status = STEP_FAILED, .error = EPROTO }, "",
	       NULL);
	turn(w, 5);
	assert_int_equal(w->connected, 0);
	assert_int_equal(w->lost, 0);
	assert_false(executor_client_connected(w->client));
}

static void test_executor_client_garbage_ends_connection(void **state)
{
	struct world *w = *state;
	connect_all(w);
	assert_int_equal(send(w->peer, "x", 1, MSG_NOSIGNAL), 1);
	turn(w, 5);
	assert_int_equal(w->lost, 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_executor_client_stuck_devices_come_before_connected),
		TEST(test_executor_client_result_with_data_arrives),
		TEST(test_executor_client_more_than_limit_waits),
		TEST(test_executor_client_step_goes_before_looks_that_wait),
		TEST(test_executor_client_lost_then_found_by_socket),
		TEST(test_executor_client_absent_executor_waited_for),
		TEST(test_executor_client_other_build_refused),
		TEST(test_executor_client_garbage_ends_connection),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
