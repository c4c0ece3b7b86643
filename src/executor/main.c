/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * carve-executor: root's small helper. Opens its trees and its socket, then hands over to the loop.
 * The mechanisms it knows are a table in serve().
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "base/num.h"
#include "base/str.h"
#include "executor/server.h"
#include "executor/verbs.h"
#include "mdev/verbs.h"
#include "nvidia/verbs.h"
#include "sriov/verbs.h"
#include "sys/run.h"
#include "sys/sysfs.h"
#include "vfio/verbs.h"

#define IDLE_MS 10000
#define LISTEN_FD_FIRST 3 /* sd_listen_fds(3) */

struct options {
	const char *run, *config, *sys, *dev, *proc, *user, *systemctl, *nvml;
	int socket;
};

static const char help[] =
	"usage: carve-executor [OPTION]...\n"
	"Performs single steps for carved, as root. Not meant to be started by hand.\n"
	"\n"
	"  --run-dir=DIR     socket and locks (/run/carve)\n"
	"  --config-dir=DIR  list of enrolled devices (" CARVE_SYSCONFDIR ")\n"
	"  --user=NAME       who is served beside root (carved)\n"
	"  --socket-fd=N     socket to serve, listening or connected\n"
	"  --sys=DIR --dev=DIR --proc=DIR   other trees, for tests\n"
	"  --systemctl=FILE --nvml=FILE   other programs in their place, for tests\n"
	"  --help --version\n";

static int parse_fd(const char *text, int *ret)
{
	uint64_t fd;
	int r = num_parse(text, 10, 65535, &fd);
	if (r < 0)
		return r;
	*ret = (int)fd;
	return 0;
}

/* 1: go on; 0: help or version was printed; -EINVAL. */
static int parse_options(int argc, char **argv, struct options *o)
{
	const struct option options[] = {
		{ "run-dir", required_argument, NULL, 'r' },
		{ "config-dir", required_argument, NULL, 'c' },
		{ "sys", required_argument, NULL, 's' },
		{ "dev", required_argument, NULL, 'd' },
		{ "proc", required_argument, NULL, 'p' },
		{ "user", required_argument, NULL, 'u' },
		{ "systemctl", required_argument, NULL, 'S' },
		{ "nvml", required_argument, NULL, 'n' },
		{ "socket-fd", required_argument, NULL, 'f' },
		{ "help", no_argument, NULL, 'h' },
		{ "version", no_argument, NULL, 'V' },
		{ NULL, 0, NULL, 0 },
	};
	const char **const texts[] = {
		['r'] = &o->run,  ['c'] = &o->config, ['s'] = &o->sys,	     ['d'] = &o->dev,
		['p'] = &o->proc, ['u'] = &o->user,   ['S'] = &o->systemctl, ['n'] = &o->nvml
	};
	for (int c; (c = getopt_long(argc, argv, "", options, NULL)) >= 0;) {
		if (c == 'h' || c == 'V') {
			fputs(c == 'h' ? help : "carve-executor " CARVE_VERSION "\n", stdout);
			return 0;
		}
		if (c == 'f' && parse_fd(optarg, &o->socket) == 0)
			continue;
		if (c == 'f' || c == '?' || c == ':')
			return -EINVAL;
		*texts[c] = optarg;
	}
	return optind == argc ? 1 : -EINVAL;
}

/* From /etc/passwd alone: name services would bring their libraries into a program of root. */
static uid_t user_uid(const char *name)
{
	_cleanup_fclose_ FILE *f = fopen("/etc/passwd", "re");
	for (struct passwd *p; f && (p = fgetpwent(f));)
		if (str_eq(p->pw_name, name))
			return p->pw_uid;
	log_notice("there is no user %s: only uid %u is served", name, getuid());
	return getuid();
}

/* The socket systemd made, or -1. */
static int socket_inherited(void)
{
	uint64_t pid, n;
	const char *text = getenv("LISTEN_PID"), *count = getenv("LISTEN_FDS");
	if (!text || !count || num_parse(text, 10, INT32_MAX, &pid) < 0 ||
	    num_parse(count, 10, 64, &n) < 0 || (pid_t)pid != getpid() || n != 1)
		return -1;
	return LISTEN_FD_FIRST;
}

static int socket_make(const char *run, uid_t peer)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	if (STR_FORMAT(address.sun_path, "%s/executor", run) < 0)
		return -ENAMETOOLONG;
	_cleanup_close_ int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	(void)unlink(address.sun_path);
	mode_t mask = umask(0177);
	int r = bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0 ? -errno : 0;
	umask(mask);
	if (r == 0 && peer != getuid() && lchown(address.sun_path, peer, (gid_t)-1) < 0)
		r = -errno;
	if (r == 0 && listen(fd, 16) < 0)
		r = -errno;
	return r < 0 ? r : TAKE_FD(fd);
}

