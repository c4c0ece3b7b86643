/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See holders.h. */
#include "host/holders.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdalign.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "base/num.h"
#include "base/str.h"
#include "host/caps.h"
#include "sys/process.h"
#include "sys/sysfs.h"

#define FULL_PATH_SIZE (SYS_PATH_SIZE + 96)
#define NODES_MAX 2048

struct holder *holder_list_add(struct holder_list *l, enum holder_kind kind, const char *addr,
			       const char *fmt, ...)
{
	l->found++;
	if (l->n < HOLDERS_MAX)
		l->n++;
	struct holder *h = &l->entries[l->n - 1];
	*h = (struct holder){ .kind = kind };
	(void)STR_COPY(h->device, addr);
	va_list ap;
	va_start(ap, fmt);
	(void)vsnprintf(h->what, sizeof(h->what), fmt, ap);
	va_end(ap);
	return h;
}

void holder_subjects_done(struct holder_subjects *s)
{
	free(s->entries);
	*s = (struct holder_subjects){ 0 };
}

int holder_subjects_add(struct holder_subjects *s, const char *path, const char *addr,
			enum holder_kind kind)
{
	if (s->n == SUBJECTS_MAX)
		return -E2BIG;
	struct holder_subject *e = ARRAY_ADD(s->entries, s->n);
	if (!e)
		return -ENOMEM;
	e->kind = kind;
	e->instance = -1;
	if (STR_COPY(e->path, path) == 0 && STR_COPY(e->addr, addr) == 0)
		return 0;
	s->n--;
	return -ENAMETOOLONG;
}

int holder_subjects_add_instance(struct holder_subjects *s, const char *path, const char *addr,
				 uint32_t instance)
{
	int r = instance > INT32_MAX ? -EINVAL : holder_subjects_add(s, path, addr, HOLDER_FD);
	if (r == 0)
		s->entries[s->n - 1].instance = (int32_t)instance;
	return r;
}

bool device_path_below(const char *path, const char *top)
{
	const char *rest = str_after(path, top);
	return rest && (*rest == '/' || *rest == '\0');
}

void device_driver(int sysfs, const char *path, char ret[NAME_SIZE])
{
	char full[FULL_PATH_SIZE];
	ret[0] = '\0';
	if (STR_FORMAT(full, "devices/%s/driver", path) < 0 ||
	    sysfs_link_name(sysfs, full, ret, NAME_SIZE) < 0)
		ret[0] = '\0';
}

/* --- what dies with a device ------------------------------------------------------------------ */

struct dependents {
	const struct host_roots *roots;
	const char *path, *addr;
	struct holder_subjects *subjects;
	struct holder_list *existing;
};

/* "<uuid>" -> an mdev below its parent. */
static int mdev_visit(const char *name, void *userdata)
{
	struct dependents *d = userdata;
	char path[SYS_PATH_SIZE];
	if (!uuid_valid(name))
		return 0;
	if (STR_FORMAT(path, "%s/%s", d->path, name) < 0)
		return -ENAMETOOLONG;
	if (d->existing)
		holder_list_add(d->existing, HOLDER_MDEV, d->addr, "mdev %s", name);
	return holder_subjects_add(d->subjects, path, d->addr, HOLDER_MDEV);
}

static int children_visit(const struct dependents *d,
			  int (*visit)(const char *name, void *userdata))
{
	char full[FULL_PATH_SIZE];
	struct dependents of = *d;
	if (STR_FORMAT(full, "devices/%s", d->path) < 0)
		return -ENAMETOOLONG;
	int r = sysfs_list(d->roots->sysfs, full, visit, &of);
	return r == -ENOENT ? 0 : r;
}

/* "virtfn3" -> the VF beside its PF, and its mdevs. */
static int dependent_visit(const char *name, void *userdata)
{
	struct dependents *d = userdata;
	char path[SYS_PATH_SIZE], full[FULL_PATH_SIZE], addr[PCI_ADDR_SIZE];
	if (!str_after(name, "virtfn"))
		return mdev_visit(name, d);
	const char *slash = strrchr(d->path, '/');
	if (!slash || STR_FORMAT(full, "devices/%s/%s", d->path, name) < 0)
		return -EINVAL;
	int r = sysfs_link_name(d->roots->sysfs, full, addr, sizeof(addr));
	if (r == -ENOENT)
		return 0;
	if (r < 0)
		return r;
	if (STR_FORMAT(path, "%.*s/%s", (int)(slash - d->path), d->path, addr) < 0)
		return -ENAMETOOLONG;
	r = holder_subjects_add(d->subjects, path, addr, HOLDER_VF);
	const struct dependents vf = { d->roots, path, addr, d->subjects, d->existing };
	return r < 0 ? r : children_visit(&vf, mdev_visit);
}

