/* SPDX-License-Identifier: GPL-2.0-or-later */
/* carve handle: how to use a held slice, in the words of those who start guests. */
#include <errno.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "cli/cli.h"
#include "cli/container.h"
#include "cli/print.h"
#include "model/pci.h"

static const char *member(const json_t *h, const char *key)
{
	return json_string_value(json_object_get(h, key));
}

/* "0000:3b:00.0" and "0000:3b:00.1" are; NULL, of an mdev, is in none. */
static bool is_in_slot(const char *address, const char *of)
{
	const char *dot = of ? strrchr(of, '.') : NULL;
	return address && dot && strncmp(address, of, (size_t)(dot - of)) == 0;
}

/* How many of the slot of that address there are, and whether its first function is one: without it, a guest
 * finds none of them. */
static size_t slot_count(const json_t *handles, const char *address, bool *ret_first)
{
	size_t i, n = 0;
	json_t *h;
	json_array_foreach((json_t *)handles, i, h) {
		const char *other = member(h, "address");
		bool here = is_in_slot(address, other);
		n += here;
		*ret_first = *ret_first || (here && str_eq(strrchr(other, '.'), ".0"));
	}
	return n;
}

static int format_qemu(struct cli *c, const json_t *h)
{
	(void)c;
	const char *address = member(h, "address");
	if (address)
		printf("-device vfio-pci,host=%s\n", address);
	else
		printf("-device vfio-pci,sysfsdev=/sys/bus/mdev/devices/%s\n",
		       print_text(h, "uuid"));
	return EXIT_OK;
}

/* Functions of one slot are one device for a driver, so they are one in the guest: behind a root port of their own,
 * which machine q35 has. The port is printed with the first function; a chassis is one byte that no other port has. */
static int format_qemu_part(struct cli *c, const json_t *h, const json_t *handles)
{
	const char *address = member(h, "address");
	bool first = false;
	if (!address || slot_count(handles, address, &first) < 2 || !first)
		return format_qemu(c, h);
	unsigned rid = pci_addr_rid(address);
	unsigned bus = rid >> 8, slot = rid >> 3 & 0x1f, function = rid & 7;
	if (function == 0)
		printf("-device pcie-root-port,id=carve-%02x-%02x,chassis=%u,slot=%u\n", bus, slot,
		       bus, slot);
	printf("-device vfio-pci,host=%s,bus=carve-%02x-%02x,addr=00.%x%s\n", address, bus, slot,
	       function, function == 0 ? ",multifunction=on" : "");
	return EXIT_OK;
}

static int format_qemu_parts(struct cli *c, const json_t *handles)
{
	int code = EXIT_OK;
	size_t i;
	json_t *h;
	json_array_foreach((json_t *)handles, i, h)
		code = code == EXIT_OK ? format_qemu_part(c, h, handles) : code;
	return code;
}

/* Parts of "0000:3b:00.0"; carved sends no other form. */
static int format_libvirt(struct cli *c, const json_t *h)
{
	(void)c;
	const char *address = member(h, "address");
	char domain[9] = "", bus[3] = "", slot[3] = "", function[2] = "";
	if (address && sscanf(address, "%8[0-9a-f]:%2[0-9a-f]:%2[0-9a-f].%1[0-7]", domain, bus,
			      slot, function) != 4)
		return EXIT_FAILED;
	printf("<hostdev mode='subsystem' type='%s' managed='no'%s>\n  <source>\n",
	       address ? "pci" : "mdev", address ? "" : " model='vfio-pci'");
	if (address)
		printf("    <address domain='0x%s' bus='0x%s' slot='0x%s' function='0x%s'/>\n",
		       domain, bus, slot, function);
	else
		printf("    <address uuid='%s'/>\n", print_text(h, "uuid"));
	fputs("  </source>\n</hostdev>\n", stdout);
	return EXIT_OK;
}

/* Quoted for a shell: nothing in it is expanded. */
static void print_variable(const char *name, const char *value)
{
	if (!value)
		return;
	printf("%s='", name);
	for (; *value; value++) {
		if (*value == '\'')
			fputs("'\\''", stdout);
		else
			putchar(*value);
	}
	fputs("'\n", stdout);
}

/* Under the names that those have who read them. */
static void print_environment(const json_t *h)
{
	const char *name;
	json_t *value;
	json_object_foreach(json_object_get(h, "environment"), name, value)
		print_variable(name, json_string_value(value));
}

static void print_nodes(const char *prefix, const json_t *nodes)
{
	_cleanup_(str_buf_done) struct str_buf b = { 0 };
	char name[64];
	size_t i;
	json_t *node;
	json_array_foreach((json_t *)nodes, i, node)
		str_buf_addf(&b, "%s%s", i ? " " : "", json_string_value(node));
	if (b.len && STR_FORMAT(name, "%sNODES", prefix) == 0)
		print_variable(name, b.text);
}

