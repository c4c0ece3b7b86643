/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Disks below a function, and who stands on them: mounts in any mount namespace, swap, dm, md and LVM
 * through holders/, and everything else that claims a disk for itself (ZFS, Btrfs, bcache) by an
 * exclusive open that fails with EBUSY.
 */
#include "host/uses.h"

#include <errno.h>
#include <fcntl.h>

#include "base/cleanup.h"
#include "base/num.h"
#include "base/str.h"
#include "host/mounts.h"
#include "sys/sysfs.h"

#define FULL_PATH_SIZE (SYS_PATH_SIZE + 96)
#define DISKS_MAX 512
#define NAMESPACES_MAX 256

struct disk {
	char name[NAME_SIZE]; /* "nvme0n1p2" */
	char number[16];      /* "259:2" */
};

struct block_scan {
	const struct host_roots *roots;
	const char *path, *addr;
	struct holder_list *list;
	struct disk disks[DISKS_MAX];
	size_t n;
	const char *current;
	char namespaces[NAMESPACES_MAX][32];
	size_t n_namespaces;
};

static bool have_disk(const struct block_scan *s, const char *name)
{
	for (size_t i = 0; i < s->n; i++)
		if (str_eq(s->disks[i].name, name))
			return true;
	return false;
}

static int disk_add(struct block_scan *s, const char *name)
{
	char full[FULL_PATH_SIZE];
	if (have_disk(s, name))
		return 0;
	if (s->n == DISKS_MAX)
		return -E2BIG;
	struct disk *d = &s->disks[s->n];
	*d = (struct disk){ 0 };
	if (STR_COPY(d->name, name) < 0 || STR_FORMAT(full, "class/block/%s/dev", name) < 0)
		return -ENAMETOOLONG;
	/* A hidden path of NVMe multipath has no number and cannot be used itself. */
	if (sysfs_read(s->roots->sysfs, full, d->number, sizeof(d->number)) < 0)
		return 0;
	s->n++;
	return 0;
}

/* "nvme0c1n1", path 1 to "nvme0n1": the disk, or -EINVAL for other names. */
static int path_disk(const char *name, char ret[NAME_SIZE])
{
	const char *c = str_after(name, "nvme") ? strchr(name, 'c') : NULL;
	const char *n = c ? strchr(c, 'n') : NULL;
	return n ? str_format(ret, NAME_SIZE, "%.*s%s", (int)(c - name), name, n) : -EINVAL;
}

struct other_path {
	struct block_scan *scan;
	const char *disk;
	bool found;
};

static int other_path_visit(const char *name, void *userdata)
{
	struct other_path *o = userdata;
	char disk[NAME_SIZE], link[FULL_PATH_SIZE], path[FULL_PATH_SIZE];
	if (path_disk(name, disk) < 0 || !str_eq(disk, o->disk) ||
	    STR_FORMAT(link, "class/block/%s", name) < 0 ||
	    uses_class_path(o->scan->roots->sysfs, link, path, sizeof(path)) < 0)
		return 0;
	o->found = !device_path_below(path, o->scan->path);
	return o->found;
}

/* A disk with a second path survives the loss of this one. */
static int head_add(struct block_scan *s, const char *disk)
{
	struct other_path other = { .scan = s, .disk = disk };
	int r = sysfs_list(s->roots->sysfs, "class/block", other_path_visit, &other);
	if (r < 0 || other.found)
		return r < 0 ? r : 0;
	return disk_add(s, disk);
}

static int block_visit(const char *name, void *userdata)
{
	struct block_scan *s = userdata;
	char link[FULL_PATH_SIZE], path[FULL_PATH_SIZE], disk[NAME_SIZE];
	if (STR_FORMAT(link, "class/block/%s", name) < 0 ||
	    uses_class_path(s->roots->sysfs, link, path, sizeof(path)) < 0 ||
	    !device_path_below(path, s->path))
		return 0;
	if (path_disk(name, disk) == 0)
		return head_add(s, disk);
	return disk_add(s, name);
}

/* Partitions of disks that are not below the function themselves (heads of NVMe multipath). */
static int partition_visit(const char *name, void *userdata)
{
	struct block_scan *s = userdata;
	char link[FULL_PATH_SIZE], path[FULL_PATH_SIZE];
	if (STR_FORMAT(link, "class/block/%s", name) < 0 ||
	    uses_class_path(s->roots->sysfs, link, path, sizeof(path)) < 0)
		return 0;
	char *last = strrchr(path, '/');
	if (!last)
		return 0;
	*last = '\0';
	char *above = strrchr(path, '/');
	return above && have_disk(s, above + 1) ? disk_add(s, name) : 0;
}

