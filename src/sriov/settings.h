/* SPDX-License-Identifier: GPL-2.0-or-later */
/* VF settings as data: merge, compare, defaults. Pure; used by planning and by the verbs. */
#pragma once
#include "model/pci.h"

/* over's settings on top of base's, into base. */
void settings_merge(struct vf_settings *base, const struct vf_settings *over);
/* Which of want's settings have does not have, or has otherwise: bits of enum vf_setting. */
uint32_t settings_differ(const struct vf_settings *want, const struct vf_settings *have);
/* "MAC", "VLAN", "spoof check" ... of the lowest bit set. */
const char *settings_name(uint32_t bits);
