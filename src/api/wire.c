/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Slices, claims, handles, holders, steps on the wire. Devices: wire-device.c. See wire.h. */
#include "api/wire.h"

#include <errno.h>

#include "base/num.h"
#include "base/str.h"

void wire_add(json_t *object, const char *name, json_t *value_take)
{
	if (!value_take)
		return;
	if (!object || (json_is_array(value_take) && json_array_size(value_take) == 0)) {
		json_decref(value_take);
		return;
	}
	json_object_set_new(object, name, value_take);
}

void wire_add_string(json_t *object, const char *name, const char *value)
{
	if (value && *value)
		wire_add(object, name, json_string(value));
}

void wire_add_int(json_t *object, const char *name, json_int_t value)
{
	wire_add(object, name, json_integer(value));
}

void wire_add_bool(json_t *object, const char *name, bool value)
{
	wire_add(object, name, json_boolean(value));
}

json_t *wire_words(const char *words)
{
	json_t *array = json_array();
	while (words && *words) {
		size_t n = strcspn(words, " ");
		if (n > 0)
			json_array_append_new(array, json_stringn(words, n));
		words += n + (words[n] == ' ');
	}
	return array;
}

static void add_mac(json_t *object, const uint8_t mac[MAC_SIZE])
{
	char text[MAC_TEXT_SIZE];
	mac_format(mac, text);
	wire_add_string(object, "mac", text);
}

json_t *wire_settings(const struct vf_settings *s)
{
	json_t *o = json_object();
	if (s->set & VF_SET_MAC)
		add_mac(o, s->mac);
	if (s->set & VF_SET_VLAN)
		wire_add_int(o, "vlan", s->vlan);
	if (s->set & VF_SET_VLAN || s->qos)
		wire_add_int(o, "qos", s->qos);
	if (s->set & VF_SET_SPOOFCHK)
		wire_add_bool(o, "spoof_check", s->spoofchk);
	if (s->set & VF_SET_TRUST)
		wire_add_bool(o, "trust", s->trust);
	if (s->set & VF_SET_LINK)
		wire_add_string(o, "link",
				vf_link_name(s->link <= VF_LINK_DISABLE ? s->link : VF_LINK_AUTO));
	if (s->set & VF_SET_RATE) {
		wire_add_int(o, "min_rate", s->min_rate);
		wire_add_int(o, "max_rate", s->max_rate);
	}
	return o;
}

static int settings_refuse(struct err *reterr, const char *name, const char *form)
{
	err_set(reterr, "api.settings", EINVAL, "cannot use the settings of the request");
	err_because(reterr, "%s must be %s", name, form);
	err_state(reterr, "nothing was changed");
	return -EINVAL;
}

/* 0: absent, 1: there, in range. */
static int number_get(const json_t *json, const char *name, json_int_t max, const char *form,
		      uint32_t *ret, struct err *reterr)
{
	const json_t *value = json_object_get(json, name);
	if (!value || json_is_null(value))
		return 0;
	json_int_t number = json_integer_value(value);
	if (!json_is_integer(value) || number < 0 || number > max)
		return settings_refuse(reterr, name, form);
	*ret = (uint32_t)number;
	return 1;
}

static int flag_get(const json_t *json, const char *name, uint32_t bit, uint8_t *ret, uint32_t *set,
		    struct err *reterr)
{
	const json_t *value = json_object_get(json, name);
	if (!value || json_is_null(value))
		return 0;
	if (!json_is_boolean(value))
		return settings_refuse(reterr, name, "true or false");
	*ret = json_is_true(value);
	*set |= bit;
	return 1;
}

static int mac_get(const json_t *json, struct vf_settings *s, struct err *reterr)
{
	const json_t *value = json_object_get(json, "mac");
	if (!value || json_is_null(value))
		return 0;
	if (!json_is_string(value) || mac_parse(json_string_value(value), s->mac) < 0 ||
	    !mac_is_unicast(s->mac))
		return settings_refuse(reterr, "mac",
				       "a unicast address such as 52:54:00:aa:00:01");
	s->set |= VF_SET_MAC;
	return 1;
}

static int vlan_get(const json_t *json, struct vf_settings *s, struct err *reterr)
{
	uint32_t vlan = 0, qos = 0;
	int r = number_get(json, "vlan", 4094, "0 (none) to 4094", &vlan, reterr);
	int q = r < 0 ? r : number_get(json, "qos", 7, "0 to 7", &qos, reterr);
	if (q < 0)
		return q;
	if (q > 0 && r == 0)
		return settings_refuse(reterr, "qos", "given with a vlan");
	s->vlan = (uint16_t)vlan;
	s->qos = (uint8_t)qos;
	if (r > 0)
		s->set |= VF_SET_VLAN;
	return r;
}

