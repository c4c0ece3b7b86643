/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the stand-in for NVIDIA's driver says of GPU instances and does with them: against the tables that carve plans
 * with, and by the rules of the guide. Asked as its library is, through the machine's file.
 */
#include "support/test.h"

#include "base/cleanup.h"
#include "nvidia/kinds.h"
#include "nvidia/nvml.h"
#include "sim/nvidia.h"
#include "sim/nvml-wire.h"
#include "support/machine.h"

#define MIXED "sim/hosts/nvidia-mixed.yaml"
#define A100 "0000:21:00.0"
#define H100 "0000:22:00.0"
#define L40S "0000:23:00.0"
#define A30 "0000:a2:00.0"
#define RTX "0000:a3:00.0"
#define ANYWHERE UINT32_MAX

static struct nvml_told tell(struct machine *m, struct nvml_asked asked)
{
	_cleanup_(str_buf_done) struct str_buf out = { 0 };
	struct nvml_told told;
	struct node *n = node_walk(m->tree, m->dev, ".carve-sim/nvml");
	assert_non_null(n);
	assert_int_equal(n->ops->transact(n, &asked, sizeof(asked), &out), 0);
	assert_int_equal(out.len, sizeof(told));
	memcpy(&told, out.text, sizeof(told));
	return told;
}

static struct nvml_told ask_text(struct machine *m, enum nvml_question question, uint32_t gpu,
				 uint32_t a, uint32_t b, const char *text)
{
	/* Compute instances anywhere. */
	struct nvml_asked asked = {
		.question = question, .gpu = gpu, .a = a, .b = b, .c = ANYWHERE
	};
	assert_int_equal(STR_COPY(asked.text, text), 0);
	return tell(m, asked);
}

/* A GPU, by its address. */
struct card {
	struct machine *m;
	struct pci *f;
	uint32_t number;
};

static struct nvml_told ask(const struct card *g, enum nvml_question question, uint32_t a,
			    uint32_t b)
{
	return ask_text(g->m, question, g->number, a, b, "");
}

static int code(const struct card *g, enum nvml_question question, uint32_t a, uint32_t b)
{
	return ask(g, question, a, b).code;
}

static struct card gpu_of(struct machine *m, const char *addr)
{
	struct nvml_told told = ask_text(m, ASK_BY_ADDRESS, 0, 0, 0, addr);
	assert_int_equal(told.code, NVML_SUCCESS);
	return (struct card){ m, bus_find(m, addr), told.v[0] };
}

static struct card gpu_with_mig(struct machine *m, const char *addr)
{
	struct card g = gpu_of(m, addr);
	struct nvml_told told = ask(&g, ASK_SET_MIG_MODE, 1, 0);
	assert_int_equal(told.code, NVML_SUCCESS);
	assert_int_equal(told.v[0], NVML_SUCCESS);
	return g;
}

/* The id of a profile by its name; the index is another number. */
static uint32_t profile_id(const struct card *g, const char *name)
{
	for (uint32_t i = 0; i < NVML_GPU_INSTANCE_PROFILE_COUNT; i++) {
		struct nvml_told p = ask(g, ASK_PROFILE, i, 0);
		if (p.code == NVML_SUCCESS && str_eq(p.text + strlen("MIG "), name))
			return p.v[0];
	}
	fail_msg("no profile %s", name);
	return 0;
}

static struct nvml_told create(const struct card *g, const char *name, uint32_t start)
{
	uint32_t id = profile_id(g, name);
	const struct nvml_asked asked = { .question = ASK_CREATE,
					  .gpu = g->number,
					  .a = id,
					  .b = start,
					  .c = ask(g, ASK_PLACEMENTS, id, 0).list[1] };
	return tell(g->m, asked);
}

static uint32_t created(const struct card *g, const char *name, uint32_t start)
{
	struct nvml_told told = create(g, name, start);
	assert_int_equal(told.code, NVML_SUCCESS);
	return told.v[0];
}

static uint32_t remaining(const struct card *g, const char *name)
{
	struct nvml_told told = ask(g, ASK_REMAINING, profile_id(g, name), 0);
	assert_int_equal(told.code, NVML_SUCCESS);
	return told.v[0];
}

