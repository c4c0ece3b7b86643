/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The executor's verbs of this directory: create, remove, read types. */
#pragma once
#include <stddef.h>

#include "mech/verb.h"

extern const struct verb_entry mdev_verbs[];
extern const size_t mdev_verbs_n;
