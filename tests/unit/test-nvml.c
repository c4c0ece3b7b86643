/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * carve-nvml with a library that does what a test wants: what it answers, and how often it asks.
 */
#include "support/test.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "nvidia/nvml.h"
#include "nvidia/proto.h"
#include "support/tree.h"
#include "sys/run.h"

#define GPU "0000:3b:00.0"
#define OPEN "InitWithFlags DeviceGetHandleByPciBusId_v2 "

struct fixture {
	struct tree tree;
	char build[400];
	/* the answer */
	struct nvml_reply reply;
	struct gpu_profile profiles[32];
	struct gpu_part parts[32];
	struct vgpu_type types[32];
	char calls[16384];
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	assert_non_null(f);
	tree_init(&f->tree);
	/* BUILD/tests/unit/test-nvml */
	ssize_t n = readlink("/proc/self/exe", f->build, sizeof(f->build) - 1);
	assert_true(n > 0);
	for (int i = 0; i < 3; i++)
		*strrchr(f->build, '/') = '\0';
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	tree_done(&f->tree);
	free(f);
	return 0;
}

/* --- asking --------------------------------------------------------------------------------------- */

static const uint8_t *take(const uint8_t *at, void *to, size_t room, size_t size)
{
	assert_true(size <= room);
	memcpy(to, at, size);
	return at + size;
}

static void answer_take(struct fixture *f, const uint8_t *said, size_t n)
{
	const struct gpu_report *r = &f->reply.report;
	const uint8_t *at = said;
	assert_true(n >= sizeof(f->reply));
	at = take(at, &f->reply, sizeof(f->reply), sizeof(f->reply));
	assert_int_equal(f->reply.magic, NVML_MAGIC);
	assert_int_equal(f->reply.version, NVML_VERSION);
	at = take(at, f->profiles, sizeof(f->profiles), r->n_profiles * sizeof(*f->profiles));
	at = take(at, f->parts, sizeof(f->parts), r->n_parts * sizeof(*f->parts));
	at = take(at, f->types, sizeof(f->types), r->n_types * sizeof(*f->types));
	assert_int_equal(at - said, n);
}

/* What the library was asked, in one line. */
static void calls_take(struct fixture *f)
{
	char path[128];
	assert_int_equal(STR_FORMAT(path, "%s/log", f->tree.path), 0);
	FILE *log = fopen(path, "re");
	size_t n = log ? fread(f->calls, 1, sizeof(f->calls) - 1, log) : 0;
	f->calls[n] = '\0';
	for (char *c = f->calls; *c; c++)
		*c = *c == '\n' ? ' ' : *c;
	if (log) {
		fclose(log);
		tree_remove(&f->tree, "log");
	}
}

static ssize_t exchange(struct fixture *f, const char *library, const char *words,
			const void *request, size_t size, unsigned ms)
{
	static uint8_t said[NVML_REPLY_MAX];
	char command[1536];
	assert_int_equal(STR_FORMAT(command,
				    "FAKE_NVML='%s' FAKE_NVML_LOG=%s/log exec %s/carve-nvml "
				    "--library=%s%s%s 2>/dev/null",
				    words, f->tree.path, f->build,
				    library[0] == '/' ? "" : f->build,
				    library[0] == '/' ? "" : "/tests/support/", library),
			 0);
	const char *const argv[] = { "/bin/sh", "-c", command, NULL };
	ssize_t n = run_exchange(argv, ms, request, size, said, sizeof(said));
	if (n >= 0)
		answer_take(f, said, (size_t)n);
	calls_take(f);
	return n;
}

static struct nvml_request request_new(enum nvml_op op)
{
	struct nvml_request r = { .magic = NVML_MAGIC, .version = NVML_VERSION, .op = op };
	assert_int_equal(STR_COPY(r.addr, GPU), 0);
	return r;
}

static void ask(struct fixture *f, const char *library, const char *words,
		const struct nvml_request *r)
{
	assert_true(exchange(f, library, words, r, sizeof(*r), 20000) > 0);
}

static void look(struct fixture *f, const char *library, const char *words)
{
	const struct nvml_request r = request_new(NVML_OP_LOOK);
	ask(f, library, words, &r);
}

/* A 3g.20gb at slice 4. */
static void create(struct fixture *f, const char *words)
{
	struct nvml_request r = request_new(NVML_OP_MIG_CREATE);
	r.number = 9;
	r.start = 4;
	r.size = 4;
	r.slices = 3;
	ask(f, "fake-nvml.so", words, &r);
}

static void destroy(struct fixture *f, const char *words)
{
	struct nvml_request r = request_new(NVML_OP_MIG_DESTROY);
	r.number = 5;
	r.start = 4;
	r.size = 4;
	r.slices = 3;
	ask(f, "fake-nvml.so", words, &r);
}

static void mode(struct fixture *f, const char *words, unsigned on)
{
	struct nvml_request r = request_new(NVML_OP_MIG_MODE);
	r.number = on;
	ask(f, "fake-nvml.so", words, &r);
}

