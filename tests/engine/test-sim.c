/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Random histories from a seed: claims, releases, policies, consumers, faults, crashes, reboots, other
 * people's hands. What must hold is checked after each commit (world.c); now and then everything
 * calms down, and then the host must be what the policy says and a second look must write nothing.
 *
 * CARVE_SEED: the seed (printed when something breaks); CARVE_OPS: how many operations;
 * CARVE_FULL=1: a million, CARVE_QUICK: a tenth of 50,000.
 */
#include "support/test.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/cleanup.h"
#include "base/num.h"
#include "base/str.h"
#include "engine/world.h"
#include "model/fields.h"
#include "vfio/vfio.h"

#define NIC_A "pci:0000:00/03.0/00.0"
#define NIC_B "pci:0000:00/04.0/00.0"
#define NVME "pci:0000:00/05.0/00.0"
#define GPU_A "pci:0000:00/06.0/00.0"
#define GPU_B "pci:0000:00/07.0/00.0"
#define GPU_OLD "pci:0000:00/08.0/00.0"
#define GPU_SHARED "pci:0000:00/09.0/00.0"
#define NIC_OTHER "pci:0000:00/0a.0/00.0"
#define MTTY "sys:virtual/mtty/mtty"
#define MDPY "sys:virtual/mdpy/mdpy"
#define MOTHER "sys:virtual/other/other"

static void host_make(struct world *w)
{
	struct machine *m = &w->m;
	machine_add_pf(m, NIC_A, 0x020000, 7, true);
	machine_add_pf(m, NIC_B, 0x020000, 7, true);
	machine_add_pf(m, NVME, 0x010802, 4, true);
	machine_add_function(m, GPU_A, 0x030000, "nouveau", true, true);
	machine_add_function(m, GPU_B, 0x030000, "nouveau", true, true);
	machine_add_function(m, GPU_OLD, 0x030000, "nouveau", false, true);
	machine_add_pf(m, NIC_OTHER, 0x020000, 7, false);
	machine_add_parent(m, MTTY, 24, true);
	machine_add_type(m, MTTY, "mtty-1", 1);
	machine_add_type(m, MTTY, "mtty-2", 2);
	machine_add_parent(m, MDPY, 4, true);
	machine_add_type(m, MDPY, "mdpy-vga", 1);
	machine_add_type(m, MDPY, "mdpy-hd", 1);
	machine_add_parent(m, MOTHER, 8, false);
	machine_add_type(m, MOTHER, "other-1", 1);
	have_sort(&m->have);
	struct machine_unit *gpud = machine_add_unit(m, "gpud.service");
	(void)STR_COPY(gpud->holds[0], GPU_A);
	(void)STR_COPY(gpud->holds[1], GPU_B);
	(void)STR_COPY(gpud->holds[2], GPU_OLD);
	/* Of a device that a policy names no more, nobody knows what uses it: this one is in nobody's way. */
	machine_add_unit(m, "lldpd.service");
	machine_add_unit(m, "idle.service")->runs = false;
}

/* --- policies --------------------------------------------------------------------------------------- */

static bool chance(struct world *w, unsigned percent)
{
	return world_random(w, 100) < percent;
}

static const char *after_use(struct world *w)
{
	static const char *const rules[] = { ", after-use: prove", ", after-use: same-tenant",
					     ", after-use: quarantine" };
	uint64_t n = world_random(w, 12);
	return n < 3 ? rules[n] : "";
}

static const char *one_tenant(struct world *w)
{
	return chance(w, 20) ? ", one-tenant-per-device: true" : "";
}

static bool divide_nic(struct world *w, struct str_buf *b, const char *name, bool *ret_whole)
{
	if (chance(w, 15))
		return false;
	if (chance(w, 10)) {
		*ret_whole = true;
		str_buf_addf(b, "  - {use: %s, as: passthrough, services: lldpd.service}\n", name);
		return true;
	}
	static const unsigned counts[] = { 1, 2, 4, 7 };
	str_buf_addf(b, "  - {use: %s, as: sriov, count: %u%s%s%s, services: [%slldpd.service]}\n",
		     name, counts[world_random(w, 4)],
		     chance(w, 50) ? ", vf: {trust: true, vlan: 7}" : "", after_use(w),
		     one_tenant(w), chance(w, 30) ? "idle.service, " : "");
	return true;
}

static bool divide_gpu(struct world *w, struct str_buf *b, const char *name)
{
	if (chance(w, 20))
		return false;
	str_buf_addf(b, "  - {use: %s, as: passthrough%s%s, services: [gpud.service]}\n", name,
		     chance(w, 50) ? ", bind: early" : "", after_use(w));
	return true;
}

static bool divide_mdev(struct world *w, struct str_buf *b, const char *name, const char *one,
			const char *two, unsigned most)
{
	if (chance(w, 15))
		return false;
	unsigned ahead = (unsigned)world_random(w, 4);
	if (chance(w, 50))
		str_buf_addf(b, "  - {use: %s, as: mdev, on-demand: [%s, %s]%s}\n", name, one, two,
			     one_tenant(w));
	else if (chance(w, 50))
		str_buf_addf(b, "  - {use: %s, as: mdev, on-demand: [%s, %s], warm: {%s: %u}%s}\n",
			     name, one, two, ahead % 2 ? one : two, ahead + 1, one_tenant(w));
	else
		str_buf_addf(b, "  - {use: %s, as: mdev, layout: {%s: %u, %s: %u}%s}\n", name, one,
			     (unsigned)world_random(w, most) + 1, two,
			     (unsigned)world_random(w, 2) + 1, one_tenant(w));
	return true;
}

