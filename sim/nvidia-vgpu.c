/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * vGPUs of a GPU: which one more there could be, by what is there. Time-sliced ones share the frame buffer, all of one
 * size unless the GPU mixes them; with MIG on, each has a GPU instance of its own. Vendor's vGPU User Guide 17, and
 * what third parties saw of it (RTX PRO 6000 Blackwell); which errno they answer but EIO, is an assumption.
 */
#include "sim/nvidia-vgpu.h"

#include <errno.h>

#include "base/num.h"
#include "nvidia/nvml.h"
#include "sim/class.h"

static bool has_gpu_driver(const struct pci *f)
{
	return str_eq(driver_own(f), "nvidia");
}

static enum host_vgpu framework_of(const struct pci *f)
{
	const struct driver *d = driver_find(f->dev.machine, "nvidia");
	return d ? d->vgpu : HOST_VGPU_NONE;
}

static struct nvidia_vgpu *vgpu_of(const struct pci *gpu)
{
	return gpu->gpu ? gpu->gpu->vgpu : NULL;
}

struct nvidia_vgpu_vf *nvidia_vgpu_of(const struct pci *vf)
{
	return &vgpu_of(vf->pf)->vfs[vf->vf_index];
}

struct nvidia_vgpu_vf *nvidia_vgpu_next(const struct pci *parent)
{
	struct nvidia_vgpu *v = vgpu_of(parent->pf ? parent->pf : parent);
	unsigned first = parent->pf ? (unsigned)parent->vf_index : 0;
	unsigned end = !v ? 0 : parent->pf ? first + 1 : v->n;
	for (unsigned i = first; i < end; i++)
		if (!v->vfs[i].type)
			return &v->vfs[i];
	return NULL;
}

/* --- what there is room for ------------------------------------------------------------------- */

unsigned nvidia_vgpus(const struct pci *f, int instance)
{
	const struct nvidia_vgpu *v = vgpu_of(f);
	unsigned n = 0;
	for (unsigned i = 0; v && i < v->n; i++)
		n += v->vfs[i].type && (instance < 0 || v->vfs[i].instance == instance);
	return n;
}

/* What one takes of the places; all of one size are just counted. */
static uint32_t size_of(const struct pci *gpu, const struct nvidia_vgpu_type *t)
{
	const struct nvidia_vgpu *v = vgpu_of(gpu);
	return v && gpu->gpu->mixed && t->most_mixed ? v->card->slots / t->most_mixed : 1;
}

static bool is_taken(const struct pci *gpu, uint32_t start, uint32_t size)
{
	const struct nvidia_vgpu *v = vgpu_of(gpu);
	for (unsigned i = 0; v && i < v->n; i++) {
		const struct nvidia_vgpu_vf *o = &v->vfs[i];
		uint32_t at = (uint32_t)o->placement;
		if (o->type && at < start + size && start < at + size_of(gpu, o->type))
			return true;
	}
	return false;
}

/* The lowest of its places that is free; -1: none is. */
static int placement_free(const struct pci *gpu, const struct nvidia_vgpu_type *t)
{
	uint32_t most = gpu->gpu->mixed ? t->most_mixed : t->most, size = size_of(gpu, t);
	for (uint32_t i = 0; i < most; i++)
		if (!is_taken(gpu, i * size, size))
			return (int)(i * size);
	return -1;
}

static bool is_other_size(const struct pci *gpu, const struct nvidia_vgpu_type *t)
{
	const struct nvidia_vgpu *v = vgpu_of(gpu);
	for (unsigned i = 0; v && i < v->n; i++)
		if (v->vfs[i].type && v->vfs[i].type->memory != t->memory)
			return true;
	return false;
}

/* A GPU instance of its profile without a vGPU; -1: none. */
static int instance_free(const struct pci *gpu, uint32_t profile)
{
	for (int i = 0; i < NVIDIA_INSTANCES; i++) {
		const struct nvidia_instance *n = &gpu->gpu->instances[i];
		if (n->there && n->profile == profile && nvidia_vgpus(gpu, i) == 0)
			return i;
	}
	return -1;
}

/* Where the next of that type goes; false: nowhere. */
static bool place_find(const struct pci *gpu, const struct nvidia_vgpu_type *t, int *ret_instance,
		       int *ret_placement)
{
	bool sliced = t->profile == GPU_NO_PROFILE;
	*ret_instance = -1;
	*ret_placement = 0;
	if (sliced == gpu->gpu->mig)
		return false;
	if (!sliced) {
		*ret_instance = instance_free(gpu, t->profile);
		return *ret_instance >= 0;
	}
	if (!gpu->gpu->mixed && is_other_size(gpu, t))
		return false;
	*ret_placement = placement_free(gpu, t);
	return *ret_placement >= 0;
}

