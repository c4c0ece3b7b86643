/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The executor with workers that do nothing but wait: what it adds to the time of a step, and that
 * 64 devices take the time of one. Figures are printed as scripts/bench reads them.
 */
#include "support/test.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/num.h"
#include "base/str.h"
#include "executor/server.h"
#include "support/tree.h"
#include "sys/sysfs.h"

#define DEVICES 64
#define WAIT_MS "1000"
#define STEPS 2000

static bool counts_only(void)
{
	const char *what = getenv("CARVE_BENCH");
	return what && str_eq(what, "counts");
}

static double now_ms(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static void figure(const char *name, double value, const char *unit, const char *limit)
{
	printf("%s\t%.3f\t%s\t%s\n", name, value, unit, limit);
}

/* Waits as long as the step's text says, as a device does that is reset. */
static void run_wait(const struct verb_context *c, const struct step *s, struct step_result *r)
{
	uint32_t ms = 0;
	(void)c;
	(void)num_parse_u32(s->text, 10, &ms);
	struct timespec t = { ms / 1000, (long)(ms % 1000) * 1000000 };
	if (ms)
		nanosleep(&t, NULL);
	r->status = STEP_DONE;
}

static const struct verb_entry verbs[] = {
	{ VERB_RESET, VERB_CLASS_WRITE, LANE_DEVICE, GUARD_ENROLLED, 20000, run_wait },
};

struct bench {
	struct tree tree;
	char devices[300];
	pid_t executor;
	int fd;
};

static void tree_fill(struct bench *b)
{
	struct str_buf list = { 0 };
	char path[300];
	tree_init(&b->tree);
	(void)STR_FORMAT(b->devices, "%s/devices", b->tree.path);
	for (int i = 0; i < DEVICES; i++) {
		(void)STR_FORMAT(path, "sys/devices/virtual/fake/dev%d", i);
		tree_dir(&b->tree, path);
		str_buf_addf(&list, "sys:virtual/fake/dev%d - -\n", i);
	}
	char *text = str_buf_take(&list);
	tree_file(&b->tree, "devices", text);
	free(text);
	tree_dir(&b->tree, "lock");
}

_Noreturn static void executor_main(const struct bench *b, int socket)
{
	const struct verb_table tables[] = { { verbs, sizeof(verbs) / sizeof(*verbs) } };
	struct executor_config c = {
		.worker = { .devices = b->devices,
			    .tables = tables,
			    .n_tables = 1,
			    .sandbox = true },
		.peer = getuid(),
		.socket = socket,
		.idle_ms = 10000,
	};
	char path[300];
	(void)STR_FORMAT(path, "%s/sys", b->tree.path);
	c.worker.roots.sysfs = sysfs_open(path);
	c.worker.roots.dev = sysfs_open("/dev");
	c.worker.roots.proc = sysfs_open("/proc");
	(void)STR_FORMAT(path, "%s/lock", b->tree.path);
	c.worker.locks = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	_exit(executor_run(&c, NULL) < 0);
}

static void bench_start(struct bench *b)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	tree_fill(b);
	assert_int_equal(STR_FORMAT(a.sun_path, "%s/executor", b->tree.path), 0);
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	assert_int_equal(listen(fd, 16), 0);
	fflush(stdout);
	b->executor = fork();
	if (b->executor == 0)
		executor_main(b, fd);
	close(fd);
	b->fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	assert_int_equal(connect(b->fd, (struct sockaddr *)&a, sizeof(a)), 0);
}

static void bench_end(struct bench *b)
{
	close(b->fd);
	kill(b->executor, SIGKILL);
	waitpid(b->executor, NULL, 0);
	tree_done(&b->tree);
}

static void step_send(struct bench *b, unsigned device, const char *text)
{
	struct exec_request rq = {
		.h = { EXEC_MAGIC, EXEC_VERSION, EXEC_STEP, 0 },
		.step = { .id = device, .verb = VERB_RESET, .target.vf = -1 },
	};
	(void)STR_FORMAT(rq.step.target.device, "sys:virtual/fake/dev%u", device);
	(void)STR_COPY(rq.step.text, text);
	assert_int_equal(send(b->fd, &rq, sizeof(rq), MSG_NOSIGNAL), sizeof(rq));
}

static void step_done(struct bench *b)
{
	union {
		struct exec_reply reply;
		uint8_t bytes[sizeof(struct exec_reply) + EXEC_DATA_MAX];
	} u;
	struct pollfd p = { .fd = b->fd, .events = POLLIN };
	assert_int_equal(poll(&p, 1, 30000), 1);
	assert_true(recv(b->fd, &u, sizeof(u), 0) >= (ssize_t)sizeof(u.reply));
	assert_int_equal(u.reply.result.status, STEP_DONE);
}

static double steps_time(struct bench *b, unsigned devices, const char *text)
{
	double began = now_ms();
	for (unsigned i = 0; i < devices; i++)
		step_send(b, i, text);
	for (unsigned i = 0; i < devices; i++)
		step_done(b);
	return now_ms() - began;
}

/* The first 64 at once also start the workers; a host that has been used has them. */
static void bench_parallel(struct bench *b)
{
	double one = steps_time(b, 1, WAIT_MS);
	double cold = steps_time(b, DEVICES, WAIT_MS);
	double warm = steps_time(b, DEVICES, WAIT_MS);
	figure("64 devices of 1 s each, workers started", cold / one, "x one", "1.1");
	figure("64 devices of 1 s each, workers there", warm / one, "x one", "1.1");
}

static void bench_latency(struct bench *b)
{
	(void)steps_time(b, 1, "");
	double began = now_ms();
	for (unsigned i = 0; i < STEPS; i++)
		(void)steps_time(b, 1, "");
	figure("a step that does nothing", (now_ms() - began) * 1e3 / STEPS, "us", "-");
}

int main(void)
{
	struct bench b = { 0 };
	if (counts_only())
		return 0;
	bench_start(&b);
	bench_latency(&b);
	bench_parallel(&b);
	bench_end(&b);
	return 0;
}