static uint32_t start_of(const struct card *g, uint32_t instance)
{
	struct nvml_told told = ask(g, ASK_INSTANCE, instance, 0);
	assert_int_equal(told.code, NVML_SUCCESS);
	return told.v[1];
}

/* --- what is published -------------------------------------------------------------------------------- */

static uint64_t starts_said(const struct card *g, uint32_t id, uint32_t size)
{
	struct nvml_told told = ask(g, ASK_PLACEMENTS, id, 0);
	uint64_t starts = 0;
	assert_int_equal(told.code, NVML_SUCCESS);
	for (uint32_t i = 0; i < told.n; i += 2) {
		starts |= UINT64_C(1) << told.list[i];
		assert_int_equal(told.list[i + 1], size);
	}
	return starts;
}

static void compare_profile(const struct card *g, const struct capacity *k, uint32_t i)
{
	const struct capacity_profile *p = &k->profiles[i];
	const struct capacity_use none = { 0 };
	uint32_t id = profile_id(g, p->name);
	if (p->size) {
		assert_int_equal(starts_said(g, id, p->size), p->starts);
		struct nvml_told first = create(g, p->name, ANYWHERE);
		assert_int_equal(first.code, NVML_SUCCESS);
		assert_int_equal(code(g, ASK_DESTROY, first.v[0], 0), NVML_SUCCESS);
	}
	assert_int_equal(remaining(g, p->name), capacity_more(k, &none, i));
}

static uint32_t profiles_said(const struct card *g)
{
	uint32_t n = 0;
	for (uint32_t i = 0; i < NVML_GPU_INSTANCE_PROFILE_COUNT; i++)
		n += code(g, ASK_PROFILE, i, 0) == NVML_SUCCESS;
	assert_int_equal(code(g, ASK_PROFILE, NVML_GPU_INSTANCE_PROFILE_COUNT, 0),
			 NVML_ERROR_INVALID_ARGUMENT);
	return n;
}

/* The card in the place of another one: tables are by PCI id. */
static void compare_card(uint16_t device, const struct capacity *k)
{
	struct machine *m = test_machine_new(MIXED);
	struct host_model model = *bus_find(m, H100)->model;
	bus_find(m, H100)->model = &model;
	assert_int_equal(test_machine_write_bus(m, "drivers/nvidia/unbind", H100), 0);
	model.device = device;
	assert_int_equal(test_machine_write_bus(m, "drivers/nvidia/bind", H100), 0);
	struct card g = gpu_with_mig(m, H100);
	assert_int_equal(profiles_said(&g), k->n_profiles);
	for (uint32_t i = 0; i < k->n_profiles; i++)
		compare_profile(&g, k, i);
	test_machine_free(m);
}

static void test_nvidia_sim_profiles_are_those_of_the_tables(void **state)
{
	(void)state;
	const uint16_t devices[] = { 0x20b7, 0x20b0, 0x20f1, 0x20b2, 0x20b5, 0x2330,
				     0x2331, 0x2321, 0x2335, 0x2901, 0x2bb5 };
	for (size_t i = 0; i < sizeof(devices) / sizeof(*devices); i++)
		compare_card(devices[i], nvidia_card_find(0x10de, devices[i])->mig);
}

static void test_nvidia_sim_profile_ids_are_not_indices(void **state)
{
	(void)state;
	static const struct {
		const char *gpu, *name;
		uint32_t id;
	} published[] = {
		{ A100, "1g.10gb", 19 },    { A100, "1g.10gb+me", 20 },
		{ A100, "1g.20gb", 15 },    { A100, "2g.20gb", 14 },
		{ A100, "3g.40gb", 9 },	    { A100, "4g.40gb", 5 },
		{ A100, "7g.80gb", 0 },	    { H100, "1g.10gb", 19 },
		{ H100, "3g.40gb", 9 },	    { A30, "1g.6gb", 14 },
		{ A30, "1g.6gb+me", 21 },   { A30, "2g.12gb", 5 },
		{ A30, "2g.12gb+me", 6 },   { A30, "4g.24gb", 0 },
		{ RTX, "1g.24gb", 14 },	    { RTX, "1g.24gb+me", 21 },
		{ RTX, "1g.24gb+gfx", 47 }, { RTX, "1g.24gb-me", 67 },
		{ RTX, "2g.48gb", 5 },	    { RTX, "1g.24gb+me.all", 65 },
		{ RTX, "2g.48gb-me", 66 },  { RTX, "2g.48gb+gfx", 35 },
		{ RTX, "4g.96gb+gfx", 32 }, { RTX, "4g.96gb", 0 },
	};
	struct machine *m = test_machine_new(MIXED);
	for (size_t i = 0; i < sizeof(published) / sizeof(*published); i++) {
		struct card g = gpu_of(m, published[i].gpu);
		assert_int_equal(profile_id(&g, published[i].name), published[i].id);
	}
	test_machine_free(m);
}

