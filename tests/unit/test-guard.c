/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What is in the way of a step, on made-up hosts: guests that hold VFs, bridges, mounts, swap, screens,
 * consoles, group mates. Nodes are told by device number: /dev/null's stands for theirs.
 */
#include "support/test.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "host/guard.h"
#include "host/uses.h"
#include "mech/mech.h"
#include "support/tree.h"

#define PORT "pci0000:00/0000:00:03.0"
#define PF PORT "/0000:01:00.0"
#define VF0 PORT "/0000:01:10.0"
#define VF1 PORT "/0000:01:10.2"
#define KEY "pci:0000:00/03.0/00.0"
#define UUID "0a0b0c0d-0000-4000-8000-000000000001"
#define NULL_NODE "1:3"
#define ZERO_NODE "1:5"

struct host {
	struct tree sys, dev, proc;
	struct host_roots roots;
	struct step step;
	struct resolved at;
	struct enrollment enrolled;
	struct enrolled entries[2];
	struct guard_query query;
	struct guard_answer answer;
};

static void function(struct host *h, const char *path, unsigned class, const char *driver,
		     int group)
{
	char file[256], text[32];
	tree_function(&h->sys, &(struct tree_function){ .path = path,
							.vendor = 0x8086,
							.device = 0x10c9,
							.class = class,
							.driver = driver,
							.group = group,
							.numa = -1 });
	(void)STR_FORMAT(file, "devices/%s/class", path);
	(void)STR_FORMAT(text, "0x%06x\n", class);
	tree_file(&h->sys, file, text);
}

/* class/CLASS/NAME -> devices/PATH */
static void class_link(struct host *h, const char *class, const char *name, const char *path)
{
	char link[256], target[256];
	(void)STR_FORMAT(link, "class/%s/%s", class, name);
	(void)STR_FORMAT(target, "../../devices/%s", path);
	tree_link(&h->sys, link, target);
}

/* An interface below a function, with those flags. */
static void netdev(struct host *h, const char *name, const char *function_path, const char *flags)
{
	char path[256], file[300];
	(void)STR_FORMAT(path, "%s/net/%s", function_path, name);
	(void)STR_FORMAT(file, "devices/%s/flags", path);
	tree_file(&h->sys, file, flags);
	class_link(h, "net", name, path);
}

static void disk(struct host *h, const char *name, const char *path, const char *number)
{
	char file[300], text[32];
	(void)STR_FORMAT(file, "devices/%s/dev", path);
	(void)STR_FORMAT(text, "%s\n", number);
	tree_file(&h->sys, file, text);
	class_link(h, "block", name, path);
}

/* A process that has /dev/null or /dev/zero open: whatever has that number is held by it. */
static void process(struct host *h, int pid, const char *comm, const char *cgroup, const char *open)
{
	char path[64], text[256];
	(void)STR_FORMAT(path, "%d/stat", pid);
	(void)STR_FORMAT(text, "%d (%s) S 1 1 1 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 4711 0 0 0\n", pid,
			 comm);
	tree_file(&h->proc, path, text);
	(void)STR_FORMAT(path, "%d/comm", pid);
	(void)STR_FORMAT(text, "%s\n", comm);
	tree_file(&h->proc, path, text);
	(void)STR_FORMAT(path, "%d/cgroup", pid);
	tree_file(&h->proc, path, cgroup);
	(void)STR_FORMAT(path, "%d/fd", pid);
	tree_dir(&h->proc, path);
	if (open) {
		(void)STR_FORMAT(path, "%d/fd/5", pid);
		tree_link(&h->proc, path, open);
	}
}

/* The group's node has /dev/null's number. */
static void vfio_group(struct host *h, int group, const char *number)
{
	char path[64];
	(void)STR_FORMAT(path, "class/vfio/%d/dev", group);
	tree_file(&h->sys, path, number);
}

static void target(struct host *h, const char *path, int vf)
{
	h->at = (struct resolved){ .exists = true };
	(void)STR_COPY(h->at.device_path, PF);
	(void)STR_COPY(h->at.device_addr, "0000:01:00.0");
	(void)STR_COPY(h->at.path, path);
	(void)STR_COPY(h->at.addr, strrchr(path, '/') + 1);
	(void)STR_COPY(h->step.target.device, KEY);
	h->step.target.vf = vf;
}

