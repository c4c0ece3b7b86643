/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Addresses, keys, classes and capabilities of PCI functions. See model/pci.h. */
#include "model/pci.h"

#include <errno.h>
#include <linux/pci_regs.h>
#include <stdlib.h>

#include "base/num.h"
#include "base/str.h"

static size_t hex_run(const char *s)
{
	return strspn(s, "0123456789abcdef");
}

/* The kernel prints "%04x:%02x:%02x.%d" (drivers/pci/probe.c); domains of VMD devices have more
 * than four digits. */
bool pci_addr_valid(const char *addr)
{
	size_t domain = hex_run(addr);
	if (domain < 4 || domain > 8 || addr[domain] != ':')
		return false;
	const char *s = addr + domain + 1;
	return hex_run(s) == 2 && s[2] == ':' && hex_run(s + 3) == 2 && s[5] == '.' &&
	       s[6] >= '0' && s[6] <= '7' && s[7] == '\0';
}

unsigned pci_addr_rid(const char *addr)
{
	const char *s = strchr(addr, ':');
	uint32_t bus = 0, dev = 0;
	if (!s || strlen(s) != strlen(":3b:00.0"))
		return 0;
	(void)num_parse_u32((const char[]){ s[1], s[2], '\0' }, 16, &bus);
	(void)num_parse_u32((const char[]){ s[4], s[5], '\0' }, 16, &dev);
	return bus << 8 | dev << 3 | (unsigned)(s[7] - '0');
}

bool uuid_valid(const char *uuid)
{
	static const size_t dashes[] = { 8, 13, 18, 23 };
	if (strlen(uuid) != UUID_SIZE - 1)
		return false;
	size_t next = 0;
	for (size_t i = 0; uuid[i]; i++) {
		bool dash = next < 4 && i == dashes[next];
		next += dash;
		if (dash ? uuid[i] != '-' : !strchr("0123456789abcdef", uuid[i]))
			return false;
	}
	return true;
}

static int key_append(char *key, const char *text, size_t len)
{
	size_t have = strlen(key);
	if (have + len >= DEVICE_KEY_SIZE)
		return -EINVAL;
	memcpy(key + have, text, len);
	key[have + len] = '\0';
	return 0;
}

/* Length of "pci0000:00" at the start of text: the directory of a root bus; 0: it is something else. */
static size_t root_bus_length(const char *text)
{
	const char *root = str_after(text, "pci");
	size_t domain = root ? hex_run(root) : 0;
	if (domain < 4 || domain > 8 || root[domain] != ':' || hex_run(root + domain + 1) != 2)
		return 0;
	size_t len = strlen("pci") + domain + strlen(":00");
	return text[len] == '/' || !text[len] ? len : 0;
}

/* Host bridges of firmware tables sit below a platform or ACPI device: the first root bus counts. */
static const char *root_bus_find(const char *path)
{
	for (const char *s = path; s; s = strchr(s, '/') ? strchr(s, '/') + 1 : NULL)
		if (root_bus_length(s))
			return s;
	return NULL;
}

/* "pci0000:00/0000:00:03.0/0000:01:00.0" -> "pci:0000:00/03.0/00.0". A second root bus on the way (VMD,
 * "pci10000:e0") is left out: its domain is numbered as found, and one device has but one. */
static int pci_key_from_path(const char *root, char *key)
{
	size_t len = root_bus_length(root);
	if (!root[len])
		return -EINVAL;
	key[0] = '\0';
	int r = key_append(key, "pci:", 4);
	if (r >= 0)
		r = key_append(key, root + 3, len - 3);
	for (const char *part = root + len; r >= 0 && *part == '/'; part += len) {
		part++;
		len = strcspn(part, "/");
		if (root_bus_length(part))
			continue;
		char addr[PCI_ADDR_SIZE];
		if (len >= sizeof(addr))
			return -EINVAL;
		memcpy(addr, part, len);
		addr[len] = '\0';
		if (!pci_addr_valid(addr))
			return -EINVAL;
		r = key_append(key, "/", 1);
		if (r >= 0)
			r = key_append(key, addr + len - 4, 4);
	}
	return r;
}

int device_key_from_path(const char *path, char ret_key[DEVICE_KEY_SIZE])
{
	char key[DEVICE_KEY_SIZE];
	if (!*path || *path == '/' || strstr(path, ".."))
		return -EINVAL;
	const char *root = root_bus_find(path);
	int r;
	if (root)
		r = pci_key_from_path(root, key);
	else
		r = STR_FORMAT(key, "sys:%s", path) < 0 ? -EINVAL : 0;
	return r < 0 ? r : str_copy(ret_key, DEVICE_KEY_SIZE, key);
}

