/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The tree of a machine as a file system (libfuse 3). Each access is served by a thread of its own, so
 * one that waits, as in the kernel, stops nobody else. Names are kept by the kernel until they change.
 */
#pragma once
#include "sim/machine.h"

/* Mounts on a directory and serves it as long as the process lives. Events go to events: a socket of
 * uevent_socket(); -1: nobody is told. */
int fs_start(struct machine *m, const char *directory, int events, struct err *reterr);
/* Waits until programs see all that has changed. Lock held, and let go meanwhile. */
void fs_settle(struct machine *m);

/* A socket for events: what is sent to the kernel on it, the kernel tells to all listeners in the same
 * network namespace as its own (uevent_net_rcv_skb(), lib/kobject_uevent.c, since Linux 4.18). Needs
 * CAP_SYS_ADMIN there. Negative errno. */
int uevent_socket(void);
