/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Units of systemd that may be stopped for as long as a device is changed: what names are taken. */
#pragma once
#include <stdbool.h>

/* The first character, the others, and what it ends in; as POSIX and the JSON schema understand it. */
#define SERVICE_REGEX "^[A-Za-z0-9][A-Za-z0-9:._@-]{0,54}[.](service|socket)$"

/* Of a unit, and no longer than NAME_SIZE has room for. */
bool service_name_valid(const char *name);
/* One without which the host, whoever repairs it, or carve itself cannot go on: never stopped. */
bool service_is_vital(const char *name);
