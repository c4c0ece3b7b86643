/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What NVIDIA's library is told about the machine's GPUs. Each question passes by the faults as "nvml/ADDRESS/NAME"
 * ("nvml/NAME" when it is about none), changes as writes and all others as reads; an errno is told as the result that fits
 * best, and the answer of a fault to a look is a result by its number.
 */
#include "sim/nvidia-library.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/num.h"
#include "nvidia/nvml.h"
#include "sim/access.h"
#include "sim/nvidia-cards.h"
#include "sim/nvidia-vgpu.h"
#include "sim/nvml-wire.h"

struct call {
	struct machine *m;
	struct pci *gpu;
	const struct nvml_asked *asked;
	struct nvml_told *told;
};

/* --- which GPU ------------------------------------------------------------------------------------- */

static struct pci *gpu_by_number(const struct machine *m, uint32_t number)
{
	for (struct pci *f = m->functions; f; f = f->next)
		if (nvidia_is_up(f) && f->units[CLASS_NVIDIA] == number)
			return f;
	return NULL;
}

static struct pci *gpu_next(const struct machine *m, uint32_t skip)
{
	for (struct pci *f = m->functions; f; f = f->next)
		if (nvidia_is_up(f) && skip-- == 0)
			return f;
	return NULL;
}

/* "00000000:3B:00.0" and "0000:3b:00.0" are the same. */
static bool is_address(const struct pci *f, const char *text)
{
	size_t n = strlen(text), wanted = strlen(f->dev.name);
	return n >= wanted && strspn(text, "0") >= n - wanted &&
	       strcasecmp(text + n - wanted, f->dev.name) == 0;
}

/* Made up, and always the same of a card in a place. */
static void uuid_make(const char *prefix, const struct pci *f, uint64_t more, char ret[96])
{
	uint64_t h = 0xcbf29ce484222325u;
	for (const char *p = f->dev.name; *p; p++)
		h = (h ^ (unsigned char)*p) * 0x100000001b3u;
	uint64_t low = (h ^ more * 0x9e3779b97f4a7c15u) * 0xff51afd7ed558ccdu;
	(void)str_format(ret, 96, "%s-%08x-%04x-4%03x-8%03x-%012llx", prefix, (unsigned)(h >> 32),
			 (unsigned)(h >> 16) & 0xffff, (unsigned)h & 0xfff,
			 (unsigned)(low >> 48) & 0xfff,
			 (unsigned long long)(low & 0xffffffffffffu));
}

static int said(struct call *c, const char *text)
{
	(void)STR_COPY(c->told->text, text);
	return NVML_SUCCESS;
}

/* --- of the driver ------------------------------------------------------------------------------------ */

static int ask_init(struct call *c)
{
	return gpu_next(c->m, 0) ? NVML_SUCCESS : NVML_ERROR_DRIVER_NOT_LOADED;
}

static int ask_nothing(struct call *c)
{
	(void)c;
	return NVML_SUCCESS;
}

static int ask_version(struct call *c)
{
	return said(c, NVIDIA_VERSION);
}

static int ask_count(struct call *c)
{
	while (gpu_next(c->m, c->told->v[0]))
		c->told->v[0]++;
	return NVML_SUCCESS;
}

static int found(struct call *c, const struct pci *f)
{
	if (!f)
		return NVML_ERROR_NOT_FOUND;
	c->told->v[0] = f->units[CLASS_NVIDIA];
	return NVML_SUCCESS;
}

static int ask_by_index(struct call *c)
{
	const struct pci *f = gpu_next(c->m, c->asked->a);
	return f ? found(c, f) : NVML_ERROR_INVALID_ARGUMENT;
}

static int ask_by_address(struct call *c)
{
	for (uint32_t i = 0;; i++) {
		const struct pci *f = gpu_next(c->m, i);
		if (!f || is_address(f, c->asked->text))
			return found(c, f);
	}
}

static int ask_by_uuid(struct call *c)
{
	char uuid[96];
	for (uint32_t i = 0;; i++) {
		const struct pci *f = gpu_next(c->m, i);
		if (f)
			uuid_make("GPU", f, 0, uuid);
		if (!f || str_eq(uuid, c->asked->text))
			return found(c, f);
	}
}

/* --- of a GPU --------------------------------------------------------------------------------------------- */

static int ask_name(struct call *c)
{
	return said(c, c->gpu->gpu->card->name);
}

