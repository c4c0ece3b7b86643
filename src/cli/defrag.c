/* SPDX-License-Identifier: GPL-2.0-or-later */
/* carve defrag: which claims would have to be made anew elsewhere, so that more fits. */
#include "base/cleanup.h"
#include "base/str.h"
#include "cli/cli.h"
#include "cli/print.h"

static void print_place(const json_t *place)
{
	const char *address = json_string_value(json_object_get(place, "address"));
	const json_t *start = json_object_get(place, "start");
	printf("%s", address ? address : print_text(place, "device"));
	if (start)
		printf(" slot %lld", (long long)json_integer_value(start));
}

static void print_move(size_t number, const json_t *move)
{
	printf("%3zu.  claim %s (%s): from ", number, print_text(move, "claim"),
	       print_text(move, "profile"));
	print_place(json_object_get(move, "from"));
	printf(" to ");
	print_place(json_object_get(move, "to"));
	printf("\n");
}

static int print_moves(const char *class, const json_t *reply)
{
	const json_t *moves = json_object_get(reply, "moves");
	size_t i, n = json_array_size(moves);
	json_t *move;
	if (n == 0 && class && json_is_true(json_object_get(reply, "fits")))
		cli_say("one more of class %s fits as it is\n", class);
	else if (n == 0)
		cli_say("no move of a claim that may be moved makes room%s%s\n",
			class ? " for class " : "", class ? class : "");
	json_array_foreach((json_t *)moves, i, move)
		print_move(i + 1, move);
	if (n == 0)
		return class && !json_is_true(json_object_get(reply, "fits")) ? EXIT_REFUSED
									      : EXIT_OK;
	if (!json_is_true(json_object_get(reply, "in_turn")))
		cli_say("all of them have to leave before the first is made anew\n");
	cli_say("nothing was moved: release each claim, and make it anew\n");
	return EXIT_OK;
}

int cli_defrag(struct cli *c)
{
	json_t *reply = NULL, *params = json_object();
	const char *class = c->n_operands ? c->operands[0] : NULL;
	if (class)
		json_object_set_new(params, "class", json_string(class));
	if (cli_call(c, "GetDefrag", params, &reply) < 0)
		return cli_exit_code(&c->err);
	int code = c->json ? cli_print_json(reply) : print_moves(class, reply);
	json_decref(reply);
	return code;
}
