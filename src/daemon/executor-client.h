/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * carved's end of the executor's socket: sends steps, hands results on, and connects again when the
 * executor was restarted. While connected and idle it has no timer; while the executor is away, a few
 * tries and then only a watch on the socket's directory.
 */
#pragma once
#include <systemd/sd-event.h>

#include "base/err.h"
#include "model/step.h"

struct executor_client;

/* All are called from the loop, never from within a function of this module. */
struct executor_client_calls {
	/* A device is stuck since before this connection; comes before connected(). */
	void (*stuck)(void *userdata, const char *device, const struct step_result *r);
	/* Ready for steps. */
	void (*connected)(void *userdata);
	/* The connection is gone: every step given to send() and not answered is unknown. */
	void (*lost)(void *userdata);
	/* A result; also STEP_LATE, some day after a STEP_TIMEOUT. data: result.data_len bytes. */
	void (*result)(void *userdata, const struct step_result *r, const void *data);
};

/* Begins to connect to RUN_DIR/executor. calls and loop outlive the client. */
int executor_client_new(sd_event *loop, const char *run_dir,
			const struct executor_client_calls *calls, void *userdata,
			struct executor_client **ret, struct err *reterr);
struct executor_client *executor_client_free(struct executor_client *c);

/* Sends a step, or keeps it until others are answered (EXEC_IN_FLIGHT_MAX). -ENOTCONN when the
 * executor is away: the step was not begun. */
int executor_client_send(struct executor_client *c, const struct step *s);
/* The same for what somebody asked about: behind all steps, and at most so many at a time. */
#define EXECUTOR_CLIENT_LOOKS_MAX 32
int executor_client_look(struct executor_client *c, const struct step *s);
/* Nobody wants to know any more; false when it was sent already. */
bool executor_client_forget(struct executor_client *c, uint64_t id);
bool executor_client_connected(const struct executor_client *c);
