/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Network interfaces in sysfs; rtnetlink.c answers for the same ones. */
#include "base/mac.h"
#include "sim/class.h"

static int show_flags(struct node *n, struct str_buf *out)
{
	const struct pci *f = pci_of(n);
	str_buf_addf(out, "0x%x\n", f->net_up ? 0x1003 : 0x1002);
	return 0;
}
static const struct file_ops ops_flags = { .show = show_flags };

static int show_operstate(struct node *n, struct str_buf *out)
{
	str_buf_add(out, pci_of(n)->net_up ? "up\n" : "down\n");
	return 0;
}
static const struct file_ops ops_operstate = { .show = show_operstate };

static void net_name(const struct pci *f, char ret[NAME_SIZE])
{
	if (f->slot && f->slot->netdev[0])
		(void)str_copy(ret, NAME_SIZE, f->slot->netdev);
	else
		(void)str_format(ret, NAME_SIZE, "eth%d", f->ifindex - 2);
}

static void net_master(struct pci *f, struct node *dir)
{
	struct machine *m = f->dev.machine;
	char upper[NAME_SIZE + 8];
	if (!f->slot || !f->slot->master[0])
		return;
	struct node *master =
		node_dir(m->tree, node_path(m->tree, m->devices, "virtual/net"), f->slot->master);
	node_link(m->tree, node_dir(m->tree, m->class, "net"), f->slot->master, master);
	node_text(m->tree, master, "flags", "0x1003");
	node_link(m->tree, dir, "master", master);
	(void)STR_FORMAT(upper, "upper_%s", f->slot->master);
	node_link(m->tree, dir, upper, master);
}

static void net_make(struct pci *f)
{
	struct machine *m = f->dev.machine;
	char name[NAME_SIZE];
	f->ifindex = m->next_ifindex++;
	f->net_up = f->slot && f->slot->up;
	net_name(f, name);
	const struct class_device d = { .f = f, .class = "net", .name = name };
	f->netdev = class_device_add(&d, node_dir(m->tree, f->dev.dir, "net"));
	node_text(m->tree, f->netdev, "ifindex", "%d", f->ifindex);
	/* A local one, by place. */
	const uint8_t bytes[MAC_SIZE] = {
		0x02, (uint8_t)(f->domain >> 8), (uint8_t)f->domain, f->bus, f->devfn, f->pf ? 1 : 0
	};
	char mac[MAC_TEXT_SIZE];
	mac_format(bytes, mac);
	node_text(m->tree, f->netdev, "address", "%s",
		  f->slot && f->slot->mac[0] ? f->slot->mac : mac);
	node_text(m->tree, f->netdev, "type", "1");
	node_text(m->tree, f->netdev, "mtu", "1500");
	node_file(m->tree, f->netdev, "operstate", 0444, &ops_operstate, f);
	node_text(m->tree, f->netdev, "uevent", "INTERFACE=%s\nIFINDEX=%d", name, f->ifindex);
	node_file(m->tree, f->netdev, "flags", 0644, &ops_flags, f);
	net_master(f, f->netdev);
	uevent(m, f->netdev, "add", "net", NULL);
}

static void net_drop(struct pci *f)
{
	struct machine *m = f->dev.machine;
	const struct class_device d = { .f = f, .class = "net", .name = f->netdev->name };
	uevent(m, f->netdev, "remove", "net", NULL);
	class_device_drop(&d);
	node_remove(m->tree, node_dir(m->tree, f->dev.dir, "net"));
	f->netdev = NULL;
}

/* register_netdev() and unregister_netdev(), net/core/dev.c: behind whoever has rtnl. */
static int with_rtnl(struct pci *f, const char *what, void (*act)(struct pci *f))
{
	struct machine *m = f->dev.machine;
	int r = klock_take(m, &m->rtnl, what);
	if (r < 0)
		return r;
	act(f);
	klock_release(m, &m->rtnl);
	return 0;
}

static bool is_net(const struct pci *f)
{
	return f->model->net;
}

static int net_add(struct pci *f, unsigned unit)
{
	(void)unit; /* interfaces are numbered by the kernel, all of them */
	return with_rtnl(f, "register_netdev", net_make);
}

static int net_remove(struct pci *f, unsigned unit)
{
	(void)unit;
	return with_rtnl(f, "unregister_netdev", net_drop);
}

const struct class_kind class_net = { .is = is_net, .add = net_add, .remove = net_remove };
