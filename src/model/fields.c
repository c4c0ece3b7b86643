/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See fields.h. */
#include "model/fields.h"

#include "base/str.h"
#include "model/slice.h"

static const char *name_of_slice(unsigned v)
{
	return slice_state_name((enum slice_state)v);
}

static const char *name_of_claim(unsigned v)
{
	return claim_state_name((enum claim_state)v);
}

static const char *name_of_kind(unsigned v)
{
	return v == CLAIM_RESERVED ? "reserved" : "running";
}

static const char *name_of_verb(unsigned v)
{
	return verb_name((enum verb)v);
}

#define MEMBER(s, m) .name = #m, .offset = offsetof(struct s, m), .size = sizeof(((struct s *)0)->m)
#define ITEMS(s, m)                                                                                \
	.name = #m, .offset = offsetof(struct s, m), .size = sizeof(((struct s *)0)->m[0]),        \
	.n = sizeof(((struct s *)0)->m) / sizeof(((struct s *)0)->m[0])
#define TEXT(s, m)                                                                                 \
	{                                                                                          \
		MEMBER(s, m), .type = TYPE_TEXT                                                    \
	}
#define UNSIGNED(s, m)                                                                             \
	{                                                                                          \
		MEMBER(s, m), .type = TYPE_UNSIGNED                                                \
	}
/* Of a row that an older version wrote: 0. */
#define LATER(s, m)                                                                                \
	{                                                                                          \
		MEMBER(s, m), .type = TYPE_UNSIGNED, .later = true                                 \
	}
#define LATER_AS(s, m, t)                                                                          \
	{                                                                                          \
		MEMBER(s, m), .type = (t), .later = true                                           \
	}
#define SIGNED(s, m)                                                                               \
	{                                                                                          \
		MEMBER(s, m), .type = TYPE_SIGNED                                                  \
	}
#define BITS(s, m)                                                                                 \
	{                                                                                          \
		MEMBER(s, m), .type = TYPE_BITS                                                    \
	}
#define NAMED(s, m, f, count)                                                                      \
	{                                                                                          \
		MEMBER(s, m), .type = TYPE_NAME, .name_of = (f), .n_names = (count)                \
	}
#define STRUCT(s, m, f)                                                                            \
	{                                                                                          \
		MEMBER(s, m), .type = TYPE_STRUCT, .fields = (f)                                   \
	}
#define END                                                                                        \
	{                                                                                          \
		.name = NULL                                                                       \
	}

static const struct field settings_fields[] = {
	UNSIGNED(vf_settings, set),	 { MEMBER(vf_settings, mac), .type = TYPE_BYTES },
	UNSIGNED(vf_settings, spoofchk), UNSIGNED(vf_settings, trust),
	UNSIGNED(vf_settings, vlan),	 UNSIGNED(vf_settings, qos),
	UNSIGNED(vf_settings, link),	 UNSIGNED(vf_settings, min_rate),
	UNSIGNED(vf_settings, max_rate), END,
};

static const struct field want_fields[] = {
	TEXT(want, device),
	UNSIGNED(want, vendor),
	UNSIGNED(want, device_id),
	UNSIGNED(want, has_serial),
	BITS(want, serial),
	TEXT(want, selection),
	TEXT(want, where),
	TEXT(want, mech),
	LATER_AS(want, driver, TYPE_TEXT),
	LATER_AS(want, netdevs, TYPE_TEXT),
	UNSIGNED(want, count),
	UNSIGNED(want, in_use_pf),
	UNSIGNED(want, bind_early),
	STRUCT(want, vf, settings_fields),
	{ ITEMS(want, types), .type = TYPE_TEXT },
	{ ITEMS(want, type_count), .type = TYPE_UNSIGNED },
	UNSIGNED(want, n_types),
	{ ITEMS(want, share), .type = TYPE_UNSIGNED, .later = true },
	LATER(want, share_mps),
	{ ITEMS(want, keep), .type = TYPE_TEXT, .later = true },
	{ ITEMS(want, keep_count), .type = TYPE_UNSIGNED, .later = true },
	LATER(want, n_keep),
	{ ITEMS(want, warm), .type = TYPE_UNSIGNED, .later = true },
	{ ITEMS(want, units), .type = TYPE_UNSIGNED, .later = true },
	{ ITEMS(want, services), .type = TYPE_TEXT, .later = true },
	LATER(want, n_services),
	UNSIGNED(want, on_remove_destroy),
	LATER(want, after_use),
	LATER(want, one_tenant),
	LATER(want, opened),
	LATER(want, companions),
	LATER_AS(want, leader, TYPE_TEXT),
	LATER(want, mixed),
	LATER(want, scheduler),
	END,
};