/* Short enough for what a history lasts. least: slices that are reserved for it. */
static void add_tenant(struct world *w, struct str_buf *b, const char *name, unsigned uid,
		       unsigned least)
{
	str_buf_addf(b, "  %s: {from: [\"uid:%u\"], priority: %u", name, uid,
		     (unsigned)world_random(w, 3));
	if (chance(w, 40))
		str_buf_addf(b, ", quota: {old: %u}", (unsigned)world_random(w, 2));
	if (chance(w, 40))
		str_buf_addf(b, ", slices: %u", (unsigned)world_random(w, 5) + least);
	if (chance(w, 40))
		str_buf_addf(b, ", resources: {vfs: %u}", (unsigned)world_random(w, 5) + least);
	if (chance(w, 30))
		str_buf_addf(b, ", lease: {max: %us, idle: %us}", (unsigned)world_random(w, 60) + 1,
			     (unsigned)world_random(w, 30) + 10);
	str_buf_add(b, "}\n");
}

static void add_class(struct world *w, struct str_buf *b, const char *text)
{
	str_buf_addf(b, "  %s%s", text, chance(w, 70) ? ", preemptible: true" : "");
	if (chance(w, 50))
		str_buf_addf(b, ", orphan-grace: %us", (unsigned)world_random(w, 60) + 1);
	str_buf_add(b, "}\n");
}

static void add_reservation(struct world *w, struct str_buf *b, bool *any, const char *name,
			    const char *class, const char *tenant)
{
	if (!chance(w, 30))
		return;
	str_buf_addf(b, "%s  - {name: %s, class: %s, for: \"libvirt:%s\"%s}\n",
		     *any ? "" : "reservations:\n", name, class, name, tenant);
	*any = true;
}

static char *policy_make(struct world *w)
{
	struct str_buf b = { 0 };
	str_buf_add(&b, "version: 1\ndevices:\n"
			"  nica: {match: {key: \"" NIC_A "\"}}\n"
			"  nicb: {match: {key: \"" NIC_B "\"}}\n"
			"  nvme: {match: {key: \"" NVME "\"}}\n"
			"  gpus: {match: {key: [\"" GPU_A "\", \"" GPU_B "\"]}}\n"
			"  old: {match: {key: \"" GPU_OLD "\"}}\n"
			"  mtty: {match: {key: \"" MTTY "\"}}\n"
			"  mdpy: {match: {key: \"" MDPY "\"}}\n"
			"divide:\n");
	bool whole = false, ignored = false;
	bool nica = divide_nic(w, &b, "nica", &whole), nicb = divide_nic(w, &b, "nicb", &ignored);
	bool nvme = chance(w, 80);
	if (nvme)
		str_buf_addf(&b, "  - {use: nvme, as: sriov, count: %u%s}\n",
			     (unsigned)world_random(w, 4) + 1, after_use(w));
	bool gpus = divide_gpu(w, &b, "gpus");
	str_buf_addf(&b, "  - {use: old, as: passthrough%s, services: [gpud.service]}\n",
		     after_use(w));
	bool mtty = divide_mdev(w, &b, "mtty", "mtty-1", "mtty-2", 8);
	bool mdpy = divide_mdev(w, &b, "mdpy", "mdpy-vga", "mdpy-hd", 2);
	str_buf_add(&b, "classes:\n");
	add_class(w, &b, "old: {from: old");
	if (nica)
		add_class(w, &b,
			  whole ? "lana: {from: nica"
				: "lana: {from: nica, may-set: {mac: true, vlan: 1-99}");
	if (nicb)
		add_class(w, &b, "lanb: {from: nicb");
	if (nvme)
		add_class(w, &b, "disk: {from: nvme");
	if (gpus)
		add_class(w, &b, "gpu: {from: gpus");
	if (mtty) {
		add_class(w, &b, "tty: {from: mtty");
		add_class(w, &b, "tty2: {from: mtty, profiles: [mtty-2]");
	}
	if (mdpy)
		add_class(w, &b, "vga: {from: mdpy, profiles: [mdpy-vga, mdpy-hd]");
	if (nica)
		add_class(w, &b, "pair: {parts: {lana: 2}");
	if (gpus && nicb)
		add_class(w, &b, "node: {parts: {gpu: 1, lanb: 2, old: 1}");
	if (mtty && mdpy)
		add_class(w, &b, "lines: {parts: {tty2: 3, tty: 2, vga: 1}");
	bool tenants = chance(w, 75), reserved = false;
	const char *tenant = tenants ? ", tenant: one" : "";
	if (nica)
		add_reservation(w, &b, &reserved, "web01", "lana", tenant);
	if (nica)
		add_reservation(w, &b, &reserved, "web02", "pair", tenant);
	if (tenants) {
		str_buf_add(&b, "tenants:\n");
		add_tenant(w, &b, "one", 1000, reserved ? 3 : 1);
		add_tenant(w, &b, "two", 1001, 1);
	}
	static const char *const drifts[] = { "repair", "repair", "report", "adopt" };
	str_buf_addf(&b, "drift: %s\non-remove: %s\n", drifts[world_random(w, 4)],
		     chance(w, 60) ? "destroy" : "keep");
	return str_buf_take(&b);
}

static void broke(struct world *w, const char *what)
{
	if (!w->failure[0]) {
		snprintf(w->failure, sizeof(w->failure), "%s", what);
		world_log(w, "FAILURE %s", what);
	}
}

