/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the simulated host costs beside a file system that does nothing: attributes read per second
 * (open, read, close), of a simulated machine and of one constant file, both in user space and with
 * names that the kernel keeps. The best of some rounds in turn counts; the ratio is held to its
 * limit.
 */
#define FUSE_USE_VERSION 312
#include <errno.h>
#include <fcntl.h>
#include <fuse_lowlevel.h>
#include <limits.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/num.h"
#include "base/str.h"

#define ROUNDS 5
#define ROUND_MS 400
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

static void *bare_run(void *session)
{
	struct fuse_loop_config *c = fuse_loop_cfg_create();
	(void)fuse_session_loop_mt(session, c);
	fuse_loop_cfg_destroy(c);
	return NULL;
}

/* Mounted for this process alone. */
static int bare_start(const char *at)
{
	char *argv[] = { (char *)"bare", (char *)"-oallow_other", NULL };
	struct fuse_args args = FUSE_ARGS_INIT(2, argv);
	pthread_t thread;
	if (unshare(CLONE_NEWNS) < 0 || mount("none", "/", "none", MS_REC | MS_PRIVATE, NULL) < 0)
		return -errno;
	struct fuse_session *s = fuse_session_new(&args, &bare, sizeof(bare), NULL);
	if (!s || fuse_session_mount(s, at) < 0)
		return -EIO;
	return -pthread_create(&thread, NULL, bare_run, s);
}

/* --- reading ---------------------------------------------------------------------------------- */

static int64_t now_ms(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* Per second. */
static uint64_t reads(const char *path)
{
	char text[64];
	uint64_t n = 0;
	int64_t end = now_ms() + ROUND_MS;
	do {
		for (int i = 0; i < 64; i++, n++) {
			int fd = open(path, O_RDONLY | O_CLOEXEC);
			if (fd < 0 || read(fd, text, sizeof(text)) <= 0) {
				fprintf(stderr, "%s: %m\n", path);
				exit(1);
			}
			close(fd);
		}
	} while (now_ms() < end);
	return n * 1000 / ROUND_MS;
}

/* This program again, on a simulated machine. */
static uint64_t reads_simulated(const char *self)
{
	const char *build = getenv("BUILD");
	char command[PATH_MAX * 2], line[64] = "";
	uint64_t n = 0;
	if (STR_FORMAT(command, "%s/carve-sim run --host lab --pace 0 -- %s --read",
		       build ? build : "build", self) < 0)
		return 0;
	FILE *f = popen(command, "r");
	if (f && fgets(line, sizeof(line), f))
		line[strcspn(line, "\n")] = '\0';
	if (!f || pclose(f) != 0 || num_parse(line, 10, UINT64_MAX, &n) < 0)
		fprintf(stderr, "carve-sim said \"%s\"\n", line);
	return n;
}

int main(int argc, char **argv)
{
	char self[PATH_MAX], at[] = "/tmp/bench-sim.XXXXXX", file[64];
	uint64_t best[2] = { 0 };
	if (argc > 1 && str_eq(argv[1], "--read")) {
		printf("%llu\n", (unsigned long long)reads(ATTRIBUTE));
		return 0;
	}
	const char *wanted = getenv("CARVE_BENCH");
	if (wanted && str_eq(wanted, "counts"))
		return 0;
	if (!realpath(argv[0], self) || !mkdtemp(at) || STR_FORMAT(file, "%s/file", at) < 0)
		return 1;
	int r = bare_start(at);
	for (int i = 0; r == 0 && i < ROUNDS; i++) {
		uint64_t n = reads(file), simulated = reads_simulated(self);
		best[0] = n > best[0] ? n : best[0];
		best[1] = simulated > best[1] ? simulated : best[1];
	}
	(void)umount2(at, MNT_DETACH);
	(void)rmdir(at);
	if (r < 0 || !best[0] || !best[1]) {
		fprintf(stderr, "nothing could be measured: %s\n", strerror(-r));
		return 1;
	}
	printf("read of a bare FUSE file\t%.1f\tus\t-\n", 1e6 / (double)best[0]);
	printf("read of a simulated attribute\t%.1f\tus\t-\n", 1e6 / (double)best[1]);
	printf("simulated attribute / bare FUSE file\t%.2f\ttimes\t1.25\n",
	       (double)best[0] / (double)best[1]);
	return 0;
}
