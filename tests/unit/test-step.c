/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Words of steps and slices: every verb has a name, a sentence, and a way back. */
#include "support/test.h"

#include <errno.h>
#include <string.h>

#include "base/str.h"
#include "model/slice.h"

static void test_verb_name_is_unique_and_found_again(void **state)
{
	(void)state;
	for (int v = 0; v < VERB_COUNT; v++) {
		assert_non_null(verb_name((enum verb)v));
		assert_int_equal(verb_from_name(verb_name((enum verb)v)), v);
	}
	assert_string_equal(verb_name(VERB_COUNT), "unknown");
	assert_int_equal(verb_from_name("unknown"), -EINVAL);
	assert_int_equal(verb_from_name(""), -EINVAL);
}

static void test_verb_changes_looking_does_not(void **state)
{
	(void)state;
	for (int v = 0; v < VERB_COUNT; v++)
		assert_int_equal(verb_changes((enum verb)v), v >= VERB_BIND);
	assert_false(verb_changes(VERB_COUNT));
}

static void test_names_of_states_are_there_and_end(void **state)
{
	(void)state;
	for (int i = 0; i <= SLICE_REMOVING; i++)
		assert_string_not_equal(slice_state_name((enum slice_state)i), "unknown");
	for (int i = 0; i <= CLAIM_BROKEN; i++)
		assert_string_not_equal(claim_state_name((enum claim_state)i), "unknown");
	for (int i = 0; i <= STEP_UNKNOWN; i++)
		assert_non_null(step_status_name((enum step_status)i));
	for (int i = 0; i <= HOLDER_MDEV; i++)
		assert_string_not_equal(holder_kind_name((enum holder_kind)i), "unknown");
	assert_string_equal(slice_state_name((enum slice_state)99), "unknown");
	assert_string_equal(claim_state_name((enum claim_state)99), "unknown");
	assert_string_equal(step_status_name((enum step_status)99), "unknown");
	assert_string_equal(holder_kind_name((enum holder_kind)99), "unknown");
}

static struct step step_of(enum verb v, int vf)
{
	struct step s = { .verb = v, .target.vf = vf };
	assert_int_equal(STR_COPY(s.target.device, "pci:0000:00/03.0/00.0"), 0);
	return s;
}

static void assert_described(const struct step *s, const struct have *h, const char *expected)
{
	char text[256];
	assert_int_equal(step_describe(s, h, text, sizeof(text)), 0);
	assert_string_equal(text, expected);
}

static void test_step_describe_address_where_it_is_known(void **state)
{
	(void)state;
	struct have h = { 0 };
	struct function *f = have_add_function(&h);
	assert_non_null(f);
	assert_int_equal(STR_COPY(f->addr, "0000:3b:00.0"), 0);
	assert_int_equal(STR_COPY(f->key, "pci:0000:00/03.0/00.0"), 0);
	struct step s = step_of(VERB_BIND, 3);
	assert_int_equal(STR_COPY(s.text, "vfio-pci"), 0);
	assert_described(&s, &h, "bind VF 3 of 0000:3b:00.0 to vfio-pci");
	assert_described(&s, NULL, "bind VF 3 of pci:0000:00/03.0/00.0 to vfio-pci");
	have_done(&h);
}

static void test_step_describe_words_of_each_kind(void **state)
{
	(void)state;
	struct step s = step_of(VERB_SET_VFS, -1);
	s.number = 4;
	assert_described(&s, NULL, "set the VF count of pci:0000:00/03.0/00.0 to 4");
	s = step_of(VERB_UNBIND, -1);
	assert_described(&s, NULL, "give pci:0000:00/03.0/00.0 back to the kernel's choice");
	assert_int_equal(STR_COPY(s.text, "-"), 0);
	assert_described(&s, NULL, "give pci:0000:00/03.0/00.0 back to no driver");
	s = step_of(VERB_SET_VF, 0);
	s.vf = (struct vf_settings){ .set = VF_SET_MAC | VF_SET_VLAN | VF_SET_TRUST,
				     .mac = { 0x52, 0x54, 0, 0xaa, 0, 1 },
				     .vlan = 120 };
	assert_described(&s, NULL,
			 "set MAC 52:54:00:aa:00:01, VLAN 120, trust off of VF 0 of "
			 "pci:0000:00/03.0/00.0");
	s = step_of(VERB_MDEV_CREATE, -1);
	assert_int_equal(STR_COPY(s.text, "mtty-2"), 0);
	assert_int_equal(STR_COPY(s.target.uuid, "c9abdcb5-5279-413a-9057-c81d2605ce9c"), 0);
	assert_described(&s, NULL,
			 "create mtty-2 mdev c9abdcb5-5279-413a-9057-c81d2605ce9c on "
			 "pci:0000:00/03.0/00.0");
}

