/* SPDX-License-Identifier: GPL-2.0-or-later */
/* GPUs of the machine: an A100's memory slices, whose instances have another UUID each time they are made. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/str.h"
#include "engine/machine.h"

/* nvidia-smi mig -lgipp of an A100 40 GB. */
static const struct {
	const char *name;
	uint32_t id, slices, size, most;
	uint64_t starts;
} profiles[] = {
	{ "1g.5gb", 19, 1, 1, 7, 0x7f },  { "1g.10gb", 15, 1, 2, 4, 0x55 },
	{ "2g.10gb", 14, 2, 2, 3, 0x15 }, { "3g.20gb", 9, 3, 4, 2, 0x11 },
	{ "4g.20gb", 5, 4, 4, 1, 0x01 },  { "7g.40gb", 0, 7, 8, 1, 0x01 },
};

void machine_add_gpu(struct machine *m, const char *key)
{
	machine_add_function(m, key, 0x030200, "nvidia", true, true);
	struct gpu *g = have_add_gpu(&m->have);
	(void)STR_COPY(g->key, key);
	(void)STR_COPY(g->name, "NVIDIA A100-SXM4-40GB");
	(void)STR_COPY(g->uuid, "GPU-01234567-89ab-cdef-0123-456789abcdef");
	g->memory = 40960;
	g->seen = GPU_SEEN;
	g->mig_capable = 1;
	for (size_t i = 0; i < sizeof(profiles) / sizeof(*profiles); i++) {
		struct gpu_profile *p = have_add_gpu_profile(&m->have);
		(void)STR_COPY(p->key, key);
		(void)STR_COPY(p->name, profiles[i].name);
		p->id = profiles[i].id;
		p->slices = profiles[i].slices;
		p->size = profiles[i].size;
		p->starts = profiles[i].starts;
		p->most = profiles[i].most;
		p->memory = profiles[i].size * 4864;
	}
}

static bool overlaps(const struct machine *m, const char *key, uint32_t start, uint32_t size)
{
	for (size_t i = 0; i < m->have.n_gpu_parts; i++) {
		const struct gpu_part *p = &m->have.gpu_parts[i];
		if (str_eq(p->key, key) && p->start < start + size && start < p->start + p->size)
			return true;
	}
	return false;
}

/* The lowest id that no instance of that GPU has. */
static uint32_t id_free(const struct machine *m, const char *key)
{
	for (uint32_t id = 1;; id++) {
		bool taken = false;
		for (size_t i = 0; i < m->have.n_gpu_parts; i++)
			taken = taken || (m->have.gpu_parts[i].instance == id &&
					  str_eq(m->have.gpu_parts[i].key, key));
		if (!taken)
			return id;
	}
}

int machine_part_create(struct machine *m, const char *key, const char *profile, uint32_t start,
			bool whole)
{
	const struct gpu *g = have_gpu(&m->have, key);
	const struct gpu_profile *found = have_gpu_profile(&m->have, key, profile);
	if (!g || !g->mig || !found || !(found->starts >> start & 1))
		return -EINVAL;
	const struct gpu_profile p = *found;
	if (overlaps(m, key, start, p.size))
		return -ENOSPC;
	uint32_t id = id_free(m, key);
	struct gpu_part *part = have_add_gpu_part(&m->have);
	memcpy(part->key, p.key, sizeof(part->key));
	part->instance = id;
	part->profile = p.id;
	part->start = start;
	part->size = p.size;
	part->n_computes = part->compute_whole = whole;
	if (whole)
		(void)STR_FORMAT(part->uuid, "MIG-%08u-0000-4000-8000-000000000000", ++m->n_parts);
	return 1;
}

int machine_part_destroy(struct machine *m, const char *key, uint32_t start)
{
	if (!have_gpu_part(&m->have, key, start))
		return 0;
	have_remove_gpu_part(&m->have, key, start);
	struct target t = { .vf = -1, .part = start + 1 };
	(void)STR_COPY(t.device, key);
	machine_residue_clear(m, &t);
	return 1;
}

