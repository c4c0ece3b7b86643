/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A host as text, the reverse of host-load.c: block style, in the order of its tables, texts in
 * quotes wherever a YAML reader might take them for something else.
 */
#include "base/str.h"
#include "policy/value.h"
#include "sim/capture-internal.h"

struct writer {
	struct str_buf out;
	unsigned depth;
};

static void quoted(struct writer *w, const char *text)
{
	str_buf_add(&w->out, "\"");
	for (; *text; text++)
		str_buf_addf(&w->out, *text == '"' || *text == '\\' ? "\\%c" : "%c", *text);
	str_buf_add(&w->out, "\"");
}

static void text_put(struct writer *w, const char *text)
{
	if (policy_name_valid(text) && !policy_text_ambiguous(text))
		str_buf_add(&w->out, text);
	else
		quoted(w, text);
}

static void indent(struct writer *w)
{
	for (unsigned i = 0; i < w->depth; i++)
		str_buf_add(&w->out, "  ");
}

static void open_map(struct writer *w, const char *name)
{
	indent(w);
	text_put(w, name);
	str_buf_add(&w->out, ":\n");
	w->depth++;
}

static void close_map(struct writer *w)
{
	w->depth--;
}

static void put_text(struct writer *w, const char *key, const char *value)
{
	if (!value || !*value)
		return;
	indent(w);
	str_buf_addf(&w->out, "%s: ", key);
	text_put(w, value);
	str_buf_add(&w->out, "\n");
}

__attribute__((format(printf, 3, 4))) static void put_quoted(struct writer *w, const char *key,
							     const char *fmt, ...)
{
	char value[64];
	va_list ap;
	va_start(ap, fmt);
	(void)vsnprintf(value, sizeof(value), fmt, ap);
	va_end(ap);
	indent(w);
	str_buf_addf(&w->out, "%s: \"%s\"\n", key, value);
}

static void put_word(struct writer *w, const char *key, const char *word)
{
	indent(w);
	str_buf_addf(&w->out, "%s: %s\n", key, word);
}

static void put_number(struct writer *w, const char *key, uint64_t value)
{
	indent(w);
	str_buf_addf(&w->out, "%s: %llu\n", key, (unsigned long long)value);
}

static void put_some(struct writer *w, const char *key, uint64_t value)
{
	if (value)
		put_number(w, key, value);
}

static void put_flag(struct writer *w, const char *key, bool value)
{
	if (value)
		put_word(w, key, "true");
}

/* --- models ---------------------------------------------------------------------------------- */

static const char *port_word(const struct host_model *m)
{
	static const char *const words[] = {
		[HOST_PORT_ENDPOINT] = "endpoint",
		[HOST_PORT_INTEGRATED] = "integrated",
		[HOST_PORT_ROOT] = "root",
		[HOST_PORT_UPSTREAM] = "upstream",
		[HOST_PORT_DOWNSTREAM] = "downstream",
		[HOST_PORT_PCI_BRIDGE] = "pci-bridge",
		[HOST_PORT_LEGACY] = "legacy",
	};
	return words[m->port];
}

static void put_link(struct writer *w, const struct host_model *m)
{
	static const uint32_t gt[] = { 2, 5, 8, 16, 32, 64 };
	for (unsigned i = 0; i < sizeof(gt) / sizeof(*gt); i++)
		if (m->link_gt == gt[i]) {
			char word[8];
			(void)STR_FORMAT(word, "gen%u", i + 1);
			put_word(w, "link", word);
		}
	put_some(w, "width", m->link_width);
}

static void put_size(struct writer *w, uint64_t bytes)
{
	static const char units[] = "KMGT";
	unsigned unit = 0;
	uint64_t size = bytes >> 10;
	while (size >= 1024 && units[unit + 1]) {
		size >>= 10;
		unit++;
	}
	indent(w);
	str_buf_addf(&w->out, "bar: %llu%ciB\n", (unsigned long long)size, units[unit]);
}

