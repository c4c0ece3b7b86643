/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is read of one device when people look at it. See scan.h. */
#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "base/str.h"
#include "host/scan-internal.h"
#include "sys/sysfs.h"

#define NAMES_MAX 64

struct names {
	char items[NAMES_MAX][NAME_SIZE];
	size_t n;
};

static int names_add(const char *name, void *userdata)
{
	struct names *names = userdata;
	if (names->n < NAMES_MAX && STR_COPY(names->items[names->n], name) >= 0)
		names->n++;
	return 0;
}

static int name_compare(const void *a, const void *b)
{
	return strcmp(a, b);
}

static int names_join(struct names *names, char *ret, size_t size)
{
	qsort(names->items, names->n, sizeof(names->items[0]), name_compare);
	struct str_buf b = { 0 };
	for (size_t i = 0; i < names->n; i++)
		str_buf_addf(&b, "%s%s", i ? " " : "", names->items[i]);
	char *text = str_buf_take(&b);
	int r = text ? str_copy(ret, size, text) : -ENOMEM;
	free(text);
	return r;
}

struct netdevs {
	const struct scan_roots *roots;
	const char *path;
	struct names names;
};

/* The interface of a virtio function hangs below its virtio device. */
static int add_virtio(const char *name, void *userdata)
{
	struct netdevs *n = userdata;
	char path[PATH_SIZE];
	if (str_after(name, "virtio") && STR_FORMAT(path, "devices/%s/%s/net", n->path, name) >= 0)
		(void)sysfs_list(n->roots->sysfs, path, names_add, &n->names);
	return 0;
}

int scan_netdevs(const struct scan_roots *roots, const char *path, char *ret, size_t size)
{
	struct netdevs n = { .roots = roots, .path = path };
	char full[PATH_SIZE];
	int r = STR_FORMAT(full, "devices/%s/net", path);
	if (r < 0)
		return r;
	if (sysfs_list(roots->sysfs, full, names_add, &n.names) < 0 &&
	    STR_FORMAT(full, "devices/%s", path) >= 0)
		(void)sysfs_list(roots->sysfs, full, add_virtio, &n);
	return names_join(&n.names, ret, size);
}

int scan_reset_methods(const struct scan_roots *roots, const char *path, char *ret, size_t size)
{
	char full[PATH_SIZE], text[256];
	int r = STR_FORMAT(full, "devices/%s/reset_method", path);
	if (r < 0)
		return r;
	if (sysfs_read(roots->sysfs, full, text, sizeof(text)) < 0)
		text[0] = '\0';
	return str_copy(ret, size, text);
}

int scan_cpus(const struct scan_roots *roots, const char *path, char *ret, size_t size)
{
	char full[PATH_SIZE];
	int r = STR_FORMAT(full, "devices/%s/local_cpulist", path);
	ssize_t n = r < 0 ? r : sysfs_read(roots->sysfs, full, ret, size);
	return n < 0 ? (int)n : 0;
}

int scan_vfio_cdev(const struct scan_roots *roots, const char *path, char *ret, size_t size)
{
	struct names names = { 0 };
	char full[PATH_SIZE];
	struct stat st;
	int r = STR_FORMAT(full, "devices/%s/vfio-dev", path);
	if (r < 0)
		return r;
	(void)sysfs_list(roots->sysfs, full, names_add, &names);
	/* The directory is there without the node on kernels that lack VFIO_DEVICE_CDEV. */
	if (names.n != 1 || STR_FORMAT(full, "vfio/devices/%s", names.items[0]) < 0 ||
	    fstatat(roots->dev, full, &st, 0) < 0)
		return str_copy(ret, size, "");
	return str_copy(ret, size, names.items[0]);
}
