/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The light scan, refreshing parts of it, and raw reads put into it; on made-up trees. */
#include "support/test.h"

#include <errno.h>
#include <linux/pci_regs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/str.h"
#include "host/scan.h"
#include "support/tree.h"
#include "sys/sysfs.h"

#define ROOT "pci0000:00"
#define PORT ROOT "/0000:00:03.0"
#define PF PORT "/0000:01:00.0"
#define MTTY "virtual/mtty/mtty"
#define UUID "c9abdcb5-5279-413a-9057-c81d2605ce9c"

struct fixture {
	struct tree sys, dev;
	struct scan_roots roots;
	struct have have;
};

static void add(const struct fixture *f, const char *path, uint32_t class, const char *driver,
		int group)
{
	tree_function(&f->sys, &(struct tree_function){ .path = path,
							.vendor = 0x8086,
							.device = 0x10c9,
							.class = class,
							.driver = driver,
							.group = group,
							.numa = 1 });
}

static void vf_path(unsigned i, char ret[128])
{
	/* igb: first VF 0x80 after the PF, every second function. */
	unsigned devfn = 0x80 + 2 * i;
	assert_int_equal(str_format(ret, 128, PORT "/0000:01:%02x.%u", devfn >> 3, devfn & 7), 0);
}

static void add_vf(const struct fixture *f, unsigned i, const char *driver)
{
	char path[128];
	vf_path(i, path);
	add(f, path, 0x020000, driver, 10 + (int)i);
	tree_vf(&f->sys, PF, i, path);
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	assert_non_null(f);
	tree_init(&f->sys);
	tree_init(&f->dev);
	f->roots = (struct scan_roots){ f->sys.fd, f->dev.fd };
	add(f, ROOT "/0000:00:00.0", 0x060000, NULL, 0);
	add(f, ROOT "/0000:00:02.0", 0x030000, "bochs-drm", 1);
	tree_file(&f->sys, "devices/" ROOT "/0000:00:02.0/boot_vga", "1\n");
	add(f, PORT, 0x060400, "pcieport", 2);
	add(f, PF, 0x020000, "igb", 3);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	have_done(&f->have);
	tree_done(&f->sys);
	tree_done(&f->dev);
	free(f);
	return 0;
}

static struct function *function(const struct fixture *f, const char *addr)
{
	struct function *found = have_function(&f->have, addr);
	if (!found)
		fail_msg("%s is not in the picture", addr);
	return found;
}

static void scan(struct fixture *f)
{
	struct have now;
	assert_int_equal(scan_all(&f->roots, &f->have, &now), 0);
	have_done(&f->have);
	f->have = now;
}

static void test_scan_all_function_is_read(void **state)
{
	struct fixture *f = *state;
	scan(f);
	assert_int_equal(f->have.n_functions, 4);
	const struct function *pf = function(f, "0000:01:00.0");
	assert_string_equal(pf->key, "pci:0000:00/03.0/00.0");
	assert_string_equal(pf->path, PF);
	assert_string_equal(pf->parent, "0000:00:03.0");
	assert_string_equal(pf->driver, "igb");
	assert_string_equal(pf->modalias, "pci:v00008086d000010C9sv00001AF4sd00001100bc02sc00i00");
	assert_int_equal(pf->vendor, 0x8086);
	assert_int_equal(pf->device, 0x10c9);
	assert_int_equal(pf->subvendor, 0x1af4);
	assert_int_equal(pf->class, 0x020000);
	assert_int_equal(pf->iommu_group, 3);
	assert_string_equal(pf->group_type, "DMA");
	assert_int_equal(pf->numa_node, 1);
	assert_false(pf->is_vf || pf->boot_vga || pf->vfio_node || pf->caps.known);
	assert_int_equal(pf->vf_index, -1);
	assert_string_equal(function(f, "0000:00:03.0")->parent, "");
	assert_true(function(f, "0000:00:02.0")->boot_vga);
}

