/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What each verb does to the picture when all goes well: what a plan is played through with. */
#include <errno.h>

#include "engine/internal.h"

#define GROUP_MADE_UP 1000000 /* a VF that is not there yet will have a group of its own */

static void vf_fill(const struct function *pf, struct function *f, int index)
{
	f->vendor = pf->vendor;
	f->device = pf->caps.sriov_vf_device;
	f->class = pf->class;
	f->is_vf = true;
	f->vf_index = index;
	f->numa_node = pf->numa_node;
	f->iommu_group = pf->iommu_group < 0 ? -1 : GROUP_MADE_UP + pf->iommu_group * 256 + index;
	memcpy(f->pf, pf->addr, sizeof(f->pf));
	(void)STR_FORMAT(f->addr, "%.10s-vf%d", pf->addr, index);
	(void)STR_FORMAT(f->key, "%.140s/vf%d", pf->key, index);
}

static void vfs_drop(struct have *h, const char *pf, const char *key)
{
	for (size_t i = h->n_functions; i > 0; i--)
		if (h->functions[i - 1].is_vf && str_eq(h->functions[i - 1].pf, pf))
			have_remove_function(h, h->functions[i - 1].addr);
	size_t kept = 0;
	for (size_t i = 0; i < h->n_vfs; i++)
		if (!str_eq(h->vfs[i].pf, key) || h->vfs[i].index < 0)
			h->vfs[kept++] = h->vfs[i];
	h->n_vfs = kept;
}

/* Settings that its driver reports; all, as long as there is no VF to see it by. */
static uint32_t settings_reported(const struct have *h, const char *pf)
{
	for (size_t i = 0; i < h->n_vfs; i++)
		if (str_eq(h->vfs[i].pf, pf) && h->vfs[i].index >= 0)
			return h->vfs[i].settings.set;
	return VF_SETTINGS_ALL;
}

/* A VF that was just made has no settings yet. */
static int vf_settings_add(struct have *h, const struct function *pf, int index, uint32_t reported)
{
	if (!pci_class_is(pf->class, PCI_BASE_NETWORK))
		return 0;
	struct vf_info *v = have_add_vf_info(h);
	if (!v)
		return -ENOMEM;
	memcpy(v->pf, pf->key, sizeof(v->pf));
	v->index = index;
	v->settings = vf_settings_clean();
	v->settings.set = reported;
	return 0;
}

static int set_vfs(struct have *h, const struct step *s)
{
	const struct function *found = have_device(h, s->target.device);
	if (!found)
		return -ENODEV;
	struct function pf = *found;
	uint32_t reported = settings_reported(h, pf.key);
	vfs_drop(h, pf.addr, pf.key);
	for (uint32_t i = 0; i < s->number; i++) {
		struct function *f = have_add_function(h);
		if (!f)
			return -ENOMEM;
		vf_fill(&pf, f, (int)i);
		if (vf_settings_add(h, &pf, (int)i, reported) < 0)
			return -ENOMEM;
	}
	have_sort(h);
	return 0;
}

static struct function *target_function(struct have *h, const struct target *t)
{
	struct function *f = have_device(h, t->device);
	return f && t->vf >= 0 ? have_vf(h, f->addr, t->vf) : f;
}

static int bind(struct have *h, const struct step *s, const char *driver)
{
	struct function *f = target_function(h, &s->target);
	if (!f)
		return -ENODEV;
	(void)STR_COPY(f->driver, driver);
	f->vfio_node = driver_is_vfio(driver);
	f->vfio_uid = f->vfio_gid = 0;
	f->vfio_mode = 0600;
	return 0;
}

static int node_set(struct have *h, const struct step *s, uint32_t uid, uint32_t gid)
{
	struct mdev *m = s->target.uuid[0] ? have_mdev(h, s->target.uuid) : NULL;
	if (m) {
		m->vfio_node = true;
		m->vfio_uid = uid;
		m->vfio_gid = gid;
		m->vfio_mode = 0600;
		return 0;
	}
	struct function *f = s->target.uuid[0] ? NULL : target_function(h, &s->target);
	if (!f)
		return -ENODEV;
	f->vfio_node = true;
	f->vfio_uid = uid;
	f->vfio_gid = gid;
	f->vfio_mode = 0600;
	return 0;
}

