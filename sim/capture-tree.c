/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Where functions are: root buses, bridges and what is behind them, in the order of addresses, with
 * the rules of host-check.c for what may be plugged into what and for bus numbers.
 */
#include <errno.h>

#include "base/num.h"
#include "host/topology.h"
#include "sim/capture-internal.h"

#define BUS_MAX 0xffu

static unsigned devfn_of(const struct function *f)
{
	return pci_addr_rid(f->addr) & 0xff;
}

static unsigned bus_of(const struct function *f)
{
	return pci_addr_rid(f->addr) >> 8;
}

/* "0000:00" of ".../pci0000:00/0000:00:03.0"; false: no root bus that a host file can name. */
static bool root_of(const struct function *f, char ret[8])
{
	const char *root = strncmp(f->path, "pci", 3) == 0 ? f->path : strstr(f->path, "/pci");
	root = root ? strstr(root, "pci") + 3 : "";
	size_t len = strcspn(root, "/");
	bool named = len == 7 && f->addr[4] == ':' && strncmp(root, f->addr, 5) == 0;
	(void)str_format(ret, 8, "%.*s", named ? (int)len : 0, root);
	return named;
}

/* --- functions ------------------------------------------------------------------------------- */

static bool is_below(const struct function *f, const struct function *bridge, const char *root)
{
	char own[8];
	if (f->is_vf)
		return false;
	if (bridge)
		return str_eq(f->parent, bridge->addr);
	return !f->parent[0] && root_of(f, own) && str_eq(own, root);
}

static bool is_link(const struct capture_place *place)
{
	return !place->on_root &&
	       (place->bridge == HOST_PORT_ROOT || place->bridge == HOST_PORT_DOWNSTREAM);
}

/* The kernel looks for no other function of a device without function 0; who took it away alone
 * made what no machine boots into. */
static bool has_first(const struct capture *c, const struct capture_place *place)
{
	unsigned rid = pci_addr_rid(place->f->addr);
	if (!(rid & 7) || (is_link(place) && devfn_of(place->f) > 7))
		return true;
	char first[PCI_ADDR_SIZE];
	(void)STR_COPY(first, place->f->addr);
	first[strlen(first) - 1] = '0';
	for (size_t i = 0; i < c->have.n_functions; i++)
		if (str_eq(c->have.functions[i].addr, first) && !c->have.functions[i].is_vf)
			return true;
	return false;
}

static int slots_read(struct capture *c, const struct function *bridge, const char *root,
		      struct capture_place *place, struct host_slot **slots, size_t *n);

static uint32_t port_of(const struct capture *c, const struct host_slot *slot)
{
	return host_model_find(c->host, slot->is)->port;
}

static int behind_read(struct capture *c, const struct function *f, struct host_slot *slot)
{
	unsigned last = f->caps.bus_last ? f->caps.bus_last : BUS_MAX;
	struct capture_place place = { .bridge = port_of(c, slot), .last_bus = last };
	return slots_read(c, f, NULL, &place, &slot->slots, &slot->n_slots);
}

static int slot_read(struct capture *c, const struct capture_place *place, struct host_slot **slots,
		     size_t *n)
{
	unsigned devfn = devfn_of(place->f);
	if (!has_first(c, place)) {
		capture_note(c, "%s: its device has no function 0", place->f->addr);
		return 0;
	}
	struct host_slot *slot = CAPTURE_ADD(c, *slots, *n);
	if (!slot)
		return -ENOMEM;
	slot->group = -1;
	slot->first = slot->last = (uint8_t)devfn;
	(void)STR_FORMAT(slot->place, "%02x.%u", devfn >> 3, devfn & 7);
	int r = capture_function(c, place, slot);
	if (r == -ENOTSUP) {
		(*n)--;
		return 0;
	}
	return r < 0 || !topology_is_bridge(place->f) ? r : behind_read(c, place->f, slot);
}

static int slots_read(struct capture *c, const struct function *bridge, const char *root,
		      struct capture_place *place, struct host_slot **slots, size_t *n)
{
	int r = 0;
	for (size_t i = 0; r >= 0 && i < c->have.n_functions; i++) {
		place->f = &c->have.functions[i];
		if (is_below(place->f, bridge, root))
			r = slot_read(c, place, slots, n);
	}
	return r;
}

/* --- bus numbers ----------------------------------------------------------------------------- */

struct numbers {
	struct capture *capture;
	unsigned domain, next;
};

