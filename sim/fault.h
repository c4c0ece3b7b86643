/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What goes wrong on demand: which accesses a fault meets and what it does to them. The machine's lock is held. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "sim/machine.h"

enum fault_effect {
	FAULT_NONE,
	FAULT_FAIL,	  /* answers error, nothing done */
	FAULT_FAIL_AFTER, /* answers error, yet it was done */
	FAULT_HANG,	  /* does not return until the fault is cleared */
	FAULT_SLOW,	  /* takes ms longer */
	FAULT_KILL,	  /* a program is killed before it is done */
	FAULT_KILL_AFTER, /* and after it was done, before it returns */
	FAULT_REBOOT,	  /* the power goes before it is done */
	FAULT_REBOOT_AFTER,
	FAULT_GONE, /* the function is pulled before it is done */
	FAULT_GONE_AFTER,
	FAULT_IGNORE,  /* answers success, nothing is done */
	FAULT_INSTEAD, /* text is written instead; the answer is that of it */
	FAULT_STALE,   /* links that it should take away stay */
	FAULT_DEAD,    /* afterwards config space reads all ones */
	FAULT_ANSWER,  /* a read answers text */
	FAULT_LOST,    /* an event is not told */
	FAULT_LATE,    /* or ms later */
};

struct fault {
	struct fault *next;
	unsigned id;
	char path
		[TREE_PATH_SIZE]; /* pattern of fnmatch(3), below /sys; also the last parts of a path */
	bool reads;		  /* of reads, else of writes; "events" are another thing */
	bool events;
	uint64_t nth;	/* the first that is meant, from 1 */
	uint64_t times; /* how many; 0: all from then on */
	uint64_t met;	/* accesses that matched so far */
	enum fault_effect effect;
	int error;
	uint32_t ms;
	char text[NAME_SIZE]; /* program, or what is read */
};

/* Parses "PATH [read|write|event] [NTH[+TIMES|+]] EFFECT"; -EINVAL with what is wrong. */
int fault_add(struct machine *m, const char *words[], size_t n, unsigned *ret_id,
	      struct err *reterr);
/* 0: all of them. How many there were; who hangs in one goes on. */
int fault_clear(struct machine *m, unsigned id);
void fault_list(const struct machine *m, struct str_buf *out);
/* Waits until that fault is cleared. */
int fault_hang(struct machine *m, unsigned id);
/* The fault that an access meets, counted; NULL: none. */
struct fault *fault_meet(struct machine *m, const char *path, bool read);
/* Does an event get lost (true), or how late does it come? */
bool fault_event(struct machine *m, const char *path, uint32_t *ret_delay);
