/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The mechanism "sriov": VFs of a PF, their settings, and the provisioning of NVMe secondary
 * controllers. Slices are VFs by index; functions change their address with the count.
 *
 * Plans look at have->vfs. Of a network PF there is one entry per VF; when its VFs have devlink port
 * functions (switchdev mode), the MAC goes through these, everything else through rtnetlink. Of an NVMe PF there is one
 * per VF and one with index -1: the primary controller, with the flexible resources it keeps for
 * itself in nvme_vq and nvme_vi. All come from VERB_READ_VFS; sriov_result_apply() carries the
 * results of changing steps into the picture, so that a plan asked for again right after a step
 * sees what it did.
 */
#pragma once
#include "mech/mech.h"

extern const struct mech sriov_mech;

/* A step with check_only stands for one whose end nobody saw: what was known of its target is
 * forgotten, so that plans do not trust it.
 * Takes a result (DONE or NOTHING) of VERB_SET_VFS, VERB_SET_VF, VERB_SET_PORT or VERB_NVME_* into
 * h. Returns 1 when h changed, 0 when the step is none of these or nothing is known from it, -ENOMEM.
 * VERB_READ_VFS goes through scan_apply_vfs() of host/scan.h. */
int sriov_result_apply(struct have *h, const struct step *s, const struct step_result *r);

/* What a driver makes of a count that is written to sriov_numvfs, as far as it is known. */
enum sriov_vfs {
	SRIOV_VFS_ANY, /* as many as asked for */
	SRIOV_VFS_ALL, /* all that the device has, whatever is asked for: anything else fails */
	SRIOV_VFS_NONE
};
/* driver: its name in /sys/bus/pci/drivers, empty for none. Unknown ones are taken to make any. */
enum sriov_vfs sriov_driver_vfs(const char *driver);
