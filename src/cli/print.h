/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Shapes of the interface (api/io.carve.varlink) as people read them; used by several subcommands. */
#pragma once
#include <jansson.h>
#include <stddef.h>

#include "base/err.h"

/* Member that is a string; "?" when absent. */
const char *print_text(const json_t *o, const char *key);
/* "pid 4121 (qemu-system-x86) in machine-web01.scope: /dev/vfio/14". Caller frees; NULL: no memory. */
char *print_holder(const json_t *holder);
/* Labelled line of the settings that are there. */
void print_settings(const json_t *settings);
/* Local time of seconds since the epoch. */
void print_time(json_int_t seconds, char *ret, size_t size);
/* An io.carve Error to stderr. */
void print_api_error(const json_t *error);
