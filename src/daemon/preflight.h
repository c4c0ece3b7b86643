/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What of the applied policy and of the record would not hold under another kernel or driver. */
#pragma once
#include "host/finding.h"
#include "ledger/ledger.h"
#include "mech/mech.h"
#include "policy/policy.h"

struct release;

struct preflight {
	const struct have *have;
	const struct record *record;
	const struct policy *policy; /* NULL: none, or not understood */
	const struct mech *const *mechs;
	const struct release *release; /* of the kernel below */
	const char *kernel, *driver;   /* that the host is to run; empty: as now */
};

/* Pure. ret is zeroed first. -ENOMEM. */
int preflight_examine(const struct preflight *p, struct findings *ret);
