/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See resolve.h. */
#include "host/resolve.h"

#include <errno.h>
#include <stdio.h>

#include "base/num.h"
#include "base/str.h"
#include "sys/sysfs.h"

/* Room for "devices/" or "bus/pci/devices/" and an attribute around a path. */
#define FULL_PATH_SIZE (SYS_PATH_SIZE + 96)

static bool is_hex(const char *s, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!((s[i] >= '0' && s[i] <= '9') || (s[i] >= 'a' && s[i] <= 'f')))
			return false;
	return true;
}

/* "0000:00" with a domain of 4 to 8 digits; returns its length or 0. */
static size_t root_bus_len(const char *s)
{
	size_t domain = strcspn(s, ":/");
	if (domain < 4 || domain > 8 || s[domain] != ':' || !is_hex(s, domain))
		return 0;
	const char *bus = s + domain + 1;
	if (strlen(bus) < 2 || !is_hex(bus, 2))
		return 0;
	return domain + 3;
}

/* "03.0" */
static bool is_dev_fn(const char *s)
{
	return strlen(s) >= 4 && is_hex(s, 2) && s[2] == '.' && s[3] >= '0' && s[3] <= '7';
}

static bool pci_chain_valid(const char *s)
{
	size_t n = root_bus_len(s);
	if (n == 0 || s[n] != '/')
		return false;
	for (s += n; *s == '/'; s += 5)
		if (!is_dev_fn(s + 1))
			return false;
	return *s == '\0';
}

/* Components of plain characters; none empty, "." or "..". */
static bool sys_path_valid(const char *s)
{
	do {
		size_t n = strcspn(s, "/");
		if (n == 0 || (n == 1 && s[0] == '.') || (n == 2 && s[0] == '.' && s[1] == '.'))
			return false;
		for (size_t i = 0; i < n; i++)
			if (s[i] <= ' ' || s[i] > '~' || s[i] == '#')
				return false;
		s += n;
	} while (*s++ == '/');
	return true;
}

bool device_key_valid(const char *key)
{
	if (strlen(key) >= DEVICE_KEY_SIZE)
		return false;
	const char *chain = str_after(key, "pci:");
	if (chain)
		return pci_chain_valid(chain);
	const char *path = str_after(key, "sys:");
	return path && sys_path_valid(path);
}

/* What is below /sys/devices in the target of a link that goes there. */
static const char *devices_part(const char *link)
{
	const char *p = strstr(link, "devices/");
	return p ? p + strlen("devices/") : NULL;
}

/* The directory of a root bus. It is below /sys/devices itself on most machines, and below a
 * platform device on others: there the class link knows. */
static int root_bus_path(int sysfs, const char *bus, char ret[SYS_PATH_SIZE])
{
	char full[FULL_PATH_SIZE], path[SYS_PATH_SIZE];
	if (STR_FORMAT(path, "pci%s", bus) < 0 || STR_FORMAT(full, "devices/%s", path) < 0)
		return -EINVAL;
	if (sysfs_exists(sysfs, full))
		return str_copy(ret, SYS_PATH_SIZE, path);

	char link[SYS_PATH_SIZE + 32];
	if (STR_FORMAT(full, "class/pci_bus/%s", bus) < 0)
		return -EINVAL;
	if (sysfs_link(sysfs, full, link, sizeof(link)) < 0)
		return -ENODEV;
	const char *below = devices_part(link);
	char *end = below ? strstr(link, "/pci_bus/") : NULL;
	if (!end)
		return -ENODEV;
	*end = '\0';
	return str_copy(ret, SYS_PATH_SIZE, below);
}

struct child_search {
	int sysfs;
	const char *parent;
	const char *dev_fn;
	char found[PCI_ADDR_SIZE];
	unsigned n;
};

/* VFs may lie on the bus after their PF's and then show up in the same directory with the same device
 * and function number: they are told apart by their link to the PF. */
static int child_visit(const char *name, void *userdata)
{
	struct child_search *s = userdata;
	if (!pci_addr_valid(name) || !str_eq(name + strlen(name) - 4, s->dev_fn))
		return 0;
	char full[FULL_PATH_SIZE];
	if (STR_FORMAT(full, "devices/%s/%s/physfn", s->parent, name) < 0)
		return -ENAMETOOLONG;
	if (sysfs_exists(s->sysfs, full))
		return 0;
	s->n++;
	return STR_COPY(s->found, name);
}

