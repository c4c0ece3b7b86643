/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See requests.h. */
#include "bench/requests.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* --- random numbers --------------------------------------------------------------------------------- */

#define N_STATE 624

/* init_genrand() and init_by_array() of Matsumoto and Nishimura, for an array of one. */
void twister_seed(struct twister *t, uint32_t seed)
{
	uint32_t *s = t->state, i = 1;
	s[0] = 19650218;
	for (uint32_t k = 1; k < N_STATE; k++)
		s[k] = 1812433253 * (s[k - 1] ^ s[k - 1] >> 30) + k;
	for (uint32_t k = 0; k < N_STATE; k++) {
		s[i] = (s[i] ^ (s[i - 1] ^ s[i - 1] >> 30) * 1664525) + seed;
		if (++i == N_STATE) {
			s[0] = s[N_STATE - 1];
			i = 1;
		}
	}
	for (uint32_t k = 0; k < N_STATE - 1; k++) {
		s[i] = (s[i] ^ (s[i - 1] ^ s[i - 1] >> 30) * 1566083941) - i;
		if (++i == N_STATE) {
			s[0] = s[N_STATE - 1];
			i = 1;
		}
	}
	s[0] = 0x80000000;
	t->next = N_STATE;
}

static void twister_turn(struct twister *t)
{
	for (uint32_t k = 0; k < N_STATE; k++) {
		uint32_t y = (t->state[k] & 0x80000000) |
			     (t->state[(k + 1) % N_STATE] & 0x7fffffff);
		t->state[k] = t->state[(k + 397) % N_STATE] ^ y >> 1 ^ (y & 1 ? 0x9908b0df : 0);
	}
	t->next = 0;
}

static uint32_t twister_next(struct twister *t)
{
	if (t->next >= N_STATE)
		twister_turn(t);
	uint32_t y = t->state[t->next++];
	y ^= y >> 11;
	y ^= y << 7 & 0x9d2c5680;
	y ^= y << 15 & 0xefc60000;
	return y ^ y >> 18;
}

double twister_random(struct twister *t)
{
	uint32_t high = twister_next(t) >> 5, low = twister_next(t) >> 6;
	return (high * 67108864.0 + low) * (1.0 / 9007199254740992.0);
}

double twister_exponential(struct twister *t, double rate)
{
	return -log(1.0 - twister_random(t)) / rate;
}

/* Kinderman and Monahan, as Python's normalvariate(). */
double twister_lognormal(struct twister *t, double mu, double sigma)
{
	const double magic = 4 * exp(-0.5) / sqrt(2.0);
	for (;;) {
		double u = twister_random(t), v = 1.0 - twister_random(t);
		double z = magic * (u - 0.5) / v;
		if (z * z / 4.0 <= -log(v))
			return exp(mu + z * sigma);
	}
}

/* --- requests ----------------------------------------------------------------------------------------- */

const struct request_class request_classes[CLASSES] = {
	{ "1g", 1, 1, 7, { 0, 1, 2, 3, 4, 5, 6 }, { 6, 4, 5, 0, 1, 2, 3 } },
	{ "1g+m", 1, 2, 4, { 0, 2, 4, 6 }, { 6, 4, 0, 2 } },
	{ "2g", 2, 2, 3, { 0, 2, 4 }, { 4, 0, 2 } },
	{ "3g", 3, 4, 2, { 0, 4 }, { 4, 0 } },
	{ "4g", 4, 4, 1, { 0 }, { 0 } },
	{ "7g", 7, 8, 1, { 0 }, { 0 } },
};

const struct request_mix request_mixes[MIXES] = {
	{ "uniform", { 1, 0, 1, 1, 1, 1 } },  { "skew-small", { 8, 2, 5, 3, 1, 1 } },
	{ "skew-big", { 1, 0, 2, 5, 5, 3 } }, { "bimodal", { 5, 0, 1, 1, 4, 2 } },
	{ "no-whole", { 4, 1, 3, 2, 1, 0 } },
};

static double mix_shares(const struct request_mix *mix, double share[CLASSES])
{
	double sum = 0, slices = 0;
	for (size_t i = 0; i < CLASSES; i++)
		sum += mix->weight[i];
	for (size_t i = 0; i < CLASSES; i++) {
		share[i] = mix->weight[i] / sum;
		slices += share[i] * request_classes[i].slices;
	}
	return slices;
}

