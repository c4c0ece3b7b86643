/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * rtnetlink of the simulated kernel: interfaces, and the requests that rtnetlink-vf.c serves.
 * Programs reach it through a file that preload.c puts in the place of their sockets: what is
 * written in one go is a datagram of requests, what is read then is all that answers them. Who is
 * answered what is from net/core/rtnetlink.c and net/netlink/af_netlink.c, Linux 6.12.
 */
#include <errno.h>
#include <linux/capability.h>
#include <linux/if_ether.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <netlink/attr.h>
#include <netlink/msg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/num.h"
#include "sim/access.h"
#include "sim/rtnetlink-internal.h"

#define LO_INDEX 1
#define LO_MTU 65536
#define LOWER_UP 0x10000 /* IFF_LOWER_UP of linux/if.h, which net/if.h excludes */
#define OPER_UNKNOWN 0	 /* RFC 2863, enum of linux/if.h */
#define OPER_DOWN 2
#define OPER_UP 6

/* A request that is being served. */
struct call {
	struct machine *m;
	const struct nlmsghdr *head;
	struct str_buf *out;
};

/* --- messages --------------------------------------------------------------------------------- */

void rtnetlink_add(struct str_buf *out, const void *data, size_t len)
{
	static const char zeros[NLMSG_ALIGNTO] = { 0 };
	size_t pad = NLMSG_ALIGN(len) - len;
	if (!out->failed && out->len + len + pad > out->room) {
		size_t room = (out->len + len + pad) * 2;
		char *text = realloc(out->text, room);
		out->failed = !text;
		out->text = text ? text : out->text;
		out->room = text ? room : out->room;
	}
	if (out->failed)
		return;
	if (len)
		memcpy(out->text + out->len, data, len);
	memcpy(out->text + out->len + len, zeros, pad);
	out->len += len + pad;
}

static size_t message_begin(const struct call *c, uint16_t type, uint16_t flags)
{
	const struct nlmsghdr h = { .nlmsg_type = type,
				    .nlmsg_flags = flags,
				    .nlmsg_seq = c->head->nlmsg_seq };
	size_t at = c->out->len;
	rtnetlink_add(c->out, &h, sizeof(h));
	return at;
}

/* The length of what began there, a message or an attribute. */
static void message_end(struct str_buf *out, size_t at)
{
	uint32_t len = (uint32_t)(out->len - at);
	if (!out->failed)
		memcpy(out->text + at, &len, sizeof(len));
}

void rtnetlink_attr(struct str_buf *out, uint16_t type, const void *data, size_t len)
{
	const struct nlattr a = { .nla_len = (uint16_t)(NLA_HDRLEN + len), .nla_type = type };
	rtnetlink_add(out, &a, sizeof(a));
	rtnetlink_add(out, data, len);
}

void rtnetlink_attr_u32(struct str_buf *out, uint16_t type, uint32_t value)
{
	rtnetlink_attr(out, type, &value, sizeof(value));
}

static void attr_u8(struct str_buf *out, uint16_t type, uint8_t value)
{
	rtnetlink_attr(out, type, &value, sizeof(value));
}

size_t rtnetlink_nest_begin(struct str_buf *out, uint16_t type)
{
	size_t at = out->len;
	rtnetlink_attr(out, type, NULL, 0);
	return at;
}

void rtnetlink_nest_end(struct str_buf *out, size_t at)
{
	uint16_t len = (uint16_t)(out->len - at);
	if (!out->failed)
		memcpy(out->text + at, &len, sizeof(len));
}

/* netlink_ack(): an error carries the whole request, success only its header. */
static void acknowledge(const struct call *c, int result)
{
	size_t at = message_begin(c, NLMSG_ERROR, result < 0 ? 0 : NLM_F_CAPPED);
	rtnetlink_add(c->out, &result, sizeof(result));
	rtnetlink_add(c->out, c->head, result < 0 ? c->head->nlmsg_len : sizeof(*c->head));
	message_end(c->out, at);
}

static void done(const struct call *c)
{
	const int result = 0;
	size_t at = message_begin(c, NLMSG_DONE, NLM_F_MULTI);
	rtnetlink_add(c->out, &result, sizeof(result));
	message_end(c->out, at);
}

/* --- interfaces ------------------------------------------------------------------------------- */

struct link {
	const char *name;
	int index;
	const struct node *dir; /* NULL: lo */
	struct pci *f;		/* NULL: not of a function */
};

static const char *text_of(const struct machine *m, const struct node *dir, const char *name)
{
	const struct node *n = dir ? node_find(m->tree, dir, name) : NULL;
	return n && n->text ? n->text : "";
}

