/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Mediated devices in the executor (Documentation/ABI/testing/sysfs-bus-vfio-mdev;
 * drivers/vfio/mdev/mdev_sysfs.c). A create that fails may show the UUID for a moment, so success
 * is the mdev_type link, which comes last.
 */
#include "mdev/verbs.h"

#include <errno.h>

#include "base/str.h"
#include "sys/sysfs.h"

static bool exists(const struct verb_context *c)
{
	char path[VERB_PATH_SIZE];
	return STR_FORMAT(path, "devices/%s", c->path) == 0 && sysfs_exists(c->sysfs, path);
}

/* Type of the target; -ENOENT: not there, or not finished. */
static int type_now(const struct verb_context *c, char ret[NAME_SIZE])
{
	char path[VERB_PATH_SIZE];
	int r = verb_path(path, c->path, "mdev_type");
	return r < 0 ? r : sysfs_link_name(c->sysfs, path, ret, NAME_SIZE);
}

static bool elsewhere(const struct verb_context *c, const char *uuid)
{
	char path[VERB_PATH_SIZE];
	return STR_FORMAT(path, "bus/mdev/devices/%s", uuid) == 0 && sysfs_exists(c->sysfs, path);
}

/* It lies below its parent: the device, or a VF of it. */
static size_t parent_length(const struct verb_context *c)
{
	const char *slash = strrchr(c->path, '/');
	return slash ? (size_t)(slash - c->path) : 0;
}

static int type_attribute(const char *parent, size_t length, const char *type, const char *name,
			  char ret[VERB_PATH_SIZE])
{
	return str_format(ret, VERB_PATH_SIZE, "devices/%.*s/mdev_supported_types/%s/%s",
			  (int)length, parent, type, name);
}

/* A full parent answers ENOSPC, EUSERS or EINVAL: what it has left decides. */
static void create_failed(const struct verb_context *c, const char *type, int e,
			  struct step_result *r)
{
	char path[VERB_PATH_SIZE];
	size_t n = parent_length(c);
	uint64_t left;

	verb_failed(r, -e, "create", NULL);
	if (type_attribute(c->path, n, type, "", path) == 0 && !sysfs_exists(c->sysfs, path)) {
		(void)STR_COPY(r->reason, "no-type");
		(void)STR_COPY(r->detail, "the parent has no such type");
		return;
	}
	if (type_attribute(c->path, n, type, "available_instances", path) < 0 ||
	    sysfs_read_u64(c->sysfs, path, 10, &left) < 0)
		return;
	r->number = (uint32_t)left;
	(void)STR_FORMAT(r->detail, "available_instances of %s is %u", type, r->number);
	if (left == 0)
		(void)STR_COPY(r->reason, "full");
}

static bool target_valid(const struct step *s, struct step_result *r)
{
	if (uuid_valid(s->target.uuid) && !strchr(s->text, '/') && s->text[0] != '.')
		return true;
	verb_refused(r, "malformed", "no UUID or no type name");
	return false;
}

static void uuid_taken(const char *has, struct step_result *r)
{
	verb_failed(r, EEXIST, "create", "that UUID exists %s%s",
		    has[0] ? "with type " : "elsewhere", has);
	(void)STR_COPY(r->reason, "uuid-taken");
}

static void verb_create(const struct verb_context *c, const struct step *s, struct step_result *r)
{
	char path[VERB_PATH_SIZE], type[NAME_SIZE], has[NAME_SIZE] = "";
	if (!target_valid(s, r))
		return;
	if (STR_COPY(type, s->text) < 0 ||
	    type_attribute(c->path, parent_length(c), type, "create", path) < 0) {
		verb_refused(r, "malformed", "the type name is too long");
		return;
	}
	if (type_now(c, has) == 0 && str_eq(has, type)) {
		r->status = STEP_NOTHING;
		return;
	}
	if (has[0] || elsewhere(c, s->target.uuid)) {
		uuid_taken(has, r);
		return;
	}
	int e = sysfs_write(c->sysfs, path, s->target.uuid);
	if (e < 0) {
		create_failed(c, type, e, r);
		return;
	}
	e = type_now(c, has);
	if (e < 0 || !str_eq(has, type)) {
		verb_failed(r, e < 0 ? -e : EIO, "mdev_type",
			    "the write succeeded, the mdev is not there");
		(void)STR_COPY(r->reason, "not-made");
		return;
	}
	(void)STR_COPY(r->text, has);
	r->status = STEP_DONE;
}

