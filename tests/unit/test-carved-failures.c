/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The real carved and carve-executor hand out functions of a made-up machine while things go wrong:
 * many ask at once, processes are killed, the state directory takes nothing more. Whatever was
 * granted stays granted, and nothing twice.
 */
#include "support/test.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "support/service.h"

#define N_GPUS 4

static const char policy[] = "version: 1\n"
			     "devices:\n  gpus: {match: {id: \"10de:20b0\"}}\n"
			     "divide:\n  - {use: gpus, as: passthrough, bind: early}\n"
			     "classes:\n  gpu: {from: gpus}\n";

static void attribute(const struct service *s, const char *device, const char *name,
		      const char *value)
{
	char file[256];
	assert_int_equal(STR_FORMAT(file, "devices/%s/%s", device, name), 0);
	tree_file(&s->sys, file, value);
}

/* A PCIe function with FLR that VFIO has already: no kernel has to answer what is written to hand it
 * out and to reset it. Offsets: pci_regs.h, Linux 6.12. */
static void gpu_make(const struct service *s, int i)
{
	unsigned char config[4096] = { 0xde, 0x10, 0xb0, 0x20 };
	char path[128], file[256];
	config[0x06] = 0x10;		       /* status: capability list */
	config[0x34] = 0x40;		       /* first capability */
	config[0x40] = 0x10, config[0x42] = 2; /* PCI Express, version 2 */
	config[0x47] = 0x10;		       /* DEVCAP: FLR */
	assert_int_equal(STR_FORMAT(path, "pci0000:00/0000:00:%02x.0", i + 3), 0);
	tree_function(&s->sys, &(struct tree_function){ .path = path,
							.vendor = 0x10de,
							.device = 0x20b0,
							.class = 0x120000,
							.driver = "vfio-pci",
							.group = i + 2 });
	attribute(s, path, "vendor", "0x10de\n");
	attribute(s, path, "device", "0x20b0\n");
	attribute(s, path, "class", "0x120000\n");
	attribute(s, path, "reset", "");
	attribute(s, path, "reset_method", "flr\n");
	assert_int_equal(STR_FORMAT(file, "devices/%s/config", path), 0);
	tree_bytes(&s->sys, file, config, sizeof(config));
	assert_int_equal(STR_FORMAT(file, "dev/vfio/%d", i + 2), 0);
	tree_file(&s->root, file, "");
	assert_int_equal(fchmodat(s->root.fd, file, 0600, 0), 0);
}

static int setup(void **state)
{
	struct service *s = calloc(1, sizeof(*s));
	struct str_buf enrolled = { 0 };
	assert_non_null(s);
	service_init(s);
	for (int i = 0; i < N_GPUS; i++) {
		gpu_make(s, i);
		str_buf_addf(&enrolled, "pci:0000:00/%02x.0 10de:20b0 -\n", i + 3);
	}
	tree_file(&s->root, "etc/devices", enrolled.text);
	str_buf_done(&enrolled);
	*state = s;
	return 0;
}

static int teardown(void **state)
{
	struct service *s = *state;
	service_done(s);
	free(s);
	return 0;
}

/* --- calls ----------------------------------------------------------------------------------- */

static const char *text(const json_t *o, const char *name)
{
	const char *value = json_string_value(json_object_get(o, name));
	return value ? value : "";
}

/* 0 and the reply, which is the caller's, or a negative errno and the id. */
static int call(const struct service *s, const char *method, json_t *params, json_t **ret,
		char *ret_id, size_t size)
{
	_cleanup_err_ struct err e = { 0 };
	struct api_client *c = service_connect(s);
	int r = api_call(c, method, params, API_MORE, ret, NULL, &e);
	if (r < 0)
		assert_int_equal(str_copy(ret_id, size, e.id), 0);
	api_close(c);
	return r;
}

static json_t *must(const struct service *s, const char *method, json_t *params)
{
	char id[64];
	json_t *reply = NULL;
	if (call(s, method, params, &reply, id, sizeof(id)) < 0)
		fail_msg("%s: %s", method, id);
	return reply;
}

