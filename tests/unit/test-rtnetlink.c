/* SPDX-License-Identifier: GPL-2.0-or-later */
/* rtnetlink of the simulated machine: requests as libnl makes them, answered by the host "lab". */
#include "support/test.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <netlink/attr.h>
#include <netlink/msg.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>

#include "base/cleanup.h"
#include "sim/access.h"
#include "sim/fault.h"
#include "sim/machine.h"
#include "sim/trace.h"
#include "support/machine.h"

#define HOST "sim/hosts/lab.yaml"
#define NIC "0000:01:00.0" /* igb, 82576 */
#define ASK (NLM_F_REQUEST | NLM_F_ACK)
#define SEQ 77

DEFINE_CLEANUP(struct nl_msg *, nlmsg_free);

struct world {
	struct machine *m;
	struct node *route;
	struct pci *nic;
};

static int world_make(void **state)
{
	struct world *w = calloc(1, sizeof(*w));
	w->m = test_machine_new(HOST);
	w->route = node_walk(w->m->tree, w->m->dev, RTNETLINK_DIR "/" RTNETLINK_FILE);
	assert_non_null(w->route);
	w->nic = bus_find(w->m, NIC);
	*state = w;
	return 0;
}

static int world_end(void **state)
{
	struct world *w = *state;
	test_machine_free(w->m);
	free(w);
	return 0;
}

static void vfs_make(struct world *w, const char *count)
{
	assert_int_equal(test_machine_write(w->m, NIC, "sriov_numvfs", count), 0);
}

static void fault(struct world *w, const char *path, const char *nth, const char *effect)
{
	test_machine_fault(w->m, path, "write", nth, effect);
}

/* --- requests --------------------------------------------------------------------------------- */

static struct nl_msg *message(int type, int flags, int index)
{
	const struct ifinfomsg info = { .ifi_index = index };
	struct nl_msg *msg = nlmsg_alloc_simple(type, flags);
	nlmsg_hdr(msg)->nlmsg_seq = SEQ;
	assert_int_equal(nlmsg_append(msg, (void *)(uintptr_t)&info, sizeof(info), NLMSG_ALIGNTO),
			 0);
	return msg;
}

/* Messages of an answer, taken one after the other. */
struct answer {
	struct str_buf text;
	struct nlmsghdr *at;
	int left;
};

static int ask(struct world *w, struct nl_msg *msg, struct answer *ret)
{
	const struct nlmsghdr *h = nlmsg_hdr(msg);
	*ret = (struct answer){ 0 };
	int r = w->route->ops->transact(w->route, h, h->nlmsg_len, &ret->text);
	ret->at = (struct nlmsghdr *)(uintptr_t)ret->text.text;
	ret->left = (int)ret->text.len;
	return r;
}

static struct nlmsghdr *answer_next(struct answer *a)
{
	struct nlmsghdr *h = a->at;
	if (!nlmsg_ok(h, a->left))
		return NULL;
	assert_int_equal(h->nlmsg_seq, SEQ);
	a->at = nlmsg_next(h, &a->left);
	return h;
}

static int errno_of(const struct nlmsghdr *h)
{
	assert_int_equal(h->nlmsg_type, NLMSG_ERROR);
	const struct nlmsgerr *e = nlmsg_data(h);
	assert_int_equal(e->msg.nlmsg_seq, SEQ);
	return e->error;
}

/* A request that is answered by an errno or an acknowledgement alone. */
static int say(struct world *w, struct nl_msg *msg)
{
	struct answer a;
	assert_int_equal(ask(w, msg, &a), 0);
	struct nlmsghdr *h = answer_next(&a);
	assert_non_null(h);
	int r = errno_of(h);
	assert_null(answer_next(&a));
	str_buf_done(&a.text);
	nlmsg_free(msg);
	return r;
}

/* Several settings of a VF in one message. */
struct part {
	int type;
	const void *data;
	int len;
};