static int set_up(void **state)
{
	struct host *h = calloc(1, sizeof(*h));
	assert_non_null(h);
	tree_init(&h->sys);
	tree_init(&h->dev);
	tree_init(&h->proc);
	h->roots = (struct host_roots){ h->sys.fd, h->dev.fd, h->proc.fd, 0 };
	function(h, PORT, 0x060400, "pcieport", 1);
	(void)STR_COPY(h->entries[0].key, KEY);
	h->enrolled = (struct enrollment){ h->entries, 1 };
	h->query = (struct guard_query){ .roots = h->roots,
					 .step = &h->step,
					 .at = &h->at,
					 .enrolled = &h->enrolled,
					 .never_touch = true,
					 .holders = true,
					 .pf_in_use = true };
	*state = h;
	return 0;
}

static int tear_down(void **state)
{
	struct host *h = *state;
	tree_done(&h->sys);
	tree_done(&h->dev);
	tree_done(&h->proc);
	free(h);
	return 0;
}

static void bind_to_vfio(struct host *h)
{
	h->step.verb = VERB_BIND;
	(void)STR_COPY(h->step.text, "vfio-pci");
}

/* A network card with two VFs: VF 0 with VFIO, VF 1 without driver. */
static void network_card(struct host *h)
{
	function(h, PF, 0x020000, "igb", 2);
	function(h, VF0, 0x020000, "vfio-pci", 15);
	function(h, VF1, 0x020000, NULL, 16);
	tree_vf(&h->sys, PF, 0, VF0);
	tree_vf(&h->sys, PF, 1, VF1);
	netdev(h, "ens1f0", PF, "0x1002\n");
	vfio_group(h, 15, NULL_NODE);
	target(h, PF, -1);
}

static void expect_free(struct host *h)
{
	assert_int_equal(guard_check(&h->query, &h->answer), 0);
}

/* Refused, and what a user is told of it has that id. */
static const struct holder *expect_refused(struct host *h, const char *id)
{
	const struct have nothing = { 0 };
	struct step_result r = { .status = STEP_REFUSED };
	_cleanup_err_ struct err e = { 0 };
	assert_int_equal(guard_check(&h->query, &h->answer), 1);
	assert_true(h->answer.list.n > 0);
	assert_int_equal(STR_COPY(r.reason, h->answer.reason), 0);
	assert_true(mech_diagnose(&nothing, &h->step, &r, h->answer.list.entries, h->answer.list.n,
				  &e));
	assert_string_equal(e.id, id);
	assert_string_equal(e.state, "nothing was changed");
	assert_true(e.because && e.todo);
	return &h->answer.list.entries[0];
}

/* --- who holds it ----------------------------------------------------------------------------- */

static void test_f05_guard_vf_count_change_under_guest_refused(void **state)
{
	struct host *h = *state;
	network_card(h);
	process(h, 4121, "qemu-system-x86",
		"0::/machine.slice/machine-qemu\\x2d1\\x2dweb01.scope/libvirt/emulator\n",
		"/dev/null");
	h->step.verb = VERB_SET_VFS;
	h->step.number = 0;
	const struct holder *holder = expect_refused(h, "guard.held");
	assert_int_equal(holder->kind, HOLDER_VF);
	assert_int_equal(holder->pid, 4121);
	assert_int_equal(holder->uid, geteuid());
	assert_int_equal(holder->start, 4711);
	assert_string_equal(holder->comm, "qemu-system-x86");
	assert_string_equal(holder->what, "/dev/vfio/15");
	assert_string_equal(holder->device, "0000:01:10.0");
	assert_non_null(strstr(holder->unit, "web01"));
	assert_non_null(strstr(h->answer.detail, "4121"));

	h->step.number = 4; /* also goes through 0 */
	expect_refused(h, "guard.held");
	h->step.number = 2; /* nothing happens */
	expect_free(h);
}

static void test_f08_guard_held_vf_not_taken(void **state)
{
	struct host *h = *state;
	network_card(h);
	process(h, 4121, "qemu", "0::/\n", "/dev/null");
	target(h, VF0, 0);
	h->step.verb = VERB_UNBIND;
	expect_refused(h, "guard.held");
	h->step.verb = VERB_RESET;
	expect_refused(h, "guard.held");
	target(h, VF1, 1);
	expect_free(h);
}

