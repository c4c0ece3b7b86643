/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The verbs of GPUs with a helper that is a script: it says a prepared reply, or it dies, says too little, too much, or
 * something else.
 */
#include "support/test.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/str.h"
#include "nvidia/internal.h"
#include "nvidia/nvml.h"
#include "nvidia/proto.h"
#include "nvidia/verbs.h"
#include "support/tree.h"
#include "sys/sysfs.h"

#define GPU "0000:3b:00.0"

struct fixture {
	struct tree tree;
	struct verb_context c;
	char helper[128];
	uint8_t data[32768];
	struct {
		struct nvml_reply reply;
		struct gpu_part part;
	} says; /* the part only when it counts it */
};

static void helper_script(const struct fixture *f, const char *commands)
{
	char text[512];
	assert_int_equal(STR_FORMAT(text, "#!/bin/sh\nd=%s\ncat >$d/request\n%s\n", f->tree.path,
				    commands),
			 0);
	tree_file(&f->tree, "helper", text);
	assert_int_equal(chmod(f->helper, 0700), 0);
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	assert_non_null(f);
	tree_init(&f->tree);
	assert_int_equal(STR_FORMAT(f->helper, "%s/helper", f->tree.path), 0);
	f->c = (struct verb_context){ .proc = sysfs_open("/proc"),
				      .run = f->tree.path,
				      .nvml = f->helper,
				      .data = f->data,
				      .size = sizeof(f->data) };
	assert_true(f->c.proc >= 0);
	assert_int_equal(STR_COPY(f->c.device_addr, GPU), 0);
	f->says.reply = (struct nvml_reply){
		.magic = NVML_MAGIC,
		.version = NVML_VERSION,
		.report.gpu = { .seen = GPU_SEEN, .uuid = "GPU-1", .mig = 1 }
	};
	f->says.part = (struct gpu_part){ .instance = 5, .start = 4, .size = 4, .uuid = "MIG-5" };
	helper_script(f, "cat $d/reply");
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	close(f->c.proc);
	tree_done(&f->tree);
	free(f);
	return 0;
}

/* --- running ----------------------------------------------------------------------------------------- */

static struct step_result perform(struct fixture *f, const struct step *s)
{
	struct step_result r = { .status = STEP_UNKNOWN };
	for (size_t i = 0; i < nvidia_verbs_n; i++)
		if (nvidia_verbs[i].verb == (enum verb)s->verb)
			nvidia_verbs[i].run(&f->c, s, &r);
	return r;
}

/* With so many bytes of the reply. */
static struct step_result run_cut(struct fixture *f, const struct step *s, size_t len)
{
	tree_bytes(&f->tree, "reply", &f->says, len);
	return perform(f, s);
}

static struct step_result run(struct fixture *f, enum verb verb)
{
	const struct step s = { .verb = verb,
				.target = { .vf = -1, .part = 5 },
				.number = 9,
				.number2 = 4,
				.number3 = 3 };
	size_t parts = f->says.reply.report.n_parts * sizeof(struct gpu_part);
	return run_cut(f, &s, sizeof(f->says.reply) + parts);
}

static struct nvml_request asked(const struct fixture *f)
{
	struct nvml_request request;
	char path[128];
	assert_int_equal(STR_FORMAT(path, "%s/request", f->tree.path), 0);
	FILE *file = fopen(path, "re");
	assert_non_null(file);
	assert_int_equal(fread(&request, 1, sizeof(request), file), sizeof(request));
	assert_int_equal(fgetc(file), EOF);
	fclose(file);
	assert_string_equal(request.addr, GPU);
	return request;
}

static struct gpu_report report_of(const struct fixture *f, const struct step_result *r)
{
	struct gpu_report report;
	assert_true(r->data_len >= sizeof(report));
	memcpy(&report, f->data, sizeof(report));
	return report;
}

/* A look always says something. */
static void assert_unseen(struct fixture *f, const struct step_result *r, const char *why)
{
	struct gpu_report report = report_of(f, r);
	assert_int_equal(r->status, STEP_DONE);
	assert_int_equal(r->data_len, sizeof(report));
	assert_int_equal(report.gpu.seen, GPU_UNSEEN);
	assert_int_equal(report.n_profiles + report.n_parts + report.n_types, 0);
	assert_string_equal(report.gpu.why, why);
}

