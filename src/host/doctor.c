/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See doctor.h. Each examination is one function; the list of them is at the end. */
#include "host/doctor.h"

#include <errno.h>

#include "base/str.h"
#include "host/enroll.h"
#include "host/topology.h"

struct exam {
	const struct have *have;
	const struct doctor_facts *facts;
	struct findings *findings;
	bool failed; /* out of memory */
};

#define FINDING(e, level, id, subject, remedy, ...)                                                \
	do {                                                                                       \
		if (findings_add((e)->findings, level, id, subject, remedy, __VA_ARGS__) < 0)      \
			(e)->failed = true;                                                        \
	} while (0)

static size_t count_grouped(const struct have *h)
{
	size_t n = 0;
	for (size_t i = 0; i < h->n_functions; i++)
		n += h->functions[i].iommu_group >= 0;
	return n;
}

/* A word of the kernel command line: "iommu=off" is no part of "intel_iommu=off". */
static bool on_cmdline(const struct exam *e, const char *word)
{
	size_t len = strlen(word);
	for (const char *at = e->facts->cmdline; (at = strstr(at, word)); at += len)
		if ((at == e->facts->cmdline || at[-1] == ' ') && (!at[len] || at[len] == ' '))
			return true;
	return false;
}

/* The host bridge is function 0 of the root bus; its vendor tells the platform. */
static bool is_amd(const struct have *h)
{
	return h->n_functions && h->functions[0].vendor == 0x1022;
}

static const char *iommu_remedy(const struct exam *e)
{
	static const char *const off[] = { "iommu=off", "intel_iommu=off", "amd_iommu=off" };
	for (size_t i = 0; i < sizeof(off) / sizeof(*off); i++)
		if (on_cmdline(e, off[i]))
			return "the kernel command line turns it off (iommu=off, intel_iommu=off or "
			       "amd_iommu=off): remove that, reboot";
	if (is_amd(e->have))
		return "enable the IOMMU (AMD-Vi, SVM) in the firmware setup; reboot (the kernel turns "
		       "it on by itself)";
	if (on_cmdline(e, "intel_iommu=on"))
		return "intel_iommu=on is on the kernel command line: enable VT-d in the firmware "
		       "setup; reboot";
	return "enable VT-d in the firmware setup; add intel_iommu=on to the kernel command line; "
	       "reboot";
}

static void examine_iommu(struct exam *e)
{
	size_t grouped = count_grouped(e->have);
	if (grouped > 0)
		FINDING(e, FINDING_OK, "doctor.iommu.on", "IOMMU", "",
			"%zu functions are in IOMMU groups", grouped);
	else
		FINDING(e, FINDING_PROBLEM, "doctor.iommu.off", "IOMMU", iommu_remedy(e),
			"no function is in an IOMMU group: no PCI function can be given to a guest "
			"(mediated devices can)");
}

static void examine_remapping(struct exam *e)
{
	if (e->facts->interrupt_remapping == 0 && count_grouped(e->have))
		FINDING(e, FINDING_WARNING, "doctor.interrupt-remapping.off", "interrupt remapping",
			"enable it in the firmware setup (with x2APIC); do not set allow_unsafe_interrupts",
			"interrupts of guests are not isolated: VFIO refuses to attach devices");
}

static void examine_noiommu(struct exam *e)
{
	if (e->facts->noiommu > 0)
		FINDING(e, FINDING_WARNING, "doctor.noiommu", "vfio",
			"remove enable_unsafe_noiommu_mode from the options of module vfio",
			"unsafe no-IOMMU mode is on: a guest can read and write all memory of this host");
}

/* A patch that some kernels carry: groups are split that the hardware does not keep apart. */
static void examine_override(struct exam *e)
{
	if (strstr(e->facts->cmdline, "pcie_acs_override="))
		FINDING(e, FINDING_WARNING, "doctor.acs-override", "kernel command line",
			"remove pcie_acs_override; hand out whole groups as the hardware has them",
			"pcie_acs_override is set: groups look isolated that are not, guests can reach "
			"each other's devices; %s",
			e->facts->unsafe_acs_override
				? "the policy accepts that (unsafe: [acs-override])"
				: "no function is handed out unless the policy accepts that");
}

