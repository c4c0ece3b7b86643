/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What carved does while it is root still: makes its directories and its socket, and gives root up.
 * Without a service manager a small parent keeps carve-executor (as root) and carved (as user carved,
 * without capabilities) running beside each other; each may die and is started again alone.
 */
#pragma once
#include "base/err.h"
#include "daemon/daemon.h"

struct supervise_config {
	const struct daemon_config *daemon;
	const char *executor; /* program; NULL: none is started */
	const char *user;
};

/* Calls serve() with root given up, in a child when an executor is started beside it. Returns what
 * serve() returned, or negative errno with reterr. When it was not root, all it does is call it. */
int supervise(const struct supervise_config *c, int (*serve)(const struct daemon_config *c),
	      struct err *reterr);
