/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The language of policy files: the one table (option.h), and how its values are stored. */
#include "policy/option.h"

#include <errno.h>
#include <stdlib.h>

#include "base/array.h"
#include "base/str.h"
#include "model/service.h"
#include "policy/match.h"

#define RATE_MAX 1000000 /* Mbit/s */
#define LEASE_MAX (365u * 24 * 3600)
/* Who uses a slice is looked at several times within that. */
#define LEASE_IDLE_MIN 10
#define ORPHAN_GRACE_MAX (24u * 3600)

static void init_selection(void *element)
{
	((struct policy_selection *)element)->expect = -1;
}

static void init_divide(void *element)
{
	((struct policy_divide *)element)->expect = -1;
}

static void init_tenant(void *element)
{
	((struct policy_tenant *)element)->slices = -1;
}

static int store_word_text(void *into, const struct policy_option *o, const struct policy_value *v)
{
	return str_copy((char *)into + o->offset, o->size, v->text);
}

/* Words "no" and "yes" of a bool field, in that order. */
static int store_word_bool(void *into, const struct policy_option *o, const struct policy_value *v)
{
	*(bool *)((char *)into + o->offset) = v->number != 0;
	return 0;
}

static int store_unsafe(void *into, const struct policy_option *o, const struct policy_value *v)
{
	(void)o;
	((struct policy *)into)->risks |= 1u << v->number;
	return 0;
}

/* Words of enum after_use, from AFTER_USE_PROVE. */
static int store_after_use(void *into, const struct policy_option *o, const struct policy_value *v)
{
	(void)o;
	((struct policy_divide *)into)->after_use = (enum after_use)(AFTER_USE_PROVE + v->number);
	return 0;
}

static int store_scheduler(void *into, const struct policy_option *o, const struct policy_value *v)
{
	(void)o;
	((struct policy_divide *)into)->scheduler =
		(enum vgpu_scheduler)(VGPU_SCHEDULER_BEST_EFFORT + v->number);
	return 0;
}

static int divide_add_type(struct policy_divide *d, const struct policy_value *v, uint32_t count)
{
	if (d->n_types >= POLICY_TYPES)
		return -E2BIG;
	d->type_count[d->n_types] = count;
	return STR_COPY(d->types[d->n_types++], v->text);
}

static int store_type_count(void *into, const struct policy_option *o, const struct policy_value *v)
{
	(void)o;
	return divide_add_type(into, v, (uint32_t)v->number);
}

static int store_on_demand(void *into, const struct policy_option *o, const struct policy_value *v)
{
	(void)o;
	struct policy_divide *d = into;
	d->on_demand = true;
	return divide_add_type(d, v, 0);
}

static int store_keep(void *into, const struct policy_option *o, const struct policy_value *v)
{
	(void)o;
	struct policy_divide *d = into;
	if (d->n_keep >= POLICY_KEEPS)
		return -E2BIG;
	d->keep_count[d->n_keep] = (uint32_t)v->number;
	return STR_COPY(d->keep[d->n_keep++], v->text);
}

static int store_warm(void *into, const struct policy_option *o, const struct policy_value *v)
{
	(void)o;
	struct policy_divide *d = into;
	if (d->n_warm >= POLICY_TYPES)
		return -E2BIG;
	d->warm_count[d->n_warm] = (uint32_t)v->number;
	return STR_COPY(d->warm[d->n_warm++], v->text);
}

static int store_share(void *into, const struct policy_option *o, const struct policy_value *v)
{
	(void)o;
	struct policy_divide *d = into;
	if (d->n_share >= POLICY_TYPES)
		return -E2BIG;
	d->share_count[d->n_share] = (uint32_t)v->number;
	return STR_COPY(d->share[d->n_share++], v->text);
}

static int store_service(void *into, const struct policy_option *o, const struct policy_value *v)
{
	(void)o;
	struct policy_divide *d = into;
	if (d->n_services >= POLICY_SERVICES)
		return -E2BIG;
	return STR_COPY(d->services[d->n_services++], v->text);
}

static int store_from(void *into, const struct policy_option *o, const struct policy_value *v)
{
	(void)o;
	struct policy_class *c = into;
	if (c->n_from >= POLICY_FROM)
		return -E2BIG;
	return STR_COPY(c->from[c->n_from++], v->text);
}

