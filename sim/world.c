/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * See world.h. Three processes: the one that was started stays outside and waits; its child is process 1 of
 * the world and is the machine; the program that was asked for is the child's child. Here are the namespaces
 * and the life of a world; what is mounted in it is in world-mounts.c and world-etc.c, what runs in it in
 * world-programs.c.
 */
#include "sim/world.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <malloc.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "sim/control.h"
#include "sim/fault.h"
#include "sim/fs.h"
#include "sim/world-internal.h"

int world_failed(struct err *reterr, int error, const char *what, const char *on)
{
	err_set(reterr, "sim.world", error, "%s", what);
	err_on(reterr, "%s", on);
	err_because(reterr, "%s", strerror(error));
	err_state(reterr, "nothing of this machine was changed");
	return -error;
}

/* --- namespaces ------------------------------------------------------------------------------- */

static int text_write(const char *path, const char *text)
{
	_cleanup_close_ int fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0 || write(fd, text, strlen(text)) != (ssize_t)strlen(text))
		return -errno;
	return 0;
}

/* Whoever started it is root of a user namespace in which nobody else is: user_namespaces(7). */
static int user_enter(struct err *reterr)
{
	char uids[64], gids[64];
	(void)STR_FORMAT(uids, "0 %u 1", geteuid());
	(void)STR_FORMAT(gids, "0 %u 1", getegid());
	if (unshare(CLONE_NEWUSER) < 0) {
		int e = errno;
		world_failed(reterr, e, "cannot make a world of its own", "user namespaces");
		err_todo(reterr, "allow user namespaces, or run it as root with CAP_SYS_ADMIN");
		return -e;
	}
	int r = text_write("/proc/self/setgroups", "deny");
	if (r == 0)
		r = text_write("/proc/self/uid_map", uids);
	if (r == 0)
		r = text_write("/proc/self/gid_map", gids);
	return r < 0 ? world_failed(reterr, -r, "cannot map the user", "user namespaces") : 0;
}

static int others_unshare(void)
{
	int r = unshare(CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWPID | CLONE_NEWIPC | CLONE_NEWUTS);
	return r < 0 ? -errno : 0;
}

/* Root of a container mostly may not, and is an ordinary user then. */
static int namespaces_enter(struct err *reterr)
{
	int r = geteuid() == 0 ? others_unshare() : -EPERM;
	if (r != -EPERM)
		return r < 0 ? world_failed(reterr, -r, "cannot make a world of its own",
					    "namespaces")
			     : 0;
	r = user_enter(reterr);
	if (r < 0)
		return r;
	r = others_unshare();
	return r < 0 ? world_failed(reterr, -r, "cannot make a world of its own", "namespaces") : 0;
}

static int loopback_up(void)
{
	struct ifreq request = { .ifr_name = "lo", .ifr_flags = IFF_UP | IFF_RUNNING };
	_cleanup_close_ int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	return fd < 0 || ioctl(fd, SIOCSIFFLAGS, &request) < 0 ? -errno : 0;
}

/* --- the machine ------------------------------------------------------------------------------- */

#define FAULT_WORDS_MAX 8

static int fault_set(struct machine *m, const char *given, struct err *reterr)
{
	char text[512], *save = NULL;
	const char *words[FAULT_WORDS_MAX];
	size_t n = 0;
	unsigned id;
	int r = STR_COPY(text, given);
	for (char *w = r == 0 ? strtok_r(text, " ", &save) : NULL; w;
	     w = strtok_r(NULL, " ", &save)) {
		if (n == FAULT_WORDS_MAX)
			r = -E2BIG;
		else
			words[n++] = w;
	}
	if (r < 0)
		return err_set(reterr, "sim.fault", E2BIG, "\"%.60s...\" is too much for a fault",
			       given);
	return fault_add(m, words, n, &id, reterr);
}

/* A scenario: a fault a line; '#' begins a comment. */
static int scenario_line(struct machine *m, FILE *f, char *line, struct err *reterr)
{
	if (!strchr(line, '\n') && !feof(f))
		return err_set(reterr, "sim.fault", E2BIG, "the line is too long");
	line[strcspn(line, "#\n")] = '\0';
	return line[strspn(line, " \t")] ? fault_set(m, line, reterr) : 0;
}

static int scenario_set(struct machine *m, const char *file, struct err *reterr)
{
	char line[512];
	int r = 0;
	_cleanup_fclose_ FILE *f = fopen(file, "re");
	if (!f)
		return world_failed(reterr, errno, "cannot read the scenario", file);
	for (unsigned n = 1; r == 0 && fgets(line, sizeof(line), f); n++) {
		r = scenario_line(m, f, line, reterr);
		if (r < 0)
			err_on(reterr, "%s:%u", file, n);
	}
	if (r == 0 && ferror(f))
		r = world_failed(reterr, errno, "cannot read the scenario", file);
	return r;
}

