/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See client.h. */
#include "api/client.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "api/varlink.h"
#include "base/cleanup.h"
#include "base/str.h"

struct api_client {
	int fd;
	struct varlink_input in;
};

static int connect_failed(struct err *reterr, int error, const char *path)
{
	err_set(reterr, "api.unreachable", error, "cannot reach carved at %s", path);
	err_because(reterr, "%s", strerror(error));
	err_state(reterr, "nothing was changed");
	if (error == EACCES)
		err_todo(reterr, "run this as root or as a member of group carve-admin");
	else
		err_todo(reterr, "start it: systemctl start carved");
	return -error;
}

int api_attach(int fd_take, struct api_client **ret, struct err *reterr)
{
	struct api_client *c = calloc(1, sizeof(*c));
	if (!c) {
		close(fd_take);
		return err_set(reterr, "base.memory", ENOMEM, "cannot talk to carved");
	}
	c->fd = fd_take;
	c->in.max = VARLINK_OUTPUT_MAX;
	*ret = c;
	return 0;
}

int api_connect(const char *path, struct api_client **ret, struct err *reterr)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	if (STR_COPY(addr.sun_path, path) < 0)
		return connect_failed(reterr, ENAMETOOLONG, path);
	_cleanup_close_ int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return connect_failed(reterr, errno, path);
	if (connect(fd, (const struct sockaddr *)&addr, sizeof(addr)) < 0)
		return connect_failed(reterr, errno, path);
	return api_attach(TAKE_FD(fd), ret, reterr);
}

struct api_client *api_close(struct api_client *c)
{
	if (!c)
		return NULL;
	close(c->fd);
	varlink_input_done(&c->in);
	free(c);
	return NULL;
}

int api_fd(const struct api_client *c)
{
	return c->fd;
}

static int gone(struct err *reterr, int error)
{
	err_set(reterr, "api.gone", error, "carved hung up before it answered");
	err_because(reterr, "%s", strerror(error));
	err_state(reterr, "what was asked for may still be done: see carve list, carve events");
	err_todo(reterr, "look at: journalctl -u carved");
	return -error;
}

static int broken(struct err *reterr, const char *why)
{
	err_set(reterr, "api.protocol", EPROTO,
		"carved answered something this program does not know");
	err_because(reterr, "%s", why);
	err_todo(reterr, "check that carve and carved are of the same version: carve --version");
	return -EPROTO;
}

static int send_all(struct api_client *c, const char *bytes, size_t n, struct err *reterr)
{
	while (n > 0) {
		ssize_t sent = send(c->fd, bytes, n, MSG_NOSIGNAL);
		if (sent < 0 && errno == EINTR)
			continue;
		if (sent < 0)
			return gone(reterr, errno);
		bytes += sent;
		n -= (size_t)sent;
	}
	return 0;
}

static int send_message(struct api_client *c, const json_t *message, struct err *reterr)
{
	struct varlink_output out = { .max = VARLINK_OUTPUT_MAX };
	int r = varlink_output_add(&out, message);
	if (r < 0)
		err_set(reterr, "api.protocol", -r, "cannot write the request to carved");
	else
		r = send_all(c, out.data, out.len, reterr);
	varlink_output_done(&out);
	return r;
}

static int receive_message(struct api_client *c, json_t **ret, struct err *reterr)
{
	for (;;) {
		int r = varlink_input_next(&c->in, ret);
		if (r > 0)
			return 0;
		if (r < 0)
			return broken(reterr, "its reply is no JSON object or too long");
		char bytes[16 * 1024];
		ssize_t n = recv(c->fd, bytes, sizeof(bytes), 0);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return gone(reterr, n < 0 ? errno : ECONNRESET);
		r = varlink_input_add(&c->in, bytes, (size_t)n);
		if (r < 0)
			return broken(reterr, "its reply is too long");
	}
}

static const char *param_string(const json_t *params, const char *name)
{
	const char *text = json_string_value(json_object_get(params, name));
	return text ? text : "?";
}

static int error_denied(const json_t *params, struct err *reterr)
{
	err_set(reterr, "api.denied", EACCES, "carved does not allow you that");
	err_because(reterr, "it needs %s", param_string(params, "need"));
	err_state(reterr, "nothing was changed");
	err_todo(reterr, "run it as root or with that group (log in again after being added)");
	return -EACCES;
}

