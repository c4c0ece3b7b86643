/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Hiding what names one machine: a keyed hash, SipHash-2-4 (Aumasson and Bernstein, 2012), whose
 * key is thrown away with the capture. Equal things stay equal, sizes stay.
 */
#include <linux/pci_regs.h>

#include "base/str.h"
#include "sim/capture-internal.h"

#define VPD_BYTES 8 /* PCI Local Bus Specification 3.0, appendix I: address and data */

static uint64_t rotate(uint64_t x, unsigned by)
{
	return x << by | x >> (64 - by);
}

static void rounds(uint64_t v[4], unsigned n)
{
	while (n-- > 0) {
		v[0] += v[1];
		v[2] += v[3];
		v[1] = rotate(v[1], 13) ^ v[0];
		v[3] = rotate(v[3], 16) ^ v[2];
		v[0] = rotate(v[0], 32);
		v[2] += v[1];
		v[0] += v[3];
		v[1] = rotate(v[1], 17) ^ v[2];
		v[3] = rotate(v[3], 21) ^ v[0];
		v[2] = rotate(v[2], 32);
	}
}

static uint64_t hash(const struct capture *c, const void *data, size_t len)
{
	const uint8_t *bytes = data;
	uint64_t v[4] = { c->key[0] ^ 0x736f6d6570736575, c->key[1] ^ 0x646f72616e646f6d,
			  c->key[0] ^ 0x6c7967656e657261, c->key[1] ^ 0x7465646279746573 };
	for (size_t at = 0; at <= len; at += 8) {
		uint64_t word = len - at < 8 ? (uint64_t)len << 56 : 0;
		for (size_t i = 0; i < 8 && at + i < len; i++)
			word |= (uint64_t)bytes[at + i] << (8 * i);
		v[3] ^= word;
		rounds(v, 2);
		v[0] ^= word;
	}
	v[2] ^= 0xff;
	rounds(v, 4);
	return v[0] ^ v[1] ^ v[2] ^ v[3];
}

uint64_t capture_hide_number(const struct capture *c, uint64_t number)
{
	uint8_t bytes[8];
	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)(number >> (8 * i));
	return hash(c, bytes, sizeof(bytes));
}

/* The first byte says "locally administered", and no maker. */
void capture_hide_mac(const struct capture *c, char mac[MAC_TEXT_SIZE])
{
	uint64_t h = hash(c, mac, strlen(mac));
	uint8_t hidden[MAC_SIZE] = { 0x02 };
	for (size_t i = 1; i < sizeof(hidden); i++, h >>= 8)
		hidden[i] = (uint8_t)h;
	mac_format(hidden, mac);
}

/* "enx" and twelve digits is the address (systemd.net-naming-scheme(7)). */
static bool holds_address(const char *name)
{
	const char *rest = name[0] && name[1] && name[2] == 'x' ? name + 3 : NULL;
	return rest && strlen(rest) == 2 * MAC_SIZE &&
	       rest[strspn(rest, "0123456789abcdef")] == '\0';
}

static bool is_of_kernel(const char *name)
{
	static const char *const prefixes[] = {
		"eth", "eno",  "ens",  "enp", "ib",   "wlan",
		"wlp", "vmbr", "bond", "br",  "team", "ovs-system"
	};
	for (size_t i = 0; i < sizeof(prefixes) / sizeof(*prefixes); i++) {
		const char *rest = str_after(name, prefixes[i]);
		if (rest && rest[strspn(rest, "0123456789abcdefinpsv")] == '\0')
			return true;
	}
	return false;
}

void capture_hide_netdev(const struct capture *c, char name[NAME_SIZE])
{
	if (!name[0] || (is_of_kernel(name) && !holds_address(name)))
		return;
	uint64_t h = hash(c, name, strlen(name));
	(void)str_format(name, NAME_SIZE, "net%08x", (unsigned)(h & UINT32_MAX));
}

static void hide_serial(const struct capture *c, uint8_t *at)
{
	uint64_t serial = 0;
	for (size_t i = 0; i < 8; i++)
		serial |= (uint64_t)at[i] << (8 * i);
	serial = capture_hide_number(c, serial);
	for (size_t i = 0; i < 8; i++)
		at[i] = (uint8_t)(serial >> (8 * i));
}

static void hide_vpd(uint8_t *config, size_t len)
{
	if (len < PCI_CFG_SPACE_SIZE)
		return;
	size_t at = config[PCI_CAPABILITY_LIST] & ~3u;
	for (int left = 48; left > 0 && at >= PCI_STD_HEADER_SIZEOF; left--) {
		if (config[at] == PCI_CAP_ID_VPD && at + VPD_BYTES <= len)
			memset(config + at + 2, 0, VPD_BYTES - 2);
		at = config[at + 1] & ~3u;
	}
}

void capture_hide_config(const struct capture *c, uint8_t *config, size_t len)
{
	size_t at = PCI_CFG_SPACE_SIZE;
	hide_vpd(config, len);
	for (int left = 960; left > 0 && at >= PCI_CFG_SPACE_SIZE && at + 12 <= len; left--) {
		unsigned id = config[at] | (unsigned)config[at + 1] << 8;
		if (id == PCI_EXT_CAP_ID_DSN)
			hide_serial(c, config + at + 4);
		at = (config[at + 2] | (unsigned)config[at + 3] << 8) >> 4 & ~3u;
	}
}
