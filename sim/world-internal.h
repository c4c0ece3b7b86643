/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the files world*.c share with each other. All of it runs in process 1 of the world. */
#pragma once
#include "sim/machine.h"
#include "sim/world.h"

#define WORLD_TREE WORLD_DIR "/machine" /* where the machine's file system is mounted whole */

/* There is no world: why, and that nothing was changed. -error. */
int world_failed(struct err *reterr, int error, const char *what, const char *on);

/* --- world-mounts.c --------------------------------------------------------------------------- */

/* mount(2) of a new file system, and of what is there already (more: MS_REC or 0); mkdir(2), which may be
 * there. */
int world_mount_new(const char *type, const char *at, unsigned long flags, const char *options,
		    struct err *reterr);
int world_mount_bind(const char *from, const char *to, unsigned long more, struct err *reterr);
int world_folder(const char *path, struct err *reterr);
/* Places in the machine's /dev for what is no part of it, before the tree is shown. Lock held. */
void world_dev_places(struct machine *m);
/* /dev of the machine; /proc of the world, with the machine's files. */
int world_dev_mount(struct err *reterr);
int world_proc_mount(struct err *reterr);
/* Disks that the host file says are mounted. */
int world_disks_mount(struct machine *m, struct err *reterr);

/* --- world-etc.c ------------------------------------------------------------------------------ */

int world_etc_mount(struct err *reterr);

/* --- world-usr.c ------------------------------------------------------------------------------ */

/* What the host's drivers come with below /usr/lib. */
int world_usr_mount(const struct host *h, struct err *reterr);

/* --- world-programs.c ------------------------------------------------------------------------- */

/* How the machine reaches programs; from world_programs_init() on. */
extern const struct machine_hooks world_hooks;
/* Once the world's /proc is mounted. services: carved and carve-executor run, after each boot. */
int world_programs_init(struct machine *m, bool services, struct err *reterr);
/* What programs of the world have in their environment. */
void world_environment_set(void);
/* Those that belong to the machine: what holds nodes from the boot on, and the services. */
int world_programs_start(struct err *reterr);
/* Runs the program that the world was made for to its end: its exit status. */
int world_program_run(char *const argv[]);
