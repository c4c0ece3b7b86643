/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * /etc/carve/services: the units of systemd that root lets carve stop while a device is changed, and start
 * again. One name a line, '#' begins a comment. A line that is not understood makes the whole file
 * invalid, and then no unit is stopped or started.
 */
#pragma once
#include <stddef.h>

#include "base/err.h"
#include "model/pci.h"

#define SERVICES_MAX 64

struct service_list {
	char units[SERVICES_MAX][NAME_SIZE];
	size_t n;
};

/* Each error names line and column. services.syntax: -EINVAL. */
int services_parse(const char *text, const char *file, struct service_list *ret,
		   struct err *reterr);
/* Reads the file; absent is an empty list. */
int services_read(const char *file, struct service_list *ret, struct err *reterr);
bool services_has(const struct service_list *l, const char *unit);
