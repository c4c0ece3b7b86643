/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * See world.h. Three processes: the one that was started stays outside and waits; its child is process 1 of
 * the world and is the machine; the program that was asked for is the child's child. What is mounted is
 * mounted in the world's own mount namespace, so there is nothing to undo.
 */
#include "sim/world.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <malloc.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/num.h"
#include "sim/control.h"
#include "sim/fault.h"
#include "sim/fs.h"
#include "sim/program.h"
#include "sim/services.h"
#include "sys/clock.h"

#define TREE WORLD_DIR "/machine"
#define ETC WORLD_DIR "/etc"
#define PRELOAD WORLD_DIR "/libcarve-sim.so"

static int failed(struct err *reterr, int error, const char *what, const char *on)
{
	err_set(reterr, "sim.world", error, "%s", what);
	err_on(reterr, "%s", on);
	err_because(reterr, "%s", strerror(error));
	err_state(reterr, "nothing of this machine was changed");
	return -error;
}

/* What process 1 of the world remembers. */
static struct {
	struct machine *machine;
	int proc;   /* of the world, whatever is mounted over it later */
	pid_t main; /* survives a reboot */
	bool services;
	atomic_bool rebooted;
} programs;

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
		failed(reterr, e, "cannot make a world of its own", "user namespaces");
		err_todo(reterr, "allow unprivileged user namespaces, or run it as root");
		return -e;
	}
	int r = text_write("/proc/self/setgroups", "deny");
	if (r == 0)
		r = text_write("/proc/self/uid_map", uids);
	if (r == 0)
		r = text_write("/proc/self/gid_map", gids);
	return r < 0 ? failed(reterr, -r, "cannot map the user", "user namespaces") : 0;
}

static int namespaces_enter(struct err *reterr)
{
	int r = geteuid() == 0 ? 0 : user_enter(reterr);
	if (r < 0)
		return r;
	if (unshare(CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWPID | CLONE_NEWIPC | CLONE_NEWUTS) < 0)
		return failed(reterr, errno, "cannot make a world of its own", "namespaces");
	return 0;
}

static int loopback_up(void)
{
	struct ifreq request = { .ifr_name = "lo", .ifr_flags = IFF_UP | IFF_RUNNING };
	_cleanup_close_ int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	return fd < 0 || ioctl(fd, SIOCSIFFLAGS, &request) < 0 ? -errno : 0;
}

/* --- mounts ----------------------------------------------------------------------------------- */

static int mount_new(const char *type, const char *at, unsigned long flags, const char *options,
		     struct err *reterr)
{
	if (mount(type, at, type, flags, options) < 0)
		return failed(reterr, errno, "cannot mount in the world", at);
	return 0;
}

static int bind_mount(const char *from, const char *to, unsigned long more, struct err *reterr)
{
	if (mount(from, to, NULL, MS_BIND | more, NULL) < 0)
		return failed(reterr, errno, "cannot mount in the world", to);
	return 0;
}

static int folder(const char *path, struct err *reterr)
{
	if (mkdir(path, 0755) < 0 && errno != EEXIST)
		return failed(reterr, errno, "cannot make a folder in the world", path);
	return 0;
}

/* Devices that are no part of the described hardware, by name: what every program wants. */
static const char *const real_nodes[] = { "null", "zero", "full", "random", "urandom", "tty" };

/* Places for them, before the tree is shown. Lock held. */
static void dev_places(struct machine *m)
{
	static const char *const links[][2] = { { "fd", "/proc/self/fd" },
						{ "stdin", "/proc/self/fd/0" },
						{ "stdout", "/proc/self/fd/1" },
						{ "stderr", "/proc/self/fd/2" },
						{ "ptmx", "pts/ptmx" } };
	for (size_t i = 0; i < sizeof(real_nodes) / sizeof(*real_nodes); i++)
		node_text(m->tree, m->dev, real_nodes[i], "%s", "")->number = NODE_STAYS;
	for (size_t i = 0; i < sizeof(links) / sizeof(*links); i++)
		node_link_text(m->tree, m->dev, links[i][0], links[i][1])->number = NODE_STAYS;
	node_dir(m->tree, m->dev, "pts")->number = NODE_STAYS;
	node_dir(m->tree, m->dev, "shm")->number = NODE_STAYS;
}

