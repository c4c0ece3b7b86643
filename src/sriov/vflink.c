/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See vflink.h. */
#include "sriov/vflink.h"

#include <errno.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <string.h>

#include "base/cleanup.h"

DEFINE_CLEANUP(struct nl_sock *, nl_socket_free);
DEFINE_CLEANUP(struct nl_msg *, nlmsg_free);

#define NOT_REPORTED UINT32_MAX /* what the kernel presets before it asks the driver */

/* libnl has errors of its own; the kernel's come through the callback below as they are. */
static int vflink_errno(int nlerr)
{
	switch (-nlerr) {
	case NLE_NOMEM:
		return -ENOMEM;
	case NLE_PERM:
	case NLE_NOACCESS:
		return -EPERM;
	case NLE_AGAIN:
		return -EAGAIN;
	case NLE_MSG_OVERFLOW:
	case NLE_MSG_TRUNC:
		return -EMSGSIZE;
	default: /* libnl's enumeration, not ours */
		return -EIO;
	}
}

static int on_error(struct sockaddr_nl *nla, struct nlmsgerr *e, void *arg)
{
	(void)nla;
	*(int *)arg = e->error;
	return NL_STOP;
}

static int on_ack(struct nl_msg *msg, void *arg)
{
	(void)msg;
	*(int *)arg = 0;
	return NL_STOP;
}

static int socket_open(struct nl_sock **ret)
{
	_cleanup_(nl_socket_freep) struct nl_sock *sk = nl_socket_alloc();
	if (!sk)
		return -ENOMEM;
	int r = nl_connect(sk, NETLINK_ROUTE);
	/* 127 VFs with statistics are some 30 KiB in one message. */
	if (r >= 0)
		r = nl_socket_set_msg_buf_size(sk, 256 * 1024);
	if (r < 0)
		return vflink_errno(r);
	*ret = TAKE_PTR(sk);
	return 0;
}

/* Sends and waits for the answer of the kernel: its errno, as it is. */
static int talk(struct nl_sock *sk, struct nl_msg *msg, nl_recvmsg_msg_cb_t valid, void *arg)
{
	int answer = 1;
	int r = nl_socket_modify_err_cb(sk, NL_CB_CUSTOM, on_error, &answer);
	if (r >= 0)
		r = nl_socket_modify_cb(sk, NL_CB_ACK, NL_CB_CUSTOM, on_ack, &answer);
	if (r >= 0 && valid)
		r = nl_socket_modify_cb(sk, NL_CB_VALID, NL_CB_CUSTOM, valid, arg);
	if (r >= 0)
		r = nl_send_auto(sk, msg);
	while (r >= 0 && answer > 0)
		r = nl_recvmsgs_default(sk);
	return answer <= 0 ? answer : vflink_errno(r);
}

static struct nl_msg *message_new(int type, int flags, int ifindex)
{
	const struct ifinfomsg info = { .ifi_family = AF_UNSPEC, .ifi_index = ifindex };
	_cleanup_(nlmsg_freep) struct nl_msg *msg = nlmsg_alloc_simple(type, flags);
	if (!msg || nlmsg_append(msg, (void *)(uintptr_t)&info, sizeof(info), NLMSG_ALIGNTO) < 0)
		return NULL;
	return TAKE_PTR(msg);
}

static const void *payload(struct nlattr **attrs, int type, size_t size)
{
	const struct nlattr *a = attrs[type];
	return a && (size_t)nla_len(a) >= size ? nla_data(a) : NULL;
}

static void info_flags(struct nlattr **attrs, struct vf_settings *s)
{
	const struct ifla_vf_spoofchk *spoof = payload(attrs, IFLA_VF_SPOOFCHK, sizeof(*spoof));
	const struct ifla_vf_trust *trust = payload(attrs, IFLA_VF_TRUST, sizeof(*trust));
	const struct ifla_vf_link_state *link = payload(attrs, IFLA_VF_LINK_STATE, sizeof(*link));

	if (spoof && spoof->setting != NOT_REPORTED) {
		s->spoofchk = spoof->setting != 0;
		s->set |= VF_SET_SPOOFCHK;
	}
	if (trust && trust->setting != NOT_REPORTED) {
		s->trust = trust->setting != 0;
		s->set |= VF_SET_TRUST;
	}
	if (link && link->link_state <= VF_LINK_DISABLE) {
		s->link = (uint8_t)link->link_state;
		s->set |= VF_SET_LINK;
	}
}

static void info_parse(struct nlattr **attrs, struct vf_info *v)
{
	const struct ifla_vf_mac *mac = payload(attrs, IFLA_VF_MAC, sizeof(*mac));
	const struct ifla_vf_vlan *vlan = payload(attrs, IFLA_VF_VLAN, sizeof(*vlan));
	const struct ifla_vf_rate *rate = payload(attrs, IFLA_VF_RATE, sizeof(*rate));
	struct vf_settings *s = &v->settings;

	v->index = mac ? (int32_t)mac->vf : -1;
	if (mac) {
		memcpy(s->mac, mac->mac, sizeof(s->mac));
		s->set |= VF_SET_MAC;
	}
	if (vlan) {
		s->vlan = (uint16_t)vlan->vlan;
		s->qos = (uint8_t)vlan->qos;
		s->set |= VF_SET_VLAN;
	}
	if (rate) {
		s->min_rate = rate->min_tx_rate;
		s->max_rate = rate->max_tx_rate;
		s->set |= VF_SET_RATE;
	}
	info_flags(attrs, s);
}

