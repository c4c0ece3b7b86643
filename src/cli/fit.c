/* SPDX-License-Identifier: GPL-2.0-or-later */
/* carve fit, carve list slices --free: what is still to be had. */
#include "base/cleanup.h"
#include "base/str.h"
#include "cli/cli.h"
#include "cli/map.h"
#include "cli/print.h"
#include "cli/table.h"
#include "cli/width.h"

/* Slices that are ready, and those that could be made; of a class with parts, claims that fit. */
struct sums {
	json_int_t ready, more, wholes;
	bool whole;
};

/* Of a reply of GetFit. */
static struct sums sums_of(const json_t *reply)
{
	const json_t *wholes = json_object_get(reply, "wholes");
	struct sums s = { .whole = json_is_integer(wholes), .wholes = json_integer_value(wholes) };
	size_t i;
	json_t *fit;
	json_array_foreach(json_object_get(reply, "fits"), i, fit) {
		s.ready += json_integer_value(json_object_get(fit, "ready"));
		s.more += json_integer_value(json_object_get(fit, "more"));
	}
	return s;
}

static json_int_t all_of(struct sums s)
{
	return s.ready + s.more + s.wholes;
}

static int fit_code(struct sums s)
{
	return all_of(s) > 0 ? EXIT_OK : EXIT_REFUSED;
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

static json_t *fit_params(const struct cli *c, const char *class)
{
	return json_pack("{s:s, s:s*}", "class", class, "tenant", cli_option_value(c, "tenant"));
}

/* No more than the quotas of the tenant allow. */
static struct sums sums_within(struct sums s, const json_t *reply)
{
	const json_t *left = json_object_get(reply, "left");
	json_int_t most = left ? json_integer_value(left) : all_of(s);
	s.ready = s.ready < most ? s.ready : most;
	s.more = s.more < most - s.ready ? s.more : most - s.ready;
	s.wholes = s.wholes < most ? s.wholes : most;
	return s;
}

static int fit_class(struct cli *c, const char *class)
{
	json_auto_t *reply = NULL;
	if (cli_call(c, "GetFit", fit_params(c, class), &reply) < 0)
		return cli_exit_code(&c->err);
	const json_t *fits = json_object_get(reply, "fits");
	struct sums s = sums_of(reply);
	if (c->json ? cli_print_json(reply) != EXIT_OK : !s.whole && !print_fits(c, fits))
		return EXIT_FAILED;
	if (!c->json && s.whole)
		printf("%" JSON_INTEGER_FORMAT " of %s fit, each with all its parts\n", s.wholes,
		       class);
	else if (!c->json)
		cli_say("%" JSON_INTEGER_FORMAT " of %s fit: %" JSON_INTEGER_FORMAT
			" are ready, %" JSON_INTEGER_FORMAT " could be made\n",
			s.ready + s.more, class, s.ready, s.more);
	if (!c->json && json_object_get(reply, "left"))
		cli_say("the quotas of tenant %s have room for %" JSON_INTEGER_FORMAT " more\n",
			cli_option_value(c, "tenant"),
			json_integer_value(json_object_get(reply, "left")));
	return fit_code(sums_within(s, reply));
}

/* Adds {name, fits} of each class; wholes where it has parts. */
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
		r = cli_call(c, "GetFit", fit_params(c, name), &reply);
		if (r < 0)
			return r;
		json_array_append_new(classes, json_pack("{s:s, s:O, s:O*, s:O*}", "name", name,
							 "fits", json_object_get(reply, "fits"),
							 "wholes", json_object_get(reply, "wholes"),
							 "left", json_object_get(reply, "left")));
	}
	return 0;
}

/* Of wholes it is not said what is ready: their parts may be of both kinds. */
static void add_number(struct table *t, bool unknown, json_int_t n)
{
	if (unknown)
		table_add(t, NULL);
	else
		table_addf(t, "%" JSON_INTEGER_FORMAT, n);
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
		struct sums s = sums_within(sums_of(class), class);
		table_add_string(&t, class, "name");
		add_number(&t, s.whole, s.ready);
		add_number(&t, s.whole, s.more);
		add_number(&t, false, all_of(s));
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
		sum.more += all_of(sums_within(sums_of(class), class));
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