static int link_get(const json_t *json, struct vf_settings *s, struct err *reterr)
{
	const json_t *value = json_object_get(json, "link");
	if (!value || json_is_null(value))
		return 0;
	const char *text = json_string_value(value);
	for (uint8_t i = VF_LINK_AUTO; text && i <= VF_LINK_DISABLE; i++) {
		if (!str_eq(text, vf_link_name(i)))
			continue;
		s->link = i;
		s->set |= VF_SET_LINK;
		return 1;
	}
	return settings_refuse(reterr, "link", "auto, enable or disable");
}

static int rate_get(const json_t *json, struct vf_settings *s, struct err *reterr)
{
	int r = number_get(json, "min_rate", UINT32_MAX, "a rate in Mbit/s", &s->min_rate, reterr);
	int q = r < 0 ? r
		      : number_get(json, "max_rate", UINT32_MAX, "a rate in Mbit/s", &s->max_rate,
				   reterr);
	if (q < 0)
		return q;
	if (s->max_rate && s->min_rate > s->max_rate)
		return settings_refuse(reterr, "min_rate", "at most max_rate");
	if (r > 0 || q > 0)
		s->set |= VF_SET_RATE;
	return 0;
}

int wire_settings_parse(const json_t *json, struct vf_settings *ret, struct err *reterr)
{
	struct vf_settings s = { 0 };
	int r = mac_get(json, &s, reterr);
	if (r >= 0)
		r = vlan_get(json, &s, reterr);
	if (r >= 0)
		r = flag_get(json, "spoof_check", VF_SET_SPOOFCHK, &s.spoofchk, &s.set, reterr);
	if (r >= 0)
		r = flag_get(json, "trust", VF_SET_TRUST, &s.trust, &s.set, reterr);
	if (r >= 0)
		r = link_get(json, &s, reterr);
	if (r >= 0)
		r = rate_get(json, &s, reterr);
	if (r < 0)
		return r;
	*ret = s;
	return 0;
}

/* The function that a slice is, or the VF that it is an mdev of, on this machine now; NULL for another mdev or
 * when it is not there. */
static const struct function *slice_function(const struct slice *s, const struct have *h)
{
	if (s->uuid[0] && s->index < 0)
		return NULL;
	const struct function *device = have_device(h, s->device);
	if (!device || s->index < 0)
		return device;
	return have_vf(h, device->addr, s->index);
}

static json_t *slice_base(const char *name, const char *device, const char *mech,
			  const char *profile, const char *state)
{
	return json_pack("{s:s, s:s, s:s, s:s, s:s}", "name", name, "device", device, "mechanism",
			 mech, "profile", profile, "state", state);
}

static void add_place(json_t *o, const struct function *f)
{
	if (!f)
		return;
	wire_add_string(o, "address", f->addr);
	wire_add_string(o, "driver", f->driver);
	if (f->iommu_group >= 0)
		wire_add_int(o, "iommu_group", f->iommu_group);
	if (f->numa_node >= 0)
		wire_add_int(o, "numa", f->numa_node);
}

static void add_vf_settings(json_t *o, const struct slice *s, const struct have *h)
{
	const struct vf_info *info = s->index >= 0 ? have_vf_info(h, s->device, s->index) : NULL;
	if (info && info->settings.set)
		wire_add(o, "settings", wire_settings(&info->settings));
}

json_t *wire_slice(const struct slice *s, const struct have *h)
{
	char name[DEVICE_KEY_SIZE + NAME_SIZE];
	if (slice_name(s, name, sizeof(name)) < 0)
		name[0] = '\0';
	json_t *o = slice_base(name, s->device, s->mech, s->profile,
			       slice_state_name((enum slice_state)s->state));
	if (s->index >= 0)
		wire_add_int(o, "vf", s->index);
	wire_add_string(o, "uuid", s->uuid);
	wire_add_string(o, "claim", s->claim);
	if (s->adopted)
		wire_add_bool(o, "adopted", true);
	if (s->warm)
		wire_add_bool(o, "warm", true);
	wire_add_string(o, "reason", s->reason);
	add_place(o, slice_function(s, h));
	const struct mdev *m = s->uuid[0] ? have_mdev(h, s->uuid) : NULL;
	if (m && m->iommu_group >= 0)
		wire_add_int(o, "iommu_group", m->iommu_group);
	if (m && !str_eq(m->type, s->profile))
		wire_add_string(o, "mdev_type", m->type);
	const struct gpu_part *p = slice_is_part(s) && str_eq(s->mech, "mig")
					   ? have_gpu_part(h, s->device, s->start)
					   : NULL;
	if (slice_is_part(s))
		wire_add_int(o, "start", s->start);
	wire_add_string(o, "uuid", p ? p->uuid : NULL);
	add_vf_settings(o, s, h);
	return o;
}

