/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See duration.h. */
#include "base/duration.h"

#include <errno.h>
#include <inttypes.h>

#include "base/num.h"
#include "base/str.h"

static const struct {
	char letter;
	uint32_t seconds;
} units[] = { { 'd', 24 * 3600 }, { 'h', 3600 }, { 'm', 60 }, { 's', 1 } };
#define N_UNITS (sizeof(units) / sizeof(units[0]))

int duration_parse(const char *text, uint64_t max, uint64_t *ret_seconds)
{
	char digits[DURATION_TEXT_SIZE] = "";
	size_t n = strspn(text, "0123456789");
	if (n == 0 || n >= sizeof(digits) || (text[0] == '0' && n > 1) || strlen(text) != n + 1)
		return -EINVAL;
	memcpy(digits, text, n);
	for (size_t i = 0; i < N_UNITS; i++) {
		uint64_t number;
		if (units[i].letter != text[n])
			continue;
		int r = num_parse(digits, 10, max / units[i].seconds, &number);
		if (r >= 0)
			*ret_seconds = number * units[i].seconds;
		return r;
	}
	return -EINVAL;
}

void duration_format(uint64_t seconds, char ret[DURATION_TEXT_SIZE])
{
	size_t i = 0;
	while (i < N_UNITS - 1 && (seconds == 0 || seconds % units[i].seconds))
		i++;
	(void)str_format(ret, DURATION_TEXT_SIZE, "%" PRIu64 "%c", seconds / units[i].seconds,
			 units[i].letter);
}