static int ask_uuid(struct call *c)
{
	uuid_make("GPU", c->gpu, 0, c->told->text);
	return NVML_SUCCESS;
}

static int ask_minor(struct call *c)
{
	c->told->v[0] = c->gpu->units[CLASS_NVIDIA];
	return NVML_SUCCESS;
}

static int ask_memory(struct call *c)
{
	c->told->big[0] = (uint64_t)c->gpu->gpu->card->memory << 20;
	c->told->big[1] = c->told->big[0] - (UINT64_C(600) << 20);
	return NVML_SUCCESS;
}

static int ask_pci(struct call *c)
{
	const struct pci *f = c->gpu;
	const uint32_t v[] = { f->domain, f->bus, f->devfn >> 3u,
			       (uint32_t)bus_device_id(f) << 16 | f->model->vendor,
			       (uint32_t)f->model->subdevice << 16 | f->model->subvendor };
	memcpy(c->told->v, v, sizeof(v));
	return NVML_SUCCESS;
}

static int ask_processes(struct call *c)
{
	c->told->n = nvidia_mig_users(c->gpu, (int)c->asked->a, c->told->list, NVML_LIST);
	return NVML_SUCCESS;
}

/* --- MIG -------------------------------------------------------------------------------------------------- */

static bool has_mig(const struct call *c)
{
	return c->gpu->gpu->card->memory_slices > 0;
}

static int ask_mig_mode(struct call *c)
{
	c->told->v[0] = c->gpu->gpu->mig;
	c->told->v[1] = c->gpu->gpu->mig_pending;
	return has_mig(c) ? NVML_SUCCESS : NVML_ERROR_NOT_SUPPORTED;
}

static int ask_set_mig_mode(struct call *c)
{
	return nvidia_mig_mode(c->gpu, c->asked->a != 0, &c->told->v[0]);
}

static int profile_said(struct call *c, const struct nvidia_profile *p)
{
	const uint32_t v[] = { p->id,		p->slices,   p->most,	  p->multiprocessors,
			       p->copy_engines, p->decoders, p->encoders, p->jpeg,
			       p->optical_flow, p->memory };
	memcpy(c->told->v, v, sizeof(v));
	(void)STR_FORMAT(c->told->text, "MIG %s", p->name);
	return NVML_SUCCESS;
}

static int ask_profile(struct call *c)
{
	const struct nvidia_card *card = c->gpu->gpu->card;
	if (c->asked->a >= NVML_GPU_INSTANCE_PROFILE_COUNT)
		return NVML_ERROR_INVALID_ARGUMENT;
	for (size_t i = 0; i < card->n_profiles; i++)
		if (card->profiles[i].index == c->asked->a)
			return profile_said(c, &card->profiles[i]);
	return NVML_ERROR_NOT_SUPPORTED;
}

static int profile_missing(const struct call *c)
{
	return has_mig(c) ? NVML_ERROR_INVALID_ARGUMENT : NVML_ERROR_NOT_SUPPORTED;
}

static int ask_profile_by_id(struct call *c)
{
	const struct nvidia_profile *p = nvidia_mig_profile(c->gpu, c->asked->a);
	return p ? profile_said(c, p) : profile_missing(c);
}

static int ask_placements(struct call *c)
{
	const struct nvidia_profile *p = nvidia_mig_profile(c->gpu, c->asked->a);
	if (!p)
		return profile_missing(c);
	for (unsigned s = 0; s < 64; s++)
		if (p->starts >> s & 1) {
			c->told->list[c->told->n++] = s;
			c->told->list[c->told->n++] = p->size;
		}
	return NVML_SUCCESS;
}

static int ask_remaining(struct call *c)
{
	const struct nvidia_profile *p = nvidia_mig_profile(c->gpu, c->asked->a);
	if (!p || !c->gpu->gpu->mig)
		return p ? NVML_ERROR_NOT_SUPPORTED : NVML_ERROR_INVALID_ARGUMENT;
	/* So many side by side as fit. */
	struct nvidia_gpu before = *c->gpu->gpu;
	uint64_t starts;
	for (unsigned i = 0; i < NVIDIA_INSTANCES && (starts = nvidia_mig_starts(c->gpu, p)); i++) {
		for (unsigned n = 0; n < NVIDIA_INSTANCES; n++) {
			struct nvidia_instance *free = &c->gpu->gpu->instances[n];
			if (free->there)
				continue;
			*free = (struct nvidia_instance){ .there = true,
							  .profile = p->id,
							  .start =
								  (uint32_t)__builtin_ctzll(starts),
							  .size = p->size };
			c->told->v[0]++;
			break;
		}
	}
	*c->gpu->gpu = before;
	return NVML_SUCCESS;
}

