/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * VF counts, VF settings and port functions in the executor. The write to sriov_numvfs returns when
 * all VFs and their virtfn links exist, but it also succeeds when the driver made another number
 * (drivers/pci/iov.c), so the count is read back. See verb.h.
 */
#include "sriov/verbs.h"

#include <errno.h>

#include "base/num.h"
#include "base/str.h"
#include "sriov/nvme.h"
#include "sriov/settings.h"
#include "sriov/vflink.h"
#include "sys/devport.h"
#include "sys/sysfs.h"

static int device_read(const struct verb_context *c, const char *name, uint64_t *ret)
{
	char path[VERB_PATH_SIZE];
	int r = verb_path(path, c->device_path, name);
	return r < 0 ? r : sysfs_read_u64(c->sysfs, path, 10, ret);
}

static int device_write(const struct verb_context *c, const char *name, uint32_t value)
{
	char path[VERB_PATH_SIZE], text[16];
	int r = verb_path(path, c->device_path, name);
	if (r >= 0)
		r = STR_FORMAT(text, "%u", value);
	return r < 0 ? r : sysfs_write(c->sysfs, path, text);
}

/* The ladder of checks that the kernel has as well, but answers with bare errnos; true: go on. */
static bool numvfs_check(const struct verb_context *c, uint32_t count, struct step_result *r)
{
	uint64_t total, now;
	int e = device_read(c, "sriov_totalvfs", &total);
	if (e < 0) {
		verb_failed(r, -e, "sriov_totalvfs", "it cannot make VFs");
		return false;
	}
	e = device_read(c, "sriov_numvfs", &now);
	if (e < 0) {
		verb_failed(r, -e, "sriov_numvfs", NULL);
		return false;
	}
	r->number = (uint32_t)now;
	if (now == count) {
		r->status = STEP_NOTHING;
		return false;
	}
	if (count > total) {
		verb_failed(r, ERANGE, "sriov_totalvfs", "its driver allows %u", (uint32_t)total);
		return false;
	}
	if (now && count) {
		verb_failed(r, EBUSY, "sriov_numvfs", "%u VFs exist: the count changes through 0",
			    (uint32_t)now);
		(void)STR_COPY(r->reason, "not-zero");
		return false;
	}
	return true;
}

static int count_virtfn(const char *name, void *userdata)
{
	const char *number = str_after(name, "virtfn");
	uint32_t index;
	if (number && num_parse_u32(number, 10, &index) == 0)
		(*(uint32_t *)userdata)++;
	return 0;
}

static void numvfs_read_back(const struct verb_context *c, uint32_t count, struct step_result *r)
{
	char path[VERB_PATH_SIZE];
	uint64_t now = 0;
	uint32_t links = 0;
	int e = device_read(c, "sriov_numvfs", &now);
	if (e >= 0)
		e = STR_FORMAT(path, "devices/%s", c->device_path);
	if (e >= 0)
		e = sysfs_list(c->sysfs, path, count_virtfn, &links);
	if (e < 0) {
		verb_failed(r, -e, "sriov_numvfs", "could not be read back");
		return;
	}
	r->number = (uint32_t)now;
	if (now == count && links == count) {
		r->status = STEP_DONE;
		return;
	}
	verb_failed(r, EIO, "sriov_numvfs", "asked for %u, the driver reports %u, %u are linked",
		    count, (uint32_t)now, links);
	(void)STR_COPY(r->reason, "other-count");
}

static void verb_set_vfs(const struct verb_context *c, const struct step *s, struct step_result *r)
{
	uint64_t autoprobe = s->flag;

	if (!numvfs_check(c, s->number, r))
		return;
	/* Before there are VFs: it decides who binds to them as they appear. Older kernels lack it.
	 */
	int e = device_read(c, "sriov_drivers_autoprobe", &autoprobe);
	bool differs = e >= 0 && !autoprobe != !s->flag;
	if (differs)
		e = device_write(c, "sriov_drivers_autoprobe", s->flag ? 1 : 0);
	uint64_t now = s->flag;
	if (differs && e >= 0)
		e = device_read(c, "sriov_drivers_autoprobe", &now);
	if (e >= 0 && !now != !s->flag)
		e = -EIO;
	if (e < 0 && e != -ENOENT) {
		verb_failed(r, -e, "sriov_drivers_autoprobe", NULL);
		return;
	}
	e = device_write(c, "sriov_numvfs", s->number);
	if (e < 0) {
		verb_failed(r, -e, "sriov_numvfs", NULL);
		if (differs)
			(void)device_write(c, "sriov_drivers_autoprobe", autoprobe ? 1 : 0);
		return;
	}
	numvfs_read_back(c, s->number, r);
}

struct netdev_search {
	const struct verb_context *c;
	char name[NAME_SIZE];
};

/* In switchdev mode the representors of the VFs are below the PF as well, and know nothing of VFs.
 * Theirs are the names with "pf", as in "pf0vf1"; the PF's own has "p0" or none
 * (net/devlink/port.c of Linux 6.12, __devlink_port_phys_port_name_get()). */
