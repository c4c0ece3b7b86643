/* SPDX-License-Identifier: GPL-2.0-or-later */
/* GPUs of the machine whose driver makes vGPUs: all VFs at once, one type each, all of one size. */
#include <errno.h>

#include "base/str.h"
#include "engine/machine.h"

#define VFS 8

/* L40S. */
static const struct {
	const char *name;
	uint32_t id, memory, most;
} types[] = {
	{ "L40S-24Q", 1156, 24 * 1024, 2 },
	{ "L40S-24C", 1165, 24 * 1024, 2 },
	{ "L40S-12Q", 1154, 12 * 1024, 4 },
	{ "L40S-6Q", 1152, 6 * 1024, 8 },
};

/* A100: some of those that need a GPU instance, and a time-sliced one. */
static const struct {
	const char *name;
	uint32_t id, memory, most, profile;
} a100_types[] = {
	{ "A100-1-5C", 474, 5 * 1024, 7, 19 },
	{ "A100-1-5Q", 484, 5 * 1024, 7, 19 },
	{ "A100-3-20C", 476, 20 * 1024, 2, 9 },
	{ "A100-10C", 471, 10 * 1024, 4, GPU_NO_PROFILE },
};

/* Of several free ones the driver takes the last: not the one that was made for it, if it can. */
static const struct gpu_part *part_free(const struct machine *m, const struct vgpu_type *t)
{
	const struct gpu_part *found = NULL;
	for (size_t i = 0; i < m->have.n_gpu_parts; i++) {
		const struct gpu_part *p = &m->have.gpu_parts[i];
		bool free = p->profile == t->profile && str_eq(p->key, t->key);
		for (size_t k = 0; free && k < m->have.n_vgpu_vfs; k++)
			free = !m->have.vgpu_vfs[k].type ||
			       !str_eq(m->have.vgpu_vfs[k].key, t->key) ||
			       m->have.vgpu_vfs[k].instance != (int32_t)p->instance;
		found = free ? p : found;
	}
	return found;
}

/* What the driver says of what could be made now. */
static void types_show(struct machine *m, const char *key)
{
	const struct gpu *g = have_gpu(&m->have, key);
	for (size_t i = 0; i < m->have.n_vgpu_types; i++) {
		struct vgpu_type *t = &m->have.vgpu_types[i];
		uint32_t of_size = 0, others = 0;
		if (!str_eq(t->key, key))
			continue;
		for (size_t v = 0; v < m->have.n_vgpu_vfs; v++) {
			const struct vgpu_vf *vf = &m->have.vgpu_vfs[v];
			for (size_t k = 0; k < m->have.n_vgpu_types; k++) {
				const struct vgpu_type *o = &m->have.vgpu_types[k];
				if (!str_eq(vf->key, key) || !str_eq(o->key, key) ||
				    o->id != vf->type)
					continue;
				of_size += o->memory == t->memory;
				others += o->memory != t->memory;
			}
		}
		t->creatable = !g->mig && !others && of_size < t->most;
		if (t->profile != GPU_NO_PROFILE)
			t->creatable = part_free(m, t) != NULL;
	}
}

void machine_add_vgpu(struct machine *m, const char *key)
{
	machine_add_function(m, key, 0x030200, "nvidia", true, true);
	struct function *f = have_device(&m->have, key);
	f->caps.sriov = true;
	f->caps.sriov_total = VFS;
	struct gpu *g = have_add_gpu(&m->have);
	(void)STR_COPY(g->key, key);
	(void)STR_COPY(g->name, "NVIDIA L40S");
	g->seen = GPU_SEEN;
	g->vgpu = 1;
	for (size_t i = 0; i < sizeof(types) / sizeof(*types); i++) {
		struct vgpu_type *t = have_add_vgpu_type(&m->have);
		(void)STR_COPY(t->key, key);
		(void)STR_COPY(t->name, types[i].name);
		t->id = types[i].id;
		t->memory = types[i].memory;
		t->most = types[i].most;
		t->profile = GPU_NO_PROFILE;
	}
	types_show(m, key);
}

