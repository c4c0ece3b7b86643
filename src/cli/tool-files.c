/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See tool-files.h. */
#include "cli/tool-files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "cli/files.h"
#include "model/definition.h"
#include "sys/file.h"

#define TAKEN CARVE_SYSCONFDIR "/taken"
#define FILE_MAX_SIZE (64u * 1024)

const struct tool tools[TOOLS] = {
	[TOOL_MDEVCTL] = { "mdevctl", "mdevctl.d", "60-mdevctl.rules" },
	[TOOL_DRIVERCTL] = { "driverctl", "driverctl.d", "05-driverctl.rules" },
};

int tool_find(const char *name, size_t len, enum tool_kind *ret)
{
	for (enum tool_kind k = 0; k < TOOLS; k++) {
		if (strlen(tools[k].name) != len || memcmp(tools[k].name, name, len) != 0)
			continue;
		*ret = k;
		return 0;
	}
	return -ENOENT;
}

bool tool_is_installed(const struct cli *c, enum tool_kind kind)
{
	static const char *const folders[] = { "/etc/udev/rules.d", "/usr/lib/udev/rules.d",
					       "/lib/udev/rules.d" };
	char file[SYS_PATH_SIZE];
	for (size_t i = 0; i < sizeof(folders) / sizeof(*folders); i++) {
		if (STR_FORMAT(file, "%s/%s", folders[i], tools[kind].rule) < 0)
			continue;
		_cleanup_free_ char *path = cli_file_path(c, file);
		if (path && access(path, F_OK) == 0)
			return true;
	}
	return false;
}

/* --- reading -------------------------------------------------------------------------------------------- */

void tool_file_done(struct tool_file *f)
{
	free(f->text);
	free(f->taken);
	*f = (struct tool_file){ 0 };
}

static int unreadable(struct cli *c, const char *path, int r)
{
	if (r != -ELOOP && r != -EINVAL && r != -EFBIG) {
		err_set(&c->err, "cli.file", -r, "cannot read %s", path);
		err_state(&c->err, "the file is as it was");
		return r;
	}
	err_set(&c->err, "tool.damaged", EINVAL, "cannot understand the file of another tool");
	err_on(&c->err, "%s", path);
	if (r == -EFBIG)
		err_because(&c->err, "it is longer than %u bytes", FILE_MAX_SIZE);
	else
		err_because(&c->err, "it is no plain file of text");
	err_state(&c->err, "nothing was changed");
	err_todo(&c->err, "mend it, or remove it if nobody needs it");
	return -EINVAL;
}

/* 0 without a text: it is not there. */
static int read_one(struct cli *c, const char *file, char **ret, size_t *ret_len,
		    unsigned *ret_mode)
{
	struct stat st;
	_cleanup_free_ char *path = cli_file_path(c, file), *folder = path ? strdup(path) : NULL;
	char *slash = folder ? strrchr(folder, '/') : NULL;
	if (!slash)
		return unreadable(c, file, -ENOMEM);
	*slash = '\0';
	_cleanup_close_ int dir = file_dir_open(folder);
	int r = dir < 0 ? dir : file_read(dir, slash + 1, FILE_MAX_SIZE, ret, ret_len);
	if (r == -ENOENT)
		return 0;
	if (r >= 0 && strlen(*ret) != *ret_len)
		r = -EINVAL;
	if (r < 0)
		return unreadable(c, path, r);
	if (fstatat(dir, slash + 1, &st, AT_SYMLINK_NOFOLLOW) == 0)
		*ret_mode = st.st_mode & 0777;
	return 0;
}

int tool_file_read(struct cli *c, enum tool_kind kind, const char *parent, const char *name,
		   struct tool_file *ret)
{
	struct tool_file f = { .kind = kind, .mode = 0644 };
	const char *folder = tools[kind].folder, *slash = *parent ? "/" : "";
	if (STR_FORMAT(f.path, "/etc/%s/%s%s%s", folder, parent, slash, name) < 0 ||
	    STR_FORMAT(f.record, TAKEN "/%s/%s%s%s", folder, parent, slash, name) < 0)
		return unreadable(c, name, -ENAMETOOLONG);
	int r = read_one(c, f.record, &f.taken, &f.taken_len, &f.mode);
	if (r >= 0)
		r = read_one(c, f.path, &f.text, &f.text_len, &f.mode);
	if (r < 0) {
		tool_file_done(&f);
		return r;
	}
	*ret = f;
	return 0;
}

/* --- listing -------------------------------------------------------------------------------------------- */

static int no_dots(const struct dirent *d)
{
	return !str_eq(d->d_name, ".") && !str_eq(d->d_name, "..");
}