static int ask_create(struct call *c)
{
	const struct nvidia_profile *p = nvidia_mig_profile(c->gpu, c->asked->a);
	if (p && c->asked->b != UINT32_MAX && c->asked->c != p->size)
		return NVML_ERROR_INVALID_ARGUMENT;
	return nvidia_mig_create(c->gpu, c->asked->a, c->asked->b, &c->told->v[0]);
}

static int ask_destroy(struct call *c)
{
	return nvidia_mig_destroy(c->gpu, c->asked->a);
}

static int ask_instances(struct call *c)
{
	if (!nvidia_mig_profile(c->gpu, c->asked->a) || !c->gpu->gpu->mig)
		return c->gpu->gpu->mig ? NVML_ERROR_INVALID_ARGUMENT : NVML_ERROR_NOT_SUPPORTED;
	for (uint32_t i = 0; i < NVIDIA_INSTANCES; i++) {
		const struct nvidia_instance *n = nvidia_mig_instance(c->gpu, i);
		if (n && n->profile == c->asked->a)
			c->told->list[c->told->n++] = i;
	}
	return NVML_SUCCESS;
}

static int ask_instance(struct call *c)
{
	const struct nvidia_instance *n = nvidia_mig_instance(c->gpu, c->asked->a);
	if (!n)
		return NVML_ERROR_NOT_FOUND;
	c->told->v[0] = n->profile;
	c->told->v[1] = n->start;
	c->told->v[2] = n->size;
	return NVML_SUCCESS;
}

static const struct nvidia_profile *profile_of(struct call *c)
{
	const struct nvidia_instance *n = nvidia_mig_instance(c->gpu, c->asked->a);
	return n ? nvidia_mig_profile(c->gpu, n->profile) : NULL;
}

static int ask_compute_profile(struct call *c)
{
	const struct nvidia_profile *p = profile_of(c);
	uint32_t id, slices;
	if (!p)
		return NVML_ERROR_NOT_FOUND;
	if (c->asked->b >= NVML_COMPUTE_INSTANCE_PROFILE_COUNT)
		return NVML_ERROR_INVALID_ARGUMENT;
	if (!nvidia_mig_compute_profile(p, c->asked->b, &id, &slices))
		return NVML_ERROR_NOT_SUPPORTED;
	c->told->v[0] = id;
	c->told->v[1] = slices;
	c->told->v[2] = p->slices / slices;
	c->told->v[3] = p->multiprocessors * slices / p->slices;
	(void)STR_FORMAT(c->told->text, "MIG %uc.%s", slices, p->name);
	return NVML_SUCCESS;
}

/* Where those of a kind may begin in a GPU instance: now, or in an empty one. */
static int compute_starts(struct call *c, bool empty, uint32_t *ret_starts, uint32_t *ret_slices)
{
	const struct nvidia_instance none = { 0 };
	const struct nvidia_profile *p = profile_of(c);
	uint32_t id;
	if (!p)
		return NVML_ERROR_NOT_FOUND;
	if (!nvidia_mig_compute_profile(p, c->asked->b, &id, ret_slices))
		return NVML_ERROR_INVALID_ARGUMENT;
	*ret_starts = nvidia_mig_compute_starts(
		empty ? &none : nvidia_mig_instance(c->gpu, c->asked->a), p->slices, *ret_slices);
	return NVML_SUCCESS;
}

static int ask_compute_placements(struct call *c)
{
	uint32_t starts = 0, slices;
	int r = compute_starts(c, true, &starts, &slices);
	for (; starts; starts &= starts - 1) {
		c->told->list[c->told->n++] = (uint32_t)__builtin_ctz(starts);
		c->told->list[c->told->n++] = slices;
	}
	return r;
}

static int ask_compute_remaining(struct call *c)
{
	uint32_t starts = 0, slices;
	int r = compute_starts(c, false, &starts, &slices);
	c->told->v[0] = (uint32_t)__builtin_popcount(starts);
	return r;
}

static int ask_compute_create(struct call *c)
{
	return nvidia_mig_compute_create(c->gpu, c->asked->a, c->asked->b, c->asked->c,
					 &c->told->v[0]);
}

