/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See supervise.h. */
#include "daemon/supervise.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "base/str.h"
#include "daemon/server.h"
#include "sys/clock.h"

/* What ends at once is not started again at once. */
#define RESTART_MS 1000

struct account {
	uid_t uid;
	gid_t gid;
};

static int failed(struct err *reterr, int error, const char *what, const char *on)
{
	err_set(reterr, "daemon.start", error, "%s", what);
	err_on(reterr, "%s", on);
	err_because(reterr, "%s", strerror(error));
	return -error;
}

static int account_find(const char *user, struct account *ret, struct err *reterr)
{
	errno = 0;
	const struct passwd *p = getpwnam(user);
	if (p) {
		*ret = (struct account){ .uid = p->pw_uid, .gid = p->pw_gid };
		return 0;
	}
	err_set(reterr, "daemon.user", ENOENT, "there is no account %s to run as", user);
	err_because(reterr, "no user has that name");
	err_todo(reterr, "systemd-sysusers, or: useradd --system --user-group %s", user);
	return -ENOENT;
}

/* Leaving uid 0 with setresuid() clears all capabilities: capabilities(7). */
static int root_drop(const char *user, const struct account *a, struct err *reterr)
{
	if (a->uid == 0)
		return 0;
	if (initgroups(user, a->gid) < 0 || setresgid(a->gid, a->gid, a->gid) < 0 ||
	    setresuid(a->uid, a->uid, a->uid) < 0 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return failed(reterr, errno, "cannot give root up", user);
	return 0;
}

static int state_make(const char *dir, const struct account *a, struct err *reterr)
{
	if (mkdir(dir, 0700) < 0 && errno != EEXIST && errno != EROFS)
		return failed(reterr, errno, "cannot make the directory", dir);
	_cleanup_close_ int fd = open(dir, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	/* On a read-only file system the service says so itself. */
	if (fd >= 0 && fchown(fd, a->uid, a->gid) < 0 && errno != EROFS)
		return failed(reterr, errno, "cannot give the directory to its user", dir);
	return 0;
}

/* As systemd hands sockets over, see sd_listen_fds(3); pid is set by the process that serves. */
static int socket_hand_over(int fd)
{
	char pid[16];
	if (STR_FORMAT(pid, "%d", getpid()) < 0)
		return -EOVERFLOW;
	if (fd != SD_LISTEN_FDS_START && dup2(fd, SD_LISTEN_FDS_START) < 0)
		return -errno;
	if (fcntl(SD_LISTEN_FDS_START, F_SETFD, 0) < 0 || setenv("LISTEN_PID", pid, 1) < 0 ||
	    setenv("LISTEN_FDS", "1", 1) < 0)
		return -errno;
	return 0;
}

/* Ends with its parent, whose pid is given; 0: has none of ours. */
static void end_with(pid_t parent)
{
	if (!parent)
		return;
	(void)prctl(PR_SET_PDEATHSIG, SIGTERM);
	if (getppid() != parent)
		_exit(1);
}

static int serve_dropped(const struct supervise_config *c, const struct account *a, int fd,
			 pid_t parent, int (*serve)(const struct daemon_config *c),
			 struct err *reterr)
{
	int r = fd >= 0 ? socket_hand_over(fd) : 0;
	if (r < 0)
		return failed(reterr, -r, "cannot hand the socket over", c->daemon->run_dir);
	r = root_drop(c->user, a, reterr);
	if (r < 0)
		return r;
	/* Changing the user made the kernel forget it: prctl(2). */
	end_with(parent);
	return serve(c->daemon);
}

/* --- the parent of both ---------------------------------------------------------------------- */

struct children {
	pid_t executor, carved;
	int64_t executor_at, carved_at; /* monotonic ms of their starts */
};

/* In the child: takes signals again. */
static void child_begin(pid_t parent)
{
	sigset_t none;
	sigemptyset(&none);
	end_with(parent);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
}

static void executor_exec(const struct supervise_config *c, pid_t parent)
{
	const struct daemon_config *d = c->daemon;
	char run[4096], config[4096], sys[4096], dev[4096], proc[4096], user[256];
	child_begin(parent);
	if (STR_FORMAT(run, "--run-dir=%s", d->run_dir) < 0 ||
	    STR_FORMAT(config, "--config-dir=%s", d->config_dir) < 0 ||
	    STR_FORMAT(sys, "--sys=%s", d->sys) < 0 || STR_FORMAT(dev, "--dev=%s", d->dev) < 0 ||
	    STR_FORMAT(proc, "--proc=%s", d->proc) < 0 ||
	    STR_FORMAT(user, "--user=%s", c->user) < 0)
		_exit(2);
	char *const argv[] = { (char *)c->executor, run, config, sys, dev, proc, user, NULL };
	char *const env[] = { NULL };
	execve(c->executor, argv, env);
	log_error("cannot start %s: %s", c->executor, strerror(errno));
	_exit(127);
}

static int executor_start(const struct supervise_config *c, struct children *k)
{
	pid_t parent = getpid(), pid = fork();
	if (pid == 0)
		executor_exec(c, parent);
	if (pid < 0)
		return -errno;
	k->executor = pid;
	k->executor_at = clock_monotonic_ms();
	return 0;
}

static int carved_start(const struct supervise_config *c, struct children *k,
			const struct account *a, int fd,
			int (*serve)(const struct daemon_config *c))
{
	pid_t parent = getpid(), pid = fork();
	if (pid == 0) {
		_cleanup_err_ struct err err = { 0 };
		child_begin(parent);
		int r = serve_dropped(c, a, fd, parent, serve, &err);
		if (err_is_set(&err))
			log_err(LOG_ERR, &err);
		_exit(r < 0 ? 1 : r);
	}
	if (pid < 0)
		return -errno;
	k->carved = pid;
	k->carved_at = clock_monotonic_ms();
	return 0;
}

/* Waits for a signal: 0 SIGCHLD or its time, 1 asked to end. */
static int wait_signal(const sigset_t *set, int64_t until)
{
	int64_t left = until - clock_monotonic_ms();
	struct timespec t = { .tv_sec = left / 1000, .tv_nsec = left % 1000 * 1000000 };
	if (until && left <= 0)
		return 0;
	int sig = until ? sigtimedwait(set, NULL, &t) : sigwaitinfo(set, NULL);
	return sig == SIGTERM || sig == SIGINT;
}

/* Takes ends of children in. >= 0: carved ended by itself, with that status; -1: go on. */
static int reap(struct children *k)
{
	int status;
	for (pid_t pid; (pid = waitpid(-1, &status, WNOHANG)) > 0;) {
		if (pid == k->executor) {
			log_warning("carve-executor ended and is started again");
			k->executor = 0;
		}
		if (pid != k->carved)
			continue;
		k->carved = 0;
		if (WIFEXITED(status))
			return WEXITSTATUS(status);
		log_error("carved was killed by signal %d and is started again", WTERMSIG(status));
	}
	return -1;
}

static void end_children(const struct children *k)
{
	if (k->carved > 0 && kill(k->carved, SIGTERM) == 0)
		(void)waitpid(k->carved, NULL, 0);
	if (k->executor > 0 && kill(k->executor, SIGTERM) == 0)
		(void)waitpid(k->executor, NULL, 0);
}

/* Of a child that began at that time, 0: never. */
static bool may_start(int64_t began_at)
{
	return !began_at || clock_monotonic_ms() >= began_at + RESTART_MS;
}

/* Of two times; 0 is none. */
static int64_t sooner(int64_t a, int64_t b)
{
	return a && (!b || a < b) ? a : b;
}

static int keep_running(const struct supervise_config *c, const struct account *a, int fd,
			int (*serve)(const struct daemon_config *c))
{
	struct children k = { 0 };
	sigset_t set;
	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	if (sigprocmask(SIG_BLOCK, &set, NULL) < 0)
		return -errno;
	int status = -1, r = 0;
	for (bool asked = false; status < 0 && !asked && r >= 0;) {
		if (k.executor == 0 && may_start(k.executor_at))
			r = executor_start(c, &k);
		if (r >= 0 && k.carved == 0 && may_start(k.carved_at))
			r = carved_start(c, &k, a, fd, serve);
		if (r < 0)
			break;
		int64_t due = sooner(k.executor ? 0 : k.executor_at + RESTART_MS,
				     k.carved ? 0 : k.carved_at + RESTART_MS);
		asked = wait_signal(&set, due) > 0;
		status = reap(&k);
	}
	end_children(&k);
	return r < 0 ? r : status > 0 ? status : 0;
}

/* A user namespace that maps one id: there is nobody else to be in it. Its map is one line, and the last
 * number of that says how many: user_namespaces(7). */
static bool user_is_alone(void)
{
	char text[128];
	_cleanup_fclose_ FILE *f = fopen("/proc/self/uid_map", "re");
	size_t n = f ? fread(text, 1, sizeof(text) - 1, f) : 0;
	if (n == 0 || text[n - 1] != '\n')
		return false;
	text[n - 1] = '\0';
	const char *last = strrchr(text, ' ');
	return last && !strchr(text, '\n') && str_eq(last, " 1");
}

static int supervise_as(const struct supervise_config *c,
			int (*serve)(const struct daemon_config *c), struct err *reterr)
{
	struct account a;
	int r = account_find(c->user, &a, reterr);
	if (r >= 0)
		r = state_make(c->daemon->state_dir, &a, reterr);
	if (r < 0)
		return r;
	_cleanup_close_ int fd = -1;
	if (sd_listen_fds(0) <= 0) {
		fd = server_socket_make(c->daemon->run_dir, c->daemon->socket_mode, reterr);
		if (fd < 0)
			return fd;
	}
	if (!c->executor)
		return serve_dropped(c, &a, fd, 0, serve, reterr);
	r = keep_running(c, &a, fd, serve);
	return r < 0 ? failed(reterr, -r, "cannot start a process", c->executor) : r;
}

int supervise(const struct supervise_config *c, int (*serve)(const struct daemon_config *c),
	      struct err *reterr)
{
	struct supervise_config as = *c;
	if (geteuid() != 0)
		return serve(c->daemon);
	if (user_is_alone()) {
		log_notice("this user namespace has one user only: the services stay root of it");
		as.user = "root";
	}
	return supervise_as(&as, serve, reterr);
}