/* What is made by no driver has an interface if its directory says so. */
static int index_of(const struct machine *m, const struct node *dir)
{
	uint32_t index;
	return num_parse_u32(text_of(m, dir, "ifindex"), 10, &index) < 0 ? 0 : (int)index;
}

static void link_closer(struct link *best, int after, const struct link *l)
{
	if (l->index > after && (!best->index || l->index < best->index))
		*best = *l;
}

/* The one with the next index, as dumps go; false: there is none. */
static bool link_next(const struct machine *m, int after, struct link *ret)
{
	const struct link lo = { .name = "lo", .index = LO_INDEX };
	*ret = (struct link){ 0 };
	link_closer(ret, after, &lo);
	for (struct pci *f = m->functions; f; f = f->next) {
		if (!f->netdev)
			continue;
		const struct link l = { f->netdev->name, f->ifindex, f->netdev, f };
		link_closer(ret, after, &l);
	}
	const struct node *others = node_walk(m->tree, m->devices, "virtual/net");
	for (const struct node *n = others ? others->first : NULL; n; n = n->next) {
		const struct link l = { n->name, index_of(m, n), n, NULL };
		link_closer(ret, after, &l);
	}
	return ret->index != 0;
}

/* By index if there is one, else by name: -EINVAL neither, -ENODEV nobody. */
static int link_find(const struct machine *m, int index, struct nlattr **attrs, struct link *ret)
{
	const struct nlattr *name = attrs[IFLA_IFNAME] ? attrs[IFLA_IFNAME]
						       : attrs[IFLA_ALT_IFNAME];
	if (index <= 0 && !name)
		return -EINVAL;
	for (struct link l = { 0 }; link_next(m, l.index, &l);)
		if (index > 0 ? l.index == index : nla_strcmp(name, l.name) == 0) {
			*ret = l;
			return 0;
		}
	return -ENODEV;
}

static bool link_up(const struct machine *m, const struct link *l)
{
	uint64_t flags;
	if (l->f)
		return l->f->net_up;
	return !l->dir || (num_parse(text_of(m, l->dir, "flags"), 0, UINT32_MAX, &flags) == 0 &&
			   flags & IFF_UP);
}

static unsigned link_flags(const struct machine *m, const struct link *l)
{
	unsigned kind = l->dir ? IFF_BROADCAST | IFF_MULTICAST : IFF_LOOPBACK;
	return kind | (link_up(m, l) ? IFF_UP | IFF_RUNNING | LOWER_UP : 0);
}

static void fill_address(const struct machine *m, const struct link *l, struct str_buf *out)
{
	uint8_t address[MAC_SIZE] = { 0 }, all[MAC_SIZE];
	(void)mac_parse(text_of(m, l->dir, "address"), address);
	memset(all, l->dir ? 0xff : 0, sizeof(all));
	rtnetlink_attr(out, IFLA_ADDRESS, address, sizeof(address));
	rtnetlink_attr(out, IFLA_BROADCAST, all, sizeof(all));
}

static void fill_master(const struct machine *m, const struct link *l, struct str_buf *out)
{
	const char *path = text_of(m, l->dir, "master");
	const char *name = strrchr(path, '/');
	const struct node *others = node_walk(m->tree, m->devices, "virtual/net");
	const struct node *master = name && others ? node_find(m->tree, others, name + 1) : NULL;
	int index = index_of(m, master);
	if (index)
		rtnetlink_attr_u32(out, IFLA_MASTER, (uint32_t)index);
}

/* --- asking ----------------------------------------------------------------------------------- */

static void fill_link(const struct call *c, const struct link *l, uint16_t flags, uint32_t mask)
{
	struct machine *m = c->m;
	struct str_buf *out = c->out;
	const struct ifinfomsg info = { .ifi_type = l->dir ? ARPHRD_ETHER : ARPHRD_LOOPBACK,
					.ifi_index = l->index,
					.ifi_flags = link_flags(m, l) };
	uint32_t mtu = LO_MTU;
	if (l->dir && num_parse_u32(text_of(m, l->dir, "mtu"), 10, &mtu) < 0)
		mtu = ETH_DATA_LEN;
	size_t at = message_begin(c, RTM_NEWLINK, flags);
	rtnetlink_add(out, &info, sizeof(info));
	rtnetlink_attr(out, IFLA_IFNAME, l->name, strlen(l->name) + 1);
	rtnetlink_attr_u32(out, IFLA_TXQLEN, 1000);
	attr_u8(out, IFLA_OPERSTATE, !l->dir ? OPER_UNKNOWN : link_up(m, l) ? OPER_UP : OPER_DOWN);
	attr_u8(out, IFLA_LINKMODE, 0);
	rtnetlink_attr_u32(out, IFLA_MTU, mtu);
	rtnetlink_attr_u32(out, IFLA_GROUP, 0);
	attr_u8(out, IFLA_CARRIER, link_up(m, l));
	fill_master(m, l, out);
	fill_address(m, l, out);
	if (l->f && mask & RTEXT_FILTER_VF)
		rtnetlink_vfs_fill(l->f, out);
	message_end(out, at);
}