/* What people keep in files: the last plan, for a later apply; a policy that was applied once. */
struct plan_file {
	uint64_t token;
	char *text;
	unsigned applied, refused; /* of such applies */
	char *old;
	uint64_t old_version;
	unsigned rolled_back;
};

static const struct want *want_of(struct world *w, const char *key)
{
	const struct record *r = engine_record(w->e);
	for (size_t i = 0; i < r->n_wants; i++)
		if (str_eq(r->wants[i].device, key))
			return &r->wants[i];
	return NULL;
}

/* --- operations ----------------------------------------------------------------------------------------- */

static const char *const classes[] = { "lana", "lanb", "disk", "gpu",  "old",  "tty",
				       "tty2", "vga",  "pair", "node", "lines" };

static void op_alloc(struct world *w)
{
	const char *class = classes[world_random(w, sizeof(classes) / sizeof(classes[0]))];
	uint32_t uid = chance(w, 10) ? 0 : 1000 + (uint32_t)world_random(w, 3);
	struct alloc_request rq = {
		.kind = chance(w, 20) ? CLAIM_RESERVED : CLAIM_RUNNING,
		.owner = "manual:test",
		.grant_uid = uid,
		.grant_gid = uid,
		.wait = chance(w, 60),
	};
	(void)STR_COPY(rq.class, class);
	if (chance(w, 30))
		rq.pid = 100 + (int32_t)world_random(w, 1000);
	rq.pid_start = (uint64_t)rq.pid;
	if (chance(w, 20)) {
		rq.set.set = VF_SET_MAC;
		rq.set.mac[0] = 0x52;
		rq.set.mac[5] = (uint8_t)world_random(w, 250);
	}
	const struct policy *p = engine_policy(w->e);
	const struct policy_class *c = p ? policy_class_find(p, class) : NULL;
	rq.preemptible = c && c->preemptible && chance(w, 80);
	if (uid == 0 && chance(w, 60))
		(void)STR_COPY(rq.tenant, chance(w, 50) ? "one" : "two");
	uint64_t token = world_ask(w, uid, &rq);
	if (chance(w, 5))
		engine_request_cancelled(w->e, token);
}

/* Somebody who may still wait has enough of it. */
static void op_leave(struct world *w)
{
	uint64_t back = world_random(w, 20);
	if (back < w->token)
		engine_request_cancelled(w->e, w->token - back);
}

static const struct claim *some_claim(struct world *w)
{
	const struct record *r = engine_record(w->e);
	return r->n_claims ? &r->claims[world_random(w, r->n_claims)] : NULL;
}

/* The consumer of an orphan comes back; or somebody else, who would like to have it. */
static void op_return(struct world *w)
{
	const struct record *r = engine_record(w->e);
	size_t i = 0;
	while (i < r->n_claims && !r->claims[i].orphan_end)
		i++;
	if (i == r->n_claims)
		return;
	const struct claim *c = &r->claims[i];
	struct alloc_request rq = { .kind = c->kind,
				    .pid = 100 + (int32_t)world_random(w, 1000),
				    .grant_uid = c->grant_uid,
				    .grant_gid = c->grant_gid,
				    .set = c->set,
				    .preemptible = c->preemptible };
	char name[NAME_SIZE];
	uint64_t slice = c->slice;
	uint32_t uid = chance(w, 80) ? c->uid : 1000 + (uint32_t)world_random(w, 3);
	bool orphaned = claim_is_orphaned(c);
	rq.pid_start = (uint64_t)rq.pid;
	memcpy(name, c->name, sizeof(name));
	memcpy(rq.name, c->name, sizeof(rq.name));
	memcpy(rq.class, c->class, sizeof(rq.class));
	memcpy(rq.owner, c->owner, sizeof(rq.owner));
	if (uid == 0)
		memcpy(rq.tenant, c->tenant, sizeof(rq.tenant));
	uint32_t was = c->uid;
	uint64_t token = world_ask(w, uid, &rq);
	world_turn(w);
	const struct world_answer *a = world_answer(w, token);
	bool done = a && a->state == ANSWER_DONE;
	if (done && uid != was)
		broke(w, "somebody else came back for an orphan");
	if (done && orphaned && (a->claim.slice != slice || !str_eq(a->claim.name, name)))
		broke(w, "who came back got another slice");
}

static void op_release(struct world *w)
{
	const struct claim *c = some_claim(w);
	char name[NAME_SIZE];
	(void)STR_COPY(name, c && !chance(w, 5) ? c->name : "never-was");
	uint32_t uid = c && !c->from_policy ? c->uid : 0;
	if (world_random(w, 2))
		world_release(w, uid, name);
	else
		world_release_now(w, uid, name);
}

static void op_consumer(struct world *w)
{
	const struct claim *c = some_claim(w);
	const struct slice *s = c && c->slice ? world_slice(w, c->slice) : NULL;
	if (c && c->parts && chance(w, 30))
		engine_consumer_gone(w->e, c->name);
	if (!s)
		return;
	struct target t = slice_target(s);
	char name[NAME_SIZE];
	(void)STR_COPY(name, c->name);
	if (machine_is_held(&w->m, &t)) {
		machine_close(&w->m, &t);
		world_log(w, "consumer of %s closes", name);
		if (chance(w, 50))
			engine_consumer_gone(w->e, name);
	} else if (c->state == CLAIM_HELD && machine_open(&w->m, &t, c->grant_uid, 4121) == 0) {
		world_log(w, "consumer of %s opens", name);
	} else if (chance(w, 20)) {
		engine_consumer_gone(w->e, name);
	}
}

