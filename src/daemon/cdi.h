/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the vendor of a GPU wrote for container engines (Container Device Interface): files that say, for each device of a
 * name, what a container needs of it, its libraries included. carve refers to them, and writes none.
 */
#pragma once
#include "model/sizes.h"

#define CDI_KIND "nvidia.com/gpu"

enum cdi_state {
	CDI_NONE,    /* there is no such file */
	CDI_UNNAMED, /* none of them has the device by its UUID */
	CDI_STALE,   /* the one that has it has libraries of another version */
	CDI_NAMED,   /* to be asked for as CDI_KIND=UUID */
};

struct cdi {
	enum cdi_state state;
	char file[SYS_PATH_SIZE]; /* the one that is meant; CDI_NONE: empty */
};

/* root: descriptor of /. version: of the driver that is loaded. Reads files on disk: may block on it. */
void cdi_find(int root, const char *uuid, const char *version, struct cdi *ret);
