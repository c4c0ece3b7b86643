/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Units that are stopped for a change: root's list of them, the verbs on them, and who is told of the list. */
#include "support/test.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "executor/verbs.h"
#include "host/services.h"
#include "mech/mech.h"
#include "model/service.h"
#include "support/tree.h"

/* --- names ------------------------------------------------------------------------------------ */

static void test_service_name_valid_takes_units_only(void **state)
{
	(void)state;
	static const char *const good[] = { "a.service", "dcgm@0.service", "nvsm.socket",
					    "nvidia-persistenced.service", "X11_0.1:a.service" };
	static const char *const bad[] = { "",
					   "dcgm",
					   "dcgm.target",
					   "-.service",
					   "--now.service",
					   ".service",
					   "a b.service",
					   "a/b.service",
					   "a\\x2db.service",
					   "a.service\n",
					   ("a12345678901234567890123456789012345678901234567890"
					    "123456.service") };
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		if (!service_name_valid(good[i]))
			fail_msg("%s", good[i]);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (service_name_valid(bad[i]))
			fail_msg("%s", bad[i]);
}

/* --- root's list ------------------------------------------------------------------------------ */

static void test_services_parse_reads_a_name_a_line(void **state)
{
	(void)state;
	struct service_list l;
	assert_int_equal(
		services_parse("# GPUs\n\n  dcgm.service\t# why\nnvsm.socket", "f", &l, NULL), 0);
	assert_int_equal(l.n, 2);
	assert_true(services_has(&l, "dcgm.service") && services_has(&l, "nvsm.socket"));
	assert_false(services_has(&l, "dcgm"));
	assert_int_equal(services_parse("", "f", &l, NULL), 0);
	assert_int_equal(l.n, 0);
}

static void test_f30_services_parse_bad_line_lists_nothing(void **state)
{
	(void)state;
	static const struct {
		const char *text, *at, *because;
	} cases[] = {
		{ "dcgm.service\nnonsense\n", "f:2:1", "\"nonsense\" is no name of a unit" },
		{ " dcgm.service nvsm.socket\n", "f:1:14", "more than one unit" },
		{ "\tsshd.service", "f:1:2", "the host cannot do without sshd.service" },
		{ "carved.service", "f:1:1", "the host cannot do without carved.service" },
		{ "a.service\n#\na.service", "f:3:1", "a.service is there twice" },
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		_cleanup_err_ struct err e = { 0 };
		struct service_list l = { .n = 77 };
		assert_int_equal(services_parse(cases[i].text, "f", &l, &e), -EINVAL);
		assert_string_equal(e.id, "services.syntax");
		assert_string_equal(e.on, cases[i].at);
		assert_non_null(strstr(e.because, cases[i].because));
		assert_true(e.state && e.todo);
		assert_int_equal(l.n, 77);
	}
}

static void test_services_parse_limits_are_refused(void **state)
{
	(void)state;
	_cleanup_err_ struct err many = { 0 }, wide = { 0 };
	_cleanup_(str_buf_done) struct str_buf text = { 0 };
	struct service_list l;
	for (unsigned i = 0; i <= SERVICES_MAX; i++)
		str_buf_addf(&text, "u%u.service\n", i);
	assert_int_equal(services_parse(text.text, "f", &l, &many), -EINVAL);
	assert_string_equal(many.on, "f:65:1");
	char line[400];
	memset(line, ' ', sizeof(line) - 1);
	line[sizeof(line) - 1] = '\0';
	assert_int_equal(services_parse(line, "f", &l, &wide), -EINVAL);
	assert_string_equal(wide.because, "the line is longer than 255 bytes");
}

static void test_services_read_trusts_root_alone(void **state)
{
	(void)state;
	struct tree t;
	struct service_list l = { .n = 77 };
	_cleanup_err_ struct err e = { 0 };
	char path[128];
	tree_init(&t);
	(void)STR_FORMAT(path, "%s/services", t.path);
	assert_int_equal(services_read(path, &l, &e), 0);
	assert_int_equal(l.n, 0);
	tree_file(&t, "services", "dcgm.service\n");
	assert_int_equal(services_read(path, &l, &e), 0);
	assert_int_equal(l.n, 1);
	assert_int_equal(chmod(path, 0664), 0);
	assert_int_equal(services_read(path, &l, &e), -EPERM);
	assert_string_equal(e.id, "services.unreadable");
	assert_string_equal(e.because, "somebody other than root can write it");
	tree_done(&t);
}

/* --- the verbs -------------------------------------------------------------------------------- */

