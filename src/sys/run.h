/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Other programs, run to their end. */
#pragma once
#include <stddef.h>
#include <sys/types.h>

/* Path of the program of that name that lies where this one does. -ENOENT: none that can be run does. */
int run_beside(const char *name, char *ret, size_t size);
/* Runs argv[0] (looked for along PATH when it has no '/') to its end; argv ends with NULL. ret_said: its standard
 * output, the caller's; NULL: it has ours. Returns its exit status, 128 and the signal that ended it, or a negative
 * errno when it could not be started. Blocks as long as it runs. */
int run_program(const char *const argv[], char **ret_said);
/* Runs the program of that path with nothing in its environment and no signal blocked, and ends it after so many
 * ms: -ETIMEDOUT. What it says fits a pipe, or it is ended as well. As run_program() otherwise. */
int run_closed(const char *const argv[], unsigned deadline_ms, char **ret_said);
/* Runs the program of that path with nothing in its environment, writes in to its standard input and reads its
 * standard output to the end, of which as much is kept as there is room for. deadline_ms 0: as long as it takes; else it is
 * ended then: -ETIMEDOUT. Returns the number of bytes, or negative errno: -ENOBUFS when there were more, -EPROTO when it
 * did not end with 0. in has to fit a pipe. */
ssize_t run_exchange(const char *const argv[], unsigned deadline_ms, const void *in, size_t in_size,
		     void *out, size_t room);
