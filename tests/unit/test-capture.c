/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a capture makes of made-up trees, above all of what only real machines have. */
#include "support/test.h"

#include <linux/pci_regs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "sim/capture.h"
#include "sim/host.h"
#include "support/tree.h"

#define ROOT "pci0000:00"
#define PORT ROOT "/0000:00:03.0"
#define PF PORT "/0000:01:00.0"
#define SSD ROOT "/0000:00:04.0"
#define SERIAL "525400ffffca0100"
#define MAC "52:54:00:ca:01:00"

struct fixture {
	struct tree sys, dev, proc;
	bool anonymous;
	char *text;
	struct host *host;
};

static void put16(uint8_t *c, size_t at, unsigned v)
{
	c[at] = (uint8_t)v;
	c[at + 1] = (uint8_t)(v >> 8);
}

static void put_config(const struct fixture *f, const char *path, const uint8_t *config, size_t len)
{
	char file[256];
	(void)STR_FORMAT(file, "devices/%s/config", path);
	tree_bytes(&f->sys, file, config, len);
}

/* PCI Express capability; a bridge has the buses behind it. */
static void make_header(uint8_t config[512], unsigned device, unsigned type, unsigned bus)
{
	memset(config, 0, 512);
	put16(config, PCI_VENDOR_ID, 0x8086);
	put16(config, PCI_DEVICE_ID, device);
	put16(config, PCI_STATUS, PCI_STATUS_CAP_LIST);
	config[PCI_CAPABILITY_LIST] = 0x40;
	config[0x40] = PCI_CAP_ID_EXP;
	put16(config, 0x40 + PCI_EXP_FLAGS, 2 | type << 4);
	config[PCI_HEADER_TYPE] = bus ? 1 : 0;
	config[PCI_SECONDARY_BUS] = config[PCI_SUBORDINATE_BUS] = (uint8_t)bus;
}

/* SR-IOV with VFs that exist, and a serial number. */
static void make_pf(uint8_t config[512])
{
	make_header(config, 0x10c9, PCI_EXP_TYPE_ENDPOINT, 0);
	put16(config, 0x100, PCI_EXT_CAP_ID_SRIOV);
	put16(config, 0x102, 0x1401);
	put16(config, 0x100 + PCI_SRIOV_CTRL, PCI_SRIOV_CTRL_VFE | PCI_SRIOV_CTRL_ARI);
	put16(config, 0x100 + PCI_SRIOV_TOTAL_VF, 8);
	put16(config, 0x100 + PCI_SRIOV_NUM_VF, 1);
	put16(config, 0x100 + PCI_SRIOV_VF_OFFSET, 0x80);
	put16(config, 0x100 + PCI_SRIOV_VF_STRIDE, 2);
	put16(config, 0x100 + PCI_SRIOV_VF_DID, 0x10ca);
	put16(config, 0x140, PCI_EXT_CAP_ID_DSN);
	put16(config, 0x142, 1);
	put16(config, 0x144, 0x0100);
	put16(config, 0x146, 0xffca);
	put16(config, 0x148, 0x00ff);
	put16(config, 0x14a, 0x5254);
}

static void add(const struct fixture *f, const char *path, unsigned device, unsigned class,
		const char *driver, int group)
{
	tree_function(&f->sys, &(struct tree_function){ .path = path,
							.vendor = 0x8086,
							.device = device,
							.class = class,
							.driver = driver,
							.group = group,
							.numa = 0 });
}

static void add_net(const struct fixture *f)
{
	tree_file(&f->sys, "devices/" PF "/net/ens1f0/address", MAC "\n");
	tree_file(&f->sys, "devices/" PF "/net/ens1f0/flags", "0x1003\n");
	tree_link(&f->sys, "class/net/ens1f0", "../../devices/" PF "/net/ens1f0");
}

static void add_pf(const struct fixture *f)
{
	uint8_t config[512];
	add(f, PORT, 0x1901, 0x060400, "pcieport", 2);
	make_header(config, 0x1901, PCI_EXP_TYPE_ROOT_PORT, 1);
	put_config(f, PORT, config, 512);
	add(f, PF, 0x10c9, 0x020000, "igb", 3);
	make_pf(config);
	put_config(f, PF, config, 512);
	tree_file(&f->sys, "devices/" PF "/sriov_totalvfs", "7\n");
	tree_file(&f->sys, "devices/" PF "/reset_method", "flr acpi bus\n");
	tree_file(&f->sys, "devices/" PF "/resource",
		  "0x00000000fe000000 0x00000000fe01ffff 0x0000000000140204\n");
	add_net(f);
}

