/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Room for names, with the NUL at their end. What a key is: model/pci.h. */
#pragma once

#define DEVICE_KEY_SIZE 160
#define PCI_ADDR_SIZE 16 /* "0000:3b:00.0" */
#define SYS_PATH_SIZE 256
#define NAME_SIZE 64 /* drivers, types, network interfaces, classes, claims */
#define UUID_SIZE 37
#define GPU_UUID_SIZE 96 /* "GPU-" and a UUID, "MIG-GPU-", that and "/1/0" */
