/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See match.h. */
#include "policy/match.h"

#include <errno.h>
#include <strings.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "base/str.h"

struct policy_match *policy_match_new(enum match_op op)
{
	struct policy_match *m = calloc(1, sizeof(*m));
	if (m)
		m->op = op;
	return m;
}

/* Depth is bounded by the loader. */
struct policy_match *policy_match_free(struct policy_match *m)
{
	if (!m)
		return NULL;
	for (size_t i = 0; i < m->n_children; i++)
		policy_match_free(m->children[i]);
	for (size_t i = 0; i < m->n_values; i++)
		free(m->values[i]);
	free(m->children);
	free(m->values);
	free(m);
	return NULL;
}

struct policy_match *policy_match_add(struct policy_match *m, enum match_op op)
{
	struct policy_match *child = policy_match_new(op);
	struct policy_match **added = child ? ARRAY_ADD(m->children, m->n_children) : NULL;
	if (!added)
		return policy_match_free(child);
	return *added = child;
}

int policy_match_add_value(struct policy_match *leaf, const char *value)
{
	_cleanup_free_ char *copy = strdup(value);
	char **added = copy ? ARRAY_ADD(leaf->values, leaf->n_values) : NULL;
	if (!added)
		return -ENOMEM;
	*added = TAKE_PTR(copy);
	return 0;
}

static bool leaf_test(const struct policy_match *m, const struct match_subject *s)
{
	for (size_t i = 0; i < m->n_values; i++)
		if (m->option->test(s, m->values[i]))
			return true;
	return false;
}

bool policy_match_test(const struct policy_match *m, const struct match_subject *s)
{
	if (m->op == MATCH_LEAF)
		return leaf_test(m, s);

	bool any = false, all = true;
	for (size_t i = 0; i < m->n_children; i++) {
		bool holds = policy_match_test(m->children[i], s);
		any = any || holds;
		all = all && holds;
	}
	switch (m->op) {
	case MATCH_ANY:
		return any;
	case MATCH_NOT: /* of the keys below it taken together */
		return !all;
	case MATCH_ALL:
	case MATCH_LEAF:
		break;
	}
	return all;
}

static const char *subject_key(const struct match_subject *s)
{
	return s->f ? s->f->key : s->parent->key;
}

bool match_test_address(const struct match_subject *s, const char *value)
{
	return s->f && str_eq(s->f->addr, value);
}

bool match_test_key(const struct match_subject *s, const char *value)
{
	return str_eq(subject_key(s), value);
}

bool match_test_path(const struct match_subject *s, const char *value)
{
	const char *rest = str_after(subject_key(s), value);
	return rest && (*rest == '\0' || *rest == '/' || str_ends(value, "/"));
}

bool match_test_id(const struct match_subject *s, const char *value)
{
	char id[16];
	return s->f && STR_FORMAT(id, "%04x:%04x", s->f->vendor, s->f->device) >= 0 &&
	       strcasecmp(id, value) == 0;
}

bool match_test_class(const struct match_subject *s, const char *value)
{
	return s->f && str_eq(pci_class_name(s->f->class), value);
}

bool match_test_driver(const struct match_subject *s, const char *value)
{
	return s->f && str_eq(s->f->driver, value);
}

bool match_test_netdev(const struct match_subject *s, const char *value)
{
	const char *names = s->f && s->facts->netdevs
				    ? s->facts->netdevs(s->facts->userdata, s->f->addr)
				    : NULL;
	size_t len = strlen(value);
	while (names && *names) {
		size_t n = strcspn(names, " ");
		if (n == len && memcmp(names, value, len) == 0)
			return true;
		names += n + (names[n] == ' ');
	}
	return false;
}

bool match_test_model(const struct match_subject *s, const char *value)
{
	const char *model = s->f && s->facts->model ? s->facts->model(s->facts->userdata, s->f)
						    : NULL;
	return model && strcasestr(model, value);
}

bool match_test_numa(const struct match_subject *s, const char *value)
{
	char node[16];
	return s->f && STR_FORMAT(node, "%d", s->f->numa_node) >= 0 && str_eq(node, value);
}

bool match_test_boot_display(const struct match_subject *s, const char *value)
{
	bool is = s->f && s->f->boot_vga;
	return is == str_eq(value, "true");
}

bool match_test_mdev_parent(const struct match_subject *s, const char *value)
{
	/* A PCI function is in /sys/class/mdev_bus under its address. */
	if (s->f)
		return s->f->mdev_parent > 0 && str_eq(s->f->addr, value);
	return str_eq(s->parent->name, value);
}
