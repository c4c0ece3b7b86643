/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Runs the real carved, and the real carve-executor beside it when asked for, on a made-up machine in
 * a temporary folder. Whatever goes wrong with that fails the test.
 */
#pragma once
#include <stdbool.h>
#include <sys/types.h>

#include "api/client.h"
#include "support/tree.h"

struct service {
	struct tree root; /* sys/, etc/, state/, run/ */
	struct tree sys;  /* root's sys/ */
	char socket[128];
	pid_t carved, executor;
	bool state_mounted;
};

void service_init(struct service *s);
void service_done(struct service *s);
void service_start(struct service *s);
void service_executor_start(struct service *s);
/* A tmpfs of 4 MiB as the state directory, in a mount name space of this process; again: other flags
 * (MS_RDONLY). Skips the test when not root. */
void service_state_mount(struct service *s, unsigned long flags);
/* Runs "carved" or "carve-executor" with one option, to its end; what it said and its exit status. */
int service_run(const char *name, const char *option, char *ret_said, size_t size);
/* Waits until it has ended. */
void service_kill(pid_t *pid, int signal);
/* A connection; the caller closes it. */
struct api_client *service_connect(const struct service *s);
/* A socket that speaks for itself. */
int service_connect_raw(const struct service *s);
/* Calls a method without parameters that must succeed, waiting no more than 10 s. */
json_t *service_call(const struct service *s, const char *method);