static void examine_modules(struct exam *e)
{
	if (!e->facts->vfio_pci && !e->facts->vfio_pci_known)
		FINDING(e, FINDING_PROBLEM, "doctor.module.vfio-pci", "vfio-pci",
			"install the kernel's extra modules, or a kernel with CONFIG_VFIO_PCI",
			"this kernel has no vfio-pci: PCI functions cannot be given to guests");
}

static bool group_reported(const struct exam *e, size_t upto)
{
	for (size_t i = 0; i < upto; i++)
		if (e->have->functions[i].iommu_group == e->have->functions[upto].iommu_group &&
		    topology_blocker(e->have, &e->have->functions[i]) &&
		    !topology_is_bridge(&e->have->functions[i]))
			return true;
	return false;
}

static void leak_text(const struct function *bridge, char *ret, size_t size)
{
	char lacks[16];
	if (topology_acs_lacks(bridge, lacks, sizeof(lacks)) >= 0)
		(void)str_format(ret, size, "; bridge %s lacks %s", bridge->addr, lacks);
}

static void examine_groups(struct exam *e)
{
	for (size_t i = 0; i < e->have->n_functions; i++) {
		const struct function *f = &e->have->functions[i];
		const struct function *mate = topology_blocker(e->have, f);
		if (!mate || topology_is_bridge(f) || group_reported(e, i))
			continue;
		const struct function *leak = topology_leak(e->have, f);
		char subject[NAME_SIZE], why[64] = "";
		(void)STR_FORMAT(subject, "IOMMU group %d", f->iommu_group);
		if (leak)
			leak_text(leak, why, sizeof(why));
		FINDING(e, FINDING_NOTE, "doctor.group.shared", subject,
			"hand out the whole group, or move the card to a slot of its own",
			"%s shares it with %s (driver %s)%s", f->addr, mate->addr, mate->driver,
			why);
	}
}

/* VFs need bus numbers and memory that the firmware had to leave room for. */
static void examine_sriov(struct exam *e)
{
	for (size_t i = 0; i < e->have->n_functions; i++) {
		const struct function *f = &e->have->functions[i];
		if (!f->caps.sriov || f->is_vf || !f->caps.sriov_total)
			continue;
		unsigned fit = topology_vfs_numbered(e->have, f);
		if (fit < f->caps.sriov_total)
			FINDING(e, FINDING_WARNING, "doctor.sriov.buses", f->addr,
				"enable SR-IOV and ARI in the firmware setup, or add pci=assign-busses to "
				"the kernel command line",
				"only %u of %u VFs have bus numbers behind bridge %s", fit,
				f->caps.sriov_total, f->parent);
		if (!f->caps.sriov_bars)
			FINDING(e, FINDING_WARNING, "doctor.sriov.memory", f->addr,
				"enable SR-IOV and above-4G decoding in the firmware setup, or add "
				"pci=realloc to the kernel command line",
				"no memory is set aside for its VFs: making them fails with ENOMEM");
	}
}

static void examine_orphan_vfs(struct exam *e)
{
	for (size_t i = 0; i < e->have->n_functions; i++) {
		const struct function *f = &e->have->functions[i];
		if (f->caps.sriov && !f->driver[0] && have_vf_count(e->have, f->addr))
			FINDING(e, FINDING_WARNING, "doctor.vfs.orphaned", f->addr,
				"bind the PF to its driver again, or write 0 to sriov_numvfs when no guest "
				"uses a VF",
				"%u VFs are enabled but the PF has no driver",
				have_vf_count(e->have, f->addr));
	}
}

static void examine_dead(struct exam *e)
{
	for (size_t i = 0; i < e->have->n_functions; i++) {
		const struct function *f = &e->have->functions[i];
		if (f->caps.all_ones && !f->is_vf)
			FINDING(e, FINDING_PROBLEM, "doctor.function.dead", f->addr,
				"reset its slot or power-cycle the host",
				"config space reads all ones: the function does not answer");
	}
}

