/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * VFIO as far as files show it: the node of a group while a member is driven by VFIO, vfio-dev, and who
 * has them open (drivers/vfio/group.c, vfio_main.c of Linux 6.12). No program can open a simulated
 * node; holders say what they hold (control.h), and the kernel's waits follow from that.
 */
#include <errno.h>
#include <sys/sysmacros.h>

#include "base/num.h"
#include "sim/machine.h"

#define GROUP_MAJOR 242 /* dynamic; as seen in the lab */
#define CDEV_MAJOR 511

/* The lowest number that is not taken. */
static unsigned lowest_free(const bool taken[GROUPS_MAX])
{
	unsigned number = 0;
	while (number < GROUPS_MAX - 1 && taken[number])
		number++;
	return number;
}

static unsigned minor_free(const struct machine *m)
{
	bool taken[GROUPS_MAX] = { false };
	for (const struct group *g = m->groups; g; g = g->next)
		if (g->has_node)
			taken[g->minor] = true;
	return lowest_free(taken);
}

static void number_text(unsigned number, char ret[16])
{
	(void)str_format(ret, 16, "%u", number);
}

static void group_node_make(struct machine *m, struct group *g)
{
	char name[16], text[64];
	number_text(g->id, name);
	g->minor = minor_free(m);
	g->has_node = true;
	struct node *dir = node_dir(m->tree, node_path(m->tree, m->devices, "virtual/vfio"), name);
	node_text(m->tree, dir, "dev", "%u:%u", GROUP_MAJOR, g->minor);
	(void)STR_FORMAT(text, "MAJOR=%u\nMINOR=%u\nDEVNAME=vfio/%s", GROUP_MAJOR, g->minor, name);
	node_text(m->tree, dir, "uevent", "%s", text);
	node_link(m->tree, node_dir(m->tree, m->class, "vfio"), name, dir);
	char number[32];
	(void)STR_FORMAT(number, "%u:%u", GROUP_MAJOR, g->minor);
	node_link(m->tree, node_path(m->tree, m->sys, "dev/char"), number, dir);
	node_char(m->tree, node_dir(m->tree, m->dev, "vfio"), name, 0600,
		  makedev(GROUP_MAJOR, g->minor));
	uevent(m, dir, "add", "vfio", text);
}

static void group_node_drop(struct machine *m, struct group *g)
{
	char name[16], number[32];
	number_text(g->id, name);
	(void)STR_FORMAT(number, "%u:%u", GROUP_MAJOR, g->minor);
	g->has_node = false;
	struct node *dir = node_dir(m->tree, node_path(m->tree, m->devices, "virtual/vfio"), name);
	uevent(m, dir, "remove", "vfio", NULL);
	node_remove_name(m->tree, node_dir(m->tree, m->class, "vfio"), name);
	node_remove_name(m->tree, node_path(m->tree, m->sys, "dev/char"), number);
	node_remove_name(m->tree, node_dir(m->tree, m->dev, "vfio"), name);
	node_remove(m->tree, dir);
}

static unsigned number_free(const struct machine *m)
{
	bool taken[GROUPS_MAX] = { false };
	for (const struct vfio_device *v = m->vfio_devices; v; v = v->next)
		taken[v->number] = true;
	return lowest_free(taken);
}

static void cdev_make(struct machine *m, struct vfio_device *v, const char *name)
{
	if (!m->host->iommufd)
		return;
	char number[32];
	(void)STR_FORMAT(number, "%u:%u", CDEV_MAJOR, v->number);
	node_text(m->tree, v->dir, "dev", "%s", number);
	node_link(m->tree, node_path(m->tree, m->sys, "dev/char"), number, v->dir);
	node_char(m->tree, node_path(m->tree, m->dev, "vfio/devices"), name, 0600,
		  makedev(CDEV_MAJOR, v->number));
}

static void cdev_drop(struct machine *m, const struct vfio_device *v, const char *name)
{
	char number[32];
	if (!m->host->iommufd)
		return;
	(void)STR_FORMAT(number, "%u:%u", CDEV_MAJOR, v->number);
	node_remove_name(m->tree, node_path(m->tree, m->sys, "dev/char"), number);
	node_remove_name(m->tree, node_path(m->tree, m->dev, "vfio/devices"), name);
}

