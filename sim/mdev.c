/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Mediated devices (drivers/vfio/mdev/mdev_core.c and mdev_sysfs.c of Linux 6.12): parents whose types
 * share a pool, the checks of create in their order, links that come after the events, a remove that
 * waits for who has it open.
 */
#include <errno.h>

#include "base/num.h"
#include "sim/nvidia-vgpu.h"

struct mdev_pool {
	struct mdev_pool *next;
	struct machine *machine;
	const struct host_model *model;
	struct node *parent; /* directory */
	char name[NAME_SIZE], driver[NAME_SIZE];
	struct pci *
		vgpu; /* the VF, or the GPU itself, that it makes vGPUs of; NULL: it has a pool of its own */
	uint32_t used;
	struct mdev_device *mdevs;
	bool leaving;
};

struct mdev_device {
	struct device dev; /* first */
	struct mdev_device *next;
	struct mdev_pool *pool;
	const struct host_mdev_type *type;
	struct nvidia_vgpu_vf *vgpu;
	bool removing;
};

/* A file of a type: owner is the pool, number its index. */
static const struct host_mdev_type *type_of(const struct node *n)
{
	const struct mdev_pool *p = n->owner;
	return &p->model->types[n->number];
}

static struct pci *gpu_of(const struct mdev_pool *p)
{
	return p->vgpu->pf ? p->vgpu->pf : p->vgpu;
}

/* Its types are those of the card, in their order. */
static const struct nvidia_vgpu_type *vgpu_type(const struct mdev_pool *p,
						const struct host_mdev_type *t)
{
	return &gpu_of(p)->gpu->vgpu->card->types[t - p->model->types];
}

static uint32_t available(const struct mdev_pool *p, const struct host_mdev_type *t)
{
	if (p->vgpu)
		return nvidia_vgpu_available(p->vgpu, vgpu_type(p, t));
	uint32_t total = p->model->pool ? p->model->pool : 1, units = t->units ? t->units : 1;
	return (total - p->used) / units;
}

static int show_available(struct node *n, struct str_buf *out)
{
	str_buf_addf(out, "%u\n", available(n->owner, type_of(n)));
	return 0;
}
static const struct file_ops ops_available = { .show = show_available };

static int show_api(struct node *n, struct str_buf *out)
{
	(void)n;
	str_buf_add(out, "vfio-pci\n");
	return 0;
}
static const struct file_ops ops_api = { .show = show_api };

static int show_name(struct node *n, struct str_buf *out)
{
	const struct host_mdev_type *t = type_of(n);
	str_buf_addf(out, "%s\n", t->label[0] ? t->label : t->id);
	return 0;
}
static const struct file_ops ops_name = { .show = show_name };

static int show_description(struct node *n, struct str_buf *out)
{
	str_buf_addf(out, "%s\n", type_of(n)->description);
	return 0;
}
static const struct file_ops ops_description = { .show = show_description };

static struct node *devices_of_bus(struct machine *m)
{
	return node_path(m->tree, m->sys, "bus/mdev/devices");
}

static void type_name(const struct mdev_pool *p, const struct host_mdev_type *t,
		      char ret[NAME_SIZE * 2])
{
	(void)str_format(ret, NAME_SIZE * 2, "%s-%s", p->driver, t->id);
}

static struct node *type_dir(const struct mdev_pool *p, const struct host_mdev_type *t)
{
	char name[NAME_SIZE * 2];
	struct tree *tree = p->machine->tree;
	type_name(p, t, name);
	return node_dir(tree, node_dir(tree, p->parent, "mdev_supported_types"), name);
}

/* --- removing -------------------------------------------------------------------------------- */

static void mdev_drop(struct mdev_device *d)
{
	struct mdev_device **at = &d->pool->mdevs;
	while (*at && *at != d)
		at = &(*at)->next;
	if (*at)
		*at = d->next;
	d->pool->used -= d->type->units ? d->type->units : 1;
	if (d->vgpu)
		(void)nvidia_vgpu_place(gpu_of(d->pool), d->vgpu, NULL);
	d->dev.gone = true;
	machine_wake(d->dev.machine);
	machine_retire(d->dev.machine, d);
}

