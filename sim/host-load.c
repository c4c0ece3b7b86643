/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The language of host descriptions as tables of options, and how what they say is stored. What
 * depends on two places of a description at once is judged in host-check.c.
 */
#include <errno.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "base/num.h"
#include "base/str.h"
#include "policy/load.h"
#include "sim/host-internal.h"

/* --- how texts look -------------------------------------------------------------------------- */

#define CLASSES(X)                                                                                 \
	X("vga", 0x030000)                                                                         \
	X("3d", 0x030200)                                                                          \
	X("display", 0x038000)                                                                     \
	X("accelerator", 0x120000)                                                                 \
	X("co-processor", 0x0b4000)                                                                \
	X("ethernet", 0x020000)                                                                    \
	X("infiniband", 0x020700)                                                                  \
	X("nvme", 0x010802)                                                                        \
	X("sata", 0x010601)                                                                        \
	X("audio", 0x040300)                                                                       \
	X("usb", 0x0c0330)                                                                         \
	X("serial-bus", 0x0c8000)                                                                  \
	X("system", 0x088000)                                                                      \
	X("other", 0x00ff00)                                                                       \
	X("port", 0x060400)                                                                        \
	X("host-bridge", 0x060000)                                                                 \
	X("isa-bridge", 0x060100)                                                                  \
	X("bridge", 0x068000)
#define CLASS_REGEX(word, code) word "|"
#define CLASS_LIST(word, code) word ", "
#define CLASS_ENTRY(word, code) { word, code },

static const struct policy_form form_class = {
	"^(" CLASSES(CLASS_REGEX) "[0-9a-f]{6})$", "class",
	"use one of: " CLASSES(CLASS_LIST) "or six hexadecimal digits in quotes"
};
static const struct policy_form form_place = {
	"^[01][0-9a-f][.][0-7](-[01][0-9a-f][.][0-7])?$", "place on a bus",
	"write device and function, 00.0 to 1f.7, or all from one to another: \"01.0-1f.7\""
};
static const struct policy_form form_root = { "^[0-9a-f]{4}:[0-9a-f]{2}$", "root bus",
					      "write domain and bus: \"0000:17\"" };
static const struct policy_form form_bus = { "^[0-9a-f]{2}$", "number of a bus",
					     "write two hexadecimal digits: \"1a\"" };
static const struct policy_form form_revision = { "^[0-9a-f]{2}$", "revision",
						  "write two hexadecimal digits: \"a1\"" };
static const struct policy_form form_serial = { "^[0-9a-f]{16}$", "serial number",
						"write 16 hexadecimal digits" };
static const struct policy_form form_config = {
	"^[0-9a-f]+$", "configuration space",
	"write its bytes as hexadecimal digits, without spaces; zeros at the end may be left out"
};
static const struct policy_form form_size = { "^(1|2|4|8|16|32|64|128|256|512)[KMGT]iB$", "size",
					      "write a power of two and a unit: 128GiB" };
static const struct policy_form form_netdev = { "^[a-z][A-Za-z0-9._-]{0,14}$", "network interface",
						"write a name such as ens1f0" };
static const struct policy_form form_path = { "^/", "path", "write it from / on" };
/* No component is "." or "..". */
static const struct policy_form form_attribute = {
	"^[.]?[A-Za-z0-9_][A-Za-z0-9_.-]*(/[.]?[A-Za-z0-9_][A-Za-z0-9_.-]*)*$", "attribute",
	"write a path below the function: mem_info_vram_total"
};

/* --- storing --------------------------------------------------------------------------------- */

static void init_root(void *element)
{
	((struct host_root *)element)->numa = -1;
}

/* Mediated devices are of models: it has one of its own. */
static void init_parent(void *element)
{
	struct host_parent *p = element;
	memcpy(p->model.name, p->name, sizeof(p->model.name));
	p->model.at = p->at;
}

static void init_type(void *element)
{
	((struct host_mdev_type *)element)->units = 1;
}

static void init_slot(void *element)
{
	((struct host_slot *)element)->group = -1;
}

/* A text on the heap. */
static int store_text(void *into, const struct policy_option *o, const struct policy_value *v)
{
	char **field = (char **)((char *)into + o->offset);
	*field = strdup(v->text);
	return *field ? 0 : -ENOMEM;
}

