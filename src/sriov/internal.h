/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Between the files of this directory. */
#pragma once
#include "sriov/sriov.h"

#define VF_PRIMARY (-1) /* index of the primary controller's own entry in have->vfs */

/* PCI class 02 is network, 010802 an NVM Express controller. */
static inline bool sriov_is_network(const struct function *pf)
{
	return pci_class_is(pf->class, PCI_BASE_NETWORK);
}
static inline bool sriov_is_nvme(const struct function *pf)
{
	return pf->class == 0x010802;
}

void sriov_offer(const struct have *h, const char *device, struct offer *ret);
const struct function *sriov_find(const struct have *h, const struct slice *s, bool *ret_found);
int sriov_proof(const struct have *h, const struct slice *s);
void sriov_diagnose(const struct have *h, const struct step *s, const struct step_result *r,
		    const struct holder *holders, size_t n_holders, struct err *reterr);
