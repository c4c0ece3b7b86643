/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which vGPUs the simulated driver makes: sizes, numbers, places, GPU instances. */
#include "support/test.h"

#include <errno.h>

#include "base/cleanup.h"
#include "nvidia/kinds.h"
#include "sim/nvidia-vgpu.h"
#include "support/machine.h"

#define L40S "0000:41:00.0"
#define H100 "0000:1b:00.0"

static struct machine *machine_with(const char *host, const char *gpu)
{
	const char *const words[] = { "-e", gpu };
	_cleanup_(str_buf_done) struct str_buf out = { 0 };
	struct machine *m = test_machine_new(host);
	assert_int_equal(sriov_manage(m, words, 2, &out), 0);
	return m;
}

static const struct nvidia_vgpu_type *type_of(const struct pci *gpu, const char *name)
{
	const struct nvidia_vgpu_card *c = nvidia_vgpu_card_find(gpu->model);
	for (size_t i = 0; i < c->n_types; i++)
		if (str_eq(c->types[i].name, name))
			return &c->types[i];
	fail_msg("no type %s", name);
	return NULL;
}

static int set(struct pci *gpu, unsigned vf, const char *name)
{
	return nvidia_vgpu_set(gpu->vfs[vf], name ? type_of(gpu, name) : NULL);
}

static unsigned fill(struct pci *gpu, const char *name)
{
	unsigned n = 0;
	while (n < gpu->num_vfs && set(gpu, n, name) == 0)
		n++;
	for (unsigned i = 0; i < n; i++)
		assert_int_equal(set(gpu, i, NULL), 0);
	return n;
}

static void test_nvidia_vgpu_set_each_type_as_many_as_published(void **state)
{
	(void)state;
	struct machine *m = machine_with("sim/hosts/l40s-4.yaml", L40S);
	struct pci *gpu = bus_find(m, L40S);
	const struct nvidia_vgpu_card *c = nvidia_vgpu_card_find(gpu->model);
	const struct capacity *k = nvidia_card_find(0x10de, 0x26b9)->vgpu;
	for (size_t i = 0; i < c->n_types; i++) {
		assert_int_equal(fill(gpu, c->types[i].name), c->types[i].most);
		int p = capacity_find(k, c->types[i].name);
		if (p >= 0)
			assert_int_equal(k->profiles[p].most, c->types[i].most);
	}
	test_machine_free(m);
}

/* What carve plans with, until the driver is asked, is what the stand-in for the driver makes. */
static void test_nvidia_vgpu_types_are_those_of_the_tables(void **state)
{
	(void)state;
	const uint16_t devices[] = { 0x2330, 0x2335, 0x26b9, 0x25b6 };
	for (size_t d = 0; d < sizeof(devices) / sizeof(*devices); d++) {
		const struct host_model model = { .vendor = 0x10de, .device = devices[d] };
		const struct nvidia_vgpu_card *c = nvidia_vgpu_card_find(&model);
		const struct capacity *k = nvidia_card_find(0x10de, devices[d])->vgpu;
		for (uint32_t i = 0; i < k->n_profiles; i++) {
			size_t t = 0;
			while (t < c->n_types && !str_eq(c->types[t].name, k->profiles[i].name))
				t++;
			assert_true(t < c->n_types);
			assert_int_equal(c->types[t].most, k->profiles[i].most);
			assert_int_equal(c->types[t].memory, k->profiles[i].memory);
		}
	}
}

static void test_nvidia_vgpu_set_other_size_only_when_mixed(void **state)
{
	(void)state;
	struct machine *m = machine_with("sim/hosts/l40s-4.yaml", L40S);
	struct pci *gpu = bus_find(m, L40S);
	assert_int_equal(set(gpu, 0, "L40S-24Q"), 0);
	assert_int_equal(set(gpu, 1, "L40S-12Q"), -EIO);
	assert_int_equal(set(gpu, 0, NULL), 0);
	gpu->gpu->mixed = true;
	assert_int_equal(set(gpu, 0, "L40S-24Q"), 0);
	assert_int_equal(set(gpu, 1, "L40S-12Q"), 0);
	assert_int_equal(nvidia_vgpu_of(gpu->vfs[1])->placement, 48);
	assert_int_equal(set(gpu, 2, "L40S-24Q"), -EIO);
	assert_int_equal(set(gpu, 2, "L40S-12Q"), 0);
	assert_int_equal(nvidia_vgpus(gpu, -1), 3);
	test_machine_free(m);
}

static void instance_make(struct pci *gpu, int i, uint32_t profile)
{
	gpu->gpu->instances[i].there = true;
	gpu->gpu->instances[i].profile = profile;
}

static void test_nvidia_vgpu_set_with_mig_needs_a_gpu_instance(void **state)
{
	(void)state;
	struct machine *m = machine_with("sim/hosts/h100-vgpu.yaml", H100);
	struct pci *gpu = bus_find(m, H100);
	assert_int_equal(set(gpu, 0, "H100XM-1-10C"), -EIO);
	gpu->gpu->mig = true;
	assert_int_equal(set(gpu, 0, "H100XM-40C"), -EIO);
	assert_int_equal(set(gpu, 0, "H100XM-1-10C"), -EIO);
	instance_make(gpu, 7, 19);
	instance_make(gpu, 9, 9);
	assert_int_equal(set(gpu, 0, "H100XM-1-10C"), 0);
	assert_int_equal(nvidia_vgpu_of(gpu->vfs[0])->instance, 7);
	assert_int_equal(set(gpu, 1, "H100XM-1-10C"), -EIO);
	assert_int_equal(set(gpu, 1, "H100XM-3-40C"), 0);
	assert_int_equal(nvidia_vgpus(gpu, 9), 1);
	test_machine_free(m);
}

static void test_sriov_manage_wipes_instances_and_mixing_keeps_mig(void **state)
{
	(void)state;
	const char *const words[] = { "-d", H100 };
	_cleanup_(str_buf_done) struct str_buf out = { 0 };
	struct machine *m = machine_with("sim/hosts/h100-vgpu.yaml", H100);
	struct pci *gpu = bus_find(m, H100);
	gpu->gpu->mig = true;
	gpu->gpu->mixed = true;
	instance_make(gpu, 7, 19);
	assert_int_equal(set(gpu, 3, "H100XM-1-10C"), 0);
	assert_int_equal(sriov_manage(m, words, 2, &out), 0);
	assert_int_equal(gpu->num_vfs, 0);
	assert_true(gpu->gpu->mig);
	assert_false(gpu->gpu->mixed || gpu->gpu->instances[7].there);
	assert_int_equal(nvidia_vgpus(gpu, -1), 0);
	test_machine_free(m);
}

static void test_sriov_manage_without_vgpu_driver_fails(void **state)
{
	(void)state;
	const char *const words[] = { "-e", "ALL" };
	_cleanup_(str_buf_done) struct str_buf out = { 0 };
	struct machine *m = test_machine_new("sim/hosts/dgx-h100.yaml");
	assert_int_equal(sriov_manage(m, words, 2, &out), -1);
	test_machine_free(m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nvidia_vgpu_set_each_type_as_many_as_published),
		cmocka_unit_test(test_nvidia_vgpu_types_are_those_of_the_tables),
		cmocka_unit_test(test_nvidia_vgpu_set_other_size_only_when_mixed),
		cmocka_unit_test(test_nvidia_vgpu_set_with_mig_needs_a_gpu_instance),
		cmocka_unit_test(test_sriov_manage_wipes_instances_and_mixing_keeps_mig),
		cmocka_unit_test(test_sriov_manage_without_vgpu_driver_fails),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