static void test_guard_vf_held_by_its_own_node_not_taken(void **state)
{
	struct host *h = *state;
	network_card(h);
	tree_remove(&h->sys, "class/vfio/15/dev");
	tree_file(&h->sys, "devices/" VF0 "/vfio-dev/vfio3/dev", NULL_NODE);
	process(h, 4121, "qemu", "0::/\n", "/dev/null");
	target(h, VF0, 0);
	h->step.verb = VERB_UNBIND;
	const struct holder *holder = expect_refused(h, "guard.held");
	assert_string_equal(holder->what, "/dev/vfio/devices/vfio3");
}

/* By the pid it began with: workers outlive it, and then their parent is everybody's. */
static void test_f08_guard_only_the_executors_own_are_no_holders(void **state)
{
	struct host *h = *state;
	network_card(h);
	process(h, 4121, "qemu", "0::/\n", "/dev/null"); /* its parent is 1 */
	target(h, VF0, 0);
	h->step.verb = VERB_UNBIND;
	h->query.roots.executor = 77;
	expect_refused(h, "guard.held");
	h->query.roots.executor = 1;
	expect_free(h);
}

/* The driver's link goes before VFIO's users do: the group that is still there says so. */
static void test_f42_guard_function_that_vfio_cannot_let_go_is_held(void **state)
{
	struct host *h = *state;
	network_card(h);
	target(h, VF1, 1);
	h->step.verb = VERB_RESET;
	expect_free(h);
	vfio_group(h, 16, NULL_NODE);
	process(h, 4121, "qemu-system-x86", "0::/machine.slice\n", "/dev/null");
	expect_refused(h, "guard.held");
}

/* Its group opens, so nobody has it: processes are not even looked at. With a node beside the group
 * they are: that one may be open without use. */
static void test_guard_group_that_opens_asks_no_process(void **state)
{
	struct host *h = *state;
	network_card(h);
	process(h, 4121, "qemu-system-x86", "0::/machine.slice\n", "/dev/null");
	target(h, VF0, 0);
	h->step.verb = VERB_RESET;
	tree_dir(&h->dev, "vfio");
	if (mknodat(h->dev.fd, "vfio/15", S_IFCHR | 0600, makedev(1, 3)) < 0)
		skip();
	int fd = openat(h->dev.fd, "vfio/15", O_RDONLY);
	if (fd < 0)
		skip(); /* a file system without devices */
	close(fd);
	expect_free(h);

	tree_file(&h->sys, "devices/" VF0 "/vfio-dev/vfio0/dev", "1:5\n");
	tree_link(&h->proc, "4121/fd/6", "/dev/zero");
	expect_refused(h, "guard.held");
	assert_int_equal(h->answer.list.n, 2);
}

static void test_f33_guard_pf_of_held_vf_keeps_its_driver(void **state)
{
	struct host *h = *state;
	network_card(h);
	process(h, 4121, "qemu", "0::/\n", "/dev/null");
	h->step.verb = VERB_UNBIND;
	const struct holder *holder = expect_refused(h, "guard.held");
	assert_int_equal(holder->kind, HOLDER_VF);
}

static void test_f08_guard_held_mdev_not_removed(void **state)
{
	struct host *h = *state;
	tree_dir(&h->sys, "devices/virtual/mtty/mtty/" UUID);
	tree_link(&h->sys, "devices/virtual/mtty/mtty/" UUID "/iommu_group",
		  "../../../../../kernel/iommu_groups/7");
	vfio_group(h, 7, NULL_NODE);
	h->at = (struct resolved){ .exists = true,
				   .device_path = "virtual/mtty/mtty",
				   .path = "virtual/mtty/mtty/" UUID };
	h->step.verb = VERB_MDEV_REMOVE;
	h->step.target.vf = -1;
	(void)STR_COPY(h->step.target.uuid, UUID);
	expect_free(h);
	process(h, 99, "qemu", "0::/system.slice/vm.service\n", "/dev/null");
	const struct holder *holder = expect_refused(h, "guard.held");
	assert_int_equal(holder->kind, HOLDER_MDEV);
	assert_string_equal(holder->unit, "vm.service");
}

static void test_guard_parent_with_mdev_not_unbound(void **state)
{
	struct host *h = *state;
	function(h, PF, 0x030000, "i915", 2);
	tree_dir(&h->sys, "devices/" PF "/" UUID);
	target(h, PF, -1);
	h->step.verb = VERB_UNBIND;
	const struct holder *holder = expect_refused(h, "guard.held");
	assert_int_equal(holder->kind, HOLDER_MDEV);
	assert_non_null(strstr(holder->what, UUID));
}

