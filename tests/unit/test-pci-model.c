/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Addresses and keys, and the picture as a container. */
#include "support/test.h"

#include <errno.h>
#include <string.h>

#include "base/str.h"
#include "model/pci.h"

static void test_pci_addr_valid_only_the_kernels_form(void **state)
{
	(void)state;
	static const char *const good[] = { "0000:3b:00.0", "0000:ff:1f.7", "10000:e0:06.0",
					    "ffffffff:00:00.0" };
	static const char *const bad[] = { "",
					   "3b:00.0",
					   "0000:3b:00.8",
					   "0000:3b:00.0 ",
					   "0000:3B:00.0",
					   "0000:3b:0.0",
					   "000:3b:00.0",
					   "0000:3b:00.00",
					   "0000-3b:00.0",
					   "123456789:00:00.0" };
	for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++)
		assert_true(pci_addr_valid(good[i]));
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		assert_false(pci_addr_valid(bad[i]));
}

static void test_pci_addr_rid_bus_device_function(void **state)
{
	(void)state;
	assert_int_equal(pci_addr_rid("0000:3b:1f.7"), 0x3bff);
	assert_int_equal(pci_addr_rid("10000:e0:06.0"), 0xe030);
	assert_int_equal(pci_addr_rid(""), 0);
}

static void test_uuid_valid_lower_case_dashed(void **state)
{
	(void)state;
	assert_true(uuid_valid("c9abdcb5-5279-413a-9057-c81d2605ce9c"));
	assert_false(uuid_valid("C9abdcb5-5279-413a-9057-c81d2605ce9c"));
	assert_false(uuid_valid("c9abdcb5-5279-413a-9057-c81d2605ce9"));
	assert_false(uuid_valid("c9abdcb5-5279-413a-9057-c81d2605ce9c0"));
	assert_false(uuid_valid("c9abdcb505279-413a-9057-c81d2605ce9c-"));
	assert_false(uuid_valid("../../../../../../../../etc/passwd-xx"));
	assert_false(uuid_valid(""));
}

static void test_driver_rules_are_the_kernels(void **state)
{
	(void)state;
	static const struct {
		const char *driver;
		bool vfio, group;
	} rules[] = {
		{ "vfio-pci", true, true },
		{ "mlx5_vfio_pci", true, true },
		{ "nvgrace_gpu_vfio_pci", true, true },
		{ "", false, true },
		{ "pci-stub", false, true },
		{ "pcieport", false, true },
		{ "vfio", false, false },
		{ "pci-pf-stub", false, false },
		{ "shpchp", false, false },
		{ "uio_pci_generic", false, false },
		{ "igb", false, false },
	};
	for (size_t i = 0; i < sizeof(rules) / sizeof(*rules); i++) {
		assert_int_equal(driver_is_vfio(rules[i].driver), rules[i].vfio);
		assert_int_equal(driver_leaves_group_alone(rules[i].driver), rules[i].group);
	}
	assert_true(pci_class_is(0x060400, PCI_BASE_BRIDGE));
	assert_false(pci_class_is(0x010802, PCI_BASE_BRIDGE));
}

static void assert_key(const char *path, const char *expected)
{
	char key[DEVICE_KEY_SIZE];
	assert_int_equal(device_key_from_path(path, key), 0);
	assert_string_equal(key, expected);
}

static void test_f23_device_key_from_path_has_no_bus_numbers(void **state)
{
	(void)state;
	assert_key("pci0000:00/0000:00:03.0/0000:01:00.0", "pci:0000:00/03.0/00.0");
	assert_key("pci0000:00/0000:00:03.0/0000:17:00.0", "pci:0000:00/03.0/00.0");
	assert_key("pci0000:40/0000:40:01.1", "pci:0000:40/01.1");
}

static void test_device_key_from_path_other_roots(void **state)
{
	(void)state;
	assert_key("virtual/mtty/mtty", "sys:virtual/mtty/mtty");
	assert_key("platform/4010000000.pcie/pci0000:00/0000:00:01.0", "pci:0000:00/01.0");
	/* VMD: its own domain is numbered as found. */
	assert_key("pci0000:00/0000:00:0e.0/pci10000:e0/10000:e0:06.0/10000:e1:00.0",
		   "pci:0000:00/0e.0/06.0/00.0");
	assert_key("pcifoo/bar", "sys:pcifoo/bar");
}