static void test_scan_all_no_iommu_and_no_numa_are_unknown(void **state)
{
	struct fixture *f = *state;
	tree_function(&f->sys, &(struct tree_function){ .path = "pci0000:40/0000:40:00.0",
							.vendor = 0x1234,
							.device = 0x11e8,
							.class = 0xff0000,
							.group = -1,
							.numa = -1 });
	scan(f);
	const struct function *g = function(f, "0000:40:00.0");
	assert_int_equal(g->iommu_group, -1);
	assert_string_equal(g->group_type, "");
	assert_int_equal(g->numa_node, -1);
	assert_string_equal(g->driver, "");
}

static void test_scan_all_nothing_at_all_is_an_empty_picture(void **state)
{
	struct fixture *f = *state;
	struct have h;
	const struct scan_roots roots = { f->dev.fd, f->dev.fd };
	assert_int_equal(scan_all(&roots, NULL, &h), 0);
	assert_int_equal(h.n_functions + h.n_mdevs + h.n_parents, 0);
	have_done(&h);
}

static void test_scan_all_broken_entries_are_left_out(void **state)
{
	struct fixture *f = *state;
	tree_link(&f->sys, "bus/pci/devices/0000:09:00.0", "../../../devices/gone/0000:09:00.0");
	tree_link(&f->sys, "bus/pci/devices/not-an-address", "../../../devices/" PF);
	tree_file(&f->sys, "bus/pci/devices/0000:0a:00.0", "no link");
	scan(f);
	assert_int_equal(f->have.n_functions, 4);
}

static void test_f35_scan_all_vfs_come_from_links_not_from_the_driver(void **state)
{
	struct fixture *f = *state;
	for (unsigned i = 0; i < 3; i++)
		add_vf(f, i, i == 1 ? "vfio-pci" : NULL);
	add(f, PF, 0x020000, NULL, 3); /* the PF's driver is gone */
	tree_file(&f->sys, "devices/" PF "/uevent", "PCI_CLASS=20000\nPCI_ID=8086:10C9\n");
	tree_file(&f->dev, "vfio/11", "");
	scan(f);
	assert_int_equal(have_vf_count(&f->have, "0000:01:00.0"), 3);
	const struct function *vf = have_vf(&f->have, "0000:01:00.0", 1);
	assert_non_null(vf);
	assert_string_equal(vf->addr, "0000:01:10.2");
	assert_string_equal(vf->driver, "vfio-pci");
	assert_true(vf->vfio_node);
	assert_int_equal(vf->vfio_uid, geteuid());
	assert_int_equal(vf->vfio_mode, 0644);
	assert_false(have_vf(&f->have, "0000:01:00.0", 0)->vfio_node);
}

static void put16(uint8_t *c, size_t at, unsigned v)
{
	c[at] = (uint8_t)v;
	c[at + 1] = (uint8_t)(v >> 8);
}

/* SR-IOV and a serial number; offset and stride of igb. */
static void make_config(uint8_t config[512], unsigned serial)
{
	memset(config, 0, 512);
	put16(config, PCI_VENDOR_ID, 0x8086);
	put16(config, 0x100, PCI_EXT_CAP_ID_SRIOV);
	put16(config, 0x102, 0x1401);
	put16(config, 0x100 + PCI_SRIOV_TOTAL_VF, 7);
	put16(config, 0x100 + PCI_SRIOV_VF_OFFSET, 0x80);
	put16(config, 0x100 + PCI_SRIOV_VF_STRIDE, 2);
	put16(config, 0x140, PCI_EXT_CAP_ID_DSN);
	put16(config, 0x142, 1);
	put16(config, 0x144, serial);
}

static size_t pack(uint8_t *to, const uint8_t *config, uint32_t len)
{
	memcpy(to, &len, sizeof(len));
	if (len)
		memcpy(to + sizeof(len), config, len);
	return sizeof(len) + len;
}

