/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Mediated devices and their parents. See scan.h. */
#include <errno.h>

#include "base/str.h"
#include "host/scan-internal.h"
#include "sys/sysfs.h"

static int add_parent(const char *name, void *userdata)
{
	const struct scan *s = userdata;
	char path[PATH_SIZE], target[PATH_SIZE], key[DEVICE_KEY_SIZE];
	if (STR_FORMAT(path, "class/mdev_bus/%s", name) < 0 ||
	    sysfs_link_direct(s->roots->sysfs, path, target, sizeof(target)) < 0)
		return 0;
	const char *below = strstr(target, "devices/");
	if (!below || device_key_from_path(below + strlen("devices/"), key) < 0)
		return 0;
	struct function *f = have_device(s->have, key);
	if (f) {
		f->mdev_parent = 1;
		return 0;
	}
	struct mdev_parent *p = have_add_parent(s->have);
	if (!p)
		return -ENOMEM;
	memcpy(p->key, key, sizeof(key));
	(void)STR_COPY(p->name, name);
	return STR_COPY(p->path, below + strlen("devices/"));
}

static void read_type(const struct scan *s, const char *below, struct mdev *m)
{
	char path[PATH_SIZE], type[PATH_SIZE];
	if (STR_FORMAT(path, "%s/mdev_type", below) < 0 ||
	    sysfs_link_direct(s->roots->sysfs, path, type, sizeof(type)) < 0)
		return;
	const char *slash = strrchr(type, '/');
	(void)STR_COPY(m->type, slash ? slash + 1 : type);
}

/* mdev_type is made last: an mdev without it is not finished, and shown without a type. */
static int read_mdev(const struct scan *s, const char *uuid, struct mdev *ret)
{
	char path[PATH_SIZE], target[PATH_SIZE];
	int r = STR_FORMAT(path, "bus/mdev/devices/%s", uuid);
	if (r >= 0)
		r = sysfs_link_direct(s->roots->sysfs, path, target, sizeof(target));
	if (r < 0)
		return r;
	char *below = strstr(target, "devices/");
	char *last = strrchr(target, '/');
	if (!below || !last || last <= below)
		return -EINVAL;

	(void)STR_COPY(ret->uuid, uuid);
	ret->iommu_group = -1;
	if (STR_FORMAT(path, "%s/iommu_group", below) >= 0)
		ret->iommu_group = scan_link_number(s, path);
	read_type(s, below, ret);
	*last = '\0';
	(void)device_key_from_path(below + strlen("devices/"), ret->parent);
	struct scan_node node;
	scan_read_node(s, ret->iommu_group, &node);
	ret->vfio_node = node.there;
	ret->vfio_uid = node.uid;
	ret->vfio_gid = node.gid;
	ret->vfio_mode = node.mode;
	return 0;
}

static int mdev_put(struct have *h, const struct mdev *new)
{
	struct mdev *m = have_mdev(h, new->uuid);
	if (m && memcmp(m, new, sizeof(*m)) == 0)
		return 0;
	bool there = m != NULL;
	if (!there)
		m = have_add_mdev(h);
	if (!m)
		return -ENOMEM;
	memcpy(m, new, sizeof(*m));
	if (!there)
		have_sort(h);
	return 1;
}

int scan_mdev(const struct scan_roots *roots, struct have *h, const char *uuid)
{
	const struct scan s = { .roots = roots, .have = h };
	struct mdev new;
	memset(&new, 0, sizeof(new)); /* compared as a whole */
	if (!uuid_valid(uuid))
		return -EINVAL;
	int r = read_mdev(&s, uuid, &new);
	if (r >= 0)
		return mdev_put(h, &new);
	if (r != -ENOENT && r != -ENODEV)
		return r;
	bool was = have_mdev(h, uuid) != NULL;
	have_remove_mdev(h, uuid);
	return was;
}

static int add_mdev(const char *name, void *userdata)
{
	const struct scan *s = userdata;
	struct mdev new;
	memset(&new, 0, sizeof(new));
	if (!uuid_valid(name) || read_mdev(s, name, &new) < 0)
		return 0;
	struct mdev *m = have_add_mdev(s->have);
	if (!m)
		return -ENOMEM;
	memcpy(m, &new, sizeof(*m));
	return 0;
}

static void drop_types_of_gone(struct have *h)
{
	size_t kept = 0;
	for (size_t i = 0; i < h->n_types; i++)
		if (scan_is_parent(h, h->types[i].parent))
			h->types[kept++] = h->types[i];
	h->n_types = kept;
}

int scan_mdevs(const struct scan_roots *roots, struct have *h)
{
	struct scan s = { .roots = roots, .have = h };
	for (size_t i = 0; i < h->n_functions; i++)
		h->functions[i].mdev_parent = 0;
	h->n_parents = 0;
	h->n_mdevs = 0;

	/* No mdev module, no class: that is a machine without mediated devices. */
	int r = sysfs_list(roots->sysfs, "class/mdev_bus", add_parent, &s);
	if (r >= 0 || r == -ENOENT)
		r = sysfs_list(roots->sysfs, "bus/mdev/devices", add_mdev, &s);
	drop_types_of_gone(h);
	scan_count_types(h);
	have_sort(h);
	return r == -ENOENT ? 0 : r;
}
