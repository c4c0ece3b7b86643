/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See executor-client.h. */
#include "daemon/executor-client.h"

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/inotify.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "base/str.h"
#include "executor/proto.h"

#define RETRY_FIRST_US 20000u
#define RETRY_TIMES 8u /* 20 ms, 40 ms, ... 2.56 s; then only the watch */

struct waiting {
	TAILQ_ENTRY(waiting) link;
	struct step step;
};
TAILQ_HEAD(waiting_list, waiting);

struct executor_client {
	sd_event *loop;
	struct sockaddr_un address;
	const struct executor_client_calls *calls;
	void *userdata;
	int fd;
	sd_event_source *io, *timer, *watch;
	bool greeted;
	unsigned in_flight, tries;
	struct waiting_list steps, looks;
	uint64_t looking[EXECUTOR_CLIENT_LOOKS_MAX]; /* those in flight that are looks */
	size_t n_looking;
	struct message {
		struct exec_reply reply;
		uint8_t data[EXEC_DATA_MAX];
	} message;
};

static int connection_open(struct executor_client *c);

static int waiting_add(struct waiting_list *list, const struct step *s)
{
	struct waiting *w = malloc(sizeof(*w));
	if (!w)
		return -ENOMEM;
	w->step = *s;
	TAILQ_INSERT_TAIL(list, w, link);
	return 0;
}

static void waiting_remove(struct waiting_list *list, struct waiting *w)
{
	TAILQ_REMOVE(list, w, link);
	free(w);
}

static void waiting_drop(struct waiting_list *list)
{
	while (!TAILQ_EMPTY(list))
		waiting_remove(list, TAILQ_FIRST(list));
}

static void connection_close(struct executor_client *c)
{
	c->io = sd_event_source_disable_unref(c->io);
	if (c->fd >= 0)
		close(c->fd);
	c->fd = -1;
	c->greeted = false;
	c->in_flight = 0;
	c->n_looking = 0;
	waiting_drop(&c->steps);
	waiting_drop(&c->looks);
}

static int on_timer(sd_event_source *source, uint64_t usec, void *userdata)
{
	struct executor_client *c = userdata;
	(void)source;
	(void)usec;
	if (c->fd < 0)
		(void)connection_open(c);
	return 0;
}

static void retry_later(struct executor_client *c)
{
	if (c->tries >= RETRY_TIMES)
		return;
	uint64_t delay = (uint64_t)RETRY_FIRST_US << c->tries++;
	c->timer = sd_event_source_disable_unref(c->timer);
	(void)sd_event_add_time_relative(c->loop, &c->timer, CLOCK_MONOTONIC, delay, 1000, on_timer,
					 c);
}

static void connection_lost(struct executor_client *c)
{
	bool told = c->greeted;
	connection_close(c);
	if (told) {
		log_warning("the executor is gone; its steps are unknown until they are observed");
		c->tries = 0;
		c->calls->lost(c->userdata);
	}
	if (c->fd < 0)
		retry_later(c);
}

static int request_send(struct executor_client *c, enum exec_kind kind, const struct step *s)
{
	struct exec_request rq;
	memset(&rq, 0, sizeof(rq)); /* padding too: what is sent is all ours */
	rq.h = (struct exec_header){ .magic = EXEC_MAGIC, .version = EXEC_VERSION, .kind = kind };
	if (s)
		rq.step = *s;
	ssize_t n = send(c->fd, &rq, sizeof(rq), MSG_NOSIGNAL | MSG_DONTWAIT);
	return n < 0 ? -errno : 0;
}

/* What somebody only wants to know comes behind what is done, and is never all that the executor has. */
static struct waiting_list *waiting_next(struct executor_client *c)
{
	if (!c->greeted || c->in_flight >= EXEC_IN_FLIGHT_MAX)
		return NULL;
	if (!TAILQ_EMPTY(&c->steps))
		return &c->steps;
	return TAILQ_EMPTY(&c->looks) || c->n_looking == EXECUTOR_CLIENT_LOOKS_MAX ? NULL
										   : &c->looks;
}

static void waiting_send(struct executor_client *c)
{
	struct waiting_list *list;
	while ((list = waiting_next(c))) {
		struct waiting *w = TAILQ_FIRST(list);
		int r = request_send(c, EXEC_STEP, &w->step);
		if (r == -EAGAIN) {
			(void)sd_event_source_set_io_events(c->io, EPOLLIN | EPOLLOUT);
			return;
		}
		if (r < 0)
			return; /* the loop sees the end of the connection */
		c->in_flight++;
		if (list == &c->looks)
			c->looking[c->n_looking++] = w->step.id;
		waiting_remove(list, w);
	}
	if (c->io)
		(void)sd_event_source_set_io_events(c->io, EPOLLIN);
}

static void look_end(struct executor_client *c, uint64_t id)
{
	for (size_t i = 0; i < c->n_looking; i++)
		if (c->looking[i] == id) {
			c->looking[i] = c->looking[--c->n_looking];
			return;
		}
}

