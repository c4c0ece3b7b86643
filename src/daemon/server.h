/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The socket of carved and its connections. A connection that is oversized, malformed, half-sent or
 * does not read what it asked for costs its sender that connection and nobody else anything; each user
 * has a budget of connections and bytes.
 */
#pragma once
#include <sys/queue.h>
#include <systemd/sd-event.h>

#include "api/varlink.h"
#include "daemon/peer.h"

#define SERVER_CONNECTIONS_MAX 256
#define SERVER_CONNECTIONS_KEPT 16	  /* of these for those who manage */
#define SERVER_CONNECTIONS_PER_UID 32	  /* of those who do not manage */
#define SERVER_BYTES_PER_UID (4u << 20)	  /* same */
#define SERVER_STALL_MS 30000		  /* for the rest of a message, or to read a reply */
#define SERVER_EVENTS_HIGH (256u * 1024u) /* a follower further behind misses events */

struct account;
struct daemon;
struct propose;
struct warnings;

/* What a call waits for; the engine and the executor answer by token. */
enum session_wait {
	SESSION_FREE,
	SESSION_START, /* for the service to have looked at the machine; the call is in held */
	SESSION_CLAIM,
	SESSION_RELEASE,
	SESSION_REPORT, /* the engine's report is the reply: plan, apply, retry, clear */
	SESSION_LOOK,	/* holders; what guards say of a plan */
	SESSION_PROPOSE,
	SESSION_EVENTS,
};

/* One connection. */
struct session {
	LIST_ENTRY(session) link;
	struct daemon *daemon;
	int fd;
	sd_event_source *io;
	struct varlink_conn conn;
	struct requester who;
	struct account *account; /* looked up when it first matters */
	enum session_wait wait;
	uint64_t token; /* of the call in progress */
	struct varlink_call held;
	bool gpus_looked;	 /* since the call came */
	char granted[NAME_SIZE]; /* the claim that the last answer gave away */
	struct propose *propose;
	struct warnings *warnings; /* plan, apply: what the guards are still asked about */
	unsigned missed;	   /* events that were not sent */
	int64_t stalled_at; /* monotonic ms since when it owes us bytes or room; 0: it does not */
	size_t charged;	    /* bytes counted in its user's budget */
	bool eof, broken;
};

struct server_user {
	uint32_t uid;
	unsigned connections;
	size_t bytes;
};

struct server {
	int fd;
	sd_event_source *accept, *stall, *again;
	LIST_HEAD(session_list, session) sessions;
	unsigned n_sessions;
	struct server_user *users;
	size_t n_users;
	struct peer_groups groups;
	uint64_t next_token;
};

/* Makes RUN_DIR and RUN_DIR/io.carve, listening; takes the place of one that a killed service left.
 * The caller owns the descriptor. Ids: daemon.socket. */
int server_socket_make(const char *run_dir, mode_t mode, struct err *reterr);
/* Listens on the socket systemd made, or on RUN_DIR/io.carve. */
int server_start(struct daemon *d, struct err *reterr);
void server_stop(struct daemon *d);

/* NULL when its connection is gone. */
struct session *server_find(struct daemon *d, uint64_t token);
/* Takes up calls that were held until the service had started. */
void server_resume(struct daemon *d);
/* Sends an event (borrowed) to all that follow. */
void server_publish(struct daemon *d, json_t *event);

/* Reply to the call in progress; each also ends it, but for continues. After one of them that does not
 * come from within the call's own handler, session_settle() goes on with the connection. */
void session_reply(struct session *s, json_t *params_take, bool continues);
void session_fail(struct session *s, const struct err *e);
void session_error(struct session *s, const char *error, json_t *params_take);
/* Marks the call as waiting and gives it a token. */
uint64_t session_waits(struct session *s, enum session_wait wait);
/* Sends and takes what can be; ends the connection when it is over. s may be gone afterwards. */
void session_settle(struct session *s);
