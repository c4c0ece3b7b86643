/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Spans of time as people write them: 30m, 12h, 2d. libsystemd keeps its parser to itself. */
#pragma once
#include <stddef.h>
#include <stdint.h>

#define DURATION_TEXT_SIZE 32

/* A whole decimal number without leading zeros and one of s, m, h, d, into seconds. -EINVAL: no such
 * text; -ERANGE: more than max. */
int duration_parse(const char *text, uint64_t max, uint64_t *ret_seconds);
/* The shortest such text that is exact. */
void duration_format(uint64_t seconds, char ret[DURATION_TEXT_SIZE]);
