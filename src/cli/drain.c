/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * carve drain: nothing new goes to a device, and what is held of it is waited for or told. What waits asks twice: first
 * who has something, which people see at once, then until nobody has.
 */
#include "base/cleanup.h"
#include "base/str.h"
#include "cli/cli.h"
#include "cli/print.h"

#define DEADLINE_MAX (7u * 24 * 3600)

static json_t *params_of(const struct cli *c, bool wait)
{
	return json_pack("{s:s, s:b, s:b, s:s*}", "device", c->operands[0], "undo",
			 cli_option_given(c, "undo"), "wait", wait, "reason",
			 cli_option_value(c, "reason"));
}

static const json_t *names_of(const json_t *reply, const char *what)
{
	return json_object_get(reply, what);
}

/* True: there are some. */
static bool say_names(const char *before, const json_t *names)
{
	size_t i;
	json_t *name;
	json_array_foreach((json_t *)names, i, name)
		cli_say("%s%s", i ? ", " : before, json_string_value(name));
	if (i)
		cli_say("\n");
	return i > 0;
}

static void say_left(const json_t *reply)
{
	bool held = say_names("still held by: ", names_of(reply, "claims"));
	bool going = say_names("still going: ", names_of(reply, "slices"));
	if (!held && !going)
		cli_say("nothing of it is held\n");
}

static bool is_clear(const json_t *reply)
{
	return json_array_size(names_of(reply, "claims")) == 0 &&
	       json_array_size(names_of(reply, "slices")) == 0;
}

static void say_drained(const struct cli *c)
{
	cli_say("drained %s: no claim gets anything of it\n", c->operands[0]);
}

/* said: that it is drained, already. */
static int print(struct cli *c, const json_t *reply, bool said)
{
	bool held = json_array_size(names_of(reply, "claims")) > 0;
	bool undo = cli_option_given(c, "undo");
	int code = held && !undo ? EXIT_PARTIAL : EXIT_OK;
	if (c->json) {
		int printed = cli_print_json(reply);
		return printed == EXIT_OK ? code : printed;
	}
	if (undo) {
		cli_say("%s takes claims again\n", c->operands[0]);
		return code;
	}
	if (!said)
		say_drained(c);
	say_left(reply);
	return code;
}

static bool is_wrong(const struct cli *c)
{
	return cli_option_given(c, "undo") &&
	       (cli_option_given(c, "wait") || cli_option_given(c, "deadline") ||
		cli_option_given(c, "reason"));
}

static int wait_for(struct cli *c, const struct cli_deadline *deadline, json_t **reply)
{
	if (!c->json) {
		say_drained(c);
		say_left(*reply);
	}
	json_decref(*reply);
	*reply = NULL;
	return cli_call_wait(c, "Drain", params_of(c, true), deadline, reply);
}

int cli_drain(struct cli *c)
{
	struct cli_deadline deadline = {
		.state = "the device stays drained: nothing new goes there",
		.todo = "wait longer, or have its claims released; carve drain DEVICE --undo ends it",
	};
	json_auto_t *reply = NULL;
	if (is_wrong(c))
		return cli_usage_error(c, "drain --undo takes no other option");
	if (cli_option_number(c, "deadline", DEADLINE_MAX, 0, &deadline.seconds) < 0)
		return EXIT_USAGE;
	bool wait = deadline.seconds || cli_option_given(c, "wait");
	int r = cli_call(c, "Drain", params_of(c, false), &reply);
	bool waits = r >= 0 && wait && !is_clear(reply);
	if (waits)
		r = wait_for(c, &deadline, &reply);
	return r < 0 ? cli_exit_code(&c->err) : print(c, reply, waits);
}
