/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See varlink.h. */
#include "api/varlink.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"

size_t varlink_input_room(const struct varlink_input *in)
{
	return in->max + 1 - in->len;
}

static int bytes_reserve(char **data, size_t *room, size_t need)
{
	if (need <= *room)
		return 0;
	size_t size = *room ? *room : 1024;
	while (size < need)
		size *= 2;
	char *grown = realloc(*data, size);
	if (!grown)
		return -ENOMEM;
	*data = grown;
	*room = size;
	return 0;
}

int varlink_input_add(struct varlink_input *in, const void *bytes, size_t n)
{
	if (n > varlink_input_room(in))
		return -ENOBUFS;
	int r = bytes_reserve(&in->data, &in->room, in->len + n);
	if (r < 0)
		return r;
	memcpy(in->data + in->len, bytes, n);
	in->len += n;
	return 0;
}

/* Length of the first message, or -1 while its end is not there. */
static ssize_t input_find_end(struct varlink_input *in)
{
	if (in->scanned >= in->len)
		return -1;
	const char *end = memchr(in->data + in->scanned, '\0', in->len - in->scanned);
	if (!end) {
		in->scanned = in->len;
		return -1;
	}
	return end - in->data;
}

static void input_drop(struct varlink_input *in, size_t n)
{
	in->len -= n;
	in->scanned = 0;
	if (in->len > 0) {
		memmove(in->data, in->data + n, in->len);
		return;
	}
	/* An idle connection holds nothing. */
	varlink_input_done(in);
}

int varlink_input_next(struct varlink_input *in, json_t **ret)
{
	ssize_t size = input_find_end(in);
	if (size < 0)
		return in->len > in->max ? -EMSGSIZE : 0;

	json_t *message = json_loadb(in->data, (size_t)size, JSON_REJECT_DUPLICATES, NULL);
	input_drop(in, (size_t)size + 1);
	if (!json_is_object(message)) {
		json_decref(message);
		return -EBADMSG;
	}
	*ret = message;
	return 1;
}

bool varlink_input_partial(const struct varlink_input *in)
{
	return in->len > 0 && !memchr(in->data, '\0', in->len);
}

void varlink_input_done(struct varlink_input *in)
{
	free(in->data);
	*in = (struct varlink_input){ .max = in->max };
}

struct output_write {
	struct varlink_output *out;
	int error;
};

static int output_write(const char *bytes, size_t n, void *userdata)
{
	struct output_write *w = userdata;
	struct varlink_output *out = w->out;
	if (n > out->max - varlink_output_pending(out)) {
		w->error = -ENOBUFS;
		return -1;
	}
	w->error = bytes_reserve(&out->data, &out->room, out->len + n);
	if (w->error < 0)
		return -1;
	memcpy(out->data + out->len, bytes, n);
	out->len += n;
	return 0;
}

int varlink_output_add(struct varlink_output *out, const json_t *message)
{
	if (!json_is_object(message))
		return -EINVAL;

	/* What was sent makes room for what comes. */
	if (out->start > 0) {
		out->len -= out->start;
		memmove(out->data, out->data + out->start, out->len);
		out->start = 0;
	}
	size_t before = out->len;
	struct output_write w = { .out = out };
	int r = json_dump_callback(message, output_write, &w, JSON_COMPACT);
	if (r == 0)
		r = output_write("", 1, &w);
	if (r == 0)
		return 0;
	out->len = before;
	return w.error < 0 ? w.error : -ENOMEM;
}

void varlink_output_sent(struct varlink_output *out, size_t n)
{
	out->start += n;
	if (out->start < out->len)
		return;
	varlink_output_done(out);
}

void varlink_output_done(struct varlink_output *out)
{
	free(out->data);
	*out = (struct varlink_output){ .max = out->max };
}

void varlink_call_done(struct varlink_call *c)
{
	free(c->method);
	json_decref(c->params);
	*c = (struct varlink_call){ 0 };
}

/* An absent flag is false; anything but a boolean is an error. */
static int flag_get(const json_t *message, const char *name, bool *ret)
{
	const json_t *value = json_object_get(message, name);
	if (value && !json_is_boolean(value))
		return -EBADMSG;
	*ret = json_is_true(value);
	return 0;
}

int varlink_call_parse(const json_t *message, struct varlink_call *ret)
{
	const char *method = json_string_value(json_object_get(message, "method"));
	json_t *params = json_object_get(message, "parameters");
	if (!method || (params && !json_is_object(params) && !json_is_null(params)))
		return -EBADMSG;

	struct varlink_call call = { 0 };
	if (flag_get(message, "more", &call.more) < 0 ||
	    flag_get(message, "oneway", &call.oneway) < 0)
		return -EBADMSG;
	call.method = strdup(method);
	call.params = json_is_object(params) ? json_incref(params) : json_object();
	if (!call.method || !call.params) {
		varlink_call_done(&call);
		return -ENOMEM;
	}
	*ret = call;
	return 0;
}

void varlink_conn_init(struct varlink_conn *c, size_t message_max)
{
	*c = (struct varlink_conn){ .in.max = message_max, .out.max = VARLINK_OUTPUT_MAX };
}

void varlink_conn_done(struct varlink_conn *c)
{
	varlink_input_done(&c->in);
	varlink_output_done(&c->out);
}

int varlink_conn_next(struct varlink_conn *c, struct varlink_call *ret)
{
	if (c->busy || varlink_output_pending(&c->out) >= VARLINK_OUTPUT_HIGH)
		return 0;

	json_t *message;
	int r = varlink_input_next(&c->in, &message);
	if (r <= 0)
		return r;
	r = varlink_call_parse(message, ret);
	json_decref(message);
	if (r < 0)
		return r;
	c->busy = true;
	c->oneway = ret->oneway;
	c->more = ret->more;
	return 1;
}

static int conn_send(struct varlink_conn *c, json_t *message_take, json_t *params_take)
{
	int r = message_take && params_take ? 0 : -ENOMEM;
	if (r == 0 && json_object_set(message_take, "parameters", params_take) < 0)
		r = -ENOMEM;
	if (r == 0 && !c->oneway)
		r = varlink_output_add(&c->out, message_take);
	json_decref(message_take);
	json_decref(params_take);
	return r;
}

int varlink_conn_reply(struct varlink_conn *c, json_t *params_take, bool continues)
{
	continues = continues && c->more;
	json_t *message = json_object();
	if (continues && json_object_set_new(message, "continues", json_true()) < 0) {
		json_decref(message);
		message = NULL;
	}
	if (!continues)
		c->busy = false;
	return conn_send(c, message, params_take ? params_take : json_object());
}

int varlink_conn_error(struct varlink_conn *c, const char *error, json_t *params_take)
{
	c->busy = false;
	return conn_send(c, json_pack("{s:s}", "error", error),
			 params_take ? params_take : json_object());
}