static void assert_unseen(const struct fixture *f, const char *why)
{
	const struct gpu_report *r = &f->reply.report;
	assert_int_equal(r->gpu.seen, GPU_UNSEEN);
	assert_int_equal(r->gpu.minor, -1);
	assert_int_equal(r->n_profiles + r->n_parts + r->n_types, 0);
	if (!strstr(r->gpu.why, why))
		fail_msg("\"%s\" lacks \"%s\"", r->gpu.why, why);
}

static void assert_failed(const struct fixture *f, uint32_t code, const char *call)
{
	assert_int_equal(f->reply.outcome, NVML_FAILED);
	assert_int_equal(f->reply.code, code);
	assert_string_equal(f->reply.call, call);
	assert_int_equal(f->reply.report.n_parts, 0);
}

/* --- looking ---------------------------------------------------------------------------------------- */

static void test_look_mig_off_tells_what_could_be(void **state)
{
	struct fixture *f = *state;
	look(f, "fake-nvml.so", "");
	const struct gpu *g = &f->reply.report.gpu;
	assert_int_equal(f->reply.outcome, NVML_DONE);
	assert_int_equal(g->seen, GPU_SEEN);
	assert_string_equal(g->name, "NVIDIA A100-SXM4-40GB");
	assert_string_equal(g->driver, "580.159.04");
	assert_string_equal(g->uuid, "GPU-00000000-0000-0000-0000-000000000000");
	assert_int_equal(g->minor, 3);
	assert_int_equal(g->memory, 40960);
	assert_int_equal(g->mig_capable << 2 | g->mig << 1 | g->mig_pending, 4);
	assert_int_equal(f->reply.report.n_profiles, 4);
	assert_string_equal(f->profiles[0].name, "1g.5gb");
	assert_int_equal(f->profiles[0].id, 19);
	assert_int_equal(f->profiles[0].starts, 0x7f);
	assert_string_equal(f->profiles[2].name, "3g.20gb");
	assert_int_equal(f->profiles[2].id, 9);
	assert_int_equal(f->profiles[2].size, 4);
	assert_int_equal(f->profiles[2].starts, 0x11);
	assert_int_equal(f->profiles[3].slices, 7);
	assert_int_equal(f->reply.report.n_parts, 0);
	assert_int_equal(f->reply.report.n_types, 0);
}

static void test_look_tells_instances(void **state)
{
	struct fixture *f = *state;
	look(f, "fake-nvml.so", "mig gi=5:9:4:4:1 gi=7:19:0:1:0 gi=8:14:2:2:2");
	assert_int_equal(f->reply.report.n_parts, 3);
	const struct gpu_part *bare = &f->parts[0], *split = &f->parts[1], *whole = &f->parts[2];
	assert_int_equal(bare->instance, 7);
	assert_int_equal(bare->n_computes, 0);
	assert_string_equal(bare->uuid, "");
	assert_int_equal(split->instance, 8);
	assert_int_equal(split->n_computes, 2);
	assert_false(split->compute_whole);
	assert_string_equal(split->uuid, "MIG-00000000-0000-0000-0008-000000000000");
	assert_int_equal(whole->instance, 5);
	assert_int_equal(whole->profile, 9);
	assert_int_equal(whole->start, 4);
	assert_int_equal(whole->size, 4);
	assert_true(whole->compute_whole);
	assert_string_equal(whole->uuid, "MIG-00000000-0000-0000-0005-000000000000");
	assert_int_equal(whole->instance_minor, -1);
}

static void test_look_tells_vgpu_types(void **state)
{
	struct fixture *f = *state;
	look(f, "fake-nvml.so", "vgpus");
	assert_true(f->reply.report.gpu.vgpu);
	assert_int_equal(f->reply.report.n_types, 2);
	assert_string_equal(f->types[0].name, "A100-40C");
	assert_false(f->types[0].creatable);
	assert_int_equal(f->types[1].id, 474);
	assert_int_equal(f->types[1].memory, 4096);
	assert_int_equal(f->types[1].most, 10);
	assert_int_equal(f->types[1].profile, GPU_NO_PROFILE);
	assert_true(f->types[1].creatable);
}

static void test_look_tells_how_it_does_vgpus(void **state)
{
	struct fixture *f = *state;
	const struct gpu *g = &f->reply.report.gpu;
	look(f, "fake-nvml.so", "vgpus mixed scheduler=3");
	assert_true(g->mixed_capable);
	assert_true(g->mixed);
	assert_int_equal(g->scheduler, VGPU_SCHEDULER_FIXED_SHARE);
	assert_int_equal(g->schedulers,
			 1 << VGPU_SCHEDULER_BEST_EFFORT | 1 << VGPU_SCHEDULER_FIXED_SHARE);
	assert_int_equal(f->types[0].size, 40);
	assert_int_equal(f->types[0].starts[0], 1);
	assert_int_equal(f->types[1].size, 5);
	assert_int_equal(f->types[1].starts[0], 0x42108421 & 0x7fffffff);
	assert_int_equal(f->types[1].starts[1], 1 << 3);
	look(f, "fake-nvml.so", "vgpus scheduler=9");
	assert_false(g->mixed);
	assert_int_equal(g->scheduler, 0);
	/* What it numbers beyond what there can be is not placed at. */
	look(f, "fake-nvml.so", "vgpus placed=4000000000");
	assert_int_equal(f->types[1].starts[7], 0);
	assert_int_equal(f->types[1].starts[0], 0x42108421 & 0x7fffffff);
}