/* --- mode --------------------------------------------------------------------------------------------- */

static uint32_t users;

static unsigned hook_users(struct machine *m, const char *node, uint32_t *ret, unsigned room)
{
	(void)m, (void)node;
	if (users && room)
		*ret = users;
	return users && room;
}
static const struct machine_hooks with_users = { .users = hook_users };

static void mode_is(const struct card *g, uint32_t current, uint32_t pending)
{
	struct nvml_told told = ask(g, ASK_MIG_MODE, 0, 0);
	assert_int_equal(told.code, NVML_SUCCESS);
	assert_int_equal(told.v[0], current);
	assert_int_equal(told.v[1], pending);
}

static void rebind(struct machine *m, const char *addr)
{
	assert_int_equal(test_machine_write_bus(m, "drivers/nvidia/unbind", addr), 0);
	assert_int_equal(test_machine_write_bus(m, "drivers/nvidia/bind", addr), 0);
}

static void test_nvidia_sim_mode_of_ampere_waits_for_a_reset_when_in_use(void **state)
{
	(void)state;
	struct machine *m = test_machine_new(MIXED);
	struct card g = gpu_of(m, A100);
	m->hooks = &with_users;
	users = 42;
	struct nvml_told told = ask(&g, ASK_SET_MIG_MODE, 1, 0);
	assert_int_equal(told.code, NVML_SUCCESS);
	assert_int_equal(told.v[0], NVML_ERROR_IN_USE);
	mode_is(&g, 0, 1);
	assert_int_equal(code(&g, ASK_CREATE, 19, ANYWHERE), NVML_ERROR_NOT_SUPPORTED);
	users = 0;
	rebind(m, A100);
	mode_is(&g, 1, 1);
	test_machine_free(m);
}

static void test_nvidia_sim_mode_of_hopper_is_set_at_once_though_in_use(void **state)
{
	(void)state;
	struct machine *m = test_machine_new(MIXED);
	m->hooks = &with_users;
	users = 42;
	gpu_with_mig(m, H100);
	users = 0;
	test_machine_free(m);
}

static void test_nvidia_sim_mode_is_kept_by_ampere_only(void **state)
{
	(void)state;
	struct machine *m = test_machine_new(MIXED);
	struct card ampere = gpu_with_mig(m, A100), hopper = gpu_with_mig(m, H100);
	created(&ampere, "7g.80gb", 0);
	rebind(m, A100);
	rebind(m, H100);
	mode_is(&ampere, 1, 1);
	mode_is(&hopper, 0, 0);
	assert_int_equal(code(&ampere, ASK_INSTANCE, 0, 0), NVML_ERROR_NOT_FOUND);
	test_machine_free(m);
}

static void test_nvidia_sim_mode_over_a_reboot_is_kept_by_ampere_only(void **state)
{
	(void)state;
	struct machine *m = test_machine_new(MIXED);
	gpu_with_mig(m, A100);
	gpu_with_mig(m, H100);
	machine_reboot(m);
	struct card ampere = gpu_of(m, A100), hopper = gpu_of(m, H100);
	mode_is(&ampere, 1, 1);
	mode_is(&hopper, 0, 0);
	test_machine_free(m);
}

static void test_nvidia_sim_mode_off_with_instances_refused(void **state)
{
	(void)state;
	struct machine *m = test_machine_new(MIXED);
	struct card g = gpu_with_mig(m, H100);
	uint32_t gi = created(&g, "1g.10gb", 0);
	assert_int_equal(code(&g, ASK_SET_MIG_MODE, 0, 0), NVML_ERROR_IN_USE);
	assert_int_equal(code(&g, ASK_DESTROY, gi, 0), NVML_SUCCESS);
	assert_int_equal(code(&g, ASK_SET_MIG_MODE, 0, 0), NVML_SUCCESS);
	mode_is(&g, 0, 0);
	test_machine_free(m);
}