static const char *type_name(const struct vgpu_vf *v, uint32_t id, const struct have *h)
{
	const struct vgpu_type *t = have_vgpu_type_id(h, v->key, id);
	return t ? t->name : "unknown";
}

json_t *wire_foreign_vf(const struct function *vf, const struct have *h)
{
	const struct function *pf = have_function(h, vf->pf);
	const struct vgpu_vf *v = pf ? have_vgpu_vf(h, pf->key, vf->vf_index) : NULL;
	const char *mech = v && v->type ? "vgpu" : "sriov";
	char name[DEVICE_KEY_SIZE + NAME_SIZE];
	if (STR_FORMAT(name, "%s/%s/vf%d", mech, pf ? pf->key : vf->pf, vf->vf_index) < 0)
		return NULL;
	json_t *o = slice_base(name, pf ? pf->key : vf->pf, mech,
			       v && v->type ? type_name(v, v->type, h) : "vf", "foreign");
	if (vf->vf_index >= 0)
		wire_add_int(o, "vf", vf->vf_index);
	add_place(o, vf);
	return o;
}

/* A vGPU on a VF is listed as that. */
static json_t *foreign_vgpu(const struct mdev *m, const struct vgpu_vf *v, const struct have *h)
{
	struct slice s = { .index = v->index, .alone = 1, .state = SLICE_READY };
	(void)STR_COPY(s.device, v->key);
	(void)STR_COPY(s.mech, "vgpu");
	(void)STR_COPY(s.uuid, m->uuid);
	(void)STR_COPY(s.profile, type_name(v, mdev_vgpu_id(m), h));
	json_t *o = wire_slice(&s, h);
	wire_add_string(o, "state", "foreign");
	return o;
}

json_t *wire_foreign_mdev(const struct mdev *m, const struct have *h)
{
	char name[DEVICE_KEY_SIZE + NAME_SIZE];
	const struct vgpu_vf *v = have_mdev_vgpu_vf(h, m);
	if (v)
		return foreign_vgpu(m, v, h);
	if (STR_FORMAT(name, "mdev/%s/%s", m->parent, m->uuid) < 0)
		return NULL;
	json_t *o = slice_base(name, m->parent, "mdev", m->type, "foreign");
	wire_add_string(o, "uuid", m->uuid);
	if (m->iommu_group >= 0)
		wire_add_int(o, "iommu_group", m->iommu_group);
	return o;
}

json_t *wire_possible(const char *device, const char *mech, const char *profile, uint32_t available)
{
	char name[DEVICE_KEY_SIZE + NAME_SIZE + 16], reason[64];
	if (STR_FORMAT(name, "%s/%s/%s", mech, device, profile) < 0 ||
	    STR_FORMAT(reason, "%u more can be made", available) < 0)
		return NULL;
	json_t *o = slice_base(name, device, mech, profile, "possible");
	wire_add_string(o, "reason", reason);
	return o;
}

static void add_lease(json_t *o, const struct claim *c)
{
	int64_t ends = lease_ends(&c->lease), idle = lease_idle_ends(&c->lease);
	if (ends)
		wire_add_int(o, "lease_end", ends);
	if (idle)
		wire_add_int(o, "idle_end", idle);
}

static void add_slice(json_t *o, const struct slice *s, const struct have *h)
{
	char name[DEVICE_KEY_SIZE + NAME_SIZE];
	if (slice_name(s, name, sizeof(name)) == 0)
		wire_add_string(o, "slice", name);
	wire_add_string(o, "device", s->device);
	const struct function *f = slice_function(s, h);
	wire_add_string(o, "address", f ? f->addr : NULL);
}

json_t *wire_claim(const struct claim *c, const struct slice *s, const struct have *h)
{
	json_t *o = json_pack("{s:s, s:s, s:s, s:s, s:s, s:I, s:I}", "name", c->name, "class",
			      c->class, "kind", c->kind == CLAIM_RESERVED ? "reserved" : "running",
			      "state",
			      claim_is_waiting(c)    ? "waiting"
			      : claim_is_orphaned(c) ? "orphaned"
						     : claim_state_name((enum claim_state)c->state),
			      "owner", c->owner, "uid", (json_int_t)c->uid, "created",
			      (json_int_t)c->created);
	if (c->set.set)
		wire_add(o, "settings", wire_settings(&c->set));
	wire_add_string(o, "tenant", c->tenant);
	if (c->preemptible)
		wire_add_bool(o, "preemptible", true);
	add_lease(o, c);
	wire_add_string(o, "part_of", c->whole);
	if (claim_is_orphaned(c))
		wire_add_int(o, "orphan_end", c->orphan_end);
	wire_add_string(o, "ended", c->ended);
	wire_add_string(o, "reason", c->reason);
	if (s)
		add_slice(o, s, h);
	return o;
}

