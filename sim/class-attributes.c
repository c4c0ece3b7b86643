/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Files that the driver of a vendor adds to its function: what the host's description says. */
#include <errno.h>
#include <stdlib.h>

#include "sim/class.h"

static int store_attribute(struct node *n, const char *text, size_t len)
{
	char *copy = strdup(text);
	(void)len;
	if (!copy)
		return -ENOMEM;
	free((char *)n->text);
	n->text = copy;
	return 0;
}

static const struct file_ops ops_writable = { .show = node_text_show, .store = store_attribute };

static struct node *attribute_place(struct pci *f, const char *path, char name[256])
{
	struct node *dir = f->dev.dir;
	for (const char *slash; (slash = strchr(path, '/')); path = slash + 1) {
		(void)str_format(name, 256, "%.*s", (int)(slash - path), path);
		dir = node_dir(f->dev.machine->tree, dir, name);
	}
	(void)str_copy(name, 256, path);
	return dir;
}

static bool has_attributes(const struct pci *f)
{
	return !f->pf && f->model->n_attributes;
}

static int attributes_add(struct pci *f, unsigned unit)
{
	struct tree *t = f->dev.machine->tree;
	char name[256];
	(void)unit;
	for (size_t i = 0; i < f->model->n_attributes; i++) {
		const struct host_attribute *a = &f->model->attributes[i];
		struct node *dir = attribute_place(f, a->name, name);
		struct node *n = node_text(t, dir, name, "%s", a->value);
		if (!a->writable)
			continue;
		n->mode = 0644;
		n->ops = &ops_writable;
	}
	return 0;
}

static int attributes_remove(struct pci *f, unsigned unit)
{
	struct tree *t = f->dev.machine->tree;
	char name[256];
	(void)unit;
	for (size_t i = 0; i < f->model->n_attributes; i++) {
		struct node *dir = attribute_place(f, f->model->attributes[i].name, name);
		node_remove_name(t, dir, name);
		for (struct node *above; dir != f->dev.dir && !dir->first; dir = above) {
			above = dir->parent;
			node_remove(t, dir);
		}
	}
	return 0;
}

const struct class_kind class_attributes = { .is = has_attributes,
					     .add = attributes_add,
					     .remove = attributes_remove };
