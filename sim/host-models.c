/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Models that every host may use without describing them: what lies between the processors and the
 * devices that matter. Ids are those of pci.ids; 8086:352a is the root port of Xeons since the
 * fourth generation, 1000:c030 a port of Broadcom's PEX89000 switches.
 */
#include "base/str.h"
#include "sim/host-internal.h"

#define CLASS_PORT 0x060400 /* PCI-to-PCI bridge, normal decode */

static const struct host_model known[] = {
	{ .name = "root-port",
	  .vendor = 0x8086,
	  .device = 0x352a,
	  .class = CLASS_PORT,
	  .driver = "pcieport",
	  .port = HOST_PORT_ROOT,
	  .acs = true },
	{ .name = "root-port-no-acs",
	  .vendor = 0x8086,
	  .device = 0x352a,
	  .class = CLASS_PORT,
	  .driver = "pcieport",
	  .port = HOST_PORT_ROOT,
	  .no_acs = true },
	{ .name = "upstream-port",
	  .vendor = 0x1000,
	  .device = 0xc030,
	  .class = CLASS_PORT,
	  .driver = "pcieport",
	  .port = HOST_PORT_UPSTREAM },
	{ .name = "downstream-port",
	  .vendor = 0x1000,
	  .device = 0xc030,
	  .class = CLASS_PORT,
	  .driver = "pcieport",
	  .port = HOST_PORT_DOWNSTREAM,
	  .acs = true },
	{ .name = "downstream-port-no-acs",
	  .vendor = 0x1000,
	  .device = 0xc030,
	  .class = CLASS_PORT,
	  .driver = "pcieport",
	  .port = HOST_PORT_DOWNSTREAM,
	  .no_acs = true },
	/* ASPEED AST1150: it stands before the display of most servers' management controllers. */
	{ .name = "pci-bridge",
	  .vendor = 0x1a03,
	  .device = 0x1150,
	  .class = CLASS_PORT,
	  .port = HOST_PORT_PCI_BRIDGE },
	{ .name = "host-bridge",
	  .vendor = 0x8086,
	  .device = 0x3e30,
	  .class = 0x060000,
	  .port = HOST_PORT_INTEGRATED },
	{ .name = "ahci",
	  .vendor = 0x8086,
	  .device = 0xa352,
	  .class = 0x010601,
	  .driver = "ahci",
	  .port = HOST_PORT_INTEGRATED },
	{ .name = "xhci",
	  .vendor = 0x8086,
	  .device = 0xa36d,
	  .class = 0x0c0330,
	  .driver = "xhci_hcd",
	  .port = HOST_PORT_INTEGRATED },
	{ .name = "isa-bridge",
	  .vendor = 0x8086,
	  .device = 0xa304,
	  .class = 0x060100,
	  .port = HOST_PORT_INTEGRATED },
};

const struct host_model *host_model_known(const char *name)
{
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (str_eq(known[i].name, name))
			return &known[i];
	return NULL;
}

const struct host_model *host_model_find(const struct host *h, const char *name)
{
	for (size_t i = 0; i < h->n_models; i++)
		if (str_eq(h->models[i].name, name))
			return &h->models[i];
	return host_model_known(name);
}

bool host_model_is_bridge(const struct host_model *m)
{
	return m->class >> 8 == CLASS_PORT >> 8;
}
