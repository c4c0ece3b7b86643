/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a plan takes with it that the engine cannot know: names, network interfaces, and who uses what
 * the steps change.
 */
#pragma once
#include <jansson.h>

#include "model/step.h"

struct daemon;

/* Adds names of devices, and of interfaces to what steps disturb. report: what the engine answered. */
void blast_name(struct daemon *d, json_t *report);
/* What the executor has to look at for that step of a plan: who uses what it changes. False: nothing. */
bool blast_look(const struct have *h, const json_t *step, struct step *ret);
/* Who was found to use it, as lines of that step. */
void blast_add_holders(json_t *step, const struct holder *holders, size_t n);