void requests_make(struct request *ret, size_t n, const struct request_mix *mix, double load,
		   size_t devices, uint32_t seed, bool lognormal)
{
	struct twister t;
	double share[CLASSES], upto[CLASSES], sum = 0, now = 0;
	double rate = load * 7.0 * (double)devices / mix_shares(mix, share);
	twister_seed(&t, seed);
	for (size_t i = 0; i < CLASSES; i++)
		upto[i] = sum += share[i];
	for (size_t k = 0; k < n; k++) {
		unsigned class = 0;
		now += twister_exponential(&t, rate);
		double u = twister_random(&t) * sum;
		while (u > upto[class])
			class ++;
		double lasts = lognormal ? twister_lognormal(&t, -1.125, 1.5)
					 : twister_exponential(&t, 1.0);
		ret[k] = (struct request){ now, now + lasts, class };
	}
}

static bool ends_before(const struct ends *e, size_t a, size_t b)
{
	return e->heap[a].at < e->heap[b].at ||
	       (e->heap[a].at == e->heap[b].at && e->heap[a].id < e->heap[b].id);
}

static void ends_swap(struct ends *e, size_t a, size_t b)
{
	__typeof__(*e->heap) was = e->heap[a];
	e->heap[a] = e->heap[b];
	e->heap[b] = was;
}

void ends_push(struct ends *e, double at, uint32_t id)
{
	size_t i = e->n++;
	e->heap[i].at = at;
	e->heap[i].id = id;
	for (; i > 0 && ends_before(e, i, (i - 1) / 2); i = (i - 1) / 2)
		ends_swap(e, i, (i - 1) / 2);
}

uint32_t ends_pop(struct ends *e)
{
	uint32_t id = e->heap[0].id;
	e->heap[0] = e->heap[--e->n];
	for (size_t i = 0, least;; i = least) {
		least = i;
		for (size_t c = 2 * i + 1; c < 2 * i + 3 && c < e->n; c++)
			if (ends_before(e, c, least))
				least = c;
		if (least == i)
			return id;
		ends_swap(e, i, least);
	}
}

/* --- policies to compare with ---------------------------------------------------------------------------- */

const char *const reference_names[N_REFERENCES] = {
	[REFERENCE_DRIVER_SPREAD] = "driver+spread",
	[REFERENCE_DRIVER_FIRST] = "driver+first",
	[REFERENCE_FIRST_FIT] = "first-fit",
	[REFERENCE_BEST_FIT] = "best-fit",
	[REFERENCE_FGD] = "FGD-like",
};

static unsigned class_mask(unsigned class, unsigned start)
{
	return ((1u << request_classes[class].size) - 1) << start;
}

static int free_slots(unsigned occupied)
{
	return 8 - __builtin_popcount(occupied);
}

void reference_fragments(const struct request_mix *mix, double ret[256])
{
	double share[CLASSES];
	(void)mix_shares(mix, share);
	for (unsigned o = 0; o < 256; o++) {
		ret[o] = 0;
		for (unsigned c = 0; c < CLASSES; c++) {
			unsigned use = 0;
			for (unsigned i = 0; i < request_classes[c].n_starts; i++) {
				unsigned m = class_mask(c, request_classes[c].starts[i]);
				use |= m & o ? 0 : m;
			}
			ret[o] += share[c] * (free_slots(o) - __builtin_popcount(use));
		}
	}
}

/* How bad a place is, the most important first; what comes first wins where they are equal. */
struct badness {
	double first;
	int second;
};

static struct badness badness_of(enum reference how, const double fragments[256], unsigned occupied,
				 unsigned mask)
{
	switch (how) {
	case REFERENCE_DRIVER_SPREAD:
		return (struct badness){ -free_slots(occupied), 0 };
	case REFERENCE_BEST_FIT:
		return (struct badness){ free_slots(occupied), 0 };
	case REFERENCE_FGD:
		return (struct badness){ fragments[occupied | mask] - fragments[occupied],
					 free_slots(occupied) };
	case REFERENCE_DRIVER_FIRST:
	case REFERENCE_FIRST_FIT:
	case N_REFERENCES:
		break;
	}
	return (struct badness){ 0, 0 };
}

bool reference_pick(enum reference how, const double fragments[256], const uint8_t *occupied,
		    size_t devices, unsigned class, size_t *ret_device, unsigned *ret_start)
{
	const struct request_class *c = &request_classes[class];
	bool driver = how == REFERENCE_DRIVER_FIRST || how == REFERENCE_DRIVER_SPREAD;
	struct badness least = { 0, 0 };
	bool found = false;
	for (size_t d = 0; d < devices; d++)
		for (unsigned i = 0; i < c->n_starts; i++) {
			unsigned start = driver ? c->driver[i] : c->starts[i];
			unsigned mask = class_mask(class, start);
			if (mask & occupied[d])
				continue;
			struct badness b = badness_of(how, fragments, occupied[d], mask);
			if (found && (b.first > least.first ||
				      (b.first == least.first && b.second >= least.second)))
				continue;
			least = b;
			*ret_device = d;
			*ret_start = start;
			found = true;
		}
	return found;
}

