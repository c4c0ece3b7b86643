/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * GPUs in the executor. The vendor's library is asked by carve-nvml, a program of its own. Looks are ended at their
 * deadline; what changes a GPU is never killed in the middle: past the deadline of its verb the worker is abandoned, like
 * with any other write that does not come back.
 */
#include "nvidia/verbs.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/num.h"
#include "base/str.h"
#include "nvidia/nvml.h"
#include "nvidia/proto.h"
#include "nvidia/vgpu-verbs.h"
#include "sys/run.h"
#include "sys/sysfs.h"

#define LOOK_MS 30000u /* a GPU without the persistence daemon is initialised first */
#define CHANGE_MS 120000u

/* Stable words for what the library said. */
static const struct {
	uint32_t code;
	const char *reason;
	int error;
} codes[] = {
	{ NVML_ERROR_LIBRARY_NOT_FOUND, "no-library", ENOENT },
	{ NVML_ERROR_DRIVER_NOT_LOADED, "no-library", ENODEV },
	{ NVML_ERROR_LIB_RM_VERSION_MISMATCH, "skew", EPROTO },
	{ NVML_ERROR_GPU_IS_LOST, "gpu-lost", ENXIO },
	{ NVML_ERROR_INSUFFICIENT_RESOURCES, "no-room", ENOSPC },
	{ NVML_ERROR_IN_USE, "in-use", EBUSY },
	{ NVML_ERROR_NO_PERMISSION, "not-permitted", EPERM },
	{ NVML_ERROR_NOT_SUPPORTED, "not-supported", EOPNOTSUPP },
	{ NVML_ERROR_FUNCTION_NOT_FOUND, "not-supported", EOPNOTSUPP },
	{ NVML_CODE_NONSENSE, "nonsense", EBADMSG },
	{ NVML_CODE_HALF_MADE, "half-made", EIO },
	{ NVML_CODE_OTHER, "other-instance", ESTALE },
};

static void code_failed(const struct nvml_reply *reply, struct step_result *r)
{
	verb_failed(r, EIO, reply->call, "%s", reply->detail);
	/* What has become of the GPU is for a look to say. */
	r->data_len = 0;
	for (size_t i = 0; i < sizeof(codes) / sizeof(*codes); i++)
		if (codes[i].code == reply->code) {
			r->error = codes[i].error;
			(void)STR_COPY(r->reason, codes[i].reason);
		}
}

/* --- the program --------------------------------------------------------------------------------- */

static bool is_ended(const char *text, size_t size)
{
	return memchr(text, '\0', size) != NULL;
}

/* Sizes that add up, and texts that end: what a program of the same build says, unless its library broke it. */
static bool reply_valid(const struct nvml_reply *reply, size_t size)
{
	const struct gpu_report *g = &reply->report;
	if (size < sizeof(*reply) || reply->magic != NVML_MAGIC || reply->version != NVML_VERSION ||
	    reply->outcome > NVML_PENDING || g->n_profiles > 256 || g->n_parts > 256 ||
	    g->n_types > 256 || g->n_vfs)
		return false;
	return is_ended(reply->call, sizeof(reply->call)) &&
	       is_ended(reply->detail, sizeof(reply->detail)) &&
	       size == sizeof(*reply) + g->n_profiles * sizeof(struct gpu_profile) +
			       g->n_parts * sizeof(struct gpu_part) +
			       g->n_types * sizeof(struct vgpu_type);
}

/* The report and its records, as they are, become the data of the result. False: *r says why there is no reply. */
static bool ask(const struct verb_context *c, const struct nvml_request *request, unsigned ms,
		struct nvml_reply *ret, struct step_result *r)
{
	const char *const argv[] = { c->nvml, NULL };
	_cleanup_free_ uint8_t *said = malloc(NVML_REPLY_MAX);
	ssize_t n = said ? run_exchange(argv, ms, request, sizeof(*request), said, NVML_REPLY_MAX)
			 : -ENOMEM;
	if (n < 0) {
		verb_failed(r, (int)-n, "carve-nvml",
			    n == -ETIMEDOUT ? "NVIDIA's library does not come back"
					    : "the program that asks NVIDIA's library failed");
		return false;
	}
	memcpy(ret, said, (size_t)n < sizeof(*ret) ? (size_t)n : sizeof(*ret));
	size_t records = (size_t)n - sizeof(*ret);
	if (!reply_valid(ret, (size_t)n) || records + sizeof(ret->report) > c->size) {
		verb_failed(r, EPROTO, "carve-nvml", "it said what nobody understands");
		return false;
	}
	memcpy(c->data, &ret->report, sizeof(ret->report));
	memcpy(c->data + sizeof(ret->report), said + sizeof(*ret), records);
	r->data_len = (uint32_t)(sizeof(ret->report) + records);
	r->number = ret->number;
	return true;
}