static void add_disk(const struct fixture *f)
{
	uint8_t config[512];
	static const char disk[] = "devices/" SSD "/nvme/nvme0/nvme0n1";
	char path[256];
	add(f, SSD, 0xa80a, 0x010802, "nvme", 4);
	make_header(config, 0xa80a, PCI_EXP_TYPE_ENDPOINT, 0);
	put_config(f, SSD, config, 512);
	for (unsigned i = 1; i <= 3; i++) {
		(void)STR_FORMAT(path, "%s/nvme0n1p%u/partition", disk, i);
		tree_file(&f->sys, path, "1\n");
		(void)STR_FORMAT(path, "class/block/nvme0n1p%u", i);
		tree_link(&f->sys, path, "../../devices/" SSD "/nvme/nvme0/nvme0n1/nvme0n1p1");
	}
	tree_link(&f->sys, "class/block/nvme0n1", "../../devices/" SSD "/nvme/nvme0/nvme0n1");
	tree_file(&f->proc, "self/mountinfo",
		  "30 1 259:9 / /home\\040of\\040all rw - ext4 /dev/nvme0n1p3 rw\n");
	tree_file(&f->proc, "swaps", "Filename Type\n/dev/nvme0n1p2 partition 1 0 -2\n");
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	assert_non_null(f);
	tree_init(&f->sys);
	tree_init(&f->dev);
	tree_init(&f->proc);
	tree_file(&f->proc, "self/mountinfo", "");
	tree_file(&f->sys, "devices/system/cpu/online", "0-3,8\n");
	tree_link(&f->sys, "class/iommu/dmar0", "../../devices/virtual/iommu/dmar0");
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	free(f->text);
	host_free(f->host);
	tree_done(&f->sys);
	tree_done(&f->dev);
	tree_done(&f->proc);
	free(f);
	return 0;
}

/* The capture, read again as a host. */
static const struct host *capture(struct fixture *f)
{
	struct err err _cleanup_err_ = { 0 };
	const struct capture_options o = { f->sys.path, f->dev.path, f->proc.path, f->anonymous };
	int r = capture_text(&o, &f->text, &err);
	if (r != 0)
		err_print(stderr, &err);
	assert_int_equal(r, 0);
	f->host = host_parse(f->text, strlen(f->text), "x.yaml", &err);
	assert_non_null(f->host);
	return f->host;
}

static const struct host_slot *slot(const struct host *h, size_t root, size_t i)
{
	assert_true(root < h->n_roots && i < h->roots[root].n_slots);
	return &h->roots[root].slots[i];
}

static void assert_said(const struct fixture *f, const char *note)
{
	if (!strstr(f->text, note))
		fail_msg("not said: %s\n%s", note, f->text);
}

static void test_capture_text_function_keeps_place_and_kind(void **state)
{
	struct fixture *f = *state;
	add_pf(f);
	const struct host *h = capture(f);
	assert_int_equal(h->cpus, 5);
	assert_int_equal(h->iommu, HOST_IOMMU_INTEL);
	const struct host_slot *port = slot(h, 0, 0);
	assert_string_equal(port->place, "03.0");
	assert_int_equal(port->bus, 1);
	assert_int_equal(port->model->port, HOST_PORT_ROOT);
	assert_true(port->model->acs); /* the groups say so */
	assert_int_equal(port->n_slots, 1);
	const struct host_slot *pf = &port->slots[0];
	assert_string_equal(pf->is, "igb-8086-10c9");
	assert_int_equal(pf->group, 3);
	assert_int_equal(pf->serial, 0x525400ffffca0100);
	assert_int_equal(pf->model->memory, 128 << 10);
	assert_true(pf->model->flr && !pf->model->pm_reset);
	assert_string_equal(pf->netdev, "ens1f0");
	assert_string_equal(pf->mac, MAC);
	assert_true(pf->up);
	assert_said(f, "# not recorded: reset method acpi of 8086:10c9");
}

