/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The lock that a worker holds on a device while it changes it: flock on a file of its own below
 * /run/carve/lock. It lives as long as the worker, so a lock that is held when the executor starts
 * belongs to a worker of its predecessor which the kernel has not let go.
 */
#pragma once
#include "model/step.h"

/* What the holder wrote into the file. */
struct lock_record {
	uint32_t magic, verb;
	uint64_t step;
	uint8_t host_lane;
	uint8_t unit; /* for the device, not on it: a lock of its own beside the device's */
	int32_t pid;
	char device[DEVICE_KEY_SIZE];
};

/* Takes the lock and writes the record. Returns a descriptor that holds it, -EWOULDBLOCK when another
 * process has it. */
int lock_take(int dir, const struct lock_record *record);
/* Is that one (device, unit) held by somebody? 1 and the record, 0, or negative errno. */
int lock_held(int dir, const struct lock_record *which, struct lock_record *ret);
/* Calls fn for each lock that is held. */
int lock_scan(int dir, void (*fn)(const struct lock_record *record, void *userdata),
	      void *userdata);
