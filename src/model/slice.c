/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Names of slices and claims. See model/slice.h. */
#include "model/slice.h"

#include "base/str.h"

const char *slice_state_name(enum slice_state s)
{
	static const char *const names[] = {
		[SLICE_WANTED] = "wanted",
		[SLICE_READY] = "ready",
		[SLICE_PREPARING] = "preparing",
		[SLICE_HELD] = "held",
		[SLICE_RECLAIMING] = "reclaiming",
		[SLICE_QUARANTINED] = "quarantined",
		[SLICE_LOST] = "lost",
		[SLICE_REMOVING] = "removing",
	};
	return (unsigned)s < sizeof(names) / sizeof(*names) ? names[s] : "unknown";
}

const char *claim_state_name(enum claim_state s)
{
	static const char *const names[] = {
		[CLAIM_PREPARING] = "preparing", [CLAIM_HELD] = "held",
		[CLAIM_RELEASING] = "releasing", [CLAIM_FAILED] = "failed",
		[CLAIM_BROKEN] = "broken",
	};
	return (unsigned)s < sizeof(names) / sizeof(*names) ? names[s] : "unknown";
}

void slice_forget_original(struct slice *s)
{
	s->has_original = 0;
	s->original_driver[0] = '\0';
	s->original_netdevs[0] = '\0';
}

uint32_t want_shares(const struct want *w, const char *type)
{
	for (uint32_t i = 0; i < w->n_types; i++)
		if (str_eq(w->types[i], type))
			return w->share[i];
	return 0;
}

bool want_has_ids_of(const struct want *w, const struct function *f)
{
	return f->vendor == w->vendor && f->device == w->device_id;
}

bool want_has_serial_of(const struct want *w, const struct function *f)
{
	return !w->has_serial || !f->caps.known ||
	       (f->caps.has_serial && f->caps.serial == w->serial);
}

int slice_name(const struct slice *s, char *ret, size_t size)
{
	if (s->index >= 0)
		return str_format(ret, size, "%s/%s/vf%d", s->mech, s->device, s->index);
	if (s->uuid[0])
		return str_format(ret, size, "%s/%s/%s", s->mech, s->device, s->uuid);
	if (slice_is_part(s) && s->share)
		return str_format(ret, size, "%s/%s/%u/%u", s->mech, s->device, s->start, s->share);
	if (slice_is_part(s))
		return str_format(ret, size, "%s/%s/%u", s->mech, s->device, s->start);
	return str_format(ret, size, "%s/%s", s->mech, s->device);
}

bool slice_is_mate(const struct slice *a, const struct slice *b)
{
	return a->share && b->share && a->start == b->start && str_eq(a->device, b->device) &&
	       str_eq(a->mech, b->mech) && str_eq(a->profile, b->profile);
}

struct target slice_target(const struct slice *s)
{
	struct target t = { .vf = s->index, .part = slice_is_part(s) ? s->start + 1 : 0 };
	memcpy(t.device, s->device, sizeof(t.device));
	memcpy(t.uuid, s->uuid, sizeof(t.uuid));
	return t;
}

int64_t lease_ends(const struct lease *l)
{
	return l->since && l->max ? l->since + l->max : 0;
}

int64_t lease_idle_ends(const struct lease *l)
{
	return l->since && l->idle ? l->used + l->idle : 0;
}

bool slice_has_part(const struct have *h, const struct slice *s, const struct gpu_part *p)
{
	if (!s->alone || s->start != p->start || !str_eq(s->device, p->key))
		return false;
	if (str_eq(s->mech, "mig"))
		return true;
	const struct vgpu_type *t =
		str_eq(s->mech, "vgpu") ? have_vgpu_type(h, s->device, s->profile) : NULL;
	if (!t || t->profile != p->profile)
		return false;
	return s->known_as[0] ? str_eq(s->known_as, p->uuid) : s->asked & ASKED_PART;
}
