/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Descriptions of simulated hosts: the shipped ones are read and are what they say, and every kind of
 * mistake is told with its place and id.
 */
#include "support/test.h"

#include <dirent.h>
#include <sys/wait.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "sim/host.h"
#include "support/alloc-fail.h"

#define HOSTS "sim/hosts"
#define TEXT_MAX (256 * 1024)

static char *file_read(const char *path, size_t *ret_len)
{
	_cleanup_fclose_ FILE *f = fopen(path, "re");
	if (!f)
		return NULL;
	char *text = calloc(1, TEXT_MAX);
	*ret_len = text ? fread(text, 1, TEXT_MAX - 1, f) : 0;
	return text;
}

static struct host *parse(const char *text, struct err *e)
{
	return host_parse(text, strlen(text), "x.yaml", e);
}

static struct host *shipped(const char *name)
{
	char path[256];
	assert_int_equal(STR_FORMAT(path, HOSTS "/%s.yaml", name), 0);
	_cleanup_err_ struct err e = { 0 };
	struct host *h = host_open(path, &e);
	if (!h)
		fail_msg("%s", e.what);
	return h;
}

static void test_host_open_shipped_hosts_are_accepted(void **state)
{
	(void)state;
	DIR *d = opendir(HOSTS);
	assert_non_null(d);
	size_t n = 0;
	for (struct dirent *e; (e = readdir(d));) {
		char name[64];
		if (!str_ends(e->d_name, ".yaml") || STR_COPY(name, e->d_name) < 0)
			continue;
		name[strlen(name) - strlen(".yaml")] = '\0';
		_cleanup_(host_freep) struct host *h = shipped(name);
		assert_string_equal(h->name, name);
		assert_true(host_count(h) >= 15);
		n++;
	}
	closedir(d);
	assert_true(n >= 13);
}

static void test_host_open_finds_by_name(void **state)
{
	(void)state;
	assert_int_equal(setenv("CARVE_SIM_HOSTS", HOSTS, 1), 0);
	_cleanup_err_ struct err e = { 0 };
	_cleanup_(host_freep) struct host *h = host_open("lab", &e);
	assert_non_null(h);
	assert_null(host_open("no-such-host", &e));
	assert_string_equal(e.id, "sim.host.open");
	assert_non_null(strstr(e.what, "no-such-host"));
	assert_int_equal(unsetenv("CARVE_SIM_HOSTS"), 0);
}

static void test_host_open_missing_file_refused(void **state)
{
	(void)state;
	_cleanup_err_ struct err e = { 0 };
	assert_null(host_open("./no-such-host.yaml", &e));
	assert_string_equal(e.id, "sim.host.open");
	_cleanup_err_ struct err folder = { 0 };
	assert_null(host_open("no-such-folder/host.yaml", &folder));
	assert_string_equal(folder.id, "sim.host.open");
}

static void test_host_count_of_monster_is_4096(void **state)
{
	(void)state;
	_cleanup_(host_freep) struct host *h = shipped("monster");
	assert_int_equal(host_count(h), 4096);
	assert_int_equal(h->n_roots, 16);
	assert_int_equal(h->roots[15].domain, 15);
}

static const struct host_slot *slot_at(const struct host_slot *slots, size_t n, const char *place)
{
	size_t i = 0;
	while (i < n && !str_eq(slots[i].place, place))
		i++;
	assert_true(i < n);
	return &slots[i];
}

