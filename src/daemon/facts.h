/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What people call devices, which drivers could serve them, their network interfaces: facts beside the
 * picture. Names and drivers come from large files, so they are looked up once per kind of device and
 * kept; the files are not.
 */
#pragma once
#include "engine/engine.h"
#include "host/enroll.h"
#include "host/services.h"
#include "policy/policy.h"

struct facts_entry {
	char modalias[128];
	char *name;    /* "Intel Corporation 82576 Gigabit Network Connection" */
	char *drivers; /* space separated */
};
struct facts {
	struct facts_entry *entries;
	size_t n;
};

void facts_done(struct facts *facts);
/* Looks up what is new in the picture. */
void facts_prepare(struct facts *facts, const struct have *h);
/* NULL: not known. */
const struct facts_entry *facts_find(const struct facts *facts, const struct function *f);

/* Network interfaces by the function they belong to, as of now. */
struct facts_netdev {
	char addr[PCI_ADDR_SIZE];
	char names[256]; /* space separated */
};
struct facts_netdevs {
	struct facts_netdev *items;
	size_t n;
};
/* Follows links only. */
int facts_netdevs_read(int sysfs, struct facts_netdevs *ret);
void facts_netdevs_done(struct facts_netdevs *n);
const char *facts_netdevs_find(const struct facts_netdevs *n, const char *addr);

/* All of it for matching a policy; borrows everything, the callbacks take its address. */
struct facts_match {
	const struct have *have;
	const struct facts *facts;
	struct engine *engine;
	struct facts_netdevs netdevs;
	struct enrollment enrolled;
	struct service_list services;
};
struct policy_facts facts_for_policy(const struct facts_match *m);
void facts_match_done(struct facts_match *m);
