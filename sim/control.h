/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How programs of the world speak to its machine: a socket, one request a connection. A request is words,
 * each ended with NUL; the answer is "ok" or "no", a newline, and text.
 */
#pragma once
#include "sim/machine.h"

/* Serves requests on the socket at path, as long as the process lives. */
int control_start(struct machine *m, const char *path, struct err *reterr);

/* The other side. words end with NULL. The answer's text goes to stdout, of a refusal to stderr; exit
 * status. */
int control_ask(const char *const *words);
/* Holds a function, mdev or node of /dev as a virtual machine would, until the program ends, or for ever
 * without one. name: what the process calls itself. */
int control_hold(const char *what, const char *name, char **argv);
