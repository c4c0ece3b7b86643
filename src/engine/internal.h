/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Between the files of the engine. Two kinds of state: the record, which the ledger keeps, changed
 * only through store.c (which remembers how to undo a turn that could not be committed); and struct
 * volatile_state, which may be forgotten at any moment, because the machine and the record say it
 * again. The latter is copied at the start of a turn and put back when the turn fails.
 */
#pragma once
#include <stdarg.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "engine/engine.h"
#include "place/online.h"
#include "policy/policy.h"
#include "vfio/vfio.h"

#define ENGINE_CLAIMS_MAX 4096
#define ENGINE_CLAIMS_PER_UID 256
#define ENGINE_GRANT_HOLD_MS 100 /* how long a finished claim waits for others to share a commit */
#define ENGINE_SEEN_MS 10000	 /* how long the picture may take to show what a step did */
#define ENGINE_BACKOFF_MS 1000	 /* first wait before looking again; doubles */
#define ENGINE_BACKOFF_MAX_MS 30000
#define ENGINE_ATTEMPTS_MAX 3 /* of a device by itself, until somebody asks again */
#define ENGINE_ID_BLOCK 4096  /* ids are reserved in the ledger in blocks */

/* --- volatile state -------------------------------------------------------------------------- */

struct device_state {
	char key[DEVICE_KEY_SIZE];
	char stuck[256]; /* why no step may go there; empty: not stuck */
	bool blocked;	 /* a step failed: not tried again by itself */
	json_t *err;	 /* of the failure, as err_to_json() makes it */
	bool went_back;	 /* the failure was answered with the former layout */
	bool unstuck;	 /* the executor says that it moves again */
	bool barrier;	 /* an earlier step may still be going on: see work.c */
	struct step barrier_step;
	bool absent; /* when it was blocked */
	char driver[NAME_SIZE];
	bool fresh;	  /* its VFs were just made: each gets its settings, whatever they are */
	int32_t fresh_vf; /* and those before that one have them */
	bool at_gate;	  /* a step waits until units have stopped: services.c */
	unsigned attempts, unknowns;
	unsigned steps;	 /* changing steps performed since the last apply */
	bool has_former; /* what to go back to when the new layout fails */
	bool had_want;	 /* former is valid; else nothing was wanted of it */
	struct want former;
	int64_t retry_at; /* ms; 0: now */
	unsigned backoff_ms;
	char waits[256];
};

enum check {
	CHECK_NONE,
	CHECK_ASKED,
	CHECK_GONE,
	CHECK_HELD
};

struct slice_state_volatile {
	uint64_t id;
	enum check check; /* is its consumer gone? */
	bool prompted;	  /* look although nobody asked for the release */
	bool unused;	  /* of a part: seen so, as all parts are looked at */
	bool finished;	  /* preparing, and nothing is missing any more */
	bool seen_soon;	  /* what it needs to know of its device is being looked at */
	int64_t finished_at;
	int64_t retry_at;
	unsigned backoff_ms;
	int64_t look_at, look_ms; /* held under a lease: whether it is used; 0: not set yet */
	char waits[256];
};

/* A unit that some device names; forgotten when all these are at rest. */
struct unit_state {
	char unit[NAME_SIZE];
	enum {
		UNIT_UNKNOWN,
		UNIT_RESTS, /* it did not run before: nothing is done about it */
		UNIT_STOPPED,
	} is;
};

struct in_flight {
	struct step step;
	uint64_t slice; /* 0: the device's layout */
	uint32_t phase; /* state of the slice when it went out */
	bool looking;
	bool barrier;
	bool abandoned; /* timed out; its late end is awaited */
};

/* A step that was done, until the picture shows it. */
struct done_step {
	struct step step;
	uint64_t slice;
	int64_t at;
};

/* Who uses what others made, and nobody of ours has. */
struct look {
	struct target target;
	enum check check;
	int64_t at;    /* when it was seen so */
	char who[256]; /* CHECK_HELD */
};

enum waiter_kind {
	WAIT_ALLOC,
	WAIT_RELEASE,
	WAIT_APPLY,
	WAIT_RESTORE,
	WAIT_ADOPT,
	WAIT_DRAIN, /* of the device in only */
};

struct waiter {
	uint64_t token;
	enum waiter_kind kind;
	char claim[NAME_SIZE];
	char told[256]; /* last progress */
	bool cancelled;
	bool no_wait;	      /* release: what it waits for is its answer */
	bool plan_only;	      /* adopt: only says what it would */
	char uuid[UUID_SIZE]; /* adopt: this one of the device; empty: all */
	json_t *refused;      /* apply: results of devices that were refused at once */
	char only[DEVICE_KEY_SIZE];
};

struct volatile_state {
	struct device_state *devices;
	size_t n_devices;
	struct slice_state_volatile *slices;
	size_t n_slices;
	struct in_flight *flights;
	size_t n_flights;
	struct done_step *dones;
	size_t n_dones;
	struct waiter *waiters;
	size_t n_waiters;
	struct look *looks;
	size_t n_looks;
	struct unit_state *units;
	size_t n_units;
	int64_t grant_hold_ms; /* current hold; grows while one burst goes on */
	int64_t grant_since;   /* when the first of the claims now held back finished; -1: none */
};

