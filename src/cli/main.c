/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The program carve: the table of its subcommands, and the end of each run. */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>

#include "api/client.h"
#include "base/cleanup.h"
#include "base/str.h"
#include "cli/cli.h"

const struct cli_option cli_global_options[] = {
	{ .name = "json", .help = "Print the answer as JSON" },
	{ .name = "socket", .arg = "PATH", .help = "Socket of carved (or set CARVE_SOCKET)" },
	{ .name = "help", .letter = 'h', .help = "Print this help" },
	{ .name = "version", .letter = 'V', .help = "Print versions" },
	{ .name = NULL },
};

#define WAIT_OPTION                                                                                \
	{                                                                                          \
		.name = "wait", .letter = 'w', .help = "Wait until it is done, as it does anyway"  \
	}
#define DEADLINE_OPTION                                                                            \
	{                                                                                          \
		.name = "deadline", .arg = "SECONDS", .help = "Give up waiting after so long"      \
	}
#define ROOT_OPTION                                                                                \
	{                                                                                          \
		.name = "root", .arg = "DIR", .help = "Take DIR for the root of the files"         \
	}
#define ONLY_OPTION                                                                                \
	{                                                                                          \
		.name = "only", .arg = "DEVICE", .help = "Only this device"                        \
	}
#define END                                                                                        \
	{                                                                                          \
		.name = NULL                                                                       \
	}

static const struct cli_option list_options[] = {
	{ .name = "all", .letter = 'a', .help = "Also bridges, VFs and system functions" },
	{ .name = "free", .help = "Of slices: those to be had, and what could be made" },
	END,
};
static const struct cli_option fit_options[] = {
	{ .name = "tenant",
	  .arg = "NAME",
	  .help = "What this tenant could have, by its quotas too" },
	END,
};
static const struct cli_option map_options[] = {
	{ .name = "policy",
	  .arg = "FILE",
	  .help = "As this policy would have it; - is standard input" },
	{ .name = "svg", .arg = "FILE", .help = "Write it as SVG; - is standard output" },
	{ .name = "color", .arg = "WHEN", .help = "auto, always or never (auto: on a terminal)" },
	END,
};
static const struct cli_option init_options[] = {
	{ .name = "write", .help = "Write the files; existing ones stay as they are" },
	ROOT_OPTION,
	END,
};
#define SERVICE_OPTION                                                                             \
	{                                                                                          \
		.name = "service",                                                                 \
		.help = "DEVICE is a systemd unit that policies may have stopped for a change"     \
	}
static const struct cli_option enroll_options[] = {
	{ .name = "label",
	  .arg = "LABEL",
	  .repeat = true,
	  .help = "A label that policies may match, instead of those it has" },
	SERVICE_OPTION,
	ROOT_OPTION,
	END,
};
static const struct cli_option unenroll_options[] = { SERVICE_OPTION, ROOT_OPTION, END };
static const struct cli_option plan_options[] = {
	ONLY_OPTION,
	{ .name = "save", .arg = "PLAN", .help = "Write the plan into a file, for apply --plan" },
	{ .name = "map", .help = "Draw what changes, before and after" },
	END,
};
static const struct cli_option apply_options[] = {
	ONLY_OPTION,
	{ .name = "plan", .arg = "PLAN", .help = "What plan --save wrote, and nothing else" },
	{ .name = "restore", .help = "Make what the last applied policy still lacks" },
	WAIT_OPTION,
	DEADLINE_OPTION,
	END,
};
static const struct cli_option rollback_options[] = {
	{ .name = "to", .arg = "VERSION", .help = "That one, of carve policy history" },
	{ .name = "plan", .help = "Only show the steps it would take" },
	WAIT_OPTION,
	DEADLINE_OPTION,
	END,
};
static const struct cli_option alloc_options[] = {
	{ .name = "for", .arg = "OWNER", .help = "Who it is for, as in libvirt:web01" },
	{ .name = "name", .arg = "NAME", .help = "Name of the claim" },
	{ .name = "reserved", .help = "Keep the slice while nobody uses it" },
	{ .name = "set",
	  .arg = "KEY=VALUE",
	  .repeat = true,
	  .help = "A setting: mac, vlan, trust, ..." },
	{ .name = "pid", .arg = "PID", .help = "End the claim with this process" },
	{ .name = "uid", .arg = "USER", .help = "Who may open the slice: a name or a number" },
	{ .name = "tenant", .arg = "NAME", .help = "For this tenant (root and carve-admin)" },
	{ .name = "near",
	  .arg = "CLAIM",
	  .help = "Near the slice of that claim, if there is room" },
	{ .name = "preemptible", .help = "It may end for who waits with a higher priority" },
	{ .name = "wait", .letter = 'w', .help = "Wait for a slice while none is free" },
	DEADLINE_OPTION,
	END,
};
static const struct cli_option release_options[] = {
	{ .name = "wait", .letter = 'w', .help = "Wait while somebody uses the slice" },
	{ .name = "deadline", .arg = "SECONDS", .help = "Wait, and give up after so long" },
	END,
};
static const struct cli_option drain_options[] = {
	{ .name = "reason", .arg = "TEXT", .help = "Why; shown to who looks" },
	{ .name = "undo", .help = "Let claims have it again" },
	{ .name = "wait", .letter = 'w', .help = "Wait until nothing of it is held" },
	{ .name = "deadline", .arg = "SECONDS", .help = "Wait, and give up after so long" },
	END,
};
static const struct cli_option handle_options[] = {
	{ .name = "format",
	  .arg = "FORMAT",
	  .help = "qemu, libvirt, container, json or env (env)" },
	{ .name = "pin", .help = "Of a container: keep it on the CPUs and memory near the slice" },
	END,
};
static const struct cli_option reclaim_options[] = {
	{ .name = "retry", .help = "Try again what could not be reclaimed" },
	END,
};
static const struct cli_option clear_options[] = {
	{ .name = "reason", .arg = "TEXT", .help = "Why it is good again; recorded" },
	END,
};
static const struct cli_option adopt_options[] = {
	{ .name = "plan", .help = "Only show what would become slices" },
	{ .name = "claim", .arg = "NAME", .help = "Make a claim of it, whoever uses it" },
	{ .name = "for", .arg = "OWNER", .help = "Who has it, as in libvirt:web01" },
	{ .name = "from", .arg = "TOOL", .help = "What mdevctl or driverctl defines" },
	ROOT_OPTION,
	END,
};
static const struct cli_option hand_back_options[] = {
	{ .name = "to", .arg = "TOOLS", .help = "mdevctl, driverctl, or both, with a comma" },
	{ .name = "plan", .help = "Only show what would be written" },
	ROOT_OPTION,
	END,
};
static const struct cli_option events_options[] = {
	{ .name = "follow", .letter = 'f', .help = "Go on as things happen" },
	{ .name = "last", .letter = 'n', .arg = "N", .help = "So many of the past (10)" },
	END,
};
static const struct cli_option boot_options[] = {
	{ .name = "plan", .help = "Print the files; nothing is written" },
	{ .name = "apply", .help = "Write the files" },
	{ .name = "remove", .help = "Remove the files" },
	{ .name = "policy", .arg = "FILE", .help = "Policy (/etc/carve/policy.yaml)" },
	ROOT_OPTION,
	END,
};

