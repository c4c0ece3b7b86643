/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One PCI function: what its configuration space and the files of the PCI core say
 * (Documentation/ABI/testing/sysfs-bus-pci). Without privilege only 64 bytes of configuration space
 * can be read; then the files have to do.
 */
#include <errno.h>
#include <linux/pci_regs.h>

#include "base/cleanup.h"
#include "base/num.h"
#include "host/topology.h"
#include "policy/value.h"
#include "sim/capture-internal.h"
#include "sys/sysfs.h"

#define RESOURCE_MEMORY 0x200 /* IORESOURCE_MEM, include/linux/ioport.h */
#define BAR_MIN (1ull << 10)
#define BAR_MAX (512ull << 40)

struct reading {
	struct capture *c;
	const struct capture_place *place;
	struct function *f;
	struct host_model *model;
	struct host_slot *slot;
	uint8_t config[CAPTURE_CONFIG_MAX];
	size_t len;
};

static bool number_of(const struct reading *r, const char *file, unsigned base, uint64_t *ret)
{
	char path[CAPTURE_PATH_SIZE];
	return capture_path(r->f, file, path) && sysfs_read_u64(r->c->sys, path, base, ret) >= 0;
}

static bool text_of(const struct reading *r, const char *file, char *ret, size_t size)
{
	char path[CAPTURE_PATH_SIZE];
	return capture_path(r->f, file, path) && sysfs_read(r->c->sys, path, ret, size) >= 0;
}

static bool has_file(const struct reading *r, const char *file)
{
	char path[CAPTURE_PATH_SIZE];
	return capture_path(r->f, file, path) && sysfs_exists(r->c->sys, path);
}

/* --- configuration space --------------------------------------------------------------------- */

/* VFs are gone at the next boot; the bits are those that config_set_vfs() clears. */
static void vfs_clear(uint8_t *config, size_t len)
{
	size_t at = PCI_CFG_SPACE_SIZE;
	for (int left = 960; left > 0 && at >= PCI_CFG_SPACE_SIZE && at + 64 <= len; left--) {
		unsigned id = config[at] | (unsigned)config[at + 1] << 8;
		if (id == PCI_EXT_CAP_ID_SRIOV) {
			config[at + PCI_SRIOV_CTRL] &=
				(uint8_t) ~(PCI_SRIOV_CTRL_VFE | PCI_SRIOV_CTRL_MSE);
			config[at + PCI_SRIOV_NUM_VF] = config[at + PCI_SRIOV_NUM_VF + 1] = 0;
		}
		at = (config[at + 2] | (unsigned)config[at + 3] << 8) >> 4 & ~3u;
	}
}

static void config_read(struct reading *r)
{
	char path[CAPTURE_PATH_SIZE];
	ssize_t n = capture_path(r->f, "config", path)
			    ? sysfs_read_bytes(r->c->sys, path, r->config, sizeof(r->config))
			    : -ENAMETOOLONG;
	r->len = n > 0 ? (size_t)n : 0;
	pci_caps_parse(r->config, r->len, &r->f->caps);
	if (r->len < PCI_STD_HEADER_SIZEOF)
		capture_note(r->c, "configuration space of %s: it could not be read", r->f->addr);
	else if (r->f->caps.all_ones)
		capture_note(r->c, "configuration space of %s: the function does not answer",
			     r->f->addr);
	else if (r->len < PCI_CFG_SPACE_SIZE)
		capture_note(r->c,
			     "configuration space of %s beyond %zu bytes: reading it needs root",
			     r->f->addr, r->len);
}

static bool ids_agree(const struct reading *r)
{
	const uint8_t *b = r->config;
	return (b[0] | b[1] << 8) == r->f->vendor && (b[2] | b[3] << 8) == r->f->device;
}

static int config_put(struct reading *r)
{
	if (r->len < PCI_STD_HEADER_SIZEOF || r->f->caps.all_ones)
		return 0;
	if (!ids_agree(r)) {
		capture_note(r->c, "configuration space of %s: it has other ids", r->f->addr);
		return 0;
	}
	vfs_clear(r->config, r->len);
	if (r->c->anonymous)
		capture_hide_config(r->c, r->config, r->len);
	size_t len = r->len;
	while (len > PCI_STD_HEADER_SIZEOF && r->config[len - 1] == 0)
		len--;
	struct str_buf hex = { 0 };
	for (size_t i = 0; i < len; i++)
		str_buf_addf(&hex, "%02x", r->config[i]);
	r->slot->config = str_buf_take(&hex);
	return r->slot->config ? 0 : -ENOMEM;
}