static void test_look_what_is_not_told_of_vgpus_is_not_known(void **state)
{
	struct fixture *f = *state;
	const struct gpu *g = &f->reply.report.gpu;
	look(f, "fake-nvml-old.so", "vgpus mixed");
	assert_true(g->vgpu);
	assert_false(g->mixed_capable);
	assert_int_equal(g->schedulers, 0);
	assert_int_equal(f->types[1].size, 0);
	look(f, "fake-nvml.so", "vgpus mixed refuse=1");
	assert_false(g->mixed_capable);
	/* The older form tells of the mode that is. */
	look(f, "fake-nvml.so", "vgpus mixed refuse=2");
	assert_int_equal(f->types[1].size, 5);
	look(f, "fake-nvml.so", "vgpus refuse=2");
	assert_int_equal(f->types[1].size, 0);
	look(f, "fake-nvml.so", "vgpus fail=nvmlDeviceGetVgpuSchedulerState:3");
	assert_int_equal(g->schedulers, 0);
}

static unsigned count(const char *calls, const char *name)
{
	unsigned n = 0;
	for (const char *at = calls; (at = strstr(at, name)); at += strlen(name))
		n++;
	return n;
}

/* Seven instances are seven handles, each asked for once, and the gap before them. */
static void test_look_asks_for_each_mig_device_once(void **state)
{
	struct fixture *f = *state;
	look(f, "fake-nvml.so",
	     "mig gi=1:19:0:1:1 gi=2:19:1:1:1 gi=3:19:2:1:1 gi=4:19:3:1:1 gi=5:19:4:1:1 "
	     "gi=6:19:5:1:1 gi=7:19:6:1:1");
	assert_int_equal(f->reply.report.n_parts, 7);
	assert_int_equal(count(f->calls, "DeviceGetMigDeviceHandleByIndex "), 8);
	assert_int_equal(count(f->calls, "DeviceGetGpuInstanceId "), 7);
	assert_int_equal(count(f->calls, "DeviceGetComputeInstanceId "), 0);
	assert_int_equal(count(f->calls, "DeviceGetUUID "), 8);
	assert_int_equal(count(f->calls, " "), f->reply.calls);
}

/* --- a library that is old, missing, or not able ------------------------------------------------------ */

static void test_look_library_missing_says_why(void **state)
{
	struct fixture *f = *state;
	look(f, "/nonexistent/libnvidia-ml.so.1", "");
	assert_int_equal(f->reply.outcome, NVML_DONE);
	assert_unseen(f, "/nonexistent/libnvidia-ml.so.1: cannot open shared object file");
	assert_int_equal(f->reply.calls, 0);
}

static void test_look_other_library_says_why(void **state)
{
	look(*state, "fake-nvml-empty.so", "");
	assert_unseen(*state, "it has no function nvmlInit_v2");
}

static void test_create_library_missing_fails(void **state)
{
	struct fixture *f = *state;
	struct nvml_request r = request_new(NVML_OP_MIG_CREATE);
	ask(f, "/nonexistent.so", "", &r);
	assert_failed(f, NVML_ERROR_LIBRARY_NOT_FOUND, "dlopen");
}

/* Same profiles, whichever form of the structure the library knows. */
static void test_look_struct_versions_refused_asks_for_older(void **state)
{
	static const struct {
		const char *library, *words;
	} all[] = { { "fake-nvml.so", "refuse=3" },
		    { "fake-nvml.so", "refuse=2" },
		    { "fake-nvml-old.so", "" } };
	struct fixture *f = *state;
	for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++) {
		look(f, all[i].library, all[i].words);
		assert_int_equal(f->reply.report.gpu.seen, GPU_SEEN);
		assert_int_equal(f->reply.report.n_profiles, 4);
		assert_string_equal(f->profiles[0].name, "1g.5gb");
		assert_string_equal(f->profiles[1].name, "2g.10gb");
		assert_string_equal(f->profiles[2].name, "3g.20gb");
		assert_string_equal(f->profiles[3].name, "7g.40gb");
	}
}

