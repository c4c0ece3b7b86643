/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The words of the record: wants (what the applied policy says for each device, pinned to
 * identity), slices, claims. Plain data; the ledger stores them, the engine decides on them.
 */
#pragma once
#include <string.h>

#include "model/step.h"

enum slice_state {
	SLICE_WANTED,	 /* recorded, not there yet */
	SLICE_READY,	 /* there, free */
	SLICE_PREPARING, /* on its way to a claim */
	SLICE_HELD,
	SLICE_RECLAIMING,
	SLICE_QUARANTINED, /* reason says why; never handed out */
	SLICE_LOST,	   /* was there, is not any more */
	SLICE_REMOVING,
};

/* Recorded before the step goes out: when its end is never told, the slice is treated as pinned, for the
 * kernel allows D3cold unless it is told otherwise; but of VFs, which have no power management of their
 * own, it never does (drivers/pci/pci.c pci_pm_init()). */
enum slice_power {
	SLICE_POWER_OWN,    /* as it was */
	SLICE_POWER_PINNED, /* ours: to be allowed again */
	SLICE_POWER_ASKED,  /* a step is on its way that says so */
};

/* A step to make it went out: what is found there is ours, half made as well. Beside what bears a name of its own
 * nothing else tells it from what others made. */
enum slice_asked {
	ASKED_PART = 1 << 0, /* the GPU instance that it is, or runs in */
	ASKED_TYPE = 1 << 1, /* the type of its VF */
};

/* What carve brought the device into, and takes it out of again with the last slice that needed it. */
enum slice_opened {
	OPENED_MODE = 1 << 0, /* MIG; an MPS server */
	OPENED_VFS = 1 << 1,  /* all VFs, the vendor's way */
};

/* Made ahead of claims, on a device that is divided on demand. */
enum slice_warm {
	WARM_NO,
	WARM_YES,
	WARM_MAKES_WAY, /* it goes, since a claim has its room */
};

struct slice {
	uint64_t id;
	char device[DEVICE_KEY_SIZE];
	char mech[16];		 /* "passthrough", "sriov", "mdev" */
	char profile[NAME_SIZE]; /* "passthrough", "vf", type id */
	int32_t index;		 /* VF index, -1 */
	uint32_t start;		 /* slot where it begins, on devices that have slots */
	/* Of a part that several claims have at once: the how-manyth this is, from 1. 0: one has all of it. */
	uint32_t share;
	char uuid[UUID_SIZE];
	/* Its mechanism makes and removes it alone, not with the layout of its device: mdevs, GPU instances,
	 * vGPUs. */
	uint8_t alone;
	/* The UUID that its driver gave it, which is another one each time it is made; empty: not known. */
	char known_as[GPU_UUID_SIZE];
	uint8_t opened; /* enum slice_opened: what carve did to the device for its sake, or that of one before it */
	uint8_t asked;	   /* enum slice_asked */
	uint32_t state;	   /* enum slice_state */
	uint8_t on_demand; /* made for a claim, removed with it */
	uint8_t warm;	   /* enum slice_warm; on_demand too, from the claim on that takes it */
	uint8_t adopted; /* others made it; beside what the policy makes, as long as it names the profile */
	uint8_t unproven;      /* others may have used it: made anew before a claim gets it */
	char claim[NAME_SIZE]; /* empty: none */
	uint8_t has_original;
	char original_driver[NAME_SIZE]; /* before carve bound it; empty: it had none */
	/* As many of its interfaces then as fit, space separated. */
	char original_netdevs[NAME_SIZE];
	uint8_t power_pinned; /* D3cold was allowed when it was taken: enum slice_power */
	uint8_t dirty;	      /* used since the last proof of reclaim */
	uint32_t last_uid;    /* account that used it last, while dirty; and its tenant */
	char last_tenant[NAME_SIZE];
	uint8_t failed; /* its last claim could not be served, for its own sake; reason says why */
	char reason[256];
};

