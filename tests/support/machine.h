/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A simulated machine without a world around it: its lock is held while a test runs. */
#pragma once
#include "sim/machine.h"

/* Powered on, without time passing. A kill is of "carved"; a reboot is one. */
struct machine *test_machine_new(const char *host);
void test_machine_free(struct machine *m);
/* Of a file of a function. */
struct node *test_machine_file(struct machine *m, const char *addr, const char *name);
int test_machine_write(struct machine *m, const char *addr, const char *name, const char *text);
/* To a file of the drivers: "drivers_probe", "drivers/igb/unbind". */
int test_machine_write_bus(struct machine *m, const char *name, const char *text);
/* A fault that must be right. */
void test_machine_fault(struct machine *m, const char *path, const char *access, const char *nth,
			const char *effect);
/* Lets others have the lock until this is so. */
void test_machine_wait(struct machine *m, const bool *so);
void test_machine_wait_gone(struct machine *m, const char *addr);
