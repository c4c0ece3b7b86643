/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See tree.h. */
#include "support/tree.h"

#include "support/test.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define TREE_PATH_SIZE 1024

void tree_init(struct tree *t)
{
	strcpy(t->path, "/tmp/carve-tree-XXXXXX");
	assert_non_null(mkdtemp(t->path));
	t->fd = open(t->path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	assert_true(t->fd >= 0);
}

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

void tree_done(struct tree *t)
{
	close(t->fd);
	nftw(t->path, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

static void full_path(const struct tree *t, const char *path, char ret[TREE_PATH_SIZE])
{
	assert_true(snprintf(ret, TREE_PATH_SIZE, "%s/%s", t->path, path) < TREE_PATH_SIZE);
}

static void make_parents(char *path)
{
	for (char *s = path + 1; (s = strchr(s, '/')); s++) {
		*s = '\0';
		assert_true(mkdir(path, 0755) == 0 || errno == EEXIST);
		*s = '/';
	}
}

void tree_dir(const struct tree *t, const char *path)
{
	char full[TREE_PATH_SIZE];
	full_path(t, path, full);
	make_parents(full);
	assert_true(mkdir(full, 0755) == 0 || errno == EEXIST);
}

void tree_bytes(const struct tree *t, const char *path, const void *bytes, size_t len)
{
	char full[TREE_PATH_SIZE];
	full_path(t, path, full);
	make_parents(full);
	int fd = open(full, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, bytes, len), len);
	close(fd);
}

void tree_file(const struct tree *t, const char *path, const char *text)
{
	tree_bytes(t, path, text, strlen(text));
}

void tree_link(const struct tree *t, const char *path, const char *target)
{
	char full[TREE_PATH_SIZE];
	full_path(t, path, full);
	make_parents(full);
	unlink(full);
	assert_int_equal(symlink(target, full), 0);
}

void tree_remove(const struct tree *t, const char *path)
{
	char full[TREE_PATH_SIZE];
	full_path(t, path, full);
	assert_int_equal(nftw(full, remove_entry, 16, FTW_DEPTH | FTW_PHYS), 0);
}

/* "../" for each directory between the link devices/PATH/NAME and the root of the tree. */
static void climb(const char *path, char *ret, size_t size)
{
	ret[0] = '\0';
	size_t steps = 2; /* devices/ and the first component */
	for (const char *s = path; *s; s++)
		steps += *s == '/';
	for (size_t i = 0; i < steps; i++)
		strncat(ret, "../", size - strlen(ret) - 1);
}

static void link_out(const struct tree *t, const char *path, const char *name, const char *target)
{
	char link[TREE_PATH_SIZE], to[TREE_PATH_SIZE];
	climb(path, to, sizeof(to));
	strncat(to, target, sizeof(to) - strlen(to) - 1);
	snprintf(link, sizeof(link), "devices/%s/%s", path, name);
	tree_link(t, link, to);
}

static const char *last_part(const char *path)
{
	const char *slash = strrchr(path, '/');
	return slash ? slash + 1 : path;
}

static void uevent_file(const struct tree *t, const struct tree_function *f)
{
	char file[TREE_PATH_SIZE], text[1024], driver[128] = "";
	if (f->driver)
		snprintf(driver, sizeof(driver), "DRIVER=%s\n", f->driver);
	snprintf(text, sizeof(text),
		 "%sPCI_CLASS=%X\nPCI_ID=%04X:%04X\nPCI_SUBSYS_ID=1AF4:1100\nPCI_SLOT_NAME=%s\n"
		 "MODALIAS=pci:v%08Xd%08Xsv00001AF4sd00001100bc%02Xsc%02Xi%02X\n",
		 driver, f->class, f->vendor, f->device, last_part(f->path), f->vendor, f->device,
		 f->class >> 16, f->class >> 8 & 0xff, f->class & 0xff);
	snprintf(file, sizeof(file), "devices/%s/uevent", f->path);
	tree_file(t, file, text);
}

void tree_function(const struct tree *t, const struct tree_function *f)
{
	char path[TREE_PATH_SIZE], text[TREE_PATH_SIZE];
	const char *addr = last_part(f->path);

	uevent_file(t, f);
	snprintf(path, sizeof(path), "devices/%s/numa_node", f->path);
	snprintf(text, sizeof(text), "%d\n", f->numa);
	tree_file(t, path, text);
	snprintf(path, sizeof(path), "bus/pci/devices/%s", addr);
	snprintf(text, sizeof(text), "../../../devices/%s", f->path);
	tree_link(t, path, text);
	if (f->driver) {
		snprintf(text, sizeof(text), "bus/pci/drivers/%s", f->driver);
		tree_dir(t, text);
		link_out(t, f->path, "driver", text);
	}
	if (f->group < 0)
		return;
	snprintf(text, sizeof(text), "kernel/iommu_groups/%d", f->group);
	link_out(t, f->path, "iommu_group", text);
	snprintf(path, sizeof(path), "%s/type", text);
	tree_file(t, path, "DMA\n");
	snprintf(path, sizeof(path), "%s/devices/%s", text, addr);
	snprintf(text, sizeof(text), "../../../../devices/%s", f->path);
	tree_link(t, path, text);
}

void tree_vf(const struct tree *t, const char *pf_path, unsigned index, const char *vf_path)
{
	char path[TREE_PATH_SIZE], target[TREE_PATH_SIZE];
	snprintf(path, sizeof(path), "devices/%s/virtfn%u", pf_path, index);
	snprintf(target, sizeof(target), "../%s", last_part(vf_path));
	tree_link(t, path, target);
	snprintf(path, sizeof(path), "devices/%s/physfn", vf_path);
	snprintf(target, sizeof(target), "../%s", last_part(pf_path));
	tree_link(t, path, target);
}