static void must_not(const struct service *s, const char *method, json_t *params, const char *id)
{
	char got[64];
	json_t *reply = NULL;
	assert_true(call(s, method, params, &reply, got, sizeof(got)) < 0);
	assert_string_equal(got, id);
}

static json_t *claim_params(const char *name)
{
	return json_pack("{s:s, s:s, s:s}", "class", "gpu", "owner", "manual:test", "name", name);
}

static json_t *release_params(const char *name)
{
	return json_pack("{s:s}", "claim", name);
}

static void start(struct service *s)
{
	if (getuid() != 0)
		skip();
	service_executor_start(s);
	service_start(s);
	json_t *reply = must(s, "Apply", json_pack("{s:s}", "policy", policy));
	assert_true(json_is_true(json_object_get(reply, "complete")));
	json_decref(reply);
}

/* The device it got. */
static void claim(const struct service *s, const char *name, char *ret_device, size_t size)
{
	json_t *reply = must(s, "Claim", claim_params(name));
	const json_t *c = json_object_get(reply, "claim");
	assert_string_equal(text(c, "state"), "held");
	assert_int_equal(str_copy(ret_device, size, text(c, "device")), 0);
	json_decref(reply);
}

static void release(const struct service *s, const char *name)
{
	json_t *reply = must(s, "Release", release_params(name));
	assert_true(json_is_true(json_object_get(reply, "released")));
	json_decref(reply);
}

static size_t slices_in(const struct service *s, const char *state)
{
	size_t n = 0, i;
	const json_t *slice;
	json_t *reply = must(s, "ListSlices", NULL);
	json_array_foreach(json_object_get(reply, "slices"), i, slice)
		n += str_eq(text(slice, "state"), state);
	json_decref(reply);
	return n;
}

static void wait_for_slices(const struct service *s, const char *state, size_t n)
{
	for (int i = 0; i < 500 && slices_in(s, state) != n; i++)
		(void)usleep(20000);
	assert_int_equal(slices_in(s, state), n);
}

/* --- many at once ---------------------------------------------------------------------------- */

static void test_slices_are_listed_once(void **state)
{
	struct service *s = *state;
	char device[192];
	start(s);
	claim(s, "a", device, sizeof(device));
	json_t *reply = must(s, "ListSlices", NULL);
	assert_int_equal(json_array_size(json_object_get(reply, "slices")), N_GPUS);
	json_decref(reply);
}

static void test_64_claims_at_once_get_each_slice_once(void **state)
{
	static const char one[] = "{\"method\":\"io.carve.Claim\",\"parameters\":"
				  "{\"class\":\"gpu\",\"owner\":\"manual:test\"}}";
	struct service *s = *state;
	int fds[64];
	unsigned held = 0, devices = 0;
	start(s);
	for (int i = 0; i < 64; i++) {
		fds[i] = service_connect_raw(s);
		assert_true(fds[i] >= 0);
	}
	for (int i = 0; i < 64; i++)
		assert_int_equal(send(fds[i], one, sizeof(one), MSG_NOSIGNAL), sizeof(one));
	for (int i = 0; i < 64; i++) {
		_cleanup_err_ struct err e = { 0 };
		struct api_client *c = NULL;
		json_t *reply = NULL;
		assert_int_equal(api_attach(fds[i], &c, NULL), 0);
		int r = api_next(c, &reply, NULL, &e);
		if (r < 0)
			assert_string_equal(e.id, "claim.none-free");
		for (int k = 0; r >= 0 && k < N_GPUS; k++) {
			char key[32];
			assert_int_equal(STR_FORMAT(key, "pci:0000:00/%02x.0", k + 3), 0);
			if (!str_eq(text(json_object_get(reply, "claim"), "device"), key))
				continue;
			devices |= 1u << k;
			held++;
		}
		json_decref(reply);
		api_close(c);
	}
	assert_int_equal(held, N_GPUS);
	assert_int_equal(devices, (1u << N_GPUS) - 1);
	assert_int_equal(slices_in(s, "held"), N_GPUS);
}

/* --- killed ---------------------------------------------------------------------------------- */

static void assert_same(const struct service *s, const char *method, const json_t *before)
{
	json_t *after = must(s, method, NULL);
	assert_true(json_equal(before, after));
	json_decref(after);
}