enum claim_kind {
	CLAIM_RUNNING,
	CLAIM_RESERVED
};
enum claim_state {
	CLAIM_PREPARING, /* intention on disk, steps under way */
	CLAIM_HELD,	 /* granted */
	CLAIM_RELEASING, /* asked for or consumer gone; waits for proof */
	CLAIM_FAILED,	 /* could not be served; kept until the answer was given */
	CLAIM_BROKEN,	 /* held, but its slice is lost or was changed by others; reason says how */
};

/* How long a claim lasts: what its tenant had when it was granted. Times are seconds since the epoch, so
 * that it goes on over restarts of the service and of the host. */
struct lease {
	int64_t since;	    /* granted; 0: not yet */
	int64_t used;	    /* when its slice was last seen in use, or could first be used */
	uint32_t max, idle; /* seconds; 0: no limit */
	uint8_t in_use;	    /* when last looked at */
	uint8_t told;	    /* that it ends soon */
};

struct claim {
	char name[NAME_SIZE];
	char class[NAME_SIZE];
	uint64_t slice; /* id; 0 none */
	uint32_t kind, state;
	uint32_t uid, gid; /* whose account, from peer credentials; the node is granted to them */
	uint32_t grant_uid, grant_gid;
	char owner[128]; /* label given in the request: "libvirt:web01", "pid:4121", "manual:..." */
	int32_t pid;	 /* process it is tied to, 0 */
	uint64_t pid_start;
	char boot_id[UUID_SIZE]; /* of the boot in which pid is meant */
	uint8_t from_policy;	 /* a reservation of the policy */
	char tenant[NAME_SIZE];	 /* whose quota it counts for; empty: nobody's */
	uint64_t arrival;	 /* claims that wait are served in this order */
	uint8_t preemptible;	 /* whoever comes before it in that order may have its slice */
	char near[NAME_SIZE];	 /* a claim whose slice it should be near; empty: none */
	char whole[NAME_SIZE];	 /* the claim this one is a part of; empty: none */
	uint32_t parts;		 /* claims that are parts of this one, which has no slice itself */
	uint8_t companion;	 /* a part that comes with another one: nobody asked for it */
	struct vf_settings set;	 /* claim's own settings over the policy's defaults */
	int64_t created;	 /* seconds since the epoch */
	struct lease lease;
	int64_t orphan_end; /* its consumer is gone, and it ends then; 0: it is not */
	char ended[256];    /* why it is being released */
	char reason[256];
};

/* Is it of that account? Doors claim for many tenants with one uid. */
static inline bool claim_is_of(const struct claim *c, uint32_t uid, const char *tenant)
{
	return c->uid == uid && strcmp(c->tenant, tenant) == 0;
}

/* It waits for a slice, or for all its parts. */
static inline bool claim_is_waiting(const struct claim *c)
{
	return c->state == CLAIM_PREPARING && c->slice == 0 && c->parts == 0;
}

/* What is asked for, waited for, granted and released: the whole, of a part. */
static inline const char *claim_whole(const struct claim *c)
{
	return c->whole[0] ? c->whole : c->name;
}

/* What must have happened to a slice that was used before another account gets it. */
enum after_use {
	AFTER_USE_UNSAID, /* as AFTER_USE_PROVE; nobody has thought about it */
	AFTER_USE_PROVE,  /* what its mechanism takes for a proof (enum mech_proof) */
	AFTER_USE_SAME_TENANT,
	AFTER_USE_QUARANTINE
};

/* Its consumer is gone and may come back for it: nobody else gets the slice, and nothing is done to it. */
static inline bool claim_is_orphaned(const struct claim *c)
{
	return c->state == CLAIM_HELD && c->orphan_end != 0;
}

#define WANT_TYPES 8
#define WANT_SERVICES 8