static int store_hex(void *into, const struct policy_option *o, const struct policy_value *v)
{
	return num_parse_u32(v->text, 16, (uint32_t *)((char *)into + o->offset));
}

/* "10de:2330"; the form is known to be right. */
static int read_id(const char *text, uint16_t *ret_vendor, uint16_t *ret_device)
{
	char vendor[5] = { text[0], text[1], text[2], text[3], '\0' };
	uint64_t v = 0, d = 0;
	int r = num_parse(vendor, 16, UINT16_MAX, &v);
	if (r >= 0)
		r = num_parse(text + 5, 16, UINT16_MAX, &d);
	*ret_vendor = (uint16_t)v;
	*ret_device = (uint16_t)d;
	return r;
}

static int store_id(void *into, const struct policy_option *o, const struct policy_value *v)
{
	(void)o;
	struct host_model *m = into;
	return read_id(v->text, &m->vendor, &m->device);
}

static int store_subsystem(void *into, const struct policy_option *o, const struct policy_value *v)
{
	(void)o;
	struct host_model *m = into;
	return read_id(v->text, &m->subvendor, &m->subdevice);
}

static int store_class(void *into, const struct policy_option *o, const struct policy_value *v)
{
	static const struct {
		const char *word;
		uint32_t code;
	} words[] = { CLASSES(CLASS_ENTRY) };
	struct host_model *m = into;
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (!str_eq(words[i].word, v->text))
			continue;
		m->class = words[i].code;
		return 0;
	}
	return store_hex(into, o, v);
}

static int store_acs(void *into, const struct policy_option *o, const struct policy_value *v)
{
	(void)o;
	struct host_model *m = into;
	m->acs = v->flag;
	m->no_acs = !v->flag;
	return 0;
}

static int store_pm(void *into, const struct policy_option *o, const struct policy_value *v)
{
	(void)o;
	((struct host_model *)into)->no_pm = !v->flag;
	return 0;
}

/* By the words' order: generation 1 has 2.5 GT/s, which is 2 here. */
static int store_link(void *into, const struct policy_option *o, const struct policy_value *v)
{
	(void)o;
	static const uint32_t gt[] = { 2, 5, 8, 16, 32, 64 };
	((struct host_model *)into)->link_gt = gt[v->number];
	return 0;
}

static int store_size(void *into, const struct policy_option *o, const struct policy_value *v)
{
	static const char units[] = "KMGT";
	char digits[4] = "";
	size_t n = strspn(v->text, "0123456789");
	memcpy(digits, v->text, n < sizeof(digits) ? n : 0);
	uint64_t size = 0;
	int r = num_parse(digits, 10, 512, &size);
	const char *unit = strchr(units, v->text[n]);
	if (r < 0 || !unit)
		return -EINVAL;
	*(uint64_t *)((char *)into + o->offset) = size << (10 * (unsigned)(unit - units + 1));
	return 0;
}

/* A VF has its PF's vendor: the host check compares what was written for it. */
static int store_vf_id(void *into, const struct policy_option *o, const struct policy_value *v)
{
	(void)o;
	struct host_model *m = into;
	uint16_t device = 0;
	int r = read_id(v->text, &m->vf_vendor, &device);
	m->vf_device = device;
	return r;
}

static int store_serial(void *into, const struct policy_option *o, const struct policy_value *v)
{
	(void)o;
	struct host_slot *s = into;
	s->has_serial = true;
	return num_parse(v->text, 16, UINT64_MAX, &s->serial);
}

static int store_mac(void *into, const struct policy_option *o, const struct policy_value *v)
{
	mac_format(v->mac, (char *)into + o->offset);
	return 0;
}

static int store_holder(void *into, const struct policy_option *o, const struct policy_value *v)
{
	(void)o;
	struct host_slot *s = into;
	char **holder = ARRAY_ADD(s->holders, s->n_holders);
	if (!holder)
		return -ENOMEM;
	*holder = strdup(v->text);
	return *holder ? 0 : -ENOMEM;
}

/* --- the tables ------------------------------------------------------------------------------ */

/* In the order of their enums. */
static const char *const iommu_words[] = { "intel", "amd", "none", NULL };
static const char *const vfs_words[] = { "default", "can", "cannot", "refuse", "all", NULL };
static const char *const vgpu_words[] = { "none", "vendor", "mdev", NULL };
static const char *const leave_words[] = { "default", "removes", "keeps", NULL };
static const char *const port_words[] = { "endpoint",	"integrated", "root",	"upstream",
					  "downstream", "pci-bridge", "legacy", NULL };
