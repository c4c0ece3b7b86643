/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Small pictures and records for tests of planning. Whatever goes wrong fails the test. */
#pragma once
#include "model/slice.h"

/* A function "0000:BB:00.0" with key "pci:ADDR", class, driver ("" none) and IOMMU group (-1 none).
 * The result is good until the next one is added. */
struct function *picture_function(struct have *h, const char *addr, uint32_t class,
				  const char *driver, int group);
/* n VFs of pf_addr at 0000:aa:00.0 and on, groups from 100 on, without drivers. */
void picture_vfs(struct have *h, const char *pf_addr, unsigned n);
void picture_mdev(struct have *h, const char *parent_key, const char *type, const char *uuid);
void picture_type(struct have *h, const char *parent_key, const char *type, uint32_t available);

struct slice picture_slice(const char *mech, const char *device, int index);
struct want picture_want(const char *mech, const char *device, uint32_t count);
/* The verbs of a plan in order, -1 at the end: picture_plan(&p, VERB_BIND, VERB_GRANT, -1). */
void picture_plan(const struct plan *p, ...);
