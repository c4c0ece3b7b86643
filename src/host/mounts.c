/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See mounts.h. */
#include "host/mounts.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "sys/sysfs.h"

/* Three paths of PATH_MAX, each byte as "\\040", and some: root, mount point and source. The options of the
 * file system are behind them and may be far longer (overlayfs has up to 500 layers); nobody asks for them. */
#define LINE_MAX_BYTES 65536

/* Field 3 is the device number, 5 the mount point, the second behind " - " the source: proc(5). Of a line
 * that is longer than was read all of these must be there, with the beginning of what is behind them. */
static int mount_parse(char *line, bool whole, struct mount *ret)
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
		else if (behind == 0 && field > 6 && str_eq(w, "-"))
			behind = 1;
	}
	if (!whole && behind <= 3)
		return -E2BIG;
	if (!point)
		return 0;
	*ret = (struct mount){ .number = number,
			       .source = source ? str_after(source, "/dev/") : NULL,
			       .point = point };
	return 1;
}

struct visiting {
	int (*mount)(const struct mount *m, void *userdata);
	int (*swap)(const char *name, void *userdata);
	void *userdata;
};

static int mount_line(char *line, bool whole, const struct visiting *v)
{
	struct mount m;
	int r = mount_parse(line, whole, &m);
	return r > 0 ? v->mount(&m, v->userdata) : r;
}

static int swap_line(char *line, bool whole, const struct visiting *v)
{
	if (!whole)
		return -E2BIG;
	line[strcspn(line, " \t\n")] = '\0';
	const char *name = str_after(line, "/dev/");
	return name ? v->swap(name, v->userdata) : 0;
}

typedef int (*line_fn)(char *line, bool whole, const struct visiting *v);

/* What is longer is read past. */
static int line_visit(FILE *f, char line[LINE_MAX_BYTES], line_fn fn, const struct visiting *v,
		      bool *ret_more)
{
	*ret_more = fgets(line, LINE_MAX_BYTES, f);
	if (!*ret_more)
		return ferror(f) ? -errno : 0;
	bool whole = strchr(line, '\n') || feof(f);
	int c = whole ? '\n' : getc(f);
	while (c != '\n' && c != EOF)
		c = getc(f);
	return ferror(f) ? -errno : fn(line, whole, v);
}

static int lines_visit(int proc, const char *path, line_fn fn, const struct visiting *v)
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
	for (bool more = true; r == 0 && more;)
		r = line_visit(f, line, fn, v, &more);
	return r;
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
