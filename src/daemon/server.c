/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The listening socket, users' budgets, the timer of stalled connections. See server.h. */
#include "daemon/server.h"

#include <errno.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <systemd/sd-daemon.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "base/log.h"
#include "base/str.h"
#include "daemon/daemon.h"
#include "daemon/session.h"
#include "sys/clock.h"

/* Out of descriptors or memory, the listener rests for so long. */
#define ACCEPT_PAUSE_MS 200

static int start_failed(struct err *reterr, int r, const char *path)
{
	err_set(reterr, "daemon.socket", -r, "cannot listen");
	err_on(reterr, "%s", path);
	err_because(reterr, "%s", strerror(-r));
	if (r == -EADDRINUSE)
		err_todo(reterr, "another carved is running: systemctl status carved");
	return r;
}

/* Is somebody listening there, or is it what a killed service left? */
static bool path_in_use(const struct sockaddr_un *addr)
{
	_cleanup_close_ int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	return fd >= 0 &&
	       (connect(fd, (const struct sockaddr *)addr, sizeof(*addr)) == 0 || errno == EAGAIN);
}

static int socket_bind(int fd, const struct sockaddr_un *addr, mode_t mode)
{
	if (path_in_use(addr))
		return -EADDRINUSE;
	if (unlink(addr->sun_path) < 0 && errno != ENOENT)
		return -errno;
	mode_t mask = umask(0177);
	int r = bind(fd, (const struct sockaddr *)addr, sizeof(*addr)) < 0 ? -errno : 0;
	umask(mask);
	if (r == 0 && chmod(addr->sun_path, mode) < 0)
		r = -errno;
	if (r == 0 && listen(fd, SERVER_CONNECTIONS_MAX) < 0)
		r = -errno;
	return r;
}

int server_socket_make(const char *run_dir, mode_t mode, struct err *reterr)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	if (mkdir(run_dir, 0755) < 0 && errno != EEXIST)
		return start_failed(reterr, -errno, run_dir);
	if (STR_FORMAT(addr.sun_path, "%s/io.carve", run_dir) < 0)
		return start_failed(reterr, -ENAMETOOLONG, run_dir);
	_cleanup_close_ int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int r = fd < 0 ? -errno : socket_bind(fd, &addr, mode);
	if (r < 0)
		return start_failed(reterr, r, addr.sun_path);
	return TAKE_FD(fd);
}

static int socket_get(struct daemon *d, struct err *reterr)
{
	int n = sd_listen_fds(1);
	if (n <= 0)
		return server_socket_make(d->config->run_dir, d->config->socket_mode, reterr);
	int fd = SD_LISTEN_FDS_START;
	if (n > 1 || sd_is_socket(fd, AF_UNIX, SOCK_STREAM, 1) <= 0)
		return start_failed(reterr, -EINVAL, "the socket that was handed over");
	return fd;
}

/* Who has a session; NULL before the first and after the last. */
static struct server_user *user_find(const struct server *srv, uint32_t uid)
{
	for (size_t i = 0; i < srv->n_users; i++)
		if (srv->users[i].connections > 0 && srv->users[i].uid == uid)
			return &srv->users[i];
	return NULL;
}

static struct server_user *user_get(struct server *srv, uint32_t uid)
{
	struct server_user *unused = user_find(srv, uid);
	if (unused)
		return unused;
	for (size_t i = 0; i < srv->n_users && !unused; i++)
		if (srv->users[i].connections == 0)
			unused = &srv->users[i];
	if (!unused)
		unused = ARRAY_ADD(srv->users, srv->n_users);
	if (!unused)
		return NULL;
	*unused = (struct server_user){ .uid = uid };
	return unused;
}

/* The call it is about to make is answered before it is read. Best effort: the peer may be gone. */
static void refuse(int fd, const char *limit, unsigned value)
{
	json_t *message = json_pack("{s:s, s:{s:s, s:i}}", "error", "io.carve.LimitReached",
				    "parameters", "limit", limit, "value", (int)value);
	_cleanup_free_ char *text = message ? json_dumps(message, JSON_COMPACT) : NULL;
	if (text)
		(void)send(fd, text, strlen(text) + 1, MSG_NOSIGNAL | MSG_DONTWAIT);
	json_decref(message);
}

static bool admit(struct server *srv, int fd, const struct requester *who, struct server_user **ret)
{
	struct server_user *user = user_get(srv, who->uid);
	if (!user)
		return false;
	/* Whoever manages still gets in when others have taken what there is for them. */
	unsigned most = SERVER_CONNECTIONS_MAX - (who->manage ? 0 : SERVER_CONNECTIONS_KEPT);
	if (srv->n_sessions >= most) {
		refuse(fd, "connections", most);
		return false;
	}
	if (!who->manage && user->connections >= SERVER_CONNECTIONS_PER_UID) {
		refuse(fd, "connections of a user", SERVER_CONNECTIONS_PER_UID);
		return false;
	}
	*ret = user;
	return true;
}

