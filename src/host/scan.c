/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * See scan.h. Counted in system calls per function: place 1 (not for VFs: the PF's link says it), uevent
 * 3, IOMMU group 1, link of the VF or the end of the VF links 1, group type 3 once per group, owner of
 * the node 1 when bound to VFIO, config space (in the worker) 3: at most 12. NUMA node 3 once per root
 * bus and boot_vga 3 for a display are paid for by bridges, whose groups are not asked and who have no
 * VFs. tests/unit/test-scan.c counts.
 */
#include "host/scan-internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/num.h"
#include "base/str.h"
#include "sys/sysfs.h"

static int function_path(const struct function *f, const char *file, char *ret)
{
	return str_format(ret, PATH_SIZE, "devices/%s/%s", f->path, file);
}

static int set_place(struct function *f, const char *path)
{
	int r = STR_COPY(f->path, path);
	if (r < 0)
		return r;
	/* The component above: a bridge, or "pci0000:00" on a root bus. */
	const char *last = strrchr(f->path, '/');
	const char *above = last;
	while (above && above > f->path && above[-1] != '/')
		above--;
	size_t len = last && above ? (size_t)(last - above) : 0;
	if (len > 0 && len < sizeof(f->parent)) {
		memcpy(f->parent, above, len);
		f->parent[len] = '\0';
		if (!pci_addr_valid(f->parent))
			memset(f->parent, 0, sizeof(f->parent));
	}
	r = device_key_from_path(f->path, f->key);
	if (r < 0)
		memset(f->path, 0, sizeof(f->path));
	return r;
}

/* "../../../devices/pci0000:00/0000:00:03.0/0000:01:00.0" */
static int read_place(const struct scan *s, struct function *f)
{
	char path[PATH_SIZE], target[PATH_SIZE];
	int r = STR_FORMAT(path, "bus/pci/devices/%s", f->addr);
	if (r >= 0)
		r = sysfs_link_direct(s->roots->sysfs, path, target, sizeof(target));
	if (r < 0)
		return r;
	const char *below = strstr(target, "devices/");
	return below ? set_place(f, below + strlen("devices/")) : -EINVAL;
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

int scan_link_number(const struct scan *s, const char *path)
{
	char target[PATH_SIZE];
	uint64_t n;
	if (sysfs_link_direct(s->roots->sysfs, path, target, sizeof(target)) < 0)
		return -1;
	const char *slash = strrchr(target, '/');
	return slash && num_parse(slash + 1, 10, INT32_MAX, &n) >= 0 ? (int)n : -1;
}

#define GROUPS_REMEMBERED 65536

/* Where the type of a group is kept during a scan of everything; NULL: nowhere. */
static char *group_type_kept(const struct scan *s, int group)
{
	struct scan_memory *m = s->memory;
	if (!m || group >= GROUPS_REMEMBERED)
		return NULL;
	if ((size_t)group >= m->n_group_types) {
		size_t n = ((size_t)group + 256) & ~(size_t)255;
		char(*more)[16] = reallocarray(m->group_types, n, sizeof(*more));
		if (!more)
			return NULL;
		memset(more + m->n_group_types, 0, (n - m->n_group_types) * sizeof(*more));
		m->group_types = more;
		m->n_group_types = n;
	}
	return m->group_types[group];
}

static void read_group(const struct scan *s, struct function *f)
{
	char path[PATH_SIZE];
	if (function_path(f, "iommu_group", path) < 0)
		return;
	f->iommu_group = scan_link_number(s, path);
	if (f->iommu_group < 0 || pci_is_bridge(f->class))
		return;
	char *kept = group_type_kept(s, f->iommu_group);
	if (kept && *kept) {
		(void)STR_COPY(f->group_type, kept);
		return;
	}
	if (STR_FORMAT(path, "kernel/iommu_groups/%d/type", f->iommu_group) < 0 ||
	    sysfs_read(s->roots->sysfs, path, f->group_type, sizeof(f->group_type)) < 0)
		f->group_type[0] = '\0';
	if (kept)
		memcpy(kept, f->group_type, sizeof(f->group_type));
}

void scan_read_node(const struct scan *s, int group, struct scan_node *ret)
{
	char path[64];
	struct stat st;
	*ret = (struct scan_node){ 0 };
	if (group < 0 || STR_FORMAT(path, "vfio/%d", group) < 0 ||
	    fstatat(s->roots->dev, path, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return;
	*ret = (struct scan_node){ true, st.st_uid, st.st_gid, st.st_mode & 07777 };
}

/* Node of the root bus, as read before; or of another function below it. */
static bool numa_known(const struct scan *s, const struct function *f, int *ret)
{
	const struct have *h = s->have;
	size_t len = strcspn(f->path, "/");
	if (s->memory && s->memory->numa_root[0] && str_after(f->path, s->memory->numa_root)) {
		*ret = s->memory->numa;
		return true;
	}
	for (size_t i = 0; i < h->n_functions; i++) {
		const struct function *g = &h->functions[i];
		if (str_eq(g->addr, f->addr) || strncmp(g->path, f->path, len + 1) != 0)
			continue;
		*ret = g->numa_node;
		return true;
	}
	return false;
}

/* A function has the node of its bus, a bus that of the bus above (pci_device_add(), drivers/pci/probe.c):
 * read once per root bus. Host bridges below one platform device are not told apart by the path. */
static void read_numa(const struct scan *s, struct function *f)
{
	char path[PATH_SIZE];
	bool root_bus = strncmp(f->path, "pci", 3) == 0;
	if (!root_bus || !numa_known(s, f, &f->numa_node)) {
		if (function_path(f, "numa_node", path) < 0 ||
		    sysfs_read_int(s->roots->sysfs, path, &f->numa_node) < 0)
			f->numa_node = -1;
	}
	if (!s->memory || !root_bus)
		return;
	s->memory->numa = f->numa_node;
	(void)STR_FORMAT(s->memory->numa_root, "%.*s/", (int)strcspn(f->path, "/"), f->path);
}

static void read_boot_vga(const struct scan *s, struct function *f)
{
	char path[PATH_SIZE];
	uint64_t v = 0;
	if (f->class >> 8 != 0x0300) /* VGA; others have no such file */
		return;
	if (function_path(f, "boot_vga", path) >= 0)
		(void)sysfs_read_u64(s->roots->sysfs, path, 10, &v);
	f->boot_vga = v == 1;
}

static void read_node(const struct scan *s, struct function *f)
{
	struct scan_node node = { 0 };
	if (driver_is_vfio(f->driver))
		scan_read_node(s, f->iommu_group, &node);
	f->vfio_node = node.there;
	f->vfio_uid = node.uid;
	f->vfio_gid = node.gid;
	f->vfio_mode = node.mode;
}

/* Fills f, whose addr is set. What is gone meanwhile is an error, what is missing is not. */
static int read_function(const struct scan *s, struct function *f)
{
	int r = f->path[0] ? 0 : read_place(s, f);
	if (r >= 0)
		r = read_uevent(s, f);
	if (r < 0)
		return r;
	read_group(s, f);
	read_numa(s, f);
	read_boot_vga(s, f);
	read_node(s, f);
	return 0;
}

static bool link_addr(const struct scan *s, const char *path, const char *file,
		      char ret[PCI_ADDR_SIZE])
{
	char link[PATH_SIZE], target[PATH_SIZE];
	if (STR_FORMAT(link, "devices/%s/%s", path, file) < 0 ||
	    sysfs_link_direct(s->roots->sysfs, link, target, sizeof(target)) < 0)
		return false;
	const char *slash = strrchr(target, '/');
	return str_copy(ret, PCI_ADDR_SIZE, slash ? slash + 1 : target) >= 0;
}

static bool vf_link_addr(const struct scan *s, const char *pf_path, int index,
			 char ret[PCI_ADDR_SIZE])
{
	char file[32];
	return STR_FORMAT(file, "virtfn%d", index) >= 0 && link_addr(s, pf_path, file, ret);
}

/* The kernel's sriov_numvfs takes the device lock, which a stuck write holds for ever (F33): what is
 * known of a PF's count comes from the links of its VFs. */
static void count_vfs(struct have *h, const char *pf_addr)
{
	struct function *pf = have_function(h, pf_addr);
	if (!pf || !pf->caps.known || !pf->caps.sriov)
		return;
	pf->caps.sriov_num = (uint16_t)have_vf_count(h, pf_addr);
	pf->caps.sriov_enabled = pf->caps.sriov_num > 0;
}

static void set_vf(struct function *vf, const char *pf_addr, int index)
{
	vf->is_vf = true;
	vf->vf_index = index;
	(void)STR_COPY(vf->pf, pf_addr);
}

/* A VF sits beside its PF, below the same bridge: the link is "../<address>". */
static void set_place_beside(struct function *vf, const struct function *pf)
{
	char path[SYS_PATH_SIZE];
	const char *last = strrchr(pf->path, '/');
	if (!vf->path[0] && last &&
	    STR_FORMAT(path, "%.*s/%s", (int)(last - pf->path), pf->path, vf->addr) >= 0)
		(void)set_place(vf, path);
}

/* virtfn<N> of the PF is the truth about its VFs: physfn of a VF appears later than its uevent. */
static void read_vf_links(const struct scan *s, const struct function *pf)
{
	char addr[PCI_ADDR_SIZE];
	for (int i = 0; i < UINT16_MAX && vf_link_addr(s, pf->path, i, addr); i++) {
		struct function *vf = have_function(s->have, addr);
		if (!vf || vf == pf)
			continue;
		set_vf(vf, pf->addr, i);
		set_place_beside(vf, pf);
	}
}

/* RID of VF i = RID of the PF + offset + i * stride (SR-IOV 1.1, 2.1.2). A guess: the link decides. */
static int guess_index(const struct function *pf, const char *vf_addr)
{
	const struct pci_caps *c = &pf->caps;
	unsigned first = pci_addr_rid(pf->addr) + c->sriov_offset, rid = pci_addr_rid(vf_addr);
	if (!c->sriov || !c->sriov_stride || rid < first)
		return 0;
	return (int)((rid - first) / c->sriov_stride);
}

static int find_index(const struct scan *s, const struct function *pf, const char *vf_addr)
{
	char addr[PCI_ADDR_SIZE];
	int guess = guess_index(pf, vf_addr);
	if (vf_link_addr(s, pf->path, guess, addr) && str_eq(addr, vf_addr))
		return guess;
	for (int i = 0; i < UINT16_MAX && vf_link_addr(s, pf->path, i, addr); i++)
		if (str_eq(addr, vf_addr))
			return i;
	return -1;
}

/* Of a single function: its PF, by its own link. A VF whose link is not there yet is told of again. */
static void read_pf_link(const struct scan *s, struct function *f)
{
	char addr[PCI_ADDR_SIZE];
	if (!link_addr(s, f->path, "physfn", addr))
		return;
	const struct function *pf = have_function(s->have, addr);
	set_vf(f, addr, pf ? find_index(s, pf, f->addr) : -1);
}

static int add_name(const char *name, void *userdata)
{
	struct have *h = userdata;
	if (!pci_addr_valid(name))
		return 0;
	struct function *f = have_add_function(h);
	return f ? STR_COPY(f->addr, name) : -ENOMEM;
}

/* A PF's driver may allow fewer VFs than the capability says (pci_sriov_set_totalvfs(); igb: 7 of 8): more
 * are refused with ERANGE. This one takes no lock (sriov_totalvfs_show(), drivers/pci/iov.c). */
static bool read_vf_limit(const struct scan *s, struct function *f)
{
	char path[PATH_SIZE];
	uint64_t total;
	if (!f->caps.known || !f->caps.sriov || function_path(f, "sriov_totalvfs", path) < 0 ||
	    sysfs_read_u64(s->roots->sysfs, path, 10, &total) < 0 || total > UINT16_MAX ||
	    total == f->caps.sriov_total)
		return false;
	f->caps.sriov_total = (uint16_t)total;
	return true;
}

static int read_vf_limits(const struct scan *s)
{
	int changed = 0;
	for (size_t i = 0; i < s->have->n_functions; i++)
		changed |= read_vf_limit(s, &s->have->functions[i]);
	return changed;
}

int scan_vf_limits(const struct scan_roots *roots, struct have *h, const char *addrs)
{
	const struct scan s = { .roots = roots, .have = h };
	char addr[PCI_ADDR_SIZE];
	int changed = 0;
	for (size_t len; (len = strcspn(addrs, " ")) > 0; addrs += len + (addrs[len] == ' ')) {
		struct function *f = str_format(addr, sizeof(addr), "%.*s", (int)len, addrs) == 0
					     ? have_function(h, addr)
					     : NULL;
		changed |= f && read_vf_limit(&s, f);
	}
	return changed;
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
		if (!was || !same_function(was, f))
			continue;
		f->caps = was->caps;
		count_vfs(h, f->addr);
	}
}

void scan_count_types(struct have *h)
{
	for (size_t i = 0; i < h->n_functions; i++) {
		struct function *f = &h->functions[i];
		unsigned n = 0;
		for (size_t t = 0; f->mdev_parent && t < h->n_types; t++)
			n += str_eq(h->types[t].parent, f->key);
		if (n)
			f->mdev_parent = n;
	}
}

bool scan_is_parent(const struct have *h, const char *key)
{
	const struct function *f = have_device(h, key);
	return f ? f->mdev_parent > 0 : have_parent(h, key) != NULL;
}

static int keep_records(const struct have *old, struct have *h)
{
	for (size_t i = 0; i < old->n_types; i++) {
		if (!scan_is_parent(h, old->types[i].parent))
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
	return have_keep_gpus(old, h);
}

/* Functions that vanish between listing and reading are left out. A PF comes before its VFs in the order
 * of addresses, and says where they are. */
static void read_functions(const struct scan *s)
{
	struct have *h = s->have;
	for (size_t i = 0; i < h->n_functions;) {
		struct function *f = &h->functions[i];
		if (read_function(s, f) < 0) {
			have_remove_function(h, f->addr);
			continue;
		}
		if (!f->is_vf && !pci_is_bridge(f->class))
			read_vf_links(s, f);
		i++;
	}
}

int scan_all(const struct scan_roots *roots, const struct have *old, struct have *ret)
{
	struct have h = { 0 };
	struct scan_memory memory = { 0 };
	struct scan s = { .roots = roots, .have = &h, .memory = &memory };

	int r = sysfs_list(roots->sysfs, "bus/pci/devices", add_name, &h);
	if (r >= 0 || r == -ENOENT) {
		have_sort(&h);
		read_functions(&s);
		r = scan_mdevs(roots, &h);
	}
	free(memory.group_types);
	if (r >= 0 && old) {
		keep_known(old, &h);
		(void)read_vf_limits(&s);
		r = keep_records(old, &h);
	}
	if (r < 0) {
		have_done(&h);
		return r;
	}
	scan_count_types(&h);
	have_sort(&h);
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

static int function_gone(struct have *h, const char *addr)
{
	const struct function *was = have_function(h, addr);
	char pf[PCI_ADDR_SIZE];
	if (!was)
		return 0;
	(void)STR_COPY(pf, was->pf);
	drop_vfs(h, addr);
	have_remove_function(h, addr);
	if (pf[0])
		count_vfs(h, pf);
	return 1;
}

static int function_put(struct have *h, const struct function *new)
{
	struct function *f = have_function(h, new->addr);
	bool there = f != NULL;
	if (there && memcmp(f, new, sizeof(*f)) == 0)
		return 0;
	if (!there)
		f = have_add_function(h);
	if (!f)
		return -ENOMEM;
	memcpy(f, new, sizeof(*f));
	if (!there)
		have_sort(h);
	if (new->is_vf)
		count_vfs(h, new->pf);
	return 1;
}

int scan_function(const struct scan_roots *roots, struct have *h, const char *addr)
{
	struct scan s = { .roots = roots, .have = h };
	struct function new;
	memset(&new, 0, sizeof(new)); /* compared as a whole */
	new.iommu_group = new.numa_node = new.vf_index = -1;
	if (!pci_addr_valid(addr) || STR_COPY(new.addr, addr) < 0)
		return -EINVAL;

	int r = read_function(&s, &new);
	if (r == -ENOENT || r == -ENODEV)
		return function_gone(h, addr);
	if (r < 0)
		return r;
	read_pf_link(&s, &new);
	const struct function *was = have_function(h, addr);
	if (was && same_function(was, &new)) {
		memcpy(&new.caps, &was->caps, sizeof(new.caps));
		new.mdev_parent = was->mdev_parent;
		(void)read_vf_limit(&s, &new);
	}
	return function_put(h, &new);
}

static int drop_gone_vfs(const struct scan *s, const char *pf_addr)
{
	int changed = 0;
	for (size_t i = 0; i < s->have->n_functions;) {
		char path[PATH_SIZE];
		const struct function *f = &s->have->functions[i];
		bool ours = f->is_vf && str_eq(f->pf, pf_addr);
		if (ours && STR_FORMAT(path, "devices/%s", f->path) >= 0 &&
		    !sysfs_exists(s->roots->sysfs, path)) {
			have_remove_function(s->have, f->addr);
			changed = 1;
		} else {
			i++;
		}
	}
	return changed;
}

int scan_vfs(const struct scan_roots *roots, struct have *h, const char *pf_addr)
{
	struct scan s = { .roots = roots, .have = h };
	int changed = scan_function(roots, h, pf_addr);
	const struct function *pf = have_function(h, pf_addr);
	if (changed < 0 || !pf)
		return changed;

	char pf_path[SYS_PATH_SIZE], addr[PCI_ADDR_SIZE];
	(void)STR_COPY(pf_path, pf->path);
	changed |= drop_gone_vfs(&s, pf_addr);
	for (int i = 0; i < UINT16_MAX && vf_link_addr(&s, pf_path, i, addr); i++) {
		int r = scan_function(roots, h, addr);
		if (r < 0)
			return r;
		changed |= r;
	}
	pf = have_function(h, pf_addr);
	if (pf)
		read_vf_links(&s, pf);
	count_vfs(h, pf_addr);
	return changed;
}

const char *scan_device_path(const struct have *h, const char *key)
{
	const struct function *f = have_device(h, key);
	if (f)
		return f->path;
	const struct mdev_parent *p = have_parent(h, key);
	return p ? p->path : NULL;
}
