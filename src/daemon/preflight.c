/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See preflight.h. Each examination is one function; the list of them is at the end. */
#include "daemon/preflight.h"

#include <errno.h>
#include <string.h>

#include "base/str.h"
#include "host/release.h"

#define VENDOR_NVIDIA 0x10de

struct exam {
	const struct preflight *p;
	struct findings *findings;
	bool failed; /* out of memory */
};

#define FINDING(e, level, id, subject, remedy, ...)                                                \
	do {                                                                                       \
		if (findings_add((e)->findings, level, id, subject, remedy, __VA_ARGS__) < 0)      \
			(e)->failed = true;                                                        \
	} while (0)

static bool other_kernel(const struct exam *e)
{
	return e->p->kernel[0] && !str_eq(e->p->kernel, e->p->release->kernel);
}

static bool other_driver(const struct exam *e)
{
	return e->p->driver[0] && !str_eq(e->p->driver, e->p->release->driver);
}

static const char *kernel_of(const struct exam *e)
{
	return e->p->kernel[0] ? e->p->kernel : e->p->release->kernel;
}

static const char *driver_of(const struct exam *e)
{
	return e->p->driver[0] ? e->p->driver : e->p->release->driver;
}

/* Its driver is NVIDIA's as long as it is no whole function for a guest. */
static bool needs_nvidia(const struct exam *e, const char *device, const char *mech)
{
	const struct function *f = have_device(e->p->have, device);
	return f && f->vendor == VENDOR_NVIDIA && !str_eq(mech, "passthrough");
}

/* --- the kernel ------------------------------------------------------------------------------- */

/* vGPUs of GPUs without SR-IOV are mediated devices with every driver; others may become VFs. */
static bool needs_module(const struct exam *e, enum release_module module, const char *device,
			 const char *mech)
{
	const struct mech *m = mech_find(e->p->mechs, mech);
	switch (module) {
	case RELEASE_VFIO_PCI:
		return m && m->binds;
	case RELEASE_MDEV:
		return str_eq(mech, "mdev") ||
		       (str_eq(mech, "vgpu") && have_vgpu_vf(e->p->have, device, -1));
	case RELEASE_NVIDIA:
		return needs_nvidia(e, device, mech);
	case RELEASE_MODULES:
		break;
	}
	return false;
}

/* How many devices of the policy and slices of the record need it. */
static size_t module_users(const struct exam *e, enum release_module module)
{
	const struct record *rec = e->p->record;
	size_t n = 0;
	for (size_t i = 0; i < rec->n_wants; i++)
		n += needs_module(e, module, rec->wants[i].device, rec->wants[i].mech);
	for (size_t i = 0; i < rec->n_slices; i++)
		n += needs_module(e, module, rec->slices[i].device, rec->slices[i].mech);
	return n;
}

static void examine_kernel(struct exam *e)
{
	const struct release *r = e->p->release;
	if (!r->installed) {
		FINDING(e, e->p->kernel[0] ? FINDING_PROBLEM : FINDING_NOTE, "preflight.kernel",
			kernel_of(e), "install that kernel first, with its modules",
			"this host has no list of its modules: /lib/modules/%s/modules.dep",
			kernel_of(e));
		return;
	}
	for (int i = 0; i < RELEASE_MODULES; i++)
		if (!r->has[i] && module_users(e, (enum release_module)i))
			FINDING(e, FINDING_PROBLEM, "preflight.module", kernel_of(e),
				"install it for that kernel: the distribution's extra modules, or the "
				"vendor's driver built for it",
				"it has no module %s, which the policy or its slices need",
				release_module_names[i]);
}

/* --- NVIDIA's driver -------------------------------------------------------------------------- */

static void examine_library(struct exam *e)
{
	const char *library = e->p->release->library, *driver = driver_of(e);
	if (library[0] && driver[0] && !str_eq(library, driver))
		FINDING(e, other_driver(e) ? FINDING_WARNING : FINDING_PROBLEM, "preflight.library",
			"libnvidia-ml.so.1",
			"install library and kernel module of one version, and load that module",
			"it is of version %s and the module nvidia %s %s: such a pair refuses to work, "
			"and no GPU can be asked or changed",
			library, other_driver(e) ? "would be" : "is", driver);
}

/* From which on GPUs with SR-IOV have vGPUs by vendor-specific VFIO, and no mediated devices any more: first Ubuntu
 * 24.04 with Linux 6.8 (vGPU Software User Guide 17 of NVIDIA; proxmox/qemu-server names the kernel), for vGPU 17, which
 * is driver 550. Distributions with older kernels keep mediated devices under the same driver. */
