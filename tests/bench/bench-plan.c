/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a plan costs on a full host: 64 cards with 24 VFs each, 64 parents of mdevs that are divided on
 * demand, and 2,000 claims. Planned are the applied policy, which lacks nothing, and one that
 * makes other VFs on two cards that nobody uses and reserves some.
 *
 *   bench-plan               processor time, and instructions, counted by valgrind where there is one
 *   bench-plan --plan N      one of these plans, for valgrind to count: 0 or 1
 */
#include "support/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/cleanup.h"
#include "base/num.h"
#include "base/str.h"
#include "bench/callgrind.h"
#include "engine/world.h"

#define CARDS 64
#define VFS 24
#define PARENTS 64
#define FREE_CARDS 2
#define CLAIMS 2000
#define CARD "pci:0000:00/%02x.0/00.0"
#define PARENT "sys:virtual/mtty/p%02u"
#define RESERVED 16
#define BOOT "00000000-0000-4000-8000-000000000001"

#define POLICY(count)                                                                              \
	"version: 1\ndevices:\n"                                                                   \
	"  nic: {match: {class: network}}\n"                                                       \
	"  port: {match: {path: \"sys:virtual\"}}\n"                                               \
	"divide:\n"                                                                                \
	"  - {use: nic, when: {any: [{key: \"pci:0000:00/3e.0/00.0\"}, "                           \
	"{key: \"pci:0000:00/3f.0/00.0\"}]}, as: sriov, count: " count "}\n"                       \
	"  - {use: nic, as: sriov, count: 24}\n"                                                   \
	"  - {use: port, as: mdev, on-demand: [mtty-1, mtty-2]}\n"                                 \
	"classes:\n"                                                                               \
	"  lan: {from: nic}\n"                                                                     \
	"  tty: {from: port, profiles: [mtty-1]}\n"

struct host {
	struct machine m;
	struct record rec;
	struct engine *e;
	char text[2][8192]; /* the applied policy, and the other one */
};

static void must(bool good, const char *what)
{
	if (good)
		return;
	fprintf(stderr, "%s\n", what);
	exit(1);
}

/* --- the host ------------------------------------------------------------------------------------- */

static void machine_make(struct machine *m)
{
	char key[DEVICE_KEY_SIZE];
	machine_init(m);
	for (unsigned i = 0; i < CARDS; i++) {
		(void)STR_FORMAT(key, CARD, i);
		machine_add_pf(m, key, 0x020000, 32, false);
	}
	have_sort(&m->have);
	for (unsigned i = 0; i < CARDS; i++) {
		(void)STR_FORMAT(key, CARD, i);
		must(machine_vfs_set(m, key, VFS, true) == 1, "no VFs");
	}
	for (unsigned i = 0; i < PARENTS; i++) {
		(void)STR_FORMAT(key, PARENT, i);
		machine_add_parent(m, key, 24, false);
		machine_add_type(m, key, "mtty-1", 1);
		machine_add_type(m, key, "mtty-2", 2);
	}
}

static void *more(void *items, size_t n, size_t size)
{
	void *grown = n & (n - 1) ? items : reallocarray(items, n ? n * 2 : 1, size);
	must(grown != NULL, "no memory");
	return grown;
}

static struct slice *slice_add(struct record *r, const char *mech, const char *profile)
{
	r->slices = more(r->slices, r->n_slices, sizeof(*r->slices));
	struct slice *s = &r->slices[r->n_slices++];
	*s = (struct slice){ .id = r->next_id++, .index = -1, .state = SLICE_READY };
	(void)STR_COPY(s->mech, mech);
	(void)STR_COPY(s->profile, profile);
	return s;
}

static void claim_add(struct record *r, struct slice *s, const char *class)
{
	r->claims = more(r->claims, r->n_claims, sizeof(*r->claims));
	struct claim *c = &r->claims[r->n_claims++];
	*c = (struct claim){ .kind = CLAIM_RESERVED, .state = CLAIM_HELD, .slice = s->id };
	(void)STR_FORMAT(c->name, "claim-%04zu", r->n_claims);
	(void)STR_COPY(c->class, class);
	(void)STR_COPY(c->boot_id, BOOT);
	memcpy(s->claim, c->name, sizeof(s->claim));
	s->state = SLICE_HELD;
	s->dirty = 1;
}

static void cards_record(struct host *h)
{
	for (unsigned i = 0; i < CARDS; i++)
		for (int k = 0; k < VFS; k++) {
			struct slice *s = slice_add(&h->rec, "sriov", "vf");
			(void)STR_FORMAT(s->device, CARD, i);
			s->index = k;
			if (i >= CARDS - FREE_CARDS)
				continue;
			claim_add(&h->rec, s, "lan");
			const struct target t = slice_target(s);
			(void)STR_COPY(machine_function(&h->m, &t)->driver, "vfio-pci");
		}
}

static void parents_record(struct host *h)
{
	for (unsigned i = 0; h->rec.n_claims < CLAIMS; i++) {
		struct slice *s = slice_add(&h->rec, "mdev", "mtty-1");
		(void)STR_FORMAT(s->device, PARENT, i % PARENTS);
		(void)STR_FORMAT(s->uuid, "00000000-0000-4000-9000-%012u", i);
		s->on_demand = 1;
		claim_add(&h->rec, s, "tty");
		must(machine_mdev_create(&h->m, s->device, s->uuid, "mtty-1") == 1, "no mdev");
	}
}

static bool is_enrolled(void *userdata, const char *key)
{
	(void)userdata, (void)key;
	return true;
}