/* The mdev of a vGPU lies below a VF. */
static void test_guard_vfs_with_mdevs_stay(void **state)
{
	struct host *h = *state;
	function(h, PF, 0x030200, "nvidia", 2);
	function(h, VF0, 0x030200, "nvidia", 3);
	tree_vf(&h->sys, PF, 0, VF0);
	tree_dir(&h->sys, "devices/" VF0 "/" UUID);
	tree_link(&h->sys, "devices/" VF0 "/" UUID "/iommu_group",
		  "../../../../../kernel/iommu_groups/9");
	vfio_group(h, 9, NULL_NODE);
	target(h, PF, -1);
	h->step.verb = VERB_VGPU_VFS;
	const struct holder *holder = expect_refused(h, "guard.held");
	assert_int_equal(holder->kind, HOLDER_MDEV);
	assert_non_null(strstr(holder->what, UUID));
	h->step.verb = VERB_SET_VFS;
	expect_free(h);
	process(h, 99, "qemu", "0::/system.slice/vm.service\n", "/dev/null");
	holder = expect_refused(h, "guard.held");
	assert_int_equal(holder->kind, HOLDER_MDEV);
}

static void test_f41_guard_gpu_of_compositor_held_and_named(void **state)
{
	struct host *h = *state;
	function(h, PF, 0x030000, "amdgpu", 2);
	tree_file(&h->sys, "devices/" PF "/drm/renderD129/uevent",
		  "MAJOR=1\nDEVNAME=dri/renderD129\n");
	tree_link(&h->sys, "dev/char/" NULL_NODE, "../../devices/" PF "/drm/renderD129");
	process(h, 900, "gnome-shell", "0::/user.slice/user-1000.slice/session-2.scope\n",
		"/dev/null");
	target(h, PF, -1);
	bind_to_vfio(h);
	const struct holder *holder = expect_refused(h, "guard.held");
	assert_string_equal(holder->what, "/dev/dri/renderD129");
	assert_string_equal(holder->comm, "gnome-shell");
}

static void test_guard_probing_udev_is_no_holder(void **state)
{
	struct host *h = *state;
	network_card(h);
	process(h, 300, "(udev-worker)", "0::/system.slice/systemd-udevd.service/udev\n",
		"/dev/null");
	target(h, VF0, 0);
	h->step.verb = VERB_RESET;
	expect_free(h);
}

static void test_guard_function_without_driver_asks_no_process(void **state)
{
	struct host *h = *state;
	network_card(h);
	/* A look at this would fail. */
	tree_file(&h->proc, "77/fd", "not a directory");
	target(h, VF1, 1);
	h->step.verb = VERB_RESET;
	expect_free(h);
	target(h, VF0, 0);
	assert_true(guard_check(&h->query, &h->answer) < 0);
}

/* --- never-touch ------------------------------------------------------------------------------ */

static void test_f38_guard_interface_in_use_refused(void **state)
{
	struct host *h = *state;
	network_card(h);
	bind_to_vfio(h);
	netdev(h, "ens1f1", PF, "0x1003\n");
	const struct holder *holder = expect_refused(h, "guard.never-touch");
	assert_int_equal(holder->kind, HOLDER_NETDEV);
	assert_int_equal(holder->never_touch, 1);
	assert_non_null(strstr(holder->what, "ens1f1 is up"));
	h->step.verb = VERB_UNBIND;
	expect_refused(h, "guard.never-touch");
}

static void test_f38_guard_port_of_bridge_that_is_down_refused(void **state)
{
	struct host *h = *state;
	network_card(h);
	bind_to_vfio(h);
	tree_link(&h->sys, "devices/" PF "/net/ens1f0/master", "../../../../../virtual/net/vmbr0");
	const struct holder *holder = expect_refused(h, "guard.never-touch");
	assert_non_null(strstr(holder->what, "port of vmbr0"));
}

static void test_f38_guard_interface_under_vlan_refused(void **state)
{
	struct host *h = *state;
	network_card(h);
	bind_to_vfio(h);
	tree_link(&h->sys, "devices/" PF "/net/ens1f0/upper_ens1f0.100",
		  "../../../../../virtual/net/ens1f0.100");
	const struct holder *holder = expect_refused(h, "guard.never-touch");
	assert_non_null(strstr(holder->what, "ens1f0.100"));
}