int holder_subjects_find(const struct host_roots *r, const char *path, const char *addr,
			 struct holder_subjects *ret, struct holder_list *existing)
{
	const struct dependents d = { r, path, addr, ret, existing };
	int q = holder_subjects_add(ret, path, addr, HOLDER_FD);
	return q < 0 ? q : children_visit(&d, dependent_visit);
}

/* --- device numbers --------------------------------------------------------------------------- */

struct node {
	uint32_t major, minor;
	bool block;
	const struct holder_subject *subject;
	char name[NAME_SIZE];
};
struct nodes {
	struct node *entries;
	size_t n;
};

static void nodes_done(struct nodes *nodes)
{
	free(nodes->entries);
}

static int number_parse(const char *text, uint32_t *ret_major, uint32_t *ret_minor)
{
	char major[16];
	size_t n = strcspn(text, ":");
	if (n == 0 || n >= sizeof(major) || text[n] != ':')
		return -EINVAL;
	memcpy(major, text, n);
	major[n] = '\0';
	int r = num_parse_u32(major, 10, ret_major);
	return r < 0 ? r : num_parse_u32(text + n + 1, 10, ret_minor);
}

static int nodes_add(struct nodes *nodes, const char *number, bool block,
		     const struct holder_subject *subject, const char *name)
{
	struct node node = { .block = block, .subject = subject };
	int r = number_parse(number, &node.major, &node.minor);
	if (r < 0)
		return r;
	(void)snprintf(node.name, sizeof(node.name), "%s", name);
	if (nodes->n == NODES_MAX)
		return -E2BIG;
	if (nodes->n % 16 == 0) {
		struct node *bigger = reallocarray(nodes->entries, nodes->n + 16, sizeof(*bigger));
		if (!bigger)
			return -ENOMEM;
		nodes->entries = bigger;
	}
	nodes->entries[nodes->n++] = node;
	return 0;
}

/* DEVNAME of the node's uevent file, else the last part of its path. */
static void node_name(int sysfs, const char *dir, const char *number, const char *link,
		      char ret[NAME_SIZE])
{
	char full[FULL_PATH_SIZE], text[1024];
	const char *slash = strrchr(link, '/');
	(void)snprintf(ret, NAME_SIZE, "/dev/%.56s", slash ? slash + 1 : link);
	if (STR_FORMAT(full, "%s/%s/uevent", dir, number) < 0 ||
	    sysfs_read(sysfs, full, text, sizeof(text)) < 0)
		return;
	char *name = strstr(text, "DEVNAME=");
	if (!name)
		return;
	name += strlen("DEVNAME=");
	name[strcspn(name, "\n")] = '\0';
	(void)snprintf(ret, NAME_SIZE, "/dev/%.56s", name);
}

struct node_search {
	const struct host_roots *roots;
	const struct holder_subjects *subjects;
	struct nodes *nodes;
	const char *dir; /* "dev/char" */
	bool block;
};

/* An mdev lies below its parent and has an entry of its own: the longest match is meant. */
static const struct holder_subject *subject_of(const struct holder_subjects *subjects,
					       const char *path)
{
	const struct holder_subject *best = NULL;
	for (size_t i = 0; i < subjects->n; i++) {
		const struct holder_subject *s = &subjects->entries[i];
		if (device_path_below(path, s->path) &&
		    (!best || strlen(s->path) > strlen(best->path)))
			best = s;
	}
	return best;
}

static int node_visit(const char *number, void *userdata)
{
	struct node_search *s = userdata;
	char full[FULL_PATH_SIZE], link[FULL_PATH_SIZE], name[NAME_SIZE];
	if (STR_FORMAT(full, "%s/%s", s->dir, number) < 0)
		return 0;
	if (sysfs_link_direct(s->roots->sysfs, full, link, sizeof(link)) < 0)
		return 0; /* gone meanwhile */
	const char *below = strstr(link, "devices/");
	if (!below)
		return 0;
	const struct holder_subject *subject = subject_of(s->subjects, below + strlen("devices/"));
	if (!subject)
		return 0;
	node_name(s->roots->sysfs, s->dir, number, link, name);
	return nodes_add(s->nodes, number, s->block, subject, name);
}