struct host {
	struct tree tree;
	char services[128], systemctl[128];
	struct verb_context context;
	struct step_result result;
};

/* What it is told is in "told"; the unit's state in "is". A unit that does not want to has "clings". */
static const char systemctl[] =
	"#!/bin/sh\n"
	"cd \"${0%/*}\"\n"
	"echo \"$*\" >>told\n"
	"[ -z \"$HOME$LANG$USER\" ] || echo environment >>told\n"
	"case $* in\n"
	"*' show -- '*) [ ! -e dumb ] || exit 1\n"
	"	[ -e is ] || { echo LoadState=not-found; echo ActiveState=inactive; exit 0; }\n"
	"	echo LoadState=loaded; echo ActiveState=$(cat is) ;;\n"
	"*' stop -- '*) [ ! -e clings ] || exit 1; echo inactive >is ;;\n"
	"*' start -- '*) [ ! -e clings ] || exit 1; echo active >is ;;\n"
	"*) exit 2 ;;\n"
	"esac\n";

static int set_up(void **state)
{
	struct host *h = calloc(1, sizeof(*h));
	assert_non_null(h);
	tree_init(&h->tree);
	(void)STR_FORMAT(h->services, "%s/services", h->tree.path);
	(void)STR_FORMAT(h->systemctl, "%s/systemctl", h->tree.path);
	tree_file(&h->tree, "services", "dcgm.service\n");
	tree_file(&h->tree, "systemctl", systemctl);
	tree_file(&h->tree, "is", "active\n");
	assert_int_equal(chmod(h->systemctl, 0755), 0);
	h->context.services = h->services;
	h->context.systemctl = h->systemctl;
	*state = h;
	return 0;
}

static int tear_down(void **state)
{
	struct host *h = *state;
	tree_done(&h->tree);
	free(h);
	return 0;
}

static enum step_status perform(struct host *h, enum verb verb, const char *unit)
{
	struct step s = { .verb = verb, .target.vf = -1 };
	(void)STR_COPY(s.text, unit);
	h->result = (struct step_result){ .status = STEP_UNKNOWN };
	for (size_t i = 0; i < service_verbs_n; i++)
		if (service_verbs[i].verb == verb)
			service_verbs[i].run(&h->context, &s, &h->result);
	return (enum step_status)h->result.status;
}

static char *told(const struct host *h)
{
	char path[128], text[4096] = "";
	(void)STR_FORMAT(path, "%s/told", h->tree.path);
	_cleanup_fclose_ FILE *f = fopen(path, "re");
	if (f)
		text[fread(text, 1, sizeof(text) - 1, f)] = '\0';
	return strdup(text);
}

#define SHOW "--no-pager --property=LoadState --property=ActiveState show -- dcgm.service\n"

static void test_service_verbs_stop_and_start_what_is_listed(void **state)
{
	struct host *h = *state;
	assert_int_equal(perform(h, VERB_SERVICE_LOOK, "dcgm.service"), STEP_DONE);
	assert_int_equal(h->result.number, 1);
	assert_int_equal(perform(h, VERB_SERVICE_STOP, "dcgm.service"), STEP_DONE);
	assert_int_equal(perform(h, VERB_SERVICE_STOP, "dcgm.service"), STEP_NOTHING);
	assert_int_equal(perform(h, VERB_SERVICE_LOOK, "dcgm.service"), STEP_DONE);
	assert_int_equal(h->result.number, 0);
	assert_int_equal(perform(h, VERB_SERVICE_START, "dcgm.service"), STEP_DONE);
	assert_int_equal(perform(h, VERB_SERVICE_START, "dcgm.service"), STEP_NOTHING);
	_cleanup_free_ char *text = told(h);
	assert_string_equal(text, SHOW SHOW
			    "--no-ask-password --quiet stop -- dcgm.service\n" SHOW SHOW SHOW SHOW
			    "--no-ask-password --quiet start -- dcgm.service\n" SHOW SHOW);
}

static void test_service_verbs_on_what_is_not_listed_ask_nobody(void **state)
{
	struct host *h = *state;
	static const char *const units[] = { "other.service", "dcgm", "sshd.service", "" };
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		assert_int_equal(perform(h, VERB_SERVICE_LOOK, units[i]), STEP_REFUSED);
		assert_int_equal(perform(h, VERB_SERVICE_STOP, units[i]), STEP_REFUSED);
		assert_int_equal(perform(h, VERB_SERVICE_START, units[i]), STEP_REFUSED);
		assert_string_equal(h->result.reason, "not-listed");
	}
	/* A list with a mistake lists nothing, and neither does one that others write. */
	tree_file(&h->tree, "services", "dcgm.service\nnonsense\n");
	assert_int_equal(perform(h, VERB_SERVICE_STOP, "dcgm.service"), STEP_REFUSED);
	tree_file(&h->tree, "services", "dcgm.service\n");
	assert_int_equal(chmod(h->services, 0666), 0);
	assert_int_equal(perform(h, VERB_SERVICE_STOP, "dcgm.service"), STEP_REFUSED);
	_cleanup_free_ char *text = told(h);
	assert_string_equal(text, "");
}

