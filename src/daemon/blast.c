/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See blast.h. */
#include "daemon/blast.h"

#include "api/wire.h"
#include "base/cleanup.h"
#include "base/str.h"
#include "daemon/daemon.h"

static void add_line(json_t *step, json_t *line_take)
{
	json_t *blast = json_object_get(step, "blast");
	if (blast)
		json_array_append_new(blast, line_take);
	else
		json_decref(line_take);
}

static const char *text_of(const json_t *o, const char *name)
{
	const char *text = json_string_value(json_object_get(o, name));
	return text ? text : "";
}

static const json_t *device_of(const json_t *report, const char *key)
{
	size_t i;
	json_t *d;
	json_array_foreach(json_object_get(report, "devices"), i, d)
		if (str_eq(text_of(d, "device"), key))
			return d;
	return NULL;
}

/* Making and removing VFs resets the PF in most drivers; a function that VFIO gets has no interface. */
static void name_interfaces(json_t *step, const json_t *device, const char *names)
{
	bool whole = !json_object_get(step, "vf");
	const char *verb = text_of(step, "verb");
	if (str_eq(verb, verb_name(VERB_SET_VFS)) &&
	    json_is_true(json_object_get(device, "in_use_pf")))
		add_line(step, json_sprintf("the link of %s goes down for a moment", names));
	if (str_eq(verb, verb_name(VERB_BIND)) && whole)
		add_line(step, json_sprintf("the host loses %s", names));
}

void blast_name(struct daemon *d, json_t *report)
{
	size_t i;
	json_t *o;
	const struct have *h = &d->picture.have;
	struct facts_netdevs netdevs = { 0 };
	json_array_foreach(json_object_get(report, "devices"), i, o) {
		const struct function *f = have_device(h, text_of(o, "device"));
		const struct facts_entry *entry = f ? facts_find(&d->facts, f) : NULL;
		const struct mdev_parent *p = have_parent(h, text_of(o, "device"));
		wire_add_string(o, "name", entry ? entry->name : p ? p->name : NULL);
	}
	if (facts_netdevs_read(d->roots.sysfs, &netdevs) < 0)
		return;
	json_array_foreach(json_object_get(report, "steps"), i, o) {
		const char *key = text_of(o, "device");
		const struct function *f = have_device(h, key);
		const char *names = f ? facts_netdevs_find(&netdevs, f->addr) : NULL;
		if (names)
			name_interfaces(o, device_of(report, key), names);
	}
	facts_netdevs_done(&netdevs);
}

static bool takes_away(const char *verb)
{
	return str_eq(verb, verb_name(VERB_SET_VFS)) || str_eq(verb, verb_name(VERB_BIND)) ||
	       str_eq(verb, verb_name(VERB_MDEV_REMOVE));
}

static bool is_there(const struct have *h, const struct target *t)
{
	const struct function *f = have_device(h, t->device);
	if (t->uuid[0])
		return have_mdev(h, t->uuid) != NULL;
	return t->vf >= 0 ? f && have_vf(h, f->addr, t->vf) : f != NULL;
}

bool blast_look(const struct have *h, const json_t *step, struct step *ret)
{
	const json_t *vf = json_object_get(step, "vf");
	*ret = (struct step){ .verb = VERB_HOLDERS };
	ret->target.vf = vf ? (int32_t)json_integer_value(vf) : -1;
	if (!takes_away(text_of(step, "verb")) ||
	    STR_COPY(ret->target.device, text_of(step, "device")) < 0 ||
	    STR_COPY(ret->target.uuid, text_of(step, "uuid")) < 0)
		return false;
	return is_there(h, &ret->target);
}

void blast_add_holders(json_t *step, const struct holder *holders, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const struct holder *x = &holders[i];
		const char *of = x->device[0] ? " of " : "";
		/* An mdev that merely exists is not somebody. */
		if (x->pid > 0)
			add_line(step,
				 json_sprintf("pid %d (%s)%s%s uses %s%s%s: refused while it does",
					      x->pid, x->comm, x->unit[0] ? " in " : "", x->unit,
					      x->what, of, x->device));
	}
}
