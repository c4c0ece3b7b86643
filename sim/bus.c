/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * PCI functions and their places: buses are numbered depth first, each function gets its directory, its
 * files, its links and its group, and is announced (pci_scan_child_bus(), pci_device_add(),
 * pci_bus_add_device() in drivers/pci of Linux 6.12; Documentation/ABI/testing/sysfs-bus-pci).
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/num.h"
#include "sim/machine.h"

struct pci *pci_of(const struct node *n)
{
	return n->owner;
}

bool bus_is_bridge(const struct pci *f)
{
	return f->model->class >> 8 == 0x0604;
}

/* A line of the root complex, by device number (INTx, PCI Express 6.0, 2.2.8.1). */
unsigned bus_irq(const struct pci *f)
{
	return 16 + (f->devfn >> 3) % 8;
}

static struct machine *machine_of(const struct node *n)
{
	return pci_of(n)->dev.machine;
}

struct pci *bus_find(const struct machine *m, const char *addr)
{
	struct pci *f = m->functions;
	while (f && !str_eq(f->dev.name, addr))
		f = f->next;
	return f;
}

/* --- files ----------------------------------------------------------------------------------- */

#define SHOW(name, ...)                                                                            \
	static int show_##name(struct node *n, struct str_buf *out)                                \
	{                                                                                          \
		const struct pci *f = pci_of(n);                                                   \
		const struct host_model *t = f->model;                                             \
		(void)t;                                                                           \
		str_buf_addf(out, __VA_ARGS__);                                                    \
		return 0;                                                                          \
	}                                                                                          \
	static const struct file_ops ops_##name = { .show = show_##name }

SHOW(vendor, "0x%04x\n", t->vendor);
SHOW(device, "0x%04x\n", f->pf ? f->pf->model->vf_device : t->device);
SHOW(subsystem_vendor, "0x%04x\n", t->subvendor);
SHOW(subsystem_device, "0x%04x\n", t->subdevice);
SHOW(class, "0x%06x\n", t->class);
SHOW(revision, "0x%02x\n", t->revision);
SHOW(irq, "%u\n", f->driver ? bus_irq(f) : 0);
SHOW(ari_enabled, "%u\n", t->ari ? 1 : 0);
SHOW(dma_mask_bits, "%u\n", f->dma_bits);
SHOW(msi_bus, "1\n");
SHOW(boot_vga, "%u\n", f->slot && f->slot->boot_vga ? 1 : 0);
SHOW(secondary, "%u\n", f->secondary);
SHOW(subordinate, "%u\n", f->subordinate);
/* Without the capability nothing is known before the first pci_enable_device(), which says D0. */
SHOW(power_state, "%s\n",
     f->state.off  ? "unknown"
     : f->state.d3 ? "D3hot"
     : f->state.d0 ? "D0"
		   : "unknown");
SHOW(control, "auto\n");
SHOW(runtime_status, "%s\n", f->state.d3 ? "suspended" : "active");

static unsigned device_id(const struct pci *f)
{
	return f->pf ? f->pf->model->vf_device : f->model->device;
}

static void modalias(const struct pci *f, struct str_buf *out)
{
	const struct host_model *t = f->model;
	str_buf_addf(out, "pci:v%08Xd%08Xsv%08Xsd%08Xbc%02Xsc%02Xi%02X\n", t->vendor, device_id(f),
		     t->subvendor, t->subdevice, t->class >> 16, t->class >> 8 & 0xff,
		     t->class & 0xff);
}

static int show_modalias(struct node *n, struct str_buf *out)
{
	modalias(pci_of(n), out);
	return 0;
}
static const struct file_ops ops_modalias = { .show = show_modalias };

/* pci_uevent(), drivers/pci/pci-driver.c */
void bus_uevent_text(const struct pci *f, struct str_buf *out)
{
	const struct host_model *t = f->model;
	if (f->driver)
		str_buf_addf(out, "DRIVER=%s\n", f->driver->name);
	str_buf_addf(out, "PCI_CLASS=%04X\nPCI_ID=%04X:%04X\nPCI_SUBSYS_ID=%04X:%04X\n", t->class,
		     t->vendor, device_id(f), t->subvendor, t->subdevice);
	str_buf_addf(out, "PCI_SLOT_NAME=%s\nMODALIAS=", f->dev.name);
	modalias(f, out);
}