static void test_look_library_that_cannot_says_why(void **state)
{
	static const struct {
		const char *words, *why;
	} all[] = {
		{ "fail=nvmlInitWithFlags:18", "another version than the kernel module" },
		{ "fail=nvmlInitWithFlags:9", "module nvidia is not loaded" },
		{ "fail=nvmlDeviceGetHandleByPciBusId_v2:15", "fallen off the bus" },
		{ "fail=nvmlDeviceGetHandleByPciBusId_v2:6", "no such thing" },
		{ "fail=nvmlDeviceGetUUID:15", "fallen off the bus" },
		{ "mig fail=nvmlDeviceGetGpuInstances:15", "fallen off the bus" },
		{ "mig fail=nvmlDeviceGetGpuInstancePossiblePlacements_v2:15",
		  "fallen off the bus" },
		{ "fail=nvmlDeviceGetUUID:12345", "no name for" },
		{ "mig gi=5:9:4:4:1 fail=nvmlDeviceGetMigMode:15", "fallen off the bus" },
		{ "mig gi=5:9:4:4:1 fail=nvmlDeviceGetMigMode:999", "no name for" },
		{ "mig gi=5:9:4:4:1 fail=nvmlGpuInstanceGetComputeInstances:15",
		  "fallen off the bus" },
		{ "mig gi=5:9:4:4:1 fail=nvmlGpuInstanceGetComputeInstanceProfileInfo:20",
		  "not enough memory" },
		{ "mig gi=5:9:4:4:1 fail=nvmlComputeInstanceGetInfo_v2:999", "no name for" },
		{ "mig gi=5:9:4:4:1 fail=nvmlDeviceGetMigDeviceHandleByIndex:15",
		  "fallen off the bus" },
		{ "fail=nvmlDeviceGetSupportedVgpus:15", "fallen off the bus" },
		{ "fail=nvmlDeviceGetMemoryInfo:1", "not initialized" },
	};
	struct fixture *f = *state;
	for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++) {
		look(f, "fake-nvml.so", all[i].words);
		assert_int_equal(f->reply.outcome, NVML_DONE);
		assert_unseen(f, all[i].why);
	}
}

static void test_look_nonsense_is_not_believed(void **state)
{
	static const struct {
		const char *words, *why;
	} all[] = {
		{ "mig gi=5:9:4:4:1 gi=6:19:5:1:1", "GPU instances in the same place" },
		{ "mig gi=5:9:63:4:1", "in a place that cannot be" },
		{ "mig gi=5:9:4294967295:4:1", "in a place that cannot be" },
		{ "mig gi=5:9:4:0:1", "in a place that cannot be" },
		{ "mig many", "more GPU instances than there can be" },
		{ "placements=64:1", "placements that cannot be" },
		{ "placements=0:65", "placements that cannot be" },
		{ "placements=0:0", "placements that cannot be" },
		{ "placements=4294967295:2", "placements that cannot be" },
		{ "placements=0:2", "placements that cannot be" },
	};
	struct fixture *f = *state;
	for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++) {
		look(f, "fake-nvml.so", all[i].words);
		assert_unseen(f, all[i].why);
	}
}

static void test_look_names_without_end_are_cut(void **state)
{
	struct fixture *f = *state;
	look(f, "fake-nvml.so", "unended vgpus");
	const struct gpu *g = &f->reply.report.gpu;
	assert_int_equal(g->seen, GPU_SEEN);
	assert_int_equal(strlen(g->name), sizeof(g->name) - 1);
	assert_int_equal(strlen(g->uuid), sizeof(g->uuid) - 1);
	assert_int_equal(strlen(g->driver), sizeof(g->driver) - 1);
	assert_int_equal(strlen(f->profiles[0].name), sizeof(f->profiles[0].name) - 1);
	assert_int_equal(strlen(f->types[0].name), sizeof(f->types[0].name) - 1);
}

static void test_library_that_hangs_is_ended(void **state)
{
	const struct nvml_request r = request_new(NVML_OP_LOOK);
	assert_int_equal(exchange(*state, "fake-nvml.so", "hang=nvmlDeviceGetUUID", &r, sizeof(r),
				  500),
			 -ETIMEDOUT);
}

static void test_library_that_crashes_says_nothing(void **state)
{
	const struct nvml_request r = request_new(NVML_OP_LOOK);
	assert_int_equal(exchange(*state, "fake-nvml.so", "crash=nvmlDeviceGetUUID", &r, sizeof(r),
				  20000),
			 -EPROTO);
}

static void test_request_of_another_version_is_refused(void **state)
{
	struct nvml_request r = request_new(NVML_OP_LOOK);
	assert_int_equal(exchange(*state, "fake-nvml.so", "", &r, sizeof(r) - 1, 20000), -EPROTO);
	r.version++;
	assert_int_equal(exchange(*state, "fake-nvml.so", "", &r, sizeof(r), 20000), -EPROTO);
	r = request_new(NVML_OP_COUNT);
	assert_int_equal(exchange(*state, "fake-nvml.so", "", &r, sizeof(r), 20000), -EPROTO);
	r = request_new(NVML_OP_LOOK);
	memset(r.addr, 'x', sizeof(r.addr));
	assert_int_equal(exchange(*state, "fake-nvml.so", "", &r, sizeof(r), 20000), -EPROTO);
}

/* --- mode ------------------------------------------------------------------------------------------- */

