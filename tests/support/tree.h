/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Small made-up /sys, /dev and /proc trees in a temporary folder. Every failure ends the test. */
#pragma once
#include <stddef.h>

/* Makes an empty folder; its path is put into ret. */
void tree_make(char *ret, size_t size);
/* Removes it with all that is in it. */
void tree_remove(const char *dir);
/* Makes dir/path with all folders above it. */
void tree_dir(const char *dir, const char *path);
/* A file with that text; folders above it are made. */
void tree_file(const char *dir, const char *path, const char *text);
/* A symbolic link; folders above it are made. */
void tree_link(const char *dir, const char *path, const char *target);
