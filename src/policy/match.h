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
bool policy_match_test(const struct policy_match *m, const struct match_subject *s);

/* The tests of the match keys, for the table in option.c. */
bool match_test_address(const struct match_subject *s, const char *value);
bool match_test_key(const struct match_subject *s, const char *value);
bool match_test_path(const struct match_subject *s, const char *value);
bool match_test_id(const struct match_subject *s, const char *value);
bool match_test_class(const struct match_subject *s, const char *value);
bool match_test_driver(const struct match_subject *s, const char *value);
bool match_test_netdev(const struct match_subject *s, const char *value);
bool match_test_model(const struct match_subject *s, const char *value);
bool match_test_numa(const struct match_subject *s, const char *value);
bool match_test_boot_display(const struct match_subject *s, const char *value);
bool match_test_mdev_parent(const struct match_subject *s, const char *value);
