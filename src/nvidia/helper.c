/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What carve-nvml does with one request. See proto.h. */
#include "nvidia/helper.h"

#include "base/str.h"

void helper_failed(struct helper *h, uint32_t code, const char *call, const char *detail)
{
	h->reply.outcome = NVML_FAILED;
	h->reply.code = code;
	(void)STR_FORMAT(h->reply.call, "%.*s", (int)sizeof(h->reply.call) - 1, call ? call : "");
	const char *text = detail ? detail : nvml_error((nvmlReturn_t)code);
	(void)STR_FORMAT(h->reply.detail, "%.*s", (int)sizeof(h->reply.detail) - 1, text);
}

/* Only the GPU that is meant is attached: asking about one of eight leaves the others asleep. */
static nvmlReturn_t init(struct nvml *n)
{
	if (n->nvmlInitWithFlags)
		return NVML(n, nvmlInitWithFlags, NVML_INIT_FLAG_NO_ATTACH);
	return NVML(n, nvmlInit_v2);
}

static void perform(struct helper *h)
{
	static void (*const ops[])(struct helper * h) = {
		[NVML_OP_MIG_MODE] = helper_mig_mode,
		[NVML_OP_MIG_CREATE] = helper_mig_create,
		[NVML_OP_MIG_DESTROY] = helper_mig_destroy,
		[NVML_OP_VGPU_MIXED] = helper_vgpu_mixed,
		[NVML_OP_VGPU_SCHEDULER] = helper_vgpu_scheduler,
	};
	nvmlReturn_t r =
		NVML(&h->nvml, nvmlDeviceGetHandleByPciBusId_v2, h->request->addr, &h->device);
	if (r != NVML_SUCCESS)
		helper_failed(h, r, h->nvml.call, NULL);
	else if (h->request->op == NVML_OP_LOOK)
		(void)helper_look(h);
	else
		ops[h->request->op](h);
}

/* What a look finds is an answer, too, when it is that nobody answers. */
static void unseen(struct helper *h)
{
	struct gpu *g = &h->reply.report.gpu;
	h->reply.report = (struct gpu_report){ .gpu = { .seen = GPU_UNSEEN, .minor = -1 } };
	(void)STR_FORMAT(g->why, "%.*s", (int)sizeof(g->why) - 1, h->reply.detail);
	if (h->request->op == NVML_OP_LOOK)
		h->reply.outcome = NVML_DONE;
}

void helper_run(struct helper *h, const struct nvml_request *request, const char *file)
{
	const char *why = NULL;
	*h = (struct helper){ .request = request,
			      .reply = { .magic = NVML_MAGIC, .version = NVML_VERSION } };
	if (!nvml_open(&h->nvml, file, &why)) {
		helper_failed(h, NVML_ERROR_LIBRARY_NOT_FOUND, "dlopen", why);
		unseen(h);
		return;
	}
	nvmlReturn_t r = init(&h->nvml);
	if (r == NVML_SUCCESS) {
		perform(h);
		(void)NVML(&h->nvml, nvmlShutdown);
	} else {
		helper_failed(h, r, h->nvml.call, NULL);
	}
	h->reply.calls = h->nvml.calls;
	if (h->reply.outcome == NVML_FAILED)
		unseen(h);
}
