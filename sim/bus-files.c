/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The files of a PCI function's directory (Documentation/ABI/testing/sysfs-bus-pci;
 * drivers/pci/pci-sysfs.c of Linux 6.12).
 */
#include <errno.h>

#include "base/num.h"
#include "sim/machine.h"

static struct machine *machine_of(const struct node *n)
{
	return pci_of(n)->dev.machine;
}

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
SHOW(device, "0x%04x\n", bus_device_id(f));
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

static void modalias(const struct pci *f, struct str_buf *out)
{
	const struct host_model *t = f->model;
	str_buf_addf(out, "pci:v%08Xd%08Xsv%08Xsd%08Xbc%02Xsc%02Xi%02X\n", t->vendor,
		     bus_device_id(f), t->subvendor, t->subdevice, t->class >> 16,
		     t->class >> 8 & 0xff, t->class & 0xff);
}

static int show_modalias(struct node *n, struct str_buf *out)
{
	modalias(pci_of(n), out);
	return 0;
}
static const struct file_ops ops_modalias = { .show = show_modalias };

/* pci_uevent(), drivers/pci/pci-driver.c */
static void uevent_text(const struct pci *f, struct str_buf *out)
{
	const struct host_model *t = f->model;
	if (f->driver)
		str_buf_addf(out, "DRIVER=%s\n", f->driver->name);
	str_buf_addf(out, "PCI_CLASS=%04X\nPCI_ID=%04X:%04X\nPCI_SUBSYS_ID=%04X:%04X\n", t->class,
		     t->vendor, bus_device_id(f), t->subvendor, t->subdevice);
	str_buf_addf(out, "PCI_SLOT_NAME=%s\nMODALIAS=", f->dev.name);
	modalias(f, out);
}

static int show_uevent(struct node *n, struct str_buf *out)
{
	uevent_text(pci_of(n), out);
	return 0;
}

void bus_event(const struct pci *f, const char *action)
{
	struct str_buf text = { 0 };
	uevent_text(f, &text);
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

/* Functions that were removed are found again; VFs are not. */
static int rescan(struct machine *m, const struct pci *near, const char *text)
{
	uint64_t value;
	if (num_parse(text, 0, UINT32_MAX, &value) < 0)
		return -EINVAL;
	return value ? bus_rescan(m, near) : 0;
}

static int store_rescan(struct node *n, const char *text, size_t len)
{
	(void)len;
	return rescan(machine_of(n), pci_of(n), text);
}
static const struct file_ops ops_rescan = { .store = store_rescan };

static int store_bus_rescan(struct node *n, const char *text, size_t len)
{
	(void)len;
	return rescan(n->owner, NULL, text);
}
const struct file_ops bus_rescan_ops = { .store = store_bus_rescan };

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

void bus_files_add(struct pci *f)
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