/* --- looking ------------------------------------------------------------------------------------------ */

static void test_read_gpu_passes_on_what_is_said(void **state)
{
	struct fixture *f = *state;
	f->says.reply.report.n_parts = 1;
	struct step_result r = run(f, VERB_READ_GPU);
	assert_int_equal(r.status, STEP_DONE);
	assert_int_equal(r.data_len, sizeof(struct gpu_report) + sizeof(struct gpu_part));
	assert_string_equal(report_of(f, &r).gpu.uuid, "GPU-1");
	assert_memory_equal(f->data + sizeof(struct gpu_report), &f->says.part,
			    sizeof(f->says.part));
	assert_int_equal(asked(f).op, NVML_OP_LOOK);
}

static void test_read_gpu_server_that_runs_is_told(void **state)
{
	struct fixture *f = *state;
	char pid[32];
	assert_int_equal(STR_FORMAT(pid, "%d\n", getpid()), 0);
	tree_file(&f->tree, "mps/GPU-1/nvidia-cuda-mps-control.pid", pid);
	struct step_result r = run(f, VERB_READ_GPU);
	assert_int_equal(report_of(f, &r).gpu.mps, 1);
	tree_file(&f->tree, "mps/GPU-1/nvidia-cuda-mps-control.pid", "4194999\n");
	r = run(f, VERB_READ_GPU);
	assert_int_equal(report_of(f, &r).gpu.mps, 0);
}

static void test_read_gpu_helper_that_fails_is_unseen(void **state)
{
	static const char *const commands[] = { "exit 1", "kill -9 $$", "cat $d/reply; exit 3" };
	struct fixture *f = *state;
	for (size_t i = 0; i < sizeof(commands) / sizeof(*commands); i++) {
		helper_script(f, commands[i]);
		struct step_result r = run(f, VERB_READ_GPU);
		assert_unseen(f, &r, "the program that asks NVIDIA's library failed");
	}
	f->c.nvml = "/nonexistent/carve-nvml";
	struct step_result r = run(f, VERB_READ_GPU);
	assert_unseen(f, &r, "the program that asks NVIDIA's library failed");
}

static void test_read_gpu_reply_cut_is_unseen(void **state)
{
	static const size_t lengths[] = { 0, 1, 8, sizeof(struct nvml_reply) - 1,
					  sizeof(struct nvml_reply) + 1 };
	const struct step s = { .verb = VERB_READ_GPU, .target.vf = -1 };
	struct fixture *f = *state;
	for (size_t i = 0; i < sizeof(lengths) / sizeof(*lengths); i++) {
		struct step_result r = run_cut(f, &s, lengths[i]);
		assert_unseen(f, &r, "it said what nobody understands");
	}
}

static void test_read_gpu_reply_that_does_not_add_up_is_unseen(void **state)
{
	struct fixture *f = *state;
	struct nvml_reply all[8];
	for (size_t i = 0; i < 8; i++)
		all[i] = f->says.reply;
	all[0].magic++;
	all[1].version++;
	all[2].outcome = NVML_PENDING + 1;
	all[3].report.n_profiles = 1;
	all[4].report.n_types = UINT32_MAX;
	all[5].report.n_vfs = 1;
	memset(all[6].call, 'x', sizeof(all[6].call));
	memset(all[7].detail, 'x', sizeof(all[7].detail));
	const struct step s = { .verb = VERB_READ_GPU, .target.vf = -1 };
	for (size_t i = 0; i < 8; i++) {
		f->says.reply = all[i];
		struct step_result r = run_cut(f, &s, sizeof(f->says.reply));
		assert_unseen(f, &r, "it said what nobody understands");
	}
}

static void test_read_gpu_reply_without_end_is_unseen(void **state)
{
	struct fixture *f = *state;
	helper_script(f, "exec cat /dev/zero");
	struct step_result r = run(f, VERB_READ_GPU);
	assert_unseen(f, &r, "the program that asks NVIDIA's library failed");
}