static int child_find(int sysfs, const char *parent, const char *dev_fn, char ret[PCI_ADDR_SIZE])
{
	struct child_search s = { .sysfs = sysfs, .parent = parent, .dev_fn = dev_fn };
	char full[FULL_PATH_SIZE];
	if (STR_FORMAT(full, "devices/%s", parent) < 0)
		return -ENAMETOOLONG;
	int r = sysfs_list(sysfs, full, child_visit, &s);
	if (r == -ENOENT || (r == 0 && s.n == 0))
		return -ENODEV;
	if (r < 0)
		return r;
	if (s.n > 1)
		return -ENOTUNIQ;
	return str_copy(ret, PCI_ADDR_SIZE, s.found);
}

struct inner_bus_search {
	char found[NAME_SIZE];
	unsigned n;
};

static int inner_bus_visit(const char *name, void *userdata)
{
	struct inner_bus_search *s = userdata;
	const char *bus = str_after(name, "pci");
	if (!bus || !root_bus_len(bus) || bus[root_bus_len(bus)])
		return 0;
	s->n++;
	return STR_COPY(s->found, name);
}

static int path_append(char path[SYS_PATH_SIZE], const char *name)
{
	size_t len = strlen(path);
	return str_format(path + len, SYS_PATH_SIZE - len, "/%s", name);
}

/* A function that is a root bus itself (VMD): the bus is no part of the key, see model/pci.h. Returns 1
 * when path has been led into it. */
static int inner_bus_enter(int sysfs, char path[SYS_PATH_SIZE])
{
	struct inner_bus_search s = { .n = 0 };
	char full[FULL_PATH_SIZE];
	if (STR_FORMAT(full, "devices/%s", path) < 0)
		return -ENAMETOOLONG;
	int r = sysfs_list(sysfs, full, inner_bus_visit, &s);
	if (r < 0 || s.n != 1)
		return r < 0 ? r : 0;
	r = path_append(path, s.found);
	return r < 0 ? r : 1;
}

/* One level down. */
static int child_enter(int sysfs, const char *dev_fn, char path[SYS_PATH_SIZE],
		       char ret_addr[PCI_ADDR_SIZE])
{
	int r = child_find(sysfs, path, dev_fn, ret_addr);
	if (r == -ENODEV && inner_bus_enter(sysfs, path) > 0)
		r = child_find(sysfs, path, dev_fn, ret_addr);
	return r < 0 ? r : path_append(path, ret_addr);
}

static int resolve_pci(int sysfs, const char *chain, char ret_path[SYS_PATH_SIZE],
		       char ret_addr[PCI_ADDR_SIZE])
{
	char bus[16], path[SYS_PATH_SIZE], addr[PCI_ADDR_SIZE] = "";
	size_t n = root_bus_len(chain);
	memcpy(bus, chain, n);
	bus[n] = '\0';
	int r = root_bus_path(sysfs, bus, path);
	if (r < 0)
		return r;

	for (const char *p = chain + n; *p == '/'; p += 5) {
		char dev_fn[5];
		memcpy(dev_fn, p + 1, 4);
		dev_fn[4] = '\0';
		r = child_enter(sysfs, dev_fn, path, addr);
		if (r < 0)
			return r;
	}
	memcpy(ret_path, path, sizeof(path));
	memcpy(ret_addr, addr, sizeof(addr));
	return 0;
}

static int resolve_sys(int sysfs, const char *path, char ret_path[SYS_PATH_SIZE],
		       char ret_addr[PCI_ADDR_SIZE])
{
	char full[FULL_PATH_SIZE];
	if (STR_FORMAT(full, "devices/%s", path) < 0)
		return -EINVAL;
	if (!sysfs_exists(sysfs, full))
		return -ENODEV;
	ret_addr[0] = '\0';
	return str_copy(ret_path, SYS_PATH_SIZE, path);
}

