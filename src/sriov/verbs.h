/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The executor's verbs of this directory: VF counts, VF settings, port functions, NVMe
 * provisioning. */
#pragma once
#include <stddef.h>

#include "mech/verb.h"

extern const struct verb_entry sriov_verbs[];
extern const size_t sriov_verbs_n;