static const struct {
	unsigned kernel_major, kernel_minor, driver;
} vendor_vfio[] = { { 6, 8, 550 } };

static bool has_vendor_vfio(const char *kernel, const char *driver)
{
	for (size_t i = 0; i < sizeof(vendor_vfio) / sizeof(vendor_vfio[0]); i++)
		if (release_at_least(kernel, vendor_vfio[i].kernel_major,
				     vendor_vfio[i].kernel_minor) &&
		    release_at_least(driver, vendor_vfio[i].driver, 0))
			return true;
	return false;
}

/* The GPU whose mediated devices would be none: cards without SR-IOV keep them (the same guide). */
static const struct function *vendor_gpu(const struct have *h, const char *parent)
{
	const struct function *f = have_device(h, parent);
	const struct function *gpu = f && f->is_vf ? have_function(h, f->pf) : f;
	return gpu && gpu->vendor == VENDOR_NVIDIA && gpu->caps.sriov ? gpu : NULL;
}

static const struct slice *slice_with(const struct exam *e, const char *uuid)
{
	for (size_t i = 0; i < e->p->record->n_slices; i++)
		if (str_eq(e->p->record->slices[i].uuid, uuid))
			return &e->p->record->slices[i];
	return NULL;
}

static void vendor_mdevs(struct exam *e, const struct function *gpu)
{
	const struct have *h = e->p->have;
	size_t n = 0, held = 0, others = 0;
	for (size_t i = 0; i < h->n_mdevs; i++) {
		if (vendor_gpu(h, h->mdevs[i].parent) != gpu)
			continue;
		const struct slice *s = slice_with(e, h->mdevs[i].uuid);
		bool vgpu = s && str_eq(s->mech, "vgpu");
		n += !vgpu;
		held += !vgpu && s && s->claim[0];
		others += vgpu && s->claim[0];
	}
	if (n)
		FINDING(e, FINDING_PROBLEM, "preflight.vfio", gpu->addr,
			"divide it as vgpu, which takes either, and release what is held before",
			"its %zu mediated devices, %zu of them held, would not come back: with Linux "
			"%.40s and driver %.40s its vGPUs are VFs (vendor-specific VFIO)",
			n, held, kernel_of(e), driver_of(e));
	if (others)
		FINDING(e, FINDING_WARNING, "preflight.handle", gpu->addr,
			"stop these guests before, and define them anew: carve handle CLAIM",
			"%zu of its vGPUs are held as mediated devices, and would come back as VFs, which "
			"guests name in another way",
			others);
}

/* What runs now is seen, whatever the table says of it. */
static void examine_vfio(struct exam *e)
{
	const struct have *h = e->p->have;
	if ((!other_kernel(e) && !other_driver(e)) ||
	    !has_vendor_vfio(kernel_of(e), driver_of(e)) ||
	    has_vendor_vfio(e->p->release->kernel, e->p->release->driver))
		return;
	for (size_t i = 0; i < h->n_functions; i++)
		if (vendor_gpu(h, h->functions[i].key) == &h->functions[i])
			vendor_mdevs(e, &h->functions[i]);
}

/* --- names ------------------------------------------------------------------------------------ */

/* "nvidia-63": the number of a type, which another release gives to another one. */
static bool is_number(const char *profile)
{
	static const char prefix[] = "nvidia-";
	const char *digits = profile + sizeof(prefix) - 1;
	return strncmp(profile, prefix, sizeof(prefix) - 1) == 0 && *digits &&
	       strspn(digits, "0123456789") == strlen(digits);
}

static const char *type_name(const struct have *h, const char *id)
{
	for (size_t i = 0; i < h->n_types; i++)
		if (str_eq(h->types[i].id, id))
			return h->types[i].name;
	return "";
}

static void examine_name(struct exam *e, const char *profile, const char *kind, const char *name,
			 const struct policy_position *at)
{
	if (!is_number(profile))
		return;
	const char *called = type_name(e->p->have, profile);
	FINDING(e, FINDING_WARNING, "preflight.number", name,
		"divide the GPU as vgpu, whose types are named as the vendor does",
		"%s in line %d of the policy names %s%s%s%s by its number, which another driver may "
		"give to another type",
		kind, at->line, profile, *called ? " (" : "", called, *called ? ")" : "");
}

static void examine_numbers(struct exam *e)
{
	const struct policy *p = e->p->policy;
	for (size_t i = 0; p && i < p->n_divides; i++) {
		const struct policy_divide *d = &p->divides[i];
		for (uint32_t t = 0; t < d->n_types; t++)
			examine_name(e, d->types[t], "divide", d->use, &d->at);
		examine_name(e, d->fill, "divide", d->use, &d->at);
	}
	for (size_t i = 0; p && i < p->n_classes; i++) {
		const struct policy_class *c = &p->classes[i];
		for (uint32_t t = 0; t < c->n_profiles; t++)
			examine_name(e, c->profiles[t], "class", c->name, &c->at);
	}
}

