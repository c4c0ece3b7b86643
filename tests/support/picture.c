/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See picture.h. */
#include "support/picture.h"

#include "base/str.h"
#include "support/test.h"

struct function *picture_function(struct have *h, const char *addr, uint32_t class,
				  const char *driver, int group)
{
	struct function *f = have_add_function(h);
	assert_non_null(f);
	assert_int_equal(STR_COPY(f->addr, addr), 0);
	assert_int_equal(STR_FORMAT(f->key, "pci:%s", addr), 0);
	assert_int_equal(STR_COPY(f->driver, driver), 0);
	f->class = class;
	f->iommu_group = group;
	f->vf_index = -1;
	f->caps.known = true;
	f->caps.flr = true;
	return f;
}

void picture_vfs(struct have *h, const char *pf_addr, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		char addr[PCI_ADDR_SIZE];
		assert_int_equal(STR_FORMAT(addr, "0000:%02x:00.0", 0xaa + i), 0);
		uint32_t class = 0;
		for (size_t k = 0; k < h->n_functions; k++)
			if (str_eq(h->functions[k].addr, pf_addr))
				class = h->functions[k].class;
		struct function *vf = picture_function(h, addr, class, "", 100 + (int)i);
		vf->is_vf = true;
		vf->vf_index = (int)i;
		assert_int_equal(STR_COPY(vf->pf, pf_addr), 0);
	}
	have_sort(h);
}

void picture_mdev(struct have *h, const char *parent_key, const char *type, const char *uuid)
{
	struct mdev *m = have_add_mdev(h);
	assert_non_null(m);
	assert_int_equal(STR_COPY(m->uuid, uuid), 0);
	assert_int_equal(STR_COPY(m->parent, parent_key), 0);
	assert_int_equal(STR_COPY(m->type, type), 0);
}

void picture_type(struct have *h, const char *parent_key, const char *type, uint32_t available)
{
	struct mdev_type *t = have_add_type(h);
	assert_non_null(t);
	assert_int_equal(STR_COPY(t->parent, parent_key), 0);
	assert_int_equal(STR_COPY(t->id, type), 0);
	t->available = available;
	t->available_known = true;
}

struct slice picture_slice(const char *mech, const char *device, int index)
{
	struct slice s = { .id = 1, .index = index, .state = SLICE_READY };
	assert_int_equal(STR_COPY(s.mech, mech), 0);
	assert_int_equal(STR_COPY(s.device, device), 0);
	return s;
}

struct want picture_want(const char *mech, const char *device, uint32_t count)
{
	struct want w = { .count = count };
	assert_int_equal(STR_COPY(w.mech, mech), 0);
	assert_int_equal(STR_COPY(w.device, device), 0);
	assert_int_equal(STR_COPY(w.where, "policy.yaml:7"), 0);
	return w;
}

void picture_plan(const struct plan *p, ...)
{
	va_list ap;
	size_t i = 0;
	va_start(ap, p);
	for (int v = va_arg(ap, int); v >= 0; v = va_arg(ap, int), i++) {
		assert_true(i < p->n);
		assert_int_equal(p->steps[i].verb, v);
	}
	va_end(ap);
	assert_int_equal(p->n, i);
}
