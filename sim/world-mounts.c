/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What is mounted in a world: the machine's /dev and its files below /proc, and file systems that stand
 * for disks in use. All of it is in the world's own mount namespace, so there is nothing to undo.
 */
#include <errno.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sim/world-internal.h"

int world_mount_new(const char *type, const char *at, unsigned long flags, const char *options,
		    struct err *reterr)
{
	if (mount(type, at, type, flags, options) < 0)
		return world_failed(reterr, errno, "cannot mount in the world", at);
	return 0;
}

int world_mount_bind(const char *from, const char *to, unsigned long more, struct err *reterr)
{
	if (mount(from, to, NULL, MS_BIND | more, NULL) < 0)
		return world_failed(reterr, errno, "cannot mount in the world", to);
	return 0;
}

int world_folder(const char *path, struct err *reterr)
{
	if (mkdir(path, 0755) < 0 && errno != EEXIST)
		return world_failed(reterr, errno, "cannot make a folder in the world", path);
	return 0;
}

/* Devices that are no part of the described hardware, by name: what every program wants. */
static const char *const real_nodes[] = { "null", "zero", "full", "random", "urandom", "tty" };

/* Places for them, before the tree is shown. Lock held. */
void world_dev_places(struct machine *m)
{
	static const char *const links[][2] = { { "fd", "/proc/self/fd" },
						{ "stdin", "/proc/self/fd/0" },
						{ "stdout", "/proc/self/fd/1" },
						{ "stderr", "/proc/self/fd/2" },
						{ "ptmx", "pts/ptmx" } };
	for (size_t i = 0; i < sizeof(real_nodes) / sizeof(*real_nodes); i++)
		node_text(m->tree, m->dev, real_nodes[i], "%s", "")->number = NODE_STAYS;
	for (size_t i = 0; i < sizeof(links) / sizeof(*links); i++)
		node_link_text(m->tree, m->dev, links[i][0], links[i][1])->number = NODE_STAYS;
	node_dir(m->tree, m->dev, "pts")->number = NODE_STAYS;
	node_dir(m->tree, m->dev, "shm")->number = NODE_STAYS;
}

int world_dev_mount(struct err *reterr)
{
	char from[64], to[64];
	int r = 0;
	for (size_t i = 0; r == 0 && i < sizeof(real_nodes) / sizeof(*real_nodes); i++) {
		(void)STR_FORMAT(from, "/dev/%s", real_nodes[i]);
		(void)STR_FORMAT(to, WORLD_TREE "/dev/%s", real_nodes[i]);
		r = world_mount_bind(from, to, 0, reterr);
	}
	if (r == 0)
		r = world_mount_bind("/dev/pts", WORLD_TREE "/dev/pts", MS_REC, reterr);
	if (r == 0)
		r = world_mount_new("tmpfs", WORLD_TREE "/dev/shm", MS_NOSUID | MS_NODEV,
				    "mode=1777", reterr);
	return r == 0 ? world_mount_bind(WORLD_TREE "/dev", "/dev", MS_REC, reterr) : r;
}

/* What would reach the real machine through /proc can be read only. */
static int proc_protect(struct err *reterr)
{
	static const char *const parts[] = { "/proc/sys", "/proc/sysrq-trigger", "/proc/irq",
					     "/proc/bus" };
	const unsigned long flags = MS_BIND | MS_REMOUNT | MS_RDONLY | MS_NOSUID | MS_NODEV |
				    MS_NOEXEC;
	int r = 0;
	for (size_t i = 0; r == 0 && i < sizeof(parts) / sizeof(*parts); i++) {
		if (access(parts[i], F_OK) < 0)
			continue;
		r = world_mount_bind(parts[i], parts[i], MS_REC, reterr);
		if (r == 0 && mount(NULL, parts[i], NULL, flags, NULL) < 0)
			r = world_failed(reterr, errno, "cannot mount in the world", parts[i]);
	}
	return r;
}

int world_proc_mount(struct err *reterr)
{
	static const char *const files[][2] = {
		{ "boot_id", "/proc/sys/kernel/random/boot_id" },
		{ "consoles", "/proc/consoles" },
		{ "swaps", "/proc/swaps" },
		{ "cmdline", "/proc/cmdline" },
		{ "devices", "/proc/devices" },
		{ "driver", "/proc/driver" },
	};
	char from[64];
	int r = world_mount_new("proc", "/proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL, reterr);
	for (size_t i = 0; r == 0 && i < sizeof(files) / sizeof(*files); i++) {
		(void)STR_FORMAT(from, WORLD_TREE "/proc/%s", files[i][0]);
		if (access(files[i][1], F_OK) == 0) /* a kernel without swap has no such file */
			r = world_mount_bind(from, files[i][1], 0, reterr);
	}
	return r == 0 ? proc_protect(reterr) : r;
}

static int disk_mount(const char *name, struct err *reterr)
{
	char source[NAME_SIZE + 8], at[NAME_SIZE + 64];
	(void)STR_FORMAT(source, "/dev/%s", name);
	(void)STR_FORMAT(at, WORLD_DIR "/disks/%s", name);
	int r = world_folder(at, reterr);
	if (r == 0 && mount(source, at, "tmpfs", MS_NODEV | MS_NOSUID, "size=4k") < 0)
		r = world_failed(reterr, errno, "cannot mount in the world", at);
	return r;
}

/* Mount tables name what is mounted by its source: an empty file system with the disk's name does. */
int world_disks_mount(struct machine *m, struct err *reterr)
{
	int r = world_folder(WORLD_DIR "/disks", reterr);
	machine_lock(m);
	for (const struct pci *f = m->functions; r == 0 && f; f = f->next)
		for (unsigned i = 0; r == 0 && f->slot && i < f->slot->n_disks; i++) {
			char name[NAME_SIZE];
			if (f->slot->disks[i].mounted[0] && class_nvme_disk(f, i, name))
				r = disk_mount(name, reterr);
		}
	machine_unlock(m);
	return r;
}
