/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A running claim whose consumer is gone ends; in a class with orphan-grace it waits so long for it to
 * come back: a hypervisor that was restarted, a guest after a reboot of the host. Nothing is done to its
 * slice meanwhile, so who comes back finds it as it was. The end is a time on the wall in the record, and
 * goes on while carved is down. Only a reboot begins it anew: the consumer could not come back before.
 *
 * An orphan may be used again without anybody asking for it. So it is looked at now and then, and at the
 * very end, by the same prompts that found its consumer gone.
 */
#include <errno.h>

#include "base/duration.h"
#include "engine/internal.h"
#include "model/fields.h"

#define LOOK_SHARE 8 /* looks in the time that it waits */
#define LOOK_MS_MIN 1000
#define LOOK_MS_MAX 60000

static uint32_t grace_of(const struct engine *e, const struct claim *c)
{
	const struct policy_class *class = policy_class_find(e->policy, c->class);
	return class && c->kind == CLAIM_RUNNING ? class->orphan_grace : 0;
}

static void begin(struct engine *e, struct claim *c, uint32_t grace, const char *why)
{
	char text[DURATION_TEXT_SIZE], reason[128];
	duration_format(grace, text);
	reason_set(reason, sizeof(reason), "%s; it waits %s for it", why, text);
	c->orphan_end = e->wall + grace;
	event_claim(e, "claim.orphaned", c, reason);
	e->sync = true;
}

/* For the slice of a claim, or for that of each part. */
static void each_look(struct engine *e, const struct claim *c,
		      void (*fn)(struct slice_state_volatile *v, int64_t at), int64_t at)
{
	struct slice_state_volatile *v = c->slice ? state_slice(e, c->slice) : NULL;
	const struct claim *part;
	size_t i = 0;
	if (v)
		fn(v, at);
	while (c->parts && (part = parts_next(e, c->name, &i)))
		each_look(e, part, fn, at);
}

static void look_at(struct slice_state_volatile *v, int64_t at)
{
	v->prompted = true;
	v->unused = false;
	v->retry_at = at;
}

static void look_no_more(struct slice_state_volatile *v, int64_t at)
{
	(void)at;
	v->prompted = v->unused = false;
}

/* What was seen in this round of looks waits for the others. */
static void keep_looking(struct slice_state_volatile *v, int64_t at)
{
	(void)at;
	v->prompted = v->prompted || !v->unused;
}

/* After a share of the time, but at the end at the latest. */
static void look_later(struct engine *e, const struct claim *c, uint32_t grace)
{
	int64_t pause = (int64_t)grace * 1000 / LOOK_SHARE;
	int64_t left = (c->orphan_end - e->wall) * 1000;
	pause = pause < LOOK_MS_MIN ? LOOK_MS_MIN : pause > LOOK_MS_MAX ? LOOK_MS_MAX : pause;
	each_look(e, c, look_at, e->now + (left < pause ? left : pause));
}

void orphan_or_end(struct engine *e, const struct claim *of)
{
	struct claim *c = store_claim_edit(e, claim_whole(of));
	uint32_t grace = c ? grace_of(e, c) : 0;
	if (!c)
		return;
	if (!c->orphan_end && grace)
		begin(e, c, grace, "its consumer is gone");
	if (e->wall < c->orphan_end)
		look_later(e, c, grace);
	else
		claim_end(e, c,
			  c->orphan_end ? "its consumer is gone, and did not come back"
					: "its consumer is gone");
}

bool orphan_outlives_boot(struct engine *e, struct claim *c)
{
	uint32_t grace = grace_of(e, c);
	bool had = c->state == CLAIM_HELD || c->state == CLAIM_BROKEN || c->orphan_end;
	if (!grace || !had)
		return false;
	begin(e, c, grace, "its consumer went with the last boot of the host");
	return true;
}

bool orphan_lost(struct engine *e, const struct claim *c)
{
	const struct claim *whole = parts_whole(e, c);
	if (!whole || !claim_is_orphaned(whole))
		return false;
	claim_end(e, whole, "its consumer is gone, and now its slice");
	return true;
}

void orphan_run(struct engine *e)
{
	for (size_t i = e->rec.n_claims; i > 0 && !e->scratch; i--) {
		const struct claim *c = &e->rec.claims[i - 1];
		if (claim_is_orphaned(c))
			each_look(e, c, keep_looking, 0);
		if (c->orphan_end && c->state == CLAIM_PREPARING && e->wall >= c->orphan_end)
			claim_end(e, c, "its consumer is gone, and did not come back");
	}
}

int64_t orphan_wake(const struct engine *e)
{
	int64_t wake = -1;
	for (size_t i = 0; i < e->rec.n_claims && !e->scratch; i++) {
		const struct claim *c = &e->rec.claims[i];
		int64_t at = e->now + (c->orphan_end - e->wall) * 1000;
		if (c->orphan_end && c->state == CLAIM_PREPARING && at > e->now &&
		    (wake < 0 || at < wake))
			wake = at;
	}
	return wake;
}

/* --- coming back --------------------------------------------------------------------------------------- */

