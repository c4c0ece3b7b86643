/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Ownership of /dev/vfio/<group> and, where the kernel has them, /dev/vfio/devices/vfio<N>. Group
 * numbers are looked up each time: they change with every bind. Nodes are opened by O_PATH only,
 * for opening a group node for real takes the group away from everybody else
 * (drivers/vfio/group.c).
 */
#include "vfio/node.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "sys/sysfs.h"

#define NODE_MODE 0600

struct node_goal {
	const struct verb_context *c;
	const char *path; /* of the function or mdev, below /sys/devices */
	uid_t uid;
	gid_t gid;
	unsigned found, changed;
};

/* The node must be the one sysfs means: a name in /dev could be anything. */
static int node_verify(const struct node_goal *g, const char *dev_attribute, const struct stat *st)
{
	char want[32], has[32];
	ssize_t n = sysfs_read(g->c->sysfs, dev_attribute, want, sizeof(want));
	if (n < 0)
		return (int)n;
	int r = STR_FORMAT(has, "%u:%u", major(st->st_rdev), minor(st->st_rdev));
	return r < 0 ? r : (str_eq(want, has) ? 0 : -ENXIO);
}

static int node_chmod(const struct node_goal *g, int fd)
{
	char path[64];
	int r = STR_FORMAT(path, "self/fd/%d", fd);
	if (r < 0)
		return r;
	return fchmodat(g->c->proc, path, NODE_MODE, 0) < 0 ? -errno : 0;
}

/* Mode before owner: the new owner never has more than 0600 gives. */
static int node_own(struct node_goal *g, const char *node, const char *dev_attribute)
{
	struct stat st;
	_cleanup_close_ int fd = sysfs_openat(g->c->dev, node, O_PATH | O_NOFOLLOW);
	if (fd < 0)
		return fd;
	if (fstat(fd, &st) < 0)
		return -errno;
	int r = node_verify(g, dev_attribute, &st);
	if (r < 0)
		return r;
	g->found++;
	bool mode = (st.st_mode & 07777) == NODE_MODE;
	if (mode && st.st_uid == g->uid && st.st_gid == g->gid)
		return 0;
	r = mode ? 0 : node_chmod(g, fd);
	if (r < 0)
		return r;
	if (fchownat(fd, "", g->uid, g->gid, AT_EMPTY_PATH) < 0)
		return -errno;
	g->changed++;
	return 0;
}

static int group_own(struct node_goal *g)
{
	char path[VERB_PATH_SIZE], group[NAME_SIZE], node[96], attribute[96];
	int r = verb_path(path, g->path, "iommu_group");
	if (r >= 0)
		r = sysfs_link_name(g->c->sysfs, path, group, sizeof(group));
	if (r < 0)
		return r == -ENOENT ? -ENODEV : r;
	r = STR_FORMAT(node, "vfio/%s", group);
	if (r >= 0)
		r = STR_FORMAT(attribute, "class/vfio/%s/dev", group);
	return r < 0 ? r : node_own(g, node, attribute);
}

static int cdev_own(const char *name, void *userdata)
{
	struct node_goal *g = userdata;
	char node[128], attribute[VERB_PATH_SIZE];
	if (!str_after(name, "vfio"))
		return 0;
	int r = STR_FORMAT(node, "vfio/devices/%s", name);
	if (r >= 0)
		r = STR_FORMAT(attribute, "devices/%s/vfio-dev/%s/dev", g->path, name);
	if (r >= 0)
		r = node_own(g, node, attribute);
	return r == -ENOENT ? 0 : r; /* a kernel without VFIO_DEVICE_CDEV */
}

static int nodes_own(struct node_goal *g)
{
	char path[VERB_PATH_SIZE];
	int group = group_own(g);
	if (group < 0 && group != -ENOENT)
		return group;
	int r = verb_path(path, g->path, "vfio-dev");
	if (r >= 0)
		r = sysfs_list(g->c->sysfs, path, cdev_own, g);
	if (r < 0 && r != -ENOENT)
		return r;
	return g->found ? 0 : -ENOENT;
}

static void node_give(const struct verb_context *c, uint32_t uid, uint32_t gid, bool gone_is_fine,
		      struct step_result *r)
{
	struct node_goal g = { .c = c, .path = c->path, .uid = uid, .gid = gid };
	int e = nodes_own(&g);
	if (gone_is_fine && (e == -ENOENT || e == -ENODEV))
		e = 0;
	if (e < 0) {
		verb_failed(r, -e, e == -ENODEV ? "iommu_group" : "/dev/vfio", NULL);
		(void)STR_COPY(r->reason, e == -ENODEV	 ? "no-group"
					  : e == -ENOENT ? "no-node"
							 : "");
		return;
	}
	r->status = g.changed ? STEP_DONE : STEP_NOTHING;
}

void node_grant(const struct verb_context *c, const struct step *s, struct step_result *r)
{
	node_give(c, s->number, s->number2, false, r);
}

void node_revoke(const struct verb_context *c, const struct step *s, struct step_result *r)
{
	(void)s;
	node_give(c, 0, 0, true, r);
}
