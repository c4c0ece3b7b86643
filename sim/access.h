/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What programs do to the machine, by whatever way it comes: faults have their say, then it is done, and changes
 * are kept in the trace. The machine's lock is held; all of these may wait and let go of it meanwhile.
 */
#pragma once
#include "sim/machine.h"

/* A change. */
struct access {
	const char *path, *text; /* how faults and the trace know it */
	const char *
		attribute; /* of a function, the bus or a driver: a hang holds its locks; NULL: none */
	struct pci *at;	   /* the function it is about; NULL: none */
	const bool *gone; /* becomes true when there is nothing left to change: ENODEV */
	int (*act)(void *userdata);
	void *userdata;
	void (*replace)(void *userdata, const char *text); /* what is written; NULL: cannot be */
};
/* Negative errno, or what act() says. */
int access_change(struct machine *m, const struct access *a);
/* Before something is read: negative errno, 0, or 1 with the text that a fault answers. */
int access_look(struct machine *m, const char *path, char ret_answer[NAME_SIZE]);

/* The files of the tree. text is ended with NUL and has no newline at its end. */
int access_store(struct machine *m, struct node *n, const char *text, size_t len);
int access_show(struct machine *m, struct node *n, struct str_buf *out);
/* Binary files: bytes done. */
ssize_t access_write(struct machine *m, struct node *n, const void *buf, size_t size, off_t at);
ssize_t access_read(struct machine *m, struct node *n, void *buf, size_t size, off_t at);