static void test_nvidia_sim_mode_of_card_without_mig_not_supported(void **state)
{
	(void)state;
	struct machine *m = test_machine_new(MIXED);
	struct card g = gpu_of(m, L40S);
	assert_int_equal(code(&g, ASK_MIG_MODE, 0, 0), NVML_ERROR_NOT_SUPPORTED);
	assert_int_equal(code(&g, ASK_SET_MIG_MODE, 1, 0), NVML_ERROR_NOT_SUPPORTED);
	test_machine_free(m);
}

/* --- instances ---------------------------------------------------------------------------------------- */

static void test_nvidia_sim_remaining_after_half_is_three_eighths(void **state)
{
	(void)state;
	struct machine *m = test_machine_new(MIXED);
	struct card g = gpu_with_mig(m, A100);
	assert_int_equal(remaining(&g, "1g.10gb"), 7);
	start_of(&g, created(&g, "3g.40gb", 0));
	assert_int_equal(remaining(&g, "1g.10gb"), 3);
	assert_int_equal(remaining(&g, "3g.40gb"), 1);
	assert_int_equal(remaining(&g, "7g.80gb"), 0);
	test_machine_free(m);
}

/* The guide: 3g does not fit behind two of 1g and a 2g that the driver placed; the larger first, all do. */
static void test_nvidia_sim_create_small_ones_first_insufficient_resources(void **state)
{
	(void)state;
	struct machine *m = test_machine_new(MIXED);
	struct card small = gpu_with_mig(m, A100), large = gpu_with_mig(m, H100);
	created(&small, "1g.10gb", ANYWHERE);
	created(&small, "1g.10gb", ANYWHERE);
	created(&small, "2g.20gb", ANYWHERE);
	assert_int_equal(create(&small, "3g.40gb", ANYWHERE).code,
			 NVML_ERROR_INSUFFICIENT_RESOURCES);
	created(&large, "3g.40gb", ANYWHERE);
	created(&large, "2g.20gb", ANYWHERE);
	created(&large, "1g.10gb", ANYWHERE);
	created(&large, "1g.10gb", ANYWHERE);
	test_machine_free(m);
}

static void test_nvidia_sim_create_where_none_may_begin_invalid(void **state)
{
	(void)state;
	struct machine *m = test_machine_new(MIXED);
	struct card g = gpu_with_mig(m, A100);
	assert_int_equal(create(&g, "3g.40gb", 1).code, NVML_ERROR_INVALID_ARGUMENT);
	assert_int_equal(create(&g, "1g.10gb", 7).code, NVML_ERROR_INVALID_ARGUMENT);
	assert_int_equal(create(&g, "1g.10gb", 64).code, NVML_ERROR_INVALID_ARGUMENT);
	assert_int_equal(code(&g, ASK_CREATE, 9, 0), NVML_ERROR_INVALID_ARGUMENT); /* of no size */
	assert_int_equal(code(&g, ASK_CREATE, 7, 0), NVML_ERROR_INVALID_ARGUMENT);
	created(&g, "3g.40gb", 4);
	assert_int_equal(create(&g, "1g.10gb", 4).code, NVML_ERROR_INSUFFICIENT_RESOURCES);
	test_machine_free(m);
}

static void test_nvidia_sim_create_second_with_media_extensions_refused(void **state)
{
	(void)state;
	struct machine *m = test_machine_new(MIXED);
	struct card g = gpu_with_mig(m, A100), r = gpu_with_mig(m, RTX);
	created(&g, "1g.10gb+me", 0);
	assert_int_equal(create(&g, "1g.10gb+me", 1).code, NVML_ERROR_INSUFFICIENT_RESOURCES);
	created(&r, "1g.24gb+me.all", ANYWHERE);
	assert_int_equal(create(&r, "1g.24gb", ANYWHERE).code, NVML_ERROR_INSUFFICIENT_RESOURCES);
	created(&r, "1g.24gb-me", ANYWHERE);
	test_machine_free(m);
}

