/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What depends on two places of a host's description at once: names of models, places used twice,
 * what can be plugged into what, bus numbers, and keys that a model gives no sense to.
 */
#include <errno.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "base/num.h"
#include "base/str.h"
#include "sim/host-internal.h"

#define PLACE "sim.host.place"
#define CONFLICT "sim.host.conflict"
#define REFERENCE "sim.host.reference"
#define LIMIT "sim.host.limit"

#define BUS_MAX 0xffu
#define PLACES 256 /* device and function numbers of a bus */
#define CLASS_VGA 0x0300
#define BASE_DISPLAY 0x03

struct check {
	struct policy_source *s;
	struct host *h;
	const struct host_slot *boot_vga, *console; /* the first ones seen */
	const struct host_slot **named; /* slots with a network interface's name or address */
	size_t n_named;
	unsigned next, last; /* bus numbers: the next free one, the last that this root may have */
};

/* --- models ---------------------------------------------------------------------------------- */

static int check_types(struct check *c, const struct host_model *m)
{
	uint32_t pool = m->pool ? m->pool : 1;
	for (size_t i = 0; i < m->n_types; i++)
		if (m->types[i].units > pool)
			return policy_source_error(c->s, m->types[i].at, CONFLICT,
						   "type %s takes %u units, the pool of %s has %u",
						   m->types[i].id, m->types[i].units, m->name,
						   pool);
	return 0;
}

static int check_sriov(struct check *c, const struct host_model *m)
{
	if (!m->vfs)
		return 0;
	if (m->port != HOST_PORT_ENDPOINT && m->port != HOST_PORT_INTEGRATED)
		return policy_source_error(c->s, m->at, CONFLICT,
					   "model %s has VFs, and is no PCI Express endpoint",
					   m->name);
	if (m->vf_vendor != m->vendor)
		return policy_source_error(c->s, m->at, CONFLICT,
					   "model %s: VFs have the vendor of their PF, %04x",
					   m->name, m->vendor);
	if (!m->vf_offset || (!m->vf_stride && m->vfs > 1))
		return policy_source_error(c->s, m->at, CONFLICT,
					   "model %s: with %s 0 two functions have one address",
					   m->name, m->vf_offset ? "stride" : "offset");
	return 0;
}

static int check_port(struct check *c, const struct host_model *m)
{
	bool port = m->port == HOST_PORT_ROOT || m->port == HOST_PORT_UPSTREAM ||
		    m->port == HOST_PORT_DOWNSTREAM || m->port == HOST_PORT_PCI_BRIDGE;
	bool bridge = host_model_is_bridge(m);
	if (bridge ? port || m->port == HOST_PORT_LEGACY : !port)
		return 0;
	return policy_source_error(
		c->s, m->at, CONFLICT,
		bridge ? "model %s has the class of a bridge, its port says what no bridge is"
		       : "model %s is a port; its class must be \"port\"",
		m->name);
}

/* PCI Express 6.0, 7.5.3.6 */
static bool width_exists(uint32_t width)
{
	return width == 12 || (width <= 32 && (width & (width - 1)) == 0);
}

/* Ports have it unless told otherwise. */
static void acs_default(struct host_model *m)
{
	if (!m->no_acs && (m->port == HOST_PORT_ROOT || m->port == HOST_PORT_DOWNSTREAM))
		m->acs = true;
}

static int check_model(struct check *c, const struct host_model *m)
{
	if (host_model_known(m->name))
		return policy_source_error(c->s, m->at, CONFLICT,
					   "every host has a model %s; choose another name",
					   m->name);
	if ((m->nvme_vq || m->nvme_vi) && !m->vfs)
		return policy_source_error(c->s, m->at, CONFLICT,
					   "model %s has flexible resources, and no VFs", m->name);
	if (!width_exists(m->link_width))
		return policy_source_error(
			c->s, m->at, CONFLICT,
			"model %s: a link has 1, 2, 4, 8, 12, 16 or 32 lanes, not %u", m->name,
			m->link_width);
	int r = check_port(c, m);
	if (r >= 0)
		r = check_sriov(c, m);
	return r < 0 ? r : check_types(c, m);
}

/* --- one slot -------------------------------------------------------------------------------- */

static bool is_range(const struct host_slot *slot)
{
	return slot->first != slot->last;
}

