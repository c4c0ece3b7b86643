/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What another kernel or driver would break: each finding on a host that has it, and a host without any. */
#include "support/test.h"

#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/str.h"
#include "daemon/daemon.h"
#include "daemon/preflight.h"
#include "host/release.h"
#include "support/picture.h"

#define GPU "0000:3b:00.0"
#define KEY "pci:" GPU
#define UUID "11111111-2222-3333-4444-555555555555"

struct host {
	struct have have;
	struct record record;
	struct release release;
	struct policy *policy;
	struct preflight p;
	struct findings found;
};

/* A GPU with SR-IOV whose mediated devices are divided, one of them held; old kernel, old driver. */
static void host_init(struct host *host)
{
	*host = (struct host){
		.release = { .kernel = "5.14.0",
			     .installed = true,
			     .has = { true, true, true },
			     .driver = "535.1",
			     .library = "535.1" },
	};
	struct function *f = picture_function(&host->have, GPU, 0x030200, "nvidia", 7);
	f->vendor = 0x10de;
	f->caps.sriov = true;
	picture_type(&host->have, KEY, "nvidia-63", 2);
	picture_mdev(&host->have, KEY, "nvidia-63", UUID);
	struct want *w = ARRAY_ADD(host->record.wants, host->record.n_wants);
	struct slice *s = ARRAY_ADD(host->record.slices, host->record.n_slices);
	struct claim *c = ARRAY_ADD(host->record.claims, host->record.n_claims);
	assert_true(w && s && c);
	*w = picture_want("mdev", KEY, 0);
	*s = picture_slice("mdev", KEY, -1);
	*c = (struct claim){ .state = CLAIM_HELD, .slice = 7 };
	s->id = 7;
	w->n_types = 1;
	assert_int_equal(STR_COPY(w->types[0], "nvidia-63"), 0);
	assert_int_equal(STR_COPY(w->selection, "gpu"), 0);
	assert_int_equal(STR_COPY(s->uuid, UUID), 0);
	assert_int_equal(STR_COPY(s->claim, "desk"), 0);
	assert_int_equal(STR_COPY(c->name, "desk"), 0);
	host->p = (struct preflight){ .have = &host->have,
				      .record = &host->record,
				      .mechs = daemon_mechs,
				      .release = &host->release,
				      .kernel = "",
				      .driver = "" };
}

static void host_done(struct host *host)
{
	findings_done(&host->found);
	have_done(&host->have);
	policy_free(host->policy);
	free(host->record.wants);
	free(host->record.slices);
	free(host->record.claims);
}

static void host_policy(struct host *host, const char *text)
{
	host->policy = policy_parse(text, strlen(text), "p.yaml", NULL);
	assert_non_null(host->policy);
	host->p.policy = host->policy;
}

static void examine(struct host *host)
{
	findings_done(&host->found);
	assert_int_equal(preflight_examine(&host->p, &host->found), 0);
}

/* The only finding of that id: its level, and words in it. */
static void finds(const struct host *host, enum finding_level level, const char *id,
		  const char *subject, const char *text)
{
	for (size_t i = 0; i < host->found.n; i++) {
		const struct finding *f = &host->found.items[i];
		if (!str_eq(f->id, id))
			continue;
		assert_int_equal(f->level, level);
		assert_string_equal(f->subject, subject);
		if (!strstr(f->text, text))
			fail_msg("\"%s\" lacks \"%s\"", f->text, text);
		assert_true(f->remedy[0]);
		return;
	}
	fail_msg("%s is not found", id);
}

static void test_preflight_examine_nothing_changes_nothing_found(void **state)
{
	(void)state;
	struct host host;
	host_init(&host);
	examine(&host);
	assert_int_equal(host.found.n, 0);
	host.p.kernel = "5.14.0";
	host.p.driver = "535.1";
	examine(&host);
	assert_int_equal(host.found.n, 0);
	host_done(&host);
}

