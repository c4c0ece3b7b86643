/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The command line: from argv to a row of the table of subcommands, its options and operands. */
#include <errno.h>

#include "base/num.h"
#include "base/str.h"
#include "cli/cli.h"

static const struct cli_command *command_find(const char *first, const char *second, int *ret_words)
{
	for (const struct cli_command *k = cli_commands; k->name; k++) {
		const char *rest = str_after(k->name, first);
		if (!rest)
			continue;
		if (*rest == '\0') {
			*ret_words = 1;
			return k;
		}
		if (*rest == ' ' && second && str_eq(rest + 1, second)) {
			*ret_words = 2;
			return k;
		}
	}
	return NULL;
}

/* Is word the first of subcommands of two words ("policy")? */
static bool is_group(const char *word)
{
	for (const struct cli_command *k = cli_commands; k->name; k++) {
		const char *rest = str_after(k->name, word);
		if (rest && *rest == ' ')
			return true;
	}
	return false;
}

static const struct cli_option *option_in(const struct cli_option *table, const char *name,
					  size_t len, char letter)
{
	for (; table && table->name; table++) {
		if (letter && table->letter == letter)
			return table;
		if (name && strlen(table->name) == len && memcmp(table->name, name, len) == 0)
			return table;
	}
	return NULL;
}

static const struct cli_option *option_find(const struct cli *c, const char *name, size_t len,
					    char letter)
{
	const struct cli_option *o = option_in(cli_global_options, name, len, letter);
	return o || !c->command ? o : option_in(c->command->options, name, len, letter);
}

const char *cli_option_value(const struct cli *c, const char *name)
{
	for (size_t i = 0; i < c->n_given; i++)
		if (str_eq(c->given[i].option->name, name))
			return c->given[i].value;
	return NULL;
}

int cli_option_number(const struct cli *c, const char *name, uint32_t max, uint32_t fallback,
		      uint32_t *ret)
{
	const char *text = cli_option_value(c, name);
	uint64_t value = fallback;
	if (text && (num_parse(text, 10, max, &value) < 0 || value == 0)) {
		cli_usage_error(c, "--%s must be a number from 1 to %u, not %s", name, max, text);
		return -EINVAL;
	}
	*ret = (uint32_t)value;
	return 0;
}

static void print_options(FILE *f, const struct cli_option *o)
{
	for (; o && o->name; o++) {
		char left[64], letter[8] = "   ";
		if (o->letter)
			(void)STR_FORMAT(letter, "-%c,", o->letter);
		(void)STR_FORMAT(left, "%s --%s%s%s", letter, o->name, o->arg ? " " : "",
				 o->arg ? o->arg : "");
		fprintf(f, "  %-24s %s\n", left, o->help);
	}
}

static void help_command(FILE *f, const struct cli_command *k)
{
	fprintf(f, "usage: carve %s%s%s%s\n\n%s.\n", k->name, k->operands[0] ? " " : "",
		k->operands, k->options ? " [OPTION]..." : "", k->summary);
	if (k->more)
		fprintf(f, "%s\n", k->more);
	fputs("\nOptions:\n", f);
	print_options(f, k->options);
	print_options(f, cli_global_options);
}

static void help_commands(FILE *f, const char *group)
{
	for (const struct cli_command *k = cli_commands; k->name; k++) {
		if (group && !str_after(k->name, group))
			continue;
		char left[64];
		(void)STR_FORMAT(left, "%s %s", k->name, k->operands);
		fprintf(f, "  %-29s %s\n", left, k->summary);
	}
}

static void help_all(FILE *f)
{
	fputs("usage: carve COMMAND [OPTION]...\n\n"
	      "Divides the accelerators of this host and hands the parts to virtual machines.\n\n"
	      "Commands:\n",
	      f);
	help_commands(f, NULL);
	fputs("\nOptions:\n", f);
	print_options(f, cli_global_options);
	fputs("\nExit status: 0 done, 1 failed, 2 usage, 3 refused, 4 partly done,\n"
	      "5 no answer from carved, 6 timed out.\n"
	      "carve COMMAND --help has the options of a command; see also carve(1).\n",
	      f);
}