/* Every character and block device has a link in /sys/dev by its number. */
static int nodes_below(const struct host_roots *r, const struct holder_subjects *subjects,
		       bool block, struct nodes *nodes)
{
	struct node_search s = { r, subjects, nodes, block ? "dev/block" : "dev/char", block };
	int q = sysfs_list(r->sysfs, s.dir, node_visit, &s);
	return q == -ENOENT ? 0 : q;
}

/* With VFIO, whatever its driver is called: that of a vGPU's VF is "nvidia". */
static bool is_registered(const struct host_roots *r, const struct holder_subject *s)
{
	char full[FULL_PATH_SIZE];
	return STR_FORMAT(full, "devices/%s/vfio-dev", s->path) == 0 &&
	       sysfs_exists(r->sysfs, full);
}

/* Does the group's node lead to this subject? An mdev is always driven by VFIO. Without a driver it may be VFIO
 * that cannot let go: the link goes before its users do (seen in the lab). */
static bool uses_group(const struct host_roots *r, const struct holder_subject *s)
{
	char driver[NAME_SIZE];
	if (s->kind == HOLDER_MDEV)
		return true;
	device_driver(r->sysfs, s->path, driver);
	return !driver[0] || driver_is_vfio(driver) || is_registered(r, s);
}

static bool has_group_node(const struct host_roots *r, const struct holder_subject *s)
{
	char full[FULL_PATH_SIZE], group[16];
	return STR_FORMAT(full, "devices/%s/iommu_group", s->path) == 0 &&
	       sysfs_link_name(r->sysfs, full, group, sizeof(group)) == 0 &&
	       STR_FORMAT(full, "class/vfio/%s/dev", group) == 0 && sysfs_exists(r->sysfs, full);
}

/* A device of VFIO has no nodes but VFIO's, and one without a driver has none. */
static bool has_other_nodes(const struct host_roots *r, const struct holder_subject *s)
{
	char driver[NAME_SIZE];
	if (s->kind == HOLDER_MDEV)
		return false;
	if (!s->addr[0])
		return true;
	device_driver(r->sysfs, s->path, driver);
	return driver[0] && !driver_is_vfio(driver);
}

struct cdev_search {
	const struct host_roots *roots;
	const struct holder_subject *subject;
	struct nodes *nodes;
};

/* vfio-dev/vfioN of a device that VFIO has registered (Linux 6.12, drivers/vfio/vfio_main.c). */
static int cdev_visit(const char *cdev, void *userdata)
{
	struct cdev_search *s = userdata;
	char full[FULL_PATH_SIZE], number[32], name[NAME_SIZE];
	if (STR_FORMAT(full, "devices/%s/vfio-dev/%s/dev", s->subject->path, cdev) < 0 ||
	    sysfs_read(s->roots->sysfs, full, number, sizeof(number)) < 0)
		return 0;
	(void)snprintf(name, sizeof(name), "/dev/vfio/devices/%.40s", cdev);
	return nodes_add(s->nodes, number, false, s->subject, name);
}

static int cdev_nodes(const struct host_roots *r, const struct holder_subject *subject,
		      struct nodes *nodes)
{
	char full[FULL_PATH_SIZE];
	struct cdev_search s = { r, subject, nodes };
	if (STR_FORMAT(full, "devices/%s/vfio-dev", subject->path) < 0)
		return 0;
	int q = sysfs_list(r->sysfs, full, cdev_visit, &s);
	return q == -ENOENT ? 0 : q;
}

/* The VFIO group is a device of its own: /sys/class/vfio/<group>. */
static int group_node(const struct host_roots *r, const struct holder_subject *subject,
		      struct nodes *nodes)
{
	char full[FULL_PATH_SIZE], group[16], number[32], name[NAME_SIZE];
	if (!uses_group(r, subject) ||
	    STR_FORMAT(full, "devices/%s/iommu_group", subject->path) < 0 ||
	    sysfs_link_name(r->sysfs, full, group, sizeof(group)) < 0)
		return 0;
	if (STR_FORMAT(full, "class/vfio/%s/dev", group) < 0 ||
	    sysfs_read(r->sysfs, full, number, sizeof(number)) < 0)
		return 0;
	(void)snprintf(name, sizeof(name), "/dev/vfio/%s", group);
	return nodes_add(nodes, number, false, subject, name);
}

