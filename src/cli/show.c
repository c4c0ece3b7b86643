/* SPDX-License-Identifier: GPL-2.0-or-later */
/* carve show: everything that is known of one device, slice or claim. */
#include <errno.h>
#include <time.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "cli/cli.h"
#include "cli/print.h"
#include "cli/table.h"

/* One member of an object: its label, and its name in the interface. */
struct member {
	const char *label, *key;
};

static void print_members(const struct member *m, size_t n, const json_t *o)
{
	for (size_t i = 0; i < n; i++)
		label_print_member(m[i].label, o, m[i].key);
}
#define PRINT_MEMBERS(members, o) print_members(members, sizeof(members) / sizeof(members[0]), o)

static void print_types(const json_t *device)
{
	size_t i;
	json_t *t;
	json_array_foreach(json_object_get(device, "mdev_types"), i, t) {
		const json_t *available = json_object_get(t, "available");
		const char *id = print_text(t, "id"), *name = print_text(t, "name");
		if (available)
			label_printf(i ? "" : "Types:", "%s (%s), %" JSON_INTEGER_FORMAT " free",
				     id, name, json_integer_value(available));
		else
			label_printf(i ? "" : "Types:", "%s (%s)", id, name);
	}
}

static void print_mig(const json_t *gpu)
{
	const char *pending = json_string_value(json_object_get(gpu, "mig_pending"));
	if (pending)
		label_printf("MIG:", "%s; %s after a reset of the GPU", print_text(gpu, "mig"),
			     pending);
	else
		label_print_member("MIG:", gpu, "mig");
}

/* "5: 3g.20gb at 4, MIG-...": where it begins, of memory slices. */
static void print_instances(const json_t *gpu)
{
	size_t i;
	json_t *p;
	json_array_foreach(json_object_get(gpu, "instances"), i, p) {
		const char *profile = json_string_value(json_object_get(p, "profile"));
		const char *uuid = json_string_value(json_object_get(p, "uuid"));
		label_printf(i ? "" : "GPU instances:",
			     "%" JSON_INTEGER_FORMAT ": %s at %" JSON_INTEGER_FORMAT ", %s",
			     json_integer_value(json_object_get(p, "id")),
			     profile ? profile : "unknown",
			     json_integer_value(json_object_get(p, "start")),
			     uuid ? uuid : "no compute instance");
	}
}

static void print_gpu(const json_t *gpu)
{
	static const struct member members[] = { { "GPU:", "name" },
						 { "GPU driver:", "driver_version" },
						 { "GPU UUID:", "uuid" } };
	static const struct member vgpus[] = { { "vGPU sizes:", "vgpu_sizes" },
					       { "vGPU scheduler:", "vgpu_scheduler" } };
	const char *why = json_string_value(json_object_get(gpu, "why"));
	if (why)
		label_printf("GPU:", "not seen by NVIDIA's library: %s", why);
	PRINT_MEMBERS(members, gpu);
	print_mig(gpu);
	PRINT_MEMBERS(vgpus, gpu);
	print_instances(gpu);
}

static void print_ids(const json_t *d)
{
	const char *vendor = json_string_value(json_object_get(d, "vendor"));
	if (vendor)
		label_printf("Ids:", "%s:%s", vendor, print_text(d, "device"));
	const json_t *max = json_object_get(d, "vfs_max");
	if (max)
		label_printf("VFs:", "%" JSON_INTEGER_FORMAT " of %" JSON_INTEGER_FORMAT,
			     json_integer_value(json_object_get(d, "vfs")),
			     json_integer_value(max));
}

static void print_device(const json_t *d)
{
	static const struct member first[] = { { "Device:", "address" },
					       { "Name:", "name" },
					       { "Key:", "key" } };
	static const struct member rest[] = {
		{ "Subsystem:", "subsystem" },
		{ "Class:", "class" },
		{ "Serial:", "serial" },
		{ "Driver:", "driver" },
		{ "Could use:", "candidate_drivers" },
		{ "Boot display:", "boot_display" },
		{ "NUMA node:", "numa" },
		{ "IOMMU group:", "iommu_group" },
		{ "Group type:", "iommu_group_type" },
		{ "Group members:", "iommu_group_members" },
		{ "Below:", "parent" },
		{ "VF of:", "pf" },
		{ "VF index:", "vf" },
		{ "Link:", "link" },
		{ "Link at most:", "link_max" },
		{ "Resets:", "reset_methods" },
		{ "Capabilities:", "capabilities" },
		{ "Mechanisms:", "mechanisms" },
		{ "Enrolled:", "enrolled" },
		{ "Labels:", "labels" },
		{ "Mismatch:", "mismatch" },
		{ "Selection:", "selection" },
		{ "Divided by:", "divided_by" },
		{ "Goes with:", "companion_of" },
		{ "Stuck:", "stuck" },
		{ "Drained:", "drained" },
		{ "Drained for:", "drained_reason" },
	};
	PRINT_MEMBERS(first, d);
	print_ids(d);
	PRINT_MEMBERS(rest, d);
	print_types(d);
	print_gpu(json_object_get(d, "gpu"));
}

