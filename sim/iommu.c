/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * IOMMU groups: what hardware cannot keep apart is one group. pci_device_group() of
 * drivers/iommu/iommu.c and pci_acs_enabled() of drivers/pci/pci.c, Linux 6.12; the shapes in
 * tests/lab/topologies were compared. Numbers are the lowest free ones and are used again.
 */
#include <errno.h>

#include "sim/machine.h"

static int show_type(struct node *n, struct str_buf *out)
{
	const struct group *g = n->owner;
	str_buf_addf(out, "%s\n", g->mdev ? "unknown" : "DMA");
	return 0;
}
static const struct file_ops ops_type = { .show = show_type };

static struct group *group_make(struct machine *m, unsigned id)
{
	struct group *g = machine_object(m, sizeof(*g));
	char name[16];
	g->id = id;
	m->group_ids[id] = true;
	g->next = m->groups;
	m->groups = g;
	(void)STR_FORMAT(name, "%u", g->id);
	g->dir = node_dir(m->tree, node_path(m->tree, m->sys, "kernel/iommu_groups"), name);
	node_dir(m->tree, g->dir, "devices");
	node_file(m->tree, g->dir, "type", 0644, &ops_type, g);
	node_text(m->tree, g->dir, "reserved_regions", "0x00000000fee00000 0x00000000feefffff msi");
	return g;
}

struct group *group_new(struct machine *m)
{
	unsigned id = m->shift;
	while (id < GROUPS_MAX - 1 && m->group_ids[id])
		id++;
	return group_make(m, id);
}

void group_add(struct group *g, struct device *d)
{
	struct machine *m = d->machine;
	d->group = g;
	g->members++;
	node_link(m->tree, d->dir, "iommu_group", g->dir);
	node_link(m->tree, node_dir(m->tree, g->dir, "devices"), d->name, d->dir);
}

void group_leave(struct device *d)
{
	struct machine *m = d->machine;
	struct group *g = d->group, **at = &m->groups;
	if (!g)
		return;
	node_remove_name(m->tree, node_dir(m->tree, g->dir, "devices"), d->name);
	node_remove_name(m->tree, d->dir, "iommu_group");
	d->group = NULL;
	if (--g->members)
		return;
	node_remove(m->tree, g->dir);
	m->group_ids[g->id] = false;
	while (*at && *at != g)
		at = &(*at)->next;
	if (*at)
		*at = g->next;
	machine_retire(m, g);
}

/* --- who belongs to whom ---------------------------------------------------------------------- */

/* Ports isolate by ACS; a single function cannot reach its neighbour; a bridge to PCI hides who asks. */
static bool acs_enabled(const struct pci *f)
{
	bool override = f->dev.machine->host->acs_override;
	switch ((enum host_port)f->model->port) {
	case HOST_PORT_ROOT:
	case HOST_PORT_DOWNSTREAM:
		return override || f->model->acs;
	case HOST_PORT_ENDPOINT:
	case HOST_PORT_INTEGRATED:
	case HOST_PORT_UPSTREAM:
		return override || !f->multifunction || f->model->acs;
	case HOST_PORT_PCI_BRIDGE:
	case HOST_PORT_LEGACY:
		break;
	}
	return false;
}

static bool acs_path_enabled(const struct pci *from)
{
	for (; from; from = from->bridge)
		if (!acs_enabled(from))
			return false;
	return true;
}

/* Functions of the same slot that nothing keeps apart, on the same bus. */
static struct group *slot_group(const struct pci *f)
{
	if (acs_enabled(f))
		return NULL;
	for (struct pci *o = f->dev.machine->functions; o; o = o->next)
		if (o != f && o->domain == f->domain && o->bus == f->bus &&
		    o->devfn >> 3 == f->devfn >> 3 && o->dev.group && !acs_enabled(o))
			return o->dev.group;
	return NULL;
}

/* The last bridge on the way up that turns PCI into PCI Express speaks for all behind it. */
static struct pci *dma_alias(struct pci *f)
{
	struct pci *alias = f;
	for (struct pci *b = f->bridge; b; b = b->bridge)
		if (b->model->port == HOST_PORT_PCI_BRIDGE)
			alias = b;
	return alias;
}

static struct group *group_for(struct pci *f)
{
	struct machine *m = f->dev.machine;
	struct pci *at = dma_alias(f);
	if (at != f && at->dev.group)
		return at->dev.group;
	for (struct pci *b = at->bridge; b && !acs_path_enabled(b); b = b->bridge) {
		at = b;
		if (b->dev.group)
			return b->dev.group;
	}
	struct group *g = slot_group(at);
	return g ? g : group_new(m);
}

static struct group *captured_group(struct machine *m, unsigned id)
{
	for (struct group *g = m->groups; g; g = g->next)
		if (g->id == id)
			return g;
	return group_make(m, id);
}

void group_join(struct pci *f)
{
	struct machine *m = f->dev.machine;
	if (m->host->iommu == HOST_IOMMU_NONE)
		return;
	bool captured = f->slot && f->slot->group >= 0;
	group_add(captured ? captured_group(m, (unsigned)f->slot->group) : group_for(f), &f->dev);
}
