/* SPDX-License-Identifier: GPL-2.0-or-later */
/* From keys to places: levels of bridges, bus numbers that changed, VFs in the same directory. */
#include "support/test.h"

#include <errno.h>
#include <string.h>

#include "base/str.h"
#include "host/resolve.h"
#include "support/tree.h"

#define PORT "pci0000:00/0000:00:03.0"
#define UUID "0a0b0c0d-0000-4000-8000-000000000001"

static int set_up(void **state)
{
	static struct tree t;
	tree_init(&t);
	tree_function(&t, &(struct tree_function){ .path = PORT, .class = 0x060400, .group = -1 });
	tree_function(&t, &(struct tree_function){ .path = PORT "/0000:3b:00.0", .group = -1 });
	tree_function(&t, &(struct tree_function){ .path = PORT "/0000:3b:10.0", .group = -1 });
	/* A VF one bus further, with the PF's own device and function number. */
	tree_function(&t, &(struct tree_function){ .path = PORT "/0000:3c:00.0", .group = -1 });
	tree_vf(&t, PORT "/0000:3b:00.0", 0, PORT "/0000:3b:10.0");
	tree_vf(&t, PORT "/0000:3b:00.0", 1, PORT "/0000:3c:00.0");
	tree_file(&t, "devices/" PORT "/0000:3b:00.0/vendor", "0x8086\n");
	tree_file(&t, "devices/" PORT "/0000:3b:00.0/device", "0x10c9\n");
	tree_dir(&t, "devices/virtual/mtty/mtty/" UUID);
	tree_link(&t, "bus/mdev/devices/" UUID, "../../../devices/virtual/mtty/mtty/" UUID);
	tree_dir(&t, "devices/virtual/mdpy/mdpy");
	/* A root bus below another device. */
	tree_dir(&t, "devices/platform/x.pcie/pci0001:00/0001:00:00.0");
	tree_link(&t, "class/pci_bus/0001:00",
		  "../../devices/platform/x.pcie/pci0001:00/pci_bus/0001:00");
	*state = &t;
	return 0;
}

static int tear_down(void **state)
{
	tree_done(*state);
	return 0;
}

static void expect_device(struct tree *t, const char *key, const char *path, const char *addr)
{
	char found[SYS_PATH_SIZE], at[PCI_ADDR_SIZE];
	assert_int_equal(resolve_device(t->fd, key, found, at), 0);
	assert_string_equal(found, path);
	assert_string_equal(at, addr);
}

static void test_resolve_device_walks_down(void **state)
{
	expect_device(*state, "pci:0000:00/03.0", PORT, "0000:00:03.0");
	expect_device(*state, "pci:0000:00/03.0/00.0", PORT "/0000:3b:00.0", "0000:3b:00.0");
	expect_device(*state, "pci:0001:00/00.0", "platform/x.pcie/pci0001:00/0001:00:00.0",
		      "0001:00:00.0");
	expect_device(*state, "sys:virtual/mtty/mtty", "virtual/mtty/mtty", "");
}

static void test_f23_resolve_device_renumbered_bus_found(void **state)
{
	struct tree *t = *state;
	tree_remove(t, "devices/" PORT "/0000:3b:00.0");
	tree_dir(t, "devices/" PORT "/0000:42:00.0");
	expect_device(t, "pci:0000:00/03.0/00.0", PORT "/0000:42:00.0", "0000:42:00.0");
}

static void test_resolve_device_absent_or_malformed_fails(void **state)
{
	struct tree *t = *state;
	char path[SYS_PATH_SIZE], addr[PCI_ADDR_SIZE];
	assert_int_equal(resolve_device(t->fd, "pci:0000:00/04.0", path, addr), -ENODEV);
	assert_int_equal(resolve_device(t->fd, "pci:0000:00/03.0/01.0", path, addr), -ENODEV);
	assert_int_equal(resolve_device(t->fd, "pci:0002:00/03.0", path, addr), -ENODEV);
	assert_int_equal(resolve_device(t->fd, "sys:virtual/none", path, addr), -ENODEV);
	assert_int_equal(resolve_device(t->fd, "pci:0000:00/../x", path, addr), -EINVAL);
	assert_int_equal(resolve_device(t->fd, "sys:../etc", path, addr), -EINVAL);
	tree_dir(t, "devices/" PORT "/0000:42:00.0");
	assert_int_equal(resolve_device(t->fd, "pci:0000:00/03.0/00.0", path, addr), -ENOTUNIQ);
}

static struct target target_new(const char *device, int vf, const char *uuid)
{
	struct target t = { .vf = vf };
	(void)STR_COPY(t.device, device);
	(void)STR_COPY(t.uuid, uuid);
	return t;
}

