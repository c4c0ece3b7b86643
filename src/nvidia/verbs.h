/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
#include "mech/verb.h"

extern const struct verb_entry nvidia_verbs[];
extern const size_t nvidia_verbs_n;
