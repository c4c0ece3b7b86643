/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * See set.h. A set of parts is a vector: how many of each profile. To know what a device can take, its
 * slots are gone through from the first to the last; how the parts lie so far does not matter for what
 * can follow, only their number does, so each vector is followed once from each slot. Profiles without
 * slots come behind the last slot, one position each.
 *
 * To fill a device with less than it could take never helps: parts can be left out at any time.
 */
#include "place/set.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/cleanup.h"

#define NONE UINT32_MAX
#define DEVICES_MAX 1024 /* one step of a recursion each */

struct vector {
	uint8_t of[CAPACITY_PROFILES];
};

/* A vector at a position, and how it came about. Also used for what is known not to fit. */
struct node {
	struct vector v;
	uint32_t at;	 /* position; in the memory of failures: device */
	uint32_t from;	 /* node before; NONE: the beginning */
	uint32_t chain;	 /* next of the same hash */
	uint32_t next;	 /* next of the same position */
	uint8_t profile; /* what was added since */
	uint8_t start;
	bool added;
};

/* Nodes that can be found by what they are. */
struct nodes {
	struct node *all;
	size_t n;
	uint32_t *heads;
	size_t n_heads;
};

/* What devices in one state can take: the leaves that are within no other. */
struct filling {
	struct capacity_use state;
	struct nodes nodes;
	uint32_t *leaves;
	size_t n_leaves;
};

struct solving {
	const struct capacity *k;
	const struct capacity_use *devices;
	size_t n;
	struct vector most; /* of all that is asked for */
	struct filling *fillings;
	size_t n_fillings;
	uint32_t *filling_of; /* of each device */
	uint32_t (
		*behind)[CAPACITY_PROFILES]; /* room on this device and all after it, each alone */
	uint32_t *leaf;			     /* chosen for each device */
	struct nodes failed;
	uint64_t effort;
};

/* --- nodes ------------------------------------------------------------------------------------------ */

static uint64_t hash(const struct vector *v, uint32_t at)
{
	uint64_t h = at + UINT64_C(0x9e3779b97f4a7c15), word;
	for (size_t i = 0; i < sizeof(v->of); i += sizeof(word)) {
		memcpy(&word, v->of + i, sizeof(word));
		h = (h ^ word) * UINT64_C(0xff51afd7ed558ccd);
		h ^= h >> 32;
	}
	return h;
}

static uint32_t nodes_find(const struct nodes *t, const struct vector *v, uint32_t at)
{
	if (t->n_heads == 0)
		return NONE;
	uint32_t i = t->heads[hash(v, at) & (t->n_heads - 1)];
	while (i != NONE && (t->all[i].at != at || memcmp(&t->all[i].v, v, sizeof(*v)) != 0))
		i = t->all[i].chain;
	return i;
}

static int nodes_grow(struct nodes *t)
{
	size_t n = t->n_heads ? 2 * t->n_heads : 256;
	struct node *all = reallocarray(t->all, n, sizeof(*all));
	if (!all)
		return -ENOMEM;
	t->all = all;
	uint32_t *heads = malloc(n * sizeof(*heads));
	if (!heads)
		return -ENOMEM;
	memset(heads, 0xff, n * sizeof(*heads));
	for (uint32_t i = 0; i < t->n; i++) {
		uint32_t *head = &heads[hash(&t->all[i].v, t->all[i].at) & (n - 1)];
		t->all[i].chain = *head;
		*head = i;
	}
	free(t->heads);
	t->heads = heads;
	t->n_heads = n;
	return 0;
}

/* Returns its number, or negative errno. The caller knows that there is none like it. */
static int64_t nodes_add(struct nodes *t, const struct vector *v, uint32_t at)
{
	if (t->n >= t->n_heads && nodes_grow(t) < 0)
		return -ENOMEM;
	struct node *node = &t->all[t->n++];
	uint32_t *head = &t->heads[hash(v, at) & (t->n_heads - 1)];
	*node = (struct node){ .v = *v, .at = at, .from = NONE, .chain = *head, .next = NONE };
	*head = (uint32_t)(t->n - 1);
	return *head;
}

static void nodes_done(struct nodes *t)
{
	free(t->all);
	free(t->heads);
}

/* --- what one device can take --------------------------------------------------------------------------- */