static void test_device_key_from_path_malformed_is_refused(void **state)
{
	(void)state;
	char key[DEVICE_KEY_SIZE] = "untouched", path[600];
	static const char *const bad[] = { "", "/devices/x", "pci0000:00", "virtual/../../etc",
					   "pci0000:00/0000:00:03.0/net/eth0" };
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		assert_int_equal(device_key_from_path(bad[i], key), -EINVAL);
	memset(path, 'x', sizeof(path) - 1);
	path[sizeof(path) - 1] = '\0';
	assert_int_equal(device_key_from_path(path, key), -EINVAL);
	struct str_buf deep = { 0 };
	str_buf_add(&deep, "pci0000:00");
	for (int i = 0; i < 40; i++)
		str_buf_add(&deep, "/0000:00:03.0");
	assert_int_equal(STR_COPY(path, deep.text), 0);
	str_buf_done(&deep);
	assert_int_equal(device_key_from_path(path, key), -EINVAL);
	assert_string_equal(key, "untouched");
}

static void add_function(struct have *h, const char *addr)
{
	struct function *f = have_add_function(h);
	assert_non_null(f);
	assert_int_equal(STR_COPY(f->addr, addr), 0);
	assert_int_equal(str_format(f->key, sizeof(f->key), "pci:%s", addr), 0);
}

static void test_have_functions_are_found_and_removed(void **state)
{
	(void)state;
	struct have h = { 0 };
	char addr[PCI_ADDR_SIZE];
	for (int i = 99; i >= 0; i--) {
		assert_int_equal(STR_FORMAT(addr, "0000:%02x:00.0", i), 0);
		add_function(&h, addr);
	}
	have_sort(&h);
	assert_string_equal(h.functions[0].addr, "0000:00:00.0");
	assert_int_equal(have_function(&h, "0000:3b:00.0") - h.functions, 0x3b);
	assert_ptr_equal(have_device(&h, "pci:0000:3b:00.0"), &h.functions[0x3b]);
	have_remove_function(&h, "0000:3b:00.0");
	have_remove_function(&h, "0000:3b:00.0");
	assert_null(have_function(&h, "0000:3b:00.0"));
	assert_int_equal(h.n_functions, 99);
	assert_string_equal(h.functions[0x3b].addr, "0000:3c:00.0");
	have_done(&h);
	assert_int_equal(h.n_functions, 0);
}

/* Room is derived from the count alone: going up and down over powers of two must keep it true. */
static void test_have_grows_and_shrinks_without_losing_room(void **state)
{
	(void)state;
	struct have h = { 0 }, copy;
	for (unsigned round = 0; round < 20; round++) {
		for (unsigned i = 0; i < 5 + round; i++) {
			struct mdev *m = have_add_mdev(&h);
			assert_non_null(m);
			assert_int_equal(m->iommu_group, -1);
			assert_int_equal(STR_FORMAT(m->uuid, "%u-%u", round, i), 0);
		}
		for (unsigned i = 0; i < 4 + round; i++)
			have_remove_mdev(&h, h.mdevs[h.n_mdevs / 2].uuid);
		assert_int_equal(have_copy(&h, &copy), 0);
		assert_int_equal(copy.n_mdevs, h.n_mdevs);
		assert_memory_equal(copy.mdevs, h.mdevs, h.n_mdevs * sizeof(*h.mdevs));
		have_done(&h);
		h = copy;
	}
	assert_int_equal(h.n_mdevs, 20);
	have_done(&h);
}

static void test_have_vfs_are_found_by_index(void **state)
{
	(void)state;
	struct have h = { 0 };
	for (int i = 0; i < 3; i++) {
		struct function *f = have_add_function(&h);
		assert_non_null(f);
		f->is_vf = true;
		f->vf_index = 2 - i;
		assert_int_equal(STR_COPY(f->pf, "0000:01:00.0"), 0);
	}
	assert_ptr_equal(have_vf(&h, "0000:01:00.0", 2), &h.functions[0]);
	assert_null(have_vf(&h, "0000:01:00.0", 3));
	assert_null(have_vf(&h, "0000:02:00.0", 0));
	assert_int_equal(have_vf_count(&h, "0000:01:00.0"), 3);
	have_done(&h);
}

#define MANY 64

static void check_each_is_found(const struct have *h)
{
	char addr[PCI_ADDR_SIZE], key[32];
	for (unsigned i = 0; i < MANY; i++) {
		(void)STR_FORMAT(addr, "0000:%02x:00.0", i / 2);
		const struct function *vf = have_vf(h, addr, i % 2);
		assert_non_null(vf);
		assert_string_equal(vf->pf, addr);
		assert_int_equal(vf->vf_index, i % 2);
		(void)STR_FORMAT(key, "pci:%u", MANY - i);
		assert_string_equal(have_device(h, key)->key, key);
	}
	assert_null(have_vf(h, "0000:00:00.0", 2));
	assert_null(have_device(h, "pci:none"));
}