/* The NVIDIA driver makes nodes that sysfs does not know, of major 195. */
static int nvidia_node(const struct host_roots *r, const struct holder_subject *subject,
		       struct nodes *nodes)
{
	char number[32], name[NAME_SIZE];
	uint32_t minor;
	if (subject->kind == HOLDER_MDEV || !subject->addr[0] ||
	    caps_gpu_minor(r->proc, subject->addr, &minor) < 0 ||
	    STR_FORMAT(number, "195:%u", minor) < 0 || STR_FORMAT(name, "/dev/nvidia%u", minor) < 0)
		return 0;
	return nodes_add(nodes, number, false, subject, name);
}

static int instance_nodes(const struct host_roots *r, const struct holder_subject *subject,
			  struct nodes *nodes)
{
	char numbers[CAPS_NODES][32], name[NAME_SIZE];
	size_t n;
	int q = caps_nodes(r->proc, subject->addr, (uint32_t)subject->instance, numbers, &n);
	for (size_t i = 0; q == 0 && i < n; i++) {
		const char *minor = strchr(numbers[i], ':');
		q = STR_FORMAT(name, "/dev/nvidia-caps/nvidia-cap%s", minor ? minor + 1 : "");
		if (q == 0)
			q = nodes_add(nodes, numbers[i], false, subject, name);
	}
	return q;
}

/* NVMe multipath: the disk people open (nvme0n1) belongs to the subsystem, and each path to it
 * (nvme0c1n1) to a controller (Linux 6.12 drivers/nvme/host/multipath.c). */
static int head_visit(const char *name, void *userdata)
{
	struct node_search *s = userdata;
	char full[FULL_PATH_SIZE], link[FULL_PATH_SIZE], number[32], disk[NAME_SIZE];
	const char *path = strchr(name, 'c');
	const char *ns = path ? strchr(path, 'n') : NULL;
	if (!str_after(name, "nvme") || !ns || STR_FORMAT(full, "class/block/%s", name) < 0 ||
	    sysfs_link_direct(s->roots->sysfs, full, link, sizeof(link)) < 0)
		return 0;
	const char *below = strstr(link, "devices/");
	const struct holder_subject *subject =
		below ? subject_of(s->subjects, below + strlen("devices/")) : NULL;
	if (!subject)
		return 0;
	if (STR_FORMAT(disk, "%.*s%s", (int)(path - name), name, ns) < 0 ||
	    STR_FORMAT(full, "class/block/%s/dev", disk) < 0 ||
	    sysfs_read(s->roots->sysfs, full, number, sizeof(number)) < 0)
		return 0;
	if (STR_FORMAT(full, "/dev/%s", disk) < 0)
		return 0;
	return nodes_add(s->nodes, number, true, subject, full);
}

/* Nodes of any driver: all there are, by number, and whose they are. */
static int nodes_of_drivers(const struct host_roots *r, const struct holder_subjects *subjects,
			    struct nodes *nodes)
{
	struct node_search heads = { r, subjects, nodes, "class/block", true };
	int q = nodes_below(r, subjects, false, nodes);
	if (q == 0)
		q = nodes_below(r, subjects, true, nodes);
	if (q == 0)
		q = sysfs_list(r->sysfs, heads.dir, head_visit, &heads);
	return q == -ENOENT ? 0 : q;
}

static int nodes_find(const struct host_roots *r, const struct holder_subjects *subjects,
		      struct nodes *nodes)
{
	bool others = false;
	int q = 0;
	for (size_t i = 0; i < subjects->n && !others; i++)
		others = subjects->entries[i].instance < 0 &&
			 has_other_nodes(r, &subjects->entries[i]);
	if (others)
		q = nodes_of_drivers(r, subjects, nodes);
	for (size_t i = 0; q == 0 && i < subjects->n; i++) {
		const struct holder_subject *s = &subjects->entries[i];
		if (s->instance >= 0) {
			q = instance_nodes(r, s, nodes);
			continue;
		}
		if (!others)
			q = cdev_nodes(r, s, nodes);
		if (q == 0)
			q = group_node(r, s, nodes);
		if (q == 0)
			q = nvidia_node(r, s, nodes);
	}
	return q;
}

