/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Displays, accelerators, sound, and NVIDIA's nodes: character devices, numbered as
 * Documentation/admin-guide/devices.txt says.
 */
#include <sys/sysmacros.h>

#include "sim/class.h"
#include "sim/nvidia.h"

#define NVIDIA_MAJOR 195
#define UVM_MAJOR 235 /* dynamic: /proc/devices says it */

/* Nodes of one sort: below /sys, /dev and with numbers. */
struct sort {
	const char *class, *name, *folder;
	unsigned major, first, step; /* minor numbers */
	unsigned named;		     /* number in the name of unit 0 */
	mode_t mode;
};

static const struct sort card = { "drm", "card", "dri", 226, 0, 1, 0, 0660 };
static const struct sort render = { "drm", "renderD", "dri", 226, 128, 1, 128, 0666 };
static const struct sort accel = { "accel", "accel", "accel", 261, 0, 1, 0, 0666 };
static const struct sort sound = { "sound", "controlC", "snd", 116, 0, 32, 0, 0660 };

static struct class_device sort_device(const struct sort *s, struct pci *f, unsigned unit,
				       char ret_name[NAME_SIZE])
{
	(void)str_format(ret_name, NAME_SIZE, "%s%u", s->name, s->named + unit);
	return (struct class_device){ .f = f,
				      .class = s->class,
				      .name = ret_name,
				      .major = s->major,
				      .minor = s->first + unit * s->step };
}

static struct node *sort_add(const struct sort *s, struct pci *f, unsigned unit)
{
	struct machine *m = f->dev.machine;
	char name[NAME_SIZE], text[NAME_SIZE * 2 + 64];
	const struct class_device d = sort_device(s, f, unit, name);
	struct node *dir = class_device_add(&d, node_dir(m->tree, f->dev.dir, s->class));
	(void)STR_FORMAT(text, "MAJOR=%u\nMINOR=%u\nDEVNAME=%s/%s", d.major, d.minor, s->folder,
			 name);
	node_text(m->tree, dir, "uevent", "%s", text);
	node_char(m->tree, node_dir(m->tree, m->dev, s->folder), name, s->mode,
		  makedev(d.major, d.minor));
	uevent(m, dir, "add", s->class, text);
	return dir;
}

static void sort_remove(const struct sort *s, struct pci *f, unsigned unit)
{
	struct machine *m = f->dev.machine;
	char name[NAME_SIZE];
	const struct class_device d = sort_device(s, f, unit, name);
	struct node *dir = node_dir(m->tree, f->dev.dir, s->class);
	uevent(m, node_dir(m->tree, dir, name), "remove", s->class, NULL);
	class_device_drop(&d);
	node_remove_name(m->tree, node_dir(m->tree, m->dev, s->folder), name);
	node_remove_name(m->tree, dir, name);
	if (!dir->first)
		node_remove(m->tree, dir);
}

static void sort_node(const struct sort *s, unsigned unit, struct str_buf *out)
{
	str_buf_addf(out, " /dev/%s/%s%u", s->folder, s->name, s->named + unit);
}

/* --- displays --------------------------------------------------------------------------------- */

/* A VF that is a vGPU is its guest's. */
static bool is_drm(const struct pci *f)
{
	return f->model->drm && !(f->pf && str_eq(driver_own(f), "nvidia"));
}

static void connector_add(struct pci *f, struct node *dir, const struct host_connector *c)
{
	struct tree *t = f->dev.machine->tree;
	char name[NAME_SIZE * 2];
	(void)STR_FORMAT(name, "%s-%s", dir->name, c->name);
	dir = node_dir(t, dir, name);
	node_text(t, dir, "status", "%s",
		  c->state == HOST_SCREEN_NONE ? "disconnected" : "connected");
	node_text(t, dir, "enabled", "%s", c->state == HOST_SCREEN_LIT ? "enabled" : "disabled");
}

static bool has_console(const struct pci *f)
{
	return f->slot && f->slot->console;
}

static void console_add(struct pci *f)
{
	struct machine *m = f->dev.machine;
	struct node *fb = node_dir(m->tree, node_dir(m->tree, f->dev.dir, "graphics"), "fb0");
	node_link(m->tree, node_dir(m->tree, m->class, "graphics"), "fb0", fb);
	struct node *vt = node_path(m->tree, m->devices, "virtual/vtconsole/vtcon1");
	node_link(m->tree, node_dir(m->tree, m->class, "vtconsole"), "vtcon1", vt);
	node_text(m->tree, vt, "name", "(M) frame buffer device");
	node_text(m->tree, vt, "bind", "1");
}

