/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Taking a slice back: the consumer proven gone, what it left reset and proven clean, the slice back to
 * where the policy wants it. Without proof it is quarantined, or kept for the same account. A policy may
 * ask for more than the mechanism has as proof. For less only where no specification decides it: never of
 * data on a disk, which survive every reset.
 */
#include <errno.h>

#include "engine/internal.h"

void reclaim_begin(struct engine *e, struct slice *s)
{
	s->state = SLICE_RECLAIMING;
	s->failed = 0;
	s->reason[0] = '\0';
	state_slice_forget(e, s->id);
}

void reclaim_begin_failed(struct engine *e, struct slice *s, const struct err *why)
{
	reclaim_begin(e, s);
	s->failed = 1;
	reason_set(s->reason, sizeof(s->reason), "its last claim failed: %s%s%s",
		   why->what ? why->what : why->id, why->because ? ": " : "",
		   why->because ? why->because : "");
}

/* --- is the consumer gone? ------------------------------------------------------------------------- */

const struct holder *reclaim_holder(const struct input_result *in)
{
	for (size_t i = 0; i < in->n_holders; i++)
		if (in->holders[i].kind != HOLDER_SIBLING)
			return &in->holders[i];
	return NULL;
}

void reclaim_holder_text(const struct holder *h, char *ret, size_t size)
{
	if (h->pid > 0)
		reason_set(ret, size, "held by pid %d (%s%s%s)", h->pid, h->comm,
			   h->unit[0] ? ", " : "", h->unit);
	else
		reason_set(ret, size, "in use (%s): %s",
			   holder_kind_name((enum holder_kind)h->kind), h->what);
}

void reclaim_waits(struct engine *e, const struct slice *s, const char *text)
{
	const struct claim *found = s->claim[0] ? store_claim(e, s->claim) : NULL;
	if (!found)
		return;
	if (!str_eq(found->reason, text)) {
		struct claim *c = store_claim_edit(e, found->name);
		if (!c)
			return;
		reason_set(c->reason, sizeof(c->reason), "%s", text);
		event_claim(e, "claim.waits", c, text);
		found = c;
	}
	const struct claim *told = parts_tell(e, found);
	if (!told)
		return;
	answer_progress(e, WAIT_RELEASE, told->name, told->reason);
	answer_hasty(e, told);
}

/* What was waited for is over: it is no reason any more. */
static void waits_no_more(struct engine *e, const struct slice *s)
{
	const struct claim *found = s->claim[0] ? store_claim(e, s->claim) : NULL;
	if (!found || found->state != CLAIM_RELEASING || !found->reason[0])
		return;
	struct claim *c = store_claim_edit(e, found->name);
	if (!c)
		return;
	c->reason[0] = '\0';
	(void)parts_tell(e, c);
}

static void still_held(struct engine *e, const struct slice *s, const char *text)
{
	struct slice_state_volatile *v = state_slice(e, s->id);
	if (!v)
		return;
	v->check = CHECK_HELD;
	state_backoff(e, &v->retry_at, &v->backoff_ms);
	reason_set(v->waits, sizeof(v->waits), "%s", text);
	if (s->state == SLICE_HELD) {
		/* The prompt was wrong; a new one will come when the consumer really goes. */
		v->prompted = v->backoff_ms < ENGINE_BACKOFF_MAX_MS;
		const struct claim *c = store_claim(e, s->claim);
		if (c)
			parts_used(e, c);
		return;
	}
	reclaim_waits(e, s, text);
}

static void is_gone(struct engine *e, const struct slice *s)
{
	struct slice_state_volatile *v = state_slice(e, s->id);
	if (!v)
		return;
	v->check = CHECK_GONE;
	v->backoff_ms = 0;
	v->retry_at = 0;
	v->waits[0] = '\0';
	if (s->state == SLICE_RECLAIMING)
		waits_no_more(e, s);
	if (s->state != SLICE_HELD)
		return;
	v->prompted = false;
	v->check = CHECK_NONE;
	const struct claim *c = store_claim(e, s->claim);
	if (c && c->kind == CLAIM_RUNNING && parts_unused(e, c))
		orphan_or_end(e, c);
}

void reclaim_unseen(struct engine *e)
{
	for (size_t i = e->state.n_slices; i > 0; i--) {
		const struct slice_state_volatile *v = &e->state.slices[i - 1];
		const struct slice *s = v->prompted ? store_slice(e, v->id) : NULL;
		if (s && s->state == SLICE_HELD && goal_is_shared(e, s))
			is_gone(e, s);
	}
}

