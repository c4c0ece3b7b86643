/* SPDX-License-Identifier: GPL-2.0-or-later */
/* carve policy: check files, here or on a simulated host; explain what one does with a device; print the schema. */
#include "policy/policy.h"

#include <errno.h>
#include <limits.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "cli/cli.h"
#include "cli/print.h"
#include "cli/table.h"
#include "sys/run.h"

/* One of the files that are checked. */
struct checked {
	const char *file;
	struct err err;	 /* why it is no policy */
	json_t *on_host; /* what carve-sim says of it; NULL: it was not asked */
};

struct checks {
	struct checked files[CLI_OPERANDS_MAX];
	size_t n, wrong;
	json_t *conflicts; /* errors */
};

static void checks_done(struct checks *k)
{
	for (size_t i = 0; i < k->n; i++) {
		err_done(&k->files[i].err);
		json_decref(k->files[i].on_host);
	}
	json_decref(k->conflicts);
}

static void checks_load(struct checks *k, const struct cli *c)
{
	for (size_t i = 0; i < c->n_operands; i++) {
		struct checked *f = &k->files[k->n++];
		_cleanup_free_ char *text = NULL;
		f->file = c->operands[i];
		k->wrong += cli_policy_load(f->file, &text, &f->err) < 0;
	}
}

/* --- on a simulated host --------------------------------------------------------------------- */

static int no_simulator(struct cli *c, int r)
{
	err_set(&c->err, "cli.no-simulator", -r, "cannot try a policy on a simulated host");
	err_on(&c->err, "carve-sim");
	if (r == -ENOENT)
		err_because(&c->err, "carve-sim is neither beside carve nor along PATH");
	else
		err_because(&c->err, "it cannot be run: %s", strerror(-r));
	err_state(&c->err, "nothing was changed");
	err_todo(&c->err, "install carve-sim, or leave --host out");
	return cli_exit_code(&c->err);
}

/* Its exit status; ret_said NULL: it speaks for itself. Negative errno: there is none to run. */
static int simulate(const struct cli *c, const char *file, char **ret_said)
{
	char beside[PATH_MAX];
	bool found = run_beside("carve-sim", beside, sizeof(beside)) == 0;
	const char *const argv[] = {
		found ? beside : "carve-sim",
		"check",
		"--host",
		cli_option_value(c, "host"),
		file,
		c->json || ret_said ? "--json" : NULL,
		NULL,
	};
	fflush(stdout);
	return run_program(argv, ret_said);
}

/* One is the simulator's own affair: what it says and ends with passes through. */
static int check_one_on_host(struct cli *c, const char *file)
{
	int r = simulate(c, file, NULL);
	return r < 0 ? no_simulator(c, r) : r;
}

static const json_t *divided_by_other(const struct checks *k, size_t before, const char *key,
				      const struct checked **ret_other)
{
	size_t n;
	json_t *d;
	for (size_t i = 0; i < before; i++)
		json_array_foreach(json_object_get(k->files[i].on_host, "divided"), n, d)
			if (str_eq(print_text(d, "key"), key)) {
				*ret_other = &k->files[i];
				return d;
			}
	return NULL;
}

/* The place in a file that the simulator knows by another path. */
static const char *line_of(const json_t *d)
{
	const char *text = print_text(d, "divided_by"), *colon = strrchr(text, ':');
	return colon ? colon : "";
}

static void conflict_add(struct checks *k, const struct checked *f, const json_t *d,
			 const struct checked *other, const json_t *first)
{
	_cleanup_err_ struct err e = { 0 };
	const char *address = json_string_value(json_object_get(d, "address"));
	const char *device = address && *address ? address : print_text(d, "key");
	err_set(&e, "policy.conflict", EINVAL, "%s%s and %s%s divide one device", other->file,
		line_of(first), f->file, line_of(d));
	err_on(&e, "%s", device);
	err_because(&e, "it is of \"%s\" in %s", print_text(first, "selection"), other->file);
	err_because(&e, "it is of \"%s\" in %s", print_text(d, "selection"), f->file);
	err_state(&e, "nothing was changed");
	err_todo(&e, "leave it to one of the two: match other devices in the other");
	json_array_append_new(k->conflicts, err_to_json(&e));
}

