/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See service.h. */
#include "support/service.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/str.h"
#include "support/test.h"

#define START_TRIES 500

void service_init(struct service *s)
{
	*s = (struct service){ 0 };
	tree_init(&s->root);
	tree_dir(&s->root, "sys/bus/pci/devices");
	tree_dir(&s->root, "dev");
	tree_dir(&s->root, "etc");
	tree_dir(&s->root, "state");
	tree_dir(&s->root, "run");
	assert_int_equal(STR_FORMAT(s->sys.path, "%s/sys", s->root.path), 0);
	assert_int_equal(STR_FORMAT(s->socket, "%s/run/io.carve", s->root.path), 0);
	s->sys.fd = openat(s->root.fd, "sys", O_PATH | O_DIRECTORY | O_CLOEXEC);
	assert_true(s->sys.fd >= 0);
}

void service_kill(pid_t *pid, int signal)
{
	if (*pid <= 0)
		return;
	assert_int_equal(kill(*pid, signal), 0);
	assert_int_equal(waitpid(*pid, NULL, 0), *pid);
	*pid = 0;
}

/* The programs lie beside the tests: O/tests/unit/test-x and O/carved. Looked up once: in a mount
 * namespace of its own a process that was changed to another root no longer sees its path. */
static void program_path(const char *name, char *ret, size_t size)
{
	static char folder[PATH_MAX];
	if (!folder[0]) {
		ssize_t n = readlink("/proc/self/exe", folder, sizeof(folder) - 1);
		assert_true(n > 0);
		folder[n] = '\0';
		for (int i = 0; i < 3; i++)
			*strrchr(folder, '/') = '\0';
	}
	assert_int_equal(str_format(ret, size, "%s/%s", folder, name), 0);
}

void service_state_mount(struct service *s, unsigned long flags)
{
	char dir[128];
	if (getuid() != 0)
		skip();
	assert_int_equal(STR_FORMAT(dir, "%s/state", s->root.path), 0);
	if (!s->state_mounted) {
		assert_int_equal(unshare(CLONE_NEWNS), 0);
		assert_int_equal(mount("none", "/", "none", MS_REC | MS_PRIVATE, NULL), 0);
	}
	flags |= s->state_mounted ? MS_REMOUNT : 0;
	assert_int_equal(mount("none", dir, "tmpfs", flags, "size=4m"), 0);
	s->state_mounted = true;
}

static void state_unmount(struct service *s)
{
	char dir[128];
	assert_int_equal(STR_FORMAT(dir, "%s/state", s->root.path), 0);
	if (s->state_mounted)
		assert_int_equal(umount(dir), 0);
	s->state_mounted = false;
}

void service_done(struct service *s)
{
	service_kill(&s->carved, SIGTERM);
	service_kill(&s->executor, SIGTERM);
	state_unmount(s);
	close(s->sys.fd);
	tree_done(&s->root);
}

static pid_t spawn(const char *program, char *const argv[])
{
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid > 0)
		return pid;
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	execv(program, argv);
	_exit(127);
}

int service_run(const char *name, const char *option, char *ret_said, size_t size)
{
	char program[PATH_MAX];
	int pipes[2], status;
	size_t n = 0;
	program_path(name, program, sizeof(program));
	assert_int_equal(pipe2(pipes, O_CLOEXEC), 0);
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		(void)dup2(pipes[1], STDERR_FILENO);
		execl(program, program, option, NULL);
		_exit(127);
	}
	close(pipes[1]);
	for (ssize_t r; (r = read(pipes[0], ret_said + n, size - 1 - n)) > 0;)
		n += (size_t)r;
	ret_said[n] = '\0';
	close(pipes[0]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static bool listens(const struct service *s)
{
	int fd = service_connect_raw(s);
	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

static void pause_ms(unsigned ms)
{
	const struct timespec t = { .tv_nsec = ms * 1000000L };
	(void)nanosleep(&t, NULL);
}

void service_start(struct service *s)
{
	char program[PATH_MAX], state[128], run[128], etc[128], sys[128], dev[128];
	const char *root = s->root.path;
	program_path("carved", program, sizeof(program));
	assert_int_equal(STR_FORMAT(state, "--state-dir=%s/state", root), 0);
	assert_int_equal(STR_FORMAT(run, "--run-dir=%s/run", root), 0);
	assert_int_equal(STR_FORMAT(etc, "--config-dir=%s/etc", root), 0);
	assert_int_equal(STR_FORMAT(sys, "--sys=%s/sys", root), 0);
	assert_int_equal(STR_FORMAT(dev, "--dev=%s/dev", root), 0);
	char user[] = "--user=root", stall[] = "--stall-ms=500";
	char *const argv[] = { program, state, run, etc, sys, dev, user, stall, NULL };
	s->carved = spawn(program, argv);
	for (int i = 0; i < START_TRIES && !listens(s); i++)
		pause_ms(20);
	assert_true(listens(s));
}

void service_executor_start(struct service *s)
{
	char program[PATH_MAX], run[128], etc[128], sys[128], dev[128];
	const char *root = s->root.path;
	program_path("carve-executor", program, sizeof(program));
	assert_int_equal(STR_FORMAT(run, "--run-dir=%s/run", root), 0);
	assert_int_equal(STR_FORMAT(etc, "--config-dir=%s/etc", root), 0);
	assert_int_equal(STR_FORMAT(sys, "--sys=%s/sys", root), 0);
	assert_int_equal(STR_FORMAT(dev, "--dev=%s/dev", root), 0);
	char user[] = "--user=root";
	char *const argv[] = { program, run, etc, sys, dev, user, NULL };
	s->executor = spawn(program, argv);
}

int service_connect_raw(const struct service *s)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	assert_int_equal(STR_COPY(addr.sun_path, s->socket), 0);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_true(fd >= 0);
	const struct timeval limit = { .tv_sec = 10 };
	assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)), 0);
	if (connect(fd, (const struct sockaddr *)&addr, sizeof(addr)) == 0)
		return fd;
	int r = -errno;
	close(fd);
	return r;
}

struct api_client *service_connect(const struct service *s)
{
	struct api_client *c = NULL;
	int fd = service_connect_raw(s);
	assert_true(fd >= 0);
	assert_int_equal(api_attach(fd, &c, NULL), 0);
	return c;
}

json_t *service_call(const struct service *s, const char *method)
{
	_cleanup_err_ struct err e = { 0 };
	struct api_client *c = service_connect(s);
	json_t *reply = NULL;
	if (api_call(c, method, NULL, 0, &reply, NULL, &e) < 0)
		fail_msg("%s: %s %s", method, e.id, e.because ? e.because : "");
	api_close(c);
	return reply;
}