static int socket_get(const struct options *o, uid_t peer)
{
	int fd = o->socket >= 0 ? o->socket : socket_inherited();
	if (fd < 0)
		fd = socket_make(o->run, peer);
	if (fd < 0)
		return fd;
	int flags = fcntl(fd, F_GETFL);
	if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0 ||
	    fcntl(fd, F_SETFD, FD_CLOEXEC) < 0)
		return -errno;
	return fd;
}

/* Only root may enter: whoever could take a lock there could stop a device. */
static int locks_open(const char *run)
{
	char path[4096];
	if (STR_FORMAT(path, "%s/lock", run) < 0)
		return -ENAMETOOLONG;
	if (mkdir(run, 0755) < 0 && errno != EEXIST)
		return -errno;
	if (mkdir(path, 0700) < 0 && errno != EEXIST)
		return -errno;
	/* Without it no GPU can be shared through MPS, and that is said then. */
	char mps[4096];
	if (STR_FORMAT(mps, "%s/mps", run) == 0)
		(void)mkdir(mps, 0755);
	int fd = open(path, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

static int fail(struct err *reterr, int r, const char *what, const char *on)
{
	err_set(reterr, "executor.start", -r, "%s", what);
	err_on(reterr, "%s", on);
	err_because(reterr, "%s", strerror(-r));
	return r;
}

static int serve(const struct options *o, struct err *reterr)
{
	char devices[4096], services[4096];
	if (STR_FORMAT(devices, "%s/devices", o->config) < 0 ||
	    STR_FORMAT(services, "%s/services", o->config) < 0)
		return fail(reterr, -ENAMETOOLONG, "cannot use the directory", o->config);
	const struct verb_table tables[] = {
		{ looking_verbs, looking_verbs_n }, { service_verbs, service_verbs_n },
		{ vfio_verbs, vfio_verbs_n },	    { sriov_verbs, sriov_verbs_n },
		{ mdev_verbs, mdev_verbs_n },	    { nvidia_verbs, nvidia_verbs_n },
	};
	struct executor_config c = {
		.worker = { .devices = devices,
			    .services = services,
			    .systemctl = o->systemctl,
			    .run = o->run,
			    .nvml = o->nvml,
			    .tables = tables,
			    .n_tables = sizeof(tables) / sizeof(*tables),
			    .sandbox = true },
		.peer = user_uid(o->user),
		.idle_ms = IDLE_MS,
	};
	c.worker.roots.executor = getpid();
	c.worker.roots.sysfs = sysfs_open(o->sys);
	c.worker.roots.dev = sysfs_open(o->dev);
	c.worker.roots.proc = sysfs_open(o->proc);
	if (c.worker.roots.sysfs < 0)
		return fail(reterr, c.worker.roots.sysfs, "cannot open", o->sys);
	if (c.worker.roots.dev < 0)
		return fail(reterr, c.worker.roots.dev, "cannot open", o->dev);
	if (c.worker.roots.proc < 0)
		return fail(reterr, c.worker.roots.proc, "cannot open", o->proc);
	c.worker.locks = locks_open(o->run);
	if (c.worker.locks < 0)
		return fail(reterr, c.worker.locks, "cannot make the directory of locks", o->run);
	c.socket = socket_get(o, c.peer);
	if (c.socket < 0)
		return fail(reterr, c.socket, "cannot make the socket", o->run);
	return executor_run(&c, reterr);
}

int main(int argc, char **argv)
{
	struct err err _cleanup_err_ = { 0 };
	struct options o = { .run = "/run/carve",
			     .config = CARVE_SYSCONFDIR,
			     .sys = "/sys",
			     .dev = "/dev",
			     .proc = "/proc",
			     .user = "carved",
			     .systemctl = "/usr/bin/systemctl",
			     .socket = -1 };
	char nvml[4096];
	/* Where it is not installed, it lies beside this program. */
	o.nvml = run_beside("carve-nvml", nvml, sizeof(nvml)) == 0 ? nvml
								   : CARVE_LIBEXECDIR "/carve-nvml";
	int r = parse_options(argc, argv, &o);
	if (r <= 0) {
		if (r < 0)
			fputs(help, stderr);
		return r < 0 ? 2 : 0;
	}
	if (serve(&o, &err) < 0) {
		log_err(LOG_ERR, &err);
		return 1;
	}
	return 0;
}
