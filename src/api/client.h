/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A small blocking client of carved: one connection, one call at a time. What the service refuses
 * comes back as the struct err that the command prints.
 */
#pragma once
#include "base/err.h"

#define API_SOCKET "/run/carve/io.carve"

enum api_flags {
	API_MORE = 1 << 0,   /* several replies are welcome: api_next() gets the rest */
	API_ONEWAY = 1 << 1, /* no reply at all; *ret_reply is then not written */
};

struct api_client;

/* Connects to the socket at path. Ids: api.unreachable. */
int api_connect(const char *path, struct api_client **ret, struct err *reterr);
/* Takes a connected stream socket over (also on failure). */
int api_attach(int fd_take, struct api_client **ret, struct err *reterr);
struct api_client *api_close(struct api_client *c);
static inline void api_closep(struct api_client **c)
{
	api_close(*c);
}
/* The socket, to poll beside others; api_next() blocks until a whole reply is there. */
int api_fd(const struct api_client *c);

/* Calls a method of io.carve ("ListDevices"), or of another interface by its full name, and waits for
 * the first reply. params is consumed (NULL: none). *ret_reply (parameters of the reply) is the
 * caller's. ret_continues may be NULL: then all but the last reply are dropped.
 * An error io.carve.Failed becomes the err it carries; the others api.denied, api.limit,
 * api.parameter, api.method, api.protocol; a connection that breaks is api.gone. */
int api_call(struct api_client *c, const char *method, json_t *params_take, unsigned flags,
	     json_t **ret_reply, bool *ret_continues, struct err *reterr);
/* The next reply of a call whose last one continued. */
int api_next(struct api_client *c, json_t **ret_reply, bool *ret_continues, struct err *reterr);
