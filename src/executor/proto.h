/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Between carved and carve-executor: SEQPACKET messages on /run/carve/executor. A request is one
 * struct exec_request. A reply is one struct exec_reply, followed by result.data_len bytes. Replies
 * come in any order; a STEP_TIMEOUT is followed some day by a STEP_LATE of the same id. Both programs
 * are of one build: another version is answered with EPROTO and the connection closed.
 *
 * A connection begins with EXEC_HELLO. It is answered by one EXEC_STUCK for each device that is stuck
 * at that time, then by EXEC_HELLO.
 */
#pragma once
#include "model/step.h"

#define EXEC_MAGIC 0x63727645u /* "crvE" */
#define EXEC_VERSION 4u
#define EXEC_DATA_MAX (48u * 1024u)
#define EXEC_IN_FLIGHT_MAX 256u /* per connection; more waits in carved */

enum exec_kind {
	EXEC_STEP,  /* request: perform; reply: the result */
	EXEC_HELLO, /* request: version check; reply: number = devices stuck now */
	EXEC_STUCK, /* reply only: a device is stuck; result.id: the step that is, detail: since when */
};

struct exec_header {
	uint32_t magic, version, kind, reserved;
};
struct exec_request {
	struct exec_header h;
	struct step step;
};
struct exec_reply {
	struct exec_header h;
	struct step_result result;
	char device[DEVICE_KEY_SIZE]; /* of EXEC_STUCK */
};