static void test_mode_is_set_and_read_back(void **state)
{
	struct fixture *f = *state;
	mode(f, "", 1);
	assert_int_equal(f->reply.outcome, NVML_DONE);
	assert_int_equal(f->reply.report.gpu.mig, 1);
	assert_int_equal(count(f->calls, "DeviceSetMigMode "), 1);
	mode(f, "mig", 0);
	assert_int_equal(f->reply.outcome, NVML_DONE);
	assert_int_equal(f->reply.report.gpu.mig, 0);
}

static void test_mode_that_is_set_is_left_alone(void **state)
{
	struct fixture *f = *state;
	mode(f, "mig", 1);
	assert_int_equal(f->reply.outcome, NVML_NOTHING);
	assert_int_equal(count(f->calls, "DeviceSetMigMode "), 0);
}

static void test_mode_that_waits_for_a_reset_is_pending(void **state)
{
	struct fixture *f = *state;
	mode(f, "pending=19", 1);
	assert_int_equal(f->reply.outcome, NVML_PENDING);
	assert_int_equal(f->reply.code, NVML_ERROR_IN_USE);
	assert_string_equal(f->reply.detail, "it is in use");
	assert_int_equal(f->reply.report.gpu.seen, GPU_SEEN);
	assert_int_equal(f->reply.report.gpu.mig, 0);
	mode(f, "pending=0", 1);
	assert_int_equal(f->reply.outcome, NVML_PENDING);
	assert_string_equal(f->reply.detail, "it said yes, and it is not so yet");
}

static void test_mode_refused_or_not_known_fails(void **state)
{
	struct fixture *f = *state;
	mode(f, "fail=nvmlDeviceSetMigMode:4", 1);
	assert_failed(f, NVML_ERROR_NO_PERMISSION, "nvmlDeviceSetMigMode");
	mode(f, "fail=nvmlDeviceGetMigMode:3", 1);
	assert_failed(f, NVML_ERROR_NOT_SUPPORTED, "nvmlDeviceGetMigMode");
	assert_int_equal(count(f->calls, "DeviceSetMigMode "), 0);
}

static void vgpu_mode(struct fixture *f, const char *words, enum nvml_op op, uint32_t number)
{
	struct nvml_request r = request_new(op);
	r.number = number;
	ask(f, "fake-nvml.so", words, &r);
}

static void test_vgpu_modes_are_set_and_read_back(void **state)
{
	struct fixture *f = *state;
	vgpu_mode(f, "vgpus", NVML_OP_VGPU_MIXED, 1);
	assert_int_equal(f->reply.outcome, NVML_DONE);
	assert_int_equal(f->reply.report.gpu.mixed, 1);
	vgpu_mode(f, "vgpus mixed", NVML_OP_VGPU_MIXED, 1);
	assert_int_equal(f->reply.outcome, NVML_NOTHING);
	assert_int_equal(count(f->calls, "DeviceSetVgpuHeterogeneousMode "), 0);
	vgpu_mode(f, "vgpus", NVML_OP_VGPU_SCHEDULER, VGPU_SCHEDULER_FIXED_SHARE);
	assert_int_equal(f->reply.outcome, NVML_DONE);
	assert_int_equal(f->reply.report.gpu.scheduler, VGPU_SCHEDULER_FIXED_SHARE);
	assert_int_equal(count(f->calls, "DeviceSetVgpuSchedulerState "), 1);
}

static void test_vgpu_modes_refused_or_without_effect_fail(void **state)
{
	struct fixture *f = *state;
	vgpu_mode(f, "vgpus fail=nvmlDeviceSetVgpuHeterogeneousMode:19", NVML_OP_VGPU_MIXED, 1);
	assert_failed(f, NVML_ERROR_IN_USE, "nvmlDeviceSetVgpuHeterogeneousMode");
	vgpu_mode(f, "vgpus fail=nvmlDeviceSetVgpuSchedulerState:3", NVML_OP_VGPU_SCHEDULER, 2);
	assert_failed(f, NVML_ERROR_NOT_SUPPORTED, "nvmlDeviceSetVgpuSchedulerState");
	vgpu_mode(f, "vgpus obstinate", NVML_OP_VGPU_MIXED, 1);
	assert_failed(f, NVML_CODE_NONSENSE, "libnvidia-ml.so.1");
	vgpu_mode(f, "vgpus obstinate", NVML_OP_VGPU_SCHEDULER, 3);
	assert_failed(f, NVML_CODE_NONSENSE, "libnvidia-ml.so.1");
}

/* --- making ------------------------------------------------------------------------------------------ */

