/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The engine: record + picture -> changes to commit, steps to perform, answers to give. Pure: time,
 * randomness, observations and results come in; nothing is done here. One turn is
 *
 *	inputs (engine_request_*, engine_step_result, engine_have_changed, engine_now)
 *	engine_turn()     -> struct turn
 *	ledger_commit(turn.changes)        by the caller; on failure engine_turn_failed()
 *	engine_turn_committed() -> effects may now go out: turn.steps, turn.answers
 *
 * All recovery is the same path: after a start the record is loaded, the machine observed, and turns run.
 */
#pragma once
#include "ledger/ledger.h"
#include "mech/mech.h"

struct engine;
struct policy;

struct engine_config {
	const struct mech *const *mechs;
	bool acs_override; /* the kernel was told to take functions for isolated that are not */
	/* Fills 16 bytes for new UUIDs. */
	void (*random)(void *userdata, uint8_t bytes[16]);
	void *userdata;
};

/* Who asks: from peer credentials. */
struct requester {
	uint32_t uid, gid;
	bool manage;		/* root or carve-admin */
	bool claim;		/* group carve */
	char tenant[NAME_SIZE]; /* of the applied policy, to which it belongs; empty: none */
};

enum answer_state {
	ANSWER_PENDING,
	ANSWER_DONE,
	ANSWER_FAILED
};
struct answer {
	uint64_t request;	 /* token given with the request */
	enum answer_state state; /* PENDING only for progress of a waiting request */
	struct err err;
	struct claim claim; /* alloc, release */
	struct slice slice;
	bool waits;	/* release: not done yet; the claim says for what it waits */
	json_t *report; /* apply: what was done, per device; owned */
};

struct turn {
	struct changes changes;
	struct step *steps;
	size_t n_steps;
	struct answer *answers;
	size_t n_answers;
	json_t **events;
	size_t n_events; /* for subscribers; owned */
	int64_t wake_at; /* monotonic ms at which to turn again, -1 never */
};
void turn_done(struct turn *t);

struct engine *engine_new(const struct engine_config *c);
struct engine *engine_free(struct engine *e);
/* Takes the record over (emptied). boot_id: of this boot. An applied policy that this version does not
 * understand is kept; then nothing can be claimed. */
int engine_load(struct engine *e, struct record *rec_take, const char *boot_id, struct err *reterr);
const struct record *engine_record(const struct engine *e);
/* The applied policy; NULL: none, or not understood. Borrowed until the next turn. */
const struct policy *engine_policy(const struct engine *e);
/* Are functions handed out that only the kernel's command line says are isolated? */
bool engine_unsafe_acs_override(const struct engine *e);
/* Are single GPUs handed out that NVSwitches join with others? */
bool engine_unsafe_nvswitch(const struct engine *e);

/* Inputs. now: monotonic ms; wall: seconds since the epoch. */
void engine_now(struct engine *e, int64_t now, int64_t wall);
/* The picture as observed now; borrowed until the next call. What a step changed must be observed
 * after the step ended: call this first, then engine_step_result(). */
void engine_have_changed(struct engine *e, const struct have *h);
int engine_step_result(struct engine *e, const struct step_result *r, const struct holder *holders,
		       size_t n_holders);
/* The executor went away: all steps in flight are unknown until observed. Here and after a start-up the
 * engine sends a step with check_only set to every device concerned; the executor runs it in the lane of
 * its verb, so its end says that all earlier steps on that device have ended. */
void engine_executor_lost(struct engine *e);
/* The executor found a device stuck; reason NULL: it moves again. */
void engine_device_stuck(struct engine *e, const char *device, const char *reason);

struct alloc_request {
	char name[NAME_SIZE]; /* empty: engine picks "CLASS-N" */
	char class[NAME_SIZE];
	char owner[128];
	enum claim_kind kind;
	struct vf_settings set;
	int32_t pid;
	uint64_t pid_start; /* 0: not tied to a process */
	uint32_t grant_uid, grant_gid;
	char tenant[NAME_SIZE]; /* named by one who manages; empty: that of who asks */
	bool wait;		/* until a slice is free, as long as the request is not cancelled */
	bool preemptible;
	char near
		[NAME_SIZE]; /* a claim: on its root port if there is room, else on its NUMA node */
};
void engine_request_alloc(struct engine *e, uint64_t token, const struct requester *who,
			  const struct alloc_request *rq);
/* Releases a claim by name; a name that is not there (any more) is no error: STEP nothing. Without wait
 * it is answered (waits) as soon as it would have to wait for anything but the steps themselves. */
void engine_request_release(struct engine *e, uint64_t token, const struct requester *who,
			    const char *claim, bool wait);
struct apply_request {
	struct policy *policy; /* taken over */
	const char *text;
	const struct want *wants;
	size_t n_wants;
	bool plan_only;	  /* answers with the plan, records nothing */
	const char *only; /* key of the one device that is meant; NULL: all */
	const char *path; /* where the file is; NULL: not known */
	uint64_t repeats; /* version of the policy that is applied again; 0: none */
	bool by_itself;	  /* carved found the file changed */
	/* What a plan answered: nothing is done when it would answer otherwise now. */
	const json_t *planned;
};
void engine_request_apply(struct engine *e, uint64_t token, const struct requester *who,
			  const struct apply_request *from);
