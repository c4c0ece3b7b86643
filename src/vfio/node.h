/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Verbs that give a VFIO node to an account and take it back. Executor side. */
#pragma once
#include "mech/verb.h"

/* number: uid, number2: gid. Mode 0600, always. */
void node_grant(const struct verb_context *c, const struct step *s, struct step_result *r);
/* To root, 0600. A node that is gone is taken back. */
void node_revoke(const struct verb_context *c, const struct step *s, struct step_result *r);