static int show_uevent(struct node *n, struct str_buf *out)
{
	bus_uevent_text(pci_of(n), out);
	return 0;
}

void bus_event(const struct pci *f, const char *action)
{
	struct str_buf text = { 0 };
	bus_uevent_text(f, &text);
	uevent(f->dev.machine, f->dev.dir, action, "pci", text.text);
	str_buf_done(&text);
}

static int store_uevent(struct node *n, const char *text, size_t len)
{
	(void)len;
	if (!uevent_action_valid(text))
		return -EINVAL;
	bus_event(pci_of(n), text);
	return 0;
}
static const struct file_ops ops_uevent = { .show = show_uevent, .store = store_uevent };

static int show_resource(struct node *n, struct str_buf *out)
{
	const struct pci *f = pci_of(n);
	uint64_t at = (uint64_t)f->config[0x13] << 24 | (uint64_t)f->config[0x12] << 16 |
		      (uint64_t)f->config[0x15] << 40 | (uint64_t)f->config[0x14] << 32;
	uint64_t size = f->model->memory ? f->model->memory : 16 << 20;
	for (unsigned i = 0; i < 13; i++)
		if (i == 0 && at)
			str_buf_addf(out, "0x%016llx 0x%016llx 0x%016x\n", (unsigned long long)at,
				     (unsigned long long)(at + size - 1), 0x14220c);
		else
			str_buf_addf(out, "0x%016x 0x%016x 0x%016x\n", 0, 0, 0);
	return 0;
}
static const struct file_ops ops_resource = { .show = show_resource };

static int show_local_cpulist(struct node *n, struct str_buf *out)
{
	const struct pci *f = pci_of(n);
	const struct host *h = f->dev.machine->host;
	unsigned each = f->numa < 0 ? h->cpus : h->cpus / h->nodes;
	unsigned first = f->numa < 0 ? 0 : (unsigned)f->numa * each;
	str_buf_addf(out, each > 1 ? "%u-%u\n" : "%u\n", first, first + each - 1);
	return 0;
}
static const struct file_ops ops_local_cpulist = { .show = show_local_cpulist };

static unsigned link_gt(const struct pci *f)
{
	return f->model->link_gt ? f->model->link_gt : 16;
}

static unsigned link_width(const struct pci *f)
{
	return f->model->link_width ? f->model->link_width : 16;
}

/* Who is at the other end of its link. */
static const struct pci *link_partner(const struct pci *f)
{
	bool down = f->model->port == HOST_PORT_ROOT || f->model->port == HOST_PORT_DOWNSTREAM;
	const struct pci *o = f->dev.machine->functions;
	if (!down)
		return f->bridge ? f->bridge : f;
	while (o && (o->bridge != f || o->pf))
		o = o->next;
	return o ? o : f;
}

static void speed_text(unsigned gt, struct str_buf *out)
{
	str_buf_addf(out, gt == 2 ? "2.5 GT/s PCIe\n" : "%u.0 GT/s PCIe\n", gt);
}

static int show_max_speed(struct node *n, struct str_buf *out)
{
	speed_text(link_gt(pci_of(n)), out);
	return 0;
}
static const struct file_ops ops_max_speed = { .show = show_max_speed };
SHOW(max_width, "%u\n", link_width(f));

/* Both ends of a link agree on what both can do (PCIe 6.0, 4.2.4). */
static int show_speed(struct node *n, struct str_buf *out)
{
	unsigned own = link_gt(pci_of(n)), other = link_gt(link_partner(pci_of(n)));
	speed_text(own < other ? own : other, out);
	return 0;
}
static const struct file_ops ops_speed = { .show = show_speed };

static int show_width(struct node *n, struct str_buf *out)
{
	unsigned own = link_width(pci_of(n)), other = link_width(link_partner(pci_of(n)));
	str_buf_addf(out, "%u\n", own < other ? own : other);
	return 0;
}
static const struct file_ops ops_width = { .show = show_width };

/* enable_store(): counted, and not for a function that has a driver. */
static int show_enable(struct node *n, struct str_buf *out)
{
	str_buf_addf(out, "%u\n", pci_of(n)->enabled);
	return 0;
}

void bus_enable(struct pci *f)
{
	for (struct pci *b = f->bridge; b; b = b->bridge)
		if (!b->enabled)
			b->enabled = 1; /* pci_enable_bridge(): and it stays so */
	f->enabled++;
	f->state.d0 = true;
}

