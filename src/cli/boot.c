/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * carve integrate boot: rules that give functions which a policy passes through with "bind: early" to
 * vfio-pci before a native driver can take them. A function is named by its path (device and function
 * numbers from the root bus down; bus numbers may change) and by its ids, so that a card in another
 * place, or another card in this place, is left alone.
 */
#include <errno.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "cli/cli.h"
#include "cli/files.h"
#include "cli/print.h"
#include "policy/policy.h"

#define POLICY CARVE_SYSCONFDIR "/policy.yaml"
#define MARKER "Made by carve integrate boot"
#define UDEV_RULES "/etc/udev/rules.d/10-carve.rules"

static const struct boot_file {
	const char *path;
	unsigned mode;
	const char *text; /* NULL: the rules */
} boot_files[] = {
	{ UDEV_RULES, 0644, NULL },
	{ "/etc/initramfs-tools/hooks/carve", 0755,
	  "#!/bin/sh\n"
	  "# " MARKER ". Puts the early rules and vfio-pci into the initramfs.\n"
	  "case \"$1\" in\n"
	  "prereqs)\n"
	  "\texit 0\n"
	  "\t;;\n"
	  "esac\n"
	  ". /usr/share/initramfs-tools/hook-functions\n"
	  "manual_add_modules vfio-pci\n"
	  "mkdir -p \"$DESTDIR/etc/udev/rules.d\"\n"
	  "cp -p " UDEV_RULES " \"$DESTDIR/etc/udev/rules.d/\"\n" },
	{ "/etc/dracut.conf.d/10-carve.conf", 0644,
	  "# " MARKER ". Puts the early rules and vfio-pci into the initramfs.\n"
	  "add_drivers+=\" vfio-pci \"\n"
	  "install_items+=\" " UDEV_RULES " \"\n" },
};
#define N_BOOT_FILES (sizeof(boot_files) / sizeof(boot_files[0]))

/* "/devices/pci0000:00/0000:??:03.0/0000:??:00.0" from "pci:0000:00/03.0/00.0". The first function is
 * on the root bus, the buses below are numbered anew at each boot. -EINVAL for other keys. */
static int devpath_pattern(const char *key, char *ret, size_t size)
{
	const char *rest = str_after(key, "pci:");
	const char *slash = rest ? strchr(rest, '/') : NULL;
	const char *colon = rest ? strchr(rest, ':') : NULL;
	if (!slash || !colon || colon > slash || strpbrk(rest, "\"\\*?[ \t\n"))
		return -EINVAL;
	int domain = (int)(colon - rest), root = (int)(slash - rest);
	_cleanup_(str_buf_done) struct str_buf b = { 0 };
	str_buf_addf(&b, "/devices/pci%.*s", root, rest);
	for (const char *p = slash; *p;) {
		size_t n = strcspn(p + 1, "/");
		if (p == slash)
			str_buf_addf(&b, "/%.*s:%.*s", root, rest, (int)n, p + 1);
		else
			str_buf_addf(&b, "/%.*s:?\?:%.*s", domain, rest, (int)n, p + 1);
		p += 1 + n;
	}
	return b.text ? str_copy(ret, size, b.text) : -ENOMEM;
}

static int add_rule(struct cli *c, struct str_buf *rules, const json_t *d)
{
	char path[512];
	const char *vendor = json_string_value(json_object_get(d, "vendor"));
	const char *device = json_string_value(json_object_get(d, "device"));
	const char *address = print_text(d, "address"), *key = print_text(d, "key");
	if (!vendor || !device || strlen(vendor) != 4 || strlen(device) != 4 ||
	    devpath_pattern(key, path, sizeof(path)) < 0) {
		int r = err_set(&c->err, "cli.boot-path", EINVAL, "cannot name %s in a udev rule",
				key);
		err_because(&c->err,
			    "only PCI functions below a root bus have a path and ids for it");
		err_state(&c->err, "nothing was changed");
		return r;
	}
	str_buf_addf(rules,
		     "\n# %s, now %s\n"
		     "ACTION==\"add\", SUBSYSTEM==\"pci\", DEVPATH==\"%s\", \\\n"
		     "  ATTR{vendor}==\"0x%s\", ATTR{device}==\"0x%s\", \\\n"
		     "  ATTR{driver_override}=\"vfio-pci\", RUN{builtin}+=\"kmod load vfio-pci\"\n",
		     print_text(d, "selection"), address, path, vendor, device);
	return 0;
}

/* Of entries that are for some of the selection's devices only, the applied policy says which is this one's. */
static bool is_early(const struct policy *p, const json_t *d)
{
	const char *selection = json_string_value(json_object_get(d, "selection"));
	bool applied = json_is_true(json_object_get(d, "bind_early"));
	/* No entry names it: what it goes with says. */
	if (json_object_get(d, "companion_of"))
		return applied;
	for (size_t i = 0; selection && i < p->n_divides; i++)
		if (p->divides[i].bind_early && str_eq(p->divides[i].use, selection) &&
		    (!p->divides[i].when || applied))
			return true;
	return false;
}