static void op_apply(struct world *w)
{
	_cleanup_free_ char *text = policy_make(w);
	world_apply(w, text, chance(w, 30));
}

/* A plan that somebody looked at meanwhile: it is what is done, or nothing is. */
static void op_apply_planned(struct world *w, struct plan_file *file)
{
	const struct world_answer *a = file->token ? world_answer(w, file->token) : NULL;
	if (!a || !a->report || chance(w, 30)) {
		free(file->text);
		file->text = policy_make(w);
		file->token = world_apply(w, file->text, true);
		return;
	}
	uint64_t version = engine_record(w->e)->policy.version;
	bool stale = (uint64_t)json_integer_value(json_object_get(a->report, "base")) != version;
	uint64_t token =
		world_request_apply(w, file->text, &(struct apply_request){ .planned = a->report });
	world_turn(w);
	a = world_answer(w, token);
	bool refused = a && a->state == ANSWER_FAILED;
	if (stale && !refused && a)
		broke(w, "a plan over another version was not refused");
	if (refused && engine_record(w->e)->policy.version != version)
		broke(w, "a refused plan was applied");
	if (refused && str_eq(a->id, "apply.changed"))
		file->refused++;
	else if (!refused)
		file->applied++;
}

/* One device only: what is wanted of the others stays. */
static void op_apply_only(struct world *w)
{
	static const char *const keys[] = { NIC_A, NIC_B, NVME, GPU_A, GPU_OLD, MTTY, MDPY };
	const char *only = keys[world_random(w, sizeof(keys) / sizeof(keys[0]))];
	const struct record *r = engine_record(w->e);
	_cleanup_free_ char *text = policy_make(w);
	size_t n = r->n_wants;
	_cleanup_free_ struct want *before = calloc(n + 1, sizeof(*before));
	if (n)
		memcpy(before, r->wants, n * sizeof(*before));
	static const char *const reasons[] = { "device.adopted", "device.failed" };
	json_int_t told[2];
	for (size_t i = 0; i < 2; i++)
		told[i] = json_integer_value(json_object_get(w->events, reasons[i]));
	world_request_apply(w, text, &(struct apply_request){ .only = only });
	world_turn(w);
	/* VFs that are adopted in the same turn are another reason; and a device that fails in it goes back to
	 * what was wanted of it. */
	bool other = false;
	for (size_t i = 0; i < 2; i++)
		other = other ||
			json_integer_value(json_object_get(w->events, reasons[i])) != told[i];
	if (other)
		return;
	for (size_t i = 0; i < n; i++) {
		const struct want *now = want_of(w, before[i].device);
		if (!str_eq(before[i].device, only) &&
		    (!now || !fields_same(FIELDS_WANT, now, &before[i])))
			broke(w, "applied to one device, a policy changed the want of another");
	}
}

static void op_rollback(struct world *w, struct plan_file *file)
{
	const struct applied_policy *now = &engine_record(w->e)->policy;
	uint64_t version = now->version, old = file->old_version;
	if (!file->old || chance(w, 30)) {
		free(file->old);
		file->old = now->text ? strdup(now->text) : NULL;
		file->old_version = version;
		return;
	}
	uint64_t token =
		world_request_apply(w, file->old, &(struct apply_request){ .repeats = old });
	world_turn(w);
	const struct world_answer *a = world_answer(w, token);
	now = &engine_record(w->e)->policy;
	if (a && a->state == ANSWER_FAILED) {
		if (now->version != version)
			broke(w, "a refused apply left a version");
		return;
	}
	if (now->version != version + 1 || now->repeats != old || !str_eq(now->text, file->old))
		broke(w, "what was applied again is not what is recorded");
	file->rolled_back++;
}

static void op_time(struct world *w)
{
	w->now += (int64_t)world_random(w, chance(w, 10) ? 20000 : 200);
	world_results(w);
}

static void op_foreign_mdev(struct world *w)
{
	char uuid[UUID_SIZE];
	(void)STR_FORMAT(uuid, "ffffffff-0000-4000-8000-%012llx",
			 (unsigned long long)world_random(w, 1000));
	const char *parent = chance(w, 50) ? MTTY : MOTHER;
	struct target t = { .vf = -1 };
	(void)STR_COPY(t.device, parent);
	(void)STR_COPY(t.uuid, uuid);
	if (machine_is_held(&w->m, &t))
		return;
	int r = chance(w, 50) ? machine_mdev_create(&w->m, parent, uuid,
						    str_eq(parent, MTTY) ? "mtty-1" : "other-1")
			      : machine_mdev_remove(&w->m, uuid);
	world_log(w, "by hand: mdev %s: %d", uuid, r);
}

/* Somebody uses, or no longer uses, what no claim is for. */
static void op_foreign_consumer(struct world *w)
{
	if (w->m.have.n_mdevs == 0)
		return;
	const struct mdev *d = &w->m.have.mdevs[world_random(w, w->m.have.n_mdevs)];
	struct target t = { .vf = -1 };
	(void)STR_COPY(t.device, d->parent);
	(void)STR_COPY(t.uuid, d->uuid);
	if (machine_was_made(&w->m, d->uuid))
		return;
	if (machine_is_held(&w->m, &t))
		machine_close(&w->m, &t);
	else
		(void)machine_open(&w->m, &t, 0, 999);
	world_log(w, "by hand: mdev %s is %s", t.uuid,
		  machine_is_held(&w->m, &t) ? "in use" : "not in use");
}