static struct nl_msg *setting(int index, const struct part *parts, size_t n)
{
	struct nl_msg *msg = message(RTM_SETLINK, ASK, index);
	struct nlattr *list = nla_nest_start(msg, IFLA_VFINFO_LIST);
	struct nlattr *info = nla_nest_start(msg, IFLA_VF_INFO);
	for (size_t i = 0; i < n; i++)
		assert_int_equal(nla_put(msg, parts[i].type, parts[i].len, parts[i].data), 0);
	nla_nest_end(msg, info);
	nla_nest_end(msg, list);
	return msg;
}

static int set(struct world *w, int type, const void *data, int len)
{
	const struct part part = { type, data, len };
	return say(w, setting(w->nic->ifindex, &part, 1));
}

static int set_mac(struct world *w, uint32_t vf, uint8_t first)
{
	const struct ifla_vf_mac mac = { .vf = vf, .mac = { first, 0x54, 0, 0, 0, 1 } };
	return set(w, IFLA_VF_MAC, &mac, sizeof(mac));
}

static int set_vlan(struct world *w, uint32_t vf, uint32_t vlan, uint32_t qos)
{
	const struct ifla_vf_vlan v = { vf, vlan, qos };
	return set(w, IFLA_VF_VLAN, &v, sizeof(v));
}

static int set_rate(struct world *w, uint32_t vf, uint32_t min, uint32_t max)
{
	const struct ifla_vf_rate rate = { vf, min, max };
	return set(w, IFLA_VF_RATE, &rate, sizeof(rate));
}

/* Those that are a VF and one number. */
static int set_number(struct world *w, int type, uint32_t vf, uint32_t value)
{
	const uint32_t data[] = { vf, value };
	return set(w, type, data, sizeof(data));
}

static int up(struct world *w, int index, bool is)
{
	struct nl_msg *msg = message(RTM_NEWLINK, ASK, index);
	struct ifinfomsg *info = nlmsg_data(nlmsg_hdr(msg));
	info->ifi_change = IFF_UP;
	info->ifi_flags = is ? IFF_UP : 0;
	return say(w, msg);
}

/* --- reading ---------------------------------------------------------------------------------- */

/* The whole answer about one interface; the caller gives it back. */
static struct answer link_read(struct world *w, int index, struct nlattr *attrs[IFLA_MAX + 1],
			       struct ifinfomsg *ret)
{
	_cleanup_(nlmsg_freep) struct nl_msg *msg = message(RTM_GETLINK, NLM_F_REQUEST, index);
	struct answer a;
	assert_int_equal(nla_put_u32(msg, IFLA_EXT_MASK, RTEXT_FILTER_VF), 0);
	assert_int_equal(ask(w, msg, &a), 0);
	struct nlmsghdr *h = answer_next(&a);
	assert_int_equal(h->nlmsg_type, RTM_NEWLINK);
	assert_int_equal(nlmsg_parse(h, sizeof(*ret), attrs, IFLA_MAX, NULL), 0);
	memcpy(ret, nlmsg_data(h), sizeof(*ret));
	assert_null(answer_next(&a));
	return a;
}

static const void *data_of(struct nlattr **attrs, int type, int size)
{
	assert_non_null(attrs[type]);
	assert_int_equal(nla_len(attrs[type]), size);
	return nla_data(attrs[type]);
}

static struct vf_settings settings_take(struct nlattr *info, uint32_t vf)
{
	struct nlattr *attrs[IFLA_VF_MAX + 1];
	struct vf_settings s = { 0 };
	assert_int_equal(nla_parse_nested(attrs, IFLA_VF_MAX, info, NULL), 0);
	const struct ifla_vf_mac *mac = data_of(attrs, IFLA_VF_MAC, sizeof(*mac));
	const struct ifla_vf_vlan *vlan = data_of(attrs, IFLA_VF_VLAN, sizeof(*vlan));
	const struct ifla_vf_rate *rate = data_of(attrs, IFLA_VF_RATE, sizeof(*rate));
	const struct ifla_vf_spoofchk *spoof = data_of(attrs, IFLA_VF_SPOOFCHK, sizeof(*spoof));
	const struct ifla_vf_trust *trust = data_of(attrs, IFLA_VF_TRUST, sizeof(*trust));
	const struct ifla_vf_link_state *link = data_of(attrs, IFLA_VF_LINK_STATE, sizeof(*link));
	assert_int_equal(mac->vf, vf);
	assert_int_equal(vlan->vf, vf);
	memcpy(s.mac, mac->mac, sizeof(s.mac));
	s.vlan = (uint16_t)vlan->vlan;
	s.qos = (uint8_t)vlan->qos;
	s.min_rate = rate->min_tx_rate;
	s.max_rate = rate->max_tx_rate;
	s.spoofchk = (uint8_t)spoof->setting;
	s.trust = (uint8_t)trust->setting;
	s.link = (uint8_t)link->link_state;
	return s;
}

