/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Other programs, run to their end. */
#pragma once
#include <stddef.h>

/* Path of the program of that name that lies where this one does. -ENOENT: none that can be run does. */
int run_beside(const char *name, char *ret, size_t size);
/* Runs argv[0] (looked for along PATH when it has no '/') to its end; argv ends with NULL. ret_said: its standard
 * output, the caller's; NULL: it has ours. Returns its exit status, 128 and the signal that ended it, or a negative
 * errno when it could not be started. Blocks as long as it runs. */
int run_program(const char *const argv[], char **ret_said);