/* "1f.7"; the form is known to be right. */
static uint8_t devfn_of(const char *text)
{
	char device[3] = { text[0], text[1], '\0' };
	uint64_t n = 0;
	(void)num_parse(device, 16, 0x1f, &n);
	return (uint8_t)(n << 3 | (unsigned)(text[3] - '0'));
}

static int read_place(struct check *c, struct host_slot *slot)
{
	slot->first = slot->last = devfn_of(slot->place);
	if (slot->place[4] == '-')
		slot->last = devfn_of(slot->place + 5);
	if (slot->last >= slot->first && (slot->place[4] == '\0' || is_range(slot)))
		return 0;
	return policy_source_error(c->s, slot->at, PLACE, "%s ends before it begins", slot->place);
}

/* Keys that the model gives no sense to. */
static int check_keys(struct check *c, const struct host_slot *slot)
{
	const struct host_model *m = slot->model;
	const struct {
		bool wrong;
		const char *key, *why;
	} keys[] = {
		{ slot->n_slots > 0 && !host_model_is_bridge(m), "slots", "is no bridge" },
		{ slot->bus && !host_model_is_bridge(m), "bus", "is no bridge" },
		{ slot->netdev[0] && !m->net, "netdev", "has no network interface" },
		{ slot->mac[0] && !m->net, "mac", "has no network interface" },
		{ slot->up && !m->net, "up", "has no network interface" },
		{ slot->master[0] && !m->net, "master", "has no network interface" },
		{ slot->n_connectors > 0 && !m->drm, "connectors", "is no display device" },
		{ slot->n_disks > m->disks, "disks", "has fewer disks" },
		{ slot->boot_vga && m->class >> 8 != CLASS_VGA, "boot-vga", "is not VGA" },
		{ slot->console && m->class >> 16 != BASE_DISPLAY, "console", "is no display" },
		{ slot->has_serial && m->port == HOST_PORT_LEGACY, "serial",
		  "has no PCI Express capability" },
	};
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		if (keys[i].wrong)
			return policy_source_error(c->s, slot->at, CONFLICT,
						   "%s has \"%s\", but model %s %s", slot->place,
						   keys[i].key, m->name, keys[i].why);
	if (slot->group >= 0 && c->h->iommu == HOST_IOMMU_NONE)
		return policy_source_error(c->s, slot->at, CONFLICT,
					   "%s has a group, but the host has no IOMMU",
					   slot->place);
	return 0;
}

/* A 16-bit field of a captured configuration space; at + 2 bytes are known to be there. */
static unsigned config_word(const char *config, size_t at)
{
	const char *p = config + 2 * at;
	char digits[5] = { p[2], p[3], p[0], p[1], '\0' };
	uint64_t n = 0;
	(void)num_parse(digits, 16, UINT16_MAX, &n);
	return (unsigned)n;
}

static int check_config(struct check *c, const struct host_slot *slot)
{
	if (!slot->config)
		return 0;
	size_t digits = strlen(slot->config);
	if (digits % 2 || digits < 128)
		return policy_source_error(
			c->s, slot->at, CONFLICT,
			"the configuration space of %s has %zu digits: two for each of at least 64 bytes",
			slot->place, digits);
	const struct host_model *m = slot->model;
	unsigned vendor = config_word(slot->config, 0), device = config_word(slot->config, 2);
	if (vendor != m->vendor || device != m->device)
		return policy_source_error(
			c->s, slot->at, CONFLICT,
			"the configuration space of %s is of %04x:%04x, model %s is %04x:%04x",
			slot->place, vendor, device, m->name, m->vendor, m->device);
	return 0;
}

static int check_once(struct check *c, const struct host_slot *slot, const struct host_slot **seen,
		      const char *key)
{
	if (*seen)
		return policy_source_error(c->s, slot->at, CONFLICT,
					   "a host has one \"%s\", and line %d has it already", key,
					   (*seen)->at.line);
	*seen = slot;
	return 0;
}

