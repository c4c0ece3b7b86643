/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * carve-sim: runs programs on a machine that is only described. Commands and options are rows of two tables;
 * the dispatch, the checks of the command line and --help read the same.
 */
#include <ctype.h>
#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/num.h"
#include "base/str.h"
#include "sim/capture.h"
#include "sim/check.h"
#include "sim/control.h"
#include "sim/host.h"
#include "sim/program.h"
#include "sim/world.h"

#define FAULTS_MAX 32

struct options {
	const char *host, *name;
	const char *faults[FAULTS_MAX + 1];
	size_t n_faults;
	uint32_t pace;
	bool services, json, help, version;
	struct capture_options capture;
};

struct command {
	const char *name, *operands, *summary;
	unsigned least, most; /* operands */
	unsigned program;     /* the operand that a program begins with, from 1; 0: none does */
	int (*run)(struct options *o, char **operands, int n);
};

struct option_row {
	const char *name, *argument, *help; /* argument NULL: it takes none */
	const char *commands;		    /* those that take it: "run, shell"; NULL: all */
	size_t at; /* in struct options: the argument, or a bool without one */
	int (*take)(struct options *o, const char *argument); /* instead of at */
};

static int fail(const struct err *err)
{
	err_print(stderr, err);
	return 125;
}

static struct host *host_wanted(const struct options *o, struct err *err)
{
	if (o->host)
		return host_open(o->host, err);
	err_set(err, "sim.host.none", EINVAL, "no host was named");
	err_because(err, "which machine is to be simulated is always said");
	err_todo(err,
		 "--host NAME or --host FILE; \"carve-sim hosts\" names those that come with it");
	return NULL;
}

static int run_in_world(const struct options *o, char **argv, bool services)
{
	_cleanup_err_ struct err err = { 0 };
	struct host *host = host_wanted(o, &err);
	if (!host)
		return fail(&err);
	const struct world_options w = { .host = host,
					 .pace = o->pace / 100.0,
					 .services = services,
					 .argv = argv,
					 .faults = o->faults };
	int r = world_run(&w, &err);
	if (r < 0)
		r = fail(&err);
	host_free(host);
	return r;
}

static int cmd_run(struct options *o, char **operands, int n)
{
	(void)n;
	return run_in_world(o, operands, o->services);
}

static int cmd_shell(struct options *o, char **operands, int n)
{
	const char *shell = getenv("SHELL");
	char *argv[] = { (char *)(uintptr_t)(shell && *shell ? shell : "/bin/sh"), NULL };
	(void)operands;
	(void)n;
	(void)setenv("PS1", "carve-sim:\\w# ", 1);
	if (isatty(STDIN_FILENO) && o->host)
		fprintf(stderr,
			"A simulated machine, %s, with carve's services running; \"exit\" leaves it.\n",
			o->host);
	return run_in_world(o, argv, true);
}

static int ask(const char *word, char **operands, int n)
{
	const char *words[16] = { word };
	if (n > 14) {
		fprintf(stderr, "carve-sim: more words than any request has\n");
		return 2;
	}
	for (int i = 0; i < n; i++)
		words[i + 1] = operands[i];
	return control_ask(words);
}

