/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which selection a device falls under, which entry of divide is for it, and why: each condition that
 * was tried, with what came of it. Selecting without asking why walks the same way.
 */
#pragma once
#include "base/str.h"
#include "policy/match.h"

/* What came of one condition. */
struct policy_verdict {
	const char *name; /* of the selection, borrowed from the policy */
	struct policy_position at;
	bool holds;
	char *why; /* "numa is 1, wanted 0" */
};
/* In the order in which they were tried; the last one holds when one was found. Starts zeroed. */
struct policy_verdicts {
	struct policy_verdict *items;
	size_t n;
	bool failed; /* memory ran out */
};
void policy_verdicts_done(struct policy_verdicts *v);

/* Why no policy ever selects it: a VF, a bridge; NULL: one may. */
const char *policy_never_selected(const struct match_subject *s);
/* The first selection that matches; tried NULL: nobody asks why. */
const struct policy_selection *policy_selection_of(const struct policy *p,
						   const struct match_subject *s,
						   struct policy_verdicts *tried);
/* The first entry of divide for that selection whose "when" holds. */
const struct policy_divide *policy_divide_of(const struct policy *p, const char *selection,
					     const struct match_subject *s,
					     struct policy_verdicts *tried);

/* What an entry makes of one device: "4 VFs", "passed through, bound early", "3 mtty-2". */
void policy_divide_text(const struct policy_divide *d, struct str_buf *out);
/* Does what the entry makes of a device count for the class? */
bool policy_class_draws(const struct policy *p, const struct policy_class *c,
			const struct policy_divide *d);
/* A line for each thing that two wants of one device want differently; either NULL: nothing is wanted. */
void policy_want_compare(const struct want *applied, const struct want *now, struct str_buf *out);