static void apply_pf_config(struct fixture *f, unsigned serial)
{
	uint8_t config[512], data[600];
	make_config(config, serial);
	size_t n = pack(data, config, sizeof(config));
	assert_int_equal(scan_apply_config(&f->have, "0000:01:00.0", data, n), 0);
}

static void test_scan_apply_config_several_are_parsed(void **state)
{
	struct fixture *f = *state;
	uint8_t config[512], data[1200];
	scan(f);
	make_config(config, 0x77);
	size_t n = pack(data, config, 512);
	n += pack(data + n, config, 64);
	n += pack(data + n, config, 0);
	assert_int_equal(
		scan_apply_config(&f->have, "0000:01:00.0 0000:00:03.0 0000:00:02.0", data, n), 0);
	const struct function *pf = function(f, "0000:01:00.0");
	assert_true(pf->caps.known && pf->caps.sriov && pf->caps.has_serial);
	assert_int_equal(pf->caps.sriov_total, 7);
	assert_int_equal(pf->caps.serial, 0x77);
	assert_false(function(f, "0000:00:03.0")->caps.known);
}

static void test_scan_apply_config_lengths_that_do_not_add_up_change_nothing(void **state)
{
	struct fixture *f = *state;
	uint8_t config[512], data[600];
	scan(f);
	make_config(config, 1);
	size_t n = pack(data, config, 512);
	const char *two = "0000:01:00.0 0000:00:03.0";
	assert_int_equal(scan_apply_config(&f->have, two, data, n), -EBADMSG);
	assert_int_equal(scan_apply_config(&f->have, "0000:01:00.0", data, n - 1), -EBADMSG);
	assert_int_equal(scan_apply_config(&f->have, "0000:01:00.0", data, 3), -EBADMSG);
	assert_int_equal(scan_apply_config(&f->have, "", data, n), -EBADMSG);
	assert_int_equal(scan_apply_config(&f->have, "much-too-long-an-address", data, n),
			 -EBADMSG);
	assert_false(function(f, "0000:01:00.0")->caps.known);
}

static void test_scan_all_what_workers_told_survives(void **state)
{
	struct fixture *f = *state;
	struct vf_info vf = { .index = 0, .settings = { .vlan = 120 } };
	scan(f);
	apply_pf_config(f, 5);
	assert_int_equal(scan_apply_vfs(&f->have, "pci:0000:00/03.0/00.0", &vf, sizeof(vf)), 0);
	add_vf(f, 0, NULL);
	scan(f);
	assert_int_equal(function(f, "0000:01:00.0")->caps.serial, 5);
	/* The count follows the links, without config space. */
	assert_int_equal(function(f, "0000:01:00.0")->caps.sriov_num, 1);
	assert_true(function(f, "0000:01:00.0")->caps.sriov_enabled);
	assert_non_null(have_vf_info(&f->have, "pci:0000:00/03.0/00.0", 0));
	assert_int_equal(scan_apply_vfs(&f->have, "pci:0000:00/03.0/00.0", &vf, 7), -EBADMSG);
}

static void test_scan_vf_limits_the_drivers_total_counts(void **state)
{
	struct fixture *f = *state;
	scan(f);
	apply_pf_config(f, 5);
	assert_int_equal(scan_vf_limits(&f->roots, &f->have, "0000:01:00.0"), 0);
	tree_file(&f->sys, "devices/" PF "/sriov_totalvfs", "6\n");
	assert_int_equal(scan_vf_limits(&f->roots, &f->have, "0000:01:00.0"), 1);
	assert_int_equal(function(f, "0000:01:00.0")->caps.sriov_total, 6);
	/* Without its driver the capability counts again. */
	tree_file(&f->sys, "devices/" PF "/sriov_totalvfs", "7\n");
	assert_int_equal(scan_function(&f->roots, &f->have, "0000:01:00.0"), 1);
	assert_int_equal(function(f, "0000:01:00.0")->caps.sriov_total, 7);
	tree_file(&f->sys, "devices/" PF "/sriov_totalvfs", "6\n");
	scan(f);
	assert_int_equal(function(f, "0000:01:00.0")->caps.sriov_total, 6);
}

