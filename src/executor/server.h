/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The executor's loop: connections of carved, the queue of steps, workers and their deadlines. It
 * never touches a device itself and never blocks; while nothing is under way it sleeps without a
 * timer.
 */
#pragma once
#include <sys/types.h>

#include "base/err.h"
#include "executor/worker.h"

#define EXECUTOR_WORKERS_MAX 160u
#define EXECUTOR_CONNECTIONS_MAX 16u

struct executor_config {
	struct worker_config worker;
	uid_t peer;  /* served beside root */
	int socket;  /* listens, or is the one connection; taken over */
	int idle_ms; /* after which surplus idle workers end */
};

/* Serves until SIGTERM or SIGINT (blocked by the caller, or not yet), or until its only connection,
 * when it was given one, has ended. 0 or negative errno. */
int executor_run(const struct executor_config *c, struct err *reterr);