static void verb_remove(const struct verb_context *c, const struct step *s, struct step_result *r)
{
	char path[VERB_PATH_SIZE];
	if (!target_valid(s, r))
		return;
	if (!exists(c)) {
		r->status = STEP_NOTHING;
		return;
	}
	int e = verb_path(path, c->path, "remove");
	if (e >= 0)
		e = sysfs_write(c->sysfs, path, "1");
	/* The attribute removes itself first: what counts is whether the mdev is gone. */
	if (!exists(c)) {
		r->status = STEP_DONE;
		return;
	}
	verb_failed(r, e < 0 ? -e : EIO, "remove", "the mdev is still there");
	(void)STR_COPY(r->reason, "still-there");
}

struct types {
	const struct verb_context *c;
	const struct step *s;
	struct mdev_type *entries;
	size_t room, n;
};

/* Optional text of a type; the first line, as much of it as there is room for. */
static void type_text(const struct types *t, const char *type, const char *name, char *ret,
		      size_t size)
{
	char path[VERB_PATH_SIZE], text[4096];
	if (type_attribute(t->c->device_path, SYS_PATH_SIZE, type, name, path) < 0 ||
	    sysfs_read(t->c->sysfs, path, text, sizeof(text)) < 0)
		return;
	text[strcspn(text, "\n")] = '\0';
	if (strlen(text) >= size)
		text[size - 1] = '\0';
	(void)str_copy(ret, size, text);
}

static int type_read(const char *name, void *userdata)
{
	struct types *t = userdata;
	char path[VERB_PATH_SIZE];
	uint64_t left;

	if (t->n == t->room)
		return -ENOBUFS;
	struct mdev_type *e = &t->entries[t->n];
	*e = (struct mdev_type){ 0 };
	if (STR_COPY(e->id, name) < 0 || STR_COPY(e->parent, t->s->target.device) < 0)
		return 0; /* a name longer than any driver makes: not offered */
	type_text(t, name, "name", e->name, sizeof(e->name));
	type_text(t, name, "device_api", e->api, sizeof(e->api));
	type_text(t, name, "description", e->description, sizeof(e->description));
	if (type_attribute(t->c->device_path, SYS_PATH_SIZE, name, "available_instances", path) ==
		    0 &&
	    sysfs_read_u64(t->c->sysfs, path, 10, &left) == 0) {
		e->available = left > UINT32_MAX ? UINT32_MAX : (uint32_t)left;
		e->available_known = true;
	}
	t->n++;
	return 0;
}

static void verb_read(const struct verb_context *c, const struct step *s, struct step_result *r)
{
	char path[VERB_PATH_SIZE];
	struct types t = { .c = c,
			   .s = s,
			   .entries = (struct mdev_type *)(void *)c->data,
			   .room = c->size / sizeof(struct mdev_type) };
	int e = verb_path(path, c->device_path, "mdev_supported_types");
	if (e >= 0)
		e = sysfs_list(c->sysfs, path, type_read, &t);
	if (e < 0 && e != -ENOENT) {
		verb_failed(r, -e, "mdev_supported_types", NULL);
		return;
	}
	r->number = (uint32_t)t.n;
	r->data_len = (uint32_t)(t.n * sizeof(struct mdev_type));
	r->status = STEP_DONE;
}

const struct verb_entry mdev_verbs[] = {
	/* A vendor driver that starts firmware takes seconds. */
	{ VERB_MDEV_CREATE, VERB_CLASS_WRITE, LANE_DEVICE, GUARD_ENROLLED, 20000, verb_create },
	{ VERB_MDEV_REMOVE, VERB_CLASS_WRITE, LANE_DEVICE, GUARD_ENROLLED | GUARD_HOLDERS, 20000,
	  verb_remove },
	{ VERB_READ_MDEV, VERB_CLASS_LOOK, LANE_DEVICE, 0, 5000, verb_read },
};
const size_t mdev_verbs_n = sizeof(mdev_verbs) / sizeof(*mdev_verbs);
