/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See verbs.h. What is read here may block in the kernel: that is why a worker does it. */
#include "executor/verbs.h"

#include <errno.h>

#include "base/str.h"
#include "host/holders.h"
#include "host/uses.h"
#include "sys/sysfs.h"

#define CONFIG_SIZE 4096u

/* Data: per address its length as u32, then as many bytes; 0 for one that could not be read. Ends
 * early when there is no room for another: number says how many were answered. */
static void read_config(const struct verb_context *c, const struct step *s, struct step_result *r)
{
	char addresses[sizeof(s->text)], *save = NULL;
	(void)STR_COPY(addresses, s->text);
	for (char *addr = strtok_r(addresses, " ", &save); addr;
	     addr = strtok_r(NULL, " ", &save)) {
		char path[VERB_PATH_SIZE];
		if (!pci_addr_valid(addr) ||
		    STR_FORMAT(path, "bus/pci/devices/%s/config", addr) < 0) {
			verb_failed(r, EINVAL, "config", "not an address: %.32s", addr);
			return;
		}
		if (c->size - r->data_len < sizeof(uint32_t) + CONFIG_SIZE)
			break;
		uint8_t *at = c->data + r->data_len;
		ssize_t n = sysfs_read_bytes(c->sysfs, path, at + sizeof(uint32_t), CONFIG_SIZE);
		uint32_t len = n < 0 ? 0 : (uint32_t)n;
		memcpy(at, &len, sizeof(len));
		r->data_len += (uint32_t)sizeof(len) + len;
		r->number++;
	}
	r->status = STEP_DONE;
}

static const char *const attributes[] = {
	"sriov_numvfs",
	"reset_method",
	"power_state",
	"d3cold_allowed",
	"driver_override",
	"current_link_speed",
	"sriov_drivers_autoprobe",
};

static void read_attr(const struct verb_context *c, const struct step *s, struct step_result *r)
{
	char path[VERB_PATH_SIZE];
	bool known = false;
	for (size_t i = 0; i < sizeof(attributes) / sizeof(*attributes); i++)
		known = known || str_eq(s->text, attributes[i]);
	if (!known || !c->path[0]) {
		verb_refused(r, "not-readable", "%.64s is not among what is read", s->text);
		return;
	}
	if (verb_path(path, c->path, s->text) < 0) {
		verb_failed(r, ENAMETOOLONG, s->text, NULL);
		return;
	}
	ssize_t n = sysfs_read_bytes(c->sysfs, path, c->data, c->size);
	if (n < 0) {
		verb_failed(r, (int)-n, s->text, NULL);
		return;
	}
	r->data_len = (uint32_t)n;
	r->status = STEP_DONE;
}

/* Everything in the way: uses of the host, open nodes, mdevs that exist. number: how many in all. */
static int list_holders(const struct host_roots *roots, const struct verb_context *c,
			const struct step *s, struct holder_list *ret)
{
	struct holder_subjects subjects __attribute__((cleanup(holder_subjects_done))) = { 0 };
	int r;
	if (s->target.part) {
		r = holder_subjects_add_instance(&subjects, c->device_path, c->device_addr,
						 s->number);
	} else if (s->target.uuid[0]) {
		r = holder_subjects_add(&subjects, c->path, c->device_addr, HOLDER_MDEV);
	} else {
		r = uses_find(roots, c->path, c->addr, ret);
		if (r == 0)
			r = holder_subjects_find(roots, c->path, c->addr, &subjects, ret);
	}
	return r < 0 ? r : holders_find(roots, &subjects, s->flag, ret);
}

static void holders(const struct verb_context *c, const struct step *s, struct step_result *r)
{
	const struct host_roots roots = { c->sysfs, c->dev, c->proc, c->executor };
	struct holder_list list = { .n = 0 };
	if (!c->path[0]) {
		verb_failed(r, EINVAL, "holders", "no device was named");
		return;
	}
	int q = list_holders(&roots, c, s, &list);
	if (q < 0) {
		verb_failed(r, -q, "holders", "it cannot be seen whether the device is in use");
		return;
	}
	size_t size = list.n * sizeof(struct holder);
	if (size > c->size)
		size = c->size / sizeof(struct holder) * sizeof(struct holder);
	memcpy(c->data, list.entries, size);
	r->data_len = (uint32_t)size;
	r->number = (uint32_t)list.found;
	r->status = STEP_DONE;
}

const struct verb_entry looking_verbs[] = {
	{ VERB_READ_CONFIG, VERB_CLASS_LOOK, LANE_NONE, 0, 5000, read_config },
	{ VERB_READ_ATTR, VERB_CLASS_LOOK, LANE_NONE, 0, 2000, read_attr },
	{ VERB_HOLDERS, VERB_CLASS_LOOK, LANE_NONE, 0, 10000, holders },
};
const size_t looking_verbs_n = sizeof(looking_verbs) / sizeof(*looking_verbs);
