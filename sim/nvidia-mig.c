/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * MIG as the driver does it: its mode, GPU and compute instances, and their nodes. Before Hopper the mode is kept in the
 * card, and a GPU that is in use gets it with its next reset only; since Hopper it needs none and is lost when
 * the driver leaves. Instances are lost then in any case (NVIDIA MIG User Guide). Numbers of instances are as seen in
 * the guide's examples; numbers of nodes: kernel-open/nvidia/nv-caps.c of NVIDIA/open-gpu-kernel-modules.
 */
#include <sys/sysmacros.h>

#include "nvidia/nvml.h"
#include "sim/class.h"
#include "sim/nvidia-cards.h"
#include "sim/nvidia-library.h"

#define CAPS_FIRST 3 /* behind fabric-mgmt, config and monitor */
#define CAPS_OF_GPU 135
#define CAPS_OF_INSTANCE 9

bool nvidia_is_up(const struct pci *f)
{
	return f->gpu && f->gpu->card && f->driver && str_eq(f->driver->name, "nvidia") &&
	       f->made & 1u << CLASS_NVIDIA;
}

/* --- nodes -------------------------------------------------------------------------------------- */

unsigned nvidia_cap_minor(unsigned gpu, unsigned instance, int compute)
{
	return CAPS_FIRST + CAPS_OF_GPU * gpu + CAPS_OF_INSTANCE * instance +
	       (compute < 0 ? 0 : 1 + (unsigned)compute);
}

static unsigned cap_minor(const struct pci *f, unsigned instance, int compute)
{
	return nvidia_cap_minor(f->units[CLASS_NVIDIA], instance, compute);
}

static void cap_name(unsigned minor, char ret[NAME_SIZE])
{
	(void)str_format(ret, NAME_SIZE, "nvidia-cap%u", minor);
}

static struct node *cap_folder(struct pci *f, unsigned instance)
{
	struct machine *m = f->dev.machine;
	char path[96];
	(void)STR_FORMAT(path, "driver/nvidia/capabilities/gpu%u/mig/gi%u", f->units[CLASS_NVIDIA],
			 instance);
	return node_path(m->tree, m->proc, path);
}

static void cap_add(struct pci *f, unsigned instance, int compute)
{
	struct machine *m = f->dev.machine;
	char name[NAME_SIZE];
	unsigned minor = cap_minor(f, instance, compute);
	struct node *dir = cap_folder(f, instance);
	if (compute >= 0) {
		(void)STR_FORMAT(name, "ci%d", compute);
		dir = node_dir(m->tree, dir, name);
	}
	node_text(m->tree, dir, "access",
		  "DeviceFileMinor: %u\nDeviceFileMode: 292\nDeviceFileModify: 1", minor);
	cap_name(minor, name);
	node_char(m->tree, node_dir(m->tree, m->dev, "nvidia-caps"), name, 0444,
		  makedev(NVIDIA_CAPS_MAJOR, minor));
}

static void cap_drop(struct pci *f, unsigned instance, int compute)
{
	struct machine *m = f->dev.machine;
	char name[NAME_SIZE];
	cap_name(cap_minor(f, instance, compute), name);
	node_remove_name(m->tree, node_dir(m->tree, m->dev, "nvidia-caps"), name);
	if (compute < 0) {
		node_remove(m->tree, cap_folder(f, instance));
		return;
	}
	(void)STR_FORMAT(name, "ci%d", compute);
	node_remove_name(m->tree, cap_folder(f, instance), name);
}

void nvidia_mig_nodes(const struct pci *f, unsigned instance, struct str_buf *out)
{
	const struct nvidia_instance *n = &f->gpu->instances[instance];
	str_buf_addf(out, " /dev/nvidia-caps/nvidia-cap%u", cap_minor(f, instance, -1));
	for (int i = 0; i < NVIDIA_COMPUTES; i++)
		if (n->computes & 1u << i)
			str_buf_addf(out, " /dev/nvidia-caps/nvidia-cap%u",
				     cap_minor(f, instance, i));
}

/* --- who uses it ------------------------------------------------------------------------------------ */

/* Who has several nodes open is one user. */
static unsigned users_unique(uint32_t *users, unsigned n)
{
	unsigned kept = 0;
	for (unsigned i = 0; i < n; i++) {
		unsigned k = 0;
		while (k < kept && users[k] != users[i])
			k++;
		if (k == kept)
			users[kept++] = users[i];
	}
	return kept;
}

