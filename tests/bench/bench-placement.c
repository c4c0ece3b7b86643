/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How well parts are placed on eight devices with eight slots: requests come, stay and go, each is
 * served if there is a place, and what counts is the compute slices of those served. Five mixes, four
 * loads. The bound puts everything anew for each request; gap closed is how far a policy comes from
 * what the vendor's driver does on the first device with room to that bound. Also: instructions of a
 * decision, counted by valgrind where there is one.
 *
 *   bench-placement                  tables and figures; CARVE_FULL=1: with other seeds and mixes
 *   bench-placement --trace FILE     pods of a cluster trace, see trace_run()
 *   bench-placement --decide N       some decisions among N devices, for valgrind to count; N may be
 *                                    "hardest"
 */
#include "support/kinds.h"
#include "support/test.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/num.h"
#include "base/str.h"
#include "bench/callgrind.h"
#include "bench/requests.h"
#include "place/moves.h"

#define DEVICES 8
#define MANY 128
#define REQUESTS 8000
#define WARM (REQUESTS / 5)
#define SEEDS 5
#define LOADS 4
#define MOVE_MORE 0.02	  /* what a move more than there must be has to be worth */
#define TIDY_REFUSED 0.03 /* what a move for later must be worth after a refusal */
#define TIDY_SERVED 0.17  /* and when there was none, for each move that may be made if there is */

static const double loads[LOADS] = { 0.6, 0.8, 1.0, 1.2 };

/* The policies that are measured: those of requests.h, then ours, then the bound. */
enum policy {
	POLICY_ONLINE = N_REFERENCES,
	POLICY_ONE_MOVE,
	POLICY_TWO_MOVES,
	POLICY_BOUND,
	N_POLICIES,
};

static const char *policy_name(enum policy p)
{
	static const char *const ours[] = { "carve", "carve+1 move", "carve+2 moves", "bound" };
	return p < POLICY_ONLINE ? reference_names[p] : ours[p - POLICY_ONLINE];
}

static void figure(const char *name, double value, const char *unit, const char *limit)
{
	printf("%s\t%.3f\t%s\t%s\n", name, value, unit, limit);
}

/* --- a machine ---------------------------------------------------------------------------------------- */

struct part {
	uint32_t device, start;
	bool served;
};

struct world {
	size_t n; /* devices */
	const struct capacity *kind;
	uint32_t profile[CLASSES]; /* of each class */
	struct place_weights weights;
	double fragments[256];
	uint8_t occupied[MANY];
	struct capacity_use devices[MANY];
	struct part *parts; /* of each request */
	uint32_t *running;
	size_t n_running;
	unsigned demand[CLASSES];
	struct packing *packing;
	struct ends ends;
	uint64_t moves;
};

static void world_weigh(struct world *w, const struct request_mix *mix)
{
	struct place_mix asked = { .asked = { 0 } };
	for (size_t i = 0; i < CLASSES; i++)
		asked.asked[w->profile[i]] = (uint32_t)(mix->weight[i] * 1000);
	place_weights_set(&w->weights, w->kind, &asked);
	reference_fragments(mix, w->fragments);
}

static void *must(void *p)
{
	if (!p)
		abort();
	return p;
}

static void world_init(struct world *w, size_t devices, size_t requests)
{
	static const char *const names[CLASSES] = { "1g.5gb",  "1g.10gb", "2g.10gb",
						    "3g.20gb", "4g.20gb", "7g.40gb" };
	memset(w, 0, sizeof(*w));
	w->n = devices;
	w->kind = kinds_named("A100-40GB");
	for (size_t i = 0; i < CLASSES; i++)
		w->profile[i] = (uint32_t)capacity_find(w->kind, names[i]);
	w->parts = must(calloc(requests, sizeof(*w->parts)));
	w->running = must(calloc(requests, sizeof(*w->running)));
	w->ends.heap = must(calloc(requests, sizeof(*w->ends.heap)));
	w->packing = must(packing_new());
}

static void world_done(struct world *w)
{
	free(w->parts);
	free(w->running);
	free(w->ends.heap);
	packing_free(w->packing);
}

static void world_clear(struct world *w)
{
	memset(w->occupied, 0, sizeof(w->occupied));
	memset(w->devices, 0, sizeof(w->devices));
	memset(w->demand, 0, sizeof(w->demand));
	w->n_running = w->ends.n = 0;
	w->moves = 0;
}

static void part_set(struct world *w, uint32_t id, unsigned class, uint32_t device, uint32_t start)
{
	uint32_t profile = w->profile[class];
	capacity_add(w->kind, &w->devices[device], profile, start);
	w->occupied[device] |= (uint8_t)capacity_mask(w->kind, profile, start);
	w->parts[id] = (struct part){ device, start, true };
}