int vfio_register(struct device *d)
{
	struct machine *m = d->machine;
	char name[32];
	if (!d->group)
		return -EINVAL;
	struct vfio_device *v = machine_object(m, sizeof(*v));
	v->dev = d;
	v->number = number_free(m);
	v->next = m->vfio_devices;
	m->vfio_devices = v;
	d->vfio = v;
	(void)STR_FORMAT(name, "vfio%u", v->number);
	v->dir = node_dir(m->tree, node_dir(m->tree, d->dir, "vfio-dev"), name);
	node_text(m->tree, v->dir, "uevent", "DEVNAME=vfio/devices/%s", name);
	node_link(m->tree, node_dir(m->tree, m->class, "vfio-dev"), name, v->dir);
	if (d->group->vfio_members++ == 0)
		group_node_make(m, d->group);
	cdev_make(m, v, name);
	uevent(m, v->dir, "add", "vfio-dev", NULL);
	return 0;
}

int vfio_unregister(struct device *d)
{
	struct machine *m = d->machine;
	struct vfio_device *v = d->vfio, **at = &m->vfio_devices;
	char name[32];
	v->leaving = true;
	(void)STR_FORMAT(name, "vfio%u", v->number);
	uevent(m, v->dir, "remove", "vfio-dev", NULL);
	cdev_drop(m, v, name);
	node_remove_name(m->tree, node_dir(m->tree, m->class, "vfio-dev"), name);
	node_remove(m->tree, node_dir(m->tree, d->dir, "vfio-dev"));
	while (v->users) {
		int r = machine_wait(m);
		if (r < 0)
			return r;
	}
	if (--d->group->vfio_members == 0)
		group_node_drop(m, d->group);
	while (*at && *at != v)
		at = &(*at)->next;
	if (*at)
		*at = v->next;
	machine_retire(m, v);
	d->vfio = NULL;
	return 0;
}

/* --- holders --------------------------------------------------------------------------------- */

static struct vfio_device *by_group(const struct machine *m, unsigned id)
{
	struct vfio_device *v = m->vfio_devices;
	while (v && !(v->dev->group && v->dev->group->id == id))
		v = v->next;
	return v;
}

static struct vfio_device *by_number(const struct machine *m, unsigned number)
{
	struct vfio_device *v = m->vfio_devices;
	while (v && v->number != number)
		v = v->next;
	return v;
}

int vfio_node(const struct device *d, char *ret, size_t size)
{
	if (!d->vfio)
		return -ENODEV;
	return d->machine->host->iommufd
		       ? str_format(ret, size, "vfio/devices/vfio%u", d->vfio->number)
		       : str_format(ret, size, "vfio/%u", d->group->id);
}

struct device *vfio_find(const struct machine *m, const char *node)
{
	const char *cdev = str_after(node, "vfio/devices/vfio"), *group = str_after(node, "vfio/");
	uint32_t number;
	if (num_parse_u32(cdev ? cdev : group ? group : "", 10, &number) < 0)
		return NULL;
	struct vfio_device *v = cdev ? by_number(m, number) : by_group(m, number);
	return v ? v->dev : NULL;
}

/* No member may have, or be getting, a driver that uses the memory of all
 * (iommu_group_claim_dma_owner(), drivers/iommu/iommu.c). */
static bool is_viable(const struct device *d)
{
	for (const struct pci *f = d->machine->functions; f; f = f->next)
		if (f->dev.group == d->group && f->uses_dma)
			return false;
	return true;
}

/* A group opens once (vfio_group_fops_open()). */
int vfio_open(struct device *d)
{
	if (!d->vfio || d->vfio->leaving)
		return -ENODEV;
	if (d->group->opened)
		return -EBUSY;
	if (!is_viable(d))
		return -EPERM;
	d->group->opened = 1;
	d->vfio->users = 1;
	return 0;
}

void vfio_close(struct device *d)
{
	if (d->group)
		d->group->opened = 0;
	if (d->vfio)
		d->vfio->users = 0;
	machine_wake(d->machine);
}

void vfio_init(struct machine *m)
{
	struct node *dir = node_dir(m->tree, m->dev, "vfio");
	node_char(m->tree, dir, "vfio", 0666, makedev(10, 196));
	if (m->host->iommufd)
		node_char(m->tree, m->dev, "iommu", 0660, makedev(10, 197));
	node_dir(m->tree, m->class, "vfio");
	node_path(m->tree, m->sys, "dev/char");
	node_path(m->tree, m->sys, "dev/block");
}
