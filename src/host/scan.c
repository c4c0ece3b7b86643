/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * See scan.h. Counted in system calls per function: topology link 1, uevent 3, iommu_group 1, VF link 1,
 * NUMA node 3 where it is not inherited, group type 3 once per group; the worker's config read is 3 more.
 */
#include "host/scan.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/num.h"
#include "base/str.h"
#include "sys/sysfs.h"

#define PATH_SIZE 512

struct scan {
	const struct scan_roots *roots;
	struct have *have;
};

static int function_path(const struct function *f, const char *file, char *ret)
{
	return str_format(ret, PATH_SIZE, "devices/%s/%s", f->path, file);
}

/* "../../../devices/pci0000:00/0000:00:03.0/0000:01:00.0" */
static int read_topology(const struct scan *s, struct function *f)
{
	char path[PATH_SIZE], target[PATH_SIZE];
	int r = STR_FORMAT(path, "bus/pci/devices/%s", f->addr);
	if (r >= 0)
		r = sysfs_link_direct(s->roots->sysfs, path, target, sizeof(target));
	if (r < 0)
		return r;
	const char *below = strstr(target, "devices/");
	if (!below)
		return -EINVAL;
	r = STR_COPY(f->path, below + strlen("devices/"));
	if (r < 0)
		return r;

	const char *last = strrchr(f->path, '/');
	const char *above = last;
	while (above && above > f->path && above[-1] != '/')
		above--;
	size_t len = last && above ? (size_t)(last - above) : 0;
	if (len > 0 && len < sizeof(f->parent)) {
		memcpy(f->parent, above, len);
		f->parent[len] = '\0';
		if (!pci_addr_valid(f->parent))
			f->parent[0] = '\0'; /* pci0000:00: a root bus */
	}
	return device_key_from_path(f->path, f->key);
}

static void parse_pair(const char *text, uint16_t *first, uint16_t *second)
{
	char half[8];
	uint32_t a, b;
	const char *colon = strchr(text, ':');
	size_t len = colon ? (size_t)(colon - text) : sizeof(half);
	if (len >= sizeof(half))
		return;
	memcpy(half, text, len);
	half[len] = '\0';
	if (num_parse_u32(half, 16, &a) < 0 || num_parse_u32(colon + 1, 16, &b) < 0)
		return;
	*first = (uint16_t)a;
	*second = (uint16_t)b;
}

static void parse_uevent_line(struct function *f, const char *line)
{
	const char *v;
	if ((v = str_after(line, "DRIVER=")))
		(void)STR_COPY(f->driver, v);
	else if ((v = str_after(line, "PCI_CLASS=")))
		(void)num_parse_u32(v, 16, &f->class);
	else if ((v = str_after(line, "PCI_ID=")))
		parse_pair(v, &f->vendor, &f->device);
	else if ((v = str_after(line, "PCI_SUBSYS_ID=")))
		parse_pair(v, &f->subvendor, &f->subdevice);
	else if ((v = str_after(line, "MODALIAS=")))
		(void)STR_COPY(f->modalias, v);
}

static int read_uevent(const struct scan *s, struct function *f)
{
	char path[PATH_SIZE], text[2048];
	int r = function_path(f, "uevent", path);
	if (r < 0)
		return r;
	ssize_t n = sysfs_read(s->roots->sysfs, path, text, sizeof(text));
	if (n < 0)
		return (int)n;
	char *save = NULL;
	for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save))
		parse_uevent_line(f, line);
	return 0;
}

static bool is_bridge(const struct function *f)
{
	return f->class >> 8 == 0x0604;
}

static int link_number(const struct scan *s, const char *path)
{
	char target[PATH_SIZE];
	uint64_t n;
	if (sysfs_link_direct(s->roots->sysfs, path, target, sizeof(target)) < 0)
		return -1;
	const char *slash = strrchr(target, '/');
	return slash && num_parse(slash + 1, 10, INT32_MAX, &n) >= 0 ? (int)n : -1;
}

static const struct function *group_mate(const struct have *h, const struct function *f)
{
	for (size_t i = 0; i < h->n_functions; i++) {
		const struct function *g = &h->functions[i];
		if (g != f && g->iommu_group == f->iommu_group && g->group_type[0])
			return g;
	}
	return NULL;
}

static void read_group(const struct scan *s, struct function *f)
{
	char path[PATH_SIZE];
	if (function_path(f, "iommu_group", path) < 0)
		return;
	f->iommu_group = link_number(s, path);
	if (f->iommu_group < 0 || is_bridge(f))
		return;
	const struct function *mate = group_mate(s->have, f);
	if (mate) {
		(void)STR_COPY(f->group_type, mate->group_type);
		return;
	}
	if (STR_FORMAT(path, "kernel/iommu_groups/%d/type", f->iommu_group) < 0 ||
	    sysfs_read(s->roots->sysfs, path, f->group_type, sizeof(f->group_type)) < 0)
		f->group_type[0] = '\0';
}

