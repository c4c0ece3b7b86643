/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which drivers could serve a function: the modules that claim its modalias, and among the VFIO drivers
 * the one made for it. The kernel marks ids of variant drivers with the prefix "vfio_pci:" in
 * modules.alias (PCI_DRIVER_OVERRIDE_DEVICE_VFIO, include/linux/pci.h).
 */
#pragma once
#include "base/err.h"
#include "model/pci.h"

struct drivers;

/* release NULL: the running kernel. The index is mapped by libkmod at the first look-up. */
int drivers_open(const char *release_dir, struct drivers **ret);
struct drivers *drivers_close(struct drivers *d);

/* Modules that claim modalias, at most n names; returns how many, or -errno. */
int drivers_candidates(struct drivers *d, const char *modalias, char ret[][NAME_SIZE], size_t n);

/* The VFIO variant driver for modalias, or "vfio-pci". Names as in /sys/bus/pci/drivers. */
int drivers_vfio(struct drivers *d, const char *modalias, char *ret, size_t size);

/* Pure parts. The lookup text of a variant: "pci:v..." -> "vfio_pci:v..."; -EINVAL. */
int drivers_vfio_alias(const char *modalias, char *ret, size_t size);
/* Of modules that claim such an alias, the driver made for the device; "vfio-pci" if none was. */
int drivers_vfio_pick(const char modules[][NAME_SIZE], int n, char *ret, size_t size);
/* A module's driver name: module names have underscores, some drivers dashes. */
int drivers_name_of_module(const char *module, char *ret, size_t size);
