/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Configuration space: header, a chain of capabilities and one of extended capabilities, as
 * include/uapi/linux/pci_regs.h of Linux 6.12 lays them out.
 */
#include <errno.h>
#include <linux/pci_regs.h>

#include "base/num.h"
#include "sim/machine.h"

#define VF_ID_READS 0xffff /* SR-IOV 1.1, 3.4.1: the ids of a VF are the PF's to tell */
#define CAP_PM 0x40
#define CAP_MSIX 0x50
#define CAP_EXP 0x70

static void put8(struct pci *f, unsigned at, unsigned value)
{
	f->config[at] = (uint8_t)value;
}

static void put16(struct pci *f, unsigned at, unsigned value)
{
	put8(f, at, value & 0xff);
	put8(f, at + 1, value >> 8);
}

static void put32(struct pci *f, unsigned at, uint32_t value)
{
	put16(f, at, value & 0xffff);
	put16(f, at + 2, value >> 16);
}

static uint64_t bar_place(struct machine *m, uint64_t size)
{
	m->next_bar = (m->next_bar + size - 1) & ~(size - 1);
	uint64_t at = m->next_bar;
	m->next_bar += size;
	return at;
}

/* VFs are in the power state of their PF: most have no capability of their own (SR-IOV 1.1, 5.2). */
static bool makes_pm(const struct pci *f)
{
	return !f->model->no_pm && !f->pf;
}

static unsigned chain_after_pm(const struct pci *f)
{
	return f->model->msix ? CAP_MSIX : f->model->port != HOST_PORT_LEGACY ? CAP_EXP : 0;
}

static unsigned chain_first(const struct pci *f)
{
	return makes_pm(f) ? CAP_PM : chain_after_pm(f);
}

static void header(struct pci *f)
{
	const struct host_model *t = f->model;
	put16(f, PCI_VENDOR_ID, f->pf ? VF_ID_READS : t->vendor);
	put16(f, PCI_DEVICE_ID, f->pf ? VF_ID_READS : t->device);
	put16(f, PCI_COMMAND, f->pf ? PCI_COMMAND_MASTER : PCI_COMMAND_MASTER | PCI_COMMAND_MEMORY);
	put16(f, PCI_STATUS, PCI_STATUS_CAP_LIST);
	put8(f, PCI_REVISION_ID, t->revision);
	put8(f, PCI_CLASS_PROG, t->class & 0xff);
	put16(f, PCI_CLASS_DEVICE, t->class >> 8);
	put8(f, PCI_HEADER_TYPE, (bus_is_bridge(f) ? 1 : 0) | (f->multifunction ? 0x80 : 0));
	put8(f, PCI_CAPABILITY_LIST, chain_first(f));
	if (bus_is_bridge(f)) {
		put8(f, PCI_PRIMARY_BUS, f->bus);
		put8(f, PCI_SECONDARY_BUS, f->secondary);
		put8(f, PCI_SUBORDINATE_BUS, f->subordinate);
		return;
	}
	put16(f, PCI_SUBSYSTEM_VENDOR_ID, t->subvendor);
	put16(f, PCI_SUBSYSTEM_ID, t->subdevice);
	if (f->pf)
		return;
	uint64_t bar = bar_place(f->dev.machine, t->memory ? t->memory : 16 << 20);
	put32(f, PCI_BASE_ADDRESS_0,
	      (uint32_t)bar | PCI_BASE_ADDRESS_MEM_TYPE_64 | PCI_BASE_ADDRESS_MEM_PREFETCH);
	put32(f, PCI_BASE_ADDRESS_1, (uint32_t)(bar >> 32));
}

static unsigned port_type(const struct pci *f)
{
	static const uint8_t types[] = {
		[HOST_PORT_ENDPOINT] = PCI_EXP_TYPE_ENDPOINT,
		[HOST_PORT_INTEGRATED] = PCI_EXP_TYPE_RC_END,
		[HOST_PORT_ROOT] = PCI_EXP_TYPE_ROOT_PORT,
		[HOST_PORT_UPSTREAM] = PCI_EXP_TYPE_UPSTREAM,
		[HOST_PORT_DOWNSTREAM] = PCI_EXP_TYPE_DOWNSTREAM,
		[HOST_PORT_PCI_BRIDGE] = PCI_EXP_TYPE_PCI_BRIDGE,
		[HOST_PORT_LEGACY] = 0,
	};
	return types[f->model->port];
}

/* 2, 5, 8, 16, 32, 64 GT/s are codes 1 to 6. */
static unsigned speed_code(unsigned gt)
{
	unsigned code = 1;
	for (unsigned s = 5; code < 6 && gt >= s; s = s == 5 ? 8 : s * 2)
		code++;
	return code;
}

