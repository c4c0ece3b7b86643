/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See settings.h. */
#include "sriov/settings.h"

#include <string.h>

static void setting_copy(struct vf_settings *to, const struct vf_settings *from,
			 enum vf_setting bit)
{
	switch (bit) {
	case VF_SET_MAC:
		memcpy(to->mac, from->mac, sizeof(to->mac));
		break;
	case VF_SET_VLAN:
		to->vlan = from->vlan;
		to->qos = from->qos;
		break;
	case VF_SET_SPOOFCHK:
		to->spoofchk = from->spoofchk;
		break;
	case VF_SET_TRUST:
		to->trust = from->trust;
		break;
	case VF_SET_LINK:
		to->link = from->link;
		break;
	case VF_SET_RATE:
		to->min_rate = from->min_rate;
		to->max_rate = from->max_rate;
		break;
	}
}

void settings_merge(struct vf_settings *base, const struct vf_settings *over)
{
	for (uint32_t bit = 1; bit <= VF_SET_RATE; bit <<= 1)
		if (over->set & bit)
			setting_copy(base, over, (enum vf_setting)bit);
	base->set |= over->set;
}

uint32_t settings_differ(const struct vf_settings *want, const struct vf_settings *have)
{
	uint32_t same = 0;

	if (memcmp(want->mac, have->mac, sizeof(want->mac)) == 0)
		same |= VF_SET_MAC;
	if (want->vlan == have->vlan && want->qos == have->qos)
		same |= VF_SET_VLAN;
	if (!want->spoofchk == !have->spoofchk)
		same |= VF_SET_SPOOFCHK;
	if (!want->trust == !have->trust)
		same |= VF_SET_TRUST;
	if (want->link == have->link)
		same |= VF_SET_LINK;
	if (want->min_rate == have->min_rate && want->max_rate == have->max_rate)
		same |= VF_SET_RATE;
	return want->set & ~(same & have->set);
}

const char *settings_name(uint32_t bits)
{
	static const char *const names[] = { "MAC",   "VLAN",	    "spoof check",
					     "trust", "link state", "rate" };
	for (unsigned i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (bits & (1u << i))
			return names[i];
	return "setting";
}
