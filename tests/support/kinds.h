/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Every table of what devices can be divided into. */
#pragma once
#include "model/capacity.h"

/* The n-th, from 0; NULL: there are fewer. */
const struct capacity *kinds_at(size_t n);
size_t kinds_count(void);
/* NULL: none of that name. */
const struct capacity *kinds_named(const char *name);
