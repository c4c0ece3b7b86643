/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * GPUs that NVSwitches join. Which of them reach each other is a partition of the fabric, and only the fabric
 * manager of the vendor, on the host or in the guest that has all GPUs and switches, knows and sets it ("Fabric
 * Manager for NVIDIA NVSwitch Systems User Guide" of May 2025, chapters 6 and 7). Nothing in the picture tells
 * it. Pure.
 */
#include <errno.h>

#include "vfio/vfio.h"

#define VENDOR_NVIDIA 0x10de
#define CLASS_OTHER_BRIDGE                                                                         \
	0x0680 /* PCI Code and ID Assignment Specification 1.16, base class 06h */

/* Modules for such a board, by their names in pci.ids of 2026-08-22. The switches of later ones are no PCI
 * functions of their own, so that what follows could not see them. */
static const uint16_t modules[] = {
	0x1db8, /* V100 SXM3 32GB */
	0x20b0, /* A100 SXM4 40GB */
	0x20b2, /* A100 SXM4 80GB */
	0x20b3, /* A100-SXM-64GB */
	0x20bd, /* A800 SXM4 40GB */
	0x20f3, /* A800-SXM4-80GB */
	0x2330, /* H100 SXM5 80GB */
	0x2335, /* H200 SXM 141GB */
	0x2337, /* H100 SXM5 64GB */
	0x2338, /* H100 SXM5 96GB */
	0x2339, /* H100 SXM5 94GB */
};

static bool is_module(const struct function *f)
{
	if (f->vendor != VENDOR_NVIDIA || f->is_vf)
		return false;
	for (size_t i = 0; i < sizeof(modules) / sizeof(modules[0]); i++)
		if (modules[i] == f->device)
			return true;
	return false;
}

bool vfio_fabric_has(const struct have *h, const struct function *f)
{
	if (!is_module(f))
		return false;
	for (size_t i = 0; i < h->n_functions; i++)
		if (h->functions[i].vendor == VENDOR_NVIDIA &&
		    h->functions[i].class >> 8 == CLASS_OTHER_BRIDGE)
			return true;
	return false;
}

int vfio_fabric_refuse(const struct function *f, const struct want *w, struct err *reterr)
{
	err_set(reterr, "nvidia.fabric", EPERM, "cannot hand the GPU out alone");
	if (w && w->where[0])
		err_on(reterr, "%s (policy %s)", f->addr, w->where);
	else
		err_on(reterr, "%s", f->addr);
	err_because(reterr,
		    "NVSwitches join it with others, and which of them it reaches is not "
		    "known: its NVLinks may not come up in the guest, or reach what others use");
	err_state(reterr, "nothing was changed");
	err_todo(reterr,
		 "divide it otherwise (mig, vgpu), or set its fabric partition by the fabric "
		 "manager and take the risk by name in the policy: unsafe: [nvswitch]");
	return -EPERM;
}