static struct vf_settings settings_read(struct world *w, uint32_t vf)
{
	struct nlattr *attrs[IFLA_MAX + 1], *info;
	struct ifinfomsg link;
	struct vf_settings s = { 0 };
	struct answer a = link_read(w, w->nic->ifindex, attrs, &link);
	uint32_t i = 0;
	int left;
	nla_for_each_nested(info, attrs[IFLA_VFINFO_LIST], left) {
		if (i == vf)
			s = settings_take(info, vf);
		i++;
	}
	assert_int_equal(i, w->nic->num_vfs);
	assert_int_equal(nla_get_u32(attrs[IFLA_NUM_VF]), w->nic->num_vfs);
	str_buf_done(&a.text);
	return s;
}

/* --- tests ------------------------------------------------------------------------------------ */

static void test_dump_lists_lo_first_and_ends_with_done(void **state)
{
	struct world *w = *state;
	_cleanup_(nlmsg_freep) struct nl_msg *msg = message(RTM_GETLINK, ASK | NLM_F_DUMP, 0);
	struct answer a;
	int last = 0, n = 0;
	assert_int_equal(ask(w, msg, &a), 0);
	struct nlmsghdr *h = answer_next(&a);
	for (; h && h->nlmsg_type == RTM_NEWLINK; h = answer_next(&a)) {
		const struct ifinfomsg *info = nlmsg_data(h);
		const struct nlattr *name = nlmsg_find_attr(h, sizeof(*info), IFLA_IFNAME);
		assert_true(h->nlmsg_flags & NLM_F_MULTI);
		assert_true(info->ifi_index > last);
		assert_int_equal(nla_strcmp(name, "lo") == 0, info->ifi_index == 1);
		assert_null(nlmsg_find_attr(h, sizeof(*info), IFLA_NUM_VF)); /* not asked for */
		last = info->ifi_index;
		n++;
	}
	assert_int_equal(n, 6); /* lo, three igb, two e1000 */
	assert_int_equal(h ? h->nlmsg_type : 0, NLMSG_DONE);
	assert_null(answer_next(&a));
	str_buf_done(&a.text);
}

static void test_dump_of_what_is_not_there_is_empty(void **state)
{
	static const int types[] = { RTM_GETADDR, RTM_GETROUTE, RTM_GETRULE, RTM_GETNEIGH };
	struct world *w = *state;
	for (size_t i = 0; i < sizeof(types) / sizeof(*types); i++) {
		_cleanup_(nlmsg_freep) struct nl_msg *msg =
			message(types[i], NLM_F_REQUEST | NLM_F_DUMP, 0);
		struct answer a;
		assert_int_equal(ask(w, msg, &a), 0);
		assert_int_equal(answer_next(&a)->nlmsg_type, NLMSG_DONE);
		assert_null(answer_next(&a));
		str_buf_done(&a.text);
	}
}

static void test_request_unknown_not_supported(void **state)
{
	struct world *w = *state;
	assert_int_equal(say(w, message(RTM_NEWADDR, ASK, 0)), -EOPNOTSUPP);
	assert_int_equal(say(w, message(RTM_GETQDISC, NLM_F_REQUEST | NLM_F_DUMP, 0)), -EOPNOTSUPP);
	assert_int_equal(say(w, message(RTM_NEWLINK, ASK | NLM_F_CREATE, 0)), -EOPNOTSUPP);
	struct nl_msg *mtu = message(RTM_SETLINK, ASK, w->nic->ifindex);
	assert_int_equal(nla_put_u32(mtu, IFLA_MTU, 9000), 0);
	assert_int_equal(say(w, mtu), -EOPNOTSUPP);
}

