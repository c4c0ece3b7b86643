/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the simulated host costs beside a file system that does nothing: attributes read per second
 * (open, read, close), of a simulated machine and of one constant file, both in user space, in a
 * process of its own, and with names that the kernel keeps. Short rounds take turns and the best of
 * each counts, for other programs may be running; the ratio is held to its limit.
 */
#define FUSE_USE_VERSION 312
#include <errno.h>
#include <fcntl.h>
#include <fuse_lowlevel.h>
#include <limits.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/num.h"
#include "base/str.h"

#define ROUNDS 40
#define ROUND_US 50000
#define BARE_FILE 2
#define BARE_TEXT "0x8086\n"
#define ATTRIBUTE "/sys/bus/pci/devices/0000:01:00.0/vendor"

/* --- a file that does nothing ----------------------------------------------------------------- */

static void bare_stat(fuse_ino_t ino, struct stat *st)
{
	*st = (struct stat){ .st_ino = ino,
			     .st_mode = ino == FUSE_ROOT_ID ? S_IFDIR | 0755 : S_IFREG | 0444,
			     .st_nlink = 1,
			     .st_size = 4096 };
}

static void bare_lookup(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	struct fuse_entry_param e = { .ino = BARE_FILE, .attr_timeout = 1e9, .entry_timeout = 1e9 };
	(void)parent;
	(void)name;
	bare_stat(e.ino, &e.attr);
	fuse_reply_entry(req, &e);
}

static void bare_getattr(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	struct stat st;
	(void)fi;
	bare_stat(ino, &st);
	fuse_reply_attr(req, &st, 1e9);
}

static void bare_open(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	(void)ino;
	fi->direct_io = 1;
	fi->noflush = 1;
	fuse_reply_open(req, fi);
}

static void bare_read(fuse_req_t req, fuse_ino_t ino, size_t size, off_t at,
		      struct fuse_file_info *fi)
{
	(void)ino;
	(void)size;
	(void)fi;
	fuse_reply_buf(req, BARE_TEXT, at ? 0 : strlen(BARE_TEXT));
}

static const struct fuse_lowlevel_ops bare = {
	.lookup = bare_lookup, .getattr = bare_getattr, .open = bare_open, .read = bare_read
};

/* For ever, in a process of its own, as file systems are; ready to says that it is mounted. */
_Noreturn static void bare_serve(const char *at, int ready)
{
	char *argv[] = { (char *)"bare", (char *)"-oallow_other", NULL };
	struct fuse_args args = FUSE_ARGS_INIT(2, argv);
	struct fuse_loop_config *c = fuse_loop_cfg_create();
	struct fuse_session *s = fuse_session_new(&args, &bare, sizeof(bare), NULL);
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	if (!c || !s || fuse_session_mount(s, at) < 0 || write(ready, "", 1) != 1)
		_exit(1);
	_exit(fuse_session_loop_mt(s, c) != 0);
}

/* Mounted for this program alone. The process that serves it, or negative errno. */
static pid_t bare_start(const char *at)
{
	int ready[2];
	char byte;
	if (unshare(CLONE_NEWNS) < 0 || mount("none", "/", "none", MS_REC | MS_PRIVATE, NULL) < 0 ||
	    pipe2(ready, O_CLOEXEC) < 0)
		return -errno;
	pid_t pid = fork();
	if (pid == 0)
		bare_serve(at, ready[1]);
	close(ready[1]);
	bool good = pid > 0 && read(ready[0], &byte, 1) == 1;
	close(ready[0]);
	return good ? pid : -EIO;
}

/* --- reading ---------------------------------------------------------------------------------- */

