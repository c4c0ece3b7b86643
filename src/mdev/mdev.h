/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The mechanism "mdev": mediated devices of a parent, made with the UUID that the record chose
 * before. A slice is there when that UUID is there with that type on that parent. A used mdev is
 * proven clean by being destroyed (PROOF_DESTROY): unmake it and make it anew before it goes to
 * another account.
 */
#pragma once
#include "mech/mech.h"

extern const struct mech mdev_mech;
