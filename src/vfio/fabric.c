/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * GPUs that NVSwitches join. Which of them reach each other is a partition of the fabric, and only the fabric
 * manager of the vendor knows and sets it: on the host or in a service VM, when switches are shared, or in the guest
 * that has all GPUs and switches (NVIDIA's Fabric Manager user guide, chapters "Full Passthrough Virtualization Model"
 * and "Shared NVSwitch Virtualization Model", which are 6 and 7 in the edition at docs.nvidia.com of 2025). Nothing in
 * the picture tells it. Pure.
 */
#include <errno.h>

#include "vfio/vfio.h"

#define VENDOR_NVIDIA 0x10de

/* Modules for such a board, by their names in pci.ids of 2026-08-22. The switches of the last ones are no PCI functions.
 * The host reaches them through functions of ConnectX-7 that have the id of an ordinary network card, 15b3:1021, and
 * differ from one by "SMDL=SW_MNG" in their vital product data, if they are for management (as NVIDIA's nvrc and other
 * public programs tell them apart): the picture has none of that, so nobody can say whether a claim has all of them.
 * That these modules are only sold for boards with switches is inferred from their having no other form. */
static const struct module {
	uint16_t device;
	bool unseen; /* its switches */
} modules[] = {
	{ 0x1db8, false }, /* V100 SXM3 32GB */
	{ 0x20b0, false }, /* A100 SXM4 40GB */
	{ 0x20b2, false }, /* A100 SXM4 80GB */
	{ 0x20b3, false }, /* A100-SXM-64GB */
	{ 0x20bd, false }, /* A800 SXM4 40GB */
	{ 0x20f3, false }, /* A800-SXM4-80GB */
	{ 0x2330, false }, /* H100 SXM5 80GB */
	{ 0x2335, false }, /* H200 SXM 141GB */
	{ 0x2337, false }, /* H100 SXM5 64GB */
	{ 0x2338, false }, /* H100 SXM5 96GB */
	{ 0x2339, false }, /* H100 SXM5 94GB */
	{ 0x2901, true },  /* B200 */
	{ 0x2909, true },  /* HGX B200 168GB */
	{ 0x3182, true },  /* B300 SXM6 AC */
};

static const struct module *module_of(const struct function *f)
{
	if (f->vendor != VENDOR_NVIDIA || f->is_vf)
		return NULL;
	for (size_t i = 0; i < sizeof(modules) / sizeof(modules[0]); i++)
		if (modules[i].device == f->device)
			return &modules[i];
	return NULL;
}

static bool is_switch(const struct function *f)
{
	return f->vendor == VENDOR_NVIDIA && f->class >> 8 == PCI_OTHER_BRIDGE;
}

static bool any_module(const struct have *h)
{
	for (size_t i = 0; i < h->n_functions; i++)
		if (module_of(&h->functions[i]))
			return true;
	return false;
}

static bool any_switch(const struct have *h)
{
	for (size_t i = 0; i < h->n_functions; i++)
		if (is_switch(&h->functions[i]))
			return true;
	return false;
}

bool vfio_fabric_has(const struct have *h, const struct function *f)
{
	const struct module *m = module_of(f);
	if (is_switch(f))
		return any_module(h);
	return m && (m->unseen || any_switch(h));
}

bool vfio_fabric_is_seen(const struct have *h)
{
	for (size_t i = 0; i < h->n_functions; i++) {
		const struct module *m = module_of(&h->functions[i]);
		if (m && m->unseen)
			return false;
	}
	return true;
}

int vfio_fabric_refuse(const struct have *h, const struct function *f, const struct want *w,
		       struct err *reterr)
{
	err_set(reterr, "nvidia.fabric", EPERM, "cannot hand the %s out alone",
		is_switch(f) ? "NVSwitch" : "GPU");
	if (w && w->where[0])
		err_on(reterr, "%s (policy %s)", f->addr, w->where);
	else
		err_on(reterr, "%s", f->addr);
	err_because(reterr,
		    is_switch(f)
			    ? "it joins GPUs that others may have: whoever has it decides what "
			      "they reach"
			    : "NVSwitches join it with others, and which of them it reaches is "
			      "not known: its NVLinks may not come up in the guest, or reach what "
			      "others use");
	err_state(reterr, "nothing was changed");
	err_todo(reterr,
		 "%sdivide it otherwise (mig, vgpu), or set its fabric partition by the fabric "
		 "manager and take the risk by name in the policy: unsafe: [nvswitch]",
		 vfio_fabric_is_seen(h)
			 ? "hand out all GPUs and NVSwitches by one class with parts, "
			 : "");
	return -EPERM;
}