/* --- what the driver offers ------------------------------------------------------------------- */

enum offered {
	OFFERED_NO,
	OFFERED_YES,
	OFFERED_UNKNOWN /* the device is not there, or does not tell */
};

static enum offered offers(const struct exam *e, const struct want *w, const char *profile)
{
	const struct mech *m = mech_find(e->p->mechs, w->mech);
	struct offer o = { 0 };
	if (m && m->offer)
		m->offer(e->p->have, w->device, &o);
	if (o.kind.n_profiles == 0 || o.guessed)
		return OFFERED_UNKNOWN;
	return capacity_find(&o.kind, profile) >= 0 ? OFFERED_YES : OFFERED_NO;
}

static void examine_want(struct exam *e, const struct want *w)
{
	const struct function *f = have_device(e->p->have, w->device);
	for (uint32_t i = 0; i < w->n_types; i++)
		if (offers(e, w, w->types[i]) == OFFERED_NO)
			FINDING(e, FINDING_PROBLEM, "preflight.profile", f ? f->addr : w->device,
				"carve show DEVICE lists what it has; correct the policy",
				"the driver does not offer %s, which %s wants", w->types[i],
				w->where[0] ? w->where : "the policy");
}

static bool class_may_get(const struct exam *e, const struct policy_class *c, const char *profile)
{
	const struct record *rec = e->p->record;
	size_t n = 0;
	for (size_t i = 0; i < rec->n_wants; i++) {
		const struct want *w = &rec->wants[i];
		if (!policy_class_from(c, w->selection))
			continue;
		n++;
		if (offers(e, w, profile) != OFFERED_NO)
			return true;
	}
	return n == 0;
}

static void examine_offers(struct exam *e)
{
	const struct policy *p = e->p->policy;
	for (size_t i = 0; i < e->p->record->n_wants; i++)
		examine_want(e, &e->p->record->wants[i]);
	for (size_t i = 0; p && i < p->n_classes; i++)
		for (uint32_t t = 0; t < p->classes[i].n_profiles; t++)
			if (!class_may_get(e, &p->classes[i], p->classes[i].profiles[t]))
				FINDING(e, FINDING_PROBLEM, "preflight.class", p->classes[i].name,
					"carve list classes shows what there is; correct the policy",
					"no device that the class is from offers %s",
					p->classes[i].profiles[t]);
}

/* --- what would end --------------------------------------------------------------------------- */

static const struct slice *slice_of(const struct record *rec, const struct claim *c)
{
	for (size_t i = 0; i < rec->n_slices; i++)
		if (rec->slices[i].id == c->slice)
			return &rec->slices[i];
	return NULL;
}

/* Another kernel is a reboot, which ends all; another driver is loaded when nobody needs the one that is. */
static bool would_end(const struct exam *e, const struct claim *c)
{
	const struct slice *s = slice_of(e->p->record, c);
	if (c->state != CLAIM_HELD || !s)
		return false;
	return other_kernel(e) || (other_driver(e) && needs_nvidia(e, s->device, s->mech));
}

static void examine_held(struct exam *e)
{
	const struct record *rec = e->p->record;
	char names[160] = "";
	size_t n = 0, len;
	for (size_t i = 0; i < rec->n_claims; i++) {
		const char *name = rec->claims[i].name;
		if (!would_end(e, &rec->claims[i]))
			continue;
		n++;
		len = strlen(names);
		(void)str_format(names + len, sizeof(names) - len, "%s%s", len ? ", " : "", name);
	}
	if (n)
		FINDING(e, FINDING_WARNING, "preflight.held", "claims",
			"stop who uses them: carve holders DEVICE; reserved claims come back by "
			"themselves",
			"%zu held would be ended by it: %s", n, names);
}

int preflight_examine(const struct preflight *p, struct findings *ret)
{
	static void (*const exams[])(struct exam * e) = {
		examine_kernel,	 examine_library, examine_vfio,
		examine_numbers, examine_offers,  examine_held,
	};
	struct exam e = { .p = p, .findings = ret };
	*ret = (struct findings){ 0 };
	for (size_t i = 0; i < sizeof(exams) / sizeof(exams[0]); i++)
		exams[i](&e);
	if (!e.failed)
		return 0;
	findings_done(ret);
	return -ENOMEM;
}