static void test_host_parse_lab_stores_everything(void **state)
{
	(void)state;
	_cleanup_(host_freep) struct host *h = shipped("lab");
	assert_int_equal(host_count(h), 31);
	assert_int_equal(h->iommu, HOST_IOMMU_INTEL);
	assert_false(h->iommufd);
	assert_int_equal(h->nodes, 2);
	assert_int_equal(h->cpus, 2);
	assert_int_equal(h->drivers[0].vfs_at_most, 7);
	assert_int_equal(h->drivers[0].leave, HOST_LEAVE_REMOVES);

	const struct host_root *root = &h->roots[0];
	const struct host_slot *port = slot_at(root->slots, root->n_slots, "03.0");
	assert_int_equal(port->first, 0x18);
	assert_int_equal(port->last, 0x18);
	assert_int_equal(port->model->port, HOST_PORT_ROOT);
	const struct host_slot *igb = slot_at(port->slots, port->n_slots, "00.0");
	assert_int_equal(igb->serial, 0x525400ffffca0100);
	assert_true(igb->has_serial);
	assert_string_equal(igb->mac, "52:54:00:ca:01:00");
	assert_int_equal(igb->group, -1);
	const struct host_model *m = igb->model;
	assert_ptr_equal(m, host_model_find(h, "igb"));
	assert_int_equal(m->vendor, 0x8086);
	assert_int_equal(m->device, 0x10c9);
	assert_int_equal(m->class, 0x020000);
	assert_int_equal(m->revision, 1);
	assert_true(m->flr && m->ari && m->net && !m->ats && !m->no_acs);
	assert_int_equal(m->memory, 128 * 1024);
	assert_int_equal(m->link_gt, 2);
	assert_int_equal(m->vfs, 8);
	assert_int_equal(m->vf_device, 0x10ca);
	assert_int_equal(m->vf_offset, 128);
	assert_int_equal(m->vf_stride, 2);
	assert_string_equal(m->vf_driver, "igbvf");
	assert_true(host_model_find(h, "port-no-acs")->no_acs);

	const struct host_slot *rng = slot_at(root->slots, root->n_slots, "04.0");
	assert_int_equal(rng->slots[0].first, 0);
	assert_int_equal(rng->slots[0].last, 1);
	assert_int_equal(h->roots[1].numa, 1);
	assert_int_equal(h->roots[1].number, 0x40);
	assert_string_equal(h->parents[0].name, "mtty");
	assert_int_equal(h->parents[0].model.pool, 24);
	assert_string_equal(h->parents[0].model.types[1].id, "2");
	assert_int_equal(h->parents[0].model.types[1].units, 2);
}

static void test_host_parse_guarded_hosts_store_what_guards_see(void **state)
{
	(void)state;
	_cleanup_(host_freep) struct host *w = shipped("workstation");
	const struct host_slot *port = slot_at(w->roots[0].slots, w->roots[0].n_slots, "01.0");
	const struct host_slot *gpu = &port->slots[0];
	assert_true(gpu->boot_vga && gpu->console);
	assert_int_equal(gpu->n_connectors, 3);
	assert_int_equal(gpu->connectors[0].state, HOST_SCREEN_LIT);
	assert_int_equal(gpu->n_holders, 2);
	assert_string_equal(gpu->holders[0], "Xorg");
	assert_int_equal(gpu->model->memory, 32ull << 30);

	_cleanup_(host_freep) struct host *p = shipped("proxmox");
	const struct host_slot *zfs = slot_at(p->roots[0].slots, p->roots[0].n_slots, "06.0");
	assert_true(zfs->slots[0].disks[0].claimed);
	const struct host_slot *nic = slot_at(p->roots[0].slots, p->roots[0].n_slots, "1b.0");
	assert_true(nic->slots[0].up);
	assert_string_equal(nic->slots[0].master, "vmbr0");
	assert_string_equal(nic->slots[0].netdev, "enp4s0f0");
}

static void test_host_parse_slots_are_sorted_by_place(void **state)
{
	(void)state;
	_cleanup_err_ struct err e = { 0 };
	_cleanup_(host_freep) struct host *h = parse(
		"{version: 1, about: t, roots: {\"00ff:10\": {slots: {\"1f.0\": {is: isa-bridge},"
		" \"02.0\": {is: xhci}, 03.0-04.7: {is: ahci}}}}}",
		&e);
	assert_non_null(h);
	const struct host_root *root = &h->roots[0];
	assert_string_equal(root->slots[0].place, "02.0");
	assert_string_equal(root->slots[2].place, "1f.0");
	assert_int_equal(root->domain, 0xff);
	assert_int_equal(root->number, 0x10);
	assert_int_equal(root->numa, -1);
	assert_int_equal(host_count(h), 18);
}

