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

void match_trace_done(struct match_trace *t)
{
	free(t->causes);
	*t = (struct match_trace){ 0 };
}

static void trace_add(struct match_trace *t, const struct policy_match *leaf, bool holds)
{
	struct match_cause *c = ARRAY_ADD(t->causes, t->n);
	if (c)
		*c = (struct match_cause){ .leaf = leaf, .holds = holds };
	else
		t->failed = true;
}

/* Of what came from begin on, only that from kept on was the cause. */
static void trace_settle(struct match_trace *t, size_t begin, size_t kept)
{
	memmove(t->causes + begin, t->causes + kept, (t->n - kept) * sizeof(*t->causes));
	t->n -= kept - begin;
}

#define FACT_MAX 320

static bool leaf_test(const struct policy_match *m, const struct match_subject *s,
		      struct match_trace *trace)
{
	char text[FACT_MAX];
	const char *fact = m->option->fact(s, text, sizeof(text));
	bool holds = false;
	for (size_t i = 0; fact && !holds && i < m->n_values; i++)
		holds = m->option->test(fact, m->values[i]);
	if (trace)
		trace_add(trace, m, holds);
	return holds;
}

bool policy_match_test(const struct policy_match *m, const struct match_subject *s,
		       struct match_trace *trace)
{
	if (m->op == MATCH_LEAF)
		return leaf_test(m, s, trace);

	/* One child that holds settles "any"; one that does not, "all", and "not" the other way round. */
	bool settles = m->op == MATCH_ANY, result = !settles;
	size_t begin = trace ? trace->n : 0;
	for (size_t i = 0; i < m->n_children; i++) {
		size_t kept = trace ? trace->n : 0;
		if (policy_match_test(m->children[i], s, trace) != settles)
			continue;
		if (trace && trace->n > begin)
			trace_settle(trace, begin, kept);
		result = settles;
		break;
	}
	return m->op == MATCH_NOT ? !result : result;
}

static void cause_text(const struct match_cause *c, const struct match_subject *s,
		       struct str_buf *out)
{
	char text[FACT_MAX];
	const struct policy_match *leaf = c->leaf;
	const char *key = leaf->option->key, *fact = leaf->option->fact(s, text, sizeof(text));
	if (fact)
		str_buf_addf(out, "%s%s is %s", out->len ? "; " : "", key, fact);
	else
		str_buf_addf(out, "%sit has no %s", out->len ? "; " : "", key);
	if (c->holds)
		return;
	for (size_t i = 0; i < leaf->n_values; i++)
		str_buf_addf(out, "%s%s", i ? " or " : ", wanted ", leaf->values[i]);
}

char *match_trace_text(const struct match_trace *t, const struct match_subject *s)
{
	struct str_buf b = { 0 };
	for (size_t i = 0; i < t->n; i++)
		cause_text(&t->causes[i], s, &b);
	if (!t->failed)
		return str_buf_take(&b);
	str_buf_done(&b);
	return NULL;
}

/* --- what a device has ----------------------------------------------------------------------- */

const char *match_fact_address(const struct match_subject *s, char *ret, size_t size)
{
	(void)ret, (void)size;
	return s->f ? s->f->addr : NULL;
}

const char *match_fact_key(const struct match_subject *s, char *ret, size_t size)
{
	(void)ret, (void)size;
	return s->f ? s->f->key : s->parent->key;
}

static const char *pair_of_ids(unsigned first, unsigned second, char *ret, size_t size)
{
	return str_format(ret, size, "%04x:%04x", first, second) == 0 ? ret : NULL;
}

const char *match_fact_id(const struct match_subject *s, char *ret, size_t size)
{
	return s->f ? pair_of_ids(s->f->vendor, s->f->device, ret, size) : NULL;
}

const char *match_fact_vendor(const struct match_subject *s, char *ret, size_t size)
{
	return s->f && str_format(ret, size, "%04x", s->f->vendor) == 0 ? ret : NULL;
}

