/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What others tell of the machine, put into the picture: raw reads of workers, events of the kernel. */
#include <errno.h>

#include "base/num.h"
#include "base/str.h"
#include "host/scan-internal.h"

/* One entry of the reply to VERB_READ_CONFIG: length and bytes. false: does not add up. */
static bool config_next(const uint8_t **at, size_t *left, const uint8_t **ret, uint32_t *ret_size)
{
	uint32_t size;
	if (*left < sizeof(size))
		return false;
	memcpy(&size, *at, sizeof(size));
	if (size > *left - sizeof(size))
		return false;
	*ret = *at + sizeof(size);
	*ret_size = size;
	*at += sizeof(size) + size;
	*left -= sizeof(size) + size;
	return true;
}

static int configs_walk(struct have *h, const char *addrs, const void *data, size_t len, bool put)
{
	const uint8_t *at = data;
	while (*addrs) {
		char addr[PCI_ADDR_SIZE];
		size_t n = strcspn(addrs, " ");
		const uint8_t *bytes;
		uint32_t size;
		if (n >= sizeof(addr) || !config_next(&at, &len, &bytes, &size))
			return -EBADMSG;
		memcpy(addr, addrs, n);
		addr[n] = '\0';
		struct function *f = have_function(h, addr);
		/* Nothing could be read: what was known stays. */
		if (put && f && size > 0)
			pci_caps_parse(bytes, size, &f->caps);
		addrs += n + strspn(addrs + n, " ");
	}
	return len == 0 ? 0 : -EBADMSG;
}

int scan_apply_config(struct have *h, const char *addrs, const void *data, size_t len)
{
	int r = configs_walk(h, addrs, data, len, false);
	return r < 0 ? r : configs_walk(h, addrs, data, len, true);
}

static bool text_ended(const char *field, size_t size)
{
	return memchr(field, '\0', size) != NULL;
}

int scan_apply_types(struct have *h, const char *parent_key, const void *data, size_t len)
{
	size_t n = len / sizeof(struct mdev_type), kept = 0;
	if (len % sizeof(struct mdev_type))
		return -EBADMSG;
	for (size_t i = 0; i < h->n_types; i++)
		if (!str_eq(h->types[i].parent, parent_key))
			h->types[kept++] = h->types[i];
	h->n_types = kept;
	for (size_t i = 0; i < n; i++) {
		struct mdev_type type;
		memcpy(&type, (const char *)data + i * sizeof(type), sizeof(type));
		if (!text_ended(type.id, sizeof(type.id)) ||
		    !text_ended(type.name, sizeof(type.name)) ||
		    !text_ended(type.api, sizeof(type.api)) ||
		    !text_ended(type.description, sizeof(type.description)))
			continue;
		struct mdev_type *t = have_add_type(h);
		if (!t)
			return -ENOMEM;
		*t = type;
		(void)STR_COPY(t->parent, parent_key);
	}
	scan_count_types(h);
	have_sort(h);
	return 0;
}

int scan_apply_vfs(struct have *h, const char *pf_key, const void *data, size_t len)
{
	size_t kept = 0, n = len / sizeof(struct vf_info);
	if (len % sizeof(struct vf_info))
		return -EBADMSG;
	for (size_t i = 0; i < h->n_vfs; i++)
		if (!str_eq(h->vfs[i].pf, pf_key))
			h->vfs[kept++] = h->vfs[i];
	h->n_vfs = kept;
	for (size_t i = 0; i < n; i++) {
		struct vf_info *v = have_add_vf_info(h);
		if (!v)
			return -ENOMEM;
		memcpy(v, (const char *)data + i * sizeof(*v), sizeof(*v));
		(void)STR_COPY(v->pf, pf_key);
	}
	have_sort(h);
	return 0;
}

/* A path component that is a UUID: the event is of a mediated device or of what belongs to one. */
static bool mdev_of_path(const char *path, char ret[UUID_SIZE])
{
	while (*path) {
		size_t len = strcspn(path, "/");
		if (len == UUID_SIZE - 1) {
			memcpy(ret, path, len);
			ret[len] = '\0';
			if (uuid_valid(ret))
				return true;
		}
		path += len + (path[len] == '/');
	}
	return false;
}

/* The node of a group came or went: all that are in it. Backwards, since what is gone is taken out. */
static int scan_group(const struct scan_roots *roots, struct have *h, int group)
{
	int changed = 0, r = 0;
	for (size_t i = h->n_functions; r >= 0 && i-- > 0;) {
		char addr[PCI_ADDR_SIZE];
		if (i >= h->n_functions || h->functions[i].iommu_group != group)
			continue;
		(void)STR_COPY(addr, h->functions[i].addr);
		r = scan_function(roots, h, addr);
		changed |= r > 0;
	}
	for (size_t i = h->n_mdevs; r >= 0 && i-- > 0;) {
		char uuid[UUID_SIZE];
		if (h->mdevs[i].iommu_group != group)
			continue;
		(void)STR_COPY(uuid, h->mdevs[i].uuid);
		r = scan_mdev(roots, h, uuid);
		changed |= r > 0;
	}
	return r < 0 ? r : changed;
}

static int scan_parents(const struct scan_roots *roots, struct have *h)
{
	int r = scan_mdevs(roots, h);
	return r < 0 ? r : 1;
}

static int scan_pci_event(const struct scan_roots *roots, struct have *h, const struct uevent *e)
{
	/* A PF says "change" when its VFs are complete (sriov_enable(), drivers/pci/iov.c). */
	const struct function *f = have_function(h, e->addr);
	int r = f && !f->is_vf && e->action == UEVENT_CHANGE ? scan_vfs(roots, h, e->addr)
							     : scan_function(roots, h, e->addr);
	return r < 0 || !e->mdev_parent ? r : scan_parents(roots, h);
}

int scan_uevent(const struct scan_roots *roots, struct have *h, const struct uevent *e)
{
	char uuid[UUID_SIZE];
	uint64_t group;
	const char *number;

	switch (e->subsystem) {
	case UEVENT_PCI:
		return e->addr[0] ? scan_pci_event(roots, h, e) : 0;
	case UEVENT_MDEV:
	case UEVENT_VFIO_DEV:
		if (mdev_of_path(e->path, uuid))
			return scan_mdev(roots, h, uuid);
		return e->addr[0] ? scan_function(roots, h, e->addr) : 0;
	case UEVENT_VFIO:
		number = str_after(e->path, "virtual/vfio/");
		if (!number || num_parse(number, 10, INT32_MAX, &group) < 0)
			return 0;
		return scan_group(roots, h, (int)group);
	case UEVENT_PARENT:
		return scan_parents(roots, h);
	case UEVENT_NET:
		return 0;
	}
	return 0;
}
