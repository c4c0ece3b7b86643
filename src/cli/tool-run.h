/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What adopt --from and hand-back share: many objects, each of which may be left as it is without the others being. */
#pragma once
#include "cli/tool-files.h"

struct tool_run {
	struct cli *c;
	bool plan;
	int lock;
	json_t *devices, *slices; /* replies of carved */
	json_t *objects;	  /* what came of each, for --json */
	size_t left;		  /* how many stay as they are */
};

/* Asks carved what there is. Unless only planned, other commands that write root's files wait until the end. Negative
 * errno with c->err; tool_run_end() in any case. */
int tool_run_begin(struct tool_run *run, struct cli *c);
/* Frees it. Returns enum cli_exit. */
int tool_run_end(struct tool_run *run, int r);

/* A device by key, address or its name as a parent of mdevs; NULL: none. */
const json_t *tool_run_device(const struct tool_run *run, const char *name);
/* A slice, also a foreign one, by a member that has that text; NULL: none. */
const json_t *tool_run_slice(const struct tool_run *run, const char *member, const char *text);
/* What mdevctl calls a device: its address, or its name. */
const char *tool_run_parent(const json_t *device);

/* It stays as it is, for what c->err says; that is emptied. */
void tool_run_left(struct tool_run *run, const char *object);
/* Something was done, or would be: a line for people. */
void tool_run_done(struct tool_run *run, const char *object, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/* Writes a file, or shows what would be written; NULL: removes it. Nothing when it is so already. Negative errno
 * with c->err. */
int tool_run_write(struct tool_run *run, const char *path, const char *before, const char *after,
		   unsigned mode);
