/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is there of passthrough slices, and whether a function can be cleaned by a reset. */
#include "base/str.h"
#include "vfio/internal.h"

const struct function *passthrough_find(const struct have *h, const struct slice *s,
					bool *ret_found)
{
	const struct function *f = have_device(h, s->device);
	*ret_found = f != NULL;
	return f;
}

/* Graphics and accelerators have memory of their own, which guests fill. */
static bool has_memory(const struct function *f)
{
	return pci_class_is(f->class, PCI_BASE_DISPLAY) ||
	       pci_class_is(f->class, PCI_BASE_ACCELERATOR);
}

/* FLR and AF FLR reset one function, which must then not "retain within itself software readable state
 * that potentially includes secret information" (PCI Express Base Specification 4.0, 6.6.2). PM reset
 * (D3hot to D0 without No_Soft_Reset) resets one as well, but of its memory nothing is said (5.3.1.4).
 * Before config space was read nothing is known against it: the reset itself will tell. */
int vfio_function_proof(const struct function *f)
{
	if (!f->caps.known || f->caps.flr || f->caps.af_flr)
		return PROOF_RESET;
	if (f->caps.pm_reset)
		return has_memory(f) ? PROOF_SOFT_RESET : PROOF_RESET;
	return PROOF_NONE;
}

int passthrough_proof(const struct have *h, const struct slice *s)
{
	const struct function *f = have_device(h, s->device);
	if (!f)
		return PROOF_NONE;
	/* Mass storage, of any interface, keeps what the tenant wrote. */
	return pci_class_is(f->class, PCI_BASE_STORAGE) ? PROOF_KEPT : vfio_function_proof(f);
}