static void test_request_cut_short_ignored(void **state)
{
	struct world *w = *state;
	_cleanup_(nlmsg_freep) struct nl_msg *msg = message(RTM_GETLINK, ASK, 2);
	struct str_buf out = { 0 };
	assert_int_equal(w->route->ops->transact(w->route, nlmsg_hdr(msg), 20, &out), 0);
	assert_int_equal(w->route->ops->transact(w->route, nlmsg_hdr(msg), 3, &out), 0);
	assert_int_equal(out.len, 0);
}

static void test_link_unknown_no_device(void **state)
{
	struct world *w = *state;
	struct nl_msg *named = message(RTM_GETLINK, ASK, 0);
	assert_int_equal(nla_put_string(named, IFLA_IFNAME, "nosuch"), 0);
	assert_int_equal(say(w, named), -ENODEV);
	assert_int_equal(say(w, message(RTM_GETLINK, ASK, 999)), -ENODEV);
	assert_int_equal(say(w, message(RTM_GETLINK, ASK, 0)), -EINVAL);
	assert_int_equal(say(w, message(RTM_NEWLINK, ASK, 0)), -ENODEV); /* iproute2's first */
	assert_int_equal(say(w, message(RTM_SETLINK, ASK, 0)), -EINVAL);
}

static void test_link_by_name_and_acknowledged(void **state)
{
	struct world *w = *state;
	_cleanup_(nlmsg_freep) struct nl_msg *msg = message(RTM_GETLINK, ASK, 0);
	struct answer a;
	assert_int_equal(nla_put_string(msg, IFLA_IFNAME, w->nic->netdev->name), 0);
	assert_int_equal(ask(w, msg, &a), 0);
	struct nlmsghdr *h = answer_next(&a);
	assert_int_equal(h->nlmsg_type, RTM_NEWLINK);
	assert_int_equal(((struct ifinfomsg *)nlmsg_data(h))->ifi_index, w->nic->ifindex);
	const uint8_t mac[] = { 0x52, 0x54, 0, 0xca, 1, 0 };
	const struct nlattr *address = nlmsg_find_attr(h, sizeof(struct ifinfomsg), IFLA_ADDRESS);
	assert_memory_equal(nla_data(address), mac, sizeof(mac));
	assert_int_equal(errno_of(answer_next(&a)), 0);
	assert_null(answer_next(&a));
	str_buf_done(&a.text);
}

static void test_link_up_and_down_seen_everywhere(void **state)
{
	struct world *w = *state;
	struct nlattr *attrs[IFLA_MAX + 1];
	struct ifinfomsg link;
	for (int is = 1; is >= 0; is--) {
		struct str_buf flags = { 0 }, operstate = { 0 };
		assert_int_equal(up(w, w->nic->ifindex, is), 0);
		struct answer a = link_read(w, w->nic->ifindex, attrs, &link);
		assert_int_equal(!!(link.ifi_flags & IFF_UP), is);
		assert_int_equal(nla_get_u8(attrs[IFLA_OPERSTATE]), is ? 6 : 2);
		struct node *dir = w->nic->netdev;
		access_show(w->m, node_find(w->m->tree, dir, "flags"), &flags);
		access_show(w->m, node_find(w->m->tree, dir, "operstate"), &operstate);
		assert_string_equal(flags.text, is ? "0x1003\n" : "0x1002\n");
		assert_string_equal(operstate.text, is ? "up\n" : "down\n");
		str_buf_done(&a.text);
		str_buf_done(&flags);
		str_buf_done(&operstate);
	}
	assert_int_equal(up(w, 1, true), 0);
	assert_int_equal(up(w, 1, false), -EOPNOTSUPP);
}

static void test_vfs_made_have_defaults(void **state)
{
	struct world *w = *state;
	vfs_make(w, "2");
	assert_int_equal(set_mac(w, 1, 0x52), 0);
	assert_int_equal(set_number(w, IFLA_VF_TRUST, 1, 1), 0);
	assert_int_equal(set_number(w, IFLA_VF_SPOOFCHK, 1, 0), 0);
	rtnetlink_vfs_made(w->nic);
	const struct vf_settings s = settings_read(w, 1), none = { .spoofchk = 1 };
	assert_memory_equal(&s, &none, sizeof(s));
}