/* The boot display stays with the host until it is handed over whole by hand; a display that the
 * console is on would go dark before anybody could log in. */
static bool may_bind(const json_t *d)
{
	bool enrolled = json_is_true(json_object_get(d, "enrolled"));
	bool boot = json_is_true(json_object_get(d, "boot_display"));
	if (!enrolled)
		cli_say("%s is not enrolled: left out\n", print_text(d, "address"));
	else if (boot)
		cli_say("%s is the boot display: left out\n", print_text(d, "address"));
	return enrolled && !boot && !json_object_get(d, "mismatch");
}

/* Text of the udev rules; *ret_n is the number of devices in them. */
static int rules_make(struct cli *c, const struct policy *p, char **ret, size_t *ret_n)
{
	json_t *reply = NULL;
	int r = cli_call(c, "ListDevices", NULL, &reply);
	if (r < 0)
		return r;
	_cleanup_(str_buf_done) struct str_buf rules = { 0 };
	str_buf_add(&rules, "# " MARKER ". Do not edit: make it anew with that command.\n");
	size_t i, n = 0;
	json_t *d;
	json_array_foreach(json_object_get(reply, "devices"), i, d) {
		if (r < 0 || !is_early(p, d) || !may_bind(d))
			continue;
		r = add_rule(c, &rules, d);
		n++;
	}
	json_decref(reply);
	if (r < 0)
		return r;
	*ret = str_buf_take(&rules);
	*ret_n = n;
	return *ret ? 0 : err_set(&c->err, "base.memory", ENOMEM, "out of memory");
}

static int policy_of(struct cli *c, struct policy **ret)
{
	const char *file = cli_option_value(c, "policy");
	_cleanup_free_ char *text = NULL, *path = file ? strdup(file) : cli_file_path(c, POLICY);
	size_t len = 0;
	int r = path ? cli_policy_read(path, &text, &len, &c->err) : -ENOMEM;
	if (r < 0) {
		err_state(&c->err, "nothing was changed");
		err_todo(&c->err, "carve init --write makes a first one; --policy names another");
		return r;
	}
	*ret = policy_parse(text, len, path, &c->err);
	return *ret ? 0 : -EINVAL;
}

static int files_write(struct cli *c, const char *rules)
{
	bool changed = false, kept = false;
	for (size_t i = 0; i < N_BOOT_FILES; i++) {
		const struct boot_file *f = &boot_files[i];
		int r = cli_file_write(c, f->path, f->text ? f->text : rules, f->mode, MARKER);
		if (r < 0)
			return cli_exit_code(&c->err);
		static const char *const said[] = { "is so already", "written",
						    "is somebody else's: left as it is" };
		cli_say("%s %s\n", f->path, said[r]);
		changed = changed || r == FILE_CHANGED;
		kept = kept || r == FILE_KEPT;
	}
	if (changed)
		cli_say("now rebuild the initramfs (update-initramfs -u, or dracut -f); it counts from the "
			"next boot\n");
	return kept ? EXIT_PARTIAL : EXIT_OK;
}

static int files_remove(struct cli *c)
{
	bool changed = false;
	for (size_t i = 0; i < N_BOOT_FILES; i++) {
		int r = cli_file_remove(c, boot_files[i].path, MARKER);
		if (r < 0)
			return cli_exit_code(&c->err);
		static const char *const said[] = { "is not there", "removed",
						    "is somebody else's: left as it is" };
		cli_say("%s %s\n", boot_files[i].path, said[r]);
		changed = changed || r == FILE_CHANGED;
	}
	if (changed)
		cli_say("now rebuild the initramfs (update-initramfs -u, or dracut -f)\n");
	return EXIT_OK;
}

static void files_print(const char *rules)
{
	for (size_t i = 0; i < N_BOOT_FILES; i++)
		printf("%s## %s\n%s", i ? "\n" : "", boot_files[i].path,
		       boot_files[i].text ? boot_files[i].text : rules);
	cli_say("nothing was written; --apply writes these files\n");
}

int cli_boot(struct cli *c)
{
	bool plan = cli_option_given(c, "plan"), apply = cli_option_given(c, "apply");
	if (plan + apply + cli_option_given(c, "remove") != 1)
		return cli_usage_error(c,
				       "integrate boot needs one of --plan, --apply and --remove");
	if (!plan && !apply)
		return files_remove(c);

	_cleanup_(policy_freep) struct policy *p = NULL;
	_cleanup_free_ char *rules = NULL;
	size_t n = 0;
	if (policy_of(c, &p) < 0 || rules_make(c, p, &rules, &n) < 0)
		return cli_exit_code(&c->err);
	if (n == 0) {
		cli_say("no enrolled device of this policy is to be bound early; has it been applied?\n");
		return EXIT_OK;
	}
	if (apply)
		return files_write(c, rules);
	files_print(rules);
	return EXIT_OK;
}