static void op_adopt(struct world *w)
{
	static const char *const keys[] = { NIC_A, NIC_B, NVME, MTTY, MDPY };
	struct requester root = { .manage = true };
	struct adopt_request rq = { .target.vf = -1, .plan_only = chance(w, 20) };
	(void)STR_COPY(rq.target.device, keys[world_random(w, 5)]);
	if (chance(w, 50) && w->m.have.n_mdevs) {
		const struct mdev *d = &w->m.have.mdevs[world_random(w, w->m.have.n_mdevs)];
		(void)STR_COPY(rq.target.device, d->parent);
		(void)STR_COPY(rq.target.uuid, d->uuid);
	} else if (chance(w, 20)) {
		rq.target.vf = (int32_t)world_random(w, 4);
	}
	if (chance(w, 40)) {
		(void)STR_FORMAT(rq.claim, "guest-%u", (unsigned)world_random(w, 50));
		(void)STR_COPY(rq.owner, "libvirt:guest");
	}
	engine_request_adopt(w->e, ++w->token, &root, &rq);
}

static void op_disown(struct world *w)
{
	struct requester root = { .manage = true };
	const struct record *r = engine_record(w->e);
	char name[SYS_PATH_SIZE];
	if (r->n_slices == 0)
		return;
	const struct slice *s = &r->slices[world_random(w, r->n_slices)];
	if (chance(w, 30))
		(void)STR_COPY(name, s->device);
	else if (slice_name(s, name, sizeof(name)) < 0)
		return;
	engine_request_disown(w->e, ++w->token, &root, name);
}

/* Another tool keeps it from now on; whoever has it goes on. */
static void op_hand_back(struct world *w)
{
	struct requester root = { .manage = true };
	const struct record *r = engine_record(w->e);
	char name[SYS_PATH_SIZE];
	if (r->n_slices == 0)
		return;
	/* One that is held, when there is one behind it. */
	size_t at = world_random(w, r->n_slices), i = at;
	while (i < r->n_slices && (r->slices[i].state != SLICE_HELD || r->slices[i].index >= 0))
		i++;
	const struct slice *s = &r->slices[i < r->n_slices ? i : at];
	if (chance(w, 30))
		(void)STR_COPY(name, s->device);
	else if (slice_name(s, name, sizeof(name)) < 0)
		return;
	engine_request_hand_back(w->e, ++w->token, &root, name, chance(w, 20));
}

static void op_drain(struct world *w)
{
	static const char *const keys[] = { NIC_A, NIC_B, NVME, GPU_A, GPU_OLD, MTTY, MDPY };
	static const struct requester root = { .manage = true };
	const struct drain_request rq = {
		.device = keys[world_random(w, sizeof(keys) / sizeof(keys[0]))],
		.undo = chance(w, 70),
		.wait = chance(w, 30),
	};
	engine_request_drain(w->e, ++w->token, &root, &rq);
}

static bool pf_idle(struct world *w, const char *key)
{
	for (size_t i = 0; i < w->m.n_holders; i++)
		if (str_eq(w->m.holders[i].target.device, key))
			return false;
	return true;
}

static void op_drift_vfs(struct world *w)
{
	static const char *const keys[] = { NIC_A, NIC_B, NVME, NIC_OTHER };
	const char *key = keys[world_random(w, 4)];
	if (!pf_idle(w, key))
		return;
	int r = machine_vfs_set(&w->m, key, 0, false);
	world_log(w, "by hand: no VFs on %s: %d", key, r);
	if (chance(w, 40)) {
		unsigned n = (unsigned)world_random(w, 5);
		r = machine_vfs_set(&w->m, key, n, false);
		world_log(w, "by hand: %u VFs on %s: %d", n, key, r);
	}
}

static void op_drift_mdev(struct world *w)
{
	if (w->m.n_made == 0)
		return;
	char uuid[UUID_SIZE];
	(void)STR_COPY(uuid, w->m.made[world_random(w, w->m.n_made)]);
	const struct mdev *d = have_mdev(&w->m.have, uuid);
	struct target t = { .vf = -1 };
	(void)STR_COPY(t.device, d->parent);
	(void)STR_COPY(t.uuid, uuid);
	if (machine_is_held(&w->m, &t))
		return;
	world_log(w, "by hand: remove mdev %s", uuid);
	(void)machine_mdev_remove(&w->m, uuid);
}

static void op_drift_driver(struct world *w)
{
	struct target t = { .vf = -1 };
	(void)STR_COPY(t.device, chance(w, 50) ? GPU_A : GPU_B);
	struct function *f = machine_function(&w->m, &t);
	if (!f || machine_is_held(&w->m, &t) || !str_eq(f->driver, "vfio-pci"))
		return;
	world_log(w, "by hand: %s to nouveau", f->addr);
	(void)STR_COPY(f->driver, "nouveau");
	f->vfio_node = false;
}

/* Somebody stops a unit, or starts it, also one that was stopped for a change; or it no longer does what it
 * is told, for a while. */
static void op_unit(struct world *w)
{
	struct machine_unit *u = &w->m.units[world_random(w, w->m.n_units)];
	bool runs = chance(w, 70);
	u->clings = chance(w, 5);
	u->broken = chance(w, 5);
	world_log(w, "by hand: %s %s%s%s", u->name, runs ? "runs" : "is stopped",
		  u->clings ? ", does not stop" : "", u->broken ? ", does not start" : "");
	if (u->runs == runs)
		return;
	u->runs = runs;
	u->ours = false;
}