static void test_setting_each_read_back(void **state)
{
	struct world *w = *state;
	const uint8_t mac[] = { 0x52, 0x54, 0, 0, 0, 1 };
	vfs_make(w, "3");
	assert_int_equal(up(w, w->nic->ifindex, true), 0);
	assert_int_equal(set_mac(w, 2, 0x52), 0);
	assert_int_equal(set_vlan(w, 2, 4095, 7), 0);
	assert_int_equal(set_number(w, IFLA_VF_SPOOFCHK, 2, 1), 0);
	assert_int_equal(set_number(w, IFLA_VF_TRUST, 2, 1), 0);
	assert_int_equal(set_rate(w, 2, 0, 1000), 0);
	const struct vf_settings s = settings_read(w, 2);
	assert_memory_equal(s.mac, mac, sizeof(mac));
	assert_int_equal(s.vlan, 4095);
	assert_int_equal(s.qos, 7);
	assert_int_equal(s.spoofchk, 1);
	assert_int_equal(s.trust, 1);
	assert_int_equal(s.max_rate, 1000);
	assert_int_equal(settings_read(w, 0).vlan, 0);
	assert_int_equal(set_number(w, IFLA_VF_TX_RATE, 2, 10), 0);
	assert_int_equal(settings_read(w, 2).max_rate, 10);
}

static void test_setting_refused_as_igb_does(void **state)
{
	struct world *w = *state;
	assert_int_equal(set_mac(w, 0, 0x52), -EINVAL); /* there is none */
	assert_int_equal(set_number(w, IFLA_VF_SPOOFCHK, 0, 1), -EOPNOTSUPP);
	vfs_make(w, "2");
	assert_int_equal(set_mac(w, 2, 0x52), -EINVAL);
	assert_int_equal(set_mac(w, UINT32_MAX, 0x52), -EINVAL);
	assert_int_equal(set_mac(w, 0, 0x53), -EINVAL); /* multicast */
	assert_int_equal(set_vlan(w, 0, 4096, 0), -EINVAL);
	assert_int_equal(set_vlan(w, 0, 1, 8), -EINVAL);
	assert_int_equal(set_number(w, IFLA_VF_LINK_STATE, 0, 1), -EOPNOTSUPP);
	assert_int_equal(set_number(w, IFLA_VF_RSS_QUERY_EN, 0, 1), -EOPNOTSUPP);
	assert_int_equal(set_rate(w, 0, 0, 100), -EINVAL); /* no link */
	assert_int_equal(up(w, w->nic->ifindex, true), 0);
	assert_int_equal(set_rate(w, 0, 10, 100), -EINVAL);
	assert_int_equal(set_rate(w, 0, 200, 100), -EINVAL);
	assert_int_equal(set_rate(w, 0, 0, 1001), -EINVAL);
	assert_int_equal(set(w, IFLA_VF_MAC, "abc", 3), -ERANGE);
}

static void test_vlan_list_of_one_taken(void **state)
{
	struct world *w = *state;
	vfs_make(w, "1");
	const struct ifla_vf_vlan_info v[] = { { 0, 5, 1, htons(ETH_P_8021Q) },
					       { 0, 6, 1, htons(ETH_P_8021AD) } };
	static const int expected[] = { 0, -EPROTONOSUPPORT, -EOPNOTSUPP, -EINVAL };
	for (size_t i = 0; i < 4; i++) {
		_cleanup_(nlmsg_freep) struct nl_msg *list = nlmsg_alloc();
		if (i == 0 || i == 2)
			assert_int_equal(nla_put(list, IFLA_VF_VLAN_INFO, sizeof(*v), &v[0]), 0);
		if (i == 1 || i == 2)
			assert_int_equal(nla_put(list, IFLA_VF_VLAN_INFO, sizeof(*v), &v[1]), 0);
		struct nlmsghdr *h = nlmsg_hdr(list);
		assert_int_equal(set(w, IFLA_VF_VLAN_LIST, nlmsg_data(h), nlmsg_datalen(h)),
				 expected[i]);
	}
	assert_int_equal(settings_read(w, 0).vlan, 5);
}

