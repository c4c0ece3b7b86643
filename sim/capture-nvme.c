/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * NVMe controllers, their disks and who uses these: mounts, swaps, holders. Other disks a simulated
 * host does not have; they are told of.
 */
#include <errno.h>

#include "base/cleanup.h"
#include "base/num.h"
#include "host/mounts.h"
#include "host/uses.h"
#include "policy/value.h"
#include "sim/capture-internal.h"
#include "sys/sysfs.h"

#define DISKS_MAX 16
#define PARTITIONS_MAX 15 /* more has no simulated disk */

/* --- mounts and swaps ------------------------------------------------------------------------ */

/* "\040" is a blank (proc(5)). */
static void unescape(char *s)
{
	char *to = s;
	while (*s) {
		bool octal = s[0] == '\\' && s[1] >= '0' && s[1] <= '3' && s[2] >= '0' &&
			     s[2] <= '7' && s[3] >= '0' && s[3] <= '7';
		if (octal) {
			*to++ = (char)((s[1] - '0') << 6 | (s[2] - '0') << 3 | (s[3] - '0'));
			s += 4;
		} else {
			*to++ = *s++;
		}
	}
	*to = '\0';
}

static int mount_put(const struct mount *from, void *userdata)
{
	struct capture *c = userdata;
	struct capture_mount *m = CAPTURE_ADD(c, c->mounts, c->n_mounts);
	if (!m)
		return -ENOMEM;
	(void)STR_COPY(m->number, from->number);
	(void)STR_COPY(m->source, from->source ? from->source : "");
	m->point = strdup(from->point);
	if (!m->point)
		return -ENOMEM;
	unescape(m->point);
	return 0;
}

static int swap_put(const char *name, void *userdata)
{
	struct capture *c = userdata;
	return capture_add_text(c, &c->swaps, &c->n_swaps, name);
}

static int unread_note(struct capture *c, const char *path, int r)
{
	if (r < 0 && r != -ENOMEM)
		capture_note(c, "what is in /proc/%s: it could not be read", path);
	return r == -ENOMEM ? r : 0;
}

int capture_uses(struct capture *c)
{
	int r = unread_note(c, "self/mountinfo", mounts_visit(c->proc, "self", mount_put, c));
	int s = mounts_visit_swaps(c->proc, swap_put, c);
	/* A kernel without swap has no such file. */
	return r < 0 || s == -ENOENT ? r : unread_note(c, "swaps", s);
}

/* --- one disk -------------------------------------------------------------------------------- */

struct use {
	struct capture *c;
	struct host_disk *disk;
	unsigned mounts, held, parts; /* held: of the parts looked at */
};

static void mount_take(struct use *u, const char *point)
{
	struct host_disk *d = u->disk;
	u->mounts++;
	if (d->mounted[0] && !str_eq(point, "/"))
		return;
	if (u->c->anonymous)
		(void)STR_COPY(d->mounted, "/mounted");
	else if (!capture_is_line(point) || STR_COPY(d->mounted, point) < 0)
		(void)STR_COPY(d->mounted, "/mounted");
}

static void mounts_find(struct use *u, const char *name)
{
	char path[CAPTURE_PATH_SIZE], number[24] = "";
	if (STR_FORMAT(path, "class/block/%s/dev", name) >= 0)
		(void)sysfs_read(u->c->sys, path, number, sizeof(number));
	for (size_t i = 0; i < u->c->n_mounts; i++) {
		const struct capture_mount *m = &u->c->mounts[i];
		if (str_eq(m->number, number) || str_eq(m->source, name))
			mount_take(u, m->point);
	}
	if (capture_has_text(u->c->swaps, u->c->n_swaps, name))
		u->disk->swap = true;
}

static void disk_holders_find(struct use *u, const char *name)
{
	char dir[CAPTURE_PATH_SIZE];
	struct capture_names names;
	if (STR_FORMAT(dir, "class/block/%s/holders", name) < 0)
		return;
	capture_names_read(u->c, dir, &names);
	u->held += names.n > 0;
	for (size_t i = 0; i < names.n; i++) {
		char *part_of = u->disk->part_of;
		if (!part_of[0] && policy_name_valid(names.items[i]))
			(void)str_copy(part_of, NAME_SIZE, names.items[i]);
		else if (!str_eq(part_of, names.items[i]))
			capture_note(u->c, "holder %s of %s", names.items[i], name);
	}
	capture_names_done(&names);
}

static void part_read(struct use *u, const char *name)
{
	u->parts++;
	mounts_find(u, name);
	disk_holders_find(u, name);
}

static void partitions_read(struct use *u, const char *disk)
{
	char dir[CAPTURE_PATH_SIZE], prefix[NAME_SIZE];
	struct capture_names names;
	uint32_t number;
	if (STR_FORMAT(dir, "class/block/%s", disk) < 0 || STR_FORMAT(prefix, "%sp", disk) < 0)
		return;
	capture_names_read(u->c, dir, &names);
	for (size_t i = 0; i < names.n; i++) {
		if (!capture_is_numbered(names.items[i], prefix, &number))
			continue;
		if (number > u->disk->partitions)
			u->disk->partitions = number < PARTITIONS_MAX ? number : PARTITIONS_MAX;
		part_read(u, names.items[i]);
	}
	capture_names_done(&names);
}