static void test_f38_guard_interface_in_other_namespace_refused(void **state)
{
	struct host *h = *state;
	function(h, PF, 0x020000, "igb", 2);
	target(h, PF, -1);
	bind_to_vfio(h);
	const struct holder *holder = expect_refused(h, "guard.never-touch");
	assert_non_null(strstr(holder->what, "another network namespace"));
}

static void test_guard_pf_in_use_needs_leave(void **state)
{
	struct host *h = *state;
	function(h, PF, 0x020000, "igb", 2);
	netdev(h, "ens1f0", PF, "0x1003\n");
	target(h, PF, -1);
	h->step.verb = VERB_SET_VFS;
	h->step.number = 4;
	expect_refused(h, "guard.pf-in-use");
	h->step.allow = STEP_ALLOW_IN_USE_PF;
	expect_free(h);
}

static void test_f38_guard_vf_interface_up_stops_vf_count_change(void **state)
{
	struct host *h = *state;
	network_card(h);
	tree_remove(&h->sys, "devices/" VF0 "/driver");
	tree_link(&h->sys, "devices/" VF0 "/driver", "../../../../bus/pci/drivers/igbvf");
	netdev(h, "ens1f0v0", VF0, "0x1003\n");
	h->step.verb = VERB_SET_VFS;
	h->step.allow = STEP_ALLOW_IN_USE_PF;
	expect_refused(h, "guard.never-touch");
}

#define NVME PF "/nvme/nvme0"

static void nvme_card(struct host *h)
{
	function(h, PF, 0x010802, "nvme", 2);
	disk(h, "nvme0n1", NVME "/nvme0n1", "259:0");
	disk(h, "nvme0n1p1", NVME "/nvme0n1/nvme0n1p1", "259:1");
	target(h, PF, -1);
	bind_to_vfio(h);
}

static void test_f38_guard_mounted_partition_refused(void **state)
{
	struct host *h = *state;
	nvme_card(h);
	process(h, 1, "init", "0::/init.scope\n", NULL);
	tree_file(&h->proc, "1/mountinfo", "22 1 8:1 / / rw - ext4 /dev/sda1 rw\n");
	expect_free(h);
	/* In the mount namespace of a container only. */
	process(h, 50, "sh", "0::/x.scope\n", NULL);
	tree_link(&h->proc, "1/ns/mnt", "mnt:[4026531840]");
	tree_link(&h->proc, "50/ns/mnt", "mnt:[4026532000]");
	tree_file(&h->proc, "50/mountinfo", "30 1 259:1 / /data rw shared:1 - ext4 /dev/root rw\n");
	const struct holder *holder = expect_refused(h, "guard.never-touch");
	assert_int_equal(holder->kind, HOLDER_BLOCK);
	assert_string_equal(holder->what, "nvme0n1p1 is mounted on /data");
}

/* The mounts of a process that ended and was not waited for cannot be opened. */
static void test_f38_guard_zombie_is_no_obstacle(void **state)
{
	struct host *h = *state;
	_cleanup_close_ int proc = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct host_roots roots = h->roots;
	struct holder_list list = { .n = 0 };
	siginfo_t end;
	roots.proc = proc;
	nvme_card(h);
	disk(h, "carvetest0", PF "/nvme/nvme0/carvetest0", "4095:77");
	pid_t pid = fork();
	if (pid == 0)
		_exit(0);
	assert_int_equal(waitid(P_PID, (id_t)pid, &end, WEXITED | WNOWAIT), 0);
	int r = uses_find_block(&roots, PF, "0000:01:00.0", &list);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	assert_int_equal(r, 0);
}

static void test_f38_guard_btrfs_mount_found_by_source(void **state)
{
	struct host *h = *state;
	nvme_card(h);
	process(h, 1, "init", "0::/init.scope\n", NULL);
	tree_file(&h->proc, "1/mountinfo", "22 1 0:30 /@ / rw - btrfs /dev/nvme0n1p1 rw\n");
	expect_refused(h, "guard.never-touch");
}

