/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Apply what was planned, or nothing: the plan is made once more in the turn that takes the request, and
 * compared with the one that somebody looked at. UUIDs of what does not exist yet are made up anew each
 * time; which they are is no difference, as long as the same one stands for the same thing.
 */
#include <errno.h>
#include <stdlib.h>

#include "base/array.h"
#include "engine/internal.h"

struct made_up {
	char then[UUID_SIZE], now[UUID_SIZE];
};

struct comparison {
	const struct engine *e;
	struct made_up *names;
	size_t n_names;
};

static bool is_known(const struct engine *e, const char *uuid)
{
	return store_slice_mdev(e, uuid) || have_mdev(e->have, uuid);
}

/* The UUID that the text begins with, if it does. */
static bool uuid_at(const char *text, char ret[UUID_SIZE])
{
	return str_format(ret, UUID_SIZE, "%.*s", UUID_SIZE - 1, text) >= 0 && uuid_valid(ret);
}

static bool same_name(struct comparison *c, const char *then, const char *now)
{
	if (is_known(c->e, then) || is_known(c->e, now))
		return str_eq(then, now);
	for (size_t i = 0; i < c->n_names; i++) {
		const struct made_up *m = &c->names[i];
		if (str_eq(m->then, then) || str_eq(m->now, now))
			return str_eq(m->then, then) && str_eq(m->now, now);
	}
	struct made_up *m = ARRAY_ADD(c->names, c->n_names);
	if (!m)
		return false;
	memcpy(m->then, then, sizeof(m->then));
	memcpy(m->now, now, sizeof(m->now));
	return true;
}

static bool same_text(struct comparison *c, const char *then, const char *now)
{
	char a[UUID_SIZE], b[UUID_SIZE];
	while (*then && *now) {
		bool named = uuid_at(then, a) && uuid_at(now, b);
		if (named ? !same_name(c, a, b) : *then != *now)
			return false;
		then += named ? UUID_SIZE - 1 : 1;
		now += named ? UUID_SIZE - 1 : 1;
	}
	return *then == *now;
}

/* A line of the plan as people read it; NULL: there is none. */
static const char *line_of(const json_t *lines, size_t i)
{
	const json_t *line = json_array_get(lines, i);
	return json_string_value(json_is_object(line) ? json_object_get(line, "text") : line);
}

/* Two devices may read the same. */
static bool same_device(const json_t *then, const json_t *now)
{
	const char *a = json_string_value(json_object_get(then, "device")),
		   *b = json_string_value(json_object_get(now, "device"));
	return (!a && !b) || (a && b && str_eq(a, b));
}

static bool same_line(struct comparison *c, const json_t *then, const json_t *now, size_t i)
{
	const char *a = line_of(then, i), *b = line_of(now, i);
	return a && b && same_device(json_array_get(then, i), json_array_get(now, i)) &&
	       same_text(c, a, b);
}

static int differs(const char *what, size_t i, const char *then, const char *now,
		   struct err *reterr)
{
	err_set(reterr, "apply.changed", EBUSY, "the plan is not what would be done now");
	err_because(reterr, "%s %zu was: %s", what, i + 1, then ? then : "none");
	err_because(reterr, "it is now: %s", now ? now : "none");
	return -EBUSY;
}

static int lines_check(struct comparison *c, const char *what, const json_t *then,
		       const json_t *now, struct err *reterr)
{
	size_t n = json_array_size(then), m = json_array_size(now);
	for (size_t i = 0; i < n || i < m; i++)
		if (!same_line(c, then, now, i))
			return differs(what, i, line_of(then, i), line_of(now, i), reterr);
	return 0;
}

/* What another policy made of the record may not show in any step, such as who may ask for what. */
static int base_check(const struct engine *e, const json_t *then, struct err *reterr)
{
	uint64_t version = (uint64_t)json_integer_value(json_object_get(then, "base"));
	const struct applied_policy *now = &e->rec.policy;
	if (version == now->version)
		return 0;
	err_set(reterr, "apply.changed", EBUSY, "the plan is not what would be done now");
	err_because(reterr,
		    "it was made over version %llu of the policy, and version %llu is applied",
		    (unsigned long long)version, (unsigned long long)now->version);
	return -EBUSY;
}

static bool same_member(const json_t *then, const json_t *now, const char *name)
{
	const json_t *a = json_object_get(then, name), *b = json_object_get(now, name);
	return (!a && !b) || json_equal(a, b);
}

/* The same steps on another card, or on one that others changed, are not what was looked at. */
static int devices_check(const json_t *then, const json_t *now, struct err *reterr)
{
	size_t i;
	json_t *d;
	json_array_foreach(now, i, d) {
		const json_t *planned = json_array_get(then, i);
		if (same_member(planned, d, "device") && same_member(planned, d, "id") &&
		    same_member(planned, d, "serial") && same_member(planned, d, "before"))
			continue;
		err_set(reterr, "apply.changed", EBUSY, "the plan is not what would be done now");
		err_because(reterr, "%s is not as it was when the plan was made",
			    json_string_value(json_object_get(d, "device")));
		return -EBUSY;
	}
	return 0;
}

static int plan_again(struct engine *e, const struct request *rq, json_t **ret, struct err *reterr)
{
	struct request again = *rq;
	again.policy = policy_parse(rq->text, strlen(rq->text), rq->policy->file, reterr);
	if (!again.policy)
		return -EINVAL;
	int r = plan_make(e, &again, ret, reterr);
	policy_free(again.policy);
	return r < 0 ? err_set(reterr, "engine.memory", -r, "cannot make the plan") : 0;
}

int planned_check(struct engine *e, const struct request *rq, struct err *reterr)
{
	static const char *const kinds[][2] = { { "steps", "step" },
						{ "ends", "end of a claim" },
						{ "waits", "wait" } };
	json_auto_t *now = NULL;
	struct comparison c = { .e = e };
	int r = base_check(e, rq->planned, reterr);
	if (r >= 0)
		r = plan_again(e, rq, &now, reterr);
	for (size_t i = 0; r >= 0 && i < sizeof(kinds) / sizeof(kinds[0]); i++)
		r = lines_check(&c, kinds[i][1], json_object_get(rq->planned, kinds[i][0]),
				json_object_get(now, kinds[i][0]), reterr);
	if (r >= 0)
		r = devices_check(json_object_get(rq->planned, "devices"),
				  json_object_get(now, "devices"), reterr);
	if (r == -EBUSY) {
		err_state(reterr, "nothing was changed");
		err_todo(reterr, "make the plan again, look at it, and apply that: "
				 "carve plan FILE --save PLAN");
	}
	free(c.names);
	return r;
}
