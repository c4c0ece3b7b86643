/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What others do to GPUs that carve has slices of: it makes no event. Their driver's folder below /proc shows which
 * instances there are to everybody, without the GPU being woken or its library being asked; that is looked at before
 * claims are given and once in a while, and only when it differs is the library asked.
 */
#pragma once
#include <stdbool.h>
#include <systemd/sd-event.h>

#include "model/sizes.h"

struct daemon;
struct gpu;

#define DRIFT_LOOK_MS 60000

struct drift_mark {
	char key[DEVICE_KEY_SIZE];
	uint64_t seen; /* stands for the names in the folder; 0: there are none */
};

struct drift {
	struct drift_mark *marks;
	size_t n;
	sd_event_source *timer;
};

/* What is known of the GPU is what its folder shows now. */
void drift_note(struct daemon *d, const struct gpu *g);
/* GPUs whose folder shows something else are asked about again. True: some are. */
bool drift_check(struct daemon *d);
/* Looks once in a while from now on, if there is a reason to. */
void drift_update(struct daemon *d);
void drift_stop(struct daemon *d);
