/* SPDX-License-Identifier: GPL-2.0-or-later */
/* carve enroll --service, unenroll --service: the units that root lets carve stop and start. */
#include <errno.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "cli/cli.h"
#include "cli/files.h"
#include "model/service.h"

#define SERVICES CARVE_SYSCONFDIR "/services"

static int refuse_name(struct cli *c, const char *unit)
{
	if (!service_name_valid(unit))
		return cli_usage_error(c,
				       "\"%.80s\" is no name of a unit like "
				       "nvidia-persistenced.service",
				       unit);
	if (!service_is_vital(unit))
		return EXIT_OK;
	err_set(&c->err, "cli.enroll-vital", EPERM, "%s is never stopped", unit);
	err_because(&c->err, "the host, or whoever repairs it, cannot do without");
	err_state(&c->err, "nothing was changed");
	err_todo(&c->err, "leave it out of the policy's services");
	return cli_exit_code(&c->err);
}

/* Where the line of unit begins in text; NULL: it has none. *ret_end is behind its newline. */
static const char *line_find(const char *text, const char *unit, const char **ret_end)
{
	for (const char *p = text; p && *p; p = *ret_end) {
		const char *rest = str_after(p + strspn(p, " \t"), unit);
		size_t len = strcspn(p, "\n");
		*ret_end = p + len + (p[len] == '\n');
		if (rest && (*rest == '\0' || strchr(" \t\n#", *rest)))
			return p;
	}
	return NULL;
}

static int list_write(struct cli *c, char *text)
{
	if (!text)
		err_set(&c->err, "base.memory", ENOMEM, "out of memory");
	int r = text ? cli_file_write(c, SERVICES, text, 0644, "") : -ENOMEM;
	free(text);
	return r < 0 ? cli_exit_code(&c->err) : EXIT_OK;
}

static int add(struct cli *c, const char *old, const char *unit)
{
	char *text = NULL;
	size_t len = strlen(old);
	const char *newline = len > 0 && old[len - 1] != '\n' ? "\n" : "";
	if (asprintf(&text, "%s%s%s\n", old, newline, unit) < 0)
		text = NULL;
	int code = list_write(c, text);
	if (code == EXIT_OK)
		cli_say("%s may be stopped where a policy says so\n", unit);
	return code;
}

static int drop(struct cli *c, const char *old, const char *begin, const char *end)
{
	char *text = NULL;
	if (asprintf(&text, "%.*s%s", (int)(begin - old), old, end) < 0)
		text = NULL;
	int code = list_write(c, text);
	if (code == EXIT_OK)
		cli_say("%s is left alone from now on\n", c->operands[0]);
	return code;
}

int cli_service(struct cli *c, bool enroll)
{
	const char *unit = c->operands[0], *end = NULL;
	_cleanup_free_ char *old = NULL;
	_cleanup_close_ int lock = -1;
	if (cli_option_given(c, "label"))
		return cli_usage_error(c, "--label and --service exclude each other");
	int code = enroll ? refuse_name(c, unit) : EXIT_OK;
	if (code != EXIT_OK)
		return code;
	if ((lock = cli_file_lock(c, SERVICES)) < 0 || cli_file_read(c, SERVICES, &old) < 0)
		return cli_exit_code(&c->err);
	const char *there = line_find(old, unit, &end);
	if (!there != enroll) {
		cli_say("%s is %s\n", unit, enroll ? "listed already" : "not listed");
		return EXIT_OK;
	}
	return enroll ? add(c, old ? old : "", unit) : drop(c, old, there, end);
}
