/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * carve-sim check: what a policy would do on a described host. All its devices are put under carve there,
 * the plan is shown and carried out, and what is there then is shown: a policy test for anybody's CI.
 */
#pragma once
#include <stdbool.h>

#include "sim/host.h"

/* Exit status: 0 the host is as the policy says, 1 the policy is refused or does not hold there (what carve
 * said is on stderr), 125 or a negative errno: there was no world. */
int check_run(const struct host *host, const char *policy, bool json, struct err *reterr);
/* The part inside the world. */
int check_inside(const char *policy, bool json);