static void test_capture_text_vfs_that_exist_are_told_and_cleared(void **state)
{
	struct fixture *f = *state;
	add_pf(f);
	add(f, PORT "/0000:01:10.0", 0x10ca, 0x020000, "igbvf", 5);
	tree_vf(&f->sys, PF, 0, PORT "/0000:01:10.0");
	const struct host *h = capture(f);
	const struct host_slot *port = slot(h, 0, 0);
	assert_int_equal(port->n_slots, 1);
	const struct host_model *m = port->slots[0].model;
	assert_int_equal(m->vfs, 8);
	assert_int_equal(m->vf_offset, 128);
	assert_int_equal(m->vf_stride, 2);
	assert_int_equal(m->vf_device, 0x10ca);
	assert_string_equal(m->vf_driver, "igbvf");
	assert_int_equal(h->drivers[0].vfs_at_most, 7);
	assert_memory_equal(port->slots[0].config + 2 * (0x100 + PCI_SRIOV_CTRL), "1000", 4);
	assert_memory_equal(port->slots[0].config + 2 * (0x100 + PCI_SRIOV_NUM_VF), "0000", 4);
	assert_said(f, "# not recorded: 1 VFs of 0000:01:00.0 exist");
}

static void test_capture_text_disks_and_their_use(void **state)
{
	struct fixture *f = *state;
	add_disk(f);
	const struct host_slot *s = slot(capture(f), 0, 0);
	assert_int_equal(s->model->disks, 1);
	assert_int_equal(s->n_disks, 1);
	assert_int_equal(s->disks[0].partitions, 3);
	assert_string_equal(s->disks[0].mounted, "/home of all");
	assert_true(s->disks[0].swap);
}

static void test_capture_text_anonymous_hides_what_names_a_machine(void **state)
{
	struct fixture *f = *state;
	add_pf(f);
	add_disk(f);
	f->anonymous = true;
	const struct host *h = capture(f);
	assert_null(strstr(f->text, SERIAL));
	assert_null(strstr(f->text, MAC));
	assert_null(strstr(f->text, "0001caffff005452")); /* in configuration space */
	assert_null(strstr(f->text, "home of all"));
	const struct host_slot *pf = &slot(h, 0, 0)->slots[0];
	assert_memory_equal(pf->mac, "02:", 3);
	char hidden[17];
	(void)STR_FORMAT(hidden, "%08x", __builtin_bswap32((uint32_t)pf->serial));
	assert_memory_equal(pf->config + 2 * 0x144, hidden, 8);
	assert_string_equal(slot(h, 0, 1)->disks[0].mounted, "/mounted");
}

static void test_capture_text_without_root_the_place_says_the_kind(void **state)
{
	struct fixture *f = *state;
	uint8_t config[512];
	add_pf(f);
	make_header(config, 0x1901, PCI_EXP_TYPE_ROOT_PORT, 1);
	put_config(f, PORT, config, 64);
	make_pf(config);
	put_config(f, PF, config, 64);
	const struct host_slot *port = slot(capture(f), 0, 0);
	assert_int_equal(port->model->port, HOST_PORT_ROOT);
	assert_int_equal(port->slots[0].model->port, HOST_PORT_ENDPOINT);
	assert_int_equal(strlen(port->slots[0].config), 128);
	assert_said(f, "# not recorded: configuration space of 0000:01:00.0 beyond 64 bytes");
}

static void test_capture_text_like_functions_share_a_model(void **state)
{
	struct fixture *f = *state;
	add_disk(f);
	add(f, ROOT "/0000:00:05.0", 0x1234, 0x088000, NULL, 7);
	add(f, ROOT "/0000:00:06.0", 0x1234, 0x088000, NULL, 8);
	add(f, ROOT "/0000:00:07.0", 0x1234, 0x088000, "other", 9);
	const struct host *h = capture(f);
	assert_int_equal(h->n_models, 3);
	assert_string_equal(slot(h, 0, 1)->is, "system-8086-1234");
	assert_string_equal(slot(h, 0, 2)->is, "system-8086-1234");
	assert_string_equal(slot(h, 0, 3)->is, "other-8086-1234");
}