/* Whole or nothing: what could not be listed is not taken for empty. */
static int folder_list(struct cli *c, const char *folder, struct dirent ***ret)
{
	_cleanup_free_ char *path = cli_file_path(c, folder);
	int n = path ? scandir(path, ret, no_dots, alphasort) : -1;
	if (n >= 0)
		return n;
	if (path && (errno == ENOENT || errno == ENOTDIR))
		return 0;
	return unreadable(c, folder, path ? -errno : -ENOMEM);
}

static void entries_free(struct dirent **entries, int n)
{
	for (int i = 0; i < n; i++)
		free(entries[i]);
	free(entries);
}

static int files_of(struct cli *c, const char *folder, const char *parent, tool_file_fn fn,
		    void *userdata)
{
	struct dirent **entries = NULL;
	int n = folder_list(c, folder, &entries), r = n;
	for (int i = 0; r >= 0 && i < n; i++)
		r = fn(c, parent, entries[i]->d_name, userdata);
	entries_free(entries, n);
	return r;
}

static int parents_each(struct cli *c, const char *folder, tool_file_fn fn, void *userdata)
{
	struct dirent **entries = NULL;
	char below[SYS_PATH_SIZE];
	int n = folder_list(c, folder, &entries), r = n;
	for (int i = 0; r >= 0 && i < n; i++)
		if (definition_parent_valid(entries[i]->d_name) &&
		    STR_FORMAT(below, "%s/%s", folder, entries[i]->d_name) >= 0)
			r = files_of(c, below, entries[i]->d_name, fn, userdata);
	entries_free(entries, n);
	return r;
}

int tool_files_each(struct cli *c, enum tool_kind kind, tool_file_fn fn, void *userdata)
{
	char folder[64];
	if (STR_FORMAT(folder, "/etc/%s", tools[kind].folder) < 0)
		return -ENAMETOOLONG;
	int r = kind == TOOL_MDEVCTL ? parents_each(c, folder, fn, userdata)
				     : files_of(c, folder, "", fn, userdata);
	return r < 0 ? r : 0;
}

/* --- writing -------------------------------------------------------------------------------------------- */

int tool_files_writable(struct cli *c)
{
	_cleanup_free_ char *path = cli_file_path(c, CARVE_SYSCONFDIR);
	if (path && (access(path, W_OK) == 0 || errno == ENOENT))
		return 0;
	int r = path ? -errno : -ENOMEM;
	err_set(&c->err, "cli.file", -r, "cannot write below %s", CARVE_SYSCONFDIR);
	err_state(&c->err, "nothing was changed");
	err_todo(&c->err, "run it as root; --plan shows what it would write");
	return r;
}

int tool_file_put(struct cli *c, const char *path, const char *text, unsigned mode)
{
	return text ? cli_file_write(c, path, text, mode, "") : cli_file_remove(c, path, "");
}

/* --- showing --------------------------------------------------------------------------------------------- */

static size_t lines_of(const char *text)
{
	size_t n = 0;
	for (const char *p = text; *p; n++) {
		p += strcspn(p, "\n");
		p += *p == '\n';
	}
	return n;
}

static const char *line_print(char mark, const char *line)
{
	size_t n = strcspn(line, "\n");
	printf("%c%.*s\n", mark, (int)n, line);
	if (line[n] == '\n')
		return line + n + 1;
	puts("\\ No newline at end of file");
	return line + n;
}

static const char *line_at(const char *text, size_t n)
{
	while (n-- > 0) {
		text += strcspn(text, "\n");
		text += *text == '\n';
	}
	return text;
}

static bool line_eq(const char *a, const char *b)
{
	size_t n = strcspn(a, "\n");
	return strcspn(b, "\n") == n && memcmp(a, b, n) == 0 && a[n] == b[n];
}

void tool_file_diff(const char *path, const char *before, const char *after)
{
	const char *a = before ? before : "", *b = after ? after : "";
	size_t na = lines_of(a), nb = lines_of(b), tail = 0;
	printf("--- %s\n+++ %s\n@@ -%d,%zu +%d,%zu @@\n", before ? path : "/dev/null",
	       after ? path : "/dev/null", na > 0, na, nb > 0, nb);
	for (; na && nb && line_eq(a, b); na--, nb--) {
		a = line_print(' ', a);
		b = line_at(b, 1);
	}
	while (tail < na && tail < nb &&
	       str_eq(line_at(a, na - tail - 1), line_at(b, nb - tail - 1)))
		tail++;
	for (; na > tail; na--)
		a = line_print('-', a);
	for (; nb > tail; nb--)
		b = line_print('+', b);
	while (*a)
		a = line_print(' ', a);
}