static void test_killed_carved_knows_what_it_granted(void **state)
{
	struct service *s = *state;
	char first[192], second[192], third[192];
	start(s);
	claim(s, "a", first, sizeof(first));
	claim(s, "b", second, sizeof(second));
	json_t *claims = must(s, "ListClaims", NULL), *slices = must(s, "ListSlices", NULL);
	json_t *classes = must(s, "ListClasses", NULL);
	service_kill(&s->carved, SIGKILL);
	service_start(s);
	assert_same(s, "ListClaims", claims);
	assert_same(s, "ListSlices", slices);
	assert_same(s, "ListClasses", classes);
	claim(s, "c", third, sizeof(third));
	assert_string_not_equal(third, first);
	assert_string_not_equal(third, second);
	release(s, "a");
	wait_for_slices(s, "held", 2);
	json_decref(claims);
	json_decref(slices);
	json_decref(classes);
}

/* Whatever the moment: a claim is there as a whole or not at all, and its slice with it. */
static void test_carved_killed_in_a_claim_loses_nothing(void **state)
{
	struct service *s = *state;
	start(s);
	for (unsigned round = 0; round < 12; round++) {
		struct api_client *c = service_connect(s);
		assert_int_equal(
			api_call(c, "Claim", claim_params("x"), API_ONEWAY, NULL, NULL, NULL), 0);
		(void)usleep(round * 400);
		service_kill(&s->carved, SIGKILL);
		api_close(c);
		service_start(s);
		json_t *doctor = must(s, "Doctor", NULL); /* waits for the first complete look */
		json_decref(doctor);
		json_t *reply = must(s, "ListClaims", NULL);
		size_t claims = json_array_size(json_object_get(reply, "claims"));
		json_decref(reply);
		assert_true(claims <= 1);
		wait_for_slices(s, "held", claims);
		wait_for_slices(s, "ready", N_GPUS - claims);
		if (claims)
			release(s, "x");
	}
}

static void wait_for_executor(const struct service *s, const char *state)
{
	for (int i = 0; i < 500; i++) {
		json_t *reply = must(s, "GetInfo", NULL);
		bool there = str_eq(text(reply, "executor"), state);
		json_decref(reply);
		if (there)
			return;
		(void)usleep(20000);
	}
	fail();
}

static void test_killed_executor_costs_nothing(void **state)
{
	struct service *s = *state;
	char device[192], other[192];
	start(s);
	claim(s, "a", device, sizeof(device));
	json_t *claims = must(s, "ListClaims", NULL), *slices = must(s, "ListSlices", NULL);
	service_kill(&s->executor, SIGKILL);
	wait_for_executor(s, "away");
	assert_same(s, "ListClaims", claims);
	assert_same(s, "ListSlices", slices);
	service_executor_start(s);
	wait_for_executor(s, "connected");
	assert_same(s, "ListClaims", claims);
	assert_same(s, "ListSlices", slices);
	claim(s, "b", other, sizeof(other));
	assert_string_not_equal(other, device);
	release(s, "a");
	release(s, "b");
	wait_for_slices(s, "ready", N_GPUS);
	json_decref(claims);
	json_decref(slices);
}

/* The step it was in is found out about, and done again if need be. */
static void test_executor_killed_in_a_release_is_caught_up_with(void **state)
{
	struct service *s = *state;
	char device[192];
	start(s);
	for (unsigned round = 0; round < 8; round++) {
		claim(s, "a", device, sizeof(device));
		struct api_client *c = service_connect(s);
		json_t *reply = NULL;
		assert_int_equal(api_call(c, "Release", release_params("a"), API_ONEWAY, NULL, NULL,
					  NULL),
				 0);
		(void)usleep(round * 300);
		service_kill(&s->executor, SIGKILL);
		service_executor_start(s);
		wait_for_executor(s, "connected");
		api_close(c);
		assert_true(api_connect(s->socket, &c, NULL) >= 0);
		/* Released once; who asks again hears that it is gone. */
		assert_int_equal(api_call(c, "Release", release_params("a"), 0, &reply, NULL, NULL),
				 0);
		json_decref(reply);
		api_close(c);
		wait_for_slices(s, "ready", N_GPUS);
	}
}

