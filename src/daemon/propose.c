/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See propose.h. */
#include "daemon/propose.h"

#include <errno.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "daemon/daemon.h"
#include "daemon/methods.h"
#include "sriov/sriov.h"
#include "vfio/vfio.h"

#define CANDIDATES_MAX 64
/* A first policy makes no more VFs than this. */
#define VFS_MAX 8

struct candidate {
	char key[DEVICE_KEY_SIZE];
	const char *mech;
	const char *word; /* begins its name in the policy */
	int group;	  /* its IOMMU group; -1: none */
	bool shared;	  /* others of that group have to go with it */
	bool answered;
	char not_proposed[192]; /* why; empty: it is */
};
struct propose {
	struct candidate items[CANDIDATES_MAX];
	size_t n;
	unsigned left_out; /* for which there was no room */
};

struct propose *propose_free(struct propose *p)
{
	free(p);
	return NULL;
}

/* NULL: there are too many, or no memory for that one. */
static struct candidate *add(struct propose *p, const char *key, const char *mech, const char *word)
{
	if (p->n == CANDIDATES_MAX) {
		p->left_out++;
		return NULL;
	}
	struct candidate *c = &p->items[p->n];
	*c = (struct candidate){ .mech = mech, .word = word, .group = -1 };
	return STR_COPY(c->key, key) == 0 ? &p->items[p->n++] : NULL;
}

static bool has_vfs(const struct function *f)
{
	return f->caps.sriov && f->caps.sriov_total > 0;
}

/* Not what the driver would refuse: an accelerator is passed through whole then. */
static void add_function(struct propose *p, const struct have *h, const struct function *f)
{
	bool display = pci_class_is(f->class, PCI_BASE_DISPLAY);
	bool whole = display || pci_class_is(f->class, PCI_BASE_ACCELERATOR);
	if (f->is_vf || f->boot_vga)
		return;
	if (f->mdev_parent) {
		add(p, f->key, "mdev", "mdev");
	} else if (has_vfs(f) && sriov_driver_vfs(f->driver) != SRIOV_VFS_NONE) {
		add(p, f->key, "sriov",
		    pci_class_is(f->class, PCI_BASE_NETWORK)   ? "nic"
		    : pci_class_is(f->class, PCI_BASE_STORAGE) ? "nvme"
							       : "accel");
	} else if (whole && f->iommu_group >= 0) {
		struct candidate *c = add(p, f->key, "passthrough", display ? "gpu" : "accel");
		if (c && vfio_fabric_has(h, f))
			(void)STR_COPY(
				c->not_proposed,
				"not proposed, NVSwitches join it with others: see unsafe in "
				"carve-policy(5)");
	} else if (has_vfs(f)) {
		struct candidate *c = add(p, f->key, "sriov", "");
		if (c)
			(void)STR_FORMAT(c->not_proposed, "not proposed, %s%s",
					 f->driver[0] ? "its driver makes no VFs: "
						      : "it has no driver",
					 f->driver);
	}
}

/* --- the rest of an IOMMU group --------------------------------------------------------------- */

static struct candidate *candidate_find(struct propose *p, const char *key)
{
	for (size_t i = 0; i < p->n; i++)
		if (str_eq(p->items[i].key, key))
			return &p->items[i];
	return NULL;
}

/* A guest gets the function only when no driver of the host has another one of its group: a GPU goes with
 * its sound (vfio_group_check()). */
static void add_mates_of(struct propose *p, const struct have *h, struct candidate *c)
{
	const struct function *f = have_device(h, c->key);
	c->group = f->iommu_group;
	for (size_t i = 0; i < h->n_functions; i++) {
		const struct function *mate = &h->functions[i];
		if (mate == f || mate->is_vf || mate->iommu_group != f->iommu_group ||
		    driver_leaves_group_alone(mate->driver))
			continue;
		struct candidate *m = candidate_find(p, mate->key);
		/* One that there is no room for is no device less: none of its group is proposed. */
		if (!m && p->n < CANDIDATES_MAX)
			m = add(p, mate->key, "passthrough", "mate");
		c->shared = true;
		if (!m || !str_eq(m->mech, "passthrough")) {
			(void)STR_FORMAT(c->not_proposed,
					 "not proposed, %s is in the same IOMMU group", mate->addr);
			return;
		}
		m->shared = true;
	}
}

static void add_mates(struct propose *p, const struct have *h)
{
	for (size_t i = 0; i < p->n; i++)
		if (str_eq(p->items[i].mech, "passthrough"))
			add_mates_of(p, h, &p->items[i]);
}