/* Attributes behind the fixed part: their errors are those of validate_nla(). */
static int attrs_parse(const struct call *c, struct nlattr *attrs[IFLA_MAX + 1])
{
	struct nlmsghdr *h = (struct nlmsghdr *)(uintptr_t)c->head;
	if (h->nlmsg_len < NLMSG_LENGTH(sizeof(struct ifinfomsg)))
		return -EINVAL;
	return nlmsg_parse(h, sizeof(struct ifinfomsg), attrs, IFLA_MAX, NULL) < 0 ? -EINVAL : 0;
}

static uint32_t mask_of(struct nlattr **attrs)
{
	const struct nlattr *a = attrs[IFLA_EXT_MASK];
	return a && nla_len(a) >= (int)sizeof(uint32_t) ? nla_get_u32(a) : 0;
}

static int link_get(const struct call *c)
{
	const struct ifinfomsg *info = NLMSG_DATA(c->head);
	struct nlattr *attrs[IFLA_MAX + 1];
	struct link l;
	int r = attrs_parse(c, attrs);
	if (r == 0)
		r = klock_take(c->m, &c->m->rtnl, "RTM_GETLINK");
	if (r < 0)
		return r;
	r = link_find(c->m, info->ifi_index, attrs, &l);
	if (r == 0)
		fill_link(c, &l, 0, mask_of(attrs));
	klock_release(c->m, &c->m->rtnl);
	return r;
}

/* What bridges add to it (AF_BRIDGE) is not there. */
static int link_dump(const struct call *c)
{
	const struct rtgenmsg *family = NLMSG_DATA(c->head);
	struct nlattr *attrs[IFLA_MAX + 1] = { 0 };
	int r = klock_take(c->m, &c->m->rtnl, "RTM_GETLINK");
	if (r < 0)
		return r;
	uint32_t mask = attrs_parse(c, attrs) == 0 ? mask_of(attrs) : 0;
	for (struct link l = { 0 };
	     family->rtgen_family != AF_BRIDGE && link_next(c->m, l.index, &l);)
		fill_link(c, &l, NLM_F_MULTI, mask);
	klock_release(c->m, &c->m->rtnl);
	done(c);
	return 0;
}

static int nothing_dump(const struct call *c)
{
	done(c);
	return 0;
}

/* --- changing --------------------------------------------------------------------------------- */

struct turn {
	struct pci *f;
	bool up;
};

static int turn_act(void *userdata)
{
	const struct turn *t = userdata;
	t->f->net_up = t->up;
	return 0;
}

/* rtnl_dev_combine_flags(). Only whether it is up can be changed here. */
static int flags_set(const struct call *c, const struct link *l, const struct ifinfomsg *info)
{
	unsigned whole = info->ifi_flags ? UINT32_MAX : 0;
	unsigned change = info->ifi_change ? info->ifi_change : whole;
	struct turn t = { .f = l->f, .up = info->ifi_flags & IFF_UP };
	char path[TREE_PATH_SIZE];
	if (change != UINT32_MAX && change & ~(unsigned)IFF_UP)
		return -EOPNOTSUPP;
	if (!(change & IFF_UP) || t.up == link_up(c->m, l))
		return 0;
	if (!l->f)
		return -EOPNOTSUPP;
	(void)STR_FORMAT(path, "rtnl/%s/flags", l->name);
	const struct access a = { .path = path,
				  .text = t.up ? "up" : "down",
				  .at = l->f,
				  .gone = &l->f->dev.gone,
				  .act = turn_act,
				  .userdata = &t };
	return access_change(c->m, &a);
}

/* Of all there is in do_setlink(): flags, then VFs. Better to refuse the rest than to forget it. */
static int link_change(const struct call *c, const struct link *l, struct nlattr **attrs)
{
	const struct ifinfomsg *info = NLMSG_DATA(c->head);
	for (int i = 0; i <= IFLA_MAX; i++)
		if (attrs[i] && i != IFLA_VFINFO_LIST && i != IFLA_EXT_MASK &&
		    i != IFLA_ALT_IFNAME &&
		    !(i == IFLA_IFNAME && nla_strcmp(attrs[i], l->name) == 0))
			return -EOPNOTSUPP;
	int r = flags_set(c, l, info);
	if (r == 0 && attrs[IFLA_VFINFO_LIST])
		r = rtnetlink_vfs_set(l->f, attrs[IFLA_VFINFO_LIST]);
	return r;
}

