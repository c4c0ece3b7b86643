/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See release.h. */
#include "host/release.h"

#include <fcntl.h>
#include <string.h>
#include <sys/utsname.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "host/libraries.h"
#include "sys/file.h"
#include "sys/sysfs.h"

#define LIST_MAX (32 * 1024 * 1024)

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

void release_read(const struct release_roots *roots, const char *kernel, struct release *ret)
{
	struct utsname u;
	*ret = (struct release){ 0 };
	if (uname(&u) == 0)
		(void)STR_COPY(ret->kernel, u.release);
	modules_read(roots->root, *kernel ? kernel : ret->kernel, ret);
	driver_read(roots, ret->driver);
	(void)libraries_version(roots->root, ret->library);
}