struct config {
	const uint8_t *bytes;
	size_t len;
};

/* Past the end reads as all ones, as a missing function would. */
static uint32_t config_u32(const struct config *c, size_t at)
{
	uint32_t v = UINT32_MAX;
	if (at + 4 <= c->len)
		v = (uint32_t)c->bytes[at] | (uint32_t)c->bytes[at + 1] << 8 |
		    (uint32_t)c->bytes[at + 2] << 16 | (uint32_t)c->bytes[at + 3] << 24;
	return v;
}

static uint16_t config_u16(const struct config *c, size_t at)
{
	return (uint16_t)(at + 2 <= c->len ? c->bytes[at] | c->bytes[at + 1] << 8 : 0xffff);
}

static void parse_pcie(const struct config *c, size_t at, struct pci_caps *caps)
{
	uint32_t lnkcap = config_u32(c, at + PCI_EXP_LNKCAP);
	uint16_t lnksta = config_u16(c, at + PCI_EXP_LNKSTA);

	caps->pcie = true;
	caps->port_type = (config_u16(c, at + PCI_EXP_FLAGS) & PCI_EXP_FLAGS_TYPE) >> 4;
	caps->flr = config_u32(c, at + PCI_EXP_DEVCAP) & PCI_EXP_DEVCAP_FLR;
	caps->link_speed_max = lnkcap & PCI_EXP_LNKCAP_SLS;
	caps->link_width_max = (lnkcap & PCI_EXP_LNKCAP_MLW) >> 4;
	caps->link_speed = lnksta & PCI_EXP_LNKSTA_CLS;
	caps->link_width = (lnksta & PCI_EXP_LNKSTA_NLW) >> 4;
}

static void parse_capability(const struct config *c, uint8_t id, size_t at, struct pci_caps *caps)
{
	switch (id) {
	case PCI_CAP_ID_EXP:
		parse_pcie(c, at, caps);
		break;
	case PCI_CAP_ID_AF:
		caps->af_flr = at + 4 <= c->len && (c->bytes[at + PCI_AF_CAP] & PCI_AF_CAP_FLR);
		break;
	case PCI_CAP_ID_PM:
		caps->pm_reset = !(config_u16(c, at + PCI_PM_CTRL) & PCI_PM_CTRL_NO_SOFT_RESET);
		break;
	case PCI_CAP_ID_MSIX:
		caps->msix = true;
		caps->msix_vectors =
			(uint16_t)((config_u16(c, at + PCI_MSIX_FLAGS) & PCI_MSIX_FLAGS_QSIZE) + 1);
		break;
	}
}

static void parse_sriov(const struct config *c, size_t at, struct pci_caps *caps)
{
	caps->sriov = true;
	caps->sriov_enabled = config_u16(c, at + PCI_SRIOV_CTRL) & PCI_SRIOV_CTRL_VFE;
	caps->sriov_total = config_u16(c, at + PCI_SRIOV_TOTAL_VF);
	caps->sriov_num = config_u16(c, at + PCI_SRIOV_NUM_VF);
	caps->sriov_offset = config_u16(c, at + PCI_SRIOV_VF_OFFSET);
	caps->sriov_stride = config_u16(c, at + PCI_SRIOV_VF_STRIDE);
	caps->sriov_vf_device = config_u16(c, at + PCI_SRIOV_VF_DID);
	/* The kernel writes the address when it found room (pci_iov_update_resource()). */
	for (size_t i = 0; i < PCI_SRIOV_NUM_BARS; i++)
		if (config_u32(c, at + PCI_SRIOV_BAR + 4 * i) & (uint32_t)PCI_BASE_ADDRESS_MEM_MASK)
			caps->sriov_bars = true;
}

static void parse_header(const struct config *c, struct pci_caps *caps)
{
	if ((c->bytes[PCI_HEADER_TYPE] & 0x7f) != PCI_HEADER_TYPE_BRIDGE)
		return;
	caps->bus_first = c->bytes[PCI_SECONDARY_BUS];
	caps->bus_last = c->bytes[PCI_SUBORDINATE_BUS];
}