static void test_preflight_examine_kernel_and_modules_that_lack(void **state)
{
	(void)state;
	struct host host;
	host_init(&host);
	host.p.kernel = "5.15.0";
	host.release.has[RELEASE_VFIO_PCI] = host.release.has[RELEASE_MDEV] = false;
	examine(&host);
	/* Nothing is bound to vfio-pci here. */
	assert_int_equal(host.found.n, 2);
	finds(&host, FINDING_PROBLEM, "preflight.module", "5.15.0", "no module mdev");
	host.release.has[RELEASE_MDEV] = true;
	host.release.has[RELEASE_NVIDIA] = false;
	examine(&host);
	finds(&host, FINDING_PROBLEM, "preflight.module", "5.15.0", "no module nvidia");
	host.release.installed = false;
	examine(&host);
	finds(&host, FINDING_PROBLEM, "preflight.kernel", "5.15.0", "/lib/modules/5.15.0");
	host_done(&host);
}

static void test_preflight_examine_vgpus_that_need_mediated_devices(void **state)
{
	(void)state;
	struct host host;
	host_init(&host);
	assert_int_equal(STR_COPY(host.record.wants[0].mech, "vgpu"), 0);
	assert_int_equal(STR_COPY(host.record.slices[0].mech, "vgpu"), 0);
	host.p.kernel = "5.15.0";
	host.release.has[RELEASE_MDEV] = false;
	examine(&host);
	size_t without = host.found.n;
	struct vgpu_vf *itself = have_add_vgpu_vf(&host.have);
	assert_non_null(itself);
	itself->index = -1;
	itself->framework = VGPU_MDEV;
	assert_int_equal(STR_COPY(itself->key, KEY), 0);
	examine(&host);
	assert_int_equal(host.found.n, without + 1);
	finds(&host, FINDING_PROBLEM, "preflight.module", "5.15.0", "no module mdev");
	host_done(&host);
}

static void test_preflight_examine_library_of_another_version(void **state)
{
	(void)state;
	struct host host;
	host_init(&host);
	host.p.driver = "550.54.14";
	examine(&host);
	finds(&host, FINDING_WARNING, "preflight.library", "libnvidia-ml.so.1", "550.54.14");
	host.p.driver = "";
	assert_int_equal(STR_COPY(host.release.library, "550.54.14"), 0);
	examine(&host);
	finds(&host, FINDING_PROBLEM, "preflight.library", "libnvidia-ml.so.1", "is 535.1");
	host_done(&host);
}

static void test_preflight_examine_mdevs_that_would_be_vfs(void **state)
{
	(void)state;
	struct host host;
	host_init(&host);
	host.p.kernel = "6.8.0-31-generic";
	examine(&host);
	assert_int_equal(host.found.n, 1); /* what is held */
	host.p.driver = "550.54.14";
	examine(&host);
	finds(&host, FINDING_PROBLEM, "preflight.vfio", GPU, "1 mediated devices, 1 of them held");
	have_function(&host.have, GPU)->caps.sriov = false;
	examine(&host);
	assert_int_equal(host.found.n, 2);
	finds(&host, FINDING_WARNING, "preflight.library", "libnvidia-ml.so.1", "535.1");
	finds(&host, FINDING_WARNING, "preflight.held", "claims", "1 held");
	host_done(&host);
}

/* The table says VFs, the machine has mediated devices: the machine is right. */
/* Divided as vgpu it comes back, and is another thing to its guest. */
static void test_preflight_examine_vgpus_that_would_be_vfs(void **state)
{
	(void)state;
	struct host host;
	host_init(&host);
	(void)STR_COPY(host.record.slices[0].mech, "vgpu");
	host.p.kernel = "6.8.0";
	host.p.driver = "550.90.05";
	examine(&host);
	finds(&host, FINDING_WARNING, "preflight.handle", GPU, "1 of its vGPUs");
	for (size_t i = 0; i < host.found.n; i++)
		assert_string_not_equal(host.found.items[i].id, "preflight.vfio");
	host_done(&host);
}

