/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Units that are stopped while a device is changed: what was stopped is started again, whatever happens
 * between, and nothing else is.
 */
#include "support/test.h"

#include <stdlib.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "engine/fixture.h"

#define NIC "pci:0000:00/03.0/00.0"
#define GPU "pci:0000:00/06.0/00.0"
#define GPU_B "pci:0000:00/07.0/00.0"
#define LOGGER "logger.service"
#define GPUD "gpud.service"
#define IDLE "idle.service"

#define HEAD                                                                                       \
	"version: 1\ndevices:\n"                                                                   \
	"  nic: {match: {key: \"" NIC "\"}}\n"                                                     \
	"  gpu: {match: {key: [\"" GPU "\", \"" GPU_B "\"]}}\n"
#define CLASSES "classes:\n  lan: {from: nic}\n  gpu: {from: gpu}\n"
#define TAIL "on-remove: destroy\n"
#define LAN(units)                                                                                 \
	HEAD "divide:\n  - {use: nic, as: sriov, count: 2, services: [" units "]}\n"               \
	     "classes:\n  lan: {from: nic}\n" TAIL
#define EARLY(units)                                                                               \
	HEAD "divide:\n  - {use: gpu, as: passthrough, bind: early, services: [" units "]}\n"      \
	     "classes:\n  gpu: {from: gpu}\n" TAIL
#define ON_CLAIM                                                                                   \
	HEAD "divide:\n  - {use: gpu, as: passthrough, services: [" GPUD "]}\n"                    \
	     "classes:\n  gpu: {from: gpu}\n" TAIL

static int setup(void **state)
{
	struct world *w = calloc(1, sizeof(*w));
	world_init(w, 7);
	machine_add_pf(&w->m, NIC, 0x020000, 7, true);
	machine_add_function(&w->m, GPU, 0x030000, "nouveau", true, true);
	machine_add_function(&w->m, GPU_B, 0x030000, "nouveau", true, true);
	have_sort(&w->m.have);
	struct machine_unit *logger = machine_add_unit(&w->m, LOGGER);
	(void)STR_COPY(logger->holds[0], NIC);
	struct machine_unit *gpud = machine_add_unit(&w->m, GPUD);
	(void)STR_COPY(gpud->holds[0], GPU);
	(void)STR_COPY(gpud->holds[1], GPU_B);
	machine_add_unit(&w->m, IDLE)->runs = false;
	world_start(w, true);
	world_turn(w);
	*state = w;
	return 0;
}

static void run(struct world *w)
{
	world_run(w, 20000);
	world_well(w);
}

static const json_t *report(struct world *w, uint64_t token)
{
	const struct world_answer *a = world_answer(w, token);
	if (!a || a->state != ANSWER_DONE) {
		world_print_log(w);
		fail_msg("%s", a ? a->id : "no answer");
	}
	return a->report;
}

static const char *error_of(struct world *w, uint64_t token, const char *device)
{
	size_t i;
	json_t *entry;
	json_array_foreach(json_object_get(report(w, token), "results"), i, entry)
		if (str_eq(json_string_value(json_object_get(entry, "device")), device)) {
			const json_t *error = json_object_get(entry, "error");
			return error ? json_string_value(json_object_get(error, "id")) : "";
		}
	return "(no such device)";
}

static bool complete(struct world *w, uint64_t token)
{
	return json_is_true(json_object_get(report(w, token), "complete"));
}

static unsigned vfs(struct world *w)
{
	return have_vf_count(&w->m.have, have_device(&w->m.have, NIC)->addr);
}

static const struct machine_unit *unit(struct world *w, const char *name)
{
	return machine_unit(&w->m, name);
}

/* As the world has it: nothing is owed to anybody. */
static void check_settled(struct world *w)
{
	const struct record *r = engine_record(w->e);
	for (size_t i = 0; i < w->m.n_units; i++)
		if (w->m.units[i].ours) {
			world_print_log(w);
			fail_msg("%s was stopped and not started", w->m.units[i].name);
		}
	assert_int_equal(r->n_steps, 0);
}

