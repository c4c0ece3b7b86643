/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Verbs over made-up trees. Files there take what is written and nothing happens after, as with a
 * kernel that says yes and does nothing: what must come of that is a failure that is read back (F21).
 * The lab shows the same verbs on a kernel that obeys.
 */
#include "support/test.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "mdev/verbs.h"
#include "sriov/sriov.h"
#include "sriov/verbs.h"
#include "support/picture.h"
#include "support/tree.h"
#include "sys/sysfs.h"
#include "vfio/verbs.h"
#include "vfio/vfio.h"

#define PF_PATH "pci0000:00/0000:00:03.0/0000:01:00.0"
#define PF "0000:01:00.0"
#define VF_PATH "pci0000:00/0000:00:03.0/0000:01:10.0"
#define PARENT "virtual/mtty/mtty"
#define UUID_A "8f0c1c36-0000-4000-8000-00000000000a"

struct fixture {
	struct tree sys, dev;
	int proc;
	struct verb_context c;
	uint8_t data[32768];
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	assert_non_null(f);
	tree_init(&f->sys);
	tree_init(&f->dev);
	f->proc = sysfs_open("/proc");
	assert_true(f->proc >= 0);
	f->c = (struct verb_context){ .sysfs = f->sys.fd,
				      .dev = f->dev.fd,
				      .proc = f->proc,
				      .data = f->data,
				      .size = sizeof(f->data) };
	assert_int_equal(STR_COPY(f->c.addr, PF), 0);
	assert_int_equal(STR_COPY(f->c.path, PF_PATH), 0);
	assert_int_equal(STR_COPY(f->c.device_addr, PF), 0);
	assert_int_equal(STR_COPY(f->c.device_path, PF_PATH), 0);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	close(f->proc);
	tree_done(&f->sys);
	tree_done(&f->dev);
	free(f);
	return 0;
}

static struct step_result run(const struct fixture *f, const struct verb_entry *table, size_t n,
			      const struct step *s)
{
	struct step_result r = { .status = STEP_UNKNOWN };
	for (size_t i = 0; i < n; i++)
		if (table[i].verb == (enum verb)s->verb) {
			table[i].run(&f->c, s, &r);
			return r;
		}
	fail_msg("no such verb");
	return r;
}

static struct step_result run_vfio(const struct fixture *f, enum verb v, const char *text)
{
	struct step s = { .verb = v, .target.vf = -1 };
	assert_int_equal(STR_COPY(s.text, text), 0);
	return run(f, vfio_verbs, vfio_verbs_n, &s);
}

static void assert_file(const struct fixture *f, const char *path, const char *text)
{
	char now[128];
	assert_true(sysfs_read(f->sys.fd, path, now, sizeof(now)) >= 0);
	/* Written over a longer text, only the beginning counts. */
	assert_int_equal(strncmp(now, text, strlen(text)), 0);
}

static void function_add(const struct fixture *f, const char *driver)
{
	const struct tree_function t = { .path = PF_PATH,
					 .vendor = 0x8086,
					 .device = 0x10c9,
					 .class = 0x020000,
					 .driver = driver,
					 .group = 15,
					 .numa = -1 };
	tree_function(&f->sys, &t);
	tree_file(&f->sys, "devices/" PF_PATH "/driver_override", "(null)\n");
	tree_file(&f->sys, "devices/" PF_PATH "/d3cold_allowed", "1\n");
	tree_file(&f->sys, "bus/pci/drivers_probe", "");
	tree_file(&f->sys, "bus/pci/drivers/vfio-pci/unbind", "");
	tree_file(&f->sys, "bus/pci/drivers/igb/unbind", "");
}

/* What the command would print of a result, as one text. */
static char *words(const struct step *s, const struct step_result *r, const char *id)
{
	struct have h = { 0 };
	_cleanup_err_ struct err e = { 0 };
	char *text = NULL;
	size_t size;
	picture_function(&h, PF, 0x020000, "vfio-pci", 15);
	vfio_diagnose(&h, s, r, NULL, 0, &e);
	assert_non_null(e.id);
	assert_string_equal(e.id, id);
	/* Where the mechanism cannot know, the engine tells what state is left. */
	assert_true(e.what && e.because && e.todo);
	FILE *f = open_memstream(&text, &size);
	assert_non_null(f);
	err_print(f, &e);
	assert_int_equal(fclose(f), 0);
	have_done(&h);
	return text;
}

