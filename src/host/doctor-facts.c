/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Gathers what doctor_examine() needs beside the picture. What cannot be read stays unknown. */
#include <stdlib.h>
#include <sys/utsname.h>

#include "base/array.h"
#include "base/num.h"
#include "base/str.h"
#include "host/doctor.h"
#include "model/definition.h"
#include "sys/sysfs.h"

static int stop_at_first(const char *name, void *userdata)
{
	(void)name;
	(void)userdata;
	return 1;
}

static bool has_entries(int root, const char *path)
{
	return sysfs_list(root, path, stop_at_first, NULL) == 1;
}

/* What mdevctl and driverctl make at boot. */
struct starts {
	int etc;
	const char *parent;
	struct doctor_facts *facts;
};

static void starts_add(const struct starts *at, const char *what, const char *path)
{
	struct autostart *a = ARRAY_ADD(at->facts->autostarts, at->facts->n_autostarts);
	if (a && (STR_COPY(a->what, what) < 0 || STR_FORMAT(a->file, "/etc/%s", path) < 0))
		at->facts->n_autostarts--;
}

static int definition_see(const char *name, void *userdata)
{
	const struct starts *at = userdata;
	char path[SYS_PATH_SIZE], text[16384];
	struct definition d;
	if (!uuid_valid(name) || STR_FORMAT(path, "mdevctl.d/%s/%s", at->parent, name) < 0 ||
	    sysfs_read(at->etc, path, text, sizeof(text)) < 0 ||
	    definition_parse(text, strlen(text), path, &d, NULL) < 0 || !d.starts)
		return 0;
	at->facts->mdevctl_autostart = true;
	starts_add(at, name, path);
	return 0;
}

static int parent_see(const char *parent, void *userdata)
{
	struct starts *at = userdata;
	char path[SYS_PATH_SIZE];
	at->parent = parent;
	if (definition_parent_valid(parent) && STR_FORMAT(path, "mdevctl.d/%s", parent) >= 0)
		(void)sysfs_list(at->etc, path, definition_see, at);
	return 0;
}

static int override_see(const char *name, void *userdata)
{
	const struct starts *at = userdata;
	const char *address = override_address(name);
	char path[SYS_PATH_SIZE];
	if (address && STR_FORMAT(path, "driverctl.d/%s", name) >= 0)
		starts_add(at, address, path);
	return 0;
}

static bool module_loaded(int sysfs, const char *name)
{
	char path[128];
	return STR_FORMAT(path, "module/%s", name) >= 0 && sysfs_exists(sysfs, path);
}

/* The folder of the module for the running kernel, with whatever compression. */
static bool module_installed(int root)
{
	struct utsname u;
	char path[256];
	return uname(&u) == 0 &&
	       STR_FORMAT(path, "lib/modules/%s/kernel/drivers/vfio/pci", u.release) >= 0 &&
	       has_entries(root, path);
}

static int read_flag(int sysfs, const char *path)
{
	char text[16];
	if (sysfs_read(sysfs, path, text, sizeof(text)) < 0)
		return -1;
	return text[0] == 'Y' || text[0] == '1';
}

static int64_t read_limit(int sysfs)
{
	uint64_t v;
	int r = sysfs_read_u64(sysfs, "module/vfio_iommu_type1/parameters/dma_entry_limit", 10, &v);
	return r < 0 || v > INT64_MAX ? -1 : (int64_t)v;
}

/* The unit of virtio-iommu has the name of its PCI function; where it hangs tells. */
static int is_paravirtual(const char *unit, void *userdata)
{
	const int *sysfs = userdata;
	char path[128], target[512];
	return STR_FORMAT(path, "class/iommu/%s", unit) >= 0 &&
	       sysfs_link(*sysfs, path, target, sizeof(target)) >= 0 &&
	       strstr(target, "/virtio") != NULL;
}

/* virtio-iommu translates DMA only. On x86 that leaves nobody to remap interrupts (an Arm ITS does
 * it by itself); seen in Linux 6.12: VFIO refuses to attach. */
static bool only_paravirtual(int sysfs)
{
	struct utsname u;
	return uname(&u) == 0 && str_eq(u.machine, "x86_64") &&
	       sysfs_list(sysfs, "class/iommu", is_paravirtual, &sysfs) == 1;
}

/* The kernel offers no flag for it. A DMAR unit with ECAP.IR (bit 3) can remap; whether it does was
 * only logged. AMD units do not tell at all. */
static int read_remapping(int sysfs)
{
	char text[64];
	uint64_t ecap;
	if (only_paravirtual(sysfs))
		return 0;
	if (sysfs_read(sysfs, "class/iommu/dmar0/intel-iommu/ecap", text, sizeof(text)) < 0 ||
	    num_parse(text, 16, UINT64_MAX, &ecap) < 0)
		return -1;
	return ecap & 1u << 3 ? -1 : 0;
}

void doctor_facts_read(const struct doctor_roots *roots, struct doctor_facts *ret)
{
	if (sysfs_read(roots->proc, "cmdline", ret->cmdline, sizeof(ret->cmdline)) < 0)
		ret->cmdline[0] = '\0';
	ret->iommu_class = has_entries(roots->sysfs, "class/iommu");
	ret->vfio_pci = module_loaded(roots->sysfs, "vfio_pci");
	ret->mdev = module_loaded(roots->sysfs, "mdev");
	ret->vfio_pci_known = module_installed(roots->root);
	ret->interrupt_remapping = read_remapping(roots->sysfs);
	ret->noiommu = read_flag(roots->sysfs, "module/vfio/parameters/enable_unsafe_noiommu_mode");
	ret->dma_entry_limit = read_limit(roots->sysfs);
	int etc = roots->etc;
	struct starts starts = { .etc = etc, .facts = ret };
	(void)sysfs_list(etc, "mdevctl.d", parent_see, &starts);
	(void)sysfs_list(etc, "driverctl.d", override_see, &starts);
	ret->driverctl_overrides = has_entries(etc, "driverctl.d");
	ret->nodedev_autostart = has_entries(etc, "libvirt/nodedev/autostart");
	ret->sriov_plugin = sysfs_exists(etc, "pcidp/config.json");
	ret->selinux = read_flag(roots->sysfs, "fs/selinux/enforce") == 1;
	ret->apparmor = read_flag(roots->sysfs, "module/apparmor/parameters/enabled") == 1;
}

void doctor_facts_done(struct doctor_facts *f)
{
	free(f->autostarts);
	*f = (struct doctor_facts){ 0 };
}
