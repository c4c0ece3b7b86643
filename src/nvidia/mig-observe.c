/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which GPU instances of the record are there. */
#include "base/str.h"
#include "nvidia/internal.h"

/* What was made again in the same place is another one: its UUID differs. */
static bool is_same(const struct slice *s, const struct gpu_part *p)
{
	return !s->known_as[0] || !p->uuid[0] || str_eq(s->known_as, p->uuid);
}

bool nvidia_unknown(const struct have *h, const struct slice *s)
{
	const struct gpu *g = have_gpu(h, s->device);
	const struct function *f = have_device(h, s->device);
	return f && str_eq(f->driver, "nvidia") && (!g || g->seen != GPU_SEEN);
}

const struct function *mig_find(const struct have *h, const struct slice *s, bool *ret_found)
{
	const struct gpu_part *p = have_gpu_part(h, s->device, s->start);
	const struct gpu_profile *profile = have_gpu_profile(h, s->device, s->profile);
	*ret_found = p && profile && p->profile == profile->id && p->compute_whole && is_same(s, p);
	return NULL;
}

const char *mig_vanished(const struct have *h, const struct slice *s)
{
	const struct gpu *g = have_gpu(h, s->device);
	const struct gpu_part *p = have_gpu_part(h, s->device, s->start);
	if (!g)
		return "the driver was taken from its GPU";
	if (!g->mig)
		return "MIG mode was switched off";
	if (!p)
		return "its GPU instance was removed";
	if (p->n_computes == 0)
		return "its compute instance was removed";
	return "another GPU instance is in its place";
}

/* The driver clears memory before it gives it to another process, and instances end with all that is in them. */
int mig_proof(const struct have *h, const struct slice *s)
{
	(void)h, (void)s;
	return PROOF_DESTROY;
}