/* Runs it, and looks whether what people are told of the failure has all of these words. */
static void fails_with_words(const struct fixture *f, const struct step *like, const char *id, ...)
{
	struct step s = *like;
	va_list ap;
	assert_int_equal(STR_COPY(s.target.device, "pci:" PF), 0);
	s.target.vf = -1;
	struct step_result r = run(f, vfio_verbs, vfio_verbs_n, &s);
	assert_int_equal(r.status, STEP_FAILED);
	_cleanup_free_ char *text = words(&s, &r, id);
	va_start(ap, id);
	for (const char *word; (word = va_arg(ap, const char *));)
		if (!strstr(text, word))
			fail_msg("\"%s\" is missing in: %s", word, text);
	va_end(ap);
}

static void test_bind_without_vfio_is_told(void **state)
{
	struct fixture *f = *state;
	function_add(f, "igb");
	tree_remove(&f->sys, "bus/pci/drivers/vfio-pci");
	struct step s = { .verb = VERB_BIND, .text = "vfio" };
	fails_with_words(f, &s, "vfio.driver.missing", "cannot bind " PF " to vfio",
			 "no driver vfio-pci", "nothing was changed", "modprobe vfio-pci", NULL);
}

static void test_unbind_that_nobody_takes_is_told(void **state)
{
	struct fixture *f = *state;
	function_add(f, "vfio-pci");
	struct step s = { .verb = VERB_UNBIND, .text = "igb" };
	fails_with_words(f, &s, "vfio.unbind.failed", "cannot give " PF " back to igb",
			 "it has vfio-pci now", "carve reclaim --retry", NULL);
}

static void test_reset_failures_are_told_apart(void **state)
{
	struct fixture *f = *state;
	struct step s = { .verb = VERB_RESET };
	function_add(f, "vfio-pci");
	fails_with_words(f, &s, "vfio.reset.none", "cannot reset " PF, "reset: No such file",
			 "carve quarantine clear", NULL);
	tree_file(&f->sys, "devices/" PF_PATH "/reset", "");
	fails_with_words(f, &s, "vfio.reset.failed", "cannot reset " PF,
			 "config: ", "could not be read back", "kernel log", NULL);
}

static void test_grant_failures_are_told_apart(void **state)
{
	struct fixture *f = *state;
	struct step s = { .verb = VERB_GRANT, .number = getuid(), .number2 = getgid() };
	function_add(f, "vfio-pci");
	fails_with_words(f, &s, "vfio.grant.no-node", "cannot give the VFIO node of " PF,
			 "/dev/vfio: No such file", "nothing was changed", "devtmpfs", NULL);
	tree_file(&f->dev, "vfio/15", "");
	tree_file(&f->sys, "class/vfio/15/dev", "242:3\n");
	fails_with_words(f, &s, "vfio.grant.failed", "cannot give the VFIO node of " PF,
			 "/dev/vfio: No such device or address", NULL);
	tree_remove(&f->sys, "devices/" PF_PATH "/iommu_group");
	fails_with_words(f, &s, "vfio.group.none", "cannot give the VFIO node of " PF,
			 "iommu_group: ", "nothing was changed", "carve doctor", NULL);
}

static void test_pin_power_unreadable_is_told(void **state)
{
	struct fixture *f = *state;
	struct step s = { .verb = VERB_PIN_POWER };
	function_add(f, "vfio-pci");
	tree_file(&f->sys, "devices/" PF_PATH "/d3cold_allowed", "maybe\n");
	fails_with_words(f, &s, "vfio.failed", "cannot set d3cold_allowed of " PF " to 0",
			 "d3cold_allowed: ", NULL);
}

/* The former driver did not come back either: said on, with the one that there is. */
static void test_bind_not_restored_is_told(void **state)
{
	(void)state;
	struct step s = { .verb = VERB_BIND, .target.vf = -1, .text = "vfio" };
	struct step_result r = { .status = STEP_FAILED,
				 .error = ENODEV,
				 .where = "drivers_probe",
				 .reason = "not-restored",
				 .detail = "it should have gone back to igb and has no driver" };
	assert_int_equal(STR_COPY(s.target.device, "pci:" PF), 0);
	_cleanup_free_ char *text = words(&s, &r, "vfio.bind.lost");
	assert_non_null(strstr(text, "cannot bind " PF " to vfio"));
	assert_non_null(strstr(text, "gone back to igb and has no driver"));
	assert_non_null(strstr(text, "the function has no driver now"));
	assert_non_null(strstr(text, "carve reclaim --retry"));
}