static void part_unset(struct world *w, uint32_t id, unsigned class)
{
	const struct part *p = &w->parts[id];
	capacity_remove(w->kind, &w->devices[p->device], w->profile[class], p->start);
	w->occupied[p->device] &= (uint8_t)~capacity_mask(w->kind, w->profile[class], p->start);
}

/* --- our policies --------------------------------------------------------------------------------------- */

/* The parts that run, in the order of their devices. */
static size_t parts_list(const struct world *w, const struct request *requests,
			 struct place_part *ret, uint32_t *ids)
{
	size_t n = 0;
	for (uint32_t d = 0; d < w->n; d++)
		for (size_t i = 0; i < w->n_running; i++) {
			const struct part *p = &w->parts[w->running[i]];
			if (p->device != d)
				continue;
			ids[n] = w->running[i];
			ret[n++] = (struct place_part){ d,
							w->profile[requests[w->running[i]].class],
							p->start, true };
		}
	return n;
}

static void moves_make(struct world *w, const struct request *requests, const uint32_t *ids,
		       const struct place_plan *plan, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		part_unset(w, ids[plan->move[i].part], requests[ids[plan->move[i].part]].class);
	for (uint32_t i = 0; i < n; i++)
		part_set(w, ids[plan->move[i].part], requests[ids[plan->move[i].part]].class,
			 plan->move[i].device, plan->move[i].start);
	w->moves += n;
}

/* For those that come later: what leaves the most room. */
static void tidy(struct world *w, const struct request *requests, uint32_t most, double least)
{
	struct place_part parts[MANY * 8];
	uint32_t ids[MANY * 8];
	struct place_plan plan;
	size_t n = parts_list(w, requests, parts, ids);
	if (place_tidy(&w->weights, w->devices, w->n, parts, n, most, least, &plan))
		moves_make(w, requests, ids, &plan, plan.n);
}

/* If so many moves are not enough, all but one of those that would be, so that the next of its kind
 * needs but one. Returns how many moves were made. */
static uint32_t make_room(struct world *w, const struct request *requests,
			  const struct place_wish *wish, uint32_t most, bool *ret_served,
			  struct place_answer *ret)
{
	struct place_part parts[MANY * 8];
	uint32_t ids[MANY * 8];
	struct place_plan plan;
	size_t n = parts_list(w, requests, parts, ids);
	*ret_served =
		place_moves(&w->weights, w->devices, w->n, parts, n, wish, most, MOVE_MORE, &plan);
	if (!*ret_served && (!place_moves(&w->weights, w->devices, w->n, parts, n, wish, most + 1,
					  MOVE_MORE, &plan) ||
			     !plan.in_turn))
		return 0;
	uint32_t made = *ret_served ? plan.n : most;
	moves_make(w, requests, ids, &plan, made);
	*ret = plan.where;
	return made;
}

static bool serve_ours(struct world *w, const struct request *requests, uint32_t id, uint32_t moves)
{
	const struct place_wish wish = { .profile = w->profile[requests[id].class] };
	struct place_answer a;
	bool served = place_online(&w->weights, w->devices, w->n, &wish, &a);
	uint32_t made = 0;
	if (!served && moves)
		made = make_room(w, requests, &wish, moves, &served, &a);
	if (served)
		part_set(w, id, requests[id].class, a.device, a.start);
	if (made < moves)
		tidy(w, requests, moves - made, served ? TIDY_SERVED * moves : TIDY_REFUSED);
	return served;
}

static bool serve(struct world *w, enum policy how, const struct request *requests, uint32_t id)
{
	unsigned class = requests[id].class, start;
	size_t device;
	if (how == POLICY_BOUND) {
		w->demand[class]++;
		if (packing_fits(w->packing, w->demand, w->n))
			return true;
		w->demand[class]--;
		return false;
	}
	if (how >= POLICY_ONLINE)
		return serve_ours(w, requests, id, how - POLICY_ONLINE);
	if (!reference_pick((enum reference)how, w->fragments, w->occupied, w->n, class, &device,
			    &start))
		return false;
	part_set(w, id, class, (uint32_t)device, start);
	return true;
}

static void leave(struct world *w, enum policy how, const struct request *requests, uint32_t id)
{
	size_t at = 0;
	if (how == POLICY_BOUND) {
		w->demand[requests[id].class]--;
		return;
	}
	part_unset(w, id, requests[id].class);
	while (w->running[at] != id)
		at++;
	w->running[at] = w->running[--w->n_running];
}

