/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See drivers.h. */
#include "host/drivers.h"

#include <errno.h>
#include <libkmod.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/str.h"

struct drivers {
	struct kmod_ctx *kmod;
};

int drivers_open(const char *release_dir, struct drivers **ret)
{
	struct drivers *d = calloc(1, sizeof(*d));
	if (!d)
		return -ENOMEM;
	/* An empty list of configuration files: blacklists are for loading, not for knowing. */
	const char *none = NULL;
	d->kmod = kmod_new(release_dir, &none);
	if (!d->kmod) {
		free(d);
		return -ENOMEM;
	}
	*ret = d;
	return 0;
}

struct drivers *drivers_close(struct drivers *d)
{
	if (d)
		kmod_unref(d->kmod);
	free(d);
	return NULL;
}

static bool listed(char names[][NAME_SIZE], int n, const char *name)
{
	for (int i = 0; i < n; i++)
		if (str_eq(names[i], name))
			return true;
	return false;
}

int drivers_candidates(struct drivers *d, const char *modalias, char ret[][NAME_SIZE], size_t n)
{
	struct kmod_list *list = NULL, *entry;
	int r = kmod_module_new_from_lookup(d->kmod, modalias, &list);
	if (r < 0)
		return r;
	int found = 0;
	kmod_list_foreach(entry, list) {
		struct kmod_module *module = kmod_module_get_module(entry);
		const char *name = kmod_module_get_name(module);
		if ((size_t)found < n && !listed(ret, found, name) &&
		    STR_COPY(ret[found], name) >= 0)
			found++;
		kmod_module_unref(module);
	}
	kmod_module_unref_list(list);
	return found;
}

int drivers_vfio_alias(const char *modalias, char *ret, size_t size)
{
	const char *rest = str_after(modalias, "pci:");
	return rest ? str_format(ret, size, "vfio_pci:%s", rest) : -EINVAL;
}

int drivers_name_of_module(const char *module, char *ret, size_t size)
{
	/* Where KBUILD_MODNAME is not the driver's name: drivers/vfio/pci of Linux 6.12 and 7.2. */
	static const struct {
		const char *module, *driver;
	} others[] = {
		{ "vfio_pci", "vfio-pci" },
		{ "xe_vfio_pci", "xe-vfio-pci" },
	};
	for (size_t i = 0; i < sizeof(others) / sizeof(*others); i++)
		if (str_eq(others[i].module, module))
			return str_copy(ret, size, others[i].driver);
	return str_copy(ret, size, module);
}

/* vfio_pci itself claims every id; whatever else claims this one was made for it. */
int drivers_vfio_pick(const char modules[][NAME_SIZE], int n, char *ret, size_t size)
{
	for (int i = 0; i < n; i++)
		if (!str_eq(modules[i], "vfio_pci"))
			return drivers_name_of_module(modules[i], ret, size);
	return str_copy(ret, size, "vfio-pci");
}

int drivers_vfio(struct drivers *d, const char *modalias, char *ret, size_t size)
{
	char alias[160], modules[8][NAME_SIZE];
	int r = drivers_vfio_alias(modalias, alias, sizeof(alias));
	if (r >= 0)
		r = drivers_candidates(d, alias, modules, 8);
	/* A kernel without that index still has vfio-pci built in or not at all. */
	return drivers_vfio_pick((const char(*)[NAME_SIZE])modules, r < 0 ? 0 : r, ret, size);
}
