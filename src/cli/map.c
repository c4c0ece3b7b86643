/* SPDX-License-Identifier: GPL-2.0-or-later */
/* carve map: devices as pictures, as they are or as a policy would have them. */
#include "cli/map.h"

#include <errno.h>
#include <langinfo.h>
#include <locale.h>

#include "base/cleanup.h"
#include "cli/cli.h"
#include "cli/files.h"

/* 0, or -1: explained. */
static int style_read(struct cli *c, struct map_style *ret)
{
	const char *when = cli_option_value(c, "color");
	/* One of them only: nothing else in this program depends on where people live. */
	const char *locale = setlocale(LC_CTYPE, "");
	*ret = (struct map_style){ .utf8 = locale && str_eq(nl_langinfo(CODESET), "UTF-8"),
				   .color = c->color };
	if (when && str_eq(when, "always"))
		ret->color = true;
	else if (when && str_eq(when, "never"))
		ret->color = false;
	else if (when && !str_eq(when, "auto"))
		return cli_usage_error(c, "--color is auto, always or never, not %s", when) ? -1
											    : 0;
	return 0;
}

static json_t *params_of(const char *device, const char *text, const char *file)
{
	json_t *params = json_object();
	if (device)
		json_object_set_new(params, "device", json_string(device));
	if (text) {
		json_object_set_new(params, "policy", json_string(text));
		json_object_set_new(params, "file", json_string(file));
	}
	return params;
}

static int map_params(struct cli *c, json_t **ret)
{
	_cleanup_free_ char *text = NULL;
	const char *file = cli_option_value(c, "policy");
	if (file && cli_policy_load(file, &text, &c->err) < 0)
		return -1;
	*ret = params_of(c->n_operands ? c->operands[0] : NULL, text, file);
	return 0;
}

static int failed(struct cli *c, int r)
{
	err_set(&c->err, "cli.map", -r, "cannot draw the devices");
	err_because(&c->err, r == -EPROTO ? "carved has one with more slots than a picture can have"
					  : "out of memory");
	err_state(&c->err, "nothing was changed");
	err_todo(&c->err, "carve map --json has the same as data");
	return EXIT_FAILED;
}

static int draw(struct cli *c, const json_t *devices, const struct map_style *style)
{
	_cleanup_(str_buf_done) struct str_buf b = { 0 };
	const char *file = cli_option_value(c, "svg");
	int r = file ? map_svg(devices, &b) : map_text(devices, style, &b);
	_cleanup_free_ char *text = r < 0 ? NULL : str_buf_take(&b);
	if (!text)
		return failed(c, r < 0 ? r : -ENOMEM);
	if (file && !str_eq(file, "-"))
		return cli_file_replace(c, file, text) < 0 ? cli_exit_code(&c->err) : EXIT_OK;
	fputs(text, stdout);
	return EXIT_OK;
}

int cli_map(struct cli *c)
{
	struct map_style style;
	json_t *params = NULL;
	json_auto_t *reply = NULL;
	if (c->json && cli_option_given(c, "svg"))
		return cli_usage_error(c, "--svg is a picture and --json data: not both");
	if (style_read(c, &style) < 0)
		return EXIT_USAGE;
	if (map_params(c, &params) < 0 || cli_call(c, "GetMap", params, &reply) < 0)
		return cli_exit_code(&c->err);
	if (c->json)
		return cli_print_json(reply);
	const json_t *devices = json_object_get(reply, "devices");
	int code = draw(c, devices, &style);
	if (code == EXIT_OK && json_array_size(devices) == 0)
		cli_say("%s\n", cli_option_given(c, "policy") ? "the policy divides nothing here"
				: c->n_operands ? "it is not divided: carve policy explain says why"
						: "nothing is divided: carve apply does it");
	return code;
}

/* --- before and after ------------------------------------------------------------------------------------ */

/* Those that the other picture does not have just so. */
static json_t *changed(const json_t *devices, const json_t *others)
{
	json_t *only = json_array();
	size_t i, k;
	json_t *device, *other;
	json_array_foreach((json_t *)devices, i, device) {
		bool same = false;
		json_array_foreach((json_t *)others, k, other)
			same = same || json_equal(device, other);
		if (!same)
			json_array_append(only, device);
	}
	return only;
}

int cli_map_change_get(struct cli *c, const char *device, const char *text, const char *file,
		       json_t **ret)
{
	json_auto_t *before = NULL, *after = NULL;
	int r = cli_call(c, "GetMap", params_of(device, NULL, NULL), &before);
	if (r >= 0)
		r = cli_call(c, "GetMap", params_of(device, text, file), &after);
	if (r < 0)
		return r;
	const json_t *now = json_object_get(before, "devices"),
		     *then = json_object_get(after, "devices");
	*ret = json_pack("{s:o, s:o}", "before", changed(now, then), "after", changed(then, now));
	return *ret ? 0 : err_set(&c->err, "cli.map", ENOMEM, "cannot draw the devices");
}

int cli_map_change_print(struct cli *c, const json_t *change)
{
	static const struct {
		const char *key, *none;
	} pictures[] = { { "before", "not divided" }, { "after", "not divided any more" } };
	struct map_style style;
	int code = style_read(c, &style) < 0 ? EXIT_USAGE : EXIT_OK;
	for (size_t i = 0; i < 2 && code == EXIT_OK; i++) {
		const json_t *devices = json_object_get(change, pictures[i].key);
		bool none = json_array_size(devices) == 0;
		printf("\n%s:%s%s\n", pictures[i].key, none ? " " : "",
		       none ? pictures[i].none : "");
		if (!none)
			code = draw(c, devices, &style);
	}
	return code;
}