static struct vf_info *info(struct have *h, const struct target *t)
{
	struct vf_info *v = have_vf_info(h, t->device, t->vf);
	if (v)
		return v;
	v = have_add_vf_info(h);
	if (v) {
		memcpy(v->pf, t->device, sizeof(v->pf));
		v->index = t->vf;
	}
	return v;
}

static int set_vf(struct have *h, const struct step *s)
{
	struct vf_info *v = info(h, &s->target);
	if (!v)
		return -ENOMEM;
	uint32_t known = v->settings.set;
	struct vf_settings *to = &v->settings;
	const struct vf_settings *from = &s->vf;
	if (from->set & VF_SET_MAC)
		memcpy(to->mac, from->mac, sizeof(to->mac));
	if (from->set & VF_SET_VLAN) {
		to->vlan = from->vlan;
		to->qos = from->qos;
	}
	if (from->set & VF_SET_SPOOFCHK)
		to->spoofchk = from->spoofchk;
	if (from->set & VF_SET_TRUST)
		to->trust = from->trust;
	if (from->set & VF_SET_LINK)
		to->link = from->link;
	if (from->set & VF_SET_RATE) {
		to->min_rate = from->min_rate;
		to->max_rate = from->max_rate;
	}
	to->set = known | from->set;
	return 0;
}

static int set_nvme(struct have *h, const struct step *s, bool online)
{
	struct vf_info *v = info(h, &s->target);
	if (!v)
		return -ENOMEM;
	v->nvme = true;
	v->nvme_online = online;
	v->nvme_vq = v->nvme_vi = 0;
	return 0;
}

/* All types of a parent draw on one capacity: what one takes, the others lose in proportion. */
static void capacity_shift(struct have *h, const char *parent, const char *type, bool taken)
{
	const struct mdev_type *t = have_type(h, parent, type);
	uint32_t mine = t ? t->available : 0;
	for (size_t i = 0; i < h->n_types; i++) {
		struct mdev_type *o = &h->types[i];
		if (!str_eq(o->parent, parent) || !o->available_known)
			continue;
		uint32_t part = mine ? mdev_type_units(o->available, mine) : 1;
		if (taken)
			o->available = o->available > part ? o->available - part : 0;
		else
			o->available += part;
	}
}

/* vGPUs of that type there, on VFs and on the GPU itself. */
static uint32_t vgpus_of(const struct have *h, const struct vgpu_type *t)
{
	uint32_t n = 0;
	for (size_t i = 0; i < h->n_vgpu_vfs; i++)
		n += h->vgpu_vfs[i].type == t->id && str_eq(h->vgpu_vfs[i].key, t->key);
	for (size_t i = 0; i < h->n_mdevs; i++)
		n += str_eq(h->mdevs[i].parent, t->key) && mdev_vgpu_id(&h->mdevs[i]) == t->id;
	return n;
}

/* Would the driver make one more? All are of one size, unless the GPU mixes them. */
static bool vgpu_fits(const struct have *h, const struct gpu *g, const struct vgpu_type *t)
{
	for (size_t i = 0; !g->mixed && i < h->n_vgpu_types; i++) {
		const struct vgpu_type *o = &h->vgpu_types[i];
		if (str_eq(o->key, t->key) && o->memory != t->memory && vgpus_of(h, o))
			return false;
	}
	return !t->most || vgpus_of(h, t) < t->most;
}

/* The number of a GPU instance of its profile in which no vGPU runs; -1: there is none. */
static int32_t instance_free(const struct have *h, const struct vgpu_type *t)
{
	for (size_t i = 0; i < h->n_gpu_parts; i++) {
		const struct gpu_part *p = &h->gpu_parts[i];
		bool free = p->profile == t->profile && str_eq(p->key, t->key);
		for (size_t k = 0; free && k < h->n_vgpu_vfs; k++)
			free = !h->vgpu_vfs[k].type || !str_eq(h->vgpu_vfs[k].key, t->key) ||
			       h->vgpu_vfs[k].instance != (int32_t)p->instance;
		if (free)
			return (int32_t)p->instance;
	}
	return -1;
}