static int store_part(void *into, const struct policy_option *o, const struct policy_value *v)
{
	(void)o;
	struct policy_class *c = into;
	if (c->n_parts >= POLICY_PARTS)
		return -E2BIG;
	c->part_count[c->n_parts] = (uint32_t)v->number;
	return STR_COPY(c->parts[c->n_parts++], v->text);
}

static int store_engine(void *into, const struct policy_option *o, const struct policy_value *v)
{
	(void)o;
	struct policy_class *c = into;
	if (c->n_engines >= POLICY_ENGINES)
		return -E2BIG;
	c->engine_count[c->n_engines] = (uint32_t)v->number;
	return STR_COPY(c->engines[c->n_engines++], v->text);
}

static int store_profile(void *into, const struct policy_option *o, const struct policy_value *v)
{
	(void)o;
	struct policy_class *c = into;
	if (c->n_profiles >= POLICY_TYPES)
		return -E2BIG;
	return STR_COPY(c->profiles[c->n_profiles++], v->text);
}

static int store_may_vlan(void *into, const struct policy_option *o, const struct policy_value *v)
{
	(void)o;
	struct policy_class *c = into;
	c->may_vlan = v->flag;
	c->vlan_min = (uint16_t)v->number;
	c->vlan_max = (uint16_t)v->last;
	return 0;
}

static int store_may_rate(void *into, const struct policy_option *o, const struct policy_value *v)
{
	(void)o;
	struct policy_class *c = into;
	c->may_rate = v->flag;
	c->rate_max = (uint32_t)v->number;
	return 0;
}

static int store_member(void *into, const struct policy_option *o, const struct policy_value *v)
{
	(void)o;
	struct policy_tenant *t = into;
	struct policy_member m = { 0 };
	int r = policy_member_parse(v->text, &m);
	if (r < 0)
		return r;
	struct policy_member *added = ARRAY_ADD(t->members, t->n_members);
	if (!added)
		return -ENOMEM;
	*added = m;
	return 0;
}

static int store_quota(void *into, const struct policy_option *o, const struct policy_value *v)
{
	(void)o;
	struct policy_tenant *t = into;
	struct policy_quota *added = ARRAY_ADD(t->quotas, t->n_quotas);
	if (!added)
		return -ENOMEM;
	*added = (struct policy_quota){ .most = (uint32_t)v->number, .at = v->at };
	return STR_COPY(added->class, v->text);
}

/* Engines by their names, all else by its key. */
static int store_resource(void *into, const struct policy_option *o, const struct policy_value *v)
{
	struct policy_tenant *t = into;
	if (t->n_resources >= POLICY_RESOURCES)
		return -E2BIG;
	struct policy_resource *r = &t->resources[t->n_resources++];
	r->most = (uint32_t)v->number;
	return STR_COPY(r->name, o->kind == OPTION_COUNTS ? v->text : o->key);
}

/* Settings: each also says that it is meant. */
static int set_mac(void *into, const struct policy_option *o, const struct policy_value *v)
{
	(void)o;
	struct vf_settings *s = into;
	memcpy(s->mac, v->mac, sizeof(s->mac));
	s->set |= VF_SET_MAC;
	return 0;
}

static int set_vlan(void *into, const struct policy_option *o, const struct policy_value *v)
{
	(void)o;
	struct vf_settings *s = into;
	s->vlan = (uint16_t)v->number;
	s->set |= VF_SET_VLAN;
	return 0;
}

static int set_qos(void *into, const struct policy_option *o, const struct policy_value *v)
{
	(void)o;
	((struct vf_settings *)into)->qos = (uint8_t)v->number;
	return 0;
}

static int set_spoofchk(void *into, const struct policy_option *o, const struct policy_value *v)
{
	(void)o;
	struct vf_settings *s = into;
	s->spoofchk = v->flag;
	s->set |= VF_SET_SPOOFCHK;
	return 0;
}

static int set_trust(void *into, const struct policy_option *o, const struct policy_value *v)
{
	(void)o;
	struct vf_settings *s = into;
	s->trust = v->flag;
	s->set |= VF_SET_TRUST;
	return 0;
}

