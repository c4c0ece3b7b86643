/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The account at the other end of a connection, with the names that policies know it by. */
#pragma once
#include "policy/policy.h"

#define ACCOUNT_NAMES_MAX                                                                          \
	256 /* groups whose names are looked up; the others count by their number */

struct account {
	struct policy_account as; /* points into the rest */
	char *user;
	uint32_t *gids;
	char **groups;
};

/* Of the peer of a connected socket. Looks names up, which may block for as long as name services take.
 * Negative errno. */
int account_new(int fd, struct account **ret);
struct account *account_free(struct account *a);
