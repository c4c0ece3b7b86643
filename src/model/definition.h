/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What mdevctl and driverctl do at boot, as the text of their files: mdevctl's definition of an mdev, JSON in
 * /etc/mdevctl.d/PARENT/UUID (mdevctl(8), CONFIGURATION FILE FORMAT), and driverctl's override, the name of a driver
 * in /etc/driverctl.d/pci-ADDRESS (driverctl(8); save_override() of driverctl 0.111).
 */
#pragma once
#include "base/err.h"
#include "model/pci.h"

struct definition {
	char type[NAME_SIZE];
	bool starts;	 /* when its parent appears */
	bool attributes; /* some are written when it starts */
};

/* The text of path, whole. -EINVAL: it is no definition; what is unknown in it is no mistake. -ENOMEM. */
int definition_parse(const char *text, size_t len, const char *path, struct definition *ret,
		     struct err *reterr);
/* As mdevctl writes one that starts at boot. Caller frees. NULL: no memory. */
char *definition_make(const char *type);
/* The same definition, with all that is in it, but for when it starts. Text that definition_parse() took. Caller
 * frees. NULL: no memory. */
char *definition_set_starts(const char *text, bool starts);

/* A name that /sys may have for a parent, and none of mdevctl's own folders. */
bool definition_parent_valid(const char *name);

/* The driver that an override names. -EINVAL: it names none. */
int override_parse(const char *text, size_t len, const char *path, char ret[NAME_SIZE],
		   struct err *reterr);
/* The address in "pci-0000:3b:00.0", within the name; NULL: it is no override of a PCI function. */
const char *override_address(const char *file);