void bus_disable(struct pci *f)
{
	if (f->enabled)
		f->enabled--;
}

static int store_enable(struct node *n, const char *text, size_t len)
{
	struct pci *f = pci_of(n);
	uint64_t value;
	(void)len;
	if (num_parse(text, 0, UINT64_MAX, &value) < 0)
		return -EINVAL;
	int r = klock_take(f->dev.machine, &f->dev.lock, "enable");
	if (r < 0)
		return r;
	if (f->dev.gone)
		r = -ENODEV;
	else if (f->driver)
		r = -EBUSY;
	else if (value)
		bus_enable(f);
	else if (f->enabled)
		bus_disable(f);
	else
		r = -EIO;
	klock_release(f->dev.machine, &f->dev.lock);
	return r;
}
static const struct file_ops ops_enable = { .show = show_enable, .store = store_enable };

static int show_broken_parity(struct node *n, struct str_buf *out)
{
	str_buf_addf(out, "%u\n", pci_of(n)->broken_parity ? 1 : 0);
	return 0;
}

static int store_broken_parity(struct node *n, const char *text, size_t len)
{
	uint64_t value;
	(void)len;
	if (num_parse(text, 0, UINT64_MAX, &value) < 0)
		return -EINVAL;
	pci_of(n)->broken_parity = value != 0;
	return 0;
}
static const struct file_ops ops_broken_parity = { .show = show_broken_parity,
						   .store = store_broken_parity };

/* They have a lock of their own, seen in the lab (Linux 6.12.117); kernels before took the device lock for
 * both, and who asked for a function that is being unbound waited. */
static int show_override(struct node *n, struct str_buf *out)
{
	const struct pci *f = pci_of(n);
	str_buf_addf(out, "%s\n", f->override[0] ? f->override : "(null)");
	return 0;
}

/* What is behind a newline is not looked at. */
static int store_override(struct node *n, const char *text, size_t len)
{
	struct pci *f = pci_of(n);
	if (len >= 4095)
		return -EINVAL;
	return STR_FORMAT(f->override, "%.*s", (int)strcspn(text, "\n"), text) < 0 ? -EINVAL : 0;
}
static const struct file_ops ops_override = { .show = show_override, .store = store_override };

static int show_d3cold(struct node *n, struct str_buf *out)
{
	str_buf_addf(out, "%u\n", pci_of(n)->state.d3cold_allowed ? 1 : 0);
	return 0;
}

/* d3cold_allowed_store() wakes the function. */
static int store_d3cold(struct node *n, const char *text, size_t len)
{
	uint64_t value;
	(void)len;
	if (num_parse(text, 0, UINT32_MAX, &value) < 0)
		return -EINVAL;
	pci_of(n)->state.d3cold_allowed = value != 0;
	pci_of(n)->state.d3 = false;
	return 0;
}
static const struct file_ops ops_d3cold = { .show = show_d3cold, .store = store_d3cold };

static int show_numa(struct node *n, struct str_buf *out)
{
	str_buf_addf(out, "%d\n", pci_of(n)->numa);
	return 0;
}

/* numa_node_store(): a node that is online, or -1; the kernel is tainted by it. */
static int store_numa(struct node *n, const char *text, size_t len)
{
	uint64_t value;
	bool none = str_eq(text, "-1");
	(void)len;
	if (!none && num_parse(text, 0, machine_of(n)->host->nodes - 1, &value) < 0)
		return -EINVAL;
	pci_of(n)->numa = none ? -1 : (int)value;
	return 0;
}
static const struct file_ops ops_numa = { .show = show_numa, .store = store_numa };

static int store_remove(struct node *n, const char *text, size_t len)
{
	uint64_t value;
	(void)len;
	if (num_parse(text, 0, UINT32_MAX, &value) < 0)
		return -EINVAL;
	return value ? bus_remove(pci_of(n)) : 0;
}
static const struct file_ops ops_remove = { .store = store_remove };

/* One lock for all rescans and removals of the host. Functions that were removed are found again; VFs
 * are not. */
static int rescan(struct machine *m, const char *text)
{
	uint64_t value;
	if (num_parse(text, 0, UINT32_MAX, &value) < 0)
		return -EINVAL;
	if (!value)
		return 0;
	int r = klock_take(m, &m->rescan, "rescan");
	if (r < 0)
		return r;
	bus_scan(m);
	klock_release(m, &m->rescan);
	driver_attach_all(m);
	return 0;
}

