/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Resets: which methods a function has, in the kernel's order, and what one does (pci_reset_fn_methods
 * and reset_method_store(), drivers/pci/pci.c of Linux 6.12). Simulated are flr, pm and bus.
 */
#include <errno.h>

#include "base/num.h"
#include "sim/machine.h"

#define RESET_MS 100

static bool alone_on_bus(const struct pci *f)
{
	if (!f->bridge || f->pf || f->num_vfs)
		return false;
	for (const struct pci *o = f->dev.machine->functions; o; o = o->next)
		if (o != f && o->domain == f->domain && o->bus == f->bus)
			return false;
	return true;
}

static bool has_flr(const struct pci *f)
{
	return f->model->flr || f->pf;
}

static bool has_pm(const struct pci *f)
{
	return f->model->pm_reset && !f->pf;
}

static const struct {
	const char *name;
	bool (*has)(const struct pci *f);
} methods[] = {
	{ "flr", has_flr },
	{ "pm", has_pm },
	{ "bus", alone_on_bus },
};
#define METHODS (sizeof(methods) / sizeof(*methods))

static bool is_bridge(const struct pci *f)
{
	return f->model->class >> 8 == 0x0604;
}

static int show_methods(struct node *n, struct str_buf *out)
{
	const struct pci *f = pci_of(n);
	const char *gap = "";
	for (size_t i = 0; i < METHODS; i++)
		if (methods[i].has(f) &&
		    (!f->reset_method[0] || str_eq(f->reset_method, methods[i].name))) {
			str_buf_addf(out, "%s%s", gap, methods[i].name);
			gap = " ";
		}
	str_buf_add(out, "\n");
	return 0;
}

/* One method, "default", or "" for none; several are taken as the first of them. */
static int store_methods(struct node *n, const char *text, size_t len)
{
	struct pci *f = pci_of(n);
	(void)len;
	if (str_eq(text, "default") || !*text)
		return STR_COPY(f->reset_method, *text ? "" : "none");
	for (size_t i = 0; i < METHODS; i++)
		if (str_eq(text, methods[i].name) && methods[i].has(f))
			return STR_COPY(f->reset_method, text);
	return -EINVAL;
}
static const struct file_ops ops_methods = { .show = show_methods, .store = store_methods };

static bool has_any(const struct pci *f)
{
	for (size_t i = 0; i < METHODS; i++)
		if (methods[i].has(f) &&
		    (!f->reset_method[0] || str_eq(f->reset_method, methods[i].name)))
			return true;
	return false;
}

static int store_reset(struct node *n, const char *text, size_t len)
{
	struct pci *f = pci_of(n);
	struct machine *m = f->dev.machine;
	uint64_t value;
	(void)len;
	if (num_parse(text, 0, UINT32_MAX, &value) < 0 || value != 1)
		return -EINVAL;
	if (!has_any(f))
		return -ENOTTY;
	int r = klock_take(m, &f->dev.lock, "reset");
	if (r < 0)
		return r;
	r = klock_take(m, &f->config_lock, "reset");
	if (r == 0) {
		r = machine_sleep(m, RESET_MS);
		f->state.resets++;
		f->state.d3 = false;
		nvme_reset(f);
		klock_release(m, &f->config_lock);
	}
	klock_release(m, &f->dev.lock);
	/* A function that does not come back is waited for, a minute (PCIE_RESET_READY_POLL_MS). */
	if (r == 0 && f->state.off)
		r = machine_sleep(m, 60000) < 0 ? -ENOTCONN : -ENOTTY;
	return r;
}
static const struct file_ops ops_reset = { .store = store_reset };

void reset_init(struct pci *f)
{
	struct tree *t = f->dev.machine->tree;
	if (is_bridge(f))
		return;
	bool any = has_flr(f) || has_pm(f) || (f->bridge && !f->pf);
	if (!any)
		return;
	node_file(t, f->dev.dir, "reset", 0200, &ops_reset, f);
	node_file(t, f->dev.dir, "reset_method", 0644, &ops_methods, f);
}