static void find_conflicts(struct checks *k)
{
	size_t n;
	json_t *d;
	for (size_t i = 0; i < k->n; i++)
		json_array_foreach(json_object_get(k->files[i].on_host, "divided"), n, d) {
			const struct checked *other;
			const json_t *first = divided_by_other(k, i, print_text(d, "key"), &other);
			if (first)
				conflict_add(k, &k->files[i], d, other, first);
		}
}

/* Several are tried one after the other, each on a host of its own. */
static int check_all_on_host(struct cli *c, struct checks *k)
{
	for (size_t i = 0; i < k->n; i++) {
		struct checked *f = &k->files[i];
		_cleanup_free_ char *said = NULL;
		int r = simulate(c, f->file, &said);
		if (r < 0)
			return no_simulator(c, r);
		f->on_host = said ? json_loads(said, 0, NULL) : NULL;
		if (!f->on_host) /* it said why */
			return r ? r : EXIT_FAILED;
		k->wrong += !json_is_true(json_object_get(f->on_host, "holds"));
	}
	find_conflicts(k);
	return EXIT_OK;
}

/* --- what came of it ------------------------------------------------------------------------- */

static json_t *file_json(const struct checked *f)
{
	bool wrong = err_is_set(&f->err);
	json_t *o = json_pack("{s:s, s:b}", "file", f->file, "valid", !wrong);
	if (wrong)
		json_object_set_new(o, "error", err_to_json(&f->err));
	if (f->on_host)
		json_object_set(o, "check", f->on_host);
	return o;
}

static void print_checks_json(const struct checks *k)
{
	json_t *files = json_array(), *o;
	bool valid = true;
	for (size_t i = 0; i < k->n; i++) {
		valid = valid && !err_is_set(&k->files[i].err);
		json_array_append_new(files, file_json(&k->files[i]));
	}
	o = json_pack("{s:b, s:o}", "valid", valid, "files", files);
	if (json_array_size(k->conflicts) > 0)
		json_object_set(o, "conflicts", k->conflicts);
	cli_print_json(o);
	json_decref(o);
}

static void print_on_host(const struct cli *c, const struct checked *f)
{
	bool holds = json_is_true(json_object_get(f->on_host, "holds"));
	cli_say("%s %s on %s\n", f->file, holds ? "holds" : "does not hold",
		cli_option_value(c, "host"));
	print_api_error(json_object_get(json_object_get(f->on_host, "plan"), "error"));
	print_api_error(json_object_get(json_object_get(f->on_host, "apply"), "error"));
}

static void print_checks(const struct cli *c, const struct checks *k)
{
	size_t n;
	json_t *e;
	for (size_t i = 0; i < k->n; i++) {
		const struct checked *f = &k->files[i];
		if (err_is_set(&f->err))
			err_print(stderr, &f->err);
		else if (f->on_host)
			print_on_host(c, f);
		else
			cli_say("%s is a policy\n", f->file);
	}
	json_array_foreach(k->conflicts, n, e)
		print_api_error(e);
	if (k->wrong > 0)
		cli_say("%zu of %zu files %s wrong\n", k->wrong, k->n,
			k->wrong == 1 ? "is" : "are");
}

static int check_one(struct cli *c, struct checks *k)
{
	struct checked *f = &k->files[0];
	if (k->wrong) {
		err_move(&c->err, &f->err);
		return EXIT_FAILED;
	}
	if (cli_option_given(c, "host"))
		return check_one_on_host(c, f->file);
	if (c->json)
		print_checks_json(k);
	else
		cli_say("%s is a policy; carve plan %s shows what it would do here\n", f->file,
			f->file);
	return EXIT_OK;
}

int cli_policy_check(struct cli *c)
{
	_cleanup_(checks_done) struct checks k = { .conflicts = json_array() };
	for (size_t i = 0; i < c->n_operands && cli_option_given(c, "host"); i++)
		if (str_eq(c->operands[i], "-"))
			return cli_usage_error(c, "--host needs files, not standard input");
	checks_load(&k, c);
	if (k.n == 1)
		return check_one(c, &k);
	if (k.wrong == 0 && cli_option_given(c, "host")) {
		int code = check_all_on_host(c, &k);
		if (code != EXIT_OK)
			return code;
	}
	if (c->json)
		print_checks_json(&k);
	else
		print_checks(c, &k);
	return k.wrong || json_array_size(k.conflicts) ? EXIT_FAILED : EXIT_OK;
}