static void parse_extended(const struct config *c, uint16_t id, size_t at, struct pci_caps *caps)
{
	switch (id) {
	case PCI_EXT_CAP_ID_SRIOV:
		parse_sriov(c, at, caps);
		break;
	case PCI_EXT_CAP_ID_ACS:
		caps->acs = true;
		caps->acs_cap = config_u16(c, at + PCI_ACS_CAP);
		caps->acs_ctrl = config_u16(c, at + PCI_ACS_CTRL);
		break;
	case PCI_EXT_CAP_ID_DSN:
		caps->has_serial = true;
		caps->serial = (uint64_t)config_u32(c, at + 8) << 32 | config_u32(c, at + 4);
		break;
	case PCI_EXT_CAP_ID_ARI:
		caps->ari = true;
		break;
	case PCI_EXT_CAP_ID_ATS:
		caps->ats = true;
		break;
	case PCI_EXT_CAP_ID_PRI:
		caps->pri = true;
		break;
	case PCI_EXT_CAP_ID_PASID:
		caps->pasid = true;
		break;
	case PCI_EXT_CAP_ID_REBAR:
		caps->rebar = true;
		break;
	case 0x24: /* PCI_EXT_CAP_ID_VF_REBAR, newer than the headers of Debian 12 */
		caps->vf_rebar = true;
		break;
	}
}

/* Both lists are chains in memory the device controls: bounded by the number that can fit. */
static void parse_lists(const struct config *c, struct pci_caps *caps)
{
	if (config_u16(c, PCI_STATUS) & PCI_STATUS_CAP_LIST) {
		size_t at = c->bytes[PCI_CAPABILITY_LIST] & ~3u;
		for (int i = 0; i < 48 && at >= PCI_STD_HEADER_SIZEOF && at + 2 <= c->len; i++) {
			parse_capability(c, c->bytes[at], at, caps);
			at = c->bytes[at + 1] & ~3u;
		}
	}
	size_t at = PCI_CFG_SPACE_SIZE;
	for (int i = 0; i < 960 && at >= PCI_CFG_SPACE_SIZE && at + 4 <= c->len; i++) {
		uint32_t header = config_u32(c, at);
		if (header == 0 || header == UINT32_MAX)
			break;
		parse_extended(c, PCI_EXT_CAP_ID(header), at, caps);
		at = PCI_EXT_CAP_NEXT(header);
	}
}

void pci_caps_parse(const uint8_t *config, size_t len, struct pci_caps *ret)
{
	struct pci_caps caps = { 0 };
	const struct config c = { config, len };
	if (len >= PCI_STD_HEADER_SIZEOF) {
		/* A VF's own vendor and device id read as all ones; its header type does not. */
		caps.all_ones = config_u32(&c, PCI_VENDOR_ID) == UINT32_MAX &&
				config_u32(&c, PCI_CACHE_LINE_SIZE) == UINT32_MAX &&
				config_u32(&c, PCI_COMMAND) == UINT32_MAX;
		caps.known = len >= PCI_CFG_SPACE_SIZE && !caps.all_ones;
	}
	if (caps.known) {
		parse_header(&c, &caps);
		parse_lists(&c, &caps);
	}
	*ret = caps;
}

bool pci_class_is(uint32_t class, enum pci_base_class base)
{
	return class >> 16 == (uint32_t)base;
}

bool pci_is_bridge(uint32_t class)
{
	return pci_class_is(class, PCI_BASE_BRIDGE) && class >> 8 != PCI_OTHER_BRIDGE;
}

bool driver_is_vfio(const char *driver)
{
	return str_ends(driver, "vfio-pci") || str_ends(driver, "vfio_pci");
}

bool driver_leaves_group_alone(const char *driver)
{
	return !driver[0] || driver_is_vfio(driver) || str_eq(driver, "pci-stub") ||
	       str_eq(driver, "pcieport");
}

const char *const vf_link_names[] = {
	[VF_LINK_AUTO] = "auto",
	[VF_LINK_ENABLE] = "enable",
	[VF_LINK_DISABLE] = "disable",
	NULL,
};

const char *vf_link_name(uint32_t state)
{
	return state <= VF_LINK_DISABLE ? vf_link_names[state] : "?";
}

const char *pci_class_name(uint32_t class)
{
	/* Base classes of the PCI Code and ID Assignment Specification. */
	static const char *const names[] = {
		[0x01] = "storage",	  [0x02] = "network",	 [0x03] = "display",
		[0x04] = "multimedia",	  [0x05] = "memory",	 [0x06] = "bridge",
		[0x07] = "communication", [0x08] = "system",	 [0x09] = "input",
		[0x0b] = "processor",	  [0x0c] = "serial-bus", [0x0d] = "wireless",
		[0x10] = "encryption",	  [0x11] = "signal",	 [0x12] = "accelerator",
	};
	uint32_t base = class >> 16;
	return base < sizeof(names) / sizeof(*names) && names[base] ? names[base] : "other";
}
