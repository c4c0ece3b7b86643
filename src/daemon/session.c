/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One connection: bytes in, calls, replies, bytes out. See server.h. */
#include "daemon/session.h"

#include <errno.h>
#include <sys/socket.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "daemon/account.h"
#include "daemon/daemon.h"
#include "daemon/methods.h"
#include "daemon/propose.h"
#include "daemon/warnings.h"
#include "sys/clock.h"

#define READ_SIZE (16u * 1024u)

void session_free(struct session *s)
{
	struct daemon *d = s->daemon;
	if (s->wait == SESSION_CLAIM || s->wait == SESSION_RELEASE || s->wait == SESSION_REPORT) {
		engine_request_cancelled(d->engine, s->token);
		turn_need(d);
	}
	picture_looks_forget(d, s->token);
	server_forget(&d->server, s);
	LIST_REMOVE(s, link);
	d->server.n_sessions--;
	sd_event_source_disable_unref(s->io);
	close(s->fd);
	varlink_call_done(&s->held);
	account_free(s->account);
	propose_free(s->propose);
	warnings_free(s->warnings);
	varlink_conn_done(&s->conn);
	free(s);
}

/* --- replies --------------------------------------------------------------------------------- */

static void sent(struct session *s, int r)
{
	if (r < 0)
		s->broken = true;
	if (!s->conn.busy)
		s->wait = SESSION_FREE;
}

void session_reply(struct session *s, json_t *params_take, bool continues)
{
	sent(s, varlink_conn_reply(&s->conn, params_take, continues));
}

void session_error(struct session *s, const char *error, json_t *params_take)
{
	sent(s, varlink_conn_error(&s->conn, error, params_take));
}

void session_fail(struct session *s, const struct err *e)
{
	session_error(s, "io.carve.Failed", json_pack("{s:o}", "error", err_to_json(e)));
}

uint64_t session_waits(struct session *s, enum session_wait wait)
{
	s->wait = wait;
	s->token = s->daemon->server.next_token++;
	return s->token;
}

void session_publish(struct session *s, json_t *event)
{
	if (varlink_output_pending(&s->conn.out) > SERVER_EVENTS_HIGH) {
		s->missed++;
		return;
	}
	session_reply(s, json_pack("{s:O}", "event", event), true);
}

/* A follower that fell behind and caught up is told how much it missed. */
static void publish_missed(struct session *s)
{
	if (s->missed == 0 || varlink_output_pending(&s->conn.out) > 0)
		return;
	session_reply(s,
		      json_pack("{s:{s:s, s:I, s:i}}", "event", "event", "events.missed", "at",
				(json_int_t)clock_wall_seconds(), "count", (int)s->missed),
		      true);
	s->missed = 0;
}

/* --- bytes ----------------------------------------------------------------------------------- */

/* The kernel resets a connection whose peer closes it before it has read everything: nobody knows of the
 * claim then (net/unix/af_unix.c unix_release_sock()). */
static void lost(struct session *s, int error)
{
	struct daemon *d = s->daemon;
	s->broken = true;
	if (error != ECONNRESET || !s->granted[0])
		return;
	log_notice("uid %u went before it was told of claim %s: it is released", s->who.uid,
		   s->granted);
	engine_request_release(d->engine, d->server.next_token++, &s->who, s->granted, false);
	s->granted[0] = '\0';
	turn_need(d);
}

static int socket_error(int fd)
{
	int error = 0;
	socklen_t len = sizeof(error);
	return getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) < 0 ? errno : error;
}

static void receive(struct session *s)
{
	char bytes[READ_SIZE];
	size_t room = varlink_input_room(&s->conn.in);
	if (room == 0 || s->eof)
		return;
	ssize_t n = recv(s->fd, bytes, room < sizeof(bytes) ? room : sizeof(bytes), 0);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n < 0)
		lost(s, errno);
	else if (n == 0)
		s->eof = true;
	else if (varlink_input_add(&s->conn.in, bytes, (size_t)n) < 0)
		s->broken = true;
}

