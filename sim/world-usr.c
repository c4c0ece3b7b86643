/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Programs of a vendor's driver that are looked for in /usr/lib: the world has a /usr/lib of links to the real one's
 * entries, with theirs added. Only worlds that need it do.
 */
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "sim/program.h"
#include "sim/world-internal.h"

#define USR WORLD_DIR "/usr" /* all of it, so that links with "../.." in them lead where they led */
#define VENDOR "nvidia"
#define SCRIPT "/usr/lib/" VENDOR "/sriov-manage"

static bool is_wanted(const struct host *h)
{
	for (size_t i = 0; i < h->n_drivers; i++)
		if (h->drivers[i].vgpu != HOST_VGPU_NONE)
			return true;
	return false;
}

static int links_make(const char *from, const char *to, struct err *reterr)
{
	char target[PATH_MAX], path[PATH_MAX];
	int r = 0;
	DIR *d = opendir(from);
	if (!d)
		return world_failed(reterr, errno, "cannot read", from);
	for (struct dirent *e; r == 0 && (e = readdir(d));) {
		if (str_eq(e->d_name, ".") || str_eq(e->d_name, "..") || str_eq(e->d_name, VENDOR))
			continue;
		r = STR_FORMAT(target, "%s/%s", from, e->d_name);
		if (r == 0)
			r = STR_FORMAT(path, "%s/%s", to, e->d_name);
		if (r == 0 && symlink(target, path) < 0)
			r = world_failed(reterr, errno, "cannot link", path);
	}
	closedir(d);
	return r;
}

/* It asks the machine, as the vendor's asks the driver. */
static int script_write(struct err *reterr)
{
	char here[PATH_MAX];
	int r = program_beside("carve-sim", here, sizeof(here));
	_cleanup_fclose_ FILE *f = r == 0 ? fopen(SCRIPT, "we") : NULL;
	if (!f)
		return world_failed(reterr, r < 0 ? -r : errno, "cannot write", SCRIPT);
	fprintf(f, "#!/bin/sh\nexec '%s' sriov-manage \"$@\" 2>&1\n", here);
	return fchmod(fileno(f), 0755) < 0 ? world_failed(reterr, errno, "cannot write", SCRIPT)
					   : 0;
}

int world_usr_mount(const struct host *h, struct err *reterr)
{
	if (!is_wanted(h))
		return 0;
	int r = world_folder(USR, reterr);
	if (r == 0)
		r = world_mount_bind("/usr", USR, MS_REC, reterr);
	if (r == 0)
		r = world_mount_new("tmpfs", "/usr/lib", MS_NOSUID | MS_NODEV, "mode=755", reterr);
	if (r == 0)
		r = links_make(USR "/lib", "/usr/lib", reterr);
	if (r == 0)
		r = world_folder("/usr/lib/" VENDOR, reterr);
	if (r == 0 && access(USR "/lib/" VENDOR, F_OK) == 0)
		r = links_make(USR "/lib/" VENDOR, "/usr/lib/" VENDOR, reterr);
	(void)unlink(SCRIPT); /* the real one's, by its link */
	return r == 0 ? script_write(reterr) : r;
}
