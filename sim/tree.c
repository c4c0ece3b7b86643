/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See tree.h. Names are found by hash, for /sys/bus/pci/devices may have thousands. */
#include "sim/tree.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/cleanup.h"

struct tree {
	struct node *root;
	struct node **hash;
	size_t room, n; /* room: a power of two */
	uint64_t inodes;
	struct change *first, **last;
	uint64_t newest;
};

/* Of this thread: see tree_keep_links(). */
static _Thread_local bool keeps_links;

static void *must(void *p)
{
	if (p)
		return p;
	fputs("carve-sim: out of memory\n", stderr);
	abort();
}

/* FNV-1a over the name, begun with the parent's number. */
static size_t hash_of(const struct node *parent, const char *name)
{
	uint64_t h = 14695981039346656037u ^ parent->ino;
	for (; *name; name++)
		h = (h ^ (unsigned char)*name) * 1099511628211u;
	return (size_t)(h ^ h >> 32);
}

static void hash_put(struct tree *t, struct node *n)
{
	struct node **slot = &t->hash[hash_of(n->parent, n->name) & (t->room - 1)];
	n->in_hash = *slot;
	*slot = n;
}

static void hash_grow(struct tree *t)
{
	size_t room = t->room;
	struct node **old = t->hash;
	t->room = room ? room * 2 : 1024;
	t->hash = must(calloc(t->room, sizeof(struct node *)));
	for (size_t i = 0; i < room; i++)
		for (struct node *n = old[i], *next; n; n = next) {
			next = n->in_hash;
			hash_put(t, n);
		}
	free(old);
}

static void hash_drop(struct tree *t, struct node *n)
{
	struct node **slot = &t->hash[hash_of(n->parent, n->name) & (t->room - 1)];
	while (*slot != n)
		slot = &(*slot)->in_hash;
	*slot = n->in_hash;
	t->n--;
}

static struct node *node_new(struct tree *t, const char *name, enum node_type type)
{
	struct node *n = must(calloc(1, sizeof(*n)));
	n->name = must(strdup(name));
	n->type = type;
	n->mode = type == NODE_DIR ? 0755 : type == NODE_LINK ? 0777 : 0444;
	n->ino = ++t->inodes;
	return n;
}

static struct node *node_add(struct tree *t, struct node *parent, const char *name,
			     enum node_type type)
{
	struct node *n = node_new(t, name, type);
	if (t->n >= t->room)
		hash_grow(t);
	n->parent = parent;
	n->previous = parent->last;
	*(parent->last ? &parent->last->next : &parent->first) = n;
	parent->last = n;
	hash_put(t, n);
	t->n++;
	return n;
}

struct tree *tree_new(void)
{
	struct tree *t = calloc(1, sizeof(*t));
	if (!t)
		return NULL;
	t->last = &t->first;
	t->root = node_new(t, "", NODE_DIR);
	return t;
}

static void node_destroy(struct node *n)
{
	free((char *)n->text);
	free(n->name);
	free(n);
}

static void destroy_below(struct node *n)
{
	for (struct node *c = n->first, *next; c; c = next) {
		next = c->next;
		destroy_below(c);
	}
	node_destroy(n);
}

struct tree *tree_free(struct tree *t)
{
	if (!t)
		return NULL;
	for (struct change *c = tree_changes_take(t), *next; c; c = next) {
		next = c->next;
		tree_change_free(c);
	}
	destroy_below(t->root);
	free(t->hash);
	free(t);
	return NULL;
}

struct node *tree_root(struct tree *t)
{
	return t->root;
}

struct node *node_find(const struct tree *t, const struct node *parent, const char *name)
{
	if (!t->room)
		return NULL;
	struct node *n = t->hash[hash_of(parent, name) & (t->room - 1)];
	while (n && !(n->parent == parent && str_eq(n->name, name)))
		n = n->in_hash;
	return n;
}

struct node *node_dir(struct tree *t, struct node *parent, const char *name)
{
	struct node *n = node_find(t, parent, name);
	return n ? n : node_add(t, parent, name, NODE_DIR);
}

/* The first part of a path in name; what follows it is returned. */
static const char *path_split(const char *path, char name[256])
{
	path += strspn(path, "/");
	size_t len = strcspn(path, "/");
	if (len > 255)
		len = 255;
	memcpy(name, path, len);
	name[len] = '\0';
	return path + len;
}

struct node *node_path(struct tree *t, struct node *parent, const char *path)
{
	char name[256];
	while (*(path = path_split(path, name)) || *name) {
		if (!*name)
			break;
		parent = node_dir(t, parent, name);
	}
	return parent;
}

struct node *node_walk(const struct tree *t, struct node *parent, const char *path)
{
	char name[256];
	while (parent && (*(path = path_split(path, name)) || *name)) {
		if (!*name)
			break;
		parent = node_find(t, parent, name);
	}
	return parent;
}

static void node_drop(struct tree *t, struct node *n);

/* Makes room for a new one of that name. */
static void node_replace(struct tree *t, struct node *parent, const char *name)
{
	struct node *n = node_find(t, parent, name);
	if (n)
		node_drop(t, n);
}

struct node *node_file(struct tree *t, struct node *parent, const char *name, mode_t mode,
		       const struct file_ops *ops, void *owner)
{
	node_replace(t, parent, name);
	struct node *n = node_add(t, parent, name, NODE_FILE);
	n->mode = mode;
	n->ops = ops;
	n->owner = owner;
	return n;
}

