/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What comes through the socket, checked field by field before anything else looks at it: size,
 * version, verb, ranges, and that each text ends and has no slash, so that none becomes a path.
 */
#pragma once
#include "executor/proto.h"

#define REQUEST_DEADLINE_MAX_MS (10u * 60u * 1000u)

/* Copies a valid message. -EPROTO another program or version, -EMSGSIZE, -EINVAL: the sender is
 * broken and loses his connection. */
int request_check(const void *message, size_t len, struct exec_request *ret);