static int store_rescan(struct node *n, const char *text, size_t len)
{
	(void)len;
	return rescan(machine_of(n), text);
}
static const struct file_ops ops_rescan = { .store = store_rescan };

static int store_bus_rescan(struct node *n, const char *text, size_t len)
{
	(void)len;
	return rescan(n->owner, text);
}
static const struct file_ops ops_bus_rescan = { .store = store_bus_rescan };

static bool is_vga(const struct pci *f)
{
	return f->model->class >> 8 == 0x0300;
}

static bool no_vf(const struct pci *f)
{
	return !f->pf;
}

static bool is_express(const struct pci *f)
{
	return f->model->port != HOST_PORT_LEGACY && f->model->port != HOST_PORT_INTEGRATED;
}

static const struct {
	const char *name;
	mode_t mode;
	const struct file_ops *ops;
	bool (*has)(const struct pci *f); /* NULL: all functions */
} files[] = {
	{ "vendor", 0444, &ops_vendor, NULL },
	{ "device", 0444, &ops_device, NULL },
	{ "subsystem_vendor", 0444, &ops_subsystem_vendor, NULL },
	{ "subsystem_device", 0444, &ops_subsystem_device, NULL },
	{ "class", 0444, &ops_class, NULL },
	{ "revision", 0444, &ops_revision, NULL },
	{ "modalias", 0444, &ops_modalias, NULL },
	{ "uevent", 0644, &ops_uevent, NULL },
	{ "config", 0644, &config_ops, NULL },
	{ "resource", 0444, &ops_resource, NULL },
	{ "irq", 0444, &ops_irq, NULL },
	{ "enable", 0644, &ops_enable, NULL },
	{ "numa_node", 0644, &ops_numa, NULL },
	{ "local_cpulist", 0444, &ops_local_cpulist, NULL },
	{ "dma_mask_bits", 0444, &ops_dma_mask_bits, NULL },
	{ "consistent_dma_mask_bits", 0444, &ops_dma_mask_bits, NULL },
	{ "msi_bus", 0644, &ops_msi_bus, NULL },
	{ "broken_parity_status", 0644, &ops_broken_parity, NULL },
	{ "ari_enabled", 0444, &ops_ari_enabled, NULL },
	{ "driver_override", 0644, &ops_override, NULL },
	{ "power_state", 0444, &ops_power_state, NULL },
	{ "d3cold_allowed", 0644, &ops_d3cold, NULL },
	{ "boot_vga", 0444, &ops_boot_vga, is_vga },
	{ "secondary_bus_number", 0444, &ops_secondary, bus_is_bridge },
	{ "subordinate_bus_number", 0444, &ops_subordinate, bus_is_bridge },
	{ "remove", 0220, &ops_remove, no_vf },
	{ "rescan", 0200, &ops_rescan, no_vf },
	{ "max_link_speed", 0444, &ops_max_speed, is_express },
	{ "max_link_width", 0444, &ops_max_width, is_express },
	{ "current_link_speed", 0444, &ops_speed, is_express },
	{ "current_link_width", 0444, &ops_width, is_express },
};

static void make_files(struct pci *f)
{
	struct tree *t = f->dev.machine->tree;
	struct node *power = node_dir(t, f->dev.dir, "power");
	for (size_t i = 0; i < sizeof(files) / sizeof(*files); i++)
		if (!files[i].has || files[i].has(f))
			node_file(t, f->dev.dir, files[i].name, files[i].mode, files[i].ops, f);
	node_file(t, power, "control", 0644, &ops_control, f);
	node_file(t, power, "runtime_status", 0444, &ops_runtime_status, f);
	reset_init(f);
	sriov_init(f);
}

/* --- adding ---------------------------------------------------------------------------------- */

static struct node *root_dir(struct machine *m, unsigned domain, unsigned bus)
{
	char name[NAME_SIZE];
	(void)STR_FORMAT(name, "pci%04x:%02x", domain, bus);
	return node_dir(m->tree, m->devices, name);
}

static const struct host_root *root_of(const struct pci *f)
{
	const struct host *h = f->dev.machine->host;
	while (f->bridge)
		f = f->bridge;
	for (size_t i = 0; i < h->n_roots; i++)
		if (h->roots[i].domain == f->domain && h->roots[i].number == f->bus)
			return &h->roots[i];
	return NULL;
}