static void op_drift(struct world *w)
{
	switch (world_random(w, 7)) {
	case 6:
		op_unit(w);
		break;
	case 0:
	case 1:
		op_foreign_mdev(w);
		break;
	case 5:
		op_foreign_consumer(w);
		break;
	case 2:
		op_drift_vfs(w);
		break;
	case 3:
		op_drift_mdev(w);
		break;
	default:
		op_drift_driver(w);
		break;
	}
	/* The uevent comes, or comes late, or is lost. */
	if (chance(w, 50))
		world_observe(w);
}

static void op_manage(struct world *w)
{
	struct requester root = { .manage = true };
	const struct record *r = engine_record(w->e);
	char name[SYS_PATH_SIZE];
	if (chance(w, 40)) {
		engine_request_reclaim_retry(w->e, ++w->token, &root, chance(w, 50) ? "" : "web01");
		return;
	}
	for (size_t i = 0; i < r->n_slices; i++)
		if (r->slices[i].state == SLICE_QUARANTINED &&
		    slice_name(&r->slices[i], name, sizeof(name)) == 0) {
			struct target t = slice_target(&r->slices[i]);
			/* The admin knows: he cleaned it. */
			for (size_t k = 0; k < w->m.n_residues; k++)
				if (target_eq(&w->m.residues[k].target, &t))
					w->m.residues[k].uid = 0;
			if (machine_is_held(&w->m, &t))
				return;
			world_log(w, "clear %s", name);
			engine_request_quarantine_clear(w->e, ++w->token, &root, name, "cleaned");
			return;
		}
}

static void op_crash(struct world *w)
{
	switch (world_random(w, 4)) {
	case 0:
		world_log(w, "the executor dies");
		machine_executor_crash(&w->m);
		engine_executor_lost(w->e);
		if (chance(w, 50))
			world_turn(w);
		world_observe(w);
		break;
	case 1:
		world_crash(w, true);
		break;
	case 2:
		world_crash(w, false);
		break;
	default:
		if (chance(w, 30))
			world_reboot(w);
		break;
	}
}

static void op(struct world *w, struct plan_file *file)
{
	uint64_t n = world_random(w, 100);
	if (n < 25)
		op_alloc(w);
	else if (n < 42)
		op_release(w);
	else if (n < 55)
		op_consumer(w);
	else if (n < 58)
		op_apply(w);
	else if (n < 59)
		op_apply_only(w);
	else if (n < 61)
		op_apply_planned(w, file);
	else if (n < 62)
		op_rollback(w, file);
	else if (n < 67)
		op_drift(w);
	else if (n < 70)
		op_crash(w);
	else if (n < 73)
		op_manage(w);
	else if (n < 75)
		op_leave(w);
	else if (n < 77)
		op_adopt(w);
	else if (n < 78 && chance(w, 40))
		op_disown(w);
	else if (n < 78)
		op_hand_back(w);
	else if (n < 81)
		op_return(w);
	else if (n < 82)
		w->disk_full = !w->disk_full && chance(w, 50);
	else if (n < 83)
		op_drain(w);
	else
		op_time(w);
	world_turn(w);
}

/* --- calm ------------------------------------------------------------------------------------------------- */

static void release_all(struct world *w)
{
	w->m.n_holders = 0;
	for (size_t i = 0; i < engine_record(w->e)->n_claims; i++) {
		char name[NAME_SIZE];
		(void)STR_COPY(name, engine_record(w->e)->claims[i].name);
		world_release(w, 0, name);
	}
}

static void undrain_all(struct world *w)
{
	static const struct requester root = { .manage = true };
	const struct record *r = engine_record(w->e);
	for (size_t i = 0; i < r->n_notes; i++)
		engine_request_drain(w->e, ++w->token, &root,
				     &(struct drain_request){ .device = r->notes[i].device,
							      .undo = true });
}

static void clear_all(struct world *w)
{
	struct requester root = { .manage = true };
	const struct record *r = engine_record(w->e);
	for (size_t i = 0; i < r->n_slices; i++) {
		char name[SYS_PATH_SIZE];
		if (r->slices[i].state != SLICE_QUARANTINED ||
		    slice_name(&r->slices[i], name, sizeof(name)) < 0)
			continue;
		struct target t = slice_target(&r->slices[i]);
		for (size_t k = 0; k < w->m.n_residues; k++)
			if (target_eq(&w->m.residues[k].target, &t))
				w->m.residues[k].uid = 0;
		engine_request_quarantine_clear(w->e, ++w->token, &root, name, "cleaned");
	}
}

/* What was adopted stays as long as the policy names its type, and may leave no room for the layout. */
static bool has_no_room(struct world *w, const struct slice *s)
{
	const struct record *r = engine_record(w->e);
	bool adopted = false;
	for (size_t i = 0; i < r->n_slices; i++)
		adopted = adopted ||
			  (r->slices[i].adopted && str_eq(r->slices[i].device, s->device));
	return adopted && s->state == SLICE_WANTED && s->uuid[0];
}

static void check_free(struct world *w, const struct slice *s)
{
	char name[SYS_PATH_SIZE], text[600];
	bool ready = s->state == SLICE_READY;
	bool data = s->state == SLICE_LOST && s->dirty;
	if (ready || data || s->state == SLICE_QUARANTINED || has_no_room(w, s))
		return;
	if (slice_name(s, name, sizeof(name)) < 0)
		name[0] = '\0';
	(void)STR_FORMAT(text, "calm, yet slice %s is %s", name,
			 slice_state_name((enum slice_state)s->state));
	broke(w, text);
}

