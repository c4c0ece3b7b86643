/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What vGPU can cut from a card: by the tables, until the driver is asked. */
#include "nvidia/kinds.h"
#include "nvidia/nvidia.h"

static const struct nvidia_card *card_of(const struct have *h, const char *device)
{
	const struct function *f = have_device(h, device);
	return f && !f->is_vf ? nvidia_card_find(f->vendor, f->device) : NULL;
}

static void vgpu_offer(const struct have *h, const char *device, struct offer *ret)
{
	const struct nvidia_card *card = card_of(h, device);
	*ret = (struct offer){ 0 };
	if (card && card->vgpu)
		ret->kind = *card->vgpu;
}

const struct mech nvidia_vgpu_mech = { .name = "vgpu", .offer = vgpu_offer, MECH_PLANNED };
