/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Every shape that is sent fits the interface description; what comes in is checked. */
#include "support/test.h"

#include <errno.h>

#include "api/idl.h"
#include "api/interface.h"
#include "api/wire.h"
#include "base/cleanup.h"
#include "base/str.h"

static void assert_fits(const char *type, json_t *value_take)
{
	_cleanup_(idl_freep) struct idl *idl = idl_parse(interface_carve_text(), NULL);
	const struct idl_member *m = idl_find(idl, IDL_TYPE, type);
	const char *where = NULL;
	assert_non_null(m);
	assert_non_null(value_take);
	if (!idl_check(idl, &m->in, value_take, &where))
		fail_msg("%s: member %s", type, where);
	json_decref(value_take);
}

static const char *member(const json_t *o, const char *name)
{
	const char *text = json_string_value(json_object_get(o, name));
	return text ? text : "(none)";
}

/* A PF with one VF, a parent of mdevs with one mdev. */
static void picture_init(struct have *h)
{
	*h = (struct have){ 0 };
	struct function *f = have_add_function(h);
	STR_COPY(f->addr, "0000:03:00.0");
	STR_COPY(f->key, "pci:0000:00/03.0/00.0");
	STR_COPY(f->driver, "igb");
	f->class = 0x020000;
	f->vendor = 0x8086;
	f->device = 0x10c9;
	f->iommu_group = 3;
	f->numa_node = 0;
	f->vf_index = -1;
	f->caps = (struct pci_caps){
		.known = true, .sriov = true, .sriov_total = 7, .has_serial = true
	};
	f = have_add_function(h);
	STR_COPY(f->addr, "0000:03:10.0");
	STR_COPY(f->key, "pci:0000:00/03.0/10.0");
	STR_COPY(f->pf, "0000:03:00.0");
	STR_COPY(f->driver, "vfio-pci");
	f->is_vf = true;
	f->vf_index = 0;
	f->iommu_group = 15;
	f->numa_node = -1;
	have_sort(h);
	struct mdev_parent *p = have_add_parent(h);
	STR_COPY(p->key, "sys:virtual/mtty/mtty");
	STR_COPY(p->name, "mtty");
	struct mdev_type *t = have_add_type(h);
	STR_COPY(t->parent, "sys:virtual/mtty/mtty");
	STR_COPY(t->id, "mtty-2");
	struct mdev *m = have_add_mdev(h);
	STR_COPY(m->uuid, "11111111-2222-4333-8444-555555555555");
	STR_COPY(m->parent, "sys:virtual/mtty/mtty");
	STR_COPY(m->type, "mtty-2");
	m->iommu_group = 20;
	struct vf_info *v = have_add_vf_info(h);
	STR_COPY(v->pf, "pci:0000:00/03.0/00.0");
	v->settings = (struct vf_settings){ .set = VF_SET_MAC | VF_SET_VLAN,
					    .mac = { 0x52, 0x54, 0, 0, 0, 1 },
					    .vlan = 7 };
}

static struct slice slice_vf(void)
{
	struct slice s = { .id = 1, .state = SLICE_HELD };
	STR_COPY(s.device, "pci:0000:00/03.0/00.0");
	STR_COPY(s.mech, "sriov");
	STR_COPY(s.profile, "vf");
	STR_COPY(s.claim, "lan-1");
	return s;
}

static struct slice slice_mdev(void)
{
	struct slice s = { .id = 2, .state = SLICE_HELD, .index = -1 };
	STR_COPY(s.device, "sys:virtual/mtty/mtty");
	STR_COPY(s.mech, "mdev");
	STR_COPY(s.profile, "mtty-2");
	STR_COPY(s.uuid, "11111111-2222-4333-8444-555555555555");
	return s;
}

static struct claim claim_lan(void)
{
	struct claim c = { .slice = 1, .kind = CLAIM_RESERVED, .state = CLAIM_HELD, .uid = 1000 };
	STR_COPY(c.name, "lan-1");
	STR_COPY(c.class, "lan");
	STR_COPY(c.owner, "libvirt:web01");
	c.set = (struct vf_settings){ .set = VF_SET_TRUST | VF_SET_SPOOFCHK | VF_SET_LINK |
					     VF_SET_RATE,
				      .trust = 1,
				      .link = VF_LINK_ENABLE,
				      .max_rate = 100 };
	return c;
}

