/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The model in the shapes of the interface (api/io.carve.varlink) and back. Every function that makes
 * JSON returns a new reference, NULL when memory ran out; what is unknown is left out.
 */
#pragma once
#include <jansson.h>

#include "base/err.h"
#include "model/slice.h"

/* What the picture does not hold of a device; everything is borrowed, NULL is "unknown". */
struct wire_device {
	const char *name;	     /* "Intel Corporation 82576 Gigabit Network Connection" */
	const char *reset;	     /* names of methods, space separated */
	const char *candidates;	     /* drivers, space separated */
	const char *capabilities;    /* space separated */
	const char *link, *link_max; /* "8 GT/s x4" */
	const char *selection;
	const char *divided_by;	  /* "inference.yaml:12" */
	const char *companion_of; /* address of the function that it is handed out with */
	const char *stuck;	  /* why a write on it does not end */
	bool drained;		  /* no claim gets anything of it */
	const char *drained_reason;
	const char *mismatch;
	const char *mechanisms; /* space separated */
	const char *labels;	/* of its enrolment, space separated */
	bool enrolled, boot_display, bind_early;
};
/* vendor and device are ids as four hex digits, name is what people call it. */
/* What is known of the GPU of that key through its vendor's library; NULL: it was not asked. */
json_t *wire_gpu(const struct have *h, const char *key);
json_t *wire_function(const struct have *h, const struct function *f, const struct wire_device *x);
json_t *wire_parent(const struct have *h, const struct mdev_parent *p, const struct wire_device *x);

json_t *wire_slice(const struct slice *s, const struct have *h);
/* A slice that carve has no record of: somebody else's VF, mdev or GPU instance. */
json_t *wire_foreign_vf(const struct function *vf, const struct have *h);
json_t *wire_foreign_mdev(const struct mdev *m, const struct have *h);
json_t *wire_foreign_part(const struct gpu_part *p, const struct have *h);
/* How many more of a profile the device could yield. */
json_t *wire_possible(const char *device, const char *mech, const char *profile,
		      uint32_t available);
/* s may be NULL. */
json_t *wire_claim(const struct claim *c, const struct slice *s, const struct have *h);
/* Of a claim that holds several slices, one. */
json_t *wire_part(const struct claim *c, const struct slice *s, const struct have *h);
/* cdev: "vfio0" of the function's vfio-dev directory, or NULL. -ENOENT (as NULL with *ret_there
 * false) when the slice is not on the machine. */
json_t *wire_handle(const struct claim *c, const struct slice *s, const struct have *h,
		    const char *cdev, bool *ret_there);
/* Of a GPU instance, or a share of a GPU; NULL when it is not there. */
json_t *wire_part_handle(const struct claim *c, const struct slice *s, const struct have *h);
json_t *wire_holder(const struct holder *holder);
json_t *wire_holders(const struct holder *holders, size_t n);
json_t *wire_step(const struct step *s, const struct have *h);
json_t *wire_settings(const struct vf_settings *s);
/* Settings of a request, NULL: none. -EINVAL with reterr api.settings. */
int wire_settings_parse(const json_t *json, struct vf_settings *ret, struct err *reterr);

/* Members that are only there when known. They do nothing to a NULL object. */
void wire_add_string(json_t *object, const char *name,
		     const char *value); /* NULL or "": left out */
void wire_add_int(json_t *object, const char *name, json_int_t value);
void wire_add_bool(json_t *object, const char *name, bool value);
/* Takes value over; NULL or an empty array: left out. */
void wire_add(json_t *object, const char *name, json_t *value_take);
/* Space separated words as an array. */
json_t *wire_words(const char *words);
