/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the simulated kernel does in the middle of things, and what faults make of it. */
#include "support/test.h"

#include <errno.h>
#include <linux/nvme_ioctl.h>
#include <linux/pci_regs.h>
#include <pthread.h>
#include <sys/ioctl.h>

#include "base/cleanup.h"
#include "sim/access.h"
#include "sim/fault.h"
#include "sim/trace.h"
#include "support/machine.h"
#include "support/tree.h"

#define LAB "sim/hosts/lab.yaml"
#define NIC "0000:01:00.0"   /* igb, 82576 */
#define OTHER "0000:03:00.0" /* another */
#define SWITCH "0000:04:00.0"
#define BELOW "0000:06:00.0" /* virtio, behind it */
#define BESIDE "0000:07:00.0"
#define DESK "sim/hosts/workstation.yaml"
#define GPU "0000:03:00.0" /* the spare one, with the rest of its group */
#define AUDIO "0000:03:00.1"
#define USB "0000:03:00.2"
#define UCSI "0000:03:00.3"

static int lab_make(void **state)
{
	*state = test_machine_new(LAB);
	return 0;
}

static int desk_make(void **state)
{
	*state = test_machine_new(DESK);
	return 0;
}

static int machine_end(void **state)
{
	test_machine_free(*state);
	return 0;
}

static bool has(struct machine *m, const char *addr, const char *name)
{
	const struct pci *f = bus_find(m, addr);
	return f && node_walk(m->tree, f->dev.dir, name);
}

static void unbind(struct machine *m, const char *addr)
{
	char name[NAME_SIZE + 16];
	STR_FORMAT(name, "drivers/%s/unbind", bus_find(m, addr)->driver->name);
	assert_int_equal(test_machine_write_bus(m, name, addr), 0);
}

struct writer {
	struct machine *m;
	const char *addr, *name, *text;
	int result;
	bool begun, done;
	pthread_t thread;
};

static void *writer_run(void *userdata)
{
	struct writer *w = userdata;
	machine_enter(w->m, 0);
	w->begun = true;
	w->result = w->addr ? test_machine_write(w->m, w->addr, w->name, w->text)
			    : test_machine_write_bus(w->m, w->name, w->text);
	w->done = true;
	machine_leave(w->m);
	return NULL;
}

static void writer_start(struct writer *w)
{
	assert_int_equal(pthread_create(&w->thread, NULL, writer_run, w), 0);
	test_machine_wait(w->m, &w->begun);
}

static int writer_end(struct writer *w)
{
	test_machine_wait(w->m, &w->done);
	machine_unlock(w->m);
	pthread_join(w->thread, NULL);
	machine_lock(w->m);
	return w->result;
}

static void vfio_bind(struct machine *m, const char *addr)
{
	unbind(m, addr);
	assert_int_equal(test_machine_write(m, addr, "driver_override", "vfio-pci"), 0);
	assert_int_equal(test_machine_write_bus(m, "drivers_probe", addr), 0);
	const struct pci *f = bus_find(m, addr);
	assert_true(f->driver && f->driver->vfio);
}

static char *newest(struct machine *m)
{
	struct str_buf out = { 0 };
	trace_list(m, trace_newest(m) - 1, &out);
	return out.text;
}

/* --- drivers ---------------------------------------------------------------------------------- */

/* What a host file does not say of a driver carve itself knows. */
static void test_driver_that_makes_all_vfs_is_known_from_its_name(void **state)
{
	static const char host[] =
		"version: 1\nabout: QAT\nmodels:\n"
		"  qat: {id: \"8086:37c8\", class: co-processor, driver: c6xx, flr: true,\n"
		"    sriov: {count: 16, device: \"8086:37c9\", offset: 1, stride: 1, driver: c6xxvf}}\n"
		"roots:\n  \"0000:00\":\n    slots:\n"
		"      \"01.0\": {is: root-port, slots: {\"00.0\": {is: qat}}}\n";
	struct tree t;
	char path[sizeof(t.path) + 16];
	(void)state;
	tree_init(&t);
	tree_file(&t, "qat.yaml", host);
	assert_int_equal(STR_FORMAT(path, "%s/qat.yaml", t.path), 0);
	struct machine *m = test_machine_new(path);
	assert_int_equal(test_machine_write(m, NIC, "sriov_numvfs", "2"), 0);
	assert_int_equal(bus_find(m, NIC)->num_vfs, 16);
	test_machine_free(m);
	tree_done(&t);
}

/* --- faults ----------------------------------------------------------------------------------- */