/* --- explain --------------------------------------------------------------------------------- */

/* "gpu-a (line 4): no: numa is 1, wanted 0" */
static void print_verdicts(const char *label, const json_t *verdicts, const char *always)
{
	size_t i;
	json_t *v;
	json_array_foreach((json_t *)verdicts, i, v) {
		const char *why = print_text(v, "why");
		label_printf(i ? "" : label, "%s (line %" JSON_INTEGER_FORMAT "): %s: %s",
			     print_text(v, "name"), json_integer_value(json_object_get(v, "line")),
			     json_is_true(json_object_get(v, "holds")) ? "yes" : "no",
			     *why ? why : always);
	}
}

static void print_places(const char *label, const json_t *places, const char *none)
{
	_cleanup_(str_buf_done) struct str_buf b = { 0 };
	size_t i;
	json_t *p;
	json_array_foreach((json_t *)places, i, p)
		str_buf_addf(&b, "%s%s (line %" JSON_INTEGER_FORMAT ")", i ? ", " : "",
			     print_text(p, "name"), json_integer_value(json_object_get(p, "line")));
	label_print(label, b.len ? b.text : none);
}

static void print_divided(const json_t *reply)
{
	print_verdicts("Divided by:", json_object_get(reply, "divides"),
		       "for all devices that are left");
	if (!json_object_get(reply, "divided_by")) {
		label_print(json_object_get(reply, "divides") ? "" : "Divided by:",
			    "no entry: it is left alone");
		return;
	}
	label_print_member("Becomes:", reply, "makes");
	print_places("Classes:", json_object_get(reply, "classes"), "none: nobody can claim it");
	print_places("Reservations:", json_object_get(reply, "reservations"), NULL);
}

static void print_explanation(const json_t *reply)
{
	static const struct {
		const char *label, *key;
	} first[] = { { "Device:", "address" }, { "Name:", "name" },
		      { "Key:", "key" },	{ "Enrolled:", "enrolled" },
		      { "Labels:", "labels" },	{ "Mismatch:", "mismatch" } };
	const json_t *device = json_object_get(reply, "device");
	for (size_t i = 0; i < sizeof(first) / sizeof(first[0]); i++)
		label_print_member(first[i].label, device, first[i].key);
	label_print_member("Pinned to:", reply, "pinned");
	label_print_member("Policy:", reply, "file");
	if (json_object_get(reply, "never"))
		label_printf("Selected by:", "nothing, ever: %s", print_text(reply, "never"));
	print_verdicts("Selected by:", json_object_get(reply, "selections"), "");
	label_print_member("Goes with:", device, "companion_of");
	if (json_object_get(reply, "selection"))
		print_divided(reply);
	else if (json_object_get(device, "companion_of"))
		label_print_member("Divided by:", device, "divided_by");
	else if (!json_object_get(reply, "never"))
		label_print(json_object_get(reply, "selections") ? "" : "Selected by:",
			    "no name: it is left alone");
	size_t i;
	json_t *line;
	json_array_foreach(json_object_get(reply, "differs"), i, line)
		label_print(i ? "" : "Differs:", json_string_value(line));
}

int cli_policy_explain(struct cli *c)
{
	json_t *params = json_pack("{s:s}", "device", c->operands[0]), *reply = NULL;
	_cleanup_free_ char *text = NULL;
	if (c->n_operands > 1) {
		if (cli_policy_load(c->operands[1], &text, &c->err) < 0) {
			json_decref(params);
			return cli_exit_code(&c->err);
		}
		json_object_set_new(params, "policy", json_string(text));
		json_object_set_new(params, "file", json_string(c->operands[1]));
	}
	if (cli_call(c, "Explain", params, &reply) < 0)
		return cli_exit_code(&c->err);
	int code = EXIT_OK;
	if (c->json)
		code = cli_print_json(reply);
	else
		print_explanation(reply);
	json_decref(reply);
	return code;
}

int cli_policy_schema(struct cli *c)
{
	(void)c;
	_cleanup_free_ char *text = policy_schema();
	if (!text)
		return EXIT_FAILED;
	puts(text);
	return EXIT_OK;
}