/* --- processes -------------------------------------------------------------------------------- */

/* Field 4 of /proc/PID/stat, behind the program's name, which may contain anything: proc(5). */
static int read_parent(int proc, int32_t pid, int32_t *ret)
{
	char path[64], text[1024];
	int r = STR_FORMAT(path, "%d/stat", pid);
	if (r < 0)
		return r;
	ssize_t n = sysfs_read(proc, path, text, sizeof(text));
	if (n < 0)
		return n == -ENOENT ? -ESRCH : (int)n;
	char *p = strrchr(text, ')');
	uint32_t parent;
	if (!p || strlen(p) < 4)
		return -EINVAL;
	p += strlen(") S ");
	p[strcspn(p, " ")] = '\0';
	r = num_parse_u32(p, 10, &parent);
	if (r < 0)
		return r;
	*ret = (int32_t)parent;
	return 0;
}

int holder_describe_process(int proc, int32_t pid, struct holder *ret)
{
	int r = process_start_time(proc, pid, &ret->start);
	if (r < 0)
		return r;
	ret->pid = pid;
	(void)process_uid(proc, pid, &ret->uid);
	(void)process_comm(proc, pid, ret->comm, sizeof(ret->comm));
	(void)process_unit(proc, pid, ret->unit, sizeof(ret->unit));
	return 0;
}

struct process_scan {
	const struct host_roots *roots;
	const struct nodes *nodes;
	struct holder_list *list;
	bool counts_told;
};

/* STATX_TYPE from the cache: a stat that asks a dead NFS or FUSE server would hang here. */
static const struct node *node_open(const struct process_scan *s, int dir, const char *fd)
{
	struct statx sx;
	if (statx(dir, fd, AT_STATX_DONT_SYNC | AT_NO_AUTOMOUNT, STATX_TYPE, &sx) < 0)
		return NULL;
	if (!S_ISCHR(sx.stx_mode) && !S_ISBLK(sx.stx_mode))
		return NULL;
	for (size_t i = 0; i < s->nodes->n; i++) {
		const struct node *node = &s->nodes->entries[i];
		if (node->block == S_ISBLK(sx.stx_mode) && node->major == sx.stx_rdev_major &&
		    node->minor == sx.stx_rdev_minor)
			return node;
	}
	return NULL;
}

static bool already_listed(const struct holder_list *l, int32_t pid, const struct node *node)
{
	for (size_t i = 0; i < l->n; i++)
		if (l->entries[i].pid == pid && str_eq(l->entries[i].what, node->name) &&
		    str_eq(l->entries[i].device, node->subject->addr))
			return true;
	return false;
}

static void holder_found(struct process_scan *s, int32_t pid, const struct node *node)
{
	struct holder h = { .kind = node->subject->kind };
	int32_t parent = 0;
	if (already_listed(s->list, pid, node))
		return;
	int r = read_parent(s->roots->proc, pid, &parent);
	int32_t own = s->roots->executor;
	if (r == -ESRCH || (own && (pid == own || parent == own)))
		return;
	(void)holder_describe_process(s->roots->proc, pid, &h);
	if (str_eq(h.unit, "systemd-udevd.service"))
		return;
	h.pid = pid;
	(void)STR_COPY(h.what, node->name);
	(void)STR_COPY(h.device, node->subject->addr);
	*holder_list_add(s->list, h.kind, h.device, "%s", h.what) = h;
}

/* Linux 6.2 and later say in st_size of /proc/PID/fd how many there are, so that kernel threads need
 * not be opened (fs/proc/fd.c proc_fd_getattr()). -1: not known. */
static int64_t count_open(const struct process_scan *s, const char *dir)
{
	struct statx sx;
	if (statx(s->roots->proc, dir, AT_SYMLINK_NOFOLLOW, STATX_SIZE, &sx) < 0)
		return -1;
	return (int64_t)sx.stx_size;
}

/* Own descriptors there are always some. */
static bool counts_are_told(const struct process_scan *s)
{
	char path[64];
	return STR_FORMAT(path, "%d/fd", getpid()) == 0 && count_open(s, path) > 0;
}

