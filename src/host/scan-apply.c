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

/* --- GPUs ----------------------------------------------------------------------------------------- */

/* One array of records after the other. */
struct records {
	const char *at;
	size_t left;
};

static bool record_take(struct records *r, void *to, size_t size)
{
	if (r->left < size)
		return false;
	memcpy(to, r->at, size);
	r->at += size;
	r->left -= size;
	return true;
}

#define ENDED(field) text_ended((field), sizeof(field))

static bool gpu_valid(const struct gpu *g)
{
	return g->seen <= GPU_UNSEEN && ENDED(g->why) && ENDED(g->name) && ENDED(g->uuid) &&
	       ENDED(g->driver);
}

static int profiles_take(struct have *h, const char *key, struct records *r, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++) {
		struct gpu_profile p;
		if (!record_take(r, &p, sizeof(p)) || !ENDED(p.name) || p.size == 0 || p.size > 64)
			return -EBADMSG;
		struct gpu_profile *added = have_add_gpu_profile(h);
		if (!added)
			return -ENOMEM;
		*added = p;
		(void)STR_COPY(added->key, key);
	}
	return 0;
}

static int parts_take(struct have *h, const char *key, struct records *r, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++) {
		struct gpu_part p;
		if (!record_take(r, &p, sizeof(p)) || !ENDED(p.uuid) || p.start > 63 ||
		    p.size == 0 || p.size > 64 - p.start)
			return -EBADMSG;
		struct gpu_part *added = have_add_gpu_part(h);
		if (!added)
			return -ENOMEM;
		*added = p;
		(void)STR_COPY(added->key, key);
	}
	return 0;
}

/* Of what a change changed: one more of these could be made now, and of no other. */
static void types_unmake(struct have *h, const char *key)
{
	for (size_t i = 0; i < h->n_vgpu_types; i++)
		if (str_eq(h->vgpu_types[i].key, key))
			h->vgpu_types[i].creatable = 0;
}

static int types_take(struct have *h, const char *key, struct records *r, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++) {
		struct vgpu_type t;
		if (!record_take(r, &t, sizeof(t)) || !ENDED(t.name) || t.size > VGPU_PLACEMENTS)
			return -EBADMSG;
		struct vgpu_type *known = have_vgpu_type_id(h, key, t.id);
		if (known) {
			known->creatable = t.creatable;
			continue;
		}
		struct vgpu_type *added = have_add_vgpu_type(h);
		if (!added)
			return -ENOMEM;
		*added = t;
		(void)STR_COPY(added->key, key);
	}
	return 0;
}

static int vgpu_vfs_take(struct have *h, const char *key, struct records *r, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++) {
		struct vgpu_vf v;
		if (!record_take(r, &v, sizeof(v)) || v.framework > VGPU_VENDOR || v.index < -1 ||
		    v.asked >= VGPU_PLACEMENTS || v.asked < -1)
			return -EBADMSG;
		struct vgpu_vf *known = have_vgpu_vf(h, key, v.index);
		struct vgpu_vf *added = known ? known : have_add_vgpu_vf(h);
		if (!added)
			return -ENOMEM;
		*added = v;
		(void)STR_COPY(added->key, key);
	}
	return 0;
}

static int records_take(struct have *h, const char *key, const struct gpu_report *report,
			struct records r)
{
	int q = profiles_take(h, key, &r, report->n_profiles);
	if (q == 0)
		q = parts_take(h, key, &r, report->n_parts);
	if (q == 0)
		q = types_take(h, key, &r, report->n_types);
	if (q == 0)
		q = vgpu_vfs_take(h, key, &r, report->n_vfs);
	have_count_vgpus(h);
	return q == 0 && r.left ? -EBADMSG : q;
}

static int report_put(struct have *h, const char *key, const struct gpu_report *report,
		      const struct records *r)
{
	have_drop_gpu(h, key);
	struct gpu *g = have_add_gpu(h);
	if (!g)
		return -ENOMEM;
	*g = report->gpu;
	(void)STR_COPY(g->key, key);
	return records_take(h, key, report, *r);
}

static int report_apply(struct have *h, const char *key, uint32_t part, struct records r)
{
	struct gpu_report report;
	if (!record_take(&r, &report, sizeof(report)) || !gpu_valid(&report.gpu))
		return -EBADMSG;
	if (!report.change)
		return report_put(h, key, &report, &r);
	if (part)
		have_remove_gpu_part(h, key, part - 1);
	if (report.n_vfs)
		types_unmake(h, key);
	return records_take(h, key, &report, r);
}

int scan_apply_gpu(struct have *h, const char *key, uint32_t part, const void *data, size_t len)
{
	int q = report_apply(h, key, part, (struct records){ data, len });
	if (q != -EBADMSG)
		return q;
	/* Half of it would be worse than nothing. */
	have_drop_gpu(h, key);
	struct gpu *g = have_add_gpu(h);
	if (!g)
		return -ENOMEM;
	g->seen = GPU_UNSEEN;
	(void)STR_COPY(g->key, key);
	(void)STR_COPY(g->why, "what is said of it does not add up");
	return -EBADMSG;
}
