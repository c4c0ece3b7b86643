/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * carved: one thread, one loop. What comes in (requests, uevents, results, the end of processes) only
 * marks what there is to do; the turn (turn.h) then runs once, after everything that was ready has
 * been read, so that many requests share one commit. This is the object that all parts are given.
 */
#pragma once
#include <systemd/sd-event.h>

#include "api/idl.h"
#include "daemon/consumers.h"
#include "daemon/drift.h"
#include "daemon/executor-client.h"
#include "daemon/facts.h"
#include "daemon/picture.h"
#include "daemon/policy-file.h"
#include "daemon/server.h"
#include "daemon/turn.h"
#include "engine/engine.h"
#include "host/enroll.h"
#include "ledger/ledger.h"

/* How long the executor may be away before changes are refused instead of kept waiting. */
#define DAEMON_EXECUTOR_GRACE_MS 5000

struct daemon_config {
	const char *state_dir, *run_dir, *config_dir;
	const char *sys, *dev, *proc;
	mode_t socket_mode;
	unsigned stall_ms; /* see SERVER_STALL_MS */
	unsigned look_ms;  /* see DRIFT_LOOK_MS */
};

struct daemon_roots {
	int sysfs, dev, proc, root;
};

struct daemon {
	const struct daemon_config *config;
	sd_event *loop;
	struct daemon_roots roots;
	char boot_id[UUID_SIZE];
	struct idl *idl;
	struct ledger *ledger;
	struct engine *engine;
	struct executor_client *executor;
	struct picture picture;
	struct facts facts;
	struct server server;
	struct turns turns;
	struct consumers consumers;
	struct drift drift;
	struct policy_file policy_file;
	int64_t executor_lost_at; /* monotonic ms; 0 while it is there */
	sd_event_source *grace;
	bool ready_said;
};

/* Everything up to the first light look at the machine. */
int daemon_new(const struct daemon_config *config, struct daemon **ret, struct err *reterr);
struct daemon *daemon_free(struct daemon *d);
/* Serves until SIGTERM or SIGINT. */
int daemon_run(struct daemon *d);

/* The machine was looked at completely, or the executor stayed away too long: whoever waited for that
 * goes on. */
void daemon_started(struct daemon *d);
/* Still before that? */
bool daemon_starting(const struct daemon *d);
/* Why nothing can be changed now: ledger or executor; 0 when it can. */
int daemon_check_changes(const struct daemon *d, struct err *reterr);
/* The ledger alone. */
int daemon_check_ledger(const struct daemon *d, struct err *reterr);
const char *daemon_ledger_state(const struct daemon *d, const char **ret_why);
/* The list of enrolled devices as it is in the file now, and the one of units. */
int daemon_enrollment(const struct daemon *d, struct enrollment *ret, struct err *reterr);
int daemon_services(const struct daemon *d, struct service_list *ret, struct err *reterr);

extern const struct mech *const daemon_mechs[];
