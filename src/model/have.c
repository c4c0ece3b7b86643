/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The picture of the machine as a container: look-ups, growth, copies. See model/pci.h. */
#include <errno.h>
#include <stdlib.h>

#include "base/str.h"
#include "model/pci.h"

void have_done(struct have *h)
{
	free(h->functions);
	free(h->parents);
	free(h->types);
	free(h->mdevs);
	free(h->vfs);
	free(h->gpus);
	free(h->gpu_profiles);
	free(h->gpu_parts);
	free(h->vgpu_types);
	free(h->vgpu_vfs);
	free(h->by_key);
	free(h->by_vf);
	*h = (struct have){ 0 };
}

static int array_copy(const void *from, size_t n, size_t size, void **ret, size_t *ret_n)
{
	if (n == 0)
		return 0;
	/* The room that array_grow() counts on. */
	size_t room = 1;
	while (room < n)
		room *= 2;
	void *p = reallocarray(NULL, room, size);
	if (!p)
		return -ENOMEM;
	memcpy(p, from, n * size);
	*ret = p;
	*ret_n = n;
	return 0;
}

#define ARRAY_COPY(from, to, items, count)                                                         \
	array_copy((from)->items, (from)->count, sizeof(*(from)->items), (void **)&(to)->items,    \
		   &(to)->count)

/* --- functions by key, VFs by PF and number --------------------------------------------------------- */

static int vf_order(const struct function *f, const char *pf, int index)
{
	int r = strcmp(f->pf, pf);
	return r ? r : (f->vf_index > index) - (f->vf_index < index);
}

/* Of equal ones the first of the list comes first. */
static int key_compare(const void *a, const void *b, void *functions)
{
	const uint32_t *x = a, *y = b;
	const struct function *f = functions;
	int r = strcmp(f[*x].key, f[*y].key);
	return r ? r : (*x > *y) - (*x < *y);
}

static int vf_number_compare(const void *a, const void *b, void *functions)
{
	const uint32_t *x = a, *y = b;
	const struct function *f = functions;
	int r = vf_order(&f[*x], f[*y].pf, f[*y].vf_index);
	return r ? r : (*x > *y) - (*x < *y);
}

static void index_drop(struct have *h)
{
	h->n_indexed = 0;
}

/* Without memory there is none, and the list is searched. */
static void index_make(struct have *h)
{
	uint32_t *by_key = reallocarray(h->by_key, h->n_functions + 1, sizeof(*by_key));
	h->by_key = by_key ? by_key : h->by_key;
	uint32_t *by_vf = reallocarray(h->by_vf, h->n_functions + 1, sizeof(*by_vf));
	h->by_vf = by_vf ? by_vf : h->by_vf;
	h->n_indexed = by_key && by_vf ? h->n_functions : 0;
	for (uint32_t i = 0; i < h->n_indexed; i++)
		by_key[i] = by_vf[i] = i;
	if (h->n_indexed == 0)
		return;
	qsort_r(by_key, h->n_indexed, sizeof(*by_key), key_compare, h->functions);
	qsort_r(by_vf, h->n_indexed, sizeof(*by_vf), vf_number_compare, h->functions);
}

