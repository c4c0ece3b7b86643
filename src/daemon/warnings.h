/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a policy asks for and the guards of the executor refuse: a device that the host itself uses, or whose
 * IOMMU group it shares. No step of a plan shows that when the device is only bound for a claim. The
 * executor is asked with steps that only check, after the engine has made its report, and what it
 * refuses goes along with it, before what the engine warns of itself; so does, with a plan, who uses what
 * its steps change. Who does not answer within three seconds is not waited for.
 */
#pragma once
#include <jansson.h>
#include <stdbool.h>

#include "model/slice.h"

struct session;
struct warnings;

/* The wants of a policy, copied; only NULL: all devices, else that one. NULL: no memory, then there are no
 * warnings. */
struct warnings *warnings_new(const struct want *wants, size_t n, const char *only);
struct warnings *warnings_free(struct warnings *w);
/* True: asked, the session is answered with the report and its warnings later. False: nothing to wait for. */
bool warnings_ask(struct session *s, json_t *report);
