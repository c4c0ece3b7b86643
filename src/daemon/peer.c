/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See peer.h. */
#include "daemon/peer.h"

#include <errno.h>
#include <grp.h>
#include <sys/socket.h>

#include "base/cleanup.h"

static gid_t group_find(const char *name)
{
	const struct group *g = getgrnam(name);
	return g ? g->gr_gid : (gid_t)-1;
}

void peer_groups_find(struct peer_groups *ret)
{
	ret->admin = group_find("carve-admin");
	ret->claim = group_find("carve");
}

/* socket(7), SO_PEERGROUPS. */
int peer_groups_read(int fd, gid_t **ret, size_t *ret_n)
{
	gid_t none;
	socklen_t len = 0;
	if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, &none, &len) == 0) {
		*ret = NULL;
		*ret_n = 0;
		return 0;
	}
	if (errno != ERANGE)
		return -errno;
	gid_t *groups = malloc(len);
	if (!groups)
		return -ENOMEM;
	if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, groups, &len) < 0) {
		int r = -errno;
		free(groups);
		return r;
	}
	*ret = groups;
	*ret_n = len / sizeof(*groups);
	return 0;
}

static void take_group(struct requester *who, const struct peer_groups *groups, gid_t gid)
{
	if (gid == (gid_t)-1)
		return;
	if (gid == groups->admin)
		who->manage = true;
	if (gid == groups->claim)
		who->claim = true;
}

int peer_read(int fd, const struct peer_groups *groups, struct requester *ret)
{
	struct ucred cred;
	socklen_t len = sizeof(cred);
	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len) < 0)
		return -errno;
	_cleanup_free_ gid_t *list = NULL;
	size_t n = 0;
	int r = peer_groups_read(fd, &list, &n);
	if (r < 0)
		return r;

	struct requester who = { .uid = cred.uid, .gid = cred.gid, .manage = cred.uid == 0 };
	take_group(&who, groups, cred.gid);
	for (size_t i = 0; i < n; i++)
		take_group(&who, groups, list[i]);
	who.claim = who.claim || who.manage;
	*ret = who;
	return 0;
}

bool peer_may(const struct requester *who, enum peer_need need)
{
	switch (need) {
	case PEER_LOOK:
		return true;
	case PEER_CLAIM:
		return who->claim;
	case PEER_MANAGE:
		return who->manage;
	}
	return false;
}

const char *peer_need_name(enum peer_need need)
{
	static const char *const names[] = {
		[PEER_LOOK] = "nothing",
		[PEER_CLAIM] = "group carve or carve-admin, or root",
		[PEER_MANAGE] = "group carve-admin, or root",
	};
	return names[need];
}
