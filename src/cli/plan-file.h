/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A plan in a file: the policy, what was asked about it and what Plan answered, as one JSON object. It
 * is what Apply is asked with, so that exactly that is done, or nothing.
 */
#pragma once
#include <jansson.h>

#include "base/err.h"

/* asked: parameters of Plan; reply: its answer. Ids: plan.size, plan.save. */
int cli_plan_save(const char *file, const json_t *asked, const json_t *reply, struct err *reterr);
/* Parameters of Apply; a new reference. Ids: plan.read, plan.file. */
int cli_plan_load(const char *file, json_t **ret, struct err *reterr);