static int set_link(void *into, const struct policy_option *o, const struct policy_value *v)
{
	(void)o;
	struct vf_settings *s = into;
	s->link = (uint8_t)v->number;
	s->set |= VF_SET_LINK;
	return 0;
}

static int set_min_rate(void *into, const struct policy_option *o, const struct policy_value *v)
{
	(void)o;
	struct vf_settings *s = into;
	s->min_rate = (uint32_t)v->number;
	s->set |= VF_SET_RATE;
	return 0;
}

static int set_max_rate(void *into, const struct policy_option *o, const struct policy_value *v)
{
	(void)o;
	struct vf_settings *s = into;
	s->max_rate = (uint32_t)v->number;
	s->set |= VF_SET_RATE;
	return 0;
}

static const char *const class_words[] = {
	"storage", "network",	  "display",   "multimedia", "memory",	 "communication",
	"system",  "input",	  "processor", "serial-bus", "wireless", "encryption",
	"signal",  "accelerator", "other",     NULL,
};
static const char *const mech_words[] = { "passthrough", "sriov",      "mdev", "mig", "vgpu",
					  "partition",	 "time-slice", "mps",  NULL };
static const char *const mech_words_later[] = { "wq", NULL };
static const char *const bind_words[] = { "on-claim", "early", NULL };
static const char *const companions_words[] = { "leave", "bind", NULL };
static const char *const sizes_words[] = { "equal", "mixed", NULL };
static const char *const in_use_words[] = { "refuse", "allow", NULL };
static const char *const after_use_words[] = { "prove", "same-tenant", "quarantine", NULL };
static const char *const share_by_words[] = { "time-slice", "mps", NULL };
static const char *const place_words[] = { "fit", "pack", "spread", NULL };
static const char *const near_words[] = { "anywhere", "numa", "root-port", NULL };
static const char *const drift_words[] = { "report", "repair", "adopt", NULL };
static const char *const on_remove_words[] = { "keep", "destroy", NULL };
static const char *const unsafe_words[] = { "acs-override", "nvswitch", NULL };
static const char *const on_change_words[] = { "report", "apply", NULL };

static const struct policy_form vendor_form = {
	.regex = "^[0-9A-Fa-f]{4}$",
	.name = "vendor id (four hexadecimal digits)",
	.todo = "copy it from carve show DEVICE, in quotes: \"10de\"",
};
static const struct policy_form serial_form = {
	.regex = "^[0-9A-Fa-f]{16}$",
	.name = "serial number (16 hexadecimal digits)",
	.todo = "copy it from carve show DEVICE, in quotes and without dashes",
};