/* Two of the calls come again for each MIG device before it, and one for each gap. */
static void test_create_makes_both_with_few_calls(void **state)
{
	struct fixture *f = *state;
	create(f, "mig");
	assert_int_equal(f->reply.outcome, NVML_DONE);
	assert_int_equal(f->reply.number, 11);
	assert_int_equal(f->reply.report.change, 1);
	assert_int_equal(f->reply.report.n_parts, 1);
	assert_int_equal(f->parts[0].start, 4);
	assert_int_equal(f->parts[0].n_computes, 1);
	assert_true(f->parts[0].compute_whole);
	assert_string_equal(f->parts[0].uuid, "MIG-00000000-0000-0000-000b-000000000000");
	assert_string_equal(f->calls,
			    OPEN "DeviceCreateGpuInstanceWithPlacement GpuInstanceGetInfo "
				 "GpuInstanceGetComputeInstanceProfileInfo "
				 "GpuInstanceCreateComputeInstance ComputeInstanceGetInfo_v2 "
				 "DeviceGetMinorNumber DeviceGetMigDeviceHandleByIndex "
				 "DeviceGetMigDeviceHandleByIndex DeviceGetGpuInstanceId "
				 "DeviceGetUUID Shutdown ");
	assert_int_equal(f->reply.calls, 13);
}

static void test_create_f19_compute_instance_fails_both_are_gone(void **state)
{
	struct fixture *f = *state;
	create(f, "mig fail=nvmlGpuInstanceCreateComputeInstance:23");
	assert_failed(f, NVML_ERROR_INSUFFICIENT_RESOURCES, "nvmlGpuInstanceCreateComputeInstance");
	assert_int_equal(count(f->calls, "GpuInstanceDestroy "), 1);
}

static void test_create_f19_what_is_left_is_said(void **state)
{
	struct fixture *f = *state;
	create(f,
	       "mig fail=nvmlGpuInstanceCreateComputeInstance:23 fail=nvmlGpuInstanceDestroy:19");
	assert_failed(f, NVML_CODE_HALF_MADE, "nvmlGpuInstanceCreateComputeInstance");
	assert_string_equal(f->reply.detail, "it is in use");
}

/* The compute instance is there when only its answer is lost: it goes first, or the GPU instance stays. */
static void test_create_f19_answer_lost_both_are_gone(void **state)
{
	struct fixture *f = *state;
	create(f, "mig fail=nvmlComputeInstanceGetInfo_v2:999");
	assert_failed(f, NVML_ERROR_UNKNOWN, "nvmlComputeInstanceGetInfo_v2");
	assert_non_null(strstr(f->calls, "ComputeInstanceDestroy GpuInstanceDestroy "));
}

static void test_create_no_room_fails(void **state)
{
	struct fixture *f = *state;
	create(f, "mig gi=5:0:0:8:1 fail=nvmlDeviceCreateGpuInstanceWithPlacement:23");
	assert_failed(f, NVML_ERROR_INSUFFICIENT_RESOURCES,
		      "nvmlDeviceCreateGpuInstanceWithPlacement");
}

static void test_create_that_is_there_is_nothing_to_do(void **state)
{
	struct fixture *f = *state;
	create(f, "mig gi=5:9:4:4:1 fail=nvmlDeviceCreateGpuInstanceWithPlacement:23");
	assert_int_equal(f->reply.outcome, NVML_NOTHING);
	assert_int_equal(f->reply.number, 5);
	assert_int_equal(f->reply.report.n_parts, 1);
	assert_string_equal(f->parts[0].uuid, "MIG-00000000-0000-0000-0005-000000000000");
}

/* Without its compute instance it is not what was meant. */
static void test_create_that_is_half_there_fails(void **state)
{
	struct fixture *f = *state;
	create(f, "mig gi=5:9:4:4:0 fail=nvmlDeviceCreateGpuInstanceWithPlacement:23");
	assert_failed(f, NVML_ERROR_INSUFFICIENT_RESOURCES,
		      "nvmlDeviceCreateGpuInstanceWithPlacement");
}

static void test_create_that_is_partly_there_fails(void **state)
{
	struct fixture *f = *state;
	create(f, "mig gi=5:9:4:4:1 partial fail=nvmlDeviceCreateGpuInstanceWithPlacement:23");
	assert_failed(f, NVML_ERROR_INSUFFICIENT_RESOURCES,
		      "nvmlDeviceCreateGpuInstanceWithPlacement");
}

static void test_create_slices_of_no_profile_leaves_nothing(void **state)
{
	struct fixture *f = *state;
	struct nvml_request r = request_new(NVML_OP_MIG_CREATE);
	r.number = 9;
	r.size = 4;
	r.slices = 5;
	ask(f, "fake-nvml.so", "mig", &r);
	assert_failed(f, NVML_ERROR_INVALID_ARGUMENT, "compute profile");
	assert_int_equal(count(f->calls, "DeviceCreateGpuInstanceWithPlacement "),
			 count(f->calls, "GpuInstanceDestroy "));
}

/* --- removing ----------------------------------------------------------------------------------------- */

static void test_destroy_removes_both_with_few_calls(void **state)
{
	struct fixture *f = *state;
	destroy(f, "mig gi=5:9:4:4:1");
	assert_int_equal(f->reply.outcome, NVML_DONE);
	assert_int_equal(f->reply.report.change, 1);
	assert_int_equal(f->reply.report.n_parts, 0);
	assert_string_equal(f->calls, OPEN "DeviceGetGpuInstanceById GpuInstanceGetInfo "
					   "GpuInstanceGetComputeInstanceProfileInfo "
					   "GpuInstanceGetComputeInstances ComputeInstanceDestroy "
					   "GpuInstanceDestroy Shutdown ");
	assert_int_equal(f->reply.calls, 9);
}