static void test_f38_guard_swap_and_lvm_members_refused(void **state)
{
	struct host *h = *state;
	nvme_card(h);
	tree_file(&h->proc, "swaps",
		  "Filename\tType\tSize\tUsed\tPriority\n/dev/nvme0n1p1 partition 1 0 -2\n");
	const struct holder *holder = expect_refused(h, "guard.never-touch");
	assert_string_equal(holder->what, "nvme0n1p1 is swap");
	tree_remove(&h->proc, "swaps");
	expect_free(h);
	tree_dir(&h->sys, "devices/" NVME "/nvme0n1/nvme0n1p1/holders/dm-0");
	holder = expect_refused(h, "guard.never-touch");
	assert_string_equal(holder->what, "nvme0n1p1 is part of dm-0");
}

static void test_f38_guard_nvme_multipath_disk_belongs_to_its_last_path(void **state)
{
	struct host *h = *state;
	function(h, PF, 0x010802, "nvme", 2);
	disk(h, "nvme0n1", "virtual/nvme-subsystem/nvme-subsys0/nvme0n1", "259:0");
	class_link(h, "block", "nvme0c0n1", NVME "/nvme0c0n1");
	process(h, 1, "init", "0::/init.scope\n", NULL);
	tree_file(&h->proc, "1/mountinfo", "22 1 259:0 / /srv rw - xfs /dev/nvme0n1 rw\n");
	target(h, PF, -1);
	bind_to_vfio(h);
	expect_refused(h, "guard.never-touch");
	/* With a second path the disk stays. */
	class_link(h, "block", "nvme0c1n1", PORT "/0000:02:00.0/nvme/nvme1/nvme0c1n1");
	expect_free(h);
}

static void test_guard_displays_refused(void **state)
{
	struct host *h = *state;
	function(h, PF, 0x030000, "amdgpu", 2);
	target(h, PF, -1);
	bind_to_vfio(h);
	tree_file(&h->sys, "devices/" PF "/boot_vga", "0\n");
	tree_file(&h->sys, "devices/" PF "/drm/card1/card1-DP-1/status", "connected\n");
	tree_file(&h->sys, "devices/" PF "/drm/card1/card1-DP-1/enabled", "disabled\n");
	expect_free(h);
	tree_file(&h->sys, "devices/" PF "/drm/card1/card1-DP-1/enabled", "enabled\n");
	const struct holder *holder = expect_refused(h, "guard.never-touch");
	assert_int_equal(holder->kind, HOLDER_DISPLAY);
	tree_remove(&h->sys, "devices/" PF "/drm");
	tree_file(&h->sys, "devices/" PF "/boot_vga", "1\n");
	holder = expect_refused(h, "guard.never-touch");
	assert_string_equal(holder->what, "boot display");
}

static void test_guard_text_console_refused(void **state)
{
	struct host *h = *state;
	function(h, PF, 0x030000, "ast", 2);
	class_link(h, "graphics", "fb0", PF "/graphics/fb0");
	tree_file(&h->sys, "class/vtconsole/vtcon1/name", "(M) frame buffer device\n");
	tree_file(&h->sys, "class/vtconsole/vtcon1/bind", "1\n");
	target(h, PF, -1);
	bind_to_vfio(h);
	const struct holder *holder = expect_refused(h, "guard.never-touch");
	assert_int_equal(holder->kind, HOLDER_CONSOLE);
	tree_file(&h->sys, "class/vtconsole/vtcon1/bind", "0\n");
	expect_free(h);
}

static void test_guard_serial_console_refused(void **state)
{
	struct host *h = *state;
	function(h, PF, 0x070002, "serial", 2);
	class_link(h, "tty", "ttyS4", PF "/tty/ttyS4");
	tree_file(&h->proc, "consoles", "tty0  -WU (EC p  ) 4:1\n");
	target(h, PF, -1);
	bind_to_vfio(h);
	expect_free(h);
	tree_file(&h->proc, "consoles", "ttyS4  -W- (EC p a) 4:68\n");
	expect_refused(h, "guard.never-touch");
}

static void test_uses_keyboard_noted_not_refused(void **state)
{
	struct host *h = *state;
	struct holder_list list = { .n = 0 };
	function(h, PF, 0x0c0330, "xhci_hcd", 2);
	class_link(h, "input", "event3", PF "/usb1/1-1/input/input5/event3");
	assert_int_equal(uses_find(&h->roots, PF, "0000:01:00.0", &list), 0);
	assert_int_equal(list.n, 1);
	assert_int_equal(list.entries[0].never_touch, 0);
	target(h, PF, -1);
	bind_to_vfio(h);
	expect_free(h);
}

