/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The two clocks of the services, and the name of this boot. */
#pragma once
#include <stdint.h>

#define CLOCK_BOOT_ID_SIZE 37

/* Milliseconds that only go forward, for deadlines; stands still while the machine sleeps. */
int64_t clock_monotonic_ms(void);
/* Seconds since the epoch, for records that people read. */
int64_t clock_wall_seconds(void);
/* The kernel's random id of this boot. proc: descriptor of /proc. */
int clock_boot_id(int proc, char ret[CLOCK_BOOT_ID_SIZE]);