/* --- the bound: everything may be put anew at every moment ------------------------------------------------- */

#define SETS_MAX 4096
#define KNOWN (1u << 20)
#define PROBES 8

/* What one device can hold, and what is known about several. */
struct packing {
	size_t n_sets;
	unsigned sets[SETS_MAX][CLASSES];
	struct {
		uint64_t key;
		bool fits;
	} known[KNOWN];
};

static bool set_within(const unsigned a[CLASSES], const unsigned b[CLASSES])
{
	for (size_t i = 0; i < CLASSES; i++)
		if (a[i] > b[i])
			return false;
	return true;
}

/* All that can be added from here on; only sets that are part of no other are kept. */
static void sets_collect(struct packing *p, unsigned occupied, unsigned set[CLASSES],
			 unsigned lowest)
{
	bool more = false;
	for (unsigned c = 0; c < CLASSES; c++)
		for (unsigned i = 0; i < request_classes[c].n_starts; i++) {
			unsigned start = request_classes[c].starts[i];
			unsigned mask = class_mask(c, start);
			if (mask & occupied)
				continue;
			more = true;
			if (start < lowest)
				continue;
			set[c]++;
			sets_collect(p, occupied | mask, set, start + 1);
			set[c]--;
		}
	if (more)
		return;
	for (size_t i = 0; i < p->n_sets; i++)
		if (set_within(set, p->sets[i]))
			return;
	size_t kept = 0;
	for (size_t i = 0; i < p->n_sets; i++)
		if (!set_within(p->sets[i], set))
			memcpy(p->sets[kept++], p->sets[i], sizeof(p->sets[i]));
	memcpy(p->sets[kept], set, sizeof(p->sets[kept]));
	p->n_sets = kept + 1;
}

static unsigned set_slices(const unsigned set[CLASSES])
{
	unsigned n = 0;
	for (size_t i = 0; i < CLASSES; i++)
		n += set[i] * request_classes[i].slices;
	return n;
}

static int compare_sets(const void *a, const void *b)
{
	return (int)set_slices(b) - (int)set_slices(a);
}

struct packing *packing_new(void)
{
	struct packing *p = calloc(1, sizeof(*p));
	unsigned none[CLASSES] = { 0 };
	if (!p)
		return NULL;
	sets_collect(p, 0, none, 0);
	qsort(p->sets, p->n_sets, sizeof(*p->sets), compare_sets);
	return p;
}

struct packing *packing_free(struct packing *p)
{
	free(p);
	return NULL;
}

static uint64_t packing_key(const unsigned demand[CLASSES], size_t devices)
{
	uint64_t key = devices + 1;
	for (size_t i = 0; i < CLASSES; i++)
		key = key << 9 | demand[i];
	return key;
}

/* The largest class that is asked for has to be somewhere: so one device holds a set with it. */
static bool packing_search(struct packing *p, const unsigned demand[CLASSES], size_t devices)
{
	size_t largest = CLASSES;
	while (largest-- > 0)
		if (demand[largest])
			break;
	for (size_t s = 0; s < p->n_sets; s++) {
		unsigned left[CLASSES];
		if (!p->sets[s][largest])
			continue;
		for (size_t i = 0; i < CLASSES; i++)
			left[i] = demand[i] > p->sets[s][i] ? demand[i] - p->sets[s][i] : 0;
		if (packing_fits(p, left, devices - 1))
			return true;
	}
	return false;
}

bool packing_fits(struct packing *p, const unsigned demand[CLASSES], size_t devices)
{
	unsigned slices = set_slices(demand);
	uint64_t key = packing_key(demand, devices);
	size_t at = (size_t)(key * 0x9e3779b97f4a7c15 >> 44), slot = at;
	if (slices == 0)
		return true;
	if (devices == 0 || slices > 7 * devices)
		return false;
	for (size_t i = 0; i < PROBES; i++) {
		slot = (at + i) % KNOWN;
		if (p->known[slot].key == key)
			return p->known[slot].fits;
		if (!p->known[slot].key)
			break;
	}
	bool fits = packing_search(p, demand, devices);
	p->known[slot].key = key;
	p->known[slot].fits = fits;
	return fits;
}
