/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See topology.h. */
#include "host/topology.h"

#include <limits.h>
#include <linux/pci_regs.h>

#include "base/str.h"

#define ACS_NEEDED (PCI_ACS_SV | PCI_ACS_RR | PCI_ACS_CR | PCI_ACS_UF)
#define DEPTH_MAX 64 /* a chain longer than any bus numbering allows is a loop in the data */

bool topology_is_bridge(const struct function *f)
{
	return f->class >> 8 == 0x0604;
}

static const struct function *above(const struct have *h, const struct function *f)
{
	return f->parent[0] ? have_function(h, f->parent) : NULL;
}

const struct function *topology_root_port(const struct have *h, const struct function *f)
{
	for (int i = 0; i < DEPTH_MAX; i++) {
		const struct function *up = above(h, f);
		if (!up)
			break;
		f = up;
	}
	return f;
}

static bool keeps_apart(const struct function *bridge)
{
	if (!bridge->caps.pcie)
		return false;
	/* An upstream port has nothing beside it to redirect to. */
	if (bridge->caps.port_type == PCI_EXP_TYPE_UPSTREAM)
		return true;
	return bridge->caps.acs && (bridge->caps.acs_ctrl & ACS_NEEDED) == ACS_NEEDED;
}

const struct function *topology_leak(const struct have *h, const struct function *f)
{
	const struct function *bridge = above(h, f);
	for (int i = 0; bridge && i < DEPTH_MAX; i++, bridge = above(h, bridge))
		if (bridge->caps.known && !keeps_apart(bridge))
			return bridge;
	return NULL;
}

int topology_acs_lacks(const struct function *bridge, char *ret, size_t size)
{
	static const struct {
		uint16_t bit;
		char name[4];
	} bits[] = {
		{ PCI_ACS_SV, " SV" },
		{ PCI_ACS_RR, " RR" },
		{ PCI_ACS_CR, " CR" },
		{ PCI_ACS_UF, " UF" },
	};
	char text[16] = "";
	size_t len = 0;
	if (!bridge->caps.acs)
		return str_copy(ret, size, "ACS");
	for (size_t i = 0; i < sizeof(bits) / sizeof(*bits); i++)
		if (!(bridge->caps.acs_ctrl & bits[i].bit)) {
			memcpy(text + len, bits[i].name, 4);
			len += 3;
		}
	return str_copy(ret, size, len ? text + 1 : text);
}

unsigned topology_vfs_numbered(const struct have *h, const struct function *f)
{
	const struct function *bridge = above(h, f);
	const struct pci_caps *c = &f->caps;
	if (!c->sriov || !c->sriov_stride || !bridge || !bridge->caps.bus_last)
		return UINT_MAX;
	unsigned last = (unsigned)bridge->caps.bus_last << 8 | 0xff;
	unsigned first = pci_addr_rid(f->addr) + c->sriov_offset;
	return first > last ? 0 : (last - first) / c->sriov_stride + 1;
}

int topology_group_mates(const struct have *h, const struct function *f,
			 int (*fn)(const struct function *mate, void *userdata), void *userdata)
{
	int r = 0;
	for (size_t i = 0; r == 0 && f->iommu_group >= 0 && i < h->n_functions; i++) {
		const struct function *mate = &h->functions[i];
		if (mate->iommu_group == f->iommu_group && !str_eq(mate->addr, f->addr))
			r = fn(mate, userdata);
	}
	return r;
}

struct blocker {
	const struct function *found;
};

static int find_blocker(const struct function *mate, void *userdata)
{
	struct blocker *b = userdata;
	if (driver_leaves_group_alone(mate->driver))
		return 0;
	b->found = mate;
	return 1;
}

const struct function *topology_blocker(const struct have *h, const struct function *f)
{
	struct blocker b = { 0 };
	topology_group_mates(h, f, find_blocker, &b);
	return b.found;
}

int topology_link_text(uint8_t speed, uint8_t width, char *ret, size_t size)
{
	static const char *const speeds[] = { NULL, "2.5", "5.0", "8.0", "16.0", "32.0", "64.0" };
	if (!speed || speed >= sizeof(speeds) / sizeof(*speeds) || !width)
		return str_copy(ret, size, "");
	return str_format(ret, size, "%s GT/s x%u", speeds[speed], width);
}

size_t topology_capability_names(const struct function *f, const char *ret[], size_t n)
{
	const struct pci_caps *c = &f->caps;
	const struct {
		bool there;
		const char *name;
	} all[] = {
		{ c->sriov, "SR-IOV" },	     { c->flr, "FLR" },		  { c->af_flr, "AF-FLR" },
		{ c->pm_reset, "PM-reset" }, { c->acs, "ACS" },		  { c->ari, "ARI" },
		{ c->ats, "ATS" },	     { c->pri, "PRI" },		  { c->pasid, "PASID" },
		{ c->rebar, "ReBAR" },	     { c->vf_rebar, "VF-ReBAR" }, { c->msix, "MSI-X" },
		{ c->has_serial, "serial" },
	};
	size_t found = 0;
	for (size_t i = 0; i < sizeof(all) / sizeof(*all) && found < n; i++)
		if (all[i].there)
			ret[found++] = all[i].name;
	return found;
}
