/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Times what is named on standard input, one item a line, fields separated by tabs, all items once in
 * each of N rounds: what else the machine does falls on all of them alike. Prints each item's name
 * and median in microseconds. Compiled in the guest; it uses SQLite and the C library.
 *
 *	rounds N SOCKET < items
 *
 *	NAME write PATH TEXT [PATH TEXT]...   whole values to files, as sysfs wants them
 *	NAME commit PATH N                    N times a row of 512 bytes into SQLite, each on disk
 *	NAME recorded PATH PATH TEXT...       one such commit, values to files, another commit
 *	NAME run PROGRAM [ARGUMENT]...        a process; its output is dropped
 *	NAME call REQUEST                     one Varlink call over one connection that stays open
 *	NAME burst N REQUEST                  N calls at once, each on a connection of its own; a %
 *	                                      in the request is the number of the call
 *
 * "-" before NAME: may fail. 0 rounds: everything once, nothing is printed.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <sqlite3.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
	ITEMS = 64,
	FIELDS = 32,
	ROUNDS = 1000,
	CALLS = 64,
	LOG_PAGES = 300,
	PAUSE_NS = 150000000, /* what the last item stirred up settles: udev, the service's look */
};

extern char **environ;

struct item {
	char *line, *fields[FIELDS + 1];
	const char *name;
	bool may_fail;
	double us[ROUNDS];
};

struct bench {
	const char *socket;
	int connection;
	sqlite3 *database;
	unsigned rounds;
	struct item items[ITEMS];
	size_t n;
};

static void die(const char *what, const char *on)
{
	fprintf(stderr, "rounds: %s: %s: %s\n", on, what, strerror(errno));
	exit(1);
}

