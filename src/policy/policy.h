/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A policy file as parsed: version, devices, divide, classes, reservations, tenants, drift, on-remove
 * (docs/policy.md). YAML 1.2 or JSON through libfyaml; unknown keys, unquoted ids, ambiguous booleans
 * and every other mistake are refused with file:line:column before anything is touched. Pure.
 */
#pragma once
#include "base/err.h"
#include "model/slice.h"

#define POLICY_TYPES 8	 /* kinds of slices that one divide, or one class, names */
#define POLICY_FROM 8	 /* selections of one class */
#define POLICY_KEEPS 4	 /* classes that one divide keeps room for */
#define POLICY_ENGINES 4 /* kinds of engines that one class asks for */
#define POLICY_PARTS 8	 /* classes of which one class has parts */
#define POLICY_WHOLE 64	 /* parts of one claim, in all */
#define POLICY_RESOURCES (3 + POLICY_ENGINES) /* of which one tenant has a quota */
#define POLICY_SERVICES WANT_SERVICES

struct policy_position {
	int line, column; /* from 1 */
};

/* A condition on a device; leaves are and-ed, each leaf may list several values (any of). */
struct policy_match;

struct policy_selection {
	char name[NAME_SIZE];
	struct policy_match *match;
	int expect; /* -1: not said */
	struct policy_position at;
};
enum policy_share_by {
	SHARE_BY_TIME_SLICE,
	SHARE_BY_MPS
};
struct policy_divide {
	char use[NAME_SIZE];
	struct policy_match *when; /* NULL: for each device of the selection */
	char mech[16];
	uint32_t count;
	bool bind_early, companions, in_use_pf, one_tenant, mixed;
	enum vgpu_scheduler scheduler;
	struct vf_settings vf;
	char types[POLICY_TYPES][NAME_SIZE];
	uint32_t type_count[POLICY_TYPES]; /* layout; all 0 with on_demand */
	uint32_t n_types;
	char fill[NAME_SIZE]; /* what the rest of the device becomes; empty: nothing */
	bool on_demand;
	char keep[POLICY_KEEPS][NAME_SIZE]; /* on demand: classes that room is kept for */
	uint32_t keep_count[POLICY_KEEPS];
	uint32_t n_keep;
	char warm[POLICY_TYPES][NAME_SIZE]; /* on demand: profiles made ahead, over all devices */
	uint32_t warm_count[POLICY_TYPES];
	uint32_t n_warm;
	char share[POLICY_TYPES]
		  [NAME_SIZE]; /* layout: profiles of which several claims have one at once */
	uint32_t share_count[POLICY_TYPES];
	uint32_t n_share;
	enum policy_share_by share_by;
	char services[POLICY_SERVICES][NAME_SIZE]; /* stopped while a device is changed */
	uint32_t n_services;
	int expect;
	enum after_use after_use;
	struct policy_position at;
};
enum policy_place {
	PLACE_FIT, /* the least harm to what comes later */
	PLACE_PACK,
	PLACE_SPREAD
};
/* How close to each other all parts of a claim must be. */
enum policy_near {
	NEAR_ANYWHERE,
	NEAR_NUMA,
	NEAR_ROOT_PORT
};
struct policy_class {
	char name[NAME_SIZE];
	char from[POLICY_FROM][NAME_SIZE];
	uint32_t n_from;
	char profiles[POLICY_TYPES][NAME_SIZE]; /* empty list: whatever the selections yield */
	uint32_t n_profiles;
	/* Or what a slice must have at least; 0: does not matter. */
	uint32_t memory;  /* MiB */
	uint32_t compute; /* units, as the vendor counts them */
	char engines[POLICY_ENGINES][NAME_SIZE];
	uint32_t engine_count[POLICY_ENGINES];
	uint32_t n_engines;
	enum policy_place place;
	bool movable; /* its claims may be moved, when people agree */
	bool may_mac, may_vlan, may_spoofchk, may_trust, may_link, may_rate;
	uint16_t vlan_min, vlan_max;
	uint32_t rate_max;     /* Mbit/s, 0 no limit */
	bool preemptible;      /* claims may offer their slice to whoever comes before them */
	uint32_t orphan_grace; /* seconds that a claim waits for its consumer to come back */
	/* Instead of slices of its own: a claim holds so many of each of these classes. */
	char parts[POLICY_PARTS][NAME_SIZE];
	uint32_t part_count[POLICY_PARTS];
	uint32_t n_parts;
	enum policy_near near;
	struct policy_position at;
};
struct policy_reservation {
	char name[NAME_SIZE], class[NAME_SIZE];
	char owner[128];
	char tenant[NAME_SIZE]; /* on whose account; empty: nobody's */
	struct vf_settings set;
	struct policy_position at;
};
/* An account that belongs to a tenant. */
enum policy_member_kind {
	MEMBER_USER,
	MEMBER_GROUP,
	MEMBER_UID,
	MEMBER_GID
};
struct policy_member {
	uint32_t kind;
	uint32_t id;	      /* UID, GID */
	char name[NAME_SIZE]; /* USER, GROUP */
};
/* How many slices of a class a tenant may have. */
struct policy_quota {
	char class[NAME_SIZE];
	uint32_t most;
	struct policy_position at;
};
/* Of what all its slices take together: "memory" (MiB), "compute" (units, as the vendor counts them), "vfs", or
 * engines by the names of the capacity model. */
