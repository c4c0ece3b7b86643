/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See clock.h. */
#include "sys/clock.h"

#include <errno.h>
#include <time.h>

#include "sys/sysfs.h"

int64_t clock_monotonic_ms(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

int64_t clock_wall_seconds(void)
{
	struct timespec t;
	clock_gettime(CLOCK_REALTIME, &t);
	return (int64_t)t.tv_sec;
}

int clock_boot_id(int proc, char ret[CLOCK_BOOT_ID_SIZE])
{
	char text[64];
	ssize_t n = sysfs_read(proc, "sys/kernel/random/boot_id", text, sizeof(text));
	if (n < 0)
		return (int)n;
	if (n != CLOCK_BOOT_ID_SIZE - 1)
		return -EINVAL;
	for (size_t i = 0; i < CLOCK_BOOT_ID_SIZE; i++)
		ret[i] = text[i];
	return 0;
}