/* --- runs ------------------------------------------------------------------------------------------------- */

struct outcome {
	double accepted; /* share of the slices asked for */
	double requests; /* share of the requests */
	double moves;	 /* for each 100 requests */
};

static struct outcome run(struct world *w, enum policy how, const struct request *requests,
			  size_t n, size_t warm)
{
	double asked = 0, given = 0, served = 0;
	uint64_t moved = 0;
	world_clear(w);
	for (uint32_t k = 0; k < n; k++) {
		unsigned slices = request_classes[requests[k].class].slices;
		while (w->ends.n && w->ends.heap[0].at <= requests[k].at)
			leave(w, how, requests, ends_pop(&w->ends));
		if (k == warm)
			moved = w->moves;
		bool yes = serve(w, how, requests, k);
		if (yes) {
			ends_push(&w->ends, requests[k].until, k);
			w->running[w->n_running++] = how == POLICY_BOUND ? 0 : k;
		}
		if (k >= warm) {
			asked += slices;
			given += yes ? slices : 0;
			served += yes;
		}
	}
	double counted = (double)(n - warm);
	return (struct outcome){ given / asked, served / counted,
				 100.0 * (double)(w->moves - moved) / counted };
}

struct cell {
	double accepted[N_POLICIES]; /* mean of the seeds, percent */
	double moves[N_POLICIES];
};

static struct cell cell_run(struct world *w, const struct request_mix *mix, double load,
			    uint32_t first_seed, bool lognormal)
{
	static struct request requests[REQUESTS];
	struct cell c = { .accepted = { 0 } };
	world_weigh(w, mix);
	for (uint32_t s = 0; s < SEEDS; s++) {
		requests_make(requests, REQUESTS, mix, load, w->n, first_seed + s, lognormal);
		for (enum policy p = 0; p < N_POLICIES; p++) {
			struct outcome o = run(w, p, requests, REQUESTS, WARM);
			c.accepted[p] += 100 * o.accepted / SEEDS;
			c.moves[p] += o.moves / SEEDS;
		}
	}
	return c;
}

static double gap_closed(const struct cell *c, enum policy p)
{
	double from = c->accepted[REFERENCE_DRIVER_FIRST];
	return 100 * (c->accepted[p] - from) / (c->accepted[POLICY_BOUND] - from);
}

struct summary {
	double mean[N_POLICIES], least[N_POLICIES], moves[N_POLICIES], most_moves[N_POLICIES];
	size_t n;
};

static void summary_add(struct summary *s, const struct cell *c)
{
	for (enum policy p = 0; p < N_POLICIES; p++) {
		double gap = gap_closed(c, p);
		s->mean[p] += gap;
		s->moves[p] += c->moves[p];
		s->least[p] = s->n == 0 || gap < s->least[p] ? gap : s->least[p];
		if (c->moves[p] > s->most_moves[p])
			s->most_moves[p] = c->moves[p];
	}
	s->n++;
}

static void summary_end(struct summary *s)
{
	for (enum policy p = 0; p < N_POLICIES; p++) {
		s->mean[p] /= (double)s->n;
		s->moves[p] /= (double)s->n;
	}
}

static void table_head(const char *what)
{
	printf("# %s\n# %-16s", what, "mix load");
	for (enum policy p = 0; p < N_POLICIES; p++)
		printf(" %13s", policy_name(p));
	printf("   gap closed: 0, 1, 2 moves   moves per 100\n");
}

static void table_row(const char *mix, double load, const struct cell *c)
{
	printf("# %-12s %.1f", mix, load);
	for (enum policy p = 0; p < N_POLICIES; p++)
		printf(" %13.2f", c->accepted[p]);
	printf("   %6.1f %6.1f %6.1f          %5.1f %5.1f\n", gap_closed(c, POLICY_ONLINE),
	       gap_closed(c, POLICY_ONE_MOVE), gap_closed(c, POLICY_TWO_MOVES),
	       c->moves[POLICY_ONE_MOVE], c->moves[POLICY_TWO_MOVES]);
	fflush(stdout);
}

static struct summary table_run(struct world *w, const char *what, const struct request_mix *mixes,
				size_t n_mixes, uint32_t first_seed, bool lognormal)
{
	struct summary s = { .n = 0 };
	table_head(what);
	for (size_t m = 0; m < n_mixes; m++)
		for (size_t l = 0; l < LOADS; l++) {
			struct cell c = cell_run(w, &mixes[m], loads[l], first_seed, lognormal);
			table_row(mixes[m].name, loads[l], &c);
			summary_add(&s, &c);
		}
	summary_end(&s);
	for (enum policy p = POLICY_ONLINE - 1; p < POLICY_BOUND; p++)
		printf("# %s: gap closed %.1f on average, %.1f at least; %.1f moves for 100 requests, "
		       "%.1f at most\n",
		       policy_name(p), s.mean[p], s.least[p], s.moves[p], s.most_moves[p]);
	return s;
}

