/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Between adopt.c, what becomes of what others made, and adopt-request.c, who may ask for it. */
#pragma once
#include "engine/internal.h"

struct targets {
	struct target *items;
	size_t n;
};
void targets_done(struct targets *ts);

/* An mdev that can become a slice: of a type that the policy names, and none of ours. */
bool adopt_mdev_fits(const struct engine *e, const struct want *w, const struct mdev *m);
/* A GPU instance that can: whole, of a profile that the policy names, and none of ours. */
bool adopt_part_fits(const struct engine *e, const struct want *w, const struct gpu_part *p);
/* How many VFs there are when it is another number than is wanted; 0: none, or as many. */
unsigned adopt_vfs_made(const struct engine *e, const struct want *w);
/* A slice of the device that somebody has, or is about to, so that its VFs stay as the record has them. */
const struct slice *adopt_vfs_blocked(const struct engine *e, const struct want *w);
/* What would become slices: that mdev (empty: all that is made alone), and VFs. targets_done(). */
void adopt_find(struct engine *e, const struct want *w, const char *uuid, struct targets *ret);
/* What is known of who uses it; NULL: nothing. */
const struct look *adopt_look(const struct engine *e, const struct target *t);
/* It is looked anew at what is on that device. */
void adopt_forget_looks(struct engine *e, const char *device);

/* Free. NULL: not there any more, or no memory. */
struct slice *adopt_mdev(struct engine *e, const struct want *w, const char *uuid);
/* What its mechanism makes alone; VFs are taken over together. */
void adopt_alone(struct engine *e, const struct want *w, const struct target *t);
/* The want becomes that number, until the next apply. */
void adopt_vfs(struct engine *e, const struct want *old, unsigned made);
/* By its name or UUID, or that of its device. */
bool adopt_is_named(const struct slice *s, const char *name);
/* What a refusal ends with; the negative errno of what is in reterr. */
int adopt_refuse(struct err *reterr, const char *on, const char *todo);
int adopt_refuse_slice(struct err *reterr, const struct slice *s, const char *todo);
/* The record is without it, the machine is as it was. */
void adopt_slice_forget(struct engine *e, uint64_t id, const char *why);

/* adopt-request.c: those who can be answered now. */
void adopt_requests_run(struct engine *e);
