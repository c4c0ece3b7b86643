/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Policy files of any bytes: refused with a place and an id, or accepted and then pinned. */
#include <stdint.h>
#include <stdlib.h>

#include "base/str.h"
#include "policy/explain.h"
#include "policy/policy.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool enrolled(void *userdata, const char *key)
{
	(void)userdata;
	(void)key;
	return true;
}

static const char *labels(void *userdata, const char *key)
{
	(void)userdata;
	(void)key;
	return "rack-7 train";
}

/* Asking why changes nothing of the answer, and there is always a reason. */
static void explain(const struct policy *p, const struct match_subject *s)
{
	struct policy_verdicts tried = { 0 };
	const struct policy_selection *x = policy_selection_of(p, s, &tried);
	if (x != policy_selection_of(p, s, NULL) || tried.failed)
		abort();
	for (size_t i = 0; i < tried.n; i++)
		if (!*tried.items[i].why || tried.items[i].holds != (x && i + 1 == tried.n))
			abort();
	policy_verdicts_done(&tried);
	const struct policy_divide *d = x ? policy_divide_of(p, x->name, s, &tried) : NULL;
	if (x && d != policy_divide_of(p, x->name, s, NULL))
		abort();
	policy_verdicts_done(&tried);
}

static void pin(const struct policy *p)
{
	struct have have = { 0 };
	struct function *f = have_add_function(&have);
	if (!f)
		abort();
	(void)STR_COPY(f->addr, "0000:01:00.0");
	(void)STR_COPY(f->key, "pci:0000:00/01.0");
	f->caps.known = f->caps.sriov = true;
	f->caps.sriov_total = 8;
	struct policy_facts facts = { .have = &have, .enrolled = enrolled, .labels = labels };
	explain(p, &(struct match_subject){ .facts = &facts, .f = f });
	struct want *wants = NULL;
	size_t n = 0;
	struct err e = { 0 };
	if (policy_pin(p, &facts, &wants, &n, &e) < 0 && !err_is_set(&e))
		abort();
	free(wants);
	err_done(&e);
	have_done(&have);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *file = size > 0 && data[0] == '{' ? "fuzz.json" : "fuzz.yaml";
	struct err e = { 0 };
	struct policy *p = policy_parse((const char *)data, size, file, &e);
	if (!p == !err_is_set(&e))
		abort();
	if (!p && (!e.what || !e.state || !str_after(e.what, file)))
		abort();
	if (p)
		pin(p);
	policy_free(p);
	err_done(&e);
	return 0;
}
