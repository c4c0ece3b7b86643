/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Who is at the other end of a socket, and what that allows: root and group carve-admin manage, group
 * carve may claim, everybody may look. Decided by what the kernel says, never by the request.
 */
#pragma once
#include <sys/types.h>

#include "engine/engine.h"

enum peer_need {
	PEER_LOOK,
	PEER_CLAIM,
	PEER_MANAGE
};

/* Numbers of the two groups; (gid_t)-1 when there is no such group. */
struct peer_groups {
	gid_t admin, claim;
};
/* Looked up once, at start: name services may block. */
void peer_groups_find(struct peer_groups *ret);

/* The supplementary groups of the peer of a socket, as they were when it connected. The caller's. */
int peer_groups_read(int fd, gid_t **ret, size_t *ret_n);
/* Negative errno when the kernel does not tell. */
int peer_read(int fd, const struct peer_groups *groups, struct requester *ret);
bool peer_may(const struct requester *who, enum peer_need need);
/* "root or group carve-admin". */
const char *peer_need_name(enum peer_need need);