static unsigned buses_of_vfs(const struct capture *c, const struct host_slot *slots, size_t n)
{
	unsigned most = 0;
	for (size_t i = 0; i < n; i++) {
		const struct host_model *m = host_model_find(c->host, slots[i].is);
		unsigned last = slots[i].first + m->vf_offset + (m->vfs - 1) * m->vf_stride;
		if (m->vfs && last >> 8 > most)
			most = last >> 8;
	}
	return most;
}

static void number_bus(struct numbers *s, struct host_slot *slots, size_t n, unsigned bus);

/* A host file counts buses depth first; firmware need not, and it keeps numbers for later. */
static void number_bridge(struct numbers *s, struct host_slot *slot, unsigned on)
{
	struct capture *c = s->capture;
	char addr[PCI_ADDR_SIZE];
	(void)STR_FORMAT(addr, "%04x:%02x:%s", s->domain, on, slot->place);
	if (slot->bus && slot->bus < s->next) {
		capture_note(c, "the number of the bus behind %s, %02x: it is not in order", addr,
			     slot->bus);
		slot->bus = 0;
	}
	const struct function *f = have_function(&c->have, addr);
	number_bus(s, slot->slots, slot->n_slots, slot->bus ? slot->bus : s->next);
	if (f && slot->bus && f->caps.bus_last >= s->next)
		capture_note(c, "buses %02x to %02x behind %s, which are kept free", s->next,
			     f->caps.bus_last, addr);
}

static void number_bus(struct numbers *s, struct host_slot *slots, size_t n, unsigned bus)
{
	s->next = bus + buses_of_vfs(s->capture, slots, n) + 1;
	for (size_t i = 0; i < n; i++)
		if (host_model_find(s->capture->host, slots[i].is)->class >> 8 == 0x0604)
			number_bridge(s, &slots[i], bus);
}

/* --- roots ----------------------------------------------------------------------------------- */

static struct host_root *root_add(struct capture *c, const struct function *f, const char *bus)
{
	for (size_t i = 0; i < c->host->n_roots; i++)
		if (str_eq(c->host->roots[i].bus, bus))
			return NULL;
	struct host_root *root = CAPTURE_ADD(c, c->host->roots, c->host->n_roots);
	if (!root)
		return NULL;
	(void)STR_COPY(root->bus, bus);
	char domain[5] = { bus[0], bus[1], bus[2], bus[3], '\0' };
	(void)num_parse_u32(domain, 16, &root->domain);
	root->number = bus_of(f);
	root->numa = f->numa_node;
	return root;
}

/* One root bus ends where the next one of its domain begins. */
static unsigned root_last(const struct capture *c, const struct host_root *root)
{
	unsigned last = BUS_MAX;
	for (size_t i = 0; i < c->have.n_functions; i++) {
		const struct function *f = &c->have.functions[i];
		char bus[8];
		if (f->parent[0] || f->is_vf || !root_of(f, bus) || strncmp(bus, root->bus, 5) != 0)
			continue;
		if (bus_of(f) > root->number && bus_of(f) <= last)
			last = bus_of(f) - 1;
	}
	return last;
}

static int root_read(struct capture *c, size_t i)
{
	struct host_root *root = &c->host->roots[i];
	struct capture_place place = { .on_root = true, .last_bus = root_last(c, root) };
	int r = slots_read(c, NULL, root->bus, &place, &root->slots, &root->n_slots);
	struct numbers s = { .capture = c, .domain = root->domain };
	if (r >= 0)
		number_bus(&s, root->slots, root->n_slots, root->number);
	if (root->numa >= (int)c->host->nodes) {
		capture_note(c, "NUMA node %d of %s", root->numa, root->bus);
		root->numa = -1;
	}
	return r;
}

static void unreachable_note(struct capture *c, const struct function *f)
{
	char bus[8];
	if (!f->is_vf && !root_of(f, bus))
		capture_note(c, "%s: its domain or root bus cannot be written", f->addr);
}

int capture_tree(struct capture *c)
{
	int r = 0;
	for (size_t i = 0; i < c->have.n_functions; i++) {
		const struct function *f = &c->have.functions[i];
		char bus[8];
		unreachable_note(c, f);
		if (!f->is_vf && !f->parent[0] && root_of(f, bus))
			(void)root_add(c, f, bus);
	}
	for (size_t i = 0; r >= 0 && i < c->host->n_roots; i++)
		r = root_read(c, i);
	return r;
}
