/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Worker processes: started on demand, kept for the next step, ended when too many are idle. One that
 * outlived a deadline is never used again, whatever it says in the end.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "executor/internal.h"
#include "sys/clock.h"

/* How many idle workers of each class stay. */
static const unsigned idle_kept[VERB_CLASS_COUNT] = {
	[VERB_CLASS_LOOK] = 1,
	[VERB_CLASS_WRITE] = 1,
	[VERB_CLASS_MODULE] = 1,
};

/* Closes everything but standard streams and keep[], which is small. */
static void close_others(int *keep, size_t n)
{
	for (size_t i = 0; i < n; i++)
		for (size_t j = i + 1; j < n; j++)
			if (keep[j] < keep[i]) {
				int low = keep[j];
				keep[j] = keep[i];
				keep[i] = low;
			}
	unsigned from = STDERR_FILENO + 1;
	for (size_t i = 0; i < n; i++) {
		if (keep[i] < (int)from)
			continue;
		if ((unsigned)keep[i] > from)
			(void)close_range(from, (unsigned)keep[i] - 1, 0);
		from = (unsigned)keep[i] + 1;
	}
	(void)close_range(from, ~0u, 0);
}

/* The executor's signals stay blocked: a worker ends when its socket does, never in mid-step. */
_Noreturn static void worker_main(const struct worker_config *c, enum verb_class class, int socket)
{
	int keep[] = { socket, c->roots.sysfs, c->roots.dev, c->roots.proc, c->locks };
	close_others(keep, sizeof(keep) / sizeof(*keep));
	(void)prctl(PR_SET_NAME, "carve-worker");
	worker_run(c, class, socket);
}

static int process_start(struct server *s, struct worker_process *w)
{
	int pair[2];
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return -errno;
	_cleanup_close_ int ours = pair[0];
	_cleanup_close_ int theirs = pair[1];
	pid_t pid = fork();
	if (pid < 0)
		return -errno;
	if (pid == 0)
		worker_main(&s->config->worker, w->class, theirs);
	w->pid = pid;
	w->pidfd = pidfd_open(pid, 0);
	if (w->pidfd < 0)
		return -errno; /* the child sees its socket closed and ends */
	w->fd = TAKE_FD(ours);
	return 0;
}

static void worker_free(struct worker_process *w)
{
	struct server *s = w->server;
	if (w->fd >= 0) {
		server_unwatch(s, w->fd);
		close(w->fd);
	}
	if (w->pidfd >= 0) {
		server_unwatch(s, w->pidfd);
		close(w->pidfd);
	}
	TAILQ_REMOVE(&s->workers, w, link);
	s->n_workers--;
	free(w);
}

static struct worker_process *worker_new(struct server *s, enum verb_class class)
{
	struct worker_process *w = calloc(1, sizeof(*w));
	if (!w)
		return NULL;
	w->server = s;
	w->class = class;
	w->fd = w->pidfd = -1;
	w->source = (struct source){ SOURCE_WORKER, w };
	w->end = (struct source){ SOURCE_WORKER_END, w };
	TAILQ_INSERT_TAIL(&s->workers, w, link);
	s->n_workers++;
	int r = process_start(s, w);
	if (r == 0)
		r = server_watch(s, w->fd, EPOLLIN, &w->source);
	if (r == 0)
		r = server_watch(s, w->pidfd, EPOLLIN, &w->end);
	if (r == 0)
		return w;
	log_error("cannot start a worker: %s", strerror(-r));
	pid_t pid = w->pid;
	worker_free(w);
	/* Its socket is closed: it ends at once. */
	if (pid > 0)
		(void)waitpid(pid, NULL, 0);
	return NULL;
}

/* The socket says "end"; the process is waited for, so that its lock is gone when it is. */
static void worker_dismiss(struct worker_process *w)
{
	server_unwatch(w->server, w->fd);
	close(w->fd);
	w->fd = -1;
}

static bool is_idle(const struct worker_process *w)
{
	return w->fd >= 0 && !w->task;
}

/* An idle worker of any class makes room when there is no other way. */
static bool make_room(struct server *s)
{
	struct worker_process *w;
	TAILQ_FOREACH(w, &s->workers, link)
	{
		if (is_idle(w)) {
			worker_dismiss(w);
			return true;
		}
	}
	return false;
}

struct worker_process *pool_get(struct server *s, enum verb_class class)
{
	struct worker_process *w;
	TAILQ_FOREACH(w, &s->workers, link)
	if (w->class == class && is_idle(w))
		return w;
	if (s->n_workers >= EXECUTOR_WORKERS_MAX) {
		(void)make_room(s); /* its end runs the queue again */
		return NULL;
	}
	return worker_new(s, class);
}

int pool_start(struct worker_process *w, struct task *t)
{
	ssize_t n;
	do
		n = send(w->fd, &t->step, sizeof(t->step), MSG_NOSIGNAL | MSG_DONTWAIT);
	while (n < 0 && errno == EINTR);
	if (n != sizeof(t->step)) {
		worker_dismiss(w);
		return -EPIPE;
	}
	w->task = t;
	t->worker = w;
	return 0;
}

static void worker_answered(struct worker_process *w, const struct step_result *r, const void *data)
{
	struct task *t = w->task;
	bool abandoned = t->abandoned;
	w->task = NULL;
	w->idle_since = clock_monotonic_ms();
	queue_finish(w->server, t, r, data);
	if (abandoned)
		worker_dismiss(w);
}

/* What comes from a worker is not trusted further than its size. */
void pool_event(struct worker_process *w, uint32_t events)
{
	struct server *s = w->server;
	struct step_result r;
	struct iovec parts[] = { { &r, sizeof(r) }, { s->data, sizeof(s->data) } };
	struct msghdr m = { .msg_iov = parts, .msg_iovlen = 2 };
	(void)events;
	ssize_t n = recvmsg(w->fd, &m, MSG_DONTWAIT);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n < (ssize_t)sizeof(r) || m.msg_flags & MSG_TRUNC || !w->task ||
	    (size_t)n != sizeof(r) + r.data_len) {
		worker_dismiss(w);
		return;
	}
	worker_answered(w, &r, s->data);
}

void pool_ended(struct worker_process *w)
{
	siginfo_t info;
	struct task *t = w->task;
	/* An answer it sent before it ended counts. */
	if (t && w->fd >= 0)
		pool_event(w, EPOLLIN);
	t = w->task;
	(void)waitid(P_PIDFD, (id_t)w->pidfd, &info, WEXITED | WNOHANG);
	if (t) {
		log_warning("worker pid %d ended in the middle of %s on %s", w->pid,
			    verb_name((enum verb)t->step.verb), t->step.target.device);
		w->task = NULL;
		queue_finish(w->server, t, NULL, NULL);
	}
	worker_free(w);
}

int64_t pool_trim(struct server *s, int64_t now)
{
	unsigned idle[VERB_CLASS_COUNT] = { 0 };
	int64_t next = INT64_MAX;
	struct worker_process *w;
	TAILQ_FOREACH(w, &s->workers, link)
	{
		if (!is_idle(w) || ++idle[w->class] <= idle_kept[w->class])
			continue;
		int64_t end = w->idle_since + s->config->idle_ms;
		if (end <= now)
			worker_dismiss(w);
		else if (end < next)
			next = end;
	}
	return next;
}

void pool_done(struct server *s)
{
	while (!TAILQ_EMPTY(&s->workers))
		worker_free(TAILQ_FIRST(&s->workers));
}
