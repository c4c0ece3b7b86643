/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Drivers of the simulated kernel: which function they take, when, and what their files answer
 * (drivers/base/bus.c, drivers/base/dd.c, drivers/pci/pci-driver.c of Linux 6.12).
 */
#include <errno.h>
#include <stdlib.h>

#include "base/num.h"
#include "sim/machine.h"
#include "sim/nvidia-vgpu.h"
#include "sriov/sriov.h"

/*
 * What is known of drivers. vfs: whether they have sriov_configure(); leave: what their VFs do when they
 * leave. Sources, Linux 6.12 and 7.2: igb (igb_main.c igb_remove()), nvme (pci.c, pci_sriov_configure_simple();
 * VFs stay: seen in the lab), mlx5_core (core/sriov.c), ice (ice_sriov.c), xe (xe_pci_sriov.c), amdgpu, idxd
 * (none), vfio-pci (vfio_pci.c: ENOENT without enable_sriov). nvidia: the open part has none and public
 * projects report a refusal. Which make all VFs, whatever was asked, is known to sriov_driver_vfs().
 */
static const struct {
	const char *name;
	enum host_vfs vfs;
	enum host_leave leave;
	uint32_t probe_ms;
	uint32_t at_most;
} known[] = {
	{ "pcieport", HOST_VFS_NO, HOST_LEAVE_REMOVES, 0, 0 },
	{ "vfio-pci", HOST_VFS_NO, HOST_LEAVE_REMOVES, 1, 0 },
	{ "pci-stub", HOST_VFS_NO, HOST_LEAVE_REMOVES, 0, 0 },
	{ "igb", HOST_VFS_YES, HOST_LEAVE_REMOVES, 80, 7 },
	{ "igbvf", HOST_VFS_NO, HOST_LEAVE_REMOVES, 20, 0 },
	{ "ixgbe", HOST_VFS_YES, HOST_LEAVE_REMOVES, 100, 63 },
	{ "ixgbevf", HOST_VFS_NO, HOST_LEAVE_REMOVES, 20, 0 },
	{ "i40e", HOST_VFS_YES, HOST_LEAVE_REMOVES, 150, 0 },
	{ "ice", HOST_VFS_YES, HOST_LEAVE_REMOVES, 200, 0 },
	{ "iavf", HOST_VFS_NO, HOST_LEAVE_REMOVES, 20, 0 },
	{ "mlx5_core", HOST_VFS_YES, HOST_LEAVE_REMOVES, 300, 0 },
	{ "e1000", HOST_VFS_NO, HOST_LEAVE_REMOVES, 60, 0 },
	{ "nvme", HOST_VFS_YES, HOST_LEAVE_KEEPS, 40, 0 },
	{ "virtio-pci", HOST_VFS_YES, HOST_LEAVE_KEEPS, 5, 0 },
	{ "xe", HOST_VFS_YES, HOST_LEAVE_REMOVES, 300, 0 },
	{ "i915", HOST_VFS_YES, HOST_LEAVE_REMOVES, 300, 0 },
	{ "amdgpu", HOST_VFS_NO, HOST_LEAVE_REMOVES, 800, 0 },
	{ "nvidia", HOST_VFS_REFUSE, HOST_LEAVE_REMOVES, 500, 0 },
	{ "nouveau", HOST_VFS_NO, HOST_LEAVE_REMOVES, 500, 0 },
	{ "idxd", HOST_VFS_NO, HOST_LEAVE_REMOVES, 20, 0 },
	{ "4xxx", HOST_VFS_DEFAULT, HOST_LEAVE_REMOVES, 200, 0 },
};

/* Drivers of VFIO whose names this kernel has; variants are taken by those who ask for them. */
static const char *const vfio_drivers[] = { "vfio-pci" };

struct dynamic_id {
	struct dynamic_id *next;
	uint32_t vendor, device;
};