static const struct cli_option preflight_options[] = {
	{ .name = "kernel", .arg = "RELEASE", .help = "Kernel that is to run, as uname -r" },
	{ .name = "driver", .arg = "VERSION", .help = "NVIDIA's driver that is to run" },
	END,
};
static const struct cli_option check_options[] = {
	{ .name = "host",
	  .arg = "HOST",
	  .help = "Try them on this simulated host, too (carve-sim)" },
	END,
};

#define POLICY_FILE "Without FILE: the last applied policy. FILE - is standard input."

const struct cli_command cli_commands[] = {
	{ "list", "[WHAT]", 0, 1, "List devices, slices, classes, claims or tenants", list_options,
	  cli_list, "WHAT is devices (as without it), slices, classes, claims or tenants." },
	{ "map", "[DEVICE]", 0, 1, "Draw how devices are divided", map_options, cli_map, NULL },
	{ "fit", "[CLASS]", 0, 1, "Count what still fits", fit_options, cli_fit,
	  "Without CLASS: of all classes. Ends with 3 when nothing fits." },
	{ "show", "NAME", 1, 1, "Show one device, slice or claim", NULL, cli_show,
	  "NAME is an address, network interface, device key, slice, mdev UUID or claim." },
	{ "init", "", 0, 0, "Propose what to enroll and a first policy", init_options, cli_init,
	  NULL },
	{ "doctor", "", 0, 0, "Look for what keeps slices from working", NULL, cli_doctor, NULL },
	{ "preflight", "", 0, 0, "Say what another kernel or driver would break", preflight_options,
	  cli_preflight, "Without options: what the running ones do not hold up." },
	{ "enroll", "DEVICE", 1, 1, "Put a device under carve (root)", enroll_options, cli_enroll,
	  NULL },
	{ "unenroll", "DEVICE", 1, 1, "Take a device from carve (root)", unenroll_options,
	  cli_unenroll, NULL },
	{ "plan", "[FILE]", 0, 1, "Show the steps that apply would take", plan_options, cli_plan,
	  POLICY_FILE },
	{ "apply", "[FILE]", 0, 1, "Make the host as a policy says", apply_options, cli_apply,
	  POLICY_FILE },
	{ "rollback", "", 0, 0, "Apply the policy that was applied before", rollback_options,
	  cli_rollback, "Without --to: the newest one whose text is not the applied one." },
	{ "alloc", "CLASS", 1, 1, "Claim a slice of a class", alloc_options, cli_alloc, NULL },
	{ "release", "CLAIM", 1, 1, "Give a claim's slice back", release_options, cli_release,
	  NULL },
	{ "handle", "CLAIM", 1, 1, "Print how to use a claim's slice", handle_options, cli_handle,
	  NULL },
	{ "defrag", "[CLASS]", 0, 1, "Propose moves that make room", NULL, cli_defrag,
	  "Of claims whose class says movable. Nothing is moved." },
	{ "holders", "DEVICE", 1, 1, "Show who uses a device", NULL, cli_holders, NULL },
	{ "drain", "DEVICE", 1, 1, "Give nothing more of a device to claims", drain_options,
	  cli_drain, "What is held stays. Ends with 4 while something is." },
	{ "reclaim", "[CLAIM]", 0, 1, "Try again what could not be reclaimed", reclaim_options,
	  cli_reclaim, "--retry is needed: it is tried by itself when the cause is gone." },
	{ "quarantine list", "", 0, 0, "List what is kept out of use", NULL, cli_quarantine_list,
	  NULL },
	{ "quarantine clear", "NAME", 1, 1, "Let a slice or device be used again", clear_options,
	  cli_quarantine_clear, "--reason is needed." },
	{ "adopt", "[NAME...]", 0, CLI_OPERANDS_MAX, "Take over what others made on a device",
	  adopt_options, cli_adopt,
	  "NAME is a device, the UUID of an mdev, or the address of a VF; with --from, any number." },
	{ "disown", "NAME", 1, 1, "Forget a free slice, and leave it there", NULL, cli_disown,
	  "NAME is a slice, the UUID of an mdev, or a device." },
	{ "hand-back", "[NAME...]", 0, CLI_OPERANDS_MAX,
	  "Give slices to mdevctl and driverctl (root)", hand_back_options, cli_hand_back,
	  "NAME is a slice, the UUID of an mdev, or a device. Without: all that the policy divides." },
	{ "events", "", 0, 0, "Show what happened", events_options, cli_events, NULL },
	{ "policy check", "FILE...", 1, CLI_OPERANDS_MAX, "Check policy files; needs no service",
	  check_options, cli_policy_check,
	  "Whether one suits the machine here, carve plan shows." },
	{ "policy explain", "DEVICE [FILE]", 1, 2, "Say what becomes of a device, and why", NULL,
	  cli_policy_explain, POLICY_FILE },
	{ "policy history", "", 0, 0, "List the policies that were applied", NULL,
	  cli_policy_history, NULL },
	{ "policy show", "[VERSION]", 0, 1, "Print the text of an applied policy", NULL,
	  cli_policy_show, "Without VERSION: the last applied one." },
	{ "policy schema", "", 0, 0, "Print the JSON schema of policy files", NULL,
	  cli_policy_schema, NULL },
	{ "integrate boot", "", 0, 0, "Bind passed-through devices early", boot_options, cli_boot,
	  "One of --plan, --apply and --remove is needed." },
	{ "version", "", 0, 0, "Print the versions of carve and carved", NULL, cli_version, NULL },
	{ .name = NULL },
};

