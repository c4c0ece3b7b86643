/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Port functions through generic netlink "devlink": what a PF in switchdev mode gives its VFs
 * (Documentation/networking/devlink/devlink-port.rst; include/uapi/linux/devlink.h). May block
 * behind the devlink lock of the device: for workers.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "base/mac.h"

struct devport {
	uint32_t index;
	int vf;
	/* What the function has to be set; neither: the driver has no port functions. */
	bool has_mac, has_state;
	uint8_t mac[MAC_SIZE];
	uint8_t state; /* 0 inactive, 1 active */
};

typedef void (*devport_fn)(const struct devport *port, void *userdata);
/* The ports of the VFs of the device ("pci", "0000:3b:00.0") on this host; none in legacy mode.
 * -EOPNOTSUPP: the kernel has no devlink; errno of the kernel, -ENODEV: not that device. */
int devport_each(const char *bus, const char *device, devport_fn fn, void *userdata);
/* The one of VF number vf. Errors of devport_each(); -ENOENT: no such port. */
int devport_find(const char *bus, const char *device, int vf, struct devport *ret);
/* Sets what has_mac and has_state say. Errno of the kernel. */
int devport_set(const char *bus, const char *device, const struct devport *p);
