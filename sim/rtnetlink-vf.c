/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Settings of VFs over rtnetlink: told with their interface, changed one by one as do_setvfinfo()
 * does, up to the first error. What is refused is from net/core/rtnetlink.c and the igb driver
 * (drivers/net/ethernet/intel/igb/igb_main.c), Linux 6.12.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <limits.h>
#include <linux/if_ether.h>
#include <linux/if_link.h>
#include <netlink/attr.h>

#include "sim/access.h"
#include "sim/rtnetlink-internal.h"
#include "sriov/settings.h"

#define NOT_REPORTED UINT32_MAX /* what the kernel presets before it asks the driver */

/* --- drivers ---------------------------------------------------------------------------------- */

/* What a driver does otherwise than most: they take all settings. */
struct driver_rules {
	const char *name;
	unsigned settings; /* enum vf_setting: those it has a function for */
	uint32_t rate_max; /* Mbit/s, needs a link and takes no minimum; 0: not limited so */
};

static const struct driver_rules rules[] = {
	{ "igb", VF_SETTINGS_ALL & ~VF_SET_LINK, 1000 },
	{ NULL, VF_SETTINGS_ALL, 0 },
};

static const struct driver_rules *rules_of(const struct pci *f)
{
	const struct driver_rules *r = rules;
	while (r->name && !(f->driver && str_eq(r->name, f->driver->name)))
		r++;
	return r;
}

/* Only 82576 limits rates (igb_ndo_set_vf_bw()); its devices: igb/e1000_hw.h. */
static bool is_82576(const struct pci *f)
{
	static const uint16_t devices[] = { 0x10c9, 0x10e6, 0x10e7, 0x10e8,
					    0x1526, 0x150a, 0x1518, 0x150d };
	for (size_t i = 0; i < sizeof(devices) / sizeof(*devices); i++)
		if (f->model->device == devices[i])
			return true;
	return false;
}

/* Does its driver know of VFs at all? One of a VF does not. */
static bool has_settings(const struct pci *f)
{
	return f && !f->pf && (f->vf_settings || rules_of(f)->name);
}

void rtnetlink_vfs_made(struct pci *pf)
{
	for (unsigned i = 0; pf->vf_settings && i < pf->total_vfs; i++)
		pf->vf_settings[i] = (struct vf_settings){ .spoofchk = 1 };
}

static void fill_vf_vlan(uint32_t i, const struct vf_settings *s, struct str_buf *out)
{
	const struct ifla_vf_vlan_info vlan = {
		.vf = i, .vlan = s->vlan, .qos = s->qos, .vlan_proto = htons(ETH_P_8021Q)
	};
	size_t list = rtnetlink_nest_begin(out, IFLA_VF_VLAN_LIST);
	rtnetlink_attr(out, IFLA_VF_VLAN_INFO, &vlan, sizeof(vlan));
	rtnetlink_nest_end(out, list);
}

static void fill_vf(uint32_t i, const struct vf_settings *s, struct str_buf *out)
{
	struct ifla_vf_mac mac = { .vf = i };
	struct ifla_vf_broadcast all = { 0 };
	const struct ifla_vf_vlan vlan = { i, s->vlan, s->qos };
	const struct ifla_vf_rate rate = { i, s->min_rate, s->max_rate };
	const struct ifla_vf_tx_rate old_rate = { i, s->max_rate };
	const struct ifla_vf_spoofchk spoof = { i, s->spoofchk };
	const struct ifla_vf_link_state state = { i, s->link };
	const struct ifla_vf_rss_query_en rss = { i, NOT_REPORTED };
	const struct ifla_vf_trust trust = { i, s->trust };
	memcpy(mac.mac, s->mac, sizeof(s->mac));
	memset(all.broadcast, 0xff, MAC_SIZE);
	size_t info = rtnetlink_nest_begin(out, IFLA_VF_INFO);
	rtnetlink_attr(out, IFLA_VF_MAC, &mac, sizeof(mac));
	rtnetlink_attr(out, IFLA_VF_BROADCAST, &all, sizeof(all));
	rtnetlink_attr(out, IFLA_VF_VLAN, &vlan, sizeof(vlan));
	rtnetlink_attr(out, IFLA_VF_RATE, &rate, sizeof(rate));
	rtnetlink_attr(out, IFLA_VF_TX_RATE, &old_rate, sizeof(old_rate));
	rtnetlink_attr(out, IFLA_VF_SPOOFCHK, &spoof, sizeof(spoof));
	rtnetlink_attr(out, IFLA_VF_LINK_STATE, &state, sizeof(state));
	rtnetlink_attr(out, IFLA_VF_RSS_QUERY_EN, &rss, sizeof(rss));
	rtnetlink_attr(out, IFLA_VF_TRUST, &trust, sizeof(trust));
	fill_vf_vlan(i, s, out);
	rtnetlink_nest_end(out, info);
}

