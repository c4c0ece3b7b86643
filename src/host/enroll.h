/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * /etc/carve/devices: the devices root has put under carve. One line each, fields separated by
 * blanks, '#' begins a comment:
 *
 *   pci:0000:00/03.0/00.0  8086:10c9  serial=525400ffffe00001  labels=rack-7,train
 *   sys:virtual/mtty/mtty  -          -
 *
 * key, ids (or "-"), serial number of the PCIe capability (or "-"), labels that policies may match. Nothing that is not named here is
 * ever written to. A device at that place with other ids or serial is a mismatch: refused.
 */
#pragma once
#include "base/err.h"
#include "model/pci.h"

#define ENROLL_LABELS_SIZE 128

struct enrolled {
	char key[DEVICE_KEY_SIZE];
	bool has_ids, has_serial;
	uint16_t vendor, device;
	uint64_t serial;
	char labels[ENROLL_LABELS_SIZE]; /* space separated */
	unsigned line;			 /* where it stands */
};
struct enrollment {
	struct enrolled *entries; /* by key */
	size_t n;
};
void enrollment_done(struct enrollment *e);
/* Parses text; each error names line and column. -EINVAL, -ENOMEM. */
int enrollment_parse(const char *text, const char *file, struct enrollment *ret,
		     struct err *reterr);
/* The text of a file that only root can write: *ret stays as it is when there is none. Negative errno: *ret_why
 * says why. For the executor, which trusts no other. */
int enroll_text_read(const char *file, char **ret, const char **ret_why);
/* Reads the file; absent is an empty list. */
int enrollment_read(const char *file, struct enrollment *ret, struct err *reterr);
const struct enrolled *enrollment_find(const struct enrollment *e, const char *key);
/* Does the function there match what was enrolled? f NULL: a parent that is no PCI function. */
bool enrolled_matches(const struct enrolled *e, const struct function *f);
/* Its line in the file. */
int enrolled_format(const struct enrolled *e, char *ret, size_t size);