/* Their order by key, and by PF and number, is not that of the list; in a list that is not sorted any more,
 * and in a copy, they are found as well. */
static void test_have_look_ups_need_no_order(void **state)
{
	(void)state;
	struct have h = { 0 }, copy;
	for (unsigned i = 0; i < MANY; i++) {
		struct function *f = have_add_function(&h);
		(void)STR_FORMAT(f->addr, "0000:%02x:00.0", 0x40 + (i * 5) % MANY);
		(void)STR_FORMAT(f->key, "pci:%u", MANY - i);
		(void)STR_FORMAT(f->pf, "0000:%02x:00.0", i / 2);
		f->is_vf = true;
		f->vf_index = (int)i % 2;
	}
	check_each_is_found(&h);
	have_sort(&h);
	check_each_is_found(&h);
	struct function *last = have_add_function(&h);
	(void)STR_COPY(last->addr, "0000:00:1f.0");
	(void)STR_COPY(last->key, "pci:last");
	assert_ptr_equal(have_device(&h, "pci:last"), last);
	check_each_is_found(&h);
	have_sort(&h);
	assert_ptr_equal(have_device(&h, "pci:last"), &h.functions[0]);
	have_remove_function(&h, "0000:00:1f.0");
	assert_null(have_device(&h, "pci:last"));
	check_each_is_found(&h);
	assert_int_equal(have_copy(&h, &copy), 0);
	have_done(&h);
	check_each_is_found(&copy);
	have_done(&copy);
}

static void test_have_sort_orders_everything(void **state)
{
	(void)state;
	struct have h = { 0 };
	for (int i = 2; i >= 0; i--) {
		struct vf_info *v = have_add_vf_info(&h);
		struct mdev_type *t = have_add_type(&h);
		struct mdev_parent *p = have_add_parent(&h);
		assert_true(v && t && p);
		v->index = i;
		assert_int_equal(STR_FORMAT(t->id, "t-%d", i), 0);
		assert_int_equal(STR_FORMAT(p->key, "sys:%d", i), 0);
	}
	have_sort(&h);
	assert_int_equal(h.vfs[0].index, 0);
	assert_string_equal(h.types[2].id, "t-2");
	assert_string_equal(h.parents[1].key, "sys:1");
	assert_ptr_equal(have_type(&h, "", "t-1"), &h.types[1]);
	assert_ptr_equal(have_parent(&h, "sys:2"), &h.parents[2]);
	assert_ptr_equal(have_vf_info(&h, "", 1), &h.vfs[1]);
	have_done(&h);
}

static void test_have_copy_of_nothing_is_empty(void **state)
{
	(void)state;
	struct have h = { 0 }, copy;
	assert_int_equal(have_copy(&h, &copy), 0);
	assert_null(copy.functions);
	have_sort(&copy);
	have_done(&copy);
}

static void test_pci_class_name_known_and_other(void **state)
{
	(void)state;
	assert_string_equal(pci_class_name(0x030200), "display");
	assert_string_equal(pci_class_name(0x120000), "accelerator");
	assert_string_equal(pci_class_name(0x010802), "storage");
	assert_string_equal(pci_class_name(0x0a0000), "other");
	assert_string_equal(pci_class_name(0xffffff), "other");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_driver_rules_are_the_kernels),
		cmocka_unit_test(test_pci_addr_valid_only_the_kernels_form),
		cmocka_unit_test(test_pci_addr_rid_bus_device_function),
		cmocka_unit_test(test_uuid_valid_lower_case_dashed),
		cmocka_unit_test(test_f23_device_key_from_path_has_no_bus_numbers),
		cmocka_unit_test(test_device_key_from_path_other_roots),
		cmocka_unit_test(test_device_key_from_path_malformed_is_refused),
		cmocka_unit_test(test_have_functions_are_found_and_removed),
		cmocka_unit_test(test_have_grows_and_shrinks_without_losing_room),
		cmocka_unit_test(test_have_vfs_are_found_by_index),
		cmocka_unit_test(test_have_look_ups_need_no_order),
		cmocka_unit_test(test_have_sort_orders_everything),
		cmocka_unit_test(test_have_copy_of_nothing_is_empty),
		cmocka_unit_test(test_pci_class_name_known_and_other),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