/* --- inputs ------------------------------------------------------------------------------------ */

struct input_result {
	struct step_result result;
	struct holder *holders;
	size_t n_holders;
};

enum request_kind {
	REQUEST_ALLOC,
	REQUEST_RELEASE,
	REQUEST_APPLY,
	REQUEST_RESTORE,
	REQUEST_RETRY,
	REQUEST_CLEAR,
	REQUEST_ADOPT,
	REQUEST_DISOWN,
	REQUEST_HAND_BACK,
	REQUEST_DRAIN,
};

struct request {
	enum request_kind kind;
	uint64_t token;
	struct requester who;
	struct alloc_request alloc;
	char name[DEVICE_KEY_SIZE + UUID_SIZE + 32];
	struct target target; /* adopt */
	char reason[256];
	struct policy *policy; /* apply; owned */
	char *text, *path;
	uint64_t repeats;
	bool by_itself;
	struct want *wants;
	size_t n_wants;
	bool plan_only;
	json_t *planned; /* apply: what it must come to; NULL: whatever it comes to */
	bool no_wait;	 /* release, drain */
	bool undo;	 /* drain */
	bool cancelled;
	bool broken; /* memory ran out while it was taken in */
};

/* --- undo -------------------------------------------------------------------------------------- */

struct undo_slice {
	uint64_t id;
	bool existed;
	struct slice old;
};
struct undo_claim {
	char name[NAME_SIZE];
	bool existed;
	struct claim old;
};

struct engine {
	struct engine_config config;
	struct record rec;
	uint32_t *want_places;		  /* see store_want() */
	const struct want *wants_indexed; /* those they are of; NULL: none */
	const struct have *have;
	struct policy *policy; /* of rec.policy.text; NULL: none, or it no longer parses */
	int64_t now, wall;
	uint64_t id_now; /* next id to give out; below rec.next_id, which the ledger keeps */
	uint64_t uuid_seed[2], uuid_count;
	char boot_now[UUID_SIZE];
	bool scratch; /* a copy in which a plan is played through */
	bool turning;
	bool loading, was_loading; /* the record was taken over, the first turn is still to come */

	struct volatile_state state, before;

	struct input_result *results;
	size_t n_results;
	struct request *requests;
	size_t n_requests;
	json_t *told; /* events of others, for the next turn; NULL: none */

	/* The turn that is being made. */
	struct turn *turn;
	struct undo_slice *undo_slices;
	size_t n_undo_slices;
	struct undo_claim *undo_claims;
	size_t n_undo_claims;
	struct step *steps_before; /* rec.steps at the start of the turn */
	size_t n_steps_before;
	struct want *wants_before;
	size_t n_wants_before;
	struct device_note *notes_before;
	size_t n_notes_before;
	bool wants_changed, notes_changed, meta_changed, policy_changed;
	struct applied_policy policy_before;
	struct policy *parsed_before;
	uint64_t next_id_before;
	char boot_before[UUID_SIZE];
	bool sync;
	bool failed;		 /* memory ran out on the way */
	int64_t commit_retry_at; /* after a failed commit; -1: none */
	int64_t commit_backoff_ms;
};

/* --- store.c: the record ----------------------------------------------------------------------- */

int store_begin(struct engine *e, struct turn *turn);
/* Turns what was touched into turn->changes. */
int store_finish(struct engine *e);
void store_forget(struct engine *e);
void store_undo(struct engine *e);
uint64_t store_id(struct engine *e);
struct slice *store_slice(struct engine *e, uint64_t id);
struct claim *store_claim(struct engine *e, const char *name);
/* That of an mdev; NULL: it is none of ours. */
const struct slice *store_slice_mdev(const struct engine *e, const char *uuid);
const struct slice *store_slice_before(struct engine *e, uint64_t id);
/* To write to: remembered for undo and for the commit. NULL: not there, or no memory. */
struct slice *store_slice_edit(struct engine *e, uint64_t id);
struct claim *store_claim_edit(struct engine *e, const char *name);
/* From here on whoever has that claim may leave something in the slice. */
void store_slice_used(struct slice *s, const struct claim *by);
/* A share of its part was met before it in the record. */
bool store_is_counted(const struct engine *e, const struct slice *s);
/* What is known of the part by one of its shares is known by all. */
void store_mates_follow(struct engine *e, const struct slice *of);
/* One more share of the part that of has. */
struct slice *store_slice_add_share(struct engine *e, const struct want *w, const struct slice *of,
				    uint32_t share);
/* A slice of w's device that is wanted. */
struct slice *store_slice_add(struct engine *e, const struct want *w, const char *profile);
/* One that its mechanism makes alone, with the name that it will have. start: where it begins, on devices that
 * have slots. NULL also when the device has no name left. */
struct slice *store_slice_add_alone(struct engine *e, const struct want *w, const char *profile,
				    uint32_t start);