static void test_f23_scan_all_another_card_at_the_address_is_not_believed(void **state)
{
	struct fixture *f = *state;
	scan(f);
	apply_pf_config(f, 5);
	tree_function(&f->sys, &(struct tree_function){ .path = PF,
							.vendor = 0x15b3,
							.device = 0x1015,
							.class = 0x020000,
							.group = 3,
							.numa = 1 });
	scan(f);
	assert_int_equal(function(f, "0000:01:00.0")->vendor, 0x15b3);
	assert_false(function(f, "0000:01:00.0")->caps.known);
}

static void test_scan_function_says_whether_it_changed(void **state)
{
	struct fixture *f = *state;
	scan(f);
	assert_int_equal(scan_function(&f->roots, &f->have, "0000:01:00.0"), 0);
	add(f, PF, 0x020000, "vfio-pci", 3);
	assert_int_equal(scan_function(&f->roots, &f->have, "0000:01:00.0"), 1);
	assert_string_equal(function(f, "0000:01:00.0")->driver, "vfio-pci");
	assert_int_equal(scan_function(&f->roots, &f->have, "0000:01:00.0"), 0);
	tree_file(&f->dev, "vfio/3", "");
	assert_int_equal(scan_function(&f->roots, &f->have, "0000:01:00.0"), 1);
	assert_true(function(f, "0000:01:00.0")->vfio_node);
	assert_int_equal(scan_function(&f->roots, &f->have, "../../etc"), -EINVAL);
	/* A group number given out again may be of another type now. */
	tree_file(&f->sys, "kernel/iommu_groups/3/type", "identity\n");
	assert_int_equal(scan_function(&f->roots, &f->have, "0000:01:00.0"), 1);
	assert_string_equal(function(f, "0000:01:00.0")->group_type, "identity");
}

static void test_scan_function_gone_takes_its_vfs_along(void **state)
{
	struct fixture *f = *state;
	add_vf(f, 0, NULL);
	scan(f);
	tree_remove(&f->sys, "bus/pci/devices/0000:01:00.0");
	tree_remove(&f->sys, "devices/" PF);
	assert_int_equal(scan_function(&f->roots, &f->have, "0000:01:00.0"), 1);
	assert_null(have_function(&f->have, "0000:01:00.0"));
	assert_null(have_function(&f->have, "0000:01:10.0"));
	assert_int_equal(scan_function(&f->roots, &f->have, "0000:01:00.0"), 0);
}

/* Order of the kernel: "add", then the links, then "change" (pci_iov_add_virtfn(), drivers/pci/iov.c). */
static void test_f07_scan_vf_without_links_learns_its_pf_later(void **state)
{
	struct fixture *f = *state;
	char path[128];
	vf_path(0, path);
	scan(f);
	apply_pf_config(f, 1);

	add(f, path, 0x020000, NULL, 12);
	assert_int_equal(scan_function(&f->roots, &f->have, "0000:01:10.0"), 1);
	assert_false(function(f, "0000:01:10.0")->is_vf);

	tree_vf(&f->sys, PF, 0, path);
	assert_int_equal(scan_vfs(&f->roots, &f->have, "0000:01:00.0"), 1);
	assert_non_null(have_vf(&f->have, "0000:01:00.0", 0));
	assert_int_equal(function(f, "0000:01:00.0")->caps.sriov_num, 1);

	tree_remove(&f->sys, "bus/pci/devices/0000:01:10.0");
	char dir[160];
	assert_int_equal(STR_FORMAT(dir, "devices/%s", path), 0);
	tree_remove(&f->sys, dir);
	assert_int_equal(scan_function(&f->roots, &f->have, "0000:01:10.0"), 1);
	assert_int_equal(have_vf_count(&f->have, "0000:01:00.0"), 0);
	assert_int_equal(function(f, "0000:01:00.0")->caps.sriov_num, 0);
}