static void serial_put(struct reading *r)
{
	const struct pci_caps *caps = &r->f->caps;
	if (!caps->has_serial || r->model->port == HOST_PORT_LEGACY)
		return;
	r->slot->has_serial = true;
	r->slot->serial = r->c->anonymous ? capture_hide_number(r->c, caps->serial) : caps->serial;
}

/* --- kind of port ---------------------------------------------------------------------------- */

static uint32_t port_by_type(uint8_t type, bool bridge)
{
	switch (type) {
	case PCI_EXP_TYPE_ROOT_PORT:
		return HOST_PORT_ROOT;
	case PCI_EXP_TYPE_UPSTREAM:
		return HOST_PORT_UPSTREAM;
	case PCI_EXP_TYPE_DOWNSTREAM:
		return HOST_PORT_DOWNSTREAM;
	case PCI_EXP_TYPE_PCI_BRIDGE:
		return HOST_PORT_PCI_BRIDGE;
	case PCI_EXP_TYPE_RC_END:
	case PCI_EXP_TYPE_RC_EC:
		return HOST_PORT_INTEGRATED;
	}
	return bridge ? HOST_PORT_LEGACY : HOST_PORT_ENDPOINT;
}

/* The nearest that may be there by host-check.c. */
static uint32_t port_allowed(const struct reading *r, uint32_t port)
{
	bool switch_port = port == HOST_PORT_UPSTREAM || port == HOST_PORT_DOWNSTREAM;
	if (r->place->on_root)
		return switch_port ? HOST_PORT_ROOT : port;
	switch ((enum host_port)r->place->bridge) {
	case HOST_PORT_ROOT:
	case HOST_PORT_DOWNSTREAM:
		if (port == HOST_PORT_INTEGRATED)
			return HOST_PORT_ENDPOINT;
		return port == HOST_PORT_ROOT || port == HOST_PORT_DOWNSTREAM ? HOST_PORT_UPSTREAM
									      : port;
	case HOST_PORT_UPSTREAM:
		return HOST_PORT_DOWNSTREAM;
	case HOST_PORT_PCI_BRIDGE:
	case HOST_PORT_LEGACY:
	case HOST_PORT_ENDPOINT:
	case HOST_PORT_INTEGRATED:
		break;
	}
	return HOST_PORT_LEGACY;
}

/* Without capabilities: by where it is. */
static uint32_t port_by_place(const struct reading *r)
{
	uint32_t other = r->place->on_root ? HOST_PORT_LEGACY : HOST_PORT_ENDPOINT;
	return port_allowed(r, topology_is_bridge(r->f) ? HOST_PORT_ROOT : other);
}

static int port_read(struct reading *r)
{
	const struct pci_caps *caps = &r->f->caps;
	uint32_t port = !caps->known ? port_by_place(r)
			: caps->pcie ? port_by_type(caps->port_type, topology_is_bridge(r->f))
				     : HOST_PORT_LEGACY;
	bool in_switch = !r->place->on_root && r->place->bridge == HOST_PORT_UPSTREAM;
	if (in_switch && !topology_is_bridge(r->f)) {
		capture_note(r->c, "%s: inside a switch there can be ports only", r->f->addr);
		return -ENOTSUP;
	}
	r->model->port = port_allowed(r, port);
	if (r->model->port != port)
		capture_note(r->c, "what kind of port %s is: no such can be where it is",
			     r->f->addr);
	return 0;
}

/* --- flags ----------------------------------------------------------------------------------- */

/* What is behind it is kept apart, whatever its capabilities say (drivers/pci/quirks.c). */
static bool isolates(const struct reading *r)
{
	for (size_t i = 0; r->f->iommu_group >= 0 && i < r->c->have.n_functions; i++) {
		const struct function *f = &r->c->have.functions[i];
		if (!f->is_vf && str_eq(f->parent, r->f->addr) && f->iommu_group >= 0 &&
		    f->iommu_group != r->f->iommu_group)
			return true;
	}
	return false;
}

/* What the hardware lacks is not needed (pci_acs_flags_enabled(), drivers/pci/pci.c). */
static void acs_read(struct reading *r)
{
	const unsigned all = PCI_ACS_SV | PCI_ACS_RR | PCI_ACS_CR | PCI_ACS_UF;
	const struct pci_caps *caps = &r->f->caps;
	unsigned wanted = caps->acs_cap & all;
	bool port = r->model->port == HOST_PORT_ROOT || r->model->port == HOST_PORT_DOWNSTREAM;
	r->model->acs = caps->acs && (caps->acs_ctrl & wanted) == wanted;
	r->model->acs = r->model->acs || (port && isolates(r));
	r->model->no_acs = port && !r->model->acs;
}