static void test_nvidia_sim_destroy_with_compute_instance_or_user_in_use(void **state)
{
	(void)state;
	struct machine *m = test_machine_new(MIXED);
	struct card g = gpu_with_mig(m, H100);
	m->hooks = &with_users;
	uint32_t gi = created(&g, "3g.40gb", 0);
	struct nvml_told ci = ask(&g, ASK_COMPUTE_CREATE, gi, 2);
	assert_int_equal(ci.code, NVML_SUCCESS);
	assert_int_equal(code(&g, ASK_DESTROY, gi, 0), NVML_ERROR_IN_USE);
	users = 42;
	assert_int_equal(code(&g, ASK_COMPUTE_DESTROY, gi, ci.v[0]), NVML_ERROR_IN_USE);
	assert_int_equal(ask(&g, ASK_PROCESSES, gi, 0).list[0], 42);
	users = 0;
	assert_int_equal(code(&g, ASK_COMPUTE_DESTROY, gi, ci.v[0]), NVML_SUCCESS);
	assert_int_equal(code(&g, ASK_DESTROY, gi, 0), NVML_SUCCESS);
	assert_int_equal(code(&g, ASK_DESTROY, gi, 0), NVML_ERROR_NOT_FOUND);
	test_machine_free(m);
}

/* --- compute instances -------------------------------------------------------------------------------- */

static uint32_t compute_start(const struct card *g, uint32_t gi, uint32_t profile)
{
	struct nvml_told made = ask(g, ASK_COMPUTE_CREATE, gi, profile);
	assert_int_equal(made.code, NVML_SUCCESS);
	return ask(g, ASK_COMPUTE, gi, made.v[0]).v[1];
}

static void test_nvidia_sim_compute_create_takes_slices_side_by_side(void **state)
{
	(void)state;
	struct machine *m = test_machine_new(MIXED);
	struct card g = gpu_with_mig(m, A100);
	uint32_t gi = created(&g, "4g.40gb", 0);
	assert_int_equal(compute_start(&g, gi, 0), 0);
	assert_int_equal(compute_start(&g, gi, 1), 2);
	assert_int_equal(compute_start(&g, gi, 0), 1);
	assert_int_equal(code(&g, ASK_COMPUTE_CREATE, gi, 0), NVML_ERROR_INSUFFICIENT_RESOURCES);
	assert_int_equal(code(&g, ASK_COMPUTE_CREATE, gi, 4), NVML_ERROR_INVALID_ARGUMENT);
	assert_int_equal(code(&g, ASK_COMPUTE_PROFILE, gi, 4), NVML_ERROR_NOT_SUPPORTED);
	assert_int_equal(ask(&g, ASK_COMPUTE_REMAINING, gi, 0).v[0], 0);
	assert_int_equal(code(&g, ASK_COMPUTE_DESTROY, gi, 0), NVML_SUCCESS);
	assert_int_equal(ask(&g, ASK_COMPUTE_REMAINING, gi, 0).v[0], 1);
	struct nvml_told places = ask(&g, ASK_COMPUTE_PLACEMENTS, gi, 1);
	assert_int_equal(places.n, 4);
	assert_int_equal(places.list[2], 2);
	test_machine_free(m);
}

static void test_nvidia_sim_device_index_of_what_goes_is_a_gap(void **state)
{
	(void)state;
	struct machine *m = test_machine_new(MIXED);
	struct card g = gpu_with_mig(m, H100);
	uint32_t gi[3];
	for (uint32_t i = 0; i < 3; i++) {
		gi[i] = created(&g, "1g.10gb", i);
		compute_start(&g, gi[i], 0);
		assert_int_equal(ask(&g, ASK_MIG_DEVICE, i, 0).v[0], gi[i]);
	}
	assert_int_equal(code(&g, ASK_COMPUTE_DESTROY, gi[1], 0), NVML_SUCCESS);
	assert_int_equal(code(&g, ASK_MIG_DEVICE, 1, 0), NVML_ERROR_NOT_FOUND);
	assert_int_equal(ask(&g, ASK_MIG_DEVICE, 2, 0).v[0], gi[2]);
	assert_int_equal(code(&g, ASK_MIG_DEVICE, 7, 0), NVML_ERROR_INVALID_ARGUMENT);
	compute_start(&g, gi[1], 0);
	assert_int_equal(ask(&g, ASK_MIG_DEVICE, 1, 0).v[0], gi[1]);
	test_machine_free(m);
}