static void examine_managers(struct exam *e)
{
	const struct {
		bool there;
		const char *name, *what, *remedy;
	} all[] = {
		{ e->facts->mdevctl_autostart, "mdevctl",
		  "defines mediated devices to start at boot",
		  "mdevctl modify --manual for those that carve shall manage" },
		{ e->facts->driverctl_overrides, "driverctl", "overrides drivers at boot",
		  "driverctl unset-override for devices that carve shall manage" },
		{ e->facts->nodedev_autostart, "libvirt", "autostarts node devices",
		  "virsh nodedev-autostart --disable for those that carve shall manage" },
		{ e->facts->sriov_plugin, "sriov-device-plugin", "hands out VFs of its own",
		  "keep its resource list and carve's enrolled devices apart" },
	};
	for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++)
		if (all[i].there)
			FINDING(e, FINDING_NOTE, "doctor.manager", all[i].name, all[i].remedy,
				"%s %s", all[i].name, all[i].what);
}

/* Both would make it at the next boot. */
static void managed_twice(struct exam *e, const struct slice *s, const struct autostart *a)
{
	char name[NAME_SIZE * 2], remedy[256];
	bool mdev = s->uuid[0];
	const char *tool = mdev ? "mdevctl" : "driverctl";
	if (slice_name(s, name, sizeof(name)) < 0)
		(void)STR_COPY(name, a->what);
	(void)STR_FORMAT(remedy, "carve adopt %s --from %s, or carve hand-back %s --to %s", a->what,
			 tool, a->what, tool);
	FINDING(e, FINDING_WARNING, "doctor.managed-twice", name, remedy,
		"%s %s it at boot, too: %s", tool, mdev ? "starts" : "binds", a->file);
}

static void examine_autostarts(struct exam *e)
{
	for (size_t i = 0; i < e->facts->n_slices; i++) {
		const struct slice *s = &e->facts->slices[i];
		const struct function *f = s->index < 0 ? have_device(e->have, s->device) : NULL;
		const char *what = s->uuid[0] ? s->uuid : f ? f->addr : "";
		for (size_t j = 0; j < e->facts->n_autostarts; j++)
			if (str_eq(e->facts->autostarts[j].what, what))
				managed_twice(e, s, &e->facts->autostarts[j]);
	}
}

static void examine_limits(struct exam *e)
{
	if (e->facts->dma_entry_limit >= 0 && e->facts->dma_entry_limit < 65535)
		FINDING(e, FINDING_NOTE, "doctor.limit.dma-entries", "vfio_iommu_type1",
			"raise dma_entry_limit of module vfio_iommu_type1",
			"dma_entry_limit is %lld: large guests may fail with ENOSPC",
			(long long)e->facts->dma_entry_limit);
}

static void examine_confinement(struct exam *e)
{
	if (e->facts->selinux)
		FINDING(e, FINDING_NOTE, "doctor.selinux", "SELinux", "",
			"enforcing; carve needs no module of its own");
	if (e->facts->apparmor)
		FINDING(e, FINDING_NOTE, "doctor.apparmor", "AppArmor", "",
			"on; carve needs no profile of its own");
}

static void examine_carve(struct exam *e)
{
	if (!e->facts->executor)
		FINDING(e, FINDING_PROBLEM, "doctor.executor", "carve-executor",
			"systemctl status carve-executor",
			"the executor does not answer: nothing can be changed");
	if (e->facts->ledger_problem)
		FINDING(e, FINDING_PROBLEM, "doctor.ledger", "ledger", "see carved(8), RECOVERY",
			"%s", e->facts->ledger_problem);
	const struct err *list = e->facts->enrollment;
	if (list)
		FINDING(e, FINDING_PROBLEM, "doctor.enrolled.broken", "/etc/carve/devices",
			"mend the file; until then nothing is changed", "%.120s%s%.100s",
			list->what, list->because ? ": " : "", list->because ? list->because : "");
	else if (e->facts->n_enrolled == 0)
		FINDING(e, FINDING_NOTE, "doctor.enrolled.none", "/etc/carve/devices",
			"carve init shows a proposal",
			"no device is enrolled: carve changes nothing yet");
}