/* Returns true when some could be sent. */
static bool transmit(struct session *s)
{
	struct varlink_output *out = &s->conn.out;
	size_t pending = varlink_output_pending(out);
	if (pending == 0 || s->broken)
		return false;
	ssize_t n = send(s->fd, out->data + out->start, pending, MSG_NOSIGNAL);
	if (n < 0) {
		s->broken = errno != EAGAIN && errno != EINTR;
		return false;
	}
	varlink_output_sent(out, (size_t)n);
	return n > 0;
}

/* --- calls ----------------------------------------------------------------------------------- */

void session_call_held(struct session *s)
{
	struct varlink_call call = s->held;
	s->held = (struct varlink_call){ 0 };
	s->wait = SESSION_FREE;
	methods_call(s, &call);
	varlink_call_done(&call);
}

static void take_calls(struct session *s)
{
	struct varlink_call call;
	int r;
	while (!s->broken && (r = varlink_conn_next(&s->conn, &call)) != 0) {
		if (r < 0) {
			s->broken = true;
			return;
		}
		methods_call(s, &call);
		varlink_call_done(&call);
	}
}

static void watch_stall(struct session *s, bool moved)
{
	bool stalls = varlink_input_partial(&s->conn.in) || varlink_output_pending(&s->conn.out);
	int64_t since = stalls ? clock_monotonic_ms() : 0;
	if (stalls && s->stalled_at && !moved)
		since = s->stalled_at;
	if (since == s->stalled_at)
		return;
	s->stalled_at = since;
	server_stall_arm(s->daemon);
}

static void watch_io(struct session *s)
{
	uint32_t events = 0;
	if (!s->eof && varlink_input_room(&s->conn.in) > 0)
		events |= EPOLLIN;
	if (varlink_output_pending(&s->conn.out) > 0)
		events |= EPOLLOUT;
	if (sd_event_source_set_io_events(s->io, events) < 0)
		s->broken = true;
}

static void charge(struct session *s)
{
	size_t bytes = s->conn.in.room + s->conn.out.room;
	if (bytes == s->charged)
		return;
	if (server_charge(&s->daemon->server, s, bytes) < 0) {
		log_notice("uid %u: too many bytes held for it, a connection is closed",
			   s->who.uid);
		s->broken = true;
	}
	s->charged = bytes;
}

/* Sending makes room for further calls, which make further replies. */
static bool exchange(struct session *s)
{
	bool moved = false, any;
	do {
		take_calls(s);
		any = transmit(s);
		moved = moved || any;
		publish_missed(s);
	} while (any && !s->broken && !s->conn.busy && varlink_output_pending(&s->conn.out) == 0 &&
		 s->conn.in.len > 0 && !varlink_input_partial(&s->conn.in));
	return moved;
}

void session_settle(struct session *s)
{
	bool moved = exchange(s);
	bool over = s->eof && !s->conn.busy && varlink_output_pending(&s->conn.out) == 0;
	if (!s->broken && !over) {
		charge(s);
		watch_io(s);
		watch_stall(s, moved);
	}
	if (s->broken || over)
		session_free(s);
}

static int session_ready(sd_event_source *source, int fd, uint32_t revents, void *userdata)
{
	(void)source;
	struct session *s = userdata;
	struct daemon *d = s->daemon;
	if (revents & EPOLLIN)
		receive(s);
	/* Both ends are closed: what came before still counts, but nobody reads an answer. */
	if (revents & (EPOLLHUP | EPOLLERR)) {
		take_calls(s);
		lost(s, socket_error(fd));
	}
	session_settle(s);
	turn_check(d);
	return 0;
}

int session_new(struct daemon *d, int fd_take, const struct requester *who)
{
	_cleanup_close_ int fd = fd_take;
	struct session *s = calloc(1, sizeof(*s));
	if (!s)
		return -ENOMEM;
	int r = sd_event_add_io(d->loop, &s->io, fd, EPOLLIN, session_ready, s);
	if (r < 0) {
		free(s);
		return r;
	}
	s->daemon = d;
	s->fd = TAKE_FD(fd);
	s->who = *who;
	varlink_conn_init(&s->conn,
			  who->manage ? VARLINK_MESSAGE_MAX_MANAGER : VARLINK_MESSAGE_MAX);
	LIST_INSERT_HEAD(&d->server.sessions, s, link);
	d->server.n_sessions++;
	return 0;
}
