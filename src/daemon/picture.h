/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The picture of the machine, kept: a light look at start, then the executor's reading of what takes a
 * lock or privilege, then only what uevents and results of steps say has changed.
 */
#pragma once
#include <systemd/sd-event.h>

#include "host/uevent.h"
#include "model/step.h"

struct daemon;
struct session;

/* Ids of steps that only look for carved itself; those of the engine never have this bit. */
#define PICTURE_LOOK_ID (UINT64_C(1) << 63)

/* What to do with what was seen; r->status tells whether data is any good. */
typedef void (*picture_look_fn)(struct daemon *d, uint64_t token, const struct step *s,
				const struct step_result *r, const void *data);
struct picture_look {
	struct step step;
	picture_look_fn fn;
	uint64_t token;
};

struct picture_keys {
	char (*items)[DEVICE_KEY_SIZE];
	size_t n;
};

/* A write that does not end: nothing more is done on that device until it does. */
struct picture_stuck {
	char device[DEVICE_KEY_SIZE];
	char reason[256];
};

struct picture {
	struct have have;
	bool changed;	/* since the engine was given it */
	bool observed;	/* the executor has filled it in once */
	bool gpus_late; /* but for GPUs, whose library takes its time */
	struct uevent_monitor *monitor;
	sd_event_source *uevents;
	/* To be looked at again before the next turn. */
	struct picture_keys dirty, dirty_mdevs; /* addresses, UUIDs */
	bool dirty_all, dirty_parents, ask_due;
	/* Asked of the executor already: addresses (config space), keys of parents (types), of PFs
	 * (settings of their VFs), of GPUs (what their library says). */
	struct picture_keys asked_config, asked_types, asked_vfs, asked_gpus, asked_vgpus;
	struct picture_look *looks; /* under way */
	size_t n_looks;
	uint64_t next_look;
	struct picture_stuck *stuck;
	size_t n_stuck;
};

/* Looks once, lightly, and listens from then on. */
int picture_start(struct daemon *d, struct err *reterr);
void picture_stop(struct daemon *d);
/* The executor came (asks it for all it knows) or went. */
void picture_executor_connected(struct daemon *d);
void picture_executor_lost(struct daemon *d);
/* Looks again at what uevents named. */
void picture_refresh(struct daemon *d);
/* Asks the executor for what only it can read and what it was not asked for yet. */
void picture_ask(struct daemon *d);
/* Takes in what a step of the engine did, before the engine hears of it. data: what came with it. */
void picture_step_result(struct daemon *d, const struct step *s, const struct step_result *r,
			 const void *data);
/* A vendor's library may hang: what it has not told of by now is told of later. It is not taken for gone. */
void picture_gpus_late(struct daemon *d);
/* What others did to GPUs makes no event: asks their library again. True: server_resume() will be called when all have
 * answered, or have had their time. */
bool picture_gpus_ask(struct daemon *d);
/* The library is to be asked of that GPU again, at the next picture_ask(). */
void picture_gpu_stale(struct daemon *d, const char *key);
/* As picture_gpus_ask(), of those that are asked already. */
bool picture_gpus_wait(struct daemon *d);
/* The result of a look; true when it was one. */
bool picture_look_result(struct daemon *d, const struct step_result *r, const void *data);
/* Has the executor look at something. -ENOTCONN, -ENOMEM: fn is not called then. */
int picture_look(struct daemon *d, const struct step *s, picture_look_fn fn, uint64_t token);
/* Whoever asked under that token waits no more. fn may still be called for what was sent already. */
void picture_looks_forget(struct daemon *d, uint64_t token);

/* reason NULL: it is not stuck any more. */
void picture_set_stuck(struct daemon *d, const char *device, const char *reason);
/* Why the device is stuck; NULL: it is not. */
const char *picture_stuck(const struct picture *p, const char *device);
