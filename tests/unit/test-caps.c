/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Capabilities from config space made here byte by byte; what a broken device may show. */
#include "support/test.h"

#include <linux/pci_regs.h>
#include <string.h>

#include "model/pci.h"

struct space {
	uint8_t bytes[4096];
};

static void put16(struct space *s, size_t at, unsigned v)
{
	s->bytes[at] = (uint8_t)v;
	s->bytes[at + 1] = (uint8_t)(v >> 8);
}

static void put32(struct space *s, size_t at, uint32_t v)
{
	put16(s, at, v & 0xffff);
	put16(s, at + 2, v >> 16);
}

static void begin(struct space *s)
{
	memset(s, 0, sizeof(*s));
	put32(s, PCI_VENDOR_ID, 0x10c98086);
}

/* A capability at an offset; next 0: the last. */
static void put_cap(struct space *s, size_t at, uint8_t id, uint8_t next)
{
	put16(s, PCI_STATUS, PCI_STATUS_CAP_LIST);
	if (!s->bytes[PCI_CAPABILITY_LIST])
		s->bytes[PCI_CAPABILITY_LIST] = (uint8_t)at;
	s->bytes[at] = id;
	s->bytes[at + 1] = next;
}

static void put_ext(struct space *s, size_t at, uint16_t id, size_t next)
{
	put32(s, at, id | 1u << 16 | (uint32_t)next << 20);
}

static struct pci_caps parse(const struct space *s, size_t len)
{
	struct pci_caps caps;
	memset(&caps, 0xaa, sizeof(caps));
	pci_caps_parse(s->bytes, len, &caps);
	return caps;
}

static void test_pci_caps_parse_short_read_is_not_known(void **state)
{
	(void)state;
	struct space s;
	begin(&s);
	put_ext(&s, 0x100, PCI_EXT_CAP_ID_SRIOV, 0);
	for (size_t len = 0; len <= 64; len++) {
		struct pci_caps caps = parse(&s, len);
		assert_false(caps.known || caps.sriov || caps.all_ones);
	}
}

static void test_f12_pci_caps_parse_all_ones_is_no_answer(void **state)
{
	(void)state;
	struct space s;
	memset(&s, 0xff, sizeof(s));
	struct pci_caps caps = parse(&s, sizeof(s));
	assert_true(caps.all_ones);
	assert_false(caps.known || caps.sriov || caps.flr || caps.has_serial);
	/* Also what an unprivileged read shows of it. */
	assert_true(parse(&s, 64).all_ones);
}

/* Vendor and device id of a VF read as all ones (SR-IOV 1.1, 3.4.1.1), the rest does not. */
static void test_pci_caps_parse_vf_is_not_dead(void **state)
{
	(void)state;
	struct space s;
	begin(&s);
	put32(&s, PCI_VENDOR_ID, 0xffffffff);
	assert_false(parse(&s, sizeof(s)).all_ones);
	assert_true(parse(&s, sizeof(s)).known);
}

static void test_pci_caps_parse_conventional_list(void **state)
{
	(void)state;
	struct space s;
	begin(&s);
	put_cap(&s, 0x40, PCI_CAP_ID_PM, 0x50);
	put_cap(&s, 0x50, PCI_CAP_ID_MSIX, 0x60);
	put16(&s, 0x50 + PCI_MSIX_FLAGS, 0x8000 | 9);
	put_cap(&s, 0x60, PCI_CAP_ID_EXP, 0xa0);
	put16(&s, 0x60 + PCI_EXP_FLAGS, PCI_EXP_TYPE_ROOT_PORT << 4 | 2);
	put32(&s, 0x60 + PCI_EXP_DEVCAP, PCI_EXP_DEVCAP_FLR);
	put32(&s, 0x60 + PCI_EXP_LNKCAP, 16 << 4 | 5);
	put16(&s, 0x60 + PCI_EXP_LNKSTA, 8 << 4 | 3);
	put_cap(&s, 0xa0, PCI_CAP_ID_AF, 0);
	s.bytes[0xa0 + PCI_AF_CAP] = PCI_AF_CAP_TP | PCI_AF_CAP_FLR;
	struct pci_caps caps = parse(&s, 256);
	assert_true(caps.known && caps.pcie && caps.flr && caps.af_flr && caps.pm_reset);
	assert_true(caps.msix);
	assert_int_equal(caps.msix_vectors, 10);
	assert_int_equal(caps.port_type, PCI_EXP_TYPE_ROOT_PORT);
	assert_int_equal(caps.link_speed_max, 5);
	assert_int_equal(caps.link_width_max, 16);
	assert_int_equal(caps.link_speed, 3);
	assert_int_equal(caps.link_width, 8);
	put16(&s, 0x40 + PCI_PM_CTRL, PCI_PM_CTRL_NO_SOFT_RESET);
	assert_false(parse(&s, 256).pm_reset);
}

static void test_pci_caps_parse_no_list_bit_is_no_list(void **state)
{
	(void)state;
	struct space s;
	begin(&s);
	put_cap(&s, 0x40, PCI_CAP_ID_EXP, 0);
	put16(&s, PCI_STATUS, 0);
	assert_false(parse(&s, 256).pcie);
}

