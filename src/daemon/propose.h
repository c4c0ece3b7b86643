/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What carve would do with this host: which devices to enroll and a first policy. Only devices that
 * nobody uses are proposed: never the boot display, never a disk or network interface in use. The
 * executor is asked who uses each candidate.
 */
#pragma once

struct propose;
struct propose *propose_free(struct propose *p);