static int take_own(const char *name, void *userdata)
{
	struct netdev_search *search = userdata;
	char path[VERB_PATH_SIZE], port[NAME_SIZE];
	int r = STR_FORMAT(path, "devices/%s/net/%s/phys_port_name", search->c->device_path, name);
	if (r >= 0 && sysfs_read(search->c->sysfs, path, port, sizeof(port)) >= 0 &&
	    strstr(port, "pf"))
		return 0;
	return r >= 0 && STR_COPY(search->name, name) == 0 ? 1 : -ENAMETOOLONG;
}

/* Index of the PF's interface; only interfaces of our network namespace are seen. */
static int netdev_index(const struct verb_context *c)
{
	struct netdev_search search = { .c = c };
	char path[VERB_PATH_SIZE];
	int index = 0;
	int r = verb_path(path, c->device_path, "net");
	if (r >= 0)
		r = sysfs_list(c->sysfs, path, take_own, &search);
	if (r == 0 || r == -ENOENT)
		return -ENODEV;
	if (r > 0)
		r = STR_FORMAT(path, "devices/%s/net/%s/ifindex", c->device_path, search.name);
	if (r >= 0)
		r = sysfs_read_int(c->sysfs, path, &index);
	return r < 0 ? r : index;
}

static void netdev_missing(int e, struct step_result *r)
{
	verb_failed(r, -e, "net", "the PF has no network interface here");
	if (e == -ENODEV)
		(void)STR_COPY(r->reason, "no-netdev");
}

static const char *const attribute_names[] = { "IFLA_VF_MAC",	     "IFLA_VF_VLAN",
					       "IFLA_VF_SPOOFCHK",   "IFLA_VF_TRUST",
					       "IFLA_VF_LINK_STATE", "IFLA_VF_RATE" };

static const char *attribute_name(uint32_t bits)
{
	for (unsigned i = 0; i < sizeof(attribute_names) / sizeof(*attribute_names); i++)
		if (bits & (1u << i))
			return attribute_names[i];
	return "IFLA_VF_INFO";
}

/* One setting after the other; false: r says which one failed. */
static bool settings_write(int ifindex, const struct step *s, uint32_t bits, struct step_result *r)
{
	for (uint32_t bit = 1; bit <= VF_SET_RATE; bit <<= 1) {
		if (!(bits & bit))
			continue;
		int e = vflink_set(ifindex, s->target.vf, (enum vf_setting)bit, &s->vf);
		if (e < 0) {
			verb_failed(r, -e, attribute_name(bit), "the %s was not taken",
				    settings_name(bit));
			return false;
		}
	}
	return true;
}

static void verb_set_vf(const struct verb_context *c, const struct step *s, struct step_result *r)
{
	struct vf_settings now = { 0 };
	int ifindex = netdev_index(c);
	if (ifindex < 0) {
		netdev_missing(ifindex, r);
		return;
	}
	int e = vflink_read_one(ifindex, s->target.vf, &now);
	if (e < 0) {
		verb_failed(r, -e, "RTM_GETLINK", "VF %d", s->target.vf);
		return;
	}
	uint32_t bits = settings_differ(&s->vf, &now);
	r->vf = now;
	if (bits == 0) {
		r->status = STEP_NOTHING;
		return;
	}
	bool written = settings_write(ifindex, s, bits, r);
	e = vflink_read_one(ifindex, s->target.vf, &now);
	if (e >= 0)
		r->vf = now;
	if (!written)
		return;
	bits = e < 0 ? 0 : settings_differ(&s->vf, &now);
	if (e < 0 || bits) {
		verb_failed(r, e < 0 ? -e : EIO, e < 0 ? "RTM_GETLINK" : attribute_name(bits),
			    "the %s reads back otherwise", settings_name(bits));
		(void)STR_COPY(r->reason, "readback");
		return;
	}
	r->status = STEP_DONE;
}

struct vf_list {
	struct vf_info *infos;
	size_t room, n;
};

static struct vf_info *vf_list_get(struct vf_list *l, int vf, bool add)
{
	for (size_t i = 0; i < l->n; i++)
		if (l->infos[i].index == vf)
			return &l->infos[i];
	if (!add || l->n == l->room)
		return NULL;
	l->infos[l->n] = (struct vf_info){ .index = vf };
	return &l->infos[l->n++];
}

/* The MAC of a port function is the one that its VF comes up with. */
static void take_port(const struct devport *port, void *userdata)
{
	struct vf_info *v = vf_list_get(userdata, port->vf, port->has_mac);
	if (!v)
		return;
	v->has_port = true;
	v->port_mac = port->has_mac;
	if (!port->has_mac)
		return;
	memcpy(v->settings.mac, port->mac, sizeof(port->mac));
	v->settings.set |= VF_SET_MAC;
}

static int network_read(const struct verb_context *c, struct vf_info *infos, size_t room)
{
	struct vf_list l = { .infos = infos, .room = room };
	int ifindex = netdev_index(c);
	int n = ifindex < 0 ? ifindex : vflink_read(ifindex, infos, room);
	if (n < 0 && n != -ENODEV)
		return n;
	l.n = n < 0 ? 0 : (size_t)n;
	/* Most devices have no devlink, some kernels neither: then there are no ports. */
	(void)devport_each("pci", c->device_addr, take_port, &l);
	return (int)l.n;
}