/* The length of an attribute has 16 bits: more VFs than fit into it are not told. */
void rtnetlink_vfs_fill(const struct pci *f, struct str_buf *out)
{
	rtnetlink_attr_u32(out, IFLA_NUM_VF, f->num_vfs);
	if (!has_settings(f))
		return;
	size_t list = rtnetlink_nest_begin(out, IFLA_VFINFO_LIST), last = 0;
	for (unsigned i = 0; i < f->num_vfs && out->len - list + last <= UINT16_MAX; i++) {
		size_t before = out->len;
		fill_vf(i, &f->vf_settings[i], out);
		last = out->len - before;
	}
	rtnetlink_nest_end(out, list);
}

/* --- VF settings ------------------------------------------------------------------------------ */

/* One setting as it came. */
struct setting {
	struct pci *f;
	const struct setting_kind *kind;
	uint32_t vf;
	uint32_t link; /* not cut to what the settings have room for */
	uint16_t vlan_proto;
	struct vf_settings to;
};

struct setting_kind {
	uint16_t attr;
	enum vf_setting which; /* 0: no driver here has it */
	const char *name;
	size_t size;
	/* Negative errno of rtnetlink itself, before a driver is asked. */
	int (*take)(const struct nlattr *a, struct setting *s);
};

static int take_mac(const struct nlattr *a, struct setting *s)
{
	memcpy(s->to.mac, ((const struct ifla_vf_mac *)nla_data(a))->mac, sizeof(s->to.mac));
	return 0;
}

/* Drivers are given 16 bits of the VLAN and 8 of the priority: ndo_set_vf_vlan(). */
static int take_vlan(const struct nlattr *a, struct setting *s)
{
	const struct ifla_vf_vlan *v = nla_data(a);
	s->to.vlan = (uint16_t)v->vlan;
	s->to.qos = (uint8_t)v->qos;
	s->vlan_proto = htons(ETH_P_8021Q);
	return 0;
}

/* MAX_VLAN_LIST_LEN is 1. */
static int take_vlan_list(const struct nlattr *a, struct setting *s)
{
	const struct ifla_vf_vlan_info *v = NULL;
	struct nlattr *item;
	int left;
	nla_for_each_nested(item, a, left) {
		if (nla_type(item) != IFLA_VF_VLAN_INFO || nla_len(item) < (int)sizeof(*v))
			return -EINVAL;
		if (v)
			return -EOPNOTSUPP;
		v = nla_data(item);
	}
	if (!v)
		return -EINVAL;
	s->vf = v->vf;
	s->to.vlan = (uint16_t)v->vlan;
	s->to.qos = (uint8_t)v->qos;
	s->vlan_proto = v->vlan_proto;
	return 0;
}

/* The old form leaves the minimum as it is, and asks the driver for it. */
static int take_tx_rate(const struct nlattr *a, struct setting *s)
{
	s->to.max_rate = ((const struct ifla_vf_tx_rate *)nla_data(a))->rate;
	if (s->vf >= s->f->num_vfs)
		return -EINVAL;
	s->to.min_rate = s->f->vf_settings[s->vf].min_rate;
	return 0;
}

