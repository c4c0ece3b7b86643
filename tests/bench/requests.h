/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Requests for parts of divided devices as they come over time, and policies to compare with: those
 * of a published simulation in Python, from the same random numbers (its random.Random is the
 * Mersenne Twister MT19937), so that its figures can be met to the digit.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct twister {
	uint32_t state[624];
	uint32_t next;
};

/* As Python's random.Random(seed), for seeds of 32 bits. */
void twister_seed(struct twister *t, uint32_t seed);
double twister_random(struct twister *t);
double twister_exponential(struct twister *t, double rate);
double twister_lognormal(struct twister *t, double mu, double sigma);

/* Profiles of an eight-slot device: 1g, 1g with double memory, 2g, 3g, 4g, 7g. */
#define CLASSES 6
#define STARTS 7
struct request_class {
	const char *name;
	unsigned slices, size, n_starts;
	unsigned starts[STARTS];
	unsigned driver[STARTS]; /* in the order in which the vendor's driver takes them */
};
extern const struct request_class request_classes[CLASSES];

struct request_mix {
	const char *name;
	double weight[CLASSES];
};
#define MIXES 5
extern const struct request_mix request_mixes[MIXES];

struct request {
	double at, until;
	unsigned class;
};

/* Fills n requests. load: of the compute slices of all devices; lognormal: durations with a long tail
 * instead of exponential ones, both of mean 1. */
void requests_make(struct request *ret, size_t n, const struct request_mix *mix, double load,
		   size_t devices, uint32_t seed, bool lognormal);

/* Ends in order; what ends at the same moment, in the order of coming. */
struct ends {
	struct {
		double at;
		uint32_t id;
	} * heap;
	size_t n;
};
void ends_push(struct ends *e, double at, uint32_t id);
uint32_t ends_pop(struct ends *e);

/* --- policies to compare with: occupied slots of each device in, device and start out -------------- */

enum reference {
	REFERENCE_DRIVER_SPREAD,
	REFERENCE_DRIVER_FIRST,
	REFERENCE_FIRST_FIT,
	REFERENCE_BEST_FIT,
	REFERENCE_FGD,
	N_REFERENCES,
};
extern const char *const reference_names[N_REFERENCES];

/* Unusable slots by occupied slots, as the mix makes them; for REFERENCE_FGD. */
void reference_fragments(const struct request_mix *mix, double ret[256]);
bool reference_pick(enum reference how, const double fragments[256], const uint8_t *occupied,
		    size_t devices, unsigned class, size_t *ret_device, unsigned *ret_start);

/* Whether so many of each class fit on so many devices, wherever they are put. */
struct packing;
struct packing *packing_new(void);
struct packing *packing_free(struct packing *p);
bool packing_fits(struct packing *p, const unsigned demand[CLASSES], size_t devices);
