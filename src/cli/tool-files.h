/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The files by which mdevctl and driverctl act at boot. Before carve sets one aside, it is kept as it was, byte by
 * byte, at the same place below /etc/carve/taken: only root writes there, so nobody else has a say in what is put back.
 */
#pragma once
#include "cli/cli.h"
#include "model/pci.h"

enum tool_kind {
	TOOL_MDEVCTL,
	TOOL_DRIVERCTL,
	TOOLS
};

struct tool {
	const char *name;
	const char *folder; /* below /etc */
	const char *rule;   /* the udev rule by which it acts at boot */
};
extern const struct tool tools[TOOLS];

/* -ENOENT: none has that name. */
int tool_find(const char *name, size_t len, enum tool_kind *ret);
/* Does it act at boot on this host (its udev rule is there)? */
bool tool_is_installed(const struct cli *c, enum tool_kind kind);

struct tool_file {
	enum tool_kind kind;
	char path[SYS_PATH_SIZE];   /* "/etc/mdevctl.d/mtty/UUID" */
	char record[SYS_PATH_SIZE]; /* what it was when it was taken over */
	char *text, *taken;	    /* NULL: not there */
	size_t text_len, taken_len;
	unsigned mode;
};
void tool_file_done(struct tool_file *f);
/* parent: folder of mdevctl, "" for driverctl. Text that is there is a plain file without zeros. Negative errno with
 * c->err: tool.damaged, cli.file. */
int tool_file_read(struct cli *c, enum tool_kind kind, const char *parent, const char *name,
		   struct tool_file *ret);

/* All that could be files of the tool, in order of their names: mdevctl's two folders deep. fn ends it by returning
 * negative. */
typedef int (*tool_file_fn)(struct cli *c, const char *parent, const char *name, void *userdata);
int tool_files_each(struct cli *c, enum tool_kind kind, tool_file_fn fn, void *userdata);

/* Whether this user could write there; before anything is done. Negative errno with c->err. */
int tool_files_writable(struct cli *c);
/* Puts text in the place of a file, or removes it (NULL). Negative errno with c->err. */
int tool_file_put(struct cli *c, const char *path, const char *text, unsigned mode);

/* What would be written, as a patch; NULL: no file. */
void tool_file_diff(const char *path, const char *before, const char *after);