static void end(struct engine *e, struct claim *c, const char *how)
{
	c->orphan_end = 0;
	c->reason[0] = '\0';
	each_look(e, c, look_no_more, 0);
	event_claim(e, "claim.returned", c, how);
	e->sync = true;
}

void orphan_used(struct engine *e, const struct slice *s, const char *who)
{
	const struct claim *part = s->claim[0] ? store_claim(e, s->claim) : NULL;
	const struct claim *c = part ? parts_whole(e, part) : NULL;
	struct claim *edit = c && claim_is_orphaned(c) ? store_claim_edit(e, c->name) : NULL;
	if (edit)
		end(e, edit, who);
}

static bool is_prompted(struct engine *e, const struct claim *c)
{
	const struct slice_state_volatile *v = c->slice ? state_slice(e, c->slice) : NULL;
	const struct claim *part;
	bool prompted = v && (v->prompted || v->unused);
	size_t i = 0;
	while (c->parts && !prompted && (part = parts_next(e, c->name, &i)))
		prompted = is_prompted(e, part);
	return prompted;
}

/* Its consumer seems gone, and that is not looked at yet: who comes back may be faster. */
static bool seems_orphaned(struct engine *e, const struct claim *c)
{
	return c->state == CLAIM_HELD && grace_of(e, c) && is_prompted(e, c);
}

static bool waits_to_return(const struct claim *c)
{
	return claim_is_orphaned(c) || (c->orphan_end && c->state == CLAIM_PREPARING);
}

static void note_differences(const struct claim *c, const struct request *rq, const char *tenant,
			     struct err *err)
{
	const struct alloc_request *a = &rq->alloc;
	if (!claim_is_of(c, rq->who.uid, tenant))
		err_because(err, "it is of uid %u%s%s, not of uid %u%s%s", c->uid,
			    c->tenant[0] ? " and tenant " : "", c->tenant, rq->who.uid,
			    tenant[0] ? " and tenant " : "", tenant);
	if (!str_eq(c->owner, a->owner))
		err_because(err, "its owner is %s, not %s", c->owner, a->owner);
	if (!str_eq(c->class, a->class))
		err_because(err, "its class is %s, not %s", c->class, a->class);
	if (a->kind != CLAIM_RUNNING)
		err_because(err, "it is a running claim, not a reserved one");
	if (!fields_same(FIELDS_SETTINGS, &c->set, &a->set))
		err_because(err, "it was made with other settings");
	if (c->grant_uid != a->grant_uid || c->grant_gid != a->grant_gid)
		err_because(err, "its slice was handed to uid %u, not to uid %u", c->grant_uid,
			    a->grant_uid);
	if (!c->preemptible != !a->preemptible)
		err_because(err, "it was made %s --preemptible",
			    c->preemptible ? "with" : "without");
}

/* Is who asks the one it waits for? */
static int check_same(const struct claim *c, const struct request *rq, const char *tenant,
		      struct err *reterr)
{
	_cleanup_err_ struct err err = { 0 };
	err_set(&err, "claim.orphaned", EBUSY, "claim %s waits for somebody else", c->name);
	err_on(&err, "claim %s", c->name);
	note_differences(c, rq, tenant, &err);
	if (!err.because)
		return 0;
	err_state(&err, "nothing was changed; it goes on waiting for who had it");
	err_todo(&err, "ask as that one did, use another name, or: carve release %s", c->name);
	err_move(reterr, &err);
	return -EBUSY;
}

static void come_back(struct engine *e, const struct request *rq, struct claim *c)
{
	c->pid = rq->alloc.pid;
	c->pid_start = rq->alloc.pid_start;
	memcpy(c->boot_id, e->rec.boot_id, sizeof(c->boot_id));
	lease_begin(e, c);
	end(e, c, "its owner claimed it again");
	if (c->state != CLAIM_HELD) {
		(void)state_wait(e, rq->token, WAIT_ALLOC, c->name);
		return;
	}
	struct answer *a = answer_add(e, rq->token, ANSWER_DONE);
	if (!a)
		return;
	a->claim = *c;
	const struct slice *s = c->slice ? store_slice(e, c->slice) : NULL;
	if (s)
		a->slice = *s;
}

int orphan_return(struct engine *e, const struct request *rq, struct err *reterr)
{
	struct claim asked = { 0 };
	const struct claim *c = e->policy ? store_claim(e, rq->alloc.name) : NULL;
	bool waits = c && waits_to_return(c);
	/* A part comes back with its whole only. */
	if (!c || c->whole[0] || (!waits && !seems_orphaned(e, c)))
		return 0;
	int r = claim_check_who(&rq->who, reterr);
	if (r >= 0)
		r = tenants_assign(e, rq, &asked, reterr);
	if (r >= 0 && check_same(c, rq, asked.tenant, waits ? reterr : NULL) < 0)
		return waits ? -EBUSY : 0;
	if (r < 0)
		return r;
	struct claim *edit = store_claim_edit(e, c->name);
	if (!edit)
		return -ENOMEM;
	come_back(e, rq, edit);
	return 1;
}
