/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What every cmocka test includes first: the headers that cmocka.h wants before itself. */
#pragma once
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
