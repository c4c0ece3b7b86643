/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Conditions on devices: the tree a "match" becomes, and how it is tested. */
#pragma once
#include "policy/option.h"

enum match_op {
	MATCH_ALL,
	MATCH_ANY,
	MATCH_NOT,
	MATCH_LEAF
};

struct policy_match {
	enum match_op op;
	const struct policy_option *option; /* of a leaf: test() */
	char **values;			    /* of a leaf: any of them */
	size_t n_values;
	struct policy_match **children;
	size_t n_children;
};

/* What is tested: function or, for a parent that is no PCI function, only parent. */
struct match_subject {
	const struct policy_facts *facts;
	const struct function *f;
	const struct mdev_parent *parent;
};

struct policy_match *policy_match_new(enum match_op op);
struct policy_match *policy_match_free(struct policy_match *m);
/* Adds a new child and returns it (borrowed); NULL: no memory. */
struct policy_match *policy_match_add(struct policy_match *m, enum match_op op);
int policy_match_add_value(struct policy_match *leaf, const char *value);

/* The conditions that made a match hold, or fail, for a device. Starts zeroed. */
struct match_cause {
	const struct policy_match *leaf;
	bool holds;
};
struct match_trace {
	struct match_cause *causes;
	size_t n;
	bool failed; /* memory ran out */
};
void match_trace_done(struct match_trace *t);

/* trace: NULL, or where the causes are put. */
bool policy_match_test(const struct policy_match *m, const struct match_subject *s,
		       struct match_trace *trace);
/* The causes of a result in words: "numa is 1, wanted 0". Caller frees; NULL: no memory. */
char *match_trace_text(const struct match_trace *t, const struct match_subject *s);

/* What a device has of the match keys, for the table in option.c: text, in ret or borrowed; NULL: it has none. */
const char *match_fact_address(const struct match_subject *s, char *ret, size_t size);
const char *match_fact_key(const struct match_subject *s, char *ret, size_t size);
const char *match_fact_id(const struct match_subject *s, char *ret, size_t size);
const char *match_fact_vendor(const struct match_subject *s, char *ret, size_t size);
const char *match_fact_subsystem(const struct match_subject *s, char *ret, size_t size);
const char *match_fact_serial(const struct match_subject *s, char *ret, size_t size);
const char *match_fact_class(const struct match_subject *s, char *ret, size_t size);
const char *match_fact_driver(const struct match_subject *s, char *ret, size_t size);
const char *match_fact_netdevs(const struct match_subject *s, char *ret, size_t size);
const char *match_fact_model(const struct match_subject *s, char *ret, size_t size);
const char *match_fact_numa(const struct match_subject *s, char *ret, size_t size);
const char *match_fact_labels(const struct match_subject *s, char *ret, size_t size);
const char *match_fact_boot_display(const struct match_subject *s, char *ret, size_t size);
const char *match_fact_mdev_parent(const struct match_subject *s, char *ret, size_t size);

/* Whether a wanted value holds for that. */
bool match_same(const char *fact, const char *value);
bool match_same_hex(const char *fact, const char *value);
/* fact is words with blanks between. */
bool match_has_word(const char *fact, const char *value);
bool match_has_part(const char *fact, const char *value);
/* fact is a device key, value the beginning of one. */
bool match_is_below(const char *fact, const char *value);