/* --- group mates ------------------------------------------------------------------------------ */

static void test_f24_guard_group_mate_with_host_driver_refused(void **state)
{
	struct host *h = *state;
	function(h, PF, 0x030000, NULL, 1);
	function(h, PORT "/0000:01:00.1", 0x040300, "snd_hda_intel", 1);
	target(h, PF, -1);
	bind_to_vfio(h);
	const struct holder *holder = expect_refused(h, "guard.group-mate");
	assert_int_equal(holder->kind, HOLDER_SIBLING);
	assert_string_equal(holder->device, "0000:01:00.1");
	assert_non_null(strstr(holder->what, "snd_hda_intel"));

	/* Giving back is not stopped by it. */
	h->step.verb = VERB_UNBIND;
	expect_free(h);
	/* Enrolled too, it gets a step of its own. */
	bind_to_vfio(h);
	(void)STR_COPY(h->entries[1].key, "pci:0000:00/03.0/00.1");
	h->enrolled.n = 2;
	expect_free(h);
}

static void test_f24_guard_vf_in_group_of_its_pf_refused(void **state)
{
	struct host *h = *state;
	function(h, PF, 0x020000, "igb", 2);
	netdev(h, "ens1f0", PF, "0x1002\n");
	function(h, VF0, 0x020000, NULL, 2);
	tree_vf(&h->sys, PF, 0, VF0);
	target(h, VF0, 0);
	bind_to_vfio(h);
	expect_refused(h, "guard.group-mate");
}

static void test_guard_group_mate_in_use_never_touched(void **state)
{
	struct host *h = *state;
	function(h, PF, 0x030000, NULL, 5);
	function(h, PORT "/0000:01:00.1", 0x020000, "e1000", 5);
	netdev(h, "eth0", PORT "/0000:01:00.1", "0x1003\n");
	(void)STR_COPY(h->entries[1].key, "pci:0000:00/03.0/00.1");
	h->enrolled.n = 2;
	target(h, PF, -1);
	bind_to_vfio(h);
	const struct holder *holder = expect_refused(h, "guard.group-mate");
	assert_int_equal(holder->never_touch, 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_f05_guard_vf_count_change_under_guest_refused),
		TEST(test_f08_guard_held_vf_not_taken),
		TEST(test_guard_vf_held_by_its_own_node_not_taken),
		TEST(test_f08_guard_only_the_executors_own_are_no_holders),
		TEST(test_f42_guard_function_that_vfio_cannot_let_go_is_held),
		TEST(test_guard_group_that_opens_asks_no_process),
		TEST(test_f33_guard_pf_of_held_vf_keeps_its_driver),
		TEST(test_f08_guard_held_mdev_not_removed),
		TEST(test_guard_parent_with_mdev_not_unbound),
		TEST(test_guard_vfs_with_mdevs_stay),
		TEST(test_f41_guard_gpu_of_compositor_held_and_named),
		TEST(test_guard_probing_udev_is_no_holder),
		TEST(test_guard_function_without_driver_asks_no_process),
		TEST(test_f38_guard_interface_in_use_refused),
		TEST(test_f38_guard_port_of_bridge_that_is_down_refused),
		TEST(test_f38_guard_interface_under_vlan_refused),
		TEST(test_f38_guard_interface_in_other_namespace_refused),
		TEST(test_guard_pf_in_use_needs_leave),
		TEST(test_f38_guard_vf_interface_up_stops_vf_count_change),
		TEST(test_f38_guard_mounted_partition_refused),
		TEST(test_f38_guard_zombie_is_no_obstacle),
		TEST(test_f38_guard_btrfs_mount_found_by_source),
		TEST(test_f38_guard_swap_and_lvm_members_refused),
		TEST(test_f38_guard_nvme_multipath_disk_belongs_to_its_last_path),
		TEST(test_guard_displays_refused),
		TEST(test_guard_text_console_refused),
		TEST(test_guard_serial_console_refused),
		TEST(test_uses_keyboard_noted_not_refused),
		TEST(test_f24_guard_group_mate_with_host_driver_refused),
		TEST(test_f24_guard_vf_in_group_of_its_pf_refused),
		TEST(test_guard_group_mate_in_use_never_touched),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