unsigned nvidia_mig_users(const struct pci *f, int instance, uint32_t *ret, unsigned room)
{
	const struct machine_hooks *hooks = f->dev.machine->hooks;
	struct str_buf nodes = { 0 };
	unsigned n = 0;
	char *save = NULL;
	if (instance >= 0)
		nvidia_mig_nodes(f, (unsigned)instance, &nodes);
	else
		class_nodes(f, &nodes);
	for (char *w = nodes.text ? strtok_r(nodes.text, " ", &save) : NULL; w;
	     w = strtok_r(NULL, " ", &save))
		if (hooks && hooks->users)
			n += hooks->users(f->dev.machine, w, ret + n, room - n);
	str_buf_done(&nodes);
	return users_unique(ret, n);
}

static bool is_used(const struct pci *f, int instance)
{
	uint32_t user;
	return nvidia_mig_users(f, instance, &user, 1) > 0;
}

/* --- mode -------------------------------------------------------------------------------------------- */

static bool has_instances(const struct pci *f)
{
	for (int i = 0; i < NVIDIA_INSTANCES; i++)
		if (f->gpu->instances[i].there)
			return true;
	return false;
}

int nvidia_mig_mode(struct pci *f, bool on, uint32_t *ret_activation)
{
	struct nvidia_gpu *g = f->gpu;
	*ret_activation = NVML_SUCCESS;
	if (!g->card->memory_slices)
		return NVML_ERROR_NOT_SUPPORTED;
	if (!on && (has_instances(f) || f->num_vfs))
		return NVML_ERROR_IN_USE;
	g->mig_pending = on;
	if (g->mig_kept)
		*g->mig_kept = on;
	if (on != g->mig && g->card->keeps_mode && is_used(f, -1)) {
		*ret_activation = NVML_ERROR_IN_USE;
		return NVML_SUCCESS;
	}
	g->mig = on;
	return NVML_SUCCESS;
}

/* --- GPU instances ------------------------------------------------------------------------------------- */

const struct nvidia_profile *nvidia_mig_profile(const struct pci *f, uint32_t id)
{
	for (size_t i = 0; i < f->gpu->card->n_profiles; i++)
		if (f->gpu->card->profiles[i].id == id)
			return &f->gpu->card->profiles[i];
	return NULL;
}

static bool ends_in(const char *name, const char *end)
{
	size_t n = strlen(name), m = strlen(end);
	return n >= m && str_eq(name + n - m, end);
}

/* "+me.all" leaves the media engines to nobody (nvml.h, NVML_GPU_INSTANCE_PROFILE_1_SLICE_ALL_ME). */
static bool bar_each_other(const struct nvidia_profile *a, const struct nvidia_profile *b)
{
	bool all = ends_in(a->name, "+me.all") || ends_in(b->name, "+me.all");
	return all && !ends_in(a->name, "-me") && !ends_in(b->name, "-me");
}

struct taken {
	uint64_t slots;
	uint32_t slices, decoders, jpeg, optical_flow, same;
	bool barred;
};

static struct taken taken_on(const struct pci *f, const struct nvidia_profile *p)
{
	struct taken t = { 0 };
	for (int i = 0; i < NVIDIA_INSTANCES; i++) {
		const struct nvidia_instance *n = &f->gpu->instances[i];
		const struct nvidia_profile *o = n->there ? nvidia_mig_profile(f, n->profile)
							  : NULL;
		if (!o)
			continue;
		t.slots |= ((UINT64_C(1) << n->size) - 1) << n->start;
		t.slices += o->slices;
		t.decoders += o->decoders;
		t.jpeg += o->jpeg;
		t.optical_flow += o->optical_flow;
		t.same += o == p;
		t.barred = t.barred || bar_each_other(o, p);
	}
	return t;
}

static const struct nvidia_profile *whole_of(const struct nvidia_card *c)
{
	const struct nvidia_profile *whole = &c->profiles[0];
	for (size_t i = 0; i < c->n_profiles; i++)
		if (c->profiles[i].size > whole->size)
			whole = &c->profiles[i];
	return whole;
}