static void test_wire_every_shape_fits_the_interface(void **state)
{
	struct have h;
	(void)state;
	picture_init(&h);
	const struct wire_device x = { .name = "Intel 82576",
				       .reset = "flr bus",
				       .candidates = "igb vfio-pci",
				       .mechanisms = "passthrough sriov",
				       .capabilities = "pcie sriov",
				       .link = "8 GT/s x4",
				       .enrolled = true };
	const struct slice vf = slice_vf(), mdev = slice_mdev();
	const struct claim c = claim_lan();
	const struct holder holder = {
		.kind = HOLDER_FD, .pid = 4121, .comm = "qemu", .what = "x"
	};
	const struct step step = { .verb = VERB_SET_VFS, .number = 4, .target.vf = -1 };
	bool there;

	for (size_t i = 0; i < h.n_functions; i++)
		assert_fits("Device", wire_function(&h, &h.functions[i], &x));
	assert_fits("Device", wire_parent(&h, &h.parents[0], &x));
	assert_fits("Slice", wire_slice(&vf, &h));
	assert_fits("Slice", wire_slice(&mdev, &h));
	assert_fits("Slice", wire_foreign_vf(have_function(&h, "0000:03:10.0"), &h));
	assert_fits("Slice", wire_foreign_mdev(&h.mdevs[0], &h));
	assert_fits("Slice", wire_possible("sys:virtual/mtty/mtty", "mdev", "mtty-2", 11));
	assert_fits("ClaimRecord", wire_claim(&c, &vf, &h));
	assert_fits("ClaimRecord", wire_claim(&c, NULL, &h));
	assert_fits("Handle", wire_handle(&c, &vf, &h, "vfio0", &there));
	assert_fits("Handle", wire_handle(&c, &mdev, &h, NULL, &there));
	assert_fits("Holder", wire_holder(&holder));
	assert_fits("Step", wire_step(&step, &h));
	have_done(&h);
}

static void gpu_add(struct have *h, uint32_t seen)
{
	struct gpu *g = have_add_gpu(h);
	struct gpu_profile *profile = have_add_gpu_profile(h);
	struct gpu_part *p = have_add_gpu_part(h), *bare = have_add_gpu_part(h);
	assert_true(g && profile && p && bare);
	p = &h->gpu_parts[0];
	STR_COPY(g->key, h->functions[0].key);
	STR_COPY(profile->key, g->key);
	STR_COPY(p->key, g->key);
	STR_COPY(bare->key, g->key);
	STR_COPY(g->name, "NVIDIA A100");
	STR_COPY(g->why, "the GPU has fallen off the bus");
	STR_COPY(profile->name, "3g.20gb");
	STR_COPY(p->uuid, "MIG-1");
	g->seen = seen;
	g->mig_capable = g->mig = 1;
	profile->id = p->profile = 9;
	bare->profile = 77;
	p->start = 4;
}

static void test_wire_gpu_tells_what_the_library_says(void **state)
{
	struct have h;
	(void)state;
	picture_init(&h);
	assert_null(wire_gpu(&h, h.functions[0].key));
	gpu_add(&h, GPU_SEEN);
	assert_fits("Gpu", wire_gpu(&h, h.functions[0].key));
	json_t *o = wire_gpu(&h, h.functions[0].key);
	const json_t *instances = json_object_get(o, "instances");
	assert_string_equal(member(o, "name"), "NVIDIA A100");
	assert_string_equal(member(o, "why"), "(none)");
	assert_string_equal(member(o, "mig"), "on");
	assert_string_equal(member(o, "mig_pending"), "off");
	assert_int_equal(json_array_size(instances), 2);
	assert_string_equal(member(json_array_get(instances, 0), "profile"), "3g.20gb");
	assert_string_equal(member(json_array_get(instances, 0), "uuid"), "MIG-1");
	assert_string_equal(member(json_array_get(instances, 1), "profile"), "(none)");
	json_decref(o);
	have_done(&h);
}

static void test_wire_gpu_unseen_tells_why_and_no_more(void **state)
{
	struct have h;
	(void)state;
	picture_init(&h);
	gpu_add(&h, GPU_UNSEEN);
	assert_fits("Gpu", wire_gpu(&h, h.functions[0].key));
	json_t *o = wire_gpu(&h, h.functions[0].key);
	assert_int_equal(json_object_size(o), 2);
	assert_string_equal(member(o, "why"), "the GPU has fallen off the bus");
	json_decref(o);
	have_done(&h);
}

