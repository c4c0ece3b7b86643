/* SPDX-License-Identifier: GPL-2.0-or-later */
/* GPU instances as clients see them, and what a container needs of one. */
#include "api/wire.h"
#include "base/str.h"

static void add_node(json_t *nodes, const char *name, int32_t number)
{
	if (number >= 0)
		json_array_append_new(nodes, json_sprintf("/dev/%s%d", name, number));
}

/*
 * What the vendor's container toolkit puts into a container for a MIG device (internal/nvcaps, pkg/nvcdi of
 * NVIDIA/nvidia-container-toolkit): the driver's nodes, the GPU's, and those of the two instances.
 */
static json_t *nodes_of(const struct gpu *g, const struct gpu_part *p)
{
	static const char *const drivers[] = { "/dev/nvidiactl", "/dev/nvidia-uvm",
					       "/dev/nvidia-uvm-tools" };
	json_t *nodes = json_array();
	for (size_t i = 0; i < sizeof(drivers) / sizeof(*drivers); i++)
		json_array_append_new(nodes, json_string(drivers[i]));
	add_node(nodes, "nvidia", g->minor);
	add_node(nodes, "nvidia-caps/nvidia-cap", p->instance_minor);
	add_node(nodes, "nvidia-caps/nvidia-cap", p->compute_minor);
	return nodes;
}

static json_t *handle_base(const struct claim *c, const struct slice *s, const struct function *f,
			   const char *uuid)
{
	char path[SYS_PATH_SIZE];
	if (STR_FORMAT(path, "/sys/bus/pci/devices/%s", f->addr) < 0)
		return NULL;
	json_t *o = json_pack("{s:s, s:s, s:s, s:s}", "claim", c->name, "mechanism", s->mech,
			      "sysfs", path, "gpu", f->addr);
	wire_add_string(o, "class", c->whole[0] ? c->class : NULL);
	wire_add_string(o, "uuid", uuid);
	if (f->numa_node >= 0)
		wire_add_int(o, "numa", f->numa_node);
	/* Of the vendor's runtimes, and of CUDA outside of containers. */
	if (uuid[0])
		wire_add(o, "environment",
			 json_pack("{s:s, s:s}", "NVIDIA_VISIBLE_DEVICES", uuid,
				   "CUDA_VISIBLE_DEVICES", uuid));
	return o;
}

/* Clients meet their server in a folder, and share memory with it ("CUDA_MPS_PIPE_DIRECTORY" of NVIDIA's MPS
 * guide). */
static void add_mps(json_t *o, const char *uuid)
{
	char folder[SYS_PATH_SIZE];
	if (STR_FORMAT(folder, "/run/carve/mps/%s", uuid) < 0)
		return;
	json_object_set_new(json_object_get(o, "environment"), "CUDA_MPS_PIPE_DIRECTORY",
			    json_string(folder));
	wire_add(o, "mounts", json_pack("[s]", folder));
	wire_add_bool(o, "host_ipc", true);
}

static json_t *share_handle(const struct claim *c, const struct slice *s, const struct gpu *g,
			    const struct function *f)
{
	const struct gpu_part whole = { .instance_minor = -1, .compute_minor = -1 };
	json_t *o = handle_base(c, s, f, g->uuid);
	wire_add(o, "nodes", nodes_of(g, &whole));
	if (g->mps)
		add_mps(o, g->uuid);
	return o;
}

json_t *wire_part_handle(const struct claim *c, const struct slice *s, const struct have *h)
{
	const struct gpu *g = have_gpu(h, s->device);
	const struct gpu_part *p = have_gpu_part(h, s->device, s->start);
	const struct function *f = have_device(h, s->device);
	if (!g || !f)
		return NULL;
	if (!str_eq(s->mech, "mig"))
		return share_handle(c, s, g, f);
	json_t *o = p ? handle_base(c, s, f, p->uuid) : NULL;
	wire_add(o, "nodes", p ? nodes_of(g, p) : NULL);
	if (p && p->mps)
		add_mps(o, p->uuid);
	return o;
}

json_t *wire_foreign_part(const struct gpu_part *p, const struct have *h)
{
	const struct gpu_profile *profile = have_gpu_profile_id(h, p->key, p->profile);
	struct slice s = { .index = -1, .alone = 1, .start = p->start, .state = SLICE_READY };
	(void)STR_COPY(s.device, p->key);
	(void)STR_COPY(s.mech, "mig");
	(void)STR_COPY(s.profile, profile ? profile->name : "unknown");
	json_t *o = wire_slice(&s, h);
	wire_add_string(o, "state", "foreign");
	return o;
}

/* --- a GPU ---------------------------------------------------------------------------------------- */

static json_t *instance_pack(const struct have *h, const struct gpu_part *p)
{
	const struct gpu_profile *profile = have_gpu_profile_id(h, p->key, p->profile);
	json_t *o = json_pack("{s:I, s:I, s:I, s:I}", "id", (json_int_t)p->instance, "start",
			      (json_int_t)p->start, "size", (json_int_t)p->size, "computes",
			      (json_int_t)p->n_computes);
	wire_add_string(o, "profile", profile ? profile->name : NULL);
	wire_add_string(o, "uuid", p->uuid);
	return o;
}

static const char *on_off(bool on)
{
	return on ? "on" : "off";
}

static void add_mig(json_t *o, const struct have *h, const struct gpu *g)
{
	json_t *instances = json_array();
	wire_add_string(o, "mig", on_off(g->mig));
	if (g->mig != g->mig_pending)
		wire_add_string(o, "mig_pending", on_off(g->mig_pending));
	for (size_t i = 0; i < h->n_gpu_parts; i++)
		if (str_eq(h->gpu_parts[i].key, g->key))
			json_array_append_new(instances, instance_pack(h, &h->gpu_parts[i]));
	wire_add(o, "instances", instances);
}

json_t *wire_gpu(const struct have *h, const char *key)
{
	const struct gpu *g = have_gpu(h, key);
	if (!g || g->seen == GPU_UNREAD)
		return NULL;
	json_t *o = json_pack("{s:b}", "seen", g->seen == GPU_SEEN);
	if (g->seen != GPU_SEEN) {
		wire_add_string(o, "why", g->why);
		return o;
	}
	wire_add_string(o, "name", g->name);
	wire_add_string(o, "driver_version", g->driver);
	wire_add_string(o, "uuid", g->uuid);
	if (g->memory)
		wire_add_int(o, "memory", g->memory);
	if (g->mig_capable)
		add_mig(o, h, g);
	wire_add_bool(o, "vgpus", g->vgpu);
	if (g->mixed_capable)
		wire_add_string(o, "vgpu_sizes", g->mixed ? "mixed" : "equal");
	if (g->scheduler)
		wire_add_string(o, "vgpu_scheduler", vgpu_scheduler_name(g->scheduler));
	return o;
}
