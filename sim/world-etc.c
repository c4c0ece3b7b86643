/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The world's /etc: links to the real one's entries, with an /etc/carve, accounts and a preloaded library of
 * its own.
 */
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "sim/program.h"
#include "sim/world-internal.h"

#define ETC WORLD_DIR "/etc"
#define PRELOAD WORLD_DIR "/libcarve-sim.so"

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
		return world_failed(reterr, errno, "cannot link", to);
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
		return world_failed(reterr, errno, "cannot write", to);
	copy_text(in, out);
	for (size_t i = 0; i < n; i++) {
		(void)STR_FORMAT(account, "%.*s", (int)strcspn(lines[i], ":"), lines[i]);
		if (!has_account(from, account))
			fprintf(out, "%s\n", lines[i]);
	}
	return 0;
}

/* Beside this program in a build tree, else where it is installed. */
static bool library_find(const char *name, char ret[PATH_MAX])
{
	if (program_beside(name, ret, PATH_MAX) == 0 && access(ret, R_OK) == 0)
		return true;
	return str_format(ret, PATH_MAX, "%s/%s", CARVE_LIBEXECDIR, name) == 0 &&
	       access(ret, R_OK) == 0;
}

/* Where dlopen() of a plain name looks first (preload.c). */
static int etc_stand_ins(struct err *reterr)
{
	static const char *const names[] = { "libnvidia-ml.so.1", "libnvidia-ml.so" };
	char library[PATH_MAX], path[PATH_MAX];
	int r = world_folder(WORLD_DIR "/lib", reterr);
	for (size_t i = 0; r == 0 && i < sizeof(names) / sizeof(*names); i++) {
		(void)STR_FORMAT(path, "%s/lib/%s", WORLD_DIR, names[i]);
		if (library_find("libcarve-sim-nvml.so", library) && symlink(library, path) < 0)
			r = world_failed(reterr, errno, "cannot link", path);
	}
	return r;
}

/* What all programs load: the machine's rtnetlink, after what is loaded outside. By a link, for blanks
 * and colons end a path there (ld.so(8)). */
static int etc_preload(struct err *reterr)
{
	char library[PATH_MAX];
	bool has = library_find("libcarve-sim.so", library);
	_cleanup_fclose_ FILE *in = fopen(ETC "/ld.so.preload", "re");
	if (!in && !has)
		return 0;
	_cleanup_fclose_ FILE *out = fopen("/etc/ld.so.preload", "we");
	if (!out)
		return world_failed(reterr, errno, "cannot write", "/etc/ld.so.preload");
	copy_text(in, out);
	if (has && symlink(library, PRELOAD) < 0)
		return world_failed(reterr, errno, "cannot link", PRELOAD);
	fprintf(out, "%s%s\n", in ? "\n" : "", has ? PRELOAD : "");
	return 0;
}

static int etc_links(struct err *reterr)
{
	int r = 0;
	DIR *d = opendir(ETC);
	if (!d)
		return world_failed(reterr, errno, "cannot read", "/etc");
	for (struct dirent *e; r == 0 && (e = readdir(d));)
		if (!str_eq(e->d_name, ".") && !str_eq(e->d_name, ".."))
			r = etc_entry(e->d_name, reterr);
	closedir(d);
	return r;
}

static int etc_fill(struct err *reterr)
{
	static const char *const users[] = { "carved:x:61990:61990::/:/usr/sbin/nologin" };
	static const char *const groups[] = { "carved:x:61990:", "carve-admin:x:61991:",
					      "carve:x:61992:" };
	int r = etc_links(reterr);
	if (r == 0)
		r = etc_accounts("passwd", users, 1, reterr);
	if (r == 0)
		r = etc_accounts("group", groups, 3, reterr);
	if (r == 0)
		r = etc_preload(reterr);
	if (r == 0)
		r = etc_stand_ins(reterr);
	return r == 0 ? world_folder("/etc/carve", reterr) : r;
}

/* The machine's /etc is seen through links; /etc/carve, the accounts and what is preloaded are the
 * world's. */
int world_etc_mount(struct err *reterr)
{
	int r = world_folder(ETC, reterr);
	if (r == 0)
		r = world_mount_bind("/etc", ETC, MS_REC, reterr);
	if (r == 0)
		r = world_mount_new("tmpfs", "/etc", MS_NOSUID | MS_NODEV, "mode=755", reterr);
	return r == 0 ? etc_fill(reterr) : r;
}