static void test_stale_links_stay_until_they_are_made_again(void **state)
{
	struct machine *m = *state;
	assert_int_equal(test_machine_write(m, NIC, "sriov_numvfs", "2"), 0);
	test_machine_fault(m, "sriov_numvfs", "write", "1", "stale");
	assert_int_equal(test_machine_write(m, NIC, "sriov_numvfs", "0"), 0);
	assert_true(has(m, NIC, "virtfn0") && has(m, NIC, "virtfn1"));
	assert_int_equal(bus_find(m, NIC)->num_vfs, 0);
	assert_int_equal(test_machine_write(m, NIC, "sriov_numvfs", "1"), 0);
	assert_int_equal(test_machine_write(m, NIC, "sriov_numvfs", "0"), 0);
	assert_false(has(m, NIC, "virtfn0"));
	assert_true(has(m, NIC, "virtfn1"));
}

static void test_trace_tells_what_was_done(void **state)
{
	struct machine *m = *state;
	test_machine_fault(m, "sriov_numvfs", "write", "1", "instead=1");
	assert_int_equal(test_machine_write(m, NIC, "sriov_numvfs", "4"), 0);
	assert_int_equal(bus_find(m, NIC)->num_vfs, 1);
	_cleanup_free_ char *instead = newest(m);
	assert_non_null(strstr(instead, "sriov_numvfs \"1\" ok\n"));
	test_machine_fault(m, "sriov_numvfs", "write", "1", "ignore");
	assert_int_equal(test_machine_write(m, NIC, "sriov_numvfs", "0"), 0);
	assert_int_equal(bus_find(m, NIC)->num_vfs, 1);
	_cleanup_free_ char *ignored = newest(m);
	assert_non_null(strstr(ignored, "sriov_numvfs \"0\" ignored\n"));
}

static void test_fault_of_configuration_space(void **state)
{
	struct machine *m = *state;
	struct node *config = test_machine_file(m, NIC, "config");
	uint8_t bytes[4];
	assert_int_equal(access_read(m, config, bytes, 4, 0), 4);
	assert_int_equal(bytes[0] | bytes[1] << 8, 0x8086);
	test_machine_fault(m, "config", "read", "2", "error=EIO");
	assert_int_equal(access_read(m, config, bytes, 4, 0), 4);
	assert_int_equal(access_read(m, config, bytes, 4, 0), -EIO);
	test_machine_fault(m, "config", "write", "1", "ignore");
	assert_int_equal(access_write(m, config, "\x07", 1, PCI_COMMAND), 1);
	assert_int_equal(access_read(m, config, bytes, 1, PCI_COMMAND), 1);
	assert_int_not_equal(bytes[0], 7);
	assert_int_equal(access_write(m, config, "\x07", 1, PCI_COMMAND), 1);
	assert_int_equal(access_read(m, config, bytes, 1, PCI_COMMAND), 1);
	assert_int_equal(bytes[0], 7);
	_cleanup_free_ char *said = newest(m);
	assert_non_null(strstr(said, "config \"1 bytes at 4\" ok\n"));
}

static const struct pci *nvme_find(const struct machine *m)
{
	const struct pci *f = m->functions;
	while (f && !f->secondaries)
		f = f->next;
	return f;
}

/* Virtualization Management, action 7: the secondary controller goes offline. */
static void test_fault_of_an_nvme_command(void **state)
{
	struct machine *m = *state;
	struct nvme_passthru_cmd c = { .opcode = 0x1c, .cdw10 = 7 | 1 << 16 };
	const struct pci *f = nvme_find(m);
	assert_non_null(f);
	struct node *n = node_find(m->tree, m->dev, "nvme0");
	test_machine_fault(m, "nvme/nvme0", "write", "1", "error=EIO");
	assert_int_equal(n->ops->ioctl(n, NVME_IOCTL_ADMIN_CMD, &c, sizeof(c), 0), -EIO);
	assert_int_equal(n->ops->ioctl(n, NVME_IOCTL_ADMIN_CMD, &c, sizeof(c), 0), 0);
	_cleanup_free_ char *said = newest(m);
	assert_non_null(strstr(said, f->dev.name));
	assert_non_null(strstr(said, "/nvme/nvme0 \"virt-mgmt cdw10=0x10007 cdw11=0x0\" ok\n"));
	c.cdw10 = 9 | 1 << 16; /* online, without resources */
	assert_true(n->ops->ioctl(n, NVME_IOCTL_ADMIN_CMD, &c, sizeof(c), 0) > 0);
	_cleanup_free_ char *refused = newest(m);
	assert_non_null(strstr(refused, "cdw11=0x0\" status 0x"));
}

static void test_late_is_of_events_alone(void **state)
{
	struct machine *m = *state;
	const char *words[][4] = { { "*", "write", "1", "late=5" },
				   { "*", "event", "1", "slow=5" },
				   { "*", "read", "1", "gone" } };
	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++) {
		struct err err _cleanup_err_ = { 0 };
		unsigned id;
		assert_int_equal(fault_add(m, words[i], 4, &id, &err), -EINVAL);
	}
	struct str_buf out = { 0 };
	test_machine_fault(m, "*", "event", "1+", "late=5");
	fault_list(m, &out);
	assert_non_null(strstr(out.text, "late=5"));
	str_buf_done(&out);
}

