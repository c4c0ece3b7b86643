/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Where this program is, and what lies beside it in a build tree. Asked once at the start: from inside the
 * namespaces of a world the kernel names it by a path that may not be there (in a changed root).
 */
#pragma once
#include <stddef.h>

/* Puts it into the environment, for the processes of the world. */
void program_remember(void);
/* Path of this program; "" when it is not known. */
const char *program_path(void);
/* Path of a file beside this program: -ENAMETOOLONG, -ENOENT when the program's own is not known. */
int program_beside(const char *name, char *ret, size_t size);
