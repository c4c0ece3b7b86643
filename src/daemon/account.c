/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See account.h. */
#include "daemon/account.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/cleanup.h"
#include "daemon/peer.h"

struct account *account_free(struct account *a)
{
	if (!a)
		return NULL;
	for (size_t i = 0; a->groups && i < a->as.n_gids; i++)
		free(a->groups[i]);
	free(a->groups);
	free(a->gids);
	free(a->user);
	free(a);
	return NULL;
}

static void account_freep(struct account **a)
{
	account_free(*a);
}

/* Its own group is one of them. */
static int take_groups(struct account *a, int fd, uint32_t gid)
{
	_cleanup_free_ gid_t *list = NULL;
	size_t n = 0;
	int r = peer_groups_read(fd, &list, &n);
	if (r < 0)
		return r;
	a->gids = calloc(n + 1, sizeof(*a->gids));
	a->groups = calloc(n + 1, sizeof(*a->groups));
	if (!a->gids || !a->groups)
		return -ENOMEM;
	a->gids[0] = gid;
	for (size_t i = 0; i < n; i++)
		a->gids[i + 1] = list[i];
	a->as.n_gids = n + 1;
	return 0;
}

/* Who has no name is known by his number. */
static int take_names(struct account *a)
{
	const struct passwd *pw = getpwuid(a->as.uid);
	if (pw && !(a->user = strdup(pw->pw_name)))
		return -ENOMEM;
	for (size_t i = 0; i < a->as.n_gids && i < ACCOUNT_NAMES_MAX; i++) {
		const struct group *g = getgrgid(a->gids[i]);
		if (g && !(a->groups[i] = strdup(g->gr_name)))
			return -ENOMEM;
	}
	return 0;
}

int account_new(int fd, struct account **ret)
{
	struct ucred cred;
	socklen_t len = sizeof(cred);
	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len) < 0)
		return -errno;
	_cleanup_(account_freep) struct account *a = calloc(1, sizeof(*a));
	if (!a)
		return -ENOMEM;
	a->as.uid = cred.uid;
	int r = take_groups(a, fd, cred.gid);
	if (r >= 0)
		r = take_names(a);
	if (r < 0)
		return r;
	a->as.user = a->user;
	a->as.gids = a->gids;
	a->as.groups = (const char *const *)a->groups;
	*ret = TAKE_PTR(a);
	return 0;
}