int node_text_show(struct node *n, struct str_buf *out)
{
	str_buf_addf(out, "%s\n", n->text);
	return 0;
}

static const struct file_ops text_ops = { .show = node_text_show };

struct node *node_text(struct tree *t, struct node *parent, const char *name, const char *fmt, ...)
{
	struct node *n = node_file(t, parent, name, 0444, &text_ops, NULL);
	char *text = NULL;
	va_list ap;
	va_start(ap, fmt);
	int r = vasprintf(&text, fmt, ap);
	va_end(ap);
	n->text = must(r < 0 ? NULL : text);
	return n;
}

struct node *node_link_text(struct tree *t, struct node *parent, const char *name, const char *text)
{
	node_replace(t, parent, name);
	struct node *n = node_add(t, parent, name, NODE_LINK);
	n->text = must(strdup(text));
	return n;
}

static unsigned depth_of(const struct node *n)
{
	unsigned depth = 0;
	for (; n->parent; n = n->parent)
		depth++;
	return depth;
}

/* "../../../devices/pci0000:00/0000:00:01.0": up to what both have in common above the target itself, then
 * down (kernfs_get_target_path(), fs/kernfs/symlink.c). */
struct node *node_link(struct tree *t, struct node *parent, const char *name,
		       const struct node *target)
{
	char down[TREE_PATH_SIZE];
	const struct node *a = parent, *b = target->parent;
	unsigned ups = 0, da = depth_of(a), db = depth_of(b);
	for (; da > db; da--, ups++)
		a = a->parent;
	for (; db > da; db--)
		b = b->parent;
	for (; a != b; ups++) {
		a = a->parent;
		b = b->parent;
	}
	struct str_buf text = { 0 };
	if (node_path_of(target, a, down) < 0)
		return NULL;
	for (unsigned i = 0; i < ups; i++)
		str_buf_add(&text, "../");
	str_buf_add(&text, down);
	struct node *n = node_link_text(t, parent, name, must(text.text));
	str_buf_done(&text);
	return n;
}

struct node *node_char(struct tree *t, struct node *parent, const char *name, mode_t mode,
		       dev_t number)
{
	node_replace(t, parent, name);
	struct node *n = node_add(t, parent, name, NODE_CHAR);
	n->mode = mode;
	n->rdev = number;
	return n;
}

int node_path_of(const struct node *n, const struct node *below, char ret[TREE_PATH_SIZE])
{
	char text[TREE_PATH_SIZE];
	size_t at = sizeof(text) - 1;
	text[at] = '\0';
	for (; n && n != below && n->parent; n = n->parent) {
		size_t len = strlen(n->name);
		if (len + 1 > at)
			return -ENAMETOOLONG;
		if (text[at])
			text[--at] = '/';
		at -= len;
		memcpy(text + at, n->name, len);
	}
	memcpy(ret, text + at, sizeof(text) - at);
	return 0;
}

static void change_put(struct tree *t, struct change *c)
{
	c->number = ++t->newest;
	*t->last = c;
	t->last = &c->next;
}

static void node_unlink(struct tree *t, struct node *n)
{
	struct node *parent = n->parent;
	*(n->previous ? &n->previous->next : &parent->first) = n->next;
	*(n->next ? &n->next->previous : &parent->last) = n->previous;
	hash_drop(t, n);
	n->next = n->previous = n->parent = NULL;
}

static void node_release(struct node *n)
{
	if (n->gone && !n->seen && !n->uses)
		node_destroy(n);
}

/* From below, so that the kernel forgets a directory after what is in it. */
static void node_drop(struct tree *t, struct node *n)
{
	while (n->last)
		node_drop(t, n->last);
	if (n->seen) {
		struct change *c = must(calloc(1, sizeof(*c)));
		c->parent = n->parent;
		c->data = must(strdup(n->name));
		c->len = strlen(n->name);
		change_put(t, c);
	}
	node_unlink(t, n);
	n->gone = true;
	n->owner = NULL;
	node_release(n);
}

void node_remove(struct tree *t, struct node *n)
{
	if (n && !(keeps_links && n->type == NODE_LINK))
		node_drop(t, n);
}

void tree_keep_links(bool keep)
{
	keeps_links = keep;
}

void node_remove_name(struct tree *t, struct node *parent, const char *name)
{
	node_remove(t, node_find(t, parent, name));
}

void node_seen(struct node *n, uint64_t n_more)
{
	n->seen += n_more;
}

void node_forget(struct node *n, uint64_t n_less)
{
	n->seen -= n_less < n->seen ? n_less : n->seen;
	node_release(n);
}

void node_used(struct node *n)
{
	n->uses++;
}

void node_unused(struct node *n)
{
	n->uses--;
	node_release(n);
}

void tree_event(struct tree *t, const char *data, size_t len, uint32_t delay_ms)
{
	struct change *c = must(calloc(1, sizeof(*c)));
	c->data = must(malloc(len));
	memcpy(c->data, data, len);
	c->len = len;
	c->delay_ms = delay_ms;
	change_put(t, c);
}

uint64_t tree_changes_newest(const struct tree *t)
{
	return t->newest;
}

struct change *tree_changes_take(struct tree *t)
{
	struct change *c = t->first;
	t->first = NULL;
	t->last = &t->first;
	return c;
}

void tree_change_free(struct change *c)
{
	free(c->data);
	free(c);
}
