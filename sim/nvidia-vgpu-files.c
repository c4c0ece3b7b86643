/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The folder nvidia/ of a VF: how the driver with vendor-specific VFIO is told which vGPU the VF is. What is read and
 * answered: NVIDIA vgpu-device-manager, Proxmox qemu-server, the vGPU User Guide 17, and observations by third
 * parties (RTX PRO 6000 Blackwell).
 */
#include <errno.h>

#include "base/num.h"
#include "sim/nvidia-vgpu.h"

static const struct nvidia_vgpu_card *card_of(const struct pci *vf)
{
	return vf->pf->gpu->vgpu->card;
}

/* With a header, and without the type that the VF has. */
static int show_creatable(struct node *n, struct str_buf *out)
{
	const struct pci *vf = pci_of(n);
	const struct nvidia_vgpu_card *c = card_of(vf);
	str_buf_add(out, "ID    : vGPU Name\n");
	for (size_t i = 0; i < c->n_types; i++) {
		const struct nvidia_vgpu_type *t = &c->types[i];
		if (t != nvidia_vgpu_of(vf)->type && nvidia_vgpu_creatable(vf->pf, t))
			str_buf_addf(out, "%-5u : NVIDIA %s\n", t->id, t->name);
	}
	return 0;
}
static const struct file_ops ops_creatable = { .show = show_creatable };

static int show_current(struct node *n, struct str_buf *out)
{
	const struct nvidia_vgpu_type *t = nvidia_vgpu_of(pci_of(n))->type;
	str_buf_addf(out, "%u\n", t ? t->id : 0);
	return 0;
}

static int store_current(struct node *n, const char *text, size_t len)
{
	struct pci *vf = pci_of(n);
	const struct nvidia_vgpu_card *c = card_of(vf);
	uint32_t id;
	(void)len;
	if (num_parse_u32(text, 10, &id) < 0)
		return -EINVAL;
	if (id == 0)
		return nvidia_vgpu_set(vf, NULL);
	for (size_t i = 0; i < c->n_types; i++)
		if (c->types[i].id == id)
			return nvidia_vgpu_set(vf, &c->types[i]);
	return -EIO;
}
static const struct file_ops ops_current = { .show = show_current, .store = store_current };

static int show_params(struct node *n, struct str_buf *out)
{
	const struct nvidia_vgpu_vf *v = n->owner;
	str_buf_addf(out, "%s\n", v->params);
	return 0;
}

static bool is_param(const char *text, size_t len)
{
	static const char *const keys[] = { "frame_rate_limiter", "disable_vnc",
					    "enable_uvm",	  "enable_debugging",
					    "enable_profiling",	  "vgpu-placement-id" };
	for (size_t i = 0; i < sizeof(keys) / sizeof(*keys); i++) {
		size_t n = strlen(keys[i]);
		if (len > n + 1 && memcmp(text, keys[i], n) == 0 && text[n] == '=')
			return true;
	}
	return false;
}

/* What the driver says to keys that it does not know is an assumption. */
static bool params_valid(const char *text)
{
	for (const char *at = text; *at;) {
		size_t word = strcspn(at, ",");
		if (!is_param(at, word))
			return false;
		at += word + (at[word] == ',');
	}
	return true;
}

/* The whole string is replaced; a blank clears it. */
static int store_params(struct node *n, const char *text, size_t len)
{
	struct nvidia_vgpu_vf *v = n->owner;
	text = str_eq(text, " ") ? "" : text;
	return len < sizeof(v->params) && params_valid(text) ? STR_COPY(v->params, text) : -EINVAL;
}
static const struct file_ops ops_params = { .show = show_params, .store = store_params };

static int show_vf_params(struct node *n, struct str_buf *out)
{
	str_buf_addf(out, "%s\n", nvidia_vgpu_of(pci_of(n))->params);
	return 0;
}

static int store_vf_params(struct node *n, const char *text, size_t len)
{
	text = str_eq(text, " ") ? "" : text;
	if (len >= sizeof(nvidia_vgpu_of(pci_of(n))->params) || !params_valid(text))
		return -EINVAL;
	return nvidia_vgpu_params(pci_of(n), text);
}
static const struct file_ops ops_vf_params = { .show = show_vf_params, .store = store_vf_params };

/* Of a time-sliced one there is none (an assumption). */
static int show_instance(struct node *n, struct str_buf *out)
{
	const struct nvidia_vgpu_vf *v = nvidia_vgpu_of(pci_of(n));
	if (!v->type || v->instance < 0)
		return -ENXIO;
	str_buf_addf(out, "%d\n", v->instance);
	return 0;
}
static const struct file_ops ops_instance = { .show = show_instance };

static int show_placement(struct node *n, struct str_buf *out)
{
	const struct nvidia_vgpu_vf *v = nvidia_vgpu_of(pci_of(n));
	if (!v->type)
		return -ENXIO;
	str_buf_addf(out, "%d\n", v->placement);
	return 0;
}
static const struct file_ops ops_placement = { .show = show_placement };

/* No simulated virtual machine starts its vGPU. */
static int show_not_running(struct node *n, struct str_buf *out)
{
	(void)n;
	str_buf_add(out, "Not Applicable\n");
	return 0;
}
static const struct file_ops ops_not_running = { .show = show_not_running };

void nvidia_vgpu_files_add(struct pci *vf)
{
	struct tree *t = vf->dev.machine->tree;
	struct node *dir = node_dir(t, vf->dev.dir, "nvidia");
	node_file(t, dir, "creatable_vgpu_types", 0444, &ops_creatable, vf);
	node_file(t, dir, "current_vgpu_type", 0644, &ops_current, vf);
	node_file(t, dir, "vgpu_params", 0644, &ops_vf_params, vf);
	node_file(t, dir, "gpu_instance_id", 0444, &ops_instance, vf);
	node_file(t, dir, "placement_id", 0444, &ops_placement, vf);
}

void nvidia_vgpu_mdev_files_add(struct tree *t, struct nvidia_vgpu_vf *v, struct node *dir)
{
	dir = node_dir(t, dir, "nvidia");
	node_file(t, dir, "vgpu_params", 0644, &ops_params, v);
	node_file(t, dir, "placement_id", 0444, &ops_not_running, v);
}