#define LEAF .many = true, .most = 64
const struct policy_option policy_match_options[] = {
	{ .key = "address",
	  .kind = OPTION_ADDRESS,
	  LEAF,
	  .fact = match_fact_address,
	  .test = match_same,
	  .help = "PCI address. Addresses may change; the device is pinned by its key at apply." },
	{ .key = "key",
	  .kind = OPTION_KEY,
	  LEAF,
	  .fact = match_fact_key,
	  .test = match_same,
	  .help = "Device key, the whole of it." },
	{ .key = "path",
	  .kind = OPTION_KEY,
	  LEAF,
	  .fact = match_fact_key,
	  .test = match_is_below,
	  .help = "Beginning of device keys: everything below one port or bridge." },
	{ .key = "id",
	  .kind = OPTION_ID,
	  LEAF,
	  .fact = match_fact_id,
	  .test = match_same_hex,
	  .help = "Vendor and device id, in quotes." },
	{ .key = "vendor",
	  .kind = OPTION_TEXT,
	  LEAF,
	  .quoted = true,
	  .form = &vendor_form,
	  .fact = match_fact_vendor,
	  .test = match_same_hex,
	  .help = "Vendor id, in quotes." },
	{ .key = "subsystem",
	  .kind = OPTION_ID,
	  LEAF,
	  .fact = match_fact_subsystem,
	  .test = match_same_hex,
	  .help = "Vendor and device id of the subsystem (who made the card), in quotes." },
	{ .key = "serial",
	  .kind = OPTION_TEXT,
	  LEAF,
	  .quoted = true,
	  .form = &serial_form,
	  .fact = match_fact_serial,
	  .test = match_same_hex,
	  .help = "Device serial number of PCIe, 16 hexadecimal digits in quotes." },
	{ .key = "class",
	  .kind = OPTION_WORD,
	  LEAF,
	  .words = class_words,
	  .fact = match_fact_class,
	  .test = match_same,
	  .help = "Kind of device, by PCI class." },
	{ .key = "driver",
	  .kind = OPTION_TEXT,
	  LEAF,
	  .fact = match_fact_driver,
	  .test = match_same,
	  .help = "Driver bound now." },
	{ .key = "netdev",
	  .kind = OPTION_TEXT,
	  LEAF,
	  .fact = match_fact_netdevs,
	  .test = match_has_word,
	  .help = "Network interface." },
	{ .key = "model",
	  .kind = OPTION_TEXT,
	  LEAF,
	  .fact = match_fact_model,
	  .test = match_has_part,
	  .help = "Part of the name in pci.ids, in upper or lower case." },
	{ .key = "numa",
	  .kind = OPTION_NUMBER,
	  LEAF,
	  .max = 1023,
	  .fact = match_fact_numa,
	  .test = match_same,
	  .help = "NUMA node." },
	{ .key = "boot-display",
	  .kind = OPTION_BOOL,
	  .fact = match_fact_boot_display,
	  .test = match_same,
	  .help = "Whether the firmware used it as the display." },
	{ .key = "mdev-parent",
	  .kind = OPTION_TEXT,
	  LEAF,
	  .fact = match_fact_mdev_parent,
	  .test = match_same,
	  .help = "Name in /sys/class/mdev_bus." },
	{ .key = "labels",
	  .kind = OPTION_NAME,
	  LEAF,
	  .fact = match_fact_labels,
	  .test = match_has_word,
	  .help = "Labels that root gave the device in /etc/carve/devices; one of them is enough." },
	{ .key = "not",
	  .kind = OPTION_MATCH,
	  .children = policy_match_options,
	  .help = "Holds when the keys below do not all hold." },
	{ .key = "any",
	  .kind = OPTION_MATCHES,
	  .children = policy_match_options,
	  .most = 64,
	  .help = "Holds when one of these holds." },
	{ .key = "all",
	  .kind = OPTION_MATCHES,
	  .children = policy_match_options,
	  .most = 64,
	  .help = "Holds when each of these holds." },
	{ .key = NULL },
};

static const struct policy_option selection_options[] = {
	{ .key = "match",
	  .kind = OPTION_MATCH,
	  OPTION_FIELD(policy_selection, match),
	  .required = true,
	  .children = policy_match_options,
	  .help = "Which devices. All keys must hold; of a list, any value." },
	{ .key = "expect",
	  OPTION_NUMBER_IN(policy_selection, expect, 0, 4096),
	  .help = "How many devices this must find; anything else is refused." },
	{ .key = NULL },
};

#define VLAN_OPTION                                                                                \
	{                                                                                          \
		.key = "vlan", .kind = OPTION_NUMBER, .max = 4094, .store = set_vlan,              \
		.help = "VLAN; 0: none."                                                           \
	}
#define COMMON_SETTINGS                                                                            \
	{ .key = "qos",                                                                            \
	  .kind = OPTION_NUMBER,                                                                   \
	  .max = 7,                                                                                \
	  .store = set_qos,                                                                        \
	  .help = "Priority of the VLAN tag." },                                                   \
		{ .key = "spoof-check",                                                            \
		  .kind = OPTION_BOOL,                                                             \
		  .store = set_spoofchk,                                                           \
		  .help = "Drop what is sent from another MAC address." },                         \
		{ .key = "trust",                                                                  \
		  .kind = OPTION_BOOL,                                                             \
		  .store = set_trust,                                                              \
		  .help = "Let the guest change its MAC address and listen to all." },             \
		{ .key = "link",                                                                   \
		  .kind = OPTION_WORD,                                                             \
		  .words = vf_link_names,                                                          \
		  .store = set_link,                                                               \
		  .help = "Link state of the VF." },                                               \
		{ .key = "min-rate",                                                               \
		  .kind = OPTION_NUMBER,                                                           \
		  .max = RATE_MAX,                                                                 \
		  .store = set_min_rate,                                                           \
		  .help = "Guaranteed rate in Mbit/s; 0: none." },                                 \
	{                                                                                          \
		.key = "max-rate", .kind = OPTION_NUMBER, .max = RATE_MAX, .store = set_max_rate,  \
		.help = "Highest rate in Mbit/s; 0: no limit."                                     \
	}