static int take_rate(const struct nlattr *a, struct setting *s)
{
	const struct ifla_vf_rate *rate = nla_data(a);
	s->to.min_rate = rate->min_tx_rate;
	s->to.max_rate = rate->max_tx_rate;
	return 0;
}

static int take_spoofchk(const struct nlattr *a, struct setting *s)
{
	s->to.spoofchk = ((const struct ifla_vf_spoofchk *)nla_data(a))->setting != 0;
	return 0;
}

static int take_link(const struct nlattr *a, struct setting *s)
{
	s->link = ((const struct ifla_vf_link_state *)nla_data(a))->link_state;
	s->to.link = (uint8_t)s->link;
	return 0;
}

static int take_trust(const struct nlattr *a, struct setting *s)
{
	s->to.trust = ((const struct ifla_vf_trust *)nla_data(a))->setting != 0;
	return 0;
}

static int take_nothing(const struct nlattr *a, struct setting *s)
{
	(void)a;
	(void)s;
	return 0;
}

/* In the order of do_setvfinfo(), whatever the order in the message. */
static const struct setting_kind kinds[] = {
	{ IFLA_VF_MAC, VF_SET_MAC, "mac", sizeof(struct ifla_vf_mac), take_mac },
	{ IFLA_VF_VLAN, VF_SET_VLAN, "vlan", sizeof(struct ifla_vf_vlan), take_vlan },
	{ IFLA_VF_VLAN_LIST, VF_SET_VLAN, "vlan", 0, take_vlan_list },
	{ IFLA_VF_TX_RATE, VF_SET_RATE, "rate", sizeof(struct ifla_vf_tx_rate), take_tx_rate },
	{ IFLA_VF_RATE, VF_SET_RATE, "rate", sizeof(struct ifla_vf_rate), take_rate },
	{ IFLA_VF_SPOOFCHK, VF_SET_SPOOFCHK, "spoofchk", sizeof(struct ifla_vf_spoofchk),
	  take_spoofchk },
	{ IFLA_VF_LINK_STATE, VF_SET_LINK, "link", sizeof(struct ifla_vf_link_state), take_link },
	{ IFLA_VF_RSS_QUERY_EN, 0, "rss", sizeof(struct ifla_vf_rss_query_en), take_nothing },
	{ IFLA_VF_TRUST, VF_SET_TRUST, "trust", sizeof(struct ifla_vf_trust), take_trust },
	{ IFLA_VF_IB_NODE_GUID, 0, "node_guid", sizeof(struct ifla_vf_guid), take_nothing },
	{ IFLA_VF_IB_PORT_GUID, 0, "port_guid", sizeof(struct ifla_vf_guid), take_nothing },
};

/* rtnl_set_vf_rate(), then igb_ndo_set_vf_bw(). */
static int check_rate(const struct setting *s)
{
	int32_t min = (int32_t)s->to.min_rate, max = (int32_t)s->to.max_rate;
	uint32_t most = rules_of(s->f)->rate_max;
	if (max && max < min)
		return -EINVAL;
	if (most && !is_82576(s->f))
		return -EOPNOTSUPP;
	return max < 0 || (most && (min || !s->f->net_up || s->to.max_rate > most)) ? -EINVAL : 0;
}

/* igb_ndo_set_vf_vlan(); others say the same. */
static int check_vlan(const struct setting *s)
{
	if (s->to.vlan > 4095 || s->to.qos > 7)
		return -EINVAL;
	return s->vlan_proto == htons(ETH_P_8021Q) ? 0 : -EPROTONOSUPPORT;
}

static int check_value(const struct setting *s)
{
	switch (s->kind->which) {
	case VF_SET_MAC: /* is_zero_ether_addr(), is_valid_ether_addr() */
		return s->to.mac[0] & 1 ? -EINVAL : 0;
	case VF_SET_VLAN:
		return check_vlan(s);
	case VF_SET_LINK:
		return s->link > VF_LINK_DISABLE ? -EINVAL : 0;
	case VF_SET_RATE:
		return check_rate(s);
	case VF_SET_SPOOFCHK:
	case VF_SET_TRUST:
		break;
	}
	return 0;
}