struct reading {
	struct vf_info *infos;
	size_t room, n;
};

static int on_link(struct nl_msg *msg, void *arg)
{
	struct reading *reading = arg;
	const struct nlattr *list =
		nlmsg_find_attr(nlmsg_hdr(msg), sizeof(struct ifinfomsg), IFLA_VFINFO_LIST);
	struct nlattr *item;
	int left;

	if (!list)
		return NL_OK;
	nla_for_each_nested(item, list, left) {
		struct nlattr *attrs[IFLA_VF_MAX + 1];
		struct vf_info v = { 0 };
		if (nla_type(item) != IFLA_VF_INFO ||
		    nla_parse_nested(attrs, IFLA_VF_MAX, item, NULL) < 0)
			continue;
		info_parse(attrs, &v);
		if (v.index >= 0 && reading->n < reading->room)
			reading->infos[reading->n++] = v;
	}
	return NL_OK;
}

int vflink_read(int ifindex, struct vf_info *ret, size_t room)
{
	_cleanup_(nl_socket_freep) struct nl_sock *sk = NULL;
	struct reading reading = { .infos = ret, .room = room };
	int r = socket_open(&sk);
	if (r < 0)
		return r;
	_cleanup_(nlmsg_freep) struct nl_msg *msg =
		message_new(RTM_GETLINK, NLM_F_REQUEST | NLM_F_ACK, ifindex);
	if (!msg || nla_put_u32(msg, IFLA_EXT_MASK, RTEXT_FILTER_VF | RTEXT_FILTER_SKIP_STATS) < 0)
		return -ENOMEM;
	r = talk(sk, msg, on_link, &reading);
	return r < 0 ? r : (int)reading.n;
}

int vflink_read_one(int ifindex, int vf, struct vf_settings *ret)
{
	enum {
		VFS_MAX = 256
	};
	_cleanup_free_ struct vf_info *infos = calloc(VFS_MAX, sizeof(*infos));
	if (!infos)
		return -ENOMEM;
	int n = vflink_read(ifindex, infos, VFS_MAX);
	for (int i = 0; i < n; i++)
		if (infos[i].index == vf) {
			*ret = infos[i].settings;
			return 0;
		}
	return n < 0 ? n : -ENOENT;
}

static int put_setting(struct nl_msg *msg, uint32_t vf, enum vf_setting which,
		       const struct vf_settings *s)
{
	struct ifla_vf_mac mac = { .vf = vf };
	struct ifla_vf_vlan vlan = { .vf = vf, .vlan = s->vlan, .qos = s->qos };
	struct ifla_vf_spoofchk spoof = { .vf = vf, .setting = s->spoofchk ? 1 : 0 };
	struct ifla_vf_trust trust = { .vf = vf, .setting = s->trust ? 1 : 0 };
	struct ifla_vf_link_state link = { .vf = vf, .link_state = s->link };
	struct ifla_vf_rate rate = { .vf = vf,
				     .min_tx_rate = s->min_rate,
				     .max_tx_rate = s->max_rate };

	switch (which) {
	case VF_SET_MAC:
		memcpy(mac.mac, s->mac, sizeof(s->mac));
		return nla_put(msg, IFLA_VF_MAC, sizeof(mac), &mac);
	case VF_SET_VLAN:
		return nla_put(msg, IFLA_VF_VLAN, sizeof(vlan), &vlan);
	case VF_SET_SPOOFCHK:
		return nla_put(msg, IFLA_VF_SPOOFCHK, sizeof(spoof), &spoof);
	case VF_SET_TRUST:
		return nla_put(msg, IFLA_VF_TRUST, sizeof(trust), &trust);
	case VF_SET_LINK:
		return nla_put(msg, IFLA_VF_LINK_STATE, sizeof(link), &link);
	case VF_SET_RATE:
		return nla_put(msg, IFLA_VF_RATE, sizeof(rate), &rate);
	}
	return -1;
}

int vflink_set(int ifindex, int vf, enum vf_setting which, const struct vf_settings *s)
{
	_cleanup_(nl_socket_freep) struct nl_sock *sk = NULL;
	int r = socket_open(&sk);
	if (r < 0)
		return r;
	_cleanup_(nlmsg_freep) struct nl_msg *msg =
		message_new(RTM_SETLINK, NLM_F_REQUEST | NLM_F_ACK, ifindex);
	if (!msg)
		return -ENOMEM;
	struct nlattr *list = nla_nest_start(msg, IFLA_VFINFO_LIST | NLA_F_NESTED);
	struct nlattr *info = list ? nla_nest_start(msg, IFLA_VF_INFO | NLA_F_NESTED) : NULL;
	if (!info || put_setting(msg, (uint32_t)vf, which, s) < 0)
		return -ENOMEM;
	nla_nest_end(msg, info);
	nla_nest_end(msg, list);
	return talk(sk, msg, NULL, NULL);
}
