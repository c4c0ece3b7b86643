/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See cdi.h. */
#include "daemon/cdi.h"

#include <fcntl.h>
#include <libfyaml.h>
#include <stdbool.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "sys/file.h"
#include "sys/sysfs.h"

#define SPEC_MAX (1024 * 1024)

/* Where engines look, the one that wins last: "How to configure CDI" of the specification's README. */
static const char *const folders[] = { "etc/cdi", "run/cdi" };

struct look {
	int dir;
	const char *folder, *uuid, *version;
	struct cdi *ret;
};

static struct fy_node *member(struct fy_node *n, const char *name)
{
	return n && fy_node_is_mapping(n)
		       ? fy_node_mapping_lookup_value_by_simple_key(n, name, FY_NT)
		       : NULL;
}

static bool member_is(struct fy_node *n, const char *name, const char *text)
{
	const char *value = fy_node_get_scalar0(member(n, name));
	return value && str_eq(value, text);
}

static bool has_device(struct fy_node *spec, const char *uuid)
{
	struct fy_node *list = member(spec, "devices"), *device;
	void *it = NULL;
	while (list && (device = fy_node_sequence_iterate(list, &it)))
		if (member_is(device, "name", uuid))
			return true;
	return false;
}

/* Its libraries have the driver's version in their names. */
static bool has_version(struct fy_node *spec, const char *version)
{
	struct fy_node *list = member(member(spec, "containerEdits"), "mounts"), *mount;
	char name[NAME_SIZE + 16];
	void *it = NULL;
	if (STR_FORMAT(name, "/libcuda.so.%s", version) < 0)
		return false;
	while (list && (mount = fy_node_sequence_iterate(list, &it))) {
		const char *path = fy_node_get_scalar0(member(mount, "hostPath"));
		if (path && str_ends(path, name))
			return true;
	}
	return false;
}

static enum cdi_state judge(const struct look *l, struct fy_node *spec)
{
	if (!spec || !member_is(spec, "kind", CDI_KIND))
		return CDI_NONE;
	if (!has_device(spec, l->uuid))
		return CDI_UNNAMED;
	return has_version(spec, l->version) ? CDI_NAMED : CDI_STALE;
}

static int spec_see(const char *name, void *userdata)
{
	const struct look *l = userdata;
	const struct fy_parse_cfg cfg = { .flags = FYPCF_QUIET | FYPCF_DEFAULT_VERSION_1_2 };
	_cleanup_free_ char *text = NULL;
	size_t len;
	if (!str_ends(name, ".yaml") && !str_ends(name, ".json"))
		return 0;
	if (file_read(l->dir, name, SPEC_MAX, &text, &len) < 0)
		return 0;
	struct fy_document *doc = fy_document_build_from_string(&cfg, text, len);
	enum cdi_state state = doc ? judge(l, fy_document_root(doc)) : CDI_NONE;
	fy_document_destroy(doc);
	/* Of one that names the device more is known than of one that does not. */
	if (state != CDI_NONE && (state != CDI_UNNAMED || l->ret->state <= CDI_UNNAMED) &&
	    STR_FORMAT(l->ret->file, "/%s/%s", l->folder, name) == 0)
		l->ret->state = state;
	return 0;
}

void cdi_find(int root, const char *uuid, const char *version, struct cdi *ret)
{
	struct look l = { .uuid = uuid, .version = version, .ret = ret };
	*ret = (struct cdi){ 0 };
	for (size_t i = 0; i < sizeof(folders) / sizeof(*folders); i++) {
		_cleanup_close_ int dir = sysfs_openat(root, folders[i], O_RDONLY | O_DIRECTORY);
		l.dir = dir;
		l.folder = folders[i];
		if (dir >= 0)
			(void)sysfs_list(root, folders[i], spec_see, &l);
	}
}