static void test_setting_of_others_not_supported(void **state)
{
	struct world *w = *state;
	const uint32_t trust[] = { 0, 1 };
	const struct part part = { IFLA_VF_TRUST, trust, sizeof(trust) };
	vfs_make(w, "1");
	assert_non_null(w->nic->vfs[0]->netdev);
	assert_int_equal(say(w, setting(1, &part, 1)), -EOPNOTSUPP);
	assert_int_equal(say(w, setting(w->nic->vfs[0]->ifindex, &part, 1)), -EOPNOTSUPP);
}

/* The order is the kernel's, not the message's. */
static void test_settings_before_an_error_stay(void **state)
{
	struct world *w = *state;
	const uint32_t trust[] = { 0, 1 };
	const struct ifla_vf_vlan vlan = { 0, 5000, 0 };
	const struct ifla_vf_mac mac = { .vf = 0, .mac = { 0x52, 1, 2, 3, 4, 5 } };
	const struct part parts[] = { { IFLA_VF_TRUST, trust, sizeof(trust) },
				      { IFLA_VF_VLAN, &vlan, sizeof(vlan) },
				      { IFLA_VF_MAC, &mac, sizeof(mac) } };
	vfs_make(w, "1");
	assert_int_equal(say(w, setting(w->nic->ifindex, parts, 3)), -EINVAL);
	const struct vf_settings s = settings_read(w, 0);
	assert_memory_equal(s.mac, mac.mac, sizeof(s.mac));
	assert_int_equal(s.vlan, 0);
	assert_int_equal(s.trust, 0);
}

static void test_fault_of_nth_setting(void **state)
{
	struct world *w = *state;
	vfs_make(w, "2");
	fault(w, "rtnl/*/vf1/*", "2", "error=EIO");
	fault(w, "vf0/mac", "1", "error-after=ETIMEDOUT");
	fault(w, "vf0/trust", "1", "ignore");
	fault(w, "vf0/vlan", "1", "kill-after=carved");
	assert_int_equal(set_mac(w, 1, 0x52), 0);
	assert_int_equal(set_mac(w, 1, 0x54), -EIO);
	assert_int_equal(settings_read(w, 1).mac[0], 0x52);
	assert_int_equal(set_mac(w, 0, 0x56), -ETIMEDOUT);
	assert_int_equal(set_number(w, IFLA_VF_TRUST, 0, 1), 0);
	assert_int_equal(set_vlan(w, 0, 9, 0), 0);
	const struct vf_settings s = settings_read(w, 0);
	assert_int_equal(s.mac[0], 0x56);
	assert_int_equal(s.trust, 0);
	assert_int_equal(s.vlan, 9);
}

static void test_card_pulled_while_set_no_device(void **state)
{
	struct world *w = *state;
	int index = w->nic->ifindex;
	vfs_make(w, "1");
	fault(w, "vf0/mac", "1", "gone");
	assert_int_equal(set_mac(w, 0, 0x52), -ENODEV);
	test_machine_wait_gone(w->m, NIC);
	assert_int_equal(say(w, message(RTM_GETLINK, ASK, index)), -ENODEV);
	assert_false(w->m->rtnl.held);
}

static void test_trace_names_each_setting(void **state)
{
	struct world *w = *state;
	vfs_make(w, "1");
	uint64_t since = trace_newest(w->m);
	struct str_buf out = { 0 };
	char expected[256];
	assert_int_equal(set_mac(w, 0, 0x52), 0);
	assert_int_equal(set_vlan(w, 0, 4096, 2), -EINVAL);
	(void)STR_FORMAT(expected,
			 "%llu write rtnl/%s/vf0/mac \"52:54:00:00:00:01\" ok\n"
			 "%llu write rtnl/%s/vf0/vlan \"4096 qos 2\" EINVAL\n",
			 (unsigned long long)since + 1, w->nic->netdev->name,
			 (unsigned long long)since + 2, w->nic->netdev->name);
	trace_list(w->m, since, &out);
	assert_string_equal(out.text, expected);
	str_buf_done(&out);
}