static void capabilities(struct pci *f)
{
	const struct host_model *t = f->model;
	bool express = t->port != HOST_PORT_LEGACY;
	unsigned after = express ? CAP_EXP : 0;
	if (makes_pm(f)) {
		put8(f, CAP_PM, PCI_CAP_ID_PM);
		put8(f, CAP_PM + 1, chain_after_pm(f));
		put16(f, CAP_PM + PCI_PM_PMC, 3 | PCI_PM_CAP_PME_D3hot);
		put16(f, CAP_PM + PCI_PM_CTRL, t->pm_reset ? 0 : PCI_PM_CTRL_NO_SOFT_RESET);
	}
	if (t->msix) {
		put8(f, CAP_MSIX, PCI_CAP_ID_MSIX);
		put8(f, CAP_MSIX + 1, after);
		put16(f, CAP_MSIX + PCI_MSIX_FLAGS, t->msix - 1);
	}
	if (!express)
		return;
	unsigned link = speed_code(t->link_gt ? t->link_gt : 16) |
			(t->link_width ? t->link_width : 16) << 4;
	put8(f, CAP_EXP, PCI_CAP_ID_EXP);
	put16(f, CAP_EXP + PCI_EXP_FLAGS, 2 | port_type(f) << 4);
	put32(f, CAP_EXP + PCI_EXP_DEVCAP, t->flr ? PCI_EXP_DEVCAP_FLR : 0);
	if (t->port == HOST_PORT_INTEGRATED)
		return;
	put32(f, CAP_EXP + PCI_EXP_LNKCAP, link);
	put16(f, CAP_EXP + PCI_EXP_LNKSTA, link);
}

/* Extended capabilities are chained in the order of their adding. */
struct chain {
	struct pci *f;
	unsigned at, last;
};

static unsigned extended(struct chain *c, unsigned id, unsigned version, unsigned size)
{
	unsigned at = c->at;
	if (c->last)
		put16(c->f, c->last + 2, (c->f->config[c->last + 2] & 0xf) | at << 4);
	put16(c->f, at, id);
	put16(c->f, at + 2, version);
	c->last = at;
	c->at = (at + size + 15) & ~15u;
	return at;
}

static void sriov_capability(struct chain *c)
{
	struct pci *f = c->f;
	const struct host_model *t = f->model;
	unsigned at = extended(c, PCI_EXT_CAP_ID_SRIOV, 1, PCI_EXT_CAP_SRIOV_SIZEOF);
	put16(f, at + PCI_SRIOV_INITIAL_VF, t->vfs);
	put16(f, at + PCI_SRIOV_TOTAL_VF, t->vfs);
	put16(f, at + PCI_SRIOV_VF_OFFSET, t->vf_offset);
	put16(f, at + PCI_SRIOV_VF_STRIDE, t->vf_stride);
	put16(f, at + PCI_SRIOV_VF_DID, t->vf_device);
	put32(f, at + PCI_SRIOV_SUP_PGSIZE, 0x553);
	put32(f, at + PCI_SRIOV_SYS_PGSIZE, 1);
	uint64_t bar = bar_place(f->dev.machine, (uint64_t)64 << 20);
	put32(f, at + PCI_SRIOV_BAR, (uint32_t)bar | PCI_BASE_ADDRESS_MEM_TYPE_64);
	put32(f, at + PCI_SRIOV_BAR + 4, (uint32_t)(bar >> 32));
}

static void acs_capability(struct chain *c)
{
	const unsigned all = PCI_ACS_SV | PCI_ACS_RR | PCI_ACS_CR | PCI_ACS_UF;
	unsigned at = extended(c, PCI_EXT_CAP_ID_ACS, 1, 8);
	put16(c->f, at + PCI_ACS_CAP, all);
	put16(c->f, at + PCI_ACS_CTRL, all);
}

static void serial_capability(struct chain *c)
{
	unsigned at = extended(c, PCI_EXT_CAP_ID_DSN, 1, 12);
	put32(c->f, at + 4, (uint32_t)c->f->slot->serial);
	put32(c->f, at + 8, (uint32_t)(c->f->slot->serial >> 32));
}