bool nvidia_vgpu_creatable(const struct pci *gpu, const struct nvidia_vgpu_type *t)
{
	int instance, placement;
	return place_find(gpu, t, &instance, &placement);
}

uint32_t nvidia_vgpu_available(const struct pci *parent, const struct nvidia_vgpu_type *t)
{
	const struct pci *gpu = parent->pf ? parent->pf : parent;
	if (!nvidia_vgpu_next(parent) || !nvidia_vgpu_creatable(gpu, t))
		return 0;
	return parent->pf ? 1 : t->most - nvidia_vgpus(gpu, -1);
}

int nvidia_vgpu_place(struct pci *gpu, struct nvidia_vgpu_vf *v, const struct nvidia_vgpu_type *t)
{
	struct nvidia_vgpu_vf next = { .type = t, .instance = -1 };
	if (t && (v->type || !place_find(gpu, t, &next.instance, &next.placement)))
		return -EIO;
	*v = next;
	return 0;
}

int nvidia_vgpu_set(struct pci *vf, const struct nvidia_vgpu_type *t)
{
	bool used = vf->dev.vfio && vf->dev.vfio->users;
	return used ? -EIO : nvidia_vgpu_place(vf->pf, nvidia_vgpu_of(vf), t);
}

/* --- where it begins --------------------------------------------------------------------------- */

/* What the driver does with ids that a guest cannot have is not known before it starts (vGPU User Guide 17). */
static bool place_move(struct pci *vf, struct nvidia_vgpu_vf *v, uint32_t id)
{
	const struct nvidia_vgpu_type *t = v->type;
	uint32_t size = t ? size_of(vf->pf, t) : 0;
	if (!t || !vgpu_of(vf->pf) || !vf->pf->gpu->mixed || id % size ||
	    id / size >= t->most_mixed)
		return false;
	v->type = NULL;
	bool taken = is_taken(vf->pf, id, size);
	v->type = t;
	if (!taken)
		v->placement = (int)id;
	return !taken;
}

int nvidia_vgpu_params(struct pci *vf, const char *params)
{
	struct nvidia_vgpu_vf *v = nvidia_vgpu_of(vf);
	const char *key = "vgpu-placement-id=", *at = strstr(params, key);
	char digits[16];
	uint32_t id;
	if (at) {
		at += strlen(key);
		if (STR_FORMAT(digits, "%.*s", (int)strcspn(at, ","), at) < 0 ||
		    num_parse_u32(digits, 10, &id) < 0)
			return -EINVAL;
	}
	v->misplaced = at && !place_move(vf, v, id);
	return STR_COPY(v->params, params);
}

bool nvidia_vgpu_starts(const struct device *d)
{
	for (const struct pci *f = d->machine->functions; f; f = f->next)
		if (&f->dev == d && f->pf && vgpu_of(f->pf))
			return !nvidia_vgpu_of(f)->misplaced;
	return true;
}

uint32_t nvidia_vgpu_places(const struct pci *gpu, const struct nvidia_vgpu_type *t, uint32_t *ret,
			    uint32_t room, uint32_t *ret_n)
{
	uint32_t size = t->most_mixed ? gpu->gpu->vgpu->card->slots / t->most_mixed : 0;
	for (*ret_n = 0; *ret_n < t->most_mixed && *ret_n < room; (*ret_n)++)
		ret[*ret_n] = *ret_n * size;
	return size;
}

/* --- modes ------------------------------------------------------------------------------------- */

int nvidia_vgpu_mix(struct pci *gpu, bool mixed)
{
	if (gpu->gpu->mig || !gpu->gpu->vgpu->card->slots)
		return NVML_ERROR_NOT_SUPPORTED;
	if (nvidia_vgpus(gpu, -1))
		return NVML_ERROR_IN_USE;
	gpu->gpu->mixed = mixed;
	return NVML_SUCCESS;
}

int nvidia_vgpu_schedule(struct pci *gpu, uint32_t scheduler)
{
	if (gpu->gpu->mig || nvidia_vgpus(gpu, -1) ||
	    (gpu->gpu->mixed && scheduler == VGPU_SCHEDULER_FIXED_SHARE))
		return NVML_ERROR_NOT_SUPPORTED;
	if (scheduler < VGPU_SCHEDULER_BEST_EFFORT || scheduler > VGPU_SCHEDULER_FIXED_SHARE)
		return NVML_ERROR_INVALID_ARGUMENT;
	gpu->gpu->vgpu->scheduler = scheduler;
	return NVML_SUCCESS;
}

/* --- the driver comes and goes ----------------------------------------------------------------- */

