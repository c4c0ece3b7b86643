/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Between the files of this directory. */
#pragma once
#include "vfio/vfio.h"

void passthrough_offer(const struct have *h, const char *device, struct offer *ret);
const struct function *passthrough_find(const struct have *h, const struct slice *s,
					bool *ret_found);
int passthrough_proof(const struct have *h, const struct slice *s);