static int dev_mount(struct err *reterr)
{
	char from[64], to[64];
	int r = 0;
	for (size_t i = 0; r == 0 && i < sizeof(real_nodes) / sizeof(*real_nodes); i++) {
		(void)STR_FORMAT(from, "/dev/%s", real_nodes[i]);
		(void)STR_FORMAT(to, TREE "/dev/%s", real_nodes[i]);
		r = bind_mount(from, to, 0, reterr);
	}
	if (r == 0)
		r = bind_mount("/dev/pts", TREE "/dev/pts", MS_REC, reterr);
	if (r == 0)
		r = mount_new("tmpfs", TREE "/dev/shm", MS_NOSUID | MS_NODEV, "mode=1777", reterr);
	return r == 0 ? bind_mount(TREE "/dev", "/dev", MS_REC, reterr) : r;
}

/* What would reach the real machine through /proc can be read only. */
static int proc_protect(struct err *reterr)
{
	static const char *const parts[] = { "/proc/sys", "/proc/sysrq-trigger", "/proc/irq",
					     "/proc/bus" };
	const unsigned long flags = MS_BIND | MS_REMOUNT | MS_RDONLY | MS_NOSUID | MS_NODEV |
				    MS_NOEXEC;
	int r = 0;
	for (size_t i = 0; r == 0 && i < sizeof(parts) / sizeof(*parts); i++) {
		if (access(parts[i], F_OK) < 0)
			continue;
		r = bind_mount(parts[i], parts[i], MS_REC, reterr);
		if (r == 0 && mount(NULL, parts[i], NULL, flags, NULL) < 0)
			r = failed(reterr, errno, "cannot mount in the world", parts[i]);
	}
	programs.proc = r == 0 ? open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC) : -1;
	return r;
}