static bool has_word(const char *text, const char *word)
{
	size_t len = strlen(word);
	for (const char *s = text; (s = strstr(s, word)); s += len)
		if ((s == text || s[-1] == ' ') && (s[len] == ' ' || !s[len]))
			return true;
	return false;
}

static void other_methods_note(const struct reading *r, const char *methods)
{
	static const char *const others[] = { "device_specific", "acpi", "cxl_bus" };
	for (size_t i = 0; i < sizeof(others) / sizeof(*others); i++)
		if (has_word(methods, others[i]))
			capture_note(r->c, "reset method %s of %04x:%04x", others[i], r->f->vendor,
				     r->f->device);
}

static void resets_read(struct reading *r)
{
	char methods[256];
	const struct pci_caps *caps = &r->f->caps;
	if (!text_of(r, "reset_method", methods, sizeof(methods))) {
		/* Kernels before 5.15 do not tell; functions without a way to be reset have no file. */
		bool old = !has_file(r, "reset_method") && has_file(r, "reset");
		r->model->flr = old && (caps->flr || caps->af_flr);
		r->model->pm_reset = old && caps->pm_reset;
		return;
	}
	r->model->flr = has_word(methods, "flr") || has_word(methods, "af_flr");
	r->model->pm_reset = has_word(methods, "pm");
	other_methods_note(r, methods);
	if (caps->flr && !r->model->flr)
		capture_note(r->c, "FLR of %04x:%04x: the kernel does not use it", r->f->vendor,
			     r->f->device);
}

static void flags_read(struct reading *r)
{
	const struct pci_caps *caps = &r->f->caps;
	struct host_model *m = r->model;
	bool link = !r->place->on_root && (r->place->bridge == HOST_PORT_ROOT ||
					   r->place->bridge == HOST_PORT_DOWNSTREAM);
	m->ats = caps->ats;
	m->pri = caps->pri;
	m->pasid = caps->pasid;
	m->ari = caps->ari || (link && (pci_addr_rid(r->f->addr) & 0xff) > 7);
	m->rebar = caps->rebar;
	m->msix = caps->msix ? caps->msix_vectors : 0;
	acs_read(r);
	resets_read(r);
}

/* Codes 1 to 6 of LNKCAP are 2.5 to 64 GT/s; 2 is 2.5 here. */
static uint32_t link_gt(unsigned code)
{
	static const uint32_t gt[] = { 0, 2, 5, 8, 16, 32, 64 };
	return code < sizeof(gt) / sizeof(*gt) ? gt[code] : 0;
}

/* "16.0 GT/s PCIe" */
static uint32_t link_file(const struct reading *r)
{
	char text[32];
	uint32_t gt;
	if (!text_of(r, "max_link_speed", text, sizeof(text)))
		return 0;
	text[strcspn(text, ". ")] = '\0';
	return num_parse_u32(text, 10, &gt) < 0 || gt > 64 ? 0 : gt;
}

static void link_read(struct reading *r)
{
	const struct pci_caps *caps = &r->f->caps;
	uint64_t width = caps->link_width_max;
	uint32_t gt = caps->known ? link_gt(caps->link_speed_max) : link_file(r);
	if (!caps->known && !number_of(r, "max_link_width", 10, &width))
		width = 0;
	r->model->link_gt = gt;
	r->model->link_width = width <= 32 ? (uint32_t)width : 0;
	if (caps->link_speed && caps->link_speed != caps->link_speed_max)
		capture_note(r->c, "that a link of %04x:%04x is slower now than it can be",
			     r->f->vendor, r->f->device);
}

/* First line of "resource": first address, last address, flags. */
static void bar_read(struct reading *r)
{
	char text[4096], *save = NULL;
	uint64_t n[3] = { 0 };
	if (!text_of(r, "resource", text, sizeof(text)))
		return;
	text[strcspn(text, "\n")] = '\0';
	char *word = strtok_r(text, " ", &save);
	for (size_t i = 0; i < 3; i++, word = strtok_r(NULL, " ", &save))
		if (!word || num_parse(word, 0, UINT64_MAX, &n[i]) < 0)
			return;
	uint64_t size = n[1] > n[0] ? n[1] - n[0] + 1 : 0;
	if (!size)
		return;
	if ((n[2] & RESOURCE_MEMORY) && size >= BAR_MIN && size <= BAR_MAX && !(size & (size - 1)))
		r->model->memory = size;
	else
		capture_note(r->c, "size of BAR 0 of %04x:%04x: %s", r->f->vendor, r->f->device,
			     n[2] & RESOURCE_MEMORY ? "it is too small" : "it is an I/O port");
}

