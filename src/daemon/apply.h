/* SPDX-License-Identifier: GPL-2.0-or-later */
/* From a policy's text to a request of the engine: parsed, and pinned to this host. */
#pragma once
#include "engine/engine.h"

struct daemon;

struct apply_source {
	const char *text, *file, *path;
	uint64_t repeats;
};

/* Asks for the policy without anybody who waits for the answer. Fails with what is wrong with it. */
int apply_by_itself(struct daemon *d, const struct requester *who, const struct apply_source *from,
		    struct err *reterr);