static int error_limit(const json_t *params, struct err *reterr)
{
	err_set(reterr, "api.limit", EDQUOT, "carved has a limit for each user, and it is reached");
	err_because(reterr, "limit: %s (%lld)", param_string(params, "limit"),
		    (long long)json_integer_value(json_object_get(params, "value")));
	err_state(reterr, "nothing was changed");
	err_todo(reterr, "close other connections or release claims first");
	return -EDQUOT;
}

static int error_parameter(const json_t *params, struct err *reterr)
{
	err_set(reterr, "api.parameter", EINVAL, "carved refused the request");
	err_because(reterr, "parameter %s is unknown, missing, too long or of the wrong type",
		    param_string(params, "parameter"));
	err_state(reterr, "nothing was changed");
	return -EINVAL;
}

static int error_method(const json_t *params, struct err *reterr)
{
	err_set(reterr, "api.method", ENOSYS, "carved does not know this request");
	err_because(reterr, "method %s", param_string(params, "method"));
	err_todo(reterr, "check that carve and carved are of the same version: carve --version");
	return -ENOSYS;
}

static int error_failed(const json_t *params, struct err *reterr)
{
	_cleanup_err_ struct err e = { 0 };
	if (err_from_json(&e, json_object_get(params, "error")) < 0)
		return broken(reterr, "io.carve.Failed without its error");
	int error = e.error > 0 && e.error < 4096 ? e.error : EIO;
	err_move(reterr, &e);
	return -error;
}

static const struct {
	const char *name;
	int (*read)(const json_t *params, struct err *reterr);
} errors[] = {
	{ "io.carve.Failed", error_failed },
	{ "io.carve.PermissionDenied", error_denied },
	{ "io.carve.LimitReached", error_limit },
	{ "org.varlink.service.InvalidParameter", error_parameter },
	{ "org.varlink.service.MethodNotFound", error_method },
	{ "org.varlink.service.MethodNotImplemented", error_method },
	{ "org.varlink.service.InterfaceNotFound", error_method },
};

static int error_read(const char *name, const json_t *params, struct err *reterr)
{
	for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++)
		if (str_eq(errors[i].name, name))
			return errors[i].read(params, reterr);
	return broken(reterr, name);
}

int api_next(struct api_client *c, json_t **ret_reply, bool *ret_continues, struct err *reterr)
{
	json_t *message;
	int r = receive_message(c, &message, reterr);
	if (r < 0)
		return r;

	const char *error = json_string_value(json_object_get(message, "error"));
	json_t *params = json_object_get(message, "parameters");
	if (error) {
		r = error_read(error, params, reterr);
	} else {
		*ret_reply = json_is_object(params) ? json_incref(params) : json_object();
		if (ret_continues)
			*ret_continues = json_is_true(json_object_get(message, "continues"));
	}
	json_decref(message);
	return r;
}

static json_t *call_pack(const char *method, json_t *params_take, unsigned flags)
{
	json_t *message =
		json_pack("{s:s+}", "method", strchr(method, '.') ? "" : "io.carve.", method);
	if (params_take)
		json_object_set_new(message, "parameters", params_take);
	if (flags & API_MORE)
		json_object_set_new(message, "more", json_true());
	if (flags & API_ONEWAY)
		json_object_set_new(message, "oneway", json_true());
	return message;
}

int api_call(struct api_client *c, const char *method, json_t *params_take, unsigned flags,
	     json_t **ret_reply, bool *ret_continues, struct err *reterr)
{
	json_t *message = call_pack(method, params_take, flags);
	if (!message)
		return err_set(reterr, "base.memory", ENOMEM, "cannot talk to carved");
	_cleanup_err_ struct err hung_up = { 0 };
	int r = send_message(c, message, &hung_up);
	json_decref(message);
	/* A service that hung up may have said why; if not, reading finds it gone. */
	if (r < 0 && (r != -EPIPE || (flags & API_ONEWAY)))
		err_move(reterr, &hung_up);
	else if (!(flags & API_ONEWAY))
		r = 0;
	if (r < 0 || (flags & API_ONEWAY))
		return r;

	bool continues = false;
	json_t *reply = NULL;
	r = api_next(c, &reply, &continues, reterr);
	while (r >= 0 && continues && !ret_continues) {
		json_decref(reply);
		r = api_next(c, &reply, &continues, reterr);
	}
	if (r < 0)
		return r;
	*ret_reply = reply;
	if (ret_continues)
		*ret_continues = continues;
	return 0;
}