static int faults_set(struct machine *m, const char *const *faults, struct err *reterr)
{
	int r = 0;
	for (; r == 0 && faults && *faults; faults++)
		r = **faults == '@' ? scenario_set(m, *faults + 1, reterr)
				    : fault_set(m, *faults, reterr);
	return r;
}

static int machine_start(const struct world_options *o, struct machine **ret, struct err *reterr)
{
	struct machine *m = machine_new(o->host);
	if (!m)
		return world_failed(reterr, ENOMEM, "cannot start a machine", o->host->name);
	m->hooks = &world_hooks;
	machine_lock(m);
	world_dev_places(m);
	m->pace = 0; /* nobody watches it boot */
	machine_boot(m);
	m->pace = o->pace;
	int r = faults_set(m, o->faults, reterr);
	/* What happened before anybody could listen is not told. */
	for (struct change *c = tree_changes_take(m->tree), *next; c; c = next) {
		next = c->next;
		m->told = c->number;
		tree_change_free(c);
	}
	machine_unlock(m);
	*ret = m;
	return r;
}

static int world_make(const struct world_options *o, struct err *reterr)
{
	struct machine *m = NULL;
	if (mount("none", "/", "none", MS_REC | MS_PRIVATE, NULL) < 0) {
		int e = errno;
		world_failed(reterr, e, "cannot make a world of its own", "/");
		err_todo(reterr,
			 "in a changed root, make that a mount point: mount --bind DIR DIR");
		return -e;
	}
	int r = world_mount_new("tmpfs", "/run", MS_NOSUID | MS_NODEV, "mode=755", reterr);
	if (r == 0)
		r = world_folder(WORLD_DIR, reterr);
	if (r == 0)
		r = world_folder(WORLD_TREE, reterr);
	if (r == 0)
		r = machine_start(o, &m, reterr);
	int events = uevent_socket();
	if (r == 0 && events < 0)
		r = world_failed(reterr, -events, "cannot tell of events", "netlink");
	if (r == 0)
		r = fs_start(m, WORLD_TREE, events, reterr);
	if (r == 0)
		r = world_mount_bind(WORLD_TREE "/sys", "/sys", 0, reterr);
	if (r == 0)
		r = world_dev_mount(reterr);
	if (r == 0)
		r = world_proc_mount(reterr);
	if (r == 0)
		r = world_programs_init(m, o->services, reterr);
	if (r == 0)
		r = world_etc_mount(reterr);
	if (r == 0)
		r = world_usr_mount(o->host, reterr);
	if (r == 0)
		r = world_disks_mount(m, reterr);
	if (r == 0)
		r = control_start(m, WORLD_CONTROL, reterr);
	return r;
}

/* Process 1. */
_Noreturn static void world_main(const struct world_options *o, const char *cwd)
{
	struct err err _cleanup_err_ = { 0 };
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	(void)signal(SIGINT, SIG_IGN);
	(void)signal(SIGQUIT, SIG_IGN);
	(void)signal(SIGPIPE, SIG_IGN);
	/* Else malloc() counts processors in /sys when it likes, which would wait for this process itself. */
	(void)mallopt(M_ARENA_MAX, 4);
	(void)umask(022);
	(void)loopback_up();
	world_environment_set();
	int r = world_make(o, &err);
	if (r == 0 && chdir(cwd) < 0 && chdir("/") < 0)
		r = world_failed(&err, errno, "cannot enter", cwd);
	if (r == 0)
		r = world_programs_start(&err);
	if (r < 0) {
		fflush(stdout);
		err_print(stderr, &err);
		_exit(125);
	}
	int status = world_program_run(o->argv);
	fflush(stdout);
	_exit(status);
}

static int world_wait(pid_t pid)
{
	int status;
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return 125;
	if (WIFEXITED(status))
		return WEXITSTATUS(status);
	fprintf(stderr,
		"carve-sim: the simulator was ended by signal %d (%s); its machine and all that ran on it are "
		"gone, /sys of this machine is as it was\n",
		WTERMSIG(status), strsignal(WTERMSIG(status)));
	return 125;
}

int world_run(const struct world_options *o, struct err *reterr)
{
	char cwd[PATH_MAX];
	if (!getcwd(cwd, sizeof(cwd)))
		(void)STR_COPY(cwd, "/");
	if (access(WORLD_CONTROL, F_OK) == 0) {
		err_set(reterr, "sim.nested", EBUSY, "cannot make a simulated machine");
		err_because(reterr, "this is one already");
		err_state(reterr, "nothing was changed");
		err_todo(reterr, "leave this simulated machine first");
		return -EBUSY;
	}
	int r = namespaces_enter(reterr);
	if (r < 0)
		return r;
	pid_t pid = fork();
	if (pid < 0)
		return world_failed(reterr, errno, "cannot start a machine", o->host->name);
	if (pid == 0)
		world_main(o, cwd);
	(void)signal(SIGINT, SIG_IGN);
	(void)signal(SIGQUIT, SIG_IGN);
	return world_wait(pid);
}
