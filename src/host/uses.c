/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See uses.h. */
#include "host/uses.h"

#include <errno.h>
#include <net/if.h>
#include <stdio.h>

#include "base/num.h"
#include "base/str.h"
#include "sys/sysfs.h"

#define FULL_PATH_SIZE (SYS_PATH_SIZE + 96)

struct use_scan {
	const struct host_roots *roots;
	const char *path, *addr;
	struct holder_list *list;
	unsigned seen; /* things of that class below the function, used or not */
	char sub[FULL_PATH_SIZE];
};

int uses_class_path(int sysfs, const char *link, char *ret, size_t size)
{
	char target[FULL_PATH_SIZE];
	int r = sysfs_link(sysfs, link, target, sizeof(target));
	if (r < 0)
		return r;
	const char *below = strstr(target, "devices/");
	return below ? str_copy(ret, size, below + strlen("devices/")) : -EINVAL;
}

static bool class_entry_below(const struct use_scan *s, const char *class, const char *name)
{
	char link[FULL_PATH_SIZE], path[FULL_PATH_SIZE];
	return STR_FORMAT(link, "class/%s/%s", class, name) == 0 &&
	       uses_class_path(s->roots->sysfs, link, path, sizeof(path)) == 0 &&
	       device_path_below(path, s->path);
}

static int list_optional(int sysfs, const char *path, int (*fn)(const char *, void *), void *data)
{
	int r = sysfs_list(sysfs, path, fn, data);
	return r == -ENOENT ? 0 : r;
}

/* --- displays --------------------------------------------------------------------------------- */

static bool attribute_is(int sysfs, const char *dir, const char *name, const char *value)
{
	char full[FULL_PATH_SIZE + 32], text[64];
	return STR_FORMAT(full, "%s/%s", dir, name) == 0 &&
	       sysfs_read(sysfs, full, text, sizeof(text)) >= 0 && str_eq(text, value);
}

static int connector_visit(const char *name, void *userdata)
{
	struct use_scan *s = userdata;
	char dir[FULL_PATH_SIZE + 64];
	if (!str_after(name, "card") || !strchr(name, '-') ||
	    STR_FORMAT(dir, "%s/%s", s->sub, name) < 0)
		return 0;
	if (attribute_is(s->roots->sysfs, dir, "status", "connected") &&
	    attribute_is(s->roots->sysfs, dir, "enabled", "enabled"))
		holder_list_add(s->list, HOLDER_DISPLAY, s->addr, "screen lit on %s", name)
			->never_touch = 1;
	return 0;
}

static int card_visit(const char *name, void *userdata)
{
	struct use_scan *s = userdata;
	if (!str_after(name, "card"))
		return 0;
	if (STR_FORMAT(s->sub, "devices/%s/drm/%s", s->path, name) < 0)
		return -ENAMETOOLONG;
	return list_optional(s->roots->sysfs, s->sub, connector_visit, s);
}

static int vtconsole_visit(const char *name, void *userdata)
{
	struct use_scan *s = userdata;
	char full[FULL_PATH_SIZE], text[64];
	if (STR_FORMAT(full, "class/vtconsole/%s/name", name) < 0 ||
	    sysfs_read(s->roots->sysfs, full, text, sizeof(text)) < 0 ||
	    !strstr(text, "frame buffer") || STR_FORMAT(full, "class/vtconsole/%s", name) < 0)
		return 0;
	if (attribute_is(s->roots->sysfs, full, "bind", "1"))
		holder_list_add(s->list, HOLDER_CONSOLE, s->addr, "text console on fb0")
			->never_touch = 1;
	return 0;
}

static int find_displays(struct use_scan *s)
{
	char dir[FULL_PATH_SIZE];
	if (STR_FORMAT(dir, "devices/%s", s->path) < 0)
		return -ENAMETOOLONG;
	if (attribute_is(s->roots->sysfs, dir, "boot_vga", "1"))
		holder_list_add(s->list, HOLDER_DISPLAY, s->addr, "boot display")->never_touch = 1;
	if (STR_FORMAT(dir, "devices/%s/drm", s->path) < 0)
		return -ENAMETOOLONG;
	int r = list_optional(s->roots->sysfs, dir, card_visit, s);
	/* The kernel puts its text console on the first frame buffer only (fbcon.rst). */
	if (r == 0 && class_entry_below(s, "graphics", "fb0"))
		r = list_optional(s->roots->sysfs, "class/vtconsole", vtconsole_visit, s);
	return r;
}

/* --- consoles and keyboards ------------------------------------------------------------------- */

