/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See services.h. */
#include "sim/services.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "sim/program.h"
#include "sys/clock.h"

#define START_MS 60000
#define NOTIFY "/run/carve-sim/notify"

/* Beside this program in a build tree, else where it is installed. */
static int carved_path(char *ret, size_t size)
{
	if (program_beside("carved", ret, size) == 0 && access(ret, X_OK) == 0)
		return 0;
	int r = str_copy(ret, size, CARVE_LIBEXECDIR "/carved");
	return r == 0 && access(ret, X_OK) < 0 ? -errno : r;
}

_Noreturn static void service_exec(const char *program)
{
	const char *const argv[] = { program, "--with-executor", "--state-dir=" SERVICES_STATE,
				     "--config-dir=/etc/carve", NULL };
	int log = open(SERVICES_LOG, O_WRONLY | O_CREAT | O_APPEND, 0644);
	int none = open("/dev/null", O_RDWR);
	(void)dup2(none, STDIN_FILENO);
	(void)dup2(log, STDOUT_FILENO);
	(void)dup2(log, STDERR_FILENO);
	(void)setsid();
	(void)setenv("NOTIFY_SOCKET", NOTIFY, 1);
	execv(program, (char *const *)(uintptr_t)argv);
	_exit(127);
}

static const char *reason(int error)
{
	return error == ECHILD	    ? "it ended before it was ready"
	       : error == ETIMEDOUT ? "it was not ready in time"
				    : strerror(error);
}

static int failed(struct err *reterr, int error, const char *on)
{
	err_set(reterr, "sim.services", error, "cannot start the services");
	err_on(reterr, "%s", on);
	err_because(reterr, "%s", reason(error));
	err_todo(reterr, "see what carved says: carve-sim run ... -- carved --with-executor");
	return -error;
}

/* Where carved tells, as to systemd, that it has looked at the machine: sd_notify(3). */
static int notify_socket(void)
{
	const struct sockaddr_un at = { .sun_family = AF_UNIX, .sun_path = NOTIFY };
	_cleanup_close_ int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	(void)unlink(NOTIFY);
	if (fd < 0 || bind(fd, (const struct sockaddr *)&at, sizeof(at)) < 0 ||
	    chmod(NOTIFY, 0666) < 0)
		return -errno;
	return TAKE_FD(fd);
}

/* -ECHILD: it ended before that, by itself or by a reboot. */
static int ready_wait(int fd, pid_t pid)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	char text[512];
	int64_t left, end = clock_monotonic_ms() + START_MS;
	while ((left = end - clock_monotonic_ms()) > 0) {
		if (poll(&p, 1, left < 100 ? (int)left : 100) <= 0) {
			if (waitpid(pid, NULL, WNOHANG) == pid)
				return -ECHILD;
			continue;
		}
		ssize_t n = recv(fd, text, sizeof(text) - 1, 0);
		text[n > 0 ? n : 0] = '\0';
		if (strstr(text, "READY=1"))
			return 0;
	}
	return -ETIMEDOUT;
}

int services_start(struct err *reterr)
{
	char program[PATH_MAX];
	int r = carved_path(program, sizeof(program));
	if (r < 0)
		return failed(reterr, -r, "carved");
	(void)mkdir("/run/carve", 0755);
	_cleanup_close_ int fd = notify_socket();
	if (fd < 0)
		return failed(reterr, -fd, NOTIFY);
	pid_t pid = fork();
	if (pid == 0)
		service_exec(program);
	r = pid < 0 ? -errno : ready_wait(fd, pid);
	return r < 0 ? failed(reterr, -r, program) : 0;
}