static void test_services_of_a_layout_are_stopped_and_started(void **state)
{
	struct world *w = *state;
	size_t steps;
	uint64_t token = world_apply_as_planned(w, LAN(LOGGER), &steps);
	world_well(w);
	assert_true(complete(w, token));
	assert_int_equal(vfs(w), 2);
	assert_int_equal(unit(w, LOGGER)->stops, 1);
	assert_int_equal(unit(w, LOGGER)->starts, 1);
	assert_int_equal(unit(w, GPUD)->stops, 0);
	check_settled(w);
	/* A second apply has nothing to stop anything for. */
	token = world_apply(w, LAN(LOGGER), false);
	run(w);
	assert_true(complete(w, token));
	assert_int_equal(unit(w, LOGGER)->stops, 1);
}

static void test_services_that_are_not_listed_keep_the_device(void **state)
{
	struct world *w = *state;
	uint64_t token = world_apply(w, LAN(IDLE), false);
	run(w);
	assert_string_equal(error_of(w, token, NIC), "guard.held");
	assert_int_equal(vfs(w), 0);
	assert_true(unit(w, LOGGER)->runs);
}

static void test_services_that_do_not_run_are_left_alone(void **state)
{
	struct world *w = *state;
	uint64_t token = world_apply(w, LAN(IDLE ", " LOGGER), false);
	run(w);
	assert_true(complete(w, token));
	assert_int_equal(unit(w, IDLE)->stops + unit(w, IDLE)->starts, 0);
	assert_false(unit(w, IDLE)->runs);
	assert_int_equal(unit(w, LOGGER)->starts, 1);
	check_settled(w);
}

static void test_services_of_two_devices_are_stopped_once(void **state)
{
	struct world *w = *state;
	size_t steps;
	uint64_t token = world_apply_as_planned(w, EARLY(GPUD), &steps);
	world_well(w);
	assert_true(complete(w, token));
	assert_int_equal(unit(w, GPUD)->stops, 1);
	assert_int_equal(unit(w, GPUD)->starts, 1);
	check_settled(w);
}

static void test_services_start_again_in_the_other_order(void **state)
{
	struct world *w = *state;
	machine_unit(&w->m, IDLE)->runs = true;
	w->performed = json_array();
	world_apply(w, LAN(IDLE ", " LOGGER), false);
	run(w);
	size_t n = json_array_size(w->performed);
	const char *const wanted[] = { "start " LOGGER " again", "start " IDLE " again" };
	for (size_t i = 0; i < 2; i++)
		assert_string_equal(json_string_value(json_object_get(
					    json_array_get(w->performed, n - 2 + i), "text")),
				    wanted[i]);
	assert_string_equal(
		json_string_value(json_object_get(json_array_get(w->performed, 0), "text")),
		"stop " IDLE);
}

static void test_services_are_stopped_for_a_claim_too(void **state)
{
	struct world *w = *state;
	uint64_t token = world_apply(w, ON_CLAIM, false);
	run(w);
	assert_true(complete(w, token));
	assert_int_equal(unit(w, GPUD)->stops, 0);
	token = world_alloc(w, 1000, "gpu", "one", CLAIM_RUNNING, 0, NULL);
	run(w);
	assert_int_equal(world_answer(w, token)->state, ANSWER_DONE);
	assert_int_equal(unit(w, GPUD)->stops, 1);
	check_settled(w);
	/* Who gives it back takes nothing from anybody. */
	world_release(w, 1000, "one");
	run(w);
	assert_null(world_claim(w, "one"));
	assert_int_equal(unit(w, GPUD)->stops, 1);
	check_settled(w);
}

static void test_services_that_do_not_stop_fail_the_device(void **state)
{
	struct world *w = *state;
	machine_unit(&w->m, GPUD)->clings = true;
	uint64_t token = world_apply(
		w,
		HEAD "divide:\n  - {use: nic, as: sriov, count: 2, services: [" LOGGER "]}\n"
		     "  - {use: gpu, as: passthrough, bind: early, services: [" GPUD
		     "]}\n" CLASSES TAIL,
		false);
	run(w);
	assert_string_equal(error_of(w, token, GPU), "service.stop");
	assert_string_equal(error_of(w, token, NIC), "");
	assert_int_equal(vfs(w), 2);
	assert_string_equal(have_device(&w->m.have, GPU)->driver, "nouveau");
	assert_true(unit(w, GPUD)->runs);
	check_settled(w);
}

