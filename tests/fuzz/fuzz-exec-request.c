/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Messages to the executor: what passes the check must keep every promise that later code relies on. */
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "executor/request.h"
#include "host/resolve.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void promise(int kept)
{
	if (!kept)
		abort();
}

/* A component "..", not a name with dots in it. */
static bool climbs(const char *key)
{
	for (const char *p = key; (p = strstr(p, "..")); p++)
		if ((p == key || p[-1] == '/' || p == key + 4) && (p[2] == '/' || !p[2]))
			return true;
	return false;
}

static void promises_check(const struct step *s)
{
	promise(s->verb < VERB_COUNT && s->deadline_ms <= REQUEST_DEADLINE_MAX_MS);
	promise(memchr(s->text, '\0', sizeof(s->text)) && !strchr(s->text, '/'));
	promise(memchr(s->target.device, '\0', sizeof(s->target.device)) != NULL);
	promise(memchr(s->target.uuid, '\0', sizeof(s->target.uuid)) != NULL);
	promise(!s->target.device[0] || device_key_valid(s->target.device));
	promise(!climbs(s->target.device));
	promise(!s->target.uuid[0] || uuid_valid(s->target.uuid));
	promise(s->target.vf >= -1 && s->target.vf <= 65535);
	promise(s->vf.vlan <= 4094 && s->vf.qos <= 7);
}

/* Short inputs are laid over a valid message, so that they reach the fields behind the header. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct exec_request rq, whole;
	if (request_check(data, size, &rq) == 0 && rq.h.kind == EXEC_STEP)
		promises_check(&rq.step);

	memset(&whole, 0, sizeof(whole));
	whole.h = (struct exec_header){ EXEC_MAGIC, EXEC_VERSION, EXEC_STEP, 0 };
	whole.step.target.vf = -1;
	size_t room = sizeof(whole) - sizeof(whole.h);
	size_t at = size > 2 ? (size_t)(data[0] | data[1] << 8) % room : 0;
	size_t n = size > 2 ? size - 2 : 0;
	if (n > room - at)
		n = room - at;
	if (n > 0)
		memcpy((uint8_t *)&whole + sizeof(whole.h) + at, data + 2, n);
	if (request_check(&whole, sizeof(whole), &rq) == 0)
		promises_check(&rq.step);
	return 0;
}
