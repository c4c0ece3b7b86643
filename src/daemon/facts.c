/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See facts.h. */
#include "daemon/facts.h"

#include <errno.h>
#include <malloc.h>
#include <stdlib.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "base/str.h"
#include "host/drivers.h"
#include "host/names.h"
#include "ledger/record.h"
#include "sys/sysfs.h"

#define DRIVERS_MAX 8

void facts_done(struct facts *facts)
{
	for (size_t i = 0; i < facts->n; i++) {
		free(facts->entries[i].name);
		free(facts->entries[i].drivers);
	}
	free(facts->entries);
	*facts = (struct facts){ 0 };
}

const struct facts_entry *facts_find(const struct facts *facts, const struct function *f)
{
	for (size_t i = 0; i < facts->n; i++)
		if (str_eq(facts->entries[i].modalias, f->modalias))
			return &facts->entries[i];
	return NULL;
}

static char *drivers_words(struct drivers *d, const char *modalias)
{
	char names[DRIVERS_MAX][NAME_SIZE];
	int n = d ? drivers_candidates(d, modalias, names, DRIVERS_MAX) : 0;
	struct str_buf b = { 0 };
	for (int i = 0; i < n; i++)
		str_buf_addf(&b, "%s%s", i ? " " : "", names[i]);
	return str_buf_take(&b);
}

static void entry_add(struct facts *facts, const struct function *f, struct names *names,
		      struct drivers *drivers)
{
	struct facts_entry *e = ARRAY_ADD(facts->entries, facts->n);
	if (!e)
		return;
	(void)STR_COPY(e->modalias, f->modalias);
	char name[256];
	if (names && names_function(names, f, name, sizeof(name)) >= 0)
		e->name = strdup(name);
	e->drivers = drivers_words(drivers, f->modalias);
}

void facts_prepare(struct facts *facts, const struct have *h)
{
	struct names *names = NULL;
	struct drivers *drivers = NULL;
	for (size_t i = 0; i < h->n_functions; i++) {
		if (facts_find(facts, &h->functions[i]))
			continue;
		if (!names) {
			names = names_open();
			if (drivers_open(NULL, &drivers) < 0)
				drivers = NULL;
		}
		entry_add(facts, &h->functions[i], names, drivers);
	}
	if (!names)
		return;
	names_close(names);
	drivers_close(drivers);
	/* The list of all names is megabytes; give them back at once. */
	malloc_trim(0);
}

/* --- network interfaces ---------------------------------------------------------------------- */

struct netdev_walk {
	int sysfs;
	struct facts_netdevs *list;
};

static struct facts_netdev *netdev_get(struct facts_netdevs *list, const char *addr)
{
	for (size_t i = 0; i < list->n; i++)
		if (str_eq(list->items[i].addr, addr))
			return &list->items[i];
	struct facts_netdev *added = ARRAY_ADD(list->items, list->n);
	if (added)
		(void)STR_COPY(added->addr, addr);
	return added;
}

/* The function an interface belongs to: its device, or that of its virtio device. What hangs on USB
 * behind a function is not the function's. */
static int netdev_function(int sysfs, const char *name, char ret[PCI_ADDR_SIZE])
{
	char path[SYS_PATH_SIZE], device[NAME_SIZE], target[SYS_PATH_SIZE];
	int r = STR_FORMAT(path, "class/net/%s/device", name);
	if (r >= 0)
		r = sysfs_link_name(sysfs, path, device, sizeof(device));
	if (r < 0 || !str_after(device, "virtio"))
		return r < 0 ? r : str_copy(ret, PCI_ADDR_SIZE, device);
	r = STR_FORMAT(path, "bus/virtio/devices/%s", device);
	if (r >= 0)
		r = sysfs_link(sysfs, path, target, sizeof(target));
	char *slash = r < 0 ? NULL : strrchr(target, '/');
	if (!slash)
		return -ENOENT;
	*slash = '\0';
	slash = strrchr(target, '/');
	return slash ? str_copy(ret, PCI_ADDR_SIZE, slash + 1) : -ENOENT;
}