static void test_step_describe_every_verb_and_too_little_room(void **state)
{
	(void)state;
	char text[256], tiny[4];
	for (uint32_t v = 0; v <= VERB_COUNT; v++) {
		struct step s = step_of((enum verb)v, -1);
		assert_int_equal(step_describe(&s, NULL, text, sizeof(text)), 0);
		assert_null(strchr(text, '%'));
		assert_int_equal(step_describe(&s, NULL, tiny, sizeof(tiny)), -ENAMETOOLONG);
	}
}

static void test_target_eq_all_parts_count(void **state)
{
	(void)state;
	struct target a = { .device = "pci:0000:00/03.0", .vf = 1 }, b = a;
	assert_true(target_eq(&a, &b));
	b.vf = 2;
	assert_false(target_eq(&a, &b));
	b = a;
	b.uuid[0] = 'c';
	assert_false(target_eq(&a, &b));
	b = a;
	b.device[5] = 'x';
	assert_false(target_eq(&a, &b));
}

static void test_slice_name_by_kind(void **state)
{
	(void)state;
	struct slice s = { .mech = "sriov", .device = "pci:0000:00/03.0", .index = 3 };
	char name[256], tiny[8];
	assert_int_equal(slice_name(&s, name, sizeof(name)), 0);
	assert_string_equal(name, "sriov/pci:0000:00/03.0/vf3");
	assert_int_equal(slice_target(&s).vf, 3);
	s = (struct slice){ .mech = "passthrough", .device = "pci:0000:00/03.0", .index = -1 };
	assert_int_equal(slice_name(&s, name, sizeof(name)), 0);
	assert_string_equal(name, "passthrough/pci:0000:00/03.0");
	s = (struct slice){ .mech = "mdev", .device = "sys:virtual/mtty/mtty", .index = -1 };
	assert_int_equal(STR_COPY(s.uuid, "c9abdcb5-5279-413a-9057-c81d2605ce9c"), 0);
	assert_int_equal(slice_name(&s, name, sizeof(name)), 0);
	assert_string_equal(name,
			    "mdev/sys:virtual/mtty/mtty/c9abdcb5-5279-413a-9057-c81d2605ce9c");
	assert_string_equal(slice_target(&s).uuid, s.uuid);
	assert_int_equal(slice_name(&s, tiny, sizeof(tiny)), -ENAMETOOLONG);
}

static void test_plan_add_key_too_long_adds_nothing(void **state)
{
	(void)state;
	struct plan p = { 0 };
	char key[DEVICE_KEY_SIZE + 1];
	memset(key, 'k', DEVICE_KEY_SIZE);
	key[DEVICE_KEY_SIZE] = '\0';
	assert_null(plan_add(&p, VERB_BIND, key, -1));
	assert_int_equal(p.n, 0);
	const struct step *s = plan_add(&p, VERB_BIND, "pci:0000:00/03.0", 2);
	assert_non_null(s);
	assert_int_equal(s->target.vf, 2);
	assert_int_equal(p.n, 1);
	plan_done(&p);
	assert_null(p.steps);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_verb_name_is_unique_and_found_again),
		cmocka_unit_test(test_verb_changes_looking_does_not),
		cmocka_unit_test(test_names_of_states_are_there_and_end),
		cmocka_unit_test(test_step_describe_address_where_it_is_known),
		cmocka_unit_test(test_step_describe_words_of_each_kind),
		cmocka_unit_test(test_step_describe_every_verb_and_too_little_room),
		cmocka_unit_test(test_target_eq_all_parts_count),
		cmocka_unit_test(test_slice_name_by_kind),
		cmocka_unit_test(test_plan_add_key_too_long_adds_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