static void test_read_gpu_of_no_function_is_refused(void **state)
{
	struct fixture *f = *state;
	f->c.device_addr[0] = '\0';
	struct step_result r = run(f, VERB_READ_GPU);
	assert_int_equal(r.status, STEP_REFUSED);
	assert_string_equal(r.reason, "malformed");
}

/* What people are told of it: with a reason, what state it left, and what to do. */
static void assert_told_as(enum verb verb, const struct step_result *r, const char *id)
{
	const struct have nothing = { 0 };
	const struct step s = { .verb = verb, .target = { .vf = -1, .part = 5 } };
	_cleanup_err_ struct err e = { 0 };
	mig_diagnose(&nothing, &s, r, NULL, 0, &e);
	assert_string_equal(e.id, id);
	assert_true(e.what && e.because && e.state && e.todo);
	assert_non_null(strstr(e.because, r->detail));
}

/* --- changing ----------------------------------------------------------------------------------------- */

static void test_mig_create_tells_number_and_uuid(void **state)
{
	struct fixture *f = *state;
	f->says.reply.number = 5;
	f->says.reply.report.change = f->says.reply.report.n_parts = 1;
	struct step_result r = run(f, VERB_MIG_CREATE);
	assert_int_equal(r.status, STEP_DONE);
	assert_int_equal(r.number, 5);
	assert_string_equal(r.text, "MIG-5");
	struct nvml_request request = asked(f);
	assert_int_equal(request.op, NVML_OP_MIG_CREATE);
	assert_int_equal(request.number, 9);
	assert_int_equal(request.start, 4);
	assert_int_equal(request.size, 4);
	assert_int_equal(request.slices, 3);
}

static void test_mig_create_that_is_there_tells_it_too(void **state)
{
	struct fixture *f = *state;
	f->says.reply.outcome = NVML_NOTHING;
	f->says.reply.number = 5;
	f->says.reply.report.n_parts = 1;
	struct step_result r = run(f, VERB_MIG_CREATE);
	assert_int_equal(r.status, STEP_NOTHING);
	assert_string_equal(r.text, "MIG-5");
}

static void test_change_without_a_place_is_refused(void **state)
{
	struct fixture *f = *state;
	const struct step s = { .verb = VERB_MIG_DESTROY, .target.vf = -1, .number = 5 };
	struct step_result r = run_cut(f, &s, sizeof(f->says.reply));
	assert_int_equal(r.status, STEP_REFUSED);
}

/* What failed tells nothing of the GPU: that it is not seen would be a lie. */
static void test_change_refused_by_the_library_says_why(void **state)
{
	static const struct {
		uint32_t code;
		int error;
		const char *reason, *id;
	} all[] = {
		{ NVML_ERROR_LIBRARY_NOT_FOUND, ENOENT, "no-library", "mig.unseen" },
		{ NVML_ERROR_DRIVER_NOT_LOADED, ENODEV, "no-library", "mig.unseen" },
		{ NVML_ERROR_LIB_RM_VERSION_MISMATCH, EPROTO, "skew", "mig.unseen" },
		{ NVML_ERROR_GPU_IS_LOST, ENXIO, "gpu-lost", "mig.lost" },
		{ NVML_ERROR_INSUFFICIENT_RESOURCES, ENOSPC, "no-room", "mig.no-room" },
		{ NVML_ERROR_IN_USE, EBUSY, "in-use", "mig.in-use" },
		{ NVML_ERROR_NO_PERMISSION, EPERM, "not-permitted", "mig.failed" },
		{ NVML_CODE_NONSENSE, EBADMSG, "nonsense", "mig.nonsense" },
		{ NVML_CODE_HALF_MADE, EIO, "half-made", "mig.half-made" },
		{ NVML_CODE_OTHER, ESTALE, "other-instance", "mig.failed" },
		{ NVML_ERROR_UNKNOWN, EIO, "", "mig.failed" },
	};
	struct fixture *f = *state;
	f->says.reply.outcome = NVML_FAILED;
	f->says.reply.report.gpu.seen = GPU_UNSEEN;
	assert_int_equal(STR_COPY(f->says.reply.call, "nvmlGpuInstanceDestroy"), 0);
	assert_int_equal(STR_COPY(f->says.reply.detail, "used by pid 4121"), 0);
	for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++) {
		f->says.reply.code = all[i].code;
		struct step_result r = run(f, VERB_MIG_DESTROY);
		assert_int_equal(r.status, STEP_FAILED);
		assert_int_equal(r.error, all[i].error);
		assert_string_equal(r.reason, all[i].reason);
		assert_string_equal(r.where, "nvmlGpuInstanceDestroy");
		assert_string_equal(r.detail, "used by pid 4121");
		assert_told_as(VERB_MIG_DESTROY, &r, all[i].id);
		assert_int_equal(r.data_len, 0);
	}
}

