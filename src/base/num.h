/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Numbers from text: the whole text or nothing; no sign, no white space, within the given limits. */
#pragma once
#include <stdint.h>

/* base 10 or 16 (no prefix), or 0 (decimal, or hexadecimal with 0x). -EINVAL, -ERANGE. */
int num_parse(const char *text, unsigned base, uint64_t max, uint64_t *ret_value);
int num_parse_u32(const char *text, unsigned base, uint32_t *ret_value);