static const struct policy_option vf_options[] = {
	VLAN_OPTION,
	COMMON_SETTINGS,
	{ .key = NULL },
};

const struct policy_option policy_setting_options[] = {
	{ .key = "mac", .kind = OPTION_MAC, .store = set_mac, .help = "MAC address, in quotes." },
	VLAN_OPTION,
	COMMON_SETTINGS,
	{ .key = NULL },
};

/* Names that vendors and drivers give: 1g.10gb+me, L40S-4Q, SPX/NPS1, mtty-2. */
static const struct policy_form profile_form = {
	.regex = "^[A-Za-z0-9][A-Za-z0-9._+/-]{0,47}$",
	.name = "profile",
	.todo = "use these characters only: letters, digits, and . _ + / - after the first",
};
#define PROFILE .kind = OPTION_TEXT, .form = &profile_form

static const struct policy_form service_form = {
	.regex = SERVICE_REGEX,
	.name = "unit of systemd",
	.todo = "write the whole name of a service or socket, as in nvidia-persistenced.service",
};

static const struct policy_option divide_options[] = {
	{ .key = "use",
	  .required = true,
	  OPTION_NAME_IN(policy_divide, use),
	  .help = "Name of a selection under devices." },
	{ .key = "as",
	  .required = true,
	  OPTION_WORD_IN(policy_divide, mech, mech_words),
	  .words_later = mech_words_later,
	  .store = store_word_text,
	  .help = "Mechanism." },
	{ .key = "when",
	  .kind = OPTION_MATCH,
	  OPTION_FIELD(policy_divide, when),
	  .children = policy_match_options,
	  .help = "Only for those of the devices that match this; the first entry that is for a "
		  "device counts." },
	{ .key = "bind",
	  OPTION_WORD_IN(policy_divide, bind_early, bind_words),
	  .store = store_word_bool,
	  .help = "passthrough: bind to VFIO when a claim wants it, or at boot before other drivers." },
	{ .key = "companions",
	  OPTION_WORD_IN(policy_divide, companions, companions_words),
	  .store = store_word_bool,
	  .help = "passthrough: what becomes of the functions that share the slot or the IOMMU group of "
		  "the device and that nothing else names: they keep their drivers, or are bound to VFIO and "
		  "handed out with it." },
	{ .key = "count",
	  OPTION_NUMBER_IN(policy_divide, count, 1, 65535),
	  .help = "sriov: number of VFs of each device." },
	{ .key = "in-use-pf",
	  OPTION_WORD_IN(policy_divide, in_use_pf, in_use_words),
	  .store = store_word_bool,
	  .help = "sriov: whether VFs may be made on a PF that the host uses (its link flaps)." },
	{ .key = "vf",
	  .kind = OPTION_MAP,
	  .children = vf_options,
	  OPTION_FIELD(policy_divide, vf),
	  .help = "sriov: settings of each VF that no claim sets." },
	{ .key = "layout",
	  .kind = OPTION_COUNTS,
	  .form = &profile_form,
	  .min = 1,
	  .max = 1024,
	  .most = POLICY_TYPES,
	  .store = store_type_count,
	  .help = "So many of each profile on each device, made ahead." },
	{ .key = "fill",
	  PROFILE,
	  OPTION_FIELD(policy_divide, fill),
	  .help = "Profile that takes what the layout leaves of each device, made ahead." },
	{ .key = "on-demand",
	  PROFILE,
	  .many = true,
	  .most = POLICY_TYPES,
	  .store = store_on_demand,
	  .help = "Profiles that are made when a claim wants one." },
	{ .key = "keep-room-for",
	  .kind = OPTION_COUNTS,
	  .min = 1,
	  .max = 1024,
	  .most = POLICY_KEEPS,
	  .store = store_keep,
	  .help = "on-demand: classes, of each of which so many must still fit after another claim." },
	{ .key = "warm",
	  .kind = OPTION_COUNTS,
	  .form = &profile_form,
	  .min = 1,
	  .max = 1024,
	  .most = POLICY_TYPES,
	  .store = store_warm,
	  .help = "on-demand: so many free ones of each profile are made ahead, over all devices of the "
		  "entry." },
	{ .key = "share",
	  .kind = OPTION_COUNTS,
	  .form = &profile_form,
	  .min = 2,
	  .max = 48,
	  .most = POLICY_TYPES,
	  .store = store_share,
	  .help = "mig: profiles of which so many claims have one slice at once." },
	{ .key = "share-by",
	  OPTION_WORD_IN(policy_divide, share_by, share_by_words),
	  .help = "mig: who shares a slice has it in turn, or at the same time by an MPS server." },
	{ .key = "sizes",
	  OPTION_WORD_IN(policy_divide, mixed, sizes_words),
	  .store = store_word_bool,
	  .help = "vgpu: whether all vGPUs of a device have as much memory as each other, or each what "
		  "its profile says." },
	{ .key = "scheduler",
	  .kind = OPTION_WORD,
	  .words = vgpu_scheduler_names,
	  .store = store_scheduler,
	  .help = "vgpu: how the vGPUs of a device take turns; left as it is when this is not said." },
	{ .key = "expect",
	  OPTION_NUMBER_IN(policy_divide, expect, 0, 65535),
	  .help = "How many slices this must yield in all; anything else is refused." },
	{ .key = "one-tenant-per-device",
	  OPTION_BOOL_IN(policy_divide, one_tenant),
	  .help = "Whether all slices of a device that are held at a time are one tenant's (or, without "
		  "tenants, one user's)." },
	{ .key = "after-use",
	  .kind = OPTION_WORD,
	  .words = after_use_words,
	  .store = store_after_use,
	  .help = "passthrough, sriov: what a slice that was used needs before others get it: the proof "
		  "that it is clean, nothing (it stays with its tenant), or an administrator." },
	{ .key = "services",
	  .kind = OPTION_TEXT,
	  .form = &service_form,
	  .many = true,
	  .most = POLICY_SERVICES,
	  .store = store_service,
	  .help = "all but mdev: systemd units that are stopped before a device is changed or taken "
		  "from its driver, and started again." },
	{ .key = NULL },
};