static void test_destroy_removes_compute_instances_of_others(void **state)
{
	struct fixture *f = *state;
	destroy(f, "mig gi=5:9:4:4:3");
	assert_int_equal(f->reply.outcome, NVML_DONE);
	assert_int_equal(count(f->calls, "ComputeInstanceDestroy "), 3);
}

static void test_destroy_that_is_gone_is_nothing_to_do(void **state)
{
	struct fixture *f = *state;
	destroy(f, "mig");
	assert_int_equal(f->reply.outcome, NVML_NOTHING);
	assert_string_equal(f->calls, OPEN "DeviceGetGpuInstanceById Shutdown ");
}

static void test_destroy_number_given_out_again_leaves_it(void **state)
{
	struct fixture *f = *state;
	destroy(f, "mig gi=5:9:0:4:1");
	assert_failed(f, NVML_CODE_OTHER, "nvmlGpuInstanceGetInfo");
	assert_int_equal(count(f->calls, "Destroy "), 0);
}

static void test_destroy_in_use_names_who(void **state)
{
	struct fixture *f = *state;
	destroy(f, "mig gi=5:9:4:4:1 pid=4121 pid=4122 fail=nvmlComputeInstanceDestroy:19");
	assert_failed(f, NVML_ERROR_IN_USE, "nvmlComputeInstanceDestroy");
	assert_string_equal(f->reply.detail, "used by pid 4121, 4122");
	destroy(f, "mig gi=5:9:4:4:1 fail=nvmlGpuInstanceDestroy:19");
	assert_failed(f, NVML_ERROR_IN_USE, "nvmlGpuInstanceDestroy");
	assert_string_equal(f->reply.detail, "it is in use");
}

/* There is more room for them than for words about them. */
static void test_destroy_in_use_by_many_counts_them(void **state)
{
	struct fixture *f = *state;
	const char *const all[] = { "pids=64", "pids=65", "pids=4000" };
	const char *const more[] = { " and 37 more", " and 38 more", " and 3973 more" };
	for (size_t i = 0; i < 3; i++) {
		char words[128];
		assert_int_equal(
			STR_FORMAT(words, "mig gi=5:9:4:4:1 %s fail=nvmlComputeInstanceDestroy:19",
				   all[i]),
			0);
		destroy(f, words);
		const char *said = f->reply.detail;
		assert_string_equal(said + strlen(said) - strlen(more[i]), more[i]);
		assert_non_null(strstr(said, "used by pid 5000, 5001, "));
	}
	destroy(f, "mig gi=5:9:4:4:1 pids=5000 fail=nvmlComputeInstanceDestroy:19");
	assert_string_equal(f->reply.detail, "it is in use");
}

/* That its compute instances cannot be asked for does not mean that there are none. */
static void test_destroy_that_cannot_look_says_so(void **state)
{
	struct fixture *f = *state;
	destroy(f, "mig gi=5:9:4:4:1 fail=nvmlGpuInstanceGetComputeInstances:15");
	assert_failed(f, NVML_ERROR_GPU_IS_LOST, "nvmlGpuInstanceGetComputeInstances");
	assert_int_equal(count(f->calls, "Destroy "), 0);
	destroy(f, "mig gi=5:9:4:4:1 fail=nvmlGpuInstanceGetComputeInstanceProfileInfo:999");
	assert_failed(f, NVML_ERROR_UNKNOWN, "nvmlGpuInstanceGetComputeInstanceProfileInfo");
	assert_int_equal(count(f->calls, "Destroy "), 0);
}

/* --- for people ---------------------------------------------------------------------------------------- */

/* What a command says, with the library that knows these words, and its exit status. */
static json_t *json_said(const struct fixture *f, const char *words, const char *command, int code)
{
	char shell[1536];
	_cleanup_free_ char *said = NULL;
	assert_int_equal(
		STR_FORMAT(shell,
			   "N='%s/carve-nvml --library=%s/tests/support/fake-nvml.so' T=%s "
			   "FAKE_NVML='%s'; export FAKE_NVML; %s",
			   f->build, f->build, f->tree.path, words, command),
		0);
	const char *const argv[] = { "/bin/sh", "-c", shell, NULL };
	assert_int_equal(run_program(argv, &said), code);
	json_t *o = json_loads(said, 0, NULL);
	if (!o)
		fail_msg("no JSON: %s", said);
	return o;
}

static const char *member(const json_t *o, const char *name)
{
	const char *text = json_string_value(json_object_get(o, name));
	return text ? text : "(none)";
}

