/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Who uses a device: open descriptors on its nodes, found by device number in /proc/PID/fd, so that
 * other names and other mount namespaces make no difference. Looks only; run in a worker, because
 * /proc of thousands of processes takes its time.
 */
#pragma once
#include "model/step.h"

/* Descriptors of /sys, /dev and /proc. */
struct host_roots {
	int sysfs, dev, proc;
	int32_t executor; /* pid; it and its workers are no holders. 0: there is none */
};

#define HOLDERS_MAX 64
/* More than HOLDERS_MAX are counted but not kept. */
struct holder_list {
	struct holder entries[HOLDERS_MAX];
	size_t n, found;
};

/* Adds one and returns it for the caller to fill further; when the list is full the last entry is
 * overwritten. what may be cut. */
struct holder *holder_list_add(struct holder_list *l, enum holder_kind kind, const char *addr,
			       const char *fmt, ...) __attribute__((format(printf, 4, 5)));

/* One thing whose nodes are looked for: a function or mdev. */
struct holder_subject {
	char path[SYS_PATH_SIZE]; /* below /sys/devices */
	char addr[PCI_ADDR_SIZE]; /* the function concerned */
	int32_t instance;	  /* GPU instance of that function; -1: the function */
	enum holder_kind kind;	  /* HOLDER_FD, or HOLDER_VF / HOLDER_MDEV for what dies with it */
};

#define SUBJECTS_MAX 1024
struct holder_subjects {
	struct holder_subject *entries; /* owned */
	size_t n;
};
void holder_subjects_done(struct holder_subjects *s);
int holder_subjects_add(struct holder_subjects *s, const char *path, const char *addr,
			enum holder_kind kind);
/* A GPU instance of that function. */
int holder_subjects_add_instance(struct holder_subjects *s, const char *path, const char *addr,
				 uint32_t instance);
/* Adds the target and, when it is a device, its VFs and mdevs. An mdev that merely exists is added
 * to existing (may be NULL) as a holder of its parent. Negative errno when it could not look. */
int holder_subjects_find(const struct host_roots *r, const char *path, const char *addr,
			 struct holder_subjects *ret, struct holder_list *existing);

/* Adds who has a node of one of the subjects open. The executor itself and udev, which only probes,
 * are left out. Subjects without driver and node cost nothing. Negative errno when it could not look
 * everywhere: then nobody may conclude that nobody holds it.
 * probe: try to open VFIO groups first; when the kernel lets all of them be opened nobody holds them,
 * and no process is looked at. Only of what is being changed or taken back: a guest that starts in that
 * moment would be told that the group is busy. */
int holders_find(const struct host_roots *r, const struct holder_subjects *subjects, bool probe,
		 struct holder_list *ret);

/* Is path the device at top or something below it? Both below /sys/devices. */
bool device_path_below(const char *path, const char *top);
/* Name of the driver bound to the device at path; empty when none is. */
void device_driver(int sysfs, const char *path, char ret[NAME_SIZE]);
/* The process behind pid: start, uid, comm, unit. -ESRCH when it is gone. */
int holder_describe_process(int proc, int32_t pid, struct holder *ret);
