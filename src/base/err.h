/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What people are told when something fails: what failed, on what, why, what state it left, what to
 * do. Each failure has a stable id ("sriov.numvfs.busy"). Functions return a negative errno and fill
 * a struct err; the first writer wins, upper layers add what only they know.
 */
#pragma once
#include <jansson.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>

struct err {
	char *id;      /* stable, dotted, lower case; NULL while nothing failed */
	int error;     /* positive errno */
	char *what;    /* "cannot create 4 VFs" */
	char *on;      /* "0000:3b:00.0 (policy inference.yaml:12)" */
	char *because; /* one or more lines */
	char *state;   /* "nothing was changed" */
	char *todo;    /* "stop that VM, or: carve release web01" */
	bool partial;  /* and yet what was asked for is done in part: a claim has ended */
};

void err_done(struct err *e);
#define _cleanup_err_ __attribute__((cleanup(err_done)))

static inline bool err_is_set(const struct err *e)
{
	return e && e->id;
}

/* Records a failure; nothing is written when one is recorded already or reterr is NULL.
 * id and error must be given; what is a printf format. Returns -error, for "return err_set(...)". */
int err_set(struct err *reterr, const char *id, int error, const char *what, ...)
	__attribute__((format(printf, 4, 5)));

/* Each adds one part if it is not there yet (err_because appends a line). NULL reterr is fine. */
void err_on(struct err *reterr, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void err_because(struct err *reterr, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void err_state(struct err *reterr, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void err_todo(struct err *reterr, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Adds a line to the state, whatever is there. */
void err_state_add(struct err *reterr, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Moves src into dst if dst is empty, else frees src. src is empty afterwards. */
void err_move(struct err *dst, struct err *src);

/* The one renderer: the text that the command prints, also the journal entry. What failed is joined
 * with on what by " on ", a path by ": "; where what already names it, it is not said twice. */
void err_print(FILE *f, const struct err *e);

/* New object {id, errno, what, on, because, state, do, partial}; NULL when out of memory. */
json_t *err_to_json(const struct err *e);
/* Fills an empty e from such an object; unknown members are ignored. -EINVAL, -ENOMEM. */
int err_from_json(struct err *e, const json_t *json);