static void device_fill(const struct capacity *k, struct capacity_use *d, const struct vector *v)
{
	for (uint32_t i = 0; i < k->n_profiles; i++) {
		d->count[i] = (uint16_t)(d->count[i] + v->of[i]);
		for (uint32_t c = 0; c < k->n_counters; c++)
			d->used[c] += v->of[i] * k->profiles[i].takes[c];
	}
}

/* First and last node of each position. */
struct queue {
	uint32_t head[CAPACITY_SLOTS + CAPACITY_PROFILES + 1],
		tail[CAPACITY_SLOTS + CAPACITY_PROFILES + 1];
};

static int queue_put(struct filling *f, struct queue *q, uint32_t from, const struct vector *v,
		     uint32_t at, int profile, uint32_t start)
{
	if (nodes_find(&f->nodes, v, at) != NONE)
		return 0;
	int64_t r = nodes_add(&f->nodes, v, at);
	if (r < 0)
		return (int)r;
	struct node *node = &f->nodes.all[r];
	node->from = from;
	node->added = profile >= 0;
	node->profile = (uint8_t)(profile < 0 ? 0 : profile);
	node->start = (uint8_t)start;
	if (q->head[at] == NONE)
		q->head[at] = (uint32_t)r;
	else
		f->nodes.all[q->tail[at]].next = (uint32_t)r;
	q->tail[at] = (uint32_t)r;
	return 0;
}

static bool may_begin(const struct capacity *k, const struct filling *f, uint32_t profile,
		      uint32_t at)
{
	const struct capacity_profile *p = &k->profiles[profile];
	if (p->size == 0)
		return at == k->n_slots + profile;
	return at < k->n_slots && p->starts >> at & 1 &&
	       !(capacity_mask(k, profile, at) & (f->state.occupied | f->state.reserved));
}

static int node_follow(struct solving *s, struct filling *f, struct queue *q, uint32_t number)
{
	const struct capacity *k = s->k;
	struct node node = f->nodes.all[number];
	struct capacity_use d = f->state;
	int r = 0;
	device_fill(k, &d, &node.v);
	for (uint32_t i = 0; r >= 0 && i < k->n_profiles; i++) {
		if (node.v.of[i] >= s->most.of[i] || !may_begin(k, f, i, node.at) ||
		    capacity_barred(k, &d, i))
			continue;
		struct vector v = node.v;
		v.of[i]++;
		r = queue_put(f, q, number, &v, node.at + k->profiles[i].size, (int)i,
			      k->profiles[i].size ? node.at : 0);
	}
	return r < 0 ? r : queue_put(f, q, number, &node.v, node.at + 1, -1, 0);
}

static bool within(const struct vector *a, const struct vector *b)
{
	for (size_t i = 0; i < CAPACITY_PROFILES; i++)
		if (a->of[i] > b->of[i])
			return false;
	return true;
}

static uint32_t worth(const struct capacity *k, const struct vector *v)
{
	uint32_t sum = 0;
	for (uint32_t i = 0; i < k->n_profiles; i++)
		sum += v->of[i] * k->profiles[i].worth;
	return sum;
}

/* The most valuable first: a set that fits is found sooner. */
static int leaf_add(const struct capacity *k, struct filling *f, uint32_t number)
{
	const struct node *all = f->nodes.all;
	size_t kept = 0;
	for (size_t i = 0; i < f->n_leaves; i++)
		if (within(&all[number].v, &all[f->leaves[i]].v))
			return 0;
	for (size_t i = 0; i < f->n_leaves; i++)
		if (!within(&all[f->leaves[i]].v, &all[number].v))
			f->leaves[kept++] = f->leaves[i];
	f->n_leaves = kept;
	uint32_t *leaf = array_add(&f->leaves, &f->n_leaves, sizeof(*leaf));
	if (!leaf)
		return -ENOMEM;
	size_t at = f->n_leaves - 1;
	for (; at > 0 && worth(k, &all[f->leaves[at - 1]].v) < worth(k, &all[number].v); at--)
		f->leaves[at] = f->leaves[at - 1];
	f->leaves[at] = number;
	return 0;
}

static bool spend(struct solving *s, uint64_t steps)
{
	s->effort = s->effort > steps ? s->effort - steps : 0;
	return s->effort > 0;
}

