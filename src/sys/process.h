/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Who a process is. A pid alone is no identity: with its start time (clock ticks since boot, field 22
 * of /proc/PID/stat) it is one, within a boot. proc is a descriptor of /proc.
 */
#pragma once
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* -ESRCH when there is no such process. */
int process_start_time(int proc, pid_t pid, uint64_t *ret);
int process_comm(int proc, pid_t pid, char *ret, size_t size);
int process_uid(int proc, pid_t pid, uint32_t *ret);

/* A pidfd of that very process, readable when it ends; the caller owns it. start 0: any that has the
 * pid now. -ESRCH: it is gone (or its pid is another's now). */
int process_open(int proc, pid_t pid, uint64_t start);

/* What people know it by: "container docker 0123456789ab", "machine qemu-1-web01",
 * "libvirtd.service"; empty when its control group says nothing. */
int process_unit(int proc, pid_t pid, char *ret, size_t size);
/* The pure half of it: text of /proc/PID/cgroup. -ENAMETOOLONG. */
int process_unit_parse(const char *cgroup, char *ret, size_t size);
/* Field 22 of the text of /proc/PID/stat. -EINVAL. */
int process_start_parse(const char *stat, uint64_t *ret);
