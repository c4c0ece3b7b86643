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
#define CURRENT "nvidia/current_vgpu_type"
#define MDEV_TYPES "mdev_supported_types"

/* Records behind the report, as far as there is room. */
struct records {
	struct gpu_report report;
	uint8_t *types; /* first of these; the VFs' are behind the last */
	size_t left;
	const char *key;
};

/* index -1: the GPU itself. */
static int vf_path(const struct verb_context *c, int32_t index, const char *name,
		   char ret[VERB_PATH_SIZE])
{
	if (index < 0)
		return verb_path(ret, c->device_path, name);
	return str_format(ret, VERB_PATH_SIZE, "devices/%s/virtfn%d/%s", c->device_path, index,
			  name);
}

static bool vf_has(const struct verb_context *c, int32_t index, const char *name)
{
	char path[VERB_PATH_SIZE];
	return vf_path(c, index, name, path) == 0 && sysfs_exists(c->sysfs, path);
}

/* -1: the driver says ENXIO as long as there is no vGPU. */
static int32_t vf_number(const struct verb_context *c, int32_t index, const char *name)
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
	while (n < VFS_MAX && vf_has(c, (int32_t)n, ""))
		n++;
	return n;
}

int32_t vgpu_params_placement(const char *params)
{
	char digits[16];
	uint32_t id;
	for (const char *p = params; p; p = strchr(p, ',')) {
		p += strspn(p, ", ");
		const char *number = str_after(p, VGPU_PLACEMENT_PARAM);
		if (number)
			return STR_FORMAT(digits, "%.*s", (int)strspn(number, "0123456789"),
					  number) == 0 &&
					       num_parse_u32(digits, 10, &id) == 0 &&
					       id < VGPU_PLACEMENTS
				       ? (int32_t)id
				       : -1;
	}
	return -1;
}

static int32_t vf_asked(const struct verb_context *c, int32_t index)
{
	char path[VERB_PATH_SIZE], params[1024];
	if (vf_path(c, index, "nvidia/vgpu_params", path) < 0 ||
	    sysfs_read(c->sysfs, path, params, sizeof(params)) < 0)
		return -1;
	return vgpu_params_placement(params);
}

static enum vgpu_framework framework_of(const struct verb_context *c, int32_t index)
{
	if (vf_has(c, index, CURRENT))
		return VGPU_VENDOR;
	return vf_has(c, index, MDEV_TYPES) ? VGPU_MDEV : VGPU_UNKNOWN;
}

int vgpu_vf_read(const struct verb_context *c, int32_t index, struct vgpu_vf *ret)
{
	*ret = (struct vgpu_vf){ .index = index, .instance = -1, .placement = -1, .asked = -1 };
	ret->framework = framework_of(c, index);
	/* Mdevs are seen by everybody. */
	if (ret->framework != VGPU_VENDOR)
		return 0;
	int32_t type = vf_number(c, index, CURRENT);
	if (type < 0)
		return -EIO;
	ret->type = (uint32_t)type;
	if (type == 0)
		return 0;
	ret->instance = vf_number(c, index, "nvidia/gpu_instance_id");
	ret->placement = vf_number(c, index, "nvidia/placement_id");
	ret->asked = vf_asked(c, index);
	return 0;
}

/* --- types ------------------------------------------------------------------------------------ */

static uint8_t *type_at(const struct records *r, uint32_t i)
{
	return r->types + i * sizeof(struct vgpu_type);
}

/* What the library said of it stays. */
static int type_note(struct records *r, const struct vgpu_type *found)
{
	struct vgpu_type t;
	for (uint32_t i = 0; i < r->report.n_types; i++) {
		memcpy(&t, type_at(r, i), sizeof(t));
		if (t.id != found->id)
			continue;
		t.creatable |= found->creatable;
		memcpy(type_at(r, i), &t, sizeof(t));
		return 0;
	}
	if (r->left < sizeof(*found))
		return -ENOBUFS;
	memcpy(type_at(r, r->report.n_types++), found, sizeof(*found));
	r->left -= sizeof(*found);
	return 0;
}

/* "NVIDIA A16-4Q", "GRID A16-4Q" of older drivers. */
static bool name_take(const char *name, struct vgpu_type *ret)
{
	static const char *const makers[] = { "NVIDIA ", "GRID " };
	for (size_t i = 0; i < sizeof(makers) / sizeof(*makers); i++) {
		const char *rest = str_after(name, makers[i]);
		name = rest ? rest : name;
	}
	return name[0] && STR_COPY(ret->name, name) == 0;
}