/* What can be seen of it goes first, then its driver waits for the user (mdev_device_remove_common(),
 * device_del() and bus_remove_device(), drivers/base). */
static int mdev_remove(struct mdev_device *d)
{
	static const char *const names[] = { "mdev_type", "remove", "power", "uevent",
					     "subsystem", "driver", "nvidia" };
	struct machine *m = d->dev.machine;
	struct tree *t = m->tree;
	node_remove_name(t, node_dir(t, type_dir(d->pool, d->type), "devices"), d->dev.name);
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		node_remove_name(t, d->dev.dir, names[i]);
	node_remove_name(t, devices_of_bus(m), d->dev.name);
	int r = vfio_unregister(&d->dev);
	if (r < 0)
		return r;
	uevent(m, d->dev.dir, "unbind", "mdev", NULL);
	uevent(m, d->dev.dir, "remove", "mdev", NULL);
	group_leave(&d->dev);
	node_remove(t, d->dev.dir);
	mdev_drop(d);
	return 0;
}

/* The attribute removes itself first (device_remove_file_self()). */
static int store_remove(struct node *n, const char *text, size_t len)
{
	struct mdev_device *d = n->owner;
	uint64_t value;
	(void)len;
	if (num_parse(text, 0, UINT32_MAX, &value) < 0)
		return -EINVAL;
	if (!value)
		return 0;
	if (d->removing)
		return -EAGAIN;
	d->removing = true;
	node_remove(d->dev.machine->tree, n);
	return mdev_remove(d);
}
static const struct file_ops ops_remove = { .store = store_remove };

/* --- creating -------------------------------------------------------------------------------- */

/* create_store() takes one byte more than a UUID has, for a newline, and guid_parse() never looks at it. */
static bool uuid_read(const char *text, char ret[UUID_SIZE])
{
	if (strlen(text) != UUID_SIZE - 1 && strlen(text) != UUID_SIZE)
		return false;
	for (size_t i = 0; i < UUID_SIZE - 1; i++)
		ret[i] = (char)(text[i] >= 'A' && text[i] <= 'F' ? text[i] | 32 : text[i]);
	ret[UUID_SIZE - 1] = '\0';
	return uuid_valid(ret);
}

static bool uuid_exists(const struct machine *m, const char *uuid)
{
	for (const struct mdev_pool *p = m->pools; p; p = p->next)
		for (const struct mdev_device *d = p->mdevs; d; d = d->next)
			if (str_eq(d->dev.name, uuid))
				return true;
	return false;
}

static int full_errno(const struct mdev_pool *p)
{
	switch ((enum host_full)p->model->mdev_errno) {
	case HOST_FULL_ENOSPC:
		return -ENOSPC;
	case HOST_FULL_EUSERS:
		return -EUSERS;
	case HOST_FULL_EINVAL:
		return -EINVAL;
	}
	return -ENOSPC;
}

/* A counter in the core says no before anything is made (EUSERS); a driver says no in its probe, after
 * the device was told of. */
static int mdev_refused(struct mdev_pool *p, const char *uuid)
{
	struct machine *m = p->machine;
	if (p->model->mdev_errno == HOST_FULL_ENOSPC) {
		struct node *dir = node_dir(m->tree, p->parent, uuid);
		uevent(m, dir, "add", "mdev", NULL);
		uevent(m, dir, "remove", "mdev", NULL);
		node_remove(m->tree, dir);
	}
	return full_errno(p);
}

static int show_uevent(struct node *n, struct str_buf *out)
{
	const struct mdev_device *d = n->owner;
	str_buf_addf(out, "DRIVER=%s\n", d->pool->driver);
	return 0;
}