static void extended_capabilities(struct pci *f)
{
	const struct host_model *t = f->model;
	struct chain c = { .f = f, .at = PCI_CFG_SPACE_SIZE };
	if (f->slot && f->slot->has_serial)
		serial_capability(&c);
	if (t->ari || f->pf)
		(void)extended(&c, PCI_EXT_CAP_ID_ARI, 1, 8);
	if (t->acs)
		acs_capability(&c);
	if (t->vfs && !f->pf)
		sriov_capability(&c);
	if (t->ats)
		(void)extended(&c, PCI_EXT_CAP_ID_ATS, 1, 8);
	if (t->pri)
		(void)extended(&c, PCI_EXT_CAP_ID_PRI, 1, 16);
	if (t->pasid)
		(void)extended(&c, PCI_EXT_CAP_ID_PASID, 1, 8);
	if (t->rebar)
		(void)extended(&c, PCI_EXT_CAP_ID_REBAR, 1, 16);
}

static uint8_t digit(char c)
{
	return (uint8_t)(c <= '9' ? c - '0' : (c | 32) - 'a' + 10);
}

static void captured(struct pci *f, const char *hex)
{
	for (size_t i = 0; i < CONFIG_SIZE && hex[2 * i] && hex[2 * i + 1]; i++)
		f->config[i] = (uint8_t)(digit(hex[2 * i]) << 4 | digit(hex[2 * i + 1]));
}

void config_build(struct pci *f)
{
	f->config = machine_object(f->dev.machine, CONFIG_SIZE);
	if (f->slot && f->slot->config) {
		captured(f, f->slot->config);
		config_set_vfs(
			f, 0,
			false); /* a machine boots without VFs, whatever it had when captured */
		return;
	}
	header(f);
	capabilities(f);
	if (f->model->port != HOST_PORT_LEGACY)
		extended_capabilities(f);
}

bool config_has_pm(const struct pci *f)
{
	unsigned at = f->config[PCI_CAPABILITY_LIST] & ~3u;
	for (unsigned left = 48; at >= PCI_STD_HEADER_SIZEOF && left; left--) {
		if (f->config[at] == PCI_CAP_ID_PM)
			return true;
		at = f->config[at + 1] & ~3u;
	}
	return false;
}

static unsigned sriov_find(const struct pci *f)
{
	for (unsigned at = PCI_CFG_SPACE_SIZE, left = 64; at && left; left--) {
		const uint8_t *c = f->config + at;
		if ((c[0] | c[1] << 8) == PCI_EXT_CAP_ID_SRIOV)
			return at;
		at = (unsigned)(c[2] | c[3] << 8) >> 4 & ~3u;
		if (at > CONFIG_SIZE - 64)
			break;
	}
	return 0;
}

void config_set_vfs(struct pci *f, unsigned n, bool enabled)
{
	unsigned at = sriov_find(f);
	if (!at)
		return;
	put16(f, at + PCI_SRIOV_NUM_VF, n);
	put16(f, at + PCI_SRIOV_CTRL, enabled ? PCI_SRIOV_CTRL_VFE | PCI_SRIOV_CTRL_MSE : 0);
}

/* How many bytes can be had there. While a function is reset its configuration space is not reached
 * (pci_cfg_access_lock(), drivers/pci/access.c); who gets there wakes it from D3hot
 * (pci_config_pm_runtime_get(), drivers/pci/pci-sysfs.c). */
static ssize_t reach(struct pci *f, size_t size, off_t at)
{
	size_t room = f->model->port == HOST_PORT_LEGACY ? PCI_CFG_SPACE_SIZE : CONFIG_SIZE;
	int r = klock_take(f->dev.machine, &f->config_lock, "config");
	if (r < 0)
		return r;
	klock_release(f->dev.machine, &f->config_lock);
	f->state.d3 = false;
	if (at < 0 || (size_t)at >= room)
		return 0;
	return (ssize_t)(size < room - (size_t)at ? size : room - (size_t)at);
}

/* A function that does not answer reads all ones (PCIe 6.0, 2.3.2). */
static ssize_t config_read(struct node *n, void *buf, size_t size, off_t at)
{
	struct pci *f = pci_of(n);
	ssize_t r = reach(f, size, at);
	if (r <= 0)
		return r;
	if (f->state.off || f->dev.gone)
		memset(buf, 0xff, (size_t)r);
	else
		memcpy(buf, f->config + at, (size_t)r);
	return r;
}

/* Written, and of no effect but on what is read. Behind the end: sysfs_kf_bin_write(), fs/sysfs/file.c. */
static ssize_t config_write(struct node *n, const void *buf, size_t size, off_t at)
{
	struct pci *f = pci_of(n);
	ssize_t r = reach(f, size, at);
	if (r > 0 && !f->state.off && !f->dev.gone)
		memcpy(f->config + at, buf, (size_t)r);
	return r ? r : -EFBIG;
}

const struct file_ops config_ops = { .read = config_read, .write = config_write };
