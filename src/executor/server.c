/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See server.h. One event is taken at a time, since each may free the owner of another. */
#include "executor/server.h"

#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/socket.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "executor/internal.h"
#include "sys/clock.h"

#define STOP_GRACE_MS 2000 /* for steps under way; systemd gives more */

/* A reply and its data are sent as one message. */
_Static_assert(offsetof(struct server, data) ==
		       offsetof(struct server, reply) + sizeof(struct exec_reply),
	       "data follows the reply");

int server_watch(struct server *s, int fd, uint32_t events, struct source *source)
{
	struct epoll_event e = { .events = events, .data.ptr = source };
	return epoll_ctl(s->epoll, EPOLL_CTL_ADD, fd, &e) < 0 ? -errno : 0;
}

void server_unwatch(struct server *s, int fd)
{
	(void)epoll_ctl(s->epoll, EPOLL_CTL_DEL, fd, NULL);
}

static void stop_begin(struct server *s)
{
	struct signalfd_siginfo info;
	if (read(s->signals, &info, sizeof(info)) == sizeof(info) && !s->stop_at)
		s->stop_at = clock_monotonic_ms() + STOP_GRACE_MS;
}

static void event_handle(struct server *s, const struct epoll_event *e)
{
	struct source *source = e->data.ptr;
	switch (source->kind) {
	case SOURCE_LISTENER:
		connection_accept(s);
		break;
	case SOURCE_SIGNALS:
		stop_begin(s);
		break;
	case SOURCE_CONNECTION:
		connection_event(source->owner, e->events);
		break;
	case SOURCE_WORKER:
		pool_event(source->owner, e->events);
		break;
	case SOURCE_WORKER_END:
		pool_ended(source->owner);
		break;
	case SOURCE_ORPHAN_END:
		orphan_ended(source->owner);
		break;
	}
}

static bool steps_under_way(const struct server *s)
{
	const struct task *t;
	TAILQ_FOREACH(t, &s->running, link)
	if (!t->abandoned)
		return true;
	return false;
}

/* Milliseconds until something is due; -1 never. */
static int due_in(struct server *s)
{
	int64_t now = clock_monotonic_ms();
	int64_t next = queue_expire(s, now);
	queue_run(s);
	int64_t deadline = queue_expire(s, now); /* of what has just begun */
	int64_t trim = pool_trim(s, now);
	if (deadline < next)
		next = deadline;
	if (trim < next)
		next = trim;
	if (s->stop_at && s->stop_at < next)
		next = s->stop_at;
	if (next == INT64_MAX)
		return -1;
	return next <= now ? 0 : (int)(next - now > INT32_MAX ? INT32_MAX : next - now);
}

static bool must_stop(const struct server *s)
{
	if (s->done)
		return true;
	return s->stop_at && (!steps_under_way(s) || clock_monotonic_ms() >= s->stop_at);
}

static int loop(struct server *s)
{
	for (;;) {
		int timeout = due_in(s);
		if (must_stop(s))
			return 0;
		struct epoll_event e;
		int n = epoll_wait(s->epoll, &e, 1, timeout);
		if (n < 0 && errno != EINTR)
			return -errno;
		if (n > 0)
			event_handle(s, &e);
	}
}

static int signals_open(struct server *s)
{
	sigset_t set;
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	if (sigprocmask(SIG_BLOCK, &set, NULL) < 0)
		return -errno;
	s->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return s->signals < 0 ? -errno : server_watch(s, s->signals, EPOLLIN, &s->signals_source);
}

static int socket_open(struct server *s)
{
	int listening = 0;
	socklen_t len = sizeof(listening);
	int fd = s->config->socket;
	if (getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &len) < 0)
		return -errno;
	if (!listening) {
		s->single = true;
		return connection_new(s, fd);
	}
	s->listener = fd;
	return server_watch(s, fd, EPOLLIN, &s->listener_source);
}

static struct server *server_free(struct server *s)
{
	if (!s)
		return NULL;
	s->single = false;
	while (!TAILQ_EMPTY(&s->connections))
		connection_free(TAILQ_FIRST(&s->connections));
	pool_done(s);
	queue_done(s);
	if (s->signals >= 0)
		close(s->signals);
	if (s->listener >= 0)
		close(s->listener);
	if (s->epoll >= 0)
		close(s->epoll);
	free(s);
	return NULL;
}
DEFINE_CLEANUP(struct server *, server_free);

static int server_new(const struct executor_config *c, struct server **ret)
{
	_cleanup_(server_freep) struct server *s = calloc(1, sizeof(*s));
	if (!s)
		return -ENOMEM;
	s->config = c;
	s->listener = s->signals = -1;
	s->listener_source = (struct source){ SOURCE_LISTENER, s };
	s->signals_source = (struct source){ SOURCE_SIGNALS, s };
	TAILQ_INIT(&s->connections);
	TAILQ_INIT(&s->waiting);
	TAILQ_INIT(&s->running);
	TAILQ_INIT(&s->workers);
	TAILQ_INIT(&s->orphans);
	s->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (s->epoll < 0)
		return -errno;
	int r = signals_open(s);
	if (r == 0)
		r = orphans_find(s);
	if (r == 0)
		r = socket_open(s);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(s);
	return 0;
}

int executor_run(const struct executor_config *c, struct err *reterr)
{
	_cleanup_(server_freep) struct server *s = NULL;
	int r = server_new(c, &s);
	if (r == 0)
		r = loop(s);
	if (r < 0) {
		err_set(reterr, "executor.start", -r, "the executor cannot go on");
		err_because(reterr, "%s", strerror(-r));
	}
	return r;
}
