/* SPDX-License-Identifier: GPL-2.0-or-later */
/* carve-sim: runs programs on a machine that is only described. */
#include <errno.h>
#include <getopt.h>
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
	bool services, json;
	struct capture_options capture;
};

struct command {
	const char *name, *operands, *summary;
	unsigned least, most; /* operands */
	int (*run)(struct options *o, char **operands, int n);
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
	int r = capture_run(&o->capture, n ? operands[0] : NULL, &err);
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

#define ANY 1000
static const struct command commands[] = {
	{ "run", "-- PROGRAM [ARGUMENT...]", "run a program on a simulated machine", 1, ANY,
	  cmd_run },
	{ "shell", "", "a shell there, with the services running", 0, 0, cmd_shell },
	{ "check", "POLICY", "what a policy would do there; fails when it cannot hold", 1, 1,
	  cmd_check },
	{ "capture", "[FILE]", "write this machine down as a host file", 0, 1, cmd_capture },
	{ "hosts", "", "the hosts that come with it", 0, 0, cmd_hosts },
	{ "schema", "", "print the JSON schema of host files", 0, 0, cmd_schema },
	{ "fault", "PATH [read|write|event] [N|N+|N+TIMES] EFFECT",
	  "inside: let something go wrong", 2, ANY, cmd_fault },
	{ "faults", "", "inside: those that are set", 0, 0, cmd_faults },
	{ "clear", "[NUMBER]", "inside: clear one fault, or all", 0, 1, cmd_clear },
	{ "hold", "FUNCTION|UUID [-- PROGRAM...]", "inside: hold it as a virtual machine would", 1,
	  ANY, cmd_hold },
	{ "pull", "FUNCTION", "inside: take a card out", 1, 1, cmd_pull },
	{ "plug", "", "inside: put back what was taken out", 0, 0, cmd_plug },
	{ "reboot", "[renumber]", "inside: power off and on; with other bus and group numbers", 0,
	  1, cmd_reboot },
	{ "trace", "[NUMBER]", "inside: writes and events, behind an entry", 0, 1, cmd_trace },
	{ "pace", "PERCENT", "inside: how fast the machine is; 0: nothing takes time", 1, 1,
	  cmd_pace },
	{ "status", "", "inside: the machine, and who waits for what", 0, 0, cmd_status },
};
#define COMMANDS (sizeof(commands) / sizeof(*commands))

static void usage(FILE *f)
{
	fputs("usage: carve-sim COMMAND [OPTION]... [OPERAND]...\n"
	      "Runs programs on a machine that is only described: /sys, /dev and events are simulated and "
	      "behave.\n\n",
	      f);
	for (size_t i = 0; i < COMMANDS; i++)
		fprintf(f, "  %-7s %-46s %s\n", commands[i].name, commands[i].operands,
			commands[i].summary);
	fputs("\n"
	      "  --host=NAME|FILE  the machine\n"
	      "  --pace=PERCENT    how fast it is (100); 0: nothing takes time\n"
	      "  --fault=TEXT|@FILE  as \"carve-sim fault\", from the start on; a line each of a file\n"
	      "  --services        run: carved and carve-executor, too\n"
	      "  --name=NAME       hold: what the process is called (qemu-system-x86)\n"
	      "  --json            check: for programs\n"
	      "  --anonymous       capture: hide serial numbers, addresses and names\n"
	      "  --sys=DIR --dev=DIR --proc=DIR  capture: of other trees than this machine's\n"
	      "  --help --version\n",
	      f);
}

static int parse(struct options *o, int argc, char **argv)
{
	static const struct option options[] = {
		{ "host", required_argument, NULL, 'h' },
		{ "pace", required_argument, NULL, 'p' },
		{ "fault", required_argument, NULL, 'f' },
		{ "services", no_argument, NULL, 's' },
		{ "name", required_argument, NULL, 'n' },
		{ "json", no_argument, NULL, 'j' },
		{ "anonymous", no_argument, NULL, 'A' },
		{ "sys", required_argument, NULL, 'S' },
		{ "dev", required_argument, NULL, 'D' },
		{ "proc", required_argument, NULL, 'P' },
		{ "help", no_argument, NULL, '?' + 256 },
		{ "version", no_argument, NULL, 'V' },
		{ NULL, 0, NULL, 0 },
	};
	for (int c; (c = getopt_long(argc, argv, "+", options, NULL)) >= 0;)
		switch (c) {
		case 'h':
			o->host = optarg;
			break;
		case 'p':
			if (num_parse_u32(optarg, 10, &o->pace) < 0) {
				fprintf(stderr, "carve-sim: --pace wants per cent, not \"%s\"\n",
					optarg);
				return -EINVAL;
			}
			break;
		case 'f':
			if (o->n_faults == FAULTS_MAX)
				return -EINVAL;
			o->faults[o->n_faults++] = optarg;
			break;
		case 's':
			o->services = true;
			break;
		case 'n':
			o->name = optarg;
			break;
		case 'j':
			o->json = true;
			break;
		case 'A':
			o->capture.anonymous = true;
			break;
		case 'S':
			o->capture.sys = optarg;
			break;
		case 'D':
			o->capture.dev = optarg;
			break;
		case 'P':
			o->capture.proc = optarg;
			break;
		case 'V':
			puts("carve-sim " CARVE_VERSION);
			return 0;
		case '?' + 256:
			usage(stdout);
			return 0;
		default: /* getopt's own word for a mistake */
			return -EINVAL;
		}
	return 1;
}

/* Options may stand before and behind the operand that is not part of a program. */
static int command_run(const struct command *c, struct options *o, int argc, char **argv)
{
	char *first[ANY];
	int n = 0, r = parse(o, argc, argv);
	bool program = c->most == ANY;
	while (r > 0 && optind < argc && n < ANY - 1) {
		first[n++] = argv[optind++];
		if (!program || n < (int)c->least - 1)
			r = optind < argc ? parse(o, argc, argv) : r;
	}
	first[n] = NULL;
	if (r == 0)
		return 0;
	if (r < 0 || n < (int)c->least || n > (int)c->most) {
		fprintf(stderr, "usage: carve-sim %s [OPTION]... %s\n", c->name, c->operands);
		return 2;
	}
	return c->run(o, first, n);
}

int main(int argc, char **argv)
{
	struct options o = { .pace = 100 };
	program_remember();
	for (size_t i = 0; argc > 1 && i < COMMANDS; i++)
		if (str_eq(argv[1], commands[i].name))
			return command_run(&commands[i], &o, argc - 1, argv + 1);
	if (argc > 2 && str_eq(argv[1], "hold-nodes")) /* of the world */
		return world_hold_nodes(argv[2], argv + 3);
	if (argc > 2 && str_eq(argv[1], "check-inside")) /* of check_run() */
		return check_inside(argv[2], argc > 3);
	if (argc > 1 && argv[1][0] != '-')
		fprintf(stderr, "carve-sim: there is no command \"%s\"\n", argv[1]);
	else if (argc > 1 && parse(&o, argc, argv) == 0)
		return 0;
	usage(stderr);
	return 2;
}