/* Figures are what is missing, so that less is better. */
static void goals(const struct summary *s)
{
	figure("gap left open without moves", 100 - s->mean[POLICY_ONLINE], "%", "70");
	figure("worst cell without moves below the driver", fmax(0, -s->least[POLICY_ONLINE]), "%",
	       "0");
	figure("gap left open with one move", 100 - s->mean[POLICY_ONE_MOVE], "%", "20");
	figure("gap left open with two moves", 100 - s->mean[POLICY_TWO_MOVES], "%", "8");
	figure("moves for 100 requests, one move", s->moves[POLICY_ONE_MOVE], "moves", "10");
	figure("moves for 100 requests, two moves", s->moves[POLICY_TWO_MOVES], "moves", "10");
}

static const struct request_mix other_mixes[] = {
	{ "even", { 1, 1, 1, 1, 1, 1 } },	{ "halves", { 0, 0, 1, 6, 3, 1 } },
	{ "quarters", { 2, 3, 6, 1, 1, 0.5 } }, { "ends", { 6, 0, 0, 0, 0, 2 } },
	{ "small+4g", { 5, 1, 2, 0, 3, 0 } },
};

static void tables_run(void)
{
	static struct world w;
	world_init(&w, DEVICES, REQUESTS);
	struct summary s = table_run(&w, "seeds 1 to 5", request_mixes, MIXES, 1, false);
	if (getenv("CARVE_FULL")) {
		(void)table_run(&w, "seeds 11 to 15", request_mixes, MIXES, 11, false);
		(void)table_run(&w, "long tail, seeds 1 to 5", request_mixes, MIXES, 1, true);
		(void)table_run(&w, "other mixes, seeds 1 to 5", other_mixes,
				sizeof(other_mixes) / sizeof(*other_mixes), 1, false);
	} else {
		printf("# other seeds, mixes and durations: CARVE_FULL=1\n");
	}
	goals(&s);
	world_done(&w);
}

/* --- what a decision costs --------------------------------------------------------------------------------- */

#define DECISIONS 500

