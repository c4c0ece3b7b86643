/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What goes wrong on demand. A fault waits for the n-th access to a file and then does what no machine
 * does when one needs it: an errno, half a success, silence, the end of a program, of the power, of
 * the card.
 */
#include "sim/fault.h"

#include <errno.h>
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/num.h"

enum argument {
	ARGUMENT_NONE,
	ARGUMENT_ERRNO,
	ARGUMENT_MS,
	ARGUMENT_TEXT,
};

enum {
	OF_READS = 1,
	OF_WRITES = 2,
	OF_EVENTS = 4,
};

static const struct {
	const char *word;
	enum argument argument;
	enum fault_effect effect;
	unsigned of;
} effects[] = {
	{ "error", ARGUMENT_ERRNO, FAULT_FAIL, OF_READS | OF_WRITES },
	{ "error-after", ARGUMENT_ERRNO, FAULT_FAIL_AFTER, OF_WRITES },
	{ "hang", ARGUMENT_NONE, FAULT_HANG, OF_READS | OF_WRITES },
	{ "slow", ARGUMENT_MS, FAULT_SLOW, OF_READS | OF_WRITES },
	{ "kill", ARGUMENT_TEXT, FAULT_KILL, OF_WRITES },
	{ "kill-after", ARGUMENT_TEXT, FAULT_KILL_AFTER, OF_WRITES },
	{ "reboot", ARGUMENT_NONE, FAULT_REBOOT, OF_WRITES },
	{ "reboot-after", ARGUMENT_NONE, FAULT_REBOOT_AFTER, OF_WRITES },
	{ "gone", ARGUMENT_NONE, FAULT_GONE, OF_WRITES },
	{ "gone-after", ARGUMENT_NONE, FAULT_GONE_AFTER, OF_WRITES },
	{ "ignore", ARGUMENT_NONE, FAULT_IGNORE, OF_WRITES },
	{ "instead", ARGUMENT_TEXT, FAULT_INSTEAD, OF_WRITES },
	{ "stale", ARGUMENT_NONE, FAULT_STALE, OF_WRITES },
	{ "dead", ARGUMENT_NONE, FAULT_DEAD, OF_WRITES },
	{ "answer", ARGUMENT_TEXT, FAULT_ANSWER, OF_READS },
	{ "lost", ARGUMENT_NONE, FAULT_LOST, OF_EVENTS },
	{ "late", ARGUMENT_MS, FAULT_LATE, OF_EVENTS },
};

static int errno_by_name(const char *name)
{
	for (int e = 1; e < 134; e++) {
		const char *known = strerrorname_np(e);
		if (known && str_eq(known, name))
			return e;
	}
	return 0;
}

static int complain(struct err *reterr, const char *word)
{
	err_set(reterr, "sim.fault", EINVAL, "\"%s\" is no fault", word);
	err_because(reterr, "it is none of the words below, or does not go with the others");
	err_state(reterr, "no fault was set");
	err_todo(
		reterr,
		"PATH [read|write|event] [N | N+ | N+TIMES] EFFECT, EFFECT being one of: "
		"error=ERRNO error-after=ERRNO hang slow=MS kill=PROGRAM kill-after=PROGRAM "
		"reboot reboot-after gone gone-after ignore instead=TEXT stale dead answer=TEXT; of events: lost "
		"late=MS");
	return -EINVAL;
}

static int effect_parse(struct fault *f, const char *word)
{
	size_t len = strcspn(word, "=");
	const char *value = word[len] ? word + len + 1 : NULL;
	for (size_t i = 0; i < sizeof(effects) / sizeof(*effects); i++) {
		if (strlen(effects[i].word) != len || strncmp(effects[i].word, word, len) != 0)
			continue;
		f->effect = effects[i].effect;
		switch (effects[i].argument) {
		case ARGUMENT_NONE:
			return value ? -EINVAL : 0;
		case ARGUMENT_ERRNO:
			f->error = value ? errno_by_name(value) : 0;
			return f->error ? 0 : -EINVAL;
		case ARGUMENT_MS:
			return value ? num_parse_u32(value, 10, &f->ms) : -EINVAL;
		case ARGUMENT_TEXT:
			return value ? STR_COPY(f->text, value) : -EINVAL;
		}
	}
	return -EINVAL;
}

/* "3": the third; "3+": from the third on; "3+2": the third and fourth. */
static int count_parse(struct fault *f, const char *word)
{
	char first[24];
	size_t len = strcspn(word, "+");
	if (len >= sizeof(first))
		return -EINVAL;
	memcpy(first, word, len);
	first[len] = '\0';
	f->times = 1;
	if (num_parse(first, 10, UINT32_MAX, &f->nth) < 0 || f->nth == 0)
		return -EINVAL;
	if (!word[len])
		return 0;
	f->times = 0;
	return word[len + 1] ? num_parse(word + len + 1, 10, UINT32_MAX, &f->times) : 0;
}