/* The first that is not before it; NULL: none, or no index. */
static struct function *indexed_key(const struct have *h, const char *key)
{
	size_t low = 0, high = h->n_indexed;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (strcmp(h->functions[h->by_key[middle]].key, key) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low < h->n_indexed ? &h->functions[h->by_key[low]] : NULL;
}

static struct function *indexed_vf(const struct have *h, const char *pf, int index)
{
	size_t low = 0, high = h->n_indexed;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (vf_order(&h->functions[h->by_vf[middle]], pf, index) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low < h->n_indexed ? &h->functions[h->by_vf[low]] : NULL;
}

int have_copy(const struct have *h, struct have *ret)
{
	struct have copy = { 0 };
	if (ARRAY_COPY(h, &copy, functions, n_functions) < 0 ||
	    ARRAY_COPY(h, &copy, parents, n_parents) < 0 ||
	    ARRAY_COPY(h, &copy, types, n_types) < 0 || ARRAY_COPY(h, &copy, mdevs, n_mdevs) < 0 ||
	    ARRAY_COPY(h, &copy, vfs, n_vfs) < 0 || ARRAY_COPY(h, &copy, gpus, n_gpus) < 0 ||
	    ARRAY_COPY(h, &copy, gpu_profiles, n_gpu_profiles) < 0 ||
	    ARRAY_COPY(h, &copy, gpu_parts, n_gpu_parts) < 0 ||
	    ARRAY_COPY(h, &copy, vgpu_types, n_vgpu_types) < 0 ||
	    ARRAY_COPY(h, &copy, vgpu_vfs, n_vgpu_vfs) < 0) {
		have_done(&copy);
		return -ENOMEM;
	}
	*ret = copy;
	index_make(ret);
	return 0;
}

/* --- look-ups ---------------------------------------------------------------------------------------- */

static int function_compare(const void *a, const void *b)
{
	const struct function *f = a, *g = b;
	return strcmp(f->addr, g->addr);
}

/* Where it would be if the list is sorted, as it is but while a scan adds to it. */
static struct function *function_sorted(const struct have *h, const char *addr)
{
	size_t low = 0, high = h->n_functions;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int order = strcmp(addr, h->functions[middle].addr);
		if (order == 0)
			return &h->functions[middle];
		if (order < 0)
			high = middle;
		else
			low = middle + 1;
	}
	return NULL;
}

struct function *have_function(const struct have *h, const char *addr)
{
	struct function *f = function_sorted(h, addr);
	if (f)
		return f;
	for (size_t i = 0; i < h->n_functions; i++)
		if (str_eq(h->functions[i].addr, addr))
			return &h->functions[i];
	return NULL;
}

struct function *have_device(const struct have *h, const char *key)
{
	struct function *found = indexed_key(h, key);
	if (found && str_eq(found->key, key))
		return found;
	for (size_t i = 0; i < h->n_functions; i++)
		if (str_eq(h->functions[i].key, key))
			return &h->functions[i];
	return NULL;
}

struct function *have_vf(const struct have *h, const char *pf_addr, int index)
{
	struct function *found = indexed_vf(h, pf_addr, index);
	if (found && found->is_vf && vf_order(found, pf_addr, index) == 0)
		return found;
	for (size_t i = 0; i < h->n_functions; i++) {
		struct function *f = &h->functions[i];
		if (f->is_vf && f->vf_index == index && str_eq(f->pf, pf_addr))
			return f;
	}
	return NULL;
}

/* Sorted as well, but while a scan or a step adds to them. */
static void *sorted_find(const void *key, const void *items, size_t n, size_t size,
			 int (*compare)(const void *, const void *))
{
	return n ? bsearch(key, items, n, size, compare) : NULL;
}

static int uuid_order(const void *uuid, const void *b)
{
	const struct mdev *m = b;
	return strcmp(uuid, m->uuid);
}

struct mdev *have_mdev(const struct have *h, const char *uuid)
{
	struct mdev *found = sorted_find(uuid, h->mdevs, h->n_mdevs, sizeof(*found), uuid_order);
	if (found)
		return found;
	for (size_t i = 0; i < h->n_mdevs; i++)
		if (str_eq(h->mdevs[i].uuid, uuid))
			return &h->mdevs[i];
	return NULL;
}

struct mdev_type *have_type(const struct have *h, const char *parent_key, const char *id)
{
	for (size_t i = 0; i < h->n_types; i++)
		if (str_eq(h->types[i].id, id) && str_eq(h->types[i].parent, parent_key))
			return &h->types[i];
	return NULL;
}

uint32_t mdev_type_units(uint32_t left, uint32_t n)
{
	uint32_t most = left / n;
	bool fits = most > left / (n + 1);
	return fits ? most : (left + n - 1) / n;
}

struct mdev_parent *have_parent(const struct have *h, const char *key)
{
	for (size_t i = 0; i < h->n_parents; i++)
		if (str_eq(h->parents[i].key, key))
			return &h->parents[i];
	return NULL;
}

struct vf_key {
	const char *pf;
	int index;
};

static int vf_info_order(const void *a, const void *b)
{
	const struct vf_key *k = a;
	const struct vf_info *v = b;
	int r = strcmp(k->pf, v->pf);
	return r ? r : (k->index > v->index) - (k->index < v->index);
}

struct vf_info *have_vf_info(const struct have *h, const char *pf_key, int index)
{
	const struct vf_key key = { pf_key, index };
	struct vf_info *found = sorted_find(&key, h->vfs, h->n_vfs, sizeof(*found), vf_info_order);
	if (found)
		return found;
	for (size_t i = 0; i < h->n_vfs; i++)
		if (h->vfs[i].index == index && str_eq(h->vfs[i].pf, pf_key))
			return &h->vfs[i];
	return NULL;
}

unsigned have_vf_count(const struct have *h, const char *pf_addr)
{
	unsigned n = 0;
	for (size_t i = 0; i < h->n_functions; i++)
		n += h->functions[i].is_vf && str_eq(h->functions[i].pf, pf_addr);
	return n;
}

static void *array_grow(void **items, size_t *n, size_t size)
{
	/* Room doubles at powers of two; n is then all that needs to be kept. */
	if ((*n & (*n - 1)) == 0) {
		void *more = reallocarray(*items, *n ? *n * 2 : 1, size);
		if (!more)
			return NULL;
		*items = more;
	}
	void *item = (char *)*items + *n * size;
	memset(item, 0, size);
	(*n)++;
	return item;
}

#define ARRAY_GROW(h, items, count)                                                                \
	array_grow((void **)&(h)->items, &(h)->count, sizeof(*(h)->items))

struct function *have_add_function(struct have *h)
{
	struct function *f = ARRAY_GROW(h, functions, n_functions);
	index_drop(h);
	if (f) {
		f->iommu_group = -1;
		f->numa_node = -1;
		f->vf_index = -1;
	}
	return f;
}

struct mdev *have_add_mdev(struct have *h)
{
	struct mdev *m = ARRAY_GROW(h, mdevs, n_mdevs);
	if (m)
		m->iommu_group = -1;
	return m;
}

struct mdev_type *have_add_type(struct have *h)
{
	return ARRAY_GROW(h, types, n_types);
}

struct mdev_parent *have_add_parent(struct have *h)
{
	return ARRAY_GROW(h, parents, n_parents);
}

struct vf_info *have_add_vf_info(struct have *h)
{
	return ARRAY_GROW(h, vfs, n_vfs);
}

/* Keeps the order, and the rule that room is the next power of two: an array that fell to a power of
 * two is grown by array_grow() to the room it has already. */
static void array_remove(void *items, size_t *n, size_t size, size_t i)
{
	char *at = (char *)items + i * size;
	memmove(at, at + size, (*n - i - 1) * size);
	(*n)--;
}

void have_remove_function(struct have *h, const char *addr)
{
	struct function *f = have_function(h, addr);
	index_drop(h);
	if (f)
		array_remove(h->functions, &h->n_functions, sizeof(*f), (size_t)(f - h->functions));
}

void have_remove_mdev(struct have *h, const char *uuid)
{
	struct mdev *m = have_mdev(h, uuid);
	if (m)
		array_remove(h->mdevs, &h->n_mdevs, sizeof(*m), (size_t)(m - h->mdevs));
}

static int parent_compare(const void *a, const void *b)
{
	const struct mdev_parent *p = a, *q = b;
	return strcmp(p->key, q->key);
}

static int type_compare(const void *a, const void *b)
{
	const struct mdev_type *t = a, *u = b;
	int r = strcmp(t->parent, u->parent);
	return r ? r : strcmp(t->id, u->id);
}

static int mdev_compare(const void *a, const void *b)
{
	const struct mdev *m = a, *n = b;
	return strcmp(m->uuid, n->uuid);
}

static int vf_compare(const void *a, const void *b)
{
	const struct vf_info *v = a, *w = b;
	int r = strcmp(v->pf, w->pf);
	return r ? r : (v->index > w->index) - (v->index < w->index);
}

static void sort(void *items, size_t n, size_t size, int (*compare)(const void *, const void *))
{
	if (n > 1)
		qsort(items, n, size, compare);
}

void have_sort(struct have *h)
{
	sort(h->functions, h->n_functions, sizeof(*h->functions), function_compare);
	sort(h->parents, h->n_parents, sizeof(*h->parents), parent_compare);
	sort(h->types, h->n_types, sizeof(*h->types), type_compare);
	sort(h->mdevs, h->n_mdevs, sizeof(*h->mdevs), mdev_compare);
	sort(h->vfs, h->n_vfs, sizeof(*h->vfs), vf_compare);
	index_make(h);
}
