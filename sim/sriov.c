/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * SR-IOV: the files of a PF and what a write to sriov_numvfs does, in the order of its checks, its locks,
 * its sleeps and its events (drivers/pci/iov.c of Linux 6.12: sriov_numvfs_store(), sriov_enable(),
 * pci_iov_add_virtfn(), sriov_disable()).
 */
#include <errno.h>

#include "base/num.h"
#include "sim/machine.h"

#define ENABLE_MS 100
#define DISABLE_MS 1000

static int show_totalvfs(struct node *n, struct str_buf *out)
{
	str_buf_addf(out, "%u\n", pci_of(n)->total_vfs);
	return 0;
}
static const struct file_ops ops_totalvfs = { .show = show_totalvfs };

/* The device lock: behind a write that does not end, this does not end either (seen in the lab). */
static int show_numvfs(struct node *n, struct str_buf *out)
{
	struct pci *f = pci_of(n);
	int r = klock_take(f->dev.machine, &f->dev.lock, "sriov_numvfs");
	if (r < 0)
		return r;
	str_buf_addf(out, "%u\n", f->num_vfs);
	klock_release(f->dev.machine, &f->dev.lock);
	return 0;
}

static int show_offset(struct node *n, struct str_buf *out)
{
	str_buf_addf(out, "%u\n", pci_of(n)->model->vf_offset);
	return 0;
}
static const struct file_ops ops_offset = { .show = show_offset };

static int show_stride(struct node *n, struct str_buf *out)
{
	str_buf_addf(out, "%u\n", pci_of(n)->model->vf_stride);
	return 0;
}
static const struct file_ops ops_stride = { .show = show_stride };

static int show_vf_device(struct node *n, struct str_buf *out)
{
	str_buf_addf(out, "%x\n", pci_of(n)->model->vf_device);
	return 0;
}
static const struct file_ops ops_vf_device = { .show = show_vf_device };

static int show_autoprobe(struct node *n, struct str_buf *out)
{
	str_buf_addf(out, "%u\n", pci_of(n)->autoprobe ? 1 : 0);
	return 0;
}

/* kstrtobool() */
static int store_autoprobe(struct node *n, const char *text, size_t len)
{
	char first = text[0], second = len > 1 ? text[1] : '\0';
	bool on = second && strchr("nN", second), off = second && strchr("fF", second);
	bool yes = first && (strchr("1yYtT", first) || (strchr("oO", first) && on));
	bool no = first && (strchr("0nNfF", first) || (strchr("oO", first) && off));
	if (!yes && !no)
		return -EINVAL;
	pci_of(n)->autoprobe = yes;
	return 0;
}
static const struct file_ops ops_autoprobe = { .show = show_autoprobe, .store = store_autoprobe };

static int show_vf_total_msix(struct node *n, struct str_buf *out)
{
	(void)n;
	str_buf_add(out, "0\n");
	return 0;
}
static const struct file_ops ops_vf_total_msix = { .show = show_vf_total_msix };

/* No driver of a PF here can move vectors; only then the VF's own would matter
 * (sriov_vf_msix_count_store()). */
static int store_msix_count(struct node *n, const char *text, size_t len)
{
	struct pci *pf = pci_of(n)->pf;
	uint64_t value;
	(void)len;
	if (num_parse(text, 0, INT32_MAX, &value) < 0)
		return -EINVAL;
	int r = klock_take(pf->dev.machine, &pf->dev.lock, "sriov_vf_msix_count");
	if (r < 0)
		return r;
	klock_release(pf->dev.machine, &pf->dev.lock);
	return -EOPNOTSUPP;
}
static const struct file_ops ops_msix_count = { .store = store_msix_count };

/* --- VFs ------------------------------------------------------------------------------------- */

static void link_name(unsigned index, char ret[32])
{
	(void)str_format(ret, 32, "virtfn%u", index);
}

/* The VF is told of before its links are there; "change" comes once they are. */
static void vf_add(struct pci *pf, unsigned index)
{
	struct machine *m = pf->dev.machine;
	unsigned rid = (unsigned)(pf->bus << 8 | pf->devfn) + pf->model->vf_offset +
		       index * pf->model->vf_stride;
	char link[32];
	struct pci *vf = bus_add(m, pf->bridge, NULL, pf->model, pf->domain, rid >> 8, rid & 0xff);
	vf->pf = pf;
	vf->found = false; /* its driver is tried by who makes it */
	vf->state.off = pf->state.off;
	vf->vf_index = index;
	vf->numa = pf->numa;
	vf->total_vfs = 0;
	bus_announce(vf);
	link_name(index, link);
	node_link(m->tree, pf->dev.dir, link, vf->dev.dir);
	node_link(m->tree, vf->dev.dir, "physfn", pf->dev.dir);
	bus_event(vf, "change");
	pf->vfs[index] = vf;
}

/* Outside the PF's lock order: only the VF's own (pci_bus_add_device()). -ENOTCONN: the machine was
 * switched off meanwhile. */
static int vf_probe(struct pci *vf)
{
	struct machine *m = vf->dev.machine;
	int r = klock_take(m, &vf->dev.lock, "probe");
	if (r < 0)
		return r;
	(void)driver_attach(vf);
	klock_release(m, &vf->dev.lock);
	return machine_sleep(m, 0);
}

