/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a worker says of a GPU, of any bytes: taken, and all of it can be; or refused, and the GPU is known as one that
 * nobody sees. The first byte is the part that a step was about; other GPUs are never touched.
 */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "host/scan.h"

#define KEY "pci:0000:00/01.0/00.0"
#define OTHER "pci:0000:00/02.0/00.0"
#define ENDED(field) (memchr((field), '\0', sizeof(field)) != NULL)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool holds)
{
	if (!holds)
		abort();
}

static void known_before(struct have *h, const char *key)
{
	struct gpu *g = have_add_gpu(h);
	struct gpu_part *p = have_add_gpu_part(h);
	check(g && p);
	g->seen = GPU_SEEN;
	p->start = 2;
	p->size = 1;
	check(STR_COPY(g->key, key) == 0 && STR_COPY(p->key, key) == 0);
}

static void check_records(const struct have *h)
{
	for (size_t i = 0; i < h->n_gpus; i++)
		check(ENDED(h->gpus[i].why) && ENDED(h->gpus[i].name) && ENDED(h->gpus[i].uuid) &&
		      ENDED(h->gpus[i].driver) && h->gpus[i].seen <= GPU_UNSEEN);
	for (size_t i = 0; i < h->n_gpu_profiles; i++)
		check(ENDED(h->gpu_profiles[i].name) && h->gpu_profiles[i].size >= 1 &&
		      h->gpu_profiles[i].size <= 64);
	for (size_t i = 0; i < h->n_gpu_parts; i++)
		check(ENDED(h->gpu_parts[i].uuid) && h->gpu_parts[i].size >= 1 &&
		      h->gpu_parts[i].start + h->gpu_parts[i].size <= 64);
	for (size_t i = 0; i < h->n_vgpu_types; i++)
		check(ENDED(h->vgpu_types[i].name));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct have h = { 0 };
	if (size == 0)
		return 0;
	known_before(&h, KEY);
	known_before(&h, OTHER);
	int r = scan_apply_gpu(&h, KEY, data[0], data + 1, size - 1);
	check(r == 0 || r == -EBADMSG);
	const struct gpu *g = have_gpu(&h, KEY);
	check(g && h.n_gpus == 2);
	check(r == 0 || (g->seen == GPU_UNSEEN && g->why[0] && h.n_gpu_parts == 1));
	check(have_gpu_part(&h, OTHER, 2) != NULL && have_gpu(&h, OTHER)->seen == GPU_SEEN);
	check_records(&h);
	have_done(&h);
	return 0;
}
