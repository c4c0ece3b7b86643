/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the driver says of a GPU's VFs below each of them: the folder nvidia/ of vendor-specific VFIO (vGPU User Guide 17,
 * NVIDIA vgpu-device-manager), or types of mediated devices. A list of types that could be made is that of the whole GPU,
 * but for the type that the VF has: one VF is asked, one without a vGPU if there is any.
 */
#include <errno.h>

#include "base/num.h"
#include "base/str.h"
#include "nvidia/vgpu-verbs.h"
#include "sys/sysfs.h"

#define VFS_MAX 256

/* Records behind the report, as far as there is room. */
struct records {
	struct gpu_report report;
	uint8_t *types; /* first of these; the VFs' are behind the last */
	size_t left;
	const char *key;
};

static int vf_path(const struct verb_context *c, uint32_t index, const char *name,
		   char ret[VERB_PATH_SIZE])
{
	return str_format(ret, VERB_PATH_SIZE, "devices/%s/virtfn%u/%s", c->device_path, index,
			  name);
}

static bool vf_has(const struct verb_context *c, uint32_t index, const char *name)
{
	char path[VERB_PATH_SIZE];
	return vf_path(c, index, name, path) == 0 && sysfs_exists(c->sysfs, path);
}

/* -1: the driver says ENXIO as long as there is no vGPU. */
static int32_t vf_number(const struct verb_context *c, uint32_t index, const char *name)
{
	char path[VERB_PATH_SIZE];
	uint64_t n;
	if (vf_path(c, index, name, path) < 0 || sysfs_read_u64(c->sysfs, path, 10, &n) < 0 ||
	    n > INT32_MAX)
		return -1;
	return (int32_t)n;
}

uint32_t vgpu_vfs_count(const struct verb_context *c)
{
	uint32_t n = 0;
	while (n < VFS_MAX && vf_has(c, n, ""))
		n++;
	return n;
}

int vgpu_vf_read(const struct verb_context *c, uint32_t index, struct vgpu_vf *ret)
{
	*ret = (struct vgpu_vf){ .index = (int32_t)index, .instance = -1, .placement = -1 };
	if (vf_has(c, index, "nvidia/current_vgpu_type"))
		ret->framework = VGPU_VENDOR;
	else if (vf_has(c, index, "mdev_supported_types"))
		ret->framework = VGPU_MDEV;
	if (ret->framework != VGPU_VENDOR)
		return 0;
	int32_t type = vf_number(c, index, "nvidia/current_vgpu_type");
	if (type < 0)
		return -EIO;
	ret->type = (uint32_t)type;
	if (type == 0)
		return 0;
	ret->instance = vf_number(c, index, "nvidia/gpu_instance_id");
	ret->placement = vf_number(c, index, "nvidia/placement_id");
	return 0;
}

/* --- types ------------------------------------------------------------------------------------ */

static uint8_t *type_at(const struct records *r, uint32_t i)
{
	return r->types + i * sizeof(struct vgpu_type);
}

/* A type of which one more could be made; what the library said of it stays. */
static int type_note(struct records *r, const struct vgpu_type *found)
{
	struct vgpu_type t;
	for (uint32_t i = 0; i < r->report.n_types; i++) {
		memcpy(&t, type_at(r, i), sizeof(t));
		if (t.id != found->id)
			continue;
		t.creatable = 1;
		memcpy(type_at(r, i), &t, sizeof(t));
		return 0;
	}
	if (r->left < sizeof(*found))
		return -ENOBUFS;
	memcpy(type_at(r, r->report.n_types++), found, sizeof(*found));
	r->left -= sizeof(*found);
	return 0;
}

/* "1428 : NVIDIA H200X-141C"; a line that begins with ID is a header. */
static bool line_parse(const char *line, struct vgpu_type *ret)
{
	static const char *const makers[] = { "NVIDIA ", "GRID " };
	char number[16];
	*ret = (struct vgpu_type){ .profile = GPU_NO_PROFILE, .creatable = 1 };
	line += strspn(line, " ");
	size_t n = strspn(line, "0123456789");
	const char *name = line + n + strspn(line + n, " ");
	if (n == 0 || *name != ':' || STR_FORMAT(number, "%.*s", (int)n, line) < 0 ||
	    num_parse_u32(number, 10, &ret->id) < 0)
		return false;
	name += 1 + strspn(name + 1, " ");
	for (size_t i = 0; i < sizeof(makers) / sizeof(*makers); i++) {
		const char *rest = str_after(name, makers[i]);
		name = rest ? rest : name;
	}
	return name[0] && STR_COPY(ret->name, name) == 0;
}