void machine_add_vgpu_mig(struct machine *m, const char *key)
{
	machine_add_gpu(m, key);
	struct function *f = have_device(&m->have, key);
	f->caps.sriov = true;
	f->caps.sriov_total = VFS;
	have_gpu(&m->have, key)->vgpu = 1;
	for (size_t i = 0; i < sizeof(a100_types) / sizeof(*a100_types); i++) {
		struct vgpu_type *t = have_add_vgpu_type(&m->have);
		(void)STR_COPY(t->key, key);
		(void)STR_COPY(t->name, a100_types[i].name);
		t->id = a100_types[i].id;
		t->memory = a100_types[i].memory;
		t->most = a100_types[i].most;
		t->profile = a100_types[i].profile;
	}
	types_show(m, key);
}

void machine_vgpu_types_show(struct machine *m, const char *key)
{
	types_show(m, key);
}

static void vfs_forget(struct machine *m, const char *key)
{
	size_t kept = 0;
	for (size_t i = 0; i < m->have.n_vgpu_vfs; i++)
		if (!str_eq(m->have.vgpu_vfs[i].key, key))
			m->have.vgpu_vfs[kept++] = m->have.vgpu_vfs[i];
	m->have.n_vgpu_vfs = kept;
}

static void vf_take(struct machine *m, const char *key, int index)
{
	struct function *f = have_vf(&m->have, have_device(&m->have, key)->addr, index);
	(void)STR_COPY(f->driver, "nvidia");
	f->vfio_node = true;
	f->vfio_mode = 0600;
	struct vgpu_vf *v = have_add_vgpu_vf(&m->have);
	*v = (struct vgpu_vf){ .index = index, .framework = VGPU_VENDOR, .instance = -1 };
	(void)STR_COPY(v->key, key);
}

/* They are no slices by themselves: a mode of the GPU. */
int machine_vgpu_vfs(struct machine *m, const char *key, bool on)
{
	int r = machine_vfs_set(m, key, on ? VFS : 0, false);
	if (r <= 0)
		return r;
	machine_parts_lose(m, key);
	vfs_forget(m, key);
	for (int i = 0; on && i < VFS; i++)
		vf_take(m, key, i);
	types_show(m, key);
	return 1;
}

int machine_vgpu_set(struct machine *m, const struct target *t, uint32_t id)
{
	struct vgpu_vf *v = have_vgpu_vf(&m->have, t->device, t->vf);
	bool creatable = id == 0;
	if (!v)
		return -ENODEV;
	if (v->type == id)
		return 0;
	for (size_t i = 0; i < m->have.n_vgpu_types; i++)
		if (str_eq(m->have.vgpu_types[i].key, t->device) && m->have.vgpu_types[i].id == id)
			creatable = m->have.vgpu_types[i].creatable;
	if ((v->type && id) || !creatable)
		return -EIO;
	v->instance = -1;
	for (size_t i = 0; id && i < m->have.n_vgpu_types; i++) {
		const struct vgpu_type *o = &m->have.vgpu_types[i];
		const struct gpu_part *p = o->id == id && str_eq(o->key, v->key) ? part_free(m, o)
										 : NULL;
		v->instance = p ? (int32_t)p->instance : v->instance;
	}
	v->type = id;
	if (id == 0)
		machine_residue_clear(m, t);
	types_show(m, t->device);
	return 1;
}

int machine_vgpu_step(struct machine *m, const struct step *s, struct step_result *r)
{
	const struct vgpu_vf *v = have_vgpu_vf(&m->have, s->target.device, s->target.vf);
	if (v && s->number && v->type && !(v->type == s->number && s->flag)) {
		(void)STR_COPY(r->reason, "foreign");
		return -EEXIST;
	}
	return machine_vgpu_set(m, &s->target, s->number);
}

void machine_vgpu_ids(struct machine *m, uint32_t by)
{
	for (size_t i = 0; i < m->have.n_vgpu_types; i++)
		m->have.vgpu_types[i].id += by;
}

void machine_vgpus_wipe(struct machine *m)
{
	m->have.n_vgpu_vfs = 0;
	for (size_t i = 0; i < m->have.n_gpus; i++)
		types_show(m, m->have.gpus[i].key);
}
