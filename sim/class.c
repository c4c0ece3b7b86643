/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What drivers make of functions, as far as it says whether the host uses them: network interfaces,
 * NVMe controllers and disks, displays, accelerators; and what there is once per machine: consoles,
 * swaps, NUMA nodes. Major numbers: Documentation/admin-guide/devices.txt.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/sysmacros.h>

#include "sim/machine.h"

#define DRM_MAJOR 226
#define NVME_MAJOR 238 /* dynamic */
#define BLOCK_MAJOR 259
#define ACCEL_MAJOR 261
#define SOUND_MAJOR 116
#define NVIDIA_MAJOR 195
#define RENDER_FIRST 128
#define UNITS_MAX 8192

/* Something of a class below a function: directory, link in the class, number, node. */
struct thing {
	struct pci *f;
	const char *class, *name;
	unsigned major, minor;
	bool block;
};

static struct node *thing_make(const struct thing *t, struct node *parent)
{
	struct machine *m = t->f->dev.machine;
	struct node *dir = node_dir(m->tree, parent, t->name);
	char number[32];
	node_link(m->tree, dir, "device", t->f->dev.dir);
	node_link(m->tree, node_dir(m->tree, m->class, t->class), t->name, dir);
	if (!t->major)
		return dir;
	(void)STR_FORMAT(number, "%u:%u", t->major, t->minor);
	node_text(m->tree, dir, "dev", "%s", number);
	node_link(m->tree, node_path(m->tree, m->sys, t->block ? "dev/block" : "dev/char"), number,
		  dir);
	return dir;
}

static void class_drop(struct pci *f, const char *class, const char *name, unsigned major,
		       unsigned minor, bool block)
{
	struct machine *m = f->dev.machine;
	char number[32];
	node_remove_name(m->tree, node_dir(m->tree, m->class, class), name);
	(void)STR_FORMAT(number, "%u:%u", major, minor);
	if (major)
		node_remove_name(m->tree,
				 node_path(m->tree, m->sys, block ? "dev/block" : "dev/char"),
				 number);
}

/* The lowest number that no other function of the machine has for this. */
static unsigned unit_free(const struct pci *f, bool (*has)(const struct pci *f))
{
	bool taken[UNITS_MAX] = { false };
	unsigned unit = 0;
	for (const struct pci *o = f->dev.machine->functions; o; o = o->next)
		if (o != f && o->driver && !o->driver->vfio && has(o) && o->unit < UNITS_MAX)
			taken[o->unit] = true;
	while (unit < UNITS_MAX - 1 && taken[unit])
		unit++;
	return unit;
}

/* --- network --------------------------------------------------------------------------------- */

static int show_flags(struct node *n, struct str_buf *out)
{
	const struct pci *f = pci_of(n);
	str_buf_addf(out, "0x%x\n", f->net_up ? 0x1003 : 0x1002);
	return 0;
}
static const struct file_ops ops_flags = { .show = show_flags };

static int show_operstate(struct node *n, struct str_buf *out)
{
	str_buf_add(out, pci_of(n)->net_up ? "up\n" : "down\n");
	return 0;
}
static const struct file_ops ops_operstate = { .show = show_operstate };

static void net_name(const struct pci *f, char ret[NAME_SIZE])
{
	if (f->slot && f->slot->netdev[0])
		(void)str_copy(ret, NAME_SIZE, f->slot->netdev);
	else
		(void)str_format(ret, NAME_SIZE, "eth%d", f->ifindex - 2);
}

static void net_master(struct pci *f, struct node *dir)
{
	struct machine *m = f->dev.machine;
	char upper[NAME_SIZE + 8];
	if (!f->slot || !f->slot->master[0])
		return;
	struct node *master =
		node_dir(m->tree, node_path(m->tree, m->devices, "virtual/net"), f->slot->master);
	node_link(m->tree, node_dir(m->tree, m->class, "net"), f->slot->master, master);
	node_text(m->tree, master, "flags", "0x1003");
	node_link(m->tree, dir, "master", master);
	(void)STR_FORMAT(upper, "upper_%s", f->slot->master);
	node_link(m->tree, dir, upper, master);
}

