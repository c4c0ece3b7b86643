/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See libraries.h. */
#include "host/libraries.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "base/str.h"
#include "host/release.h"
#include "sys/sysfs.h"

/* From the loader's name to the file, through the alternatives of a distribution. */
#define LINKS_MAX 8

/* Where the loader of the distributions that carve is built for looks. */
static const char *const folders[] = { "usr/lib/x86_64-linux-gnu", "usr/lib/aarch64-linux-gnu",
				       "usr/lib64", "usr/lib" };

/*
 * What programs that compute or encode load, and who loads what: the lists of libraries in src/nvc_info.c of
 * NVIDIA/libnvidia-container. soname NULL: it is looked for by its version.
 */
static const struct {
	const char *stem, *soname;
} names[] = {
	{ "libcuda", "1" },
	{ "libcudadebugger", "1" },
	{ "libnvcuvid", "1" },
	{ "libnvidia-allocator", "1" },
	{ "libnvidia-cfg", "1" },
	{ "libnvidia-encode", "1" },
	{ "libnvidia-gpucomp", NULL },
	{ "libnvidia-ml", "1" },
	{ "libnvidia-nvvm", "4" },
	{ "libnvidia-opencl", "1" },
	{ "libnvidia-opticalflow", "1" },
	{ "libnvidia-ptxjitcompiler", "1" },
};

static const char *const programs[] = { "usr/bin/nvidia-smi", "usr/bin/nvidia-debugdump",
					"usr/bin/nvidia-cuda-mps-control",
					"usr/bin/nvidia-cuda-mps-server" };

/* What the link at path leads to, beneath the root. */
static bool link_follow(int root, char path[SYS_PATH_SIZE])
{
	char target[SYS_PATH_SIZE], next[SYS_PATH_SIZE];
	if (sysfs_link(root, path, target, sizeof(target)) < 0)
		return false;
	const char *slash = strrchr(path, '/');
	int folder = slash ? (int)(slash - path) + 1 : 0;
	int r = target[0] == '/' ? STR_COPY(next, target + 1)
				 : STR_FORMAT(next, "%.*s%s", folder, path, target);
	return r >= 0 && str_copy(path, SYS_PATH_SIZE, next) >= 0;
}

/* The version behind "libcuda.so." in the name of that file; NULL: there is none. */
static const char *version_of(const char *path, const char *stem)
{
	const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
	size_t len = strlen(stem);
	if (strncmp(name, stem, len) != 0 || strncmp(name + len, ".so.", 4) != 0)
		return NULL;
	const char *version = name + len + 4;
	return strchr(version, '.') && release_valid(version) ? version : NULL;
}

/* Follows the links at path to the file that has a version in its name; NULL: they do not lead to one. */
static const char *version_follow(int root, char path[SYS_PATH_SIZE], const char *stem)
{
	for (int i = 0; i < LINKS_MAX; i++) {
		const char *version = version_of(path, stem);
		if (version)
			return version;
		if (!link_follow(root, path))
			return NULL;
	}
	return NULL;
}

bool libraries_version(int root, char ret[NAME_SIZE])
{
	char path[SYS_PATH_SIZE];
	for (size_t i = 0; i < sizeof(folders) / sizeof(*folders); i++) {
		if (STR_FORMAT(path, "%s/libnvidia-ml.so.1", folders[i]) < 0)
			continue;
		const char *version = version_follow(root, path, "libnvidia-ml");
		if (version)
			return str_copy(ret, NAME_SIZE, version) >= 0;
	}
	return false;
}

/* --- what a container needs -------------------------------------------------------------------------- */

static bool is_file(int root, const char *path)
{
	struct stat st;
	_cleanup_close_ int fd = sysfs_openat(root, path, O_PATH | O_NOFOLLOW);
	return fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode);
}

/* Follows the links at path to the file that they lead to. */
static bool file_follow(int root, char path[SYS_PATH_SIZE])
{
	for (int i = 0; i < LINKS_MAX; i++) {
		if (is_file(root, path))
			return true;
		if (!link_follow(root, path))
			return false;
	}
	return false;
}

/* 1: added. stem: its file is of that version. */
static int add(struct libraries *l, int root, const char *at, const char *stem, const char *version)
{
	char file[SYS_PATH_SIZE];
	if (STR_COPY(file, at) < 0 || !file_follow(root, file))
		return 0;
	const char *found = stem ? version_of(file, stem) : version;
	if (!found || !str_eq(found, version))
		return 0;
	struct library item;
	if (STR_FORMAT(item.at, "/%s", at) < 0 || STR_FORMAT(item.file, "/%s", file) < 0)
		return 0;
	struct library *more = ARRAY_ADD(l->items, l->n);
	if (!more)
		return -ENOMEM;
	*more = item;
	return 1;
}

static int library_add(struct libraries *l, int root, const char *folder, size_t name,
		       const char *version)
{
	char at[SYS_PATH_SIZE];
	const char *soname = names[name].soname ? names[name].soname : version;
	int r = STR_FORMAT(at, "%s/%s.so.%s", folder, names[name].stem, soname);
	return r < 0 ? 0 : add(l, root, at, names[name].stem, version);
}

/* The folder is the one that has what CUDA begins with, the first of the names. */
static int folder_take(struct libraries *l, int root, const char *folder, const char *version)
{
	int r = library_add(l, root, folder, 0, version);
	if (r <= 0)
		return r;
	for (size_t i = 1; r >= 0 && i < sizeof(names) / sizeof(*names); i++)
		r = library_add(l, root, folder, i, version);
	for (size_t i = 0; r >= 0 && i < sizeof(programs) / sizeof(*programs); i++)
		r = add(l, root, programs[i], NULL, version);
	return r < 0 ? r : 1;
}

int libraries_find(int root, const char *version, struct libraries *ret)
{
	int r = 0;
	*ret = (struct libraries){ 0 };
	for (size_t i = 0; r == 0 && *version && i < sizeof(folders) / sizeof(*folders); i++)
		r = folder_take(ret, root, folders[i], version);
	if (r < 0)
		libraries_done(ret);
	return r;
}

void libraries_done(struct libraries *l)
{
	free(l->items);
	*l = (struct libraries){ 0 };
}