/* All of a group, or nothing of it. */
static void judge_groups(struct propose *p, const struct have *h)
{
	for (size_t i = 0; i < p->n; i++) {
		const struct function *f = have_device(h, p->items[i].key);
		if (!f || !p->items[i].shared || !p->items[i].not_proposed[0])
			continue;
		for (size_t k = 0; k < p->n; k++) {
			struct candidate *mate = &p->items[k];
			if (mate->shared && mate->group == p->items[i].group &&
			    !mate->not_proposed[0])
				(void)STR_FORMAT(mate->not_proposed,
						 "not proposed, %s is in the same IOMMU group, "
						 "and is not proposed",
						 f->addr);
		}
	}
}

/* --- the texts ------------------------------------------------------------------------------- */

struct texts {
	struct str_buf enroll, devices, divide, classes;
	json_t *notes;
	unsigned proposed;
};

static void note(struct texts *t, const char *name, const char *text)
{
	struct str_buf b = { 0 };
	str_buf_addf(&b, "%s: %s", name, text);
	_cleanup_free_ char *line = str_buf_take(&b);
	if (line)
		json_array_append_new(t->notes, json_string(line));
}

static void enroll(struct texts *t, const struct candidate *c, const struct function *f,
		   const char *name)
{
	struct enrolled e = { 0 };
	char line[DEVICE_KEY_SIZE + 64];
	memcpy(e.key, c->key, sizeof(e.key));
	if (f) {
		e.has_ids = true;
		e.vendor = f->vendor;
		e.device = f->device;
		e.has_serial = f->caps.has_serial;
		e.serial = f->caps.serial;
	}
	if (enrolled_format(&e, line, sizeof(line)) >= 0)
		str_buf_addf(&t->enroll, "# %s\n%s\n", name, line);
}

static void divide_types(struct texts *t, const struct have *h, const char *key)
{
	const char *between = "";
	for (size_t i = 0; i < h->n_types; i++) {
		if (!str_eq(h->types[i].parent, key))
			continue;
		str_buf_addf(&t->divide, "%s\"%s\"", between, h->types[i].id);
		between = ", ";
	}
}

static void divide(struct texts *t, const struct have *h, const struct candidate *c,
		   const struct function *f, const char *selection)
{
	str_buf_addf(&t->divide, "  - {use: %s, as: %s", selection, c->mech);
	if (str_eq(c->mech, "sriov")) {
		unsigned total = f ? f->caps.sriov_total : 0;
		bool all = f && sriov_driver_vfs(f->driver) == SRIOV_VFS_ALL;
		str_buf_addf(&t->divide, ", count: %u", all || total < VFS_MAX ? total : VFS_MAX);
	}
	if (str_eq(c->mech, "mdev")) {
		str_buf_add(&t->divide, ", on-demand: [");
		divide_types(t, h, c->key);
		str_buf_add(&t->divide, "]");
	}
	str_buf_add(&t->divide, c->shared ? ", bind: early}" : "}");
	if (f && has_vfs(f) && str_eq(c->mech, "passthrough"))
		str_buf_addf(&t->divide,
			     f->driver[0] ? " # its driver %s makes no VFs" : " # no driver%s",
			     f->driver);
	str_buf_add(&t->divide, "\n");
}

static void propose_one(struct texts *t, const struct daemon *d, const struct candidate *c,
			unsigned number)
{
	const struct have *h = &d->picture.have;
	const struct function *f = have_device(h, c->key);
	const struct facts_entry *entry = f ? facts_find(&d->facts, f) : NULL;
	const struct mdev_parent *parent = have_parent(h, c->key);
	const char *name = entry && entry->name ? entry->name : parent ? parent->name : c->key;
	char selection[NAME_SIZE];
	if (!f && !parent)
		return;
	if (c->not_proposed[0]) {
		note(t, f ? f->addr : c->key, c->not_proposed);
		return;
	}
	(void)STR_FORMAT(selection, "%s-%u", c->word, number);
	enroll(t, c, f, name);
	str_buf_addf(&t->devices, "  %s: {match: {key: \"%s\"}, expect: 1} # %s\n", selection,
		     c->key, name);
	divide(t, h, c, f, selection);
	str_buf_addf(&t->classes, "  %s: {from: %s}\n", selection, selection);
	t->proposed++;
}

