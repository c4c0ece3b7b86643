/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Talking to carved: the connection, calls that wait, progress on stderr, exit codes. */
#include <errno.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>

#include "api/client.h"
#include "base/cleanup.h"
#include "base/str.h"
#include "cli/cli.h"

static int connect_once(struct cli *c)
{
	if (c->client)
		return 0;
	const char *path = cli_option_value(c, "socket");
	if (!path)
		path = getenv("CARVE_SOCKET");
	return api_connect(path && *path ? path : API_SOCKET, &c->client, &c->err);
}

int cli_call(struct cli *c, const char *method, json_t *params_take, json_t **ret)
{
	int r = connect_once(c);
	if (r < 0) {
		json_decref(params_take);
		return r;
	}
	return api_call(c->client, method, params_take, 0, ret, NULL, &c->err);
}

bool cli_outcome_unknown(const struct cli *c)
{
	const char *id = c->err.id;
	return id && (str_eq(id, "api.gone") || str_eq(id, "api.protocol"));
}

static int64_t now_ms(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* Lets reads on the connection end at that time (ms), 0: never. -ETIMEDOUT when it is past. */
static int limit_reads(struct cli *c, int64_t end)
{
	int64_t left = end ? end - now_ms() : 0;
	if (end && left <= 0)
		return -ETIMEDOUT;
	struct timeval tv = { .tv_sec = left / 1000, .tv_usec = (left % 1000) * 1000 };
	return setsockopt(api_fd(c->client), SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv)) < 0 ? -errno
											   : 0;
}

static int timed_out(struct cli *c, const struct cli_deadline *deadline)
{
	err_done(&c->err);
	err_set(&c->err, "cli.timeout", ETIMEDOUT, "not done within %u s", deadline->seconds);
	err_because(&c->err, "carved was still at it");
	err_state(&c->err, "%s", deadline->state);
	err_todo(&c->err, "%s", deadline->todo);
	return -ETIMEDOUT;
}

typedef int (*reply_fn)(struct cli *c, const json_t *reply, void *userdata);

static int keep_last(struct cli *c, const json_t *reply, void *userdata)
{
	(void)c;
	json_t **last = userdata;
	json_decref(*last);
	*last = json_incref((json_t *)reply);
	return 0;
}

static int handle_reply(struct cli *c, const json_t *reply, bool continues, reply_fn fn,
			void *userdata)
{
	const char *progress = json_string_value(json_object_get(reply, "progress"));
	if (!progress || !continues)
		return fn(c, reply, userdata);
	cli_progress(c, progress);
	return 0;
}

static int each_reply(struct cli *c, const char *method, json_t *params_take, int64_t end,
		      reply_fn fn, void *userdata)
{
	json_t *reply = NULL;
	bool continues = false;
	int r = limit_reads(c, end);
	if (r < 0) {
		json_decref(params_take);
		return r;
	}
	r = api_call(c->client, method, params_take, API_MORE, &reply, &continues, &c->err);
	while (r >= 0) {
		r = handle_reply(c, reply, continues, fn, userdata);
		json_decref(reply);
		reply = NULL;
		if (r != 0 || !continues)
			break;
		r = limit_reads(c, end);
		if (r >= 0)
			r = api_next(c->client, &reply, &continues, &c->err);
	}
	cli_progress_end(c);
	return r;
}

int cli_call_wait(struct cli *c, const char *method, json_t *params_take,
		  const struct cli_deadline *deadline, json_t **ret)
{
	int r = connect_once(c);
	if (r < 0) {
		json_decref(params_take);
		return r;
	}
	json_t *last = NULL;
	r = each_reply(c, method, params_take,
		       deadline->seconds ? now_ms() + deadline->seconds * 1000LL : 0, keep_last,
		       &last);
	if (r >= 0 && !last)
		r = err_set(&c->err, "api.protocol", EPROTO, "carved gave no final answer");
	/* A read that runs into SO_RCVTIMEO ends with EAGAIN. What carved itself says is another thing: that a
	 * device did not move in time, too. */
	bool said = err_is_set(&c->err) && !str_eq(c->err.id, "api.gone");
	if (deadline->seconds && !said && (r == -ETIMEDOUT || r == -EAGAIN))
		r = timed_out(c, deadline);
	if (r < 0) {
		json_decref(last);
		return r;
	}
	*ret = last;
	return 0;
}

int cli_call_each(struct cli *c, const char *method, json_t *params_take, reply_fn fn,
		  void *userdata)
{
	int r = connect_once(c);
	if (r < 0) {
		json_decref(params_take);
		return r;
	}
	return each_reply(c, method, params_take, 0, fn, userdata);
}

int cli_exit_code(const struct err *e)
{
	static const struct {
		const char *id;
		int code;
	} ids[] = {
		{ "cli.timeout", EXIT_TIMEOUT },	 { "api.gone", EXIT_UNREACHABLE },
		{ "api.limit", EXIT_REFUSED },		 { "claim.quota", EXIT_REFUSED },
		{ "setting.not-allowed", EXIT_REFUSED },
	};
	if (e->partial)
		return EXIT_PARTIAL;
	for (size_t i = 0; i < sizeof(ids) / sizeof(ids[0]); i++)
		if (e->id && str_eq(e->id, ids[i].id))
			return ids[i].code;
	if (e->error == EPERM || e->error == EACCES || e->error == EBUSY)
		return EXIT_REFUSED;
	if (e->id && str_eq(e->id, "api.unreachable"))
		return EXIT_UNREACHABLE;
	return e->error == ETIMEDOUT ? EXIT_TIMEOUT : EXIT_FAILED;
}

int cli_print_json(const json_t *reply)
{
	json_t *all = json_pack("{s:i}", "version", CLI_JSON_VERSION);
	int r = all ? json_object_update_missing(all, (json_t *)reply) : -1;
	if (r >= 0)
		r = json_dumpf(all, stdout, JSON_INDENT(2));
	putchar('\n');
	json_decref(all);
	return r < 0 ? EXIT_FAILED : EXIT_OK;
}

void cli_say(const char *fmt, ...)
{
	fflush(stdout);
	va_list ap;
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
}

void cli_progress(struct cli *c, const char *text)
{
	_cleanup_free_ char *clean = strdup(text);
	if (!clean)
		return;
	str_clean(clean);
	if (!isatty(STDERR_FILENO)) {
		fprintf(stderr, "%s\n", clean);
		return;
	}
	fprintf(stderr, "\r\033[K%.78s", clean);
	fflush(stderr);
	c->progress_shown = true;
}

void cli_progress_end(struct cli *c)
{
	if (c->progress_shown)
		fputs("\r\033[K", stderr);
	c->progress_shown = false;
}
