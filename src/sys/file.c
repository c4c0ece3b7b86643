/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See file.h. */
#include "sys/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/str.h"

#define FILE_NAME_SIZE 256

int file_dir_open(const char *path)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

static int write_all(int fd, const char *data, size_t len)
{
	while (len > 0) {
		ssize_t n = write(fd, data, len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		data += n;
		len -= (size_t)n;
	}
	return 0;
}

static int write_beside(int dir, const char *name, const void *data, size_t len, mode_t mode)
{
	_cleanup_close_ int fd =
		openat(dir, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	int r = write_all(fd, data, len);
	/* The mode as asked for, whatever the umask. */
	if (r >= 0 && (fchmod(fd, mode) < 0 || fsync(fd) < 0))
		r = -errno;
	return r;
}

int file_replace(int dir, const char *name, const void *data, size_t len, mode_t mode)
{
	char beside[FILE_NAME_SIZE];
	int r = STR_FORMAT(beside, ".%s.new", name);
	if (r < 0)
		return r;
	/* What a crash left there is ours to clear: one writer per file. */
	if (unlinkat(dir, beside, 0) < 0 && errno != ENOENT)
		return -errno;
	r = write_beside(dir, beside, data, len, mode);
	if (r >= 0 && renameat(dir, beside, dir, name) < 0)
		r = -errno;
	if (r < 0) {
		(void)unlinkat(dir, beside, 0);
		return r;
	}
	return fsync(dir) < 0 ? -errno : 0;
}

static int read_all(int fd, char *text, size_t room, size_t *ret_len)
{
	size_t len = 0;
	while (len < room) {
		ssize_t n = read(fd, text + len, room - len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		len += (size_t)n;
	}
	*ret_len = len;
	return 0;
}

int file_read(int dir, const char *name, size_t max, char **ret, size_t *ret_len)
{
	_cleanup_close_ int fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	struct stat st;
	if (fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -EINVAL;
	/* The size is where to begin, not the truth: files of /proc say 0. */
	size_t room = (st.st_size > 0 && (size_t)st.st_size <= max ? (size_t)st.st_size : max) + 1;
	_cleanup_free_ char *text = malloc(room + 1);
	if (!text)
		return -ENOMEM;
	size_t len = 0;
	int r = read_all(fd, text, room, &len);
	if (r < 0)
		return r;
	if (len == room)
		return -EFBIG;
	text[len] = '\0';
	*ret = TAKE_PTR(text);
	*ret_len = len;
	return 0;
}
