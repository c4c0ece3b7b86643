/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See num.h. */
#include "base/num.h"

#include <errno.h>
#include <string.h>

#include "base/str.h"

static int digit_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

int num_parse(const char *text, unsigned base, uint64_t max, uint64_t *ret_value)
{
	if (base == 0) {
		const char *hex = str_after(text, "0x");
		base = hex ? 16 : 10;
		text = hex ? hex : text;
	}
	if (!*text)
		return -EINVAL;

	uint64_t value = 0;
	for (; *text; text++) {
		int digit = digit_value(*text);
		if (digit < 0 || (unsigned)digit >= base)
			return -EINVAL;
		if (__builtin_mul_overflow(value, base, &value) ||
		    __builtin_add_overflow(value, (uint64_t)digit, &value) || value > max)
			return -ERANGE;
	}
	*ret_value = value;
	return 0;
}

int num_parse_u32(const char *text, unsigned base, uint32_t *ret_value)
{
	uint64_t value;
	int r = num_parse(text, base, UINT32_MAX, &value);
	if (r < 0)
		return r;
	*ret_value = (uint32_t)value;
	return 0;
}
