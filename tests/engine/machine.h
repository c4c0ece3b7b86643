/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A host that exists only in memory, on virtual time: PFs whose VF count goes through 0, NVMe
 * controllers, functions to pass through, parents of mdevs whose types share a pool, things carve never
 * made and devices nobody enrolled. It performs steps as carve-executor would (guards, read-back, one
 * at a time per device) and fails when told to. It keeps what only the hardware knows: who could
 * still read what is left in a slice.
 */
#pragma once
#include "base/err.h"
#include "model/slice.h"

#define MACHINE_DEVICES 128
#define MACHINE_UUIDS 512

enum machine_fault {
	FAULT_NONE,
	FAULT_ERROR,   /* the kernel says no, nothing done */
	FAULT_HALF,    /* the kernel says no, yet it was done */
	FAULT_TIMEOUT, /* past its deadline, done later */
	FAULT_LOST,    /* done, but the answer is lost with its worker */
};

struct machine_holder {
	struct target target;
	uint32_t uid;
	int32_t pid;
};
/* What is left of a tenant: of a VF, a function or an mdev. uid + 1; 0: nothing. */
struct machine_residue {
	struct target target;
	uint32_t uid;
};
struct machine_step {
	struct step step;
	int64_t ends_at, timeout_at;
	enum machine_fault fault;
	bool told;  /* timeout was told, the late end is to come */
	bool taken; /* carved that sent it is gone */
};
/* A unit of systemd, which has devices open as long as it runs. */
struct machine_unit {
	char name[NAME_SIZE];
	char holds[4][DEVICE_KEY_SIZE];
	bool runs, clings, broken; /* does not stop; does not start */
	bool ours;		   /* a step stopped it, and nobody started it since */
	bool unlisted;		   /* root lets nobody stop it */
	bool refused;		   /* the last step that was to start it failed */
	unsigned stops, starts;	   /* by steps */
};
struct machine_weight { /* what one mdev of a type takes from its parent's pool */
	char parent[DEVICE_KEY_SIZE], type[NAME_SIZE];
	uint32_t units;
};
struct machine_pool {
	char parent[DEVICE_KEY_SIZE];
	uint32_t units, used;
};

struct machine {
	struct have have; /* the truth */
	int64_t now;
	struct machine_holder *holders;
	size_t n_holders;
	struct machine_residue *residues;
	size_t n_residues;
	struct machine_step *steps;
	size_t n_steps;
	struct machine_unit units[8];
	size_t n_units;
	struct machine_weight weights[2 * MACHINE_DEVICES];
	size_t n_weights;
	struct machine_pool pools[MACHINE_DEVICES];
	size_t n_pools;
	char enrolled[MACHINE_DEVICES][DEVICE_KEY_SIZE];
	size_t n_enrolled;
	char made[MACHINE_UUIDS][UUID_SIZE]; /* mdevs that steps made */
	size_t n_made;
	char cut[MACHINE_DEVICES][DEVICE_KEY_SIZE]; /* PFs whose VFs steps made */
	size_t n_cut;
	char handed[MACHINE_DEVICES][DEVICE_KEY_SIZE]; /* functions that another tool binds */
	size_t n_handed;
	unsigned n_parts; /* GPU instances that there ever were */
	struct target
		parts_made[MACHINE_DEVICES]; /* those that steps made, or that were taken over */
	size_t n_parts_made;
	bool half_made;	 /* compute instances cannot be made */
	char *violation; /* the first thing that must never happen */
	uint64_t performed, writes;
	unsigned bus;
};

void machine_init(struct machine *m);
void machine_done(struct machine *m);
/* Everything that does not survive a reboot goes; addresses and groups change. */
void machine_reboot(struct machine *m);
/* The executor dies: what runs ends unheard. */
void machine_executor_crash(struct machine *m);

void machine_add_pf(struct machine *m, const char *key, uint32_t class, uint16_t total,
		    bool enrolled);
