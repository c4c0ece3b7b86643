/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What depends on two places of a policy at once: references, keys that exclude each other, sums. */
#pragma once
#include "policy/source.h"

int policy_check(const struct policy *p, struct policy_source *s);
/* The entries of divide that use a selection, in their order: the one behind last (NULL: the first); NULL: no more. */
const struct policy_divide *policy_divide_next(const struct policy *p, const char *selection,
					       const struct policy_divide *last);
/* Does a divide yield slices of that profile? */
bool policy_divide_yields(const struct policy_divide *d, const char *profile);