static bool request_make(const struct verb_context *c, enum nvml_op op, struct nvml_request *ret,
			 struct step_result *r)
{
	*ret = (struct nvml_request){ .magic = NVML_MAGIC, .version = NVML_VERSION, .op = op };
	if (c->device_addr[0] && STR_COPY(ret->addr, c->device_addr) >= 0)
		return true;
	verb_refused(r, "malformed", "it is no PCI function");
	return false;
}

static void change(const struct verb_context *c, const struct nvml_request *request,
		   struct step_result *r)
{
	struct nvml_reply reply;
	if (!ask(c, request, 0, &reply, r))
		return;
	switch ((enum nvml_outcome)reply.outcome) {
	case NVML_DONE:
		r->status = STEP_DONE;
		break;
	case NVML_NOTHING:
		r->status = STEP_NOTHING;
		break;
	case NVML_PENDING:
		verb_failed(r, EBUSY, reply.call, "%s", reply.detail);
		(void)STR_COPY(r->reason, "pending");
		break;
	case NVML_FAILED:
		code_failed(&reply, r);
		r->data_len = 0; /* what is there now has to be asked */
		break;
	}
}

/* --- verbs ------------------------------------------------------------------------------------------ */

/* Does a server of ours run for it? It leaves its pid in its folder. */
static bool has_mps(const struct verb_context *c, const char *uuid)
{
	char path[512], text[32];
	uint32_t pid;
	if (!uuid[0] || STR_FORMAT(path, "%s/mps/%s/nvidia-cuda-mps-control.pid", c->run, uuid) < 0)
		return false;
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
	if (n <= 0)
		return false;
	text[n] = '\0';
	text[strcspn(text, "\n")] = '\0';
	return num_parse_u32(text, 10, &pid) >= 0 && STR_FORMAT(path, "%u", pid) >= 0 &&
	       faccessat(c->proc, path, F_OK, 0) == 0;
}

static void read_vgpus(const struct verb_context *c, struct step_result *r)
{
	const struct gpu_report none = { .change = 1, .gpu.minor = -1 };
	memcpy(c->data, &none, sizeof(none));
	r->data_len = sizeof(none);
	int e = vgpu_read(c, &r->data_len);
	if (e < 0)
		verb_failed(r, -e, "nvidia", "what the VFs are cannot be read");
	else
		r->status = STEP_DONE;
}

/* Which of the instances of that report have a server. They are behind it and the profiles. */
static void parts_read(const struct verb_context *c, const struct gpu_report *report)
{
	size_t at = sizeof(*report) + report->n_profiles * sizeof(struct gpu_profile);
	for (uint32_t i = 0; i < report->n_parts; i++, at += sizeof(struct gpu_part)) {
		struct gpu_part p;
		memcpy(&p, c->data + at, sizeof(p));
		p.mps = has_mps(c, p.uuid);
		memcpy(c->data + at, &p, sizeof(p));
	}
}

static void read_gpu(const struct verb_context *c, const struct step *s, struct step_result *r)
{
	struct nvml_request request;
	struct nvml_reply reply = { .report.gpu = { .seen = GPU_UNSEEN, .minor = -1 } };
	struct gpu *g = &reply.report.gpu;
	if (s->flag) {
		read_vgpus(c, r);
		return;
	}
	if (!request_make(c, NVML_OP_LOOK, &request, r))
		return;
	if (!ask(c, &request, LOOK_MS, &reply, r)) {
		/* That nobody answers is to be known of the GPU, too. */
		reply.report = (struct gpu_report){ .gpu = { .seen = GPU_UNSEEN, .minor = -1 } };
		(void)STR_FORMAT(g->why, "%.*s", (int)sizeof(g->why) - 1, r->detail);
		*r = (struct step_result){ .id = r->id, .data_len = sizeof(reply.report) };
	}
	g->mps = has_mps(c, g->uuid);
	memcpy(c->data, &reply.report, sizeof(reply.report));
	parts_read(c, &reply.report);
	int e = vgpu_read(c, &r->data_len);
	if (e < 0)
		verb_failed(r, -e, "nvidia", "what the VFs are cannot be read");
	else
		r->status = STEP_DONE;
}

/* What vGPUs there could be has changed with it. Where that cannot be told, all is asked again. */
static void vgpus_tell(const struct verb_context *c, struct step_result *r)
{
	bool done = r->status == STEP_DONE || r->status == STEP_NOTHING;
	if (done && r->data_len && vgpu_vfs_count(c) && vgpu_read(c, &r->data_len) < 0)
		r->data_len = 0;
}