static const struct field slice_fields[] = {
	BITS(slice, id),
	TEXT(slice, device),
	TEXT(slice, mech),
	TEXT(slice, profile),
	SIGNED(slice, index),
	LATER(slice, start),
	LATER(slice, share),
	TEXT(slice, uuid),
	LATER(slice, alone),
	LATER_AS(slice, known_as, TYPE_TEXT),
	LATER(slice, opened),
	LATER(slice, asked),
	NAMED(slice, state, name_of_slice, SLICE_REMOVING + 1),
	UNSIGNED(slice, on_demand),
	LATER(slice, warm),
	LATER(slice, adopted),
	LATER(slice, unproven),
	TEXT(slice, claim),
	UNSIGNED(slice, has_original),
	TEXT(slice, original_driver),
	LATER_AS(slice, original_netdevs, TYPE_TEXT),
	UNSIGNED(slice, power_pinned),
	UNSIGNED(slice, dirty),
	UNSIGNED(slice, last_uid),
	LATER_AS(slice, last_tenant, TYPE_TEXT),
	LATER(slice, failed),
	TEXT(slice, reason),
	END,
};

static const struct field lease_fields[] = {
	SIGNED(lease, since),
	SIGNED(lease, used),
	UNSIGNED(lease, max),
	UNSIGNED(lease, idle),
	UNSIGNED(lease, in_use),
	UNSIGNED(lease, told),
	END,
};

static const struct field claim_fields[] = {
	TEXT(claim, name),
	TEXT(claim, class),
	BITS(claim, slice),
	NAMED(claim, kind, name_of_kind, CLAIM_RESERVED + 1),
	NAMED(claim, state, name_of_claim, CLAIM_BROKEN + 1),
	UNSIGNED(claim, uid),
	UNSIGNED(claim, gid),
	UNSIGNED(claim, grant_uid),
	UNSIGNED(claim, grant_gid),
	TEXT(claim, owner),
	SIGNED(claim, pid),
	BITS(claim, pid_start),
	TEXT(claim, boot_id),
	UNSIGNED(claim, from_policy),
	LATER_AS(claim, tenant, TYPE_TEXT),
	LATER_AS(claim, arrival, TYPE_BITS),
	LATER(claim, preemptible),
	LATER_AS(claim, near, TYPE_TEXT),
	LATER_AS(claim, whole, TYPE_TEXT),
	LATER(claim, parts),
	LATER(claim, companion),
	STRUCT(claim, set, settings_fields),
	SIGNED(claim, created),
	{ MEMBER(claim, lease), .type = TYPE_STRUCT, .fields = lease_fields, .later = true },
	LATER_AS(claim, orphan_end, TYPE_SIGNED),
	LATER_AS(claim, ended, TYPE_TEXT),
	TEXT(claim, reason),
	END,
};

static const struct field note_fields[] = {
	TEXT(device_note, device),  UNSIGNED(device_note, drained), UNSIGNED(device_note, uid),
	SIGNED(device_note, since), TEXT(device_note, reason),	    END,
};

static const struct field target_fields[] = {
	TEXT(target, device), SIGNED(target, vf), TEXT(target, uuid), LATER(target, part), END,
};

static const struct field step_fields[] = {
	BITS(step, id),
	NAMED(step, verb, name_of_verb, VERB_COUNT),
	UNSIGNED(step, deadline_ms),
	STRUCT(step, target, target_fields),
	UNSIGNED(step, check_only),
	UNSIGNED(step, flag),
	UNSIGNED(step, allow),
	UNSIGNED(step, number),
	UNSIGNED(step, number2),
	LATER(step, number3),
	STRUCT(step, vf, settings_fields),
	TEXT(step, text),
	END,
};

static const struct {
	const struct field *fields;
	size_t size;
} structs[] = {
	[FIELDS_WANT] = { want_fields, sizeof(struct want) },
	[FIELDS_SLICE] = { slice_fields, sizeof(struct slice) },
	[FIELDS_CLAIM] = { claim_fields, sizeof(struct claim) },
	[FIELDS_STEP] = { step_fields, sizeof(struct step) },
	[FIELDS_NOTE] = { note_fields, sizeof(struct device_note) },
	[FIELDS_SETTINGS] = { settings_fields, sizeof(struct vf_settings) },
};

const struct field *fields_of(enum fields_of what)
{
	return structs[what].fields;
}

size_t fields_size(enum fields_of what)
{
	return structs[what].size;
}

static const char *struct_differs(const struct field *fields, const char *a, const char *b);

static bool value_same(const struct field *f, const char *a, const char *b)
{
	if (f->type == TYPE_TEXT)
		return str_eq(a, b);
	if (f->type == TYPE_STRUCT)
		return !struct_differs(f->fields, a, b);
	return memcmp(a, b, f->size) == 0;
}

static const char *struct_differs(const struct field *fields, const char *a, const char *b)
{
	for (const struct field *f = fields; f->name; f++)
		for (size_t i = 0, at = f->offset; i < (f->n ? f->n : 1); i++, at += f->size)
			if (!value_same(f, a + at, b + at))
				return f->name;
	return NULL;
}

const char *fields_differ(enum fields_of what, const void *a, const void *b)
{
	return struct_differs(structs[what].fields, a, b);
}