/* RTM_NEWLINK, see __rtnl_newlink(), is what ip(8) sends for changes as well; none can be made. */
static int link_set_locked(const struct call *c, struct nlattr **attrs)
{
	const struct ifinfomsg *info = NLMSG_DATA(c->head);
	bool new = c->head->nlmsg_type == RTM_NEWLINK;
	struct link l;
	int r = link_find(c->m, info->ifi_index, attrs, &l);
	if (r == 0)
		return new && c->head->nlmsg_flags &NLM_F_EXCL ? -EEXIST
							       : link_change(c, &l, attrs);
	if (new)
		return c->head->nlmsg_flags & NLM_F_CREATE ? -EOPNOTSUPP : -ENODEV;
	return r;
}

static int link_set(const struct call *c)
{
	struct nlattr *attrs[IFLA_MAX + 1];
	int r = attrs_parse(c, attrs);
	if (r == 0)
		r = klock_take(c->m, &c->m->rtnl, "RTM_SETLINK");
	if (r < 0)
		return r;
	r = link_set_locked(c, attrs);
	klock_release(c->m, &c->m->rtnl);
	return r;
}

/* --- requests --------------------------------------------------------------------------------- */

static const struct {
	uint16_t type;
	bool changes;
	int (*serve)(const struct call *c); /* NULL: there are only dumps */
	int (*dump)(const struct call *c);
} requests[] = {
	{ RTM_GETLINK, false, link_get, link_dump }, { RTM_SETLINK, true, link_set, NULL },
	{ RTM_NEWLINK, true, link_set, NULL },	     { RTM_GETADDR, false, NULL, nothing_dump },
	{ RTM_GETROUTE, false, NULL, nothing_dump }, { RTM_GETRULE, false, NULL, nothing_dump },
	{ RTM_GETNEIGH, false, NULL, nothing_dump },
};

/* CAP_NET_ADMIN of whoever asks, as /proc says; the machine itself may. */
static bool may_change(void)
{
	static const char key[] = "CapEff:\t";
	char path[64], line[256];
	uint64_t caps = machine_caller() ? 0 : UINT64_MAX;
	(void)STR_FORMAT(path, "/proc/%d/status", machine_caller());
	_cleanup_fclose_ FILE *f = machine_caller() ? fopen(path, "re") : NULL;
	while (f && fgets(line, sizeof(line), f))
		if (strncmp(line, key, sizeof(key) - 1) == 0) {
			line[strcspn(line, "\n")] = '\0';
			(void)num_parse(line + sizeof(key) - 1, 16, UINT64_MAX, &caps);
		}
	return caps & 1ull << CAP_NET_ADMIN;
}

/* rtnetlink_rcv_msg(). 1: answered by a dump, which nothing acknowledges. */
static int request_serve(const struct call *c)
{
	const struct nlmsghdr *h = c->head;
	if (h->nlmsg_len < NLMSG_LENGTH(sizeof(struct rtgenmsg)))
		return 0;
	for (size_t i = 0; i < sizeof(requests) / sizeof(*requests); i++) {
		if (requests[i].type != h->nlmsg_type)
			continue;
		if (requests[i].changes && !may_change())
			return -EPERM;
		if (requests[i].dump && h->nlmsg_flags & NLM_F_DUMP) {
			int r = requests[i].dump(c);
			return r < 0 ? r : 1;
		}
		return requests[i].serve ? requests[i].serve(c) : -EOPNOTSUPP;
	}
	return -EOPNOTSUPP;
}

/* netlink_rcv_skb(). The power that goes while it waits is the only error of the write. */
static int transact(struct node *n, const void *request, size_t len, struct str_buf *answer)
{
	int left = (int)len;
	for (const struct nlmsghdr *h = request; nlmsg_ok(h, left);
	     h = nlmsg_next((struct nlmsghdr *)(uintptr_t)h, &left)) {
		const struct call c = { .m = n->owner, .head = h, .out = answer };
		int r = 0;
		if (h->nlmsg_flags & NLM_F_REQUEST && h->nlmsg_type >= NLMSG_MIN_TYPE)
			r = request_serve(&c);
		if (r == -ENOTCONN)
			return r;
		if (r < 0 || (r == 0 && h->nlmsg_flags & NLM_F_ACK))
			acknowledge(&c, r);
	}
	return answer->failed ? -ENOMEM : 0;
}

static const struct file_ops ops_route = { .transact = transact };

void rtnetlink_init(struct machine *m)
{
	if (node_find(m->tree, m->dev, RTNETLINK_DIR))
		return;
	struct node *dir = node_dir(m->tree, m->dev, RTNETLINK_DIR);
	dir->number = NODE_STAYS;
	node_file(m->tree, dir, RTNETLINK_FILE, 0666, &ops_route, m)->number = NODE_STAYS;
}
