/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * carve-nvml: asks NVIDIA's library about one GPU, or has it changed, and ends. Run by carve-executor: a library
 * that hangs, crashes or keeps devices open does so here.
 */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "nvidia/helper.h"

static const char help[] =
	"usage: carve-nvml [--library=FILE] [--look=ADDRESS]\n"
	"Performs one request of carve-executor. Not meant to be started by hand.\n"
	"\n"
	"  --look=ADDRESS    instead, prints what the library says of that GPU, as JSON; changes nothing\n"
	"  --library=FILE    another library than libnvidia-ml.so.1, for tests\n"
	"  --help --version\n";

static bool read_all(void *to, size_t size)
{
	for (size_t at = 0; at < size;) {
		ssize_t n = read(STDIN_FILENO, (char *)to + at, size - at);
		if (n == 0 || (n < 0 && errno != EINTR))
			return false;
		at += n > 0 ? (size_t)n : 0;
	}
	return true;
}

static bool write_all(const void *from, size_t size)
{
	for (size_t at = 0; at < size;) {
		ssize_t n = write(STDOUT_FILENO, (const char *)from + at, size - at);
		if (n < 0 && errno != EINTR)
			return false;
		at += n > 0 ? (size_t)n : 0;
	}
	return true;
}

static bool is_valid(const struct nvml_request *r)
{
	return r->magic == NVML_MAGIC && r->version == NVML_VERSION && r->op < NVML_OP_COUNT &&
	       memchr(r->addr, '\0', sizeof(r->addr));
}

static bool answer(const struct helper *h)
{
	const struct gpu_report *r = &h->reply.report;
	return write_all(&h->reply, sizeof(h->reply)) &&
	       write_all(h->profiles, r->n_profiles * sizeof(*h->profiles)) &&
	       write_all(h->parts, r->n_parts * sizeof(*h->parts)) &&
	       write_all(h->types, r->n_types * sizeof(*h->types));
}

struct options {
	const char *library, *look;
};

/* -1: go on; else the exit status. */
static int options_read(int argc, char **argv, struct options *ret)
{
	static const struct option options[] = {
		{ "library", required_argument, NULL, 'l' },
		{ "look", required_argument, NULL, 'o' },
		{ "help", no_argument, NULL, 'h' },
		{ "version", no_argument, NULL, 'V' },
		{ NULL, 0, NULL, 0 },
	};
	for (int c; (c = getopt_long(argc, argv, "", options, NULL)) >= 0;) {
		if (c == 'h' || c == 'V') {
			fputs(c == 'h' ? help : "carve-nvml " CARVE_VERSION "\n", stdout);
			return 0;
		}
		if (c == '?') {
			fputs(help, stderr);
			return 2;
		}
		*(c == 'l' ? &ret->library : &ret->look) = optarg;
	}
	return -1;
}

static bool request_of(const char *address, struct nvml_request *ret)
{
	*ret = (struct nvml_request){ .magic = NVML_MAGIC,
				      .version = NVML_VERSION,
				      .op = NVML_OP_LOOK };
	return STR_COPY(ret->addr, address) == 0;
}

int main(int argc, char **argv)
{
	_cleanup_free_ struct helper *h = malloc(sizeof(*h));
	struct nvml_request request;
	struct options o = { NULL, NULL };
	int code = options_read(argc, argv, &o);
	if (code >= 0)
		return code;
	if (optind != argc ||
	    !(o.look ? request_of(o.look, &request) : read_all(&request, sizeof(request))) ||
	    !is_valid(&request)) {
		fputs("carve-nvml: that is no request of this version\n", stderr);
		return 2;
	}
	if (!h)
		return 1;
	helper_run(h, &request, o.library);
	if (!o.look)
		return answer(h) ? 0 : 1;
	helper_print(h, stdout);
	return h->reply.report.gpu.seen == GPU_SEEN ? 0 : 1;
}
