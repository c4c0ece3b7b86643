/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The text of uevents as lib/kobject_uevent.c of Linux 6.12 makes them: "ACTION@DEVPATH", then the
 * variables, each ended with NUL. SEQNUM is put in by the real kernel, which sends them on (fs.h).
 */
#include <stdarg.h>
#include <stdio.h>

#include "base/cleanup.h"
#include "sim/fault.h"
#include "sim/trace.h"

/* Each part is ended with NUL; one that does not fit is left out. */
__attribute__((format(printf, 4, 5))) static size_t put(char *buf, size_t at, size_t size,
							const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	int n = vsnprintf(buf + at, size - at, fmt, ap);
	va_end(ap);
	return n < 0 || (size_t)n >= size - at ? at : at + (size_t)n + 1;
}

bool uevent_action_valid(const char *text)
{
	static const char *const actions[] = { "add",	 "remove",  "change", "move",
					       "online", "offline", "bind",   "unbind" };
	for (size_t i = 0; i < sizeof(actions) / sizeof(*actions); i++)
		if (str_eq(text, actions[i]))
			return true;
	return false;
}

void uevent(struct machine *m, const struct node *dir, const char *action, const char *subsystem,
	    const char *text)
{
	char path[TREE_PATH_SIZE], buf[2048];
	uint32_t delay = 0;
	if (node_path_of(dir, m->sys, path) < 0)
		return;
	size_t at = put(buf, 0, sizeof(buf), "%s@/%s", action, path);
	at = put(buf, at, sizeof(buf), "ACTION=%s", action);
	at = put(buf, at, sizeof(buf), "DEVPATH=/%s", path);
	at = put(buf, at, sizeof(buf), "SUBSYSTEM=%s", subsystem);
	for (const char *line = text; line && *line;) {
		size_t len = strcspn(line, "\n");
		if (len && at + len + 1 < sizeof(buf)) {
			memcpy(buf + at, line, len);
			buf[at + len] = '\0';
			at += len + 1;
		}
		line += len + (line[len] == '\n');
	}
	bool lost = fault_event(m, path, &delay);
	trace_add(m, lost ? TRACE_LOST : TRACE_EVENT, path, action, 0);
	if (!lost)
		tree_event(m->tree, buf, at, delay);
}