struct driver *driver_find(const struct machine *m, const char *name)
{
	struct driver *d = m->drivers;
	while (d && !str_eq(d->name, name))
		d = d->next;
	return d;
}

/* --- events and links ------------------------------------------------------------------------ */

static void bound(struct pci *f, struct driver *d)
{
	struct machine *m = f->dev.machine;
	f->driver = d;
	node_link(m->tree, d->dir, f->dev.name, f->dev.dir);
	node_link(m->tree, f->dev.dir, "driver", d->dir);
	bus_event(f, "bind");
	machine_wake(m);
}

static void link_drop(struct pci *f)
{
	struct machine *m = f->dev.machine;
	node_remove_name(m->tree, f->driver->dir, f->dev.name);
	node_remove_name(m->tree, f->dev.dir, "driver");
}

/* --- probing --------------------------------------------------------------------------------- */

/* vfio_pci_core_register_device(), drivers/vfio/pci/vfio_pci_core.c: no bridges, no PF that has VFs; the
 * deny list of vfio_pci.c has DSA and IAA of its day (8086:0b25, 8086:0cfe). */
static int probe_vfio(struct pci *f)
{
	bool denied = f->model->vendor == 0x8086 &&
		      (f->model->device == 0x0b25 || f->model->device == 0x0cfe);
	if (bus_is_bridge(f) || denied)
		return -EINVAL;
	if (f->num_vfs)
		return -EBUSY;
	int r = vfio_register(&f->dev);
	if (r < 0)
		return r;
	f->state.d0 = true;
	f->state.d3 = config_has_pm(f);
	return 0;
}

/* An NVMe controller without queues does not come up: nvme_pci_enable() and the lab. NVIDIA's driver wants no VF
 * without an IOMMU, and none at all unless it makes vGPUs (kernel-open/nvidia/nv-pci.c of 595.45). */
static int probe_native(struct pci *f, const struct driver *d)
{
	if (str_eq(d->name, "nvme") && f->pf && !nvme_vf_online(f)) {
		class_nvme_fail(f);
		return -ENODEV;
	}
	if (str_eq(d->name, "nvidia") && f->pf && !nvidia_vgpu_takes(f))
		return -ENODEV;
	return 0;
}

/* pci_dma_configure(): not when its group is in the hands of a user. */
static bool can_configure(const struct pci *f, const struct driver *d)
{
	return d->shares_group || !f->dev.group || !f->dev.group->opened;
}

const char *driver_own(const struct pci *f)
{
	return f->pf ? f->model->vf_driver : f->model->driver;
}

/* What it makes of the function; those that take anything make nothing. */
static bool is_own(const struct pci *f, const struct driver *d)
{
	return str_eq(d->name, driver_own(f));
}

/* dma_set_mask() of 64 bits; what VFIO's users need is theirs to say. */
static bool sets_dma_mask(const struct driver *d)
{
	static const char *const leave_it[] = { "pcieport", "pci-stub", "e1000" };
	for (size_t i = 0; i < sizeof(leave_it) / sizeof(*leave_it); i++)
		if (str_eq(d->name, leave_it[i]))
			return false;
	return !d->vfio;
}

static int probe(struct pci *f, const struct driver *d)
{
	int r = machine_sleep(f->dev.machine, d->probe_ms);
	if (r == 0 && f->state.off)
		r = -EIO;
	if (r == 0)
		r = d->vfio ? probe_vfio(f) : probe_native(f, d);
	if (r == 0 && is_own(f, d))
		r = class_add(f);
	return r;
}

int driver_probe(struct pci *f, struct driver *d)
{
	if (!can_configure(f, d))
		return -EBUSY;
	f->uses_dma = !d->shares_group;
	int r = probe(f, d);
	if (r < 0) {
		f->uses_dma = false;
		return r;
	}
	f->total_vfs = d->vfs_at_most && d->vfs_at_most < f->model->vfs ? d->vfs_at_most
									: f->model->vfs;
	/* VFIO enables it for a user only (vfio_pci_core_enable()). */
	if (!d->vfio)
		bus_enable(f);
	if (sets_dma_mask(d))
		f->dma_bits = 64;
	bound(f, d);
	if (is_own(f, d))
		mdev_parent_init(f);
	return 0;
}