static int store_uevent(struct node *n, const char *text, size_t len)
{
	const struct mdev_device *d = n->owner;
	struct str_buf now = { 0 };
	(void)len;
	if (!uevent_action_valid(text))
		return -EINVAL;
	(void)show_uevent(n, &now);
	uevent(d->dev.machine, d->dev.dir, text, "mdev", now.text);
	str_buf_done(&now);
	return 0;
}
static const struct file_ops ops_uevent = { .show = show_uevent, .store = store_uevent };

static void mdev_links(struct mdev_device *d)
{
	struct machine *m = d->dev.machine;
	struct node *type = type_dir(d->pool, d->type);
	node_link(m->tree, node_dir(m->tree, type, "devices"), d->dev.name, d->dev.dir);
	node_link(m->tree, d->dev.dir, "mdev_type", type);
}

/* Each driver of parents brings one of its own for what it makes, as a rule of the same name. */
static void mdev_make(struct mdev_pool *p, const struct host_mdev_type *type, const char *uuid)
{
	struct machine *m = p->machine;
	char text[NAME_SIZE * 2];
	struct mdev_device *d = machine_object(m, sizeof(*d));
	d->dev.machine = m;
	d->pool = p;
	d->type = type;
	(void)STR_COPY(d->dev.name, uuid);
	d->next = p->mdevs;
	p->mdevs = d;
	p->used += type->units ? type->units : 1;
	d->dev.dir = node_dir(m->tree, p->parent, uuid);
	node_file(m->tree, d->dev.dir, "remove", 0200, &ops_remove, d);
	node_file(m->tree, d->dev.dir, "uevent", 0644, &ops_uevent, d);
	node_dir(m->tree, d->dev.dir, "power");
	if (p->vgpu) {
		d->vgpu = nvidia_vgpu_next(p->vgpu);
		(void)nvidia_vgpu_place(gpu_of(p), d->vgpu, vgpu_type(p, type));
		nvidia_vgpu_mdev_files_add(m->tree, d->vgpu, d->dev.dir);
	}
	node_link(m->tree, d->dev.dir, "subsystem", node_path(m->tree, m->sys, "bus/mdev"));
	node_link(m->tree, devices_of_bus(m), uuid, d->dev.dir);
	struct group *g = group_new(m);
	g->mdev = true;
	uevent(m, d->dev.dir, "add", "mdev", NULL);
	group_add(g, &d->dev);
	(void)vfio_register(&d->dev);
	(void)STR_FORMAT(text, "bus/mdev/drivers/%s", p->driver);
	node_link(m->tree, d->dev.dir, "driver", node_path(m->tree, m->sys, text));
	(void)STR_FORMAT(text, "DRIVER=%s", p->driver);
	uevent(m, d->dev.dir, "bind", "mdev", text);
	mdev_links(d);
}

static int store_create(struct node *n, const char *text, size_t len)
{
	struct mdev_pool *p = n->owner;
	const struct host_mdev_type *t = type_of(n);
	char uuid[UUID_SIZE];
	(void)len;
	if (!uuid_read(text, uuid))
		return -EINVAL;
	if (uuid_exists(p->machine, uuid))
		return -EEXIST;
	if (p->leaving)
		return -ENODEV;
	if (available(p, t) == 0)
		return mdev_refused(p, uuid);
	mdev_make(p, t, uuid);
	return 0;
}
static const struct file_ops ops_create = { .store = store_create };

/* --- parents --------------------------------------------------------------------------------- */

static void type_make(struct mdev_pool *p, size_t index)
{
	const struct host_mdev_type *type = &p->model->types[index];
	const struct {
		const char *name;
		mode_t mode;
		const struct file_ops *ops;
		bool has;
	} files[] = {
		{ "create", 0200, &ops_create, true },
		{ "available_instances", 0444, &ops_available, true },
		{ "device_api", 0444, &ops_api, true },
		{ "name", 0444, &ops_name, true },
		{ "description", 0444, &ops_description, type->description != NULL },
	};
	struct tree *t = p->machine->tree;
	struct node *dir = type_dir(p, type);
	for (size_t i = 0; i < sizeof(files) / sizeof(*files); i++)
		if (files[i].has)
			node_file(t, dir, files[i].name, files[i].mode, files[i].ops, p)->number =
				index;
	node_dir(t, dir, "devices");
}