struct policy_resource {
	char name[NAME_SIZE];
	uint32_t most;
};
struct policy_tenant {
	char name[NAME_SIZE];
	struct policy_member *members;
	size_t n_members;
	struct policy_quota *quotas;
	size_t n_quotas;
	struct policy_resource resources[POLICY_RESOURCES];
	uint32_t n_resources;
	int slices; /* in all; -1: not said */
	uint32_t priority;
	uint32_t lease_max, lease_idle; /* seconds; 0: no limit */
	struct policy_position at;
};
enum policy_drift {
	DRIFT_REPORT,
	DRIFT_REPAIR,
	DRIFT_ADOPT
};
enum policy_on_remove {
	ON_REMOVE_KEEP,
	ON_REMOVE_DESTROY
};

/* What carved does when the file that was applied changes. */
enum policy_on_change {
	ON_CHANGE_REPORT,
	ON_CHANGE_APPLY
};

/* In the order of the words of "unsafe". */
enum policy_risk {
	RISK_ACS_OVERRIDE, /* IOMMU groups are believed that the kernel was told to split */
	RISK_NVSWITCH,	   /* a GPU is handed out whose fabric partition is not known */
	RISK_COUNT
};

struct policy {
	char file[256];
	struct policy_selection *selections;
	size_t n_selections;
	struct policy_divide *divides;
	size_t n_divides;
	struct policy_class *classes;
	size_t n_classes;
	struct policy_reservation *reservations;
	size_t n_reservations;
	struct policy_tenant *tenants;
	size_t n_tenants;
	enum policy_drift drift;
	enum policy_on_remove on_remove;
	enum policy_on_change on_change;
	uint32_t risks; /* that are taken: bits of enum policy_risk */
};

/* NULL with reterr filled on any mistake. file is only for messages. */
struct policy *policy_parse(const char *text, size_t len, const char *file, struct err *reterr);
struct policy *policy_free(struct policy *p);
/* False without a policy. */
static inline bool policy_accepts(const struct policy *p, enum policy_risk risk)
{
	return p && p->risks & 1u << risk;
}
static inline void policy_freep(struct policy **p)
{
	policy_free(*p);
}

/* Facts a match may ask for that are not in struct function. */
struct policy_facts {
	const struct have *have;
	/* Of a function that its own driver does not have now: the driver that it had, and its interfaces, space
	 * separated; each NULL: not known, or it is on its driver. NULL: nobody asks. */
	void (*former)(void *userdata, const struct function *f, const char **ret_driver,
		       const char **ret_netdevs);
	/* Network interfaces of a function, space separated; NULL: unknown. */
	const char *(*netdevs)(void *userdata, const char *addr);
	const char *(*model)(void *userdata, const struct function *f);
	bool (*enrolled)(void *userdata, const char *key);
	/* Can the device become what w says? Says how many of fill that leaves room for, when it is not
	 * empty. 0, or negative with reterr. NULL: nobody asks. */
	int (*layout)(void *userdata, const struct want *w, const char *fill, uint32_t *ret_fill,
		      struct err *reterr);
	/* Labels that root gave the device in the file of enrolled devices, space separated; NULL: none. */
	const char *(*labels)(void *userdata, const char *key);
	/* Does root allow that this unit is stopped and started? NULL: nobody asks. */
	bool (*service)(void *userdata, const char *unit);
	void *userdata;
};

/* Which selection a device falls under (first match wins); NULL: none. */
const struct policy_selection *policy_select(const struct policy *p,
					     const struct policy_facts *facts,
					     const struct function *f,
					     const struct mdev_parent *parent);

/* Pins the policy to this machine: one want per selected device that a divide names. Refuses a wrong
 * "expect", a device that is selected but not enrolled (named, with what to do), a mechanism that
 * the device cannot do. *ret is owned by the caller (free). */
int policy_pin(const struct policy *p, const struct policy_facts *facts, struct want **ret,
	       size_t *ret_n, struct err *reterr);
/* What an entry of divide wants of one device, as policy_pin() pins it. */
int policy_want(const struct policy *p, const struct policy_facts *facts,
		const struct policy_divide *d, const struct function *f,
		const struct mdev_parent *parent, struct want *w, struct err *reterr);
/* NULL: there is none of that name; without a policy (p NULL) there is none at all. */
const struct policy_class *policy_class_find(const struct policy *p, const char *name);
/* Does the class draw on that selection? */
bool policy_class_from(const struct policy_class *c, const char *selection);
/* Does it ask for memory, compute units or engines? */
bool policy_class_asks(const struct policy_class *c);
/* How many slices of class "of" a claim of class "name" takes; of NULL: of any. The class itself: one. */
uint32_t policy_takes(const struct policy *p, const char *name, const char *of);
const struct policy_tenant *policy_tenant_find(const struct policy *p, const char *name);
/* An account as the kernel and the name services know it. */
struct policy_account {
	uint32_t uid;
	const char *user; /* NULL: it has no name */
	const uint32_t *gids;
	const char *const *groups; /* a name for each of gids, or NULL; NULL: none has one */
	size_t n_gids;
};
/* The first tenant it belongs to, in the order of the file; NULL: none. */
const struct policy_tenant *policy_tenant_of(const struct policy *p,
					     const struct policy_account *a);
/* "user:alice", "gid:50". -EINVAL: no such text. -ERANGE, -ENAMETOOLONG. */
int policy_member_parse(const char *text, struct policy_member *ret);
void policy_member_format(const struct policy_member *m, char ret[NAME_SIZE + 8]);
/* "mac=52:54:00:aa:00:01", "vlan=120" ... into settings, within what the class allows. */
int policy_setting_parse(const char *text, struct vf_settings *s, struct err *reterr);
int policy_settings_allowed(const struct policy_class *c, const struct vf_settings *s,
			    struct err *reterr);
/* JSON schema, generated from the same option table that validates. Caller frees. */
char *policy_schema(void);