static void creatable_clear(struct records *r)
{
	for (uint32_t i = 0; i < r->report.n_types; i++) {
		struct vgpu_type t;
		memcpy(&t, type_at(r, i), sizeof(t));
		t.creatable = 0;
		memcpy(type_at(r, i), &t, sizeof(t));
	}
}

static int creatable_read(const struct verb_context *c, uint32_t index, struct records *r)
{
	char path[VERB_PATH_SIZE], text[4096], *save = NULL;
	int q = vf_path(c, index, "nvidia/creatable_vgpu_types", path);
	ssize_t n = q < 0 ? q : sysfs_read(c->sysfs, path, text, sizeof(text));
	if (n < 0)
		return (int)n;
	creatable_clear(r);
	for (char *line = strtok_r(text, "\n", &save); line && q == 0;
	     line = strtok_r(NULL, "\n", &save)) {
		struct vgpu_type t;
		if (line_parse(line, &t))
			q = type_note(r, &t);
	}
	return q;
}

/* --- the report ------------------------------------------------------------------------------- */

static int vf_put(struct records *r, const struct vgpu_vf *v)
{
	if (r->left < sizeof(*v))
		return -ENOBUFS;
	memcpy(type_at(r, r->report.n_types) + r->report.n_vfs++ * sizeof(*v), v, sizeof(*v));
	r->left -= sizeof(*v);
	return 0;
}

static size_t records_begin(const struct verb_context *c, uint32_t len, struct records *ret)
{
	memcpy(&ret->report, c->data, sizeof(ret->report));
	size_t before = sizeof(ret->report) + ret->report.n_profiles * sizeof(struct gpu_profile) +
			ret->report.n_parts * sizeof(struct gpu_part);
	ret->types = c->data + before;
	ret->left = c->size - len;
	return before;
}

static uint32_t records_end(const struct verb_context *c, const struct records *r, size_t before)
{
	memcpy(c->data, &r->report, sizeof(r->report));
	return (uint32_t)(before + r->report.n_types * sizeof(struct vgpu_type) +
			  r->report.n_vfs * sizeof(struct vgpu_vf));
}

/* The VF whose list is asked: one that is no vGPU, else the first. -1: none has a list. */
static int64_t asked_vf(const struct verb_context *c, uint32_t n)
{
	struct vgpu_vf v;
	int64_t first = -1;
	for (uint32_t i = 0; i < n; i++) {
		if (vgpu_vf_read(c, i, &v) < 0 || v.framework != VGPU_VENDOR)
			continue;
		if (v.type == 0)
			return i;
		first = first < 0 ? i : first;
	}
	return first;
}

int vgpu_read(const struct verb_context *c, uint32_t *len)
{
	struct records r;
	struct vgpu_vf v;
	size_t before = records_begin(c, *len, &r);
	uint32_t n = vgpu_vfs_count(c);
	int64_t asked = asked_vf(c, n);
	int q = asked < 0 ? 0 : creatable_read(c, (uint32_t)asked, &r);
	for (uint32_t i = 0; q == 0 && i < n; i++) {
		q = vgpu_vf_read(c, i, &v);
		if (q == 0)
			q = vf_put(&r, &v);
	}
	if (q == 0)
		*len = records_end(c, &r, before);
	return q;
}

int vgpu_change_read(const struct verb_context *c, uint32_t index, uint32_t *len)
{
	struct records r;
	struct vgpu_vf v;
	const struct gpu_report none = { .change = 1, .gpu.minor = -1 };
	int64_t asked = asked_vf(c, vgpu_vfs_count(c));
	memcpy(c->data, &none, sizeof(none));
	size_t before = records_begin(c, sizeof(none), &r);
	int q = asked < 0 ? -ENODEV : creatable_read(c, (uint32_t)asked, &r);
	if (q == 0)
		q = vgpu_vf_read(c, index, &v);
	if (q == 0)
		q = vf_put(&r, &v);
	if (q == 0)
		*len = records_end(c, &r, before);
	return q;
}
