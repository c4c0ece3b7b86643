/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The record as data: its end of life, and what must hold between its rows. */
#include "ledger/record.h"

#include <errno.h>
#include <stdlib.h>

#include "base/str.h"

void applied_policy_done(struct applied_policy *a)
{
	free(a->file);
	free(a->path);
	free(a->text);
	*a = (struct applied_policy){ 0 };
}

void record_done(struct record *r)
{
	free(r->wants);
	free(r->slices);
	free(r->claims);
	free(r->steps);
	free(r->notes);
	applied_policy_done(&r->policy);
	*r = (struct record){ 0 };
}

void changes_done(struct changes *c)
{
	for (size_t i = 0; i < c->n; i++)
		if (c->items[i].kind == CHANGE_AUDIT)
			free(c->items[i].text);
	free(c->items);
	*c = (struct changes){ 0 };
}

/* Slices are sorted by id: the ledger reads them so and the engine appends rising ids. */
const struct slice *record_slice(const struct record *r, uint64_t id)
{
	size_t low = 0, high = r->n_slices;
	while (low < high) {
		size_t mid = low + (high - low) / 2;
		if (r->slices[mid].id == id)
			return &r->slices[mid];
		if (r->slices[mid].id < id)
			low = mid + 1;
		else
			high = mid;
	}
	return NULL;
}

const struct claim *record_claim(const struct record *r, const char *name)
{
	for (size_t i = 0; i < r->n_claims; i++)
		if (str_eq(r->claims[i].name, name))
			return &r->claims[i];
	return NULL;
}

const struct want *record_want(const struct record *r, const char *device)
{
	for (size_t i = 0; i < r->n_wants; i++)
		if (str_eq(r->wants[i].device, device))
			return &r->wants[i];
	return NULL;
}

const struct device_note *record_note(const struct record *r, const char *device)
{
	for (size_t i = 0; i < r->n_notes; i++)
		if (str_eq(r->notes[i].device, device))
			return &r->notes[i];
	return NULL;
}

static int slice_check(const struct record *r, const struct slice *s, struct err *reterr)
{
	if (s->id == 0 || s->id >= r->next_id)
		return err_set(reterr, "ledger.record", EBADMSG,
			       "slice number %llu is out of range", (unsigned long long)s->id);
	if (!s->device[0] || !s->mech[0] || (s->uuid[0] && !uuid_valid(s->uuid)))
		return err_set(reterr, "ledger.record", EBADMSG, "slice %llu has no valid identity",
			       (unsigned long long)s->id);
	if (!s->claim[0])
		return 0;
	const struct claim *c = record_claim(r, s->claim);
	if (!c || c->slice != s->id)
		return err_set(reterr, "ledger.record", EBADMSG,
			       "slice %llu names claim \"%s\", which does not name it",
			       (unsigned long long)s->id, s->claim);
	return 0;
}

static int claim_check(const struct record *r, const struct claim *c, struct err *reterr)
{
	if (!c->name[0])
		return err_set(reterr, "ledger.record", EBADMSG, "a claim has no name");
	if (c->slice == 0)
		return 0;
	const struct slice *s = record_slice(r, c->slice);
	if (!s || !str_eq(s->claim, c->name))
		return err_set(reterr, "ledger.record", EBADMSG,
			       "claim \"%s\" names a slice that does not name it", c->name);
	return 0;
}

static int want_check(const struct want *w, struct err *reterr)
{
	if (w->n_types > WANT_TYPES || w->n_services > WANT_SERVICES ||
	    w->n_keep > sizeof(w->keep) / sizeof(*w->keep) ||
	    w->scheduler > VGPU_SCHEDULER_FIXED_SHARE)
		return err_set(reterr, "ledger.record", EBADMSG,
			       "what is wanted of %s is out of range", w->device);
	return 0;
}

int record_check(const struct record *r, struct err *reterr)
{
	for (size_t i = 0; i < r->n_slices; i++) {
		int rc = slice_check(r, &r->slices[i], reterr);
		if (rc < 0)
			return rc;
	}
	for (size_t i = 0; i < r->n_wants; i++) {
		int rc = want_check(&r->wants[i], reterr);
		if (rc < 0)
			return rc;
	}
	for (size_t i = 0; i < r->n_claims; i++) {
		int rc = claim_check(r, &r->claims[i], reterr);
		if (rc < 0)
			return rc;
	}
	return 0;
}
