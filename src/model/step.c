/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Names of steps and their words. See model/step.h. */
#include "model/step.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "base/str.h"

static const struct {
	const char *name;
	const char *phrase; /* "%t": target, "%s": text, "%n": number */
	bool changes;
} verbs[VERB_COUNT] = {
	[VERB_READ_CONFIG] = { "pci.read-config", "read config space of %s", false },
	[VERB_READ_ATTR] = { "pci.read-attribute", "read %s of %t", false },
	[VERB_READ_MDEV] = { "mdev.read-types", "read mdev types of %t", false },
	[VERB_READ_VFS] = { "sriov.read-vfs", "read VF settings of %t", false },
	[VERB_READ_GPU] = { "nvidia.read-gpu", "ask the library about %t", false },
	[VERB_SERVICE_LOOK] = { "service.look", "look whether %s runs", false },
	[VERB_HOLDERS] = { "host.holders", "look who uses %t", false },
	[VERB_BIND] = { "vfio.bind", "bind %t to %s", true },
	[VERB_UNBIND] = { "vfio.unbind", "give %t back to %s", true },
	[VERB_SET_VFS] = { "sriov.set-vfs", "set the VF count of %t to %n", true },
	[VERB_SET_VF] = { "sriov.set-vf", "set%v of %t", true },
	[VERB_SET_PORT] = { "sriov.set-port", "set%v of the port of %t", true },
	[VERB_NVME_FLEX] = { "nvme.flex", "free flexible resources of %t", true },
	[VERB_NVME_ONLINE] = { "nvme.online", "give resources to %t and set it online", true },
	[VERB_NVME_OFFLINE] = { "nvme.offline", "set %t offline", true },
	[VERB_MDEV_CREATE] = { "mdev.create", "create %s %t", true },
	[VERB_MDEV_REMOVE] = { "mdev.remove", "remove %t", true },
	[VERB_RESET] = { "vfio.reset", "reset %t", true },
	[VERB_GRANT] = { "vfio.grant", "give the VFIO node of %t to uid %n", true },
	[VERB_REVOKE] = { "vfio.revoke", "take the VFIO node of %t back", true },
	[VERB_MODULE_LOAD] = { "vfio.load-module", "load module %s", true },
	[VERB_PIN_POWER] = { "vfio.pin-power", "set d3cold_allowed of %t to %n", true },
	[VERB_MIG_MODE] = { "nvidia.mig-mode", "set MIG mode of %t to %n", true },
	[VERB_MIG_CREATE] = { "nvidia.mig-create", "create %s %t", true },
	[VERB_MIG_DESTROY] = { "nvidia.mig-destroy", "remove %t", true },
	[VERB_VGPU_VFS] = { "nvidia.vgpu-vfs", "set the VFs for vGPUs of %t to %n", true },
	[VERB_VGPU_SET] = { "nvidia.vgpu-set", "set the vGPU of %t to %s", true },
	[VERB_MPS_START] = { "nvidia.mps-start", "start the MPS server of %t", true },
	[VERB_MPS_STOP] = { "nvidia.mps-stop", "stop the MPS server of %t", true },
	[VERB_VGPU_MIXED] = { "nvidia.vgpu-mixed", "set vGPUs of several sizes on %t to %n", true },
	[VERB_VGPU_SCHEDULER] = { "nvidia.vgpu-scheduler", "set the scheduler of vGPUs on %t to %s",
				  true },
	[VERB_SERVICE_STOP] = { "service.stop", "stop %s", true },
	[VERB_SERVICE_START] = { "service.start", "start %s again", true },
};

const char *verb_name(enum verb v)
{
	return (unsigned)v < VERB_COUNT ? verbs[v].name : "unknown";
}

int verb_from_name(const char *name)
{
	for (int v = 0; v < VERB_COUNT; v++)
		if (str_eq(verbs[v].name, name))
			return v;
	return -EINVAL;
}

bool verb_changes(enum verb v)
{
	return (unsigned)v < VERB_COUNT && verbs[v].changes;
}

const char *step_status_name(enum step_status s)
{
	static const char *const names[] = {
		[STEP_DONE] = "done",	  [STEP_NOTHING] = "nothing", [STEP_REFUSED] = "refused",
		[STEP_FAILED] = "failed", [STEP_TIMEOUT] = "timeout", [STEP_LATE] = "late",
		[STEP_STUCK] = "stuck",	  [STEP_UNKNOWN] = "unknown",
	};
	return (unsigned)s < sizeof(names) / sizeof(*names) ? names[s] : "unknown";
}