int cli_version(struct cli *c)
{
	json_t *reply = NULL;
	/* That carved does not answer is an answer here. */
	if (cli_call(c, "GetInfo", NULL, &reply) < 0)
		err_done(&c->err);
	const char *carved = json_string_value(json_object_get(reply, "version"));
	int code = EXIT_OK;
	if (c->json) {
		json_t *o = json_pack("{s:s, s:s?}", "carve", CARVE_VERSION, "carved", carved);
		code = cli_print_json(o);
		json_decref(o);
	} else {
		printf("carve %s\n", CARVE_VERSION);
		if (carved)
			printf("carved %s\n", carved);
		else
			cli_say("carved does not answer\n");
	}
	json_decref(reply);
	return code;
}

/* Says once what went wrong: text on stderr, and as data when JSON was asked for. */
static int finish(struct cli *c, int code)
{
	cli_progress_end(c);
	if (err_is_set(&c->err)) {
		err_print(stderr, &c->err);
		json_t *e = c->json ? json_pack("{s:o}", "error", err_to_json(&c->err)) : NULL;
		if (e)
			cli_print_json(e);
		json_decref(e);
	}
	if (fflush(stdout) == 0 && !ferror(stdout))
		return code;
	fprintf(stderr, "carve: cannot write the output: %s\n", strerror(errno));
	return code == EXIT_OK ? EXIT_FAILED : code;
}

int main(int argc, char **argv)
{
	/* A reader that went away shows as a failed write. */
	signal(SIGPIPE, SIG_IGN);
	struct cli c = { 0 };
	int code = cli_parse(&c, argc, argv);
	if (code > 0)
		return code - 1;
	c.json = cli_option_given(&c, "json");
	const char *no_color = getenv("NO_COLOR");
	c.color = isatty(STDOUT_FILENO) && !(no_color && *no_color);
	code = finish(&c, c.command->run(&c));
	c.client = api_close(c.client);
	err_done(&c.err);
	return code;
}