static struct policy *pinned(const struct host *h, const char *text, struct want **ret,
			     size_t *ret_n)
{
	_cleanup_err_ struct err err = { 0 };
	const struct policy_facts facts = { .have = &h->m.have, .enrolled = is_enrolled };
	struct policy *p = policy_parse(text, strlen(text), "bench.yaml", &err);
	must(p && policy_pin(p, &facts, ret, ret_n, &err) >= 0, err.what ? err.what : "no policy");
	return p;
}

static void texts_write(struct host *h)
{
	struct str_buf b = { 0 };
	(void)STR_COPY(h->text[0], POLICY("24"));
	str_buf_add(&b, POLICY("8") "reservations:\n");
	for (unsigned i = 0; i < RESERVED; i++)
		str_buf_addf(&b, "  - {name: r%u, class: %s, for: \"manual:r\"}\n", i,
			     i % 2 ? "lan" : "tty");
	_cleanup_free_ char *text = str_buf_take(&b);
	must(text && STR_COPY(h->text[1], text) >= 0, "no text");
}

static void random_bytes(void *userdata, uint8_t bytes[16])
{
	(void)userdata;
	memset(bytes, 7, 16);
}

static void turn(struct engine *e, json_t **ret_report)
{
	_cleanup_(turn_done) struct turn t = { 0 };
	must(engine_turn(e, &t) >= 0, "the turn failed");
	engine_turn_committed(e);
	for (size_t i = 0; i < t.n_answers && ret_report; i++) {
		must(t.answers[i].state == ANSWER_DONE, "the plan was refused");
		*ret_report = json_incref(t.answers[i].report);
	}
}

static void host_make(struct host *h)
{
	_cleanup_err_ struct err err = { 0 };
	const struct engine_config config = { .mechs = world_mechs, .random = random_bytes };
	*h = (struct host){ .rec = { .next_id = 1 } };
	machine_make(&h->m);
	cards_record(h);
	parents_record(h);
	have_sort(&h->m.have);
	texts_write(h);
	policy_free(pinned(h, h->text[0], &h->rec.wants, &h->rec.n_wants));
	must(h->rec.n_wants == CARDS + PARENTS, "not all devices are wanted");
	h->rec.policy.version = 1;
	h->rec.policy.file = strdup("bench.yaml");
	h->rec.policy.text = strdup(h->text[0]);
	(void)STR_COPY(h->rec.boot_id, BOOT);
	h->e = engine_new(&config);
	must(h->e != NULL, "no engine");
	engine_now(h->e, 1000, 1700000000);
	must(engine_load(h->e, &h->rec, BOOT, &err) >= 0, "the record is not loaded");
	engine_have_changed(h->e, &h->m.have);
	turn(h->e, NULL);
}

static void host_done(struct host *h)
{
	engine_free(h->e);
	machine_done(&h->m);
}

/* --- plans ---------------------------------------------------------------------------------------- */

/* The number of its steps. */
static size_t plan(struct host *h, unsigned which)
{
	const struct requester root = { .manage = true };
	json_auto_t *report = NULL;
	_cleanup_free_ struct want *wants = NULL;
	size_t n;
	struct policy *p = pinned(h, h->text[which], &wants, &n);
	const struct apply_request rq = {
		.policy = p, .text = h->text[which], .wants = wants, .n_wants = n, .plan_only = true
	};
	engine_request_apply(h->e, 1, &root, &rq);
	turn(h->e, &report);
	must(report != NULL, "no plan");
	return json_array_size(json_object_get(report, "steps"));
}

static double cpu_ms(void)
{
	struct timespec t;
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static const struct {
	const char *name, *instructions; /* at most */
} plans[] = {
	{ "a plan without steps", "150000000" },
	{ "a plan with steps", "500000000" },
};
#define PLANS (sizeof(plans) / sizeof(*plans))

static void figure(const char *what, const char *of, double value, const char *unit,
		   const char *limit)
{
	printf("%s, %s\t%.3f\t%s\t%s\n", what, of, value, unit, limit);
}

/* The best of some: what else the machine does only ever adds. */
static void time_run(struct host *h, unsigned which)
{
	double best = 1e9;
	size_t steps = 0;
	for (unsigned i = 0; i < 10; i++) {
		double began = cpu_ms();
		steps = plan(h, which);
		double took = cpu_ms() - began;
		best = took < best ? took : best;
	}
	must((steps > 0) == (which > 0), "another plan than it was to be");
	figure(plans[which].name, "processor time", best, "ms", "50");
}

static bool count(const char *self, unsigned which, double *ret)
{
	char arguments[32];
	return STR_FORMAT(arguments, "--plan %u", which) >= 0 &&
	       callgrind_count(self, "plan_make", arguments, ret);
}

static void count_run(const char *self, unsigned which)
{
	double n;
	if (count(self, which, &n))
		figure(plans[which].name, "instructions", n, "", plans[which].instructions);
	else
		printf("# no valgrind: instructions are not counted\n");
}

int main(int argc, char **argv)
{
	static struct host h;
	const char *what = getenv("CARVE_BENCH");
	uint32_t which;
	bool one = argc == 3 && str_eq(argv[1], "--plan") &&
		   num_parse_u32(argv[2], 10, &which) == 0 && which < PLANS;
	host_make(&h);
	if (one)
		(void)plan(&h, which);
	for (unsigned i = 0; !one && i < PLANS; i++) {
		if (!what || !str_eq(what, "counts"))
			time_run(&h, i);
		count_run(argv[0], i);
	}
	host_done(&h);
	return 0;
}
