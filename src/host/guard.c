/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See guard.h. */
#include "host/guard.h"

#include <errno.h>
#include <stdio.h>

#include "base/str.h"
#include "host/uses.h"
#include "sys/sysfs.h"

#define FULL_PATH_SIZE (SYS_PATH_SIZE + 96)

/* What a verb does to the machine. */
enum effect {
	EFFECT_NONE,
	EFFECT_FUNCTION, /* the function loses its driver or is reset: all that hangs on it suffers */
	EFFECT_VFS,	 /* VFs come and go */
	EFFECT_MDEV,	 /* one mdev goes */
	EFFECT_PART,	 /* a GPU instance goes */
};

static const enum effect effects[VERB_COUNT] = {
	[VERB_BIND] = EFFECT_FUNCTION,		 [VERB_UNBIND] = EFFECT_FUNCTION,
	[VERB_RESET] = EFFECT_FUNCTION,		 [VERB_GRANT] = EFFECT_FUNCTION,
	[VERB_NVME_FLEX] = EFFECT_FUNCTION,	 [VERB_NVME_ONLINE] = EFFECT_FUNCTION,
	[VERB_NVME_OFFLINE] = EFFECT_FUNCTION,	 [VERB_SET_VFS] = EFFECT_VFS,
	[VERB_MDEV_REMOVE] = EFFECT_MDEV,	 [VERB_MIG_MODE] = EFFECT_FUNCTION,
	[VERB_MIG_DESTROY] = EFFECT_PART,	 [VERB_VGPU_VFS] = EFFECT_FUNCTION,
	[VERB_VGPU_SET] = EFFECT_FUNCTION,	 [VERB_VGPU_MIXED] = EFFECT_FUNCTION,
	[VERB_VGPU_SCHEDULER] = EFFECT_FUNCTION,
};

/* The first thing in the way, in words; the rest goes along as records. */
static int refuse(struct guard_answer *a, const char *reason)
{
	const struct holder *h = &a->list.entries[0];
	(void)STR_COPY(a->reason, reason);
	int n;
	if (h->pid > 0)
		n = snprintf(a->detail, sizeof(a->detail), "%s: %s is open in pid %d (%s)%s%s",
			     h->device, h->what, h->pid, h->comm, h->unit[0] ? ", " : "", h->unit);
	else
		n = snprintf(a->detail, sizeof(a->detail), "%s: %s", h->device, h->what);
	if (n < 0)
		a->detail[0] = '\0';
	return 1;
}

/* Drops what is only worth knowing. */
static void keep_never_touch(struct holder_list *l)
{
	size_t n = 0;
	for (size_t i = 0; i < l->n; i++)
		if (l->entries[i].never_touch)
			l->entries[n++] = l->entries[i];
	l->n = l->found = n;
}

/* Uses of several functions at once; refused when there is one. */
static int check_uses(const struct guard_query *q, const struct holder_subjects *subjects,
		      const char *reason, struct guard_answer *a)
{
	for (size_t i = 0; i < subjects->n; i++) {
		const struct holder_subject *s = &subjects->entries[i];
		if (s->kind == HOLDER_MDEV)
			continue;
		int r = uses_find(&q->roots, s->path, s->addr, &a->list);
		if (r < 0)
			return r;
	}
	keep_never_touch(&a->list);
	return a->list.n > 0 ? refuse(a, reason) : 0;
}

static int check_holders(const struct guard_query *q, const struct holder_subjects *subjects,
			 struct guard_answer *a)
{
	int r = holders_find(&q->roots, subjects, !q->step->check_only, &a->list);
	if (r < 0)
		return r;
	return a->list.n > 0 ? refuse(a, "held") : 0;
}

/* --- the rest of the IOMMU group -------------------------------------------------------------- */

struct mates {
	const struct guard_query *query;
	struct holder_list *list;
};

static bool is_own_pf(const struct guard_query *q, const char *addr)
{
	return q->step->target.vf >= 0 && str_eq(addr, q->at->device_addr);
}

static bool mate_enrolled(const struct guard_query *q, const char *path)
{
	char key[DEVICE_KEY_SIZE];
	return device_key_from_path(path, key) == 0 && enrollment_find(q->enrolled, key) != NULL;
}

/* A mate that is enrolled itself gets its own step; only a VF's own PF cannot: it keeps its driver. */
static int mate_visit(const char *addr, void *userdata)
{
	struct mates *m = userdata;
	const struct guard_query *q = m->query;
	char link[FULL_PATH_SIZE], path[FULL_PATH_SIZE], driver[NAME_SIZE];
	if (!pci_addr_valid(addr) || str_eq(addr, q->at->addr) ||
	    STR_FORMAT(link, "bus/pci/devices/%s", addr) < 0)
		return 0;
	int r = uses_class_path(q->roots.sysfs, link, path, sizeof(path));
	if (r < 0)
		return r == -ENOENT ? 0 : r;

	struct holder_list uses = { .n = 0 };
	r = uses_find(&q->roots, path, addr, &uses);
	if (r < 0)
		return r;
	keep_never_touch(&uses);
	if (uses.n > 0) {
		holder_list_add(m->list, HOLDER_SIBLING, addr, "in the same IOMMU group: %.90s",
				uses.entries[0].what)
			->never_touch = 1;
		return 0;
	}
	device_driver(q->roots.sysfs, path, driver);
	if (driver_leaves_group_alone(driver) || (mate_enrolled(q, path) && !is_own_pf(q, addr)))
		return 0;
	holder_list_add(m->list, HOLDER_SIBLING, addr, "in the same IOMMU group, and driven by %s",
			driver);
	return 0;
}

