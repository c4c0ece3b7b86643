/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The processes that claims depend on: those that claims are tied to, and those that keep a slice from
 * being taken back. Their end, told by the kernel through a pidfd, prompts a check; it decides nothing.
 */
#pragma once
#include <systemd/sd-event.h>

#include "model/slice.h"

struct daemon;
struct consumer;

/* Descriptors for processes are bounded; beyond it the engine's own looking again must do. */
#define CONSUMERS_MAX 512

struct consumers {
	struct consumer *items[CONSUMERS_MAX];
	size_t n;
};

void consumers_stop(struct daemon *d);
/* Follows the claims of the record: watches the processes of new ones, forgets those of old ones. */
void consumers_update(struct daemon *d);
/* Watches who was found to hold what a step wanted to take back. */
void consumers_watch_holders(struct daemon *d, const struct step *s, const struct holder *holders,
			     size_t n);