/* What there can be once on a host: not in a range, nor behind bridges of one. */
static int check_single(struct check *c, const struct host_slot *slot, bool repeated)
{
	bool named = slot->netdev[0] || slot->mac[0];
	if (repeated && (named || slot->bus || slot->boot_vga || slot->console))
		return policy_source_error(
			c->s, slot->at, CONFLICT,
			"%s is several functions; netdev, mac, bus, boot-vga and console are of one",
			slot->place);
	int r = slot->boot_vga ? check_once(c, slot, &c->boot_vga, "boot-vga") : 0;
	if (r >= 0 && slot->console)
		r = check_once(c, slot, &c->console, "console");
	if (r < 0 || !named)
		return r;
	const struct host_slot **added = ARRAY_ADD(c->named, c->n_named);
	if (!added)
		return err_set(c->s->err, "base.memory", ENOMEM, "out of memory");
	*added = slot;
	return 0;
}

static int check_slot(struct check *c, struct host_slot *slot, bool repeated)
{
	slot->model = host_model_find(c->h, slot->is);
	if (!slot->model)
		return policy_source_error(c->s, slot->at, REFERENCE, "there is no model \"%s\"",
					   slot->is);
	int r = check_keys(c, slot);
	if (r >= 0)
		r = check_config(c, slot);
	return r < 0 ? r : check_single(c, slot, repeated);
}

/* --- one bus --------------------------------------------------------------------------------- */

static const char *port_name(const struct host_model *m)
{
	static const char *const names[] = {
		[HOST_PORT_ENDPOINT] = "an endpoint",
		[HOST_PORT_INTEGRATED] = "an integrated endpoint",
		[HOST_PORT_ROOT] = "a root port",
		[HOST_PORT_UPSTREAM] = "an upstream port",
		[HOST_PORT_DOWNSTREAM] = "a downstream port",
		[HOST_PORT_PCI_BRIDGE] = "a PCI bridge",
		[HOST_PORT_LEGACY] = "a conventional PCI function",
	};
	return m ? names[m->port] : "a root bus";
}

#define BIT(port) (1u << (port))

/* What may be on the bus behind a bridge (PCI Express Base Specification 6.0, 1.3), or on a root
 * bus (NULL). */
static unsigned ports_below(const struct host_model *bridge)
{
	if (!bridge)
		return ~(BIT(HOST_PORT_UPSTREAM) | BIT(HOST_PORT_DOWNSTREAM));
	switch ((enum host_port)bridge->port) {
	case HOST_PORT_ROOT:
	case HOST_PORT_DOWNSTREAM:
		return BIT(HOST_PORT_ENDPOINT) | BIT(HOST_PORT_UPSTREAM) |
		       BIT(HOST_PORT_PCI_BRIDGE) | BIT(HOST_PORT_LEGACY);
	case HOST_PORT_UPSTREAM:
		return BIT(HOST_PORT_DOWNSTREAM);
	case HOST_PORT_PCI_BRIDGE:
	case HOST_PORT_LEGACY:
		return BIT(HOST_PORT_LEGACY);
	case HOST_PORT_ENDPOINT:
	case HOST_PORT_INTEGRATED:
		break;
	}
	return 0;
}

/* A link has one device at its other end; with ARI all 256 numbers are functions of it. */
static bool is_link(const struct host_model *bridge)
{
	return bridge && (bridge->port == HOST_PORT_ROOT || bridge->port == HOST_PORT_DOWNSTREAM);
}

static int check_below(struct check *c, const struct host_slot *slot,
		       const struct host_model *bridge)
{
	const struct host_model *m = slot->model;
	if (!(ports_below(bridge) & BIT(m->port)))
		return policy_source_error(c->s, slot->at, PLACE, "%s (%s) cannot be on %s%s",
					   port_name(m), m->name, bridge ? "the bus of " : "",
					   port_name(bridge));
	if (is_link(bridge) && slot->last > 7 && !m->ari)
		return policy_source_error(
			c->s, slot->at, PLACE,
			"%s: a link leads to device 00 only (functions above 7 need \"ari\")",
			slot->place);
	return 0;
}

static int by_place(const void *a, const void *b)
{
	const struct host_slot *x = a, *y = b;
	return x->first - y->first;
}

/* Sorted slots: no place twice, and function 0 for each device: without it the kernel looks no
 * further. */
