/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What MIG can cut from a GPU, as its driver says; by the tables of kinds.c as long as no driver was asked. Memory
 * slices are the slots; compute slices and engines are counted.
 */
#include <stddef.h>

#include "base/str.h"
#include "nvidia/internal.h"
#include "nvidia/kinds.h"

#define LENGTH(a) (sizeof(a) / sizeof(*(a)))

/* What is counted; what no profile of a card takes is not counted there. */
static const struct {
	const char *name;
	size_t offset; /* in struct gpu_profile */
} counters[] = {
	{ "slices", offsetof(struct gpu_profile, slices) },
	{ "decoders", offsetof(struct gpu_profile, decoders) },
	{ "encoders", offsetof(struct gpu_profile, encoders) },
	{ "jpeg", offsetof(struct gpu_profile, jpeg) },
	{ "optical-flow", offsetof(struct gpu_profile, optical_flow) },
};

static uint32_t counted(const struct gpu_profile *p, size_t counter)
{
	uint32_t n;
	memcpy(&n, (const char *)p + counters[counter].offset, sizeof(n));
	return n;
}

static void profile_fill(const struct gpu_profile *p, const struct capacity *k,
			 struct capacity_profile *ret)
{
	*ret = (struct capacity_profile){
		.name = p->name,
		.worth = p->slices,
		.most = p->most,
		.memory = p->memory,
		.compute = p->slices,
	};
	mig_kind_takes(p, k, ret);
}

static bool ends_in(const char *name, const char *end)
{
	size_t n = strlen(name), m = strlen(end);
	return n >= m && str_eq(name + n - m, end);
}

/* nvml.h, NVML_GPU_INSTANCE_PROFILE_1_SLICE_ALL_ME: it has all media engines, so only those that ask for none go
 * beside it. */
static void bar_media(struct capacity *k)
{
	for (uint32_t i = 0; i < k->n_profiles; i++) {
		if (!ends_in(k->profiles[i].name, "+me.all"))
			continue;
		for (uint32_t o = 0; o < k->n_profiles; o++)
			if (o != i && !ends_in(k->profiles[o].name, "-me"))
				k->profiles[i].bars |= UINT64_C(1) << o;
	}
}

/* There is as much of each as the profile has that has most of it: that of the whole GPU. */
static uint32_t most_of(const struct have *h, const char *device, size_t counter)
{
	uint32_t most = 0;
	for (size_t i = 0; i < h->n_gpu_profiles; i++) {
		const struct gpu_profile *p = &h->gpu_profiles[i];
		if (str_eq(p->key, device) && counted(p, counter) > most)
			most = counted(p, counter);
	}
	return most;
}

void mig_kind_begin(const struct have *h, const char *device, struct capacity *k)
{
	for (size_t i = 0; i < h->n_gpu_profiles; i++) {
		const struct gpu_profile *p = &h->gpu_profiles[i];
		for (uint32_t slot = 0; str_eq(p->key, device) && slot < CAPACITY_SLOTS; slot++)
			if (p->starts >> slot & 1 && slot + p->size > k->n_slots)
				k->n_slots = slot + p->size;
	}
	for (size_t i = 0; i < LENGTH(counters); i++) {
		uint32_t most = most_of(h, device, i);
		if (most && k->n_counters < CAPACITY_COUNTERS)
			k->counters[k->n_counters++] =
				(struct capacity_counter){ counters[i].name, most };
	}
}

void mig_kind_takes(const struct gpu_profile *p, const struct capacity *k,
		    struct capacity_profile *ret)
{
	ret->size = p->size;
	ret->starts = p->starts;
	for (uint32_t i = 0; i < k->n_counters; i++)
		for (size_t c = 0; c < LENGTH(counters); c++)
			if (str_eq(k->counters[i].name, counters[c].name))
				ret->takes[i] = counted(p, c);
}

static void kind_fill(const struct have *h, const char *device, struct capacity *ret)
{
	*ret = (struct capacity){ .name = "mig" };
	mig_kind_begin(h, device, ret);
	for (size_t i = 0; i < h->n_gpu_profiles && ret->n_profiles < CAPACITY_PROFILES; i++)
		if (str_eq(h->gpu_profiles[i].key, device))
			profile_fill(&h->gpu_profiles[i], ret, &ret->profiles[ret->n_profiles++]);
	bar_media(ret);
}

/* A part of a profile that nobody knows takes its place at least. */
static void use_fill(const struct have *h, const char *device, struct offer *ret)
{
	for (size_t i = 0; i < h->n_gpu_parts; i++) {
		const struct gpu_part *p = &h->gpu_parts[i];
		if (!str_eq(p->key, device))
			continue;
		const struct gpu_profile *profile = have_gpu_profile_id(h, device, p->profile);
		int n = profile ? capacity_find(&ret->kind, profile->name) : -1;
		if (n >= 0 && capacity_fits(&ret->kind, &ret->use, (uint32_t)n, p->start))
			capacity_add(&ret->kind, &ret->use, (uint32_t)n, p->start);
		else
			ret->use.reserved |= capacity_slots(p->start, p->size);
	}
}

void mig_offer(const struct have *h, const char *device, struct offer *ret)
{
	const struct gpu *g = have_gpu(h, device);
	const struct function *f = have_device(h, device);
	const struct nvidia_card *card = f && !f->is_vf ? nvidia_card_find(f->vendor, f->device)
							: NULL;
	*ret = (struct offer){ 0 };
	if (g && (g->seen == GPU_SEEN || (g->seen == GPU_UNREAD && g->mig_capable))) {
		kind_fill(h, device, &ret->kind);
		use_fill(h, device, ret);
	} else if (card && card->mig) {
		ret->kind = *card->mig;
		ret->guessed = true;
	}
}
