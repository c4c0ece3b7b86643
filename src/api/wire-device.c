/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Devices on the wire. See wire.h. */
#include "api/wire.h"
#include "base/str.h"

static void add_hex(json_t *o, const char *name, unsigned value)
{
	char text[8];
	if (STR_FORMAT(text, "%04x", value & 0xffff) == 0)
		wire_add_string(o, name, text);
}

static void add_subsystem(json_t *o, const struct function *f)
{
	char text[16];
	bool has = f->subvendor || f->subdevice;
	if (has && STR_FORMAT(text, "%04x:%04x", f->subvendor, f->subdevice) == 0)
		wire_add_string(o, "subsystem", text);
}

static void add_group(json_t *o, const struct have *h, const struct function *f)
{
	if (f->iommu_group < 0)
		return;
	wire_add_int(o, "iommu_group", f->iommu_group);
	wire_add_string(o, "iommu_group_type", f->group_type);
	json_t *members = json_array();
	for (size_t i = 0; i < h->n_functions; i++)
		if (h->functions[i].iommu_group == f->iommu_group)
			json_array_append_new(members, json_string(h->functions[i].addr));
	wire_add(o, "iommu_group_members", members);
}

static void add_caps(json_t *o, const struct have *h, const struct function *f)
{
	const struct pci_caps *c = &f->caps;
	unsigned vfs = have_vf_count(h, f->addr);
	if (vfs > 0 || c->sriov)
		wire_add_int(o, "vfs", vfs);
	if (!c->known)
		return;
	if (c->sriov)
		wire_add_int(o, "vfs_max", c->sriov_total);
	char serial[24];
	if (c->has_serial && STR_FORMAT(serial, "%016llx", (unsigned long long)c->serial) == 0)
		wire_add_string(o, "serial", serial);
}

static json_t *type_pack(const struct mdev_type *t)
{
	json_t *o = json_pack("{s:s, s:s}", "id", t->id, "name", t->name[0] ? t->name : t->id);
	if (t->available_known)
		wire_add_int(o, "available", t->available);
	wire_add_string(o, "description", t->description);
	return o;
}

static void add_types(json_t *o, const struct have *h, const char *key)
{
	json_t *array = json_array();
	for (size_t i = 0; i < h->n_types; i++)
		if (str_eq(h->types[i].parent, key))
			json_array_append_new(array, type_pack(&h->types[i]));
	wire_add(o, "mdev_types", array);
}

static void add_extra(json_t *o, const struct wire_device *x)
{
	wire_add_string(o, "name", x->name);
	wire_add(o, "capabilities", wire_words(x->capabilities));
	wire_add_string(o, "link", x->link);
	wire_add_string(o, "link_max", x->link_max);
	wire_add(o, "reset_methods", wire_words(x->reset));
	wire_add(o, "candidate_drivers", wire_words(x->candidates));
	wire_add(o, "mechanisms", wire_words(x->mechanisms));
	wire_add(o, "labels", wire_words(x->labels));
	wire_add_string(o, "selection", x->selection);
	wire_add_string(o, "divided_by", x->divided_by);
	if (x->bind_early)
		wire_add_bool(o, "bind_early", true);
	wire_add_string(o, "companion_of", x->companion_of);
	wire_add_string(o, "stuck", x->stuck);
	if (x->drained)
		wire_add_bool(o, "drained", true);
	wire_add_string(o, "drained_reason", x->drained_reason);
	wire_add_string(o, "mismatch", x->mismatch);
	wire_add_bool(o, "enrolled", x->enrolled);
	wire_add_bool(o, "boot_display", x->boot_display);
}

static void add_family(json_t *o, const struct function *f)
{
	wire_add_string(o, "parent", f->parent);
	if (!f->is_vf)
		return;
	wire_add_string(o, "pf", f->pf);
	if (f->vf_index >= 0)
		wire_add_int(o, "vf", f->vf_index);
}

json_t *wire_function(const struct have *h, const struct function *f, const struct wire_device *x)
{
	json_t *o = json_pack("{s:s, s:s, s:s}", "key", f->key, "address", f->addr, "class",
			      pci_class_name(f->class));
	add_hex(o, "vendor", f->vendor);
	add_hex(o, "device", f->device);
	add_subsystem(o, f);
	wire_add_string(o, "driver", f->driver);
	if (f->numa_node >= 0)
		wire_add_int(o, "numa", f->numa_node);
	add_group(o, h, f);
	add_family(o, f);
	add_caps(o, h, f);
	wire_add(o, "gpu", wire_gpu(h, f->key));
	if (f->mdev_parent)
		add_types(o, h, f->key);
	add_extra(o, x);
	return o;
}

json_t *wire_parent(const struct have *h, const struct mdev_parent *p, const struct wire_device *x)
{
	json_t *o = json_pack("{s:s, s:s}", "key", p->key, "class", "mdev-parent");
	add_types(o, h, p->key);
	struct wire_device named = *x;
	named.name = p->name;
	add_extra(o, &named);
	return o;
}