static void test_host_parse_captured_slot_keeps_config_and_group(void **state)
{
	(void)state;
	char config[129];
	memset(config, '0', sizeof(config) - 1);
	config[128] = '\0';
	memcpy(config, "86800c00", 8);
	_cleanup_(str_buf_done) struct str_buf b = { 0 };
	str_buf_addf(
		&b,
		"{version: 1, about: t, models: {m: {id: \"8086:000c\", class: other}},"
		" roots: {\"0000:00\": {slots: {\"02.0\": {is: m, group: 7, config: \"%s\"}}}}}",
		config);
	_cleanup_free_ char *text = str_buf_take(&b);
	_cleanup_err_ struct err e = { 0 };
	_cleanup_(host_freep) struct host *h = parse(text, &e);
	if (!h)
		fail_msg("%s", e.what);
	assert_string_equal(h->roots[0].slots[0].config, config);
	assert_int_equal(h->roots[0].slots[0].group, 7);
}

/* Line 1 and 2; a case begins on line 3. */
#define HEAD "version: 1\nabout: t\n"
#define ROOT HEAD "roots:\n  \"0000:00\":\n    slots:\n" /* lines 3 to 5 */
#define MODEL(keys)					 /* line 3 to 5 */                         \
	HEAD "models:\n  m: {id: \"1af4:1044\", class: other" keys "}\n"                           \
	     "roots: {\"0000:00\": {slots: {\"02.0\": {is: m}}}}\n"
#define SLOT(model, keys) /* line 3 to 5 */                                                        \
	HEAD "models: {m: {id: \"1af4:1044\", class: other" model "}}\n"                           \
	     "roots: {\"0000:00\": {slots: {\n"                                                    \
	     "  \"02.0\": {is: m" keys "}}}}\n"

