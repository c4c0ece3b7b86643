/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See callgrind.h. */
#include "bench/callgrind.h"

#include <stdio.h>
#include <string.h>

#include "base/str.h"

bool callgrind_count(const char *self, const char *function, const char *arguments, double *ret)
{
	char command[4096], line[256];
	unsigned long long n = 0;
	bool found = false;
	if (STR_FORMAT(command,
		       "valgrind --tool=callgrind --callgrind-out-file=/dev/null "
		       "--toggle-collect=%s '%s' %s 2>&1",
		       function, self, arguments) < 0)
		return false;
	FILE *f = popen(command, "r");
	while (f && fgets(line, sizeof(line), f)) {
		const char *at = strstr(line, "Collected : ");
		if (at && sscanf(at, "Collected : %llu", &n) == 1)
			found = true;
	}
	if (f && pclose(f) != 0)
		return false;
	*ret = (double)n;
	return found;
}