static int proc_mount(struct err *reterr)
{
	static const char *const files[][2] = {
		{ "boot_id", "/proc/sys/kernel/random/boot_id" },
		{ "consoles", "/proc/consoles" },
		{ "swaps", "/proc/swaps" },
		{ "cmdline", "/proc/cmdline" },
		{ "driver", "/proc/driver" },
	};
	char from[64];
	int r = mount_new("proc", "/proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL, reterr);
	for (size_t i = 0; r == 0 && i < sizeof(files) / sizeof(*files); i++) {
		(void)STR_FORMAT(from, TREE "/proc/%s", files[i][0]);
		if (access(files[i][1], F_OK) == 0) /* a kernel without swap has no such file */
			r = bind_mount(from, files[i][1], 0, reterr);
	}
	return r == 0 ? proc_protect(reterr) : r;
}

/* --- /etc ------------------------------------------------------------------------------------- */

/* Files that the world has of its own. */
static bool etc_is_own(const char *name)
{
	return str_eq(name, "carve") || str_eq(name, "passwd") || str_eq(name, "group") ||
	       str_eq(name, "ld.so.preload");
}

static int etc_entry(const char *name, struct err *reterr)
{
	char from[PATH_MAX], to[PATH_MAX], target[PATH_MAX];
	if (etc_is_own(name) || STR_FORMAT(from, ETC "/%s", name) < 0 ||
	    STR_FORMAT(to, "/etc/%s", name) < 0)
		return 0;
	ssize_t n = readlink(from, target, sizeof(target) - 1);
	if (n >= 0)
		target[n] = '\0';
	if (symlink(n >= 0 ? target : from, to) < 0)
		return failed(reterr, errno, "cannot link", to);
	return 0;
}

static bool has_account(const char *file, const char *name)
{
	char *line = NULL;
	size_t room = 0, len = strlen(name);
	bool found = false;
	_cleanup_fclose_ FILE *f = fopen(file, "re");
	while (f && !found && getline(&line, &room, f) > 0)
		found = strncmp(line, name, len) == 0 && line[len] == ':';
	free(line);
	return found;
}

static void copy_text(FILE *from, FILE *to)
{
	char buf[4096];
	for (size_t n; from && (n = fread(buf, 1, sizeof(buf), from)) > 0;)
		(void)fwrite(buf, 1, n, to);
}

/* A copy with the accounts of the services added, if they are not there. */
static int etc_accounts(const char *name, const char *const lines[], size_t n, struct err *reterr)
{
	char from[64], to[64], account[64];
	(void)STR_FORMAT(from, ETC "/%s", name);
	(void)STR_FORMAT(to, "/etc/%s", name);
	_cleanup_fclose_ FILE *in = fopen(from, "re"), *out = fopen(to, "we");
	if (!out)
		return failed(reterr, errno, "cannot write", to);
	copy_text(in, out);
	for (size_t i = 0; i < n; i++) {
		(void)STR_FORMAT(account, "%.*s", (int)strcspn(lines[i], ":"), lines[i]);
		if (!has_account(from, account))
			fprintf(out, "%s\n", lines[i]);
	}
	return 0;
}

/* Beside this program in a build tree, else where it is installed. */
static bool preload_find(char ret[PATH_MAX])
{
	if (program_beside("libcarve-sim.so", ret, PATH_MAX) == 0 && access(ret, R_OK) == 0)
		return true;
	return str_copy(ret, PATH_MAX, CARVE_LIBEXECDIR "/libcarve-sim.so") == 0 &&
	       access(ret, R_OK) == 0;
}

/* What all programs load: the machine's rtnetlink, after what is loaded outside. By a link, for blanks
 * and colons end a path there (ld.so(8)). */
static int etc_preload(struct err *reterr)
{
	char library[PATH_MAX];
	bool has = preload_find(library);
	_cleanup_fclose_ FILE *in = fopen(ETC "/ld.so.preload", "re");
	if (!in && !has)
		return 0;
	_cleanup_fclose_ FILE *out = fopen("/etc/ld.so.preload", "we");
	if (!out)
		return failed(reterr, errno, "cannot write", "/etc/ld.so.preload");
	copy_text(in, out);
	if (has && symlink(library, PRELOAD) < 0)
		return failed(reterr, errno, "cannot link", PRELOAD);
	fprintf(out, "%s%s\n", in ? "\n" : "", has ? PRELOAD : "");
	return 0;
}

static int etc_fill(struct err *reterr)
{
	static const char *const users[] = { "carved:x:61990:61990::/:/usr/sbin/nologin" };
	static const char *const groups[] = { "carved:x:61990:", "carve-admin:x:61991:" };
	DIR *d = opendir(ETC);
	int r = d ? 0 : failed(reterr, errno, "cannot read", "/etc");
	for (struct dirent *e; r == 0 && (e = readdir(d));)
		if (!str_eq(e->d_name, ".") && !str_eq(e->d_name, ".."))
			r = etc_entry(e->d_name, reterr);
	if (d)
		closedir(d);
	if (r == 0)
		r = etc_accounts("passwd", users, 1, reterr);
	if (r == 0)
		r = etc_accounts("group", groups, 2, reterr);
	if (r == 0)
		r = etc_preload(reterr);
	return r == 0 ? folder("/etc/carve", reterr) : r;
}

/* The machine's /etc is seen through links; /etc/carve, the accounts and what is preloaded are the
 * world's. */
static int etc_mount(struct err *reterr)
{
	int r = folder(ETC, reterr);
	if (r == 0)
		r = bind_mount("/etc", ETC, MS_REC, reterr);
	if (r == 0)
		r = mount_new("tmpfs", "/etc", MS_NOSUID | MS_NODEV, "mode=755", reterr);
	return r == 0 ? etc_fill(reterr) : r;
}

/* --- disks in use ----------------------------------------------------------------------------- */

/* Mount tables name what is mounted by its source: an empty file system with the disk's name does. */
static int disks_mount(struct machine *m, struct err *reterr)
{
	int r = folder(WORLD_DIR "/disks", reterr);
	for (const struct pci *f = m->functions; r == 0 && f; f = f->next)
		for (unsigned i = 0; r == 0 && f->slot && i < f->slot->n_disks; i++) {
			const struct host_disk *d = &f->slot->disks[i];
			char source[64], at[128];
			(void)STR_FORMAT(source, "/dev/nvme%un%u%s", f->units[CLASS_NVME], i + 1,
					 d->partitions ? "p1" : "");
			(void)STR_FORMAT(at, WORLD_DIR "/disks/nvme%un%u", f->units[CLASS_NVME],
					 i + 1);
			if (!d->mounted[0])
				continue;
			r = folder(at, reterr);
			if (r == 0 &&
			    mount(source, at, "tmpfs", MS_NODEV | MS_NOSUID, "size=4k") < 0)
				r = failed(reterr, errno, "cannot mount in the world", at);
		}
	return r;
}

/* --- programs of the world -------------------------------------------------------------------- */

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
	programs_kill(NULL);
	(void)unlink("/run/carve/io.carve");
	(void)unlink("/run/carve/executor");
	machine_reboot(m);
}