json_t *wire_part(const struct claim *c, const struct slice *s, const struct have *h)
{
	json_t *o = json_pack("{s:s, s:s, s:s}", "name", c->name, "class", c->class, "state",
			      claim_state_name((enum claim_state)c->state));
	wire_add_string(o, "reason", c->reason);
	if (s)
		add_slice(o, s, h);
	return o;
}

static json_t *handle_base(const struct claim *c, const struct slice *s, const char *bus,
			   const char *id)
{
	char path[SYS_PATH_SIZE];
	if (STR_FORMAT(path, "/sys/bus/%s/devices/%s", bus, id) < 0)
		return NULL;
	json_t *o =
		json_pack("{s:s, s:s, s:s}", "claim", c->name, "mechanism", s->mech, "sysfs", path);
	wire_add_string(o, "class", c->whole[0] ? c->class : NULL);
	return o;
}

static void add_vfio(json_t *o, int group, const char *cdev)
{
	char node[64];
	if (group >= 0) {
		wire_add_int(o, "vfio_group", group);
		if (STR_FORMAT(node, "/dev/vfio/%d", group) == 0)
			wire_add_string(o, "vfio_node", node);
	}
	if (cdev && STR_FORMAT(node, "/dev/vfio/devices/%s", cdev) == 0)
		wire_add_string(o, "vfio_cdev", node);
}

/* NVIDIA vGPU User Guide 17: QEMU needs -uuid. */
static void add_vm_uuid(json_t *o, const struct slice *s)
{
	if (str_eq(s->mech, "vgpu"))
		wire_add_bool(o, "vm_uuid", true);
}

static json_t *handle_mdev(const struct claim *c, const struct slice *s, const struct mdev *m,
			   const struct have *h, const char *cdev)
{
	json_t *o = handle_base(c, s, "mdev", m->uuid);
	wire_add_string(o, "uuid", m->uuid);
	add_vm_uuid(o, s);
	add_vfio(o, m->iommu_group, cdev);
	const struct function *parent = have_device(h, m->parent);
	if (parent && parent->numa_node >= 0)
		wire_add_int(o, "numa", parent->numa_node);
	return o;
}

json_t *wire_handle(const struct claim *c, const struct slice *s, const struct have *h,
		    const char *cdev, bool *ret_there)
{
	const struct mdev *m = s->uuid[0] ? have_mdev(h, s->uuid) : NULL;
	const struct function *f = s->uuid[0] ? NULL : slice_function(s, h);
	if (slice_is_part(s)) {
		json_t *o = wire_part_handle(c, s, h);
		*ret_there = o != NULL;
		return o;
	}
	*ret_there = m || f;
	if (m)
		return handle_mdev(c, s, m, h, cdev);
	if (!f)
		return NULL;

	json_t *o = handle_base(c, s, "pci", f->addr);
	wire_add_string(o, "address", f->addr);
	add_vm_uuid(o, s);
	add_vfio(o, f->iommu_group, cdev);
	if (f->numa_node >= 0)
		wire_add_int(o, "numa", f->numa_node);
	const struct vf_info *info = s->index >= 0 ? have_vf_info(h, s->device, s->index) : NULL;
	if (c->set.set & VF_SET_MAC)
		add_mac(o, c->set.mac);
	else if (info && (info->settings.set & VF_SET_MAC))
		add_mac(o, info->settings.mac);
	return o;
}

json_t *wire_holder(const struct holder *holder)
{
	json_t *o = json_pack("{s:s, s:s, s:b}", "kind",
			      holder_kind_name((enum holder_kind)holder->kind), "what",
			      holder->what, "never_touch", holder->never_touch);
	if (holder->pid > 0) {
		wire_add_int(o, "pid", holder->pid);
		wire_add_int(o, "uid", holder->uid);
	}
	wire_add_string(o, "program", holder->comm);
	wire_add_string(o, "unit", holder->unit);
	wire_add_string(o, "device", holder->device);
	return o;
}

json_t *wire_holders(const struct holder *holders, size_t n)
{
	json_t *array = json_array();
	for (size_t i = 0; i < n; i++)
		json_array_append_new(array, wire_holder(&holders[i]));
	return array;
}

json_t *wire_step(const struct step *s, const struct have *h)
{
	char text[256];
	if (step_describe(s, h, text, sizeof(text)) < 0 && STR_COPY(text, verb_name(s->verb)) < 0)
		return NULL;
	return json_pack("{s:s, s:s, s:s}", "device", s->target.device, "verb",
			 verb_name((enum verb)s->verb), "text", text);
}
