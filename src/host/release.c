/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See release.h. */
#include "host/release.h"

#include <fcntl.h>
#include <string.h>
#include <sys/utsname.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "sys/file.h"
#include "sys/sysfs.h"

#define LIST_MAX (32 * 1024 * 1024)
#define LIBRARY "libnvidia-ml.so.1"
#define LIBRARY_STEM "libnvidia-ml.so."
#define LINKS_MAX                                                                                  \
	8 /* from the loader's name to the file, through the alternatives of a distribution */

const char *const release_module_names[RELEASE_MODULES] = { "vfio-pci", "mdev", "nvidia" };

bool release_valid(const char *text)
{
	return *text >= '0' && *text <= '9' && strlen(text) < NAME_SIZE && !strchr(text, '/') &&
	       !strstr(text, "..");
}

/* The number that *at begins with, and what is behind it; false: none. */
static bool number_take(const char **at, unsigned *ret)
{
	unsigned n = 0;
	const char *p = *at;
	for (; *p >= '0' && *p <= '9' && n < 100000; p++)
		n = n * 10 + (unsigned)(*p - '0');
	if (p == *at)
		return false;
	*at = p;
	*ret = n;
	return true;
}

bool release_at_least(const char *text, unsigned major, unsigned minor)
{
	unsigned has, second = 0;
	if (!number_take(&text, &has))
		return false;
	if (*text == '.') {
		text++;
		(void)number_take(&text, &second);
	}
	return has > major || (has == major && second >= minor);
}

/* --- modules --------------------------------------------------------------------------------- */

/* modules.dep and modules.builtin (modules.dep(5)) name each file by its path, with what it was compressed by behind it. */
static bool lists(const char *text, const char *module)
{
	char file[NAME_SIZE];
	return STR_FORMAT(file, "/%s.ko", module) >= 0 && strstr(text, file) != NULL;
}

/* Debian calls the file of the module nvidia by its flavour. */
static bool lists_nvidia(const char *text)
{
	return lists(text, "nvidia") || lists(text, "nvidia-current");
}

static bool list_see(int folder, const char *name, struct release *ret)
{
	_cleanup_free_ char *text = NULL;
	size_t len;
	if (file_read(folder, name, LIST_MAX, &text, &len) < 0)
		return false;
	ret->has[RELEASE_VFIO_PCI] |= lists(text, "vfio-pci");
	ret->has[RELEASE_MDEV] |= lists(text, "mdev");
	ret->has[RELEASE_NVIDIA] |= lists_nvidia(text);
	return true;
}

static void modules_read(int root, const char *kernel, struct release *ret)
{
	char path[SYS_PATH_SIZE];
	if (STR_FORMAT(path, "lib/modules/%s", kernel) < 0)
		return;
	_cleanup_close_ int folder = sysfs_openat(root, path, O_PATH | O_DIRECTORY);
	if (folder < 0)
		return;
	ret->installed = list_see(folder, "modules.dep", ret);
	(void)list_see(folder, "modules.builtin", ret);
}

/* --- NVIDIA's driver ------------------------------------------------------------------------- */

/* "NVRM version: NVIDIA UNIX x86_64 Kernel Module  580.159.04  Release Build": the first word with a point that is
 * a number. */
static void version_find(char *text, char ret[NAME_SIZE])
{
	char *rest = NULL;
	for (char *word = strtok_r(text, " \t\n", &rest); word;
	     word = strtok_r(NULL, " \t\n", &rest)) {
		if (!strchr(word, '.') || !release_valid(word))
			continue;
		(void)str_copy(ret, NAME_SIZE, word);
		return;
	}
}

static void driver_read(const struct release_roots *roots, char ret[NAME_SIZE])
{
	char text[1024];
	if (sysfs_read(roots->sysfs, "module/nvidia/version", text, sizeof(text)) < 0 &&
	    sysfs_read(roots->proc, "driver/nvidia/version", text, sizeof(text)) < 0)
		return;
	version_find(text, ret);
}

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

/* Its files have the driver's version behind the name: "libnvidia-ml.so.580.159.04". */
static bool library_in(int root, const char *folder, char ret[NAME_SIZE])
{
	char path[SYS_PATH_SIZE];
	bool there = STR_FORMAT(path, "%s/" LIBRARY, folder) >= 0;
	for (int i = 0; there && i < LINKS_MAX; i++) {
		const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
		const char *version = name + strlen(LIBRARY_STEM);
		if (strncmp(name, LIBRARY_STEM, strlen(LIBRARY_STEM)) == 0 &&
		    strchr(version, '.') && release_valid(version))
			return str_copy(ret, NAME_SIZE, version) >= 0;
		there = link_follow(root, path);
	}
	return false;
}

/* Where the loader of the distributions that carve is built for looks. */
static void library_read(int root, char ret[NAME_SIZE])
{
	static const char *const folders[] = { "usr/lib/x86_64-linux-gnu",
					       "usr/lib/aarch64-linux-gnu", "usr/lib64",
					       "usr/lib" };
	for (size_t i = 0; i < sizeof(folders) / sizeof(folders[0]); i++)
		if (library_in(root, folders[i], ret))
			return;
}

void release_read(const struct release_roots *roots, const char *kernel, struct release *ret)
{
	struct utsname u;
	*ret = (struct release){ 0 };
	if (uname(&u) == 0)
		(void)STR_COPY(ret->kernel, u.release);
	modules_read(roots->root, *kernel ? kernel : ret->kernel, ret);
	driver_read(roots, ret->driver);
	library_read(roots->root, ret->library);
}