static void test_scan_function_vf_index_does_not_need_config_space(void **state)
{
	struct fixture *f = *state;
	scan(f);
	for (unsigned i = 0; i < 3; i++)
		add_vf(f, i, NULL);
	assert_int_equal(scan_function(&f->roots, &f->have, "0000:01:10.4"), 1);
	assert_int_equal(function(f, "0000:01:10.4")->vf_index, 2);
}

static void test_scan_vfs_brings_all_vfs_of_a_pf(void **state)
{
	struct fixture *f = *state;
	scan(f);
	for (unsigned i = 0; i < 7; i++)
		add_vf(f, i, NULL);
	assert_int_equal(scan_vfs(&f->roots, &f->have, "0000:01:00.0"), 1);
	assert_int_equal(have_vf_count(&f->have, "0000:01:00.0"), 7);
	assert_int_equal(scan_vfs(&f->roots, &f->have, "0000:01:00.0"), 0);
	tree_remove(&f->sys, "devices/" PF "/virtfn6");
	tree_remove(&f->sys, "bus/pci/devices/0000:01:11.4");
	tree_remove(&f->sys, "devices/" PORT "/0000:01:11.4");
	assert_int_equal(scan_vfs(&f->roots, &f->have, "0000:01:00.0"), 1);
	assert_int_equal(have_vf_count(&f->have, "0000:01:00.0"), 6);
}

static void add_mtty(const struct fixture *f)
{
	tree_dir(&f->sys, "devices/" MTTY "/mdev_supported_types/mtty-2");
	tree_link(&f->sys, "class/mdev_bus/mtty", "../../devices/" MTTY);
}

static void add_mdev(const struct fixture *f)
{
	tree_dir(&f->sys, "devices/" MTTY "/" UUID);
	tree_link(&f->sys, "bus/mdev/devices/" UUID, "../../../devices/" MTTY "/" UUID);
}

static void finish_mdev(const struct fixture *f)
{
	tree_link(&f->sys, "devices/" MTTY "/" UUID "/mdev_type", "../mdev_supported_types/mtty-2");
	tree_link(&f->sys, "devices/" MTTY "/" UUID "/iommu_group",
		  "../../../../../kernel/iommu_groups/20");
	tree_file(&f->dev, "vfio/20", "");
}

static void test_f31_scan_mdevs_foreign_and_unfinished_are_shown(void **state)
{
	struct fixture *f = *state;
	add_mtty(f);
	scan(f);
	assert_non_null(have_parent(&f->have, "sys:" MTTY));
	add_mdev(f);
	assert_int_equal(scan_mdev(&f->roots, &f->have, UUID), 1);
	const struct mdev *m = have_mdev(&f->have, UUID);
	assert_non_null(m);
	assert_string_equal(m->parent, "sys:" MTTY);
	assert_string_equal(m->type, "");
	assert_int_equal(m->iommu_group, -1);

	/* Links come after the events; the node's own event tells. */
	finish_mdev(f);
	assert_int_equal(scan_mdev(&f->roots, &f->have, UUID), 1);
	m = have_mdev(&f->have, UUID);
	assert_non_null(m);
	assert_string_equal(m->type, "mtty-2");
	assert_int_equal(m->iommu_group, 20);
	assert_true(m->vfio_node);
	assert_int_equal(scan_mdev(&f->roots, &f->have, UUID), 0);

	tree_remove(&f->sys, "bus/mdev/devices/" UUID);
	assert_int_equal(scan_mdev(&f->roots, &f->have, UUID), 1);
	assert_null(have_mdev(&f->have, UUID));
	assert_int_equal(scan_mdev(&f->roots, &f->have, UUID), 0);
	assert_int_equal(scan_mdev(&f->roots, &f->have, "../x"), -EINVAL);
}