static void step_result_take(struct executor_client *c, const struct exec_reply *reply)
{
	if (reply->result.status != STEP_LATE && c->in_flight > 0)
		c->in_flight--;
	look_end(c, reply->result.id);
	c->calls->result(c->userdata, &reply->result, c->message.data);
	waiting_send(c);
}

/* False when the reply is not of this build's executor. */
static bool reply_take(struct executor_client *c, size_t len)
{
	struct exec_reply *reply = &c->message.reply;
	if (len < sizeof(*reply) || reply->h.magic != EXEC_MAGIC ||
	    reply->h.version != EXEC_VERSION || len != sizeof(*reply) + reply->result.data_len)
		return false;
	switch ((enum exec_kind)reply->h.kind) {
	case EXEC_STEP:
		step_result_take(c, reply);
		return true;
	case EXEC_STUCK:
		reply->device[sizeof(reply->device) - 1] = '\0';
		c->calls->stuck(c->userdata, reply->device, &reply->result);
		return true;
	case EXEC_HELLO:
		if (reply->result.status == STEP_FAILED)
			return false;
		c->greeted = true;
		c->tries = 0;
		c->calls->connected(c->userdata);
		return true;
	}
	return false;
}

static int on_io(sd_event_source *source, int fd, uint32_t events, void *userdata)
{
	struct executor_client *c = userdata;
	(void)source;
	if (events & EPOLLOUT)
		waiting_send(c);
	if (!(events & (EPOLLIN | EPOLLHUP | EPOLLERR)))
		return 0;
	ssize_t n = recv(fd, &c->message, sizeof(c->message), MSG_DONTWAIT);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	if (n > 0 && reply_take(c, (size_t)n))
		return 0;
	if (n > 0) {
		log_error("the executor is of another build; restart carve-executor.service");
		c->tries = RETRY_TIMES;
	}
	connection_lost(c);
	return 0;
}

static int connection_open(struct executor_client *c)
{
	c->fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (c->fd < 0)
		return -errno;
	int r = 0;
	if (connect(c->fd, (struct sockaddr *)&c->address, sizeof(c->address)) < 0)
		r = -errno;
	if (r == 0)
		r = sd_event_add_io(c->loop, &c->io, c->fd, EPOLLIN, on_io, c);
	if (r >= 0)
		r = request_send(c, EXEC_HELLO, NULL);
	if (r < 0) {
		connection_close(c);
		retry_later(c);
	}
	return r;
}

/* The socket appeared or changed hands: its directory tells. */
static int on_watch(sd_event_source *source, const struct inotify_event *event, void *userdata)
{
	struct executor_client *c = userdata;
	(void)source;
	if (c->fd >= 0 || event->len == 0 || !str_eq(event->name, "executor"))
		return 0;
	c->tries = 0;
	(void)connection_open(c);
	return 0;
}

int executor_client_new(sd_event *loop, const char *run_dir,
			const struct executor_client_calls *calls, void *userdata,
			struct executor_client **ret, struct err *reterr)
{
	struct executor_client *c = calloc(1, sizeof(*c));
	if (!c)
		return err_set(reterr, "daemon.start", ENOMEM, "cannot prepare the executor");
	c->loop = loop;
	c->calls = calls;
	c->userdata = userdata;
	c->fd = -1;
	c->address.sun_family = AF_UNIX;
	TAILQ_INIT(&c->steps);
	TAILQ_INIT(&c->looks);
	int r = STR_FORMAT(c->address.sun_path, "%s/executor", run_dir);
	if (r >= 0)
		r = sd_event_add_inotify(loop, &c->watch, run_dir,
					 IN_CREATE | IN_ATTRIB | IN_MOVED_TO, on_watch, c);
	if (r < 0) {
		executor_client_free(c);
		err_set(reterr, "daemon.start", -r, "cannot watch for the executor");
		err_on(reterr, "%s", run_dir);
		err_because(reterr, "%s", strerror(-r));
		return r;
	}
	(void)connection_open(c);
	*ret = c;
	return 0;
}

struct executor_client *executor_client_free(struct executor_client *c)
{
	if (!c)
		return NULL;
	connection_close(c);
	sd_event_source_disable_unref(c->timer);
	sd_event_source_disable_unref(c->watch);
	free(c);
	return NULL;
}

static int step_add(struct executor_client *c, struct waiting_list *list, const struct step *s)
{
	if (!c->greeted) {
		if (c->fd < 0 && c->tries >= RETRY_TIMES) {
			c->tries = 0;
			retry_later(c);
		}
		return -ENOTCONN;
	}
	int r = waiting_add(list, s);
	if (r >= 0)
		waiting_send(c);
	return r;
}

int executor_client_send(struct executor_client *c, const struct step *s)
{
	return step_add(c, &c->steps, s);
}

int executor_client_look(struct executor_client *c, const struct step *s)
{
	return step_add(c, &c->looks, s);
}

bool executor_client_forget(struct executor_client *c, uint64_t id)
{
	struct waiting *w;
	TAILQ_FOREACH(w, &c->looks, link)
	if (w->step.id == id) {
		waiting_remove(&c->looks, w);
		return true;
	}
	return false;
}

bool executor_client_connected(const struct executor_client *c)
{
	return c->greeted;
}
