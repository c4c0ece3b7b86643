/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See sysfs.h. */
#include "sys/sysfs.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/num.h"
#include "base/str.h"

#define LINKS_MAX 40 /* as the kernel's MAXSYMLINKS */
#define ATTRIBUTE_MAX 65536
#define RACES_MAX 16

/* The one switch of this file: tests force the branch that old kernels and sandboxes take. */
static atomic_bool fallback_forced;

void sysfs_force_fallback(bool on)
{
	atomic_store(&fallback_forced, on);
}

int sysfs_open(const char *root)
{
	int fd = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

/* What is left to walk begins at rest; a link's target is put in front of it. */
struct walk {
	char text[4096];
	size_t rest;
	unsigned links;
};

static const char *walk_rest(const struct walk *w)
{
	return w->text + w->rest;
}

static int walk_to(struct walk *w, const char *path)
{
	w->rest = 0;
	return STR_COPY(w->text, path);
}

static int walk_push_link(struct walk *w, int dir, const char *name)
{
	char target[2048], joined[4096];
	ssize_t n = readlinkat(dir, name, target, sizeof(target) - 1);
	if (n < 0)
		return -errno;
	target[n] = '\0';
	if (target[0] == '/')
		return -EXDEV;
	if (++w->links > LINKS_MAX)
		return -ELOOP;
	const char *rest = walk_rest(w);
	int r = str_format(joined, sizeof(joined), "%s%s%s", target, *rest ? "/" : "", rest);
	return r < 0 ? r : walk_to(w, joined);
}

/* The directories entered so far, so that ".." is a step back here and never the kernel's. */
struct trail {
	int fds[64];
	size_t n;
};

static void trail_done(struct trail *t)
{
	while (t->n > 1)
		close(t->fds[--t->n]);
}

static int trail_enter(struct trail *t, const char *name)
{
	if (str_eq(name, "."))
		return 0;
	if (str_eq(name, "..")) {
		if (t->n == 1)
			return -EXDEV;
		close(t->fds[--t->n]);
		return 0;
	}
	if (t->n == sizeof(t->fds) / sizeof(*t->fds))
		return -ENAMETOOLONG;
	int fd = openat(t->fds[t->n - 1], name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	t->fds[t->n++] = fd;
	return 0;
}

static bool is_link(int dir, const char *name)
{
	struct stat st;
	return fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISLNK(st.st_mode);
}

static int walk_next(struct walk *w, char name[NAME_MAX + 1])
{
	const char *rest = walk_rest(w);
	size_t len = strcspn(rest, "/");
	if (len > NAME_MAX)
		return -ENAMETOOLONG;
	memcpy(name, rest, len);
	name[len] = '\0';
	w->rest += len + strspn(rest + len, "/");
	return 0;
}

/* Opens the last component; what O_PATH found is reopened with the flags asked for. */
static int open_walking(int root, const char *path, int flags)
{
	struct walk w = { 0 };
	struct trail t = { .fds = { root }, .n = 1 };
	int r = walk_to(&w, path);

	while (r >= 0 && *walk_rest(&w)) {
		char name[NAME_MAX + 1];
		r = walk_next(&w, name);
		if (r < 0)
			break;
		int dir = t.fds[t.n - 1];
		bool last = !*walk_rest(&w);
		bool dots = str_eq(name, ".") || str_eq(name, "..");
		if (!dots && is_link(dir, name) && !(last && (flags & O_NOFOLLOW))) {
			r = walk_push_link(&w, dir, name);
			continue;
		}
		if (last && !dots) {
			int fd = openat(dir, name, flags | O_NOFOLLOW | O_CLOEXEC);
			r = fd < 0 ? -errno : fd;
			trail_done(&t);
			return r;
		}
		r = trail_enter(&t, name);
	}
	if (r >= 0) { /* ended in "." or "..", or nothing was asked for */
		int fd = openat(t.fds[t.n - 1], ".", flags | O_CLOEXEC);
		r = fd < 0 ? -errno : fd;
	}
	trail_done(&t);
	return r;
}

/* EAGAIN: something was renamed anywhere while ".." of a link was followed (openat2(2)). */
static int open_beneath(int root, const char *path, int flags)
{
	struct open_how how = {
		.flags = (unsigned)flags | O_CLOEXEC,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS,
	};
	for (int i = 0; i < RACES_MAX; i++) {
		long fd = syscall(SYS_openat2, root, path, &how, sizeof(how));
		if (fd >= 0)
			return (int)fd;
		if (errno != EAGAIN)
			return -errno;
	}
	return -EAGAIN;
}

int sysfs_openat(int root, const char *path, int flags)
{
	if (!*path || *path == '/')
		return -EINVAL;
	int r = atomic_load(&fallback_forced) ? -ENOSYS : open_beneath(root, path, flags);
	/* EPERM and ENOSYS are what seccomp filters of containers answer. */
	return r == -ENOSYS || r == -EPERM ? open_walking(root, path, flags) : r;
}

ssize_t sysfs_read_bytes(int root, const char *path, void *ret, size_t size)
{
	_cleanup_close_ int fd = sysfs_openat(root, path, O_RDONLY);
	if (fd < 0)
		return fd;
	/* A kernel attribute comes in one read; files of tests and config space may take more. */
	size_t got = 0;
	while (got < size) {
		ssize_t n = pread(fd, (char *)ret + got, size - got, (off_t)got);
		if (n < 0)
			return -errno;
		got += (size_t)n;
		if (n == 0 || (got < size && got % 4096))
			break;
	}
	return (ssize_t)got;
}

ssize_t sysfs_read(int root, const char *path, char *ret, size_t size)
{
	if (size < 2 || size > ATTRIBUTE_MAX)
		return -EINVAL;
	ssize_t n = sysfs_read_bytes(root, path, ret, size);
	if (n < 0)
		return n;
	if ((size_t)n == size)
		return -EFBIG;
	if (memchr(ret, '\0', (size_t)n))
		return -EINVAL;
	if (n > 0 && ret[n - 1] == '\n')
		n--;
	ret[n] = '\0';
	return n;
}

int sysfs_read_u64(int root, const char *path, unsigned base, uint64_t *ret)
{
	char text[64];
	ssize_t n = sysfs_read(root, path, text, sizeof(text));
	return n < 0 ? (int)n : num_parse(text, base, UINT64_MAX, ret);
}

int sysfs_read_int(int root, const char *path, int *ret)
{
	char text[64];
	ssize_t n = sysfs_read(root, path, text, sizeof(text));
	if (n < 0)
		return (int)n;
	uint64_t value;
	const char *minus = str_after(text, "-");
	int r = num_parse(minus ? minus : text, 10, INT32_MAX, &value);
	if (r < 0)
		return r;
	*ret = minus ? -(int)value : (int)value;
	return 0;
}

int sysfs_write(int root, const char *path, const char *text)
{
	_cleanup_close_ int fd = sysfs_openat(root, path, O_WRONLY);
	if (fd < 0)
		return fd;
	size_t len = strlen(text);
	ssize_t n = write(fd, text, len);
	if (n < 0)
		return -errno;
	return (size_t)n == len ? 0 : -EIO;
}

/* readlinkat() would follow links in the middle out of the tree: the directory is opened beneath. */
int sysfs_link(int root, const char *path, char *ret, size_t size)
{
	_cleanup_close_ int fd = sysfs_openat(root, path, O_PATH | O_NOFOLLOW);
	if (fd < 0)
		return fd;
	ssize_t n = readlinkat(fd, "", ret, size);
	if (n < 0)
		return errno == ENOENT ? -EINVAL : -errno;
	if ((size_t)n >= size)
		return -ENAMETOOLONG;
	ret[n] = '\0';
	return 0;
}

int sysfs_link_direct(int root, const char *path, char *ret, size_t size)
{
	ssize_t n = readlinkat(root, path, ret, size);
	if (n < 0)
		return -errno;
	if ((size_t)n >= size)
		return -ENAMETOOLONG;
	ret[n] = '\0';
	return 0;
}

int sysfs_link_name(int root, const char *path, char *ret, size_t size)
{
	char target[4096];
	int r = sysfs_link(root, path, target, sizeof(target));
	if (r < 0)
		return r;
	const char *slash = strrchr(target, '/');
	return str_copy(ret, size, slash ? slash + 1 : target);
}

bool sysfs_exists(int root, const char *path)
{
	_cleanup_close_ int fd = sysfs_openat(root, path, O_PATH | O_NOFOLLOW);
	return fd >= 0;
}

int sysfs_list(int root, const char *path, int (*fn)(const char *name, void *userdata),
	       void *userdata)
{
	_cleanup_close_ int fd = sysfs_openat(root, path, O_RDONLY | O_DIRECTORY);
	if (fd < 0)
		return fd;
	DIR *dir = fdopendir(fd);
	if (!dir)
		return -errno;
	TAKE_FD(fd);

	int r = 0;
	while (r == 0) {
		errno = 0;
		struct dirent *entry = readdir(dir);
		if (!entry) {
			r = -errno;
			break;
		}
		if (!str_eq(entry->d_name, ".") && !str_eq(entry->d_name, ".."))
			r = fn(entry->d_name, userdata);
	}
	closedir(dir);
	return r;
}
