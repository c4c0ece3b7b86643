/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The executor's verbs of this directory: bind, unbind, reset, grant, revoke, load-module,
 * pin-power. */
#pragma once
#include <stddef.h>

#include "mech/verb.h"

extern const struct verb_entry vfio_verbs[];
extern const size_t vfio_verbs_n;
