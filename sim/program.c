/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See program.h. */
#include "sim/program.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/str.h"

#define VARIABLE "CARVE_SIM_PROGRAM"

void program_remember(void)
{
	char self[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	if (n <= 0)
		return;
	self[n] = '\0';
	/* Where the name is that of another root, it was set by the process that started this one. */
	if (access(self, X_OK) == 0)
		(void)setenv(VARIABLE, self, 1);
}

const char *program_path(void)
{
	if (!getenv(VARIABLE))
		program_remember();
	const char *path = getenv(VARIABLE);
	return path ? path : "";
}

int program_beside(const char *name, char *ret, size_t size)
{
	const char *path = program_path(), *slash = strrchr(path, '/');
	return slash ? str_format(ret, size, "%.*s/%s", (int)(slash - path), path, name) : -ENOENT;
}