static int filling_list(struct solving *s, struct filling *f)
{
	const uint32_t end = s->k->n_slots + s->k->n_profiles;
	const struct vector none = { .of = { 0 } };
	struct queue q;
	memset(&q, 0xff, sizeof(q));
	int r = queue_put(f, &q, NONE, &none, 0, -1, 0);
	for (uint32_t at = 0; at < end && r >= 0; at++)
		for (uint32_t i = q.head[at]; i != NONE && r >= 0; i = f->nodes.all[i].next)
			r = spend(s, 1) ? node_follow(s, f, &q, i) : -ETIME;
	for (uint32_t i = q.head[end]; r >= 0 && i != NONE; i = f->nodes.all[i].next)
		r = spend(s, f->n_leaves / 8) ? leaf_add(s->k, f, i) : -ETIME;
	return r;
}

/* Devices of the same state share one. */
static int filling_for(struct solving *s, size_t device)
{
	const struct capacity_use *d = &s->devices[device];
	for (size_t i = 0; i < s->n_fillings; i++)
		if (memcmp(&s->fillings[i].state, d, sizeof(*d)) == 0) {
			s->filling_of[device] = (uint32_t)i;
			return 0;
		}
	struct filling *f = array_add(&s->fillings, &s->n_fillings, sizeof(*f));
	if (!f)
		return -ENOMEM;
	*f = (struct filling){ .state = *d };
	s->filling_of[device] = (uint32_t)(s->n_fillings - 1);
	return filling_list(s, f);
}

/* --- all devices ------------------------------------------------------------------------------------------ */

static bool is_none(const struct vector *v)
{
	return within(v, &(struct vector){ .of = { 0 } });
}

static bool hopeless(const struct solving *s, const struct vector *left, size_t device)
{
	for (uint32_t i = 0; i < s->k->n_profiles; i++)
		if (left->of[i] > s->behind[device][i])
			return true;
	return device == s->n;
}

static struct vector without(const struct vector *left, const struct vector *v)
{
	struct vector rest;
	for (size_t i = 0; i < CAPACITY_PROFILES; i++)
		rest.of[i] = (uint8_t)(left->of[i] > v->of[i] ? left->of[i] - v->of[i] : 0);
	return rest;
}

/* Returns 1 when the rest fits on this device and those after it, 0 when it does not. */
static int devices_fill(struct solving *s, const struct vector *left, size_t device)
{
	if (is_none(left)) {
		for (; device < s->n; device++)
			s->leaf[device] = NONE;
		return 1;
	}
	if (hopeless(s, left, device) || nodes_find(&s->failed, left, (uint32_t)device) != NONE)
		return 0;
	const struct filling *f = &s->fillings[s->filling_of[device]];
	for (size_t i = 0; i < f->n_leaves; i++) {
		struct vector rest = without(left, &f->nodes.all[f->leaves[i]].v);
		if (!spend(s, 1))
			return -ETIME;
		s->leaf[device] = f->leaves[i];
		int r = devices_fill(s, &rest, device + 1);
		if (r != 0)
			return r;
	}
	int64_t r = nodes_add(&s->failed, left, (uint32_t)device);
	return r < 0 ? (int)r : 0;
}

/* --- the answer --------------------------------------------------------------------------------------------- */

static void member_answer(struct place_member *members, size_t n, uint32_t profile, uint32_t device,
			  uint32_t start)
{
	for (size_t i = 0; i < n; i++)
		if (members[i].profile == profile && members[i].device == NONE) {
			members[i].device = device;
			members[i].start = start;
			return;
		}
}

/* A device may have room for more than is left to put: the rest stays free. */
static void answer_places(const struct solving *s, struct place_member *members, size_t n)
{
	for (size_t i = 0; i < n; i++)
		members[i].device = NONE;
	for (size_t d = 0; d < s->n; d++) {
		const struct node *all = s->fillings[s->filling_of[d]].nodes.all;
		for (uint32_t i = s->leaf[d]; i != NONE; i = all[i].from)
			if (all[i].added)
				member_answer(members, n, all[i].profile, (uint32_t)d,
					      all[i].start);
	}
}

/* Leaves out one after the other what can be left out with the rest still having no place. */
static int conflict_reduce(struct solving *s, const struct place_member *members, size_t n,
			   struct vector *conflict)
{
	*conflict = s->most;
	for (size_t i = 0; i < n; i++) {
		conflict->of[members[i].profile]--;
		int r = devices_fill(s, conflict, 0);
		if (r < 0)
			return r;
		if (r > 0)
			conflict->of[members[i].profile]++;
	}
	return 0;
}

