/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See class.h. */
#include "sim/class.h"

#define UNITS_MAX 8192

static const struct class_kind *const kinds[] = {
	[CLASS_NET] = &class_net,     [CLASS_NVME] = &class_nvme,
	[CLASS_DRM] = &class_drm,     [CLASS_ACCEL] = &class_accel,
	[CLASS_SOUND] = &class_sound, [CLASS_NVIDIA] = &class_nvidia,
	[CLASS_VGPU] = &class_vgpu,   [CLASS_ATTRIBUTES] = &class_attributes,
};
_Static_assert(sizeof(kinds) / sizeof(*kinds) == CLASS_KINDS, "a row for each kind");

static struct node *numbers_dir(const struct class_device *d)
{
	struct machine *m = d->f->dev.machine;
	return node_path(m->tree, m->sys, d->block ? "dev/block" : "dev/char");
}

struct node *class_device_add(const struct class_device *d, struct node *parent)
{
	struct machine *m = d->f->dev.machine;
	struct node *dir = node_dir(m->tree, parent, d->name);
	char number[32];
	node_link(m->tree, dir, "device", d->f->dev.dir);
	node_link(m->tree, node_dir(m->tree, m->class, d->class), d->name, dir);
	if (!d->major)
		return dir;
	(void)STR_FORMAT(number, "%u:%u", d->major, d->minor);
	node_text(m->tree, dir, "dev", "%s", number);
	node_link(m->tree, numbers_dir(d), number, dir);
	return dir;
}

void class_device_drop(const struct class_device *d)
{
	struct machine *m = d->f->dev.machine;
	char number[32];
	node_remove_name(m->tree, node_dir(m->tree, m->class, d->class), d->name);
	if (!d->major)
		return;
	(void)STR_FORMAT(number, "%u:%u", d->major, d->minor);
	node_remove_name(m->tree, numbers_dir(d), number);
}

unsigned class_unit_free(const struct pci *f, enum class_number kind)
{
	bool taken[UNITS_MAX] = { false };
	unsigned unit = 0;
	for (const struct pci *o = f->dev.machine->functions; o; o = o->next)
		if (o->made & 1u << kind && o->units[kind] < UNITS_MAX)
			taken[o->units[kind]] = true;
	while (unit < UNITS_MAX - 1 && taken[unit])
		unit++;
	return unit;
}

int class_add(struct pci *f)
{
	for (enum class_number i = 0; i < CLASS_KINDS; i++) {
		if (!kinds[i]->is(f))
			continue;
		f->units[i] = class_unit_free(f, i);
		f->made |= 1u << i;
		int r = kinds[i]->add(f, f->units[i]);
		if (r < 0)
			return r;
	}
	return 0;
}

int class_remove(struct pci *f)
{
	for (enum class_number i = 0; i < CLASS_KINDS; i++) {
		if (!(f->made & 1u << i))
			continue;
		int r = kinds[i]->remove(f, f->units[i]);
		if (r < 0)
			return r;
		f->made &= ~(1u << i);
	}
	return 0;
}

void class_nodes(const struct pci *f, struct str_buf *out)
{
	for (enum class_number i = 0; i < CLASS_KINDS; i++)
		if (f->made & 1u << i && kinds[i]->nodes)
			kinds[i]->nodes(f->units[i], out);
}
