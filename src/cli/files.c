/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See files.h. */
#include "cli/files.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "sys/file.h"

#define FILE_MAX_SIZE (1024u * 1024u)

char *cli_file_path(const struct cli *c, const char *file)
{
	const char *root = cli_option_value(c, "root");
	char *path = NULL;
	if (asprintf(&path, "%s%s", root && !str_eq(root, "/") ? root : "", file) < 0)
		return NULL;
	return path;
}

static int failed(struct cli *c, const char *verb, const char *file, int r)
{
	err_set(&c->err, "cli.file", -r, "cannot %s %s", verb, file);
	err_state(&c->err, "the file is as it was");
	if (r == -EACCES || r == -EPERM)
		err_todo(&c->err, "run it as root");
	return r;
}

/* Opens the folder of a file, making it and its parents when they are missing. */
static int folder_open(const char *path, bool make)
{
	_cleanup_free_ char *folder = strdup(path);
	if (!folder)
		return -ENOMEM;
	char *slash = strrchr(folder, '/');
	if (!slash)
		return -EINVAL;
	*slash = '\0';
	for (char *p = folder + 1; make && *p; p++) {
		if (*p != '/')
			continue;
		*p = '\0';
		int r = mkdir(folder, 0755);
		*p = '/';
		if (r < 0 && errno != EEXIST)
			return -errno;
	}
	if (make && mkdir(folder, 0755) < 0 && errno != EEXIST)
		return -errno;
	return file_dir_open(*folder ? folder : "/");
}

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');
	return slash ? slash + 1 : path;
}

int cli_file_read(struct cli *c, const char *file, char **ret)
{
	_cleanup_free_ char *path = cli_file_path(c, file);
	if (!path)
		return failed(c, "read", file, -ENOMEM);
	_cleanup_close_ int dir = folder_open(path, false);
	if (dir == -ENOENT)
		return 0;
	size_t len = 0;
	int r = dir < 0 ? dir : file_read(dir, base_name(path), FILE_MAX_SIZE, ret, &len);
	if (r < 0 && r != -ENOENT)
		return failed(c, "read", path, r);
	return 0;
}

int cli_file_lock(struct cli *c, const char *file)
{
	_cleanup_free_ char *path = cli_file_path(c, file);
	if (!path)
		return failed(c, "lock", file, -ENOMEM);
	_cleanup_close_ int dir = folder_open(path, true);
	if (dir >= 0 && flock(dir, LOCK_EX) < 0)
		return failed(c, "lock", path, -errno);
	return dir < 0 ? failed(c, "lock", path, dir) : TAKE_FD(dir);
}

int cli_file_write(struct cli *c, const char *file, const char *text, unsigned mode,
		   const char *marker)
{
	_cleanup_free_ char *old = NULL;
	int r = cli_file_read(c, file, &old);
	if (r < 0)
		return r;
	if (old && str_eq(old, text))
		return FILE_NOTHING;
	if (old && (!marker || !strstr(old, marker)))
		return FILE_KEPT;
	_cleanup_free_ char *path = cli_file_path(c, file);
	if (!path)
		return failed(c, "write", file, -ENOMEM);
	_cleanup_close_ int dir = folder_open(path, true);
	r = dir < 0 ? dir : file_replace(dir, base_name(path), text, strlen(text), mode);
	return r < 0 ? failed(c, "write", path, r) : FILE_CHANGED;
}

int cli_file_remove(struct cli *c, const char *file, const char *marker)
{
	_cleanup_free_ char *old = NULL;
	int r = cli_file_read(c, file, &old);
	if (r < 0)
		return r;
	if (!old)
		return FILE_NOTHING;
	if (!strstr(old, marker))
		return FILE_KEPT;
	_cleanup_free_ char *path = cli_file_path(c, file);
	_cleanup_close_ int dir = path ? folder_open(path, false) : -ENOMEM;
	if (dir < 0)
		return failed(c, "remove", file, dir);
	if (unlinkat(dir, base_name(path), 0) < 0 || fsync(dir) < 0)
		return failed(c, "remove", path, -errno);
	return FILE_CHANGED;
}

int cli_text_read(int fd, size_t most, char **ret, size_t *ret_len)
{
	if (fd < 0)
		return -errno;
	_cleanup_free_ char *text = malloc(most + 2);
	if (!text)
		return -ENOMEM;
	size_t len = 0;
	ssize_t n = 1;
	while (n > 0 && len <= most) {
		n = read(fd, text + len, most + 1 - len);
		if (n > 0)
			len += (size_t)n;
	}
	if (n < 0)
		return -errno;
	text[len] = '\0';
	*ret = TAKE_PTR(text);
	*ret_len = len;
	return 0;
}

int cli_plain_replace(const char *file, const char *text, unsigned mode)
{
	struct stat st;
	const char *slash = strrchr(file, '/');
	if (lstat(file, &st) == 0 && !S_ISREG(st.st_mode))
		return -EEXIST;
	_cleanup_free_ char *folder = slash ? strndup(file, (size_t)(slash - file) + 1)
					    : strdup(".");
	if (!folder)
		return -ENOMEM;
	_cleanup_close_ int dir = file_dir_open(folder);
	return dir < 0 ? dir : file_replace(dir, base_name(file), text, strlen(text), mode);
}

int cli_file_replace(struct cli *c, const char *file, const char *text)
{
	int r = cli_plain_replace(file, text, 0644);
	if (r == -EEXIST) {
		err_set(&c->err, "cli.file", EEXIST, "cannot write %s", file);
		err_because(&c->err, "it is there, and no plain file");
		err_state(&c->err, "it is as it was");
		err_todo(&c->err, "name another, or - for standard output");
		return -EEXIST;
	}
	return r < 0 ? failed(c, "write", file, r) : 0;
}