static int find_consoles(struct use_scan *s)
{
	char text[4096], *save = NULL;
	ssize_t n = sysfs_read(s->roots->proc, "consoles", text, sizeof(text));
	if (n == -ENOENT)
		return 0;
	if (n < 0)
		return (int)n;
	for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		line[strcspn(line, " ")] = '\0';
		if (class_entry_below(s, "tty", line))
			holder_list_add(s->list, HOLDER_CONSOLE, s->addr, "kernel console %s", line)
				->never_touch = 1;
	}
	return 0;
}

static int input_visit(const char *name, void *userdata)
{
	struct use_scan *s = userdata;
	if (str_after(name, "event") && class_entry_below(s, "input", name))
		holder_list_add(s->list, HOLDER_CONSOLE, s->addr, "input device %s", name);
	return 0;
}

/* --- network ---------------------------------------------------------------------------------- */

static int upper_visit(const char *name, void *userdata)
{
	struct use_scan *s = userdata;
	const char *upper = str_after(name, "upper_");
	if (upper)
		holder_list_add(s->list, HOLDER_NETDEV, s->addr, "%s carries %s", s->sub, upper)
			->never_touch = 1;
	return 0;
}

static void netdev_note(struct use_scan *s, const char *name, const char *why)
{
	holder_list_add(s->list, HOLDER_NETDEV, s->addr, "%s %s", name, why)->never_touch = 1;
}

/* An interface that is up is in use. One that is down has no route and its address reaches nobody,
 * but it may still be a port of a bridge or bond, or carry a VLAN. */
static int netdev_visit(const char *name, void *userdata)
{
	struct use_scan *s = userdata;
	char full[FULL_PATH_SIZE], master[NAME_SIZE];
	uint64_t flags;
	if (!class_entry_below(s, "net", name))
		return 0;
	s->seen++;

	if (STR_FORMAT(full, "class/net/%s/master", name) == 0 &&
	    sysfs_link_name(s->roots->sysfs, full, master, sizeof(master)) == 0)
		holder_list_add(s->list, HOLDER_NETDEV, s->addr, "%s is a port of %s", name, master)
			->never_touch = 1;
	if (STR_FORMAT(full, "class/net/%s/flags", name) < 0)
		return -ENAMETOOLONG;
	int r = sysfs_read_u64(s->roots->sysfs, full, 0, &flags);
	if (r == -ENOENT)
		return 0;
	if (r < 0)
		return r;
	if (flags & IFF_UP)
		netdev_note(s, name, "is up");
	if (STR_FORMAT(full, "class/net/%s", name) < 0 || STR_COPY(s->sub, name) < 0)
		return -ENAMETOOLONG;
	return list_optional(s->roots->sysfs, full, upper_visit, s);
}

static bool driver_is_placeholder(const char *driver)
{
	return driver_is_vfio(driver) || str_eq(driver, "pci-stub") ||
	       str_after(driver, "uio") != NULL || str_eq(driver, "igb_uio") ||
	       str_eq(driver, "pci-pf-stub");
}

/* An interface that was moved to another network namespace is not in this /sys any more: a NIC with a
 * driver and no interface is taken to be in use there. */
static int find_netdevs(struct use_scan *s, uint32_t class, const char *driver)
{
	int r = list_optional(s->roots->sysfs, "class/net", netdev_visit, s);
	if (r == 0 && s->seen == 0 && pci_class_is(class, PCI_BASE_NETWORK) &&
	    !driver_is_placeholder(driver))
		netdev_note(s, driver, "has its interface in another network namespace");
	return r;
}

int uses_find(const struct host_roots *r, const char *path, const char *addr,
	      struct holder_list *ret)
{
	struct use_scan s = { .roots = r, .path = path, .addr = addr, .list = ret };
	char driver[NAME_SIZE], full[FULL_PATH_SIZE];
	uint64_t class = 0;
	int q = find_displays(&s);
	device_driver(r->sysfs, path, driver);
	if (q < 0 || !driver[0])
		return q;
	if (STR_FORMAT(full, "devices/%s/class", path) == 0)
		(void)sysfs_read_u64(r->sysfs, full, 0, &class);

	q = find_consoles(&s);
	if (q == 0)
		q = find_netdevs(&s, (uint32_t) class, driver);
	if (q == 0 && class >> 8 == 0x0c03)
		q = list_optional(r->sysfs, "class/input", input_visit, &s);
	if (q == 0)
		q = uses_find_block(r, path, addr, ret);
	return q;
}