static int setting_check(const struct setting *s)
{
	if (s->vf >= INT_MAX)
		return -EINVAL;
	if (!(rules_of(s->f)->settings & s->kind->which))
		return -EOPNOTSUPP;
	/* igb_ndo_set_vf_spoofchk() alone asks first whether there is a VF. */
	if (s->vf >= s->f->num_vfs)
		return s->kind->which == VF_SET_SPOOFCHK && !s->f->num_vfs ? -EOPNOTSUPP : -EINVAL;
	return check_value(s);
}

static int setting_apply(void *userdata)
{
	const struct setting *s = userdata;
	int r = setting_check(s);
	if (r < 0)
		return r;
	struct vf_settings to = s->to;
	to.set = s->kind->which;
	settings_merge(&s->f->vf_settings[s->vf], &to);
	return 0;
}

/* As ip(8) writes it. */
static void setting_text(const struct setting *s, char *ret, size_t size)
{
	const struct vf_settings *to = &s->to;
	char mac[MAC_TEXT_SIZE];
	*ret = '\0';
	switch (s->kind->which) {
	case VF_SET_MAC:
		mac_format(to->mac, mac);
		(void)str_copy(ret, size, mac);
		break;
	case VF_SET_VLAN:
		(void)str_format(ret, size, "%u qos %u", to->vlan, to->qos);
		break;
	case VF_SET_SPOOFCHK:
		(void)str_copy(ret, size, to->spoofchk ? "on" : "off");
		break;
	case VF_SET_TRUST:
		(void)str_copy(ret, size, to->trust ? "on" : "off");
		break;
	case VF_SET_LINK:
		(void)str_copy(ret, size, vf_link_name(s->link));
		break;
	case VF_SET_RATE:
		(void)str_format(ret, size, "%u %u", to->min_rate, to->max_rate);
		break;
	}
}

static int setting_set(struct setting *s)
{
	struct machine *m = s->f->dev.machine;
	char path[TREE_PATH_SIZE], text[64];
	if (!s->f->netdev)
		return -ENODEV;
	(void)STR_FORMAT(path, "rtnl/%s/vf%u/%s", s->f->netdev->name, s->vf, s->kind->name);
	setting_text(s, text, sizeof(text));
	const struct access a = { .path = path,
				  .text = text,
				  .at = s->f,
				  .gone = &s->f->dev.gone,
				  .act = setting_apply,
				  .userdata = s };
	return access_change(m, &a);
}

/* One VF, up to the first error; what came before it stays. */
static int info_set(struct pci *f, const struct nlattr *info)
{
	struct nlattr *attrs[IFLA_VF_MAX + 1];
	if (nla_type(info) != IFLA_VF_INFO ||
	    nla_parse_nested(attrs, IFLA_VF_MAX, (struct nlattr *)(uintptr_t)info, NULL) < 0)
		return -EINVAL;
	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++)
		if (attrs[kinds[i].attr] && nla_len(attrs[kinds[i].attr]) < (int)kinds[i].size)
			return -ERANGE;
	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++) {
		const struct nlattr *a = attrs[kinds[i].attr];
		struct setting s = { .f = f, .kind = &kinds[i] };
		if (!a)
			continue;
		if (kinds[i].size)
			memcpy(&s.vf, nla_data(a), sizeof(s.vf)); /* all of them begin with it */
		int r = kinds[i].take(a, &s);
		if (r == 0)
			r = setting_set(&s);
		if (r < 0)
			return r;
	}
	return 0;
}

int rtnetlink_vfs_set(struct pci *f, const struct nlattr *list)
{
	struct nlattr *info;
	int left, r = has_settings(f) ? 0 : -EOPNOTSUPP;
	if (r == 0)
		nla_for_each_nested(info, list, left) {
			r = info_set(f, info);
			if (r < 0)
				break;
		}
	return r;
}