/* --- drivers ---------------------------------------------------------------------------------- */

/* pci_bus_add_devices() looks at what is new only; pci_add_dynid() has one driver look. */
static void test_rescan_gives_no_driver_to_what_was_unbound(void **state)
{
	struct machine *m = *state;
	unbind(m, NIC);
	assert_int_equal(test_machine_write_bus(m, "rescan", "1"), 0);
	assert_null(bus_find(m, NIC)->driver);
	assert_int_equal(test_machine_write(m, NIC, "remove", "1"), 0);
	assert_null(bus_find(m, NIC));
	/* Another root port's bus is none of its business. */
	assert_int_equal(test_machine_write(m, OTHER, "rescan", "1"), 0);
	assert_null(bus_find(m, NIC));
	assert_int_equal(test_machine_write_bus(m, "rescan", "1"), 0);
	assert_string_equal(bus_find(m, NIC)->driver->name, "igb");
}

static void test_new_id_is_for_one_driver(void **state)
{
	struct machine *m = *state;
	unbind(m, NIC);
	unbind(m, BELOW);
	assert_int_equal(test_machine_write_bus(m, "drivers/vfio-pci/new_id", "8086 10c9"), 0);
	assert_true(bus_find(m, NIC)->driver->vfio);
	assert_null(bus_find(m, BELOW)->driver);
}

static void test_card_takes_with_it_what_is_below(void **state)
{
	struct machine *m = *state;
	const struct pci *below = bus_find(m, BELOW);
	assert_int_equal(bus_pull(bus_find(m, SWITCH)), 0);
	assert_true(below->state.off);
	test_machine_wait_gone(m, SWITCH);
	assert_null(bus_find(m, BELOW));
}

/* device_del() takes the driver away that came after the function had stopped. */
static void test_driver_bound_during_a_removal_goes_with_it(void **state)
{
	struct machine *m = *state;
	vfio_bind(m, BELOW);
	struct device *held = &bus_find(m, BELOW)->dev;
	assert_int_equal(vfio_open(held), 0);
	machine_unlock(m);
	machine_enter(m, 0);
	struct writer remove = { .m = m, .addr = SWITCH, .name = "remove", .text = "1" };
	writer_start(&remove);
	assert_null(bus_find(m, BESIDE)->driver);
	assert_int_equal(test_machine_write_bus(m, "drivers/virtio-pci/bind", BESIDE), 0);
	assert_non_null(bus_find(m, BESIDE)->driver);
	vfio_close(held);
	assert_int_equal(writer_end(&remove), 0);
	assert_null(bus_find(m, BESIDE));
	assert_null(node_walk(m->tree, m->bus_pci, "drivers/virtio-pci/" BESIDE));
	machine_leave(m);
	machine_lock(m);
}

static void test_renumbering_begins_anew_when_no_number_is_left(void **state)
{
	struct machine *m = *state;
	size_t all = 0;
	for (const struct pci *f = m->functions; f; f = f->next)
		all++;
	unsigned rounds = 0;
	for (; bus_can_shift(m); rounds++) {
		size_t n = 0;
		m->shift++;
		machine_reboot(m);
		for (const struct pci *f = m->functions; f; f = f->next, n++)
			assert_ptr_equal(bus_find(m, f->dev.name), f);
		assert_int_equal(n, all);
	}
	assert_in_range(rounds, 10, 64);
}

/* --- in the middle ---------------------------------------------------------------------------- */

static void test_what_vfio_gives_up_cannot_be_opened_again(void **state)
{
	struct machine *m = *state;
	vfio_bind(m, NIC);
	struct device *d = &bus_find(m, NIC)->dev;
	assert_int_equal(vfio_open(d), 0);
	struct writer leave = { .m = m, .name = "drivers/vfio-pci/unbind", .text = NIC };
	writer_start(&leave);
	assert_false(leave.done);
	vfio_close(d);
	assert_int_equal(vfio_open(d), -ENODEV);
	assert_int_equal(writer_end(&leave), 0);
	assert_null(bus_find(m, NIC)->driver);
}

/* From before its probe on: iommu_device_use_default_domain(), drivers/iommu/iommu.c. */
static void test_group_is_no_users_while_a_member_is_probed(void **state)
{
	struct machine *m = *state;
	vfio_bind(m, GPU);
	struct driver *own = driver_find(m, "snd_hda_intel");
	unbind(m, AUDIO);
	unbind(m, USB);
	unbind(m, UCSI);
	own->probe_ms = 3600 * 1000;
	m->pace = 1;
	struct writer bind = { .m = m, .name = "drivers/snd_hda_intel/bind", .text = AUDIO };
	writer_start(&bind);
	assert_null(bus_find(m, AUDIO)->driver);
	assert_int_equal(vfio_open(&bus_find(m, GPU)->dev), -EPERM);
	m->pace = 0;
	machine_wake(m);
	assert_int_equal(writer_end(&bind), 0);
	unbind(m, AUDIO);
	assert_int_equal(vfio_open(&bus_find(m, GPU)->dev), 0);
	vfio_close(&bus_find(m, GPU)->dev);
}