static double now_us(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static bool do_write(char *const *f)
{
	for (; f[0] && f[1]; f += 2) {
		int fd = open(f[0], O_WRONLY | O_CLOEXEC);
		size_t n = strlen(f[1]);
		/* A line feed takes an override away; an empty field stands for it. */
		ssize_t w = fd < 0 ? -1 : write(fd, n ? f[1] : "\n", n ? n : 1);
		if (fd >= 0)
			close(fd);
		if (w < 0)
			return false;
	}
	return true;
}

/* What a synced commit costs: in a file that is opened as the ledger is (src/ledger), kept open, with
 * a log that is no longer growing. */
static sqlite3 *database_open(const char *path)
{
	sqlite3 *db;
	const char *setup =
		"PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL;"
		"PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = 256;"
		"CREATE TABLE IF NOT EXISTS rows(n INTEGER PRIMARY KEY, body TEXT NOT NULL);";
	if (sqlite3_open(path, &db) != SQLITE_OK ||
	    sqlite3_exec(db, setup, NULL, NULL, NULL) != SQLITE_OK)
		die("open", path);
	return db;
}

static bool commit(sqlite3 *db)
{
	return sqlite3_exec(db, "INSERT INTO rows(body) VALUES (hex(zeroblob(256)))", NULL, NULL,
			    NULL) == SQLITE_OK;
}

static bool commits(struct bench *b, const char *path, int n)
{
	bool good = true;
	if (!b->database) {
		b->database = database_open(path);
		n += LOG_PAGES;
	}
	for (int i = 0; good && i < n; i++)
		good = commit(b->database);
	return good;
}

static bool do_recorded(struct bench *b, char *const *f)
{
	return commits(b, f[0], 1) && do_write(f + 1) && commits(b, f[0], 1);
}

static bool do_run(char *const *f)
{
	pid_t pid;
	int status;
	posix_spawn_file_actions_t a;
	posix_spawn_file_actions_init(&a);
	posix_spawn_file_actions_addopen(&a, 1, "/dev/null", O_WRONLY, 0);
	posix_spawn_file_actions_adddup2(&a, 1, 2);
	int r = posix_spawnp(&pid, f[0], &a, NULL, f, environ);
	posix_spawn_file_actions_destroy(&a);
	return r == 0 && waitpid(pid, &status, 0) == pid && status == 0;
}

static int connection_open(const char *path)
{
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	strncpy(to.sun_path, path, sizeof(to.sun_path) - 1);
	if (fd < 0 || connect(fd, (struct sockaddr *)&to, sizeof(to)) < 0)
		die("connect", path);
	return fd;
}

static bool request_send(int fd, const char *request)
{
	size_t n = strlen(request) + 1;
	return send(fd, request, n, MSG_NOSIGNAL) == (ssize_t)n;
}

/* Replies until one that does not continue. */
static bool replies_take(int fd)
{
	static char buffer[1 << 20];
	size_t n = 0;
	for (;;) {
		ssize_t r = read(fd, buffer + n, sizeof(buffer) - n - 1);
		if (r <= 0)
			return false;
		n += (size_t)r;
		buffer[n] = '\0';
		for (char *end; (end = memchr(buffer, '\0', n));) {
			bool more = strstr(buffer, "\"continues\":true") ||
				    strstr(buffer, "\"continues\": true");
			if (strstr(buffer, "\"error\":\"io.carve.") ||
			    strstr(buffer, "\"error\": \"io.carve.")) {
				fprintf(stderr, "rounds: %s\n", buffer);
				return false;
			}
			if (!more)
				return true;
			n -= (size_t)(end + 1 - buffer);
			memmove(buffer, end + 1, n);
		}
	}
}

static bool do_call(struct bench *b, char *const *f)
{
	if (b->connection < 0)
		b->connection = connection_open(b->socket);
	return request_send(b->connection, f[0]) && replies_take(b->connection);
}

static bool do_burst(const struct bench *b, char *const *f)
{
	int n = atoi(f[0]), fds[CALLS];
	bool good = n <= CALLS;
	for (int i = 0; good && i < n; i++)
		fds[i] = connection_open(b->socket);
	for (int i = 0; good && i < n; i++) {
		char request[1024];
		size_t before = strcspn(f[1], "%");
		snprintf(request, sizeof(request), "%.*s%d%s", (int)before, f[1], i,
			 f[1][before] ? f[1] + before + 1 : "");
		good = request_send(fds[i], request);
	}
	for (int i = 0; good && i < n; i++)
		good = replies_take(fds[i]);
	for (int i = 0; i < n && n <= CALLS; i++)
		close(fds[i]);
	return good;
}

static bool item_do(struct bench *b, const struct item *it)
{
	const char *kind = it->fields[1];
	char *const *rest = it->fields + 2;
	if (!strcmp(kind, "write"))
		return do_write(rest);
	if (!strcmp(kind, "commit"))
		return commits(b, rest[0], atoi(rest[1]));
	if (!strcmp(kind, "recorded"))
		return do_recorded(b, rest);
	if (!strcmp(kind, "run"))
		return do_run(rest);
	if (!strcmp(kind, "call"))
		return do_call(b, rest);
	return !strcmp(kind, "burst") && do_burst(b, rest);
}

static void items_read(struct bench *b)
{
	size_t size = 0;
	for (char *line = NULL; getline(&line, &size, stdin) > 0; line = NULL, size = 0) {
		line[strcspn(line, "\n")] = '\0';
		if (!line[0] || line[0] == '#')
			continue;
		if (b->n == ITEMS)
			die("too many items", line);
		struct item *it = &b->items[b->n++];
		it->line = line;
		char *rest = line;
		for (int i = 0; i < FIELDS && rest; i++)
			it->fields[i] = strsep(&rest, "\t");
		it->may_fail = line[0] == '-';
		it->name = line + it->may_fail;
		if (!it->fields[1] || !it->fields[2])
			die("an item has a name, a kind and what to do", line);
	}
}

static void round_run(struct bench *b, unsigned round)
{
	for (size_t i = 0; i < b->n; i++) {
		struct item *it = &b->items[i];
		nanosleep(&(struct timespec){ .tv_nsec = PAUSE_NS }, NULL);
		double begin = now_us();
		bool good = item_do(b, it);
		it->us[round] = now_us() - begin;
		if (!good && !it->may_fail)
			die("failed", it->name);
	}
}

static int compare(const void *a, const void *b)
{
	const double *x = a, *y = b;
	return (*x > *y) - (*x < *y);
}

int main(int argc, char **argv)
{
	static struct bench b;
	b.rounds = argc == 3 ? (unsigned)atoi(argv[1]) : ROUNDS;
	if (b.rounds >= ROUNDS) {
		fprintf(stderr, "usage: rounds N SOCKET < items\n");
		return 2;
	}
	b.socket = argv[2];
	items_read(&b);
	b.connection = -1;
	/* The first round warms up and is written over. */
	for (unsigned r = 0; r <= b.rounds; r++)
		round_run(&b, r ? r - 1 : 0);
	for (size_t i = 0; i < b.n && b.rounds; i++) {
		qsort(b.items[i].us, b.rounds, sizeof(double), compare);
		printf("%s\t%.0f\n", b.items[i].name, b.items[i].us[b.rounds / 2]);
	}
	sqlite3_close(b.database);
	return 0;
}
