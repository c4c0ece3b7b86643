/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A worker: a process that takes one step at a time from the executor, checks it against the
 * enrolment and the guards, performs it and answers. Whatever blocks, blocks here.
 */
#pragma once
#include "executor/proto.h"
#include "host/holders.h"
#include "mech/verb.h"

/* The verbs of one mechanism. */
struct verb_table {
	const struct verb_entry *entries;
	size_t n;
};

struct worker_config {
	struct host_roots roots;
	int locks;	      /* directory of the locks */
	const char *devices;  /* enrolment file */
	const char *services; /* root's list of units; systemctl: path of it */
	const char *systemctl;
	const char *run;  /* /run/carve */
	const char *nvml; /* path of carve-nvml */
	const struct verb_table *tables;
	size_t n_tables;
	bool sandbox;
};

/* Serves steps of a class from the socket until it is closed. Does not return. */
_Noreturn void worker_run(const struct worker_config *c, enum verb_class class, int socket);

/* Looks a verb up; NULL when no table has it. */
const struct verb_entry *verb_find(const struct worker_config *c, uint32_t verb);
