/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The turn: the engine decides, the ledger records, and only then answers, steps and events go out. It
 * runs after everything that was ready has been read, so that what came together is one commit.
 */
#pragma once
#include <systemd/sd-event.h>

#include "base/err.h"
#include "model/step.h"

struct daemon;

struct turns {
	sd_event_source *due, *wake;
	int64_t needed_at;    /* monotonic ms; 0: none is */
	struct step *flights; /* given to the executor, not ended */
	size_t n_flights;
	struct step *waiting; /* the executor is away */
	size_t n_waiting;
};

int turn_start(struct daemon *d, struct err *reterr);
void turn_stop(struct daemon *d);
/* There is something for the engine; may be called any number of times. */
void turn_need(struct daemon *d);
/* Runs it at once, for an answer that needs what it comes to. */
void turn_now(struct daemon *d);
/* Runs a turn that has waited too long behind a flood of other input. */
void turn_check(struct daemon *d);
/* The executor came: steps that waited for it go out. */
void turn_executor_connected(struct daemon *d);
void turn_executor_lost(struct daemon *d);
/* A result of a step of the engine. */
void turn_step_result(struct daemon *d, const struct step_result *r, const void *data);