uint64_t nvidia_mig_starts(const struct pci *f, const struct nvidia_profile *p)
{
	const struct nvidia_profile *whole = whole_of(f->gpu->card);
	struct taken t = taken_on(f, p);
	uint64_t starts = 0;
	if (t.same >= p->most || t.barred || t.slices + p->slices > f->gpu->card->compute_slices ||
	    t.decoders + p->decoders > whole->decoders || t.jpeg + p->jpeg > whole->jpeg ||
	    t.optical_flow + p->optical_flow > whole->optical_flow)
		return 0;
	for (unsigned s = 0; s < 64; s++)
		if (p->starts >> s & 1 && !(t.slots & ((UINT64_C(1) << p->size) - 1) << s))
			starts |= UINT64_C(1) << s;
	return starts;
}

/* The whole GPU is instance 0, its halves 1 and 2, its quarters 3 to 6, its eighths from 7 on. */
static unsigned instance_number(const struct pci *f, const struct nvidia_profile *p, uint32_t start)
{
	uint32_t all = f->gpu->card->memory_slices;
	unsigned first = p->size >= all ? 0 : p->size * 2 >= all ? 1 : p->size * 4 >= all ? 3 : 7;
	return first + start / p->size;
}

int nvidia_mig_create(struct pci *f, uint32_t profile, uint32_t start, uint32_t *ret_instance)
{
	const struct nvidia_profile *p = nvidia_mig_profile(f, profile);
	if (!f->gpu->mig)
		return NVML_ERROR_NOT_SUPPORTED;
	if (!p || (start != UINT32_MAX && (start > 63 || !(p->starts >> start & 1))))
		return NVML_ERROR_INVALID_ARGUMENT;
	uint64_t starts = nvidia_mig_starts(f, p);
	/* Asked for no place, the driver takes the last one (the guide's examples). */
	for (unsigned s = 64; start == UINT32_MAX && s > 0; s--)
		if (starts >> (s - 1) & 1)
			start = s - 1;
	if (start == UINT32_MAX || !(starts >> start & 1))
		return NVML_ERROR_INSUFFICIENT_RESOURCES;
	unsigned number = instance_number(f, p, start);
	f->gpu->instances[number] = (struct nvidia_instance){
		.there = true, .profile = p->id, .start = start, .size = p->size
	};
	cap_add(f, number, -1);
	*ret_instance = number;
	return NVML_SUCCESS;
}

int nvidia_mig_destroy(struct pci *f, uint32_t instance)
{
	struct nvidia_instance *n = nvidia_mig_instance(f, instance);
	if (!n)
		return NVML_ERROR_NOT_FOUND;
	if (n->computes || is_used(f, (int)instance) || nvidia_vgpus(f, (int)instance))
		return NVML_ERROR_IN_USE;
	cap_drop(f, instance, -1);
	n->there = false;
	return NVML_SUCCESS;
}

struct nvidia_instance *nvidia_mig_instance(struct pci *f, uint32_t instance)
{
	bool there = instance < NVIDIA_INSTANCES && f->gpu->instances[instance].there;
	return there ? &f->gpu->instances[instance] : NULL;
}

/* --- compute instances ------------------------------------------------------------------------------------ */

/* Slices of a kind of compute instance, by its number and by its id: 1c 0, 2c 1, 3c 2, 4c 3, 7c 4 (listings). */
static const uint32_t compute_slices[] = { 1, 2, 3, 4, 7 };

bool nvidia_mig_compute_profile(const struct nvidia_profile *p, uint32_t index, uint32_t *ret_id,
				uint32_t *ret_slices)
{
	if (index >= sizeof(compute_slices) / sizeof(*compute_slices) ||
	    compute_slices[index] > p->slices)
		return false;
	*ret_id = index;
	*ret_slices = compute_slices[index];
	return true;
}

static uint32_t compute_mask(uint32_t start, uint32_t slices)
{
	return ((1u << slices) - 1) << start;
}

static uint32_t slices_used(const struct nvidia_instance *n)
{
	uint32_t used = 0;
	for (int i = 0; i < NVIDIA_COMPUTES; i++)
		if (n->computes & 1u << i)
			used |= compute_mask(n->compute_start[i],
					     compute_slices[n->compute_profile[i]]);
	return used;
}

/* They begin at multiples of what they take: as listed for those of one and two slices, assumed of the others. */
uint32_t nvidia_mig_compute_starts(const struct nvidia_instance *n, uint32_t most, uint32_t slices)
{
	uint32_t starts = 0;
	for (uint32_t s = 0; s + slices <= most; s += slices)
		if (!(slices_used(n) & compute_mask(s, slices)))
			starts |= 1u << s;
	return starts;
}

