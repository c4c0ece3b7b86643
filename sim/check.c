/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See check.h. It uses carve as people do. */
#include "sim/check.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "sim/program.h"
#include "sim/world.h"
#include "sys/file.h"

#define DEADLINE "--deadline=120"

int check_run(const struct host *host, const char *policy, bool json, struct err *reterr)
{
	char full[PATH_MAX];
	if (!realpath(policy, full)) {
		int e = errno;
		err_set(reterr, "policy.read", e, "cannot read the policy");
		err_on(reterr, "%s", policy);
		err_because(reterr, "%s", strerror(e));
		return -e;
	}
	char *argv[] = { (char *)(uintptr_t)program_path(), (char *)"check-inside", full,
			 json ? (char *)"--json" : NULL, NULL };
	const struct world_options o = { .host = host, .services = true, .argv = argv };
	return world_run(&o, reterr);
}

/* Runs a program to its end; with ret_said its standard output is the caller's. */
static int run(const char *const argv[], char **ret_said)
{
	int pipes[2] = { -1, -1 }, status;
	if (ret_said && pipe2(pipes, O_CLOEXEC) < 0)
		return -errno;
	pid_t pid = fork();
	if (pid == 0) {
		if (ret_said)
			(void)dup2(pipes[1], STDOUT_FILENO);
		execvp(argv[0], (char *const *)(uintptr_t)argv);
		_exit(127);
	}
	struct str_buf said = { 0 };
	char text[4096];
	if (ret_said) {
		close(pipes[1]);
		for (ssize_t n; (n = read(pipes[0], text, sizeof(text) - 1)) > 0;) {
			text[n] = '\0';
			str_buf_add(&said, text);
		}
		close(pipes[0]);
		*ret_said = str_buf_take(&said);
	}
	return pid < 0 || waitpid(pid, &status, 0) < 0 ? -errno
	       : WIFEXITED(status)		       ? WEXITSTATUS(status)
						       : 128 + WTERMSIG(status);
}

/* What it printed, also when it fails: then it is the error. */
static int run_json(const char *const argv[], json_t **ret)
{
	_cleanup_free_ char *text = NULL;
	int r = run(argv, &text);
	*ret = text ? json_loads(text, 0, NULL) : NULL;
	return r;
}

static json_t *ask_json(const char *const argv[])
{
	json_t *reply;
	if (run_json(argv, &reply) == 0)
		return reply;
	json_decref(reply);
	return NULL;
}

static const char *member(const json_t *o, const char *name)
{
	const char *text = json_string_value(json_object_get(o, name));
	return text ? text : "";
}

static void enroll_line(const json_t *d, struct str_buf *out)
{
	const char *vendor = member(d, "vendor"), *serial = member(d, "serial");
	if (json_object_get(d, "pf") || str_eq(member(d, "class"), "bridge") || !*member(d, "key"))
		return;
	str_buf_addf(out, "%s %s%s%s %s%s\n", member(d, "key"), *vendor ? vendor : "-",
		     *vendor ? ":" : "", member(d, "device"), *serial ? "serial=" : "-", serial);
}

/* All that could be divided: what is touched of it is what the policy selects. */
static int enroll_all(void)
{
	static const char *const list[] = { "carve", "list", "--json", NULL };
	json_t *reply = ask_json(list);
	if (!reply)
		return -EPROTO;
	struct str_buf text = { 0 };
	size_t i;
	json_t *d;
	json_array_foreach(json_object_get(reply, "devices"), i, d)
		enroll_line(d, &text);
	json_decref(reply);
	_cleanup_free_ char *lines = str_buf_take(&text);
	_cleanup_close_ int dir = file_dir_open("/etc/carve");
	if (!lines || dir < 0)
		return lines ? dir : -ENOMEM;
	return file_replace(dir, "devices", lines, strlen(lines), 0644);
}

static int step(const char *const argv[], bool json)
{
	if (!json) {
		putchar('$');
		for (const char *const *w = argv; *w; w++)
			printf(" %s", *w);
		putchar('\n');
		fflush(stdout);
	}
	return run(argv, NULL);
}

/* Of a reply: something that the policy divides is given to nobody. */
static bool has_warnings(const json_t *reply)
{
	return json_array_size(json_object_get(reply, "warnings")) > 0;
}

static int check_text(const char *policy)
{
	const char *const plan[] = { "carve", "plan", policy, "--json", NULL };
	const char *const steps[][6] = {
		{ "carve", "plan", policy },
		{ "carve", "map", "--policy", policy },
		{ "carve", "apply", policy, "--wait", DEADLINE },
		{ "carve", "list", "slices" },
		{ "carve", "list", "claims" },
	};
	int r = step(steps[0], false);
	/* What cannot be planned is not tried. */
	for (size_t i = 1; r == 0 && i < sizeof(steps) / sizeof(*steps); i++)
		r = step(steps[i], false);
	json_t *planned = r == 0 ? ask_json(plan) : NULL;
	if (has_warnings(planned))
		r = 1;
	json_decref(planned);
	printf("\n%s %s on this host\n", policy, r ? "does not hold" : "holds");
	return r ? 1 : 0;
}

/* The devices that the applied policy divides. */
static json_t *divided(void)
{
	static const char *const list[] = { "carve", "list", "--all", "--json", NULL };
	json_t *reply = ask_json(list), *array = json_array(), *d;
	size_t i;
	json_array_foreach(json_object_get(reply, "devices"), i, d)
		if (json_object_get(d, "divided_by"))
			json_array_append_new(array, json_pack("{s:s, s:s, s:s, s:s}", "key",
							       member(d, "key"), "address",
							       member(d, "address"), "selection",
							       member(d, "selection"), "divided_by",
							       member(d, "divided_by")));
	json_decref(reply);
	return array;
}

static int check_json(const char *policy)
{
	const char *const plan[] = { "carve", "plan", policy, "--json", NULL };
	const char *const apply[] = {
		"carve", "apply", policy, "--wait", DEADLINE, "--json", NULL
	};
	const char *const map[] = { "carve", "map", "--policy", policy, "--json", NULL };
	static const char *const slices[] = { "carve", "list", "slices", "--json", NULL };
	json_t *planned = NULL, *applied = NULL, *pictured = NULL;
	/* What cannot be planned is not tried; then the plan is the error. */
	int r = run_json(plan, &planned);
	if (r == 0) {
		pictured = ask_json(map);
		r = run_json(apply, &applied);
	}
	if (has_warnings(planned))
		r = 1;
	json_t *o = json_pack("{s:b, s:o*, s:o*, s:o*, s:o*, s:o}", "holds", r == 0, "plan",
			      planned, "map", pictured, "apply", applied, "slices",
			      ask_json(slices), "divided", divided());
	if (o)
		json_dumpf(o, stdout, JSON_INDENT(2));
	putchar('\n');
	json_decref(o);
	return r ? 1 : 0;
}

int check_inside(const char *policy, bool json)
{
	int r = enroll_all();
	if (r < 0) {
		fprintf(stderr,
			"carve-sim: the devices of the host cannot be put under carve: %s\n",
			strerror(-r));
		return 1;
	}
	return json ? check_json(policy) : check_text(policy);
}