void machine_parts_lose(struct machine *m, const char *key)
{
	for (size_t i = m->have.n_gpu_parts; i > 0; i--) {
		const struct gpu_part p = m->have.gpu_parts[i - 1];
		struct target t = { .vf = -1, .part = p.start + 1 };
		(void)STR_COPY(t.device, p.key);
		if (!str_eq(p.key, key))
			continue;
		machine_part_disown(m, &t);
		(void)machine_part_destroy(m, key, p.start);
	}
}

void machine_parts_wipe(struct machine *m)
{
	while (m->have.n_gpu_parts > 0) {
		const struct gpu_part p = m->have.gpu_parts[0];
		(void)machine_part_destroy(m, p.key, p.start);
	}
	for (size_t i = 0; i < m->have.n_gpus; i++)
		m->have.gpus[i].mig = m->have.gpus[i].mig_pending = m->have.gpus[i].mps = 0;
	m->n_parts_made = 0;
}

static bool was_made(const struct machine *m, const struct target *t)
{
	for (size_t i = 0; i < m->n_parts_made; i++)
		if (target_eq(&m->parts_made[i], t))
			return true;
	return false;
}

void machine_part_own(struct machine *m, const struct target *t)
{
	if (!was_made(m, t) && m->n_parts_made < MACHINE_DEVICES)
		m->parts_made[m->n_parts_made++] = *t;
}

void machine_part_disown(struct machine *m, const struct target *t)
{
	for (size_t i = m->n_parts_made; i > 0; i--)
		if (target_eq(&m->parts_made[i - 1], t))
			m->parts_made[i - 1] = m->parts_made[--m->n_parts_made];
}

static int gpu_step(struct machine *m, const struct step *s, struct step_result *r)
{
	struct gpu *g = have_gpu(&m->have, s->target.device);
	if (!g || g->seen != GPU_SEEN)
		return -ENODEV;
	uint32_t start = s->target.part - 1;
	if (s->verb == VERB_MIG_MODE) {
		bool was = g->mig;
		const struct function *f = have_device(&m->have, s->target.device);
		if (was != (s->number != 0) && have_vf_count(&m->have, f->addr))
			return -EBUSY;
		g->mig = g->mig_pending = s->number != 0;
		return was != (s->number != 0);
	}
	if (s->verb == VERB_MPS_START || s->verb == VERB_MPS_STOP) {
		struct gpu_part *p =
			s->target.part ? have_gpu_part(&m->have, s->target.device, start) : NULL;
		uint8_t *mps = p ? &p->mps : &g->mps;
		bool was = *mps;
		*mps = s->verb == VERB_MPS_START;
		return was != (s->verb == VERB_MPS_START);
	}
	const struct gpu_part *there = have_gpu_part(&m->have, s->target.device, start);
	if (s->verb == VERB_MIG_DESTROY) {
		if (there && there->instance != s->number)
			return -ESTALE;
		if (there && !was_made(m, &s->target))
			machine_violated(m, "GPU instance %u of %s, which others made, was removed",
					 there->instance, s->target.device);
		machine_part_disown(m, &s->target);
		return machine_part_destroy(m, s->target.device, start);
	}
	const struct gpu_profile *p = have_gpu_profile(&m->have, s->target.device, s->text);
	if (there && p && there->profile == p->id && there->n_computes)
		return 0;
	bool whole = !m->half_made;
	int rc = machine_part_create(m, s->target.device, s->text, start, whole);
	if (rc > 0)
		machine_part_own(m, &s->target);
	there = have_gpu_part(&m->have, s->target.device, start);
	(void)STR_COPY(r->text, rc > 0 && there ? there->uuid : "");
	return rc > 0 && !whole ? -EIO : rc;
}

int machine_gpu_step(struct machine *m, const struct step *s, struct step_result *r)
{
	int rc = gpu_step(m, s, r);
	machine_vgpu_types_show(m, s->target.device);
	return rc;
}