/* How much of a class a device has. */
struct engine_fit {
	char device[DEVICE_KEY_SIZE];
	uint32_t there; /* slices that exist or are to exist, whoever has them */
	uint32_t ready; /* of these, free */
	uint32_t more;	/* that could be made now, on claims that come one after the other */
};
/* Of every device that the class draws on. -ENOENT: no such class. Caller frees. */
int engine_fit(struct engine *e, const char *class, struct engine_fit **ret, size_t *ret_n);
/* How many claims fit of a class that has parts, one after the other; of a tenant, beside its quotas, or of
 * somebody who has nothing yet (empty). -ENOENT: no such class. */
int engine_fit_parts(struct engine *e, const char *class, const char *tenant, uint32_t *ret);
/* The same for a tenant: what it cannot have, since another has the device, is not counted. *ret_left: how
 * many its quotas allow; UINT64_MAX: any number. -ESRCH: no such tenant. */
int engine_fit_for(struct engine *e, const char *class, const char *tenant, struct engine_fit **ret,
		   size_t *ret_n, uint64_t *ret_left);
/* The tenants of the applied policy as io.carve's ListTenants has them, a new reference. */
json_t *engine_tenants(struct engine *e);
/* Devices as rows of slots, as io.carve's GetMap has them (less address and name): as they are, or with
 * wants as these would have them; only that device, NULL: all. *ret is a new reference. */
int engine_map(struct engine *e, const struct want *wants, size_t n, const char *device,
	       json_t **ret, struct err *reterr);
/* Moves of claims that may be moved: the fewest (two at most) that make room for one more of a class; with
 * class NULL, those that leave all devices better. As io.carve's GetDefrag has them. -ENOENT: no such
 * class; -EAGAIN: the machine is not looked at yet. *ret is a new reference. */
int engine_defrag(struct engine *e, const char *class, json_t **ret);
/* Can the device become what w says, beside what others made of it? h: the picture it is asked of. Of
 * what fill (a profile; empty: none) takes the rest: how many. 0, or negative with reterr. */
int engine_layout(struct engine *e, const struct have *h, const struct want *w, const char *fill,
		  uint32_t *ret_fill, struct err *reterr);
/* What the last applied policy still lacks: waits until all is ready or waits for a named reason. */
void engine_request_restore(struct engine *e, uint64_t token, const struct requester *who);
void engine_request_reclaim_retry(struct engine *e, uint64_t token, const struct requester *who,
				  const char *claim);
void engine_request_quarantine_clear(struct engine *e, uint64_t token, const struct requester *who,
				     const char *slice_or_device, const char *reason);
struct adopt_request {
	struct target
		target; /* a device under policy (vf -1): all there; or one VF or mdev of it */
	bool plan_only; /* answers with what it would */
	/* Not empty: a reserved claim of it is made at once, whoever uses it. */
	char claim[NAME_SIZE], owner[128];
};
/* What others made there becomes slices, when nobody uses it. */
void engine_request_adopt(struct engine *e, uint64_t token, const struct requester *who,
			  const struct adopt_request *from);
/* Free slices that the policy does not make are forgotten and stay where they are. A slice by name or
 * UUID, a device by key. */
void engine_request_disown(struct engine *e, uint64_t token, const struct requester *who,
			   const char *slice_or_device);
/* Slices are forgotten with their claims and stay where they are, also held ones; of a device, what the policy wants of
 * it is forgotten, too, until the next apply. plan_only: answers with what it would. Names as above. */
void engine_request_hand_back(struct engine *e, uint64_t token, const struct requester *who,
			      const char *slice_or_device, bool plan_only);
struct drain_request {
	const char *device; /* key */
	const char *reason; /* NULL: none is given */
	bool undo;
	bool wait; /* until nothing of it is held */
};
/* From now on no claim gets anything of the device, over restarts, until that is undone. What is held stays; what is
 * free and was made on demand or ahead is removed. Answers with who still has something. */
void engine_request_drain(struct engine *e, uint64_t token, const struct requester *who,
			  const struct drain_request *from);
/* Something of interest happened outside: recorded and published like the engine's own events. Pairs of member
 * name and text, ends with NULL. */
void engine_tell(struct engine *e, const char *event, ...) __attribute__((sentinel));
/* The consumer of a claim seems gone (pidfd, hook): prompts the check, decides nothing. */
void engine_consumer_gone(struct engine *e, const char *claim);
/* The client that asked went away before the answer. */
void engine_request_cancelled(struct engine *e, uint64_t token);

int engine_turn(struct engine *e, struct turn *ret);
void engine_turn_committed(struct engine *e);
/* The commit failed (disk full): nothing of this turn happened; the requests in it fail with why. */
void engine_turn_failed(struct engine *e, const struct err *why, struct turn *ret);
