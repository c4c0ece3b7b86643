/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See nvme.h. */
#include "sriov/nvme.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/nvme_ioctl.h>
#include <string.h>
#include <sys/ioctl.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "sys/sysfs.h"

#define IDENTIFY 0x06
#define IDENTIFY_SIZE 4096
#define CNS_PRIMARY 0x14
#define CNS_SECONDARIES 0x15
#define VIRT_MGMT 0x1c
#define COMMAND_TIMEOUT_MS 5000
#define SECONDARIES_MAX 127

/* An NVMe VF works from two queues (admin and one for data) and one interrupt on. */
#define VQ_LEAST 2
#define VI_LEAST 1

enum virt_action {
	ACTION_PRIMARY_FLEXIBLE = 1,
	ACTION_OFFLINE = 7,
	ACTION_ASSIGN = 8,
	ACTION_ONLINE = 9,
};
enum virt_resource {
	RESOURCE_VQ,
	RESOURCE_VI
};

static uint16_t le16(const uint8_t *p)
{
	return (uint16_t)(p[0] | p[1] << 8);
}

static uint32_t le32(const uint8_t *p)
{
	return le16(p) | (uint32_t)le16(p + 2) << 16;
}

void nvme_primary_parse(const uint8_t data[4096], struct nvme_primary *ret)
{
	*ret = (struct nvme_primary){
		.cntlid = le16(data),
		.vq_total = le32(data + 32),
		.vq_primary = le16(data + 40),
		.vq_max = le16(data + 44),
		.vi_total = le32(data + 64),
		.vi_primary = le16(data + 72),
		.vi_max = le16(data + 76),
	};
}

size_t nvme_secondaries_parse(const uint8_t data[4096], struct nvme_secondary ret[127])
{
	size_t n = data[0] < SECONDARIES_MAX ? data[0] : SECONDARIES_MAX;

	for (size_t i = 0; i < n; i++) {
		const uint8_t *e = data + 32 * (i + 1);
		ret[i] = (struct nvme_secondary){
			.cntlid = le16(e),
			.online = e[4] & 1,
			.vf = le16(e + 8),
			.vq = le16(e + 10),
			.vi = le16(e + 12),
		};
	}
	return n;
}

uint32_t nvme_share(uint32_t total, unsigned n, uint32_t least, uint32_t max)
{
	uint32_t share = n ? total / n : total;
	if (max && share > max)
		share = max;
	return share < least ? least : share;
}

static int take_first(const char *name, void *userdata)
{
	return str_copy(userdata, NAME_SIZE, name) == 0 ? 1 : -ENAMETOOLONG;
}

/* The controller's name ("nvme0") as its driver made it; -ENODEV without one. */
static int controller_name(const struct verb_context *c, char ret[NAME_SIZE])
{
	char path[VERB_PATH_SIZE];
	int r = verb_path(path, c->device_path, "nvme");
	if (r >= 0)
		r = sysfs_list(c->sysfs, path, take_first, ret);
	if (r == 0 || r == -ENOENT)
		return -ENODEV;
	return r < 0 ? r : 0;
}

/* 0, negative errno, or the positive status of the controller. */
static int command(int fd, uint8_t opcode, uint32_t cdw10, uint32_t cdw11, void *data, uint32_t len)
{
	struct nvme_passthru_cmd cmd = {
		.opcode = opcode,
		.addr = (uint64_t)(uintptr_t)data,
		.data_len = len,
		.cdw10 = cdw10,
		.cdw11 = cdw11,
		.timeout_ms = COMMAND_TIMEOUT_MS,
	};
	int r = ioctl(fd, NVME_IOCTL_ADMIN_CMD, &cmd);
	return r < 0 ? -errno : r;
}

static int manage(int fd, enum virt_action action, uint16_t cntlid, enum virt_resource resource,
		  uint32_t n)
{
	uint32_t cdw10 = (uint32_t)action | (uint32_t)resource << 8 | (uint32_t)cntlid << 16;
	return command(fd, VIRT_MGMT, cdw10, n, NULL, 0);
}

static int identify(int fd, uint8_t cns, uint8_t data[IDENTIFY_SIZE])
{
	memset(data, 0, IDENTIFY_SIZE);
	return command(fd, IDENTIFY, cns, 0, data, IDENTIFY_SIZE);
}

struct controller {
	int fd;
	struct nvme_primary primary;
	struct nvme_secondary secondaries[SECONDARIES_MAX];
	size_t n;
};

static void controller_done(struct controller *ctrl)
{
	cleanup_closep(&ctrl->fd);
}

