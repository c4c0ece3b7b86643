/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See handle.h. */
#include "daemon/handle.h"

#include "api/wire.h"
#include "base/str.h"
#include "daemon/cdi.h"
#include "daemon/daemon.h"
#include "host/libraries.h"
#include "host/scan.h"

void handle_add_cpus(json_t *handle, const struct daemon_roots *roots,
		     const struct function *device)
{
	const struct scan_roots scan = { .sysfs = roots->sysfs, .dev = roots->dev };
	char cpus[512];
	/* Where no node is near, all CPUs are as far. */
	if (!device || device->numa_node < 0)
		return;
	if (scan_cpus(&scan, device->path, cpus, sizeof(cpus)) == 0)
		wire_add_string(handle, "cpus", cpus);
}

/* Its name is all that is needed: the vendor's file has nodes, libraries and what is done with them. */
static void add_cdi(json_t *handle, const char *uuid)
{
	char name[GPU_UUID_SIZE + sizeof(CDI_KIND) + 1];
	if (STR_FORMAT(name, CDI_KIND "=%s", uuid) == 0)
		wire_add_string(handle, "cdi", name);
}

static json_t *libraries_json(const struct libraries *l)
{
	json_t *array = json_array();
	for (size_t i = 0; i < l->n; i++)
		json_array_append_new(array, json_pack("{s:s, s:s}", "file", l->items[i].file, "at",
						       l->items[i].at));
	return array;
}

static void add_note(json_t *handle, const struct gpu *gpu, const struct cdi *c)
{
	char note[512];
	const char *spec = c->state == CDI_STALE     ? " has libraries of another version"
			   : c->state == CDI_UNNAMED ? " does not have it by its UUID"
						     : "";
	if (STR_FORMAT(note,
		       "the driver's libraries (version %s) were not found: the container has to "
		       "have them, of that version%s%s%s",
		       gpu->driver[0] ? gpu->driver : "unknown", c->file[0] ? "; " : "", c->file,
		       spec) == 0)
		wire_add_string(handle, "note", note);
}

void handle_add_files(json_t *handle, const struct daemon_roots *roots, const struct gpu *gpu)
{
	const char *uuid = json_string_value(json_object_get(handle, "uuid"));
	struct libraries l;
	struct cdi c;
	if (!gpu || !uuid)
		return;
	cdi_find(roots->root, uuid, gpu->driver, &c);
	if (c.state == CDI_NAMED) {
		add_cdi(handle, uuid);
		return;
	}
	if (libraries_find(roots->root, gpu->driver, &l) > 0)
		wire_add(handle, "libraries", libraries_json(&l));
	else
		add_note(handle, gpu, &c);
	libraries_done(&l);
}
