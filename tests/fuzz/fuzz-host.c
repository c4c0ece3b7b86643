/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Host descriptions of any bytes: refused with a place and an id, or accepted and within bounds. */
#include <stdint.h>
#include <stdlib.h>

#include "base/str.h"
#include "sim/host.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What the machine relies on: every slot has a model and its places, in order. */
static void check_slots(const struct host_slot *slots, size_t n)
{
	int before = -1;
	for (size_t i = 0; i < n; i++) {
		if (!slots[i].model || slots[i].first <= before || slots[i].last < slots[i].first)
			abort();
		before = slots[i].last;
		check_slots(slots[i].slots, slots[i].n_slots);
	}
}

static void check(const struct host *h)
{
	if (host_count(h) > 16384 || h->nodes == 0 || h->cpus < h->nodes)
		abort();
	for (size_t i = 0; i < h->n_roots; i++)
		check_slots(h->roots[i].slots, h->roots[i].n_slots);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *file = size > 0 && data[0] == '{' ? "fuzz.json" : "fuzz.yaml";
	struct err e = { 0 };
	struct host *h = host_parse((const char *)data, size, file, &e);
	if (!h == !err_is_set(&e))
		abort();
	if (!h && (!e.what || !e.state || !str_after(e.what, file)))
		abort();
	if (h)
		check(h);
	host_free(h);
	err_done(&e);
	return 0;
}