void reclaim_checked(struct engine *e, const struct slice *s, const struct input_result *in)
{
	char text[256];
	const struct holder *h = reclaim_holder(in);
	bool looked = in->result.status == STEP_DONE || in->result.status == STEP_NOTHING;
	struct slice_state_volatile *v = state_slice(e, s->id);
	if (!v || v->check != CHECK_ASKED)
		return; /* asked for another goal of that slice */
	/* What is not there any more nobody has open: the kernel waits for that before it takes it away. */
	bool absent = str_eq(in->result.reason, "absent");
	if (s->state == SLICE_HELD) {
		bool prompted = v->prompted;
		v->check = CHECK_NONE;
		lease_seen(e, s, h ? LEASE_USED : looked || absent ? LEASE_IDLE : LEASE_NOT_SEEN);
		if (!prompted || s->state != SLICE_HELD)
			return;
	}
	if ((looked || absent) && !h) {
		is_gone(e, s);
		return;
	}
	if (h) {
		reclaim_holder_text(h, text, sizeof(text));
		orphan_used(e, s, text);
	} else {
		reason_set(text, sizeof(text), "cannot see who uses it: %s",
			   step_status_name((enum step_status)in->result.status));
	}
	still_held(e, s, text);
}

/* --- what proves it ----------------------------------------------------------------------------------- */

/* That of the applied policy, as it was pinned. */
static enum after_use rule_of(struct engine *e, const struct slice *s)
{
	const struct want *w = store_want(e, s->device);
	return w && str_eq(w->mech, s->mech) ? (enum after_use)w->after_use : AFTER_USE_UNSAID;
}

bool reclaim_has_rule(struct engine *e, const struct slice *s)
{
	return rule_of(e, s) > AFTER_USE_PROVE;
}

enum mech_proof reclaim_proof(struct engine *e, const struct slice *s)
{
	const struct mech *m = goal_mech(e, s->mech);
	enum mech_proof proof = m ? (enum mech_proof)m->proof(e->have, s) : PROOF_NONE;
	/* What it shares stays, with what the others do there. */
	if (s->share && proof == PROOF_DESTROY && goal_is_shared(e, s))
		proof = PROOF_PROCESS;
	switch (rule_of(e, s)) {
	case AFTER_USE_UNSAID:
		return proof == PROOF_SOFT_RESET ? PROOF_KEPT : proof;
	case AFTER_USE_PROVE:
		return proof == PROOF_SOFT_RESET ? PROOF_RESET : proof;
	case AFTER_USE_SAME_TENANT:
		return PROOF_KEPT;
	case AFTER_USE_QUARANTINE:
		return PROOF_NONE;
	}
	return proof;
}

bool reclaim_stays_away(struct engine *e, const struct slice *s)
{
	const struct mech *m = goal_mech(e, s->mech);
	return m && s->dirty &&
	       (m->proof(e->have, s) == PROOF_NONE || reclaim_proof(e, s) == PROOF_NONE);
}

void reclaim_keep(struct engine *e, struct slice *s)
{
	const struct mech *m = goal_mech(e, s->mech);
	if (reclaim_has_rule(e, s))
		reason_set(s->reason, sizeof(s->reason), "kept for uid %u: after-use: same-tenant",
			   s->last_uid);
	else if (m && m->proof(e->have, s) == PROOF_SOFT_RESET)
		reason_set(s->reason, sizeof(s->reason), "its memory may hold data of uid %u",
			   s->last_uid);
	else
		reason_set(s->reason, sizeof(s->reason), "it holds data of uid %u", s->last_uid);
}

/* --- where it goes then ------------------------------------------------------------------------------ */

/* A VF or mdev that is gone took its state with it, unless that state is on a disk. */
bool reclaim_destroyed_is_clean(const struct engine *e, const struct slice *s)
{
	const struct function *f = have_device(e->have, s->device);
	if (s->alone)
		return true;
	return s->index >= 0 && f && !pci_class_is(f->class, PCI_BASE_STORAGE);
}

static void prove(struct engine *e, struct slice *s, bool found)
{
	if (!s->dirty)
		return;
	bool clean = found ? reclaim_proof(e, s) == PROOF_PROCESS
			   : reclaim_destroyed_is_clean(e, s) && !reclaim_has_rule(e, s);
	if (clean)
		s->dirty = 0;
}

