/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See services.h. */
#include "sim/services.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "sys/clock.h"

#define START_MS 20000

/* Beside this program in a build tree, else where it is installed. */
static int program_path(char *ret, size_t size)
{
	char self[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	if (n > 0) {
		self[n] = '\0';
		char *slash = strrchr(self, '/');
		if (slash && str_format(ret, size, "%.*s/carved", (int)(slash - self), self) == 0 &&
		    access(ret, X_OK) == 0)
			return 0;
	}
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
	execv(program, (char *const *)(uintptr_t)argv);
	_exit(127);
}

static bool answers(void)
{
	const struct sockaddr_un at = { .sun_family = AF_UNIX, .sun_path = "/run/carve/io.carve" };
	_cleanup_close_ int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	return fd >= 0 && connect(fd, (const struct sockaddr *)&at, sizeof(at)) == 0;
}

static int failed(struct err *reterr, int error, const char *on)
{
	err_set(reterr, "sim.services", error, "cannot start the services");
	err_on(reterr, "%s", on);
	err_because(reterr, "%s", strerror(error));
	return -error;
}

int services_start(struct err *reterr)
{
	char program[PATH_MAX];
	int r = program_path(program, sizeof(program));
	if (r < 0)
		return failed(reterr, -r, "carved");
	(void)mkdir("/run/carve", 0755);
	pid_t pid = fork();
	if (pid == 0)
		service_exec(program);
	if (pid < 0)
		return failed(reterr, errno, program);
	/* It opens its socket before it looks at anything, and answers once it has looked. */
	for (int64_t end = clock_monotonic_ms() + START_MS; !answers();) {
		const struct timespec t = { .tv_nsec = 5000000 };
		if (clock_monotonic_ms() > end)
			return failed(reterr, ETIMEDOUT, program);
		(void)clock_nanosleep(CLOCK_MONOTONIC, 0, &t, NULL);
	}
	return 0;
}