static void vgpu_creatable(struct have *h, const char *device)
{
	const struct gpu *g = have_gpu(h, device);
	for (size_t i = 0; g && i < h->n_vgpu_types; i++) {
		struct vgpu_type *t = &h->vgpu_types[i];
		if (str_eq(t->key, device))
			t->creatable = t->profile == GPU_NO_PROFILE ? !g->mig && vgpu_fits(h, g, t)
								    : instance_free(h, t) >= 0;
	}
}

static int mdev_create(struct have *h, const struct step *s)
{
	const struct function *f = s->target.vf < 0 ? NULL : target_function(h, &s->target);
	struct mdev *m = have_add_mdev(h);
	if (!m)
		return -ENOMEM;
	memcpy(m->uuid, s->target.uuid, sizeof(m->uuid));
	(void)STR_COPY(m->parent, f ? f->key : s->target.device);
	(void)STR_COPY(m->type, s->text);
	m->vfio_node = true;
	m->vfio_mode = 0600;
	capacity_shift(h, m->parent, s->text, true);
	have_count_vgpus(h);
	vgpu_creatable(h, s->target.device);
	return 0;
}

static int mdev_remove(struct have *h, const struct step *s)
{
	const struct mdev *m = have_mdev(h, s->target.uuid);
	if (!m)
		return -ENODEV;
	capacity_shift(h, m->parent, m->type, false);
	have_remove_mdev(h, s->target.uuid);
	have_count_vgpus(h);
	vgpu_creatable(h, s->target.device);
	return 0;
}

/* As other GPUs of the host have it: one driver has all. Where none has VFs it is a guess. */
static enum vgpu_framework framework_guess(const struct have *h)
{
	for (size_t i = 0; i < h->n_vgpu_vfs; i++)
		if (h->vgpu_vfs[i].index >= 0 && h->vgpu_vfs[i].framework != VGPU_UNKNOWN)
			return (enum vgpu_framework)h->vgpu_vfs[i].framework;
	return VGPU_VENDOR;
}

/* VFs of a driver that makes vGPUs: as they are right after. */
static int vgpu_vfs(struct have *h, const struct step *s)
{
	const struct function *pf = have_device(h, s->target.device);
	struct gpu *g = have_gpu(h, s->target.device);
	if (!pf || !g)
		return -ENODEV;
	g->mixed = 0;
	g->scheduler = g->schedulers ? VGPU_SCHEDULER_BEST_EFFORT : 0;
	const struct step set = { .verb = VERB_SET_VFS,
				  .target = s->target,
				  .number = s->number ? pf->caps.sriov_total : 0 };
	enum vgpu_framework framework = framework_guess(h);
	size_t kept = 0;
	for (size_t i = 0; i < h->n_vgpu_vfs; i++)
		if (!str_eq(h->vgpu_vfs[i].key, s->target.device))
			h->vgpu_vfs[kept++] = h->vgpu_vfs[i];
	h->n_vgpu_vfs = kept;
	have_drop_gpu_parts(h, s->target.device);
	for (uint32_t i = 0; i < set.number; i++) {
		struct vgpu_vf *v = have_add_vgpu_vf(h);
		if (!v)
			return -ENOMEM;
		*v = (struct vgpu_vf){ .index = (int32_t)i, .framework = framework };
		v->instance = v->placement = v->asked = -1;
		memcpy(v->key, s->target.device, sizeof(v->key));
	}
	vgpu_creatable(h, s->target.device);
	return set_vfs(h, &set);
}

static int vgpu_set(struct have *h, const struct step *s)
{
	struct vgpu_vf *v = have_vgpu_vf(h, s->target.device, s->target.vf);
	const struct vgpu_type *t = v && s->number ? have_vgpu_type(h, v->key, s->text) : NULL;
	if (!v)
		return -ENODEV;
	v->instance = t && t->profile != GPU_NO_PROFILE ? instance_free(h, t) : -1;
	v->type = s->number;
	v->asked = (int32_t)s->number2 - 1;
	vgpu_creatable(h, s->target.device);
	return 0;
}

