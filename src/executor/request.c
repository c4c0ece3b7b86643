/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See request.h. */
#include "executor/request.h"

#include <errno.h>

#include "base/str.h"
#include "host/resolve.h"

#define VF_MAX 65535 /* TotalVFs is 16 bits wide: PCI Express base specification, SR-IOV */

/* Ends within size, and is plain text. allow_slash: keys have them. */
static bool text_valid(const char *text, size_t size, bool allow_slash)
{
	size_t len = strnlen(text, size);
	if (len == size)
		return false;
	for (size_t i = 0; i < len; i++)
		if (text[i] < ' ' || text[i] > '~' || (text[i] == '/' && !allow_slash))
			return false;
	return !str_eq(text, ".") && !str_eq(text, "..");
}

static bool settings_valid(const struct vf_settings *v)
{
	const uint32_t all = VF_SET_MAC | VF_SET_VLAN | VF_SET_SPOOFCHK | VF_SET_TRUST |
			     VF_SET_LINK | VF_SET_RATE;
	return !(v->set & ~all) && v->spoofchk <= 1 && v->trust <= 1 && v->vlan <= 4094 &&
	       v->qos <= 7 && v->link <= VF_LINK_DISABLE;
}

static bool target_valid(const struct target *t)
{
	if (!text_valid(t->device, sizeof(t->device), true) ||
	    !text_valid(t->uuid, sizeof(t->uuid), false))
		return false;
	if (t->device[0] && !device_key_valid(t->device))
		return false;
	if (t->uuid[0] && !uuid_valid(t->uuid))
		return false;
	/* Slices of memory are bits of 64. */
	if (t->part > 64 || (t->part && (t->uuid[0] || t->vf >= 0)))
		return false;
	return t->vf >= -1 && t->vf <= VF_MAX;
}

static bool step_valid(const struct step *s)
{
	if (s->verb >= VERB_COUNT || s->deadline_ms > REQUEST_DEADLINE_MAX_MS)
		return false;
	if (s->check_only > 1 || s->flag > 1 || s->allow & ~(uint32_t)STEP_ALLOW_IN_USE_PF)
		return false;
	return target_valid(&s->target) && settings_valid(&s->vf) &&
	       text_valid(s->text, sizeof(s->text), false);
}

int request_check(const void *message, size_t len, struct exec_request *ret)
{
	struct exec_header h;
	if (len < sizeof(h))
		return -EMSGSIZE;
	memcpy(&h, message, sizeof(h));
	if (h.magic != EXEC_MAGIC || h.version != EXEC_VERSION)
		return -EPROTO;
	if (len != sizeof(*ret))
		return -EMSGSIZE;

	struct exec_request request;
	memcpy(&request, message, sizeof(request));
	if (h.kind != EXEC_HELLO && (h.kind != EXEC_STEP || !step_valid(&request.step)))
		return -EINVAL;
	*ret = request;
	return 0;
}
