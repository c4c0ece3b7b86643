/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What SR-IOV can cut from a PF: as many VFs as its capability says, all alike; and which drivers do not. */
#include "base/str.h"
#include "sriov/internal.h"

/*
 * The kernel does not tell whether a driver has sriov_configure(): a count that is there already is
 * answered before that is looked at, and any other makes VFs (sriov_numvfs_store(), drivers/pci/iov.c of
 * Linux 6.12). So this is a list. Sources: Linux 6.12, amdgpu (amdgpu_drv.c), nouveau (nouveau_drm.c) and
 * pci-stub (pci-stub.c), none has it; vfio-pci (vfio_pci.c), ENOENT unless its parameter enable_sriov is
 * set; NVIDIA/open-gpu-kernel-modules, kernel-open/nvidia/nv-pci.c, has none. QAT
 * (drivers/crypto/intel/qat, adf_sriov_configure() in qat_common/adf_sriov.c) makes all VFs, whatever was
 * asked for, and takes the number of all.
 */
enum sriov_vfs sriov_driver_vfs(const char *driver)
{
	static const struct {
		const char *driver;
		enum sriov_vfs vfs;
	} known[] = {
		{ "", SRIOV_VFS_NONE }, /* ENOENT, too */
		{ "amdgpu", SRIOV_VFS_NONE },	{ "nouveau", SRIOV_VFS_NONE },
		{ "nvidia", SRIOV_VFS_NONE },	{ "pci-stub", SRIOV_VFS_NONE },
		{ "vfio-pci", SRIOV_VFS_NONE }, { "4xxx", SRIOV_VFS_ALL },
		{ "420xx", SRIOV_VFS_ALL },	{ "c3xxx", SRIOV_VFS_ALL },
		{ "c6xx", SRIOV_VFS_ALL },	{ "dh895xcc", SRIOV_VFS_ALL },
	};
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (str_eq(known[i].driver, driver))
			return known[i].vfs;
	return SRIOV_VFS_ANY;
}

void sriov_offer(const struct have *h, const char *device, struct offer *ret)
{
	const struct function *pf = have_device(h, device);
	*ret = (struct offer){ 0 };
	if (!pf || pf->is_vf || !pf->caps.sriov || pf->caps.sriov_total == 0)
		return;
	unsigned made = have_vf_count(h, pf->addr), total = pf->caps.sriov_total;
	ret->kind = (struct capacity){
		.name = "SR-IOV",
		.n_counters = 1,
		.counters = { { "VFs", total } },
		.n_profiles = 1,
		.profiles = { { .name = "vf", .worth = 1, .takes = { 1 } } },
	};
	ret->use.count[0] = (uint16_t)(made < total ? made : total);
	ret->use.used[0] = ret->use.count[0];
}