static const struct {
	const char *text, *id, *place, *words;
} mistakes[] = {
	/* What the shared walker finds. */
	{ "", "policy.missing", "1:1", "the file is empty" },
	{ "version: 2\n", "policy.version", "1:10", "version 2 of the host language" },
	{ "version: 1\nroots: {}\n", "policy.missing", "1:1", "the host lacks \"about\"" },
	{ HEAD, "policy.missing", "1:1", "the host lacks \"roots\"" },
	{ HEAD "rots: {}\n", "policy.unknown-key", "3:1", "unknown key \"rots\" in the host" },
	{ HEAD "roots: &a {}\n", "policy.syntax", "3:8", "not used in host files" },
	{ HEAD "iommu: arm\n", "policy.value", "3:8", "\"arm\" is not known" },
	{ HEAD "cpus: 0\n", "policy.value", "3:7", "from 1 to 4096" },
	{ HEAD "roots:\n  0000:00: {slots: {}}\n", "policy.quote", "4:3",
	  "0000:00 must be in quotes" },
	{ HEAD "roots:\n  \"00:00\": {slots: {}}\n", "policy.value", "4:3", "is no root bus" },
	{ HEAD "roots:\n  \"0000:00\": {slots: {}}\n  \"0000:00\": {slots: {}}\n",
	  "policy.duplicate", "5:3", "first on line 4" },
	{ ROOT "      \"20.0\": {is: xhci}\n", "policy.value", "6:7", "is no place on a bus" },
	{ ROOT "      \"02.8\": {is: xhci}\n", "policy.value", "6:7", "is no place on a bus" },
	{ ROOT "      02.0: {is: xhci}\n", "policy.quote", "6:7", "02.0 must be in quotes" },
	{ ROOT "      \"02.0\": {}\n", "policy.missing", "6:7", "lacks \"is\"" },
	{ ROOT "      \"02.0\": {is: xhci}\n      \"02.0\": {is: xhci}\n", "policy.duplicate",
	  "7:7", "first on line 6" },
	{ ROOT "      \"02.0\": {is: xhci, mac: \"52:54:00\"}\n", "policy.value", "6:31",
	  "is no MAC address" },
	{ ROOT "      \"02.0\": {is: xhci, config: xyz}\n", "policy.value", "6:34",
	  "is no configuration space" },
	{ ROOT "      \"02.0\": {is: xhci, serial: \"12\"}\n", "policy.value", "6:34",
	  "is no serial number" },
	{ ROOT "      \"02.0\": {is: xhci, group: -1}\n", "policy.type", "6:33",
	  "must be a number" },
	{ ROOT "      \"02.0\": {is: xhci, bus: \"100\"}\n", "policy.value", "6:31",
	  "is no number of a bus" },
	{ HEAD "models:\n  m: {id: \"1af4:1044\"}\nroots: {}\n", "policy.missing", "4:3",
	  "m lacks \"class\"" },
	{ HEAD "models:\n  m: {class: tea}\n", "policy.value", "4:14", "\"tea\" is no class" },
	{ HEAD "models:\n  m: {class: 030200}\n", "policy.quote", "4:14", "must be in quotes" },
	{ HEAD "models:\n  m: {id: \"1af4\"}\n", "policy.value", "4:11", "is no id" },
	{ HEAD "models:\n  m: {id: 8086:1563}\n", "policy.quote", "4:11", "must be in quotes" },
	{ HEAD "models:\n  m: {bar: 3GiB}\n", "policy.value", "4:12", "\"3GiB\" is no size" },
	{ HEAD "models:\n  m: {flr: yes}\n", "policy.boolean", "4:12", "is a boolean for some" },
	{ HEAD "models:\n  m: {attributes: {\"../x\": {value: a}}}\n", "policy.value", "4:20",
	  "is no attribute" },
	{ HEAD "models:\n  m: {attributes: {a123456789/b123456789/c123456789/d123456789/"
	       "e123456789/f12345678: {value: a}}}\n",
	  "policy.limit", "4:20", "is longer than 63 bytes" },
	{ HEAD "models:\n  m: {mdev: {pool: 4}}\n", "policy.missing", "4:7",
	  "mdev lacks \"types\"" },
	{ HEAD "drivers:\n  igb: {vfs: maybe}\n", "policy.value", "4:14",
	  "\"maybe\" is not known" },

	/* Models. */
	{ HEAD "models:\n  root-port: {id: \"1af4:1044\", class: other}\nroots: {}\n",
	  "sim.host.conflict", "4:3", "every host has a model root-port" },
	{ MODEL(", port: root"), "sim.host.conflict", "4:3", "its class must be \"port\"" },
	{ HEAD "models:\n  m: {id: \"1af4:1044\", class: port}\nroots: {}\n", "sim.host.conflict",
	  "4:3", "says what no bridge is" },
	{ MODEL(", sriov: {count: 2, device: \"1af4:1\", offset: 1, stride: 1}"), "policy.value",
	  "4:64", "is no id" },
	{ MODEL(", sriov: {count: 2, device: \"8086:0001\", offset: 1, stride: 1}"),
	  "sim.host.conflict", "4:3", "VFs have the vendor of their PF, 1af4" },
	{ MODEL(", sriov: {count: 2, device: \"1af4:0001\", offset: 0, stride: 1}"),
	  "sim.host.conflict", "4:3", "with offset 0" },
	{ MODEL(", sriov: {count: 2, device: \"1af4:0001\", offset: 1, stride: 0}"),
	  "sim.host.conflict", "4:3", "with stride 0" },
	{ MODEL(", port: legacy, sriov: {count: 2, device: \"1af4:0001\", offset: 1, stride: 1}"),
	  "sim.host.conflict", "4:3", "is no PCI Express endpoint" },
	{ MODEL(", width: 5"), "sim.host.conflict", "4:3", "lanes, not 5" },
	{ MODEL(", nvme: {flexible-queues: 4}"), "sim.host.conflict", "4:3",
	  "has flexible resources, and no VFs" },
	{ MODEL(", mdev: {pool: 4, types: {a: {units: 5}}}"), "sim.host.conflict", "4:62",
	  "takes 5 units, the pool of m has 4" },
	{ HEAD "parents:\n  mtty: {mdev: {types: {a: {units: 2}}}}\nroots: {}\n",
	  "sim.host.conflict", "4:25", "the pool of mtty has 1" },

	/* Slots and their models. */
	{ ROOT "      \"02.0\": {is: gpu}\n", "sim.host.reference", "6:7",
	  "there is no model \"gpu\"" },
	{ ROOT "      \"02.0\": {is: xhci, slots: {\"00.0\": {is: ahci}}}\n", "sim.host.conflict",
	  "6:7", "has \"slots\", but model xhci is no bridge" },
	{ SLOT("", ", bus: \"05\""), "sim.host.conflict", "5:3", "is no bridge" },
	{ SLOT("", ", netdev: eth0"), "sim.host.conflict", "5:3", "has no network interface" },
	{ SLOT("", ", connectors: {DP-1: {screen: lit}}"), "sim.host.conflict", "5:3",
	  "is no display device" },
	{ SLOT(", nvme: {disks: 1}", ", disks: [{swap: true}, {swap: true}]"), "sim.host.conflict",
	  "5:3", "has fewer disks" },
	{ SLOT("", ", boot-vga: true"), "sim.host.conflict", "5:3", "is not VGA" },
	{ SLOT("", ", console: true"), "sim.host.conflict", "5:3", "is no display" },
	{ SLOT(", port: legacy", ", serial: \"0123456789abcdef\""), "sim.host.conflict", "5:3",
	  "has no PCI Express capability" },
	{ SLOT("", ", config: \"f41a\""), "sim.host.conflict", "5:3", "has 4 digits" },
	{ SLOT("",
	       ", config: \"86804410000000000000000000000000000000000000000000000000000000000000"
	       "000000000000000000000000000000000000000000000000000000000000\""),
	  "sim.host.conflict", "5:3", "is of 8086:1044, model m is 1af4:1044" },
	{ HEAD "iommu: none\nroots:\n  \"0000:00\": {slots: {\"02.0\": {is: xhci, group: 1}}}\n",
	  "sim.host.conflict", "5:23", "the host has no IOMMU" },
	{ HEAD "models:\n  v: {id: \"1af4:1050\", class: vga}\nroots:\n  \"0000:00\":\n    slots:\n"
	       "      \"02.0\": {is: v, boot-vga: true}\n      \"03.0\": {is: v, boot-vga: true}\n",
	  "sim.host.conflict", "9:7", "a host has one \"boot-vga\", and line 8" },
	{ HEAD "models:\n  nic: {id: \"1af4:1041\", class: ethernet, net: true}\nroots:\n"
	       "  \"0000:00\":\n    slots:\n      \"03.0\": {is: nic, netdev: eth0}\n"
	       "      \"02.0\": {is: nic, netdev: eth0}\n",
	  "sim.host.conflict", "9:7", "eth0 is here twice, first on line 8" },
	{ HEAD "models:\n  nic: {id: \"1af4:1041\", class: ethernet, net: true}\nroots:\n"
	       "  \"0000:00\":\n    slots:\n      \"02.0\": {is: nic, mac: \"52:54:00:AA:00:01\"}\n"
	       "      \"03.0\": {is: nic, mac: \"52:54:00:aa:00:01\"}\n",
	  "sim.host.conflict", "9:7", "52:54:00:aa:00:01 is here twice" },
	{ SLOT("", "}, 04.0-05.7: {is: root-port, bus: \"05\""), "sim.host.conflict", "5:20",
	  "04.0-05.7 is several functions" },

	/* Places and topology. */
	{ ROOT "      03.0-02.0: {is: xhci}\n", "sim.host.place", "6:7", "ends before it begins" },
	{ ROOT "      02.0-03.7: {is: xhci}\n      \"03.1\": {is: xhci}\n", "sim.host.place", "7:7",
	  "03.1 overlaps with 02.0-03.7 on line 6" },
	{ ROOT "      \"02.1\": {is: xhci}\n", "sim.host.place", "6:7",
	  "device 02 has no function 0" },
	{ ROOT "      \"02.0\": {is: upstream-port}\n", "sim.host.place", "6:7",
	  "an upstream port (upstream-port) cannot be on a root bus" },
	{ ROOT "      \"02.0\": {is: downstream-port}\n", "sim.host.place", "6:7",
	  "a downstream port (downstream-port) cannot be on a root bus" },
	{ ROOT "      \"02.0\":\n        is: root-port\n        slots:\n"
	       "          \"00.0\": {is: root-port}\n",
	  "sim.host.place", "9:11", "a root port (root-port) cannot be on the bus of a root port" },
	{ ROOT "      \"02.0\":\n        is: root-port\n        slots:\n"
	       "          \"00.0\": {is: downstream-port}\n",
	  "sim.host.place", "9:11", "cannot be on the bus of a root port" },
	{ ROOT "      \"02.0\":\n        is: root-port\n        slots:\n"
	       "          \"00.0\": {is: xhci}\n",
	  "sim.host.place", "9:11", "an integrated endpoint (xhci) cannot be" },
	{ ROOT
	  "      \"02.0\":\n        is: root-port\n        slots: {\"00.0\": {is: upstream-port,"
	  " slots: {\n          \"00.0\": {is: upstream-port}}}}\n",
	  "sim.host.place", "9:11", "cannot be on the bus of an upstream port" },
	{ ROOT "      \"02.0\":\n        is: root-port\n        slots:\n"
	       "          \"00.0\": {is: pci-bridge}\n          \"01.0\": {is: pci-bridge}\n",
	  "sim.host.place", "10:11", "a link leads to device 00 only" },
	{ HEAD
	  "models: {e: {id: \"1af4:1044\", class: other}}\nroots:\n  \"0000:00\":\n    slots:\n"
	  "      \"02.0\": {is: pci-bridge, slots: {\"01.0\": {is: e}}}\n",
	  "sim.host.place", "7:40", "an endpoint (e) cannot be on the bus of a PCI bridge" },

	/* Numbers. */
	{ HEAD "numa-nodes: 2\nroots:\n  \"0000:00\": {numa: 2, slots: {}}\n", "sim.host.reference",
	  "5:3", "there is no NUMA node 2" },
	{ HEAD "numa-nodes: 4\ncpus: 2\nroots: {}\n", "sim.host.conflict", "1:1",
	  "2 processors are too few for 4 NUMA nodes" },
	{ ROOT "      \"02.0\": {is: root-port}\n      \"03.0\": {is: root-port, bus: \"01\"}\n",
	  "sim.host.conflict", "7:7", "bus 01 behind 03.0 is taken; the next is 02" },
	{ ROOT "      \"02.0\": {is: root-port, bus: \"05\"}\n  \"0000:05\": {slots: {}}\n",
	  "sim.host.limit", "6:7", "no bus number is left for 02.0: the last is 04" },
	{ SLOT(", sriov: {count: 300, device: \"1af4:0001\", offset: 256, stride: 256}", ""),
	  "sim.host.limit", "5:3", "no bus number is left for VF 255" },
	{ SLOT(", sriov: {count: 4, device: \"1af4:0001\", offset: 1, stride: 1}",
	       "}, \"02.3\": {is: xhci"),
	  "sim.host.place", "5:3", "VF 2 of 02.0 has the address of another function" },
	{ ROOT
	  "      01.0-1f.7:\n        is: root-port\n        slots:\n"
	  "          \"00.0\": {is: upstream-port, slots: {00.0-1f.7: {is: downstream-port}}}\n",
	  "sim.host.limit", "1:1", "more than 16384 functions" },
};

