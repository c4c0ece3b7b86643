/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Looks for what keeps a host from dividing its devices, and says the remedy of each. */
#pragma once
#include "base/err.h"
#include "host/finding.h"
#include "model/slice.h"

struct enrollment;

/* What another tool makes at boot: an mdev (its UUID) or the binding of a function (its address). */
struct autostart {
	char what[NAME_SIZE];
	char file[SYS_PATH_SIZE];
};

/* What the examination is based on beside the picture; gathered by doctor_facts_read(). */
struct doctor_facts {
	char cmdline[2048];	 /* /proc/cmdline */
	bool iommu_class;	 /* /sys/class/iommu has an entry */
	bool vfio_pci, mdev;	 /* module loaded or built in */
	bool vfio_pci_known;	 /* a module of that name exists for this kernel */
	int interrupt_remapping; /* 1 on, 0 off, -1 not told by this kernel */
	int noiommu;		 /* vfio.enable_unsafe_noiommu_mode */
	int64_t dma_entry_limit; /* -1 unknown */
	bool mdevctl_autostart, driverctl_overrides, nodedev_autostart, sriov_plugin;
	bool selinux, apparmor;
	bool executor;		    /* carve-executor answers */
	const char *ledger_problem; /* NULL: good */
	size_t n_enrolled;
	const struct enrollment *enrolled; /* NULL: not known */
	const struct err
		*enrollment; /* why the list of enrolled devices cannot be read; NULL: it can */
	bool unsafe_acs_override;   /* the applied policy accepts pcie_acs_override */
	const char *policy_only;    /* the one device that the policy was applied to; empty: all */
	const struct slice *slices; /* as recorded */
	size_t n_slices;
	struct autostart *autostarts; /* owned */
	size_t n_autostarts;
	const struct claim *claims;
	size_t n_claims;
};

/* roots: /sys, /proc, /etc and / of the machine (descriptors); what cannot be read stays unknown. */
struct doctor_roots {
	int sysfs, proc, etc, root;
};
/* ret is zeroed; doctor_facts_done(). */
void doctor_facts_read(const struct doctor_roots *roots, struct doctor_facts *ret);
void doctor_facts_done(struct doctor_facts *f);

/* Pure. -ENOMEM. */
int doctor_examine(const struct have *h, const struct doctor_facts *facts, struct findings *ret);