static const struct machine_hooks hooks = { .kill = hook_kill, .reboot = hook_reboot };

static void environment_set(void)
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

static int own_programs_start(struct err *reterr)
{
	holders_start(programs.machine);
	return programs.services ? services_start(reterr) : 0;
}

/* Process 1 waits for all whose parents ended before them. */
static int program_wait(pid_t wanted)
{
	for (int status = 0; wanted > 0;) {
		pid_t pid = waitpid(-1, &status, 0);
		if (pid == wanted)
			return status_of(status);
		if (pid < 0 && errno != EINTR)
			return 1;
		if (atomic_exchange(&programs.rebooted, false))
			(void)own_programs_start(NULL);
	}
	fputs("carve-sim: no process can be started\n", stderr);
	return 126;
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
		return err_set(reterr, "sim.fault", -r, "\"%.60s...\" is too much for a fault",
			       given);
	return fault_add(m, words, n, &id, reterr);
}

/* A scenario: a fault a line; '#' begins a comment. */
static int scenario_set(struct machine *m, const char *file, struct err *reterr)
{
	char line[512];
	int r = 0;
	_cleanup_fclose_ FILE *f = fopen(file, "re");
	if (!f)
		return failed(reterr, errno, "cannot read the scenario", file);
	while (r == 0 && fgets(line, sizeof(line), f)) {
		line[strcspn(line, "#\n")] = '\0';
		if (line[strspn(line, " \t")])
			r = fault_set(m, line, reterr);
	}
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
		return failed(reterr, ENOMEM, "cannot start a machine", o->host->name);
	m->hooks = &hooks;
	programs.machine = m;
	machine_lock(m);
	dev_places(m);
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
		failed(reterr, e, "cannot make a world of its own", "/");
		err_todo(reterr,
			 "in a changed root, make that a mount point: mount --bind DIR DIR");
		return -e;
	}
	int r = mount_new("tmpfs", "/run", MS_NOSUID | MS_NODEV, "mode=755", reterr);
	if (r == 0)
		r = folder(WORLD_DIR, reterr);
	if (r == 0)
		r = folder(TREE, reterr);
	if (r == 0)
		r = machine_start(o, &m, reterr);
	int events = uevent_socket();
	if (r == 0 && events < 0)
		r = failed(reterr, -events, "cannot tell of events", "netlink");
	if (r == 0)
		r = fs_start(m, TREE, events, reterr);
	if (r == 0)
		r = bind_mount(TREE "/sys", "/sys", 0, reterr);
	if (r == 0)
		r = dev_mount(reterr);
	if (r == 0)
		r = proc_mount(reterr);
	if (r == 0)
		r = etc_mount(reterr);
	if (r == 0)
		r = disks_mount(m, reterr);
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
	environment_set();
	int r = world_make(o, &err);
	if (r == 0 && chdir(cwd) < 0 && chdir("/") < 0)
		r = failed(&err, errno, "cannot enter", cwd);
	programs.services = o->services;
	if (r == 0)
		r = own_programs_start(&err);
	if (r < 0) {
		fflush(stdout);
		err_print(stderr, &err);
		_exit(125);
	}
	programs.main = program_start(o->argv);
	int status = program_wait(programs.main);
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
	int r = namespaces_enter(reterr);
	if (r < 0)
		return r;
	pid_t pid = fork();
	if (pid < 0)
		return failed(reterr, errno, "cannot start a machine", o->host->name);
	if (pid == 0)
		world_main(o, cwd);
	(void)signal(SIGINT, SIG_IGN);
	(void)signal(SIGQUIT, SIG_IGN);
	return world_wait(pid);
}