static bool mistake_is_told(size_t i)
{
	_cleanup_err_ struct err e = { 0 };
	_cleanup_(host_freep) struct host *h = parse(mistakes[i].text, &e);
	char place[64];
	assert_int_equal(STR_FORMAT(place, "x.yaml:%s: ", mistakes[i].place), 0);
	if (!h && str_eq(e.id, mistakes[i].id) && str_after(e.what, place) &&
	    strstr(e.what, mistakes[i].words))
		return true;
	print_error("got %s [%s]\nwanted %s%s [%s]\nof\n%s\n", h ? "(accepted)" : e.what,
		    h ? "" : e.id, place, mistakes[i].words, mistakes[i].id, mistakes[i].text);
	return false;
}

static void test_host_parse_mistakes_are_told_with_their_place(void **state)
{
	(void)state;
	size_t bad = 0;
	for (size_t i = 0; i < sizeof(mistakes) / sizeof(mistakes[0]); i++)
		bad += !mistake_is_told(i);
	assert_int_equal(bad, 0);
}

static void test_host_parse_deep_switches_are_accepted(void **state)
{
	(void)state;
	_cleanup_err_ struct err e = { 0 };
	_cleanup_(host_freep) struct host *h = parse(
		"{version: 1, about: t, roots: {\"0000:00\": {slots: {\"01.0\": {is: root-port, slots:"
		" {\"00.0\": {is: upstream-port, slots: {\"1f.0\": {is: downstream-port, slots:"
		" {\"00.0\": {is: upstream-port, slots: {\"00.0\": {is: downstream-port}}}}}}}}}}}}}",
		&e);
	if (!h)
		fail_msg("%s", e.what);
	assert_int_equal(host_count(h), 5);
}