static int ask_compute_destroy(struct call *c)
{
	return nvidia_mig_compute_destroy(c->gpu, c->asked->a, c->asked->b);
}

static int ask_computes(struct call *c)
{
	const struct nvidia_instance *n = nvidia_mig_instance(c->gpu, c->asked->a);
	for (uint32_t i = 0; n && i < NVIDIA_COMPUTES; i++)
		if (n->computes & 1u << i && n->compute_profile[i] == c->asked->b)
			c->told->list[c->told->n++] = i;
	return n ? NVML_SUCCESS : NVML_ERROR_NOT_FOUND;
}

static int ask_compute(struct call *c)
{
	const struct nvidia_instance *n = nvidia_mig_instance(c->gpu, c->asked->a);
	uint32_t id, slices;
	if (!n || c->asked->b >= NVIDIA_COMPUTES || !(n->computes & 1u << c->asked->b) ||
	    !nvidia_mig_compute_profile(profile_of(c), n->compute_profile[c->asked->b], &id,
					&slices))
		return NVML_ERROR_NOT_FOUND;
	c->told->v[0] = id;
	c->told->v[1] = n->compute_start[c->asked->b];
	c->told->v[2] = slices;
	return NVML_SUCCESS;
}

static int ask_mig_most(struct call *c)
{
	c->told->v[0] = c->gpu->gpu->mig ? c->gpu->gpu->card->compute_slices : 0;
	return NVML_SUCCESS;
}

/* Behind the last that there can be, the index is wrong; before it, nothing is found. */
static int ask_mig_device(struct call *c)
{
	if (nvidia_mig_device(c->gpu, c->asked->a, &c->told->v[0], &c->told->v[1]))
		return NVML_SUCCESS;
	return c->asked->a < c->gpu->gpu->card->compute_slices ? NVML_ERROR_NOT_FOUND
							       : NVML_ERROR_INVALID_ARGUMENT;
}

static int ask_mig_uuid(struct call *c)
{
	const struct nvidia_instance *n = nvidia_mig_instance(c->gpu, c->asked->a);
	if (!n || c->asked->b >= NVIDIA_COMPUTES || !(n->computes & 1u << c->asked->b))
		return NVML_ERROR_NOT_FOUND;
	uuid_make("MIG", c->gpu, n->generation[c->asked->b] << 8 | c->asked->a << 4 | c->asked->b,
		  c->told->text);
	return NVML_SUCCESS;
}

/* The kind of a compute instance. */
static bool compute_of(struct call *c, const struct nvidia_profile **ret_profile,
		       uint32_t *ret_slices)
{
	const struct nvidia_instance *n = nvidia_mig_instance(c->gpu, c->asked->a);
	uint32_t id;
	*ret_profile = profile_of(c);
	return n && *ret_profile && c->asked->b < NVIDIA_COMPUTES &&
	       n->computes & 1u << c->asked->b &&
	       nvidia_mig_compute_profile(*ret_profile, n->compute_profile[c->asked->b], &id,
					  ret_slices);
}

static int ask_mig_attributes(struct call *c)
{
	const struct nvidia_profile *p;
	uint32_t slices;
	if (!compute_of(c, &p, &slices))
		return NVML_ERROR_NOT_FOUND;
	const uint32_t v[] = { p->multiprocessors * slices / p->slices,
			       p->copy_engines,
			       p->decoders,
			       p->encoders,
			       p->jpeg,
			       p->optical_flow,
			       p->slices,
			       slices };
	memcpy(c->told->v, v, sizeof(v));
	c->told->big[0] = p->memory;
	return NVML_SUCCESS;
}

/* As nvidia-smi lists them: "MIG 3g.20gb", "MIG 1c.3g.20gb". */
static int ask_mig_name(struct call *c)
{
	const struct nvidia_profile *p;
	uint32_t slices;
	char part[16] = "";
	if (!compute_of(c, &p, &slices))
		return NVML_ERROR_NOT_FOUND;
	if (slices < p->slices)
		(void)STR_FORMAT(part, "%uc.", slices);
	(void)STR_FORMAT(c->told->text, "%s MIG %s%s", c->gpu->gpu->card->name, part, p->name);
	return NVML_SUCCESS;
}

/* --- vGPU types ------------------------------------------------------------------------------------------------ */

