/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a plan changes, as people think of it: each device before and after, and what each step takes with
 * it. What only the executor can see, such as who has a node open, is added by the daemon.
 */
#include "engine/internal.h"

/* --- devices ---------------------------------------------------------------------------------------- */

static void count_mdev(json_t *counts, const char *type)
{
	json_int_t n = json_integer_value(json_object_get(counts, type));
	json_object_set_new(counts, type, json_integer(n + 1));
}

/* vGPUs have names. */
static const char *type_of(const struct have *h, const struct mdev *m)
{
	const struct vgpu_vf *v = have_mdev_vgpu_vf(h, m);
	const struct vgpu_type *t = v ? have_vgpu_type_id(h, v->key, mdev_vgpu_id(m)) : NULL;
	return t ? t->name : m->type;
}

static json_t *mdevs_of(const struct have *h, const char *device)
{
	json_auto_t *counts = json_object();
	json_t *array = json_array(), *n;
	const char *type;
	for (size_t i = 0; i < h->n_mdevs; i++)
		if (str_eq(h->mdevs[i].parent, device))
			count_mdev(counts, type_of(h, &h->mdevs[i]));
	json_object_foreach(counts, type, n)
		json_array_append_new(array, json_pack("{s:s, s:O}", "type", type, "count", n));
	return array;
}

static bool is_parent(const struct have *h, const char *device)
{
	const struct function *f = have_device(h, device);
	return have_parent(h, device) || (f && f->mdev_parent);
}

static json_t *layout_of(const struct have *h, const char *device)
{
	const struct function *f = have_device(h, device);
	json_t *layout = json_object();
	if (f && f->driver[0])
		json_object_set_new(layout, "driver", json_string(f->driver));
	if (f && f->caps.sriov_total)
		json_object_set_new(layout, "vfs", json_integer(have_vf_count(h, f->addr)));
	if (is_parent(h, device))
		json_object_set_new(layout, "mdevs", mdevs_of(h, device));
	return layout;
}

static void add_identity(json_t *o, const struct function *f)
{
	json_object_set_new(o, "address", json_string(f->addr));
	json_object_set_new(o, "id", json_sprintf("%04x:%04x", f->vendor, f->device));
	if (f->caps.has_serial)
		json_object_set_new(o, "serial",
				    json_sprintf("%016llx", (unsigned long long)f->caps.serial));
}

json_t *change_device(const struct have *before, const struct have *after, const char *device,
		      const struct want *want)
{
	const struct function *f = have_device(before, device);
	json_t *o = json_pack("{s:s, s:o, s:o}", "device", device, "before",
			      layout_of(before, device), "after", layout_of(after, device));
	if (f && o)
		add_identity(o, f);
	if (!want || !o)
		return o;
	json_object_set_new(o, "selection", json_string(want->selection));
	json_object_set_new(o, "where", json_string(want->where));
	json_object_set_new(o, "mechanism", json_string(want->mech));
	json_object_set_new(o, "in_use_pf", json_boolean(want->in_use_pf));
	return o;
}

/* --- what goes with a step ---------------------------------------------------------------------------- */

struct blast {
	const struct have *have;
	const struct record *rec;
	json_t *lines;
};

static const char *claim_on(const struct blast *b, const struct target *t)
{
	for (size_t i = 0; i < b->rec->n_slices; i++) {
		struct target here = slice_target(&b->rec->slices[i]);
		if (b->rec->slices[i].claim[0] && target_eq(&here, t))
			return b->rec->slices[i].claim;
	}
	return NULL;
}

static void add_vanishing(struct blast *b, const struct target *t, const char *what,
			  const char *driver)
{
	const char *claim = claim_on(b, t);
	json_array_append_new(b->lines, json_sprintf("%s vanishes%s%s%s%s", what,
						     driver[0] ? ", bound to " : "", driver,
						     claim ? "; it is taken from claim " : "",
						     claim ? claim : ""));
}

static void add_vfs(struct blast *b, const struct step *s)
{
	const struct function *f = have_device(b->have, s->target.device);
	for (size_t i = 0; f && i < b->have->n_functions; i++) {
		const struct function *vf = &b->have->functions[i];
		struct target t = s->target;
		char what[PCI_ADDR_SIZE + 32];
		if (!vf->is_vf || !str_eq(vf->pf, f->addr))
			continue;
		t.vf = vf->vf_index;
		(void)STR_FORMAT(what, "VF %d (%s)", vf->vf_index, vf->addr);
		add_vanishing(b, &t, what, vf->driver);
	}
}

/* VFIO takes a group whole: a mate that a driver of the host has keeps it away. */
static void add_mates(struct blast *b, const struct step *s)
{
	const struct function *f = have_device(b->have, s->target.device);
	if (f && s->target.vf >= 0)
		f = have_vf(b->have, f->addr, s->target.vf);
	for (size_t i = 0; f && f->iommu_group >= 0 && i < b->have->n_functions; i++) {
		const struct function *mate = &b->have->functions[i];
		if (mate == f || mate->iommu_group != f->iommu_group ||
		    driver_is_vfio(mate->driver) || driver_leaves_group_alone(mate->driver))
			continue;
		json_array_append_new(b->lines,
				      json_sprintf("%s shares its IOMMU group and has to leave %s",
						   mate->addr, mate->driver));
	}
}

json_t *change_blast(const struct have *h, const struct record *rec, const struct step *s)
{
	struct blast b = { .have = h, .rec = rec, .lines = json_array() };
	char what[UUID_SIZE + 16];
	if (s->verb == VERB_SET_VFS)
		add_vfs(&b, s);
	if (s->verb == VERB_BIND)
		add_mates(&b, s);
	if (s->verb == VERB_MDEV_REMOVE && STR_FORMAT(what, "mdev %s", s->target.uuid) >= 0)
		add_vanishing(&b, &s->target, what, "");
	if (s->verb == VERB_MIG_DESTROY && STR_FORMAT(what, "GPU instance %u", s->number) >= 0)
		add_vanishing(&b, &s->target, what, "");
	return b.lines;
}
