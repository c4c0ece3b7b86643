/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Drivers marked override_only carry aliases "vfio_pci:v...d...": vfio-pci one that matches all,
 * variants one for their devices (scripts/mod/file2alias.c of Linux). A variant is better than
 * vfio-pci wherever it matches. See driver.h.
 */
#include "vfio/driver.h"

#include <errno.h>
#include <libkmod.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "sys/sysfs.h"

static inline struct kmod_ctx *context_put(struct kmod_ctx *k)
{
	return k ? kmod_unref(k) : NULL;
}
DEFINE_CLEANUP(struct kmod_ctx *, context_put);

bool driver_registered(const struct verb_context *c, const char *driver)
{
	char path[VERB_PATH_SIZE];
	return STR_FORMAT(path, "bus/pci/drivers/%s", driver) == 0 && sysfs_exists(c->sysfs, path);
}

static int take_pci_driver(const char *name, void *userdata)
{
	const char *driver = str_after(name, "pci:");
	return driver ? (str_copy(userdata, NAME_SIZE, driver) == 0 ? 1 : -ENAMETOOLONG) : 0;
}

/* /sys/module/M/drivers/pci:D names the driver; a built-in module may lack the folder. */
static int module_driver(const struct verb_context *c, const char *module, char ret[NAME_SIZE])
{
	char path[VERB_PATH_SIZE];
	int r = STR_FORMAT(path, "module/%s/drivers", module);
	if (r < 0)
		return r;
	r = sysfs_list(c->sysfs, path, take_pci_driver, ret);
	if (r > 0)
		return 0;
	return str_copy(ret, NAME_SIZE, str_eq(module, "vfio_pci") ? "vfio-pci" : module);
}

static struct kmod_module *best_module(struct kmod_list *list)
{
	struct kmod_module *best = NULL;
	struct kmod_list *item;

	kmod_list_foreach(item, list) {
		struct kmod_module *m = kmod_module_get_module(item);
		if (best && !str_eq(kmod_module_get_name(best), "vfio_pci")) {
			kmod_module_unref(m);
			continue;
		}
		kmod_module_unref(best);
		best = m;
	}
	return best;
}

static bool module_live(const struct kmod_module *m)
{
	int state = kmod_module_get_initstate(m);
	return state == KMOD_MODULE_LIVE || state == KMOD_MODULE_BUILTIN;
}

/* Blacklists are the administrator's word about module names. 1: loaded, 0: was there. */
static int module_insert(struct kmod_module *m)
{
	if (module_live(m))
		return 0;
	int r = kmod_module_probe_insert_module(m, KMOD_PROBE_APPLY_BLACKLIST, NULL, NULL, NULL,
						NULL);
	if (r != 0)
		return r < 0 ? r : -EPERM;
	return 1;
}

/* insert false: -EAGAIN when the module is not there yet. */
static int alias_resolve(const struct verb_context *c, struct kmod_ctx *k, const char *alias,
			 bool insert, char ret[NAME_SIZE])
{
	struct kmod_list *list = NULL;
	int r = k ? kmod_module_new_from_lookup(k, alias, &list) : -ENOMEM;
	if (r < 0)
		return r;
	struct kmod_module *m = best_module(list);
	if (!m)
		r = -ENOENT;
	else if (insert)
		r = module_insert(m);
	else
		r = module_live(m) ? 0 : -EAGAIN;
	if (r >= 0) {
		int named = module_driver(c, kmod_module_get_name(m), ret);
		r = named < 0 ? named : r;
	}
	kmod_module_unref(m);
	kmod_module_unref_list(list);
	return r;
}

/* What is loaded already is found without the configuration: reading all of modprobe.d, of use for
 * loading only, would be most of the work of a bind. */
int driver_load(const struct verb_context *c, const char *alias, char ret[NAME_SIZE])
{
	static const char *const no_config[] = { NULL };

	if (!str_eq(alias, "vfio-pci") && !str_after(alias, "vfio_pci:"))
		return -EPERM;
	_cleanup_(context_putp) struct kmod_ctx *bare = kmod_new(NULL, no_config);
	int r = alias_resolve(c, bare, alias, false, ret);
	if (r >= 0)
		return r;
	_cleanup_(context_putp) struct kmod_ctx *k = kmod_new(NULL, NULL);
	return alias_resolve(c, k, alias, true, ret);
}

int driver_choose(const struct verb_context *c, const char *path, char ret[NAME_SIZE])
{
	char attribute[VERB_PATH_SIZE], modalias[256], alias[300];

	int r = verb_path(attribute, path, "modalias");
	if (r >= 0 && sysfs_read(c->sysfs, attribute, modalias, sizeof(modalias)) > 0) {
		const char *ids = str_after(modalias, "pci:");
		r = STR_FORMAT(alias, "vfio_pci:%s", ids ? ids : "");
		if (r >= 0 && driver_load(c, alias, ret) >= 0 && driver_registered(c, ret))
			return 0;
	}
	/* No alias says so (a kernel without modules, an older depmod): the driver that takes all.
	 */
	if (driver_registered(c, "vfio-pci"))
		return str_copy(ret, NAME_SIZE, "vfio-pci");
	r = driver_load(c, "vfio-pci", ret);
	return r < 0 ? r : 0;
}