static int vf_remove(struct pci *pf, unsigned index)
{
	struct machine *m = pf->dev.machine;
	struct pci *vf = pf->vfs[index];
	char link[32];
	link_name(index, link);
	node_remove_name(m->tree, pf->dev.dir, link);
	node_remove_name(m->tree, vf->dev.dir, "physfn");
	int r = klock_take(m, &vf->dev.lock, "remove");
	if (r < 0)
		return r;
	r = driver_detach(vf);
	klock_release(m, &vf->dev.lock);
	if (r < 0)
		return r;
	bus_forget(vf);
	pf->vfs[index] = NULL;
	return 0;
}

/* Hardware takes its time for it, in which nobody gets at the PF's configuration space. */
static int settle(struct pci *pf, unsigned count, bool enabled, unsigned ms)
{
	struct machine *m = pf->dev.machine;
	int r = klock_take(m, &pf->config_lock, "sriov_numvfs");
	if (r < 0)
		return r;
	config_set_vfs(pf, count, enabled);
	r = machine_sleep(m, ms);
	klock_release(m, &pf->config_lock);
	return r;
}

int sriov_enable(struct pci *pf, unsigned count)
{
	int r = settle(pf, count, true, ENABLE_MS);
	if (r == 0)
		rtnetlink_vfs_made(pf);
	for (unsigned i = 0; r == 0 && i < count; i++) {
		vf_add(pf, i);
		r = vf_probe(pf->vfs[i]);
	}
	if (r < 0)
		return r;
	bus_event(pf, "change");
	pf->num_vfs = count;
	return 0;
}

/* Nobody tells of the PF; its count is 0 only after the sleep. */
int sriov_disable(struct pci *pf)
{
	int r = 0;
	for (unsigned i = 0; r == 0 && i < pf->num_vfs; i++)
		if (pf->vfs[i])
			r = vf_remove(pf, i);
	if (r == 0)
		r = settle(pf, pf->num_vfs, false, DISABLE_MS);
	if (r < 0)
		return r;
	pf->num_vfs = 0;
	config_set_vfs(pf, 0, false);
	nvme_reset(pf);
	return 0;
}

int sriov_driver_leaves(struct pci *pf, const struct driver *d)
{
	return d->leave == HOST_LEAVE_KEEPS || !pf->num_vfs ? 0 : sriov_disable(pf);
}

static int configure(struct pci *pf, unsigned count)
{
	struct machine *m = pf->dev.machine;
	int r = klock_take(m, &m->rescan, "sriov_numvfs");
	if (r < 0)
		return r;
	if (pf->driver->vfs == HOST_VFS_REFUSE)
		r = -EIO;
	else if (count == 0)
		r = sriov_disable(pf);
	else
		r = sriov_enable(pf, pf->driver->vfs == HOST_VFS_ALL ? pf->total_vfs : count);
	klock_release(m, &m->rescan);
	return r;
}

static int numvfs_locked(struct pci *pf, unsigned count)
{
	if (pf->dev.gone)
		return -ENODEV;
	if (count == pf->num_vfs)
		return 0;
	if (!pf->driver || pf->driver->vfs == HOST_VFS_NO)
		return -ENOENT;
	if (count && pf->num_vfs)
		return -EBUSY;
	return configure(pf, count);
}

static int store_numvfs(struct node *n, const char *text, size_t len)
{
	struct pci *pf = pci_of(n);
	struct machine *m = pf->dev.machine;
	uint64_t count;
	(void)len;
	if (num_parse(text, 0, UINT16_MAX, &count) < 0)
		return -EINVAL;
	if (count > pf->total_vfs)
		return -ERANGE;
	int r = klock_take(m, &pf->dev.lock, "sriov_numvfs");
	if (r < 0)
		return r;
	r = numvfs_locked(pf, (unsigned)count);
	klock_release(m, &pf->dev.lock);
	return r;
}
static const struct file_ops ops_numvfs = { .show = show_numvfs, .store = store_numvfs };

void sriov_init(struct pci *f)
{
	struct tree *t = f->dev.machine->tree;
	if (f->pf) {
		node_file(t, f->dev.dir, "sriov_vf_msix_count", 0200, &ops_msix_count, f);
		return;
	}
	if (!f->model->vfs)
		return;
	f->vfs = machine_object(f->dev.machine, f->model->vfs * sizeof(struct pci *));
	nvme_init(f);
	f->vf_settings = machine_object(f->dev.machine, f->model->vfs * sizeof(*f->vf_settings));
	node_file(t, f->dev.dir, "sriov_totalvfs", 0444, &ops_totalvfs, f);
	node_file(t, f->dev.dir, "sriov_numvfs", 0644, &ops_numvfs, f);
	node_file(t, f->dev.dir, "sriov_offset", 0444, &ops_offset, f);
	node_file(t, f->dev.dir, "sriov_stride", 0444, &ops_stride, f);
	node_file(t, f->dev.dir, "sriov_vf_device", 0444, &ops_vf_device, f);
	node_file(t, f->dev.dir, "sriov_drivers_autoprobe", 0644, &ops_autoprobe, f);
	node_file(t, f->dev.dir, "sriov_vf_total_msix", 0444, &ops_vf_total_msix, f);
}