/* F02: drivers_probe said yes, the link says no; F01: what was bound before is bound again. */
static void test_f02_bind_unverified_is_failed_and_undone(void **state)
{
	struct fixture *f = *state;
	function_add(f, "igb");
	struct step_result r = run_vfio(f, VERB_BIND, "vfio");

	assert_int_equal(r.status, STEP_FAILED);
	assert_string_equal(r.where, "drivers_probe");
	assert_string_equal(r.reason, "not-bound");
	assert_string_equal(r.before, "igb");
	assert_string_equal(r.text, "igb");
	assert_file(f, "bus/pci/drivers/igb/unbind", PF);
	assert_file(f, "bus/pci/drivers_probe", PF);
	assert_file(f, "devices/" PF_PATH "/driver_override", "\n");
	assert_file(f, "devices/" PF_PATH "/d3cold_allowed", "1");
	assert_false(sysfs_exists(f->sys.fd, "bus/pci/drivers/vfio-pci/new_id"));
}

/* F11: a function that is bound already is pinned all the same. */
static void test_f11_bind_pins_d3cold(void **state)
{
	struct fixture *f = *state;
	function_add(f, "vfio-pci");
	struct step_result r = run_vfio(f, VERB_BIND, "vfio");
	assert_int_equal(r.status, STEP_DONE);
	assert_file(f, "devices/" PF_PATH "/d3cold_allowed", "0");
	assert_file(f, "bus/pci/drivers_probe", "");
	assert_int_equal(run_vfio(f, VERB_BIND, "vfio").status, STEP_NOTHING);
	assert_int_equal(run_vfio(f, VERB_BIND, "vfio-pci").status, STEP_NOTHING);
}

static void test_bind_refusals_write_nothing(void **state)
{
	struct fixture *f = *state;
	function_add(f, "igb");
	assert_string_equal(run_vfio(f, VERB_BIND, "igbvf").reason, "not-vfio");
	tree_link(&f->sys, "devices/" PF_PATH "/virtfn0", "../0000:01:10.0");
	assert_string_equal(run_vfio(f, VERB_BIND, "vfio").reason, "has-vfs");
	tree_remove(&f->sys, "devices/" PF_PATH "/virtfn0");
	tree_remove(&f->sys, "bus/pci/drivers/vfio-pci");
	struct step_result r = run_vfio(f, VERB_BIND, "vfio");
	assert_int_equal(r.status, STEP_FAILED);
	assert_string_equal(r.reason, "no-driver");
	assert_file(f, "devices/" PF_PATH "/driver_override", "(null)");
	assert_file(f, "devices/" PF_PATH "/d3cold_allowed", "1");
}

static void test_unbind_goal_reached_is_nothing(void **state)
{
	struct fixture *f = *state;
	function_add(f, "igb");
	assert_int_equal(run_vfio(f, VERB_UNBIND, "igb").status, STEP_NOTHING);
	assert_int_equal(run_vfio(f, VERB_UNBIND, "").status, STEP_NOTHING);
	struct step_result r = run_vfio(f, VERB_UNBIND, "-");
	assert_int_equal(r.status, STEP_REFUSED);
	assert_string_equal(r.reason, "other-driver");
	assert_file(f, "devices/" PF_PATH "/driver_override", "(null)");
}

static void test_unbind_unverified_is_failed(void **state)
{
	struct fixture *f = *state;
	function_add(f, "vfio-pci");
	struct step_result r = run_vfio(f, VERB_UNBIND, "igb");
	assert_int_equal(r.status, STEP_FAILED);
	assert_string_equal(r.reason, "not-given-back");
	assert_string_equal(r.before, "vfio-pci");
	assert_file(f, "bus/pci/drivers/vfio-pci/unbind", PF);
	assert_file(f, "devices/" PF_PATH "/driver_override", "\n");
}

static void config_set(const struct fixture *f, uint8_t fill)
{
	uint8_t config[64];
	memset(config, fill, sizeof(config));
	tree_bytes(&f->sys, "devices/" PF_PATH "/config", config, sizeof(config));
}

