/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The command carve: what its subcommands share. Each subcommand is a row of a table with its options
 * and its handler; --help, the dispatch and the checks of the command line read the same tables.
 */
#pragma once
#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

struct api_client;

/* What the program exits with (carve(1), EXIT STATUS). */
enum cli_exit {
	EXIT_OK = 0,
	EXIT_FAILED = 1,
	EXIT_USAGE = 2,
	EXIT_REFUSED = 3,     /* a guard or a permission said no; nothing was changed */
	EXIT_PARTIAL = 4,     /* some devices are as wanted, others are not */
	EXIT_UNREACHABLE = 5, /* carved does not answer */
	EXIT_TIMEOUT = 6,     /* what was waited for did not come in time */
};

#define CLI_JSON_VERSION 1
#define CLI_GIVEN_MAX 64
#define CLI_OPERANDS_MAX 64

struct cli_option {
	const char *name; /* without dashes; NULL ends a table */
	char letter;	  /* 0: none */
	const char *arg;  /* name of its value; NULL: takes none */
	bool repeat;
	const char *help;
};

struct cli;

struct cli_command {
	const char *name;     /* "list", "policy check" */
	const char *operands; /* "[FILE]" as shown */
	unsigned least, most; /* how many operands */
	const char *summary;
	const struct cli_option *options; /* NULL: none */
	int (*run)(struct cli *c);	  /* returns enum cli_exit */
	const char *more;		  /* further lines of its help; may be NULL */
};

struct cli {
	const struct cli_command *command;
	struct {
		const struct cli_option *option;
		const char *value;
	} given[CLI_GIVEN_MAX];
	size_t n_given;
	const char *operands[CLI_OPERANDS_MAX];
	size_t n_operands;

	bool json, color;
	struct api_client *client; /* connected when first needed */
	bool progress_shown;	   /* a progress line is on the terminal */
	struct err err;		   /* what went wrong, printed once at the end */
};

extern const struct cli_command cli_commands[]; /* ends with a name of NULL */
extern const struct cli_option cli_global_options[];

/* Fills c from the command line. 0, or an exit code + 1 when there is nothing more to do (help was
 * printed, or a mistake explained). */
int cli_parse(struct cli *c, int argc, char **argv);
/* Value of an option ("" for one without value), NULL when it was not given. */
const char *cli_option_value(const struct cli *c, const char *name);
static inline bool cli_option_given(const struct cli *c, const char *name)
{
	return cli_option_value(c, name) != NULL;
}
/* The option's value as a number of 1 to max; fallback when it was not given. -EINVAL: explained. */
int cli_option_number(const struct cli *c, const char *name, uint32_t max, uint32_t fallback,
		      uint32_t *ret);
/* Explains a mistake on the command line. Returns EXIT_USAGE. */
int cli_usage_error(const struct cli *c, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/* Calls carved; the reply's parameters are the caller's. A failure is in c->err. */
int cli_call(struct cli *c, const char *method, json_t *params_take, json_t **ret);
/* Was the last failure no answer of carved, so that it may have done what was asked for? */
bool cli_outcome_unknown(const struct cli *c);
/* How long to wait, and what is left behind when that has passed. */
struct cli_deadline {
	uint32_t seconds; /* 0: none */
	const char *state, *todo;
};
/* The same with "more": shows {progress} replies until the last one comes. -ETIMEDOUT: the deadline has
 * passed. */
int cli_call_wait(struct cli *c, const char *method, json_t *params_take,
		  const struct cli_deadline *deadline, json_t **ret);
/* What goes on without us. */
#define CLI_DEADLINE_GOES_ON                                                                       \
	.state = "carved goes on; what it did so far stays",                                       \
	.todo = "watch it: carve events --follow"
/* The same; fn sees each reply but progress, and ends the call by returning non-zero. */
int cli_call_each(struct cli *c, const char *method, json_t *params_take,
		  int (*fn)(struct cli *c, const json_t *reply, void *userdata), void *userdata);
/* The exit code for an error. */
int cli_exit_code(const struct err *e);

/* Reads a policy file, or standard input for "-"; its text is the caller's. Ids: policy.read. */
int cli_policy_read(const char *file, char **ret, size_t *ret_len, struct err *reterr);

/* The same for one that is right. It is parsed here too: a mistake is told in the same words without a service, and
 * nothing that is no text is put into a request. */
int cli_policy_load(const char *file, char **ret, struct err *reterr);

/* Prints reply with "version" added, for --json. Returns an exit code. */
int cli_print_json(const json_t *reply);
/* Words for people, on stderr and behind what stdout has so far. */
void cli_say(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* One line of what is going on, on stderr; rewritten in place on a terminal. */
void cli_progress(struct cli *c, const char *text);
void cli_progress_end(struct cli *c);

/* Asks for a plan, or applies, with these parameters, and prints what comes of it. Return enum cli_exit. */
int cli_plan_call(struct cli *c, json_t *params_take);
int cli_apply_call(struct cli *c, json_t *params_take);

/* A line for each device (of GetMap) that could have more parts, behind a blank one. Returns how many. */
size_t cli_left_print(const json_t *devices, bool behind);

/* The handlers, by file. */
int cli_list(struct cli *c);
int cli_show(struct cli *c);
int cli_map(struct cli *c);
/* The devices that the policy would show another picture of, {"before": [...], "after": [...]}, as of GetMap. device
 * NULL: all. Negative errno with c->err. */
int cli_map_change_get(struct cli *c, const char *device, const char *text, const char *file,
		       json_t **ret);
/* Draws them; an exit code. */
int cli_map_change_print(struct cli *c, const json_t *change);
int cli_fit(struct cli *c);
int cli_init(struct cli *c);
int cli_enroll(struct cli *c);
int cli_unenroll(struct cli *c);
/* Either of them, of a unit. */
int cli_service(struct cli *c, bool enroll);
int cli_doctor(struct cli *c);
int cli_preflight(struct cli *c);
int cli_plan(struct cli *c);
int cli_apply(struct cli *c);
int cli_alloc(struct cli *c);
int cli_release(struct cli *c);
int cli_handle(struct cli *c);
int cli_holders(struct cli *c);
int cli_defrag(struct cli *c);
int cli_reclaim(struct cli *c);
int cli_quarantine_list(struct cli *c);
int cli_quarantine_clear(struct cli *c);
int cli_adopt(struct cli *c);
int cli_disown(struct cli *c);
int cli_take_over(struct cli *c); /* adopt --from */
int cli_hand_back(struct cli *c);
int cli_drain(struct cli *c);
int cli_events(struct cli *c);
int cli_policy_check(struct cli *c);
int cli_policy_explain(struct cli *c);
int cli_policy_schema(struct cli *c);
int cli_policy_history(struct cli *c);
int cli_policy_show(struct cli *c);
int cli_rollback(struct cli *c);
int cli_boot(struct cli *c);
int cli_version(struct cli *c);
