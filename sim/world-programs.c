/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Programs of a world. The one that it was made for ends it. All others are killed when the machine loses
 * its power; then those that belong to it are started again: the services, and what holds nodes from the
 * boot on.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/num.h"
#include "sim/program.h"
#include "sim/services.h"
#include "sim/world-internal.h"

/* What process 1 of the world remembers: hooks have no argument of their own. */
static struct {
	struct machine *machine;
	int proc;   /* of the world, whatever is mounted over it later */
	pid_t main; /* survives a reboot */
	bool services;
	atomic_bool rebooted;
} programs;

int world_programs_init(struct machine *m, bool services, struct err *reterr)
{
	programs.machine = m;
	programs.services = services;
	programs.proc = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
	return programs.proc < 0 ? world_failed(reterr, errno, "cannot open", "/proc") : 0;
}

static bool comm_is(pid_t pid, const char *name)
{
	char path[64], comm[32] = "";
	(void)STR_FORMAT(path, "%d/comm", pid);
	_cleanup_close_ int fd = openat(programs.proc, path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, comm, sizeof(comm) - 1);
	if (n <= 0)
		return false;
	comm[n - 1] = '\0';
	return strncmp(comm, name, 15) == 0;
}

/* name NULL: all but the program that the world was made for, and those that speak to the machine. */
static void programs_kill(const char *name)
{
	int fd = openat(programs.proc, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	for (struct dirent *e; d && (e = readdir(d));) {
		uint32_t pid;
		if (num_parse_u32(e->d_name, 10, &pid) < 0 || pid == 1)
			continue;
		bool meant = name ? comm_is((pid_t)pid, name)
				  : (pid_t)pid != programs.main &&
					     !comm_is((pid_t)pid, "carve-sim");
		if (meant)
			(void)kill((pid_t)pid, SIGKILL);
	}
	if (d)
		closedir(d);
}

static void hook_kill(struct machine *m, const char *program)
{
	(void)m;
	programs_kill(program);
}

/* What is on disk stays: /etc/carve and the services' state. /run/carve does not. Programs that belong to
 * the machine are started again by process 1, which sees them end; not here, under the machine's lock. */
static void hook_reboot(struct machine *m)
{
	programs.rebooted = true;
	if (fork() == 0)
		_exit(0); /* process 1 sees something end, even if nothing else was running */
	programs_kill(NULL);
	(void)unlink("/run/carve/io.carve");
	(void)unlink("/run/carve/executor");
	machine_reboot(m);
}

static bool has_open(const char *pid, const char *node)
{
	char path[64], target[128];
	(void)STR_FORMAT(path, "%s/fd", pid);
	int fd = openat(programs.proc, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	bool found = false;
	for (struct dirent *e; d && !found && (e = readdir(d));) {
		ssize_t n = readlinkat(dirfd(d), e->d_name, target, sizeof(target) - 1);
		target[n > 0 ? n : 0] = '\0';
		found = str_eq(target, node);
	}
	if (d)
		closedir(d);
	return found;
}

static unsigned hook_users(struct machine *m, const char *node, uint32_t *ret, unsigned room)
{
	int fd = openat(programs.proc, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	unsigned n = 0;
	(void)m;
	for (struct dirent *e; d && n < room && (e = readdir(d));) {
		uint32_t pid;
		if (num_parse_u32(e->d_name, 10, &pid) == 0 && pid != 1 &&
		    has_open(e->d_name, node))
			ret[n++] = pid;
	}
	if (d)
		closedir(d);
	return n;
}

static bool hook_in_use(struct machine *m, const char *node)
{
	uint32_t pid;
	return hook_users(m, node, &pid, 1) > 0;
}

const struct machine_hooks world_hooks = {
	.kill = hook_kill, .reboot = hook_reboot, .in_use = hook_in_use, .users = hook_users
};

void world_environment_set(void)
{
	char here[PATH_MAX], path[PATH_MAX * 2];
	const char *had = getenv("PATH");
	if (program_beside(".", here, sizeof(here)) == 0 &&
	    STR_FORMAT(path, "%s:%s", here, had ? had : "/usr/sbin:/usr/bin:/sbin:/bin") == 0)
		(void)setenv("PATH", path, 1);
	/* libudev looks whether /sys is a sysfs, and this one is not (systemd, sd-device). */
	(void)setenv("SYSTEMD_DEVICE_VERIFY_SYSFS", "0", 1);
	(void)setenv("CARVE_SIM", "1", 1);
}

static pid_t program_start(char *const argv[])
{
	pid_t pid = fork();
	if (pid != 0)
		return pid;
	(void)signal(SIGINT, SIG_DFL);
	(void)signal(SIGQUIT, SIG_DFL);
	(void)prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
	execvp(argv[0], argv);
	fprintf(stderr, "carve-sim: %s: %m\n", argv[0]);
	_exit(errno == ENOENT ? 127 : 126);
}

static int status_of(int status)
{
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* A program that has the nodes of a function open from boot on. Nobody can open a simulated device: a
 * descriptor of the path alone is what those who look for holders find. */
int world_hold_nodes(const char *name, char **nodes)
{
	(void)prctl(PR_SET_NAME, name, 0, 0, 0);
	for (; *nodes; nodes++)
		(void)open(*nodes, O_PATH);
	for (;;)
		pause();
}

static void holder_start(const char *name, char *nodes)
{
	char *argv[16] = { (char *)"/proc/self/exe", (char *)"hold-nodes", (char *)name },
	     *save = NULL;
	size_t n = 3;
	for (char *w = strtok_r(nodes, " ", &save); w && n < 15; w = strtok_r(NULL, " ", &save))
		argv[n++] = w;
	(void)program_start(argv);
}

/* Nodes of all functions that are held, by name; started without the lock. */
static void holders_start(struct machine *m)
{
	struct str_buf list = { 0 };
	machine_lock(m);
	for (const struct pci *f = m->functions; f; f = f->next)
		for (size_t i = 0; f->slot && i < f->slot->n_holders; i++) {
			str_buf_addf(&list, "%s", f->slot->holders[i]);
			class_nodes(f, &list);
			str_buf_add(&list, "\n");
		}
	machine_unlock(m);
	_cleanup_free_ char *text = str_buf_take(&list);
	char *save = NULL;
	for (char *l = text ? strtok_r(text, "\n", &save) : NULL; l;
	     l = strtok_r(NULL, "\n", &save)) {
		char *nodes = strchr(l, ' ');
		if (!nodes)
			continue;
		*nodes++ = '\0';
		holder_start(l, nodes);
	}
}

int world_programs_start(struct err *reterr)
{
	holders_start(programs.machine);
	return programs.services ? services_start(reterr) : 0;
}

/* Nobody waits for what is started again: what fails is told. If the power went once more meanwhile, that is
 * why, and it is started after that. */
static void programs_restart(void)
{
	struct err err _cleanup_err_ = { 0 };
	if (world_programs_start(&err) == 0 || programs.rebooted)
		return;
	err_state(&err,
		  "the machine has rebooted and goes on without them; what they said is in %s",
		  SERVICES_LOG);
	err_print(stderr, &err);
}

/* Process 1 waits for all whose parents ended before them. After a reboot it waits for nothing: who started
 * something then may have seen all of it end. */
static int program_wait(pid_t wanted)
{
	for (int status = 0; wanted > 0;) {
		pid_t pid = waitpid(-1, &status, programs.rebooted ? WNOHANG : 0);
		if (pid == wanted)
			return status_of(status);
		if (pid < 0 && errno != EINTR)
			return 1;
		if (pid == 0) {
			programs.rebooted = false; /* before: the start waits until it is over */
			programs_restart();
		}
	}
	fputs("carve-sim: no process can be started\n", stderr);
	return 126;
}

int world_program_run(char *const argv[])
{
	programs.main = program_start(argv);
	return program_wait(programs.main);
}