static unsigned compute_number_free(const struct nvidia_instance *n)
{
	return (unsigned)__builtin_ctz(~n->computes);
}

bool nvidia_mig_device(const struct pci *f, uint32_t index, uint32_t *ret_instance,
		       uint32_t *ret_compute)
{
	for (uint32_t i = 0; i < NVIDIA_INSTANCES; i++) {
		const struct nvidia_instance *n = &f->gpu->instances[i];
		for (uint32_t k = 0; n->there && k < NVIDIA_COMPUTES; k++) {
			if (!(n->computes & 1u << k) || n->device_index[k] != index)
				continue;
			*ret_instance = i;
			*ret_compute = k;
			return true;
		}
	}
	return false;
}

/* What is there keeps its index, so that one that goes leaves a gap until the next comes. */
static uint32_t device_index_free(const struct pci *f)
{
	uint32_t index = 0, instance, compute;
	while (nvidia_mig_device(f, index, &instance, &compute))
		index++;
	return index;
}

int nvidia_mig_compute_create(struct pci *f, uint32_t instance, uint32_t profile, uint32_t start,
			      uint32_t *ret_compute)
{
	struct nvidia_instance *n = nvidia_mig_instance(f, instance);
	const struct nvidia_profile *p = n ? nvidia_mig_profile(f, n->profile) : NULL;
	uint32_t id, slices;
	if (!p)
		return NVML_ERROR_NOT_FOUND;
	if (!nvidia_mig_compute_profile(p, profile, &id, &slices))
		return NVML_ERROR_INVALID_ARGUMENT;
	if (start != UINT32_MAX && (start % slices || start > p->slices - slices))
		return NVML_ERROR_INVALID_ARGUMENT;
	uint32_t starts = nvidia_mig_compute_starts(n, p->slices, slices);
	if (start == UINT32_MAX && starts)
		start = (uint32_t)__builtin_ctz(starts);
	if (start == UINT32_MAX || !(starts >> start & 1))
		return NVML_ERROR_INSUFFICIENT_RESOURCES;
	unsigned i = compute_number_free(n);
	n->device_index[i] = device_index_free(f);
	n->generation[i] = ++f->gpu->made;
	n->computes |= 1u << i;
	n->compute_profile[i] = id;
	n->compute_start[i] = start;
	cap_add(f, instance, (int)i);
	*ret_compute = i;
	return NVML_SUCCESS;
}

int nvidia_mig_compute_destroy(struct pci *f, uint32_t instance, uint32_t compute)
{
	struct nvidia_instance *n = nvidia_mig_instance(f, instance);
	if (!n || compute >= NVIDIA_COMPUTES || !(n->computes & 1u << compute))
		return NVML_ERROR_NOT_FOUND;
	if (is_used(f, (int)instance))
		return NVML_ERROR_IN_USE;
	cap_drop(f, instance, (int)compute);
	n->computes &= ~(1u << compute);
	return NVML_SUCCESS;
}

/* --- the driver comes and goes ------------------------------------------------------------------------------ */

void nvidia_mig_wipe(struct pci *f)
{
	for (unsigned i = 0; f->gpu && i < NVIDIA_INSTANCES; i++) {
		struct nvidia_instance *n = &f->gpu->instances[i];
		for (int c = 0; n->there && c < NVIDIA_COMPUTES; c++)
			if (n->computes & 1u << c)
				cap_drop(f, i, c);
		if (n->there)
			cap_drop(f, i, -1);
		*n = (struct nvidia_instance){ .there = false };
	}
}

void nvidia_gpu_add(struct pci *f)
{
	const struct nvidia_card *card = nvidia_card_of(f->model->vendor, f->model->device);
	if (!card)
		return;
	if (!f->gpu)
		f->gpu = machine_object(f->dev.machine, sizeof(*f->gpu));
	f->gpu->card = card;
	nvidia_proc_add(f->dev.machine);
	/* What was asked for while it was in use comes into force with the reset that this is. */
	if (card->keeps_mode) {
		f->gpu->mig_kept = machine_card(f->dev.machine, f->slot, sizeof(bool));
		f->gpu->mig = f->gpu->mig_pending = *f->gpu->mig_kept;
	}
}

void nvidia_gpu_remove(struct pci *f)
{
	if (!f->gpu || !f->gpu->card)
		return;
	nvidia_mig_wipe(f);
	if (!f->gpu->card->keeps_mode)
		f->gpu->mig = f->gpu->mig_pending = false;
}