static bool has_id(const struct driver *d, const struct pci *f)
{
	unsigned device = bus_device_id(f);
	for (const struct dynamic_id *i = d->ids; i; i = i->next)
		if (i->vendor == f->model->vendor && i->device == device)
			return true;
	return false;
}

static bool matches(const struct driver *d, const struct pci *f)
{
	if (f->override[0])
		return str_eq(d->name, f->override);
	return has_id(d, f) || is_own(f, d);
}

/* pci_device_probe(): a VF whose PF does not want its VFs probed is left alone, unless an override
 * names the driver (pci_device_can_probe()). */
static bool may_probe(const struct pci *f)
{
	return !f->pf || f->pf->autoprobe || f->override[0];
}

int driver_attach(struct pci *f)
{
	struct machine *m = f->dev.machine;
	for (struct driver *d = m->drivers; d && !f->driver; d = d->next) {
		if (!matches(d, f) || !may_probe(f))
			continue;
		if (!can_configure(f, d))
			return -EBUSY;
		(void)driver_probe(f, d);
	}
	return 0;
}

/* Each that is meant, in their order; they may leave meanwhile. d NULL: any driver that fits. */
static void attach_each(struct machine *m, bool (*meant)(struct pci *f, const struct driver *d),
			struct driver *d)
{
	size_t n = 0, all = 0;
	for (const struct pci *f = m->functions; f; f = f->next)
		all++;
	struct pci **list = calloc(all + 1, sizeof(struct pci *));
	if (!list)
		return;
	for (struct pci *f = m->functions; f; f = f->next)
		if (meant(f, d))
			list[n++] = f;
	for (size_t i = 0; i < n; i++) {
		if (klock_take(m, &list[i]->dev.lock, "probe") < 0)
			break;
		if (!list[i]->driver && !list[i]->dev.gone)
			(void)(d ? driver_probe(list[i], d) : driver_attach(list[i]));
		klock_release(m, &list[i]->dev.lock);
	}
	free(list);
}

static bool is_new(struct pci *f, const struct driver *d)
{
	bool new = f->found;
	(void)d;
	f->found = false;
	return new;
}

void driver_attach_new(struct machine *m)
{
	attach_each(m, is_new, NULL);
}

static bool is_wanted(struct pci *f, const struct driver *d)
{
	return !f->driver && may_probe(f) && matches(d, f);
}

/* The link goes before the driver has let go: seen in the lab with an unbind that waits. */
int driver_detach(struct pci *f)
{
	struct driver *d = f->driver;
	if (!d)
		return 0;
	link_drop(f);
	int r = mdev_parent_fini(f);
	if (r >= 0)
		r = d->vfio ? vfio_unregister(&f->dev) : sriov_driver_leaves(f, d);
	if (r >= 0 && is_own(f, d))
		r = class_remove(f);
	if (r < 0)
		return r;
	if (!d->vfio)
		bus_disable(f);
	f->driver = NULL;
	f->uses_dma = false;
	f->state.d3 = false;
	f->total_vfs = f->model->vfs;
	bus_event(f, "unbind");
	machine_wake(f->dev.machine);
	return 0;
}

/* --- files ----------------------------------------------------------------------------------- */

/* bind_store(): -ENODEV when there is no such function or the driver does not want it, -EBUSY when it has
 * one, else the errno of the probe. */
static int store_bind(struct node *n, const char *text, size_t len)
{
	struct driver *d = n->owner;
	struct machine *m = (struct machine *)(uintptr_t)n->number;
	struct pci *f = bus_find(m, text);
	(void)len;
	if (!f || !matches(d, f))
		return -ENODEV;
	int r = klock_take(m, &f->dev.lock, "bind");
	if (r < 0)
		return r;
	r = f->dev.gone	    ? -ENODEV
	    : f->driver	    ? -EBUSY
	    : !may_probe(f) ? -ENODEV
			    : driver_probe(f, d);
	klock_release(m, &f->dev.lock);
	return r;
}
static const struct file_ops ops_bind = { .store = store_bind };

