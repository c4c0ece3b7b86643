/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See tree.h. */
#include "support/tree.h"

#include <errno.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "support/test.h"

void tree_make(char *ret, size_t size)
{
	const char *top = getenv("TMPDIR");
	int n = snprintf(ret, size, "%s/carve-test-XXXXXX", top ? top : "/tmp");
	assert_true(n > 0 && (size_t)n < size);
	assert_non_null(mkdtemp(ret));
}

static int remove_one(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
	(void)st;
	(void)flag;
	(void)ftw;
	return remove(path);
}

void tree_remove(const char *dir)
{
	(void)nftw(dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static void full_path(const char *dir, const char *path, char *ret, size_t size)
{
	int n = snprintf(ret, size, "%s/%s", dir, path);
	assert_true(n > 0 && (size_t)n < size);
}

/* Makes the folders above the last component of full. */
static void make_above(char *full)
{
	for (char *p = strchr(full + 1, '/'); p; p = strchr(p + 1, '/')) {
		*p = '\0';
		assert_true(mkdir(full, 0755) == 0 || errno == EEXIST);
		*p = '/';
	}
}

void tree_dir(const char *dir, const char *path)
{
	char full[4096];
	full_path(dir, path, full, sizeof(full));
	make_above(full);
	assert_true(mkdir(full, 0755) == 0 || errno == EEXIST);
}

void tree_file(const char *dir, const char *path, const char *text)
{
	char full[4096];
	full_path(dir, path, full, sizeof(full));
	make_above(full);
	FILE *f = fopen(full, "w");
	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
}

void tree_link(const char *dir, const char *path, const char *target)
{
	char full[4096];
	full_path(dir, path, full, sizeof(full));
	make_above(full);
	assert_int_equal(symlink(target, full), 0);
}
