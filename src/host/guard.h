/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * May a step be done? Judged by what it would do: taking a driver away concerns the function, what
 * hangs on it and its IOMMU group; changing a VF count concerns the VFs that die and, while they are
 * made, the PF's own traffic. Asked in the worker directly before the write, and alone for a plan.
 */
#pragma once
#include "host/enroll.h"
#include "host/holders.h"
#include "host/resolve.h"

struct guard_query {
	struct host_roots roots;
	const struct step *step;
	const struct resolved *at;
	const struct enrollment *enrolled;
	/* Which questions the verb asks: enum verb_guard of mech/verb.h, one each. */
	bool never_touch, holders, pf_in_use;
};

struct guard_answer {
	char reason[64]; /* "never-touch", "group-mate", "pf-in-use", "held" */
	char detail[256];
	struct holder_list list; /* who is in the way */
};

/* 0: nothing is in the way. 1: refused, ret says why. Negative errno: it could not look, and then
 * nothing may be done either. */
int guard_check(const struct guard_query *q, struct guard_answer *ret);