static void test_mode_that_is_pending_fails_and_is_known(void **state)
{
	struct fixture *f = *state;
	f->says.reply.outcome = NVML_PENDING;
	f->says.reply.report.gpu.mig_pending = 1;
	assert_int_equal(STR_COPY(f->says.reply.call, "nvmlDeviceSetMigMode"), 0);
	assert_int_equal(STR_COPY(f->says.reply.detail, "it is in use"), 0);
	struct step_result r = run(f, VERB_MIG_MODE);
	assert_int_equal(r.status, STEP_FAILED);
	assert_int_equal(r.error, EBUSY);
	assert_string_equal(r.reason, "pending");
	assert_told_as(VERB_MIG_MODE, &r, "mig.pending");
	assert_int_equal(report_of(f, &r).gpu.mig_pending, 1);
	assert_int_equal(asked(f).number, 1);
}

static void test_change_helper_that_fails_says_nothing_of_the_gpu(void **state)
{
	static const char *const commands[] = { "exit 1", "kill -9 $$", "echo what" };
	struct fixture *f = *state;
	for (size_t i = 0; i < sizeof(commands) / sizeof(*commands); i++) {
		helper_script(f, commands[i]);
		struct step_result r = run(f, VERB_MIG_CREATE);
		assert_int_equal(r.status, STEP_FAILED);
		assert_string_equal(r.where, "carve-nvml");
		assert_int_equal(r.error, EPROTO);
		assert_int_equal(r.data_len, 0);
	}
}

/* A look ends itself before its worker is given up. */
static void test_verbs_look_is_free_and_changes_are_guarded(void **state)
{
	(void)state;
	for (size_t i = 0; i < nvidia_verbs_n; i++) {
		const struct verb_entry *v = &nvidia_verbs[i];
		bool mig = v->verb == VERB_MIG_MODE || v->verb == VERB_MIG_CREATE ||
			   v->verb == VERB_MIG_DESTROY;
		if (!mig && v->verb != VERB_READ_GPU)
			continue;
		assert_int_equal(v->class, VERB_CLASS_VENDOR);
		assert_int_equal(v->lane, LANE_DEVICE);
		assert_int_equal(v->deadline_ms, mig ? 120000 : 35000);
		assert_int_equal((v->guards & GUARD_ENROLLED) != 0, mig);
	}
}

#define TEST(t) cmocka_unit_test_setup_teardown(t, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_read_gpu_passes_on_what_is_said),
		TEST(test_read_gpu_server_that_runs_is_told),
		TEST(test_read_gpu_helper_that_fails_is_unseen),
		TEST(test_read_gpu_reply_cut_is_unseen),
		TEST(test_read_gpu_reply_that_does_not_add_up_is_unseen),
		TEST(test_read_gpu_reply_without_end_is_unseen),
		TEST(test_read_gpu_of_no_function_is_refused),
		TEST(test_mig_create_tells_number_and_uuid),
		TEST(test_mig_create_that_is_there_tells_it_too),
		TEST(test_change_without_a_place_is_refused),
		TEST(test_change_refused_by_the_library_says_why),
		TEST(test_mode_that_is_pending_fails_and_is_known),
		TEST(test_change_helper_that_fails_says_nothing_of_the_gpu),
		TEST(test_verbs_look_is_free_and_changes_are_guarded),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