static int check_places(struct check *c, const struct host_slot *slots, size_t n,
			const struct host_model *bridge)
{
	int before = -1;
	for (size_t i = 0; i < n; i++) {
		const struct host_slot *slot = &slots[i];
		if (slot->first <= before)
			return policy_source_error(c->s, slot->at, PLACE,
						   "%s overlaps with %s on line %d", slot->place,
						   slots[i - 1].place, slots[i - 1].at.line);
		bool first = before < 0 || before >> 3 != slot->first >> 3;
		if (first && slot->first & 7 && !(is_link(bridge) && slot->first > 7))
			return policy_source_error(c->s, slot->at, PLACE,
						   "device %02x has no function 0",
						   slot->first >> 3);
		before = slot->last;
	}
	return 0;
}

static int check_slots(struct check *c, struct host_slot *slots, size_t n,
		       const struct host_model *bridge, bool repeated)
{
	int r = 0;
	for (size_t i = 0; r >= 0 && i < n; i++)
		r = read_place(c, &slots[i]);
	if (r < 0)
		return r;
	if (n > 0)
		qsort(slots, n, sizeof(*slots), by_place);
	r = check_places(c, slots, n, bridge);
	for (size_t i = 0; r >= 0 && i < n; i++) {
		struct host_slot *slot = &slots[i];
		bool many = repeated || is_range(slot);
		r = check_slot(c, slot, many);
		if (r >= 0)
			r = check_below(c, slot, bridge);
		if (r >= 0)
			r = check_slots(c, slot->slots, slot->n_slots, slot->model, many);
	}
	return r;
}

/* --- bus numbers ----------------------------------------------------------------------------- */

/* Routing ids, counted from the bus's own first one. */
struct rids {
	uint64_t taken[1024];
	unsigned most;
};

static bool rids_take(struct rids *s, unsigned rid)
{
	bool free = !(s->taken[rid / 64] >> (rid % 64) & 1);
	s->taken[rid / 64] |= 1ull << (rid % 64);
	s->most = rid > s->most ? rid : s->most;
	return free;
}

static int take_vfs(struct check *c, struct rids *s, const struct host_slot *slot, unsigned devfn,
		    unsigned bus)
{
	const struct host_model *m = slot->model;
	unsigned end = (c->last - bus + 1) * PLACES;
	for (unsigned i = 0; i < m->vfs; i++) {
		uint64_t rid = devfn + m->vf_offset + (uint64_t)i * m->vf_stride;
		if (rid >= end)
			return policy_source_error(c->s, slot->at, LIMIT,
						   "no bus number is left for VF %u of %s", i,
						   slot->place);
		if (!rids_take(s, (unsigned)rid))
			return policy_source_error(
				c->s, slot->at, PLACE,
				"VF %u of %02x.%u has the address of another function", i,
				devfn >> 3, devfn & 7);
	}
	return 0;
}

/* How many buses more the VFs of a bus need (pci_iov_bus_range(), drivers/pci/iov.c). */
static int buses_of_vfs(struct check *c, const struct host_slot *slots, size_t n, unsigned bus,
			unsigned *ret)
{
	struct rids taken = { 0 };
	for (size_t i = 0; i < n; i++)
		for (unsigned devfn = slots[i].first; devfn <= slots[i].last; devfn++)
			rids_take(&taken, devfn);
	for (size_t i = 0; i < n; i++)
		for (unsigned devfn = slots[i].first; devfn <= slots[i].last; devfn++) {
			int r = take_vfs(c, &taken, &slots[i], devfn, bus);
			if (r < 0)
				return r;
		}
	*ret = taken.most / PLACES;
	return 0;
}

static int number_bus(struct check *c, const struct host_slot *slots, size_t n, unsigned bus);

static int number_bridge(struct check *c, const struct host_slot *slot)
{
	unsigned bus = slot->bus ? slot->bus : c->next;
	if (bus < c->next)
		return policy_source_error(c->s, slot->at, CONFLICT,
					   "bus %02x behind %s is taken; the next is %02x", bus,
					   slot->place, c->next);
	if (bus > c->last)
		return policy_source_error(c->s, slot->at, LIMIT,
					   "no bus number is left for %s: the last is %02x",
					   slot->place, c->last);
	return number_bus(c, slot->slots, slot->n_slots, bus);
}

/* In the order of pci_scan_child_bus_extend() (drivers/pci/probe.c): VFs first, then each bridge
 * with all behind it. */
