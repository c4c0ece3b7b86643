/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What workers read, put into the picture. */
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
