/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * PCI functions and their places: buses are numbered depth first, each function gets its directory, its
 * files, its links and its group, and is announced (pci_scan_child_bus(), pci_device_add(),
 * pci_bus_add_device() in drivers/pci of Linux 6.12).
 */
#include <errno.h>
#include <stdlib.h>

#include "sim/machine.h"

struct pci *pci_of(const struct node *n)
{
	return n->owner;
}

bool bus_is_bridge(const struct pci *f)
{
	return f->model->class >> 8 == 0x0604;
}

/* Of a VF the model is its PF's. */
unsigned bus_device_id(const struct pci *f)
{
	return f->pf ? f->model->vf_device : f->model->device;
}

struct pci *bus_find(const struct machine *m, const char *addr)
{
	struct pci *f = m->functions;
	while (f && !str_eq(f->dev.name, addr))
		f = f->next;
	return f;
}

/* A line of the root complex, by device number (INTx, PCI Express 6.0, 2.2.8.1). */
unsigned bus_irq(const struct pci *f)
{
	return 16 + (f->devfn >> 3) % 8;
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
	f->found = true;
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
	bus_files_add(f);
	links(f);
	group_join(f);
	bus_event(f, "add");
}

/* --- scanning -------------------------------------------------------------------------------- */

struct scan {
	struct machine *m;
	const struct host_root *root;
	unsigned next;		/* bus number */
	bool first;		/* at power-on nothing was found before */
	const struct pci *near; /* only its bus and below; NULL: all */
	bool inside;		/* that is where it is */
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

static void scan_bridge(struct scan *s, struct pci *f, const struct host_slot *slot)
{
	f->secondary = (uint8_t)(slot->bus ? slot->bus : s->next);
	s->next = f->secondary + 1u;
	f->subordinate = 0xff;
}

static void scan_one(struct scan *s, struct pci *bridge, const struct host_slot *slots, size_t n,
		     const struct host_slot *slot, unsigned bus, unsigned devfn)
{
	struct pci *f = found_before(s, bus, devfn);
	if (f && bus_is_bridge(f)) {
		scan_bus(s, f, slot->slots, slot->n_slots, f->secondary);
		s->next = f->subordinate + 1u;
	}
	if (f || !s->inside)
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
	const bool outside = !s->inside;
	unsigned most = 0;
	if (s->near && s->near->domain == s->root->domain && s->near->bus == bus)
		s->inside = true;
	for (size_t i = 0; i < n; i++)
		for (unsigned devfn = slots[i].first; devfn <= slots[i].last; devfn++)
			if (buses_of_vfs(slots[i].model, devfn) > most)
				most = buses_of_vfs(slots[i].model, devfn);
	if (s->next < bus + most + 1)
		s->next = bus + most + 1;
	for (size_t i = 0; i < n; i++)
		for (unsigned devfn = slots[i].first; devfn <= slots[i].last; devfn++)
			scan_one(s, bridge, slots, n, &slots[i], bus, devfn);
	s->inside = !outside;
}

void bus_scan(struct machine *m, const struct pci *near)
{
	const bool first = !m->functions;
	for (size_t i = 0; i < m->host->n_roots; i++) {
		const struct host_root *root = &m->host->roots[i];
		struct scan s = { .m = m,
				  .root = root,
				  .next = root->number + 1 + m->shift,
				  .first = first,
				  .near = near,
				  .inside = !near };
		struct node *dir = root_dir(m, root->domain, root->number);
		node_dir(m->tree, dir, "power");
		scan_bus(&s, NULL, root->slots, root->n_slots, root->number);
	}
}

/* Where the numbers of a root end: with those of the next one. */
static unsigned root_end(const struct host *h, const struct host_root *root)
{
	unsigned end = 256;
	for (size_t i = 0; i < h->n_roots; i++)
		if (h->roots[i].domain == root->domain && h->roots[i].number > root->number &&
		    h->roots[i].number < end)
			end = h->roots[i].number;
	return end;
}

bool bus_can_shift(const struct machine *m)
{
	for (const struct pci *f = m->functions; f; f = f->next) {
		const struct host_root *root = root_of(f);
		unsigned last = f->subordinate > f->bus ? f->subordinate : f->bus;
		if (root && last + 1 >= root_end(m->host, root))
			return false;
	}
	return true;
}

/* pci_rescan_bus(): all of it behind the one lock of the host. */
int bus_rescan(struct machine *m, const struct pci *near)
{
	int r = klock_take(m, &m->rescan, "rescan");
	if (r < 0)
		return r;
	bus_scan(m, near);
	driver_attach_new(m);
	klock_release(m, &m->rescan);
	return 0;
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

static int each_below(struct pci *bridge, bool reverse, int (*act)(struct pci *f))
{
	struct pci *below[256];
	size_t n = 0;
	for (struct pci *f = bridge->dev.machine->functions; f; f = f->next)
		if (f->bridge == bridge && !f->pf && n < sizeof(below) / sizeof(*below))
			below[n++] = f;
	int r = 0;
	for (size_t i = 0; r == 0 && i < n; i++)
		r = act(below[reverse ? n - 1 - i : i]);
	return r;
}

/* Without its driver and its VFs; for ever, if it is forgotten. */
static int detach(struct pci *f, bool forgotten)
{
	struct machine *m = f->dev.machine;
	int r = klock_take(m, &f->dev.lock, "remove");
	if (r < 0)
		return r;
	r = f->dev.gone ? 0 : driver_detach(f);
	if (r >= 0 && f->num_vfs)
		r = sriov_disable(f);
	if (r >= 0 && forgotten)
		bus_forget(f);
	klock_release(m, &f->dev.lock);
	return r;
}

/* pci_stop_bus_device(): drivers go, from below, the last first. */
static int stop(struct pci *f)
{
	int r = bus_is_bridge(f) ? each_below(f, true, stop) : 0;
	return r < 0 ? r : detach(f, false);
}

/* pci_remove_bus_device(), device_del(): a driver that came since goes as well. */
static int forget(struct pci *f)
{
	int r = bus_is_bridge(f) ? each_below(f, false, forget) : 0;
	return r < 0 ? r : detach(f, true);
}

/* pci_stop_and_remove_bus_device(): all have stopped before the first one goes. */
static int remove_locked(struct pci *f)
{
	int r = f->dev.gone ? -ENODEV : stop(f);
	return r < 0 ? r : forget(f);
}

int bus_remove(struct pci *f)
{
	struct machine *m = f->dev.machine;
	int r = klock_take(m, &m->rescan, "remove");
	if (r < 0)
		return r;
	r = remove_locked(f);
	klock_release(m, &m->rescan);
	return r;
}

/* --- pulled out ------------------------------------------------------------------------------- */

struct pull {
	struct machine *m;
	unsigned boots;
	uint16_t domain;
	uint8_t bus, device;
};

/* One of its own functions? */
static bool is_card(const struct pull *p, const struct pci *f)
{
	return !f->pf && f->domain == p->domain && f->bus == p->bus && f->devfn >> 3 == p->device;
}

/* It, or a VF, or below a bridge of it? */
static bool is_on_card(const struct pull *p, const struct pci *f)
{
	for (f = f->pf ? f->pf : f; f; f = f->bridge)
		if (is_card(p, f))
			return true;
	return false;
}

/* pciehp_unconfigure_device(), drivers/pci/hotplug/pciehp_pci.c: the last function first. */
static void take_away(const struct pull *p)
{
	struct machine *m = p->m;
	struct pci *card[8];
	size_t n = 0;
	if (p->boots != m->boots || klock_take(m, &m->rescan, "hotplug") < 0)
		return;
	for (struct pci *f = m->functions; f; f = f->next)
		if (is_card(p, f) && n < 8)
			card[n++] = f;
	while (n-- > 0 && remove_locked(card[n]) == 0)
		;
	klock_release(m, &m->rescan);
}

static void *pull_run(void *userdata)
{
	struct pull *p = userdata;
	struct machine *m = p->m;
	machine_enter(m, 0);
	take_away(p);
	pthread_cond_broadcast(&m->changes);
	machine_leave(m);
	free(p);
	return NULL;
}

/* The kernel takes it away as soon as it can, which may be never while somebody holds it (pciehp, a thread of
 * its own). */
int bus_pull(struct pci *f)
{
	pthread_t thread;
	struct pull *p = calloc(1, sizeof(*p));
	if (!p)
		return -ENOMEM;
	struct machine *m = f->dev.machine;
	const struct pci *function = f->pf ? f->pf : f;
	*p = (struct pull){ .m = m,
			    .boots = m->boots,
			    .domain = function->domain,
			    .bus = function->bus,
			    .device = function->devfn >> 3 };
	for (struct pci *o = m->functions; o; o = o->next)
		if (is_on_card(p, o))
			o->state.off = true;
	int r = pthread_create(&thread, NULL, pull_run, p);
	if (r != 0)
		free(p);
	else
		pthread_detach(thread);
	return -r;
}

void bus_init(struct machine *m)
{
	m->bus_pci = node_path(m->tree, m->sys, "bus/pci");
	node_dir(m->tree, m->bus_pci, "devices");
	node_dir(m->tree, m->bus_pci, "drivers");
	node_dir(m->tree, m->bus_pci, "slots");
	node_file(m->tree, m->bus_pci, "rescan", 0200, &bus_rescan_ops, m);
}