/* --- SR-IOV ---------------------------------------------------------------------------------- */

/* Drivers whose VFs have one of their own, and those that take both (drivers/net/ethernet of Linux
 * 6.12); told of none here, VFs would stay without. */
static void vf_driver_guess(struct reading *r)
{
	static const char *const known[][2] = {
		{ "igb", "igbvf" }, { "ixgbe", "ixgbevf" },   { "i40e", "iavf" },
		{ "ice", "iavf" },  { "bnxt_en", "bnxt_en" }, { "mlx5_core", "mlx5_core" },
		{ "nvme", "nvme" },
	};
	char path[CAPTURE_PATH_SIZE];
	for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++)
		if (str_eq(known[i][0], r->f->driver) &&
		    STR_FORMAT(path, "bus/pci/drivers/%s", known[i][1]) >= 0 &&
		    sysfs_exists(r->c->sys, path))
			(void)STR_COPY(r->model->vf_driver, known[i][1]);
	capture_note(r->c, "the driver that takes VFs of %04x:%04x, none has one now: %s",
		     r->f->vendor, r->f->device,
		     r->model->vf_driver[0] ? r->model->vf_driver : "no driver is simulated");
}

static void vf_driver_read(struct reading *r)
{
	unsigned count = 0;
	for (size_t i = 0; i < r->c->have.n_functions; i++) {
		const struct function *vf = &r->c->have.functions[i];
		if (!vf->is_vf || !str_eq(vf->pf, r->f->addr))
			continue;
		count++;
		if (policy_name_valid(vf->driver) && !driver_is_vfio(vf->driver) &&
		    !r->model->vf_driver[0])
			(void)STR_COPY(r->model->vf_driver, vf->driver);
	}
	if (count)
		capture_note(r->c, "%u VFs of %s exist; a simulated host starts without", count,
			     r->f->addr);
	if (!r->model->vf_driver[0])
		vf_driver_guess(r);
}

/* A driver may allow fewer VFs than the capability has (pci_sriov_set_totalvfs()). */
static int limit_put(struct reading *r, unsigned allowed)
{
	struct host *h = r->c->host;
	struct host_driver *d = NULL;
	if (allowed >= r->model->vfs || !allowed || !r->f->driver[0])
		return 0;
	for (size_t i = 0; i < h->n_drivers; i++)
		if (str_eq(h->drivers[i].name, r->f->driver))
			d = &h->drivers[i];
	if (!d) {
		d = CAPTURE_ADD(r->c, h->drivers, h->n_drivers);
		if (!d)
			return -ENOMEM;
		(void)STR_COPY(d->name, r->f->driver);
	}
	if (d->vfs_at_most && d->vfs_at_most != allowed)
		capture_note(r->c, "that %s allows %s %u VFs, and others another number", d->name,
			     r->f->addr, allowed);
	d->vfs_at_most = allowed > d->vfs_at_most ? allowed : d->vfs_at_most;
	return 0;
}

/* How many of them have a bus number. */
static unsigned vfs_that_fit(const struct reading *r)
{
	const struct host_model *m = r->model;
	unsigned end = (r->place->last_bus + 1) << 8, n = 0;
	while (n < m->vfs && pci_addr_rid(r->f->addr) + m->vf_offset + n * m->vf_stride < end)
		n++;
	return n;
}

static void sriov_note(struct reading *r, const char *why)
{
	capture_note(r->c, "SR-IOV of %s: %s", r->f->addr, why);
	r->model->vfs = 0;
}

static int sriov_put(struct reading *r, unsigned allowed)
{
	struct host_model *m = r->model;
	uint64_t autoprobe = 1;
	if (!m->vf_offset || (m->vfs > 1 && !m->vf_stride))
		sriov_note(r, "its VFs have no addresses of their own");
	else if (m->port != HOST_PORT_ENDPOINT && m->port != HOST_PORT_INTEGRATED)
		sriov_note(r, "it is no endpoint");
	else if (vfs_that_fit(r) == 0)
		sriov_note(r, "there is no bus number for its VFs");
	if (!m->vfs)
		return 0;
	if (vfs_that_fit(r) < m->vfs) {
		m->vfs = vfs_that_fit(r);
		capture_note(r->c, "VFs of %s beyond %u: there is no bus number for them",
			     r->f->addr, m->vfs);
	}
	m->vf_vendor = m->vendor;
	if (number_of(r, "sriov_drivers_autoprobe", 10, &autoprobe) && !autoprobe)
		capture_note(r->c, "that drivers leave the VFs of %s alone", r->f->addr);
	vf_driver_read(r);
	return limit_put(r, allowed);
}