static int controller_read(struct controller *ctrl)
{
	uint8_t data[IDENTIFY_SIZE];
	int r = identify(ctrl->fd, CNS_PRIMARY, data);
	if (r != 0)
		return r;
	nvme_primary_parse(data, &ctrl->primary);
	r = identify(ctrl->fd, CNS_SECONDARIES, data);
	if (r == 0)
		ctrl->n = nvme_secondaries_parse(data, ctrl->secondaries);
	return r;
}

static int controller_open(const struct verb_context *c, struct controller *ret)
{
	char name[NAME_SIZE];
	*ret = (struct controller){ .fd = -1 };
	int r = controller_name(c, name);
	if (r < 0)
		return r;
	ret->fd = sysfs_openat(c->dev, name, O_RDWR);
	return ret->fd < 0 ? ret->fd : controller_read(ret);
}

static void command_failed(struct step_result *r, int e, const char *where)
{
	if (e > 0)
		verb_failed(r, EIO, where, "the controller answered with NVMe status 0x%x", e);
	else
		verb_failed(r, -e, where, NULL);
}

static struct nvme_secondary *secondary_find(struct controller *ctrl, int vf)
{
	for (size_t i = 0; i < ctrl->n; i++)
		if (ctrl->secondaries[i].vf == vf + 1)
			return &ctrl->secondaries[i];
	return NULL;
}

static bool vf_exists(const struct verb_context *c, int index)
{
	char name[32], path[VERB_PATH_SIZE];
	return STR_FORMAT(name, "virtfn%d", index) == 0 &&
	       verb_path(path, c->device_path, name) == 0 && sysfs_exists(c->sysfs, path);
}

/* A function level reset is a controller level reset for every controller; QEMU's takes new figures
 * over with nothing less. The nvme driver comes back by itself (its reset_prepare and reset_done). */
static int controller_reset(const struct verb_context *c)
{
	char name[NAME_SIZE], path[VERB_PATH_SIZE];
	int r = verb_path(path, c->device_path, "reset");
	if (r < 0 || sysfs_exists(c->sysfs, path))
		return r < 0 ? r : sysfs_write(c->sysfs, path, "1");
	r = controller_name(c, name);
	if (r >= 0)
		r = STR_FORMAT(path, "devices/%s/nvme/%s/reset_controller", c->device_path, name);
	return r < 0 ? r : sysfs_write(c->sysfs, path, "1");
}

static int flex_write(const struct verb_context *c, struct controller *ctrl)
{
	const struct nvme_primary *p = &ctrl->primary;
	int e = manage(ctrl->fd, ACTION_PRIMARY_FLEXIBLE, p->cntlid, RESOURCE_VI, 0);
	if (e == 0)
		e = manage(ctrl->fd, ACTION_PRIMARY_FLEXIBLE, p->cntlid, RESOURCE_VQ, 0);
	/* It counts from the next reset of the primary on. */
	if (e == 0)
		e = controller_reset(c);
	return e == 0 ? controller_read(ctrl) : e;
}

void nvme_flex(const struct verb_context *c, const struct step *s, struct step_result *r)
{
	_cleanup_(controller_done) struct controller ctrl;
	(void)s;
	int e = controller_open(c, &ctrl);
	if (e < 0) {
		command_failed(r, e, "nvme identify");
		return;
	}
	/* A positive status: it has no such structure, so its VFs need no provisioning. */
	if (e > 0 || (ctrl.primary.vq_primary == 0 && ctrl.primary.vi_primary == 0)) {
		r->status = STEP_NOTHING;
		return;
	}
	if (vf_exists(c, 0)) {
		verb_refused(r, "has-vfs",
			     "VFs exist, and the reset would take all of them offline");
		return;
	}
	e = flex_write(c, &ctrl);
	if (e != 0) {
		command_failed(r, e, "nvme virt-mgmt");
		return;
	}
	if (ctrl.primary.vq_primary || ctrl.primary.vi_primary) {
		verb_failed(r, EIO, "nvme identify",
			    "the primary still keeps %u queues, %u interrupts",
			    ctrl.primary.vq_primary, ctrl.primary.vi_primary);
		(void)STR_COPY(r->reason, "readback");
		return;
	}
	r->status = STEP_DONE;
}

static int online_write(struct controller *ctrl, uint16_t cntlid, uint32_t vq, uint32_t vi)
{
	/* Offline gives back what it had; a secondary that is online takes no new resources. */
	int e = manage(ctrl->fd, ACTION_OFFLINE, cntlid, RESOURCE_VQ, 0);
	if (e == 0)
		e = manage(ctrl->fd, ACTION_ASSIGN, cntlid, RESOURCE_VI, vi);
	if (e == 0)
		e = manage(ctrl->fd, ACTION_ASSIGN, cntlid, RESOURCE_VQ, vq);
	if (e == 0)
		e = manage(ctrl->fd, ACTION_ONLINE, cntlid, RESOURCE_VQ, 0);
	/* What was assigned before it failed goes back, for others to have. */
	if (e != 0)
		(void)manage(ctrl->fd, ACTION_OFFLINE, cntlid, RESOURCE_VQ, 0);
	return e == 0 ? controller_read(ctrl) : e;
}