static void net_add(struct pci *f)
{
	struct machine *m = f->dev.machine;
	char name[NAME_SIZE];
	f->ifindex = m->next_ifindex++;
	f->net_up = f->slot && f->slot->up;
	net_name(f, name);
	struct thing t = { .f = f, .class = "net", .name = name };
	f->netdev = thing_make(&t, node_dir(m->tree, f->dev.dir, "net"));
	node_text(m->tree, f->netdev, "ifindex", "%d", f->ifindex);
	char mac[18];
	(void)STR_FORMAT(mac, "02:%02x:%02x:%02x:%02x:%02x", f->domain >> 8, f->domain & 0xff,
			 f->bus, f->devfn, f->pf ? 1 : 0);
	node_text(m->tree, f->netdev, "address", "%s",
		  f->slot && f->slot->mac[0] ? f->slot->mac : mac);
	node_text(m->tree, f->netdev, "type", "1");
	node_text(m->tree, f->netdev, "mtu", "1500");
	node_file(m->tree, f->netdev, "operstate", 0444, &ops_operstate, f);
	node_text(m->tree, f->netdev, "uevent", "INTERFACE=%s\nIFINDEX=%d", name, f->ifindex);
	node_file(m->tree, f->netdev, "flags", 0644, &ops_flags, f);
	net_master(f, f->netdev);
	uevent(m, f->netdev, "add", "net", NULL);
}

static void net_remove(struct pci *f)
{
	struct machine *m = f->dev.machine;
	if (!f->netdev)
		return;
	uevent(m, f->netdev, "remove", "net", NULL);
	class_drop(f, "net", f->netdev->name, 0, 0, false);
	node_remove(m->tree, node_dir(m->tree, f->dev.dir, "net"));
	f->netdev = NULL;
}

/* --- disks ----------------------------------------------------------------------------------- */

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