static struct mdev_pool *parent_make(struct machine *m, const struct host_model *model,
				     struct node *dir, const char *name, const char *driver)
{
	struct mdev_pool *p = machine_object(m, sizeof(*p));
	p->machine = m;
	p->model = model;
	p->parent = dir;
	(void)STR_COPY(p->name, name);
	(void)STR_COPY(p->driver, driver);
	p->next = m->pools;
	m->pools = p;
	devices_of_bus(m);
	for (size_t i = 0; i < model->n_types; i++)
		type_make(p, i);
	node_link(m->tree, node_dir(m->tree, m->class, "mdev_bus"), name, dir);
	return p;
}

void mdev_parent_init(struct pci *f)
{
	const struct host_model *vgpu = nvidia_vgpu_mdev_model(f);
	const struct host_model *model = vgpu ? vgpu : f->pf ? NULL : f->model;
	if (!model || !model->n_types)
		return;
	f->pool = parent_make(f->dev.machine, model, f->dev.dir, f->dev.name, f->driver->name);
	f->pool->vgpu = vgpu ? f : NULL;
	uevent(f->dev.machine, f->dev.dir, "change", "pci", "MDEV_STATE=registered");
}

/* mdev_unregister_parent(): children first, each waits for its user. */
int mdev_parent_fini(struct pci *f)
{
	struct machine *m = f->dev.machine;
	struct mdev_pool *p = f->pool, **at = &m->pools;
	if (!p)
		return 0;
	p->leaving = true;
	while (p->mdevs) {
		/* One that somebody removes already is waited for. */
		int r = p->mdevs->removing ? machine_wait(m) : 0;
		if (r == 0 && p->mdevs && !p->mdevs->removing) {
			p->mdevs->removing = true;
			r = mdev_remove(p->mdevs);
		}
		if (r < 0)
			return r;
	}
	node_remove_name(m->tree, node_dir(m->tree, m->class, "mdev_bus"), p->name);
	node_remove_name(m->tree, p->parent, "mdev_supported_types");
	uevent(m, p->parent, "change", "pci", "MDEV_STATE=unregistered");
	while (*at && *at != p)
		at = &(*at)->next;
	if (*at)
		*at = p->next;
	f->pool = NULL;
	machine_retire(m, p);
	return 0;
}

bool mdev_is_used(const struct pci *parent)
{
	for (const struct mdev_device *d = parent->pool ? parent->pool->mdevs : NULL; d;
	     d = d->next)
		if (d->dev.vfio && d->dev.vfio->users)
			return true;
	return false;
}

struct device *mdev_find(const struct machine *m, const char *uuid)
{
	for (struct mdev_pool *p = m->pools; p; p = p->next)
		for (struct mdev_device *d = p->mdevs; d; d = d->next)
			if (str_eq(d->dev.name, uuid))
				return &d->dev;
	return NULL;
}

void mdev_init(struct machine *m)
{
	for (size_t i = 0; i < m->host->n_parents; i++) {
		const struct host_parent *parent = &m->host->parents[i];
		char path[NAME_SIZE * 3];
		(void)STR_FORMAT(path, "virtual/%s/%s", parent->name, parent->name);
		struct node *dir = node_path(m->tree, m->devices, path);
		struct node *class = node_dir(m->tree, m->class, parent->name);
		node_text(m->tree, dir, "uevent", "%s", "")->mode = 0644;
		node_dir(m->tree, dir, "power");
		node_link(m->tree, dir, "subsystem", class);
		node_link(m->tree, class, parent->name, dir);
		parent_make(m, &parent->model, dir, parent->name, parent->name);
		uevent(m, dir, "change", parent->name, "MDEV_STATE=registered");
	}
}
