/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Claims that hold several slices, all or none. Each slice is held by a claim of its own, a part, that
 * names the whole; the whole has no slice itself. People ask for the whole, wait for it, are granted it
 * and release it; steps, looks and failures are of one slice, so they come to a part and are passed on
 * here. A part that fails ends the whole.
 */
#include <errno.h>

#include "engine/internal.h"

const struct claim *parts_next(const struct engine *e, const char *whole, size_t *at)
{
	while (*at < e->rec.n_claims) {
		const struct claim *c = &e->rec.claims[(*at)++];
		if (str_eq(c->whole, whole))
			return c;
	}
	return NULL;
}

bool parts_draw_on(const struct engine *e, const struct policy_class *class, const char *selection)
{
	for (uint32_t i = 0; i < class->n_parts; i++)
		if (policy_class_from(policy_class_find(e->policy, class->parts[i]), selection))
			return true;
	return policy_class_from(class, selection);
}

const struct claim *parts_whole(const struct engine *e, const struct claim *c)
{
	return c->whole[0] ? store_claim((struct engine *)e, c->whole) : c;
}

/* --- how close ------------------------------------------------------------------------------------------ */

uint8_t parts_distance(const struct policy_class *class)
{
	switch (class->near) {
	case NEAR_ROOT_PORT:
		return 0;
	case NEAR_NUMA:
		return 1;
	case NEAR_ANYWHERE:
		break;
	}
	return UINT8_MAX;
}

bool parts_near(const struct engine *e, const struct claim *c, const char *device)
{
	const struct claim *whole = c->whole[0] ? parts_whole(e, c) : NULL, *other;
	const struct policy_class *class = whole ? policy_class_find(e->policy, whole->class)
						 : NULL;
	size_t i = 0;
	while (class && (other = parts_next(e, c->whole, &i))) {
		const struct slice *s = store_slice((struct engine *)e, other->slice);
		if (s && other != c && room_distance(e, device, s->device) > parts_distance(class))
			return false;
	}
	return true;
}

void parts_narrow(const struct engine *e, const struct claim *c, struct rooms *rooms)
{
	for (size_t i = 0; i < rooms->n; i++) {
		struct room *r = &rooms->rooms[i];
		for (size_t k = r->n; k > 0; k--)
			if (!parts_near(e, c, r->wants[k - 1]->device))
				room_remove(r, k - 1);
	}
}

/* --- begin ------------------------------------------------------------------------------------------------ */

static void part_add(struct engine *e, const struct claim *whole, uint32_t number,
		     const struct pick *from)
{
	char name[NAME_SIZE];
	(void)STR_FORMAT(name, "%.*s/%u", (int)PARTS_NAME_MAX, whole->name, number);
	struct claim *c = store_claim_add(e, name);
	if (!c)
		return;
	*c = *whole;
	memcpy(c->name, name, sizeof(c->name));
	memcpy(c->whole, whole->name, sizeof(c->whole));
	memcpy(c->class, from->class, sizeof(c->class));
	c->companion = from->companion;
	/* What is the whole's: when it ends, and that the policy promises it. */
	c->pid = 0;
	c->pid_start = 0;
	c->from_policy = 0;
	c->lease = (struct lease){ 0 };
	c->near[0] = '\0';
	claim_take_slice(e, c, from->slice);
	event_claim(e, "claim.begun", c, NULL);
}

void parts_begin(struct engine *e, const char *name, const struct picks *p)
{
	struct claim *edit = store_claim_edit(e, name);
	if (!edit)
		return;
	edit->reason[0] = '\0';
	const struct claim whole = *edit;
	edit->parts = p->n;
	for (uint32_t i = 0; i < p->n; i++)
		part_add(e, &whole, i + 1, &p->of[i]);
}

/* --- the state of all ------------------------------------------------------------------------------------- */

void parts_break(struct engine *e, const struct claim *part, const char *how)
{
	struct claim *c = part->whole[0] ? store_claim_edit(e, part->whole) : NULL;
	char reason[sizeof(c->reason)];
	if (!c)
		return;
	reason_set(reason, sizeof(reason), "its part %s: %s", part->name, how);
	if (c->state == CLAIM_BROKEN && str_eq(c->reason, reason))
		return;
	c->state = CLAIM_BROKEN;
	memcpy(c->reason, reason, sizeof(c->reason));
	event_claim(e, "claim.broken", c, reason);
}

