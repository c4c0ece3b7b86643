/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The interface every mechanism implements, and the registry of them. All of it is pure: it looks at
 * the picture (struct have) and the record, and says what to do; the executor does it.
 *
 * A mechanism says how its slices come to be and go (make_steps, unmake_steps), how one is set up for
 * a claim (claim_steps) and cleaned after it (reclaim_steps). Slices that are PCI functions are then
 * bound to a VFIO driver and granted by the engine, with the steps of src/vfio (vfio_bind_steps and
 * so on in vfio/vfio.h): a VF for a guest is two mechanisms joined by the engine.
 *
 * Level-triggered: each function returns just the steps that are still missing between the picture
 * and the goal, in order; none when the goal holds. They are called again after every step, so no
 * state of a sequence is kept anywhere, and recovery is the same call.
 */
#pragma once
#include "base/err.h"
#include "model/capacity.h"
#include "model/slice.h"

/* What a slice is called before it is made, so that it is known again whatever happens then. */
enum mech_names {
	NAMES_LAYOUT, /* it comes and goes with the layout of its device: VFs, the function itself */
	NAMES_UUID,   /* made alone: mdevs */
	NAMES_SLOT,   /* made alone, where it begins: GPU instances */
	NAMES_VF, /* made alone, on a VF of its device: vGPUs; by UUID where the device makes mdevs itself */
	NAMES_NUMBER, /* made alone, so many of a kind: shares of a device */
};

/* What a slice is called may depend on what is there by then. */
enum mech_naming {
	NAMING_KEEP,
	NAMING_UUID,  /* it needs a UUID of its own */
	NAMING_PLACE, /* it needs none */
};

/* What can be cut from a device, and what is cut from it already, by whomever. Names are those of the
 * picture, or constants: nothing to free. */
struct offer {
	struct capacity kind; /* no profiles: nothing */
	struct capacity_use use;
	bool guessed; /* by the vendor's documents: its driver was not asked, or is not there */
	bool barred;  /* not while the device is in the mode that it is in */
};

struct mech {
	const char *name;
	/* Layouts are planned, nothing is made yet. */
	bool planned;
	/* Slices are PCI functions that need a VFIO driver bound for a guest. */
	bool binds;
	enum mech_names names;
	/* Slices have no VFIO node: whoever starts a container hands out their device nodes. */
	bool for_containers;
	/* Several use the device itself at once: nobody can see which of them has which slice. */
	bool shared;

	/* Of that device (have_device key); *ret is zeroed first. */
	void (*offer)(const struct have *h, const char *device, struct offer *ret);
	/* The same of the device of w, when it is in the mode that w says. NULL: there are no modes. */
	void (*offer_as)(const struct have *h, const struct want *w, struct offer *ret);
	/* Must all slices of the device go before it can be in the mode that w says? NULL: never. */
	bool (*anew)(const struct have *h, const struct want *w);

	/* Is the slice there? The function it is, or NULL (mdev: found is set, no function). */
	const struct function *(*find)(const struct have *h, const struct slice *s,
				       bool *ret_found);

	/* Of one that is to be made. NULL: it is named once. */
	enum mech_naming (*naming)(const struct have *h, const struct slice *s);

	/* True while nobody can tell whether the slice is there: it is not taken for lost. NULL: it can always be told. */
	bool (*unknown)(const struct have *h, const struct slice *s);

	/* What has become of a slice that is not there, in words for people. NULL: that it vanished is all. */
	const char *(*vanished)(const struct have *h, const struct slice *s);