static const struct nvidia_vgpu_card *vgpu_card(const struct call *c)
{
	const struct nvidia_vgpu *v = c->gpu->gpu->vgpu;
	return v ? v->card : NULL;
}

static int types_list(struct call *c, bool all)
{
	const struct nvidia_vgpu_card *card = vgpu_card(c);
	if (!card)
		return NVML_ERROR_NOT_SUPPORTED;
	for (size_t i = 0; i < card->n_types && c->told->n < NVML_LIST; i++)
		if (all || nvidia_vgpu_creatable(c->gpu, &card->types[i]))
			c->told->list[c->told->n++] = card->types[i].id;
	return NVML_SUCCESS;
}

static int ask_vgpu_supported(struct call *c)
{
	return types_list(c, true);
}

static int ask_vgpu_creatable(struct call *c)
{
	return types_list(c, false);
}

static const struct nvidia_vgpu_type *type_find(const struct nvidia_vgpu_card *card, uint32_t id)
{
	for (size_t i = 0; card && i < card->n_types; i++)
		if (card->types[i].id == id)
			return &card->types[i];
	return NULL;
}

static int ask_vgpu_most(struct call *c)
{
	const struct nvidia_vgpu_type *t = type_find(vgpu_card(c), c->asked->a);
	c->told->v[0] = t ? t->most : 0;
	return t ? NVML_SUCCESS : NVML_ERROR_INVALID_ARGUMENT;
}

/* Types are those of any GPU. */
static int ask_vgpu(struct call *c)
{
	const struct nvidia_vgpu_type *t = NULL;
	for (uint32_t i = 0; !t; i++) {
		const struct pci *f = gpu_next(c->m, i);
		if (!f)
			return NVML_ERROR_INVALID_ARGUMENT;
		t = type_find(f->gpu->vgpu ? f->gpu->vgpu->card : NULL, c->asked->a);
	}
	c->told->v[0] = t->profile;
	c->told->big[0] = (uint64_t)t->memory << 20;
	(void)STR_FORMAT(c->told->text, "NVIDIA %s", t->name);
	return NVML_SUCCESS;
}

static int ask_vgpu_mixed(struct call *c)
{
	const struct nvidia_vgpu_card *card = vgpu_card(c);
	c->told->v[0] = c->gpu->gpu->mixed;
	return card && card->slots && !c->gpu->gpu->mig ? NVML_SUCCESS : NVML_ERROR_NOT_SUPPORTED;
}

static int ask_set_vgpu_mixed(struct call *c)
{
	return vgpu_card(c) ? nvidia_vgpu_mix(c->gpu, c->asked->a != 0) : NVML_ERROR_NOT_SUPPORTED;
}

static int ask_vgpu_placements(struct call *c)
{
	const struct nvidia_vgpu_type *t = type_find(vgpu_card(c), c->asked->a);
	if (!t)
		return NVML_ERROR_INVALID_ARGUMENT;
	c->told->v[0] = nvidia_vgpu_places(c->gpu, t, c->told->list, NVML_LIST, &c->told->n);
	return c->told->n ? NVML_SUCCESS : NVML_ERROR_NOT_SUPPORTED;
}

static int ask_vgpu_scheduler(struct call *c)
{
	const struct nvidia_vgpu *v = c->gpu->gpu->vgpu;
	if (!v || c->gpu->gpu->mig)
		return NVML_ERROR_NOT_SUPPORTED;
	c->told->v[0] = v->scheduler;
	return NVML_SUCCESS;
}

static int ask_vgpu_schedulers(struct call *c)
{
	for (uint32_t i = VGPU_SCHEDULER_BEST_EFFORT; i <= VGPU_SCHEDULER_FIXED_SHARE; i++)
		c->told->list[c->told->n++] = i;
	return c->gpu->gpu->vgpu ? NVML_SUCCESS : NVML_ERROR_NOT_SUPPORTED;
}

static int ask_set_vgpu_scheduler(struct call *c)
{
	return c->gpu->gpu->vgpu ? nvidia_vgpu_schedule(c->gpu, c->asked->a)
				 : NVML_ERROR_NOT_SUPPORTED;
}

/* --- questions ----------------------------------------------------------------------------------------------------- */

