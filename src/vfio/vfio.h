/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Functions and mdevs in the hands of VFIO: the mechanism "passthrough", and the steps by which the
 * engine hands out and takes back any slice that a guest opens through /dev/vfio. All of it is pure
 * and level-triggered: what is returned is what the picture still lacks; nothing when the goal
 * holds.
 *
 * Three things the picture cannot show. A reset: its goal is the slice's dirty flag, which the engine
 * clears when VERB_RESET is DONE. The driver before carve: the engine records it in the slice
 * (has_original, original_driver = the function's driver) before the bind step goes out. And D3cold:
 * power_pinned, which the engine sets with that step too, and takes back when it is allowed again.
 */
#pragma once
#include "mech/mech.h"

extern const struct mech passthrough_mech;

/* Bind f to the best VFIO driver (the executor takes the variant that modules.alias names, loads
 * it, pins d3cold_allowed), then give its group node to the claim's account. c NULL: bind only
 * (bind: early). */
int vfio_bind_steps(const struct have *h, const struct slice *s, const struct function *f,
		    const struct claim *c, struct plan *ret, struct err *reterr);
/* The group node of an mdev to the claim's account. */
int vfio_grant_steps(const struct have *h, const struct slice *s, const struct claim *c,
		     struct plan *ret, struct err *reterr);
/* Node back to root, reset while the slice is dirty, unbind to the recorded original driver. f
 * NULL: an mdev, or a function that is gone. keep_bound: it stays with VFIO (bind: early). */
int vfio_release_steps(const struct have *h, const struct slice *s, const struct function *f,
		       bool keep_bound, struct plan *ret, struct err *reterr);

/* The refusal where groups are not what the hardware keeps apart: with the patch for pcie_acs_override, which
 * some kernels carry (https://lkml.org/lkml/2013/5/30/513). Returns -EPERM. */
int vfio_group_distrust(const struct function *f, struct err *reterr);

/* Is it a GPU that NVSwitches join with others, or such a switch? Then what a GPU reaches is a matter of the fabric's
 * partition, which nobody tells, unless all of them have one holder. */
bool vfio_fabric_has(const struct have *h, const struct function *f);
/* Does the picture show all that the fabric consists of? */
bool vfio_fabric_is_seen(const struct have *h);
/* The refusal of such a function; w: that wants it, or NULL. Returns -EPERM. */
int vfio_fabric_refuse(const struct have *h, const struct function *f, const struct want *w,
		       struct err *reterr);

/* What the record knows of the functions of a machine. */
struct vfio_record {
	const struct have *have;
	const struct mech *const *mechs; /* find the functions of the slices */
	const struct want *wants;
	size_t n_wants;
	const struct slice *slices;
	size_t n_slices;
	const struct claim *claims;
	size_t n_claims;
};

/* Isolation: -ENODEV when f has no IOMMU group; -EBUSY when its group holds something of the host,
 * of nobody we know, or of another account than that of c: the sibling is named. Companions of f, and what f is
 * a companion of, are claimed with it, so what drives them now is no matter. c NULL: anybody, so
 * who has the sibling for now is left out. Not for mdevs: their parent's driver isolates them. */
int vfio_group_check(const struct vfio_record *r, const struct function *f, const struct claim *c,
		     struct err *reterr);

/* True for the steps planned here: their failures are the same for slices of every mechanism. */
bool vfio_verb(enum verb v);
/* As mech.diagnose, for those steps; what is none of them only has the words of mech_diagnose(). */
void vfio_diagnose(const struct have *h, const struct step *s, const struct step_result *r,
		   const struct holder *holders, size_t n_holders, struct err *reterr);

/* PROOF_RESET, PROOF_SOFT_RESET, or PROOF_NONE when config space shows no reset of this function alone. */
int vfio_function_proof(const struct function *f);