static void put_capabilities(struct writer *w, const struct host_model *m)
{
	if (m->acs || m->no_acs)
		put_word(w, "acs", m->acs ? "true" : "false");
	put_flag(w, "flr", m->flr);
	put_flag(w, "pm-reset", m->pm_reset);
	put_flag(w, "ats", m->ats);
	put_flag(w, "pri", m->pri);
	put_flag(w, "pasid", m->pasid);
	put_flag(w, "ari", m->ari);
	put_flag(w, "rebar", m->rebar);
	put_some(w, "msix", m->msix);
	put_link(w, m);
	if (m->memory)
		put_size(w, m->memory);
	put_flag(w, "net", m->net);
	put_flag(w, "drm", m->drm);
	put_flag(w, "accel", m->accel);
	put_flag(w, "sound", m->sound);
}

static void put_sriov(struct writer *w, const struct host_model *m)
{
	if (!m->vfs)
		return;
	open_map(w, "sriov");
	put_number(w, "count", m->vfs);
	put_quoted(w, "device", "%04x:%04x", m->vf_vendor, m->vf_device);
	put_number(w, "offset", m->vf_offset);
	put_number(w, "stride", m->vf_stride);
	put_text(w, "driver", m->vf_driver);
	close_map(w);
}

static void put_nvme(struct writer *w, const struct host_model *m)
{
	if (!m->disks)
		return;
	open_map(w, "nvme");
	put_number(w, "disks", m->disks);
	close_map(w);
}

static void put_mdev(struct writer *w, const struct host_model *m)
{
	if (!m->n_types)
		return;
	open_map(w, "mdev");
	put_number(w, "pool", m->pool);
	open_map(w, "types");
	for (size_t i = 0; i < m->n_types; i++) {
		const struct host_mdev_type *t = &m->types[i];
		open_map(w, t->id);
		put_text(w, "name", t->label);
		put_text(w, "description", t->description);
		put_number(w, "units", t->units);
		close_map(w);
	}
	close_map(w);
	close_map(w);
}

static void put_attributes(struct writer *w, const struct host_model *m)
{
	if (!m->n_attributes)
		return;
	open_map(w, "attributes");
	for (size_t i = 0; i < m->n_attributes; i++) {
		open_map(w, m->attributes[i].name);
		put_text(w, "value", m->attributes[i].value);
		put_flag(w, "writable", m->attributes[i].writable);
		close_map(w);
	}
	close_map(w);
}

static void put_model(struct writer *w, const struct host_model *m)
{
	open_map(w, m->name);
	put_quoted(w, "id", "%04x:%04x", m->vendor, m->device);
	if (m->subvendor || m->subdevice)
		put_quoted(w, "subsystem", "%04x:%04x", m->subvendor, m->subdevice);
	put_quoted(w, "class", "%06x", m->class);
	if (m->revision)
		put_quoted(w, "revision", "%02x", m->revision);
	put_text(w, "driver", m->driver);
	put_word(w, "port", port_word(m));
	put_capabilities(w, m);
	put_sriov(w, m);
	put_nvme(w, m);
	put_mdev(w, m);
	put_attributes(w, m);
	close_map(w);
}

/* --- slots ----------------------------------------------------------------------------------- */

static void put_connectors(struct writer *w, const struct host_slot *slot)
{
	static const char *const words[] = {
		[HOST_SCREEN_NONE] = "none", [HOST_SCREEN_DARK] = "dark", [HOST_SCREEN_LIT] = "lit"
	};
	if (!slot->n_connectors)
		return;
	open_map(w, "connectors");
	for (size_t i = 0; i < slot->n_connectors; i++) {
		open_map(w, slot->connectors[i].name);
		put_word(w, "screen", words[slot->connectors[i].state]);
		close_map(w);
	}
	close_map(w);
}

static void put_disks(struct writer *w, const struct host_slot *slot)
{
	if (!slot->n_disks)
		return;
	open_map(w, "disks");
	for (size_t i = 0; i < slot->n_disks; i++) {
		const struct host_disk *d = &slot->disks[i];
		indent(w);
		str_buf_addf(&w->out, "- partitions: %u\n", d->partitions);
		w->depth++;
		put_text(w, "mounted", d->mounted);
		put_text(w, "part-of", d->part_of);
		put_flag(w, "swap", d->swap);
		w->depth--;
	}
	close_map(w);
}

static void put_slots(struct writer *w, const struct host_slot *slots, size_t n);