static void mig_mode(const struct verb_context *c, const struct step *s, struct step_result *r)
{
	struct nvml_request request;
	if (!request_make(c, NVML_OP_MIG_MODE, &request, r))
		return;
	request.number = s->number != 0;
	change(c, &request, r);
}

static bool part_request(const struct verb_context *c, const struct step *s, enum nvml_op op,
			 struct nvml_request *ret, struct step_result *r)
{
	if (!request_make(c, op, ret, r))
		return false;
	if (s->target.part == 0) {
		verb_refused(r, "malformed", "it does not say where the instance begins");
		return false;
	}
	ret->number = s->number;
	ret->start = s->target.part - 1;
	ret->size = s->number2;
	ret->slices = s->number3;
	return true;
}

/* The UUID of what was made, from the record of it. */
static void uuid_copy(const struct verb_context *c, struct step_result *r)
{
	struct gpu_report report;
	memcpy(&report, c->data, sizeof(report));
	const uint8_t *at =
		c->data + sizeof(report) + report.n_profiles * sizeof(struct gpu_profile);
	for (uint32_t i = 0; i < report.n_parts; i++, at += sizeof(struct gpu_part)) {
		struct gpu_part part;
		memcpy(&part, at, sizeof(part));
		if (part.instance == r->number)
			(void)STR_FORMAT(r->text, "%.*s", (int)sizeof(r->text) - 1, part.uuid);
	}
}

static void mig_create(const struct verb_context *c, const struct step *s, struct step_result *r)
{
	struct nvml_request request;
	if (!part_request(c, s, NVML_OP_MIG_CREATE, &request, r))
		return;
	change(c, &request, r);
	if (r->status == STEP_DONE || r->status == STEP_NOTHING)
		uuid_copy(c, r);
	vgpus_tell(c, r);
}

static void mig_destroy(const struct verb_context *c, const struct step *s, struct step_result *r)
{
	struct nvml_request request;
	if (part_request(c, s, NVML_OP_MIG_DESTROY, &request, r))
		change(c, &request, r);
	vgpus_tell(c, r);
}

static void vgpu_mode(const struct verb_context *c, const struct step *s, enum nvml_op op,
		      struct step_result *r)
{
	struct nvml_request request;
	if (!request_make(c, op, &request, r))
		return;
	request.number = s->number;
	change(c, &request, r);
	if (r->data_len && vgpu_read(c, &r->data_len) < 0)
		r->data_len = 0; /* the look comes to the same */
}

static void vgpu_mixed(const struct verb_context *c, const struct step *s, struct step_result *r)
{
	vgpu_mode(c, s, NVML_OP_VGPU_MIXED, r);
}

static void vgpu_scheduler(const struct verb_context *c, const struct step *s,
			   struct step_result *r)
{
	vgpu_mode(c, s, NVML_OP_VGPU_SCHEDULER, r);
}

const struct verb_entry nvidia_verbs[] = {
	{ VERB_READ_GPU, VERB_CLASS_VENDOR, LANE_DEVICE, 0, LOOK_MS + 5000, read_gpu },
	{ VERB_MIG_MODE, VERB_CLASS_VENDOR, LANE_DEVICE,
	  GUARD_ENROLLED | GUARD_NEVER_TOUCH | GUARD_HOLDERS, CHANGE_MS, mig_mode },
	{ VERB_MIG_CREATE, VERB_CLASS_VENDOR, LANE_DEVICE, GUARD_ENROLLED, CHANGE_MS, mig_create },
	{ VERB_MIG_DESTROY, VERB_CLASS_VENDOR, LANE_DEVICE, GUARD_ENROLLED | GUARD_HOLDERS,
	  CHANGE_MS, mig_destroy },
	/* The program writes sriov_numvfs. */
	{ VERB_VGPU_VFS, VERB_CLASS_VENDOR, LANE_HOST,
	  GUARD_ENROLLED | GUARD_NEVER_TOUCH | GUARD_HOLDERS, CHANGE_MS, vgpu_vfs_set },
	{ VERB_VGPU_MIXED, VERB_CLASS_VENDOR, LANE_DEVICE, GUARD_ENROLLED | GUARD_HOLDERS,
	  CHANGE_MS, vgpu_mixed },
	{ VERB_VGPU_SCHEDULER, VERB_CLASS_VENDOR, LANE_DEVICE, GUARD_ENROLLED | GUARD_HOLDERS,
	  CHANGE_MS, vgpu_scheduler },
	{ VERB_VGPU_SET, VERB_CLASS_WRITE, LANE_DEVICE, GUARD_ENROLLED | GUARD_HOLDERS, 20000,
	  vgpu_type_set },
};
const size_t nvidia_verbs_n = sizeof(nvidia_verbs) / sizeof(*nvidia_verbs);