static void test_scan_mdevs_parent_registers_and_leaves(void **state)
{
	struct fixture *f = *state;
	struct mdev_type types[2] = { { .id = "mtty-2", .available = 12 }, { .id = "mtty-1" } };
	scan(f);
	add_mtty(f);
	assert_int_equal(scan_mdevs(&f->roots, &f->have), 0);
	assert_int_equal(f->have.n_parents, 1);
	assert_int_equal(scan_apply_types(&f->have, "sys:" MTTY, types, sizeof(types)), 0);
	assert_int_equal(scan_apply_types(&f->have, "sys:" MTTY, types, sizeof(types) - 1),
			 -EBADMSG);
	assert_int_equal(f->have.n_types, 2);
	assert_string_equal(f->have.types[0].id, "mtty-1");
	tree_remove(&f->sys, "class/mdev_bus/mtty");
	assert_int_equal(scan_mdevs(&f->roots, &f->have), 0);
	assert_int_equal(f->have.n_types, 0);
}

static void test_scan_apply_types_unended_text_is_left_out(void **state)
{
	struct fixture *f = *state;
	struct mdev_type type = { .id = "mtty-2" };
	add_mtty(f);
	scan(f);
	memset(type.name, 'x', sizeof(type.name));
	assert_int_equal(scan_apply_types(&f->have, "sys:" MTTY, &type, sizeof(type)), 0);
	assert_int_equal(f->have.n_types, 0);
}

static void test_scan_details_are_read_by_name(void **state)
{
	struct fixture *f = *state;
	char text[64];
	assert_int_equal(scan_netdevs(&f->roots, PF, text, sizeof(text)), 0);
	assert_string_equal(text, "");
	tree_dir(&f->sys, "devices/" PF "/net/ens1f1");
	tree_dir(&f->sys, "devices/" PF "/net/ens1f0");
	tree_dir(&f->sys, "devices/" PORT "/virtio3/net/eth7");
	tree_file(&f->sys, "devices/" PF "/reset_method", "flr bus\n");
	tree_dir(&f->sys, "devices/" PF "/vfio-dev/vfio4");
	assert_int_equal(scan_netdevs(&f->roots, PF, text, sizeof(text)), 0);
	assert_string_equal(text, "ens1f0 ens1f1");
	assert_int_equal(scan_netdevs(&f->roots, PORT, text, sizeof(text)), 0);
	assert_string_equal(text, "eth7");
	assert_int_equal(scan_reset_methods(&f->roots, PF, text, sizeof(text)), 0);
	assert_string_equal(text, "flr bus");
	assert_int_equal(scan_vfio_cdev(&f->roots, PF, text, sizeof(text)), 0);
	assert_string_equal(text, "");
	tree_file(&f->dev, "vfio/devices/vfio4", "");
	assert_int_equal(scan_vfio_cdev(&f->roots, PF, text, sizeof(text)), 0);
	assert_string_equal(text, "vfio4");
}

/* Between two calls of a kind that nothing else here makes, the parent counts. */
static void mark(void)
{
	(void)syscall(SYS_getpgid, 0);
}

static void counted(const struct fixture *f)
{
	ptrace(PTRACE_TRACEME, 0, NULL, NULL);
	raise(SIGSTOP);
	struct have h;
	mark();
	int r = scan_all(&f->roots, NULL, &h);
	/* What a worker of the executor does for each. */
	for (size_t i = 0; r == 0 && i < h.n_functions; i++) {
		char path[SYS_PATH_SIZE + 32];
		uint8_t config[4096];
		(void)STR_FORMAT(path, "devices/%s/config", h.functions[i].path);
		if (sysfs_read_bytes(f->sys.fd, path, config, sizeof(config)) != 512)
			r = 1;
	}
	mark();
	have_done(&h);
	_exit(r != 0);
}

