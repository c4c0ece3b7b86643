/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Claims: asked for, refused or begun, released, ended. */
#include <errno.h>

#include "engine/internal.h"

/* --- may it be asked for ----------------------------------------------------------------------------- */

int claim_check_who(const struct requester *who, struct err *reterr)
{
	if (who->claim || who->manage)
		return 0;
	err_set(reterr, "claim.denied", EPERM, "not allowed to claim");
	err_because(reterr, "uid %u is not in group carve", who->uid);
	err_state(reterr, "nothing was changed");
	err_todo(reterr, "as root: usermod -aG carve USER");
	return -EPERM;
}

static bool name_valid(const char *name)
{
	for (const char *p = name; *p; p++)
		if (!((*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z') ||
		      (*p >= '0' && *p <= '9') || (*p && strchr("._:@-", *p))))
			return false;
	return name[0] != '-' && name[0] != '.';
}

/* A label for people and scripts: one word. */
static int check_owner(const char *owner, struct err *reterr)
{
	bool good = owner[0] != '\0';
	for (const char *p = owner; *p; p++)
		good = good && *p > ' ' && *p < 0x7f;
	if (good)
		return 0;
	err_set(reterr, "claim.name", EINVAL, "\"%s\" is no name for an owner", owner);
	err_because(reterr, "it is one word of printable ASCII, such as libvirt:web01");
	err_state(reterr, "nothing was changed");
	return -EINVAL;
}

static int check_name(struct engine *e, const char *name, struct err *reterr)
{
	if (!name_valid(name)) {
		err_set(reterr, "claim.name", EINVAL, "\"%s\" is no name for a claim", name);
		err_because(reterr,
			    "letters, digits and . _ : @ - only, beginning with a letter or digit");
		err_state(reterr, "nothing was changed");
		return -EINVAL;
	}
	const struct claim *c = store_claim(e, name);
	if (!c)
		return 0;
	err_set(reterr, "claim.exists", EEXIST, "claim %s exists already", name);
	err_on(reterr, "claim %s", name);
	err_because(reterr, "it is %s by uid %u for %s",
		    claim_state_name((enum claim_state)c->state), c->uid, c->owner);
	err_state(reterr, "nothing was changed");
	err_todo(reterr, "use another name, or: carve release %s", name);
	return -EEXIST;
}

/* more: claims that are to be added. */
static int check_limits(const struct engine *e, const struct requester *who, size_t more,
			struct err *reterr)
{
	size_t mine = 0;
	for (size_t i = 0; i < e->rec.n_claims; i++)
		mine += e->rec.claims[i].uid == who->uid;
	if (mine + more <= ENGINE_CLAIMS_PER_UID && e->rec.n_claims + more <= ENGINE_CLAIMS_MAX)
		return 0;
	err_set(reterr, "claim.limit", EDQUOT, "too many claims");
	err_because(reterr, "uid %u has %zu (at most %d), all have %zu (at most %d)", who->uid,
		    mine, ENGINE_CLAIMS_PER_UID, e->rec.n_claims, ENGINE_CLAIMS_MAX);
	err_state(reterr, "nothing was changed");
	err_todo(reterr, "release some");
	return -EDQUOT;
}

static int check_class(const struct engine *e, const char *name, const struct policy_class **ret,
		       struct err *reterr)
{
	if (!e->policy) {
		err_set(reterr, "claim.no-policy", ENOENT, "there is no class %s", name);
		err_because(reterr, e->rec.policy.version
					    ? "the applied policy is not understood by this "
					      "carve"
					    : "no policy is applied");
		err_state(reterr, "nothing was changed");
		err_todo(reterr, "carve apply FILE");
		return -ENOENT;
	}
	*ret = policy_class_find(e->policy, name);
	if (*ret)
		return 0;
	err_set(reterr, "claim.no-class", ENOENT, "there is no class %s", name);
	err_because(reterr, "%s names none of that name", e->rec.policy.file);
	err_state(reterr, "nothing was changed");
	err_todo(reterr, "carve list classes shows them");
	return -ENOENT;
}

static int check_preemptible(const struct policy_class *class, struct err *reterr)
{
	if (class->preemptible)
		return 0;
	err_set(reterr, "claim.not-preemptible", EPERM,
		"claims of class %s cannot be made to give way", class->name);
	err_because(reterr, "the class does not say preemptible: true");
	err_state(reterr, "nothing was changed");
	err_todo(reterr, "leave --preemptible out, or say so in the policy");
	return -EPERM;
}

static int check_near(struct engine *e, const char *near, struct err *reterr)
{
	const struct claim *c = store_claim(e, near);
	if (c && !claim_is_waiting(c))
		return 0;
	err_set(reterr, "claim.near", ENOENT, "there is no claim %s to be near to", near);
	if (c)
		err_because(reterr, "it waits for a slice itself");
	else
		err_because(reterr, "no claim has that name");
	err_state(reterr, "nothing was changed");
	err_todo(reterr, "carve list claims shows them");
	return -ENOENT;
}

/* The names of its parts must fit, and settings are of one slice. */
static int check_whole(const struct request *rq, struct err *reterr)
{
	const struct alloc_request *a = &rq->alloc;
	if (strlen(a->name) > PARTS_NAME_MAX) {
		err_set(reterr, "claim.name", ENAMETOOLONG, "the name %s is too long", a->name);
		err_because(reterr, "that of a claim with parts has up to %zu bytes",
			    PARTS_NAME_MAX);
		err_state(reterr, "nothing was changed");
		return -ENAMETOOLONG;
	}
	if (!a->set.set)
		return 0;
	err_set(reterr, "claim.parts-set", EINVAL, "cannot set anything on a claim of class %s",
		a->class);
	err_because(reterr, "settings are of one slice; the class has parts");
	err_state(reterr, "nothing was changed");
	err_todo(reterr, "leave the settings out, or claim that slice by itself");
	return -EINVAL;
}

int claim_check_adopt(struct engine *e, const struct request *rq, struct err *reterr)
{
	int r = check_limits(e, &rq->who, 1, reterr);
	if (r >= 0)
		r = check_owner(rq->alloc.owner, reterr);
	return r < 0 ? r : check_name(e, rq->alloc.name, reterr);
}

/* "lan-7": the first number that is free. */
static void name_pick(struct engine *e, const char *class, char ret[NAME_SIZE])
{
	for (unsigned n = 1;; n++) {
		if (str_format(ret, NAME_SIZE, "%s-%u", class, n) < 0)
			(void)str_format(ret, NAME_SIZE, "claim-%u", n);
		if (!store_claim(e, ret))
			return;
	}
}

static int claim_check(struct engine *e, const struct request *rq,
		       const struct policy_class **ret_class, struct err *reterr)
{
	const struct alloc_request *a = &rq->alloc;
	int r = claim_check_who(&rq->who, reterr);
	if (r >= 0)
		r = check_class(e, a->class, ret_class, reterr);
	bool whole = r >= 0 && (*ret_class)->n_parts > 0;
	if (r >= 0)
		r = check_limits(e, &rq->who,
				 whole ? policy_takes(e->policy, a->class, NULL) + 1 : 1, reterr);
	if (r >= 0)
		r = check_owner(a->owner, reterr);
	if (r >= 0 && a->name[0])
		r = check_name(e, a->name, reterr);
	if (r >= 0 && a->preemptible)
		r = check_preemptible(*ret_class, reterr);
	if (r >= 0 && a->near[0])
		r = check_near(e, a->near, reterr);
	if (r >= 0)
		r = whole ? check_whole(rq, reterr)
			  : policy_settings_allowed(*ret_class, &a->set, reterr);
	return r;
}

/* --- alloc ---------------------------------------------------------------------------------------------- */

static void claim_fill(const struct engine *e, const struct request *rq, struct claim *c)
{
	const struct alloc_request *a = &rq->alloc;
	c->kind = a->kind;
	c->preemptible = a->preemptible;
	memcpy(c->near, a->near, sizeof(c->near));
	c->state = CLAIM_PREPARING;
	c->uid = rq->who.uid;
	c->gid = rq->who.gid;
	c->grant_uid = a->grant_uid;
	c->grant_gid = a->grant_gid;
	c->pid = a->pid;
	c->pid_start = a->pid_start;
	c->set = a->set;
	c->created = e->wall;
	memcpy(c->owner, a->owner, sizeof(c->owner));
	memcpy(c->class, a->class, sizeof(c->class));
	memcpy(c->boot_id, e->rec.boot_id, sizeof(c->boot_id));
}

void claim_take_slice(struct engine *e, struct claim *c, uint64_t id)
{
	struct slice *s = store_slice_edit(e, id);
	if (!s)
		return;
	c->slice = id;
	c->reason[0] = '\0';
	s->state = SLICE_PREPARING;
	s->warm = WARM_NO;
	s->failed = 0;
	s->reason[0] = '\0';
	memcpy(s->claim, c->name, sizeof(s->claim));
	work_note_original(e, s);
	state_slice_forget(e, id);
	e->sync = true;
}

int claim_pick(struct engine *e, const struct claim *c, const struct policy_class *class,
	       struct picks *ret, struct err *reterr)
{
	int r = tenants_check_quota(e, c, reterr);
	if (r < 0)
		return r;
	*ret = (struct picks){ .n = 1 };
	memcpy(ret->of[0].class, class->name, sizeof(ret->of[0].class));
	r = class->n_parts ? pick_parts(e, c, class, ret, reterr)
			   : pick_slice(e, c, class, &ret->of[0].slice, reterr);
	return r < 0 ? r : companions_pick(e, c, ret, reterr);
}

void claim_begin(struct engine *e, const char *name, const struct policy_class *class,
		 const struct picks *p)
{
	if (p->n > 1 || class->n_parts) {
		parts_begin(e, name, p);
	} else {
		struct claim *c = store_claim_edit(e, name);
		if (c)
			claim_take_slice(e, c, p->of[0].slice);
	}
	const struct claim *begun = store_claim(e, name);
	if (begun)
		event_claim(e, "claim.begun", begun, NULL);
}

static bool may_wait(const struct request *rq, int r)
{
	return rq->alloc.wait && (r == -EBUSY || r == -EDQUOT);
}

/* On what: a class, for lack of a slice. */
static int alloc(struct engine *e, const struct request *rq, struct err *reterr)
{
	const struct policy_class *class = NULL;
	struct claim draft = { 0 };
	struct picks picks;
	int r = claim_check(e, rq, &class, reterr);
	if (r >= 0)
		r = tenants_assign(e, rq, &draft, reterr);
	if (r < 0)
		return r;
	if (rq->alloc.name[0])
		memcpy(draft.name, rq->alloc.name, sizeof(draft.name));
	else
		name_pick(e, rq->alloc.class, draft.name);
	claim_fill(e, rq, &draft);
	(void)queue_serve(e); /* those that wait already come first */
	r = claim_pick(e, &draft, class, &picks, reterr);
	if (r < 0 && !may_wait(rq, r))
		return r;
	struct claim *c = store_claim_add(e, draft.name);
	if (!c)
		return -ENOMEM;
	*c = draft;
	c->arrival = store_id(e);
	if (r >= 0)
		claim_begin(e, draft.name, class, &picks);
	else
		event_claim(e, "claim.waiting", c, NULL);
	return state_wait(e, rq->token, WAIT_ALLOC, draft.name) ? 0 : -ENOMEM;
}

void claim_alloc(struct engine *e, const struct request *rq)
{
	_cleanup_err_ struct err err = { 0 };
	int r = orphan_return(e, rq, &err);
	if (r == 0)
		r = alloc(e, rq, &err);
	if (r >= 0)
		return;
	err_set(&err, "engine.memory", -r, "cannot claim");
	answer_failed(e, rq->token, &err);
}

/* --- the end of a claim ----------------------------------------------------------------------------------- */

static void claim_drop(struct engine *e, const char *name, const struct claim *copy)
{
	store_claim_delete(e, name);
	answer_waiters(e, WAIT_RELEASE, name, copy, NULL, NULL);
	e->sync = true;
}

static void alloc_overtaken(struct engine *e, const struct claim *c, const char *why)
{
	_cleanup_err_ struct err err = { 0 };
	err_set(&err, "claim.ended", ECANCELED, "claim %s ended before it was served", c->name);
	err_on(&err, "claim %s", c->name);
	err_because(&err, "%s", why);
	err_state(&err, c->slice   ? "its slice is being put back"
			: c->parts ? "its slices are being put back"
				   : "nothing was changed");
	answer_waiters(e, WAIT_ALLOC, c->name, c, NULL, &err);
}

void claim_end(struct engine *e, const struct claim *of, const char *why)
{
	struct claim copy, *c = store_claim_edit(e, claim_whole(of));
	if (!c || c->state == CLAIM_RELEASING)
		return;
	alloc_overtaken(e, c, why);
	c->state = CLAIM_RELEASING;
	c->reason[0] = '\0';
	reason_set(c->ended, sizeof(c->ended), "%s", why);
	copy = *c;
	event_claim(e, "claim.releasing", c, why);
	e->sync = true;
	struct slice *s = c->slice ? store_slice_edit(e, c->slice) : NULL;
	if (s)
		reclaim_begin(e, s);
	else if (copy.parts)
		parts_end(e, copy.name, why);
	else
		claim_drop(e, copy.name, &copy);
}

/* Did it fail for the sake of that slice? Another one may do then. */
static bool is_of_the_slice(const struct err *err)
{
	static const char *const host[] = { "vfio.driver.missing", "vfio.group.none" };
	if (!err_is_set(err))
		return false;
	for (size_t i = 0; i < sizeof(host) / sizeof(*host); i++)
		if (str_eq(err->id, host[i]))
			return false;
	return str_after(err->id, "vfio.") || str_after(err->id, "guard.") ||
	       str_eq(err->id, "engine.no-effect");
}

static size_t failed_slices(const struct engine *e)
{
	size_t n = 0;
	for (size_t i = 0; i < e->rec.n_slices; i++)
		n += e->rec.slices[i].failed;
	return n;
}

/* Gives a fresh claim whose slice failed another one that did not. True when it got one. */
static bool claim_move(struct engine *e, const char *name, const struct err *why)
{
	_cleanup_err_ struct err none = { 0 };
	const struct claim *c = store_claim(e, name);
	const struct slice *s = c ? store_slice(e, c->slice) : NULL;
	const struct policy_class *class = c ? policy_class_find(e->policy, c->class) : NULL;
	uint64_t id;
	/* When so many fail it is no matter of the slice, but a refusal costs nothing; one made on demand
	 * is like the next. */
	bool many = failed_slices(e) >= ENGINE_ATTEMPTS_MAX && !str_after(why->id, "guard.");
	if (!s || s->on_demand || !class || many || companions_has(e, s->device) || c->companion ||
	    !state_has_waiter(e, WAIT_ALLOC, name) || pick_slice(e, c, class, &id, &none) < 0 ||
	    store_slice(e, id)->failed)
		return false;
	char text[256];
	struct claim *edit = store_claim_edit(e, name);
	if (!edit)
		return false;
	claim_take_slice(e, edit, id);
	event_claim(e, "claim.moved", edit, why->what);
	reason_set(text, sizeof(text), "%s; another slice is tried",
		   why->what ? why->what : why->id);
	answer_progress(e, WAIT_ALLOC, claim_whole(edit), text);
	return true;
}

/* One slice was asked for, and it failed, or one that goes with it: another one with its companions may do. */
static bool whole_move(struct engine *e, const struct claim *whole, const struct err *why)
{
	_cleanup_err_ struct err none = { 0 };
	const struct policy_class *class = policy_class_find(e->policy, whole->class);
	struct picks picks;
	char text[256];
	if (!class || class->n_parts || !is_of_the_slice(why) ||
	    !state_has_waiter(e, WAIT_ALLOC, whole->name))
		return false;
	parts_fail(e, whole->name);
	struct claim *c = store_claim_edit(e, whole->name);
	if (!c)
		return false;
	c->parts = 0;
	if (claim_pick(e, whole, class, &picks, &none) < 0)
		return false;
	const struct slice *s = store_slice(e, picks.of[0].slice);
	if (!s || s->failed || companions_failed(e, s->device))
		return false;
	claim_begin(e, whole->name, class, &picks);
	reason_set(text, sizeof(text), "%s; another slice is tried",
		   why->what ? why->what : why->id);
	answer_progress(e, WAIT_ALLOC, whole->name, text);
	return true;
}

/* Without that part none is granted. */
static void whole_fail(struct engine *e, const struct claim *part, struct err *err)
{
	const struct claim *found = parts_whole(e, part);
	if (!found)
		return;
	struct claim whole = *found;
	if (whole_move(e, &whole, err))
		return;
	err_because(err, "that was part %s of claim %s, of class %s", part->name, whole.name,
		    part->class);
	err_state(err, "the claim is not granted; all its slices are being put back");
	event_claim(e, "claim.failed", &whole, err->what);
	parts_fail(e, whole.name);
	store_claim_delete(e, whole.name);
	answer_waiters(e, WAIT_ALLOC, whole.name, &whole, NULL, err);
	answer_waiters(e, WAIT_RELEASE, whole.name, &whole, NULL, NULL);
}

void claim_fail(struct engine *e, const char *claim, struct err *err)
{
	char name[NAME_SIZE];
	(void)STR_COPY(name, claim);
	struct claim *c = store_claim_edit(e, name);
	if (!c)
		return;
	struct claim copy = *c;
	struct slice *s = c->slice ? store_slice_edit(e, c->slice) : NULL;
	if (s) {
		s->claim[0] = '\0';
		if (is_of_the_slice(err))
			reclaim_begin_failed(e, s, err);
		else
			reclaim_begin(e, s);
	}
	if (is_of_the_slice(err) && claim_move(e, name, err))
		return;
	if (copy.whole[0]) {
		whole_fail(e, &copy, err);
		return;
	}
	err_state(err, "the claim is not granted; its slice is being put back");
	event_claim(e, "claim.failed", &copy, err->what);
	store_claim_delete(e, name);
	answer_waiters(e, WAIT_ALLOC, name, &copy, s, err);
	answer_waiters(e, WAIT_RELEASE, name, &copy, s, NULL);
}

/* --- release ------------------------------------------------------------------------------------------------ */

static int check_release(const struct requester *who, const struct claim *c, struct err *reterr)
{
	if (who->manage || (who->uid == c->uid && !c->from_policy))
		return 0;
	err_set(reterr, "claim.denied", EPERM, "not allowed to release claim %s", c->name);
	err_on(reterr, "claim %s", c->name);
	err_because(reterr, "it belongs to uid %u", c->uid);
	err_state(reterr, "nothing was changed");
	return -EPERM;
}

static int refuse_part(const struct claim *c, struct err *reterr)
{
	err_set(reterr, "claim.part", EPERM, "claim %s cannot be released by itself", c->name);
	err_on(reterr, "claim %s", c->name);
	err_because(reterr, "it is a part of claim %s, which holds all its slices or none",
		    c->whole);
	err_state(reterr, "nothing was changed");
	err_todo(reterr, "carve release %s", c->whole);
	return -EPERM;
}

/* What it waits for is looked at again at once. */
static void release_again(struct engine *e, const struct claim *c)
{
	struct slice_state_volatile *v = c->slice ? state_slice(e, c->slice) : NULL;
	const struct claim *part;
	size_t i = 0;
	if (v)
		v->retry_at = 0;
	while (c->parts && (part = parts_next(e, c->name, &i)))
		release_again(e, part);
}

void claim_release(struct engine *e, const struct request *rq)
{
	_cleanup_err_ struct err err = { 0 };
	struct claim *c = store_claim_edit(e, rq->name);
	if (!c) {
		/* Late or repeated: whoever has the slice now is not disturbed (F32). */
		answer_add(e, rq->token, ANSWER_DONE);
		return;
	}
	if (check_release(&rq->who, c, &err) < 0 || (c->whole[0] && refuse_part(c, &err) < 0)) {
		answer_failed(e, rq->token, &err);
		return;
	}
	struct waiter *w = state_wait(e, rq->token, WAIT_RELEASE, rq->name);
	if (!w)
		return;
	w->no_wait = rq->no_wait;
	if (c->state == CLAIM_RELEASING) {
		if (c->reason[0])
			answer_progress(e, WAIT_RELEASE, c->name, c->reason);
		release_again(e, c);
		return;
	}
	claim_end(e, c, "it was released");
}