int cli_usage_error(const struct cli *c, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	fputs("carve: ", stderr);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fprintf(stderr, "\nsee: carve %s%s--help\n", c->command ? c->command->name : "",
		c->command ? " " : "");
	return EXIT_USAGE;
}

static int option_add(struct cli *c, const struct cli_option *o, const char *value)
{
	if (!o->repeat && cli_option_given(c, o->name))
		return cli_usage_error(c, "--%s is given twice", o->name);
	if (c->n_given == CLI_GIVEN_MAX)
		return cli_usage_error(c, "more than %d options", CLI_GIVEN_MAX);
	c->given[c->n_given].option = o;
	c->given[c->n_given++].value = value ? value : "";
	return EXIT_OK;
}

/* Takes argv[*i], an option, and its value, which may be the next word. */
static int option_take(struct cli *c, int argc, char **argv, int *i)
{
	const char *word = argv[*i], *name = str_after(word, "--");
	size_t len = name ? strcspn(name, "=") : 0;
	const struct cli_option *o = option_find(c, name, len, name ? '\0' : word[1]);
	if (!o)
		return cli_usage_error(c, "unknown option %s", word);
	const char *value = NULL;
	if (name && name[len] == '=')
		value = name + len + 1;
	else if (!name && word[2])
		value = word + 2;
	if (!o->arg)
		return value ? cli_usage_error(c, "--%s takes no value", o->name)
			     : option_add(c, o, NULL);
	if (!value && *i + 1 < argc)
		value = argv[++*i];
	return value ? option_add(c, o, value)
		     : cli_usage_error(c, "--%s needs %s", o->name, o->arg);
}

static int operand_take(struct cli *c, const char *word)
{
	if (c->n_operands >= c->command->most)
		return cli_usage_error(c, "%s is one operand too many", word);
	c->operands[c->n_operands++] = word;
	return EXIT_OK;
}

static int command_take(struct cli *c, int argc, char **argv, int *i)
{
	int words = 1;
	const char *second = *i + 1 < argc ? argv[*i + 1] : NULL;
	c->command = command_find(argv[*i], second, &words);
	if (c->command) {
		*i += words - 1;
		return EXIT_OK;
	}
	if (!is_group(argv[*i]))
		return cli_usage_error(c, "unknown command %s", argv[*i]);
	bool help = second && (str_eq(second, "--help") || str_eq(second, "-h"));
	FILE *f = help ? stdout : stderr;
	fputs("Commands:\n", f);
	help_commands(f, argv[*i]);
	return help ? -1 : EXIT_USAGE;
}

/* EXIT_OK, another exit code, or -1: help was printed. */
static int words_take(struct cli *c, int argc, char **argv)
{
	bool options = true;
	for (int i = 1; i < argc; i++) {
		int r = EXIT_OK;
		if (options && str_eq(argv[i], "--"))
			options = false;
		else if (options && argv[i][0] == '-' && argv[i][1])
			r = option_take(c, argc, argv, &i);
		else if (!c->command)
			r = command_take(c, argc, argv, &i);
		else
			r = operand_take(c, argv[i]);
		if (r != EXIT_OK)
			return r;
	}
	return EXIT_OK;
}

int cli_parse(struct cli *c, int argc, char **argv)
{
	int r = words_take(c, argc, argv);
	if (r != EXIT_OK)
		return r < 0 ? EXIT_OK + 1 : r + 1;
	if (cli_option_given(c, "help")) {
		if (c->command)
			help_command(stdout, c->command);
		else
			help_all(stdout);
		return EXIT_OK + 1;
	}
	if (cli_option_given(c, "version"))
		c->command = command_find("version", NULL, &r);
	if (!c->command) {
		help_all(stderr);
		return EXIT_USAGE + 1;
	}
	if (c->n_operands < c->command->least)
		return cli_usage_error(c, "%s needs %s", c->command->name, c->command->operands) +
		       1;
	return 0;
}