static int sriov_read(struct reading *r)
{
	const struct pci_caps *caps = &r->f->caps;
	struct host_model *m = r->model;
	uint64_t total = caps->sriov_total, offset = caps->sriov_offset,
		 stride = caps->sriov_stride, device = caps->sriov_vf_device;
	if (!has_file(r, "sriov_totalvfs"))
		return 0;
	if (!number_of(r, "sriov_totalvfs", 10, &total))
		total = caps->sriov_total;
	(void)number_of(r, "sriov_offset", 10, &offset);
	(void)number_of(r, "sriov_stride", 10, &stride);
	(void)number_of(r, "sriov_vf_device", 16, &device);
	m->vfs = caps->sriov ? caps->sriov_total : (uint32_t)(total & UINT16_MAX);
	m->vf_offset = (uint32_t)(offset & UINT16_MAX);
	m->vf_stride = (uint32_t)(stride & UINT16_MAX);
	m->vf_device = (uint32_t)(device & UINT16_MAX);
	return m->vfs ? sriov_put(r, (unsigned)total) : 0;
}

/* --- all of it ------------------------------------------------------------------------------- */

static void ids_read(struct reading *r)
{
	uint64_t revision = 0;
	struct host_model *m = r->model;
	m->vendor = r->f->vendor;
	m->device = r->f->device;
	m->subvendor = r->f->subvendor;
	m->subdevice = r->f->subdevice;
	m->class = r->f->class;
	if (!number_of(r, "revision", 0, &revision) && r->len > PCI_REVISION_ID)
		revision = r->config[PCI_REVISION_ID];
	m->revision = (uint32_t)(revision & 0xff);
	if (policy_name_valid(r->f->driver))
		(void)STR_COPY(m->driver, r->f->driver);
	else if (r->f->driver[0])
		capture_note(r->c, "driver \"%s\" of %s", r->f->driver, r->f->addr);
}

static void buses_read(struct reading *r)
{
	uint64_t first = r->f->caps.bus_first, last = r->f->caps.bus_last;
	if (!topology_is_bridge(r->f))
		return;
	(void)number_of(r, "secondary_bus_number", 10, &first);
	(void)number_of(r, "subordinate_bus_number", 10, &last);
	r->f->caps.bus_first = (uint8_t)first;
	r->f->caps.bus_last = (uint8_t)last;
	r->slot->bus = (uint32_t)(first & 0xff);
}

static int model_read(struct reading *r)
{
	int q = sriov_read(r);
	if (q >= 0)
		q = capture_classes(r->c, r->f, r->model, r->slot);
	if (q >= 0)
		q = capture_mdev_types(r->c, r->f->path, r->f->key, r->f->driver, r->model);
	return q < 0 ? q : capture_attributes(r->c, r->f, r->model);
}

static int reading_put(struct reading *r)
{
	ids_read(r);
	flags_read(r);
	link_read(r);
	bar_read(r);
	buses_read(r);
	serial_put(r);
	r->slot->boot_vga = r->f->boot_vga;
	r->slot->group = r->c->host->iommu == HOST_IOMMU_NONE ? -1 : r->f->iommu_group;
	if (r->slot->group < 0 && r->c->host->iommu != HOST_IOMMU_NONE)
		capture_note(r->c, "that %s has no IOMMU group: a simulated one has", r->f->addr);
	int q = model_read(r);
	if (q < 0)
		return q;
	const char *name = capture_model_put(r->c, r->f, r->model);
	return name ? STR_COPY(r->slot->is, name) : -ENOMEM;
}

int capture_function(struct capture *c, const struct capture_place *place, struct host_slot *slot)
{
	struct host_model model = { 0 };
	_cleanup_free_ struct reading *r = calloc(1, sizeof(*r));
	if (!r)
		return -ENOMEM;
	r->c = c;
	r->place = place;
	r->f = place->f;
	r->model = &model;
	r->slot = slot;
	config_read(r);
	int q = port_read(r);
	if (q >= 0)
		q = reading_put(r);
	if (q >= 0)
		q = config_put(r);
	if (q < 0)
		host_model_done(&model);
	return q;
}