/* --- a state directory that takes nothing more -------------------------------------------------- */

static void assert_ledger(const struct service *s, const char *health)
{
	json_t *reply = must(s, "GetInfo", NULL);
	assert_string_equal(text(reply, "ledger"), health);
	json_decref(reply);
}

static size_t claims_listed(const struct service *s)
{
	json_t *reply = must(s, "ListClaims", NULL);
	size_t n = json_array_size(json_object_get(reply, "claims"));
	json_decref(reply);
	return n;
}

/* To the last byte of those 4 MiB. By path: a descriptor from before the mount leads below it. */
static void disk_fill(const struct service *s)
{
	static const char zeros[4096];
	char file[128];
	ssize_t n = sizeof(zeros);
	assert_int_equal(STR_FORMAT(file, "%s/state/filler", s->root.path), 0);
	int fd = open(file, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	for (int i = 0; i < 1024 && n > 0; i++)
		n = write(fd, zeros, sizeof(zeros));
	assert_true(n < 0 && errno == ENOSPC);
	close(fd);
}

static void disk_free(const struct service *s)
{
	tree_remove(&s->root, "state/filler");
}

static void restart_killed(struct service *s)
{
	service_kill(&s->carved, SIGKILL);
	service_start(s);
}

static void test_full_disk_refuses_changes_until_there_is_room(void **state)
{
	struct service *s = *state;
	char device[192];
	service_state_mount(s, 0);
	start(s);
	claim(s, "a", device, sizeof(device));
	disk_fill(s);
	must_not(s, "Claim", claim_params("b"), "ledger.full");
	must_not(s, "Release", release_params("a"), "ledger.full");
	must_not(s, "Claim", claim_params("b"), "ledger.full");
	assert_ledger(s, "read-only");
	assert_int_equal(claims_listed(s), 1);
	assert_int_equal(slices_in(s, "held"), 1);
	assert_int_equal(slices_in(s, "ready"), N_GPUS - 1);
	disk_free(s);
	claim(s, "b", device, sizeof(device));
	assert_ledger(s, "good");
	restart_killed(s);
	assert_int_equal(claims_listed(s), 2);
	assert_int_equal(slices_in(s, "held"), 2);
}

static void test_full_disk_is_not_full_of_the_ledgers_own_log(void **state)
{
	struct service *s = *state;
	char device[192], log[160];
	struct stat st;
	service_state_mount(s, 0);
	start(s);
	assert_int_equal(STR_FORMAT(log, "%s/state/ledger.db-wal", s->root.path), 0);
	for (int i = 0; i < 100 && !(stat(log, &st) == 0 && st.st_size > 400000); i++) {
		claim(s, "a", device, sizeof(device));
		json_decref(must(s, "Release", release_params("a")));
	}
	assert_true(st.st_size > 400000);
	disk_fill(s);
	claim(s, "b", device, sizeof(device));
	assert_ledger(s, "good");
	assert_int_equal(stat(log, &st), 0);
	assert_true(st.st_size < 400000);
}

static void wait_for_ledger(const struct service *s, const char *health)
{
	bool there = false;
	for (int i = 0; i < 500 && !there; i++) {
		json_t *reply = must(s, "GetInfo", NULL);
		there = str_eq(text(reply, "ledger"), health);
		json_decref(reply);
		if (!there)
			(void)usleep(20000);
	}
	assert_true(there);
}

/* An attribute whose writes end when somebody reads: a pipe that is full. */
static int attribute_block(const struct service *s, const char *path)
{
	static const char zeros[4096];
	tree_remove(&s->sys, path);
	assert_int_equal(mkfifoat(s->sys.fd, path, 0600), 0);
	int fd = openat(s->sys.fd, path, O_RDWR | O_NONBLOCK | O_CLOEXEC);
	assert_true(fd >= 0);
	assert_true(fcntl(fd, F_SETPIPE_SZ, (int)sizeof(zeros)) > 0);
	while (write(fd, zeros, sizeof(zeros)) > 0)
		;
	return fd;
}

static int watch_opens(const struct service *s, const char *path)
{
	char full[256];
	assert_int_equal(STR_FORMAT(full, "%s/%s", s->sys.path, path), 0);
	int fd = inotify_init1(IN_CLOEXEC);
	assert_true(fd >= 0);
	assert_true(inotify_add_watch(fd, full, IN_OPEN) >= 0);
	return fd;
}

/* What a step has come to is not lost either: the turn that takes it in is made again. */
static void test_result_that_comes_on_a_full_disk_is_taken_in_later(void **state)
{
	static const char reset[] = "devices/pci0000:00/0000:00:03.0/reset";
	struct service *s = *state;
	char device[192], bytes[8192];
	service_state_mount(s, 0);
	start(s);
	claim(s, "a", device, sizeof(device));
	assert_string_equal(device, "pci:0000:00/03.0");
	int fd = attribute_block(s, reset), opens = watch_opens(s, reset);
	struct api_client *c = service_connect(s);
	assert_int_equal(api_call(c, "Release", release_params("a"), API_ONEWAY, NULL, NULL, NULL),
			 0);
	assert_true(read(opens, bytes, sizeof(bytes)) > 0);
	disk_fill(s);
	assert_true(read(fd, bytes, sizeof(bytes)) > 0);
	wait_for_ledger(s, "read-only");
	assert_int_equal(slices_in(s, "ready"), N_GPUS - 1);
	disk_free(s);
	wait_for_slices(s, "ready", N_GPUS);
	assert_ledger(s, "good");
	api_close(c);
	close(opens);
	close(fd);
}

static void test_read_only_ledger_shows_what_is_held_until_it_can_be_written(void **state)
{
	struct service *s = *state;
	char device[192];
	service_state_mount(s, 0);
	start(s);
	claim(s, "a", device, sizeof(device));
	json_t *claims = must(s, "ListClaims", NULL);
	service_kill(&s->carved, SIGKILL);
	service_state_mount(s, MS_RDONLY);
	service_start(s);
	json_t *doctor = must(s, "Doctor", NULL);
	assert_ledger(s, "read-only");
	assert_same(s, "ListClaims", claims);
	assert_int_equal(slices_in(s, "held"), 1);
	must_not(s, "Claim", claim_params("b"), "ledger.read-only");
	must_not(s, "Release", release_params("a"), "ledger.read-only");
	service_state_mount(s, 0);
	claim(s, "b", device, sizeof(device));
	assert_ledger(s, "good");
	restart_killed(s);
	assert_int_equal(claims_listed(s), 2);
	release(s, "a");
	json_decref(claims);
	json_decref(doctor);
}

/* The kernel sends SIGXFSZ as well, which would end the service. */
static void test_file_size_limit_refuses_changes_until_it_is_raised(void **state)
{
	struct service *s = *state;
	char device[192];
	struct rlimit before, low;
	start(s);
	claim(s, "a", device, sizeof(device));
	assert_int_equal(prlimit(s->carved, RLIMIT_FSIZE, NULL, &before), 0);
	low = before;
	low.rlim_cur = 4096;
	assert_int_equal(prlimit(s->carved, RLIMIT_FSIZE, &low, NULL), 0);
	must_not(s, "Claim", claim_params("b"), "ledger.full");
	assert_int_equal(claims_listed(s), 1);
	assert_int_equal(prlimit(s->carved, RLIMIT_FSIZE, &before, NULL), 0);
	claim(s, "b", device, sizeof(device));
	assert_ledger(s, "good");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_slices_are_listed_once),
		TEST(test_64_claims_at_once_get_each_slice_once),
		TEST(test_killed_carved_knows_what_it_granted),
		TEST(test_carved_killed_in_a_claim_loses_nothing),
		TEST(test_killed_executor_costs_nothing),
		TEST(test_executor_killed_in_a_release_is_caught_up_with),
		TEST(test_full_disk_refuses_changes_until_there_is_room),
		TEST(test_full_disk_is_not_full_of_the_ledgers_own_log),
		TEST(test_result_that_comes_on_a_full_disk_is_taken_in_later),
		TEST(test_read_only_ledger_shows_what_is_held_until_it_can_be_written),
		TEST(test_file_size_limit_refuses_changes_until_it_is_raised),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