/* F12: the write succeeded, the function does not answer. */
static void test_f12_reset_reads_config_back(void **state)
{
	struct fixture *f = *state;
	function_add(f, "vfio-pci");
	struct step_result r = run_vfio(f, VERB_RESET, "");
	assert_string_equal(r.reason, "no-reset");
	tree_file(&f->sys, "devices/" PF_PATH "/reset", "");
	tree_file(&f->sys, "devices/" PF_PATH "/reset_method", "flr pm bus\n");
	tree_file(&f->sys, "devices/" PF_PATH "/power_state", "D3cold\n");
	config_set(f, 0xff);
	r = run_vfio(f, VERB_RESET, "");
	assert_int_equal(r.status, STEP_FAILED);
	assert_string_equal(r.reason, "config-all-ones");
	assert_non_null(strstr(r.detail, "D3cold"));
	config_set(f, 0x10);
	r = run_vfio(f, VERB_RESET, "");
	assert_int_equal(r.status, STEP_DONE);
	assert_string_equal(r.text, "flr");
	assert_file(f, "devices/" PF_PATH "/reset", "1");
	assert_string_equal(run_vfio(f, VERB_RESET, "pm").text, "pm");
}

static void test_grant_node_is_0600_of_the_account(void **state)
{
	struct fixture *f = *state;
	struct stat st;
	struct step s = { .verb = VERB_GRANT, .number = getuid(), .number2 = getgid() };
	function_add(f, "vfio-pci");
	assert_string_equal(run(f, vfio_verbs, vfio_verbs_n, &s).reason, "no-node");
	tree_file(&f->dev, "vfio/15", "");
	tree_file(&f->sys, "class/vfio/15/dev", "0:0\n");
	assert_int_equal(fchmodat(f->dev.fd, "vfio/15", 0666, 0), 0);

	struct step_result r = run(f, vfio_verbs, vfio_verbs_n, &s);
	assert_int_equal(r.status, STEP_DONE);
	assert_int_equal(fstatat(f->dev.fd, "vfio/15", &st, 0), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(run(f, vfio_verbs, vfio_verbs_n, &s).status, STEP_NOTHING);

	/* Not the node that the kernel means. */
	tree_file(&f->sys, "class/vfio/15/dev", "242:3\n");
	r = run(f, vfio_verbs, vfio_verbs_n, &s);
	assert_int_equal(r.status, STEP_FAILED);
	assert_int_equal(r.error, ENXIO);
	tree_remove(&f->dev, "vfio/15");
	assert_int_equal(run_vfio(f, VERB_REVOKE, "").status, STEP_NOTHING);
}

static void test_module_load_takes_vfio_only(void **state)
{
	struct fixture *f = *state;
	struct step_result r = run_vfio(f, VERB_MODULE_LOAD, "kvm");
	assert_int_equal(r.status, STEP_REFUSED);
	assert_string_equal(r.reason, "not-vfio");
}

static struct step_result set_vfs(const struct fixture *f, uint32_t n)
{
	struct step s = { .verb = VERB_SET_VFS, .target.vf = -1, .number = n };
	return run(f, sriov_verbs, sriov_verbs_n, &s);
}

static void numvfs_files(const struct fixture *f, const char *now)
{
	tree_file(&f->sys, "devices/" PF_PATH "/sriov_totalvfs", "7\n");
	tree_file(&f->sys, "devices/" PF_PATH "/sriov_numvfs", now);
	tree_file(&f->sys, "devices/" PF_PATH "/sriov_drivers_autoprobe", "1\n");
}

/* F21: the count says 4 and there are no VFs: failed, with what was read. */
static void test_f21_set_vfs_without_links_is_failed(void **state)
{
	struct fixture *f = *state;
	function_add(f, "igb");
	numvfs_files(f, "0\n");
	struct step_result r = set_vfs(f, 4);
	assert_int_equal(r.status, STEP_FAILED);
	assert_string_equal(r.reason, "other-count");
	assert_int_equal(r.number, 4);
	assert_file(f, "devices/" PF_PATH "/sriov_numvfs", "4");
	assert_file(f, "devices/" PF_PATH "/sriov_drivers_autoprobe", "0");
}

static void test_set_vfs_ladder_writes_nothing(void **state)
{
	struct fixture *f = *state;
	function_add(f, "igb");
	numvfs_files(f, "4\n");
	assert_int_equal(set_vfs(f, 4).status, STEP_NOTHING);
	assert_int_equal(set_vfs(f, 8).error, ERANGE);
	struct step_result r = set_vfs(f, 2); /* F06: through 0 only */
	assert_int_equal(r.error, EBUSY);
	assert_string_equal(r.reason, "not-zero");
	assert_int_equal(r.number, 4);
	assert_file(f, "devices/" PF_PATH "/sriov_numvfs", "4");
	assert_file(f, "devices/" PF_PATH "/sriov_drivers_autoprobe", "1");
	tree_remove(&f->sys, "devices/" PF_PATH "/sriov_totalvfs");
	assert_string_equal(set_vfs(f, 2).where, "sriov_totalvfs");
}

/* F07: done means that every link is there. */
static void test_f07_set_vfs_counts_links(void **state)
{
	struct fixture *f = *state;
	function_add(f, "igb");
	numvfs_files(f, "0\n");
	tree_link(&f->sys, "devices/" PF_PATH "/virtfn0", "../0000:01:10.0");
	assert_int_equal(set_vfs(f, 2).status, STEP_FAILED);
	tree_file(&f->sys, "devices/" PF_PATH "/sriov_numvfs", "0\n");
	tree_link(&f->sys, "devices/" PF_PATH "/virtfn1", "../0000:01:10.2");
	struct step_result r = set_vfs(f, 2);
	assert_int_equal(r.status, STEP_DONE);
	assert_int_equal(r.number, 2);
}

static void test_set_vf_without_netdev_is_named(void **state)
{
	struct fixture *f = *state;
	struct step s = { .verb = VERB_SET_VF, .vf = { .set = VF_SET_VLAN, .vlan = 5 } };
	function_add(f, "igb");
	struct step_result r = run(f, sriov_verbs, sriov_verbs_n, &s);
	assert_int_equal(r.status, STEP_FAILED);
	assert_string_equal(r.reason, "no-netdev");
	s.verb = VERB_READ_VFS;
	r = run(f, sriov_verbs, sriov_verbs_n, &s);
	assert_int_equal(r.status, STEP_DONE);
	assert_int_equal(r.data_len, 0);
}

/* The loopback interface is always there and has no VFs: the kernel's own answer through libnl. */
static void test_set_vf_interface_without_vfs(void **state)
{
	struct fixture *f = *state;
	struct step s = { .verb = VERB_SET_VF, .vf = { .set = VF_SET_VLAN, .vlan = 5 } };
	function_add(f, "igb");
	tree_file(&f->sys, "devices/" PF_PATH "/net/lo/ifindex", "1\n");
	struct step_result r = run(f, sriov_verbs, sriov_verbs_n, &s);
	assert_int_equal(r.status, STEP_FAILED);
	assert_string_equal(r.where, "RTM_GETLINK");
	assert_int_equal(r.error, ENOENT);
	tree_file(&f->sys, "devices/" PF_PATH "/net/lo/ifindex", "99999\n");
	assert_int_equal(run(f, sriov_verbs, sriov_verbs_n, &s).error, ENODEV);
}

/* In switchdev mode the first interface below the PF may be a representor. */
static void test_set_vf_representors_are_not_asked(void **state)
{
	struct fixture *f = *state;
	struct step s = { .verb = VERB_SET_VF, .vf = { .set = VF_SET_VLAN, .vlan = 5 } };
	function_add(f, "mlx5_core");
	tree_file(&f->sys, "devices/" PF_PATH "/net/eth1/phys_port_name", "pf0vf1\n");
	tree_file(&f->sys, "devices/" PF_PATH "/net/eth1/ifindex", "99999\n");
	struct step_result r = run(f, sriov_verbs, sriov_verbs_n, &s);
	assert_string_equal(r.reason, "no-netdev");
	/* The one that is asked is loopback, which has no VF 0. */
	tree_file(&f->sys, "devices/" PF_PATH "/net/lo/phys_port_name", "p0\n");
	tree_file(&f->sys, "devices/" PF_PATH "/net/lo/ifindex", "1\n");
	r = run(f, sriov_verbs, sriov_verbs_n, &s);
	assert_string_equal(r.where, "RTM_GETLINK");
	assert_int_equal(r.error, ENOENT);
}

/* No kernel has a devlink device of that name; many have no devlink at all. */
static void test_set_port_without_port_is_told(void **state)
{
	struct fixture *f = *state;
	struct have h = { 0 };
	_cleanup_err_ struct err e = { 0 };
	struct step s = { .verb = VERB_SET_PORT, .vf = { .set = VF_SET_MAC } };
	function_add(f, "igb");
	assert_int_equal(STR_COPY(f->c.device_addr, "ffff:ff:1f.7"), 0);
	struct step_result r = run(f, sriov_verbs, sriov_verbs_n, &s);
	assert_int_equal(r.status, STEP_FAILED);
	assert_string_equal(r.reason, "no-port");
	assert_string_equal(r.where, "devlink port get");
	sriov_mech.diagnose(&h, &s, &r, NULL, 0, &e);
	assert_string_equal(e.id, "sriov.port.failed");
	assert_non_null(strstr(e.because, "devlink port get: "));
	assert_non_null(strstr(e.because, "VF 0 has no port here"));
	assert_non_null(strstr(e.todo, "switchdev"));
}

static void test_nvme_without_controller_is_named(void **state)
{
	struct fixture *f = *state;
	function_add(f, NULL);
	static const enum verb verbs[] = { VERB_NVME_FLEX, VERB_NVME_ONLINE, VERB_NVME_OFFLINE };
	for (size_t i = 0; i < 3; i++) {
		struct step s = { .verb = verbs[i] };
		struct step_result r = run(f, sriov_verbs, sriov_verbs_n, &s);
		assert_int_equal(r.status, STEP_FAILED);
		assert_int_equal(r.error, ENODEV);
	}
}

static void parent_add(struct fixture *f, const char *available)
{
	assert_int_equal(STR_COPY(f->c.device_path, PARENT), 0);
	assert_int_equal(STR_COPY(f->c.path, PARENT "/" UUID_A), 0);
	tree_file(&f->sys, "devices/" PARENT "/mdev_supported_types/mtty-1/create", "");
	tree_file(&f->sys, "devices/" PARENT "/mdev_supported_types/mtty-1/available_instances",
		  available);
	tree_file(&f->sys, "devices/" PARENT "/mdev_supported_types/mtty-1/name",
		  "Single port serial\n");
	tree_file(&f->sys, "devices/" PARENT "/mdev_supported_types/mtty-1/description",
		  "first line\nsecond line\n");
	tree_file(&f->sys, "devices/" PARENT "/mdev_supported_types/mtty-2/create", "");
}

static struct step_result run_mdev(const struct fixture *f, enum verb v, const char *uuid,
				   const char *type)
{
	struct step s = { .verb = v, .target.vf = -1 };
	assert_int_equal(STR_COPY(s.target.uuid, uuid), 0);
	assert_int_equal(STR_COPY(s.text, type), 0);
	return run(f, mdev_verbs, mdev_verbs_n, &s);
}

static void mdev_add(const struct fixture *f, const char *type)
{
	char target[128];
	assert_int_equal(STR_FORMAT(target, "../mdev_supported_types/%s", type), 0);
	tree_link(&f->sys, "devices/" PARENT "/" UUID_A "/mdev_type", target);
	tree_file(&f->sys, "devices/" PARENT "/" UUID_A "/remove", "");
}

static void test_f21_mdev_create_unseen_is_failed(void **state)
{
	struct fixture *f = *state;
	parent_add(f, "24\n");
	struct step_result r = run_mdev(f, VERB_MDEV_CREATE, UUID_A, "mtty-1");
	assert_int_equal(r.status, STEP_FAILED);
	assert_string_equal(r.reason, "not-made");
	assert_file(f, "devices/" PARENT "/mdev_supported_types/mtty-1/create", UUID_A);
}

static void test_mdev_create_same_is_nothing_other_is_taken(void **state)
{
	struct fixture *f = *state;
	parent_add(f, "24\n");
	mdev_add(f, "mtty-1");
	assert_int_equal(run_mdev(f, VERB_MDEV_CREATE, UUID_A, "mtty-1").status, STEP_NOTHING);
	struct step_result r = run_mdev(f, VERB_MDEV_CREATE, UUID_A, "mtty-2");
	assert_int_equal(r.error, EEXIST);
	assert_string_equal(r.reason, "uuid-taken");
	tree_remove(&f->sys, "devices/" PARENT "/" UUID_A);
	tree_dir(&f->sys, "bus/mdev/devices/" UUID_A);
	assert_string_equal(run_mdev(f, VERB_MDEV_CREATE, UUID_A, "mtty-1").reason, "uuid-taken");
	assert_file(f, "devices/" PARENT "/mdev_supported_types/mtty-1/create", "");
}

/* F37: the write fails with whatever errno; available_instances says that it is full. */
static void test_f37_mdev_create_full_by_fact(void **state)
{
	struct fixture *f = *state;
	parent_add(f, "0\n");
	tree_remove(&f->sys, "devices/" PARENT "/mdev_supported_types/mtty-1/create");
	struct step_result r = run_mdev(f, VERB_MDEV_CREATE, UUID_A, "mtty-1");
	assert_int_equal(r.status, STEP_FAILED);
	assert_string_equal(r.reason, "full");
	assert_string_equal(run_mdev(f, VERB_MDEV_CREATE, UUID_A, "mtty-9").reason, "no-type");
	assert_string_equal(run_mdev(f, VERB_MDEV_CREATE, UUID_A, "../x").reason, "malformed");
	assert_string_equal(run_mdev(f, VERB_MDEV_CREATE, "nonsense", "mtty-1").reason,
			    "malformed");
}

/* F13: what is still there after the write was not removed. */
static void test_f13_mdev_remove_unseen_is_failed(void **state)
{
	struct fixture *f = *state;
	parent_add(f, "24\n");
	assert_int_equal(run_mdev(f, VERB_MDEV_REMOVE, UUID_A, "").status, STEP_NOTHING);
	mdev_add(f, "mtty-1");
	struct step_result r = run_mdev(f, VERB_MDEV_REMOVE, UUID_A, "");
	assert_int_equal(r.status, STEP_FAILED);
	assert_string_equal(r.reason, "still-there");
	assert_file(f, "devices/" PARENT "/" UUID_A "/remove", "1");
}

static void test_read_mdev_optional_attributes(void **state)
{
	struct fixture *f = *state;
	struct mdev_type types[2];
	parent_add(f, "24\n");
	struct step_result r = run_mdev(f, VERB_READ_MDEV, "", "");
	assert_int_equal(r.status, STEP_DONE);
	assert_int_equal(r.number, 2);
	assert_int_equal(r.data_len, sizeof(types));
	memcpy(types, f->data, sizeof(types));
	const struct mdev_type *t = str_eq(types[0].id, "mtty-1") ? &types[0] : &types[1];
	assert_true(t->available_known);
	assert_int_equal(t->available, 24);
	assert_string_equal(t->name, "Single port serial");
	assert_string_equal(t->description, "first line");
	assert_false((t == &types[0] ? &types[1] : &types[0])->available_known);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(test_bind_without_vfio_is_told),
		T(test_unbind_that_nobody_takes_is_told),
		T(test_reset_failures_are_told_apart),
		T(test_grant_failures_are_told_apart),
		T(test_pin_power_unreadable_is_told),
		T(test_bind_not_restored_is_told),
		T(test_f02_bind_unverified_is_failed_and_undone),
		T(test_f11_bind_pins_d3cold),
		T(test_bind_refusals_write_nothing),
		T(test_unbind_goal_reached_is_nothing),
		T(test_unbind_unverified_is_failed),
		T(test_f12_reset_reads_config_back),
		T(test_grant_node_is_0600_of_the_account),
		T(test_module_load_takes_vfio_only),
		T(test_f21_set_vfs_without_links_is_failed),
		T(test_set_vfs_ladder_writes_nothing),
		T(test_f07_set_vfs_counts_links),
		T(test_set_vf_without_netdev_is_named),
		T(test_set_vf_interface_without_vfs),
		T(test_set_vf_representors_are_not_asked),
		T(test_set_port_without_port_is_told),
		T(test_nvme_without_controller_is_named),
		T(test_f21_mdev_create_unseen_is_failed),
		T(test_mdev_create_same_is_nothing_other_is_taken),
		T(test_f37_mdev_create_full_by_fact),
		T(test_f13_mdev_remove_unseen_is_failed),
		T(test_read_mdev_optional_attributes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