static void disk_part(struct pci *f, struct node *disk, const char *name, unsigned minor,
		      const struct host_disk *d)
{
	struct machine *m = f->dev.machine;
	struct thing t = { .f = f,
			   .class = "block",
			   .name = name,
			   .major = BLOCK_MAJOR,
			   .minor = minor,
			   .block = true };
	struct node *dir = thing_make(&t, disk);
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

static void disk_add(struct pci *f, struct node *controller, unsigned i)
{
	const struct host_disk *d = disk_of(f, i);
	char name[NAME_SIZE], part[NAME_SIZE + 8];
	unsigned first = (f->unit * 8 + i) * 16;
	(void)STR_FORMAT(name, "nvme%un%u", f->unit, i + 1);
	disk_part(f, controller, name, first, d && !d->partitions ? d : NULL);
	struct node *disk = node_dir(f->dev.machine->tree, controller, name);
	for (unsigned p = 1; d && p <= d->partitions && p < 16; p++) {
		(void)STR_FORMAT(part, "%sp%u", name, p);
		disk_part(f, disk, part, first + p, d);
	}
}

static bool is_nvme(const struct pci *f)
{
	return f->driver && str_eq(f->driver->name, "nvme");
}

static void nvme_add(struct pci *f)
{
	struct machine *m = f->dev.machine;
	char name[16];
	f->unit = unit_free(f, is_nvme);
	(void)STR_FORMAT(name, "nvme%u", f->unit);
	struct thing t = {
		.f = f, .class = "nvme", .name = name, .major = NVME_MAJOR, .minor = f->unit
	};
	struct node *dir = thing_make(&t, node_dir(m->tree, f->dev.dir, "nvme"));
	node_text(m->tree, dir, "uevent", "MAJOR=%u\nMINOR=%u\nDEVNAME=%s", NVME_MAJOR, f->unit,
		  name);
	node_text(m->tree, dir, "state", "live");
	node_file(m->tree, m->dev, name, 0600, &nvme_ops, f);
	for (unsigned i = 0; i < f->model->disks && !f->pf; i++)
		disk_add(f, dir, i);
	uevent(m, dir, "add", "nvme", NULL);
}

static void disk_drop(struct pci *f, const char *name, unsigned minor)
{
	class_drop(f, "block", name, BLOCK_MAJOR, minor, true);
	node_remove_name(f->dev.machine->tree, f->dev.machine->dev, name);
}

static void nvme_remove(struct pci *f)
{
	struct machine *m = f->dev.machine;
	char name[NAME_SIZE], part[NAME_SIZE + 8];
	for (unsigned i = 0; i < f->model->disks && !f->pf; i++) {
		const struct host_disk *d = disk_of(f, i);
		unsigned first = (f->unit * 8 + i) * 16;
		(void)STR_FORMAT(name, "nvme%un%u", f->unit, i + 1);
		for (unsigned p = 1; d && p <= d->partitions && p < 16; p++) {
			(void)STR_FORMAT(part, "%sp%u", name, p);
			disk_drop(f, part, first + p);
		}
		disk_drop(f, name, first);
	}
	(void)STR_FORMAT(name, "nvme%u", f->unit);
	uevent(m, node_dir(m->tree, node_dir(m->tree, f->dev.dir, "nvme"), name), "remove", "nvme",
	       NULL);
	class_drop(f, "nvme", name, NVME_MAJOR, f->unit, false);
	node_remove_name(m->tree, m->dev, name);
	node_remove(m->tree, node_dir(m->tree, f->dev.dir, "nvme"));
}

/* nvme_init_ctrl(), drivers/nvme/host/core.c, comes before the first command is answered, or not. */
void class_try(struct pci *f)
{
	struct machine *m = f->dev.machine;
	char name[16];
	(void)STR_FORMAT(name, "nvme%u", unit_free(f, is_nvme));
	struct node *class = node_dir(m->tree, f->dev.dir, "nvme");
	struct node *dir = node_dir(m->tree, class, name);
	uevent(m, dir, "add", "nvme", NULL);
	uevent(m, dir, "remove", "nvme", NULL);
	node_remove(m->tree, class);
}

/* --- displays and accelerators ---------------------------------------------------------------- */

static bool is_drm(const struct pci *f)
{
	return f->model->drm;
}

static bool is_accel(const struct pci *f)
{
	return f->model->accel;
}

static void connector_add(struct pci *f, struct node *card, const struct host_connector *c)
{
	struct tree *t = f->dev.machine->tree;
	char name[NAME_SIZE * 2];
	(void)STR_FORMAT(name, "card%u-%s", f->unit, c->name);
	struct node *dir = node_dir(t, card, name);
	node_text(t, dir, "status", "%s",
		  c->state == HOST_SCREEN_NONE ? "disconnected" : "connected");
	node_text(t, dir, "enabled", "%s", c->state == HOST_SCREEN_LIT ? "enabled" : "disabled");
}

static void drm_node(struct pci *f, const char *name, unsigned minor, mode_t mode)
{
	struct machine *m = f->dev.machine;
	struct thing t = {
		.f = f, .class = "drm", .name = name, .major = DRM_MAJOR, .minor = minor
	};
	struct node *dir = thing_make(&t, node_dir(m->tree, f->dev.dir, "drm"));
	node_text(m->tree, dir, "uevent", "MAJOR=%u\nMINOR=%u\nDEVNAME=dri/%s", DRM_MAJOR, minor,
		  name);
	node_char(m->tree, node_dir(m->tree, m->dev, "dri"), name, mode, makedev(DRM_MAJOR, minor));
}

static void names_of_drm(const struct pci *f, char card[NAME_SIZE], char render[NAME_SIZE])
{
	(void)str_format(card, NAME_SIZE, "card%u", f->unit);
	(void)str_format(render, NAME_SIZE, "renderD%u", RENDER_FIRST + f->unit);
}

static void console_add(struct pci *f)
{
	struct machine *m = f->dev.machine;
	if (!f->slot || !f->slot->console)
		return;
	struct node *fb = node_dir(m->tree, node_dir(m->tree, f->dev.dir, "graphics"), "fb0");
	node_link(m->tree, node_dir(m->tree, m->class, "graphics"), "fb0", fb);
	struct node *vt = node_path(m->tree, m->devices, "virtual/vtconsole/vtcon1");
	node_link(m->tree, node_dir(m->tree, m->class, "vtconsole"), "vtcon1", vt);
	node_text(m->tree, vt, "name", "(M) frame buffer device");
	node_text(m->tree, vt, "bind", "1");
}

static void drm_add(struct pci *f)
{
	char card[NAME_SIZE], render[NAME_SIZE];
	f->unit = unit_free(f, is_drm);
	names_of_drm(f, card, render);
	drm_node(f, card, f->unit, 0660);
	drm_node(f, render, RENDER_FIRST + f->unit, 0666);
	struct node *dir = node_walk(f->dev.machine->tree, f->dev.dir, "drm");
	dir = node_find(f->dev.machine->tree, dir, card);
	for (size_t i = 0; f->slot && i < f->slot->n_connectors; i++)
		connector_add(f, dir, &f->slot->connectors[i]);
	console_add(f);
}

static void drm_remove(struct pci *f)
{
	struct machine *m = f->dev.machine;
	char card[NAME_SIZE], render[NAME_SIZE];
	names_of_drm(f, card, render);
	class_drop(f, "drm", card, DRM_MAJOR, f->unit, false);
	class_drop(f, "drm", render, DRM_MAJOR, RENDER_FIRST + f->unit, false);
	struct node *dri = node_dir(m->tree, m->dev, "dri");
	node_remove_name(m->tree, dri, card);
	node_remove_name(m->tree, dri, render);
	node_remove_name(m->tree, f->dev.dir, "drm");
	if (!f->slot || !f->slot->console)
		return;
	node_remove_name(m->tree, node_dir(m->tree, m->class, "graphics"), "fb0");
	node_remove_name(m->tree, f->dev.dir, "graphics");
}

static void accel_add(struct pci *f)
{
	struct machine *m = f->dev.machine;
	char name[16];
	f->unit = unit_free(f, is_accel);
	(void)STR_FORMAT(name, "accel%u", f->unit);
	struct thing t = {
		.f = f, .class = "accel", .name = name, .major = ACCEL_MAJOR, .minor = f->unit
	};
	thing_make(&t, node_dir(m->tree, f->dev.dir, "accel"));
	node_char(m->tree, node_dir(m->tree, m->dev, "accel"), name, 0666,
		  makedev(ACCEL_MAJOR, f->unit));
}

static void accel_remove(struct pci *f)
{
	struct machine *m = f->dev.machine;
	char name[16];
	(void)STR_FORMAT(name, "accel%u", f->unit);
	class_drop(f, "accel", name, ACCEL_MAJOR, f->unit, false);
	node_remove_name(m->tree, node_dir(m->tree, m->dev, "accel"), name);
	node_remove_name(m->tree, f->dev.dir, "accel");
}

static bool is_sound(const struct pci *f)
{
	return f->model->sound;
}

static void sound_add(struct pci *f)
{
	struct machine *m = f->dev.machine;
	char name[16];
	f->unit = unit_free(f, is_sound);
	(void)STR_FORMAT(name, "controlC%u", f->unit);
	struct thing t = {
		.f = f, .class = "sound", .name = name, .major = SOUND_MAJOR, .minor = f->unit * 32
	};
	thing_make(&t, node_dir(m->tree, f->dev.dir, "sound"));
	node_char(m->tree, node_dir(m->tree, m->dev, "snd"), name, 0660,
		  makedev(SOUND_MAJOR, f->unit * 32));
}

static void sound_remove(struct pci *f)
{
	struct machine *m = f->dev.machine;
	char name[16];
	(void)STR_FORMAT(name, "controlC%u", f->unit);
	class_drop(f, "sound", name, SOUND_MAJOR, f->unit * 32, false);
	node_remove_name(m->tree, node_dir(m->tree, m->dev, "snd"), name);
	node_remove_name(m->tree, f->dev.dir, "sound");
}

/* --- NVIDIA's own nodes ------------------------------------------------------------------------ */

static bool is_nvidia(const struct pci *f)
{
	return f->driver && str_eq(f->driver->name, "nvidia");
}

/* Nodes that sysfs does not know of; which GPU a minor is, is told in /proc/driver/nvidia. */
static void nvidia_add(struct pci *f)
{
	struct machine *m = f->dev.machine;
	char name[16];
	(void)STR_FORMAT(name, "nvidia%u", f->unit);
	node_char(m->tree, m->dev, name, 0666, makedev(NVIDIA_MAJOR, f->unit));
	node_char(m->tree, m->dev, "nvidiactl", 0666, makedev(NVIDIA_MAJOR, 255));
	struct node *dir = node_path(m->tree, m->proc, "driver/nvidia/gpus");
	dir = node_dir(m->tree, dir, f->dev.name);
	node_text(m->tree, dir, "information",
		  "Model: \t\t %s\nIRQ:   \t\t %u\nBus Location: \t %s\nDevice Minor: \t %u",
		  f->model->name, 16 + f->unit, f->dev.name, f->unit);
}

static void nvidia_remove(struct pci *f)
{
	struct machine *m = f->dev.machine;
	char name[16];
	(void)STR_FORMAT(name, "nvidia%u", f->unit);
	node_remove_name(m->tree, m->dev, name);
	node_remove_name(m->tree, node_path(m->tree, m->proc, "driver/nvidia/gpus"), f->dev.name);
}

/* --- attributes of vendors -------------------------------------------------------------------- */

static int show_attribute(struct node *n, struct str_buf *out)
{
	str_buf_addf(out, "%s\n", n->text);
	return 0;
}

static int store_attribute(struct node *n, const char *text, size_t len)
{
	char *copy = strdup(text);
	(void)len;
	if (!copy)
		return -ENOMEM;
	free((char *)n->text);
	n->text = copy;
	return 0;
}

static const struct file_ops ops_attribute = { .show = show_attribute };
static const struct file_ops ops_attribute_rw = { .show = show_attribute,
						  .store = store_attribute };

static struct node *attribute_place(struct pci *f, const char *path, char name[256])
{
	struct node *dir = f->dev.dir;
	for (const char *slash; (slash = strchr(path, '/')); path = slash + 1) {
		(void)str_format(name, 256, "%.*s", (int)(slash - path), path);
		dir = node_dir(f->dev.machine->tree, dir, name);
	}
	(void)str_copy(name, 256, path);
	return dir;
}

static void attributes_add(struct pci *f)
{
	struct tree *t = f->dev.machine->tree;
	char name[256];
	for (size_t i = 0; i < f->model->n_attributes && !f->pf; i++) {
		const struct host_attribute *a = &f->model->attributes[i];
		struct node *dir = attribute_place(f, a->name, name);
		struct node *n = node_file(t, dir, name, a->writable ? 0644 : 0444,
					   a->writable ? &ops_attribute_rw : &ops_attribute, f);
		n->text = strdup(a->value);
	}
}

static void attributes_remove(struct pci *f)
{
	struct tree *t = f->dev.machine->tree;
	char name[256];
	for (size_t i = 0; i < f->model->n_attributes && !f->pf; i++)
		node_remove_name(t, attribute_place(f, f->model->attributes[i].name, name), name);
}

/* --- all of it -------------------------------------------------------------------------------- */

void class_add(struct pci *f)
{
	/* The driver is not linked yet. */
	f->unit = 0;
	if (f->model->net)
		net_add(f);
	if (f->model->disks || str_eq(f->pf ? f->model->vf_driver : f->model->driver, "nvme"))
		nvme_add(f);
	if (f->model->drm)
		drm_add(f);
	if (f->model->accel)
		accel_add(f);
	if (f->model->sound)
		sound_add(f);
	if (str_eq(f->model->driver, "nvidia") && !f->pf) {
		if (!f->model->drm)
			f->unit = unit_free(f, is_nvidia);
		nvidia_add(f);
	}
	attributes_add(f);
}

void class_remove(struct pci *f)
{
	if (f->netdev)
		net_remove(f);
	if (is_nvme(f))
		nvme_remove(f);
	if (f->model->drm)
		drm_remove(f);
	if (f->model->accel)
		accel_remove(f);
	if (f->model->sound)
		sound_remove(f);
	if (is_nvidia(f) && !f->pf)
		nvidia_remove(f);
	attributes_remove(f);
}

void class_nodes(const struct pci *f, struct str_buf *out)
{
	if (!f->driver || f->driver->vfio)
		return;
	if (f->model->drm)
		str_buf_addf(out, " /dev/dri/card%u /dev/dri/renderD%u", f->unit,
			     RENDER_FIRST + f->unit);
	if (f->model->accel)
		str_buf_addf(out, " /dev/accel/accel%u", f->unit);
	if (f->model->sound)
		str_buf_addf(out, " /dev/snd/controlC%u", f->unit);
	if (is_nvidia(f) && !f->pf)
		str_buf_addf(out, " /dev/nvidia%u", f->unit);
}

static int show_boot_id(struct node *n, struct str_buf *out)
{
	str_buf_addf(out, "%s\n", ((const struct machine *)n->owner)->boot_id);
	return 0;
}
static const struct file_ops ops_boot_id = { .show = show_boot_id };

static int show_consoles(struct node *n, struct str_buf *out)
{
	(void)n;
	str_buf_add(out, "tty0                 -WU (EC  p  )    4:1\n");
	return 0;
}
static const struct file_ops ops_consoles = { .show = show_consoles };

static int show_swaps(struct node *n, struct str_buf *out)
{
	const struct machine *m = n->owner;
	str_buf_add(out, "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n");
	for (const struct pci *f = m->functions; f; f = f->next)
		for (unsigned i = 0; is_nvme(f) && f->slot && i < f->slot->n_disks; i++)
			if (f->slot->disks[i].swap)
				str_buf_addf(out,
					     "/dev/nvme%un%u%s   partition\t1048572\t\t0\t\t-2\n",
					     f->unit, i + 1,
					     f->slot->disks[i].partitions ? "p1" : "");
	return 0;
}
static const struct file_ops ops_swaps = { .show = show_swaps };

static int show_cmdline(struct node *n, struct str_buf *out)
{
	const struct machine *m = n->owner;
	static const char *const words[] = { [HOST_IOMMU_INTEL] = " intel_iommu=on",
					     [HOST_IOMMU_AMD] = "",
					     [HOST_IOMMU_NONE] = "" };
	str_buf_addf(out, "BOOT_IMAGE=/boot/vmlinuz root=/dev/simulated%s\n",
		     words[m->host->iommu]);
	return 0;
}
static const struct file_ops ops_cmdline = { .show = show_cmdline };

/* These stay over a reboot: the world has them mounted. */
static void proc_file(struct machine *m, const char *name, const struct file_ops *ops)
{
	if (!node_find(m->tree, m->proc, name))
		node_file(m->tree, m->proc, name, 0444, ops, m)->number = NODE_STAYS;
}

static void numa_init(struct machine *m)
{
	unsigned each = m->host->cpus / m->host->nodes;
	struct node *system = node_path(m->tree, m->devices, "system");
	for (unsigned i = 0; i < m->host->nodes; i++) {
		char name[16];
		(void)STR_FORMAT(name, "node%u", i);
		struct node *dir = node_dir(m->tree, node_dir(m->tree, system, "node"), name);
		node_text(m->tree, dir, "cpulist", each > 1 ? "%u-%u" : "%u", i * each,
			  (i + 1) * each - 1);
	}
	node_text(m->tree, node_dir(m->tree, system, "node"), "online", "0-%u", m->host->nodes - 1);
	node_text(m->tree, node_dir(m->tree, system, "cpu"), "online", "0-%u", m->host->cpus - 1);
	node_text(m->tree, node_dir(m->tree, system, "cpu"), "possible", "0-%u", m->host->cpus - 1);
}

void class_init(struct machine *m)
{
	static const char *const dirs[] = { "devices", "class/net", "class/block", "class/iommu",
					    "module",  "firmware",  "fs",	   "kernel" };
	for (size_t i = 0; i < sizeof(dirs) / sizeof(*dirs); i++)
		node_path(m->tree, m->sys, dirs[i]);
	m->devices = node_dir(m->tree, m->sys, "devices");
	m->class = node_dir(m->tree, m->sys, "class");
	if (m->host->iommu != HOST_IOMMU_NONE)
		node_link(m->tree, node_dir(m->tree, m->class, "iommu"),
			  m->host->iommu == HOST_IOMMU_AMD ? "ivhd0" : "dmar0",
			  node_path(m->tree, m->devices, "virtual/iommu/iommu0"));
	numa_init(m);
	rtnetlink_init(m);
	proc_file(m, "boot_id", &ops_boot_id);
	proc_file(m, "consoles", &ops_consoles);
	proc_file(m, "swaps", &ops_swaps);
	proc_file(m, "cmdline", &ops_cmdline);
	if (!node_find(m->tree, m->proc, "driver"))
		node_dir(m->tree, m->proc, "driver")->number = NODE_STAYS;
}