static const struct policy_option may_set_options[] = {
	{ .key = "mac", OPTION_BOOL_IN(policy_class, may_mac), .help = "MAC address." },
	{ .key = "vlan",
	  .kind = OPTION_VLANS,
	  .store = store_may_vlan,
	  .help = "Any VLAN (true), one, or a range such as 100-199." },
	{ .key = "spoof-check",
	  OPTION_BOOL_IN(policy_class, may_spoofchk),
	  .help = "Spoof check." },
	{ .key = "trust", OPTION_BOOL_IN(policy_class, may_trust), .help = "Trust." },
	{ .key = "link", OPTION_BOOL_IN(policy_class, may_link), .help = "Link state." },
	{ .key = "rate",
	  .kind = OPTION_RATE,
	  .min = 1,
	  .max = RATE_MAX,
	  .store = store_may_rate,
	  .help = "Any rate (true), or at most so many Mbit/s." },
	{ .key = NULL },
};

static const struct policy_option class_options[] = {
	{ .key = "from",
	  .kind = OPTION_NAME,
	  .many = true,
	  .most = POLICY_FROM,
	  .store = store_from,
	  .help = "Selections that are divided: where its slices come from." },
	{ .key = "parts",
	  .kind = OPTION_COUNTS,
	  .min = 1,
	  .max = POLICY_WHOLE,
	  .most = POLICY_PARTS,
	  .store = store_part,
	  .help = "Instead of from: a claim holds so many slices of each of these classes, all or none." },
	{ .key = "near",
	  OPTION_WORD_IN(policy_class, near, near_words),
	  .help = "parts: whether all must be anywhere, on one NUMA node, or below one root port." },
	{ .key = "profiles",
	  PROFILE,
	  .many = true,
	  .most = POLICY_TYPES,
	  .store = store_profile,
	  .help = "Kinds of slices, the preferred first; without it whatever the selections yield." },
	{ .key = "memory",
	  .kind = OPTION_SIZE,
	  OPTION_FIELD(policy_class, memory),
	  .help = "Least memory of a slice, as in 8GiB; the smallest profile that has it is taken." },
	{ .key = "compute",
	  OPTION_NUMBER_IN(policy_class, compute, 1, 1024),
	  .help = "Least number of compute units of a slice, as the vendor counts them." },
	{ .key = "engines",
	  .kind = OPTION_COUNTS,
	  .min = 1,
	  .max = 1024,
	  .most = POLICY_ENGINES,
	  .store = store_engine,
	  .help = "Least number of engines of a slice, by the names that carve map shows." },
	{ .key = "may-set",
	  .kind = OPTION_MAP,
	  .children = may_set_options,
	  .help = "What a claim may set on its slice." },
	{ .key = "place",
	  OPTION_WORD_IN(policy_class, place, place_words),
	  .help = "Which device a claim goes to: where it harms later claims least, the fullest, or "
		  "the emptiest." },
	{ .key = "movable",
	  OPTION_BOOL_IN(policy_class, movable),
	  .help = "Whether carve defrag may propose to move its claims." },
	{ .key = "preemptible",
	  OPTION_BOOL_IN(policy_class, preemptible),
	  .help = "Whether a claim may offer its slice to tenants of higher priority." },
	{ .key = "orphan-grace",
	  OPTION_DURATION_IN(policy_class, orphan_grace, 1, ORPHAN_GRACE_MAX),
	  .help = "How long a running claim whose consumer is gone waits for it to come back." },
	{ .key = "priority", .kind = OPTION_LATER },
	{ .key = "share", .kind = OPTION_LATER },
	{ .key = NULL },
};

