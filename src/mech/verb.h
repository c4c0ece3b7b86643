/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The executor's side of a mechanism: one table of verbs per mechanism directory (verbs.c), run in a
 * worker process with a deadline. A verb writes, reads back, fills the result; it never decides policy
 * beyond the guards it is given.
 */
#pragma once
#include "model/step.h"

enum verb_class {	  /* which seccomp filter its worker has */
	VERB_CLASS_LOOK,  /* open read-only, read, readlink, getdents */
	VERB_CLASS_WRITE, /* and write to sysfs, chown nodes */
	VERB_CLASS_NET,	  /* and netlink sockets */
	VERB_CLASS_IOCTL, /* and device nodes with ioctl (NVMe) */
	VERB_CLASS_MODULE, /* WRITE, and finit_module with the files libkmod reads below /lib/modules:
			    * VERB_BIND loads the driver that modules.alias names for the function */
	/* A program of the distribution is run, without any capability: what it may not do is named,
	 * instead of what it may. */
	VERB_CLASS_PROGRAM,
	/* A program that works on a device through its vendor's library or script: as PROGRAM, and it has the
	 * capabilities that these need. */
	VERB_CLASS_VENDOR,
	VERB_CLASS_COUNT,
};
enum verb_lane {
	LANE_DEVICE, /* one at a time per device */
	LANE_HOST,   /* takes the kernel's rescan/remove lock: one at a time on the host */
	/* On a unit of systemd, for the sake of a device: one at a time for each, beside what is done on
	 * it, so that a device that is stuck stops no unit from starting. */
	LANE_UNIT,
	LANE_NONE, /* reads that may run beside anything */
};

/* Guards to run before the verb: each worker checks again, whatever carved believed. */
enum verb_guard {
	GUARD_ENROLLED = 1 << 0,
	GUARD_NEVER_TOUCH = 1
			    << 1, /* displays, disks, networks, consoles in use, and group mates */
	GUARD_HOLDERS = 1 << 2,	  /* open nodes, of the target and of what dies with it */
	GUARD_PF_IN_USE = 1 << 3, /* lifted by STEP_ALLOW_IN_USE_PF */
};

/* What a verb may use. sysfs: descriptor of /sys; addr: the resolved PCI function ("" for none);
 * path: resolved path of the target below /sys/devices. */
struct verb_context {
	int sysfs;
	int dev;	       /* descriptor of /dev */
	int proc;	       /* descriptor of /proc */
	int32_t executor;      /* pid of it */
	const char *services;  /* root's list of units */
	const char *systemctl; /* path of it */
	const char *run;       /* /run/carve */
	const char *nvml;      /* path of carve-nvml */
	char addr[PCI_ADDR_SIZE];
	char path[SYS_PATH_SIZE];
	char device_addr[PCI_ADDR_SIZE]; /* of target.device (the PF of a VF) */
	char device_path[SYS_PATH_SIZE];
	uint8_t *data;
	uint32_t size;
};

struct verb_entry {
	enum verb verb;
	enum verb_class class;
	enum verb_lane lane;
	uint32_t guards;
	uint32_t deadline_ms;
	/* Fills r (status, error, where, read-back). data/size: room for records behind the result;
	 * r->data_len says how many bytes were put there. Anything that went wrong is in r. */
	void (*run)(const struct verb_context *c, const struct step *s, struct step_result *r);
};

/* Helpers all verbs use to end: fill r and return. */
void verb_failed(struct step_result *r, int error, const char *where, const char *detail, ...)
	__attribute__((format(printf, 4, 5)));
void verb_refused(struct step_result *r, const char *reason, const char *detail, ...)
	__attribute__((format(printf, 3, 4)));

/* "devices/<path>/<attribute>" beneath the descriptor of /sys; -ENAMETOOLONG. */
#define VERB_PATH_SIZE 512
int verb_path(char ret[VERB_PATH_SIZE], const char *device, const char *attribute);