/* A simulated disk is in use with its first partition, and all are part of the same. */
static void use_notes(struct use *u, const char *disk)
{
	struct host_disk *d = u->disk;
	if (u->mounts > 1)
		capture_note(u->c, "%u more mounts of %s", u->mounts - 1, disk);
	if (u->held && u->held < u->parts)
		capture_note(u->c, "which partitions of %s are part of %s: all are simulated so",
			     disk, d->part_of);
	if (u->parts && d->partitions != u->parts)
		capture_note(u->c, "numbers of the partitions of %s: up to %u are simulated", disk,
			     d->partitions);
}

static int disk_read(struct capture *c, const char *disk, struct host_slot *slot)
{
	struct host_disk *d = CAPTURE_ADD(c, slot->disks, slot->n_disks);
	if (!d)
		return -ENOMEM;
	struct use whole = { .c = c, .disk = d }, parts = whole;
	mounts_find(&whole, disk);
	disk_holders_find(&whole, disk);
	parts.mounts = whole.mounts;
	partitions_read(&parts, disk);
	use_notes(&parts, disk);
	return 0;
}

/* --- controllers ----------------------------------------------------------------------------- */

/* "nvme0c1n1", a path to "nvme0n1" (nvme_mpath_set_disk_name(), drivers/nvme/host/multipath.c). */
static bool disk_of(const char *name, char ret[NAME_SIZE])
{
	const char *rest = str_after(name, "nvme");
	size_t digits = rest ? strspn(rest, "0123456789") : 0;
	if (!digits)
		return false;
	const char *end = rest + digits, *n = end;
	if (*n == 'c')
		n += 1 + strspn(n + 1, "0123456789");
	uint32_t number;
	return capture_is_numbered(n, "n", &number) &&
	       str_format(ret, NAME_SIZE, "%.*s%s", (int)(end - name), name, n) >= 0;
}

static int controller_disks(struct capture *c, const char *dir, const char *controller,
			    struct host_slot *slot)
{
	char path[CAPTURE_PATH_SIZE], disk[NAME_SIZE], expected[NAME_SIZE];
	struct capture_names names;
	int r = 0;
	if (STR_FORMAT(path, "%s/%s", dir, controller) < 0)
		return 0;
	capture_names_read(c, path, &names);
	for (size_t i = 0; r >= 0 && i < names.n; i++) {
		if (!disk_of(names.items[i], disk))
			continue;
		(void)STR_FORMAT(expected, "nvme%un%zu", c->next_nvme, slot->n_disks + 1);
		if (slot->n_disks == DISKS_MAX) {
			capture_note(c, "disk %s: a controller has %d at most", disk, DISKS_MAX);
			continue;
		}
		if (!str_eq(disk, expected))
			capture_note(c, "that %s is its name: %s is simulated", disk, expected);
		r = disk_read(c, disk, slot);
	}
	capture_names_done(&names);
	return r;
}

int capture_nvme(struct capture *c, const struct function *f, struct host_model *m,
		 struct host_slot *slot)
{
	char dir[CAPTURE_PATH_SIZE];
	struct capture_names names;
	uint32_t number;
	int r = 0;
	if (!str_eq(f->driver, "nvme") || !capture_path(f, "nvme", dir))
		return 0;
	capture_names_read(c, dir, &names);
	for (size_t i = 0; r >= 0 && i < names.n; i++)
		if (capture_is_numbered(names.items[i], "nvme", &number)) {
			r = controller_disks(c, dir, names.items[i], slot);
			break;
		}
	c->next_nvme++;
	m->disks = (uint32_t)slot->n_disks;
	capture_names_done(&names);
	return r;
}

/* --- what is left ---------------------------------------------------------------------------- */

/* The function nearest above a path below devices/. */
static const struct function *function_above(const struct capture *c, const char *path)
{
	const struct function *best = NULL;
	for (size_t i = 0; i < c->have.n_functions; i++) {
		const struct function *f = &c->have.functions[i];
		const char *rest = str_after(path, f->path);
		if (f->path[0] && rest && *rest == '/' &&
		    (!best || strlen(f->path) > strlen(best->path)))
			best = f;
	}
	return best;
}

static void other_disk(struct capture *c, const char *name)
{
	char link[CAPTURE_PATH_SIZE], path[CAPTURE_PATH_SIZE], disk[NAME_SIZE];
	if (STR_FORMAT(link, "class/block/%s/partition", name) < 0 || sysfs_exists(c->sys, link))
		return;
	(void)STR_FORMAT(link, "class/block/%s", name);
	if (uses_class_path(c->sys, link, path, sizeof(path)) < 0)
		return;
	const struct function *f = function_above(c, path);
	if (f && !disk_of(name, disk) && !strstr(path, "/nvme/"))
		capture_note(c, "disk %s of %s: only NVMe disks are simulated", name, f->addr);
}

static bool console_is_placed(const struct host_slot *slots, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (slots[i].console || console_is_placed(slots[i].slots, slots[i].n_slots))
			return true;
	return false;
}

void capture_leftovers(struct capture *c)
{
	struct capture_names names;
	bool placed = false;
	capture_names_read(c, "class/block", &names);
	for (size_t i = 0; i < names.n; i++)
		other_disk(c, names.items[i]);
	capture_names_done(&names);
	for (size_t i = 0; !placed && i < c->host->n_roots; i++)
		placed = console_is_placed(c->host->roots[i].slots, c->host->roots[i].n_slots);
	if (!placed && sysfs_exists(c->sys, "class/graphics/fb0"))
		capture_note(c, "the frame buffer fb0, which is of no function's driver");
}
