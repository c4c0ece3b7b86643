/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Between the server and its connections; others need server.h only. */
#pragma once
#include "daemon/server.h"

/* Takes fd over, also on failure. */
int session_new(struct daemon *d, int fd_take, const struct requester *who);
void session_free(struct session *s);
void session_call_held(struct session *s);
void session_publish(struct session *s, json_t *event);

/* Counts bytes instead of what was charged; -EDQUOT: over the budget. */
int server_charge(struct server *srv, const struct session *s, size_t bytes);
void server_forget(struct server *srv, const struct session *s);
void server_stall_arm(struct daemon *d);