static void test_host_parse_larger_than_limit_refused(void **state)
{
	(void)state;
	size_t len = 8 * 1024 * 1024 + 1;
	_cleanup_free_ char *text = malloc(len);
	assert_non_null(text);
	memset(text, '#', len);
	_cleanup_err_ struct err e = { 0 };
	assert_null(host_parse(text, len, "big.yaml", &e));
	assert_string_equal(e.id, "policy.limit");
	assert_non_null(strstr(e.what, "larger than 8 MiB"));
}

/* Each allocation of ours fails once: refused as lack of memory, nothing leaks, nothing crashes. */
static void test_host_parse_without_memory_refused(void **state)
{
	(void)state;
	size_t len = 0;
	_cleanup_free_ char *text = file_read(HOSTS "/lab.yaml", &len);
	assert_non_null(text);
	unsigned n = 0;
	for (;; n++) {
		_cleanup_err_ struct err e = { 0 };
		alloc_fail_at(n);
		_cleanup_(host_freep) struct host *h = host_parse(text, len, "lab.yaml", &e);
		if (!alloc_fail_done())
			break;
		assert_null(h);
		assert_string_equal(e.id, "base.memory");
	}
	assert_true(n > 100);
}

static void test_host_schema_is_the_committed_one(void **state)
{
	(void)state;
	size_t len = 0;
	_cleanup_free_ char *file = file_read(HOSTS "/schema.json", &len);
	_cleanup_free_ char *now = host_schema();
	assert_non_null(now);
	assert_non_null(file);
	if (len > 0 && file[len - 1] == '\n')
		file[len - 1] = '\0';
	assert_string_equal(file, now);
}

