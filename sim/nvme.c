/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * NVMe virtualization management, which the VFs of a drive need before they work: NVM Express Base
 * Specification 2.0, 5.24 and 8.26, and QEMU's controller (hw/nvme/ctrl.c), which the lab has. The
 * node is a file here, not a device: commands reach it all the same.
 */
#include <errno.h>
#include <linux/nvme_ioctl.h>
#include <sys/ioctl.h>
#include <sys/uio.h>

#include "sim/access.h"

#define IDENTIFY 0x06
#define CNS_CONTROLLER 0x01
#define CNS_PRIMARY 0x14
#define CNS_SECONDARIES 0x15
#define VIRT_MGMT 0x1c
#define PAGE 4096

/* Status: 3.1.x of the same. */
#define INVALID_OPCODE 0x001
#define INVALID_FIELD 0x002
#define INVALID_CONTROLLER 0x11f
#define INVALID_SECONDARY_STATE 0x120
#define INVALID_RESOURCES 0x121

static void put16(uint8_t *at, unsigned value)
{
	at[0] = value & 0xff;
	at[1] = value >> 8 & 0xff;
}

void nvme_init(struct pci *f)
{
	if (!f->model->nvme_vq)
		return;
	f->secondaries = machine_object(f->dev.machine, f->model->vfs * sizeof(*f->secondaries));
	f->vq = f->vq_next = (uint16_t)f->model->nvme_vq;
	f->vi = f->vi_next = (uint16_t)f->model->nvme_vi;
}

void nvme_reset(struct pci *f)
{
	if (!f->secondaries)
		return;
	f->vq = f->vq_next;
	f->vi = f->vi_next;
	for (unsigned i = 0; i < f->model->vfs; i++)
		f->secondaries[i] = (struct secondary){ 0 };
}

bool nvme_vf_online(const struct pci *vf)
{
	return !vf->pf->secondaries || vf->pf->secondaries[vf->vf_index].online;
}

static void identify_primary(const struct pci *f, uint8_t page[PAGE])
{
	unsigned vq = 0, vi = 0;
	for (unsigned i = 0; i < f->model->vfs; i++) {
		vq += f->secondaries[i].vq;
		vi += f->secondaries[i].vi;
	}
	page[2 + 4] = 3; /* both kinds of resources */
	put16(page + 32, f->model->nvme_vq);
	put16(page + 36, vq);
	put16(page + 40, f->vq);
	put16(page + 44, f->model->nvme_vq / f->model->vfs);
	put16(page + 64, f->model->nvme_vi);
	put16(page + 68, vi);
	put16(page + 72, f->vi);
	put16(page + 76, f->model->nvme_vi / f->model->vfs);
}

static void identify_secondaries(const struct pci *f, uint8_t page[PAGE])
{
	unsigned n = f->model->vfs < 127 ? f->model->vfs : 127;
	page[0] = (uint8_t)n;
	for (unsigned i = 0; i < n; i++) {
		uint8_t *e = page + 32 * ((size_t)i + 1);
		put16(e, i + 1);
		e[4] = f->secondaries[i].online ? 1 : 0;
		put16(e + 8, i + 1);
		put16(e + 10, f->secondaries[i].vq);
		put16(e + 12, f->secondaries[i].vi);
	}
}

/* The data of a command is in the memory of who sent it. */
/* Without the lock: that memory may be a file of this machine. */
static int data_put(struct machine *m, pid_t pid, uint64_t address, const uint8_t *data, size_t len)
{
	struct iovec here = { .iov_base = (void *)(uintptr_t)data, .iov_len = len };
	struct iovec there = { .iov_base = (void *)(uintptr_t)address, .iov_len = len };
	machine_unlock(m);
	ssize_t n = process_vm_writev(pid, &here, 1, &there, 1, 0);
	int error = errno;
	machine_lock(m);
	return n < 0 ? -error : (size_t)n == len ? 0 : -EFAULT;
}

static int identify(const struct pci *f, const struct nvme_passthru_cmd *c, pid_t pid)
{
	uint8_t page[PAGE] = { 0 };
	unsigned cns = c->cdw10 & 0xff;
	if (cns != CNS_CONTROLLER && !f->secondaries)
		return INVALID_FIELD;
	if (cns == CNS_PRIMARY)
		identify_primary(f, page);
	else if (cns == CNS_SECONDARIES)
		identify_secondaries(f, page);
	else if (cns == CNS_CONTROLLER)
		put16(page, f->model->vendor);
	else
		return INVALID_FIELD;
	return data_put(f->dev.machine, pid, c->addr, page,
			c->data_len < PAGE ? c->data_len : PAGE);
}