static uint64_t now_us(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

/* Per second. */
static uint64_t reads(const char *path)
{
	char text[64];
	uint64_t n = 0, begin = now_us(), now;
	do {
		for (int i = 0; i < 64; i++, n++) {
			int fd = open(path, O_RDONLY | O_CLOEXEC);
			if (fd < 0 || read(fd, text, sizeof(text)) <= 0) {
				fprintf(stderr, "%s: %m\n", path);
				exit(1);
			}
			close(fd);
		}
		now = now_us();
	} while (now < begin + ROUND_US);
	return n * 1000000 / (now - begin);
}

/* --- in the simulated machine ------------------------------------------------------------------ */

/* This program again: for each line that it gets it says how many. */
static int read_on_demand(void)
{
	char line[8];
	while (fgets(line, sizeof(line), stdin)) {
		printf("%llu\n", (unsigned long long)reads(ATTRIBUTE));
		fflush(stdout);
	}
	return 0;
}

struct world {
	FILE *to, *from;
	pid_t pid;
};

static int world_start(struct world *w, const char *self)
{
	const char *build = getenv("BUILD");
	char sim[PATH_MAX];
	int to[2], from[2];
	if (STR_FORMAT(sim, "%s/carve-sim", build ? build : "build") < 0 ||
	    pipe2(to, O_CLOEXEC) < 0 || pipe2(from, O_CLOEXEC) < 0)
		return -EIO;
	w->pid = fork();
	if (w->pid == 0) {
		dup2(to[0], STDIN_FILENO);
		dup2(from[1], STDOUT_FILENO);
		execl(sim, sim, "run", "--host", "lab", "--pace", "0", "--", self, "--read", NULL);
		_exit(127);
	}
	close(to[0]);
	close(from[1]);
	w->to = fdopen(to[1], "w");
	w->from = fdopen(from[0], "r");
	return w->pid > 0 && w->to && w->from ? 0 : -EIO;
}

static uint64_t reads_simulated(const struct world *w)
{
	char line[64] = "";
	uint64_t n = 0;
	fputs("\n", w->to);
	fflush(w->to);
	if (fgets(line, sizeof(line), w->from))
		line[strcspn(line, "\n")] = '\0';
	if (num_parse(line, 10, UINT64_MAX, &n) < 0)
		fprintf(stderr, "carve-sim said \"%s\"\n", line);
	return n;
}

static void world_end(const struct world *w)
{
	fclose(w->to);
	fclose(w->from);
	(void)waitpid(w->pid, NULL, 0);
}

int main(int argc, char **argv)
{
	char self[PATH_MAX], at[] = "/tmp/bench-sim.XXXXXX", file[64];
	uint64_t best[2] = { 0 };
	struct world world;
	if (argc > 1 && str_eq(argv[1], "--read"))
		return read_on_demand();
	const char *wanted = getenv("CARVE_BENCH");
	if (wanted && str_eq(wanted, "counts"))
		return 0;
	if (!realpath(argv[0], self) || !mkdtemp(at) || STR_FORMAT(file, "%s/file", at) < 0)
		return 1;
	pid_t bare_pid = bare_start(at);
	if (world_start(&world, self) < 0)
		return 1;
	for (int i = 0; bare_pid > 0 && i < ROUNDS; i++) {
		uint64_t n = reads(file), simulated = reads_simulated(&world);
		best[0] = n > best[0] ? n : best[0];
		best[1] = simulated > best[1] ? simulated : best[1];
	}
	world_end(&world);
	(void)umount2(at, MNT_DETACH);
	(void)rmdir(at);
	if (bare_pid > 0 && kill(bare_pid, SIGKILL) == 0)
		(void)waitpid(bare_pid, NULL, 0);
	if (bare_pid < 0 || !best[0] || !best[1]) {
		fprintf(stderr, "nothing could be measured: %s\n",
			bare_pid < 0 ? strerror(-bare_pid) : "no file could be read");
		return 1;
	}
	printf("read of a bare FUSE file\t%.1f\tus\t-\n", 1e6 / (double)best[0]);
	printf("read of a simulated attribute\t%.1f\tus\t-\n", 1e6 / (double)best[1]);
	printf("simulated attribute / bare FUSE file\t%.2f\ttimes\t1.25\n",
	       (double)best[0] / (double)best[1]);
	return 0;
}