/* "1428 : NVIDIA H200X-141C"; a line that begins with ID is a header. */
static bool line_parse(const char *line, struct vgpu_type *ret)
{
	char number[16];
	*ret = (struct vgpu_type){ .profile = GPU_NO_PROFILE, .creatable = 1 };
	line += strspn(line, " ");
	size_t n = strspn(line, "0123456789");
	const char *name = line + n + strspn(line + n, " ");
	if (n == 0 || *name != ':' || STR_FORMAT(number, "%.*s", (int)n, line) < 0 ||
	    num_parse_u32(number, 10, &ret->id) < 0)
		return false;
	return name_take(name + 1 + strspn(name + 1, " "), ret);
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

static int list_read(const struct verb_context *c, int32_t index, struct records *r)
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

struct mdev_types {
	const struct verb_context *c;
	int32_t index;
	struct records *r;
};

/* "nvidia-705", with its name and how many more there could be. */
static int mdev_type_note(const char *dir, void *userdata)
{
	const struct mdev_types *m = userdata;
	struct vgpu_type t = { .profile = GPU_NO_PROFILE };
	char name[NAME_SIZE], path[VERB_PATH_SIZE], text[NAME_SIZE];
	const char *id = str_after(dir, VGPU_MDEV_TYPE);
	if (!id || num_parse_u32(id, 10, &t.id) < 0 ||
	    STR_FORMAT(name, MDEV_TYPES "/%s/name", dir) < 0 ||
	    vf_path(m->c, m->index, name, path) < 0 ||
	    sysfs_read(m->c->sysfs, path, text, sizeof(text)) < 0)
		return 0;
	text[strcspn(text, "\n")] = '\0';
	if (!name_take(text, &t) || STR_FORMAT(name, MDEV_TYPES "/%s/available_instances", dir) < 0)
		return 0;
	t.creatable = vf_number(m->c, m->index, name) > 0;
	return type_note(m->r, &t);
}

static int mdev_types_read(const struct verb_context *c, int32_t index, struct records *r)
{
	struct mdev_types m = { c, index, r };
	char path[VERB_PATH_SIZE];
	int q = vf_path(c, index, MDEV_TYPES, path);
	creatable_clear(r);
	return q < 0 ? q : sysfs_list(c->sysfs, path, mdev_type_note, &m);
}

static int creatable_read(const struct verb_context *c, int32_t index, struct records *r)
{
	if (framework_of(c, index) == VGPU_MDEV)
		return mdev_types_read(c, index, r);
	return list_read(c, index, r);
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

static int mdev_found(const char *name, void *userdata)
{
	(void)userdata;
	return uuid_valid(name) ? -EEXIST : 0;
}

/* A VF that is a vGPU has no more to give. */
static bool is_taken(const struct verb_context *c, const struct vgpu_vf *v)
{
	char path[VERB_PATH_SIZE];
	return v->type ||
	       (v->framework == VGPU_MDEV && v->index >= 0 && vf_path(c, v->index, "", path) == 0 &&
		sysfs_list(c->sysfs, path, mdev_found, NULL) == -EEXIST);
}

#define NONE INT32_MIN

/* The VF whose list is asked: one that is no vGPU, else the first; the GPU itself where that makes mdevs. NONE: none has
 * a list. */
static int32_t asked_vf(const struct verb_context *c)
{
	struct vgpu_vf v;
	int32_t n = (int32_t)vgpu_vfs_count(c), first = NONE;
	for (int32_t i = -1; i < n; i++) {
		if (vgpu_vf_read(c, i, &v) < 0 || v.framework == VGPU_UNKNOWN)
			continue;
		if (!is_taken(c, &v))
			return i;
		first = first == NONE ? i : first;
	}
	return first;
}

static int vf_report(const struct verb_context *c, int32_t index, struct records *r)
{
	struct vgpu_vf v;
	int q = vgpu_vf_read(c, index, &v);
	/* A GPU whose VFs are its vGPUs is none itself. */
	return q < 0 || (index < 0 && v.framework == VGPU_UNKNOWN) ? q : vf_put(r, &v);
}

int vgpu_read(const struct verb_context *c, uint32_t *len)
{
	struct records r;
	size_t before = records_begin(c, *len, &r);
	int32_t n = (int32_t)vgpu_vfs_count(c), asked = asked_vf(c);
	int q = asked == NONE ? 0 : creatable_read(c, asked, &r);
	for (int32_t i = -1; q == 0 && i < n; i++)
		q = vf_report(c, i, &r);
	if (q == 0)
		*len = records_end(c, &r, before);
	return q;
}

int vgpu_change_read(const struct verb_context *c, int32_t index, uint32_t *len)
{
	struct records r;
	const struct gpu_report none = { .change = 1, .gpu.minor = -1 };
	int32_t n = (int32_t)vgpu_vfs_count(c), asked = asked_vf(c);
	memcpy(c->data, &none, sizeof(none));
	size_t before = records_begin(c, sizeof(none), &r);
	int q = asked == NONE ? -ENODEV : creatable_read(c, asked, &r);
	if (q == 0)
		q = vf_report(c, index, &r);
	/* Others may have set types meanwhile, and nothing else tells of it. */
	for (int32_t i = 0; q == 0 && i < n; i++) {
		struct vgpu_vf v;
		q = i == index ? 0 : vgpu_vf_read(c, i, &v);
		if (q == 0 && i != index && v.type)
			q = vf_put(&r, &v);
	}
	if (q == 0)
		*len = records_end(c, &r, before);
	return q;
}
