/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See names.h. */
#include "host/names.h"

#include <errno.h>
#include <pci/pci.h>
#include <stdlib.h>

#include "base/log.h"
#include "base/str.h"

struct names {
	struct pci_access *access;
};

/* pci_init() would set these, but also probes for a way to the bus and exits without one. */
__attribute__((format(printf, 1, 2))) static void ignore(char *message, ...)
{
	(void)message;
}

__attribute__((format(printf, 1, 2), noreturn)) static void give_up(char *message, ...)
{
	log_error("libpci: %s", message); /* out of memory, its only use after pci_alloc() */
	abort();
}

struct names *names_open(void)
{
	struct names *n = calloc(1, sizeof(*n));
	if (!n)
		return NULL;
	n->access = pci_alloc();
	n->access->warning = ignore;
	n->access->debug = ignore;
	n->access->error = give_up;
	/* The list alone: neither numbers, nor the network, nor udev's hardware database (whose
	 * handle libpci 3.9 never gives back). */
	n->access->id_lookup_mode = PCI_LOOKUP_NO_NUMBERS | PCI_LOOKUP_NO_HWDB;
	return n;
}

struct names *names_close(struct names *n)
{
	if (!n)
		return NULL;
	pci_cleanup(n->access);
	free(n);
	return NULL;
}

static int lookup(struct names *n, int flags, int vendor, int device, char *ret, size_t size)
{
	char text[256];
	const char *found = pci_lookup_name(n->access, text, sizeof(text),
					    flags | PCI_LOOKUP_NO_NUMBERS | PCI_LOOKUP_NO_HWDB,
					    vendor, device);
	/* A name longer than text comes as "<pci_lookup_name: buffer too small>". */
	if (!found || found[0] == '<')
		found = "";
	return str_copy(ret, size, found);
}

int names_vendor(struct names *n, uint16_t vendor, char *ret, size_t size)
{
	return lookup(n, PCI_LOOKUP_VENDOR, vendor, 0, ret, size);
}

int names_device(struct names *n, uint16_t vendor, uint16_t device, char *ret, size_t size)
{
	return lookup(n, PCI_LOOKUP_DEVICE, vendor, device, ret, size);
}

int names_function(struct names *n, const struct function *f, char *ret, size_t size)
{
	char vendor[128], device[192];
	if (names_vendor(n, f->vendor, vendor, sizeof(vendor)) < 0 ||
	    names_device(n, f->vendor, f->device, device, sizeof(device)) < 0 || !vendor[0])
		return str_format(ret, size, "%04x:%04x", f->vendor, f->device);
	if (!device[0])
		return str_format(ret, size, "%s device %04x", vendor, f->device);
	return str_format(ret, size, "%s %s", vendor, device);
}
