/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The world of a simulated machine: namespaces of its own in which /sys, /dev, parts of /proc, /run and
 * /etc/carve are the machine's, and the network is empty. Nothing of the real machine is changed;
 * when the simulator ends, however it ends, all that ran in the world ends with it.
 */
#pragma once
#include <stdbool.h>
#include <sys/types.h>

#include "sim/host.h"

#define WORLD_DIR "/run/carve-sim"
#define WORLD_CONTROL WORLD_DIR "/control"

struct world_options {
	const struct host *host;
	double pace;   /* see struct machine */
	bool services; /* carved and carve-executor run */
	char **argv;   /* the program and its arguments; ended by NULL */
	const char *const
		*faults; /* from the start on, one text each; ended by NULL; may be NULL */
};

/* Makes the world and runs the program in it. Returns its exit status (128 + N for signal N), or a negative
 * errno when there was no world. */
int world_run(const struct world_options *o, struct err *reterr);
/* Becomes a process of that name that has these nodes open; does not return. */
int world_hold_nodes(const char *name, char **nodes);
