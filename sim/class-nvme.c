/* SPDX-License-Identifier: GPL-2.0-or-later */
/* NVMe controllers and their disks. Major numbers: Documentation/admin-guide/devices.txt. */
#include <errno.h>

#include "sim/class.h"

#define NVME_MAJOR 238 /* dynamic */
#define BLOCK_MAJOR 259
#define DISKS 16  /* of a controller, for minor numbers */
#define MINORS 16 /* of a disk: itself and its partitions */

/* An exclusive open of a disk that a file system or pool has claimed: EBUSY (bd_prepare_to_claim(),
 * block/bdev.c). Here any open of such a disk is one, for FUSE does not tell of O_EXCL (fs/fuse/file.c
 * fuse_send_open()). */
static int open_disk(struct node *n, int flags)
{
	(void)flags;
	return n->number ? -EBUSY : 0;
}

static ssize_t read_nothing(struct node *n, void *buf, size_t size, off_t at)
{
	(void)n;
	(void)at;
	memset(buf, 0, size);
	return (ssize_t)size;
}

static ssize_t write_nothing(struct node *n, const void *buf, size_t size, off_t at)
{
	(void)n;
	(void)buf;
	(void)at;
	return (ssize_t)size;
}

static const struct file_ops ops_disk = { .open = open_disk,
					  .read = read_nothing,
					  .write = write_nothing };

static const struct host_disk *disk_of(const struct pci *f, unsigned i)
{
	return f->slot && i < f->slot->n_disks ? &f->slot->disks[i] : NULL;
}

static unsigned disk_minor(unsigned unit, unsigned i)
{
	return (unit * DISKS + i) * MINORS;
}

static void disk_name(unsigned unit, unsigned i, char ret[NAME_SIZE])
{
	(void)str_format(ret, NAME_SIZE, "nvme%un%u", unit, i + 1);
}

bool class_nvme_disk(const struct pci *f, unsigned i, char ret[NAME_SIZE])
{
	const struct host_disk *d = disk_of(f, i);
	if (!d || !(f->made & 1u << CLASS_NVME))
		return false;
	return str_format(ret, NAME_SIZE, "nvme%un%u%s", f->units[CLASS_NVME], i + 1,
			  d->partitions ? "p1" : "") == 0;
}

static struct class_device block(struct pci *f, const char *name, unsigned minor)
{
	return (struct class_device){ .f = f,
				      .class = "block",
				      .name = name,
				      .major = BLOCK_MAJOR,
				      .minor = minor,
				      .block = true };
}

static void part_add(struct pci *f, struct node *parent, const char *name, unsigned minor,
		     const struct host_disk *d)
{
	struct machine *m = f->dev.machine;
	const struct class_device b = block(f, name, minor);
	struct node *dir = class_device_add(&b, parent);
	struct node *holders = node_dir(m->tree, dir, "holders");
	node_text(m->tree, dir, "size", "%u", 32768);
	node_text(m->tree, dir, "uevent", "MAJOR=%u\nMINOR=%u\nDEVNAME=%s", BLOCK_MAJOR, minor,
		  name);
	if (d && d->part_of[0])
		node_link(m->tree, holders, d->part_of,
			  node_path(m->tree, node_path(m->tree, m->devices, "virtual/block"),
				    d->part_of));
	node_file(m->tree, m->dev, name, 0660, &ops_disk, f)->number = d && d->claimed;
}

static void disk_add(struct pci *f, struct node *controller, unsigned unit, unsigned i)
{
	const struct host_disk *d = disk_of(f, i);
	char name[NAME_SIZE], part[NAME_SIZE + 8];
	unsigned first = disk_minor(unit, i);
	disk_name(unit, i, name);
	part_add(f, controller, name, first, d && !d->partitions ? d : NULL);
	struct node *disk = node_dir(f->dev.machine->tree, controller, name);
	for (unsigned p = 1; d && p <= d->partitions && p < MINORS; p++) {
		(void)STR_FORMAT(part, "%sp%u", name, p);
		part_add(f, disk, part, first + p, d);
	}
}

static struct class_device controller(struct pci *f, unsigned unit, char ret_name[16])
{
	(void)str_format(ret_name, 16, "nvme%u", unit);
	return (struct class_device){
		.f = f, .class = "nvme", .name = ret_name, .major = NVME_MAJOR, .minor = unit
	};
}

static int nvme_add(struct pci *f, unsigned unit)
{
	struct machine *m = f->dev.machine;
	char name[16];
	struct class_device d = controller(f, unit, name);
	struct node *dir = class_device_add(&d, node_dir(m->tree, f->dev.dir, "nvme"));
	node_text(m->tree, dir, "uevent", "MAJOR=%u\nMINOR=%u\nDEVNAME=%s", NVME_MAJOR, unit, name);
	node_text(m->tree, dir, "state", "live");
	node_file(m->tree, m->dev, name, 0600, &nvme_ops, f);
	for (unsigned i = 0; i < f->model->disks && !f->pf; i++)
		disk_add(f, dir, unit, i);
	uevent(m, dir, "add", "nvme", NULL);
	return 0;
}

static void part_drop(struct pci *f, const char *name, unsigned minor)
{
	const struct class_device d = block(f, name, minor);
	class_device_drop(&d);
	node_remove_name(f->dev.machine->tree, f->dev.machine->dev, name);
}

static void disk_drop(struct pci *f, unsigned unit, unsigned i)
{
	const struct host_disk *d = disk_of(f, i);
	char name[NAME_SIZE], part[NAME_SIZE + 8];
	unsigned first = disk_minor(unit, i);
	disk_name(unit, i, name);
	for (unsigned p = 1; d && p <= d->partitions && p < MINORS; p++) {
		(void)STR_FORMAT(part, "%sp%u", name, p);
		part_drop(f, part, first + p);
	}
	part_drop(f, name, first);
}

static int nvme_remove(struct pci *f, unsigned unit)
{
	struct machine *m = f->dev.machine;
	char name[16];
	struct class_device d = controller(f, unit, name);
	for (unsigned i = 0; i < f->model->disks && !f->pf; i++)
		disk_drop(f, unit, i);
	struct node *dir = node_dir(m->tree, f->dev.dir, "nvme");
	uevent(m, node_dir(m->tree, dir, name), "remove", "nvme", NULL);
	class_device_drop(&d);
	node_remove_name(m->tree, m->dev, name);
	node_remove(m->tree, dir);
	return 0;
}

/* nvme_init_ctrl(), drivers/nvme/host/core.c, comes before the first command is answered, or not. */
void class_nvme_fail(struct pci *f)
{
	struct machine *m = f->dev.machine;
	char name[16];
	(void)STR_FORMAT(name, "nvme%u", class_unit_free(f, CLASS_NVME));
	struct node *class = node_dir(m->tree, f->dev.dir, "nvme");
	struct node *dir = node_dir(m->tree, class, name);
	uevent(m, dir, "add", "nvme", NULL);
	uevent(m, dir, "remove", "nvme", NULL);
	node_remove(m->tree, class);
}

static bool is_nvme(const struct pci *f)
{
	return str_eq(driver_own(f), "nvme");
}

const struct class_kind class_nvme = { .is = is_nvme, .add = nvme_add, .remove = nvme_remove };