static void test_look_option_prints_json(void **state)
{
	json_t *o = json_said(*state, "mig gi=5:9:4:4:1 vgpus", "$N --look=" GPU, 0);
	assert_string_equal(member(o, "name"), "NVIDIA A100-SXM4-40GB");
	assert_true(json_is_true(json_object_get(o, "mig")));
	assert_int_equal(json_array_size(json_object_get(o, "profiles")), 4);
	assert_int_equal(json_array_size(json_object_get(o, "vgpu_types")), 2);
	const json_t *part = json_array_get(json_object_get(o, "instances"), 0);
	assert_int_equal(json_integer_value(json_object_get(part, "start")), 4);
	assert_string_equal(member(part, "uuid"), "MIG-00000000-0000-0000-0005-000000000000");
	json_decref(o);
}

static void test_look_option_unseen_prints_why(void **state)
{
	json_t *o = json_said(*state, "fail=nvmlInitWithFlags:9", "$N --look=" GPU, 1);
	assert_string_equal(member(o, "why"), "the kernel module nvidia is not loaded");
	assert_true(json_is_false(json_object_get(o, "seen")));
	json_decref(o);
}

static void function_add(const struct fixture *f, const char *addr, const char *vendor,
			 const char *class)
{
	char path[128];
	assert_int_equal(STR_FORMAT(path, "bus/pci/devices/%s/vendor", addr), 0);
	tree_file(&f->tree, path, vendor);
	assert_int_equal(STR_FORMAT(path, "bus/pci/devices/%s/class", addr), 0);
	tree_file(&f->tree, path, class);
}

static void test_facts_of_each_gpu(void **state)
{
	struct fixture *f = *state;
	function_add(f, GPU, "0x10de\n", "0x030200\n");
	function_add(f, "0000:3b:00.1", "0x10de\n", "0x040300\n");
	function_add(f, "0000:3b:00.4", "0x10de\n", "0x030200\n");
	tree_link(&f->tree, "bus/pci/devices/0000:3b:00.4/physfn", "../" GPU);
	function_add(f, "0000:05:00.0", "0x8086\n", "0x030000\n");
	json_t *all = json_said(f, "", "NVIDIA_FACTS_SYS=$T scripts/nvidia-facts $N", 0);
	assert_int_equal(json_array_size(all), 1);
	assert_string_equal(member(json_array_get(all, 0), "address"), GPU);
	json_decref(all);
	/* One that the library does not know, beside it. */
	function_add(f, "0000:5e:00.0", "0x10de\n", "0x030200\n");
	all = json_said(f, "", "NVIDIA_FACTS_SYS=$T scripts/nvidia-facts $N", 1);
	assert_int_equal(json_array_size(all), 2);
	assert_string_equal(member(json_array_get(all, 1), "why"), "there is no such thing");
	json_decref(all);
}

#define TEST(t) cmocka_unit_test_setup_teardown(t, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_look_mig_off_tells_what_could_be),
		TEST(test_look_tells_instances),
		TEST(test_look_tells_vgpu_types),
		TEST(test_look_tells_how_it_does_vgpus),
		TEST(test_look_what_is_not_told_of_vgpus_is_not_known),
		TEST(test_vgpu_modes_are_set_and_read_back),
		TEST(test_vgpu_modes_refused_or_without_effect_fail),
		TEST(test_look_asks_for_each_mig_device_once),
		TEST(test_look_library_missing_says_why),
		TEST(test_look_other_library_says_why),
		TEST(test_create_library_missing_fails),
		TEST(test_look_struct_versions_refused_asks_for_older),
		TEST(test_look_library_that_cannot_says_why),
		TEST(test_look_nonsense_is_not_believed),
		TEST(test_look_names_without_end_are_cut),
		TEST(test_library_that_hangs_is_ended),
		TEST(test_library_that_crashes_says_nothing),
		TEST(test_request_of_another_version_is_refused),
		TEST(test_mode_is_set_and_read_back),
		TEST(test_mode_that_is_set_is_left_alone),
		TEST(test_mode_that_waits_for_a_reset_is_pending),
		TEST(test_mode_refused_or_not_known_fails),
		TEST(test_create_makes_both_with_few_calls),
		TEST(test_create_f19_compute_instance_fails_both_are_gone),
		TEST(test_create_f19_what_is_left_is_said),
		TEST(test_create_f19_answer_lost_both_are_gone),
		TEST(test_create_no_room_fails),
		TEST(test_create_that_is_there_is_nothing_to_do),
		TEST(test_create_that_is_half_there_fails),
		TEST(test_create_that_is_partly_there_fails),
		TEST(test_create_slices_of_no_profile_leaves_nothing),
		TEST(test_destroy_removes_both_with_few_calls),
		TEST(test_destroy_removes_compute_instances_of_others),
		TEST(test_destroy_that_is_gone_is_nothing_to_do),
		TEST(test_destroy_number_given_out_again_leaves_it),
		TEST(test_destroy_in_use_names_who),
		TEST(test_destroy_in_use_by_many_counts_them),
		TEST(test_destroy_that_cannot_look_says_so),
		TEST(test_look_option_prints_json),
		TEST(test_look_option_unseen_prints_why),
		TEST(test_facts_of_each_gpu),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