static void put_slot(struct writer *w, const struct host_slot *slot)
{
	indent(w);
	str_buf_addf(&w->out, "\"%s\":\n", slot->place);
	w->depth++;
	put_text(w, "is", slot->is);
	if (slot->has_serial)
		put_quoted(w, "serial", "%016llx", (unsigned long long)slot->serial);
	if (slot->bus)
		put_quoted(w, "bus", "%02x", slot->bus);
	put_text(w, "netdev", slot->netdev);
	if (slot->mac[0])
		put_quoted(w, "mac", "%s", slot->mac);
	put_flag(w, "up", slot->up);
	put_text(w, "master", slot->master);
	put_flag(w, "boot-vga", slot->boot_vga);
	put_flag(w, "console", slot->console);
	put_connectors(w, slot);
	put_disks(w, slot);
	if (slot->config) {
		indent(w);
		str_buf_add(&w->out, "config: ");
		quoted(w, slot->config);
		str_buf_add(&w->out, "\n");
	}
	if (slot->group >= 0)
		put_number(w, "group", (uint64_t)slot->group);
	put_slots(w, slot->slots, slot->n_slots);
	close_map(w);
}

static void put_slots(struct writer *w, const struct host_slot *slots, size_t n)
{
	if (!n)
		return;
	open_map(w, "slots");
	for (size_t i = 0; i < n; i++)
		put_slot(w, &slots[i]);
	close_map(w);
}

/* --- the host -------------------------------------------------------------------------------- */

static void put_root(struct writer *w, const struct host_root *root)
{
	indent(w);
	str_buf_addf(&w->out, "\"%s\":\n", root->bus);
	w->depth++;
	if (root->numa >= 0)
		put_number(w, "numa", (uint64_t)root->numa);
	if (!root->n_slots)
		put_word(w, "slots", "{}");
	put_slots(w, root->slots, root->n_slots);
	close_map(w);
}

static void put_parents(struct writer *w, const struct host *h)
{
	if (!h->n_parents)
		return;
	open_map(w, "parents");
	for (size_t i = 0; i < h->n_parents; i++) {
		open_map(w, h->parents[i].name);
		put_mdev(w, &h->parents[i].model);
		close_map(w);
	}
	close_map(w);
}

static void put_drivers(struct writer *w, const struct host *h)
{
	if (!h->n_drivers)
		return;
	open_map(w, "drivers");
	for (size_t i = 0; i < h->n_drivers; i++) {
		open_map(w, h->drivers[i].name);
		put_some(w, "vfs-at-most", h->drivers[i].vfs_at_most);
		close_map(w);
	}
	close_map(w);
}

static void put_head(struct writer *w, const struct capture *c)
{
	static const char *const iommus[] = {
		[HOST_IOMMU_INTEL] = "intel", [HOST_IOMMU_AMD] = "amd", [HOST_IOMMU_NONE] = "none"
	};
	str_buf_add(&w->out,
		    "# A machine as carve-sim " CARVE_VERSION " captured it; to run it:\n"
		    "#   carve-sim run --host FILE -- PROGRAM\n"
		    "# What the kernel does not show is as carve-sim takes it to be: how drivers\n"
		    "# answer, when mediated devices are refused, and nothing has devices open.\n");
	if (c->release[0])
		str_buf_addf(&w->out, "# Its kernel was Linux %s.\n", c->release);
	for (size_t i = 0; i < c->n_notes; i++)
		str_buf_addf(&w->out, "# not recorded: %s\n", c->notes[i]);
	put_number(w, "version", 1);
	put_text(w, "about", c->host->about);
	put_word(w, "iommu", iommus[c->host->iommu]);
	put_flag(w, "iommufd", c->host->iommufd);
	put_flag(w, "acs-override", c->host->acs_override);
	put_number(w, "numa-nodes", c->host->nodes);
	put_number(w, "cpus", c->host->cpus);
}

char *capture_write(const struct capture *c)
{
	struct writer w = { 0 };
	const struct host *h = c->host;
	put_head(&w, c);
	put_drivers(&w, h);
	if (h->n_models)
		open_map(&w, "models");
	for (size_t i = 0; i < h->n_models; i++)
		put_model(&w, &h->models[i]);
	w.depth = 0;
	if (h->n_roots)
		open_map(&w, "roots");
	else
		put_word(&w, "roots", "{}");
	for (size_t i = 0; i < h->n_roots; i++)
		put_root(&w, &h->roots[i]);
	w.depth = 0;
	put_parents(&w, h);
	return str_buf_take(&w.out);
}