const struct claim *parts_tell(struct engine *e, const struct claim *part)
{
	const struct claim *other = NULL, *whole = parts_whole(e, part);
	char reason[sizeof(part->reason)] = "";
	size_t i = 0;
	if (!part->whole[0] || !whole)
		return whole;
	while (!reason[0] && (other = parts_next(e, part->whole, &i)))
		if (other->reason[0])
			reason_set(reason, sizeof(reason), "its part %s: %s", other->name,
				   other->reason);
	struct claim *edit = str_eq(whole->reason, reason) ? NULL
							   : store_claim_edit(e, part->whole);
	if (edit)
		memcpy(edit->reason, reason, sizeof(edit->reason));
	return whole;
}

/* --- end ---------------------------------------------------------------------------------------------------- */

void parts_end(struct engine *e, const char *whole, const char *why)
{
	const struct claim *part;
	size_t i = 0;
	while ((part = parts_next(e, whole, &i))) {
		struct claim *c = store_claim_edit(e, part->name);
		struct slice *s = c ? store_slice_edit(e, c->slice) : NULL;
		if (!s)
			return;
		c->state = CLAIM_RELEASING;
		c->reason[0] = '\0';
		reason_set(c->ended, sizeof(c->ended), "%s", why);
		reclaim_begin(e, s);
	}
}

void parts_fail(struct engine *e, const char *whole)
{
	const struct claim *part;
	for (size_t i = 0; (part = parts_next(e, whole, &i)); i = 0) {
		struct slice *s = store_slice_edit(e, part->slice);
		if (s && str_eq(s->claim, part->name)) {
			s->claim[0] = '\0';
			reclaim_begin(e, s);
		}
		store_claim_delete(e, part->name);
		if (e->failed)
			return;
	}
}

bool parts_over(struct engine *e, const struct claim *part)
{
	size_t i = 0;
	if (!part->whole[0])
		return false;
	if (!parts_next(e, part->whole, &i))
		return true;
	(void)parts_tell(e, part);
	return false;
}

/* --- its consumer ------------------------------------------------------------------------------------------- */

static void look(struct engine *e, const struct claim *c)
{
	struct slice_state_volatile *v = c->slice ? state_slice(e, c->slice) : NULL;
	if (!v)
		return;
	v->prompted = true;
	v->unused = false;
	v->retry_at = 0;
	v->backoff_ms = 0;
	if (v->check == CHECK_HELD)
		v->check = CHECK_NONE;
}

void parts_look(struct engine *e, const struct claim *c)
{
	const struct claim *part;
	size_t i = 0;
	if (!c->whole[0] && !c->parts)
		look(e, c);
	while ((c->whole[0] || c->parts) && (part = parts_next(e, claim_whole(c), &i)))
		look(e, part);
}

void parts_used(struct engine *e, const struct claim *c)
{
	const struct slice_state_volatile *used = state_slice(e, c->slice);
	const struct claim *part;
	size_t i = 0;
	if (!c->whole[0] || !used)
		return;
	const int64_t retry_at = used->retry_at;
	const bool prompted = used->prompted;
	while ((part = parts_next(e, c->whole, &i))) {
		struct slice_state_volatile *v = state_slice(e, part->slice);
		if (!v || part == c || !v->unused)
			continue;
		v->unused = false;
		v->prompted = prompted;
		v->retry_at = retry_at;
	}
}

bool parts_unused(struct engine *e, const struct claim *c)
{
	const struct claim *part;
	size_t i = 0;
	if (!c->whole[0])
		return true;
	struct slice_state_volatile *mine = state_slice(e, c->slice);
	if (mine)
		mine->unused = true;
	while ((part = parts_next(e, c->whole, &i))) {
		const struct slice *s = store_slice(e, part->slice);
		const struct slice_state_volatile *v = state_slice(e, part->slice);
		/* Nobody has what is lost. */
		if (s && s->state == SLICE_HELD && (!v || !v->unused))
			return false;
	}
	return true;
}