/* Who knocks goes on knocking: without a pause nothing else would get its turn. */
static void accept_pause(struct daemon *d)
{
	(void)sd_event_source_set_enabled(d->server.accept, SD_EVENT_OFF);
	(void)sd_event_source_set_time_relative(d->server.again, ACCEPT_PAUSE_MS * 1000);
	(void)sd_event_source_set_enabled(d->server.again, SD_EVENT_ONESHOT);
}

static int accept_again(sd_event_source *source, uint64_t usec, void *userdata)
{
	(void)source;
	(void)usec;
	struct daemon *d = userdata;
	(void)sd_event_source_set_enabled(d->server.accept, SD_EVENT_ON);
	return 0;
}

static int accept_ready(sd_event_source *source, int listener, uint32_t revents, void *userdata)
{
	(void)source;
	(void)revents;
	struct daemon *d = userdata;
	_cleanup_close_ int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (fd < 0 && (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM))
		accept_pause(d);
	if (fd < 0)
		return 0;
	struct requester who;
	struct server_user *user;
	if (peer_read(fd, &d->server.groups, &who) < 0 || !admit(&d->server, fd, &who, &user))
		return 0;
	if (session_new(d, TAKE_FD(fd), &who) >= 0)
		user->connections++;
	return 0;
}

int server_charge(struct server *srv, const struct session *s, size_t bytes)
{
	struct server_user *user = user_find(srv, s->who.uid);
	if (!user)
		return 0;
	user->bytes = user->bytes - s->charged + bytes;
	return user->bytes > SERVER_BYTES_PER_UID && !s->who.manage ? -EDQUOT : 0;
}

void server_forget(struct server *srv, const struct session *s)
{
	(void)server_charge(srv, s, 0);
	struct server_user *user = user_find(srv, s->who.uid);
	if (user)
		user->connections--;
}

static int stall_due(sd_event_source *source, uint64_t usec, void *userdata)
{
	(void)source;
	(void)usec;
	struct daemon *d = userdata;
	int64_t now = clock_monotonic_ms();
	struct session *s = LIST_FIRST(&d->server.sessions), *next;
	for (; s; s = next) {
		next = LIST_NEXT(s, link);
		if (s->stalled_at && now - s->stalled_at >= d->config->stall_ms)
			session_free(s);
	}
	server_stall_arm(d);
	return 0;
}

void server_stall_arm(struct daemon *d)
{
	int64_t first = 0;
	const struct session *s;
	LIST_FOREACH(s, &d->server.sessions, link)
	if (s->stalled_at && (!first || s->stalled_at < first))
		first = s->stalled_at;
	if (first)
		sd_event_source_set_time(d->server.stall,
					 (uint64_t)(first + d->config->stall_ms) * 1000);
	sd_event_source_set_enabled(d->server.stall, first ? SD_EVENT_ONESHOT : SD_EVENT_OFF);
}

int server_start(struct daemon *d, struct err *reterr)
{
	struct server *srv = &d->server;
	LIST_INIT(&srv->sessions);
	srv->next_token = 1;
	peer_groups_find(&srv->groups);
	srv->fd = socket_get(d, reterr);
	if (srv->fd < 0)
		return srv->fd;
	int r = sd_event_add_io(d->loop, &srv->accept, srv->fd, EPOLLIN, accept_ready, d);
	if (r >= 0)
		r = sd_event_add_time(d->loop, &srv->stall, CLOCK_MONOTONIC, UINT64_MAX, 0,
				      stall_due, d);
	if (r >= 0)
		r = sd_event_source_set_enabled(srv->stall, SD_EVENT_OFF);
	if (r >= 0)
		r = sd_event_add_time(d->loop, &srv->again, CLOCK_MONOTONIC, UINT64_MAX, 0,
				      accept_again, d);
	if (r >= 0)
		r = sd_event_source_set_enabled(srv->again, SD_EVENT_OFF);
	return r < 0 ? start_failed(reterr, r, d->config->run_dir) : 0;
}

void server_stop(struct daemon *d)
{
	struct server *srv = &d->server;
	while (!LIST_EMPTY(&srv->sessions))
		session_free(LIST_FIRST(&srv->sessions));
	sd_event_source_disable_unref(srv->accept);
	sd_event_source_disable_unref(srv->stall);
	sd_event_source_disable_unref(srv->again);
	if (srv->fd >= 0)
		close(srv->fd);
	free(srv->users);
}

struct session *server_find(struct daemon *d, uint64_t token)
{
	struct session *s;
	LIST_FOREACH(s, &d->server.sessions, link)
	if (s->wait != SESSION_FREE && s->token == token)
		return s;
	return NULL;
}

void server_resume(struct daemon *d)
{
	struct session *s = LIST_FIRST(&d->server.sessions), *next;
	for (; s; s = next) {
		next = LIST_NEXT(s, link);
		if (s->wait != SESSION_START)
			continue;
		session_call_held(s);
		session_settle(s);
	}
}

void server_publish(struct daemon *d, json_t *event)
{
	struct session *s = LIST_FIRST(&d->server.sessions), *next;
	for (; s; s = next) {
		next = LIST_NEXT(s, link);
		if (s->wait != SESSION_EVENTS)
			continue;
		session_publish(s, event);
		session_settle(s);
	}
}
