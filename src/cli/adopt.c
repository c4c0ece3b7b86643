/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What others made is taken over, and slices are given up: carve adopt, carve disown. */
#include "cli/cli.h"
#include "cli/print.h"

static int print_slices(struct cli *c, json_t *reply, const char *what)
{
	size_t i;
	json_t *name;
	int code = c->json ? cli_print_json(reply) : EXIT_OK;
	json_array_foreach(json_object_get(reply, "slices"), i, name) {
		if (!c->json)
			printf("%s %s\n", what, json_string_value(name));
	}
	const json_t *vfs = json_object_get(reply, "vfs"), *claim = json_object_get(reply, "claim");
	if (vfs && !c->json)
		printf("%s %" JSON_INTEGER_FORMAT " VFs, until the next apply\n", what,
		       json_integer_value(vfs));
	if (claim && !c->json)
		printf("%s as claim %s\n", what, json_string_value(claim));
	json_decref(reply);
	return code;
}

int cli_adopt(struct cli *c)
{
	const char *claim = cli_option_value(c, "claim"), *owner = cli_option_value(c, "for");
	bool plan = cli_option_given(c, "plan");
	json_t *reply = NULL;
	if (cli_option_given(c, "from"))
		return cli_take_over(c);
	if (c->n_operands != 1)
		return cli_usage_error(c, "adopt needs one NAME, or --from TOOL");
	if ((claim && *claim) != (owner && *owner))
		return cli_usage_error(c, "adopt needs --claim NAME and --for OWNER together");
	json_t *params = json_pack("{s:s, s:s*, s:s*}", "name", c->operands[0], "claim", claim,
				   "owner", owner);
	if (plan && params)
		json_object_set_new(params, "plan", json_true());
	if (cli_call(c, "Adopt", params, &reply) < 0)
		return cli_exit_code(&c->err);
	return print_slices(c, reply, plan ? "would adopt" : "adopted");
}

int cli_disown(struct cli *c)
{
	json_t *reply = NULL;
	if (cli_call(c, "Disown", json_pack("{s:s}", "name", c->operands[0]), &reply) < 0)
		return cli_exit_code(&c->err);
	return print_slices(c, reply, "disowned");
}