static int drm_add(struct pci *f, unsigned unit)
{
	struct node *dir = sort_add(&card, f, unit);
	sort_add(&render, f, unit);
	for (size_t i = 0; f->slot && i < f->slot->n_connectors; i++)
		connector_add(f, dir, &f->slot->connectors[i]);
	if (has_console(f))
		console_add(f);
	return 0;
}

static int drm_remove(struct pci *f, unsigned unit)
{
	struct machine *m = f->dev.machine;
	if (has_console(f)) {
		node_remove_name(m->tree, node_dir(m->tree, m->class, "graphics"), "fb0");
		node_remove_name(m->tree, f->dev.dir, "graphics");
	}
	sort_remove(&render, f, unit);
	sort_remove(&card, f, unit);
	return 0;
}

static void drm_nodes(unsigned unit, struct str_buf *out)
{
	sort_node(&card, unit, out);
	sort_node(&render, unit, out);
}

const struct class_kind class_drm = {
	.is = is_drm, .add = drm_add, .remove = drm_remove, .nodes = drm_nodes
};

/* --- accelerators and sound ------------------------------------------------------------------- */

static bool is_accel(const struct pci *f)
{
	return f->model->accel;
}

static int accel_add(struct pci *f, unsigned unit)
{
	sort_add(&accel, f, unit);
	return 0;
}

static int accel_remove(struct pci *f, unsigned unit)
{
	sort_remove(&accel, f, unit);
	return 0;
}

static void accel_nodes(unsigned unit, struct str_buf *out)
{
	sort_node(&accel, unit, out);
}

const struct class_kind class_accel = {
	.is = is_accel, .add = accel_add, .remove = accel_remove, .nodes = accel_nodes
};

static bool is_sound(const struct pci *f)
{
	return f->model->sound;
}

static int sound_add(struct pci *f, unsigned unit)
{
	sort_add(&sound, f, unit);
	return 0;
}

static int sound_remove(struct pci *f, unsigned unit)
{
	sort_remove(&sound, f, unit);
	return 0;
}

static void sound_nodes(unsigned unit, struct str_buf *out)
{
	sort_node(&sound, unit, out);
}

const struct class_kind class_sound = {
	.is = is_sound, .add = sound_add, .remove = sound_remove, .nodes = sound_nodes
};

/* --- NVIDIA's own nodes ------------------------------------------------------------------------ */

static bool is_nvidia(const struct pci *f)
{
	return !f->pf && str_eq(driver_own(f), "nvidia");
}

/* Nodes that sysfs does not know of; which GPU a minor is, is told in /proc/driver/nvidia. */
static int nvidia_add(struct pci *f, unsigned unit)
{
	struct machine *m = f->dev.machine;
	char name[16];
	(void)STR_FORMAT(name, "nvidia%u", unit);
	node_char(m->tree, m->dev, name, 0666, makedev(NVIDIA_MAJOR, unit));
	node_char(m->tree, m->dev, "nvidiactl", 0666, makedev(NVIDIA_MAJOR, 255));
	node_char(m->tree, m->dev, "nvidia-uvm", 0666, makedev(UVM_MAJOR, 0));
	node_char(m->tree, m->dev, "nvidia-uvm-tools", 0666, makedev(UVM_MAJOR, 1));
	nvidia_gpu_add(f);
	struct node *dir = node_path(m->tree, m->proc, "driver/nvidia/gpus");
	dir = node_dir(m->tree, dir, f->dev.name);
	node_text(m->tree, dir, "information",
		  "Model: \t\t %s\nIRQ:   \t\t %u\nBus Location: \t %s\nDevice Minor: \t %u",
		  f->model->name, bus_irq(f), f->dev.name, unit);
	return 0;
}

static int nvidia_remove(struct pci *f, unsigned unit)
{
	struct machine *m = f->dev.machine;
	char name[16];
	nvidia_gpu_remove(f);
	(void)STR_FORMAT(name, "nvidia%u", unit);
	node_remove_name(m->tree, m->dev, name);
	node_remove_name(m->tree, node_path(m->tree, m->proc, "driver/nvidia/gpus"), f->dev.name);
	return 0;
}

static void nvidia_nodes(unsigned unit, struct str_buf *out)
{
	str_buf_addf(out, " /dev/nvidia%u", unit);
}

const struct class_kind class_nvidia = {
	.is = is_nvidia, .add = nvidia_add, .remove = nvidia_remove, .nodes = nvidia_nodes
};
