/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What happened to the machine, in order: for people, and for tests of what programs did. The machine's lock is
 * held. */
#pragma once
#include <stdint.h>

#include "sim/machine.h"

enum trace_kind {
	TRACE_WRITE,
	TRACE_IGNORED, /* a write that a fault kept from the machine */
	TRACE_EVENT,
	TRACE_LOST, /* an event that was not told */
	TRACE_BOOT,
};

/* text: what the machine was given, the event's action, the boot's id; copied. result: of a write, negative errno;
 * a status of the hardware when it is positive. */
void trace_add(struct machine *m, enum trace_kind kind, const char *path, const char *text,
	       int result);
/* What happened behind entry number since, the oldest first, a line each. Half of what is kept at most may have
 * gone by then. */
void trace_list(const struct machine *m, uint64_t since, struct str_buf *out);
/* Number of the newest entry; 0: there is none. */
uint64_t trace_newest(const struct machine *m);
void trace_free(struct machine *m);