static int netdev_seen(const char *name, void *userdata)
{
	struct netdev_walk *w = userdata;
	char addr[PCI_ADDR_SIZE], names[256];
	if (netdev_function(w->sysfs, name, addr) < 0 || !pci_addr_valid(addr))
		return 0;
	struct facts_netdev *n = netdev_get(w->list, addr);
	if (!n)
		return -ENOMEM;
	/* A function with more interfaces than fit here is matched by the first ones. */
	if (STR_FORMAT(names, "%s%s%s", n->names, n->names[0] ? " " : "", name) == 0)
		memcpy(n->names, names, sizeof(names));
	return 0;
}

int facts_netdevs_read(int sysfs, struct facts_netdevs *ret)
{
	struct facts_netdevs list = { 0 };
	struct netdev_walk w = { .sysfs = sysfs, .list = &list };
	int r = sysfs_list(sysfs, "class/net", netdev_seen, &w);
	if (r < 0 && r != -ENOENT) {
		facts_netdevs_done(&list);
		return r;
	}
	*ret = list;
	return 0;
}

void facts_netdevs_done(struct facts_netdevs *n)
{
	free(n->items);
	*n = (struct facts_netdevs){ 0 };
}

const char *facts_netdevs_find(const struct facts_netdevs *n, const char *addr)
{
	for (size_t i = 0; i < n->n; i++)
		if (str_eq(n->items[i].addr, addr))
			return n->items[i].names;
	return NULL;
}

/* --- for policies ---------------------------------------------------------------------------- */

static const char *unless_empty(const char *text)
{
	return text[0] ? text : NULL;
}

/* The policy before may have left it as it is. */
static const struct slice *slice_bound(const struct record *r, const char *device)
{
	for (size_t i = 0; i < r->n_slices; i++)
		if (r->slices[i].has_original && r->slices[i].index < 0 &&
		    str_eq(r->slices[i].device, device))
			return &r->slices[i];
	return NULL;
}

static void match_former(void *userdata, const struct function *f, const char **ret_driver,
			 const char **ret_netdevs)
{
	const struct facts_match *m = userdata;
	if (!m->engine || (f->driver[0] && !driver_is_vfio(f->driver)))
		return;
	const struct record *r = engine_record(m->engine);
	const struct want *w = record_want(r, f->key);
	const struct slice *s = slice_bound(r, f->key);
	if (w && want_has_ids_of(w, f) && want_has_serial_of(w, f)) {
		*ret_driver = unless_empty(w->driver);
		*ret_netdevs = unless_empty(w->netdevs);
	} else if (!w && s) {
		*ret_driver = unless_empty(s->original_driver);
		*ret_netdevs = unless_empty(s->original_netdevs);
	}
}

static const char *match_netdevs(void *userdata, const char *addr)
{
	const struct facts_match *m = userdata;
	return facts_netdevs_find(&m->netdevs, addr);
}

static const char *match_model(void *userdata, const struct function *f)
{
	const struct facts_match *m = userdata;
	const struct facts_entry *e = facts_find(m->facts, f);
	return e ? e->name : NULL;
}

/* NULL as well when it is another device than was enrolled. */
static const struct enrolled *enrolled_as(const struct facts_match *m, const char *key)
{
	const struct enrolled *e = enrollment_find(&m->enrolled, key);
	return e && enrolled_matches(e, have_device(m->have, key)) ? e : NULL;
}

static bool match_enrolled(void *userdata, const char *key)
{
	return enrolled_as(userdata, key) != NULL;
}

static const char *match_labels(void *userdata, const char *key)
{
	const struct enrolled *e = enrolled_as(userdata, key);
	return e ? e->labels : NULL;
}

static bool match_service(void *userdata, const char *unit)
{
	const struct facts_match *m = userdata;
	return services_has(&m->services, unit);
}

static int match_layout(void *userdata, const struct want *w, const char *fill, uint32_t *ret_fill,
			struct err *reterr)
{
	const struct facts_match *m = userdata;
	return engine_layout(m->engine, m->have, w, fill, ret_fill, reterr);
}

struct policy_facts facts_for_policy(const struct facts_match *m)
{
	return (struct policy_facts){
		.have = m->have,
		.former = match_former,
		.netdevs = match_netdevs,
		.model = match_model,
		.enrolled = match_enrolled,
		.layout = m->engine ? match_layout : NULL,
		.labels = match_labels,
		.service = match_service,
		.userdata = (void *)m,
	};
}

void facts_match_done(struct facts_match *m)
{
	facts_netdevs_done(&m->netdevs);
	enrollment_done(&m->enrolled);
}