static void test_reboot_keeps_the_file_and_frees_the_lock(void **state)
{
	struct world *w = *state;
	const struct ifla_vf_mac mac = { .vf = 0, .mac = { 0x52 } };
	const struct part part = { IFLA_VF_MAC, &mac, sizeof(mac) };
	struct answer a;
	vfs_make(w, "1");
	fault(w, "vf0/mac", "1", "reboot");
	_cleanup_(nlmsg_freep) struct nl_msg *msg = setting(w->nic->ifindex, &part, 1);
	assert_int_equal(ask(w, msg, &a), -ENOTCONN);
	assert_ptr_equal(node_walk(w->m->tree, w->m->dev, RTNETLINK_DIR "/" RTNETLINK_FILE),
			 w->route);
	machine_caller_set(w->m, 0);
	w->nic = bus_find(w->m, NIC);
	vfs_make(w, "1");
	assert_int_equal(set_vlan(w, 0, 7, 0), 0);
	assert_int_equal(settings_read(w, 0).mac[0], 0);
}

/* --- one behind the other --------------------------------------------------------------------- */

struct asker {
	struct world *w;
	struct nl_msg *msg;
	atomic_bool answered;
};

static void *asker_run(void *userdata)
{
	struct asker *asker = userdata;
	struct answer a;
	machine_lock(asker->w->m);
	machine_caller_set(asker->w->m, 0);
	(void)ask(asker->w, asker->msg, &a);
	atomic_store(&asker->answered, true);
	str_buf_done(&a.text);
	machine_unlock(asker->w->m);
	return NULL;
}

static void test_reading_waits_behind_a_setting_that_hangs(void **state)
{
	struct world *w = *state;
	const uint32_t trust[] = { 0, 1 };
	const struct part part = { IFLA_VF_TRUST, trust, sizeof(trust) };
	vfs_make(w, "1");
	fault(w, "vf0/trust", "1", "hang");
	struct asker setter = { .w = w, .msg = setting(w->nic->ifindex, &part, 1) };
	struct asker reader = { .w = w, .msg = message(RTM_GETLINK, ASK, w->nic->ifindex) };
	pthread_t threads[2];
	assert_int_equal(pthread_create(&threads[0], NULL, asker_run, &setter), 0);
	test_machine_wait(w->m, &w->m->rtnl.held);
	assert_int_equal(pthread_create(&threads[1], NULL, asker_run, &reader), 0);
	machine_unlock(w->m);
	(void)usleep(50000); /* time enough to answer */
	machine_lock(w->m);
	assert_false(atomic_load(&setter.answered));
	assert_false(atomic_load(&reader.answered));
	assert_int_equal(fault_clear(w->m, 0), 1);
	machine_unlock(w->m);
	pthread_join(threads[0], NULL);
	pthread_join(threads[1], NULL);
	machine_lock(w->m);
	assert_true(atomic_load(&setter.answered));
	assert_true(atomic_load(&reader.answered));
	nlmsg_free(setter.msg);
	nlmsg_free(reader.msg);
	assert_int_equal(settings_read(w, 0).trust, 1);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, world_make, world_end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_dump_lists_lo_first_and_ends_with_done),
		TEST(test_dump_of_what_is_not_there_is_empty),
		TEST(test_request_unknown_not_supported),
		TEST(test_request_cut_short_ignored),
		TEST(test_link_unknown_no_device),
		TEST(test_link_by_name_and_acknowledged),
		TEST(test_link_up_and_down_seen_everywhere),
		TEST(test_vfs_made_have_defaults),
		TEST(test_setting_each_read_back),
		TEST(test_setting_refused_as_igb_does),
		TEST(test_vlan_list_of_one_taken),
		TEST(test_setting_of_others_not_supported),
		TEST(test_settings_before_an_error_stay),
		TEST(test_fault_of_nth_setting),
		TEST(test_card_pulled_while_set_no_device),
		TEST(test_trace_names_each_setting),
		TEST(test_reboot_keeps_the_file_and_frees_the_lock),
		TEST(test_reading_waits_behind_a_setting_that_hangs),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
