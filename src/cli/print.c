/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See print.h. */
#include "cli/print.h"

#include <time.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "cli/table.h"

const char *print_text(const json_t *o, const char *key)
{
	const char *text = json_string_value(json_object_get(o, key));
	return text ? text : "?";
}

char *print_holder(const json_t *holder)
{
	_cleanup_(str_buf_done) struct str_buf b = { 0 };
	const char *program = json_string_value(json_object_get(holder, "program"));
	const char *unit = json_string_value(json_object_get(holder, "unit"));
	const char *device = json_string_value(json_object_get(holder, "device"));
	json_int_t pid = json_integer_value(json_object_get(holder, "pid"));
	if (pid > 0)
		str_buf_addf(&b, "pid %" JSON_INTEGER_FORMAT " (%s)", pid, program ? program : "?");
	else
		str_buf_add(&b, print_text(holder, "kind"));
	if (unit)
		str_buf_addf(&b, " in %s", unit);
	str_buf_addf(&b, ": %s", print_text(holder, "what"));
	if (device)
		str_buf_addf(&b, " on %s", device);
	if (json_is_true(json_object_get(holder, "never_touch")))
		str_buf_add(&b, " (never touched)");
	return str_buf_take(&b);
}

void print_settings(const json_t *settings)
{
	static const struct {
		const char *key, *shown;
	} all[] = {
		{ "mac", "mac" },	    { "vlan", "vlan" },
		{ "qos", "qos" },	    { "spoof_check", "spoof-check" },
		{ "trust", "trust" },	    { "link", "link" },
		{ "min_rate", "min-rate" }, { "max_rate", "max-rate" },
	};
	_cleanup_(str_buf_done) struct str_buf b = { 0 };
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		const json_t *v = json_object_get(settings, all[i].key);
		const char *space = b.len ? " " : "";
		if (json_is_string(v))
			str_buf_addf(&b, "%s%s=%s", space, all[i].shown, json_string_value(v));
		else if (json_is_integer(v))
			str_buf_addf(&b, "%s%s=%" JSON_INTEGER_FORMAT, space, all[i].shown,
				     json_integer_value(v));
		else if (json_is_boolean(v))
			str_buf_addf(&b, "%s%s=%s", space, all[i].shown,
				     json_is_true(v) ? "true" : "false");
	}
	label_print("Settings:", b.text);
}

void print_time(json_int_t seconds, char *ret, size_t size)
{
	time_t t = (time_t)seconds;
	struct tm tm;
	ret[0] = '\0';
	if (seconds > 0 && localtime_r(&t, &tm) &&
	    strftime(ret, size, "%Y-%m-%d %H:%M:%S", &tm) == 0)
		ret[0] = '\0';
}

void print_api_error(const json_t *error)
{
	_cleanup_err_ struct err e = { 0 };
	if (err_from_json(&e, error) >= 0)
		err_print(stderr, &e);
}