static void block_note(struct block_scan *s, const char *disk, const char *what, const char *who)
{
	holder_list_add(s->list, HOLDER_BLOCK, s->addr, "%s %s %s", disk, what, who)->never_touch =
		1;
}

static int holder_visit(const char *name, void *userdata)
{
	struct block_scan *s = userdata;
	block_note(s, s->current, "is part of", name);
	return 0;
}

/* Btrfs mounts have a number of their own, so the source is compared too. */
static int mount_visit(const struct mount *m, void *userdata)
{
	struct block_scan *s = userdata;
	for (size_t i = 0; i < s->n; i++) {
		const struct disk *d = &s->disks[i];
		if (!str_eq(d->number, m->number) && !(m->source && str_eq(d->name, m->source)))
			continue;
		block_note(s, d->name, "is mounted on", m->point);
		break;
	}
	return 0;
}

static int read_mounts(struct block_scan *s, const char *pid)
{
	int r = mounts_visit(s->roots->proc, pid, mount_visit, s);
	/* It ended: gone, or nobody has waited for it yet (EINVAL, mounts_open_common() of Linux 6.12). */
	return r == -ENOENT || r == -ESRCH || r == -EINVAL ? 0 : r;
}

static bool namespace_is_new(struct block_scan *s, const char *pid)
{
	char path[64], target[64];
	if (STR_FORMAT(path, "%s/ns/mnt", pid) < 0 ||
	    sysfs_link(s->roots->proc, path, target, sizeof(target)) < 0)
		return true;
	for (size_t i = 0; i < s->n_namespaces; i++)
		if (str_eq(s->namespaces[i], target))
			return false;
	if (s->n_namespaces < NAMESPACES_MAX &&
	    STR_COPY(s->namespaces[s->n_namespaces], target) == 0)
		s->n_namespaces++;
	return true;
}

static int process_visit(const char *name, void *userdata)
{
	struct block_scan *s = userdata;
	uint32_t pid;
	if (num_parse_u32(name, 10, &pid) < 0 || !namespace_is_new(s, name))
		return 0;
	return read_mounts(s, name);
}

static int swap_visit(const char *name, void *userdata)
{
	struct block_scan *s = userdata;
	if (have_disk(s, name))
		block_note(s, name, "is", "swap");
	return 0;
}

static int find_swaps(struct block_scan *s)
{
	int r = mounts_visit_swaps(s->roots->proc, swap_visit, s);
	return r == -ENOENT ? 0 : r;
}

static int find_holders(struct block_scan *s)
{
	for (size_t i = 0; i < s->n; i++) {
		char full[FULL_PATH_SIZE];
		s->current = s->disks[i].name;
		if (STR_FORMAT(full, "class/block/%s/holders", s->current) < 0)
			return -ENAMETOOLONG;
		int r = sysfs_list(s->roots->sysfs, full, holder_visit, s);
		if (r < 0 && r != -ENOENT)
			return r;
	}
	return 0;
}

/* Claimed by somebody, seen or not: an exclusive open fails. Read-only, so closing it tells udev
 * nothing. Not being allowed to ask is no answer. */
static int find_claims(struct block_scan *s)
{
	for (size_t i = 0; i < s->n; i++) {
		const char *name = s->disks[i].name;
		int fd = sysfs_openat(s->roots->dev, name,
				      O_RDONLY | O_EXCL | O_NONBLOCK | O_NOCTTY);
		if (fd >= 0)
			close(fd);
		else if (fd == -EBUSY)
			block_note(s, name, "is", "claimed by a file system, volume or pool");
		else if (fd == -EACCES || fd == -EPERM)
			return fd;
	}
	return 0;
}

int uses_find_block(const struct host_roots *r, const char *path, const char *addr,
		    struct holder_list *ret)
{
	_cleanup_free_ struct block_scan *s = calloc(1, sizeof(*s));
	if (!s)
		return -ENOMEM;
	s->roots = r;
	s->path = path;
	s->addr = addr;
	s->list = ret;
	size_t before = ret->found;

	int q = sysfs_list(r->sysfs, "class/block", block_visit, s);
	if (q == -ENOENT || (q == 0 && s->n == 0))
		return 0;
	if (q == 0)
		q = sysfs_list(r->sysfs, "class/block", partition_visit, s);
	if (q == 0)
		q = find_holders(s);
	if (q == 0)
		q = find_swaps(s);
	if (q == 0)
		q = sysfs_list(r->proc, ".", process_visit, s);
	if (q == 0 && ret->found == before)
		q = find_claims(s);
	return q;
}
