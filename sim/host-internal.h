/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the files host*.c share with each other. */
#pragma once
#include "policy/source.h"
#include "sim/host.h"

#define HOST_FUNCTIONS_MAX 16384
#define HOST_TEXT_MAX (8u * 1024u * 1024u) /* a captured machine carries its configuration spaces */
#define HOST_CONFIG_MAX 4096		   /* bytes of a configuration space */

/* What depends on two places of a description at once; also sorts slots by place and sets what
 * host.h says that the check sets. -EINVAL with the mistake. */
int host_check(struct host *h, struct policy_source *s);

/* Models that every host has; NULL: it is none of them. */
const struct host_model *host_model_known(const char *name);
/* PCI-to-PCI bridges of every kind: there is a bus behind them. */
bool host_model_is_bridge(const struct host_model *m);