static bool is_proven(struct engine *e, const struct slice *s, bool found)
{
	if (!s->dirty || !goal_mech(e, s->mech))
		return true;
	/* Gone, and it may come back with what it holds: it is reclaimed then. */
	if (!found)
		return true;
	return reclaim_proof(e, s) == PROOF_KEPT;
}

static enum slice_state place_of(struct engine *e, const struct slice *s, bool found)
{
	if (goal_wanted(e, s))
		return SLICE_WANTED;
	/* What nobody wants any more: by the rule of the device's new layout, or of the policy. */
	bool destroy = store_want(e, s->device) ||
		       (e->policy && e->policy->on_remove == ON_REMOVE_DESTROY);
	return destroy || s->on_demand || !found ? SLICE_REMOVING : SLICE_READY;
}

static void claim_over(struct engine *e, const char *name)
{
	const struct claim *c = store_claim(e, name);
	if (!c)
		return;
	struct claim copy = *c;
	event_claim(e, "claim.released", c, NULL);
	store_claim_delete(e, name);
	answer_waiters(e, WAIT_RELEASE, name, &copy, NULL, NULL);
	e->sync = true;
	if (parts_over(e, &copy))
		claim_over(e, copy.whole);
}

static void no_proof(struct engine *e, const struct slice *s)
{
	_cleanup_err_ struct err err = { 0 };
	char name[SYS_PATH_SIZE];
	if (slice_name(s, name, sizeof(name)) < 0)
		(void)STR_COPY(name, s->device);
	if (rule_of(e, s) == AFTER_USE_QUARANTINE) {
		err_set(&err, "reclaim.rule", EPERM, "%s waits for an administrator", name);
		err_because(&err, "uid %u used it, and the policy says after-use: quarantine (%s)",
			    s->last_uid, store_want(e, s->device)->where);
	} else {
		err_set(&err, "reclaim.no-proof", EPERM,
			"cannot prove that nothing of uid %u is left in %s", s->last_uid, name);
		err_because(&err,
			    "the function offers no reset of its own that could be read back");
	}
	err_on(&err, "%s", name);
	err_todo(&err, "when you know that it is clean: carve quarantine clear %s --reason WHY",
		 name);
	reclaim_quarantine(e, s->id, &err);
}

void reclaim_settle(struct engine *e, uint64_t id)
{
	bool found;
	char claim[NAME_SIZE];
	struct slice *s = store_slice_edit(e, id);
	if (!s)
		return;
	(void)goal_find(e, s, &found);
	prove(e, s, found);
	if (!is_proven(e, s, found)) {
		no_proof(e, s);
		return;
	}
	memcpy(claim, s->claim, sizeof(claim));
	if (claim[0])
		claim_over(e, claim);
	s->claim[0] = '\0';
	s->has_original = s->has_original && found && goal_wanted(e, s) &&
			  (store_want(e, s->device)->bind_early || reclaim_stays_away(e, s));
	if (!s->has_original)
		slice_forget_original(s);
	s->state = place_of(e, s, found);
	if (!s->failed)
		s->reason[0] = '\0';
	if (s->state == SLICE_READY && s->dirty)
		reclaim_keep(e, s);
	state_slice_forget(e, id);
}

void reclaim_quarantine(struct engine *e, uint64_t id, const struct err *why)
{
	struct slice *s = store_slice_edit(e, id);
	if (!s)
		return;
	const struct device_state *d = state_device(e, s->device);
	char claim[NAME_SIZE];
	memcpy(claim, s->claim, sizeof(claim));
	s->state = SLICE_QUARANTINED;
	s->claim[0] = '\0';
	reason_set(s->reason, sizeof(s->reason), "%s%s%s%s", d && d->stuck[0] ? "timeout: " : "",
		   why->what ? why->what : "it failed", why->because ? ": " : "",
		   why->because ? why->because : "");
	event_slice(e, "slice.quarantined", s, s->reason);
	state_slice_forget(e, id);
	const struct claim *c = claim[0] ? store_claim(e, claim) : NULL;
	if (!c)
		return;
	struct claim copy = *c;
	struct slice slice = *s;
	_cleanup_err_ struct err err = { 0 };
	err_copy(&err, why);
	err_state_add(&err, copy.whole[0] ? "that slice is quarantined, and nobody gets it; the "
					    "other parts of the claim are taken back"
					  : "the claim has ended; its slice is quarantined, and "
					    "nobody gets it");
	err.partial = true;
	store_claim_delete(e, claim);
	answer_waiters(e, WAIT_RELEASE, claim_whole(&copy), &copy, &slice, &err);
	e->sync = true;
	if (parts_over(e, &copy))
		claim_over(e, copy.whole);
}