static void test_nvidia_sim_uuid_of_what_is_made_again_differs(void **state)
{
	(void)state;
	struct machine *m = test_machine_new(MIXED);
	struct card g = gpu_with_mig(m, H100);
	uint32_t gi = created(&g, "7g.80gb", 0);
	compute_start(&g, gi, 4);
	struct nvml_told before = ask(&g, ASK_MIG_UUID, gi, 0);
	assert_int_equal(strncmp(before.text, "MIG-", 4), 0);
	assert_int_equal(strlen(before.text), strlen("MIG-") + 36);
	assert_int_equal(code(&g, ASK_COMPUTE_DESTROY, gi, 0), NVML_SUCCESS);
	compute_start(&g, gi, 4);
	assert_string_not_equal(ask(&g, ASK_MIG_UUID, gi, 0).text, before.text);
	test_machine_free(m);
}

/* --- nodes -------------------------------------------------------------------------------------------- */

static struct node *access_of(const struct card *g, const char *below)
{
	char path[96];
	(void)STR_FORMAT(path, "driver/nvidia/capabilities/gpu%u/mig/%s", g->number, below);
	return node_walk(g->m->tree, g->m->proc, path);
}

/* Numbers by the order of nv-caps.c. */
static void test_nvidia_sim_nodes_come_and_go_with_their_instances(void **state)
{
	(void)state;
	struct machine *m = test_machine_new(MIXED);
	struct card g = gpu_with_mig(m, H100);
	uint32_t gi = created(&g, "3g.40gb", 4);
	compute_start(&g, gi, 2);
	char node[64];
	uint32_t minor = 3 + 135 * g.number + 9 * gi;
	struct node *access = access_of(&g, "gi2/access");
	assert_int_equal(gi, 2);
	assert_non_null(access);
	(void)STR_FORMAT(node, "DeviceFileMinor: %u\n", minor);
	assert_int_equal(strncmp(access->text, node, strlen(node)), 0);
	assert_non_null(access_of(&g, "gi2/ci0/access"));
	(void)STR_FORMAT(node, "nvidia-caps/nvidia-cap%u", minor + 1);
	assert_non_null(node_walk(m->tree, m->dev, node));
	assert_int_equal(test_machine_write_bus(m, "drivers/nvidia/unbind", H100), 0);
	assert_null(access_of(&g, "gi2"));
	assert_null(node_walk(m->tree, m->dev, node));
	test_machine_free(m);
}

static void test_nvidia_sim_minors_are_listed_for_all_instances(void **state)
{
	(void)state;
	struct machine *m = test_machine_new(MIXED);
	_cleanup_(str_buf_done) struct str_buf out = { 0 };
	struct node *n = node_walk(m->tree, m->proc, "driver/nvidia-caps/mig-minors");
	assert_int_equal(n->ops->show(n, &out), 0);
	assert_int_equal(strncmp(out.text, "config 1\nmonitor 2\ngpu0/gi0/access 3\n", 37), 0);
	assert_non_null(strstr(out.text, "\ngpu1/gi2/ci0/access 157\n"));
	/* The fabric's is behind the last. */
	assert_non_null(strstr(out.text, "\ngpu31/gi14/ci7/access 4322\n"));
	test_machine_free(m);
}

/* --- faults ------------------------------------------------------------------------------------------- */

static void test_nvidia_sim_fault_is_told_as_a_result(void **state)
{
	(void)state;
	static const struct {
		const char *effect;
		int code;
	} faults[] = {
		{ "error=EPROTO", NVML_ERROR_LIB_RM_VERSION_MISMATCH },
		{ "error=ENODEV", NVML_ERROR_DRIVER_NOT_LOADED },
		{ "error=ENXIO", NVML_ERROR_GPU_IS_LOST },
		{ "error=EIO", NVML_ERROR_UNKNOWN },
		{ "answer=18", NVML_ERROR_LIB_RM_VERSION_MISMATCH },
	};
	struct machine *m = test_machine_new(MIXED);
	for (size_t i = 0; i < sizeof(faults) / sizeof(*faults); i++) {
		test_machine_fault(m, "nvml/init", "read", "1", faults[i].effect);
		assert_int_equal(ask_text(m, ASK_INIT, 0, 0, 0, "").code, faults[i].code);
		assert_int_equal(ask_text(m, ASK_INIT, 0, 0, 0, "").code, NVML_SUCCESS);
	}
	test_machine_free(m);
}

