/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Makes allocations fail, to walk the branches that real life never shows. Counted are those of our
 * own objects (by the linker's --wrap, see WRAPPED in the Makefile) and of jansson; what other
 * libraries allocate for themselves is not.
 *
 *	for (unsigned n = 0;; n++) {
 *		alloc_fail_at(n);
 *		r = function_under_test();
 *		if (!alloc_fail_done())
 *			break;                   // it needs n allocations: all were tried
 *		assert_int_equal(r, -ENOMEM);
 *	}
 */
#pragma once
#include <stdbool.h>

/* Lets n allocations through, fails the next one, and lets all after it through again. */
void alloc_fail_at(unsigned n);
/* Ends it; whether an allocation was failed since alloc_fail_at(). */
bool alloc_fail_done(void);