static const char *const full_words[] = { "enospc", "eusers", "einval", NULL };
static const char *const screen_words[] = { "none", "dark", "lit", NULL };
static const char *const link_words[] = { "gen1", "gen2", "gen3", "gen4", "gen5", "gen6", NULL };

static const struct policy_option driver_options[] = {
	{ .key = "vfs",
	  OPTION_WORD_IN(host_driver, vfs, vfs_words),
	  .help = "What it answers to sriov_numvfs: makes them, has no way, refuses, or makes all." },
	{ .key = "vfs-at-most",
	  OPTION_NUMBER_IN(host_driver, vfs_at_most, 1, UINT16_MAX),
	  .help = "It allows fewer VFs than the capability." },
	{ .key = "leave",
	  OPTION_WORD_IN(host_driver, leave, leave_words),
	  .help = "What becomes of VFs when it is unbound from their PF." },
	{ .key = "probe-ms",
	  OPTION_NUMBER_IN(host_driver, probe_ms, 0, 600000),
	  .help = "How long taking a function takes." },
	{ .key = "vgpu",
	  OPTION_WORD_IN(host_driver, vgpu, vgpu_words),
	  .help = "nvidia: it makes vGPUs on VFs, by files of the vendor or by mediated devices." },
	{ .key = "absent",
	  OPTION_BOOL_IN(host_driver, absent),
	  .help = "This host does not have it." },
	{ .key = NULL },
};

static const struct policy_option type_options[] = {
	{ .key = "name",
	  OPTION_TEXT_IN(host_mdev_type, label),
	  .help = "Attribute \"name\"; without it the id." },
	{ .key = "description",
	  OPTION_TEXT_IN(host_mdev_type, description),
	  .store = store_text,
	  .help = "Attribute \"description\"." },
	{ .key = "units",
	  OPTION_NUMBER_IN(host_mdev_type, units, 1, UINT16_MAX),
	  .help = "What one takes from the pool." },
	{ .key = NULL },
};

static const struct policy_option mdev_options[] = {
	{ .key = "pool",
	  OPTION_NUMBER_IN(host_model, pool, 1, UINT16_MAX),
	  .help = "Units that its mediated devices share." },
	{ .key = "when-full",
	  OPTION_WORD_IN(host_model, mdev_errno, full_words),
	  .help = "What making one answers when the pool is used up." },
	{ .key = "types",
	  OPTION_NAMED_IN(host_model, types, id),
	  .required = true,
	  .children = type_options,
	  .most = 64,
	  .init = init_type,
	  .help = "Types, by id without the driver's name in front." },
	{ .key = NULL },
};

static const struct policy_option sriov_options[] = {
	{ .key = "count",
	  .required = true,
	  OPTION_NUMBER_IN(host_model, vfs, 1, UINT16_MAX),
	  .help = "TotalVFs." },
	{ .key = "device",
	  .kind = OPTION_ID,
	  .required = true,
	  .store = store_vf_id,
	  .help = "Vendor and device id of the VFs, in quotes." },
	{ .key = "offset",
	  .required = true,
	  OPTION_NUMBER_IN(host_model, vf_offset, 0, UINT16_MAX),
	  .help = "First VF Offset." },
	{ .key = "stride",
	  .required = true,
	  OPTION_NUMBER_IN(host_model, vf_stride, 0, UINT16_MAX),
	  .help = "VF Stride." },
	{ .key = "driver",
	  OPTION_NAME_IN(host_model, vf_driver),
	  .help = "Driver that takes the VFs." },
	{ .key = NULL },
};

static const struct policy_option nvme_options[] = {
	{ .key = "disks",
	  OPTION_NUMBER_IN(host_model, disks, 0, 16),
	  .help = "Namespaces that are block devices." },
	{ .key = "flexible-queues",
	  OPTION_NUMBER_IN(host_model, nvme_vq, 1, UINT16_MAX),
	  .help = "Queues that VFs can be given." },
	{ .key = "flexible-interrupts",
	  OPTION_NUMBER_IN(host_model, nvme_vi, 1, UINT16_MAX),
	  .help = "Interrupts that VFs can be given." },
	{ .key = NULL },
};