static void read_vfio_node(const struct scan *s, int group, bool *ret_there, uint32_t *ret_uid,
			   uint32_t *ret_gid, uint32_t *ret_mode)
{
	char path[64];
	struct stat st;
	*ret_there = false;
	if (group < 0 || STR_FORMAT(path, "vfio/%d", group) < 0 ||
	    fstatat(s->roots->dev, path, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return;
	*ret_there = true;
	*ret_uid = st.st_uid;
	*ret_gid = st.st_gid;
	*ret_mode = st.st_mode & 07777;
}

static bool vfio_driver(const char *driver)
{
	return strstr(driver, "vfio") != NULL;
}

/* All functions below one root bus have its node (drivers/pci/probe.c pci_device_add(),
 * pcibus_to_node()): read once at the top, inherited below. */
static void read_numa(const struct scan *s, struct function *f)
{
	const struct function *above = f->parent[0] ? have_function(s->have, f->parent) : NULL;
	if (above && above != f) {
		f->numa_node = above->numa_node;
		return;
	}
	char path[PATH_SIZE];
	if (function_path(f, "numa_node", path) < 0 ||
	    sysfs_read_int(s->roots->sysfs, path, &f->numa_node) < 0)
		f->numa_node = -1;
}

static void read_boot_vga(const struct scan *s, struct function *f)
{
	char path[PATH_SIZE];
	uint64_t v = 0;
	if (f->class >> 16 != 0x03)
		return;
	if (function_path(f, "boot_vga", path) >= 0)
		(void)sysfs_read_u64(s->roots->sysfs, path, 10, &v);
	f->boot_vga = v == 1;
}

/* Fills f, whose addr is set. What is gone meanwhile is an error, what is missing is not. */
static int read_function(const struct scan *s, struct function *f)
{
	int r = read_topology(s, f);
	if (r >= 0)
		r = read_uevent(s, f);
	if (r < 0)
		return r;
	read_group(s, f);
	read_numa(s, f);
	read_boot_vga(s, f);
	if (vfio_driver(f->driver))
		read_vfio_node(s, f->iommu_group, &f->vfio_node, &f->vfio_uid, &f->vfio_gid,
			       &f->vfio_mode);
	return 0;
}

/* virtfn<N> of the PF is the truth about its VFs: physfn of a VF appears later than its uevent. */
static void read_vf_links(const struct scan *s, const struct function *pf)
{
	char pf_addr[PCI_ADDR_SIZE], pf_path[SYS_PATH_SIZE];
	int numa = pf->numa_node;
	(void)STR_COPY(pf_addr, pf->addr);
	(void)STR_COPY(pf_path, pf->path);

	for (int i = 0; i < UINT16_MAX; i++) {
		char path[PATH_SIZE], target[PATH_SIZE];
		if (STR_FORMAT(path, "devices/%s/virtfn%d", pf_path, i) < 0 ||
		    sysfs_link_direct(s->roots->sysfs, path, target, sizeof(target)) < 0)
			return;
		const char *slash = strrchr(target, '/');
		struct function *vf = have_function(s->have, slash ? slash + 1 : target);
		if (!vf)
			continue;
		vf->is_vf = true;
		vf->vf_index = i;
		vf->numa_node = numa;
		(void)STR_COPY(vf->pf, pf_addr);
	}
}

static int add_name(const char *name, void *userdata)
{
	struct have *h = userdata;
	if (!pci_addr_valid(name))
		return 0;
	struct function *f = have_add_function(h);
	return f ? STR_COPY(f->addr, name) : -ENOMEM;
}

static bool same_function(const struct function *a, const struct function *b)
{
	return str_eq(a->key, b->key) && a->vendor == b->vendor && a->device == b->device;
}

static void keep_known(const struct have *old, struct have *h)
{
	for (size_t i = 0; i < h->n_functions; i++) {
		struct function *f = &h->functions[i];
		const struct function *was = have_function(old, f->addr);
		if (was && same_function(was, f))
			f->caps = was->caps;
	}
}

static int keep_records(const struct have *old, struct have *h)
{
	for (size_t i = 0; i < old->n_types; i++) {
		if (!scan_device_path(h, old->types[i].parent))
			continue;
		struct mdev_type *t = have_add_type(h);
		if (!t)
			return -ENOMEM;
		*t = old->types[i];
	}
	for (size_t i = 0; i < old->n_vfs; i++) {
		if (!have_device(h, old->vfs[i].pf))
			continue;
		struct vf_info *v = have_add_vf_info(h);
		if (!v)
			return -ENOMEM;
		*v = old->vfs[i];
	}
	return 0;
}

/* Functions that vanish between listing and reading are left out. */
static void read_functions(const struct scan *s)
{
	struct have *h = s->have;
	for (size_t i = 0; i < h->n_functions;) {
		if (read_function(s, &h->functions[i]) < 0)
			have_remove_function(h, h->functions[i].addr);
		else
			i++;
	}
	for (size_t i = 0; i < h->n_functions; i++)
		if (!h->functions[i].is_vf && !is_bridge(&h->functions[i]))
			read_vf_links(s, &h->functions[i]);
}

int scan_all(const struct scan_roots *roots, const struct have *old, struct have *ret)
{
	struct have h = { 0 };
	struct scan s = { .roots = roots, .have = &h };

	int r = sysfs_list(roots->sysfs, "bus/pci/devices", add_name, &h);
	if (r >= 0) {
		have_sort(&h);
		read_functions(&s);
		r = scan_mdevs(roots, &h);
	}
	if (r >= 0 && old) {
		keep_known(old, &h);
		r = keep_records(old, &h);
	}
	if (r < 0) {
		have_done(&h);
		return r;
	}
	*ret = h;
	return 0;
}

static void drop_vfs(struct have *h, const char *pf_addr)
{
	for (size_t i = 0; i < h->n_functions;) {
		if (h->functions[i].is_vf && str_eq(h->functions[i].pf, pf_addr))
			have_remove_function(h, h->functions[i].addr);
		else
			i++;
	}
}

int scan_function(const struct scan_roots *roots, struct have *h, const char *addr)
{
	struct scan s = { .roots = roots, .have = h };
	struct function new = { .iommu_group = -1, .numa_node = -1, .vf_index = -1 };
	if (!pci_addr_valid(addr) || STR_COPY(new.addr, addr) < 0)
		return -EINVAL;

	struct function *was = have_function(h, addr);
	int r = read_function(&s, &new);
	if (r == -ENOENT || r == -ENODEV) {
		if (!was)
			return 0;
		drop_vfs(h, addr);
		have_remove_function(h, addr);
		return 1;
	}
	if (r < 0)
		return r;
	if (was && same_function(was, &new)) {
		new.caps = was->caps;
		new.mdev_parent = was->mdev_parent;
		new.is_vf = was->is_vf;
		new.vf_index = was->vf_index;
		memcpy(new.pf, was->pf, sizeof(new.pf));
		if (memcmp(was, &new, sizeof(new)) == 0)
			return 0;
		*was = new;
		return 1;
	}
	if (!was) {
		was = have_add_function(h);
		if (!was)
			return -ENOMEM;
	}
	*was = new;
	have_sort(h);
	return 1;
}

static int vf_addr_at(const struct scan_roots *roots, const char *pf_path, int index,
		      char ret[PCI_ADDR_SIZE])
{
	char path[PATH_SIZE], target[PATH_SIZE];
	int r = STR_FORMAT(path, "devices/%s/virtfn%d", pf_path, index);
	if (r >= 0)
		r = sysfs_link_direct(roots->sysfs, path, target, sizeof(target));
	if (r < 0)
		return r;
	const char *slash = strrchr(target, '/');
	return str_copy(ret, PCI_ADDR_SIZE, slash ? slash + 1 : target);
}

int scan_vfs(const struct scan_roots *roots, struct have *h, const char *pf_addr)
{
	struct scan s = { .roots = roots, .have = h };
	int changed = scan_function(roots, h, pf_addr);
	const struct function *pf = have_function(h, pf_addr);
	if (changed < 0 || !pf)
		return changed;

	/* Those that left first; then each that a link names. */
	for (size_t i = 0; i < h->n_functions;) {
		char path[PATH_SIZE];
		const struct function *f = &h->functions[i];
		bool ours = f->is_vf && str_eq(f->pf, pf_addr);
		if (ours && STR_FORMAT(path, "devices/%s", f->path) >= 0 &&
		    !sysfs_exists(roots->sysfs, path)) {
			have_remove_function(h, f->addr);
			changed = 1;
		} else {
			i++;
		}
	}
	char pf_path[SYS_PATH_SIZE], addr[PCI_ADDR_SIZE];
	(void)STR_COPY(pf_path, have_function(h, pf_addr)->path);
	for (int i = 0; i < UINT16_MAX && vf_addr_at(roots, pf_path, i, addr) >= 0; i++) {
		int r = scan_function(roots, h, addr);
		if (r < 0)
			return r;
		changed |= r;
	}
	pf = have_function(h, pf_addr);
	if (pf)
		read_vf_links(&s, pf);
	return changed;
}

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

/* mdev_type is made last: an mdev without it is not finished, and shown without a type. */
static int add_mdev(const char *name, void *userdata)
{
	const struct scan *s = userdata;
	char path[PATH_SIZE], target[PATH_SIZE];
	if (!uuid_valid(name) || STR_FORMAT(path, "bus/mdev/devices/%s", name) < 0 ||
	    sysfs_link_direct(s->roots->sysfs, path, target, sizeof(target)) < 0)
		return 0;
	char *below = strstr(target, "devices/");
	char *last = strrchr(target, '/');
	if (!below || !last || last <= below)
		return 0;

	struct mdev *m = have_add_mdev(s->have);
	if (!m)
		return -ENOMEM;
	(void)STR_COPY(m->uuid, name);
	if (STR_FORMAT(path, "%s/iommu_group", below) >= 0)
		m->iommu_group = link_number(s, path);
	char type[PATH_SIZE];
	if (STR_FORMAT(path, "%s/mdev_type", below) >= 0 &&
	    sysfs_link_direct(s->roots->sysfs, path, type, sizeof(type)) >= 0) {
		const char *slash = strrchr(type, '/');
		(void)STR_COPY(m->type, slash ? slash + 1 : type);
	}
	*last = '\0';
	(void)device_key_from_path(below + strlen("devices/"), m->parent);
	read_vfio_node(s, m->iommu_group, &m->vfio_node, &m->vfio_uid, &m->vfio_gid, &m->vfio_mode);
	return 0;
}

static void drop_types_of_gone(struct have *h)
{
	size_t kept = 0;
	for (size_t i = 0; i < h->n_types; i++)
		if (scan_device_path(h, h->types[i].parent))
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
	return r == -ENOENT ? 0 : r;
}

int scan_apply_config(struct have *h, const char *addrs, const void *data, size_t len)
{
	const uint8_t *at = data;
	while (*addrs) {
		char addr[PCI_ADDR_SIZE];
		size_t n = strcspn(addrs, " ");
		uint32_t size;
		if (n >= sizeof(addr) || len < sizeof(size))
			return -EBADMSG;
		memcpy(addr, addrs, n);
		addr[n] = '\0';
		memcpy(&size, at, sizeof(size));
		at += sizeof(size);
		len -= sizeof(size);
		if (size > len)
			return -EBADMSG;
		struct function *f = have_function(h, addr);
		if (f)
			pci_caps_parse(at, size, &f->caps);
		at += size;
		len -= size;
		addrs += n + strspn(addrs + n, " ");
	}
	return len == 0 ? 0 : -EBADMSG;
}

static bool text_ended(const char *field, size_t size)
{
	return memchr(field, '\0', size) != NULL;
}

int scan_apply_types(struct have *h, const char *parent_key, const void *data, size_t len)
{
	size_t n = len / sizeof(struct mdev_type), kept = 0;
	if (len % sizeof(struct mdev_type))
		return -EBADMSG;
	for (size_t i = 0; i < h->n_types; i++)
		if (!str_eq(h->types[i].parent, parent_key))
			h->types[kept++] = h->types[i];
	h->n_types = kept;
	for (size_t i = 0; i < n; i++) {
		struct mdev_type type;
		memcpy(&type, (const char *)data + i * sizeof(type), sizeof(type));
		if (!text_ended(type.id, sizeof(type.id)) ||
		    !text_ended(type.name, sizeof(type.name)) ||
		    !text_ended(type.api, sizeof(type.api)) ||
		    !text_ended(type.description, sizeof(type.description)))
			continue;
		struct mdev_type *t = have_add_type(h);
		if (!t)
			return -ENOMEM;
		*t = type;
		(void)STR_COPY(t->parent, parent_key);
	}
	return 0;
}

int scan_apply_vfs(struct have *h, const char *pf_key, const void *data, size_t len)
{
	size_t kept = 0, n = len / sizeof(struct vf_info);
	if (len % sizeof(struct vf_info))
		return -EBADMSG;
	for (size_t i = 0; i < h->n_vfs; i++)
		if (!str_eq(h->vfs[i].pf, pf_key))
			h->vfs[kept++] = h->vfs[i];
	h->n_vfs = kept;
	for (size_t i = 0; i < n; i++) {
		struct vf_info *v = have_add_vf_info(h);
		if (!v)
			return -ENOMEM;
		memcpy(v, (const char *)data + i * sizeof(*v), sizeof(*v));
		(void)STR_COPY(v->pf, pf_key);
	}
	return 0;
}

const char *scan_device_path(const struct have *h, const char *key)
{
	const struct function *f = have_device(h, key);
	if (f)
		return f->path;
	const struct mdev_parent *p = have_parent(h, key);
	return p ? p->path : NULL;
}
