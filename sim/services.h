/* SPDX-License-Identifier: GPL-2.0-or-later */
/* carved and carve-executor on the simulated machine, as they are everywhere. */
#pragma once
#include "base/err.h"

#define SERVICES_STATE "/run/carve-sim/state"
#define SERVICES_LOG "/run/carve-sim/services.log"

/* Starts them and waits until they answer. -ETIMEDOUT, -ENOENT: not installed. */
int services_start(struct err *reterr);