/* The controller of the VF, or NULL with r filled. One that knows no provisioning needs none. */
static struct nvme_secondary *secondary_open(const struct verb_context *c, const struct step *s,
					     struct controller *ctrl, struct step_result *r)
{
	int e = controller_open(c, ctrl);
	if (e < 0) {
		command_failed(r, e, "nvme identify");
		return NULL;
	}
	if (e > 0) {
		r->status = STEP_NOTHING;
		return NULL;
	}
	struct nvme_secondary *v = secondary_find(ctrl, s->target.vf);
	if (!v) {
		verb_failed(r, ENOENT, "nvme identify", "no secondary controller belongs to VF %d",
			    s->target.vf);
		(void)STR_COPY(r->reason, "no-secondary");
	}
	return v;
}

void nvme_online(const struct verb_context *c, const struct step *s, struct step_result *r)
{
	_cleanup_(controller_done) struct controller ctrl;
	const struct nvme_secondary *v = secondary_open(c, s, &ctrl, r);
	if (!v)
		return;
	const struct nvme_primary *p = &ctrl.primary;
	uint32_t vq = s->number ? s->number
				: nvme_share(p->vq_total, (unsigned)ctrl.n, VQ_LEAST, p->vq_max);
	uint32_t vi = s->number2 ? s->number2
				 : nvme_share(p->vi_total, (unsigned)ctrl.n, VI_LEAST, p->vi_max);
	bool there = v->online && (!s->number || v->vq == vq) && (!s->number2 || v->vi == vi);
	int e = there ? 0 : online_write(&ctrl, v->cntlid, vq, vi);
	if (e != 0) {
		command_failed(r, e, "nvme virt-mgmt");
		return;
	}
	v = secondary_find(&ctrl, s->target.vf);
	if (!v || !v->online) {
		verb_failed(r, EIO, "nvme identify", "the secondary controller is still offline");
		(void)STR_COPY(r->reason, "readback");
		return;
	}
	r->number = v->vq | (uint32_t)v->vi << 16;
	r->status = there ? STEP_NOTHING : STEP_DONE;
}

void nvme_offline(const struct verb_context *c, const struct step *s, struct step_result *r)
{
	_cleanup_(controller_done) struct controller ctrl;
	const struct nvme_secondary *v = secondary_open(c, s, &ctrl, r);
	if (!v)
		return;
	if (!v->online) {
		r->status = STEP_NOTHING;
		return;
	}
	int e = manage(ctrl.fd, ACTION_OFFLINE, v->cntlid, RESOURCE_VQ, 0);
	if (e == 0)
		e = controller_read(&ctrl);
	v = secondary_find(&ctrl, s->target.vf);
	if (e != 0)
		command_failed(r, e, "nvme virt-mgmt");
	else if (v && v->online)
		verb_failed(r, EIO, "nvme identify", "the secondary controller is still online");
	else
		r->status = STEP_DONE;
}

/* A controller without Virtualization Management: all its VFs are as good as online. */
static int read_unmanaged(const struct verb_context *c, struct vf_info *ret, size_t room)
{
	size_t n = 0;
	ret[n++] = (struct vf_info){ .index = -1, .nvme = true };
	for (int i = 0; n < room; i++) {
		if (!vf_exists(c, i))
			break;
		ret[n++] = (struct vf_info){ .index = i, .nvme = true, .nvme_online = true };
	}
	return (int)n;
}

int nvme_read(const struct verb_context *c, struct vf_info *ret, size_t room)
{
	_cleanup_(controller_done) struct controller ctrl;
	size_t n = 0;
	int e = controller_open(c, &ctrl);
	if (e < 0 || room < 1)
		return e < 0 ? e : 0;
	if (e > 0)
		return read_unmanaged(c, ret, room);
	ret[n++] = (struct vf_info){ .index = -1,
				     .nvme = true,
				     .nvme_vq = ctrl.primary.vq_primary,
				     .nvme_vi = ctrl.primary.vi_primary };
	for (size_t i = 0; i < ctrl.n && n < room; i++) {
		const struct nvme_secondary *v = &ctrl.secondaries[i];
		/* The list has a controller for every VF there could be. */
		if (v->vf == 0 || !vf_exists(c, v->vf - 1))
			continue;
		ret[n++] = (struct vf_info){ .index = v->vf - 1,
					     .nvme = true,
					     .nvme_online = v->online,
					     .nvme_vq = v->vq,
					     .nvme_vi = v->vi };
	}
	return (int)n;
}
