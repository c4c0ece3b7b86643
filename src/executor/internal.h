/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the files of the executor's loop share: server.c (loop, signals), connection.c, queue.c (lanes,
 * what is stuck), pool.c (worker processes).
 */
#pragma once
#include <sys/queue.h>

#include "executor/lock.h"
#include "executor/server.h"

/* First member of everything that has a descriptor in the loop. */
enum source_kind {
	SOURCE_LISTENER,
	SOURCE_SIGNALS,
	SOURCE_CONNECTION,
	SOURCE_WORKER,	   /* its socket */
	SOURCE_WORKER_END, /* its pidfd */
	SOURCE_ORPHAN_END,
};
struct source {
	enum source_kind kind;
	void *owner;
};

/* A reply that the peer has not taken yet. */
struct outgoing {
	STAILQ_ENTRY(outgoing) link;
	size_t len;
	uint8_t message[];
};

struct connection {
	TAILQ_ENTRY(connection) link;
	struct source source;
	struct server *server;
	int fd;
	bool greeted; /* said EXEC_HELLO */
	unsigned in_flight;
	uint32_t events; /* what epoll watches */
	STAILQ_HEAD(, outgoing) outgoing;
};

/* A step from its arrival to its end. */
struct task {
	TAILQ_ENTRY(task) link;
	struct connection *connection; /* NULL: nobody waits for it any more */
	struct step step;
	enum verb_class class;
	enum verb_lane lane;
	uint32_t device_hash;
	struct worker_process *worker;
	int64_t started, deadline;
	bool abandoned;
};

struct worker_process {
	TAILQ_ENTRY(worker_process) link;
	struct source source, end;
	struct server *server;
	enum verb_class class;
	pid_t pid;
	int fd, pidfd; /* fd -1: closed, its end is awaited */
	struct task *task;
	int64_t idle_since;
};

/* A worker of the executor's predecessor that still holds a lock. */
struct orphan {
	TAILQ_ENTRY(orphan) link;
	struct source source;
	struct server *server;
	struct lock_record record;
	int pidfd;
};

TAILQ_HEAD(task_list, task);

struct server {
	const struct executor_config *config;
	int epoll, listener, signals;
	struct source listener_source, signals_source;
	bool single;	 /* the one connection that was given */
	int64_t stop_at; /* 0: not stopping */
	bool done;
	TAILQ_HEAD(, connection) connections;
	unsigned n_connections;
	struct task_list waiting, running;
	TAILQ_HEAD(, worker_process) workers;
	unsigned n_workers;
	TAILQ_HEAD(, orphan) orphans;
	struct exec_reply reply; /* reply and data lie together: one message */
	uint8_t data[EXEC_DATA_MAX];
};

/* server.c */
int server_watch(struct server *s, int fd, uint32_t events, struct source *source);
void server_unwatch(struct server *s, int fd);

/* connection.c */
int connection_new(struct server *s, int fd_take);
void connection_free(struct connection *c);
void connection_accept(struct server *s);
/* Reads one message, or writes what waits; the connection may be gone afterwards. */
void connection_event(struct connection *c, uint32_t events);
/* Sends one reply; data of r->data_len bytes behind it. device: of EXEC_STUCK, else NULL. */
void connection_reply(struct connection *c, enum exec_kind kind, const struct step_result *r,
		      const char *device, const void *data);
/* To every connection that said hello. */
void connections_tell(struct server *s, const struct step_result *r, const void *data);

/* queue.c */
void queue_add(struct server *s, struct connection *c, const struct step *step);
void queue_run(struct server *s);
/* Abandons what is past its deadline. Returns when to look again, or INT64_MAX. */
int64_t queue_expire(struct server *s, int64_t now);
void queue_forget(struct server *s, struct connection *c);
/* The worker answered, or ended without an answer (r NULL). Frees the task. */
void queue_finish(struct server *s, struct task *t, const struct step_result *r, const void *data);
/* Fills what EXEC_STUCK says for each stuck device and sends it. Returns their number. */
unsigned queue_tell_stuck(struct server *s, struct connection *c);
int orphans_find(struct server *s);
void orphan_ended(struct orphan *o);
void queue_done(struct server *s);

/* pool.c */
/* An idle worker of that class, or a new one; NULL when there can be no more now. */
struct worker_process *pool_get(struct server *s, enum verb_class class);
int pool_start(struct worker_process *w, struct task *t);
void pool_event(struct worker_process *w, uint32_t events);
void pool_ended(struct worker_process *w);
/* Ends surplus idle workers. Returns when to look again, or INT64_MAX. */
int64_t pool_trim(struct server *s, int64_t now);
void pool_done(struct server *s);