static double now_us(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static int compare_doubles(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

/* Devices in use as they are at load 1, and decisions with all classes in the mix. */
static double decide_usual(size_t devices)
{
	static struct request requests[REQUESTS];
	static struct world w;
	static double took[DECISIONS];
	const struct request_mix *even = &other_mixes[0];
	size_t n = devices * 16;
	world_init(&w, devices, REQUESTS);
	world_weigh(&w, even);
	requests_make(requests, n + DECISIONS, even, 1.0, devices, 1, false);
	/* Not by the function that is counted. */
	(void)run(&w, (enum policy)REFERENCE_BEST_FIT, requests, n, 0);
	for (size_t i = 0; i < DECISIONS; i++) {
		const struct place_wish wish = { .profile = w.profile[requests[n + i].class] };
		struct place_answer a;
		double began = now_us();
		(void)place_online(&w.weights, w.devices, w.n, &wish, &a);
		took[i] = now_us() - began;
	}
	world_done(&w);
	qsort(took, DECISIONS, sizeof(*took), compare_doubles);
	return took[DECISIONS * 99 / 100];
}

/* The smallest profile, and no two devices alike: the most places to compare. */
static void decide_hardest(void)
{
	static struct world w;
	world_init(&w, DEVICES, 1);
	world_weigh(&w, &other_mixes[0]);
	for (uint32_t d = 1; d < DEVICES; d++)
		capacity_add(w.kind, &w.devices[d], w.profile[0], d - 1);
	for (size_t i = 0; i < DECISIONS; i++) {
		const struct place_wish wish = { .profile = w.profile[0] };
		struct place_answer a;
		(void)place_online(&w.weights, w.devices, w.n, &wish, &a);
	}
	world_done(&w);
}

static bool count(const char *self, const char *what, double *ret)
{
	char arguments[64];
	if (STR_FORMAT(arguments, "--decide %s", what) < 0 ||
	    !callgrind_count(self, "place_online", arguments, ret))
		return false;
	*ret /= DECISIONS;
	return true;
}

static void counts_run(const char *self)
{
	static const struct {
		const char *what, *name, *limit;
	} counted[] = {
		{ "8", "a decision among 8 devices", "20000" },
		{ "hardest", "the hardest decision among 8 devices", "-" },
		{ "128", "a decision among 128 devices", "2000000" },
	};
	for (size_t i = 0; i < sizeof(counted) / sizeof(*counted); i++) {
		double n;
		if (count(self, counted[i].what, &n))
			figure(counted[i].name, n, "instructions", counted[i].limit);
		else
			printf("# no valgrind: instructions are not counted\n");
	}
}

/* --- pods of a cluster ------------------------------------------------------------------------------------------ */

#define COLUMNS 11
#define TRACE_DEVICES 64

struct pods {
	struct request *all;
	size_t n;
	struct request_mix mix;
};

/* Sevenths of a GPU, to the next profile that has them. */
static unsigned class_of(uint32_t milli)
{
	static const unsigned classes[] = { 0, 0, 2, 3, 4, 5, 5, 5 };
	return classes[(milli * 7 + 999) / 1000];
}

static void pod_add(struct pods *p, char *line)
{
	char *field[COLUMNS] = { NULL };
	uint32_t gpus = 0, milli = 0, from = 0, until = UINT32_MAX;
	line[strcspn(line, "\r\n")] = '\0';
	for (size_t i = 0; i < COLUMNS && (field[i] = strsep(&line, ",")); i++)
		;
	/* The heading, and pods without GPU. */
	if (!field[9] || num_parse_u32(field[3], 10, &gpus) < 0 || gpus == 0 ||
	    num_parse_u32(field[4], 10, &milli) < 0 || milli == 0 || milli > 1000 ||
	    num_parse_u32(field[8], 10, &from) < 0)
		return;
	(void)num_parse_u32(field[9], 10, &until);
	p->all = must(realloc(p->all, (p->n + gpus) * sizeof(*p->all)));
	for (uint32_t i = 0; i < gpus; i++) {
		p->mix.weight[class_of(milli)]++;
		p->all[p->n++] = (struct request){ from, until, class_of(milli) };
	}
}

static int compare_requests(const void *a, const void *b)
{
	const struct request *x = a, *y = b;
	return (x->at > y->at) - (x->at < y->at);
}

/*
 * Alibaba's GPU trace of 2023: name, cpu_milli, memory_mib, num_gpu, gpu_milli, gpu_spec, qos,
 * pod_phase, creation_time, deletion_time, scheduled_time. A pod asks for the smallest profile with
 * its share of the GPU, one of several GPUs for so many; all come when they were created.
 */
static int trace_run(const char *path)
{
	static struct world w;
	struct pods pods = { .mix = { .name = path } };
	char *line = NULL;
	size_t size = 0;
	FILE *f = fopen(path, "re");
	if (!f) {
		perror(path);
		return 1;
	}
	while (getline(&line, &size, f) > 0)
		pod_add(&pods, line);
	free(line);
	fclose(f);
	if (pods.n == 0) {
		fprintf(stderr, "%s: no pods with a GPU\n", path);
		return 1;
	}
	qsort(pods.all, pods.n, sizeof(*pods.all), compare_requests);
	world_init(&w, TRACE_DEVICES, pods.n);
	world_weigh(&w, &pods.mix);
	printf("# %zu requests on %d devices\n", pods.n, TRACE_DEVICES);
	for (enum policy p = 0; p < POLICY_BOUND; p++) {
		struct outcome o = run(&w, p, pods.all, pods.n, 0);
		printf("# %-13s %6.2f %% of the slices, %6.2f %% of the requests, %5.2f moves for 100\n",
		       policy_name(p), 100 * o.accepted, 100 * o.requests, o.moves);
	}
	world_done(&w);
	free(pods.all);
	return 0;
}

int main(int argc, char **argv)
{
	const char *what = getenv("CARVE_BENCH");
	uint32_t devices = 0;
	if (argc == 3 && str_eq(argv[1], "--trace"))
		return trace_run(argv[2]);
	if (argc == 3 && str_eq(argv[1], "--decide")) {
		if (str_eq(argv[2], "hardest"))
			decide_hardest();
		else if (num_parse_u32(argv[2], 10, &devices) == 0 && devices <= MANY)
			(void)decide_usual(devices);
		return 0;
	}
	if (!what || !str_eq(what, "counts")) {
		tables_run();
		figure("a decision among 8 devices, 99 of 100", decide_usual(8), "us", "-");
		figure("a decision among 128 devices, 99 of 100", decide_usual(128), "us", "-");
	}
	counts_run(argv[0]);
	return 0;
}