static int check_mates(const struct guard_query *q, struct guard_answer *a)
{
	struct mates m = { q, &a->list };
	char full[FULL_PATH_SIZE];
	bool best = str_eq(q->step->text, "vfio"); /* the executor picks it */
	if (q->step->verb != VERB_BIND || (!best && !driver_is_vfio(q->step->text)))
		return 0;
	if (STR_FORMAT(full, "devices/%s/iommu_group/devices", q->at->path) < 0)
		return -ENAMETOOLONG;
	int r = sysfs_list(q->roots.sysfs, full, mate_visit, &m);
	if (r == -ENOENT)
		return 0; /* no IOMMU: VFIO itself refuses */
	if (r < 0)
		return r;
	return a->list.n > 0 ? refuse(a, "group-mate") : 0;
}

/* --- by effect -------------------------------------------------------------------------------- */

/* What VFIO drives the host does not use: giving that back is always allowed. */
static bool asks_for_uses(const struct guard_query *q)
{
	char driver[NAME_SIZE];
	if (q->step->verb != VERB_UNBIND)
		return q->never_touch;
	device_driver(q->roots.sysfs, q->at->path, driver);
	return !driver_is_vfio(driver);
}

static int check_function(const struct guard_query *q, struct guard_answer *a)
{
	struct holder_subjects subjects __attribute__((cleanup(holder_subjects_done))) = { 0 };
	struct holder_list existing = { .n = 0 };
	int r = holder_subjects_find(&q->roots, q->at->path, q->at->addr, &subjects, &existing);
	if (r == 0 && asks_for_uses(q))
		r = check_uses(q, &subjects, "never-touch", a);
	if (r == 0 && q->never_touch)
		r = check_mates(q, a);
	if (r == 0 && q->holders)
		r = check_holders(q, &subjects, a);
	if (r == 0 && q->holders && existing.n > 0) {
		a->list = existing;
		r = refuse(a, "held");
	}
	return r;
}

/* And their mdevs; what is the device's own stays. Returns how many VFs there are. */
static size_t only_vfs(struct holder_subjects *s, const char *device)
{
	size_t n = 0, vfs = 0;
	for (size_t i = 0; i < s->n; i++) {
		vfs += s->entries[i].kind == HOLDER_VF;
		if (!device_path_below(s->entries[i].path, device))
			s->entries[n++] = s->entries[i];
	}
	s->n = n;
	return vfs;
}

static int check_pf_in_use(const struct guard_query *q, struct guard_answer *a)
{
	struct holder_subjects pf __attribute__((cleanup(holder_subjects_done))) = { 0 };
	if (!q->pf_in_use || q->step->allow & STEP_ALLOW_IN_USE_PF)
		return 0;
	int r = holder_subjects_add(&pf, q->at->device_path, q->at->device_addr, HOLDER_FD);
	return r < 0 ? r : check_uses(q, &pf, "pf-in-use", a);
}

/* Another count goes through 0 and takes every VF with it; the same count does nothing. VFs are
 * counted by their links: reading sriov_numvfs may block. */
static int check_vfs(const struct guard_query *q, struct guard_answer *a)
{
	struct holder_subjects vfs __attribute__((cleanup(holder_subjects_done))) = { 0 };
	int r = holder_subjects_find(&q->roots, q->at->device_path, q->at->device_addr, &vfs, NULL);
	if (r < 0)
		return r;
	if (only_vfs(&vfs, q->at->device_path) == q->step->number)
		return 0;
	r = check_pf_in_use(q, a);
	if (r == 0 && q->holders)
		r = check_holders(q, &vfs, a);
	if (r == 0 && (q->holders || q->never_touch))
		r = check_uses(q, &vfs, "never-touch", a);
	return r;
}

static int check_mdev(const struct guard_query *q, struct guard_answer *a)
{
	struct holder_subjects mdev __attribute__((cleanup(holder_subjects_done))) = { 0 };
	if (!q->at->exists || !q->holders)
		return 0;
	int r = holder_subjects_add(&mdev, q->at->path, q->at->device_addr, HOLDER_MDEV);
	return r < 0 ? r : check_holders(q, &mdev, a);
}

static int check_part(const struct guard_query *q, struct guard_answer *a)
{
	struct holder_subjects part __attribute__((cleanup(holder_subjects_done))) = { 0 };
	int r = holder_subjects_add_instance(&part, q->at->device_path, q->at->device_addr,
					     q->step->number);
	return r < 0 ? r : check_holders(q, &part, a);
}

int guard_check(const struct guard_query *q, struct guard_answer *ret)
{
	*ret = (struct guard_answer){ 0 };
	switch (q->step->verb < VERB_COUNT ? effects[q->step->verb] : EFFECT_NONE) {
	case EFFECT_NONE:
		return 0;
	case EFFECT_FUNCTION:
		return check_function(q, ret);
	case EFFECT_VFS:
		return check_vfs(q, ret);
	case EFFECT_MDEV:
		return check_mdev(q, ret);
	case EFFECT_PART:
		return check_part(q, ret);
	}
	return -EINVAL;
}
