/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Connections of carved. A broken message costs its sender the connection and nobody else anything; a
 * peer that does not read its replies stops being read from.
 */
#include <errno.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "base/str.h"
#include "executor/internal.h"
#include "executor/request.h"

static bool peer_allowed(const struct server *s, int fd)
{
	struct ucred peer;
	socklen_t len = sizeof(peer);
	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) < 0)
		return false;
	if (peer.uid == 0 || peer.uid == s->config->peer)
		return true;
	log_warning("refused a connection of pid %d, uid %u: only carved is served", peer.pid,
		    peer.uid);
	return false;
}

int connection_new(struct server *s, int fd_take)
{
	_cleanup_close_ int fd = fd_take;
	if (!peer_allowed(s, fd))
		return -EACCES;
	if (s->n_connections == EXECUTOR_CONNECTIONS_MAX)
		return -EUSERS;
	struct connection *c = calloc(1, sizeof(*c));
	if (!c)
		return -ENOMEM;
	c->source = (struct source){ SOURCE_CONNECTION, c };
	c->server = s;
	c->events = EPOLLIN;
	STAILQ_INIT(&c->outgoing);
	int r = server_watch(s, fd, c->events, &c->source);
	if (r < 0) {
		free(c);
		return r;
	}
	c->fd = TAKE_FD(fd);
	TAILQ_INSERT_TAIL(&s->connections, c, link);
	s->n_connections++;
	return 0;
}

static void outgoing_drop(struct connection *c)
{
	struct outgoing *o = STAILQ_FIRST(&c->outgoing);
	STAILQ_REMOVE_HEAD(&c->outgoing, link);
	free(o);
}

void connection_free(struct connection *c)
{
	struct server *s = c->server;
	queue_forget(s, c);
	while (!STAILQ_EMPTY(&c->outgoing))
		outgoing_drop(c);
	server_unwatch(s, c->fd);
	close(c->fd);
	TAILQ_REMOVE(&s->connections, c, link);
	s->n_connections--;
	free(c);
	if (s->single)
		s->done = true;
}

void connection_accept(struct server *s)
{
	int fd = accept4(s->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (fd >= 0)
		(void)connection_new(s, fd);
}

/* Reads while there is room for more steps; writes while something waits. */
static void events_update(struct connection *c)
{
	uint32_t events = STAILQ_EMPTY(&c->outgoing) ? 0 : EPOLLOUT;
	if (c->in_flight < EXEC_IN_FLIGHT_MAX && STAILQ_EMPTY(&c->outgoing))
		events |= EPOLLIN;
	if (events == c->events)
		return;
	struct epoll_event e = { .events = events, .data.ptr = &c->source };
	if (epoll_ctl(c->server->epoll, EPOLL_CTL_MOD, c->fd, &e) == 0)
		c->events = events;
}

static int send_now(struct connection *c, const void *message, size_t len)
{
	ssize_t n = send(c->fd, message, len, MSG_NOSIGNAL | MSG_DONTWAIT);
	return n < 0 ? -errno : 0;
}

static void send_later(struct connection *c, const void *message, size_t len)
{
	struct outgoing *o = malloc(sizeof(*o) + len);
	if (!o) {
		/* A reply that is lost must be seen as such: the peer then observes. */
		(void)shutdown(c->fd, SHUT_RDWR);
		return;
	}
	o->len = len;
	memcpy(o->message, message, len);
	STAILQ_INSERT_TAIL(&c->outgoing, o, link);
}

void connection_reply(struct connection *c, enum exec_kind kind, const struct step_result *r,
		      const char *device, const void *data)
{
	struct server *s = c->server;
	size_t len = sizeof(s->reply) + r->data_len;
	s->reply = (struct exec_reply){
		.h = { .magic = EXEC_MAGIC, .version = EXEC_VERSION, .kind = kind },
		.result = *r,
	};
	if (device)
		(void)STR_COPY(s->reply.device, device);
	if (data && data != s->data)
		memcpy(s->data, data, r->data_len);
	if (!STAILQ_EMPTY(&c->outgoing) || send_now(c, &s->reply, len) == -EAGAIN)
		send_later(c, &s->reply, len);
	/* Another failure ends the connection at its next event. */
	events_update(c);
}

void connections_tell(struct server *s, const struct step_result *r, const void *data)
{
	struct connection *c;
	TAILQ_FOREACH(c, &s->connections, link)
	if (c->greeted)
		connection_reply(c, EXEC_STEP, r, NULL, data);
}

static void connection_write(struct connection *c)
{
	while (!STAILQ_EMPTY(&c->outgoing)) {
		struct outgoing *o = STAILQ_FIRST(&c->outgoing);
		int r = send_now(c, o->message, o->len);
		if (r == -EAGAIN)
			break;
		outgoing_drop(c);
	}
	events_update(c);
}

static void request_take(struct connection *c, const struct exec_request *rq)
{
	if (rq->h.kind == EXEC_HELLO) {
		struct step_result r = { .id = rq->step.id };
		c->greeted = true;
		r.number = queue_tell_stuck(c->server, c);
		connection_reply(c, EXEC_HELLO, &r, NULL, NULL);
		return;
	}
	queue_add(c->server, c, &rq->step);
	events_update(c);
}

/* False when the connection has to go. */
static bool connection_read(struct connection *c)
{
	uint8_t message[sizeof(struct exec_request) + 1];
	struct exec_request rq;
	ssize_t n = recv(c->fd, message, sizeof(message), MSG_DONTWAIT | MSG_TRUNC);
	if (n < 0)
		return errno == EAGAIN || errno == EINTR;
	if (n == 0)
		return false;
	int r = (size_t)n > sizeof(message) ? -EMSGSIZE : request_check(message, (size_t)n, &rq);
	if (r == 0) {
		request_take(c, &rq);
		return true;
	}
	log_warning("closed a connection: its message of %zd bytes is not understood (%s)", n,
		    strerror(-r));
	if (r == -EPROTO) {
		struct step_result refusal = { .status = STEP_FAILED, .error = EPROTO };
		connection_reply(c, EXEC_HELLO, &refusal, NULL, NULL);
	}
	return false;
}

void connection_event(struct connection *c, uint32_t events)
{
	if (events & EPOLLOUT)
		connection_write(c);
	if (events & EPOLLIN) {
		if (!connection_read(c))
			connection_free(c);
		return;
	}
	if (events & (EPOLLHUP | EPOLLERR))
		connection_free(c);
}
