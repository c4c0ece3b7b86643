/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A real machine written down as a host file, which carve-sim then runs: what a report of a bug
 * carries. It only reads, and only what takes no device lock and starts nothing; reading the
 * configuration space of a suspended function wakes it, as lspci does.
 */
#pragma once
#include <stdbool.h>

#include "base/err.h"

struct capture_options {
	const char *sys, *dev, *proc; /* trees; NULL: "/sys", "/dev", "/proc" */
	bool anonymous; /* serial numbers, MAC addresses and names of people's choice are hidden */
};

/* The text of a host file, which the caller frees; what it cannot say is in comments at its top.
 * 1: it is written, but host_parse() refuses it; why is in reterr. */
int capture_text(const struct capture_options *o, char **ret, struct err *reterr);
/* The same into a file (replaced whole, readable by its owner only), or NULL: stdout. */
int capture_run(const struct capture_options *o, const char *file, struct err *reterr);
