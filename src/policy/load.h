/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Walks the tree of a file along the option tables of its language, and stores what they say. */
#pragma once
#include "policy/option.h"
#include "policy/source.h"

/* Loads an opened source into what the options of its language store to. Negative errno, with the
 * mistake and its place in the source's err; into may be half filled then. */
int policy_load(struct policy_source *source, void *into);