int resolve_device(int sysfs, const char *key, char ret_path[SYS_PATH_SIZE],
		   char ret_addr[PCI_ADDR_SIZE])
{
	if (!device_key_valid(key))
		return -EINVAL;
	const char *rest = str_after(key, "pci:");
	if (rest)
		return resolve_pci(sysfs, rest, ret_path, ret_addr);
	return resolve_sys(sysfs, key + strlen("sys:"), ret_path, ret_addr);
}

/* virtfn3 -> ../0000:3b:00.5, beside the PF (Linux 6.12 drivers/pci/iov.c pci_iov_sysfs_link). */
static int resolve_vf(int sysfs, int32_t vf, struct resolved *r)
{
	char full[FULL_PATH_SIZE], addr[PCI_ADDR_SIZE], path[SYS_PATH_SIZE];
	if (STR_FORMAT(full, "devices/%s/virtfn%d", r->device_path, vf) < 0)
		return -EINVAL;
	if (sysfs_link_name(sysfs, full, addr, sizeof(addr)) < 0)
		return -ENODEV;
	if (!pci_addr_valid(addr))
		return -EINVAL;

	memcpy(path, r->device_path, sizeof(path));
	char *slash = strrchr(path, '/');
	if (!slash)
		return -EINVAL;
	*slash = '\0';
	if (path_append(path, addr) < 0 || STR_FORMAT(full, "devices/%s", path) < 0)
		return -EINVAL;
	if (!sysfs_exists(sysfs, full))
		return -ENODEV;
	memcpy(r->path, path, sizeof(path));
	memcpy(r->addr, addr, sizeof(addr));
	return 0;
}

static int resolve_mdev(int sysfs, const char *uuid, struct resolved *r)
{
	if (!uuid_valid(uuid))
		return -EINVAL;
	char full[FULL_PATH_SIZE];
	r->addr[0] = '\0';
	if (path_append(r->path, uuid) < 0 || STR_FORMAT(full, "devices/%s", r->path) < 0)
		return -EINVAL;
	r->exists = sysfs_exists(sysfs, full);
	if (r->exists)
		return 0;
	if (STR_FORMAT(full, "bus/mdev/devices/%s", uuid) < 0)
		return -EINVAL;
	return sysfs_exists(sysfs, full) ? -EXDEV : 0;
}

int resolve_target(int sysfs, const struct target *t, struct resolved *ret)
{
	struct resolved r = { .exists = true };
	int q = resolve_device(sysfs, t->device, r.device_path, r.device_addr);
	if (q < 0)
		return q;
	memcpy(r.path, r.device_path, sizeof(r.path));
	memcpy(r.addr, r.device_addr, sizeof(r.addr));

	if (t->vf >= 0)
		q = resolve_vf(sysfs, t->vf, &r);
	if (q == 0 && t->uuid[0])
		q = resolve_mdev(sysfs, t->uuid, &r);
	*ret = r;
	return q;
}

static int read_id(int sysfs, const char *path, const char *name, uint16_t *ret)
{
	char full[FULL_PATH_SIZE];
	uint64_t value;
	if (STR_FORMAT(full, "devices/%s/%s", path, name) < 0)
		return -EINVAL;
	int r = sysfs_read_u64(sysfs, full, 0, &value);
	if (r < 0)
		return r;
	if (value > UINT16_MAX)
		return -EINVAL;
	*ret = (uint16_t)value;
	return 0;
}

int resolve_identity(int sysfs, const char *path, const char *addr, bool with_serial,
		     struct function *ret)
{
	struct function f = { .iommu_group = -1, .numa_node = -1, .vf_index = -1 };
	if (STR_COPY(f.path, path) < 0 || STR_COPY(f.addr, addr) < 0)
		return -EINVAL;
	int r = read_id(sysfs, path, "vendor", &f.vendor);
	if (r == 0)
		r = read_id(sysfs, path, "device", &f.device);
	if (r < 0)
		return r;
	if (with_serial) {
		uint8_t config[4096];
		char full[FULL_PATH_SIZE];
		if (STR_FORMAT(full, "devices/%s/config", path) < 0)
			return -EINVAL;
		ssize_t n = sysfs_read_bytes(sysfs, full, config, sizeof(config));
		if (n < 0)
			return (int)n;
		pci_caps_parse(config, (size_t)n, &f.caps);
	}
	*ret = f;
	return 0;
}
