/* SPDX-License-Identifier: GPL-2.0-or-later */
/* carved: options, then root is given up, then the service runs until it is told to end. */
#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "base/num.h"
#include "base/str.h"
#include "daemon/supervise.h"

static const char help[] =
	"usage: carved [OPTION]...\n"
	"Divides the accelerators of this host and remembers who holds which part.\n"
	"\n"
	"  --with-executor      start carve-executor, too, and keep it running\n"
	"  --state-dir=DIR      where the ledger is (/var/lib/carve)\n"
	"  --run-dir=DIR        where the sockets are (/run/carve)\n"
	"  --config-dir=DIR     where the list of enrolled devices is (" CARVE_SYSCONFDIR ")\n"
	"  --socket-mode=MODE   permissions of the socket, octal (0666)\n"
	"  --user=NAME          account to run as when started by root (carved)\n"
	"  --sys=DIR --dev=DIR --proc=DIR   other trees, for tests\n"
	"  --stall-ms=N         patience with half a request, for tests (30000)\n"
	"  --look-ms=N          how often GPUs are looked at, for tests (60000)\n"
	"  --help --version\n";

struct options {
	struct daemon_config daemon;
	const char *user, *mode, *stall, *look;
	bool with_executor;
};

/* 1: go on; 0: help or version was printed; -EINVAL. */
static int parse_options(int argc, char **argv, struct options *o)
{
	const struct option options[] = {
		{ "with-executor", no_argument, NULL, 'x' },
		{ "state-dir", required_argument, NULL, 't' },
		{ "run-dir", required_argument, NULL, 'r' },
		{ "config-dir", required_argument, NULL, 'c' },
		{ "socket-mode", required_argument, NULL, 'm' },
		{ "user", required_argument, NULL, 'u' },
		{ "sys", required_argument, NULL, 's' },
		{ "dev", required_argument, NULL, 'd' },
		{ "proc", required_argument, NULL, 'p' },
		{ "stall-ms", required_argument, NULL, 'l' },
		{ "look-ms", required_argument, NULL, 'g' },
		{ "help", no_argument, NULL, 'h' },
		{ "version", no_argument, NULL, 'V' },
		{ NULL, 0, NULL, 0 },
	};
	const char **const texts[] = {
		['t'] = &o->daemon.state_dir,
		['r'] = &o->daemon.run_dir,
		['c'] = &o->daemon.config_dir,
		['s'] = &o->daemon.sys,
		['d'] = &o->daemon.dev,
		['p'] = &o->daemon.proc,
		['u'] = &o->user,
		['m'] = &o->mode,
		['l'] = &o->stall,
		['g'] = &o->look,
	};
	for (int c; (c = getopt_long(argc, argv, "", options, NULL)) >= 0;) {
		if (c == 'h' || c == 'V') {
			fputs(c == 'h' ? help : "carved " CARVE_VERSION "\n", stdout);
			return 0;
		}
		if (c == 'x')
			o->with_executor = true;
		else if (c == '?' || c == ':')
			return -EINVAL;
		else
			*texts[c] = optarg;
	}
	return optind == argc ? 1 : -EINVAL;
}

static int parse_mode(const char *text, mode_t *ret)
{
	unsigned mode = 0;
	if (!*text || strlen(text) > 5)
		return -EINVAL;
	for (; *text; text++) {
		if (*text < '0' || *text > '7')
			return -EINVAL;
		mode = mode * 8 + (unsigned)(*text - '0');
	}
	*ret = (mode_t)(mode & 0777);
	return 0;
}

static int serve(const struct daemon_config *c)
{
	_cleanup_err_ struct err err = { 0 };
	struct daemon *d = NULL;
	int r = daemon_new(c, &d, &err);
	if (r >= 0)
		r = daemon_run(d);
	daemon_free(d);
	if (err_is_set(&err))
		log_err(LOG_ERR, &err);
	return r < 0 ? 1 : 0;
}

/* Beside this program in a build tree, else where it is installed. */
static int executor_path(char *ret, size_t size)
{
	char self[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	if (n > 0) {
		self[n] = '\0';
		char *slash = strrchr(self, '/');
		if (slash &&
		    str_format(ret, size, "%.*s/carve-executor", (int)(slash - self), self) == 0 &&
		    access(ret, X_OK) == 0)
			return 0;
	}
	return str_copy(ret, size, CARVE_LIBEXECDIR "/carve-executor");
}

int main(int argc, char **argv)
{
	struct options o = {
		.daemon = { .state_dir = "/var/lib/carve",
			    .run_dir = "/run/carve",
			    .config_dir = CARVE_SYSCONFDIR,
			    .sys = "/sys",
			    .dev = "/dev",
			    .proc = "/proc",
			    .socket_mode = 0666,
			    .stall_ms = SERVER_STALL_MS,
			    .look_ms = DRIFT_LOOK_MS },
		.user = "carved",
	};
	int r = parse_options(argc, argv, &o);
	if (r > 0 && o.mode && parse_mode(o.mode, &o.daemon.socket_mode) < 0)
		r = -EINVAL;
	if (r > 0 && o.stall && num_parse_u32(o.stall, 10, &o.daemon.stall_ms) < 0)
		r = -EINVAL;
	if (r > 0 && o.look && num_parse_u32(o.look, 10, &o.daemon.look_ms) < 0)
		r = -EINVAL;
	if (r <= 0) {
		if (r < 0)
			fputs(help, stderr);
		return r < 0 ? 2 : 0;
	}
	_cleanup_err_ struct err err = { 0 };
	char executor[PATH_MAX];
	struct supervise_config c = { .daemon = &o.daemon, .user = o.user };
	if (o.with_executor && executor_path(executor, sizeof(executor)) == 0)
		c.executor = executor;
	r = supervise(&c, serve, &err);
	if (err_is_set(&err))
		log_err(LOG_ERR, &err);
	return r < 0 ? 1 : r;
}
