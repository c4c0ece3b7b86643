/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See machine.h. */
#include "support/machine.h"

#include "base/cleanup.h"
#include "sim/access.h"
#include "sim/fault.h"
#include "support/test.h"

static void hook_kill(struct machine *m, const char *program)
{
	(void)m;
	assert_string_equal(program, "carved");
}

static void hook_reboot(struct machine *m)
{
	machine_reboot(m);
}

static const struct machine_hooks hooks = { .kill = hook_kill, .reboot = hook_reboot };

struct machine *test_machine_new(const char *host)
{
	struct err err _cleanup_err_ = { 0 };
	struct host *h = host_open(host, &err);
	assert_non_null(h);
	struct machine *m = machine_new(h);
	assert_non_null(m);
	m->pace = 0;
	m->hooks = &hooks;
	machine_lock(m);
	machine_boot(m);
	return m;
}

void test_machine_free(struct machine *m)
{
	struct host *h = (struct host *)(uintptr_t)m->host;
	machine_unlock(m);
	machine_free(m);
	host_free(h);
}

struct node *test_machine_file(struct machine *m, const char *addr, const char *name)
{
	const struct pci *f = bus_find(m, addr);
	assert_non_null(f);
	struct node *n = node_walk(m->tree, f->dev.dir, name);
	assert_non_null(n);
	return n;
}

int test_machine_write(struct machine *m, const char *addr, const char *name, const char *text)
{
	return access_store(m, test_machine_file(m, addr, name), text, strlen(text));
}

int test_machine_write_bus(struct machine *m, const char *name, const char *text)
{
	struct node *n = node_walk(m->tree, m->bus_pci, name);
	assert_non_null(n);
	return access_store(m, n, text, strlen(text));
}

void test_machine_fault(struct machine *m, const char *path, const char *access, const char *nth,
			const char *effect)
{
	const char *words[] = { path, access, nth, effect };
	struct err err _cleanup_err_ = { 0 };
	unsigned id;
	assert_int_equal(fault_add(m, words, 4, &id, &err), 0);
}

void test_machine_wait(struct machine *m, const bool *so)
{
	while (!*(const volatile bool *)so) {
		machine_unlock(m);
		machine_lock(m);
	}
}

void test_machine_wait_gone(struct machine *m, const char *addr)
{
	while (bus_find(m, addr)) {
		machine_unlock(m);
		machine_lock(m);
	}
}
