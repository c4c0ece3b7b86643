/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Instructions, counted by callgrind: the same on every machine, however busy it is. */
#pragma once
#include <stdbool.h>

/* Runs "self arguments" and counts what the function of that name executes, with all that it calls. False: it
 * could not be counted. */
bool callgrind_count(const char *self, const char *function, const char *arguments, double *ret);
