/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See devport.h. */
#include "sys/devport.h"

#include <errno.h>
#include <linux/devlink.h>
#include <netlink/genl/ctrl.h>
#include <netlink/genl/genl.h>
#include <netlink/netlink.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/str.h"

DEFINE_CLEANUP(struct nl_msg *, nlmsg_free);

struct channel {
	struct nl_sock *sk;
	int family;
};

static void channel_done(struct channel *ch)
{
	nl_socket_free(ch->sk);
}

static int channel_open(struct channel *ret)
{
	*ret = (struct channel){ .sk = nl_socket_alloc() };
	if (!ret->sk)
		return -ENOMEM;
	if (genl_connect(ret->sk) < 0)
		return -EIO;
	ret->family = genl_ctrl_resolve(ret->sk, DEVLINK_GENL_NAME);
	return ret->family < 0 ? -EOPNOTSUPP : 0;
}

static int on_error(struct sockaddr_nl *nla, struct nlmsgerr *e, void *arg)
{
	(void)nla;
	*(int *)arg = e->error;
	return NL_STOP;
}

static int on_end(struct nl_msg *msg, void *arg)
{
	(void)msg;
	*(int *)arg = 0;
	return NL_STOP;
}

static int talk(struct channel *ch, struct nl_msg *msg, nl_recvmsg_msg_cb_t valid, void *arg)
{
	int answer = 1;
	int r = nl_socket_modify_err_cb(ch->sk, NL_CB_CUSTOM, on_error, &answer);
	if (r >= 0)
		r = nl_socket_modify_cb(ch->sk, NL_CB_ACK, NL_CB_CUSTOM, on_end, &answer);
	if (r >= 0)
		r = nl_socket_modify_cb(ch->sk, NL_CB_FINISH, NL_CB_CUSTOM, on_end, &answer);
	if (r >= 0 && valid)
		r = nl_socket_modify_cb(ch->sk, NL_CB_VALID, NL_CB_CUSTOM, valid, arg);
	if (r >= 0)
		r = nl_send_auto(ch->sk, msg);
	while (r >= 0 && answer > 0)
		r = nl_recvmsgs_default(ch->sk);
	return answer <= 0 ? answer : -EIO;
}

/* What of the answer is asked for; kernels before 6.5 send the ports of all devices. */
struct walk {
	const char *bus, *device;
	devport_fn fn;
	void *userdata;
};

/* A VF of a host behind an adapter with processors of its own has the same number as one of ours. */
static bool port_matches(const struct walk *walk, struct nlattr **attrs)
{
	return attrs[DEVLINK_ATTR_BUS_NAME] && attrs[DEVLINK_ATTR_DEV_NAME] &&
	       attrs[DEVLINK_ATTR_PORT_INDEX] && attrs[DEVLINK_ATTR_PORT_FLAVOUR] &&
	       attrs[DEVLINK_ATTR_PORT_PCI_VF_NUMBER] &&
	       str_eq(nla_get_string(attrs[DEVLINK_ATTR_BUS_NAME]), walk->bus) &&
	       str_eq(nla_get_string(attrs[DEVLINK_ATTR_DEV_NAME]), walk->device) &&
	       nla_get_u16(attrs[DEVLINK_ATTR_PORT_FLAVOUR]) == DEVLINK_PORT_FLAVOUR_PCI_VF &&
	       !(attrs[DEVLINK_ATTR_PORT_EXTERNAL] &&
		 nla_get_u8(attrs[DEVLINK_ATTR_PORT_EXTERNAL]));
}

static void function_parse(struct nlattr *nest, struct devport *port)
{
	struct nlattr *attrs[DEVLINK_PORT_FUNCTION_ATTR_MAX + 1];
	if (!nest || nla_parse_nested(attrs, DEVLINK_PORT_FUNCTION_ATTR_MAX, nest, NULL) < 0)
		return;
	const struct nlattr *mac = attrs[DEVLINK_PORT_FUNCTION_ATTR_HW_ADDR];
	if (mac && (size_t)nla_len(mac) == sizeof(port->mac)) {
		memcpy(port->mac, nla_data(mac), sizeof(port->mac));
		port->has_mac = true;
	}
	if (attrs[DEVLINK_PORT_FN_ATTR_STATE]) {
		port->state = nla_get_u8(attrs[DEVLINK_PORT_FN_ATTR_STATE]);
		port->has_state = true;
	}
}