struct claim *store_claim_add(struct engine *e, const char *name);
void store_slice_delete(struct engine *e, uint64_t id);
void store_claim_delete(struct engine *e, const char *name);
int store_step_add(struct engine *e, const struct step *s);
void store_step_delete(struct engine *e, uint64_t id);
/* Not those that start units again: they are owed until they are done. */
void store_steps_delete_of(struct engine *e, const char *device);
/* Takes the array. */
void store_wants_set(struct engine *e, struct want *wants_take, size_t n);
/* Takes rq->policy. */
void store_policy_set(struct engine *e, struct request *rq);
struct want *store_want(struct engine *e, const char *device);
struct want *store_want_edit(struct engine *e, const char *device);
/* NULL: nothing is noted of it. */
const struct device_note *store_note(const struct engine *e, const char *device);
/* To write to, made when it is not there. NULL without memory. */
struct device_note *store_note_edit(struct engine *e, const char *device);
void store_note_delete(struct engine *e, const char *device);
void store_uuid(struct engine *e, char ret[UUID_SIZE]);
/* UUIDs for slices that turn out to need one, before the steps that make them. */
void store_names_settle(struct engine *e);
/* Sets the reason of a slice or claim; cuts what does not fit. */
void reason_set(char *field, size_t size, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* --- state.c: the volatile state ----------------------------------------------------------------- */

void state_done(struct volatile_state *s);
int state_copy(const struct volatile_state *s, struct volatile_state *ret);
/* Made when it is not there; NULL only without memory. */
struct device_state *state_device(struct engine *e, const char *key);
struct slice_state_volatile *state_slice(struct engine *e, uint64_t id);
/* NULL: nothing is known of it. */
struct slice_state_volatile *state_slice_peek(const struct engine *e, uint64_t id);
void state_slice_forget(struct engine *e, uint64_t id);
/* A step is on its way there, or may be: the picture of that device is in between. */
bool state_busy(const struct engine *e, const char *device);
bool state_in_flight(const struct engine *e, const char *device);
/* What that step did, or still does, is not known: nothing is decided before a barrier came back. */
void state_barrier(struct engine *e, const struct step *unknown);
/* Zeroed ones; NULL without memory. */
struct in_flight *state_flight_add(struct engine *e);
struct done_step *state_done_add(struct engine *e);
struct in_flight *state_flight(struct engine *e, uint64_t step);
void state_flight_end(struct engine *e, uint64_t step);
void state_done_remove(struct engine *e, size_t i);
/* Forgets what was done for that slice (0: the layout of device), so that it may be done again. */
void state_dones_clear(struct engine *e, const char *device, uint64_t slice);
void state_dones_clear_all(struct engine *e, const char *device);
void state_device_unblock(struct device_state *d);
void state_backoff(struct engine *e, int64_t *retry_at, unsigned *backoff_ms);
/* Made when it is not there; NULL only without memory. */
struct look *state_look(struct engine *e, const struct target *t);
void state_look_remove(struct engine *e, size_t i);
/* Made when it is not there; NULL only without memory. */
struct unit_state *state_unit(struct engine *e, const char *unit);
void state_unit_remove(struct engine *e, size_t i);
struct waiter *state_wait(struct engine *e, uint64_t token, enum waiter_kind kind,
			  const char *claim);
void state_waiter_remove(struct engine *e, size_t i);
/* For that claim, or the one it is a part of. */
bool state_has_waiter(const struct engine *e, enum waiter_kind kind, const char *claim);

/* --- events.c: answers and events ----------------------------------------------------------------- */

/* Takes err (emptied). */
void answer_failed(struct engine *e, uint64_t token, struct err *err);
struct answer *answer_add(struct engine *e, uint64_t token, enum answer_state state);
/* Answers every waiter of that kind for that claim and removes it; err NULL: done. */
void answer_waiters(struct engine *e, enum waiter_kind kind, const char *claim,
		    const struct claim *c, const struct slice *s, struct err *err);
void answer_progress(struct engine *e, enum waiter_kind kind, const char *claim, const char *text);
/* Answers those who do not wait for the release of that claim: c is what it has come to. */
void answer_hasty(struct engine *e, const struct claim *c);
/* An object for subscribers and the audit trail. Pairs of member name and text, ends with NULL. */
void event_add(struct engine *e, const char *event, ...) __attribute__((sentinel));
/* Those that engine_tell() was given. */
void events_told(struct engine *e);
void event_slice(struct engine *e, const char *event, const struct slice *s, const char *reason);
void event_claim(struct engine *e, const char *event, const struct claim *c, const char *reason);
void err_copy(struct err *to, const struct err *from);

/* --- goals.c: what is missing ---------------------------------------------------------------------- */

/* The next thing to do. */
struct work {
	struct step step;
	uint64_t slice; /* 0: layout */
	bool looking;
	bool barrier;
};
/* 1: *ret is missing. 0: the goal of the slice's state holds. -EAGAIN: waits, why in waits (256);
 * -EINPROGRESS: for a look that is under way. Other: cannot be, reterr says why. */
int goal_slice(struct engine *e, const struct slice *s, struct work *ret, char *waits,
	       struct err *reterr);
int goal_layout(struct engine *e, const char *device, struct work *ret, char *waits,
		struct err *reterr);
bool goal_layout_needed(struct engine *e, const char *device);
/* May f be handed to c (NULL: to anybody, ever), as far as its IOMMU group and the fabric of GPUs go? -EPERM, -EBUSY, -ENODEV. */
int goal_isolated(struct engine *e, const struct function *f, const struct claim *c,
		  struct err *reterr);
/* As far as its IOMMU group goes. */
int goal_group_check(const struct engine *e, const struct function *f, const struct claim *c,
		     struct err *reterr);
const struct mech *goal_mech(const struct engine *e, const char *name);
/* Is it there, be it half made? */
bool goal_is_made(const struct have *h, const struct mech *m, const struct slice *s);
/* Nobody can tell at the moment whether it is there. */
/* What the device of w can yield in the mode that w says. */
void goal_offer(const struct engine *e, const struct have *h, const struct want *w,
		struct offer *ret);
/* All that is made of the device has to go before it can be in the mode that w says. */
bool goal_anew(const struct engine *e, const struct want *w);
bool goal_is_unknown(const struct engine *e, const struct slice *s);
/* Nobody can see who uses it: who says that he is gone is believed. */
bool goal_is_shared(struct engine *e, const struct slice *s);
/* There are other shares of its part. */
bool goal_has_mates(const struct engine *e, const struct slice *s);
const struct function *goal_find(const struct engine *e, const struct slice *s, bool *ret_found);
/* Does the applied policy want that slice where it is? */
bool goal_wanted(struct engine *e, const struct slice *s);
/* Place of that type among those of the want; -1: it does not name it. */
int goal_type(const struct want *w, const char *type);
/* Does the want divide its device into slices of that type, among others? */
bool goal_names(const struct want *w, const char *type);
/* A slice that must not be disturbed: held, or not yet proven clean, and there. */
bool goal_held(const struct engine *e, const struct slice *s);
bool goal_stable(const struct slice *s);
/* Slices of a device, copied together for the mechanisms. Caller frees. -ENOMEM. */
int goal_slices_of(const struct engine *e, const char *device, const char *mech, struct slice **ret,
		   size_t *ret_n);

/* --- room.c: what devices can yield -------------------------------------------------------------------- */

/* Devices of one kind that a class draws on and that are divided on demand. */
struct room {
	struct capacity kind;
	struct capacity_use *uses;
	const struct want **wants; /* of each; as long as the record is not changed */
	size_t n, emptiest;
};
struct rooms {
	struct room *rooms;
	size_t n;
};
void rooms_done(struct rooms *rooms);
void room_remove(struct room *r, size_t device);
/* Adds those of a class to what is there already: devices from which c may have something; NULL: all. -ENOMEM
 * leaves what must be freed. */
int rooms_make(struct engine *e, const struct policy_class *class, const struct claim *c,
	       struct rooms *ret);
/* Does the class draw on its devices? */
bool room_serves(const struct room *r, const struct policy_class *class);
/* Steps may go to the device. */
bool room_usable(struct engine *e, const char *device);
/* Slices are made when a claim wants one. */
bool room_on_demand(const struct want *w);
/* Of the devices of that want's entry: where nothing goes on, beside what is warm. */
int rooms_make_ahead(struct engine *e, const struct want *entry, struct rooms *ret);
/* Beside all that is there and does not make way. */
void room_offer_now(struct engine *e, const struct want *w, struct offer *ret);
/* What the device can still yield, beside what is promised. What is warm makes way. */
void room_offer(struct engine *e, const struct want *w, struct offer *ret);

/* 0: below one root port, or near is empty; 1: on one NUMA node; 2: elsewhere. Keys of devices. */
uint8_t room_distance(const struct engine *e, const char *device, const char *near);
/* Device that a claim should be near to; empty: none. */
const char *room_near(struct engine *e, const struct claim *c);

struct room_profiles {
	uint32_t of[CAPACITY_PROFILES];
	uint32_t n;
};
/* Those of a kind that will do for a class, the preferred first. */
void room_class_profiles(const struct capacity *k, const struct want *w,
			 const struct policy_class *c, struct room_profiles *ret);

/* Place of a profile in a class's order of preference; -1: the class does not take it. */
int pick_preference(struct engine *e, const struct policy_class *c, const struct want *w,
		    const char *profile);

/* --- fit.c: where the next slice of a class would go ---------------------------------------------------- */

/* A class's wish in one room, prepared; wish.profile is for the caller to set. Not to be copied. */
struct fit_wish {
	struct place_weights weights;
	struct place_keep keep[POLICY_KEEPS];
	struct room_profiles profiles;
	struct place_wish wish;
};
void fit_prepare(struct engine *e, const struct policy_class *class, const struct room *r,
		 struct fit_wish *ret);

struct resources;
struct fit_place {
	const struct room *room; /* NULL: nowhere */
	uint32_t order;		 /* the class's preference of the profile */
	uint8_t distance;	 /* see room_distance() */
	uint32_t profile;
	struct place_answer where;
};
/* near: a device's key, or empty. left: of the quota; NULL: there is none. *kept becomes true when there is room, but kept for other classes. */
bool fit_next(struct engine *e, const struct policy_class *class, const struct rooms *rooms,
	      const char *near, struct resources *left, struct fit_place *ret, bool *kept);

/* --- advice.c --------------------------------------------------------------------------------------------- */

/* What to do about a claim that has no place: one line, which release or which move would make one. */
void advise_refusal(struct engine *e, const struct policy_class *class, const struct claim *c,
		    struct err *err);

/* --- layout.c ----------------------------------------------------------------------------------------- */

/* What others made of the device is in the use of the offer, and nothing else. */
void layout_offer(struct engine *e, const struct have *h, const struct want *w, struct offer *ret);
/* What a want makes of its device, each with its start, beside what others have there (in ret). The
 * caller frees the members. */
struct place_member;
int layout_place(struct engine *e, const struct want *w, struct offer *ret,
		 struct place_member **ret_members, size_t *ret_n, struct err *reterr);

/* --- slots.c: layouts of devices with slots ---------------------------------------------------------- */

/* Does the layout fit beside what is held? slices: of the device. -EBUSY. */
int slots_check(struct engine *e, const struct want *w, const struct slice *slices, size_t n,
		struct err *reterr);
/* Decides for each slice of the device whether it stays, and adds what is missing. False: it has no such
 * layout. */
bool slots_apply(struct engine *e, const struct want *w);
/* Is it one of those that are decided on there? */
bool slots_has(const struct want *w, const struct slice *s);

/* --- apart.c: who must not share a device ---------------------------------------------------------------- */

/* The slice by which another keeps c from that device; but one, which is not looked at (0: none). NULL:
 * nobody does. */
const struct slice *apart_from(struct engine *e, const struct want *w, const struct claim *c,
			       uint64_t but);
/* Adds to err what of the devices of a class others have, where that keeps c out. */
void apart_because(struct engine *e, const struct policy_class *class, const struct claim *c,
		   struct err *err);

/* --- tenants.c, queue.c, lease.c: who may have how much, when, for how long ---------------------------- */

/* That of a claim in the applied policy; NULL: none. */
const struct policy_tenant *tenants_find(const struct engine *e, const struct claim *c);
uint32_t tenants_priority(const struct engine *e, const struct claim *c);
/* Sets the tenant of a claim that is asked for. -EPERM, -ENOENT. */
int tenants_assign(const struct engine *e, const struct request *rq, struct claim *c,
		   struct err *reterr);
/* Has its tenant room for c, which has no slice yet? -EDQUOT. */
int tenants_check_quota(const struct engine *e, const struct claim *c, struct err *reterr);
/* How many more slices of a class c's tenant may have; UINT64_MAX: any number. */
uint64_t tenants_more(struct engine *e, const struct claim *c, const struct policy_class *class);
/* Does other take of what the tenant of c may have? */
bool tenants_takes_room(const struct engine *e, const struct claim *other, const struct claim *c);
/* Adds to reterr the claims of the tenant of c that take of a resource. */
void tenants_name_holders(struct engine *e, const struct claim *c, const char *resource,
			  struct err *reterr);

/* --- resources.c: how much of what devices have -------------------------------------------------------- */

struct resources {
	const struct policy_tenant *tenant; /* NULL: without limits */
	uint64_t used[POLICY_RESOURCES];    /* of each of its limits */
	/* Of what resources_allow() refused: the limit, and the least that was asked for. */
	const struct policy_resource *refused; /* NULL: nothing was */
	uint64_t needed;
};
/* What the tenant of c may still take beside what its claims have. */
void resources_left(struct engine *e, const struct claim *c, struct resources *ret);
bool resources_allow(struct resources *r, const struct capacity *k, uint32_t profile);
bool resources_allow_slice(struct engine *e, struct resources *r, const struct slice *s);
/* One of a class, if it is the smallest; of a class with parts, all of them. */
bool resources_allow_class(struct engine *e, struct resources *r, const struct policy_class *class);
/* May it have that as well? Counts it as taken then, for the other parts of a claim. */
bool resources_take(struct engine *e, struct resources *r, const char *device, const char *profile);
/* How many more slices of a class, if each is the smallest. */
uint64_t resources_more(struct engine *e, const struct resources *r,
			const struct policy_class *class);
uint64_t resources_taken(struct engine *e, const struct claim *c, const char *name);
/* "20 GiB of memory", "3 vfs" */
void resources_format(const char *name, uint64_t n, char *ret, size_t size);
/* -EDQUOT with the words for what was refused. */
int resources_refuse(struct engine *e, const struct resources *r, const struct claim *c,
		     struct err *reterr);

/* Gives those that wait what is free, in their order; true when one got something. */
bool queue_serve(struct engine *e);
/* On its way to be free, without anybody's doing. */
bool queue_is_coming(struct engine *e, const struct slice *s);
/* Held by a claim that may be ended for that priority. */
bool queue_gives_way(const struct engine *e, const struct slice *s, uint32_t priority);
/* Ends claims for those that still wait and come before them. */
void queue_preempt(struct engine *e);

/* Granted now, or again. */
void lease_begin(const struct engine *e, struct claim *c);
/* Ends what is over, tells what soon is. */
void lease_run(struct engine *e);
enum lease_use {
	LEASE_USED,
	LEASE_IDLE,
	LEASE_NOT_SEEN
};
/* Is it time to look who uses the slice of that claim, and what was seen then. */
bool lease_look_due(struct engine *e, const struct claim *c);
void lease_seen(struct engine *e, const struct slice *s, enum lease_use use);
int64_t lease_wake(const struct engine *e);

/* --- parts.c, parts-pick.c: claims of several slices, all or none -------------------------------------- */

#define PARTS_NAME_MAX                                                                             \
	(NAME_SIZE - sizeof("/64")) /* of a whole: its parts are called NAME/NUMBER */

/* What a claim gets: one slice, or one for each part. */
struct pick {
	char class[NAME_SIZE];
	uint64_t slice;
	bool companion;
};
struct picks {
	struct pick of[POLICY_WHOLE];
	uint32_t n;
};
/* The parts of a claim, one after the other: *at is 0 for the first. NULL: no more. */
const struct claim *parts_next(const struct engine *e, const char *whole, size_t *at);
/* Does the class draw on that selection, or one of its parts? */
bool parts_draw_on(const struct engine *e, const struct policy_class *class, const char *selection);
/* The claim that c is a part of; else c itself. */
const struct claim *parts_whole(const struct engine *e, const struct claim *c);
/* What room_distance() may be from one part to another. */
uint8_t parts_distance(const struct policy_class *class);
/* Is the device near enough to the other parts of the whole that c is a part of? */
bool parts_near(const struct engine *e, const struct claim *c, const char *device);
/* Takes out devices that are not. */
void parts_narrow(const struct engine *e, const struct claim *c, struct rooms *rooms);
/* All parts of a claim are prepared from here on. */
void parts_begin(struct engine *e, const char *name, const struct picks *p);
/* The slice of a part was lost: the whole is broken. */
void parts_break(struct engine *e, const struct claim *part, const char *how);
/* What the first part that has a reason waits for, the whole waits for. Returns the whole. */
const struct claim *parts_tell(struct engine *e, const struct claim *part);
/* All are taken back. */
void parts_end(struct engine *e, const char *whole, const char *why);
/* All are taken back, and forgotten at once. */
void parts_fail(struct engine *e, const char *whole);
/* That part is there no more. Was it the last one? */
bool parts_over(struct engine *e, const struct claim *part);
/* The whole ends by itself when one look at all its parts finds none of them used: parts_look() begins one,
 * parts_used() begins it anew when somebody has that part open, parts_unused() is true with the last one. */
void parts_look(struct engine *e, const struct claim *c);
void parts_used(struct engine *e, const struct claim *c);
bool parts_unused(struct engine *e, const struct claim *c);

/* A slice for each part of a claim, all of them near enough to each other. Makes those on demand. -EBUSY,
 * -E2BIG: what came of the search is not known. */
int pick_parts(struct engine *e, const struct claim *c, const struct policy_class *class,
	       struct picks *ret, struct err *reterr);
/* Which slices that are not free would complete c: those that come by themselves, and the fewest of those
 * that give way, but none in but. False: not even all of them would. ret has room for POLICY_WHOLE. */
bool pick_parts_way(struct engine *e, const struct claim *c, const struct policy_class *class,
		    const uint64_t *but, size_t n_but, uint64_t *ret, size_t *ret_n);

/* --- fabric.c: GPUs that NVSwitches join ---------------------------------------------------------------------- */

/* Is it a whole GPU that NVSwitches join with others, or such a switch? */
bool fabric_needs(const struct engine *e, const struct want *w);
/* Do these wants have all of it passed through? */
bool fabric_is_wanted(const struct engine *e, const struct want *wants, size_t n);
/* May f be a part of what c has (NULL: of what anybody ever has)? True for all that is on no fabric. */
bool fabric_allows(struct engine *e, const struct function *f, const struct claim *c);
/* Is nothing of it among the devices of which a claim gets something, or all? Else -EPERM with reterr. */
int fabric_check(struct engine *e, const char *const *devices, size_t n, struct err *reterr);

/* --- companions.c: functions that go with another one ------------------------------------------------------ */

/* Wants of the companions of that device, one after the other: *at is 0 for the first. NULL: no more. */
const struct want *companions_next(const struct engine *e, const char *leader, size_t *at);
bool companions_has(const struct engine *e, const char *leader);
/* That of the want; NULL: not there. */
const struct slice *companions_slice(const struct engine *e, const struct want *w);
/* Did the last claim of one of them fail for its sake? */
bool companions_failed(const struct engine *e, const char *leader);
/* Adds those of all that was picked for c. Negative with reterr: they are too many, or the name is too long. */
int companions_pick(struct engine *e, const struct claim *c, struct picks *p, struct err *reterr);

/* --- warm.c: slices made ahead of claims on devices that are divided on demand ------------------------------ */

/* Have both devices one pool? That of the same entry, unless one was put back to what it was before. */
bool warm_is_shared(const struct want *a, const struct want *b);
/* Nobody has it, and its room is that of whoever needs it. */
bool warm_is_room(const struct slice *s);
/* Does the applied policy want that many of its kind ahead? */
bool warm_wanted(struct engine *e, const struct slice *s);
/* How many of its room's units a type takes; 0: not known, or the device tells it itself. */
uint32_t warm_units(const struct want *w, const char *type);
/* A later want of the device: what it knew of units when it was emptier. */
void warm_keep_units(struct want *w, const struct want *old);
/* One that the claim may have in place of a new one there: its id; 0: none. */
uint64_t warm_find(struct engine *e, const struct policy_class *class, const struct fit_place *best,
		   const char *near);
/* One that is there in place of a new one, for a claim that is to begin in this turn; 0: none. */
uint64_t warm_take(struct engine *e, const struct want *w, const char *profile, uint32_t start);
/* What is in the way of a new slice there goes. */
void warm_make_way(struct engine *e, const struct want *w, const char *profile, uint32_t start);
/* Is something there still to go? */
bool warm_goes(const struct engine *e, const char *device);
/* Makes those that are missing, where nobody needs the room. */
void warm_refill(struct engine *e);

/* --- orphan.c: claims that wait for their consumer to come back ------------------------------------------ */

/* The consumer of that claim, or of the whole that it is a part of, is gone: it waits, or ends. */
void orphan_or_end(struct engine *e, const struct claim *of);
/* Its slice, or that of a part, is lost. True: nobody has it either, and it ended. */
bool orphan_lost(struct engine *e, const struct claim *c);
/* The consumer went with the last boot, in which it had the claim. False: that is its end. */
bool orphan_outlives_boot(struct engine *e, struct claim *c);
/* Somebody has its slice open: who. */
void orphan_used(struct engine *e, const struct slice *s, const char *who);
/* 1: who asks is the one that the claim of that name waits for, and has it again. 0: none waits.
 * Negative: one waits for somebody else. */
int orphan_return(struct engine *e, const struct request *rq, struct err *reterr);
/* Has all looked at whose consumer is gone, and ends what could not be made again in time. */
void orphan_run(struct engine *e);
int64_t orphan_wake(const struct engine *e);

/* --- observe.c, work.c, results.c, reclaim.c, claims.c, grants.c, apply.c, report.c, plan.c ------------ */

/* Compares ready, held and lost slices with the picture. */
void observe_slices(struct engine *e);
/* Moves slices whose goal holds; true when anything moved. */
bool work_advance(struct engine *e);
/* Sends out the next step of every device that is idle. */
void work_emit(struct engine *e);
/* Looks who uses what is no slice: adopt_looked() has the answer. */
void work_look(struct engine *e, const struct target *t);
/* To look who uses that slice. */
struct work work_look_at(const struct engine *e, const struct slice *s);
/* The driver a function has before carve binds it: recorded with the synced intention already, so that
 * it is known whatever happens after. */
void work_note_original(struct engine *e, struct slice *s);
/* Slices of a device that failed: back to the former layout, or blocked. Takes err. */
void work_device_failed(struct engine *e, const char *device, struct err *err);
/* Not tried again by itself, but left as it is. Takes err. */
void work_device_block(struct engine *e, const char *device, struct err *err);

/* Sends it out. */
void work_send(struct engine *e, struct work *w);

/* services.c: a step that a device needs units stopped for waits for that: *w becomes the next step to it. False:
 * nothing can be sent now. */
bool services_before(struct engine *e, struct work *w);
/* Starts again what was stopped, where all is done. */
void services_after(struct engine *e);
bool services_verb(enum verb v);
void services_done(struct engine *e, const struct step *s, const struct step_result *r);
/* Takes err. */
void services_start_failed(struct engine *e, const struct step *s, struct err *err);
void services_diagnose(const struct have *h, const struct step *s, const struct step_result *r,
		       struct err *reterr);

void results_take(struct engine *e);
void results_forget(struct engine *e);
/* The device moves again: it is observed, and what was put aside because of it resumed. */
void results_device_free(struct engine *e, const char *device);

/* load.c: what the first turn after engine_load() does. */
void load_finish(struct engine *e);

void reclaim_begin(struct engine *e, struct slice *s);
/* Its claim failed for the slice's own sake, which is remembered: others are given out before it, and it is tried
 * again when there is no other. Until it is, or until an apply. */
void reclaim_begin_failed(struct engine *e, struct slice *s, const struct err *why);
/* Nothing is missing any more: where the slice goes now, and its claim's end. */
void reclaim_settle(struct engine *e, uint64_t id);
void reclaim_quarantine(struct engine *e, uint64_t id, const struct err *why);
bool reclaim_destroyed_is_clean(const struct engine *e, const struct slice *s);
/* What counts as proof for that slice: by its mechanism, and by the policy's after-use. */
enum mech_proof reclaim_proof(struct engine *e, const struct slice *s);
/* The policy asks for more than its mechanism does. */
bool reclaim_has_rule(struct engine *e, const struct slice *s);
/* Used, and not proven clean by a reset: no driver of the host gets it. */
bool reclaim_stays_away(struct engine *e, const struct slice *s);
/* It is ready, for whoever used it only: its reason says so. */
void reclaim_keep(struct engine *e, struct slice *s);
/* What is taken back waits for that: its claim says so, and who released it is told. */
void reclaim_waits(struct engine *e, const struct slice *s, const char *text);
/* Those whose consumers are said to be gone, where no look can show whether that is so. */
void reclaim_unseen(struct engine *e);
void reclaim_checked(struct engine *e, const struct slice *s, const struct input_result *in);
/* The first who keeps it from being free; NULL: nobody. */
const struct holder *reclaim_holder(const struct input_result *in);
void reclaim_holder_text(const struct holder *h, char *ret, size_t size);
bool reclaim_is_named(const struct slice *s, const char *name);
/* False: answered with the refusal. */
bool reclaim_need_manage(struct engine *e, const struct request *rq, const char *what);
void reclaim_clear(struct engine *e, const struct request *rq);
void reclaim_retry(struct engine *e, const struct request *rq);

/* --- adopt.c: what others made becomes slices, and the other way ------------------------------------------ */

/* By the rule of the policy, and for those who asked and now can be answered. */
void adopt_run(struct engine *e);
/* Looks at what is to be adopted. */
void adopt_emit(struct engine *e);
void adopt_looked(struct engine *e, const struct target *t, const struct input_result *in);
void adopt_request(struct engine *e, const struct request *rq);
void disown_request(struct engine *e, const struct request *rq);
int64_t adopt_wake(const struct engine *e);

/* hand-back.c: slices and claims are forgotten as they are, because another tool keeps them. */
void hand_back_request(struct engine *e, const struct request *rq);

/* drain.c: devices that nothing new goes to. */
void drain_request(struct engine *e, const struct request *rq);
bool drain_is(const struct engine *e, const char *device);
/* -EBUSY with reterr when it is. */
int drain_check(const struct engine *e, const char *device, struct err *reterr);
/* Says which of the devices that the class draws on are. False: none. */
bool drain_because(const struct engine *e, const struct policy_class *class, struct err *err);
/* Answers who waits until nothing of a device is held. */
void drain_settled(struct engine *e);

/* May who asks have claims at all? */
int claim_check_who(const struct requester *who, struct err *reterr);
/* May who asks make a claim of what is there, under that name and for that owner? */
int claim_check_adopt(struct engine *e, const struct request *rq, struct err *reterr);
void claim_alloc(struct engine *e, const struct request *rq);
void claim_release(struct engine *e, const struct request *rq);
/* Releases because of what happened, not because somebody asked; of a part, the whole. */
void claim_end(struct engine *e, const struct claim *of, const char *why);
/* The claim could not be served: its slice is put back, and the claim gets another one when it failed for
 * the sake of that slice; else it is removed, and who waits is told. */
void claim_fail(struct engine *e, const char *claim, struct err *err);
/* It is prepared for c from here on. */
void claim_take_slice(struct engine *e, struct claim *c, uint64_t id);
/* Picks all that c (class, uid) is to hold, within the quota of its tenant. 0, or negative with reterr. */
int claim_pick(struct engine *e, const struct claim *c, const struct policy_class *class,
	       struct picks *ret, struct err *reterr);
/* It gets these. */
void claim_begin(struct engine *e, const char *name, const struct policy_class *class,
		 const struct picks *p);
/* Picks a slice for c (class, uid). Makes one on demand. 0, or negative with reterr. */
int pick_slice(struct engine *e, const struct claim *c, const struct policy_class *class,
	       uint64_t *ret, struct err *reterr);
/* Free slices that would do for c, the best first: their places in the record. Caller frees. */
int pick_candidates(struct engine *e, const struct claim *c, const struct policy_class *class,
		    size_t **ret, size_t *ret_n);
/* A slice that is made for a claim there, or one that was made ahead. 1, or -ENOMEM. */
int pick_make(struct engine *e, const struct want *w, const char *profile, uint32_t start,
	      uint64_t *ret);
/* One that is to be made there. NULL without memory. */
struct slice *pick_add(struct engine *e, const struct want *w, const char *profile, uint32_t start);
/* Once nobody has that slice, could c? left: of the quota of its tenant. */
bool pick_would_do(struct engine *e, const struct claim *c, const struct policy_class *class,
		   struct resources *left, const struct slice *s);

void grants_commit(struct engine *e);
int64_t grants_wake(const struct engine *e);

void apply_request(struct engine *e, struct request *rq);
/* The one way in which wants change: w NULL, nothing is wanted of the device any more. */
void apply_device(struct engine *e, const char *device, const struct want *w, bool destroy);
/* A slice of that mechanism is gone from the device: what had no place before may have one now. */
void apply_fill(struct engine *e, const char *device, const char *mech);
/* Replaces or drops the want of one device in the record. */
void apply_want_set(struct engine *e, const char *device, const struct want *w);
void restore_request(struct engine *e, const struct request *rq);

/* Answers apply and restore requests that are settled. */
void report_settled(struct engine *e);
json_t *report_refused(const char *device, const struct err *err);
int report_make(struct engine *e, const struct waiter *w, json_t **ret);
/* Adds what a report should tell besides: of which devices (only NULL: all) nobody can ever have a slice, as
 * their IOMMU groups are, and which names that are divided match nothing here. */
void report_remarks(struct engine *e, const char *only, json_t *report);

/* Plays the request through on a copy, and takes its policy. ret_report is a new reference. */
int plan_make(struct engine *e, struct request *rq, json_t **ret_report, struct err *reterr);
/* change.c, new references. A device that a plan changes; want NULL: nothing is wanted of it any more. */
json_t *change_device(const struct have *before, const struct have *after, const char *device,
		      const struct want *want);
/* Lines: what that step, done now, takes with it. */
json_t *change_blast(const struct have *h, const struct record *rec, const struct step *s);

/* planned.c: is what the request would come to now what rq->planned says? Fails with apply.changed and the
 * first difference. */
int planned_check(struct engine *e, const struct request *rq, struct err *reterr);
/* What a step does to the picture, when it does what it should. */
int effect_apply(struct have *h, const struct step *s);