static void test_interfaces_come_and_go_behind_rtnl(void **state)
{
	struct machine *m = *state;
	assert_int_equal(klock_take(m, &m->rtnl, "test"), 0);
	struct writer leave = { .m = m, .name = "drivers/igb/unbind", .text = NIC };
	writer_start(&leave);
	assert_false(leave.done);
	assert_non_null(bus_find(m, NIC)->netdev);
	klock_release(m, &m->rtnl);
	assert_int_equal(writer_end(&leave), 0);
	assert_null(bus_find(m, NIC)->netdev);
}

static unsigned num_vfs_of(struct machine *m)
{
	struct node *config = test_machine_file(m, NIC, "config");
	uint8_t bytes[4096];
	assert_int_equal(access_read(m, config, bytes, sizeof(bytes), 0), 4096);
	for (unsigned at = 0x100; at; at = (bytes[at + 2] | bytes[at + 3] << 8) >> 4)
		if ((bytes[at] | bytes[at + 1] << 8) == PCI_EXT_CAP_ID_SRIOV)
			return bytes[at + PCI_SRIOV_NUM_VF];
	return 99;
}

/* sriov_enable() writes it before there is a VF, and holds the configuration space while hardware settles. */
static void test_count_of_vfs_is_in_configuration_space_first(void **state)
{
	struct machine *m = *state;
	m->pace = 36000;
	struct writer enable = { .m = m, .addr = NIC, .name = "sriov_numvfs", .text = "3" };
	writer_start(&enable);
	assert_true(bus_find(m, NIC)->config_lock.held);
	assert_int_equal(bus_find(m, NIC)->num_vfs, 0);
	m->pace = 0;
	machine_wake(m);
	assert_int_equal(num_vfs_of(m), 3);
	assert_int_equal(writer_end(&enable), 0);
	assert_int_equal(test_machine_write(m, NIC, "sriov_numvfs", "0"), 0);
	assert_int_equal(num_vfs_of(m), 0);
}

static void test_what_had_begun_is_over_before_its_function_goes(void **state)
{
	struct machine *m = *state;
	struct klock *lock = &bus_find(m, NIC)->dev.lock;
	assert_int_equal(klock_take(m, lock, "test"), 0);
	struct writer remove = { .m = m, .addr = NIC, .name = "remove", .text = "1" };
	struct writer reset = { .m = m, .addr = NIC, .name = "reset", .text = "1" };
	struct writer enable = { .m = m, .addr = NIC, .name = "enable", .text = "1" };
	machine_unlock(m);
	machine_enter(m, 0);
	writer_start(&remove);
	writer_start(&reset);
	writer_start(&enable);
	klock_release(m, lock);
	assert_int_equal(writer_end(&remove), 0);
	assert_int_equal(writer_end(&reset), 0);
	assert_int_equal(writer_end(&enable), 0);
	machine_leave(m);
	machine_lock(m);
	assert_null(bus_find(m, NIC));
}

#define LAB_TEST(function) cmocka_unit_test_setup_teardown(function, lab_make, machine_end)
#define DESK_TEST(function) cmocka_unit_test_setup_teardown(function, desk_make, machine_end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_driver_that_makes_all_vfs_is_known_from_its_name),
		LAB_TEST(test_stale_links_stay_until_they_are_made_again),
		LAB_TEST(test_trace_tells_what_was_done),
		LAB_TEST(test_fault_of_configuration_space),
		LAB_TEST(test_fault_of_an_nvme_command),
		LAB_TEST(test_late_is_of_events_alone),
		LAB_TEST(test_rescan_gives_no_driver_to_what_was_unbound),
		LAB_TEST(test_new_id_is_for_one_driver),
		LAB_TEST(test_card_takes_with_it_what_is_below),
		LAB_TEST(test_driver_bound_during_a_removal_goes_with_it),
		LAB_TEST(test_renumbering_begins_anew_when_no_number_is_left),
		LAB_TEST(test_what_vfio_gives_up_cannot_be_opened_again),
		DESK_TEST(test_group_is_no_users_while_a_member_is_probed),
		LAB_TEST(test_interfaces_come_and_go_behind_rtnl),
		LAB_TEST(test_count_of_vfs_is_in_configuration_space_first),
		LAB_TEST(test_what_had_begun_is_over_before_its_function_goes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