static int store_unbind(struct node *n, const char *text, size_t len)
{
	struct driver *d = n->owner;
	struct machine *m = (struct machine *)(uintptr_t)n->number;
	struct pci *f = bus_find(m, text);
	(void)len;
	if (!f || f->driver != d)
		return -ENODEV;
	int r = klock_take(m, &f->dev.lock, "unbind");
	if (r < 0)
		return r;
	r = f->driver == d ? driver_detach(f) : 0;
	klock_release(m, &f->dev.lock);
	return r;
}
static const struct file_ops ops_unbind = { .store = store_unbind };

/* drivers_probe_store(): success also when nothing matched, or nobody wanted it. One that has a driver, be
 * it on its way out, is not waited for (bus_rescan_devices_helper()). */
static int store_probe(struct node *n, const char *text, size_t len)
{
	struct machine *m = n->owner;
	struct pci *f = bus_find(m, text);
	(void)len;
	if (!f)
		return -ENODEV;
	if (f->driver)
		return 0;
	int r = klock_take(m, &f->dev.lock, "drivers_probe");
	if (r < 0)
		return r;
	if (!f->driver && !f->dev.gone)
		r = driver_attach(f);
	klock_release(m, &f->dev.lock);
	return r < 0 ? -EINVAL : 0; /* drivers_probe_store() knows one error */
}
static const struct file_ops ops_probe = { .store = store_probe };

static int parse_ids(const char *text, uint32_t *vendor, uint32_t *device)
{
	char word[16];
	size_t len = strcspn(text, " ");
	if (len == 0 || len >= sizeof(word) || text[len] != ' ')
		return -EINVAL;
	memcpy(word, text, len);
	word[len] = '\0';
	if (num_parse_u32(word, 16, vendor) < 0)
		return -EINVAL;
	text += len + 1;
	len = strcspn(text, " ");
	if (len == 0 || len >= sizeof(word))
		return -EINVAL;
	memcpy(word, text, len);
	word[len] = '\0';
	return num_parse_u32(word, 16, device) < 0 ? -EINVAL : 0;
}

/* new_id_store(): this driver takes every function on the host that it fits and that has none
 * (pci_add_dynid(), driver_attach()). */
static int store_new_id(struct node *n, const char *text, size_t len)
{
	struct driver *d = n->owner;
	struct machine *m = (struct machine *)(uintptr_t)n->number;
	uint32_t vendor, device;
	(void)len;
	if (parse_ids(text, &vendor, &device) < 0)
		return -EINVAL;
	for (const struct dynamic_id *i = d->ids; i; i = i->next)
		if (i->vendor == vendor && i->device == device)
			return -EEXIST;
	struct dynamic_id *id = machine_object(m, sizeof(*id));
	*id = (struct dynamic_id){ d->ids, vendor, device };
	d->ids = id;
	attach_each(m, is_wanted, d);
	return 0;
}
static const struct file_ops ops_new_id = { .store = store_new_id };

static int store_remove_id(struct node *n, const char *text, size_t len)
{
	struct driver *d = n->owner;
	uint32_t vendor, device;
	(void)len;
	if (parse_ids(text, &vendor, &device) < 0)
		return -EINVAL;
	struct dynamic_id **at = (struct dynamic_id **)&d->ids;
	while (*at && !((*at)->vendor == vendor && (*at)->device == device))
		at = &(*at)->next;
	struct dynamic_id *id = *at;
	if (!id)
		return -ENODEV;
	*at = id->next;
	machine_retire((struct machine *)(uintptr_t)n->number, id);
	return 0;
}
static const struct file_ops ops_remove_id = { .store = store_remove_id };