	/* Missing steps until the device is laid out as w says (VF count, provisioning). slices are all
	 * of this device. held: a claim holds one of them; then nothing that disturbs them may be
	 * returned: -EBUSY with reterr. */
	int (*layout_steps)(const struct have *h, const struct want *w, const struct slice *slices,
			    size_t n_slices, bool held, struct plan *ret, struct err *reterr);
	/* Missing steps to make this one slice exist / not exist. -EAGAIN: what is there is being looked at. */
	int (*make_steps)(const struct have *h, const struct want *w, const struct slice *s,
			  struct plan *ret, struct err *reterr);
	int (*unmake_steps)(const struct have *h, const struct slice *s, struct plan *ret,
			    struct err *reterr);
	/* Missing steps until the device is in no mode any more that only slices of this mechanism need: of what carve
	 * brought it into, opened says (enum slice_opened). Called when the last of them goes. NULL: there is no such
	 * mode. */
	int (*leave_steps)(const struct have *h, const char *device, uint8_t opened,
			   struct plan *ret, struct err *reterr);
	/* Where the slice turned out to be, which its driver decided; false: where the record says, or nobody can tell.
	 * NULL: it is always as recorded. */
	bool (*begins)(const struct have *h, const struct slice *s, uint32_t *ret);
	/* Missing steps to set the slice up as a claim asks (w may be NULL when no policy has it). */
	int (*claim_steps)(const struct have *h, const struct want *w, const struct slice *s,
			   const struct claim *c, struct plan *ret, struct err *reterr);
	/* Missing steps to put its settings back. Reset and unbind are the engine's with src/vfio. */
	int (*reclaim_steps)(const struct have *h, const struct want *w, const struct slice *s,
			     struct plan *ret, struct err *reterr);
	/* What proves that nothing of the last tenant is left; enum mech_proof. */
	int (*proof)(const struct have *h, const struct slice *s);
	/* Turns a result that is not DONE or NOTHING into words; holders may be NULL. */
	void (*diagnose)(const struct have *h, const struct step *s, const struct step_result *r,
			 const struct holder *holders, size_t n_holders, struct err *reterr);
};

enum mech_proof {
	PROOF_RESET, /* function reset and config space read back */
	/* The same, but no specification says that such a reset clears the memory on the device: as
	 * PROOF_KEPT, unless a policy takes it for a proof. */
	PROOF_SOFT_RESET,
	PROOF_DESTROY, /* gone with the slice */
	PROOF_PROCESS, /* gone with the processes that used it */
	PROOF_KEPT, /* what is left in it stays: so it stays with its tenant, until somebody wipes it */
	PROOF_NONE, /* cannot be proven: quarantine or same tenant only */
};

/* A registry is an array of pointers that ends with NULL; the daemon and the tests make one. */
const struct mech *mech_find(const struct mech *const *all, const char *name);

/* For mechanisms and the engine. The function a slice is, NULL when it is none or not there. */
const struct function *mech_function(const struct mech *const *all, const struct have *h,
				     const struct slice *s);
/* A step whose target is that slice; NULL: no memory. */
struct step *mech_step_add(struct plan *p, enum verb v, const struct slice *s);
/* Says on what: address as it is now and, with w, the place in the policy. */
void mech_err_on(struct err *reterr, const struct have *h, const struct want *w,
		 const struct target *t);
/* claim_steps of slices that have no settings: 0, or -EOPNOTSUPP when c asks for some. */
int mech_no_settings(const struct have *h, const struct slice *s, const struct claim *c,
		     struct err *reterr);
/* -ENODEV with reterr filled. w may be NULL. */
int mech_device_gone(const char *device, const struct want *w, struct err *reterr);
/* The words for what no mechanism knows better: guards, deadlines, lost workers. True: reterr is filled.
 * Every mechanism's diagnose begins with it. */
bool mech_diagnose(const struct have *h, const struct step *s, const struct step_result *r,
		   const struct holder *holders, size_t n_holders, struct err *reterr);
/* One line of "because" per holder. */
void mech_err_holders(struct err *reterr, const struct holder *holders, size_t n_holders);

/* For mechanisms that are planned and not made yet: they offer, and refuse everything else. */
const struct function *mech_planned_find(const struct have *h, const struct slice *s,
					 bool *ret_found);
int mech_planned_layout(const struct have *h, const struct want *w, const struct slice *slices,
			size_t n_slices, bool held, struct plan *ret, struct err *reterr);
int mech_planned_make(const struct have *h, const struct want *w, const struct slice *s,
		      struct plan *ret, struct err *reterr);
int mech_planned_unmake(const struct have *h, const struct slice *s, struct plan *ret,
			struct err *reterr);
int mech_planned_claim(const struct have *h, const struct want *w, const struct slice *s,
		       const struct claim *c, struct plan *ret, struct err *reterr);
int mech_planned_proof(const struct have *h, const struct slice *s);
void mech_planned_diagnose(const struct have *h, const struct step *s, const struct step_result *r,
			   const struct holder *holders, size_t n_holders, struct err *reterr);
#define MECH_PLANNED                                                                               \
	.planned = true, .find = mech_planned_find, .layout_steps = mech_planned_layout,           \
	.make_steps = mech_planned_make, .unmake_steps = mech_planned_unmake,                      \
	.claim_steps = mech_planned_claim, .reclaim_steps = mech_planned_make,                     \
	.proof = mech_planned_proof, .diagnose = mech_planned_diagnose
