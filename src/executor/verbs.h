/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The verbs that only look, and those on units of systemd; those that change something are in the directory of their mechanism. */
#pragma once
#include "mech/verb.h"

extern const struct verb_entry looking_verbs[];
extern const size_t looking_verbs_n;
/* services.c */
extern const struct verb_entry service_verbs[];
extern const size_t service_verbs_n;