static void test_service_verbs_read_back_what_systemctl_did(void **state)
{
	struct host *h = *state;
	tree_file(&h->tree, "clings", "");
	assert_int_equal(perform(h, VERB_SERVICE_STOP, "dcgm.service"), STEP_FAILED);
	assert_string_equal(h->result.where, "systemctl stop");
	assert_string_equal(h->result.detail, "dcgm.service does not stop");
	tree_file(&h->tree, "is", "failed\n");
	assert_int_equal(perform(h, VERB_SERVICE_START, "dcgm.service"), STEP_FAILED);
	assert_string_equal(h->result.detail, "dcgm.service does not start");
	/* Others have it stopped: to stop it is to wait for that, to start it is to stop them. */
	tree_file(&h->tree, "is", "deactivating\n");
	assert_int_equal(perform(h, VERB_SERVICE_START, "dcgm.service"), STEP_FAILED);
	assert_int_equal(perform(h, VERB_SERVICE_STOP, "dcgm.service"), STEP_FAILED);
	tree_file(&h->tree, "dumb", "");
	assert_int_equal(perform(h, VERB_SERVICE_LOOK, "dcgm.service"), STEP_FAILED);
	assert_string_equal(h->result.where, "systemctl show");
}

static void test_service_verbs_without_the_unit_or_systemd_say_so(void **state)
{
	struct host *h = *state;
	tree_remove(&h->tree, "is");
	assert_int_equal(perform(h, VERB_SERVICE_LOOK, "dcgm.service"), STEP_FAILED);
	assert_int_equal(h->result.error, ENOENT);
	assert_string_equal(h->result.detail, "there is no unit dcgm.service");
	assert_int_equal(perform(h, VERB_SERVICE_STOP, "dcgm.service"), STEP_FAILED);
	h->context.systemctl = "/no/systemctl";
	assert_int_equal(perform(h, VERB_SERVICE_LOOK, "dcgm.service"), STEP_FAILED);
	assert_string_equal(h->result.detail, "it does not say what dcgm.service does");
}

/* --- who is told of it ------------------------------------------------------------------------ */

static void todo_is(const char *unit, int vf, const char *wanted)
{
	const struct have nothing = { 0 };
	const struct step s = { .verb = VERB_SET_VFS, .target.vf = vf };
	struct step_result r = { .status = STEP_REFUSED };
	struct holder holders[2] = { { .kind = HOLDER_FD, .pid = 11 },
				     { .kind = HOLDER_FD, .pid = 12 } };
	_cleanup_err_ struct err e = { 0 };
	(void)STR_COPY(r.reason, "held");
	(void)STR_COPY(holders[1].unit, unit);
	assert_true(mech_diagnose(&nothing, &s, &r, holders, 2, &e));
	assert_string_equal(e.id, "guard.held");
	assert_string_equal(e.todo, wanted);
}

static void test_mech_diagnose_names_the_key_for_the_unit_that_holds(void **state)
{
	(void)state;
	static const char any[] = "stop what holds it, or: carve release CLAIM";
	todo_is("dcgm.service", -1,
		"systemctl stop dcgm.service, or let carve stop it for the change, in the policy: "
		"services: [dcgm.service]");
	todo_is("dcgm.service", 3, any);
	todo_is("session-3.scope", -1, any);
	todo_is("ssh.service", -1, any);
	todo_is("", -1, any);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_service_name_valid_takes_units_only),
		cmocka_unit_test(test_services_parse_reads_a_name_a_line),
		cmocka_unit_test(test_f30_services_parse_bad_line_lists_nothing),
		cmocka_unit_test(test_services_parse_limits_are_refused),
		cmocka_unit_test(test_services_read_trusts_root_alone),
		T(test_service_verbs_stop_and_start_what_is_listed),
		T(test_service_verbs_on_what_is_not_listed_ask_nobody),
		T(test_service_verbs_read_back_what_systemctl_did),
		T(test_service_verbs_without_the_unit_or_systemd_say_so),
		cmocka_unit_test(test_mech_diagnose_names_the_key_for_the_unit_that_holds),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