static void test_wire_handle_vf_says_how_to_use_it(void **state)
{
	struct have h;
	bool there;
	(void)state;
	picture_init(&h);
	const struct slice s = slice_vf();
	const struct claim c = claim_lan();
	json_t *o = wire_handle(&c, &s, &h, "vfio0", &there);
	assert_true(there);
	assert_string_equal(member(o, "address"), "0000:03:10.0");
	assert_string_equal(member(o, "sysfs"), "/sys/bus/pci/devices/0000:03:10.0");
	assert_string_equal(member(o, "vfio_node"), "/dev/vfio/15");
	assert_string_equal(member(o, "vfio_cdev"), "/dev/vfio/devices/vfio0");
	assert_string_equal(member(o, "mac"), "52:54:00:00:00:01");
	json_decref(o);
	have_done(&h);
}

static void test_wire_handle_slice_gone_is_not_there(void **state)
{
	struct have h = { 0 };
	bool there = true;
	(void)state;
	const struct slice vf = slice_vf(), mdev = slice_mdev();
	const struct claim c = claim_lan();
	assert_null(wire_handle(&c, &vf, &h, NULL, &there));
	assert_false(there);
	assert_null(wire_handle(&c, &mdev, &h, NULL, &there));
	assert_false(there);
}

static int parse(const char *text, struct vf_settings *ret, struct err *reterr)
{
	json_t *json = json_loads(text, 0, NULL);
	assert_non_null(json);
	int r = wire_settings_parse(json, ret, reterr);
	json_decref(json);
	return r;
}

static void test_wire_settings_parse_reads_back_what_was_printed(void **state)
{
	static const char text[] =
		"{\"mac\": \"52:54:00:aa:00:01\", \"vlan\": 120, \"qos\": 3, \"spoof_check\": false, "
		"\"trust\": true, \"link\": \"disable\", \"min_rate\": 1, \"max_rate\": 100}";
	struct vf_settings s;
	(void)state;
	assert_int_equal(parse(text, &s, NULL), 0);
	assert_int_equal(s.set, VF_SET_MAC | VF_SET_VLAN | VF_SET_SPOOFCHK | VF_SET_TRUST |
					VF_SET_LINK | VF_SET_RATE);
	json_t *o = wire_settings(&s);
	_cleanup_free_ char *back = json_dumps(o, 0);
	assert_string_equal(back, text);
	json_decref(o);
}

static void test_wire_settings_parse_wrong_is_named(void **state)
{
	static const struct {
		const char *text, *name;
	} bad[] = {
		{ "{\"mac\": \"52:54:00:aa:00\"}", "mac" },
		{ "{\"mac\": \"01:54:00:aa:00:01\"}", "mac" }, /* multicast */
		{ "{\"mac\": \"00:00:00:00:00:00\"}", "mac" },
		{ "{\"mac\": \"52:54:00:aa:00:0g\"}", "mac" },
		{ "{\"vlan\": 4095}", "vlan" },
		{ "{\"vlan\": -1}", "vlan" },
		{ "{\"qos\": 1}", "qos" },
		{ "{\"vlan\": 1, \"qos\": 8}", "qos" },
		{ "{\"link\": \"up\"}", "link" },
		{ "{\"trust\": 1}", "trust" },
		{ "{\"min_rate\": 2, \"max_rate\": 1}", "min_rate" },
		{ "{\"max_rate\": 4294967296}", "max_rate" },
	};
	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		_cleanup_err_ struct err e = { 0 };
		struct vf_settings s;
		assert_int_equal(parse(bad[i].text, &s, &e), -EINVAL);
		assert_string_equal(e.id, "api.settings");
		assert_non_null(str_after(e.because, bad[i].name));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_wire_every_shape_fits_the_interface),
		cmocka_unit_test(test_wire_gpu_tells_what_the_library_says),
		cmocka_unit_test(test_wire_gpu_unseen_tells_why_and_no_more),
		cmocka_unit_test(test_wire_handle_vf_says_how_to_use_it),
		cmocka_unit_test(test_wire_handle_slice_gone_is_not_there),
		cmocka_unit_test(test_wire_settings_parse_reads_back_what_was_printed),
		cmocka_unit_test(test_wire_settings_parse_wrong_is_named),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