static void test_pci_caps_parse_sriov(void **state)
{
	(void)state;
	struct space s;
	begin(&s);
	put_ext(&s, 0x100, PCI_EXT_CAP_ID_SRIOV, 0x140);
	put16(&s, 0x100 + PCI_SRIOV_CTRL, PCI_SRIOV_CTRL_VFE | PCI_SRIOV_CTRL_MSE);
	put16(&s, 0x100 + PCI_SRIOV_TOTAL_VF, 8);
	put16(&s, 0x100 + PCI_SRIOV_NUM_VF, 3);
	put16(&s, 0x100 + PCI_SRIOV_VF_OFFSET, 0x180);
	put16(&s, 0x100 + PCI_SRIOV_VF_STRIDE, 2);
	put16(&s, 0x100 + PCI_SRIOV_VF_DID, 0x10ca);
	put32(&s, 0x100 + PCI_SRIOV_BAR, PCI_BASE_ADDRESS_MEM_TYPE_64);
	put_ext(&s, 0x140, PCI_EXT_CAP_ID_DSN, 0);
	put32(&s, 0x144, 0xffe00001);
	put32(&s, 0x148, 0x525400ff);
	struct pci_caps caps = parse(&s, sizeof(s));
	assert_true(caps.sriov && caps.sriov_enabled && caps.has_serial);
	assert_int_equal(caps.sriov_total, 8);
	assert_int_equal(caps.sriov_num, 3);
	assert_int_equal(caps.sriov_offset, 0x180);
	assert_int_equal(caps.sriov_stride, 2);
	assert_int_equal(caps.sriov_vf_device, 0x10ca);
	assert_int_equal(caps.serial, 0x525400ffffe00001);
	assert_false(caps.sriov_bars);
	put32(&s, 0x100 + PCI_SRIOV_BAR + 12, 0xfe000000 | PCI_BASE_ADDRESS_MEM_TYPE_64);
	assert_true(parse(&s, sizeof(s)).sriov_bars);
}

static void test_pci_caps_parse_isolation_and_presence(void **state)
{
	(void)state;
	static const uint16_t ids[] = {
		PCI_EXT_CAP_ID_ACS,
		PCI_EXT_CAP_ID_ARI,
		PCI_EXT_CAP_ID_ATS,
		PCI_EXT_CAP_ID_PRI,
		PCI_EXT_CAP_ID_PASID,
		PCI_EXT_CAP_ID_REBAR,
		0x24,
	};
	struct space s;
	begin(&s);
	for (size_t i = 0; i < 7; i++)
		put_ext(&s, 0x100 + 0x40 * i, ids[i], i < 6 ? 0x140 + 0x40 * i : 0);
	put16(&s, 0x100 + PCI_ACS_CAP, 0x5f);
	put16(&s, 0x100 + PCI_ACS_CTRL, PCI_ACS_SV | PCI_ACS_RR);
	struct pci_caps caps = parse(&s, sizeof(s));
	assert_true(caps.acs && caps.ari && caps.ats && caps.pri && caps.pasid && caps.rebar &&
		    caps.vf_rebar);
	assert_int_equal(caps.acs_cap, 0x5f);
	assert_int_equal(caps.acs_ctrl, PCI_ACS_SV | PCI_ACS_RR);
}

static void test_pci_caps_parse_bridge_has_buses(void **state)
{
	(void)state;
	struct space s;
	begin(&s);
	s.bytes[PCI_SECONDARY_BUS] = 3;
	s.bytes[PCI_SUBORDINATE_BUS] = 7;
	assert_int_equal(parse(&s, 256).bus_last, 0);
	s.bytes[PCI_HEADER_TYPE] = 0x80 | PCI_HEADER_TYPE_BRIDGE;
	assert_int_equal(parse(&s, 256).bus_first, 3);
	assert_int_equal(parse(&s, 256).bus_last, 7);
}

/* Lists that never end, or lead outside: the device controls these bytes. */
static void test_pci_caps_parse_broken_lists_end(void **state)
{
	(void)state;
	struct space s;
	begin(&s);
	put_cap(&s, 0x40, PCI_CAP_ID_PM, 0x40);
	put_ext(&s, 0x100, PCI_EXT_CAP_ID_ACS, 0x100);
	assert_true(parse(&s, sizeof(s)).acs);
	put_ext(&s, 0x100, PCI_EXT_CAP_ID_SRIOV, 0xffc);
	put_ext(&s, 0xffc, PCI_EXT_CAP_ID_SRIOV, 0x10);
	for (size_t len = 64; len <= sizeof(s); len += 4)
		(void)parse(&s, len);
	begin(&s);
	put_cap(&s, 0xfc, PCI_CAP_ID_EXP, 0x02);
	(void)parse(&s, 256);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pci_caps_parse_short_read_is_not_known),
		cmocka_unit_test(test_f12_pci_caps_parse_all_ones_is_no_answer),
		cmocka_unit_test(test_pci_caps_parse_vf_is_not_dead),
		cmocka_unit_test(test_pci_caps_parse_conventional_list),
		cmocka_unit_test(test_pci_caps_parse_no_list_bit_is_no_list),
		cmocka_unit_test(test_pci_caps_parse_sriov),
		cmocka_unit_test(test_pci_caps_parse_isolation_and_presence),
		cmocka_unit_test(test_pci_caps_parse_bridge_has_buses),
		cmocka_unit_test(test_pci_caps_parse_broken_lists_end),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
