/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Drivers and names of functions: the pure parts, and libkmod on an index made here. */
#include "support/test.h"

#include <errno.h>

#include "base/str.h"
#include "host/drivers.h"
#include "host/names.h"

#define MODALIAS "pci:v000015B3d0000101Esv000015B3sd00000001bc02sc00i00"

static void test_vfio_alias_of_a_pci_device(void **state)
{
	(void)state;
	char alias[160];
	assert_int_equal(drivers_vfio_alias(MODALIAS, alias, sizeof(alias)), 0);
	assert_string_equal(alias, "vfio_pci:v000015B3d0000101Esv000015B3sd00000001bc02sc00i00");
	assert_int_equal(drivers_vfio_alias("usb:v1234", alias, sizeof(alias)), -EINVAL);
}

static void test_name_of_module_with_and_without_dash(void **state)
{
	(void)state;
	char name[NAME_SIZE];
	assert_int_equal(drivers_name_of_module("vfio_pci", name, sizeof(name)), 0);
	assert_string_equal(name, "vfio-pci");
	assert_int_equal(drivers_name_of_module("mlx5_vfio_pci", name, sizeof(name)), 0);
	assert_string_equal(name, "mlx5_vfio_pci");
}

static void test_vfio_pick_variant_before_vfio_pci(void **state)
{
	(void)state;
	const char modules[][NAME_SIZE] = { "vfio_pci", "mlx5_vfio_pci" };
	char name[NAME_SIZE];
	assert_int_equal(drivers_vfio_pick(modules, 2, name, sizeof(name)), 0);
	assert_string_equal(name, "mlx5_vfio_pci");
	assert_int_equal(drivers_vfio_pick(modules, 1, name, sizeof(name)), 0);
	assert_string_equal(name, "vfio-pci");
	assert_int_equal(drivers_vfio_pick(modules, 0, name, sizeof(name)), 0);
	assert_string_equal(name, "vfio-pci");
}

static void test_vfio_without_module_index_is_vfio_pci(void **state)
{
	(void)state;
	struct drivers *d;
	char name[NAME_SIZE];
	assert_int_equal(drivers_open("/nonexistent", &d), 0);
	assert_int_equal(drivers_vfio(d, MODALIAS, name, sizeof(name)), 0);
	assert_string_equal(name, "vfio-pci");
	drivers_close(d);
}

static void test_names_unknown_is_numbers(void **state)
{
	(void)state;
	char text[256];
	struct names *n = names_open();
	assert_non_null(n);
	struct function f = { .vendor = 0xfff7, .device = 0x0001 };
	assert_int_equal(names_function(n, &f, text, sizeof(text)), 0);
	assert_string_equal(text, "fff7:0001");
	names_close(n);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_vfio_alias_of_a_pci_device),
		cmocka_unit_test(test_name_of_module_with_and_without_dash),
		cmocka_unit_test(test_vfio_pick_variant_before_vfio_pci),
		cmocka_unit_test(test_vfio_without_module_index_is_vfio_pci),
		cmocka_unit_test(test_names_unknown_is_numbers),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