static size_t count_calls(const struct fixture *f)
{
	size_t n = 0, marks = 0;
	int status = 0, signal = 0;
	pid_t pid = fork();
	if (pid == 0)
		counted(f);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSTOPPED(status));
	ptrace(PTRACE_SETOPTIONS, pid, NULL, PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL);
	while (ptrace(PTRACE_SYSCALL, pid, NULL, signal) == 0 && waitpid(pid, &status, 0) == pid) {
		struct __ptrace_syscall_info info = { 0 };
		if (!WIFSTOPPED(status))
			break;
		bool call = WSTOPSIG(status) == (SIGTRAP | 0x80);
		signal = call ? 0 : WSTOPSIG(status);
		if (!call || ptrace(PTRACE_GET_SYSCALL_INFO, pid, sizeof(info), &info) <= 0 ||
		    info.op != PTRACE_SYSCALL_INFO_ENTRY)
			continue;
		if (info.entry.nr == SYS_getpgid)
			marks++;
		else
			n += marks == 1;
	}
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
	assert_int_equal(marks, 2);
	return n;
}

static void put_configs(const struct fixture *f)
{
	uint8_t config[512];
	struct have h;
	make_config(config, 1);
	assert_int_equal(scan_all(&f->roots, NULL, &h), 0);
	for (size_t i = 0; i < h.n_functions; i++) {
		char path[SYS_PATH_SIZE + 32];
		assert_int_equal(STR_FORMAT(path, "devices/%s/config", h.functions[i].path), 0);
		tree_bytes(&f->sys, path, config, sizeof(config));
	}
	have_done(&h);
}

/* The figure of the design: at most 12 for each function on a cold scan, workers included; here a PF
 * with VFs, each in a group of its own (the dearest case), as in a host that just started. */
static void test_scan_all_cold_costs_at_most_12_calls_per_function(void **state)
{
	struct fixture *f = *state;
	/* valgrind makes calls of its own. */
	const char *wrapper = getenv("RUN_TESTS_WRAPPER");
	bool counts = !wrapper || !wrapper[0];
	for (unsigned i = 0; i < 7; i++)
		add_vf(f, i, "igbvf");
	add(f, ROOT "/0000:00:04.0", 0x060400, "pcieport", 30);
	add(f, ROOT "/0000:00:04.0/0000:02:00.0", 0x010802, "nvme", 31);
	put_configs(f);
	size_t n = count_calls(f), functions = 4 + 7 + 2;
	if (counts && n > 12 * functions)
		fail_msg("%zu system calls for %zu functions", n, functions);
	print_message("%zu system calls for %zu functions\n", n, functions);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_scan_all_function_is_read),
		TEST(test_scan_all_no_iommu_and_no_numa_are_unknown),
		TEST(test_scan_all_nothing_at_all_is_an_empty_picture),
		TEST(test_scan_all_broken_entries_are_left_out),
		TEST(test_f35_scan_all_vfs_come_from_links_not_from_the_driver),
		TEST(test_scan_apply_config_several_are_parsed),
		TEST(test_scan_apply_config_lengths_that_do_not_add_up_change_nothing),
		TEST(test_scan_all_what_workers_told_survives),
		TEST(test_scan_vf_limits_the_drivers_total_counts),
		TEST(test_f23_scan_all_another_card_at_the_address_is_not_believed),
		TEST(test_scan_function_says_whether_it_changed),
		TEST(test_scan_function_gone_takes_its_vfs_along),
		TEST(test_f07_scan_vf_without_links_learns_its_pf_later),
		TEST(test_scan_function_vf_index_does_not_need_config_space),
		TEST(test_scan_vfs_brings_all_vfs_of_a_pf),
		TEST(test_f31_scan_mdevs_foreign_and_unfinished_are_shown),
		TEST(test_scan_mdevs_parent_registers_and_leaves),
		TEST(test_scan_apply_types_unended_text_is_left_out),
		TEST(test_scan_details_are_read_by_name),
		TEST(test_scan_all_cold_costs_at_most_12_calls_per_function),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
