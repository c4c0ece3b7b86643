/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Root's own files that carve writes: below "/", or below --root for an image. */
#pragma once
#include "cli/cli.h"

enum file_result {
	FILE_NOTHING, /* nothing had to be done */
	FILE_CHANGED,
	FILE_KEPT, /* there is one already that is not to be replaced */
};

/* Path of a file ("/etc/carve/devices") below --root. Caller frees; NULL: no memory. */
char *cli_file_path(const struct cli *c, const char *file);
/* Whole text; NULL with c->err clean when the file is not there. */
int cli_file_read(struct cli *c, const char *file, char **ret);
/* Writes the file whole (its folder is made); replaces an existing one only when marker is in it (NULL:
 * never; ""; always). enum file_result or negative errno with c->err. */
/* Keeps other commands from writing that file until the descriptor is closed. Negative errno. */
int cli_file_lock(struct cli *c, const char *file);
int cli_file_write(struct cli *c, const char *file, const char *text, unsigned mode,
		   const char *marker);
/* Removes the file if marker is in it. */
int cli_file_remove(struct cli *c, const char *file, const char *marker);
/* What can be read there, ending with a zero that is not counted; of more than most, one byte more. fd negative: errno
 * tells why. Negative errno. Caller frees. */
int cli_text_read(int fd, size_t most, char **ret, size_t *ret_len);
/* Writes a file in a folder that is there, whole. -EEXIST: what is there is no plain file, such as the device behind
 * /dev/stdout or a link. Other negative errno. */
int cli_plain_replace(const char *file, const char *text, unsigned mode);
/* Writes a file that the user named, whole, in a folder that is there. Only a plain file is replaced. Negative errno
 * with c->err. */
int cli_file_replace(struct cli *c, const char *file, const char *text);