static const struct policy_option attribute_options[] = {
	{ .key = "value",
	  .required = true,
	  OPTION_TEXT_IN(host_attribute, value),
	  .max = HOST_ATTRIBUTE_MAX - 1,
	  .store = store_text,
	  .help = "What is read, without the last newline." },
	{ .key = "writable",
	  OPTION_BOOL_IN(host_attribute, writable),
	  .help = "A write replaces the value." },
	{ .key = NULL },
};

static const struct policy_option model_options[] = {
	{ .key = "id",
	  .kind = OPTION_ID,
	  .required = true,
	  .store = store_id,
	  .help = "Vendor and device id, in quotes." },
	{ .key = "subsystem",
	  .kind = OPTION_ID,
	  .store = store_subsystem,
	  .help = "Subsystem vendor and device id, in quotes." },
	{ .key = "class",
	  .required = true,
	  OPTION_TEXT_IN(host_model, class),
	  .form = &form_class,
	  .store = store_class,
	  .help = "Class as a word, or as six hexadecimal digits in quotes." },
	{ .key = "revision",
	  OPTION_TEXT_IN(host_model, revision),
	  .form = &form_revision,
	  .store = store_hex,
	  .help = "Revision, two hexadecimal digits." },
	{ .key = "driver",
	  OPTION_NAME_IN(host_model, driver),
	  .help = "Driver that takes it at boot." },
	{ .key = "port",
	  OPTION_WORD_IN(host_model, port, port_words),
	  .help = "PCI Express device/port type; legacy: no PCI Express capability." },
	{ .key = "acs",
	  .kind = OPTION_BOOL,
	  .store = store_acs,
	  .help = "Access Control Services with all bits; ports have them unless false." },
	{ .key = "flr", OPTION_BOOL_IN(host_model, flr), .help = "Function Level Reset." },
	{ .key = "pm",
	  .kind = OPTION_BOOL,
	  .store = store_pm,
	  .help = "Power Management; functions have it unless false." },
	{ .key = "pm-reset", OPTION_BOOL_IN(host_model, pm_reset), .help = "D3hot resets it." },
	{ .key = "ats", OPTION_BOOL_IN(host_model, ats), .help = "Address Translation Services." },
	{ .key = "pri", OPTION_BOOL_IN(host_model, pri), .help = "Page Request Interface." },
	{ .key = "pasid", OPTION_BOOL_IN(host_model, pasid), .help = "Process Address Space ID." },
	{ .key = "ari",
	  OPTION_BOOL_IN(host_model, ari),
	  .help = "Alternative Routing-ID: up to 256 functions of one device." },
	{ .key = "rebar", OPTION_BOOL_IN(host_model, rebar), .help = "Resizable BAR." },
	{ .key = "msix", OPTION_NUMBER_IN(host_model, msix, 1, 2048), .help = "MSI-X vectors." },
	{ .key = "link",
	  .kind = OPTION_WORD,
	  .words = link_words,
	  .store = store_link,
	  .help = "Speed of its link." },
	{ .key = "width",
	  OPTION_NUMBER_IN(host_model, link_width, 1, 32),
	  .help = "Lanes of its link." },
	{ .key = "bar",
	  OPTION_TEXT_IN(host_model, memory),
	  .form = &form_size,
	  .store = store_size,
	  .help = "Size of BAR 0: a power of two and KiB, MiB, GiB or TiB." },
	{ .key = "net",
	  OPTION_BOOL_IN(host_model, net),
	  .help = "Its driver makes a network interface." },
	{ .key = "drm",
	  OPTION_BOOL_IN(host_model, drm),
	  .help = "Its driver makes a display device." },
	{ .key = "accel",
	  OPTION_BOOL_IN(host_model, accel),
	  .help = "Its driver makes an accel device." },
	{ .key = "sound",
	  OPTION_BOOL_IN(host_model, sound),
	  .help = "Its driver makes a sound card." },
	{ .key = "sriov",
	  .kind = OPTION_MAP,
	  .children = sriov_options,
	  .help = "SR-IOV capability." },
	{ .key = "nvme",
	  .kind = OPTION_MAP,
	  .children = nvme_options,
	  .help = "What an NVMe controller has." },
	{ .key = "mdev",
	  .kind = OPTION_MAP,
	  .children = mdev_options,
	  .help = "Mediated devices that its driver offers." },
	{ .key = "attributes",
	  OPTION_NAMED_IN(host_model, attributes, name),
	  .form = &form_attribute,
	  .children = attribute_options,
	  .most = 256,
	  .help = "Files that its driver adds below the function." },
	{ .key = NULL },
};

