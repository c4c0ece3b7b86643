/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See process.h. */
#include "sys/process.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/num.h"
#include "base/str.h"
#include "sys/sysfs.h"

#define CGROUP_SIZE 4096

static ssize_t read_file(int proc, pid_t pid, const char *file, char *ret, size_t size)
{
	char path[64];
	int r = STR_FORMAT(path, "%d/%s", (int)pid, file);
	if (r < 0)
		return r;
	ssize_t n = sysfs_read(proc, path, ret, size);
	return n == -ENOENT ? -ESRCH : n;
}

/* The name in field 2 may hold blanks and parentheses; nothing behind its last one does. */
int process_start_parse(const char *stat, uint64_t *ret)
{
	const char *s = strrchr(stat, ')');
	if (!s)
		return -EINVAL;
	s++;
	for (int field = 2; field < 21; field++) {
		s = strchr(s + (*s == ' '), ' ');
		if (!s)
			return -EINVAL;
	}
	char digits[24];
	size_t len = strcspn(++s, " \n");
	if (len >= sizeof(digits))
		return -EINVAL;
	memcpy(digits, s, len);
	digits[len] = '\0';
	return num_parse(digits, 10, UINT64_MAX, ret) < 0 ? -EINVAL : 0;
}

int process_start_time(int proc, pid_t pid, uint64_t *ret)
{
	char text[2048];
	ssize_t n = read_file(proc, pid, "stat", text, sizeof(text));
	return n < 0 ? (int)n : process_start_parse(text, ret);
}

int process_comm(int proc, pid_t pid, char *ret, size_t size)
{
	char text[64];
	ssize_t n = read_file(proc, pid, "comm", text, sizeof(text));
	return n < 0 ? (int)n : str_copy(ret, size, text);
}

int process_uid(int proc, pid_t pid, uint32_t *ret)
{
	char path[32];
	struct stat st;
	int r = STR_FORMAT(path, "%d", (int)pid);
	if (r < 0)
		return r;
	if (fstatat(proc, path, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? -ESRCH : -errno;
	*ret = st.st_uid;
	return 0;
}

int process_open(int proc, pid_t pid, uint64_t start)
{
	_cleanup_close_ int fd = (int)syscall(SYS_pidfd_open, pid, 0);
	if (fd < 0)
		return -errno;
	if (start) {
		/* Asked after the descriptor was had: it cannot become another's behind us. */
		uint64_t now;
		int r = process_start_time(proc, pid, &now);
		if (r < 0)
			return r;
		if (now != start)
			return -ESRCH;
	}
	return TAKE_FD(fd);
}

/* What engines call the scopes of their containers; the id behind it is cut as they print it. */
static const struct {
	const char *prefix, *suffix;
	const char *kind;
	size_t shown; /* characters of the id, 0: all */
} known[] = {
	{ "docker-", ".scope", "container docker", 12 },
	{ "libpod-conmon-", ".scope", "container monitor", 12 },
	{ "libpod-", ".scope", "container podman", 12 },
	{ "cri-containerd-", ".scope", "container containerd", 12 },
	{ "crio-conmon-", ".scope", "container monitor", 12 },
	{ "crio-", ".scope", "container cri-o", 12 },
	{ "machine-", ".scope", "machine", 0 },
	{ "lxc.payload.", "", "container lxc", 0 },
};

/* systemd escapes as \xNN what may not be in a unit name (systemd.unit(5)). */
static void unescape(char *s)
{
	char *to = s;
	while (*s) {
		char hex[3] = { 0 };
		uint64_t c;
		if (s[0] == '\\' && s[1] == 'x' && s[2] && s[3]) {
			memcpy(hex, s + 2, 2);
			if (num_parse(hex, 16, 127, &c) >= 0 && c >= ' ') {
				*to++ = (char)c;
				s += 4;
				continue;
			}
		}
		*to++ = *s++;
	}
	*to = '\0';
}

/* 1 when the component names a container or machine. */
static int unit_known(const char *part, char *ret, size_t size)
{
	for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++) {
		const char *id = str_after(part, known[i].prefix);
		if (!id || !str_ends(id, known[i].suffix))
			continue;
		size_t len = strlen(id) - strlen(known[i].suffix);
		if (known[i].shown && len > known[i].shown)
			len = known[i].shown;
		int r = str_format(ret, size, "%s %.*s", known[i].kind, (int)len, id);
		if (r < 0)
			return r;
		unescape(ret);
		return 1;
	}
	return 0;
}

/* Engines with the cgroupfs manager, LXC and Proxmox have directories of their own. */
static int unit_by_parent(const char *parent, const char *part, char *ret, size_t size)
{
	int r = 0;
	if (str_eq(parent, "docker"))
		r = str_format(ret, size, "container docker %.12s", part);
	else if (str_eq(parent, "lxc"))
		r = str_format(ret, size, "container lxc %s", part);
	else if (str_eq(parent, "qemu.slice") && str_ends(part, ".scope"))
		r = str_format(ret, size, "machine %.*s", (int)(strlen(part) - strlen(".scope")),
			       part);
	else
		return 0;
	return r < 0 ? r : 1;
}

/* The outermost container or machine on the path, else its innermost unit. */
static int unit_from_path(char *path, char *ret, size_t size)
{
	const char *parent = "", *unit = "";
	char *save = NULL;
	for (char *part = strtok_r(path, "/", &save); part; part = strtok_r(NULL, "/", &save)) {
		int r = unit_known(part, ret, size);
		if (r == 0)
			r = unit_by_parent(parent, part, ret, size);
		if (r != 0)
			return r;
		if (str_ends(part, ".service") || str_ends(part, ".scope"))
			unit = part;
		parent = part;
	}
	return str_copy(ret, size, unit);
}

/* Lines "N:controllers:/path": the unified hierarchy is 0, systemd's own of old is "name=systemd". */
int process_unit_parse(const char *cgroup, char *ret, size_t size)
{
	char path[CGROUP_SIZE] = "";
	for (const char *line = cgroup; *line;) {
		size_t len = strcspn(line, "\n");
		const char *at = str_after(line, "0::");
		if (!at && (at = strstr(line, ":name=systemd:")) && at < line + len)
			at += strlen(":name=systemd:");
		if (at && at <= line + len && (!path[0] || str_eq(path, "/"))) {
			size_t n = len - (size_t)(at - line);
			if (n >= sizeof(path))
				return -ENAMETOOLONG;
			memcpy(path, at, n);
			path[n] = '\0';
		}
		line += len + (line[len] == '\n');
	}
	int r = unit_from_path(path, ret, size);
	return r < 0 ? r : 0;
}

int process_unit(int proc, pid_t pid, char *ret, size_t size)
{
	char text[CGROUP_SIZE];
	ssize_t n = read_file(proc, pid, "cgroup", text, sizeof(text));
	return n < 0 ? (int)n : process_unit_parse(text, ret, size);
}
