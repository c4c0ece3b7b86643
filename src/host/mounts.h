/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Who stands on block devices, as processes are told: mounts and swaps, proc(5). */
#pragma once

struct mount {
	const char *number; /* of the device, "259:1"; Btrfs and others have one of their own */
	const char *source; /* below /dev: "nvme0n1p1"; NULL: it is no node there */
	const char *point;  /* blanks and control characters as "\040" */
};

/* Each mount of the namespace that a process is in; pid may be "self". proc: /proc. A visit that
 * returns other than 0 ends it with that. -ENOENT, -ESRCH, -EINVAL: the process is gone; -E2BIG: paths that
 * are longer than the kernel's limit for them. */
int mounts_visit(int proc, const char *pid, int (*visit)(const struct mount *m, void *userdata),
		 void *userdata);
/* Each disk and partition below /dev that is swapped to, by name. -ENOENT: this kernel cannot swap. */
int mounts_visit_swaps(int proc, int (*visit)(const char *name, void *userdata), void *userdata);
