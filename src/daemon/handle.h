/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a handle tells beside the slice itself, looked up when somebody asks: the CPUs that are near it, and the files that
 * a container needs of the driver.
 */
#pragma once
#include <jansson.h>

#include "model/pci.h"

struct daemon_roots;

/* device: what the slice is cut from, NULL: no function. All may block on the disk. They do nothing to a NULL handle. */
void handle_add_cpus(json_t *handle, const struct daemon_roots *roots,
		     const struct function *device);
/* To the handle of what containers use; gpu: what is known of it. */
void handle_add_files(json_t *handle, const struct daemon_roots *roots, const struct gpu *gpu);
