/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See machine.h. */
#include "engine/machine.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/str.h"

#define SETTINGS_ALL                                                                               \
	(VF_SET_MAC | VF_SET_VLAN | VF_SET_SPOOFCHK | VF_SET_TRUST | VF_SET_LINK | VF_SET_RATE)
#define TIMEOUT_MS 5000

void machine_violated(struct machine *m, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
void machine_violated(struct machine *m, const char *fmt, ...)
{
	va_list ap;
	if (m->violation)
		return;
	va_start(ap, fmt);
	if (vasprintf(&m->violation, fmt, ap) < 0)
		abort();
	va_end(ap);
}

static void *grow(void *items, size_t n, size_t size)
{
	void *more = (n & (n - 1)) && n ? items : reallocarray(items, n ? n * 2 : 1, size);
	if (!more)
		abort();
	return more;
}

void machine_init(struct machine *m)
{
	*m = (struct machine){ .bus = 16 };
}

void machine_done(struct machine *m)
{
	have_done(&m->have);
	free(m->holders);
	free(m->residues);
	free(m->steps);
	free(m->violation);
	*m = (struct machine){ 0 };
}

/* --- what there is -------------------------------------------------------------------------------- */

static void enroll(struct machine *m, const char *key, bool enrolled)
{
	if (enrolled)
		(void)STR_COPY(m->enrolled[m->n_enrolled++], key);
}

static bool is_enrolled(const struct machine *m, const char *key)
{
	for (size_t i = 0; i < m->n_enrolled; i++)
		if (str_eq(m->enrolled[i], key))
			return true;
	return false;
}

static struct function *function_add(struct machine *m, const char *key, uint32_t class)
{
	struct function *f = have_add_function(&m->have);
	if (!f)
		abort();
	(void)STR_COPY(f->key, key);
	(void)STR_FORMAT(f->addr, "0000:%02x:00.0", m->bus);
	f->iommu_group = (int)m->bus * 16;
	m->bus++;
	f->vendor = 0x8086;
	f->device = 0x10c9;
	f->class = class;
	f->caps.known = true;
	f->caps.flr = true;
	return f;
}

void machine_add_pf(struct machine *m, const char *key, uint32_t class, uint16_t total,
		    bool enrolled)
{
	struct function *f = function_add(m, key, class);
	(void)STR_COPY(f->driver, class >> 16 == 1 ? "nvme" : "igb");
	f->caps.sriov = true;
	f->caps.sriov_total = total;
	f->caps.sriov_vf_device = 0x10ca;
	enroll(m, key, enrolled);
	if (class != 0x010802)
		return;
	struct vf_info *v = have_add_vf_info(&m->have);
	(void)STR_COPY(v->pf, key);
	v->index = -1;
	v->nvme = true;
	v->nvme_vq = v->nvme_vi = 8;
}

void machine_add_function(struct machine *m, const char *key, uint32_t class, const char *driver,
			  bool flr, bool enrolled)
{
	struct function *f = function_add(m, key, class);
	(void)STR_COPY(f->driver, driver);
	f->caps.flr = flr;
	enroll(m, key, enrolled);
}

void machine_add_parent(struct machine *m, const char *key, uint32_t units, bool enrolled)
{
	struct mdev_parent *p = have_add_parent(&m->have);
	(void)STR_COPY(p->key, key);
	(void)STR_COPY(p->name, strrchr(key, '/') + 1);
	struct machine_pool *pool = &m->pools[m->n_pools++];
	(void)STR_COPY(pool->parent, key);
	pool->units = units;
	enroll(m, key, enrolled);
}

static struct machine_pool *pool_of(struct machine *m, const char *parent)
{
	for (size_t i = 0; i < m->n_pools; i++)
		if (str_eq(m->pools[i].parent, parent))
			return &m->pools[i];
	return NULL;
}

static uint32_t weight_of(const struct machine *m, const char *parent, const char *type)
{
	for (size_t i = 0; i < m->n_weights; i++)
		if (str_eq(m->weights[i].parent, parent) && str_eq(m->weights[i].type, type))
			return m->weights[i].units;
	return 0;
}

static void pool_show(struct machine *m, const char *parent)
{
	const struct machine_pool *p = pool_of(m, parent);
	for (size_t i = 0; i < m->have.n_types; i++) {
		struct mdev_type *t = &m->have.types[i];
		if (str_eq(t->parent, parent))
			t->available = (p->units - p->used) / weight_of(m, parent, t->id);
	}
}

void machine_add_type(struct machine *m, const char *parent, const char *type, uint32_t units)
{
	struct mdev_type *t = have_add_type(&m->have);
	struct machine_weight *w = &m->weights[m->n_weights++];
	(void)STR_COPY(t->parent, parent);
	(void)STR_COPY(t->id, type);
	(void)STR_COPY(w->parent, parent);
	(void)STR_COPY(w->type, type);
	w->units = units;
	t->available_known = true;
	pool_show(m, parent);
}

/* --- tenants ----------------------------------------------------------------------------------------- */

static bool is_storage(struct machine *m, const struct target *t)
{
	const struct function *f = have_device(&m->have, t->device);
	return f && f->class >> 16 == 1 && !t->uuid[0];
}

uint32_t machine_residue_uid(const struct machine *m, const struct target *t)
{
	for (size_t i = 0; i < m->n_residues; i++)
		if (target_eq(&m->residues[i].target, t))
			return m->residues[i].uid;
	return 0;
}

static void residue_set(struct machine *m, const struct target *t, uint32_t uid)
{
	for (size_t i = 0; i < m->n_residues; i++)
		if (target_eq(&m->residues[i].target, t)) {
			m->residues[i].uid = uid;
			return;
		}
	m->residues = grow(m->residues, m->n_residues, sizeof(*m->residues));
	m->residues[m->n_residues++] = (struct machine_residue){ .target = *t, .uid = uid };
}

void machine_residue_clear(struct machine *m, const struct target *t)
{
	if (machine_residue_uid(m, t) && !is_storage(m, t))
		residue_set(m, t, 0);
}

bool machine_is_held(const struct machine *m, const struct target *t)
{
	for (size_t i = 0; i < m->n_holders; i++)
		if (target_eq(&m->holders[i].target, t))
			return true;
	return false;
}

struct function *machine_function(struct machine *m, const struct target *t)
{
	struct function *f = t->uuid[0] ? NULL : have_device(&m->have, t->device);
	return f && t->vf >= 0 ? have_vf(&m->have, f->addr, t->vf) : f;
}

int machine_open(struct machine *m, const struct target *t, uint32_t uid, int32_t pid)
{
	const struct gpu_part *p = t->part ? have_gpu_part(&m->have, t->device, t->part - 1) : NULL;
	const struct function *f = t->part ? NULL : machine_function(m, t);
	const struct mdev *d = t->uuid[0] ? have_mdev(&m->have, t->uuid) : NULL;
	/* Whoever starts containers hands their nodes out, whosever they are. */
	bool node = p ? true : f ? f->vfio_node : d && d->vfio_node;
	uint32_t owner = f ? f->vfio_uid : d ? d->vfio_uid : 0;
	if (!node || (uid != 0 && !p && owner != uid))
		return -EACCES;
	if (machine_is_held(m, t))
		return -EBUSY;
	m->holders = grow(m->holders, m->n_holders, sizeof(*m->holders));
	m->holders[m->n_holders++] =
		(struct machine_holder){ .target = *t, .uid = uid, .pid = pid };
	residue_set(m, t, uid + 1);
	return 0;
}

void machine_close(struct machine *m, const struct target *t)
{
	for (size_t i = 0; i < m->n_holders; i++)
		if (target_eq(&m->holders[i].target, t)) {
			m->holders[i] = m->holders[--m->n_holders];
			return;
		}
}

static bool any_vf_held(const struct machine *m, const char *key)
{
	for (size_t i = 0; i < m->n_holders; i++)
		if (str_eq(m->holders[i].target.device, key) && m->holders[i].target.vf >= 0)
			return true;
	return false;
}

/* --- changes -------------------------------------------------------------------------------------------- */

static void infos_drop(struct machine *m, const char *key)
{
	size_t kept = 0;
	for (size_t i = 0; i < m->have.n_vfs; i++)
		if (!str_eq(m->have.vfs[i].pf, key) || m->have.vfs[i].index < 0)
			m->have.vfs[kept++] = m->have.vfs[i];
	m->have.n_vfs = kept;
}

static void vfs_drop(struct machine *m, const char *key)
{
	const char *pf = have_device(&m->have, key)->addr;
	char addr[PCI_ADDR_SIZE];
	(void)STR_COPY(addr, pf);
	for (size_t i = m->have.n_functions; i > 0; i--) {
		const struct function *f = &m->have.functions[i - 1];
		if (!f->is_vf || !str_eq(f->pf, addr))
			continue;
		struct target t = { .vf = f->vf_index };
		(void)STR_COPY(t.device, key);
		machine_residue_clear(m, &t);
		char vf[PCI_ADDR_SIZE];
		(void)STR_COPY(vf, f->addr);
		have_remove_function(&m->have, vf);
	}
	infos_drop(m, key);
}

static void vf_add(struct machine *m, const struct function *pf, int index, bool autoprobe)
{
	struct function *f = have_add_function(&m->have);
	bool network = pf->class >> 16 == 2;
	(void)STR_FORMAT(f->addr, "%.8s%02x.%x", pf->addr, 0x10 + index / 8, (unsigned)index % 8);
	(void)STR_FORMAT(f->key, "%.120s/%02x.%x", pf->key, 0x10 + index / 8, (unsigned)index % 8);
	(void)STR_COPY(f->pf, pf->addr);
	f->is_vf = true;
	f->vf_index = index;
	f->class = pf->class;
	f->caps.known = f->caps.flr = true;
	f->iommu_group = pf->iommu_group + 1 + index;
	if (autoprobe && network)
		(void)STR_COPY(f->driver, "igbvf");
	struct vf_info *v = have_add_vf_info(&m->have);
	(void)STR_COPY(v->pf, pf->key);
	v->index = index;
	v->nvme = !network;
	if (network)
		v->settings = (struct vf_settings){ .set = SETTINGS_ALL, .spoofchk = 1 };
}

static void cut_note(struct machine *m, const char *key, bool by_step)
{
	size_t kept = 0;
	for (size_t i = 0; i < m->n_cut; i++)
		if (!str_eq(m->cut[i], key))
			memmove(m->cut[kept++], m->cut[i], sizeof(m->cut[i]));
	m->n_cut = kept;
	if (by_step)
		(void)STR_COPY(m->cut[m->n_cut++], key);
}

bool machine_was_cut(const struct machine *m, const char *key)
{
	for (size_t i = 0; i < m->n_cut; i++)
		if (str_eq(m->cut[i], key))
			return true;
	return false;
}

int machine_vfs_set(struct machine *m, const char *key, unsigned count, bool by_step)
{
	const struct function *found = have_device(&m->have, key);
	if (!found || !found->driver[0])
		return -ENOENT;
	struct function pf = *found;
	unsigned made = have_vf_count(&m->have, pf.addr);
	if (count > pf.caps.sriov_total)
		return -ERANGE;
	if (made == count)
		return 0;
	if (made && count)
		return -EBUSY;
	if (count == 0)
		vfs_drop(m, key);
	for (unsigned i = 0; i < count; i++)
		vf_add(m, &pf, (int)i, !by_step);
	have_sort(&m->have);
	cut_note(m, key, by_step && count > 0);
	return 1;
}

int machine_mdev_create(struct machine *m, const char *parent, const char *uuid, const char *type)
{
	struct machine_pool *p = pool_of(m, parent);
	uint32_t units = weight_of(m, parent, type);
	if (have_mdev(&m->have, uuid))
		return -EEXIST;
	if (!p || !units)
		return -EINVAL;
	if (p->used + units > p->units)
		return -ENOSPC;
	p->used += units;
	struct mdev *d = have_add_mdev(&m->have);
	(void)STR_COPY(d->uuid, uuid);
	(void)STR_COPY(d->parent, parent);
	(void)STR_COPY(d->type, type);
	d->vfio_node = true;
	d->vfio_mode = 0600;
	pool_show(m, parent);
	return 1;
}

void machine_disowned(struct machine *m, const struct target *t)
{
	if (t->part) {
		machine_part_disown(m, t);
		return;
	}
	if (!t->uuid[0])
		cut_note(m, t->device, false);
	for (size_t i = 0; t->uuid[0] && i < m->n_made; i++)
		if (str_eq(m->made[i], t->uuid)) {
			m->n_made--;
			memmove(m->made[i], m->made[m->n_made], sizeof(m->made[i]));
			return;
		}
}

void machine_adopted(struct machine *m, const struct target *t)
{
	if (t->part) {
		machine_part_own(m, t);
		return;
	}
	machine_disowned(m, t);
	if (!t->uuid[0])
		cut_note(m, t->device, true);
	else if (have_mdev(&m->have, t->uuid) && m->n_made < MACHINE_UUIDS)
		(void)STR_COPY(m->made[m->n_made++], t->uuid);
}

void machine_handed(struct machine *m, const char *key)
{
	struct target t = { .vf = -1 };
	(void)STR_COPY(t.device, key);
	machine_residue_clear(m, &t);
	/* Its guest is not looked at any more: it ends at once. */
	if (machine_is_held(m, &t))
		machine_close(m, &t);
	if (!machine_is_handed(m, key))
		(void)STR_COPY(m->handed[m->n_handed++], key);
}

bool machine_is_handed(const struct machine *m, const char *key)
{
	for (size_t i = 0; i < m->n_handed; i++)
		if (str_eq(m->handed[i], key))
			return true;
	return false;
}

bool machine_was_made(const struct machine *m, const char *uuid)
{
	for (size_t i = 0; i < m->n_made; i++)
		if (str_eq(m->made[i], uuid))
			return true;
	return false;
}

int machine_mdev_remove(struct machine *m, const char *uuid)
{
	const struct mdev *d = have_mdev(&m->have, uuid);
	struct machine_pool *p = d ? pool_of(m, d->parent) : NULL;
	if (!p)
		return 0;
	struct target t = { .vf = -1 };
	(void)STR_COPY(t.device, d->parent);
	(void)STR_COPY(t.uuid, uuid);
	machine_residue_clear(m, &t);
	p->used -= weight_of(m, t.device, d->type);
	char copy[UUID_SIZE];
	(void)STR_COPY(copy, uuid);
	have_remove_mdev(&m->have, copy);
	pool_show(m, t.device);
	for (size_t i = 0; i < m->n_made; i++)
		if (str_eq(m->made[i], copy)) {
			m->n_made--;
			memmove(m->made[i], m->made[m->n_made], sizeof(m->made[i]));
			break;
		}
	return 1;
}

void machine_executor_crash(struct machine *m)
{
	/* What was in the kernel ends all the same; the rest never happens. */
	struct step_result ignored;
	struct holder holders[4];
	size_t n;
	int64_t now = m->now;
	m->now = INT64_MAX / 2;
	for (size_t i = 0; i < m->n_steps; i++)
		if (m->steps[i].step.id % 2)
			m->steps[i].fault = FAULT_ERROR;
	while (machine_next(m, &ignored, holders, 4, &n))
		;
	m->now = now;
	m->n_steps = 0;
}

void machine_reboot(struct machine *m)
{
	m->n_steps = m->n_holders = m->n_handed = 0;
	/* All of them are enabled. */
	for (size_t i = 0; i < m->n_units; i++) {
		m->units[i].runs = true;
		m->units[i].ours = false;
	}
	while (m->have.n_mdevs)
		(void)machine_mdev_remove(m, m->have.mdevs[0].uuid);
	machine_parts_wipe(m);
	machine_vgpus_wipe(m);
	char keys[16][DEVICE_KEY_SIZE];
	size_t n = 0;
	for (size_t i = 0; i < m->have.n_functions; i++)
		if (m->have.functions[i].caps.sriov)
			(void)STR_COPY(keys[n++], m->have.functions[i].key);
	for (size_t i = 0; i < n; i++) {
		vfs_drop(m, keys[i]);
		cut_note(m, keys[i], false);
	}
	m->bus = m->bus > 200 ? 16 : m->bus + 7;
	unsigned bus = m->bus;
	for (size_t i = 0; i < m->have.n_functions; i++) {
		struct function *f = &m->have.functions[i];
		struct target t = { .vf = -1 };
		(void)STR_COPY(t.device, f->key);
		machine_residue_clear(m, &t);
		(void)STR_FORMAT(f->addr, "0000:%02x:00.0", bus);
		f->iommu_group = (int)bus++ * 16;
		f->vfio_node = false;
		f->vfio_uid = f->vfio_gid = 0;
		(void)STR_COPY(f->driver, f->class >> 16 == 1	       ? "nvme"
					  : f->class >> 16 == 2	       ? "igb"
					  : have_gpu(&m->have, f->key) ? "nvidia"
								       : "nouveau");
	}
	for (size_t i = 0; i < m->have.n_vfs; i++)
		m->have.vfs[i].nvme_vq = m->have.vfs[i].nvme_vi = 8;
	have_sort(&m->have);
}

/* --- verbs -------------------------------------------------------------------------------------------------- */

static int refused(struct step_result *r, const char *reason)
{
	r->status = STEP_REFUSED;
	(void)STR_COPY(r->reason, reason);
	return 0;
}

static int do_bind(struct machine *m, const struct step *s)
{
	struct function *f = machine_function(m, &s->target);
	if (!f)
		return -ENODEV;
	if (str_eq(f->driver, "vfio-pci"))
		return 0;
	(void)STR_COPY(f->driver, "vfio-pci");
	f->vfio_node = true;
	f->vfio_uid = f->vfio_gid = 0;
	f->vfio_mode = 0600;
	return 1;
}

static int do_unbind(struct machine *m, const struct step *s)
{
	struct function *f = machine_function(m, &s->target);
	if (!f)
		return -ENODEV;
	bool none = str_eq(s->text, "-");
	if (!str_eq(f->driver, "vfio-pci") && (f->driver[0] || none || !s->text[0]))
		return 0;
	if (machine_residue_uid(m, &s->target) && !is_storage(m, &s->target))
		machine_violated(m, "%s went to driver %s with a tenant's state in it", f->addr,
				 s->text);
	(void)STR_COPY(f->driver, none ? "" : s->text);
	f->vfio_node = false;
	f->vfio_uid = f->vfio_gid = 0;
	return 1;
}

static int do_set_vf(struct machine *m, const struct step *s, struct step_result *r)
{
	struct vf_info *v = have_vf_info(&m->have, s->target.device, s->target.vf);
	if (!v)
		return -ENODEV;
	struct vf_settings *to = &v->settings, old = v->settings;
	if (s->vf.set & VF_SET_MAC)
		memcpy(to->mac, s->vf.mac, sizeof(to->mac));
	if (s->vf.set & VF_SET_VLAN)
		to->vlan = s->vf.vlan, to->qos = s->vf.qos;
	if (s->vf.set & VF_SET_SPOOFCHK)
		to->spoofchk = s->vf.spoofchk;
	if (s->vf.set & VF_SET_TRUST)
		to->trust = s->vf.trust;
	if (s->vf.set & VF_SET_LINK)
		to->link = s->vf.link;
	if (s->vf.set & VF_SET_RATE)
		to->min_rate = s->vf.min_rate, to->max_rate = s->vf.max_rate;
	r->vf = *to;
	return memcmp(&old, to, sizeof(old)) != 0;
}

static int do_nvme(struct machine *m, const struct step *s)
{
	bool flex = s->verb == VERB_NVME_FLEX;
	struct vf_info *v = have_vf_info(&m->have, s->target.device, flex ? -1 : s->target.vf);
	if (!v)
		return -ENODEV;
	if (flex) {
		bool had = v->nvme_vq != 0;
		v->nvme_vq = v->nvme_vi = 0;
		return had;
	}
	bool online = s->verb == VERB_NVME_ONLINE, was = v->nvme_online;
	v->nvme_online = online;
	return was != online;
}

static int do_node(struct machine *m, const struct step *s, uint32_t uid, uint32_t gid)
{
	struct mdev *d = s->target.uuid[0] ? have_mdev(&m->have, s->target.uuid) : NULL;
	struct function *f = d ? NULL : machine_function(m, &s->target);
	if (!d && (!f || !f->vfio_node))
		return -ENOENT;
	uint32_t *u = d ? &d->vfio_uid : &f->vfio_uid, *g = d ? &d->vfio_gid : &f->vfio_gid;
	bool same = *u == uid && *g == gid;
	*u = uid;
	*g = gid;
	return !same;
}

static int do_create(struct machine *m, const struct step *s)
{
	int r = machine_mdev_create(m, s->target.device, s->target.uuid, s->text);
	if (r > 0 && m->n_made < MACHINE_UUIDS)
		(void)STR_COPY(m->made[m->n_made++], s->target.uuid);
	return r;
}

static int do_reset(struct machine *m, const struct step *s)
{
	const struct function *f = machine_function(m, &s->target);
	if (!f)
		return -ENODEV;
	if (!f->caps.flr && !f->caps.pm_reset)
		return -ENOTTY;
	machine_residue_clear(m, &s->target);
	return 1;
}

struct machine_unit *machine_unit(struct machine *m, const char *name)
{
	for (size_t i = 0; i < m->n_units; i++)
		if (str_eq(m->units[i].name, name))
			return &m->units[i];
	return NULL;
}

struct machine_unit *machine_add_unit(struct machine *m, const char *name)
{
	struct machine_unit *u = &m->units[m->n_units++];
	*u = (struct machine_unit){ .runs = true };
	(void)STR_COPY(u->name, name);
	return u;
}

static int do_unit(struct machine *m, const struct step *s)
{
	struct machine_unit *u = machine_unit(m, s->text);
	bool start = s->verb == VERB_SERVICE_START;
	if (!u)
		return -ENOENT;
	if (u->runs == start)
		return 0;
	if (start ? u->broken : u->clings)
		return -EIO;
	u->runs = start;
	u->ours = !start;
	u->refused = false;
	u->starts += start;
	u->stops += !start;
	return 1;
}

static void look_at_unit(struct machine *m, const struct step *s, struct step_result *r)
{
	const struct machine_unit *u = machine_unit(m, s->text);
	r->status = !u ? STEP_FAILED : u->unlisted ? STEP_REFUSED : STEP_DONE;
	r->error = u ? 0 : ENOENT;
	r->number = u && u->runs;
}

static bool unit_holds(const struct machine *m, const char *device)
{
	for (size_t i = 0; i < m->n_units; i++)
		for (size_t k = 0; k < 4; k++)
			if (m->units[i].runs && str_eq(m->units[i].holds[k], device))
				return true;
	return false;
}

static int do_verb(struct machine *m, const struct step *s, struct step_result *r)
{
	switch ((enum verb)s->verb) {
	case VERB_BIND:
		r->number = 1; /* D3cold was allowed */
		return do_bind(m, s);
	case VERB_UNBIND:
		r->number = s->flag;
		return do_unbind(m, s);
	case VERB_SET_VFS:
		return machine_vfs_set(m, s->target.device, s->number, true);
	case VERB_SET_VF:
	case VERB_SET_PORT:
		return do_set_vf(m, s, r);
	case VERB_NVME_FLEX:
	case VERB_NVME_ONLINE:
	case VERB_NVME_OFFLINE:
		return do_nvme(m, s);
	case VERB_MDEV_CREATE:
		return do_create(m, s);
	case VERB_MDEV_REMOVE:
		return machine_mdev_remove(m, s->target.uuid);
	case VERB_RESET:
		return do_reset(m, s);
	case VERB_GRANT:
		return do_node(m, s, s->number, s->number2);
	case VERB_REVOKE:
		return do_node(m, s, 0, 0);
	case VERB_READ_CONFIG:
	case VERB_READ_ATTR:
	case VERB_READ_MDEV:
	case VERB_READ_VFS:
	case VERB_READ_GPU:
	case VERB_VGPU_MIXED:
	case VERB_VGPU_SCHEDULER:
	case VERB_HOLDERS:
	case VERB_MODULE_LOAD:
	case VERB_SERVICE_LOOK:
	case VERB_COUNT:
		break;
	case VERB_VGPU_VFS:
		return machine_vgpu_vfs(m, s->target.device, s->number);
	case VERB_VGPU_SET:
		return machine_vgpu_step(m, s, r);
	case VERB_MIG_MODE:
	case VERB_MIG_CREATE:
	case VERB_MIG_DESTROY:
	case VERB_MPS_START:
	case VERB_MPS_STOP:
		return machine_gpu_step(m, s, r);
	case VERB_SERVICE_STOP:
	case VERB_SERVICE_START:
		return do_unit(m, s);
	case VERB_PIN_POWER:
		return machine_function(m, &s->target) ? 1 : -ENODEV;
	}
	return -EOPNOTSUPP;
}

static size_t list_holders(const struct machine *m, const struct target *t, struct holder *ret,
			   size_t room)
{
	size_t n = 0;
	for (size_t i = 0; i < m->n_holders && n < room; i++) {
		if (!target_eq(&m->holders[i].target, t))
			continue;
		ret[n] = (struct holder){ .kind = HOLDER_FD,
					  .pid = m->holders[i].pid,
					  .uid = m->holders[i].uid };
		(void)STR_COPY(ret[n].comm, "qemu-system-x86");
		n++;
	}
	return n;
}

static bool guarded(const struct machine *m, const struct step *s)
{
	switch ((enum verb)s->verb) {
	case VERB_SET_VFS:
	case VERB_VGPU_VFS:
		return any_vf_held(m, s->target.device) || unit_holds(m, s->target.device);
	case VERB_BIND:
		return machine_is_held(m, &s->target) ||
		       (s->target.vf < 0 && unit_holds(m, s->target.device));
	case VERB_UNBIND:
	case VERB_RESET:
	case VERB_MDEV_REMOVE:
	case VERB_MIG_DESTROY:
	case VERB_VGPU_SET:
	case VERB_NVME_OFFLINE:
		return machine_is_held(m, &s->target);
	case VERB_SET_VF:
	case VERB_SET_PORT:
	case VERB_NVME_FLEX:
	case VERB_NVME_ONLINE:
	case VERB_MDEV_CREATE:
	case VERB_GRANT:
	case VERB_REVOKE:
	case VERB_READ_CONFIG:
	case VERB_READ_ATTR:
	case VERB_READ_MDEV:
	case VERB_READ_VFS:
	case VERB_READ_GPU:
	case VERB_MIG_MODE:
	case VERB_MIG_CREATE:
	case VERB_VGPU_MIXED:
	case VERB_VGPU_SCHEDULER:
	case VERB_MPS_START:
	case VERB_MPS_STOP:
	case VERB_HOLDERS:
	case VERB_MODULE_LOAD:
	case VERB_PIN_POWER:
	case VERB_SERVICE_LOOK:
	case VERB_SERVICE_STOP:
	case VERB_SERVICE_START:
	case VERB_COUNT:
		break;
	}
	return false;
}

/* Things nobody may ask for, whatever the executor would answer. */
static void check_asked(struct machine *m, const struct step *s)
{
	const struct mdev *d = s->target.uuid[0] ? have_mdev(&m->have, s->target.uuid) : NULL;
	if (!is_enrolled(m, s->target.device))
		machine_violated(m, "step %s on %s, which is not enrolled",
				 verb_name((enum verb)s->verb), s->target.device);
	if (d && !machine_was_made(m, s->target.uuid))
		machine_violated(m, "step %s on mdev %s, which carve did not make",
				 verb_name((enum verb)s->verb), s->target.uuid);
}

static int perform(struct machine *m, const struct step *s, enum machine_fault fault,
		   struct step_result *r)
{
	check_asked(m, s);
	if (guarded(m, s))
		return refused(r, "held");
	if (s->check_only) {
		r->status = STEP_NOTHING;
		return 0;
	}
	if (fault == FAULT_ERROR) {
		struct machine_unit *asked = machine_unit(m, s->text);
		if (asked)
			asked->refused = s->verb == VERB_SERVICE_START;
		r->status = STEP_FAILED;
		r->error = EIO;
		return 0;
	}
	int rc = do_verb(m, s, r);
	struct machine_unit *u = s->verb == VERB_SERVICE_START ? machine_unit(m, s->text) : NULL;
	if (u)
		u->refused = rc < 0 || fault == FAULT_HALF;
	m->performed++;
	m->writes += rc > 0;
	r->status = rc > 0 ? STEP_DONE : rc == 0 ? STEP_NOTHING : STEP_FAILED;
	r->error = rc < 0 ? -rc : 0;
	if (fault == FAULT_HALF && rc >= 0) {
		r->status = STEP_FAILED;
		r->error = EIO;
	}
	return 0;
}

static bool is_of_unit(const struct step *s)
{
	return s->verb == VERB_SERVICE_STOP || s->verb == VERB_SERVICE_START;
}

/* The executor's guards are the second line: carved does not even ask while somebody is there. */
static void check_consumer(struct machine *m, const struct step *s)
{
	if (!verb_changes((enum verb)s->verb) || s->check_only || is_of_unit(s))
		return;
	if (machine_is_held(m, &s->target) ||
	    (s->verb == VERB_SET_VFS && any_vf_held(m, s->target.device)))
		machine_violated(m, "step %s on %s while its consumer is there",
				 verb_name((enum verb)s->verb), s->target.device);
}

void machine_begin(struct machine *m, const struct step *s, int64_t duration,
		   enum machine_fault fault)
{
	check_consumer(m, s);
	m->steps = grow(m->steps, m->n_steps, sizeof(*m->steps));
	/* One at a time on a device, and on units for it; what only checks comes behind both. */
	int64_t from = m->now;
	for (size_t i = 0; i < m->n_steps; i++)
		if (str_eq(m->steps[i].step.target.device, s->target.device) &&
		    m->steps[i].ends_at > from && verb_changes((enum verb)s->verb) &&
		    (s->check_only || is_of_unit(s) == is_of_unit(&m->steps[i].step)))
			from = m->steps[i].ends_at;
	if (!verb_changes((enum verb)s->verb) && fault != FAULT_LOST)
		fault = FAULT_NONE;
	if (fault == FAULT_TIMEOUT)
		duration += TIMEOUT_MS + 1 + (int64_t)(s->id % 3000);
	m->steps[m->n_steps++] = (struct machine_step){ .step = *s,
							.ends_at = from + duration,
							.timeout_at = from + TIMEOUT_MS,
							.fault = fault };
}

static bool is_due(const struct machine *m, const struct machine_step *s)
{
	if (s->fault == FAULT_TIMEOUT && !s->told)
		return s->timeout_at <= m->now;
	return s->ends_at <= m->now;
}

int64_t machine_wake(const struct machine *m)
{
	int64_t wake = -1;
	for (size_t i = 0; i < m->n_steps; i++) {
		const struct machine_step *s = &m->steps[i];
		int64_t at = s->fault == FAULT_TIMEOUT && !s->told ? s->timeout_at : s->ends_at;
		if (wake < 0 || at < wake)
			wake = at;
	}
	return wake;
}

bool machine_next(struct machine *m, struct step_result *ret, struct holder *holders, size_t room,
		  size_t *ret_n)
{
	*ret_n = 0;
	for (size_t i = 0; i < m->n_steps; i++) {
		struct machine_step *s = &m->steps[i];
		if (!is_due(m, s))
			continue;
		*ret = (struct step_result){ .id = s->step.id };
		if (s->fault == FAULT_TIMEOUT && !s->told) {
			s->told = true;
			ret->status = STEP_TIMEOUT;
			return true;
		}
		struct machine_step done = *s;
		memmove(s, s + 1, (m->n_steps - i - 1) * sizeof(*s));
		m->n_steps--;
		if (done.step.verb == VERB_HOLDERS) {
			ret->status = done.fault == FAULT_LOST ? STEP_UNKNOWN : STEP_DONE;
			*ret_n = list_holders(m, &done.step.target, holders, room);
			return true;
		}
		if (done.step.verb == VERB_SERVICE_LOOK)
			look_at_unit(m, &done.step, ret);
		else
			(void)perform(m, &done.step, done.fault, ret);
		if (ret->status == STEP_REFUSED)
			*ret_n = list_holders(m, &done.step.target, holders, room);
		if (done.fault == FAULT_TIMEOUT)
			ret->status = STEP_LATE;
		if (done.fault == FAULT_LOST)
			ret->status = STEP_UNKNOWN;
		return true;
	}
	return false;
}