static char *policy_text(struct texts *t)
{
	struct str_buf b = { 0 };
	_cleanup_free_ char *devices = str_buf_take(&t->devices);
	_cleanup_free_ char *divides = str_buf_take(&t->divide);
	_cleanup_free_ char *classes = str_buf_take(&t->classes);
	str_buf_add(&b, "version: 1\n");
	if (t->proposed > 0 && devices && divides && classes)
		str_buf_addf(&b, "devices:\n%sdivide:\n%sclasses:\n%s", devices, divides, classes);
	str_buf_add(&b, "drift: report\non-remove: keep\n");
	return str_buf_take(&b);
}

static void note_left_out(struct texts *t, unsigned n)
{
	char text[192];
	if (n > 0 &&
	    STR_FORMAT(text,
		       "%u more left out, only %d are looked at; to have one: carve enroll "
		       "DEVICE, and name it in the policy",
		       n, CANDIDATES_MAX) == 0)
		note(t, "devices", text);
}

static void finish(struct session *s)
{
	struct propose *p = s->propose;
	struct texts t = { .notes = json_array() };
	judge_groups(p, &s->daemon->picture.have);
	for (size_t i = 0; i < p->n; i++) {
		unsigned number = 1;
		for (size_t k = 0; k < i; k++)
			number += str_eq(p->items[k].word, p->items[i].word);
		propose_one(&t, s->daemon, &p->items[i], number);
	}
	note_left_out(&t, p->left_out);
	if (t.proposed == 0)
		note(&t, "nothing is proposed", "no device that could be divided is free");
	_cleanup_free_ char *devices = str_buf_take(&t.enroll);
	_cleanup_free_ char *policy = policy_text(&t);
	session_reply(s,
		      json_pack("{s:s, s:s, s:o}", "enrollment", devices ? devices : "", "policy",
				policy ? policy : "", "notes", t.notes),
		      false);
	s->propose = propose_free(p);
}

/* --- who uses them --------------------------------------------------------------------------- */

/* Only what keeps the host running, or somebody at work, excludes a device. */
static void judge(struct candidate *c, const struct holder *h)
{
	if (c->not_proposed[0] || (h->kind == HOLDER_MDEV && str_eq(c->mech, "mdev")) ||
	    (!h->never_touch && h->kind != HOLDER_FD && h->kind != HOLDER_VF))
		return;
	if (STR_FORMAT(c->not_proposed, "not proposed, it is in use: %s %s",
		       holder_kind_name((enum holder_kind)h->kind), h->what) < 0)
		(void)STR_COPY(c->not_proposed, "not proposed, it is in use");
}

static bool all_answered(const struct propose *p)
{
	for (size_t i = 0; i < p->n; i++)
		if (!p->items[i].answered)
			return false;
	return true;
}

static void holders_seen(struct daemon *d, uint64_t token, const struct step *step,
			 const struct step_result *r, const void *data)
{
	struct session *s = server_find(d, token);
	struct propose *p = s ? s->propose : NULL;
	for (size_t i = 0; p && i < p->n; i++) {
		struct candidate *c = &p->items[i];
		if (!str_eq(c->key, step->target.device))
			continue;
		c->answered = true;
		if (r->status != STEP_DONE)
			(void)STR_COPY(c->not_proposed,
				       "not proposed, it cannot be seen who uses it");
		for (size_t k = 0; k < r->data_len / sizeof(struct holder); k++) {
			struct holder h;
			memcpy(&h, (const char *)data + k * sizeof(h), sizeof(h));
			judge(c, &h);
		}
	}
	if (!p || !all_answered(p))
		return;
	finish(s);
	session_settle(s);
}

static void ask_holders(struct session *s, struct propose *p)
{
	for (size_t i = 0; i < p->n; i++) {
		struct step step = { .verb = VERB_HOLDERS, .target.vf = -1 };
		memcpy(step.target.device, p->items[i].key, sizeof(step.target.device));
		if (picture_look(s->daemon, &step, holders_seen, s->token) == 0)
			continue;
		p->items[i].answered = true;
		(void)STR_COPY(p->items[i].not_proposed,
			       "not proposed, carve-executor does not answer who uses it");
	}
}

void method_propose(struct session *s, const json_t *params)
{
	(void)params;
	const struct have *h = &s->daemon->picture.have;
	struct propose *p = calloc(1, sizeof(*p));
	if (!p) {
		s->broken = true;
		return;
	}
	for (size_t i = 0; i < h->n_functions; i++)
		add_function(p, h, &h->functions[i]);
	add_mates(p, h);
	for (size_t i = 0; i < h->n_parents; i++)
		add(p, h->parents[i].key, "mdev", "mdev");
	s->propose = p;
	session_waits(s, SESSION_PROPOSE);
	ask_holders(s, p);
	if (all_answered(p))
		finish(s);
}
