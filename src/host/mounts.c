/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See mounts.h. */
#include "host/mounts.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "sys/sysfs.h"

#define LINE_MAX_BYTES 16384

/* Field 3 is the device number, 5 the mount point, the second behind " - " the source: proc(5). */
static bool mount_parse(char *line, struct mount *ret)
{
	const char *number = NULL, *point = NULL, *source = NULL;
	char *save = NULL;
	int field = 0, behind = 0;
	for (char *w = strtok_r(line, " \n", &save); w; w = strtok_r(NULL, " \n", &save)) {
		field++;
		if (field == 3)
			number = w;
		else if (field == 5)
			point = w;
		else if (behind > 0 && ++behind == 3)
			source = w;
		else if (field > 6 && str_eq(w, "-"))
			behind = 1;
	}
	if (!point)
		return false;
	*ret = (struct mount){ .number = number,
			       .source = source ? str_after(source, "/dev/") : NULL,
			       .point = point };
	return true;
}

struct visiting {
	int (*mount)(const struct mount *m, void *userdata);
	int (*swap)(const char *name, void *userdata);
	void *userdata;
};

static int mount_line(char *line, const struct visiting *v)
{
	struct mount m;
	return mount_parse(line, &m) ? v->mount(&m, v->userdata) : 0;
}

static int swap_line(char *line, const struct visiting *v)
{
	line[strcspn(line, " \t\n")] = '\0';
	const char *name = str_after(line, "/dev/");
	return name ? v->swap(name, v->userdata) : 0;
}

static int lines_visit(int proc, const char *path, int (*fn)(char *line, const struct visiting *v),
		       const struct visiting *v)
{
	_cleanup_close_ int fd = sysfs_openat(proc, path, O_RDONLY);
	if (fd < 0)
		return fd;
	_cleanup_fclose_ FILE *f = fdopen(fd, "r");
	if (!f)
		return -errno;
	TAKE_FD(fd);
	_cleanup_free_ char *line = malloc(LINE_MAX_BYTES);
	int r = line ? 0 : -ENOMEM;
	while (r == 0 && fgets(line, LINE_MAX_BYTES, f))
		r = fn(line, v);
	return r == 0 && ferror(f) ? -errno : r;
}

int mounts_visit(int proc, const char *pid, int (*visit)(const struct mount *m, void *userdata),
		 void *userdata)
{
	const struct visiting v = { .mount = visit, .userdata = userdata };
	char path[64];
	if (STR_FORMAT(path, "%s/mountinfo", pid) < 0)
		return -ENOENT;
	return lines_visit(proc, path, mount_line, &v);
}

int mounts_visit_swaps(int proc, int (*visit)(const char *name, void *userdata), void *userdata)
{
	const struct visiting v = { .swap = visit, .userdata = userdata };
	return lines_visit(proc, "swaps", swap_line, &v);
}