static void verb_read_vfs(const struct verb_context *c, const struct step *s, struct step_result *r)
{
	struct vf_info *infos = (struct vf_info *)(void *)c->data;
	size_t room = c->size / sizeof(*infos);
	int n = nvme_read(c, infos, room);
	if (n == -ENODEV)
		n = network_read(c, infos, room);
	if (n < 0) {
		verb_failed(r, -n, "VF settings", NULL);
		return;
	}
	/* Neither NVMe nor network: VFs without settings. */
	for (int i = 0; i < n; i++)
		(void)STR_COPY(infos[i].pf, s->target.device);
	r->number = (uint32_t)n;
	r->data_len = r->number * (uint32_t)sizeof(*infos);
	r->status = STEP_DONE;
}

static void port_taken(const struct devport *now, struct step_result *r)
{
	if (!now->has_mac)
		return;
	memcpy(r->vf.mac, now->mac, sizeof(now->mac));
	r->vf.set = VF_SET_MAC;
}

static void port_missing(int e, int vf, struct step_result *r)
{
	verb_failed(r, -e, "devlink port get", "VF %d has no port here", vf);
	if (e == -ENOENT || e == -ENODEV || e == -EOPNOTSUPP)
		(void)STR_COPY(r->reason, "no-port");
}

static void port_read_back(const struct verb_context *c, const struct step *s,
			   const struct devport *goal, struct step_result *r)
{
	struct devport now;
	int e = devport_find("pci", c->device_addr, s->target.vf, &now);
	if (e < 0) {
		verb_failed(r, -e, "devlink port get", NULL);
		return;
	}
	port_taken(&now, r);
	bool mac = !goal->has_mac || (now.has_mac && memcmp(now.mac, goal->mac, 6) == 0);
	bool state = !goal->has_state || (now.has_state && now.state == goal->state);
	if (!mac || !state) {
		verb_failed(r, EIO, "devlink port get", "the %s reads back otherwise",
			    mac ? "state" : "MAC");
		(void)STR_COPY(r->reason, "readback");
		return;
	}
	r->status = STEP_DONE;
}

/* vf.set with VF_SET_MAC: its MAC; flag: number is the state. */
static void verb_set_port(const struct verb_context *c, const struct step *s, struct step_result *r)
{
	struct devport now, goal;
	int e = devport_find("pci", c->device_addr, s->target.vf, &now);
	if (e < 0) {
		port_missing(e, s->target.vf, r);
		return;
	}
	goal = (struct devport){ .index = now.index, .state = (uint8_t)s->number };
	memcpy(goal.mac, s->vf.mac, sizeof(goal.mac));
	goal.has_mac = (s->vf.set & VF_SET_MAC) &&
		       !(now.has_mac && memcmp(now.mac, goal.mac, sizeof(goal.mac)) == 0);
	goal.has_state = s->flag && !(now.has_state && now.state == goal.state);
	port_taken(&now, r);
	if (!goal.has_mac && !goal.has_state) {
		r->status = STEP_NOTHING;
		return;
	}
	e = devport_set("pci", c->device_addr, &goal);
	if (e < 0) {
		verb_failed(r, -e, "devlink port function set",
			    now.has_mac || now.has_state
				    ? NULL
				    : "the port of VF %d has no function attributes",
			    s->target.vf);
		return;
	}
	port_read_back(c, s, &goal, r);
}

#define GUARDS_ALL (GUARD_ENROLLED | GUARD_NEVER_TOUCH | GUARD_HOLDERS)

const struct verb_entry sriov_verbs[] = {
	/* Enabling 127 VFs took 2.7 s on an idle machine; with host drivers probing, 15 s for 7. */
	{ VERB_SET_VFS, VERB_CLASS_WRITE, LANE_HOST, GUARDS_ALL | GUARD_PF_IN_USE, 60000,
	  verb_set_vfs },
	{ VERB_SET_VF, VERB_CLASS_NET, LANE_DEVICE, GUARD_ENROLLED, 10000, verb_set_vf },
	{ VERB_READ_VFS, VERB_CLASS_IOCTL, LANE_DEVICE, 0, 10000, verb_read_vfs },
	{ VERB_SET_PORT, VERB_CLASS_NET, LANE_DEVICE, GUARD_ENROLLED, 10000, verb_set_port },
	{ VERB_NVME_FLEX, VERB_CLASS_IOCTL, LANE_DEVICE, GUARDS_ALL, 60000, nvme_flex },
	{ VERB_NVME_ONLINE, VERB_CLASS_IOCTL, LANE_DEVICE, GUARD_ENROLLED | GUARD_HOLDERS, 20000,
	  nvme_online },
	{ VERB_NVME_OFFLINE, VERB_CLASS_IOCTL, LANE_DEVICE, GUARD_ENROLLED | GUARD_HOLDERS, 20000,
	  nvme_offline },
};
const size_t sriov_verbs_n = sizeof(sriov_verbs) / sizeof(*sriov_verbs);