/* What is made ahead is there, since nobody has or wants anything. */
static void check_warm(struct world *w, const struct want *want)
{
	const struct record *r = engine_record(w->e);
	char text[400];
	for (uint32_t t = 0; t < want->n_types; t++) {
		uint32_t n = 0;
		for (size_t i = 0; i < r->n_slices; i++) {
			const struct slice *s = &r->slices[i];
			n += s->warm && s->state == SLICE_READY &&
			     str_eq(s->device, want->device) && str_eq(s->profile, want->types[t]);
		}
		/* What was adopted stays, and may have the room. */
		const struct mdev_type *type = have_type(&w->m.have, want->device, want->types[t]);
		bool full = type && type->available == 0;
		if (n == want->warm[t] || (n < want->warm[t] && full))
			continue;
		(void)STR_FORMAT(text, "%s has %u of %s ahead, %u are wanted", want->device, n,
				 want->types[t], want->warm[t]);
		broke(w, text);
	}
}

/* With everything released and the policy applied again, the machine is what the policy says. */
static void check_machine(struct world *w)
{
	char text[400];
	for (size_t i = 0; i < engine_record(w->e)->n_wants; i++)
		check_warm(w, &engine_record(w->e)->wants[i]);
	for (size_t i = 0; i < w->m.have.n_functions; i++) {
		const struct function *f = &w->m.have.functions[i];
		const struct want *want = want_of(w, f->key);
		unsigned made = have_vf_count(&w->m.have, f->addr);
		if (want && str_eq(want->mech, "sriov") && made != want->count) {
			(void)STR_FORMAT(text, "%s has %u VFs, %u are wanted", f->key, made,
					 want->count);
			broke(w, text);
		}
		if (want && str_eq(want->mech, "passthrough") && made) {
			(void)STR_FORMAT(text, "%s has %u VFs, it is to be passed through", f->key,
					 made);
			broke(w, text);
		}
		if (!driver_is_vfio(f->driver) || f->is_vf || machine_is_handed(&w->m, f->key))
			continue;
		/* Without a reset it stays with whoever used it, and goes to no driver of the host. */
		bool kept = want && want->after_use == AFTER_USE_SAME_TENANT && !f->caps.flr;
		if (!want || !(want->bind_early || kept)) {
			(void)STR_FORMAT(text, "%s is left with %s", f->key, f->driver);
			broke(w, text);
		}
	}
	for (size_t i = 0; i < w->m.n_made; i++) {
		const struct mdev *d = have_mdev(&w->m.have, w->m.made[i]);
		const struct want *want = d ? want_of(w, d->parent) : NULL;
		if (!want) {
			(void)STR_FORMAT(text, "mdev %s is left over", w->m.made[i]);
			broke(w, text);
		}
	}
}

/* What carve stopped runs again when all is done. It gave up what would not start: that is told. */
static void check_units(struct world *w)
{
	char text[200];
	for (size_t i = 0; i < w->m.n_units; i++) {
		const struct machine_unit *u = &w->m.units[i];
		if (!u->ours || u->refused)
			continue;
		(void)STR_FORMAT(text, "%s was stopped by a step and is not started again",
				 u->name);
		broke(w, text);
	}
}

/* Their owners see to them. */
static void units_mend(struct world *w)
{
	for (size_t i = 0; i < w->m.n_units; i++) {
		struct machine_unit *u = &w->m.units[i];
		u->runs = true;
		u->ours = u->clings = u->broken = false;
	}
}

static void settle(struct world *w)
{
	for (unsigned i = 0; i < 20 && !w->failure[0]; i++) {
		world_observe(w);
		world_run(w, 120000);
	}
}

static unsigned changing_steps(struct world *w)
{
	uint64_t before = w->sent;
	settle(w);
	return (unsigned)(w->sent - before);
}

/* Everything foreign that stands in the way of the policy is cleared away, as its makers would. */
static void hands_off(struct world *w)
{
	for (size_t i = w->m.have.n_mdevs; i > 0; i--) {
		const struct mdev *d = &w->m.have.mdevs[i - 1];
		if (!machine_was_made(&w->m, d->uuid)) {
			char uuid[UUID_SIZE];
			(void)STR_COPY(uuid, d->uuid);
			(void)machine_mdev_remove(&w->m, uuid);
		}
	}
	static const char *const keys[] = { NIC_A, NIC_B, NVME, NIC_OTHER };
	for (size_t i = 0; i < 4; i++)
		if (!machine_was_cut(&w->m, keys[i]))
			(void)machine_vfs_set(&w->m, keys[i], 0, false);
}