#define ASK(word)                                                                                  \
	static int cmd_##word(struct options *o, char **operands, int n)                           \
	{                                                                                          \
		(void)o;                                                                           \
		return ask(#word, operands, n);                                                    \
	}
ASK(fault)
ASK(faults)
ASK(clear)
ASK(pull)
ASK(plug)
ASK(reboot)
ASK(trace)
ASK(pace)
ASK(status)

static int cmd_hold(struct options *o, char **operands, int n)
{
	char **program = operands + 1;
	if (n > 1 && str_eq(*program, "--"))
		program++;
	return control_hold(operands[0], o->name, n > 1 ? program : NULL);
}

static int cmd_check(struct options *o, char **operands, int n)
{
	_cleanup_err_ struct err err = { 0 };
	(void)n;
	struct host *host = host_wanted(o, &err);
	if (!host)
		return fail(&err);
	int r = check_run(host, operands[0], o->json, &err);
	if (r < 0)
		r = fail(&err);
	host_free(host);
	return r;
}

static int cmd_capture(struct options *o, char **operands, int n)
{
	_cleanup_err_ struct err err = { 0 };
	int r = capture_run(&o->capture, n && !str_eq(operands[0], "-") ? operands[0] : NULL, &err);
	return r == 0 ? 0 : fail(&err);
}

static int cmd_hosts(struct options *o, char **operands, int n)
{
	(void)o;
	(void)operands;
	(void)n;
	_cleanup_free_ char *text = host_list();
	return text && fputs(text, stdout) >= 0 ? 0 : 1;
}

static int cmd_schema(struct options *o, char **operands, int n)
{
	(void)o;
	(void)operands;
	(void)n;
	_cleanup_free_ char *text = host_schema();
	return text && fputs(text, stdout) >= 0 ? 0 : 1;
}

#define ANY UINT_MAX
static const struct command commands[] = {
	{ "run", "-- PROGRAM [ARGUMENT...]", "run a program on a simulated machine", 1, ANY, 1,
	  cmd_run },
	{ "shell", "", "a shell there, with the services running", 0, 0, 0, cmd_shell },
	{ "check", "POLICY", "what a policy would do there; fails when it cannot hold", 1, 1, 0,
	  cmd_check },
	{ "capture", "[FILE]", "write this machine down as a host file", 0, 1, 0, cmd_capture },
	{ "hosts", "", "the hosts that come with it", 0, 0, 0, cmd_hosts },
	{ "schema", "", "print the JSON schema of host files", 0, 0, 0, cmd_schema },
	{ "fault", "PATH [read|write|event] [N|N+|N+TIMES] EFFECT",
	  "inside: let something go wrong", 2, ANY, 0, cmd_fault },
	{ "faults", "", "inside: those that are set", 0, 0, 0, cmd_faults },
	{ "clear", "[NUMBER]", "inside: clear one fault, or all", 0, 1, 0, cmd_clear },
	{ "hold", "FUNCTION|UUID|NODE [-- PROGRAM...]",
	  "inside: hold it as a virtual machine would", 1, ANY, 2, cmd_hold },
	{ "pull", "FUNCTION", "inside: take a card out", 1, 1, 0, cmd_pull },
	{ "plug", "", "inside: put back what was taken out", 0, 0, 0, cmd_plug },
	{ "reboot", "[renumber]", "inside: power off and on; with other bus and group numbers", 0,
	  1, 0, cmd_reboot },
	{ "trace", "[NUMBER]", "inside: writes and events, behind an entry", 0, 1, 0, cmd_trace },
	{ "pace", "PERCENT", "inside: how fast the machine is; 0: nothing takes time", 1, 1, 0,
	  cmd_pace },
	{ "status", "", "inside: the machine, and who waits for what", 0, 0, 0, cmd_status },
};
#define COMMANDS (sizeof(commands) / sizeof(*commands))

static int take_pace(struct options *o, const char *argument)
{
	if (num_parse_u32(argument, 10, &o->pace) == 0)
		return 0;
	fprintf(stderr, "carve-sim: --pace wants per cent, not \"%s\"\n", argument);
	return -EINVAL;
}

static int take_fault(struct options *o, const char *argument)
{
	if (o->n_faults < FAULTS_MAX) {
		o->faults[o->n_faults++] = argument;
		return 0;
	}
	fprintf(stderr, "carve-sim: more than %d times --fault; a file may have more: @FILE\n",
		FAULTS_MAX);
	return -E2BIG;
}

#define AT(member) offsetof(struct options, member), NULL
static const struct option_row options[] = {
	{ "host", "NAME|FILE", "the machine", "run, shell, check", AT(host) },
	{ "pace", "PERCENT", "how fast it is (100); 0: nothing takes time", "run, shell", 0,
	  take_pace },
	{ "fault", "TEXT|@FILE", "as \"carve-sim fault\", from the start on; a line each of a file",
	  "run, shell", 0, take_fault },
	{ "services", NULL, "carved and carve-executor, too", "run", AT(services) },
	{ "json", NULL, "for programs", "check", AT(json) },
	{ "anonymous", NULL, "hide serial numbers, addresses and names", "capture",
	  AT(capture.anonymous) },
	{ "sys", "DIR", "of this tree instead of /sys", "capture", AT(capture.sys) },
	{ "dev", "DIR", "of this tree instead of /dev", "capture", AT(capture.dev) },
	{ "proc", "DIR", "of this tree instead of /proc", "capture", AT(capture.proc) },
	{ "name", "NAME", "what the process is called (qemu-system-x86)", "hold", AT(name) },
	{ "help", NULL, "print this; behind a command: what goes with that", NULL, AT(help) },
	{ "version", NULL, "print the version", NULL, AT(version) },
};
#define OPTIONS (sizeof(options) / sizeof(*options))

static bool is_taken(const struct option_row *k, const struct command *c)
{
	size_t len = c ? strlen(c->name) : 0;
	for (const char *w = k->commands; c && w && *w; w += strspn(w, ", ")) {
		size_t n = strcspn(w, ",");
		if (n == len && memcmp(w, c->name, n) == 0)
			return true;
		w += n;
	}
	return !k->commands;
}

/* c NULL: of all commands. */
static void options_print(FILE *f, const struct command *c)
{
	char left[32];
	for (const struct option_row *k = options; k < options + OPTIONS; k++) {
		if (c && !is_taken(k, c))
			continue;
		(void)STR_FORMAT(left, "--%s%s%s", k->name, k->argument ? "=" : "",
				 k->argument ? k->argument : "");
		bool who = !c && k->commands;
		fprintf(f, "  %-19s %s%s%s\n", left, who ? k->commands : "", who ? ": " : "",
			k->help);
	}
}

static void usage(FILE *f)
{
	fputs("usage: carve-sim COMMAND [OPTION]... [OPERAND]...\n"
	      "Runs programs on a machine that is only described: /sys, /dev and events are simulated and "
	      "behave.\n\n",
	      f);
	for (size_t i = 0; i < COMMANDS; i++)
		fprintf(f, "  %-7s %-46s %s\n", commands[i].name, commands[i].operands,
			commands[i].summary);
	fputc('\n', f);
	options_print(f, NULL);
}

static void usage_line(FILE *f, const struct command *c)
{
	fprintf(f, "usage: carve-sim %s [OPTION]...%s%s\n", c->name, *c->operands ? " " : "",
		c->operands);
}

static void help(const struct command *c)
{
	if (!c) {
		usage(stdout);
		return;
	}
	usage_line(stdout, c);
	printf("%c%s.\n\n", toupper((unsigned char)*c->summary), c->summary + 1);
	options_print(stdout, c);
}

static int option_refuse(const struct command *c, const struct option_row *k)
{
	if (c)
		fprintf(stderr, "carve-sim: \"%s\" takes no --%s, which is for: %s\n", c->name,
			k->name, k->commands);
	else
		fprintf(stderr, "carve-sim: --%s stands behind a command: %s\n", k->name,
			k->commands);
	return -EINVAL;
}

static int option_take(const struct command *c, struct options *o, const struct option_row *k)
{
	if (!is_taken(k, c))
		return option_refuse(c, k);
	if (k->take)
		return k->take(o, optarg);
	if (k->argument)
		*(const char **)((char *)o + k->at) = optarg;
	else
		*(bool *)((char *)o + k->at) = true;
	return 0;
}

/* Takes options up to the next operand; a mistake is told. *ret_ended: "--" was among them, so that no more
 * can follow. */
static int options_take(const struct command *c, struct options *o, int argc, char **argv,
			bool *ret_ended)
{
	struct option known[OPTIONS + 1] = { 0 };
	for (size_t i = 0; i < OPTIONS; i++)
		known[i] = (struct option){ options[i].name,
					    options[i].argument ? required_argument : no_argument,
					    NULL, 1 };
	int at = 0, before = optind, found;
	while ((found = getopt_long(argc, argv, "+", known, &at)) >= 0) {
		if (found != 1) /* it has told the mistake */
			return -EINVAL;
		int r = option_take(c, o, &options[at]);
		if (r < 0)
			return r;
		before = optind;
	}
	*ret_ended = optind > before;
	return 0;
}

/* Options may stand before and behind operands, but for those of a program. Operands are moved to the front of
 * argv, behind its first word: getopt has read so far, and looks only ahead. Their number. */
static int words_take(const struct command *c, struct options *o, int argc, char **argv)
{
	char **operands = argv + 1;
	bool ended = false;
	int n = 0;
	for (;;) {
		int r = ended ? 0 : options_take(c, o, argc, argv, &ended);
		if (r < 0)
			return r;
		if (optind >= argc)
			break;
		operands[n++] = argv[optind++];
		ended = ended || (unsigned)n == c->program;
	}
	operands[n] = NULL;
	return n;
}

static bool number_fits(const struct command *c, char **operands, int n)
{
	if ((unsigned)n > c->most)
		fprintf(stderr, "carve-sim: \"%s\" is one operand too many\n", operands[c->most]);
	else if ((unsigned)n < c->least)
		fprintf(stderr, "carve-sim: \"%s\" needs %s\n", c->name, c->operands);
	else
		return true;
	return false;
}

/* help and version are done; false: neither was asked for. */
static bool told(const struct command *c, const struct options *o)
{
	if (o->help)
		help(c);
	else if (o->version)
		puts("carve-sim " CARVE_VERSION);
	return o->help || o->version;
}

static int command_run(const struct command *c, int argc, char **argv)
{
	struct options o = { .pace = 100 };
	int n = words_take(c, &o, argc, argv);
	if (n >= 0 && told(c, &o))
		return 0;
	if (n < 0 || !number_fits(c, argv + 1, n)) {
		usage_line(stderr, c);
		return 2;
	}
	return c->run(&o, argv + 1, n);
}

/* Without a command there is help, and the version. */
static int no_command(int argc, char **argv)
{
	struct options o = { 0 };
	bool ended;
	if (argc > 1 && argv[1][0] != '-')
		fprintf(stderr, "carve-sim: there is no command \"%s\"\n", argv[1]);
	else if (options_take(NULL, &o, argc, argv, &ended) == 0 && told(NULL, &o))
		return 0;
	usage(stderr);
	return 2;
}

int main(int argc, char **argv)
{
	program_remember();
	if (argc > 2 && str_eq(argv[1], "hold-nodes")) /* of the world */
		return world_hold_nodes(argv[2], argv + 3);
	if (argc > 1 && str_eq(argv[1], "sriov-manage")) /* of the script in the world */
		return control_ask((const char *const *)(uintptr_t)(argv + 1));
	if (argc > 2 && str_eq(argv[1], "check-inside")) /* of check_run() */
		return check_inside(argv[2], argc > 3);
	for (size_t i = 0; argc > 1 && i < COMMANDS; i++)
		if (str_eq(argv[1], commands[i].name)) {
			argv[1] = (char *)"carve-sim"; /* who getopt says it is */
			return command_run(&commands[i], argc - 1, argv + 1);
		}
	return no_command(argc, argv);
}