static const struct policy_option reservation_options[] = {
	{ .key = "name",
	  .required = true,
	  OPTION_NAME_IN(policy_reservation, name),
	  .help = "Name of the claim." },
	{ .key = "class",
	  .required = true,
	  OPTION_NAME_IN(policy_reservation, class),
	  .help = "Class it is of." },
	{ .key = "for",
	  .required = true,
	  OPTION_TEXT_IN(policy_reservation, owner),
	  .help = "Owner, as in \"libvirt:web01\"." },
	{ .key = "tenant",
	  OPTION_NAME_IN(policy_reservation, tenant),
	  .help = "Tenant whose quota it counts for." },
	{ .key = "set",
	  .kind = OPTION_MAP,
	  .children = policy_setting_options,
	  OPTION_FIELD(policy_reservation, set),
	  .help = "Settings of its slice, within what the class allows." },
	{ .key = NULL },
};

static const struct policy_form member_form = {
	.regex = "^((user|group):[A-Za-z0-9_][A-Za-z0-9._@-]{0,47}|(uid|gid):(0|[1-9][0-9]{0,9}))$",
	.name = "account",
	.todo = "write user:NAME, group:NAME, uid:NUMBER or gid:NUMBER",
};

static const struct policy_option lease_options[] = {
	{ .key = "max",
	  OPTION_DURATION_IN(policy_tenant, lease_max, 1, LEASE_MAX),
	  .help = "A claim ends so long after it was granted." },
	{ .key = "idle",
	  OPTION_DURATION_IN(policy_tenant, lease_idle, LEASE_IDLE_MIN, LEASE_MAX),
	  .help = "A claim ends when nobody has had its slice open for so long." },
	{ .key = NULL },
};

static const struct policy_option resource_options[] = {
	{ .key = "memory",
	  .kind = OPTION_SIZE,
	  .store = store_resource,
	  .help = "Memory of all its slices together, as in 80GiB." },
	{ .key = "compute",
	  .kind = OPTION_NUMBER,
	  .max = 65535,
	  .store = store_resource,
	  .help = "Compute units of all its slices together, as the vendor counts them." },
	{ .key = "vfs",
	  .kind = OPTION_NUMBER,
	  .max = 65535,
	  .store = store_resource,
	  .help = "Virtual functions, of whatever class." },
	{ .key = "engines",
	  .kind = OPTION_COUNTS,
	  .max = 65535,
	  .most = POLICY_ENGINES,
	  .store = store_resource,
	  .help = "Engines of all its slices together, by the names that carve map shows." },
	{ .key = NULL },
};

