/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What there is once per machine: processors and NUMA nodes, consoles, swaps, the command line of the
 * kernel, and the directories that are there without any device.
 */
#include "sim/nvidia-library.h"

static int show_boot_id(struct node *n, struct str_buf *out)
{
	str_buf_addf(out, "%s\n", ((const struct machine *)n->owner)->boot_id);
	return 0;
}
static const struct file_ops ops_boot_id = { .show = show_boot_id };

static int show_consoles(struct node *n, struct str_buf *out)
{
	(void)n;
	str_buf_add(out, "tty0                 -WU (EC  p  )    4:1\n");
	return 0;
}
static const struct file_ops ops_consoles = { .show = show_consoles };

static int show_swaps(struct node *n, struct str_buf *out)
{
	const struct machine *m = n->owner;
	char name[NAME_SIZE];
	str_buf_add(out, "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n");
	for (const struct pci *f = m->functions; f; f = f->next)
		for (unsigned i = 0; f->slot && i < f->slot->n_disks; i++)
			if (f->slot->disks[i].swap && class_nvme_disk(f, i, name))
				str_buf_addf(out, "/dev/%s   partition\t1048572\t\t0\t\t-2\n",
					     name);
	return 0;
}
static const struct file_ops ops_swaps = { .show = show_swaps };

static int show_cmdline(struct node *n, struct str_buf *out)
{
	const struct machine *m = n->owner;
	static const char *const words[] = { [HOST_IOMMU_INTEL] = " intel_iommu=on",
					     [HOST_IOMMU_AMD] = "",
					     [HOST_IOMMU_NONE] = "" };
	str_buf_addf(out, "BOOT_IMAGE=/boot/vmlinuz root=/dev/simulated%s%s\n",
		     words[m->host->iommu],
		     m->host->acs_override ? " pcie_acs_override=downstream,multifunction" : "");
	return 0;
}
static const struct file_ops ops_cmdline = { .show = show_cmdline };

/* These stay over a reboot: the world has them mounted. */
static void proc_file(struct machine *m, const char *name, const struct file_ops *ops)
{
	if (!node_find(m->tree, m->proc, name))
		node_file(m->tree, m->proc, name, 0444, ops, m)->number = NODE_STAYS;
}

static void numa_init(struct machine *m)
{
	unsigned each = m->host->cpus / m->host->nodes;
	struct node *system = node_path(m->tree, m->devices, "system");
	for (unsigned i = 0; i < m->host->nodes; i++) {
		char name[16];
		(void)STR_FORMAT(name, "node%u", i);
		struct node *dir = node_dir(m->tree, node_dir(m->tree, system, "node"), name);
		node_text(m->tree, dir, "cpulist", each > 1 ? "%u-%u" : "%u", i * each,
			  (i + 1) * each - 1);
	}
	node_text(m->tree, node_dir(m->tree, system, "node"), "online", "0-%u", m->host->nodes - 1);
	node_text(m->tree, node_dir(m->tree, system, "cpu"), "online", "0-%u", m->host->cpus - 1);
	node_text(m->tree, node_dir(m->tree, system, "cpu"), "possible", "0-%u", m->host->cpus - 1);
}

/* Majors of what programs look for by name. */
static int show_devices(struct node *n, struct str_buf *out)
{
	const struct machine *m = n->owner;
	bool nvidia = node_walk(m->tree, m->proc, "driver/nvidia");
	str_buf_addf(out,
		     "Character devices:\n  1 mem\n  5 /dev/tty\n  5 /dev/console\n116 alsa\n%s"
		     "226 drm\n%s261 accel\n\nBlock devices:\n  8 sd\n259 blkext\n",
		     nvidia ? "195 nvidia\n" : "",
		     nvidia ? "234 nvidia-caps\n235 nvidia-uvm\n" : "");
	return 0;
}
static const struct file_ops ops_devices = { .show = show_devices };

void platform_init(struct machine *m)
{
	static const char *const dirs[] = { "devices", "class/net", "class/block", "class/iommu",
					    "module",  "firmware",  "fs",	   "kernel" };
	for (size_t i = 0; i < sizeof(dirs) / sizeof(*dirs); i++)
		node_path(m->tree, m->sys, dirs[i]);
	m->devices = node_dir(m->tree, m->sys, "devices");
	m->class = node_dir(m->tree, m->sys, "class");
	if (m->host->iommu != HOST_IOMMU_NONE)
		node_link(m->tree, node_dir(m->tree, m->class, "iommu"),
			  m->host->iommu == HOST_IOMMU_AMD ? "ivhd0" : "dmar0",
			  node_path(m->tree, m->devices, "virtual/iommu/iommu0"));
	numa_init(m);
	rtnetlink_init(m);
	nvidia_library_init(m);
	proc_file(m, "boot_id", &ops_boot_id);
	proc_file(m, "consoles", &ops_consoles);
	proc_file(m, "swaps", &ops_swaps);
	proc_file(m, "cmdline", &ops_cmdline);
	proc_file(m, "devices", &ops_devices);
	if (!node_find(m->tree, m->proc, "driver"))
		node_dir(m->tree, m->proc, "driver")->number = NODE_STAYS;
}