/* What can be known and changed through the vendor's library alone is neither. */
static void examine_gpus(struct exam *e)
{
	for (size_t i = 0; e->facts->enrolled && i < e->have->n_gpus; i++) {
		const struct gpu *g = &e->have->gpus[i];
		const struct function *f = have_device(e->have, g->key);
		if (g->seen != GPU_UNSEEN || !f || !enrollment_find(e->facts->enrolled, g->key))
			continue;
		FINDING(e, FINDING_WARNING, "doctor.gpu.unseen", f->addr,
			"have libnvidia-ml.so.1 and the kernel module of one version; journalctl -k tells of a GPU "
			"that is lost (Xid); carve doctor asks again",
			"NVIDIA's library does not tell of it, its instances are left as they are: %s",
			g->why);
	}
}

static void examine_policy(struct exam *e)
{
	const char *only = e->facts->policy_only;
	if (only && *only)
		FINDING(e, FINDING_WARNING, "doctor.policy.part", only,
			"carve plan shows what is left, carve apply does it",
			"the policy was applied to that device only; the others are as the one before said");
}

/* What was made and cannot be handed out. */
static void examine_slices(struct exam *e)
{
	for (size_t i = 0; i < e->facts->n_slices; i++) {
		const struct slice *s = &e->facts->slices[i];
		char name[NAME_SIZE * 2], remedy[256];
		if (slice_name(s, name, sizeof(name)) < 0)
			(void)STR_COPY(name, "a slice");
		if (s->state == SLICE_QUARANTINED) {
			(void)STR_FORMAT(remedy,
					 "carve quarantine clear %s --reason WHY, once it is clean",
					 name);
			FINDING(e, FINDING_WARNING, "doctor.slice.quarantined", name, remedy,
				"kept out of use: %.200s", s->reason);
		} else if (s->state == SLICE_LOST) {
			FINDING(e, FINDING_WARNING, "doctor.slice.lost", name,
				"release its claim, if it has one; then carve apply makes it anew, if the policy still "
				"wants it",
				"it is not there: %.200s", s->reason);
		} else if (s->state == SLICE_READY && s->dirty) {
			(void)STR_FORMAT(remedy,
					 "wipe it, then: carve quarantine clear %s --reason WHY",
					 name);
			FINDING(e, FINDING_NOTE, "doctor.slice.data", name, remedy,
				"it goes to uid %u only: %.160s", s->last_uid, s->reason);
		}
	}
}

/* They hold slices that nobody uses. */
static void examine_claims(struct exam *e)
{
	size_t n = 0;
	char names[160] = "";
	for (size_t i = 0; i < e->facts->n_claims; i++) {
		const struct claim *c = &e->facts->claims[i];
		size_t len = strlen(names);
		if (!claim_is_orphaned(c))
			continue;
		n++;
		if (len + strlen(c->name) + 3 < sizeof(names))
			(void)str_format(names + len, sizeof(names) - len, "%s%s", len ? ", " : "",
					 c->name);
	}
	if (n > 0)
		FINDING(e, FINDING_NOTE, "doctor.claim.orphaned", "claims",
			"to end one at once: carve release CLAIM; carve list claims shows the time left",
			"%zu wait for their consumers to come back: %s", n, names);
}

int doctor_examine(const struct have *h, const struct doctor_facts *facts, struct findings *ret)
{
	static void (*const exams[])(struct exam * e) = {
		examine_iommu,	     examine_remapping, examine_noiommu,    examine_override,
		examine_modules,     examine_groups,	examine_sriov,	    examine_orphan_vfs,
		examine_dead,	     examine_managers,	examine_autostarts, examine_limits,
		examine_confinement, examine_carve,	examine_policy,	    examine_slices,
		examine_claims,	     examine_gpus,
	};
	struct findings all = { 0 };
	struct exam e = { .have = h, .facts = facts, .findings = &all };
	for (size_t i = 0; i < sizeof(exams) / sizeof(*exams); i++)
		exams[i](&e);
	if (e.failed) {
		findings_done(&all);
		return -ENOMEM;
	}
	*ret = all;
	return 0;
}
