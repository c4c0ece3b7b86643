/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Descriptions of hosts as files: where they lie, how large a host is, and its end. */
#include "sim/host.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "sim/host-internal.h"
#include "sim/program.h"
#include "sys/file.h"

#ifndef CARVE_SIM_HOSTDIR
#define CARVE_SIM_HOSTDIR "/usr/local/share/carve/sim/hosts"
#endif
#define COUNT_MAX (1u << 20) /* nested ranges are not counted further */

static void slots_free(struct host_slot *slots, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct host_slot *s = &slots[i];
		slots_free(s->slots, s->n_slots);
		for (size_t k = 0; k < s->n_holders; k++)
			free(s->holders[k]);
		free(s->holders);
		free(s->connectors);
		free(s->disks);
		free(s->config);
	}
	free(slots);
}

void host_model_done(struct host_model *m)
{
	for (size_t i = 0; i < m->n_types; i++)
		free(m->types[i].description);
	for (size_t i = 0; i < m->n_attributes; i++)
		free(m->attributes[i].value);
	free(m->types);
	free(m->attributes);
	*m = (struct host_model){ 0 };
}

struct host *host_free(struct host *h)
{
	if (!h)
		return NULL;
	for (size_t i = 0; i < h->n_roots; i++)
		slots_free(h->roots[i].slots, h->roots[i].n_slots);
	for (size_t i = 0; i < h->n_models; i++)
		host_model_done(&h->models[i]);
	for (size_t i = 0; i < h->n_parents; i++)
		host_model_done(&h->parents[i].model);
	free(h->drivers);
	free(h->models);
	free(h->roots);
	free(h->parents);
	free(h);
	return NULL;
}

static size_t slots_count(const struct host_slot *slots, size_t n)
{
	size_t total = 0;
	for (size_t i = 0; i < n && total < COUNT_MAX; i++)
		total += (slots[i].last - slots[i].first + 1u) *
			 (1 + slots_count(slots[i].slots, slots[i].n_slots));
	return total < COUNT_MAX ? total : COUNT_MAX;
}

size_t host_count(const struct host *h)
{
	size_t total = 0;
	for (size_t i = 0; i < h->n_roots; i++)
		total += slots_count(h->roots[i].slots, h->roots[i].n_slots);
	return total;
}

/* -ENOENT: dir has no such file, or is not there. */
static int text_read(const char *dir, const char *name, char **ret, size_t *ret_len)
{
	_cleanup_close_ int fd = file_dir_open(dir);
	return fd < 0 ? fd : file_read(fd, name, HOST_TEXT_MAX, ret, ret_len);
}

static struct host *open_path(const char *path, struct err *reterr)
{
	const char *slash = strrchr(path, '/');
	const char *name = slash ? slash + 1 : path;
	_cleanup_free_ char *dir = slash ? strndup(path, (size_t)(name - path)) : strdup("./");
	_cleanup_free_ char *text = NULL;
	size_t len = 0;
	int r = dir ? text_read(dir, name, &text, &len) : -ENOMEM;
	if (r < 0) {
		err_set(reterr, "sim.host.open", -r, "cannot read the host %s", path);
		err_because(reterr, "%s", strerror(-r));
		err_todo(reterr, "name a file, or a host that comes with carve: carve-sim hosts");
		return NULL;
	}
	return host_parse(text, len, path, reterr);
}

/* Where shipped hosts lie, in the order they are looked for. False: no such place. */
static bool folder(unsigned i, char ret[PATH_MAX])
{
	const char *chosen = getenv("CARVE_SIM_HOSTS");
	switch (i) {
	case 0:
		return chosen && str_copy(ret, PATH_MAX, chosen) >= 0;
	case 1: /* build/carve-sim */
		return program_beside("../sim/hosts", ret, PATH_MAX) == 0;
	case 2: /* build/KIND/carve-sim */
		return program_beside("../../sim/hosts", ret, PATH_MAX) == 0;
	case 3:
		return str_copy(ret, PATH_MAX, CARVE_SIM_HOSTDIR) >= 0;
	}
	return false;
}

static struct host *open_name(const char *name, struct err *reterr)
{
	for (unsigned i = 0; i < 4; i++) {
		char dir[PATH_MAX], path[PATH_MAX];
		if (!folder(i, dir) || STR_FORMAT(path, "%s/%s.yaml", dir, name) < 0)
			continue;
		if (access(path, F_OK) == 0)
			return open_path(path, reterr);
	}
	err_set(reterr, "sim.host.open", ENOENT, "there is no host \"%s\"", name);
	err_because(reterr, "no %s.yaml in $CARVE_SIM_HOSTS, beside the program or in %s", name,
		    CARVE_SIM_HOSTDIR);
	err_todo(reterr, "name a shipped host, or the path of a file: ./%s.yaml", name);
	return NULL;
}

struct host *host_open(const char *name, struct err *reterr)
{
	if (strchr(name, '/') || str_ends(name, ".yaml") || str_ends(name, ".json"))
		return open_path(name, reterr);
	return open_name(name, reterr);
}

/* One line a host: what it is called and what it says of itself. */
static void list_one(const char *dir, const char *file, const char *seen, struct str_buf *out)
{
	char path[PATH_MAX], name[NAME_SIZE];
	if (!str_ends(file, ".yaml") || STR_FORMAT(path, "%s/%s", dir, file) < 0 ||
	    str_format(name, sizeof(name), "%.*s", (int)(strlen(file) - 5), file) < 0 ||
	    (seen && strstr(seen, name)))
		return;
	struct host *h = open_path(path, NULL);
	if (h)
		str_buf_addf(out, "%-14s %s\n", name, h->about);
	host_free(h);
}

char *host_list(void)
{
	struct str_buf out = { 0 };
	for (unsigned i = 0; i < 4; i++) {
		char dir[PATH_MAX];
		struct dirent **files = NULL;
		int n = folder(i, dir) ? scandir(dir, &files, NULL, alphasort) : -1;
		for (int f = 0; f < n; f++) {
			list_one(dir, files[f]->d_name, out.text, &out);
			free(files[f]);
		}
		free(files);
	}
	return str_buf_take(&out);
}