static void test_preflight_examine_mdevs_that_the_table_would_not_have(void **state)
{
	(void)state;
	struct host host;
	host_init(&host);
	assert_int_equal(STR_COPY(host.release.kernel, "6.12.0"), 0);
	assert_int_equal(STR_COPY(host.release.driver, "570.1"), 0);
	assert_int_equal(STR_COPY(host.release.library, "570.1"), 0);
	host.p.kernel = "6.13.0";
	examine(&host);
	assert_int_equal(host.found.n, 1);
	finds(&host, FINDING_WARNING, "preflight.held", "claims", "desk");
	host_done(&host);
}

static void test_preflight_examine_held_by_what_needs_the_driver(void **state)
{
	(void)state;
	struct host host;
	host_init(&host);
	host.p.driver = "545.1";
	examine(&host);
	finds(&host, FINDING_WARNING, "preflight.held", "claims",
	      "1 held would be ended by it: desk");
	host.record.claims[0].state = CLAIM_PREPARING;
	examine(&host);
	assert_int_equal(host.found.n, 1);
	/* A whole GPU is with VFIO: NVIDIA's driver does not have it. */
	host.record.claims[0].state = CLAIM_HELD;
	assert_int_equal(STR_COPY(host.record.slices[0].mech, "passthrough"), 0);
	examine(&host);
	assert_int_equal(host.found.n, 1);
	host.p.driver = "";
	host.p.kernel = "5.15.0";
	examine(&host);
	assert_int_equal(host.found.n, 1);
	finds(&host, FINDING_WARNING, "preflight.held", "claims", "desk");
	host_done(&host);
}

#define POLICY(type, profile)                                                                      \
	"version: 1\ndevices: {gpu: {match: {address: \"" GPU "\"}}}\n"                            \
	"divide:\n  - {use: gpu, as: mdev, layout: {" type ": 1}}\n"                               \
	"classes:\n  desk: {from: gpu, profiles: [" profile "]}\n"

static void test_preflight_examine_types_by_number(void **state)
{
	(void)state;
	struct host host;
	host_init(&host);
	assert_int_equal(STR_COPY(host.have.types[0].name, "GRID A100-4C"), 0);
	host_policy(&host, POLICY("nvidia-63", "nvidia-63"));
	examine(&host);
	assert_int_equal(host.found.n, 2);
	finds(&host, FINDING_WARNING, "preflight.number", "gpu",
	      "divide in line 4 of the policy names nvidia-63 (GRID A100-4C)");
	host_done(&host);
}

static void test_preflight_examine_profiles_that_are_not_offered(void **state)
{
	(void)state;
	struct host host;
	host_init(&host);
	host_policy(&host, POLICY("mtty-1", "mtty-1"));
	assert_int_equal(STR_COPY(host.record.wants[0].types[0], "mtty-1"), 0);
	examine(&host);
	assert_int_equal(host.found.n, 2);
	finds(&host, FINDING_PROBLEM, "preflight.profile", GPU, "does not offer mtty-1");
	finds(&host, FINDING_PROBLEM, "preflight.class", "desk", "offers mtty-1");
	/* One that tells nothing at the moment may offer anything. */
	host.have.n_types = 0;
	examine(&host);
	assert_int_equal(host.found.n, 0);
	host_done(&host);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_preflight_examine_nothing_changes_nothing_found),
		cmocka_unit_test(test_preflight_examine_kernel_and_modules_that_lack),
		cmocka_unit_test(test_preflight_examine_vgpus_that_need_mediated_devices),
		cmocka_unit_test(test_preflight_examine_library_of_another_version),
		cmocka_unit_test(test_preflight_examine_mdevs_that_would_be_vfs),
		cmocka_unit_test(test_preflight_examine_vgpus_that_would_be_vfs),
		cmocka_unit_test(test_preflight_examine_mdevs_that_the_table_would_not_have),
		cmocka_unit_test(test_preflight_examine_held_by_what_needs_the_driver),
		cmocka_unit_test(test_preflight_examine_types_by_number),
		cmocka_unit_test(test_preflight_examine_profiles_that_are_not_offered),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