static void test_capture_text_only_listed_attributes_are_read(void **state)
{
	struct fixture *f = *state;
	add(f, SSD, 0x74a1, 0x120000, "amdgpu", 4);
	tree_file(&f->sys, "devices/" SSD "/mem_info_vram_total", "206141652992\n");
	tree_file(&f->sys, "devices/" SSD "/pp_dpm_sclk", "0: 132Mhz\n");
	add(f, ROOT "/0000:00:05.0", 0xe211, 0x030000, "xe", 5);
	tree_file(&f->sys, "devices/" ROOT "/0000:00:05.0/sriov_admin/pf/profile/exec_quantum_ms",
		  "0\n");
	tree_file(&f->sys, "devices/" ROOT "/0000:00:05.0/sriov_admin/broken", "a\nb\n");
	const struct host *h = capture(f);
	const struct host_model *amd = slot(h, 0, 0)->model, *xe = slot(h, 0, 1)->model;
	assert_int_equal(amd->n_attributes, 1);
	assert_string_equal(amd->attributes[0].value, "206141652992");
	assert_int_equal(xe->n_attributes, 1);
	assert_string_equal(xe->attributes[0].name, "sriov_admin/pf/profile/exec_quantum_ms");
	assert_said(f, "# not recorded: attribute sriov_admin/broken of 0000:00:05.0");
}

static void test_capture_text_what_has_no_place_is_told(void **state)
{
	struct fixture *f = *state;
	add_pf(f);
	add(f, ROOT "/0000:00:0e.0/pci10000:e0/10000:e0:1d.0", 0x1234, 0x088000, NULL, -1);
	add(f, ROOT "/0000:00:09.3", 0x1234, 0x088000, NULL, 9);
	tree_file(&f->sys, "devices/" PORT "/0000:01:00.0/infiniband/mlx5_0/x", "");
	const struct host *h = capture(f);
	assert_int_equal(host_count(h), 2);
	assert_said(f, "# not recorded: 10000:e0:1d.0");
	assert_said(f, "# not recorded: 0000:00:09.3: its device has no function 0");
	assert_said(f, "# not recorded: the RDMA device of 0000:01:00.0");
}

static void add_type(const struct fixture *f, const char *type, const char *available)
{
	char path[256];
	(void)STR_FORMAT(path,
			 "devices/virtual/mtty/mtty/mdev_supported_types/%s/available_instances",
			 type);
	tree_file(&f->sys, path, available);
}

static void test_capture_text_pool_gives_what_was_available(void **state)
{
	struct fixture *f = *state;
	add_pf(f);
	tree_link(&f->sys, "class/mdev_bus/mtty", "../../devices/virtual/mtty/mtty");
	add_type(f, "mtty-1", "5\n");
	add_type(f, "mtty-2", "3\n");
	add_type(f, "mtty-3", "2\n");
	const struct host *h = capture(f);
	assert_int_equal(h->n_parents, 1);
	const struct host_model *m = &h->parents[0].model;
	assert_int_equal(m->n_types, 3);
	assert_int_equal(m->pool / m->types[0].units, 5);
	assert_int_equal(m->pool / m->types[1].units, 3);
	assert_int_equal(m->pool / m->types[2].units, 2);
	assert_said(f, "is a guess");
}

static void test_capture_text_bus_numbers_out_of_order_are_told(void **state)
{
	struct fixture *f = *state;
	uint8_t config[512];
	for (unsigned i = 0; i < 2; i++) {
		const char *path = i ? ROOT "/0000:00:02.0" : ROOT "/0000:00:01.0";
		add(f, path, 0x1901, 0x060400, "pcieport", (int)i);
		make_header(config, 0x1901, PCI_EXP_TYPE_ROOT_PORT, i ? 1 : 9);
		put_config(f, path, config, 512);
	}
	const struct host *h = capture(f);
	assert_int_equal(slot(h, 0, 0)->bus, 9);
	assert_int_equal(slot(h, 0, 1)->bus, 0);
	assert_said(f, "# not recorded: the number of the bus behind 0000:00:02.0, 01");
}

static void test_capture_text_nothing_at_all_is_a_host(void **state)
{
	struct fixture *f = *state;
	const struct host *h = capture(f);
	assert_int_equal(host_count(h), 0);
	assert_int_equal(h->iommu, HOST_IOMMU_NONE);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_capture_text_function_keeps_place_and_kind),
		TEST(test_capture_text_vfs_that_exist_are_told_and_cleared),
		TEST(test_capture_text_disks_and_their_use),
		TEST(test_capture_text_anonymous_hides_what_names_a_machine),
		TEST(test_capture_text_without_root_the_place_says_the_kind),
		TEST(test_capture_text_like_functions_share_a_model),
		TEST(test_capture_text_only_listed_attributes_are_read),
		TEST(test_capture_text_what_has_no_place_is_told),
		TEST(test_capture_text_pool_gives_what_was_available),
		TEST(test_capture_text_bus_numbers_out_of_order_are_told),
		TEST(test_capture_text_nothing_at_all_is_a_host),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
