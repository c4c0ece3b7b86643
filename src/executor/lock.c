/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See lock.h. Files stay: there are two for each enrolled device at most, on a tmpfs. */
#include "executor/lock.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>

#include "base/cleanup.h"
#include "base/str.h"

#define LOCK_MAGIC 0x6b6c7263u /* "crlk" */

#define NAME_MAX_SIZE (DEVICE_KEY_SIZE + 8)

static int lock_name(const struct lock_record *which, char ret[NAME_MAX_SIZE])
{
	int r = str_format(ret, NAME_MAX_SIZE, "%s%s", which->unit ? "unit!" : "", which->device);
	for (char *p = ret; *p; p++)
		if (*p == '/')
			*p = '!';
	return r;
}

int lock_take(int dir, const struct lock_record *record)
{
	struct lock_record full = *record;
	char name[NAME_MAX_SIZE];
	int r = lock_name(record, name);
	if (r < 0)
		return r;
	_cleanup_close_ int fd = openat(dir, name, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	if (flock(fd, LOCK_EX | LOCK_NB) < 0)
		return -errno;
	full.magic = LOCK_MAGIC;
	ssize_t n = pwrite(fd, &full, sizeof(full), 0);
	if (n != sizeof(full))
		return n < 0 ? -errno : -EIO;
	return TAKE_FD(fd);
}

static int file_held(int dir, const char *name, struct lock_record *ret)
{
	_cleanup_close_ int fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT ? 0 : -errno;
	if (flock(fd, LOCK_EX | LOCK_NB) == 0)
		return 0;
	if (errno != EWOULDBLOCK)
		return -errno;
	struct lock_record record;
	if (pread(fd, &record, sizeof(record), 0) != sizeof(record) || record.magic != LOCK_MAGIC)
		return -EIO;
	record.device[sizeof(record.device) - 1] = '\0';
	*ret = record;
	return 1;
}

int lock_held(int dir, const struct lock_record *which, struct lock_record *ret)
{
	char name[NAME_MAX_SIZE];
	int r = lock_name(which, name);
	return r < 0 ? r : file_held(dir, name, ret);
}

int lock_scan(int dir, void (*fn)(const struct lock_record *record, void *userdata), void *userdata)
{
	_cleanup_close_ int fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	DIR *d = fdopendir(fd);
	if (!d)
		return -errno;
	TAKE_FD(fd);
	for (struct dirent *e; (e = readdir(d));) {
		struct lock_record record;
		if (e->d_name[0] != '.' && file_held(dir, e->d_name, &record) > 0)
			fn(&record, userdata);
	}
	closedir(d);
	return 0;
}
