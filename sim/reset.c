/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Resets: which methods a function has, in the kernel's order, and what one does
 * (pci_reset_fn_methods, pci_init_reset_methods() and reset_method_store(), drivers/pci/pci.c of
 * Linux 6.12). Simulated are flr, pm and bus.
 */
#include <errno.h>

#include "base/num.h"
#include "sim/machine.h"

#define RESET_MS 100

/* Others on its bus would be reset as well (pci_parent_bus_reset()); so would what is below it. */
static bool alone_on_bus(const struct pci *f)
{
	if (!f->bridge || f->pf || f->num_vfs)
		return false;
	for (const struct pci *o = f->dev.machine->functions; o; o = o->next)
		if (o->bridge == f || (o != f && o->domain == f->domain && o->bus == f->bus))
			return false;
	return true;
}

static bool has_flr(const struct pci *f)
{
	return f->model->flr || f->pf;
}

static bool has_pm(const struct pci *f)
{
	return f->model->pm_reset && config_has_pm(f);
}

/* Numbers of methods are those of lines here, the first is 1. */
static const struct {
	const char *name;
	bool (*has)(const struct pci *f);
} methods[] = {
	{ "flr", has_flr },
	{ "pm", has_pm },
	{ "bus", alone_on_bus },
};
#define METHODS (sizeof(methods) / sizeof(*methods))

static unsigned method_find(const char *name)
{
	for (unsigned i = 0; i < METHODS; i++)
		if (str_eq(methods[i].name, name))
			return i + 1;
	return 0;
}

static void methods_init(struct pci *f)
{
	size_t n = 0;
	for (unsigned i = 0; i < METHODS; i++)
		if (methods[i].has(f))
			f->reset_methods[n++] = (uint8_t)(i + 1);
	f->reset_methods[n] = 0;
}

static int show_methods(struct node *n, struct str_buf *out)
{
	const struct pci *f = pci_of(n);
	for (const uint8_t *at = f->reset_methods; *at; at++)
		str_buf_addf(out, "%s%s", at == f->reset_methods ? "" : " ", methods[*at - 1].name);
	if (f->reset_methods[0])
		str_buf_add(out, "\n");
	return 0;
}

/* The methods named, in that order, if all of them can be had now. */
static int methods_set(struct pci *f, const char *text)
{
	uint8_t chosen[sizeof(f->reset_methods)] = { 0 };
	size_t n = 0;
	for (size_t len; *text; text += len) {
		char name[16];
		text += strspn(text, " ");
		len = strcspn(text, " ");
		if (!len || n == sizeof(chosen) - 1)
			break;
		unsigned method = STR_FORMAT(name, "%.*s", (int)len, text) < 0 ? 0
									       : method_find(name);
		if (!method || !methods[method - 1].has(f))
			return -EINVAL;
		chosen[n++] = (uint8_t)method;
	}
	memcpy(f->reset_methods, chosen, sizeof(chosen));
	return 0;
}

/* "default" looks at what there is now; nothing at all forbids every reset. */
static int store_methods(struct node *n, const char *text, size_t len)
{
	struct pci *f = pci_of(n);
	(void)len;
	if (!str_eq(text, "default"))
		return methods_set(f, text);
	methods_init(f);
	return 0;
}
static const struct file_ops ops_methods = { .show = show_methods, .store = store_methods };

/* The first that works: one that was found earlier may not be had any more. */
static int reset_locked(struct pci *f)
{
	const uint8_t *at = f->reset_methods;
	while (*at && !methods[*at - 1].has(f))
		at++;
	if (!*at)
		return -ENOTTY;
	int r = machine_sleep(f->dev.machine, RESET_MS);
	f->state.d3 = false;
	nvme_reset(f);
	/* One that does not come back is waited for, a minute (PCIE_RESET_READY_POLL_MS). */
	if (r == 0 && f->state.off)
		r = machine_sleep(f->dev.machine, 60000) < 0 ? -ENOTCONN : -ENOTTY;
	return r;
}

/* Who waited for a function that left meanwhile is told so here; the kernel lets it leave only afterwards. */
static int store_reset(struct node *n, const char *text, size_t len)
{
	struct pci *f = pci_of(n);
	struct machine *m = f->dev.machine;
	uint64_t value;
	(void)len;
	if (num_parse(text, 0, UINT32_MAX, &value) < 0 || value != 1)
		return -EINVAL;
	if (!f->reset_methods[0])
		return -ENOTTY;
	int r = klock_take(m, &f->dev.lock, "reset");
	if (r < 0)
		return r;
	r = f->dev.gone ? -ENODEV : klock_take(m, &f->config_lock, "reset");
	if (r == 0) {
		r = reset_locked(f);
		klock_release(m, &f->config_lock);
	}
	klock_release(m, &f->dev.lock);
	return r;
}
static const struct file_ops ops_reset = { .store = store_reset };

/* While the function is being found, and only then: who comes later on the same bus, or below it,
 * was not there to be seen (pci_init_capabilities()). */
void reset_init(struct pci *f)
{
	struct tree *t = f->dev.machine->tree;
	methods_init(f);
	if (!f->reset_methods[0])
		return;
	node_file(t, f->dev.dir, "reset", 0200, &ops_reset, f);
	node_file(t, f->dev.dir, "reset_method", 0644, &ops_methods, f);
}
