/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See capture.h: what there is once per machine, and the small tools of the other files. */
#include "sim/capture.h"

#include <errno.h>
#include <stdarg.h>
#include <sys/random.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "base/num.h"
#include "host/scan.h"
#include "sim/capture-internal.h"
#include "sys/file.h"
#include "sys/sysfs.h"

#define CPUS_MAX 4096
#define NODES_MAX 64

/* --- tools ----------------------------------------------------------------------------------- */

void *capture_add(struct capture *c, void *array, size_t *n, size_t size)
{
	void *added = array_add(array, n, size);
	if (!added)
		c->no_memory = true;
	return added;
}

int capture_add_text(struct capture *c, char ***array, size_t *n, const char *text)
{
	char *copy = strdup(text);
	char **place = copy ? CAPTURE_ADD(c, *array, *n) : NULL;
	if (!place) {
		free(copy);
		c->no_memory = true;
		return -ENOMEM;
	}
	*place = copy;
	return 0;
}

bool capture_has_text(char *const *array, size_t n, const char *text)
{
	for (size_t i = 0; i < n; i++)
		if (str_eq(array[i], text))
			return true;
	return false;
}

static void texts_free(char **array, size_t n)
{
	for (size_t i = 0; i < n; i++)
		free(array[i]);
	free(array);
}

void capture_note(struct capture *c, const char *fmt, ...)
{
	char *text = NULL;
	va_list ap;
	va_start(ap, fmt);
	int n = vasprintf(&text, fmt, ap);
	va_end(ap);
	if (n < 0) {
		c->no_memory = true;
		return;
	}
	str_clean(text);
	for (char *s = text; *s; s++)
		*s = *s == '\n' ? ' ' : *s;
	if (!capture_has_text(c->notes, c->n_notes, text))
		(void)capture_add_text(c, &c->notes, &c->n_notes, text);
	free(text);
}

bool capture_is_line(const char *text)
{
	_cleanup_free_ char *clean = strdup(text);
	if (!clean)
		return false;
	str_clean(clean);
	return *text && str_eq(clean, text) && !strchr(text, '\n');
}

static int name_add(const char *name, void *userdata)
{
	struct capture_names *names = userdata;
	return capture_add_text(names->capture, &names->items, &names->n, name);
}

static int by_text(const void *a, const void *b)
{
	const char *const *x = a, *const *y = b;
	return strcmp(*x, *y);
}

void capture_names_read(struct capture *c, const char *dir, struct capture_names *ret)
{
	*ret = (struct capture_names){ .capture = c };
	(void)sysfs_list(c->sys, dir, name_add, ret);
	if (ret->n > 0)
		qsort(ret->items, ret->n, sizeof(char *), by_text);
}

void capture_names_done(struct capture_names *names)
{
	texts_free(names->items, names->n);
	*names = (struct capture_names){ 0 };
}

bool capture_is_numbered(const char *name, const char *prefix, uint32_t *ret_number)
{
	const char *digits = str_after(name, prefix);
	return digits && num_parse_u32(digits, 10, ret_number) >= 0;
}

bool capture_path(const struct function *f, const char *file, char ret[CAPTURE_PATH_SIZE])
{
	return str_format(ret, CAPTURE_PATH_SIZE, "devices/%s/%s", f->path, file) >= 0;
}

/* --- the machine ----------------------------------------------------------------------------- */

/* "0-15,32": how many, and one more than the last. */
static int list_read(const struct capture *c, const char *path, uint32_t *ret_count,
		     uint32_t *ret_end)
{
	char text[4096], *save = NULL;
	uint32_t count = 0, end = 0;
	if (sysfs_read(c->sys, path, text, sizeof(text)) < 0)
		return -ENOENT;
	for (char *s = strtok_r(text, ",", &save); s; s = strtok_r(NULL, ",", &save)) {
		uint32_t first, last;
		char *dash = strchr(s, '-');
		if (dash)
			*dash = '\0';
		if (num_parse_u32(s, 10, &first) < 0 ||
		    num_parse_u32(dash ? dash + 1 : s, 10, &last) < 0 || last < first)
			return -EINVAL;
		count += last - first + 1;
		end = last + 1;
	}
	*ret_count = count;
	*ret_end = end;
	return count ? 0 : -EINVAL;
}

static void processors(struct capture *c)
{
	struct host *h = c->host;
	uint32_t count = 1, end = 1;
	h->nodes = h->cpus = 1;
	if (list_read(c, "devices/system/node/online", &count, &end) == 0)
		h->nodes = end < NODES_MAX ? end : NODES_MAX;
	if (count != h->nodes)
		capture_note(c, "that %u NUMA nodes are online: all up to the last are simulated",
			     count);
	if (list_read(c, "devices/system/cpu/online", &count, &end) == 0)
		h->cpus = count < CPUS_MAX ? count : CPUS_MAX;
	else
		capture_note(c, "how many processors there are");
	if (h->cpus >= h->nodes)
		return;
	capture_note(c, "that there are fewer processors than NUMA nodes");
	h->cpus = h->nodes;
}

static bool groups_exist(const struct capture *c)
{
	for (size_t i = 0; i < c->have.n_functions; i++)
		if (c->have.functions[i].iommu_group >= 0)
			return true;
	return false;
}

