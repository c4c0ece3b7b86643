/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * NVMe Virtualization Management: resources of secondary controllers (NVM Express base
 * specification 2.0, "Virtualization Management command", "Primary Controller Capabilities
 * Structure", "Secondary Controller List"). The kernel offers nothing for it but the admin
 * passthrough ioctl. Executor side; commands have a time limit of their own.
 */
#pragma once
#include "mech/verb.h"

void nvme_flex(const struct verb_context *c, const struct step *s, struct step_result *r);
void nvme_online(const struct verb_context *c, const struct step *s, struct step_result *r);
void nvme_offline(const struct verb_context *c, const struct step *s, struct step_result *r);
/* One entry per secondary controller that is a VF, and one with index -1 for the primary. Returns
 * their number, -ENODEV: the device has no NVMe controller on the host. */
int nvme_read(const struct verb_context *c, struct vf_info *ret, size_t room);
/* Pure, for the tests: what is in the two identify structures (4096 bytes each). */
struct nvme_primary {
	uint16_t cntlid;
	uint32_t vq_total, vi_total;	 /* flexible resources */
	uint16_t vq_primary, vi_primary; /* of these, allocated to the primary */
	uint16_t vq_max, vi_max;	 /* most that one secondary may have */
};
struct nvme_secondary {
	uint16_t cntlid, vf; /* vf counts from 1; 0: no VF */
	bool online;
	uint16_t vq, vi;
};
void nvme_primary_parse(const uint8_t data[4096], struct nvme_primary *ret);
size_t nvme_secondaries_parse(const uint8_t data[4096], struct nvme_secondary ret[127]);
/* What each of n VFs may have of total, between least and max (0: no limit). */
uint32_t nvme_share(uint32_t total, unsigned n, uint32_t least, uint32_t max);
