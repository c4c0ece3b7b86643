/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See service.h. */
#include "model/service.h"

#include <string.h>

#include "base/str.h"
#include "model/pci.h"

bool service_name_valid(const char *name)
{
	static const char letters[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789:._@-";
	static const char first[] = ":._@-";
	size_t len = strlen(name);
	return len < NAME_SIZE && !strchr(first, name[0]) && strspn(name, letters) == len &&
	       (str_ends(name, ".service") || str_ends(name, ".socket"));
}

bool service_is_vital(const char *name)
{
	/* Beginnings. Of the last three: who logs in to put things right, and may he. */
	static const char *const vital[] = { "carve", "systemd-", "dbus",  "udev",
					     "ssh",   "user@",	  "polkit" };
	for (size_t i = 0; i < sizeof(vital) / sizeof(vital[0]); i++)
		if (str_after(name, vital[i]))
			return true;
	return false;
}