/* Names of IOMMUs: drivers/iommu/intel/dmar.c, drivers/iommu/amd/init.c of Linux 6.12. */
static void iommu(struct capture *c)
{
	struct capture_names names;
	const char *other = NULL;
	bool groups = groups_exist(c), intel = false, amd = false;
	capture_names_read(c, "class/iommu", &names);
	for (size_t i = 0; i < names.n; i++) {
		intel = intel || str_after(names.items[i], "dmar");
		amd = amd || str_after(names.items[i], "ivhd");
		other = names.items[i];
	}
	c->host->iommu = !groups ? HOST_IOMMU_NONE : amd ? HOST_IOMMU_AMD : HOST_IOMMU_INTEL;
	if (groups && !intel && !amd)
		capture_note(c, "the kind of IOMMU (%s): one of Intel's is simulated",
			     other ? other : "not in /sys/class/iommu");
	if (!groups && other)
		capture_note(c, "the IOMMU %s, which has no groups: none is simulated", other);
	capture_names_done(&names);
	c->host->iommufd = sysfs_exists(c->dev, "iommu") || sysfs_exists(c->dev, "vfio/devices");
}

static void release_read(struct capture *c)
{
	if (c->anonymous ||
	    sysfs_read(c->proc, "sys/kernel/osrelease", c->release, sizeof(c->release)) < 0 ||
	    !capture_is_line(c->release))
		c->release[0] = '\0';
}

static int capture_all(struct capture *c)
{
	const struct scan_roots roots = { .sysfs = c->sys, .dev = c->dev };
	int r = scan_all(&roots, NULL, &c->have);
	if (r < 0)
		return r;
	release_read(c);
	(void)STR_COPY(c->host->about, "Captured machine");
	processors(c);
	iommu(c);
	r = capture_uses(c);
	if (r >= 0)
		r = capture_tree(c);
	if (r >= 0)
		r = capture_mdev_parents(c);
	if (r >= 0)
		capture_leftovers(c);
	return c->no_memory ? -ENOMEM : r;
}

/* --- life ------------------------------------------------------------------------------------ */

static void capture_done(struct capture *c)
{
	for (size_t i = 0; i < c->n_mounts; i++)
		free(c->mounts[i].point);
	free(c->mounts);
	texts_free(c->notes, c->n_notes);
	texts_free(c->swaps, c->n_swaps);
	texts_free(c->macs, c->n_macs);
	have_done(&c->have);
	host_free(c->host);
	cleanup_closep(&c->sys);
	cleanup_closep(&c->dev);
	cleanup_closep(&c->proc);
}

static int failed(struct err *reterr, int error, const char *on)
{
	err_set(reterr, "sim.capture", error, "cannot capture the machine");
	err_on(reterr, "%s", on);
	err_because(reterr, "%s", strerror(error));
	err_state(reterr, "nothing was written");
	return -error;
}

static int root_open(const char *wanted, const char *usual, int *ret, struct err *reterr)
{
	const char *path = wanted ? wanted : usual;
	int fd = sysfs_open(path);
	if (fd < 0)
		return failed(reterr, -fd, path);
	*ret = fd;
	return 0;
}

static int capture_init(struct capture *c, const struct capture_options *o, struct err *reterr)
{
	c->anonymous = o->anonymous;
	c->host = calloc(1, sizeof(*c->host));
	if (!c->host || getrandom(c->key, sizeof(c->key), 0) != sizeof(c->key))
		return failed(reterr, c->host ? EIO : ENOMEM, "memory");
	int r = root_open(o->sys, "/sys", &c->sys, reterr);
	if (r >= 0)
		r = root_open(o->dev, "/dev", &c->dev, reterr);
	return r < 0 ? r : root_open(o->proc, "/proc", &c->proc, reterr);
}

/* What is written must be read again. */
static int text_check(const char *text, struct err *reterr)
{
	struct host *h = host_parse(text, strlen(text), "captured.yaml", reterr);
	if (!h)
		err_state(reterr, "it was written all the same; carve-sim cannot run it as it is");
	int r = h ? 0 : 1;
	host_free(h);
	return r;
}

int capture_text(const struct capture_options *o, char **ret, struct err *reterr)
{
	_cleanup_(capture_done) struct capture c = { .sys = -1, .dev = -1, .proc = -1 };
	int r = capture_init(&c, o, reterr);
	if (r < 0)
		return r;
	r = capture_all(&c);
	if (r < 0)
		return failed(reterr, -r, o->sys ? o->sys : "/sys");
	char *text = capture_write(&c);
	if (!text)
		return failed(reterr, ENOMEM, "memory");
	*ret = text;
	return text_check(text, reterr);
}

static int text_put(const char *text, const char *file)
{
	if (!file)
		return fputs(text, stdout) < 0 || fflush(stdout) != 0 ? -EIO : 0;
	const char *slash = strrchr(file, '/');
	const char *name = slash ? slash + 1 : file;
	_cleanup_free_ char *dir = slash ? strndup(file, (size_t)(name - file)) : strdup("./");
	if (!dir)
		return -ENOMEM;
	_cleanup_close_ int fd = file_dir_open(dir);
	return fd < 0 ? fd : file_replace(fd, name, text, strlen(text), 0600);
}

int capture_run(const struct capture_options *o, const char *file, struct err *reterr)
{
	_cleanup_free_ char *text = NULL;
	int refused = capture_text(o, &text, reterr);
	if (refused < 0)
		return refused;
	int r = text_put(text, file);
	if (r < 0)
		return failed(reterr, -r, file ? file : "the output");
	return refused;
}
