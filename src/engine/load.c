/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Start-up: the record is taken over. Steps that were in flight are unknown, and may still be on their
 * way: nothing is decided on their device until a step that only checks came back behind them. Then they
 * are dropped and what is missing is computed anew; there is no other recovery. After a
 * reboot everything that lived in the machine is gone: wants and claims that outlive it are made
 * true again, with the same slices.
 */
#include <errno.h>
#include <stdlib.h>

#include "engine/internal.h"

static int array_own(void **items, size_t n, size_t size)
{
	size_t room = 1;
	while (room < n)
		room *= 2;
	void *more = reallocarray(*items, room, size);
	if (!more)
		return -ENOMEM;
	*items = more;
	return 0;
}

/* Rooms as the engine's arrays grow: powers of two. */
static int record_own(struct record *r)
{
	if (array_own((void **)&r->slices, r->n_slices, sizeof(*r->slices)) < 0 ||
	    array_own((void **)&r->claims, r->n_claims, sizeof(*r->claims)) < 0 ||
	    array_own((void **)&r->steps, r->n_steps, sizeof(*r->steps)) < 0 ||
	    array_own((void **)&r->notes, r->n_notes, sizeof(*r->notes)) < 0)
		return -ENOMEM;
	return 0;
}

static bool reboot_cleans(const struct engine *e, const struct slice *s)
{
	const struct function *f = e->have ? have_device(e->have, s->device) : NULL;
	if (s->alone)
		return true;
	/* Memory and registers do not outlive it, what is on a disk does. Not seen: not believed. */
	return f && !pci_class_is(f->class, PCI_BASE_STORAGE);
}

static void slice_after_reboot(struct engine *e, uint64_t id)
{
	struct slice *s = store_slice_edit(e, id);
	if (!s)
		return;
	/* What a rule keeps it keeps, unless the claim that has it gets it again. */
	bool again = s->claim[0] && s->state != SLICE_RECLAIMING;
	if (reboot_cleans(e, s) && (again || !reclaim_has_rule(e, s)))
		s->dirty = 0;
	s->unproven = 0;
	s->asked = 0;
	s->known_as[0] = '\0';
	slice_forget_original(s);
	s->power_pinned = SLICE_POWER_OWN;
	if (e->have)
		work_note_original(e, s);
	switch ((enum slice_state)s->state) {
	case SLICE_READY:
	case SLICE_LOST:
		if (s->claim[0]) /* broken before; made anew now */
			s->state = SLICE_PREPARING;
		else if (goal_wanted(e, s))
			s->state = SLICE_WANTED;
		break;
	case SLICE_HELD:
		s->state = SLICE_PREPARING;
		break;
	case SLICE_WANTED:
	case SLICE_PREPARING:
	case SLICE_RECLAIMING:
	case SLICE_REMOVING:
	case SLICE_QUARANTINED:
		break;
	}
}

static bool outlives_reboot(const struct claim *c, const char *before)
{
	if (c->kind == CLAIM_RESERVED)
		return true;
	if (c->pid != 0)
		return false;
	/* Nobody was told that it is his: its client went with that boot. */
	return c->state == CLAIM_HELD || c->state == CLAIM_BROKEN ||
	       (c->state == CLAIM_PREPARING && !str_eq(c->boot_id, before));
}

static void claims_after_reboot(struct engine *e, const char *before)
{
	for (size_t i = e->rec.n_claims; i > 0; i--) {
		struct claim *c = store_claim_edit(e, e->rec.claims[i - 1].name);
		if (!c || c->state == CLAIM_RELEASING)
			continue;
		bool outlives = !c->orphan_end && outlives_reboot(c, before);
		if (!outlives && !orphan_outlives_boot(e, c)) {
			claim_end(e, c, "the host was restarted");
			continue;
		}
		if (c->state == CLAIM_HELD || c->state == CLAIM_BROKEN)
			c->state = CLAIM_PREPARING;
		c->reason[0] = '\0';
	}
}

static void load_after_reboot(struct engine *e, const char *before)
{
	e->sync = true;
	claims_after_reboot(e, before);
	for (size_t i = 0; i < e->rec.n_slices; i++)
		slice_after_reboot(e, e->rec.slices[i].id);
	event_add(e, "host.restarted", "boot", e->rec.boot_id, NULL);
}

/* Claims on their way whose client is gone with the connection: undone. */
static void load_after_restart(struct engine *e)
{
	for (size_t i = e->rec.n_claims; i > 0; i--) {
		const struct claim *c = &e->rec.claims[i - 1];
		if (c->state != CLAIM_PREPARING || c->kind != CLAIM_RUNNING ||
		    !str_eq(c->boot_id, e->rec.boot_id))
			continue;
		struct claim *edit = store_claim_edit(e, c->name);
		if (edit)
			claim_end(e, edit, "carved was restarted before it was granted");
	}
}

int engine_load(struct engine *e, struct record *rec_take, const char *boot_id, struct err *reterr)
{
	if (!boot_id || strlen(boot_id) >= UUID_SIZE)
		return err_set(reterr, "engine.boot-id", EINVAL, "the boot id is not valid");
	record_done(&e->rec);
	e->rec = *rec_take;
	*rec_take = (struct record){ 0 };
	if (record_own(&e->rec) < 0)
		return err_set(reterr, "engine.memory", ENOMEM, "cannot take the record over");
	if (e->rec.next_id == 0)
		e->rec.next_id = 1;
	/* What is left of the last block may have been given out without the ledger knowing. */
	e->id_now = e->rec.next_id;
	e->policy = policy_free(e->policy);
	/* One that this version does not understand is no reason to stay down: claims are refused. */
	_cleanup_err_ struct err ignored = { 0 };
	if (e->rec.policy.text)
		e->policy = policy_parse(e->rec.policy.text, strlen(e->rec.policy.text),
					 e->rec.policy.file ? e->rec.policy.file : "policy",
					 &ignored);
	(void)STR_COPY(e->boot_now, boot_id);
	e->loading = true;
	for (size_t i = 0; i < e->rec.n_wants; i++)
		(void)state_device(e, e->rec.wants[i].device);
	return 0;
}

/* In the first turn with a picture, so that it is committed like any other change. */
void load_finish(struct engine *e)
{
	char before[UUID_SIZE];
	memcpy(before, e->rec.boot_id, sizeof(before));
	bool rebooted = before[0] && !str_eq(before, e->boot_now);
	while (rebooted && e->rec.n_steps > 0)
		store_step_delete(e, e->rec.steps[0].id);
	for (size_t i = 0; i < e->rec.n_steps; i++)
		state_barrier(e, &e->rec.steps[i]);
	if (!str_eq(before, e->boot_now)) {
		memcpy(e->rec.boot_id, e->boot_now, sizeof(e->rec.boot_id));
		e->meta_changed = true;
		e->sync = true;
	}
	if (rebooted)
		load_after_reboot(e, before);
	else
		load_after_restart(e);
}
