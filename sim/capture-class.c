/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What drivers made of functions: network interfaces, displays, sound, USB, accelerators. The
 * reading counterpart of class.c; only what that makes can be recorded.
 */
#include <errno.h>
#include <net/if.h>

#include "base/num.h"
#include "host/scan.h"
#include "policy/value.h"
#include "sim/capture-internal.h"
#include "sys/sysfs.h"

#define CONNECTORS_MAX 16
#define INTERFACE_MAX 15 /* IFNAMSIZ without the NUL */

/* --- network --------------------------------------------------------------------------------- */

static bool net_text(const struct capture *c, const char *name, const char *file, char *ret,
		     size_t size)
{
	char path[CAPTURE_PATH_SIZE];
	return STR_FORMAT(path, "class/net/%s/%s", name, file) >= 0 &&
	       sysfs_read(c->sys, path, ret, size) >= 0;
}

/* As the language wants a network interface to be named. */
static bool is_netdev(const char *name)
{
	return name[0] >= 'a' && name[0] <= 'z' && strlen(name) <= INTERFACE_MAX &&
	       policy_name_valid(name);
}

/* An address of one machine, which no other slot has. */
static int mac_read(struct capture *c, const char *name, struct host_slot *slot)
{
	char mac[64];
	uint8_t bytes[MAC_SIZE];
	if (!net_text(c, name, "address", mac, sizeof(mac)))
		return 0;
	if (mac_parse(mac, bytes) < 0 || !mac_is_unicast(bytes)) {
		capture_note(c, "the address of %s, which is none of Ethernet", slot->netdev);
		return 0;
	}
	if (c->anonymous)
		capture_hide_mac(c, mac);
	if (capture_has_text(c->macs, c->n_macs, mac)) {
		capture_note(c, "the address of %s, which another interface has", slot->netdev);
		return 0;
	}
	(void)STR_COPY(slot->mac, mac);
	return capture_add_text(c, &c->macs, &c->n_macs, mac);
}

static void master_read(struct capture *c, const char *name, struct host_slot *slot)
{
	char path[CAPTURE_PATH_SIZE], master[NAME_SIZE];
	if (STR_FORMAT(path, "class/net/%s/master", name) < 0 ||
	    sysfs_link_name(c->sys, path, master, sizeof(master)) < 0)
		return;
	if (c->anonymous)
		capture_hide_netdev(c, master);
	if (is_netdev(master))
		(void)STR_COPY(slot->master, master);
	else
		capture_note(c, "the bridge or bond above %s", slot->netdev);
}

static int interface_read(struct capture *c, const char *name, struct host_slot *slot)
{
	char text[32];
	uint64_t flags = 0;
	(void)STR_COPY(slot->netdev, name);
	if (c->anonymous)
		capture_hide_netdev(c, slot->netdev);
	if (!is_netdev(slot->netdev)) {
		capture_note(c, "an interface whose name a host file cannot hold");
		slot->netdev[0] = '\0';
	}
	if (net_text(c, name, "flags", text, sizeof(text)) &&
	    num_parse(text, 0, UINT32_MAX, &flags) >= 0)
		slot->up = flags & IFF_UP;
	master_read(c, name, slot);
	return mac_read(c, name, slot);
}

/* The first of them; representors and further ports come behind it. */
static int net_read(struct capture *c, const struct function *f, struct host_model *m,
		    struct host_slot *slot)
{
	const struct scan_roots roots = { .sysfs = c->sys, .dev = c->dev };
	char names[1024], *save = NULL;
	unsigned more = 0;
	if (scan_netdevs(&roots, f->path, names, sizeof(names)) < 0)
		names[0] = '\0';
	const char *first = strtok_r(names, " ", &save);
	while (first && strtok_r(NULL, " ", &save))
		more++;
	if (more)
		capture_note(c, "%u more network interfaces of %s", more, f->addr);
	if (!first && pci_class_is(f->class, PCI_BASE_NETWORK) &&
	    !driver_leaves_group_alone(f->driver))
		capture_note(c, "a network interface of %s: none is in this network namespace",
			     f->addr);
	m->net = first != NULL;
	return first ? interface_read(c, first, slot) : 0;
}

/* --- displays -------------------------------------------------------------------------------- */

static bool connector_is(const struct capture *c, const char *dir, const char *file,
			 const char *value)
{
	char path[CAPTURE_PATH_SIZE + 32], text[32];
	return STR_FORMAT(path, "%s/%s", dir, file) >= 0 &&
	       sysfs_read(c->sys, path, text, sizeof(text)) >= 0 && str_eq(text, value);
}

