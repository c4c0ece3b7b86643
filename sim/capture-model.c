/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Functions of one kind share a model; and the attributes that drivers of vendors add. Which of
 * these may be read is a list per driver: reading some attributes takes locks or starts work.
 */
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "policy/value.h"
#include "sim/capture-internal.h"
#include "sys/sysfs.h"

#define ATTRIBUTES_MAX 64
#define DEPTH_MAX 4

/* --- attributes ------------------------------------------------------------------------------ */

/* amdgpu_{vram_mgr,gtt_mgr,gfx,gmc}.c in drivers/gpu/drm/amd/amdgpu of Linux 6.12;
 * Documentation/ABI/testing/sysfs-driver-intel-xe-sriov. */
static const struct {
	const char *driver, *pattern; /* a pattern that ends in "/" is a folder with all below it */
} allowed[] = {
	{ "amdgpu", "mem_info_*" },
	{ "amdgpu", "current_compute_partition" },
	{ "amdgpu", "available_compute_partition" },
	{ "amdgpu", "current_memory_partition" },
	{ "amdgpu", "available_memory_partition" },
	{ "xe", "sriov_admin/" },
};

struct attributes {
	struct capture *c;
	const struct function *f;
	struct host_model *m;
};

static bool is_allowed(const char *driver, const char *name, bool folder)
{
	for (size_t i = 0; i < sizeof(allowed) / sizeof(*allowed); i++) {
		const char *pattern = allowed[i].pattern;
		if (!str_eq(allowed[i].driver, driver))
			continue;
		if (folder ? strncmp(name, pattern, strlen(name)) == 0 &&
				     str_eq(pattern + strlen(name), "/")
			   : fnmatch(pattern, name, FNM_PATHNAME) == 0)
			return true;
	}
	return false;
}

static int attribute_put(struct attributes *a, const char *name, const char *path, bool writable)
{
	char text[HOST_ATTRIBUTE_MAX];
	if (a->m->n_attributes == ATTRIBUTES_MAX || strlen(name) >= NAME_SIZE) {
		capture_note(a->c, "attribute %s of %s", name, a->f->addr);
		return 0;
	}
	if (sysfs_read(a->c->sys, path, text, sizeof(text)) < 0 || !capture_is_line(text)) {
		capture_note(a->c, "attribute %s of %s: it is no line of text", name, a->f->addr);
		return 0;
	}
	struct host_attribute *to = CAPTURE_ADD(a->c, a->m->attributes, a->m->n_attributes);
	if (!to)
		return -ENOMEM;
	(void)STR_COPY(to->name, name);
	to->writable = writable;
	to->value = strdup(text);
	return to->value ? 0 : -ENOMEM;
}

static int folder_read(struct attributes *a, const char *below, unsigned depth);

/* Links lead elsewhere and are left alone. */
static int entry_read(struct attributes *a, const char *name, unsigned depth)
{
	char path[CAPTURE_PATH_SIZE];
	struct stat st;
	if (!capture_path(a->f, name, path))
		return 0;
	_cleanup_close_ int fd = sysfs_openat(a->c->sys, path, O_PATH | O_NOFOLLOW);
	if (fd < 0 || fstat(fd, &st) < 0)
		return 0;
	if (S_ISDIR(st.st_mode) && (depth > 1 || is_allowed(a->f->driver, name, true)))
		return folder_read(a, name, depth + 1);
	if (!S_ISREG(st.st_mode) || !(st.st_mode & 0444) ||
	    (depth == 1 && !is_allowed(a->f->driver, name, false)))
		return 0;
	return attribute_put(a, name, path, st.st_mode & 0222);
}

static int folder_read(struct attributes *a, const char *below, unsigned depth)
{
	char dir[CAPTURE_PATH_SIZE], name[CAPTURE_PATH_SIZE];
	struct capture_names names;
	int r = 0;
	if (depth > DEPTH_MAX || !capture_path(a->f, below, dir))
		return 0;
	capture_names_read(a->c, dir, &names);
	for (size_t i = 0; r >= 0 && i < names.n; i++)
		if (STR_FORMAT(name, "%s%s%s", below, *below ? "/" : "", names.items[i]) >= 0)
			r = entry_read(a, name, depth);
	capture_names_done(&names);
	return r;
}

int capture_attributes(struct capture *c, const struct function *f, struct host_model *m)
{
	struct attributes a = { .c = c, .f = f, .m = m };
	for (size_t i = 0; i < sizeof(allowed) / sizeof(*allowed); i++)
		if (str_eq(allowed[i].driver, f->driver))
			return folder_read(&a, "", 1);
	return 0;
}

/* --- models ---------------------------------------------------------------------------------- */

static bool same_text(const char *a, const char *b)
{
	return a && b ? str_eq(a, b) : a == b;
}

static bool same_types(const struct host_model *a, const struct host_model *b)
{
	bool same = a->n_types == b->n_types && a->pool == b->pool;
	for (size_t i = 0; same && i < a->n_types; i++) {
		const struct host_mdev_type *x = &a->types[i], *y = &b->types[i];
		same = str_eq(x->id, y->id) && str_eq(x->label, y->label) && x->units == y->units &&
		       same_text(x->description, y->description);
	}
	return same;
}

static bool same_attributes(const struct host_model *a, const struct host_model *b)
{
	bool same = a->n_attributes == b->n_attributes;
	for (size_t i = 0; same && i < a->n_attributes; i++) {
		const struct host_attribute *x = &a->attributes[i], *y = &b->attributes[i];
		same = str_eq(x->name, y->name) && str_eq(x->value, y->value) &&
		       x->writable == y->writable;
	}
	return same;
}

/* What is owned and what is named apart, a model is plain data: both began as zeros. */
static bool same_model(const struct host_model *a, const struct host_model *b)
{
	struct host_model x, y;
	memcpy(&x, a, sizeof(x));
	memcpy(&y, b, sizeof(y));
	x.types = y.types = NULL;
	x.attributes = y.attributes = NULL;
	memset(x.name, 0, sizeof(x.name));
	memset(y.name, 0, sizeof(y.name));
	return memcmp(&x, &y, sizeof(x)) == 0 && same_types(a, b) && same_attributes(a, b);
}

/* "igb-8086-10c9", and a number behind it for others of these ids. */
static void model_name(const struct capture *c, const struct function *f, char ret[NAME_SIZE])
{
	const char *first = f->driver[0] ? f->driver : pci_class_name(f->class);
	char base[NAME_SIZE];
	(void)STR_FORMAT(base, "%.24s-%04x-%04x", first, f->vendor, f->device);
	(void)str_copy(ret, NAME_SIZE, base);
	for (unsigned n = 2; host_model_find(c->host, ret); n++)
		(void)str_format(ret, NAME_SIZE, "%s-%u", base, n);
}

const char *capture_model_put(struct capture *c, const struct function *f, struct host_model *m)
{
	for (size_t i = 0; i < c->host->n_models; i++)
		if (same_model(&c->host->models[i], m)) {
			host_model_done(m);
			return c->host->models[i].name;
		}
	model_name(c, f, m->name);
	struct host_model *to = CAPTURE_ADD(c, c->host->models, c->host->n_models);
	if (!to)
		return NULL;
	memcpy(to, m, sizeof(*to));
	memset(m, 0, sizeof(*m));
	return to->name;
}
