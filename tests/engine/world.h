/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The engine between a machine and a ledger that exist only in memory, on virtual time from a seed: what
 * carved does around it, and after each commit a check of what must always hold. The ledger keeps
 * synced commits and, at a crash, any number of the unsynced ones after them.
 */
#pragma once
#include "engine/engine.h"
#include "engine/machine.h"
#include "policy/policy.h"

#define WORLD_ANSWERS 4096
#define WORLD_LOG 400
#define WORLD_UNSYNCED 8
#define WORLD_USED 64

struct world_answer {
	uint64_t token;
	enum answer_state state;
	char id[64]; /* of the error */
	char what[256];
	char because[512];
	char todo[256];
	struct claim claim;
	bool waits;
	json_t *report;
	unsigned progress;
};

/* Who used a slice last, under a rule of its policy. */
struct world_used {
	uint64_t slice;
	enum after_use rule;
	uint32_t uid;
	char tenant[NAME_SIZE];
	uint64_t arrival; /* of the claim */
};

struct world {
	struct machine m;
	struct engine *e;
	const struct mech *const *mechs;
	bool acs_override; /* from the next start on */
	struct have seen;
	struct record synced, tail[WORLD_UNSYNCED];
	size_t n_tail;
	uint64_t rng;
	int64_t now, wake;
	unsigned boot;
	uint64_t token;
	struct world_answer answers[WORLD_ANSWERS]; /* by token, modulo */
	uint64_t commits, syncs, sent, looks;
	json_t *performed; /* changing steps sent, as a plan names them; NULL: not kept */
	json_t *events;	   /* how many of each kind */
	struct world_used used[WORLD_USED];
	size_t n_used;
	bool disk_full;
	int64_t full_at; /* when that last was so in a turn: seconds since the epoch; 0: never */
	unsigned fault_percent, step_ms;
	bool quiet; /* no faults, steps end at once */
	char log[WORLD_LOG][700];
	size_t n_log;
	char failure[1024]; /* what broke; empty: all well */
};

extern const struct mech *const world_mechs[];

void world_init(struct world *w, uint64_t seed);
void world_done(struct world *w);
uint64_t world_random(struct world *w, uint64_t below);
void world_log(struct world *w, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void world_print_log(const struct world *w);
/* Fresh picture for the engine. */
void world_observe(struct world *w);
/* One turn, its commit, its effects. Returns the number of steps sent. */
size_t world_turn(struct world *w);
/* Ends of steps that are due, each with a fresh picture, then turns. */
void world_results(struct world *w);
/* Turns and time until nothing moves or ms have passed. */
void world_run(struct world *w, int64_t ms);

void world_start(struct world *w, bool keep_unsynced);
/* carved dies and comes back; the machine goes on. */
void world_crash(struct world *w, bool keep_unsynced);
void world_reboot(struct world *w);

uint64_t world_apply(struct world *w, const char *text, bool plan_only);
/* The same; rq says all but the policy and its wants. */
uint64_t world_request_apply(struct world *w, const char *text, const struct apply_request *rq);
/* Plans a policy, applies it and lets it run: on each device the steps must be those of the plan, in its
 * order. *ret_steps: how many. Returns the token of the apply. */
uint64_t world_apply_as_planned(struct world *w, const char *text, size_t *ret_steps);
uint64_t world_alloc(struct world *w, uint32_t uid, const char *class, const char *name,
		     enum claim_kind kind, int32_t pid, const struct vf_settings *set);
/* As carved does: who belongs to which tenant is matched by the applied policy; uid 0 manages. */
uint64_t world_ask(struct world *w, uint32_t uid, const struct alloc_request *rq);
uint64_t world_release(struct world *w, uint32_t uid, const char *name);
/* Does not wait for whoever still uses it. */
uint64_t world_release_now(struct world *w, uint32_t uid, const char *name);
struct world_answer *world_answer(struct world *w, uint64_t token);
const struct claim *world_claim(const struct world *w, const char *name);
const struct slice *world_slice(const struct world *w, uint64_t id);