static void test_resolve_target_finds_vf_by_its_link(void **state)
{
	struct tree *t = *state;
	struct resolved r;
	struct target vf = target_new("pci:0000:00/03.0/00.0", 1, "");
	assert_int_equal(resolve_target(t->fd, &vf, &r), 0);
	assert_string_equal(r.addr, "0000:3c:00.0");
	assert_string_equal(r.path, PORT "/0000:3c:00.0");
	assert_string_equal(r.device_addr, "0000:3b:00.0");
	vf.vf = 2;
	assert_int_equal(resolve_target(t->fd, &vf, &r), -ENODEV);
	assert_string_equal(r.device_addr, "0000:3b:00.0");
}

static void test_f14_resolve_target_mdev_of_another_parent_refused(void **state)
{
	struct tree *t = *state;
	struct resolved r;
	struct target mine = target_new("sys:virtual/mtty/mtty", -1, UUID);
	assert_int_equal(resolve_target(t->fd, &mine, &r), 0);
	assert_true(r.exists);
	assert_string_equal(r.path, "virtual/mtty/mtty/" UUID);
	assert_string_equal(r.addr, "");

	struct target other = target_new("sys:virtual/mdpy/mdpy", -1, UUID);
	assert_int_equal(resolve_target(t->fd, &other, &r), -EXDEV);
	other = target_new("sys:virtual/mdpy/mdpy", -1, "0a0b0c0d-0000-4000-8000-000000000002");
	assert_int_equal(resolve_target(t->fd, &other, &r), 0);
	assert_false(r.exists);
}

/* Of a vGPU on a VF. */
static void test_resolve_target_mdev_of_a_vf(void **state)
{
	struct tree *t = *state;
	struct resolved r;
	const char *uuid = "0a0b0c0d-0000-4000-8000-000000000003";
	struct target vgpu = target_new("pci:0000:00/03.0/00.0", 1, uuid);
	assert_int_equal(resolve_target(t->fd, &vgpu, &r), 0);
	assert_false(r.exists);
	assert_string_equal(r.path, PORT "/0000:3c:00.0/0a0b0c0d-0000-4000-8000-000000000003");
	tree_dir(t, "devices/" PORT "/0000:3c:00.0/0a0b0c0d-0000-4000-8000-000000000003");
	assert_int_equal(resolve_target(t->fd, &vgpu, &r), 0);
	assert_true(r.exists);
	assert_string_equal(r.device_addr, "0000:3b:00.0");
	vgpu = target_new("pci:0000:00/03.0/00.0", 1, UUID);
	assert_int_equal(resolve_target(t->fd, &vgpu, &r), -EXDEV);
}

static void test_resolve_identity_reads_ids(void **state)
{
	struct tree *t = *state;
	struct function f;
	assert_int_equal(resolve_identity(t->fd, PORT "/0000:3b:00.0", "0000:3b:00.0", false, &f),
			 0);
	assert_int_equal(f.vendor, 0x8086);
	assert_int_equal(f.device, 0x10c9);
	assert_int_equal(resolve_identity(t->fd, PORT "/0000:3b:00.0", "0000:3b:00.0", true, &f),
			 -ENOENT);
}

/* The key of each path leads back to that path. */
static void test_resolve_device_is_the_way_back_of_the_key(void **state)
{
	struct tree *t = *state;
	static const char *const paths[] = {
		PORT "/0000:3b:00.0", "platform/x.pcie/pci0001:00/0001:00:00.0",
		"virtual/mtty/mtty",
		"pci0000:00/0000:00:0e.0/pci10000:e0/10000:e0:06.0/10000:e1:00.0", /* VMD */
	};
	tree_function(t, &(struct tree_function){ .path = paths[3], .group = -1 });
	for (size_t i = 0; i < sizeof(paths) / sizeof(*paths); i++) {
		char key[DEVICE_KEY_SIZE], found[SYS_PATH_SIZE], at[PCI_ADDR_SIZE];
		assert_int_equal(device_key_from_path(paths[i], key), 0);
		assert_true(device_key_valid(key));
		assert_int_equal(resolve_device(t->fd, key, found, at), 0);
		assert_string_equal(found, paths[i]);
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_resolve_device_walks_down),
		TEST(test_f23_resolve_device_renumbered_bus_found),
		TEST(test_resolve_device_absent_or_malformed_fails),
		TEST(test_resolve_target_finds_vf_by_its_link),
		TEST(test_f14_resolve_target_mdev_of_another_parent_refused),
		TEST(test_resolve_target_mdev_of_a_vf),
		TEST(test_resolve_identity_reads_ids),
		TEST(test_resolve_device_is_the_way_back_of_the_key),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
