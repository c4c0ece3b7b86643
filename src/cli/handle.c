/* SPDX-License-Identifier: GPL-2.0-or-later */
/* carve handle: how to use a held slice, in the words of those who start guests. */
#include "base/cleanup.h"
#include "base/str.h"
#include "cli/cli.h"
#include "cli/print.h"

static const char *member(const json_t *h, const char *key)
{
	return json_string_value(json_object_get(h, key));
}

static int format_json(const json_t *h)
{
	json_t *reply = json_pack("{s:O}", "handle", h);
	int code = cli_print_json(reply);
	json_decref(reply);
	return code;
}

static int format_qemu(const json_t *h)
{
	const char *address = member(h, "address");
	if (address)
		printf("-device vfio-pci,host=%s\n", address);
	else
		printf("-device vfio-pci,sysfsdev=/sys/bus/mdev/devices/%s\n",
		       print_text(h, "uuid"));
	return EXIT_OK;
}

/* Parts of "0000:3b:00.0"; carved sends no other form. */
static int format_libvirt(const json_t *h)
{
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

static int format_env(const json_t *h)
{
	static const struct {
		const char *name, *key;
	} variables[] = {
		{ "CARVE_CLAIM", "claim" },	    { "CARVE_MECHANISM", "mechanism" },
		{ "CARVE_ADDRESS", "address" },	    { "CARVE_UUID", "uuid" },
		{ "CARVE_SYSFS", "sysfs" },	    { "CARVE_VFIO_GROUP", "vfio_group" },
		{ "CARVE_VFIO_NODE", "vfio_node" }, { "CARVE_VFIO_CDEV", "vfio_cdev" },
		{ "CARVE_NUMA", "numa" },	    { "CARVE_MAC", "mac" },
	};
	for (size_t i = 0; i < sizeof(variables) / sizeof(variables[0]); i++) {
		const json_t *v = json_object_get(h, variables[i].key);
		char number[24];
		if (json_is_integer(v) &&
		    STR_FORMAT(number, "%" JSON_INTEGER_FORMAT, json_integer_value(v)) >= 0)
			print_variable(variables[i].name, number);
		else
			print_variable(variables[i].name, json_string_value(v));
	}
	return EXIT_OK;
}

static const struct {
	const char *name;
	int (*print)(const json_t *handle);
} formats[] = {
	{ "env", format_env },
	{ "json", format_json },
	{ "libvirt", format_libvirt },
	{ "qemu", format_qemu },
};

int cli_handle(struct cli *c)
{
	const char *name = cli_option_value(c, "format");
	if (!name)
		name = c->json ? "json" : "env";
	for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++) {
		if (!str_eq(formats[i].name, name))
			continue;
		json_t *reply = NULL;
		if (cli_call(c, "GetHandle", json_pack("{s:s}", "claim", c->operands[0]), &reply) <
		    0)
			return cli_exit_code(&c->err);
		int code = formats[i].print(json_object_get(reply, "handle"));
		json_decref(reply);
		return code;
	}
	return cli_usage_error(c, "format must be qemu, libvirt, json or env, not %s", name);
}