static const struct policy_option tenant_options[] = {
	{ .key = "from",
	  .kind = OPTION_TEXT,
	  .form = &member_form,
	  .many = true,
	  .most = 256,
	  .max = 64,
	  .store = store_member,
	  .help = "Accounts that belong to it: user:NAME, group:NAME, uid:NUMBER, gid:NUMBER." },
	{ .key = "quota",
	  .kind = OPTION_COUNTS,
	  .max = 65535,
	  .most = 256,
	  .store = store_quota,
	  .help = "How many slices of each class it may have." },
	{ .key = "resources",
	  .kind = OPTION_MAP,
	  .children = resource_options,
	  .help = "How much its slices may take together of what devices have." },
	{ .key = "slices",
	  OPTION_NUMBER_IN(policy_tenant, slices, 0, 65535),
	  .help = "How many slices it may have in all." },
	{ .key = "priority",
	  OPTION_NUMBER_IN(policy_tenant, priority, 0, 1000),
	  .help = "Those of a higher priority are served first when claims wait (0)." },
	{ .key = "lease",
	  .kind = OPTION_MAP,
	  .children = lease_options,
	  .help = "How long its claims last." },
	{ .key = NULL },
};

const struct policy_option policy_options[] = {
	{ .key = "version",
	  .kind = OPTION_NUMBER,
	  .required = true,
	  .min = 1,
	  .max = 1,
	  .help = "Version of the language: 1." },
	{ .key = "devices",
	  OPTION_NAMED_IN(policy, selections, name),
	  .children = selection_options,
	  .most = 256,
	  .init = init_selection,
	  .help = "Names for devices. A device belongs to the first one that matches it." },
	{ .key = "divide",
	  OPTION_LIST_IN(policy, divides),
	  .children = divide_options,
	  .most = 256,
	  .init = init_divide,
	  .help = "What the devices become." },
	{ .key = "classes",
	  OPTION_NAMED_IN(policy, classes, name),
	  .children = class_options,
	  .most = 256,
	  .help = "What people ask for." },
	{ .key = "reservations",
	  OPTION_LIST_IN(policy, reservations),
	  .children = reservation_options,
	  .most = 1024,
	  .help = "Claims that stay while nobody uses them." },
	{ .key = "tenants",
	  OPTION_NAMED_IN(policy, tenants, name),
	  .children = tenant_options,
	  .most = 256,
	  .init = init_tenant,
	  .help = "On whose account claims are made. An account belongs to the first that names it." },
	{ .key = "drift",
	  OPTION_WORD_IN(policy, drift, drift_words),
	  .help = "What to do about changes by others: tell, undo, or take them as they are." },
	{ .key = "on-remove",
	  OPTION_WORD_IN(policy, on_remove, on_remove_words),
	  .help = "What becomes of free slices that the policy no longer wants." },
	{ .key = "on-change",
	  OPTION_WORD_IN(policy, on_change, on_change_words),
	  .help = "What becomes of changes to the file below /etc/carve that was applied." },
	{ .key = "hooks", .kind = OPTION_LATER },
	{ .key = "unsafe",
	  .kind = OPTION_WORD,
	  .words = unsafe_words,
	  .many = true,
	  .most = RISK_COUNT,
	  .store = store_unsafe,
	  .help = "Risks that are taken, by name. acs-override: functions are handed out although the kernel "
		  "was told to take them for isolated. nvswitch: so are single GPUs that NVSwitches join with others." },
	{ .key = NULL },
};

const struct policy_language policy_language = {
	.name = "policy",
	.title = "carve policy, version 1",
	.text_max = 1024 * 1024,
	.options = policy_options,
};

const struct policy_option *policy_option_find(const struct policy_option *table, const char *key)
{
	for (; table->key; table++)
		if (str_eq(table->key, key))
			return table;
	return NULL;
}
