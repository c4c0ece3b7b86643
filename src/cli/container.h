/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How a container engine is told to use slices: options of podman run and docker run. */
#pragma once
#include <stdbool.h>

#include <jansson.h>

struct err;

/* Those for all of the handles (an array) at once, an option a line. pin: on the CPUs and the memory near them, too.
 * Returns an exit code; what one container cannot have at once is refused with reterr, and nothing is printed. */
int container_print(const json_t *handles, bool pin, struct err *reterr);