/* --- by hand -------------------------------------------------------------------------------------------- */

bool reclaim_is_named(const struct slice *s, const char *name)
{
	char full[SYS_PATH_SIZE];
	return str_eq(s->device, name) ||
	       (slice_name(s, full, sizeof(full)) == 0 && str_eq(full, name));
}

bool reclaim_need_manage(struct engine *e, const struct request *rq, const char *what)
{
	if (rq->who.manage)
		return true;
	_cleanup_err_ struct err err = { 0 };
	err_set(&err, "engine.denied", EPERM, "not allowed to %s", what);
	err_because(&err, "that takes root or a member of group carve-admin");
	err_state(&err, "nothing was changed");
	answer_failed(e, rq->token, &err);
	return false;
}

static void clear_slice(struct engine *e, const struct slice *found, const char *reason)
{
	struct slice *s = store_slice_edit(e, found->id);
	if (!s)
		return;
	/* Whoever clears it answers for it: that is the proof. */
	s->dirty = 0;
	event_slice(e, "quarantine.cleared", s, reason);
	reclaim_begin(e, s);
	struct device_state *d = state_device(e, s->device);
	if (d)
		state_device_unblock(d);
}

void reclaim_clear(struct engine *e, const struct request *rq)
{
	size_t n = 0;
	if (!reclaim_need_manage(e, rq, "clear a quarantine"))
		return;
	for (size_t i = 0; i < e->rec.n_slices; i++) {
		const struct slice *s = &e->rec.slices[i];
		/* Kept for the account whose data it holds: whoever clears it has wiped it. */
		bool kept = (s->state == SLICE_LOST || s->state == SLICE_READY) && s->dirty &&
			    !s->claim[0];
		if ((s->state != SLICE_QUARANTINED && !kept) || !reclaim_is_named(s, rq->name))
			continue;
		clear_slice(e, s, rq->reason);
		n++;
	}
	if (n > 0) {
		e->sync = true;
		answer_add(e, rq->token, ANSWER_DONE);
		return;
	}
	_cleanup_err_ struct err err = { 0 };
	err_set(&err, "quarantine.none", ENOENT, "nothing named %s is quarantined", rq->name);
	err_on(&err, "%s", rq->name);
	err_state(&err, "nothing was changed");
	err_todo(&err, "carve quarantine list shows the names");
	answer_failed(e, rq->token, &err);
}

static bool retry_slice(struct engine *e, const struct slice *s)
{
	struct slice_state_volatile *v;
	if (s->state == SLICE_RECLAIMING || s->state == SLICE_REMOVING) {
		v = state_slice(e, s->id);
		if (!v)
			return false;
		v->retry_at = 0;
		v->backoff_ms = 0;
		if (v->check == CHECK_HELD)
			v->check = CHECK_NONE;
		return true;
	}
	struct slice *edit = s->state == SLICE_QUARANTINED ? store_slice_edit(e, s->id) : NULL;
	if (edit)
		reclaim_begin(e, edit);
	return edit != NULL;
}

static bool is_claimed_by(struct engine *e, const struct slice *s, const char *claim)
{
	const struct claim *c = s->claim[0] ? store_claim(e, s->claim) : NULL;
	return c && (str_eq(c->name, claim) || str_eq(c->whole, claim));
}

void reclaim_retry(struct engine *e, const struct request *rq)
{
	int tried = 0;
	if (!reclaim_need_manage(e, rq, "retry a reclaim"))
		return;
	for (size_t i = 0; i < e->rec.n_slices; i++) {
		const struct slice *s = &e->rec.slices[i];
		if (!rq->name[0] || is_claimed_by(e, s, rq->name) || reclaim_is_named(s, rq->name))
			tried += retry_slice(e, s);
	}
	struct answer *a = answer_add(e, rq->token, ANSWER_DONE);
	if (a)
		a->report = json_pack("{s:i}", "tried", tried);
}