static void print_variables(const char *prefix, const json_t *h)
{
	static const struct {
		const char *name, *key;
	} variables[] = {
		{ "CLAIM", "claim" },
		{ "CLASS", "class" },
		{ "MECHANISM", "mechanism" },
		{ "ADDRESS", "address" },
		{ "UUID", "uuid" },
		{ "GPU", "gpu" },
		{ "SYSFS", "sysfs" },
		{ "VFIO_GROUP", "vfio_group" },
		{ "VFIO_NODE", "vfio_node" },
		{ "VFIO_CDEV", "vfio_cdev" },
		{ "NUMA", "numa" },
		{ "CPUS", "cpus" },
		{ "MAC", "mac" },
		{ "VM_UUID", "vm_uuid" },
		{ "CDI", "cdi" },
	};
	for (size_t i = 0; i < sizeof(variables) / sizeof(variables[0]); i++) {
		const json_t *v = json_object_get(h, variables[i].key);
		char number[24], name[64];
		if (STR_FORMAT(name, "%s%s", prefix, variables[i].name) < 0)
			continue;
		if (json_is_integer(v) &&
		    STR_FORMAT(number, "%" JSON_INTEGER_FORMAT, json_integer_value(v)) >= 0)
			print_variable(name, number);
		else if (json_is_boolean(v))
			print_variable(name, json_is_true(v) ? "required" : NULL);
		else
			print_variable(name, json_string_value(v));
	}
	print_nodes(prefix, json_object_get(h, "nodes"));
}

static int format_env(struct cli *c, const json_t *h)
{
	(void)c;
	print_variables("CARVE_", h);
	print_environment(h);
	return EXIT_OK;
}

/* Of a claim with parts: CARVE_PARTS says how many, CARVE_1_ADDRESS is the address of the first. */
static int format_parts_env(struct cli *c, const json_t *handles)
{
	size_t i;
	json_t *h;
	char text[24];
	print_variable("CARVE_CLAIM", c->operands[0]);
	(void)STR_FORMAT(text, "%zu", json_array_size(handles));
	print_variable("CARVE_PARTS", text);
	json_array_foreach((json_t *)handles, i, h) {
		(void)STR_FORMAT(text, "CARVE_%zu_", i + 1);
		print_variables(text, h);
	}
	return EXIT_OK;
}

static int format_containers(struct cli *c, const json_t *handles)
{
	return container_print(handles, cli_option_given(c, "pin"), &c->err);
}

static int format_container(struct cli *c, const json_t *h)
{
	json_auto_t *one = json_pack("[O]", h);
	return one ? format_containers(c, one) : EXIT_FAILED;
}

struct format {
	const char *name;
	int (*print)(struct cli *c, const json_t *handle); /* NULL: the reply as it is */
	/* Those of the parts of a claim; NULL: one after the other. */
	int (*print_parts)(struct cli *c, const json_t *handles);
	bool guests, containers; /* only what these can have */
};

static const struct format formats[] = {
	{ "container", format_container, format_containers, false, true },
	{ "env", format_env, format_parts_env, false, false },
	{ "json", NULL, NULL, false, false },
	{ "libvirt", format_libvirt, NULL, true, false },
	{ "qemu", format_qemu, format_qemu_parts, true, false },
};

/* What a guest has is a device with VFIO, what a container has are nodes. */
static int check_format(const struct format *f, const json_t *h, struct err *reterr)
{
	bool nodes = json_object_get(h, "nodes") != NULL;
	if (!(nodes ? f->guests : f->containers))
		return 0;
	err_set(reterr, "handle.format", EINVAL, "cannot tell how to use it in the words of %s",
		f->name);
	err_on(reterr, "claim %s", print_text(h, "claim"));
	err_because(reterr,
		    nodes ? "containers can have a %s slice, guests cannot"
			  : "guests can have a %s slice, containers cannot",
		    print_text(h, "mechanism"));
	err_todo(reterr, "--format env or json has all of it");
	return -EINVAL;
}

static int check_formats(const struct format *f, const json_t *reply, struct err *reterr)
{
	const json_t *handles = json_object_get(reply, "handles");
	size_t i;
	json_t *h;
	int r = handles ? 0 : check_format(f, json_object_get(reply, "handle"), reterr);
	json_array_foreach((json_t *)handles, i, h)
		r = r < 0 ? r : check_format(f, h, reterr);
	return r;
}

static int print_reply(struct cli *c, const json_t *reply, const struct format *f)
{
	const json_t *handles = json_object_get(reply, "handles");
	int code = EXIT_OK;
	size_t i;
	json_t *h;
	if (!f->print)
		return cli_print_json(reply);
	if (!handles)
		return f->print(c, json_object_get(reply, "handle"));
	if (f->print_parts)
		return f->print_parts(c, handles);
	json_array_foreach((json_t *)handles, i, h)
		code = code == EXIT_OK ? f->print(c, h) : code;
	return code;
}

static const struct format *format_find(const char *name)
{
	for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++)
		if (str_eq(formats[i].name, name))
			return &formats[i];
	return NULL;
}

int cli_handle(struct cli *c)
{
	const char *name = cli_option_value(c, "format");
	if (!name)
		name = c->json ? "json" : "env";
	const struct format *f = format_find(name);
	if (!f)
		return cli_usage_error(
			c, "format must be qemu, libvirt, container, json or env, not %s", name);
	if (cli_option_given(c, "pin") && f->print != format_container)
		return cli_usage_error(c, "--pin is of --format container");
	json_auto_t *reply = NULL;
	if (cli_call(c, "GetHandle", json_pack("{s:s}", "claim", c->operands[0]), &reply) < 0)
		return cli_exit_code(&c->err);
	if (check_formats(f, reply, &c->err) < 0)
		return cli_exit_code(&c->err);
	return print_reply(c, reply, f);
}
