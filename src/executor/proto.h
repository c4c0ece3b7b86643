/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Between carved and carve-executor: SEQPACKET messages on /run/carve/executor. A request is one
 * struct exec_request. A reply is one struct step_result behind a header, followed by data_len bytes.
 * Replies come in any order; a STEP_TIMEOUT is followed some day by a STEP_LATE of the same id. Both
 * programs are of one build: another version is refused at once with EPROTO.
 */
#pragma once
#include "model/step.h"

#define EXEC_MAGIC 0x63727645u /* "crvE" */
#define EXEC_VERSION 1u
#define EXEC_DATA_MAX (48u * 1024u)
#define EXEC_IN_FLIGHT_MAX 256u /* per connection; more waits in carved */

enum exec_kind {
	EXEC_STEP,   /* request: perform; reply: the result */
	EXEC_HELLO,  /* request: version check; reply: number = workers stuck now */
	EXEC_STUCK,  /* reply only: a device was found stuck at start (its lock is held) */
	EXEC_ENROLL, /* request by root only, text: one line of the devices file; see enroll.h */
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
