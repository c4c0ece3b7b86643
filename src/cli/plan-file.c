/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See plan-file.h. */
#include "cli/plan-file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "api/idl.h"
#include "api/interface.h"
#include "api/varlink.h"
#include "base/cleanup.h"
#include "base/str.h"
#include "cli/files.h"

#define FORMAT 1
/* It must fit into a request, with what the request has around it. */
#define FILE_MAX_SIZE (VARLINK_MESSAGE_MAX_MANAGER - 4096)

/* --- writing ---------------------------------------------------------------------------------- */

static int save_failed(const char *file, int r, struct err *reterr)
{
	err_set(reterr, "plan.save", -r, "cannot write the plan %s", file);
	err_because(reterr, "%s", strerror(-r));
	err_state(reterr, "the file is as it was, and so is the host");
	return r;
}

static int file_write(const char *file, const char *text, struct err *reterr)
{
	int r = cli_plain_replace(file, text, 0600);
	if (r >= 0)
		return 0;
	if (r != -EEXIST)
		return save_failed(file, r, reterr);
	err_set(reterr, "plan.save", EEXIST, "cannot write the plan %s", file);
	err_because(reterr, "it is there, and no plain file");
	err_state(reterr, "it is as it was, and so is the host");
	err_todo(reterr, "name another file");
	return -EEXIST;
}

/* What a comparison needs; what steps disturb is for people. */
static json_t *bare_steps(const json_t *steps)
{
	json_t *bare = json_array();
	size_t i;
	json_t *step;
	json_array_foreach((json_t *)steps, i, step) {
		json_t *copy = json_copy(step);
		json_object_del(copy, "blast");
		json_array_append_new(bare, copy);
	}
	return bare;
}

static json_t *plan_json(const json_t *asked, const json_t *reply)
{
	static const char *const members[] = { "base", "devices", "waits", "ends" };
	json_t *planned = json_object(), *plan = json_pack("{s:i}", "carve-plan", FORMAT);
	for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++)
		json_object_set(planned, members[i], json_object_get(reply, members[i]));
	json_object_set_new(planned, "steps", bare_steps(json_object_get(reply, "steps")));
	json_object_update(plan, (json_t *)asked);
	json_object_set_new(plan, "plan", planned);
	return plan;
}

int cli_plan_save(const char *file, const json_t *asked, const json_t *reply, struct err *reterr)
{
	json_auto_t *plan = plan_json(asked, reply);
	_cleanup_free_ char *text = plan ? json_dumps(plan, JSON_INDENT(1)) : NULL;
	if (!text)
		return save_failed(file, -ENOMEM, reterr);
	if (strlen(text) <= FILE_MAX_SIZE)
		return file_write(file, text, reterr);
	err_set(reterr, "plan.size", EFBIG, "cannot write the plan %s", file);
	err_because(reterr, "with its policy it is larger than %u KiB, which a request can be",
		    FILE_MAX_SIZE / 1024);
	err_state(reterr, "the file is as it was, and so is the host");
	err_todo(reterr, "plan less at a time: carve plan --only DEVICE");
	return -EFBIG;
}

/* --- reading ---------------------------------------------------------------------------------- */

static int no_plan(const char *file, const char *why, struct err *reterr)
{
	err_set(reterr, "plan.file", EBADMSG, "%s is no plan that can be applied", file);
	err_because(reterr, "%s", why);
	err_state(reterr, "nothing was changed");
	err_todo(reterr, "make it again: carve plan FILE --save %s", file);
	return -EBADMSG;
}

static int file_load(const char *file, char **ret, size_t *ret_len, struct err *reterr)
{
	_cleanup_close_ int fd = open(file, O_RDONLY | O_CLOEXEC);
	_cleanup_free_ char *text = NULL;
	size_t len = 0;
	int r = cli_text_read(fd, FILE_MAX_SIZE, &text, &len);
	if (r < 0) {
		err_set(reterr, "plan.read", -r, "cannot read the plan %s", file);
		err_state(reterr, "nothing was changed");
		err_todo(reterr, "name a file that carve plan --save wrote");
		return r;
	}
	if (len > FILE_MAX_SIZE)
		return no_plan(file, "it is larger than a plan can be", reterr);
	*ret = TAKE_PTR(text);
	*ret_len = len;
	return 0;
}

/* Damaged by hand, it is refused here with the member, not by the service without a file. */
static int members_check(const char *file, const json_t *plan, struct err *reterr)
{
	char why[128];
	const char *where = "";
	struct idl *idl = idl_parse(interface_carve_text(), reterr);
	if (!idl)
		return -ENOMEM;
	const struct idl_member *apply = idl_find(idl, IDL_METHOD, "Apply");
	bool good = idl_check(idl, &apply->in, plan, &where);
	(void)STR_FORMAT(why, "its member \"%s\" is wrong, missing, or unknown", where);
	idl_free(idl);
	return good ? 0 : no_plan(file, why, reterr);
}

int cli_plan_load(const char *file, json_t **ret, struct err *reterr)
{
	size_t len = 0;
	char why[256];
	json_error_t error;
	_cleanup_free_ char *text = NULL;
	int r = file_load(file, &text, &len, reterr);
	if (r < 0)
		return r;
	json_auto_t *plan = json_loadb(text, len, JSON_REJECT_DUPLICATES, &error);
	if (!plan) {
		(void)STR_FORMAT(why, "line %d, column %d: %.150s", error.line, error.column,
				 error.text);
		return no_plan(file, why, reterr);
	}
	json_int_t format = json_integer_value(json_object_get(plan, "carve-plan"));
	if (!json_object_get(plan, "plan") || format != FORMAT)
		return no_plan(file,
			       format > FORMAT ? "a newer carve wrote it"
					       : "carve plan did not write it",
			       reterr);
	json_object_del(plan, "carve-plan");
	r = members_check(file, plan, reterr);
	if (r >= 0)
		*ret = json_incref(plan);
	return r;
}