static const struct policy_option connector_options[] = {
	{ .key = "screen",
	  .required = true,
	  OPTION_WORD_IN(host_connector, state, screen_words),
	  .help = "What is plugged in: none, one that is dark, one that is lit." },
	{ .key = NULL },
};

static const struct policy_option disk_options[] = {
	{ .key = "partitions",
	  OPTION_NUMBER_IN(host_disk, partitions, 0, 15),
	  .help = "Partitions." },
	{ .key = "mounted",
	  OPTION_TEXT_IN(host_disk, mounted),
	  .form = &form_path,
	  .help = "Where it, or its first partition, is mounted." },
	{ .key = "part-of",
	  OPTION_NAME_IN(host_disk, part_of),
	  .help = "Its holder, such as dm-0." },
	{ .key = "swap", OPTION_BOOL_IN(host_disk, swap), .help = "It is swapped to." },
	{ .key = "claimed",
	  OPTION_BOOL_IN(host_disk, claimed),
	  .help = "An exclusive open finds it busy (ZFS, Btrfs)." },
	{ .key = NULL },
};

static const struct policy_option slot_options[] = {
	{ .key = "is",
	  .required = true,
	  OPTION_NAME_IN(host_slot, is),
	  .help = "Name of a model." },
	{ .key = "serial",
	  OPTION_TEXT_IN(host_slot, serial),
	  .form = &form_serial,
	  .store = store_serial,
	  .help = "Device serial number, 16 hexadecimal digits." },
	{ .key = "bus",
	  OPTION_TEXT_IN(host_slot, bus),
	  .form = &form_bus,
	  .store = store_hex,
	  .help = "Number of the bus behind a bridge; without it the next." },
	{ .key = "netdev",
	  OPTION_TEXT_IN(host_slot, netdev),
	  .form = &form_netdev,
	  .help = "Its network interface." },
	{ .key = "mac",
	  .kind = OPTION_MAC,
	  OPTION_FIELD(host_slot, mac),
	  .store = store_mac,
	  .help = "Its MAC address, in quotes." },
	{ .key = "up", OPTION_BOOL_IN(host_slot, up), .help = "The interface is up." },
	{ .key = "master",
	  OPTION_TEXT_IN(host_slot, master),
	  .form = &form_netdev,
	  .help = "Bridge or bond that the interface is in." },
	{ .key = "boot-vga",
	  OPTION_BOOL_IN(host_slot, boot_vga),
	  .help = "The firmware's display." },
	{ .key = "console",
	  OPTION_BOOL_IN(host_slot, console),
	  .help = "The text console is on it." },
	{ .key = "connectors",
	  OPTION_NAMED_IN(host_slot, connectors, name),
	  .children = connector_options,
	  .most = 16,
	  .help = "Connectors of a display device: HDMI-A-1." },
	{ .key = "disks",
	  OPTION_LIST_IN(host_slot, disks),
	  .children = disk_options,
	  .most = 16,
	  .help = "Disks in use, in the order of their numbers." },
	{ .key = "holders",
	  .kind = OPTION_TEXT,
	  .many = true,
	  .most = 16,
	  .max = 15,
	  .store = store_holder,
	  .help = "Programs that have its nodes open from boot on." },
	{ .key = "config",
	  OPTION_TEXT_IN(host_slot, config),
	  .form = &form_config,
	  .max = 2 * HOST_CONFIG_MAX,
	  .store = store_text,
	  .help = "Captured configuration space, hexadecimal." },
	{ .key = "group",
	  OPTION_NUMBER_IN(host_slot, group, 0, 65535),
	  .help = "Captured IOMMU group; without it what the topology makes." },
	{ .key = "slots",
	  OPTION_NAMED_IN(host_slot, slots, place),
	  .form = &form_place,
	  .children = slot_options,
	  .most = 256,
	  .init = init_slot,
	  .help = "What is behind this bridge." },
	{ .key = NULL },
};