static int on_port(struct nl_msg *msg, void *arg)
{
	const struct walk *walk = arg;
	struct nlattr *attrs[DEVLINK_ATTR_MAX + 1];
	if (genlmsg_parse(nlmsg_hdr(msg), 0, attrs, DEVLINK_ATTR_MAX, NULL) < 0)
		return NL_SKIP;
	if (!port_matches(walk, attrs))
		return NL_OK;
	struct devport port = { .index = nla_get_u32(attrs[DEVLINK_ATTR_PORT_INDEX]),
				.vf = nla_get_u16(attrs[DEVLINK_ATTR_PORT_PCI_VF_NUMBER]) };
	function_parse(attrs[DEVLINK_ATTR_PORT_FUNCTION], &port);
	walk->fn(&port, walk->userdata);
	return NL_OK;
}

static struct nl_msg *message_new(const struct channel *ch, int flags, uint8_t command,
				  const char *bus, const char *device)
{
	_cleanup_(nlmsg_freep) struct nl_msg *msg = nlmsg_alloc();
	if (!msg || !genlmsg_put(msg, NL_AUTO_PORT, NL_AUTO_SEQ, ch->family, 0, flags, command,
				 DEVLINK_GENL_VERSION))
		return NULL;
	if (nla_put_string(msg, DEVLINK_ATTR_BUS_NAME, bus) < 0 ||
	    nla_put_string(msg, DEVLINK_ATTR_DEV_NAME, device) < 0)
		return NULL;
	return TAKE_PTR(msg);
}

int devport_each(const char *bus, const char *device, devport_fn fn, void *userdata)
{
	_cleanup_(channel_done) struct channel ch;
	struct walk walk = { .bus = bus, .device = device, .fn = fn, .userdata = userdata };
	int r = channel_open(&ch);
	if (r < 0)
		return r;
	_cleanup_(nlmsg_freep) struct nl_msg *msg = message_new(
		&ch, NLM_F_REQUEST | NLM_F_ACK | NLM_F_DUMP, DEVLINK_CMD_PORT_GET, bus, device);
	if (!msg)
		return -ENOMEM;
	return talk(&ch, msg, on_port, &walk);
}

static void take_wanted(const struct devport *port, void *userdata)
{
	struct devport *wanted = userdata;
	if (port->vf == wanted->vf)
		*wanted = *port;
}

int devport_find(const char *bus, const char *device, int vf, struct devport *ret)
{
	struct devport port = { .index = UINT32_MAX, .vf = vf };
	int r = devport_each(bus, device, take_wanted, &port);
	if (r < 0)
		return r;
	if (port.index == UINT32_MAX)
		return -ENOENT;
	*ret = port;
	return 0;
}

static int put_function(struct nl_msg *msg, const struct devport *p)
{
	if (nla_put_u32(msg, DEVLINK_ATTR_PORT_INDEX, p->index) < 0)
		return -ENOMEM;
	struct nlattr *nest = nla_nest_start(msg, DEVLINK_ATTR_PORT_FUNCTION | NLA_F_NESTED);
	if (!nest)
		return -ENOMEM;
	if (p->has_mac &&
	    nla_put(msg, DEVLINK_PORT_FUNCTION_ATTR_HW_ADDR, sizeof(p->mac), p->mac) < 0)
		return -ENOMEM;
	if (p->has_state && nla_put_u8(msg, DEVLINK_PORT_FN_ATTR_STATE, p->state) < 0)
		return -ENOMEM;
	nla_nest_end(msg, nest);
	return 0;
}

int devport_set(const char *bus, const char *device, const struct devport *p)
{
	_cleanup_(channel_done) struct channel ch;
	int r = channel_open(&ch);
	if (r < 0)
		return r;
	_cleanup_(nlmsg_freep) struct nl_msg *msg =
		message_new(&ch, NLM_F_REQUEST | NLM_F_ACK, DEVLINK_CMD_PORT_SET, bus, device);
	if (!msg)
		return -ENOMEM;
	r = put_function(msg, p);
	return r < 0 ? r : talk(&ch, msg, NULL, NULL);
}
