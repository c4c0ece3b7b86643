/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Between the files of this directory. */
#pragma once
#include "mdev/mdev.h"

void mdev_offer(const struct have *h, const char *device, struct offer *ret);
const struct function *mdev_find(const struct have *h, const struct slice *s, bool *ret_found);
int mdev_proof(const struct have *h, const struct slice *s);
/* Appends what the parent's types have left and how many mdevs there are (F37: the fact, not the
 * errno). */
void mdev_err_capacity(const struct have *h, const char *parent, struct err *reterr);
void mdev_diagnose(const struct have *h, const struct step *s, const struct step_result *r,
		   const struct holder *holders, size_t n_holders, struct err *reterr);