static const struct policy_option root_options[] = {
	{ .key = "numa",
	  OPTION_NUMBER_IN(host_root, numa, 0, 63),
	  .help = "NUMA node; without it unknown." },
	{ .key = "slots",
	  OPTION_NAMED_IN(host_root, slots, place),
	  .required = true,
	  .form = &form_place,
	  .children = slot_options,
	  .most = 256,
	  .init = init_slot,
	  .help = "Functions by device and function number, such as \"03.0\"." },
	{ .key = NULL },
};

static const struct policy_option parent_options[] = {
	{ .key = "mdev",
	  .kind = OPTION_MAP,
	  .required = true,
	  .children = mdev_options,
	  OPTION_FIELD(host_parent, model),
	  .help = "Mediated devices that it offers." },
	{ .key = NULL },
};

static const struct policy_option host_options[] = {
	{ .key = "version",
	  .kind = OPTION_NUMBER,
	  .required = true,
	  .min = 1,
	  .max = 1,
	  .help = "Version of the language: 1." },
	{ .key = "about",
	  .required = true,
	  OPTION_TEXT_IN(host, about),
	  .help = "One line for people." },
	{ .key = "iommu", OPTION_WORD_IN(host, iommu, iommu_words), .help = "Kind of IOMMU." },
	{ .key = "iommufd",
	  OPTION_BOOL_IN(host, iommufd),
	  .help = "The kernel has /dev/iommu and nodes of VFIO devices." },
	{ .key = "acs-override",
	  OPTION_BOOL_IN(host, acs_override),
	  .help = "Its kernel has the patch for pcie_acs_override and is told to use it." },
	{ .key = "numa-nodes", OPTION_NUMBER_IN(host, nodes, 1, 64), .help = "NUMA nodes." },
	{ .key = "cpus",
	  OPTION_NUMBER_IN(host, cpus, 1, 4096),
	  .help = "Processors that are online." },
	{ .key = "drivers",
	  OPTION_NAMED_IN(host, drivers, name),
	  .children = driver_options,
	  .most = 64,
	  .help = "Drivers, where they differ from what is known of them." },
	{ .key = "models",
	  OPTION_NAMED_IN(host, models, name),
	  .children = model_options,
	  .most = 1024,
	  .help = "Kinds of functions; slots name them." },
	{ .key = "roots",
	  OPTION_NAMED_IN(host, roots, bus),
	  .required = true,
	  .form = &form_root,
	  .children = root_options,
	  .most = 256,
	  .init = init_root,
	  .help = "Root buses by domain and number." },
	{ .key = "parents",
	  OPTION_NAMED_IN(host, parents, name),
	  .children = parent_options,
	  .most = 16,
	  .init = init_parent,
	  .help = "Parents of mediated devices that are no PCI functions." },
	{ .key = NULL },
};

static const struct policy_language host_language = {
	.name = "host",
	.title = "carve-sim host, version 1",
	.text_max = HOST_TEXT_MAX,
	.options = host_options,
};

char *host_schema(void)
{
	return policy_language_schema(&host_language);
}

/* The file's name without folder and ending. */
static int name_of(const char *file, char *ret, size_t size)
{
	const char *slash = strrchr(file, '/');
	int r = str_copy(ret, size, slash ? slash + 1 : file);
	char *dot = r < 0 ? NULL : strrchr(ret, '.');
	if (dot)
		*dot = '\0';
	return r;
}

struct host *host_parse(const char *text, size_t len, const char *file, struct err *reterr)
{
	_cleanup_(policy_source_done) struct policy_source source = { 0 };
	_cleanup_(host_freep) struct host *h = calloc(1, sizeof(*h));
	if (!h) {
		err_set(reterr, "base.memory", ENOMEM, "out of memory");
		return NULL;
	}
	h->nodes = 1;
	h->cpus = 8;
	if (STR_COPY(h->file, file) < 0 || name_of(file, h->name, sizeof(h->name)) < 0) {
		err_set(reterr, "sim.host.open", ENAMETOOLONG, "the name of the host is too long");
		return NULL;
	}
	if (policy_source_open(&source, &host_language, text, len, file, reterr) < 0 ||
	    policy_load(&source, h) < 0 || host_check(h, &source) < 0)
		return NULL;
	return TAKE_PTR(h);
}