static const struct {
	const char *name; /* as faults know it */
	int (*answer)(struct call *c);
	bool gpu, changes;
} questions[ASK_QUESTIONS] = {
	[ASK_INIT] = { "init", ask_init, false, false },
	[ASK_SHUTDOWN] = { "shutdown", ask_nothing, false, false },
	[ASK_DRIVER_VERSION] = { "driver-version", ask_version, false, false },
	[ASK_COUNT] = { "count", ask_count, false, false },
	[ASK_BY_INDEX] = { "by-index", ask_by_index, false, false },
	[ASK_BY_ADDRESS] = { "by-address", ask_by_address, false, false },
	[ASK_BY_UUID] = { "by-uuid", ask_by_uuid, false, false },
	[ASK_NAME] = { "name", ask_name, true, false },
	[ASK_UUID] = { "uuid", ask_uuid, true, false },
	[ASK_MINOR] = { "minor", ask_minor, true, false },
	[ASK_MEMORY] = { "memory", ask_memory, true, false },
	[ASK_PCI] = { "pci", ask_pci, true, false },
	[ASK_MIG_MODE] = { "mig-mode", ask_mig_mode, true, false },
	[ASK_SET_MIG_MODE] = { "set-mig-mode", ask_set_mig_mode, true, true },
	[ASK_PROFILE] = { "profile", ask_profile, true, false },
	[ASK_PROFILE_BY_ID] = { "profile-by-id", ask_profile_by_id, true, false },
	[ASK_PLACEMENTS] = { "placements", ask_placements, true, false },
	[ASK_REMAINING] = { "remaining", ask_remaining, true, false },
	[ASK_CREATE] = { "create", ask_create, true, true },
	[ASK_DESTROY] = { "destroy", ask_destroy, true, true },
	[ASK_INSTANCES] = { "instances", ask_instances, true, false },
	[ASK_INSTANCE] = { "instance", ask_instance, true, false },
	[ASK_COMPUTE_PROFILE] = { "compute-profile", ask_compute_profile, true, false },
	[ASK_COMPUTE_PLACEMENTS] = { "compute-placements", ask_compute_placements, true, false },
	[ASK_COMPUTE_REMAINING] = { "compute-remaining", ask_compute_remaining, true, false },
	[ASK_COMPUTE_CREATE] = { "compute-create", ask_compute_create, true, true },
	[ASK_COMPUTE_DESTROY] = { "compute-destroy", ask_compute_destroy, true, true },
	[ASK_COMPUTES] = { "computes", ask_computes, true, false },
	[ASK_COMPUTE] = { "compute", ask_compute, true, false },
	[ASK_MIG_MOST] = { "mig-most", ask_mig_most, true, false },
	[ASK_MIG_DEVICE] = { "mig-device", ask_mig_device, true, false },
	[ASK_MIG_UUID] = { "mig-uuid", ask_mig_uuid, true, false },
	[ASK_MIG_NAME] = { "mig-name", ask_mig_name, true, false },
	[ASK_MIG_ATTRIBUTES] = { "mig-attributes", ask_mig_attributes, true, false },
	[ASK_PROCESSES] = { "processes", ask_processes, true, false },
	[ASK_VGPU_SUPPORTED] = { "vgpu-supported", ask_vgpu_supported, true, false },
	[ASK_VGPU_CREATABLE] = { "vgpu-creatable", ask_vgpu_creatable, true, false },
	[ASK_VGPU_MOST] = { "vgpu-most", ask_vgpu_most, true, false },
	[ASK_VGPU] = { "vgpu", ask_vgpu, false, false },
	[ASK_VGPU_MIXED] = { "vgpu-mixed", ask_vgpu_mixed, true, false },
	[ASK_SET_VGPU_MIXED] = { "set-vgpu-mixed", ask_set_vgpu_mixed, true, true },
	[ASK_VGPU_PLACEMENTS] = { "vgpu-placements", ask_vgpu_placements, true, false },
	[ASK_VGPU_SCHEDULER] = { "vgpu-scheduler", ask_vgpu_scheduler, true, false },
	[ASK_VGPU_SCHEDULERS] = { "vgpu-schedulers", ask_vgpu_schedulers, true, false },
	[ASK_SET_VGPU_SCHEDULER] = { "set-vgpu-scheduler", ask_set_vgpu_scheduler, true, true },
};

