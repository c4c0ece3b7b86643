/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Log lines of the services: one line on stderr each, with the <N> priority prefix that the journal
 * reads when stderr is not a terminal. Each failure is logged once, where it is handled.
 */
#pragma once
#include <syslog.h>

#include "base/err.h"

void log_line(int priority, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
#define log_error(...) log_line(LOG_ERR, __VA_ARGS__)
#define log_warning(...) log_line(LOG_WARNING, __VA_ARGS__)
#define log_notice(...) log_line(LOG_NOTICE, __VA_ARGS__)
#define log_info(...) log_line(LOG_INFO, __VA_ARGS__)
void log_err(int priority, const struct err *e);