static unsigned assigned(const struct pci *f, bool interrupts)
{
	unsigned sum = interrupts ? f->vi : f->vq;
	for (unsigned i = 0; i < f->model->vfs; i++)
		sum += interrupts ? f->secondaries[i].vi : f->secondaries[i].vq;
	return sum;
}

static int assign(struct pci *f, struct secondary *s, bool interrupts, unsigned n)
{
	unsigned total = interrupts ? f->model->nvme_vi : f->model->nvme_vq;
	uint16_t *has = interrupts ? &s->vi : &s->vq;
	if (s->online)
		return INVALID_SECONDARY_STATE;
	if (n > total / f->model->vfs || assigned(f, interrupts) - *has + n > total)
		return INVALID_RESOURCES;
	*has = (uint16_t)n;
	return 0;
}

static int manage_secondary(struct pci *f, unsigned action, unsigned index, bool interrupts,
			    unsigned n)
{
	struct secondary *s = &f->secondaries[index];
	switch (action) {
	case 7:
		*s = (struct secondary){ 0 };
		return 0;
	case 8:
		return assign(f, s, interrupts, n);
	case 9:
		if (s->vq < 2 || s->vi < 1 || index >= f->num_vfs)
			return INVALID_SECONDARY_STATE;
		s->online = true;
		return 0;
	}
	return INVALID_FIELD;
}

static int manage(struct pci *f, const struct nvme_passthru_cmd *c)
{
	unsigned action = c->cdw10 & 0xf, controller = c->cdw10 >> 16, n = c->cdw11 & 0xffff;
	bool interrupts = (c->cdw10 >> 8 & 7) == 1;
	if (!f->secondaries)
		return INVALID_OPCODE;
	if (action == 1 && controller == 0) {
		*(interrupts ? &f->vi_next : &f->vq_next) = (uint16_t)n;
		return 0;
	}
	if (controller == 0 || controller > f->model->vfs)
		return INVALID_CONTROLLER;
	return manage_secondary(f, action, controller - 1, interrupts, n);
}

/* Faults and the trace know a command by the controller that it is for. */
static int controller_path(const struct node *n, char ret[TREE_PATH_SIZE * 2])
{
	const struct pci *f = pci_of(n);
	char dir[TREE_PATH_SIZE];
	int r = node_path_of(f->dev.dir, f->dev.machine->sys, dir);
	return r < 0 ? r : str_format(ret, TREE_PATH_SIZE * 2, "%s/nvme/%s", dir, n->name);
}

struct managed {
	struct pci *f;
	const struct nvme_passthru_cmd *c;
};

static int manage_act(void *userdata)
{
	const struct managed *d = userdata;
	return manage(d->f, d->c);
}

static int change(struct node *n, const struct nvme_passthru_cmd *c)
{
	struct pci *f = pci_of(n);
	struct managed d = { f, c };
	char path[TREE_PATH_SIZE * 2], text[64];
	if (controller_path(n, path) < 0)
		return -ENAMETOOLONG;
	(void)STR_FORMAT(text, "virt-mgmt cdw10=0x%x cdw11=0x%x", c->cdw10, c->cdw11);
	const struct access a = { .path = path,
				  .text = text,
				  .at = f,
				  .gone = &n->gone,
				  .act = manage_act,
				  .userdata = &d };
	return access_change(f->dev.machine, &a);
}

static int command(struct node *n, unsigned number, void *arg, size_t size, pid_t pid)
{
	struct pci *f = pci_of(n);
	struct nvme_passthru_cmd *c = arg;
	if (number != (unsigned)NVME_IOCTL_ADMIN_CMD || size < sizeof(*c))
		return -ENOTTY;
	if (f->state.off)
		return -ENODEV;
	if (c->opcode == VIRT_MGMT)
		return change(n, c);
	if (c->opcode != IDENTIFY)
		return INVALID_OPCODE;
	char path[TREE_PATH_SIZE * 2], answer[NAME_SIZE];
	int r = controller_path(n, path);
	if (r == 0)
		r = access_look(f->dev.machine, path, answer);
	if (r == 0 && (n->gone || f->state.off))
		r = -ENODEV;
	return r < 0 ? r : identify(f, c, pid);
}

static int no_open(struct node *n, int flags)
{
	(void)flags;
	return pci_of(n)->state.off ? -ENXIO : 0;
}

static ssize_t no_read(struct node *n, void *buf, size_t size, off_t at)
{
	(void)n;
	(void)buf;
	(void)size;
	(void)at;
	return -EINVAL;
}

static ssize_t no_write(struct node *n, const void *buf, size_t size, off_t at)
{
	(void)n;
	(void)buf;
	(void)size;
	(void)at;
	return -EINVAL;
}

const struct file_ops nvme_ops = {
	.open = no_open, .read = no_read, .write = no_write, .ioctl = command
};
