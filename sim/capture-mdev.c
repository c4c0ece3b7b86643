/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Types of mediated devices, and the pool that would give what available_instances says now. The
 * kernel does not tell what types share: that one takes from all is the best guess.
 */
#include <errno.h>

#include "policy/value.h"
#include "sim/capture-internal.h"
#include "sys/sysfs.h"

#define TYPES_MAX 64
#define POOL_MAX UINT16_MAX

/* --- the pool -------------------------------------------------------------------------------- */

struct pool {
	struct capture *c;
	const char *parent;
	uint32_t available[TYPES_MAX];
};

static uint32_t most_available(const struct pool *p, const struct host_model *m)
{
	uint32_t most = 1;
	for (size_t i = 0; i < m->n_types; i++)
		most = p->available[i] > most ? p->available[i] : most;
	return most;
}

/* Units of which a pool holds so many; none: one more than all. */
static uint32_t units_of(uint32_t pool, uint32_t available)
{
	return available ? pool / available : pool;
}

static bool pool_agrees(const struct pool *p, const struct host_model *m, uint32_t pool)
{
	for (size_t i = 0; i < m->n_types; i++)
		if (p->available[i] && pool / units_of(pool, p->available[i]) != p->available[i])
			return false;
	return true;
}

/* The smallest multiple of what the smallest type offers of which all others are whole parts. */
static void pool_guess(const struct pool *p, struct host_model *m)
{
	uint32_t most = most_available(p, m), pool = most;
	if (most > POOL_MAX)
		most = pool = POOL_MAX;
	while (!pool_agrees(p, m, pool) && pool + most <= POOL_MAX)
		pool += most;
	if (!pool_agrees(p, m, pool)) {
		capture_note(p->c, "available_instances of %s: no one pool gives them", p->parent);
		pool = most;
	}
	m->pool = pool;
	for (size_t i = 0; i < m->n_types; i++) {
		m->types[i].units = units_of(pool, p->available[i]);
		if (!p->available[i])
			capture_note(p->c, "how many %s %s had when it was unused", m->types[i].id,
				     p->parent);
	}
	if (m->n_types > 1)
		capture_note(p->c,
			     "what types of %s share: that all take from one pool of %u is a guess",
			     p->parent, pool);
}

/* --- types ----------------------------------------------------------------------------------- */

static bool type_text(const struct capture *c, const char *dir, const char *file, char *ret,
		      size_t size)
{
	char path[CAPTURE_PATH_SIZE + 128];
	return STR_FORMAT(path, "%s/%s", dir, file) >= 0 &&
	       sysfs_read(c->sys, path, ret, size) >= 0;
}

static int description_read(struct capture *c, const char *dir, struct host_mdev_type *t)
{
	char text[2048];
	if (!type_text(c, dir, "description", text, sizeof(text)))
		return 0;
	if (strchr(text, '\n'))
		capture_note(c, "that the description of mdev type %s has several lines", t->id);
	for (char *s = text; *s; s++)
		*s = *s == '\n' || *s == '\t' ? ' ' : *s;
	if (!capture_is_line(text) || strlen(text) > SYS_PATH_SIZE) {
		capture_note(c, "the description of mdev type %s", t->id);
		return 0;
	}
	t->description = strdup(text);
	return t->description ? 0 : -ENOMEM;
}

static int type_read(struct capture *c, const char *dir, const char *id, struct host_model *m,
		     uint32_t *ret_available)
{
	char text[NAME_SIZE];
	uint64_t available = 0;
	char path[CAPTURE_PATH_SIZE + 128];
	struct host_mdev_type *t = CAPTURE_ADD(c, m->types, m->n_types);
	if (!t)
		return -ENOMEM;
	t->units = 1;
	(void)STR_COPY(t->id, id);
	if (type_text(c, dir, "name", text, sizeof(text)) && capture_is_line(text) &&
	    !str_eq(text, id))
		(void)STR_COPY(t->label, text);
	if (type_text(c, dir, "device_api", text, sizeof(text)) && !str_eq(text, "vfio-pci"))
		capture_note(c, "device_api %s of mdev type %s", text, id);
	if (STR_FORMAT(path, "%s/available_instances", dir) >= 0)
		(void)sysfs_read_u64(c->sys, path, 10, &available);
	*ret_available = available < UINT32_MAX ? (uint32_t)available : UINT32_MAX;
	return description_read(c, dir, t);
}

static void existing_note(struct capture *c, const char *key, const char *parent)
{
	unsigned n = 0;
	for (size_t i = 0; i < c->have.n_mdevs; i++)
		n += str_eq(c->have.mdevs[i].parent, key);
	if (n)
		capture_note(c, "%u mediated devices of %s exist; a simulated host starts without",
			     n, parent);
}

static int types_read(struct pool *p, const char *path, const char *driver, struct host_model *m,
		      const struct capture_names *names)
{
	char prefix[NAME_SIZE + 2], dir[CAPTURE_PATH_SIZE];
	int r = STR_FORMAT(prefix, "%s-", driver);
	for (size_t i = 0; r >= 0 && i < names->n; i++) {
		const char *id = str_after(names->items[i], prefix);
		if (!id || !policy_name_valid(id) || m->n_types == TYPES_MAX ||
		    STR_FORMAT(dir, "devices/%s/mdev_supported_types/%s", path, names->items[i]) <
			    0)
			capture_note(p->c, "mdev type %s of %s", names->items[i], p->parent);
		else
			r = type_read(p->c, dir, id, m, &p->available[m->n_types]);
	}
	return r;
}

int capture_mdev_types(struct capture *c, const char *path, const char *key, const char *driver,
		       struct host_model *m)
{
	char dir[CAPTURE_PATH_SIZE];
	struct capture_names names;
	const char *slash = strrchr(path, '/');
	struct pool p = { .c = c, .parent = slash ? slash + 1 : path };
	if (STR_FORMAT(dir, "devices/%s/mdev_supported_types", path) < 0)
		return 0;
	capture_names_read(c, dir, &names);
	int r = types_read(&p, path, driver, m, &names);
	capture_names_done(&names);
	if (r < 0 || m->n_types == 0)
		return r;
	existing_note(c, key, p.parent);
	pool_guess(&p, m);
	return 0;
}

/* --- parents that are no functions ------------------------------------------------------------ */

static int parent_read(struct capture *c, const struct mdev_parent *from)
{
	char expected[NAME_SIZE * 3];
	(void)STR_FORMAT(expected, "virtual/%s/%s", from->name, from->name);
	if (!str_eq(from->path, expected) || !policy_name_valid(from->name)) {
		capture_note(c, "parent %s of mediated devices: it is at %s", from->name,
			     from->path);
		return 0;
	}
	struct host_parent *to = CAPTURE_ADD(c, c->host->parents, c->host->n_parents);
	if (!to)
		return -ENOMEM;
	(void)STR_COPY(to->name, from->name);
	(void)STR_COPY(to->model.name, from->name);
	int r = capture_mdev_types(c, from->path, from->key, from->name, &to->model);
	if (to->model.n_types == 0) {
		capture_note(c, "parent %s of mediated devices: it has no types", from->name);
		c->host->n_parents--;
	}
	return r;
}

int capture_mdev_parents(struct capture *c)
{
	int r = 0;
	for (size_t i = 0; r >= 0 && i < c->have.n_parents; i++)
		r = parent_read(c, &c->have.parents[i]);
	for (size_t i = 0; i < c->have.n_functions; i++)
		if (c->have.functions[i].is_vf && c->have.functions[i].mdev_parent)
			capture_note(c, "mdev types of the VF %s", c->have.functions[i].addr);
	return r;
}