static int vgpu_mode(struct have *h, const struct step *s)
{
	struct gpu *g = have_gpu(h, s->target.device);
	if (!g)
		return -ENODEV;
	if (s->verb == VERB_VGPU_MIXED)
		g->mixed = s->number != 0;
	else
		g->scheduler = (uint8_t)s->number;
	vgpu_creatable(h, s->target.device);
	return 0;
}

static int mig_create(struct have *h, const struct step *s)
{
	uint32_t instance = 0;
	const struct gpu_profile *profile = have_gpu_profile(h, s->target.device, s->text);
	struct gpu_part *p = profile ? have_add_gpu_part(h) : NULL;
	if (!p)
		return profile ? -ENOMEM : -ENODEV;
	for (size_t i = 0; i + 1 < h->n_gpu_parts; i++)
		if (str_eq(h->gpu_parts[i].key, s->target.device) &&
		    h->gpu_parts[i].instance >= instance)
			instance = h->gpu_parts[i].instance + 1;
	memcpy(p->key, s->target.device, sizeof(p->key));
	p->instance = instance;
	p->profile = profile->id;
	p->start = s->target.part - 1;
	p->size = profile->size;
	p->n_computes = 1;
	p->compute_whole = 1;
	vgpu_creatable(h, s->target.device);
	return 0;
}

static int mig_mode(struct have *h, const struct step *s)
{
	struct gpu *g = have_gpu(h, s->target.device);
	if (!g)
		return -ENODEV;
	g->mig = g->mig_pending = s->number != 0;
	vgpu_creatable(h, s->target.device);
	return 0;
}

static int mps_run(struct have *h, const struct step *s, bool runs)
{
	struct gpu *g = have_gpu(h, s->target.device);
	struct gpu_part *p = s->target.part ? have_gpu_part(h, s->target.device, s->target.part - 1)
					    : NULL;
	if (!g || (s->target.part && !p))
		return -ENODEV;
	if (p)
		p->mps = runs;
	else
		g->mps = runs;
	return 0;
}

int effect_apply(struct have *h, const struct step *s)
{
	switch ((enum verb)s->verb) {
	case VERB_BIND:
		return bind(h, s, str_eq(s->text, "vfio") ? "vfio-pci" : s->text);
	case VERB_UNBIND:
		return bind(h, s, str_eq(s->text, "-") ? "" : s->text);
	case VERB_SET_VFS:
		return set_vfs(h, s);
	case VERB_SET_VF:
	case VERB_SET_PORT:
		return set_vf(h, s);
	case VERB_NVME_FLEX:
	case VERB_NVME_OFFLINE:
		return set_nvme(h, s, false);
	case VERB_NVME_ONLINE:
		return set_nvme(h, s, true);
	case VERB_MDEV_CREATE:
		return mdev_create(h, s);
	case VERB_MDEV_REMOVE:
		return mdev_remove(h, s);
	case VERB_VGPU_VFS:
		return vgpu_vfs(h, s);
	case VERB_VGPU_SET:
		return vgpu_set(h, s);
	case VERB_VGPU_MIXED:
	case VERB_VGPU_SCHEDULER:
		return vgpu_mode(h, s);
	case VERB_MIG_MODE:
		return mig_mode(h, s);
	case VERB_MPS_START:
	case VERB_MPS_STOP:
		return mps_run(h, s, s->verb == VERB_MPS_START);
	case VERB_MIG_CREATE:
		return mig_create(h, s);
	case VERB_MIG_DESTROY:
		have_remove_gpu_part(h, s->target.device, s->target.part - 1);
		vgpu_creatable(h, s->target.device);
		return 0;
	case VERB_GRANT:
		return node_set(h, s, s->number, s->number2);
	case VERB_REVOKE:
		return node_set(h, s, 0, 0);
	case VERB_READ_CONFIG:
	case VERB_READ_ATTR:
	case VERB_READ_MDEV:
	case VERB_READ_VFS:
	case VERB_READ_GPU:
	case VERB_HOLDERS:
	case VERB_RESET:
	case VERB_MODULE_LOAD:
	case VERB_PIN_POWER:
	case VERB_SERVICE_LOOK:
	case VERB_SERVICE_STOP:
	case VERB_SERVICE_START:
	case VERB_COUNT:
		break;
	}
	return 0;
}