static int fds_visit(struct process_scan *s, int32_t pid, int dir)
{
	alignas(struct dirent64) char buf[4096];
	ssize_t n;
	while ((n = getdents64(dir, buf, sizeof(buf))) > 0)
		for (ssize_t at = 0; at < n;) {
			const struct dirent64 *e = (const void *)(buf + at);
			const struct node *node =
				e->d_name[0] == '.' ? NULL : node_open(s, dir, e->d_name);
			if (node)
				holder_found(s, pid, node);
			at += e->d_reclen;
		}
	/* It ended meanwhile. */
	return n < 0 && errno != ENOENT && errno != ESRCH ? -errno : 0;
}

static int process_visit(const char *name, void *userdata)
{
	struct process_scan *s = userdata;
	uint32_t pid;
	char path[64];
	if (num_parse_u32(name, 10, &pid) < 0 || STR_FORMAT(path, "%s/fd", name) < 0)
		return 0;
	if (s->counts_told && count_open(s, path) == 0)
		return 0;
	_cleanup_close_ int fd = sysfs_openat(s->roots->proc, path, O_RDONLY | O_DIRECTORY);
	if (fd == -ENOENT || fd == -ESRCH)
		return 0;
	return fd < 0 ? fd : fds_visit(s, (int32_t)pid, fd);
}

/* A function that no driver drives has no nodes and so no holders, unless VFIO has not let go of it. */
static bool may_be_held(const struct host_roots *r, const struct holder_subjects *subjects)
{
	char driver[NAME_SIZE];
	for (size_t i = 0; i < subjects->n; i++) {
		const struct holder_subject *s = &subjects->entries[i];
		device_driver(r->sysfs, s->path, driver);
		if (driver[0] || s->kind == HOLDER_MDEV || !s->addr[0] || has_group_node(r, s))
			return true;
	}
	return false;
}

/* A VFIO group opens once, and every descriptor of its devices keeps it open: so the kernel knows
 * whether somebody has it, even one who cannot be seen (a descriptor on its way through a socket).
 * Linux 6.12 drivers/vfio/group.c. 0: nobody; 1: somebody; negative: it could not be tried. */
static int group_probe(const struct host_roots *r, const struct node *node)
{
	struct stat st;
	const char *group = str_after(node->name, "/dev/vfio/");
	if (!group || strchr(group, '/'))
		return -ENOTSUP;
	_cleanup_close_ int fd = sysfs_openat(r->dev, node->name + strlen("/dev/"),
					      O_RDONLY | O_NONBLOCK | O_NOCTTY);
	if (fd < 0)
		return fd == -EBUSY ? 1 : fd;
	if (fstat(fd, &st) < 0)
		return -errno;
	bool right = S_ISCHR(st.st_mode) && major(st.st_rdev) == node->major &&
		     minor(st.st_rdev) == node->minor;
	return right ? 0 : -ENODEV;
}

static bool groups_free(const struct host_roots *r, const struct nodes *nodes)
{
	for (size_t i = 0; i < nodes->n; i++)
		if (group_probe(r, &nodes->entries[i]) != 0)
			return false;
	return true;
}

static void groups_probe(const struct host_roots *r, const struct nodes *nodes,
			 struct holder_list *ret)
{
	for (size_t i = 0; i < nodes->n; i++) {
		const struct node *node = &nodes->entries[i];
		if (group_probe(r, node) > 0)
			holder_list_add(ret, node->subject->kind, node->subject->addr, "%s",
					node->name);
	}
}

int holders_find(const struct host_roots *r, const struct holder_subjects *subjects, bool probe,
		 struct holder_list *ret)
{
	if (!may_be_held(r, subjects))
		return 0;
	_cleanup_(nodes_done) struct nodes nodes = { 0 };
	int q = nodes_find(r, subjects, &nodes);
	if (q < 0 || nodes.n == 0)
		return q;
	if (probe && groups_free(r, &nodes))
		return 0;
	struct process_scan s = { .roots = r, .nodes = &nodes, .list = ret };
	s.counts_told = counts_are_told(&s);
	size_t before = ret->found;
	q = sysfs_list(r->proc, ".", process_visit, &s);
	if (q == 0 && probe && ret->found == before)
		groups_probe(r, &nodes, ret);
	return q;
}
