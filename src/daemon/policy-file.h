/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The file that the applied policy came from: whether it still says the same. A change is checked and
 * told; it is applied when the applied policy says so, and only when it was seen to happen, for a file
 * that differed already when carved started may differ on purpose, as after a rollback.
 */
#pragma once
#include <stdint.h>
#include <systemd/sd-event.h>

#include "base/err.h"

struct daemon;

enum policy_file_state {
	POLICY_FILE_NONE,      /* no policy, or it came from no file */
	POLICY_FILE_ELSEWHERE, /* not below the configuration directory: not looked at */
	POLICY_FILE_SAME,
	POLICY_FILE_CHANGED, /* a valid policy, and another one */
	POLICY_FILE_INVALID, /* err says why, also when it cannot be read */
	POLICY_FILE_GONE,
};

struct policy_file {
	uint64_t version; /* of the policy that is followed; 0: none */
	sd_event_source *watch, *due;
	enum policy_file_state state;
	struct err err;
	char *seen; /* its text when it was last looked at */
};

/* Follows the file of the policy that is applied now. */
void policy_file_follow(struct daemon *d);
void policy_file_stop(struct daemon *d);
/* "none", "elsewhere", "same", "changed", "invalid", "gone". */
const char *policy_file_state_name(enum policy_file_state s);