static void test_nvidia_sim_fault_of_compute_instance_leaves_gpu_instance(void **state)
{
	(void)state;
	struct machine *m = test_machine_new(MIXED);
	struct card g = gpu_with_mig(m, H100);
	test_machine_fault(m, "nvml/" H100 "/compute-create", "write", "1", "error=ENOSPC");
	uint32_t gi = created(&g, "1g.10gb", 0);
	assert_int_equal(code(&g, ASK_COMPUTE_CREATE, gi, 0), NVML_ERROR_INSUFFICIENT_RESOURCES);
	assert_int_equal(code(&g, ASK_INSTANCE, gi, 0), NVML_SUCCESS);
	assert_int_equal(code(&g, ASK_MIG_DEVICE, 0, 0), NVML_ERROR_NOT_FOUND);
	test_machine_free(m);
}

static void test_nvidia_sim_without_driver_nothing_is_seen(void **state)
{
	(void)state;
	struct machine *m = test_machine_new(MIXED);
	struct card g = gpu_of(m, H100);
	assert_int_equal(ask_text(m, ASK_COUNT, 0, 0, 0, "").v[0], 6);
	assert_int_equal(test_machine_write_bus(m, "drivers/nvidia/unbind", H100), 0);
	assert_int_equal(ask_text(m, ASK_COUNT, 0, 0, 0, "").v[0], 5);
	assert_int_equal(code(&g, ASK_NAME, 0, 0), NVML_ERROR_GPU_IS_LOST);
	assert_int_equal(ask_text(m, ASK_BY_ADDRESS, 0, 0, 0, H100).code, NVML_ERROR_NOT_FOUND);
	test_machine_free(m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nvidia_sim_profiles_are_those_of_the_tables),
		cmocka_unit_test(test_nvidia_sim_profile_ids_are_not_indices),
		cmocka_unit_test(test_nvidia_sim_mode_of_ampere_waits_for_a_reset_when_in_use),
		cmocka_unit_test(test_nvidia_sim_mode_of_hopper_is_set_at_once_though_in_use),
		cmocka_unit_test(test_nvidia_sim_mode_is_kept_by_ampere_only),
		cmocka_unit_test(test_nvidia_sim_mode_over_a_reboot_is_kept_by_ampere_only),
		cmocka_unit_test(test_nvidia_sim_mode_off_with_instances_refused),
		cmocka_unit_test(test_nvidia_sim_mode_of_card_without_mig_not_supported),
		cmocka_unit_test(test_nvidia_sim_remaining_after_half_is_three_eighths),
		cmocka_unit_test(test_nvidia_sim_create_small_ones_first_insufficient_resources),
		cmocka_unit_test(test_nvidia_sim_create_where_none_may_begin_invalid),
		cmocka_unit_test(test_nvidia_sim_create_second_with_media_extensions_refused),
		cmocka_unit_test(test_nvidia_sim_destroy_with_compute_instance_or_user_in_use),
		cmocka_unit_test(test_nvidia_sim_compute_create_takes_slices_side_by_side),
		cmocka_unit_test(test_nvidia_sim_device_index_of_what_goes_is_a_gap),
		cmocka_unit_test(test_nvidia_sim_uuid_of_what_is_made_again_differs),
		cmocka_unit_test(test_nvidia_sim_nodes_come_and_go_with_their_instances),
		cmocka_unit_test(test_nvidia_sim_minors_are_listed_for_all_instances),
		cmocka_unit_test(test_nvidia_sim_fault_is_told_as_a_result),
		cmocka_unit_test(test_nvidia_sim_fault_of_compute_instance_leaves_gpu_instance),
		cmocka_unit_test(test_nvidia_sim_without_driver_nothing_is_seen),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
