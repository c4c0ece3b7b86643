/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Bytes of a peer, in portions that the bytes themselves choose; every call is checked and answered. */
#include <stdint.h>
#include <stdlib.h>

#include "api/idl.h"
#include "api/interface.h"
#include "api/varlink.h"
#include "api/wire.h"
#include "base/str.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void answer(struct varlink_conn *c, struct varlink_call *call, const struct idl *idl)
{
	const char *name = str_after(call->method, INTERFACE_CARVE ".");
	const struct idl_member *m = name ? idl_find(idl, IDL_METHOD, name) : NULL;
	const char *where = "";
	struct vf_settings settings;
	json_t *reply = NULL;
	if (m && !idl_check(idl, &m->in, call->params, &where))
		reply = interface_parameter_error(where);
	wire_settings_parse(json_object_get(call->params, "settings"), &settings, NULL);
	if (!m)
		interface_service_call(call->method, call->params, &reply);
	if (varlink_conn_reply(c, reply, false) == 0)
		varlink_output_sent(&c->out, varlink_output_pending(&c->out));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct idl *idl = idl_parse(interface_carve_text(), NULL);
	if (!idl)
		abort();
	struct varlink_conn c;
	varlink_conn_init(&c, 4096);
	int r = 0;
	while (size > 0 && r >= 0) {
		size_t n = data[0] % 97 + 1;
		if (n > size)
			n = size;
		if (n > varlink_input_room(&c.in))
			n = varlink_input_room(&c.in);
		if (n == 0 || varlink_input_add(&c.in, data, n) < 0)
			abort();
		data += n;
		size -= n;
		struct varlink_call call;
		while ((r = varlink_conn_next(&c, &call)) > 0) {
			answer(&c, &call, idl);
			varlink_call_done(&call);
		}
	}
	varlink_conn_done(&c);
	idl_free(idl);
	return 0;
}