void machine_add_function(struct machine *m, const char *key, uint32_t class, const char *driver,
			  bool flr, bool enrolled);
void machine_add_parent(struct machine *m, const char *key, uint32_t units, bool enrolled);
void machine_add_type(struct machine *m, const char *parent, const char *type, uint32_t units);

/* An A100 of 40 GB, MIG off. */
void machine_add_gpu(struct machine *m, const char *key);

/* One that runs; what it holds is for the caller to fill in. */
struct machine_unit *machine_add_unit(struct machine *m, const char *name);
/* NULL: there is none. */
struct machine_unit *machine_unit(struct machine *m, const char *name);

/* Out of band: what other people do. Negative errno when the kernel would refuse. */
int machine_vfs_set(struct machine *m, const char *key, unsigned count, bool by_step);
int machine_mdev_create(struct machine *m, const char *parent, const char *uuid, const char *type);
int machine_mdev_remove(struct machine *m, const char *uuid);
/* whole: with its compute instance. */
int machine_part_create(struct machine *m, const char *key, const char *profile, uint32_t start,
			bool whole);
int machine_part_destroy(struct machine *m, const char *key, uint32_t start);
void machine_parts_wipe(struct machine *m);
/* All of one GPU are gone, by what its driver did. */
void machine_parts_lose(struct machine *m, const char *key);
void machine_part_own(struct machine *m, const struct target *t);
void machine_part_disown(struct machine *m, const struct target *t);
int machine_open(struct machine *m, const struct target *t, uint32_t uid, int32_t pid);
void machine_close(struct machine *m, const struct target *t);
bool machine_is_held(const struct machine *m, const struct target *t);
/* carve took it over, or gave it up: an mdev, or (uuid empty) the VFs of that device. */
void machine_adopted(struct machine *m, const struct target *t);
void machine_disowned(struct machine *m, const struct target *t);
/* carve gave a whole function up as it is: whoever has it, what is left there and its driver are another tool's matter. */
void machine_handed(struct machine *m, const char *key);
bool machine_is_handed(const struct machine *m, const char *key);
bool machine_was_made(const struct machine *m, const char *uuid);
bool machine_was_cut(const struct machine *m, const char *key);
uint32_t machine_residue_uid(const struct machine *m, const struct target *t);
struct function *machine_function(struct machine *m, const struct target *t);

void machine_residue_clear(struct machine *m, const struct target *t);
void machine_violated(struct machine *m, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
/* An L40S whose driver makes vGPUs, without VFs. */
void machine_add_vgpu(struct machine *m, const char *key);
/* An A100 whose vGPUs run in GPU instances; the driver decides in which. */
void machine_add_vgpu_mig(struct machine *m, const char *key);
/* After GPU instances came or went. */
void machine_vgpu_types_show(struct machine *m, const char *key);
/* All its VFs, or none; the type of one by its number, 0: none; other numbers for all types; all of it gone. */
int machine_vgpu_vfs(struct machine *m, const char *key, bool on);
int machine_vgpu_set(struct machine *m, const struct target *t, uint32_t id);
int machine_vgpu_step(struct machine *m, const struct step *s, struct step_result *r);
void machine_vgpu_ids(struct machine *m, uint32_t by);
void machine_vgpus_wipe(struct machine *m);
/* The verbs of GPUs: 1 done, 0 was so already, negative errno. */
int machine_gpu_step(struct machine *m, const struct step *s, struct step_result *r);

/* Begins a step; it ends at now + duration. */
void machine_begin(struct machine *m, const struct step *s, int64_t duration,
		   enum machine_fault fault);
/* The next end that is due by now: fills *ret and up to room holders. False: none. */
bool machine_next(struct machine *m, struct step_result *ret, struct holder *holders, size_t room,
		  size_t *ret_n);
/* When the next step ends, -1: none runs. */
int64_t machine_wake(const struct machine *m);