/* What somebody decided about a device, whatever the policy says of it. */
struct device_note {
	char device[DEVICE_KEY_SIZE];
	uint8_t drained; /* no claim gets anything of it */
	uint32_t uid;	 /* who said so */
	int64_t since;	 /* seconds since the epoch */
	char reason[128];
};

/* What the applied policy wants of one device. */
struct want {
	char device[DEVICE_KEY_SIZE];
	uint16_t vendor, device_id;
	uint8_t has_serial;
	uint64_t serial;
	char selection[NAME_SIZE]; /* "nic": name in the policy */
	char where[128];	   /* "inference.yaml:12" */
	char mech[16];
	/* What it was matched by and does not have while it is bound for a guest. */
	char driver[NAME_SIZE];
	char netdevs[256]; /* space separated */
	uint32_t count;	   /* sriov: VFs */
	uint8_t in_use_pf; /* allow */
	uint8_t bind_early;
	struct vf_settings vf;		   /* defaults for each VF */
	char types[WANT_TYPES][NAME_SIZE]; /* mdev: allowed types, in order */
	uint32_t type_count[WANT_TYPES];   /* how many of each made ahead; all 0: on demand */
	uint32_t n_types;
	uint32_t share[WANT_TYPES]; /* so many claims have a slice of that type at once; 0: one */
	uint8_t share_mps;	    /* not in turn: a server lets them run side by side */
	char keep[4][NAME_SIZE];    /* on demand: classes that room is kept for */
	uint32_t keep_count[4];	    /* for so many of each, over all devices of the selection */
	uint32_t n_keep;
	uint32_t warm
		[WANT_TYPES]; /* on demand: so many of each type made ahead, over all devices of where */
	/* What each type takes of its device, where that only tells how many more there could be; 0: not
	 * known. A full one does not tell it any more. */
	uint32_t units[WANT_TYPES];
	char services[WANT_SERVICES][NAME_SIZE]; /* units stopped while it is changed, in order */
	uint32_t n_services;
	uint8_t on_remove_destroy;
	uint8_t after_use;  /* enum after_use */
	uint8_t one_tenant; /* all that is held of the device is held by one */
	/* No option: enum slice_opened, which slices that are gone again leave behind. */
	uint8_t opened;
	uint8_t companions; /* what shares its slot or its IOMMU group goes with it */
	/* It is such a companion, of that device: claimed with it, and never by itself. */
	char leader[DEVICE_KEY_SIZE];
	uint8_t mixed;	   /* vgpu: of several sizes */
	uint8_t scheduler; /* vgpu: enum vgpu_scheduler */
};

/* It is with its own driver, or will be bound anew. */
void slice_forget_original(struct slice *s);
/* Is it the device that was meant? A serial number that could not be read is no other one. */
/* How many claims have a slice of that type at once; 0: one. */
uint32_t want_shares(const struct want *w, const char *type);
bool want_has_ids_of(const struct want *w, const struct function *f);
bool want_has_serial_of(const struct want *w, const struct function *f);

const char *slice_state_name(enum slice_state s);
const char *claim_state_name(enum claim_state s);
/* When it ends at the latest, and when if nobody uses the slice; 0: never. */
int64_t lease_ends(const struct lease *l);
int64_t lease_idle_ends(const struct lease *l);
/* "sriov/pci:0000:00/03.0/00.0/vf3": unique name of a slice for people and the API. */
int slice_name(const struct slice *s, char *ret, size_t size);
struct target slice_target(const struct slice *s);
/* A GPU instance: which one is said by where it begins. */
static inline bool slice_is_part(const struct slice *s)
{
	return s->alone && !s->uuid[0] && s->index < 0;
}
/* That GPU instance is the slice, or was made for it: a vGPU that runs in one. */
bool slice_has_part(const struct have *h, const struct slice *s, const struct gpu_part *p);
/* Are both shares of one part? */
bool slice_is_mate(const struct slice *a, const struct slice *b);
/* The function as a whole. */
static inline bool slice_is_whole(const struct slice *s)
{
	return !s->alone && s->index < 0;
}
