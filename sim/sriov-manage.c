/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What NVIDIA's script sriov-manage does: it takes the GPU from its driver, gives it back, and makes all VFs or
 * none. GPU instances and the mixing of sizes are lost by it, either way; MIG stays on, for the vendor's order is
 * MIG, VFs, GPU instances. It refuses while anybody has a node of the GPU open (vGPU User Guide 17; observations by
 * third parties, RTX PRO 6000 Blackwell). Its words but for those about the unbindLock, and its exit status, are
 * assumptions.
 */
#include <errno.h>
#include <string.h>

#include "sim/access.h"
#include "sim/nvidia-vgpu.h"

struct vfs_change {
	struct pci *gpu;
	bool enable;
};

/* Does any program have one of its nodes open, or a vGPU of it? */
static bool is_in_use(struct pci *f)
{
	const struct machine_hooks *hooks = f->dev.machine->hooks;
	struct str_buf nodes = { 0 };
	bool found = false;
	class_nodes(f, &nodes);
	char *save = NULL;
	for (char *n = nodes.text ? strtok_r(nodes.text, " ", &save) : NULL; n && !found;
	     n = strtok_r(NULL, " ", &save))
		found = hooks && hooks->in_use && hooks->in_use(f->dev.machine, n);
	for (unsigned i = 0; i < f->num_vfs && !found; i++) {
		const struct pci *vf = f->vfs[i];
		found = vf && ((vf->dev.vfio && vf->dev.vfio->users) || mdev_is_used(vf));
	}
	str_buf_done(&nodes);
	return found;
}

static int rebind(struct pci *f)
{
	struct driver *d = f->driver;
	struct nvidia_gpu before = *f->gpu;
	int r = driver_detach(f);
	if (r == 0)
		r = driver_probe(f, d);
	if (r < 0)
		return r;
	f->gpu->mig = before.mig;
	f->gpu->mig_pending = before.mig_pending;
	f->gpu->mixed = false;
	nvidia_mig_wipe(f);
	return 0;
}

static int change_locked(struct pci *f, bool enable)
{
	struct machine *m = f->dev.machine;
	if (f->dev.gone || !f->gpu || !f->gpu->vgpu)
		return -ENODEV;
	if (is_in_use(f))
		return -EBUSY;
	int r = rebind(f);
	if (r < 0 || !enable)
		return r;
	r = klock_take(m, &m->rescan, "sriov-manage");
	if (r < 0)
		return r;
	r = sriov_enable(f, f->total_vfs);
	klock_release(m, &m->rescan);
	return r;
}

static int change(void *userdata)
{
	const struct vfs_change *c = userdata;
	struct machine *m = c->gpu->dev.machine;
	int r = klock_take(m, &c->gpu->dev.lock, "sriov-manage");
	if (r < 0)
		return r;
	r = change_locked(c->gpu, c->enable);
	klock_release(m, &c->gpu->dev.lock);
	return r;
}

static int change_gpu(struct pci *f, bool enable, struct str_buf *out)
{
	char path[64], addr[UUID_SIZE];
	struct vfs_change c = { f, enable };
	(void)STR_COPY(addr, f->dev.name);
	(void)STR_FORMAT(path, "sriov-manage/%s", addr);
	if (enable == (f->num_vfs > 0)) {
		str_buf_addf(out, "GPU at %s already has VFs %s.\n", addr,
			     enable ? "enabled" : "disabled");
		return 0;
	}
	const struct access a = { .path = path,
				  .text = enable ? "-e" : "-d",
				  .at = f,
				  .gone = &f->dev.gone,
				  .act = change,
				  .userdata = &c };
	str_buf_addf(out, "%s VFs on %s\n", enable ? "Enabling" : "Disabling", addr);
	int r = access_change(f->dev.machine, &a);
	if (r == -EBUSY)
		str_buf_addf(out, "Cannot obtain unbindLock for %s\n", addr);
	else if (r < 0)
		str_buf_addf(out, "Cannot change VFs of %s: %s\n", addr, strerror(-r));
	return r < 0 ? -1 : 0;
}

static bool is_meant(const struct pci *f, const char *which)
{
	return !f->pf && f->gpu && f->gpu->vgpu && !f->gpu->vgpu->card->itself &&
	       (str_eq(which, "ALL") || str_eq(which, f->dev.name));
}

/* Of that GPU, or the next one of all: the list may be another one when one is done. */
static struct pci *gpu_next(const struct machine *m, const char *which, size_t skip)
{
	for (struct pci *f = m->functions; f; f = f->next)
		if (is_meant(f, which) && skip-- == 0)
			return f;
	return NULL;
}

int sriov_manage(struct machine *m, const char *const words[], size_t n, struct str_buf *out)
{
	bool enable = n == 2 && str_eq(words[0], "-e");
	int r = 0;
	if (n != 2 || (!enable && !str_eq(words[0], "-d"))) {
		str_buf_add(out, "Usage: sriov-manage <-e|-d> <ssss:bb:dd.f|ALL>\n");
		return -1;
	}
	size_t done = 0;
	for (struct pci *f; (f = gpu_next(m, words[1], done)); done++)
		if (change_gpu(f, enable, out) < 0)
			r = -1;
	if (done == 0)
		str_buf_addf(out, "No GPU with the vGPU driver: %s\n", words[1]);
	return done ? r : -1;
}
