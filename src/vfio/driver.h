/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which VFIO driver suits a function, and loading it. Executor side; blocks while a module loads.
 */
#pragma once
#include "mech/verb.h"

/* Name of the driver to bind to, loaded if it had to be: the variant that modules.alias names for
 * the function at path (below /sys/devices), else vfio-pci. 0, or negative errno: there is none. */
int driver_choose(const struct verb_context *c, const char *path, char ret[NAME_SIZE]);
/* Loads "vfio-pci" or what an alias beginning with "vfio_pci:" stands for, and says which PCI
 * driver the module brought. Returns 1 loaded, 0 was there, -EPERM for any other name, -ENOENT: no
 * such module. */
int driver_load(const struct verb_context *c, const char *alias, char ret[NAME_SIZE]);
/* Is that PCI driver registered? */
bool driver_registered(const struct verb_context *c, const char *driver);