static int connector_read(struct capture *c, const char *card_dir, const char *entry,
			  const char *name, struct host_slot *slot)
{
	char dir[CAPTURE_PATH_SIZE];
	if (STR_FORMAT(dir, "%s/%s", card_dir, entry) < 0 || slot->n_connectors == CONNECTORS_MAX ||
	    !policy_name_valid(name)) {
		capture_note(c, "connector %s", entry);
		return 0;
	}
	struct host_connector *to = CAPTURE_ADD(c, slot->connectors, slot->n_connectors);
	if (!to)
		return -ENOMEM;
	(void)STR_COPY(to->name, name);
	to->state = HOST_SCREEN_NONE;
	if (connector_is(c, dir, "status", "connected"))
		to->state = connector_is(c, dir, "enabled", "enabled") ? HOST_SCREEN_LIT
								       : HOST_SCREEN_DARK;
	return 0;
}

static int card_read(struct capture *c, const struct function *f, const char *card,
		     struct host_slot *slot)
{
	char dir[CAPTURE_PATH_SIZE], prefix[NAME_SIZE];
	struct capture_names names;
	int r = 0;
	if (STR_FORMAT(dir, "devices/%s/drm/%s", f->path, card) < 0 ||
	    STR_FORMAT(prefix, "%s-", card) < 0)
		return 0;
	capture_names_read(c, dir, &names);
	for (size_t i = 0; r >= 0 && i < names.n; i++) {
		const char *name = str_after(names.items[i], prefix);
		if (name)
			r = connector_read(c, dir, names.items[i], name, slot);
	}
	capture_names_done(&names);
	return r;
}

static int drm_read(struct capture *c, const struct function *f, struct host_model *m,
		    struct host_slot *slot)
{
	char dir[CAPTURE_PATH_SIZE];
	struct capture_names names;
	uint32_t number;
	int r = 0;
	if (!capture_path(f, "drm", dir))
		return 0;
	capture_names_read(c, dir, &names);
	m->drm = names.n > 0;
	for (size_t i = 0; r >= 0 && i < names.n; i++)
		if (capture_is_numbered(names.items[i], "card", &number))
			r = card_read(c, f, names.items[i], slot);
	capture_names_done(&names);
	return r;
}

/* The kernel puts its text console on the first frame buffer only
 * (Documentation/fb/fbcon.rst of Linux 6.12). */
static bool console_is_on_fb(struct capture *c)
{
	struct capture_names names;
	bool found = false;
	capture_names_read(c, "class/vtconsole", &names);
	for (size_t i = 0; !found && i < names.n; i++) {
		char path[CAPTURE_PATH_SIZE], name[64], bound[16];
		found = STR_FORMAT(path, "class/vtconsole/%s/name", names.items[i]) >= 0 &&
			sysfs_read(c->sys, path, name, sizeof(name)) >= 0 &&
			strstr(name, "frame buffer") &&
			STR_FORMAT(path, "class/vtconsole/%s/bind", names.items[i]) >= 0 &&
			sysfs_read(c->sys, path, bound, sizeof(bound)) >= 0 && str_eq(bound, "1");
	}
	capture_names_done(&names);
	return found;
}

static bool has_graphics(const char *target, const struct function *f)
{
	const char *below = strstr(target, "devices/");
	const char *rest = below ? str_after(below + strlen("devices/"), f->path) : NULL;
	return rest && str_after(rest, "/graphics/");
}

static void console_read(struct capture *c, const struct function *f, const struct host_model *m,
			 struct host_slot *slot)
{
	char target[CAPTURE_PATH_SIZE];
	if (sysfs_link(c->sys, "class/graphics/fb0", target, sizeof(target)) < 0 ||
	    !has_graphics(target, f) || !console_is_on_fb(c))
		return;
	slot->console = m->drm && m->class >> 16 == 0x03;
	if (!slot->console)
		capture_note(c, "that the text console is on %s", f->addr);
}

/* --- the rest -------------------------------------------------------------------------------- */

static bool has_dir(const struct capture *c, const struct function *f, const char *name)
{
	char path[CAPTURE_PATH_SIZE];
	return capture_path(f, name, path) && sysfs_exists(c->sys, path);
}

int capture_classes(struct capture *c, const struct function *f, struct host_model *m,
		    struct host_slot *slot)
{
	m->sound = has_dir(c, f, "sound");
	m->accel = has_dir(c, f, "accel");
	if (has_dir(c, f, "infiniband"))
		capture_note(c, "the RDMA device of %s", f->addr);
	int r = net_read(c, f, m, slot);
	if (r >= 0)
		r = drm_read(c, f, m, slot);
	if (r >= 0)
		console_read(c, f, m, slot);
	return r < 0 ? r : capture_nvme(c, f, m, slot);
}