static int number_bus(struct check *c, const struct host_slot *slots, size_t n, unsigned bus)
{
	unsigned more = 0;
	int r = buses_of_vfs(c, slots, n, bus, &more);
	c->next = bus + more + 1;
	for (size_t i = 0; r >= 0 && i < n; i++) {
		unsigned width = host_model_is_bridge(slots[i].model)
					 ? slots[i].last - slots[i].first + 1u
					 : 0;
		for (; r >= 0 && width > 0; width--)
			r = number_bridge(c, &slots[i]);
	}
	return r;
}

/* A root's numbers end where the next root of its domain begins. */
static int number_root(struct check *c, const struct host_root *root)
{
	c->last = BUS_MAX;
	for (size_t i = 0; i < c->h->n_roots; i++) {
		const struct host_root *other = &c->h->roots[i];
		if (other->domain == root->domain && other->number > root->number &&
		    other->number <= c->last)
			c->last = other->number - 1;
	}
	return number_bus(c, root->slots, root->n_slots, root->number);
}

/* --- the host -------------------------------------------------------------------------------- */

static int check_root(struct check *c, struct host_root *root)
{
	char domain[5] = { root->bus[0], root->bus[1], root->bus[2], root->bus[3], '\0' };
	(void)num_parse_u32(domain, 16, &root->domain);
	(void)num_parse_u32(root->bus + 5, 16, &root->number);
	if (root->numa >= (int)c->h->nodes)
		return policy_source_error(c->s, root->at, REFERENCE,
					   "there is no NUMA node %d: the host has %u", root->numa,
					   c->h->nodes);
	return check_slots(c, root->slots, root->n_slots, NULL, false);
}

static int by_netdev(const void *a, const void *b)
{
	const struct host_slot *const *x = a, *const *y = b;
	int r = strcmp((*x)->netdev, (*y)->netdev);
	return r ? r : (*x)->at.line - (*y)->at.line;
}

static int by_mac(const void *a, const void *b)
{
	const struct host_slot *const *x = a, *const *y = b;
	int r = strcmp((*x)->mac, (*y)->mac);
	return r ? r : (*x)->at.line - (*y)->at.line;
}

static int twice_error(struct check *c, const struct host_slot *first,
		       const struct host_slot *again, const char *what)
{
	return policy_source_error(c->s, again->at, CONFLICT, "%s is here twice, first on line %d",
				   what, first->at.line);
}

static int check_named(struct check *c)
{
	if (c->n_named == 0)
		return 0;
	qsort(c->named, c->n_named, sizeof(const struct host_slot *), by_netdev);
	for (size_t i = 1; i < c->n_named; i++)
		if (c->named[i]->netdev[0] && str_eq(c->named[i - 1]->netdev, c->named[i]->netdev))
			return twice_error(c, c->named[i - 1], c->named[i], c->named[i]->netdev);
	qsort(c->named, c->n_named, sizeof(const struct host_slot *), by_mac);
	for (size_t i = 1; i < c->n_named; i++)
		if (c->named[i]->mac[0] && str_eq(c->named[i - 1]->mac, c->named[i]->mac))
			return twice_error(c, c->named[i - 1], c->named[i], c->named[i]->mac);
	return 0;
}

static int check_host(struct check *c)
{
	struct host *h = c->h;
	const struct policy_position start = { 1, 1 };
	int r = 0;
	if (h->cpus < h->nodes)
		r = policy_source_error(c->s, start, CONFLICT,
					"%u processors are too few for %u NUMA nodes", h->cpus,
					h->nodes);
	for (size_t i = 0; r >= 0 && i < h->n_models; i++)
		r = check_model(c, &h->models[i]);
	for (size_t i = 0; i < h->n_models; i++)
		acs_default(&h->models[i]);
	for (size_t i = 0; r >= 0 && i < h->n_parents; i++)
		r = check_types(c, &h->parents[i].model);
	for (size_t i = 0; r >= 0 && i < h->n_roots; i++)
		r = check_root(c, &h->roots[i]);
	if (r >= 0 && host_count(h) > HOST_FUNCTIONS_MAX)
		r = policy_source_error(c->s, start, LIMIT, "the host has more than %d functions",
					HOST_FUNCTIONS_MAX);
	for (size_t i = 0; r >= 0 && i < h->n_roots; i++)
		r = number_root(c, &h->roots[i]);
	return r < 0 ? r : check_named(c);
}

int host_check(struct host *h, struct policy_source *s)
{
	struct check c = { .s = s, .h = h };
	int r = check_host(&c);
	free(c.named);
	return r;
}