static void print_slice(const json_t *s)
{
	static const struct member members[] = {
		{ "Slice:", "name" },
		{ "Device:", "device" },
		{ "Address:", "address" },
		{ "UUID:", "uuid" },
		{ "Mechanism:", "mechanism" },
		{ "Profile:", "profile" },
		{ "VF index:", "vf" },
		{ "State:", "state" },
		{ "Adopted:", "adopted" },
		{ "Reason:", "reason" },
		{ "Claim:", "claim" },
		{ "Driver:", "driver" },
		{ "IOMMU group:", "iommu_group" },
		{ "NUMA node:", "numa" },
	};
	PRINT_MEMBERS(members, s);
	print_settings(json_object_get(s, "settings"));
}

/* "train/1 (gpu): 0000:18:00.0"; its state where that is another one. */
static void print_parts(const json_t *claim)
{
	size_t i;
	json_t *p;
	json_array_foreach(json_object_get(claim, "parts"), i, p) {
		const char *state = print_text(p, "state");
		bool other = !str_eq(state, print_text(claim, "state"));
		label_printf(i ? "" : "Parts:", "%s (%s%s%s): %s", print_text(p, "name"),
			     print_text(p, "class"), other ? ", " : "", other ? state : "",
			     print_text(p, json_object_get(p, "address") ? "address" : "slice"));
	}
}

static void print_claim(const json_t *k)
{
	static const struct member members[] = {
		{ "Claim:", "name" },
		{ "Class:", "class" },
		{ "Kind:", "kind" },
		{ "State:", "state" },
		{ "Reason:", "reason" },
		{ "Owner:", "owner" },
		{ "Account:", "uid" },
		{ "Tenant:", "tenant" },
		{ "May give way:", "preemptible" },
		{ "Part of:", "part_of" },
		{ "Ended:", "ended" },
		{ "Slice:", "slice" },
		{ "Device:", "device" },
		{ "Address:", "address" },
	};
	PRINT_MEMBERS(members, k);
	print_parts(k);
	char when[32];
	print_time(json_integer_value(json_object_get(k, "created")), when, sizeof(when));
	label_print("Since:", when);
	print_time(json_integer_value(json_object_get(k, "lease_end")), when, sizeof(when));
	label_print("Lease ends:", when);
	print_time(json_integer_value(json_object_get(k, "idle_end")), when, sizeof(when));
	label_print("Ends unused:", when);
	print_time(json_integer_value(json_object_get(k, "orphan_end")), when, sizeof(when));
	label_print("Waits until:", when);
	print_settings(json_object_get(k, "settings"));
	size_t i;
	json_t *h;
	json_array_foreach(json_object_get(k, "holders"), i, h) {
		_cleanup_free_ char *line = print_holder(h);
		label_print(i ? "" : "Used by:", line);
	}
}

static bool same(const json_t *o, const char *key, const char *name)
{
	const char *text = json_string_value(json_object_get(o, key));
	return text && str_eq(text, name);
}

static bool slice_is(const json_t *s, const char *name)
{
	return same(s, "name", name) || same(s, "uuid", name) || same(s, "address", name);
}

static bool any_is(const json_t *o, const char *name)
{
	(void)o;
	(void)name;
	return true;
}

/* What a name may be, in the order in which it is looked for. */
static const struct kind {
	const char *method, *param, *list;
	bool (*is)(const json_t *o, const char *name);
	void (*print)(const json_t *o);
} kinds[] = {
	{ "ListClaims", "claim", "claims", any_is, print_claim },
	{ "ListDevices", "device", "devices", any_is, print_device },
	{ "ListSlices", NULL, "slices", slice_is, print_slice },
};

static const struct kind *const slices = &kinds[2];

/* The entry of that kind by that name (new reference), NULL: none. Negative: carved did not answer. */
static int look_up(struct cli *c, const struct kind *k, const char *name, json_t **ret)
{
	json_t *reply = NULL, *params = k->param ? json_pack("{s:s}", k->param, name) : NULL;
	if (cli_call(c, k->method, params, &reply) < 0) {
		bool silent = cli_exit_code(&c->err) == EXIT_UNREACHABLE ||
			      cli_exit_code(&c->err) == EXIT_REFUSED;
		if (silent)
			return -EIO;
		/* Not known as this kind; it may be of another. */
		err_done(&c->err);
		return 0;
	}
	size_t i;
	json_t *o;
	json_array_foreach(json_object_get(reply, k->list), i, o) {
		if (*ret || !k->is(o, name))
			continue;
		*ret = json_incref(o);
	}
	json_decref(reply);
	return 0;
}

static int show(struct cli *c, const struct kind *k, json_t *found_take)
{
	int code = EXIT_OK;
	if (c->json) {
		json_t *list = json_pack("{s:[O]}", k->list, found_take);
		code = cli_print_json(list);
		json_decref(list);
	} else {
		k->print(found_take);
	}
	json_decref(found_take);
	return code;
}

int cli_show(struct cli *c)
{
	const char *name = c->operands[0];
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		json_t *found = NULL;
		if (look_up(c, &kinds[i], name, &found) < 0)
			return cli_exit_code(&c->err);
		/* Of a VF people want to know what carve made of it. */
		json_t *slice = NULL;
		if (found && json_object_get(found, "pf") && look_up(c, slices, name, &slice) < 0) {
			json_decref(found);
			return cli_exit_code(&c->err);
		}
		if (slice) {
			json_decref(found);
			return show(c, slices, slice);
		}
		if (found)
			return show(c, &kinds[i], found);
	}
	err_set(&c->err, "cli.unknown-name", ENOENT, "there is no device, slice or claim %s", name);
	err_because(&c->err, "carved knows nothing by that name");
	err_todo(&c->err, "carve list --all, carve list slices, carve list claims");
	return cli_exit_code(&c->err);
}