static void test_services_that_do_not_stop_fail_the_claim(void **state)
{
	struct world *w = *state;
	world_apply(w, ON_CLAIM, false);
	run(w);
	machine_unit(&w->m, GPUD)->clings = true;
	uint64_t token = world_alloc(w, 1000, "gpu", "one", CLAIM_RUNNING, 0, NULL);
	run(w);
	assert_int_equal(world_answer(w, token)->state, ANSWER_FAILED);
	assert_string_equal(world_answer(w, token)->id, "service.stop");
	assert_true(unit(w, GPUD)->runs);
	check_settled(w);
}

static void test_services_that_are_not_there_fail_the_device(void **state)
{
	struct world *w = *state;
	uint64_t token = world_apply(w, LAN(LOGGER ", nowhere.service"), false);
	run(w);
	assert_string_equal(error_of(w, token, NIC), "service.absent");
	assert_int_equal(vfs(w), 0);
	assert_true(unit(w, LOGGER)->runs);
	check_settled(w);
}

/* Root took it from the list meanwhile, and the executor obeys root. */
static void test_services_that_are_not_listed_fail_the_device(void **state)
{
	struct world *w = *state;
	machine_unit(&w->m, LOGGER)->unlisted = true;
	uint64_t token = world_apply(w, LAN(LOGGER), false);
	run(w);
	assert_string_equal(error_of(w, token, NIC), "service.not-listed");
	assert_int_equal(vfs(w), 0);
	assert_true(unit(w, LOGGER)->runs);
	check_settled(w);
}

/* It went back for that, and with the former layout the unit may start. */
static void test_services_that_start_behind_the_way_back_run(void **state)
{
	struct world *w = *state;
	struct machine_unit *u = machine_unit(&w->m, LOGGER);
	u->broken = true;
	uint64_t token = world_apply(w, LAN(LOGGER), false);
	while (vfs(w) == 0 || unit(w, LOGGER)->runs) {
		world_turn(w);
		w->now += 10;
		world_results(w);
	}
	while (vfs(w) > 0) {
		world_turn(w);
		w->now += 10;
		world_results(w);
	}
	u->broken = false;
	run(w);
	assert_string_equal(error_of(w, token, NIC), "service.start");
	assert_true(unit(w, LOGGER)->runs);
	check_settled(w);
}

static void test_services_that_do_not_start_send_the_device_back(void **state)
{
	struct world *w = *state;
	machine_unit(&w->m, LOGGER)->broken = true;
	uint64_t token = world_apply(w, LAN(LOGGER), false);
	run(w);
	assert_string_equal(error_of(w, token, NIC), "service.start");
	assert_int_equal(vfs(w), 0);
	assert_false(unit(w, LOGGER)->runs);
	/* Given up: nothing goes on trying. */
	assert_int_equal(engine_record(w->e)->n_steps, 0);
	machine_unit(&w->m, LOGGER)->broken = false;
	uint64_t sent = w->sent;
	run(w);
	assert_int_equal(w->sent, sent);
}

static void test_services_of_a_failing_device_start_again(void **state)
{
	struct world *w = *state;
	(void)STR_COPY(machine_add_unit(&w->m, "other.service")->holds[0], GPU);
	uint64_t token = world_apply(w, EARLY(GPUD), false);
	run(w);
	assert_string_equal(error_of(w, token, GPU), "guard.held");
	assert_string_equal(error_of(w, token, GPU_B), "");
	assert_int_equal(unit(w, GPUD)->stops, 1);
	assert_true(unit(w, GPUD)->runs);
	check_settled(w);
}

