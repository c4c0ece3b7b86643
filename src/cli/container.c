/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See container.h. Several slices have nodes and files in common: none is named twice, which engines refuse. */
#include "cli/container.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "cli/cli.h"
#include "cli/print.h"

/* Takes option over. */
static void option_add(json_t *options, json_t *option)
{
	size_t i;
	json_t *o;
	json_array_foreach(options, i, o)
		if (option && json_equal(o, option)) {
			json_decref(option);
			return;
		}
	json_array_append_new(options, option);
}

static void options_add(json_t *options, const char *before, const json_t *values)
{
	size_t i;
	json_t *v;
	json_array_foreach((json_t *)values, i, v)
		option_add(options, json_sprintf("%s%s", before, json_string_value(v)));
}

static bool list_has(const char *list, const char *text)
{
	size_t len = strlen(text);
	for (const char *p = list; (p = strstr(p, text)); p += len)
		if ((p == list || p[-1] == ',') && (p[len] == '\0' || p[len] == ','))
			return true;
	return false;
}

/* Adds text to the list of that name, unless it is in it. */
static void list_add(json_t *lists, const char *name, const char *text)
{
	const char *is = json_string_value(json_object_get(lists, name));
	if (!is)
		json_object_set_new(lists, name, json_string(text));
	else if (!list_has(is, text))
		json_object_set_new(lists, name, json_sprintf("%s,%s", is, text));
}

static void add_files(const json_t *h, json_t *options)
{
	size_t i;
	json_t *v;
	options_add(options, "--device=", json_object_get(h, "nodes"));
	json_array_foreach(json_object_get(h, "libraries"), i, v)
		option_add(options, json_sprintf("--volume=%s:%s:ro", print_text(v, "file"),
						 print_text(v, "at")));
}

/* The vendor's specification tells the vendor's runtime itself which devices are meant. */
static void add_environment(const json_t *h, json_t *environment)
{
	const char *name;
	json_t *v;
	json_object_foreach(json_object_get(h, "environment"), name, v)
		if (!json_object_get(h, "cdi") || !str_eq(name, "NVIDIA_VISIBLE_DEVICES"))
			list_add(environment, name, json_string_value(v));
}

static void add_options(const json_t *h, json_t *options)
{
	size_t i;
	json_t *v;
	if (json_object_get(h, "cdi"))
		option_add(options, json_sprintf("--device=%s", print_text(h, "cdi")));
	else
		add_files(h, options);
	json_array_foreach(json_object_get(h, "mounts"), i, v)
		option_add(options, json_sprintf("--volume=%s:%s", json_string_value(v),
						 json_string_value(v)));
	if (json_is_true(json_object_get(h, "host_ipc")))
		option_add(options, json_string("--ipc=host"));
}

static void add_pin(const json_t *h, json_t *sets)
{
	char node[24];
	const json_t *numa = json_object_get(h, "numa");
	if (!json_object_get(h, "cpus") || !numa ||
	    STR_FORMAT(node, "%" JSON_INTEGER_FORMAT, json_integer_value(numa)) < 0)
		return;
	list_add(sets, "--cpuset-cpus", print_text(h, "cpus"));
	list_add(sets, "--cpuset-mems", node);
}

static void print_lists(const char *before, const json_t *lists)
{
	const char *name;
	json_t *v;
	json_object_foreach((json_t *)lists, name, v)
		printf("%s%s=%s\n", before, name, json_string_value(v));
}

/* A program is the client of one MPS server (NVIDIA, Multi-Process Service, CUDA_MPS_PIPE_DIRECTORY). */
static int check_servers(const json_t *handles, struct err *reterr)
{
	const char *first = NULL;
	size_t i;
	json_t *h;
	json_array_foreach((json_t *)handles, i, h) {
		const char *server = json_string_value(json_object_get(
			json_object_get(h, "environment"), "CUDA_MPS_PIPE_DIRECTORY"));
		if (!server || !first || str_eq(server, first)) {
			first = first ? first : server;
			continue;
		}
		err_set(reterr, "handle.format", EINVAL, "one container cannot use all of it");
		err_on(reterr, "claim %s", print_text(h, "claim"));
		err_because(reterr, "its parts have MPS servers of their own, %s and %s", first,
			    server);
		err_todo(reterr, "claim each alone; --format json has all of it");
		return -EINVAL;
	}
	return 0;
}

int container_print(const json_t *handles, bool pin, struct err *reterr)
{
	json_auto_t *options = json_array(), *environment = json_object(), *sets = json_object();
	size_t i;
	json_t *h;
	if (check_servers(handles, reterr) < 0)
		return cli_exit_code(reterr);
	json_array_foreach((json_t *)handles, i, h) {
		add_options(h, options);
		add_environment(h, environment);
		if (json_object_get(h, "note"))
			cli_say("claim %s: %s\n", print_text(h, "claim"), print_text(h, "note"));
		if (pin)
			add_pin(h, sets);
	}
	json_array_foreach(options, i, h)
		printf("%s\n", json_string_value(h));
	print_lists("--env=", environment);
	print_lists("", sets);
	return EXIT_OK;
}