/* So many members more, of this profile and those after it: 1 when some such choice has no place. */
static int conflict_choose(struct solving *s, struct vector *v, uint32_t profile, uint32_t more)
{
	int r = 0;
	if (!spend(s, 1))
		return -ETIME;
	if (more == 0) {
		r = devices_fill(s, v, 0);
		return r < 0 ? r : r == 0;
	}
	if (profile == s->k->n_profiles)
		return 0;
	for (uint32_t n = 0; n <= more && n <= s->most.of[profile]; n++) {
		v->of[profile] = (uint8_t)n;
		r = conflict_choose(s, v, profile + 1, more - n);
		if (r != 0)
			return r;
	}
	v->of[profile] = 0;
	return 0;
}

/* The first found, smaller sets before larger ones; if the effort ends before, the one known stays. */
static int conflict_shrink(struct solving *s, struct vector *conflict)
{
	uint32_t size = 0;
	for (uint32_t i = 0; i < s->k->n_profiles; i++)
		size += conflict->of[i];
	s->effort = s->effort < PLACE_SET_SMALLEST ? s->effort : PLACE_SET_SMALLEST;
	for (uint32_t n = 1; n < size; n++) {
		struct vector smaller = { .of = { 0 } };
		int r = conflict_choose(s, &smaller, 0, n);
		if (r > 0)
			*conflict = smaller;
		if (r != 0)
			return r > 0 || r == -ETIME ? 0 : r;
	}
	return 0;
}

/* Of members that are alike, the last are told: those before them might have had their places. */
static int answer_conflict(struct solving *s, struct place_member *members, size_t n)
{
	struct vector conflict;
	int r = conflict_reduce(s, members, n, &conflict);
	if (r >= 0)
		r = conflict_shrink(s, &conflict);
	if (r < 0)
		return r;
	for (size_t i = n; i-- > 0;) {
		uint8_t *left = &conflict.of[members[i].profile];
		members[i].in_conflict = *left > 0;
		*left = (uint8_t)(*left - members[i].in_conflict);
	}
	return 0;
}

static int solving_begin(struct solving *s)
{
	s->filling_of = calloc(s->n + 1, sizeof(*s->filling_of));
	s->leaf = calloc(s->n + 1, sizeof(*s->leaf));
	s->behind = calloc(s->n + 1, sizeof(*s->behind));
	if (!s->filling_of || !s->leaf || !s->behind)
		return -ENOMEM;
	for (size_t d = s->n; d-- > 0;) {
		int r = filling_for(s, d);
		if (r < 0)
			return r;
		for (uint32_t i = 0; i < s->k->n_profiles; i++)
			s->behind[d][i] =
				s->behind[d + 1][i] + capacity_more(s->k, &s->devices[d], i);
	}
	return 0;
}

static void solving_done(struct solving *s)
{
	for (size_t i = 0; i < s->n_fillings; i++) {
		nodes_done(&s->fillings[i].nodes);
		free(s->fillings[i].leaves);
	}
	free(s->fillings);
	free(s->filling_of);
	free(s->leaf);
	free(s->behind);
	nodes_done(&s->failed);
}

static int solve(struct solving *s, struct place_member *members, size_t n,
		 enum place_set_answer *ret)
{
	int r = solving_begin(s);
	if (r >= 0)
		r = devices_fill(s, &s->most, 0);
	if (r > 0) {
		answer_places(s, members, n);
		*ret = PLACE_SET_FITS;
		return 0;
	}
	if (r == 0)
		r = answer_conflict(s, members, n);
	*ret = r == 0 ? PLACE_SET_CONFLICT : PLACE_SET_TOO_HARD;
	return r == -ETIME ? 0 : r;
}

int place_set(const struct capacity *k, const struct capacity_use *devices, size_t n,
	      struct place_member *members, size_t n_members, uint64_t effort,
	      enum place_set_answer *ret)
{
	_cleanup_(solving_done) struct solving s = {
		.k = k, .devices = devices, .n = n, .effort = effort
	};
	if (n > DEVICES_MAX)
		return -E2BIG;
	for (size_t i = 0; i < n_members; i++) {
		if (s.most.of[members[i].profile] == UINT8_MAX)
			return -E2BIG;
		s.most.of[members[i].profile]++;
	}
	return solve(&s, members, n_members, ret);
}
