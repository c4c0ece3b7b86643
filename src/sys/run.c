/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See run.h. */
#include "sys/run.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "sys/clock.h"

int run_beside(const char *name, char *ret, size_t size)
{
	char self[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	if (n <= 0)
		return -ENOENT;
	self[n] = '\0';
	char *slash = strrchr(self, '/');
	int r = slash ? str_format(ret, size, "%.*s/%s", (int)(slash - self), self, name) : -ENOENT;
	return r < 0 ? r : access(ret, X_OK) == 0 ? 0 : -ENOENT;
}

static int read_all(int fd, char **ret)
{
	struct str_buf said = { 0 };
	char text[4096];
	ssize_t n;
	while ((n = read(fd, text, sizeof(text) - 1)) > 0 || (n < 0 && errno == EINTR)) {
		text[n > 0 ? n : 0] = '\0';
		str_buf_add(&said, text);
	}
	*ret = str_buf_take(&said);
	return *ret ? 0 : -ENOMEM;
}

static int wait_for(pid_t pid)
{
	int status;
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -errno;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static int wait_ms(pid_t pid, unsigned deadline_ms)
{
	_cleanup_close_ int fd = (int)syscall(SYS_pidfd_open, pid, 0);
	struct pollfd end = { .fd = fd, .events = POLLIN };
	int64_t until = clock_monotonic_ms() + deadline_ms;
	int n = fd < 0 ? -1 : 0;
	while (fd >= 0 && n == 0) {
		int64_t left = until - clock_monotonic_ms();
		n = left > 0 ? poll(&end, 1, (int)left) : -1;
		if (n < 0 && left > 0 && errno == EINTR)
			n = 0;
	}
	if (n > 0)
		return wait_for(pid);
	(void)kill(pid, SIGKILL);
	(void)wait_for(pid);
	return fd < 0 ? -EIO : -ETIMEDOUT;
}

/* in -1: it has ours. */
static int spawn_closed(const char *const argv[], int in, int out, pid_t *ret_pid)
{
	char *const nothing[] = { NULL };
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	sigset_t none;
	int r = posix_spawn_file_actions_init(&actions);
	if (r != 0)
		return r;
	r = posix_spawnattr_init(&attributes);
	if (r != 0) {
		posix_spawn_file_actions_destroy(&actions);
		return r;
	}
	sigemptyset(&none);
	(void)posix_spawnattr_setsigmask(&attributes, &none);
	(void)posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK);
	r = posix_spawn_file_actions_adddup2(&actions, out, STDOUT_FILENO);
	if (r == 0 && in >= 0)
		r = posix_spawn_file_actions_adddup2(&actions, in, STDIN_FILENO);
	if (r == 0)
		r = posix_spawn(ret_pid, argv[0], &actions, &attributes,
				(char *const *)(uintptr_t)argv, nothing);
	posix_spawnattr_destroy(&attributes);
	posix_spawn_file_actions_destroy(&actions);
	return r;
}

int run_closed(const char *const argv[], unsigned deadline_ms, char **ret_said)
{
	_cleanup_close_ int from = -1, to = -1;
	char text[4096];
	int ends[2];
	pid_t pid;
	if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) < 0)
		return -errno;
	from = ends[0];
	to = ends[1];
	int r = spawn_closed(argv, -1, to, &pid);
	if (r != 0)
		return -r;
	r = wait_ms(pid, deadline_ms);
	if (r < 0)
		return r;
	/* Not up to its end: a child that it left behind may keep that open. */
	ssize_t n = read(from, text, sizeof(text) - 1);
	text[n > 0 ? n : 0] = '\0';
	*ret_said = strdup(text);
	return *ret_said ? r : -ENOMEM;
}

/* Up to the end of what it says. Bytes; -ENOBUFS, -ETIMEDOUT. */
static ssize_t read_until(int fd, int64_t until, void *out, size_t room)
{
	size_t n = 0;
	for (;;) {
		struct pollfd ready = { .fd = fd, .events = POLLIN };
		int64_t left = until < 0 ? -1 : until - clock_monotonic_ms();
		char more;
		if (until >= 0 && left <= 0)
			return -ETIMEDOUT;
		if (poll(&ready, 1, (int)left) < 0 && errno != EINTR)
			return -errno;
		if (!ready.revents)
			continue;
		ssize_t got = read(fd, n < room ? (char *)out + n : &more, n < room ? room - n : 1);
		if (got < 0 && errno != EINTR && errno != EAGAIN)
			return -errno;
		if (got == 0)
			return (ssize_t)n;
		if (got > 0 && n == room)
			return -ENOBUFS;
		n += got > 0 ? (size_t)got : 0;
	}
}

static ssize_t exchange_end(pid_t pid, ssize_t n)
{
	if (n < 0)
		(void)kill(pid, SIGKILL);
	int status = wait_for(pid);
	return n < 0 ? n : status == 0 ? n : -EPROTO;
}

ssize_t run_exchange(const char *const argv[], unsigned deadline_ms, const void *in, size_t in_size,
		     void *out, size_t room)
{
	int ends[2];
	pid_t pid;
	if (pipe2(ends, O_CLOEXEC) < 0)
		return -errno;
	_cleanup_close_ int their_in = ends[0], our_out = ends[1];
	if (pipe2(ends, O_CLOEXEC) < 0)
		return -errno;
	_cleanup_close_ int our_in = ends[0], their_out = ends[1];
	/* Before it runs: it may end without reading, and that is no reason to be killed. */
	if (in_size > PIPE_BUF || write(our_out, in, in_size) != (ssize_t)in_size)
		return -EMSGSIZE;
	close(TAKE_FD(our_out));
	int r = spawn_closed(argv, their_in, their_out, &pid);
	if (r != 0)
		return -r;
	close(TAKE_FD(their_out));
	int64_t until = deadline_ms ? clock_monotonic_ms() + deadline_ms : -1;
	return exchange_end(pid, read_until(our_in, until, out, room));
}

/* out: where its standard output goes; -1: to ours. Returns a positive errno, as posix_spawnp() does. */
static int start(const char *const argv[], int out, pid_t *ret_pid)
{
	posix_spawn_file_actions_t actions;
	int r = posix_spawn_file_actions_init(&actions);
	if (r != 0)
		return r;
	if (out >= 0)
		r = posix_spawn_file_actions_adddup2(&actions, out, STDOUT_FILENO);
	if (r == 0)
		r = posix_spawnp(ret_pid, argv[0], &actions, NULL, (char *const *)(uintptr_t)argv,
				 environ);
	posix_spawn_file_actions_destroy(&actions);
	return r;
}

int run_program(const char *const argv[], char **ret_said)
{
	_cleanup_close_ int from = -1, to = -1;
	int ends[2];
	pid_t pid;
	if (ret_said) {
		if (pipe2(ends, O_CLOEXEC) < 0)
			return -errno;
		from = ends[0];
		to = ends[1];
	}
	int r = start(argv, to, &pid);
	if (r != 0)
		return -r;
	if (!ret_said)
		return wait_for(pid);
	close(TAKE_FD(to));
	_cleanup_free_ char *said = NULL;
	int read = read_all(from, &said);
	r = wait_for(pid);
	if (r < 0 || read < 0)
		return r < 0 ? r : read;
	*ret_said = TAKE_PTR(said);
	return r;
}