/* Whatever dies after however many steps. True: something was stopped then. */
static bool die_after(struct world *w, const char *policy, unsigned turns, unsigned how)
{
	bool stopped = false;
	world_apply(w, policy, false);
	for (unsigned i = 0; i < turns; i++) {
		world_turn(w);
		int64_t next = machine_wake(&w->m);
		if (next > w->now)
			w->now = next;
		world_results(w);
	}
	for (size_t i = 0; i < w->m.n_units; i++)
		stopped = stopped || w->m.units[i].ours;
	if (how == 0) {
		machine_executor_crash(&w->m);
		engine_executor_lost(w->e);
		world_observe(w);
	} else if (how == 3) {
		world_reboot(w);
	} else {
		world_crash(w, how == 1);
	}
	run(w);
	run(w);
	world_well(w);
	check_settled(w);
	return stopped;
}

static void test_services_run_again_whatever_dies_between(void **state)
{
	(void)state;
	unsigned stopped[4] = { 0 };
	for (unsigned how = 0; how < 4; how++)
		for (unsigned turns = 0; turns < 12; turns++)
			for (unsigned p = 0; p < 2; p++) {
				void *made = NULL;
				setup(&made);
				struct world *w = made;
				stopped[how] += die_after(
					w, p ? EARLY(GPUD) : LAN(IDLE ", " LOGGER), turns, how);
				bool applied = engine_record(w->e)->policy.version > 0;
				if (!p && applied)
					assert_int_equal(vfs(w), 2);
				assert_true(unit(w, LOGGER)->runs && unit(w, GPUD)->runs);
				assert_true(how == 3 || !unit(w, IDLE)->runs);
				world_teardown(&made);
			}
	for (unsigned how = 0; how < 4; how++)
		assert_true(stopped[how] > 2);
}

/* What was stopped before the power went is started by the boot, or not, as its owner decided. */
static void test_services_of_the_boot_before_are_not_started(void **state)
{
	struct world *w = *state;
	world_apply(w, LAN(LOGGER), false);
	while (unit(w, LOGGER)->runs) {
		world_turn(w);
		w->now += 1000;
		world_results(w);
	}
	world_reboot(w);
	machine_unit(&w->m, LOGGER)->runs = false;
	run(w);
	assert_int_equal(unit(w, LOGGER)->starts, 0);
	assert_int_equal(vfs(w), 2);
	assert_int_equal(engine_record(w->e)->n_steps, 0);
}

static void test_services_are_a_condition_in_the_plan(void **state)
{
	struct world *w = *state;
	uint64_t token = world_apply(w, LAN(LOGGER), true);
	world_turn(w);
	const json_t *r = report(w, token);
	const json_t *steps = json_object_get(r, "steps");
	assert_string_equal(json_string_value(json_object_get(json_array_get(steps, 0), "text")),
			    "stop " LOGGER);
	assert_string_equal(json_string_value(json_object_get(
				    json_array_get(steps, json_array_size(steps) - 1), "text")),
			    "start " LOGGER " again");
	assert_string_equal(json_string_value(json_array_get(json_object_get(r, "waits"), 0)),
			    LOGGER " is only stopped and started if it runs");
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, world_teardown)
	const struct CMUnitTest tests[] = {
		T(test_services_of_a_layout_are_stopped_and_started),
		T(test_services_that_are_not_listed_keep_the_device),
		T(test_services_that_do_not_run_are_left_alone),
		T(test_services_of_two_devices_are_stopped_once),
		T(test_services_start_again_in_the_other_order),
		T(test_services_are_stopped_for_a_claim_too),
		T(test_services_that_do_not_stop_fail_the_device),
		T(test_services_that_do_not_stop_fail_the_claim),
		T(test_services_that_are_not_there_fail_the_device),
		T(test_services_that_are_not_listed_fail_the_device),
		T(test_services_that_start_behind_the_way_back_run),
		T(test_services_that_do_not_start_send_the_device_back),
		T(test_services_of_a_failing_device_start_again),
		cmocka_unit_test(test_services_run_again_whatever_dies_between),
		T(test_services_of_the_boot_before_are_not_started),
		T(test_services_are_a_condition_in_the_plan),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