/* --- which there are -------------------------------------------------------------------------- */

static void module_name(const char *driver, char ret[NAME_SIZE])
{
	(void)str_copy(ret, NAME_SIZE, driver);
	for (char *c = ret; *c; c++)
		if (*c == '-')
			*c = '_';
}

static void driver_files(struct machine *m, struct driver *d)
{
	static const struct {
		const char *name;
		const struct file_ops *ops;
	} files[] = {
		{ "bind", &ops_bind },
		{ "unbind", &ops_unbind },
		{ "new_id", &ops_new_id },
		{ "remove_id", &ops_remove_id },
	};
	char link[NAME_SIZE + 4];
	struct tree *t = m->tree;
	d->dir = node_path(t, m->bus_pci, "drivers");
	d->dir = node_dir(t, d->dir, d->name);
	for (size_t i = 0; i < sizeof(files) / sizeof(*files); i++)
		node_file(t, d->dir, files[i].name, 0200, files[i].ops, d)->number =
			(uint64_t)(uintptr_t)m;
	struct node *module = node_dir(t, node_dir(t, m->sys, "module"), d->module);
	node_text(t, module, "initstate", "live");
	node_link(t, d->dir, "module", module);
	(void)STR_FORMAT(link, "pci:%s", d->name);
	node_link(t, node_dir(t, module, "drivers"), link, d->dir);
}

static void driver_add(struct machine *m, const char *name)
{
	if (!name[0] || driver_find(m, name))
		return;
	const struct host_driver *described = NULL;
	for (size_t i = 0; i < m->host->n_drivers; i++)
		if (str_eq(m->host->drivers[i].name, name))
			described = &m->host->drivers[i];
	if (described && described->absent)
		return;
	struct driver *d = machine_object(m, sizeof(*d));
	(void)STR_COPY(d->name, name);
	module_name(name, d->module);
	d->vfio = driver_is_vfio(name);
	d->shares_group = d->vfio || str_eq(name, "pcieport") || str_eq(name, "pci-stub");
	d->vfs = sriov_driver_vfs(name) == SRIOV_VFS_ALL ? HOST_VFS_ALL : HOST_VFS_NO;
	d->leave = HOST_LEAVE_REMOVES;
	for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++)
		if (str_eq(known[i].name, name)) {
			d->vfs = known[i].vfs ? known[i].vfs : d->vfs;
			d->leave = known[i].leave;
			d->probe_ms = known[i].probe_ms;
			d->vfs_at_most = known[i].at_most;
		}
	if (described && described->vfs)
		d->vfs = described->vfs;
	if (described && described->leave)
		d->leave = described->leave;
	if (described && described->probe_ms)
		d->probe_ms = described->probe_ms;
	if (described)
		d->vgpu = described->vgpu;
	if (described && described->vfs_at_most)
		d->vfs_at_most = described->vfs_at_most;
	/* In the order of their adding, which is the order of matching. */
	struct driver **end = &m->drivers;
	while (*end)
		end = &(*end)->next;
	*end = d;
	driver_files(m, d);
}

static void drivers_of(struct machine *m, const struct host_slot *slots, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		driver_add(m, slots[i].model->driver);
		driver_add(m, slots[i].model->vf_driver);
		drivers_of(m, slots[i].slots, slots[i].n_slots);
	}
}

void driver_init(struct machine *m)
{
	node_file(m->tree, m->bus_pci, "drivers_probe", 0200, &ops_probe, m);
	driver_add(m, "pcieport");
	for (size_t i = 0; i < m->host->n_roots; i++)
		drivers_of(m, m->host->roots[i].slots, m->host->roots[i].n_slots);
	for (size_t i = 0; i < m->host->n_drivers; i++)
		driver_add(m, m->host->drivers[i].name);
	for (size_t i = 0; i < sizeof(vfio_drivers) / sizeof(*vfio_drivers); i++)
		driver_add(m, vfio_drivers[i]);
}