static void mdev_model_fill(struct machine *m, struct nvidia_vgpu *v)
{
	const struct nvidia_vgpu_card *c = v->card;
	v->mdev.n_types = c->n_types;
	v->mdev.types = machine_object(m, c->n_types * sizeof(*v->mdev.types));
	for (size_t i = 0; i < c->n_types; i++) {
		struct host_mdev_type *t = &v->mdev.types[i];
		(void)STR_FORMAT(t->id, "%u", c->types[i].id);
		(void)STR_FORMAT(t->label, "NVIDIA %s", c->types[i].name);
		t->description = machine_object(m, 160);
		nvidia_vgpu_description(&c->types[i], t->description, 160);
	}
}

static unsigned most_of(const struct nvidia_vgpu_card *c)
{
	unsigned most = 0;
	for (size_t i = 0; i < c->n_types; i++)
		most = c->types[i].most > most ? c->types[i].most : most;
	return most;
}

void nvidia_vgpu_add(struct pci *f)
{
	struct machine *m = f->dev.machine;
	if (vgpu_of(f))
		return;
	if (!f->gpu)
		f->gpu = machine_object(m, sizeof(*f->gpu));
	const struct nvidia_vgpu_card *c = nvidia_vgpu_card_find(f->model);
	unsigned n = c->itself ? most_of(c) : f->model->vfs;
	struct nvidia_vgpu *v = machine_object(m, sizeof(*v) + n * sizeof(*v->vfs));
	v->framework = c->itself ? HOST_VGPU_MDEV : framework_of(f);
	v->card = c;
	v->n = n;
	v->scheduler = VGPU_SCHEDULER_BEST_EFFORT;
	mdev_model_fill(m, v);
	f->gpu->vgpu = v;
}

void nvidia_vgpu_remove(struct pci *f)
{
	struct machine *m = f->dev.machine;
	struct nvidia_vgpu *v = vgpu_of(f);
	if (!v)
		return;
	for (size_t i = 0; i < v->mdev.n_types; i++)
		machine_retire(m, v->mdev.types[i].description);
	machine_retire(m, v->mdev.types);
	machine_retire(m, v);
	f->gpu->vgpu = NULL;
	f->gpu->mixed = false;
}

bool nvidia_vgpu_takes(const struct pci *vf)
{
	return vgpu_of(vf->pf) && vf->dev.group;
}

const struct host_model *nvidia_vgpu_mdev_model(const struct pci *f)
{
	const struct nvidia_vgpu *v = vgpu_of(f->pf ? f->pf : f);
	bool parent = v && v->framework == HOST_VGPU_MDEV && v->card->itself == !f->pf;
	return parent ? &v->mdev : NULL;
}

/* The driver leaves memory of the group alone: a VF that is with it can be opened (an assumption; libvirt's
 * managed='no' rests on it). */
static int vf_add(struct pci *vf)
{
	struct nvidia_vgpu *v = vgpu_of(vf->pf);
	if (!v)
		return -ENODEV;
	v->vfs[vf->vf_index] = (struct nvidia_vgpu_vf){ .instance = -1 };
	if (v->framework == HOST_VGPU_MDEV)
		return 0;
	vf->uses_dma = false;
	nvidia_vgpu_files_add(vf);
	return vfio_register(&vf->dev);
}

static int vf_remove(struct pci *vf)
{
	struct machine *m = vf->dev.machine;
	int r = vf->dev.vfio ? vfio_unregister(&vf->dev) : 0;
	if (r < 0)
		return r;
	node_remove_name(m->tree, vf->dev.dir, "nvidia");
	if (vgpu_of(vf->pf))
		*nvidia_vgpu_of(vf) = (struct nvidia_vgpu_vf){ .instance = -1 };
	return 0;
}

static bool is_vgpu(const struct pci *f)
{
	if (!has_gpu_driver(f) || framework_of(f) == HOST_VGPU_NONE)
		return false;
	if (f->pf)
		return vgpu_of(f->pf) != NULL;
	const struct nvidia_vgpu_card *c = nvidia_vgpu_card_find(f->model);
	return c && (c->itself || f->model->vfs);
}

static int vgpu_add(struct pci *f, unsigned unit)
{
	(void)unit;
	if (f->pf)
		return vf_add(f);
	nvidia_vgpu_add(f);
	return 0;
}

static int vgpu_remove(struct pci *f, unsigned unit)
{
	(void)unit;
	if (f->pf)
		return vf_remove(f);
	nvidia_vgpu_remove(f);
	return 0;
}

const struct class_kind class_vgpu = { .is = is_vgpu, .add = vgpu_add, .remove = vgpu_remove };