static int word_parse(struct fault *f, const char *word, bool last)
{
	if (str_eq(word, "read") || str_eq(word, "write") || str_eq(word, "event")) {
		f->reads = word[0] == 'r';
		f->events = word[0] == 'e';
		return 0;
	}
	if (word[0] >= '0' && word[0] <= '9')
		return count_parse(f, word);
	return last ? effect_parse(f, word) : -EINVAL;
}

static bool fits(const struct fault *f)
{
	unsigned of = f->events ? OF_EVENTS : f->reads ? OF_READS : OF_WRITES;
	for (size_t i = 0; i < sizeof(effects) / sizeof(*effects); i++)
		if (effects[i].effect == f->effect)
			return effects[i].of & of;
	return false;
}

int fault_add(struct machine *m, const char *words[], size_t n, unsigned *ret_id,
	      struct err *reterr)
{
	struct fault *f = calloc(1, sizeof(*f));
	if (!f)
		return err_set(reterr, "base.memory", ENOMEM, "out of memory");
	f->nth = 1;
	f->times = 1;
	int r = n < 2 ? -EINVAL : STR_COPY(f->path, words[0]);
	const char *bad = n ? words[0] : "";
	for (size_t i = 1; r == 0 && i < n; i++) {
		bad = words[i];
		r = word_parse(f, words[i], i == n - 1);
	}
	if (r < 0 || !fits(f)) {
		free(f);
		return complain(reterr, bad);
	}
	f->id = m->next_fault++;
	f->next = m->faults;
	m->faults = f;
	*ret_id = f->id;
	return 0;
}

int fault_clear(struct machine *m, unsigned id)
{
	int cleared = 0;
	for (struct fault **at = &m->faults; *at;) {
		struct fault *f = *at;
		if (id && f->id != id) {
			at = &f->next;
			continue;
		}
		*at = f->next;
		free(f);
		cleared++;
	}
	machine_wake(m);
	return cleared;
}

static void fault_print(const struct fault *f, struct str_buf *out)
{
	const char *word = "";
	for (size_t i = 0; i < sizeof(effects) / sizeof(*effects); i++)
		if (effects[i].effect == f->effect)
			word = effects[i].word;
	const char *access = f->events ? "event" : f->reads ? "read" : "write";
	str_buf_addf(out, "%u %s %s %llu+", f->id, f->path, access, (unsigned long long)f->nth);
	if (f->times)
		str_buf_addf(out, "%llu", (unsigned long long)f->times);
	str_buf_addf(out, " %s", word);
	if (f->error)
		str_buf_addf(out, "=%s", strerrorname_np(f->error));
	else if (f->ms)
		str_buf_addf(out, "=%u", f->ms);
	else if (f->text[0])
		str_buf_addf(out, "=%s", f->text);
	str_buf_addf(out, ", met %llu times\n", (unsigned long long)f->met);
}

void fault_list(const struct machine *m, struct str_buf *out)
{
	for (const struct fault *f = m->faults; f; f = f->next)
		fault_print(f, out);
}

/* A pattern speaks of the whole path or of its last parts. */
static bool path_matches(const struct fault *f, const char *path)
{
	char tail[TREE_PATH_SIZE + 2];
	if (fnmatch(f->path, path, 0) == 0)
		return true;
	return STR_FORMAT(tail, "*/%s", f->path) == 0 && fnmatch(tail, path, 0) == 0;
}

static bool counted(struct fault *f)
{
	f->met++;
	return f->met >= f->nth && (!f->times || f->met < f->nth + f->times);
}

struct fault *fault_meet(struct machine *m, const char *path, bool read)
{
	struct fault *met = NULL;
	for (struct fault *f = m->faults; f; f = f->next)
		if (!f->events && f->reads == read && path_matches(f, path) && counted(f))
			met = f;
	return met;
}

bool fault_event(struct machine *m, const char *path, uint32_t *ret_delay)
{
	const struct fault *met = NULL;
	for (struct fault *f = m->faults; f; f = f->next)
		if (f->events && path_matches(f, path) && counted(f))
			met = f;
	if (met)
		*ret_delay = met->ms;
	return met && met->effect == FAULT_LOST;
}

static bool is_set(const struct machine *m, unsigned id)
{
	for (const struct fault *f = m->faults; f; f = f->next)
		if (f->id == id)
			return true;
	return false;
}

int fault_hang(struct machine *m, unsigned id)
{
	int r = 0;
	while (r == 0 && is_set(m, id))
		r = machine_wait(m);
	return r;
}