/* Of faults. Results of the library are positive numbers. */
static int code_of(int r)
{
	static const struct {
		int error;
		nvmlReturn_t code;
	} codes[] = {
		{ EBUSY, NVML_ERROR_IN_USE },
		{ ENOSPC, NVML_ERROR_INSUFFICIENT_RESOURCES },
		{ EPERM, NVML_ERROR_NO_PERMISSION },
		{ ENODEV, NVML_ERROR_DRIVER_NOT_LOADED },
		{ ENXIO, NVML_ERROR_GPU_IS_LOST },
		{ EPROTO, NVML_ERROR_LIB_RM_VERSION_MISMATCH },
		{ ENOENT, NVML_ERROR_NOT_FOUND },
		{ EINVAL, NVML_ERROR_INVALID_ARGUMENT },
		{ EOPNOTSUPP, NVML_ERROR_NOT_SUPPORTED },
		{ EAGAIN, NVML_ERROR_NOT_READY },
		{ ENOSYS, NVML_ERROR_FUNCTION_NOT_FOUND },
	};
	for (size_t i = 0; r < 0 && i < sizeof(codes) / sizeof(*codes); i++)
		if (codes[i].error == -r)
			return codes[i].code;
	return r < 0 ? NVML_ERROR_UNKNOWN : r;
}

static int act(void *userdata)
{
	struct call *c = userdata;
	c->told->code = questions[c->asked->question].answer(c);
	return c->told->code == NVML_SUCCESS ? 0 : -EIO;
}

static int change(struct call *c, const char *path)
{
	char text[64];
	(void)STR_FORMAT(text, "%u %d", c->asked->a, (int)c->asked->b);
	const struct access a = { .path = path,
				  .text = text,
				  .at = c->gpu,
				  .gone = &c->gpu->dev.gone,
				  .act = act,
				  .userdata = c };
	c->told->code = NVML_SUCCESS;
	int r = access_change(c->m, &a);
	if (r == -ENOTCONN)
		return r;
	/* The deed may have said something better than the errno that it became. */
	if (r < 0 && c->told->code == NVML_SUCCESS)
		c->told->code = code_of(r);
	return 0;
}

static int look(struct call *c, const char *path)
{
	char answer[NAME_SIZE];
	uint32_t code;
	int r = access_look(c->m, path, answer);
	if (r == -ENOTCONN)
		return r;
	if (r < 0)
		c->told->code = code_of(r);
	else if (r > 0 && num_parse_u32(answer, 10, &code) == 0)
		c->told->code = (int)code;
	else if (r > 0)
		(void)STR_COPY(c->told->text, answer);
	else
		c->told->code = questions[c->asked->question].answer(c);
	return 0;
}

static int serve(struct machine *m, const struct nvml_asked *asked, struct nvml_told *told)
{
	struct call c = { .m = m, .asked = asked, .told = told };
	char path[128];
	bool known = asked->question < ASK_QUESTIONS && questions[asked->question].answer;
	if (!known || !memchr(asked->text, '\0', sizeof(asked->text))) {
		told->code = NVML_ERROR_INVALID_ARGUMENT;
		return 0;
	}
	m->nvml_calls++;
	if (questions[asked->question].gpu) {
		c.gpu = gpu_by_number(m, asked->gpu);
		if (!c.gpu) {
			told->code = NVML_ERROR_GPU_IS_LOST;
			return 0;
		}
	}
	(void)STR_FORMAT(path, "nvml/%s%s%s", c.gpu ? c.gpu->dev.name : "", c.gpu ? "/" : "",
			 questions[asked->question].name);
	return questions[asked->question].changes ? change(&c, path) : look(&c, path);
}

static int transact(struct node *n, const void *request, size_t len, struct str_buf *answer)
{
	struct nvml_asked asked;
	struct nvml_told told = { 0 };
	if (len != sizeof(asked))
		return -EINVAL;
	memcpy(&asked, request, sizeof(asked));
	int r = serve(n->owner, &asked, &told);
	if (r < 0)
		return r;
	answer->text = malloc(sizeof(told));
	if (!answer->text)
		return -ENOMEM;
	memcpy(answer->text, &told, sizeof(told));
	answer->len = answer->room = sizeof(told);
	return 0;
}

static const struct file_ops ops_nvml = { .transact = transact };

void nvidia_library_init(struct machine *m)
{
	struct node *dir = node_dir(m->tree, m->dev, RTNETLINK_DIR);
	if (node_find(m->tree, dir, "nvml"))
		return;
	dir->number = NODE_STAYS;
	node_file(m->tree, dir, "nvml", 0666, &ops_nvml, m)->number = NODE_STAYS;
}