static void links(struct pci *f)
{
	struct machine *m = f->dev.machine;
	node_link(m->tree, node_path(m->tree, m->bus_pci, "devices"), f->dev.name, f->dev.dir);
	node_link(m->tree, f->dev.dir, "subsystem", m->bus_pci);
}

struct pci *bus_add(struct machine *m, struct pci *bridge, const struct host_slot *slot,
		    const struct host_model *model, unsigned domain, unsigned bus, unsigned devfn)
{
	struct pci *f = machine_object(m, sizeof(*f));
	f->dev.machine = m;
	f->bridge = bridge;
	f->slot = slot;
	f->model = model;
	f->domain = (uint16_t)domain;
	f->bus = (uint8_t)bus;
	f->devfn = (uint8_t)devfn;
	f->autoprobe = true;
	f->dma_bits = 32; /* until a driver says otherwise */
	f->total_vfs = model->vfs;
	(void)STR_FORMAT(f->dev.name, "%04x:%02x:%02x.%u", domain, bus, devfn >> 3, devfn & 7);
	const struct host_root *root = root_of(f);
	f->numa = root ? root->numa : -1;
	f->dev.dir = node_dir(
		m->tree, bridge ? bridge->dev.dir : root_dir(m, domain, root ? root->number : bus),
		f->dev.name);
	*m->functions_end = f;
	m->functions_end = &f->next;
	return f;
}

/* The second half: once its kind is settled (a VF knows its PF, a bridge its buses). */
void bus_announce(struct pci *f)
{
	config_build(f);
	/* pci_pm_init(): without the capability neither is so. */
	f->state.d3cold_allowed = f->state.d0 = config_has_pm(f);
	make_files(f);
	links(f);
	group_join(f);
	bus_event(f, "add");
}

/* --- scanning -------------------------------------------------------------------------------- */

struct scan {
	struct machine *m;
	const struct host_root *root;
	unsigned next; /* bus number */
	bool first;    /* at power-on nothing was found before */
};

static void scan_bus(struct scan *s, struct pci *bridge, const struct host_slot *slots, size_t n,
		     unsigned bus);

/* What an earlier scan found there. */
static struct pci *found_before(const struct scan *s, unsigned bus, unsigned devfn)
{
	char addr[PCI_ADDR_SIZE];
	if (s->first)
		return NULL;
	(void)STR_FORMAT(addr, "%04x:%02x:%02x.%u", s->root->domain, bus, devfn >> 3, devfn & 7);
	return bus_find(s->m, addr);
}

static bool has_sibling(const struct host_slot *slots, size_t n, unsigned devfn)
{
	for (size_t i = 0; i < n; i++)
		for (unsigned d = slots[i].first; d <= slots[i].last; d++)
			if (d != devfn && d >> 3 == devfn >> 3)
				return true;
	return false;
}

/* VFs whose numbers cross the end of the bus need more buses (pci_iov_bus_range()). */
static unsigned buses_of_vfs(const struct host_model *t, unsigned devfn)
{
	if (!t->vfs)
		return 0;
	return (devfn + t->vf_offset + (t->vfs - 1) * t->vf_stride) >> 8;
}

static struct pci *scan_bridge(struct scan *s, struct pci *f, const struct host_slot *slot)
{
	f->secondary = (uint8_t)(slot->bus ? slot->bus : s->next);
	s->next = f->secondary + 1u;
	f->subordinate = 0xff;
	return f;
}

static void scan_one(struct scan *s, struct pci *bridge, const struct host_slot *slots, size_t n,
		     const struct host_slot *slot, unsigned bus, unsigned devfn)
{
	struct pci *f = found_before(s, bus, devfn);
	if (f && bus_is_bridge(f)) {
		scan_bus(s, f, slot->slots, slot->n_slots, f->secondary);
		s->next = f->subordinate + 1u;
	}
	if (f)
		return;
	f = bus_add(s->m, bridge, slot, slot->model, s->root->domain, bus, devfn);
	f->multifunction = has_sibling(slots, n, devfn);
	if (!bus_is_bridge(f)) {
		bus_announce(f);
		return;
	}
	scan_bridge(s, f, slot);
	bus_announce(f);
	scan_bus(s, f, slot->slots, slot->n_slots, f->secondary);
	f->subordinate = (uint8_t)(s->next - 1);
	f->config[0x1a] = f->subordinate;
}