static void test_host_schema_suits_readers_that_are_not_ours(void **state)
{
	(void)state;
	int r = system("python3 tests/support/validate-hosts.py " HOSTS "/schema.json " HOSTS
		       "/*.yaml >&2");
	if (WIFEXITED(r) && (WEXITSTATUS(r) == 77 || WEXITSTATUS(r) == 127))
		skip();
	assert_int_equal(r, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_host_open_shipped_hosts_are_accepted),
		cmocka_unit_test(test_host_open_finds_by_name),
		cmocka_unit_test(test_host_open_missing_file_refused),
		cmocka_unit_test(test_host_count_of_monster_is_4096),
		cmocka_unit_test(test_host_parse_lab_stores_everything),
		cmocka_unit_test(test_host_parse_guarded_hosts_store_what_guards_see),
		cmocka_unit_test(test_host_parse_slots_are_sorted_by_place),
		cmocka_unit_test(test_host_parse_captured_slot_keeps_config_and_group),
		cmocka_unit_test(test_host_parse_mistakes_are_told_with_their_place),
		cmocka_unit_test(test_host_parse_deep_switches_are_accepted),
		cmocka_unit_test(test_host_parse_larger_than_limit_refused),
		cmocka_unit_test(test_host_parse_without_memory_refused),
		cmocka_unit_test(test_host_schema_is_the_committed_one),
		cmocka_unit_test(test_host_schema_suits_readers_that_are_not_ours),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
