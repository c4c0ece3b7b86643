/* SPDX-License-Identifier: GPL-2.0-or-later */
/* carve fit, carve list slices --free: what is still to be had. */
#include "base/cleanup.h"
#include "base/str.h"
#include "cli/cli.h"
#include "cli/map.h"
#include "cli/print.h"
#include "cli/table.h"
#include "cli/width.h"

/* Slices that are ready, and those that could be made. */
struct sums {
	json_int_t ready, more;
};

static struct sums sums_of(const json_t *fits)
{
	struct sums s = { 0 };
	size_t i;
	json_t *fit;
	json_array_foreach((json_t *)fits, i, fit) {
		s.ready += json_integer_value(json_object_get(fit, "ready"));
		s.more += json_integer_value(json_object_get(fit, "more"));
	}
	return s;
}

static int fit_code(struct sums s)
{
	return s.ready + s.more > 0 ? EXIT_OK : EXIT_REFUSED;
}

static bool print_fits(const struct cli *c, const json_t *fits)
{
	static const struct table_column columns[] = {
		{ .title = "DEVICE", .least = 12, .trim_middle = true },
		{ .title = "NAME", .least = 12 },
		{ .title = "READY", .right = true },
		{ .title = "COULD BE MADE", .right = true },
	};
	struct table t = { .columns = columns, .n_columns = 4, .color = c->color };
	size_t i;
	json_t *fit;
	json_array_foreach((json_t *)fits, i, fit) {
		table_add(&t, map_device_label(fit));
		table_add_string(&t, fit, "name");
		table_add_int(&t, fit, "ready");
		table_add_int(&t, fit, "more");
	}
	bool ok = table_print(&t);
	table_done(&t);
	return ok;
}

static int fit_class(struct cli *c, const char *class)
{
	json_auto_t *reply = NULL;
	if (cli_call(c, "GetFit", json_pack("{s:s}", "class", class), &reply) < 0)
		return cli_exit_code(&c->err);
	const json_t *fits = json_object_get(reply, "fits");
	struct sums s = sums_of(fits);
	if (c->json ? cli_print_json(reply) != EXIT_OK : !print_fits(c, fits))
		return EXIT_FAILED;
	if (!c->json)
		cli_say("%" JSON_INTEGER_FORMAT " of %s fit: %" JSON_INTEGER_FORMAT
			" are ready, %" JSON_INTEGER_FORMAT " could be made\n",
			s.ready + s.more, class, s.ready, s.more);
	return fit_code(s);
}

/* Adds {name, fits} of each class. */
static int fits_ask(struct cli *c, json_t *classes)
{
	json_auto_t *list = NULL;
	size_t i;
	json_t *class;
	int r = cli_call(c, "ListClasses", NULL, &list);
	if (r < 0)
		return r;
	json_array_foreach(json_object_get(list, "classes"), i, class) {
		const char *name = print_text(class, "name");
		json_auto_t *reply = NULL;
		r = cli_call(c, "GetFit", json_pack("{s:s}", "class", name), &reply);
		if (r < 0)
			return r;
		json_array_append_new(classes, json_pack("{s:s, s:O}", "name", name, "fits",
							 json_object_get(reply, "fits")));
	}
	return 0;
}

static bool print_classes(const struct cli *c, const json_t *classes)
{
	static const struct table_column columns[] = {
		{ .title = "CLASS", .least = 12 },
		{ .title = "READY", .right = true },
		{ .title = "COULD BE MADE", .right = true },
		{ .title = "FIT", .right = true },
	};
	struct table t = { .columns = columns, .n_columns = 4, .color = c->color };
	size_t i;
	json_t *class;
	json_array_foreach((json_t *)classes, i, class) {
		struct sums s = sums_of(json_object_get(class, "fits"));
		table_add_string(&t, class, "name");
		table_addf(&t, "%" JSON_INTEGER_FORMAT, s.ready);
		table_addf(&t, "%" JSON_INTEGER_FORMAT, s.more);
		table_addf(&t, "%" JSON_INTEGER_FORMAT, s.ready + s.more);
	}
	bool ok = table_print(&t);
	table_done(&t);
	return ok;
}

static int fit_all(struct cli *c)
{
	json_auto_t *all = json_pack("{s:[]}", "classes");
	json_t *classes = json_object_get(all, "classes");
	struct sums sum = { 0 };
	size_t i;
	json_t *class;
	if (fits_ask(c, classes) < 0)
		return cli_exit_code(&c->err);
	json_array_foreach(classes, i, class) {
		struct sums s = sums_of(json_object_get(class, "fits"));
		sum.ready += s.ready;
		sum.more += s.more;
	}
	if (c->json ? cli_print_json(all) != EXIT_OK : !print_classes(c, classes))
		return EXIT_FAILED;
	if (!c->json && json_array_size(classes) == 0)
		cli_say("no classes: a policy defines them\n");
	else if (!c->json && json_array_size(classes) > 1)
		cli_say("classes may share devices: what one takes, another has no more\n");
	return fit_code(sum);
}

int cli_fit(struct cli *c)
{
	return c->n_operands ? fit_class(c, c->operands[0]) : fit_all(c);
}

/* --- carve list slices --free ------------------------------------------------------------------ */

size_t cli_left_print(const json_t *devices, bool behind)
{
	size_t i, n = 0;
	json_t *device;
	json_array_foreach((json_t *)devices, i, device) {
		_cleanup_free_ char *words = map_device_left(device),
				    *label = text_clean(map_device_label(device));
		if (!words || !label || map_device_fits(device) == 0)
			continue;
		if (behind && n == 0)
			putchar('\n');
		text_wrap(label, width_of(label) + 2, words);
		n++;
	}
	return n;
}
