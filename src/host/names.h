/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Names of vendors and devices from the pci.ids file, through libpci. */
#pragma once
#include "model/pci.h"

struct names;

/* Opens the list; nothing is read before the first look-up, no bus is scanned. NULL: no memory. */
struct names *names_open(void);
struct names *names_close(struct names *n);

/* "NVIDIA Corporation GH100 [H100 SXM5 80GB]"; "10de:2330" when the list does not know it. */
int names_function(struct names *n, const struct function *f, char *ret, size_t size);
/* Only the vendor, only the device; empty when not known. */
int names_vendor(struct names *n, uint16_t vendor, char *ret, size_t size);
int names_device(struct names *n, uint16_t vendor, uint16_t device, char *ret, size_t size);