static void calm(struct world *w)
{
	world_log(w, "calm");
	w->disk_full = false;
	w->quiet = true;
	settle(w);
	release_all(w);
	undrain_all(w);
	settle(w);
	clear_all(w);
	settle(w);
	hands_off(w);
	settle(w);
	check_units(w);
	units_mend(w);
	_cleanup_free_ char *text = policy_make(w);
	/* The last word of a policy wins: this one destroys what nobody wants. */
	char *keep = strstr(text, "on-remove: keep");
	if (keep)
		memcpy(keep, "on-remove: destroy", 0);
	struct str_buf b = { 0 };
	if (keep) {
		*keep = '\0';
		str_buf_add(&b, text);
		str_buf_add(&b, "on-remove: destroy\n");
		free(text);
		text = str_buf_take(&b);
	}
	size_t steps;
	world_apply_as_planned(w, text, &steps);
	settle(w);
	clear_all(w);
	release_all(w);
	settle(w);
	const struct record *r = engine_record(w->e);
	for (size_t i = 0; i < r->n_slices; i++)
		check_free(w, &r->slices[i]);
	if (r->n_claims)
		broke(w, "calm, yet there are claims");
	check_machine(w);
	check_units(w);
	if (changing_steps(w))
		broke(w, "a second look at a converged host writes");
	world_crash(w, true);
	if (changing_steps(w))
		broke(w, "a restart on a converged host writes");
	w->quiet = false;
}

/* --- run ------------------------------------------------------------------------------------------------------ */

static uint64_t env_number(const char *name, uint64_t otherwise)
{
	const char *text = getenv(name);
	uint64_t value;
	return text && num_parse(text, 10, UINT64_MAX, &value) >= 0 ? value : otherwise;
}

struct totals {
	uint64_t steps, plans_applied, plans_refused, rolled_back;
	uint64_t wholes; /* operations during which a claim with parts was held */
	json_t *events;
};

static void totals_add(struct totals *t, const struct world *w)
{
	const char *kind;
	json_t *n;
	t->steps += w->sent;
	json_object_foreach(w->events, kind, n) {
		json_int_t before = json_integer_value(json_object_get(t->events, kind));
		json_object_set_new(t->events, kind, json_integer(before + json_integer_value(n)));
	}
}

static bool holds_whole(const struct world *w)
{
	const struct record *r = engine_record(w->e);
	for (size_t i = 0; i < r->n_claims; i++)
		if (r->claims[i].parts && r->claims[i].state == CLAIM_HELD)
			return true;
	return false;
}

static void history(uint64_t seed, uint64_t ops, struct totals *totals)
{
	struct world *w = calloc(1, sizeof(*w));
	uint64_t done = 0;
	struct plan_file file = { 0 };
	world_init(w, seed);
	host_make(w);
	w->fault_percent = seed % 3 ? 6 : 0;
	world_start(w, true);
	world_turn(w);
	op_apply(w);
	while (done < ops && !w->failure[0]) {
		op(w, &file);
		totals->wholes += holds_whole(w);
		if (++done % 250 == 0)
			calm(w);
	}
	if (w->failure[0]) {
		world_print_log(w);
		print_message(
			"seed %llu, operation %llu: %s\nCARVE_SEED=%llu CARVE_OPS=%llu repeats it\n",
			(unsigned long long)seed, (unsigned long long)done, w->failure,
			(unsigned long long)seed, (unsigned long long)done);
		fail_msg("%s", w->failure);
	}
	totals_add(totals, w);
	totals->plans_applied += file.applied;
	totals->plans_refused += file.refused;
	totals->rolled_back += file.rolled_back;
	free(file.text);
	free(file.old);
	world_done(w);
	free(w);
}

static void test_f15_f20_f21_f22_f35_engine_random_histories_hold_the_invariants(void **state)
{
	(void)state;
	bool full = env_number("CARVE_FULL", 0) != 0;
	uint64_t ops = env_number("CARVE_OPS", full		       ? 1000000
					       : getenv("CARVE_QUICK") ? 5000
								       : 50000),
		 seed = env_number("CARVE_SEED", 0);
	uint64_t run = 0;
	struct totals totals = { .events = json_object() };
	struct timespec a, b;
	clock_gettime(CLOCK_MONOTONIC, &a);
	if (seed) {
		history(seed, ops, &totals);
		run = ops;
	}
	for (uint64_t i = 1; run < ops; i++, run += 1000)
		history(i, 1000, &totals);
	clock_gettime(CLOCK_MONOTONIC, &b);
	double took = (double)(b.tv_sec - a.tv_sec) + (double)(b.tv_nsec - a.tv_nsec) / 1e9;
	_cleanup_free_ char *events = json_dumps(totals.events, JSON_INDENT(1));
	print_message("%llu operations, %llu steps, %.0f operations/s\n%s\n",
		      (unsigned long long)run, (unsigned long long)totals.steps, (double)run / took,
		      events);
	/* A history in which nothing happens proves nothing. */
	static const char *const must[] = {
		"claim.held",	      "claim.released",	   "claim.broken",    "claim.failed",
		"slice.lost",	      "slice.quarantined", "device.stuck",    "device.failed",
		"host.restarted",     "slice.removed",	   "claim.waiting",   "claim.preempted",
		"claim.lease-ending", "slice.adopted",	   "device.adopted",  "slice.disowned",
		"claim.adopted",      "claim.disowned",	   "claim.orphaned",  "claim.returned",
		"slice.made-way",     "service.stopped",   "service.started", "service.failed"
	};
	for (size_t i = 0; run >= 50000 && i < sizeof(must) / sizeof(must[0]); i++)
		if (!json_object_get(totals.events, must[i]))
			fail_msg("no %s in any history", must[i]);
	if (run >= 50000 && (totals.wholes == 0 || totals.plans_applied == 0 ||
			     totals.plans_refused == 0 || totals.rolled_back == 0))
		fail_msg(
			"no claim with parts was held, no plan was applied, none was refused, or no policy "
			"was applied again");
	json_decref(totals.events);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			test_f15_f20_f21_f22_f35_engine_random_histories_hold_the_invariants),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
