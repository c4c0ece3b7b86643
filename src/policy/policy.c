/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See policy.h: what is done with a policy once it is parsed; settings of claims. */
#include "policy/policy.h"

#include <errno.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "policy/match.h"
#include "policy/option.h"
#include "policy/source.h"
#include "policy/suggest.h"
#include "policy/value.h"

struct policy *policy_free(struct policy *p)
{
	if (!p)
		return NULL;
	for (size_t i = 0; i < p->n_selections; i++)
		policy_match_free(p->selections[i].match);
	free(p->selections);
	for (size_t i = 0; i < p->n_divides; i++)
		policy_match_free(p->divides[i].when);
	free(p->divides);
	free(p->classes);
	free(p->reservations);
	for (size_t i = 0; i < p->n_tenants; i++) {
		free(p->tenants[i].members);
		free(p->tenants[i].quotas);
	}
	free(p->tenants);
	free(p);
	return NULL;
}

bool policy_class_from(const struct policy_class *c, const char *selection)
{
	for (uint32_t i = 0; i < c->n_from; i++)
		if (str_eq(c->from[i], selection))
			return true;
	return false;
}

uint32_t policy_takes(const struct policy *p, const char *name, const char *of)
{
	const struct policy_class *c = policy_class_find(p, name);
	if ((of && str_eq(name, of)) || (!of && (!c || c->n_parts == 0)))
		return 1;
	uint32_t n = 0;
	for (uint32_t i = 0; c && i < c->n_parts; i++)
		if (!of || str_eq(c->parts[i], of))
			n += c->part_count[i];
	return n;
}

bool policy_class_asks(const struct policy_class *c)
{
	return c->memory || c->compute || c->n_engines;
}

const struct policy_class *policy_class_find(const struct policy *p, const char *name)
{
	for (size_t i = 0; p && i < p->n_classes; i++)
		if (str_eq(p->classes[i].name, name))
			return &p->classes[i];
	return NULL;
}

static void setting_todo(const struct policy_option *o, const char *key, struct err *reterr)
{
	if (o) {
		err_todo(reterr, "write %s=VALUE", o->key);
		return;
	}
	struct suggestion s;
	suggestion_init(&s, key);
	for (o = policy_setting_options; o->key; o++)
		suggestion_add(&s, o->key);
	_cleanup_free_ char *todo = suggestion_take(&s, "leave it out");
	err_todo(reterr, "%s", todo ? todo : "write KEY=VALUE");
}

int policy_setting_parse(const char *text, struct vf_settings *s, struct err *reterr)
{
	const char *equals = strchr(text, '=');
	_cleanup_free_ char *key = strndup(text, equals ? (size_t)(equals - text) : strlen(text));
	if (!key)
		return policy_memory_error(reterr);
	const struct policy_option *o = policy_option_find(policy_setting_options, key);
	if (!o || !equals) {
		err_set(reterr, "setting.value", EINVAL, "\"%.80s\" is no setting", text);
		err_because(reterr, o ? "a setting is KEY=VALUE" : "there is no \"%.80s\" to set",
			    key);
		err_state(reterr, "nothing was changed");
		setting_todo(o, key, reterr);
		return -EINVAL;
	}
	struct policy_value v = { 0 };
	struct policy_complaint c;
	int r = policy_value_read(o, equals + 1, &v, &c);
	if (r >= 0)
		return o->store(s, o, &v);
	err_set(reterr, "setting.value", EINVAL, "%s: %s", o->key, c.what);
	err_because(reterr, "it was given as %.100s", text);
	err_state(reterr, "nothing was changed");
	if (c.todo[0])
		err_todo(reterr, "%s", c.todo);
	return -EINVAL;
}

static int refuse(const struct policy_class *c, const char *key, struct err *reterr)
{
	err_set(reterr, "setting.not-allowed", EPERM, "class %s does not let a claim set %s",
		c->name, key);
	err_because(reterr, "may-set of the class does not name it");
	err_state(reterr, "nothing was changed");
	err_todo(reterr, "leave it out, or name it under may-set of class %s in the policy",
		 c->name);
	return -EPERM;
}

static int refuse_range(const struct policy_class *c, const char *what, uint32_t value,
			uint32_t min, uint32_t max, struct err *reterr)
{
	err_set(reterr, "setting.not-allowed", EPERM,
		"%s %u is not within %u to %u, what class %s allows", what, value, min, max,
		c->name);
	err_because(reterr, "may-set of the class says so");
	err_state(reterr, "nothing was changed");
	err_todo(reterr, "stay within that, or change may-set of class %s in the policy", c->name);
	return -EPERM;
}

int policy_settings_allowed(const struct policy_class *c, const struct vf_settings *s,
			    struct err *reterr)
{
	const struct {
		uint32_t set;
		bool may;
		const char *key;
	} rules[] = {
		{ VF_SET_MAC, c->may_mac, "mac" },
		{ VF_SET_VLAN, c->may_vlan, "vlan" },
		{ VF_SET_SPOOFCHK, c->may_spoofchk, "spoof-check" },
		{ VF_SET_TRUST, c->may_trust, "trust" },
		{ VF_SET_LINK, c->may_link, "link" },
		{ VF_SET_RATE, c->may_rate, "rates" },
	};
	for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++)
		if ((s->set & rules[i].set) && !rules[i].may)
			return refuse(c, rules[i].key, reterr);
	if (s->qos && !c->may_vlan)
		return refuse(c, "qos", reterr);
	if ((s->set & VF_SET_VLAN) && (s->vlan < c->vlan_min || s->vlan > c->vlan_max))
		return refuse_range(c, "VLAN", s->vlan, c->vlan_min, c->vlan_max, reterr);
	if (!(s->set & VF_SET_RATE) || c->rate_max == 0)
		return 0;
	/* With a limit, "no limit" (0) is above it. */
	if (s->max_rate == 0 || s->max_rate > c->rate_max)
		return refuse_range(c, "max-rate", s->max_rate, 1, c->rate_max, reterr);
	if (s->min_rate > c->rate_max)
		return refuse_range(c, "min-rate", s->min_rate, 0, c->rate_max, reterr);
	return 0;
}