static void scan_bus(struct scan *s, struct pci *bridge, const struct host_slot *slots, size_t n,
		     unsigned bus)
{
	unsigned most = 0;
	for (size_t i = 0; i < n; i++)
		for (unsigned devfn = slots[i].first; devfn <= slots[i].last; devfn++)
			if (buses_of_vfs(slots[i].model, devfn) > most)
				most = buses_of_vfs(slots[i].model, devfn);
	if (s->next < bus + most + 1)
		s->next = bus + most + 1;
	for (size_t i = 0; i < n; i++)
		for (unsigned devfn = slots[i].first; devfn <= slots[i].last; devfn++)
			scan_one(s, bridge, slots, n, &slots[i], bus, devfn);
}

void bus_scan(struct machine *m)
{
	const bool first = !m->functions;
	for (size_t i = 0; i < m->host->n_roots; i++) {
		const struct host_root *root = &m->host->roots[i];
		struct scan s = {
			.m = m, .root = root, .next = root->number + 1 + m->shift, .first = first
		};
		struct node *dir = root_dir(m, root->domain, root->number);
		node_dir(m->tree, dir, "power");
		scan_bus(&s, NULL, root->slots, root->n_slots, root->number);
	}
}

/* --- leaving --------------------------------------------------------------------------------- */

static void functions_drop(struct pci *f)
{
	struct machine *m = f->dev.machine;
	struct pci **at = &m->functions;
	while (*at && *at != f)
		at = &(*at)->next;
	if (!*at)
		return;
	*at = f->next;
	if (m->functions_end == &f->next)
		m->functions_end = at;
}

/* Of a function without a driver: files and links, then the event. */
void bus_forget(struct pci *f)
{
	struct machine *m = f->dev.machine;
	if (f->dev.gone)
		return;
	f->dev.gone = true;
	node_remove_name(m->tree, node_path(m->tree, m->bus_pci, "devices"), f->dev.name);
	bus_event(f, "remove");
	group_leave(&f->dev);
	node_remove(m->tree, f->dev.dir);
	functions_drop(f);
	machine_retire(m, f->config);
	machine_retire(m, f->vfs);
	machine_retire(m, f->vf_settings);
	machine_retire(m, f->secondaries);
	machine_retire(m, f);
	machine_wake(m);
}

static int remove_one(struct pci *f);

static int remove_below(struct pci *bridge)
{
	struct machine *m = bridge->dev.machine;
	for (struct pci *f = m->functions; f;) {
		if (f->bridge != bridge || f->pf) {
			f = f->next;
			continue;
		}
		int r = remove_one(f);
		if (r < 0)
			return r;
		f = m->functions;
	}
	return 0;
}

/* pci_stop_and_remove_bus_device(): drivers first, from below. */
static int remove_one(struct pci *f)
{
	struct machine *m = f->dev.machine;
	int r = remove_below(f);
	if (r >= 0)
		r = klock_take(m, &f->dev.lock, "remove");
	if (r < 0)
		return r;
	r = driver_detach(f);
	if (r >= 0 && f->num_vfs)
		r = sriov_disable(f);
	klock_release(m, &f->dev.lock);
	if (r >= 0)
		bus_forget(f);
	return r;
}

int bus_remove(struct pci *f)
{
	struct machine *m = f->dev.machine;
	int r = klock_take(m, &m->rescan, "remove");
	if (r < 0)
		return r;
	r = f->dev.gone ? -ENODEV : remove_one(f);
	klock_release(m, &m->rescan);
	return r;
}

void bus_off(struct pci *f)
{
	f->state.off = true;
	/* Also those that are being made or removed. */
	for (unsigned i = 0; f->vfs && i < f->model->vfs; i++)
		if (f->vfs[i])
			f->vfs[i]->state.off = true;
}

/* It answers nothing from now on, and the kernel takes it away as soon as it can. */
void bus_pull(struct pci *f)
{
	bus_off(f);
	(void)bus_remove(f);
}

void bus_init(struct machine *m)
{
	m->devices = node_dir(m->tree, m->sys, "devices");
	m->class = node_dir(m->tree, m->sys, "class");
	m->bus_pci = node_path(m->tree, m->sys, "bus/pci");
	node_dir(m->tree, m->bus_pci, "devices");
	node_dir(m->tree, m->bus_pci, "drivers");
	node_dir(m->tree, m->bus_pci, "slots");
	node_file(m->tree, m->bus_pci, "rescan", 0200, &ops_bus_rescan, m);
}