/* Functions without one read as zeroes. */
const char *match_fact_subsystem(const struct match_subject *s, char *ret, size_t size)
{
	bool has = s->f && (s->f->subvendor || s->f->subdevice);
	return has ? pair_of_ids(s->f->subvendor, s->f->subdevice, ret, size) : NULL;
}

const char *match_fact_serial(const struct match_subject *s, char *ret, size_t size)
{
	bool has = s->f && s->f->caps.has_serial;
	return has && str_format(ret, size, "%016llx", (unsigned long long)s->f->caps.serial) == 0
		       ? ret
		       : NULL;
}

const char *match_fact_class(const struct match_subject *s, char *ret, size_t size)
{
	(void)ret, (void)size;
	return s->f ? pci_class_name(s->f->class) : NULL;
}

static const char *unless_empty(const char *words)
{
	return words && *words ? words : NULL;
}

/* A device must not leave its selection because it was bound for a guest. */
static void former(const struct match_subject *s, const char **ret_driver, const char **ret_netdevs)
{
	*ret_driver = *ret_netdevs = NULL;
	if (s->f && s->facts->former)
		s->facts->former(s->facts->userdata, s->f, ret_driver, ret_netdevs);
}

const char *match_fact_driver(const struct match_subject *s, char *ret, size_t size)
{
	(void)ret, (void)size;
	const char *driver, *netdevs;
	former(s, &driver, &netdevs);
	return driver ? driver : s->f ? unless_empty(s->f->driver) : NULL;
}

const char *match_fact_netdevs(const struct match_subject *s, char *ret, size_t size)
{
	(void)ret, (void)size;
	const struct policy_facts *facts = s->facts;
	if (!s->f || !facts->netdevs)
		return NULL;
	const char *now = unless_empty(facts->netdevs(facts->userdata, s->f->addr));
	const char *driver, *netdevs;
	former(s, &driver, &netdevs);
	return now ? now : netdevs;
}

const char *match_fact_model(const struct match_subject *s, char *ret, size_t size)
{
	(void)ret, (void)size;
	const struct policy_facts *facts = s->facts;
	return s->f && facts->model ? unless_empty(facts->model(facts->userdata, s->f)) : NULL;
}

const char *match_fact_numa(const struct match_subject *s, char *ret, size_t size)
{
	bool known = s->f && s->f->numa_node >= 0;
	return known && str_format(ret, size, "%d", s->f->numa_node) == 0 ? ret : NULL;
}

const char *match_fact_labels(const struct match_subject *s, char *ret, size_t size)
{
	const struct policy_facts *facts = s->facts;
	const char *key = match_fact_key(s, ret, size);
	return facts->labels ? unless_empty(facts->labels(facts->userdata, key)) : NULL;
}

const char *match_fact_boot_display(const struct match_subject *s, char *ret, size_t size)
{
	(void)ret, (void)size;
	return s->f && s->f->boot_vga ? "true" : "false";
}

/* A PCI function is in /sys/class/mdev_bus under its address. */
const char *match_fact_mdev_parent(const struct match_subject *s, char *ret, size_t size)
{
	(void)ret, (void)size;
	if (s->f)
		return s->f->mdev_parent > 0 ? s->f->addr : NULL;
	return s->parent->name;
}

/* --- and whether that is what is wanted ------------------------------------------------------ */

bool match_same(const char *fact, const char *value)
{
	return str_eq(fact, value);
}

bool match_same_hex(const char *fact, const char *value)
{
	return strcasecmp(fact, value) == 0;
}

bool match_has_word(const char *fact, const char *value)
{
	size_t len = strlen(value);
	while (*fact) {
		size_t n = strcspn(fact, " ");
		if (n == len && memcmp(fact, value, len) == 0)
			return true;
		fact += n + (fact[n] == ' ');
	}
	return false;
}

bool match_has_part(const char *fact, const char *value)
{
	return strcasestr(fact, value);
}

bool match_is_below(const char *fact, const char *value)
{
	const char *rest = str_after(fact, value);
	return rest && (*rest == '\0' || *rest == '/' || str_ends(value, "/"));
}
