/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a worker gives up before it takes work: privileges it could gain, capabilities and system
 * calls that its class of verbs does not need.
 */
#pragma once
#include "base/err.h"
#include "mech/verb.h"

/* Cannot be undone; the calling process is a worker from then on. Negative errno. */
int sandbox_enter(enum verb_class class, struct err *reterr);