const char *holder_kind_name(enum holder_kind k)
{
	static const char *const names[] = {
		[HOLDER_FD] = "process",	 [HOLDER_NETDEV] = "network",
		[HOLDER_BLOCK] = "block",	 [HOLDER_DISPLAY] = "display",
		[HOLDER_CONSOLE] = "console",	 [HOLDER_VF] = "vf",
		[HOLDER_SIBLING] = "group-mate", [HOLDER_MDEV] = "mdev",
	};
	return (unsigned)k < sizeof(names) / sizeof(*names) ? names[k] : "unknown";
}

bool target_eq(const struct target *a, const struct target *b)
{
	return a->vf == b->vf && a->part == b->part && str_eq(a->device, b->device) &&
	       str_eq(a->uuid, b->uuid);
}

static void describe_target(struct str_buf *b, const struct target *t, const struct have *h)
{
	const struct function *f = h ? have_device(h, t->device) : NULL;
	const char *device = f ? f->addr : t->device;

	if (t->uuid[0])
		str_buf_addf(b, "mdev %s on ", t->uuid);
	if (t->vf >= 0)
		str_buf_addf(b, "VF %d of %s", t->vf, device);
	else if (t->part)
		str_buf_addf(b, "at slice %u of %s", t->part - 1, device);
	else
		str_buf_add(b, device);
}

static const char *next(unsigned *n)
{
	return (*n)++ ? ", " : " ";
}

static void describe_settings(struct str_buf *b, const struct vf_settings *s)
{
	char mac[MAC_TEXT_SIZE];
	unsigned n = 0;

	mac_format(s->mac, mac);
	if (s->set & VF_SET_MAC)
		str_buf_addf(b, "%sMAC %s", next(&n), mac);
	if (s->set & VF_SET_VLAN)
		str_buf_addf(b, "%sVLAN %u", next(&n), s->vlan);
	if (s->set & VF_SET_SPOOFCHK)
		str_buf_addf(b, "%sspoof-check %s", next(&n), s->spoofchk ? "on" : "off");
	if (s->set & VF_SET_TRUST)
		str_buf_addf(b, "%strust %s", next(&n), s->trust ? "on" : "off");
	if (s->set & VF_SET_LINK)
		str_buf_addf(b, "%slink %s", next(&n), vf_link_name(s->link));
	if (s->set & VF_SET_RATE)
		str_buf_addf(b, "%srate %u..%u Mbit/s", next(&n), s->min_rate, s->max_rate);
}

/* Numbers of vGPU types mean nothing to people. */
static const struct vgpu_type *vgpu_type_made(const struct step *s, const struct have *h)
{
	struct mdev m = { .iommu_group = -1 };
	bool made = h && s->verb == VERB_MDEV_CREATE && STR_COPY(m.type, s->text) == 0;
	return made ? have_vgpu_type_id(h, s->target.device, mdev_vgpu_id(&m)) : NULL;
}

static void describe_text(struct str_buf *b, const struct step *s, const struct have *h)
{
	const struct vgpu_type *t = vgpu_type_made(s, h);
	if (t)
		str_buf_addf(b, "%s as ", t->name);
	if (s->verb == VERB_UNBIND && !s->text[0])
		str_buf_add(b, "the kernel's choice");
	else if (s->verb == VERB_UNBIND && str_eq(s->text, "-"))
		str_buf_add(b, "no driver");
	else
		str_buf_add(b, s->text);
}

int step_describe(const struct step *s, const struct have *h, char *ret, size_t size)
{
	struct str_buf b = { 0 };
	const char *phrase = s->verb < VERB_COUNT ? verbs[s->verb].phrase : "unknown step";

	for (const char *p = phrase; *p; p++) {
		if (*p != '%') {
			str_buf_add(&b, (const char[]){ *p, '\0' });
			continue;
		}
		p++;
		if (*p == 't')
			describe_target(&b, &s->target, h);
		else if (*p == 's')
			describe_text(&b, s, h);
		else if (*p == 'n')
			str_buf_addf(&b, "%u", s->number);
		else
			describe_settings(&b, &s->vf);
	}
	_cleanup_free_ char *text = str_buf_take(&b);
	return text ? str_copy(ret, size, text) : -ENOMEM;
}

void plan_done(struct plan *p)
{
	free(p->steps);
	*p = (struct plan){ 0 };
}

struct step *plan_add(struct plan *p, enum verb v, const char *device, int vf)
{
	struct step *s = ARRAY_ADD(p->steps, p->n);
	if (!s)
		return NULL;
	s->verb = v;
	s->target.vf = vf;
	if (STR_COPY(s->target.device, device) < 0) {
		p->n--;
		return NULL;
	}
	return s;
}
