/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The files of the simulated machine: one tree with the branches sys, dev and proc, which fs.h shows to
 * programs. What programs have seen of it sits in the kernel's caches, so each removal is put into a
 * queue of changes, in one order with the uevents: nobody hears of a change before it can be seen.
 * All functions but tree_changes_*() want the machine's lock held.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/str.h"

#define TREE_PATH_SIZE 512
#define NODE_STAYS UINT64_MAX /* number of a node that is there after a reboot, too */

enum node_type {
	NODE_DIR,
	NODE_LINK,
	NODE_FILE,
	NODE_CHAR, /* a device number to be seen, never to be opened */
};

struct node;
struct tree;

/* What a file does. A missing function: the file cannot be read, or written (EACCES at its opening).
 * All return negative errno as the kernel would. They may wait and let go of the lock meanwhile. */
struct file_ops {
	int (*show)(struct node *n, struct str_buf *out);
	/* text: as written, ended with NUL, without the last newline. */
	int (*store)(struct node *n, const char *text, size_t len);
	/* Binary files; instead of the above. Bytes done. */
	ssize_t (*read)(struct node *n, void *buf, size_t size, off_t at);
	ssize_t (*write)(struct node *n, const void *buf, size_t size, off_t at);
	int (*open)(struct node *n, int flags);
	/* Instead of all these: a request is written and its answer read, once, by the same open file. */
	int (*transact)(struct node *n, const void *request, size_t len, struct str_buf *answer);
	/* A command whose argument is copied in and out: size bytes at arg. pid: of the caller. */
	int (*ioctl)(struct node *n, unsigned command, void *arg, size_t size, pid_t pid);
};

struct node {
	struct node *parent, *first, *last, *next, *previous; /* children and siblings, in order */
	struct node *in_hash;
	char *name;
	const char *text; /* of a link or of a fixed file; owned */
	const struct file_ops *ops;
	void *owner;	 /* of whom it tells; borrowed, valid while the node is not gone */
	uint64_t number; /* of use to the owner */
	uint64_t ino;
	uint64_t seen; /* look-ups that the kernel remembers */
	uint32_t uses; /* open files */
	dev_t rdev;
	uid_t uid;
	gid_t gid;
	mode_t mode; /* permissions */
	enum node_type type;
	bool gone;
};

/* A new tree with a root directory. NULL: no memory. */
struct tree *tree_new(void);
struct tree *tree_free(struct tree *t);
struct node *tree_root(struct tree *t);

/* Making: parents are directories of the tree. What is there already is kept by _dir and replaced by
 * the others. Memory that runs out ends the program: a simulated kernel has no use for half a
 * tree. */
struct node *node_dir(struct tree *t, struct node *parent, const char *name);
struct node *node_path(struct tree *t, struct node *parent, const char *path); /* "a/b/c" */
struct node *node_file(struct tree *t, struct node *parent, const char *name, mode_t mode,
		       const struct file_ops *ops, void *owner);
struct node *node_text(struct tree *t, struct node *parent, const char *name, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));
/* What reads a file of node_text(). */
int node_text_show(struct node *n, struct str_buf *out);
/* A relative link to another node of the tree, as sysfs makes them. */
struct node *node_link(struct tree *t, struct node *parent, const char *name,
		       const struct node *target);
/* A link with this text. */
struct node *node_link_text(struct tree *t, struct node *parent, const char *name,
			    const char *text);
struct node *node_char(struct tree *t, struct node *parent, const char *name, mode_t mode,
		       dev_t number);

/* NULL: not there. */
struct node *node_find(const struct tree *t, const struct node *parent, const char *name);
struct node *node_walk(const struct tree *t, struct node *parent, const char *path);
/* Path from below, "" for itself: "devices/pci0000:00/0000:00:01.0" of sys. */
int node_path_of(const struct node *n, const struct node *below, char ret[TREE_PATH_SIZE]);
/* With all below it. NULL is fine. */
void node_remove(struct tree *t, struct node *n);
void node_remove_name(struct tree *t, struct node *parent, const char *name);
/* From now on this thread leaves links where they are, but for those in a directory that goes. */
void tree_keep_links(bool keep);

/* References of the file system: a node lives until the last one is given back. */
void node_seen(struct node *n, uint64_t n_more);
void node_forget(struct node *n, uint64_t n_less);
void node_used(struct node *n);
void node_unused(struct node *n);

/* --- changes -------------------------------------------------------------------------------- */

struct change {
	struct change *next;
	struct node *parent; /* of a name to be forgotten; only its number counts. NULL: an event */
	char *data;	     /* the name, or the event's text */
	size_t len;
	uint64_t number;
	uint32_t delay_ms; /* of an event that comes late */
	int64_t due_ms;	   /* then: for the teller */
};

/* Puts an event behind what changed so far; data is copied. */
void tree_event(struct tree *t, const char *data, size_t len, uint32_t delay_ms);
/* Number of the newest change, to wait for. */
uint64_t tree_changes_newest(const struct tree *t);
/* All that is waiting, in order; the caller frees each with tree_change_free(). */
struct change *tree_changes_take(struct tree *t);
void tree_change_free(struct change *c);
