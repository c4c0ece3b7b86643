/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Varlink (varlink.org): JSON objects that end with a NUL byte, over a stream. This is the framing
 * and one connection as the server sees it, without sockets or a loop: bytes go in, calls come out;
 * replies go in, bytes come out. Everything a peer can make it hold is bounded.
 */
#pragma once
#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#define VARLINK_MESSAGE_MAX (64u * 1024u)
#define VARLINK_MESSAGE_MAX_MANAGER (1024u * 1024u) /* text of a policy */
#define VARLINK_OUTPUT_MAX (16u * 1024u * 1024u)
/* No further call is taken while this much of earlier replies waits for the reader. */
#define VARLINK_OUTPUT_HIGH (64u * 1024u)

/* Bytes received and not yet taken as messages: at most one message of max bytes and what fits
 * behind it. Starts zeroed but for max. */
struct varlink_input {
	char *data;
	size_t len, room, max;
	size_t scanned; /* no NUL before this */
};
/* How many bytes it takes now; 0 while whole messages wait to be taken, or when one is too long. */
size_t varlink_input_room(const struct varlink_input *in);
/* Adds n <= room bytes. -ENOBUFS for more, -ENOMEM. */
int varlink_input_add(struct varlink_input *in, const void *bytes, size_t n);
/* 1: the next message, a JSON object the caller owns. 0: not whole yet. -EMSGSIZE: longer than max.
 * -EBADMSG: no JSON object. After an error the stream cannot be trusted any more. */
int varlink_input_next(struct varlink_input *in, json_t **ret);
/* Some bytes of a message are there, its end is not. */
bool varlink_input_partial(const struct varlink_input *in);
void varlink_input_done(struct varlink_input *in);

/* Bytes to send. Starts zeroed but for max. */
struct varlink_output {
	char *data;
	size_t start, len, room, max;
};
/* Adds message and its NUL. -ENOBUFS when more than max would wait, -ENOMEM, -EINVAL: no object. */
int varlink_output_add(struct varlink_output *out, const json_t *message);
static inline size_t varlink_output_pending(const struct varlink_output *out)
{
	return out->len - out->start;
}
/* The first n of the pending bytes were sent. */
void varlink_output_sent(struct varlink_output *out, size_t n);
void varlink_output_done(struct varlink_output *out);

struct varlink_call {
	char *method;
	json_t *params; /* always an object */
	bool more, oneway;
};
void varlink_call_done(struct varlink_call *c);
/* Fills ret from a message (borrowed). -EBADMSG when it is no call, -ENOMEM. */
int varlink_call_parse(const json_t *message, struct varlink_call *ret);

/* One connection: calls are answered one after the other, in the order they came. */
struct varlink_conn {
	struct varlink_input in;
	struct varlink_output out;
	bool busy;	   /* a call was taken and its last reply is still owed */
	bool oneway, more; /* of that call */
};
void varlink_conn_init(struct varlink_conn *c, size_t message_max);
void varlink_conn_done(struct varlink_conn *c);
/* 1: the next call. 0: none now. Negative: the peer broke the protocol, hang up. */
int varlink_conn_next(struct varlink_conn *c, struct varlink_call *ret);
/* Answers the call in progress; params (consumed, NULL: none). continues needs a call with "more",
 * else it is left out. For a oneway call nothing is sent. -ENOBUFS, -ENOMEM: hang up. */
int varlink_conn_reply(struct varlink_conn *c, json_t *params_take, bool continues);
int varlink_conn_error(struct varlink_conn *c, const char *error, json_t *params_take);
